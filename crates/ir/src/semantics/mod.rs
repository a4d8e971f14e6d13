//! Reference semantics: what every op that computes scalars from scalars gives.
//!
//! This is the definition that backends are tested against, written for reading rather than speed:
//! integers of any width go through 128-bit arithmetic, floats through Rust's, which is IEEE 754.
//!
//! Terms
//! * *Slot bits*: a value as it stands in a 64-bit slot, zero-extended from its width, as in
//!   [`Scalar`](crate::Scalar). Arguments and results are slot bits.
//!
//! Invariant: results never have bits beyond the width of their type.

mod float;

pub use float::{quiet32, quiet64};

use crate::ops::{IntCc, Op};
use crate::trap::TrapCode;
use crate::types::{Type, sign_extend};

/// The results of an op, the second one zero where there is none, or the trap that it raises.
pub type Outcome = Result<[u64; 2], TrapCode>;

/// What `op` with the types `ty` and `ty2` and the small immediate `x` gives for these operands.
/// Operands that the op does not have are ignored.
///
/// `None` for an op whose outcome is not decided by that: constants (which are immediates), and all
/// that touches memory, globals, tables or control.
pub fn eval(op: Op, ty: Type, ty2: Type, x: u8, args: [u64; 3]) -> Option<Outcome> {
    let [a, b, c] = args;
    let one = |bits: u64| Some(Ok([bits & ty.mask(), 0]));
    let (sa, sb) = (sign_extend(ty, a), sign_extend(ty, b));
    // Shift counts are taken modulo the width, which is a power of two.
    let count = (b % u64::from(ty.bits())) as u32;
    match op {
        Op::Iadd => one(a.wrapping_add(b)),
        Op::Isub => one(a.wrapping_sub(b)),
        Op::Imul => one(a.wrapping_mul(b)),
        Op::Ineg => one(a.wrapping_neg()),
        Op::Iabs => one(sa.unsigned_abs()),
        Op::Smin => one(sa.min(sb) as u64),
        Op::Smax => one(sa.max(sb) as u64),
        Op::Umin => one(a.min(b)),
        Op::Umax => one(a.max(b)),
        Op::Smulhi => one(((i128::from(sa) * i128::from(sb)) >> ty.bits()) as u64),
        Op::Umulhi => one(((u128::from(a) * u128::from(b)) >> ty.bits()) as u64),
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => Some(divide(op, ty, a, b)),
        Op::SaddOverflow => Some(signed(ty, i128::from(sa) + i128::from(sb))),
        Op::SsubOverflow => Some(signed(ty, i128::from(sa) - i128::from(sb))),
        Op::SmulOverflow => Some(signed(ty, i128::from(sa) * i128::from(sb))),
        Op::UaddOverflow => Some(unsigned(ty, u128::from(a) + u128::from(b))),
        // A borrow wraps to something far beyond any width.
        Op::UsubOverflow => Some(unsigned(ty, u128::from(a).wrapping_sub(u128::from(b)))),
        Op::UmulOverflow => Some(unsigned(ty, u128::from(a) * u128::from(b))),
        Op::Band => one(a & b),
        Op::Bor => one(a | b),
        Op::Bxor => one(a ^ b),
        Op::Bnot => one(!a),
        Op::Ishl => one(a << count),
        Op::Ushr => one(a >> count),
        Op::Sshr => one((sa >> count) as u64),
        Op::Rotl => one(rotate_left(ty, a, count)),
        Op::Rotr => one(rotate_left(ty, a, (ty.bits() - count) % ty.bits())),
        Op::Clz => one(u64::from(a.leading_zeros() - (64 - ty.bits()))),
        Op::Ctz => one(u64::from(a.trailing_zeros().min(ty.bits()))),
        Op::Popcnt => one(u64::from(a.count_ones())),
        Op::Bitrev => one(a.reverse_bits() >> (64 - ty.bits())),
        Op::Bswap => one(a.swap_bytes() >> (64 - ty.bits())),
        Op::Icmp => {
            let cc = *IntCc::ALL.get(usize::from(x))?;
            Some(Ok([u64::from(compare(cc, ty, a, b)), 0]))
        }
        Op::Select => one(if a != 0 { b } else { c }),
        Op::Sextend => one(sign_extend(ty2, a) as u64),
        Op::Uextend | Op::Ireduce | Op::Bitcast => one(a),
        Op::Fcmp
        | Op::Fpromote
        | Op::Fdemote
        | Op::FcvtFromSint
        | Op::FcvtFromUint
        | Op::FcvtToSint
        | Op::FcvtToUint
        | Op::FcvtToSintSat
        | Op::FcvtToUintSat
        | Op::Fadd
        | Op::Fsub
        | Op::Fmul
        | Op::Fdiv
        | Op::Fmin
        | Op::Fmax
        | Op::Copysign
        | Op::Fneg
        | Op::Fabs
        | Op::Sqrt
        | Op::Ceil
        | Op::Floor
        | Op::Trunc
        | Op::Nearest
        | Op::Fma => float::eval(op, ty, ty2, x, args),
        Op::Trapz => Some(trap_if(a == 0, x)),
        Op::Trapnz => Some(trap_if(a != 0, x)),
        Op::Trap => Some(trap_if(true, x)),
        Op::Iconst
        | Op::Fconst
        | Op::Load
        | Op::Sload
        | Op::Uload
        | Op::Store
        | Op::Istore
        | Op::MemorySize
        | Op::MemoryGrow
        | Op::MemoryFill
        | Op::MemoryCopy
        | Op::MemoryInit
        | Op::DataDrop
        | Op::StackLoad
        | Op::StackStore
        | Op::StackAddr
        | Op::RawLoad
        | Op::RawStore
        | Op::GlobalGet
        | Op::GlobalSet
        | Op::TableGet
        | Op::TableSet
        | Op::TableSize
        | Op::TableGrow
        | Op::TableFill
        | Op::TableCopy
        | Op::TableInit
        | Op::ElemDrop
        | Op::RefFunc
        | Op::Call
        | Op::CallIndirect
        | Op::CallRaw
        | Op::ReturnCall
        | Op::ReturnCallIndirect
        | Op::Jump
        | Op::Brif
        | Op::BrTable
        | Op::Return => None,
    }
}

fn trap_if(condition: bool, code: u8) -> Outcome {
    match condition {
        true => Err(TrapCode::from_byte(code).unwrap_or(TrapCode::Unreachable)),
        false => Ok([0, 0]),
    }
}

/// Quotient or remainder.
fn divide(op: Op, ty: Type, a: u64, b: u64) -> Outcome {
    if b == 0 {
        return Err(TrapCode::IntegerDivisionByZero);
    }
    let (sa, sb) = (
        i128::from(sign_extend(ty, a)),
        i128::from(sign_extend(ty, b)),
    );
    let bits = match op {
        Op::Udiv => a / b,
        Op::Urem => a % b,
        Op::Srem => (sa % sb) as u64,
        _ => {
            let quotient = sa / sb;
            if quotient >> (ty.bits() - 1) > 0 {
                return Err(TrapCode::IntegerOverflow);
            }
            quotient as u64
        }
    };
    Ok([bits & ty.mask(), 0])
}

/// A signed result, wrapped, and whether it did not fit.
fn signed(ty: Type, exact: i128) -> Outcome {
    let bits = exact as u64 & ty.mask();
    let fits = i128::from(sign_extend(ty, bits)) == exact;
    Ok([bits, u64::from(!fits)])
}

/// An unsigned result, wrapped, and whether it did not fit.
fn unsigned(ty: Type, exact: u128) -> Outcome {
    let bits = exact as u64 & ty.mask();
    Ok([bits, u64::from(u128::from(bits) != exact)])
}

fn rotate_left(ty: Type, a: u64, count: u32) -> u64 {
    // Two copies side by side: the upper one of the shifted pair is the rotation.
    let pair = u128::from(a) << ty.bits() | u128::from(a);
    ((pair << count) >> ty.bits()) as u64
}

/// Whether an integer condition holds for slot bits of type `ty`.
pub fn compare(cc: IntCc, ty: Type, a: u64, b: u64) -> bool {
    let (sa, sb) = (sign_extend(ty, a), sign_extend(ty, b));
    match cc {
        IntCc::Eq => a == b,
        IntCc::Ne => a != b,
        IntCc::Slt => sa < sb,
        IntCc::Sle => sa <= sb,
        IntCc::Sgt => sa > sb,
        IntCc::Sge => sa >= sb,
        IntCc::Ult => a < b,
        IntCc::Ule => a <= b,
        IntCc::Ugt => a > b,
        IntCc::Uge => a >= b,
    }
}

/// The address of an access of `bytes` bytes at `index + offset` in a memory (or table, counting
/// entries) of `size`, if it is wholly inside. Nothing wraps.
pub fn access(index: u64, offset: u32, bytes: u32, size: u64) -> Option<u64> {
    let address = index.checked_add(u64::from(offset))?;
    range_inside(address, u64::from(bytes), size).then_some(address)
}

/// Whether `len` bytes or entries from `start` on are wholly inside `size`. An empty range may begin at
/// the very end, and no further.
pub fn range_inside(start: u64, len: u64, size: u64) -> bool {
    start.checked_add(len).is_some_and(|end| end <= size)
}

#[cfg(test)]
mod tests;

//! The part of the reference semantics that has to do with floating point.
//!
//! Rust's operations on `f32` and `f64` are those of IEEE 754, rounding to nearest; where they are not
//! what the op table says (minimum, maximum, conversions to integers), the difference is spelled out.

use super::Outcome;
use crate::ops::{FloatCc, Op};
use crate::trap::TrapCode;
use crate::types::{Type, sign_extend};

/// As [`super::eval`], for ops with floating-point operands or results.
pub(super) fn eval(op: Op, ty: Type, ty2: Type, x: u8, args: [u64; 3]) -> Option<Outcome> {
    let [a, b, _] = args;
    let sign = 1u64 << (ty.bits() - 1);
    let bits = match op {
        Op::Fcmp => {
            let cc = *FloatCc::ALL.get(usize::from(x))?;
            // Widening is exact, and a comparison of widened values the same one.
            u64::from(compare(cc, widen(ty, a), widen(ty, b)))
        }
        // Only the sign bit changes, which arithmetic on a NaN would not promise.
        Op::Copysign => a & !sign | b & sign,
        Op::Fneg => a ^ sign,
        Op::Fabs => a & !sign,
        Op::Fpromote => quiet64(widen(Type::F32, a)).to_bits(),
        Op::Fdemote => u64::from(quiet32(f64::from_bits(a) as f32).to_bits()),
        Op::FcvtFromSint => from_int(ty, sign_extend(ty2, a) as f32, sign_extend(ty2, a) as f64),
        Op::FcvtFromUint => from_int(ty, a as f32, a as f64),
        Op::FcvtToSint => return Some(to_int(ty, true, widen(ty2, a))),
        Op::FcvtToUint => return Some(to_int(ty, false, widen(ty2, a))),
        Op::FcvtToSintSat => saturate(ty, true, widen(ty2, a)),
        Op::FcvtToUintSat => saturate(ty, false, widen(ty2, a)),
        _ => match ty {
            Type::F32 => {
                let args = args.map(|bits| f32::from_bits(bits as u32));
                u64::from(quiet32(arithmetic32(op, args)?).to_bits())
            }
            _ => quiet64(arithmetic64(op, args.map(f64::from_bits))?).to_bits(),
        },
    };
    Some(Ok([bits, 0]))
}

/// The value, and a quiet NaN for a signalling one.
///
/// Rust does not say which NaN an operation gives, and `floor` and its like, where they are calls,
/// return a signalling NaN as it is.
#[inline]
pub fn quiet32(value: f32) -> f32 {
    match value.is_nan() {
        true => f32::from_bits(value.to_bits() | 1 << (f32::MANTISSA_DIGITS - 2)),
        false => value,
    }
}

/// As [`quiet32`].
#[inline]
pub fn quiet64(value: f64) -> f64 {
    match value.is_nan() {
        true => f64::from_bits(value.to_bits() | 1 << (f64::MANTISSA_DIGITS - 2)),
        false => value,
    }
}

fn widen(ty: Type, bits: u64) -> f64 {
    match ty {
        Type::F32 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// Whether a floating-point condition holds.
fn compare(cc: FloatCc, a: f64, b: f64) -> bool {
    let unordered = a.is_nan() || b.is_nan();
    match cc {
        FloatCc::Eq => a == b,
        FloatCc::Ne => a != b,
        FloatCc::Lt => a < b,
        FloatCc::Le => a <= b,
        FloatCc::Gt => a > b,
        FloatCc::Ge => a >= b,
        FloatCc::Ord => !unordered,
        FloatCc::Uno => unordered,
        FloatCc::Ueq => unordered || a == b,
        FloatCc::One => !unordered && a != b,
        FloatCc::Ult => unordered || a < b,
        FloatCc::Ule => unordered || a <= b,
        FloatCc::Ugt => unordered || a > b,
        FloatCc::Uge => unordered || a >= b,
    }
}

/// Each width has its own conversion: by way of the other one it would round twice.
fn from_int(ty: Type, narrow: f32, wide: f64) -> u64 {
    match ty {
        Type::F32 => u64::from(narrow.to_bits()),
        _ => wide.to_bits(),
    }
}

/// The least value of an integer type and one more than the greatest, both exact as floats.
fn bounds(ty: Type, signed: bool) -> (f64, f64) {
    let bits = ty.bits() as i32;
    match signed {
        true => (-(2f64.powi(bits - 1)), 2f64.powi(bits - 1)),
        false => (0.0, 2f64.powi(bits)),
    }
}

fn to_int(ty: Type, signed: bool, value: f64) -> Outcome {
    if value.is_nan() {
        return Err(TrapCode::BadConversionToInteger);
    }
    let (least, beyond) = bounds(ty, signed);
    let rounded = value.trunc();
    if rounded < least || rounded >= beyond {
        return Err(TrapCode::IntegerOverflow);
    }
    Ok([saturate(ty, signed, value), 0])
}

/// Rust's `as` saturates and takes NaN to 0, for the widths that it knows.
fn saturate(ty: Type, signed: bool, value: f64) -> u64 {
    match (ty, signed) {
        (Type::I64, true) => value as i64 as u64,
        (Type::I64, false) => value as u64,
        (_, true) => u64::from(value as i32 as u32),
        (_, false) => u64::from(value as u32),
    }
}

macro_rules! arithmetic {
    ($name:ident $float:ident) => {
        fn $name(op: Op, [a, b, c]: [$float; 3]) -> Option<$float> {
            Some(match op {
                Op::Fadd => a + b,
                Op::Fsub => a - b,
                Op::Fmul => a * b,
                Op::Fdiv => a / b,
                // Rust's own minimum leaves NaNs and the order of zeros to the platform.
                Op::Fmin | Op::Fmax if a.is_nan() || b.is_nan() => $float::NAN,
                Op::Fmin if a == b => {
                    if a.is_sign_negative() {
                        a
                    } else {
                        b
                    }
                }
                Op::Fmax if a == b => {
                    if a.is_sign_negative() {
                        b
                    } else {
                        a
                    }
                }
                Op::Fmin => {
                    if a < b {
                        a
                    } else {
                        b
                    }
                }
                Op::Fmax => {
                    if a > b {
                        a
                    } else {
                        b
                    }
                }
                Op::Sqrt => a.sqrt(),
                Op::Ceil => a.ceil(),
                Op::Floor => a.floor(),
                Op::Trunc => a.trunc(),
                Op::Nearest => a.round_ties_even(),
                Op::Fma => a.mul_add(b, c),
                _ => return None,
            })
        }
    };
}

arithmetic!(arithmetic32 f32);
arithmetic!(arithmetic64 f64);

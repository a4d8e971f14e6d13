//! Encoding: one method an instruction, or a family of them that differ in the operation alone.
//!
//! Registers are chosen while compiling, so every one is a dynamic register of dynasm-rs; what is named
//! here is the width and the shape of an operand. Sources: Intel SDM volume 2, AMD APM volume 3.

use bakeoff_ir::Value;

use crate::buffer::Buffer;
use crate::location::Reg;

/// The width of an integer operation. Operations of 32 bits clear the upper half of their result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Width {
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
}

/// An operand in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mem {
    /// A register and a displacement.
    Base(Reg, i32),
    /// Base, index, scale (1, 2, 4 or 8), displacement.
    Index(Reg, Reg, u8, i32),
    /// A constant among those at the end of the module, by its number.
    Constant(u32),
}

impl Mem {
    /// Whether it is a constant: the distance to it is taken for the last word of the instruction.
    fn is_constant(self) -> bool {
        matches!(self, Mem::Constant(_))
    }
}

/// Arithmetic that has all forms of operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alu {
    Add,
    Or,
    And,
    Sub,
    Xor,
    Cmp,
}

/// Shifts and rotations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shift {
    Shl,
    Shr,
    Sar,
    Rol,
    Ror,
}

/// Operations on one register, in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unary {
    Neg,
    Not,
    Bswap,
    /// rdx:rax = rax * register, unsigned.
    Mul,
    /// rdx:rax = rax * register, signed.
    Imul,
    /// rax, rdx = rdx:rax / register, unsigned.
    Div,
    /// The same, signed.
    Idiv,
}

/// Counting bits, from one register to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Count {
    Bsf,
    Bsr,
    Popcnt,
    Lzcnt,
    Tzcnt,
}

/// Arithmetic of BMI1 and BMI2 with three registers: destination, source, and count or mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bmi {
    Shlx,
    Shrx,
    Sarx,
    /// Not the first, and the second.
    Andn,
}

/// Arithmetic on floats, in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sse {
    Add,
    Sub,
    Mul,
    Div,
    Sqrt,
    /// Compares; sets flags.
    Ucomis,
    /// To the other width.
    Cvt,
    Min,
    Max,
}

/// Bitwise operations on whole float registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SseBits {
    And,
    Andn,
    Or,
    Xor,
}

/// How rounding to an integral value goes (SDM, `ROUNDSD`), precision exceptions suppressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Rounding {
    Nearest = 8,
    Floor = 9,
    Ceil = 10,
    Trunc = 11,
}

/// A narrow access to memory, and how it fills a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Narrow {
    /// 8 bits, zero-extended.
    U8,
    /// 16 bits, zero-extended.
    U16,
    /// 8 bits, sign-extended to 32 or 64.
    S8,
    /// 16 bits, sign-extended.
    S16,
    /// 32 bits, sign-extended to 64.
    S32,
}

/// The conditions of the processor, by their encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Cc {
    O = 0,
    No = 1,
    B = 2,
    Ae = 3,
    E = 4,
    Ne = 5,
    Be = 6,
    A = 7,
    S = 8,
    Ns = 9,
    P = 10,
    Np = 11,
    L = 12,
    Ge = 13,
    Le = 14,
    G = 15,
}

impl Cc {
    const ALL: [Cc; 16] = [
        Cc::O,
        Cc::No,
        Cc::B,
        Cc::Ae,
        Cc::E,
        Cc::Ne,
        Cc::Be,
        Cc::A,
        Cc::S,
        Cc::Ns,
        Cc::P,
        Cc::Np,
        Cc::L,
        Cc::Ge,
        Cc::Le,
        Cc::G,
    ];

    /// The condition that holds exactly when this one does not.
    pub(crate) const fn inverse(self) -> Cc {
        Cc::ALL[(self as usize) ^ 1]
    }
}

/// The stack pointer.
pub(crate) const RSP: Reg = Reg::int(4);

/// Writes machine code for x86-64.
#[derive(Default)]
pub(crate) struct X64 {
    pub(crate) buffer: Buffer<X64>,
    /// Where the size of the frame is to be filled in.
    pub(super) frame_sizes: Vec<FrameSize>,
    /// Whether flags are needed further on, so that nothing may change them.
    pub(super) keep_flags: bool,
    /// The value whose being zero the zero flag tells, and the code position up to which that is known.
    pub(super) zero_flag: Option<(Value, usize)>,
    /// Whether the function moves the stack pointer.
    pub(super) has_frame: bool,
}

/// An instruction in which the size of the frame is missing.
#[derive(Clone, Copy)]
pub(super) struct FrameSize {
    /// The end of the instruction, or of its last word of 32 bits.
    pub(super) at: usize,
    pub(super) kind: FrameUse,
}

/// What the size of a frame is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameUse {
    /// It is added to the stack pointer, or taken off.
    Adjust,
    /// The negated size is a limit or a displacement.
    Negated,
}

/// Emits instructions of 64-bit mode.
macro_rules! x64 {
    ($asm:expr; $($code:tt)*) => {{
        let code: &mut VecAssembler<X64Relocation> = $asm.buffer.code();
        dynasm!(code; .arch x64; $($code)*);
    }};
}

/// Emits an instruction with an operand in memory, which stands between what is in the brackets.
macro_rules! with_mem {
    ($asm:expr, $mem:expr, [$($before:tt)*] [$($after:tt)*]) => {
        match $mem {
            Mem::Base(base, disp) => {
                let base = base.number();
                match i8::try_from(disp) {
                    Ok(short) => x64!($asm; $($before)* [BYTE Rq(base) + short] $($after)*),
                    Err(_) => x64!($asm; $($before)* [DWORD Rq(base) + disp] $($after)*),
                }
            }
            Mem::Index(base, index, scale, disp) => {
                let (base, index) = (base.number(), index.number());
                match (scale, i8::try_from(disp)) {
                    (1, Ok(short)) => x64!($asm; $($before)* [BYTE Rq(base) + Rq(index) + short] $($after)*),
                    (1, Err(_)) => x64!($asm; $($before)* [DWORD Rq(base) + Rq(index) + disp] $($after)*),
                    (2, Ok(short)) => x64!($asm; $($before)* [BYTE Rq(base) + Rq(index) * 2 + short] $($after)*),
                    (2, Err(_)) => x64!($asm; $($before)* [DWORD Rq(base) + Rq(index) * 2 + disp] $($after)*),
                    (4, Ok(short)) => x64!($asm; $($before)* [BYTE Rq(base) + Rq(index) * 4 + short] $($after)*),
                    (4, Err(_)) => x64!($asm; $($before)* [DWORD Rq(base) + Rq(index) * 4 + disp] $($after)*),
                    (_, Ok(short)) => x64!($asm; $($before)* [BYTE Rq(base) + Rq(index) * 8 + short] $($after)*),
                    (_, Err(_)) => x64!($asm; $($before)* [DWORD Rq(base) + Rq(index) * 8 + disp] $($after)*),
                }
            }
            Mem::Constant(number) => {
                x64!($asm; $($before)* [rip + 0] $($after)*);
                $asm.buffer.refer_to_constant(number);
            }
        }
    };
}

/// Chooses the instruction of an operation, and the registers of a width.
macro_rules! choose {
    ($op:expr, $width:expr, [$($variant:path => $name:ident),* $(,)?], $emit:ident) => {
        match ($op, $width) {
            $(
                ($variant, Width::W32) => $emit!($name, Rd),
                ($variant, Width::W64) => $emit!($name, Rq),
            )*
        }
    };
}

/// The same for operations on floats, which have a name for each width.
macro_rules! choose_float {
    ($op:expr, $width:expr, [$($variant:path => $single:ident $double:ident),* $(,)?], $emit:ident) => {
        match ($op, $width) {
            $(
                ($variant, Width::W32) => $emit!($single),
                ($variant, Width::W64) => $emit!($double),
            )*
        }
    };
}

macro_rules! alu {
    ($op:expr, $width:expr, $emit:ident) => {
        choose!($op, $width, [
            Alu::Add => add, Alu::Or => or, Alu::And => and,
            Alu::Sub => sub, Alu::Xor => xor, Alu::Cmp => cmp,
        ], $emit)
    };
}

macro_rules! shift {
    ($op:expr, $width:expr, $emit:ident) => {
        choose!($op, $width, [
            Shift::Shl => shl, Shift::Shr => shr, Shift::Sar => sar,
            Shift::Rol => rol, Shift::Ror => ror,
        ], $emit)
    };
}

macro_rules! by_condition {
    ($cc:expr, $emit:ident, [$($variant:ident $name:ident),* $(,)?]) => {
        match $cc {
            $(Cc::$variant => $emit!($name),)*
        }
    };
}

macro_rules! sse {
    ($op:expr, $width:expr, $emit:ident) => {
        choose_float!($op, $width, [
            Sse::Add => addss addsd, Sse::Sub => subss subsd, Sse::Mul => mulss mulsd,
            Sse::Div => divss divsd, Sse::Sqrt => sqrtss sqrtsd, Sse::Ucomis => ucomiss ucomisd,
            Sse::Cvt => cvtss2sd cvtsd2ss, Sse::Min => minss minsd, Sse::Max => maxss maxsd,
        ], $emit)
    };
}

mod branch;
mod float;
mod int;

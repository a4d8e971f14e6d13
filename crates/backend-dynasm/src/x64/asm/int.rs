//! Integers: moves, loads and stores, arithmetic.

use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, VecAssembler, dynasm};

use super::{Alu, Bmi, Count, Mem, Narrow, Shift, Unary, Width, X64};
use crate::location::{Class, Reg};

impl X64 {
    // ---- Integers: moves -------------------------------------------------------------------------

    /// `to = from`.
    pub(crate) fn mov(&mut self, width: Width, to: Reg, from: Reg) {
        debug_assert_eq!(to.class(), Class::Int);
        let (to, from) = (to.number(), from.number());
        match width {
            Width::W32 => x64!(self; mov Rd(to), Rd(from)),
            Width::W64 => x64!(self; mov Rq(to), Rq(from)),
        }
    }

    /// A constant; flags stay as they are.
    pub(crate) fn mov_imm(&mut self, to: Reg, bits: u64) {
        let to = to.number();
        if let Ok(short) = u32::try_from(bits) {
            x64!(self; mov Rd(to), DWORD short as i32);
        } else if let Ok(short) = i32::try_from(bits as i64) {
            x64!(self; mov Rq(to), DWORD short);
        } else {
            x64!(self; mov Rq(to), QWORD bits as i64);
        }
    }

    /// Zero, which spoils the flags.
    pub(crate) fn zero(&mut self, to: Reg) {
        let to = to.number();
        x64!(self; xor Rd(to), Rd(to));
    }

    /// Loads the whole register, or its lower half with zeros above.
    pub(crate) fn load(&mut self, width: Width, to: Reg, mem: Mem) {
        debug_assert_eq!(to.class(), Class::Int);
        let to = to.number();
        match width {
            Width::W32 => with_mem!(self, mem, [mov Rd(to),] []),
            Width::W64 => with_mem!(self, mem, [mov Rq(to),] []),
        }
    }

    /// Loads less than a register, and fills 32 or 64 bits.
    pub(crate) fn load_narrow(&mut self, narrow: Narrow, width: Width, to: Reg, mem: Mem) {
        let to = to.number();
        match (narrow, width) {
            (Narrow::U8, _) => with_mem!(self, mem, [movzx Rd(to), BYTE] []),
            (Narrow::U16, _) => with_mem!(self, mem, [movzx Rd(to), WORD] []),
            (Narrow::S8, Width::W32) => with_mem!(self, mem, [movsx Rd(to), BYTE] []),
            (Narrow::S16, Width::W32) => with_mem!(self, mem, [movsx Rd(to), WORD] []),
            (Narrow::S8, Width::W64) => with_mem!(self, mem, [movsx Rq(to), BYTE] []),
            (Narrow::S16, Width::W64) => with_mem!(self, mem, [movsx Rq(to), WORD] []),
            (Narrow::S32, _) => with_mem!(self, mem, [movsxd Rq(to), DWORD] []),
        }
    }

    /// Extends the low bits of a register to 32 or 64.
    pub(crate) fn extend(&mut self, narrow: Narrow, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match (narrow, width) {
            (Narrow::U8, _) => x64!(self; movzx Rd(to), Rb(from)),
            (Narrow::U16, _) => x64!(self; movzx Rd(to), Rw(from)),
            (Narrow::S8, Width::W32) => x64!(self; movsx Rd(to), Rb(from)),
            (Narrow::S16, Width::W32) => x64!(self; movsx Rd(to), Rw(from)),
            (Narrow::S8, Width::W64) => x64!(self; movsx Rq(to), Rb(from)),
            (Narrow::S16, Width::W64) => x64!(self; movsx Rq(to), Rw(from)),
            (Narrow::S32, _) => x64!(self; movsxd Rq(to), Rd(from)),
        }
    }

    /// Stores 1, 2, 4 or 8 bytes.
    pub(crate) fn store(&mut self, bytes: u32, mem: Mem, from: Reg) {
        debug_assert_eq!(from.class(), Class::Int);
        let from = from.number();
        match bytes {
            1 => with_mem!(self, mem, [mov BYTE] [, Rb(from)]),
            2 => with_mem!(self, mem, [mov WORD] [, Rw(from)]),
            4 => with_mem!(self, mem, [mov DWORD] [, Rd(from)]),
            _ => with_mem!(self, mem, [mov QWORD] [, Rq(from)]),
        }
    }

    /// Stores a constant of 1, 2, 4 or 8 bytes, sign-extended from 32 bits.
    pub(crate) fn store_imm(&mut self, bytes: u32, mem: Mem, imm: i32) {
        debug_assert!(!mem.is_constant(), "its distance would not stand last");
        match bytes {
            1 => with_mem!(self, mem, [mov BYTE] [, BYTE imm as i8]),
            2 => with_mem!(self, mem, [mov WORD] [, WORD imm as i16]),
            4 => with_mem!(self, mem, [mov DWORD] [, DWORD imm]),
            _ => with_mem!(self, mem, [mov QWORD] [, DWORD imm]),
        }
    }

    /// An address, or a sum.
    pub(crate) fn lea(&mut self, width: Width, to: Reg, mem: Mem) {
        debug_assert_eq!(to.class(), Class::Int);
        let to = to.number();
        match width {
            Width::W32 => with_mem!(self, mem, [lea Rd(to),] []),
            Width::W64 => with_mem!(self, mem, [lea Rq(to),] []),
        }
    }

    // ---- Integers: arithmetic --------------------------------------------------------------------

    /// `to = to op from`.
    pub(crate) fn alu(&mut self, op: Alu, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(to), $r(from))
            };
        }
        alu!(op, width, emit);
    }

    /// `to = to op constant`.
    pub(crate) fn alu_imm(&mut self, op: Alu, width: Width, to: Reg, imm: i32) {
        let to = to.number();
        macro_rules! emit {
            (cmp, $r:ident) => {
                match i8::try_from(imm) {
                    Ok(short) => self.cmp_short(width, to, short),
                    Err(_) => x64!(self; cmp $r(to), DWORD imm),
                }
            };
            ($name:ident, $r:ident) => {
                match i8::try_from(imm) {
                    Ok(short) => x64!(self; $name $r(to), BYTE short),
                    Err(_) => x64!(self; $name $r(to), DWORD imm),
                }
            };
        }
        alu!(op, width, emit);
    }

    /// `cmp` with an immediate of 8 bits (83 /7 ib), a form that the assembler does not choose.
    fn cmp_short(&mut self, width: Width, reg: u8, imm: i8) {
        let wide = u8::from(width == Width::W64);
        let code = self.buffer.code();
        code.extend(&[0x40 | wide << 3 | reg >> 3, 0x83, 0xf8 | reg & 7, imm as u8]);
    }

    /// `to = to op memory`.
    pub(crate) fn alu_mem(&mut self, op: Alu, width: Width, to: Reg, mem: Mem) {
        let to = to.number();
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                with_mem!(self, mem, [$name $r(to),] [])
            };
        }
        alu!(op, width, emit);
    }

    /// `memory = memory op from`.
    pub(crate) fn alu_to_mem(&mut self, op: Alu, width: Width, mem: Mem, from: Reg) {
        let from = from.number();
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                with_mem!(self, mem, [$name] [, $r(from)])
            };
        }
        alu!(op, width, emit);
    }

    /// `memory = memory op constant`.
    pub(crate) fn alu_imm_to_mem(&mut self, op: Alu, width: Width, mem: Mem, imm: i32) {
        debug_assert!(!mem.is_constant(), "its distance would not stand last");
        macro_rules! emit {
            ($name:ident, Rd) => {
                with_mem!(self, mem, [$name DWORD] [, DWORD imm])
            };
            ($name:ident, Rq) => {
                with_mem!(self, mem, [$name QWORD] [, DWORD imm])
            };
        }
        alu!(op, width, emit);
    }

    /// Compares the low 8 or 16 bits of two registers.
    pub(crate) fn cmp_narrow(&mut self, bits: u32, x: Reg, y: Reg) {
        let (x, y) = (x.number(), y.number());
        match bits {
            8 => x64!(self; cmp Rb(x), Rb(y)),
            _ => x64!(self; cmp Rw(x), Rw(y)),
        }
    }

    /// `to = to op from` in the low 8 or 16 bits, for its flags; of addition and subtraction.
    pub(crate) fn add_sub_narrow(&mut self, is_add: bool, bits: u32, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match (is_add, bits) {
            (true, 8) => x64!(self; add Rb(to), Rb(from)),
            (true, _) => x64!(self; add Rw(to), Rw(from)),
            (false, 8) => x64!(self; sub Rb(to), Rb(from)),
            (false, _) => x64!(self; sub Rw(to), Rw(from)),
        }
    }

    /// Sets flags by the bits that two registers have in common.
    pub(crate) fn test(&mut self, width: Width, x: Reg, y: Reg) {
        let (x, y) = (x.number(), y.number());
        match width {
            Width::W32 => x64!(self; test Rd(x), Rd(y)),
            Width::W64 => x64!(self; test Rq(x), Rq(y)),
        }
    }

    /// Sets flags by the bits that a register and a constant have in common.
    pub(crate) fn test_imm(&mut self, width: Width, x: Reg, imm: i32) {
        let x = x.number();
        match width {
            Width::W32 if (0..=127).contains(&imm) => x64!(self; test Rb(x), BYTE imm as i8),
            Width::W32 => x64!(self; test Rd(x), DWORD imm),
            Width::W64 => x64!(self; test Rq(x), DWORD imm),
        }
    }

    /// `to = to * from`, low half.
    pub(crate) fn imul(&mut self, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match width {
            Width::W32 => x64!(self; imul Rd(to), Rd(from)),
            Width::W64 => x64!(self; imul Rq(to), Rq(from)),
        }
    }

    /// `to = to * memory`, low half.
    pub(crate) fn imul_mem(&mut self, width: Width, to: Reg, mem: Mem) {
        let to = to.number();
        match width {
            Width::W32 => with_mem!(self, mem, [imul Rd(to),] []),
            Width::W64 => with_mem!(self, mem, [imul Rq(to),] []),
        }
    }

    /// `to = from * constant`, low half.
    pub(crate) fn imul_imm(&mut self, width: Width, to: Reg, from: Reg, imm: i32) {
        let (to, from) = (to.number(), from.number());
        match (width, i8::try_from(imm)) {
            (Width::W32, Ok(short)) => x64!(self; imul Rd(to), Rd(from), BYTE short),
            (Width::W32, Err(_)) => x64!(self; imul Rd(to), Rd(from), DWORD imm),
            (Width::W64, Ok(short)) => x64!(self; imul Rq(to), Rq(from), BYTE short),
            (Width::W64, Err(_)) => x64!(self; imul Rq(to), Rq(from), DWORD imm),
        }
    }

    /// An operation on one register.
    pub(crate) fn unary(&mut self, op: Unary, width: Width, reg: Reg) {
        let reg = reg.number();
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(reg))
            };
        }
        choose!(op, width, [
            Unary::Neg => neg, Unary::Not => not, Unary::Bswap => bswap,
            Unary::Mul => mul, Unary::Imul => imul, Unary::Div => div, Unary::Idiv => idiv,
        ], emit);
    }

    /// The sign of rax into all of rdx.
    pub(crate) fn sign_to_rdx(&mut self, width: Width) {
        match width {
            Width::W32 => x64!(self; cdq),
            Width::W64 => x64!(self; cqo),
        }
    }

    /// A shift by a constant.
    pub(crate) fn shift_imm(&mut self, op: Shift, width: Width, reg: Reg, count: u8) {
        let (reg, count) = (reg.number(), count as i8);
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(reg), BYTE count)
            };
        }
        shift!(op, width, emit);
    }

    /// A shift by cl.
    pub(crate) fn shift_cl(&mut self, op: Shift, width: Width, reg: Reg) {
        let reg = reg.number();
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(reg), cl)
            };
        }
        shift!(op, width, emit);
    }

    /// A rotation of the low 8 or 16 bits by cl.
    pub(crate) fn rotate_narrow(&mut self, left: bool, bits: u32, reg: Reg) {
        let reg = reg.number();
        match (left, bits) {
            (true, 8) => x64!(self; rol Rb(reg), cl),
            (true, _) => x64!(self; rol Rw(reg), cl),
            (false, 8) => x64!(self; ror Rb(reg), cl),
            (false, _) => x64!(self; ror Rw(reg), cl),
        }
    }

    /// A rotation of the low 8 or 16 bits to the left by a constant.
    pub(crate) fn rotate_narrow_imm(&mut self, bits: u32, reg: Reg, count: u8) {
        let (reg, count) = (reg.number(), count as i8);
        match bits {
            8 => x64!(self; rol Rb(reg), BYTE count),
            _ => x64!(self; rol Rw(reg), BYTE count),
        }
    }

    /// BMI2: a rotation to the right by a constant, to another register.
    pub(crate) fn rorx(&mut self, width: Width, to: Reg, from: Reg, count: u8) {
        let (to, from, count) = (to.number(), from.number(), count as i8);
        match width {
            Width::W32 => x64!(self; rorx Rd(to), Rd(from), BYTE count),
            Width::W64 => x64!(self; rorx Rq(to), Rq(from), BYTE count),
        }
    }

    /// BMI: `to = x op y`; of shifts y is the count.
    pub(crate) fn bmi(&mut self, op: Bmi, width: Width, to: Reg, x: Reg, y: Reg) {
        let (to, x, y) = (to.number(), x.number(), y.number());
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(to), $r(x), $r(y))
            };
        }
        choose!(op, width, [
            Bmi::Shlx => shlx, Bmi::Shrx => shrx, Bmi::Sarx => sarx, Bmi::Andn => andn,
        ], emit);
    }

    /// Counts bits.
    pub(crate) fn count(&mut self, op: Count, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        macro_rules! emit {
            ($name:ident, $r:ident) => {
                x64!(self; $name $r(to), $r(from))
            };
        }
        choose!(op, width, [
            Count::Bsf => bsf, Count::Bsr => bsr, Count::Popcnt => popcnt,
            Count::Lzcnt => lzcnt, Count::Tzcnt => tzcnt,
        ], emit);
    }
}

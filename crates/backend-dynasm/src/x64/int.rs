//! Integer arithmetic.
//!
//! What is narrower than 32 bits is computed in 32 and cut off; operands are zero-extended.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, Type, Value};

use super::asm::{Alu, Bmi, Cc, Mem, Narrow, Shift, Unary, Width};
use super::operand::Rm;
use super::{RAX, RDX, SPARE, X64Compiler};
use crate::location::{Class, Reg};

/// How the low bits of a narrow type fill a register; none for types that fill it.
pub(super) fn zero_extension(ty: Type) -> Option<Narrow> {
    match ty {
        Type::I8 => Some(Narrow::U8),
        Type::I16 => Some(Narrow::U16),
        Type::I32 | Type::I64 | Type::F32 | Type::F64 => None,
    }
}

/// The same with the sign; of a 32-bit type to 64.
pub(super) fn sign_extension(ty: Type) -> Option<Narrow> {
    match ty {
        Type::I8 => Some(Narrow::S8),
        Type::I16 => Some(Narrow::S16),
        Type::I32 => Some(Narrow::S32),
        Type::I64 | Type::F32 | Type::F64 => None,
    }
}

/// The operation of an op that has all forms of operands.
pub(super) fn alu_of(op: Op) -> Option<Alu> {
    match op {
        Op::Iadd => Some(Alu::Add),
        Op::Isub => Some(Alu::Sub),
        Op::Band => Some(Alu::And),
        Op::Bor => Some(Alu::Or),
        Op::Bxor => Some(Alu::Xor),
        _ => None,
    }
}

impl X64Compiler<'_> {
    /// Cuts a result off to its type.
    pub(super) fn cut(&mut self, ty: Type, reg: Reg) {
        if let Some(narrow) = zero_extension(ty) {
            self.asm.extend(narrow, Width::W32, reg, reg);
        }
    }

    /// The operands of an op that commutes, such that the second one is the constant, or in memory, or the
    /// one that lives on; and that constant.
    fn in_order(&self, data: &InstData, result: Value) -> (Value, Value, Option<i32>) {
        let (x, y) = (data.arg(0), data.arg(1));
        if let Some(imm) = self.imm(y) {
            return (x, y, Some(imm));
        }
        if let Some(imm) = self.imm(x) {
            return (y, x, Some(imm));
        }
        let swap = match (self.values.reg(x).is_some(), self.values.reg(y).is_some()) {
            (true, true) => self.prefers_second(result, x, y),
            (true, false) => false,
            (false, true) => true,
            (false, false) => self.folded(y).is_none() && self.folded(x).is_some(),
        };
        if swap { (y, x, None) } else { (x, y, None) }
    }

    /// Whether the result of an op that commutes had better be in the register of the second of two
    /// operands in registers.
    pub(super) fn prefers_second(&self, result: Value, x: Value, y: Value) -> bool {
        match (self.ends_here(x), self.ends_here(y)) {
            (true, true) => self.is_wished_in(result, y) && !self.is_wished_in(result, x),
            (false, ends) => ends,
            (true, false) => false,
        }
    }

    /// `result = x op y`, two-address.
    fn two_address(
        &mut self,
        op: Alu,
        ty: Type,
        result: Value,
        (x, y, imm): (Value, Value, Option<i32>),
    ) {
        let width = Width::of(ty);
        if let Some(imm) = imm {
            let to = self.define_over(result, x);
            self.asm.alu_imm(op, width, to, imm);
            return self.note_zero_flag(result);
        }
        let second = self.operand(y);
        let to = self.define_over(result, x);
        match second {
            Rm::Reg(reg) => self.asm.alu(op, width, to, reg),
            Rm::Mem(mem) | Rm::Linear(mem) => {
                self.note_access(second);
                self.asm.alu_mem(op, width, to, mem);
            }
        }
        self.note_zero_flag(result);
    }

    pub(super) fn emit_add(&mut self, data: &InstData, result: Value) {
        let (x, y, imm) = self.in_order(data, result);
        let width = Width::of(data.ty);
        if let Some(imm) = imm {
            self.add_imm(width, result, x, imm);
        } else if let Some(inner) = self.folded(y)
            && self.add_folded(width, result, x, y, &inner)
        {
            return;
        } else if self.shared.policy.fusion && self.wants_third(result, x, y) {
            let (x, y) = (self.use_reg(x), self.use_reg(y));
            let to = self.define(result);
            self.asm.lea(width, to, Mem::Index(x, y, 1, 0));
        } else {
            self.two_address(Alu::Add, data.ty, result, (x, y, None));
        }
        self.cut_result(data.ty, result);
    }

    /// Whether a sum of two registers had better be in a third one.
    fn wants_third(&self, result: Value, x: Value, y: Value) -> bool {
        let in_registers = self.values.reg(x).is_some() && self.values.reg(y).is_some();
        let both_live_on = !self.ends_here(x) && !self.ends_here(y);
        in_registers && (both_live_on || self.wish_is_free(result))
    }

    /// Cuts a result that has just been computed off to its type.
    #[inline]
    fn cut_result(&mut self, ty: Type, result: Value) {
        if matches!(ty, Type::I8 | Type::I16) {
            let reg = self.result_reg(result);
            self.cut(ty, reg);
        }
    }

    /// The register that a result has just been given.
    pub(super) fn result_reg(&self, result: Value) -> Reg {
        match self.values.reg(result) {
            Some(reg) => reg,
            None => unreachable!("{result} has just been computed"),
        }
    }

    /// `result = x + constant`: in place if x ends here, else by `lea`.
    fn add_imm(&mut self, width: Width, result: Value, x: Value, imm: i32) {
        let in_place = self.ends_here(x) && !self.wish_is_free(result);
        if self.values.reg(x).is_none() || in_place {
            let to = self.define_over(result, x);
            self.asm.alu_imm(Alu::Add, width, to, imm);
            return self.note_zero_flag(result);
        }
        let x = self.use_reg(x);
        let to = self.define(result);
        self.asm.lea(width, to, Mem::Base(x, imm));
    }

    /// A sum with a scaled operand or with another sum: by `lea`.
    fn add_folded(
        &mut self,
        width: Width,
        result: Value,
        x: Value,
        y: Value,
        inner: &InstData,
    ) -> bool {
        let mem = match inner.op {
            Op::Ishl => match self.scaled(y) {
                Some((index, scale)) => {
                    let (base, index) = (self.use_reg(x), self.use_reg(index));
                    Mem::Index(base, index, scale, 0)
                }
                None => return false,
            },
            Op::Iadd => {
                let (a, b) = (inner.arg(0), inner.arg(1));
                let (index, imm) = match (self.imm(a), self.imm(b)) {
                    (_, Some(imm)) => (a, imm),
                    (Some(imm), None) => (b, imm),
                    (None, None) => return false,
                };
                let (base, index) = (self.use_reg(x), self.use_reg(index));
                Mem::Index(base, index, 1, imm)
            }
            _ => return false,
        };
        let to = self.define_late(result, &[x, inner.arg(0), inner.arg(1)]);
        self.asm.lea(width, to, mem);
        true
    }

    pub(super) fn emit_sub(&mut self, data: &InstData, result: Value) {
        let (x, y) = (data.arg(0), data.arg(1));
        match self.imm(y).and_then(i32::checked_neg) {
            Some(imm) => self.add_imm(Width::of(data.ty), result, x, imm),
            None => {
                let imm = self.imm(y);
                self.two_address(Alu::Sub, data.ty, result, (x, y, imm));
            }
        }
        self.cut_result(data.ty, result);
    }

    pub(super) fn emit_bitwise(&mut self, data: &InstData, result: Value) {
        let (x, y, imm) = self.in_order(data, result);
        let width = Width::of(data.ty);
        if data.op == Op::Band && self.mask(data, result, x, y) {
            return;
        }
        if data.op == Op::Band
            && let Some(not) = self.folded(y)
            && not.op == Op::Bnot
        {
            let (inverted, other) = (self.use_reg(not.arg(0)), self.use_reg(x));
            let to = self.define_late(result, &[x, not.arg(0)]);
            return self.asm.bmi(Bmi::Andn, width, to, inverted, other);
        }
        let Some(op) = alu_of(data.op) else {
            unreachable!("{} is not bitwise", data.op);
        };
        self.two_address(op, data.ty, result, (x, y, imm));
    }

    /// A mask that is a zero extension.
    fn mask(&mut self, data: &InstData, result: Value, x: Value, y: Value) -> bool {
        if !self.shared.policy.fusion {
            return false;
        }
        let narrow = match (self.constant(y), data.ty) {
            (Some(0xff), Type::I16 | Type::I32 | Type::I64) => Some(Narrow::U8),
            (Some(0xffff), Type::I32 | Type::I64) => Some(Narrow::U16),
            (Some(0xffff_ffff), Type::I64) => None,
            _ => return false,
        };
        let from = self.use_reg(x);
        let to = self.define_late(result, &[x]);
        match narrow {
            Some(narrow) => self.asm.extend(narrow, Width::W32, to, from),
            None => self.asm.mov(Width::W32, to, from),
        }
        true
    }

    pub(super) fn emit_mul(&mut self, data: &InstData, result: Value) {
        let (x, y, imm) = self.in_order(data, result);
        let width = Width::of(data.ty);
        if let Some(imm) = imm {
            self.mul_imm(width, data.ty, result, x, imm);
            return self.cut_result(data.ty, result);
        }
        let second = self.operand(y);
        let to = self.define_over(result, x);
        match second {
            Rm::Reg(reg) => self.asm.imul(width, to, reg),
            Rm::Mem(mem) | Rm::Linear(mem) => {
                self.note_access(second);
                self.asm.imul_mem(width, to, mem);
            }
        }
        self.cut(data.ty, to);
    }

    fn mul_imm(&mut self, width: Width, ty: Type, result: Value, x: Value, imm: i32) {
        let bits = imm as i64 as u64 & ty.mask();
        if bits.is_power_of_two() {
            let to = self.define_over(result, x);
            if bits > 1 {
                self.asm
                    .shift_imm(Shift::Shl, width, to, bits.trailing_zeros() as u8);
            }
            return;
        }
        let from = self.use_reg(x);
        let to = self.define_late(result, &[x]);
        match imm {
            3 | 5 | 9 => self
                .asm
                .lea(width, to, Mem::Index(from, from, imm as u8 - 1, 0)),
            _ => self.asm.imul_imm(width, to, from, imm),
        }
    }

    pub(super) fn emit_negation(&mut self, data: &InstData, result: Value) {
        let to = self.define_over(result, data.arg(0));
        let op = if data.op == Op::Ineg {
            Unary::Neg
        } else {
            Unary::Not
        };
        self.asm.unary(op, Width::of(data.ty), to);
        self.cut(data.ty, to);
    }

    /// The negated value, or the value itself where that is negative.
    pub(super) fn emit_abs(&mut self, data: &InstData, result: Value) {
        let width = Width::of(data.ty);
        let from = self.use_reg(data.arg(0));
        let to = self.define(result);
        let source = match sign_extension(data.ty) {
            Some(narrow) if data.ty != Type::I32 => {
                self.asm.extend(narrow, width, SPARE, from);
                SPARE
            }
            _ => from,
        };
        self.asm.mov(width, to, source);
        self.asm.unary(Unary::Neg, width, to);
        self.asm.cmov(Cc::S, width, to, source);
        self.cut(data.ty, to);
    }

    pub(super) fn emit_min_max(&mut self, data: &InstData, result: Value) {
        let width = Width::of(data.ty);
        let (cc, is_signed) = match data.op {
            Op::Smin => (Cc::L, true),
            Op::Smax => (Cc::G, true),
            Op::Umin => (Cc::B, false),
            Op::Umax => (Cc::A, false),
            other => unreachable!("{other} has no greater or lesser"),
        };
        let second = self.use_reg(data.arg(1));
        let to = self.define_over(result, data.arg(0));
        match data.ty {
            Type::I16 if faults::on(Fault::DynasmMinUnsigned) => {
                self.asm.alu(Alu::Cmp, width, second, to);
            }
            Type::I8 | Type::I16 if is_signed => self.asm.cmp_narrow(data.ty.bits(), second, to),
            _ => self.asm.alu(Alu::Cmp, width, second, to),
        }
        self.asm.cmov(cc, width, to, second);
    }

    /// Narrow types in twice their width; 64 bits in rdx:rax.
    pub(super) fn emit_mul_high(&mut self, data: &InstData, result: Value) {
        let is_signed = data.op == Op::Smulhi;
        let (x, y) = (data.arg(0), data.arg(1));
        if data.ty == Type::I64 {
            self.put_in(x, RAX);
            self.clear(RDX);
            let y = self.use_reg(y);
            let op = if is_signed { Unary::Imul } else { Unary::Mul };
            self.asm.unary(op, Width::W64, y);
            return self.define_in(result, RDX);
        }
        let (x, y) = (self.use_reg(x), self.use_reg(y));
        let to = self.define(result);
        match sign_extension(data.ty).filter(|_| is_signed) {
            Some(narrow) => {
                self.asm.extend(narrow, Width::W64, SPARE, x);
                match faults::on(Fault::DynasmHighHalfUnsigned) && data.ty == Type::I8 {
                    true => self.asm.mov(Width::W64, to, y),
                    false => self.asm.extend(narrow, Width::W64, to, y),
                }
            }
            None => {
                self.asm.mov(Width::W64, SPARE, x);
                self.asm.mov(Width::W64, to, y);
            }
        }
        self.asm.imul(Width::W64, to, SPARE);
        self.asm
            .shift_imm(Shift::Shr, Width::W64, to, data.ty.bits() as u8);
        self.cut(data.ty, to);
    }

    // ---- Overflow --------------------------------------------------------------------------------

    pub(super) fn emit_add_overflow(&mut self, data: &InstData, result: Value) {
        let is_add = matches!(data.op, Op::SaddOverflow | Op::UaddOverflow);
        let is_signed = matches!(data.op, Op::SaddOverflow | Op::SsubOverflow);
        let second = self.use_reg(data.arg(1));
        let to = self.define_over(result, data.arg(0));
        let op = if is_add { Alu::Add } else { Alu::Sub };
        match data.ty {
            // The other bits are zero and stay so.
            Type::I8 | Type::I16 => self.asm.add_sub_narrow(is_add, data.ty.bits(), to, second),
            _ => self.asm.alu(op, Width::of(data.ty), to, second),
        }
        self.overflow_bit(if is_signed { Cc::O } else { Cc::B }, Value(result.0 + 1));
    }

    /// The second result: whether a condition holds.
    fn overflow_bit(&mut self, cc: Cc, result: Value) {
        let to = self.define(result);
        self.asm.setcc(cc, to);
        self.asm.extend(Narrow::U8, Width::W32, to, to);
    }

    pub(super) fn emit_mul_overflow(&mut self, data: &InstData, result: Value) {
        let (x, y, flag) = (data.arg(0), data.arg(1), Value(result.0 + 1));
        let is_signed = data.op == Op::SmulOverflow;
        if data.ty == Type::I64 && !is_signed {
            self.put_in(x, RAX);
            self.clear(RDX);
            let y = self.use_reg(y);
            self.asm.unary(Unary::Mul, Width::W64, y);
            self.define_in(result, RAX);
            return self.overflow_bit(Cc::O, flag);
        }
        if matches!(data.ty, Type::I32 | Type::I64) && is_signed {
            let second = self.use_reg(y);
            let to = self.define_over(result, x);
            self.asm.imul(Width::of(data.ty), to, second);
            return self.overflow_bit(Cc::O, flag);
        }
        // In 64 bits: what is cut off has to be what the rest says.
        let (x, y) = (self.use_reg(x), self.use_reg(y));
        let whole = self.temporary(Class::Int);
        let to = self.define(result);
        match sign_extension(data.ty).filter(|_| is_signed) {
            Some(narrow) => {
                self.asm.extend(narrow, Width::W64, whole, x);
                self.asm.extend(narrow, Width::W64, SPARE, y);
                self.asm.imul(Width::W64, whole, SPARE);
                self.asm.extend(narrow, Width::W64, SPARE, whole);
            }
            None => {
                self.asm.mov(Width::W64, whole, x);
                self.asm.imul(Width::W64, whole, y);
                match zero_extension(data.ty) {
                    Some(narrow) => self.asm.extend(narrow, Width::W32, SPARE, whole),
                    None => self.asm.mov(Width::W32, SPARE, whole),
                }
            }
        }
        self.asm.mov(Width::W32, to, whole);
        self.cut(data.ty, to);
        let compared = match faults::on(Fault::DynasmProductFits) {
            true => Width::W32,
            false => Width::W64,
        };
        self.asm.alu(Alu::Cmp, compared, SPARE, whole);
        self.overflow_bit(Cc::Ne, flag);
    }

    // ---- Width -----------------------------------------------------------------------------------

    pub(super) fn emit_extension(&mut self, data: &InstData, result: Value) {
        let x = data.arg(0);
        match data.op {
            // Registers are zero-extended.
            Op::Uextend => {
                self.define_over(result, x);
            }
            Op::Sextend => {
                let from = self.use_reg(x);
                let to = self.define_late(result, &[x]);
                if let Some(narrow) = sign_extension(data.ty2) {
                    self.asm.extend(narrow, Width::of(data.ty), to, from);
                }
                self.cut(data.ty, to);
            }
            _ => {
                let from = self.use_reg(x);
                let to = self.define_late(result, &[x]);
                match zero_extension(data.ty) {
                    Some(narrow) => self.asm.extend(narrow, Width::W32, to, from),
                    None => self.asm.mov(Width::W32, to, from),
                }
            }
        }
    }
}

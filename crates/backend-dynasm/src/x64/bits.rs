//! Shifts, rotations, and counting bits.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, Type, Value};

use super::asm::{Alu, Bmi, Cc, Count, Shift, Unary, Width};
use super::int::sign_extension;
use super::{RCX, SPARE, X64Compiler};
use crate::location::{Class, Reg};

/// A pattern of bits in every group of so many.
const fn repeated(group: u64, bits: u32) -> u64 {
    u64::MAX / ((1u64 << bits) - 1) * group
}

impl X64Compiler<'_> {
    pub(super) fn emit_shift(&mut self, data: &InstData, result: Value) {
        let (x, y) = (data.arg(0), data.arg(1));
        let (ty, width) = (data.ty, Width::of(data.ty));
        let op = match data.op {
            Op::Ishl => Shift::Shl,
            Op::Ushr => Shift::Shr,
            Op::Sshr => Shift::Sar,
            other => unreachable!("{other} is no shift"),
        };
        let is_word = matches!(ty, Type::I32 | Type::I64);
        if let Some(imm) = self.imm(y) {
            let count = imm as u32 & (ty.bits() - 1);
            let to = self.define_over(result, x);
            self.widen_for(op, ty, to);
            if count > 0 {
                self.asm.shift_imm(op, width, to, count as u8);
            }
            return self.cut(ty, to);
        }
        if is_word && self.shared.policy.features.bmi2 {
            let op = match op {
                Shift::Shl => Bmi::Shlx,
                Shift::Shr => Bmi::Shrx,
                _ => Bmi::Sarx,
            };
            let (x_reg, count) = (self.use_reg(x), self.use_reg(y));
            let to = self.define_late(result, &[x, y]);
            return self.asm.bmi(op, width, to, x_reg, count);
        }
        self.count_in_cl(ty, x, y);
        let to = self.define_over(result, x);
        self.widen_for(op, ty, to);
        self.asm.shift_cl(op, width, to);
        self.cut(ty, to);
    }

    /// An arithmetic shift of a narrow type wants its sign in 32 bits.
    fn widen_for(&mut self, op: Shift, ty: Type, reg: Reg) {
        if let (Shift::Sar, Type::I8 | Type::I16, Some(narrow)) = (op, ty, sign_extension(ty)) {
            self.asm.extend(narrow, Width::W32, reg, reg);
        }
    }

    /// The count of a shift of `x` in cl, modulo the width; `x` is not there.
    fn count_in_cl(&mut self, ty: Type, x: Value, count: Value) {
        if x == count {
            self.clear(RCX);
        }
        self.put_in(count, RCX);
        if matches!(ty, Type::I8 | Type::I16) && !faults::on(Fault::DynasmCountUnmasked) {
            self.asm
                .alu_imm(Alu::And, Width::W32, RCX, ty.bits() as i32 - 1);
        }
    }

    pub(super) fn emit_rotation(&mut self, data: &InstData, result: Value) {
        let (x, y) = (data.arg(0), data.arg(1));
        let (ty, width) = (data.ty, Width::of(data.ty));
        let left = data.op == Op::Rotl;
        if let Some(imm) = self.imm(y) {
            let count = imm as u32 & (ty.bits() - 1);
            return self.rotate_by(ty, result, x, if left { count } else { ty.bits() - count });
        }
        self.count_in_cl(ty, x, y);
        let to = self.define_over(result, x);
        match ty {
            Type::I8 | Type::I16 => self.asm.rotate_narrow(left, ty.bits(), to),
            _ if left => self.asm.shift_cl(Shift::Rol, width, to),
            _ => self.asm.shift_cl(Shift::Ror, width, to),
        }
    }

    /// A rotation to the left by a constant, at most the width.
    fn rotate_by(&mut self, ty: Type, result: Value, x: Value, left: u32) {
        let (width, left) = (Width::of(ty), left % ty.bits());
        if matches!(ty, Type::I8 | Type::I16) {
            let to = self.define_over(result, x);
            return self.asm.rotate_narrow_imm(ty.bits(), to, left as u8);
        }
        if self.shared.policy.features.bmi2 && !self.ends_here(x) && left > 0 {
            let from = self.use_reg(x);
            let to = self.define(result);
            return self.asm.rorx(width, to, from, (ty.bits() - left) as u8);
        }
        let to = self.define_over(result, x);
        if left > 0 {
            self.asm.shift_imm(Shift::Rol, width, to, left as u8);
        }
    }

    pub(super) fn emit_zeros(&mut self, data: &InstData, result: Value) {
        match data.op {
            Op::Clz => self.emit_clz(data, result),
            _ => self.emit_ctz(data, result),
        }
    }

    fn emit_clz(&mut self, data: &InstData, result: Value) {
        let (ty, width) = (data.ty, Width::of(data.ty));
        let from = self.use_reg(data.arg(0));
        let to = self.define(result);
        let register_bits = if width == Width::W64 { 64 } else { 32 };
        if self.shared.policy.features.lzcnt {
            // Some processors wait for the old value of the result.
            self.asm.zero(to);
            self.asm.count(Count::Lzcnt, width, to, from);
        } else {
            self.asm.count(Count::Bsr, width, SPARE, from);
            let of_zero = match faults::on(Fault::DynasmClzOfZero) {
                true => register_bits - 1,
                false => 2 * register_bits - 1,
            };
            self.asm.mov_imm(to, of_zero);
            self.asm.cmov(Cc::Ne, width, to, SPARE);
            self.asm
                .alu_imm(Alu::Xor, width, to, register_bits as i32 - 1);
        }
        let extra = register_bits as i32 - ty.bits() as i32;
        if extra > 0 {
            self.asm.alu_imm(Alu::Sub, width, to, extra);
        }
    }

    fn emit_ctz(&mut self, data: &InstData, result: Value) {
        let (ty, width) = (data.ty, Width::of(data.ty));
        let mut from = self.use_reg(data.arg(0));
        let to = self.define(result);
        let is_bounded = !(faults::on(Fault::DynasmCtzUnbounded) && ty == Type::I16);
        if matches!(ty, Type::I8 | Type::I16) && is_bounded {
            // A one behind the last bit ends the count.
            self.asm.mov(Width::W32, SPARE, from);
            self.asm.alu_imm(Alu::Or, Width::W32, SPARE, 1 << ty.bits());
            from = SPARE;
        }
        if self.shared.policy.features.bmi1 {
            self.asm.zero(to);
            return self.asm.count(Count::Tzcnt, width, to, from);
        }
        self.asm.count(Count::Bsf, width, SPARE, from);
        self.asm.mov_imm(to, ty.bits().into());
        self.asm.cmov(Cc::Ne, width, to, SPARE);
    }

    pub(super) fn emit_popcnt(&mut self, data: &InstData, result: Value) {
        let width = Width::of(data.ty);
        if self.shared.policy.features.popcnt {
            let from = self.use_reg(data.arg(0));
            let to = self.define(result);
            self.asm.zero(to);
            return self.asm.count(Count::Popcnt, width, to, from);
        }
        // Sums of ever larger groups of bits; the product adds up the bytes.
        let to = self.define_over(result, data.arg(0));
        let half = self.temporary(Class::Int);
        self.asm.mov(Width::W64, half, to);
        self.asm.shift_imm(Shift::Shr, Width::W64, half, 1);
        self.and_pattern(half, repeated(1, 2));
        self.asm.alu(Alu::Sub, Width::W64, to, half);
        self.asm.mov(Width::W64, half, to);
        self.asm.shift_imm(Shift::Shr, Width::W64, half, 2);
        self.and_pattern(half, repeated(3, 4));
        self.and_pattern(to, repeated(3, 4));
        self.asm.alu(Alu::Add, Width::W64, to, half);
        self.asm.mov(Width::W64, half, to);
        self.asm.shift_imm(Shift::Shr, Width::W64, half, 4);
        self.asm.alu(Alu::Add, Width::W64, to, half);
        self.and_pattern(to, repeated(15, 8));
        self.asm.mov_imm(SPARE, repeated(1, 8));
        self.asm.imul(Width::W64, to, SPARE);
        self.asm.shift_imm(Shift::Shr, Width::W64, to, 56);
    }

    fn and_pattern(&mut self, reg: Reg, pattern: u64) {
        self.asm.mov_imm(SPARE, pattern);
        self.asm.alu(Alu::And, Width::W64, reg, SPARE);
    }

    /// Bytes, then halves of bytes, pairs and single bits change places; a narrow type stands at the top
    /// then.
    pub(super) fn emit_bitrev(&mut self, data: &InstData, result: Value) {
        let to = self.define_over(result, data.arg(0));
        let other = self.temporary(Class::Int);
        self.asm.unary(Unary::Bswap, Width::W64, to);
        for (shift, pattern) in [
            (4, repeated(15, 8)),
            (2, repeated(3, 4)),
            (1, repeated(1, 2)),
        ] {
            self.asm.mov(Width::W64, other, to);
            self.asm.shift_imm(Shift::Shr, Width::W64, other, shift);
            self.asm.mov_imm(SPARE, pattern);
            self.asm.alu(Alu::And, Width::W64, other, SPARE);
            self.asm.alu(Alu::And, Width::W64, to, SPARE);
            self.asm.shift_imm(Shift::Shl, Width::W64, to, shift);
            self.asm.alu(Alu::Or, Width::W64, to, other);
        }
        let unused = 64 - data.ty.bits() as u8;
        if unused > 0 {
            self.asm.shift_imm(Shift::Shr, Width::W64, to, unused);
        }
    }

    pub(super) fn emit_bswap(&mut self, data: &InstData, result: Value) {
        let to = self.define_over(result, data.arg(0));
        match data.ty {
            Type::I16 => self.asm.rotate_narrow_imm(16, to, 8),
            _ => self.asm.unary(Unary::Bswap, Width::of(data.ty), to),
        }
    }
}

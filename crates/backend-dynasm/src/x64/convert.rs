//! Conversions between integers and floats.
//!
//! The processor converts signed integers only. What does not fit gives the least integer.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, TrapCode, Type, Value};

use super::asm::{Alu, Cc, Narrow, Shift, Sse, Width};
use super::{FLOAT_SPARE, SPARE, X64Compiler};
use crate::location::{Class, Reg};

/// A float of a type that equals this one exactly, as bits.
fn float_bits(ty: Type, value: f64) -> u64 {
    match ty {
        Type::F32 => (value as f32).to_bits().into(),
        _ => value.to_bits(),
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
const SIGN: u64 = 1 << 63;

impl X64Compiler<'_> {
    pub(super) fn emit_from_int(&mut self, data: &InstData, result: Value) {
        let (float, x) = (Width::of(data.ty), data.arg(0));
        let from = self.use_reg(x);
        let to = self.define(result);
        self.asm.zero_float(to);
        match (data.op, data.ty2) {
            (Op::FcvtFromSint, ty) => self.asm.int_to_float(Width::of(ty), float, to, from),
            // Zero-extended it is a positive integer of 64 bits.
            (_, Type::I32) => self.asm.int_to_float(Width::W64, float, to, from),
            _ => self.word_to_float(float, to, from),
        }
    }

    /// From an unsigned integer of 64 bits: a large one is halved, with its last bit kept for rounding, and
    /// doubled again.
    fn word_to_float(&mut self, float: Width, to: Reg, from: Reg) {
        let half = self.temporary(Class::Int);
        let (large, done) = (self.asm.buffer.label(), self.asm.buffer.label());
        self.asm.test(Width::W64, from, from);
        self.asm.jcc(Cc::S, large);
        self.asm.int_to_float(Width::W64, float, to, from);
        self.asm.jmp(done);
        self.asm.buffer.bind(large);
        self.asm.mov(Width::W64, half, from);
        self.asm.shift_imm(Shift::Shr, Width::W64, half, 1);
        if !faults::on(Fault::DynasmLastBitDropped) {
            self.asm.mov(Width::W32, SPARE, from);
            self.asm.alu_imm(Alu::And, Width::W32, SPARE, 1);
            self.asm.alu(Alu::Or, Width::W64, half, SPARE);
        }
        self.asm.int_to_float(Width::W64, float, to, half);
        self.asm.sse(Sse::Add, float, to, to);
        self.asm.buffer.bind(done);
    }

    /// A NaN traps first, then what does not fit.
    pub(super) fn emit_to_int(&mut self, data: &InstData, result: Value) {
        let (float, float_ty) = (Width::of(data.ty2), data.ty2);
        let from = self.use_reg(data.arg(0));
        let to = self.define(result);
        self.test_nan(float, from);
        self.trap_if(Cc::P, TrapCode::BadConversionToInteger);
        self.asm.float_to_int(Width::W64, float, to, from);
        let overflow = TrapCode::IntegerOverflow;
        match (data.op, data.ty) {
            (op, Type::I32) => {
                if op == Op::FcvtToSint {
                    self.asm.extend(Narrow::S32, Width::W64, SPARE, to);
                } else {
                    self.asm.mov(Width::W32, SPARE, to);
                }
                self.asm.alu(Alu::Cmp, Width::W64, SPARE, to);
                self.trap_if(Cc::Ne, overflow);
                if op == Op::FcvtToSint {
                    self.asm.mov(Width::W32, to, to);
                }
            }
            (Op::FcvtToSint, _) => {
                // The least integer is the right answer for one float alone.
                let done = self.asm.buffer.label();
                self.asm.alu_imm(Alu::Cmp, Width::W64, to, 1);
                self.asm.jcc(Cc::No, done);
                self.spare_constant(float, float_bits(float_ty, -TWO_TO_63));
                self.asm.sse(Sse::Ucomis, float, FLOAT_SPARE, from);
                self.trap_if(Cc::Ne, overflow);
                self.asm.buffer.bind(done);
            }
            _ => {
                let done = self.asm.buffer.label();
                self.asm.test(Width::W64, to, to);
                self.asm.jcc(Cc::Ns, done);
                self.upper_half(float, float_ty, to, from);
                self.trap_if(Cc::S, overflow);
                self.flip_sign(to);
                self.asm.buffer.bind(done);
            }
        }
    }

    /// Converts with 2^63 taken off, and tests the sign: what was negative in the first place is so still.
    fn upper_half(&mut self, float: Width, float_ty: Type, to: Reg, from: Reg) {
        self.spare_constant(float, float_bits(float_ty, -TWO_TO_63));
        self.asm.sse(Sse::Add, float, FLOAT_SPARE, from);
        self.asm.float_to_int(Width::W64, float, to, FLOAT_SPARE);
        self.asm.test(Width::W64, to, to);
    }

    fn flip_sign(&mut self, reg: Reg) {
        self.asm.mov_imm(SPARE, SIGN);
        self.asm.alu(Alu::Xor, Width::W64, reg, SPARE);
    }

    pub(super) fn emit_to_int_sat(&mut self, data: &InstData, result: Value) {
        let from = self.use_reg(data.arg(0));
        let to = self.define(result);
        match (data.op, data.ty) {
            (Op::FcvtToSintSat, Type::I32) => {
                self.clamp(data.ty2, to, from, i32::MIN.into(), i32::MAX.into());
                self.asm.mov(Width::W32, to, to);
            }
            (_, Type::I32) => self.clamp(data.ty2, to, from, 0.0, u32::MAX.into()),
            (Op::FcvtToSintSat, _) => self.saturate_signed(data.ty2, to, from),
            _ => self.saturate_unsigned(data.ty2, to, from),
        }
    }

    /// By way of doubles, which hold all bounds of 32 bits exactly.
    fn clamp(&mut self, float_ty: Type, to: Reg, from: Reg, least: f64, greatest: f64) {
        let (float, double) = (Width::of(float_ty), Width::W64);
        let done = self.asm.buffer.label();
        self.asm.mov_imm(to, 0);
        if !faults::on(Fault::DynasmNanSaturates) {
            self.test_nan(float, from);
            self.asm.jcc(Cc::P, done);
        }
        match float_ty {
            Type::F32 => self.asm.sse(Sse::Cvt, float, FLOAT_SPARE, from),
            _ => self.asm.movaps(FLOAT_SPARE, from),
        }
        for (op, bound) in [(Sse::Max, least), (Sse::Min, greatest)] {
            let constant = self.asm.buffer.constant(bound.to_bits());
            let mem = super::asm::Mem::Constant(constant);
            self.asm.sse_mem(op, double, FLOAT_SPARE, mem);
        }
        self.asm.float_to_int(Width::W64, double, to, FLOAT_SPARE);
        self.asm.buffer.bind(done);
    }

    fn saturate_signed(&mut self, float_ty: Type, to: Reg, from: Reg) {
        let float = Width::of(float_ty);
        let buffer = &mut self.asm.buffer;
        let (done, number) = (buffer.label(), buffer.label());
        self.asm.float_to_int(Width::W64, float, to, from);
        self.asm.alu_imm(Alu::Cmp, Width::W64, to, 1);
        self.asm.jcc(Cc::No, done);
        // Too small, which is right already, or too large, or a NaN.
        self.asm.zero_float(FLOAT_SPARE);
        self.asm.sse(Sse::Ucomis, float, from, FLOAT_SPARE);
        self.asm.jcc(Cc::Np, number);
        self.asm.mov_imm(to, 0);
        self.asm.jmp(done);
        self.asm.buffer.bind(number);
        self.asm.jcc(Cc::B, done);
        self.asm.mov_imm(to, i64::MAX as u64);
        self.asm.buffer.bind(done);
    }

    fn saturate_unsigned(&mut self, float_ty: Type, to: Reg, from: Reg) {
        let float = Width::of(float_ty);
        let buffer = &mut self.asm.buffer;
        let (done, positive, large) = (buffer.label(), buffer.label(), buffer.label());
        self.asm.zero_float(FLOAT_SPARE);
        self.asm.sse(Sse::Ucomis, float, from, FLOAT_SPARE);
        self.asm.jcc(Cc::A, positive);
        self.asm.mov_imm(to, 0);
        self.asm.jmp(done);
        self.asm.buffer.bind(positive);
        self.asm.float_to_int(Width::W64, float, to, from);
        self.asm.test(Width::W64, to, to);
        self.asm.jcc(Cc::Ns, done);
        self.upper_half(float, float_ty, to, from);
        self.asm.jcc(Cc::Ns, large);
        self.asm.mov_imm(to, u64::MAX);
        self.asm.jmp(done);
        self.asm.buffer.bind(large);
        self.flip_sign(to);
        self.asm.buffer.bind(done);
    }
}

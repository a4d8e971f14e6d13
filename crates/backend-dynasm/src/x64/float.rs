//! Floating-point arithmetic.

use bakeoff_backend::native::Builtin;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, Type, Value};

use super::asm::{Cc, Rounding, Sse, SseBits, Width};
use super::operand::Rm;
use super::{FLOAT_KEEPER, FLOAT_SPARE, FLOATS, X64, X64Compiler};
use crate::location::{Class, Loc, Reg};

/// The sign bit of a float type.
fn sign_bit(ty: Type) -> u64 {
    1 << (ty.bits() - 1)
}

impl X64Compiler<'_> {
    pub(super) fn emit_float_arithmetic(&mut self, data: &InstData, result: Value) {
        let (mut x, mut y) = (data.arg(0), data.arg(1));
        let (op, commutes) = match data.op {
            Op::Fadd => (Sse::Add, true),
            Op::Fsub => (Sse::Sub, false),
            Op::Fmul => (Sse::Mul, true),
            Op::Fdiv => (Sse::Div, false),
            other => unreachable!("{other} is no arithmetic"),
        };
        let is_here = |c: &Self, value| c.values.reg(value).is_some();
        let swap = match (is_here(self, x), is_here(self, y)) {
            (false, true) => true,
            (true, true) => self.prefers_second(result, x, y),
            (true, false) => false,
            (false, false) => self.folded(x).is_some(),
        };
        if commutes && swap {
            (x, y) = (y, x);
        }
        let second = self.operand(y);
        let to = self.define_over(result, x);
        self.float_op(op, Width::of(data.ty), to, second);
    }

    fn float_op(&mut self, op: Sse, width: Width, to: Reg, operand: Rm) {
        match operand {
            Rm::Reg(reg) => self.asm.sse(op, width, to, reg),
            Rm::Mem(mem) | Rm::Linear(mem) => {
                self.note_access(operand);
                self.asm.sse_mem(op, width, to, mem);
            }
        }
    }

    pub(super) fn emit_float_unary(&mut self, data: &InstData, result: Value) {
        let x = data.arg(0);
        // The width of the operand, which names the conversion.
        let (op, width) = match data.op {
            Op::Sqrt => (Sse::Sqrt, Width::of(data.ty)),
            Op::Fpromote => (Sse::Cvt, Width::W32),
            _ => (Sse::Cvt, Width::W64),
        };
        let operand = self.operand(x);
        let to = self.define_late(result, &[x]);
        if operand_is_other(operand, to) {
            // The rest of the result stays as it is: do not wait for it.
            self.asm.sse_bits(SseBits::Xor, to, to);
        }
        self.float_op(op, width, to, operand);
    }

    /// Ordered and different operands are for the instruction; equal ones may be zeros of both signs; the
    /// sum of others is a NaN.
    pub(super) fn emit_float_min_max(&mut self, data: &InstData, result: Value) {
        let width = Width::of(data.ty);
        let (op, bits) = match data.op {
            Op::Fmin => (Sse::Min, SseBits::Or),
            _ if faults::on(Fault::DynasmMaxOfZeros) => (Sse::Max, SseBits::Or),
            _ => (Sse::Max, SseBits::And),
        };
        let second = self.use_reg(data.arg(1));
        let to = self.define_over(result, data.arg(0));
        let buffer = &mut self.asm.buffer;
        let (differ, nan, done) = (buffer.label(), buffer.label(), buffer.label());
        self.asm.sse(Sse::Ucomis, width, to, second);
        self.asm.jcc(Cc::Ne, differ);
        self.asm.jcc(Cc::P, nan);
        self.asm.sse_bits(bits, to, second);
        self.asm.jmp(done);
        self.asm.buffer.bind(nan);
        self.asm.sse(Sse::Add, width, to, second);
        self.asm.jmp(done);
        self.asm.buffer.bind(differ);
        self.asm.sse(op, width, to, second);
        self.asm.buffer.bind(done);
    }

    pub(super) fn emit_float_sign(&mut self, data: &InstData, result: Value) {
        let to = self.define_over(result, data.arg(0));
        let (op, bits) = match data.op {
            Op::Fneg => (SseBits::Xor, sign_bit(data.ty)),
            _ => (SseBits::And, sign_bit(data.ty) - 1),
        };
        self.spare_constant(Width::of(data.ty), bits);
        self.asm.sse_bits(op, to, FLOAT_SPARE);
    }

    pub(super) fn emit_copysign(&mut self, data: &InstData, result: Value) {
        let second = self.use_reg(data.arg(1));
        let to = self.define_over(result, data.arg(0));
        self.spare_constant(Width::of(data.ty), sign_bit(data.ty));
        self.asm.movaps(FLOAT_KEEPER, second);
        self.asm.sse_bits(SseBits::And, FLOAT_KEEPER, FLOAT_SPARE);
        self.asm.sse_bits(SseBits::Andn, FLOAT_SPARE, to);
        self.asm.sse_bits(SseBits::Or, FLOAT_SPARE, FLOAT_KEEPER);
        self.asm.movaps(to, FLOAT_SPARE);
    }

    pub(super) fn emit_rounding(&mut self, data: &InstData, result: Value) {
        if !self.shared.policy.features.sse41 {
            return self.emit_float_builtin(data, result);
        }
        let rounding = match data.op {
            Op::Ceil => Rounding::Ceil,
            Op::Floor if faults::on(Fault::DynasmFloorTruncates) => Rounding::Trunc,
            Op::Floor => Rounding::Floor,
            Op::Trunc => Rounding::Trunc,
            Op::Nearest => Rounding::Nearest,
            other => unreachable!("{other} does not round"),
        };
        let x = data.arg(0);
        let from = self.use_reg(x);
        let to = self.define_late(result, &[x]);
        if to != from {
            self.asm.sse_bits(SseBits::Xor, to, to);
        }
        self.asm.round(rounding, Width::of(data.ty), to, from);
    }

    pub(super) fn emit_fma(&mut self, data: &InstData, result: Value) {
        if !self.shared.policy.features.fma {
            return self.emit_float_builtin(data, result);
        }
        let (x, y) = (self.use_reg(data.arg(1)), self.use_reg(data.arg(2)));
        let to = self.define_over(result, data.arg(0));
        self.asm.fma(Width::of(data.ty), to, x, y);
    }

    /// Rounding and fused multiplication where the processor has neither.
    fn emit_float_builtin(&mut self, data: &InstData, result: Value) {
        let Some(builtin) = Builtin::of_float(data.op, data.ty) else {
            unreachable!("{} is no builtin", data.op);
        };
        self.save_for_call();
        self.moves.clear();
        let count = data.op.info().operands.len();
        for (index, reg) in FLOATS.iter().enumerate().take(count) {
            if let Some(from) = self.location(data.arg(index)) {
                self.moves.push(Loc::Reg(*reg), from);
            }
        }
        self.make_moves();
        self.forget_registers();
        self.call_builtin(builtin);
        self.define_in(result, FLOATS[0]);
    }

    pub(super) fn emit_bitcast(&mut self, data: &InstData, result: Value) {
        let x = data.arg(0);
        let from = self.use_reg(x);
        let to = self.define(result);
        match from.class() {
            Class::Int => self.asm.movq_to_float(Width::of(data.ty), to, from),
            Class::Float => self.asm.movq_to_int(Width::of(data.ty), to, from),
        }
    }
}

/// Whether an operand is not the register of the result.
fn operand_is_other(operand: Rm, to: Reg) -> bool {
    match operand {
        Rm::Reg(reg) => reg != to,
        Rm::Mem(_) | Rm::Linear(_) => true,
    }
}

impl X64 {
    /// Zero, in all of a float register: nothing waits for its old value.
    pub(super) fn zero_float(&mut self, reg: Reg) {
        self.sse_bits(SseBits::Xor, reg, reg);
    }
}

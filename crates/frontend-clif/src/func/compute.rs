//! Ops that compute, and the sequences that stand for those that the IR does not have.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{IntCc, Op, Type, Value};
use cranelift_codegen::ir::{self as clif, InstructionData};

use super::FuncTranslator;
use super::insts::Translated;

impl FuncTranslator<'_> {
    pub(super) fn constant(&mut self, inst: clif::Inst) -> Translated {
        let ty = self.result_type(inst)?;
        match self.function.dfg.insts[inst] {
            InstructionData::UnaryImm { imm, .. } => {
                let bits = match faults::on(Fault::ClifConstantCut) {
                    true => i64::from(imm.bits() as i32),
                    false => imm.bits(),
                };
                Ok(self.builder.iconst(ty, bits))
            }
            InstructionData::UnaryIeee32 { imm, .. } => {
                Ok(self.builder.fconst(ty, u64::from(imm.bits())))
            }
            InstructionData::UnaryIeee64 { imm, .. } => Ok(self.builder.fconst(ty, imm.bits())),
            other => Err(format!("op {}", other.opcode())),
        }
    }

    pub(super) fn unary(&mut self, op: Op, args: &[Value]) -> Value {
        let ty = self.ty(args[0]);
        self.builder.unary(op, ty, args[0])
    }

    pub(super) fn binary(&mut self, op: Op, args: &[Value]) -> Value {
        let ty = self.ty(args[0]);
        self.builder.binary(op, ty, args[0], args[1])
    }

    pub(super) fn overflowing(&mut self, op: Op, args: &[Value]) -> Vec<Value> {
        let ty = self.ty(args[0]);
        let (result, flag) = self.builder.overflowing(op, ty, args[0], args[1]);
        vec![result, flag]
    }

    /// Two steps, of which the second is by 0 or 1. Unsigned, at most one of them overflows. Signed, the
    /// second may take back what the first did, and then the whole fits: so `join` is an exclusive or.
    pub(super) fn with_carry(&mut self, op: Op, join: Op, args: &[Value]) -> Vec<Value> {
        let ty = self.ty(args[0]);
        let carry = self.truth(args[2]);
        let step = self.resize(Op::Uextend, carry, ty);
        let (first, overflowed) = self.builder.overflowing(op, ty, args[0], args[1]);
        let (result, again) = self.builder.overflowing(op, ty, first, step);
        let flag = self.builder.binary(join, Type::I8, overflowed, again);
        vec![result, flag]
    }

    /// 1 if the integer is not zero, else 0.
    pub(super) fn truth(&mut self, value: Value) -> Value {
        let ty = self.ty(value);
        let zero = self.builder.iconst(ty, 0);
        self.builder.icmp(IntCc::Ne, ty, value, zero)
    }

    /// An integer in another width: the low bits, or extended by `extend`.
    pub(super) fn resize(&mut self, extend: Op, value: Value, to: Type) -> Value {
        let from = self.ty(value);
        match from.bits().cmp(&to.bits()) {
            std::cmp::Ordering::Equal => value,
            std::cmp::Ordering::Less => self.builder.convert(extend, to, from, value),
            std::cmp::Ordering::Greater => self.builder.convert(Op::Ireduce, to, from, value),
        }
    }

    /// The bits of a value as an integer.
    pub(super) fn bits(&mut self, value: Value) -> Value {
        match self.ty(value) {
            Type::F32 => self
                .builder
                .convert(Op::Bitcast, Type::I32, Type::F32, value),
            Type::F64 => self
                .builder
                .convert(Op::Bitcast, Type::I64, Type::F64, value),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => value,
        }
    }

    /// The value of a type with these bits, which are an integer of its width.
    pub(super) fn of_bits(&mut self, ty: Type, bits: Value) -> Value {
        let from = self.ty(bits);
        match ty.is_float() {
            true => self.builder.convert(Op::Bitcast, ty, from, bits),
            false => bits,
        }
    }

    /// A bitwise op, which CLIF has for floats, too.
    pub(super) fn bitwise(&mut self, op: Op, args: &[Value]) -> Translated {
        let ty = self.ty(args[0]);
        let bits: Vec<Value> = args.iter().map(|value| self.bits(*value)).collect();
        let result = match bits[..] {
            [a] => self.builder.unary(op, self.builder.value_type(a), a),
            [a, b] => self.builder.binary(op, self.builder.value_type(a), a, b),
            _ => return Err(format!("op {op}")),
        };
        Ok(self.of_bits(ty, result))
    }

    /// The bits of the second where the first has ones, those of the third where it has zeros.
    pub(super) fn bitselect(&mut self, args: &[Value]) -> Translated {
        let ty = self.ty(args[0]);
        let bits: Vec<Value> = args.iter().map(|value| self.bits(*value)).collect();
        let int = self.ty(bits[0]);
        let ones = self.builder.binary(Op::Band, int, bits[0], bits[1]);
        let others = self.builder.unary(Op::Bnot, int, bits[0]);
        let zeros = self.builder.binary(Op::Band, int, others, bits[2]);
        let result = self.builder.binary(Op::Bor, int, ones, zeros);
        Ok(self.of_bits(ty, result))
    }

    /// A shift or rotation. The count is of any width in CLIF; as it is taken modulo the number of
    /// bits, its low bits are enough.
    pub(super) fn shift(&mut self, op: Op, args: &[Value]) -> Value {
        let ty = self.ty(args[0]);
        let count = self.resize(Op::Uextend, args[1], ty);
        self.builder.binary(op, ty, args[0], count)
    }

    /// How many bits below the highest one are equal to it.
    pub(super) fn leading_sign_bits(&mut self, value: Value) -> Value {
        let ty = self.ty(value);
        let last = self.builder.iconst(ty, i64::from(ty.bits()) - 1);
        let sign = self.builder.binary(Op::Sshr, ty, value, last);
        let differing = self.builder.binary(Op::Bxor, ty, value, sign);
        let same = self.builder.unary(Op::Clz, ty, differing);
        let one = self.builder.iconst(ty, 1);
        self.builder.binary(Op::Isub, ty, same, one)
    }
}

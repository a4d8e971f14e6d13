//! Conversions. Those between floats and integers are for words in the IR; CLIF has them for `i8` and
//! `i16`, too, where every value of the narrow type is one of `i32`.

use bakeoff_ir::{IntCc, Op, TrapCode, Type, Value};
use cranelift_codegen::ir as clif;

use super::FuncTranslator;
use super::insts::Translated;

/// The least and the greatest value of a narrow type in an `i32`.
fn range(op: Op, ty: Type) -> (i64, i64) {
    match op {
        Op::FcvtToSint | Op::FcvtToSintSat => {
            let half = 1 << (ty.bits() - 1);
            (-half, half - 1)
        }
        _ => (0, ty.mask() as i64),
    }
}

fn is_narrow(ty: Type) -> bool {
    matches!(ty, Type::I8 | Type::I16)
}

impl FuncTranslator<'_> {
    /// A conversion that both languages have.
    pub(super) fn convert(&mut self, op: Op, inst: clif::Inst, args: &[Value]) -> Translated {
        let (to, from) = (self.result_type(inst)?, self.ty(args[0]));
        Ok(self.builder.convert(op, to, from, args[0]))
    }

    pub(super) fn bitcast(&mut self, inst: clif::Inst, value: Value) -> Translated {
        let to = self.result_type(inst)?;
        if to == self.ty(value) {
            return Ok(value);
        }
        let bits = self.bits(value);
        Ok(self.of_bits(to, bits))
    }

    /// All ones if the value is not zero, else zero.
    pub(super) fn mask(&mut self, inst: clif::Inst, value: Value) -> Translated {
        let to = self.result_type(inst)?;
        let truth = self.truth(value);
        let wide = self.resize(Op::Uextend, truth, to);
        Ok(self.builder.unary(Op::Ineg, to, wide))
    }

    /// An integer as a float.
    pub(super) fn float_of(&mut self, op: Op, inst: clif::Inst, value: Value) -> Translated {
        let to = self.result_type(inst)?;
        let extend = match op {
            Op::FcvtFromSint => Op::Sextend,
            _ => Op::Uextend,
        };
        let word = match is_narrow(self.ty(value)) {
            true => self.resize(extend, value, Type::I32),
            false => value,
        };
        let from = self.ty(word);
        Ok(self.builder.convert(op, to, from, word))
    }

    /// A float as an integer; out of range is a trap.
    pub(super) fn int_of(&mut self, op: Op, inst: clif::Inst, value: Value) -> Translated {
        let (to, from) = (self.result_type(inst)?, self.ty(value));
        if !is_narrow(to) {
            return Ok(self.builder.convert(op, to, from, value));
        }
        let word = self.builder.convert(op, Type::I32, from, value);
        let (least, greatest) = range(op, to);
        // One comparison for both bounds: below the least wraps to above the greatest.
        let least = self.builder.iconst(Type::I32, least);
        let above = self.builder.binary(Op::Isub, Type::I32, word, least);
        let greatest = self.builder.iconst(Type::I32, greatest);
        let width = self.builder.binary(Op::Isub, Type::I32, greatest, least);
        let outside = self.builder.icmp(IntCc::Ugt, Type::I32, above, width);
        self.builder.trapnz(outside, TrapCode::IntegerOverflow);
        Ok(self.builder.convert(Op::Ireduce, to, Type::I32, word))
    }

    /// A float as an integer; out of range is the nearer bound.
    pub(super) fn saturated(&mut self, op: Op, inst: clif::Inst, value: Value) -> Translated {
        let (to, from) = (self.result_type(inst)?, self.ty(value));
        if !is_narrow(to) {
            return Ok(self.builder.convert(op, to, from, value));
        }
        let word = self.builder.convert(op, Type::I32, from, value);
        let (least, greatest) = range(op, to);
        let greatest = self.builder.iconst(Type::I32, greatest);
        let clamped = match op {
            Op::FcvtToSintSat => {
                let least = self.builder.iconst(Type::I32, least);
                let below = self.builder.binary(Op::Smin, Type::I32, word, greatest);
                self.builder.binary(Op::Smax, Type::I32, below, least)
            }
            _ => self.builder.binary(Op::Umin, Type::I32, word, greatest),
        };
        Ok(self.builder.convert(Op::Ireduce, to, Type::I32, clamped))
    }
}

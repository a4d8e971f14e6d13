//! Ops that make scalars from scalars, at every type.

use std::sync::LazyLock;

use bakeoff_ir::{FloatCc, Format, IntCc, Op, Scalar, TrapCode, Type, Value};

use super::function::Gen;
use crate::origin::Origin;

/// Every op of the table that computes, with every pair of types that it ranges over.
static ALL: LazyLock<Vec<(Op, Type, Type)>> = LazyLock::new(|| {
    let formats = [Format::Plain, Format::IntCompare, Format::FloatCompare];
    let ops = Op::ALL
        .iter()
        .filter(|op| formats.contains(&op.info().format));
    let with_types = |op: &Op| {
        let op = *op;
        let pairs = op.type_pairs().into_iter();
        pairs.filter_map(move |(t, s)| Some((op, t?, s.unwrap_or(Type::I8))))
    };
    ops.flat_map(with_types).collect()
});

/// What programs mostly consist of, where backends have most of their cases.
const USUAL: &[Op] = &[
    Op::Iadd,
    Op::Iadd,
    Op::Isub,
    Op::Imul,
    Op::Band,
    Op::Bor,
    Op::Bxor,
    Op::Ishl,
    Op::Ushr,
    Op::Sshr,
    Op::Icmp,
    Op::Select,
    Op::Sdiv,
    Op::Udiv,
    Op::Srem,
    Op::Urem,
];

impl Gen<'_, '_> {
    /// One op.
    pub(super) fn compute(&mut self) {
        if self.rng.percent(40) {
            let op = self.rng.pick(USUAL);
            let ty = self.int_type();
            return self.op(op, ty, Type::I8);
        }
        let (op, t, s) = ALL[self.rng.below(ALL.len())];
        self.op(op, t, s);
    }

    fn op(&mut self, op: Op, t: Type, s: Type) {
        match op {
            Op::Icmp => {
                let test = self.compare_ints(t);
                self.add(test, Type::I8, Origin::Exact);
            }
            Op::Fcmp => {
                let test = self.compare_floats(t);
                self.add(test, Type::I8, Origin::Exact);
            }
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => self.divide(op, t),
            Op::FcvtToSint | Op::FcvtToUint => self.int_of_float(op, t, s),
            Op::Select => {
                let cond = self.condition();
                let (a, b) = (self.var(t), self.var(t));
                let value = self.b.select(t, cond, a.value, b.value);
                self.add(value, t, a.origin.join(b.origin));
            }
            Op::Bitcast => {
                let from = self.exact(s);
                let value = self.b.convert(op, t, s, from);
                self.add(value, t, Origin::Exact);
            }
            Op::Copysign => {
                let (a, sign) = (self.var(t), self.exact(t));
                let value = self.b.binary(op, t, a.value, sign);
                self.add_result(value, t, op, &[a.origin]);
            }
            _ => self.plain(op, t, s),
        }
    }

    fn plain(&mut self, op: Op, t: Type, s: Type) {
        let row = op.info();
        let first = match row.s.is_empty() {
            true => self.var(t),
            // Where a conversion rounds or saturates.
            false if self.rng.percent(30) => self.constant(s),
            false => self.var(s),
        };
        match (row.operands.len(), row.results.len()) {
            (1, _) if row.s.is_empty() => {
                let value = self.b.unary(op, t, first.value);
                self.add_result(value, t, op, &[first.origin]);
            }
            (1, _) => {
                let value = self.b.convert(op, t, s, first.value);
                self.add_result(value, t, op, &[first.origin]);
            }
            (2, 2) => {
                let second = self.value(t);
                let (value, flag) = self.b.overflowing(op, t, first.value, second);
                self.add(value, t, Origin::Exact);
                self.add(flag, Type::I8, Origin::Exact);
            }
            (2, _) => {
                let (first, second) = match self.rng.below(10) {
                    // Two values at which something changes meet.
                    0 => (self.constant(t), self.constant(t)),
                    _ if matches!(op, Op::Fmin | Op::Fmax) && self.rng.percent(25) => {
                        let [a, b] = [0.0, -0.0].map(|zero: f64| zero.to_bits() >> (64 - t.bits()));
                        let (a, b) = if self.rng.percent(50) { (a, b) } else { (b, a) };
                        (
                            self.scalar(Scalar::new(t, a)),
                            self.scalar(Scalar::new(t, b)),
                        )
                    }
                    1 | 2 => (first, self.constant(t)),
                    _ => (first, self.var(t)),
                };
                let value = self.b.binary(op, t, first.value, second.value);
                self.add_result(value, t, op, &[first.origin, second.origin]);
            }
            _ => self.fma(t, first.value),
        }
    }

    fn fma(&mut self, ty: Type, first: Value) {
        let [a, b, c] = match ty == Type::F32 && self.rng.percent(30) {
            true => {
                let tie = Scalar::f32(super::constants::TIES_SQUARED);
                let a = self.scalar(tie).value;
                [a, a, self.value(ty)]
            }
            false => [first, self.value(ty), self.value(ty)],
        };
        let value = self.b.fma(ty, a, b, c);
        self.add(value, ty, Origin::Free);
    }

    fn compare_ints(&mut self, ty: Type) -> Value {
        let cc = self.rng.pick(IntCc::ALL);
        let a = self.value(ty);
        let b = match self.rng.percent(30) {
            true => self.constant(ty).value,
            false => self.value(ty),
        };
        self.b.icmp(cc, ty, a, b)
    }

    fn compare_floats(&mut self, ty: Type) -> Value {
        let cc = self.rng.pick(FloatCc::ALL);
        let (a, b) = (self.value(ty), self.value(ty));
        self.b.fcmp(cc, ty, a, b)
    }

    pub(super) fn integer_test(&mut self) -> Value {
        let ty = self.int_type();
        self.compare_ints(ty)
    }

    pub(super) fn float_test(&mut self) -> Value {
        let ty = self.rng.pick(&[Type::F32, Type::F64]);
        self.compare_floats(ty)
    }

    /// A division whose divisor is not zero and, unless it is a risk, not -1 for the least dividend.
    fn divide(&mut self, op: Op, ty: Type) {
        let mut a = self.value(ty);
        let b = match self.rng.below(10) {
            _ if self.risk(8) => match self.rng.below(3) {
                // The quotient that does not fit, or almost.
                0 => {
                    let least = self.scalar(Scalar::new(ty, 1 << (ty.bits() - 1))).value;
                    let minus_one = self.b.iconst(ty, -1);
                    let (cond, other) = (self.condition(), self.value(ty));
                    a = self.b.select(ty, cond, least, a);
                    match self.rng.percent(30) {
                        true => minus_one,
                        false => self.b.select(ty, cond, minus_one, other),
                    }
                }
                _ => self.value(ty),
            },
            // What is a shift or a mask.
            0 | 1 => {
                let shift = self.rng.below(ty.bits() as usize - 1);
                self.scalar(Scalar::new(ty, 1 << shift)).value
            }
            2..=4 => {
                let mut constant = crate::generate::constants::int_bits(ty, self.rng) & ty.mask();
                let minus_one = op == Op::Sdiv && constant == ty.mask();
                if constant == 0 || minus_one {
                    constant = 3;
                }
                self.scalar(Scalar::new(ty, constant)).value
            }
            _ => {
                // Odd and positive: neither zero nor minus one.
                let value = self.value(ty);
                let mask = self.scalar(Scalar::new(ty, ty.mask() >> 1)).value;
                let one = self.b.iconst(ty, 1);
                let low = self.b.binary(Op::Band, ty, value, mask);
                self.b.binary(Op::Bor, ty, low, one)
            }
        };
        let value = self.b.binary(op, ty, a, b);
        self.add(value, ty, Origin::Exact);
    }

    /// A conversion that is in range, unless it is a risk.
    fn int_of_float(&mut self, op: Op, to: Type, from: Type) {
        let operand = match self.rng.percent(50) {
            _ if self.risk(8) => self.value(from),
            true => {
                let bits = [0.0, -0.0, 1.9, 127.5, 65535.99, 1e6, 2147483520.0, -0.9];
                let value: f64 = self.rng.pick(&bits);
                let bits = match from {
                    Type::F32 => u64::from((value as f32).to_bits()),
                    _ => value.to_bits(),
                };
                self.scalar(Scalar::new(from, bits)).value
            }
            false => {
                // From 16 bits to a float and back.
                let (wide, narrow) = (self.value(Type::I16), Type::I16);
                let int = self.b.convert(Op::Uextend, Type::I32, narrow, wide);
                let convert = self.rng.pick(&[Op::FcvtFromSint, Op::FcvtFromUint]);
                let float = self.b.convert(convert, from, Type::I32, int);
                self.add(float, from, Origin::Small(17));
                float
            }
        };
        let value = self.b.convert(op, to, from, operand);
        self.add(value, to, Origin::Exact);
    }

    /// A conditional trap. Unless it is a risk, its condition never holds.
    pub(super) fn trap(&mut self) {
        let code = match self.rng.percent(50) {
            true => TrapCode::User(self.rng.below(128) as u8),
            false => self.rng.pick(TrapCode::NAMED),
        };
        if self.risk(40) {
            let cond = self.condition();
            return match self.rng.percent(50) {
                true => self.b.trapz(cond, code),
                false => self.b.trapnz(cond, code),
            };
        }
        // Backends do not see through `x | 1` and `x ^ x`, or they may.
        let ty = self.int_type();
        let value = self.value(ty);
        match self.rng.below(3) {
            0 => {
                let one = self.b.iconst(ty, 1);
                let set = self.b.binary(Op::Bor, ty, value, one);
                self.b.trapz(set, code);
            }
            1 => {
                let cc =
                    self.rng
                        .pick(&[IntCc::Ne, IntCc::Slt, IntCc::Ult, IntCc::Sgt, IntCc::Ugt]);
                let never = self.b.icmp(cc, ty, value, value);
                self.b.trapnz(never, code);
            }
            _ => {
                let one = self.b.iconst(ty, 1);
                let low = self.b.binary(Op::Band, ty, value, one);
                let two = self.b.iconst(ty, 2);
                let cc = self.rng.pick(&[IntCc::Ult, IntCc::Slt, IntCc::Ne]);
                let holds = self.b.icmp(cc, ty, low, two);
                self.b.trapz(holds, code);
            }
        }
    }

    /// Many values at once: made one after another, and all used behind the last one.
    pub(super) fn pressure(&mut self) {
        let count = self.rng.between(8, 26);
        let ty = self
            .rng
            .pick(&[Type::I32, Type::I64, Type::I64, Type::F64, Type::F32]);
        self.cost += 2 * count as u32 * self.times;
        let mark = self.mark();
        let mut values: Vec<(Value, Origin)> = Vec::with_capacity(count);
        for _ in 0..count {
            let (a, b) = (self.var(ty), self.var(ty));
            let op = match ty.is_float() {
                true => self
                    .rng
                    .pick(&[Op::Fadd, Op::Fsub, Op::Fmul, Op::Fmin, Op::Fmax]),
                false => self.rng.pick(&[
                    Op::Iadd,
                    Op::Isub,
                    Op::Bxor,
                    Op::Imul,
                    Op::Band,
                    Op::Bor,
                    Op::Rotl,
                ]),
            };
            let value = self.b.binary(op, ty, a.value, b.value);
            let origin = crate::origin::result(op, &[a.origin, b.origin]);
            values.push((value, origin));
        }
        if self.rng.percent(40) {
            self.call();
        }
        self.back_to(mark);
        let (mut sum, mut origin) = values.swap_remove(self.rng.below(values.len()));
        while !values.is_empty() {
            let (value, other) = values.swap_remove(self.rng.below(values.len()));
            let op = match ty.is_float() {
                true => self.rng.pick(&[Op::Fadd, Op::Fsub]),
                false => self.rng.pick(&[Op::Iadd, Op::Isub, Op::Bxor]),
            };
            sum = self.b.binary(op, ty, sum, value);
            origin = crate::origin::result(op, &[origin, other]);
        }
        self.add(sum, ty, origin);
    }
}

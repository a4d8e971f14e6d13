//! The operand stack, and truth values on it.
//!
//! WebAssembly's truth values are `i32`, the IR's are `i8`, and most are used as conditions only. So
//! there are three forms of an `i32` operand:
//! * an `i32`;
//! * an `i8` that is 0 or 1: no other `i8` ever gets onto the stack, so the type tells. It is extended
//!   where it is used as a number;
//! * on top only, a *test* that is no instruction yet. It becomes one as soon as another operand comes
//!   above it or it is used; but `i32.eqz` only inverts it, and a test for zero is no instruction at
//!   all if it decides a branch: the edges change places.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{FloatCc, IntCc, Op, Type, Value};

use super::FuncTranslator;

/// A comparison that is not yet an instruction.
#[derive(Clone, Copy)]
pub(super) enum Test {
    Int {
        cc: IntCc,
        ty: Type,
        a: Value,
        b: Value,
    },
    Float {
        cc: FloatCc,
        ty: Type,
        a: Value,
        b: Value,
    },
    /// `a` is zero, or if `not`, it is not.
    Zero { not: bool, ty: Type, a: Value },
}

impl Test {
    /// The test that holds exactly if this one does not.
    fn inverse(self) -> Test {
        match self {
            Test::Int { cc, ty, a, b } => Test::Int {
                cc: cc.inverse(),
                ty,
                a,
                b,
            },
            Test::Float { cc, ty, a, b } if faults::on(Fault::WasmFloatInverse) => {
                Test::Float { cc, ty, a: b, b: a }
            }
            Test::Float { cc, ty, a, b } => Test::Float {
                cc: cc.inverse(),
                ty,
                a,
                b,
            },
            Test::Zero { not, ty, a } => Test::Zero { not: !not, ty, a },
        }
    }
}

/// A condition: whether `value` is zero or not.
pub(super) struct Condition {
    pub(super) value: Value,
    /// It holds if the value *is* zero.
    pub(super) inverted: bool,
}

impl FuncTranslator<'_, '_> {
    pub(super) fn push(&mut self, value: Value) {
        self.flush();
        self.stack.push(value);
    }

    pub(super) fn push_test(&mut self, test: Test) {
        self.flush();
        self.pending = Some(test);
    }

    /// Makes a pending test an instruction.
    pub(super) fn flush(&mut self) {
        if let Some(test) = self.pending.take() {
            let value = self.emit_test(test);
            self.stack.push(value);
        }
    }

    fn emit_test(&mut self, test: Test) -> Value {
        match test {
            Test::Int { cc, ty, a, b } => self.builder.icmp(cc, ty, a, b),
            Test::Float { cc, ty, a, b } => self.builder.fcmp(cc, ty, a, b),
            Test::Zero { not, ty, a } => {
                let zero = self.builder.iconst(ty, 0);
                let cc = if not { IntCc::Ne } else { IntCc::Eq };
                self.builder.icmp(cc, ty, a, zero)
            }
        }
    }

    /// Takes the topmost operand, of its WebAssembly type.
    pub(super) fn pop(&mut self) -> Value {
        let value = self.pop_raw();
        self.widen(value)
    }

    /// Takes the topmost operand, which may be an `i8`.
    pub(super) fn pop_raw(&mut self) -> Value {
        self.flush();
        self.stack.pop().expect("validated: the stack has enough")
    }

    /// Takes the topmost three operands, the topmost last.
    pub(super) fn pop3(&mut self) -> [Value; 3] {
        let (c, b, a) = (self.pop(), self.pop(), self.pop());
        [a, b, c]
    }

    /// An `i8` truth value as an `i32`; anything else as it is.
    pub(super) fn widen(&mut self, value: Value) -> Value {
        match self.builder.value_type(value) {
            Type::I8 => self
                .builder
                .convert(Op::Uextend, Type::I32, Type::I8, value),
            _ => value,
        }
    }

    /// Gives the topmost `count` operands their WebAssembly types, and yields where they begin.
    pub(super) fn widen_top(&mut self, count: usize) -> usize {
        self.flush();
        let start = self.stack.len() - count;
        for index in start..self.stack.len() {
            self.stack[index] = self.widen(self.stack[index]);
        }
        start
    }

    /// Drops the topmost operand.
    pub(super) fn discard(&mut self) {
        if self.pending.take().is_none() {
            self.stack.pop();
        }
    }

    /// Takes the topmost operand as a condition.
    pub(super) fn pop_condition(&mut self) -> Condition {
        match self.pending.take() {
            Some(Test::Zero { not, a, .. }) => Condition {
                value: a,
                inverted: !not,
            },
            Some(test) => Condition {
                value: self.emit_test(test),
                inverted: false,
            },
            None => Condition {
                value: self.pop_raw(),
                inverted: false,
            },
        }
    }

    /// `eqz` and `ref.is_null`. `ty` is the WebAssembly type of the operand.
    pub(super) fn test_zero(&mut self, ty: Type) {
        if let Some(test) = self.pending.take() {
            self.pending = Some(test.inverse());
            return;
        }
        let a = self.pop_raw();
        let ty = match self.builder.value_type(a) {
            Type::I8 => Type::I8,
            _ => ty,
        };
        self.push_test(Test::Zero { not: false, ty, a });
    }

    /// `and`, `or`, `xor` of `i32`: truth values remain truth values.
    pub(super) fn logic(&mut self, op: Op) {
        let (b, a) = (self.pop_raw(), self.pop_raw());
        let result = match (self.builder.value_type(a), self.builder.value_type(b)) {
            (Type::I8, Type::I8) => self.builder.binary(op, Type::I8, a, b),
            (Type::I8, _) if faults::on(Fault::WasmTruthAbsorbs) => {
                let b = self.builder.convert(Op::Ireduce, Type::I8, Type::I32, b);
                self.builder.binary(op, Type::I8, a, b)
            }
            _ => {
                let (a, b) = (self.widen(a), self.widen(b));
                self.builder.binary(op, Type::I32, a, b)
            }
        };
        self.push(result);
    }

    /// `i64.extend_i32_s` and `_u`, which agree on truth values.
    pub(super) fn extend_i32(&mut self, op: Op) {
        let value = self.pop_raw();
        let result = match self.builder.value_type(value) {
            Type::I8 => self
                .builder
                .convert(Op::Uextend, Type::I64, Type::I8, value),
            _ => self.builder.convert(op, Type::I64, Type::I32, value),
        };
        self.push(result);
    }

    /// `select`.
    pub(super) fn select(&mut self) {
        let Condition { value, inverted } = self.pop_condition();
        let (mut b, mut a) = (self.pop_raw(), self.pop_raw());
        if self.builder.value_type(a) != self.builder.value_type(b) {
            (a, b) = (self.widen(a), self.widen(b));
        }
        let ty = self.builder.value_type(a);
        if inverted && !faults::on(Fault::WasmSelectKept) {
            (a, b) = (b, a);
        }
        let result = self.builder.select(ty, value, a, b);
        self.push(result);
    }

    /// `local.tee`: the operand stays, in the form that the variable has too.
    pub(super) fn tee(&mut self, local: u32) {
        let value = self.pop();
        self.builder
            .define_variable(self.locals[local as usize], value);
        self.push(value);
    }
}

//! Conditions: comparisons, what branches on them, and selection.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{FloatCc, InstData, IntCc, Op, Type, Value};

use super::asm::{Alu, Cc, Mem, Narrow, Sse, Width, X64};
use super::operand::Rm;
use super::{FLOAT_SPARE, SPARE, X64Compiler};
use crate::buffer::Label;
use crate::location::Class;

/// What the flags have to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Condition {
    cc: Cc,
    parity: Parity,
}

/// What a comparison of floats asks of the parity flag, which says that an operand is a NaN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Parity {
    /// Nothing.
    Any,
    /// The condition holds only if neither is one.
    AndOrdered,
    /// It holds as well if one is.
    OrUnordered,
}

impl From<Cc> for Condition {
    fn from(cc: Cc) -> Condition {
        let parity = Parity::Any;
        Condition { cc, parity }
    }
}

impl Condition {
    /// The opposite.
    pub(super) fn inverse(self) -> Condition {
        Condition {
            cc: self.cc.inverse(),
            parity: match self.parity {
                Parity::Any => Parity::Any,
                Parity::AndOrdered if faults::on(Fault::DynasmInverseOrdered) => Parity::AndOrdered,
                Parity::AndOrdered => Parity::OrUnordered,
                Parity::OrUnordered => Parity::AndOrdered,
            },
        }
    }
}

/// The condition of a comparison of integers.
fn int_condition(cc: IntCc) -> Cc {
    match cc {
        IntCc::Eq => Cc::E,
        IntCc::Ne => Cc::Ne,
        IntCc::Slt => Cc::L,
        IntCc::Sle => Cc::Le,
        IntCc::Sgt => Cc::G,
        IntCc::Sge => Cc::Ge,
        IntCc::Ult => Cc::B,
        IntCc::Ule => Cc::Be,
        IntCc::Ugt => Cc::A,
        IntCc::Uge => Cc::Ae,
    }
}

/// How floats are compared: whether the operands change places, and what the flags of `ucomis` have to
/// say then. Unordered operands set all three of them.
fn float_condition(cc: FloatCc) -> (bool, Condition) {
    let (swap, cc, parity) = match cc {
        FloatCc::Eq if faults::on(Fault::DynasmNanEqual) => (false, Cc::E, Parity::Any),
        FloatCc::Eq => (false, Cc::E, Parity::AndOrdered),
        FloatCc::Ne => (false, Cc::Ne, Parity::OrUnordered),
        FloatCc::Lt => (true, Cc::A, Parity::Any),
        FloatCc::Le => (true, Cc::Ae, Parity::Any),
        FloatCc::Gt => (false, Cc::A, Parity::Any),
        FloatCc::Ge => (false, Cc::Ae, Parity::Any),
        FloatCc::Ord => (false, Cc::Np, Parity::Any),
        FloatCc::Uno => (false, Cc::P, Parity::Any),
        FloatCc::Ueq => (false, Cc::E, Parity::Any),
        FloatCc::One => (false, Cc::Ne, Parity::Any),
        FloatCc::Ult => (false, Cc::B, Parity::Any),
        FloatCc::Ule => (false, Cc::Be, Parity::Any),
        FloatCc::Ugt => (true, Cc::B, Parity::Any),
        FloatCc::Uge => (true, Cc::Be, Parity::Any),
    };
    (swap, Condition { cc, parity })
}

/// Whether a condition of integers depends on signs.
fn is_signed(cc: IntCc) -> bool {
    matches!(cc, IntCc::Slt | IntCc::Sle | IntCc::Sgt | IntCc::Sge)
}

impl X64 {
    /// Branches if a condition holds.
    pub(super) fn branch_on(&mut self, condition: Condition, target: Label) {
        match condition.parity {
            Parity::Any => self.jcc(condition.cc, target),
            Parity::OrUnordered => {
                self.jcc(Cc::P, target);
                self.jcc(condition.cc, target);
            }
            Parity::AndOrdered => {
                let over = self.buffer.label();
                self.jcc(Cc::P, over);
                self.jcc(condition.cc, target);
                self.buffer.bind(over);
            }
        }
    }
}

impl X64Compiler<'_> {
    /// Sets flags for a value that is a condition.
    pub(super) fn condition(&mut self, value: Value) -> Condition {
        match self.folded(value) {
            Some(data) if matches!(data.op, Op::Icmp | Op::Fcmp) => self.compare(&data),
            Some(data) if data.op == Op::Band => self.test_bits(&data, IntCc::Ne),
            _ => self.is_not_zero(value),
        }
    }

    /// Notes that the zero flag tells whether a result is zero, which has just been computed.
    pub(super) fn note_zero_flag(&mut self, result: Value) {
        self.asm.zero_flag = Some((result, self.asm.buffer.len()));
    }

    /// Whether the zero flag tells whether this value is zero.
    fn zero_flag_is_of(&self, value: Value) -> bool {
        if faults::on(Fault::DynasmStaleFlags)
            && let Some((known, _)) = self.asm.zero_flag
        {
            return self.shared.policy.fusion && known == value;
        }
        self.shared.policy.fusion && self.asm.zero_flag == Some((value, self.asm.buffer.len()))
    }

    fn is_not_zero(&mut self, value: Value) -> Condition {
        if self.zero_flag_is_of(value) {
            return Cc::Ne.into();
        }
        let width = Width::of(self.function.value_type(value));
        let operand = self.operand(value);
        match operand {
            Rm::Reg(reg) => self.asm.test(width, reg, reg),
            Rm::Mem(mem) | Rm::Linear(mem) => {
                self.note_access(operand);
                self.asm.alu_imm_to_mem(Alu::Cmp, width, mem, 0);
            }
        }
        Cc::Ne.into()
    }

    /// Sets flags for a comparison.
    fn compare(&mut self, data: &InstData) -> Condition {
        match data.op {
            Op::Icmp => self.compare_ints(data.int_cc(), data.ty, data.arg(0), data.arg(1)),
            _ => self.compare_floats(data.float_cc(), data.ty, data.arg(0), data.arg(1)),
        }
    }

    fn compare_ints(&mut self, cc: IntCc, ty: Type, x: Value, y: Value) -> Condition {
        let is_folded = |c: &Self, value| c.folded(value).is_some_and(|data| data.op == Op::Load);
        let (mut cc, mut x, mut y) = (cc, x, y);
        if self.imm(x).is_some() && self.imm(y).is_none() {
            (cc, x, y) = (cc.swapped(), y, x);
        }
        let narrow = matches!(ty, Type::I8 | Type::I16);
        if narrow && is_signed(cc) {
            let (x, y) = (self.use_reg(x), self.use_reg(y));
            self.asm.cmp_narrow(ty.bits(), x, y);
            return int_condition(cc).into();
        }
        let width = Width::of(ty);
        if let Some(imm) = self.imm(y) {
            if let (0, Some(inner)) = (imm, self.folded(x))
                && let Some(condition) = self.compare_folded(&inner, cc)
            {
                return condition;
            }
            if imm == 0 && matches!(cc, IntCc::Eq | IntCc::Ne) && self.zero_flag_is_of(x) {
                return int_condition(cc).into();
            }
            match self.operand(x) {
                Rm::Reg(reg) if imm == 0 => self.asm.test(width, reg, reg),
                Rm::Reg(reg) => self.asm.alu_imm(Alu::Cmp, width, reg, imm),
                rm @ (Rm::Mem(mem) | Rm::Linear(mem)) => {
                    self.note_access(rm);
                    self.asm.alu_imm_to_mem(Alu::Cmp, width, mem, imm);
                }
            }
            return int_condition(cc).into();
        }
        if is_folded(self, x) {
            (cc, x, y) = (cc.swapped(), y, x);
        }
        let first = self.use_reg(x);
        match self.operand(y) {
            Rm::Reg(reg) => self.asm.alu(Alu::Cmp, width, first, reg),
            rm @ (Rm::Mem(mem) | Rm::Linear(mem)) => {
                self.note_access(rm);
                self.asm.alu_mem(Alu::Cmp, width, first, mem);
            }
        }
        int_condition(cc).into()
    }

    /// Sets flags for the comparison of a mask or of another comparison with zero, by `eq` or `ne`.
    fn compare_folded(&mut self, inner: &InstData, cc: IntCc) -> Option<Condition> {
        match (inner.op, cc) {
            (Op::Band, _) => Some(self.test_bits(inner, cc)),
            (Op::Icmp | Op::Fcmp, IntCc::Eq) => Some(self.compare(inner).inverse()),
            (Op::Icmp | Op::Fcmp, _) => Some(self.compare(inner)),
            _ => None,
        }
    }

    /// Sets flags by the bits that two operands have in common, for `eq` or `ne` with zero.
    fn test_bits(&mut self, band: &InstData, cc: IntCc) -> Condition {
        let (mut x, mut y) = (band.arg(0), band.arg(1));
        if self.imm(x).is_some() {
            (x, y) = (y, x);
        }
        let width = Width::of(band.ty);
        let first = self.use_reg(x);
        match self.imm(y) {
            Some(imm) => self.asm.test_imm(width, first, imm),
            None => {
                let second = self.use_reg(y);
                self.asm.test(width, first, second);
            }
        }
        int_condition(cc).into()
    }

    fn compare_floats(&mut self, cc: FloatCc, ty: Type, x: Value, y: Value) -> Condition {
        let (swap, condition) = float_condition(cc);
        let (x, y) = if swap { (y, x) } else { (x, y) };
        let first = self.use_reg(x);
        match self.operand(y) {
            Rm::Reg(reg) => self.asm.sse(Sse::Ucomis, Width::of(ty), first, reg),
            rm @ (Rm::Mem(mem) | Rm::Linear(mem)) => {
                self.note_access(rm);
                self.asm.sse_mem(Sse::Ucomis, Width::of(ty), first, mem);
            }
        }
        condition
    }

    /// The truth of a comparison as a value.
    pub(super) fn emit_comparison(&mut self, data: &InstData, result: Value) {
        let condition = self.compare(data);
        let to = self.define_late(result, &[data.arg(0), data.arg(1)]);
        self.asm.setcc(condition.cc, to);
        match condition.parity {
            Parity::Any => {}
            Parity::AndOrdered => {
                self.asm.setcc(Cc::Np, SPARE);
                self.asm.alu(Alu::And, Width::W32, to, SPARE);
            }
            Parity::OrUnordered => {
                self.asm.setcc(Cc::P, SPARE);
                self.asm.alu(Alu::Or, Width::W32, to, SPARE);
            }
        }
        self.asm.extend(Narrow::U8, Width::W32, to, to);
    }

    /// Traps if a condition holds, or if it does not.
    pub(super) fn emit_cond_trap(&mut self, data: &InstData) {
        let condition = self.condition(data.arg(0));
        let condition = match data.op {
            Op::Trapnz => condition,
            _ => condition.inverse(),
        };
        let label = self.asm.buffer.trap_label(data.trap_code());
        self.asm.branch_on(condition, label);
    }

    // ---- Selection -------------------------------------------------------------------------------

    /// The flags are set first; nothing behind that changes them.
    pub(super) fn emit_select(&mut self, data: &InstData, result: Value) {
        let [_, x, y] = [0, 1, 2].map(|index| data.arg(index));
        let condition = self.condition(data.arg(0));
        self.asm.keep_flags = !faults::on(Fault::DynasmFlagsLost);
        match Class::of(data.ty) {
            Class::Int => self.select_int(condition, Width::of(data.ty), result, x, y),
            Class::Float => self.select_float(condition, Width::of(data.ty), result, x, y),
        }
        self.asm.keep_flags = false;
    }

    fn select_int(
        &mut self,
        condition: Condition,
        width: Width,
        result: Value,
        x: Value,
        y: Value,
    ) {
        // A pair of moves on both flags: the result begins as what it is if one of them decides.
        let (condition, x, y) = match condition.parity {
            Parity::AndOrdered => (condition.inverse(), y, x),
            Parity::Any if self.ends_here(x) && !self.ends_here(y) => (condition.inverse(), y, x),
            Parity::Any | Parity::OrUnordered => (condition, x, y),
        };
        let chosen = self.use_reg(x);
        let to = self.define_over(result, y);
        self.asm.cmov(condition.cc, width, to, chosen);
        if condition.parity == Parity::OrUnordered && !faults::on(Fault::DynasmSelectOrdered) {
            self.asm.cmov(Cc::P, width, to, chosen);
        }
    }

    fn select_float(
        &mut self,
        condition: Condition,
        width: Width,
        result: Value,
        x: Value,
        y: Value,
    ) {
        let (condition, x, y) = match self.ends_here(y) && !self.ends_here(x) {
            true => (condition.inverse(), y, x),
            false => (condition, x, y),
        };
        let other = self.operand(y);
        let to = self.define_over(result, x);
        let over = self.asm.buffer.label();
        self.asm.branch_on(condition, over);
        match other {
            Rm::Reg(reg) => self.asm.movaps(to, reg),
            Rm::Mem(mem) | Rm::Linear(mem) => self.asm.load_float(width, to, mem),
        }
        self.asm.buffer.bind(over);
    }

    /// Sets flags by a comparison of a float with itself, which says whether it is a NaN.
    pub(super) fn test_nan(&mut self, width: Width, reg: crate::location::Reg) {
        self.asm.sse(Sse::Ucomis, width, reg, reg);
    }

    /// Loads a constant into the float register that nobody has.
    pub(super) fn spare_constant(&mut self, width: Width, bits: u64) {
        let constant = self.asm.buffer.constant(bits);
        self.asm
            .load_float(width, FLOAT_SPARE, Mem::Constant(constant));
    }
}

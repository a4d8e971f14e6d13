//! Ops on values: from operands to results, and traps on conditions.
//!
//! Hot ops at hot types have stencils for every register (two-address where the processor is), and for
//! constants and slots as second operand. Everything else is computed in the temporaries.

use bakeoff_backend::native::Builtin;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, Type, Value};

use super::{Emitter, as_signed32, fits8, pair, sub};
use crate::catalog::{Axis, FLOAT_REGISTERS, INT_REGISTERS, Level, Pattern, T, U, W, XT, XU, XV};
use crate::library::MISSING;
use crate::place::{Place, Where};

impl Emitter<'_> {
    /// Emits one instruction other than a terminator; `result` is its first result, if it has any.
    #[inline]
    pub(super) fn emit_inst(&mut self, data: &InstData, result: Value) {
        match data.op {
            Op::Load | Op::Uload | Op::Sload => self.emit_load(data, result),
            Op::Store | Op::Istore => self.emit_store(data),
            Op::Call | Op::CallIndirect | Op::CallRaw => self.emit_call(data, result),
            // Constants are made where they are used.
            Op::Iconst | Op::Fconst | Op::RefFunc => {}
            Op::Iadd | Op::Isub | Op::Imul | Op::Band | Op::Bor | Op::Bxor => {
                self.emit_arithmetic(data, result);
            }
            Op::Ishl | Op::Ushr | Op::Sshr | Op::Rotl | Op::Rotr => self.emit_shift(data, result),
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv => {
                self.emit_float_arithmetic(data, result);
            }
            Op::Ineg | Op::Bnot if matches!(data.ty, Type::I32 | Type::I64) => {
                let to = self.int_result(result, T);
                self.copy(Place::int(to), self.place(data.arg(0)));
                self.put(data.op, data.ty, 0, Pattern::R, to.into());
                self.define(result, Place::int(to));
            }
            Op::Fneg | Op::Fabs => {
                let to = self.float_result(result);
                self.copy(Place::float(to), self.place(data.arg(0)));
                let copied = self.put(data.op, data.ty, 0, Pattern::R, to.into());
                self.buffer.note_data(copied, 0);
                self.define(result, Place::float(to));
            }
            Op::Icmp | Op::Fcmp if self.place(result) == Place::FUSED => {}
            Op::Icmp => {
                self.compare_ints(data.int_cc(), data.ty, data.arg(0), data.arg(1), None);
                self.define_truth(result);
            }
            Op::Fcmp => {
                let index = self.float_pair(data.arg(0), data.arg(1));
                self.put(Op::Fcmp, data.ty, data.x, Pattern::RR, index);
                self.define_truth(result);
            }
            Op::Select => self.emit_select(data, result),
            // Registers are zero-extended.
            Op::Uextend => {
                let to = self.int_result(result, T);
                self.copy(Place::int(to), self.place(data.arg(0)));
                self.define(result, Place::int(to));
            }
            Op::Sextend
            | Op::Ireduce
            | Op::Bitcast
            | Op::Sqrt
            | Op::FcvtFromSint
            | Op::Fpromote
            | Op::Fdemote => self.emit_unary(data, result),
            Op::FcvtFromUint if data.ty2 == Type::I32 => self.emit_unary(data, result),
            Op::Ceil | Op::Floor | Op::Trunc | Op::Nearest | Op::Fma
                if self.level() == Level::Base =>
            {
                self.emit_float_builtin(data, result);
            }
            Op::Trapz | Op::Trapnz => {
                let label = self.buffer.trap_label(data.trap_code());
                self.branch_if(data.arg(0), data.op == Op::Trapnz, label);
            }
            Op::StackAddr => {
                let offset = self.frame.stack_slots[data.slot().index()] + data.offset() as i32;
                let to = self.int_result(result, T);
                self.frame_address(to, offset);
                self.define(result, Place::int(to));
            }
            Op::RawLoad
            | Op::RawStore
            | Op::StackLoad
            | Op::StackStore
            | Op::GlobalGet
            | Op::GlobalSet
            | Op::MemorySize
            | Op::MemoryGrow
            | Op::MemoryFill
            | Op::MemoryCopy
            | Op::MemoryInit
            | Op::DataDrop
            | Op::TableGet
            | Op::TableSet
            | Op::TableSize
            | Op::TableGrow
            | Op::TableFill
            | Op::TableCopy
            | Op::TableInit
            | Op::ElemDrop => {
                self.emit_access(data, result);
            }
            Op::Ineg
            | Op::Bnot
            | Op::Iabs
            | Op::Smin
            | Op::Smax
            | Op::Umin
            | Op::Umax
            | Op::Smulhi
            | Op::Umulhi
            | Op::Sdiv
            | Op::Udiv
            | Op::Srem
            | Op::Urem
            | Op::SaddOverflow
            | Op::UaddOverflow
            | Op::SsubOverflow
            | Op::UsubOverflow
            | Op::SmulOverflow
            | Op::UmulOverflow
            | Op::Clz
            | Op::Ctz
            | Op::Popcnt
            | Op::Bitrev
            | Op::Bswap
            | Op::FcvtFromUint
            | Op::FcvtToSint
            | Op::FcvtToUint
            | Op::FcvtToSintSat
            | Op::FcvtToUintSat
            | Op::Fmin
            | Op::Fmax
            | Op::Copysign
            | Op::Ceil
            | Op::Floor
            | Op::Trunc
            | Op::Nearest
            | Op::Fma => {
                self.emit_fixed(data, result);
            }
            Op::Jump
            | Op::Brif
            | Op::BrTable
            | Op::Return
            | Op::ReturnCall
            | Op::ReturnCallIndirect
            | Op::Trap => unreachable!("{} ends a block", data.op),
        }
    }

    /// A truth value in T to its place; the selection behind a comparison finds it there.
    fn define_truth(&mut self, result: Value) {
        if self.place(result) != Place::T {
            self.define(result, Place::T);
        }
    }

    // ---- Integer arithmetic ----------------------------------------------------------------------

    fn emit_arithmetic(&mut self, data: &InstData, result: Value) {
        let commutes = data.op != Op::Isub;
        let (mut x, mut y) = (data.arg(0), data.arg(1));
        let (px, py) = (self.place(x), self.place(y));
        let in_register = |place: Place| place.is_register();
        // The second operand is the constant one, or the one in memory.
        if commutes && (px.is_const() || !in_register(px) && in_register(py)) && !py.is_const() {
            (x, y) = (y, x);
        }
        let to = self.int_result(result, T);
        let is_word = matches!(data.ty, Type::I32 | Type::I64) && self.shared.policy.fusion;
        if is_word {
            if let Some(bits) = self.constant(y) {
                if self.arithmetic_with_constant(data, to, x, bits) {
                    return self.define(result, Place::int(to));
                }
            } else if let Where::Slot(slot) = self.place(y).get() {
                self.copy(Place::int(to), self.place(x));
                let (offset, patterns) = (self.frame.slot(slot), [Pattern::RS8, Pattern::RS32]);
                self.put_slot(data.op, data.ty, 0, patterns, to.into(), offset);
                return self.define(result, Place::int(to));
            }
        }
        let second = self.int(y, U);
        if second == to && self.place(x) != Place::int(to) {
            // The result is where the second operand is: the op commutes.
            debug_assert!(commutes);
            let first = self.int(x, U);
            self.put(data.op, data.ty, 0, Pattern::RR, pair(to, first, Axis::Int));
            return self.define(result, Place::int(to));
        }
        match self.place(x).get() {
            Where::Int(first) if first != to && data.op == Op::Iadd && is_word => {
                let index = pair(to, first, Axis::Int) * INT_REGISTERS + usize::from(second);
                self.put(Op::Iadd, data.ty, 0, Pattern::RRR, index);
            }
            _ => {
                self.copy(Place::int(to), self.place(x));
                self.put(
                    data.op,
                    data.ty,
                    0,
                    Pattern::RR,
                    pair(to, second, Axis::Int),
                );
            }
        }
        self.define(result, Place::int(to));
    }

    /// False if there is no such stencil.
    fn arithmetic_with_constant(&mut self, data: &InstData, to: u8, x: Value, bits: u64) -> bool {
        let bits = match data.op {
            Op::Isub => bits.wrapping_neg() & data.ty.mask(),
            _ => bits,
        };
        let signed = bakeoff_ir::sign_extend(data.ty, bits);
        let Some(short) = as_signed32(signed as u64) else {
            return false;
        };
        let op = if data.op == Op::Isub {
            Op::Iadd
        } else {
            data.op
        };
        let from = match self.place(x).get() {
            Where::Int(register) => register,
            _ => to,
        };
        let three = op == Op::Imul || op == Op::Iadd && from != to;
        self.copy(Place::int(from), self.place(x));
        let index = pair(to, from, Axis::Int);
        let (near, far, index) = match three {
            true => (Pattern::RRI8, Pattern::RRI32, index),
            false => {
                self.copy(Place::int(to), Place::int(from));
                (Pattern::RI8, Pattern::RI32, to.into())
            }
        };
        let is_byte =
            faults::on(Fault::StencilByteUnsigned) && u8::try_from(short).is_ok() || fits8(short);
        if is_byte {
            let copied = self.put(op, data.ty, 0, near, index);
            self.buffer.fill8(copied, 0, short);
        } else {
            let copied = self.put(op, data.ty, 0, far, index);
            self.buffer.fill32(copied, 0, short);
        }
        true
    }

    fn emit_shift(&mut self, data: &InstData, result: Value) {
        let is_word = matches!(data.ty, Type::I32 | Type::I64);
        let (x, y) = (data.arg(0), data.arg(1));
        if !is_word {
            return self.emit_fixed(data, result);
        }
        let to = self.int_result(result, T);
        if let Some(bits) = self.constant(y).filter(|_| self.shared.policy.fusion) {
            self.copy(Place::int(to), self.place(x));
            let count = bits as u32 & (data.ty.bits() - 1);
            if count != 0 {
                let copied = self.put(data.op, data.ty, 0, Pattern::RI8, to.into());
                self.buffer.fill8(copied, 0, count as i32);
            }
            return self.define(result, Place::int(to));
        }
        let base = self.base(data.op, data.ty, 0, Pattern::RR);
        if base == MISSING {
            return self.emit_fixed(data, result);
        }
        let count = self.int(y, U);
        self.copy(Place::int(to), self.place(x));
        self.buffer.put(base + pair(to, count, Axis::Int) as u32);
        self.define(result, Place::int(to));
    }

    // ---- Floats ----------------------------------------------------------------------------------

    fn emit_float_arithmetic(&mut self, data: &InstData, result: Value) {
        let commutes = matches!(data.op, Op::Fadd | Op::Fmul);
        let (mut x, mut y) = (data.arg(0), data.arg(1));
        let to = self.float_result(result);
        let (px, py) = (self.place(x), self.place(y));
        if commutes && (!px.is_register() && py.is_register() || py == Place::float(to)) {
            (x, y) = (y, x);
        }
        match self.place(y).get() {
            Where::Slot(slot) if self.shared.policy.fusion => {
                self.copy(Place::float(to), self.place(x));
                let (offset, patterns) = (self.frame.slot(slot), [Pattern::RS8, Pattern::RS32]);
                self.put_slot(data.op, data.ty, 0, patterns, to.into(), offset);
            }
            _ => {
                let second = self.float(y, XU);
                debug_assert!(second != to || self.place(x) == Place::float(to));
                self.copy(Place::float(to), self.place(x));
                self.put(
                    data.op,
                    data.ty,
                    0,
                    Pattern::RR,
                    pair(to, second, Axis::Float),
                );
            }
        }
        self.define(result, Place::float(to));
    }

    // ---- One operand -----------------------------------------------------------------------------

    fn emit_unary(&mut self, data: &InstData, result: Value) {
        let x = data.arg(0);
        let (from, from_class) = match self.ty(x).is_int() {
            true => (self.int(x, U), Axis::Int),
            false => (self.float(x, XU), Axis::Float),
        };
        let to = match data.ty.is_int() {
            true => Place::int(self.int_result(result, T)),
            false => Place::float(self.float_result(result)),
        };
        let register = match to.get() {
            Where::Float(register) => register,
            _ => to.index() as u8,
        };
        let sub = if data.op == Op::Sqrt {
            0
        } else {
            data.ty2 as u8
        };
        let index = pair(register, from, from_class);
        let copied = self.put(data.op, data.ty, sub, Pattern::RR, index);
        self.buffer.note_data(copied, 0);
        self.define(result, to);
    }

    // ---- Selection -------------------------------------------------------------------------------

    /// The result begins as the second operand and becomes the third one if the condition does not hold.
    fn emit_select(&mut self, data: &InstData, result: Value) {
        let [condition, x, y] = [0, 1, 2].map(|index| data.arg(index));
        if data.ty.is_float() {
            // Float constants come by way of T, where a fused comparison left the condition.
            let condition = if faults::on(Fault::StencilConditionClobbered) {
                self.int(condition, T)
            } else {
                self.copy(Place::int(U), self.place(condition));
                U
            };
            let to = self.float_result(result);
            let other = self.float(y, XU);
            self.copy(Place::float(to), self.place(x));
            let index = pair(to, condition, Axis::Int) * FLOAT_REGISTERS + usize::from(other);
            self.put(Op::Select, Type::F64, 0, Pattern::RRR, index);
            return self.define(result, Place::float(to));
        }
        // The condition may be in T.
        let to = self.int_result(result, U);
        let condition = self.int(condition, T);
        let other = self.int(y, W);
        self.copy(Place::int(to), self.place(x));
        let index = pair(to, condition, Axis::Int) * INT_REGISTERS + usize::from(other);
        self.put(Op::Select, Type::I64, 0, Pattern::RRR, index);
        self.define(result, Place::int(to));
    }

    // ---- In the temporaries ----------------------------------------------------------------------

    /// Operands into the temporaries, the stencil, results out of them.
    fn emit_fixed(&mut self, data: &InstData, result: Value) {
        let (mut ints, mut floats) = ([T, U, W].into_iter(), [XT, XU, XV].into_iter());
        for index in 0..data.op.info().operands.len() {
            let place = self.place(data.arg(index));
            let to = match self.ty(data.arg(index)).is_int() {
                true => ints.next().map(Place::int),
                false => floats.next().map(Place::float),
            };
            if let Some(to) = to {
                self.copy(to, place);
            }
        }
        let sub = sub(data);
        let copied = self.put(data.op, data.ty, sub, Pattern::Fixed, 0);
        let traps = data.op.traps();
        self.buffer.note_data(copied, traps.len());
        for (hole, code) in traps.iter().enumerate() {
            self.trap_if(copied, hole, *code);
        }
        let heavy = crate::library::is_heavy(self.level(), super::row(data.op, data.ty, sub));
        let first = if data.ty.is_int() {
            Place::T
        } else {
            Place::XT
        };
        let has_second = data.op.info().results.len() == 2;
        let second = Value(result.0 + 1);
        self.copy(self.place(result), first);
        if has_second {
            self.copy(self.place(second), Place::int(U));
        }
        if heavy {
            self.reload_behind_call();
        }
        self.defined(result, self.place(result));
        if has_second {
            self.defined(second, self.place(second));
        }
    }

    /// Rounding and fused multiplication where the processor has neither.
    fn emit_float_builtin(&mut self, data: &InstData, result: Value) {
        let Some(builtin) = Builtin::of_float(data.op, data.ty) else {
            unreachable!("{} is no builtin", data.op);
        };
        self.moves.clear();
        for index in 0..data.op.info().operands.len() {
            let place = self.place(data.arg(index));
            self.moves.push(Place::float(index as u8), place);
        }
        self.make_moves();
        self.call_builtin(builtin);
        self.define_behind_call(result, Place::float(0));
    }
}

/// The traps that an op raises by itself, in the order of its stencil's holes.
trait Traps {
    fn traps(self) -> &'static [bakeoff_ir::TrapCode];
}

impl Traps for Op {
    fn traps(self) -> &'static [bakeoff_ir::TrapCode] {
        use bakeoff_ir::TrapCode::{
            BadConversionToInteger, IntegerDivisionByZero, IntegerOverflow,
        };
        match self {
            Op::Sdiv => &[IntegerDivisionByZero, IntegerOverflow],
            Op::Udiv | Op::Srem | Op::Urem => &[IntegerDivisionByZero],
            Op::FcvtToSint | Op::FcvtToUint => &[BadConversionToInteger, IntegerOverflow],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Form, HoleValue, families};

    #[test]
    fn the_traps_of_an_op_are_as_many_as_the_exits_of_its_stencil() {
        for family in families() {
            let (Form::Op(op), Pattern::Fixed) = (family.form, family.pattern) else {
                continue;
            };
            let exits = family.holes.iter();
            let exits = exits.filter(|hole| matches!(hole, HoleValue::Trap0 | HoleValue::Trap1));
            assert_eq!(exits.count(), op.traps().len(), "{}", family.name());
        }
    }
}

//! Operands: in registers, in memory, in the instruction itself; and what becomes part of another
//! instruction.

use bakeoff_backend::BoundsChecks;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, IntCc, Memory, Op, Type, Value};

use super::asm::{Alu, Mem, Width};
use super::int::alu_of;
use super::{MEMORY, RSP, X64Compiler};
use crate::compiler::constant_of;
use crate::location::{Class, Reg};
use crate::values::Form;

/// An operand that may be in memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rm {
    /// A register.
    Reg(Reg),
    /// Memory that can be accessed.
    Mem(Mem),
    /// Linear memory: the access may trap.
    Linear(Mem),
}

impl X64Compiler<'_> {
    /// The constant that a value is, as the sign extension of 32 bits; of narrower types all bits are in it.
    pub(super) fn imm(&self, value: Value) -> Option<i32> {
        if !self.shared.policy.fusion {
            return None;
        }
        let data = self.made(value)?;
        let bits = constant_of(data)?;
        match data.ty {
            Type::I8 | Type::I16 | Type::I32 | Type::F32 if data.op != Op::RefFunc => {
                Some(bits as u32 as i32)
            }
            _ => i32::try_from(bits as i64).ok(),
        }
    }

    /// An operand as an instruction with a memory form takes it. What is loaded from linear memory is
    /// accessed here and nowhere else.
    pub(super) fn operand(&mut self, value: Value) -> Rm {
        if let Some(reg) = self.values.reg(value) {
            self.lock(value, reg);
            return Rm::Reg(reg);
        }
        match self.values.form(value) {
            Form::Folded(inst) => {
                let data = *self.function.inst(inst);
                if data.op == Op::Load {
                    return Rm::Linear(self.folded_address(&data));
                }
            }
            Form::Kept if self.shared.policy.fusion => {
                let class = self.class(value);
                if let Some(slot) = self.values.slot(value)
                    && (self.ends_here(value) || !self.has_free(class))
                {
                    return Rm::Mem(self.slot(slot));
                }
            }
            Form::Made(inst) if self.shared.policy.fusion => {
                let data = *self.function.inst(inst);
                if let Some(bits) = constant_of(&data).filter(|bits| *bits != 0)
                    && self.class(value) == Class::Float
                {
                    return Rm::Mem(Mem::Constant(self.asm.buffer.constant(bits)));
                }
            }
            Form::Kept | Form::Made(_) => {}
        }
        Rm::Reg(self.use_reg(value))
    }

    /// Notes that the instruction that comes next may trap, if it may.
    pub(super) fn note_access(&mut self, rm: Rm) {
        if let Rm::Linear(_) = rm {
            self.asm
                .buffer
                .fault(bakeoff_ir::TrapCode::MemoryOutOfBounds);
        }
    }

    /// The address of a load that became part of another instruction.
    pub(super) fn folded_address(&mut self, load: &InstData) -> Mem {
        let offset = load.offset() as i32;
        if let Some(bits) = self.constant(load.arg(0))
            && let Ok(whole) = i32::try_from(bits + u64::from(load.offset()))
        {
            return Mem::Base(MEMORY, whole);
        }
        let index = self.use_reg(load.arg(0));
        Mem::Index(MEMORY, index, 1, offset)
    }

    /// Memory at an address in 64 bits and an offset.
    pub(super) fn address(&mut self, value: Value, offset: i32) -> Mem {
        if let Some(data) = self.made(value).copied()
            && data.op == Op::StackAddr
            && let Some(at) = self.stack_slot(&data).checked_add(offset)
        {
            return Mem::Base(RSP, at);
        }
        let Some(sum) = self.folded(value) else {
            return Mem::Base(self.use_reg(value), offset);
        };
        match self.sum_parts(&sum, offset) {
            Some(mem) => mem,
            None => Mem::Base(self.use_reg(value), offset),
        }
    }

    /// A folded sum as base, index and displacement; none if the displacement does not fit.
    pub(super) fn sum_parts(&mut self, sum: &InstData, offset: i32) -> Option<Mem> {
        if sum.op != Op::Iadd {
            return None;
        }
        let (x, y) = (sum.arg(0), sum.arg(1));
        for (x, y) in [(x, y), (y, x)] {
            if let Some(imm) = self.imm(y) {
                let displacement = offset.checked_add(imm)?;
                return Some(Mem::Base(self.use_reg(x), displacement));
            }
        }
        for (x, y) in [(x, y), (y, x)] {
            if let Some((index, scale)) = self.scaled(y) {
                let base = self.use_reg(x);
                let index = self.use_reg(index);
                return Some(Mem::Index(base, index, scale, offset));
            }
        }
        let (base, index) = (self.use_reg(x), self.use_reg(y));
        Some(Mem::Index(base, index, 1, offset))
    }

    /// How an instruction changes what is stored, if it computes that from what is loaded from the same place:
    /// the operation, and the other operand.
    pub(super) fn update_of(&self, store: &InstData, data: &InstData) -> Option<(Alu, Value)> {
        let op = alu_of(data.op).filter(|_| data.ty == store.ty)?;
        if store.op != Op::Store || !matches!(data.ty, Type::I32 | Type::I64) {
            return None;
        }
        let is_loaded = |value: Value| {
            self.folded(value).is_some_and(|load| {
                load.op == Op::Load
                    && load.ty == store.ty
                    && load.memory() == store.memory()
                    && load.offset() == store.offset()
                    && load.arg(0) == store.arg(1)
            })
        };
        let (x, y) = (data.arg(0), data.arg(1));
        let other = match (is_loaded(x), is_loaded(y)) {
            (true, false) => y,
            (false, true) if data.op != Op::Isub || faults::on(Fault::DynasmUpdateReversed) => x,
            _ => return None,
        };
        self.folded(other).is_none().then_some((op, other))
    }

    /// What is shifted, and the factor, of a folded shift by 1, 2 or 3.
    pub(super) fn scaled(&self, value: Value) -> Option<(Value, u8)> {
        let data = self.folded(value)?;
        if data.op != Op::Ishl {
            return None;
        }
        let count = self.imm(data.arg(1))? as u32 & (data.ty.bits() - 1);
        Some((data.arg(0), 1 << count))
    }
}

/// Whether an access is to memory 0 with a 32-bit index that guard pages check, at an offset that an
/// instruction can hold.
pub(super) fn is_plain_access(compiler: &X64Compiler<'_>, data: &InstData, index: Value) -> bool {
    data.memory() == Memory(0)
        && compiler.shared.bounds_checks == BoundsChecks::Guard
        && compiler.function.value_type(index) == Type::I32
        && i32::try_from(data.offset()).is_ok()
}

/// Whether an instruction can become part of one behind it that uses its result as this operand.
pub(super) fn can_fold(
    compiler: &X64Compiler<'_>,
    data: &InstData,
    into: &InstData,
    operand: usize,
) -> bool {
    let is_condition =
        matches!(into.op, Op::Brif | Op::Trapz | Op::Trapnz | Op::Select) && operand == 0;
    let is_word = matches!(data.ty, Type::I32 | Type::I64);
    let of_type = into.ty == data.ty;
    match data.op {
        // One comparison in another, no more: whoever looks into them does so by recursion.
        Op::Icmp | Op::Fcmp => {
            is_condition || is_test(compiler, into, operand) && !holds_comparison(compiler, data)
        }
        Op::Load => load_folds(compiler, data, into, operand),
        Op::Band if is_condition => true,
        Op::Band if is_test(compiler, into, operand) => of_type,
        _ if into.op == Op::Store => operand == 0 && compiler.update_of(into, data).is_some(),
        Op::Ishl => {
            let count = compiler
                .imm(data.arg(1))
                .map(|c| c as u32 & (data.ty.bits() - 1));
            into.op == Op::Iadd
                && of_type
                && is_word
                && matches!(count, Some(1..=3))
                && has_no_constant(compiler, into)
        }
        // The address of a raw access.
        Op::Iadd => match into.op {
            Op::RawLoad => operand == 0,
            Op::RawStore => operand == 1 && into.arg(0) != into.arg(1),
            Op::Iadd => {
                let is_offset = [0, 1].iter().any(|i| compiler.imm(data.arg(*i)).is_some());
                is_offset && of_type && is_word && has_no_constant(compiler, into)
            }
            _ => false,
        },
        Op::Bnot => {
            into.op == Op::Band
                && of_type
                && is_word
                && compiler.shared.policy.features.bmi1
                && has_no_constant(compiler, into)
        }
        _ => false,
    }
}

/// Whether a comparison has become part of an instruction.
fn holds_comparison(compiler: &X64Compiler<'_>, data: &InstData) -> bool {
    [0, 1].iter().any(|index| {
        let inner = compiler.folded(data.arg(*index));
        inner.is_some_and(|inner| matches!(inner.op, Op::Icmp | Op::Fcmp))
    })
}

/// Whether no operand of an instruction with two is a constant.
fn has_no_constant(compiler: &X64Compiler<'_>, data: &InstData) -> bool {
    [0, 1]
        .iter()
        .all(|index| compiler.made(data.arg(*index)).is_none())
}

/// Whether an instruction compares an operand with zero, for equality.
fn is_test(compiler: &X64Compiler<'_>, data: &InstData, operand: usize) -> bool {
    data.op == Op::Icmp
        && matches!(data.int_cc(), IntCc::Eq | IntCc::Ne)
        && operand == 0
        && compiler.imm(data.arg(1)) == Some(0)
}

/// Whether a load can be the memory operand of an instruction.
fn load_folds(
    compiler: &X64Compiler<'_>,
    load: &InstData,
    into: &InstData,
    operand: usize,
) -> bool {
    if !is_plain_access(compiler, load, load.arg(0)) {
        return false;
    }
    // Of two operands one at most is in memory.
    let other_is_simple = || {
        let other = into.arg(1 - operand);
        other != into.arg(operand) && compiler.folded(other).is_none()
    };
    match into.op {
        Op::Iadd | Op::Isub | Op::Band | Op::Bor | Op::Bxor | Op::Imul | Op::Icmp => {
            Width::of(into.ty).is_all_of(load.ty) && other_is_simple()
        }
        Op::Fadd | Op::Fmul | Op::Fcmp => into.ty == load.ty && other_is_simple(),
        Op::Fsub | Op::Fdiv => into.ty == load.ty && operand == 1 && other_is_simple(),
        Op::Sqrt | Op::Fpromote | Op::Fdemote => true,
        Op::Brif | Op::Trapz | Op::Trapnz | Op::Select => {
            operand == 0 && matches!(load.ty, Type::I32 | Type::I64)
        }
        _ => false,
    }
}

impl Width {
    /// Whether values of an integer type have exactly this many bits.
    fn is_all_of(self, ty: Type) -> bool {
        match self {
            Width::W32 => ty == Type::I32,
            Width::W64 => ty == Type::I64,
        }
    }
}

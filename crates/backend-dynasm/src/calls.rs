//! Calls, as far as targets share them: what goes where, and what had better be there in time.
//!
//! Arguments and results go in registers, in the order of the target's lists; what is left over goes through
//! words at the end of the context ([`ContextLayout::transfer`](bakeoff_backend::ContextLayout)), a word for each
//! position of the signature. No register survives a call but the pinned ones.

use bakeoff_ir::{Inst, Op, Type, Value};

use crate::compiler::Compiler;
use crate::location::{Class, Loc, Reg};
use crate::machine::Machine;

/// Whether instructions of an op may clobber every register, on some target.
pub(crate) const fn may_call(op: Op) -> bool {
    match op {
        Op::Call
        | Op::CallIndirect
        | Op::CallRaw
        | Op::MemoryGrow
        | Op::MemoryFill
        | Op::MemoryCopy
        | Op::MemoryInit
        | Op::DataDrop
        | Op::TableGrow
        | Op::TableFill
        | Op::TableCopy
        | Op::TableInit
        | Op::ElemDrop
        | Op::Ceil
        | Op::Floor
        | Op::Trunc
        | Op::Nearest
        | Op::Fma => true,
        Op::Iconst
        | Op::Fconst
        | Op::Iadd
        | Op::Isub
        | Op::Imul
        | Op::Ineg
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
        | Op::Band
        | Op::Bor
        | Op::Bxor
        | Op::Bnot
        | Op::Ishl
        | Op::Ushr
        | Op::Sshr
        | Op::Rotl
        | Op::Rotr
        | Op::Clz
        | Op::Ctz
        | Op::Popcnt
        | Op::Bitrev
        | Op::Bswap
        | Op::Icmp
        | Op::Fcmp
        | Op::Select
        | Op::Sextend
        | Op::Uextend
        | Op::Ireduce
        | Op::Bitcast
        | Op::Fpromote
        | Op::Fdemote
        | Op::FcvtFromSint
        | Op::FcvtFromUint
        | Op::FcvtToSint
        | Op::FcvtToUint
        | Op::FcvtToSintSat
        | Op::FcvtToUintSat
        | Op::Fadd
        | Op::Fsub
        | Op::Fmul
        | Op::Fdiv
        | Op::Fmin
        | Op::Fmax
        | Op::Copysign
        | Op::Fneg
        | Op::Fabs
        | Op::Sqrt
        | Op::Load
        | Op::Sload
        | Op::Uload
        | Op::Store
        | Op::Istore
        | Op::MemorySize
        | Op::StackLoad
        | Op::StackStore
        | Op::StackAddr
        | Op::RawLoad
        | Op::RawStore
        | Op::GlobalGet
        | Op::GlobalSet
        | Op::TableGet
        | Op::TableSet
        | Op::TableSize
        | Op::RefFunc
        | Op::ReturnCall
        | Op::ReturnCallIndirect
        | Op::Jump
        | Op::Brif
        | Op::BrTable
        | Op::Return
        | Op::Trap
        | Op::Trapz
        | Op::Trapnz => false,
    }
}

/// Where each value of a list of types goes: a register, or none for a word of the context.
pub(crate) struct Passing {
    left: [std::slice::Iter<'static, Reg>; 2],
}

impl Passing {
    /// Of a list that begins.
    pub(crate) fn new(places: [&'static [Reg]; 2]) -> Passing {
        Passing {
            left: places.map(|places| places.iter()),
        }
    }

    /// The register of the next one.
    pub(crate) fn next(&mut self, ty: Type) -> Option<Reg> {
        self.left[Class::of(ty) as usize].next().copied()
    }
}

impl<M: Machine> Compiler<'_, M> {
    /// The position of the first call among the next `count` instructions. What is computed until then had
    /// better be where its argument is expected.
    pub(crate) fn next_call(&mut self, position: u32, inst: Inst, count: usize) -> u32 {
        let calls = self.intervals.marked();
        while calls
            .get(self.calls_passed)
            .is_some_and(|call| call.position < position)
        {
            self.calls_passed += 1;
        }
        let at = calls
            .get(self.calls_passed)
            .map_or(u32::MAX, |call| call.position);
        if at >= position.saturating_add(count as u32) {
            return u32::MAX;
        }
        let call = self.function.inst(Inst(inst.0 + (at - position)));
        if call.op == Op::Call {
            self.wish(self.function.list_operands(call), M::ARGS);
        }
        at
    }

    /// Wishes for values that are still to be computed the registers that they will be passed in.
    pub(crate) fn wish(&mut self, values: &[Value], places: [&'static [Reg]; 2]) {
        let mut passing = Passing::new(places);
        for value in values {
            if let Some(reg) = passing.next(self.function.value_type(*value))
                && self.values.hint(*value).is_none()
            {
                self.values.wish(*value, reg);
            }
        }
    }

    /// The offset of a word of the context for a position of a signature.
    pub(crate) fn transfer(&self, position: usize) -> u32 {
        self.shared.layout.transfer() + 8 * position as u32
    }

    /// Takes values from where a caller, or a callee, has left them: no register has anything else in it.
    pub(crate) fn take(&mut self, values: std::ops::Range<u32>, places: [&'static [Reg]; 2]) {
        let is_used = |c: &Self, value| c.intervals.interval(value).uses() > 0;
        let mut passing = Passing::new(places);
        for value in values.clone().map(Value) {
            let reg = passing.next(self.function.value_type(value));
            if let Some(reg) = reg
                && is_used(self, value)
            {
                self.values.put(value, reg, false);
            }
        }
        let mut passing = Passing::new(places);
        for (position, value) in values.map(Value).enumerate() {
            let reg = passing.next(self.function.value_type(value));
            if reg.is_none() && is_used(self, value) {
                let at = self.transfer(position);
                let slot = self.slot_of(value);
                M::copy(self, Loc::Slot(slot), Loc::Passed(at));
            }
        }
    }

    /// Brings values to where a callee, or a caller, expects them.
    pub(crate) fn pass(&mut self, values: &[Value], places: [&'static [Reg]; 2]) {
        let mut passing = Passing::new(places);
        for (position, value) in values.iter().enumerate() {
            let reg = passing.next(self.function.value_type(*value));
            if reg.is_none()
                && let Some(from) = self.location(*value)
            {
                let at = self.transfer(position);
                M::copy(self, Loc::Passed(at), from);
            }
        }
        self.moves.clear();
        let mut passing = Passing::new(places);
        for value in values {
            if let Some(reg) = passing.next(self.function.value_type(*value))
                && let Some(from) = self.location(*value)
            {
                self.moves.push(Loc::Reg(reg), from);
            }
        }
        self.make_moves();
    }
}

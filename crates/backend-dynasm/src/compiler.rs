//! Compiling a function: one pass that selects instructions, gives registers to values, and emits.
//!
//! ```text
//! Intervals ─┐                                    ┌─► Machine: instructions
//! Pressure ──┴─► blocks, in order ─► instruction ─┤
//!                     │                           └─► here: registers for operands and results
//!                     └─► edges: what is where in the block that follows
//! ```
//!
//! What is done with registers, instruction by instruction:
//! * An operand that is in no register is loaded, or made, if the instruction cannot take it as it is.
//! * A result gets the register of an operand that ends here, that of the parameter it goes to, or any free
//!   one. If none is free, the value that is wanted latest leaves its register; it is stored if it is not
//!   in its slot yet, and not made.
//! * A call leaves nothing in registers: what lives on is stored before, and loaded when it is wanted.

use bakeoff_backend::moves::Moves;
use bakeoff_backend::{BoundsChecks, ContextLayout};
use bakeoff_ir::analysis::Intervals;
use bakeoff_ir::{Function, Inst, InstData, Module, Value};

use crate::Policy;
use crate::edges::Snapshots;
use crate::frame::Frame;
use crate::location::{Class, Loc, Reg, registers};
use crate::machine::Machine;
use crate::pressure::Pressure;
use crate::values::{Form, Values};

/// What all functions of a module share.
pub(crate) struct Shared<'m> {
    pub(crate) module: &'m Module,
    pub(crate) layout: ContextLayout,
    pub(crate) bounds_checks: BoundsChecks,
    pub(crate) policy: Policy,
}

/// What one function after the other is compiled in.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) intervals: Intervals,
    pub(crate) pressure: Pressure,
    pub(crate) values: Values,
    pub(crate) snapshots: Snapshots,
    pub(crate) frame: Frame,
    pub(crate) moves: [Moves<Loc>; 2],
    /// For each block of the order the next one in the same part of the code.
    pub(crate) following: Vec<bakeoff_ir::Block>,
    pub(crate) facts: FrameFacts,
}

/// Sums over the functions of a module.
#[derive(Clone, Copy, Default)]
pub(crate) struct FrameFacts {
    /// Values with a slot.
    pub(crate) spills: u64,
    /// Bytes of frames.
    pub(crate) bytes: u64,
}

impl Scratch {
    /// Bytes of heap memory that are held for the next function, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.intervals.heap_bytes()
            + self.pressure.heap_bytes()
            + self.values.heap_bytes()
            + self.snapshots.heap_bytes()
    }
}

/// Compiles one function.
pub(crate) struct Compiler<'c, M: Machine> {
    pub(crate) shared: &'c Shared<'c>,
    pub(crate) function: &'c Function,
    pub(crate) asm: &'c mut M,
    pub(crate) intervals: &'c mut Intervals,
    pub(crate) pressure: &'c Pressure,
    pub(crate) values: &'c mut Values,
    pub(crate) snapshots: &'c mut Snapshots,
    pub(crate) frame: &'c mut Frame,
    /// Those of an edge, a call or a return; and those of the other edge of a branch.
    pub(crate) moves: &'c mut Moves<Loc>,
    pub(crate) other_moves: &'c mut Moves<Loc>,
    /// The position of the instruction that is being emitted.
    pub(crate) position: u32,
    /// That instruction.
    pub(crate) inst: Inst,
    /// Registers that the instruction uses, and that nothing else may get meanwhile.
    pub(crate) locked: u64,
    /// Registers with values in them that end with the instruction.
    pub(crate) ending: u64,
    /// How many instructions are being emitted as part of another one: nothing ends for them.
    pub(crate) nested: u32,
    /// How many of the marked instructions stand before the block that is being emitted, at least.
    pub(crate) calls_passed: usize,
}

/// How far the search for the next use of a value looks, in instructions.
const HORIZON: usize = 24;

impl<M: Machine> Compiler<'_, M> {
    // ---- What values are -------------------------------------------------------------------------

    /// The class of a value's registers.
    #[inline]
    pub(crate) fn class(&self, value: Value) -> Class {
        Class::of(self.function.value_type(value))
    }

    /// Keeps an operand in its register until the end of the instruction, and frees that then if the value
    /// ends.
    #[inline]
    pub(crate) fn lock(&mut self, value: Value, reg: Reg) {
        self.locked |= reg.bit();
        if self.intervals.interval(value).end <= self.position {
            self.ending |= reg.bit();
        }
    }

    /// Whether a value is used here for the last time. At the branch that ends a loop this holds for what the
    /// next round needs, too: a terminator defines nothing, so nothing takes its place.
    #[inline]
    pub(crate) fn ends_here(&self, value: Value) -> bool {
        self.nested == 0 && self.intervals.interval(value).end <= self.position
    }

    /// The instruction of a value that was left to the one that uses it.
    #[inline]
    pub(crate) fn folded(&self, value: Value) -> Option<InstData> {
        match self.values.form(value) {
            Form::Folded(inst) => Some(*self.function.inst(inst)),
            _ => None,
        }
    }

    /// The instruction that makes a value out of nothing.
    #[inline]
    pub(crate) fn made(&self, value: Value) -> Option<&InstData> {
        match self.values.form(value) {
            Form::Made(inst) => Some(self.function.inst(inst)),
            _ => None,
        }
    }

    /// The bits of a value that is a constant.
    #[inline]
    pub(crate) fn constant(&self, value: Value) -> Option<u64> {
        self.made(value).and_then(constant_of)
    }

    /// Where a value is; none if it is nowhere, which can be only if it is not needed.
    pub(crate) fn location(&self, value: Value) -> Option<Loc> {
        if let Some(reg) = self.values.reg(value) {
            return Some(Loc::Reg(reg));
        }
        match self.values.form(value) {
            Form::Made(inst) => Some(Loc::Made(inst.0)),
            _ => self.values.slot(value).map(Loc::Slot),
        }
    }

    /// The slot of a value, chosen now if it has none.
    pub(crate) fn slot_of(&mut self, value: Value) -> u32 {
        if let Some(slot) = self.values.slot(value) {
            return slot;
        }
        let over = self.intervals.interval(value).end + 1;
        let slot = self.frame.slots.take(self.position, over);
        self.values.set_slot(value, slot);
        slot
    }

    // ---- Operands --------------------------------------------------------------------------------

    /// Brings a copy of a value into this register, for an instruction that insists on it and may write it.
    /// Nothing else is there then that is needed beyond this instruction; the value may still be in its own
    /// register, too, which is not kept for it.
    pub(crate) fn put_in(&mut self, value: Value, reg: Reg) {
        if matches!(self.values.form(value), Form::Folded(_)) {
            self.use_reg(value);
        }
        let is_there = self.values.reg(value) == Some(reg);
        if is_there && self.ends_here(value) {
            return self.lock(value, reg);
        }
        self.clear(reg);
        // What has been brought elsewhere is still there, too.
        if let Some(from) = self.location(value).filter(|_| !is_there) {
            M::copy(self, Loc::Reg(reg), from);
        }
    }

    /// Whether a register of a class has nothing in it.
    pub(crate) fn has_free(&self, class: Class) -> bool {
        M::class_pool(class) & !self.values.occupied & !self.locked != 0
    }

    /// A register with a value in it.
    #[inline]
    pub(crate) fn use_reg(&mut self, value: Value) -> Reg {
        match self.values.reg(value) {
            Some(reg) => {
                self.lock(value, reg);
                reg
            }
            None => self.bring(value),
        }
    }

    /// Brings a value into a register.
    fn bring(&mut self, value: Value) -> Reg {
        if let Form::Folded(inst) = self.values.form(value) {
            self.unfold(value, inst);
            return self.use_reg(value);
        }
        let class = self.class(value);
        let hint = self.values.hint(value).map_or(0, Reg::bit);
        let reg = self.choose(class, hint, 0);
        if let Some(from) = self.location(value) {
            M::copy(self, Loc::Reg(reg), from);
        }
        self.values.put(value, reg, true);
        self.lock(value, reg);
        reg
    }

    /// Emits an instruction that was to be part of the current one.
    fn unfold(&mut self, value: Value, inst: Inst) {
        let (locked, current) = (self.locked, self.inst);
        self.values.set_form(value, Form::Kept);
        self.nested += 1;
        self.inst = inst;
        let data = *self.function.inst(inst);
        M::inst(self, &data, value);
        self.inst = current;
        self.nested -= 1;
        self.locked = locked;
    }

    /// A register for the rest of the instruction.
    pub(crate) fn temporary(&mut self, class: Class) -> Reg {
        let reg = self.choose(class, 0, 0);
        self.locked |= reg.bit();
        reg
    }

    /// Lets nothing be in a register for the rest of the instruction. A value that is there is brought
    /// elsewhere; to be called before operands are asked for, who would look for it here.
    pub(crate) fn clear(&mut self, reg: Reg) {
        self.locked |= reg.bit();
        if self.values.occupied & reg.bit() == 0 {
            return;
        }
        let value = self.values.in_register(reg);
        let free = M::class_pool(reg.class()) & !self.values.occupied & !self.locked;
        if free == 0 || self.is_over(value) {
            return self.vacate(reg);
        }
        let to = Reg(63 - free.leading_zeros() as u8);
        let clean = self.values.is_clean(reg);
        M::copy(self, Loc::Reg(to), Loc::Reg(reg));
        self.values.free(reg);
        self.values.put(value, to, clean);
        if self.ending & reg.bit() != 0 {
            self.ending = self.ending & !reg.bit() | to.bit();
        }
    }

    /// Whether a value is not needed any more, not even by this instruction.
    #[inline]
    fn is_over(&self, value: Value) -> bool {
        self.intervals.interval(value).end < self.position
    }

    // ---- Results ---------------------------------------------------------------------------------

    /// The register that a result had better get, as a set.
    #[inline]
    fn wished(&self, value: Value) -> u64 {
        if let Some(reg) = self.values.hint(value) {
            return reg.bit();
        }
        let other = self.intervals.affinity(value);
        let reg = other.and_then(|other| self.values.hint(other));
        reg.map_or(0, Reg::bit)
    }

    /// Whether a result had better be where an operand is.
    pub(crate) fn is_wished_in(&self, result: Value, operand: Value) -> bool {
        let reg = self.values.reg(operand);
        reg.is_some_and(|reg| self.wished(result) & reg.bit() != 0)
    }

    /// Whether a result had better be in a register that is free now, and not in that of an operand.
    #[inline]
    pub(crate) fn wish_is_free(&self, result: Value) -> bool {
        self.wished(result) & !self.values.occupied & !self.locked != 0
    }

    /// A register for a result, other than those of the operands.
    pub(crate) fn define(&mut self, result: Value) -> Reg {
        let class = self.class(result);
        let reg = self.choose(class, self.wished(result), 0);
        self.locked |= reg.bit();
        self.values.put(result, reg, false);
        reg
    }

    /// A register for a result that is written after all operands have been read: if possible the wished
    /// one, or that of an operand that ends here.
    pub(crate) fn define_late(&mut self, result: Value, operands: &[Value]) -> Reg {
        let class = self.class(result);
        let mut ending = 0;
        for operand in operands {
            if let Some(reg) = self.values.reg(*operand)
                && self.ends_here(*operand)
                && reg.class() == class
            {
                ending |= reg.bit();
            }
        }
        let wish = self.wished(result);
        let free = M::class_pool(class) & !self.values.occupied & !self.locked;
        let from = if wish & (free | ending) != 0 {
            wish
        } else {
            ending
        };
        if from & ending == 0 {
            return self.define(result);
        }
        let reg = Reg((from & ending).trailing_zeros() as u8);
        self.define_in(result, reg);
        reg
    }

    /// Gives a result this register, which is free or has an operand in it that ends here.
    pub(crate) fn define_in(&mut self, result: Value, reg: Reg) {
        if self.values.occupied & reg.bit() != 0 {
            self.values.free(reg);
        }
        self.ending &= !reg.bit();
        self.values.put(result, reg, false);
        self.locked |= reg.bit();
    }

    /// A register for a two-address instruction, with `first` in it: that of `first` if it ends here, else
    /// another one that it is copied to. Other operands have been brought into registers, or are read from
    /// memory.
    pub(crate) fn define_over(&mut self, result: Value, first: Value) -> Reg {
        let is_elsewhere = match self.values.form(first) {
            Form::Kept => !self.ends_here(first),
            Form::Made(_) => false,
            Form::Folded(_) => true,
        };
        if is_elsewhere {
            self.use_reg(first);
        }
        if let Some(reg) = self.values.reg(first) {
            if self.ends_here(first) {
                self.define_in(result, reg);
                return reg;
            }
            self.locked |= reg.bit();
        }
        let from = self.location(first);
        let to = self.define(result);
        if let Some(from) = from {
            M::copy(self, Loc::Reg(to), from);
        }
        to
    }

    // ---- Choosing --------------------------------------------------------------------------------

    /// A register that is free then: one of `wish` if possible, none of `avoid` or of those in use.
    pub(crate) fn choose(&mut self, class: Class, wish: u64, avoid: u64) -> Reg {
        let reg = self.choose_free(class, wish, avoid);
        // Whatever was in it before.
        self.ending &= !reg.bit();
        reg
    }

    #[inline]
    fn choose_free(&mut self, class: Class, wish: u64, avoid: u64) -> Reg {
        let pool = M::class_pool(class) & !self.locked & !avoid;
        let free = pool & !self.values.occupied;
        if free & wish != 0 {
            return Reg((free & wish).trailing_zeros() as u8);
        }
        if free != 0 {
            // The low ones are those that some instructions insist on.
            return Reg(63 - free.leading_zeros() as u8);
        }
        let reg = self.least_wanted(pool);
        self.vacate(reg);
        reg
    }

    /// Takes the value out of a register; stores it if that is needed.
    pub(crate) fn vacate(&mut self, reg: Reg) {
        self.save(reg);
        self.values.free(reg);
    }

    /// Stores what is in a register if it is needed and not in its slot yet.
    pub(crate) fn save(&mut self, reg: Reg) {
        let value = self.values.in_register(reg);
        if !self.values.is_clean(reg) && !self.is_over(value) {
            let slot = self.slot_of(value);
            M::copy(self, Loc::Slot(slot), Loc::Reg(reg));
            self.values.clean |= reg.bit();
        }
    }

    /// Of the registers of a set, all occupied, the one whose value is wanted latest.
    #[cold]
    fn least_wanted(&self, pool: u64) -> Reg {
        assert_ne!(
            pool, 0,
            "an instruction needs more registers than there are"
        );
        let mut left = pool;
        for reg in registers(pool) {
            if self.is_over(self.values.in_register(reg)) {
                return reg;
            }
        }
        let first = self.inst.index();
        let last = (first + HORIZON).min(self.function.inst_count());
        'search: for inst in (first..last).map(|index| Inst(index as u32)) {
            let data = self.function.inst(inst);
            let edges = self.function.edges(data).iter();
            let args = edges.flat_map(|edge| self.function.edge_args(edge).iter().copied());
            for value in self.function.operands(data).chain(args) {
                if let Some(reg) = self.values.reg(value) {
                    if left == reg.bit() {
                        break 'search;
                    }
                    left &= !reg.bit();
                }
            }
        }
        let cost = |reg: &Reg| {
            let weight = self
                .intervals
                .interval(self.values.in_register(*reg))
                .weight();
            (weight, !self.values.is_clean(*reg))
        };
        let mut least = registers(left);
        let mut best = match least.next() {
            Some(reg) => reg,
            None => Reg(pool.trailing_zeros() as u8),
        };
        for reg in least {
            if cost(&reg) < cost(&best) {
                best = reg;
            }
        }
        best
    }

    // ---- Ends ------------------------------------------------------------------------------------

    /// Frees the registers of operands that end here.
    #[inline]
    pub(crate) fn end_inst(&mut self) {
        for reg in registers(self.ending & self.values.occupied) {
            self.values.free(reg);
        }
        (self.locked, self.ending) = (0, 0);
        if !self.shared.policy.registers {
            for reg in registers(self.values.occupied) {
                self.vacate_behind(reg);
            }
        }
    }

    /// Stores a value that lives beyond this instruction, and takes it out of its register.
    fn vacate_behind(&mut self, reg: Reg) {
        let value = self.values.in_register(reg);
        if self.intervals.interval(value).end > self.position {
            self.vacate(reg);
        } else {
            self.values.free(reg);
        }
    }

    /// Stores what lives beyond this instruction, before it clobbers all registers.
    pub(crate) fn save_for_call(&mut self) {
        for reg in registers(self.values.occupied & !self.values.clean) {
            let value = self.values.in_register(reg);
            if self.intervals.interval(value).end > self.position {
                self.save(reg);
            }
        }
    }

    /// Notes that nothing is in any register any more.
    pub(crate) fn forget_registers(&mut self) {
        let op = self.function.inst(self.inst).op;
        debug_assert!(crate::calls::may_call(op), "{op} is not known to call");
        self.values.free_all();
        self.ending = 0;
    }

    /// Carries out the moves that have been collected.
    pub(crate) fn make_moves(&mut self) {
        self.moves.order();
        self.make_ordered_moves();
    }

    /// Carries out the moves that have been put in order.
    pub(crate) fn make_ordered_moves(&mut self) {
        for index in 0..self.moves.ordered_count() {
            let (to, from) = self.moves.ordered(index);
            M::copy(self, to, from);
        }
    }
}

/// The bits that an instruction makes out of nothing, unless it is an address.
pub(crate) fn constant_of(data: &InstData) -> Option<u64> {
    use bakeoff_ir::Op;
    match data.op {
        Op::Iconst | Op::Fconst => Some(data.imm() & data.ty.mask()),
        Op::RefFunc => Some(u64::from(data.func().0) + 1),
        _ => None,
    }
}

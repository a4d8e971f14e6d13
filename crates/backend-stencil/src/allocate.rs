//! Which value lives where: linear scan over live intervals, one place a value for its whole life.
//!
//! One place a value means that block boundaries need no repair: an edge copies arguments to parameters
//! and nothing else. Values are met in the order of their definitions; a register is free again when
//! the interval of its value is over. If none is free, the value that is worth least for its length
//! goes into a slot of the frame, be it the new one or one that has a register already, in which case
//! it is in the slot from its beginning: nothing has been emitted yet.
//!
//! Calls clobber every register. A value that lives across calls and has a register anyway is *homed*:
//! it is stored into its slot, once, where it is defined, and loaded again behind each call. That is
//! worth it if it is used more often than calls are made in its life.

use bakeoff_backend::slots::Slots;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::analysis::Intervals;
use bakeoff_ir::{Block, Function, InstData, Op, Type, Value};

use crate::Policy;
use crate::catalog::Axis;
use crate::place::Place;
use crate::x64::{FLOAT_ARGS, FLOAT_VALUES, INT_ARGS, INT_VALUES};

/// No slot.
pub(crate) const NO_HOME: u32 = u32::MAX;

/// Places of the values of a function.
#[derive(Default)]
pub(crate) struct Allocation {
    places: Vec<Place>,
    /// The slot that a value in a register is stored into as well, or [`NO_HOME`].
    homes: Vec<u32>,
    slots: Slots,
    /// For each position the registers whose values are needed there for the last time, as a mask.
    frees: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Occupant {
    value: Value,
    /// The position of `frees` at which the register is given back.
    end: u32,
}

/// What an instruction wants of the register of its result, as bits.
mod wish {
    /// Not that of the first operand, which is read after the result is written.
    pub(super) const NOT_FIRST: u8 = 1;
    /// Not that of the second.
    pub(super) const NOT_SECOND: u8 = 2;
    /// Not that of the third.
    pub(super) const NOT_THIRD: u8 = 4;
    /// That of the first, if it is free.
    pub(super) const AS_FIRST: u8 = 8;
    /// That of the second, if it is free.
    pub(super) const AS_SECOND: u8 = 16;
    /// The first one for results of calls.
    pub(super) const AS_RESULT: u8 = 32;
    /// None: it is a constant.
    pub(super) const CONSTANT: u8 = 64;
    /// Perhaps none: it is a comparison.
    pub(super) const COMPARISON: u8 = 128;
}

/// The wishes of each op.
const WISHES: [u8; Op::ALL.len()] = {
    let mut wishes = [0; Op::ALL.len()];
    let mut index = 0;
    while index < wishes.len() {
        wishes[index] = match Op::ALL[index] {
            Op::Iconst | Op::Fconst | Op::RefFunc => wish::CONSTANT,
            Op::Icmp | Op::Fcmp => wish::COMPARISON,
            Op::Isub | Op::Fsub | Op::Fdiv | Op::Ishl | Op::Ushr | Op::Sshr => {
                wish::NOT_SECOND | wish::AS_FIRST
            }
            Op::Iadd | Op::Imul | Op::Band | Op::Bor | Op::Bxor | Op::Fadd | Op::Fmul => {
                wish::AS_FIRST | wish::AS_SECOND
            }
            Op::Fpromote | Op::Fdemote => wish::NOT_FIRST,
            Op::Select => wish::NOT_FIRST | wish::NOT_THIRD | wish::AS_SECOND,
            Op::Rotl
            | Op::Rotr
            | Op::Ineg
            | Op::Bnot
            | Op::Fneg
            | Op::Fabs
            | Op::Uextend
            | Op::Sextend
            | Op::Ireduce => wish::AS_FIRST,
            Op::Call | Op::CallIndirect => wish::AS_RESULT,
            // Their operands are copied before anything is written, or read by the instruction that
            // writes the result.
            _ => 0,
        };
        index += 1;
    }
    wishes
};

/// A definition, as the scan sees it.
struct Definition {
    value: Value,
    class: Axis,
    /// The first position behind its life.
    over: u32,
    /// Slots that are free from this position on may be taken.
    slot_from: u32,
    /// Registers that it must not get, as a mask.
    excluded: u32,
    /// Registers that it had better get, the first free one of them, as masks.
    hints: [u32; 3],
}

/// The scan over the definitions of a function.
struct Scan<'s> {
    function: &'s Function,
    intervals: &'s Intervals,
    policy: Policy,
    places: &'s mut [Place],
    homes: &'s mut [u32],
    frees: &'s mut [u32],
    slots: &'s mut Slots,
    /// The registers that are free, as a mask.
    free: u32,
    /// What is in each register that is not free, by bit of the mask.
    occupants: [Occupant; 32],
    /// The first marked instruction that has not been passed.
    next_call: usize,
    /// Its position.
    next_call_at: u32,
}

impl Allocation {
    /// Where a value is.
    #[inline]
    pub(crate) fn place(&self, value: Value) -> Place {
        self.places[value.index()]
    }

    /// Where a value in a register is stored as well.
    #[inline]
    pub(crate) fn home(&self, value: Value) -> u32 {
        self.homes[value.index()]
    }

    /// Bytes of heap memory that are held for the next function.
    pub(crate) fn heap_bytes(&self) -> usize {
        let words = self.places.capacity() + self.homes.capacity() + self.frees.capacity();
        4 * words + self.slots.heap_bytes()
    }

    /// The number of slots.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.count()
    }

    /// The number of values with a slot: each takes one, once.
    pub(crate) fn spills(&self) -> u64 {
        self.slots.taken()
    }

    /// Finds a place for every value.
    pub(crate) fn compute(&mut self, function: &Function, intervals: &Intervals, policy: Policy) {
        let values = function.value_count();
        // Every value of a reachable block gets a place before anybody looks at it.
        if self.places.len() < values {
            self.places.resize(values, Place::FUSED);
        }
        self.homes.clear();
        self.homes.resize(values, NO_HOME);
        self.frees.clear();
        self.frees.resize(function.inst_count() + 1, 0);
        self.slots.clear();
        let mut scan = Scan {
            function,
            intervals,
            policy,
            places: &mut self.places[..values],
            homes: &mut self.homes,
            frees: &mut self.frees,
            slots: &mut self.slots,
            free: INT_VALUES | FLOAT_VALUES,
            occupants: [Occupant {
                value: Value(0),
                end: 0,
            }; 32],
            next_call: 0,
            next_call_at: u32::MAX,
        };
        scan.find_call();
        for block in intervals.order() {
            scan.visit_params(*block);
            scan.visit_insts(*block);
        }
    }
}

impl Scan<'_> {
    #[inline(never)]
    fn visit_params(&mut self, block: Block) {
        let data = self.function.block(block);
        if data.param_count == 0 {
            return;
        }
        let position = self.intervals.block_start(block);
        self.pass_calls(position);
        let mut incoming = [INT_ARGS.iter(), FLOAT_ARGS.iter()];
        for value in self.function.params(block) {
            let class = class_of(self.function.value_type(value));
            let mut hint = self.bit_of_affinity(value);
            if block == Block(0) {
                let register = incoming[class as usize].next();
                hint = register.map_or(0, |r| Place::register(class, *r).bit());
            }
            self.define(&Definition {
                value,
                class,
                over: self.intervals.interval(value).end + 1,
                slot_from: position,
                excluded: 0,
                hints: [hint, 0, 0],
            });
        }
    }

    /// Not inlined: a loop that has the registers for itself.
    #[inline(never)]
    fn visit_insts(&mut self, block: Block) {
        let function = self.function;
        let mut position = self.intervals.block_start(block);
        let first = function.block(block).first_inst.index();
        let insts = function.inst_slice(block);
        let results = &function.first_results()[first..][..insts.len()];
        // The terminator has no results.
        for index in 0..insts.len() - 1 {
            self.free |= self.frees[position as usize];
            let (inst, value, end) = (&insts[index], results[index], results[index + 1]);
            if value != end {
                let wishes = WISHES[inst.op as usize];
                if wishes & wish::CONSTANT != 0 {
                    self.places[value.index()] = Place::constant((first + index) as u32);
                } else if wishes & wish::COMPARISON == 0
                    || !self.fuse(inst, &insts[index + 1], value)
                {
                    self.pass_calls(position + 1);
                    self.define_result(inst, wishes, value, position);
                    // Not a loop: it would cost every instruction what few need.
                    if value.0 + 1 < end.0 {
                        self.define_more(inst, value.0 + 1..end.0, position);
                    }
                }
            }
            position += 1;
        }
        self.free |= self.frees[position as usize];
    }

    #[inline]
    fn bit_of_affinity(&self, value: Value) -> u32 {
        match self.intervals.affinity(value) {
            Some(other) => self.places[other.index()].bit(),
            None => 0,
        }
    }

    /// The results behind the first one: what the op wants is that one's.
    #[inline(never)]
    fn define_more(&mut self, inst: &InstData, results: std::ops::Range<u32>, position: u32) {
        for value in results {
            self.define_result(inst, 0, Value(value), position);
        }
    }

    #[inline(never)]
    fn excluded(&self, inst: &InstData, wishes: u8) -> u32 {
        if faults::on(Fault::StencilCountClobbered)
            && matches!(inst.op, Op::Ishl | Op::Ushr | Op::Sshr)
        {
            return 0;
        }
        let bit = |index| self.places[inst.arg(index).index()].bit();
        let wanted = (0..3).filter(|index| wishes >> index & 1 != 0);
        wanted.fold(0, |mask, index| mask | bit(index))
    }

    #[inline(always)]
    fn define_result(&mut self, inst: &InstData, wishes: u8, value: Value, position: u32) {
        let class = class_of(self.function.value_type(value));
        let mut hints = [self.bit_of_affinity(value), 0, 0];
        let mut excluded = 0;
        if wishes & (wish::NOT_FIRST | wish::NOT_SECOND | wish::NOT_THIRD) != 0 {
            excluded = self.excluded(inst, wishes);
        }
        if wishes & wish::AS_FIRST != 0 {
            hints[1] = self.places[inst.a as usize].bit();
        }
        if wishes & wish::AS_SECOND != 0 {
            hints[2] = self.places[inst.b as usize].bit();
        }
        if wishes & wish::AS_RESULT != 0 {
            let first = match class {
                Axis::Int => INT_ARGS[0],
                Axis::Float => FLOAT_ARGS[0],
            };
            hints[1] = Place::register(class, first).bit();
        }
        self.define(&Definition {
            value,
            class,
            // A result that nobody needs still must not share the register of a second one.
            over: self.intervals.interval(value).end.max(position + 1) + 1,
            slot_from: position + 1,
            excluded,
            hints,
        });
    }

    /// A comparison whose only use is the next instruction's condition has no place of its own: a
    /// branch compares itself, a selection finds it in T.
    #[inline(never)]
    fn fuse(&mut self, inst: &InstData, next: &InstData, value: Value) -> bool {
        let is_condition = next.a == value.0 && self.policy.fusion;
        if !is_condition || self.intervals.interval(value).uses() != 1 {
            return false;
        }
        self.places[value.index()] = match next.op {
            Op::Brif | Op::Trapz | Op::Trapnz if matches!(inst.ty, Type::I8 | Type::I16) => {
                return false;
            }
            Op::Brif | Op::Trapz | Op::Trapnz => Place::FUSED,
            Op::Select => Place::T,
            _ => return false,
        };
        true
    }

    #[inline(always)]
    fn define(&mut self, definition: &Definition) {
        let index = definition.value.index();
        let crosses = definition.over - 1 > self.next_call_at;
        if crosses && self.calls_outweigh(definition.value) || !self.policy.registers {
            return self.define_in_slot(definition);
        }
        let of_class = match definition.class {
            Axis::Int => INT_VALUES,
            Axis::Float => FLOAT_VALUES,
        };
        let free = self.free & of_class & !definition.excluded;
        let bit = match pick(free, &definition.hints) {
            Some(bit) => bit,
            None => match self.evict(definition, of_class) {
                Some(bit) => bit,
                None => return self.define_in_slot(definition),
            },
        };
        let end = definition.over - 1;
        self.free &= !(1 << bit);
        self.frees[end as usize] |= 1 << bit;
        self.occupants[bit as usize & 31] = Occupant {
            value: definition.value,
            end,
        };
        self.places[index] = Place(bit);
        if crosses {
            self.homes[index] = self.slots.take(definition.slot_from, definition.over);
        }
    }

    #[inline(never)]
    fn define_in_slot(&mut self, definition: &Definition) {
        let slot = self.slots.take(definition.slot_from, definition.over);
        self.places[definition.value.index()] = Place::slot(slot);
    }

    /// Sends the value that is worth least into a slot and yields its register; none if that is the
    /// new one.
    #[cold]
    fn evict(&mut self, definition: &Definition, of_class: u32) -> Option<u32> {
        let intervals = self.intervals;
        let worth = |value: Value| {
            let interval = intervals.interval(value);
            let length = interval.end - interval.start;
            interval.weight() as f32 / (length as f32 + 8.0)
        };
        let mut least = worth(definition.value);
        let mut victim = None;
        // Registers that are free are not here unless they are excluded.
        let usable = of_class & !definition.excluded & !self.free;
        for bit in (0..32).filter(|bit| usable >> bit & 1 != 0) {
            let worth = worth(self.occupants[bit as usize].value);
            if worth < least {
                (least, victim) = (worth, Some(bit));
            }
        }
        let bit = victim?;
        let Occupant { value, end } = self.occupants[bit as usize];
        self.frees[end as usize] &= !(1 << bit);
        let slot = match self.homes[value.index()] {
            NO_HOME => {
                let start = match faults::on(Fault::StencilEvictedSlotShared) {
                    true => definition.slot_from,
                    false => intervals.interval(value).start,
                };
                self.slots.take(start, end + 1)
            }
            home => home,
        };
        self.homes[value.index()] = NO_HOME;
        self.places[value.index()] = Place::slot(slot);
        Some(bit)
    }

    fn find_call(&mut self) {
        let call = self.intervals.marked().get(self.next_call);
        self.next_call_at = call.map_or(u32::MAX, |call| call.position);
    }

    /// Passes the calls that stand before a position.
    #[inline]
    fn pass_calls(&mut self, position: u32) {
        if self.next_call_at < position {
            self.advance_calls(position);
        }
    }

    #[inline(never)]
    fn advance_calls(&mut self, position: u32) {
        while self.next_call_at < position {
            self.next_call += 1;
            self.find_call();
        }
    }

    /// Whether the calls between here and the end of a value's life weigh as much as its uses.
    #[inline(never)]
    fn calls_outweigh(&self, value: Value) -> bool {
        let interval = self.intervals.interval(value);
        let calls = &self.intervals.marked()[self.next_call..];
        let crossed = calls.partition_point(|call| call.position < interval.end);
        match (calls.first(), crossed.checked_sub(1)) {
            (Some(first), Some(last)) => {
                let last = calls[last];
                let before = last.weight_before - first.weight_before;
                before.saturating_add(last.weight) >= interval.weight()
            }
            _ => false,
        }
    }
}

/// The class of registers that values of a type live in.
#[inline]
pub(crate) fn class_of(ty: Type) -> Axis {
    if ty.is_int() { Axis::Int } else { Axis::Float }
}

/// A bit of the mask: the first one hinted at that is there.
#[inline]
fn pick(free: u32, hints: &[u32; 3]) -> Option<u32> {
    let mut choice = free;
    // The last hint that is there wins, without branches: they come in the other order.
    for hint in hints.iter().rev() {
        let hinted = free & hint;
        choice = if hinted != 0 { hinted } else { choice };
    }
    (choice != 0).then(|| choice.trailing_zeros())
}

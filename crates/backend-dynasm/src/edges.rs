//! Edges: what is where when control reaches a block.
//!
//! The first edge to a block that is emitted decides where that block finds its values; every other one
//! brings them there, by moves that happen at once ([`Moves`](bakeoff_backend::moves::Moves)). What is decided is
//! noted in a *snapshot*: the registers, which of them are clean, and where the parameters are. Everything
//! else that is live is in its slot.
//!
//! A loop decides for all its rounds when it is entered, so its header is treated with more care:
//! * what the loop does not use leaves its register if the loop needs more than there are, or calls;
//! * what it uses is loaded before it, as long as there are registers;
//! * what lives across a call in the loop is stored before it, once.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, EdgeData, Value};

use crate::compiler::Compiler;
use crate::location::{Class, Loc, Reg, registers};
use crate::machine::Machine;
use crate::values::Form;

/// Where a block finds a value.
#[derive(Clone, Copy)]
struct Noted {
    value: Value,
    /// In this register, or in its slot.
    reg: Option<Reg>,
    clean: bool,
}

/// The snapshots of a function's blocks.
#[derive(Default)]
pub(crate) struct Snapshots {
    noted: Vec<Noted>,
    /// By block: those of it.
    ranges: Vec<Range>,
    /// For the header that is being decided on.
    wanted: Vec<Wanted>,
}

/// The notes of a block: the first one, the first one of a parameter, and one past the last; all 0 if it has
/// no snapshot yet. And its registers, as sets.
#[derive(Clone, Copy, Default)]
struct Range {
    first: u32,
    params: u32,
    end: u32,
    occupied: u64,
    clean: u64,
}

/// A value that a loop would like to have in a register.
#[derive(Clone, Copy)]
struct Wanted {
    value: Value,
    weight: u32,
}

impl Snapshots {
    /// Begins a function with so many blocks.
    pub(crate) fn begin(&mut self, blocks: usize) {
        self.noted.clear();
        self.noted.push(Noted {
            value: Value(0),
            reg: None,
            clean: false,
        });
        self.ranges.clear();
        self.ranges.resize(blocks, Range::default());
    }

    /// Bytes of heap memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.noted.capacity() * size_of::<Noted>() + self.ranges.capacity() * size_of::<Range>()
    }

    #[inline]
    fn is_known(&self, block: Block) -> bool {
        self.ranges[block.index()].end != 0
    }

    fn len(&self) -> u32 {
        self.noted.len() as u32
    }

    /// Ends the snapshot of a block, whose notes begin at `first`, and those of parameters at `params`.
    fn end(&mut self, block: Block, first: u32, params: u32) {
        let (mut occupied, mut clean) = (0, 0);
        for noted in &self.noted[first as usize..] {
            let bit = noted.reg.map_or(0, Reg::bit);
            occupied |= bit;
            clean |= if noted.clean { bit } else { 0 };
        }
        self.ranges[block.index()] = Range {
            first,
            params,
            end: self.len(),
            occupied,
            clean,
        };
    }
}

/// The loop that a header begins.
struct Loop {
    /// Its last position.
    end: u32,
    /// The position of the first call in it that is not rare.
    first_call: u32,
    /// By class: how many more values of its own and of those that are in registers now are live in it at
    /// once than there are registers.
    excess: [i32; 2],
}

/// How many uses of invariants are looked at, at most, for one loop.
const MOST_INVARIANTS: usize = 96;

impl<M: Machine> Compiler<'_, M> {
    /// Whether a value may be live where a block begins, its own parameters excluded.
    #[inline]
    fn is_live_in(&self, value: Value, start: u32) -> bool {
        let interval = self.intervals.interval(value);
        interval.start < start && start <= interval.end
    }

    /// Collects the moves of an edge, in order; decides first where the block finds its values, if it is the first one
    /// to it. Emits nothing, and changes nothing of what is where here.
    pub(crate) fn plan_edge(&mut self, edge: &EdgeData) {
        self.moves.clear();
        if self.snapshots.is_known(edge.block) {
            self.match_snapshot(edge);
        } else {
            self.decide(edge);
        }
        self.moves.order();
    }

    /// Begins a block: everything is where its snapshot says; without one, where it was.
    pub(crate) fn enter_block(&mut self, block: Block) {
        let range = self.snapshots.ranges[block.index()];
        if range.end == 0 {
            for reg in registers(self.values.occupied) {
                if self.intervals.interval(self.values.in_register(reg)).end < self.position {
                    self.values.free(reg);
                }
            }
            return;
        }
        self.values.free_all();
        for noted in &self.snapshots.noted[range.first as usize..range.end as usize] {
            if let Some(reg) = noted.reg {
                self.values.place(noted.value, reg);
            }
        }
        (self.values.occupied, self.values.clean) = (range.occupied, range.clean);
    }

    // ---- Later edges -----------------------------------------------------------------------------

    fn match_snapshot(&mut self, edge: &EdgeData) {
        let Range {
            first, params, end, ..
        } = self.snapshots.ranges[edge.block.index()];
        // Registers whose values are wanted in registers.
        let mut wanted = 0;
        for index in first..params {
            let noted = self.snapshots.noted[index as usize];
            let Some(to) = noted.reg else { continue };
            let now = self.values.reg(noted.value);
            if let Some(now) = now {
                wanted |= now.bit();
                let is_stored =
                    self.values.is_clean(now) || faults::on(Fault::DynasmTakenForStored);
                if noted.clean && !is_stored {
                    let slot = self.slot_of(noted.value);
                    self.moves.push(Loc::Slot(slot), Loc::Reg(now));
                }
            }
            if now != Some(to) {
                let from = self.location(noted.value);
                self.push_move(Loc::Reg(to), from);
            }
        }
        let first_param = self.function.block(edge.block).first_param.0;
        let args = self.function.edge_args(edge);
        for index in params..end {
            let noted = self.snapshots.noted[index as usize];
            let from = self.location(args[(noted.value.0 - first_param) as usize]);
            let to = match noted.reg {
                Some(reg) => Loc::Reg(reg),
                None => Loc::Slot(self.slot_of(noted.value)),
            };
            self.push_move(to, from);
        }
        let start = self.intervals.block_start(edge.block);
        self.store_rest(start, !wanted);
    }

    /// Stores what is live in a block and in none of its registers.
    fn store_rest(&mut self, start: u32, rest: u64) {
        for reg in registers(self.values.occupied & !self.values.clean & rest) {
            let value = self.values.in_register(reg);
            if self.is_live_in(value, start) {
                let slot = self.slot_of(value);
                self.moves.push(Loc::Slot(slot), Loc::Reg(reg));
            }
        }
    }

    /// A move from where a value is; none if it is nowhere, and so is not needed on this path.
    fn push_move(&mut self, to: Loc, from: Option<Loc>) {
        if let Some(from) = from {
            self.moves.push(to, from);
        }
    }

    // ---- The first edge --------------------------------------------------------------------------

    fn decide(&mut self, edge: &EdgeData) {
        let start = self.intervals.block_start(edge.block);
        let first = self.snapshots.len();
        let mut taken = 0;
        if let Some(end) = self.intervals.region_end(edge.block) {
            taken = self.decide_for_loop(edge, start, end);
        } else {
            for reg in registers(self.values.occupied) {
                let value = self.values.in_register(reg);
                if self.is_live_in(value, start) {
                    taken |= reg.bit();
                    let clean = self.values.is_clean(reg);
                    self.note(value, reg, clean);
                }
            }
        }
        let params = self.snapshots.len();
        if edge.len > 0 {
            self.place_params(edge, taken);
        }
        self.snapshots.end(edge.block, first, params);
    }

    fn note(&mut self, value: Value, reg: Reg, clean: bool) {
        let reg = Some(reg);
        self.snapshots.noted.push(Noted { value, reg, clean });
    }

    /// Decides where the parameters are, beside registers that are taken.
    fn place_params(&mut self, edge: &EdgeData, mut taken: u64) {
        let args = self.function.edge_args(edge);
        for (param, arg) in self.function.params(edge.block).zip(args) {
            if self.intervals.interval(param).uses() == 0 {
                continue;
            }
            let pool = M::class_pool(self.class(param));
            let free = match self.shared.policy.registers {
                true => pool & !taken,
                false => 0,
            };
            let from = self.location(*arg);
            let own = match from {
                Some(Loc::Reg(reg)) => free & reg.bit(),
                _ => 0,
            };
            let other = self.intervals.affinity(param);
            let other = other.and_then(|other| self.values.hint(other));
            let wish = free & other.map_or(0, Reg::bit);
            // Registers that nothing moves out of are better.
            let idle = free & !self.values.occupied;
            let best = [own, wish, idle, free].into_iter().find(|set| *set != 0);
            let reg = best.map(|set| Reg(63 - set.leading_zeros() as u8));
            let to = match reg {
                Some(reg) => {
                    taken |= reg.bit();
                    self.values.wish(param, reg);
                    Loc::Reg(reg)
                }
                None => Loc::Slot(self.slot_of(param)),
            };
            self.push_move(to, from);
            self.snapshots.noted.push(Noted {
                value: param,
                reg,
                clean: reg.is_none(),
            });
        }
    }

    // ---- Loops -----------------------------------------------------------------------------------

    /// Decides for all rounds of a loop what is in registers, parameters excluded; which registers.
    fn decide_for_loop(&mut self, edge: &EdgeData, start: u32, end: u32) -> u64 {
        let mut kept = 0;
        for reg in registers(self.values.occupied) {
            if self.is_live_in(self.values.in_register(reg), start) {
                kept |= reg.bit();
            }
        }
        let entered = self.look_at_loop(edge.block, start, end, kept);
        let used = self.look_at_invariants(&entered, start);
        kept = self.keep_for_loop(&entered, kept, used);
        let calls = entered.first_call != u32::MAX;
        for reg in registers(kept) {
            let value = self.values.in_register(reg);
            let clean = self.values.is_clean(reg);
            if calls && !clean && !faults::on(Fault::DynasmLoopNotStored) {
                let slot = self.slot_of(value);
                self.moves.push(Loc::Slot(slot), Loc::Reg(reg));
            }
            self.note(value, reg, clean || calls);
        }
        self.store_rest(start, !kept);
        self.load_for_loop(edge, kept)
    }

    fn look_at_loop(&self, header: Block, start: u32, end: u32, kept: u64) -> Loop {
        let calls = self.intervals.marked();
        let calls = &calls[calls.partition_point(|call| call.position < start)..];
        // Those that are rare weigh nothing.
        let before = calls.first().map_or(0, |call| call.weight_before);
        let rare = calls.partition_point(|call| call.weight_before + call.weight == before);
        let call = calls.get(rare).filter(|call| call.position <= end);
        let peak = self.pressure.peak(header);
        let excess = |class: Class| {
            let pool = M::class_pool(class);
            let own = peak[class as usize].min(1 << 16) as i32;
            own + (kept & pool).count_ones() as i32 - pool.count_ones() as i32
        };
        Loop {
            end,
            first_call: call.map_or(u32::MAX, |call| call.position),
            excess: [excess(Class::Int), excess(Class::Float)],
        }
    }

    /// Collects the invariants that are used before anything is clobbered and are in no register; the
    /// registers of those that are in one.
    fn look_at_invariants(&mut self, entered: &Loop, start: u32) -> u64 {
        self.snapshots.wanted.clear();
        let uses = self.intervals.invariants(start, entered.end);
        let mut used = 0;
        let mut seen: Option<Value> = None;
        for invariant in uses.iter().take(MOST_INVARIANTS) {
            let value = invariant.value;
            let interval = self.intervals.interval(value);
            if interval.start >= start || seen == Some(value) {
                continue;
            }
            seen = Some(value);
            if invariant.position > entered.first_call {
                continue;
            }
            if let Some(reg) = self.values.reg(value) {
                used |= reg.bit();
                continue;
            }
            let is_worth_it = match self.values.form(value) {
                Form::Kept => self.values.slot(value).is_some(),
                Form::Made(_) => self.class(value) == Class::Float,
                Form::Folded(_) => false,
            };
            let wanted = &mut self.snapshots.wanted;
            if is_worth_it && !wanted.iter().any(|w| w.value == value) {
                let weight = interval.weight();
                wanted.push(Wanted { value, weight });
            }
        }
        if uses.len() > MOST_INVARIANTS {
            u64::MAX
        } else {
            used
        }
    }

    /// Which of the registers keep their values in a loop. What it calls leaves nothing that it does not use
    /// at once; else so many leave as it needs, first those that it does not use.
    fn keep_for_loop(&self, entered: &Loop, mut kept: u64, used: u64) -> u64 {
        if entered.first_call != u32::MAX {
            kept &= used;
        }
        for class in [Class::Int, Class::Float] {
            let pool = M::class_pool(class);
            let excess = entered.excess[class as usize];
            // Temporaries of the loop's own take turns: half of the registers are for what stays.
            let spared = (kept & used & pool).count_ones().min(pool.count_ones() / 2);
            let most = (kept & pool).count_ones() - spared;
            for _ in 0..excess.clamp(0, most as i32) {
                let cost = |reg: &Reg| {
                    let interval = self.intervals.interval(self.values.in_register(*reg));
                    (used & reg.bit() != 0, interval.weight())
                };
                if let Some(least) = registers(kept & pool).min_by_key(cost) {
                    kept &= !least.bit();
                }
            }
        }
        kept
    }

    /// Loads what a loop uses and is in no register, the most used first, as long as there is room; which
    /// registers are taken then.
    fn load_for_loop(&mut self, edge: &EdgeData, kept: u64) -> u64 {
        if !self.shared.policy.registers {
            return kept;
        }
        let mut wanted = std::mem::take(&mut self.snapshots.wanted);
        wanted.sort_by_key(|w| std::cmp::Reverse(w.weight));
        let mut taken = kept;
        for class in [Class::Int, Class::Float] {
            let pool = M::class_pool(class);
            // The loop's own values want some, too: its parameters all of the time.
            let params = self.function.params(edge.block);
            let params = params.filter(|p| self.class(*p) == class).count() as u32;
            let own = self.pressure.peak(edge.block)[class as usize];
            let spared = own.min(params + pool.count_ones() / 3);
            let mut room = (pool & !kept).count_ones().saturating_sub(spared);
            for Wanted { value, .. } in &wanted {
                if room == 0 || self.class(*value) != class {
                    continue;
                }
                let free = pool & !taken;
                let idle = free & !self.values.occupied;
                let set = if idle != 0 { idle } else { free };
                if set == 0 {
                    break;
                }
                let reg = Reg(63 - set.leading_zeros() as u8);
                taken |= reg.bit();
                room -= 1;
                let from = self.location(*value);
                self.push_move(Loc::Reg(reg), from);
                self.note(*value, reg, true);
            }
        }
        self.snapshots.wanted = wanted;
        taken
    }
}

//! Where every value of a function lives: the decisions before instructions are written.
//!
//! Terms
//! * A value's *place* is a slot of the frame, the callee's frame, a constant, or nothing at all.
//! * A *bundle* is a set of values that share a slot because they never live at the same time: block
//!   parameters are bundled with the arguments that flow into them, so that most edges need no copies.
//! * A *time* orders reads and writes: what stands at position *p* of the live ranges reads at 2p+1 and
//!   writes at 2p+2, except that parameters of a block are written at 2p. A value occupies its slot
//!   from the write up to, but not including, the time behind its last read.
//!
//! What gets no slot of its own:
//! * constants, function references among them: every use takes them as an immediate, or makes them where it needs them;
//! * `uextend` and `bitcast`: the slot of their operand holds their value already;
//! * a comparison directly before the only branch that uses it: the two become one instruction;
//! * an addition that only makes the address of a load or store of the same block, a shift by a
//!   constant that only feeds an addition, a product that only feeds a sum: parts of their users too;
//! * a value whose only use is an argument of a call in the same block, with no call between: it is
//!   written into the callee's frame at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bakeoff_ir::analysis::{Cfg, Dominators, Liveness};
use bakeoff_ir::{Block, Function, Inst, Op, Type, Value};
use rustc_hash::FxHashMap;

use crate::moves::Source;
use crate::select::{branch_code, load_code};

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In this slot of the frame.
    Slot(u16),
    /// In this slot of the next callee's frame.
    Argument(u16),
    /// A constant.
    Const(u64),
    /// Nowhere: unused, or part of the instruction that uses it.
    None,
}

/// The plan for one function.
pub(crate) struct Plan {
    places: Vec<Place>,
    /// Slots for values, with the parameters first.
    pub(crate) value_slots: u32,
    /// Instructions that are left out: constants, aliases, fused comparisons, dead code.
    skipped: Vec<bool>,
    /// The comparison that became part of each block's branch.
    fused: Vec<Option<Inst>>,
    /// The instruction that makes each value which is part of its user.
    folded: FxHashMap<Value, Inst>,
    /// The reachable blocks, in the order in which they are to be written.
    pub(crate) order: Vec<Block>,
}

impl Plan {
    /// Plans a function; `None` if its frame has more slots than instructions can name.
    pub(crate) fn new(function: &Function, param_count: usize) -> Option<Plan> {
        let cfg = Cfg::new(function);
        let dominators = Dominators::new(&cfg);
        let liveness = Liveness::new(function, &cfg, &dominators);
        let mut planner = Planner::new(function, &liveness);
        planner.classify();
        planner.bundle();
        let value_slots = planner.assign(param_count)?;
        Some(Plan {
            places: planner.places,
            value_slots,
            skipped: planner.skipped,
            fused: planner.fused,
            folded: planner.folded,
            order: liveness.order().to_vec(),
        })
    }

    /// Where a value is.
    pub(crate) fn place(&self, value: Value) -> Place {
        self.places[value.index()]
    }

    /// Where to read a value that is a constant or in the frame.
    pub(crate) fn source(&self, value: Value) -> Source {
        match self.place(value) {
            Place::Slot(slot) => Source::Slot(slot),
            Place::Const(bits) => Source::Const(bits),
            // Only read by what it is part of, or unreachable: any value will do.
            Place::Argument(_) | Place::None => Source::Const(0),
        }
    }

    /// The comparison that the branch at the end of `block` performs itself.
    pub(crate) fn fused_comparison(&self, block: Block) -> Option<Inst> {
        self.fused[block.index()]
    }

    /// The instruction that makes a value which is part of its user.
    pub(crate) fn folded(&self, value: Value) -> Option<Inst> {
        self.folded.get(&value).copied()
    }

    /// Whether no instruction is written for this one.
    pub(crate) fn skips(&self, inst: Inst) -> bool {
        self.skipped[inst.index()]
    }
}

struct Planner<'f> {
    function: &'f Function,
    liveness: &'f Liveness,
    places: Vec<Place>,
    skipped: Vec<bool>,
    fused: Vec<Option<Inst>>,
    folded: FxHashMap<Value, Inst>,
    /// Where each value of the current block is made, by results of pure binary instructions.
    made_by: FxHashMap<Value, Inst>,
    /// The value whose slot holds this one: itself, or the operand of an alias.
    roots: Vec<Value>,
    /// Occupied positions: first, and one past the last.
    ranges: Vec<(u32, u32)>,
    /// The bundle of each value that needs a slot.
    bundle_of: Vec<u32>,
    /// Ranges of each bundle, ascending.
    bundles: Vec<Vec<(u32, u32)>>,
    values_of_bundle: Vec<Vec<Value>>,
}

const NO_BUNDLE: u32 = u32::MAX;

/// A bundle of more ranges than this takes no more: the search for overlaps stays linear.
const MAX_BUNDLE_RANGES: usize = 64;

impl<'f> Planner<'f> {
    fn new(function: &'f Function, liveness: &'f Liveness) -> Self {
        let values = function.value_count();
        Planner {
            function,
            liveness,
            places: vec![Place::None; values],
            skipped: vec![false; function.inst_count()],
            fused: vec![None; function.block_count()],
            folded: FxHashMap::default(),
            made_by: FxHashMap::default(),
            roots: (0..values as u32).map(Value).collect(),
            ranges: vec![(0, 0); values],
            bundle_of: vec![NO_BUNDLE; values],
            bundles: Vec::new(),
            values_of_bundle: Vec::new(),
        }
    }

    /// Decides for every value whether it needs a slot, and for how long.
    fn classify(&mut self) {
        for index in 0..self.liveness.order().len() {
            let block = self.liveness.order()[index];
            let start = self.liveness.block_start(block);
            for param in self.function.params(block) {
                self.set_range(param, 2 * start);
            }
            self.made_by.clear();
            for (position, inst) in (start + 1..).zip(self.function.insts(block)) {
                self.classify_inst(inst, position);
                self.fold_operands(inst, position);
            }
            self.fuse_comparison(block);
            self.place_arguments(block);
        }
        // An alias keeps the slot of its root occupied.
        for index in 0..self.roots.len() {
            let root = self.roots[index].index();
            if root != index {
                let end = self.ranges[index].1;
                self.ranges[root].1 = self.ranges[root].1.max(end);
            }
        }
    }

    fn classify_inst(&mut self, inst: Inst, position: u32) {
        let function = self.function;
        let data = function.inst(inst);
        for result in function.results(inst) {
            self.set_range(result, 2 * position + 2);
        }
        match data.op {
            Op::Iconst | Op::Fconst => {
                self.skipped[inst.index()] = true;
                self.places[function.result(inst).index()] = Place::Const(data.imm());
            }
            Op::RefFunc => {
                self.skipped[inst.index()] = true;
                let reference = u64::from(data.func().0) + 1;
                self.places[function.result(inst).index()] = Place::Const(reference);
            }
            Op::Uextend | Op::Bitcast => {
                let root = self.roots[data.arg(0).index()];
                self.skipped[inst.index()] = true;
                let result = function.result(inst);
                match self.places[root.index()] {
                    Place::Const(bits) => self.places[result.index()] = Place::Const(bits),
                    _ => self.roots[result.index()] = root,
                }
            }
            _ => {
                let unused = |v: Value| self.liveness.range(v).uses == 0;
                if data.op.info().effects.is_removable() && function.results(inst).all(unused) {
                    self.skipped[inst.index()] = true;
                }
            }
        }
    }

    /// Makes operands parts of this instruction where there is a form for that.
    fn fold_operands(&mut self, inst: Inst, position: u32) {
        let data = self.function.inst(inst);
        match data.op {
            Op::Iadd if data.ty == Type::I32 => {
                let [x, y] = [data.arg(0), data.arg(1)];
                self.made_by.insert(self.function.result(inst), inst);
                // One of them, beside a slot.
                if !self.is_constant(x) && !self.is_constant(y) && !self.fold_shift(y, position) {
                    self.fold_shift(x, position);
                }
            }
            Op::Ishl if data.ty == Type::I32 && self.is_constant(data.arg(1)) => {
                self.made_by.insert(self.function.result(inst), inst);
            }
            Op::Fmul => {
                let constant = self.is_constant(data.arg(0)) || self.is_constant(data.arg(1));
                if !constant {
                    self.made_by.insert(self.function.result(inst), inst);
                }
            }
            Op::Fadd => {
                let [x, y] = [data.arg(0), data.arg(1)];
                let foldable = |this: &Self, v| this.candidate(v, Op::Fmul);
                if !self.is_constant(x) && !self.is_constant(y) {
                    let chosen = foldable(self, x).or_else(|| foldable(self, y));
                    chosen
                        .into_iter()
                        .for_each(|made| self.fold(made, position));
                }
            }
            Op::Load | Op::Sload | Op::Uload if data.x == 0 && load_code(data).is_some() => {
                self.fold_address(data.arg(0), position);
            }
            Op::Store | Op::Istore if data.x == 0 => self.fold_address(data.arg(1), position),
            _ => {}
        }
    }

    fn is_constant(&self, value: Value) -> bool {
        matches!(
            self.places[self.roots[value.index()].index()],
            Place::Const(_)
        )
    }

    /// The instruction of this block that makes a value of one use by `op`.
    fn candidate(&self, value: Value, op: Op) -> Option<Inst> {
        let made = *self.made_by.get(&value)?;
        let fits = self.function.inst(made).op == op && self.liveness.range(value).uses == 1;
        fits.then_some(made)
    }

    fn fold_shift(&mut self, value: Value, position: u32) -> bool {
        let made = self.candidate(value, Op::Ishl);
        made.into_iter().for_each(|made| self.fold(made, position));
        made.is_some()
    }

    fn fold_address(&mut self, value: Value, position: u32) {
        let Some(made) = self.candidate(value, Op::Iadd) else {
            return;
        };
        self.fold(made, position);
        // What is part of the addition is read as late as the addition.
        let data = self.function.inst(made);
        for operand in [data.arg(0), data.arg(1)] {
            if let Some(inner) = self.folded.get(&operand).copied() {
                self.extend_operands(inner, position);
            }
        }
    }

    /// Makes an instruction part of the one at `position`, which then reads its operands.
    fn fold(&mut self, made: Inst, position: u32) {
        let value = self.function.result(made);
        self.skipped[made.index()] = true;
        self.ranges[value.index()] = (0, 0);
        self.folded.insert(value, made);
        self.extend_operands(made, position);
    }

    fn extend_operands(&mut self, made: Inst, position: u32) {
        let data = self.function.inst(made);
        for operand in [data.arg(0), data.arg(1)] {
            let root = self.roots[operand.index()];
            if !self.folded.contains_key(&operand) {
                let end = &mut self.ranges[root.index()].1;
                *end = (*end).max(2 * position + 2);
            }
        }
    }

    fn set_range(&mut self, value: Value, written: u32) {
        let end = 2 * self.liveness.range(value).end + 2;
        self.ranges[value.index()] = (written, end.max(written + 1));
    }

    /// Makes a comparison part of the branch behind it, if nothing stands between but what is left
    /// out anyway.
    fn fuse_comparison(&mut self, block: Block) {
        let function = self.function;
        let terminator = function.terminator(block);
        let branch = function.inst(terminator);
        if branch.op != Op::Brif || self.liveness.range(branch.arg(0)).uses != 1 {
            return;
        }
        let before = function.insts(block).rev().skip(1);
        let Some(candidate) = before.into_iter().find(|inst| !self.skipped[inst.index()]) else {
            return;
        };
        let data = function.inst(candidate);
        let condition = branch.arg(0);
        if function.results(candidate).next() != Some(condition)
            || branch_code(data, true).is_none()
        {
            return;
        }
        self.skipped[candidate.index()] = true;
        self.fused[block.index()] = Some(candidate);
        self.ranges[condition.index()] = (0, 0);
        let read = 2 * self.liveness.position(function, block, terminator) + 2;
        for operand in [data.arg(0), data.arg(1)] {
            let root = self.roots[operand.index()];
            let end = &mut self.ranges[root.index()].1;
            *end = (*end).max(read);
        }
    }

    /// Puts values that are only arguments into the callee's frame.
    fn place_arguments(&mut self, block: Block) {
        let function = self.function;
        // Values from this one on were made since the callee's frame was last used by a call.
        let mut made_since = function.result(function.block(block).first_inst);
        for inst in function.insts(block) {
            let data = function.inst(inst);
            let skip = match data.op {
                Op::Call => 0,
                Op::CallIndirect | Op::CallRaw => 1,
                _ => continue,
            };
            for (position, arg) in function.list_operands(data)[skip..].iter().enumerate() {
                let range = self.liveness.range(*arg);
                let plain = self.roots[arg.index()] == *arg
                    && self.places[arg.index()] == Place::None
                    && range.uses == 1;
                let made_here = (made_since..function.result(inst)).contains(arg);
                if plain
                    && made_here
                    && let Ok(position) = u16::try_from(position)
                {
                    self.places[arg.index()] = Place::Argument(position);
                }
            }
            made_since = Value(function.result(inst).0 + function.results(inst).len() as u32);
        }
    }

    fn needs_slot(&self, value: Value) -> bool {
        self.places[value.index()] == Place::None
            && self.roots[value.index()] == value
            && self.ranges[value.index()].1 > self.ranges[value.index()].0
    }

    /// Bundles parameters with their arguments, loops first.
    fn bundle(&mut self) {
        for index in 0..self.function.value_count() as u32 {
            let value = Value(index);
            if self.needs_slot(value) {
                self.bundle_of[value.index()] = self.bundles.len() as u32;
                self.bundles.push(vec![self.ranges[value.index()]]);
                self.values_of_bundle.push(vec![value]);
            }
        }
        for back in [true, false] {
            for block in self.liveness.order().iter().rev() {
                for edge in self.function.successors(*block) {
                    if (edge.block <= *block) != back {
                        continue;
                    }
                    for (param, arg) in self
                        .function
                        .params(edge.block)
                        .zip(self.function.edge_args(edge))
                    {
                        self.try_merge(param, *arg);
                    }
                }
            }
        }
    }

    fn try_merge(&mut self, a: Value, b: Value) {
        let a = self.bundle_of[a.index()];
        let b = self.bundle_of[self.roots[b.index()].index()];
        if a == b || a == NO_BUNDLE || b == NO_BUNDLE {
            return;
        }
        let (small, large) = match self.bundles[a as usize].len() <= self.bundles[b as usize].len()
        {
            true => (a as usize, b as usize),
            false => (b as usize, a as usize),
        };
        let both = self.bundles[small].len() + self.bundles[large].len();
        if both > MAX_BUNDLE_RANGES || overlap(&self.bundles[small], &self.bundles[large]) {
            return;
        }
        let moved = std::mem::take(&mut self.bundles[small]);
        self.bundles[large].extend(moved);
        self.bundles[large].sort_unstable();
        for value in std::mem::take(&mut self.values_of_bundle[small]) {
            self.bundle_of[value.index()] = large as u32;
            self.values_of_bundle[large].push(value);
        }
    }

    /// Gives bundles their slots by a scan over their ranges; the parameters come first. Returns
    /// the number of slots.
    fn assign(&mut self, param_count: usize) -> Option<u32> {
        let mut slots = vec![None; self.bundles.len()];
        for index in 0..param_count {
            let bundle = self.bundle_of[index];
            if bundle != NO_BUNDLE {
                slots[bundle as usize] = Some(index as u32);
            }
        }
        let hull = |ranges: &[(u32, u32)]| Some((ranges.first()?.0, ranges.last()?.1));
        let mut order: Vec<(u32, u32, usize)> = self
            .bundles
            .iter()
            .enumerate()
            .filter_map(|(index, ranges)| hull(ranges).map(|(start, end)| (start, end, index)))
            .collect();
        order.sort_unstable();
        let mut count = param_count as u32;
        let mut free = BinaryHeap::new();
        let mut busy = BinaryHeap::new();
        // Parameters without a bundle are in nobody's way: their slots are free from the start.
        free.extend(
            (0..param_count as u32)
                .filter(|p| self.bundle_of[*p as usize] == NO_BUNDLE)
                .map(Reverse),
        );
        for (start, end, bundle) in order {
            while let Some(Reverse((until, slot))) = busy.peek().copied() {
                if until > start {
                    break;
                }
                busy.pop();
                free.push(Reverse(slot));
            }
            let slot = match (slots[bundle], free.pop()) {
                (Some(fixed), taken) => {
                    free.extend(taken);
                    fixed
                }
                (None, Some(Reverse(slot))) => slot,
                (None, None) => {
                    count += 1;
                    count - 1
                }
            };
            slots[bundle] = Some(slot);
            busy.push(Reverse((end, slot)));
        }
        for index in 0..self.places.len() {
            let root = self.roots[index].index();
            let bundle = self.bundle_of[root];
            if root != index && bundle == NO_BUNDLE {
                self.places[index] = self.places[root];
            }
            if bundle != NO_BUNDLE {
                let slot = slots[bundle as usize].unwrap_or_default();
                self.places[index] = Place::Slot(u16::try_from(slot).ok()?);
            }
        }
        // Room for scratch slots and for a callee's frame must be nameable too.
        (count < 60_000).then_some(count)
    }
}

/// Whether any two ranges of the two ascending lists overlap.
fn overlap(a: &[(u32, u32)], b: &[(u32, u32)]) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x.1 <= y.0 {
            i += 1;
        } else if y.1 <= x.0 {
            j += 1;
        } else {
            return true;
        }
    }
    false
}

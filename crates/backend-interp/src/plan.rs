//! Where every value of a function lives: the decisions before instructions are written.
//!
//! Terms
//! * A value's *place* is a slot of the frame, the callee's frame, a constant, or nothing at all.
//! * A *bundle* is a set of values that share a slot because they never live at the same time: block
//!   parameters are bundled with the arguments that flow into them, so that most edges need no copies.
//! * *Times* and *segments* are those of `ranges`.
//!
//! What gets no slot of its own:
//! * constants, function references among them: every use takes them as an immediate, or makes them
//!   where it needs them;
//! * `uextend` and `bitcast`: the slot of their operand, their *root*, holds their value already;
//! * a value that is *folded*, part of the instruction that uses it: a comparison directly before the
//!   only branch that uses it; an addition that only makes the address of a load or store of the same
//!   block; a shift by a constant that only feeds an addition; a product that only feeds a sum;
//! * a value whose only use is an argument of a call in the same block, with no call between: it is
//!   written into the callee's frame at once;
//! * what nobody reads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::analysis::{Cfg, Dominators, Liveness};
use bakeoff_ir::{Block, Function, Inst, InstData, Op, Type, Value};
use rustc_hash::FxHashMap;

use crate::moves::Source;
use crate::ranges::{Ranges, Segment, overlap};
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
    /// Instructions that are left out: constants, aliases, folded ones, dead code.
    skipped: Vec<bool>,
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
        let mut ranges = Ranges::new(function, &cfg, &liveness);
        planner.note_reads(&mut ranges);
        planner.bundle(&mut ranges);
        let value_slots = planner.assign(param_count)?;
        Some(Plan {
            places: planner.places,
            value_slots,
            skipped: planner.skipped,
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
    folded: FxHashMap<Value, Inst>,
    /// The instructions of the current block whose result may become part of its user.
    made_by: FxHashMap<Value, Inst>,
    /// The value whose slot holds this one: itself, or the operand of an alias.
    roots: Vec<Value>,
    /// The bundle of each value that needs a slot.
    bundle_of: Vec<u32>,
    /// Segments of each bundle, ascending.
    bundles: Vec<Vec<Segment>>,
    values_of_bundle: Vec<Vec<Value>>,
}

const NO_BUNDLE: u32 = u32::MAX;

/// A bundle of more segments than this takes no more: the search for overlaps stays linear.
const MAX_BUNDLE_SEGMENTS: usize = 1024;

impl<'f> Planner<'f> {
    fn new(function: &'f Function, liveness: &'f Liveness) -> Self {
        let values = function.value_count();
        Planner {
            function,
            liveness,
            places: vec![Place::None; values],
            skipped: vec![false; function.inst_count()],
            folded: FxHashMap::default(),
            made_by: FxHashMap::default(),
            roots: (0..values as u32).map(Value).collect(),
            bundle_of: vec![NO_BUNDLE; values],
            bundles: Vec::new(),
            values_of_bundle: Vec::new(),
        }
    }

    /// Decides for every value whether it needs a slot.
    fn classify(&mut self) {
        for block in self.liveness.order() {
            self.made_by.clear();
            for inst in self.function.insts(*block) {
                self.classify_inst(inst);
                self.fold_operands(inst);
            }
            self.fold_comparison(*block);
            self.place_arguments(*block);
        }
    }

    fn uses(&self, value: Value) -> u32 {
        self.liveness.range(value).uses
    }

    fn classify_inst(&mut self, inst: Inst) {
        let function = self.function;
        let data = function.inst(inst);
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
                let unused = |v: Value| self.uses(v) == 0;
                let removable = data.op.info().effects.is_removable()
                    || faults::on(Fault::InterpDeadDivision)
                        && matches!(data.op, Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem);
                if removable && function.results(inst).all(unused) {
                    self.skipped[inst.index()] = true;
                }
            }
        }
    }

    /// Makes operands parts of this instruction where there is a form for that.
    fn fold_operands(&mut self, inst: Inst) {
        let data = self.function.inst(inst);
        let [x, y] = [data.arg(0), data.arg(1)];
        let result = self.function.result(inst);
        match data.op {
            Op::Iadd if data.ty == Type::I32 => {
                self.made_by.insert(result, inst);
                // One of them, beside a slot.
                if !self.is_constant(x) && !self.is_constant(y) && !self.fold(y, Op::Ishl) {
                    self.fold(x, Op::Ishl);
                }
            }
            Op::Ishl if data.ty == Type::I32 && self.is_constant(y) => {
                self.made_by.insert(result, inst);
            }
            Op::Fmul if !self.is_constant(x) && !self.is_constant(y) => {
                self.made_by.insert(result, inst);
            }
            Op::Fadd if !self.is_constant(x) && !self.is_constant(y) => {
                let _ = self.fold(x, Op::Fmul) || self.fold(y, Op::Fmul);
            }
            Op::Load | Op::Sload | Op::Uload if data.x == 0 && load_code(data).is_some() => {
                self.fold(x, Op::Iadd);
            }
            Op::Store | Op::Istore if data.x == 0 => {
                self.fold(y, Op::Iadd);
            }
            _ => {}
        }
    }

    fn is_constant(&self, value: Value) -> bool {
        matches!(self.places[value.index()], Place::Const(_))
    }

    /// Makes a value part of its user, if it has only that and is made by `op` in this block.
    fn fold(&mut self, value: Value, op: Op) -> bool {
        let Some(made) = self.made_by.get(&value).copied() else {
            return false;
        };
        if self.function.inst(made).op != op || self.uses(value) != 1 {
            return false;
        }
        self.skipped[made.index()] = true;
        self.folded.insert(value, made);
        true
    }

    /// Makes a comparison part of the branch behind it, if nothing stands between but what is left
    /// out anyway.
    fn fold_comparison(&mut self, block: Block) {
        let function = self.function;
        let branch = function.inst(function.terminator(block));
        let condition = branch.arg(0);
        if branch.op != Op::Brif || self.uses(condition) != 1 {
            return;
        }
        let mut before = function.insts(block).rev().skip(1);
        let Some(candidate) = before.find(|inst| !self.skipped[inst.index()]) else {
            return;
        };
        let data = function.inst(candidate);
        if function.results(candidate).next() == Some(condition)
            && branch_code(data, true).is_some()
        {
            self.skipped[candidate.index()] = true;
            self.folded.insert(condition, candidate);
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
                let plain = self.roots[arg.index()] == *arg
                    && self.places[arg.index()] == Place::None
                    && self.uses(*arg) == 1;
                let made_here = (made_since..function.result(inst)).contains(arg);
                if plain
                    && made_here
                    && let Ok(position) = u16::try_from(position)
                {
                    self.places[arg.index()] = Place::Argument(position);
                }
            }
            if faults::on(Fault::InterpArgumentAcrossCall) {
                continue;
            }
            made_since = Value(function.result(inst).0 + function.results(inst).len() as u32);
        }
    }

    /// Notes what each instruction that is written out reads.
    fn note_reads(&self, ranges: &mut Ranges<'_>) {
        for block in self.liveness.order() {
            let start = self.liveness.block_start(*block);
            for (position, inst) in (start + 1..).zip(self.function.insts(*block)) {
                if self.skipped[inst.index()] {
                    continue;
                }
                let data = self.function.inst(inst);
                self.note_operands(data, *block, position, ranges);
                for edge in self.function.edges(data) {
                    for arg in self.function.edge_args(edge) {
                        self.note_read(*arg, *block, position, ranges);
                    }
                }
            }
        }
    }

    fn note_operands(&self, data: &InstData, block: Block, position: u32, ranges: &mut Ranges<'_>) {
        for operand in self.function.operands(data) {
            match self.folded.get(&operand) {
                // Folds nest three deep at most: a shift in an addition in a load.
                Some(made) => {
                    self.note_operands(self.function.inst(*made), block, position, ranges)
                }
                None => self.note_read(operand, block, position, ranges),
            }
        }
    }

    fn note_read(&self, value: Value, block: Block, position: u32, ranges: &mut Ranges<'_>) {
        let root = self.roots[value.index()];
        if self.places[root.index()] == Place::None && !self.is_constant(value) {
            ranges.read(root, block, position);
            if root != value {
                ranges.alias(root, value);
            }
        }
    }

    /// Finds the values that need a slot, and bundles parameters with their arguments, loops first.
    fn bundle(&mut self, ranges: &mut Ranges<'_>) {
        for block in self.liveness.order() {
            let start = self.liveness.block_start(*block);
            for param in self.function.params(*block) {
                self.start_bundle(param, *block, 2 * start, ranges);
            }
            for (position, inst) in (start + 1..).zip(self.function.insts(*block)) {
                for result in self.function.results(inst) {
                    self.start_bundle(result, *block, 2 * position + 2, ranges);
                }
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

    fn start_bundle(&mut self, value: Value, block: Block, written: u32, ranges: &mut Ranges<'_>) {
        if ranges.is_read(value) {
            self.bundle_of[value.index()] = self.bundles.len() as u32;
            self.bundles.push(ranges.segments(value, block, written));
            self.values_of_bundle.push(vec![value]);
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
        if both > MAX_BUNDLE_SEGMENTS || overlap(&self.bundles[small], &self.bundles[large]) {
            return;
        }
        // One by one, since the small one has a single segment most of the time: to sort again for each argument of a
        // parameter would take a time quadratic in their number. No segment moves more often than its bundle doubles.
        for segment in std::mem::take(&mut self.bundles[small]) {
            let large = &mut self.bundles[large];
            let at = large.partition_point(|other| *other < segment);
            large.insert(at, segment);
        }
        for value in std::mem::take(&mut self.values_of_bundle[small]) {
            self.bundle_of[value.index()] = large as u32;
            self.values_of_bundle[large].push(value);
        }
    }

    /// Gives bundles their slots by a scan from the first time of each to its last; the parameters of
    /// the function come first. Returns the number of slots.
    fn assign(&mut self, param_count: usize) -> Option<u32> {
        let mut slots = vec![None; self.bundles.len()];
        for index in 0..param_count {
            let bundle = self.bundle_of[index];
            if bundle != NO_BUNDLE {
                slots[bundle as usize] = Some(index as u32);
            }
        }
        let span = |segments: &[Segment]| Some((segments.first()?.0, segments.last()?.1));
        let spans = self.bundles.iter().enumerate();
        let mut order: Vec<(u32, u32, usize)> = spans
            .filter_map(|(index, segments)| span(segments).map(|(start, end)| (start, end, index)))
            .collect();
        order.sort_unstable();
        let mut count = param_count as u32;
        // Parameters that nobody reads are in nobody's way: their slots are free from the start.
        let unread = (0..param_count as u32).filter(|p| self.bundle_of[*p as usize] == NO_BUNDLE);
        let mut free: BinaryHeap<Reverse<u32>> = unread.map(Reverse).collect();
        let mut busy = BinaryHeap::new();
        for (start, end, bundle) in order {
            while let Some(Reverse((until, slot))) = busy.peek().copied() {
                if until > start {
                    break;
                }
                busy.pop();
                free.push(Reverse(slot));
            }
            let slot = slots[bundle]
                .or_else(|| free.pop().map(|Reverse(slot)| slot))
                .unwrap_or_else(|| {
                    count += 1;
                    count - 1
                });
            slots[bundle] = Some(slot);
            busy.push(Reverse((end, slot)));
        }
        for index in 0..self.places.len() {
            let root = self.roots[index].index();
            let bundle = self.bundle_of[root];
            if bundle != NO_BUNDLE {
                let slot = slots[bundle as usize].unwrap_or_default();
                self.places[index] = Place::Slot(u16::try_from(slot).ok()?);
            } else if root != index {
                self.places[index] = self.places[root];
            }
        }
        // Room for scratch slots and for a callee's frame must be nameable too.
        (count < 60_000).then_some(count)
    }
}

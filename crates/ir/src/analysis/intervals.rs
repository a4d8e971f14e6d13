//! Live intervals in one pass over the blocks and one over the instructions: what a compiler needs that
//! has nanoseconds for an instruction.
//!
//! Terms
//! * The *order*, *positions* and *regions* are those of [`Liveness`](super::Liveness). Positions are
//!   those of instructions alone: parameters begin at the position of their block's first instruction,
//!   *before* it, and results at the position of their instruction, *behind* it.
//! * The *weight* of a place is 8 to the power of the number of regions around it, up to 8^5, and 0 in
//!   cold blocks; that of a value is the sum over its uses. It estimates how often they execute.
//! * The *affinity* of a value is another one that it would be good to share a place with: an edge
//!   makes a copy unless argument and parameter are in the same place.
//! * An *invariant* of a region is a value that is used in it and defined before it.
//! * A *cold* block ends in a trap, or leads to nothing but cold blocks further down.
//!
//! No dominators are computed. If every block is reached from the entry by edges that lead forward in
//! the layout, all dominators of a block stand before it, and the layout is an order. Frontends make
//! such layouts; any other function is ordered by a depth-first search first.
//!
//! Everything is linear in the size of the function, but for the climb from a use in a nest of regions,
//! which takes logarithmically many steps.

use super::cfg::{Cfg, NONE};
use super::regions::Regions;
use crate::entity::{Block, Value};
use crate::function::{BlockData, Function, InstData};
use crate::ops::{Op, Shape};

/// Where a value is live, and what that is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interval {
    /// The position of the definition.
    pub start: u32,
    /// The last position at which the value is needed; `start` if it never is.
    pub end: u32,
    /// The number of uses in the low half, the sum of their weights in the high one: a use is one
    /// addition.
    worth: u64,
}

impl Interval {
    /// The number of uses in reachable blocks.
    #[inline]
    pub const fn uses(&self) -> u32 {
        self.worth as u32
    }

    /// The sum of the weights of the uses, modulo 2^32.
    #[inline]
    pub const fn weight(&self) -> u32 {
        (self.worth >> 32) as u32
    }
}

/// An instruction that the caller asked to be listed, see [`Intervals::compute`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marked {
    /// Its position.
    pub position: u32,
    /// The weights of all before it in the list, added up.
    pub weight_before: u32,
    /// Its own weight.
    pub weight: u32,
}

/// That a value defined before a region is used in it, see [`Intervals::invariants`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invariant {
    /// Where it is used.
    pub position: u32,
    /// The value.
    pub value: Value,
}

/// The intervals of a function, and what else the passes see on their way.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    order: Vec<Block>,
    blocks: Vec<BlockFacts>,
    intervals: Vec<Interval>,
    affinities: Vec<Value>,
    regions: Regions,
    marked: Vec<Marked>,
    invariants: Vec<Invariant>,
    has_back_edges: bool,
    cfg: Cfg,
}

#[derive(Clone, Copy, Debug)]
struct BlockFacts {
    /// Position of the first instruction, or `NONE` if unreachable.
    start: u32,
    /// Index in the order.
    rank: u32,
    /// Rank of the last block from which an edge leads back here, or `NONE`.
    back: u32,
    /// The innermost region, or `NONE`.
    region: u32,
    /// Number of edges from reachable blocks, at most 255.
    preds: u8,
    reached: bool,
    cold: bool,
    depth: u8,
}

impl BlockFacts {
    const UNREACHED: BlockFacts = BlockFacts {
        start: NONE,
        rank: NONE,
        back: NONE,
        region: NONE,
        preds: 0,
        reached: false,
        cold: false,
        depth: 0,
    };

    fn weight(&self) -> u32 {
        if self.cold { 0 } else { weight_at(self.depth) }
    }
}

/// The second pass: uses, and what those of a block have in common.
struct Uses<'i> {
    intervals: &'i mut [Interval],
    invariants: &'i mut Vec<Invariant>,
    regions: &'i Regions,
    /// The innermost region, or `NONE`.
    region: u32,
    /// Where that begins; 0 without one.
    region_start: u32,
    /// What a use adds.
    worth: u64,
    /// A value that does not exist.
    nobody: Value,
}

impl Uses<'_> {
    fn enter(&mut self, facts: &BlockFacts) {
        self.region = facts.region;
        self.region_start = match self.regions.get(facts.region) {
            Some(region) => region.start,
            None => 0,
        };
        self.worth = u64::from(facts.weight()) << 32 | 1;
    }

    #[inline]
    fn define(&mut self, value: usize, position: u32) {
        self.intervals[value] = Interval {
            start: position,
            end: position,
            worth: 0,
        };
    }

    /// Defines and uses what the instructions of a block, but for its terminator, do.
    ///
    /// Not inlined: a loop that has the registers for itself.
    #[inline(never)]
    fn visit_body(
        &mut self,
        function: &Function,
        data: &BlockData,
        mut position: u32,
        mut marked: impl FnMut(&InstData, u32),
    ) {
        let range = data.first_inst.index()..data.end_inst.index() - 1;
        let body = &function.insts[range.clone()];
        // Every instruction but the terminator is followed by one of its own block, whose first result
        // is one past the last of this one.
        let ends = &function.first_results()[range.start + 1..range.end + 1];
        let mut next = data.first_param.index() + data.param_count as usize;
        for (inst, end) in body.iter().zip(ends) {
            match inst.op.shape() {
                Shape::Inline(0) => {}
                // One or two, without a branch on the number, which nobody could predict.
                Shape::Inline(count @ 1..=2) => {
                    let second = if count > 1 { inst.b } else { self.nobody.0 };
                    self.visit(Value(inst.a), position);
                    self.visit(Value(second), position);
                }
                Shape::Inline(_) | Shape::List | Shape::Bulk => {
                    self.visit_operands(function, inst, position);
                }
            }
            marked(inst, position);
            match end.index() - next {
                0 => {}
                1 => self.define(next, position),
                count => (next..next + count).for_each(|value| self.define(value, position)),
            }
            next = end.index();
            position += 1;
        }
    }

    #[inline(never)]
    fn visit_operands(&mut self, function: &Function, inst: &InstData, position: u32) {
        for operand in function.operands(inst) {
            self.visit(operand, position);
        }
    }

    #[inline(never)]
    fn visit_args(&mut self, args: &[Value], position: u32) {
        for arg in args {
            self.visit(*arg, position);
        }
    }

    #[inline]
    fn visit(&mut self, value: Value, position: u32) {
        let interval = &mut self.intervals[value.index()];
        interval.worth = interval.worth.wrapping_add(self.worth);
        let end = match self.region_start <= interval.start {
            true => position,
            false => {
                // Uses of a value often follow one another.
                let is_noted =
                    |last: &Invariant| last.value == value && last.position >= self.region_start;
                if !self.invariants.last().is_some_and(is_noted) {
                    self.invariants.push(Invariant { position, value });
                }
                end_of_use(self.regions, self.region, interval.start, position)
            }
        };
        interval.end = interval.end.max(end);
    }
}

/// How long a value that is used in a region lives, apart so that the visit of a use stays small.
#[inline(never)]
fn end_of_use(regions: &Regions, region: u32, definition: u32, position: u32) -> u32 {
    let end = regions.end_behind(region, definition);
    end.unwrap_or(position)
}

fn mark(marked: &mut Vec<Marked>, position: u32, weight: u32) {
    let last = marked.last();
    let before = last.map_or(0, |m| m.weight_before.saturating_add(m.weight));
    marked.push(Marked {
        position,
        weight_before: before,
        weight,
    });
}

/// The weight of a place at this depth.
const fn weight_at(depth: u8) -> u32 {
    const MAX_DEPTH: u8 = 5;
    let depth = if depth > MAX_DEPTH { MAX_DEPTH } else { depth };
    1 << (3 * depth)
}

impl Intervals {
    /// Computes the intervals of this function in place of those before, and lists the instructions
    /// that `is_marked` picks.
    pub fn compute(&mut self, function: &Function, is_marked: impl Fn(&InstData) -> bool) {
        self.order.clear();
        self.order.extend(function.blocks());
        if !self.visit_edges(function) {
            self.cfg.compute(function);
            self.order.clear();
            self.order.extend_from_slice(self.cfg.rpo());
            let ordered = self.visit_edges(function);
            debug_assert!(ordered, "a reverse post-order is an order");
        }
        self.find_cold_blocks(function);
        self.regions.clear();
        if self.has_back_edges {
            self.find_regions(function);
        }
        self.visit_insts(function, is_marked);
    }

    /// Finds reachable blocks, edges that lead back, positions and affinities. False if the order is
    /// none: a block is reached only by edges that lead back.
    fn visit_edges(&mut self, function: &Function) -> bool {
        self.blocks.clear();
        self.blocks
            .resize(function.block_count(), BlockFacts::UNREACHED);
        self.affinities.clear();
        self.affinities.resize(function.value_count(), Value(NONE));
        for (rank, block) in self.order.iter().enumerate() {
            self.blocks[block.index()].rank = rank as u32;
        }
        if let Some(entry) = self.blocks.first_mut() {
            entry.reached = true;
        }
        self.has_back_edges = false;
        let (mut position, mut kept) = (0, 0);
        for rank in 0..self.order.len() {
            let block = self.order[rank];
            if !self.blocks[block.index()].reached {
                continue;
            }
            self.blocks[block.index()].start = position;
            position += function.inst_slice(block).len() as u32;
            for edge in function.successors(block) {
                let target = &mut self.blocks[edge.block.index()];
                target.preds = target.preds.saturating_add(1);
                if target.rank > rank as u32 {
                    target.reached = true;
                } else if target.reached {
                    target.back = rank as u32;
                    self.has_back_edges = true;
                } else {
                    return false;
                }
                if edge.len > 0 {
                    self.relate(function, edge.block, function.edge_args(edge));
                }
            }
            self.order[kept] = block;
            kept += 1;
        }
        // Unreachable blocks are out; ranks only have to ascend.
        self.order.truncate(kept);
        true
    }

    /// Notes which values an edge copies to which.
    fn relate(&mut self, function: &Function, target: Block, args: &[Value]) {
        for (param, arg) in function.params(target).zip(args) {
            let known = self.affinities[param.index()];
            if *arg > param {
                // The parameter comes first: an edge back to the head of a loop.
                self.affinities[arg.index()] = param;
            } else if known == Value(NONE) {
                self.affinities[param.index()] = *arg;
            } else if known != *arg && self.affinities[arg.index()] == Value(NONE) && known < *arg {
                self.affinities[arg.index()] = known;
            }
        }
    }

    fn find_cold_blocks(&mut self, function: &Function) {
        for block in self.order.iter().rev() {
            let rank = self.blocks[block.index()].rank;
            let terminator = function.inst(function.terminator(*block));
            let edges = function.edges(terminator);
            let leads_to_cold = |edge: &crate::function::EdgeData| {
                let target = self.blocks[edge.block.index()];
                target.cold && target.rank > rank
            };
            let cold =
                terminator.op == Op::Trap || !edges.is_empty() && edges.iter().all(leads_to_cold);
            self.blocks[block.index()].cold = cold;
        }
    }

    fn find_regions(&mut self, function: &Function) {
        for index in 0..self.order.len() {
            let block = self.order[index];
            let BlockFacts {
                start, rank, back, ..
            } = self.blocks[block.index()];
            if back == NONE && self.regions.open_count() == 0 {
                continue;
            }
            self.regions.close_before(rank);
            if back != NONE {
                // Ends are ranks until all are known.
                self.regions.open(start, back);
            }
            let facts = &mut self.blocks[block.index()];
            facts.region = self.regions.innermost();
            facts.depth = self.regions.open_count().min(u8::MAX.into()) as u8;
        }
        self.regions.close_before(NONE);
        // Ranks were those of the order with unreachable blocks, which is the layout then.
        for region in self.regions.iter_mut() {
            let last = self
                .order
                .partition_point(|block| self.blocks[block.index()].rank <= region.end);
            if let Some(block) = last.checked_sub(1).map(|index| self.order[index]) {
                let len = function.inst_slice(block).len() as u32;
                region.end = self.blocks[block.index()].start + len - 1;
            }
        }
    }

    /// Defines and uses the values of all blocks, in order.
    fn visit_insts(&mut self, function: &Function, is_marked: impl Fn(&InstData) -> bool) {
        self.marked.clear();
        self.invariants.clear();
        // Definitions come before uses and begin an interval anew, so old ones need not go.
        let values = function.value_count();
        if self.intervals.len() <= values {
            self.intervals.resize(values + 1, Interval::default());
        }
        let intervals = &mut self.intervals[..=values];
        // What an operand that is not there is counted for; it begins late, so that no region ends it.
        intervals[values].start = NONE;
        let mut uses = Uses {
            intervals,
            invariants: &mut self.invariants,
            nobody: Value(values as u32),
            regions: &self.regions,
            region: NONE,
            region_start: 0,
            worth: 0,
        };
        for block in &self.order {
            let facts = &self.blocks[block.index()];
            uses.enter(facts);
            let data = function.block(*block);
            for param in function.params(*block) {
                uses.define(param.index(), facts.start);
            }
            let (marked, weight) = (&mut self.marked, facts.weight());
            let mut list = |inst: &InstData, position| {
                if is_marked(inst) {
                    mark(marked, position, weight);
                }
            };
            uses.visit_body(function, data, facts.start, &mut list);
            let terminator = function.inst(function.terminator(*block));
            let position = facts.start + (data.end_inst.0 - data.first_inst.0) - 1;
            match terminator.op.shape() {
                Shape::Inline(0) => {}
                Shape::Inline(_) => uses.visit(Value(terminator.a), position),
                Shape::List | Shape::Bulk => uses.visit_operands(function, terminator, position),
            }
            list(terminator, position);
            for edge in function.edges(terminator) {
                if edge.len > 0 {
                    uses.visit_args(function.edge_args(edge), position);
                }
            }
        }
    }

    /// Bytes of heap memory that are held for the next function, about.
    pub fn heap_bytes(&self) -> usize {
        self.intervals.capacity() * size_of::<Interval>()
            + self.affinities.capacity() * size_of::<Value>()
            + self.blocks.capacity() * size_of::<BlockFacts>()
            + self.regions.heap_bytes()
            + self.marked.capacity() * size_of::<Marked>()
            + self.invariants.capacity() * size_of::<Invariant>()
    }

    /// The order of the blocks, reachable ones only.
    #[inline]
    pub fn order(&self) -> &[Block] {
        &self.order
    }

    /// The interval of a value that is defined in a reachable block; of another, anything.
    #[inline]
    pub fn interval(&self, value: Value) -> Interval {
        self.intervals[value.index()]
    }

    /// A value that this one had better share a place with.
    #[inline]
    pub fn affinity(&self, value: Value) -> Option<Value> {
        let other = self.affinities[value.index()];
        (other != Value(NONE)).then_some(other)
    }

    /// The position of the first instruction of a reachable block.
    #[inline]
    pub fn block_start(&self, block: Block) -> u32 {
        self.blocks[block.index()].start
    }

    /// The number of edges that lead to a block from reachable ones, at most 255.
    #[inline]
    pub fn pred_count(&self, block: Block) -> u8 {
        self.blocks[block.index()].preds
    }

    /// Whether any edge leads back.
    pub fn has_regions(&self) -> bool {
        self.has_back_edges
    }

    /// The last position of the region that begins with this block, if an edge leads back to it.
    #[inline]
    pub fn region_end(&self, block: Block) -> Option<u32> {
        let facts = &self.blocks[block.index()];
        if facts.back == NONE {
            return None;
        }
        self.regions.get(facts.region).map(|region| region.end)
    }

    /// Uses between two positions, both included, of values that are defined before the innermost region
    /// of the use: the invariants of a region that takes these positions are among them, once or more often,
    /// in order. Those of a region that is only around the use may be defined in it.
    pub fn invariants(&self, first: u32, last: u32) -> &[Invariant] {
        let from = self
            .invariants
            .partition_point(|use_| use_.position < first);
        let rest = &self.invariants[from..];
        &rest[..rest.partition_point(|use_| use_.position <= last)]
    }

    /// Lets a value live on to a position, if it does not anyway.
    #[inline]
    pub fn prolong(&mut self, value: Value, position: u32) {
        let interval = &mut self.intervals[value.index()];
        interval.end = interval.end.max(position);
    }

    /// Whether a block is cold.
    #[inline]
    pub fn is_cold(&self, block: Block) -> bool {
        self.blocks[block.index()].cold
    }

    /// The instructions that were asked for, in order.
    #[inline]
    pub fn marked(&self) -> &[Marked] {
        &self.marked
    }
}

//! Live ranges: for each value one interval of positions, and how often it is used.
//!
//! Terms
//! * The *order* is a sequence of the reachable blocks in which every block stands behind its
//!   immediate dominator. It is the layout where that is such a sequence, else the reverse post-order.
//!   A backend that works with these ranges emits the blocks in this order.
//! * Each block takes one *position* for its parameters and one for each instruction, in the order.
//! * A *region* is an interval of positions from the start of a block that an edge leads back to (in
//!   the order) to the end of the last such edge's source, widened until regions are nested or
//!   disjoint. Loops lie in regions, irreducible ones too.
//!
//! The range of a value is from its definition to its last use, and if that use lies in a region
//! that begins behind the definition, to the end of the outermost such region.
//!
//! Why that suffices: definitions dominate uses, so no value is live before its definition in the
//! order. A path from a point behind the last use to a use must go back over some edge; its target is
//! no earlier than the definition's own block, else the path would pass the definition; so edge and
//! point lie in a region that begins behind the definition and holds a use. An exact solution would
//! give shorter ranges in places, and cost a data-flow problem.

use super::cfg::{Cfg, NONE};
use super::dominators::Dominators;
use super::regions::Regions;
use crate::entity::{Block, Inst, Value};
use crate::function::Function;

/// Where a value is live: positions from `start` to `end`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LiveRange {
    /// The position of the definition.
    pub start: u32,
    /// The last position at which the value is needed; `start` if it never is.
    pub end: u32,
    /// The number of uses by instructions and edges in reachable blocks.
    pub uses: u32,
}

/// The live ranges of a function.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    order: Vec<Block>,
    /// The position of the start of each block, or `NONE`.
    block_starts: Vec<u32>,
    ranges: Vec<LiveRange>,
    regions: Regions,
    /// The innermost region of each block of the order, or `NONE`.
    region_of: Vec<u32>,
}

impl Liveness {
    /// The live ranges of this function.
    pub fn new(function: &Function, cfg: &Cfg, dominators: &Dominators) -> Liveness {
        let mut liveness = Liveness::default();
        liveness.compute(function, cfg, dominators);
        liveness
    }

    /// Computes the ranges of another function in place of those before.
    pub fn compute(&mut self, function: &Function, cfg: &Cfg, dominators: &Dominators) {
        self.choose_order(function, cfg, dominators);
        self.find_regions(function, cfg);
        self.ranges.clear();
        self.ranges
            .resize(function.value_count(), LiveRange::default());
        self.number_definitions(function);
        for index in 0..self.order.len() {
            self.visit_uses(function, index);
        }
    }

    fn choose_order(&mut self, function: &Function, cfg: &Cfg, dominators: &Dominators) {
        let in_order = |block: Block| dominators.idom(block).is_none_or(|idom| idom < block);
        self.order.clear();
        match function.blocks().all(in_order) {
            true => {
                let reachable = function.blocks().filter(|block| cfg.is_reachable(*block));
                self.order.extend(reachable);
            }
            false => self.order.extend_from_slice(cfg.rpo()),
        }
        self.block_starts.clear();
        self.block_starts.resize(function.block_count(), NONE);
        let mut position = 0;
        for block in &self.order {
            self.block_starts[block.index()] = position;
            position += 1 + function.inst_slice(*block).len() as u32;
        }
    }

    fn find_regions(&mut self, function: &Function, cfg: &Cfg) {
        self.regions.clear();
        self.region_of.clear();
        for index in 0..self.order.len() {
            let block = self.order[index];
            let start = self.block_starts[block.index()];
            // The end of the latest source of an edge that leads back here.
            let back = |source: &Block| match self.block_starts[source.index()] {
                NONE => None,
                at if at < start => None,
                at => Some(at + function.inst_slice(*source).len() as u32),
            };
            let end = cfg.preds(block).iter().filter_map(back).max();
            self.regions.close_before(start);
            if let Some(end) = end {
                self.regions.open(start, end);
            }
            self.region_of.push(self.regions.innermost());
        }
        self.regions.close_before(NONE);
    }

    fn number_definitions(&mut self, function: &Function) {
        for block in &self.order {
            let start = self.block_starts[block.index()];
            let defined = |position| LiveRange {
                start: position,
                end: position,
                uses: 0,
            };
            for param in function.params(*block) {
                self.ranges[param.index()] = defined(start);
            }
            for (index, inst) in function.insts(*block).enumerate() {
                for result in function.results(inst) {
                    self.ranges[result.index()] = defined(start + 1 + index as u32);
                }
            }
        }
    }

    fn visit_uses(&mut self, function: &Function, order_index: usize) {
        let block = self.order[order_index];
        let start = self.block_starts[block.index()];
        let region = self.region_of[order_index];
        for (index, inst) in function.inst_slice(block).iter().enumerate() {
            let position = start + 1 + index as u32;
            for operand in function.operands(inst) {
                self.visit_use(operand, start, position, region);
            }
        }
        let terminator = function.inst(function.terminator(block));
        let position = start + function.inst_slice(block).len() as u32;
        for edge in function.edges(terminator) {
            for arg in function.edge_args(edge) {
                self.visit_use(*arg, start, position, region);
            }
        }
    }

    #[inline]
    fn visit_use(&mut self, value: Value, block_start: u32, position: u32, region: u32) {
        let range = self.ranges[value.index()];
        // A value of the block itself is live beyond its last use there only if it is used elsewhere.
        let end = match range.start >= block_start {
            true => position,
            false => self
                .regions
                .end_behind(region, range.start)
                .unwrap_or(position),
        };
        let range = &mut self.ranges[value.index()];
        range.end = range.end.max(end);
        range.uses += 1;
    }

    /// The order of the blocks: in layout order wherever dominators allow.
    #[inline]
    pub fn order(&self) -> &[Block] {
        &self.order
    }

    /// The range of a value; one that is defined in an unreachable block has an empty one at 0.
    #[inline]
    pub fn range(&self, value: Value) -> LiveRange {
        self.ranges[value.index()]
    }

    /// The position of the parameters of a reachable block.
    #[inline]
    pub fn block_start(&self, block: Block) -> u32 {
        self.block_starts[block.index()]
    }

    /// The position of an instruction of a reachable block.
    #[inline]
    pub fn position(&self, function: &Function, block: Block, inst: Inst) -> u32 {
        self.block_start(block) + 1 + (inst.0 - function.block(block).first_inst.0)
    }

    /// Whether a value may be live where a reachable block begins, its own parameters excluded.
    #[inline]
    pub fn is_live_in(&self, value: Value, block: Block) -> bool {
        let (range, start) = (self.range(value), self.block_start(block));
        range.start < start && start <= range.end
    }
}

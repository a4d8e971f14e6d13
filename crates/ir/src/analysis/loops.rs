//! Loops: a nest of natural loops, and what is cyclic without being one.
//!
//! Terms
//! * A *retreating* edge leads to a block that stands no later in the reverse post-order. Every cycle
//!   has one.
//! * It is a *back edge* if its target dominates its source; the target is then the *header* of a
//!   loop, and the loop consists of the blocks that reach a back edge of the header without passing
//!   through the header.
//! * Any other retreating edge is *irreducible*: it enters a cycle in a second place. Such cycles are
//!   no loops here, and their blocks have the depth of what is around them; their targets are listed,
//!   so that every cycle goes through a header or a listed target.
//!
//! Loops with different headers are nested or disjoint.

use super::cfg::{Cfg, NONE};
use super::dominators::Dominators;
use crate::entity::Block;

/// A loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoopData {
    /// The block through which it is entered, and which dominates all of it.
    pub header: Block,
    /// The index of the loop around it.
    pub parent: Option<u32>,
    /// 1 for a loop that is in no other.
    pub depth: u32,
}

/// The loops of a function.
#[derive(Clone, Debug, Default)]
pub struct Loops {
    loops: Vec<LoopData>,
    /// The innermost loop of each block, or `NONE`.
    innermost: Vec<u32>,
    irreducible_targets: Vec<Block>,
    /// For each loop one around it that is known already, with path compression.
    outermost: Vec<u32>,
    work: Vec<Block>,
}

impl Loops {
    /// The loops of the function that these are of.
    pub fn new(cfg: &Cfg, dominators: &Dominators) -> Loops {
        let mut loops = Loops::default();
        loops.compute(cfg, dominators);
        loops
    }

    /// Computes the loops of another function in place of those before.
    pub fn compute(&mut self, cfg: &Cfg, dominators: &Dominators) {
        self.loops.clear();
        self.outermost.clear();
        self.irreducible_targets.clear();
        self.innermost.clear();
        self.innermost.resize(cfg.preorder_index.len(), NONE);
        // A header stands before the headers of inner loops, so from the back inner loops come first.
        for header in cfg.rpo().iter().rev().copied() {
            self.find_back_edges(cfg, dominators, header);
            if !self.work.is_empty() {
                self.collect(cfg, header);
            }
        }
        // From the outside in: parents have larger indices.
        for index in (0..self.loops.len()).rev() {
            let parent = self.loops[index].parent;
            self.loops[index].depth = 1 + parent.map_or(0, |p| self.loops[p as usize].depth);
        }
    }

    /// Puts the sources of the back edges to `target` into `work`.
    fn find_back_edges(&mut self, cfg: &Cfg, dominators: &Dominators, target: Block) {
        self.work.clear();
        let mut irreducible = false;
        for source in cfg.preds(target) {
            // An unreachable source has no index, which counts as less than any.
            if cfg.rpo_index(*source) < cfg.rpo_index(target) {
                continue;
            }
            match dominators.dominates(target, *source) {
                true => self.work.push(*source),
                false => irreducible = true,
            }
        }
        if irreducible {
            self.irreducible_targets.push(target);
        }
    }

    /// Collects the loop of this header, from the sources of its back edges upwards.
    fn collect(&mut self, cfg: &Cfg, header: Block) {
        let this = self.loops.len() as u32;
        self.loops.push(LoopData {
            header,
            parent: None,
            depth: 0,
        });
        self.outermost.push(this);
        // No inner loop has the header, since that dominates them: this is its innermost.
        self.innermost[header.index()] = this;
        while let Some(block) = self.work.pop() {
            let inner = self.innermost[block.index()];
            if inner == NONE {
                self.innermost[block.index()] = this;
                self.work.extend(reachable_preds(cfg, block));
                continue;
            }
            let inner = self.find_outermost(inner);
            if inner == this {
                continue;
            }
            // An inner loop joins as a whole; what leads into it leads to its header.
            self.loops[inner as usize].parent = Some(this);
            self.outermost[inner as usize] = this;
            let inner_header = self.loops[inner as usize].header;
            self.work.extend(reachable_preds(cfg, inner_header));
        }
    }

    fn find_outermost(&mut self, mut index: u32) -> u32 {
        // Halving the path keeps it short without a second walk.
        while self.outermost[index as usize] != index {
            let next = self.outermost[index as usize];
            self.outermost[index as usize] = self.outermost[next as usize];
            index = self.outermost[index as usize];
        }
        index
    }

    /// The loops, inner ones before those around them.
    #[inline]
    pub fn loops(&self) -> &[LoopData] {
        &self.loops
    }

    /// The innermost loop that a block is in, as an index into [`Loops::loops`].
    #[inline]
    pub fn innermost(&self, block: Block) -> Option<u32> {
        let index = self.innermost[block.index()];
        (index != NONE).then_some(index)
    }

    /// How many loops a block is in.
    #[inline]
    pub fn depth(&self, block: Block) -> u32 {
        self.innermost(block)
            .map_or(0, |index| self.loops[index as usize].depth)
    }

    /// Whether a loop is entered through this block.
    #[inline]
    pub fn is_header(&self, block: Block) -> bool {
        // A header is in its own loop, and in no other one inside that.
        self.innermost(block)
            .is_some_and(|index| self.loops[index as usize].header == block)
    }

    /// The targets of irreducible edges. Together with the headers they meet every cycle.
    pub fn irreducible_targets(&self) -> &[Block] {
        &self.irreducible_targets
    }
}

fn reachable_preds(cfg: &Cfg, block: Block) -> impl Iterator<Item = Block> {
    let preds = cfg.preds(block).iter().copied();
    preds.filter(|pred| cfg.is_reachable(*pred))
}

//! The control-flow graph: predecessors, and the blocks in reverse post-order.
//!
//! Terms
//! * *Reachable* means from the entry.
//! * The *depth-first tree* is the one of the search that also gives the reverse post-order; its
//!   preorder numbers are what the dominators are computed on.
//!
//! Invariants
//! * `preds(b)` has one entry for each edge into `b`, from unreachable blocks too, in the order of the
//!   edges' sources in the layout.
//! * In the reverse post-order a dominator stands before what it dominates.

use crate::entity::Block;
use crate::function::Function;

/// What stands for no block and no number.
pub(super) const NONE: u32 = u32::MAX;

/// The control-flow graph of a function.
#[derive(Clone, Debug, Default)]
pub struct Cfg {
    /// Where the predecessors of each block begin, and one end.
    pred_starts: Vec<u32>,
    preds: Vec<Block>,
    rpo: Vec<Block>,
    /// The position of each block in `rpo`, or `NONE`.
    rpo_index: Vec<u32>,
    /// Reachable blocks in the preorder of the depth-first tree.
    pub(super) preorder: Vec<Block>,
    /// The preorder number of each block, or `NONE`.
    pub(super) preorder_index: Vec<u32>,
    /// The preorder number of the parent of each preorder number.
    pub(super) tree_parent: Vec<u32>,
    /// Blocks on the path of the search, and the edge to follow next.
    stack: Vec<(Block, u32)>,
}

impl Cfg {
    /// The graph of this function.
    pub fn new(function: &Function) -> Cfg {
        let mut cfg = Cfg::default();
        cfg.compute(function);
        cfg
    }

    /// Computes the graph of this function in place of the one before.
    pub fn compute(&mut self, function: &Function) {
        self.compute_preds(function);
        self.search(function);
    }

    fn compute_preds(&mut self, function: &Function) {
        let blocks = function.block_count();
        self.pred_starts.clear();
        self.pred_starts.resize(blocks + 1, 0);
        for block in function.blocks() {
            for edge in function.successors(block) {
                self.pred_starts[edge.block.index()] += 1;
            }
        }
        let mut sum = 0;
        for start in &mut self.pred_starts {
            sum += *start;
            *start = sum;
        }
        // Each start is now an end, and filling from the back turns it into the start again.
        self.preds.clear();
        self.preds.resize(sum as usize, Block(NONE));
        for block in function.blocks().rev() {
            for edge in function.successors(block) {
                let slot = &mut self.pred_starts[edge.block.index()];
                *slot -= 1;
                self.preds[*slot as usize] = block;
            }
        }
    }

    fn search(&mut self, function: &Function) {
        let blocks = function.block_count();
        self.rpo.clear();
        self.preorder.clear();
        self.tree_parent.clear();
        self.stack.clear();
        for index in [&mut self.rpo_index, &mut self.preorder_index] {
            index.clear();
            index.resize(blocks, NONE);
        }
        if blocks == 0 {
            return;
        }
        self.visit(Block(0), NONE);
        while let Some((block, next)) = self.stack.last_mut() {
            let (block, edges) = (*block, function.successors(*block));
            // The last edge first, so that the first one comes first in the reverse post-order.
            let Some(edge) = edges.len().checked_sub(1 + *next as usize) else {
                self.rpo.push(block);
                self.stack.pop();
                continue;
            };
            *next += 1;
            let target = edges[edge].block;
            if self.preorder_index[target.index()] == NONE {
                self.visit(target, self.preorder_index[block.index()]);
            }
        }
        self.rpo.reverse();
        for (index, block) in self.rpo.iter().enumerate() {
            self.rpo_index[block.index()] = index as u32;
        }
    }

    fn visit(&mut self, block: Block, parent: u32) {
        self.preorder_index[block.index()] = self.preorder.len() as u32;
        self.preorder.push(block);
        self.tree_parent.push(parent);
        self.stack.push((block, 0));
    }

    /// The blocks from which edges lead to this one, once for each edge.
    #[inline]
    pub fn preds(&self, block: Block) -> &[Block] {
        let [start, end] = [0, 1].map(|next| self.pred_starts[block.index() + next] as usize);
        &self.preds[start..end]
    }

    /// The reachable blocks in reverse post-order.
    #[inline]
    pub fn rpo(&self) -> &[Block] {
        &self.rpo
    }

    /// The position of a reachable block in the reverse post-order.
    #[inline]
    pub fn rpo_index(&self, block: Block) -> Option<u32> {
        let index = self.rpo_index[block.index()];
        (index != NONE).then_some(index)
    }

    /// Whether the entry reaches this block.
    #[inline]
    pub fn is_reachable(&self, block: Block) -> bool {
        self.rpo_index[block.index()] != NONE
    }
}

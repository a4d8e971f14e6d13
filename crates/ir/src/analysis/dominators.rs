//! Dominators, after Lengauer and Tarjan, with path compression.
//!
//! The iterative algorithm of Cooper, Harvey and Kennedy is shorter and as fast on small functions,
//! but a chain of branches to one common exit, which every bounds-checked program has, makes it
//! quadratic. This one takes O(e log n) on any graph.
//!
//! Everything is computed on preorder numbers of the depth-first tree. Since a dominator has a smaller
//! number than what it dominates, the dominator tree needs no lists of children: sizes of subtrees are
//! summed from the back, and from the front each node then takes its interval inside that of its
//! parent. `a` dominates `b` exactly if the interval of `b` lies in that of `a`.

use super::cfg::{Cfg, NONE};
use crate::entity::Block;

/// The dominator tree of a function.
#[derive(Clone, Debug, Default)]
pub struct Dominators {
    /// The immediate dominator of each block, or `NONE`.
    idom: Vec<u32>,
    /// The interval of each block: first number and one past the last; empty if unreachable.
    intervals: Vec<(u32, u32)>,
    scratch: Scratch,
}

/// Side tables over preorder numbers.
#[derive(Clone, Debug, Default)]
struct Scratch {
    semi: Vec<u32>,
    label: Vec<u32>,
    ancestor: Vec<u32>,
    dom: Vec<u32>,
    /// Nodes whose semidominator is this one: a list through `bucket_next`.
    bucket_head: Vec<u32>,
    bucket_next: Vec<u32>,
    path: Vec<u32>,
}

impl Scratch {
    fn reset(&mut self, nodes: usize) {
        for identity in [&mut self.semi, &mut self.label] {
            identity.clear();
            identity.extend(0..nodes as u32);
        }
        for none in [
            &mut self.ancestor,
            &mut self.dom,
            &mut self.bucket_head,
            &mut self.bucket_next,
        ] {
            none.clear();
            none.resize(nodes, NONE);
        }
    }

    /// The node of least semidominator on the path from `node` up to below the root of its tree in
    /// the forest built so far.
    fn eval(&mut self, node: u32) -> u32 {
        let mut at = node;
        while self.ancestor[at as usize] != NONE {
            self.path.push(at);
            at = self.ancestor[at as usize];
        }
        // The topmost node of the path hangs below the root itself and is compressed already.
        let mut above = self.path.pop();
        while let Some(next) = self.path.pop() {
            let upper = above.unwrap_or(next);
            let upper_label = self.label[upper as usize];
            if self.semi[upper_label as usize] < self.semi[self.label[next as usize] as usize] {
                self.label[next as usize] = upper_label;
            }
            self.ancestor[next as usize] = self.ancestor[upper as usize];
            above = Some(next);
        }
        self.label[node as usize]
    }
}

impl Dominators {
    /// The dominators of the function that this is the graph of.
    pub fn new(cfg: &Cfg) -> Dominators {
        let mut dominators = Dominators::default();
        dominators.compute(cfg);
        dominators
    }

    /// Computes the dominators of another function in place of those before.
    pub fn compute(&mut self, cfg: &Cfg) {
        let nodes = cfg.preorder.len();
        self.scratch.reset(nodes);
        for node in (1..nodes as u32).rev() {
            self.process(cfg, node);
        }
        self.idom.clear();
        self.idom.resize(cfg.preorder_index.len(), NONE);
        let dom = &mut self.scratch.dom;
        for node in 1..nodes {
            if dom[node] != self.scratch.semi[node] {
                dom[node] = dom[dom[node] as usize];
            }
            self.idom[cfg.preorder[node].index()] = cfg.preorder[dom[node] as usize].0;
        }
        self.number(cfg);
    }

    /// Finds the semidominator of a node and hangs the node below its parent in the forest.
    fn process(&mut self, cfg: &Cfg, node: u32) {
        let s = &mut self.scratch;
        for pred in cfg.preds(cfg.preorder[node as usize]) {
            let pred = cfg.preorder_index[pred.index()];
            if pred == NONE {
                continue;
            }
            let least = s.eval(pred);
            let semi = s.semi[least as usize];
            s.semi[node as usize] = s.semi[node as usize].min(semi);
        }
        let semi = s.semi[node as usize] as usize;
        s.bucket_next[node as usize] = s.bucket_head[semi];
        s.bucket_head[semi] = node;
        let parent = cfg.tree_parent[node as usize];
        s.ancestor[node as usize] = parent;
        let mut waiting = std::mem::replace(&mut s.bucket_head[parent as usize], NONE);
        while waiting != NONE {
            let least = s.eval(waiting);
            let lower = s.semi[least as usize] < s.semi[waiting as usize];
            s.dom[waiting as usize] = if lower { least } else { parent };
            waiting = s.bucket_next[waiting as usize];
        }
    }

    fn number(&mut self, cfg: &Cfg) {
        let nodes = cfg.preorder.len();
        let dom = &self.scratch.dom;
        // The tables of the search are free again.
        let sizes = &mut self.scratch.label;
        sizes.fill(1);
        for node in (1..nodes).rev() {
            sizes[dom[node] as usize] += sizes[node];
        }
        let free = &mut self.scratch.semi;
        self.intervals.clear();
        self.intervals.resize(cfg.preorder_index.len(), (0, 0));
        for node in 0..nodes {
            let start = match node {
                0 => 0,
                _ => {
                    let start = free[dom[node] as usize];
                    free[dom[node] as usize] += sizes[node];
                    start
                }
            };
            free[node] = start + 1;
            self.intervals[cfg.preorder[node].index()] = (start, start + sizes[node]);
        }
    }

    /// The immediate dominator; none for the entry and for unreachable blocks.
    #[inline]
    pub fn idom(&self, block: Block) -> Option<Block> {
        let idom = self.idom[block.index()];
        (idom != NONE).then_some(Block(idom))
    }

    /// Whether every path from the entry to `b` goes through `a`. A block dominates itself; an
    /// unreachable block is dominated by all, and dominates only unreachable ones.
    #[inline]
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let ((start, end), (node, node_end)) =
            (self.intervals[a.index()], self.intervals[b.index()]);
        node == node_end || start <= node && node < end
    }
}

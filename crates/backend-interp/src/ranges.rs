//! When slots are occupied: exact live ranges of the values that need a slot, as lists of segments.
//!
//! The ranges of `bakeoff_ir::analysis` have no holes, which suits a register allocator that runs once
//! over the code. Here ranges decide which values can share a slot, and holes decide that often: a
//! value that lives through one arm of a `br_table` is in nobody's way in the others.
//!
//! Terms
//! * A *time* orders reads and writes: what stands at position *p* of the analysis reads at 2p+1 and
//!   writes at 2p+2, except that parameters of a block are written at 2p. A value occupies its slot
//!   from the write up to, but not including, the time behind its last read.
//! * A *segment* is such an interval within a stretch of blocks that follow each other.
//! * A *read* is one by an instruction that is written out. Reads of a value that is part of its user
//!   are reads of its operands, at the user's time.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::analysis::{Cfg, Liveness};
use bakeoff_ir::{Block, Function, Value};
use rustc_hash::FxHashMap;

/// First time, and one past the last.
pub(crate) type Segment = (u32, u32);

const NONE: u32 = u32::MAX;

/// The last read of a value in a block.
struct Read {
    block: Block,
    end: u32,
    /// The read of the same value in an earlier block, or `NONE`.
    next: u32,
}

/// Collects reads, then gives segments.
pub(crate) struct Ranges<'f> {
    function: &'f Function,
    cfg: &'f Cfg,
    liveness: &'f Liveness,
    reads: Vec<Read>,
    /// The last read of each value, or `NONE`.
    heads: Vec<u32>,
    /// How far the analysis says that aliases of a value live, for values with such.
    alias_ends: FxHashMap<Value, u32>,
    /// The value that a block was last found live-out for, plus one.
    seen: Vec<u32>,
    work: Vec<Block>,
    /// Blocks that may still be visited. Beyond it ranges have no holes, so that the time stays
    /// linear in the size of the function.
    budget: usize,
}

/// Visits for each instruction, on average, that ranges with holes may take.
const VISITS_PER_INST: usize = 64;

impl<'f> Ranges<'f> {
    pub(crate) fn new(function: &'f Function, cfg: &'f Cfg, liveness: &'f Liveness) -> Ranges<'f> {
        Ranges {
            function,
            cfg,
            liveness,
            reads: Vec::new(),
            heads: vec![NONE; function.value_count()],
            alias_ends: FxHashMap::default(),
            seen: vec![0; function.block_count()],
            work: Vec::new(),
            budget: VISITS_PER_INST * function.inst_count(),
        }
    }

    /// Notes a read of a value by what stands at `position` in `block`. Blocks come in their order,
    /// and positions within them.
    pub(crate) fn read(&mut self, value: Value, block: Block, position: u32) {
        let end = 2 * position + 2;
        let head = self.heads[value.index()];
        if let Some(read) = self.reads.get_mut(head as usize)
            && read.block == block
        {
            read.end = end;
            return;
        }
        self.heads[value.index()] = self.reads.len() as u32;
        self.reads.push(Read {
            block,
            end,
            next: head,
        });
    }

    /// Notes that a value that is read lives in the slot of another.
    pub(crate) fn alias(&mut self, root: Value, alias: Value) {
        let end = self.alias_ends.entry(root).or_default();
        *end = self.liveness.range(alias).end.max(*end);
    }

    /// Whether anything reads the value.
    pub(crate) fn is_read(&self, value: Value) -> bool {
        self.heads[value.index()] != NONE
    }

    fn block_start(&self, block: Block) -> u32 {
        2 * self.liveness.block_start(block)
    }

    fn block_end(&self, block: Block) -> u32 {
        self.block_start(block) + 2 * self.function.inst_slice(block).len() as u32 + 2
    }

    /// The segments of a value that is read, ascending. It is written at `written`, in `block`.
    pub(crate) fn segments(&mut self, value: Value, block: Block, written: u32) -> Vec<Segment> {
        let mut segments = Vec::new();
        let stamp = value.0 + 1;
        let mut at = self.heads[value.index()];
        while let Some(&Read {
            block: reader,
            end,
            next,
        }) = self.reads.get(at as usize)
        {
            at = next;
            if reader == block {
                segments.push((written, end));
            } else {
                segments.push((self.block_start(reader), end));
                self.enter(reader, stamp);
            }
            while let Some(live_out) = self.work.pop() {
                let end = self.block_end(live_out);
                if live_out == block {
                    segments.push((written, end));
                } else {
                    segments.push((self.block_start(live_out), end));
                    self.enter(live_out, stamp);
                }
            }
        }
        join(&mut segments);
        if self.budget == 0
            && let (Some(first), Some(last)) = (segments.first(), segments.last())
        {
            // The search was cut short: everything that the analysis says, without holes.
            let alias_end = self.alias_ends.get(&value).copied().unwrap_or(0);
            let far = alias_end.max(self.liveness.range(value).end);
            let end = last.1.max(2 * far + 2);
            segments = vec![(first.0.min(written), end)];
        }
        segments
    }

    /// The value is live where the block begins: it is live at the end of all predecessors.
    fn enter(&mut self, block: Block, stamp: u32) {
        for pred in self.cfg.preds(block) {
            if faults::on(Fault::InterpBackEdgeForgotten) && *pred >= block {
                continue;
            }
            let seen = &mut self.seen[pred.index()];
            if *seen != stamp && self.cfg.is_reachable(*pred) && self.budget > 0 {
                *seen = stamp;
                self.budget -= 1;
                self.work.push(*pred);
            }
        }
    }
}

/// Sorts segments and joins those that overlap or touch.
fn join(segments: &mut Vec<Segment>) {
    segments.sort_unstable();
    segments.dedup_by(|next, kept| {
        let touches = next.0 <= kept.1;
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

/// Whether any two segments of the two ascending lists overlap. It takes a search in `large` for each of `small`.
pub(crate) fn overlap(small: &[Segment], large: &[Segment]) -> bool {
    let leeway = match faults::on(Fault::InterpRangesOverlap) {
        true => 2,
        false => 0,
    };
    small.iter().any(|x| {
        // The first one that does not end before this one begins.
        let first = large.partition_point(|y| y.1 <= x.0 + leeway);
        large.get(first).is_some_and(|y| y.0 + leeway < x.1)
    })
}

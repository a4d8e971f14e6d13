//! Parallel moves: many slots get new values at once, and slots that are read may be among those written.
//!
//! A move whose target nobody still reads can be done; doing it frees its source. When none is left but
//! cycles remain, one value of a cycle goes to a scratch slot, which opens it. This is the usual
//! sequentialisation of parallel copies (Boissinot et al., CGO 2009, algorithm 1).

use bakeoff_faults::{self as faults, Fault};

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// From a slot.
    Slot(u16),
    /// From the instruction.
    Const(u64),
}

/// Puts moves into an order in which no value is overwritten before it is read.
#[derive(Default)]
pub(crate) struct MoveOrder {
    pending: Vec<(u16, Source)>,
    ordered: Vec<(u16, Source)>,
    /// Reads that pending moves still do, by slot: ascending, with a count.
    reads: Vec<(u16, u32)>,
    ready: Vec<(u16, Source)>,
}

impl MoveOrder {
    /// The moves (target, source), in a valid order; targets are distinct. `scratch` is a slot that
    /// is neither read nor written by them.
    pub(crate) fn order(
        &mut self,
        moves: impl Iterator<Item = (u16, Source)>,
        scratch: u16,
    ) -> &[(u16, Source)] {
        self.ordered.clear();
        self.pending.clear();
        self.pending
            .extend(moves.filter(|(to, from)| *from != Source::Slot(*to)));
        if self.pending.len() == 1 {
            self.ordered.append(&mut self.pending);
            return &self.ordered;
        }
        self.count_reads();
        let mut waiting = std::mem::take(&mut self.pending);
        // By target, so that the move that waits for a slot is found when the slot is read out.
        waiting.sort_unstable_by_key(|(to, _)| *to);
        let mut done = vec![false; waiting.len()];
        let mut first_waiting = 0;
        self.ready.clear();
        for (index, entry) in waiting.iter().enumerate() {
            if self.readers(entry.0) == 0 {
                done[index] = true;
                self.ready.push(*entry);
            }
        }
        loop {
            while let Some((to, from)) = self.ready.pop() {
                self.ordered.push((to, from));
                if let Source::Slot(slot) = from
                    && self.release(slot) == 0
                    && let Ok(index) = waiting.binary_search_by_key(&slot, |(to, _)| *to)
                    && !std::mem::replace(&mut done[index], true)
                {
                    self.ready.push(waiting[index]);
                }
            }
            while first_waiting < waiting.len() && done[first_waiting] {
                first_waiting += 1;
            }
            let Some((to, _)) = waiting.get(first_waiting).copied() else {
                break;
            };
            // Only cycles are left: save what is about to be overwritten, for its one reader.
            self.ordered.push((scratch, Source::Slot(to)));
            for (_, from) in waiting
                .iter_mut()
                .filter(|(_, from)| *from == Source::Slot(to) && !faults::on(Fault::InterpSwapLost))
            {
                *from = Source::Slot(scratch);
            }
            done[first_waiting] = true;
            self.ready.push(waiting[first_waiting]);
        }
        self.pending = waiting;
        &self.ordered
    }

    fn count_reads(&mut self) {
        self.reads.clear();
        let slots = self.pending.iter().filter_map(|(_, from)| match from {
            Source::Slot(slot) => Some((*slot, 1)),
            Source::Const(_) => None,
        });
        self.reads.extend(slots);
        self.reads.sort_unstable();
        self.reads.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
    }

    fn readers(&self, slot: u16) -> u32 {
        match self.reads.binary_search_by_key(&slot, |(s, _)| *s) {
            Ok(index) => self.reads[index].1,
            Err(_) => 0,
        }
    }

    /// One reader of the slot is done; how many are left?
    fn release(&mut self, slot: u16) -> u32 {
        match self.reads.binary_search_by_key(&slot, |(s, _)| *s) {
            Ok(index) => {
                self.reads[index].1 -= 1;
                self.reads[index].1
            }
            Err(_) => u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRATCH: u16 = 99;

    fn check(moves: &[(u16, Source)]) {
        let mut frame: Vec<u64> = (0..100).map(|i| 1000 + i).collect();
        let before = frame.clone();
        let mut order = MoveOrder::default();
        for (to, from) in order.order(moves.iter().copied(), SCRATCH) {
            frame[*to as usize] = match from {
                Source::Slot(slot) => frame[*slot as usize],
                Source::Const(value) => *value,
            };
        }
        for (to, from) in moves {
            let expected = match from {
                Source::Slot(slot) => before[*slot as usize],
                Source::Const(value) => *value,
            };
            assert_eq!(
                frame[*to as usize], expected,
                "{moves:?} gave {:?}",
                order.ordered
            );
        }
    }

    #[test]
    fn every_move_of_four_slots_is_right() {
        // All functions from four targets to four sources and a constant.
        for code in 0..5u32.pow(4) {
            let moves: Vec<(u16, Source)> = (0..4)
                .map(|to| match code / 5u32.pow(to) % 5 {
                    4 => (to as u16, Source::Const(7)),
                    from => (to as u16, Source::Slot(from as u16)),
                })
                .collect();
            check(&moves);
        }
    }

    #[test]
    fn a_long_rotation_takes_one_scratch_move() {
        let moves: Vec<(u16, Source)> = (0..90).map(|i| (i, Source::Slot((i + 1) % 90))).collect();
        check(&moves);
        let mut order = MoveOrder::default();
        assert_eq!(order.order(moves.into_iter(), SCRATCH).len(), 91);
    }
}

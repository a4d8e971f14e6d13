//! Slots of a frame that values share one after the other.

use bakeoff_faults::{self as faults, Fault};

/// Slots with the smallest offsets, which are searched first.
const NEAR_SLOTS: usize = 12;

/// The slots of a frame, by the positions up to which they are taken.
///
/// The search is not exhaustive, so that taking a slot costs the same in a frame of any size.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// For each slot the position from which it is free.
    free_at: Vec<u32>,
    /// Where the search among the far slots goes on.
    cursor: usize,
    /// How often a slot was taken.
    taken: u64,
}

impl Slots {
    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.free_at.clear();
        self.cursor = NEAR_SLOTS;
        self.taken = 0;
    }

    /// The number of slots.
    pub fn count(&self) -> usize {
        self.free_at.len()
    }

    /// How often a slot was taken: by how many values, if each takes one at most.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes of heap memory that are held for the next frame.
    pub fn heap_bytes(&self) -> usize {
        4 * self.free_at.capacity()
    }

    /// Lets nobody else have a slot before `over`.
    pub fn keep(&mut self, slot: u32, over: u32) {
        let free_at = &mut self.free_at[slot as usize];
        if faults::on(Fault::SharedSlotKeptForLess) {
            *free_at = over;
            return;
        }
        *free_at = (*free_at).max(over);
    }

    /// A slot that is free from `start` on, and not again before `over`.
    #[inline(never)]
    pub fn take(&mut self, start: u32, over: u32) -> u32 {
        self.taken += 1;
        let slots = &mut self.free_at;
        let near = slots.len().min(NEAR_SLOTS);
        let mut found = slots[..near].iter().position(|free_at| *free_at <= start);
        if found.is_none() && slots.len() > NEAR_SLOTS {
            const TRIES: usize = 8;
            for _ in 0..TRIES.min(slots.len() - NEAR_SLOTS) {
                self.cursor += 1;
                if self.cursor >= slots.len() {
                    self.cursor = NEAR_SLOTS;
                }
                let leeway = u32::from(faults::on(Fault::SharedFarSlotEarly));
                if slots[self.cursor] <= start + leeway {
                    found = Some(self.cursor);
                    break;
                }
            }
        }
        let slot = found.unwrap_or_else(|| {
            slots.push(0);
            slots.len() - 1
        });
        slots[slot] = over;
        slot as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_nobody_elses_before_it_is_over() {
        let mut slots = Slots::default();
        slots.clear();
        assert_eq!(
            [slots.take(0, 5), slots.take(1, 3), slots.take(2, 9)],
            [0, 1, 2]
        );
        assert_eq!(slots.take(3, 8), 1, "over, and the first one that is");
        slots.keep(0, 7);
        assert_eq!(slots.take(6, 9), 3, "kept for longer");
        slots.keep(0, 2);
        assert_eq!(slots.take(7, 9), 0, "never for less");
        assert_eq!((slots.count(), slots.taken()), (4, 6));
        // Many at once, and all of them again.
        let many: Vec<u32> = (0..100).map(|_| slots.take(10, 20)).collect();
        assert_eq!(slots.count(), 100, "{many:?}");
        slots.clear();
        assert_eq!((slots.count(), slots.taken()), (0, 0));
    }
}

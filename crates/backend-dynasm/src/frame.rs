//! Frames: what is where, counted from the stack pointer.
//!
//! ```text
//! sp ►  arguments of C functions on the stack
//!       stack slots of the IR
//!       slots of values, 8 bytes each: so many as turn out to be needed
//!       return address
//! ```
//!
//! The size is known when the function is done, and is filled in then. A function that calls nothing has
//! no frame as long as its slots fit the bytes below the stack pointer that are its own anyway.

use bakeoff_ir::Function;

/// Frames grow over this many bytes without touching them at most: less than the guard pages.
pub(crate) const PROBE_BYTES: i32 = 4096;

/// The most bytes of a frame.
pub(crate) const LIMIT_BYTES: u64 = 1 << 30;

/// Slots with the smallest offsets, which are searched first.
const NEAR_SLOTS: usize = 12;

/// Bytes below the stack pointer that nobody touches behind a function's back (psABI 1.0, 3.2.2).
const RED_ZONE_BYTES: u64 = 128;

/// How a frame is entered.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum FrameKind {
    /// Not at all: a function that calls nothing has its slots below the stack pointer.
    Leaf,
    /// By moving the stack pointer.
    #[default]
    Plain,
    /// The same, when every page has been touched.
    Probed,
}

/// The frame of a function.
#[derive(Default)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    /// Where each stack slot of the IR begins.
    pub(crate) stack_slots: Vec<i32>,
    /// Where the stack slots begin and end: zeroed at entry.
    pub(crate) zeroed: (i32, i32),
    /// Where the slots of values begin.
    values: i32,
    /// For each slot of a value the position from which it is free.
    free_at: Vec<u32>,
    /// Where the search among the far slots goes on.
    cursor: usize,
}

impl Frame {
    /// The frame of another function, without slots of values.
    ///
    /// # Errors
    /// The size, if it is larger than can be.
    pub(crate) fn begin(
        &mut self,
        kind: FrameKind,
        function: &Function,
        foreign_words: u32,
    ) -> Result<(), u64> {
        self.free_at.clear();
        self.cursor = NEAR_SLOTS;
        self.stack_slots.clear();
        let mut bytes = 8 * u64::from(foreign_words);
        if !function.stack_slots().is_empty() {
            bytes = bytes.next_multiple_of(16);
        }
        let start = bytes;
        for slot in function.stack_slots() {
            bytes = bytes.next_multiple_of(slot.align.max(8).into());
            self.stack_slots.push(bytes.min(LIMIT_BYTES) as i32);
            bytes += u64::from(slot.bytes).next_multiple_of(8);
        }
        if bytes > LIMIT_BYTES {
            return Err(bytes);
        }
        self.zeroed = (start as i32, bytes as i32);
        self.values = bytes as i32;
        self.kind = match kind {
            FrameKind::Plain if self.values > PROBE_BYTES / 2 => FrameKind::Probed,
            kind => kind,
        };
        Ok(())
    }

    /// The offset of a value's slot.
    #[inline]
    pub(crate) fn slot(&self, number: u32) -> i32 {
        match self.kind {
            FrameKind::Leaf => -8 - 8 * number as i32,
            FrameKind::Plain | FrameKind::Probed => self.values + 8 * number as i32,
        }
    }

    /// How far the stack pointer moves, as it is now: 8 more than a multiple of 16, or not at all.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = self.values as u64 + 8 * self.free_at.len() as u64;
        match self.kind {
            FrameKind::Leaf => 0,
            FrameKind::Plain | FrameKind::Probed => bytes.next_multiple_of(16) + 8,
        }
    }

    /// How the frame should have been entered, now that it is known, if it was not.
    pub(crate) fn better_kind(&self) -> Option<FrameKind> {
        match self.kind {
            FrameKind::Leaf if 8 * self.free_at.len() as u64 > RED_ZONE_BYTES => {
                Some(FrameKind::Plain)
            }
            FrameKind::Plain if self.bytes() > PROBE_BYTES as u64 => Some(FrameKind::Probed),
            FrameKind::Leaf | FrameKind::Plain | FrameKind::Probed => None,
        }
    }

    /// Lets nobody else have a slot before `over`.
    pub(crate) fn keep_slot(&mut self, slot: u32, over: u32) {
        let free_at = &mut self.free_at[slot as usize];
        *free_at = (*free_at).max(over);
    }

    /// A slot that is free from `start` on, and not again before `over`.
    pub(crate) fn take_slot(&mut self, start: u32, over: u32) -> u32 {
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
                if slots[self.cursor] <= start {
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

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

use bakeoff_backend::slots::Slots;
use bakeoff_ir::Function;

/// Frames grow over this many bytes without touching them at most: less than the guard pages.
pub(crate) const PROBE_BYTES: i32 = 4096;

/// The most bytes of a frame.
pub(crate) const LIMIT_BYTES: u64 = 1 << 30;

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
    /// The slots of values.
    pub(crate) slots: Slots,
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
        self.slots.clear();
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
        let bytes = self.values as u64 + 8 * self.slots.count() as u64;
        match self.kind {
            FrameKind::Leaf => 0,
            FrameKind::Plain | FrameKind::Probed => bytes.next_multiple_of(16) + 8,
        }
    }

    /// The size of the frame, be it below the stack pointer.
    pub(crate) fn size(&self) -> u64 {
        match self.kind {
            FrameKind::Leaf => 8 * self.slots.count() as u64,
            FrameKind::Plain | FrameKind::Probed => self.bytes(),
        }
    }

    /// How the frame should have been entered, now that it is known, if it was not.
    pub(crate) fn better_kind(&self) -> Option<FrameKind> {
        match self.kind {
            FrameKind::Leaf if 8 * self.slots.count() as u64 > RED_ZONE_BYTES => {
                Some(FrameKind::Plain)
            }
            FrameKind::Plain if self.bytes() > PROBE_BYTES as u64 => Some(FrameKind::Probed),
            FrameKind::Leaf | FrameKind::Plain | FrameKind::Probed => None,
        }
    }
}

//! An allocator that counts, for those who ask.
//!
//! A program that installs [`Counting`] as its global allocator can ask what a piece of work on one thread
//! allocates:
//!
//! ```
//! use bakeoff_allocations::{Counting, count};
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//!
//! let (numbers, counted) = count(|| vec![0u8; 1000]);
//! assert_eq!((counted.allocations, counted.bytes), (1, 1000));
//! # drop(numbers);
//! ```
//!
//! Everything is the system allocator's. Counters belong to a thread, so that others do not disturb them, and are
//! touched only inside of [`count`]:
//!
//! ```text
//!               count(work)                          nested
//! live  ──┬────────────────────────────────┬──    what the inner one counts
//!         │ 0   ┌─────┐        peak_bytes  │       is added to the outer one
//!         │  ┌──┘     └──┐  ┌─ above where │
//!         └──┘           └──┘  it began    │
//! ```
//!
//! # What it costs to have it
//!
//! The programs that are timed have this allocator too. While nobody counts, an allocation and its release each
//! cost one more comparison of a byte of the thread with zero and a branch that is always predicted.
//! `cargo bench -p bakeoff-allocations` measures that, everything interleaved. On one AMD machine, medians, ns for an
//! allocation and its release:
//!
//! | bytes | system | nobody counts | counting |
//! |---|---|---|---|
//! | 32 | 11.6 | 12.0 | 16.1 |
//! | 512 | 11.8 | 12.1 | 16.4 |
//! | 16384 | 24.5 | 25.0 | 29.0 |

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system allocator, with counters.
pub struct Counting;

/// What a piece of work allocated. Sizes are those that were asked for: what the allocator adds to them is its
/// own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Allocations {
    /// Number of allocations. One that grows or shrinks (`realloc`) counts as a new one.
    pub allocations: u64,
    /// Sum of their sizes, in bytes.
    pub bytes: u64,
    /// The most that was held at once beyond what was there before, in bytes. While a block grows or shrinks, both
    /// the old one and the new one are held: whether it can stay where it is depends on its neighbours,
    /// and this figure does not. What the work releases of memory that was there before makes room for as much; if it
    /// never holds more than there was, this is 0.
    pub peak_bytes: u64,
}

/// The counters of a thread.
#[derive(Clone, Copy)]
struct Counters {
    allocations: u64,
    bytes: u64,
    /// Bytes allocated and not released since counting began. Negative if older memory was released.
    live: i64,
    /// The greatest value of `live`, at least 0.
    peak: i64,
}

impl Counters {
    const ZERO: Counters = Counters {
        allocations: 0,
        bytes: 0,
        live: 0,
        peak: 0,
    };

    /// These counters, after what `inner` counted.
    fn and_then(self, inner: Counters) -> Counters {
        Counters {
            allocations: self.allocations + inner.allocations,
            bytes: self.bytes + inner.bytes,
            live: self.live + inner.live,
            peak: self.peak.max(self.live + inner.peak),
        }
    }
}

// Both are constant and have no destructor: the allocator may look at them at any time of a thread's life, and no
// look allocates.
thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static COUNTERS: Cell<Counters> = const { Cell::new(Counters::ZERO) };
}

#[cold]
fn allocated(bytes: usize) {
    let now = Counters {
        allocations: 1,
        bytes: bytes as u64,
        live: bytes as i64,
        peak: bytes as i64,
    };
    COUNTERS.set(COUNTERS.get().and_then(now));
}

#[cold]
fn released(bytes: usize) {
    let now = Counters {
        live: -(bytes as i64),
        ..Counters::ZERO
    };
    COUNTERS.set(COUNTERS.get().and_then(now));
}

// SAFETY: every block is the system allocator's, with the caller's own layout. Counting touches nothing of them.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.get() {
            allocated(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if COUNTS.get() {
            allocated(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if COUNTS.get() {
            released(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if COUNTS.get() {
            allocated(new_size);
            released(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// Does `work`, and counts what this thread allocates meanwhile. All zero if [`Counting`] is not the
/// program's allocator.
///
/// Calls may be nested; the outer one counts what the inner one does. What other threads do for `work` is not
/// counted. If `work` panics, nothing is counted any longer.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Allocations) {
    let outer = Outer {
        counts: COUNTS.replace(true),
        counters: COUNTERS.replace(Counters::ZERO),
    };
    let result = work();
    let inner = COUNTERS.get();
    drop(outer);
    let counted = Allocations {
        allocations: inner.allocations,
        bytes: inner.bytes,
        peak_bytes: inner.peak as u64,
    };
    (result, counted)
}

/// What was counted when an inner count began; dropping it goes on there.
struct Outer {
    counts: bool,
    counters: Counters,
}

impl Drop for Outer {
    fn drop(&mut self) {
        COUNTS.set(self.counts);
        COUNTERS.set(self.counters.and_then(COUNTERS.get()));
    }
}

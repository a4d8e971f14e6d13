//! Linear memories: a reservation of address space, of which a growing part may be accessed.
//!
//! ```text
//!           base                     base + bytes                         base + RESERVED_BYTES
//! ─ below ──┼── readable, writable ──┼──────── no access: an access faults ───────┤
//! ```
//!
//! The reservation covers everything that a 32-bit index plus a 32-bit offset plus the width of an
//! access can reach, so that such an access needs no check: it is inside the memory or it faults. The
//! base never moves. What lies below belongs to nobody else either: code that takes an offset for a negative
//! one is a bug, and crashes instead of reading from what happens to be there.
//!
//! Reservations of small memories are kept for the next ones: a reservation costs system calls when it is
//! made and when it is given back, and faults when its pages are touched, which is more than a small
//! program takes to run.

use std::io;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use bakeoff_ir::PAGE_BYTES;

/// Address space of one memory: index and offset below 4 GiB each, and a page for the width.
const RESERVED_BYTES: usize = (8 << 30) + PAGE_BYTES as usize;

/// Address space below the base: what a negative offset of 32 bits can reach.
const BELOW_BYTES: usize = 2 << 30;

/// Reservations that are kept, at most.
const MAX_KEPT: usize = 8;

/// A reservation that nobody uses. One page may be accessible, and is zeroed; the rest has no access.
struct Kept {
    base: *mut u8,
    pages: u64,
}

// SAFETY: the reservation belongs to this value alone.
unsafe impl Send for Kept {}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A reservation with at most so many accessible pages, of those the one with the most.
fn take_kept(pages: u64) -> Option<Kept> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = kept
        .iter()
        .enumerate()
        .filter(|(_, kept)| kept.pages <= pages);
    let (index, _) = fits.max_by_key(|(_, kept)| kept.pages)?;
    Some(kept.swap_remove(index))
}

/// A linear memory.
pub(crate) struct LinearMemory {
    base: *mut u8,
    pages: u64,
    max_pages: u64,
}

// SAFETY: the reservation belongs to this value alone.
unsafe impl Send for LinearMemory {}

impl LinearMemory {
    /// A zeroed memory of `pages` pages that may grow to `max_pages`.
    pub(crate) fn new(pages: u64, max_pages: u64) -> io::Result<LinearMemory> {
        let mut memory = match take_kept(pages) {
            Some(Kept { base, pages }) => LinearMemory {
                base,
                pages,
                max_pages,
            },
            None => LinearMemory::reserve(max_pages)?,
        };
        memory.make_accessible(pages)?;
        Ok(memory)
    }

    /// A new reservation without any accessible page.
    fn reserve(max_pages: u64) -> io::Result<LinearMemory> {
        // SAFETY: a new anonymous mapping touches nothing that exists.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                BELOW_BYTES + RESERVED_BYTES,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(LinearMemory {
            // SAFETY: the mapping is larger than that.
            base: unsafe { base.cast::<u8>().add(BELOW_BYTES) },
            pages: 0,
            max_pages,
        })
    }

    fn make_accessible(&mut self, pages: u64) -> io::Result<()> {
        let (old, new) = (self.pages * PAGE_BYTES, pages * PAGE_BYTES);
        if new > old {
            // SAFETY: the range lies inside the reservation, since pages <= max_pages <= 4 GiB.
            let result = unsafe {
                libc::mprotect(
                    self.base.add(old as usize).cast(),
                    (new - old) as usize,
                    libc::PROT_READ | libc::PROT_WRITE,
                )
            };
            if result != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        self.pages = pages;
        Ok(())
    }

    /// Takes access to all but the first page away, and gives the memory of the others back.
    fn shrink(&mut self) -> io::Result<()> {
        if self.pages <= 1 {
            return Ok(());
        }
        let length = ((self.pages - 1) * PAGE_BYTES) as usize;
        // SAFETY: the range is the accessible part behind the first page; mapping it anew frees its
        // memory and leaves it without access.
        let result = unsafe {
            libc::mmap(
                self.base.add(PAGE_BYTES as usize).cast(),
                length,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if result == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        self.pages = 1;
        Ok(())
    }

    /// Grows by `delta` pages and yields the old size; `None` if the limit or the system forbids it.
    pub(crate) fn grow(&mut self, delta: u64) -> Option<u64> {
        let old = self.pages;
        let new = old
            .checked_add(delta)
            .filter(|new| *new <= self.max_pages)?;
        self.make_accessible(new).ok()?;
        Some(old)
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.pages * PAGE_BYTES
    }

    /// Whether an address lies in the reservation, accessible or not.
    pub(crate) fn reserves(&self, address: usize) -> bool {
        address.wrapping_sub(self.base as usize) < RESERVED_BYTES
    }

    pub(crate) fn slice(&self) -> &[u8] {
        // SAFETY: the accessible part is readable and lives as long as self; generated code that
        // could write to it does not run while the host holds a reference to the instance.
        unsafe { std::slice::from_raw_parts(self.base, self.bytes() as usize) }
    }

    pub(crate) fn slice_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and self is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.bytes() as usize) }
    }
}

impl Drop for LinearMemory {
    fn drop(&mut self) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT && self.shrink().is_ok() {
            self.slice_mut().fill(0);
            kept.push(Kept {
                base: self.base,
                pages: self.pages,
            });
            return;
        }
        // SAFETY: the reservation was made by `new` and nobody refers to it any more.
        unsafe {
            let start = self.base.sub(BELOW_BYTES);
            libc::munmap(start.cast(), BELOW_BYTES + RESERVED_BYTES)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_limit_with_zeroed_pages_and_a_fixed_base() {
        let mut memory = LinearMemory::new(1, 3).unwrap();
        let base = memory.base();
        memory.slice_mut()[65535] = 7;
        assert_eq!(memory.grow(2), Some(1));
        assert_eq!(memory.grow(1), None);
        assert_eq!(memory.grow(u64::MAX), None);
        assert_eq!((memory.base(), memory.bytes()), (base, 3 * PAGE_BYTES));
        assert_eq!(&memory.slice()[65534..65537], &[0, 7, 0]);
        assert!(memory.reserves(base as usize + (8 << 30)));
        assert!(!memory.reserves((base as usize).wrapping_sub(1)));
    }

    #[test]
    fn what_is_used_again_is_zeroed_and_no_larger_than_asked_for() {
        for pages in [2, 1, 0, 1, 2] {
            // More of them than are kept.
            let mut memories: Vec<LinearMemory> = (0..MAX_KEPT + 3)
                .map(|_| LinearMemory::new(pages, 2).unwrap())
                .collect();
            for memory in &mut memories {
                assert_eq!(memory.pages(), pages);
                assert!(memory.slice().iter().all(|byte| *byte == 0));
                memory.slice_mut().fill(0xa5);
            }
        }
    }
}

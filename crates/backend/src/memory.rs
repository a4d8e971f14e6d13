//! Linear memories: a reservation of address space, of which a growing part may be accessed.
//!
//! ```text
//! base                     base + bytes                                  base + RESERVED_BYTES
//! ├── readable, writable ──┼───────────── no access: an access faults ───────────┤
//! ```
//!
//! The reservation covers everything that a 32-bit index plus a 32-bit offset plus the width of an
//! access can reach, so that such an access needs no check: it is inside the memory or it faults. The
//! base never moves.

use std::io;
use std::ptr;

use bakeoff_ir::PAGE_BYTES;

/// Address space of one memory: index and offset below 4 GiB each, and a page for the width.
const RESERVED_BYTES: usize = (8 << 30) + PAGE_BYTES as usize;

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
        // SAFETY: a new anonymous mapping touches nothing that exists.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                RESERVED_BYTES,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mut memory = LinearMemory {
            base: base.cast(),
            pages: 0,
            max_pages,
        };
        memory.make_accessible(pages)?;
        Ok(memory)
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
        // SAFETY: the reservation was made by `new` and nobody refers to it any more.
        unsafe { libc::munmap(self.base.cast(), RESERVED_BYTES) };
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
}

//! Guest stacks: one a thread, made when the thread first enters generated code.

use std::cell::OnceCell;
use std::ptr;

use bakeoff_ir::TrapCode;

/// What generated code may use, in bytes.
const STACK_BYTES: usize = 8 << 20;

/// Inaccessible bytes below: more than any frame grows over without touching a page.
const GUARD_BYTES: usize = 1 << 20;

/// What foreign C functions find at least below the stack pointer, in bytes.
const FOREIGN_BYTES: usize = 256 << 10;

/// Bytes below the stack pointer that the System V convention lets a leaf function use.
const RED_ZONE_BYTES: usize = 128;

/// What the trampoline uses at most before generated code runs, alignment included, in bytes.
const ENTRY_BYTES: usize = 64;

/// Where a guest stack is: the guard pages, then the usable part.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuestStackRange {
    start: usize,
}

/// The mapping, given back when the thread ends.
struct GuestStack(*mut libc::c_void);

impl Drop for GuestStack {
    fn drop(&mut self) {
        // SAFETY: `map` made this mapping, and the thread that ran on it is ending.
        unsafe { libc::munmap(self.0, GUARD_BYTES + STACK_BYTES) };
    }
}

impl GuestStack {
    fn map() -> Option<GuestStack> {
        // SAFETY: a new anonymous mapping touches nothing that exists.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                GUARD_BYTES + STACK_BYTES,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return None;
        }
        let stack = GuestStack(base);
        // SAFETY: the usable part of the mapping just made.
        let usable = unsafe {
            let start = base.cast::<u8>().add(GUARD_BYTES).cast();
            libc::mprotect(start, STACK_BYTES, libc::PROT_READ | libc::PROT_WRITE)
        };
        (usable == 0).then_some(stack)
    }
}

impl GuestStackRange {
    /// The stack of this thread.
    ///
    /// # Errors
    /// A stack overflow, if the system has no memory for a stack, or if the thread is so near its end
    /// that the stack is gone.
    pub(super) fn of_thread() -> Result<GuestStackRange, TrapCode> {
        thread_local! {
            static STACK: OnceCell<Option<GuestStack>> = const { OnceCell::new() };
        }
        let start = STACK.try_with(|stack| {
            let stack = stack.get_or_init(GuestStack::map).as_ref()?;
            Some(stack.0 as usize)
        });
        match start {
            Ok(Some(start)) => Ok(GuestStackRange { start }),
            // No memory, or the thread is ending.
            Ok(None) | Err(_) => Err(TrapCode::StackOverflow),
        }
    }

    /// Where the first frame begins.
    pub(super) fn top(&self) -> usize {
        self.start + GUARD_BYTES + STACK_BYTES
    }

    /// The lowest stack pointer for a call of a foreign function.
    pub(super) fn foreign_limit(&self) -> usize {
        self.start + GUARD_BYTES + FOREIGN_BYTES
    }

    /// Whether a new activation can begin below this stack pointer.
    pub(super) fn has_room(&self, sp: usize) -> bool {
        sp >= self.start + GUARD_BYTES + RED_ZONE_BYTES + ENTRY_BYTES
    }

    /// Whether an address lies in the usable part.
    pub(super) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start + GUARD_BYTES) < STACK_BYTES
    }

    /// Whether an address lies in the guard pages.
    pub(super) fn guards(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < GUARD_BYTES
    }
}

/// A place for a new frame below one that is left alone: aligned, and past its red zone.
pub(super) fn aligned_below(sp: usize) -> usize {
    (sp - RED_ZONE_BYTES) & !15
}

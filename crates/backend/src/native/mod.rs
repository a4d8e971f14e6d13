//! Entering and leaving machine code.
//!
//! Terms
//! * The *guest stack* is what generated code runs on: one a thread, with inaccessible *guard pages*
//!   below. Running into them is a stack overflow.
//! * The *host stack* is the thread's own. Builtins and host functions run there. C functions that
//!   `call_raw` calls run on the guest stack, and cannot enter generated code on their thread.
//! * An *activation* is one entry into generated code. Activations nest when a host function calls back;
//!   the inner one continues on the guest stack below the frames of the outer one.
//! * The *landing* is the end of the trampoline: it restores the host's registers and returns. A normal
//!   return goes through it, and every trap arrives there.
//!
//! ```text
//!  host stack                         guest stack
//!  Instance::call                     ┌───────────────┐ high
//!  enter_guest ──── switch ─────────► │ entry thunk   │
//!  builtin     ◄─── shim ──────────── │ generated f   │ ── fault ──► signal handler ─┐
//!  host function                      └───────────────┘ guard pages                  │
//!  enter_guest (nested) …                                                            │
//!  landing ◄─── raise, or the handler sets pc and sp ────────────────────────────────┘
//! ```
//!
//! Traps of machine code are faults at known addresses: [`NativeCode`] knows, for each instruction that
//! may fault, which trap that means. The handler takes a fault only if the program counter is such an
//! address and, for memory faults, if the address that was touched belongs to a linear memory of the
//! instance, or to the guard pages. Every other fault goes to the handler that was installed before,
//! so that a bug in a code generator is a crash and not a trap.

mod code;
mod signals;
mod stack;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x64;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("machine code can be entered on x86-64 Linux only, so far");

use std::cell::Cell;

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Func, TrapCode};

use crate::context::VmContext;

pub use crate::builtins::{Argument, Builtin, RuntimeCall};
pub use code::{NativeCode, NativeParts, PartKind, PartRange};
pub(crate) use x64::host_stack_shim;

/// One entry into generated code.
#[repr(C)]
pub struct Activation {
    /// The host's stack pointer at the landing. The trampoline sets it.
    host_sp: Cell<usize>,
    /// The guest's stack pointer: where to begin, and where it was when it last left for the host.
    guest_sp: Cell<usize>,
    code: *const NativeCode,
    context: *const VmContext,
    stack: stack::GuestStackRange,
}

thread_local! {
    /// The innermost activation of this thread, or null. Constant and without a destructor, so that
    /// the signal handler can read it.
    static CURRENT: Cell<*const Activation> = const { Cell::new(std::ptr::null()) };
}

/// Runs an entry thunk, `extern "C" fn(context, slots)`, on the guest stack.
///
/// # Safety
/// `thunk` is an entry thunk in `code`, for a function that `slots` fit; the context belongs to a live
/// instance of that code which nobody else uses.
unsafe fn enter(
    code: &NativeCode,
    context: *mut VmContext,
    thunk: *const u8,
    slots: *mut u64,
) -> Result<(), TrapCode> {
    signals::prepare_thread()?;
    let outer = CURRENT.get();
    // SAFETY: a current activation lives in the frame of an `enter` further up this stack.
    let (stack, guest_sp) = match unsafe { outer.as_ref() } {
        Some(outer) => (outer.stack, outer.guest_sp.get()),
        None => {
            let stack = stack::GuestStackRange::of_thread()?;
            (stack, stack.top())
        }
    };
    // The trampoline pushes a few words before generated code takes over; a fault there would be
    // nobody's. A C function that `call_raw` called runs on the guest stack itself, and nobody knows
    // where its frames end: it cannot enter again.
    let here = 0u8;
    if !stack.has_room(guest_sp) || stack.contains(&raw const here as usize) {
        return Err(TrapCode::StackOverflow);
    }
    let activation = Activation {
        host_sp: Cell::new(0),
        guest_sp: Cell::new(stack::aligned_below(guest_sp)),
        code,
        context,
        stack,
    };
    // SAFETY: the context is live. Both fields are put back before the activation ends.
    let outer_activation = unsafe {
        (*context).stack_limit = stack.foreign_limit();
        std::mem::replace(&mut (*context).activation, &activation)
    };
    CURRENT.set(&activation);
    // SAFETY: the caller's promise about thunk and slots; the activation says where the stacks are.
    let code = unsafe { x64::enter_guest(&activation, thunk, context, slots) };
    CURRENT.set(outer);
    // SAFETY: as above.
    unsafe { (*context).activation = outer_activation };
    match TrapCode::from_byte(code as u8) {
        None => Ok(()),
        Some(code) => Err(code),
    }
}

/// Ends the innermost activation with a trap.
///
/// # Safety
/// Called on the host stack from a builtin that generated code of that activation called; no frame
/// between here and the trampoline has a destructor to run.
pub(crate) unsafe fn raise(code: TrapCode) -> ! {
    // SAFETY: a builtin is called from an activation only.
    let activation = unsafe { &*CURRENT.get() };
    // SAFETY: the trampoline has set the pointer, and its frame is still there.
    unsafe { x64::jump_to_landing(activation.host_sp.get(), code.to_byte().into()) }
}

impl Activation {
    /// The trap that a fault means, if it is one of ours. Called from the signal handler: it must not
    /// allocate, lock, or panic.
    fn trap_of_fault(&self, pc: usize, address: Option<usize>) -> Option<TrapCode> {
        // SAFETY: the code outlives the activation: `enter` borrows it.
        let code = unsafe { &*self.code };
        let trap = code.trap_at(pc);
        let Some(address) = address else {
            return trap;
        };
        if self.stack.guards(address) && code.contains(pc) {
            return Some(TrapCode::StackOverflow);
        }
        // SAFETY: context and store are live, and generated code does not change the memories.
        let memories = unsafe { &(*(*self.context).store).memories };
        let mut known = memories
            .iter()
            .take(match faults::on(Fault::SharedFirstMemoryTraps) {
                true => 1,
                false => memories.len(),
            });
        trap.filter(|_| known.any(|m| m.reserves(address)))
    }
}

/// Which function a piece of code belongs to, for symbols.
pub(crate) fn function_name(module: &bakeoff_ir::Module, func: Func) -> String {
    format!("@{}", module.func(func).name)
}

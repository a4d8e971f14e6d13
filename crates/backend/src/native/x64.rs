//! The trampoline, the landing and the shims for x86-64, System V convention.
//!
//! Generated code may clobber what it likes: the trampoline keeps the callee-saved registers on the
//! host stack and reloads them from there.

use super::Activation;
use crate::context::VmContext;

use std::arch::naked_asm;
use std::mem::offset_of;

/// Switches to the guest stack, calls `thunk(context, slots)`, and returns 0; or returns the trap
/// code that brought the landing about.
///
/// # Safety
/// `thunk` is an entry thunk that fits context and slots, and `guest_sp` of the activation is a
/// multiple of 16 inside the guest stack.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn enter_guest(
    activation: *const Activation,
    thunk: *const u8,
    context: *mut VmContext,
    slots: *mut u64,
) -> u64 {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rdi + {host_sp}], rsp",
        "mov rsp, [rdi + {guest_sp}]",
        // The activation twice: the thunk wants an aligned stack.
        "push rdi",
        "push rdi",
        "mov rax, rsi",
        "mov rdi, rdx",
        "mov rsi, rcx",
        "call rax",
        "pop rcx",
        "mov rsp, [rcx + {host_sp}]",
        "xor eax, eax",
        "jmp {landing}",
        host_sp = const offset_of!(Activation, host_sp),
        guest_sp = const offset_of!(Activation, guest_sp),
        landing = sym landing,
    )
}

/// Restores the host's registers and returns rax from `enter_guest`. Jumped to, with rsp as
/// `enter_guest` saved it.
///
/// # Safety
/// Never called, only jumped to.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn landing() {
    naked_asm!(
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        // Generated code may have left the direction flag or x87 state as the convention wants it;
        // a trap can come at any instruction.
        "cld",
        "ret",
    )
}

/// Continues at the landing.
///
/// # Safety
/// `host_sp` was saved by an `enter_guest` whose frame is still there, and no frame above it has a
/// destructor to run.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn jump_to_landing(host_sp: usize, code: u64) -> ! {
    naked_asm!(
        "mov rsp, rdi",
        "mov rax, rsi",
        "jmp {landing}",
        landing = sym landing,
    )
}

/// Offset of the activation in the context, and of the stack pointers in the activation, for shims.
pub(crate) const ACTIVATION: usize = offset_of!(VmContext, activation);
pub(crate) const HOST_SP: usize = offset_of!(Activation, host_sp);
pub(crate) const GUEST_SP: usize = offset_of!(Activation, guest_sp);

/// Defines `$shim`: called by generated code with the context as first of at most six arguments, it
/// runs `$target` with the same arguments on the host stack and returns its result. It uses no guest
/// stack beyond the return address.
macro_rules! host_stack_shim {
    ($shim:ident, $target:ident) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $shim() {
            std::arch::naked_asm!(
                "mov rax, [rdi + {activation}]",
                "mov [rax + {guest_sp}], rsp",
                "mov rsp, [rax + {host_sp}]",
                "push rax",
                "sub rsp, 8",
                "call {target}",
                "add rsp, 8",
                "pop rcx",
                "mov rsp, [rcx + {guest_sp}]",
                "ret",
                activation = const $crate::native::x64::ACTIVATION,
                guest_sp = const $crate::native::x64::GUEST_SP,
                host_sp = const $crate::native::x64::HOST_SP,
                target = sym $target,
            )
        }
    };
}
pub(crate) use host_stack_shim;

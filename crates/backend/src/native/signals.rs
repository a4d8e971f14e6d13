//! Faults become traps.
//!
//! The handler is installed once for the process and runs on the thread's alternate stack. A fault
//! that no activation of this thread claims goes on to the handler that was there before.

use std::cell::OnceCell;
use std::mem::MaybeUninit;
use std::sync::{Once, OnceLock};
use std::thread::AccessError;

use bakeoff_ir::TrapCode;
use libc::{c_int, c_void, siginfo_t};

use super::{CURRENT, x64};

/// Signals by which a processor reports what generated code does on purpose.
const SIGNALS: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
];

/// The actions that were there before, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Makes this thread ready to take faults.
///
/// # Errors
/// A stack overflow, if the thread is so near its end that its alternate stack is gone.
pub(super) fn prepare_thread() -> Result<(), TrapCode> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(install);
    ensure_alternate_stack().map_err(|_| TrapCode::StackOverflow)
}

fn install() {
    let previous = SIGNALS.map(|signal| {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null action only reads the old one; zeroed bytes are a valid sigaction.
        unsafe {
            libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr());
            old.assume_init()
        }
    });
    // The handler reads this, so it is there first.
    if PREVIOUS.set(previous).is_err() {
        return;
    }
    for signal in SIGNALS {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: zeroed bytes are a valid sigaction; the handler has the type that SA_SIGINFO asks for.
        unsafe {
            let new = action.as_mut_ptr();
            (*new).sa_sigaction = handle as *const () as usize;
            (*new).sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigemptyset(&mut (*new).sa_mask);
            libc::sigaction(signal, new, std::ptr::null_mut());
        }
    }
}

/// Rust gives its own threads an alternate stack; a thread that somebody else made may have none.
fn ensure_alternate_stack() -> Result<(), AccessError> {
    const BYTES: usize = 64 << 10;
    struct AlternateStack(Option<Box<[u8]>>);
    impl Drop for AlternateStack {
        fn drop(&mut self) {
            if self.0.is_some() {
                let off = libc::stack_t {
                    ss_sp: std::ptr::null_mut(),
                    ss_flags: libc::SS_DISABLE,
                    ss_size: 0,
                };
                // SAFETY: disabling touches no memory; the stack is not in use at a thread's end.
                unsafe { libc::sigaltstack(&off, std::ptr::null_mut()) };
            }
        }
    }
    thread_local! {
        static STACK: OnceCell<AlternateStack> = const { OnceCell::new() };
    }
    STACK.try_with(|stack| {
        stack.get_or_init(|| {
            let mut old = MaybeUninit::<libc::stack_t>::zeroed();
            // SAFETY: a null new stack only reads the old one.
            let has_none = unsafe {
                libc::sigaltstack(std::ptr::null(), old.as_mut_ptr());
                old.assume_init().ss_flags & libc::SS_DISABLE != 0
            };
            if !has_none {
                return AlternateStack(None);
            }
            let mut bytes = vec![0u8; BYTES].into_boxed_slice();
            let new = libc::stack_t {
                ss_sp: bytes.as_mut_ptr().cast(),
                ss_flags: 0,
                ss_size: BYTES,
            };
            // SAFETY: the bytes live until the destructor has disabled the stack.
            unsafe { libc::sigaltstack(&new, std::ptr::null_mut()) };
            AlternateStack(Some(bytes))
        });
    })
}

/// The handler: takes the fault if the activation claims it.
///
/// # Safety
/// Called by the kernel for a signal in [`SIGNALS`].
unsafe extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let activation = CURRENT.get();
    // SAFETY: the kernel passes a ucontext; a current activation is alive.
    let taken = unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let pc = registers[libc::REG_RIP as usize] as usize;
        let address = match signal {
            libc::SIGSEGV | libc::SIGBUS => Some((*info).si_addr() as usize),
            _ => None,
        };
        // int3 reports the address behind it.
        let pc = if signal == libc::SIGTRAP {
            pc.wrapping_sub(1)
        } else {
            pc
        };
        match activation
            .as_ref()
            .filter(|_| is_fault(info))
            .and_then(|a| Some((a, a.trap_of_fault(pc, address)?)))
        {
            Some((activation, trap)) => {
                registers[libc::REG_RIP as usize] = x64::landing as *const () as i64;
                registers[libc::REG_RSP as usize] = activation.host_sp.get() as i64;
                registers[libc::REG_RAX as usize] = i64::from(trap.to_byte());
                true
            }
            None => false,
        }
    };
    if !taken {
        // SAFETY: passed on as it came.
        unsafe { forward(signal, info, context) };
    }
}

/// Whether the processor raised the signal, and not somebody's `kill`.
///
/// # Safety
/// The kernel passed the information.
unsafe fn is_fault(info: *const siginfo_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*info).si_code > 0 }
}

/// Gives a signal to whoever handled it before.
///
/// # Safety
/// As for [`handle`].
unsafe fn forward(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.get().and_then(|all| {
        let index = SIGNALS.iter().position(|s| *s == signal)?;
        all.get(index)
    });
    // SAFETY: the previous action is as the kernel gave it, so its handler has the type that its
    // flags say. Without a handler, the default action is restored and the fault comes again; a signal
    // that somebody sent does not come again by itself, and may be ignored.
    unsafe {
        match previous {
            Some(old) if old.sa_sigaction != libc::SIG_DFL && old.sa_sigaction != libc::SIG_IGN => {
                if old.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                        std::mem::transmute(old.sa_sigaction);
                    handler(signal, info, context);
                } else {
                    let handler: unsafe extern "C" fn(c_int) =
                        std::mem::transmute(old.sa_sigaction);
                    handler(signal);
                }
            }
            Some(old) if old.sa_sigaction == libc::SIG_IGN && !is_fault(info) => {}
            _ => {
                libc::signal(signal, libc::SIG_DFL);
                if !is_fault(info) {
                    libc::raise(signal);
                }
            }
        }
    }
}

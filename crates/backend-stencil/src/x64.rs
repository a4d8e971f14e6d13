//! What code generation has to know of x86-64: which registers are for what, by the catalogue's numbers.
//!
//! | number | register | | number | register |
//! |---|---|---|---|---|
//! | 0 (T) | rax | | 7 | rbp |
//! | 1 (U) | rdx | | 8 | r8 |
//! | 2 (W) | r10 | | 9 | r9 |
//! | 3 | rcx | | 10 | r11 |
//! | 4 | rbx | | 11 | r13 |
//! | 5 | rsi | | 12 | r14 |
//! | 6 | rdi | | | |
//!
//! Pinned are r12, the context, and r15, the base of memory 0; the platform's convention preserves both.
//! rsp is the base of the frame. Floats are numbered as the xmm registers.

use bakeoff_backend::context::offset;

use crate::catalog::U;
use crate::place::Place;

/// Integer registers that values live in, as a mask of [`Place::bit`]s.
pub(crate) const INT_VALUES: u32 = 0b1_1111_1111_1000;

/// Float registers that values live in, as a mask of [`Place::bit`]s.
pub(crate) const FLOAT_VALUES: u32 = 0x1fff << Place::FLOATS;

/// Registers of integer arguments and results, in order. The first ones are those of the platform's
/// convention, so that arguments of builtins are often where they are wanted.
pub(crate) const INT_ARGS: [u8; 8] = [6, 5, 3, 8, 9, 4, 7, 10];

/// Registers of float arguments and results, in order.
pub(crate) const FLOAT_ARGS: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// Registers of integer arguments of C functions (psABI 1.0, 3.2.3): rdi, rsi, rdx, rcx, r8, r9. Those of
/// floats are [`FLOAT_ARGS`].
pub(crate) const C_ARGS: [u8; 6] = [6, 5, U, 3, 8, 9];

/// Where `CallForeign` wants the address: r11.
pub(crate) const FOREIGN_CALLEE: u8 = 10;

/// What fills the bytes between functions: an instruction that traps.
pub(crate) const FILLER: u8 = 0xcc;

// Stencils have these offsets of the context and of function records written into them.
const _: () = assert!(offset::BUILTINS == 0 && offset::FUNCS == 8 && offset::STACK_LIMIT == 32);
const _: () =
    assert!(offset::ENTRY_CODE == 0 && offset::ENTRY_SIG == 8 && offset::ENTRY_BYTES == 16);

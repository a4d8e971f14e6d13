//! x86-64: from functions as compiled to stencils.
//!
//! ```text
//! Function ─► decode.rs ─► Template ─► encode.rs (registers renamed) ─► Code ─► check.rs
//! ```
//!
//! Terms
//! * A *template* is a function's instructions, with what they refer to; registers are those that the
//!   compiler chose.

pub(crate) mod check;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod rename;

use iced_x86::Register;

use crate::catalog::Axis;

/// The registers that integers can be in, in the catalogue's order.
pub(crate) const INTS: [Register; 13] = [
    Register::RAX,
    Register::RDX,
    Register::R10,
    Register::RCX,
    Register::RBX,
    Register::RSI,
    Register::RDI,
    Register::RBP,
    Register::R8,
    Register::R9,
    Register::R11,
    Register::R13,
    Register::R14,
];

/// Where `rust-preserve-none` has the parameters a, b, c of a stencil with axes.
pub(crate) const PARAMETERS: [Register; 3] = [Register::R13, Register::R14, Register::RDI];

/// The register of a number of the catalogue.
pub(crate) fn register(class: Axis, number: u8) -> Register {
    match class {
        Axis::Int => INTS[number as usize],
        Axis::Float => xmm(number as usize),
    }
}

/// A float register.
pub(crate) fn xmm(number: usize) -> Register {
    assert!(number < 16, "there are 16 float registers");
    Register::XMM0 + number as u32
}

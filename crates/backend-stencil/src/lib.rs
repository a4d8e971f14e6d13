//! Copy and patch: machine code from stencils that are written in Rust. So far the stencils alone.

pub mod catalog;
pub mod library;

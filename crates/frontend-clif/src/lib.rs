//! Cranelift's text form (CLIF) into the IR: everything that is about scalars.
//!
//! A file becomes a module in which every function is exported under its name. A function that uses
//! what the IR has no word for is *left out*, with the reason; so is whoever calls it. The rest of the
//! file is translated all the same, since files of CLIF are collections of tests.
//!
//! | module | what |
//! |---|---|
//! | `read` | Cranelift's reader and verifier, and what guards us against them |
//! | `module` | names, signatures, which functions are left out, the table of addresses |
//! | `func` | bodies: blocks, values, one method a family of ops |
//! | `runs` | `; run:` and `; print:` lines |
//! | `error` | what can go wrong |
//!
//! How the two languages correspond
//! * Most ops are one to one. Others are short sequences: bits of floats through integers, carries,
//!   conversions to and from `i8` and `i16`, which the IR does for words only.
//! * Memory is raw: an address is a number that the program vouches for. Accesses to stack slots by
//!   a `stack_addr` nearby are those of the IR; slots begin as zeros, where CLIF says nothing.
//! * The *address of a function* is its reference, which is also its index in a table of all
//!   functions; a call through an address is a `call_indirect` there. What is no address of a function
//!   traps, where CLIF says nothing.
//! * Calling conventions, extensions of arguments, flags of memory accesses other than the order of
//!   bytes, alias regions, cold blocks and source locations mean nothing to the result and are dropped.
//! * Trap codes have one meaning in both languages; see [`trap_code`] for those of users.
//! * A library call that rounds or multiplies and adds is a function that does just that.
//!
//! Invariant: no input makes the translation panic. Cranelift's reader and verifier may panic on odd
//! input; that is caught and is an error like others (the message of the panic goes where the process
//! sends such messages).
#![forbid(unsafe_code)]

mod error;
mod func;
mod module;
mod read;
mod runs;

pub use error::{ClifError, Unsupported};
pub use func::{FIRST_NAMED_TRAP, trap_code};
pub use module::is_library_name;

use bakeoff_ir::Module;
use bakeoff_ir::text::Directive;

/// What a file holds.
#[derive(Clone, Debug)]
pub struct ClifModule {
    /// The functions that could be translated; not verified.
    pub module: Module,
    /// Their `; run:` and `; print:` lines, in order.
    pub directives: Vec<Directive>,
    /// The other functions, in order.
    pub left_out: Vec<Unsupported>,
}

/// Translates the text of a file.
///
/// # Errors
/// If the text is malformed, a function breaks a rule of CLIF or is defined twice, or a line about a
/// function that could be translated is malformed.
pub fn parse(text: &str) -> Result<ClifModule, ClifError> {
    let text = read::without_head(text);
    let file = read::read(&text)?;
    let (module, outcomes) = module::translate(&text, &file.functions)?;
    runs::collect(&text, &file, module, outcomes)
}

/// Translates a file.
///
/// # Errors
/// As [`parse`], and if it is not UTF-8.
pub fn load(bytes: &[u8]) -> Result<ClifModule, ClifError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(_) => Err(ClifError::new(None, "this is no text (not UTF-8)")),
    }
}

//! Benchmark programs as data.
//!
//! Purpose: one definition of a benchmark drives every engine, ours and other people's, so that no
//! engine is given other work, other input or a laxer check than its neighbours. A program is a
//! module (Wasm, or the text form of the IR) and a TOML *entry* that says what to call, with what,
//! which call the clock runs over, and what the answer is. The entry knows nothing of engines; an
//! engine appears as a [`Guest`], a handful of methods on an instantiated module.
//!
//! Terms:
//!
//! * *Entry*: the TOML file. Its stem is the name of the program. Paths in it are relative to it.
//! * *Size*: a set of parameters. Every program has two, [`Size::Quick`] for tests and
//!   [`Size::Full`] for measurements, with the same names.
//! * *Variable*: a parameter, or a name *bound* to the result of an earlier call. Written `"$name"`.
//! * *Step*: a call, bytes written into memory or compared with it, or a number loaded from it.
//! * *Answer*: what the program must produce. An entry that states none is refused: a benchmark
//!   that may compute anything measures nothing.
//!
//! ```toml
//! about  = "SHA-256 of a pseudo-random buffer"
//! suite  = "wasm"               # a label to select programs by
//! module = "wasm/sha256.wasm"   # `.wasm`, `.ir` or `.clif`
//!
//! [quick]                       # parameters: name = number, or a string
//! n = 2000
//! answer = 0x1234
//! [full]                        # the same names
//! n = 100000
//! answer = "0x1_0000"           # strings are read as numbers where one is wanted
//!
//! [[before]]                    # untimed, in order: a call …
//! call = "setup"
//! args = ["$n"]                 # numbers or variables; default: none
//! bind = "data"                 # names for the results: one, or a list
//! [[before]]                    # … or bytes put into memory
//! write = "$data"               # the address
//! text = "…"                    # or hex = "…" or file = "…", which may be parameters
//! memory = "memory"             # the exported memory; this is the default
//!
//! [time]                        # the timed call; `expect` and `bind` as in every call
//! call = "run"
//! args = ["$data"]
//! expect = "$answer"            # one value, or a list
//!
//! [[check]]                     # untimed, afterwards: a call …
//! call = "output"
//! args = ["$data"]
//! expect = "$answer"
//! [[check]]                     # … or bytes that memory must hold
//! read = "$data"
//! hex = "00 ff"
//! ```
//!
//! Numbers carry no type. Each takes the type of the argument or result that it stands for, as the
//! module's signature has it, and is read by [`Scalar::parse`](bakeoff_ir::Scalar::parse): a TOML
//! number stands for that number, a string for what its text says (`"0x7fc00000"` for an `f32` is
//! its bits). Answers must agree to the bit; only NaNs agree with all NaNs of their type.
//!
//! Refused when an entry is loaded, each with its place: unknown keys, undefined or unused
//! variables, a name defined twice, sizes with different names, a missing file, and no answer.
//! Found when a program is prepared for an instance: exports that are not there, and values that do
//! not fit the signature.

#![forbid(unsafe_code)]

mod entry;
mod error;
mod program;
mod run;
mod validate;

pub use error::{Answer, Position, Problem, RunError, SuiteError};
pub use program::{Program, Size, load_dir};
pub use run::{Guest, Prepared, Signature, Timed};

#[cfg(test)]
mod tests;

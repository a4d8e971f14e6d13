//! WebAssembly into the IR: version 2.0 of the language without SIMD, plus tail calls.
//!
//! One pass over the bytes: each section is validated and translated as it is met, each operator of a
//! body is validated and then translated. What is not in the language above is an error that says
//! where it stands.
//!
//! | module | what |
//! |---|---|
//! | `module` | sections: types, imports, tables, memories, globals, exports, segments |
//! | `func` | bodies: the operand stack, structured control, the operators |
//! | `names` | the name of each function |
//! | `error` | what can go wrong |
//!
//! How the two languages correspond
//! * References are `i64`; null is 0. So the IR sees `funcref`, `externref` and `i64` as one type, and
//!   an indirect call through a signature that differs in nothing else succeeds where WebAssembly
//!   traps.
//! * `i32` truth values are `i8` truth values in the IR for as long as nothing else is done with them,
//!   see `func::stack`.
//! * Everything else is one to one.
//!
//! Invariant: no input makes the translation panic, and time and memory are bounded by a constant
//! times the length of the input (see `func::Cost` for the one exception that needs a limit).
#![forbid(unsafe_code)]

mod error;
mod func;
mod module;
mod names;

pub use error::WasmError;
pub use module::FEATURES;

use bakeoff_ir::Module;

/// The first four bytes of a binary module.
const MAGIC: &[u8] = b"\0asm";

/// Translates a module in the binary format.
///
/// # Errors
/// If the module is malformed, invalid, uses what is not supported, or exceeds a limit.
pub fn translate(wasm: &[u8]) -> Result<Module, WasmError> {
    module::translate(wasm)
}

/// Translates a module in the text format.
///
/// # Errors
/// As [`translate`], and if the text is malformed.
pub fn translate_text(wat: &str) -> Result<Module, WasmError> {
    let wasm = wat::parse_str(wat).map_err(|e| WasmError::Text(e.to_string()))?;
    translate(&wasm)
}

/// Translates a module in either format: binary if it begins with `\0asm`, else text.
///
/// # Errors
/// As [`translate`] and [`translate_text`].
pub fn load(bytes: &[u8]) -> Result<Module, WasmError> {
    if bytes.starts_with(MAGIC) {
        return translate(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => translate_text(text),
        Err(_) => Err(WasmError::at(
            0,
            "neither a binary module (no `\\0asm`) nor text (not UTF-8)",
        )),
    }
}

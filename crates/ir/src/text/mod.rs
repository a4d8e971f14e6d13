//! The text form: modules and functions as people read and write them, and as tests state them.
//!
//! ```text
//! ; a comment, to the end of the line
//! import func @print(i32, f64) -> i64 = "env" "print"
//! declare func @later(i32)                 ; no body yet; a finished module has none
//! memory mem0 = 1..16                      ; pages; `1` alone has no maximum
//! memory mem1 = 1 import "env" "memory"
//! global global0: i32 mut = 5              ; also `= global1`, `= @f`, `= import "env" "g"`
//! table table0 func = 1..10                ; or `extern`; then `init @f`, then `import "m" "n"`
//! sig0 = (i32, i64) -> f64                 ; what call_indirect names
//! data data0 at mem0 8 = "hello\00\ff"     ; or `at mem0 global0`, or `passive`
//! elem elem0 at table0 0 = [@f, null, @g, global0]    ; or `passive`, `declared`
//! export "fib" = @fib                      ; also mem0, global0, table0
//! start @init
//! export func @fib(i32) -> i32 {           ; exported under its own name
//!     ss0 = stack_slot 16, align 8
//! block0(v0: i32):
//!     v1 = iconst.i32 2
//!     v2 = icmp.i32 slt v0, v1
//!     brif v2, block1, block2(v0, v1)
//! …
//! }
//! ; run: @fib(10) == 55
//! ; trap: @div(1, 0) == integer_division_by_zero
//! ```
//!
//! Terms
//! * A *statement* is a declaration, a block header or an instruction; the end of its line ends it,
//!   except between round and square brackets.
//! * A *directive* is a comment that begins with `run:` or `trap:`, see [`Directive`].
//!
//! Invariants
//! * `parse(print(m)) == m` for every verified module. Declarations come in any order in a text; the
//!   printer writes signatures first, so that their numbers stay.
//! * Numbers in names (`v17`, `block3`, `mem2`) are only names: the parser numbers things in the
//!   order of their declarations, which is the canonical one. Names may be used before they are
//!   declared.
//! * No text makes the parser panic, and none makes it recurse.

mod body;
mod cursor;
mod directive;
mod lexer;
mod parser;
mod printer;
mod source_map;

pub use directive::{Directive, Expectation, ExpectedValue};
pub use parser::parse_module;
pub use printer::FuncPrinter;
pub use source_map::{Location, SourceMap, Span, render_error};

use crate::module::Module;

/// What a source holds.
#[derive(Clone, PartialEq, Debug)]
pub struct ParsedModule {
    /// The module, not verified.
    pub module: Module,
    /// Where everything was written.
    pub positions: SourceMap,
    /// What the source says that running it gives, in order.
    pub directives: Vec<Directive>,
}

/// Why a source is no module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{span}: {message}")]
pub struct ParseError {
    /// Where.
    pub span: Span,
    /// What is wrong there.
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> ParseError {
        ParseError {
            span,
            message: message.into(),
        }
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.span.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> u32 {
        self.span.column
    }

    /// The message with the source line, see [`render_error`].
    pub fn render(&self, source: &str, file: &str) -> String {
        render_error(source, file, Some(self.span), &self.message)
    }
}

#[cfg(test)]
mod tests;

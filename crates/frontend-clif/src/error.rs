//! What can go wrong, and what is not supported.

use bakeoff_ir::text::{Span, render_error};

/// Why a file was not translated.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{message}", span.map(|span| format!("{span}: ")).unwrap_or_default())]
pub struct ClifError {
    /// Where; Cranelift tells the line, and all of it is meant.
    pub span: Option<Span>,
    /// What.
    pub message: String,
}

impl ClifError {
    pub(crate) fn new(span: Option<Span>, message: impl Into<String>) -> ClifError {
        ClifError {
            span,
            message: message.into(),
        }
    }

    /// The message with the source line, see [`render_error`].
    pub fn render(&self, source: &str, file: &str) -> String {
        render_error(source, file, self.span, &self.message)
    }
}

/// A function that was left out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{span}: {function} is left out: {what}")]
pub struct Unsupported {
    /// The reason, stable, so that it can be counted: `type i128`, `op atomic_rmw`, …
    pub what: String,
    /// The function as CLIF writes its name: `%f`, `u0:1`.
    pub function: String,
    /// Where the first such thing stands.
    pub span: Span,
    /// How many `; run:` and `; print:` lines belong to the function.
    pub directives: usize,
}

/// The line of this number, from 1, without what indents it.
pub(crate) fn line_span(text: &str, number: usize) -> Option<Span> {
    let line = text.lines().nth(number.checked_sub(1)?)?;
    let indent = line.chars().take_while(|c| c.is_whitespace()).count();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Span {
        line: count(number),
        column: count(indent + 1),
        len: count(line.trim().chars().count()),
    })
}

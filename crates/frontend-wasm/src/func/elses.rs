//! Which `if` has an `else`.
//!
//! The false edge of an `if` without `else` leads behind it, without a block of its own. That has to be
//! known where the `if` begins, so the body is scanned once for all of them, but only if there is an
//! `if` that can be reached.

use wasmparser::{FunctionBody, Operator};

/// Answers for the ifs of a body in their order.
pub(super) struct Elses<'b> {
    body: FunctionBody<'b>,
    /// For each `if`, whether it has an `else`; made at the first question.
    found: Option<Vec<bool>>,
    /// The number of the next `if`.
    next: usize,
}

impl<'b> Elses<'b> {
    pub(super) fn new(body: &FunctionBody<'b>) -> Elses<'b> {
        Elses {
            body: body.clone(),
            found: None,
            next: 0,
        }
    }

    /// Passes an `if` about which nothing need be known.
    pub(super) fn skip(&mut self) {
        self.next += 1;
    }

    /// Passes an `if`, and says whether it has an `else`.
    pub(super) fn next_has_else(&mut self) -> bool {
        let found = self.found.get_or_insert_with(|| scan(&self.body));
        self.next += 1;
        found.get(self.next - 1).copied().unwrap_or(true)
    }
}

/// Looks through a body. Where it is malformed the scan ends; so does the translation, which gets there
/// before it uses an answer that is missing.
fn scan(body: &FunctionBody<'_>) -> Vec<bool> {
    let mut found = Vec::new();
    let mut open = Vec::new();
    let Ok(mut operators) = body.get_operators_reader() else {
        return found;
    };
    while let Ok(operator) = operators.read() {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } => open.push(None),
            Operator::If { .. } => {
                open.push(Some(found.len()));
                found.push(false);
            }
            Operator::Else => {
                if let Some(Some(number)) = open.last() {
                    found[*number] = true;
                }
            }
            Operator::End => {
                open.pop();
            }
            _ => {}
        }
    }
    found
}

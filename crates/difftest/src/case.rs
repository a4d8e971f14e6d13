//! A case: a module, and the calls that are made on an instance of it.

use std::fmt::Write;
use std::sync::Arc;

use bakeoff_backend::Options;
use bakeoff_ir::text::{Directive, ParseError, parse_module};
use bakeoff_ir::{Module, Scalar, verify_module};

use crate::observe::{Observation, Outcome};

/// A call of an exported function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The name of the export.
    pub name: String,
    /// The arguments, of the types of its parameters.
    pub args: Vec<Scalar>,
}

/// A module and the calls that are made on one instance of it, in this order.
#[derive(Clone, Debug)]
pub struct Case {
    /// The module, verified.
    pub module: Arc<Module>,
    /// The calls.
    pub calls: Vec<Call>,
    /// How all configurations compile it.
    pub options: Options,
}

/// Why a text is no case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// It has a mistake.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// It breaks a rule of the IR.
    #[error("{0}")]
    Verify(String),
}

impl Case {
    /// Reads a module and takes the calls from its `; run:` and `; trap:` lines. What these lines
    /// expect is not looked at: configurations are compared with each other.
    ///
    /// # Errors
    /// If the text is no correct module.
    pub fn parse(text: &str, options: Options) -> Result<Case, CaseError> {
        let parsed = parse_module(text)?;
        verify_module(&parsed.module).map_err(|errors| CaseError::Verify(errors.to_string()))?;
        let call = |d: Directive| Call {
            name: d.name,
            args: d.args,
        };
        Ok(Case {
            module: Arc::new(parsed.module),
            calls: parsed.directives.into_iter().map(call).collect(),
            options,
        })
    }

    /// The case as text, its calls as lines that say what the reference gives; [`parse`](Case::parse)
    /// reads it back.
    pub fn to_text(&self, reference: Option<&Observation>) -> String {
        let mut text = String::new();
        for (index, call) in self.calls.iter().enumerate() {
            let outcome = reference.and_then(|observation| observation.calls.get(index));
            write_call(&mut text, call, outcome);
        }
        let _ = write!(text, "{}", self.module);
        text
    }
}

/// Writes a directive. Where nothing is known about what comes of the call, it is a trap: parsing
/// wants an expectation, and nobody looks at it.
fn write_call(text: &mut String, call: &Call, outcome: Option<&Outcome>) {
    let list = |values: &[Scalar]| {
        let texts: Vec<String> = values.iter().map(Scalar::to_string).collect();
        texts.join(", ")
    };
    let (name, args) = (&call.name, list(&call.args));
    let _ = match outcome {
        Some(Outcome::Values(values)) if values.is_empty() => {
            writeln!(text, "; run: @{name}({args})")
        }
        Some(Outcome::Values(values)) => {
            writeln!(text, "; run: @{name}({args}) == ({})", list(values))
        }
        Some(Outcome::Trap(code)) => writeln!(text, "; trap: @{name}({args}) == {code}"),
        None => writeln!(text, "; trap: @{name}({args}) == unreachable"),
    };
}

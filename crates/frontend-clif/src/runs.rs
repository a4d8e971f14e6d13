//! The lines that say what running a function gives: `; run: %f(1) == 2`, `; print: %f(1)`.
//!
//! A line belongs to the function that it follows, whatever name it writes, as in Cranelift's own tests.
//! `; run` alone means that the function gives anything but zero.

use bakeoff_ir::text::{Directive, Expectation, ExpectedValue, Span};
use bakeoff_ir::{Module, Scalar, Type};
use cranelift_codegen::data_value::DataValue;
use cranelift_reader::{Comment, Comparison, Details, RunCommand, TestFile, parse_run_command};

use crate::error::line_span;
use crate::module::{Outcome, Reason, ir_name};
use crate::{ClifError, ClifModule, Unsupported};

/// Joins functions, lines about them, and reasons why some are not there.
pub(crate) fn collect(
    text: &str,
    file: &TestFile<'_>,
    module: Module,
    outcomes: Vec<Outcome>,
) -> Result<ClifModule, ClifError> {
    let mut directives = Vec::new();
    let mut left_out = Vec::new();
    for ((function, details), outcome) in file.functions.iter().zip(outcomes) {
        match outcome {
            Ok(func) => {
                for comment in &details.comments {
                    let command = parse_run_command(comment.text, &function.signature);
                    let span = comment_span(text, comment);
                    let command = command.map_err(|e| ClifError::new(Some(span), e.message))?;
                    let Some(command) = command else { continue };
                    let results = &module.func_sig(func).results;
                    let (args, expect) = translate(command, results)
                        .ok_or_else(|| ClifError::new(Some(span), "this is about no scalars"))?;
                    directives.push(Directive {
                        span,
                        name: ir_name(&function.name),
                        func,
                        args,
                        expect,
                    });
                }
            }
            Err(reason) => left_out.push(Unsupported {
                function: function.name.to_string(),
                span: place(text, details, &reason),
                directives: details.comments.iter().filter(|c| is_directive(c)).count(),
                what: reason.what,
            }),
        }
    }
    Ok(ClifModule {
        module,
        directives,
        left_out,
    })
}

/// Where the thing stands that a function was left out for.
fn place(text: &str, details: &Details<'_>, reason: &Reason) -> Span {
    let location = reason
        .entity
        .and_then(|entity| details.map.location(entity));
    let line = location.unwrap_or(details.location).line_number;
    line_span(text, line).unwrap_or(Span {
        line: 1,
        column: 1,
        len: 0,
    })
}

/// Where a comment stands: it is a part of the text.
fn comment_span(text: &str, comment: &Comment<'_>) -> Span {
    let offset = comment.text.as_ptr() as usize - text.as_ptr() as usize;
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: count(before.matches('\n').count() + 1),
        column: count(text[line_start..offset].chars().count() + 1),
        len: count(comment.text.trim_end().chars().count()),
    }
}

/// Whether a comment says what running gives; whether it does so well is not asked.
fn is_directive(comment: &Comment<'_>) -> bool {
    let text = comment.text.trim_start_matches([' ', ';']);
    let word = text.split(|c: char| !c.is_ascii_alphanumeric()).next();
    matches!(word, Some("run" | "print"))
}

/// The arguments and what is expected. The zero that the reader makes of `; run` alone is an `i8`
/// whatever the function gives.
fn translate(command: RunCommand, results: &[Type]) -> Option<(Vec<Scalar>, Expectation)> {
    let scalars = |values: &[DataValue]| values.iter().map(scalar).collect::<Option<Vec<_>>>();
    Some(match command {
        RunCommand::Print(invocation) => (scalars(&invocation.args)?, Expectation::Anything),
        RunCommand::Run(invocation, comparison, values) => {
            let values = scalars(&values)?.into_iter().zip(results);
            let typed = |(value, ty): (Scalar, &Type)| Scalar::new(*ty, value.bits());
            let values = values.map(typed).map(ExpectedValue::Exact).collect();
            let expect = match comparison {
                Comparison::Equals => Expectation::Values(values),
                Comparison::NotEquals => Expectation::OtherThan(values),
            };
            (scalars(&invocation.args)?, expect)
        }
    })
}

fn scalar(value: &DataValue) -> Option<Scalar> {
    Some(match value {
        DataValue::I8(value) => Scalar::i8(*value),
        DataValue::I16(value) => Scalar::i16(*value),
        DataValue::I32(value) => Scalar::i32(*value),
        DataValue::I64(value) => Scalar::i64(*value),
        DataValue::F32(value) => Scalar::new(Type::F32, u64::from(value.bits())),
        DataValue::F64(value) => Scalar::new(Type::F64, value.bits()),
        DataValue::I128(_)
        | DataValue::F16(_)
        | DataValue::F128(_)
        | DataValue::V128(_)
        | DataValue::V64(_)
        | DataValue::V32(_)
        | DataValue::V16(_) => return None,
    })
}

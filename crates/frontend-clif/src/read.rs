//! Cranelift's reader and verifier, and what guards us against them.
//!
//! Invariant: a function that comes out of here obeys the rules of CLIF: operands are of the types that
//! ops want, definitions dominate uses, branches and calls pass what is wanted; or [`needs_machine`] says
//! why nobody has looked.
//!
//! The reader makes everything up to the greatest number that it meets: `v4000000000` alone would ask for
//! gigabytes. So numbers are added up before it sees the text, and too great ones refused. Reader and
//! verifier panic on some input (a dynamic type of scalars, a function reference without a signature);
//! that is caught.
//!
//! What stands before the first function, about tests and the machine to run them on, means nothing here
//! and is taken away: Cranelift would look for machines that it was not built for.

use std::panic::catch_unwind;

use cranelift_codegen::ir::entities::AnyEntity;
use cranelift_codegen::ir::{Function, Opcode};
use cranelift_codegen::isa::CallConv;
use cranelift_codegen::settings::{self, Flags};
use cranelift_codegen::verify_function;
use cranelift_reader::{Details, ParseOptions, TestFile, parse_test};

use crate::ClifError;
use crate::error::line_span;

/// How much the numbers in a file may add up to, besides four times its length in bytes.
const FREE_NUMBERS: u64 = 1 << 20;

/// What the reader makes room for by number.
const NUMBERED: [&str; 8] = ["v", "block", "ss", "dss", "dt", "gv", "fn", "sig"];

/// The words that lines about tests and machines begin with.
const HEAD: [&str; 4] = ["test", "set", "target", "feature"];

/// The text with blanks where the head of the file is: everything else stands where it stood.
pub(crate) fn without_head(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_head = true;
    for line in text.split_inclusive('\n') {
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        in_head &= word != "function";
        match in_head && HEAD.contains(&word) {
            true => out.extend(line.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' })),
            false => out.push_str(line),
        }
    }
    out
}

/// Reads and verifies.
pub(crate) fn read(text: &str) -> Result<TestFile<'_>, ClifError> {
    check_numbers(text)?;
    let options = || ParseOptions {
        default_calling_convention: CallConv::SystemV,
        ..ParseOptions::default()
    };
    let parsed = catch_unwind(|| parse_test(text, options()));
    let file = match parsed {
        Ok(Ok(file)) => file,
        Ok(Err(error)) => {
            let span = line_span(text, error.location.line_number);
            return Err(ClifError::new(span, error.message));
        }
        Err(_) => return Err(ClifError::new(None, "Cranelift's reader panics on this")),
    };
    let flags = Flags::new(settings::builder());
    for (function, details) in &file.functions {
        if needs_machine(function).is_some() {
            continue;
        }
        verify(text, function, details, &flags)?;
    }
    Ok(file)
}

/// An instruction that the verifier wants to know a machine for. We never translate one either.
pub(crate) fn needs_machine(function: &Function) -> Option<(Opcode, AnyEntity)> {
    let blocks = function.layout.blocks();
    let mut insts = blocks.flat_map(|block| function.layout.block_insts(block));
    insts.find_map(|inst| match function.dfg.insts[inst].opcode() {
        opcode @ (Opcode::GetPinnedReg
        | Opcode::SetPinnedReg
        | Opcode::GetFramePointer
        | Opcode::GetReturnAddress) => Some((opcode, inst.into())),
        _ => None,
    })
}

fn verify(
    text: &str,
    function: &Function,
    details: &Details<'_>,
    flags: &Flags,
) -> Result<(), ClifError> {
    let head = line_span(text, details.location.line_number);
    let verified = catch_unwind(|| verify_function(function, flags));
    match verified {
        Ok(Ok(())) => Ok(()),
        Ok(Err(errors)) => {
            let first = errors.0.first();
            let place = first.and_then(|error| details.map.location(error.location));
            let span = place.and_then(|place| line_span(text, place.line_number));
            let message = first.map_or("invalid", |error| error.message.as_str());
            let message = format!("{}: {message}", function.name);
            Err(ClifError::new(span.or(head), message))
        }
        Err(_) => {
            let message = format!("Cranelift's verifier panics on {}", function.name);
            Err(ClifError::new(head, message))
        }
    }
}

/// Refuses numbers that add up to too much: the greatest one of each function counts.
fn check_numbers(text: &str) -> Result<(), ClifError> {
    let limit = FREE_NUMBERS + 4 * text.len() as u64;
    let (mut before, mut greatest) = (0, 0);
    for (index, line) in text.lines().enumerate() {
        let code = line.split(';').next().unwrap_or_default();
        for word in code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '%') {
            if word == "function" {
                before += greatest;
                greatest = 0;
            }
            greatest = greatest.max(number(word));
            if before + greatest > limit {
                let message = format!("the number of `{word}` is too great");
                return Err(ClifError::new(line_span(text, index + 1), message));
            }
        }
    }
    Ok(())
}

/// The number of an entity that the reader makes room for, else 0.
fn number(word: &str) -> u64 {
    let prefix = word.trim_end_matches(|c: char| c.is_ascii_digit());
    match NUMBERED.contains(&prefix) {
        true => word[prefix.len()..].parse().unwrap_or(0),
        false => 0,
    }
}

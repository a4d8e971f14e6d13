//! The `disasm` command: what a backend makes of a module.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use bakeoff_backend::{CodePart, CodeView, Cpu, NoPhases, Options};
use bakeoff_bench_suite::compile;
use bakeoff_ir::{Module, TrapCode};
use bakeoff_registry::Configuration;
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use crate::error::CliError;
use crate::{Verdict, print_text};

pub(crate) fn command(
    module: Module,
    configuration: &Configuration,
    cpu: Cpu,
    filter: Option<&str>,
) -> Result<Verdict, CliError> {
    let options = Options {
        cpu,
        ..Options::default()
    };
    let executable = compile(configuration, &Arc::new(module), &options, &mut NoPhases)?;
    match executable.view() {
        CodeView::Text(text) => print_text(&filtered_text(&text, filter)),
        CodeView::Machine { parts, traps } => print_text(&machine_text(&parts, traps, filter)),
    }
}

/// The functions, which begin with an `@` at the start of a line, whose first line fits.
fn filtered_text(text: &str, filter: Option<&str>) -> String {
    let Some(filter) = filter else {
        return text.to_string();
    };
    let mut wanted = false;
    let keep = |line: &&str| {
        if line.starts_with('@') {
            wanted = line.contains(filter);
        }
        wanted
    };
    text.split_inclusive('\n').filter(keep).collect()
}

fn machine_text(
    parts: &[CodePart<'_>],
    traps: &[(usize, TrapCode)],
    filter: Option<&str>,
) -> String {
    let names: HashMap<u64, &str> = parts.iter().map(|p| (p.address, p.name.as_str())).collect();
    let traps: HashMap<u64, TrapCode> =
        traps.iter().map(|(at, code)| (*at as u64, *code)).collect();
    let mut out = String::new();
    for part in parts
        .iter()
        .filter(|p| filter.is_none_or(|f| p.name.contains(f)))
    {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}: {} bytes", part.name, part.bytes.len());
        write_part(&mut out, part, &names, &traps);
    }
    out
}

fn write_part(
    out: &mut String,
    part: &CodePart<'_>,
    names: &HashMap<u64, &str>,
    traps: &HashMap<u64, TrapCode>,
) {
    let mut formatter = IntelFormatter::new();
    let mut decoder = Decoder::with_ip(64, part.bytes, part.address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut text = String::new();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        text.clear();
        formatter.format(&instruction, &mut text);
        let offset = instruction.ip() - part.address;
        let _ = write!(out, "{offset:6x}  {text}");
        let target = instruction.near_branch_target();
        if let Some(name) = names.get(&target) {
            let _ = write!(out, "  ; {name}");
        }
        if let Some(code) = traps.get(&instruction.ip()) {
            let _ = write!(out, "  ; trap {code}");
        }
        out.push('\n');
    }
}

//! The `stencils` command: what the copy-and-patch backend copies from.

use std::fmt::Write;

use bakeoff_registry::stencils::library::{self, Listed, ListedStencil};
use comfy_table::{CellAlignment, Table, presets};
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

use crate::error::CliError;
use crate::table::lines;
use crate::{Verdict, print_text};

pub(crate) fn command(name: Option<&str>, all: bool) -> Result<Verdict, CliError> {
    match name {
        None => print_text(&overview(&library::families())),
        Some(name) => print_text(&detail(&find(name)?, all)),
    }
}

/// The families of a form, or those whose name begins like this.
fn find(name: &str) -> Result<Vec<Listed>, CliError> {
    let lower = name.to_lowercase();
    let mut families = library::families();
    // A part of an op's name is none: what is meant has to be clear.
    let is_wanted = |listed: &Listed| {
        let form = listed.family.form.name().to_lowercase();
        form == lower || lower.contains('.') && family_name(listed).starts_with(&lower)
    };
    if families.iter().any(is_wanted) {
        families.retain(is_wanted);
        return Ok(families);
    }
    let mut available: Vec<String> = families.iter().map(|l| l.family.form.name()).collect();
    let mut seen = std::collections::HashSet::new();
    available.retain(|form| seen.insert(form.clone()));
    Err(CliError::NoSuchStencils {
        name: name.to_string(),
        available: available.join(", "),
    })
}

fn family_name(listed: &Listed) -> String {
    listed.family.name().to_lowercase()
}

/// A line for each family, and one for all.
fn overview(families: &[Listed]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["family", "stencils", "bytes", "holes"]);
    let (mut count, mut code_bytes) = (0, 0);
    for listed in families {
        let lengths: Vec<usize> = listed.stencils().map(|s| s.bytes.len()).collect();
        count += lengths.len();
        code_bytes += lengths.iter().sum::<usize>();
        let holes = listed.family.holes.iter().map(|hole| format!("{hole:?}"));
        table.add_row([
            listed.family.name(),
            lengths.len().to_string(),
            range(&lengths),
            holes.collect::<Vec<_>>().join(" "),
        ]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!(
        "{}\n\n{} families, {count} stencils of {code_bytes} bytes, equal ones counted each time\n\
         {} bytes of constants; {} in the binary with the tables\n",
        lines(&table),
        families.len(),
        library::POOL.len(),
        library::bytes_in_binary()
    )
}

/// The least and the greatest.
fn range(lengths: &[usize]) -> String {
    match (lengths.iter().min(), lengths.iter().max()) {
        (Some(min), Some(max)) if min == max => min.to_string(),
        (Some(min), Some(max)) => format!("{min}-{max}"),
        _ => String::new(),
    }
}

/// Families with a stencil of each, or with all.
fn detail(families: &[Listed], all: bool) -> String {
    let mut out = String::new();
    for listed in families {
        let family = &listed.family;
        let lengths: Vec<usize> = listed.stencils().map(|s| s.bytes.len()).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{}: {} stencils of {} bytes",
            family.name(),
            lengths.len(),
            range(&lengths)
        );
        let missing = family.len() - lengths.len();
        if missing > 0 {
            let _ = write!(out, ", {missing} missing");
        }
        if library::is_heavy(family.level, family.row()) {
            out += ", changes registers that values live in";
        }
        out.push('\n');
        // One with operands in registers of their own, in which values live.
        let axes = family.axes.iter().enumerate();
        let apart = axes.fold(0, |number, (i, axis)| number * axis.len() + 4 + i);
        let (first, shown) = if all { (0, usize::MAX) } else { (apart, 1) };
        let numbers = first as u32..family.len() as u32;
        for stencil in numbers.filter_map(|n| listed.stencil(n)).take(shown) {
            write_stencil(&mut out, listed, &stencil);
        }
    }
    out
}

/// Registers, bytes, holes, instructions.
fn write_stencil(out: &mut String, listed: &Listed, stencil: &ListedStencil) {
    let axes = listed.family.axes.iter().zip(&stencil.registers);
    let registers = axes.map(|(axis, number)| library::register_name(*axis, *number));
    let holes = stencil.holes.iter();
    let holes = holes.map(|(kind, offset)| format!("{kind:?}@{offset}"));
    let constants = stencil.constants.iter();
    let constants = constants.map(|offset| format!("constant@{offset}"));
    let parts: Vec<String> = registers.chain(holes).chain(constants).collect();
    let bytes: Vec<String> = stencil.bytes.iter().map(|b| format!("{b:02x}")).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {}", parts.join(" "));
    let _ = writeln!(out, "      {}", bytes.join(" "));
    let mut formatter = IntelFormatter::new();
    let mut decoder = Decoder::new(64, &stencil.bytes, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut text = String::new();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        text.clear();
        formatter.format(&instruction, &mut text);
        let _ = writeln!(out, "{:6x}  {text}", instruction.ip());
    }
}

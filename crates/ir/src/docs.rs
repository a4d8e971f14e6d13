//! The op table as a page of documentation: docs/ops.md.

use std::fmt::Write;

use crate::ops::{Class, Effects, Format, Op, OpInfo, TypeSet};

/// Titles of the page's sections, and the first op of each.
const SECTIONS: &[(Op, &str)] = &[
    (Op::Iconst, "Constants"),
    (Op::Iadd, "Integer arithmetic"),
    (Op::SaddOverflow, "Checked arithmetic"),
    (Op::Band, "Bits"),
    (Op::Icmp, "Comparison and choice"),
    (Op::Sextend, "Conversion"),
    (Op::Fadd, "Floating-point arithmetic"),
    (Op::Load, "Linear memory"),
    (Op::StackLoad, "Stack slots and raw memory"),
    (Op::GlobalGet, "Globals, tables, references"),
    (Op::Call, "Calls"),
    (Op::Jump, "Control"),
];

const INTRODUCTION: &str = "\
# Operations

Made from the table in `crates/ir/src/ops.rs`; `UPDATE_DOCS=1 cargo test -p bakeoff-ir` writes it again.

`T` and `S` are the types behind the name: `sextend.i64.i8`. Other operands and results: `cond` is an
integer of any type, true if not zero; `bool` is an `i8`, 0 or 1; `index` is an `i32` (zero-extended) or
an `i64`. What stands besides operands (a condition, a memory, a block) shows in the form.

Effects: *traps*, *reads* and *writes* (memory, globals, tables, segments), *calls* (anything), *ends*
the block. An op without effects is pure. *Free NaN*: a NaN result is quiet, its other bits are free; every
other result is exact to the bit.

Every op is total: a result or one of the named traps. Each has a file of boundary cases, `tests/ir/<op>.ir`.
";

/// The table as Markdown: what docs/ops.md holds.
pub fn ops_markdown() -> String {
    let mut out = INTRODUCTION.to_string();
    for op in Op::ALL {
        if let Some((_, title)) = SECTIONS.iter().find(|(first, _)| first == op) {
            // Writing to a string cannot fail.
            let _ = write!(
                out,
                "\n## {title}\n\n| op | types | form | operands → results | effects | what it gives |\n\
                 |---|---|---|---|---|---|\n"
            );
        }
        let row = op.info();
        let doc: Vec<_> = row.doc.split_whitespace().collect();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} → {} | {} | {} |",
            row.name,
            types(row),
            form(row.format),
            classes(row.operands, takes_more(row)),
            classes(row.results, yields_more(row)),
            effects(row.effects),
            doc.join(" ")
        );
    }
    out
}

fn types(row: &OpInfo) -> String {
    let names = |set: TypeSet| {
        let names: Vec<_> = set.iter().map(|ty| ty.name()).collect();
        names.join(" ")
    };
    match (row.t.is_empty(), row.s.is_empty()) {
        (true, _) => String::new(),
        (false, true) => names(row.t),
        (false, false) => format!("T: {}; S: {}", names(row.t), names(row.s)),
    }
}

/// Whether there are operands beside those of the row.
fn takes_more(row: &OpInfo) -> bool {
    matches!(
        row.format,
        Format::Call | Format::CallIndirect | Format::CallRaw | Format::Return
    )
}

/// Whether there are results beside those of the row; the signature of a call says which.
fn yields_more(row: &OpInfo) -> bool {
    takes_more(row) && !row.op.ends_block()
}

fn classes(classes: &[Class], more: bool) -> String {
    let name = |class: &Class| match class {
        Class::T => "T",
        Class::S => "S",
        Class::Cond => "cond",
        Class::Bool => "bool",
        Class::Index => "index",
        Class::I32 => "i32",
        Class::I64 => "i64",
    };
    let mut names: Vec<_> = classes.iter().map(name).collect();
    if more {
        names.push("…");
    }
    match names.is_empty() {
        true => "()".to_string(),
        false => names.join(", "),
    }
}

/// What stands behind the name, apart from the operands that the row lists.
const fn form(format: Format) -> &'static str {
    match format {
        Format::Plain => "values",
        Format::Const => "constant",
        Format::IntCompare | Format::FloatCompare => "condition, values",
        Format::Memory => "`mem0`, values, `+offset`",
        Format::Raw => "values, `±offset`",
        Format::Stack => "values, `ss0+offset`",
        Format::MemoryOnly | Format::MemoryBulk => "`mem0`, values",
        Format::Global => "`global0`, values",
        Format::Table | Format::TableBulk => "`table0`, values",
        Format::Func => "`@f`",
        Format::Data => "`data0`",
        Format::Elem => "`elem0`",
        Format::MemoryCopy => "`mem0, mem1`, values",
        Format::MemoryInit => "`mem0, data0`, values",
        Format::TableCopy => "`table0, table1`, values",
        Format::TableInit => "`table0, elem0`, values",
        Format::Call => "`@f(v0, …)`",
        Format::CallIndirect => "`table0, sig0, v0(v1, …)`",
        Format::CallRaw => "`sig0, v0(v1, …)`",
        Format::Jump => "`block1(v0, …)`",
        Format::Brif => "`v0, block1(…), block2(…)`",
        Format::BrTable => "`v0, [block1(…), …], block2(…)`",
        Format::Return => "values",
        Format::Trap => "trap code",
        Format::CondTrap => "value, trap code",
    }
}

fn effects(effects: Effects) -> String {
    let named = [
        (Effects::CALLS, "calls"),
        (Effects::TRAPS, "traps"),
        (Effects::READS, "reads"),
        (Effects::WRITES, "writes"),
        (Effects::ENDS_BLOCK, "ends"),
        (Effects::FREE_NAN, "free NaN"),
    ];
    let calls = effects.has(Effects::CALLS);
    let implied = |name: &str| calls && matches!(name, "traps" | "reads" | "writes");
    let names: Vec<_> = named
        .into_iter()
        .filter(|(effect, name)| effects.has(*effect) && !implied(name))
        .map(|(_, name)| name)
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ops.md");
        let page = ops_markdown();
        if std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1") {
            std::fs::write(path, &page).expect("docs/ops.md can be written");
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            found == page,
            "docs/ops.md is not what the op table says: UPDATE_DOCS=1 cargo test -p bakeoff-ir"
        );
    }

    #[test]
    fn every_section_begins_with_its_first_op() {
        let page = ops_markdown();
        assert_eq!(page.matches("\n## ").count(), SECTIONS.len());
        assert!(
            Op::ALL
                .iter()
                .all(|op| page.contains(&format!("| `{op}` |")))
        );
    }
}

//! Tables.

use bakeoff_bench_suite::{Compared, Row, Status};
use bakeoff_registry::{BASELINE, CONFIGURATIONS, Configuration};
use comfy_table::presets;
use comfy_table::{CellAlignment, Table};

use crate::error::CliError;
use crate::{Verdict, print_text};

/// The `backends` command.
pub(crate) fn backends() -> Result<Verdict, CliError> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for configuration in CONFIGURATIONS {
        table.add_row([configuration.name, configuration.about]);
    }
    print_text(&format!("{}\n", lines(&table)))
}

/// A table without the blanks at the ends of its lines.
pub(crate) fn lines(table: &Table) -> String {
    let trimmed: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_string())
        .collect();
    trimmed.join("\n")
}

/// The figures of a comparison.
pub(crate) fn comparison(compared: &Compared, configurations: &[&'static Configuration]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "program",
        "backend",
        "status",
        "insts",
        "compile",
        "run",
        "code",
        "compile x",
        "run x",
    ]);
    let mut last_program = "";
    for row in &compared.rows {
        let program = if row.program == last_program {
            ""
        } else {
            &row.program
        };
        last_program = &row.program;
        let base = compared
            .rows
            .iter()
            .find(|r| r.backend == BASELINE && r.program == row.program);
        table.add_row(cells(program, row, base));
    }
    align(&mut table, 3);
    let mut text = lines(&table);
    text.push_str("\n\n");
    text.push_str(&summary(compared, configurations));
    for row in compared.rows.iter().filter(|r| r.status != Status::Ok) {
        let reason = row.reason.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "\n{} on {}: {}: {reason}",
            row.program,
            row.backend,
            row.status.name()
        ));
    }
    text.push('\n');
    text
}

fn cells(program: &str, row: &Row, base: Option<&Row>) -> [String; 9] {
    let ratio = |figure: fn(&Row) -> u64| match base.map(figure) {
        Some(base) if base > 0 && figure(row) > 0 => {
            format!("{:.3}", figure(row) as f64 / base as f64)
        }
        _ => "-".to_string(),
    };
    let figure = |text: String| {
        if row.status == Status::Ok {
            text
        } else {
            "-".to_string()
        }
    };
    [
        program.to_string(),
        row.backend.clone(),
        row.status.name().to_string(),
        row.ir_insts.to_string(),
        figure(duration(row.compile_ns)),
        figure(duration(row.run_ns)),
        figure(row.code_bytes.to_string()),
        ratio(|r| r.compile_ns),
        ratio(|r| r.run_ns),
    ]
}

fn align(table: &mut Table, first_figure: usize) {
    for column in table.column_iter_mut().skip(first_figure) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Geometric means over the programs, relative to the baseline.
fn summary(compared: &Compared, configurations: &[&'static Configuration]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "geometric mean, x of cranelift",
        "ok",
        "compile",
        "run",
        "code",
    ]);
    for configuration in configurations {
        let of = |row: &&Row| row.backend == configuration.name;
        let all = compared.rows.iter().filter(of).count();
        let good = compared
            .rows
            .iter()
            .filter(of)
            .filter(|r| r.status == Status::Ok)
            .count();
        let mean = |figure: fn(&Row) -> u64| {
            let ratio = compared.ratio(configuration.name, figure);
            ratio.map_or("-".to_string(), |ratio| format!("{ratio:.4}"))
        };
        table.add_row([
            configuration.name.to_string(),
            format!("{good}/{all}"),
            mean(|r| r.compile_ns),
            mean(|r| r.run_ns),
            mean(|r| r.code_bytes),
        ]);
    }
    align(&mut table, 1);
    lines(&table)
}

/// A time in a unit that suits it.
pub(crate) fn duration(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        10_000_000.. => format!("{:.1} ms", ns as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_that_suits_them() {
        assert_eq!(duration(9_999), "9999 ns");
        assert_eq!(duration(10_000), "10.0 us");
        assert_eq!(duration(12_345_678), "12.3 ms");
    }
}

//! A table as Markdown, for a README: one line a row, columns padded so that it can be read as it is.

use super::{Cell, Column, Table};

/// The table with its caption below.
pub fn write(table: &Table) -> String {
    let head: Vec<String> = table.columns.iter().map(|c| escape(&c.title)).collect();
    let body: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().zip(&table.columns).map(cell).collect())
        .collect();
    let width = |index: usize| {
        let column = body.iter().filter_map(|row: &Vec<String>| row.get(index));
        let all = column
            .chain(head.get(index))
            .map(|text| text.chars().count());
        all.max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let numeric: Vec<bool> = table.columns.iter().map(|c| c.quantity.is_some()).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).zip(&numeric);
        let padded: Vec<String> = padded
            .map(|((text, width), numeric)| {
                if *numeric {
                    format!("{text:>width$}")
                } else {
                    format!("{text:<width$}")
                }
            })
            .collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rule: Vec<String> = widths
        .iter()
        .zip(&numeric)
        .map(|(width, numeric)| {
            if *numeric {
                format!("{}:", "-".repeat(width - 1))
            } else {
                "-".repeat(*width)
            }
        })
        .collect();
    let mut out = line(&head) + &line(&rule);
    out.extend(body.iter().map(|row| line(row)));
    // Backticks are Markdown's own sign of a command.
    let commands = table.caption.split('`').enumerate();
    let caption: Vec<String> = commands
        .map(|(index, part)| {
            if index % 2 == 1 {
                format!("`{part}`")
            } else {
                escape(part)
            }
        })
        .collect();
    out + "\n" + &caption.concat() + "\n"
}

fn cell((cell, column): (&Cell, &Column)) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Number(None) => "–".to_string(),
        Cell::Number(Some(e)) => column.parts(*e).concat(),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '`' | '<' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '&' => escaped.push_str("&amp;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

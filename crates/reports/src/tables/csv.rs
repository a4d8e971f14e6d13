//! A table as CSV (RFC 4180), for programs: full precision, units in the header, an interval in columns of its own.
//!
//! A gap is an empty field; what nothing bounds is `inf`.

use super::{Cell, Table};

/// The table, with its header.
pub fn write(table: &Table) -> String {
    let mut header = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let unit = column.unit().map_or(String::new(), |u| format!(" [{u}]"));
        header.push(field(&format!("{}{unit}", column.title)));
        if table.has_intervals(index) {
            header.push(field(&format!("{} low{unit}", column.title)));
            header.push(field(&format!("{} high{unit}", column.title)));
        }
    }
    let mut out = header.join(",") + "\r\n";
    for row in &table.rows {
        let mut fields = Vec::new();
        for (index, cell) in row.iter().enumerate() {
            let wide = table.has_intervals(index);
            match cell {
                Cell::Text(text) => {
                    fields.push(field(text));
                    fields.extend(vec![String::new(); if wide { 2 } else { 0 }]);
                }
                Cell::Number(None) => fields.extend(vec![String::new(); if wide { 3 } else { 1 }]),
                Cell::Number(Some(e)) => {
                    let ends = if wide {
                        vec![e.value, e.low, e.high]
                    } else {
                        vec![e.value]
                    };
                    fields.extend(ends.iter().map(f64::to_string));
                }
            }
        }
        out.push_str(&fields.join(","));
        out.push_str("\r\n");
    }
    out
}

fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

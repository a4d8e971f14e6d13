//! A table of a page. Scripts sort it by the attribute `data-value`.

use super::{Cell, Column, Table};
use crate::svg::escape;

/// Words of at most so many letters stay on one line.
const NAME: usize = 32;

/// The element, without caption.
pub fn write(table: &Table) -> String {
    let head: String = table
        .columns
        .iter()
        .map(|column| {
            let class = if column.quantity.is_some() {
                " class=\"number\""
            } else {
                ""
            };
            let title = escape(&column.title);
            format!("<th scope=\"col\"{class}><button type=\"button\">{title}</button></th>")
        })
        .collect();
    let rows: String = table
        .rows
        .iter()
        .map(|row| {
            let cells: String = row.iter().zip(&table.columns).map(cell).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!(
        "<table class=\"sortable\" aria-label=\"{}\"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>\n",
        escape(&table.title)
    )
}

fn cell((cell, column): (&Cell, &Column)) -> String {
    match cell {
        Cell::Text(text) => {
            let class = match column.quantity {
                Some(_) => " class=\"number\"",
                None if text.chars().count() <= NAME => " class=\"name\"",
                None => "",
            };
            format!("<td{class}>{}</td>", escape(text))
        }
        Cell::Number(None) => "<td class=\"number gap\">–</td>".to_string(),
        Cell::Number(Some(e)) => {
            let [value, interval, unit] = column.parts(*e).map(|part| escape(&part));
            let interval = if interval.is_empty() {
                interval
            } else {
                format!("<small>{interval}</small>")
            };
            let key = e.value;
            format!("<td class=\"number\" data-value=\"{key}\">{value}{interval}{unit}</td>")
        }
    }
}

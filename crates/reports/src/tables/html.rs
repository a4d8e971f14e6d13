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
            let interval = cell.interval().map(|(low, high)| {
                let (low, high) = (column.show(low), column.show(high));
                format!(" <small>[{}, {}]</small>", escape(&low), escape(&high))
            });
            format!(
                "<td class=\"number\" data-value=\"{}\">{}{}</td>",
                e.value,
                escape(&column.show(e.value)),
                interval.unwrap_or_default()
            )
        }
    }
}

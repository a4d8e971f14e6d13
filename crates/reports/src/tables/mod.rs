//! Tables: one value, written as HTML, LaTeX, CSV and Markdown.
//!
//! A number may have an interval. What people read has three digits; CSV has what was computed.

pub mod changes;
pub mod csv;
pub mod html;
pub mod latex;
pub mod markdown;
mod select;

use bakeoff_statistics::Estimate;

use crate::number::Quantity;
pub use select::all;

/// A cell.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, or a gap where there is none.
    Number(Option<Estimate>),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// A number; what is none is a gap.
    pub fn number(estimate: Option<Estimate>) -> Cell {
        Cell::Number(estimate.filter(|e| !e.value.is_nan()))
    }

    /// A number that is known exactly.
    pub fn exact(value: f64) -> Cell {
        Cell::number(Some(Estimate::exact(value)))
    }

    /// Its interval, if it has one.
    fn interval(&self) -> Option<(f64, f64)> {
        match self {
            Cell::Number(Some(estimate)) if estimate.low != estimate.high => {
                Some((estimate.low, estimate.high))
            }
            _ => None,
        }
    }
}

/// A column.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// What its numbers are; `None` if it has words, which stand at the left.
    pub quantity: Option<Quantity>,
}

impl Column {
    /// A column of words.
    pub fn words(title: &str) -> Column {
        Column {
            title: title.to_string(),
            quantity: None,
        }
    }

    /// A column of numbers.
    pub fn numbers(title: impl Into<String>, quantity: Quantity) -> Column {
        Column {
            title: title.into(),
            quantity: Some(quantity),
        }
    }

    /// The unit of its numbers where they are written without one.
    pub fn unit(&self) -> Option<&'static str> {
        match self.quantity? {
            Quantity::Ns => Some("ns"),
            Quantity::Bytes => Some("bytes"),
            Quantity::Plain | Quantity::Share | Quantity::Count => None,
        }
    }

    /// A number as people read it: the value, its interval, its unit.
    fn parts(&self, estimate: Estimate) -> [String; 3] {
        self.quantity.unwrap_or(Quantity::Plain).parts(estimate)
    }
}

/// A table.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The name of its files, without extension.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, and where its numbers come from. What stands between backticks is a command.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Whether any number of a column has an interval.
    fn has_intervals(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.any(|cell| cell.interval().is_some())
    }
}

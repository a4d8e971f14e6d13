//! A table for LaTeX, with `booktabs`; a long one runs over pages and needs `longtable`.

use super::{Cell, Column, Table};
use crate::latex::{caption, escape};

/// More rows than these do not fit on a page.
const PAGE: usize = 45;

/// More columns than these do not fit into one column of two.
const NARROW: usize = 4;

/// The table as a float, or as a long table.
pub fn write(table: &Table) -> String {
    let long = table.rows.len() > PAGE;
    let packages = if long {
        "booktabs, longtable"
    } else {
        "booktabs"
    };
    let kind: String = table
        .columns
        .iter()
        .map(|c| if c.quantity.is_some() { 'r' } else { 'l' })
        .collect();
    let titles: Vec<String> = table.columns.iter().map(|c| escape(&c.title)).collect();
    let head = titles.join(" & ");
    let (text, name) = (caption(&table.caption), &table.name);
    let rows: String = table
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&table.columns).map(cell).collect();
            format!("{} \\\\\n", cells.join(" & "))
        })
        .collect();
    let comment = format!("% In a document: \\usepackage{{{packages}}}, then \\input this file.\n");
    if long {
        return format!(
            "{comment}{{\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}\n\\begin{{longtable}}{{@{{}}{kind}@{{}}}}\n\
             \\caption{{{text}}}\\label{{tab:{name}}}\\\\\n\\toprule\n{head} \\\\\n\\midrule\n\\endfirsthead\n\
             \\toprule\n{head} \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n{rows}\\end{{longtable}}}}\n"
        );
    }
    let float = if table.columns.len() > NARROW {
        "table*"
    } else {
        "table"
    };
    format!(
        "{comment}\\begin{{{float}}}[t]\n\\centering\n\\caption{{{text}}}\\label{{tab:{name}}}\n\\footnotesize\\setlength{{\\tabcolsep}}{{4pt}}%\n\
         \\begin{{tabular}}{{@{{}}{kind}@{{}}}}\n\\toprule\n{head} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n\\end{{{float}}}\n"
    )
}

fn cell((cell, column): (&Cell, &Column)) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Number(None) => "--".to_string(),
        Cell::Number(Some(e)) => {
            let value = escape(&column.show(e.value));
            match cell.interval() {
                None => value,
                Some((low, high)) => {
                    let (low, high) = (escape(&column.show(low)), escape(&column.show(high)));
                    format!("{value} {{\\tiny [{low}, {high}]}}")
                }
            }
        }
    }
}

//! A table for LaTeX, with `booktabs`; a long one runs over pages and needs `longtable`.

use super::{Cell, Column, Table};
use crate::latex::{caption, escape};

/// More rows than these do not fit on a page.
const PAGE: usize = 45;

/// More columns than these do not fit into one column of two.
const NARROW: usize = 4;

/// Words of more letters may be broken into lines.
const WORDS: usize = 40;

/// The table as a float, or as a long table.
pub fn write(table: &Table) -> String {
    let kind = kinds(table);
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
    if table.rows.len() > PAGE {
        return format!(
            "% In a document: \\usepackage{{booktabs, longtable}}, then \\input this file.\n\
             {{\\scriptsize\\setlength{{\\tabcolsep}}{{3pt}}\n\\begin{{longtable}}{{@{{}}{kind}@{{}}}}\n\
             \\caption{{{text}}}\\label{{tab:{name}}}\\\\\n\\toprule\n{head} \\\\\n\\midrule\n\\endfirsthead\n\
             \\toprule\n{head} \\\\\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n{rows}\\end{{longtable}}}}\n"
        );
    }
    let float = if table.columns.len() > NARROW || kind.contains('p') {
        "table*"
    } else {
        "table"
    };
    // A table that would be wider than its place is made smaller.
    format!(
        "% In a document: \\usepackage{{booktabs, graphicx}}, then \\input this file.\n\
         \\begin{{{float}}}[t]\n\\centering\n\\caption{{{text}}}\\label{{tab:{name}}}\n\\footnotesize\\setlength{{\\tabcolsep}}{{4pt}}%\n\
         \\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n\
         \\begin{{tabular}}{{@{{}}{kind}@{{}}}}\n\\toprule\n{head} \\\\\n\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}}}\n\\end{{{float}}}\n"
    )
}

/// The kinds of columns: numbers at the right, words at the left, and long ones in paragraphs that share the width.
fn kinds(table: &Table) -> String {
    let long = |index: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(index));
        cells.any(|cell| matches!(cell, Cell::Text(text) if text.chars().count() > WORDS))
    };
    let count = (0..table.columns.len()).filter(|i| long(*i)).count();
    let kind = |(index, column): (usize, &Column)| {
        if long(index) {
            format!("p{{{:.2}\\linewidth}}", 0.75 / count as f64)
        } else if column.quantity.is_some() {
            "r".to_string()
        } else {
            "l".to_string()
        }
    };
    table.columns.iter().enumerate().map(kind).collect()
}

fn cell((cell, column): (&Cell, &Column)) -> String {
    match cell {
        Cell::Text(text) => escape(text),
        Cell::Number(None) => "--".to_string(),
        Cell::Number(Some(e)) => {
            let [value, interval, unit] = column.parts(*e).map(|part| escape(&part));
            if interval.is_empty() {
                value + &unit
            } else {
                let interval = interval.trim_start();
                format!("{value}\\,{{\\tiny{interval}}}{unit}")
            }
        }
    }
}

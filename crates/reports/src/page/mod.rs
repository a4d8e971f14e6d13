//! A page: one file that opens from disk, with its figures, tables, style and script in it. It asks no network for anything,
//! and its policy forbids it to.
//!
//! A page is a [`Document`] of sections, so that reports of all kinds are made of the same parts.

mod comparison;
mod report;

use std::fmt::Write;

use crate::analysis::{Severity, Warning};
use crate::figures::Figure;
use crate::ink::Ink;
use crate::svg::{self, escape};
use crate::tables::{Table, html};
pub use comparison::comparison;
pub use report::report;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The colour of what must not be overlooked, on paper and on a dark screen.
const ALARM: [&str; 2] = ["#b3001b", "#ff6b78"];

/// Tables with more rows are folded.
const FOLDED: usize = 40;

/// A part of a section.
pub enum Part<'a> {
    /// A paragraph; what stands between backticks is a command.
    Text(String),
    /// A line that says whether something holds.
    Verdict {
        /// Whether it does.
        holds: bool,
        /// What it is.
        text: String,
    },
    /// A figure, with links to its files.
    Figure(&'a Figure),
    /// A table, with links to its files.
    Table(&'a Table),
}

/// A section.
pub struct Section<'a> {
    /// What links lead to: letters and hyphens.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What is in it.
    pub parts: Vec<Part<'a>>,
}

/// A page.
pub struct Document<'a> {
    /// Its title.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// What a reader must know, gravest first.
    pub warnings: &'a [Warning],
    /// Its sections; those without parts are left out.
    pub sections: Vec<Section<'a>>,
    /// What stands at its end.
    pub footer: String,
}

impl Document<'_> {
    /// The file.
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n",
            colours()
        );
        let sections: Vec<&Section<'_>> = self
            .sections
            .iter()
            .filter(|s| !s.parts.is_empty())
            .collect();
        out.push_str(&format!(
            "<header><div><h1>{title}</h1>\n<p class=\"subtitle\">{}</p></div>\n<button id=\"theme\" type=\"button\">Theme</button></header>\n",
            commands(&self.subtitle)
        ));
        let links = sections
            .iter()
            .map(|s| format!("<li><a href=\"#{}\">{}</a></li>", s.id, s.title));
        let links: String = links.collect();
        out.push_str(&format!(
            "<nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n<main>\n"
        ));
        out.push_str(&warnings(self.warnings));
        for section in sections {
            // A string never fails to be written to.
            let _ = writeln!(
                out,
                "<section>\n<h2 id=\"{}\">{}</h2>",
                section.id, section.title
            );
            out.extend(section.parts.iter().map(part));
            out.push_str("</section>\n");
        }
        out.push_str(&format!(
            "</main>\n<footer><p>{}</p></footer>\n<div id=\"hover\" role=\"status\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            commands(&self.footer)
        ));
        out
    }
}

/// The variables of colours: light, dark if the system is, and what the switch says.
fn colours() -> String {
    let [light, dark] = [false, true].map(|dark| {
        let alarm = ALARM[usize::from(dark)];
        let scheme = if dark { "dark" } else { "light" };
        format!(
            "{}--alarm:{alarm};color-scheme:{scheme};",
            Ink::declarations(dark)
        )
    });
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n:root[data-theme=dark]{{{dark}}}\n"
    )
}

/// Text with what stands between backticks as commands.
fn commands(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        let part = escape(part);
        if index % 2 == 1 {
            format!("<code>{part}</code>")
        } else {
            part
        }
    });
    parts.collect()
}

fn warnings(warnings: &[Warning]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let items: String = warnings
        .iter()
        .map(|warning| {
            let (class, words) = match warning.severity {
                Severity::Invalid => ("invalid", "This session cannot be trusted."),
                Severity::Doubtful => ("doubtful", "Read with care."),
                Severity::Note => ("note", "Note."),
            };
            let message = commands(&warning.message);
            format!("<li class=\"{class}\"><strong>{words}</strong> {message}</li>\n")
        })
        .collect();
    format!("<ul class=\"warnings\" aria-label=\"Warnings\">\n{items}</ul>\n")
}

fn part(part: &Part<'_>) -> String {
    match part {
        Part::Text(text) => format!("<p>{}</p>\n", commands(text)),
        Part::Verdict { holds, text } => {
            let class = if *holds { "verdict" } else { "verdict differs" };
            format!("<p class=\"{class}\">{}</p>\n", commands(text))
        }
        Part::Figure(figure) => self::figure(figure),
        Part::Table(table) => self::table(table),
    }
}

fn links(directory: &str, name: &str, kinds: &[&str]) -> String {
    let links: String = kinds
        .iter()
        .map(|kind| {
            let (stem, ending) = kind.split_once('.').unwrap_or(("", kind));
            let words = format!(
                "{}{}",
                stem.trim_start_matches('-'),
                if stem.is_empty() { "" } else { " " }
            );
            format!(
                "<a href=\"{directory}/{name}{stem}.{ending}\" download>{words}{}</a>",
                ending.to_uppercase()
            )
        })
        .collect();
    format!("<div class=\"downloads\">{links}</div>\n")
}

fn figure(figure: &Figure) -> String {
    let title = crate::figures::scaling::capital(&figure.title);
    let mut kinds = vec![".svg", ".pdf", ".pgf", ".tex"];
    if figure.column.is_some() {
        kinds.extend(["-column.svg", "-column.pdf", "-column.pgf", "-column.tex"]);
    }
    format!(
        "<figure id=\"figure-{}\">\n<div class=\"drawing\">{}</div>\n<figcaption><b>{}.</b> {}</figcaption>\n{}</figure>\n",
        figure.name,
        svg::for_page(&figure.page, &title),
        escape(&title),
        commands(&figure.caption),
        links("figures", &figure.name, &kinds)
    )
}

fn table(table: &Table) -> String {
    let title = crate::figures::scaling::capital(&table.title);
    let links = links("tables", &table.name, &[".csv", ".tex", ".md"]);
    let body = format!(
        "<div class=\"scroll\" tabindex=\"0\">{}</div>\n<figcaption><b>{}.</b> {}</figcaption>\n{links}",
        html::write(table),
        escape(&title),
        commands(&table.caption)
    );
    let name = &table.name;
    if table.rows.len() > FOLDED {
        let rows = table.rows.len();
        format!(
            "<details id=\"table-{name}\"><summary>Table: {}, {rows} rows</summary>\n<figure>{body}</figure></details>\n",
            escape(&table.title)
        )
    } else {
        format!("<figure id=\"table-{name}\">{body}</figure>\n")
    }
}

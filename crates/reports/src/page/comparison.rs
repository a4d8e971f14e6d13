//! The page of two sessions that are compared.

use super::{Document, Part, Section};
use crate::analysis::{Comparison, Verdict};
use crate::figures::Figure;
use crate::figures::changes::certain;
use crate::tables::Table;

/// The page; `command` is the one that makes it.
pub fn comparison(
    comparison: &Comparison,
    figures: &[Figure],
    tables: &[Table],
    command: &str,
) -> String {
    let part = |name: &str| -> Vec<Part<'_>> {
        let figure = figures.iter().filter(|f| f.name == name).map(Part::Figure);
        let table = tables.iter().filter(|t| t.name == name).map(Part::Table);
        figure.chain(table).collect()
    };
    let mut means = vec![verdict(comparison)];
    means.extend(part("changes"));
    means.extend(part("changes-to-baseline"));
    let sections = vec![
        Section {
            id: "means",
            title: "Means",
            parts: means,
        },
        Section {
            id: "programs",
            title: "By program",
            parts: part("changes-programs"),
        },
        Section {
            id: "all",
            title: "Everything",
            parts: part("changes-all"),
        },
        Section {
            id: "sources",
            title: "Sources",
            parts: part("sources"),
        },
    ];
    Document {
        title: "Two sessions compared".to_string(),
        subtitle: format!(
            "{} against {}: {} competitors on {} programs. {}",
            comparison.new.name,
            comparison.old.name,
            comparison.competitors.len(),
            comparison.programs.len(),
            comparison.new.machine
        ),
        warnings: &comparison.warnings,
        sections,
        footer: format!("Made with `{command}`. All numbers of this page: data.json, beside it."),
    }
    .html()
}

/// How many programs have become slower or faster.
fn verdict(comparison: &Comparison) -> Part<'static> {
    let certain = certain(comparison);
    let count = |verdict| certain.iter().filter(|c| c.3.verdict == verdict).count();
    let (worse, better) = (count(Verdict::Regression), count(Verdict::Improvement));
    Part::Verdict {
        holds: worse == 0,
        text: format!(
            "Of single programs {worse} figures are regressions and {better} improvements; the rest may be chance."
        ),
    }
}

//! The page of an analysis.

use super::{Document, Part, Section};
use crate::analysis::Analysis;
use crate::figures::Figure;
use crate::tables::Table;

/// A section: id, title, names of its figures, names of its tables.
type Plan = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// What is where. Every figure and table is named once.
#[rustfmt::skip]
const PLAN: [Plan; 10] = [
    ("summary", "Summary", &["pareto", "means"], &["main"]),
    ("programs", "By program", &["programs"], &["programs-main", "programs"]),
    ("phases", "Phases", &["phases"], &["phases", "totals"]),
    ("break-even", "Break-even", &["break-even"], &["best", "break-even"]),
    ("ablations", "Ablations", &["ablations"], &[]),
    ("scaling", "Scaling", &["scaling"], &["scaling", "scaling-points"]),
    ("size", "Code and memory", &["code", "memory"], &["facts"]),
    ("counts", "Counts", &["counts-pareto", "counts-means", "counts-programs", "counts-ablations"], &["counts"]),
    ("failures", "Failures", &[], &["failures"]),
    ("sources", "Sources", &[], &["control", "sources"]),
];

/// The page; `command` is the one that makes the report.
pub fn report(analysis: &Analysis, figures: &[Figure], tables: &[Table], command: &str) -> String {
    let mut sections: Vec<Section<'_>> = PLAN
        .iter()
        .map(|(id, title, of_figures, of_tables)| {
            let named = |name: &&str| figures.iter().find(|f| f.name == *name);
            let drawn = of_figures.iter().filter_map(named).map(Part::Figure);
            let named = |name: &&str| tables.iter().find(|t| t.name == *name);
            let written = of_tables.iter().filter_map(named).map(Part::Table);
            Section {
                id,
                title,
                parts: drawn.chain(written).collect(),
            }
        })
        .collect();
    if let Some(summary) = sections.first_mut() {
        summary.parts.insert(0, verdict(analysis));
    }
    let machines: Vec<String> = analysis
        .sources
        .iter()
        .map(|s| format!("{}. {}.", s.machine, s.build))
        .fold(Vec::new(), |mut known, line| {
            if !known.contains(&line) {
                known.push(line);
            }
            known
        });
    Document {
        title: "Compilers compared".to_string(),
        subtitle: format!(
            "{} competitors on {} programs, relative to {}. {}",
            analysis.competitors.len(),
            analysis.programs.len(),
            analysis
                .competitors
                .get(analysis.baseline)
                .map_or("nobody", |c| c.name.as_str()),
            machines.join(" ")
        ),
        warnings: &analysis.warnings,
        sections,
        footer: format!("Made with `{command}`. All numbers of this page: data.json, beside it."),
    }
    .html()
}

/// What the control says.
fn verdict(analysis: &Analysis) -> Part<'static> {
    match &analysis.control {
        None => Part::Text(
            "There is no control: nothing shows whether two measurements of the same would agree."
                .to_string(),
        ),
        Some(control) if control.differs => Part::Verdict {
            holds: false,
            text: format!(
                "Control: {} measured under two names differs from itself. No difference on this page can be believed.",
                control.competitor
            ),
        },
        Some(control) => Part::Verdict {
            holds: true,
            text: format!(
                "Control: {} measured under two names agrees with itself (table in Sources).",
                control.competitor
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_planned_twice() {
        let ids: Vec<&str> = PLAN.iter().map(|p| p.0).collect();
        let figures: Vec<&str> = PLAN.iter().flat_map(|p| p.2).copied().collect();
        let tables: Vec<&str> = PLAN.iter().flat_map(|p| p.3).copied().collect();
        for names in [ids, figures, tables] {
            for (index, name) in names.iter().enumerate() {
                assert_eq!(names.iter().position(|n| n == name), Some(index), "{name}");
            }
        }
    }
}

//! Which changes stand in which table.

use bakeoff_statistics::Estimate;

use super::{Cell, Column, Table};
use crate::analysis::{Change, Comparison, Source, Verdict};
use crate::figures::changes::{certain, origin};
use crate::figures::words;
use crate::number::Quantity;

/// All tables that have rows, in the order of the page.
pub fn all(comparison: &Comparison) -> Vec<Table> {
    let tables = [
        means(comparison),
        programs(comparison),
        everything(comparison),
        sources(comparison),
    ];
    tables.into_iter().filter(|t| !t.rows.is_empty()).collect()
}

/// What a verdict is called.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regression => "regression",
        Verdict::Improvement => "improvement",
        Verdict::Unclear => "unclear",
    }
}

fn caption(comparison: &Comparison, what: &str) -> String {
    format!(
        "{what} New to old: above 1 is slower or larger than it was. Intervals are of 95 %. Of what is called a regression or an \
         improvement {} % are none, on average (Benjamini and Hochberg, for each event). Old: {} New: {}",
        Comparison::FALSE_RATE * 100.0,
        origin(&comparison.old),
        origin(&comparison.new)
    )
}

/// Three cells of a change: ratio, probability, verdict.
fn cells(change: Option<&Change>) -> [Cell; 3] {
    [
        Cell::number(change.map(|c| c.ratio)),
        Cell::number(change.map(|c| Estimate::exact(c.p))),
        Cell::text(change.map_or("", |c| verdict(c.verdict))),
    ]
}

fn columns(first: &[&str], last: &[&str]) -> Vec<Column> {
    let words = first.iter().map(|title| Column::words(title));
    let numbers = last
        .iter()
        .map(|title| Column::numbers(*title, Quantity::Plain));
    words
        .chain(numbers)
        .chain([Column::words("verdict")])
        .collect()
}

fn means(comparison: &Comparison) -> Table {
    let mut rows = Vec::new();
    for events in &comparison.events {
        for (competitor, change) in comparison.competitors.iter().zip(&events.means) {
            let Some(change) = change else { continue };
            let mut row = vec![Cell::text(words(events.event)), Cell::text(competitor)];
            row.extend(cells(Some(change)));
            rows.push(row);
        }
    }
    Table {
        name: "changes".to_string(),
        title: "changes of geometric means".to_string(),
        caption: caption(
            comparison,
            "Geometric means over the programs of both sessions.",
        ),
        columns: columns(&["event", "competitor"], &["new / old", "p"]),
        rows,
    }
}

fn programs(comparison: &Comparison) -> Table {
    let row = |(event, program, competitor, change): (_, &str, &str, &Change)| {
        let mut row = vec![
            Cell::text(words(event)),
            Cell::text(program),
            Cell::text(competitor),
        ];
        row.extend(cells(Some(change)));
        row
    };
    Table {
        name: "changes-programs".to_string(),
        title: "programs that have changed".to_string(),
        caption: caption(
            comparison,
            "Changes of single programs that are called one.",
        ),
        columns: columns(&["event", "program", "competitor"], &["new / old", "p"]),
        rows: certain(comparison).into_iter().map(row).collect(),
    }
}

/// Every change of a program, certain or not.
fn everything(comparison: &Comparison) -> Table {
    let mut rows = Vec::new();
    for events in &comparison.events {
        for (program, changes) in comparison.programs.iter().zip(&events.changes) {
            for (competitor, change) in comparison.competitors.iter().zip(changes) {
                let Some(change) = change else { continue };
                let mut row = vec![
                    Cell::text(words(events.event)),
                    Cell::text(program),
                    Cell::text(competitor),
                ];
                let [ratio, p, verdict] = cells(Some(change));
                row.extend([
                    ratio,
                    p,
                    Cell::number(change.delta.map(Estimate::exact)),
                    verdict,
                ]);
                rows.push(row);
            }
        }
    }
    Table {
        name: "changes-all".to_string(),
        title: "all changes of programs".to_string(),
        caption: caption(
            comparison,
            "Every event of every program. Cliff's delta says how seldom single values of the two overlap: 0 is wholly, 1 and -1 not at all.",
        ),
        columns: columns(
            &["event", "program", "competitor"],
            &["new / old", "p", "Cliff's delta"],
        ),
        rows,
    }
}

fn sources(comparison: &Comparison) -> Table {
    let row = |(which, source): (&str, &Source)| {
        vec![
            Cell::text(which),
            Cell::text(&source.name),
            Cell::text(&source.command),
            Cell::text(&source.began),
            Cell::text(&source.machine),
            Cell::text(&source.build),
            Cell::text(&source.fingerprint),
        ]
    };
    let titles = [
        "",
        "session",
        "command",
        "began",
        "machine",
        "build",
        "fingerprint",
    ];
    Table {
        name: "sources".to_string(),
        title: "sources".to_string(),
        caption: match comparison.left_out.is_empty() {
            true => "Both sessions have the same programs and competitors.".to_string(),
            false => format!("In one session only: {}.", comparison.left_out.join(", ")),
        },
        columns: titles.map(Column::words).to_vec(),
        rows: [("old", &comparison.old), ("new", &comparison.new)]
            .map(row)
            .to_vec(),
    }
}

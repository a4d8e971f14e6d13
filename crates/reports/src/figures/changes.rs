//! What has changed from one session to another.

use bakeoff_samples::Event;

use super::{Figure, Width, forest, shown, words};
use crate::analysis::{Change, Comparison, EventChanges, Source, Verdict};
use crate::sheet::DrawError;

/// Events whose means are shown.
const MEANS: [Event; 4] = [
    Event::Compile,
    Event::CompileAgain,
    Event::Run,
    Event::CodeBytes,
];

/// Changes of single programs that are shown, the largest ones.
const MOST: usize = 40;

/// All figures, in the order of the page.
///
/// # Errors
/// If one cannot be drawn.
pub fn all(comparison: &Comparison) -> Result<Vec<Figure>, DrawError> {
    let figures = [
        means(
            comparison,
            "changes",
            "what has changed",
            "Geometric means over programs of new to old",
            |events| &events.means,
        )?,
        means(
            comparison,
            "changes-to-baseline",
            "what has changed, beside the baseline",
            "Geometric means over programs of new to old, relative to the same of the baseline, from which falls out what slows everything",
            |events| &events.means_to_baseline,
        )?,
        programs(comparison)?,
    ];
    Ok(figures.into_iter().flatten().collect())
}

/// Of one source, in a sentence.
pub fn origin(source: &Source) -> String {
    format!(
        "{}: `{}`, began {}, {} processes, {} samples, fingerprint {}.",
        source.name,
        source.command,
        source.began,
        source.processes,
        source.samples,
        source.fingerprint
    )
}

fn caption(what: &str, comparison: &Comparison) -> String {
    format!(
        "{what}: above 1 is slower or larger than it was. Intervals are of 95 %; a dot is full if its interval is on one side of 1. \
         A dash: no value. Old: {} New: {}",
        origin(&comparison.old),
        origin(&comparison.new)
    )
}

fn figure(
    comparison: &Comparison,
    name: &str,
    title: &str,
    what: &str,
    (groups, panels): (Vec<forest::Group>, Vec<&str>),
) -> Result<Option<Figure>, DrawError> {
    if groups.iter().all(|group| group.rows.is_empty()) {
        return Ok(None);
    }
    Ok(Some(Figure {
        name: name.to_string(),
        title: title.to_string(),
        caption: caption(what, comparison),
        page: forest::draw(&groups, &panels, "new / old", Width::Page)?,
        column: None,
    }))
}

fn means(
    comparison: &Comparison,
    name: &str,
    title: &str,
    what: &str,
    of: fn(&EventChanges) -> &Vec<Option<Change>>,
) -> Result<Option<Figure>, DrawError> {
    let events = comparison.events.iter();
    let events: Vec<&EventChanges> = events.filter(|e| MEANS.contains(&e.event)).collect();
    let ratio = |events: &&EventChanges, competitor: usize| {
        let change = of(events).get(competitor).copied().flatten()?;
        shown(Some(change.ratio))
    };
    let rows = comparison.competitors.iter().enumerate();
    let rows = rows.map(|(index, competitor)| forest::Row {
        label: competitor.clone(),
        ratios: events.iter().map(|e| ratio(e, index)).collect(),
    });
    let rows: Vec<forest::Row> = rows
        .filter(|row| row.ratios.iter().any(Option::is_some))
        .collect();
    let group = forest::Group {
        title: String::new(),
        rows,
    };
    let panels = events.iter().map(|e| words(e.event)).collect();
    figure(comparison, name, title, what, (vec![group], panels))
}

/// Single programs that have changed for certain: a panel, the largest changes of each event.
fn programs(comparison: &Comparison) -> Result<Option<Figure>, DrawError> {
    let mut certain = certain(comparison);
    certain.sort_by(|a, b| {
        let size = |change: &Change| change.ratio.value.ln().abs();
        size(b.3).total_cmp(&size(a.3))
    });
    certain.truncate(MOST);
    let events = comparison.events.iter().map(|e| e.event);
    let groups = events.map(|event| {
        let of_event = certain.iter().filter(|found| found.0 == event);
        let rows = of_event.map(|(_, program, competitor, change)| forest::Row {
            label: format!("{program}, {competitor}"),
            ratios: vec![shown(Some(change.ratio))],
        });
        forest::Group {
            title: words(event).to_string(),
            rows: rows.collect(),
        }
    });
    let groups: Vec<forest::Group> = groups.filter(|g| !g.rows.is_empty()).collect();
    figure(
        comparison,
        "changes-programs",
        "programs that have changed",
        "The largest changes of single programs that are called one, the others are in the table",
        (groups, vec!["new / old"]),
    )
}

/// Changes of single programs that are called one: event, program, competitor.
pub fn certain(comparison: &Comparison) -> Vec<(Event, &str, &str, &Change)> {
    let mut found = Vec::new();
    for events in &comparison.events {
        for (program, row) in comparison.programs.iter().zip(&events.changes) {
            for (competitor, change) in comparison.competitors.iter().zip(row) {
                if let Some(change) = change.as_ref().filter(|c| c.verdict != Verdict::Unclear) {
                    found.push((events.event, &program[..], &competitor[..], change));
                }
            }
        }
    }
    found
}

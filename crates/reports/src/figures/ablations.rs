//! What each choice of a backend is worth: its variants, relative to itself.

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, forest, shown, words};
use crate::analysis::EventFigures;
use crate::sheet::DrawError;

/// Variants of every backend that has some; `None` if there are none.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(
    context: &Context<'_>,
    name: &str,
    events: &[Event],
) -> Result<Option<Figure>, DrawError> {
    let figures = context.events(events);
    if figures.is_empty() {
        return Ok(None);
    }
    let competitors = &context.analysis.competitors;
    let bases = competitors.iter().enumerate();
    let groups: Vec<forest::Group> = bases
        .filter_map(|(base, _)| group(context, &figures, base))
        .collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let titles: Vec<&str> = figures.iter().map(|f| words(f.event)).collect();
    let caption = format!(
        "Variants of a backend, with one choice left out, relative to the backend itself (1): {}. Geometric means over programs. A dot is full \
         if its interval is on one side of 1. A dash: no value. {}",
        titles.join(", "),
        context.origin(&figures),
    );
    Ok(Some(Figure {
        name: name.to_string(),
        title: "what the choices of a backend are worth".to_string(),
        caption,
        page: forest::draw(&groups, &titles, "× the backend", Width::Page)?,
        column: None,
    }))
}

fn group(context: &Context<'_>, figures: &[&EventFigures], base: usize) -> Option<forest::Group> {
    let name = context.name(base);
    let competitors = context.analysis.competitors.iter().enumerate();
    let variants = competitors.filter(|(_, c)| c.ablation_of.as_deref() == Some(name));
    let rows: Vec<forest::Row> = variants
        .map(|(variant, competitor)| forest::Row {
            label: competitor.name.clone(),
            ratios: figures.iter().map(|f| relative(f, variant)).collect(),
        })
        .filter(|row| row.ratios.iter().any(Option::is_some))
        .collect();
    (!rows.is_empty()).then(|| forest::Group {
        title: name.to_string(),
        rows,
    })
}

/// A variant's mean relative to what it is a variant of.
fn relative(figures: &EventFigures, variant: usize) -> Option<Estimate> {
    let mean = figures.ablations.get(variant)?.as_ref()?;
    shown(Some(mean.ratio))
}

//! What each choice of a backend is worth: its variants, relative to itself.

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, forest, shown, words};
use crate::analysis::{EventFigures, Mean};
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
         if its interval is on one side of 1; grey is the interval of the backend itself. A dash: no value, or not over the same programs. {}",
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

fn mean(figures: &EventFigures, competitor: usize) -> Option<&Mean> {
    let mean = figures.means.get(competitor)?.as_ref();
    mean.filter(|m| shown(Some(m.ratio)).is_some())
}

fn group(context: &Context<'_>, figures: &[&EventFigures], base: usize) -> Option<forest::Group> {
    let name = context.name(base);
    let competitors = context.analysis.competitors.iter().enumerate();
    let variants = competitors.filter(|(_, c)| c.ablation_of.as_deref() == Some(name));
    let rows: Vec<forest::Row> = variants
        .map(|(variant, competitor)| forest::Row {
            label: competitor.name.clone(),
            ratios: figures.iter().map(|f| relative(f, variant, base)).collect(),
        })
        .filter(|row| row.ratios.iter().any(Option::is_some))
        .collect();
    let reference = figures.iter().map(|f| relative(f, base, base)).collect();
    (!rows.is_empty()).then(|| forest::Group {
        title: name.to_string(),
        reference,
        rows,
    })
}

/// A mean in units of another one, whose interval is not in it; `None` if they are not over equally many programs.
fn relative(figures: &EventFigures, competitor: usize, base: usize) -> Option<Estimate> {
    let (of, base) = (mean(figures, competitor)?, mean(figures, base)?);
    (of.programs == base.programs).then(|| Estimate {
        value: of.ratio.value / base.ratio.value,
        low: of.ratio.low / base.ratio.value,
        high: of.ratio.high / base.ratio.value,
    })
}

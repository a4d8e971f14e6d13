//! Ratios by program: a panel an event, a group of bars a program.
//!
//! Bars begin at the baseline. Of many competitors only the first of each family is shown: the others are in the tables.

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, look, shown as usable, words};
use crate::analysis::EventFigures;
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::Quantity;
use crate::scene::{Align, Area, Scene};
use crate::sheet::{DrawError, Panel, SMALL, Sheet, Stroke, Type};
use crate::text;

/// Competitors in a figure; more make bars too thin to be told apart.
const MOST: usize = 5;

/// Height of a panel.
const HIGH: f64 = 120.0;

/// Bars of these events; `None` if none of them was measured.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(
    context: &Context<'_>,
    name: &str,
    events: &[Event],
) -> Result<Option<Figure>, DrawError> {
    let figures = context.events(events);
    let analysis = context.analysis;
    if figures.is_empty() || analysis.programs.is_empty() {
        return Ok(None);
    }
    let others = analysis.competitors.len().saturating_sub(1);
    let mut shown = context.looks.main(analysis, MOST + 1);
    shown.retain(|c| *c != analysis.baseline);
    shown.truncate(MOST);
    if shown.is_empty() {
        return Ok(None);
    }
    let titles: Vec<&str> = figures.iter().map(|f| words(f.event)).collect();
    let some = if shown.len() < others {
        "Main competitors only; the table by program has all. "
    } else {
        ""
    };
    let missing = figures.iter().any(|f| {
        let rows = f.ratios.iter();
        rows.clone().any(|row| {
            shown
                .iter()
                .any(|c| usable(row.get(*c).copied().flatten()).is_none())
        })
    });
    let gap = if missing {
        "A bar that is missing: no value. "
    } else {
        ""
    };
    let caption = format!(
        "By program, relative to {} (the line at 1), on logarithmic axes: {}. Below the line is better. Last: geometric means. \
         {some}{gap}{}",
        context.baseline(),
        titles.join(", "),
        context.origin(&figures),
    );
    Ok(Some(Figure {
        name: name.to_string(),
        title: format!("{} by program", titles.join(", ")),
        caption,
        page: draw(context, &figures, &shown)?,
        column: None,
    }))
}

fn draw(
    context: &Context<'_>,
    figures: &[&EventFigures],
    shown: &[usize],
) -> Result<Scene, DrawError> {
    let width = Width::Page.points();
    let programs = &context.analysis.programs;
    let names = programs.iter().map(|p| text::width(&p.name, SMALL));
    let below = names.fold(0.0, f64::max).clamp(20.0, 70.0) + 8.0;
    let legend = 14.0;
    let height = legend + (HIGH + 10.0) * figures.len() as f64 + below;
    let sheet = Sheet::new(width, height);
    let entries: Vec<(look::Look, &str)> = shown
        .iter()
        .map(|c| (context.looks.of(*c), context.name(*c)))
        .collect();
    look::legend(&sheet, (36.0, 6.0), width - 40.0, &entries, true);
    for (index, event) in figures.iter().enumerate() {
        let area = Area {
            left: 36.0,
            top: legend + 2.0 + (HIGH + 10.0) * index as f64,
            width: width - 40.0,
            height: HIGH,
        };
        panel(context, &sheet, event, shown, area);
    }
    let each = (width - 40.0) / (programs.len() + 1) as f64;
    for index in 0..=programs.len() {
        let last = index == programs.len();
        let name = if last {
            "geo. mean"
        } else {
            programs[index].name.as_str()
        };
        let x = 36.0 + each * (index as f64 + 0.5);
        let kind = Type {
            size: SMALL,
            bold: last,
            upright: true,
            ..Type::PLAIN.align(Align::End)
        };
        let name = text::fit(name, SMALL, below - 6.0);
        sheet.write((x, height - below), &name, kind);
    }
    sheet.finish()
}

fn panel(
    context: &Context<'_>,
    sheet: &Sheet,
    figures: &EventFigures,
    shown: &[usize],
    area: Area,
) {
    let groups = context.analysis.programs.len() + 1;
    let ratio = |group: usize, competitor: usize| -> Option<Estimate> {
        match figures.ratios.get(group) {
            Some(row) if group + 1 < groups => usable(*row.get(competitor)?),
            _ => usable(figures.means.get(competitor)?.map(|m| m.ratio)),
        }
    };
    let all = (0..groups).flat_map(|g| shown.iter().filter_map(move |c| ratio(g, *c)));
    let ends = all.flat_map(|e| [e.value, e.low, e.high]).chain([1.0]);
    let y = Axis::log(ends, Quantity::Plain);
    let panel = sheet.panel(area, Axis::linear(0.0, groups as f64, Quantity::Plain), y);
    panel.y_axis(&format!(
        "{}, × {}",
        words(figures.event),
        context.baseline()
    ));
    let thick = 0.8 / shown.len() as f64;
    for group in 0..groups {
        for (place, competitor) in shown.iter().enumerate() {
            let Some(ratio) = ratio(group, *competitor) else {
                continue;
            };
            let left = group as f64 + 0.1 + thick * place as f64;
            let program = context.analysis.programs.get(group);
            let program = program.map_or("geometric mean", |p| p.name.as_str());
            let title = format!(
                "{program}, {}: {} {}",
                context.name(*competitor),
                words(figures.event),
                Quantity::Plain.show_estimate(ratio)
            );
            let look = context.looks.of(*competitor);
            bar(sheet, &panel, look, ratio, (left, left + thick), title);
        }
    }
    panel.level(1.0);
    let (x, _) = panel.at(groups as f64 - 1.0, 1.0);
    let stroke = Stroke {
        ink: Ink::Muted,
        width: 0.3,
    };
    sheet.line(&[(x, area.top), (x, area.bottom())], stroke);
}

/// A bar from 1 to a ratio, with its interval, between two values of the lower axis.
fn bar(
    sheet: &Sheet,
    panel: &Panel<'_>,
    look: look::Look,
    ratio: Estimate,
    (left, right): (f64, f64),
    title: String,
) {
    let bar = Area::between(panel.at(left, 1.0), panel.at(right, ratio.value));
    // A little of the paper between neighbours.
    let bar = Area {
        width: bar.width - 0.2,
        ..bar
    };
    look.bar(sheet, bar);
    if ratio.low < ratio.high {
        let stroke = Stroke {
            ink: Ink::Text,
            width: 0.45,
        };
        let middle = bar.center().0;
        let ends = [ratio.low, ratio.high].map(|end| (middle, panel.at(left, end).1));
        sheet.line(&ends, stroke);
    }
    let around = Area {
        top: bar.top - 1.5,
        height: bar.height + 3.0,
        ..bar
    };
    sheet.mark(around, title);
}

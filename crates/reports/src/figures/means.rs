//! Geometric means: a panel an event, a bar a competitor.
//!
//! ```text
//!                   compile            run
//!   stencil     ▐████████|  0.046      |▌ 0.99      Bars begin at the baseline: what is left of it is less,
//!   interp         ▐█████|  0.098      |█████ 9.5   what is right of it is more.
//! ```

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, shown, words};
use crate::analysis::EventFigures;
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::Quantity;
use crate::scene::{Align, Area, Scene};
use crate::sheet::{DrawError, Panel, SIZE, SMALL, Sheet, Stroke, Type};
use crate::text;

/// Height of a row.
const ROW: f64 = 11.0;

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
    if figures.is_empty() {
        return Ok(None);
    }
    let rows: Vec<usize> = (0..context.analysis.competitors.len())
        .filter(|c| *c != context.analysis.baseline)
        .filter(|c| figures.iter().any(|f| mean(f, *c).is_some()))
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let titles: Vec<&str> = figures.iter().map(|f| words(f.event)).collect();
    let gap = if rows
        .iter()
        .any(|c| figures.iter().any(|f| mean(f, *c).is_none()))
    {
        "A dash: no value. "
    } else {
        ""
    };
    let caption = format!(
        "Geometric means over programs, relative to {} (1), on a logarithmic axis: {}. Bars to the left are better. {gap}{}",
        context.baseline(),
        titles.join(", "),
        context.origin(&figures),
    );
    let column = if figures.len() == 1 {
        Some(draw(context, &figures, &rows, Width::Column)?)
    } else {
        None
    };
    Ok(Some(Figure {
        name: name.to_string(),
        title: format!("{} by competitor", titles.join(", ")),
        caption,
        page: draw(context, &figures, &rows, Width::Page)?,
        column,
    }))
}

fn mean(figures: &EventFigures, competitor: usize) -> Option<Estimate> {
    shown(figures.means.get(competitor)?.map(|m| m.ratio))
}

fn draw(
    context: &Context<'_>,
    figures: &[&EventFigures],
    rows: &[usize],
    width: Width,
) -> Result<Scene, DrawError> {
    let names = rows.iter().map(|c| text::width(context.name(*c), SIZE));
    let left = names.fold(0.0, f64::max).min(110.0) + 8.0;
    let top = 14.0;
    let height = top + ROW * rows.len() as f64 + 26.0;
    let sheet = Sheet::new(width.points(), height);
    for (row, competitor) in rows.iter().enumerate() {
        let y = top + ROW * (row as f64 + 0.5);
        let name = text::fit(context.name(*competitor), SIZE, 110.0);
        sheet.write((left - 6.0, y), &name, Type::PLAIN.align(Align::End));
    }
    let gap = 16.0;
    let count = figures.len() as f64;
    let each = (width.points() - left - 4.0 - gap * (count - 1.0)) / count;
    for (index, event) in figures.iter().enumerate() {
        let area = Area {
            left: left + (each + gap) * index as f64,
            top,
            width: each,
            height: ROW * rows.len() as f64,
        };
        column(context, &sheet, event, rows, area);
    }
    sheet.finish()
}

fn column(
    context: &Context<'_>,
    sheet: &Sheet,
    figures: &EventFigures,
    rows: &[usize],
    area: Area,
) {
    let all = rows.iter().filter_map(|c| mean(figures, *c));
    let ends = all.flat_map(|e| [e.value, e.low, e.high]).chain([1.0]);
    let axis = Axis::log(ends, Quantity::Plain);
    // Room for the numbers beyond the ends of the longest bars.
    let room = 26.0 / (area.width - 52.0).max(20.0);
    let more = (axis.high() / axis.low()).powf(room);
    let below = if axis.low() < 0.97 { more } else { 1.0 };
    let axis = axis.between(axis.low() / below, axis.high() * more);
    let panel = sheet.panel(area, axis, Axis::linear(0.0, 1.0, Quantity::Plain));
    panel.x_axis(&format!("× {}", context.baseline()));
    sheet.write(
        (area.left, area.top - 7.0),
        words(figures.event),
        Type::TITLE,
    );
    for (row, competitor) in rows.iter().enumerate() {
        let y = area.top + ROW * (row as f64 + 0.5);
        let (from, _) = panel.at(1.0, 0.0);
        match mean(figures, *competitor) {
            None => sheet.write((from + 4.0, y), "–", Type::NOTE),
            Some(ratio) => bar(context, sheet, &panel, *competitor, ratio, y, figures.event),
        }
    }
    panel.upright(1.0);
}

fn bar(
    context: &Context<'_>,
    sheet: &Sheet,
    panel: &Panel<'_>,
    competitor: usize,
    ratio: Estimate,
    y: f64,
    event: Event,
) {
    let x = |value: f64| panel.at(value, 0.0).0;
    let thick = ROW * 0.62;
    let area = Area::between((x(1.0), y - thick / 2.0), (x(ratio.value), y + thick / 2.0));
    context.looks.of(competitor).bar(sheet, area);
    if ratio.low < ratio.high {
        let stroke = Stroke {
            ink: Ink::Text,
            width: 0.7,
        };
        sheet.line(&[(x(ratio.low), y), (x(ratio.high), y)], stroke);
    }
    let kind = Type {
        size: SMALL,
        ..Type::PLAIN
    };
    let (place, align) = if ratio.value < 1.0 {
        (x(ratio.low) - 3.0, Align::End)
    } else {
        (x(ratio.high) + 3.0, Align::Start)
    };
    let number = Quantity::Plain.show(ratio.value);
    sheet.write((place, y), &number, kind.align(align));
    let title = format!(
        "{}: {} {}",
        context.name(competitor),
        words(event),
        Quantity::Plain.show_estimate(ratio)
    );
    let whole = Area {
        left: panel.area.left,
        top: y - ROW / 2.0,
        width: panel.area.width,
        height: ROW,
    };
    sheet.mark(whole, title);
}

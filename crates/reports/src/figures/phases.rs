//! Where the time of compiling goes: a bar a competitor, a part a phase.

use bakeoff_samples::Event;

use super::{Context, Figure, Width, shown, words};
use crate::analysis::EventFigures;
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::Quantity;
use crate::scene::{Align, Area, Scene};
use crate::sheet::{DrawError, Panel, SIZE, SMALL, Sheet, Type};
use crate::text;

const ROW: f64 = 12.0;

/// A competitor with the times of its phases, in ns.
struct Row {
    competitor: usize,
    parts: Vec<Option<f64>>,
    sum: f64,
}

/// The phases of the whole suite; `None` if none was measured.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(context: &Context<'_>) -> Result<Option<Figure>, DrawError> {
    let figures = context.events(&Event::PHASES);
    let row = |competitor: usize| -> Option<Row> {
        let parts = figures.iter();
        let parts: Vec<Option<f64>> = parts
            .map(|f| shown(f.totals.get(competitor).copied().flatten()).map(|e| e.value))
            .collect();
        let sum: f64 = parts.iter().flatten().sum();
        (sum > 0.0).then_some(Row {
            competitor,
            parts,
            sum,
        })
    };
    let rows: Vec<Row> = (0..context.analysis.competitors.len())
        .filter_map(row)
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let caption = format!(
        "Time of the phases of compiling the whole suite once. Left: in all; right: shares. A backend that has no such phase, or \
         does its work in another, has no part for it. The clock of phases runs in compilations of its own, whose time may \
         differ from the compile time elsewhere. {}",
        context.origin(&figures),
    );
    Ok(Some(Figure {
        name: "phases".to_string(),
        title: "phases of compilation".to_string(),
        caption,
        page: draw(context, &figures, &rows, Width::Page)?,
        column: Some(draw(context, &figures, &rows, Width::Column)?),
    }))
}

fn draw(
    context: &Context<'_>,
    figures: &[&EventFigures],
    rows: &[Row],
    width: Width,
) -> Result<Scene, DrawError> {
    let names = rows
        .iter()
        .map(|r| text::width(context.name(r.competitor), SIZE));
    let left = names.fold(0.0, f64::max).min(110.0) + 8.0;
    let top = 28.0;
    let high = ROW * rows.len() as f64;
    let sheet = Sheet::new(width.points(), top + high + 26.0);
    legend(&sheet, figures, width, left);
    for (index, row) in rows.iter().enumerate() {
        let y = top + ROW * (index as f64 + 0.5);
        let name = text::fit(context.name(row.competitor), SIZE, 110.0);
        sheet.write((left - 6.0, y), &name, Type::PLAIN.align(Align::End));
    }
    let free = width.points() - left - 12.0;
    let area = |from: f64, wide: f64| Area {
        left: left + from,
        top,
        width: wide,
        height: high,
    };
    // In one column only the shares have room; the sums stand behind them as numbers.
    let numbers = 34.0;
    let (sums, shares) = match width {
        Width::Page => (Some(area(0.0, free * 0.55)), area(free * 0.6, free * 0.4)),
        Width::Column => (None, area(0.0, free - numbers)),
    };
    let most = rows.iter().map(|r| r.sum).fold(0.0, f64::max);
    if let Some(area) = sums {
        let room = 1.0 + numbers / (area.width - numbers);
        let axis = Axis::linear(0.0, most * room, Quantity::Ns);
        let panel = sheet.panel(area, axis, Axis::linear(0.0, 1.0, Quantity::Plain));
        panel.x_axis("time for the whole suite");
        stacks(context, &sheet, figures, rows, &panel, |_| 1.0);
    }
    let axis = Axis::linear(0.0, 1.0, Quantity::Share);
    let panel = sheet.panel(shares, axis, Axis::linear(0.0, 1.0, Quantity::Plain));
    panel.x_axis("share of the phases");
    stacks(context, &sheet, figures, rows, &panel, |sum| sum);
    for (index, row) in rows.iter().enumerate() {
        let end = match sums {
            None => shares.right(),
            Some(area) => area.left + row.sum / most * (area.width - numbers),
        };
        let kind = Type {
            size: SMALL,
            ..Type::PLAIN
        };
        let y = top + ROW * (index as f64 + 0.5);
        sheet.write((end + 4.0, y), &Quantity::Ns.show(row.sum), kind);
    }
    sheet.finish()
}

/// The phases, with their colours, above the bars.
fn legend(sheet: &Sheet, figures: &[&EventFigures], width: Width, left: f64) {
    let (mut x, step) = match width {
        Width::Page => (left, 16.0),
        Width::Column => (2.0, 11.0),
    };
    for figures in figures {
        let name = words(figures.event);
        sheet.rect(
            Area::around((x + 3.5, 8.0), 7.0, 7.0),
            ink(figures.event),
            1.0,
        );
        let kind = Type {
            size: if width == Width::Page { SIZE } else { SMALL },
            ..Type::PLAIN
        };
        sheet.write((x + 9.5, 8.0), name, kind);
        x += step + 6.0 + text::width(name, kind.size) * 0.93;
    }
}

fn ink(event: Event) -> Ink {
    let step = Event::PHASES.iter().position(|p| *p == event);
    Ink::Step(step.unwrap_or(0))
}

/// Bars in a panel; a part's length is its time divided by `unit` of the row's sum.
fn stacks(
    context: &Context<'_>,
    sheet: &Sheet,
    figures: &[&EventFigures],
    rows: &[Row],
    panel: &Panel<'_>,
    unit: impl Fn(f64) -> f64,
) {
    for (index, row) in rows.iter().enumerate() {
        let y = panel.area.top + ROW * (index as f64 + 0.5);
        let mut from = 0.0;
        for (part, figures) in row.parts.iter().zip(figures) {
            let Some(part) = part else {
                continue;
            };
            let to = from + part / unit(row.sum);
            let (left, right) = (panel.at(from, 0.0).0, panel.at(to, 0.0).0);
            let bar = Area::between((left, y - ROW * 0.33), (right, y + ROW * 0.33));
            sheet.rect(bar, ink(figures.event), 1.0);
            let title = format!(
                "{}: {} {}, {} of the phases",
                context.name(row.competitor),
                words(figures.event),
                Quantity::Ns.show(*part),
                Quantity::Share.show(part / row.sum)
            );
            sheet.mark(bar, title);
            from = to;
        }
    }
    panel.upright(0.0);
}

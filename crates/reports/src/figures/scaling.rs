//! How compiling grows: a panel a family of programs, a line a competitor, on logarithmic axes, where a slope is an exponent.

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, labels, look, shown, words};
use crate::analysis::Growth;
use crate::axis::Axis;
use crate::number::Quantity;
use crate::scene::{Area, Scene};
use crate::sheet::{DrawError, SMALL, Sheet, Stroke, Type};

/// Competitors in a panel; more make lines that cannot be told apart.
const MOST: usize = 5;

/// Panels in a row.
const ACROSS: usize = 3;

/// Height of a panel with its axis.
const HIGH: f64 = 116.0;

/// The figure; `None` if nothing grew.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(context: &Context<'_>) -> Result<Option<Figure>, DrawError> {
    let all = &context.analysis.scaling;
    let has = |event: &Event| all.iter().any(|g| g.event == *event);
    let whole = [Event::Compile, Event::CompileAgain, Event::CompileInsts];
    let Some(event) = whole.into_iter().find(has) else {
        return Ok(None);
    };
    let main = context.looks.main(context.analysis, MOST);
    let growth: Vec<&Growth> = all
        .iter()
        .filter(|g| g.event == event && main.contains(&g.competitor))
        .filter(|g| g.points.iter().any(|p| usable(p).is_some()))
        .collect();
    let mut families: Vec<&str> = Vec::new();
    for growth in &growth {
        if !families.contains(&growth.family.as_str()) {
            families.push(&growth.family);
        }
    }
    if families.is_empty() {
        return Ok(None);
    }
    let caption = format!(
        "{} of programs that grow in one dimension, which the title of a panel names. Numbers at the lines are fitted exponents over the \
         upper half of the sizes: 1 is linear. Intervals of points are of 95 %; those of the exponents, and the other competitors, are in the table. {}",
        capital(words(event)),
        context.sources(growth.iter().map(|g| g.source)),
    );
    Ok(Some(Figure {
        name: "scaling".to_string(),
        title: format!("growth of {}", words(event)),
        caption,
        page: draw(context, &growth, &families, &main)?,
        column: None,
    }))
}

/// A point that has a place on the axes.
fn usable(point: &(f64, Estimate)) -> Option<(f64, Estimate)> {
    let (size, time) = *point;
    shown(Some(time))
        .filter(|_| size > 0.0)
        .map(|time| (size, time))
}

/// With its first letter as it is at the beginning of a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn draw(
    context: &Context<'_>,
    growth: &[&Growth],
    families: &[&str],
    main: &[usize],
) -> Result<Scene, DrawError> {
    let rows = families.len().div_ceil(ACROSS);
    let width = Width::Page.points();
    let sheet = Sheet::new(width, 18.0 + HIGH * rows as f64);
    let entries: Vec<(look::Look, &str)> = main
        .iter()
        .map(|c| (context.looks.of(*c), context.name(*c)))
        .collect();
    look::legend(&sheet, (36.0, 6.0), width - 36.0, &entries, false);
    let each = width / ACROSS as f64;
    for (index, family) in families.iter().enumerate() {
        let of: Vec<&Growth> = growth
            .iter()
            .copied()
            .filter(|g| g.family == *family)
            .collect();
        let area = Area {
            left: each * (index % ACROSS) as f64 + 40.0,
            top: 18.0 + HIGH * (index / ACROSS) as f64 + 14.0,
            width: each - 40.0 - 22.0,
            height: HIGH - 34.0,
        };
        panel(context, &sheet, &of, family, area, index % ACROSS == 0);
    }
    sheet.finish()
}

fn panel(
    context: &Context<'_>,
    sheet: &Sheet,
    growth: &[&Growth],
    family: &str,
    area: Area,
    first: bool,
) {
    let points = || {
        growth
            .iter()
            .flat_map(|g| g.points.iter().filter_map(usable))
    };
    let x = Axis::log(points().map(|p| p.0), Quantity::Count);
    let event = growth.first().map_or(Event::Compile, |g| g.event);
    let y = Axis::log(points().map(|p| p.1.value), Quantity::of(event));
    let panel = sheet.panel(area, x, y);
    panel.x_axis("");
    panel.y_axis(if first { words(event) } else { "" });
    sheet.write((area.left, area.top - 7.0), family, Type::TITLE);
    let mut ends = Vec::new();
    for growth in growth {
        let look = context.looks.of(growth.competitor);
        let stroke = Stroke {
            ink: look.line(),
            width: 0.9,
        };
        let places: Vec<_> = growth
            .points
            .iter()
            .filter_map(usable)
            .map(|(size, time)| panel.at(size, time.value))
            .collect();
        sheet.line(&places, stroke);
        for ((size, time), at) in growth.points.iter().filter_map(usable).zip(&places) {
            let ends = [panel.at(size, time.low), panel.at(size, time.high)];
            sheet.line(&ends, stroke);
            look.draw(sheet, *at, 1.7);
            let title = format!(
                "{}, {family} {size}: {}; exponent {}",
                context.name(growth.competitor),
                Quantity::of(event).show_estimate(time),
                Quantity::Plain.show_estimate(growth.exponent)
            );
            sheet.mark(Area::around(*at, 6.0, 6.0), title);
        }
        let last = places.last().copied().unwrap_or(area.center());
        ends.push((last.1, growth));
    }
    let wanted: Vec<f64> = ends.iter().map(|(y, _)| *y).collect();
    for ((_, growth), y) in ends.iter().zip(labels::spread(&wanted, SMALL + 0.5)) {
        let kind = Type {
            size: SMALL,
            ink: context.looks.of(growth.competitor).line(),
            ..Type::PLAIN
        };
        let number = Quantity::Plain.show(growth.exponent.value);
        sheet.write((area.right() + 2.0, y), &number, kind);
    }
}

//! Ratios around 1 with their intervals: a row a thing, a panel an event.
//!
//! ```text
//!                    compile        run          A dot is full if the interval is on one side of 1.
//!   stencil
//!     without fusion   ○ |          | ──●──
//!     in the frame     ● |          |       ──●
//! ```

use bakeoff_statistics::Estimate;

use super::{Width, shown};
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::{Quantity, significant};
use crate::scene::{Align, Area, Place, Scene};
use crate::sheet::{DrawError, Panel, SIZE, SMALL, Sheet, Stroke, Type};
use crate::text;

const ROW: f64 = 11.5;

/// A thing.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// Its ratios, one for each panel.
    pub ratios: Vec<Option<Estimate>>,
}

/// Things that belong together.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// What they are of; empty if that needs no words.
    pub title: String,
    /// The things.
    pub rows: Vec<Row>,
}

/// Draws groups of ratios; `panels` are titles, `relative` is the title of the axes.
///
/// # Errors
/// If it cannot be drawn.
pub fn draw(
    groups: &[Group],
    panels: &[&str],
    relative: &str,
    width: Width,
) -> Result<Scene, DrawError> {
    let most = if width == Width::Page { 130.0 } else { 76.0 };
    let rows = || groups.iter().flat_map(|g| &g.rows);
    let labels = rows().map(|r| text::width(&r.label, SIZE));
    let left = labels.fold(0.0, f64::max).min(most) + 10.0;
    let lines: usize = groups
        .iter()
        .map(|g| g.rows.len() + usize::from(!g.title.is_empty()))
        .sum();
    let top = 14.0;
    let high = ROW * lines as f64;
    let sheet = Sheet::new(width.points(), top + high + 26.0);
    let gap = 12.0;
    let count = panels.len().max(1) as f64;
    let each = (width.points() - left - 4.0 - gap * (count - 1.0)) / count;
    let places: Vec<Panel<'_>> = panels
        .iter()
        .enumerate()
        .map(|(index, title)| {
            let area = Area {
                left: left + (each + gap) * index as f64,
                top,
                width: each,
                height: high,
            };
            let all = rows().filter_map(|r| shown(r.ratios.get(index).copied().flatten()));
            let panel = open(&sheet, area, all, relative);
            sheet.write((area.left, top - 7.0), title, Type::TITLE);
            panel
        })
        .collect();
    let mut y = top;
    for one in groups {
        y = group(&sheet, &places, panels, one, (left, y), most);
    }
    for panel in &places {
        panel.upright(1.0);
    }
    drop(places);
    sheet.finish()
}

/// Draws a group from a place on, with labels of at most a width; returns where the next one begins.
fn group(
    sheet: &Sheet,
    panels: &[Panel<'_>],
    titles: &[&str],
    group: &Group,
    (left, top): Place,
    most: f64,
) -> f64 {
    let mut y = top;
    if !group.title.is_empty() {
        sheet.write((2.0, y + ROW / 2.0), &group.title, Type::TITLE);
        y += ROW;
    }
    for row in &group.rows {
        let label = text::fit(&row.label, SIZE, most);
        let middle = y + ROW / 2.0;
        sheet.write((left - 8.0, middle), &label, Type::PLAIN.align(Align::End));
        for ((panel, ratio), title) in panels.iter().zip(&row.ratios).zip(titles) {
            let what = format!("{}: {title}", row.label);
            dot(sheet, panel, *ratio, middle, &what);
        }
        y += ROW;
    }
    y
}

/// A panel with room for all ratios, for 1, and for numbers at the right.
fn open<'s>(
    sheet: &'s Sheet,
    area: Area,
    ratios: impl Iterator<Item = Estimate>,
    title: &str,
) -> Panel<'s> {
    let ends = ratios.flat_map(|e| [e.value, e.low, e.high]);
    let axis = Axis::log(ends.chain([0.97, 1.03]), Quantity::Plain);
    let number = text::width("0.000", SMALL) + 4.0;
    let more = (axis.high() / axis.low()).powf(number / (area.width - number).max(10.0));
    let axis = axis.between(axis.low(), axis.high() * more);
    let panel = sheet.panel(area, axis, Axis::linear(0.0, 1.0, Quantity::Plain));
    panel.x_axis(title);
    panel
}

fn dot(sheet: &Sheet, panel: &Panel<'_>, ratio: Option<Estimate>, y: f64, what: &str) {
    let kind = Type::NOTE.align(Align::End);
    let right = panel.area.right();
    let Some(ratio) = shown(ratio) else {
        sheet.write((right, y), "–", kind);
        return;
    };
    let at = panel.at(ratio.value, 0.0);
    let ink = if ratio.value > 1.0 {
        Ink::Bad
    } else {
        Ink::Good
    };
    let known = ratio.low > 1.0 || ratio.high < 1.0;
    let ends = [
        (panel.at(ratio.low, 0.0).0, y),
        (panel.at(ratio.high, 0.0).0, y),
    ];
    sheet.line(&ends, Stroke { ink, width: 1.0 });
    sheet.dot((at.0, y), 2.4, ink, known);
    sheet.write((right, y), &significant(ratio.value, 3), kind);
    let area = Area {
        left: panel.area.left,
        top: y - ROW / 2.0,
        width: panel.area.width,
        height: ROW,
    };
    let title = format!("{what} {}", Quantity::Plain.show_estimate(ratio));
    sheet.mark(area, title);
}

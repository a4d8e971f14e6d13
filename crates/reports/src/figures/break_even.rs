//! Which compiler is best for how much work.
//!
//! ```text
//!  total │ interp ───────╱       All lines are relative to the baseline. At the left compiling counts,
//!  time  │ stencil ──╳───        at the right running does. The strip above names who is best.
//!        └──────────────── runs of the suite
//! ```

use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, labels, shown};
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::Quantity;
use crate::scene::{Align, Area, Place, Scene};
use crate::sheet::{DrawError, Panel, SIZE, SMALL, Sheet, Stroke, Type};
use crate::text;

/// Lines in a figure; those of the lower envelope come on top.
const MOST: usize = 6;

/// Places of a line.
const STEPS: u32 = 120;

/// A competitor: time to compile all and time to run all once, in ns.
type Line = (usize, Estimate, Estimate);

/// The figure; `None` if the baseline or everybody else is missing.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(context: &Context<'_>) -> Result<Option<Figure>, DrawError> {
    let analysis = context.analysis;
    let usable = |l: &&Line| shown(Some(l.1)).is_some() && shown(Some(l.2)).is_some();
    let all: Vec<Line> = analysis
        .break_even
        .lines
        .iter()
        .filter(usable)
        .copied()
        .collect();
    let Some(base) = all.iter().find(|l| l.0 == analysis.baseline) else {
        return Ok(None);
    };
    let main = context.looks.main(analysis, MOST);
    let best = &analysis.break_even.envelope;
    let chosen = |l: &&Line| main.contains(&l.0) || best.iter().any(|(_, c)| *c == l.0);
    let lines: Vec<Line> = all.iter().filter(chosen).copied().collect();
    if lines.len() < 2 {
        return Ok(None);
    }
    let events = [bakeoff_samples::Event::Compile, bakeoff_samples::Event::Run];
    let some = if lines.len() < all.len() {
        "Main competitors, and whoever is best somewhere. "
    } else {
        ""
    };
    let caption = format!(
        "Total time to compile the whole suite once and run it a number of times, relative to {}. The strip above, and the wide \
         line, say who is best. A run is one timed call of each program. {some}Values behind the lines have the intervals of the table of \
         break-even points. {}",
        context.baseline(),
        context.origin(&context.events(&events)),
    );
    Ok(Some(Figure {
        name: "break-even".to_string(),
        title: "total time by number of runs".to_string(),
        caption,
        page: draw(context, base, &lines, Width::Page)?,
        column: Some(draw(context, base, &lines, Width::Column)?),
    }))
}

fn total(line: &Line, runs: f64) -> f64 {
    line.1.value + runs * line.2.value
}

/// From where compiling hardly counts for anybody to where running hardly does, in whole decades.
fn range(lines: &[Line]) -> (f64, f64) {
    let even = lines.iter().map(|l| l.1.value / l.2.value);
    let even = even.filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = even.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return (0.01, 100.0);
    }
    (
        10f64.powf((low / 3.0).log10().floor()),
        10f64.powf((high * 8.0).log10().ceil()),
    )
}

fn draw(
    context: &Context<'_>,
    base: &Line,
    lines: &[Line],
    width: Width,
) -> Result<Scene, DrawError> {
    let height = if width == Width::Page { 250.0 } else { 200.0 };
    let size = if width == Width::Page { SIZE } else { SMALL };
    let sheet = Sheet::new(width.points(), height);
    let widths = lines.iter().map(|l| text::width(context.name(l.0), size));
    let right = widths.fold(0.0, f64::max).min(105.0) + 16.0;
    let area = Area {
        left: 36.0,
        top: 16.0,
        width: width.points() - 36.0 - right,
        height: height - 42.0,
    };
    let curves = Curves {
        base,
        range: range(lines),
    };
    let (first, last) = curves.range;
    let x = Axis::log([first, last], Quantity::Plain).between(first, last);
    let ends = lines
        .iter()
        .flat_map(|l| [first, last].map(|runs| curves.relative(l, runs)));
    let panel = sheet.panel(area, x, Axis::log(ends.chain([1.0]), Quantity::Plain));
    panel.x_axis("runs of the suite");
    panel.y_axis(&format!("total time, × {}", context.baseline()));
    envelope(context, &sheet, &panel, curves.range, size);
    let wide = Stroke {
        ink: Ink::Family(3, 2),
        width: 4.0,
    };
    let lowest = |runs: f64| {
        let all = lines.iter().map(|l| curves.relative(l, runs));
        all.fold(f64::INFINITY, f64::min)
    };
    sheet.line(&curves.places(&panel, lowest), wide);
    for line in lines {
        curve(context, &sheet, &panel, &curves, line);
    }
    names(context, &sheet, &panel, &curves, lines, size);
    sheet.finish()
}

/// What the curves have in common.
struct Curves<'a> {
    base: &'a Line,
    /// The least and the largest number of runs.
    range: (f64, f64),
}

impl Curves<'_> {
    fn relative(&self, line: &Line, runs: f64) -> f64 {
        total(line, runs) / total(self.base, runs)
    }

    fn runs(&self, step: u32) -> f64 {
        let (first, last) = self.range;
        first * (last / first).powf(f64::from(step) / f64::from(STEPS))
    }

    fn places(&self, panel: &Panel<'_>, height: impl Fn(f64) -> f64) -> Vec<Place> {
        let runs = (0..=STEPS).map(|step| self.runs(step));
        runs.map(|runs| panel.at(runs, height(runs))).collect()
    }
}

/// The curve of a competitor, with markers and their values here and there.
fn curve(
    context: &Context<'_>,
    sheet: &Sheet,
    panel: &Panel<'_>,
    curves: &Curves<'_>,
    line: &Line,
) {
    let look = context.looks.of(line.0);
    let stroke = Stroke {
        ink: look.line(),
        width: 1.2,
    };
    let places = curves.places(panel, |runs| curves.relative(line, runs));
    sheet.line(&places, stroke);
    for step in (10..STEPS).step_by(20) {
        let (at, runs) = (places[step as usize], curves.runs(step));
        look.draw(sheet, at, 2.2);
        let title = format!(
            "{}, {} runs: {} in all, {} × {}",
            context.name(line.0),
            Quantity::Plain.show(runs),
            Quantity::Ns.show(total(line, runs)),
            Quantity::Plain.show(curves.relative(line, runs)),
            context.baseline()
        );
        sheet.mark(Area::around(at, 8.0, 8.0), title);
    }
}

/// Names at the right ends of the curves, apart from each other.
fn names(
    context: &Context<'_>,
    sheet: &Sheet,
    panel: &Panel<'_>,
    curves: &Curves<'_>,
    lines: &[Line],
    size: f64,
) {
    let (_, last) = curves.range;
    let right = panel.area.right();
    let end = |line: &Line| panel.at(last, curves.relative(line, last)).1;
    let wanted: Vec<f64> = lines.iter().map(end).collect();
    let heights = labels::spread(&wanted, size + 1.5);
    for ((line, y), end) in lines.iter().zip(heights).zip(wanted) {
        let stroke = Stroke {
            ink: context.looks.of(line.0).line(),
            width: 0.5,
        };
        sheet.line(&[(right + 1.0, end), (right + 8.0, y)], stroke);
        let name = text::fit(context.name(line.0), size, 105.0);
        let kind = Type {
            size,
            ..Type::PLAIN
        };
        sheet.write((right + 10.0, y), &name, kind);
    }
}

/// A strip above the panel: who is best from where to where.
fn envelope(
    context: &Context<'_>,
    sheet: &Sheet,
    panel: &Panel<'_>,
    (first, last): (f64, f64),
    size: f64,
) {
    let best = &context.analysis.break_even.envelope;
    for (index, (from, competitor)) in best.iter().enumerate() {
        let until = best.get(index + 1).map_or(last, |(next, _)| *next);
        let (from, until) = (from.max(first), until.min(last));
        if from >= until {
            continue;
        }
        let (left, right) = (panel.at(from, 1.0).0, panel.at(until, 1.0).0);
        let strip = Area {
            left,
            top: 10.0,
            width: right - left,
            height: 4.0,
        };
        let look = context.looks.of(*competitor);
        sheet.rect(strip, Ink::Family(look.hue, look.shade), 1.0);
        let name = context.name(*competitor);
        if text::width(name, size) < strip.width - 2.0 {
            let kind = Type {
                size: SMALL,
                ..Type::PLAIN.align(Align::Middle)
            };
            sheet.write((strip.center().0, 4.5), name, kind);
        }
        let title = format!(
            "{name} is best from {} to {} runs",
            Quantity::Plain.show(from),
            Quantity::Plain.show(until)
        );
        sheet.mark(strip, title);
    }
}

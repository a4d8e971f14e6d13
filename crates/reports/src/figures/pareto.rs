//! What compiling costs against what it buys: a point a competitor.
//!
//! ```text
//!  run │ ◆ interp          Left and below is better. The frontier is a staircase: whoever is
//!      │ └──────┐          above it is beaten by another in both.
//!      │   ■ △  └─ ○
//!      └──────────────── compile
//! ```

use bakeoff_samples::Event;
use bakeoff_statistics::Estimate;

use super::{Context, Figure, Width, labels, shown, words};
use crate::axis::Axis;
use crate::ink::Ink;
use crate::number::Quantity;
use crate::scene::{Area, Place, Scene};
use crate::sheet::{DrawError, Panel, SIZE, SMALL, Sheet, Stroke, Type};

struct Point {
    competitor: usize,
    x: Estimate,
    y: Estimate,
}

impl Point {
    fn title(&self, name: &str, events: [Event; 2]) -> String {
        format!(
            "{name}: {} {}, {} {}",
            words(events[0]),
            Quantity::Plain.show_estimate(self.x),
            words(events[1]),
            Quantity::Plain.show_estimate(self.y)
        )
    }
}

/// The plane of two events; `None` if nobody has both.
///
/// # Errors
/// If it cannot be drawn.
pub fn figure(
    context: &Context<'_>,
    name: &str,
    events: [Event; 2],
) -> Result<Option<Figure>, DrawError> {
    let figures = context.events(&events);
    let [x, y] = figures[..] else {
        return Ok(None);
    };
    let means = x.means.iter().zip(&y.means).enumerate();
    let points: Vec<Point> = means
        .filter_map(|(competitor, (x, y))| {
            Some(Point {
                competitor,
                x: shown(x.map(|m| m.ratio))?,
                y: shown(y.map(|m| m.ratio))?,
            })
        })
        .collect();
    if points.is_empty() {
        return Ok(None);
    }
    let gaps: Vec<&str> = (0..context.analysis.competitors.len())
        .filter(|c| points.iter().all(|p| p.competitor != *c))
        .map(|c| context.name(c))
        .collect();
    let gap = if gaps.is_empty() {
        String::new()
    } else {
        format!("Without a value, and so not shown: {}. ", gaps.join(", "))
    };
    let caption = format!(
        "Geometric means over programs of {} and {}, relative to {} (1). Left and below is better; the line is the frontier, \
         above which another is better in both. {gap}{}",
        words(events[0]),
        words(events[1]),
        context.baseline(),
        context.origin(&figures),
    );
    Ok(Some(Figure {
        name: name.to_string(),
        title: format!("{} against {}", words(events[1]), words(events[0])),
        caption,
        page: draw(context, &points, events, Width::Page)?,
        column: Some(draw(context, &points, events, Width::Column)?),
    }))
}

fn draw(
    context: &Context<'_>,
    points: &[Point],
    events: [Event; 2],
    width: Width,
) -> Result<Scene, DrawError> {
    let (height, radius) = match width {
        Width::Page => (320.0, 3.4),
        Width::Column => (225.0, 2.5),
    };
    let sheet = Sheet::new(width.points(), height);
    let area = Area {
        left: 36.0,
        top: 6.0,
        width: width.points() - 42.0,
        height: height - 32.0,
    };
    let ends = |e: &Estimate| [e.value, e.low, e.high];
    // Room for labels beside those at the edges.
    let room = if width == Width::Page { 0.08 } else { 0.12 };
    let x = Axis::log(points.iter().flat_map(|p| ends(&p.x)), Quantity::Plain).widened(room, 0.04);
    let y = Axis::log(points.iter().flat_map(|p| ends(&p.y)), Quantity::Plain).widened(room, 0.0);
    let panel = sheet.panel(area, x, y);
    let title = |event: Event| format!("{}, × {}", words(event), context.baseline());
    panel.x_axis(&title(events[0]));
    panel.y_axis(&title(events[1]));
    panel.upright(1.0);
    panel.level(1.0);
    let (left, level) = panel.at(x.low(), 1.0);
    let (upright, top) = panel.at(1.0, y.high());
    let mut obstacles = vec![
        Area::between((left, level), (area.right(), level + 0.5)),
        Area::between((upright, top), (upright + 0.5, area.bottom())),
    ];
    obstacles.extend(frontier(&sheet, &panel, points, (x, y)));
    for point in points {
        obstacles.extend(intervals(context, &sheet, &panel, point));
    }
    let places: Vec<(Place, String)> = points
        .iter()
        .map(|p| {
            let at = panel.at(p.x.value, p.y.value);
            (at, context.name(p.competitor).to_string())
        })
        .collect();
    let size = if width == Width::Page { SIZE } else { SMALL };
    let placed = labels::place(&places, size, radius, &obstacles, area);
    for leader in placed.iter().filter_map(|p| p.leader) {
        let stroke = Stroke {
            ink: Ink::Muted,
            width: 0.35,
        };
        sheet.line(&leader, stroke);
    }
    for (point, (at, name)) in points.iter().zip(&places) {
        context.looks.of(point.competitor).draw(&sheet, *at, radius);
        let side = 2.0 * radius + 2.0;
        sheet.mark(Area::around(*at, side, side), point.title(name, events));
    }
    for (label, (_, name)) in placed.iter().zip(&places) {
        let kind = Type {
            size,
            ..Type::PLAIN.align(label.align)
        };
        sheet.write(label.place, name, kind);
    }
    sheet.finish()
}

/// Bars for both intervals; returns where they are.
fn intervals(context: &Context<'_>, sheet: &Sheet, panel: &Panel<'_>, point: &Point) -> Vec<Area> {
    let stroke = Stroke {
        ink: context.looks.of(point.competitor).line(),
        width: 0.8,
    };
    let (x, y) = (point.x, point.y);
    let across = [panel.at(x.low, y.value), panel.at(x.high, y.value)];
    let along = [panel.at(x.value, y.low), panel.at(x.value, y.high)];
    let mut areas = Vec::new();
    for (line, exact) in [(across, x.low == x.high), (along, y.low == y.high)] {
        if !exact {
            sheet.line(&line, stroke);
            areas.push(Area::between(line[0], line[1]));
        }
    }
    areas
}

/// The staircase of those that nobody beats in both; returns where it is.
fn frontier(sheet: &Sheet, panel: &Panel<'_>, points: &[Point], (x, y): (Axis, Axis)) -> Vec<Area> {
    let mut order: Vec<&Point> = points.iter().collect();
    order.sort_by(|a, b| {
        let by_x = a.x.value.total_cmp(&b.x.value);
        by_x.then(a.y.value.total_cmp(&b.y.value))
    });
    let mut places = Vec::new();
    let mut level = y.high();
    for point in order {
        if point.y.value < level {
            places.push(panel.at(point.x.value, level));
            places.push(panel.at(point.x.value, point.y.value));
            level = point.y.value;
        }
    }
    places.push(panel.at(x.high(), level));
    let stroke = Stroke {
        ink: Ink::Family(3, 1),
        width: 1.6,
    };
    sheet.line(&places, stroke);
    let steps = places.windows(2);
    steps
        .map(|step| Area::between(step[0], step[1]))
        .map(|step| Area::around(step.center(), step.width + 1.6, step.height + 1.6))
        .collect()
}

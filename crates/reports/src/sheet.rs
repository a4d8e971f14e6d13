//! A sheet to draw a figure on, and panels with axes on it.
//!
//! Everything is in points here; plotters maps values to places ([`Panel`]) and draws the elements. The recorder cannot fail,
//! but plotters' interface can: the first fault is kept and told by [`Sheet::finish`], so that figures need not.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, IntoFont, RGBAColor, ShapeStyle, TextStyle};

use crate::axis::Axis;
use crate::ink::Ink;
use crate::scene::{Align, Area, Mark, PIXEL, Place, Recorder, Scene, pixels};
use crate::text;

/// Size of most text, in points: what stands in a figure of a paper in ten points.
pub const SIZE: f64 = 7.5;

/// Size of labels at ticks and of notes.
pub const SMALL: f64 = 6.5;

/// Distance of two lines of text.
pub const LINE: f64 = 9.5;

/// The kind of a line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Its width in points.
    pub width: f64,
}

/// The kind of a text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Type {
    /// Its size in points.
    pub size: f64,
    /// Its colour.
    pub ink: Ink,
    /// Where it is beside its place. In height it is always the middle of capitals that is there.
    pub align: Align,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is read from below to above.
    pub upright: bool,
}

impl Type {
    /// Text that begins at its place.
    pub const PLAIN: Type = Type {
        size: SIZE,
        ink: Ink::Text,
        align: Align::Start,
        bold: false,
        upright: false,
    };

    /// Small and less important.
    pub const NOTE: Type = Type {
        size: SMALL,
        ink: Ink::Muted,
        ..Type::PLAIN
    };

    /// The title of a panel.
    pub const TITLE: Type = Type {
        bold: true,
        ..Type::PLAIN
    };

    /// The same, elsewhere beside its place.
    pub const fn align(self, align: Align) -> Type {
        Type { align, ..self }
    }
}

/// A shape that stands for a family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle on its side.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle on its corner.
    Down,
    /// A pentagon.
    Pentagon,
    /// A hexagon.
    Hexagon,
}

/// A sheet.
pub struct Sheet {
    area: DrawingArea<Recorder, Shift>,
    scene: Rc<RefCell<Scene>>,
    fault: RefCell<Option<String>>,
}

/// What plotters could not draw.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a figure cannot be drawn: {0}")]
pub struct DrawError(String);

fn pixel((x, y): Place) -> (i32, i32) {
    (pixels(x), pixels(y))
}

fn color(ink: Ink, alpha: f64) -> RGBAColor {
    let (r, g, b) = ink.paper();
    RGBAColor(r, g, b, alpha)
}

impl Sheet {
    /// An empty sheet of this size in points.
    pub fn new(width: f64, height: f64) -> Sheet {
        let (recorder, scene) = Recorder::new(width, height);
        Sheet {
            area: recorder.into_drawing_area(),
            scene,
            fault: RefCell::new(None),
        }
    }

    fn note<T, E: Display>(&self, result: Result<T, E>) {
        if let Err(error) = result {
            self.fault.borrow_mut().get_or_insert(error.to_string());
        }
    }

    /// What was drawn.
    ///
    /// # Errors
    /// If something could not be drawn.
    pub fn finish(self) -> Result<Scene, DrawError> {
        match self.fault.into_inner() {
            Some(fault) => Err(DrawError(fault)),
            None => Ok(self.scene.take()),
        }
    }

    /// A line through places.
    pub fn line(&self, places: &[Place], stroke: Stroke) {
        let style = ShapeStyle {
            color: color(stroke.ink, 1.0),
            filled: false,
            stroke_width: pixels(stroke.width).unsigned_abs(),
        };
        let places: Vec<_> = places.iter().map(|p| pixel(*p)).collect();
        self.note(self.area.draw(&PathElement::new(places, style)));
    }

    /// A filled polygon; `alpha` is 1 where nothing shows through.
    pub fn polygon(&self, places: &[Place], ink: Ink, alpha: f64) {
        let places: Vec<_> = places.iter().map(|p| pixel(*p)).collect();
        let style = ShapeStyle::from(color(ink, alpha)).filled();
        self.note(self.area.draw(&Polygon::new(places, style)));
    }

    /// A filled rectangle.
    pub fn rect(&self, area: Area, ink: Ink, alpha: f64) {
        let (left, top, right, bottom) = (area.left, area.top, area.right(), area.bottom());
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        self.polygon(&corners, ink, alpha);
    }

    /// Lines in the colour of paper over a bar, in a direction for each hue, so that families differ without colours. A thin bar
    /// has room for lines across only, and they stand for one of the hues.
    pub fn hatch(&self, area: Area, hue: usize) {
        const APART: f64 = 3.2;
        let thin = area.width < 4.0 || area.height < 4.0;
        match (hue % 4, thin) {
            (1, false) => self.slanted(area, APART, |share| 1.0 - share),
            (2, false) => self.slanted(area, APART, |share| share),
            (3, false) => self.across(area, APART, area.width >= area.height),
            (2, true) => self.across(area, 3.0, area.width > area.height),
            _ => {}
        }
    }

    const HATCH: Stroke = Stroke {
        ink: Ink::Paper,
        width: 0.45,
    };

    /// Lines from the top to the bottom of an area, or from its left to its right.
    fn across(&self, area: Area, apart: f64, upright: bool) {
        let length = if upright { area.width } else { area.height };
        for index in 1..(length / apart).ceil() as u32 {
            let at = f64::from(index) * apart;
            let line = if upright {
                [(area.left + at, area.top), (area.left + at, area.bottom())]
            } else {
                [(area.left, area.top + at), (area.right(), area.top + at)]
            };
            self.line(&line, Sheet::HATCH);
        }
    }

    /// Lines at 45 degrees, cut where the area ends; `height` is where a line is after a part of its way to the right, from 0, the top,
    /// to 1, the bottom.
    fn slanted(&self, area: Area, apart: f64, height: impl Fn(f64) -> f64) {
        let count = ((area.width + area.height) / apart).ceil() as u32;
        for index in 1..count {
            let start = area.left - area.height + apart * f64::from(index);
            let ends = [
                start.max(area.left),
                (start + area.height).min(area.right()),
            ];
            let line = ends.map(|x| {
                let share = (x - start) / area.height;
                (x, area.top + height(share) * area.height)
            });
            self.line(&line, Sheet::HATCH);
        }
    }

    /// A circle: filled, then its line.
    fn circle(&self, center: Place, radius: f64, fill: Ink, stroke: Stroke) {
        let filled = ShapeStyle::from(color(fill, 1.0)).filled();
        let line = ShapeStyle::from(color(stroke.ink, 1.0))
            .stroke_width(pixels(stroke.width).unsigned_abs());
        for style in [filled, line] {
            let circle = Circle::new(pixel(center), pixels(radius), style);
            self.note(self.area.draw(&circle));
        }
    }

    /// A line of text.
    pub fn write(&self, place: Place, content: &str, kind: Type) {
        if content.is_empty() {
            return;
        }
        let h_pos = match kind.align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let weight = if kind.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = ("figure", kind.size / PIXEL).into_font().style(weight);
        let font = if kind.upright {
            font.transform(FontTransform::Rotate270)
        } else {
            font
        };
        let ink = color(kind.ink, 1.0);
        let style = TextStyle::from(font)
            .color(&ink)
            .pos(Pos::new(h_pos, VPos::Center));
        let text = Text::new(content.to_string(), pixel(place), style);
        self.note(self.area.draw(&text));
    }

    /// Says of an area what value is shown there.
    pub fn mark(&self, area: Area, title: String) {
        self.scene.borrow_mut().marks.push(Mark { area, title });
    }

    /// A dot: full, or hollow.
    pub fn dot(&self, place: Place, radius: f64, ink: Ink, full: bool) {
        let fill = if full { ink } else { Ink::Paper };
        self.circle(place, radius, fill, Stroke { ink, width: 0.9 });
    }

    /// A marker of a hue in a shade; its line always has the hue itself.
    pub fn marker(&self, place: Place, marker: Marker, radius: f64, (hue, shade): (usize, usize)) {
        let stroke = Stroke {
            ink: Ink::Family(hue, 0),
            width: 0.7,
        };
        let fill = Ink::Family(hue, shade);
        let (sides, turn, radius) = match marker {
            Marker::Circle => return self.circle(place, radius, fill, stroke),
            Marker::Square => (4, 0.125, radius * 1.22),
            Marker::Triangle => (3, 0.0, radius * 1.3),
            Marker::Diamond => (4, 0.0, radius * 1.28),
            Marker::Down => (3, 0.5, radius * 1.3),
            Marker::Pentagon => (5, 0.0, radius * 1.15),
            Marker::Hexagon => (6, 0.0, radius * 1.1),
        };
        let corner = |i: i32| {
            let angle = (f64::from(i) / f64::from(sides) + turn) * std::f64::consts::TAU;
            (
                place.0 + radius * angle.sin(),
                place.1 - radius * angle.cos(),
            )
        };
        let corners: Vec<Place> = (0..=sides).map(corner).collect();
        self.polygon(&corners, fill, 1.0);
        self.line(&corners, stroke);
    }

    /// A panel: places for values, within this area.
    pub fn panel(&self, area: Area, x: Axis, y: Axis) -> Panel<'_> {
        let wide = pixels(area.left)..pixels(area.right());
        let high = pixels(area.bottom())..pixels(area.top);
        let space = Cartesian2d::new(x, y, (wide, high));
        Panel {
            sheet: self,
            area,
            space: self.area.apply_coord_spec(space),
            x,
            y,
        }
    }
}

/// A part of a sheet where places stand for values.
pub struct Panel<'s> {
    sheet: &'s Sheet,
    /// Where it is.
    pub area: Area,
    space: DrawingArea<Recorder, Cartesian2d<Axis, Axis>>,
    x: Axis,
    y: Axis,
}

const GRID: Stroke = Stroke {
    ink: Ink::Grid,
    width: 0.4,
};

const REFERENCE: Stroke = Stroke {
    ink: Ink::Text,
    width: 0.4,
};

const FRAME: Stroke = Stroke {
    ink: Ink::Muted,
    width: 0.5,
};

impl Panel<'_> {
    /// The place of two values; what is outside of the axes is put to their ends.
    pub fn at(&self, x: f64, y: f64) -> Place {
        let (x, y) = self.space.map_coordinate(&(x, y));
        (f64::from(x) * PIXEL, f64::from(y) * PIXEL)
    }

    /// The axis below, with lines to read by above it, and its title.
    pub fn x_axis(&self, title: &str) {
        let (left, right, bottom) = (self.area.left, self.area.right(), self.area.bottom());
        let ticks = self
            .x
            .ticks(self.area.width, |label| text::width(label, SMALL) + 5.0);
        for tick in ticks {
            let (x, _) = self.at(tick.value, self.y.low());
            let length = if tick.label.is_some() { 2.8 } else { 1.4 };
            if let Some(label) = &tick.label {
                self.sheet.line(&[(x, self.area.top), (x, bottom)], GRID);
                let kind = Type::NOTE.align(Align::Middle);
                self.sheet.write((x, bottom + 7.5), label, kind);
            }
            self.sheet.line(&[(x, bottom), (x, bottom + length)], FRAME);
        }
        self.sheet.line(&[(left, bottom), (right, bottom)], FRAME);
        let place = ((left + right) / 2.0, bottom + 17.5);
        let kind = Type {
            ink: Ink::Muted,
            ..Type::PLAIN.align(Align::Middle)
        };
        self.sheet.write(place, title, kind);
    }

    /// The axis at the left, with lines to read by beside it, and its title above it.
    pub fn y_axis(&self, title: &str) {
        let (left, right) = (self.area.left, self.area.right());
        for tick in self.y.ticks(self.area.height, |_| SMALL + 5.0) {
            let (_, y) = self.at(self.x.low(), tick.value);
            let length = if tick.label.is_some() { 2.8 } else { 1.4 };
            if let Some(label) = &tick.label {
                self.sheet.line(&[(left, y), (right, y)], GRID);
                let kind = Type::NOTE.align(Align::End);
                self.sheet.write((left - 4.5, y), label, kind);
            }
            self.sheet.line(&[(left - length, y), (left, y)], FRAME);
        }
        let line = [(left, self.area.top), (left, self.area.bottom())];
        self.sheet.line(&line, FRAME);
        let kind = Type {
            ink: Ink::Muted,
            upright: true,
            ..Type::PLAIN.align(Align::Middle)
        };
        let middle = (self.area.top + self.area.bottom()) / 2.0;
        self.sheet
            .write((left - self.tick_width() - 12.0, middle), title, kind);
    }

    /// The width of the widest label at the left.
    fn tick_width(&self) -> f64 {
        let ticks = self.y.ticks(self.area.height, |_| SMALL + 5.0);
        let labels = ticks.iter().filter_map(|t| t.label.as_deref());
        labels.map(|l| text::width(l, SMALL)).fold(0.0, f64::max)
    }

    /// A line across at a value of the lower axis: what others are relative to.
    pub fn upright(&self, x: f64) {
        let (x, _) = self.at(x, self.y.low());
        let line = [(x, self.area.top), (x, self.area.bottom())];
        self.sheet.line(&line, REFERENCE);
    }

    /// A line across at a value of the left axis.
    pub fn level(&self, y: f64) {
        let (_, y) = self.at(self.x.low(), y);
        let line = [(self.area.left, y), (self.area.right(), y)];
        self.sheet.line(&line, REFERENCE);
    }
}

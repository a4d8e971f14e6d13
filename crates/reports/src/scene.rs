//! A figure as a list of shapes: what plotters draws is recorded here, and written as SVG, PDF or PGF from here.
//!
//! ```text
//!        0 ────► x, in points (1/72 inch)
//!        │   ┌──────────────────────────┐
//!        ▼   │ shapes, later ones above │      marks: where a value is shown, and what to say of it;
//!        y   │                          │             seen on the page only
//!            └──────────────────────────┘
//! ```
//!
//! Plotters counts in whole pixels; a pixel is [`PIXEL`] of a point here, fine enough for print.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontTransform,
};

use crate::ink::Rgb;
use crate::text;

/// A pixel of plotters, in points.
pub const PIXEL: f64 = 0.05;

/// Points as pixels of plotters.
pub fn pixels(points: f64) -> i32 {
    (points / PIXEL).round() as i32
}

/// A place, in points from the upper left corner.
pub type Place = (f64, f64);

/// A colour that lets through what is behind it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paint {
    /// The colour on paper.
    pub rgb: Rgb,
    /// From 0, nothing to be seen, to 1.
    pub alpha: f64,
}

/// What is drawn.
#[derive(Clone, PartialEq, Debug)]
pub enum Shape {
    /// A line through places.
    Line {
        /// The places, at least two.
        places: Vec<Place>,
        /// Its colour.
        paint: Paint,
        /// Its width in points.
        width: f64,
    },
    /// A filled polygon.
    Polygon {
        /// The corners, at least three.
        places: Vec<Place>,
        /// Its colour.
        paint: Paint,
    },
    /// A circle.
    Circle {
        /// Its centre.
        center: Place,
        /// Its radius in points.
        radius: f64,
        /// Its colour.
        paint: Paint,
        /// The width of its line in points; `None` if it is filled.
        outline: Option<f64>,
    },
    /// A line of text.
    Text(Label),
}

/// Where a text is beside its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A line of text.
#[derive(Clone, PartialEq, Debug)]
pub struct Label {
    /// On its base line.
    pub place: Place,
    /// What it says.
    pub content: String,
    /// Where it is beside its place.
    pub align: Align,
    /// Its size in points.
    pub size: f64,
    /// Its colour.
    pub paint: Paint,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is read from below to above.
    pub upright: bool,
}

/// A rectangle, in points.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Area {
    /// Its left side.
    pub left: f64,
    /// Its upper side.
    pub top: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

impl Area {
    /// A rectangle around a place.
    pub fn around((x, y): Place, width: f64, height: f64) -> Area {
        Area {
            left: x - width / 2.0,
            top: y - height / 2.0,
            width,
            height,
        }
    }

    /// The smallest rectangle with two places in it.
    pub fn between(a: Place, b: Place) -> Area {
        Area {
            left: a.0.min(b.0),
            top: a.1.min(b.1),
            width: (a.0 - b.0).abs(),
            height: (a.1 - b.1).abs(),
        }
    }

    /// Its right side.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Its lower side.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Its middle.
    pub fn center(&self) -> Place {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// How much of it is in another one, in square points.
    pub fn overlap(&self, other: &Area) -> f64 {
        let wide = self.right().min(other.right()) - self.left.max(other.left);
        let high = self.bottom().min(other.bottom()) - self.top.max(other.top);
        wide.max(0.0) * high.max(0.0)
    }
}

/// A value that is shown somewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    /// Where it is.
    pub area: Area,
    /// What to say of it.
    pub title: String,
}

/// A figure as a list of shapes.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Scene {
    /// In points.
    pub width: f64,
    /// In points.
    pub height: f64,
    /// What is drawn, later ones above.
    pub shapes: Vec<Shape>,
    /// The values that are shown.
    pub marks: Vec<Mark>,
}

/// Plotters' way into a scene.
pub struct Recorder {
    scene: Rc<RefCell<Scene>>,
}

impl Recorder {
    /// A recorder and the scene that it records into, of this size in points.
    pub fn new(width: f64, height: f64) -> (Recorder, Rc<RefCell<Scene>>) {
        let scene = Rc::new(RefCell::new(Scene {
            width,
            height,
            ..Scene::default()
        }));
        (
            Recorder {
                scene: Rc::clone(&scene),
            },
            scene,
        )
    }

    fn push(&mut self, shape: Shape) -> Drawn {
        self.scene.borrow_mut().shapes.push(shape);
        Ok(())
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn place((x, y): BackendCoord) -> Place {
    (f64::from(x) * PIXEL, f64::from(y) * PIXEL)
}

fn paint(color: BackendColor) -> Paint {
    Paint {
        rgb: color.rgb,
        alpha: color.alpha,
    }
}

impl DrawingBackend for Recorder {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let scene = self.scene.borrow();
        let size = |points: f64| u32::try_from(pixels(points)).unwrap_or(0);
        (size(scene.width), size(scene.height))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let style = plotters::style::RGBAColor(color.rgb.0, color.rgb.1, color.rgb.2, color.alpha);
        self.draw_rect((x, y), (x + 1, y + 1), &style, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        if fill {
            self.fill_polygon(corners, style)
        } else {
            self.draw_path(corners.into_iter().chain([(left, top)]), style)
        }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let places: Vec<Place> = path.into_iter().map(place).collect();
        if places.len() < 2 {
            return Ok(());
        }
        self.push(Shape::Line {
            places,
            paint: paint(style.color()),
            width: f64::from(style.stroke_width()) * PIXEL,
        })
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.push(Shape::Circle {
            center: place(center),
            radius: f64::from(radius) * PIXEL,
            paint: paint(style.color()),
            outline: (!fill).then(|| f64::from(style.stroke_width()) * PIXEL),
        })
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let places: Vec<Place> = corners.into_iter().map(place).collect();
        if places.len() < 3 {
            return Ok(());
        }
        self.push(Shape::Polygon {
            places,
            paint: paint(style.color()),
        })
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        content: &str,
        style: &T,
        position: BackendCoord,
    ) -> Drawn {
        let size = style.size() * PIXEL;
        let upright = !matches!(style.transform(), FontTransform::None);
        let down = match style.anchor().v_pos {
            VPos::Top => text::CAP_HEIGHT * size,
            VPos::Center => text::CAP_HEIGHT / 2.0 * size,
            VPos::Bottom => 0.0,
        };
        let (x, y) = place(position);
        self.push(Shape::Text(Label {
            place: if upright {
                (x + down, y)
            } else {
                (x, y + down)
            },
            content: content.to_string(),
            align: match style.anchor().h_pos {
                HPos::Left => Align::Start,
                HPos::Center => Align::Middle,
                HPos::Right => Align::End,
            },
            size,
            paint: paint(style.color()),
            bold: style.style().as_str() == "bold",
            upright,
        }))
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        content: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = text::width(content, style.size());
        Ok((width.ceil() as u32, style.size().ceil() as u32))
    }
}

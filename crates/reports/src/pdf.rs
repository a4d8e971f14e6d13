//! A scene as PDF: one page of its size, with the font in the file.
//!
//! Written straight from the scene. The way through SVG and its libraries is longer, builds for minutes, and gives other
//! bytes each time, since tables without order decide where things are in the file.

use std::collections::BTreeMap;

use pdf_writer::types::LineJoinStyle;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use crate::font::{Font, Weight, deflate};
use crate::scene::{Align, Label, Paint, Place, Scene, Shape};

/// What cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PdfError {
    /// The crate with the fonts has changed.
    #[error("there is no font {0}")]
    NoFont(&'static str),
    /// A font cannot be cut down to what is used of it.
    #[error("a font cannot be embedded: {0}")]
    Subset(String),
}

const FONTS: [&[u8]; 2] = [b"F0", b"F1"];

/// Control points of a quarter of a circle, as a part of the radius: Bézier curves are within 0.03 % of it then.
const KAPPA: f64 = 0.552_284_75;

/// The bytes of a PDF with one page of the scene's size.
///
/// # Errors
/// If the font cannot be embedded.
pub fn write(scene: &Scene, title: &str) -> Result<Vec<u8>, PdfError> {
    let mut page = Page {
        height: scene.height,
        content: Content::new(),
        fonts: [Font::open(Weight::Regular)?, Font::open(Weight::Bold)?],
        alphas: BTreeMap::new(),
    };
    page.content.set_line_join(LineJoinStyle::RoundJoin);
    for shape in &scene.shapes {
        page.draw(shape);
    }
    page.file(scene, title)
}

struct Page {
    height: f64,
    content: Content,
    fonts: [Font; 2],
    /// The names of graphics states, by thousandths of opacity.
    alphas: BTreeMap<u16, String>,
}

impl Page {
    /// Upwards, as PDF counts.
    fn place(&self, (x, y): Place) -> (f32, f32) {
        (x as f32, (self.height - y) as f32)
    }

    fn paint(&mut self, paint: Paint) {
        let (r, g, b) = paint.rgb;
        let [r, g, b] = [r, g, b].map(|part| f32::from(part) / 255.0);
        self.content.set_fill_rgb(r, g, b).set_stroke_rgb(r, g, b);
        let thousandths = (paint.alpha.clamp(0.0, 1.0) * 1000.0).round() as u16;
        let name = self.alphas.entry(thousandths);
        let name = name.or_insert_with(|| format!("A{thousandths}"));
        self.content.set_parameters(Name(name.as_bytes()));
    }

    fn path(&mut self, places: &[Place]) {
        for (index, at) in places.iter().enumerate() {
            let (x, y) = self.place(*at);
            if index == 0 {
                self.content.move_to(x, y);
            } else {
                self.content.line_to(x, y);
            }
        }
    }

    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Line {
                places,
                paint,
                width,
            } => {
                self.paint(*paint);
                self.path(places);
                self.content.set_line_width(*width as f32).stroke();
            }
            Shape::Polygon { places, paint } => {
                self.paint(*paint);
                self.path(places);
                self.content.close_path().fill_nonzero();
            }
            Shape::Circle {
                center,
                radius,
                paint,
                outline,
            } => {
                self.paint(*paint);
                self.circle(*center, *radius);
                match outline {
                    Some(width) => self.content.set_line_width(*width as f32).stroke(),
                    None => self.content.fill_nonzero(),
                };
            }
            Shape::Text(label) => self.text(label),
        }
    }

    fn circle(&mut self, (x, y): Place, radius: f64) {
        // From the right over the top, a quarter at a time: where it goes, and the directions at both ends.
        let quarters = [(1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0), (1.0, 0.0)];
        let at = |(dx, dy): (f64, f64)| (x + dx * radius, y + dy * radius);
        let (right, up) = self.place(at(quarters[0]));
        self.content.move_to(right, up);
        for pair in quarters.windows(2) {
            let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
            let (x1, y1) = self.place(at((ax + KAPPA * bx, ay + KAPPA * by)));
            let (x2, y2) = self.place(at((bx + KAPPA * ax, by + KAPPA * ay)));
            let (x3, y3) = self.place(at(pair[1]));
            self.content.cubic_to(x1, y1, x2, y2, x3, y3);
        }
        self.content.close_path();
    }

    fn text(&mut self, label: &Label) {
        self.paint(label.paint);
        let index = usize::from(label.bold);
        let (glyphs, width) = self.fonts[index].set(&label.content);
        let back = width
            * label.size
            * match label.align {
                Align::Start => 0.0,
                Align::Middle => 0.5,
                Align::End => 1.0,
            };
        let (x, y) = label.place;
        let matrix = if label.upright {
            let (x, y) = self.place((x, y + back));
            [0.0, 1.0, -1.0, 0.0, x, y]
        } else {
            let (x, y) = self.place((x - back, y));
            [1.0, 0.0, 0.0, 1.0, x, y]
        };
        self.content
            .begin_text()
            .set_font(Name(FONTS[index]), label.size as f32)
            .set_text_matrix(matrix)
            .show(Str(&glyphs))
            .end_text();
    }

    /// The file: numbers of objects are given in a fixed order, so that its bytes follow from the scene.
    fn file(self, scene: &Scene, title: &str) -> Result<Vec<u8>, PdfError> {
        let [catalog, pages, page, content, info] = [1, 2, 3, 4, 5].map(Ref::new);
        let fonts = [Ref::new(10), Ref::new(20)];
        let state = |index: usize| Ref::new(30 + index as i32);
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([page]).count(1);
        pdf.document_info(info)
            .title(TextStr(title))
            .creator(TextStr("Bakeoff"));
        let mut leaf = pdf.page(page);
        leaf.parent(pages)
            .media_box(Rect::new(0.0, 0.0, scene.width as f32, scene.height as f32))
            .contents(content);
        let mut resources = leaf.resources();
        let mut names = resources.fonts();
        for ((name, font), reference) in FONTS.iter().zip(&self.fonts).zip(fonts) {
            if font.is_used() {
                names.pair(Name(name), reference);
            }
        }
        names.finish();
        let mut states = resources.ext_g_states();
        for (index, name) in self.alphas.values().enumerate() {
            states.pair(Name(name.as_bytes()), state(index));
        }
        states.finish();
        resources.finish();
        leaf.finish();
        for (index, thousandths) in self.alphas.keys().enumerate() {
            let alpha = f32::from(*thousandths) / 1000.0;
            pdf.ext_graphics(state(index))
                .stroking_alpha(alpha)
                .non_stroking_alpha(alpha);
        }
        let data = deflate(&self.content.finish());
        pdf.stream(content, &data).filter(Filter::FlateDecode);
        for (font, reference) in self.fonts.iter().zip(fonts) {
            if font.is_used() {
                font.write(&mut pdf, reference)?;
            }
        }
        Ok(pdf.finish())
    }
}

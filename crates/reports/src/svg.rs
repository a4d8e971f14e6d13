//! A scene as SVG.

use std::fmt::Write;

use crate::ink::{Ink, hex};
use crate::scene::{Align, Label, Paint, Place, Scene, Shape};
use crate::text::width_of;

/// Who shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Page,
    Print,
}

/// The families of text on paper: whose widths the layout knows, and who is as wide.
const PRINT_FONTS: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// An element to put into a page: colours are variables of the page, values are told where they are.
pub fn for_page(scene: &Scene, title: &str) -> String {
    write(scene, title, Use::Page)
}

/// A file that stands for itself.
pub fn for_print(scene: &Scene, title: &str) -> String {
    write(scene, title, Use::Print)
}

/// Text with what is special in XML and HTML escaped, and without control characters, which XML has no way to say.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number with at most two places, as short as it can be.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_string()
}

fn write(scene: &Scene, title: &str, target: Use) -> String {
    let (width, height) = (short(scene.width), short(scene.height));
    let title = escape(title);
    let mut out = match target {
        Use::Page => format!(
            "<svg class=\"scene\" viewBox=\"0 0 {width} {height}\" role=\"group\" tabindex=\"0\" aria-label=\"{title}\">\n"
        ),
        Use::Print => format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{PRINT_FONTS}\">\n<title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        ),
    };
    for shape in &scene.shapes {
        out.push_str(&element(shape, target));
        out.push('\n');
    }
    if target == Use::Page {
        for mark in &scene.marks {
            let [x, y, w, h] = [
                mark.area.left,
                mark.area.top,
                mark.area.width,
                mark.area.height,
            ]
            .map(short);
            let title = escape(&mark.title);
            // A string never fails to be written to.
            let _ = writeln!(
                out,
                "<rect class=\"mark\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"1.5\" role=\"img\" aria-label=\"{title}\"/>"
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// An attribute of a colour: a variable of the page where the colour has a meaning.
fn painted(property: &str, paint: Paint, target: Use) -> String {
    let value = match (target, Ink::of(paint.rgb)) {
        (Use::Page, Some(ink)) => format!("style=\"{property}:var({})\"", ink.css()),
        _ => format!("{property}=\"{}\"", hex(paint.rgb)),
    };
    if paint.alpha >= 1.0 {
        value
    } else {
        format!("{value} {property}-opacity=\"{}\"", short(paint.alpha))
    }
}

fn list(places: &[Place]) -> String {
    let pairs: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{},{}", short(*x), short(*y)))
        .collect();
    pairs.join(" ")
}

fn element(shape: &Shape, target: Use) -> String {
    match shape {
        Shape::Line {
            places,
            paint,
            width,
        } => format!(
            "<polyline points=\"{}\" fill=\"none\" {} stroke-width=\"{}\" stroke-linejoin=\"round\"/>",
            list(places),
            painted("stroke", *paint, target),
            short(*width)
        ),
        Shape::Polygon { places, paint } => format!(
            "<polygon points=\"{}\" {}/>",
            list(places),
            painted("fill", *paint, target)
        ),
        Shape::Circle {
            center: (x, y),
            radius,
            paint,
            outline,
        } => {
            let colours = match outline {
                None => painted("fill", *paint, target),
                Some(width) => format!(
                    "fill=\"none\" {} stroke-width=\"{}\"",
                    painted("stroke", *paint, target),
                    short(*width)
                ),
            };
            let (x, y, radius) = (short(*x), short(*y), short(*radius));
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {colours}/>")
        }
        Shape::Text(text) => label(text, target),
    }
}

fn label(label: &Label, target: Use) -> String {
    let (x, y) = (short(label.place.0), short(label.place.1));
    let anchor = match label.align {
        Align::Start => "",
        Align::Middle => " text-anchor=\"middle\"",
        Align::End => " text-anchor=\"end\"",
    };
    let weight = if label.bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let turn = if label.upright {
        format!(" transform=\"rotate(-90 {x} {y})\"")
    } else {
        String::new()
    };
    // Whatever font the reader has: text is as wide as the layout took it to be.
    let length = short(width_of(&label.content, label.size, label.bold));
    format!(
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" {}{anchor}{weight}{turn} textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>",
        short(label.size),
        painted("fill", label.paint, target),
        escape(&label.content)
    )
}

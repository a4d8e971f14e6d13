//! A scene as PGF, to `\input` in a LaTeX document.
//!
//! The document's own font sets the text, at the sizes of the scene. Needs `\usepackage{pgf}` and nothing else.

use std::fmt::Write;

use crate::latex::escape;
use crate::scene::{Align, Label, Paint, Place, Scene, Shape};
use crate::svg::short;

/// The scene as a picture; with a comment above it.
pub fn write(scene: &Scene, comment: &str) -> String {
    let mut out = String::new();
    // A carriage return would end the comment, too.
    let comment = comment.replace(|c: char| c.is_control(), " ");
    out.push_str(&format!("% {comment}\n"));
    out.push_str("% In a document: \\usepackage{pgf}, then \\input this file.\n");
    out.push_str("\\begingroup\n\\begin{pgfpicture}\n");
    let size = place(scene, (scene.width, 0.0));
    out.push_str(&format!(
        "\\pgfpathrectangle{{\\pgfpointorigin}}{{{size}}}\n\\pgfusepath{{use as bounding box}}\n"
    ));
    out.push_str("\\pgfsetroundjoin\n");
    let mut colour = None;
    for shape in &scene.shapes {
        let paint = match shape {
            Shape::Line { paint, .. }
            | Shape::Polygon { paint, .. }
            | Shape::Circle { paint, .. } => *paint,
            Shape::Text(label) => label.paint,
        };
        if colour != Some(paint) {
            set_colour(&mut out, paint);
            colour = Some(paint);
        }
        draw(&mut out, scene, shape);
    }
    out.push_str("\\end{pgfpicture}\n\\endgroup\n");
    out
}

/// A point of PGF: y grows upwards there, and points of print are TeX's big points.
fn place(scene: &Scene, (x, y): Place) -> String {
    let (x, y) = (short(x), short(scene.height - y));
    format!("\\pgfpoint{{{x}bp}}{{{y}bp}}")
}

fn set_colour(out: &mut String, paint: Paint) {
    let (r, g, b) = paint.rgb;
    let alpha = short(paint.alpha);
    // A string never fails to be written to.
    let _ = writeln!(out, "\\definecolor{{bakeoff}}{{RGB}}{{{r},{g},{b}}}%");
    let _ = writeln!(
        out,
        "\\pgfsetcolor{{bakeoff}}\\pgfsetfillopacity{{{alpha}}}\\pgfsetstrokeopacity{{{alpha}}}%"
    );
}

fn path(out: &mut String, scene: &Scene, places: &[Place]) {
    for (index, at) in places.iter().enumerate() {
        let to = if index == 0 { "move" } else { "line" };
        let _ = writeln!(out, "\\pgfpath{to}to{{{}}}%", place(scene, *at));
    }
}

fn draw(out: &mut String, scene: &Scene, shape: &Shape) {
    let stroke = |width: f64| {
        format!(
            "\\pgfsetlinewidth{{{}bp}}\\pgfusepath{{stroke}}",
            short(width)
        )
    };
    let end = match shape {
        Shape::Line { places, width, .. } => {
            path(out, scene, places);
            stroke(*width)
        }
        Shape::Polygon { places, .. } => {
            path(out, scene, places);
            "\\pgfpathclose\\pgfusepath{fill}".to_string()
        }
        Shape::Circle {
            center,
            radius,
            outline,
            ..
        } => {
            let radius = short(*radius);
            let center = place(scene, *center);
            let _ = writeln!(out, "\\pgfpathcircle{{{center}}}{{{radius}bp}}%");
            outline.map_or("\\pgfusepath{fill}".to_string(), stroke)
        }
        Shape::Text(label) => text(scene, label),
    };
    out.push_str(&end);
    out.push_str("%\n");
}

fn text(scene: &Scene, label: &Label) -> String {
    let align = match label.align {
        Align::Start => "left,",
        Align::Middle => "",
        Align::End => "right,",
    };
    let turn = if label.upright { ",rotate=90" } else { "" };
    let bold = if label.bold { "\\bfseries" } else { "" };
    let (size, skip) = (short(label.size), short(label.size * 1.2));
    let at = place(scene, label.place);
    let content = escape(&label.content);
    format!(
        "\\pgftext[{align}base,at={{{at}}}{turn}]{{\\fontsize{{{size}bp}}{{{skip}bp}}\\selectfont{bold} {content}}}"
    )
}

//! A scene as PDF, through its SVG for print.
//!
//! The font is in the file: text can be searched, and looks alike everywhere.

use std::sync::{Arc, LazyLock};

use svg2pdf::usvg;
use svg2pdf::usvg::fontdb;

use crate::scene::Scene;
use crate::svg;

/// What the libraries said.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The SVG was not understood.
    #[error("the SVG of a figure is not well-formed: {0}")]
    Svg(#[from] usvg::Error),
    /// The PDF could not be made.
    #[error("a figure cannot be written as PDF: {0}")]
    Pdf(svg2pdf::ConversionError),
}

/// The faces of the family that figures are printed in. Loading them is once enough for all figures.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for file in typst_assets::fonts() {
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(file)));
    }
    let of_print = |face: &fontdb::FaceInfo| {
        let mut names = face.families.iter();
        names.any(|(name, _)| name == svg::PRINT_FONT)
    };
    let others: Vec<fontdb::ID> = fonts
        .faces()
        .filter(|face| !of_print(face))
        .map(|face| face.id)
        .collect();
    for id in others {
        fonts.remove_face(id);
    }
    fonts.set_serif_family(svg::PRINT_FONT);
    Arc::new(fonts)
});

/// The bytes of a PDF with one page of the scene's size.
///
/// # Errors
/// If a library does not take what it gets; the message says what it is.
pub fn write(scene: &Scene, title: &str) -> Result<Vec<u8>, PdfError> {
    let options = usvg::Options {
        fontdb: Arc::clone(&FONTS),
        font_family: svg::PRINT_FONT.to_string(),
        // Units of the file are points, so that a page is as large as the scene.
        dpi: 72.0,
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(&svg::for_print(scene, title), &options)?;
    let page = svg2pdf::PageOptions { dpi: 72.0 };
    svg2pdf::to_pdf(&tree, svg2pdf::ConversionOptions::default(), page).map_err(PdfError::Pdf)
}

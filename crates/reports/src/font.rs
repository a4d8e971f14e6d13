//! The font of PDFs: Libertinus Serif (SIL Open Font License), with only those glyphs in a file that it uses.
//!
//! A text is shown as glyph numbers of the subset, two bytes each (PDF 1.7, 9.7: composite fonts). A map back to characters is
//! beside it, so that text can be searched and copied.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Filter, Finish, Name, Pdf, Rect, Ref, Str};
use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId, Tag, name_id};

use crate::pdf::PdfError;

/// A weight of the family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// For most text.
    Regular,
    /// For titles.
    Bold,
}

impl Weight {
    /// The name in PostScript.
    const fn name(self) -> &'static str {
        match self {
            Weight::Regular => "LibertinusSerif-Regular",
            Weight::Bold => "LibertinusSerif-Bold",
        }
    }
}

/// A font, and what of it is used.
pub struct Font {
    name: &'static str,
    file: &'static [u8],
    face: Face<'static>,
    remapper: GlyphRemapper,
    /// The character of each glyph of the subset.
    characters: BTreeMap<u16, char>,
}

/// How the numbers of glyphs are to be understood: as they are.
const IDENTITY: SystemInfo<'static> = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

impl Font {
    /// A font of which nothing is used yet.
    ///
    /// # Errors
    /// If the crate that carries the fonts has it not.
    pub fn open(weight: Weight) -> Result<Font, PdfError> {
        let named = |file: &'static [u8]| {
            let face = Face::parse(file, 0).ok()?;
            let mut names = face.names().into_iter();
            let own = |n: &ttf_parser::name::Name<'_>| {
                n.name_id == name_id::POST_SCRIPT_NAME
                    && n.to_string().as_deref() == Some(weight.name())
            };
            names.any(|n| own(&n)).then_some((file, face))
        };
        let (file, face) = typst_assets::fonts()
            .find_map(named)
            .ok_or(PdfError::NoFont(weight.name()))?;
        Ok(Font {
            name: weight.name(),
            file,
            face,
            remapper: GlyphRemapper::new(),
            characters: BTreeMap::new(),
        })
    }

    /// Whether a text was set in it.
    pub fn is_used(&self) -> bool {
        !self.characters.is_empty()
    }

    /// The glyphs of a text, as they are shown, and its width for a size of 1. What the font has not is a question mark.
    pub fn set(&mut self, text: &str) -> (Vec<u8>, f64) {
        let (mut shown, mut width) = (Vec::new(), 0.0);
        for character in text.chars() {
            let found = self.face.glyph_index(character).map(|g| (g, character));
            let found = found.or_else(|| self.face.glyph_index('?').map(|g| (g, '?')));
            let Some((glyph, character)) = found else {
                continue;
            };
            let number = self.remapper.remap(glyph.0);
            self.characters.entry(number).or_insert(character);
            shown.extend(number.to_be_bytes());
            width += self.advance(glyph);
        }
        (shown, width)
    }

    fn em(&self) -> f64 {
        f64::from(self.face.units_per_em())
    }

    fn advance(&self, glyph: GlyphId) -> f64 {
        f64::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) / self.em()
    }

    /// Writes the objects of the font, five from `first` on; `first` is the font itself.
    ///
    /// # Errors
    /// If the font cannot be cut down to what is used.
    pub fn write(&self, pdf: &mut Pdf, first: Ref) -> Result<(), PdfError> {
        let [cid, descriptor, map, program] = [1, 2, 3, 4].map(|next| Ref::new(first.get() + next));
        let subset = subsetter::subset(self.file, 0, &self.remapper)
            .map_err(|error| PdfError::Subset(error.to_string()))?;
        let table = ttf_parser::RawFace::parse(&subset, 0).ok();
        let table = table.and_then(|face| face.table(Tag::from_bytes(b"CFF ")));
        let outlines = table.ok_or_else(|| PdfError::Subset("no outlines".to_string()))?;
        let name = format!("{}+{}", self.tag(), self.name);
        pdf.type0_font(first)
            .base_font(Name(format!("{name}-Identity-H").as_bytes()))
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(map);
        let mut font = pdf.cid_font(cid);
        font.subtype(CidFontType::Type0)
            .base_font(Name(name.as_bytes()))
            .system_info(IDENTITY)
            .font_descriptor(descriptor)
            .default_width(0.0);
        let glyphs = self.remapper.remapped_gids();
        let advances = glyphs.map(|glyph| (self.advance(GlyphId(glyph)) * 1000.0) as f32);
        font.widths().consecutive(0, advances);
        font.finish();
        self.describe(pdf, descriptor, program, &name);
        let mut characters = UnicodeCmap::new(Name(b"Characters"), IDENTITY);
        for (glyph, character) in &self.characters {
            characters.pair(*glyph, *character);
        }
        pdf.cmap(map, &characters.finish());
        let data = deflate(outlines);
        let mut stream = pdf.stream(program, &data);
        stream.filter(Filter::FlateDecode);
        stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
        stream.finish();
        Ok(())
    }

    fn describe(&self, pdf: &mut Pdf, descriptor: Ref, program: Ref, name: &str) {
        let scaled = |units: i16| (f64::from(units) / self.em() * 1000.0) as f32;
        let bounds = self.face.global_bounding_box();
        let bold = self.face.is_bold();
        pdf.font_descriptor(descriptor)
            .name(Name(name.as_bytes()))
            .flags(FontFlags::SERIF | FontFlags::SYMBOLIC)
            .bbox(Rect::new(
                scaled(bounds.x_min),
                scaled(bounds.y_min),
                scaled(bounds.x_max),
                scaled(bounds.y_max),
            ))
            .italic_angle(0.0)
            .ascent(scaled(self.face.ascender()))
            .descent(scaled(self.face.descender()))
            .cap_height(scaled(self.face.capital_height().unwrap_or(0)))
            .stem_v(if bold { 140.0 } else { 80.0 })
            .font_file3(program);
    }

    /// Six letters that differ if what is used differs (PDF 1.7, 9.6.4); FNV-1a over the glyphs.
    fn tag(&self) -> String {
        let hash = self
            .remapper
            .remapped_gids()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, glyph| {
                (hash ^ u64::from(glyph)).wrapping_mul(0x100_0000_01b3)
            });
        let letter = |place: u32| char::from(b'A' + (hash / 26_u64.pow(place) % 26) as u8);
        (0..6).map(letter).collect()
    }
}

/// Data as PDF readers inflate it.
pub fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    let written = encoder.write_all(data);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

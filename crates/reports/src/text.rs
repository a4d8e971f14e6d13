//! How wide text is, before it is known which font will show it.
//!
//! A scene is shown in the page's sans serif, in the PDF's Libertinus, or in a paper's own font. Layout needs a width
//! that none of them exceeds by much: the advance widths of Helvetica (Adobe's AFM file of it), the widest of the fonts that
//! are usual there.

/// Advance widths of the characters from space to tilde, in thousandths of the size.
#[rustfmt::skip]
const ADVANCE: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// What others are taken for: most letters with accents are narrower, few signs are wider.
const OTHER: u16 = 600;

/// How much wider bold text is.
const BOLD: f64 = 1.08;

/// The height of capitals, as a part of the size.
pub const CAP_HEIGHT: f64 = 0.70;

/// How far letters reach below the line, as a part of the size.
pub const DEPTH: f64 = 0.22;

/// The width of a text, in the unit of the size.
pub fn width(text: &str, size: f64) -> f64 {
    let advance = |c: char| match u32::from(c).checked_sub(32) {
        Some(index) => ADVANCE.get(index as usize).copied().unwrap_or(OTHER),
        None => 0,
    };
    text.chars().map(|c| f64::from(advance(c))).sum::<f64>() * size / 1000.0
}

/// The width of a text that is perhaps bold.
pub fn width_of(text: &str, size: f64, bold: bool) -> f64 {
    width(text, size) * if bold { BOLD } else { 1.0 }
}

/// The text, cut with an ellipsis where it would be wider than `limit`.
pub fn fit(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_string();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if width(&kept, size) + width(&format!("{c}…"), size) > limit {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up_and_fit_is_within_its_limit() {
        assert!((width("Ab ", 10.0) - (6.67 + 5.56 + 2.78)).abs() < 1e-9);
        assert_eq!(width("\n", 10.0), 0.0);
        assert_eq!(fit("dynasm", 10.0, 100.0), "dynasm");
        let cut = fit("cranelift-none-single-pass", 10.0, 60.0);
        assert!(
            cut.ends_with('…') && width(&cut, 10.0) <= 60.0 && cut.len() > 8,
            "{cut}"
        );
    }
}

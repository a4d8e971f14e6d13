//! Text for LaTeX.

/// Text with what is special in LaTeX escaped. Signs that figures use are written so that any engine has them; letters
/// beyond Latin are written as their number, since no font is sure to have them.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("{\\char34}"),
            '\'' => escaped.push_str("\\textquotesingle{}"),
            '`' => escaped.push_str("\\textasciigrave{}"),
            // A minus of its own is a hyphen; two in a row would be a dash.
            '-' => escaped.push_str("-{}"),
            '−' => escaped.push_str("$-$"),
            '×' => escaped.push_str("$\\times$"),
            '±' => escaped.push_str("$\\pm$"),
            '≥' => escaped.push_str("$\\geq$"),
            '≤' => escaped.push_str("$\\leq$"),
            '∞' => escaped.push_str("$\\infty$"),
            '→' => escaped.push_str("$\\rightarrow$"),
            'µ' => escaped.push_str("\\textmu{}"),
            '…' => escaped.push_str("\\ldots{}"),
            '–' => escaped.push_str("--"),
            '·' => escaped.push_str("$\\cdot$"),
            ' '..='~' => escaped.push(c),
            '\u{a1}'..='\u{17f}' => escaped.push(c),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push_str(&format!("U+{:04X}", u32::from(c))),
        }
    }
    escaped
}

/// A caption: what stands between backticks is a command. Long words of it may be broken.
pub fn caption(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| {
        let part = escape(part);
        if index % 2 == 1 {
            format!("\\texttt{{{part}}}")
        } else {
            part
        }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_captions_are_closed() {
        assert_eq!(caption("a `b_c` d"), "a \\texttt{b\\_c} d");
        assert_eq!(caption("a `b"), "a \\texttt{b}");
    }

    #[test]
    fn nothing_special_survives() {
        assert_eq!(
            escape("a_b\\c%d&e#f{g}$h^~"),
            "a\\_b\\textbackslash{}c\\%d\\&e\\#f\\{g\\}\\$h\\textasciicircum{}\\textasciitilde{}"
        );
        assert_eq!(
            escape("12 µs × 3 −1 é"),
            "12 \\textmu{}s $\\times$ 3 $-$1 é"
        );
        assert_eq!(escape("--"), "-{}-{}");
        assert_eq!(escape("\u{1f600}\n"), "U+1F600 ");
    }
}

//! Pages of which programs write parts: a *section* stands between two marks, and the rest is
//! people's.
//!
//! ```text
//! <!-- clif: begin -->
//! what a program wrote
//! <!-- clif: end -->
//! ```

/// The page with the section of this name replaced; `None` if the page does not have both marks, in
/// order, each on a line of its own. What surrounds the section stays as it is to the byte.
pub fn replace_section(page: &str, name: &str, body: &str) -> Option<String> {
    let begin = format!("<!-- {name}: begin -->\n");
    let end = format!("<!-- {name}: end -->");
    let start = find_line(page, &begin, 0)? + begin.len();
    let stop = find_line(page, &end, start)?;
    let body = body.trim_end();
    Some(format!("{}{body}\n{}", &page[..start], &page[stop..]))
}

/// Where a mark stands that begins a line, from this offset on.
fn find_line(page: &str, mark: &str, from: usize) -> Option<usize> {
    let places = page[from..].match_indices(mark).map(|(at, _)| from + at);
    let mut lines = places.filter(|at| *at == 0 || page[..*at].ends_with('\n'));
    lines.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "head\n<!-- a: begin -->\nold\n<!-- a: end -->\nbetween\n<!-- b: begin -->\n<!-- b: end -->\nfoot";

    #[test]
    fn a_section_is_replaced_and_nothing_else() {
        let page = replace_section(PAGE, "a", "new\nlines\n\n").unwrap();
        assert_eq!(page, PAGE.replace("old", "new\nlines"));
        let page = replace_section(PAGE, "b", "first").unwrap();
        assert_eq!(
            page,
            PAGE.replace("<!-- b: end -->", "first\n<!-- b: end -->")
        );
        assert_eq!(
            replace_section(&page, "b", "first").as_deref(),
            Some(&page[..])
        );
    }

    #[test]
    fn a_page_without_the_marks_stays() {
        assert_eq!(replace_section(PAGE, "c", "x"), None);
        assert_eq!(
            replace_section("<!-- a: end -->\n<!-- a: begin -->\n", "a", "x"),
            None
        );
        assert_eq!(
            replace_section("see <!-- a: begin -->\n<!-- a: end -->", "a", "x"),
            None
        );
        assert_eq!(replace_section("<!-- a: begin -->\n", "a", "x"), None);
    }
}

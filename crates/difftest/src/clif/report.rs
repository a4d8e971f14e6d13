//! What people read of a report: a table for the terminal, a section of a page.

use std::fmt::{self, Write};
use std::path::Path;

use super::{ClifTestError, Report};
use crate::page::replace_section;

/// The section of the page about conformance that [`Report::write`] owns.
const SECTION: &str = "clif";

/// How many failures the terminal shows.
const SHOWN_FAILURES: usize = 50;

impl Report {
    /// Lines that the frontend skipped.
    fn skipped_lines(&self) -> usize {
        self.skipped.values().map(|skipped| skipped.lines).sum()
    }

    /// The reasons, the most lines first.
    fn reasons(&self) -> Vec<(&str, super::Skipped)> {
        let mut reasons: Vec<_> = self
            .skipped
            .iter()
            .map(|(what, skipped)| (what.as_str(), *skipped))
            .collect();
        reasons.sort_by_key(|(what, skipped)| (std::cmp::Reverse(skipped.lines), *what));
        reasons
    }

    /// What the section of a page says. `revision` is what the files are a copy of.
    pub fn section(&self, revision: &str) -> String {
        let mut out = format!(
            "Written by `bakeoff clif-test PATH --revision TEXT --write docs/conformance.md`.\n\n\
             The `; run:` lines of {revision}: {} files, of which {} functions are in, each of them \
             on every configuration; lines passed / failed / skipped.\n\n\
             | configuration | lines |\n|---|---:|\n",
            self.files, self.functions
        );
        // Writing to a string cannot fail.
        for (name, tally) in &self.tallies {
            let skipped = self.skipped_lines() + tally.unsupported;
            let (passed, failed) = (tally.passed, tally.failed);
            let _ = writeln!(out, "| `{name}` | {passed} / {failed} / {skipped} |");
        }
        let _ = writeln!(
            out,
            "\nA function that uses what the IR has no word for is left out, and its lines are skipped.\n\n\
             | reason | functions | lines |\n|---|---:|---:|"
        );
        for (what, skipped) in self.reasons() {
            let _ = writeln!(
                out,
                "| {what} | {} | {} |",
                skipped.functions, skipped.lines
            );
        }
        out
    }

    /// Writes the section of a page.
    ///
    /// # Errors
    /// If the page cannot be read or written, or has no such section.
    pub fn write(&self, path: &Path, revision: &str) -> Result<(), ClifTestError> {
        let page = std::fs::read_to_string(path).map_err(|error| ClifTestError::Read {
            path: path.to_path_buf(),
            error,
        })?;
        let page = replace_section(&page, SECTION, &self.section(revision)).ok_or_else(|| {
            ClifTestError::NoSection {
                path: path.to_path_buf(),
                section: SECTION,
            }
        })?;
        std::fs::write(path, page).map_err(|error| ClifTestError::Write {
            path: path.to_path_buf(),
            error,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in self.failures.iter().take(SHOWN_FAILURES) {
            writeln!(f, "{failure}")?;
        }
        if self.failures.len() > SHOWN_FAILURES {
            writeln!(f, "and {} more", self.failures.len() - SHOWN_FAILURES)?;
        }
        writeln!(f, "{} files, {} functions", self.files, self.functions)?;
        let width = self.tallies.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or(0).max("configuration".len());
        writeln!(
            f,
            "{:width$}  {:>7}  {:>7}  {:>7}",
            "configuration", "passed", "failed", "skipped"
        )?;
        for (name, tally) in &self.tallies {
            let skipped = self.skipped_lines() + tally.unsupported;
            writeln!(
                f,
                "{name:width$}  {:7}  {:7}  {skipped:7}",
                tally.passed, tally.failed
            )?;
        }
        if self.skipped.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:>9}  {:>7}  skipped because of",
            "functions", "lines"
        )?;
        for (what, skipped) in self.reasons() {
            writeln!(f, "{:9}  {:7}  {what}", skipped.functions, skipped.lines)?;
        }
        Ok(())
    }
}

//! The section `wasm-spec` of the page about conformance, made from the results.

use std::fmt::Write;
use std::path::PathBuf;

use bakeoff_difftest::page::replace_section;
use bakeoff_registry::CONFIGURATIONS;
use bakeoff_wasm_spec::Suite;

use crate::Tallies;
use crate::pins::{PINS, REASONS};

const SECTION: &str = "wasm-spec";

const HEAD: &str = "Made by a test; `UPDATE_DOCS=1 cargo test -p bakeoff-registry --test wasm_spec` writes it again.

The test suite of the WebAssembly specification, executed: commands passed / failed / skipped, the same
with guard pages and with explicit bounds checks.

";

const SKIPPED: &str = "
### What is skipped

Instances that share something are asked nothing from then on, whatever the question: that is where most
of these commands come from.

";

fn suite_name(suite: Suite) -> &'static str {
    match suite {
        Suite::Version1 => "version 1",
        Suite::Version2 => "version 2, no SIMD",
        Suite::TailCall => "tail calls",
    }
}

fn header(first: &str) -> String {
    let names: Vec<&str> = PINS.iter().map(|pin| suite_name(pin.suite)).collect();
    let columns = "---:|".repeat(PINS.len());
    format!("| {first} | {} |\n|---|{columns}\n", names.join(" | "))
}

fn render(results: &[Tallies]) -> String {
    let mut page = HEAD.to_string() + &header("configuration");
    for (index, configuration) in CONFIGURATIONS.iter().enumerate() {
        let cells: Vec<String> = results
            .iter()
            .map(|tallies| {
                let [passed, failed, skipped] = tallies[index][0].totals();
                format!("{passed} / {failed} / {skipped}")
            })
            .collect();
        writeln!(page, "| `{}` | {} |", configuration.name, cells.join(" | ")).unwrap();
    }
    page += SKIPPED;
    page += &header("a command that");
    for (reason, _) in REASONS {
        let count = |skipped: &[(&str, usize)]| {
            let entry = skipped.iter().find(|(name, _)| *name == reason);
            entry.map_or(0, |(_, count)| *count).to_string()
        };
        let cells: Vec<String> = PINS.iter().map(|pin| count(pin.skipped)).collect();
        writeln!(page, "| {reason} | {} |", cells.join(" | ")).unwrap();
    }
    page.push('\n');
    for (reason, why) in REASONS {
        writeln!(page, "* *{reason}*: {why}").unwrap();
    }
    page
}

pub(crate) fn check_or_update(results: &[Tallies]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let current = std::fs::read_to_string(&path).unwrap();
    let page = replace_section(&current, SECTION, &render(results)).expect("the section's marks");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    assert_eq!(
        current, page,
        "docs/conformance.md is stale; write it again with UPDATE_DOCS=1"
    );
}

//! What testing with modules came to: counts, findings, and the text of both.

use std::collections::BTreeMap;
use std::fmt::Write;

use bakeoff_registry::Configuration;

use super::outside::{Cut, Outcome, Transcript};
use crate::page::replace_section;

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The number of the module.
    pub number: u64,
    /// The name of the configuration, or `front end`.
    pub configuration: &'static str,
    /// What differs from wasmi, in words.
    pub what: String,
    /// The module.
    pub wasm: Vec<u8>,
}

/// The modules on a configuration.
#[derive(Clone)]
pub struct Tally {
    /// The configuration.
    pub configuration: &'static Configuration,
    /// Modules with which everything that was compared was the same.
    pub passed: u64,
    /// Modules with a finding.
    pub failed: u64,
    /// Modules that were not run, or not to the end, by reason.
    pub skipped: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn skip(&mut self, why: String) {
        *self.skipped.entry(why).or_default() += 1;
    }
}

/// What testing came to.
#[derive(Clone)]
pub struct WasmReport {
    /// Modules that were made.
    pub modules: u64,
    /// Instances that wasmi made of them.
    pub instances: u64,
    /// How starts of instances that failed ended, by the name of the trap.
    pub failed_starts: BTreeMap<String, u64>,
    /// How calls ended, by the name of the trap; `values` for those that returned.
    pub calls: BTreeMap<String, u64>,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Modules that wasmi does not run, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Modules with calls that were not compared, by reason.
    pub cut: BTreeMap<Cut, u64>,
    /// Each configuration.
    pub configurations: Vec<Tally>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// How a call that returned is counted.
const VALUES: &str = "values";

/// The section of the page about conformance.
const SECTION: &str = "wasm-smith";

impl WasmReport {
    pub(super) fn new(configurations: &[&'static Configuration]) -> WasmReport {
        let tally = |configuration: &&'static Configuration| Tally {
            configuration,
            passed: 0,
            failed: 0,
            skipped: BTreeMap::new(),
        };
        WasmReport {
            modules: 0,
            instances: 0,
            failed_starts: BTreeMap::new(),
            calls: BTreeMap::new(),
            host_calls: 0,
            refused: BTreeMap::new(),
            cut: BTreeMap::new(),
            configurations: configurations.iter().map(tally).collect(),
            findings: Vec::new(),
        }
    }

    pub(super) fn count_refused(&mut self, why: String) {
        *self.refused.entry(why).or_default() += 1;
    }

    pub(super) fn count_transcript(&mut self, transcript: &Transcript) {
        for life in &transcript.lives {
            self.instances += 1;
            self.host_calls += life.trace.len() as u64;
            if life.start != Outcome::Values(Vec::new()) {
                *self.failed_starts.entry(ending(&life.start)).or_default() += 1;
            }
            for call in &life.calls {
                *self.calls.entry(ending(&call.outcome)).or_default() += 1;
            }
        }
        if let Some(cut) = transcript.cut {
            *self.cut.entry(cut).or_default() += 1;
        }
    }

    /// All calls.
    pub fn total_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls that returned.
    pub fn returned(&self) -> u64 {
        self.calls.get(VALUES).copied().unwrap_or_default()
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// A page with its section `wasm-smith` made of this report, which a command line was run for; `None`
    /// if the page has no such section.
    pub fn in_page(&self, page: &str, command: &str) -> Option<String> {
        let body = format!(
            "## Modules at random\n\nMade by a command; `{command}` writes it again.\n\n\
             Modules of wasm-smith, run by wasmi 1.1.0: results, traps, calls of the host, memories, tables and globals\n\
             have to be the same, bit by bit. Half of the modules have guard pages, the others explicit bounds checks.\n\n{}",
            self.to_markdown()
        );
        replace_section(page, SECTION, &body)
    }

    /// The report without its findings, in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        let calls = self.total_calls();
        writeln!(
            text,
            "{} modules, {} instances, {calls} calls, {} calls of the host.\n",
            self.modules, self.instances, self.host_calls
        )?;
        writeln!(text, "| configuration | passed | failed | skipped |")?;
        writeln!(text, "|---|---:|---:|---:|")?;
        for tally in &self.configurations {
            let skipped: u64 = tally.skipped.values().sum();
            let name = tally.configuration.name;
            writeln!(
                text,
                "| `{name}` | {} | {} | {skipped} |",
                tally.passed, tally.failed
            )?;
        }
        self.write_reasons(text)?;
        writeln!(text, "\n| calls that ended with | count | share |")?;
        writeln!(text, "|---|---:|---:|")?;
        for (name, count) in &self.calls {
            let share = *count as f64 / calls as f64 * 100.0;
            writeln!(text, "| {name} | {count} | {share:.1} % |")?;
        }
        for (name, count) in &self.failed_starts {
            writeln!(
                text,
                "| {name}, of an instance that was not made | {count} | - |"
            )?;
        }
        Ok(())
    }

    fn write_reasons(&self, text: &mut String) -> std::fmt::Result {
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for tally in &self.configurations {
            for (why, count) in &tally.skipped {
                *reasons
                    .entry(format!("`{}`: {why}", tally.configuration.name))
                    .or_default() += count;
            }
        }
        for (why, count) in &self.refused {
            *reasons
                .entry(format!("all: wasmi does not run it: {why}"))
                .or_default() += count;
        }
        for (cut, count) in &self.cut {
            let why = match cut {
                Cut::StackOverflow => "wasmi's stack overflowed",
                Cut::TypesThatAreOne => {
                    "an indirect call found another type, and the IR has them as one"
                }
            };
            *reasons
                .entry(format!("all: compared up to a call only: {why}"))
                .or_default() += count;
        }
        if reasons.is_empty() {
            return Ok(());
        }
        writeln!(text, "\n| skipped, or not compared to the end | modules |")?;
        writeln!(text, "|---|---:|")?;
        for (why, count) in &reasons {
            writeln!(text, "| {why} | {count} |")?;
        }
        Ok(())
    }
}

fn ending(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Values(_) => VALUES.to_string(),
        Outcome::Trap(code) => format!("`{code}`"),
    }
}

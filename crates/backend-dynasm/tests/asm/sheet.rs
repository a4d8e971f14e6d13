//! What the comments of a file say.

use std::mem::take;

use bakeoff_backend::{BoundsChecks, Cpu, Options};
use bakeoff_backend_dynasm::{ALL, Dynasm, NO_FUSION, SPILL};
use iced_x86::Mnemonic;

use crate::code::{Code, listing};
use crate::pattern::{Reached, Step, compare, missing_place};

/// How a file is compiled, and what must come out.
pub(crate) struct Sheet {
    pub(crate) backend: &'static Dynasm,
    pub(crate) options: Options,
    /// What it needs and this processor does not have.
    pub(crate) missing: Vec<String>,
    pub(crate) expectations: Vec<Expectation>,
}

/// What a function must be.
pub(crate) struct Expectation {
    /// The line of the directive.
    pub(crate) line: usize,
    /// With the `@`.
    pub(crate) function: String,
    steps: Vec<Step>,
    /// Their lines.
    lines: Vec<usize>,
    /// Mnemonics that must not occur, and the lines that say so.
    forbidden: Vec<(usize, String)>,
}

/// The words that begin a directive.
const DIRECTIVES: [&str; 6] = ["asm", "not", "cpu", "bounds", "config", "needs"];

impl Sheet {
    pub(crate) fn parse(source: &str) -> Result<Sheet, String> {
        let mut reader = Reader::new();
        for (index, line) in source.lines().enumerate() {
            let number = index + 1;
            reader
                .line(number, line)
                .map_err(|error| format!("{number}: {error}"))?;
        }
        let sheet = reader.sheet;
        if sheet.expectations.is_empty() {
            return Err("0: nothing is expected".to_string());
        }
        for expectation in &sheet.expectations {
            expectation
                .verify()
                .map_err(|error| format!("{}: {error}", expectation.line))?;
        }
        Ok(sheet)
    }
}

struct Reader {
    sheet: Sheet,
    /// Directives that say how to compile and have been seen.
    seen: Vec<String>,
    /// Something else than those has been seen.
    has_begun: bool,
    /// The last line belongs to an expectation.
    is_open: bool,
}

impl Reader {
    fn new() -> Reader {
        Reader {
            sheet: Sheet {
                backend: &ALL,
                options: Options::default(),
                missing: Vec::new(),
                expectations: Vec::new(),
            },
            seen: Vec::new(),
            has_begun: false,
            is_open: false,
        }
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let was_open = take(&mut self.is_open);
        let Some(comment) = line.trim_start().strip_prefix(';') else {
            self.has_begun |= !line.trim().is_empty();
            return Ok(());
        };
        let text = comment.trim();
        let open = self.sheet.expectations.last_mut().filter(|_| was_open);
        if comment.starts_with("   ") {
            let open = open.ok_or("a line of no function")?;
            open.steps.push(Step::parse(text)?);
            open.lines.push(number);
            self.is_open = true;
            return Ok(());
        }
        let word = text.split(' ').next().unwrap_or_default();
        let Some(directive) = word.strip_suffix(':') else {
            return match DIRECTIVES.contains(&word) {
                true => Err(format!("`{word}` without a colon")),
                false => Ok(()),
            };
        };
        let argument = text[word.len()..].trim();
        match directive {
            "asm" => {
                let expectation = Expectation::new(number, argument)?;
                self.sheet.expectations.push(expectation);
            }
            "not" => {
                let open = open.ok_or("`not` of no function")?;
                open.forbidden.push((number, mnemonic(argument)?));
            }
            _ => return self.setting(directive, argument),
        }
        self.has_begun = true;
        self.is_open = true;
        Ok(())
    }

    /// A directive that says how to compile.
    fn setting(&mut self, directive: &str, argument: &str) -> Result<(), String> {
        if self.has_begun {
            return Err(format!("no directive here: `{directive}`"));
        }
        if self.seen.iter().any(|seen| seen == directive) {
            return Err(format!("`{directive}` again"));
        }
        self.seen.push(directive.to_string());
        let sheet = &mut self.sheet;
        match (directive, argument) {
            ("cpu", "baseline") => sheet.options.cpu = Cpu::Baseline,
            ("bounds", "explicit") => sheet.options.bounds_checks = BoundsChecks::Explicit,
            ("config", "no-fusion") => sheet.backend = &NO_FUSION,
            ("config", "spill") => sheet.backend = &SPILL,
            ("needs", features) => {
                for feature in features.split(',').map(str::trim) {
                    if !has_feature(feature)? {
                        sheet.missing.push(feature.to_string());
                    }
                }
            }
            _ => return Err(format!("no such directive: `{directive}: {argument}`")),
        }
        Ok(())
    }
}

/// Whether this processor has a feature.
fn has_feature(name: &str) -> Result<bool, String> {
    match name {
        "sse4.1" => Ok(is_x86_feature_detected!("sse4.1")),
        "popcnt" => Ok(is_x86_feature_detected!("popcnt")),
        "lzcnt" => Ok(is_x86_feature_detected!("lzcnt")),
        "bmi1" => Ok(is_x86_feature_detected!("bmi1")),
        "bmi2" => Ok(is_x86_feature_detected!("bmi2")),
        "fma" => Ok(is_x86_feature_detected!("fma")),
        _ => Err(format!("no such feature: `{name}`")),
    }
}

/// A mnemonic that there is.
fn mnemonic(name: &str) -> Result<String, String> {
    let is_it = |mnemonic: Mnemonic| format!("{mnemonic:?}").eq_ignore_ascii_case(name);
    match Mnemonic::values().any(is_it) {
        true => Ok(name.to_string()),
        false => Err(format!("no such instruction: `{name}`")),
    }
}

impl Expectation {
    fn new(line: usize, function: &str) -> Result<Expectation, String> {
        match function.strip_prefix('@') {
            Some(name) if !name.is_empty() && !name.contains(' ') => Ok(Expectation {
                line,
                function: function.to_string(),
                steps: Vec::new(),
                lines: Vec::new(),
                forbidden: Vec::new(),
            }),
            _ => Err(format!("no name of a function: `{function}`")),
        }
    }

    /// Whether it says something that can be true.
    fn verify(&self) -> Result<(), String> {
        if self.forbidden.is_empty() && self.steps.iter().all(|step| matches!(step, Step::Gap)) {
            return Err("nothing is expected".to_string());
        }
        match missing_place(&self.steps) {
            Some(place) => Err(format!("`{place}` is nowhere")),
            None => Ok(()),
        }
    }

    /// What is wrong with the code of the function.
    pub(crate) fn check(&self, code: &Code) -> Vec<String> {
        let mut errors = Vec::new();
        if !self.steps.is_empty()
            && let Err(reached) = compare(&self.steps, code)
        {
            errors.push(self.mismatch(&reached, code));
        }
        for (line, name) in &self.forbidden {
            if let Some(index) = code.iter().position(|inst| inst.mnemonic == *name) {
                let listing = listing(code, Some(index));
                errors.push(format!("{line}: {}: `{name}`\n{listing}", self.function));
            }
        }
        errors
    }

    fn mismatch(&self, reached: &Reached, code: &Code) -> String {
        let line = self
            .lines
            .get(reached.step)
            .or(self.lines.last())
            .unwrap_or(&self.line);
        let found = match code.get(reached.inst) {
            Some(inst) => format!("`{inst}`"),
            None => "the end".to_string(),
        };
        let what = match self.steps.get(reached.step) {
            Some(step) => format!("`{step}` does not fit {found}"),
            None => format!("{found} is left over"),
        };
        let bound = reached
            .bindings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        let bound = bound.collect::<Vec<_>>().join(", ");
        let listing = listing(code, Some(reached.inst));
        format!(
            "{line}: {}: {what}\n  bound: {bound}\n{listing}",
            self.function
        )
    }
}

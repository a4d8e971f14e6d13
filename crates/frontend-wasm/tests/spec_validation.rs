//! The specification's test suite, as far as it needs no execution: valid modules translate to IR that
//! verifies and reads back, malformed and invalid ones are errors. What is skipped is counted, and the
//! counts are pinned, so that a test that is lost shows.

use std::collections::BTreeMap;

use bakeoff_frontend_wasm::translate;
use bakeoff_ir::{parse_module, verify_module};
use bakeoff_wasm_spec::{CommandKind, Source, Suite};

/// What became of the commands, by kind.
#[derive(Default)]
struct Outcome {
    counts: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
}

impl Outcome {
    /// Translates a module that must be valid.
    fn valid(&mut self, place: &str, source: &Source, kind: &'static str) {
        match check_valid(source) {
            Ok(()) => *self.counts.entry(kind).or_default() += 1,
            Err(error) => self.failures.push(format!("{place}: {kind}: {error}")),
        }
    }

    /// Translates a module that must be refused.
    fn refused(&mut self, place: &str, source: &Source, kind: &'static str, message: &str) {
        let Ok(wasm) = &source.wasm else {
            *self.counts.entry("refused by the text parser").or_default() += 1;
            return;
        };
        match translate(wasm) {
            Err(_) => *self.counts.entry(kind).or_default() += 1,
            Ok(_) => self
                .failures
                .push(format!("{place}: {kind}: accepted, but: {message}")),
        }
    }
}

fn check_valid(source: &Source) -> Result<(), String> {
    let wasm = source.wasm.as_ref()?;
    let module = translate(wasm).map_err(|e| e.to_string())?;
    verify_module(&module).map_err(|e| e.to_string())?;
    let text = module.to_string();
    let back = parse_module(&text).map_err(|e| format!("the text does not parse: {e}"))?;
    match back.module == module {
        true => Ok(()),
        false => Err("the text reads back to something else".to_string()),
    }
}

fn run(suite: Suite) -> Vec<(&'static str, usize)> {
    let mut outcome = Outcome::default();
    for script in suite.scripts() {
        for command in script.commands {
            let place = format!("{}.wast:{}", script.name, command.line);
            match &command.kind {
                CommandKind::Module { source, .. } => outcome.valid(&place, source, "valid"),
                CommandKind::AssertUnlinkable(source, _) => {
                    outcome.valid(&place, source, "valid, not linkable");
                }
                CommandKind::AssertModuleTrap(source, _) => {
                    outcome.valid(&place, source, "valid, traps when instantiated");
                }
                CommandKind::AssertMalformed(source, message) => {
                    outcome.refused(&place, source, "malformed", message);
                }
                CommandKind::AssertInvalid(source, message) => {
                    outcome.refused(&place, source, "invalid", message);
                }
                other => *outcome.counts.entry(skipped(other)).or_default() += 1,
            }
        }
    }
    let failures = outcome.failures;
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
    outcome.counts.into_iter().collect()
}

/// Why a command is skipped.
fn skipped(kind: &CommandKind) -> &'static str {
    match kind {
        CommandKind::Register { .. } => "skipped: register",
        CommandKind::Action(_) => "skipped: action",
        CommandKind::AssertReturn(..) => "skipped: assert_return",
        CommandKind::AssertTrap(..) => "skipped: assert_trap",
        CommandKind::AssertExhaustion(..) => "skipped: assert_exhaustion",
        CommandKind::Other(what) => what,
        CommandKind::Module { .. }
        | CommandKind::AssertUnlinkable(..)
        | CommandKind::AssertModuleTrap(..)
        | CommandKind::AssertMalformed(..)
        | CommandKind::AssertInvalid(..) => "skipped by mistake",
    }
}

#[test]
fn version_1() {
    assert_eq!(
        run(Suite::Version1),
        [
            ("invalid", 981),
            ("malformed", 647),
            ("refused by the text parser", 429),
            ("skipped: action", 42),
            ("skipped: assert_exhaustion", 15),
            ("skipped: assert_return", 15789),
            ("skipped: assert_trap", 456),
            ("skipped: register", 10),
            ("valid", 780),
            ("valid, not linkable", 63),
            ("valid, traps when instantiated", 33),
        ]
    );
}

#[test]
fn version_2() {
    assert_eq!(
        run(Suite::Version2),
        [
            ("invalid", 1471),
            ("malformed", 727),
            ("refused by the text parser", 573),
            ("skipped: action", 155),
            ("skipped: assert_exhaustion", 15),
            ("skipped: assert_return", 21453),
            ("skipped: assert_trap", 2354),
            ("skipped: register", 21),
            ("valid", 1126),
            ("valid, not linkable", 83),
            ("valid, traps when instantiated", 34),
        ]
    );
}

#[test]
fn tail_calls() {
    assert_eq!(
        run(Suite::TailCall),
        [
            ("invalid", 24),
            ("refused by the text parser", 11),
            ("skipped: assert_return", 71),
            ("skipped: assert_trap", 7),
            ("valid", 6),
        ]
    );
}

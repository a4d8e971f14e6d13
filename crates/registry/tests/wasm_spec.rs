//! The specification's test suite, executed on every configuration: each module is instantiated, each
//! action is done, and each assertion about them is checked. What cannot be checked is skipped; how
//! often, and for which reason, is pinned, so that a change shows.
//!
//! `UPDATE_DOCS=1 cargo test -p bakeoff-registry --test wasm_spec` writes its
//! section of `docs/conformance.md`.

mod common;
#[path = "wasm_spec/link.rs"]
mod link;
#[path = "wasm_spec/page.rs"]
mod page;
#[path = "wasm_spec/pins.rs"]
mod pins;
#[path = "wasm_spec/run.rs"]
mod run;

use std::sync::Mutex;

use bakeoff_backend::{BoundsChecks, Options};
use bakeoff_registry::CONFIGURATIONS;
use bakeoff_wasm_spec::{Script, Suite};
use pins::{PINS, Pin};
use run::Tally;

/// One for each core of the smallest machine that we test on.
const THREADS: usize = 2;

const BOUNDS_CHECKS: [BoundsChecks; 2] = [BoundsChecks::Guard, BoundsChecks::Explicit];

/// What became of a suite: for each of [`CONFIGURATIONS`], with each of [`BOUNDS_CHECKS`].
type Tallies = Vec<[Tally; 2]>;

/// Runs the scripts of a suite. A script is translated once and then compiled by all configurations.
fn run_suite(suite: Suite) -> Tallies {
    let scripts: Mutex<Vec<Script>> = Mutex::new(suite.scripts().collect());
    let tallies = Mutex::new(vec![<[Tally; 2]>::default(); CONFIGURATIONS.len()]);
    let work = || {
        loop {
            // A statement of its own: the lock ends with it.
            let Some(script) = scripts.lock().unwrap().pop() else {
                return;
            };
            let name = script.name.clone();
            let commands = run::prepare(script);
            for (index, configuration) in CONFIGURATIONS.iter().enumerate() {
                for (nth, bounds_checks) in BOUNDS_CHECKS.into_iter().enumerate() {
                    let options = Options {
                        bounds_checks,
                        ..Options::default()
                    };
                    let tally = run::run(&name, &commands, configuration, &options);
                    tallies.lock().unwrap()[index][nth].add(tally);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    tallies.into_inner().unwrap()
}

/// Every configuration has no failures, and has passed and skipped what is pinned.
fn check(pin: &Pin, tallies: &Tallies) {
    let failures: Vec<&str> = tallies
        .iter()
        .flatten()
        .flat_map(|tally| tally.failures.iter().take(20).map(String::as_str))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for (configuration, tallies) in CONFIGURATIONS.iter().zip(tallies) {
        for (tally, bounds_checks) in tallies.iter().zip(BOUNDS_CHECKS) {
            let what = format!(
                "{:?} on {}, {bounds_checks:?}",
                pin.suite, configuration.name
            );
            if let Some(count) = tally.skipped.get(run::UNSUPPORTED) {
                // The pins are those of backends that do everything.
                common::say(&format!("{what}: {count} commands skipped as unsupported"));
                continue;
            }
            let skipped: Vec<_> = tally.skipped.clone().into_iter().collect();
            assert_eq!(skipped, pin.skipped, "skipped: {what}");
            let passed: Vec<_> = tally.passed.clone().into_iter().collect();
            assert_eq!(passed, pin.passed, "passed: {what}");
        }
    }
}

#[test]
fn every_script_on_every_configuration() {
    let results: Vec<Tallies> = PINS.iter().map(|pin| run_suite(pin.suite)).collect();
    for (pin, tallies) in PINS.iter().zip(&results) {
        for (configuration, [guard, explicit]) in CONFIGURATIONS.iter().zip(tallies) {
            println!(
                "{:?} on {}: {}; with explicit checks: {}",
                pin.suite,
                configuration.name,
                guard.summary(),
                explicit.summary()
            );
        }
    }
    for (pin, tallies) in PINS.iter().zip(&results) {
        check(pin, tallies);
    }
    page::check_or_update(&results);
}

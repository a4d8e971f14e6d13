//! The specification's test suite, executed on every configuration: each module is instantiated, each
//! action is done, and each assertion about them is checked. What cannot be checked is skipped, and
//! how often for which reason is pinned, so that a change shows.

mod common;
#[path = "wasm_spec/link.rs"]
mod link;
#[path = "wasm_spec/run.rs"]
mod run;

use std::sync::Mutex;

use bakeoff_backend::Options;
use bakeoff_registry::CONFIGURATIONS;
use bakeoff_wasm_spec::{Script, Suite};
use run::Tally;

/// One for each core of the smallest machine that we test on.
const THREADS: usize = 2;

/// Runs the scripts of a suite on every configuration, in the order of [`CONFIGURATIONS`].
fn run_suite(suite: Suite) -> Vec<Tally> {
    let scripts: Mutex<Vec<Script>> = Mutex::new(suite.scripts().collect());
    let tallies = Mutex::new(vec![Tally::default(); CONFIGURATIONS.len()]);
    let work = || {
        loop {
            // A statement of its own: the lock ends with it.
            let Some(script) = scripts.lock().unwrap().pop() else {
                return;
            };
            let name = script.name.clone();
            let commands = run::prepare(script);
            for (index, configuration) in CONFIGURATIONS.iter().enumerate() {
                let tally = run::run(&name, &commands, configuration, &Options::default());
                tallies.lock().unwrap()[index].add(tally);
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

/// Every configuration has no failures, and has passed and skipped this.
fn check(suite: Suite, passed: &[(&str, usize)], skipped: &[(&str, usize)]) {
    let tallies = run_suite(suite);
    let mut failures = Vec::new();
    for (configuration, tally) in CONFIGURATIONS.iter().zip(&tallies) {
        println!(
            "{suite:?} on {}: {} passed, {} failed, {} skipped",
            configuration.name,
            tally.passed.values().sum::<usize>(),
            tally.failures.len(),
            tally.skipped.values().sum::<usize>()
        );
        failures.extend(tally.failures.iter().take(50).cloned());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for (configuration, tally) in CONFIGURATIONS.iter().zip(tallies) {
        let name = configuration.name;
        let counts: Vec<_> = tally.skipped.into_iter().collect();
        assert_eq!(counts, skipped, "skipped on {name}");
        let counts: Vec<_> = tally.passed.into_iter().collect();
        assert_eq!(counts, passed, "passed on {name}");
    }
}

#[test]
fn version_1() {
    check(Suite::Version1, &[], &[]);
}

#[test]
fn version_2() {
    check(Suite::Version2, &[], &[]);
}

#[test]
fn tail_calls() {
    check(Suite::TailCall, &[], &[]);
}

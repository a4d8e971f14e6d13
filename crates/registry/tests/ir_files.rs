//! Every file of tests/ir, and every program of the suite that is written in the IR, on every
//! configuration, with guard pages and with explicit checks.

mod common;

use std::fmt::Write;
use std::sync::Arc;

use bakeoff_backend::{BoundsChecks, CallError, Instance, Options};
use bakeoff_ir::text::{Directive, Expectation, parse_module};
use bakeoff_ir::verify_module;
use bakeoff_registry::{CONFIGURATIONS, Configuration};

/// What is wrong about the outcome of a directive, if anything.
fn check(directive: &Directive, instance: &mut Instance) -> Result<(), String> {
    let got = instance.call(&directive.name, &directive.args);
    let agrees = match (&directive.expect, &got) {
        (Expectation::Values(expected), Ok(values)) => {
            expected.len() == values.len() && expected.iter().zip(values).all(|(e, v)| e.agrees(*v))
        }
        (Expectation::Trap(expected), Err(CallError::Trap(trap))) => *expected == trap.code,
        (Expectation::Values(_) | Expectation::Trap(_), _) => false,
    };
    match agrees {
        true => Ok(()),
        false => Err(format!(
            "@{}{:?} gave {got:?}, not {:?}",
            directive.name, directive.args, directive.expect
        )),
    }
}

fn run_all(configuration: &Configuration, options: &Options) -> usize {
    let imports = common::imports();
    let mut failures = String::new();
    let mut count = 0;
    let mut paths: Vec<_> = [common::ir_dir(), common::ir_programs_dir()]
        .iter()
        .flat_map(|directory| std::fs::read_dir(directory).unwrap())
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    for path in paths
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "ir"))
    {
        let source = std::fs::read_to_string(path).unwrap();
        let parsed = parse_module(&source).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        verify_module(&parsed.module).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let module = Arc::new(parsed.module);
        let executable = common::compile(configuration, &module, options);
        for directive in &parsed.directives {
            count += 1;
            let mut instance = Instance::new(&executable, &imports).unwrap();
            if let Err(why) = check(directive, &mut instance) {
                writeln!(failures, "{}:{}: {why}", path.display(), directive.span).unwrap();
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} with {options:?}:\n{failures}",
        configuration.name
    );
    count
}

#[test]
fn every_file_gives_what_it_says_on_every_configuration() {
    for configuration in CONFIGURATIONS {
        for bounds_checks in [BoundsChecks::Guard, BoundsChecks::Explicit] {
            let count = run_all(configuration, &Options { bounds_checks });
            assert!(count > 1000, "{count} directives");
        }
    }
}

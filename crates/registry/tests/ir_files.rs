//! Every file of tests/ir and tests/regressions, and every program of the suite that is written in the
//! IR, on every configuration: with guard pages, with explicit checks, and as code for every processor.
//! Files that a backend does not support are counted.

mod common;

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bakeoff_backend::{BoundsChecks, CallError, Cpu, Instance, Options};
use bakeoff_ir::text::{Directive, parse_module};
use bakeoff_ir::verify_module;
use bakeoff_registry::{CONFIGURATIONS, Configuration, REFERENCE};

/// What is wrong about the outcome of a directive, if anything.
fn check(directive: &Directive, instance: &mut Instance) -> Result<(), String> {
    let got = instance.call(&directive.name, &directive.args);
    let agrees = match &got {
        Ok(values) => directive.expect.holds(Ok(values)),
        Err(CallError::Trap(trap)) => directive.expect.holds(Err(trap.code)),
        Err(_) => false,
    };
    match agrees {
        true => Ok(()),
        false => Err(format!(
            "@{}{:?} gave {got:?}, not {:?}",
            directive.name, directive.args, directive.expect
        )),
    }
}

/// The text files of all three directories.
fn paths() -> Vec<PathBuf> {
    let regressions = common::ir_dir().join("../regressions");
    let mut paths = Vec::new();
    for dir in [common::ir_dir(), regressions, common::ir_programs_dir()] {
        let entries = std::fs::read_dir(dir).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|e| e == "ir")));
    }
    paths.sort();
    paths
}

/// How many directives hold, and how many files are not supported.
fn run_all(configuration: &Configuration, options: &Options) -> (usize, usize) {
    let imports = common::imports();
    let mut failures = String::new();
    let (mut count, mut unsupported) = (0, 0);
    for path in paths() {
        let source = std::fs::read_to_string(&path).unwrap();
        let parsed = parse_module(&source).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        verify_module(&parsed.module).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let module = Arc::new(parsed.module);
        let executable = match common::try_compile(configuration, &module, options) {
            Ok(executable) => executable,
            Err(why) => {
                println!("{}: {}: {why}", configuration.name, path.display());
                unsupported += 1;
                continue;
            }
        };
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
    (count, unsupported)
}

/// What the files are compiled with. The processor matters to other ops than the checks do, so that the
/// baseline needs one kind of them only.
const OPTIONS: [(BoundsChecks, Cpu); 3] = [
    (BoundsChecks::Guard, Cpu::Host),
    (BoundsChecks::Explicit, Cpu::Host),
    (BoundsChecks::Guard, Cpu::Baseline),
];

#[test]
fn every_file_gives_what_it_says_on_every_configuration() {
    for configuration in CONFIGURATIONS {
        for (bounds_checks, cpu) in OPTIONS {
            // Register code is the same for all processors.
            if configuration.name == REFERENCE && cpu != Cpu::Host {
                continue;
            }
            let options = Options { bounds_checks, cpu };
            let (count, unsupported) = run_all(configuration, &options);
            if unsupported > 0 {
                common::say(&format!(
                    "{} with {options:?}: {unsupported} files are not supported, {count} directives hold",
                    configuration.name
                ));
            } else {
                assert!(count > 1000, "{count} directives");
            }
        }
    }
}

//! Properties of any input at all, for fuzzing: each function takes bytes and panics if a property is broken.
//!
//! `fuzz` drives them by coverage, `tests/targets.rs` with files that are changed a little. What a target
//! finds becomes a file in `tests/regressions` or a test where the bug was.

use std::path::Path;

use bakeoff_ir::{parse_module, verify_module};
use bakeoff_registry::{CONFIGURATIONS, Configuration};
use bakeoff_suite::Program;

use crate::{Rng, generate, judge, wasm as modules};

/// The text form: parsing and verifying never panic; what was parsed can be printed, and what was printed is
/// the same module again.
pub fn text(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    let module = match parse_module(source) {
        Ok(parsed) => {
            // Errors are rendered, too: that reads the positions.
            if let Err(errors) = verify_module(&parsed.module) {
                let _ = errors.render(&parsed.positions, source, "input");
            }
            parsed.module
        }
        Err(error) => {
            let _ = error.render(source, "input");
            return;
        }
    };
    let printed = module.to_string();
    match parse_module(&printed) {
        Ok(again) => assert!(
            again.module == module,
            "printed, it is another module:\n{printed}"
        ),
        Err(error) => panic!(
            "printed, it is no module: {}",
            error.render(&printed, "printed")
        ),
    }
}

/// The front end for WebAssembly: translating never panics, and the verifier accepts what comes out.
pub fn wasm(data: &[u8]) {
    match bakeoff_frontend_wasm::load(data) {
        Ok(module) => {
            if let Err(errors) = verify_module(&module) {
                panic!("the verifier refuses a translation: {errors}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The front end for CLIF: reading never panics, and the verifier accepts what comes out.
pub fn clif(data: &[u8]) {
    match bakeoff_frontend_clif::load(data) {
        Ok(read) => {
            if let Err(errors) = verify_module(&read.module) {
                panic!("the verifier refuses a translation: {errors}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// An entry of the suite: reading one never panics, and an error says something.
pub fn toml(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = Program::parse(Path::new("input.toml"), source) {
        assert!(!error.to_string().is_empty());
    }
}

/// The configurations of [`differential`]: one of each kind that generates code in its own way.
const HANDFUL: [&str; 4] = ["interp", "cranelift-none", "stencil", "dynasm"];

/// Differential testing: the first bytes are a seed, and on a handful of configurations its first generated
/// cases do what the reference does, and its first WebAssembly modules what wasmi does.
pub fn differential(data: &[u8]) {
    let mut seed = [0; 8];
    let len = data.len().min(seed.len());
    seed[..len].copy_from_slice(&data[..len]);
    let seed = Rng::new(u64::from_le_bytes(seed), 0).bits();
    let handful: Vec<&Configuration> = CONFIGURATIONS
        .iter()
        .filter(|c| HANDFUL.contains(&c.name))
        .collect();
    for number in 0..16 {
        let verdict = judge(&generate::case(seed, number), &handful, |_| {});
        if let Some(failure) = verdict.failures.first() {
            panic!("seed {seed}, case {number}: {failure:?}");
        }
    }
    let report = modules::run(seed, 0..4, &handful, |_| {});
    if let Some(finding) = report.findings.first() {
        panic!(
            "seed {seed}, module {} on {}: {}",
            finding.number, finding.configuration, finding.what
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_handful_exist() {
        for name in HANDFUL {
            assert!(bakeoff_registry::find(name).is_ok(), "{name}");
        }
    }
}

//! The oracle: every configuration does what the reference does, or something is wrong.

use serde::{Deserialize, Serialize};

use std::panic::catch_unwind;
use std::sync::Arc;

use bakeoff_ir::verify_module;
use bakeoff_registry::{Configuration, REFERENCE};

use crate::case::Case;
use crate::clif_writer::to_clif;
use crate::observe::{
    Difference, Observation, Obstacle, difference, message_of, observe, observe_beside,
};

/// What kind of failure it is: what a reduction keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A result, a memory, a global, a table, or what the host was given is different.
    WrongValue,
    /// A trap that should not be, another one, or none.
    WrongTrap,
    /// The process died.
    Crash,
    /// It did not end.
    Hang,
    /// The compiler panicked.
    CompilePanic,
    /// The compiler refused a correct module.
    Refusal,
    /// Running panicked, outside of generated code.
    RunPanic,
    /// What an engine from elsewhere does is different.
    Outside,
}

impl Class {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Class::WrongValue => "wrong value",
            Class::WrongTrap => "wrong trap",
            Class::Crash => "crash",
            Class::Hang => "hang",
            Class::CompilePanic => "compile panic",
            Class::Refusal => "refusal",
            Class::RunPanic => "panic while running",
            Class::Outside => "differs from wasmi",
        }
    }
}

/// A configuration that does not do what the reference does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Its name.
    pub configuration: String,
    /// What kind of failure it is.
    pub class: Class,
    /// The first difference, in words.
    pub what: String,
}

impl Failure {
    /// A worker that was lost in a case, and not when the case was run again.
    pub fn lost() -> Failure {
        Failure {
            configuration: "unknown".to_string(),
            class: Class::Crash,
            what: "the worker was lost, and not when the case was run again".to_string(),
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What the reference did, if it did anything.
    pub reference: Option<Observation>,
    /// The configurations that failed.
    pub failures: Vec<Failure>,
    /// The configurations that do not do what the case needs.
    pub unsupported: u32,
}

/// Runs a case on the reference, then on each of the configurations, and compares. `before` is told which
/// configuration is next, so that somebody who watches knows where a crash was.
pub fn judge(
    case: &Case,
    configurations: &[&Configuration],
    mut before: impl FnMut(&str),
) -> Verdict {
    let mut verdict = Verdict::default();
    let Ok(reference) = bakeoff_registry::find(REFERENCE) else {
        return verdict;
    };
    before(reference.name);
    match observe(case, reference) {
        Ok(observation) => verdict.reference = Some(observation),
        Err(obstacle) => verdict.add(reference, obstacle),
    }
    let Some(wanted) = verdict.reference.clone() else {
        return verdict;
    };
    for configuration in configurations.iter().filter(|c| c.name != REFERENCE) {
        before(configuration.name);
        match observe_beside(case, configuration, Some(&wanted)) {
            Ok(observation) => {
                let found = difference(&wanted, &observation);
                verdict
                    .failures
                    .extend(found.map(|d| of_difference(configuration, d)));
            }
            Err(obstacle) => verdict.add(configuration, obstacle),
        }
    }
    verdict
}

/// Writes a case as CLIF, reads it, and compares what configurations make of that with what the reference
/// makes of the case itself. A case that CLIF has no words for is unsupported.
pub(crate) fn judge_through_clif(
    case: &Case,
    configurations: &[&Configuration],
    mut before: impl FnMut(&str),
) -> Verdict {
    let mut verdict = Verdict::default();
    let (Ok(text), Ok(reference)) = (to_clif(&case.module), bakeoff_registry::find(REFERENCE))
    else {
        verdict.unsupported = 1;
        return verdict;
    };
    before(REFERENCE);
    let read =
        catch_unwind(|| bakeoff_frontend_clif::parse(&text).map_err(|error| error.to_string()));
    let module = match read.unwrap_or_else(|panic| Err(message_of(&*panic))) {
        Ok(read) if read.left_out.is_empty() => Arc::new(read.module),
        Ok(read) => {
            verdict.add(
                reference,
                Obstacle::Refused(format!("left out: {:?}", read.left_out)),
            );
            return verdict;
        }
        Err(message) => {
            verdict.add(reference, Obstacle::Refused(message));
            return verdict;
        }
    };
    if let Err(errors) = verify_module(&module) {
        verdict.add(reference, Obstacle::Refused(errors.to_string()));
        return verdict;
    }
    let through = Case {
        module,
        ..case.clone()
    };
    verdict.reference = observe(case, reference).ok();
    let Some(wanted) = verdict.reference.clone() else {
        return verdict;
    };
    for configuration in configurations {
        before(configuration.name);
        match observe(&through, configuration) {
            Ok(mut observation) => {
                // The frontend makes a table of addresses, which the module does not have.
                observation.state.clone_from(&wanted.state);
                let found = difference(&wanted, &observation);
                verdict
                    .failures
                    .extend(found.map(|d| of_difference(configuration, d)));
            }
            Err(obstacle) => verdict.add(configuration, obstacle),
        }
    }
    verdict
}

fn of_difference(configuration: &Configuration, difference: Difference) -> Failure {
    let (class, what) = match difference {
        Difference::Value(what) => (Class::WrongValue, what),
        Difference::Trap(what) => (Class::WrongTrap, what),
    };
    Failure {
        configuration: configuration.name.to_string(),
        class,
        what,
    }
}

impl Verdict {
    fn add(&mut self, configuration: &Configuration, obstacle: Obstacle) {
        let (class, what) = match obstacle {
            Obstacle::Unsupported(_) => {
                self.unsupported += 1;
                return;
            }
            Obstacle::Refused(what) => (Class::Refusal, what),
            Obstacle::Panicked(what) => (Class::CompilePanic, what),
            Obstacle::NoInstance(what) => (Class::RunPanic, what),
        };
        self.failures.push(Failure {
            configuration: configuration.name.to_string(),
            class,
            what,
        });
    }
}

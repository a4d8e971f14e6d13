//! What a case did on a configuration, and whether two such observations agree.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bakeoff_backend::{
    CallError, CompileError, Executable, Instance, InstantiateError, NoPhases, State, Target,
};
use bakeoff_ir::{Scalar, TrapCode};
use bakeoff_registry::Configuration;

use crate::case::Case;
use crate::host::{Trace, imports};
use crate::soil::spread;

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It returned.
    Values(Vec<Scalar>),
    /// It trapped.
    Trap(TrapCode),
}

/// What a case did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    /// The trap that instantiation ended with; then there are no calls and no state.
    pub start: Option<TrapCode>,
    /// How each call ended.
    pub calls: Vec<Outcome>,
    /// Memories, globals and tables in the end; `None` if they are those of the reference.
    pub state: Option<State>,
    /// The calls of the host.
    pub trace: Trace,
}

/// Why there is no observation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// The backend says that it does not do this.
    Unsupported(String),
    /// The backend refuses a correct module.
    Refused(String),
    /// The backend panicked.
    Panicked(String),
    /// There is no instance for a reason that has nothing to do with the program.
    NoInstance(String),
}

/// What makes two observations different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// Values are different; what and where, in words.
    Value(String),
    /// One trapped and the other did not, or by another code.
    Trap(String),
}

/// Compiles a case for this machine.
fn compile(case: &Case, configuration: &Configuration) -> Result<Arc<dyn Executable>, Obstacle> {
    let target = Target::host().ok_or_else(|| Obstacle::Unsupported("this machine".to_string()))?;
    let backend = configuration.backend;
    let work = || backend.compile(&case.module, target, &case.options, &mut NoPhases);
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(executable)) => Ok(executable),
        Ok(Err(error @ CompileError::Unsupported { .. })) => {
            Err(Obstacle::Unsupported(error.to_string()))
        }
        Ok(Err(error @ CompileError::TooLarge { .. })) => {
            Err(Obstacle::Unsupported(error.to_string()))
        }
        Ok(Err(error)) => Err(Obstacle::Refused(error.to_string())),
        Err(panic) => Err(Obstacle::Panicked(message_of(&*panic))),
    }
}

/// What a panic said.
pub(crate) fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_string())
}

/// Makes the calls of a case on an instance of its code. If the state in the end is that of the reference, it
/// is not looked at any further.
///
/// # Errors
/// If there is no instance, or a call cannot be made.
fn run(
    case: &Case,
    executable: &Arc<dyn Executable>,
    reference: Option<&Observation>,
) -> Result<Observation, Obstacle> {
    let (imports, trace) = imports(&case.module);
    let taken = || std::mem::take(&mut *trace.lock().unwrap_or_else(|e| e.into_inner()));
    let mut instance = match Instance::new(executable, &imports) {
        Ok(instance) => instance,
        Err(InstantiateError::Trap(trap)) => {
            return Ok(Observation {
                start: Some(trap.code),
                calls: Vec::new(),
                state: None,
                trace: taken(),
            });
        }
        Err(error) => return Err(Obstacle::NoInstance(error.to_string())),
    };
    let mut calls = Vec::with_capacity(case.calls.len());
    for call in &case.calls {
        calls.push(match instance.call(&call.name, &call.args) {
            Ok(values) => Outcome::Values(values),
            Err(CallError::Trap(trap)) => Outcome::Trap(trap.code),
            Err(error) => return Err(Obstacle::NoInstance(error.to_string())),
        });
    }
    let wanted = reference.and_then(|reference| reference.state.as_ref());
    let state = match wanted.is_some_and(|wanted| instance.is_at(wanted)) {
        true => None,
        false => Some(instance.state()),
    };
    Ok(Observation {
        start: None,
        calls,
        state,
        trace: taken(),
    })
}

/// Compiles and runs, on a stack that looks the same each time.
///
/// # Errors
/// If the backend refuses the case or panics, if there is no instance, or if running panics outside of
/// generated code.
pub fn observe(case: &Case, configuration: &Configuration) -> Result<Observation, Obstacle> {
    observe_beside(case, configuration, None)
}

/// As [`observe`]; the state in the end is only kept if it is not that of the reference.
pub(crate) fn observe_beside(
    case: &Case,
    configuration: &Configuration,
    reference: Option<&Observation>,
) -> Result<Observation, Obstacle> {
    let executable = compile(case, configuration)?;
    spread(configuration);
    catch_unwind(AssertUnwindSafe(|| run(case, &executable, reference)))
        .unwrap_or_else(|panic| Err(Obstacle::NoInstance(message_of(&*panic))))
}

/// The first difference between what the reference did and what another configuration did.
pub fn difference(reference: &Observation, other: &Observation) -> Option<Difference> {
    if reference.start != other.start {
        let say =
            |start: Option<TrapCode>| start.map_or("no trap".to_string(), |code| code.to_string());
        let text = format!(
            "the start gave {}, not {}",
            say(other.start),
            say(reference.start)
        );
        return Some(Difference::Trap(text));
    }
    let calls = reference.calls.iter().zip(&other.calls).enumerate();
    if let Some(found) = calls
        .into_iter()
        .find_map(|(index, (want, got))| outcomes(index, want, got))
    {
        return Some(found);
    }
    if reference.trace != other.trace {
        let words = reference.trace.words.iter().zip(&other.trace.words);
        let at = words.into_iter().position(|(a, b)| a != b);
        let at = at.map_or("length".to_string(), |at| format!("word {at}"));
        return Some(Difference::Value(format!("host calls differ: {at}")));
    }
    match (&reference.state, &other.state) {
        (Some(want), Some(got)) => states(want, got).map(Difference::Value),
        _ => None,
    }
}

fn outcomes(index: usize, want: &Outcome, got: &Outcome) -> Option<Difference> {
    match (want, got) {
        (Outcome::Values(want), Outcome::Values(got)) => {
            let position = want.iter().zip(got).position(|(a, b)| !a.agrees(*b))?;
            let (want, got) = (want[position], got[position]);
            Some(Difference::Value(format!(
                "call {index}, result {position}: {got:?}, not {want:?}"
            )))
        }
        (Outcome::Trap(want), Outcome::Trap(got)) if want == got => None,
        (Outcome::Trap(_) | Outcome::Values(_), _) => {
            let say = |outcome: &Outcome| match outcome {
                Outcome::Values(values) => format!("{values:?}"),
                Outcome::Trap(code) => format!("trap {code}"),
            };
            Some(Difference::Trap(format!(
                "call {index}: {}, not {}",
                say(got),
                say(want)
            )))
        }
    }
}

fn states(want: &State, got: &State) -> Option<String> {
    let globals = want.globals.iter().zip(&got.globals);
    for (index, (want, got)) in globals.enumerate() {
        if want != got {
            return Some(format!("global{index}: {got:?}, not {want:?}"));
        }
    }
    for (index, (want, got)) in want.memories.iter().zip(&got.memories).enumerate() {
        if want != got {
            return Some(match want.iter().zip(got).position(|(a, b)| a != b) {
                Some(at) => format!(
                    "mem{index}, byte {at:#x}: {:#04x}, not {:#04x}",
                    got[at], want[at]
                ),
                None => format!("mem{index}: {} bytes, not {}", got.len(), want.len()),
            });
        }
    }
    let tables = want.tables.iter().zip(&got.tables);
    for (index, (want, got)) in tables.enumerate() {
        if want != got {
            let at = want.iter().zip(got).position(|(a, b)| a != b);
            return Some(format!(
                "table{index} differs{}",
                at.map_or(String::new(), |at| format!(" at {at}"))
            ));
        }
    }
    None
}

//! The reducer: from a case that fails to a small one that fails in the same way.
//!
//! A *pass* proposes changes of a *program* (declarations, drafts of bodies, calls), from large to small.
//! A change stays if the changed program is a correct module, is closed (see [`crate::origin`]), and the
//! same configuration still fails in the same class. Passes are repeated until none of them changes
//! anything, or time is up. The approach is that of delta debugging (Zeller and Hildebrandt, "Simplifying and
//! isolating failure-inducing input", 2002) with changes that know the language, as in C-Reduce (Regehr et
//! al., PLDI 2012).

mod insts;
mod shape;
mod whole;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bakeoff_backend::{BoundsChecks, Cpu, Options};
use bakeoff_ir::{FuncKind, Module, verify_module};
use bakeoff_registry::{Configuration, REFERENCE};

use crate::case::{Call, Case};
use crate::draft::{Draft, drafts, with_bodies};
use crate::observe::observe;
use crate::oracle::{Class, Failure};
use crate::origin::is_closed;
use crate::worker::{Judge, WorkerError};

/// How long the case may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a candidate may take, as a multiple of the time that the case took, and at least. Many candidates
/// are loops that lost their count.
const SLOWER: u32 = 10;
const LEAST_PATIENCE: Duration = Duration::from_millis(150);

/// A case that was made small.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The case.
    pub case: Case,
    /// How it fails.
    pub failure: Failure,
    /// Its instructions.
    pub insts: usize,
    /// Candidates that were tried.
    pub tried: u32,
}

impl Reduced {
    /// The case as text, with what is wrong and the command that replays it from a file of this name.
    pub fn describe(&self, path: &Path) -> String {
        let Failure {
            configuration,
            class,
            what,
        } = &self.failure;
        let mut text = format!("; {configuration}, {}: {what}\n", class.name());
        let _ = writeln!(
            text,
            "; bakeoff difftest {}{}",
            path.display(),
            arguments(&self.case, configuration)
        );
        // A reference that crashes has nothing to say, and would take this process along.
        let reference = match (class, configuration.as_str()) {
            (Class::Crash | Class::Hang, REFERENCE) => None,
            _ => bakeoff_registry::find(REFERENCE)
                .ok()
                .and_then(|c| observe(&self.case, c).ok()),
        };
        text.push_str(&self.case.to_text(reference.as_ref()));
        text
    }
}

fn arguments(case: &Case, configuration: &str) -> String {
    let mut text = format!(" --backends {configuration}");
    let Options { bounds_checks, cpu } = case.options;
    if bounds_checks == BoundsChecks::Explicit {
        text.push_str(" --bounds-checks explicit");
    }
    if cpu == Cpu::Baseline {
        text.push_str(" --cpu baseline");
    }
    text
}

/// A case in a form that may be changed.
#[derive(Clone)]
struct Program {
    /// The module without bodies.
    declarations: Module,
    bodies: Vec<Option<Draft>>,
    calls: Vec<Call>,
    options: Options,
}

impl Program {
    fn of(case: &Case) -> Program {
        let mut declarations = Module::clone(&case.module);
        // Programs are copied for every candidate, and their bodies are the drafts.
        for decl in declarations
            .funcs
            .iter_mut()
            .filter(|decl| decl.body().is_some())
        {
            decl.kind = FuncKind::Declared;
        }
        Program {
            declarations,
            bodies: drafts(&case.module),
            calls: case.calls.clone(),
            options: case.options,
        }
    }

    /// The case; `None` if this is no correct module.
    fn case(&self) -> Option<Case> {
        let module = with_bodies(&self.declarations, &self.bodies)?;
        verify_module(&module).ok()?;
        Some(Case {
            module: Arc::new(module),
            calls: self.calls.clone(),
            options: self.options,
        })
    }

    fn inst_count(&self) -> usize {
        self.bodies.iter().flatten().map(Draft::inst_count).sum()
    }
}

/// What passes work with: the program as it is, and the way to propose another one.
struct Reducer<'w> {
    program: Program,
    /// Whether the case was closed to begin with; programs of other sources need not be.
    closed: bool,
    failure: Failure,
    configurations: Vec<&'static Configuration>,
    judge: &'w mut dyn Judge,
    /// How long a candidate may take.
    patience: Duration,
    deadline: Instant,
    tried: u32,
    error: Option<WorkerError>,
}

impl Reducer<'_> {
    /// Whether there is any use in going on.
    fn is_over(&self) -> bool {
        self.error.is_some() || Instant::now() >= self.deadline
    }

    /// Takes the changed program if it fails in the same way.
    fn propose(&mut self, program: Program) -> bool {
        if self.is_over() {
            return false;
        }
        if !program.bodies.iter().flatten().all(Draft::may_end) {
            return false;
        }
        let Some(case) = program.case() else {
            return false;
        };
        if self.closed && !is_closed(&case.module) {
            return false;
        }
        self.tried += 1;
        match fails(
            &case,
            &self.failure,
            &self.configurations,
            self.judge,
            self.patience,
        ) {
            Ok(Some(failure)) => {
                self.failure = failure;
                self.program = program;
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    /// Proposes the program with a change; `None` from the change says that there is nothing to change.
    fn change(&mut self, change: impl FnOnce(&mut Program) -> Option<()>) -> bool {
        if self.is_over() {
            return false;
        }
        let mut program = self.program.clone();
        change(&mut program).is_some() && self.propose(program)
    }

    /// Offers `count` things to be removed, many at once and then fewer. `remove` takes the positions away
    /// from a program. What is left is counted anew after each success.
    fn remove_chunks(
        &mut self,
        count: impl Fn(&Program) -> usize,
        remove: impl Fn(&mut Program, std::ops::Range<usize>) -> Option<()>,
    ) -> bool {
        let mut any = false;
        let mut size = count(&self.program);
        while size > 0 && !self.is_over() {
            // From the end on: what comes later uses what comes before.
            let mut end = count(&self.program);
            while end > 0 && !self.is_over() {
                let start = end.saturating_sub(size);
                any |= self.change(|program| remove(program, start..end));
                end = start.min(count(&self.program));
            }
            size /= 2;
        }
        any
    }
}

/// How the configuration fails in the same class, if it does.
fn fails(
    case: &Case,
    failure: &Failure,
    configurations: &[&Configuration],
    judge: &mut dyn Judge,
    patience: Duration,
) -> Result<Option<Failure>, WorkerError> {
    let failures = judge
        .check(case, configurations, patience)?
        .unwrap_or_default();
    let same = |other: &Failure| {
        other.configuration == failure.configuration && other.class == failure.class
    };
    Ok(failures.into_iter().find(same))
}

/// Makes a case small that fails like this; `None` if it does not fail like this at all.
///
/// # Errors
/// If there is no worker.
pub fn reduce(
    case: &Case,
    failure: &Failure,
    judge: &mut dyn Judge,
    time: Duration,
) -> Result<Option<Reduced>, WorkerError> {
    let configurations: Vec<&'static Configuration> =
        bakeoff_registry::find(&failure.configuration)
            .into_iter()
            .collect();
    let start = Instant::now();
    let Some(failure) = fails(case, failure, &configurations, judge, PATIENCE)? else {
        return Ok(None);
    };
    let patience = match failure.class {
        // It took all the patience that there was.
        Class::Hang => LEAST_PATIENCE * 4,
        _ => (start.elapsed() * SLOWER).max(LEAST_PATIENCE),
    };
    let mut reducer = Reducer {
        program: Program::of(case),
        closed: is_closed(&case.module),
        failure,
        configurations,
        judge,
        patience,
        deadline: Instant::now() + time,
        tried: 0,
        error: None,
    };
    // The fine passes ask about every instruction: first there must be few.
    let mut changed = true;
    while std::mem::take(&mut changed) && !reducer.is_over() {
        while run_all(COARSE, &mut reducer) {}
        changed = run_all(FINE, &mut reducer);
    }
    reducer.change(|program| {
        whole::unused_signatures(program);
        Some(())
    });
    let Reducer {
        program,
        failure,
        tried,
        error,
        ..
    } = reducer;
    if let Some(error) = error {
        return Err(error);
    }
    let insts = program.inst_count();
    Ok(program.case().map(|case| Reduced {
        case,
        failure,
        insts,
        tried,
    }))
}

/// Runs every pass once. Whether any of them changed anything.
fn run_all(passes: &[Pass], reducer: &mut Reducer<'_>) -> bool {
    let mut changed = false;
    for pass in passes {
        changed |= pass(reducer);
    }
    changed
}

type Pass = fn(&mut Reducer<'_>) -> bool;

/// What removes much.
const COARSE: &[Pass] = &[
    whole::calls,
    whole::bodies,
    shape::branches,
    insts::drop_insts,
    shape::join_blocks,
    shape::params,
];

/// What removes little, or only makes something simpler.
const FINE: &[Pass] = &[
    insts::bypass,
    whole::inline,
    whole::signatures,
    insts::simplify_constants,
    whole::declarations,
    whole::segments,
    whole::arguments,
    whole::options,
];

#[cfg(test)]
mod tests;

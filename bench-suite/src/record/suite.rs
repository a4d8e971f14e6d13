//! Our course: configurations of the registry on programs of the suite, or on families that grow.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bakeoff_backend::{
    CompileError, Executable, Imports, Instance, NoPhases, Options, Phase, PhaseSink, PhaseTimes,
};
use bakeoff_ir::{Module, Scalar};
use bakeoff_registry::{BASELINE, Configuration, REFERENCE};
use bakeoff_samples::{Competitor, Event, Program, Scale, Status};
use bakeoff_suite::Size;

use super::{Course, Refusal, Values};
use crate::facts::facts;
use crate::measure::{Failure, Subject, compile};
use crate::synthetic::{ARGUMENT, ENTRY, FAMILIES, Family};

/// Timed compilations of a visit, behind runs and in a row: one is cheap and its time is noisy.
const COMPILATIONS: usize = 3;

/// What is appended to the name of the competitor that is measured twice.
const AGAIN: &str = " (again)";

/// The competitors of a session: the configurations, and if the baseline is among them and a control is wanted,
/// the baseline once more.
pub fn competitors(configurations: &[&'static Configuration], control: bool) -> Vec<Competitor> {
    let mut competitors: Vec<Competitor> = configurations
        .iter()
        .map(|configuration| Competitor {
            name: configuration.name.to_string(),
            about: configuration.about.to_string(),
            ablation_of: configuration.ablation_of.map(str::to_string),
            control_of: None,
            own: configuration.own,
        })
        .collect();
    let baseline = competitors.iter().find(|c| c.name == BASELINE).cloned();
    if let Some(baseline) = baseline.filter(|_| control) {
        competitors.push(Competitor {
            name: format!("{}{AGAIN}", baseline.name),
            about: format!("{}, a second time, as a control", baseline.name),
            control_of: Some(baseline.name),
            ..baseline
        });
    }
    competitors
}

/// What is compiled and run.
pub enum Work {
    /// A program of the suite. Its runs are timed.
    Program(Box<Subject>),
    /// A member of a family. It is run for its answer alone.
    Member {
        /// The family's name.
        family: &'static str,
        /// How much of it there is.
        size: u64,
        /// The module.
        module: Arc<Module>,
    },
}

impl Work {
    /// A program of the suite.
    pub fn program(subject: Subject) -> Work {
        Work::Program(Box::new(subject))
    }

    /// Every member of every family.
    pub fn families() -> Vec<Work> {
        let members = |family: &'static Family| {
            family.sizes.iter().map(|size| Work::Member {
                family: family.name,
                size: *size,
                module: Arc::new((family.module)(*size)),
            })
        };
        FAMILIES.iter().flat_map(members).collect()
    }

    fn module(&self) -> &Arc<Module> {
        match self {
            Work::Program(subject) => &subject.module,
            Work::Member { module, .. } => module,
        }
    }

    fn describe(&self) -> Program {
        let module_insts = self.module().inst_count() as u64;
        match self {
            Work::Program(subject) => Program {
                name: subject.program.name.clone(),
                suite: subject.program.suite.clone(),
                module_insts,
                scale: None,
            },
            Work::Member { family, size, .. } => Program {
                name: format!("{family} {size}"),
                suite: SCALING.to_string(),
                module_insts,
                scale: Some(Scale {
                    family: (*family).to_string(),
                    size: *size,
                }),
            },
        }
    }

    /// Runs in a fresh instance and checks the answer, if it is known; the time of the call in ns, and its results.
    fn run(
        &self,
        executable: &Arc<dyn Executable>,
        size: Size,
    ) -> Result<(u64, Vec<Scalar>), Failure> {
        match self {
            Work::Program(subject) => subject.run(executable, size),
            Work::Member { .. } => {
                let trap = |error: &dyn std::fmt::Display| Failure::Trap(error.to_string());
                let instance = Instance::new(executable, &Imports::new());
                let mut instance = instance.map_err(|e| trap(&e))?;
                let start = Instant::now();
                let results = instance
                    .call(ENTRY, &[Scalar::i32(ARGUMENT)])
                    .map_err(|e| trap(&e))?;
                Ok((start.elapsed().as_nanos() as u64, results))
            }
        }
    }
}

/// The name of the suite of families.
pub const SCALING: &str = "scaling";

/// Programs and configurations, and what is chosen for all alike.
pub struct Suite {
    works: Vec<Work>,
    /// In the order of the competitors.
    configurations: Vec<&'static Configuration>,
    competitors: Vec<Competitor>,
    size: Size,
    options: Options,
    /// By program: who gave which results first; the reference's replace them.
    results: Vec<Option<(usize, Vec<Scalar>)>>,
}

impl Suite {
    /// A course over these.
    pub fn new(
        works: Vec<Work>,
        configurations: &[&'static Configuration],
        control: bool,
        size: Size,
        options: Options,
    ) -> Suite {
        let competitors = competitors(configurations, control);
        let named = |c: &Competitor| {
            let name = c.control_of.as_ref().unwrap_or(&c.name);
            configurations.iter().copied().find(|of| of.name == name)
        };
        Suite {
            configurations: competitors.iter().filter_map(named).collect(),
            results: vec![None; works.len()],
            works,
            competitors,
            size,
            options,
        }
    }

    /// Compiles; the time that it took in ns.
    fn compile(
        &self,
        program: usize,
        competitor: usize,
        phases: &mut dyn PhaseSink,
    ) -> Result<(Arc<dyn Executable>, u64), Refusal> {
        let module = black_box(self.works[program].module());
        let start = Instant::now();
        let compiled = compile(
            self.configurations[competitor],
            module,
            &self.options,
            phases,
        );
        let elapsed_ns = start.elapsed().as_nanos() as u64;
        let executable = compiled.map_err(|error| Refusal {
            status: match error {
                CompileError::Unsupported { .. } => Status::Unsupported,
                _ => Status::Wrong,
            },
            reason: error.to_string(),
        })?;
        Ok((executable, elapsed_ns))
    }

    /// Compiles, throws the code away, and says how long it took as a sample of its own.
    fn compile_once_more(
        &self,
        program: usize,
        competitor: usize,
        event: Event,
    ) -> Result<Values, Refusal> {
        let (executable, elapsed_ns) = self.compile(program, competitor, &mut NoPhases)?;
        drop(executable);
        Ok(BTreeMap::from([(event, elapsed_ns)]))
    }

    /// Runs in a fresh instance; the time of the timed call in ns.
    fn run(
        &mut self,
        program: usize,
        competitor: usize,
        executable: &Arc<dyn Executable>,
    ) -> Result<u64, Refusal> {
        let run = self.works[program].run(executable, self.size);
        let (run_ns, results) = run.map_err(|failure| Refusal {
            status: match failure {
                Failure::Unsupported(_) => Status::Unsupported,
                Failure::Trap(_) => Status::Trap,
                Failure::Wrong(_) => Status::Wrong,
            },
            reason: failure.to_string(),
        })?;
        self.agree(program, competitor, results)?;
        Ok(run_ns)
    }

    /// Compares results with those of the reference, or of whoever was first as long as it has not run.
    fn agree(
        &mut self,
        program: usize,
        competitor: usize,
        results: Vec<Scalar>,
    ) -> Result<(), Refusal> {
        let names = &self.competitors;
        let is_reference = |c: usize| names[c].name == REFERENCE;
        let Some((first, expected)) = &self.results[program] else {
            self.results[program] = Some((competitor, results));
            return Ok(());
        };
        let agrees = results.len() == expected.len()
            && results.iter().zip(expected).all(|(a, b)| a.agrees(*b));
        if agrees {
            return Ok(());
        }
        if is_reference(competitor) && !is_reference(*first) {
            // Whoever was first is wrong, and finds out in its next sample.
            self.results[program] = Some((competitor, results));
            return Ok(());
        }
        Err(Refusal {
            status: Status::Wrong,
            reason: format!(
                "gave {results:?}, and {} gave {expected:?}",
                names[*first].name
            ),
        })
    }

    /// What does not change from one compilation to the next.
    fn facts(&self, program: usize, competitor: usize, values: &mut Values) -> Result<(), Refusal> {
        let (compiled, allocations) =
            bakeoff_allocations::count(|| self.compile(program, competitor, &mut NoPhases));
        let (executable, _) = compiled?;
        values.insert(Event::Allocations, allocations.allocations);
        values.insert(Event::AllocatedBytes, allocations.bytes);
        values.insert(Event::PeakBytes, allocations.peak_bytes);
        values.extend(facts(&*executable));
        Ok(())
    }
}

impl Course for Suite {
    fn programs(&self) -> Vec<Program> {
        self.works.iter().map(Work::describe).collect()
    }

    fn competitors(&self) -> Vec<Competitor> {
        self.competitors.clone()
    }

    fn visit(
        &mut self,
        program: usize,
        competitor: usize,
        cold: bool,
    ) -> Result<Vec<Values>, Refusal> {
        let is_timed = matches!(self.works[program], Work::Program(_));
        let (executable, compile_ns) = self.compile(program, competitor, &mut NoPhases)?;
        let mut samples = vec![BTreeMap::from([(Event::Compile, compile_ns)])];
        if is_timed || cold {
            let first_ns = self.run(program, competitor, &executable)?;
            samples[0].insert(Event::FirstCall, first_ns);
        }
        if cold {
            drop(executable);
            self.facts(program, competitor, &mut samples[0])?;
            return Ok(samples);
        }
        if is_timed {
            // Each behind a run, as the first one was.
            samples.push(self.compile_once_more(program, competitor, Event::Compile)?);
            let run_ns = self.run(program, competitor, &executable)?;
            samples[0].insert(Event::Run, run_ns);
            samples.push(self.compile_once_more(program, competitor, Event::Compile)?);
        }
        drop(executable);
        // What it leaves in the caches is what the next ones, which are timed, find there.
        drop(self.compile(program, competitor, &mut NoPhases)?);
        for _ in 0..COMPILATIONS {
            samples.push(self.compile_once_more(program, competitor, Event::CompileAgain)?);
        }
        let mut times = PhaseTimes::default();
        drop(self.compile(program, competitor, &mut times)?);
        for phase in self.configurations[competitor].backend.phases() {
            // Below the resolution of the clock is not nothing.
            let phase_ns = times.0[*phase as usize].max(1);
            samples[0].insert(phase_event(*phase), phase_ns);
        }
        Ok(samples)
    }
}

/// The event that a phase's time is.
const fn phase_event(phase: Phase) -> Event {
    match phase {
        Phase::Analyse => Event::Analyse,
        Phase::Lower => Event::Lower,
        Phase::Allocate => Event::Allocate,
        Phase::Emit => Event::Emit,
        Phase::Link => Event::Link,
        Phase::Publish => Event::Publish,
    }
}

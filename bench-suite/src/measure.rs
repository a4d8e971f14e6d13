//! One sample: what it takes to compile a program and to run it once.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bakeoff_backend::{
    CompileError, Executable, Imports, Instance, NoPhases, Options, PhaseSink, Target,
};
use bakeoff_ir::{Module, Scalar};
use bakeoff_registry::Configuration;
use bakeoff_suite::{Program, RunError, Size};

use crate::guest::InstanceGuest;

/// A program with its module in memory: what a sample starts from.
pub struct Subject {
    /// The program.
    pub program: Program,
    /// Its verified module.
    pub module: Arc<Module>,
}

/// What one compilation and one run cost.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// From the verified IR to a callable entry, in ns.
    pub compile_ns: u64,
    /// The timed call, in ns.
    pub run_ns: u64,
    /// Size of the code in bytes.
    pub code_bytes: u64,
    /// What the timed call returned.
    pub results: Vec<Scalar>,
}

/// Why a sample is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The backend does not do this.
    #[error("{0}")]
    Unsupported(String),
    /// The program trapped, or could not be instantiated or called.
    #[error("{0}")]
    Trap(String),
    /// The answer is wrong, or the backend refused a correct module.
    #[error("{0}")]
    Wrong(String),
}

/// Compiles for this machine.
///
/// # Errors
/// With what the backend says.
pub fn compile(
    configuration: &Configuration,
    module: &Arc<Module>,
    options: &Options,
    phases: &mut dyn PhaseSink,
) -> Result<Arc<dyn Executable>, CompileError> {
    // Entering machine code is written for the machines that `host` knows; this crate is not built
    // for others.
    let target = Target::host().unwrap_or(Target::X64);
    configuration
        .backend
        .compile(module, target, options, phases)
}

impl Subject {
    /// Compiles, instantiates, runs and checks the program once.
    ///
    /// # Errors
    /// If it cannot be compiled or run, or answers wrongly.
    pub fn sample(
        &self,
        configuration: &Configuration,
        size: Size,
        options: &Options,
    ) -> Result<Sample, Failure> {
        let start = Instant::now();
        let compiled = compile(
            configuration,
            black_box(&self.module),
            options,
            &mut NoPhases,
        );
        let compile_ns = start.elapsed().as_nanos() as u64;
        let executable = compiled.map_err(|error| match error {
            CompileError::Unsupported { .. } => Failure::Unsupported(error.to_string()),
            _ => Failure::Wrong(error.to_string()),
        })?;
        let (run_ns, results) = self.run(&executable, size)?;
        Ok(Sample {
            compile_ns,
            run_ns,
            code_bytes: executable.code_bytes() as u64,
            results,
        })
    }

    /// Instantiates, runs and checks the program once; yields the time of the timed call in ns and
    /// its results.
    ///
    /// # Errors
    /// If it cannot be run, or answers wrongly.
    pub fn run(
        &self,
        executable: &Arc<dyn Executable>,
        size: Size,
    ) -> Result<(u64, Vec<Scalar>), Failure> {
        let instance =
            Instance::new(executable, &Imports::new()).map_err(|e| Failure::Trap(e.to_string()))?;
        let mut guest = InstanceGuest(instance);
        let prepared = self.program.prepare(size, &mut guest).map_err(failure)?;
        let timed = prepared.time(&mut guest).map_err(failure)?;
        prepared
            .check(&mut guest, &timed.results)
            .map_err(failure)?;
        Ok((timed.run_ns, timed.results))
    }
}

pub(crate) fn failure<E: std::fmt::Display>(error: RunError<E>) -> Failure {
    match error {
        RunError::WrongAnswer { .. } => Failure::Wrong(error.to_string()),
        _ => Failure::Trap(error.to_string()),
    }
}

//! Differential testing with WebAssembly modules: every configuration against an engine from outside.
//!
//! Purpose: the rest of this crate compares our backends with each other, from the IR on. What they have in
//! common it cannot see: the front end, the verifier, the runtime, and what all of them get wrong. Here
//! modules come from wasm-smith, and what wasmi does with them is right.
//!
//! ```text
//! seed, number ─► module ─► wasm bytes ─┬─► outside: wasmi ─────────► transcript ─┐
//!                                       │                                         ▼
//!                                       └─► front end ─► verifier ─► replay on each configuration ─► report
//! ```
//!
//! | module | what |
//! |---|---|
//! | `module` | a module for each seed and number, by wasm-smith |
//! | `shape` | what a module imports and exports |
//! | `host` | the host that all engines provide |
//! | `outside` | wasmi, and the transcript of what it did |
//! | `replay` | the transcript again, on a configuration |
//! | `reduce` | the module of a finding, made smaller |
//! | `report` | counts and findings, as text |
//!
//! What is compared, bit by bit: results, traps, calls of the host with their arguments, and the memories,
//! tables and globals that an instance leaves behind. NaNs have no free bits: wasm-smith makes those canonical
//! that an operation may choose.

mod host;
mod module;
mod outside;
mod reduce;
mod replay;
mod report;
mod shape;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bakeoff_backend::{BoundsChecks, CompileError, Cpu, Executable, NoPhases, Options, Target};
use bakeoff_ir::{Module, Type, verify_module};
use bakeoff_registry::Configuration;
use wasmparser::ValType;

pub use host::HostCall;
pub use module::module;
pub use outside::{Call, Cut, Left, Life, Outcome, Transcript};
pub use reduce::reduce;
pub use report::{Finding, Tally, WasmReport};

use replay::{Replayed, replay};
use shape::Shape;

/// Where a finding that no configuration is to blame for comes from.
const FRONT_END: &str = "front end";

/// Why a module is not compared to the end.
const OVERFLOW: &str = "the stack overflowed where wasmi's did not";

/// What wasmi does with a module; seed and number decide about the arguments of calls.
///
/// # Errors
/// If the module is not valid, or wasmi does not run it; says why.
pub fn outside(wasm: &[u8], seed: u64, number: u64) -> Result<Transcript, String> {
    let shape = Shape::of(wasm).map_err(|e| e.to_string())?;
    outside::play(wasm, &shape, seed, number)
}

/// Tests the modules of these numbers on these configurations. `before` sees the number of each module before it is tested.
pub fn run(
    seed: u64,
    numbers: Range<u64>,
    configurations: &[&'static Configuration],
    mut before: impl FnMut(u64),
) -> WasmReport {
    let mut report = WasmReport::new(configurations);
    for number in numbers {
        before(number);
        test(seed, number, &mut report);
    }
    report
}

fn test(seed: u64, number: u64, report: &mut WasmReport) {
    let wasm = module(seed, number);
    report.modules += 1;
    let front_end = |what: String| Finding {
        number,
        configuration: FRONT_END,
        what,
        wasm: wasm.clone(),
    };
    let shape = match Shape::of(&wasm) {
        Ok(shape) => shape,
        Err(error) => return report.findings.push(front_end(error.to_string())),
    };
    let module = match guarded(|| load(&wasm)) {
        Ok(module) => Arc::new(module),
        Err(what) => return report.findings.push(front_end(what)),
    };
    let transcript = match guarded(|| outside::play(&wasm, &shape, seed, number)) {
        Ok(transcript) => transcript,
        Err(why) => return report.count_refused(why),
    };
    report.count_transcript(&transcript);
    for tally in &mut report.configurations {
        let what = match examine(tally.configuration, &module, &shape, &transcript, number) {
            Ok(None) => {
                tally.passed += 1;
                continue;
            }
            Ok(Some(why)) => {
                tally.skip(why);
                continue;
            }
            Err(what) => what,
        };
        tally.failed += 1;
        report.findings.push(Finding {
            number,
            configuration: tally.configuration.name,
            what,
            wasm: wasm.clone(),
        });
    }
}

/// Whether a configuration does what wasmi did: a reason if that was not seen to the end, an error if it
/// does something else.
fn examine(
    configuration: &Configuration,
    module: &Arc<Module>,
    shape: &Shape,
    transcript: &Transcript,
    number: u64,
) -> Result<Option<String>, String> {
    guarded(|| match compile(configuration, module, &options(number)) {
        Ok(executable) => match replay(&executable, shape, transcript) {
            Replayed::Same => Ok(None),
            Replayed::Overflow => Ok(Some(OVERFLOW.to_string())),
            Replayed::Different(what) => Err(what),
        },
        Err(CompileError::Unsupported { what, .. }) => Ok(Some(format!("{what} is not supported"))),
        Err(CompileError::TooLarge { what, .. }) => Ok(Some(format!("{what} is too large"))),
        Err(error) => Err(error.to_string()),
    })
}

/// What the front end makes of a module, if the verifier accepts it.
fn load(wasm: &[u8]) -> Result<Module, String> {
    let module = bakeoff_frontend_wasm::load(wasm).map_err(|e| e.to_string())?;
    verify_module(&module).map_err(|e| format!("the verifier refuses: {e}"))?;
    Ok(module)
}

fn compile(
    configuration: &Configuration,
    module: &Arc<Module>,
    options: &Options,
) -> Result<Arc<dyn Executable>, CompileError> {
    let target = Target::host().ok_or_else(|| CompileError::Failed {
        function: String::new(),
        message: "this machine is no target".to_string(),
    })?;
    configuration
        .backend
        .compile(module, target, options, &mut NoPhases)
}

/// The options that all configurations are given alike: each kind of bounds checks for half of the modules,
/// and the plain processor for a quarter.
fn options(number: u64) -> Options {
    Options {
        bounds_checks: match number % 2 {
            0 => BoundsChecks::Guard,
            _ => BoundsChecks::Explicit,
        },
        cpu: match number / 2 % 4 {
            0 => Cpu::Baseline,
            _ => Cpu::Host,
        },
    }
}

/// A panic as an error like any other.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// The IR's type for values of a type.
fn ir_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::I64 | ValType::Ref(_) | ValType::V128 => Type::I64,
    }
}

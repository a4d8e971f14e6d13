//! What tests that run modules share.
#![allow(dead_code, reason = "every test uses a part of it")]

pub(crate) mod crowd;
pub(crate) mod host;
pub(crate) mod source;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bakeoff_backend::{
    BoundsChecks, CallError, CompileError, Cpu, Executable, HostError, HostFunc, Imports, Instance,
    NoPhases, Options, Target,
};
use bakeoff_ir::{Module, Scalar, Signature, TrapCode, Type, text::parse_module, verify_module};
use bakeoff_registry::{BASELINE, CONFIGURATIONS, Configuration, REFERENCE};

/// The directory of the text files that test the ops.
pub(crate) fn ir_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir")
}

/// The directory of the suite's programs that are text files.
pub(crate) fn ir_programs_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../bench-suite/programs/ir")
}

/// Compiles for this machine; why not, if the backend does not do something that the module needs.
/// The reference and the baseline do everything.
pub(crate) fn try_compile(
    configuration: &Configuration,
    module: &Arc<Module>,
    options: &Options,
) -> Result<Arc<dyn Executable>, String> {
    let target = Target::host().expect("a machine that code is generated for");
    match configuration
        .backend
        .compile(module, target, options, &mut NoPhases)
    {
        Ok(executable) => Ok(executable),
        Err(error @ CompileError::Unsupported { .. })
            if ![BASELINE, REFERENCE].contains(&configuration.name) =>
        {
            Err(error.to_string())
        }
        Err(error) => panic!("{}: {error}", configuration.name),
    }
}

/// Writes a line that is seen of tests that pass, too.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Compiles for this machine. What is not supported is said and counted, and `None`.
pub(crate) fn compile(
    configuration: &Configuration,
    module: &Arc<Module>,
    options: &Options,
) -> Option<Arc<dyn Executable>> {
    static SKIPPED: AtomicU32 = AtomicU32::new(0);
    let compiled = try_compile(configuration, module, options);
    compiled
        .inspect_err(|why| {
            let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
            say(&format!("skipped ({count}): {}: {why}", configuration.name));
        })
        .ok()
}

/// All configurations but those that differ from the baseline in the code generator's settings only.
pub(crate) fn one_of_each_backend() -> impl Iterator<Item = &'static Configuration> {
    let variant = |name: &str| name != BASELINE && name.starts_with(BASELINE);
    CONFIGURATIONS.iter().filter(move |c| !variant(c.name))
}

/// Parses and verifies.
pub(crate) fn module(source: &str) -> Arc<Module> {
    let parsed = parse_module(source).unwrap_or_else(|e| panic!("{}", e.render(source, "source")));
    if let Err(errors) = verify_module(&parsed.module) {
        panic!("{}", errors.render(&parsed.positions, source, "source"));
    }
    Arc::new(parsed.module)
}

/// Runs a test with the module compiled by every configuration, with guard pages and with explicit
/// checks, and supported. The text says which it is.
pub(crate) fn on_every_configuration(source: &str, test: impl Fn(&str, &Arc<dyn Executable>)) {
    let checks = [BoundsChecks::Guard, BoundsChecks::Explicit];
    let options = checks.map(|bounds_checks| Options {
        bounds_checks,
        ..Options::default()
    });
    on_configurations(source, &options, test);
}

/// As [`on_every_configuration`], for modules that are large and whose accesses to memory are beside
/// the point.
pub(crate) fn with_guard_pages(source: &str, test: impl Fn(&str, &Arc<dyn Executable>)) {
    on_configurations(source, &[GUARD], test);
}

/// As [`with_guard_pages`], as code for this processor and for every one.
pub(crate) fn for_both_processors(source: &str, test: impl Fn(&str, &Arc<dyn Executable>)) {
    let options = [Cpu::Host, Cpu::Baseline].map(|cpu| Options { cpu, ..GUARD });
    on_configurations(source, &options, test);
}

const GUARD: Options = Options {
    bounds_checks: BoundsChecks::Guard,
    cpu: Cpu::Host,
};

fn on_configurations(source: &str, options: &[Options], test: impl Fn(&str, &Arc<dyn Executable>)) {
    let module = module(source);
    for configuration in CONFIGURATIONS {
        for options in options {
            if let Some(executable) = compile(configuration, &module, options) {
                let Options { bounds_checks, cpu } = options;
                test(
                    &format!("{} {bounds_checks:?} {cpu:?}", configuration.name),
                    &executable,
                );
            }
        }
    }
}

/// An instance, which has to work.
pub(crate) fn instantiate(executable: &Arc<dyn Executable>, imports: &Imports) -> Instance {
    Instance::new(executable, imports).unwrap_or_else(|error| panic!("{error}"))
}

/// The code of the trap that a call ended with.
pub(crate) fn trap_of(result: Result<Vec<Scalar>, CallError>) -> Result<TrapCode, String> {
    match result {
        Err(CallError::Trap(trap)) => Ok(trap.code),
        other => Err(format!("no trap but {other:?}")),
    }
}

/// The bits that a call gives, or the code of its trap.
pub(crate) fn call_bits(
    instance: &mut Instance,
    name: &str,
    args: &[Scalar],
) -> Result<Vec<u64>, TrapCode> {
    match instance.call(name, args) {
        Ok(values) => Ok(values.iter().map(|value| value.bits()).collect()),
        Err(CallError::Trap(trap)) => Err(trap.code),
        Err(other) => panic!("{name}: {other}"),
    }
}

extern "C" fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

macro_rules! define_mix {
    ($($int:ident $float:ident $factor:literal),*) => {
        /// The sum of (i + 1) * a_i and (i + 1) * b_i.
        #[allow(clippy::too_many_arguments)]
        extern "C" fn mix($($int: i64, $float: f64),*) -> f64 {
            0.0 $(+ $factor * $int as f64 + $factor * $float)*
        }
    };
}
define_mix!(a0 b0 1.0, a1 b1 2.0, a2 b2 3.0, a3 b3 4.0, a4 b4 5.0, a5 b5 6.0, a6 b6 7.0, a7 b7 8.0, a8 b8 9.0, a9 b9 10.0);

pub(crate) fn signature(params: &[Type], results: &[Type]) -> Signature {
    Signature {
        params: params.to_vec(),
        results: results.to_vec(),
    }
}

/// The host that the text files expect: module `host` with `add`, `fptr_add`, `fptr_mix` and `trap`.
pub(crate) fn imports() -> Imports {
    use Type::{I32, I64};
    let mut imports = Imports::new();
    imports.func(
        "host",
        "add",
        HostFunc::new(signature(&[I32, I32], &[I32]), |_, args| {
            Ok(vec![Scalar::i32(add(
                args[0].signed() as i32,
                args[1].signed() as i32,
            ))])
        }),
    );
    let pointer = |address: usize| {
        HostFunc::over_slots(signature(&[], &[I64]), move |_, slots| {
            slots[0] = address as u64;
            Ok(())
        })
    };
    imports.func("host", "fptr_add", pointer(add as *const () as usize));
    imports.func("host", "fptr_mix", pointer(mix as *const () as usize));
    imports.func(
        "host",
        "trap",
        HostFunc::over_slots(signature(&[], &[]), |_, _| {
            Err(HostError::Failed("on purpose".to_string()))
        }),
    );
    imports
}

//! The engines. A further one is one file with an [`Engine`] in it, and its line in [`all`].

mod bakeoff;
mod native;
mod wasmi_1;
mod wasmi_2;
mod wasmtime;

use bakeoff_suite::{Guest, Program, Size};

/// A way to run programs.
pub trait Engine {
    /// The name on the command line and in tables, with the version where two are compared.
    fn name(&self) -> &str;

    /// What it is, in a line.
    fn about(&self) -> String;

    /// Whether it compiles in this process: only then can its memory be counted, and does a second compilation find
    /// anything in caches that the first one left there.
    fn is_inside(&self) -> bool {
        true
    }

    /// Compiles what its users would give it: the bytes of the Wasm module, or the program's C source. Yields the time
    /// that it took in ns, too. The error is for people.
    fn compile(
        &self,
        program: &Program,
        wasm: &[u8],
    ) -> Result<(Box<dyn Compiled + '_>, u64), String>;
}

/// A program that an engine has compiled.
pub trait Compiled {
    /// Instantiates, runs the timed call, and checks the answer; the time of the call in ns.
    fn run(&self, program: &Program, size: Size) -> Result<u64, String>;

    /// Size of the code in bytes, if the engine tells.
    fn code_bytes(&self) -> Option<u64> {
        None
    }
}

/// What runs unless other engines are asked for: everybody else's, and each of our backends once. The
/// first is the default for comparisons.
const DEFAULT: [&str; 11] = [
    "wasmtime-cranelift",
    "wasmtime-winch",
    "wasmtime-pulley",
    "wasmi-1",
    "wasmi-2",
    "gcc-O0",
    "gcc-O2",
    "bakeoff-interp",
    "bakeoff-cranelift",
    "bakeoff-stencil",
    "bakeoff-dynasm",
];

/// Every engine.
fn all() -> Result<Vec<Box<dyn Engine>>, String> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    engines.extend(wasmtime::all()?);
    engines.push(Box::new(wasmi_1::Wasmi));
    engines.push(Box::new(wasmi_2::Wasmi));
    engines.extend(native::all());
    engines.extend(bakeoff::all());
    Ok(engines)
}

/// The named engines in the order of their names; `all` alone is every engine, and no names are
/// the default.
pub fn select(names: Option<&[String]>) -> Result<Vec<Box<dyn Engine>>, String> {
    let mut engines = all()?;
    let names: Vec<&str> = match names {
        Some([name]) if name == "all" => return Ok(engines),
        Some(names) => names.iter().map(String::as_str).collect(),
        None => DEFAULT.to_vec(),
    };
    let mut selected = Vec::new();
    for name in names {
        let Some(at) = engines.iter().position(|engine| engine.name() == name) else {
            let known: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
            let known = known.join(", ");
            return Err(format!(
                "there is no engine `{name}` (left); there are: {known}"
            ));
        };
        selected.push(engines.remove(at));
    }
    Ok(selected)
}

/// The part of a round that is alike for all engines: from an instance to a checked answer.
fn round<G: Guest>(program: &Program, size: Size, guest: &mut G) -> Result<u64, String> {
    let prepared = program.prepare(size, guest).map_err(|e| e.to_string())?;
    let timed = prepared.time(guest).map_err(|e| e.to_string())?;
    let checked = prepared.check(guest, &timed.results);
    checked.map_err(|e| e.to_string())?;
    Ok(timed.run_ns)
}

/// Runs `work` and says how long it took.
fn clocked<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let start = std::time::Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    (
        result,
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
    )
}

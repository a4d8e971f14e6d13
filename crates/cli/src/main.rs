//! The `bakeoff` command: compare backends and test them against each other, run, print, verify and
//! disassemble modules, and look at stencils.
//!
//! Exit status: 0 all well; 1 a program failed, trapped or disagreed; 2 wrong usage or input.
#![forbid(unsafe_code)]

mod clif_test;
mod compare;
mod counts_worker;
mod difftest;
mod disasm;
mod error;
mod measure;
mod measure_counts;
mod report;
mod run;
mod stencils;
mod table;
mod wasm_test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bakeoff_backend::{BoundsChecks, Cpu};
use bakeoff_bench_suite::{LoadedModule, load_module};
use bakeoff_registry::{CONFIGURATIONS, Configuration};
use bakeoff_suite::Size;
use clap::{Args, Parser, Subcommand, ValueEnum};

use error::CliError;

/// Counts what compilers allocate when `measure` asks for it, and does nothing else otherwise.
#[global_allocator]
static ALLOCATOR: bakeoff_allocations::Counting = bakeoff_allocations::Counting;

/// Compares ways of turning one program into running code.
#[derive(Parser)]
#[command(name = "bakeoff", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compile and run programs on every backend, check that all agree, and print what each costs.
    ///
    /// Without arguments: the whole suite at quick size, every backend.
    Compare(CompareArgs),
    /// Measure programs on every backend in several processes, and keep every sample.
    ///
    /// Without arguments: the whole suite at quick size, every backend, in ten minutes. `bakeoff report` shows what came out.
    Measure(measure::MeasureArgs),
    /// Make figures and tables of what was measured: a page, SVG, PDF, LaTeX, CSV and JSON.
    Report(report::ReportArgs),
    /// Run a module (.ir, .wasm, .wat, .clif) or an entry of the suite (.toml) on one backend.
    ///
    /// Without --invoke a text module (.ir, .clif) runs its `; run:` and `; trap:` lines, an entry its
    /// steps, and any other module its start function.
    Run(RunArgs),
    /// List the backends.
    Backends,
    /// Print a module in the text form of the IR.
    Print {
        /// A module: .ir, .wasm, .wat or .clif.
        file: PathBuf,
    },
    /// Check a module or an entry of the suite.
    Verify {
        /// A module (.ir, .wasm, .wat, .clif) or an entry (.toml).
        file: PathBuf,
    },
    /// Print the code that a backend makes of a module.
    Disasm {
        /// A module: .ir, .wasm, .wat or .clif.
        file: PathBuf,
        /// The backend, see `bakeoff backends`.
        #[arg(long)]
        backend: String,
        /// What native code may use of the processor.
        #[arg(long, value_enum, default_value_t = CpuArg::Host)]
        cpu: CpuArg,
        /// Only the parts whose name contains this.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Test backends against each other with generated programs, or with files.
    ///
    /// A campaign keeps its progress and its findings in a directory, and goes on where it was if the
    /// command is given again.
    Difftest(difftest::DifftestArgs),
    /// Make a case that fails small.
    Reduce(difftest::ReduceArgs),
    /// Runs cases for another process that watches this one.
    #[command(hide = true)]
    DifftestWorker {
        /// The fault to switch on.
        #[arg(long)]
        fault: Option<String>,
    },
    /// Does for another process what that counts from outside.
    #[command(hide = true)]
    CountsWorker(counts_worker::CountsWorkerArgs),
    /// Run the `; run:` and `; print:` lines of CLIF files on every backend, and count what is skipped.
    ClifTest(ClifTestArgs),
    /// List the families of stencils, or show those of an op.
    Stencils {
        /// An op (`iadd`), another form (`BrIcmp`), or what a family's name begins with (`iadd.i32 R`).
        #[arg(long, value_name = "NAME")]
        op: Option<String>,
        /// Show every stencil of a family instead of one.
        #[arg(long, requires = "op")]
        all: bool,
    },
    /// Test backends with random WebAssembly modules, against wasmi.
    WasmTest(WasmTestArgs),
}

/// Which modules to test with.
#[derive(Args)]
struct WasmTestArgs {
    /// What the modules are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first module.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many modules.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Only these backends, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    backends: Vec<String>,
    /// Write the modules of findings, made smaller, into this directory.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Write the report into the section `wasm-smith` of this page.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// What to compare.
#[derive(Args)]
struct CompareArgs {
    /// Entries (.toml) or text modules with a `; run:` line (.ir, .clif) instead of the suite's.
    #[arg(conflicts_with = "suite")]
    files: Vec<PathBuf>,
    /// Only the programs of this part of the suite.
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// Only these backends, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    backends: Vec<String>,
    /// The size of the runs.
    #[arg(long, value_enum, default_value_t = SizeArg::Quick)]
    size: SizeArg,
    /// How native code checks accesses with 32-bit indices.
    #[arg(long, value_enum, default_value_t = BoundsArg::Guard)]
    bounds_checks: BoundsArg,
    /// What native code may use of the processor.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
    /// Samples of each program and backend.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// What shuffles the order of the samples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the figures and all samples to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What to run.
#[derive(Args)]
struct RunArgs {
    /// A module (.ir, .wasm, .wat, .clif) or an entry (.toml).
    file: PathBuf,
    /// The backend, see `bakeoff backends`.
    #[arg(long, default_value = bakeoff_registry::BASELINE)]
    backend: String,
    /// The exported function to call.
    #[arg(long, value_name = "F")]
    invoke: Option<String>,
    /// The size of the run of an entry.
    #[arg(long, value_enum, default_value_t = SizeArg::Quick)]
    size: SizeArg,
    /// What native code may use of the processor.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
    /// Arguments of the function.
    #[arg(allow_negative_numbers = true, requires = "invoke")]
    args: Vec<String>,
}

/// What to test.
#[derive(Args)]
struct ClifTestArgs {
    /// CLIF files, and directories in which to look for them (.clif).
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only these backends, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    backends: Vec<String>,
    /// Write the results into the section `clif` of this page.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// What the files are a copy of, for the page.
    #[arg(long, value_name = "TEXT", default_value = "CLIF files")]
    revision: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum SizeArg {
    Quick,
    Full,
}

impl SizeArg {
    /// The name on the command line.
    const fn name(self) -> &'static str {
        match self {
            SizeArg::Quick => "quick",
            SizeArg::Full => "full",
        }
    }
}

impl From<SizeArg> for Size {
    fn from(size: SizeArg) -> Size {
        match size {
            SizeArg::Quick => Size::Quick,
            SizeArg::Full => Size::Full,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum BoundsArg {
    /// By guard pages.
    Guard,
    /// By a comparison before each access.
    Explicit,
}

impl BoundsArg {
    /// The name on the command line.
    const fn name(self) -> &'static str {
        match self {
            BoundsArg::Guard => "guard",
            BoundsArg::Explicit => "explicit",
        }
    }
}

impl From<BoundsArg> for BoundsChecks {
    fn from(bounds: BoundsArg) -> BoundsChecks {
        match bounds {
            BoundsArg::Guard => BoundsChecks::Guard,
            BoundsArg::Explicit => BoundsChecks::Explicit,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum CpuArg {
    /// Everything that this machine has.
    Host,
    /// Only what every processor of its kind has.
    Baseline,
}

impl CpuArg {
    /// The name on the command line.
    const fn name(self) -> &'static str {
        match self {
            CpuArg::Host => "host",
            CpuArg::Baseline => "baseline",
        }
    }
}

impl From<CpuArg> for Cpu {
    fn from(cpu: CpuArg) -> Cpu {
        match cpu {
            CpuArg::Host => Cpu::Host,
            CpuArg::Baseline => Cpu::Baseline,
        }
    }
}

/// How a command that did its work ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Failed,
}

fn main() -> ExitCode {
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        // In a file, a message is searched for by its words: it is not broken into lines.
        let plain = miette::MietteHandlerOpts::new().width(usize::MAX);
        // Nobody else sets it: this is the first statement of the program.
        let _ = miette::set_hook(Box::new(move |_| Box::new(plain.clone().build())));
    }
    // A pipe that is closed early ends the program quietly instead of by a panic.
    let outcome = dispatch(Cli::parse());
    match outcome {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::from(1),
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{:?}", error.report());
            ExitCode::from(2)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Verdict, CliError> {
    match cli.command {
        Command::Compare(args) => compare::command(&args),
        Command::Measure(args) => measure::command(&args),
        Command::Report(args) => report::command(&args),
        Command::Run(args) => run::command(&args),
        Command::Backends => table::backends(),
        Command::Print { file } => {
            let loaded = load(&file)?;
            print_text(&loaded.module.to_string())
        }
        Command::Verify { file } => run::verify(&file),
        Command::Disasm {
            file,
            backend,
            cpu,
            filter,
        } => {
            let loaded = load(&file)?;
            let (configuration, filter) = (find_backend(&backend)?, filter.as_deref());
            disasm::command(loaded.module, configuration, cpu.into(), filter)
        }
        Command::Difftest(args) => difftest::command(&args),
        Command::Reduce(args) => difftest::reduce_command(&args),
        Command::DifftestWorker { fault } => difftest::worker(fault.as_deref()),
        Command::CountsWorker(args) => counts_worker::command(&args),
        Command::ClifTest(args) => clif_test::command(&args),
        Command::Stencils { op, all } => stencils::command(op.as_deref(), all),
        Command::WasmTest(args) => wasm_test::command(&args),
    }
}

fn find_backend(name: &str) -> Result<&'static Configuration, CliError> {
    Ok(bakeoff_registry::find(name)?)
}

/// The configurations of these names; all for none.
fn find_backends(names: &[String]) -> Result<Vec<&'static Configuration>, CliError> {
    if names.is_empty() {
        return Ok(CONFIGURATIONS.iter().collect());
    }
    let mut found: Vec<&'static Configuration> = Vec::new();
    for name in names {
        let configuration = find_backend(name)?;
        if !found.iter().any(|c| c.name == configuration.name) {
            found.push(configuration);
        }
    }
    Ok(found)
}

/// Loads a module, and says what was left out of it.
fn load(file: &Path) -> Result<LoadedModule, CliError> {
    let loaded = load_module(file)?;
    for function in &loaded.left_out {
        eprintln!("{}:{function}", file.display());
    }
    Ok(loaded)
}

/// Writes to standard output.
fn print_text(text: &str) -> Result<Verdict, CliError> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(CliError::Output)?;
    Ok(Verdict::Good)
}

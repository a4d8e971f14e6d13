//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use bakeoff_bench_suite::record::parse_time;
use bakeoff_suite::Size;
use clap::Parser;

/// Measures Wasm programs of the benchmark suite on other people's engines, and their C source compiled by gcc.
#[derive(Parser)]
#[command(name = "peers", after_help = ENGINES)]
pub struct Options {
    /// Entries (.toml); default: all of the directory.
    pub files: Vec<PathBuf>,
    /// The directory of entries.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench-suite/programs"))]
    pub programs: PathBuf,
    /// The size of the runs: quick or full.
    #[arg(long, default_value_t = Size::Quick)]
    pub size: Size,
    /// Engines, with commas between; see below.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub engines: Option<Vec<String>>,
    /// Processes, one after another.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    pub processes: u32,
    /// Iterations of each process that count; by default as many as the budget allows.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub iterations: Option<u32>,
    /// Time for everything: `90s`, `10m`, `2h`. [default: 10m, or none with --iterations]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub budget: Option<Duration>,
    /// What shuffles the orders.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The directory of the session. [default: measurements/peers-DATE-TIME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Pack the rows when all is done.
    #[arg(long)]
    pub pack: bool,
    /// Do one process's share and write its rows to standard output.
    #[arg(long, hide = true)]
    pub worker: Option<u32>,
    /// The time of that share, in ms.
    #[arg(long, hide = true, requires = "worker")]
    pub worker_ms: Option<u64>,
}

const ENGINES: &str = "\
Engines: wasmtime-cranelift, wasmtime-winch, wasmtime-pulley, wasmi-1, wasmi-2, gcc-O0, gcc-O2, and bakeoff-NAME for every NAME \
that `bakeoff backends` lists. Default: all but ours, bakeoff-interp, bakeoff-cranelift, bakeoff-stencil and bakeoff-dynasm; \
`--engines all` is every one. The first is the baseline, and measured once more as a control.";

//! The command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use bakeoff_suite::Size;

/// What `--help` prints.
pub const USAGE: &str = "\
Runs Wasm programs of the benchmark suite on other people's engines.

usage: peers [OPTIONS] [FILES]

  FILES               entries (.toml); default: all of the directory
  --programs DIR      the directory of entries; default: bench-suite/programs
  --size quick|full   default: full
  --samples N         rounds per program; default: 7
  --engines A,B       the first is what the others are compared with; see below
  --seed N            of the order of engines; default: from the clock
  --json FILE         writes the raw samples
  --help

engines:
  wasmtime-cranelift, wasmtime-winch, wasmtime-pulley, wasmi-1, wasmi-2, and
  bakeoff-NAME for every NAME that `bakeoff backends` lists. Default: the five of
  others, bakeoff-interp, bakeoff-cranelift, bakeoff-stencil and bakeoff-dynasm.
  `--engines all` is every one.
";

/// What was asked for.
pub struct Options {
    /// Entries by name; if there are none, all of `programs`.
    pub files: Vec<PathBuf>,
    /// A directory of entries.
    pub programs: PathBuf,
    /// Which parameters.
    pub size: Size,
    /// Rounds per program.
    pub samples: usize,
    /// Engine names, if not the default.
    pub engines: Option<Vec<String>>,
    /// Of the shuffled order.
    pub seed: u64,
    /// Where raw samples go.
    pub json: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; `None` if only help was asked for.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options {
            files: Vec::new(),
            programs: PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../bench-suite/programs"
            )),
            size: Size::Full,
            samples: 7,
            engines: None,
            seed: clock_seed(),
            json: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--programs" => options.programs = value()?.into(),
                "--size" => options.size = value()?.parse()?,
                "--samples" => {
                    options.samples =
                        number(&value()?).filter(|n| *n > 0).ok_or_else(wants)? as usize;
                }
                "--engines" => {
                    options.engines = Some(value()?.split(',').map(str::to_string).collect());
                }
                "--seed" => options.seed = number(&value()?).ok_or_else(wants)?,
                "--json" => options.json = Some(value()?.into()),
                _ if arg.starts_with('-') => return Err(format!("there is no option {arg}")),
                _ => options.files.push(arg.into()),
            }
        }
        Ok(Some(options))
    }
}

fn wants() -> String {
    "a positive number is wanted".to_string()
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn clock_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |since| since.as_nanos() as u64)
}

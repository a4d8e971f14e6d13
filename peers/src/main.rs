//! `peers`: other people's engines, and native code, on the programs of the benchmark suite.
//!
//! Purpose: a number of ours means little without one beside it that readers know. Every engine gets what its users
//! would give it and the same steps, from the same entries, through the [`Guest`](bakeoff_suite::Guest) trait, and is
//! configured as its users find it. Our own backends run among them, interleaved with the rest.
//!
//! What comes out is a session like any other: `bakeoff report` makes the same figures of it. `compile_ns` is from the
//! bytes of a Wasm module to one that can be instantiated, validation included (for native code: from C to an
//! executable file); `first_call_ns` and `run_ns` are the timed call, in a fresh instance each. A wrong answer puts the
//! engine out for that program.

mod course;
mod engines;
mod options;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bakeoff_allocations::Counting;
use bakeoff_bench_suite::record::{
    Course, Progress, Recording, Share, budget, command_line, default_dir, fingerprint, is_good,
    now, record, summary, work, workers,
};
use bakeoff_samples::{Head, Kind, Settings};
use bakeoff_suite::{Program, load_dir};
use clap::Parser;

use course::Peers;
use options::Options;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("peers: {message}");
            ExitCode::from(2)
        }
    }
}

/// Does what was asked for; whether every answer was right.
fn run(options: &Options) -> Result<bool, String> {
    let engines = engines::select(options.engines.as_deref())?;
    let mut peers = Peers::new(select_programs(options)?, engines, options.size)?;
    let fingerprint = fingerprint(LOCK);
    if let Some(process) = options.worker {
        let share = Share {
            process,
            seed: options.seed,
            iterations: options.iterations,
            time: options.worker_ms.map(Duration::from_millis),
        };
        let mut out = std::io::stdout().lock();
        work(&mut peers, share, &fingerprint.id(), &mut out).map_err(|e| e.to_string())?;
        return Ok(true);
    }
    let began = now();
    let budget = budget(options.budget, options.iterations);
    let head = Head {
        format: Head::FORMAT,
        kind: Kind::Times,
        command: command_line("peers"),
        began: began.clone(),
        settings: Settings {
            size: options.size.name().to_string(),
            processes: options.processes,
            iterations: options.iterations,
            budget_s: budget.map(|budget| budget.as_secs()),
            width: None,
            seed: options.seed,
            cpu: "host".to_string(),
            bounds_checks: "guard".to_string(),
        },
        programs: peers.programs(),
        competitors: peers.competitors(),
        baseline: peers.baseline().to_string(),
        fingerprint,
    };
    drop(peers);
    let dir = options.out.clone();
    let dir = dir.unwrap_or_else(|| default_dir("peers-", &began));
    let recording = Recording {
        dir: &dir,
        head,
        worker: &workers().map_err(|e| e.to_string())?,
    };
    let session = record(&recording, |_| false, show).map_err(|e| e.to_string())?;
    eprintln!();
    if options.pack {
        bakeoff_samples::pack(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    print!("{}", summary(&session));
    Ok(is_good(&session))
}

fn show(progress: &Progress) {
    let (process, processes) = progress.process;
    eprint!(
        "\r{:3.0} % process {} of {processes}, {} iterations ",
        progress.done * 100.0,
        process + 1,
        progress.iterations
    );
}

/// The named entries, or those of the directory; modules in other forms than Wasm are not for us.
fn select_programs(options: &Options) -> Result<Vec<Program>, String> {
    let load = |path: &Path| Program::load(path).map_err(|e| e.to_string());
    let mut programs = match options.files.is_empty() {
        false => options
            .files
            .iter()
            .map(|file| load(file))
            .collect::<Result<Vec<_>, _>>()?,
        true => load_dir(&options.programs).map_err(|e| e.to_string())?,
    };
    programs.retain(|program| program.module.extension().is_some_and(|e| e == "wasm"));
    match programs.is_empty() {
        true => Err("no programs to run".to_string()),
        false => Ok(programs),
    }
}

//! `peers`: other people's engines on the programs of the benchmark suite.
//!
//! Purpose: a number of ours means little without one beside it that readers know. Every engine
//! gets the same bytes and the same steps, from the same entries, through the
//! [`Guest`](bakeoff_suite::Guest) trait, and is configured as its users find it. Our own backends run
//! among them, interleaved with the rest.
//!
//! Terms: a *sample* is one round from bytes to a checked answer in a fresh instance; `compile_ns`
//! is from bytes to a module of the engine, validation included; `run_ns` is the timed call alone.
//! Samples are interleaved: for each program, each engine runs once in a shuffled order, then all
//! again. A wrong answer makes the whole run fail, and the program's figures are not printed.

mod engines;
mod options;
mod report;

use std::path::Path;
use std::process::ExitCode;

use bakeoff_suite::{Program, load_dir};

use engines::Engine;
use options::Options;
use report::{Report, Row};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("peers: {message}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match compare(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("peers: {failures} failed");
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("peers: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs everything that was asked for; the number of failures, or why nothing ran.
fn compare(options: &Options) -> Result<usize, String> {
    let engines = engines::select(options.engines.as_deref())?;
    let programs = select_programs(options)?;
    println!(
        "{} size, {} samples, seed {:#x}",
        options.size, options.samples, options.seed
    );
    let mut random = Random(options.seed);
    let mut report = Report::new(options, engines.iter().map(|e| e.name()).collect());
    for program in &programs {
        match measure(program, &engines, options, &mut random) {
            Ok(rows) => report.add(&program.name, rows),
            Err(failures) => {
                for failure in failures {
                    eprintln!("{}: {failure}", program.name);
                    report.failures += 1;
                }
            }
        }
    }
    report.print();
    if let Some(path) = &options.json {
        std::fs::write(path, report.json()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(report.failures)
}

/// All samples of one program, or what went wrong, once for each engine.
fn measure(
    program: &Program,
    engines: &[Box<dyn Engine>],
    options: &Options,
    random: &mut Random,
) -> Result<Vec<Row>, Vec<String>> {
    let wasm = std::fs::read(&program.module).map_err(|e| vec![e.to_string()])?;
    let mut rows = Vec::new();
    let mut failures: Vec<Option<String>> = vec![None; engines.len()];
    for iteration in 0..options.samples {
        let mut order: Vec<usize> = (0..engines.len()).collect();
        random.shuffle(&mut order);
        for (position, engine) in order.into_iter().enumerate() {
            if failures[engine].is_some() {
                continue;
            }
            match engines[engine].sample(program, options.size, &wasm) {
                Ok(sample) => rows.push(Row {
                    engine,
                    iteration,
                    position,
                    sample,
                }),
                Err(e) => failures[engine] = Some(format!("{}: {e}", engines[engine].name())),
            }
        }
    }
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    match failures.is_empty() {
        true => Ok(rows),
        false => Err(failures),
    }
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

/// SplitMix64: enough to shuffle a handful of engines, and the same everywhere for a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = (self.next() % (i as u64 + 1)) as usize;
            items.swap(i, j);
        }
    }
}

//! What criterion keeps of its measurements, as a session.
//!
//! ```text
//! DIR/GROUP/NAME/new/benchmark.json    what it is: group `compile/fib`, value `stencil`
//! DIR/GROUP/NAME/new/sample.json       iterations and total times, one a sample
//! ```
//!
//! Groups `compile/PROGRAM` are compilations in a row ([`Event::CompileAgain`]), groups `run/PROGRAM` timed calls
//! ([`Event::Run`]); others are of other benches. A sample of criterion is a mean over its iterations and becomes an
//! iteration here. All of it is one process, and competitors were measured one after another, not interleaved: that is
//! what a report of such a session says about itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::event::Event;
use crate::head::Head;
use crate::read::{ReadError, Session};
use crate::row::{Begin, End, Row, Sample};

/// Criterion's description of a benchmark, as far as it is of interest.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

/// Criterion's samples of a benchmark.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Whether a directory is one of criterion's: some benchmark in it has samples.
pub fn is_criterion(dir: &Path) -> bool {
    !dir.join("session.json").exists() && benchmarks(dir).is_ok_and(|found| !found.is_empty())
}

/// Reads the samples in criterion's directory (`target/criterion`). The head says which programs and competitors there
/// may be; those that were not measured are removed from it.
///
/// # Errors
/// If a file cannot be read or is malformed, or there is nothing of a known program and competitor.
pub fn read_criterion(dir: &Path, head: &Head) -> Result<Session, ReadError> {
    let mut by_pair: BTreeMap<(String, String), BTreeMap<Event, Vec<u64>>> = BTreeMap::new();
    for path in benchmarks(dir).map_err(|error| ReadError::Read {
        path: dir.to_path_buf(),
        error,
    })? {
        let benchmark: Benchmark = read_json(&path.join("benchmark.json"))?;
        let Some((event, program)) = subject(&benchmark.group_id) else {
            continue;
        };
        let Some(competitor) = benchmark.value_str.or(benchmark.function_id) else {
            continue;
        };
        let known = head.programs.iter().any(|p| p.name == program)
            && head.competitors.iter().any(|c| c.name == competitor);
        if !known {
            continue;
        }
        let samples = per_iteration(&path.join("sample.json"))?;
        let events = by_pair
            .entry((program.to_string(), competitor))
            .or_default();
        events.insert(event, samples);
    }
    let mut head = head.clone();
    let measured = |program: &str, competitor: &str| {
        let is_it = |(p, c): &(String, String)| {
            (program.is_empty() || p == program) && (competitor.is_empty() || c == competitor)
        };
        by_pair.keys().any(is_it)
    };
    head.programs.retain(|program| measured(&program.name, ""));
    head.competitors
        .retain(|competitor| measured("", &competitor.name));
    Session::from_rows(dir, &head, rows(&head, by_pair))
}

fn rows(head: &Head, by_pair: BTreeMap<(String, String), BTreeMap<Event, Vec<u64>>>) -> Vec<Row> {
    let mut rows = vec![Row::Begin(Begin {
        process: 0,
        seed: 0,
        at_ms: 0,
        fingerprint: head.fingerprint.id(),
    })];
    for ((program, competitor), events) in by_pair {
        let most = events.values().map(Vec::len).max().unwrap_or(0);
        for index in 0..most {
            let value = |(event, values): (&Event, &Vec<u64>)| Some((*event, *values.get(index)?));
            rows.push(Row::Sample(Sample {
                process: 0,
                // Criterion has warmed up: nothing is cold.
                iteration: index as u32 + 1,
                position: 0,
                at_ms: 0,
                program: program.clone(),
                competitor: competitor.clone(),
                values: events.iter().filter_map(value).collect(),
            }));
        }
    }
    rows.push(Row::End(End {
        process: 0,
        took_ms: 0,
        others: None,
        stolen: None,
    }));
    rows
}

/// What a group's name says.
fn subject(group: &str) -> Option<(Event, &str)> {
    let (kind, program) = group.split_once('/')?;
    match kind {
        "compile" => Some((Event::CompileAgain, program)),
        "run" => Some((Event::Run, program)),
        _ => None,
    }
}

/// The directories of the newest samples, in the order of their names.
fn benchmarks(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let directories = |dir: &Path| -> io::Result<Vec<PathBuf>> {
        let entries: io::Result<Vec<_>> = fs::read_dir(dir)?.collect();
        let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        Ok(paths)
    };
    let mut found = Vec::new();
    for group in directories(dir)? {
        for name in directories(&group)? {
            let newest = name.join("new");
            if newest.join("sample.json").exists() && newest.join("benchmark.json").exists() {
                found.push(newest);
            }
        }
    }
    Ok(found)
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ReadError> {
    let bytes = fs::read(path).map_err(|error| ReadError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    serde_json::from_slice(&bytes).map_err(|error| ReadError::Malformed {
        path: path.to_path_buf(),
        line: error.line(),
        message: error.to_string(),
    })
}

/// The time of an iteration in ns, one a sample.
fn per_iteration(path: &Path) -> Result<Vec<u64>, ReadError> {
    let Samples { iters, times } = read_json(path)?;
    let malformed = |message: &str| ReadError::Malformed {
        path: path.to_path_buf(),
        line: 1,
        message: message.to_string(),
    };
    if iters.len() != times.len() || iters.is_empty() {
        return Err(malformed(
            "as many times as numbers of iterations are wanted",
        ));
    }
    let mean = |(iters, time): (f64, f64)| {
        let mean_ns = (time / iters).round();
        let is_good = iters >= 1.0 && mean_ns.is_finite() && mean_ns >= 0.0;
        is_good
            .then_some(mean_ns as u64)
            .ok_or_else(|| malformed("a time that is none"))
    };
    iters.into_iter().zip(times).map(mean).collect()
}

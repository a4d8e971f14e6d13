//! The `compare` command.

use std::path::PathBuf;
use std::sync::Arc;

use bakeoff_backend::Options;
use bakeoff_bench_suite::{Comparison, Subject, compare, load_module, load_program, programs_dir};
use bakeoff_suite::{Program, load_dir};
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::CliError;
use crate::{CompareArgs, Verdict, find_backends, print_text, table};

pub(crate) fn command(args: &CompareArgs) -> Result<Verdict, CliError> {
    let configurations = find_backends(&args.backends)?;
    let subjects = subjects(&args.files, args.suite.as_deref())?;
    let comparison = Comparison {
        subjects: &subjects,
        configurations: &configurations,
        size: args.size.into(),
        options: Options {
            bounds_checks: args.bounds_checks.into(),
            cpu: args.cpu.into(),
        },
        samples: args.samples.into(),
        seed: args.seed,
    };
    let total = subjects.len() * configurations.len() * (comparison.samples + 1);
    let bar = progress_bar(total as u64);
    let compared = compare(&comparison, |program| {
        bar.set_message(program.to_string());
        bar.inc(1);
    });
    bar.finish_and_clear();
    print_text(&table::comparison(&compared, &configurations))?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&compared.rows).map_err(std::io::Error::from);
        let written = text.and_then(|text| std::fs::write(path, text + "\n"));
        written.map_err(|error| CliError::Write {
            path: path.clone(),
            error,
        })?;
    }
    Ok(match compared.is_good() {
        true => Verdict::Good,
        false => Verdict::Failed,
    })
}

/// A bar on standard error, which draws nothing unless that is a terminal.
pub(crate) fn progress_bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} ({eta} left)") {
        bar.set_style(style);
    }
    bar
}

/// The programs of these files, or of this part of the suite, with their modules.
pub(crate) fn subjects(files: &[PathBuf], suite: Option<&str>) -> Result<Vec<Subject>, CliError> {
    let programs = match files.is_empty() {
        true => suite_programs(suite)?,
        false => {
            let programs: Result<Vec<Program>, _> = files.iter().map(|f| load_program(f)).collect();
            programs?
        }
    };
    let subject = |program: Program| {
        let loaded = load_module(&program.module)?;
        Ok(Subject {
            program,
            module: Arc::new(loaded.module),
        })
    };
    programs.into_iter().map(subject).collect()
}

fn suite_programs(suite: Option<&str>) -> Result<Vec<Program>, CliError> {
    let all = load_dir(programs_dir())?;
    let Some(name) = suite else {
        return Ok(all);
    };
    let mut available: Vec<String> = all.iter().map(|p| p.suite.clone()).collect();
    available.sort();
    available.dedup();
    let chosen: Vec<Program> = all.into_iter().filter(|p| p.suite == name).collect();
    match chosen.is_empty() {
        false => Ok(chosen),
        true => Err(CliError::NoSuchSuite {
            name: name.to_string(),
            available: available.join(", "),
        }),
    }
}

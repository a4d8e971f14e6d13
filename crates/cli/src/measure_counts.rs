//! `measure --counts`: a session of counts instead of times.

use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bakeoff_bench_suite::counts::{Collection, collect, valgrind};
use bakeoff_samples::{Begin, End, Head, Row, Session, Writer};
use bakeoff_suite::Size;

use crate::error::CliError;
use crate::measure::MeasureArgs;
use crate::{compare, find_backends, print_text};

/// Counts, and writes a session.
pub(crate) fn record(args: &MeasureArgs, head: Head, dir: &Path) -> Result<Session, CliError> {
    let subjects = compare::subjects(&args.files, args.suite.as_deref())?;
    let configurations = find_backends(&args.backends)?;
    let callgrind = valgrind().is_some();
    if !callgrind {
        print_text(
            "there is no valgrind here: instructions that the machine executes are not counted\n",
        )?;
    }
    let program = std::env::current_exe().map_err(CliError::Output)?;
    let size: Size = args.size.into();
    let collection = Collection {
        subjects: &subjects,
        configurations: &configurations,
        size,
        worker: &|configuration| {
            let mut command = Command::new(&program);
            command.arg("counts-worker");
            command.args(subjects.iter().map(|subject| &subject.program.entry));
            command.arg(format!("--backend={}", configuration.name));
            command.arg(format!("--size={size}"));
            command.arg(format!("--bounds-checks={}", head.settings.bounds_checks));
            command.arg(format!("--cpu={}", head.settings.cpu));
            command
        },
        callgrind,
    };
    let write_error = |error| CliError::Write {
        path: dir.to_path_buf(),
        error,
    };
    let begun = Instant::now();
    let mut writer = Writer::create(dir, &head).map_err(write_error)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let begin = Row::Begin(Begin {
        process: 0,
        seed: head.settings.seed,
        at_ms: since.map_or(0, |since| since.as_millis() as u64),
        fingerprint: head.fingerprint.id(),
    });
    writer.row(&begin).map_err(write_error)?;
    let bar = compare::progress_bar((subjects.len() * configurations.len()) as u64);
    let mut unwritten = None;
    let counted = collect(
        &collection,
        &mut |row| {
            if let Err(error) = writer.row(&row) {
                unwritten.get_or_insert(error);
            }
        },
        &mut |competitor, program| {
            bar.inc(1);
            bar.set_message(format!("{program} on {competitor}"));
        },
    );
    bar.finish_and_clear();
    counted?;
    let end = Row::End(End {
        process: 0,
        took_ms: begun.elapsed().as_millis() as u64,
        others: None,
        stolen: None,
    });
    match unwritten {
        Some(error) => return Err(write_error(error)),
        None => writer.row(&end).map_err(write_error)?,
    }
    Ok(Session::open(dir)?)
}

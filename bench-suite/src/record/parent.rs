//! The parent's part: a session from its head to its last process.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bakeoff_samples::{Head, ReadError, Row, Sample, Session, Writer};

use super::worker::Share;

/// How often progress is told while nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// A session to be recorded.
pub struct Recording<'r> {
    /// Where it is kept. A session that is there already and was asked for in the same way is gone on with.
    pub dir: &'r Path,
    /// What is asked for.
    pub head: Head,
    /// The command of a child that does a share and writes its rows to standard output.
    pub worker: &'r dyn Fn(&Share) -> Command,
}

/// How far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f64,
    /// The process, from 0 on, and how many there will be at most.
    pub process: (u32, u32),
    /// The iterations of this process that are over, the cold one among them.
    pub iterations: u32,
}

/// Why a session is not complete. What was measured so far is kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The directory or a file in it cannot be written.
    #[error("{}: {error}", dir.display())]
    Write {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// What is in the directory cannot be used.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory has another session.
    #[error("{} holds a session with {what}; give another --out", dir.display())]
    Other {
        /// The directory.
        dir: PathBuf,
        /// What is not the same.
        what: &'static str,
    },
    /// A child could not be started.
    #[error("cannot start a process that measures: {0}")]
    Start(io::Error),
    /// A child ended badly.
    #[error(
        "process {process} ended with {status} and is void; the same command goes on with the others"
    )]
    Died {
        /// Its number.
        process: u32,
        /// How.
        status: ExitStatus,
    },
    /// A child said what is no row.
    #[error("process {process} said `{line}`, which is no row: {error}")]
    Garbled {
        /// Its number.
        process: u32,
        /// What it said.
        line: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// Records a session, or what is missing of it. After each process `enough` is asked whether further ones are
/// wanted; `progress` is called now and then.
///
/// # Errors
/// See [`RecordError`].
pub fn record(
    recording: &Recording<'_>,
    mut enough: impl FnMut(&Session) -> bool,
    mut progress: impl FnMut(&Progress),
) -> Result<Session, RecordError> {
    let dir = recording.dir;
    let write_error = |error| RecordError::Write {
        dir: dir.to_path_buf(),
        error,
    };
    let (mut writer, old) = match dir.join("session.json").exists() {
        true => resume(recording)?,
        false => (
            Writer::create(dir, &recording.head).map_err(write_error)?,
            None,
        ),
    };
    let settings = &recording.head.settings;
    let mut done: BTreeSet<u32> = BTreeSet::new();
    let mut used = Duration::ZERO;
    for process in old.iter().flat_map(|session| &session.processes) {
        done.insert(process.end.process);
        used += Duration::from_millis(process.end.took_ms);
    }
    if old.is_some_and(|session| enough(&session)) {
        return Ok(Session::open(dir)?);
    }
    let begun = Instant::now();
    let missing: Vec<u32> = (0..settings.processes)
        .filter(|process| !done.contains(process))
        .collect();
    for (index, process) in missing.iter().enumerate() {
        let budget = settings.budget_s.map(Duration::from_secs);
        let left = budget.map(|budget| budget.saturating_sub(used + begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) && (index > 0 || !done.is_empty()) {
            break;
        }
        let share = Share {
            process: *process,
            seed: settings.seed,
            iterations: settings.iterations,
            time: left.map(|left| left / (missing.len() - index) as u32),
        };
        let clock = Clock {
            share,
            processes: settings.processes,
            before: done.len() + index,
            begun: Instant::now(),
            used: used + begun.elapsed(),
            budget,
        };
        one_process(recording, &mut writer, &clock, &mut progress)?;
        if index + 1 < missing.len() && enough(&Session::open(dir)?) {
            break;
        }
    }
    Ok(Session::open(dir)?)
}

/// The session in the directory, if it is the one that is asked for.
fn resume(recording: &Recording<'_>) -> Result<(Writer, Option<Session>), RecordError> {
    let dir = recording.dir;
    let differs = |what| RecordError::Other {
        dir: dir.to_path_buf(),
        what,
    };
    let head = bakeoff_samples::read_head(dir)?;
    let wanted = &recording.head;
    if head.fingerprint.machine != wanted.fingerprint.machine {
        return Err(differs("measurements of another machine"));
    }
    if head.fingerprint.id() != wanted.fingerprint.id() {
        return Err(differs("measurements of another build"));
    }
    if (&head.programs, &head.competitors) != (&wanted.programs, &wanted.competitors) {
        return Err(differs("other programs or backends"));
    }
    if (head.kind, &head.settings, &head.baseline)
        != (wanted.kind, &wanted.settings, &wanted.baseline)
    {
        return Err(differs("other settings"));
    }
    let old = match Session::open(dir) {
        Ok(session) => Some(session),
        Err(ReadError::Empty { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let writer = Writer::append(dir).map_err(|error| RecordError::Write {
        dir: dir.to_path_buf(),
        error,
    })?;
    Ok((writer, old))
}

/// What progress is computed from.
struct Clock {
    share: Share,
    processes: u32,
    /// Processes before this one.
    before: usize,
    begun: Instant,
    /// Time used before this process.
    used: Duration,
    budget: Option<Duration>,
}

impl Clock {
    fn progress(&self, iterations: u32) -> Progress {
        let of_processes = |part: f64| (self.before as f64 + part) / f64::from(self.processes);
        let done = match (self.budget, self.share.iterations) {
            (_, Some(all)) => of_processes(f64::from(iterations) / f64::from(all + 1)),
            (Some(budget), None) => {
                (self.used + self.begun.elapsed()).as_secs_f64() / budget.as_secs_f64()
            }
            (None, None) => of_processes(0.0),
        };
        Progress {
            done: done.clamp(0.0, 1.0),
            process: (self.share.process, self.processes),
            iterations,
        }
    }
}

/// A child that is ended if nobody waits for it.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn one_process(
    recording: &Recording<'_>,
    writer: &mut Writer,
    clock: &Clock,
    progress: &mut impl FnMut(&Progress),
) -> Result<(), RecordError> {
    let mut command = (recording.worker)(&clock.share);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut worker = Worker(command.spawn().map_err(RecordError::Start)?);
    let lines = worker.0.stdout.take().map(read_lines);
    let process = clock.share.process;
    let mut iterations = 0;
    let mut ended = false;
    while let Some(lines) = &lines {
        progress(&clock.progress(iterations));
        let line = match lines.recv_timeout(TICK) {
            Ok(line) => line.map_err(RecordError::Start)?,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let row: Row = serde_json::from_str(&line).map_err(|error| RecordError::Garbled {
            process,
            line: line.clone(),
            error,
        })?;
        if let Row::Sample(Sample { iteration, .. }) = &row {
            iterations = iteration + 1;
        }
        ended |= matches!(row, Row::End(_));
        writer.row(&row).map_err(|error| RecordError::Write {
            dir: recording.dir.to_path_buf(),
            error,
        })?;
    }
    let status = worker.0.wait().map_err(RecordError::Start)?;
    match status.success() && ended {
        true => Ok(()),
        false => Err(RecordError::Died { process, status }),
    }
}

fn read_lines(out: impl io::Read + Send + 'static) -> Receiver<io::Result<String>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

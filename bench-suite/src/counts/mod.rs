//! Counts instead of times: what is the same each time, where times are worthless.
//!
//! ```text
//! collect (parent)                        worker (child, under callgrind), one for each competitor
//!   for each program: ir_insts
//!   for each competitor:
//!      start ───────────────────────────► for each program:
//!                                           compile once, uncounted
//!      OUT.1 ◄──── dump ──────────────────  compile, counted
//!      OUT.2 ◄──── dump ──────────────────  the timed call, counted; the answer is checked
//!      row  ◄──── facts or a failure ─────
//!   row + counts ──► whoever asked
//! ```
//!
//! | event | counted by | depends on |
//! |---|---|---|
//! | `ir_insts` | a copy of the module that counts, on the reference | the program |
//! | `code_bytes`, `code_insts`, … | the child, of the code that callgrind saw | program, build, processor features |
//! | `compile_insts`, `run_insts` | callgrind | program, build, libc, processor features |
//!
//! Callgrind executes the program on a processor of its own: what that has is what [`Cpu::Host`](bakeoff_backend::Cpu) finds.
//! Version 3.19 has AVX2, BMI and FMA and nothing of AVX-512, so that on newer processors code may be other code than the
//! one that is timed; `Cpu::Baseline` is the same everywhere. What the kernel does for the program is not counted: system
//! calls, page faults. The two looks at the clock around the timed call are.
//!
//! The same command gives the same counts, but for `compile_insts` of Cranelift: it keeps constants of functions in a hash table
//! of the standard library, the seed of which is another one in each process. That is a few dozen instructions of ten
//! million, in programs with constants.
//!
//! Without valgrind the child runs by itself, and the two events are missing.

mod callgrind;
mod ir;
mod worker;

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bakeoff_registry::Configuration;
use bakeoff_samples::{Event, Row};
use bakeoff_suite::Size;

use crate::measure::Subject;
use callgrind::{Dumps, under_callgrind};

pub use callgrind::{DumpError, valgrind};
pub use ir::ir_insts;
pub use worker::worker;

/// What to count.
pub struct Collection<'c> {
    /// The programs.
    pub subjects: &'c [Subject],
    /// The competitors.
    pub configurations: &'c [&'static Configuration],
    /// The size of the runs, for the instructions of the IR. The child is told by its command.
    pub size: Size,
    /// The command of a child that calls [`worker`] for a competitor, on the first thread, with these programs in this
    /// order, and standard output.
    pub worker: &'c dyn Fn(&Configuration) -> Command,
    /// Whether the child runs under callgrind. Ask [`valgrind`] before.
    pub callgrind: bool,
}

/// Why counts are not complete. What was counted before was handed over.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// There is no place for callgrind's files.
    #[error("{}: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A child could not be started, or not be read from.
    #[error("cannot start a process that counts: {0}")]
    Start(io::Error),
    /// A child ended badly, or too early.
    #[error(
        "the process that counts for {competitor} ended with {status}, {missing} programs before its end"
    )]
    Died {
        /// For whom it was.
        competitor: String,
        /// How.
        status: ExitStatus,
        /// How many programs it had not done.
        missing: usize,
    },
    /// A child said what is no row, or of another program than the one that is next.
    #[error("the process that counts for {competitor} said `{line}`: {why}")]
    Garbled {
        /// For whom it was.
        competitor: String,
        /// What it said.
        line: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of callgrind's is not understood.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// Callgrind counted something else than one compilation and one call.
    #[error(
        "callgrind counted {counted:?} for {competitor} on {program}: is the program stripped of its symbols?"
    )]
    NotCounted {
        /// For whom it was.
        competitor: String,
        /// On which program.
        program: String,
        /// How often.
        counted: usize,
    },
}

/// Counts, competitor by competitor, and hands rows over as they come: samples and failures of process 0 and iteration 0.
/// `progress` is called with competitor and program before each.
///
/// # Errors
/// See [`CountError`].
pub fn collect(
    collection: &Collection<'_>,
    row: &mut dyn FnMut(Row),
    progress: &mut dyn FnMut(&str, &str),
) -> Result<(), CountError> {
    let begun = Instant::now();
    let dir = Directory::new()?;
    let counted = |subject: &Subject| ir_insts(subject, collection.size).ok();
    let ir_insts: Vec<Option<u64>> = collection.subjects.iter().map(counted).collect();
    for configuration in collection.configurations {
        let out = dir.0.join(configuration.name);
        let mut child = Child {
            begun,
            collection,
            competitor: configuration.name,
            dumps: collection.callgrind.then(|| Dumps::new(&out)),
            ir_insts: &ir_insts,
        };
        let command = (collection.worker)(configuration);
        let command = match collection.callgrind {
            true => under_callgrind(&command, &out),
            false => command,
        };
        child.run(command, row, progress)?;
    }
    Ok(())
}

/// A directory for callgrind's files that goes when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Result<Directory, CountError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("bakeoff-counts-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match std::fs::create_dir(&path) {
            Ok(()) => Ok(Directory(path)),
            Err(error) => Err(CountError::Directory { path, error }),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays behind takes space and nothing else.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A child and what it is to do.
struct Child<'c> {
    begun: Instant,
    collection: &'c Collection<'c>,
    competitor: &'c str,
    dumps: Option<Dumps>,
    ir_insts: &'c [Option<u64>],
}

impl Child<'_> {
    fn run(
        &mut self,
        mut command: Command,
        row: &mut dyn FnMut(Row),
        progress: &mut dyn FnMut(&str, &str),
    ) -> Result<(), CountError> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(CountError::Start)?;
        let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        let mut next_line = move || lines.as_mut().and_then(Iterator::next);
        let mut outcome = Ok(());
        let mut missing = 0;
        for (index, subject) in self.collection.subjects.iter().enumerate() {
            progress(self.competitor, &subject.program.name);
            match next_line() {
                Some(Ok(line)) => match self.complete(&line, index) {
                    Ok(complete) => row(complete),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                },
                // It is dead.
                Some(Err(_)) | None => {
                    missing = self.collection.subjects.len() - index;
                    break;
                }
            }
        }
        if outcome.is_err() {
            // Nobody reads on.
            let _ = child.kill();
        }
        let status = child.wait().map_err(CountError::Start)?;
        outcome?;
        match missing == 0 && status.success() {
            true => Ok(()),
            false => Err(CountError::Died {
                competitor: self.competitor.to_string(),
                status,
                missing,
            }),
        }
    }

    /// The row of a line, with what was counted for it.
    fn complete(&mut self, line: &str, index: usize) -> Result<Row, CountError> {
        let subject = &self.collection.subjects[index];
        let garbled = |why: String| CountError::Garbled {
            competitor: self.competitor.to_string(),
            line: line.to_string(),
            why,
        };
        let mut row: Row =
            serde_json::from_str(line).map_err(|error| garbled(error.to_string()))?;
        let expected = (&subject.program.name[..], self.competitor);
        let values = match &mut row {
            Row::Sample(sample) if (&sample.program[..], &sample.competitor[..]) == expected => {
                sample.at_ms = self.begun.elapsed().as_millis() as u64;
                Some(&mut sample.values)
            }
            Row::Failure(failed) if (&failed.program[..], &failed.competitor[..]) == expected => {
                None
            }
            _ => return Err(garbled(format!("{} is next", expected.0))),
        };
        let dumps = self.dumps.as_mut().map(Dumps::read).transpose()?;
        let Some(values) = values else {
            return Ok(row);
        };
        values.extend(self.ir_insts[index].map(|insts| (Event::IrInsts, insts)));
        if let Some(dumps) = dumps {
            let &[compile, run] = &dumps[..] else {
                return Err(CountError::NotCounted {
                    competitor: self.competitor.to_string(),
                    program: subject.program.name.clone(),
                    counted: dumps.len(),
                });
            };
            values.extend([(Event::CompileInsts, compile), (Event::RunInsts, run)]);
        }
        Ok(row)
    }
}

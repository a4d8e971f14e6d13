//! The child's part: one competitor, program after program.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;

use bakeoff_backend::{CompileError, Executable, Imports, Instance, NoPhases, Options};
use bakeoff_registry::Configuration;
use bakeoff_samples::{Event, Failure as FailureRow, Row, Sample, Status};
use bakeoff_suite::Size;

use crate::facts::facts;
use crate::guest::InstanceGuest;
use crate::measure::{Failure, Subject, compile, failure};

/// How often [`counted`] is called for each program, whatever becomes of it: the parent knows by that which dump is of
/// which program, though the child may be at the next one already.
pub(super) const COUNTED_A_PROGRAM: usize = 2;

/// The name of [`counted`] in symbols.
pub(super) const COUNTED: &str = concat!(module_path!(), "::counted");

/// Does everything for one competitor that is to be counted from outside, and writes a row for each program when it
/// has done it: a sample with facts about the code, or a failure.
///
/// Each program is compiled once before the compilation that counts, so that what is made lazily is there. All of it
/// happens on the calling thread, which is to be the program's first: its stack lies above all memory that is mapped, and
/// callgrind takes a stack pointer that goes up for the end of functions.
///
/// # Errors
/// If a row cannot be written.
pub fn worker(
    configuration: &Configuration,
    subjects: &[Subject],
    size: Size,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Kept to the end: no code gets an address that other code had before, so that nobody has to look for code that
    // changes.
    let mut kept = Vec::with_capacity(2 * subjects.len());
    for (position, subject) in subjects.iter().enumerate() {
        let program = subject.program.name.clone();
        let competitor = configuration.name.to_string();
        let mut calls = Calls(0);
        let counted = count_program(configuration, subject, size, options, &mut kept, &mut calls);
        calls.fill_up();
        let row = match counted {
            Ok(values) => Row::Sample(Sample {
                process: 0,
                iteration: 0,
                position: position as u32,
                // The parent fills it in: no clock may decide how long a line is, and what is allocated for it.
                at_ms: 0,
                program,
                competitor,
                values,
            }),
            Err(failure) => Row::Failure(FailureRow {
                process: 0,
                program,
                competitor,
                status: match failure {
                    Failure::Unsupported(_) => Status::Unsupported,
                    Failure::Trap(_) => Status::Trap,
                    Failure::Wrong(_) => Status::Wrong,
                },
                reason: failure.to_string(),
            }),
        };
        let line = serde_json::to_string(&row)? + "\n";
        out.write_all(line.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

fn count_program(
    configuration: &Configuration,
    subject: &Subject,
    size: Size,
    options: &Options,
    kept: &mut Vec<Arc<dyn Executable>>,
    calls: &mut Calls,
) -> Result<BTreeMap<Event, u64>, Failure> {
    let refused = |error: CompileError| match error {
        CompileError::Unsupported { .. } => Failure::Unsupported(error.to_string()),
        _ => Failure::Wrong(error.to_string()),
    };
    let warm = compile(configuration, &subject.module, options, &mut NoPhases);
    kept.push(warm.map_err(refused)?);
    let mut compiled = None;
    calls.counted(&mut || {
        let module = black_box(&subject.module);
        compiled = Some(compile(configuration, module, options, &mut NoPhases));
    });
    let uncalled = || Failure::Wrong("nothing was done".to_string());
    let executable = compiled.ok_or_else(uncalled)?.map_err(refused)?;
    kept.push(Arc::clone(&executable));
    let instance =
        Instance::new(&executable, &Imports::new()).map_err(|e| Failure::Trap(e.to_string()))?;
    let mut guest = InstanceGuest(instance);
    let prepared = subject.program.prepare(size, &mut guest).map_err(failure)?;
    let mut timed = None;
    calls.counted(&mut || timed = Some(prepared.time(&mut guest)));
    let timed = timed.ok_or_else(uncalled)?.map_err(failure)?;
    prepared
        .check(&mut guest, &timed.results)
        .map_err(failure)?;
    Ok(facts(&*executable))
}

/// Calls of [`counted`] for a program.
struct Calls(usize);

impl Calls {
    fn counted(&mut self, work: &mut dyn FnMut()) {
        self.0 += 1;
        counted(work);
    }

    /// Makes the calls that a program that failed has left out.
    fn fill_up(&mut self) {
        while self.0 < COUNTED_A_PROGRAM {
            self.counted(&mut || ());
        }
    }
}

/// Does what is counted, which is nothing else: for each program a compilation, then a call.
///
/// Something is left to do behind `work`: a call at the very end would be a jump, which callgrind takes for the end
/// of this function. It is one function and not two, and not generic, because callgrind 3.19 counts nothing in
/// a second one that it was told of after a dump.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    black_box(work);
}

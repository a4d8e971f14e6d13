//! Files of CLIF with `; run:` and `; print:` lines, on every configuration: above all, Cranelift's own
//! run tests.
//!
//! Terms
//! * A *line* is a `; run:` or `; print:` line. A `; run:` line passes if it gives what it says; a
//!   `; print:` line, if it gives what the first configuration gave.
//! * A line is *skipped* if its function is left out by the frontend, if its file is not what Cranelift's
//!   reader accepts, or if a backend does not support its module. Skips are counted by their reason.
//!
//! Every line runs on a fresh instance of its file's module.

mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bakeoff_backend::{
    CallError, CompileError, Executable, Imports, Instance, NoPhases, Options, Target,
};
use bakeoff_frontend_clif::ClifModule;
use bakeoff_ir::text::{Directive, Expectation};
use bakeoff_ir::{Module, Scalar, TrapCode, verify_module};
use bakeoff_registry::Configuration;

/// Why files could not be tested, or their results not written.
#[derive(Debug, thiserror::Error)]
pub enum ClifTestError {
    /// A file or a directory cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The page cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The page has no place for the results.
    #[error("{}: there is no section `{section}` to write into", path.display())]
    NoSection {
        /// Which.
        path: PathBuf,
        /// The name of the section.
        section: &'static str,
    },
    /// There is nothing to test.
    #[error("there is no .clif file in {}", paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoFiles {
        /// Where files were looked for.
        paths: Vec<PathBuf>,
    },
    /// Code is not generated for this machine.
    #[error("no code is generated for this machine")]
    NoTarget,
}

/// What became of the lines on one configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that gave what they should.
    pub passed: usize,
    /// Lines that did not, and lines of modules that were refused for another reason than that
    /// something is not supported.
    pub failed: usize,
    /// Lines of modules that the backend does not support.
    pub unsupported: usize,
}

/// How much was skipped for a reason, on all configurations alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Functions; 0 where a whole file is skipped.
    pub functions: usize,
    /// Lines.
    pub lines: usize,
}

/// What became of a set of files.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of files.
    pub files: usize,
    /// Functions that were translated.
    pub functions: usize,
    /// What became of the lines, by configuration, in the order in which they were given.
    pub tallies: Vec<(&'static str, Tally)>,
    /// What the frontend skipped, by reason.
    pub skipped: BTreeMap<String, Skipped>,
    /// What failed, a line each.
    pub failures: Vec<String>,
}

/// The reason for which all lines of a file are skipped.
const REFUSED: &str = "file that is refused";

/// How a call ended: other errors than traps are texts.
type Outcome = Result<Vec<Scalar>, Ended>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    Trap(TrapCode),
    Other(String),
}

/// Runs the lines of all `.clif` files at and below these paths.
///
/// # Errors
/// If something cannot be read, or if there is nothing to test. What fails in a test is in the report.
pub fn run(
    paths: &[PathBuf],
    configurations: &[&'static Configuration],
) -> Result<Report, ClifTestError> {
    let mut files = Vec::new();
    for path in paths {
        walk(path, true, &mut files)?;
    }
    files.sort();
    files.dedup();
    if files.is_empty() {
        return Err(ClifTestError::NoFiles {
            paths: paths.to_vec(),
        });
    }
    let target = Target::host().ok_or(ClifTestError::NoTarget)?;
    let mut report = Report {
        files: files.len(),
        tallies: configurations
            .iter()
            .map(|c| (c.name, Tally::default()))
            .collect(),
        ..Report::default()
    };
    for path in &files {
        let bytes = std::fs::read(path).map_err(|error| ClifTestError::Read {
            path: path.clone(),
            error,
        })?;
        report.file(path, &bytes, configurations, target);
    }
    Ok(report)
}

/// Collects the files at and below a path. One that is named need not end in `.clif`.
fn walk(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> Result<(), ClifTestError> {
    let read_error = |error| ClifTestError::Read {
        path: path.to_path_buf(),
        error,
    };
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(read_error)? {
            walk(&entry.map_err(read_error)?.path(), false, files)?;
        }
    } else if named || path.extension().is_some_and(|e| e == "clif") {
        files.push(path.to_path_buf());
    }
    Ok(())
}

impl Report {
    /// Whether nothing failed.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.tallies.iter().all(|(_, tally)| tally.failed == 0)
    }

    fn file(
        &mut self,
        path: &Path,
        bytes: &[u8],
        configurations: &[&'static Configuration],
        target: Target,
    ) {
        let ClifModule {
            module,
            directives,
            left_out,
        } = match bakeoff_frontend_clif::load(bytes) {
            Ok(loaded) => loaded,
            Err(error) => {
                let lines = count_lines(bytes);
                self.skipped.entry(REFUSED.to_string()).or_default().lines += lines;
                self.failures.push(format!("{}:{error}", path.display()));
                return;
            }
        };
        self.functions += module.exports.len();
        for function in left_out {
            let skipped = self.skipped.entry(function.what).or_default();
            skipped.functions += 1;
            skipped.lines += function.directives;
        }
        if directives.is_empty() {
            return;
        }
        if let Err(errors) = verify_module(&module) {
            self.failures.push(format!("{}: {errors}", path.display()));
            return;
        }
        self.lines(path, &Arc::new(module), &directives, configurations, target);
    }

    fn lines(
        &mut self,
        path: &Path,
        module: &Arc<Module>,
        directives: &[Directive],
        configurations: &[&'static Configuration],
        target: Target,
    ) {
        let mut first: Vec<Option<Outcome>> = vec![None; directives.len()];
        for (index, configuration) in configurations.iter().enumerate() {
            let options = Options::default();
            let backend = configuration.backend;
            let compiled = backend.compile(module, target, &options, &mut NoPhases);
            let executable = match compiled {
                Ok(executable) => executable,
                Err(CompileError::Unsupported { .. }) => {
                    self.tallies[index].1.unsupported += directives.len();
                    continue;
                }
                Err(error) => {
                    self.tallies[index].1.failed += directives.len();
                    let place = format!("{} on {}", path.display(), configuration.name);
                    self.failures.push(format!("{place}: {error}"));
                    continue;
                }
            };
            for (directive, first) in directives.iter().zip(&mut first) {
                let outcome = call(&executable, directive);
                let first = first.get_or_insert_with(|| outcome.clone());
                if holds(directive, &outcome, first) {
                    self.tallies[index].1.passed += 1;
                    continue;
                }
                self.tallies[index].1.failed += 1;
                let Directive {
                    span, name, args, ..
                } = directive;
                self.failures.push(format!(
                    "{}:{span} on {}: %{name}{args:?} gave {outcome:?}",
                    path.display(),
                    configuration.name
                ));
            }
        }
    }
}

fn call(executable: &Arc<dyn Executable>, directive: &Directive) -> Outcome {
    let instance = Instance::new(executable, &Imports::new());
    let mut instance = instance.map_err(|error| Ended::Other(error.to_string()))?;
    instance
        .call(&directive.name, &directive.args)
        .map_err(|error| match error {
            CallError::Trap(trap) => Ended::Trap(trap.code),
            other => Ended::Other(other.to_string()),
        })
}

fn holds(directive: &Directive, outcome: &Outcome, first: &Outcome) -> bool {
    let agrees = match (outcome, first) {
        (Ok(values), Ok(others)) => {
            values.len() == others.len() && values.iter().zip(others).all(|(a, b)| a.agrees(*b))
        }
        (Err(ended), Err(other)) => ended == other,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    };
    match (&directive.expect, outcome) {
        (Expectation::Anything, outcome) => agrees && !matches!(outcome, Err(Ended::Other(_))),
        (expect, Ok(values)) => expect.holds(Ok(values)),
        (expect, Err(Ended::Trap(code))) => expect.holds(Err(*code)),
        (_, Err(Ended::Other(_))) => false,
    }
}

/// The lines of a file that is refused.
fn count_lines(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes);
    let comments = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(';'));
    comments
        .map(|comment| comment.trim_start_matches([' ', ';']))
        .filter(|comment| comment.starts_with("run") || comment.starts_with("print"))
        .count()
}

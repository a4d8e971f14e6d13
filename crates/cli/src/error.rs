//! Errors as people see them.

use std::path::PathBuf;

use bakeoff_backend::{CompileError, InstantiateError};
use bakeoff_bench_suite::LoadError;
use bakeoff_difftest::clif::ClifTestError;
use bakeoff_ir::ScalarParseError;
use bakeoff_ir::text::Span;
use bakeoff_registry::UnknownConfiguration;
use bakeoff_suite::SuiteError;
use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    ClifTest(#[from] ClifTestError),
    #[error(transparent)]
    Samples(#[from] bakeoff_samples::ReadError),
    #[error(transparent)]
    Analysis(#[from] bakeoff_reports::analysis::AnalysisError),
    #[error(transparent)]
    Report(#[from] bakeoff_reports::ReportError),
    #[error(transparent)]
    Counts(#[from] bakeoff_bench_suite::counts::CountError),
    #[error(transparent)]
    Record(#[from] bakeoff_bench_suite::record::RecordError),
    #[error(transparent)]
    Backend(#[from] UnknownConfiguration),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Instantiate(#[from] InstantiateError),
    #[error("{0}")]
    Call(String),
    #[error("`{export}` takes {wanted} argument(s) ({types}), but was given {got}")]
    ArgumentCount {
        export: String,
        wanted: usize,
        types: String,
        got: usize,
    },
    #[error("argument {position} of `{export}`: {error}")]
    Argument {
        export: String,
        position: usize,
        error: ScalarParseError,
    },
    #[error("no program of the suite is in `{name}`; there is: {available}")]
    NoSuchSuite { name: String, available: String },
    #[error("there are no stencils of `{name}`; there are of: {available}")]
    NoSuchStencils { name: String, available: String },
    #[error("{}: {error}", path.display())]
    Case {
        path: PathBuf,
        error: bakeoff_difftest::CaseError,
    },
    #[error(transparent)]
    Campaign(#[from] bakeoff_difftest::CampaignError),
    #[error(transparent)]
    Worker(#[from] bakeoff_difftest::WorkerError),
    #[error("{} holds no campaign", path.display())]
    NoCampaign { path: PathBuf },
    #[error("there is no fault `{name}`; see `bakeoff difftest --faults`")]
    NoSuchFault { name: String },
    #[error(
        "this build has no faults in it; `cargo run --release --features seeded-faults -- difftest --kill-rate` has"
    )]
    NotSeeded,
    #[error("cannot read {}: {error}", path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{} has no section `{section}`", path.display())]
    NoSection { path: PathBuf, section: String },
    #[error("cannot write {}: {error}", path.display())]
    Write {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
}

impl From<SuiteError> for CliError {
    fn from(error: SuiteError) -> CliError {
        CliError::Load(LoadError::Entry(error))
    }
}

impl CliError {
    /// The error with what it is about, where that is known.
    pub(crate) fn report(self) -> Report {
        match self {
            CliError::Load(LoadError::Parse {
                path,
                source_text,
                error,
            }) => {
                let labels = vec![label(&source_text, error.span, error.message.clone())];
                let message = format!("{}:{error}", path.display());
                with_source(message, labels, path, source_text)
            }
            CliError::Load(LoadError::Clif {
                path,
                source_text,
                error,
            }) => {
                let message = format!("{}:{error}", path.display());
                let labels = error
                    .span
                    .map(|span| label(&source_text, span, error.message));
                with_source(message, labels.into_iter().collect(), path, source_text)
            }
            CliError::Load(LoadError::Verify {
                path,
                source_text: Some(source_text),
                places,
                ..
            }) => {
                let labels = places.iter().filter_map(|(span, message)| {
                    let span = (*span)?;
                    Some(label(&source_text, span, message.clone()))
                });
                let labels: Vec<LabeledSpan> = labels.collect();
                let first = places.first().map(|(span, message)| match span {
                    Some(span) => format!("{}:{span}: {message}", path.display()),
                    None => format!("{}: {message}", path.display()),
                });
                with_source(first.unwrap_or_default(), labels, path, source_text)
            }
            other => Report::new(MietteDiagnostic::new(other.to_string())),
        }
    }
}

fn with_source(message: String, labels: Vec<LabeledSpan>, path: PathBuf, source: String) -> Report {
    let diagnostic = MietteDiagnostic::new(message).with_labels(labels);
    Report::new(diagnostic).with_source_code(NamedSource::new(path.display().to_string(), source))
}

/// A label at a piece of a line, as an offset and a length in bytes.
fn label(source: &str, span: Span, message: String) -> LabeledSpan {
    let line_start: usize = source
        .split_inclusive('\n')
        .take(span.line.saturating_sub(1) as usize)
        .map(str::len)
        .sum();
    let rest = &source[line_start..];
    let at = |column: usize| {
        rest.char_indices()
            .nth(column)
            .map_or(rest.len(), |(at, _)| at)
    };
    let first = span.column.saturating_sub(1) as usize;
    let (start, end) = (at(first), at(first + span.len as usize));
    LabeledSpan::new(Some(message), line_start + start, end - start)
}

//! The `report` command.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bakeoff_bench_suite::record::{LOCK, Suite, Work, command_line, competitors, fingerprint, now};
use bakeoff_difftest::page::replace_section;
use bakeoff_registry::{BASELINE, CONFIGURATIONS};
use bakeoff_reports::analysis::{Severity, Warning, analyse, compare};
use bakeoff_reports::{Written, write_comparison, write_report};
use bakeoff_samples::{Head, Kind, Session, Settings, is_criterion, read_criterion};
use clap::Args;

use crate::error::CliError;
use crate::{Verdict, print_text};

/// What to show.
#[derive(Args)]
pub(crate) struct ReportArgs {
    /// Directories of sessions, or criterion's (target/criterion). Two sessions that measured the same are compared, the
    /// first as the older one; otherwise all go into one report.
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Where the report is written. [default: `report` in the first directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write tables of this report into a Markdown file, too: where it has the marks `<!-- table PATH: begin -->` and
    /// `<!-- table PATH: end -->`, with the path of a table as seen from that file.
    #[arg(long, value_name = "FILE")]
    write: Vec<PathBuf>,
}

pub(crate) fn command(args: &ReportArgs) -> Result<Verdict, CliError> {
    let sessions: Result<Vec<Session>, CliError> = args.dirs.iter().map(|dir| open(dir)).collect();
    let sessions = sessions?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.dirs[0].join("report"));
    let command = command_line("bakeoff");
    let (written, warnings) = match &sessions[..] {
        [old, new] if measure_the_same(old, new) => {
            let comparison = compare(old, new)?;
            let written = write_comparison(&comparison, &command, &out)?;
            (written, comparison.warnings)
        }
        _ => {
            let analysis = analyse(&sessions)?;
            let written = write_report(&analysis, &command, &out)?;
            (written, analysis.warnings)
        }
    };
    for page in &args.write {
        write_sections(page, &out)?;
    }
    tell(&written, &warnings, &out)
}

/// Reads a session, ours or criterion's.
fn open(dir: &Path) -> Result<Session, CliError> {
    Ok(match is_criterion(dir) {
        true => read_criterion(dir, &criterion_head()?)?,
        false => Session::open(dir)?,
    })
}

/// What `cargo bench --bench programs` may have measured. Criterion keeps neither machine nor build: they are those of
/// now.
fn criterion_head() -> Result<Head, CliError> {
    let subjects = crate::compare::subjects(&[], None)?;
    let works = subjects.into_iter().map(Work::program).collect();
    let all: Vec<_> = CONFIGURATIONS.iter().collect();
    let options = bakeoff_backend::Options::default();
    let suite = Suite::new(works, &all, false, bakeoff_suite::Size::Quick, options);
    Ok(Head {
        format: Head::FORMAT,
        kind: Kind::Times,
        command: "cargo bench --bench programs".to_string(),
        began: now(),
        settings: Settings {
            size: "quick".to_string(),
            processes: 1,
            iterations: None,
            budget_s: None,
            width: None,
            seed: 0,
            cpu: "host".to_string(),
            bounds_checks: "guard".to_string(),
        },
        programs: bakeoff_bench_suite::record::Course::programs(&suite),
        competitors: competitors(&all, false),
        baseline: BASELINE.to_string(),
        fingerprint: fingerprint(LOCK),
    })
}

/// Whether two sessions are two looks at one thing.
fn measure_the_same(a: &Session, b: &Session) -> bool {
    let pairs = |session: &Session| -> BTreeSet<(String, String)> {
        let samples = session.processes.iter().flat_map(|p| &p.samples);
        samples
            .map(|s| (s.program.clone(), s.competitor.clone()))
            .collect()
    };
    a.head.kind == b.head.kind && !pairs(a).is_disjoint(&pairs(b))
}

/// Puts tables of the report into the sections of a page that ask for them.
fn write_sections(page: &Path, report: &Path) -> Result<(), CliError> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| CliError::Read {
            path: path.to_path_buf(),
            error,
        })
    };
    let mut text = read(page)?;
    let root = page.parent().unwrap_or(Path::new("."));
    let tables = report.join("tables").canonicalize().ok();
    let sections: Vec<(String, PathBuf)> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("<!-- table ")?
                .strip_suffix(": begin -->")
        })
        .map(|path| (format!("table {path}"), root.join(path)))
        // What is of another report stays.
        .filter(|(_, path)| path.parent().and_then(|dir| dir.canonicalize().ok()) == tables)
        .collect();
    let no_section = |section: String| CliError::NoSection {
        path: page.to_path_buf(),
        section,
    };
    if sections.is_empty() {
        return Err(no_section(format!(
            "table {}/…",
            report.join("tables").display()
        )));
    }
    for (section, path) in sections {
        let table = read(&path)?;
        text = replace_section(&text, &section, &table).ok_or_else(|| no_section(section))?;
    }
    fs::write(page, text).map_err(|error| CliError::Write {
        path: page.to_path_buf(),
        error,
    })
}

/// Says what was written, and what a reader must know.
fn tell(written: &Written, warnings: &[Warning], out: &Path) -> Result<Verdict, CliError> {
    let mut text = String::new();
    for warning in warnings {
        let severity = match warning.severity {
            Severity::Invalid => "INVALID",
            Severity::Doubtful => "doubtful",
            Severity::Note => "note",
        };
        text.push_str(&format!("{severity}: {}\n", warning.message));
    }
    text.push_str(&format!(
        "{}: {} figures, {} tables\n",
        out.join("index.html").display(),
        written.figures,
        written.tables
    ));
    print_text(&text)?;
    let is_invalid = warnings.iter().any(|w| w.severity == Severity::Invalid);
    Ok(match is_invalid {
        true => Verdict::Failed,
        false => Verdict::Good,
    })
}

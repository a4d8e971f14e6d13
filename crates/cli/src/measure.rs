//! The `measure` command.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakeoff_backend::Options;
use bakeoff_bench_suite::record::{
    Course, LOCK, Progress, Recording, SCALING, Share, Suite, Work, budget, command_line,
    default_dir, fingerprint, is_good, is_narrow, now, parse_time, record, summary, work, workers,
};
use bakeoff_registry::BASELINE;
use bakeoff_samples::{Fingerprint, Head, Kind, Session, Settings};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::CliError;
use crate::{
    BoundsArg, CpuArg, SizeArg, Verdict, compare, find_backends, measure_counts, print_text,
};

/// What to measure.
#[derive(Args)]
pub(crate) struct MeasureArgs {
    /// Entries (.toml) or text modules with a `; run:` line (.ir, .clif) instead of the suite's.
    #[arg(conflicts_with = "suite")]
    pub(crate) files: Vec<PathBuf>,
    /// Only the programs of this part of the suite; or `scaling`, which is none of it: modules that grow in one dimension.
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,
    /// Only these backends, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub(crate) backends: Vec<String>,
    /// The size of the runs.
    #[arg(long, value_enum, default_value_t = SizeArg::Quick)]
    pub(crate) size: SizeArg,
    /// How native code checks accesses with 32-bit indices.
    #[arg(long, value_enum, default_value_t = BoundsArg::Guard)]
    bounds_checks: BoundsArg,
    /// What native code may use of the processor.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
    /// Processes, one after another. Intervals need several: what differs between processes does not average out
    /// within one.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    processes: u32,
    /// Iterations of each process that count; by default as many as the budget allows.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    iterations: Option<u32>,
    /// Time for everything: `90s`, `10m`, `2h`. No process and no iteration begins later. [default: 10m, or none
    /// with --iterations]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    budget: Option<Duration>,
    /// Stop early, when the 95 % intervals of all mean ratios of compile and run time are within so much, such as
    /// 0.01 for one per cent on either side.
    #[arg(long, value_name = "SHARE")]
    width: Option<f64>,
    /// What shuffles the orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not measure the baseline a second time as a control.
    #[arg(long)]
    no_control: bool,
    /// Count instead of taking times: instructions executed (with valgrind), instructions of the IR, and what the code has. The
    /// same each time.
    #[arg(long, conflicts_with_all = ["processes", "iterations", "budget", "width", "seed"])]
    pub(crate) counts: bool,
    /// The directory of the session. If it holds the same measurement, unfinished, that is gone on with. [default:
    /// measurements/DATE-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pack the rows when all is done.
    #[arg(long)]
    pack: bool,
    /// Do one process's share and write its rows to standard output.
    #[arg(long, hide = true, value_name = "PROCESS")]
    worker: Option<u32>,
    /// The time of that share, in ms.
    #[arg(long, hide = true, value_name = "MS", requires = "worker")]
    worker_ms: Option<u64>,
}

impl MeasureArgs {
    fn is_scaling(&self) -> bool {
        self.suite.as_deref() == Some(SCALING)
    }
}

pub(crate) fn command(args: &MeasureArgs) -> Result<Verdict, CliError> {
    let mut suite = suite(args)?;
    let fingerprint = fingerprint(LOCK);
    if let Some(process) = args.worker {
        let share = Share {
            process,
            seed: args.seed,
            iterations: args.iterations,
            time: args.worker_ms.map(Duration::from_millis),
        };
        let mut out = std::io::stdout().lock();
        work(&mut suite, share, &fingerprint.id(), &mut out).map_err(CliError::Output)?;
        return Ok(Verdict::Good);
    }
    let head = head(args, &suite, fingerprint);
    // The children load what they need themselves.
    drop(suite);
    let dir = args.out.clone();
    let dir = dir.unwrap_or_else(|| default_dir("", &head.began));
    let session = match args.counts {
        true => measure_counts::record(args, head, &dir)?,
        false => times(args, head, &dir)?,
    };
    if args.pack {
        bakeoff_samples::pack(&dir).map_err(|error| CliError::Write {
            path: dir.clone(),
            error,
        })?;
    }
    print_text(&summary(&session))?;
    Ok(match is_good(&session) {
        true => Verdict::Good,
        false => Verdict::Failed,
    })
}

/// What is asked for.
fn head(args: &MeasureArgs, suite: &Suite, fingerprint: Fingerprint) -> Head {
    let budget = budget(args.budget, args.iterations);
    Head {
        format: Head::FORMAT,
        kind: match (args.counts, args.is_scaling()) {
            (true, _) => Kind::Counts,
            (false, true) => Kind::Scaling,
            (false, false) => Kind::Times,
        },
        command: command_line("bakeoff"),
        began: now(),
        settings: Settings {
            size: args.size.name().to_string(),
            processes: args.processes,
            iterations: args.iterations,
            budget_s: budget.map(|budget| budget.as_secs()),
            width: args.width,
            seed: args.seed,
            cpu: args.cpu.name().to_string(),
            bounds_checks: args.bounds_checks.name().to_string(),
        },
        programs: suite.programs(),
        competitors: suite.competitors(),
        baseline: BASELINE.to_string(),
        fingerprint,
    }
}

/// Records a session of times, by children that are this program with the same arguments.
fn times(args: &MeasureArgs, head: Head, dir: &Path) -> Result<Session, CliError> {
    let recording = Recording {
        dir,
        head,
        worker: &workers().map_err(CliError::Output)?,
    };
    let bar = progress_bar();
    let session = record(
        &recording,
        |session| args.width.is_some_and(|width| is_narrow(session, width)),
        |progress| show(&bar, progress),
    )?;
    bar.finish_and_clear();
    Ok(session)
}

fn suite(args: &MeasureArgs) -> Result<Suite, CliError> {
    let configurations = find_backends(&args.backends)?;
    let options = Options {
        bounds_checks: args.bounds_checks.into(),
        cpu: args.cpu.into(),
    };
    let works = match args.is_scaling() {
        true => Work::families(),
        false => {
            let subjects = compare::subjects(&args.files, args.suite.as_deref())?;
            subjects.into_iter().map(Work::program).collect()
        }
    };
    // Counts are the same each time.
    let control = !args.no_control && !args.counts;
    let size = args.size.into();
    Ok(Suite::new(works, &configurations, control, size, options))
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent} % {msg} ({eta} left)") {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let (process, processes) = progress.process;
    bar.set_position((progress.done * 1000.0) as u64);
    bar.set_message(format!(
        "process {} of {processes}, {} iterations",
        process + 1,
        progress.iterations
    ));
}

//! The `difftest` and `reduce` commands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakeoff_backend::Options;
use bakeoff_difftest::kill_rate::{self, Kill};
use bakeoff_difftest::{
    Campaign, Case, Failure, Finding, Judge, Launch, Shard, State, Until, Worker, reduce, serve,
};
use bakeoff_faults::{Fault, SEEDED};
use bakeoff_registry::Configuration;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::CliError;
use crate::{BoundsArg, CpuArg, Verdict, find_backends, print_text};

/// What to test.
#[derive(Args)]
pub(crate) struct DifftestArgs {
    /// Text modules (.ir) with `; run:` lines instead of generated ones. The calls are made on one instance,
    /// in order; what the lines expect is not looked at.
    #[arg(conflicts_with_all = ["seed", "count", "minutes", "shard", "dir"])]
    files: Vec<PathBuf>,
    /// The seed: the same programs everywhere.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ends when the programs below this number are done.
    #[arg(long, default_value_t = 10_000, conflicts_with = "minutes")]
    count: u64,
    /// Ends after this time.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Only these backends, with commas between; the reference runs always.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    backends: Vec<String>,
    /// All backends but these.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "A,B",
        conflicts_with = "backends"
    )]
    without: Vec<String>,
    /// One of N parts of the campaign, counted from 0.
    #[arg(long, value_name = "I/N", default_value = "0/1")]
    shard: Shard,
    /// Where the campaign is kept; `target/difftest/…` if it is not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Add up the campaigns, or shards of one, that are kept in these directories.
    #[arg(long, num_args = 1.., value_name = "DIR", conflicts_with_all = ["files", "minutes", "shard", "dir"])]
    merge: Vec<PathBuf>,
    /// Print the text of the program with this number, and do nothing else.
    #[arg(long, value_name = "NUMBER")]
    print: Option<u64>,
    /// Measure how many planted faults are found. Needs a build with `--features seeded-faults`.
    #[arg(long)]
    kill_rate: bool,
    /// Only the faults whose names contain this.
    #[arg(long, value_name = "NAME", requires = "kill_rate")]
    fault: Option<String>,
    /// How long to hunt for a fault, in seconds.
    #[arg(long, default_value_t = 60, requires = "kill_rate")]
    seconds: u64,
    /// How many faults to hunt at a time.
    #[arg(long, default_value_t = 1, requires = "kill_rate", value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// List the faults that can be planted.
    #[arg(long)]
    faults: bool,
    /// Write the table of a kill rate to this page.
    #[arg(long, value_name = "FILE", requires = "kill_rate")]
    write: Option<PathBuf>,
    /// How long the calls of a file may take on a backend, in seconds.
    #[arg(long, default_value_t = 20, requires = "files")]
    patience: u64,
    /// How files are compiled.
    #[command(flatten)]
    options: OptionArgs,
}

/// How native code is compiled, for files.
#[derive(Args)]
pub(crate) struct OptionArgs {
    /// How native code checks accesses with 32-bit indices.
    #[arg(long, value_enum, default_value_t = BoundsArg::Guard)]
    bounds_checks: BoundsArg,
    /// What native code may use of the processor.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
}

impl OptionArgs {
    fn options(&self) -> Options {
        Options {
            bounds_checks: self.bounds_checks.into(),
            cpu: self.cpu.into(),
        }
    }
}

/// What to reduce.
#[derive(Args)]
pub(crate) struct ReduceArgs {
    /// A text module (.ir) with `; run:` lines, on which backends disagree.
    file: PathBuf,
    /// Only these backends, with commas between.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    backends: Vec<String>,
    /// Where the result goes; standard output if it is not given.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The most time that it may take, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How the file is compiled.
    #[command(flatten)]
    options: OptionArgs,
}

/// How long a case of a file may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// This program as a worker.
fn launch(fault: Option<Fault>) -> Result<Launch, CliError> {
    let program = std::env::current_exe().map_err(bakeoff_difftest::WorkerError::Io)?;
    let mut arguments = vec!["difftest-worker".to_string()];
    if let Some(fault) = fault {
        arguments.extend(["--fault".to_string(), fault.name().to_string()]);
    }
    Ok(Launch { program, arguments })
}

/// Runs cases for a process that watches.
pub(crate) fn worker(fault: Option<&str>) -> Result<Verdict, CliError> {
    if let Some(name) = fault {
        let fault = Fault::from_name(name).ok_or_else(|| CliError::NoSuchFault {
            name: name.to_string(),
        })?;
        bakeoff_faults::switch(Some(fault));
    }
    serve(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(Verdict::Good)
}

pub(crate) fn command(args: &DifftestArgs) -> Result<Verdict, CliError> {
    if args.faults {
        let rows = Fault::ALL
            .iter()
            .map(|fault| format!("{:<40} {}\n", fault.name(), fault.about()));
        return print_text(&rows.collect::<String>());
    }
    if let Some(number) = args.print {
        let case = bakeoff_difftest::generate::case(args.seed, number);
        return print_text(&case.to_text(None));
    }
    if !args.merge.is_empty() {
        return merge(&args.merge);
    }
    let mut configurations = find_backends(&args.backends)?;
    let without = match args.without.is_empty() {
        true => Vec::new(),
        false => find_backends(&args.without)?,
    };
    configurations.retain(|c| without.iter().all(|other| other.name != c.name));
    if args.kill_rate {
        return measure_kill_rate(args, &configurations);
    }
    match args.files.is_empty() {
        true => campaign(args, configurations),
        false => check_files(args, &configurations),
    }
}

// ---- Campaigns -----------------------------------------------------------------------------------

fn campaign(
    args: &DifftestArgs,
    configurations: Vec<&'static Configuration>,
) -> Result<Verdict, CliError> {
    let dir = args.dir.clone().unwrap_or_else(|| {
        let Shard { index, count } = args.shard;
        PathBuf::from(format!(
            "target/difftest/seed-{}-shard-{index}-of-{count}",
            args.seed
        ))
    });
    let mut campaign = Campaign::open(&dir, args.seed, args.shard, configurations, launch(None)?)?;
    if campaign.state.done > 0 {
        print_text(&format!(
            "going on behind {} modules in {}\n",
            campaign.state.done,
            dir.display()
        ))?;
    }
    let until = match args.minutes {
        Some(minutes) => Until::Time(Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
        None => Until::Count(args.count),
    };
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    campaign.run(until, |state| {
        let rate = state.statistics.modules_a_second();
        let (done, found) = (state.done, state.statistics.failures);
        bar.set_message(format!(
            "{done} modules, {rate:.0} a second, {found} failures"
        ));
        bar.tick();
    })?;
    bar.finish_and_clear();
    report(&campaign.state, &dir)
}

fn report(state: &State, dir: &Path) -> Result<Verdict, CliError> {
    let Shard { index, count } = state.shard;
    let mut text = format!(
        "seed {}, shard {index}/{count}, {} backends, {:.1} minutes\n{}",
        state.seed,
        state.configurations.len(),
        state.elapsed_ns as f64 / 6e10,
        state.statistics.render()
    );
    for finding in &state.findings {
        text.push_str(&describe(finding, dir));
    }
    print_text(&text)?;
    Ok(match state.statistics.failures {
        0 => Verdict::Good,
        _ => Verdict::Failed,
    })
}

fn describe(finding: &Finding, dir: &Path) -> String {
    let Finding {
        seed,
        number,
        failure,
        reduced,
    } = finding;
    let Failure {
        configuration,
        class,
        what,
    } = failure;
    let mut text = format!(
        "seed {seed}, case {number}: {configuration}, {}: {what}\n",
        class.name()
    );
    if let Some((file, insts)) = reduced {
        let path = dir.join(file);
        text.push_str(&format!("    {insts} instructions in {}\n", path.display()));
    }
    text
}

fn merge(dirs: &[PathBuf]) -> Result<Verdict, CliError> {
    let mut states = Vec::with_capacity(dirs.len());
    for dir in dirs {
        let no_campaign = || CliError::NoCampaign { path: dir.clone() };
        let mut state = State::read(dir)?.ok_or_else(no_campaign)?;
        // Files of findings are told by where they are.
        let files = state.findings.iter_mut().filter_map(|f| f.reduced.as_mut());
        files.for_each(|(file, _)| *file = dir.join(&*file).display().to_string());
        states.push(state);
    }
    match State::merge(&states) {
        Some(sum) => report(&sum, Path::new("")),
        None => Ok(Verdict::Good),
    }
}

// ---- Files ---------------------------------------------------------------------------------------

fn read_case(path: &Path, options: Options) -> Result<Case, CliError> {
    let read_error = |error| bakeoff_bench_suite::LoadError::Read {
        path: path.to_path_buf(),
        error,
    };
    let text = std::fs::read(path).map_err(read_error)?;
    let text = String::from_utf8_lossy(&text);
    Case::parse(&text, options).map_err(|error| CliError::Case {
        path: path.to_path_buf(),
        error,
    })
}

fn check_files(
    args: &DifftestArgs,
    configurations: &[&'static Configuration],
) -> Result<Verdict, CliError> {
    let mut worker = Worker::new(launch(None)?);
    let mut verdict = Verdict::Good;
    for path in &args.files {
        let case = read_case(path, args.options.options())?;
        let failures = worker.check(&case, configurations, Duration::from_secs(args.patience))?;
        let text = match failures.as_deref() {
            Some([]) => format!(
                "{}: {} calls, all agree\n",
                path.display(),
                case.calls.len()
            ),
            Some(failures) => {
                verdict = Verdict::Failed;
                let line = |f: &Failure| {
                    format!(
                        "{}: {}, {}: {}\n",
                        path.display(),
                        f.configuration,
                        f.class.name(),
                        f.what
                    )
                };
                failures.iter().map(line).collect()
            }
            None => {
                verdict = Verdict::Failed;
                format!(
                    "{}: the reference does not come to an end\n",
                    path.display()
                )
            }
        };
        print_text(&text)?;
    }
    Ok(verdict)
}

pub(crate) fn reduce_command(args: &ReduceArgs) -> Result<Verdict, CliError> {
    let configurations = find_backends(&args.backends)?;
    let case = read_case(&args.file, args.options.options())?;
    let mut worker = Worker::new(launch(None)?);
    let failures = worker
        .check(&case, &configurations, PATIENCE)?
        .unwrap_or_default();
    let Some(failure) = failures.first() else {
        print_text(&format!(
            "{}: all agree, there is nothing to reduce\n",
            args.file.display()
        ))?;
        return Ok(Verdict::Failed);
    };
    let Some(reduced) = reduce(
        &case,
        failure,
        &mut worker,
        Duration::from_secs(args.seconds),
    )?
    else {
        print_text(&format!(
            "{}: it failed once and not again\n",
            args.file.display()
        ))?;
        return Ok(Verdict::Failed);
    };
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("reduced.ir"));
    let text = reduced.describe(&path);
    match &args.output {
        None => print_text(&text),
        Some(path) => {
            let write_error = |error| CliError::Write {
                path: path.clone(),
                error,
            };
            std::fs::write(path, text).map_err(write_error)?;
            print_text(&format!(
                "{} instructions in {}, {} candidates tried\n",
                reduced.insts,
                path.display(),
                reduced.tried
            ))
        }
    }
}

// ---- Kill rate -----------------------------------------------------------------------------------

fn measure_kill_rate(
    args: &DifftestArgs,
    configurations: &[&'static Configuration],
) -> Result<Verdict, CliError> {
    if !SEEDED {
        return Err(CliError::NotSeeded);
    }
    let wanted = |fault: &&Fault| {
        args.fault
            .as_ref()
            .is_none_or(|part| fault.name().contains(part.as_str()))
    };
    let faults: Vec<Fault> = Fault::ALL.iter().filter(wanted).copied().collect();
    let limit = Duration::from_secs(args.seconds);
    let hunt = |fault: &Fault| -> Result<Kill, CliError> {
        let launch = launch(Some(*fault))?;
        Ok(kill_rate::hunt(
            *fault,
            args.seed,
            configurations,
            launch,
            limit,
        )?)
    };
    let mut kills = Vec::with_capacity(faults.len());
    for some in faults.chunks(usize::from(args.jobs)) {
        let together: Vec<Result<Kill, CliError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|fault| scope.spawn(|| hunt(fault)))
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join();
            threads
                .into_iter()
                .map(join)
                .map(|outcome| outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for kill in together {
            let kill = kill?;
            print_text(&describe_kill(&kill))?;
            kills.push(kill);
        }
    }
    let found = kills.iter().filter(|kill| kill.failure.is_some()).count();
    print_text(&format!("{found} of {} found", kills.len()))?;
    let size = kill_rate::median_size(&kills);
    print_text(&size.map_or("\n".to_string(), |size| {
        format!(", median size {size} instructions\n")
    }))?;
    if let Some(path) = &args.write {
        let write_error = |error| CliError::Write {
            path: path.clone(),
            error,
        };
        let how = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        let how = format!("cargo run --release --features seeded-faults -- {how}");
        let page = kill_rate::render(
            &kills,
            &how,
            &bakeoff_bench_suite::record::now()[..10],
            &revision(),
        );
        std::fs::write(path, page).map_err(write_error)?;
    }
    Ok(match found == kills.len() {
        true => Verdict::Good,
        false => Verdict::Failed,
    })
}

fn describe_kill(kill: &Kill) -> String {
    let how = match (&kill.failure, &kill.reduced) {
        (
            Some(Failure {
                class,
                configuration,
                ..
            }),
            Some(reduced),
        ) => {
            format!(
                "{} on {configuration}, {} instructions",
                class.name(),
                reduced.insts
            )
        }
        (
            Some(Failure {
                class,
                configuration,
                ..
            }),
            None,
        ) => format!("{} on {configuration}, not reduced", class.name()),
        (None, _) => "NOT FOUND".to_string(),
    };
    format!(
        "{:<44} {:>7} modules {:>6.1} s  {how}\n",
        kill.fault.name(),
        kill.modules,
        kill.time.as_secs_f64()
    )
}

/// The revision of the sources that this was built from, with a mark if they were changed since.
fn revision() -> String {
    let (revision, dirty) = bakeoff_bench_suite::record::revision();
    let short = revision.get(..7).unwrap_or(&revision);
    match dirty {
        Some(false) => short.to_string(),
        Some(true) | None => format!("{short} with changes"),
    }
}

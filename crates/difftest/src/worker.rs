//! Workers: child processes that run cases, so that a crash or a hang ends a child and not the campaign.
//!
//! ```text
//! parent                                child (`serve`)
//! Cases { seed, numbers } ────────────► Begin(0) Begin(1) … Found … Sums … Done
//! Check { text, configurations } ─────► At("interp") At("dynasm") … Verdict
//!                         a line of JSON each
//! ```
//!
//! A child says what it is about to do before it does it. If it dies, or says nothing for too long, that was
//! the crash or the hang.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bakeoff_backend::{BoundsChecks, Cpu, Options};
use bakeoff_registry::Configuration;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::generate;
use crate::observe::observe;
use crate::oracle::{Class, Failure, Verdict, judge, judge_through_clif};
use crate::stats::Statistics;
use crate::wasm;

/// Where modules come from, and what is compared with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Source {
    /// Generated modules, on all configurations.
    Generated,
    /// Generated modules of scalars, written as CLIF and read by its frontend; the reference runs what was
    /// written.
    Clif,
    /// Random WebAssembly, which an engine from elsewhere runs, too. These modules are no cases.
    Wasm,
}

impl Source {
    /// The case of this number.
    pub fn case(self, seed: u64, number: u64) -> Case {
        match self {
            Source::Generated | Source::Wasm => generate::case(seed, number),
            Source::Clif => generate::case_within(generate::Reach::Scalars, seed, number),
        }
    }

    /// Judges a case as this source does.
    fn judge(
        self,
        case: &Case,
        configurations: &[&Configuration],
        before: impl FnMut(&str),
    ) -> Verdict {
        match self {
            Source::Generated | Source::Wasm => judge(case, configurations, before),
            Source::Clif => judge_through_clif(case, configurations, before),
        }
    }
}

/// Which cases of a campaign: `first`, `first + step`, …, so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Numbers {
    /// Where they come from.
    pub source: Source,
    /// The seed of the campaign.
    pub seed: u64,
    /// The first number.
    pub first: u64,
    /// From one to the next.
    pub step: u64,
    /// How many.
    pub count: u64,
}

#[derive(Serialize, Deserialize)]
enum Request {
    Cases {
        numbers: Numbers,
        configurations: Vec<String>,
    },
    Check {
        source: Source,
        text: String,
        explicit: bool,
        baseline: bool,
        configurations: Vec<String>,
    },
    ReduceWasm {
        seed: u64,
        number: u64,
        configurations: Vec<String>,
    },
    End {
        text: String,
        explicit: bool,
        baseline: bool,
    },
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Begin(u64),
    At(String),
    Found { number: u64, failures: Vec<Failure> },
    Sums(Box<Statistics>),
    Verdict(Option<Vec<Failure>>),
    Wasm(Option<Vec<u8>>),
    Done,
}

/// A worker that cannot be had or understood.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The process cannot be started or talked to.
    #[error("a worker process: {0}")]
    Io(#[from] std::io::Error),
    /// It said something else than it should.
    #[error("a worker process said something that makes no sense: {0}")]
    Protocol(String),
}

// ---- The child -----------------------------------------------------------------------------------

/// The work of a child: answers requests until there are no more.
///
/// # Errors
/// If its input or output breaks.
pub fn serve(input: impl BufRead, output: impl Write) -> Result<(), WorkerError> {
    // What a panic says is part of the finding; the standard message would only disturb.
    std::panic::set_hook(Box::new(|_| {}));
    let mut output = BufWriter::new(output);
    let mut say = |reply: &Reply| -> Result<(), WorkerError> {
        serde_json::to_writer(&mut output, reply)
            .map_err(|e| WorkerError::Protocol(e.to_string()))?;
        output.write_all(b"\n")?;
        output.flush()?;
        Ok(())
    };
    for line in input.lines() {
        let request =
            serde_json::from_str(&line?).map_err(|e| WorkerError::Protocol(e.to_string()))?;
        match request {
            Request::Cases {
                numbers,
                configurations,
            } => run_cases(numbers, &find(&configurations)?, &mut say)?,
            Request::Check {
                source,
                text,
                explicit,
                baseline,
                configurations,
            } => {
                let configurations = find(&configurations)?;
                let verdict = Case::parse(&text, options(explicit, baseline))
                    .ok()
                    .map(|case| {
                        let mut sent = Ok(());
                        let verdict = source.judge(&case, &configurations, |name| {
                            if sent.is_ok() {
                                sent = say(&Reply::At(name.to_string()));
                            }
                        });
                        sent.map(|()| verdict.failures)
                    });
                say(&Reply::Verdict(verdict.transpose()?))?;
            }
            Request::ReduceWasm {
                seed,
                number,
                configurations,
            } => {
                let reduced = reduced_wasm(seed, number, &find(&configurations)?);
                say(&Reply::Wasm(reduced))?;
            }
            Request::End {
                text,
                explicit,
                baseline,
            } => {
                let case = Case::parse(&text, options(explicit, baseline));
                let witness = bakeoff_registry::find(WITNESS);
                match case
                    .ok()
                    .zip(witness.ok())
                    .map(|(case, witness)| observe(&case, witness))
                {
                    Some(Ok(_)) => say(&Reply::Done)?,
                    Some(Err(_)) | None => say(&Reply::Verdict(None))?,
                }
            }
        }
    }
    Ok(())
}

fn options(explicit: bool, baseline: bool) -> Options {
    Options {
        bounds_checks: if explicit {
            BoundsChecks::Explicit
        } else {
            BoundsChecks::Guard
        },
        cpu: if baseline { Cpu::Baseline } else { Cpu::Host },
    }
}

fn find(names: &[String]) -> Result<Vec<&'static Configuration>, WorkerError> {
    let find = |name: &String| {
        bakeoff_registry::find(name).map_err(|e| WorkerError::Protocol(e.to_string()))
    };
    names.iter().map(find).collect()
}

/// The configuration that says whether a program ends, if the reference does not end with it.
const WITNESS: &str = "cranelift-none";

/// How often sums are sent: what is lost if the child dies in between.
const SUMS_EVERY: u64 = 64;

fn run_cases(
    numbers: Numbers,
    configurations: &[&'static Configuration],
    say: &mut impl FnMut(&Reply) -> Result<(), WorkerError>,
) -> Result<(), WorkerError> {
    let mut sums = Statistics::default();
    for index in 0..numbers.count {
        let number = numbers.first + index * numbers.step;
        say(&Reply::Begin(number))?;
        let start = Instant::now();
        let failures = match numbers.source {
            Source::Wasm => {
                sums.cases += 1;
                wasm_failures(numbers.seed, number, configurations)
            }
            Source::Generated | Source::Clif => {
                let case = numbers.source.case(numbers.seed, number);
                let verdict = numbers.source.judge(&case, configurations, |_| {});
                sums.add_case(number, &case, &verdict);
                verdict.failures
            }
        };
        sums.judging_ns += start.elapsed().as_nanos() as u64;
        if !failures.is_empty() {
            say(&Reply::Found { number, failures })?;
        }
        if (index + 1) % SUMS_EVERY == 0 || index + 1 == numbers.count {
            say(&Reply::Sums(Box::new(std::mem::take(&mut sums))))?;
        }
    }
    say(&Reply::Done)
}

/// How configurations, or the frontend, differ from the outside oracle in a module.
fn wasm_failures(
    seed: u64,
    number: u64,
    configurations: &[&'static Configuration],
) -> Vec<Failure> {
    let report = wasm::run(seed, number..number + 1, configurations, |_| {});
    let failure = |finding: wasm::Finding| Failure {
        configuration: finding.configuration.to_string(),
        class: Class::Outside,
        what: finding.what,
    };
    report.findings.into_iter().map(failure).collect()
}

/// The module of this number, reduced; `None` if it does not fail.
fn reduced_wasm(
    seed: u64,
    number: u64,
    configurations: &[&'static Configuration],
) -> Option<Vec<u8>> {
    let report = wasm::run(seed, number..number + 1, configurations, |_| {});
    Some(wasm::reduce(seed, report.findings.first()?))
}

// ---- The parent ----------------------------------------------------------------------------------

/// How a worker is started: a program that calls [`serve`].
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What came of a run of cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// All were run, or the observer had enough.
    Ended,
    /// The child died, or said nothing for too long, in this one.
    Lost(u64),
}

/// What a worker tells about the cases that it runs.
pub enum Event<'e> {
    /// A case failed.
    Found(u64, &'e [Failure]),
    /// Sums over the cases since the last one, and the greatest number among them.
    Sums(u64, &'e Statistics),
}

/// A child process that runs cases.
pub struct Worker {
    launch: Launch,
    source: Source,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    replies: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be dead already, and nobody waits for what it says.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child said, or why not.
enum Heard {
    Said(Reply),
    Silent,
    Dead(String),
}

impl Worker {
    /// A worker; the process is started when it is needed.
    pub fn new(launch: Launch) -> Worker {
        Worker::of(launch, Source::Generated)
    }

    /// A worker that judges cases as this source does.
    pub fn of(launch: Launch, source: Source) -> Worker {
        Worker {
            launch,
            source,
            running: None,
        }
    }

    fn ask(&mut self, request: &Request) -> Result<(), WorkerError> {
        let mut line =
            serde_json::to_vec(request).map_err(|e| WorkerError::Protocol(e.to_string()))?;
        line.push(b'\n');
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start()?,
        };
        let running = self.running.insert(running);
        running.input.write_all(&line)?;
        running.input.flush()?;
        Ok(())
    }

    fn start(&self) -> Result<Running, WorkerError> {
        let mut child = Command::new(&self.launch.program)
            .args(&self.launch.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let broken = || std::io::Error::other("no pipe");
        let input = child.stdin.take().ok_or_else(broken)?;
        let output = child.stdout.take().ok_or_else(broken)?;
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines();
            // Ends with the child, or when nobody listens any more.
            lines
                .map_while(Result::ok)
                .take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        Ok(Running {
            child,
            input,
            replies,
        })
    }

    fn hear(&mut self, patience: Duration) -> Result<Heard, WorkerError> {
        let Some(running) = &mut self.running else {
            return Ok(Heard::Dead("it is not running".to_string()));
        };
        match running.replies.recv_timeout(patience) {
            Ok(line) => {
                let reply = serde_json::from_str(&line);
                reply
                    .map(Heard::Said)
                    .map_err(|e| WorkerError::Protocol(format!("{e}: {line}")))
            }
            Err(RecvTimeoutError::Timeout) => {
                self.running = None;
                Ok(Heard::Silent)
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = running.child.wait()?;
                self.running = None;
                Ok(Heard::Dead(status.to_string()))
            }
        }
    }

    /// Runs cases. The observer is told what happens, and says whether to go on.
    ///
    /// # Errors
    /// If there is no worker, or it makes no sense.
    pub fn cases(
        &mut self,
        numbers: Numbers,
        configurations: &[&Configuration],
        patience: Duration,
        mut observer: impl FnMut(Event<'_>) -> bool,
    ) -> Result<Ending, WorkerError> {
        self.ask(&Request::Cases {
            numbers,
            configurations: names(configurations),
        })?;
        let mut at = numbers.first;
        loop {
            let goes_on = match self.hear(patience)? {
                Heard::Said(Reply::Begin(number)) => {
                    at = number;
                    true
                }
                Heard::Said(Reply::Found { number, failures }) => {
                    observer(Event::Found(number, &failures))
                }
                Heard::Said(Reply::Sums(sums)) => observer(Event::Sums(at, &sums)),
                Heard::Said(Reply::Done) => return Ok(Ending::Ended),
                Heard::Said(other @ (Reply::At(_) | Reply::Verdict(_) | Reply::Wasm(_))) => {
                    return Err(WorkerError::Protocol(format!("{other:?}")));
                }
                Heard::Silent | Heard::Dead(_) => return Ok(Ending::Lost(at)),
            };
            if !goes_on {
                // What it would still say is about cases that nobody wants any more.
                self.running = None;
                return Ok(Ending::Ended);
            }
        }
    }
}

/// Whoever says how configurations fail a case.
pub trait Judge {
    /// Judges a case, on one configuration after another if some of them crash or hang. `None` if its text
    /// is no case, or the reference does not come to an end.
    ///
    /// # Errors
    /// If there is no worker, or it makes no sense.
    fn check(
        &mut self,
        case: &Case,
        configurations: &[&Configuration],
        patience: Duration,
    ) -> Result<Option<Vec<Failure>>, WorkerError>;
}

impl Judge for Worker {
    fn check(
        &mut self,
        case: &Case,
        configurations: &[&Configuration],
        patience: Duration,
    ) -> Result<Option<Vec<Failure>>, WorkerError> {
        let text = case.to_text(None);
        let mut left = names(configurations);
        let mut failures = Vec::new();
        loop {
            self.ask(&Request::Check {
                source: self.source,
                text: text.clone(),
                explicit: case.options.bounds_checks == BoundsChecks::Explicit,
                baseline: case.options.cpu == Cpu::Baseline,
                configurations: left.clone(),
            })?;
            let mut at = String::new();
            let (class, what) = loop {
                match self.hear(patience)? {
                    Heard::Said(Reply::At(name)) => at = name,
                    Heard::Said(Reply::Verdict(verdict)) => {
                        return Ok(verdict.map(|more| failures.into_iter().chain(more).collect()));
                    }
                    Heard::Said(other) => return Err(WorkerError::Protocol(format!("{other:?}"))),
                    Heard::Silent => break (Class::Hang, format!("no end after {patience:?}")),
                    Heard::Dead(status) => break (Class::Crash, status),
                }
            };
            if at == bakeoff_registry::REFERENCE {
                // The program may be to blame, unless somebody else comes to an end with it.
                let failure = Failure {
                    configuration: at,
                    class,
                    what,
                };
                return Ok(self.ends(&text, case, patience)?.then(|| vec![failure]));
            }
            // Those that came before are judged again: their failures were not told.
            left.retain(|name| *name != at);
            failures.push(Failure {
                configuration: at,
                class,
                what,
            });
        }
    }
}

impl Worker {
    /// The random WebAssembly module of this number, reduced; `None` if it does not fail, or if reducing it
    /// takes too long.
    ///
    /// # Errors
    /// If there is no worker.
    pub fn reduce_wasm(
        &mut self,
        seed: u64,
        number: u64,
        configurations: &[&Configuration],
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, WorkerError> {
        let configurations = names(configurations);
        self.ask(&Request::ReduceWasm {
            seed,
            number,
            configurations,
        })?;
        match self.hear(patience)? {
            Heard::Said(Reply::Wasm(wasm)) => Ok(wasm),
            Heard::Said(_) | Heard::Silent | Heard::Dead(_) => Ok(None),
        }
    }

    /// Whether the program ends on [`WITNESS`].
    fn ends(&mut self, text: &str, case: &Case, patience: Duration) -> Result<bool, WorkerError> {
        self.ask(&Request::End {
            text: text.to_string(),
            explicit: case.options.bounds_checks == BoundsChecks::Explicit,
            baseline: case.options.cpu == Cpu::Baseline,
        })?;
        Ok(matches!(self.hear(patience)?, Heard::Said(Reply::Done)))
    }
}

fn names(configurations: &[&Configuration]) -> Vec<String> {
    configurations.iter().map(|c| c.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that is a script of the shell; it has been asked when it begins.
    fn script(text: &str) -> Worker {
        let arguments = vec!["-c".to_string(), format!("read request; {text}")];
        Worker::new(Launch {
            program: PathBuf::from("/bin/sh"),
            arguments,
        })
    }

    const NUMBERS: Numbers = Numbers {
        source: Source::Generated,
        seed: 1,
        first: 5,
        step: 2,
        count: 10,
    };

    fn ending(worker: &mut Worker, patience_ms: u64) -> Result<Ending, WorkerError> {
        worker.cases(NUMBERS, &[], Duration::from_millis(patience_ms), |_| true)
    }

    #[test]
    fn a_worker_that_dies_or_says_nothing_is_lost_in_the_case_that_it_began() {
        let mut dies = script("echo '{\"Begin\":7}'; kill -9 $$");
        assert_eq!(ending(&mut dies, 20_000).unwrap(), Ending::Lost(7));
        let mut hangs = script("echo '{\"Begin\":9}'; sleep 100");
        assert_eq!(ending(&mut hangs, 200).unwrap(), Ending::Lost(9));
        let mut ends_at_once = script("exit 0");
        assert_eq!(ending(&mut ends_at_once, 20_000).unwrap(), Ending::Lost(5));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let mut babbles = script("echo hello; sleep 1");
        assert!(matches!(
            ending(&mut babbles, 20_000),
            Err(WorkerError::Protocol(_))
        ));
        let mut missing = Worker::new(Launch {
            program: PathBuf::from("/no/such/program"),
            arguments: vec![],
        });
        assert!(matches!(
            ending(&mut missing, 20_000),
            Err(WorkerError::Io(_))
        ));
    }

    #[test]
    fn the_observer_may_have_enough() {
        let failures = "[{\"configuration\":\"dynasm\",\"class\":\"crash\",\"what\":\"x\"}]";
        let text =
            format!("echo '{{\"Found\":{{\"number\":5,\"failures\":{failures}}}}}'; sleep 100");
        let mut found = 0;
        let mut worker = script(&text);
        let ending = worker.cases(NUMBERS, &[], Duration::from_secs(20), |event| {
            found += u32::from(
                matches!(event, Event::Found(5, [failure]) if failure.class == Class::Crash),
            );
            false
        });
        assert_eq!((ending.unwrap(), found), (Ending::Ended, 1));
    }

    /// A child that crashes on one configuration: what is left of the list is judged without it.
    #[test]
    fn who_crashes_is_told_apart_from_the_others() {
        let text = r#"
            case "$request" in
                *'"dynasm"'*) echo '{"At":"interp"}'; echo '{"At":"dynasm"}'; kill -9 $$ ;;
                *) echo '{"At":"interp"}'; echo '{"Verdict":[]}'; sleep 100 ;;
            esac"#;
        let mut worker = script(text);
        let case = generate::case(1, 0);
        let configurations =
            ["dynasm", "stencil"].map(|name| bakeoff_registry::find(name).unwrap());
        let failures = worker
            .check(&case, &configurations, Duration::from_secs(20))
            .unwrap()
            .unwrap();
        let told: Vec<(&str, Class)> = failures
            .iter()
            .map(|f| (f.configuration.as_str(), f.class))
            .collect();
        assert_eq!(told, [("dynasm", Class::Crash)]);
    }
}

//! Campaigns: which cases, how far, and what was found, in a directory that survives a kill.
//!
//! ```text
//! DIR/state.json          where the campaign stands: seed, shard, next case, sums, findings
//! DIR/<number>-<configuration>.ir   a finding, reduced, with the command that replays it
//! ```
//!
//! A campaign has a seed, and its cases have numbers from 0 on. A *shard* I/N has the numbers that leave the
//! remainder I when divided by N. State is written to another file that then takes the place of the old
//! one, so that there is always a whole one. What is in it is a sum or a set: shards merge by adding.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bakeoff_registry::Configuration;
use serde::{Deserialize, Serialize};

use crate::generate;
use crate::oracle::Failure;
use crate::reduce::{Reduced, reduce};
use crate::stats::Statistics;
use crate::worker::{Ending, Event, Judge, Launch, Numbers, Source, Worker, WorkerError};

/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a reduction may take.
const REDUCING: Duration = Duration::from_secs(60);

/// Findings of one configuration and class that are reduced; more of them are most likely the same bug.
const MAX_REDUCED: usize = 3;

/// Findings that are kept; beyond these they are only counted.
const MAX_FINDINGS: usize = 200;

/// A part of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 0 on.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || format!("`{text}` is no shard: it is written I/N, with I from 0 to N-1");
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let index = index.parse().map_err(|_| wrong())?;
        let count = count.parse().map_err(|_| wrong())?;
        (index < count)
            .then_some(Shard { index, count })
            .ok_or_else(wrong)
    }
}

/// A case that a configuration failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The seed of the campaign.
    pub seed: u64,
    /// The number of the case.
    pub number: u64,
    /// Which configuration failed, and how.
    pub failure: Failure,
    /// The reduced case: its file in the directory of the campaign, and how many instructions it has.
    pub reduced: Option<(String, usize)>,
}

/// Where a campaign stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    /// The seed.
    pub seed: u64,
    /// The shard.
    pub shard: Shard,
    /// What tells the generator from others: numbers mean other cases there.
    pub generator: u64,
    /// The configurations.
    pub configurations: Vec<String>,
    /// Cases of the shard that are done.
    pub done: u64,
    /// Time that was spent, in ns, reductions included.
    pub elapsed_ns: u64,
    /// Sums.
    pub statistics: Statistics,
    /// Failures, the first ones.
    pub findings: Vec<Finding>,
}

/// When a campaign ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// When all numbers below this one are done.
    Count(u64),
    /// After this time, counted from now.
    Time(Duration),
}

/// Why a campaign does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// A file of its directory.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// The state is no state.
    #[error("{} is no state of a campaign: {message}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The directory belongs to another campaign.
    #[error("{} holds a campaign with another {what}; give another --dir", path.display())]
    Other {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> CampaignError + use<'_> {
    move |error| CampaignError::File {
        path: path.to_path_buf(),
        error,
    }
}

impl State {
    /// Reads the state of a directory; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub fn read(dir: &Path) -> Result<Option<State>, CampaignError> {
        let path = dir.join("state.json");
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(&path)(error)),
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(state) => Ok(Some(state)),
                Err(error) => Err(CampaignError::State {
                    path,
                    message: error.to_string(),
                }),
            },
        }
    }

    fn write(&self, dir: &Path) -> Result<(), CampaignError> {
        let (path, new) = (dir.join("state.json"), dir.join("state.json.new"));
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other);
        bytes
            .and_then(|bytes| fs::write(&new, bytes))
            .map_err(file_error(&new))?;
        fs::rename(&new, &path).map_err(file_error(&path))
    }

    /// The sum of shards of one campaign, or of several campaigns.
    pub fn merge(states: &[State]) -> Option<State> {
        let (first, rest) = states.split_first()?;
        let mut sum = first.clone();
        sum.shard = Shard::WHOLE;
        for state in rest {
            sum.done += state.done;
            sum.elapsed_ns += state.elapsed_ns;
            sum.statistics.merge(&state.statistics);
            sum.findings.extend(state.findings.iter().cloned());
            let new = state
                .configurations
                .iter()
                .filter(|name| !first.configurations.contains(name));
            sum.configurations.extend(new.cloned());
        }
        sum.findings
            .sort_by_key(|finding| (finding.seed, finding.number));
        Some(sum)
    }
}

/// A campaign that can be run.
pub struct Campaign<'c> {
    dir: PathBuf,
    configurations: Vec<&'c Configuration>,
    launch: Launch,
    /// Where it stands.
    pub state: State,
}

impl<'c> Campaign<'c> {
    /// Begins a campaign in a directory, or goes on with the one that is there.
    ///
    /// # Errors
    /// If the directory cannot be used, or belongs to another campaign.
    pub fn open(
        dir: &Path,
        seed: u64,
        shard: Shard,
        configurations: Vec<&'c Configuration>,
        launch: Launch,
    ) -> Result<Campaign<'c>, CampaignError> {
        fs::create_dir_all(dir).map_err(file_error(dir))?;
        let names: Vec<String> = configurations.iter().map(|c| c.name.to_string()).collect();
        let state = match State::read(dir)? {
            None => State {
                seed,
                shard,
                generator: generate::digest(),
                configurations: names,
                done: 0,
                elapsed_ns: 0,
                statistics: Statistics::default(),
                findings: Vec::new(),
            },
            Some(state) => {
                let same = [
                    ("seed", state.seed == seed),
                    ("shard", state.shard == shard),
                    ("generator", state.generator == generate::digest()),
                    ("list of backends", state.configurations == names),
                ];
                if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
                    return Err(CampaignError::Other {
                        path: dir.to_path_buf(),
                        what,
                    });
                }
                state
            }
        };
        Ok(Campaign {
            dir: dir.to_path_buf(),
            configurations,
            launch,
            state,
        })
    }

    /// Runs until the end, and tells how it goes: the state, a few times a second.
    ///
    /// # Errors
    /// If the directory or the worker fails.
    pub fn run(
        &mut self,
        until: Until,
        mut progress: impl FnMut(&State),
    ) -> Result<(), CampaignError> {
        let before = Duration::from_nanos(self.state.elapsed_ns);
        let start = Instant::now();
        let mut worker = Worker::new(self.launch.clone());
        loop {
            let left = match until {
                Until::Count(count) => self.numbers_below(count).saturating_sub(self.state.done),
                Until::Time(time) if start.elapsed() >= time => 0,
                Until::Time(_) => u64::MAX,
            };
            if left == 0 {
                break;
            }
            let lost = self.batch(&mut worker, left.min(BATCH))?;
            if let Some(number) = lost {
                self.lost(&mut worker, number)?;
            }
            self.reduce_new(&mut worker)?;
            self.state.elapsed_ns = (before + start.elapsed()).as_nanos() as u64;
            self.state.write(&self.dir)?;
            progress(&self.state);
        }
        self.state.write(&self.dir)
    }

    /// How many numbers of this shard are below a bound.
    fn numbers_below(&self, bound: u64) -> u64 {
        let Shard { index, count } = self.state.shard;
        bound.saturating_sub(index).div_ceil(count)
    }

    fn number(&self, position: u64) -> u64 {
        self.state.shard.index + position * self.state.shard.count
    }

    /// Runs some cases; the number of the one that was lost, if any.
    fn batch(&mut self, worker: &mut Worker, count: u64) -> Result<Option<u64>, CampaignError> {
        let Shard { count: step, index } = self.state.shard;
        let (seed, first) = (self.state.seed, self.number(self.state.done));
        let numbers = Numbers {
            source: Source::Generated,
            seed,
            first,
            step,
            count,
        };
        let state = &mut self.state;
        let mut failed: Vec<(u64, Vec<Failure>)> = Vec::new();
        let ending = worker.cases(numbers, &self.configurations, PATIENCE, |event| {
            match event {
                Event::Found(number, failures) => failed.push((number, failures.to_vec())),
                Event::Sums(number, sums) => {
                    state.statistics.merge(sums);
                    state.done = (number - index) / step + 1;
                    for (number, failures) in failed.drain(..) {
                        add_findings(&mut state.findings, seed, number, failures);
                    }
                }
            }
            true
        })?;
        // A case that was lost takes what was not yet summed with it; those are run again.
        Ok(match ending {
            Ending::Ended => None,
            Ending::Lost(number) => Some(number),
        })
    }

    /// Finds out who is to blame for a case in which the worker was lost, and goes on behind it.
    fn lost(&mut self, worker: &mut Worker, number: u64) -> Result<(), CampaignError> {
        // The cases before it since the last sums are run again, without it.
        let position = (number - self.state.shard.index) / self.state.shard.count;
        let again = position - self.state.done;
        if again > 0 {
            self.batch(worker, again)?;
        }
        let case = generate::case(self.state.seed, number);
        let mut failures = worker
            .check(&case, &self.configurations, PATIENCE)?
            .unwrap_or_default();
        if failures.is_empty() {
            failures.push(Failure::lost());
        }
        self.state.statistics.cases += 1;
        self.state.statistics.failures += failures.len() as u64;
        self.state.done = position + 1;
        add_findings(&mut self.state.findings, self.state.seed, number, failures);
        Ok(())
    }

    /// Reduces findings that are not yet reduced, as far as they are not likely the same.
    fn reduce_new(&mut self, worker: &mut Worker) -> Result<(), CampaignError> {
        for at in 0..self.state.findings.len() {
            let finding = self.state.findings[at].clone();
            let same = |other: &&Finding| {
                other.failure.configuration == finding.failure.configuration
                    && other.failure.class == finding.failure.class
                    && other.reduced.is_some()
            };
            if finding.reduced.is_some()
                || self.state.findings.iter().filter(same).count() >= MAX_REDUCED
            {
                continue;
            }
            let case = generate::case(finding.seed, finding.number);
            if let Some(reduced) = reduce(&case, &finding.failure, worker, REDUCING)? {
                let file = self.write_finding(&finding, &reduced)?;
                self.state.findings[at].reduced = Some((file, reduced.insts));
            }
        }
        Ok(())
    }

    fn write_finding(&self, finding: &Finding, reduced: &Reduced) -> Result<String, CampaignError> {
        let file = format!("{}-{}.ir", finding.number, finding.failure.configuration);
        let path = self.dir.join(&file);
        let origin = format!("; seed {}, case {}\n", finding.seed, finding.number);
        let text = format!("{origin}{}", reduced.describe(&path));
        fs::write(&path, text).map_err(file_error(&path))?;
        Ok(file)
    }
}

/// Cases that a worker is given at once.
const BATCH: u64 = 512;

fn add_findings(findings: &mut Vec<Finding>, seed: u64, number: u64, failures: Vec<Failure>) {
    // Several configurations of one backend fail together; the first one stands for them.
    for failure in failures.into_iter().take(2) {
        if findings.len() < MAX_FINDINGS {
            findings.push(Finding {
                seed,
                number,
                failure,
                reduced: None,
            });
        }
    }
}

//! The child's part: one process of a session.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bakeoff_samples::{Begin, End, Failure, Row, Sample};
use bakeoff_statistics::Shuffle;

use super::Course;

/// What one process does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share {
    /// Its number.
    pub process: u32,
    /// The session's seed.
    pub seed: u64,
    /// Iterations that count, at most; without a number, as many as the time allows.
    pub iterations: Option<u32>,
    /// When no further iteration begins. One iteration that counts is made in any case.
    pub time: Option<Duration>,
}

impl Share {
    /// What shuffles the orders of this process: another number for each, and the same for each seed
    /// (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
    fn shuffle_seed(&self) -> u64 {
        let z = self.seed ^ u64::from(self.process).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn is_over(&self, done: u32, begun: Instant) -> bool {
        if self.iterations.is_some_and(|most| done >= most) {
            return true;
        }
        done >= 1 && self.time.is_some_and(|time| begun.elapsed() >= time)
    }
}

/// Measures one process's share of a session and writes its rows as lines of JSON.
///
/// # Errors
/// If they cannot be written.
pub fn work(
    course: &mut dyn Course,
    share: Share,
    fingerprint: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let begun = Instant::now();
    let before = Usage::now();
    let mut out = Rows { out };
    out.row(&Row::Begin(Begin {
        process: share.process,
        seed: share.shuffle_seed(),
        at_ms: unix_ms(),
        fingerprint: fingerprint.to_string(),
    }))?;
    let mut process = Process::new(course, share, begun);
    process.iteration(0);
    out.rows(&mut process.rows)?;
    let mut done = 0;
    while !share.is_over(done, begun) {
        done += 1;
        process.iteration(done);
        out.rows(&mut process.rows)?;
    }
    let (others, stolen) = match (before, Usage::now()) {
        (Some(before), Some(after)) => after.since(&before),
        _ => (None, None),
    };
    out.row(&Row::End(End {
        process: share.process,
        took_ms: begun.elapsed().as_millis() as u64,
        others,
        stolen,
    }))
}

struct Rows<'o> {
    out: &'o mut dyn Write,
}

impl Rows<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }

    fn rows(&mut self, rows: &mut Vec<Row>) -> io::Result<()> {
        rows.drain(..).try_for_each(|row| self.row(&row))
    }
}

struct Process<'c> {
    course: &'c mut dyn Course,
    number: u32,
    begun: Instant,
    shuffle: Shuffle,
    programs: Vec<String>,
    competitors: Vec<String>,
    /// Order of the programs, and on each that of the competitors that are still in.
    order: Vec<(usize, Vec<usize>)>,
    /// What is to be written when the iteration is over.
    rows: Vec<Row>,
}

impl<'c> Process<'c> {
    fn new(course: &'c mut dyn Course, share: Share, begun: Instant) -> Process<'c> {
        let programs: Vec<String> = course.programs().into_iter().map(|p| p.name).collect();
        let competitors: Vec<String> = course.competitors().into_iter().map(|c| c.name).collect();
        let all: Vec<usize> = (0..competitors.len()).collect();
        Process {
            course,
            number: share.process,
            begun,
            shuffle: Shuffle::new(share.shuffle_seed()),
            order: (0..programs.len()).map(|p| (p, all.clone())).collect(),
            programs,
            competitors,
            rows: Vec::new(),
        }
    }

    /// Visits every program in a shuffled order, and on each every competitor in one.
    fn iteration(&mut self, iteration: u32) {
        let mut order = std::mem::take(&mut self.order);
        self.shuffle.shuffle(&mut order);
        let mut position = 0;
        for (program, competitors) in &mut order {
            self.shuffle.shuffle(competitors);
            competitors.retain(|competitor| {
                let is_in = self.visit(*program, *competitor, iteration, position);
                position += 1;
                is_in
            });
        }
        self.order = order;
    }

    /// Visits a competitor; whether it stays in for this program.
    fn visit(&mut self, program: usize, competitor: usize, iteration: u32, position: u32) -> bool {
        let outcome = self.course.visit(program, competitor, iteration == 0);
        let process = self.number;
        let (program, competitor) = (
            self.programs[program].clone(),
            self.competitors[competitor].clone(),
        );
        let is_in = outcome.is_ok();
        let at_ms = self.begun.elapsed().as_millis() as u64;
        match outcome {
            Ok(samples) => self.rows.extend(samples.into_iter().map(|values| {
                Row::Sample(Sample {
                    process,
                    iteration,
                    position,
                    at_ms,
                    program: program.clone(),
                    competitor: competitor.clone(),
                    values,
                })
            })),
            Err(refusal) => self.rows.push(Row::Failure(Failure {
                process,
                program,
                competitor,
                status: refusal.status,
                reason: refusal.reason,
            })),
        }
        is_in
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Processor time of the machine and of this process, in ticks of the system (proc(5)).
struct Usage {
    total: u64,
    idle: u64,
    stolen: u64,
    own: u64,
}

impl Usage {
    fn now() -> Option<Usage> {
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        Usage::parse(&stat, &own)
    }

    fn parse(stat: &str, own: &str) -> Option<Usage> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal; guests are in user and nice already.
        let ticks: &[u64; 8] = ticks.get(..8)?.try_into().ok()?;
        // The name of the program stands in brackets and may hold anything.
        let own: Vec<&str> = own.rsplit_once(')')?.1.split_whitespace().collect();
        let tick = |field: usize| own.get(field)?.parse::<u64>().ok();
        Some(Usage {
            total: ticks.iter().sum(),
            idle: ticks[3] + ticks[4],
            stolen: ticks[7],
            // With children that have ended: native programs run in processes of their own.
            own: tick(11)? + tick(12)? + tick(13)? + tick(14)?,
        })
    }

    /// Shares of the machine's time since then: of others, and stolen.
    fn since(&self, before: &Usage) -> (Option<f64>, Option<f64>) {
        let total = self.total.saturating_sub(before.total);
        if total == 0 {
            return (None, None);
        }
        let idle = self.idle.saturating_sub(before.idle);
        let stolen = self.stolen.saturating_sub(before.stolen);
        let own = self.own.saturating_sub(before.own);
        let others = total.saturating_sub(idle + stolen + own);
        let share = |ticks: u64| Some(ticks as f64 / total as f64);
        (share(others), share(stolen))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bakeoff_samples::{Competitor, Event, Program, Status};

    use super::*;
    use crate::record::{Refusal, Values};

    /// Two programs, three competitors, of which the last cannot do the second program.
    #[derive(Default)]
    struct Fake {
        visits: Vec<(usize, usize, bool)>,
    }

    impl Course for Fake {
        fn programs(&self) -> Vec<Program> {
            let program = |name: &str| Program {
                name: name.to_string(),
                suite: "test".to_string(),
                module_insts: 1,
                scale: None,
            };
            ["p", "q"].map(program).to_vec()
        }

        fn competitors(&self) -> Vec<Competitor> {
            let competitor = |name: &str| Competitor {
                name: name.to_string(),
                about: String::new(),
                ablation_of: None,
                control_of: None,
                own: false,
            };
            ["a", "b", "c"].map(competitor).to_vec()
        }

        fn visit(
            &mut self,
            program: usize,
            competitor: usize,
            cold: bool,
        ) -> Result<Vec<Values>, Refusal> {
            self.visits.push((program, competitor, cold));
            match (program, competitor) {
                (1, 2) => Err(Refusal {
                    status: Status::Unsupported,
                    reason: "cannot".to_string(),
                }),
                _ => Ok(vec![BTreeMap::from([(Event::Run, 5)])]),
            }
        }
    }

    fn run(share: Share) -> (Fake, Vec<Row>) {
        let mut fake = Fake::default();
        let mut out = Vec::new();
        work(&mut fake, share, "f", &mut out).unwrap();
        let rows = String::from_utf8(out).unwrap();
        let rows = rows.lines().map(|l| serde_json::from_str(l).unwrap());
        (fake, rows.collect())
    }

    const SHARE: Share = Share {
        process: 1,
        seed: 7,
        iterations: Some(3),
        time: None,
    };

    #[test]
    fn every_iteration_visits_all_that_are_still_in_once() {
        let (fake, rows) = run(SHARE);
        assert_eq!(fake.visits.len(), 6 + 3 * 5);
        assert!(fake.visits[..6].iter().all(|v| v.2), "the first is cold");
        assert!(fake.visits[6..].iter().all(|v| !v.2));
        for iteration in 0..=3 {
            let of = |r: &&Row| matches!(r, Row::Sample(s) if s.iteration == iteration);
            assert_eq!(rows.iter().filter(of).count(), 5);
        }
        let failures = rows.iter().filter(|r| matches!(r, Row::Failure(_)));
        assert_eq!(failures.count(), 1);
        assert!(matches!(rows[0], Row::Begin(_)) && matches!(rows[rows.len() - 1], Row::End(_)));
    }

    #[test]
    fn orders_are_shuffled_and_repeat_with_their_seed() {
        let (first, _) = run(SHARE);
        let (again, _) = run(SHARE);
        assert_eq!(first.visits, again.visits);
        let (other, _) = run(Share {
            process: 2,
            ..SHARE
        });
        assert_ne!(first.visits, other.visits);
        // A program's competitors stand together.
        let programs: Vec<usize> = first.visits[..6].iter().map(|v| v.0).collect();
        assert!(programs == [0, 0, 0, 1, 1, 1] || programs == [1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn without_time_left_one_iteration_counts() {
        let (_, rows) = run(Share {
            iterations: None,
            time: Some(Duration::ZERO),
            ..SHARE
        });
        let last = rows.iter().filter_map(|row| match row {
            Row::Sample(sample) => Some(sample.iteration),
            _ => None,
        });
        assert_eq!(last.max(), Some(1));
    }

    #[test]
    fn shares_of_processor_time() {
        let own = |user| format!("12 (a) b) R 1 1 1 0 -1 4194304 1 0 0 0 {user} 5 3 2 20 0 1 0 9");
        let before = Usage::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1", &own(10)).unwrap();
        let after = Usage::parse("cpu  160 0 60 910 50 0 0 20 0 0\ncpu0 1", &own(50)).unwrap();
        // 200 ticks: 40 own, 30 others, 20 stolen, 110 idle.
        assert_eq!(after.since(&before), (Some(0.15), Some(0.1)));
        assert!(Usage::parse("", "").is_none());
    }
}

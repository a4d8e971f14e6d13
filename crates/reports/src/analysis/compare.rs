//! Two sessions, usually of two revisions: what has become slower or faster.
//!
//! Nothing was interleaved here, so a difference may be one of the machine's state on two days, which no number of
//! processes shows. Three things help: machines must be the same; the baseline, whose code generator has not changed if
//! its crates have the same versions, must have stayed where it was, or the comparison says so; and each mean is also
//! given relative to the baseline's, from which what slows everything falls out.

use std::collections::BTreeSet;

use bakeoff_samples::{Event, Kind, Session};
use bakeoff_statistics::{Estimate, cliffs_delta, discoveries, process_logs};

use super::cells::{Cells, LEVEL};
use super::unite::{or_none, same, source, unite};
use super::{AnalysisError, Control, Severity, Source, Warning, trust};

/// What has changed from one session to another.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The older session, or whatever stands below.
    pub old: Source,
    /// The newer one.
    pub new: Source,
    /// Programs that are in both.
    pub programs: Vec<String>,
    /// Competitors that are in both, controls not among them.
    pub competitors: Vec<String>,
    /// Names of programs and competitors that one session has alone.
    pub left_out: Vec<String>,
    /// By event, for those that both have anything of.
    pub events: Vec<EventChanges>,
    /// What a reader must know, gravest first.
    pub warnings: Vec<Warning>,
}

impl Comparison {
    /// Among what is called a regression or an improvement, the share that is none, on average (Benjamini and Hochberg
    /// 1995, over all programs and competitors of an event; over its means separately).
    pub const FALSE_RATE: f64 = 0.05;
}

/// Changes of an event.
#[derive(Clone, Debug)]
pub struct EventChanges {
    /// The event.
    pub event: Event,
    /// By program and competitor.
    pub changes: Vec<Vec<Option<Change>>>,
    /// By competitor: the geometric mean over the programs that both sessions have of it.
    pub means: Vec<Option<Change>>,
    /// By competitor: the same relative to the baseline's change, over the programs that both sessions have of both.
    pub means_to_baseline: Vec<Option<Change>>,
}

/// A change.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Change {
    /// New to old: above 1 is more, so slower or larger. Exact for what is the same each time.
    pub ratio: Estimate,
    /// The probability of a ratio at least as far from 1 if nothing has changed.
    pub p: f64,
    /// Cliff's delta: how seldom single values of the two overlap. `None` of means.
    pub delta: Option<f64>,
    /// What it is.
    pub verdict: Verdict,
}

/// What a change is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It has become more.
    Regression,
    /// It has become less.
    Improvement,
    /// It may be chance.
    Unclear,
}

/// Compares a session with an older one.
///
/// # Errors
/// If machines, kinds, or settings differ: such numbers say nothing about revisions.
pub fn compare(old: &Session, new: &Session) -> Result<Comparison, AnalysisError> {
    let both = (old, new);
    comparable(both)?;
    let names = |s: &Session| -> (Vec<String>, Vec<String>) {
        let competitors = s.head.competitors.iter().filter(|c| c.control_of.is_none());
        (
            s.head.programs.iter().map(|p| p.name.clone()).collect(),
            competitors.map(|c| c.name.clone()).collect(),
        )
    };
    let ((old_programs, old_competitors), (new_programs, new_competitors)) =
        (names(old), names(new));
    let (programs, program_left) = split(old_programs, &new_programs);
    let (competitors, competitor_left) = split(old_competitors, &new_competitors);
    let pair = Pair {
        old,
        new,
        programs: &programs,
        competitors: &competitors,
    };
    let events: Vec<EventChanges> = Event::ALL
        .iter()
        .filter_map(|event| pair.event(*event))
        .collect();
    let mut warnings = differences(both);
    warnings.extend(own_trouble(old)?);
    warnings.extend(own_trouble(new)?);
    warnings.extend(pair.baseline_moved(&events));
    warnings.sort_by_key(|w| w.severity);
    Ok(Comparison {
        old: source(old),
        new: source(new),
        left_out: [program_left, competitor_left].concat(),
        events,
        warnings,
        programs,
        competitors,
    })
}

/// Names that both have, in the order of the new; and those that one has.
fn split(old: Vec<String>, new: &[String]) -> (Vec<String>, Vec<String>) {
    let (of_old, of_new): (BTreeSet<&String>, BTreeSet<&String>) =
        (old.iter().collect(), new.iter().collect());
    let both = new.iter().filter(|n| of_old.contains(n)).cloned().collect();
    let one = of_old
        .symmetric_difference(&of_new)
        .map(|n| (*n).clone())
        .collect();
    (both, one)
}

/// What must be the same.
fn comparable(both: (&Session, &Session)) -> Result<(), AnalysisError> {
    same(both, "the kind of session", |s| s.head.kind)?;
    same(both, "the processor", |s| {
        s.head.fingerprint.machine.cpu.clone()
    })?;
    same(both, "the number of processors", |s| {
        s.head.fingerprint.machine.cpus
    })?;
    same(both, "the hypervisor", |s| {
        or_none(s.head.fingerprint.machine.virtualised.clone())
    })?;
    same(both, "the profile of the build", |s| {
        s.head.fingerprint.build.profile.clone()
    })?;
    same(both, "the size of the programs' work", |s| {
        s.head.settings.size.clone()
    })?;
    same(both, "what code may use of the processor", |s| {
        s.head.settings.cpu.clone()
    })?;
    same(both, "how memory is checked", |s| {
        s.head.settings.bounds_checks.clone()
    })
}

/// What may differ, but should be known.
fn differences((old, new): (&Session, &Session)) -> Vec<Warning> {
    let facts = |s: &Session| {
        let (machine, build) = (&s.head.fingerprint.machine, &s.head.fingerprint.build);
        [
            ("kernel", machine.kernel.clone()),
            ("governor", or_none(machine.governor.clone())),
            ("memory", format!("{} MiB", machine.memory_mib)),
            ("rustc", build.rustc.clone()),
            ("baseline", s.head.baseline.clone()),
        ]
    };
    let mut warnings = Vec::new();
    for ((what, of_old), (_, of_new)) in facts(old).into_iter().zip(facts(new)) {
        if of_old != of_new {
            warnings.push(Warning {
                severity: Severity::Doubtful,
                message: format!(
                    "{what} differs: {of_old} in the old session, {of_new} in the new \
                    one. Not every change is one of the revision."
                ),
            });
        }
    }
    let crates = |s: &Session| s.head.fingerprint.build.crates.clone();
    for (name, version) in crates(old) {
        if let Some(other) = crates(new).get(&name).filter(|other| **other != version) {
            warnings.push(Warning {
                severity: Severity::Note,
                message: format!("{name} was {version} and is {other}."),
            });
        }
    }
    warnings
}

/// What is wrong with a session in itself.
fn own_trouble(session: &Session) -> Result<Vec<Warning>, AnalysisError> {
    let alone = std::slice::from_ref(session);
    let united = unite(alone)?;
    let controls = trust::controls(&Cells::new(alone, &united));
    Ok(trust::of_session(session, controls.first()))
}

/// The sessions, and what both have.
struct Pair<'s> {
    old: &'s Session,
    new: &'s Session,
    programs: &'s [String],
    competitors: &'s [String],
}

impl Pair<'_> {
    fn event(&self, event: Event) -> Option<EventChanges> {
        let cell = |program: &String, competitor: &String| self.change(event, program, competitor);
        let row = |program| self.competitors.iter().map(|c| cell(program, c)).collect();
        let mut changes: Vec<Vec<Option<Change>>> = self.programs.iter().map(row).collect();
        if changes.iter().flatten().all(Option::is_none) {
            return None;
        }
        judge(changes.iter_mut().flatten());
        let means = |relative: bool| {
            let mut means: Vec<_> = self
                .competitors
                .iter()
                .map(|c| self.mean(event, c, relative))
                .collect();
            judge(means.iter_mut());
            means
        };
        Some(EventChanges {
            event,
            changes,
            means: means(false),
            means_to_baseline: means(true),
        })
    }

    fn change(&self, event: Event, program: &str, competitor: &str) -> Option<Change> {
        if !event.is_time() {
            let [new, old] = [self.new, self.old].map(|s| s.fact(event, program, competitor));
            return exact(new? as f64, old? as f64);
        }
        let [new, old] = [self.new, self.old].map(|s| s.series(event, program, competitor));
        let (new, old) = (new?, old?);
        let change = bakeoff_statistics::Change::of(&new, &old, LEVEL)?;
        Some(Change {
            ratio: change.ratio,
            p: change.p,
            delta: cliffs_delta(&new, &old),
            verdict: Verdict::Unclear,
        })
    }

    /// The geometric mean over programs; of the ratios to the baseline, if `relative`.
    fn mean(&self, event: Event, competitor: &str, relative: bool) -> Option<Change> {
        let logs = |session: &Session, program: &str| {
            let of = |competitor: &str| logs(session, event, program, competitor);
            let own = of(competitor)?;
            if !relative {
                return Some(own);
            }
            let baseline = of(&session.head.baseline)?;
            Some(
                own.iter()
                    .zip(&baseline)
                    .map(|(own, baseline)| own - baseline)
                    .collect::<Vec<_>>(),
            )
        };
        let pair = |program: &String| Some((logs(self.new, program)?, logs(self.old, program)?));
        let pairs: Vec<_> = self.programs.iter().filter_map(pair).collect();
        let (new, old): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (new, old) = (mean_by_process(&new)?, mean_by_process(&old)?);
        if !event.is_time() {
            return exact(new.first()?.exp(), old.first()?.exp());
        }
        let change = bakeoff_statistics::Change::between(&new, &old, LEVEL)?;
        Some(Change {
            ratio: change.ratio,
            p: change.p,
            delta: None,
            verdict: Verdict::Unclear,
        })
    }

    /// Whether the baseline, though its crates are the same, is not where it was.
    fn baseline_moved(&self, events: &[EventChanges]) -> Vec<Warning> {
        if self.old.head.baseline != self.new.head.baseline || self.old.head.kind == Kind::Counts {
            return Vec::new();
        }
        let name = &self.new.head.baseline;
        let Some(baseline) = self.competitors.iter().position(|c| c == name) else {
            return vec![Warning {
                severity: Severity::Doubtful,
                message: format!(
                    "the baseline {name} is not in both sessions, so nothing tells changes of the \
                        machine from those of the revision."
                ),
            }];
        };
        let times = events
            .iter()
            .filter(|e| matches!(e.event, Event::Compile | Event::Run));
        let moved = times.filter_map(|changes| {
            let change = changes.means[baseline]?;
            let percent = |x: f64| 100.0 * (x - 1.0);
            (change.p < 1.0 - Control::LEVEL).then(|| Warning {
                severity: Severity::Doubtful,
                message: format!(
                    "{} of the baseline {name} has changed by {:+.1} % ({:+.1} to {:+.1} %). If the \
                        revision did not mean to, the machine has changed: then only changes \
                        relative to the baseline can be read.",
                    changes.event, percent(change.ratio.value), percent(change.ratio.low), percent(change.ratio.high)
                ),
            })
        });
        moved.collect()
    }
}

/// A change of what is the same each time. `None` where a zero is involved, unless both are.
fn exact(new: f64, old: f64) -> Option<Change> {
    let ratio = if new == old { 1.0 } else { new / old };
    let usable = ratio.is_finite() && ratio > 0.0;
    usable.then_some(Change {
        ratio: Estimate::exact(ratio),
        p: if ratio == 1.0 { 1.0 } else { 0.0 },
        delta: None,
        verdict: Verdict::Unclear,
    })
}

/// The logarithm by process; of what is the same each time, one.
fn logs(session: &Session, event: Event, program: &str, competitor: &str) -> Option<Vec<f64>> {
    if event.is_time() {
        return process_logs(&session.series(event, program, competitor)?);
    }
    let fact = session.fact(event, program, competitor)?;
    (fact > 0).then(|| vec![(fact as f64).ln()])
}

/// The mean over programs of each process.
fn mean_by_process(programs: &[Vec<f64>]) -> Option<Vec<f64>> {
    let processes = programs.first()?.len();
    let mean = |process| programs.iter().map(|p| p[process]).sum::<f64>() / programs.len() as f64;
    Some((0..processes).map(mean).collect())
}

/// Says of which changes it is known what they are.
fn judge<'c>(changes: impl Iterator<Item = &'c mut Option<Change>>) {
    let mut changes: Vec<&mut Change> = changes.filter_map(Option::as_mut).collect();
    let p: Vec<f64> = changes.iter().map(|c| c.p).collect();
    for (change, is_found) in changes
        .iter_mut()
        .zip(discoveries(&p, Comparison::FALSE_RATE))
    {
        change.verdict = match is_found {
            true if change.ratio.value > 1.0 => Verdict::Regression,
            true if change.ratio.value < 1.0 => Verdict::Improvement,
            _ => Verdict::Unclear,
        };
    }
}

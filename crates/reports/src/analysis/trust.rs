//! Whether sessions can be trusted, and what a reader must know.

use std::collections::{BTreeMap, BTreeSet};

use bakeoff_samples::{Event, Kind, Notice, Session, Status};
use bakeoff_statistics::{DipTest, Drift, Resampled, discoveries, drift, location};

use super::cells::Cells;
use super::payback::Work;
use super::unite::{United, name};
use super::{Control, Severity, Warning};

/// Share of the machine's time that others may use.
const BUSY: f64 = 0.05;
/// Difference that a control should be able to show.
const CONTROL_WIDTH: f64 = 0.03;
/// Processes below which intervals are much wider than their number alone explains.
const FEW_PROCESSES: usize = 4;
/// Iterations below which medians say little.
const FEW_ITERATIONS: usize = 5;
/// What drift and two modes must amount to before they are told.
const MATERIAL: f64 = 1.02;
/// Rate of false findings of drift.
const DRIFT_RATE: f64 = 0.01;
/// Probability below which two modes are told.
const MODES_P: f64 = 0.001;
/// Difference in ns that two modes must have: clocks step by less, and steps are no modes.
const CLOCK_NS: f64 = 50.0;
/// Share of series above which a finding is more than a note.
const MANY: f64 = 0.05;

/// The control of each session that has one, in their order.
pub(super) fn controls(cells: &Cells<'_>) -> Vec<Control> {
    (0..cells.sessions.len())
        .filter_map(|source| control(cells, source))
        .collect()
}

fn control(cells: &Cells<'_>, source: usize) -> Option<Control> {
    let session = &cells.sessions[source];
    if session.head.kind == Kind::Counts {
        return None;
    }
    let control = session
        .head
        .competitors
        .iter()
        .find(|c| c.control_of.is_some())?;
    let original = control.control_of.as_ref()?;
    let ratio = |event: Event| {
        let of_program = |program: &bakeoff_samples::Program| {
            let above = cells.of(source, event, &program.name, &control.name)?;
            let below = cells.of(source, event, &program.name, original)?;
            Some(above.location.over(&below.location))
        };
        let ratios: Vec<Resampled> = session
            .head
            .programs
            .iter()
            .filter_map(of_program)
            .collect();
        let mean = Resampled::geometric_mean(&ratios.iter().collect::<Vec<_>>())?;
        Some((event, mean.estimate(Control::LEVEL)?))
    };
    let ratios: Vec<_> = [Event::Compile, Event::Run]
        .into_iter()
        .filter_map(ratio)
        .collect();
    // Draws of the iterations of one process do not know what differs between processes.
    let can_tell = session.processes.len() > 1;
    (!ratios.is_empty()).then(|| Control {
        source,
        competitor: control.name.clone(),
        differs: can_tell && ratios.iter().any(|(_, r)| !r.contains(1.0)),
        ratios,
    })
}

/// All failures, each once.
pub(super) fn failures(sessions: &[Session]) -> Vec<[String; 4]> {
    let mut failures: Vec<[String; 4]> = Vec::new();
    for failure in sessions.iter().flat_map(|s| &s.failures) {
        let (program, competitor) = (&failure.program, &failure.competitor);
        if !failures
            .iter()
            .any(|[p, c, _, _]| p == program && c == competitor)
        {
            let (status, reason) = (failure.status.name().to_string(), failure.reason.clone());
            failures.push([program.clone(), competitor.clone(), status, reason]);
        }
    }
    failures
}

/// All warnings, gravest first.
pub(super) fn warnings(
    sessions: &[Session],
    united: &United,
    controls: &[Control],
    work: &Work,
) -> Vec<Warning> {
    let mut list = List::default();
    let mut dips = DipTest::default();
    for (source, session) in sessions.iter().enumerate() {
        list.of(session);
        let control = controls.iter().find(|c| c.source == source);
        list.build(session);
        list.machine(session);
        list.control(session, control);
        list.baseline(session);
        list.size(session);
        list.notices(session);
        list.failures(session);
        list.shapes(session, &mut dips);
    }
    list.session.clear();
    list.union(sessions, united, work);
    list.warnings.sort_by_key(|w| w.severity);
    list.warnings
}

/// Warnings of one session in itself, with its name before them where there are others.
pub(super) fn of_session(session: &Session, control: Option<&Control>) -> Vec<Warning> {
    let mut list = List::default();
    list.of(session);
    list.build(session);
    list.control(session, control);
    list.size(session);
    list.warnings
}

/// `1 thing`, `2 things`.
fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[derive(Default)]
struct List {
    session: String,
    warnings: Vec<Warning>,
}

impl List {
    fn of(&mut self, session: &Session) {
        self.session = format!("{}: ", name(session));
    }

    fn add(&mut self, severity: Severity, message: String) {
        let message = format!("{}{message}", self.session);
        self.warnings.push(Warning { severity, message });
    }

    fn build(&mut self, session: &Session) {
        let build = &session.head.fingerprint.build;
        if build.profile == "debug" {
            self.add(
                Severity::Invalid,
                "measured by a debug build, in which everything is slower and not by the same factor.".to_string(),
            );
        }
        match build.dirty {
            Some(false) => {}
            Some(true) => self.add(
                Severity::Doubtful,
                format!(
                    "the sources were changed since revision {}, so nobody else can build the \
                    same.",
                    build.revision
                ),
            ),
            None => self.add(
                Severity::Note,
                format!(
                    "it is not known whether the sources were changed since revision {}.",
                    build.revision
                ),
            ),
        }
    }

    fn machine(&mut self, session: &Session) {
        if let Some(hypervisor) = &session.head.fingerprint.machine.virtualised {
            self.add(
                Severity::Note,
                format!("the machine is virtual ({hypervisor}); who else runs on its host cannot be seen."),
            );
        }
        let shares = |share: fn(&bakeoff_samples::End) -> Option<f64>| {
            let ends = session
                .processes
                .iter()
                .map(|p| (share(&p.end).unwrap_or(0.0), p.end.process));
            let busy: Vec<_> = ends.filter(|(share, _)| *share > BUSY).collect();
            let worst = busy.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
            worst.map(|(share, process)| (busy.len(), 100.0 * share, process))
        };
        let all = session.processes.len();
        if let Some((busy, percent, process)) = shares(|end| end.others) {
            self.add(
                Severity::Doubtful,
                format!(
                    "other programs kept the machine busy during {busy} of {all} processes; \
                    most during process {process}, {percent:.0} % of its time."
                ),
            );
        }
        if let Some((busy, percent, process)) = shares(|end| end.stolen) {
            self.add(
                Severity::Doubtful,
                format!(
                    "the host gave the machine's time to others during {busy} of {all} \
                    processes; most during process {process}, {percent:.0} % of it."
                ),
            );
        }
    }

    fn control(&mut self, session: &Session, control: Option<&Control>) {
        let Some(control) = control else {
            if session.head.kind == Kind::Times {
                self.add(
                    Severity::Note,
                    "there is no control, so nothing shows whether equal things were measured equal.".to_string(),
                );
            }
            return;
        };
        let percent = |x: f64| 100.0 * (x - 1.0);
        for (event, ratio) in &control.ratios {
            let interval = format!(
                "{:+.1} % to {:+.1} %",
                percent(ratio.low),
                percent(ratio.high)
            );
            if control.differs && !ratio.contains(1.0) {
                self.add(
                    Severity::Invalid,
                    format!(
                        "the control {} is the baseline once more, but its {event} differs from \
                        it by {:+.1} % (99 % interval {interval}): nothing of this session can be \
                        trusted.",
                        control.competitor,
                        percent(ratio.value)
                    ),
                );
            } else if ratio.half_width() > CONTROL_WIDTH {
                self.add(
                    Severity::Doubtful,
                    format!("the control says little: its {event} may differ from the baseline's by \
                        {interval} (99 % interval), so a difference of 3 % would go unseen. Measure \
                        more processes."),
                );
            }
        }
    }

    fn baseline(&mut self, session: &Session) {
        let baseline = &session.head.baseline;
        if session.head.kind == Kind::Scaling {
            return;
        }
        if !session.head.competitors.iter().any(|c| c.name == *baseline) {
            self.add(
                Severity::Doubtful,
                format!("the baseline {baseline} was not measured, so there are no ratios."),
            );
        }
        let failed = session
            .failures
            .iter()
            .filter(|f| f.competitor == *baseline);
        let programs: BTreeSet<&str> = failed.map(|f| f.program.as_str()).collect();
        if !programs.is_empty() {
            let names: Vec<&str> = programs.iter().copied().collect();
            self.add(
                Severity::Doubtful,
                format!(
                    "the baseline {baseline} failed on {} ({}): no ratios there, and no part in means.",
                    count(names.len(), "program"),
                    names.join(", ")
                ),
            );
        }
    }

    fn size(&mut self, session: &Session) {
        if session.head.kind == Kind::Counts {
            return;
        }
        match session.processes.len() {
            1 => self.add(
                Severity::Doubtful,
                "one process only: intervals say what other iterations of this process would give, \
                    and nothing of other processes. Not even the control can be judged.".to_string(),
            ),
            2 => self.add(
                Severity::Doubtful,
                "two processes only: intervals are right and very wide (6.5 times those of many \
                    processes).".to_string(),
            ),
            few if few < FEW_PROCESSES => self.add(
                Severity::Note,
                format!("{few} processes only: intervals are right and wide (2.2 times those of many processes)."),
            ),
            _ => {}
        }
        let iterations = |p: &bakeoff_samples::Process| {
            p.samples
                .iter()
                .map(|s| s.iteration as usize)
                .max()
                .unwrap_or(0)
        };
        let fewest = session.processes.iter().map(iterations).min().unwrap_or(0);
        if fewest == 0 {
            self.add(
                Severity::Doubtful,
                "a process has nothing but its cold iteration, so there are no times.".to_string(),
            );
        } else if fewest < FEW_ITERATIONS {
            self.add(
                Severity::Note,
                format!(
                    "a process has {} only: medians of so few do not leave interrupted ones out.",
                    count(fewest, "iteration")
                ),
            );
        }
    }

    fn notices(&mut self, session: &Session) {
        // Many cells may have the same trouble: one warning for each event.
        let (mut zero, mut varies) = (BTreeMap::new(), BTreeMap::new());
        for notice in &session.notices {
            let (counts, event) = match notice {
                Notice::ZeroTime { event, .. } => (&mut zero, *event),
                Notice::Varies { event, .. } => (&mut varies, *event),
                Notice::CutOff { .. } | Notice::Truncated { .. } => {
                    self.add(Severity::Note, format!("{notice}."));
                    continue;
                }
            };
            let (count, _) = counts.entry(event).or_insert((0, notice));
            *count += 1;
        }
        for (count, first) in zero.values().chain(varies.values()) {
            let more = if *count > 1 {
                format!(", and {} more like it", count - 1)
            } else {
                String::new()
            };
            self.add(Severity::Note, format!("{first}{more}."));
        }
    }

    fn failures(&mut self, session: &Session) {
        for status in [Status::Wrong, Status::Trap, Status::Unsupported] {
            let of_status = |f: &&bakeoff_samples::Failure| f.status == status;
            let failed: BTreeSet<(&str, &str)> = session
                .failures
                .iter()
                .filter(of_status)
                .map(|f| (f.program.as_str(), f.competitor.as_str()))
                .collect();
            let Some((program, competitor)) = failed.first() else {
                continue;
            };
            let severity = match status {
                Status::Unsupported => Severity::Note,
                Status::Wrong | Status::Trap => Severity::Doubtful,
            };
            let what = match status {
                Status::Wrong => "wrong answers or refused programs",
                Status::Trap => "traps",
                Status::Unsupported => "unsupported programs",
            };
            let message = format!(
                "{what} in {}, of which {competitor} on {program} is the first: no figures there.",
                count(failed.len(), "case")
            );
            self.add(severity, message);
        }
    }

    /// Drift and two modes.
    fn shapes(&mut self, session: &Session, dips: &mut DipTest) {
        let mut drifts: Vec<(String, Drift)> = Vec::new();
        let mut modes = Vec::new();
        let mut all = 0_u32;
        for event in [Event::Compile, Event::Run] {
            for program in &session.head.programs {
                for competitor in &session.head.competitors {
                    let Some(series) = session.series(event, &program.name, &competitor.name)
                    else {
                        continue;
                    };
                    all += 1;
                    let place = || format!("{event} of {} on {}", program.name, competitor.name);
                    drifts.extend(drift(&series).map(|d| (place(), d)));
                    let two = dips.bimodality(&series);
                    let ns = location(&series).unwrap_or(0.0);
                    let told = two.filter(|b| {
                        let distance_ns = ns * (b.apart - 1.0);
                        b.p < MODES_P && b.apart > MATERIAL && distance_ns > CLOCK_NS
                    });
                    modes.extend(told.map(|b| (place(), b)));
                }
            }
        }
        let severity = |found: usize| {
            if found as f64 > MANY * f64::from(all) {
                Severity::Doubtful
            } else {
                Severity::Note
            }
        };
        let p: Vec<f64> = drifts.iter().map(|(_, d)| d.p).collect();
        let found = discoveries(&p, DRIFT_RATE);
        let size = |d: &Drift| d.change.max(1.0 / d.change);
        let drifts: Vec<_> = drifts
            .into_iter()
            .zip(found)
            .filter(|((_, d), found)| *found && size(d) > MATERIAL)
            .map(|(drift, _)| drift)
            .collect();
        if let Some((place, worst)) = drifts
            .iter()
            .max_by(|a, b| size(&a.1).total_cmp(&size(&b.1)))
        {
            let message = format!(
                "{} of {all} series drift: their values rise or fall from the first to the last \
                    iteration of a process. Most does {place}, by {:+.0} %.",
                drifts.len(),
                100.0 * (worst.change - 1.0)
            );
            self.add(severity(drifts.len()), message);
        }
        if let Some((place, worst)) = modes.iter().max_by(|a, b| a.1.apart.total_cmp(&b.1.apart)) {
            let message = format!(
                "{} of {all} series have two modes, between which a median means little. Furthest \
                    apart are those of {place}, by {:.0} %, with {:.0} % of the values in the rarer \
                    one.",
                modes.len(),
                100.0 * (worst.apart - 1.0),
                100.0 * worst.minority
            );
            self.add(severity(modes.len()), message);
        }
    }

    /// What is about sessions together.
    fn union(&mut self, sessions: &[Session], united: &United, work: &Work) {
        if !united.has_baseline {
            let name = &united.competitors[united.baseline].name;
            self.add(
                Severity::Doubtful,
                format!("nobody measured the baseline {name}: there are no ratios at all."),
            );
        }
        let Some(source) = work.source() else {
            return;
        };
        let here = work.competitors(source);
        let others = sessions
            .iter()
            .enumerate()
            .filter(|(s, other)| *s != source && other.head.kind == Kind::Times);
        let is_here = |name: &str| here.iter().any(|c| united.competitors[*c].name == name);
        let mut left_out: Vec<&str> = others
            .flat_map(|(_, session)| &session.head.competitors)
            .filter(|c| c.control_of.is_none() && !is_here(&c.name))
            .map(|c| c.name.as_str())
            .collect();
        left_out.sort_unstable();
        left_out.dedup();
        if !left_out.is_empty() {
            let message = format!(
                "break-even is about {} alone, and {} have no part in it: times of different hours \
                    are not set against each other.",
                name(&sessions[source]),
                left_out.join(", ")
            );
            self.add(Severity::Note, message);
        }
    }
}

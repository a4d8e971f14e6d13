//! Every number of a report, derived from sessions.
//!
//! Ratios are to the baseline: above 1 is more, so slower or larger. Intervals are of 95 %. A number that cannot
//! be had (a backend failed, an event was not measured, a time is zero) is `None`, and a figure has a gap there. The
//! interval of a single value is from 0 to infinity; the upper end of a break-even that may never come is infinite.
//!
//! The suite is what it is: intervals say how well a mean over *these* programs is known, not what other programs
//! would give.
//!
//! ```text
//! sessions ── unite ──► one list of programs, one of competitors          errors: mixed machines, revisions, doubled cells
//!                │
//!                ▼
//!             cells: a location of each event, program and competitor, with its draws
//!                ├─ figures ───► locations, ratios, means, totals
//!                ├─ payback ───► break-even, lower envelope
//!                ├─ growth ────► exponents, slopes
//!                └─ trust ─────► control, warnings                        two sessions ── compare ──► Comparison
//! ```
//!
//! Ratios are made within a session, where both sides were measured in turn, and never across sessions. All draws of a
//! session are shared, those of two sessions are independent: so whatever is computed of several series has the right
//! interval.

mod cells;
mod compare;
mod error;
mod figures;
mod growth;
mod payback;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trust;
mod unite;

use bakeoff_samples::{Competitor, Event, Kind, Program, Session};
use bakeoff_statistics::Estimate;

use self::cells::Cells;
pub use self::compare::{Change, Comparison, EventChanges, Verdict, compare};
pub use self::error::AnalysisError;
use self::unite::United;

/// Analyses sessions that belong into one report.
///
/// They must be of one machine and one revision, with equal settings. A competitor is the same in all sessions if its
/// name is, so is a program. Sessions of the same kind share the baseline at most, which is in each of them for the
/// sake of ratios; its own values are those of the session that is named first. Where sessions of different kinds have
/// the same event (sizes of code), the one with times is preferred.
///
/// # Errors
/// If there is no session, or if sessions do not belong together.
pub fn analyse(sessions: &[Session]) -> Result<Analysis, AnalysisError> {
    let united = unite::unite(sessions)?;
    let cells = Cells::new(sessions, &united);
    let mut events = Vec::new();
    let mut break_even = payback::Work::default();
    for event in Event::ALL.iter().copied() {
        let grid = cells.grid(event);
        events.extend(figures::figures(&cells, event, &grid));
        break_even.keep(event, grid);
    }
    let controls = trust::controls(&cells);
    let warnings = trust::warnings(sessions, &united, &controls, &break_even);
    let United {
        sources,
        programs,
        competitors,
        baseline,
        ..
    } = united.clone();
    Ok(Analysis {
        sources,
        programs,
        competitors,
        baseline,
        events,
        break_even: break_even.break_even(),
        scaling: growth::growth(&cells),
        control: controls
            .into_iter()
            .max_by_key(|c| (c.differs, std::cmp::Reverse(c.source))),
        warnings,
        failures: trust::failures(sessions),
    })
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The sessions that it is made of, in the order of the command line.
    pub sources: Vec<Source>,
    /// The programs of figures by program; programs of families are in `scaling`.
    pub programs: Vec<Program>,
    /// The competitors, the control not among them.
    pub competitors: Vec<Competitor>,
    /// Index of the baseline among the competitors.
    pub baseline: usize,
    /// What was measured of each event that was measured at all, in the order of [`Event`].
    pub events: Vec<EventFigures>,
    /// What pays after how long.
    pub break_even: BreakEven,
    /// How compiling grows.
    pub scaling: Vec<Growth>,
    /// Whether the session can be trusted.
    pub control: Option<Control>,
    /// What a reader must know, gravest first.
    pub warnings: Vec<Warning>,
    /// Who is out for which program: program, competitor, status, reason.
    pub failures: Vec<[String; 4]>,
}

/// Where numbers come from.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// The directory's name.
    pub name: String,
    /// What its numbers are.
    pub kind: Kind,
    /// The command.
    pub command: String,
    /// When it began, in UTC.
    pub began: String,
    /// The machine, a line.
    pub machine: String,
    /// The build, a line.
    pub build: String,
    /// [`bakeoff_samples::Fingerprint::id`].
    pub fingerprint: String,
    /// Processes that ended.
    pub processes: usize,
    /// Samples that count.
    pub samples: usize,
}

/// An event on every program and competitor.
#[derive(Clone, Debug)]
pub struct EventFigures {
    /// The event.
    pub event: Event,
    /// Index of the source; of the first one, if there are several.
    pub source: usize,
    /// Indices of all sources that values are from, ascending.
    pub sources: Vec<usize>,
    /// By program and competitor: the location, in the event's unit.
    pub values: Vec<Vec<Option<Estimate>>>,
    /// By program and competitor: relative to the baseline.
    pub ratios: Vec<Vec<Option<Estimate>>>,
    /// By competitor: the geometric mean of the ratios over the programs that both have.
    pub means: Vec<Option<Mean>>,
    /// By competitor: the geometric mean of its ratios to the competitor that it is a variant of, over the programs that
    /// both have.
    pub ablations: Vec<Option<Mean>>,
    /// By competitor: the sum over those programs that every competitor with any value has, in the event's unit.
    pub totals: Vec<Option<Estimate>>,
    /// Samples that a location is made of: least and most.
    pub samples: (usize, usize),
}

/// A geometric mean over programs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mean {
    /// The ratio.
    pub ratio: Estimate,
    /// How many programs it is over.
    pub programs: usize,
}

/// Which compiler pays when. The work is the whole suite: every program compiled once, and run a number of times.
#[derive(Clone, Debug, Default)]
pub struct BreakEven {
    /// Index of the source. Other sessions of times are left out: their times are not of the same hours.
    pub source: usize,
    /// Indices of the programs that are the suite here: those that every competitor here has both times of.
    pub programs: Vec<usize>,
    /// The lines of the figure: competitor, time to compile all in ns, time to run all once in ns.
    pub lines: Vec<(usize, Estimate, Estimate)>,
    /// Each pair of competitors, of which the first compiles faster.
    pub pairs: Vec<Crossing>,
    /// Who is best, from which number of runs on; the first begins at 0.
    pub envelope: Vec<(f64, usize)>,
}

/// When a slower compiler has paid.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// Who compiles faster.
    pub quick: usize,
    /// Who compiles slower.
    pub thorough: usize,
    /// For the whole suite.
    pub suite: Payback,
    /// By program.
    pub programs: Vec<Option<Payback>>,
}

/// After how much the slower compiler has paid for itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Payback {
    /// Its code is not faster, by all that is known: never.
    Never,
    /// Its code is faster.
    After {
        /// The number of runs; the upper end is infinite if it may be never.
        runs: Estimate,
        /// The time that these runs take in the quicker compiler's code, in ns.
        work_ns: Estimate,
    },
}

/// How an event of a competitor grows with a dimension.
#[derive(Clone, Debug)]
pub struct Growth {
    /// Index of the source.
    pub source: usize,
    /// The family: what grows.
    pub family: String,
    /// The competitor.
    pub competitor: usize,
    /// The event: the time of the whole compilation, or of a phase.
    pub event: Event,
    /// Sizes and locations, ascending.
    pub points: Vec<(f64, Estimate)>,
    /// The slope of ln(time) over ln(size), over the upper half of the sizes, where constant costs weigh less.
    pub exponent: Estimate,
    /// Of a straight line: ns for each one more.
    pub slope_ns: Estimate,
    /// Of a straight line: ns of none.
    pub intercept_ns: Estimate,
}

/// One competitor measured under two names.
#[derive(Clone, Debug)]
pub struct Control {
    /// Index of the source.
    pub source: usize,
    /// Its name.
    pub competitor: String,
    /// The geometric mean of the ratios of the two, by event, at the level of [`Control::LEVEL`].
    pub ratios: Vec<(Event, Estimate)>,
    /// Whether the two differ in compiling or running: then nothing of the session can be trusted. One process cannot
    /// tell.
    pub differs: bool,
}

impl Control {
    /// The level of a control's intervals. Several events are looked at, and an honest session should pass.
    pub const LEVEL: f64 = 0.99;
}

/// How bad something is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Figures must not be used.
    Invalid,
    /// Figures are to be read with care.
    Doubtful,
    /// Good to know.
    Note,
}

/// What a reader must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, a sentence or two.
    pub message: String,
}

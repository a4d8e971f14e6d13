//! Every number of a report, derived from sessions.
//!
//! Ratios are to the baseline: above 1 is more, so slower or larger. Intervals are of 95 %. A number that cannot
//! be had (a backend failed, an event was not measured, a time is zero) is `None`, and a figure has a gap there.
//!
//! The suite is what it is: intervals say how well a mean over *these* programs is known, not what other programs
//! would give.

use bakeoff_samples::{Competitor, Event, Kind, Program};
use bakeoff_statistics::Estimate;

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
    /// Index of the source.
    pub source: usize,
    /// By program and competitor: the location, in the event's unit.
    pub values: Vec<Vec<Option<Estimate>>>,
    /// By program and competitor: relative to the baseline.
    pub ratios: Vec<Vec<Option<Estimate>>>,
    /// By competitor: the geometric mean of the ratios over the programs that both have.
    pub means: Vec<Option<Mean>>,
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
    /// Its name.
    pub competitor: String,
    /// The geometric mean of the ratios of the two, by event, at the level of [`Control::LEVEL`].
    pub ratios: Vec<(Event, Estimate)>,
    /// Whether the two differ: then nothing of the session can be trusted.
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

//! The figures of a report.
//!
//! A figure is drawn for the width of a page of two columns, and most also for one column. It shows numbers of an
//! [`Analysis`] and computes none; where there is no number there is a gap, and the caption tells of it.

pub mod ablations;
pub mod break_even;
pub mod changes;
pub mod forest;
pub mod labels;
pub mod look;
pub mod means;
pub mod pareto;
pub mod phases;
pub mod programs;
pub mod scaling;

use bakeoff_samples::{Event, Unit};
use bakeoff_statistics::Estimate;

use crate::analysis::{Analysis, EventFigures};
use crate::number::grouped;
use crate::scene::Scene;
use crate::sheet::DrawError;
use look::Looks;

/// How wide a figure is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// One column of two: 3.33 in.
    Column,
    /// Both columns: 7 in.
    Page,
}

impl Width {
    /// In points.
    pub const fn points(self) -> f64 {
        match self {
            Width::Column => 240.0,
            Width::Page => 504.0,
        }
    }
}

/// A figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// The name of its files, without extension.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, and where its numbers come from.
    pub caption: String,
    /// For the width of a page.
    pub page: Scene,
    /// For one column, where one is wide enough.
    pub column: Option<Scene>,
}

/// What every figure needs.
pub struct Context<'a> {
    /// The numbers.
    pub analysis: &'a Analysis,
    /// What competitors look like.
    pub looks: Looks,
}

impl<'a> Context<'a> {
    /// Of an analysis.
    pub fn new(analysis: &'a Analysis) -> Context<'a> {
        Context {
            analysis,
            looks: Looks::new(analysis),
        }
    }

    /// The name of a competitor.
    pub fn name(&self, competitor: usize) -> &'a str {
        let found = self.analysis.competitors.get(competitor);
        found.map_or("?", |c| c.name.as_str())
    }

    /// The name of the baseline.
    pub fn baseline(&self) -> &'a str {
        self.name(self.analysis.baseline)
    }

    /// The figures of an event, if it was measured. Who measured compiling only in a row (criterion does) has that for
    /// compiling.
    pub fn event(&self, event: Event) -> Option<&'a EventFigures> {
        let find = |event| self.analysis.events.iter().find(|f| f.event == event);
        match event {
            Event::Compile => find(Event::Compile).or_else(|| find(Event::CompileAgain)),
            _ => find(event),
        }
    }

    /// The figures of those of these events that were measured.
    pub fn events(&self, events: &[Event]) -> Vec<&'a EventFigures> {
        let mut found: Vec<&EventFigures> = Vec::new();
        for figures in events.iter().filter_map(|e| self.event(*e)) {
            if found.iter().all(|f| f.event != figures.event) {
                found.push(figures);
            }
        }
        found
    }

    /// What an interval and the numbers are, and where they come from; a sentence for each.
    pub fn origin(&self, figures: &[&EventFigures]) -> String {
        let sources = figures.iter().map(|f| f.source);
        let least = figures.iter().map(|f| f.samples.0).min().unwrap_or(0);
        let most = figures.iter().map(|f| f.samples.1).max().unwrap_or(0);
        let samples = match (least, most) {
            (0, 0) => String::new(),
            (least, most) if least == most => format!("Samples behind a value: {most}. "),
            (least, most) => format!("Samples behind a value: {least} to {most}. "),
        };
        let exact = figures.iter().all(|f| f.event.unit() != Unit::Ns);
        let interval = if exact {
            "The numbers are counts, the same in each run. "
        } else {
            "Intervals are of 95 %, by a bootstrap over processes. "
        };
        format!("{interval}{samples}{}", self.sources(sources))
    }

    /// The commands and fingerprints of sources.
    pub fn sources(&self, indices: impl IntoIterator<Item = usize>) -> String {
        let mut indices: Vec<usize> = indices.into_iter().collect();
        indices.sort_unstable();
        indices.dedup();
        let found = indices.iter().filter_map(|i| self.analysis.sources.get(*i));
        let told = found.map(|source| {
            format!(
                "Measured with `{}`: {} process{}, {} samples, fingerprint {}.",
                source.command,
                source.processes,
                if source.processes == 1 { "" } else { "es" },
                grouped(source.samples),
                source.fingerprint
            )
        });
        told.collect::<Vec<String>>().join(" ")
    }
}

/// What has a place on a logarithmic axis: the rest is a gap.
pub fn shown(estimate: Option<Estimate>) -> Option<Estimate> {
    estimate.filter(|e| e.value.is_finite() && e.value > 0.0)
}

/// What an event is called in a figure: the words, without a unit.
pub fn words(event: Event) -> &'static str {
    match event {
        Event::Compile => "compile time",
        Event::CompileAgain => "compile again",
        Event::FirstCall => "first call",
        Event::Run => "run time",
        Event::Analyse => "analyse",
        Event::Lower => "lower",
        Event::Allocate => "allocate",
        Event::Emit => "emit",
        Event::Link => "link",
        Event::Publish => "publish",
        Event::CodeBytes => "code size",
        Event::CodeInsts => "instructions in the code",
        Event::Relocations => "relocations",
        Event::Spills => "spilled values",
        Event::FrameBytes => "bytes of frames",
        Event::Allocations => "allocations",
        Event::AllocatedBytes => "bytes allocated",
        Event::PeakBytes => "peak memory of the compiler",
        Event::CompileInsts => "instructions executed to compile",
        Event::RunInsts => "instructions executed to run",
        Event::IrInsts => "instructions of the IR executed",
    }
}

/// Every figure that the analysis has numbers for, in the order of the page.
///
/// # Errors
/// If one cannot be drawn.
pub fn all(analysis: &Analysis) -> Result<Vec<Figure>, DrawError> {
    let context = Context::new(analysis);
    let c = &context;
    const TIMES: [Event; 3] = [Event::Compile, Event::Run, Event::CodeBytes];
    const COUNTS: [Event; 3] = [Event::CompileInsts, Event::RunInsts, Event::CodeInsts];
    let figures = [
        pareto::figure(c, "pareto", [Event::Compile, Event::Run])?,
        means::figure(c, "means", &TIMES)?,
        programs::figure(c, "programs", &[Event::Compile, Event::Run])?,
        phases::figure(c)?,
        break_even::figure(c)?,
        scaling::figure(c)?,
        programs::figure(c, "code", &[Event::CodeBytes])?,
        ablations::figure(c, "ablations", &TIMES)?,
        pareto::figure(c, "counts-pareto", [Event::CompileInsts, Event::RunInsts])?,
        means::figure(c, "counts-means", &COUNTS)?,
        programs::figure(c, "counts-programs", &COUNTS)?,
        ablations::figure(c, "counts-ablations", &COUNTS)?,
        means::figure(c, "memory", &[Event::PeakBytes, Event::Allocations])?,
    ];
    Ok(figures.into_iter().flatten().collect())
}

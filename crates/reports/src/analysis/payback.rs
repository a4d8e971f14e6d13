//! Break-even: which compiler pays when.
//!
//! ```text
//! time                      ╱ quick: compiles in a moment, its code is slow
//!      │                 ╱
//!      │              ╱      ─── thorough
//!      │           ╱ ───
//!      │ ─── ───╳               ╳ = (C_thorough - C_quick) / (R_quick - R_thorough) runs
//!      │     ╱
//!      └─────────────────────── runs
//! ```
//!
//! The quotient of two differences has no standard error worth the name (its denominator may be zero): its interval is
//! that of the draws, each of which gives a number of runs or never.

use bakeoff_samples::Event;
use bakeoff_statistics::Resampled;

use super::cells::{Grid, LEVEL};
use super::{BreakEven, Crossing, Payback};

/// The two grids that break-even is made of.
#[derive(Default)]
pub(super) struct Work {
    compile: Grid,
    run: Grid,
}

/// Times to compile and to run.
type Cost<'w> = (&'w Resampled, &'w Resampled);

impl Work {
    /// Keeps the grid of an event that is needed here.
    pub(super) fn keep(&mut self, event: Event, grid: Grid) {
        match event {
            Event::Compile => self.compile = grid,
            // For who measured compiling only in a row, as criterion does.
            Event::CompileAgain if self.compile.iter().flatten().all(Option::is_none) => {
                self.compile = grid;
            }
            Event::Run => self.run = grid,
            _ => {}
        }
    }

    /// The session that it is about: the first that has both times of anybody.
    pub(super) fn source(&self) -> Option<usize> {
        let both = self.compile.iter().flatten().zip(self.run.iter().flatten());
        let sources = both.filter_map(|(compile, run)| match (compile, run) {
            (Some(compile), Some(run)) if compile.source == run.source => Some(run.source),
            _ => None,
        });
        sources.min()
    }

    fn cost(&self, source: usize, program: usize, competitor: usize) -> Option<Cost<'_>> {
        let compile = self.compile[program][competitor]
            .as_ref()
            .filter(|c| c.source == source)?;
        let run = self.run[program][competitor]
            .as_ref()
            .filter(|c| c.source == source)?;
        Some((&compile.location, &run.location))
    }

    /// Who takes part.
    pub(super) fn competitors(&self, source: usize) -> Vec<usize> {
        let count = self.compile.first().map_or(0, Vec::len);
        let takes_part =
            |c: &usize| (0..self.compile.len()).any(|p| self.cost(source, p, *c).is_some());
        (0..count).filter(takes_part).collect()
    }

    /// Everything about it; empty if nobody has both times.
    pub(super) fn break_even(&self) -> BreakEven {
        let Some(source) = self.source() else {
            return BreakEven::default();
        };
        let competitors = self.competitors(source);
        let has_all = |p: &usize| {
            competitors
                .iter()
                .all(|c| self.cost(source, *p, *c).is_some())
        };
        let programs: Vec<usize> = (0..self.compile.len()).filter(has_all).collect();
        let total = |competitor: usize| {
            let costs = programs
                .iter()
                .filter_map(|p| self.cost(source, *p, competitor));
            let (compile, run): (Vec<_>, Vec<_>) = costs.unzip();
            (competitor, Resampled::sum(&compile), Resampled::sum(&run))
        };
        let totals: Vec<_> = if programs.is_empty() {
            Vec::new()
        } else {
            competitors.iter().copied().map(total).collect()
        };
        let line = |(competitor, compile, run): &(usize, Resampled, Resampled)| {
            Some((*competitor, compile.estimate(LEVEL)?, run.estimate(LEVEL)?))
        };
        let points: Vec<_> = totals
            .iter()
            .map(|(c, compile, run)| (*c, compile.value, run.value))
            .collect();
        BreakEven {
            source,
            programs,
            lines: totals.iter().filter_map(line).collect(),
            pairs: self.pairs(source, &totals),
            envelope: envelope(&points),
        }
    }

    fn pairs(&self, source: usize, totals: &[(usize, Resampled, Resampled)]) -> Vec<Crossing> {
        let mut order: Vec<_> = totals.iter().collect();
        order.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
        let mut pairs = Vec::new();
        for (place, (thorough, thorough_compile, thorough_run)) in order.iter().enumerate() {
            for (quick, quick_compile, quick_run) in &order[..place] {
                let whole = payback((quick_compile, quick_run), (thorough_compile, thorough_run));
                let of_program = |program: usize| {
                    let quick = self.cost(source, program, *quick)?;
                    payback(quick, self.cost(source, program, *thorough)?)
                };
                pairs.extend(whole.map(|suite| Crossing {
                    quick: *quick,
                    thorough: *thorough,
                    suite,
                    programs: (0..self.compile.len()).map(of_program).collect(),
                }));
            }
        }
        pairs
    }
}

/// After how many runs the thorough compiler has paid. At once, if it is not even slower to compile (as may be on
/// single programs) and its code is faster.
fn payback(quick: Cost<'_>, thorough: Cost<'_>) -> Option<Payback> {
    if thorough.1.value >= quick.1.value {
        return Some(Payback::Never);
    }
    let parts = [quick.0, quick.1, thorough.0, thorough.1];
    let runs = |v: &[f64]| match (v[2] - v[0], v[1] - v[3]) {
        (_, gain) if gain <= 0.0 => f64::INFINITY,
        (price, gain) => price.max(0.0) / gain,
    };
    let work = |v: &[f64]| runs(v) * v[1];
    Some(Payback::After {
        runs: Resampled::combine(&parts, runs).estimate(LEVEL)?,
        work_ns: Resampled::combine(&parts, work).estimate(LEVEL)?,
    })
}

/// Who is best from which number of runs on: competitor, time to compile, time to run.
fn envelope(lines: &[(usize, f64, f64)]) -> Vec<(f64, usize)> {
    let by_start = |a: &&(usize, f64, f64), b: &&(usize, f64, f64)| {
        a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2))
    };
    let Some(mut best) = lines.iter().min_by(by_start) else {
        return Vec::new();
    };
    let mut envelope = vec![(0.0, best.0)];
    loop {
        let crossing = |line: &(usize, f64, f64)| (line.1 - best.1) / (best.2 - line.2);
        let flatter = lines.iter().filter(|line| line.2 < best.2);
        // Of several that cross at the same place, the flattest goes on.
        let next = flatter.min_by(|a, b| {
            crossing(a)
                .total_cmp(&crossing(b))
                .then(a.2.total_cmp(&b.2))
        });
        let Some(next) = next else {
            return envelope;
        };
        envelope.push((crossing(next), next.0));
        best = next;
    }
}

//! Locations with their draws, which everything is computed of.

use bakeoff_samples::{Event, Kind, Session};
use bakeoff_statistics::{Bootstrap, Draws, Resampled};

use super::unite::United;

/// The level of intervals.
pub(super) const LEVEL: f64 = 0.95;

/// An event of a competitor on a program.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Index of the session.
    pub(super) source: usize,
    /// Where it lies.
    pub(super) location: Resampled,
    /// Of how many samples.
    pub(super) samples: usize,
}

/// Cells by program and competitor.
pub(super) type Grid = Vec<Vec<Option<Cell>>>;

/// Makes cells of sessions.
pub(super) struct Cells<'s> {
    /// The sessions.
    pub(super) sessions: &'s [Session],
    /// Their lists.
    pub(super) united: &'s United,
    /// The draws of each session.
    draws: Vec<Draws>,
}

impl<'s> Cells<'s> {
    pub(super) fn new(sessions: &'s [Session], united: &'s United) -> Cells<'s> {
        let draws = |(index, session): (usize, &Session)| {
            // Sessions are independent of each other, so each has draws of its own.
            let seed = 1 + index as u64;
            let bootstrap = Bootstrap {
                seed,
                ..Bootstrap::default()
            };
            bootstrap.draws(session.processes.len())
        };
        Cells {
            sessions,
            united,
            draws: sessions.iter().enumerate().map(draws).collect(),
        }
    }

    /// What a session has of an event of a competitor on a program. Times are drawn; other numbers are the same each
    /// time, and exact.
    pub(super) fn of(
        &self,
        source: usize,
        event: Event,
        program: &str,
        competitor: &str,
    ) -> Option<Cell> {
        let (session, draws) = (&self.sessions[source], &self.draws[source]);
        if !event.is_time() {
            let fact = session.fact(event, program, competitor)?;
            let location = draws.exact(fact as f64);
            return Some(Cell {
                source,
                location,
                samples: 1,
            });
        }
        let series = session.series(event, program, competitor)?;
        Some(Cell {
            source,
            location: draws.resample(&series)?,
            samples: series.iter().map(Vec::len).sum(),
        })
    }

    /// The cells of an event; sessions with times first, then in their order.
    pub(super) fn grid(&self, event: Event) -> Grid {
        let of_kind =
            |kind| (0..self.sessions.len()).filter(move |s| self.sessions[*s].head.kind == kind);
        let order: Vec<usize> = of_kind(Kind::Times).chain(of_kind(Kind::Counts)).collect();
        let cell = |program: &str, competitor: &str| {
            order
                .iter()
                .find_map(|source| self.of(*source, event, program, competitor))
        };
        let row = |program: &str| {
            let competitors = self.united.competitors.iter();
            competitors
                .map(|competitor| cell(program, &competitor.name))
                .collect()
        };
        self.united
            .programs
            .iter()
            .map(|program| row(&program.name))
            .collect()
    }
}

//! Recording a session: several processes, each of which visits everything in shuffled orders and hands rows over.
//!
//! ```text
//! record (parent)                        work (child, one after another)
//!   head ─► DIR/session.json
//!   for each process that is not there:
//!      start ─────────────────────────────► iteration 0, cold
//!      rows ─► DIR/rows.jsonl ◄──────────── rows of an iteration, when it is over
//!                                           iterations 1, 2, … until the number or the time is reached
//!      enough? ◄─────────────────────────── end
//! ```
//!
//! A child measures a [`Course`]: whatever can take a sample of a competitor on a program. Ours is [`Suite`];
//! other engines have their own. Nothing is written while something is timed: an iteration's rows are handed over
//! between iterations. A row that is in the file stays there, so that a measurement that was killed goes on where
//! its last process ended.

mod fingerprint;
mod parent;
mod suite;
mod telling;
mod worker;

use std::collections::BTreeMap;

use bakeoff_samples::{Competitor, Event, Program, Status};

pub use fingerprint::{LOCK, fingerprint, now, revision};
pub use parent::{Progress, RecordError, Recording, record};
pub use suite::{SCALING, Suite, Work, competitors};
pub use telling::{
    budget, command_line, default_dir, is_good, is_narrow, parse_time, summary, workers,
};
pub use worker::{Share, work};

/// What a sample has.
pub type Values = BTreeMap<Event, u64>;

/// Why a competitor is out for a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What it is.
    pub status: Status,
    /// In words.
    pub reason: String,
}

/// What can be measured.
pub trait Course {
    /// The programs, in the order of tables.
    fn programs(&self) -> Vec<Program>;

    /// The competitors, in the order of tables.
    fn competitors(&self) -> Vec<Competitor>;

    /// Visits a competitor on a program, both by their places in these lists, and yields a sample, or several of what
    /// is cheap and noisy; `cold` in the first iteration of a process, when facts are wanted, too. Every answer was
    /// checked.
    ///
    /// # Errors
    /// If the competitor does not do it, or answers wrongly: it is out for this program.
    fn visit(
        &mut self,
        program: usize,
        competitor: usize,
        cold: bool,
    ) -> Result<Vec<Values>, Refusal>;
}

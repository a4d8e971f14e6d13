//! Medians, ratios and their intervals, from samples taken in several processes.
//!
//! Terms:
//!
//! * A [`Series`] is what was measured of one thing: the values of each iteration of each process. Values are
//!   positive.
//! * Its *location* is the geometric mean, over processes, of the median over iterations. The median keeps
//!   interrupted iterations out; what differs from process to process is averaged, since there are few of them.
//! * An [`Estimate`] is a value with an interval.
//!
//! ```text
//! Series ──┬─ Draws::resample ──► Resampled ── combine ──► Resampled ── estimate ──► Estimate ──► enough?
//!          │                        locations, ratios, means, sums, break-even, fits
//!          ├─ Change::of ───────► a ratio of what was not measured together, and what of many is no chance
//!          ├─ cliffs_delta ─────► whether single runs differ visibly
//!          └─ drift, DipTest ───► what a median does not show
//! ```
//!
//! [`Bootstrap`] says how intervals are found, and why so. The crate knows nothing of what was measured.
#![forbid(unsafe_code)]

mod bootstrap;
mod change;
mod diagnostics;
mod dip;
mod distributions;
mod effect;
mod fits;
mod random;
mod series;
mod stopping;
mod summary;

pub use bootstrap::{Bootstrap, Draws, Resampled};
pub use change::{Change, discoveries};
pub use diagnostics::{Bimodality, DipTest, Drift, drift};
pub use distributions::{normal_cdf, student_cdf, student_critical};
pub use effect::{Magnitude, cliffs_delta};
pub use fits::{Line, LineFit, exponent, power_law, straight_line};
pub use random::Random;
pub use series::{location, process_logs};
pub use stopping::{FEWEST_TO_STOP, enough};
pub use summary::{Shuffle, geometric_mean, median};

/// Values by process and iteration.
pub type Series = [Vec<f64>];

/// A value and the interval that it is known to, at the level that was asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end; infinite where nothing bounds it.
    pub high: f64,
}

impl Estimate {
    /// A value without doubt.
    pub const fn exact(value: f64) -> Estimate {
        Estimate {
            value,
            low: value,
            high: value,
        }
    }

    /// Whether the interval holds a value.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Half the width of the interval, relative: 0.03 if it is 3 % to either side. Infinite where an end is, or where
    /// the interval reaches 0.
    pub fn half_width(&self) -> f64 {
        match (self.low, self.high) {
            (low, high) if low == high => 0.0,
            (low, high) if low > 0.0 => (high / low).sqrt() - 1.0,
            _ => f64::INFINITY,
        }
    }
}

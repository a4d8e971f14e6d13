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
//! The crate knows nothing of what was measured.
#![forbid(unsafe_code)]

mod summary;

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
}

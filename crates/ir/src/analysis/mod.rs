//! Analyses of function bodies: control flow, dominators, loops, live ranges.
//!
//! They are part of the compile time of the fast backends, so each keeps its buffers: `compute` fills
//! them anew for another function, and allocates only what the largest function so far did not need.
//! All are linear or nearly linear in the function, whatever its shape, and none recurses.
//!
//! They take functions whose blocks end in terminators with targets in range; a verified function is
//! one.

mod cfg;
mod dominators;
mod intervals;
mod liveness;
mod loops;
mod regions;

pub use cfg::Cfg;
pub use dominators::Dominators;
pub use intervals::{Interval, Intervals, Marked};
pub use liveness::{LiveRange, Liveness};
pub use loops::{LoopData, Loops};

#[cfg(test)]
mod tests;

//! Sessions whose truth is known.

mod changes;
mod numbers;
mod refusals;
mod telling;

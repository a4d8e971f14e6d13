//! Running programs on backends: loading them from files, checking what they answer, and measuring
//! what they cost.
//!
//! | module | what |
//! |---|---|
//! | `load` | modules and programs from files of any kind |
//! | `guest` | an instance of ours as the suite's programs want it |
//! | `measure` | one sample: compile, instantiate, run, check |
//! | `facts` | what is known of code without a clock |
//! | [`counts`] | counts instead of times |
//! | `compare` | many samples of many programs on many configurations, interleaved, in this process |
//! | [`record`] | sessions: several processes, raw rows kept in a directory |
//! | [`synthetic`] | modules of any size |
//!
//! A wrong answer is a failure, never a figure.
#![forbid(unsafe_code)]

mod compare;
pub mod counts;
mod facts;
mod guest;
mod load;
mod measure;
pub mod record;
pub mod synthetic;

use std::path::PathBuf;

pub use compare::{Compared, Comparison, Row, Status, compare};
pub use facts::{code_insts, facts};
pub use guest::InstanceGuest;
pub use load::{LoadError, LoadedModule, load_module, load_program};
pub use measure::{Failure, Sample, Subject, compile};

/// The directory of the suite's programs.
pub fn programs_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/programs"))
}

//! Differential testing: the same program on every backend, the same answer from all.
//!
//! | module | what |
//! |---|---|
//! | [`generate`] | modules at random: well typed, terminating, doing much |
//! | [`origin`] | what no two backends need agree on, and where it may not go |
//! | `case`, `observe`, `oracle` | a program and its calls, what they did, and whether all agree |
//! | [`host`], `soil` | what surrounds a case: imports, and a stack that looks the same each time |
//! | `draft`, `reduce` | programs that can be edited, and how a failing one becomes small |
//! | `worker`, `campaign` | child processes that run cases; progress and findings that survive a kill |
//! | `coverage`, `stats` | what was executed, to expose a generator that tests nothing |
//! | [`kill_rate`] | how many planted faults are found |
//! | [`clif`], `clif_writer` | Cranelift's own run tests; the IR as CLIF |
//! | [`wasm`] | random WebAssembly, with an interpreter from elsewhere as the outside oracle |
//! | [`targets`] | properties of any input at all, for fuzzing |
//! | [`page`] | sections of documentation that commands write |
//!
//! ARCHITECTURE.md draws how they work together.
#![forbid(unsafe_code)]

mod campaign;
mod case;
pub mod clif;
mod clif_writer;
mod coverage;
mod draft;
pub mod generate;
pub mod host;
pub mod kill_rate;
mod observe;
mod oracle;
pub mod origin;
pub mod page;
mod reduce;
mod rng;
mod soil;
mod stats;
pub mod targets;
pub mod wasm;
mod worker;

pub use campaign::{Campaign, CampaignError, Finding, Shard, State, Until};
pub use case::{Call, Case, CaseError};
pub use clif_writer::{Unwritable, to_clif};
pub use coverage::{Coverage, coverage};
pub use observe::{Difference, Observation, Obstacle, Outcome, difference, observe};
pub use oracle::{Class, Failure, Verdict, judge};
pub use reduce::{Reduced, reduce};
pub use rng::Rng;
pub use stats::Statistics;
pub use worker::{Judge, Launch, Source, Worker, WorkerError, serve};

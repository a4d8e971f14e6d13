//! The lines of the file of rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// A line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// A process begins. What was there of a process of the same number is void.
    Begin(Begin),
    /// A competitor was measured on a program once.
    Sample(Sample),
    /// A competitor is out for a program in this session.
    Failure(Failure),
    /// A process has done what it was to do.
    End(End),
}

/// The beginning of a process.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Begin {
    /// Its number, from 0 on.
    pub process: u32,
    /// What shuffles its orders.
    pub seed: u64,
    /// When, in ms since 1970.
    pub at_ms: u64,
    /// [`Fingerprint::id`](crate::Fingerprint::id) of who measures: a session that is resumed elsewhere is found out.
    pub fingerprint: String,
}

/// One measurement.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// The process.
    pub process: u32,
    /// The iteration; 0 is the cold one.
    pub iteration: u32,
    /// Its place in the order of that iteration, from 0 on.
    pub position: u32,
    /// When it ended, in ms after the process began.
    pub at_ms: u64,
    /// The program.
    pub program: String,
    /// The competitor.
    pub competitor: String,
    /// What was measured.
    pub values: BTreeMap<Event, u64>,
}

/// How a competitor fares on a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It gave another answer, or its code could not be made.
    Wrong,
    /// It trapped.
    Trap,
    /// It does not do something that the program needs.
    Unsupported,
}

impl Status {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Wrong => "wrong",
            Status::Trap => "trap",
            Status::Unsupported => "unsupported",
        }
    }
}

/// Why there is no figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The process that found it.
    pub process: u32,
    /// The program.
    pub program: String,
    /// The competitor.
    pub competitor: String,
    /// What it is.
    pub status: Status,
    /// In words.
    pub reason: String,
}

/// The end of a process.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct End {
    /// Its number.
    pub process: u32,
    /// How long it took, in ms.
    pub took_ms: u64,
    /// Share of the machine's processor time that others used meanwhile, 0 to 1; `None` if it cannot be told.
    pub others: Option<f64>,
    /// Share of the machine's processor time that the hypervisor gave to other machines, 0 to 1; `None` likewise.
    pub stolen: Option<f64>,
}

//! Measurements as data: who takes them and who shows them agree here and nowhere else.
//!
//! Terms:
//!
//! * A *session* is a measurement from its command to its end, kept in a directory.
//! * A *competitor* is what is compared: a backend configuration, or another engine.
//! * A *process* is one run of the program that measures; a session has several, because what differs from one
//!   process to the next (where memory lies, above all) does not average out within one.
//! * An *iteration* visits every competitor on every program once, in a shuffled order. Iteration 0 of a process is
//!   its *cold* one: nothing was compiled before. All figures are of the others unless they say so.
//! * An *event* is what was measured: a time, a size, a number. Its unit is part of its name.
//! * A *row* is a line of the file of rows: a process begins or ends, a sample (all events of one competitor on one program
//!   in one iteration), a failure.
//!
//! ```text
//! DIR/session.json     the head: what was asked for, on which machine, by which build
//! DIR/rows.jsonl       the rows, appended as they happen; or rows.jsonl.gz, when the session is packed
//! ```
//!
//! Only processes that ended count: what a killed one left behind is told ([`Notice`]) and left out.
//! Everything else, every median and every figure, is derived from these two files.
#![forbid(unsafe_code)]

mod criterion;
mod event;
mod fingerprint;
mod head;
mod read;
mod row;
mod write;

pub use criterion::{is_criterion, read_criterion};
pub use event::{Event, Unit, UnknownEvent};
pub use fingerprint::{Build, Fingerprint, Machine, fnv};
pub use head::{Competitor, Head, Kind, Program, Scale, Settings};
pub use read::{Notice, Process, ReadError, Session, read_head};
pub use row::{Begin, End, Failure, Row, Sample, Status};
pub use write::{Writer, pack};

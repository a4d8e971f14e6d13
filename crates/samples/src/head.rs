//! The head of a session: what was asked for.

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// What kind of numbers a session has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Times of programs.
    Times,
    /// Times of compiling programs that grow in one dimension. Nothing is run but to check answers.
    Scaling,
    /// Counts that are the same each time: one process, one iteration, no noise.
    Counts,
}

/// A program, as far as figures want to know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The suite that it is of.
    pub suite: String,
    /// Instructions of the IR in its module.
    pub module_insts: u64,
    /// Where it stands in a family that grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

/// A place in a family of programs that grow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scale {
    /// The family: what grows.
    pub family: String,
    /// How much of it there is.
    pub size: u64,
}

/// What is compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Competitor {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub about: String,
    /// The name of whom it is a variant, with something left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ablation_of: Option<String>,
    /// The name of whom it is a second time, as a control: both must measure the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_of: Option<String>,
    /// Whether it is one of the project's own compilers, of which growth is a mistake of ours.
    #[serde(default)]
    pub own: bool,
}

/// How it was measured.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// `quick` or `full`.
    pub size: String,
    /// Processes.
    pub processes: u32,
    /// Iterations of a process that count, if they were given and not left to the budget.
    pub iterations: Option<u32>,
    /// Time for all, in s.
    pub budget_s: Option<u64>,
    /// Half width of intervals, relative, at which measuring stops early.
    pub width: Option<f64>,
    /// What shuffles.
    pub seed: u64,
    /// What code may use of the processor: `host` or `baseline`.
    pub cpu: String,
    /// How memory is checked: `guard` or `explicit`.
    pub bounds_checks: String,
}

/// Everything about a session but its rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Version of the format: [`Head::FORMAT`].
    pub format: u32,
    /// What its numbers are.
    pub kind: Kind,
    /// The command that made it.
    pub command: String,
    /// When it began, in UTC: `2026-01-31T12:00:00Z`.
    pub began: String,
    /// How it was measured.
    pub settings: Settings,
    /// The programs, in the order of tables.
    pub programs: Vec<Program>,
    /// The competitors, in the order of tables.
    pub competitors: Vec<Competitor>,
    /// The name of the competitor that ratios are relative to.
    pub baseline: String,
    /// On which machine, by which build.
    pub fingerprint: Fingerprint,
}

impl Head {
    /// The version of the format that this crate reads and writes.
    pub const FORMAT: u32 = 1;
}

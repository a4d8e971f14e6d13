//! Statistics: what would show that the generator tests nothing.
//!
//! Everything here is a sum, so that shards merge by adding and a campaign that is continued goes on
//! adding.

use std::collections::BTreeMap;
use std::fmt::Write;

use bakeoff_ir::{Function, Op, Type};
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::coverage::coverage;
use crate::observe::Outcome;
use crate::oracle::Verdict;
use crate::rng::Rng;

/// One case in so many is run again to count what is executed.
const SAMPLED: usize = 16;

/// Whether the case of this number is run again. The numbers have no pattern, so that every shard has some.
pub(crate) fn is_sampled(number: u64) -> bool {
    Rng::new(0, number).below(SAMPLED) == 0
}

/// Sums over cases.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Cases that were judged.
    pub cases: u64,
    /// Functions with a body, blocks and instructions.
    pub functions: u64,
    /// Blocks of all bodies.
    pub blocks: u64,
    /// Instructions of all bodies.
    pub insts: u64,
    /// How calls ended on the reference: `values`, or the name of the trap.
    pub outcomes: BTreeMap<String, u64>,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Cases that a configuration says it does not do.
    pub unsupported: u64,
    /// Failures, findings counted once for each configuration.
    pub failures: u64,
    /// Cases that were run with counters.
    pub sampled: u64,
    /// Instructions of these.
    pub sampled_insts: u64,
    /// Instructions whose results nobody uses and that have no effect.
    pub dead_insts: u64,
    /// Blocks of these, and how many were executed.
    pub sampled_blocks: u64,
    /// Blocks that were executed.
    pub reached_blocks: u64,
    /// Edges of these.
    pub sampled_edges: u64,
    /// Edges that were followed.
    pub reached_edges: u64,
    /// Instructions in blocks that were executed, by op and types as the text form has them, in the
    /// cases that were run with counters.
    pub executed: BTreeMap<String, u64>,
    /// Time that judging took, in ns, the counting of coverage included.
    pub judging_ns: u64,
}

/// The name of a row of the op table at these types.
fn row_name(op: Op, t: Option<Type>, s: Option<Type>) -> String {
    let mut name = op.name().to_string();
    for ty in [t, s].into_iter().flatten() {
        let _ = write!(name, ".{ty}");
    }
    name
}

impl Statistics {
    /// Adds a case and what came of it.
    pub fn add_case(&mut self, number: u64, case: &Case, verdict: &Verdict) {
        self.cases += 1;
        for (_, _, body) in case.module.bodies() {
            self.functions += 1;
            self.blocks += body.block_count() as u64;
            self.insts += body.inst_count() as u64;
        }
        self.unsupported += u64::from(verdict.unsupported);
        self.failures += verdict.failures.len() as u64;
        if let Some(reference) = &verdict.reference {
            let start = reference.start.map(Outcome::Trap);
            for outcome in reference.calls.iter().chain(&start) {
                let name = match outcome {
                    Outcome::Values(_) => "values".to_string(),
                    Outcome::Trap(bakeoff_ir::TrapCode::User(_)) => "user".to_string(),
                    Outcome::Trap(code) => code.to_string(),
                };
                *self.outcomes.entry(name).or_default() += 1;
            }
            self.host_calls += reference.trace.calls;
        }
        if is_sampled(number) {
            self.add_coverage(case);
        }
    }

    fn add_coverage(&mut self, case: &Case) {
        let Some(coverage) = coverage(case) else {
            return;
        };
        self.sampled += 1;
        for (func, blocks, edges) in &coverage.bodies {
            let reached = |counts: &[u32]| counts.iter().filter(|count| **count > 0).count() as u64;
            self.sampled_blocks += blocks.len() as u64;
            self.reached_blocks += reached(blocks);
            self.sampled_edges += edges.len() as u64;
            self.reached_edges += reached(edges);
            let Some(body) = case.module.func(*func).body() else {
                continue;
            };
            self.sampled_insts += body.inst_count() as u64;
            self.dead_insts += dead(body);
            for (block, _) in body.blocks().zip(blocks).filter(|(_, count)| **count > 0) {
                for inst in body.inst_slice(block) {
                    let row = inst.op.info();
                    let t = (!row.t.is_empty()).then_some(inst.ty);
                    let s = (!row.s.is_empty()).then_some(inst.ty2);
                    *self.executed.entry(row_name(inst.op, t, s)).or_default() += 1;
                }
            }
        }
    }

    /// Adds the sums of another part of the campaign.
    pub fn merge(&mut self, other: &Statistics) {
        let counters = [
            (&mut self.cases, other.cases),
            (&mut self.functions, other.functions),
            (&mut self.blocks, other.blocks),
            (&mut self.insts, other.insts),
            (&mut self.sampled_insts, other.sampled_insts),
            (&mut self.dead_insts, other.dead_insts),
            (&mut self.host_calls, other.host_calls),
            (&mut self.unsupported, other.unsupported),
            (&mut self.failures, other.failures),
            (&mut self.sampled, other.sampled),
            (&mut self.sampled_blocks, other.sampled_blocks),
            (&mut self.reached_blocks, other.reached_blocks),
            (&mut self.sampled_edges, other.sampled_edges),
            (&mut self.reached_edges, other.reached_edges),
            (&mut self.judging_ns, other.judging_ns),
        ];
        counters.into_iter().for_each(|(sum, more)| *sum += more);
        for (map, more) in [
            (&mut self.outcomes, &other.outcomes),
            (&mut self.executed, &other.executed),
        ] {
            more.iter()
                .for_each(|(name, count)| *map.entry(name.clone()).or_default() += count);
        }
    }

    /// Rows of the op table, with their types, that were never executed in the cases that were looked at.
    pub fn never_executed(&self) -> Vec<String> {
        let rows = Op::ALL.iter().flat_map(|op| {
            let pairs = op.type_pairs().into_iter();
            pairs.map(|(t, s)| row_name(*op, t, s))
        });
        rows.filter(|name| !self.executed.contains_key(name))
            .collect()
    }

    /// Modules in a second of judging.
    pub fn modules_a_second(&self) -> f64 {
        self.cases as f64 / (self.judging_ns.max(1) as f64 / 1e9)
    }

    /// The sums as text for people.
    pub fn render(&self) -> String {
        let share = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
        let each = |sum: u64| sum as f64 / self.cases.max(1) as f64;
        let calls: u64 = self.outcomes.values().sum();
        let mut text = String::new();
        let mut line = |name: &str, what: String| {
            let _ = writeln!(text, "{name:<14}{what}");
        };
        line(
            "modules",
            format!("{} ({:.0} a second)", self.cases, self.modules_a_second()),
        );
        line(
            "a module",
            format!(
                "{:.1} functions, {:.1} blocks, {:.1} instructions, {:.1} host calls",
                each(self.functions),
                each(self.blocks),
                each(self.insts),
                each(self.host_calls)
            ),
        );
        line(
            "dead",
            format!(
                "{:.1} % of the instructions",
                share(self.dead_insts, self.sampled_insts)
            ),
        );
        line(
            "reached",
            format!(
                "{:.1} % of the blocks, {:.1} % of the edges (in {} modules)",
                share(self.reached_blocks, self.sampled_blocks),
                share(self.reached_edges, self.sampled_edges),
                self.sampled
            ),
        );
        let mut outcomes: Vec<(&String, &u64)> = self.outcomes.iter().collect();
        outcomes.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
        let ended: Vec<String> = outcomes
            .iter()
            .map(|(name, count)| format!("{name} {:.2} %", share(**count, calls)))
            .collect();
        line("calls", format!("{calls}: {}", ended.join(", ")));
        let missing = self.never_executed();
        let rows: usize = Op::ALL.iter().map(|op| op.type_pairs().len()).sum();
        line(
            "ops",
            format!(
                "{} of {rows} rows of the op table executed",
                rows - missing.len()
            ),
        );
        if !missing.is_empty() {
            line("not executed", missing.join(" "));
        }
        line("unsupported", self.unsupported.to_string());
        line("failures", self.failures.to_string());
        text
    }
}

/// Instructions without effect whose results are not used, directly or by others of the kind.
fn dead(body: &Function) -> u64 {
    let mut draft = crate::draft::Draft::of(body);
    let before = draft.inst_count();
    draft.tidy();
    (before - draft.inst_count()) as u64
}

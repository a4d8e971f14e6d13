//! The generator: from a seed and a number to a module that is well typed, terminates, and does much.
//!
//! ```text
//! plan ── signatures, memories, globals, tables, who may call whom
//!   │
//!   └─► function, one after another, callees first, because their cost must be known
//!          control    if, loop, br_table, irreducible regions, exits
//!          compute    every op that makes scalars from scalars, at every type
//!          access     linear memories, stack slots, globals, tables
//!          calls      direct, indirect, raw, host, tail, recursive
//! ```
//!
//! Terms
//! * The *pool* holds the values that may be used here, by type; a block that does not dominate what
//!   follows gives back what it added.
//! * A *profile* says how likely each kind of statement is in a function. Kinds are left out at random:
//!   what a function does not do gives room to what it does (Groce et al., "Swarm testing", ISSTA 2012).
//! * *Cost* is an upper bound of the instructions that a call can execute. Statements are added as long
//!   as the budget of their function allows.
//! * A *risk* is a statement that may trap. A function takes few, so that most of it is reached.
//!
//! Termination: loops count; a function calls only functions behind it, or *guarded* ones, which
//! begin by taking one from the global `fuel` and return at once if there is none.
//!
//! A case is a function of its seed and number alone.

mod access;
mod calls;
mod compute;
mod constants;
mod control;
mod function;
mod plan;

use std::sync::Arc;

use bakeoff_backend::{BoundsChecks, Cpu, Options};
use bakeoff_ir::{Func, Module, Type};

use crate::case::{Call, Case};
use crate::rng::Rng;
use plan::{Kind, Plan};

/// Sets of arguments that each exported function is called with.
const INPUTS: usize = 3;

/// What modules may consist of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// All that there is.
    Everything,
    /// Functions over scalars and stack slots: no imports, memories, globals or tables.
    Scalars,
}

/// The case of this number in the campaign of this seed.
pub fn case(seed: u64, number: u64) -> Case {
    case_within(Reach::Everything, seed, number)
}

/// The case of this number, out of modules that consist of this.
pub fn case_within(reach: Reach, seed: u64, number: u64) -> Case {
    let mut rng = Rng::new(seed, number);
    let options = Options {
        bounds_checks: match rng.percent(25) {
            true => BoundsChecks::Explicit,
            false => BoundsChecks::Guard,
        },
        cpu: match rng.percent(25) {
            true => Cpu::Baseline,
            false => Cpu::Host,
        },
    };
    let (mut module, mut plan) = plan::plan(reach, &mut rng);
    for func in plan.order() {
        let (body, cost) = function::body(&module, &plan, func, &mut rng);
        module.define(func, body);
        plan.set_cost(func, cost);
    }
    let calls = calls_of(&module, &plan, &mut rng);
    Case {
        module: Arc::new(module),
        calls,
        options,
    }
}

/// A digest of the first cases: another generator has another one.
pub fn digest() -> u64 {
    let text: String = (0..DIGESTED)
        .map(|number| case(0, number).to_text(None))
        .collect();
    // FNV-1a, which is the same everywhere and for ever.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Cases that are digested: enough to meet most of the generator.
const DIGESTED: u64 = 100;

fn calls_of(module: &Module, plan: &Plan, rng: &mut Rng) -> Vec<Call> {
    let mut calls = Vec::new();
    let exported: Vec<(&str, Func)> = module.exported_funcs().collect();
    for _ in 0..INPUTS {
        for (name, func) in &exported {
            let exhausts = plan.kind(*func) == Kind::Overflowing;
            // Filling the stack takes long, and does the same each time.
            if exhausts && calls.iter().any(|call: &Call| call.name == *name) {
                continue;
            }
            let params: &[Type] = &module.func_sig(*func).params;
            let args = params
                .iter()
                .map(|ty| constants::scalar(*ty, rng))
                .collect();
            calls.push(Call {
                name: name.to_string(),
                args,
            });
        }
    }
    calls
}

#[cfg(test)]
mod tests;

//! Variables to SSA values, after Braun et al. (CC 2013), without recursion.
//!
//! `definitions` maps (block, variable) to the value at the end of that block so far. Reading walks up
//! chains of single predecessors; where edges of several blocks meet it makes a *phi*: a block
//! parameter whose operand on each edge is the variable's value at the end of that edge's source.
//! Operands are read from a worklist rather than by recursion, so that the depth of a program never becomes the depth of
//! the machine stack. A phi whose operands are all one value (or the phi itself) is *trivial*: it
//! becomes an alias of that value, at once if possible, else when the function is finished.

use std::cell::Cell;

use rustc_hash::FxHashMap;

use super::{BlockState, BuildError, FunctionBuilder};
use crate::entity::{Block, Value};
use crate::types::Type;

/// A mutable variable of the source program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Variable(u32);

/// A block parameter made for a variable.
pub(super) struct Phi {
    pub(super) block: Block,
    variable: Variable,
    pub(super) value: Value,
    /// One operand for each edge into the block, in their order; empty until the block is sealed.
    pub(super) operands: Vec<Value>,
}

/// Marks a value that stands for itself.
const NOT_ALIASED: Value = Value(u32::MAX);

/// The state of the construction.
#[derive(Default)]
pub(super) struct Ssa {
    variable_types: Vec<Type>,
    definitions: FxHashMap<(Block, Variable), Value>,
    pub(super) phis: Vec<Phi>,
    /// Phis of blocks that are not sealed.
    incomplete: FxHashMap<Block, Vec<u32>>,
    /// What stands for a value that is no more, by index; `NOT_ALIASED`, or nothing at all, where the
    /// value stands for itself. Dense, since every operand is looked up here once. Cells, so that
    /// looking up can shorten what it walks along.
    aliases: Vec<Cell<Value>>,
    /// The zero that an undefined variable of each type reads as.
    pub(super) undefined: Vec<(Type, Value)>,
}

impl Ssa {
    #[inline]
    fn alias(&self, value: Value) -> Option<Value> {
        let alias = self.aliases.get(value.index()).map(Cell::get);
        alias.filter(|alias| *alias != NOT_ALIASED)
    }

    /// The value that stands for `value`.
    ///
    /// Each of *n* nested loops that leave a variable alone makes an alias of the alias outside. So
    /// that this costs each user of the innermost one less than *n* steps, every value on the way gets
    /// the next but one as its alias.
    #[inline]
    pub(super) fn resolve(&self, mut value: Value) -> Value {
        let Some(mut next) = self.alias(value) else {
            return value;
        };
        while let Some(after) = self.alias(next) {
            self.aliases[value.index()].set(after);
            (value, next) = (next, after);
        }
        next
    }

    /// Makes `phi` stand for its only operand, if it has only one. Operands for which `counts` is
    /// false (those on edges from unreachable blocks) are passed over.
    pub(super) fn simplify(&mut self, phi: u32, counts: impl Fn(usize) -> bool) -> bool {
        let Phi {
            value, operands, ..
        } = &self.phis[phi as usize];
        let mut only = None;
        for (position, operand) in operands.iter().enumerate() {
            if !counts(position) {
                continue;
            }
            let operand = self.resolve(*operand);
            if operand == *value || Some(operand) == only {
                continue;
            }
            if only.is_some() {
                return false;
            }
            only = Some(operand);
        }
        let Some(only) = only else { return false };
        if self.aliases.len() <= value.index() {
            let none = Cell::new(NOT_ALIASED);
            self.aliases.resize(value.index() + 1, none);
        }
        self.aliases[value.index()].set(only);
        true
    }

    /// Whether `value` was replaced by another.
    pub(super) fn is_alias(&self, value: Value) -> bool {
        self.alias(value).is_some()
    }
}

impl FunctionBuilder<'_> {
    /// A new variable. Reading it where nothing was assigned gives zero.
    pub fn declare_variable(&mut self, ty: Type) -> Variable {
        self.ssa.variable_types.push(ty);
        Variable(self.ssa.variable_types.len() as u32 - 1)
    }

    /// Assigns a variable in the current block.
    pub fn define_variable(&mut self, variable: Variable, value: Value) {
        let block = self.current.expect("no block is being filled");
        self.ssa.definitions.insert((block, variable), value);
    }

    /// Reads a variable in the current block.
    pub fn use_variable(&mut self, variable: Variable) -> Value {
        let block = self.current.expect("no block is being filled");
        let first_new = self.ssa.phis.len();
        let value = self.read(block, variable);
        self.complete_from(first_new);
        let value = self.ssa.resolve(value);
        self.ssa.definitions.insert((block, variable), value);
        value
    }

    /// Declares that no further branch to the block will come.
    pub fn seal(&mut self, block: Block) {
        let state = &mut self.blocks[block.index()];
        if state.sealed {
            return;
        }
        state.sealed = true;
        for phi in self.ssa.incomplete.remove(&block).unwrap_or_default() {
            let first_new = self.ssa.phis.len();
            self.complete(phi);
            self.complete_from(first_new);
        }
    }

    /// The variable's value at the end of `block`, which may be a phi without operands as yet.
    fn read(&mut self, block: Block, variable: Variable) -> Value {
        let mut at = block;
        let value = loop {
            if let Some(value) = self.ssa.definitions.get(&(at, variable)) {
                break self.ssa.resolve(*value);
            }
            let BlockState { preds, sealed, .. } = &self.blocks[at.index()];
            match (sealed, preds.as_slice()) {
                (true, []) => break self.undefined(variable),
                // A block has one terminator and its edges are made side by side. So if first and
                // last are from one block, all are: a `br_table` may lead here a million times.
                (true, [first, .., last])
                    if self.edge_sources[*first as usize] == self.edge_sources[*last as usize] =>
                {
                    at = self.edge_sources[*first as usize];
                }
                (true, [edge]) => at = self.edge_sources[*edge as usize],
                (true, _) | (false, _) => break self.new_phi(at, variable),
            }
        };
        // The blocks of the chain get the definition too, so that the next walk is short.
        let mut on_way = block;
        while on_way != at {
            self.ssa.definitions.insert((on_way, variable), value);
            on_way = self.edge_sources[self.blocks[on_way.index()].preds[0] as usize];
        }
        self.ssa.definitions.insert((at, variable), value);
        value
    }

    fn undefined(&mut self, variable: Variable) -> Value {
        let ty = self.ssa.variable_types[variable.0 as usize];
        if let Some((_, value)) = self.ssa.undefined.iter().find(|(t, _)| *t == ty) {
            return *value;
        }
        let value = self.new_value(ty);
        self.ssa.undefined.push((ty, value));
        value
    }

    fn new_phi(&mut self, block: Block, variable: Variable) -> Value {
        let value = self.new_value(self.ssa.variable_types[variable.0 as usize]);
        let phi = self.ssa.phis.len() as u32;
        self.ssa.phis.push(Phi {
            block,
            variable,
            value,
            operands: Vec::new(),
        });
        if !self.blocks[block.index()].sealed {
            self.ssa.incomplete.entry(block).or_default().push(phi);
        }
        value
    }

    /// Completes all phis from this one on whose blocks are sealed, and those that this makes.
    fn complete_from(&mut self, first: usize) {
        let mut phi = first;
        while phi < self.ssa.phis.len() {
            if self.blocks[self.ssa.phis[phi].block.index()].sealed {
                self.complete(phi as u32);
            }
            phi += 1;
        }
        // Later phis are operands of earlier ones: from the back, most trivial ones fold at once.
        for phi in (first..self.ssa.phis.len()).rev() {
            if !self.ssa.phis[phi].operands.is_empty() {
                self.ssa.simplify(phi as u32, |_| true);
            }
        }
    }

    /// Reads the operands of a phi of a sealed block.
    fn complete(&mut self, phi: u32) {
        let Phi {
            block, variable, ..
        } = self.ssa.phis[phi as usize];
        let preds = self.blocks[block.index()].preds.len();
        let mut operands = Vec::with_capacity(preds);
        for position in 0..preds {
            let edge = self.blocks[block.index()].preds[position];
            let source = self.edge_sources[edge as usize];
            operands.push(self.read(source, variable));
        }
        self.ssa.phis[phi as usize].operands = operands;
        self.ssa.simplify(phi, |_| true);
    }

    /// An error if a variable is read in a block that was never sealed.
    pub(super) fn check_sealed(&self) -> Result<(), BuildError> {
        match self.ssa.incomplete.keys().min() {
            Some(block) => Err(BuildError::Unsealed(*block)),
            None => Ok(()),
        }
    }
}

//! Building functions: instructions in the order in which they are met, variables turned into SSA.
//!
//! A frontend creates blocks, switches to one, appends instructions until a terminator ends it, and
//! goes on with the next. Values that it keeps track of itself travel as block parameters; for
//! everything else there are [`Variable`]s, which may be assigned many times, and from which
//! [`ssa`] makes block parameters where they are needed (Braun et al., *Simple and Efficient
//! Construction of Static Single Assignment Form*, CC 2013).
//!
//! A block is *sealed* once all branches to it are there. Reading a variable in an unsealed block
//! adds a parameter for it, which sealing completes.
//!
//! [`FunctionBuilder::finish`] brings the function into canonical form (see
//! [`function`](crate::Function)): blocks in the order in which they were switched to, unreachable
//! ones dropped, values renumbered, parameters that carry one value only removed.
//!
//! Types of operands are not checked here; the verifier does that for every producer alike.

mod finish;
mod ops;
mod ssa;

use crate::entity::{Block, Inst, Sig, StackSlot, Value};
use crate::function::{EdgeData, InstData, StackSlotData};
use crate::module::Module;
use crate::ops::Op;
use crate::types::Type;

pub use ssa::Variable;

/// Why a function cannot be finished.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// A block is branched to and has no terminator.
    #[error("{0} is branched to, but was never filled")]
    Unfilled(Block),
    /// A block was not sealed although a variable is read in it.
    #[error("{0} was never sealed, but a variable is read there")]
    Unsealed(Block),
}

/// A block while it is built.
#[derive(Default)]
struct BlockState {
    /// Parameters that the frontend appended, then those made for variables.
    params: Vec<Value>,
    /// Instructions, contiguous; empty until the block is switched to.
    first_inst: u32,
    end_inst: u32,
    /// The edges that lead here, in the order in which they were made.
    preds: Vec<u32>,
    sealed: bool,
    filled: bool,
}

/// Builds one function. See the module documentation.
pub struct FunctionBuilder<'m> {
    module: &'m Module,
    blocks: Vec<BlockState>,
    /// Blocks in the order in which they were switched to.
    layout: Vec<Block>,
    current: Option<Block>,
    insts: Vec<InstData>,
    /// First result of each instruction and how many there are.
    results: Vec<(Value, u32)>,
    value_types: Vec<Type>,
    edges: Vec<EdgeData>,
    /// The block that each edge leaves.
    edge_sources: Vec<Block>,
    list: Vec<Value>,
    slots: Vec<StackSlotData>,
    ssa: ssa::Ssa,
}

impl<'m> FunctionBuilder<'m> {
    /// Begins a function of this signature. The entry block exists already and is sealed; its
    /// parameters are those of the function.
    pub fn new(module: &'m Module, sig: Sig) -> FunctionBuilder<'m> {
        let mut builder = FunctionBuilder {
            module,
            blocks: Vec::new(),
            layout: Vec::new(),
            current: None,
            insts: Vec::new(),
            results: Vec::new(),
            value_types: Vec::new(),
            edges: Vec::new(),
            edge_sources: Vec::new(),
            list: Vec::new(),
            slots: Vec::new(),
            ssa: ssa::Ssa::default(),
        };
        let entry = builder.create_block();
        for ty in &module.sig(sig).params {
            builder.append_param(entry, *ty);
        }
        builder.blocks[entry.index()].sealed = true;
        builder
    }

    /// The module that the function belongs to.
    pub fn module(&self) -> &'m Module {
        self.module
    }

    /// The entry block.
    pub fn entry(&self) -> Block {
        Block(0)
    }

    /// A new block without parameters.
    pub fn create_block(&mut self) -> Block {
        let block = Block::from_index(self.blocks.len());
        self.blocks.push(BlockState::default());
        block
    }

    /// Appends a parameter to a block.
    ///
    /// # Panics
    /// If the block is branched to already: its edges have been given their arguments.
    pub fn append_param(&mut self, block: Block, ty: Type) -> Value {
        let state = &self.blocks[block.index()];
        assert!(state.preds.is_empty(), "{block} is branched to already");
        let value = self.new_value(ty);
        self.blocks[block.index()].params.push(value);
        value
    }

    /// The parameters that were appended to a block.
    pub fn params(&self, block: Block) -> &[Value] {
        &self.blocks[block.index()].params
    }

    /// The block that instructions are appended to, if there is one that is not yet ended.
    pub fn current(&self) -> Option<Block> {
        self.current
    }

    /// Appends the following instructions to this block.
    ///
    /// # Panics
    /// If the block before is not ended, if this one was filled already, or if the first block
    /// switched to is not the entry.
    pub fn switch_to(&mut self, block: Block) {
        assert!(
            self.current.is_none(),
            "the block before {block} is not ended"
        );
        assert!(
            !self.layout.is_empty() || block == self.entry(),
            "the entry comes first"
        );
        let first_inst = self.insts.len() as u32;
        let state = &mut self.blocks[block.index()];
        assert!(!state.filled, "{block} is filled already");
        state.filled = true;
        state.first_inst = first_inst;
        self.layout.push(block);
        self.current = Some(block);
    }

    /// Whether any branch leads to the block so far.
    pub fn is_branched_to(&self, block: Block) -> bool {
        !self.blocks[block.index()].preds.is_empty()
    }

    /// The type of a value.
    pub fn value_type(&self, value: Value) -> Type {
        self.value_types[value.index()]
    }

    /// A new stack slot.
    pub fn create_stack_slot(&mut self, slot: StackSlotData) -> StackSlot {
        self.slots.push(slot);
        StackSlot::from_index(self.slots.len() - 1)
    }

    fn new_value(&mut self, ty: Type) -> Value {
        let value = Value::from_index(self.value_types.len());
        self.value_types.push(ty);
        value
    }

    /// Appends an instruction; its results are new values of these types, side by side.
    fn push(&mut self, data: InstData, result_types: &[Type]) -> Value {
        let block = self.current.expect("no block is being filled");
        let first = Value::from_index(self.value_types.len());
        self.value_types.extend_from_slice(result_types);
        let inst = Inst::from_index(self.insts.len());
        self.insts.push(data);
        self.results.push((first, result_types.len() as u32));
        if data.op.ends_block() {
            self.blocks[block.index()].end_inst = inst.0 + 1;
            self.current = None;
        }
        first
    }

    fn push_list(&mut self, values: &[Value]) -> (u32, u32) {
        let start = self.list.len() as u32;
        self.list.extend_from_slice(values);
        (start, values.len() as u32)
    }

    fn push_edge(&mut self, block: Block, args: &[Value]) {
        let source = self.current.expect("no block is being filled");
        let (start, len) = self.push_list(args);
        let edge = self.edges.len() as u32;
        self.edges.push(EdgeData { block, start, len });
        self.edge_sources.push(source);
        let target = &mut self.blocks[block.index()];
        assert!(!target.sealed, "{block} is sealed");
        target.preds.push(edge);
    }

    fn push_branch(&mut self, op: Op, operand: Option<Value>, edges: &[(Block, &[Value])]) {
        let start = self.edges.len() as u32;
        for (block, args) in edges {
            self.push_edge(*block, args);
        }
        let mut data = InstData::new(op, Type::I8);
        data.a = operand.map_or(0, |v| v.0);
        data.b = start;
        data.c = edges.len() as u32;
        self.push(data, &[]);
    }
}

#[cfg(test)]
mod tests;

//! Structured control: frames, branches, calls that end a function.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, Func, Sig, Table, TrapCode, Type, Value};
use rustc_hash::FxHashMap;
use wasmparser::{BlockType, BrTable};

use super::FuncTranslator;
use super::stack::Condition;
use crate::WasmError;
use crate::module::ir_type;

/// Beyond this many entries a `br_table` gets one edge a target, by way of a block between: SSA form
/// wants the values of all variables on each edge.
const MAX_DIRECT_EDGES: usize = 1024;

/// The type of a frame.
#[derive(Clone, Copy)]
pub(super) enum BlockSig {
    Empty,
    Result(Type),
    Sig(Sig),
}

/// What a frame is.
pub(super) enum FrameKind {
    Function,
    /// A block, an `if` without `else`, or an `if` in its `else` part.
    Block,
    Loop {
        header: Block,
    },
    /// An `if` before its `else`: where that begins, and its parameters.
    If {
        els: Block,
        params: Vec<Value>,
    },
}

/// A frame, see the module above.
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) sig: BlockSig,
    /// Height of the operand stack below the parameters.
    pub(super) base: usize,
    pub(super) exit: Option<Block>,
}

impl FuncTranslator<'_, '_> {
    fn block_sig(&self, ty: BlockType) -> BlockSig {
        match ty {
            BlockType::Empty => BlockSig::Empty,
            BlockType::Type(ty) => BlockSig::Result(ir_type(ty)),
            BlockType::FuncType(index) => BlockSig::Sig(self.env.types[index as usize]),
        }
    }

    fn param_count(&self, sig: BlockSig) -> usize {
        match sig {
            BlockSig::Empty | BlockSig::Result(_) => 0,
            BlockSig::Sig(sig) => self.env.module.sig(sig).params.len(),
        }
    }

    fn result_count(&self, sig: BlockSig) -> usize {
        match sig {
            BlockSig::Empty => 0,
            BlockSig::Result(_) => 1,
            BlockSig::Sig(sig) => self.env.module.sig(sig).results.len(),
        }
    }

    /// A new block with these parameters.
    fn block_with_params(&mut self, types: &[Type]) -> Block {
        let block = self.builder.create_block();
        for ty in types {
            self.builder.append_param(block, *ty);
        }
        block
    }

    /// A block with one predecessor, from which branches have been made already.
    fn continue_at(&mut self, block: Block) {
        self.builder.seal(block);
        self.builder.switch_to(block);
    }

    /// Opens a frame on top of `params` operands.
    fn push_frame(&mut self, kind: FrameKind, sig: BlockSig, exit: Option<Block>) {
        let base = self.stack.len() - self.param_count(sig);
        self.frames.push(Frame {
            kind,
            sig,
            base,
            exit,
        });
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.flush();
        let sig = self.block_sig(ty);
        self.push_frame(FrameKind::Block, sig, None);
    }

    pub(super) fn loop_(&mut self, ty: BlockType) -> Result<(), WasmError> {
        let sig = self.block_sig(ty);
        let count = self.param_count(sig);
        self.charge(1, count)?;
        let start = self.widen_top(count);
        let header = match sig {
            BlockSig::Empty | BlockSig::Result(_) => self.block_with_params(&[]),
            BlockSig::Sig(sig) => self.block_with_params(&self.env.module.sig(sig).params),
        };
        self.builder.jump(header, &self.stack[start..]);
        self.builder.switch_to(header);
        self.stack.truncate(start);
        self.stack.extend_from_slice(self.builder.params(header));
        self.push_frame(FrameKind::Loop { header }, sig, None);
        Ok(())
    }

    pub(super) fn if_(&mut self, ty: BlockType) -> Result<(), WasmError> {
        let condition = self.pop_condition();
        let sig = self.block_sig(ty);
        let count = self.param_count(sig);
        self.charge(2, count)?;
        let start = self.widen_top(count);
        let then = self.builder.create_block();
        if self.elses.next_has_else() {
            let els = self.builder.create_block();
            self.branch_on(&condition, then, els, self.stack.len());
            self.builder.seal(els);
            let params = self.stack[start..].to_vec();
            self.push_frame(FrameKind::If { els, params }, sig, None);
        } else {
            // Without `else` the results are the parameters.
            let exit = self.exit_block(sig);
            let inverse = Condition {
                value: condition.value,
                inverted: !condition.inverted,
            };
            self.branch_on(&inverse, exit, then, start);
            self.push_frame(FrameKind::Block, sig, Some(exit));
        }
        self.continue_at(then);
        Ok(())
    }

    /// Ends the block: to `target` with the operands from `start` on if the condition holds, else to
    /// `next`.
    fn branch_on(&mut self, condition: &Condition, target: Block, next: Block, start: usize) {
        let args = &self.stack[start..];
        match condition.inverted {
            false => self.builder.brif(condition.value, target, args, next, &[]),
            true => self.builder.brif(condition.value, next, &[], target, args),
        }
    }

    /// A block to be the exit of a frame.
    fn exit_block(&mut self, sig: BlockSig) -> Block {
        match sig {
            BlockSig::Empty => self.block_with_params(&[]),
            BlockSig::Result(ty) => self.block_with_params(&[ty]),
            BlockSig::Sig(sig) => self.block_with_params(&self.env.module.sig(sig).results),
        }
    }

    /// Where a branch to the frame `depth` levels up leads, and how many operands it carries.
    fn target(&mut self, depth: u32) -> (Block, usize) {
        let index = self.frame_index(depth);
        let Frame { sig, exit, .. } = self.frames[index];
        if let FrameKind::Loop { header } = self.frames[index].kind {
            return (header, self.param_count(sig));
        }
        let exit = exit.unwrap_or_else(|| self.exit_block(sig));
        self.frames[index].exit = Some(exit);
        (exit, self.result_count(sig))
    }

    fn frame_index(&self, depth: u32) -> usize {
        self.frames.len() - 1 - depth as usize
    }

    pub(super) fn br(&mut self, depth: u32) -> Result<(), WasmError> {
        let index = self.frame_index(depth);
        if matches!(self.frames[index].kind, FrameKind::Function) {
            self.return_();
            return Ok(());
        }
        let (block, count) = self.target(depth);
        self.charge(1, count)?;
        let start = self.widen_top(count);
        self.builder.jump(block, &self.stack[start..]);
        Ok(())
    }

    pub(super) fn br_if(&mut self, depth: u32) -> Result<(), WasmError> {
        let condition = self.pop_condition();
        let (block, count) = self.target(depth);
        self.charge(2, count)?;
        let start = self.widen_top(count);
        let next = self.builder.create_block();
        self.branch_on(&condition, block, next, start);
        self.continue_at(next);
        Ok(())
    }

    pub(super) fn br_table(&mut self, table: &BrTable<'_>) -> Result<(), WasmError> {
        if table.is_empty() {
            self.discard();
            return self.br(table.default());
        }
        let index = self.pop();
        let mut depths = table.targets().collect::<Result<Vec<u32>, _>>()?;
        depths.push(match faults::on(Fault::WasmTableDefault) {
            true => depths[0],
            false => table.default(),
        });
        // All targets take the same operands.
        let (_, count) = self.target(table.default());
        let start = self.widen_top(count);
        if depths.len() <= MAX_DIRECT_EDGES {
            self.charge(depths.len(), count)?;
            let blocks: Vec<Block> = depths.iter().map(|d| self.target(*d).0).collect();
            let args = &self.stack[start..];
            let edges: Vec<(Block, &[Value])> = blocks.iter().map(|b| (*b, args)).collect();
            self.builder.br_table(index, &edges);
            return Ok(());
        }
        self.cost.add(depths.len(), 1, self.offset)?;
        let mut ways = FxHashMap::default();
        let mut order = Vec::new();
        let mut edges: Vec<(Block, &[Value])> = Vec::with_capacity(depths.len());
        for depth in depths {
            let way = *ways.entry(depth).or_insert_with(|| {
                let way = self.builder.create_block();
                order.push((depth, way));
                way
            });
            edges.push((way, &[]));
        }
        self.builder.br_table(index, &edges);
        for (depth, way) in order {
            let (block, count) = self.target(depth);
            self.charge(2, count)?;
            self.continue_at(way);
            self.builder.jump(block, &self.stack[start..]);
        }
        Ok(())
    }

    pub(super) fn return_(&mut self) {
        let count = self.result_count(self.frames[0].sig);
        let start = self.widen_top(count);
        self.builder.ret(&self.stack[start..]);
    }

    pub(super) fn unreachable(&mut self) {
        self.builder.trap(TrapCode::Unreachable);
    }

    pub(super) fn else_(&mut self) -> Result<(), WasmError> {
        if self.skipped > 0 {
            return Ok(());
        }
        let top = self.frames.len() - 1;
        let kind = std::mem::replace(&mut self.frames[top].kind, FrameKind::Block);
        let FrameKind::If { els, mut params } = kind else {
            return Err(WasmError::at(self.offset, "`else` without `if`"));
        };
        if faults::on(Fault::WasmElseParams) {
            params.reverse();
        }
        if self.is_reachable() {
            self.br(0)?;
        }
        self.pending = None;
        self.stack.truncate(self.frames[top].base);
        self.stack.extend(params);
        self.builder.switch_to(els);
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), WasmError> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        let Some(frame) = self.frames.pop() else {
            return Err(WasmError::at(self.offset, "`end` without a block"));
        };
        match frame.kind {
            FrameKind::Function => self.end_function(&frame),
            FrameKind::Block | FrameKind::If { .. } => self.end_block(&frame)?,
            FrameKind::Loop { header } => {
                self.end_block(&frame)?;
                self.builder.seal(header);
            }
        }
        Ok(())
    }

    fn end_block(&mut self, frame: &Frame) -> Result<(), WasmError> {
        let Some(exit) = frame.exit else {
            // Nothing branches to the end: the code goes on, or it is still unreachable.
            if !self.is_reachable() {
                self.pending = None;
                self.stack.truncate(frame.base);
            }
            return Ok(());
        };
        if self.is_reachable() {
            let count = self.result_count(frame.sig);
            self.charge(1, count)?;
            let start = self.widen_top(count);
            self.builder.jump(exit, &self.stack[start..]);
        }
        self.pending = None;
        self.stack.truncate(frame.base);
        self.continue_at(exit);
        self.stack.extend_from_slice(self.builder.params(exit));
        Ok(())
    }

    fn end_function(&mut self, frame: &Frame) {
        if self.is_reachable() {
            let start = self.widen_top(self.result_count(frame.sig));
            self.builder.ret(&self.stack[start..]);
        }
        if let Some(exit) = frame.exit {
            self.continue_at(exit);
            let results = self.builder.params(exit).to_vec();
            self.builder.ret(&results);
        }
    }

    /// Passes the arguments of a call from the operand stack, and yields where they begin.
    fn call_args(&mut self, sig: Sig) -> Result<usize, WasmError> {
        let signature = self.env.module.sig(sig);
        let values = 1 + signature.params.len() + signature.results.len();
        self.cost.add(1, values, self.offset)?;
        Ok(self.widen_top(signature.params.len()))
    }

    pub(super) fn call(&mut self, func: u32) -> Result<(), WasmError> {
        let func = Func(func);
        let start = self.call_args(self.env.module.func(func).sig)?;
        let results = self.builder.call(func, &self.stack[start..]);
        self.stack.truncate(start);
        self.stack.extend(results);
        Ok(())
    }

    pub(super) fn return_call(&mut self, func: u32) -> Result<(), WasmError> {
        let func = Func(func);
        let start = self.call_args(self.env.module.func(func).sig)?;
        self.builder.return_call(func, &self.stack[start..]);
        Ok(())
    }

    pub(super) fn call_indirect(&mut self, table: u32, ty: u32) -> Result<(), WasmError> {
        let (sig, index) = (self.env.types[ty as usize], self.pop());
        let start = self.call_args(sig)?;
        let args = &self.stack[start..];
        let results = self.builder.call_indirect(Table(table), sig, index, args);
        self.stack.truncate(start);
        self.stack.extend(results);
        Ok(())
    }

    pub(super) fn return_call_indirect(&mut self, table: u32, ty: u32) -> Result<(), WasmError> {
        let (sig, index) = (self.env.types[ty as usize], self.pop());
        let start = self.call_args(sig)?;
        let args = &self.stack[start..];
        self.builder
            .return_call_indirect(Table(table), sig, index, args);
        Ok(())
    }
}

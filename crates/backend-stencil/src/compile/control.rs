//! Functions, blocks, edges, and the instructions that end blocks.
//!
//! ```text
//! frame   rsp ►  arguments of C functions on the stack
//!                slots of values, 8 bytes each
//!                stack slots of the IR
//!                return address
//! ```

use std::cell::Cell;

use bakeoff_backend::{CompileError, foreign_stack_words};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, EdgeData, Func, Function, Inst, InstData, IntCc, Op, Type, Value};

use super::assemble::Assembler;
use super::{Emitter, Shared, as_signed32, fits8, is_call, may_call, pair};
use crate::Workspace;
use crate::buffer::{Buffer, Label};
use crate::catalog::{Axis, Extra, Form, Pattern, T, U, W, XT, XU};
use crate::place::{Place, Where};

/// The block that follows where none does.
const NOWHERE: Block = Block(u32::MAX);

/// Where things are in the frame of a function, in bytes from the stack pointer.
#[derive(Clone, Default)]
pub(crate) struct Frame {
    /// Where the slots of values begin.
    slots: i32,
    /// Where each stack slot of the IR begins.
    pub(super) stack_slots: Vec<i32>,
    /// Where the stack slots begin and end.
    pub(super) zeroed: (i32, i32),
    /// The size, 8 more than a multiple of 16, or 0.
    pub(super) bytes: i32,
}

impl Frame {
    /// Frames grow over this many bytes without touching them at most: less than the guard pages.
    pub(super) const PROBE_BYTES: i32 = 4096;

    /// A frame without stack slots: so many words, the first ones for arguments on the stack.
    pub(super) fn of_words(words: u32) -> Frame {
        Frame {
            bytes: ((8 * words as i32 + 15) & !15) + 8,
            ..Frame::default()
        }
    }

    fn new(
        function: &Function,
        slots: usize,
        foreign_words: u32,
        has_calls: bool,
    ) -> Result<Frame, u64> {
        const LIMIT: u64 = 1 << 30;
        let mut bytes = 8 * (u64::from(foreign_words) + slots as u64);
        let mut stack_slots = Vec::new();
        if !function.stack_slots().is_empty() {
            bytes = bytes.next_multiple_of(16);
        }
        let start = bytes;
        for slot in function.stack_slots() {
            bytes = bytes.next_multiple_of(slot.align.max(8).into());
            stack_slots.push(bytes.min(LIMIT) as i32);
            bytes += match faults::on(Fault::StencilSlotsOverlap) {
                true => u64::from(slot.bytes) & !7,
                false => u64::from(slot.bytes).next_multiple_of(8),
            };
        }
        let end = bytes;
        if bytes > 0 || has_calls {
            bytes = bytes.next_multiple_of(16) + 8;
        }
        if bytes > LIMIT {
            return Err(bytes);
        }
        Ok(Frame {
            slots: 8 * foreign_words as i32,
            stack_slots,
            zeroed: (start as i32, end as i32),
            bytes: bytes as i32,
        })
    }

    /// The offset of a value's slot.
    #[inline]
    pub(super) fn slot(&self, number: u32) -> i32 {
        self.slots + 8 * number as i32
    }
}

/// Compiles one function into the buffer.
pub(crate) fn compile_function(
    shared: &Shared<'_>,
    func: Func,
    function: &Function,
    workspace: &mut Workspace,
    phases: &mut impl FnMut(bakeoff_backend::Phase),
) -> Result<(), CompileError> {
    use bakeoff_backend::Phase;
    let name = || shared.module.func(func).name.clone();
    let too_large = |what, size, limit| CompileError::TooLarge {
        what,
        function: name(),
        size,
        limit,
    };
    let most = function.inst_count().max(function.value_count()) as u64;
    if most > u64::from(Place::LIMIT) {
        let limit = Place::LIMIT.into();
        return Err(too_large("the number of instructions", most, limit));
    }
    let foreign_words = Cell::new(0);
    let level = shared.policy.level;
    let listed = |inst: &InstData| {
        if inst.op == Op::CallRaw {
            let words = foreign_stack_words(shared.module.sig(inst.sig()));
            foreign_words.set(foreign_words.get().max(words));
        }
        is_call(inst, level)
    };
    let is_listed = |inst: &InstData| may_call(inst.op, level) && listed(inst);
    workspace.intervals.compute(function, is_listed);
    phases(Phase::Analyse);
    let (intervals, allocation) = (&workspace.intervals, &mut workspace.allocation);
    allocation.compute(function, intervals, shared.policy);
    phases(Phase::Allocate);
    let has_calls = !intervals.marked().is_empty();
    let frame = Frame::new(
        function,
        allocation.slot_count(),
        foreign_words.get(),
        has_calls,
    );
    let frame =
        frame.map_err(|bytes| too_large("the frame with all stack slots", bytes, 1 << 30))?;
    workspace.facts.spills += allocation.spills();
    workspace.facts.bytes += frame.bytes as u64;
    workspace.buffer.begin_function();
    let mut emitter = Emitter {
        assembler: Assembler {
            shared,
            buffer: &mut workspace.buffer,
            frame,
        },
        function,
        intervals,
        allocation,
        moves: &mut workspace.moves,
        position: 0,
        inst: Inst(0),
        occupants: [Value(0); Place::REGISTERS],
        occupied: 0,
    };
    emitter.emit_function(&mut workspace.following);
    let trap = emitter.base(Extra::Trap, Type::I64, 0, Pattern::Fixed);
    workspace.buffer.end_function(trap);
    phases(Phase::Emit);
    Ok(())
}

/// Ends a module's code: whatever runs off the end of the last function stops here.
pub(crate) fn compile_guard(shared: &Shared<'_>, buffer: &mut Buffer) {
    use crate::{catalog::row, library};
    let row = row(Extra::Trap, Type::I64, 0);
    buffer.put(library::base(shared.policy.level, row, Pattern::Fixed));
}

impl Emitter<'_> {
    fn emit_function(&mut self, following: &mut Vec<Block>) {
        let intervals = self.intervals;
        let blocks = self.function.block_count();
        self.buffer.make_labels(blocks);
        self.enter_frame();
        let entry = self.function.block(Block(0));
        let first = entry.first_param.0;
        self.take(first..first + entry.param_count);
        self.find_following(following);
        for (rank, block) in intervals.order().iter().enumerate() {
            let cold = rank > 0 && self.is_cold(*block);
            self.buffer.set_cold(cold);
            self.buffer.bind(Buffer::numbered(block.0));
            self.emit_block(*block, following[rank]);
        }
    }

    fn is_cold(&self, block: Block) -> bool {
        self.shared.policy.cold_section && self.intervals.is_cold(block)
    }

    /// For each block of the order the next one in the same part of the code.
    fn find_following(&self, following: &mut Vec<Block>) {
        let order = self.intervals.order();
        following.clear();
        following.resize(order.len(), NOWHERE);
        let mut next = [NOWHERE; 2];
        for (rank, block) in order.iter().enumerate().rev() {
            let part = usize::from(rank > 0 && self.is_cold(*block));
            following[rank] = next[part];
            next[part] = *block;
        }
    }

    fn emit_block(&mut self, block: Block, following: Block) {
        self.position = self.intervals.block_start(block);
        for param in self.function.params(block) {
            self.defined(param, self.place(param));
        }
        let data = self.function.block(block);
        let first = data.first_inst.index();
        let insts = self.function.inst_slice(block);
        let (terminator, insts) = match insts.split_last() {
            Some(split) => split,
            None => unreachable!("a block ends in a terminator"),
        };
        let results = &self.function.first_results()[first..];
        self.inst = data.first_inst;
        for (inst, result) in insts.iter().zip(results) {
            // A quarter of all instructions, and nothing to do: they are made where they are used.
            if inst.op != Op::Iconst {
                self.emit_inst(inst, *result);
            }
            self.position += 1;
            self.inst.0 += 1;
        }
        self.emit_terminator(terminator, following);
    }

    fn emit_terminator(&mut self, data: &InstData, following: Block) {
        let function = self.function;
        match data.op {
            Op::Jump => self.follow(&function.edges(data)[0], following),
            Op::Brif => {
                let edges = function.edges(data);
                self.emit_brif(data.arg(0), &edges[0], &edges[1], following);
            }
            Op::BrTable => self.emit_br_table(data),
            Op::Return => self.emit_return(function.list_operands(data)),
            Op::Trap => {
                let copied = self.glue(Extra::Trap);
                self.buffer.trap_here(copied, data.trap_code());
            }
            _ => self.emit_tail_call(data),
        }
    }

    // ---- Edges -----------------------------------------------------------------------------------

    /// Collects the copies of an edge.
    fn collect(&mut self, edge: &EdgeData) {
        self.moves.clear();
        let params = self.function.params(edge.block);
        for (param, arg) in params.zip(self.function.edge_args(edge)) {
            if self.intervals.interval(param).uses() > 0 {
                let (to, from) = (self.place(param), self.place(*arg));
                self.moves.push(to, from);
            }
        }
    }

    /// Whether an edge copies anything.
    #[inline]
    fn has_copies(&self, edge: &EdgeData) -> bool {
        if edge.len == 0 {
            return false;
        }
        let params = self.function.params(edge.block);
        let args = self.function.edge_args(edge).iter();
        let copies = |(param, arg): (Value, &Value)| {
            self.place(param) != self.place(*arg) && self.intervals.interval(param).uses() > 0
        };
        params.zip(args).any(copies)
    }

    /// Makes the copies of an edge and goes to its target.
    fn follow(&mut self, edge: &EdgeData, following: Block) {
        if edge.len > 0 {
            self.collect(edge);
            self.make_moves();
        }
        if edge.block != following || !self.shared.policy.elide_jumps {
            self.jump(Buffer::numbered(edge.block.0));
        }
    }

    pub(super) fn jump(&mut self, target: Label) {
        let copied = self.glue(Extra::Jump);
        self.buffer.branch(copied, 0, target);
    }

    /// A branch jumps over what its other edge copies, if anything; of two edges without copies the
    /// one to the block behind falls through.
    fn emit_brif(&mut self, condition: Value, then: &EdgeData, els: &EdgeData, following: Block) {
        let [then_moves, else_moves] = [then, els].map(|edge| self.has_copies(edge));
        let [then_label, else_label] = [then, els].map(|edge| Buffer::numbered(edge.block.0));
        match (then_moves, else_moves) {
            (false, false) if then.block == following => {
                self.branch_if(condition, false, else_label);
                self.follow(then, following);
            }
            (false, _) => {
                self.branch_if(condition, true, then_label);
                self.follow(els, following);
            }
            (true, false) => {
                self.branch_if(condition, false, else_label);
                self.follow(then, following);
            }
            (true, true) => {
                let over = self.buffer.label();
                let then_last = then.block == following;
                self.branch_if(condition, then_last, over);
                let [first, last] = if then_last { [els, then] } else { [then, els] };
                self.follow(first, NOWHERE);
                self.buffer.bind(over);
                self.follow(last, following);
            }
        }
    }

    fn emit_br_table(&mut self, data: &InstData) {
        let function = self.function;
        let edges = function.edges(data);
        self.copy(Place::T, self.place(data.arg(0)));
        let mut labels = Vec::with_capacity(edges.len());
        let mut stubs = Vec::new();
        for edge in edges {
            if !self.has_copies(edge) {
                labels.push(Buffer::numbered(edge.block.0));
                continue;
            }
            let label = self.buffer.label();
            labels.push(label);
            stubs.push((label, edge));
        }
        let Some(default) = labels.pop() else { return };
        let copied = self.glue(Extra::BrTable);
        let bound = labels.len() + usize::from(faults::on(Fault::StencilTableBound));
        self.buffer.fill32(copied, 0, bound as i32);
        self.buffer.branch(copied, 1, default);
        self.buffer.table(copied, 2, labels.into_iter());
        for (label, edge) in stubs {
            self.buffer.bind(label);
            self.follow(edge, NOWHERE);
        }
    }

    // ---- Conditions ------------------------------------------------------------------------------

    /// Branches if the truth of a condition is `when`.
    pub(super) fn branch_if(&mut self, condition: Value, when: bool, target: Label) {
        let place = self.place(condition);
        if place != Place::FUSED {
            return self.branch_if_zero(place, !when, target);
        }
        // The comparison is the instruction before.
        let data = *self.function.inst(Inst(self.inst.0 - 1));
        let (x, y) = (data.arg(0), data.arg(1));
        if data.op == Op::Icmp {
            let cc = if when {
                data.int_cc()
            } else {
                data.int_cc().inverse()
            };
            return self.compare_ints(cc, data.ty, x, y, Some(target));
        }
        let cc = if when {
            data.float_cc()
        } else {
            data.float_cc().inverse()
        };
        let index = self.float_pair(x, y);
        let copied = self.put(Extra::BrFcmp, data.ty, cc as u8, Pattern::RR, index);
        self.buffer.branch(copied, 0, target);
        self.buffer.branch(copied, 1, target);
    }

    /// Two floats in registers, as the number of a pair.
    pub(super) fn float_pair(&mut self, x: Value, y: Value) -> usize {
        let x = self.float(x, XT);
        let y = self.float(y, XU);
        pair(x, y, Axis::Float)
    }

    /// Branches if what is in a place is zero, or if it is not.
    fn branch_if_zero(&mut self, place: Place, zero: bool, target: Label) {
        let form = if zero {
            Extra::BrZero
        } else {
            Extra::BrNonzero
        };
        let (copied, hole) = match place.get() {
            Where::Slot(slot) if self.shared.policy.fusion => {
                let (offset, patterns) = (self.frame.slot(slot), [Pattern::S8, Pattern::S32]);
                (self.put_slot(form, Type::I64, 0, patterns, 0, offset), 1)
            }
            Where::Int(register) => {
                let register = register.into();
                (self.put(form, Type::I64, 0, Pattern::R, register), 0)
            }
            _ => {
                self.copy(Place::T, place);
                (self.put(form, Type::I64, 0, Pattern::R, T.into()), 0)
            }
        };
        self.buffer.branch(copied, hole, target);
    }

    /// Compares integers: branches to `target` if the condition holds, or leaves its truth in T.
    pub(super) fn compare_ints(
        &mut self,
        cc: IntCc,
        ty: Type,
        x: Value,
        y: Value,
        target: Option<Label>,
    ) {
        let is_word = matches!(ty, Type::I32 | Type::I64) && self.shared.policy.fusion;
        let in_memory = |place: Place| matches!(place.get(), Where::Slot(_));
        if is_word {
            if let Some(bits) = self.constant(y) {
                if self.compare_with_constant(cc, ty, x, bits, target) {
                    return;
                }
            } else if let Some(bits) = self.constant(x) {
                let swapped = match faults::on(Fault::StencilConstantOnLeft) {
                    true => cc,
                    false => cc.swapped(),
                };
                if self.compare_with_constant(swapped, ty, y, bits, target) {
                    return;
                }
            } else if let Some(target) = target {
                let (px, py) = (self.place(x), self.place(y));
                if in_memory(py) {
                    return self.compare_with_slot(cc, ty, x, py, target);
                }
                if in_memory(px) {
                    return self.compare_with_slot(cc.swapped(), ty, y, px, target);
                }
            }
        }
        let x = self.int(x, U);
        let y = self.int(y, W);
        let index = pair(x, y, Axis::Int);
        match target {
            Some(target) => {
                let copied = self.put(Extra::BrIcmp, ty, cc as u8, Pattern::RR, index);
                self.buffer.branch(copied, 0, target);
            }
            None => {
                self.put(Op::Icmp, ty, cc as u8, Pattern::RR, index);
            }
        }
    }

    fn compare_with_slot(&mut self, cc: IntCc, ty: Type, x: Value, y: Place, target: Label) {
        let x = self.int(x, U);
        let Where::Slot(slot) = y.get() else { return };
        let (offset, patterns) = (self.frame.slot(slot), [Pattern::RS8, Pattern::RS32]);
        let copied = self.put_slot(Extra::BrIcmp, ty, cc as u8, patterns, x.into(), offset);
        self.buffer.branch(copied, 1, target);
    }

    /// False if the constant does not fit.
    fn compare_with_constant(
        &mut self,
        cc: IntCc,
        ty: Type,
        x: Value,
        bits: u64,
        target: Option<Label>,
    ) -> bool {
        if let (0, Some(target)) = (bits, target) {
            match cc {
                IntCc::Sle if faults::on(Fault::StencilNotPositive) => {
                    self.branch_if_zero(self.place(x), true, target);
                    return true;
                }
                IntCc::Eq | IntCc::Ule => {
                    self.branch_if_zero(self.place(x), true, target);
                    return true;
                }
                IntCc::Ne | IntCc::Ugt => {
                    self.branch_if_zero(self.place(x), false, target);
                    return true;
                }
                _ => {}
            }
        }
        let Some((cc, short)) = strict(cc, ty, bits) else {
            return false;
        };
        let x = self.int(x, U).into();
        let form = match target {
            Some(_) => Form::Extra(Extra::BrIcmp),
            None => Form::Op(Op::Icmp),
        };
        let copied = if fits8(short) {
            let copied = self.put(form, ty, cc as u8, Pattern::RI8, x);
            self.buffer.fill8(copied, 0, short);
            copied
        } else {
            let copied = self.put(form, ty, cc as u8, Pattern::RI32, x);
            self.buffer.fill32(copied, 0, short);
            copied
        };
        if let Some(target) = target {
            self.buffer.branch(copied, 1, target);
        }
        true
    }
}

/// A comparison with a constant as one without `or equal`, which the compiler of the stencils would
/// turn it into, with the constant in 32 bits; none if there is none.
fn strict(cc: IntCc, ty: Type, bits: u64) -> Option<(IntCc, i32)> {
    let signed = bakeoff_ir::sign_extend(ty, bits);
    let (least, most) = (i64::MIN >> (64 - ty.bits()), i64::MAX >> (64 - ty.bits()));
    let (cc, constant) = match cc {
        IntCc::Sle if signed == most => return None,
        IntCc::Sle => (IntCc::Slt, signed + 1),
        IntCc::Sge if signed == least => return None,
        IntCc::Sge => (IntCc::Sgt, signed - 1),
        IntCc::Ule if signed == -1 && !faults::on(Fault::StencilUleMost) => return None,
        IntCc::Ule => (IntCc::Ult, signed.wrapping_add(1)),
        IntCc::Uge if signed == 0 => return None,
        IntCc::Uge => (IntCc::Ugt, signed.wrapping_sub(1)),
        IntCc::Eq | IntCc::Ne | IntCc::Slt | IntCc::Sgt | IntCc::Ult | IntCc::Ugt => (cc, signed),
    };
    // Of an i32 the constant is the low bits, whatever their sign.
    match ty {
        Type::I64 => as_signed32(constant as u64).map(|short| (cc, short)),
        _ => Some((cc, constant as i32)),
    }
}

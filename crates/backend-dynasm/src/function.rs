//! Functions and blocks: the one pass over the instructions.

use std::cell::Cell;

use bakeoff_backend::{CompileError, Phase, PhaseClock, foreign_stack_words};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, EdgeData, Effects, Func, Function, Inst, InstData, Op, Value};

use crate::buffer::Label;
use crate::calls::may_call;
use crate::compiler::{Compiler, Scratch, Shared};
use crate::frame::{FrameKind, LIMIT_BYTES};
use crate::location::{Class, registers};
use crate::machine::Machine;
use crate::values::{Form, LIMIT_INSTS};

/// The block that follows where none does.
const NOWHERE: Block = Block(u32::MAX);

/// Compiles one function to the end of the code. Where it begins.
pub(crate) fn compile_function<M: Machine>(
    shared: &Shared<'_>,
    func: Func,
    function: &Function,
    asm: &mut M,
    scratch: &mut Scratch,
    clock: &mut PhaseClock<'_>,
) -> Result<usize, CompileError> {
    let too_large = |what, size, limit| CompileError::TooLarge {
        what,
        function: shared.module.func(func).name.clone(),
        size,
        limit,
    };
    let most = function.inst_count().max(function.value_count()) as u64;
    if most > u64::from(LIMIT_INSTS) {
        return Err(too_large(
            "the number of instructions",
            most,
            LIMIT_INSTS.into(),
        ));
    }
    let foreign_words = Cell::new(0);
    let policy = &shared.policy;
    let is_marked = |inst: &InstData| {
        if !may_call(inst.op) {
            return false;
        }
        if inst.op == Op::CallRaw {
            let words = foreign_stack_words(shared.module.sig(inst.sig()));
            foreign_words.set(foreign_words.get().max(words));
        }
        M::is_call(inst.op, policy)
    };
    scratch.intervals.compute(function, is_marked);
    scratch
        .pressure
        .compute(function, &scratch.intervals, is_made);
    clock.record(Phase::Analyse);
    let start = asm.buffer().module_len();
    let mut kind = match scratch.intervals.marked().is_empty() && function.stack_slots().is_empty()
    {
        true => FrameKind::Leaf,
        false => FrameKind::Plain,
    };
    loop {
        let frame = scratch.frame.begin(kind, function, foreign_words.get());
        frame.map_err(|bytes| too_large("the frame with all stack slots", bytes, LIMIT_BYTES))?;
        asm.buffer().begin_function(function.block_count());
        asm.enter(&scratch.frame);
        emit_function(shared, function, asm, scratch);
        if asm.buffer().overflowed() {
            // Whoever called sees that, too.
            return Ok(start);
        }
        let bytes = scratch.frame.bytes();
        if bytes > LIMIT_BYTES {
            return Err(too_large("the frame with all slots", bytes, LIMIT_BYTES));
        }
        match scratch.frame.better_kind() {
            // The frame turns out to be larger than was thought: once more.
            Some(better) => kind = better,
            None => break asm.end_function(bytes as i32),
        }
    }
    scratch.facts.spills += scratch.frame.slots.taken();
    scratch.facts.bytes += scratch.frame.size();
    clock.record(Phase::Emit);
    Ok(start)
}

fn emit_function<M: Machine>(
    shared: &Shared<'_>,
    function: &Function,
    asm: &mut M,
    scratch: &mut Scratch,
) {
    scratch.values.begin(function.value_count());
    scratch.snapshots.begin(function.block_count());
    let mut following = std::mem::take(&mut scratch.following);
    let [moves, other_moves] = &mut scratch.moves;
    let mut compiler = Compiler {
        shared,
        function,
        asm,
        intervals: &mut scratch.intervals,
        pressure: &scratch.pressure,
        values: &mut scratch.values,
        snapshots: &mut scratch.snapshots,
        frame: &mut scratch.frame,
        moves,
        other_moves,
        position: 0,
        inst: Inst(0),
        locked: 0,
        ending: 0,
        nested: 0,
        calls_passed: 0,
    };
    compiler.find_following(&mut following);
    compiler.begin();
    for (rank, next) in following.iter().enumerate() {
        let block = compiler.intervals.order()[rank];
        let cold = rank > 0 && compiler.intervals.is_cold(block);
        compiler.asm.buffer().set_cold(cold);
        compiler.asm.buffer().bind(Label::of(block));
        compiler.asm.begin_block();
        let in_order = compiler.intervals.order().get(rank + 1).copied();
        compiler.emit_block(block, *next, in_order);
        if compiler.asm.buffer().overflowed() {
            break;
        }
    }
    scratch.following = following;
    asm.buffer().set_cold(true);
    while let Some((code, label)) = asm.buffer().take_trap() {
        asm.buffer().bind(label);
        asm.trap(code);
    }
}

/// What the pass does with an op before anything is selected.
#[derive(Clone, Copy)]
enum Kind {
    /// Its value is made wherever it is wanted.
    Made,
    /// It has one result and no effect: nothing is emitted if nobody needs that.
    Value,
    /// It may become part of another instruction.
    Foldable {
        /// As for `Value`.
        droppable: bool,
    },
    /// It is emitted where it stands.
    Plain,
}

/// The kind of each op.
const KINDS: [Kind; Op::ALL.len()] = {
    let mut kinds = [Kind::Plain; Op::ALL.len()];
    let mut index = 0;
    while index < kinds.len() {
        let row = Op::ALL[index].info();
        let droppable = row.effects.is_removable() && row.results.len() == 1;
        kinds[index] = match Op::ALL[index] {
            op if is_made(op) => Kind::Made,
            Op::Icmp
            | Op::Fcmp
            | Op::Iadd
            | Op::Isub
            | Op::Band
            | Op::Bor
            | Op::Bxor
            | Op::Bnot
            | Op::Ishl
            | Op::Load => Kind::Foldable { droppable },
            _ if droppable => Kind::Value,
            _ => Kind::Plain,
        };
        index += 1;
    }
    kinds
};

/// Whether values of an op are made anew wherever they are wanted, instead of being kept in slots.
const fn is_made(op: Op) -> bool {
    matches!(op, Op::Iconst | Op::Fconst | Op::RefFunc | Op::StackAddr)
}

impl<M: Machine> Compiler<'_, M> {
    /// For each block of the order the next one in the same part of the code.
    fn find_following(&self, following: &mut Vec<Block>) {
        let order = self.intervals.order();
        following.clear();
        following.resize(order.len(), NOWHERE);
        let mut next = [NOWHERE; 2];
        for (rank, block) in order.iter().enumerate().rev() {
            let part = usize::from(rank > 0 && self.intervals.is_cold(*block));
            following[rank] = next[part];
            next[part] = *block;
        }
    }

    /// Takes the parameters from where the caller has left them.
    fn begin(&mut self) {
        let entry = self.function.block(Block(0));
        let first = entry.first_param.0;
        self.take(first..first + entry.param_count, M::ARGS);
        if !self.shared.policy.registers {
            for reg in registers(self.values.occupied) {
                self.vacate(reg);
            }
        }
        (self.locked, self.ending) = (0, 0);
    }

    fn emit_block(&mut self, block: Block, following: Block, in_order: Option<Block>) {
        let function = self.function;
        self.position = self.intervals.block_start(block);
        self.enter_block(block);
        let data = function.block(block);
        let first = data.first_inst.index();
        let insts = function.inst_slice(block);
        let Some((terminator, insts)) = insts.split_last() else {
            unreachable!("a block ends in a terminator");
        };
        let results = &function.first_results()[first..];
        self.inst = data.first_inst;
        match terminator.op {
            Op::Return => self.wish(function.list_operands(terminator), M::RESULTS),
            Op::ReturnCall => self.wish(function.list_operands(terminator), M::ARGS),
            _ => {}
        }
        let mut call_at = self.next_call(self.position, self.inst, insts.len());
        for (inst, result) in insts.iter().zip(results) {
            self.emit_inst(inst, *result);
            if self.position == call_at {
                let left = data.end_inst.0 - self.inst.0 - 2;
                call_at = self.next_call(self.position + 1, Inst(self.inst.0 + 1), left as usize);
            }
            self.position += 1;
            self.inst.0 += 1;
        }
        self.emit_terminator(terminator, following, in_order);
    }

    #[inline]
    fn emit_inst(&mut self, data: &InstData, result: Value) {
        match KINDS[data.op as usize] {
            Kind::Made => return self.values.set_form(result, Form::Made(self.inst)),
            Kind::Plain => {}
            Kind::Value => {
                if self.intervals.interval(result).uses() == 0 && !self.holds_load(data) {
                    return;
                }
            }
            Kind::Foldable { droppable } => {
                let uses = self.intervals.interval(result).uses();
                let folds = uses == 1 && self.shared.policy.fusion;
                let may_trap =
                    || self.holds_load(data) && !faults::on(Fault::DynasmDeadLoadDropped);
                if uses == 0 && droppable && !may_trap() || folds && self.fold(data, result) {
                    return;
                }
            }
        }
        M::inst(self, data, result);
        self.end_inst();
    }

    // ---- Folding ---------------------------------------------------------------------------------

    /// Leaves an instruction to the one that uses its only result, if that stands shortly behind and can
    /// make it a part of itself.
    fn fold(&mut self, data: &InstData, result: Value) -> bool {
        /// How many instructions may stand between.
        const REACH: usize = 6;
        let function = self.function;
        let mut passed_effects = false;
        let first = self.inst.index() + 1;
        let last = (first + REACH).min(function.inst_count());
        for (distance, inst) in (first..last).map(|index| Inst(index as u32)).enumerate() {
            let into = function.inst(inst);
            if let Some(operand) = function.operands(into).position(|value| value == result) {
                // What reads memory and may trap stays before what writes or may trap.
                let stays = passed_effects
                    && self.holds_load(data)
                    && !faults::on(Fault::DynasmLoadPassesStore);
                if stays || !M::can_fold(self, data, into, operand) {
                    return false;
                }
                self.values.set_form(result, Form::Folded(self.inst));
                self.prolong(data, self.position + 1 + distance as u32);
                return true;
            }
            let effects = into.op.info().effects;
            if let Kind::Made = KINDS[into.op as usize] {
                // What it makes may be the other operand.
                self.values
                    .set_form(function.result(inst), Form::Made(inst));
            }
            if into.op.ends_block() || effects.has(Effects::CALLS) {
                return false;
            }
            passed_effects |= !effects.is_removable();
        }
        false
    }

    /// Whether an instruction is a load, or one has become part of it.
    fn holds_load(&self, data: &InstData) -> bool {
        let inner = |operand| self.folded(operand);
        data.op == Op::Load
            || self
                .function
                .operands(data)
                .filter_map(inner)
                .any(|data| self.holds_load(&data))
    }

    /// Lets what a folded instruction uses live until it is emitted. If the function is compiled again, it
    /// finds the longer intervals, which do no harm.
    fn prolong(&mut self, data: &InstData, position: u32) {
        for operand in self.function.operands(data) {
            if !faults::on(Fault::DynasmFoldedOperandEnds) {
                self.intervals.prolong(operand, position);
            }
            if let Some(slot) = self.values.slot(operand)
                && !faults::on(Fault::DynasmFoldedSlotReused)
            {
                self.frame.slots.keep(slot, position + 1);
            }
            if let Some(inner) = self.folded(operand) {
                self.prolong(&inner, position);
            }
        }
    }

    // ---- Terminators -----------------------------------------------------------------------------

    fn emit_terminator(&mut self, data: &InstData, following: Block, in_order: Option<Block>) {
        let function = self.function;
        match data.op {
            Op::Jump => {
                let edge = &function.edges(data)[0];
                self.take_edge(edge, following, in_order);
            }
            Op::Brif => {
                let edges = function.edges(data);
                self.emit_brif(data.arg(0), [&edges[0], &edges[1]], following, in_order);
            }
            Op::BrTable => self.emit_br_table(data, following),
            _ => M::leave(self, data),
        }
        (self.locked, self.ending) = (0, 0);
    }

    /// Whether a block finds everything where it is now, so that nothing need be noted for it.
    fn continues(&self, edge: &EdgeData, in_order: Option<Block>) -> bool {
        edge.len == 0 && in_order == Some(edge.block) && self.intervals.pred_count(edge.block) == 1
    }

    /// Makes the moves of an edge and goes to its target.
    fn take_edge(&mut self, edge: &EdgeData, following: Block, in_order: Option<Block>) {
        if !self.continues(edge, in_order) {
            self.plan_edge(edge);
            self.make_ordered_moves();
        }
        self.go_on(edge, following);
    }

    fn go_on(&mut self, edge: &EdgeData, following: Block) {
        if edge.block != following {
            self.asm.jump(Label::of(edge.block));
        }
    }

    /// A branch jumps over the moves of its other edge, if there are any; of two edges without moves the
    /// one to the block behind falls through.
    fn emit_brif(
        &mut self,
        condition: Value,
        [then, els]: [&EdgeData; 2],
        following: Block,
        in_order: Option<Block>,
    ) {
        if then.block == els.block && then.len == 0 {
            // It may trap all the same.
            if self
                .folded(condition)
                .is_some_and(|data| self.holds_load(&data))
            {
                self.use_reg(condition);
            }
            return self.take_edge(then, following, in_order);
        }
        let condition = M::test(self, condition);
        let mut has_moves = [false; 2];
        for (edge, has_moves) in [then, els].into_iter().zip(&mut has_moves) {
            if !self.continues(edge, in_order) {
                self.plan_edge(edge);
                *has_moves = self.moves.ordered_count() > 0;
            }
            std::mem::swap(self.moves, self.other_moves);
        }
        // The moves of `then` are `moves` now.
        let [then_label, else_label] = [then, els].map(|edge| Label::of(edge.block));
        match has_moves {
            [false, false] if then.block == following => {
                self.asm.branch_if(M::inverse(condition), else_label);
            }
            [false, _] => {
                self.asm.branch_if(condition, then_label);
                self.take_planned(els, has_moves[1], true, following);
            }
            [true, false] => {
                self.asm.branch_if(M::inverse(condition), else_label);
                self.take_planned(then, true, false, following);
            }
            [true, true] => {
                let over = self.asm.buffer().label();
                let then_last = then.block == following;
                let skip_first = if then_last {
                    condition
                } else {
                    M::inverse(condition)
                };
                self.asm.branch_if(skip_first, over);
                let [first, last] = if then_last { [els, then] } else { [then, els] };
                let others = then_last && !faults::on(Fault::DynasmEdgesExchanged);
                self.take_planned(first, true, others, NOWHERE);
                self.asm.buffer().bind(over);
                self.take_planned(last, true, !others, following);
            }
        }
    }

    /// Makes the moves of an edge of a branch, if it has any: those of the second edge, if `other`.
    fn take_planned(&mut self, edge: &EdgeData, has_moves: bool, other: bool, following: Block) {
        if has_moves {
            if other {
                std::mem::swap(self.moves, self.other_moves);
            }
            self.make_ordered_moves();
            if other {
                std::mem::swap(self.moves, self.other_moves);
            }
        }
        self.go_on(edge, following);
    }

    fn emit_br_table(&mut self, data: &InstData, following: Block) {
        let function = self.function;
        let edges = function.edges(data);
        let index = self.use_reg(data.arg(0));
        let temporary = self.temporary(Class::Int);
        let mut labels = Vec::with_capacity(edges.len());
        let mut stubs = Vec::new();
        for edge in edges {
            self.plan_edge(edge);
            if self.moves.ordered_count() == 0 {
                labels.push(Label::of(edge.block));
                continue;
            }
            let label = self.asm.buffer().label();
            labels.push(label);
            stubs.push((label, edge));
        }
        let Some(default) = labels.pop() else { return };
        self.asm.select_edge(index, temporary, &labels, default);
        let last = stubs.len().saturating_sub(1);
        for (index, (label, edge)) in stubs.into_iter().enumerate() {
            self.asm.buffer().bind(label);
            self.take_edge(edge, if index == last { following } else { NOWHERE }, None);
        }
    }
}

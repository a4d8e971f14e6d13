//! From a function to its instructions.
//!
//! ```text
//! slot 0            parameters and values, as planned
//! value_slots       scratch: constants that an instruction wants in a slot, cycles of moves, results
//!                   that nobody reads
//! + SCRATCH         address of the stack slots, if there are any
//! frame_slots       two words for the return: where to continue, and the frame
//! + LINK_SLOTS      slot 0 of a callee: arguments go in here, results come out
//! ```
//!
//! Stack slots are in a region of their own, so that frames stay small and every slot can be named.

use bakeoff_backend::ContextLayout;
use bakeoff_ir::{
    Block, EdgeData, Function, Inst, InstData, Module, Op, Scalar, Sig, Table, Type, Value,
};

use crate::code::{Code, Insn, Left};
use crate::moves::{MoveOrder, Source};
use crate::plan::{Place, Plan};
use crate::select;

/// Words between the slots of a frame and those of its callee.
pub(crate) const LINK_SLOTS: u32 = 2;

const SCRATCH_SLOTS: u16 = 4;
/// The scratch slot for cycles of moves and for results that nobody reads.
const SPARE: u16 = 3;

/// The code of a function.
pub(crate) struct FuncCode {
    /// Empty for an import.
    pub(crate) code: Box<[Insn]>,
    /// Slots of the frame, with the link and the arguments of the largest callee.
    pub(crate) frame_slots: u32,
}

/// An op that the reference semantics evaluate.
pub(crate) struct EvalOp {
    pub(crate) inst: InstData,
    pub(crate) args: [u16; 3],
    pub(crate) results: [u16; 2],
    pub(crate) result_count: u8,
}

/// An op on memories, tables or raw addresses.
pub(crate) struct StoreOp {
    pub(crate) inst: InstData,
    pub(crate) args: [u16; 3],
    pub(crate) result: u16,
}

/// What an indirect call goes through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndirectCall {
    pub(crate) table: Table,
    pub(crate) sig: Sig,
}

/// Tables that instructions of all functions refer to.
#[derive(Default)]
pub(crate) struct SideTables {
    pub(crate) evals: Vec<EvalOp>,
    pub(crate) store_ops: Vec<StoreOp>,
    pub(crate) indirect_calls: Vec<IndirectCall>,
}

/// A frame that is too large to be named.
pub(crate) struct TooManySlots;

/// Translates one function. Callees are numbers of functions, still to be replaced by addresses.
pub(crate) fn translate(
    module: &Module,
    layout: &ContextLayout,
    signature: Sig,
    function: &Function,
    tables: &mut SideTables,
) -> Result<FuncCode, TooManySlots> {
    let signature = module.sig(signature);
    let plan = Plan::new(function, signature.params.len()).ok_or(TooManySlots)?;
    let value_slots = plan.value_slots.max(slots_from_zero(module, function));
    let slots_base = value_slots + u32::from(SCRATCH_SLOTS);
    let frame_slots = slots_base + u32::from(!function.stack_slots().is_empty());
    let callee_base = frame_slots + LINK_SLOTS;
    let deepest = callee_base + callee_slots(module, function);
    if deepest > u32::from(u16::MAX) {
        return Err(TooManySlots);
    }
    let mut writer = Writer {
        module,
        layout,
        function,
        results: &signature.results,
        plan: &plan,
        tables,
        code: Vec::with_capacity(function.inst_count()),
        label: 0,
        block_starts: vec![u32::MAX; function.block_count()],
        fixups: Vec::new(),
        moves: MoveOrder::default(),
        scratch: value_slots as u16,
        scratch_used: 0,
        slots_base: slots_base as u16,
        callee_base: callee_base as u16,
        slot_offsets: Vec::new(),
        slot_bytes: 0,
    };
    writer.place_stack_slots();
    writer.write();
    Ok(FuncCode {
        code: writer.code.into_boxed_slice(),
        frame_slots: deepest,
    })
}

/// Slots from 0 on that returns and tail calls of the function write.
fn slots_from_zero(module: &Module, function: &Function) -> u32 {
    let count = |block: Block| {
        let data = function.inst(function.terminator(block));
        let signature = match data.op {
            Op::ReturnCall => module.func_sig(data.func()),
            Op::ReturnCallIndirect => module.sig(data.sig()),
            _ => return function.operands(data).count(),
        };
        // An imported callee is called, and its results returned from there.
        signature.params.len().max(signature.results.len())
    };
    function.blocks().map(count).max().unwrap_or(0) as u32
}

/// Slots that arguments and results of the largest callee take.
fn callee_slots(module: &Module, function: &Function) -> u32 {
    let slots = |data: &InstData| {
        let signature = match data.op {
            Op::Call | Op::ReturnCall => module.func_sig(data.func()),
            Op::CallIndirect | Op::CallRaw => module.sig(data.sig()),
            _ => return 0,
        };
        signature.params.len().max(signature.results.len()).max(1) as u32
    };
    let insts = function
        .blocks()
        .flat_map(|block| function.inst_slice(block));
    insts.map(slots).max().unwrap_or(0)
}

struct Writer<'f> {
    module: &'f Module,
    layout: &'f ContextLayout,
    function: &'f Function,
    results: &'f [Type],
    plan: &'f Plan,
    tables: &'f mut SideTables,
    code: Vec<Insn>,
    /// The last place that a branch leads to.
    label: u32,
    /// The first instruction of each block.
    block_starts: Vec<u32>,
    /// Branches whose target is a block.
    fixups: Vec<(u32, Block)>,
    moves: MoveOrder,
    scratch: u16,
    /// Scratch slots that hold constants for the current instruction.
    scratch_used: u16,
    slots_base: u16,
    callee_base: u16,
    /// Offset of each stack slot from the address of all, in bytes.
    slot_offsets: Vec<u64>,
    slot_bytes: u64,
}

impl<'f> Writer<'f> {
    fn place_stack_slots(&mut self) {
        for slot in self.function.stack_slots() {
            let offset = self.slot_bytes.next_multiple_of(u64::from(slot.align));
            self.slot_offsets.push(offset);
            self.slot_bytes = offset + u64::from(slot.bytes);
        }
        self.slot_bytes = self.slot_bytes.next_multiple_of(16);
    }

    fn write(&mut self) {
        if !self.slot_offsets.is_empty() {
            self.push(Code::EnterSlots, [self.slots_base, 0, 0], self.slot_bytes);
        }
        let plan = self.plan;
        for (index, block) in plan.order.iter().enumerate() {
            self.block_starts[block.index()] = self.set_label();
            let next = plan.order.get(index + 1).copied();
            for inst in self.function.insts(*block) {
                if !plan.skips(inst) {
                    self.scratch_used = 0;
                    self.write_inst(inst, next);
                }
            }
        }
        for (at, block) in std::mem::take(&mut self.fixups) {
            self.patch(at, self.block_starts[block.index()]);
        }
    }

    fn push(&mut self, code: Code, [a, b, c]: [u16; 3], imm: u64) {
        let insn = Insn { code, a, b, c, imm };
        if let Some(both) = self.last_of_block().and_then(|last| joined(&last, &insn)) {
            self.code.pop();
            return self.code.push(both);
        }
        self.code.push(insn);
    }

    /// The instruction before, if control cannot come to what follows without it.
    fn last_of_block(&self) -> Option<Insn> {
        match self.code.len() as u32 > self.label {
            true => self.code.last().copied(),
            false => None,
        }
    }

    /// Control may come here from elsewhere.
    fn set_label(&mut self) -> u32 {
        self.label = self.code.len() as u32;
        self.label
    }

    /// Points the branch at `at` to the instruction `target`.
    fn patch(&mut self, at: u32, target: u32) {
        let relative = target.wrapping_sub(at);
        let insn = &mut self.code[at as usize];
        insn.imm = match insn.code {
            Code::Jump | Code::BrNz | Code::BrZ => i64::from(relative as i32) as u64,
            _ => insn.imm & u64::from(u32::MAX) | u64::from(relative) << 32,
        };
    }

    /// A slot that holds the value: its own, or a scratch slot with the constant.
    fn slot(&mut self, value: Value) -> u16 {
        match self.plan.source(value) {
            Source::Slot(slot) => slot,
            Source::Const(bits) => {
                let slot = self.scratch + self.scratch_used;
                self.scratch_used += 1;
                self.push(Code::Const, [slot, 0, 0], bits);
                slot
            }
        }
    }

    fn constant(&self, value: Value) -> Option<u64> {
        match self.plan.place(value) {
            Place::Const(bits) => Some(bits),
            Place::Slot(_) | Place::Argument(_) | Place::None => None,
        }
    }

    /// Where a result goes.
    fn target(&self, value: Value) -> u16 {
        match self.plan.place(value) {
            Place::Slot(slot) => slot,
            Place::Argument(position) => self.callee_base + position,
            Place::Const(_) | Place::None => self.scratch + SPARE,
        }
    }

    fn write_inst(&mut self, inst: Inst, next: Option<Block>) {
        let data = *self.function.inst(inst);
        let result = self.function.result(inst);
        match data.op {
            Op::Select => {
                let [cond, yes, no] = [0, 1, 2].map(|i| self.slot(data.arg(i)));
                self.push(Code::Select, [self.target(result), cond, yes], no.into());
            }
            Op::Load | Op::Sload | Op::Uload => self.write_load(&data, result),
            Op::Store | Op::Istore => self.write_store(&data),
            Op::GlobalGet => {
                let offset = self.layout.global(data.global());
                self.push(Code::GlobalGet, [self.target(result), 0, 0], offset.into());
            }
            Op::GlobalSet => {
                let offset = self.layout.global(data.global());
                let value = self.slot(data.arg(0));
                self.push(Code::GlobalSet, [0, value, 0], offset.into());
            }
            Op::StackAddr => self.write_stack_addr(&data, self.target(result)),
            Op::StackLoad | Op::StackStore => self.write_stack_access(&data, result),
            Op::RawLoad
            | Op::RawStore
            | Op::MemorySize
            | Op::MemoryGrow
            | Op::DataDrop
            | Op::TableGet
            | Op::TableSet
            | Op::TableSize
            | Op::TableGrow
            | Op::ElemDrop
            | Op::MemoryFill
            | Op::MemoryCopy
            | Op::MemoryInit
            | Op::TableFill
            | Op::TableCopy
            | Op::TableInit => self.write_store_op(&data, result),
            Op::Call | Op::CallIndirect | Op::CallRaw => self.write_call(inst, &data),
            Op::ReturnCall | Op::ReturnCallIndirect => self.write_tail_call(&data),
            Op::Return => self.write_return(&data),
            Op::Jump => self.write_jump(&self.function.edges(&data)[0], next),
            Op::Brif => self.write_brif(&data, next),
            Op::BrTable => self.write_br_table(&data),
            Op::Trap => self.push(Code::Trap, [0; 3], data.x.into()),
            Op::Trapz | Op::Trapnz => {
                let cond = self.slot(data.arg(0));
                let code = if data.op == Op::Trapz {
                    Code::Trapz
                } else {
                    Code::Trapnz
                };
                self.push(code, [0, cond, 0], data.x.into());
            }
            _ => self.write_computation(inst, &data, result),
        }
    }

    /// An op that computes results from operands alone.
    fn write_computation(&mut self, inst: Inst, data: &InstData, result: Value) {
        if let Some(code) = select::unary_code(data) {
            let operand = self.slot(data.arg(0));
            return self.push(code, [self.target(result), operand, 0], 0);
        }
        if let Some(code) = select::binary_code(data) {
            return self.write_binary(code, data, self.target(result));
        }
        let count = data.op.info().operands.len();
        let mut args = [0; 3];
        for (index, arg) in args.iter_mut().enumerate().take(count) {
            *arg = self.slot(data.arg(index));
        }
        let mut results = [self.scratch + SPARE; 2];
        let mut result_count = 0;
        for (slot, value) in results.iter_mut().zip(self.function.results(inst)) {
            *slot = self.target(value);
            result_count += 1;
        }
        let number = self.tables.evals.len() as u64;
        self.tables.evals.push(EvalOp {
            inst: *data,
            args,
            results,
            result_count,
        });
        self.push(Code::Eval, [0; 3], number);
    }

    fn write_binary(&mut self, code: Code, data: &InstData, target: u16) {
        let [x, y] = [data.arg(0), data.arg(1)];
        if self.plan.folded(x).is_some() || self.plan.folded(y).is_some() {
            return self.write_with_part(data, target);
        }
        if let (Some(bits), Some(ri)) = (
            self.constant(y),
            code.ri().or(code.compare_forms().map(|f| f.ri)),
        ) {
            let left = self.slot(x);
            return self.push(ri, [target, left, 0], bits);
        }
        match (self.constant(x), code.ir()) {
            (Some(bits), Some(Left::Exchange(ri))) => {
                let right = self.slot(y);
                self.push(ri, [target, right, 0], bits);
            }
            (Some(bits), Some(Left::Code(ir))) => {
                let right = self.slot(y);
                self.push(ir, [target, 0, right], bits);
            }
            _ => {
                let [left, right] = [self.slot(x), self.slot(y)];
                self.push(code, [target, left, right], 0);
            }
        }
    }

    /// A sum one of whose operands is a shift or a product that it computes itself.
    fn write_with_part(&mut self, data: &InstData, target: u16) {
        let [x, y] = [data.arg(0), data.arg(1)];
        if data.op == Op::Iadd {
            let (base, index, shift) = self.scaled(x, y);
            return self.push(Code::ShiftAdd32, [target, base, index], shift);
        }
        let (product, summand) = match self.plan.folded(x) {
            Some(product) => (Some(product), y),
            None => (self.plan.folded(y), x),
        };
        let Some(product) = product.map(|inst| *self.function.inst(inst)) else {
            return;
        };
        let [left, right, summand] =
            [product.arg(0), product.arg(1), summand].map(|v| self.slot(v));
        let code = if data.ty == Type::F32 {
            Code::MulAdd32
        } else {
            Code::MulAdd64
        };
        self.push(code, [target, left, right], summand.into());
    }

    /// Whether a linear-memory access is of the kind that has instructions of its own.
    fn is_common_access(&self, data: &InstData, addr: Value) -> bool {
        data.x == 0 && self.function.value_type(addr) == Type::I32
    }

    fn write_load(&mut self, data: &InstData, result: Value) {
        let addr = data.arg(0);
        match select::load_code(data) {
            Some(code) if self.is_common_access(data, addr) => {
                let target = self.target(result);
                self.write_access(code, target, addr, data.offset());
            }
            _ => self.write_store_op(data, result),
        }
    }

    fn write_store(&mut self, data: &InstData) {
        let [value, addr] = [data.arg(0), data.arg(1)];
        if !self.is_common_access(data, addr) {
            return self.write_store_op(data, Value(0));
        }
        let code = select::store_code(data);
        let is_plain = self.constant(addr).is_none() && self.plan.folded(addr).is_none();
        if is_plain
            && let (Some(bits), Some(ri)) = (self.constant(value), code.ri())
            && (code != Code::Store64 || i64::from(bits as i32) as u64 == bits)
        {
            let base = self.slot(addr);
            return self.push(ri, [0, base, 0], u64::from(data.offset()) | bits << 32);
        }
        let value = self.slot(value);
        self.write_access(code, value, addr, data.offset());
    }

    /// A load into or a store from slot `a`, in the form that suits the address.
    fn write_access(&mut self, code: Code, a: u16, addr: Value, offset: u32) {
        let low = u64::from(offset);
        let Some(forms) = code.address_forms() else {
            return;
        };
        if let Some(base) = self.constant(addr) {
            return self.push(forms.absolute, [a, 0, 0], base + low);
        }
        let Some(sum) = self.plan.folded(addr).map(|inst| *self.function.inst(inst)) else {
            let base = self.slot(addr);
            return self.push(code, [a, base, 0], low);
        };
        let [x, y] = [sum.arg(0), sum.arg(1)];
        match (self.constant(x), self.constant(y)) {
            (_, Some(bits)) => {
                let base = self.slot(x);
                self.push(forms.add, [a, base, 0], bits << 32 | low);
            }
            (Some(bits), None) => {
                let base = self.slot(y);
                self.push(forms.add, [a, base, 0], bits << 32 | low);
            }
            (None, None) => {
                let (base, index, shift) = self.scaled(x, y);
                self.push(forms.index, [a, base, index], shift << 32 | low);
            }
        }
    }

    /// The slots of a sum, the second of which is shifted left.
    fn scaled(&mut self, x: Value, y: Value) -> (u16, u16, u64) {
        for (base, scaled) in [(x, y), (y, x)] {
            if let Some(shift) = self
                .plan
                .folded(scaled)
                .map(|inst| *self.function.inst(inst))
            {
                let count = self.constant(shift.arg(1)).unwrap_or_default() & 31;
                return (self.slot(base), self.slot(shift.arg(0)), count);
            }
        }
        (self.slot(x), self.slot(y), 0)
    }

    fn write_stack_addr(&mut self, data: &InstData, target: u16) {
        let offset = self.slot_offsets[data.slot().index()] + u64::from(data.offset());
        self.push(Code::StackAddr, [target, self.slots_base, 0], offset);
    }

    /// A stack access is a raw access at the slot's address.
    fn write_stack_access(&mut self, data: &InstData, result: Value) {
        let value = match data.op {
            Op::StackStore => self.slot(data.arg(0)),
            _ => 0,
        };
        let addr = self.scratch + SPARE;
        self.write_stack_addr(data, addr);
        let (op, args, result) = match data.op {
            Op::StackStore => (Op::RawStore, [value, addr, 0], addr),
            _ => (Op::RawLoad, [addr, 0, 0], self.target(result)),
        };
        self.push_store_op(StoreOp {
            inst: InstData::new(op, data.ty),
            args,
            result,
        });
    }

    fn write_store_op(&mut self, data: &InstData, result: Value) {
        let operands: Vec<Value> = self.function.operands(data).collect();
        let mut args = [0; 3];
        for (slot, value) in args.iter_mut().zip(operands) {
            *slot = self.slot(value);
        }
        let has_result = !data.op.info().results.is_empty();
        let result = if has_result {
            self.target(result)
        } else {
            self.scratch + SPARE
        };
        self.push_store_op(StoreOp {
            inst: *data,
            args,
            result,
        });
    }

    fn push_store_op(&mut self, op: StoreOp) {
        let number = self.tables.store_ops.len() as u64;
        self.tables.store_ops.push(op);
        self.push(Code::StoreOp, [0; 3], number);
    }

    /// Puts the arguments of a call into the callee's frame, except those that are there already.
    fn write_arguments(&mut self, args: &[Value]) {
        let base = self.callee_base;
        let plan = self.plan;
        let missing = args
            .iter()
            .enumerate()
            .filter(|(_, arg)| !matches!(plan.place(**arg), Place::Argument(_)))
            .map(|(position, arg)| (base + position as u16, plan.source(*arg)));
        // Nothing here is in the callee's frame, so any order is right.
        let moves: Vec<(u16, Source)> = missing.collect();
        self.push_moves(&moves);
    }

    /// Moves in an order that is right; two copies side by side become one instruction.
    fn push_moves(&mut self, moves: &[(u16, Source)]) {
        let mut rest = moves;
        loop {
            rest = match rest {
                [] => return,
                [
                    (to, Source::Slot(from)),
                    (to2, Source::Slot(from2)),
                    tail @ ..,
                ] => {
                    self.push(Code::Copy2, [*to, *from, *from2], (*to2).into());
                    tail
                }
                [(to, Source::Slot(from)), tail @ ..] => {
                    self.push(Code::Copy, [*to, *from, 0], 0);
                    tail
                }
                [(to, Source::Const(bits)), tail @ ..] => {
                    self.push(Code::Const, [*to, 0, 0], *bits);
                    tail
                }
            };
        }
    }

    fn push_parallel(&mut self, moves: impl Iterator<Item = (u16, Source)>) {
        let mut order = std::mem::take(&mut self.moves);
        self.push_moves(order.order(moves, self.scratch + SPARE));
        self.moves = order;
    }

    fn indirect_call(&mut self, data: &InstData) -> u64 {
        let call = IndirectCall {
            table: data.table(),
            sig: data.sig(),
        };
        let calls = &mut self.tables.indirect_calls;
        let number = calls.iter().rposition(|c| *c == call).unwrap_or_else(|| {
            calls.push(call);
            calls.len() - 1
        });
        number as u64
    }

    fn write_call(&mut self, inst: Inst, data: &InstData) {
        let operands = self.function.list_operands(data);
        let (code, imm, callee, args) = match data.op {
            Op::Call => {
                let func = data.func();
                let code = match self.module.func(func).body() {
                    Some(_) => Code::Call,
                    None => Code::CallHost,
                };
                (code, func.0.into(), None, operands)
            }
            Op::CallIndirect => (
                Code::CallIndirect,
                self.indirect_call(data),
                Some(operands[0]),
                &operands[1..],
            ),
            _ => (
                Code::CallRaw,
                data.sig().0.into(),
                Some(operands[0]),
                &operands[1..],
            ),
        };
        self.write_arguments(args);
        let callee = callee.map_or(0, |value| self.slot(value));
        let results = self.function.results(inst);
        let only = match results.len() {
            1 => self.target(self.function.result(inst)),
            _ => self.scratch + SPARE,
        };
        self.push(code, [only, self.callee_base, callee], imm);
        if results.len() > 1 {
            let (base, plan) = (self.callee_base, self.plan);
            let wanted = results
                .enumerate()
                .filter(|(_, r)| plan.place(*r) != Place::None);
            let moves: Vec<(u16, Source)> = wanted
                .map(|(position, result)| {
                    (self.target(result), Source::Slot(base + position as u16))
                })
                .collect();
            self.push_parallel(moves.into_iter());
        }
    }

    fn write_tail_call(&mut self, data: &InstData) {
        let operands = self.function.list_operands(data);
        if data.op == Op::ReturnCall && self.module.func(data.func()).body().is_none() {
            self.write_arguments(operands);
            let spare = self.scratch + SPARE;
            self.push(
                Code::CallHost,
                [spare, self.callee_base, 0],
                data.func().0.into(),
            );
            let base = self.callee_base;
            let results = self.results.len() as u16;
            return self.push_return(
                (0..results).map(|r| Source::Slot(if results == 1 { spare } else { base + r })),
            );
        }
        let plan = self.plan;
        let (args, resolved) = match data.op {
            Op::ReturnCall => (operands, None),
            _ => {
                let index = self.slot(operands[0]);
                let number = self.indirect_call(data);
                let resolved = self.scratch;
                self.push(Code::Resolve, [resolved, 0, index], number);
                (&operands[1..], Some(resolved))
            }
        };
        self.push_parallel(
            args.iter()
                .enumerate()
                .map(|(to, arg)| (to as u16, plan.source(*arg))),
        );
        self.leave_slots();
        match resolved {
            None => self.push(Code::TailCall, [0; 3], data.func().0.into()),
            Some(slot) => self.push(Code::TailCallResolved, [0, slot, 0], 0),
        }
    }

    fn leave_slots(&mut self) {
        if !self.slot_offsets.is_empty() {
            self.push(Code::LeaveSlots, [0; 3], self.slot_bytes);
        }
    }

    fn write_return(&mut self, data: &InstData) {
        let plan = self.plan;
        let values = self.function.list_operands(data);
        self.push_return(values.iter().map(|v| plan.source(*v)));
    }

    fn push_return(&mut self, mut sources: impl ExactSizeIterator<Item = Source>) {
        self.leave_slots();
        if sources.len() != 1 {
            self.push_parallel(sources.enumerate().map(|(to, from)| (to as u16, from)));
            return self.push(Code::Return, [0; 3], 0);
        }
        match sources.next() {
            Some(Source::Slot(slot)) => self.push(Code::Return1, [0, slot, 0], 0),
            Some(Source::Const(bits)) => self.push(Code::ReturnConst, [0; 3], bits),
            None => {}
        }
    }

    fn edge_moves(&self, edge: &EdgeData) -> Vec<(u16, Source)> {
        let plan = self.plan;
        let pairs = self
            .function
            .params(edge.block)
            .zip(self.function.edge_args(edge));
        pairs
            .filter_map(|(param, arg)| match plan.place(param) {
                Place::Slot(slot) => Some((slot, plan.source(*arg))),
                Place::Argument(_) | Place::Const(_) | Place::None => None,
            })
            .filter(|(to, from)| *from != Source::Slot(*to))
            .collect()
    }

    fn push_jump(&mut self, block: Block, next: Option<Block>) {
        if next != Some(block) {
            self.fixups.push((self.code.len() as u32, block));
            self.push(Code::Jump, [0; 3], 0);
        }
    }

    fn write_jump(&mut self, edge: &EdgeData, next: Option<Block>) {
        let moves = self.edge_moves(edge);
        self.push_parallel(moves.into_iter());
        self.push_jump(edge.block, next);
    }

    fn write_brif(&mut self, data: &InstData, next: Option<Block>) {
        let [then, els] = [self.function.edges(data)[0], self.function.edges(data)[1]];
        let [then_moves, else_moves] = [self.edge_moves(&then), self.edge_moves(&els)];
        if then_moves.is_empty() && (next != Some(then.block) || !else_moves.is_empty()) {
            let branch = self.push_branch(data, true);
            self.fixups.push((branch, then.block));
            return self.write_jump(&els, next);
        }
        let branch = self.push_branch(data, false);
        if else_moves.is_empty() {
            self.fixups.push((branch, els.block));
            return self.write_jump(&then, next);
        }
        self.push_parallel(then_moves.into_iter());
        self.push_jump(then.block, None);
        let label = self.set_label();
        self.patch(branch, label);
        self.write_jump(&els, next);
    }

    /// A branch, yet without a target, that is taken if the condition is `if_true`. Returns where.
    fn push_branch(&mut self, data: &InstData, if_true: bool) -> u32 {
        let condition = data.arg(0);
        let fused = self
            .plan
            .folded(condition)
            .map(|inst| *self.function.inst(inst));
        match fused.and_then(|fused| {
            Some((
                fused,
                select::branch_code(&fused, if_true)?.compare_forms()?,
            ))
        }) {
            Some((fused, forms)) => {
                let [x, y] = [fused.arg(0), fused.arg(1)];
                let left = self.slot(x);
                match self
                    .constant(y)
                    .and_then(|bits| half_constant(fused.ty, bits))
                {
                    Some(half) => self.push(forms.branch_ri, [0, left, 0], half.into()),
                    None => {
                        let right = self.slot(y);
                        self.push(forms.branch_rr, [0, left, right], 0);
                    }
                }
            }
            None => {
                let slot = self.slot(condition);
                self.push(
                    if if_true { Code::BrNz } else { Code::BrZ },
                    [0, slot, 0],
                    0,
                );
            }
        }
        self.code.len() as u32 - 1
    }

    fn write_br_table(&mut self, data: &InstData) {
        let edges = self.function.edges(data);
        let index = self.slot(data.arg(0));
        self.push(Code::BrTable, [0, index, 0], edges.len() as u64 - 1);
        let first = self.code.len();
        let mut with_moves = Vec::new();
        for edge in edges {
            let moves = self.edge_moves(edge);
            let at = self.code.len() as u32;
            match moves.is_empty() {
                true => self.fixups.push((at, edge.block)),
                false => with_moves.push((at, edge.block, moves)),
            }
            self.push(Code::Jump, [0; 3], 0);
        }
        debug_assert_eq!(self.code.len(), first + edges.len());
        for (at, block, moves) in with_moves {
            let label = self.set_label();
            self.patch(at, label);
            self.push_parallel(moves.into_iter());
            self.push_jump(block, None);
        }
    }
}

/// Two instructions, one after the other, as one that does both, if there is one.
fn joined(first: &Insn, second: &Insn) -> Option<Insn> {
    if first.code != Code::Iadd32I {
        return None;
    }
    let sum = first.a;
    let addend = first.imm & u64::from(u32::MAX);
    match second.code {
        Code::Iadd32I => {
            let in_place = first.b == sum && second.a == second.b && second.a != sum;
            in_place.then_some(Insn {
                code: Code::AddBoth32,
                b: second.a,
                imm: addend | second.imm << 32,
                ..*first
            })
        }
        Code::BrNz if second.b == sum => Some(Insn {
            code: Code::AddBrNz32,
            imm: addend,
            ..*first
        }),
        Code::BrNe32 if second.b == sum && second.c != sum => Some(Insn {
            code: Code::AddBrNe32,
            c: second.c,
            imm: addend,
            ..*first
        }),
        Code::BrNe32 if second.c == sum && second.b != sum => Some(Insn {
            code: Code::AddBrNe32,
            c: second.b,
            imm: addend,
            ..*first
        }),
        _ => None,
    }
}

/// A constant as the low half of a fused branch has it, if it fits.
fn half_constant(ty: Type, bits: u64) -> Option<u32> {
    match ty {
        Type::I8 | Type::I16 | Type::I32 | Type::F32 => Some(bits as u32),
        Type::I64 => (i64::from(bits as i32) as u64 == bits).then_some(bits as u32),
        Type::F64 => {
            let narrow = f64::from_bits(bits) as f32;
            let same = Scalar::f64(f64::from(narrow)).bits() == bits && !narrow.is_nan();
            same.then_some(narrow.to_bits())
        }
    }
}

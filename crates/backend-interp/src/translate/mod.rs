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

mod branches;
mod calls;
mod join;

use bakeoff_backend::ContextLayout;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, Function, Inst, InstData, Module, Op, Sig, Table, Type, Value};

use crate::code::{Code, Insn, Left};
use crate::moves::{MoveOrder, Source};
use crate::plan::{Place, Plan};
use crate::select;
use join::joined;

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
            _ if faults::on(Fault::InterpJoinAcrossLabel) => self.code.last().copied(),
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
                let [mut left, mut right] = [self.slot(x), self.slot(y)];
                if faults::on(Fault::InterpSwappedSub) && data.op == Op::Isub {
                    std::mem::swap(&mut left, &mut right);
                }
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
}

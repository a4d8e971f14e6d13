//! From a function of the IR to a function of Cranelift.
//!
//! The two languages are close: blocks stay blocks, parameters parameters, and most ops have one
//! instruction. What needs several (memory, tables, calls) is in `access` and `call`. Nothing is
//! optimised here, and nothing is said less precisely than Cranelift could use: addresses that never
//! change are `readonly` and `can_move`, and memory, tables and globals are alias regions of their own,
//! as Wasmtime has them.
//!
//! Every function gets the context as its first parameter.

use bakeoff_backend::BoundsChecks;
use bakeoff_backend::context::{ContextLayout, offset};
use bakeoff_backend::native::Builtin;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::analysis::Cfg;
use bakeoff_ir::{
    Effects, FloatCc, Function, Inst, InstData, IntCc, Module, Op, Signature, TrapCode, Type, Value,
};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{
    self as cl, AliasRegion, AliasRegionData, BlockArg, BlockCall, InstBuilder, JumpTableData,
    MemFlagsData, StackSlotData, StackSlotKind, types,
};
use cranelift_codegen::isa::CallConv;

use crate::Features;

/// What all functions of a module share.
pub(crate) struct Shared<'m> {
    pub(crate) module: &'m Module,
    pub(crate) layout: ContextLayout,
    pub(crate) bounds_checks: BoundsChecks,
    pub(crate) features: Features,
}

/// The type as Cranelift names it.
pub(crate) fn cl_type(ty: Type) -> cl::Type {
    match ty {
        Type::I8 => types::I8,
        Type::I16 => types::I16,
        Type::I32 => types::I32,
        Type::I64 => types::I64,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
    }
}

/// The trap code as Cranelift carries it: the same byte.
pub(crate) fn cl_trap(code: TrapCode) -> cl::TrapCode {
    cl::TrapCode::unwrap_user(code.to_byte())
}

/// Results that are returned in registers. Further ones go through memory of the caller: Cranelift
/// leaves that to its users.
pub(crate) const REGISTER_RESULTS: usize = 2;

/// Whether a function gets the address for its further results, behind its parameters.
pub(crate) fn has_result_area(signature: &Signature) -> bool {
    signature.results.len() > REGISTER_RESULTS
}

/// The signature that a function of the module has in machine code: the context first. The `tail`
/// convention is what Wasmtime compiles Wasm with; it has the tail calls that the IR needs.
pub(crate) fn module_signature(signature: &Signature) -> cl::Signature {
    let mut result = cl::Signature::new(CallConv::Tail);
    result.params.push(cl::AbiParam::new(types::I64));
    let param = |ty: &Type| cl::AbiParam::new(cl_type(*ty));
    result.params.extend(signature.params.iter().map(param));
    if has_result_area(signature) {
        result.params.push(cl::AbiParam::new(types::I64));
    }
    let returned = signature.results.iter().take(REGISTER_RESULTS);
    result.returns.extend(returned.map(param));
    result
}

/// Alias regions, numbered alike in every function.
#[derive(Clone, Copy)]
pub(crate) struct Regions {
    pub(crate) memory: Option<AliasRegion>,
    pub(crate) tables: Option<AliasRegion>,
    pub(crate) globals: Option<AliasRegion>,
}

/// Translates one function.
pub(crate) struct Translator<'t> {
    pub(crate) shared: &'t Shared<'t>,
    pub(crate) function: &'t Function,
    pub(crate) pos: FuncCursor<'t>,
    pub(crate) context: cl::Value,
    /// Where further results go, if the function has any.
    pub(crate) result_area: Option<cl::Value>,
    /// Room for further results of callees, and its size in bytes.
    pub(crate) callee_area: Option<(cl::StackSlot, u32)>,
    pub(crate) regions: Regions,
    values: Vec<cl::Value>,
    blocks: Vec<cl::Block>,
    pub(crate) slots: Vec<cl::StackSlot>,
    /// Functions that were declared here already, by number.
    pub(crate) callees: Vec<(u32, cl::FuncRef)>,
    pub(crate) signatures: Vec<(u32, cl::SigRef)>,
    pub(crate) builtin_signatures: Vec<(Builtin, cl::SigRef)>,
    args: Vec<BlockArg>,
}

/// Fills `out`, which has its signature already, with the body.
pub(crate) fn translate(
    shared: &Shared<'_>,
    signature: &Signature,
    function: &Function,
    out: &mut cl::Function,
) {
    let mut pos = FuncCursor::new(out);
    let blocks: Vec<cl::Block> = function
        .blocks()
        .map(|_| pos.func.dfg.make_block())
        .collect();
    let mut values = vec![cl::Value::from_u32(u32::MAX - 1); function.value_count()];
    // The entry block of the IR may be branched to, that of Cranelift may not.
    let entry = pos.func.dfg.make_block();
    pos.insert_block(entry);
    let params: Vec<cl::AbiParam> = pos.func.signature.params.clone();
    let entry_params: Vec<cl::Value> = params
        .iter()
        .map(|param| pos.func.dfg.append_block_param(entry, param.value_type))
        .collect();
    for block in function.blocks() {
        for param in function.params(block) {
            let ty = cl_type(function.value_type(param));
            values[param.index()] = pos.func.dfg.append_block_param(blocks[block.index()], ty);
        }
    }
    let (args, area) = entry_params[1..].split_at(signature.params.len());
    let args: Vec<BlockArg> = args.iter().map(|v| BlockArg::Value(*v)).collect();
    let regions = declare_regions(function, pos.func);
    let mut translator = Translator {
        shared,
        function,
        pos,
        context: entry_params[0],
        result_area: area.first().copied(),
        callee_area: None,
        regions,
        values,
        blocks,
        slots: Vec::new(),
        callees: Vec::new(),
        signatures: Vec::new(),
        builtin_signatures: Vec::new(),
        args: Vec::new(),
    };
    translator.make_stack_slots();
    let first = translator.blocks[0];
    translator.pos.ins().jump(first, &args);
    translator.translate_blocks();
}

/// Raw accesses may touch anything that the host has pointers to: a function with such accesses gets
/// no regions.
fn declare_regions(function: &Function, out: &mut cl::Function) -> Regions {
    let mut insts = function
        .blocks()
        .flat_map(|block| function.inst_slice(block));
    if insts.any(|inst| matches!(inst.op, Op::RawLoad | Op::RawStore | Op::StackAddr)) {
        return Regions {
            memory: None,
            tables: None,
            globals: None,
        };
    }
    let mut region = |user_id, description: &'static str| {
        Some(out.dfg.alias_regions.insert(AliasRegionData {
            user_id,
            description: description.into(),
        }))
    };
    Regions {
        memory: region(0, "memory"),
        tables: region(1, "tables"),
        globals: region(2, "globals"),
    }
}

impl<'t> Translator<'t> {
    fn translate_blocks(&mut self) {
        // Layout order, but filled so that definitions come before uses.
        for block in self.function.blocks() {
            self.pos.insert_block(self.blocks[block.index()]);
        }
        let cfg = Cfg::new(self.function);
        for block in cfg.rpo() {
            self.pos.goto_bottom(self.blocks[block.index()]);
            for inst in self.function.insts(*block) {
                self.translate_inst(inst);
            }
        }
        for block in self.function.blocks() {
            if !cfg.is_reachable(block) {
                self.pos.goto_bottom(self.blocks[block.index()]);
                self.pos.ins().trap(cl_trap(TrapCode::Unreachable));
            }
        }
    }

    fn make_stack_slots(&mut self) {
        for slot in self.function.stack_slots() {
            let shift = slot.align.trailing_zeros() as u8;
            let size = slot.bytes.next_multiple_of(8);
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, shift.max(3));
            self.slots.push(self.pos.func.create_sized_stack_slot(data));
        }
        for index in 0..self.slots.len() {
            self.zero_stack_slot(
                self.slots[index],
                self.function.stack_slots()[index].bytes.next_multiple_of(8),
            );
        }
    }

    /// Zeroes a slot: a few stores, or a loop.
    fn zero_stack_slot(&mut self, slot: cl::StackSlot, bytes: u32) {
        const UNROLLED_BYTES: u32 = 128;
        let zero = self.pos.ins().iconst(types::I64, 0);
        if bytes <= UNROLLED_BYTES {
            for at in (0..bytes).step_by(8) {
                self.pos
                    .ins()
                    .stack_store(types::I64, zero, slot, at as i32);
            }
            return;
        }
        let (head, after) = (
            self.pos.func.dfg.make_block(),
            self.pos.func.dfg.make_block(),
        );
        let index = self.pos.func.dfg.append_block_param(head, types::I64);
        let start = self.pos.ins().stack_addr(types::I64, slot, 0);
        self.pos.ins().jump(head, &[BlockArg::Value(zero)]);
        self.pos.insert_block(head);
        let address = self.pos.ins().iadd(start, index);
        self.pos
            .ins()
            .store(MemFlagsData::trusted(), zero, address, 0);
        let eight = self.pos.ins().iconst(types::I64, 8);
        let next = self.pos.ins().iadd(index, eight);
        let mut end = i64::from(bytes);
        if faults::on(Fault::CraneliftSlotTailKept) {
            end -= 8;
        }
        let end = self.pos.ins().iconst(types::I64, end);
        let more = self.pos.ins().icmp(IntCC::UnsignedLessThan, next, end);
        self.pos
            .ins()
            .brif(more, head, &[BlockArg::Value(next)], after, &[]);
        self.pos.insert_block(after);
    }

    /// The value in Cranelift's function.
    pub(crate) fn value(&self, value: Value) -> cl::Value {
        self.values[value.index()]
    }

    /// The values of a list of operands.
    pub(crate) fn value_list(&self, values: &[Value]) -> Vec<cl::Value> {
        values.iter().map(|v| self.value(*v)).collect()
    }

    pub(crate) fn set(&mut self, value: Value, to: cl::Value) {
        self.values[value.index()] = to;
    }

    /// Flags of a load of something that an instance never changes.
    pub(crate) fn constant_flags() -> MemFlagsData {
        MemFlagsData::trusted().with_readonly().with_can_move()
    }

    /// An integer constant.
    pub(crate) fn iconst(&mut self, ty: cl::Type, value: i64) -> cl::Value {
        self.pos.ins().iconst(ty, value)
    }

    fn translate_inst(&mut self, inst: Inst) {
        let data = *self.function.inst(inst);
        let effects = data.op.info().effects;
        if effects.has(Effects::CALLS) {
            return self.translate_call(inst, &data);
        }
        if effects.has(Effects::ENDS_BLOCK) {
            return self.translate_terminator(&data);
        }
        if effects.has(Effects::READS) || effects.has(Effects::WRITES) {
            return self.translate_access(inst, &data);
        }
        self.translate_computation(inst, &data);
    }

    fn translate_terminator(&mut self, data: &InstData) {
        let function = self.function;
        match data.op {
            Op::Jump => {
                let edge = &function.edges(data)[0];
                let args = self.block_args(function.edge_args(edge));
                self.pos.ins().jump(self.blocks[edge.block.index()], &args);
                self.args = args;
            }
            Op::Brif => {
                let [then, els] = [&function.edges(data)[0], &function.edges(data)[1]];
                let then_args = self.block_args(function.edge_args(then));
                let mut else_args = self.block_args(function.edge_args(els));
                if faults::on(Fault::CraneliftEdgesOneTarget) && then.block == els.block {
                    else_args.clone_from(&then_args);
                }
                let [then, els] = [then, els].map(|edge| self.blocks[edge.block.index()]);
                let mut cond = self.value(data.arg(0));
                if faults::on(Fault::CraneliftConditionNarrow)
                    && function.value_type(data.arg(0)) == Type::I64
                {
                    cond = self.pos.ins().ireduce(types::I32, cond);
                }
                self.pos.ins().brif(cond, then, &then_args, els, &else_args);
            }
            Op::BrTable => self.translate_br_table(data),
            Op::Return => {
                let values = self.value_list(function.list_operands(data));
                let (returned, further) = values.split_at(values.len().min(REGISTER_RESULTS));
                if let Some(area) = self.result_area {
                    for (index, value) in further.iter().enumerate() {
                        let index = match faults::on(Fault::CraneliftResultsReversed) {
                            true => further.len() - 1 - index,
                            false => index,
                        };
                        let flags = MemFlagsData::trusted();
                        self.pos.ins().store(flags, *value, area, 8 * index as i32);
                    }
                }
                self.pos.ins().return_(returned);
            }
            _ => {
                self.pos.ins().trap(cl_trap(data.trap_code()));
            }
        }
    }

    fn block_args(&mut self, values: &[Value]) -> Vec<BlockArg> {
        let mut args = std::mem::take(&mut self.args);
        args.clear();
        args.extend(values.iter().map(|v| BlockArg::Value(self.value(*v))));
        args
    }

    fn translate_br_table(&mut self, data: &InstData) {
        let function = self.function;
        let mut calls = Vec::new();
        for edge in function.edges(data) {
            let args = self.block_args(function.edge_args(edge));
            let block = self.blocks[edge.block.index()];
            calls.push(BlockCall::new(
                block,
                args.iter().copied(),
                &mut self.pos.func.dfg.value_lists,
            ));
            self.args = args;
        }
        let Some(default) = calls.pop() else { return };
        let table = self
            .pos
            .func
            .create_jump_table(JumpTableData::new(default, &calls));
        let index = self.value(data.arg(0));
        self.pos.ins().br_table(index, table);
    }

    /// An op that neither reads nor writes anything but values.
    fn translate_computation(&mut self, inst: Inst, data: &InstData) {
        let result = self.function.result(inst);
        let arg = |index| self.values[data.arg(index).index()];
        let ty = cl_type(data.ty);
        match data.op.info().operands.len() {
            0 => self.translate_constant(data, result),
            1 => {
                let x = arg(0);
                if matches!(data.op, Op::Trapz | Op::Trapnz) {
                    let code = cl_trap(data.trap_code());
                    match data.op {
                        Op::Trapz => self.pos.ins().trapz(x, code),
                        _ => self.pos.ins().trapnz(x, code),
                    };
                    return;
                }
                let value = self.unary(data, ty, x);
                self.set(result, value);
            }
            2 => {
                let (x, y) = (arg(0), arg(1));
                if data.op.info().results.len() == 2 {
                    let (wrapped, flag) = self.overflowing(data.op, x, y);
                    self.set(result, wrapped);
                    self.set(Value(result.0 + 1), flag);
                    return;
                }
                let value = self.binary(data, x, y);
                self.set(result, value);
            }
            _ => {
                let (x, y, z) = (arg(0), arg(1), arg(2));
                let value = match data.op {
                    Op::Select => self.pos.ins().select(x, y, z),
                    _ => self.fma(data.ty, x, y, z),
                };
                self.set(result, value);
            }
        }
    }

    fn translate_constant(&mut self, data: &InstData, result: Value) {
        let value = match data.op {
            Op::Fconst if data.ty == Type::F32 => self
                .pos
                .ins()
                .f32const(Ieee32::with_bits(data.imm() as u32)),
            Op::Fconst => self.pos.ins().f64const(Ieee64::with_bits(data.imm())),
            Op::RefFunc => self.iconst(types::I64, i64::from(data.func().0) + 1),
            Op::StackAddr => {
                let slot = self.slots[data.slot().index()];
                self.pos
                    .ins()
                    .stack_addr(types::I64, slot, data.offset() as i32)
            }
            _ if faults::on(Fault::CraneliftConstantCut) && data.ty == Type::I64 => {
                self.iconst(types::I64, i64::from(data.imm() as i32))
            }
            _ => self.iconst(cl_type(data.ty), data.imm() as i64),
        };
        self.set(result, value);
    }

    fn unary(&mut self, data: &InstData, ty: cl::Type, x: cl::Value) -> cl::Value {
        if let Some(builtin) = self.rounding_builtin(data) {
            let results = self.call_builtin(builtin, &[x]);
            return results.unwrap_or(x);
        }
        let ins = self.pos.ins();
        match data.op {
            Op::Ineg => ins.ineg(x),
            Op::Iabs => ins.iabs(x),
            Op::Bnot => ins.bnot(x),
            Op::Clz => ins.clz(x),
            Op::Ctz => ins.ctz(x),
            Op::Popcnt => ins.popcnt(x),
            Op::Bitrev => ins.bitrev(x),
            Op::Bswap => ins.bswap(x),
            Op::Sextend => ins.sextend(ty, x),
            Op::Uextend => ins.uextend(ty, x),
            Op::Ireduce => ins.ireduce(ty, x),
            Op::Bitcast => ins.bitcast(ty, MemFlagsData::new(), x),
            Op::Fpromote => ins.fpromote(ty, x),
            Op::Fdemote => ins.fdemote(ty, x),
            Op::FcvtFromSint => ins.fcvt_from_sint(ty, x),
            Op::FcvtFromUint => ins.fcvt_from_uint(ty, x),
            Op::FcvtToSint => ins.fcvt_to_sint(ty, x),
            Op::FcvtToUint => ins.fcvt_to_uint(ty, x),
            Op::FcvtToSintSat => ins.fcvt_to_sint_sat(ty, x),
            Op::FcvtToUintSat => ins.fcvt_to_uint_sat(ty, x),
            Op::Fneg => ins.fneg(x),
            Op::Fabs => ins.fabs(x),
            Op::Sqrt => ins.sqrt(x),
            Op::Ceil => ins.ceil(x),
            Op::Floor => ins.floor(x),
            Op::Trunc => ins.trunc(x),
            Op::Nearest => ins.nearest(x),
            other => unreachable!("{other} is no unary computation"),
        }
    }

    /// What rounds where the processor cannot.
    fn rounding_builtin(&self, data: &InstData) -> Option<Builtin> {
        let narrow = data.ty == Type::F32;
        let pick = |a, b| Some(if narrow { a } else { b });
        match data.op {
            _ if self.shared.features.rounds => None,
            Op::Ceil => pick(Builtin::Ceil32, Builtin::Ceil64),
            Op::Floor => pick(Builtin::Floor32, Builtin::Floor64),
            Op::Trunc => pick(Builtin::Trunc32, Builtin::Trunc64),
            Op::Nearest => pick(Builtin::Nearest32, Builtin::Nearest64),
            _ => None,
        }
    }

    fn fma(&mut self, ty: Type, x: cl::Value, y: cl::Value, z: cl::Value) -> cl::Value {
        if self.shared.features.fuses {
            return self.pos.ins().fma(x, y, z);
        }
        let builtin = if ty == Type::F32 {
            Builtin::Fma32
        } else {
            Builtin::Fma64
        };
        self.call_builtin(builtin, &[x, y, z]).unwrap_or(x)
    }

    fn binary(&mut self, data: &InstData, x: cl::Value, y: cl::Value) -> cl::Value {
        let ins = self.pos.ins();
        match data.op {
            Op::Iadd => ins.iadd(x, y),
            Op::Isub => ins.isub(x, y),
            Op::Imul => ins.imul(x, y),
            Op::Smin => ins.smin(x, y),
            Op::Smax => ins.smax(x, y),
            Op::Umin => ins.umin(x, y),
            Op::Umax => ins.umax(x, y),
            Op::Smulhi => ins.smulhi(x, y),
            Op::Umulhi => ins.umulhi(x, y),
            Op::Sdiv => ins.sdiv(x, y),
            Op::Udiv => ins.udiv(x, y),
            Op::Srem => ins.srem(x, y),
            Op::Urem => ins.urem(x, y),
            Op::Band => ins.band(x, y),
            Op::Bor => ins.bor(x, y),
            Op::Bxor => ins.bxor(x, y),
            Op::Ishl => ins.ishl(x, y),
            Op::Ushr => ins.ushr(x, y),
            Op::Sshr => ins.sshr(x, y),
            Op::Rotl => ins.rotl(x, y),
            Op::Rotr if faults::on(Fault::CraneliftRotatesLeft) && data.ty == Type::I8 => {
                ins.rotl(x, y)
            }
            Op::Rotr => ins.rotr(x, y),
            Op::Icmp => ins.icmp(int_cc(data.int_cc()), x, y),
            Op::Fcmp => ins.fcmp(float_cc(data.float_cc()), x, y),
            Op::Fadd => ins.fadd(x, y),
            Op::Fsub => ins.fsub(x, y),
            Op::Fmul => ins.fmul(x, y),
            Op::Fdiv => ins.fdiv(x, y),
            Op::Fmin => ins.fmin(x, y),
            Op::Fmax => ins.fmax(x, y),
            Op::Copysign => ins.fcopysign(x, y),
            other => unreachable!("{other} is no binary computation"),
        }
    }

    fn overflowing(&mut self, op: Op, x: cl::Value, y: cl::Value) -> (cl::Value, cl::Value) {
        let ins = self.pos.ins();
        match op {
            Op::SaddOverflow => ins.sadd_overflow(x, y),
            Op::UaddOverflow => ins.uadd_overflow(x, y),
            Op::SsubOverflow => ins.ssub_overflow(x, y),
            Op::UsubOverflow if faults::on(Fault::CraneliftBorrowSigned) => ins.ssub_overflow(x, y),
            Op::UsubOverflow => ins.usub_overflow(x, y),
            Op::SmulOverflow => ins.smul_overflow(x, y),
            _ => ins.umul_overflow(x, y),
        }
    }

    /// A field of the context that never changes.
    pub(crate) fn context_constant(&mut self, at: u32) -> cl::Value {
        let context = self.context;
        self.pos
            .ins()
            .load(types::I64, Self::constant_flags(), context, at as i32)
    }

    /// Calls a function of the runtime with the context and these arguments.
    pub(crate) fn call_builtin(
        &mut self,
        builtin: Builtin,
        args: &[cl::Value],
    ) -> Option<cl::Value> {
        let known = self.builtin_signatures.iter().find(|(b, _)| *b == builtin);
        let signature = match known {
            Some((_, signature)) => *signature,
            None => {
                let signature = self.pos.func.import_signature(builtin_signature(builtin));
                self.builtin_signatures.push((builtin, signature));
                signature
            }
        };
        // The addresses are constants, but Cranelift must not know: it would load them long before the
        // call, which is often on a cold path, and keep them in registers or spill them.
        let (flags, context) = (MemFlagsData::trusted(), self.context);
        let at = offset::BUILTINS as i32;
        let table = self.pos.ins().load(types::I64, flags, context, at);
        let at = builtin.offset() as i32;
        let callee = self.pos.ins().load(types::I64, flags, table, at);
        let mut all = vec![self.context];
        all.extend_from_slice(args);
        let call = self.pos.ins().call_indirect(signature, callee, &all);
        self.pos.func.dfg.inst_results(call).first().copied()
    }
}

/// The C signature of a function of the runtime.
pub(crate) fn builtin_signature(builtin: Builtin) -> cl::Signature {
    let mut signature = cl::Signature::new(CallConv::SystemV);
    signature.params.push(cl::AbiParam::new(types::I64));
    let param = |ty: &Type| cl::AbiParam::new(cl_type(*ty));
    signature.params.extend(builtin.params().iter().map(param));
    signature.returns.extend(builtin.result().iter().map(param));
    signature
}

fn int_cc(cc: IntCc) -> IntCC {
    match cc {
        IntCc::Eq => IntCC::Equal,
        IntCc::Ne => IntCC::NotEqual,
        IntCc::Slt => IntCC::SignedLessThan,
        IntCc::Sle => IntCC::SignedLessThanOrEqual,
        IntCc::Sgt => IntCC::SignedGreaterThan,
        IntCc::Sge => IntCC::SignedGreaterThanOrEqual,
        IntCc::Ult => IntCC::UnsignedLessThan,
        IntCc::Ule => IntCC::UnsignedLessThanOrEqual,
        IntCc::Ugt => IntCC::UnsignedGreaterThan,
        IntCc::Uge => IntCC::UnsignedGreaterThanOrEqual,
    }
}

fn float_cc(cc: FloatCc) -> FloatCC {
    match cc {
        FloatCc::Eq => FloatCC::Equal,
        FloatCc::Ne => FloatCC::NotEqual,
        FloatCc::Lt => FloatCC::LessThan,
        FloatCc::Le => FloatCC::LessThanOrEqual,
        FloatCc::Gt => FloatCC::GreaterThan,
        FloatCc::Ge => FloatCC::GreaterThanOrEqual,
        FloatCc::Ord => FloatCC::Ordered,
        FloatCc::Uno => FloatCC::Unordered,
        FloatCc::Ueq => FloatCC::UnorderedOrEqual,
        FloatCc::One if faults::on(Fault::CraneliftOneIsNe) => FloatCC::NotEqual,
        FloatCc::One => FloatCC::OrderedNotEqual,
        FloatCc::Ult => FloatCC::UnorderedOrLessThan,
        FloatCc::Ule => FloatCC::UnorderedOrLessThanOrEqual,
        FloatCc::Ugt => FloatCC::UnorderedOrGreaterThan,
        FloatCc::Uge => FloatCC::UnorderedOrGreaterThanOrEqual,
    }
}

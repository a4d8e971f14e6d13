//! Calls: direct, through tables, through raw pointers, and to the host; and the thunks around a module.

use bakeoff_backend::context::offset;
use bakeoff_backend::native::Builtin;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Func, Inst, InstData, Op, Sig, Signature, TrapCode, Type};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self as cl, ExtFuncData, ExternalName, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind,
    UserExternalName, types,
};
use cranelift_codegen::isa::CallConv;

use crate::translate::{
    REGISTER_RESULTS, Translator, builtin_signature, cl_trap, cl_type, has_result_area,
    module_signature,
};

/// Declares a function of the module inside another; its number is its name.
pub(crate) fn declare(
    out: &mut cl::Function,
    number: u32,
    signature: cl::Signature,
) -> cl::FuncRef {
    let signature = out.import_signature(signature);
    let name = out.declare_imported_user_function(UserExternalName::new(0, number));
    out.import_function(ExtFuncData {
        name: ExternalName::user(name),
        signature,
        colocated: true,
        patchable: false,
    })
}

impl Translator<'_> {
    pub(crate) fn translate_call(&mut self, inst: Inst, data: &InstData) {
        let function = self.function;
        let module = self.shared.module;
        let operands = function.list_operands(data);
        if data.op == Op::CallRaw {
            let pointer = self.value(operands[0]);
            let args = self.value_list(&operands[1..]);
            let call = self.call_raw(data.sig(), pointer, &args);
            if let Some(value) = self.pos.func.dfg.inst_results(call).first().copied() {
                self.set(function.result(inst), value);
            }
            return;
        }
        let (signature, args) = match data.op {
            Op::Call | Op::ReturnCall => (module.func_sig(data.func()), operands),
            _ => (module.sig(data.sig()), &operands[1..]),
        };
        let mut values = vec![self.context];
        values.extend(self.value_list(args));
        values.extend(self.area_for(signature, data.op.ends_block()));
        let call = match data.op {
            Op::Call => {
                let callee = self.callee(data.func());
                self.pos.ins().call(callee, &values)
            }
            Op::ReturnCall => {
                let callee = self.callee(data.func());
                self.pos.ins().return_call(callee, &values)
            }
            _ => {
                let code = self.indirect_callee(data, operands[0]);
                let signature = self.signature(data.sig());
                match data.op {
                    Op::CallIndirect => self.pos.ins().call_indirect(signature, code, &values),
                    _ => self
                        .pos
                        .ins()
                        .return_call_indirect(signature, code, &values),
                }
            }
        };
        if !data.op.ends_block() {
            self.take_results(inst, call, values.last().copied());
        }
    }

    /// The address for further results of a callee: a slot here, or, for a tail call, what this
    /// function was given itself.
    fn area_for(&mut self, signature: &Signature, is_tail: bool) -> Option<cl::Value> {
        if !has_result_area(signature) {
            return None;
        }
        if is_tail {
            return self.result_area;
        }
        let bytes = 8 * (signature.results.len() - REGISTER_RESULTS) as u32;
        let slot = match self.callee_area {
            Some((slot, room)) if room >= bytes || faults::on(Fault::CraneliftAreaTooSmall) => slot,
            _ => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
                let slot = self.pos.func.create_sized_stack_slot(data);
                self.callee_area = Some((slot, bytes));
                slot
            }
        };
        Some(self.pos.ins().stack_addr(types::I64, slot, 0))
    }

    fn take_results(&mut self, inst: Inst, call: cl::Inst, area: Option<cl::Value>) {
        let function = self.function;
        for (position, result) in function.results(inst).enumerate() {
            let value = match (position.checked_sub(REGISTER_RESULTS), area) {
                (Some(index), Some(area)) => {
                    let ty = cl_type(function.value_type(result));
                    let flags = MemFlagsData::trusted();
                    self.pos.ins().load(ty, flags, area, 8 * index as i32)
                }
                _ => self.pos.func.dfg.inst_results(call)[position],
            };
            self.set(result, value);
        }
    }

    fn callee(&mut self, func: Func) -> cl::FuncRef {
        if let Some((_, callee)) = self.callees.iter().find(|(number, _)| *number == func.0) {
            return *callee;
        }
        let signature = module_signature(self.shared.module.func_sig(func));
        let callee = declare(self.pos.func, func.0, signature);
        self.callees.push((func.0, callee));
        callee
    }

    fn signature(&mut self, sig: Sig) -> cl::SigRef {
        if let Some((_, known)) = self.signatures.iter().find(|(number, _)| *number == sig.0) {
            return *known;
        }
        let signature = self
            .pos
            .func
            .import_signature(module_signature(self.shared.module.sig(sig)));
        self.signatures.push((sig.0, signature));
        signature
    }

    /// The code behind a table entry, after all checks.
    fn indirect_callee(&mut self, data: &InstData, index: bakeoff_ir::Value) -> cl::Value {
        let address = self.table_address(data.table(), index);
        let flags = self.table_flags();
        let reference = self.pos.ins().load(types::I64, flags, address, 0);
        let records = self.context_constant(offset::FUNCS);
        let shift = self.iconst(types::I32, offset::ENTRY_BYTES.trailing_zeros().into());
        let scaled = self.pos.ins().ishl(reference, shift);
        let record = self.pos.ins().iadd(records, scaled);
        let constant = MemFlagsData::trusted().with_readonly();
        let sig = self
            .pos
            .ins()
            .load(types::I32, constant, record, offset::ENTRY_SIG as i32);
        let wanted = self.iconst(types::I32, data.sig().0.into());
        // Null's record has no signature: one comparison decides, and the cold block says why not.
        let same = self.pos.ins().icmp(IntCC::Equal, sig, wanted);
        let (good, bad) = (
            self.pos.func.dfg.make_block(),
            self.pos.func.dfg.make_block(),
        );
        self.pos.ins().brif(same, good, &[], bad, &[]);
        self.pos.insert_block(bad);
        self.pos.func.layout.set_cold(bad);
        let null = cl_trap(TrapCode::IndirectCallToNull);
        match faults::on(Fault::CraneliftNullMistaken) {
            true => self.pos.ins().trapnz(reference, null),
            false => self.pos.ins().trapz(reference, null),
        };
        self.pos.ins().trap(cl_trap(TrapCode::BadSignature));
        self.pos.insert_block(good);
        self.pos
            .ins()
            .load(types::I64, constant, record, offset::ENTRY_CODE as i32)
    }

    /// A call of a C function, which wants more stack than the guard pages promise.
    fn call_raw(&mut self, sig: Sig, pointer: cl::Value, args: &[cl::Value]) -> cl::Inst {
        let (context, flags) = (self.context, MemFlagsData::trusted());
        let limit = self
            .pos
            .ins()
            .load(types::I64, flags, context, offset::STACK_LIMIT as i32);
        let stack = self.pos.ins().get_stack_pointer(types::I64);
        let low = self.pos.ins().icmp(IntCC::UnsignedLessThan, stack, limit);
        self.pos.ins().trapnz(low, cl_trap(TrapCode::StackOverflow));
        let Signature { params, results } = self.shared.module.sig(sig);
        let mut signature = cl::Signature::new(CallConv::SystemV);
        let param = |ty: &Type| cl::AbiParam::new(cl_type(*ty));
        signature.params.extend(params.iter().map(param));
        signature.returns.extend(results.iter().map(param));
        let signature = self.pos.func.import_signature(signature);
        self.pos.ins().call_indirect(signature, pointer, args)
    }
}

/// Fills `out` with the entry thunk of a function, `extern "C" fn(context, slots)`.
pub(crate) fn entry_thunk(func: Func, signature: &Signature, out: &mut cl::Function) {
    out.signature = entry_signature();
    let (mut pos, context, slots) = begin_thunk(out);
    let flags = MemFlagsData::trusted();
    let mut args = vec![context];
    for (index, ty) in signature.params.iter().enumerate() {
        args.push(pos.ins().load(cl_type(*ty), flags, slots, 8 * index as i32));
    }
    let area = has_result_area(signature).then(|| {
        let bytes = 8 * (signature.results.len() - REGISTER_RESULTS) as u32;
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
        let slot = pos.func.create_sized_stack_slot(data);
        pos.ins().stack_addr(types::I64, slot, 0)
    });
    args.extend(area);
    let callee = declare(pos.func, func.0, module_signature(signature));
    let call = pos.ins().call(callee, &args);
    let mut results = pos.func.dfg.inst_results(call).to_vec();
    for (index, ty) in signature.results.iter().skip(REGISTER_RESULTS).enumerate() {
        let area = area.unwrap_or(slots);
        results.push(pos.ins().load(cl_type(*ty), flags, area, 8 * index as i32));
    }
    for (index, (value, ty)) in results.into_iter().zip(&signature.results).enumerate() {
        store_slot(&mut pos, value, *ty, slots, 8 * index as i32);
    }
    pos.ins().return_(&[]);
}

/// The signature of an entry thunk.
pub(crate) fn entry_signature() -> cl::Signature {
    let mut signature = cl::Signature::new(CallConv::SystemV);
    signature.params.push(cl::AbiParam::new(types::I64));
    signature.params.push(cl::AbiParam::new(types::I64));
    signature
}

fn begin_thunk(out: &mut cl::Function) -> (FuncCursor<'_>, cl::Value, cl::Value) {
    let mut pos = FuncCursor::new(out);
    let block = pos.func.dfg.make_block();
    pos.insert_block(block);
    let params: Vec<cl::Type> = pos
        .func
        .signature
        .params
        .iter()
        .map(|p| p.value_type)
        .collect();
    let values: Vec<cl::Value> = params
        .iter()
        .map(|ty| pos.func.dfg.append_block_param(block, *ty))
        .collect();
    let second = values.get(1).copied().unwrap_or(values[0]);
    (pos, values[0], second)
}

/// Stores a value into a slot of 64 bits, zero-extended.
fn store_slot(pos: &mut FuncCursor<'_>, value: cl::Value, ty: Type, slots: cl::Value, at: i32) {
    let wide = match ty {
        Type::I64 | Type::F64 => value,
        Type::F32 => {
            let bits = pos.ins().bitcast(types::I32, MemFlagsData::new(), value);
            pos.ins().uextend(types::I64, bits)
        }
        Type::I8 | Type::I16 | Type::I32 => pos.ins().uextend(types::I64, value),
    };
    pos.ins().store(MemFlagsData::trusted(), wide, slots, at);
}

/// Fills `out` with a function of the module that calls the host: what stands for an import.
pub(crate) fn import_thunk(func: Func, signature: &Signature, out: &mut cl::Function) {
    out.signature = module_signature(signature);
    let count = signature.params.len().max(signature.results.len()).max(1) as u32;
    let slot = out.create_sized_stack_slot(StackSlotData::new(
        StackSlotKind::ExplicitSlot,
        8 * count,
        3,
    ));
    let (mut pos, context, _) = begin_thunk(out);
    let block = pos.current_block();
    let params = block
        .map(|b| pos.func.dfg.block_params(b).to_vec())
        .unwrap_or_default();
    let slots = pos.ins().stack_addr(types::I64, slot, 0);
    for (index, (value, ty)) in params[1..].iter().zip(&signature.params).enumerate() {
        store_slot(&mut pos, *value, *ty, slots, 8 * index as i32);
    }
    let constant = Translator::constant_flags();
    let table = pos
        .ins()
        .load(types::I64, constant, context, offset::BUILTINS as i32);
    let callee = pos.ins().load(
        types::I64,
        constant,
        table,
        Builtin::HostCall.offset() as i32,
    );
    let builtin = pos
        .func
        .import_signature(builtin_signature(Builtin::HostCall));
    let number = pos.ins().iconst(types::I32, i64::from(func.0));
    pos.ins()
        .call_indirect(builtin, callee, &[context, number, slots]);
    let mut results = Vec::with_capacity(REGISTER_RESULTS);
    for (index, ty) in signature.results.iter().enumerate() {
        let value = pos.ins().load(
            cl_type(*ty),
            MemFlagsData::trusted(),
            slots,
            8 * index as i32,
        );
        match (index.checked_sub(REGISTER_RESULTS), params.last()) {
            (Some(further), Some(area)) => {
                let further = match faults::on(Fault::CraneliftHostResultsShifted) {
                    true => index,
                    false => further,
                };
                pos.ins()
                    .store(MemFlagsData::trusted(), value, *area, 8 * further as i32);
            }
            _ => results.push(value),
        }
    }
    pos.ins().return_(&results);
}

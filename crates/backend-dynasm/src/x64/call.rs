//! Calls: direct, through tables, through raw pointers, to the runtime; and thunks.
//!
//! The convention within a module: the context and the base of memory 0 are pinned, eight integers and
//! eight floats go in registers, results likewise. What is left over stands in the words at the end of the
//! context ([`ContextLayout::transfer`](bakeoff_backend::ContextLayout)), a word for each position of the
//! signature, and is taken from there before anything else happens; so a tail call needs no room in
//! anybody's frame.

use bakeoff_backend::context::offset;
use bakeoff_backend::native::{Argument, Builtin, RuntimeCall};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Func, InstData, Memory, Op, TrapCode, Type, Value};

use super::asm::{Alu, Cc, Mem, RSP, Shift, Width};
use super::{
    C_ARGS, CONTEXT, FLOAT_SPARE, FLOATS, MEMORY, R10, RAX, RBX, RDI, RSI, SPARE, X64, X64Compiler,
};
use crate::calls::Passing;
use crate::compiler::Shared;
use crate::frame::PROBE_BYTES;
use crate::location::{Class, Loc, Reg};
use crate::machine::Machine;

/// Where `call_foreign` has the address: a variadic function wants the number of float registers in al.
const FOREIGN_CALLEE: Reg = R10;

/// The registers that arguments go in, as a set.
const ARGUMENTS: u64 = {
    let (ints, mut set, mut index) = (X64::ARGS[Class::Int as usize], 0, 0);
    while index < ints.len() {
        set |= ints[index].bit();
        index += 1;
    }
    set
};

impl X64Compiler<'_> {
    pub(super) fn emit_call(&mut self, data: &InstData, result: Value) {
        let (function, module) = (self.function, self.shared.module);
        let operands = function.list_operands(data);
        let signature = match data.op {
            Op::Call => {
                self.save_for_call();
                self.pass(operands, X64::ARGS);
                self.asm.call_func(data.func().0);
                module.func_sig(data.func())
            }
            _ => {
                let callee = self.find_callee(data, operands[0]);
                self.save_for_call();
                self.pass(&operands[1..], X64::ARGS);
                self.asm.call_reg(callee);
                module.sig(data.sig())
            }
        };
        self.forget_registers();
        self.take(
            result.0..result.0 + signature.results.len() as u32,
            X64::RESULTS,
        );
    }

    /// A call whose results are those of this function.
    pub(super) fn emit_tail_call(&mut self, data: &InstData) {
        let operands = self.function.list_operands(data);
        if data.op == Op::ReturnCall {
            self.pass(operands, X64::ARGS);
            self.asm.adjust_frame(Alu::Add);
            return self.asm.jmp_func(data.func().0);
        }
        let callee = self.find_callee(data, operands[0]);
        self.pass(&operands[1..], X64::ARGS);
        self.asm.adjust_frame(Alu::Add);
        self.asm.jmp_reg(callee);
    }

    /// The code behind a table entry, after all checks, in a register that no argument goes in.
    fn find_callee(&mut self, data: &InstData, index: Value) -> Reg {
        let callee = self.choose(Class::Int, 0, ARGUMENTS);
        self.locked |= callee.bit();
        let index = self.table_index(data.table(), index);
        let entry = self.table_entry(data.table(), index);
        self.asm.load(Width::W64, callee, entry);
        if !faults::on(Fault::DynasmNullUnchecked) {
            self.asm.test(Width::W64, callee, callee);
            self.trap_if(Cc::E, TrapCode::IndirectCallToNull);
        }
        let log = offset::ENTRY_BYTES.trailing_zeros() as u8;
        self.asm.shift_imm(Shift::Shl, Width::W64, callee, log);
        self.asm.alu_mem(
            Alu::Add,
            Width::W64,
            callee,
            Mem::Base(CONTEXT, offset::FUNCS as i32),
        );
        let signature = Mem::Base(callee, offset::ENTRY_SIG as i32);
        self.asm
            .alu_imm_to_mem(Alu::Cmp, Width::W32, signature, data.sig().0 as i32);
        self.trap_if(Cc::Ne, TrapCode::BadSignature);
        self.asm.load(
            Width::W64,
            callee,
            Mem::Base(callee, offset::ENTRY_CODE as i32),
        );
        callee
    }

    /// A call of a C function.
    pub(super) fn emit_foreign_call(&mut self, data: &InstData, result: Value) {
        let limit = Mem::Base(CONTEXT, offset::STACK_LIMIT as i32);
        self.asm.alu_mem(Alu::Cmp, Width::W64, RSP, limit);
        self.trap_if(Cc::B, TrapCode::StackOverflow);
        self.save_for_call();
        let operands = self.function.list_operands(data);
        let (mut ints, mut floats) = (C_ARGS.iter(), FLOATS.iter());
        let mut stack = 0;
        self.moves.clear();
        for value in &operands[1..] {
            let reg = match self.class(*value) {
                Class::Int => ints.next(),
                Class::Float => floats.next(),
            };
            let Some(from) = self.location(*value) else {
                continue;
            };
            match reg {
                Some(reg) => self.moves.push(Loc::Reg(*reg), from),
                None => {
                    self.store_word(stack, from);
                    stack += 8;
                }
            }
        }
        if let Some(from) = self.location(operands[0]) {
            self.moves.push(Loc::Reg(FOREIGN_CALLEE), from);
        }
        self.make_moves();
        self.asm.mov_imm(RAX, FLOATS.len() as u64);
        self.asm.call_reg(FOREIGN_CALLEE);
        self.forget_registers();
        match self.shared.module.sig(data.sig()).results.first() {
            Some(ty) if ty.is_float() => self.define_in(result, FLOATS[0]),
            Some(ty) => self.define_c_result(*ty, result),
            None => {}
        }
    }

    /// What C returns in rax; it leaves the bits beyond a type as it likes.
    fn define_c_result(&mut self, ty: Type, result: Value) {
        if ty != Type::I64 && !faults::on(Fault::DynasmResultUncut) {
            self.asm.mov(Width::W32, RAX, RAX);
        }
        self.define_in(result, RAX);
    }

    /// Stores a value at an offset in the frame.
    fn store_word(&mut self, at: i32, from: Loc) {
        let from = match from {
            Loc::Reg(reg) => reg,
            // Where moves go through, too; none has been made yet.
            _ => {
                self.copy(Loc::Reg(FLOAT_SPARE), from);
                FLOAT_SPARE
            }
        };
        self.store_to(Mem::Base(RSP, at), from);
    }

    /// Calls a builtin; its arguments are in place.
    pub(super) fn call_builtin(&mut self, builtin: Builtin) {
        self.asm.call_builtin(builtin);
    }

    pub(super) fn emit_runtime_op(&mut self, data: &InstData, result: Value) {
        let Some(call) = RuntimeCall::of(self.function, data) else {
            unreachable!("{} is no op of the runtime", data.op);
        };
        self.save_for_call();
        self.moves.clear();
        for (reg, arg) in C_ARGS[1..].iter().zip(call.args()) {
            if let Argument::Of(value) = arg
                && let Some(from) = self.location(*value)
            {
                self.moves.push(Loc::Reg(*reg), from);
            }
        }
        self.make_moves();
        for (reg, arg) in C_ARGS[1..].iter().zip(call.args()) {
            if let Argument::Number(number) = arg {
                self.asm.mov_imm(*reg, (*number).into());
            }
        }
        self.forget_registers();
        self.call_builtin(call.builtin);
        if matches!(data.op, Op::MemoryGrow | Op::TableGrow) {
            self.define_c_result(self.function.value_type(result), result);
        }
    }
}

impl X64 {
    fn call_builtin(&mut self, builtin: Builtin) {
        self.mov(Width::W64, RDI, CONTEXT);
        self.load(Width::W64, RAX, Mem::Base(CONTEXT, offset::BUILTINS as i32));
        self.call_mem(Mem::Base(RAX, builtin.offset() as i32));
    }

    /// Stores what is passed at a position of a signature, with the bits beyond its type zero, by way of
    /// the spare register.
    fn store_passed(
        &mut self,
        shared: &Shared<'_>,
        passing: &mut Passing,
        position: usize,
        ty: Type,
        to: Mem,
    ) {
        let from = match passing.next(ty) {
            Some(reg) if ty == Type::F32 => {
                self.movq_to_int(Width::W32, SPARE, reg);
                SPARE
            }
            Some(reg) => reg,
            None => {
                let at = shared.layout.transfer() + 8 * position as u32;
                let width = if ty == Type::F32 || faults::on(Fault::DynasmPassedHalf) {
                    Width::W32
                } else {
                    Width::W64
                };
                self.load(width, SPARE, Mem::Base(CONTEXT, at as i32));
                SPARE
            }
        };
        match from.class() {
            Class::Int => self.store(8, to, from),
            Class::Float => self.store_float(Width::W64, to, from),
        }
    }

    /// Loads what is passed at a position of a signature.
    fn load_passed(
        &mut self,
        shared: &Shared<'_>,
        passing: &mut Passing,
        position: usize,
        ty: Type,
        from: Mem,
    ) {
        match passing.next(ty) {
            Some(reg) if reg.class() == Class::Float => self.load_float(Width::W64, reg, from),
            Some(reg) => self.load(Width::W64, reg, from),
            None => {
                let at = shared.layout.transfer() + 8 * position as u32;
                self.load(Width::W64, SPARE, from);
                self.store(8, Mem::Base(CONTEXT, at as i32), SPARE);
            }
        }
    }
}

/// The entry thunk of a function, `extern "C" fn(context, slots)`: arguments from the slots, the call,
/// results into the slots. Whoever enters keeps all registers.
pub(super) fn entry(shared: &Shared<'_>, func: Func, machine: &mut X64) {
    let slot = |position: usize| Mem::Base(RBX, 8 * position as i32);
    machine.frame_sizes.clear();
    machine.push(RSI);
    machine.mov(Width::W64, CONTEXT, RDI);
    machine.mov(Width::W64, RBX, RSI);
    if !shared.module.memories.is_empty() {
        let base = shared.layout.memory(Memory(0)) + offset::VIEW_BASE;
        machine.load(Width::W64, MEMORY, Mem::Base(CONTEXT, base as i32));
    }
    let signature = shared.module.func_sig(func);
    let mut passing = Passing::new(X64::ARGS);
    for (position, ty) in signature.params.iter().enumerate() {
        machine.load_passed(shared, &mut passing, position, *ty, slot(position));
    }
    machine.call_func(func.0);
    machine.pop(RBX);
    let mut passing = Passing::new(X64::RESULTS);
    for (position, ty) in signature.results.iter().enumerate() {
        machine.store_passed(shared, &mut passing, position, *ty, slot(position));
    }
    machine.ret();
    machine.end_function(0);
}

/// A function of the module that calls the host: what stands for an import.
pub(super) fn import(shared: &Shared<'_>, func: Func, machine: &mut X64) {
    let signature = shared.module.func_sig(func);
    let words = signature.params.len().max(signature.results.len()) as i32;
    let bytes = ((8 * words + 15) & !15) + 8;
    let slot = |position: usize| Mem::Base(RSP, 8 * position as i32);
    machine.frame_sizes.clear();
    machine.has_frame = true;
    if bytes > PROBE_BYTES {
        machine.probe();
    }
    machine.adjust_frame(Alu::Sub);
    let mut passing = Passing::new(X64::ARGS);
    for (position, ty) in signature.params.iter().enumerate() {
        machine.store_passed(shared, &mut passing, position, *ty, slot(position));
    }
    machine.mov_imm(C_ARGS[1], func.0.into());
    machine.lea(Width::W64, C_ARGS[2], Mem::Base(RSP, 0));
    machine.call_builtin(Builtin::HostCall);
    let mut passing = Passing::new(X64::RESULTS);
    for (position, ty) in signature.results.iter().enumerate() {
        machine.load_passed(shared, &mut passing, position, *ty, slot(position));
    }
    machine.adjust_frame(Alu::Add);
    machine.ret();
    machine.end_function(bytes);
}

//! Calls: direct, through tables, through raw pointers, to the runtime; parameters and results.
//!
//! The convention within a module: the context is pinned, and so is the base of memory 0. Integers go in
//! the registers [`INT_ARGS`], floats in [`FLOAT_ARGS`], results likewise. What is left over stands in
//! the words at the end of the context ([`ContextLayout::transfer`](bakeoff_backend::ContextLayout)),
//! a word for each position of the signature, and is taken from there before anything else happens; so
//! a tail call needs no room in anybody's frame. No register survives a call but the pinned ones.

use bakeoff_backend::native::{Argument, RuntimeCall};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, TrapCode, Type, Value};

use super::{Emitter, pair};
use crate::allocate::class_of;
use crate::catalog::{Axis, Extra, Pattern, T};
use crate::place::Place;
use crate::x64::{C_ARGS, FLOAT_ARGS, FOREIGN_CALLEE, INT_ARGS};

/// Where each value of a list of types goes: a register, or none for a word of the context.
pub(super) struct Passing {
    ints: std::slice::Iter<'static, u8>,
    floats: std::slice::Iter<'static, u8>,
}

impl Passing {
    /// Of a list that begins.
    pub(super) fn new() -> Passing {
        Passing {
            ints: INT_ARGS.iter(),
            floats: FLOAT_ARGS.iter(),
        }
    }

    /// The register of the next one.
    pub(super) fn next(&mut self, ty: Type) -> Option<Place> {
        let class = class_of(ty);
        let register = match class {
            Axis::Int => self.ints.next(),
            Axis::Float => self.floats.next(),
        };
        register.map(|register| Place::register(class, *register))
    }
}

/// The type at which a whole register of a class is loaded and stored.
const fn wide(ty: Type) -> Type {
    if ty.is_int() { Type::I64 } else { Type::F64 }
}

/// The register by way of which a value goes from or to the words of the context.
fn by_way_of(place: Place, ty: Type) -> Place {
    if place.is_register() {
        place
    } else if ty.is_int() {
        Place::T
    } else {
        Place::XT
    }
}

impl Emitter<'_> {
    /// The offset of a word of the context for a position of a signature.
    fn transfer(&self, position: usize) -> u32 {
        self.shared.layout.transfer() + 8 * position as u32
    }

    /// Brings values to where a callee, or a caller, expects them. Leaves U alone.
    fn pass(&mut self, values: &[Value]) {
        if faults::on(Fault::StencilArgumentsLate) {
            self.pass_in_registers(values);
        }
        self.pass_in_words(values);
        self.pass_in_registers(values);
    }

    fn pass_in_words(&mut self, values: &[Value]) {
        let mut passing = Passing::new();
        for (position, value) in values.iter().enumerate() {
            let ty = self.ty(*value);
            if passing.next(ty).is_some() {
                continue;
            }
            let place = self.place(*value);
            let register = by_way_of(place, ty);
            self.copy(register, place);
            let at = self.transfer(position);
            self.context(Extra::ContextStore, wide(ty), register, at);
        }
    }

    fn pass_in_registers(&mut self, values: &[Value]) {
        self.moves.clear();
        let mut passing = Passing::new();
        for value in values {
            if let Some(register) = passing.next(self.ty(*value)) {
                let place = self.place(*value);
                self.moves.push(register, place);
            }
        }
        self.make_moves();
    }

    /// Takes values from where the caller, or a callee, has left them.
    pub(super) fn take(&mut self, values: std::ops::Range<u32>) {
        self.moves.clear();
        let mut passing = Passing::new();
        for value in values.clone().map(Value) {
            let is_used = self.intervals.interval(value).uses() > 0;
            let register = passing.next(self.ty(value));
            if let Some(register) = register.filter(|_| is_used) {
                let place = self.place(value);
                self.moves.push(place, register);
            }
        }
        self.make_moves();
        let mut passing = Passing::new();
        for (position, value) in values.map(Value).enumerate() {
            let ty = self.ty(value);
            if passing.next(ty).is_some() || self.intervals.interval(value).uses() == 0 {
                continue;
            }
            let place = self.place(value);
            let register = by_way_of(place, ty);
            let at = self.transfer(position);
            self.context(Extra::ContextLoad, wide(ty), register, at);
            self.copy(place, register);
        }
    }

    /// Any call that comes back.
    pub(super) fn emit_call(&mut self, data: &InstData, result: Value) {
        let function = self.function;
        let module = self.shared.module;
        let operands = function.list_operands(data);
        let signature = match data.op {
            Op::CallRaw => return self.emit_foreign_call(data, result),
            Op::Call => {
                self.pass(operands);
                let copied = self.glue(Extra::Call);
                self.buffer.call(copied, 0, data.func().0);
                module.func_sig(data.func())
            }
            _ => {
                self.find_callee(data, operands[0]);
                self.pass(&operands[1..]);
                self.glue(Extra::CallReg);
                module.sig(data.sig())
            }
        };
        let results = result.0..result.0 + signature.results.len() as u32;
        self.take(results.clone());
        self.reload_behind_call();
        for value in results.map(Value) {
            let place = self.place(value);
            self.defined(value, place);
        }
    }

    /// A call whose results are those of this function.
    pub(super) fn emit_tail_call(&mut self, data: &InstData) {
        let operands = self.function.list_operands(data);
        if data.op == Op::ReturnCall {
            self.pass(operands);
            self.leave_frame();
            let copied = self.glue(Extra::Jump);
            self.buffer.call(copied, 0, data.func().0);
            return;
        }
        self.find_callee(data, operands[0]);
        self.pass(&operands[1..]);
        self.leave_frame();
        self.glue(Extra::JumpReg);
    }

    pub(super) fn emit_return(&mut self, values: &[Value]) {
        self.pass(values);
        self.leave_frame();
        self.glue(Extra::Ret);
    }

    /// The code behind a table entry into U, after all checks.
    fn find_callee(&mut self, data: &InstData, index: Value) {
        let index = self.table_index(data.table(), index);
        self.table_load(data.table(), index);
        let copied = self.glue(Extra::Callee);
        self.buffer.fill32(copied, 0, data.sig().0 as i32);
        self.trap_if(copied, 1, TrapCode::IndirectCallToNull);
        self.trap_if(copied, 2, TrapCode::BadSignature);
    }

    /// A call of a C function.
    fn emit_foreign_call(&mut self, data: &InstData, result: Value) {
        let copied = self.glue(Extra::StackCheck);
        self.trap_if(copied, 0, TrapCode::StackOverflow);
        let operands = self.function.list_operands(data);
        let (mut ints, mut floats) = (C_ARGS.iter(), FLOAT_ARGS.iter());
        let mut stack = 0;
        let mut in_registers = Vec::with_capacity(operands.len());
        for value in &operands[1..] {
            let class = class_of(self.ty(*value));
            let register = match class {
                Axis::Int => ints.next(),
                Axis::Float => floats.next(),
            };
            let place = self.place(*value);
            match register {
                Some(register) => in_registers.push((Place::register(class, *register), place)),
                None => {
                    self.store_word(stack, place);
                    stack += 8;
                }
            }
        }
        self.moves.clear();
        for (to, from) in in_registers {
            self.moves.push(to, from);
        }
        let pointer = self.place(operands[0]);
        self.moves.push(Place::int(FOREIGN_CALLEE), pointer);
        self.make_moves();
        self.glue(Extra::CallForeign);
        match self.shared.module.sig(data.sig()).results.first() {
            Some(ty) if ty.is_float() => self.define_behind_call(result, Place::float(0)),
            Some(ty) => {
                if *ty != Type::I64 {
                    let index = pair(T, T, Axis::Int);
                    self.put(Op::Ireduce, Type::I32, Type::I64 as u8, Pattern::RR, index);
                }
                self.define_behind_call(result, Place::T);
            }
            None => self.reload_behind_call(),
        }
    }

    /// Stores a value at an offset in the frame.
    fn store_word(&mut self, offset: i32, place: Place) {
        use crate::place::Where;
        match place.get() {
            Where::Const(inst) => {
                let bits = self.bits_of(inst);
                self.slot_constant(offset, bits);
            }
            Where::Slot(_) => {
                self.copy(Place::T, place);
                self.spill(offset, Place::T);
            }
            _ => self.spill(offset, place),
        }
    }

    /// A builtin with its arguments.
    pub(super) fn runtime(&mut self, call: &RuntimeCall) {
        if faults::on(Fault::StencilNumbersFirst) {
            self.put_numbers(call);
        }
        self.moves.clear();
        for (register, arg) in C_ARGS[1..].iter().zip(call.args()) {
            if let Argument::Of(value) = arg {
                let place = self.place(*value);
                self.moves.push(Place::int(*register), place);
            }
        }
        self.make_moves();
        self.put_numbers(call);
        self.call_builtin(call.builtin);
    }

    /// The arguments of a builtin that are known now.
    fn put_numbers(&mut self, call: &RuntimeCall) {
        for (register, arg) in C_ARGS[1..].iter().zip(call.args()) {
            if let Argument::Number(number) = arg {
                self.int_constant(*register, (*number).into());
            }
        }
    }
}

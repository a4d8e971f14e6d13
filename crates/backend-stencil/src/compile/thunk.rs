//! Thunks: the way into a module from outside, and the way out of it to functions of the host.

use bakeoff_backend::context::offset;
use bakeoff_backend::native::Builtin;
use bakeoff_ir::{Func, Memory, Op, Type};

use super::assemble::Assembler;
use super::call::Passing;
use super::control::Frame;
use super::{Shared, axis_number, pair};
use crate::buffer::Buffer;
use crate::catalog::{Axis, Extra, Pattern, T, U};
use crate::place::Place;
use crate::x64::C_ARGS;

/// The entry thunk of a function, `extern "C" fn(context, slots)`: arguments from the slots, the call,
/// results into the slots.
pub(crate) fn compile_entry(shared: &Shared<'_>, func: Func, buffer: &mut Buffer) {
    let mut thunk = Assembler {
        shared,
        buffer,
        frame: Frame::default(),
    };
    thunk.glue(Extra::EntryBegin);
    if !shared.module.memories.is_empty() {
        let base = shared.layout.memory(Memory(0)) + offset::VIEW_BASE;
        let copied = thunk.glue(Extra::EntryMemory);
        thunk.buffer.fill32(copied, 0, base as i32);
    }
    let signature = shared.module.func_sig(func);
    let mut passing = Passing::new();
    for (position, ty) in signature.params.iter().enumerate() {
        let at = 8 * position as i32;
        let register = passing.next(*ty);
        let to = register.unwrap_or(Place::int(U));
        thunk.raw(Op::RawLoad, wide_of(to), to, T, at);
        if register.is_none() {
            let transfer = shared.layout.transfer() + at as u32;
            thunk.context(Extra::ContextStore, Type::I64, to, transfer);
        }
    }
    let copied = thunk.glue(Extra::Call);
    thunk.buffer.call(copied, 0, func.0);
    thunk.glue(Extra::EntrySlots);
    let mut passing = Passing::new();
    for (position, ty) in signature.results.iter().enumerate() {
        let at = 8 * position as i32;
        let from = thunk.passed(&mut passing, position, *ty);
        thunk.raw(Op::RawStore, wide_of(from), from, U, at);
    }
    thunk.glue(Extra::EntryEnd);
}

/// A function of the module that calls the host: what stands for an import.
pub(crate) fn compile_import(shared: &Shared<'_>, func: Func, buffer: &mut Buffer) {
    let signature = shared.module.func_sig(func);
    let words = signature.params.len().max(signature.results.len());
    let mut thunk = Assembler {
        shared,
        buffer,
        frame: Frame::of_words(words as u32),
    };
    thunk.enter_frame();
    let mut passing = Passing::new();
    for (position, ty) in signature.params.iter().enumerate() {
        let at = 8 * position as i32;
        let from = thunk.passed(&mut passing, position, *ty);
        thunk.spill(at, from);
    }
    thunk.int_constant(C_ARGS[1], func.0.into());
    thunk.frame_address(C_ARGS[2], 0);
    thunk.call_builtin(Builtin::HostCall);
    let mut passing = Passing::new();
    for (position, ty) in signature.results.iter().enumerate() {
        let at = 8 * position as i32;
        match passing.next(*ty) {
            Some(register) => thunk.reload(register, at),
            None => {
                thunk.reload(Place::T, at);
                let transfer = shared.layout.transfer() + at as u32;
                thunk.context(Extra::ContextStore, Type::I64, Place::T, transfer);
            }
        }
    }
    thunk.leave_frame();
    thunk.glue(Extra::Ret);
}

fn axis_is_int(place: Place) -> bool {
    place.index() < Place::FLOATS
}

fn wide_of(place: Place) -> Type {
    if axis_is_int(place) {
        Type::I64
    } else {
        Type::F64
    }
}

impl Assembler<'_> {
    /// A register with the value that is passed at a position of a signature: the one it is passed in,
    /// or T. Bits beyond its type are zero.
    fn passed(&mut self, passing: &mut Passing, position: usize, ty: Type) -> Place {
        if let Some(register) = passing.next(ty) {
            return self.zero_extended(register, ty);
        }
        let at = self.shared.layout.transfer() + 8 * position as u32;
        let bits = if ty == Type::F32 {
            Type::I32
        } else {
            Type::I64
        };
        self.context(Extra::ContextLoad, bits, Place::T, at);
        Place::T
    }

    /// A register with a value whose other bits are zero: the one given, or T for a float of 32 bits,
    /// which leaves the rest of its register as it likes.
    fn zero_extended(&mut self, register: Place, ty: Type) -> Place {
        if ty != Type::F32 || axis_is_int(register) {
            return register;
        }
        let index = pair(T, axis_number(register), Axis::Float);
        self.put(Op::Bitcast, Type::I32, Type::F32 as u8, Pattern::RR, index);
        Place::T
    }
}

//! Ops on memories, the frame, globals and tables.

use bakeoff_backend::BoundsChecks;
use bakeoff_backend::context::offset;
use bakeoff_backend::native::RuntimeCall;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Memory, Op, RefKind, Table, TrapCode, Type, Value};

use super::{Emitter, axis_number, pair};
use crate::catalog::{Axis, Extra, Pattern, T, U, W, XT};
use crate::place::Place;

/// Where a linear-memory access goes, after all checks.
enum Address {
    /// Base of memory 0, an index in a register, and a displacement.
    Indexed(u8, i32),
    /// Base of memory 0 and a displacement.
    Absolute(i32),
    /// An address in T, and a displacement.
    Raw(i32),
}

/// The type that an access has in memory.
fn memory_type(data: &InstData) -> Type {
    match data.op {
        Op::Sload | Op::Uload | Op::Istore => data.ty2,
        _ => data.ty,
    }
}

impl Emitter<'_> {
    /// An op that reads or writes state and is neither a call nor an access to linear memory.
    pub(super) fn emit_access(&mut self, data: &InstData, result: Value) {
        match data.op {
            Op::RawLoad => {
                let base = self.int(data.arg(0), T);
                let to = self.load_target(data.ty, result);
                self.raw(Op::RawLoad, data.ty, to, base, data.raw_offset());
                self.define(result, to);
            }
            Op::RawStore => {
                let base = self.int(data.arg(1), T);
                let value = self.stored(data.arg(0), U);
                self.raw(Op::RawStore, data.ty, value, base, data.raw_offset());
            }
            Op::StackLoad => {
                let to = self.load_target(data.ty, result);
                let base = self.stack_slot(data);
                self.raw(Op::RawLoad, data.ty, to, base, 0);
                self.define(result, to);
            }
            Op::StackStore => {
                let value = self.stored(data.arg(0), U);
                let base = self.stack_slot(data);
                self.raw(Op::RawStore, data.ty, value, base, 0);
            }
            Op::GlobalGet => {
                let at = self.shared.layout.global(data.global());
                let to = self.load_target(data.ty, result);
                self.context(Extra::ContextLoad, data.ty, to, at);
                self.define(result, to);
            }
            Op::GlobalSet => {
                let at = self.shared.layout.global(data.global());
                let value = self.stored(data.arg(0), U);
                self.context(Extra::ContextStore, data.ty, value, at);
            }
            Op::MemorySize => {
                let at = self.shared.layout.memory(data.memory()) + offset::VIEW_LEN;
                let to = self.int_result(result, T);
                self.context(Extra::ContextLoad, Type::I64, Place::int(to), at);
                let copied = self.put(Op::Ushr, Type::I64, 0, Pattern::RI8, to.into());
                let shift = bakeoff_ir::PAGE_BYTES.trailing_zeros();
                self.buffer.fill8(copied, 0, shift as i32);
                self.define(result, Place::int(to));
            }
            Op::TableGet => {
                let index = self.table_index(data.table(), data.arg(0));
                self.table_load(data.table(), index);
                self.define(result, Place::T);
            }
            Op::TableSet => self.emit_table_set(data),
            Op::TableSize => {
                let at = self.shared.layout.table(data.table()) + offset::VIEW_LEN;
                let to = Place::int(self.int_result(result, T));
                self.context(Extra::ContextLoad, Type::I32, to, at);
                self.define(result, to);
            }
            _ => self.emit_runtime_op(data, result),
        }
    }

    /// The register for a value that is loaded.
    fn load_target(&self, ty: Type, result: Value) -> Place {
        match ty.is_int() {
            true => Place::int(self.int_result(result, T)),
            false => Place::float(self.float_result(result)),
        }
    }

    /// The register of a value that is stored; integers that have none are loaded into `temporary`,
    /// floats into XT, constants among them by way of T.
    fn stored(&mut self, value: Value, temporary: u8) -> Place {
        let place = self.place(value);
        if place.is_register() {
            return place;
        }
        let ty = self.ty(value);
        match self.constant(value) {
            // The bits will do, and leave T alone.
            Some(bits) if ty.is_float() && bits != 0 => {
                self.int_constant(temporary, bits);
                self.copy(Place::XT, Place::int(temporary));
                Place::XT
            }
            _ if ty.is_float() => Place::float(self.float(value, XT)),
            _ => Place::int(self.int(value, temporary)),
        }
    }

    /// The address of an access to a stack slot, in T.
    fn stack_slot(&mut self, data: &InstData) -> u8 {
        let offset = self.frame.stack_slots[data.slot().index()] + data.offset() as i32;
        self.frame_address(T, offset);
        T
    }

    // ---- Linear memory ---------------------------------------------------------------------------

    pub(super) fn emit_load(&mut self, data: &InstData, result: Value) {
        let ty = memory_type(data);
        let address = self.linear_address(data.memory(), data.arg(0), data.offset(), ty);
        let to = self.load_target(data.ty, result);
        // Zero extension is what a load does anyway.
        let (op, ty, sub) = match data.op {
            Op::Sload => (Op::Sload, data.ty, data.ty2 as u8),
            _ => (Op::Load, ty, 0),
        };
        match address {
            Address::Raw(displacement) if op == Op::Sload => {
                let narrow = self.raw(Op::RawLoad, data.ty2, to, T, displacement);
                self.buffer.fault(narrow, 1, TrapCode::MemoryOutOfBounds);
                let register = axis_number(to);
                let index = pair(register, register, Axis::Int);
                if !faults::on(Fault::StencilFarMemoryUnsigned) {
                    self.put(Op::Sextend, ty, sub, Pattern::RR, index);
                }
            }
            Address::Raw(displacement) => {
                let copied = self.raw(Op::RawLoad, ty, to, T, displacement);
                self.buffer.fault(copied, 1, TrapCode::MemoryOutOfBounds);
            }
            Address::Indexed(index, displacement) => {
                let index = pair(axis_number(to), index, Axis::Int);
                self.indexed(op, ty, sub, index, displacement);
            }
            Address::Absolute(displacement) => {
                let copied = self.put(op, ty, sub, Pattern::RI32, axis_number(to).into());
                self.buffer.fill32(copied, 0, displacement);
                self.buffer.fault(copied, 1, TrapCode::MemoryOutOfBounds);
            }
        }
        self.define(result, to);
    }

    fn indexed(&mut self, op: Op, ty: Type, sub: u8, index: usize, displacement: i32) {
        let copied = if super::fits8(displacement) {
            let copied = self.put(op, ty, sub, Pattern::RRI8, index);
            self.buffer.fill8(copied, 0, displacement);
            copied
        } else {
            let copied = self.put(op, ty, sub, Pattern::RRI32, index);
            self.buffer.fill32(copied, 0, displacement);
            copied
        };
        self.buffer.fault(copied, 1, TrapCode::MemoryOutOfBounds);
    }

    pub(super) fn emit_store(&mut self, data: &InstData) {
        let ty = memory_type(data);
        let address = self.linear_address(data.memory(), data.arg(1), data.offset(), ty);
        let constant = self.constant(data.arg(0));
        if let (&Address::Indexed(index, displacement), Some(bits)) = (&address, constant)
            && self.store_constant(ty, index, displacement, bits)
        {
            return;
        }
        // What is in T is an address; and what is in U or W is an index otherwise.
        let temporary = match address {
            Address::Raw(_) | Address::Indexed(T, _) => U,
            Address::Indexed(..) | Address::Absolute(_) => T,
        };
        let value = self.stored(data.arg(0), temporary);
        match address {
            Address::Raw(displacement) => {
                let copied = self.raw(Op::RawStore, ty, value, T, displacement);
                self.buffer.fault(copied, 1, TrapCode::MemoryOutOfBounds);
            }
            Address::Indexed(index, displacement) => {
                let index = pair(axis_number(value), index, Axis::Int);
                self.indexed(Op::Store, ty, 0, index, displacement);
            }
            Address::Absolute(displacement) => {
                let number = axis_number(value).into();
                let copied = self.put(Op::Store, ty, 0, Pattern::RI32, number);
                self.buffer.fill32(copied, 0, displacement);
                self.buffer.fault(copied, 1, TrapCode::MemoryOutOfBounds);
            }
        }
    }

    /// False if there is no such stencil.
    fn store_constant(&mut self, ty: Type, index: u8, displacement: i32, bits: u64) -> bool {
        let integer = match ty {
            Type::F32 => Type::I32,
            Type::F64 => Type::I64,
            other => other,
        };
        if !self.shared.policy.fusion || integer == Type::I16 {
            return false;
        }
        let short = match integer {
            Type::I64 => match super::as_signed32(bits) {
                Some(short) => short,
                None if faults::on(Fault::StencilStoredConstantCut) => bits as i32,
                None => return false,
            },
            _ => bits as i32,
        };
        let copied = self.put(Extra::StoreConst, integer, 0, Pattern::RI32, index.into());
        self.buffer.fill32(copied, 0, displacement);
        match integer {
            Type::I8 => self.buffer.fill8(copied, 1, short),
            _ => self.buffer.fill32(copied, 1, short),
        }
        self.buffer.fault(copied, 2, TrapCode::MemoryOutOfBounds);
        true
    }

    /// The address of an access of a type, checked as far as guard pages do not. What is not in a
    /// register is loaded into U or W; T holds a raw address and is free otherwise.
    fn linear_address(&mut self, memory: Memory, index: Value, at: u32, ty: Type) -> Address {
        let narrow = self.ty(index) == Type::I32;
        let explicit = !narrow || self.shared.bounds_checks == BoundsChecks::Explicit;
        let displacement = i32::try_from(at).ok();
        if let (Some(bits), false, Memory(0)) = (self.constant(index), explicit, memory) {
            let whole = match faults::on(Fault::StencilAbsoluteWraps) {
                true => u64::from((bits as u32).wrapping_add(at)),
                false => bits + u64::from(at),
            };
            if let Ok(whole) = i32::try_from(whole) {
                return Address::Absolute(whole);
            }
        }
        let index = match explicit {
            true => {
                let reach = u64::from(at) + u64::from(ty.bytes());
                self.checked_index(memory, index, reach, narrow)
            }
            false => self.int(index, U),
        };
        match (memory, displacement) {
            (Memory(0), Some(displacement)) => Address::Indexed(index, displacement),
            (Memory(0), None) => {
                self.int_constant(T, at.into());
                self.put(
                    Op::Iadd,
                    Type::I64,
                    0,
                    Pattern::RR,
                    pair(T, index, Axis::Int),
                );
                Address::Indexed(T, 0)
            }
            _ => {
                let base = self.shared.layout.memory(memory) + offset::VIEW_BASE;
                self.context(Extra::ContextLoad, Type::I64, Place::T, base);
                self.put(
                    Op::Iadd,
                    Type::I64,
                    0,
                    Pattern::RR,
                    pair(T, index, Axis::Int),
                );
                if let Some(displacement) = displacement {
                    return Address::Raw(displacement);
                }
                self.int_constant(U, at.into());
                self.put(Op::Iadd, Type::I64, 0, Pattern::RR, pair(T, U, Axis::Int));
                Address::Raw(0)
            }
        }
    }

    /// The register of an index that is known to reach no further than the memory; uses T.
    fn checked_index(&mut self, memory: Memory, index: Value, reach: u64, narrow: bool) -> u8 {
        let memory = match faults::on(Fault::StencilFirstLength) {
            true => Memory(0),
            false => memory,
        };
        let length = self.shared.layout.memory(memory) + offset::VIEW_LEN;
        let index = self.int(index, W);
        let trap = TrapCode::MemoryOutOfBounds;
        match i32::try_from(reach) {
            Ok(reach) if narrow => {
                let copied = self.put(
                    Extra::CheckNarrow,
                    Type::I64,
                    0,
                    Pattern::RI32,
                    index.into(),
                );
                self.buffer.fill32(copied, 0, reach);
                self.buffer.fill32(copied, 1, length as i32);
                self.trap_if(copied, 2, trap);
            }
            _ => {
                self.int_constant(U, reach);
                let copied = self.put(Extra::CheckWide, Type::I64, 0, Pattern::R, index.into());
                self.buffer.fill32(copied, 0, length as i32);
                self.trap_if(copied, 1, trap);
                self.trap_if(copied, 2, trap);
            }
        }
        index
    }

    // ---- Tables ----------------------------------------------------------------------------------

    /// The register of an index into a table, checked; it is loaded into U if it has none.
    pub(super) fn table_index(&mut self, table: Table, index: Value) -> u8 {
        let index = self.int(index, U);
        let length = self.shared.layout.table(table) + offset::VIEW_LEN;
        let copied = self.put(Extra::TableCheck, Type::I64, 0, Pattern::R, index.into());
        self.buffer.fill32(copied, 0, length as i32);
        self.trap_if(copied, 1, TrapCode::TableOutOfBounds);
        index
    }

    /// An entry, into T.
    pub(super) fn table_load(&mut self, table: Table, index: u8) {
        let base = self.shared.layout.table(table) + offset::VIEW_BASE;
        let copied = self.put(Extra::TableLoad, Type::I64, 0, Pattern::R, index.into());
        self.buffer.fill32(copied, 0, base as i32);
    }

    fn emit_table_set(&mut self, data: &InstData) {
        let table = data.table();
        let index = self.table_index(table, data.arg(0));
        self.copy(Place::int(U), Place::int(index));
        self.copy(Place::T, self.place(data.arg(1)));
        let module = self.shared.module;
        if module.tables[table.index()].kind == RefKind::Func {
            // Indirect calls rely on it.
            let cc = bakeoff_ir::IntCc::Ugt as u8;
            let pattern = Pattern::RI32;
            let copied = self.put(Extra::BrIcmp, Type::I64, cc, pattern, T.into());
            self.buffer.fill32(copied, 0, module.funcs.len() as i32);
            self.trap_if(copied, 1, TrapCode::BadSignature);
        }
        let base = self.shared.layout.table(table) + offset::VIEW_BASE;
        let copied = self.glue(Extra::TableStore);
        self.buffer.fill32(copied, 0, base as i32);
    }

    // ---- What the runtime performs ---------------------------------------------------------------

    fn emit_runtime_op(&mut self, data: &InstData, result: Value) {
        let Some(call) = RuntimeCall::of(self.function, data) else {
            unreachable!("{} neither reads nor writes", data.op);
        };
        self.runtime(&call);
        if matches!(data.op, Op::MemoryGrow | Op::TableGrow) {
            if self.ty(result) != Type::I64 {
                // C leaves the high half of a register as it likes.
                let index = pair(T, T, Axis::Int);
                self.put(Op::Ireduce, Type::I32, Type::I64 as u8, Pattern::RR, index);
            }
            self.define_behind_call(result, Place::T);
        } else {
            self.reload_behind_call();
        }
    }
}

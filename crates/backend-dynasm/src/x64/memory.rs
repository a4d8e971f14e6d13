//! Linear memory, the frame, raw memory, globals and tables.

use bakeoff_backend::BoundsChecks;
use bakeoff_backend::context::offset;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Memory, Op, RefKind, Table, TrapCode, Type, Value};

use super::asm::{Alu, Cc, Mem, Shift, Width};
use super::int::{sign_extension, zero_extension};
use super::operand::is_plain_access;
use super::{CONTEXT, MEMORY, RSP, SPARE, X64Compiler};
use crate::location::{Class, Reg};

/// The type that an access has in memory.
fn memory_type(data: &InstData) -> Type {
    match data.op {
        Op::Sload | Op::Uload | Op::Istore => data.ty2,
        _ => data.ty,
    }
}

impl X64Compiler<'_> {
    // ---- Linear memory ---------------------------------------------------------------------------

    pub(super) fn emit_load(&mut self, data: &InstData, result: Value) {
        let mem = self.linear_address(data, data.arg(0));
        let to = self.define_late(result, &[data.arg(0)]);
        self.asm.buffer.fault(TrapCode::MemoryOutOfBounds);
        self.load_value(data, to, mem);
    }

    /// Loads what an instruction loads, and extends it.
    fn load_value(&mut self, data: &InstData, to: Reg, mem: Mem) {
        let ty = memory_type(data);
        if ty.is_float() {
            return self.asm.load_float(Width::of(ty), to, mem);
        }
        let narrow = match data.op {
            Op::Sload => sign_extension(ty),
            _ => zero_extension(ty),
        };
        match narrow {
            Some(narrow) => {
                self.asm.load_narrow(narrow, Width::of(data.ty), to, mem);
                if data.op == Op::Sload {
                    self.cut(data.ty, to);
                }
            }
            None => self.asm.load(Width::of(ty), to, mem),
        }
    }

    pub(super) fn emit_store(&mut self, data: &InstData) {
        if let Some(update) = self.folded(data.arg(0))
            && let Some((op, other)) = self.update_of(data, &update)
        {
            return self.update(data, op, other);
        }
        let mem = self.linear_address(data, data.arg(1));
        self.store_value(data, data.arg(0), mem, true);
    }

    /// Stores a value, or a constant as it is.
    fn store_value(&mut self, data: &InstData, value: Value, mem: Mem, may_trap: bool) {
        let ty = memory_type(data);
        if let Some(imm) = self.imm(value) {
            if may_trap {
                self.asm.buffer.fault(TrapCode::MemoryOutOfBounds);
            }
            return self.asm.store_imm(ty.bytes(), mem, imm);
        }
        let from = self.use_reg(value);
        if may_trap {
            self.asm.buffer.fault(TrapCode::MemoryOutOfBounds);
        }
        match from.class() {
            Class::Int => self.asm.store(ty.bytes(), mem, from),
            Class::Float => self.asm.store_float(Width::of(ty), mem, from),
        }
    }

    /// Computes in memory.
    fn update(&mut self, store: &InstData, op: Alu, other: Value) {
        let width = Width::of(store.ty);
        let mem = self.linear_address(store, store.arg(1));
        match self.imm(other) {
            Some(imm) => {
                self.asm.buffer.fault(TrapCode::MemoryOutOfBounds);
                self.asm.alu_imm_to_mem(op, width, mem, imm);
            }
            None => {
                let from = self.use_reg(other);
                self.asm.buffer.fault(TrapCode::MemoryOutOfBounds);
                self.asm.alu_to_mem(op, width, mem, from);
            }
        }
    }

    /// The address of an access, checked as far as guard pages do not. It may be in the register that
    /// nobody has.
    fn linear_address(&mut self, data: &InstData, index: Value) -> Mem {
        if self.shared.policy.fusion
            && is_plain_access(self, data, index)
            && let Some(bits) = self.constant(index)
            && let Ok(whole) = i32::try_from(bits + u64::from(data.offset()))
        {
            return Mem::Base(MEMORY, whole);
        }
        let narrow = self.function.value_type(index) == Type::I32;
        let reg = self.use_reg(index);
        if !narrow || self.shared.bounds_checks == BoundsChecks::Explicit {
            let reach = u64::from(data.offset()) + u64::from(memory_type(data).bytes());
            self.check(data.memory(), reg, reach, narrow);
        }
        match (data.memory(), i32::try_from(data.offset())) {
            (Memory(0), Ok(offset)) => Mem::Index(MEMORY, reg, 1, offset),
            (Memory(0), Err(_)) => {
                self.asm.mov_imm(SPARE, data.offset().into());
                self.asm.alu(Alu::Add, Width::W64, SPARE, reg);
                Mem::Index(MEMORY, SPARE, 1, 0)
            }
            (memory, offset) => {
                let base = self.shared.layout.memory(memory) + offset::VIEW_BASE;
                let base = self.context(base);
                match offset {
                    Ok(offset) => {
                        self.asm.load(Width::W64, SPARE, base);
                        Mem::Index(SPARE, reg, 1, offset)
                    }
                    Err(_) => {
                        self.asm.mov_imm(SPARE, data.offset().into());
                        self.asm.alu_mem(Alu::Add, Width::W64, SPARE, base);
                        Mem::Index(SPARE, reg, 1, 0)
                    }
                }
            }
        }
    }

    /// Traps unless an access that reaches so far behind an index is inside a memory.
    fn check(&mut self, memory: Memory, index: Reg, reach: u64, narrow: bool) {
        let bytes = self.shared.layout.memory(memory) + offset::VIEW_LEN;
        let bytes = self.context(bytes);
        match i32::try_from(reach) {
            Ok(reach) if narrow => self.asm.lea(Width::W64, SPARE, Mem::Base(index, reach)),
            _ => {
                self.asm.mov_imm(SPARE, reach);
                self.asm.alu(Alu::Add, Width::W64, SPARE, index);
                self.trap_if(Cc::B, TrapCode::MemoryOutOfBounds);
            }
        }
        self.asm.alu_mem(Alu::Cmp, Width::W64, SPARE, bytes);
        let outside = match faults::on(Fault::DynasmLastByte) {
            true => Cc::Ae,
            false => Cc::A,
        };
        self.trap_if(outside, TrapCode::MemoryOutOfBounds);
    }

    pub(super) fn emit_memory_size(&mut self, data: &InstData, result: Value) {
        let bytes = self.shared.layout.memory(data.memory()) + offset::VIEW_LEN;
        let bytes = self.context(bytes);
        let to = self.define(result);
        self.asm.load(Width::W64, to, bytes);
        let shift = bakeoff_ir::PAGE_BYTES.trailing_zeros() as u8;
        self.asm.shift_imm(Shift::Shr, Width::W64, to, shift);
    }

    // ---- Memory that needs no checks -------------------------------------------------------------

    /// Where an instruction on the frame, a pointer or a global accesses memory.
    fn plain_address(&mut self, data: &InstData, pointer: usize) -> Mem {
        match data.op {
            Op::StackLoad | Op::StackStore => Mem::Base(RSP, self.stack_slot(data)),
            Op::GlobalGet | Op::GlobalSet => {
                let at = self.shared.layout.global(data.global());
                self.context(at)
            }
            _ => self.address(data.arg(pointer), data.raw_offset()),
        }
    }

    pub(super) fn emit_plain_load(&mut self, data: &InstData, result: Value) {
        let mem = self.plain_address(data, 0);
        let pointer = if data.op == Op::RawLoad {
            Some(data.arg(0))
        } else {
            None
        };
        let to = self.define_late(result, pointer.as_slice());
        self.load_value(data, to, mem);
    }

    pub(super) fn emit_plain_store(&mut self, data: &InstData) {
        let mem = self.plain_address(data, 1);
        self.store_value(data, data.arg(0), mem, false);
    }

    // ---- Tables ----------------------------------------------------------------------------------

    /// An index into a table, checked.
    pub(super) fn table_index(&mut self, table: Table, index: Value) -> Reg {
        let index = self.use_reg(index);
        let length = self.shared.layout.table(table) + offset::VIEW_LEN;
        let length = self.context(length);
        let (width, outside) = match faults::on(Fault::DynasmTableIndexSigned) {
            true => (Width::W32, Cc::Ge),
            false => (Width::W64, Cc::Ae),
        };
        self.asm.alu_mem(Alu::Cmp, width, index, length);
        self.trap_if(outside, TrapCode::TableOutOfBounds);
        index
    }

    /// The entry at a checked index, in memory.
    pub(super) fn table_entry(&mut self, table: Table, index: Reg) -> Mem {
        let base = self.shared.layout.table(table) + offset::VIEW_BASE;
        self.asm
            .load(Width::W64, SPARE, Mem::Base(CONTEXT, base as i32));
        Mem::Index(SPARE, index, 8, 0)
    }

    pub(super) fn emit_table_get(&mut self, data: &InstData, result: Value) {
        let index = self.table_index(data.table(), data.arg(0));
        let to = self.define(result);
        let entry = self.table_entry(data.table(), index);
        self.asm.load(Width::W64, to, entry);
    }

    pub(super) fn emit_table_set(&mut self, data: &InstData) {
        let table = data.table();
        let index = self.table_index(table, data.arg(0));
        let reference = self.use_reg(data.arg(1));
        let module = self.shared.module;
        if module.tables[table.index()].kind == RefKind::Func {
            // Indirect calls rely on it.
            let last = module.funcs.len() as i32;
            self.asm.alu_imm(Alu::Cmp, Width::W64, reference, last);
            self.trap_if(Cc::A, TrapCode::BadSignature);
        }
        let entry = self.table_entry(table, index);
        self.asm.store(8, entry, reference);
    }

    pub(super) fn emit_table_size(&mut self, data: &InstData, result: Value) {
        let length = self.shared.layout.table(data.table()) + offset::VIEW_LEN;
        let length = self.context(length);
        let to = self.define(result);
        self.asm.load(Width::W32, to, length);
    }
}

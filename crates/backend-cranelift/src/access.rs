//! Ops on memories, globals, tables and stack slots.

use bakeoff_backend::BoundsChecks;
use bakeoff_backend::context::offset;
use bakeoff_backend::native::Builtin;
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Inst, InstData, Memory, Op, RefKind, Table, TrapCode, Type, Value};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self as cl, InstBuilder, MemFlagsData, types};

use crate::translate::{Translator, cl_trap, cl_type};

impl Translator<'_> {
    /// An op that reads or writes state and is no call.
    pub(crate) fn translate_access(&mut self, inst: Inst, data: &InstData) {
        let result = self.function.result(inst);
        let value = match data.op {
            Op::Load | Op::Sload | Op::Uload => Some(self.linear_load(data)),
            Op::Store | Op::Istore => {
                self.linear_store(data);
                None
            }
            Op::StackLoad => {
                let slot = self.slots[data.slot().index()];
                let at = data.offset() as i32;
                Some(
                    self.pos
                        .ins()
                        .stack_load(types::I64, cl_type(data.ty), slot, at),
                )
            }
            Op::StackStore => {
                let (slot, x) = (self.slots[data.slot().index()], self.value(data.arg(0)));
                self.pos
                    .ins()
                    .stack_store(types::I64, x, slot, data.offset() as i32);
                None
            }
            Op::RawLoad => {
                let (flags, base) = (MemFlagsData::new().with_notrap(), self.value(data.arg(0)));
                Some(
                    self.pos
                        .ins()
                        .load(cl_type(data.ty), flags, base, data.raw_offset()),
                )
            }
            Op::RawStore => {
                let (flags, [x, base]) = (
                    MemFlagsData::new().with_notrap(),
                    [0, 1].map(|i| self.value(data.arg(i))),
                );
                self.pos.ins().store(flags, x, base, data.raw_offset());
                None
            }
            Op::GlobalGet => {
                let (context, at) = (
                    self.context,
                    self.shared.layout.global(data.global()) as i32,
                );
                let flags = self.global_flags(data);
                Some(self.pos.ins().load(cl_type(data.ty), flags, context, at))
            }
            Op::GlobalSet => {
                let (context, at) = (
                    self.context,
                    self.shared.layout.global(data.global()) as i32,
                );
                let (flags, x) = (self.global_flags(data), self.value(data.arg(0)));
                self.pos.ins().store(flags, x, context, at);
                None
            }
            Op::MemorySize => Some(self.memory_size(data)),
            Op::TableGet => {
                let address = self.table_address(data.table(), data.arg(0));
                let flags = self.table_flags();
                Some(self.pos.ins().load(types::I64, flags, address, 0))
            }
            Op::TableSet => {
                let address = self.table_address(data.table(), data.arg(0));
                let (flags, x) = (self.table_flags(), self.value(data.arg(1)));
                self.check_reference(data.table(), x);
                self.pos.ins().store(flags, x, address, 0);
                None
            }
            Op::TableSize => {
                let len = self.table_len(data.table());
                Some(self.pos.ins().ireduce(types::I32, len))
            }
            _ => self.runtime_op(data),
        };
        if let Some(value) = value {
            self.set(result, value);
        }
    }

    fn global_flags(&self, data: &InstData) -> MemFlagsData {
        let flags = MemFlagsData::trusted().with_alias_region(self.regions.globals);
        match self.shared.module.globals[data.global().index()].mutable {
            true if faults::on(Fault::CraneliftGlobalsConstant) => {
                flags.with_readonly().with_can_move()
            }
            true => flags,
            false => flags.with_readonly().with_can_move(),
        }
    }

    /// An op that the runtime performs.
    fn runtime_op(&mut self, data: &InstData) -> Option<cl::Value> {
        let operands: Vec<Value> = self.function.operands(data).collect();
        let args = self.value_list(&operands);
        let number = |this: &mut Self, n: u32| this.iconst(types::I32, n.into());
        match data.op {
            Op::MemoryGrow => {
                let memory = number(self, data.x.into());
                let pages = self.widened(data.ty, args[0]);
                let old = self.call_builtin(Builtin::MemoryGrow, &[memory, pages])?;
                Some(match data.ty {
                    Type::I64 => old,
                    _ => self.pos.ins().ireduce(types::I32, old),
                })
            }
            Op::MemoryFill => {
                let memory = number(self, data.b);
                let [to, len] = [args[0], args[2]].map(|v| self.widened(data.ty, v));
                self.call_builtin(Builtin::MemoryFill, &[memory, to, args[1], len])
            }
            Op::MemoryCopy => {
                let mut memories = [data.b, data.c];
                if faults::on(Fault::CraneliftCopyMemoriesSwapped) {
                    memories.reverse();
                }
                let [to_memory, from_memory] = memories.map(|n| number(self, n));
                let [to, from, len] = [0, 1, 2].map(|i| self.widened(data.ty, args[i]));
                self.call_builtin(
                    Builtin::MemoryCopy,
                    &[to_memory, to, from_memory, from, len],
                )
            }
            Op::MemoryInit => {
                let [memory, segment] = [data.b, data.c].map(|n| number(self, n));
                let to = self.widened(data.ty, args[0]);
                self.call_builtin(
                    Builtin::MemoryInit,
                    &[memory, segment, to, args[1], args[2]],
                )
            }
            Op::DataDrop => {
                let segment = number(self, data.b);
                self.call_builtin(Builtin::DataDrop, &[segment])
            }
            Op::TableGrow => {
                let table = number(self, data.x.into());
                self.call_builtin(Builtin::TableGrow, &[table, args[0], args[1]])
            }
            Op::TableFill => {
                let table = number(self, data.b);
                self.call_builtin(Builtin::TableFill, &[table, args[0], args[1], args[2]])
            }
            Op::TableCopy => {
                let [to, from] = [data.b, data.c].map(|n| number(self, n));
                self.call_builtin(Builtin::TableCopy, &[to, args[0], from, args[1], args[2]])
            }
            Op::TableInit => {
                let [table, segment] = [data.b, data.c].map(|n| number(self, n));
                self.call_builtin(
                    Builtin::TableInit,
                    &[table, segment, args[0], args[1], args[2]],
                )
            }
            Op::ElemDrop => {
                let segment = number(self, data.b);
                self.call_builtin(Builtin::ElemDrop, &[segment])
            }
            other => unreachable!("{other} neither reads nor writes"),
        }
    }

    /// A value as an `i64`, zero-extended.
    fn widened(&mut self, ty: Type, value: cl::Value) -> cl::Value {
        match ty {
            Type::I64 => value,
            _ => self.pos.ins().uextend(types::I64, value),
        }
    }

    /// The length of a memory in bytes.
    fn memory_bytes(&mut self, memory: Memory) -> cl::Value {
        let at = self.shared.layout.memory(memory) + offset::VIEW_LEN;
        // Only the runtime changes it, and calls end all knowledge of memory.
        let flags = MemFlagsData::trusted().with_alias_region(self.regions.globals);
        let context = self.context;
        self.pos.ins().load(types::I64, flags, context, at as i32)
    }

    fn memory_size(&mut self, data: &InstData) -> cl::Value {
        let bytes = self.memory_bytes(data.memory());
        let shift = self.iconst(
            types::I32,
            i64::from(bakeoff_ir::PAGE_BYTES.trailing_zeros()),
        );
        let pages = self.pos.ins().ushr(bytes, shift);
        match data.ty {
            Type::I64 => pages,
            _ => self.pos.ins().ireduce(types::I32, pages),
        }
    }

    /// The address of a linear-memory access of `bytes` bytes, checked as far as guard pages do not,
    /// and what is left of the offset.
    fn linear_address(
        &mut self,
        memory: Memory,
        index: Value,
        at: u32,
        bytes: u32,
    ) -> (cl::Value, i32) {
        let narrow = self.function.value_type(index) == Type::I32;
        let index = self.value(index);
        let index = self.widened(if narrow { Type::I32 } else { Type::I64 }, index);
        if !narrow || self.shared.bounds_checks == BoundsChecks::Explicit {
            self.check_bounds(memory, index, u64::from(at) + u64::from(bytes), narrow);
        }
        let base = self.context_constant(self.shared.layout.memory(memory) + offset::VIEW_BASE);
        let mut address = self.pos.ins().iadd(base, index);
        match i32::try_from(at) {
            Ok(at) => (address, at),
            Err(_) if faults::on(Fault::CraneliftOffsetNegative) => (address, at as i32),
            Err(_) => {
                let at = self.iconst(types::I64, at.into());
                address = self.pos.ins().iadd(address, at);
                (address, 0)
            }
        }
    }

    /// Traps unless index + reach, without wrapping, is at most the length.
    fn check_bounds(&mut self, memory: Memory, index: cl::Value, reach: u64, narrow: bool) {
        let trap = cl_trap(TrapCode::MemoryOutOfBounds);
        let len = self.memory_bytes(memory);
        let reach = self.iconst(types::I64, reach as i64);
        let end = match narrow {
            true => self.pos.ins().iadd(index, reach),
            false if faults::on(Fault::CraneliftIndexWraps) => self.pos.ins().iadd(index, reach),
            false => self.pos.ins().uadd_overflow_trap(index, reach, trap),
        };
        let outside = self.pos.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
        self.pos.ins().trapnz(outside, trap);
    }

    fn linear_flags(&self) -> MemFlagsData {
        MemFlagsData::new()
            .with_trap_code(Some(cl_trap(TrapCode::MemoryOutOfBounds)))
            .with_alias_region(self.regions.memory)
    }

    fn linear_load(&mut self, data: &InstData) -> cl::Value {
        let memory_ty = if data.op == Op::Load {
            data.ty
        } else {
            data.ty2
        };
        let (address, at) =
            self.linear_address(data.memory(), data.arg(0), data.offset(), memory_ty.bytes());
        let (flags, ty) = (self.linear_flags(), cl_type(data.ty));
        let ins = self.pos.ins();
        match (data.op, memory_ty) {
            (Op::Sload, Type::I16)
                if faults::on(Fault::CraneliftSloadZeroExtends) && data.ty == Type::I64 =>
            {
                ins.uload16(ty, flags, address, at)
            }
            (Op::Sload, Type::I8) => ins.sload8(ty, flags, address, at),
            (Op::Sload, Type::I16) if data.ty != Type::I16 => ins.sload16(ty, flags, address, at),
            (Op::Sload, Type::I32) => ins.sload32(flags, address, at),
            (Op::Uload, Type::I8) => ins.uload8(ty, flags, address, at),
            (Op::Uload, Type::I16) if data.ty != Type::I16 => ins.uload16(ty, flags, address, at),
            (Op::Uload, Type::I32) => ins.uload32(flags, address, at),
            _ => ins.load(ty, flags, address, at),
        }
    }

    fn linear_store(&mut self, data: &InstData) {
        let memory_ty = if data.op == Op::Store {
            data.ty
        } else {
            data.ty2
        };
        let (address, at) =
            self.linear_address(data.memory(), data.arg(1), data.offset(), memory_ty.bytes());
        let (flags, x) = (self.linear_flags(), self.value(data.arg(0)));
        let ins = self.pos.ins();
        match (data.op, memory_ty) {
            (Op::Istore, Type::I8) => ins.istore8(flags, x, address, at),
            (Op::Istore, Type::I16) => ins.istore16(flags, x, address, at),
            (Op::Istore, Type::I32) => ins.istore32(flags, x, address, at),
            _ => ins.store(flags, x, address, at),
        };
    }

    /// Whether a table has one size for ever.
    fn table_is_fixed(&self, table: Table) -> bool {
        let decl = &self.shared.module.tables[table.index()];
        if faults::on(Fault::CraneliftTableNeverGrows) {
            return decl.import.is_none() && decl.max.is_some();
        }
        decl.import.is_none() && decl.max == Some(decl.min)
    }

    /// Flags of the fields of a table's view.
    fn view_flags(&self, table: Table) -> MemFlagsData {
        match self.table_is_fixed(table) {
            true => Self::constant_flags(),
            false => MemFlagsData::trusted().with_alias_region(self.regions.globals),
        }
    }

    pub(crate) fn table_flags(&self) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(self.regions.tables)
    }

    /// The number of entries, as an `i64`.
    fn table_len(&mut self, table: Table) -> cl::Value {
        if self.table_is_fixed(table) {
            let len = self.shared.module.tables[table.index()].min;
            return self.iconst(types::I64, len.into());
        }
        let (flags, context) = (self.view_flags(table), self.context);
        let at = self.shared.layout.table(table) + offset::VIEW_LEN;
        self.pos.ins().load(types::I64, flags, context, at as i32)
    }

    /// Traps unless the table may hold the reference: indirect calls rely on it.
    fn check_reference(&mut self, table: Table, reference: cl::Value) {
        let module = self.shared.module;
        if module.tables[table.index()].kind != RefKind::Func
            || faults::on(Fault::CraneliftReferenceUnchecked)
        {
            return;
        }
        let most = self.iconst(types::I64, module.funcs.len() as i64);
        let foreign = self
            .pos
            .ins()
            .icmp(IntCC::UnsignedGreaterThan, reference, most);
        self.pos
            .ins()
            .trapnz(foreign, cl_trap(TrapCode::BadSignature));
    }

    /// The address of an entry, after the check of the index.
    pub(crate) fn table_address(&mut self, table: Table, index: Value) -> cl::Value {
        let index = self.value(index);
        let index = self.widened(Type::I32, index);
        let len = self.table_len(table);
        let outside = self
            .pos
            .ins()
            .icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.pos
            .ins()
            .trapnz(outside, cl_trap(TrapCode::TableOutOfBounds));
        let (flags, context) = (self.view_flags(table), self.context);
        let at = self.shared.layout.table(table) + offset::VIEW_BASE;
        let base = self.pos.ins().load(types::I64, flags, context, at as i32);
        let three = self.iconst(types::I32, 3);
        let scaled = self.pos.ins().ishl(index, three);
        self.pos.ins().iadd(base, scaled)
    }
}

//! One method a format: appending instructions to the current block.
//!
//! Each panics if no block is being filled. The op given must be of the format that the method names;
//! operands must be of the types that the op's row says, which the verifier checks.

use std::ops::Range;

use super::FunctionBuilder;
use crate::entity::{Block, Data, Elem, Func, Global, Memory, Sig, StackSlot, Table, Value};
use crate::function::InstData;
use crate::ops::{Class, FloatCc, IntCc, Op, Shape};
use crate::trap::TrapCode;
use crate::types::{Scalar, Type};

/// The results of an instruction with any number of them, side by side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Results(Range<u32>);

impl Iterator for Results {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.0.next().map(Value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Results {}

impl FunctionBuilder<'_> {
    /// An integer constant; higher bits of `value` than the type has are dropped.
    pub fn iconst(&mut self, ty: Type, value: i64) -> Value {
        self.constant(Op::Iconst, Scalar::new(ty, value as u64))
    }

    /// A floating-point constant of these bits.
    pub fn fconst(&mut self, ty: Type, bits: u64) -> Value {
        self.constant(Op::Fconst, Scalar::new(ty, bits))
    }

    /// A constant of any type.
    pub fn scalar(&mut self, value: Scalar) -> Value {
        match value.ty().is_int() {
            true => self.constant(Op::Iconst, value),
            false => self.constant(Op::Fconst, value),
        }
    }

    fn constant(&mut self, op: Op, value: Scalar) -> Value {
        self.push(constant_inst(op, value), &[value.ty()])
    }

    /// A copy of an instruction, of this function or another one of the module, with these operands, in
    /// the order of the text, and these edges; its results are of these types.
    ///
    /// # Panics
    /// If there are fewer operands than the op's row has.
    pub fn copy(
        &mut self,
        template: &InstData,
        operands: &[Value],
        edges: &[(Block, &[Value])],
        results: &[Type],
    ) -> Results {
        if !edges.is_empty() {
            self.push_branch(template.op, operands.first().copied(), edges);
            return Results(0..0);
        }
        let mut data = *template;
        match template.op.shape() {
            Shape::List => (data.b, data.c) = self.push_list(operands),
            Shape::Bulk => (data.a, _) = self.push_list(operands),
            Shape::Inline(count) => {
                let words = [&mut data.a, &mut data.b, &mut data.c];
                for (word, index) in words.into_iter().zip(0..usize::from(count)) {
                    *word = operands[index].0;
                }
            }
        }
        let first = self.push(data, results);
        Results(first.0..first.0 + results.len() as u32)
    }

    /// A `Plain` op with fixed operands and at most one result besides those of checked arithmetic.
    fn plain(&mut self, op: Op, ty: Type, ty2: Type, args: [Value; 3]) -> Value {
        let row = op.info();
        let mut data = InstData::new(op, ty);
        data.ty2 = ty2;
        [data.a, data.b, data.c] = args.map(|v| v.0);
        match row.results {
            [Class::T] => self.push(data, &[ty]),
            [Class::T, Class::Bool] => self.push(data, &[ty, Type::I8]),
            other => unreachable!("{op} has results {other:?}"),
        }
    }

    /// A `Plain` op with one operand of its own type.
    pub fn unary(&mut self, op: Op, ty: Type, a: Value) -> Value {
        self.plain(op, ty, Type::I8, [a, Value(0), Value(0)])
    }

    /// A `Plain` op with two operands of its own type and one result.
    pub fn binary(&mut self, op: Op, ty: Type, a: Value, b: Value) -> Value {
        self.plain(op, ty, Type::I8, [a, b, Value(0)])
    }

    /// Checked arithmetic: the wrapped result and the overflow flag.
    pub fn overflowing(&mut self, op: Op, ty: Type, a: Value, b: Value) -> (Value, Value) {
        let first = self.plain(op, ty, Type::I8, [a, b, Value(0)]);
        (first, Value(first.0 + 1))
    }

    /// `select`: `a` if `cond` is not zero, else `b`.
    pub fn select(&mut self, ty: Type, cond: Value, a: Value, b: Value) -> Value {
        self.plain(Op::Select, ty, Type::I8, [cond, a, b])
    }

    /// `fma`: `a * b + c`, rounded once.
    pub fn fma(&mut self, ty: Type, a: Value, b: Value, c: Value) -> Value {
        self.plain(Op::Fma, ty, Type::I8, [a, b, c])
    }

    /// A conversion between two types.
    pub fn convert(&mut self, op: Op, to: Type, from: Type, a: Value) -> Value {
        self.plain(op, to, from, [a, Value(0), Value(0)])
    }

    /// `icmp`.
    pub fn icmp(&mut self, cc: IntCc, ty: Type, a: Value, b: Value) -> Value {
        self.compare(Op::Icmp, cc as u8, ty, a, b)
    }

    /// `fcmp`.
    pub fn fcmp(&mut self, cc: FloatCc, ty: Type, a: Value, b: Value) -> Value {
        self.compare(Op::Fcmp, cc as u8, ty, a, b)
    }

    fn compare(&mut self, op: Op, cc: u8, ty: Type, a: Value, b: Value) -> Value {
        let mut data = InstData::new(op, ty);
        data.x = cc;
        data.a = a.0;
        data.b = b.0;
        self.push(data, &[Type::I8])
    }

    /// `load`, `sload` or `uload`. `memory_ty` is the type in memory; `load` ignores it.
    pub fn load(
        &mut self,
        op: Op,
        ty: Type,
        memory_ty: Type,
        memory: Memory,
        addr: Value,
        offset: u32,
    ) -> Value {
        let mut data = memory_inst(op, ty, memory_ty, memory, offset);
        data.a = addr.0;
        self.push(data, &[ty])
    }

    /// `store` or `istore`. `memory_ty` is the type in memory; `store` ignores it.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a field of the instruction"
    )]
    pub fn store(
        &mut self,
        op: Op,
        ty: Type,
        memory_ty: Type,
        memory: Memory,
        value: Value,
        addr: Value,
        offset: u32,
    ) {
        let mut data = memory_inst(op, ty, memory_ty, memory, offset);
        data.a = value.0;
        data.b = addr.0;
        self.push(data, &[]);
    }

    /// `memory_size`.
    pub fn memory_size(&mut self, ty: Type, memory: Memory) -> Value {
        let data = memory_inst(Op::MemorySize, ty, Type::I8, memory, 0);
        self.push(data, &[ty])
    }

    /// `memory_grow`.
    pub fn memory_grow(&mut self, ty: Type, memory: Memory, pages: Value) -> Value {
        let mut data = memory_inst(Op::MemoryGrow, ty, Type::I8, memory, 0);
        data.a = pages.0;
        self.push(data, &[ty])
    }

    fn bulk(&mut self, op: Op, ty: Type, first: u32, second: u32, args: [Value; 3]) {
        let mut data = InstData::new(op, ty);
        (data.a, _) = self.push_list(&args);
        data.b = first;
        data.c = second;
        self.push(data, &[]);
    }

    /// `memory_fill` with destination, byte and length.
    pub fn memory_fill(&mut self, ty: Type, memory: Memory, args: [Value; 3]) {
        self.bulk(Op::MemoryFill, ty, memory.0, 0, args);
    }

    /// `memory_copy` with destination, source and length.
    pub fn memory_copy(&mut self, ty: Type, to: Memory, from: Memory, args: [Value; 3]) {
        self.bulk(Op::MemoryCopy, ty, to.0, from.0, args);
    }

    /// `memory_init` with destination, source offset and length.
    pub fn memory_init(&mut self, ty: Type, memory: Memory, data: Data, args: [Value; 3]) {
        self.bulk(Op::MemoryInit, ty, memory.0, data.0, args);
    }

    /// `table_fill` with index, reference and number.
    pub fn table_fill(&mut self, table: Table, args: [Value; 3]) {
        self.bulk(Op::TableFill, Type::I8, table.0, 0, args);
    }

    /// `table_copy` with destination index, source index and number.
    pub fn table_copy(&mut self, to: Table, from: Table, args: [Value; 3]) {
        self.bulk(Op::TableCopy, Type::I8, to.0, from.0, args);
    }

    /// `table_init` with table index, segment index and number.
    pub fn table_init(&mut self, table: Table, elem: Elem, args: [Value; 3]) {
        self.bulk(Op::TableInit, Type::I8, table.0, elem.0, args);
    }

    fn entity(
        &mut self,
        op: Op,
        ty: Type,
        entity: u32,
        arg: Option<Value>,
        results: &[Type],
    ) -> Value {
        let mut data = InstData::new(op, ty);
        data.a = arg.map_or(0, |v| v.0);
        data.b = entity;
        self.push(data, results)
    }

    /// `data_drop`.
    pub fn data_drop(&mut self, data: Data) {
        self.entity(Op::DataDrop, Type::I8, data.0, None, &[]);
    }

    /// `elem_drop`.
    pub fn elem_drop(&mut self, elem: Elem) {
        self.entity(Op::ElemDrop, Type::I8, elem.0, None, &[]);
    }

    /// `ref_func`.
    pub fn ref_func(&mut self, func: Func) -> Value {
        self.entity(Op::RefFunc, Type::I8, func.0, None, &[Type::I64])
    }

    /// `global_get`, of the type of the global.
    pub fn global_get(&mut self, global: Global) -> Value {
        let ty = self.module.globals[global.index()].ty;
        self.entity(Op::GlobalGet, ty, global.0, None, &[ty])
    }

    /// `global_set`, of the type of the global.
    pub fn global_set(&mut self, global: Global, value: Value) {
        let ty = self.module.globals[global.index()].ty;
        self.entity(Op::GlobalSet, ty, global.0, Some(value), &[]);
    }

    fn table_op(&mut self, op: Op, table: Table, args: [Value; 2], results: &[Type]) -> Value {
        let mut data = InstData::new(op, Type::I8);
        data.x = byte(table.0);
        data.a = args[0].0;
        data.b = args[1].0;
        self.push(data, results)
    }

    /// `table_get`.
    pub fn table_get(&mut self, table: Table, index: Value) -> Value {
        self.table_op(Op::TableGet, table, [index, Value(0)], &[Type::I64])
    }

    /// `table_set`.
    pub fn table_set(&mut self, table: Table, index: Value, reference: Value) {
        self.table_op(Op::TableSet, table, [index, reference], &[]);
    }

    /// `table_size`.
    pub fn table_size(&mut self, table: Table) -> Value {
        self.table_op(Op::TableSize, table, [Value(0); 2], &[Type::I32])
    }

    /// `table_grow` by `count` entries of `reference`.
    pub fn table_grow(&mut self, table: Table, reference: Value, count: Value) -> Value {
        self.table_op(Op::TableGrow, table, [reference, count], &[Type::I32])
    }

    fn stack_inst(op: Op, ty: Type, slot: StackSlot, offset: u32) -> InstData {
        let mut data = InstData::new(op, ty);
        data.b = slot.0;
        data.c = offset;
        data
    }

    /// `stack_load`.
    pub fn stack_load(&mut self, ty: Type, slot: StackSlot, offset: u32) -> Value {
        self.push(Self::stack_inst(Op::StackLoad, ty, slot, offset), &[ty])
    }

    /// `stack_store`.
    pub fn stack_store(&mut self, ty: Type, value: Value, slot: StackSlot, offset: u32) {
        let mut data = Self::stack_inst(Op::StackStore, ty, slot, offset);
        data.a = value.0;
        self.push(data, &[]);
    }

    /// `stack_addr`.
    pub fn stack_addr(&mut self, slot: StackSlot, offset: u32) -> Value {
        self.push(
            Self::stack_inst(Op::StackAddr, Type::I64, slot, offset),
            &[Type::I64],
        )
    }

    /// `raw_load`.
    pub fn raw_load(&mut self, ty: Type, addr: Value, offset: i32) -> Value {
        let mut data = InstData::new(Op::RawLoad, ty);
        data.a = addr.0;
        data.c = offset as u32;
        self.push(data, &[ty])
    }

    /// `raw_store`.
    pub fn raw_store(&mut self, ty: Type, value: Value, addr: Value, offset: i32) {
        let mut data = InstData::new(Op::RawStore, ty);
        data.a = value.0;
        data.b = addr.0;
        data.c = offset as u32;
        self.push(data, &[]);
    }

    fn call_inst(
        &mut self,
        op: Op,
        x: u8,
        a: u32,
        first: Option<Value>,
        args: &[Value],
        sig: Sig,
    ) -> Results {
        let mut data = InstData::new(op, Type::I8);
        data.x = x;
        data.a = a;
        let start = self.list.len() as u32;
        self.list.extend(first);
        self.list.extend_from_slice(args);
        data.b = start;
        data.c = self.list.len() as u32 - start;
        let module = self.module;
        let results: &[Type] = match op.ends_block() {
            true => &[],
            false => &module.sig(sig).results,
        };
        let first = self.push(data, results);
        Results(first.0..first.0 + results.len() as u32)
    }

    /// `call`.
    pub fn call(&mut self, func: Func, args: &[Value]) -> Results {
        self.call_inst(Op::Call, 0, func.0, None, args, self.module.func(func).sig)
    }

    /// `return_call`.
    pub fn return_call(&mut self, func: Func, args: &[Value]) {
        self.call_inst(
            Op::ReturnCall,
            0,
            func.0,
            None,
            args,
            self.module.func(func).sig,
        );
    }

    /// `call_indirect`.
    pub fn call_indirect(
        &mut self,
        table: Table,
        sig: Sig,
        index: Value,
        args: &[Value],
    ) -> Results {
        self.call_inst(
            Op::CallIndirect,
            byte(table.0),
            sig.0,
            Some(index),
            args,
            sig,
        )
    }

    /// `return_call_indirect`.
    pub fn return_call_indirect(&mut self, table: Table, sig: Sig, index: Value, args: &[Value]) {
        self.call_inst(
            Op::ReturnCallIndirect,
            byte(table.0),
            sig.0,
            Some(index),
            args,
            sig,
        );
    }

    /// `call_raw`.
    pub fn call_raw(&mut self, sig: Sig, pointer: Value, args: &[Value]) -> Results {
        self.call_inst(Op::CallRaw, 0, sig.0, Some(pointer), args, sig)
    }

    /// `jump`.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        self.push_branch(Op::Jump, None, &[(block, args)]);
    }

    /// `brif`.
    pub fn brif(
        &mut self,
        cond: Value,
        then: Block,
        then_args: &[Value],
        els: Block,
        else_args: &[Value],
    ) {
        self.push_branch(Op::Brif, Some(cond), &[(then, then_args), (els, else_args)]);
    }

    /// `br_table`; the last edge is the default.
    pub fn br_table(&mut self, index: Value, edges: &[(Block, &[Value])]) {
        self.push_branch(Op::BrTable, Some(index), edges);
    }

    /// `return`.
    pub fn ret(&mut self, values: &[Value]) {
        let mut data = InstData::new(Op::Return, Type::I8);
        (data.b, data.c) = self.push_list(values);
        self.push(data, &[]);
    }

    /// `trap`.
    pub fn trap(&mut self, code: TrapCode) {
        self.trap_inst(Op::Trap, Value(0), code);
    }

    /// `trapz`.
    pub fn trapz(&mut self, cond: Value, code: TrapCode) {
        self.trap_inst(Op::Trapz, cond, code);
    }

    /// `trapnz`.
    pub fn trapnz(&mut self, cond: Value, code: TrapCode) {
        self.trap_inst(Op::Trapnz, cond, code);
    }

    fn trap_inst(&mut self, op: Op, cond: Value, code: TrapCode) {
        let mut data = InstData::new(op, Type::I8);
        data.x = code.to_byte();
        data.a = cond.0;
        self.push(data, &[]);
    }
}

/// A `Const` instruction.
pub(super) fn constant_inst(op: Op, value: Scalar) -> InstData {
    let mut data = InstData::new(op, value.ty());
    data.b = value.bits() as u32;
    data.c = (value.bits() >> 32) as u32;
    data
}

fn memory_inst(op: Op, ty: Type, memory_ty: Type, memory: Memory, offset: u32) -> InstData {
    let mut data = InstData::new(op, ty);
    if !op.info().s.is_empty() {
        data.ty2 = memory_ty;
    }
    data.x = byte(memory.0);
    data.c = offset;
    data
}

/// The byte that names a memory or a table in an instruction.
fn byte(entity: u32) -> u8 {
    u8::try_from(entity).expect("a module has at most 256 memories and tables")
}

//! Linear memories, stack slots, globals and tables.

use bakeoff_ir::{
    Data, Global, Memory, Op, PAGE_BYTES, RefKind, Scalar, StackSlot, Table, Type, Value,
};

use super::function::{Address, Gen, Indexed};
use super::plan::{self, any_type};
use crate::origin::Origin;

/// Where an access goes: the index and the offset.
#[derive(Clone, Copy)]
struct Place {
    index: Value,
    offset: u32,
}

impl Gen<'_, '_> {
    fn memory(&mut self) -> Option<Memory> {
        let count = self.module.memories.len();
        (count > 0).then(|| Memory::from_index(self.rng.below(count)))
    }

    fn memory_bytes(&self, memory: Memory) -> u64 {
        self.module.memories[memory.index()].min_pages * PAGE_BYTES
    }

    /// A place for so many bytes: inside, at the very end, or, as a risk, anywhere.
    fn place(&mut self, memory: Memory, bytes: u32) -> Place {
        let size = self.memory_bytes(memory);
        if size == 0 || self.risk(4) {
            return self.wild_place(size, bytes);
        }
        let last = size - u64::from(bytes);
        match self.rng.below(10) {
            // What was used before, a little moved: accesses that overlap.
            0..=2 if !self.indices.is_empty() => {
                let Indexed { value, most } = self.rng.pick(&self.indices);
                let offset = self.rng.below(17) as u64;
                let offset = if most + offset <= last { offset } else { 0 };
                match most <= last {
                    true => Place {
                        index: value,
                        offset: offset as u32,
                    },
                    false => self.fixed_place(last),
                }
            }
            3 | 4 => self.fixed_place(last),
            _ => self.masked_place(last),
        }
    }

    /// A constant index; often the last one that is inside.
    fn fixed_place(&mut self, last: u64) -> Place {
        let at = match self.rng.below(3) {
            0 => last,
            1 => self.rng.below(64) as u64,
            _ => self.rng.below(last as usize + 1) as u64,
        };
        let offset = match self.rng.below(3) {
            0 => 0,
            1 => at,
            _ => self.rng.below(at as usize + 1) as u64,
        };
        let ty = self.index_type();
        let index = self.scalar(Scalar::new(ty, at - offset)).value;
        Place {
            index,
            offset: offset as u32,
        }
    }

    /// A masked index, perhaps scaled and moved, as programs have it.
    fn masked_place(&mut self, last: u64) -> Place {
        let ty = self.index_type();
        let bits = self.rng.pick(&[2, 3, 4, 5, 6, 8, 10, 12]);
        let value = self.value(ty);
        let mask = self.b.iconst(ty, (1 << bits) - 1);
        let mut index = self.b.binary(Op::Band, ty, value, mask);
        let mut most = (1u64 << bits) - 1;
        if self.rng.percent(40) {
            let shift = self.rng.below(4);
            let count = self.b.iconst(ty, shift as i64);
            index = self.b.binary(Op::Ishl, ty, index, count);
            most <<= shift;
        }
        if self.rng.percent(40) {
            let base = self.rng.below(1000);
            let constant = self.b.iconst(ty, base as i64);
            index = self.b.binary(Op::Iadd, ty, index, constant);
            most += base as u64;
        }
        if ty == Type::I32 && self.rng.percent(10) {
            // Up and back down: the second sum wraps around.
            let up = self.b.iconst(ty, 4096);
            let down = self.b.iconst(ty, -4096);
            let above = self.b.binary(Op::Iadd, ty, index, up);
            index = self.b.binary(Op::Iadd, ty, above, down);
        }
        if ty == Type::I32 && self.rng.percent(15) {
            index = self.b.convert(Op::Uextend, Type::I64, Type::I32, index);
        }
        self.indices.push(Indexed { value: index, most });
        let room = last.saturating_sub(most) as usize;
        let offset = match self.rng.below(4) {
            0 => self.rng.below(32),
            // With the greatest index this reaches the last byte.
            1 => room,
            2 => self.rng.below(room + 1),
            _ => 0,
        };
        Place {
            index,
            offset: offset.min(room) as u32,
        }
    }

    /// A place that is perhaps not inside.
    fn wild_place(&mut self, size: u64, bytes: u32) -> Place {
        let ty = self.index_type();
        let edge = size
            .wrapping_sub(u64::from(bytes))
            .wrapping_add(self.rng.below(3) as u64);
        let index = match self.rng.below(6) {
            0 => self.value(ty),
            1 => {
                let back = self.rng.below(9) as u64;
                self.scalar(Scalar::new(ty, back.wrapping_neg())).value
            }
            2 => self.constant(ty).value,
            _ => self.scalar(Scalar::new(ty, edge)).value,
        };
        let offset = match self.rng.below(4) {
            0 => u32::MAX - self.rng.below(9) as u32,
            1 => self.rng.below(9) as u32,
            _ => 0,
        };
        Place { index, offset }
    }

    fn index_type(&mut self) -> Type {
        match self.rng.percent(70) {
            true => Type::I32,
            false => Type::I64,
        }
    }

    /// The op, the type and the type in memory of a load or store.
    fn access_types(&mut self, whole: Op, narrow: &[Op]) -> (Op, Type, Type) {
        if self.rng.percent(55) {
            let ty = any_type(self.rng);
            return (whole, ty, ty);
        }
        let op = self.rng.pick(narrow);
        let pairs = op.type_pairs();
        match pairs[self.rng.below(pairs.len())] {
            (Some(ty), Some(memory_ty)) => (op, ty, memory_ty),
            (ty, _) => (whole, ty.unwrap_or(Type::I32), ty.unwrap_or(Type::I32)),
        }
    }

    /// A load or a store.
    pub(super) fn access(&mut self) {
        let Some(memory) = self.memory() else {
            return self.compute();
        };
        if self.rng.percent(50) {
            let (op, ty, memory_ty) = self.access_types(Op::Load, &[Op::Sload, Op::Uload]);
            let Place { index, offset } = self.place(memory, memory_ty.bytes());
            let value = self.b.load(op, ty, memory_ty, memory, index, offset);
            // A load that nobody uses can still trap.
            if !self.rng.percent(15) {
                self.add(value, ty, Origin::Exact);
            }
        } else {
            let (op, ty, memory_ty) = self.access_types(Op::Store, &[Op::Istore]);
            let value = self.exact(ty);
            let Place { index, offset } = self.place(memory, memory_ty.bytes());
            self.b
                .store(op, ty, memory_ty, memory, value, index, offset);
        }
    }

    /// A load, arithmetic, and a store to the same place.
    pub(super) fn update(&mut self) {
        let Some(memory) = self.memory() else {
            return self.compute();
        };
        let ty = self.int_type();
        let Place { index, offset } = self.place(memory, ty.bytes());
        let old = self.b.load(Op::Load, ty, ty, memory, index, offset);
        match self.rng.below(10) {
            // Something between, which may change what was loaded, or does.
            0 => self.access(),
            1 => {
                let value = self.value(ty);
                self.b
                    .store(Op::Store, ty, ty, memory, value, index, offset);
            }
            _ => {}
        }
        let other = match self.rng.percent(40) {
            true => self.constant(ty).value,
            false => self.value(ty),
        };
        let op = self.rng.pick(&[
            Op::Iadd,
            Op::Isub,
            Op::Band,
            Op::Bor,
            Op::Bxor,
            Op::Ishl,
            Op::Imul,
        ]);
        let (a, b) = match self.rng.percent(75) {
            true => (old, other),
            false => (other, old),
        };
        let new = self.b.binary(op, ty, a, b);
        self.b.store(Op::Store, ty, ty, memory, new, index, offset);
        if self.rng.percent(30) {
            self.add(old, ty, Origin::Exact);
            self.add(new, ty, Origin::Exact);
        }
    }

    /// A length, and the start of a range of that length.
    fn range(&mut self, ty: Type, size: u64) -> (Value, Value) {
        if size == 0 || self.risk(10) {
            return match ty == Type::I64 && self.rng.percent(50) {
                // Short, if it is cut to 32 bits.
                true => (self.b.iconst(ty, 0), self.b.iconst(ty, (1 << 32) + 8)),
                false => (self.value(ty), self.value(ty)),
            };
        }
        let length = match self.rng.below(5) {
            0 => 0,
            1 => self.rng.below(300),
            _ => self.rng.below(24),
        }
        .min(size as usize);
        let last = size as usize - length;
        let start = match self.rng.below(3) {
            0 => last,
            1 => self.rng.below(last.min(64) + 1),
            _ => self.rng.below(last + 1),
        };
        (
            self.b.iconst(ty, start as i64),
            self.b.iconst(ty, length as i64),
        )
    }

    /// Sizes, and what works on many bytes.
    pub(super) fn bulk(&mut self) {
        let Some(memory) = self.memory() else {
            return self.compute();
        };
        let ty = self.rng.pick(&[Type::I32, Type::I64]);
        let size = self.memory_bytes(memory);
        self.cost += 10 * self.times;
        match self.rng.below(7) {
            0 => {
                let pages = self.b.memory_size(ty, memory);
                self.add(pages, ty, Origin::Exact);
            }
            1 => {
                let pages = match self.rng.below(4) {
                    0 => self.value(ty),
                    n => self.b.iconst(ty, n as i64 - 1),
                };
                let old = self.b.memory_grow(ty, memory, pages);
                self.add(old, ty, Origin::Exact);
                self.grown(memory);
            }
            2 => {
                let (start, length) = self.range(ty, size);
                let byte = self.value(Type::I32);
                self.b.memory_fill(ty, memory, [start, byte, length]);
            }
            3 | 4 => {
                let (from, length) = self.range(ty, size);
                // The same length from elsewhere: near, so that the ranges overlap.
                let near = self.b.iconst(ty, self.rng.below(40) as i64);
                let to = match self.rng.percent(70) {
                    true => near,
                    false => from,
                };
                let source = self.memory().unwrap_or(memory);
                let same = self.memory_bytes(source) == size;
                self.b.memory_copy(
                    ty,
                    memory,
                    if same { source } else { memory },
                    [to, from, length],
                );
            }
            5 => self.init(ty, memory, size),
            _ => {
                let datas = plan::data_segments(self.module);
                if !datas.is_empty() && self.rng.percent(40) {
                    let data = self.rng.pick(&datas);
                    self.b.data_drop(data);
                }
            }
        }
    }

    /// Grows a memory and uses what is new. It can grow once, and then is as large as that for ever.
    fn grown(&mut self, memory: Memory) {
        let decl = &self.module.memories[memory.index()];
        if decl.max_pages.is_none_or(|max| max <= decl.min_pages) || self.rng.percent(50) {
            return;
        }
        let size = self.memory_bytes(memory);
        let one = self.b.iconst(Type::I32, 1);
        self.b.memory_grow(Type::I32, memory, one);
        let at = size + self.rng.below(PAGE_BYTES as usize - 8) as u64;
        let index = self.b.iconst(Type::I32, at as i64);
        let value = self.value(Type::I64);
        self.b
            .store(Op::Store, Type::I64, Type::I64, memory, value, index, 0);
        let back = self
            .b
            .load(Op::Load, Type::I64, Type::I64, memory, index, 0);
        self.add(back, Type::I64, Origin::Exact);
    }

    fn init(&mut self, ty: Type, memory: Memory, size: u64) {
        let datas: Vec<Data> = plan::data_segments(self.module);
        if datas.is_empty() {
            return;
        }
        let data = self.rng.pick(&datas);
        let decl = &self.module.datas[data.index()];
        // Active segments are empty by now.
        let passive = matches!(decl.mode, bakeoff_ir::SegmentMode::Passive);
        let bytes = if passive { decl.bytes.len() } else { 0 };
        let risky = self.risk(15);
        let length = if risky {
            bytes + 1
        } else {
            self.rng.below(bytes + 1)
        };
        let from = self.rng.below(bytes.saturating_sub(length) + 1);
        let room = (size as usize).saturating_sub(length);
        let to = self.rng.below(room + 1).min(self.rng.below(200));
        let to = self.b.iconst(ty, to as i64);
        let from = self.b.iconst(Type::I32, from as i64);
        let length = self.b.iconst(Type::I32, length as i64);
        self.b.memory_init(ty, memory, data, [to, from, length]);
    }

    /// A stack slot with room for a type, and an offset.
    fn slot(&mut self, bytes: u32) -> Option<(StackSlot, u32)> {
        let fitting: Vec<usize> = (0..self.slots.len())
            .filter(|slot| self.slots[*slot] >= bytes)
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let slot = self.rng.pick(&fitting);
        let last = self.slots[slot] - bytes;
        let offset = match self.rng.below(3) {
            0 => last,
            1 => 0,
            _ => self.rng.below(last as usize + 1) as u32,
        };
        Some((StackSlot::from_index(slot), offset))
    }

    /// Reads or writes a stack slot.
    pub(super) fn stack(&mut self) {
        let ty = any_type(self.rng);
        let Some((slot, offset)) = self.slot(ty.bytes()) else {
            return self.compute();
        };
        match self.rng.percent(50) {
            true => {
                let value = self.b.stack_load(ty, slot, offset);
                self.add(value, ty, Origin::Exact);
            }
            false => {
                let value = self.exact(ty);
                self.b.stack_store(ty, value, slot, offset);
            }
        }
    }

    /// An address with so many bytes behind it.
    pub(super) fn address(&mut self, bytes: u32) -> Option<Address> {
        let known: Vec<usize> = (0..self.addresses.len())
            .filter(|at| self.addresses[*at].above >= bytes)
            .collect();
        if !known.is_empty() && self.rng.percent(60) {
            return Some(self.addresses[self.rng.pick(&known)]);
        }
        let (slot, offset) = self.slot(bytes)?;
        let value = self.b.stack_addr(slot, offset);
        let above = self.slots[slot.index()] - offset;
        let address = Address {
            value,
            below: offset,
            above,
        };
        self.addresses.push(address);
        Some(address)
    }

    /// Reads or writes through an address.
    pub(super) fn raw(&mut self) {
        let ty = any_type(self.rng);
        let Some(Address {
            value: base,
            below,
            above,
        }) = self.address(ty.bytes())
        else {
            return self.compute();
        };
        let span = below + above - ty.bytes();
        let offset = self.rng.below(span as usize + 1) as i64 - i64::from(below);
        let offset = offset as i32;
        match self.rng.percent(50) {
            true => {
                let value = self.b.raw_load(ty, base, offset);
                self.add(value, ty, Origin::Exact);
            }
            false => {
                let value = self.exact(ty);
                self.b.raw_store(ty, value, base, offset);
            }
        }
    }

    /// Reads or writes a global.
    pub(super) fn global(&mut self) {
        // The fuel is nobody's business.
        let first = usize::from(self.plan.fuel.is_some());
        let count = self.module.globals.len();
        if count <= first {
            return self.compute();
        }
        let global = Global::from_index(self.rng.between(first, count - 1));
        let decl = &self.module.globals[global.index()];
        let (ty, mutable) = (decl.ty, decl.mutable);
        if mutable && self.rng.percent(50) {
            // Whoever has read it before keeps what was there.
            let old = self.rng.percent(40).then(|| self.b.global_get(global));
            let value = self.exact(ty);
            self.b.global_set(global, value);
            if let Some(old) = old {
                self.add(old, ty, Origin::Exact);
            }
        } else {
            let value = self.b.global_get(global);
            self.add(value, ty, Origin::Exact);
        }
    }

    /// An index into a table: inside, unless it is a risk.
    pub(super) fn table_index(&mut self, table: Table) -> Value {
        let min = self.module.tables[table.index()].min;
        match self.rng.below(3) {
            _ if self.risk(8) => match self.rng.percent(50) {
                true => self.b.iconst(Type::I32, i64::from(min)),
                false => self.value(Type::I32),
            },
            0 => {
                let value = self.value(Type::I32);
                let bound = self.b.iconst(Type::I32, i64::from(min));
                self.b.binary(Op::Urem, Type::I32, value, bound)
            }
            1 => self.b.iconst(Type::I32, i64::from(min) - 1),
            _ => self
                .b
                .iconst(Type::I32, self.rng.below(min as usize) as i64),
        }
    }

    /// A reference that the table may hold, unless it is a risk.
    fn reference(&mut self, table: Table) -> Value {
        match self.module.tables[table.index()].kind {
            RefKind::Extern => self.value(Type::I64),
            // A small number could be any function.
            RefKind::Func if self.risk(8) => {
                let beyond = self.module.funcs.len() as i64 + 1;
                let number = self.rng.pick(&[beyond, -1, i64::MIN, 1 << 32]);
                self.b.iconst(Type::I64, number)
            }
            RefKind::Func => match self.rng.below(5) {
                0 => self.b.iconst(Type::I64, 0),
                1 => {
                    let index = self.b.iconst(Type::I32, 0);
                    // Entries of a table of functions are references.
                    self.b.table_get(table, index)
                }
                _ => {
                    let func = self.rng.pick(&self.plan.referable);
                    self.b.ref_func(func)
                }
            },
        }
    }

    /// Tables and references.
    pub(super) fn table(&mut self) {
        let count = self.module.tables.len();
        if count == 0 {
            return self.compute();
        }
        let table = Table::from_index(self.rng.below(count));
        let min = u64::from(self.module.tables[table.index()].min);
        self.cost += 10 * self.times;
        match self.rng.below(10) {
            0 | 1 => {
                let index = self.table_index(table);
                let value = self.b.table_get(table, index);
                self.add(value, Type::I64, Origin::Exact);
            }
            2..=4 => {
                let index = self.table_index(table);
                let reference = self.reference(table);
                self.b.table_set(table, index, reference);
            }
            5 => {
                let size = self.b.table_size(table);
                self.add(size, Type::I32, Origin::Exact);
            }
            6 => {
                let reference = self.reference(table);
                let entries = self.b.iconst(Type::I32, self.rng.below(4) as i64);
                let old = self.b.table_grow(table, reference, entries);
                self.add(old, Type::I32, Origin::Exact);
                let decl = &self.module.tables[table.index()];
                if decl.max.is_some_and(|max| max > decl.min) {
                    // It can grow once, and then there is an entry more for ever.
                    let one = self.b.iconst(Type::I32, 1);
                    let first_new = self.b.iconst(Type::I32, min as i64);
                    self.b.table_grow(table, reference, one);
                    let entry = self.b.table_get(table, first_new);
                    self.add(entry, Type::I64, Origin::Exact);
                }
            }
            7 => {
                let reference = self.reference(table);
                let (start, length) = self.table_range(min);
                self.b.table_fill(table, [start, reference, length]);
            }
            8 => {
                let alike = |at: usize| {
                    self.module.tables[at].kind == self.module.tables[table.index()].kind
                };
                let sources: Vec<usize> = (0..count).filter(|at| alike(*at)).collect();
                let source = Table::from_index(self.rng.pick(&sources));
                let least = min.min(u64::from(self.module.tables[source.index()].min));
                let (from, length) = self.table_range(least);
                let zero = self.b.iconst(Type::I32, 0);
                self.b.table_copy(table, source, [zero, from, length]);
            }
            _ => self.elements(table, min),
        }
    }

    fn table_range(&mut self, min: u64) -> (Value, Value) {
        let beyond = usize::from(self.risk(10));
        let length = self.rng.below(min as usize + 1) + beyond;
        let start = self.rng.below((min as usize).saturating_sub(length) + 1);
        (
            self.b.iconst(Type::I32, start as i64),
            self.b.iconst(Type::I32, length as i64),
        )
    }

    fn elements(&mut self, table: Table, min: u64) {
        let elems = plan::elem_segments(self.module);
        if elems.is_empty() || self.module.tables[table.index()].kind != RefKind::Func {
            return;
        }
        let elem = self.rng.pick(&elems);
        if self.rng.percent(30) {
            return self.b.elem_drop(elem);
        }
        let decl = &self.module.elems[elem.index()];
        let passive = matches!(decl.mode, bakeoff_ir::SegmentMode::Passive);
        let count = if passive { decl.refs.len() } else { 0 };
        let length = self.rng.below(count.min(min as usize) + 1) + usize::from(self.risk(10));
        let from = self.rng.below(count.saturating_sub(length) + 1);
        let to = self.rng.below((min as usize).saturating_sub(length) + 1);
        let args = [to, from, length].map(|number| self.b.iconst(Type::I32, number as i64));
        self.b.table_init(table, elem, args);
    }
}

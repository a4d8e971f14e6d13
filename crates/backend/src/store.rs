//! The state of an instance that is larger than the context: memories, tables, segments, host
//! functions. The operations on it that are ops of the IR are here, once for all backends.

use std::ops::Range;
use std::sync::Arc;

use bakeoff_ir::{Data, Elem, Func, InitExpr, Memory, Module, SegmentMode, Table, TrapCode, Type};

use crate::context::{ContextLayout, FuncEntry, MemoryView, TableView, VmContext};
use crate::contract::Executable;
use crate::host::{HostError, HostFunc};
use crate::memory::LinearMemory;

/// Entries that a table may have at most, whatever its declaration says: 80 MB.
pub(crate) const MAX_TABLE_ENTRIES: u32 = 10_000_000;

/// A table: entries and the size that it may grow to.
pub(crate) struct TableData {
    pub(crate) entries: Vec<u64>,
    pub(crate) max: u32,
    /// The greatest reference that may be stored. Generated code indexes function records with the
    /// entries of a table of functions and relies on it.
    pub(crate) max_reference: u64,
}

impl TableData {
    fn check_reference(&self, reference: u64) -> TrapResult<()> {
        match reference <= self.max_reference {
            true => Ok(()),
            false => Err(TrapCode::BadSignature),
        }
    }
}

/// Memories, tables, segments and host functions of an instance.
pub struct Store {
    pub(crate) executable: Arc<dyn Executable>,
    pub(crate) memories: Vec<LinearMemory>,
    pub(crate) tables: Vec<TableData>,
    pub(crate) dropped_datas: Vec<bool>,
    pub(crate) dropped_elems: Vec<bool>,
    /// One for each function of the module; `None` for those with a body.
    pub(crate) host_funcs: Vec<Option<HostFunc>>,
    /// Function records, by reference; the context points here.
    pub(crate) entries: Vec<FuncEntry>,
    /// What a host function failed with, until the trap that it raised has arrived.
    pub(crate) host_error: Option<HostError>,
    /// Nested entries from host functions.
    pub(crate) depth: u32,
    pub(crate) layout: ContextLayout,
    /// The context that belongs to this store; owned by the instance.
    pub(crate) context: *mut VmContext,
}

type TrapResult<T> = Result<T, TrapCode>;

/// The range of `len` things from `start`, if it lies within `size` of them.
fn checked_range(start: u64, len: u64, size: usize, trap: TrapCode) -> TrapResult<Range<usize>> {
    match start.checked_add(len) {
        Some(end) if end <= size as u64 => Ok(start as usize..end as usize),
        _ => Err(trap),
    }
}

/// The bytes that an access touches, if they lie within `size` of them.
fn access_range(index: u64, offset: u32, ty: Type, size: usize) -> TrapResult<Range<usize>> {
    let start = index
        .checked_add(offset.into())
        .ok_or(TrapCode::MemoryOutOfBounds)?;
    checked_range(start, ty.bytes().into(), size, TrapCode::MemoryOutOfBounds)
}

impl Store {
    /// The module.
    pub fn module(&self) -> &Arc<Module> {
        self.executable.module()
    }

    /// Tells generated code where a memory is now.
    pub(crate) fn refresh_memory(&mut self, memory: Memory) {
        let data = &self.memories[memory.index()];
        let view = MemoryView {
            base: data.base(),
            bytes: data.bytes(),
        };
        // SAFETY: the context was allocated with this layout and outlives the store's use of it.
        unsafe {
            self.field::<MemoryView>(self.layout.memory(memory))
                .write(view)
        };
    }

    /// Tells generated code where a table is now.
    pub(crate) fn refresh_table(&mut self, table: Table) {
        let entries = &mut self.tables[table.index()].entries;
        let view = TableView {
            base: entries.as_mut_ptr(),
            len: entries.len() as u64,
        };
        // SAFETY: as for memories.
        unsafe {
            self.field::<TableView>(self.layout.table(table))
                .write(view)
        };
    }

    /// A field of the context.
    pub(crate) fn field<T>(&self, offset: u32) -> *mut T {
        self.context
            .cast::<u8>()
            .wrapping_add(offset as usize)
            .cast()
    }

    /// `load`, `sload` and `uload` before extension: the bits of a `ty`, zero-extended.
    pub fn load(&self, memory: Memory, index: u64, offset: u32, ty: Type) -> TrapResult<u64> {
        let data = self.memories[memory.index()].slice();
        let range = access_range(index, offset, ty, data.len())?;
        let mut bytes = [0; 8];
        bytes[..range.len()].copy_from_slice(&data[range]);
        Ok(u64::from_le_bytes(bytes))
    }

    /// `store` and `istore`: the low bits as a `ty`.
    pub fn store(
        &mut self,
        memory: Memory,
        index: u64,
        offset: u32,
        ty: Type,
        bits: u64,
    ) -> TrapResult<()> {
        let data = self.memories[memory.index()].slice_mut();
        let range = access_range(index, offset, ty, data.len())?;
        let bytes = &bits.to_le_bytes()[..range.len()];
        data[range].copy_from_slice(bytes);
        Ok(())
    }

    /// `memory_size`, in pages.
    pub fn memory_size(&self, memory: Memory) -> u64 {
        self.memories[memory.index()].pages()
    }

    /// `memory_grow`: the old size in pages, or `None`.
    pub fn memory_grow(&mut self, memory: Memory, pages: u64) -> Option<u64> {
        let old = self.memories[memory.index()].grow(pages)?;
        self.refresh_memory(memory);
        Some(old)
    }

    /// `memory_fill`.
    #[inline]
    pub fn memory_fill(&mut self, memory: Memory, to: u64, byte: u8, len: u64) -> TrapResult<()> {
        let bytes = self.memories[memory.index()].slice_mut();
        let range = checked_range(to, len, bytes.len(), TrapCode::MemoryOutOfBounds)?;
        bytes[range].fill(byte);
        Ok(())
    }

    /// `memory_copy`.
    #[inline]
    pub fn memory_copy(
        &mut self,
        to: (Memory, u64),
        from: (Memory, u64),
        len: u64,
    ) -> TrapResult<()> {
        let trap = TrapCode::MemoryOutOfBounds;
        let size = |m: Memory| self.memories[m.index()].bytes() as usize;
        let source = checked_range(from.1, len, size(from.0), trap)?;
        let target = checked_range(to.1, len, size(to.0), trap)?;
        // Nearly always one memory is both, and most copies are of a few bytes: that way is short.
        if to.0 == from.0 {
            let memory = self.memories[to.0.index()].slice_mut();
            memory.copy_within(source, target.start);
            return Ok(());
        }
        let memories = [to.0.index(), from.0.index()];
        if let Ok([target_memory, source_memory]) = self.memories.get_disjoint_mut(memories) {
            target_memory.slice_mut()[target].copy_from_slice(&source_memory.slice()[source]);
        }
        Ok(())
    }

    /// `memory_init`.
    pub fn memory_init(
        &mut self,
        memory: Memory,
        data: Data,
        to: u64,
        from: u32,
        len: u32,
    ) -> TrapResult<()> {
        let module = Arc::clone(self.module());
        let source: &[u8] = match self.dropped_datas[data.index()] {
            true => &[],
            false => &module.datas[data.index()].bytes,
        };
        let trap = TrapCode::MemoryOutOfBounds;
        let from = checked_range(from.into(), len.into(), source.len(), trap)?;
        let bytes = self.memories[memory.index()].slice_mut();
        let to = checked_range(to, len.into(), bytes.len(), trap)?;
        bytes[to].copy_from_slice(&source[from]);
        Ok(())
    }

    /// `data_drop`.
    pub fn data_drop(&mut self, data: Data) {
        self.dropped_datas[data.index()] = true;
    }

    /// `table_get`.
    pub fn table_get(&self, table: Table, index: u32) -> TrapResult<u64> {
        let entry = self.tables[table.index()].entries.get(index as usize);
        entry.copied().ok_or(TrapCode::TableOutOfBounds)
    }

    /// `table_set`.
    pub fn table_set(&mut self, table: Table, index: u32, reference: u64) -> TrapResult<()> {
        let data = &mut self.tables[table.index()];
        let entry = checked_range(
            index.into(),
            1,
            data.entries.len(),
            TrapCode::TableOutOfBounds,
        )?;
        data.check_reference(reference)?;
        data.entries[entry].fill(reference);
        Ok(())
    }

    /// `table_size`.
    pub fn table_size(&self, table: Table) -> u32 {
        self.tables[table.index()].entries.len() as u32
    }

    /// `table_grow`: the old size, or `None` if the table does not grow.
    pub fn table_grow(
        &mut self,
        table: Table,
        reference: u64,
        count: u32,
    ) -> TrapResult<Option<u32>> {
        let data = &mut self.tables[table.index()];
        data.check_reference(reference)?;
        let old = data.entries.len() as u32;
        let new = old.checked_add(count).filter(|new| *new <= data.max);
        let Some(new) = new else { return Ok(None) };
        if data.entries.try_reserve_exact(count as usize).is_err() {
            return Ok(None);
        }
        data.entries.resize(new as usize, reference);
        self.refresh_table(table);
        Ok(Some(old))
    }

    /// `table_fill`.
    pub fn table_fill(
        &mut self,
        table: Table,
        index: u32,
        reference: u64,
        count: u32,
    ) -> TrapResult<()> {
        let data = &mut self.tables[table.index()];
        let range = checked_range(
            index.into(),
            count.into(),
            data.entries.len(),
            TrapCode::TableOutOfBounds,
        )?;
        data.check_reference(reference)?;
        data.entries[range].fill(reference);
        Ok(())
    }

    /// `table_copy`.
    pub fn table_copy(
        &mut self,
        to: (Table, u32),
        from: (Table, u32),
        count: u32,
    ) -> TrapResult<()> {
        let trap = TrapCode::TableOutOfBounds;
        let size = |t: Table| self.tables[t.index()].entries.len();
        let source = checked_range(from.1.into(), count.into(), size(from.0), trap)?;
        let target = checked_range(to.1.into(), count.into(), size(to.0), trap)?;
        match self.tables.get_disjoint_mut([to.0.index(), from.0.index()]) {
            Ok([to, from]) => to.entries[target].copy_from_slice(&from.entries[source]),
            Err(_) => self.tables[to.0.index()]
                .entries
                .copy_within(source, target.start),
        }
        Ok(())
    }

    /// `table_init`.
    pub fn table_init(
        &mut self,
        table: Table,
        elem: Elem,
        to: u32,
        from: u32,
        count: u32,
    ) -> TrapResult<()> {
        let module = Arc::clone(self.module());
        let source: &[InitExpr] = match self.dropped_elems[elem.index()] {
            true => &[],
            false => &module.elems[elem.index()].refs,
        };
        let trap = TrapCode::TableOutOfBounds;
        let from = checked_range(from.into(), count.into(), source.len(), trap)?;
        let to = checked_range(
            to.into(),
            count.into(),
            self.tables[table.index()].entries.len(),
            trap,
        )?;
        let references = source[from].iter();
        let references: Vec<u64> = references.map(|init| self.evaluate(init)).collect();
        let data = &mut self.tables[table.index()];
        for reference in &references {
            data.check_reference(*reference)?;
        }
        data.entries[to].copy_from_slice(&references);
        Ok(())
    }

    /// `elem_drop`.
    pub fn elem_drop(&mut self, elem: Elem) {
        self.dropped_elems[elem.index()] = true;
    }

    /// What an indirect call through a table finds, in the order of checks that the op table gives.
    pub fn indirect_callee(&self, table: Table, index: u32, sig: u32) -> TrapResult<FuncEntry> {
        let reference = self.table_get(table, index)?;
        let entry = self.entries[reference as usize];
        if entry.sig == sig {
            return Ok(entry);
        }
        match entry == FuncEntry::NULL {
            true => Err(TrapCode::IndirectCallToNull),
            false => Err(TrapCode::BadSignature),
        }
    }

    /// Fills the tables with their initial references.
    ///
    /// # Errors
    /// A table of functions may only hold such.
    pub(crate) fn fill_tables(&mut self) -> TrapResult<()> {
        let module = Arc::clone(self.module());
        for (index, decl) in module.tables.iter().enumerate() {
            let (table, init) = (Table::from_index(index), self.evaluate(&decl.init));
            self.table_fill(table, 0, init, self.table_size(table))?;
            self.refresh_table(table);
        }
        Ok(())
    }

    /// The value of an initialiser, as it stands in a slot.
    pub(crate) fn evaluate(&self, init: &InitExpr) -> u64 {
        match init {
            InitExpr::Const(value) => value.bits(),
            InitExpr::RefFunc(func) => reference_to(*func),
            // SAFETY: the context was allocated with this layout.
            InitExpr::Global(global) => unsafe {
                self.field::<u64>(self.layout.global(*global)).read()
            },
        }
    }

    /// Copies the active segments, tables first, and drops them. On a trap, what was copied before
    /// stays.
    pub(crate) fn copy_active_segments(&mut self) -> TrapResult<()> {
        let module = Arc::clone(self.module());
        for (index, decl) in module.elems.iter().enumerate() {
            let elem = Elem::from_index(index);
            if let SegmentMode::Active { target, offset } = &decl.mode {
                let at = self.evaluate(offset) as u32;
                self.table_init(*target, elem, at, 0, decl.refs.len() as u32)?;
            }
            if decl.mode != SegmentMode::Passive {
                self.elem_drop(elem);
            }
        }
        for (index, decl) in module.datas.iter().enumerate() {
            let data = Data::from_index(index);
            if let SegmentMode::Active { target, offset } = &decl.mode {
                let at = self.evaluate(offset);
                self.memory_init(*target, data, at, 0, decl.bytes.len() as u32)?;
            }
            if decl.mode != SegmentMode::Passive {
                self.data_drop(data);
            }
        }
        Ok(())
    }
}

/// The reference to a function: its index plus one.
pub(crate) fn reference_to(func: Func) -> u64 {
    u64::from(func.0) + 1
}

//! The record that generated code works on.
//!
//! Every function of a module gets a pointer to it. It consists of a fixed head and three arrays, whose
//! places [`ContextLayout`] computes from the module:
//!
//! ```text
//! offset 0    builtins   *const Builtins     functions of the runtime, see `Builtins`
//!        8    funcs      *const FuncEntry    by reference: entry 0 is null's, entry i+1 that of func i
//!       16    store      *mut Store          for the runtime only
//!       24    activation *const Activation   the entry that is running
//!       32    stack_limit                    lowest stack pointer for calling foreign code
//!       40    memories   [MemoryView]        base and length in bytes
//!        …    tables     [TableView]         base and length in entries
//!        …    globals    [u64]               value in the low bits, the rest zero
//!        …    transfer   [u64]               arguments and results on their way, for backends that
//!                                            pass some in memory: a word each of the longest signature
//! ```
//!
//! The base of a memory never changes; its length does on `memory_grow`. Base and length of a table
//! change on `table_grow`, unless the table's minimum is its maximum. The rest of the head never
//! changes.

use bakeoff_ir::{Global, Memory, Module, Table};

use crate::builtins::Builtins;
use crate::native::Activation;
use crate::store::Store;

/// The fixed head of the context.
#[repr(C)]
pub struct VmContext {
    /// Functions of the runtime.
    pub builtins: *const Builtins,
    /// Function records, by reference.
    pub funcs: *const FuncEntry,
    /// Memories, tables and segments.
    pub store: *mut Store,
    /// The entry into generated code that is running, for the runtime only.
    pub activation: *const Activation,
    /// The lowest stack pointer from which generated code may call foreign functions, which know
    /// nothing of the guest stack's end. Generated code itself needs no check as long as it touches
    /// every page that its frames grow over: the guard pages are below.
    pub stack_limit: usize,
}

/// What an indirect call needs of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct FuncEntry {
    /// The code, in the convention of the backend that made it.
    pub code: *const u8,
    /// The signature's number, [`FuncEntry::NO_SIG`] for null.
    pub sig: u32,
    /// The function's number.
    pub func: u32,
}

impl FuncEntry {
    /// The signature that no function has.
    pub const NO_SIG: u32 = u32::MAX;
    /// The record of the null reference.
    pub const NULL: FuncEntry = FuncEntry {
        code: std::ptr::null(),
        sig: FuncEntry::NO_SIG,
        func: u32::MAX,
    };
}

/// Where a linear memory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct MemoryView {
    /// The first byte.
    pub base: *mut u8,
    /// Bytes that may be accessed.
    pub bytes: u64,
}

/// Where a table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct TableView {
    /// The first entry.
    pub base: *mut u64,
    /// Number of entries.
    pub len: u64,
}

/// Offsets within the context, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContextLayout {
    tables: u32,
    globals: u32,
    transfer: u32,
    bytes: u32,
}

/// Offsets of the fixed head, in bytes.
pub mod offset {
    use super::{FuncEntry, MemoryView, TableView, VmContext};

    /// Of `builtins`.
    pub const BUILTINS: u32 = std::mem::offset_of!(VmContext, builtins) as u32;
    /// Of `funcs`.
    pub const FUNCS: u32 = std::mem::offset_of!(VmContext, funcs) as u32;
    /// Of `stack_limit`.
    pub const STACK_LIMIT: u32 = std::mem::offset_of!(VmContext, stack_limit) as u32;
    /// Of `base` in a [`MemoryView`] or [`TableView`].
    pub const VIEW_BASE: u32 = std::mem::offset_of!(MemoryView, base) as u32;
    /// Of `bytes` in a [`MemoryView`] and `len` in a [`TableView`].
    pub const VIEW_LEN: u32 = std::mem::offset_of!(MemoryView, bytes) as u32;
    /// Of `code` in a [`FuncEntry`].
    pub const ENTRY_CODE: u32 = std::mem::offset_of!(FuncEntry, code) as u32;
    /// Of `sig` in a [`FuncEntry`].
    pub const ENTRY_SIG: u32 = std::mem::offset_of!(FuncEntry, sig) as u32;
    /// Size of a [`FuncEntry`], a power of two.
    pub const ENTRY_BYTES: u32 = size_of::<FuncEntry>() as u32;

    const _: () = assert!(std::mem::offset_of!(TableView, base) as u32 == VIEW_BASE);
    const _: () = assert!(std::mem::offset_of!(TableView, len) as u32 == VIEW_LEN);
    const _: () = assert!(ENTRY_BYTES.is_power_of_two());
}

const HEAD_BYTES: u32 = size_of::<VmContext>() as u32;
const VIEW_BYTES: u32 = size_of::<MemoryView>() as u32;

impl ContextLayout {
    /// The layout for a module.
    pub fn of(module: &Module) -> ContextLayout {
        let tables = HEAD_BYTES + VIEW_BYTES * module.memories.len() as u32;
        let globals = tables + VIEW_BYTES * module.tables.len() as u32;
        let transfer = globals + 8 * module.globals.len() as u32;
        let longest = module.sigs().iter();
        let longest = longest.map(|sig| sig.params.len().max(sig.results.len()));
        ContextLayout {
            tables,
            globals,
            transfer,
            bytes: transfer + 8 * longest.max().unwrap_or(0) as u32,
        }
    }

    /// Offset of a [`MemoryView`].
    pub const fn memory(&self, memory: Memory) -> u32 {
        HEAD_BYTES + VIEW_BYTES * memory.0
    }

    /// Offset of a [`TableView`].
    pub const fn table(&self, table: Table) -> u32 {
        self.tables + VIEW_BYTES * table.0
    }

    /// Offset of a global's 8 bytes.
    pub const fn global(&self, global: Global) -> u32 {
        self.globals + 8 * global.0
    }

    /// Offset of the words that carry arguments and results, which a caller and the function it calls
    /// use as they like between the call and the first instruction behind it.
    pub const fn transfer(&self) -> u32 {
        self.transfer
    }

    /// Size of the whole context.
    pub const fn bytes(&self) -> u32 {
        self.bytes
    }
}

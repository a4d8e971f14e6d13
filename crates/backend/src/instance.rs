//! Instances: a compiled module with its state.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bakeoff_ir::{
    ExportItem, Func, GlobalInit, ImportName, MAX_PAGES, Memory, Module, RefKind, Scalar,
    Signature, TrapCode, Type,
};

use crate::builtins::Builtins;
use crate::context::{ContextLayout, FuncEntry, VmContext};
use crate::contract::Executable;
use crate::host::{Caller, HostError, HostFunc, Imports};
use crate::memory::LinearMemory;
use crate::store::{MAX_TABLE_ENTRIES, Store, TableData};

/// Entries from host functions that may be nested before the next one is a stack overflow. It is
/// the same for all backends, so that such a program ends alike on all of them.
const MAX_DEPTH: u32 = 200;

/// A trap that arrived at the host.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("trap: {code}{}", .host.as_ref().map(|e| format!(" ({e})")).unwrap_or_default())]
pub struct Trap {
    /// Why.
    pub code: TrapCode,
    /// What the host function said, for [`TrapCode::Host`].
    pub host: Option<HostError>,
}

/// Why a call did not return values.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// The program trapped. The instance can be called again.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// There is no such exported function.
    #[error("no exported function `{name}`; there is: {}", list(available))]
    NoSuchExport {
        /// The name asked for.
        name: String,
        /// The exported functions.
        available: Vec<String>,
    },
    /// The arguments do not fit the signature.
    #[error("`{name}` takes ({}), but was given ({})", types(expected), types(got))]
    Arguments {
        /// The function.
        name: String,
        /// The parameters.
        expected: Vec<Type>,
        /// The types of the arguments.
        got: Vec<Type>,
    },
}

/// Why an instance was not made.
#[derive(Debug, thiserror::Error)]
pub enum InstantiateError {
    /// The host does not provide an import.
    #[error("{kind} `{}` `{}` is not provided; there is: {}", name.module, name.name, list(available))]
    MissingImport {
        /// What is imported.
        kind: &'static str,
        /// Under which name.
        name: ImportName,
        /// What the host provides of that kind.
        available: Vec<String>,
    },
    /// The host provides something else under that name.
    #[error("{kind} `{}` `{}` does not fit: {why}", name.module, name.name)]
    ImportMismatch {
        /// What is imported.
        kind: &'static str,
        /// Under which name.
        name: ImportName,
        /// How it differs.
        why: String,
    },
    /// The system has no memory for the instance.
    #[error("no address space for a memory")]
    Memory(#[source] io::Error),
    /// A table is larger than [`MAX_TABLE_ENTRIES`].
    #[error("a table of {0} entries is too large")]
    TableTooLarge(u32),
    /// A segment did not fit, a table of functions was to hold something else, or the start function
    /// trapped.
    #[error(transparent)]
    Trap(#[from] Trap),
}

fn list(names: &[String]) -> String {
    match names.is_empty() {
        true => "nothing".to_string(),
        false => names.join(", "),
    }
}

fn types(types: &[Type]) -> String {
    types
        .iter()
        .map(|t| t.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Memories, globals and tables at one moment, for comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// The bytes of each memory.
    pub memories: Vec<Vec<u8>>,
    /// The value of each global.
    pub globals: Vec<Scalar>,
    /// The references in each table.
    pub tables: Vec<Vec<u64>>,
}

/// A compiled module with memories, tables, globals and host functions.
///
/// It is `Send`, but not `Sync`: one thread at a time runs it.
pub struct Instance {
    /// The context, allocated in words. Generated code and the store refer to it by address, so it
    /// and the store are only reached through these two pointers.
    context: *mut VmContext,
    context_words: usize,
    store: *mut Store,
}

// SAFETY: context and store belong to the instance alone, and host functions are Send.
unsafe impl Send for Instance {}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: both were leaked from boxes of these types by `new`, and no code runs any more.
        unsafe {
            drop(Box::from_raw(self.store));
            let words =
                std::ptr::slice_from_raw_parts_mut(self.context.cast::<u64>(), self.context_words);
            drop(Box::from_raw(words));
        }
    }
}

impl Instance {
    /// Instantiates a module: makes memories and tables, sets globals, copies segments, and runs the
    /// start function.
    ///
    /// # Errors
    /// If an import is missing or does not fit, if the system has no memory, or with the trap of a
    /// segment that does not fit or of the start function.
    pub fn new(
        executable: &Arc<dyn Executable>,
        imports: &Imports,
    ) -> Result<Instance, InstantiateError> {
        let module = Arc::clone(executable.module());
        let layout = ContextLayout::of(&module);
        let store = Store {
            executable: Arc::clone(executable),
            memories: make_memories(&module, imports)?,
            tables: make_tables(&module, imports)?,
            dropped_datas: vec![false; module.datas.len()],
            dropped_elems: vec![false; module.elems.len()],
            host_funcs: host_funcs(&module, imports)?,
            entries: std::iter::once(FuncEntry::NULL)
                .chain(executable.func_entries())
                .collect(),
            host_error: None,
            depth: 0,
            layout,
            context: std::ptr::null_mut(),
        };
        let mut instance = Instance::allocate(store, layout);
        instance.set_globals(&module, imports)?;
        let store = instance.store_mut();
        (0..module.memories.len())
            .for_each(|index| store.refresh_memory(Memory::from_index(index)));
        store
            .fill_tables()
            .and_then(|()| store.copy_active_segments())
            .map_err(|code| Trap { code, host: None })?;
        if let Some(start) = module.start {
            // SAFETY: nobody else knows the instance yet; a start function has no slots.
            unsafe { enter(instance.context, start, &mut [])? };
        }
        Ok(instance)
    }

    fn allocate(mut store: Store, layout: ContextLayout) -> Instance {
        let words = vec![0u64; (layout.bytes() as usize).div_ceil(8)].into_boxed_slice();
        let context_words = words.len();
        let context: *mut VmContext = Box::into_raw(words).cast();
        store.context = context;
        let store = Box::into_raw(Box::new(store));
        // SAFETY: the words are zeroed, aligned, and at least as many as the head needs.
        unsafe {
            (*context).builtins = Builtins::table();
            (*context).funcs = (*store).entries.as_ptr();
            (*context).store = store;
        }
        Instance {
            context,
            context_words,
            store,
        }
    }

    fn set_globals(&mut self, module: &Module, imports: &Imports) -> Result<(), InstantiateError> {
        for (index, decl) in module.globals.iter().enumerate() {
            let store = self.store_mut();
            let bits = match &decl.init {
                GlobalInit::Expr(expr) => store.evaluate(expr),
                GlobalInit::Import(name) => {
                    let value = find("global", name, &imports.globals)?;
                    if value.ty() != decl.ty {
                        let why = format!("it is {}, and {} is wanted", value.ty(), decl.ty);
                        return Err(mismatch("global", name, why));
                    }
                    value.bits()
                }
            };
            let offset = store.layout.global(bakeoff_ir::Global::from_index(index));
            // SAFETY: the context was allocated with this layout.
            unsafe { store.field::<u64>(offset).write(bits) };
        }
        Ok(())
    }

    fn store(&self) -> &Store {
        // SAFETY: the store lives as long as the instance; no code runs while self is borrowed.
        unsafe { &*self.store }
    }

    fn store_mut(&mut self) -> &mut Store {
        // SAFETY: as above, and self is borrowed mutably.
        unsafe { &mut *self.store }
    }

    /// The module.
    pub fn module(&self) -> &Arc<Module> {
        self.store().module()
    }

    /// Calls an exported function.
    ///
    /// # Errors
    /// With the trap that ended the call, or if there is no such function or the arguments do not fit.
    pub fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, CallError> {
        // SAFETY: the context is live, and self is borrowed mutably.
        unsafe { call_export(self.context, export, args) }
    }

    /// Calls a function that escapes with arguments in slots, without looking for names or making
    /// vectors: what a measurement wants. Slots are as [`Executable::enter`] has them; bits of an
    /// argument beyond its type are ignored.
    ///
    /// # Errors
    /// With the trap that ended the call.
    ///
    /// # Panics
    /// If the function does not escape, or there are fewer slots than parameters or results.
    pub fn call_slots(&mut self, func: Func, slots: &mut [u64]) -> Result<(), Trap> {
        let signature = self.module().func_sig(func);
        let wanted = signature.params.len().max(signature.results.len());
        assert!(slots.len() >= wanted, "{wanted} slots are wanted");
        clear_unused_bits(&signature.params, slots);
        // SAFETY: the context is live, self is borrowed mutably, and the slots were counted.
        unsafe { enter(self.context, func, slots) }
    }

    /// The bytes of an exported memory.
    pub fn memory(&self, export: &str) -> Option<&[u8]> {
        match self.module().export(export)? {
            ExportItem::Memory(memory) => Some(self.store().memories[memory.index()].slice()),
            ExportItem::Func(_) | ExportItem::Global(_) | ExportItem::Table(_) => None,
        }
    }

    /// The bytes of an exported memory, to be written.
    pub fn memory_mut(&mut self, export: &str) -> Option<&mut [u8]> {
        // SAFETY: the context is live, and self is borrowed mutably.
        unsafe { exported_memory(self.context, export) }
    }

    /// The value of an exported global.
    pub fn global(&self, export: &str) -> Option<Scalar> {
        match self.module().export(export)? {
            ExportItem::Global(global) => Some(self.global_value(global)),
            ExportItem::Func(_) | ExportItem::Memory(_) | ExportItem::Table(_) => None,
        }
    }

    fn global_value(&self, global: bakeoff_ir::Global) -> Scalar {
        let store = self.store();
        let ty = store.module().globals[global.index()].ty;
        // SAFETY: the context was allocated with this layout.
        Scalar::new(ty, unsafe {
            store.field::<u64>(store.layout.global(global)).read()
        })
    }

    /// Whether memories, globals and tables are what they were then. Nothing is copied.
    pub fn is_at(&self, state: &State) -> bool {
        let store = self.store();
        let memories = store.memories.iter().map(|memory| memory.slice());
        let tables = store.tables.iter().map(|table| &table.entries[..]);
        let mut globals = 0..store.module().globals.len();
        memories.eq(state.memories.iter().map(|bytes| &bytes[..]))
            && tables.eq(state.tables.iter().map(|entries| &entries[..]))
            && globals.len() == state.globals.len()
            && globals.all(|at| {
                self.global_value(bakeoff_ir::Global::from_index(at)) == state.globals[at]
            })
    }

    /// Memories, globals and tables as they are now.
    pub fn state(&self) -> State {
        let store = self.store();
        let globals = 0..store.module().globals.len();
        State {
            memories: store.memories.iter().map(|m| m.slice().to_vec()).collect(),
            globals: globals
                .map(|g| self.global_value(bakeoff_ir::Global::from_index(g)))
                .collect(),
            tables: store.tables.iter().map(|t| t.entries.clone()).collect(),
        }
    }
}

fn find<'i, T>(
    kind: &'static str,
    name: &ImportName,
    provided: &'i std::collections::HashMap<ImportName, T>,
) -> Result<&'i T, InstantiateError> {
    provided.get(name).ok_or_else(|| {
        let mut available: Vec<String> = provided
            .keys()
            .map(|n| format!("`{}` `{}`", n.module, n.name))
            .collect();
        available.sort();
        InstantiateError::MissingImport {
            kind,
            name: name.clone(),
            available,
        }
    })
}

fn mismatch(kind: &'static str, name: &ImportName, why: String) -> InstantiateError {
    InstantiateError::ImportMismatch {
        kind,
        name: name.clone(),
        why,
    }
}

/// Whether limits that the host provides are inside those that the module wants.
fn check_limits<N: PartialOrd + std::fmt::Display + Copy>(
    kind: &'static str,
    name: &ImportName,
    wanted: (N, Option<N>),
    provided: (N, Option<N>),
) -> Result<(), InstantiateError> {
    if provided.0 < wanted.0 {
        let why = format!("it has {}, and at least {} is wanted", provided.0, wanted.0);
        return Err(mismatch(kind, name, why));
    }
    if let Some(max) = provided.1
        && max < provided.0
    {
        let why = format!("it has {}, which is more than its limit {max}", provided.0);
        return Err(mismatch(kind, name, why));
    }
    match (wanted.1, provided.1) {
        (None, _) => Ok(()),
        (Some(most), Some(max)) if max <= most => Ok(()),
        (Some(most), _) => Err(mismatch(kind, name, format!("it may grow beyond {most}"))),
    }
}

fn make_memories(
    module: &Module,
    imports: &Imports,
) -> Result<Vec<LinearMemory>, InstantiateError> {
    let make = |decl: &bakeoff_ir::MemoryDecl| {
        let (pages, max) = match &decl.import {
            None => (decl.min_pages, decl.max_pages),
            Some(name) => {
                let host = find("memory", name, &imports.memories)?;
                let provided = (host.pages, host.max_pages);
                check_limits("memory", name, (decl.min_pages, decl.max_pages), provided)?;
                if host.pages > MAX_PAGES {
                    let why = format!("a memory has at most {MAX_PAGES} pages, not {}", host.pages);
                    return Err(mismatch("memory", name, why));
                }
                provided
            }
        };
        LinearMemory::new(pages, max.unwrap_or(MAX_PAGES).min(MAX_PAGES))
            .map_err(InstantiateError::Memory)
    };
    module.memories.iter().map(make).collect()
}

fn make_tables(module: &Module, imports: &Imports) -> Result<Vec<TableData>, InstantiateError> {
    let make = |decl: &bakeoff_ir::TableDecl| {
        let (entries, max) = match &decl.import {
            None => (decl.min, decl.max),
            Some(name) => {
                let host = find("table", name, &imports.tables)?;
                let provided = (host.entries, host.max_entries);
                check_limits("table", name, (decl.min, decl.max), provided)?;
                provided
            }
        };
        if entries > MAX_TABLE_ENTRIES {
            return Err(InstantiateError::TableTooLarge(entries));
        }
        Ok(TableData {
            entries: vec![0; entries as usize],
            max: max.unwrap_or(MAX_TABLE_ENTRIES).min(MAX_TABLE_ENTRIES),
            max_reference: match decl.kind {
                RefKind::Func => module.funcs.len() as u64,
                RefKind::Extern => u64::MAX,
            },
        })
    };
    module.tables.iter().map(make).collect()
}

fn host_funcs(
    module: &Module,
    imports: &Imports,
) -> Result<Vec<Option<HostFunc>>, InstantiateError> {
    let provide = |decl: &bakeoff_ir::FuncDecl| {
        let bakeoff_ir::FuncKind::Import(name) = &decl.kind else {
            return Ok(None);
        };
        let host = find("function", name, &imports.funcs)?;
        let wanted = module.sig(decl.sig);
        if host.signature() != wanted {
            return Err(mismatch(
                "function",
                name,
                describe_mismatch(host.signature(), wanted),
            ));
        }
        Ok(Some(host.clone()))
    };
    module.funcs.iter().map(provide).collect()
}

fn describe_mismatch(got: &Signature, wanted: &Signature) -> String {
    let show = |s: &Signature| format!("({}) -> ({})", types(&s.params), types(&s.results));
    format!("it is {}, and {} is wanted", show(got), show(wanted))
}

/// The bytes of an exported memory.
///
/// # Safety
/// `context` is that of a live instance, whose generated code does not run during `'i`.
pub(crate) unsafe fn exported_memory<'i>(
    context: *mut VmContext,
    export: &str,
) -> Option<&'i mut [u8]> {
    // SAFETY: the store lives as long as the context.
    let store = unsafe { &mut *(*context).store };
    match store.module().export(export)? {
        ExportItem::Memory(memory) => Some(store.memories[memory.index()].slice_mut()),
        ExportItem::Func(_) | ExportItem::Global(_) | ExportItem::Table(_) => None,
    }
}

/// Calls an exported function by name.
///
/// # Safety
/// `context` is that of a live instance that nobody else uses during the call.
pub(crate) unsafe fn call_export(
    context: *mut VmContext,
    export: &str,
    args: &[Scalar],
) -> Result<Vec<Scalar>, CallError> {
    // SAFETY: the store lives as long as the context.
    let module = unsafe { Arc::clone((*(*context).store).module()) };
    let Some(ExportItem::Func(func)) = module.export(export) else {
        return Err(CallError::NoSuchExport {
            name: export.to_string(),
            available: module
                .exported_funcs()
                .map(|(name, _)| name.to_string())
                .collect(),
        });
    };
    let signature = module.func_sig(func);
    if !args
        .iter()
        .map(|a| a.ty())
        .eq(signature.params.iter().copied())
    {
        return Err(CallError::Arguments {
            name: export.to_string(),
            expected: signature.params.clone(),
            got: args.iter().map(|a| a.ty()).collect(),
        });
    }
    let mut slots: Vec<u64> = args.iter().map(|a| a.bits()).collect();
    slots.resize(args.len().max(signature.results.len()), 0);
    // SAFETY: the caller's promise; the slots were counted.
    unsafe { enter(context, func, &mut slots)? };
    let typed = signature.results.iter().zip(&slots);
    Ok(typed.map(|(ty, bits)| Scalar::new(*ty, *bits)).collect())
}

/// Enters generated code.
///
/// # Safety
/// `context` is that of a live instance that nobody else uses during the call; `func` escapes; there
/// are enough slots.
unsafe fn enter(context: *mut VmContext, func: Func, slots: &mut [u64]) -> Result<(), Trap> {
    // SAFETY: the store lives as long as the context. It is reached through raw pointers again
    // during the call, so no reference to it is kept.
    let (executable, host, depth) = unsafe {
        let store = &mut *(*context).store;
        store.depth += 1;
        let host = store.host_funcs[func.index()].clone();
        (Arc::clone(&store.executable), host, store.depth)
    };
    let result = match host {
        _ if depth > MAX_DEPTH => Err(TrapCode::StackOverflow),
        // An import that is exported again.
        // SAFETY: the caller's promise.
        Some(_) => unsafe { call_host(context, func, slots.as_mut_ptr()) },
        // SAFETY: the caller's promise.
        None => unsafe { executable.enter(context, func, slots.as_mut_ptr()) },
    };
    // SAFETY: as above.
    let store = unsafe { &mut *(*context).store };
    store.depth -= 1;
    result.map_err(|code| Trap {
        code,
        host: store.host_error.take().filter(|_| code == TrapCode::Host),
    })
}

/// Calls a host function for generated code. A panic ends here.
///
/// # Safety
/// `context` is that of a live instance whose code waits for the call; `func` is imported; `slots`
/// points to as many words as it has parameters, and results.
///
/// # Errors
/// With [`TrapCode::Host`] if the function fails or panics, or with the trap that it passes on.
pub unsafe fn call_host(
    context: *mut VmContext,
    func: Func,
    slots: *mut u64,
) -> Result<(), TrapCode> {
    // SAFETY: the store lives as long as the context; the function is cloned, so that no reference to
    // the store is held while it runs.
    let host = unsafe { (&(*(*context).store).host_funcs)[func.index()].clone() };
    let Some(host) = host else {
        return Err(TrapCode::Host);
    };
    // SAFETY: the caller's promise about the slots.
    let slots = unsafe { std::slice::from_raw_parts_mut(slots, host.slot_count()) };
    let call = AssertUnwindSafe(|| {
        // SAFETY: the context is live, and its code waits.
        let mut caller = unsafe { Caller::new(context) };
        host.call(&mut caller, slots)
    });
    let error = match catch_unwind(call) {
        Ok(Ok(())) => {
            clear_unused_bits(&host.signature().results, slots);
            return Ok(());
        }
        Ok(Err(error)) => error,
        Err(payload) => HostError::Panicked(end_panic(payload)),
    };
    // A trap that is passed on keeps its code, unless the host made it up and it is none.
    let code = match &error {
        HostError::Trapped(trap) => match trap.code {
            TrapCode::User(number) if number > TrapCode::MAX_USER => TrapCode::Host,
            code => code,
        },
        HostError::Failed(_) | HostError::Panicked(_) | HostError::WrongResults { .. } => {
            TrapCode::Host
        }
    };
    // SAFETY: as above.
    unsafe { (*(*context).store).host_error = Some(error) };
    Err(code)
}

/// Backends rely on zeros there, and safe callers may leave anything.
fn clear_unused_bits(types: &[Type], slots: &mut [u64]) {
    for (ty, slot) in types.iter().zip(slots) {
        *slot &= ty.mask();
    }
}

/// The message of a panic, whose payload is dropped.
fn end_panic(payload: Box<dyn std::any::Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_string());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    // A payload may panic when it is dropped; the second panic is not unwrapped any further.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    text.unwrap_or_default()
}

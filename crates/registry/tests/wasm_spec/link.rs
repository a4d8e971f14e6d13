//! What the modules of a script import: from the host that the specification calls `spectest`, and
//! from each other.
//!
//! Our instances are closed, so what crosses from one to another is made of what a host can do: a
//! function is a host function that calls the instance which exports it, an immutable global is a
//! value. A memory, a table or a mutable global would have to be one thing in two instances. A module
//! that imports one and could touch it is not instantiated, and neither is the exporter asked anything
//! any more: its state is not what the script thinks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use bakeoff_backend::{CallError, HostError, HostFunc, HostMemory, HostTable, Imports, Instance};
use bakeoff_backend::{InstantiateError, Trap};
use bakeoff_ir::{
    ExportItem, FuncKind, Global, GlobalInit, ImportName, InitExpr, Module, PAGE_BYTES, Scalar,
    Signature, Type,
};

/// Why a command is not answered.
pub(crate) type Skip = &'static str;

/// What would have to be shared.
pub(crate) const MEMORY: Skip = "shares a memory between modules";
pub(crate) const TABLE: Skip = "shares a table between modules";
pub(crate) const GLOBAL: Skip = "shares a mutable global between modules";
/// A reference is a number that means a function of one module only.
pub(crate) const FUNC_REF: Skip = "hands a function reference to another module";

/// The IR has no type for references, so no import can differ from another in it.
pub(crate) const ONE_TYPE: Skip = "imports a reference as one of another type";
/// The host gives values and sizes.
pub(crate) const MUTABILITY: Skip = "imports a global with another mutability";
pub(crate) const TABLE_KIND: Skip = "imports a table with other references in it";

/// An instance that others may import from.
#[derive(Clone)]
pub(crate) struct Linked {
    pub(crate) module: Arc<Module>,
    pub(crate) instance: Arc<Mutex<Instance>>,
    /// Set once its state is not what the script thinks.
    shared: Arc<OnceLock<Skip>>,
}

/// An instance, or why there is none.
pub(crate) type Slot = Result<Linked, Skip>;

impl Linked {
    pub(crate) fn new(module: &Arc<Module>, instance: Instance) -> Linked {
        Linked {
            module: Arc::clone(module),
            instance: Arc::new(Mutex::new(instance)),
            shared: Arc::default(),
        }
    }

    /// Why nothing can be said about the instance any more, if so.
    pub(crate) fn shared(&self) -> Option<Skip> {
        self.shared.get().copied()
    }

    /// Calls into the instance from another one. Imports only lead to older instances, so the lock is
    /// never held already; if it were, the call would fail and not wait for ever.
    fn function(&self, export: &str, signature: Signature) -> HostFunc {
        let (exporter, export) = (self.clone(), export.to_string());
        HostFunc::new(signature, move |_, args| {
            if let Some(why) = exporter.shared() {
                return Err(HostError::Failed(why.to_string()));
            }
            let failed = |what: &dyn ToString| HostError::Failed(what.to_string());
            let mut instance = exporter.instance.try_lock().map_err(|e| failed(&e))?;
            instance.call(&export, args).map_err(|error| match error {
                CallError::Trap(trap) => HostError::Trapped(Box::new(trap)),
                other => failed(&other),
            })
        })
    }

    /// Provides the export of this name. Says what the two modules have to share, if anything.
    fn provide(&self, name: &ImportName, imports: &mut Imports) -> Option<Skip> {
        let (from, export) = (name.module.as_str(), name.name.as_str());
        let instance = self.instance.lock().unwrap();
        match self.module.export(export)? {
            ExportItem::Func(func) => {
                let signature = self.module.func_sig(func).clone();
                imports.func(from, export, self.function(export, signature));
                None
            }
            ExportItem::Memory(memory) => {
                let memory = HostMemory {
                    pages: instance.memory(export)?.len() as u64 / PAGE_BYTES,
                    max_pages: self.module.memories[memory.index()].max_pages,
                };
                imports.memory(from, export, memory);
                Some(MEMORY)
            }
            ExportItem::Table(table) => {
                let table = HostTable {
                    entries: instance.state().tables[table.index()].len() as u32,
                    max_entries: self.module.tables[table.index()].max,
                };
                imports.table(from, export, table);
                Some(TABLE)
            }
            ExportItem::Global(global) => {
                imports.global(from, export, instance.global(export)?);
                self.shares_global(global)
            }
        }
    }

    fn shares_global(&self, global: Global) -> Option<Skip> {
        let decl = &self.module.globals[global.index()];
        match decl.init {
            _ if decl.mutable => Some(GLOBAL),
            GlobalInit::Expr(InitExpr::RefFunc(_)) => Some(FUNC_REF),
            GlobalInit::Expr(_) | GlobalInit::Import(_) => None,
        }
    }
}

/// Why a trap says nothing about the program, if so: it called an instance with another state.
pub(crate) fn skipped_in(trap: &Trap) -> Option<Skip> {
    match trap.host.as_ref()? {
        HostError::Failed(why) => [MEMORY, TABLE, GLOBAL, FUNC_REF]
            .into_iter()
            .find(|skip| skip == why),
        HostError::Trapped(inner) => skipped_in(inner),
        HostError::Panicked(_) | HostError::WrongResults { .. } => None,
    }
}

/// The instances that modules may import from, by the name under which they do.
#[derive(Default)]
pub(crate) struct Registered(HashMap<String, Slot>);

impl Registered {
    pub(crate) fn insert(&mut self, name: &str, slot: Slot) {
        self.0.insert(name.to_string(), slot);
    }

    fn exporter(&self, name: &ImportName) -> Result<Option<&Linked>, Skip> {
        let slot = self.0.get(&name.module);
        slot.map(|slot| slot.as_ref().map_err(|why| *why))
            .transpose()
    }

    /// Whether there is an export of this name, of whatever kind.
    fn has(&self, name: &ImportName) -> bool {
        let here = |linked: &Linked| linked.module.export(&name.name).is_some();
        match name.module.as_str() {
            "spectest" => SPECTEST.contains(&name.name.as_str()),
            _ => matches!(self.exporter(name), Ok(Some(linked)) if here(linked)),
        }
    }

    /// What the module imports.
    ///
    /// # Errors
    /// If it imports from an instance that was skipped.
    pub(crate) fn link(&self, module: &Module) -> Result<Link, Skip> {
        let mut link = Link {
            imports: spectest(),
            shares: Vec::new(),
        };
        for name in import_names(module) {
            let Some(exporter) = self.exporter(name)? else {
                continue;
            };
            if let Some(what) = exporter.provide(name, &mut link.imports) {
                link.shares.push((exporter.clone(), what));
            }
        }
        link.shares.retain(|_| touches(module));
        Ok(link)
    }

    /// Whether the error is the one that the script wants. One of our maps of imports for each kind
    /// means that an import of another kind is missing, where the specification says incompatible.
    pub(crate) fn agrees(&self, error: &InstantiateError, message: &str) -> bool {
        match error {
            InstantiateError::MissingImport { name, .. } => match self.has(name) {
                true => message == "incompatible import type",
                false => message == "unknown import",
            },
            InstantiateError::ImportMismatch { .. } => message == "incompatible import type",
            _ => false,
        }
    }

    /// Why we link what the specification refuses to, if it is a known reason.
    pub(crate) fn too_lenient(&self, module: &Module) -> Option<Skip> {
        let exported = |name: &ImportName| {
            let exporter = self.exporter(name).ok()??;
            Some((exporter, exporter.module.export(&name.name)?))
        };
        for decl in &module.globals {
            let GlobalInit::Import(name) = &decl.init else {
                continue;
            };
            // The globals of spectest are immutable.
            let mutable = match exported(name) {
                Some((from, ExportItem::Global(g))) => from.module.globals[g.index()].mutable,
                _ => false,
            };
            if mutable != decl.mutable {
                return Some(MUTABILITY);
            }
            if decl.ty == Type::I64 {
                return Some(ONE_TYPE);
            }
        }
        for decl in &module.tables {
            if let Some((from, ExportItem::Table(t))) = decl.import.as_ref().and_then(exported)
                && from.module.tables[t.index()].kind != decl.kind
            {
                return Some(TABLE_KIND);
            }
        }
        None
    }
}

/// What a module imports.
pub(crate) struct Link {
    pub(crate) imports: Imports,
    shares: Vec<(Linked, Skip)>,
}

impl Link {
    /// Remembers what is shared from now on, and says what that is.
    pub(crate) fn begin_sharing(&self) -> Option<Skip> {
        for (exporter, what) in &self.shares {
            exporter.shared.get_or_init(|| *what);
        }
        self.shares.first().map(|(_, what)| *what)
    }
}

/// Whether anybody could tell what the module does with its imports: it has code, or segments, or
/// hands things on.
fn touches(module: &Module) -> bool {
    let segments = module.datas.len() + module.elems.len();
    module.bodies().next().is_some() || segments > 0 || !module.exports.is_empty()
}

fn import_names(module: &Module) -> impl Iterator<Item = &ImportName> {
    let funcs = module.funcs.iter().filter_map(|f| match &f.kind {
        FuncKind::Import(name) => Some(name),
        FuncKind::Declared | FuncKind::Defined(_) => None,
    });
    let globals = module.globals.iter().filter_map(|g| match &g.init {
        GlobalInit::Import(name) => Some(name),
        GlobalInit::Expr(_) => None,
    });
    let memories = module.memories.iter().filter_map(|m| m.import.as_ref());
    let tables = module.tables.iter().filter_map(|t| t.import.as_ref());
    funcs.chain(globals).chain(memories).chain(tables)
}

/// What `spectest` exports.
const SPECTEST: [&str; 13] = [
    "print",
    "print_i32",
    "print_i64",
    "print_f32",
    "print_f64",
    "print_i32_f32",
    "print_f64_f64",
    "global_i32",
    "global_i64",
    "global_f32",
    "global_f64",
    "table",
    "memory",
];

/// The host that all scripts expect. What it prints nobody reads.
fn spectest() -> Imports {
    use Type::{F32, F64, I32, I64};
    let prints: [&[Type]; 7] = [
        &[],
        &[I32],
        &[I64],
        &[F32],
        &[F64],
        &[I32, F32],
        &[F64, F64],
    ];
    let mut imports = Imports::new();
    for (name, params) in SPECTEST.iter().zip(prints) {
        let signature = Signature {
            params: params.to_vec(),
            results: Vec::new(),
        };
        imports.func(
            "spectest",
            name,
            HostFunc::over_slots(signature, |_, _| Ok(())),
        );
    }
    let table = HostTable {
        entries: 10,
        max_entries: Some(20),
    };
    let memory = HostMemory {
        pages: 1,
        max_pages: Some(2),
    };
    imports
        .global("spectest", "global_i32", Scalar::i32(666))
        .global("spectest", "global_i64", Scalar::i64(666))
        .global("spectest", "global_f32", Scalar::f32(666.6))
        .global("spectest", "global_f64", Scalar::f64(666.6))
        .table("spectest", "table", table)
        .memory("spectest", "memory", memory);
    imports
}

//! Modules: functions and what they share.

use std::collections::HashMap;

use crate::entity::{Func, Global, Memory, Sig, Table};
use crate::function::Function;
use crate::types::{Scalar, Type};

/// Bytes in a page, the unit in which linear memories grow.
pub const PAGE_BYTES: u64 = 64 * 1024;

/// The most pages that a memory with 32-bit indices can have: 4 GiB.
pub const MAX_PAGES: u64 = 1 << 16;

/// The most memories, and the most tables, of a module: instructions name them with a byte.
pub const MAX_MEMORIES: usize = 256;

/// Parameter and result types of a function.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// The parameters.
    pub params: Vec<Type>,
    /// The results.
    pub results: Vec<Type>,
}

/// The name under which a host provides something.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ImportName {
    /// The module part.
    pub module: String,
    /// The field part.
    pub name: String,
}

/// Where the code of a function comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FuncKind {
    /// Provided by the host.
    Import(ImportName),
    /// Declared, and its body not yet there; a finished module has none.
    Declared,
    /// Defined by this body.
    Defined(Function),
}

/// A function of the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FuncDecl {
    /// The name, unique in the module: `@name` in the text form.
    pub name: String,
    /// The signature.
    pub sig: Sig,
    /// Import or body.
    pub kind: FuncKind,
}

impl FuncDecl {
    /// The body, if the function has one.
    #[inline]
    pub fn body(&self) -> Option<&Function> {
        match &self.kind {
            FuncKind::Defined(body) => Some(body),
            FuncKind::Import(_) | FuncKind::Declared => None,
        }
    }
}

/// A linear memory. Imported ones are made by the host with limits of its own, at least these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryDecl {
    /// Initial size in pages.
    pub min_pages: u64,
    /// Greatest size in pages, at most [`MAX_PAGES`].
    pub max_pages: Option<u64>,
    /// The import name, if the host makes it.
    pub import: Option<ImportName>,
}

/// A constant that is known when the module is instantiated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitExpr {
    /// A constant; a null reference is `i64` 0.
    Const(Scalar),
    /// The value of an immutable global that stands before.
    Global(Global),
    /// The reference to a function.
    RefFunc(Func),
}

/// How a global begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GlobalInit {
    /// With this value.
    Expr(InitExpr),
    /// With the value that the host gives.
    Import(ImportName),
}

/// A global.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GlobalDecl {
    /// The type.
    pub ty: Type,
    /// Whether `global_set` may change it.
    pub mutable: bool,
    /// The initial value.
    pub init: GlobalInit,
}

/// What the references in a table mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefKind {
    /// Functions of the module: index plus one, null is 0.
    Func,
    /// Values of the host that the program only hands around.
    Extern,
}

/// A table of references. Imported ones are made by the host with limits of its own, at least these.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDecl {
    /// What the entries mean.
    pub kind: RefKind,
    /// Initial number of entries.
    pub min: u32,
    /// Greatest number of entries.
    pub max: Option<u32>,
    /// The initial value of every entry.
    pub init: InitExpr,
    /// The import name, if the host makes it.
    pub import: Option<ImportName>,
}

/// When a segment is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentMode<E> {
    /// On instantiation, to this offset; then it is dropped.
    Active {
        /// The memory or table.
        target: E,
        /// The offset, an `i32`.
        offset: InitExpr,
    },
    /// By `memory_init` or `table_init`.
    Passive,
    /// Never: it only declares that functions are referenced. It starts dropped.
    Declared,
}

/// A data segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataDecl {
    /// When it is copied.
    pub mode: SegmentMode<Memory>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An element segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElemDecl {
    /// When it is copied.
    pub mode: SegmentMode<Table>,
    /// The references.
    pub refs: Vec<InitExpr>,
}

/// What an export names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExportItem {
    /// A function.
    Func(Func),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
}

/// An export: something that the host may reach by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// The name, unique among the exports.
    pub name: String,
    /// What it names.
    pub item: ExportItem,
}

/// A module: the unit that is verified, compiled and instantiated.
///
/// The fields are public, and whoever fills them keeps entities in range; the verifier checks it.
/// Signatures are interned: two functions have the same signature exactly if their [`Sig`]s are equal.
#[derive(Clone, Debug, Default)]
pub struct Module {
    sigs: Vec<Signature>,
    sig_index: HashMap<Signature, Sig>,
    /// The functions.
    pub funcs: Vec<FuncDecl>,
    /// The memories, at most [`MAX_MEMORIES`].
    pub memories: Vec<MemoryDecl>,
    /// The globals.
    pub globals: Vec<GlobalDecl>,
    /// The tables, at most [`MAX_MEMORIES`].
    pub tables: Vec<TableDecl>,
    /// The data segments.
    pub datas: Vec<DataDecl>,
    /// The element segments.
    pub elems: Vec<ElemDecl>,
    /// The exports.
    pub exports: Vec<Export>,
    /// The function that runs on instantiation, without parameters and results.
    pub start: Option<Func>,
}

impl PartialEq for Module {
    fn eq(&self, other: &Module) -> bool {
        self.sigs == other.sigs
            && self.funcs == other.funcs
            && self.memories == other.memories
            && self.globals == other.globals
            && self.tables == other.tables
            && self.datas == other.datas
            && self.elems == other.elems
            && self.exports == other.exports
            && self.start == other.start
    }
}

impl Module {
    /// An empty module.
    pub fn new() -> Module {
        Module::default()
    }

    /// The signature's entity; equal signatures have the same one.
    pub fn intern_sig(&mut self, signature: Signature) -> Sig {
        if let Some(sig) = self.sig_index.get(&signature) {
            return *sig;
        }
        let sig = Sig::from_index(self.sigs.len());
        self.sigs.push(signature.clone());
        self.sig_index.insert(signature, sig);
        sig
    }

    /// The signatures, each once.
    pub fn sigs(&self) -> &[Signature] {
        &self.sigs
    }

    /// A signature.
    #[inline]
    pub fn sig(&self, sig: Sig) -> &Signature {
        &self.sigs[sig.index()]
    }

    /// A function.
    #[inline]
    pub fn func(&self, func: Func) -> &FuncDecl {
        &self.funcs[func.index()]
    }

    /// The signature of a function.
    #[inline]
    pub fn func_sig(&self, func: Func) -> &Signature {
        self.sig(self.func(func).sig)
    }

    /// Adds a function.
    pub fn push_func(&mut self, name: impl Into<String>, sig: Sig, kind: FuncKind) -> Func {
        let func = Func::from_index(self.funcs.len());
        self.funcs.push(FuncDecl {
            name: name.into(),
            sig,
            kind,
        });
        func
    }

    /// Gives a declared function its body.
    pub fn define(&mut self, func: Func, body: Function) {
        self.funcs[func.index()].kind = FuncKind::Defined(body);
    }

    /// The functions that have a body, in order.
    pub fn bodies(&self) -> impl Iterator<Item = (Func, &FuncDecl, &Function)> {
        self.funcs.iter().enumerate().filter_map(|(index, decl)| {
            let body = decl.body()?;
            Some((Func::from_index(index), decl, body))
        })
    }

    /// The export with this name.
    pub fn export(&self, name: &str) -> Option<ExportItem> {
        self.exports.iter().find(|e| e.name == name).map(|e| e.item)
    }

    /// The names of the exported functions, in order: what an error about a missing one lists.
    pub fn exported_funcs(&self) -> impl Iterator<Item = (&str, Func)> {
        self.exports.iter().filter_map(|e| match e.item {
            ExportItem::Func(func) => Some((e.name.as_str(), func)),
            ExportItem::Memory(_) | ExportItem::Global(_) | ExportItem::Table(_) => None,
        })
    }

    /// Number of instructions in all bodies.
    pub fn inst_count(&self) -> usize {
        self.bodies().map(|(_, _, body)| body.inst_count()).sum()
    }

    /// Which functions can be entered from outside generated code or through a reference: exports,
    /// the start function, and targets of `ref_func`, element segments and initialisers; and all of
    /// them if a table of functions gets references from numbers, which may then name any function.
    pub fn escaping_funcs(&self) -> Vec<bool> {
        use crate::ops::Op;
        let mut escaping = vec![false; self.funcs.len()];
        let mut mark = |func: Func| escaping[func.index()] = true;
        let init = |init: &InitExpr| match init {
            InitExpr::RefFunc(func) => Some(*func),
            InitExpr::Const(_) | InitExpr::Global(_) => None,
        };
        self.exported_funcs().for_each(|(_, func)| mark(func));
        self.start.into_iter().for_each(&mut mark);
        self.tables
            .iter()
            .filter_map(|t| init(&t.init))
            .for_each(&mut mark);
        self.elems
            .iter()
            .flat_map(|e| &e.refs)
            .filter_map(init)
            .for_each(&mut mark);
        for global in &self.globals {
            if let GlobalInit::Expr(expr) = &global.init {
                init(expr).into_iter().for_each(&mut mark);
            }
        }
        let mut from_numbers = self.initial_references_from_numbers();
        for (_, _, body) in self.bodies() {
            // One pass: this is part of every compilation.
            for inst in &body.insts {
                match inst.op {
                    Op::RefFunc => mark(inst.func()),
                    Op::TableSet | Op::TableGrow => from_numbers |= self.holds_funcs(inst.table()),
                    Op::TableFill => from_numbers |= self.holds_funcs(inst.bulk_tables().0),
                    _ => {}
                }
            }
        }
        if from_numbers {
            escaping.fill(true);
        }
        escaping
    }

    fn holds_funcs(&self, table: Table) -> bool {
        self.tables[table.index()].kind == RefKind::Func
    }

    /// Whether a table of functions begins with a reference that is no initialiser's `ref_func`:
    /// references are plain `i64` values.
    fn initial_references_from_numbers(&self) -> bool {
        let any_number = |init: &InitExpr| match init {
            InitExpr::Const(value) => value.bits() != 0,
            InitExpr::Global(_) => true,
            InitExpr::RefFunc(_) => false,
        };
        let inits = self.tables.iter().filter(|t| t.kind == RefKind::Func);
        inits.map(|t| &t.init).any(any_number)
            || self.elems.iter().flat_map(|e| &e.refs).any(any_number)
    }
}

//! The verifier: everything that a backend relies on, checked once.
//!
//! A backend takes a verified module and checks nothing again. A module from any producer goes through
//! here first: parsers and builders only guarantee that the arrays of a body are well formed (ranges
//! of arguments and edges lie inside them), not that types fit or that entities exist.
//!
//! What is checked
//! * Declarations: entities in range, names unique, limits, initial values, no body missing.
//! * Bodies: canonical form; operands, results and immediates as the op's row says; edges give each
//!   parameter of their target an argument of its type; no edge leads to the entry; calls fit their
//!   signatures; stack accesses inside their slots.
//! * Definitions dominate uses. In an unreachable block a use need only be of some defined value.
//!
//! The time taken is linear in the module, dominators aside, which are nearly linear.

mod body;
mod types;

use std::collections::HashSet;
use std::fmt;

use crate::entity::{Data, Elem, Func, Global, Memory, Sig, Table};
use crate::module::{
    ExportItem, FuncKind, GlobalInit, InitExpr, MAX_MEMORIES, MAX_PAGES, Module, RefKind,
    SegmentMode,
};
use crate::text::{Location, SourceMap, render_error};
use crate::types::Type;
use body::BodyVerifier;

/// Something that is wrong with a module.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{location}: {message}")]
pub struct VerifierError {
    /// Where.
    pub location: Location,
    /// What is wrong there.
    pub message: String,
}

impl VerifierError {
    /// The message with the line of the source that the module was parsed from.
    pub fn render(&self, positions: &SourceMap, source: &str, file: &str) -> String {
        render_error(source, file, positions.span(self.location), &self.message)
    }
}

/// All that is wrong with a module, at least one thing; beyond a hundred the rest is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierErrors(Vec<VerifierError>);

impl VerifierErrors {
    /// The errors, in the order in which they were found.
    pub fn errors(&self) -> &[VerifierError] {
        &self.0
    }

    /// All messages with the lines of the source that the module was parsed from.
    pub fn render(&self, positions: &SourceMap, source: &str, file: &str) -> String {
        let render = |error: &VerifierError| error.render(positions, source, file);
        self.0.iter().map(render).collect()
    }
}

impl fmt::Display for VerifierErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for VerifierErrors {}

/// The most errors that are collected.
const MAX_ERRORS: usize = 100;

/// The errors found so far.
#[derive(Default)]
struct Errors(Vec<VerifierError>);

impl Errors {
    #[cold]
    fn push(&mut self, location: Location, message: impl Into<String>) {
        if self.0.len() < MAX_ERRORS {
            self.0.push(VerifierError {
                location,
                message: message.into(),
            });
        }
    }
}

/// Checks a module.
///
/// # Errors
/// All that is wrong with it.
pub fn verify_module(module: &Module) -> Result<(), VerifierErrors> {
    let mut declarations = Declarations {
        module,
        errors: Errors::default(),
    };
    declarations.sizes();
    declarations.funcs();
    declarations.memories_and_tables();
    declarations.globals();
    declarations.segments();
    declarations.exports();
    let mut errors = declarations.errors;
    // Bodies refer to declarations, and are checked against sound ones only.
    if errors.0.is_empty() {
        let mut verifier = BodyVerifier::new(module);
        for (func, decl, body) in module.bodies() {
            verifier.verify(func, decl.sig, body, &mut errors);
        }
    }
    match errors.0.is_empty() {
        true => Ok(()),
        false => Err(VerifierErrors(errors.0)),
    }
}

struct Declarations<'m> {
    module: &'m Module,
    errors: Errors,
}

impl Declarations<'_> {
    fn sizes(&mut self) {
        let counts = [
            (self.module.memories.len(), "memories"),
            (self.module.tables.len(), "tables"),
        ];
        for (count, what) in counts {
            if count > MAX_MEMORIES {
                let message = format!("a module has at most {MAX_MEMORIES} {what}");
                self.errors.push(Location::Module, message);
            }
        }
    }

    fn funcs(&mut self) {
        let mut names = HashSet::new();
        for (index, decl) in self.module.funcs.iter().enumerate() {
            let location = Location::Func(Func::from_index(index));
            if decl.sig.index() >= self.module.sigs().len() {
                let message = format!("{} is not in the module", decl.sig);
                self.errors.push(location, message);
            }
            if !names.insert(decl.name.as_str()) {
                let message = format!("two functions are called @{}", decl.name);
                self.errors.push(location, message);
            }
            if decl.kind == FuncKind::Declared {
                let message = format!("@{} is declared and has no body", decl.name);
                self.errors.push(location, message);
            }
        }
        let Some(start) = self.module.start else {
            return;
        };
        let sig = self.module.funcs.get(start.index()).map(|f| f.sig);
        match sig.and_then(|sig| self.module.sigs().get(sig.index())) {
            None => {
                let message = format!("{start} is not in the module");
                self.errors.push(Location::Start, message);
            }
            Some(sig) if !sig.params.is_empty() || !sig.results.is_empty() => {
                let message =
                    format!("the start function has no parameters and results, not {sig}");
                self.errors.push(Location::Start, message);
            }
            Some(_) => {}
        }
    }

    fn memories_and_tables(&mut self) {
        for (index, memory) in self.module.memories.iter().enumerate() {
            let location = Location::Memory(Memory::from_index(index));
            let max = memory.max_pages.unwrap_or(MAX_PAGES);
            if memory.min_pages.max(max) > MAX_PAGES {
                let message = format!("a memory has at most {MAX_PAGES} pages");
                self.errors.push(location, message);
            }
            if memory.min_pages > max {
                self.errors
                    .push(location, "the minimum is greater than the maximum");
            }
        }
        for (index, table) in self.module.tables.iter().enumerate() {
            let location = Location::Table(Table::from_index(index));
            if table.max.is_some_and(|max| table.min > max) {
                self.errors
                    .push(location, "the minimum is greater than the maximum");
            }
            self.init(location, table.init, Type::I64, self.module.globals.len());
        }
    }

    /// Checks an initial value of type `ty` that may use the first `globals` globals.
    fn init(&mut self, location: Location, init: InitExpr, ty: Type, globals: usize) {
        let actual = match init {
            InitExpr::Const(value) => value.ty(),
            InitExpr::RefFunc(func) => {
                if func.index() >= self.module.funcs.len() {
                    let message = format!("{func} is not in the module");
                    self.errors.push(location, message);
                }
                Type::I64
            }
            InitExpr::Global(global) => {
                let decl = self.module.globals.get(global.index());
                let Some(decl) = decl.filter(|_| global.index() < globals) else {
                    let message = format!("{global} does not stand before");
                    return self.errors.push(location, message);
                };
                if decl.mutable {
                    let message = format!("{global} is mutable, and initial values are constant");
                    self.errors.push(location, message);
                }
                decl.ty
            }
        };
        if actual != ty {
            let message = format!("the initial value is an {actual} and not an {ty}");
            self.errors.push(location, message);
        }
    }

    fn globals(&mut self) {
        for (index, global) in self.module.globals.iter().enumerate() {
            if let GlobalInit::Expr(init) = global.init {
                let location = Location::Global(Global::from_index(index));
                self.init(location, init, global.ty, index);
            }
        }
    }

    fn segments(&mut self) {
        let globals = self.module.globals.len();
        for (index, data) in self.module.datas.iter().enumerate() {
            let location = Location::Data(Data::from_index(index));
            match data.mode {
                SegmentMode::Active { target, offset } => {
                    if target.index() >= self.module.memories.len() {
                        let message = format!("{target} is not in the module");
                        self.errors.push(location, message);
                    }
                    self.init(location, offset, Type::I32, globals);
                }
                SegmentMode::Passive => {}
                SegmentMode::Declared => self
                    .errors
                    .push(location, "only element segments are `declared`"),
            }
        }
        for (index, elem) in self.module.elems.iter().enumerate() {
            let location = Location::Elem(Elem::from_index(index));
            if let SegmentMode::Active { target, offset } = elem.mode {
                if target.index() >= self.module.tables.len() {
                    let message = format!("{target} is not in the module");
                    self.errors.push(location, message);
                }
                self.init(location, offset, Type::I32, globals);
            }
            for init in &elem.refs {
                self.init(location, *init, Type::I64, globals);
            }
        }
    }

    fn exports(&mut self) {
        let mut names = HashSet::new();
        let module = self.module;
        for (index, export) in module.exports.iter().enumerate() {
            let location = Location::Export(index);
            if !names.insert(export.name.as_str()) {
                let message = format!("two exports are called \"{}\"", export.name);
                self.errors.push(location, message);
            }
            let (entity, count, text) = match export.item {
                ExportItem::Func(e) => (e.index(), module.funcs.len(), e.to_string()),
                ExportItem::Memory(e) => (e.index(), module.memories.len(), e.to_string()),
                ExportItem::Global(e) => (e.index(), module.globals.len(), e.to_string()),
                ExportItem::Table(e) => (e.index(), module.tables.len(), e.to_string()),
            };
            if entity >= count {
                let message = format!("{text} is not in the module");
                self.errors.push(location, message);
            }
        }
    }
}

/// Whether `table_copy` may copy between tables of these kinds, and so on: references of one kind mean
/// nothing as the other.
fn same_kind(module: &Module, a: Table, b: Table) -> bool {
    let kind = |table: Table| module.tables.get(table.index()).map(|t| t.kind);
    kind(a) == kind(b)
}

/// Whether `call_indirect` may go through this table.
fn holds_funcs(module: &Module, table: Table) -> bool {
    let kind = module.tables.get(table.index()).map(|t| t.kind);
    kind == Some(RefKind::Func)
}

/// Whether a C function can have this signature.
fn is_raw(module: &Module, sig: Sig) -> bool {
    let Some(signature) = module.sigs().get(sig.index()) else {
        return false;
    };
    let wide = |ty: &Type| !matches!(ty, Type::I8 | Type::I16);
    signature.results.len() <= 1 && signature.params.iter().chain(&signature.results).all(wide)
}

#[cfg(test)]
mod tests;

//! Modules from text.
//!
//! Two passes over the statements of a module: the first declares names and interns signatures, in
//! the order of the text; the second reads the rest of each declaration and the bodies, in which any
//! name may then be used.

use rustc_hash::FxHashMap;

use super::body::parse_body;
use super::cursor::{Cursor, Parsed};
use super::directive::parse_directive;
use super::lexer::{Kind, lex, unescape};
use super::source_map::BodyMap;
use super::{ParseError, ParsedModule, SourceMap, Span};
use crate::entity::{Func, Global, Memory, Sig, Table};
use crate::module::{
    DataDecl, ElemDecl, Export, ExportItem, FuncKind, GlobalDecl, GlobalInit, ImportName, InitExpr,
    MemoryDecl, Module, RefKind, SegmentMode, Signature, TableDecl,
};
use crate::types::{Scalar, Type};

/// The greatest size of a stack slot that a text declares.
pub(super) const MAX_SLOT_BYTES: u64 = 1 << 31;

/// The greatest size of a memory or table that a text declares: what 32 bits hold. A table of
/// WebAssembly may say that it grows no further than this.
const MAX_SIZE: u64 = u32::MAX as u64;

/// Reads a module. It is not verified yet.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse_module(source: &str) -> Result<ParsedModule, ParseError> {
    let lexed = lex(source, 1, 1)?;
    let mut parser = Parser::default();
    parser.declare(Cursor::new(&lexed.tokens, 0))?;
    for (at, statement) in std::mem::take(&mut parser.statements) {
        parser.define(Cursor::new(&lexed.tokens, at), statement)?;
    }
    let module = parser.module;
    let directives = lexed
        .comments
        .iter()
        .filter_map(|comment| parse_directive(comment, &module))
        .collect::<Result<_, _>>()?;
    Ok(ParsedModule {
        module,
        positions: parser.positions,
        directives,
    })
}

/// What the names in a text stand for.
#[derive(Default)]
pub(super) struct Names {
    funcs: FxHashMap<String, Func>,
    entities: FxHashMap<(&'static str, u32), u32>,
}

impl Names {
    /// The function that comes next, which must have been declared.
    pub(super) fn func(&self, cursor: &mut Cursor<'_, '_>) -> Parsed<Func> {
        let (name, span) = cursor.func_name()?;
        match self.funcs.get(&name) {
            Some(func) => Ok(*func),
            None => Err(ParseError::new(
                span,
                format!("no function is called @{name}"),
            )),
        }
    }

    /// The index of the entity that comes next, which must have been declared.
    pub(super) fn entity(&self, cursor: &mut Cursor<'_, '_>, prefix: &'static str) -> Parsed<u32> {
        let (number, span) = cursor.entity(prefix)?;
        match self.entities.get(&(prefix, number)) {
            Some(index) => Ok(*index),
            None => Err(ParseError::new(
                span,
                format!("{prefix}{number} is not declared"),
            )),
        }
    }
}

/// A statement whose beginning the first pass has read.
#[derive(Clone, Copy)]
enum Statement {
    Memory,
    Global,
    Table,
    Data,
    Elem,
    Export,
    /// The export of a function under its own name.
    ExportFunc(Func),
    Start,
    Body(Func),
}

#[derive(Default)]
struct Parser {
    module: Module,
    positions: SourceMap,
    names: Names,
    /// Where to go on with each statement.
    statements: Vec<(usize, Statement)>,
}

impl Parser {
    fn declare(&mut self, mut cursor: Cursor<'_, '_>) -> Parsed<()> {
        loop {
            cursor.skip_newlines();
            let token = cursor.peek();
            if token.kind == Kind::End {
                return Ok(());
            }
            if let Some((number, span)) = cursor.eat_entity("sig") {
                cursor.expect(Kind::Equals)?;
                let sig = self.signature(&mut cursor, span)?;
                self.name_entity("sig", number, sig.0, span)?;
                cursor.end_of_statement()?;
                continue;
            }
            cursor.next();
            let (prefix, statement) = match (token.kind, token.text) {
                (Kind::Word, "memory") => ("mem", Statement::Memory),
                (Kind::Word, "global") => ("global", Statement::Global),
                (Kind::Word, "table") => ("table", Statement::Table),
                (Kind::Word, "data") => ("data", Statement::Data),
                (Kind::Word, "elem") => ("elem", Statement::Elem),
                (Kind::Word, "export") if cursor.peek().kind == Kind::Word => {
                    match cursor.eat_word("func") {
                        true => self.declare_func(&mut cursor, true)?,
                        false => return Err(cursor.unexpected("a string or `func`")),
                    }
                    continue;
                }
                (Kind::Word, "export") => ("", Statement::Export),
                (Kind::Word, "start") => ("", Statement::Start),
                (Kind::Word, "func") => {
                    self.declare_func(&mut cursor, false)?;
                    continue;
                }
                (Kind::Word, keyword @ ("import" | "declare")) => {
                    self.declare_bodiless(&mut cursor, keyword == "import")?;
                    continue;
                }
                _ => {
                    cursor.at -= 1;
                    return Err(cursor.unexpected(
                        "a declaration (`func`, `import`, `memory`, `global`, `table`, `data`, \
                         `elem`, `export`, `start`, `sig…`)",
                    ));
                }
            };
            if !prefix.is_empty() {
                self.declare_entity(&mut cursor, prefix, statement)?;
            }
            self.statements.push((cursor.at, statement));
            cursor.skip_statement();
        }
    }

    /// Names the entity that comes next.
    fn declare_entity(
        &mut self,
        cursor: &mut Cursor<'_, '_>,
        prefix: &'static str,
        statement: Statement,
    ) -> Parsed<()> {
        let (number, span) = cursor.entity(prefix)?;
        let spans = match statement {
            Statement::Memory => &mut self.positions.memories,
            Statement::Global => &mut self.positions.globals,
            Statement::Table => &mut self.positions.tables,
            Statement::Data => &mut self.positions.datas,
            Statement::Elem => &mut self.positions.elems,
            Statement::Export
            | Statement::ExportFunc(_)
            | Statement::Start
            | Statement::Body(_) => return Ok(()),
        };
        let index = spans.len() as u32;
        spans.push(span);
        self.name_entity(prefix, number, index, span)
    }

    fn name_entity(
        &mut self,
        prefix: &'static str,
        number: u32,
        index: u32,
        span: Span,
    ) -> Parsed<()> {
        match self.names.entities.insert((prefix, number), index) {
            None => Ok(()),
            Some(_) => Err(ParseError::new(
                span,
                format!("{prefix}{number} is declared twice"),
            )),
        }
    }

    fn signature(&mut self, cursor: &mut Cursor<'_, '_>, span: Span) -> Parsed<Sig> {
        let mut signature = Signature::default();
        cursor.expect(Kind::Open)?;
        cursor.list(Kind::Close, |c| {
            signature.params.push(c.ty()?);
            Ok(())
        })?;
        if cursor.eat(Kind::Arrow).is_some() {
            match cursor.eat(Kind::Open) {
                Some(_) => cursor.list(Kind::Close, |c| {
                    signature.results.push(c.ty()?);
                    Ok(())
                })?,
                None => signature.results.push(cursor.ty()?),
            }
        }
        let sig = self.module.intern_sig(signature);
        if sig.index() == self.positions.sigs.len() {
            self.positions.sigs.push(span);
        }
        Ok(sig)
    }

    /// `@name(types) -> types`
    fn func_header(&mut self, cursor: &mut Cursor<'_, '_>, kind: FuncKind) -> Parsed<Func> {
        let (name, span) = cursor.func_name()?;
        let sig = self.signature(cursor, span)?;
        let func = Func(self.module.funcs.len() as u32);
        if self.names.funcs.insert(name.clone(), func).is_some() {
            return Err(ParseError::new(
                span,
                format!("there are two functions @{name}"),
            ));
        }
        self.positions.funcs.push(span);
        self.positions.bodies.push(BodyMap::default());
        Ok(self.module.push_func(name, sig, kind))
    }

    fn declare_bodiless(&mut self, cursor: &mut Cursor<'_, '_>, import: bool) -> Parsed<()> {
        if !cursor.eat_word("func") {
            return Err(cursor.unexpected("`func`"));
        }
        let func = self.func_header(cursor, FuncKind::Declared)?;
        if import {
            cursor.expect(Kind::Equals)?;
            self.module.funcs[func.index()].kind = FuncKind::Import(import_name(cursor)?);
        }
        cursor.end_of_statement()
    }

    /// Reads the header and skips the body.
    fn declare_func(&mut self, cursor: &mut Cursor<'_, '_>, exported: bool) -> Parsed<()> {
        let func = self.func_header(cursor, FuncKind::Declared)?;
        let opening = cursor.expect(Kind::OpenCurly)?;
        if exported {
            self.statements
                .push((cursor.at, Statement::ExportFunc(func)));
        }
        self.statements.push((cursor.at, Statement::Body(func)));
        loop {
            match cursor.next().kind {
                Kind::CloseCurly => return cursor.end_of_statement(),
                Kind::End => {
                    return Err(ParseError::new(opening.span, "this body has no `}`"));
                }
                _ => {}
            }
        }
    }

    fn define(&mut self, mut cursor: Cursor<'_, '_>, statement: Statement) -> Parsed<()> {
        let cursor = &mut cursor;
        match statement {
            Statement::Memory => self.memory(cursor)?,
            Statement::Global => self.global(cursor)?,
            Statement::Table => self.table(cursor)?,
            Statement::Data => self.data(cursor)?,
            Statement::Elem => self.elem(cursor)?,
            Statement::Export => self.export(cursor)?,
            Statement::ExportFunc(func) => {
                self.export_func(func);
                return Ok(());
            }
            Statement::Start => {
                self.positions.start = Some(cursor.peek().span);
                if self.module.start.is_some() {
                    return Err(ParseError::new(
                        cursor.peek().span,
                        "there is a start function already",
                    ));
                }
                self.module.start = Some(self.names.func(cursor)?);
            }
            Statement::Body(func) => {
                let (body, positions) = parse_body(cursor, &self.module, &self.names)?;
                self.module.define(func, body);
                self.positions.bodies[func.index()] = positions;
                return Ok(());
            }
        }
        cursor.end_of_statement()
    }

    fn memory(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        cursor.expect(Kind::Equals)?;
        let (min_pages, max_pages) = limits(cursor)?;
        self.module.memories.push(MemoryDecl {
            min_pages,
            max_pages,
            import: optional_import(cursor)?,
        });
        Ok(())
    }

    fn global(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        cursor.expect(Kind::Colon)?;
        let ty = cursor.ty()?;
        let mutable = cursor.eat_word("mut");
        cursor.expect(Kind::Equals)?;
        let init = match optional_import(cursor)? {
            Some(name) => GlobalInit::Import(name),
            None => GlobalInit::Expr(self.init_expr(cursor, ty)?),
        };
        self.module.globals.push(GlobalDecl { ty, mutable, init });
        Ok(())
    }

    fn table(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        let kind = match (cursor.eat_word("func"), cursor.eat_word("extern")) {
            (true, _) => RefKind::Func,
            (_, true) => RefKind::Extern,
            _ => return Err(cursor.unexpected("`func` or `extern`")),
        };
        cursor.expect(Kind::Equals)?;
        let (min, max) = limits(cursor)?;
        let init = match cursor.eat_word("init") {
            true => self.init_expr(cursor, Type::I64)?,
            false => InitExpr::Const(Scalar::i64(0)),
        };
        // `limits` lets nothing pass that needs more than 32 bits.
        self.module.tables.push(TableDecl {
            kind,
            min: min as u32,
            max: max.map(|max| max as u32),
            init,
            import: optional_import(cursor)?,
        });
        Ok(())
    }

    /// A constant of type `ty`, a global, or a function; `null` is a reference, an `i64` 0.
    fn init_expr(&self, cursor: &mut Cursor<'_, '_>, ty: Type) -> Parsed<InitExpr> {
        let token = cursor.peek();
        Ok(match token.kind {
            Kind::Name | Kind::QuotedName => InitExpr::RefFunc(self.names.func(cursor)?),
            Kind::Word if token.text.starts_with("global") => {
                InitExpr::Global(Global(self.names.entity(cursor, "global")?))
            }
            Kind::Word if token.text == "null" && ty == Type::I64 => {
                cursor.next();
                InitExpr::Const(Scalar::i64(0))
            }
            _ => InitExpr::Const(cursor.scalar(ty)?.0),
        })
    }

    fn mode<E>(
        &self,
        cursor: &mut Cursor<'_, '_>,
        prefix: &'static str,
        entity: impl Fn(u32) -> E,
    ) -> Parsed<SegmentMode<E>> {
        if cursor.eat_word("passive") {
            return Ok(SegmentMode::Passive);
        }
        if cursor.eat_word("declared") {
            return Ok(SegmentMode::Declared);
        }
        if !cursor.eat_word("at") {
            return Err(cursor.unexpected("`at`, `passive` or `declared`"));
        }
        Ok(SegmentMode::Active {
            target: entity(self.names.entity(cursor, prefix)?),
            offset: self.init_expr(cursor, Type::I32)?,
        })
    }

    fn data(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        let mode = self.mode(cursor, "mem", Memory)?;
        cursor.expect(Kind::Equals)?;
        let bytes = unescape(&cursor.expect(Kind::String)?)?;
        self.module.datas.push(DataDecl { mode, bytes });
        Ok(())
    }

    fn elem(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        let mode = self.mode(cursor, "table", Table)?;
        cursor.expect(Kind::Equals)?;
        cursor.expect(Kind::OpenSquare)?;
        let mut refs = Vec::new();
        cursor.list(Kind::CloseSquare, |c| {
            refs.push(self.init_expr(c, Type::I64)?);
            Ok(())
        })?;
        self.module.elems.push(ElemDecl { mode, refs });
        Ok(())
    }

    fn export_func(&mut self, func: Func) {
        self.positions
            .exports
            .push(self.positions.funcs[func.index()]);
        self.module.exports.push(Export {
            name: self.module.func(func).name.clone(),
            item: ExportItem::Func(func),
        });
    }

    /// `"name" = item`
    fn export(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        let (name, span) = cursor.text()?;
        cursor.expect(Kind::Equals)?;
        let token = cursor.peek();
        let item = match (token.kind, token.text) {
            (Kind::Name | Kind::QuotedName, _) => ExportItem::Func(self.names.func(cursor)?),
            (Kind::Word, word) if word.starts_with("mem") => {
                ExportItem::Memory(Memory(self.names.entity(cursor, "mem")?))
            }
            (Kind::Word, word) if word.starts_with("global") => {
                ExportItem::Global(Global(self.names.entity(cursor, "global")?))
            }
            (Kind::Word, word) if word.starts_with("table") => {
                ExportItem::Table(Table(self.names.entity(cursor, "table")?))
            }
            _ => return Err(cursor.unexpected("a function, memory, global or table")),
        };
        self.positions.exports.push(span);
        self.module.exports.push(Export { name, item });
        Ok(())
    }
}

/// `min` or `min..max`
fn limits(cursor: &mut Cursor<'_, '_>) -> Parsed<(u64, Option<u64>)> {
    let min = cursor.number(MAX_SIZE)?;
    let max = match cursor.eat(Kind::DotDot) {
        Some(_) => Some(cursor.number(MAX_SIZE)?),
        None => None,
    };
    Ok((min, max))
}

/// `"module" "name"`
fn import_name(cursor: &mut Cursor<'_, '_>) -> Parsed<ImportName> {
    Ok(ImportName {
        module: cursor.text()?.0,
        name: cursor.text()?.0,
    })
}

fn optional_import(cursor: &mut Cursor<'_, '_>) -> Parsed<Option<ImportName>> {
    match cursor.eat_word("import") {
        true => import_name(cursor).map(Some),
        false => Ok(None),
    }
}

//! Where things stand in the text: spans, locations in a module, and the map between the two.

use std::fmt::{self, Write};

use crate::entity::{Block, Data, Elem, Func, Global, Inst, Memory, Sig, Table};

/// A piece of one line of the source. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Span {
    /// The line.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// Number of characters; 0 for a place between two.
    pub len: u32,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A place in a module that a message can be about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Location {
    /// The module as a whole.
    Module,
    /// A signature.
    Sig(Sig),
    /// A linear memory.
    Memory(Memory),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A data segment.
    Data(Data),
    /// An element segment.
    Elem(Elem),
    /// The export at this index.
    Export(usize),
    /// The start function.
    Start,
    /// A function as a whole.
    Func(Func),
    /// A block.
    Block(Func, Block),
    /// An instruction.
    Inst(Func, Inst),
    /// A value that an instruction uses: its index among all of them in the order of the text, the
    /// arguments of edges included.
    Operand(Func, Inst, usize),
    /// An edge of an instruction, by its index among the edges of that instruction.
    Edge(Func, Inst, usize),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Module => f.write_str("module"),
            Location::Sig(sig) => write!(f, "{sig}"),
            Location::Memory(memory) => write!(f, "{memory}"),
            Location::Global(global) => write!(f, "{global}"),
            Location::Table(table) => write!(f, "{table}"),
            Location::Data(data) => write!(f, "{data}"),
            Location::Elem(elem) => write!(f, "{elem}"),
            Location::Export(index) => write!(f, "export {index}"),
            Location::Start => f.write_str("start"),
            Location::Func(func) => write!(f, "{func}"),
            Location::Block(func, block) => write!(f, "{func} {block}"),
            Location::Inst(func, inst) => write!(f, "{func} {inst}"),
            Location::Operand(func, inst, index) => write!(f, "{func} {inst} operand {index}"),
            Location::Edge(func, inst, index) => write!(f, "{func} {inst} edge {index}"),
        }
    }
}

/// The spans of one function body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct BodyMap {
    /// The name of each block where it is declared.
    pub(super) blocks: Vec<Span>,
    /// Each instruction, from its first result to its last character.
    pub(super) insts: Vec<Span>,
    /// For each instruction where its operands and its edges begin in the vectors below.
    pub(super) starts: Vec<(u32, u32)>,
    /// The values used.
    pub(super) operands: Vec<Span>,
    /// The targets of edges.
    pub(super) edges: Vec<Span>,
}

impl BodyMap {
    fn part(&self, inst: Inst, index: usize, edges: bool) -> Option<Span> {
        let pick = |starts: &(u32, u32)| match edges {
            true => starts.1 as usize,
            false => starts.0 as usize,
        };
        let spans = if edges { &self.edges } else { &self.operands };
        let start = pick(self.starts.get(inst.index())?);
        let end = self.starts.get(inst.index() + 1).map_or(spans.len(), pick);
        spans.get(start..end)?.get(index).copied()
    }
}

/// Where everything in a parsed module was written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceMap {
    pub(super) sigs: Vec<Span>,
    pub(super) funcs: Vec<Span>,
    pub(super) memories: Vec<Span>,
    pub(super) globals: Vec<Span>,
    pub(super) tables: Vec<Span>,
    pub(super) datas: Vec<Span>,
    pub(super) elems: Vec<Span>,
    pub(super) exports: Vec<Span>,
    pub(super) start: Option<Span>,
    /// One for each function; empty for imports.
    pub(super) bodies: Vec<BodyMap>,
}

impl SourceMap {
    /// Where this place was written. What has no place of its own gets that of what it is part of;
    /// `None` only for the module as a whole and for what the parsed module does not have.
    pub fn span(&self, location: Location) -> Option<Span> {
        let body = |func: Func| self.bodies.get(func.index());
        match location {
            Location::Module => None,
            Location::Sig(sig) => self.sigs.get(sig.index()).copied(),
            Location::Memory(memory) => self.memories.get(memory.index()).copied(),
            Location::Global(global) => self.globals.get(global.index()).copied(),
            Location::Table(table) => self.tables.get(table.index()).copied(),
            Location::Data(data) => self.datas.get(data.index()).copied(),
            Location::Elem(elem) => self.elems.get(elem.index()).copied(),
            Location::Export(index) => self.exports.get(index).copied(),
            Location::Start => self.start,
            Location::Func(func) => self.funcs.get(func.index()).copied(),
            Location::Block(func, block) => body(func)?.blocks.get(block.index()).copied(),
            Location::Inst(func, inst) => body(func)?.insts.get(inst.index()).copied(),
            Location::Operand(func, inst, index) => body(func)?
                .part(inst, index, false)
                .or_else(|| self.span(Location::Inst(func, inst))),
            Location::Edge(func, inst, index) => body(func)?
                .part(inst, index, true)
                .or_else(|| self.span(Location::Inst(func, inst))),
        }
    }
}

/// The most characters of a source line that a message shows.
const SHOWN_CHARS: usize = 160;

/// A message with the line that it is about, as plain text:
///
/// ```text
/// error: v2 is an i64, and iadd.i32 wants an i32
///  --> file.ir:12:23
///    |
/// 12 |     v3 = iadd.i32 v1, v2
///    |                       ^^
/// ```
pub fn render_error(source: &str, file: &str, span: Option<Span>, message: &str) -> String {
    let mut out = format!("error: {message}\n");
    // Writing to a string cannot fail.
    let Some(span) = span else {
        let _ = writeln!(out, " --> {file}");
        return out;
    };
    let number = span.line.to_string();
    let margin = " ".repeat(number.len());
    let _ = writeln!(out, "{margin}--> {file}:{span}");
    let line = source
        .lines()
        .nth(span.line.saturating_sub(1) as usize)
        .unwrap_or_default();
    // A long line is shown from a little before the place on.
    let column = span.column.saturating_sub(1) as usize;
    let skipped = match column + span.len as usize > SHOWN_CHARS {
        true => column.saturating_sub(20),
        false => 0,
    };
    let shown: String = line.chars().skip(skipped).take(SHOWN_CHARS).collect();
    let dots = if skipped > 0 { "… " } else { "" };
    // Tabs are kept, so that the marks stand below what they mark.
    let pad: String = line
        .chars()
        .skip(skipped)
        .take(column - skipped)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let room = SHOWN_CHARS.saturating_sub(column - skipped).max(1);
    let marks = "^".repeat((span.len as usize).clamp(1, room));
    let indent = " ".repeat(dots.chars().count());
    let _ = writeln!(out, "{margin} |");
    let _ = writeln!(out, "{number} | {dots}{shown}");
    let _ = writeln!(out, "{margin} | {indent}{pad}{marks}");
    out
}

//! Modules to text. The format of an op says how its instruction is written.
//!
//! Printing never panics: what is out of range in a module that was not verified prints as its
//! number.

use std::fmt::{self, Formatter, Write};

use crate::entity::{Block, Func, Inst, Value};
use crate::function::{EdgeData, Function, InstData};
use crate::module::{
    DataDecl, ElemDecl, Export, ExportItem, FuncKind, GlobalDecl, GlobalInit, ImportName, InitExpr,
    MemoryDecl, Module, RefKind, SegmentMode, Signature, TableDecl,
};
use crate::ops::Format;
use crate::types::Scalar;

impl fmt::Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, signature) in self.sigs().iter().enumerate() {
            writeln!(f, "sig{index} = {signature}")?;
        }
        for (index, memory) in self.memories.iter().enumerate() {
            memory_decl(f, index, memory)?;
        }
        for (index, global) in self.globals.iter().enumerate() {
            global_decl(f, self, index, global)?;
        }
        for (index, table) in self.tables.iter().enumerate() {
            table_decl(f, self, index, table)?;
        }
        for (index, data) in self.datas.iter().enumerate() {
            data_decl(f, self, index, data)?;
        }
        for (index, elem) in self.elems.iter().enumerate() {
            elem_decl(f, self, index, elem)?;
        }
        for export in &self.exports {
            export_decl(f, self, export)?;
        }
        if let Some(start) = self.start {
            writeln!(f, "start {}", FuncName(self, start))?;
        }
        // Functions are numbered in the order of the text, with or without a body.
        for (index, decl) in self.funcs.iter().enumerate() {
            if decl.body().is_some() {
                writeln!(f)?;
            }
            write!(f, "{}", FuncPrinter::new(self, Func(index as u32)))?;
        }
        Ok(())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        separated(f, &self.params, |f, ty| write!(f, "{ty}"))?;
        f.write_char(')')?;
        match self.results.as_slice() {
            [] => Ok(()),
            [ty] => write!(f, " -> {ty}"),
            several => {
                f.write_str(" -> (")?;
                separated(f, several, |f, ty| write!(f, "{ty}"))?;
                f.write_char(')')
            }
        }
    }
}

fn separated<T>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut print: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        print(f, item)?;
    }
    Ok(())
}

/// The name of a function as the text form writes it.
struct FuncName<'m>(&'m Module, Func);

impl fmt::Display for FuncName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(decl) = self.0.funcs.get(self.1.index()) else {
            return write!(f, "@{}", self.1);
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | b'-');
        match !decl.name.is_empty() && decl.name.bytes().all(plain) {
            true => write!(f, "@{}", decl.name),
            false => write!(f, "@{}", Quoted(decl.name.as_bytes())),
        }
    }
}

/// Bytes as a string of the text form.
struct Quoted<'b>(&'b [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for byte in self.0 {
            match byte {
                b'"' => f.write_str("\\\"")?,
                b'\\' => f.write_str("\\\\")?,
                b' '..=b'~' => f.write_char(char::from(*byte))?,
                _ => write!(f, "\\{byte:02x}")?,
            }
        }
        f.write_char('"')
    }
}

impl fmt::Display for ImportName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [module, name] = [&self.module, &self.name].map(|s| Quoted(s.as_bytes()));
        write!(f, "{module} {name}")
    }
}

struct Init<'m>(&'m Module, InitExpr, bool);

impl fmt::Display for Init<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            InitExpr::Const(value) if self.2 && value == Scalar::i64(0) => f.write_str("null"),
            InitExpr::Const(value) => write!(f, "{value}"),
            InitExpr::Global(global) => write!(f, "{global}"),
            InitExpr::RefFunc(func) => write!(f, "{}", FuncName(self.0, func)),
        }
    }
}

fn limits(f: &mut Formatter<'_>, min: u64, max: Option<u64>) -> fmt::Result {
    match max {
        Some(max) => write!(f, " = {min}..{max}"),
        None => write!(f, " = {min}"),
    }
}

fn import(f: &mut Formatter<'_>, import: Option<&ImportName>) -> fmt::Result {
    match import {
        Some(name) => writeln!(f, " import {name}"),
        None => writeln!(f),
    }
}

fn memory_decl(f: &mut Formatter<'_>, index: usize, memory: &MemoryDecl) -> fmt::Result {
    write!(f, "memory mem{index}")?;
    limits(f, memory.min_pages, memory.max_pages)?;
    import(f, memory.import.as_ref())
}

fn global_decl(
    f: &mut Formatter<'_>,
    module: &Module,
    index: usize,
    global: &GlobalDecl,
) -> fmt::Result {
    let mutable = if global.mutable { " mut" } else { "" };
    write!(f, "global global{index}: {}{mutable} = ", global.ty)?;
    match &global.init {
        GlobalInit::Expr(init) => writeln!(f, "{}", Init(module, *init, false)),
        GlobalInit::Import(name) => writeln!(f, "import {name}"),
    }
}

fn table_decl(
    f: &mut Formatter<'_>,
    module: &Module,
    index: usize,
    table: &TableDecl,
) -> fmt::Result {
    let kind = match table.kind {
        RefKind::Func => "func",
        RefKind::Extern => "extern",
    };
    write!(f, "table table{index} {kind}")?;
    limits(f, u64::from(table.min), table.max.map(u64::from))?;
    if table.init != InitExpr::Const(Scalar::i64(0)) {
        write!(f, " init {}", Init(module, table.init, true))?;
    }
    import(f, table.import.as_ref())
}

fn mode<E: fmt::Display>(
    f: &mut Formatter<'_>,
    module: &Module,
    mode: &SegmentMode<E>,
) -> fmt::Result {
    match mode {
        SegmentMode::Active { target, offset } => {
            write!(f, "at {target} {}", Init(module, *offset, false))
        }
        SegmentMode::Passive => f.write_str("passive"),
        SegmentMode::Declared => f.write_str("declared"),
    }
}

fn data_decl(f: &mut Formatter<'_>, module: &Module, index: usize, data: &DataDecl) -> fmt::Result {
    write!(f, "data data{index} ")?;
    mode(f, module, &data.mode)?;
    writeln!(f, " = {}", Quoted(&data.bytes))
}

fn elem_decl(f: &mut Formatter<'_>, module: &Module, index: usize, elem: &ElemDecl) -> fmt::Result {
    write!(f, "elem elem{index} ")?;
    mode(f, module, &elem.mode)?;
    f.write_str(" = [")?;
    separated(f, &elem.refs, |f, init| {
        write!(f, "{}", Init(module, *init, true))
    })?;
    writeln!(f, "]")
}

fn export_decl(f: &mut Formatter<'_>, module: &Module, export: &Export) -> fmt::Result {
    write!(f, "export {} = ", Quoted(export.name.as_bytes()))?;
    match export.item {
        ExportItem::Func(func) => writeln!(f, "{}", FuncName(module, func)),
        ExportItem::Memory(memory) => writeln!(f, "{memory}"),
        ExportItem::Global(global) => writeln!(f, "{global}"),
        ExportItem::Table(table) => writeln!(f, "{table}"),
    }
}

/// Prints one function of a module, by itself.
#[derive(Clone, Copy)]
pub struct FuncPrinter<'m> {
    module: &'m Module,
    func: Func,
}

impl<'m> FuncPrinter<'m> {
    /// For this function of this module.
    pub fn new(module: &'m Module, func: Func) -> FuncPrinter<'m> {
        FuncPrinter { module, func }
    }

    fn values(&self, f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
        separated(f, values, |f, v| write!(f, "{v}"))
    }

    fn body(&self, f: &mut Formatter<'_>, body: &Function) -> fmt::Result {
        for (index, slot) in body.slots.iter().enumerate() {
            writeln!(
                f,
                "    ss{index} = stack_slot {}, align {}",
                slot.bytes, slot.align
            )?;
        }
        for block in body.blocks() {
            self.block_header(f, body, block)?;
            for inst in body.insts(block) {
                f.write_str("    ")?;
                let start = body.results.get(inst.index()).map_or(0, |v| v.0);
                // The next instruction's first result, unless a terminator has none of its own.
                let end = match body.inst(inst).op.ends_block() {
                    true => start,
                    false => body.results.get(inst.index() + 1).map_or(start, |v| v.0),
                };
                if end > start {
                    separated(f, start..end, |f, v| write!(f, "{}", Value(v)))?;
                    f.write_str(" = ")?;
                }
                self.inst(f, body, inst)?;
                f.write_char('\n')?;
            }
        }
        Ok(())
    }

    fn block_header(&self, f: &mut Formatter<'_>, body: &Function, block: Block) -> fmt::Result {
        write!(f, "{block}")?;
        if body.params(block).len() > 0 {
            f.write_char('(')?;
            separated(f, body.params(block), |f, v| {
                write!(f, "{v}")?;
                match body.value_types.get(v.index()) {
                    Some(ty) => write!(f, ": {ty}"),
                    None => Ok(()),
                }
            })?;
            f.write_char(')')?;
        }
        f.write_str(":\n")
    }

    fn inst(&self, f: &mut Formatter<'_>, body: &Function, inst: Inst) -> fmt::Result {
        let data = body.inst(inst);
        let row = data.op.info();
        f.write_str(row.name)?;
        if !row.t.is_empty() {
            write!(f, ".{}", data.ty)?;
        }
        if !row.s.is_empty() {
            write!(f, ".{}", data.ty2)?;
        }
        let inline = [Value(data.a), Value(data.b), Value(data.c)];
        let operands = &inline[..row.operands.len().min(3)];
        match row.format {
            Format::Plain => self.spaced(f, operands),
            Format::Const => write!(f, " {}", data.scalar()),
            Format::IntCompare => write!(f, " {}", data.int_cc()).and(self.spaced(f, operands)),
            Format::FloatCompare => write!(f, " {}", data.float_cc()).and(self.spaced(f, operands)),
            Format::Memory => {
                write!(f, " {}", data.memory())?;
                self.commas(f, operands)?;
                offset(f, data.offset())
            }
            Format::Raw => {
                self.spaced(f, operands)?;
                match data.raw_offset() {
                    0 => Ok(()),
                    offset => write!(f, "{offset:+}"),
                }
            }
            Format::Stack => {
                self.spaced(f, operands)?;
                let comma = if operands.is_empty() { "" } else { "," };
                write!(f, "{comma} {}", data.slot())?;
                offset(f, data.offset())
            }
            Format::MemoryOnly => {
                write!(f, " {}", data.memory())?;
                self.commas(f, operands)
            }
            Format::Table => {
                write!(f, " {}", data.table())?;
                self.commas(f, operands)
            }
            Format::Global => {
                write!(f, " {}", data.global())?;
                self.commas(f, operands)
            }
            Format::Func => write!(f, " {}", FuncName(self.module, data.func())),
            Format::Data => write!(f, " {}", data.data()),
            Format::Elem => write!(f, " {}", data.elem()),
            Format::MemoryBulk
            | Format::MemoryCopy
            | Format::MemoryInit
            | Format::TableBulk
            | Format::TableCopy
            | Format::TableInit => self.bulk(f, body, data),
            Format::Call => {
                write!(f, " {}", FuncName(self.module, data.func()))?;
                self.bracketed(f, list(body, data.b, data.c))
            }
            Format::CallIndirect => {
                write!(f, " {}, {}, ", data.table(), data.sig())?;
                self.call_through(f, list(body, data.b, data.c))
            }
            Format::CallRaw => {
                write!(f, " {}, ", data.sig())?;
                self.call_through(f, list(body, data.b, data.c))
            }
            Format::Jump | Format::Brif | Format::BrTable => self.branch(f, body, data),
            Format::Return => self.spaced(f, list(body, data.b, data.c)),
            Format::Trap => write!(f, " {}", data.trap_code()),
            Format::CondTrap => {
                self.spaced(f, operands)?;
                write!(f, ", {}", data.trap_code())
            }
        }
    }

    /// Values behind a space, or nothing.
    fn spaced(&self, f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
        if values.is_empty() {
            return Ok(());
        }
        f.write_char(' ')?;
        self.values(f, values)
    }

    /// Values with a comma before each.
    fn commas(&self, f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
        values.iter().try_for_each(|v| write!(f, ", {v}"))
    }

    fn bracketed(&self, f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
        f.write_char('(')?;
        self.values(f, values)?;
        f.write_char(')')
    }

    fn call_through(&self, f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
        let Some((callee, args)) = values.split_first() else {
            return Ok(());
        };
        write!(f, "{callee}")?;
        self.bracketed(f, args)
    }

    fn bulk(&self, f: &mut Formatter<'_>, body: &Function, data: &InstData) -> fmt::Result {
        let (memories, tables) = (data.bulk_memories(), data.bulk_tables());
        match data.op.info().format {
            Format::MemoryCopy => write!(f, " {}, {}", memories.0, memories.1)?,
            Format::MemoryInit => write!(f, " {}, {}", memories.0, data.data())?,
            Format::TableBulk => write!(f, " {}", tables.0)?,
            Format::TableCopy => write!(f, " {}, {}", tables.0, tables.1)?,
            Format::TableInit => write!(f, " {}, {}", tables.0, data.elem())?,
            _ => write!(f, " {}", memories.0)?,
        }
        self.commas(f, list(body, data.a, 3))
    }

    fn branch(&self, f: &mut Formatter<'_>, body: &Function, data: &InstData) -> fmt::Result {
        let row = data.op.info();
        let edges = body.edges(data);
        f.write_char(' ')?;
        if !row.operands.is_empty() {
            write!(f, "{}, ", Value(data.a))?;
        }
        let (Format::BrTable, Some((default, others))) = (row.format, edges.split_last()) else {
            return separated(f, edges, |f, edge| self.edge(f, body, edge));
        };
        f.write_char('[')?;
        separated(f, others, |f, edge| self.edge(f, body, edge))?;
        f.write_str("], ")?;
        self.edge(f, body, default)
    }

    fn edge(&self, f: &mut Formatter<'_>, body: &Function, edge: &EdgeData) -> fmt::Result {
        write!(f, "{}", edge.block)?;
        match edge.len {
            0 => Ok(()),
            _ => self.bracketed(f, list(body, edge.start, edge.len)),
        }
    }
}

fn offset(f: &mut Formatter<'_>, offset: u32) -> fmt::Result {
    match offset {
        0 => Ok(()),
        _ => write!(f, "+{offset}"),
    }
}

fn list(body: &Function, start: u32, len: u32) -> &[Value] {
    let start = start as usize;
    body.list
        .get(start..start.saturating_add(len as usize))
        .unwrap_or_default()
}

impl fmt::Display for FuncPrinter<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(decl) = self.module.funcs.get(self.func.index()) else {
            return Ok(());
        };
        let keyword = match decl.kind {
            FuncKind::Import(_) => "import ",
            FuncKind::Declared => "declare ",
            FuncKind::Defined(_) => "",
        };
        write!(f, "{keyword}func {}", FuncName(self.module, self.func))?;
        match self.module.sigs().get(decl.sig.index()) {
            Some(signature) => write!(f, "{signature}")?,
            None => write!(f, " {}", decl.sig)?,
        }
        match &decl.kind {
            FuncKind::Import(name) => writeln!(f, " = {name}"),
            FuncKind::Declared => writeln!(f),
            FuncKind::Defined(body) => {
                f.write_str(" {\n")?;
                self.body(f, body)?;
                f.write_str("}\n")
            }
        }
    }
}

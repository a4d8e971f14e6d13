//! Function bodies from text, straight into canonical form.
//!
//! Two passes: the first numbers the blocks and values in the order of their definitions, the second
//! reads the instructions, in which any of them may be used. The format of an op says how its
//! instruction reads; no op is named here.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::cursor::{Cursor, Parsed, entity_number, joined};
use super::directive::trap_code;
use super::lexer::Kind;
use super::parser::{MAX_SLOT_BYTES, Names};
use super::source_map::BodyMap;
use super::{ParseError, Span};
use crate::entity::{Block, Inst, Sig, StackSlot, Value};
use crate::function::{BlockData, EdgeData, Function, InstData, StackSlotData};
use crate::module::{MAX_MEMORIES, Module};
use crate::ops::{FloatCc, Format, IntCc, Op, TypeSet};
use crate::types::Type;

static OP_OF_NAME: LazyLock<FxHashMap<&'static str, Op>> =
    LazyLock::new(|| Op::ALL.iter().map(|op| (op.name(), *op)).collect());

/// Reads a body, from behind its opening bracket.
pub(super) fn parse_body(
    cursor: &mut Cursor<'_, '_>,
    module: &Module,
    names: &Names,
) -> Parsed<(Function, BodyMap)> {
    let mut parser = BodyParser {
        cursor,
        module,
        names,
        slots: FxHashMap::default(),
        blocks: FxHashMap::default(),
        values: FxHashMap::default(),
        function: Function {
            blocks: Vec::new(),
            insts: Vec::new(),
            results: Vec::new(),
            value_types: Vec::new(),
            edges: Vec::new(),
            list: Vec::new(),
            slots: Vec::new(),
        },
        map: BodyMap::default(),
        open: false,
    };
    parser.slots()?;
    parser.number()?;
    parser.statements()?;
    Ok((parser.function, parser.map))
}

struct BodyParser<'c, 't, 's, 'm> {
    cursor: &'c mut Cursor<'t, 's>,
    module: &'m Module,
    names: &'m Names,
    slots: FxHashMap<u32, StackSlot>,
    blocks: FxHashMap<u32, Block>,
    values: FxHashMap<u32, Value>,
    function: Function,
    map: BodyMap,
    /// Whether a block is begun and has no terminator yet.
    open: bool,
}

impl BodyParser<'_, '_, '_, '_> {
    /// `ss0 = stack_slot 16, align 8`, any number of them, before the first block.
    fn slots(&mut self) -> Parsed<()> {
        self.cursor.skip_newlines();
        while let Some((number, span)) = self.cursor.eat_entity("ss") {
            self.cursor.expect(Kind::Equals)?;
            if !self.cursor.eat_word("stack_slot") {
                return Err(self.cursor.unexpected("`stack_slot`"));
            }
            let bytes = self.cursor.number(MAX_SLOT_BYTES)? as u32;
            let align = match self.cursor.eat(Kind::Comma) {
                Some(_) if !self.cursor.eat_word("align") => {
                    return Err(self.cursor.unexpected("`align`"));
                }
                Some(_) => self.cursor.number(u64::from(u8::MAX))? as u8,
                None => 1,
            };
            self.cursor.end_of_statement()?;
            self.cursor.skip_newlines();
            let slot = StackSlot(self.function.slots.len() as u32);
            self.function.slots.push(StackSlotData { bytes, align });
            if self.slots.insert(number, slot).is_some() {
                return Err(twice("ss", number, span));
            }
        }
        Ok(())
    }

    /// The first pass: numbers everything that the statements up to the closing bracket define.
    fn number(&mut self) -> Parsed<()> {
        let mut cursor = self.cursor.clone();
        loop {
            cursor.skip_newlines();
            if matches!(cursor.peek().kind, Kind::CloseCurly | Kind::End) {
                return Ok(());
            }
            if let Some((number, span)) = cursor.eat_entity("block") {
                let block = Block(self.blocks.len() as u32);
                if self.blocks.insert(number, block).is_some() {
                    return Err(twice("block", number, span));
                }
                if cursor.eat(Kind::Open).is_some() {
                    cursor.list(Kind::Close, |c| {
                        self.define(c)?;
                        c.expect(Kind::Colon)?;
                        c.ty().map(drop)
                    })?;
                }
            } else if entity_number(cursor.peek().text, "v").is_some() {
                self.define(&mut cursor)?;
                while cursor.eat(Kind::Comma).is_some() {
                    self.define(&mut cursor)?;
                }
                cursor.expect(Kind::Equals)?;
            }
            cursor.skip_statement();
        }
    }

    fn define(&mut self, cursor: &mut Cursor<'_, '_>) -> Parsed<()> {
        let (number, span) = cursor.entity("v")?;
        let value = Value(self.values.len() as u32);
        match self.values.insert(number, value) {
            None => Ok(()),
            Some(_) => Err(twice("v", number, span)),
        }
    }

    /// The second pass, up to and with the closing bracket.
    fn statements(&mut self) -> Parsed<()> {
        loop {
            self.cursor.skip_newlines();
            let token = self.cursor.peek();
            if token.kind == Kind::CloseCurly {
                self.end_block(token.span)?;
                if self.function.blocks.is_empty() {
                    return Err(ParseError::new(token.span, "a function has a block"));
                }
                self.cursor.next();
                return Ok(());
            }
            match self.cursor.eat_entity("block") {
                Some((_, span)) => {
                    self.end_block(span)?;
                    self.block_header(span)?;
                }
                None => self.inst()?,
            }
            self.cursor.end_of_statement()?;
        }
    }

    fn end_block(&self, span: Span) -> Parsed<()> {
        if !self.open {
            return Ok(());
        }
        let block = Block(self.function.blocks.len().saturating_sub(1) as u32);
        let message = format!("{block} does not end with a terminator");
        Err(ParseError::new(
            self.map.blocks.last().copied().unwrap_or(span),
            message,
        ))
    }

    fn block_header(&mut self, span: Span) -> Parsed<()> {
        let first_param = Value(self.function.value_types.len() as u32);
        if self.cursor.eat(Kind::Open).is_some() {
            let types = &mut self.function.value_types;
            self.cursor.list(Kind::Close, |c| {
                c.entity("v")?;
                c.expect(Kind::Colon)?;
                types.push(c.ty()?);
                Ok(())
            })?;
        }
        self.cursor.expect(Kind::Colon)?;
        let first_inst = Inst(self.function.insts.len() as u32);
        self.function.blocks.push(BlockData {
            first_param,
            param_count: self.function.value_types.len() as u32 - first_param.0,
            first_inst,
            end_inst: first_inst,
        });
        self.map.blocks.push(span);
        self.open = true;
        Ok(())
    }

    fn inst(&mut self) -> Parsed<()> {
        let first = self.cursor.peek();
        let result_count = self.result_names()?;
        let token = self.cursor.expect(Kind::Word)?;
        let mut data = opcode(token.text, token.span)?;
        if !self.open {
            let message = match self.function.blocks.is_empty() {
                true => "an instruction stands before the first block",
                false => "an instruction stands behind the terminator of its block",
            };
            return Err(ParseError::new(first.span, message));
        }
        let starts = (self.map.operands.len() as u32, self.map.edges.len() as u32);
        self.operands(&mut data)?;
        let first_result = Value(self.function.value_types.len() as u32);
        let expected = self.push_result_types(&data);
        if expected != result_count {
            let message = format!(
                "{} has {expected} results, and {result_count} are named",
                data.op
            );
            return Err(ParseError::new(first.span, message));
        }
        self.map
            .insts
            .push(joined(first.span, self.cursor.last_span()));
        self.map.starts.push(starts);
        self.function.insts.push(data);
        self.function.results.push(first_result);
        if let Some(block) = self.function.blocks.last_mut() {
            block.end_inst = Inst(self.function.insts.len() as u32);
        }
        self.open = !data.op.ends_block();
        Ok(())
    }

    /// `v1, v2 =`, which the first pass has numbered: how many there are.
    fn result_names(&mut self) -> Parsed<usize> {
        if self.cursor.eat_entity("v").is_none() {
            return Ok(0);
        }
        let mut count = 1;
        while self.cursor.eat(Kind::Comma).is_some() {
            self.cursor.entity("v")?;
            count += 1;
        }
        self.cursor.expect(Kind::Equals)?;
        Ok(count)
    }

    fn push_result_types(&mut self, data: &InstData) -> usize {
        let row = data.op.info();
        let types = &mut self.function.value_types;
        let before = types.len();
        let sig = match row.format {
            // A tail call hands its results to the caller.
            _ if data.op.ends_block() => None,
            Format::Call => self.module.funcs.get(data.a as usize).map(|f| f.sig),
            Format::CallIndirect | Format::CallRaw => Some(data.sig()),
            _ => None,
        };
        match sig {
            Some(sig) => types.extend_from_slice(&self.module.sig(sig).results),
            None => types.extend(
                row.results
                    .iter()
                    .filter_map(|class| class.fixed_type(data.ty, data.ty2)),
            ),
        }
        types.len() - before
    }

    /// A value, noted as an operand.
    fn value(&mut self) -> Parsed<Value> {
        let (number, span) = self.cursor.entity("v")?;
        self.map.operands.push(span);
        match self.values.get(&number) {
            Some(value) => Ok(*value),
            None => Err(ParseError::new(span, format!("v{number} is not defined"))),
        }
    }

    fn comma(&mut self) -> Parsed<()> {
        self.cursor.expect(Kind::Comma).map(drop)
    }

    /// This many values with commas between them and, if `leading`, one before.
    fn values<const N: usize>(&mut self, count: usize, leading: bool) -> Parsed<[u32; N]> {
        let mut words = [0; N];
        for (index, word) in words.iter_mut().take(count).enumerate() {
            if leading || index > 0 {
                self.comma()?;
            }
            *word = self.value()?.0;
        }
        Ok(words)
    }

    /// Values in brackets, put into the list behind `first`: start and length.
    fn arguments(&mut self, first: Option<Value>) -> Parsed<(u32, u32)> {
        let start = self.function.list.len() as u32;
        self.function.list.extend(first);
        self.cursor.expect(Kind::Open)?;
        if self.cursor.eat(Kind::Close).is_none() {
            loop {
                let value = self.value()?;
                self.function.list.push(value);
                if self.cursor.eat(Kind::Comma).is_none() {
                    break;
                }
            }
            if self.cursor.eat(Kind::Close).is_none() {
                return Err(self.cursor.unexpected("`,` or `)`"));
            }
        }
        Ok((start, self.function.list.len() as u32 - start))
    }

    fn edge(&mut self) -> Parsed<()> {
        let (number, span) = self.cursor.entity("block")?;
        self.map.edges.push(span);
        let Some(block) = self.blocks.get(&number).copied() else {
            let message = format!("there is no block{number}");
            return Err(ParseError::new(span, message));
        };
        let (start, len) = match self.cursor.peek().kind {
            Kind::Open => self.arguments(None)?,
            _ => (self.function.list.len() as u32, 0),
        };
        self.function.edges.push(EdgeData { block, start, len });
        Ok(())
    }

    /// A memory or table that an instruction names with a byte.
    fn byte_entity(&mut self, prefix: &'static str) -> Parsed<u8> {
        let span = self.cursor.peek().span;
        let index = self.names.entity(self.cursor, prefix)?;
        u8::try_from(index).map_err(|_| {
            let message = format!("a module has at most {MAX_MEMORIES} of them");
            ParseError::new(span, message)
        })
    }

    /// A constant offset, if one follows.
    fn offset(&mut self, signed: bool) -> Parsed<u32> {
        let sign = self.cursor.peek();
        match sign.kind {
            Kind::Plus => self.cursor.next(),
            Kind::Minus if signed => self.cursor.next(),
            _ => return Ok(0),
        };
        let limit = match (signed, sign.kind) {
            (false, _) => u64::from(u32::MAX),
            (true, Kind::Plus) => i32::MAX as u64,
            (true, _) => 1 << 31,
        };
        let magnitude = self.cursor.number(limit)? as u32;
        Ok(match sign.kind {
            Kind::Minus => magnitude.wrapping_neg(),
            _ => magnitude,
        })
    }

    fn operands(&mut self, data: &mut InstData) -> Parsed<()> {
        let row = data.op.info();
        let count = row.operands.len();
        match row.format {
            Format::Plain => [data.a, data.b, data.c] = self.values(count, false)?,
            Format::Const => {
                let bits = self.cursor.scalar(data.ty)?.0.bits();
                (data.b, data.c) = (bits as u32, (bits >> 32) as u32);
            }
            Format::IntCompare => {
                data.x = self.condition(IntCc::from_name, |cc| cc as u8)?;
                [data.a, data.b] = self.values(count, false)?;
            }
            Format::FloatCompare => {
                data.x = self.condition(FloatCc::from_name, |cc| cc as u8)?;
                [data.a, data.b] = self.values(count, false)?;
            }
            Format::Memory => {
                data.x = self.byte_entity("mem")?;
                [data.a, data.b] = self.values(count, true)?;
                data.c = self.offset(false)?;
            }
            Format::Raw => {
                [data.a, data.b] = self.values(count, false)?;
                data.c = self.offset(true)?;
            }
            Format::Stack => {
                [data.a] = self.values(count, false)?;
                if count > 0 {
                    self.comma()?;
                }
                data.b = self.slot()?.0;
                data.c = self.offset(false)?;
            }
            Format::MemoryOnly => {
                data.x = self.byte_entity("mem")?;
                [data.a] = self.values(count, true)?;
            }
            Format::Global | Format::Data | Format::Elem => {
                let prefix = match row.format {
                    Format::Global => "global",
                    Format::Data => "data",
                    _ => "elem",
                };
                data.b = self.names.entity(self.cursor, prefix)?;
                [data.a] = self.values(count, true)?;
            }
            Format::Table => {
                data.x = self.byte_entity("table")?;
                [data.a, data.b] = self.values(count, true)?;
            }
            Format::Func => data.b = self.names.func(self.cursor)?.0,
            Format::MemoryBulk => self.bulk(data, ["mem"])?,
            Format::MemoryCopy => self.bulk(data, ["mem", "mem"])?,
            Format::MemoryInit => self.bulk(data, ["mem", "data"])?,
            Format::TableBulk => self.bulk(data, ["table"])?,
            Format::TableCopy => self.bulk(data, ["table", "table"])?,
            Format::TableInit => self.bulk(data, ["table", "elem"])?,
            Format::Call => {
                data.a = self.names.func(self.cursor)?.0;
                (data.b, data.c) = self.arguments(None)?;
            }
            Format::CallIndirect => {
                data.x = self.byte_entity("table")?;
                self.comma()?;
                self.call_through(data)?;
            }
            Format::CallRaw => self.call_through(data)?,
            Format::Jump | Format::Brif | Format::BrTable => self.branch(data)?,
            Format::Return => self.return_values(data)?,
            Format::Trap => data.x = trap_code(self.cursor)?.to_byte(),
            Format::CondTrap => {
                [data.a] = self.values(count, false)?;
                self.comma()?;
                data.x = trap_code(self.cursor)?.to_byte();
            }
        }
        Ok(())
    }

    fn condition<C>(
        &mut self,
        from_name: impl Fn(&str) -> Option<C>,
        byte: impl Fn(C) -> u8,
    ) -> Parsed<u8> {
        match from_name(self.cursor.peek().text) {
            Some(cc) => {
                self.cursor.next();
                Ok(byte(cc))
            }
            None => Err(self.cursor.unexpected("a condition")),
        }
    }

    fn slot(&mut self) -> Parsed<StackSlot> {
        let (number, span) = self.cursor.entity("ss")?;
        match self.slots.get(&number) {
            Some(slot) => Ok(*slot),
            None => Err(ParseError::new(span, format!("there is no ss{number}"))),
        }
    }

    /// Entities, then three values that go into the list.
    fn bulk<const N: usize>(
        &mut self,
        data: &mut InstData,
        prefixes: [&'static str; N],
    ) -> Parsed<()> {
        for (index, prefix) in prefixes.into_iter().enumerate() {
            if index > 0 {
                self.comma()?;
            }
            let entity = self.names.entity(self.cursor, prefix)?;
            match index {
                0 => data.b = entity,
                _ => data.c = entity,
            }
        }
        let values: [u32; 3] = self.values(data.op.info().operands.len(), true)?;
        data.a = self.function.list.len() as u32;
        self.function.list.extend(values.map(Value));
        Ok(())
    }

    /// `sig0, v0(v1, v2)`
    fn call_through(&mut self, data: &mut InstData) -> Parsed<()> {
        data.a = Sig(self.names.entity(self.cursor, "sig")?).0;
        self.comma()?;
        let callee = self.value()?;
        (data.b, data.c) = self.arguments(Some(callee))?;
        Ok(())
    }

    fn branch(&mut self, data: &mut InstData) -> Parsed<()> {
        let row = data.op.info();
        data.b = self.function.edges.len() as u32;
        [data.a] = self.values(row.operands.len(), false)?;
        if !row.operands.is_empty() {
            self.comma()?;
        }
        if row.format == Format::BrTable {
            self.cursor.expect(Kind::OpenSquare)?;
            if self.cursor.eat(Kind::CloseSquare).is_none() {
                self.edge()?;
                while self.cursor.eat(Kind::Comma).is_some() {
                    self.edge()?;
                }
                self.cursor.expect(Kind::CloseSquare)?;
            }
            self.comma()?;
        }
        self.edge()?;
        if row.format == Format::Brif {
            self.comma()?;
            self.edge()?;
        }
        data.c = self.function.edges.len() as u32 - data.b;
        Ok(())
    }

    fn return_values(&mut self, data: &mut InstData) -> Parsed<()> {
        data.b = self.function.list.len() as u32;
        if self.cursor.peek().kind != Kind::Newline {
            loop {
                let value = self.value()?;
                self.function.list.push(value);
                if self.cursor.eat(Kind::Comma).is_none() {
                    break;
                }
            }
        }
        data.c = self.function.list.len() as u32 - data.b;
        Ok(())
    }
}

fn twice(prefix: &str, number: u32, span: Span) -> ParseError {
    ParseError::new(span, format!("{prefix}{number} is defined twice"))
}

/// `iadd.i32` and the like: an instruction of this op and these types, and nothing else.
fn opcode(text: &str, span: Span) -> Parsed<InstData> {
    let mut parts = text.split('.');
    let name = parts.next().unwrap_or_default();
    let Some(op) = OP_OF_NAME.get(name) else {
        return Err(ParseError::new(span, format!("there is no op `{name}`")));
    };
    let row = op.info();
    let mut ty = |set: TypeSet| {
        if set.is_empty() {
            return Ok(Type::I8);
        }
        let found = parts.next().and_then(Type::from_name);
        found.filter(|ty| set.contains(*ty)).ok_or_else(|| {
            let names: Vec<_> = set.iter().map(Type::name).collect();
            ParseError::new(span, format!("{op} is one of {} here", names.join(", ")))
        })
    };
    let mut data = InstData::new(*op, ty(row.t)?);
    data.ty2 = ty(row.s)?;
    if parts.next().is_some() {
        return Err(ParseError::new(span, format!("{op} has too many types")));
    }
    if !op.admits_types(data.ty, data.ty2) {
        let message = format!("{op} does not go from {} to {}", data.ty2, data.ty);
        return Err(ParseError::new(span, message));
    }
    Ok(data)
}

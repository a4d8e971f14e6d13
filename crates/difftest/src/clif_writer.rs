//! The IR as CLIF, as far as CLIF has words for it: functions over scalars, stack slots and raw memory.
//!
//! What is written here and read by the CLIF frontend computes what the module computed: that is how
//! generated modules test the frontend. The text is not what Cranelift would make of the module:
//! * stack slots are not zeroed there, and are zeros in what the frontend makes of them;
//! * traps that CLIF has no name for have user codes that the frontend knows, see
//!   [`bakeoff_frontend_clif::trap_code`].
//!
//! Functions keep their order, and so their references; one that is exported has the name of its export.
//! Types are written everywhere, since a use may stand before its definition. All functions have the
//! convention `tail`, so that calls may replace returns.

use std::collections::BTreeSet;
use std::fmt::Write;

use bakeoff_frontend_clif::FIRST_NAMED_TRAP;
use bakeoff_ir::{
    EdgeData, Func, FuncKind, Function, Inst, InstData, Module, Op, Scalar, Signature, TrapCode,
    Type, Value,
};

/// Why a module cannot be written as CLIF.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}CLIF has no word for: {what}", function.as_ref().map(|name| format!("@{name}: ")).unwrap_or_default())]
pub struct Unwritable {
    /// The function that it is about; nothing for the module.
    pub function: Option<String>,
    /// What there is no word for: `memory`, `op table_get`, …
    pub what: String,
}

/// Writes a verified module as CLIF.
///
/// # Errors
/// If it has imports, memories, tables, globals, segments or a start function, exports anything twice
/// or under a name that is no identifier, or uses an op that CLIF does not have.
pub fn to_clif(module: &Module) -> Result<String, Unwritable> {
    let refuse = |what: &str| Unwritable {
        function: None,
        what: what.to_string(),
    };
    let parts = [
        (module.memories.is_empty(), "memory"),
        (module.tables.is_empty(), "table"),
        (module.globals.is_empty(), "global"),
        (module.datas.is_empty(), "data segment"),
        (module.elems.is_empty(), "element segment"),
        (module.start.is_none(), "start function"),
    ];
    if let Some((_, what)) = parts.iter().find(|(absent, _)| !absent) {
        return Err(refuse(what));
    }
    let names = names(module).map_err(|what| refuse(&what))?;
    let mut out = String::new();
    for (index, decl) in module.funcs.iter().enumerate() {
        let failed = |what: String| Unwritable {
            function: Some(decl.name.clone()),
            what,
        };
        let FuncKind::Defined(body) = &decl.kind else {
            return Err(failed("imported function".to_string()));
        };
        let mut writer = Writer {
            module,
            names: &names,
            body,
            next_value: body.value_count(),
            out: &mut out,
        };
        writer.function(Func::from_index(index)).map_err(failed)?;
    }
    Ok(out)
}

/// The name of each function with its mark: that of its export, or a number.
fn names(module: &Module) -> Result<Vec<String>, String> {
    let numbered = |index: usize| format!("u0:{index}");
    let mut names: Vec<String> = (0..module.funcs.len()).map(numbered).collect();
    for (export, func) in module.exported_funcs() {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_identifier = !export.is_empty() && export.chars().all(letters);
        // CLIF would take this one for a function of a library.
        let is_library = bakeoff_frontend_clif::is_library_name(export);
        if !is_identifier || is_library || names[func.index()].starts_with('%') {
            return Err(format!("export {export:?}"));
        }
        names[func.index()] = format!("%{export}");
    }
    Ok(names)
}

struct Writer<'m> {
    module: &'m Module,
    names: &'m [String],
    body: &'m Function,
    /// The next number that no value has.
    next_value: usize,
    out: &'m mut String,
}

type Written = Result<(), String>;

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn function(&mut self, func: Func) -> Written {
        let signature = convention(self.module.func_sig(func));
        let head = format!("function {}{signature} {{", self.names[func.index()]);
        self.line(&head);
        for (index, slot) in self.body.stack_slots().iter().enumerate() {
            let (bytes, align) = (slot.bytes, slot.align);
            self.line(&format!(
                "    ss{index} = explicit_slot {bytes}, align = {align}"
            ));
        }
        for callee in self.callees() {
            let (name, number) = (&self.names[callee.index()], callee.0);
            let signature = convention(self.module.func_sig(callee));
            let line = format!("    fn{number} = colocated {name}{signature}");
            self.line(&line);
        }
        for block in self.body.blocks() {
            let params: Vec<String> = self
                .body
                .params(block)
                .map(|param| format!("{param}: {}", self.body.value_type(param)))
                .collect();
            match params.is_empty() {
                true => self.line(&format!("{block}:")),
                false => self.line(&format!("{block}({}):", params.join(", "))),
            }
            for inst in self.body.insts(block) {
                self.inst(inst)?;
            }
        }
        self.line("}\n");
        Ok(())
    }

    /// The functions that the body refers to, each once.
    fn callees(&self) -> BTreeSet<Func> {
        let blocks = self.body.blocks();
        let insts = blocks.flat_map(|block| self.body.inst_slice(block));
        insts
            .filter(|data| matches!(data.op, Op::Call | Op::ReturnCall | Op::RefFunc))
            .map(InstData::func)
            .collect()
    }

    fn inst(&mut self, inst: Inst) -> Written {
        use bakeoff_ir::Format;
        let body = self.body;
        let data = body.inst(inst);
        let (ty, name) = (data.ty, data.op.name());
        let results = list(&body.results(inst).collect::<Vec<_>>());
        let operands = list(&body.operands(data).collect::<Vec<_>>());
        let text = match data.op.info().format {
            Format::Plain => match data.op {
                Op::Copysign => format!("fcopysign.{ty} {operands}"),
                _ => format!("{name}.{ty} {operands}"),
            },
            Format::Const => constant(data.scalar()),
            Format::IntCompare => format!("icmp.{ty} {} {operands}", data.int_cc()),
            Format::FloatCompare => format!("fcmp.{ty} {} {operands}", data.float_cc()),
            Format::Raw => {
                let access = if data.op == Op::RawLoad {
                    "load"
                } else {
                    "store"
                };
                format!("{access}.{ty} {operands}{}", offset(data.raw_offset()))
            }
            Format::Stack => self.stack(data)?,
            Format::Func => format!("func_addr.i64 fn{}", data.func().0),
            Format::Call => format!("{name} fn{}({operands})", data.func().0),
            Format::Jump | Format::Brif | Format::BrTable => self.branch(data),
            Format::Return => format!("return {operands}"),
            Format::Trap => format!("trap {}", trap_name(data.trap_code())),
            Format::CondTrap => {
                let ty = body.value_type(data.arg(0));
                format!("{name}.{ty} {operands}, {}", trap_name(data.trap_code()))
            }
            Format::Memory
            | Format::MemoryOnly
            | Format::Global
            | Format::Table
            | Format::Data
            | Format::Elem
            | Format::MemoryBulk
            | Format::MemoryCopy
            | Format::MemoryInit
            | Format::TableBulk
            | Format::TableCopy
            | Format::TableInit
            | Format::CallIndirect
            | Format::CallRaw => return Err(format!("op {name}")),
        };
        let equals = if results.is_empty() { "" } else { " = " };
        self.line(&format!("    {results}{equals}{text}"));
        Ok(())
    }

    /// An access to a stack slot, by its address.
    fn stack(&mut self, data: &InstData) -> Result<String, String> {
        let at = i32::try_from(data.offset()).map_err(|_| "offset in a stack slot".to_string())?;
        let place = format!("stack_addr.i64 {}{}", data.slot(), offset(at));
        if data.op == Op::StackAddr {
            return Ok(place);
        }
        let address = Value::from_index(self.next_value);
        self.next_value += 1;
        self.line(&format!("    {address} = {place}"));
        Ok(match data.op {
            Op::StackStore => format!("store.{} {}, {address}", data.ty, data.arg(0)),
            _ => format!("load.{} {address}", data.ty),
        })
    }

    fn branch(&self, data: &InstData) -> String {
        let edges: Vec<String> = self
            .body
            .edges(data)
            .iter()
            .map(|edge| self.edge(edge))
            .collect();
        match (data.op, &edges[..]) {
            (Op::BrTable, [cases @ .., default]) => {
                format!(
                    "br_table {}, {default}, [{}]",
                    data.arg(0),
                    cases.join(", ")
                )
            }
            (Op::Brif, _) => {
                let ty = self.body.value_type(data.arg(0));
                format!("brif.{ty} {}, {}", data.arg(0), edges.join(", "))
            }
            _ => format!("jump {}", edges.join(", ")),
        }
    }

    fn edge(&self, edge: &EdgeData) -> String {
        match self.body.edge_args(edge) {
            [] => edge.block.to_string(),
            args => format!("{}({})", edge.block, list(args)),
        }
    }
}

fn list(values: &[Value]) -> String {
    let names: Vec<String> = values.iter().map(Value::to_string).collect();
    names.join(", ")
}

fn types(types: &[Type]) -> String {
    let names: Vec<&str> = types.iter().map(|ty| ty.name()).collect();
    names.join(", ")
}

/// A signature with its convention: `(i32) -> i64 tail`.
fn convention(signature: &Signature) -> String {
    let mut out = format!("({})", types(&signature.params));
    if !signature.results.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(out, " -> {}", types(&signature.results));
    }
    out + " tail"
}

/// An offset behind an address; nothing for 0.
fn offset(offset: i32) -> String {
    match offset {
        0 => String::new(),
        _ => format!("{offset:+}"),
    }
}

fn trap_name(code: TrapCode) -> String {
    match code {
        TrapCode::MemoryOutOfBounds => "heap_oob".to_string(),
        TrapCode::IntegerDivisionByZero => "int_divz".to_string(),
        TrapCode::IntegerOverflow => "int_ovf".to_string(),
        TrapCode::BadConversionToInteger => "bad_toint".to_string(),
        TrapCode::StackOverflow => "stk_ovf".to_string(),
        // CLIF numbers its users from 1.
        TrapCode::User(0) => format!("user{FIRST_NAMED_TRAP}"),
        TrapCode::User(number) => format!("user{number}"),
        TrapCode::Unreachable
        | TrapCode::TableOutOfBounds
        | TrapCode::IndirectCallToNull
        | TrapCode::BadSignature
        | TrapCode::Host => format!("user{}", FIRST_NAMED_TRAP + code.to_byte()),
    }
}

fn constant(value: Scalar) -> String {
    let ty = value.ty();
    match ty {
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => format!("iconst.{ty} {}", value.signed()),
        Type::F32 => format!("f32const {}", float(value.bits(), 8, 23)),
        Type::F64 => format!("f64const {}", float(value.bits(), 11, 52)),
    }
}

/// A float of so many bits of exponent and fraction, exactly: hexadecimal, `+Inf`, `+NaN:0x1`.
fn float(bits: u64, exponent_bits: u32, fraction_bits: u32) -> String {
    let fraction = bits & ((1 << fraction_bits) - 1);
    let greatest = (1u64 << exponent_bits) - 1;
    let exponent = bits >> fraction_bits & greatest;
    let negative = bits >> (exponent_bits + fraction_bits) != 0;
    let sign = if negative { "-" } else { "" };
    let quiet = 1 << (fraction_bits - 1);
    if exponent == greatest {
        let sign = if negative { "-" } else { "+" };
        return match fraction {
            0 => format!("{sign}Inf"),
            _ if fraction == quiet => format!("{sign}NaN"),
            _ if fraction & quiet != 0 => format!("{sign}NaN:{:#x}", fraction ^ quiet),
            _ => format!("{sign}sNaN:{fraction:#x}"),
        };
    }
    // The fraction in whole hexadecimal digits.
    let digits = fraction_bits.div_ceil(4) as usize;
    let shown = fraction << (digits as u32 * 4 - fraction_bits);
    let bias = (greatest >> 1) as i64;
    match (exponent, fraction) {
        (0, 0) => format!("{sign}0.0"),
        (0, _) => format!("{sign}0x0.{shown:0digits$x}p{}", 1 - bias),
        _ => format!("{sign}0x1.{shown:0digits$x}p{}", exponent as i64 - bias),
    }
}

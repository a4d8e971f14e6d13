//! The source text: a Rust function for each family and each way in which its operands may share
//! registers.
//!
//! Terms
//! * A *variable* is a register that a stencil has to do with: an axis, or a temporary that patterns with
//!   axes use as well.
//! * A *block* is a set of variables in one register. A *variant* is a partition of the variables into
//!   blocks; each block is a parameter.
//! * The *source family* of a family is what is compiled for it. Short constants and displacements come
//!   from the long ones, and 32-bit arithmetic with a constant from that of 64 bits: the address of a
//!   symbol, which stands for a constant, is an immediate to LLVM only at full width.

use std::fmt::Write;

use bakeoff_ir::ops::Class;
use bakeoff_ir::{FloatCc, IntCc, Op, Type};

use crate::catalog::{Axis, Extra, Family, Form, HoleValue, Pattern};

/// Where a variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// The axis of this number.
    Axis(usize),
    /// A register of the catalogue's numbering.
    Register(u8),
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    /// Its class.
    pub(crate) class: Axis,
    /// The Rust type of the parameter.
    pub(crate) rust: &'static str,
    pub(crate) place: Place,
    pub(crate) read: bool,
    pub(crate) written: bool,
}

/// A step of a function before its results.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Statements.
    Do(String),
    /// Leaves by another continuation if a condition holds.
    Exit(&'static str, String),
}

/// What a family does, in terms of variables. In text, `$0` is the first of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(crate) variables: Vec<Variable>,
    pub(crate) steps: Vec<Step>,
    /// Results of variables.
    pub(crate) results: Vec<(usize, String)>,
}

/// How a family is compiled.
#[derive(Clone, Debug)]
pub(crate) enum Recipe {
    /// With axes.
    Loose(Shape),
    /// In the temporaries.
    Fixed(Fixed),
    /// Assembly text, with variables if it has axes.
    Glue(Option<Shape>),
}

/// A family in the temporaries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    /// The Rust type of floats.
    pub(crate) float: &'static str,
    pub(crate) steps: Vec<Step>,
    /// Expressions for T, U, XT.
    pub(crate) t: Option<String>,
    pub(crate) u: Option<String>,
    pub(crate) x: Option<String>,
}

/// The family that is compiled for a family.
pub(crate) fn source_family(family: &Family) -> Family {
    let mut source = family.clone();
    let imm = |hole: &HoleValue| matches!(hole, HoleValue::Imm8 | HoleValue::Imm32);
    let shift = matches!(family.form, Form::Op(op) if is_shift(op));
    source.pattern = match family.pattern {
        Pattern::RS8 => Pattern::RS32,
        Pattern::RI8 if !shift => Pattern::RI32,
        Pattern::RRI8 => Pattern::RRI32,
        Pattern::S8 => Pattern::S32,
        other => other,
    };
    // A 32-bit constant in a register of its own is fine as it is.
    let konst = family.form == Form::Extra(Extra::Const);
    if family.holes.iter().any(imm) && family.ty.is_int() && !shift && !konst {
        source.ty = Type::I64;
    }
    source
}

/// Whether the op is a shift or rotation.
pub(crate) fn is_shift(op: Op) -> bool {
    matches!(op, Op::Ishl | Op::Ushr | Op::Sshr | Op::Rotl | Op::Rotr)
}

/// The symbol of a source family's variant, given the blocks of its variables.
pub(crate) fn symbol(source: &Family, blocks: &[usize]) -> String {
    let form = match source.form {
        Form::Op(op) => op.name().to_string(),
        Form::Extra(extra) => snake(&format!("{extra:?}")),
    };
    let pattern = format!("{:?}", source.pattern).to_lowercase();
    let mut name = format!("{form}_{}_{}_{pattern}", source.ty, source.sub);
    for block in blocks {
        write!(name, "_{block}").expect("writing to a string");
    }
    name
}

/// The symbol of a piece of glue.
pub(crate) fn glue_symbol(source: &Family) -> String {
    match source.form {
        Form::Extra(extra) if source.pattern == Pattern::Fixed => {
            format!("glue_{}", snake(&format!("{extra:?}")))
        }
        _ => format!("glue_{}", symbol(source, &[])),
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn unsigned(ty: Type) -> &'static str {
    ["u8", "u16", "u32", "u64", "f32", "f64"][ty as usize]
}

fn signed(ty: Type) -> &'static str {
    ["i8", "i16", "i32", "i64", "f32", "f64"][ty as usize]
}

fn module(ty: Type) -> &'static str {
    ["int8", "int16", "int32", "int64", "float32", "float64"][ty as usize]
}

/// Reads an operand of type `ty` from a parameter.
fn read(text: &str, ty: Type) -> String {
    match ty.is_int() {
        true => format!("({text} as {})", unsigned(ty)),
        false => text.to_string(),
    }
}

/// Makes what a parameter holds of a value of type `ty`.
fn wide(text: &str, ty: Type) -> String {
    match ty.is_int() {
        true => format!("({text}) as u64"),
        false => text.to_string(),
    }
}

/// A call of an op in `ops.rs`.
fn apply(op: &str, ty: Type, sub: Option<Type>, args: &[String]) -> String {
    match sub {
        None => format!("{}::{op}({})", module(ty), args.join(", ")),
        Some(from) => format!(
            "{op}!({}, {} {} {} {})",
            args.join(", "),
            unsigned(ty),
            signed(ty),
            unsigned(from),
            signed(from)
        ),
    }
}

impl Shape {
    fn variable(&mut self, ty: Type, place: Place, read: bool, written: bool) -> String {
        let class = if ty.is_int() { Axis::Int } else { Axis::Float };
        self.variables.push(Variable {
            class,
            rust: match ty {
                Type::F32 => "f32",
                Type::F64 => "f64",
                _ => "u64",
            },
            place,
            read,
            written,
        });
        format!("${}", self.variables.len() - 1)
    }

    /// The next axis, read only.
    fn input(&mut self, ty: Type) -> String {
        let axis = Place::Axis(self.variables.len());
        let text = self.variable(ty, axis, true, false);
        read(&text, ty)
    }

    /// The next axis, read and written.
    fn both(&mut self, ty: Type) -> String {
        let axis = Place::Axis(self.variables.len());
        let text = self.variable(ty, axis, true, true);
        read(&text, ty)
    }

    /// The next axis, written only.
    fn output(&mut self, ty: Type) {
        let axis = Place::Axis(self.variables.len());
        self.variable(ty, axis, false, true);
    }

    fn result(&mut self, variable: usize, text: &str, ty: Type) {
        self.results.push((variable, wide(text, ty)));
    }

    /// A result in T.
    fn result_in_t(&mut self, text: &str) {
        self.variable(Type::I64, Place::Register(0), false, true);
        let last = self.variables.len() - 1;
        self.result(last, text, Type::I64);
    }
}

fn slot(ty: Type) -> String {
    format!("*slot!({})", unsigned(ty))
}

/// The variables of glue that has axes. An operand that the result may share a register with is read
/// before the result is written.
fn glue_shape(source: &Family) -> Option<Shape> {
    let mut shape = Shape::default();
    match (source.form, source.pattern) {
        (Form::Extra(Extra::Const), Pattern::RI32 | Pattern::RI64) => shape.output(Type::I64),
        (Form::Op(Op::Iadd | Op::Band | Op::Bor | Op::Bxor), Pattern::RI32)
        | (Form::Op(Op::Rotr), Pattern::RI8) => {
            shape.both(Type::I64);
        }
        (Form::Op(Op::Imul), Pattern::RRI32) => {
            shape.output(Type::I64);
            shape.input(Type::I64);
        }
        (Form::Op(Op::Sextend | Op::Sload), pattern) if source.ty != Type::I64 => {
            shape.output(Type::I64);
            if pattern != Pattern::RI32 {
                shape.input(Type::I64);
            }
        }
        _ => return None,
    }
    Some(shape)
}

/// How a source family is compiled where there is no glue for those with axes.
pub(crate) fn portable(source: &Family) -> Recipe {
    match (source.form, source.pattern) {
        (Form::Op(op), pattern) if pattern != Pattern::Fixed => Recipe::Loose(op_shape(source, op)),
        (Form::Extra(Extra::Const), _) => Recipe::Loose(extra_shape(source, Extra::Const)),
        _ => recipe(source),
    }
}

/// How a source family is compiled.
pub(crate) fn recipe(source: &Family) -> Recipe {
    use Pattern::Fixed as InTemporaries;
    if let Some(shape) = glue_shape(source) {
        return Recipe::Glue(Some(shape));
    }
    match (source.form, source.pattern, source.ty) {
        (Form::Op(op), InTemporaries, _) => Recipe::Fixed(fixed(source, op)),
        (Form::Extra(Extra::TableStore), ..) => Recipe::Fixed(Fixed {
            float: "f64",
            steps: vec![Step::Do(
                "let base = *field!(ctx, *mut u64); \
                 *offset(base, u.some as usize) = t.some;"
                    .into(),
            )],
            ..Fixed::default()
        }),
        (Form::Extra(Extra::Callee), ..) => Recipe::Fixed(callee()),
        (Form::Extra(_), InTemporaries, _) => Recipe::Glue(None),
        (Form::Op(op), ..) => Recipe::Loose(op_shape(source, op)),
        (Form::Extra(extra), ..) => Recipe::Loose(extra_shape(source, extra)),
    }
}

fn callee() -> Fixed {
    let lookup = "let funcs = *(offset(ctx as *mut u8, 8usize) as *mut *mut u8); \
                  let mut entry = offset(funcs, unchecked_shl(t.some, 4u64) as usize); \
                  opaque!(entry); \
                  let sig = *(offset(entry, 8usize) as *mut u32); \
                  let wrong = sig as i32 as u64 != imm!();";
    Fixed {
        float: "f64",
        steps: vec![
            Step::Do(lookup.into()),
            Step::Exit("trap0", "wrong && t.some == 0".into()),
            Step::Exit("trap1", "wrong".into()),
        ],
        u: Some("*(entry as *mut u64)".into()),
        ..Fixed::default()
    }
}

fn fixed(source: &Family, op: Op) -> Fixed {
    let info = op.info();
    let ty = source.ty;
    let sub = (!info.s.is_empty()).then(|| Type::ALL[source.sub as usize]);
    let operand_ty = match info.operands[0] {
        Class::S => sub.expect("an op with a second type"),
        _ => ty,
    };
    let names = match operand_ty.is_int() {
        true => ["t.some", "u.some", ""],
        false => ["x0.some", "x1.some", "x2.some"],
    };
    let args: Vec<String> = (0..info.operands.len())
        .map(|i| read(names[i], operand_ty))
        .collect();
    let mut fixed = Fixed {
        float: match (operand_ty, ty) {
            (Type::F32, _) | (_, Type::F32) => "f32",
            _ => "f64",
        },
        ..Fixed::default()
    };
    let call = |suffix: &str| apply(&format!("{}{suffix}", op.name()), ty, sub, &args);
    if matches!(op, Op::FcvtToSint | Op::FcvtToUint) {
        let is_nan = format!("{} != {}", args[0], args[0]);
        fixed.steps = vec![
            Step::Exit("trap0", is_nan),
            Step::Do(format!("let (r, wrong) = {};", call(""))),
            Step::Exit("trap1", "wrong".into()),
        ];
        fixed.t = Some(wide("r", ty));
        return fixed;
    }
    for (hole, suffix, name) in [
        (HoleValue::Trap0, "_trap0", "trap0"),
        (HoleValue::Trap1, "_trap1", "trap1"),
    ] {
        if source.holes.contains(&hole) {
            fixed.steps.push(Step::Exit(name, call(suffix)));
        }
    }
    if info.results.len() == 2 {
        let both = format!("let (r, overflow) = {};", call(""));
        fixed.steps.push(Step::Do(both));
        fixed.u = Some("overflow as u64".into());
    } else {
        let one = format!("let r = {};", call(""));
        fixed.steps.push(Step::Do(one));
    }
    match ty.is_int() {
        true => fixed.t = Some(wide("r", ty)),
        false => fixed.x = Some("r".into()),
    }
    fixed
}

/// Ops with axes.
fn op_shape(source: &Family, op: Op) -> Shape {
    let mut shape = Shape::default();
    let s = &mut shape;
    let ty = source.ty;
    let name = op.name();
    match (op, source.pattern) {
        (Op::Icmp | Op::Fcmp, pattern) => {
            let condition = condition(s, source, pattern, op == Op::Icmp);
            s.result_in_t(&condition);
        }
        (Op::Select, _) => {
            let yes = s.both(ty);
            let cond = s.input(Type::I64);
            let no = s.input(ty);
            match ty.is_int() {
                true => {
                    let text = format!("if {cond} != 0 {{ {yes} }} else {{ {no} }}");
                    s.result(0, &text, ty);
                }
                // There is no conditional move.
                false => {
                    s.steps.push(Step::Exit("next", format!("{cond} != 0")));
                    s.result(0, &no, ty);
                }
            }
        }
        (Op::Load | Op::Sload | Op::Store | Op::RawLoad | Op::RawStore, _) => {
            access(s, source, op);
        }
        (_, Pattern::RRR) => {
            s.output(ty);
            let args = [s.input(ty), s.input(ty)];
            s.result(0, &apply(name, ty, None, &args), ty);
        }
        (_, Pattern::RRI32) => {
            s.output(ty);
            let args = [s.input(ty), "imm!()".into()];
            s.result(0, &apply(name, ty, None, &args), ty);
        }
        (_, Pattern::R) => {
            let arg = s.both(ty);
            s.result(0, &apply(name, ty, None, &[arg]), ty);
        }
        (_, Pattern::RR) if op.info().operands.len() == 1 => {
            let sub = (!op.info().s.is_empty()).then(|| Type::ALL[source.sub as usize]);
            s.output(ty);
            let arg = s.input(sub.unwrap_or(ty));
            s.result(0, &apply(name, ty, sub, &[arg]), ty);
        }
        (_, pattern) => {
            let first = s.both(ty);
            let second = match pattern {
                Pattern::RR => s.input(ty),
                Pattern::RS32 => slot(ty),
                Pattern::RI8 => "19".into(),
                _ => "imm!()".into(),
            };
            s.result(0, &apply(name, ty, None, &[first, second]), ty);
        }
    }
    shape
}

/// A comparison of the first axis with what the pattern says.
fn condition(s: &mut Shape, source: &Family, pattern: Pattern, int: bool) -> String {
    let ty = source.ty;
    let first = s.input(ty);
    let second = match pattern {
        Pattern::RR => s.input(ty),
        Pattern::RS32 => slot(ty),
        _ => "imm!()".into(),
    };
    let name = match int {
        true => IntCc::ALL[source.sub as usize].name(),
        false => FloatCc::ALL[source.sub as usize].name(),
    };
    apply(name, ty, None, &[first, second])
}

fn access(s: &mut Shape, source: &Family, op: Op) {
    let ty = source.ty;
    let is_store = matches!(op, Op::Store | Op::RawStore);
    let value = match is_store {
        true => s.input(ty),
        false => {
            s.output(ty);
            String::new()
        }
    };
    let base = match (op, source.pattern) {
        (Op::RawLoad | Op::RawStore, _) => format!("{} as *mut u8", s.input(Type::I64)),
        (_, Pattern::RI32) => "mem".into(),
        _ => format!("offset(mem, {} as usize)", s.input(Type::I64)),
    };
    let place = |ty| format!("*place!({base}, {})", unsigned(ty));
    match op {
        Op::Sload => {
            let from = Type::ALL[source.sub as usize];
            let loaded = apply("sextend", ty, Some(from), &[place(from)]);
            s.result(0, &loaded, ty);
        }
        _ if is_store => s.steps.push(Step::Do(format!("{} = {value};", place(ty)))),
        _ => s.result(0, &place(ty), ty),
    }
}

/// Extra forms with axes.
fn extra_shape(source: &Family, extra: Extra) -> Shape {
    let mut shape = Shape::default();
    let s = &mut shape;
    let ty = source.ty;
    match extra {
        Extra::Move => {
            s.output(ty);
            let from = s.input(ty);
            s.result(0, &from, ty);
        }
        Extra::Spill => {
            let value = s.input(ty);
            s.steps.push(Step::Do(format!("{} = {value};", slot(ty))))
        }
        Extra::Reload => {
            s.output(ty);
            s.result(0, &slot(ty), ty);
        }
        Extra::Const => {
            s.output(ty);
            let text = match (source.pattern, ty) {
                (Pattern::RI32, Type::I32) => "imm!() as u32",
                (Pattern::RI32 | Pattern::RI64, _) => "imm!()",
                (_, Type::F64) => "0.0",
                _ => "0u64",
            };
            s.result(0, text, ty);
        }
        Extra::SlotConst => s.steps.push(Step::Do(format!("{} = imm!();", slot(ty)))),
        Extra::BrIcmp | Extra::BrFcmp => {
            let condition = condition(s, source, source.pattern, extra == Extra::BrIcmp);
            s.steps.push(Step::Exit("taken", condition));
        }
        Extra::BrNonzero | Extra::BrZero => {
            let value = match source.pattern {
                Pattern::R => s.input(ty),
                _ => slot(ty),
            };
            let relation = if extra == Extra::BrZero { "==" } else { "!=" };
            s.steps
                .push(Step::Exit("taken", format!("{value} {relation} 0")));
        }
        Extra::ContextLoad => {
            s.output(ty);
            s.result(0, &format!("*field!(ctx, {})", unsigned(ty)), ty);
        }
        Extra::ContextStore => {
            let value = s.input(ty);
            s.steps.push(Step::Do(format!(
                "*field!(ctx, {}) = {value};",
                unsigned(ty)
            )));
        }
        Extra::FrameAddr => {
            s.output(ty);
            s.result(0, "slot!(u8)", ty);
        }
        Extra::StoreConst => {
            let base = format!("offset(mem, {} as usize)", s.input(Type::I64));
            s.steps
                .push(Step::Do(format!("*place!({base}, u64) = imm!();")));
        }
        Extra::CheckNarrow => {
            let index = s.input(ty);
            let end = format!("wrapping_add({index}, imm!())");
            s.steps
                .push(Step::Exit("trap0", format!("{end} > *field!(ctx, u64)")));
        }
        Extra::CheckWide => {
            let index = s.input(ty);
            let reach = s.variable(ty, Place::Register(1), true, false);
            s.steps.push(Step::Do(format!(
                "let (end, carry) = add_with_overflow({index}, {reach});"
            )));
            s.steps.push(Step::Exit("trap0", "carry".into()));
            s.steps
                .push(Step::Exit("trap0", "end > *field!(ctx, u64)".into()));
        }
        Extra::TableCheck => {
            let index = s.input(ty);
            s.steps
                .push(Step::Exit("trap0", format!("{index} >= *field!(ctx, u64)")));
        }
        Extra::TableLoad => {
            let index = s.input(ty);
            let base = "*field!(ctx, *mut u64)";
            s.result_in_t(&format!("*offset({base}, {index} as usize)"));
        }
        _ => unreachable!("{} is glue", source.name()),
    }
    shape
}

/// Whether it makes a difference which variables share a register. It does not if none is written, and
/// then none must be compiled: LLVM knows what a comparison of a value with itself gives.
pub(crate) fn has_variants(variables: &[Variable]) -> bool {
    variables.iter().any(|variable| variable.written)
}

/// The blocks if no variables share a register.
pub(crate) fn apart(variables: &[Variable]) -> Vec<usize> {
    let classmates = |i: usize| (0..i).filter(move |j| variables[*j].class == variables[i].class);
    (0..variables.len())
        .map(|i| classmates(i).count())
        .collect()
}

/// All variants of a list of variables, as the block of each; blocks are numbered within their class.
/// Those in which a register would have two types or two results are left out.
pub(crate) fn variants(variables: &[Variable]) -> Vec<Vec<usize>> {
    if !has_variants(variables) {
        return vec![apart(variables)];
    }
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for (i, variable) in variables.iter().enumerate() {
        let mut next = Vec::new();
        for blocks in &all {
            let same = |j: &usize| variables[*j].class == variable.class;
            let used = (0..i)
                .filter(same)
                .map(|j| blocks[j] + 1)
                .max()
                .unwrap_or(0);
            for block in 0..=used {
                let clash = (0..i).filter(same).any(|j| {
                    let two_results = variable.written && variables[j].written;
                    blocks[j] == block && (variables[j].rust != variable.rust || two_results)
                });
                if !clash {
                    let mut longer = blocks.clone();
                    longer.push(block);
                    next.push(longer);
                }
            }
        }
        all = next;
    }
    all
}

const INT_NAMES: [&str; 3] = ["a", "b", "c"];
const FLOAT_NAMES: [&str; 3] = ["x", "y", "z"];

/// The function for a variant of a source family.
pub(crate) fn function(recipe: &Recipe, name: &str, blocks: &[usize]) -> String {
    match recipe {
        Recipe::Loose(shape) => loose_function(name, shape, blocks),
        Recipe::Fixed(fixed) => fixed_function(name, fixed),
        Recipe::Glue(_) => panic!("{name} is glue"),
    }
}

/// The function for a variant.
fn loose_function(name: &str, shape: &Shape, blocks: &[usize]) -> String {
    let param = |i: usize| match shape.variables[i].class {
        Axis::Int => INT_NAMES[blocks[i]],
        Axis::Float => FLOAT_NAMES[blocks[i]],
    };
    let fill = |text: &str| {
        let mut text = text.to_string();
        for i in 0..shape.variables.len() {
            text = text.replace(&format!("${i}"), param(i));
        }
        text
    };
    let floats: Vec<(&str, &str)> = FLOAT_NAMES
        .iter()
        .filter_map(|name| {
            let i = (0..shape.variables.len()).find(|i| param(*i) == *name)?;
            Some((*name, shape.variables[i].rust))
        })
        .collect();
    let mut params = "ctx: u64, a: u64, b: u64, mem: *mut u8, c: u64".to_string();
    let mut pass: Vec<String> = ["ctx", "a", "b", "mem", "c"].map(String::from).to_vec();
    for (name, ty) in &floats {
        write!(params, ", {name}: {ty}").expect("writing to a string");
        pass.push(name.to_string());
    }
    let mut steps: Vec<Step> = shape
        .steps
        .iter()
        .map(|step| match step {
            Step::Do(text) => Step::Do(fill(text)),
            Step::Exit(exit, condition) => Step::Exit(exit, fill(condition)),
        })
        .collect();
    let mut last = pass.clone();
    for (i, text) in &shape.results {
        steps.push(Step::Do(format!("let r{i} = {};", fill(text))));
        let at = pass.iter().position(|name| name == param(*i));
        last[at.expect("a parameter")] = format!("r{i}");
    }
    text(name, &params, &steps, [&pass, &last])
}

/// What goes on in a temporary that is not a result.
const NOTHING: &str = "Maybe { none: Nothing }";

/// The function for a family in the temporaries.
fn fixed_function(name: &str, fixed: &Fixed) -> String {
    let float = fixed.float;
    let mut params = "ctx: u64, p1: u64, p2: u64, mem: *mut u8, p4: u64, p5: u64, \
                      u: Maybe<u64>, p7: u64, p8: u64, p9: u64, p10: u64, t: Maybe<u64>"
        .to_string();
    let mut pass: Vec<String> = [
        "ctx", "p1", "p2", "mem", "p4", "p5", "u", "p7", "p8", "p9", "p10", "t",
    ]
    .map(String::from)
    .to_vec();
    for x in ["x0", "x1", "x2"] {
        write!(params, ", {x}: Maybe<{float}>").expect("writing to a string");
        pass.push(x.into());
    }
    let mut last = pass.clone();
    for (at, result) in [
        (6, &fixed.u),
        (11, &fixed.t),
        (12, &fixed.x),
        (13, &None),
        (14, &None),
    ] {
        last[at] = match result {
            Some(text) => format!("Maybe {{ some: {text} }}"),
            None => NOTHING.into(),
        };
    }
    for at in [6, 11, 12, 13, 14] {
        pass[at] = NOTHING.into();
    }
    text(name, &params, &fixed.steps, [&pass, &last])
}

/// A function with steps; `pass` goes to the exits, `last` to the next stencil.
fn text(name: &str, params: &str, steps: &[Step], [pass, last]: [&[String]; 2]) -> String {
    let mut declared = String::new();
    let mut body = String::new();
    for step in steps {
        match step {
            Step::Do(text) => body += &format!("    {text}\n"),
            Step::Exit(exit, condition) => {
                let symbol = exit.to_uppercase();
                let line = format!("        #[link_name = \"{symbol}\"] fn {exit}({params});\n");
                if *exit != "next" && !declared.contains(&line) {
                    declared += &line;
                }
                let args = pass.join(", ");
                body += &format!("    if {condition} {{ become {exit}({args}) }}\n");
            }
        }
    }
    format!(
        "#[unsafe(no_mangle)]\n\
         pub unsafe extern \"rust-preserve-none\" fn {name}({params}) {{\n    \
         unsafe extern \"rust-preserve-none\" {{\n        \
         #[link_name = \"NEXT\"] fn next({params});\n{declared}    }}\n{body}    become next({})\n}}\n",
        last.join(", ")
    )
}

/// The attributes that the crate begins with.
const HEAD: &str = "#![feature(no_core, lang_items, intrinsics, rustc_attrs, explicit_tail_calls)]
#![feature(rust_preserve_none_cc, auto_traits, link_llvm_intrinsics, abi_unadjusted, decl_macro)]
#![feature(transparent_unions, macro_metavar_expr, asm_experimental_arch, repr_simd)]
#![no_core]
#![no_builtins]
#![crate_type = \"lib\"]
#![allow(warnings)]
";

/// A crate with the given functions.
pub(crate) fn assemble(functions: &[String], glue: bool) -> String {
    let mut text = HEAD.to_string();
    text += include_str!("../stencils/prelude.rs");
    text += include_str!("../stencils/ops.rs");
    if glue {
        text += include_str!("../stencils/x64.rs");
    }
    // Module documentation may stand only at the beginning.
    let mut text = text.replace("\n//!", "\n//");
    for function in functions {
        text += function;
    }
    text
}

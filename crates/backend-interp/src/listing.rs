//! Register code written out for people.

use std::fmt::Write;

use crate::InterpCode;
use crate::code::{Code, Insn, Shape};

/// The instructions of all functions.
pub(crate) fn write(code: &InterpCode) -> String {
    let mut out = String::new();
    for (decl, func) in code.module.funcs.iter().zip(&code.funcs) {
        if func.code.is_empty() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "@{}: {} slots", decl.name, func.frame_slots);
        for (at, insn) in func.code.iter().enumerate() {
            let _ = writeln!(out, "{at:6}  {}", describe(code, insn, at));
        }
    }
    out
}

fn describe(code: &InterpCode, insn: &Insn, at: usize) -> String {
    let Insn {
        code: op,
        a,
        b,
        c,
        imm,
    } = *insn;
    let name = format!("{op:?}");
    let (low, high) = (imm as u32, imm as i64 >> 32);
    let near = at as i64 + high;
    match op.shape() {
        Shape::Binary => format!("s{a} = {name} s{b}, s{c}"),
        Shape::BinaryRight => format!("s{a} = {name} s{b}, {imm:#x}"),
        Shape::BinaryLeft => format!("s{a} = {name} {imm:#x}, s{c}"),
        Shape::Unary => format!("s{a} = {name} s{b}"),
        Shape::Branch => format!("{name} s{b}, s{c} -> {near}"),
        Shape::BranchRight => format!("{name} s{b}, {low:#x} -> {near}"),
        Shape::Load => format!("s{a} = {name} [s{b} + {imm:#x}]"),
        Shape::LoadAbsolute => format!("s{a} = {name} [{imm:#x}]"),
        Shape::Store => format!("{name} [s{b} + {imm:#x}], s{a}"),
        Shape::StoreConst => format!("{name} [s{b} + {low:#x}], {high:#x}"),
        Shape::StoreAbsolute => format!("{name} [{imm:#x}], s{a}"),
        Shape::LoadAdd => format!("s{a} = {name} [s{b} + {high:#x} + {low:#x}]"),
        Shape::LoadIndex => format!("s{a} = {name} [s{b} + (s{c} << {high}) + {low:#x}]"),
        Shape::StoreAdd => format!("{name} [s{b} + {high:#x} + {low:#x}], s{a}"),
        Shape::StoreIndex => format!("{name} [s{b} + (s{c} << {high}) + {low:#x}], s{a}"),
        Shape::Other => describe_other(code, insn, at),
    }
}

fn describe_other(code: &InterpCode, insn: &Insn, at: usize) -> String {
    let Insn {
        code: op,
        a,
        b,
        c,
        imm,
    } = *insn;
    let name = format!("{op:?}");
    let target = at as i64 + imm as i64;
    let (low, high) = (imm as u32, imm as i64 >> 32);
    let near = at as i64 + high;
    let callee = |address| &code.module.func(code.func_at(address)).name;
    match op {
        Code::Const => format!("s{a} = {imm:#x}"),
        Code::Copy => format!("s{a} = s{b}"),
        Code::Copy2 => format!("s{a} = s{b}; s{imm} = s{c}"),
        Code::Select => format!("s{a} = s{b} ? s{c} : s{imm}"),
        Code::ShiftAdd32 => format!("s{a} = s{b} + (s{c} << {imm})"),
        Code::AddBoth32 => format!("s{a} = s{a} + {low:#x}; s{b} = s{b} + {high:#x}"),
        Code::AddBrNz32 => format!("s{a} = s{b} + {low:#x}; {name} -> {near}"),
        Code::AddBrNe32 => format!("s{a} = s{b} + {low:#x}; {name} s{c} -> {near}"),
        Code::MulAdd32 | Code::MulAdd64 => format!("s{a} = s{b} * s{c} + s{imm}"),
        Code::Jump => format!("{name} -> {target}"),
        Code::BrNz | Code::BrZ => format!("{name} s{b} -> {target}"),
        Code::BrTable => format!("{name} s{b} of {imm}"),
        Code::Call => format!("s{a} = {name} @{} at s{b}", callee(imm)),
        Code::CallHost => format!(
            "s{a} = {name} @{} at s{b}",
            code.module.funcs[imm as usize].name
        ),
        Code::CallIndirect | Code::CallRaw => format!("s{a} = {name} {imm} through s{c} at s{b}"),
        Code::TailCall => format!("{name} @{}", callee(imm)),
        Code::Resolve => format!("s{a} = {name} {imm} through s{c}"),
        Code::TailCallResolved => format!("{name} s{b}"),
        Code::Return1 => format!("{name} s{b}"),
        Code::ReturnConst => format!("{name} {imm:#x}"),
        Code::Trap => format!("{name} {imm}"),
        Code::Trapz | Code::Trapnz => format!("{name} s{b}, {imm}"),
        Code::EnterSlots => format!("s{a} = {name} {imm}"),
        Code::LeaveSlots => format!("{name} {imm}"),
        Code::StackAddr => format!("s{a} = s{b} + {imm}"),
        Code::GlobalGet => format!("s{a} = context[{imm}]"),
        Code::GlobalSet => format!("context[{imm}] = s{b}"),
        Code::Eval => {
            let eval = &code.tables.evals[imm as usize];
            format!(
                "{:?} = {}.{} {:?}",
                eval.results, eval.inst.op, eval.inst.ty, eval.args
            )
        }
        Code::StoreOp => {
            let op = &code.tables.store_ops[imm as usize];
            format!(
                "s{} = {}.{} {:?}",
                op.result, op.inst.op, op.inst.ty, op.args
            )
        }
        _ => name,
    }
}

//! Passes over the whole case: calls, functions, signatures, declarations, options.

use std::collections::HashMap;

use bakeoff_backend::Options;
use bakeoff_ir::{
    ExportItem, Func, FuncKind, InitExpr, Module, Op, Scalar, SegmentMode, Signature,
};

use super::insts::simpler;
use super::{Program, Reducer};
use crate::draft::{Draft, DraftBlock, Inst, Name};

/// Makes fewer calls.
pub(super) fn calls(reducer: &mut Reducer<'_>) -> bool {
    reducer.remove_chunks(
        |program| program.calls.len(),
        |program, range| {
            program.calls.drain(range);
            Some(())
        },
    )
}

/// Makes bodies return zeros at once, and takes away the start function.
pub(super) fn bodies(reducer: &mut Reducer<'_>) -> bool {
    let mut any = reducer.change(|program| program.declarations.start.take().map(|_| ()));
    for func in 0..reducer.program.bodies.len() {
        any |= reducer.change(|program| {
            let sig = program.declarations.funcs[func].sig;
            let signature = program.declarations.sig(sig).clone();
            let old = program.bodies[func].as_mut()?;
            if old.inst_count() <= signature.results.len() + 1 {
                return None;
            }
            *old = zeros(&signature);
            Some(())
        });
    }
    any
}

/// A body that returns zeros.
fn zeros(signature: &Signature) -> Draft {
    let mut draft = Draft::default();
    let params: Vec<Name> = signature.params.iter().map(|ty| draft.name(*ty)).collect();
    let mut insts = Vec::with_capacity(signature.results.len() + 1);
    let mut results = Vec::with_capacity(signature.results.len());
    for ty in &signature.results {
        let name = draft.name(*ty);
        insts.push(Inst::constant(Scalar::new(*ty, 0), name));
        results.push(name);
    }
    insts.push(Inst::ret(results));
    draft.blocks.push(DraftBlock { params, insts });
    draft
}

/// Puts bodies of one block in the place of calls of them.
pub(super) fn inline(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for func in 0..reducer.program.bodies.len() {
        let mut at = 0;
        while !reducer.is_over() {
            let found = nth_call(&reducer.program, func, at);
            let Some((block, position, callee)) = found else {
                break;
            };
            let taken =
                reducer.change(|program| inline_one(program, func, block, position, callee));
            any |= taken;
            at += usize::from(!taken);
        }
    }
    any
}

/// The call of this number in a function: block, position, callee.
fn nth_call(program: &Program, func: usize, nth: usize) -> Option<(usize, usize, usize)> {
    let draft = program.bodies[func].as_ref()?;
    let calls = draft.blocks.iter().enumerate().flat_map(|(block, data)| {
        let calls = data
            .insts
            .iter()
            .enumerate()
            .filter(|(_, i)| matches!(i.data.op, Op::Call | Op::ReturnCall));
        calls.map(move |(position, i)| (block, position, i.data.func().index()))
    });
    calls.into_iter().nth(nth)
}

fn inline_one(
    program: &mut Program,
    func: usize,
    block: usize,
    position: usize,
    callee: usize,
) -> Option<()> {
    let body = program.bodies[callee].clone()?;
    let [only] = &body.blocks[..] else {
        return None;
    };
    let (last, insts) = only.insts.split_last()?;
    if callee == func || last.data.op != Op::Return || !body.slots.is_empty() {
        return None;
    }
    let draft = program.bodies[func].as_mut()?;
    let call = draft.blocks[block].insts[position].clone();
    let mut names: HashMap<Name, Name> = only
        .params
        .iter()
        .copied()
        .zip(call.operands.iter().copied())
        .collect();
    let mut copied = Vec::with_capacity(insts.len());
    for inst in insts {
        let mut inst = inst.clone();
        inst.uses_mut().for_each(|name| *name = names[name]);
        for result in &mut inst.results {
            let new = draft.name(body.ty(*result));
            names.insert(*result, new);
            *result = new;
        }
        copied.push(inst);
    }
    let results: Vec<Name> = last.operands.iter().map(|name| names[name]).collect();
    if call.data.op == Op::ReturnCall {
        copied.push(Inst::ret(results.clone()));
    }
    draft.blocks[block]
        .insts
        .splice(position..=position, copied);
    for (old, new) in call.results.iter().zip(results) {
        draft.replace(*old, new);
    }
    draft.tidy();
    Some(())
}

/// Drops parameters and results of functions.
pub(super) fn signatures(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for func in 0..reducer.program.bodies.len() {
        let count = |program: &Program, results: bool| {
            let signature = program.declarations.func_sig(Func::from_index(func));
            if results {
                signature.results.len()
            } else {
                signature.params.len()
            }
        };
        for index in (0..count(&reducer.program, false)).rev() {
            any |= reducer.change(|program| drop_parameter(program, func, index));
        }
        for index in (0..count(&reducer.program, true)).rev() {
            any |= reducer.change(|program| drop_result(program, func, index));
        }
    }
    any
}

fn with_signature(program: &mut Program, func: usize, edit: impl FnOnce(&mut Signature)) {
    let mut signature = program
        .declarations
        .func_sig(Func::from_index(func))
        .clone();
    edit(&mut signature);
    program.declarations.funcs[func].sig = program.declarations.intern_sig(signature);
}

/// The names under which a function is exported.
fn export_names(program: &Program, func: usize) -> Vec<String> {
    let names = program
        .declarations
        .exported_funcs()
        .filter(|(_, exported)| exported.index() == func);
    names.map(|(name, _)| name.to_string()).collect()
}

fn direct_calls(program: &mut Program, func: usize) -> impl Iterator<Item = &mut Inst> {
    let insts = program
        .bodies
        .iter_mut()
        .flatten()
        .flat_map(|draft| &mut draft.blocks)
        .flat_map(|b| &mut b.insts);
    insts.filter(move |i| {
        matches!(i.data.op, Op::Call | Op::ReturnCall) && i.data.func().index() == func
    })
}

fn drop_parameter(program: &mut Program, func: usize, index: usize) -> Option<()> {
    if let Some(draft) = &mut program.bodies[func] {
        let param = draft.blocks[0].params.remove(index);
        let zero = Inst::constant(Scalar::new(draft.ty(param), 0), param);
        draft.blocks[0].insts.insert(0, zero);
        draft.tidy();
    }
    with_signature(program, func, |signature| {
        signature.params.remove(index);
    });
    direct_calls(program, func).for_each(|call| {
        call.operands.remove(index);
    });
    let names = export_names(program, func);
    for call in program
        .calls
        .iter_mut()
        .filter(|call| names.contains(&call.name))
    {
        call.args.remove(index);
    }
    program.bodies.iter_mut().flatten().for_each(Draft::tidy);
    Some(())
}

fn drop_result(program: &mut Program, func: usize, index: usize) -> Option<()> {
    with_signature(program, func, |signature| {
        signature.results.remove(index);
    });
    if let Some(draft) = &mut program.bodies[func] {
        let insts = draft.blocks.iter_mut().flat_map(|block| &mut block.insts);
        for ret in insts.filter(|inst| inst.data.op == Op::Return) {
            ret.operands.remove(index);
        }
        draft.tidy();
    }
    for draft in program.bodies.iter_mut().flatten() {
        for block in 0..draft.blocks.len() {
            let mut at = 0;
            while at < draft.blocks[block].insts.len() {
                let inst = &mut draft.blocks[block].insts[at];
                if inst.data.op == Op::Call && inst.data.func().index() == func {
                    let name = inst.results.remove(index);
                    let zero = Inst::constant(Scalar::new(draft.types[name as usize], 0), name);
                    draft.blocks[block].insts.insert(at, zero);
                    at += 1;
                }
                at += 1;
            }
        }
        draft.tidy();
    }
    Some(())
}

/// Drops declarations that nothing names, and makes segments and slots smaller.
pub(super) fn declarations(reducer: &mut Reducer<'_>) -> bool {
    let mut any = reducer.remove_chunks(
        |program| program.declarations.exports.len(),
        |program, range| {
            program.declarations.exports.drain(range);
            let names: Vec<String> = program
                .declarations
                .exported_funcs()
                .map(|(name, _)| name.to_string())
                .collect();
            program
                .calls
                .iter()
                .all(|call| names.contains(&call.name))
                .then_some(())
        },
    );
    for func in (0..reducer.program.declarations.funcs.len()).rev() {
        any |= reducer.change(|program| drop_func(program, func));
    }
    any |= reducer.remove_chunks(
        |program| program.declarations.elems.len(),
        |program, range| drop_last(&mut program.declarations.elems, range),
    );
    any |= reducer.remove_chunks(
        |program| program.declarations.datas.len(),
        |program, range| drop_last(&mut program.declarations.datas, range),
    );
    any |= reducer.remove_chunks(
        |program| program.declarations.tables.len(),
        |program, range| drop_last(&mut program.declarations.tables, range),
    );
    any |= reducer.remove_chunks(
        |program| program.declarations.memories.len(),
        |program, range| drop_last(&mut program.declarations.memories, range),
    );
    for global in (0..reducer.program.declarations.globals.len()).rev() {
        any |= reducer.change(|program| drop_global(program, global));
    }
    for func in 0..reducer.program.bodies.len() {
        any |= reducer.change(|program| {
            let slots = &mut program.bodies[func].as_mut()?.slots;
            slots.pop().map(|_| ())
        });
    }
    any
}

/// Makes data segments shorter.
pub(super) fn segments(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for data in 0..reducer.program.declarations.datas.len() {
        for keep in [0, 1, 2, 4] {
            let taken = reducer.change(|program| {
                let bytes = &mut program.declarations.datas[data].bytes;
                let length = bytes.len() * keep / 8;
                (length < bytes.len()).then(|| bytes.truncate(length))
            });
            any |= taken;
            if taken {
                break;
            }
        }
    }
    any
}

/// Drops the last ones only: the numbers of the others stay, and who names these is no module any more.
fn drop_last<T>(list: &mut Vec<T>, range: std::ops::Range<usize>) -> Option<()> {
    (range.end == list.len()).then(|| list.truncate(range.start))
}

/// Drops a function that nothing names, and gives the ones behind it new numbers.
fn drop_func(program: &mut Program, func: usize) -> Option<()> {
    let declarations = &mut program.declarations;
    let named = |init: &InitExpr| matches!(init, InitExpr::RefFunc(named) if named.index() == func);
    let exported = declarations
        .exported_funcs()
        .any(|(_, exported)| exported.index() == func);
    let referenced = declarations.elems.iter().flat_map(|e| &e.refs).any(named)
        || declarations.tables.iter().any(|t| named(&t.init));
    if exported
        || referenced
        || declarations
            .start
            .is_some_and(|start| start.index() == func)
    {
        return None;
    }
    declarations.funcs.remove(func);
    program.bodies.remove(func);
    let renumber = |old: Func| Func(if old.index() > func { old.0 - 1 } else { old.0 });
    let in_init = |init: &mut InitExpr| {
        if let InitExpr::RefFunc(named) = init {
            *named = renumber(*named);
        }
    };
    declarations
        .elems
        .iter_mut()
        .flat_map(|e| &mut e.refs)
        .for_each(in_init);
    declarations
        .tables
        .iter_mut()
        .for_each(|t| in_init(&mut t.init));
    declarations.start = declarations.start.map(renumber);
    for export in &mut declarations.exports {
        if let ExportItem::Func(exported) = &mut export.item {
            *exported = renumber(*exported);
        }
    }
    let insts = program
        .bodies
        .iter_mut()
        .flatten()
        .flat_map(|d| &mut d.blocks)
        .flat_map(|b| &mut b.insts);
    for inst in insts {
        let word = match inst.data.op {
            Op::Call | Op::ReturnCall => &mut inst.data.a,
            Op::RefFunc => &mut inst.data.b,
            _ => continue,
        };
        if *word as usize == func {
            return None;
        }
        *word = renumber(Func(*word)).0;
    }
    Some(())
}

/// Forgets signatures that nothing names.
pub(super) fn unused_signatures(program: &mut Program) {
    let old = program.declarations.clone();
    let mut new = Module::new();
    for decl in &old.funcs {
        let sig = new.intern_sig(old.sig(decl.sig).clone());
        new.push_func(decl.name.clone(), sig, decl.kind.clone());
    }
    let insts = program
        .bodies
        .iter_mut()
        .flatten()
        .flat_map(|d| &mut d.blocks)
        .flat_map(|b| &mut b.insts);
    for inst in insts.filter(|i| {
        matches!(
            i.data.op,
            Op::CallIndirect | Op::ReturnCallIndirect | Op::CallRaw
        )
    }) {
        inst.data.a = new.intern_sig(old.sig(inst.data.sig()).clone()).0;
    }
    new.memories = old.memories;
    new.globals = old.globals;
    new.tables = old.tables;
    new.datas = old.datas;
    new.elems = old.elems;
    new.exports = old.exports;
    new.start = old.start;
    program.declarations = new;
}

/// Drops a global that nothing names, and gives the ones behind it new numbers.
fn drop_global(program: &mut Program, global: usize) -> Option<()> {
    let named = |init: &InitExpr| matches!(init, InitExpr::Global(_));
    let declarations = &mut program.declarations;
    // Initialisers that name globals stay with all of them.
    if declarations.elems.iter().flat_map(|e| &e.refs).any(named)
        || declarations.tables.iter().any(|t| named(&t.init))
        || declarations
            .datas
            .iter()
            .any(|d| matches!(&d.mode, SegmentMode::Active { offset, .. } if named(offset)))
    {
        return None;
    }
    declarations.globals.remove(global);
    let insts = program
        .bodies
        .iter_mut()
        .flatten()
        .flat_map(|d| &mut d.blocks)
        .flat_map(|b| &mut b.insts);
    for inst in insts.filter(|inst| matches!(inst.data.op, Op::GlobalGet | Op::GlobalSet)) {
        match (inst.data.b as usize).cmp(&global) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => inst.data.b -= 1,
        }
    }
    Some(())
}

/// Makes arguments simpler.
pub(super) fn arguments(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for call in 0..reducer.program.calls.len() {
        for index in 0..reducer.program.calls[call].args.len() {
            for candidate in simpler(reducer.program.calls[call].args[index]) {
                let taken = reducer.change(|program| {
                    program.calls[call].args[index] = candidate;
                    Some(())
                });
                any |= taken;
                if taken {
                    break;
                }
            }
        }
    }
    any
}

/// Takes the usual options, and lets imports be functions that return zeros.
pub(super) fn options(reducer: &mut Reducer<'_>) -> bool {
    let mut any = reducer.change(|program| {
        let usual = Options::default();
        (program.options != usual).then(|| program.options = usual)
    });
    for func in 0..reducer.program.bodies.len() {
        any |= reducer.change(|program| {
            let signature = program
                .declarations
                .func_sig(Func::from_index(func))
                .clone();
            let decl = &mut program.declarations.funcs[func];
            if !matches!(decl.kind, FuncKind::Import(_)) {
                return None;
            }
            decl.kind = FuncKind::Declared;
            program.bodies[func] = Some(zeros(&signature));
            Some(())
        });
    }
    any
}

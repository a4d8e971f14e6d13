//! Passes over control flow: fewer edges, fewer blocks, fewer parameters.

use bakeoff_ir::{InstData, Op, Scalar, Type};

use super::{Program, Reducer};
use crate::draft::{Draft, Inst};

/// Functions and blocks, from the last to the first.
fn blocks(program: &Program) -> Vec<(usize, usize)> {
    let of = |(func, draft): (usize, &Option<Draft>)| {
        let count = draft.as_ref().map_or(0, |draft| draft.blocks.len());
        (0..count)
            .map(move |block| (func, block))
            .collect::<Vec<_>>()
    };
    let mut blocks: Vec<(usize, usize)> = program.bodies.iter().enumerate().flat_map(of).collect();
    blocks.reverse();
    blocks
}

fn terminator(program: &Program, func: usize, block: usize) -> Option<&Inst> {
    program.bodies[func]
        .as_ref()?
        .blocks
        .get(block)?
        .insts
        .last()
}

/// Makes the end of a block simpler: a return of zeros, a jump along one edge, fewer entries of a table.
pub(super) fn branches(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for (func, block) in blocks(&reducer.program) {
        let Some(last) = terminator(&reducer.program, func, block) else {
            continue;
        };
        if last.data.op != Op::Return {
            any |= reducer.change(|program| return_zeros(program, func, block));
        }
        let edges = terminator(&reducer.program, func, block).map_or(0, |last| last.edges.len());
        if edges < 2 {
            continue;
        }
        let jumps = (0..edges).any(|edge| {
            reducer.change(|program| {
                let draft = program.bodies[func].as_mut()?;
                let last = draft.blocks[block].insts.last_mut()?;
                *last = Inst::jump(last.edges.get(edge)?.clone());
                draft.tidy();
                Some(())
            })
        });
        any |= jumps || (edges > 2 && shorter_table(reducer, func, block));
        if reducer.is_over() {
            break;
        }
    }
    any
}

fn return_zeros(program: &mut Program, func: usize, block: usize) -> Option<()> {
    let sig = program.declarations.funcs[func].sig;
    let types = program.declarations.sig(sig).results.clone();
    let draft = program.bodies[func].as_mut()?;
    let mut values = Vec::with_capacity(types.len());
    let mut zeros = Vec::with_capacity(types.len());
    for ty in types {
        let name = draft.name(ty);
        zeros.push(Inst::constant(Scalar::new(ty, 0), name));
        values.push(name);
    }
    let insts = &mut draft.blocks[block].insts;
    insts.pop();
    insts.extend(zeros);
    insts.push(Inst::ret(values));
    draft.tidy();
    Some(())
}

/// A `br_table` with half of its entries, or a branch in its place.
fn shorter_table(reducer: &mut Reducer<'_>, func: usize, block: usize) -> bool {
    let mut any = false;
    while let Some(edges) = terminator(&reducer.program, func, block).map(|last| last.edges.len()) {
        let keep = [1, edges / 2, edges - 1];
        let taken = keep
            .into_iter()
            .filter(|keep| *keep > 0 && *keep < edges)
            .any(|keep| {
                reducer.change(|program| {
                    let draft = program.bodies[func].as_mut()?;
                    let last = draft.blocks[block].insts.last_mut()?;
                    // The default edge is the last one, and stays.
                    last.edges.drain(keep - 1..edges - 1);
                    draft.tidy();
                    Some(())
                })
            });
        any |= taken;
        if !taken {
            break;
        }
    }
    any
}

/// Appends a block to the only one that leads to it, and leaves blocks out that only lead on.
pub(super) fn join_blocks(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for (func, block) in blocks(&reducer.program) {
        any |= reducer.change(|program| join(program.bodies[func].as_mut()?, block));
        any |= reducer.change(|program| thread(program.bodies[func].as_mut()?, block));
        if reducer.is_over() {
            break;
        }
    }
    any
}

/// Appends the block that this one jumps to, if nobody else leads there.
fn join(draft: &mut Draft, block: usize) -> Option<()> {
    let last = draft.blocks.get(block)?.insts.last()?;
    let [edge] = &last.edges[..] else {
        return None;
    };
    let edge = edge.clone();
    let leading = draft
        .blocks
        .iter()
        .flat_map(|b| &b.insts)
        .flat_map(|i| &i.edges);
    if edge.block == 0
        || edge.block == block
        || leading.filter(|other| other.block == edge.block).count() != 1
    {
        return None;
    }
    let target = std::mem::take(&mut draft.blocks[edge.block]);
    draft.blocks[block].insts.pop();
    draft.blocks[block].insts.extend(target.insts);
    // The block that is empty now is reached by nobody; it gets an end, so that it may stand there.
    draft.blocks[edge.block].insts.push(Inst::new(
        InstData::new(Op::Trap, Type::I8),
        vec![],
        vec![],
    ));
    for (param, arg) in target.params.into_iter().zip(edge.args) {
        draft.replace(param, arg);
    }
    draft.tidy();
    Some(())
}

/// Leads past a block that only jumps on and has no parameters.
fn thread(draft: &mut Draft, block: usize) -> Option<()> {
    let data = draft.blocks.get(block)?;
    let [only] = &data.insts[..] else {
        return None;
    };
    let [edge] = &only.edges[..] else {
        return None;
    };
    if block == 0 || edge.block == block || !data.params.is_empty() {
        return None;
    }
    let edge = edge.clone();
    let edges = draft
        .blocks
        .iter_mut()
        .flat_map(|b| &mut b.insts)
        .flat_map(|i| &mut i.edges);
    edges
        .filter(|other| other.block == block)
        .for_each(|other| *other = edge.clone());
    draft.tidy();
    Some(())
}

/// Drops parameters of blocks; whoever uses them gets what one of the edges brings, or zero.
pub(super) fn params(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for (func, block) in blocks(&reducer.program) {
        let count = |program: &Program| {
            let draft = program.bodies[func].as_ref();
            draft
                .and_then(|draft| draft.blocks.get(block))
                .map_or(0, |block| block.params.len())
        };
        for index in (0..count(&reducer.program)).rev() {
            if block == 0 || index >= count(&reducer.program) {
                continue;
            }
            any |= reducer
                .change(|program| drop_param(program.bodies[func].as_mut()?, block, index, true))
                || reducer.change(|program| {
                    drop_param(program.bodies[func].as_mut()?, block, index, false)
                });
        }
        if reducer.is_over() {
            break;
        }
    }
    any
}

fn drop_param(draft: &mut Draft, block: usize, index: usize, by_argument: bool) -> Option<()> {
    let param = draft.blocks.get_mut(block)?.params.remove(index);
    let mut arg = None;
    let edges = draft
        .blocks
        .iter_mut()
        .flat_map(|b| &mut b.insts)
        .flat_map(|i| &mut i.edges);
    for edge in edges.filter(|edge| edge.block == block) {
        let removed = edge.args.remove(index);
        if removed != param {
            arg = arg.or(Some(removed));
        }
    }
    match (by_argument, arg) {
        (true, None) => return None,
        (true, Some(arg)) => draft.replace(param, arg),
        (false, _) => {
            let zero = Inst::constant(Scalar::new(draft.ty(param), 0), param);
            draft.blocks[block].insts.insert(0, zero);
        }
    }
    draft.tidy();
    Some(())
}

//! Passes over instructions: without them, with simpler ones, with what they are made of.

use bakeoff_ir::{Op, Scalar, Type};

use super::{Program, Reducer};
use crate::draft::Inst;

/// Where an instruction is: function, block, position.
type At = (usize, usize, usize);

/// All instructions but the terminators.
fn places(program: &Program) -> Vec<At> {
    let mut places = Vec::new();
    for (func, draft) in program.bodies.iter().enumerate() {
        let Some(draft) = draft else { continue };
        for (block, data) in draft.blocks.iter().enumerate() {
            places.extend((0..data.insts.len().saturating_sub(1)).map(|at| (func, block, at)));
        }
    }
    places
}

fn inst(program: &Program, (func, block, at): At) -> Option<&Inst> {
    program.bodies[func]
        .as_ref()?
        .blocks
        .get(block)?
        .insts
        .get(at)
}

fn is_zero(inst: &Inst) -> bool {
    matches!(inst.data.op, Op::Iconst | Op::Fconst) && inst.data.imm() == 0
}

/// The instructions that can be dropped or replaced by zeros.
fn droppable(program: &Program) -> Vec<At> {
    let mut places = places(program);
    places.retain(|at| inst(program, *at).is_some_and(|inst| !is_zero(inst)));
    places
}

/// Drops instructions; whoever uses their results gets zeros.
pub(super) fn drop_insts(reducer: &mut Reducer<'_>) -> bool {
    reducer.remove_chunks(
        |program| droppable(program).len(),
        |program, range| {
            // From the back, so that positions before stay what they are.
            for (func, block, at) in droppable(program).get(range)?.iter().rev().copied() {
                let draft = program.bodies[func].as_mut()?;
                let old = draft.blocks[block].insts.remove(at);
                for (index, name) in old.results.into_iter().enumerate() {
                    let zero = Inst::constant(Scalar::new(draft.types[name as usize], 0), name);
                    draft.blocks[block].insts.insert(at + index, zero);
                }
            }
            program
                .bodies
                .iter_mut()
                .flatten()
                .for_each(|draft| draft.tidy());
            Some(())
        },
    )
}

/// Takes an operand in place of a result that is computed from it.
pub(super) fn bypass(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    let mut places = places(&reducer.program);
    while let Some(place) = places.pop() {
        let Some(inst) = inst(&reducer.program, place) else {
            continue;
        };
        let (results, mut operands) = (inst.results.clone(), inst.operands.clone());
        operands.dedup();
        let Some(result) = results.first().copied() else {
            continue;
        };
        for operand in operands {
            any |= reducer.change(|program| {
                let draft = program.bodies[place.0].as_mut()?;
                if draft.ty(operand) != draft.ty(result) {
                    return None;
                }
                draft.replace(result, operand);
                draft.tidy();
                Some(())
            });
        }
        if reducer.is_over() {
            break;
        }
    }
    any
}

/// Constants that are simpler than this one, the simplest first.
pub(super) fn simpler(value: Scalar) -> Vec<Scalar> {
    let candidates: Vec<u64> = match value.ty() {
        Type::F32 => [0.0f32, 1.0, -1.0, f32::NAN]
            .iter()
            .map(|x| u64::from(x.to_bits()))
            .collect(),
        Type::F64 => [0.0f64, 1.0, -1.0, f64::NAN]
            .iter()
            .map(|x| x.to_bits())
            .collect(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            let half = (value.signed() / 2) as u64;
            vec![0, 1, 2, u64::MAX, half, value.bits() & 0xff]
        }
    };
    let scalars = candidates
        .into_iter()
        .map(|bits| Scalar::new(value.ty(), bits));
    scalars
        .take_while(|candidate| *candidate != value)
        .collect()
}

/// Makes constants and offsets smaller.
pub(super) fn simplify_constants(reducer: &mut Reducer<'_>) -> bool {
    let mut any = false;
    for (func, block, at) in places(&reducer.program) {
        let Some(inst) = inst(&reducer.program, (func, block, at)) else {
            continue;
        };
        let value = match inst.data.op {
            Op::Iconst | Op::Fconst => inst.data.scalar(),
            _ => continue,
        };
        for candidate in simpler(value) {
            let taken = reducer.change(|program| {
                let inst = &mut program.bodies[func].as_mut()?.blocks[block].insts[at];
                *inst = Inst::constant(candidate, inst.results[0]);
                Some(())
            });
            any |= taken;
            if taken || reducer.is_over() {
                break;
            }
        }
    }
    any | merge_constants(reducer)
}

/// Takes one constant for all that are equal.
fn merge_constants(reducer: &mut Reducer<'_>) -> bool {
    reducer.change(|program| {
        let mut merged = false;
        for draft in program.bodies.iter_mut().flatten() {
            let first: Vec<Inst> = draft.blocks[0].insts.clone();
            let constants: Vec<&Inst> = first
                .iter()
                .filter(|inst| matches!(inst.data.op, Op::Iconst | Op::Fconst))
                .collect();
            for (index, later) in constants.iter().enumerate() {
                let same = |early: &&&Inst| early.data == later.data;
                if let Some(early) = constants[..index].iter().find(same) {
                    draft.replace(later.results[0], early.results[0]);
                    merged = true;
                }
            }
            draft.tidy();
        }
        merged.then_some(())
    })
}

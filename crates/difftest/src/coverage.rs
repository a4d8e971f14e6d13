//! What of a module is executed: a copy of it that counts, run on the reference.
//!
//! Every block and every edge of the copy adds one to a word of an extra memory. The copy does what the
//! original does, apart from that, and where the program does not know how large its stack is.

use std::sync::Arc;

use bakeoff_ir::{
    Func, InstData, Memory, MemoryDecl, Module, Op, PAGE_BYTES, Scalar, Type, verify_module,
};

use crate::case::Case;
use crate::draft::{Draft, DraftBlock, Edge, Inst, drafts, with_bodies};
use crate::observe::observe;

/// How often each block and each edge was executed, in the order of the bodies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// For each body: the function, how often each of its blocks was executed, and each of the edges
    /// that leave them.
    pub bodies: Vec<(Func, Vec<u32>, Vec<u32>)>,
}

/// Words that a page of counters holds.
const WORDS_A_PAGE: usize = PAGE_BYTES as usize / 4;

/// Runs the case on the reference with counters; `None` if there is no room for them, or the reference
/// does not run it.
pub fn coverage(case: &Case) -> Option<Coverage> {
    let module = &case.module;
    let memory = Memory::from_index(module.memories.len());
    let mut counters = 0;
    let mut bodies = drafts(module);
    for draft in bodies.iter_mut().flatten() {
        count(draft, memory, &mut counters);
    }
    let mut declarations = Module::clone(module);
    let pages = counters.div_ceil(WORDS_A_PAGE).max(1) as u64;
    declarations.memories.push(MemoryDecl {
        min_pages: pages,
        max_pages: Some(pages),
        import: None,
    });
    let counting = with_bodies(&declarations, &bodies)?;
    verify_module(&counting).ok()?;
    let case = Case {
        module: Arc::new(counting),
        ..case.clone()
    };
    let reference = bakeoff_registry::find(bakeoff_registry::REFERENCE).ok()?;
    let state = observe(&case, reference).ok()?.state?;
    let bytes = state.memories.last()?;
    let mut words = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let mut take = |count: usize| -> Vec<u32> { words.by_ref().take(count).collect() };
    let bodies = module.bodies().map(|(func, _, body)| {
        let edges = body
            .blocks()
            .map(|block| body.successors(block).len())
            .sum();
        (func, take(body.block_count()), take(edges))
    });
    Some(Coverage {
        bodies: bodies.collect(),
    })
}

/// Makes every block and every edge count.
fn count(draft: &mut Draft, memory: Memory, counters: &mut usize) {
    let blocks = draft.blocks.len();
    for at in 0..blocks {
        let counting = bump(draft, memory, counters);
        draft.blocks[at].insts.splice(0..0, counting);
    }
    for at in 0..blocks {
        let last = draft.blocks[at].insts.len() - 1;
        for index in 0..draft.blocks[at].insts[last].edges.len() {
            let between = draft.blocks.len();
            let mut insts = bump(draft, memory, counters);
            let edge = std::mem::replace(
                &mut draft.blocks[at].insts[last].edges[index],
                Edge {
                    block: between,
                    args: vec![],
                },
            );
            insts.push(Inst::jump(edge));
            draft.blocks.push(DraftBlock {
                params: vec![],
                insts,
            });
        }
    }
}

/// The instructions that add one to the next counter.
fn bump(draft: &mut Draft, memory: Memory, counters: &mut usize) -> Vec<Inst> {
    let offset = *counters as u32 * 4;
    *counters += 1;
    let [base, one, old, new] = std::array::from_fn(|_| draft.name(Type::I32));
    let access = |op: Op| {
        let mut data = InstData::new(op, Type::I32);
        data.x = memory.0 as u8;
        data.c = offset;
        data
    };
    vec![
        Inst::constant(Scalar::i32(0), base),
        Inst::constant(Scalar::i32(1), one),
        Inst::new(access(Op::Load), vec![base], vec![old]),
        Inst::new(
            InstData::new(Op::Iadd, Type::I32),
            vec![old, one],
            vec![new],
        ),
        Inst::new(access(Op::Store), vec![new, base], vec![]),
    ]
}

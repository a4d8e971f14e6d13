//! A module: all functions side by side, links between them, and the way into the arena.
//!
//! ```text
//! functions and what stands for imports │ entry thunks │ guard │ constants of stencils, if used
//! ```

use std::sync::Arc;

use bakeoff_backend::native::{NativeCode, PartKind, PartRange};
use bakeoff_backend::{
    CodeFacts, CompileError, ContextLayout, Options, Phase, PhaseClock, PhaseSink,
};
use bakeoff_ir::{Func, Module};

use crate::buffer::CODE_LIMIT;
use crate::compile::{Shared, compile_entry, compile_function, compile_guard, compile_import};
use crate::library::POOL;
use crate::x64::FILLER;
use crate::{FrameFacts, Policy, Workspace};

/// More than the guard and the constants take, with what is filled up around them.
const TAIL_BYTES: usize = 16 << 10;

const _: () = assert!(POOL.len() < TAIL_BYTES / 2 && TAIL_BYTES < (1 << 31) - CODE_LIMIT);

/// Functions begin at multiples of this many bytes.
const FUNCTION_ALIGN: usize = 16;

/// Compiles a module.
pub(crate) fn compile_module(
    module: &Arc<Module>,
    policy: Policy,
    options: &Options,
    workspace: &mut Workspace,
    sink: &mut dyn PhaseSink,
) -> Result<NativeCode, CompileError> {
    let mut clock = PhaseClock::new(sink);
    let shared = Shared {
        module,
        layout: ContextLayout::of(module),
        bounds_checks: options.bounds_checks,
        policy,
    };
    workspace.buffer.clear(policy.code_limit);
    workspace.facts = FrameFacts::default();
    let escaping = module.escaping_funcs();
    clock.record(Phase::Analyse);
    // Positions for now.
    let mut parts: Vec<PartRange> = Vec::with_capacity(module.funcs.len() + 8);
    let mut starts = Vec::with_capacity(module.funcs.len());
    for (index, decl) in module.funcs.iter().enumerate() {
        let func = Func::from_index(index);
        let start = workspace.buffer.len();
        starts.push(start as u32);
        match decl.body() {
            Some(body) => {
                let mut record = |phase| clock.record(phase);
                compile_function(&shared, func, body, workspace, &mut record)?;
            }
            None => compile_import(&shared, func, &mut workspace.buffer),
        }
        push_part(&mut parts, PartKind::Func(func), start, workspace);
        check_size(&shared, func, workspace)?;
    }
    for (index, decl) in module.funcs.iter().enumerate() {
        if escaping[index] && decl.body().is_some() {
            let (func, start) = (Func::from_index(index), workspace.buffer.len());
            compile_entry(&shared, func, &mut workspace.buffer);
            push_part(&mut parts, PartKind::Entry(func), start, workspace);
            check_size(&shared, func, workspace)?;
        }
    }
    // What comes now is no function's, and short.
    workspace.buffer.extend_limit(TAIL_BYTES);
    let start = workspace.buffer.len();
    compile_guard(&shared, &mut workspace.buffer);
    push_part(&mut parts, PartKind::Other("guard"), start, workspace);
    clock.record(Phase::Emit);
    link(workspace, &starts, &mut parts);
    clock.record(Phase::Link);
    // SAFETY: the parts are what the compiler made of the module, in the conventions of this backend,
    // and linked.
    let code = unsafe {
        let traps = std::mem::take(&mut workspace.buffer.traps);
        let facts = facts(workspace);
        let code = NativeCode::publish(module, workspace.buffer.bytes(), parts, &traps, facts);
        workspace.buffer.traps = traps;
        code?
    };
    clock.record(Phase::Publish);
    Ok(code)
}

fn facts(workspace: &Workspace) -> CodeFacts {
    let Workspace { buffer, facts, .. } = workspace;
    CodeFacts {
        insts: None,
        relocations: Some((buffer.calls.len() + buffer.pool_references.len()) as u64),
        spills: Some(facts.spills),
        frame_bytes: Some(facts.bytes),
    }
}

fn check_size(shared: &Shared<'_>, func: Func, workspace: &Workspace) -> Result<(), CompileError> {
    if !workspace.buffer.overflowed() {
        return Ok(());
    }
    let limit = shared.policy.code_limit as u64;
    Err(CompileError::TooLarge {
        what: "the code up to the end",
        function: shared.module.func(func).name.clone(),
        size: limit + 1,
        limit,
    })
}

fn push_part(parts: &mut Vec<PartRange>, kind: PartKind, start: usize, workspace: &mut Workspace) {
    let range = start..workspace.buffer.len();
    parts.push(PartRange { kind, range });
    workspace.buffer.align(FUNCTION_ALIGN, FILLER);
}

/// Fills in the distances between functions, and those to the constants, which go to the end.
fn link(workspace: &mut Workspace, starts: &[u32], parts: &mut Vec<PartRange>) {
    let buffer = &mut workspace.buffer;
    let pool = buffer.len() as i32;
    if !buffer.pool_references.is_empty() {
        buffer.append(POOL);
        let range = pool as usize..buffer.len();
        let kind = PartKind::Other("constants");
        parts.push(PartRange { kind, range });
    }
    let (calls, references) = (
        std::mem::take(&mut buffer.calls),
        std::mem::take(&mut buffer.pool_references),
    );
    let bytes = buffer.bytes();
    let mut set = |at: u32, value: &dyn Fn(i32) -> i32| {
        if let Some(word) = bytes[at as usize..].first_chunk_mut::<4>() {
            *word = value(i32::from_le_bytes(*word)).to_le_bytes();
        }
    };
    for (at, func) in &calls {
        set(*at, &|_| starts[*func as usize] as i32 - (*at as i32 + 4));
    }
    for at in &references {
        // The hole holds the offset among the constants.
        set(*at, &|offset| pool + offset - (*at as i32 + 4));
    }
    (buffer.calls, buffer.pool_references) = (calls, references);
}

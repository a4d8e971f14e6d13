//! A module: all functions side by side, links between them, and the way into the arena.
//!
//! ```text
//! functions and what stands for imports │ entry thunks │ guard │ constants
//! ```

use std::sync::Arc;

use bakeoff_backend::native::{NativeCode, PartKind, PartRange};
use bakeoff_backend::{
    CodeFacts, CompileError, ContextLayout, Options, Phase, PhaseClock, PhaseSink,
};
use bakeoff_ir::{Func, Module};

use crate::Policy;
use crate::compiler::{FrameFacts, Scratch, Shared};
use crate::function::compile_function;
use crate::machine::Machine;

/// Functions begin at multiples of this many bytes.
const FUNCTION_ALIGN: usize = 16;

/// Parts of the code while it is made; positions for now.
struct Parts<'m, M: Machine> {
    shared: &'m Shared<'m>,
    machine: &'m mut M,
    list: Vec<PartRange>,
}

impl<M: Machine> Parts<'_, M> {
    /// Ends a part that began at `start`.
    fn push(&mut self, kind: PartKind, start: usize) {
        let range = start..self.machine.buffer().module_len();
        self.list.push(PartRange { kind, range });
        self.machine.buffer().align(FUNCTION_ALIGN, M::FILLER);
    }

    /// A piece of code that is no function of the module's.
    fn thunk(&mut self, kind: PartKind, make: impl FnOnce(&mut M)) {
        let start = self.machine.buffer().module_len();
        self.machine.buffer().begin_function(0);
        make(self.machine);
        self.push(kind, start);
    }

    fn check_size(&mut self, func: Func) -> Result<(), CompileError> {
        let buffer = self.machine.buffer();
        if !buffer.overflowed() {
            return Ok(());
        }
        Err(CompileError::TooLarge {
            what: "the code up to the end",
            function: self.shared.module.func(func).name.clone(),
            size: buffer.total_len() as u64,
            limit: buffer.limit() as u64,
        })
    }
}

/// Compiles a module.
pub(crate) fn compile_module<M: Machine>(
    module: &Arc<Module>,
    policy: Policy,
    options: &Options,
    machine: &mut M,
    scratch: &mut Scratch,
    sink: &mut dyn PhaseSink,
) -> Result<NativeCode, CompileError> {
    let mut clock = PhaseClock::new(sink);
    let shared = Shared {
        module,
        layout: ContextLayout::of(module),
        bounds_checks: options.bounds_checks,
        policy,
    };
    machine.buffer().clear(policy.code_limit);
    scratch.facts = FrameFacts::default();
    let escaping = module.escaping_funcs();
    clock.record(Phase::Analyse);
    let mut starts = Vec::with_capacity(module.funcs.len());
    let mut parts = Parts {
        shared: &shared,
        machine,
        list: Vec::with_capacity(module.funcs.len() + 8),
    };
    for (index, decl) in module.funcs.iter().enumerate() {
        let func = Func::from_index(index);
        match decl.body() {
            Some(body) => {
                let machine = &mut *parts.machine;
                let start = compile_function(&shared, func, body, machine, scratch, &mut clock)?;
                starts.push(start as u32);
                parts.push(PartKind::Func(func), start);
            }
            None => {
                starts.push(parts.machine.buffer().module_len() as u32);
                parts.thunk(PartKind::Func(func), |machine| {
                    M::import(&shared, func, machine)
                });
            }
        }
        parts.check_size(func)?;
    }
    for (index, decl) in module.funcs.iter().enumerate() {
        if escaping[index] && decl.body().is_some() {
            let func = Func::from_index(index);
            parts.thunk(PartKind::Entry(func), |machine| {
                M::entry(&shared, func, machine)
            });
            parts.check_size(func)?;
        }
    }
    // Whatever runs off the end of the last function stops here.
    parts.thunk(PartKind::Other("guard"), M::guard);
    clock.record(Phase::Emit);
    let Parts {
        machine, mut list, ..
    } = parts;
    if let Some(start) = machine.buffer().link(&starts) {
        let range = start..machine.buffer().module_len();
        let kind = PartKind::Other("constants");
        list.push(PartRange { kind, range });
    }
    clock.record(Phase::Link);
    let facts = CodeFacts {
        insts: None,
        relocations: Some(machine.buffer().link_count() as u64),
        spills: Some(scratch.facts.spills),
        frame_bytes: Some(scratch.facts.bytes),
    };
    let (bytes, traps) = machine.buffer().finished();
    // SAFETY: the parts are what the compiler made of the module, in the conventions of this backend,
    // and linked.
    let code = unsafe { NativeCode::publish(module, bytes, list, traps, facts)? };
    clock.record(Phase::Publish);
    Ok(code)
}

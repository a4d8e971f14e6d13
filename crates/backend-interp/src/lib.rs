//! The reference backend: a register-code interpreter.
//!
//! A function is planned ([`plan`]: what gets which slot), translated ([`translate`]: one pass to
//! instructions of [`code`]), and run by one `match` loop ([`run`]). Ops without an instruction of their
//! own go through the reference semantics of the IR, so that everything works at any type.

mod code;
mod listing;
mod moves;
mod plan;
mod ranges;
mod run;
mod select;
mod store_op;
mod translate;

use std::sync::Arc;
use std::time::Instant;

use bakeoff_backend::{
    Backend, CodeFacts, CodeView, CompileError, ContextLayout, Executable, FuncEntry, Options,
    Phase, PhaseSink, Target, VmContext,
};
use bakeoff_ir::{Func, Module, TrapCode};

use code::{Code, Insn};
use translate::{EvalOp, FuncCode, SideTables, StoreOp, TooManySlots, translate};

/// The interpreter. It runs on any target and has no options: memory accesses are always checked.
pub struct Interp;

impl Backend for Interp {
    fn phases(&self) -> &'static [Phase] {
        &[Phase::Lower, Phase::Link]
    }

    fn compile(
        &self,
        module: &Arc<Module>,
        _target: Target,
        _options: &Options,
        phases: &mut dyn PhaseSink,
    ) -> Result<Arc<dyn Executable>, CompileError> {
        let start = Instant::now();
        let layout = ContextLayout::of(module);
        let mut tables = SideTables::default();
        let mut funcs = Vec::with_capacity(module.funcs.len());
        for decl in &module.funcs {
            funcs.push(match decl.body() {
                None => FuncCode {
                    code: Box::default(),
                    frame_slots: 0,
                },
                Some(body) => translate(module, &layout, decl.sig, body, &mut tables).map_err(
                    |TooManySlots| CompileError::TooLarge {
                        what: "the frame",
                        function: decl.name.clone(),
                        size: body.value_count() as u64,
                        limit: 60_000,
                    },
                )?,
            });
        }
        let lowered = Instant::now();
        let slots = |decl: &bakeoff_ir::FuncDecl| {
            let signature = module.sig(decl.sig);
            signature.params.len().max(signature.results.len())
        };
        let mut code = InterpCode {
            layout,
            slot_counts: module.funcs.iter().map(slots).collect(),
            funcs: funcs.into_boxed_slice(),
            tables,
            module: Arc::clone(module),
        };
        code.link();
        phases.record(Phase::Lower, (lowered - start).as_nanos() as u64);
        phases.record(Phase::Link, lowered.elapsed().as_nanos() as u64);
        Ok(Arc::new(code))
    }
}

/// A module in register code.
struct InterpCode {
    module: Arc<Module>,
    layout: ContextLayout,
    funcs: Box<[FuncCode]>,
    /// Slots that a call of each function passes: the greater of parameters and results.
    slot_counts: Vec<usize>,
    tables: SideTables,
}

impl InterpCode {
    /// Replaces callees' numbers by addresses, which stay: the functions are in a box of their own.
    fn link(&mut self) {
        let addresses: Vec<u64> = self
            .funcs
            .iter()
            .map(|f| std::ptr::from_ref(f) as u64)
            .collect();
        for insn in self.funcs.iter_mut().flat_map(|f| f.code.iter_mut()) {
            if is_link(insn) {
                insn.imm = addresses[insn.imm as usize];
            }
        }
    }

    /// All instructions.
    fn insns(&self) -> impl Iterator<Item = &Insn> {
        self.funcs.iter().flat_map(|f| &f.code)
    }

    /// The function at an address that `link` put into an instruction.
    fn func_at(&self, address: u64) -> Func {
        let offset = address - self.funcs.as_ptr() as u64;
        Func((offset / size_of::<FuncCode>() as u64) as u32)
    }
}

/// Whether an instruction names a function that `link` finds.
fn is_link(insn: &Insn) -> bool {
    matches!(insn.code, Code::Call | Code::TailCall)
}

// SAFETY: `translate` keeps what `run` relies on, and what both do is what the module says.
unsafe impl Executable for InterpCode {
    fn module(&self) -> &Arc<Module> {
        &self.module
    }

    fn code_bytes(&self) -> usize {
        self.insns().count() * size_of::<Insn>()
            + self.tables.evals.len() * size_of::<EvalOp>()
            + self.tables.store_ops.len() * size_of::<StoreOp>()
    }

    fn facts(&self) -> CodeFacts {
        let words: u64 = self.funcs.iter().map(|f| u64::from(f.frame_slots)).sum();
        // The region of stack slots is another one; a function has one instruction at most that takes of it.
        let takes = |insn: &&Insn| insn.code == Code::EnterSlots;
        let bytes: u64 = self.insns().filter(takes).map(|insn| insn.imm).sum();
        CodeFacts {
            insts: Some(self.insns().count() as u64),
            relocations: Some(self.insns().filter(|insn| is_link(insn)).count() as u64),
            // There are no registers that a value could have instead.
            spills: None,
            frame_bytes: Some(8 * words + bytes),
        }
    }

    fn func_entries(&self) -> Vec<FuncEntry> {
        let entry = |(index, decl): (usize, &bakeoff_ir::FuncDecl)| FuncEntry {
            code: std::ptr::null(),
            sig: decl.sig.0,
            func: index as u32,
        };
        self.module.funcs.iter().enumerate().map(entry).collect()
    }

    unsafe fn enter(
        &self,
        context: *mut VmContext,
        func: Func,
        slots: *mut u64,
    ) -> Result<(), TrapCode> {
        // SAFETY: the caller's promise.
        unsafe { run::enter(self, context, func, slots) }
    }

    fn view(&self) -> CodeView<'_> {
        CodeView::Text(listing::write(self))
    }
}

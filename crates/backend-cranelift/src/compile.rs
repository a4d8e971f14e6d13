//! Driving the code generator over a module: which functions there are, and what is what.

use std::time::Instant;

use bakeoff_backend::native::PartKind;
use bakeoff_backend::{CompileError, ContextLayout, Options, Phase, PhaseSink};
use bakeoff_ir::{Func, FuncKind, Module, TrapCode};
use cranelift_codegen::Context;
use cranelift_codegen::ir as cl;
use cranelift_codegen::isa::OwnedTargetIsa;

use crate::call::{entry_thunk, import_thunk};
use crate::translate::{Shared, module_signature, translate};
use crate::{Features, call};

/// A function of the machine code. Numbers of functions of the module are their own; entry thunks are
/// numbered behind them.
#[derive(Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) number: u32,
    pub(crate) kind: PartKind,
}

/// All functions that machine code is needed for.
pub(crate) fn units(module: &Module) -> Vec<Unit> {
    let escaping = module.escaping_funcs();
    let mut units = Vec::with_capacity(module.funcs.len() + 16);
    for index in 0..module.funcs.len() {
        let func = Func::from_index(index);
        units.push(Unit {
            number: func.0,
            kind: PartKind::Func(func),
        });
    }
    for (index, decl) in module.funcs.iter().enumerate() {
        if escaping[index] && decl.body().is_some() {
            units.push(Unit {
                number: units.len() as u32,
                kind: PartKind::Entry(Func::from_index(index)),
            });
        }
    }
    units
}

/// Translates and compiles units, one after the other, in one context.
pub(crate) struct Compiler<'m> {
    shared: Shared<'m>,
    pub(crate) context: Context,
    control: cranelift_codegen::control::ControlPlane,
}

impl<'m> Compiler<'m> {
    pub(crate) fn new(module: &'m Module, isa: &OwnedTargetIsa, options: &Options) -> Compiler<'m> {
        Compiler {
            shared: Shared {
                module,
                layout: ContextLayout::of(module),
                bounds_checks: options.bounds_checks,
                features: Features::of(isa),
            },
            context: Context::new(),
            control: cranelift_codegen::control::ControlPlane::default(),
        }
    }

    /// The signature of a unit.
    pub(crate) fn signature(&self, unit: Unit) -> cl::Signature {
        match unit.kind {
            PartKind::Func(func) => module_signature(self.shared.module.func_sig(func)),
            PartKind::Entry(_) | PartKind::Other(_) => call::entry_signature(),
        }
    }

    /// Translates a unit into the context, which it clears.
    pub(crate) fn translate(&mut self, unit: Unit, phases: &mut dyn PhaseSink) {
        let start = phases.enabled().then(Instant::now);
        self.context.clear();
        let module = self.shared.module;
        let out = &mut self.context.func;
        out.name = cl::UserFuncName::user(0, unit.number);
        match unit.kind {
            PartKind::Entry(func) => entry_thunk(func, module.func_sig(func), out),
            PartKind::Func(func) => match &module.func(func).kind {
                FuncKind::Defined(body) => {
                    out.signature = module_signature(module.func_sig(func));
                    translate(&self.shared, module.func_sig(func), body, out);
                }
                FuncKind::Import(_) | FuncKind::Declared => {
                    import_thunk(func, module.func_sig(func), out)
                }
            },
            PartKind::Other(_) => {}
        }
        if let Some(start) = start {
            phases.record(Phase::Lower, start.elapsed().as_nanos() as u64);
        }
    }

    /// Compiles what was translated.
    pub(crate) fn compile(&mut self, unit: Unit, isa: &OwnedTargetIsa) -> Result<(), CompileError> {
        let result = self.context.compile(&**isa, &mut self.control);
        match result {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(self.shared.module, unit, error.inner.to_string())),
        }
    }
}

/// The error that Cranelift refused a unit.
pub(crate) fn failed(module: &Module, unit: Unit, message: String) -> CompileError {
    let function = match unit.kind {
        PartKind::Func(func) | PartKind::Entry(func) => module.func(func).name.clone(),
        PartKind::Other(name) => name.to_string(),
    };
    CompileError::Failed { function, message }
}

/// The trap that Cranelift's code means: ours, or one that it raises by itself.
pub(crate) fn trap_code(code: cl::TrapCode) -> TrapCode {
    match code {
        cl::TrapCode::STACK_OVERFLOW => TrapCode::StackOverflow,
        cl::TrapCode::INTEGER_OVERFLOW => TrapCode::IntegerOverflow,
        cl::TrapCode::HEAP_OUT_OF_BOUNDS => TrapCode::MemoryOutOfBounds,
        cl::TrapCode::INTEGER_DIVISION_BY_ZERO => TrapCode::IntegerDivisionByZero,
        cl::TrapCode::BAD_CONVERSION_TO_INTEGER => TrapCode::BadConversionToInteger,
        ours => TrapCode::from_byte(ours.as_raw().get()).unwrap_or(TrapCode::Unreachable),
    }
}

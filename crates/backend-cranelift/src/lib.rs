//! The baseline: Cranelift.
//!
//! `translate` (with `access` and `call`) turns a function of the IR into one of Cranelift, `compile`
//! drives the code generator and collects code and traps, and `publish` puts them into the arena that
//! all backends share, or, for [`JIT`], into the memory that a user of cranelift-jit gets.
//!
//! Cranelift is given what it wants for good code and fast compilation: features of the processor (unless
//! [`Options`] keep them from it), no verifier, a profiler that does nothing unless times are asked for, its
//! own guard-page checks.

mod access;
mod call;
mod compile;
mod phases;
mod publish;
mod translate;

use std::sync::{Arc, OnceLock};

use bakeoff_backend::{Backend, CompileError, Cpu, Executable, Options, Phase, PhaseSink, Target};
use bakeoff_ir::{Module, Op, StackSlotData};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};

/// Cranelift in one configuration.
pub struct Cranelift {
    opt_level: &'static str,
    regalloc_algorithm: &'static str,
    memory: CodeMemory,
    /// What code is generated for: by [`Cpu`], without and with frame pointers. Made once, as a user would.
    isas: [[OnceLock<Result<OwnedTargetIsa, String>>; 2]; 2],
}

/// Whose memory the code goes into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CodeMemory {
    Arena,
    CraneliftJit,
}

/// `opt_level=speed`, backtracking register allocator.
pub static SPEED: Cranelift = Cranelift::new("speed", "backtracking", CodeMemory::Arena);

/// `opt_level=none`, backtracking register allocator.
pub static NONE: Cranelift = Cranelift::new("none", "backtracking", CodeMemory::Arena);

/// `opt_level=none`, single-pass register allocator.
pub static NONE_SINGLE_PASS: Cranelift = Cranelift::new("none", "single_pass", CodeMemory::Arena);

/// As [`SPEED`], with the module, linker and memory of cranelift-jit.
pub static JIT: Cranelift = Cranelift::new("speed", "backtracking", CodeMemory::CraneliftJit);

impl Cranelift {
    const fn new(
        opt_level: &'static str,
        regalloc_algorithm: &'static str,
        memory: CodeMemory,
    ) -> Cranelift {
        Cranelift {
            opt_level,
            regalloc_algorithm,
            memory,
            isas: [const { [const { OnceLock::new() }; 2] }; 2],
        }
    }

    /// What code is generated for. Cranelift's tail calls want frame pointers, everything else is
    /// faster without.
    fn isa(&self, cpu: Cpu, frame_pointers: bool) -> Result<&OwnedTargetIsa, CompileError> {
        let isa = &self.isas[cpu as usize][usize::from(frame_pointers)];
        let made = isa.get_or_init(|| self.make_isa(cpu, frame_pointers));
        made.as_ref().map_err(|message| CompileError::Failed {
            function: String::new(),
            message: message.clone(),
        })
    }

    fn make_isa(&self, cpu: Cpu, frame_pointers: bool) -> Result<OwnedTargetIsa, String> {
        let mut flags = settings::builder();
        let choices = [
            ("opt_level", self.opt_level),
            ("regalloc_algorithm", self.regalloc_algorithm),
            (
                "preserve_frame_pointers",
                if frame_pointers { "true" } else { "false" },
            ),
            ("is_pic", "false"),
            ("use_colocated_libcalls", "false"),
            ("enable_verifier", "false"),
            // Large frames touch every page, so that they cannot step over the guard pages.
            ("enable_probestack", "true"),
            ("probestack_strategy", "inline"),
            // Nobody unwinds through generated code.
            ("unwind_info", "false"),
        ];
        for (name, value) in choices {
            flags.set(name, value).map_err(|e| format!("{name}: {e}"))?;
        }
        let detect_features = cpu == Cpu::Host;
        let builder =
            cranelift_native::builder_with_options(detect_features).map_err(str::to_string)?;
        builder
            .finish(settings::Flags::new(flags))
            .map_err(|e| e.to_string())
    }
}

/// Whether any function of the module makes a tail call.
fn has_tail_calls(module: &Module) -> bool {
    let insts = module
        .bodies()
        .flat_map(|(_, _, body)| body.blocks().map(|b| body.inst(body.terminator(b)).op));
    insts
        .into_iter()
        .any(|op| matches!(op, Op::ReturnCall | Op::ReturnCallIndirect))
}

/// Checks that the stack slots of each function are such that offsets fit 32 bits with a sign: with
/// larger ones Cranelift panics.
fn check_frames(module: &Module) -> Result<(), CompileError> {
    const LIMIT_BYTES: u64 = 1 << 30;
    for (_, decl, body) in module.bodies() {
        let slots = body.stack_slots().iter();
        let bytes = |slot: &StackSlotData| u64::from(slot.bytes) + u64::from(slot.align);
        let size: u64 = slots.map(bytes).sum();
        if size > LIMIT_BYTES {
            return Err(CompileError::TooLarge {
                what: "the size of all stack slots",
                function: decl.name.clone(),
                size,
                limit: LIMIT_BYTES,
            });
        }
    }
    Ok(())
}

/// What the processor that code is generated for can do, as far as a translation needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Features {
    /// Rounding to an integral value is an instruction (SSE 4.1).
    pub(crate) rounds: bool,
    /// So is a fused multiplication and addition (FMA).
    pub(crate) fuses: bool,
}

impl Features {
    fn of(isa: &OwnedTargetIsa) -> Features {
        let has = |name: &str| {
            let flags = isa.isa_flags();
            flags
                .iter()
                .any(|flag| flag.name == name && flag.as_bool() == Some(true))
        };
        Features {
            rounds: has("has_sse41") && has("has_ssse3") || isa.name() != "x64",
            fuses: has("has_fma") || isa.name() != "x64",
        }
    }
}

impl Backend for Cranelift {
    fn phases(&self) -> &'static [Phase] {
        match self.memory {
            CodeMemory::Arena => &Phase::ALL,
            // cranelift-jit links and publishes in one step.
            CodeMemory::CraneliftJit => &[
                Phase::Analyse,
                Phase::Lower,
                Phase::Allocate,
                Phase::Emit,
                Phase::Link,
            ],
        }
    }

    fn compile(
        &self,
        module: &Arc<Module>,
        target: Target,
        options: &Options,
        phases: &mut dyn PhaseSink,
    ) -> Result<Arc<dyn Executable>, CompileError> {
        if Some(target) != Target::host() {
            return Err(CompileError::Unsupported {
                what: "code for another machine".to_string(),
                target,
            });
        }
        check_frames(module)?;
        let isa = self.isa(options.cpu, has_tail_calls(module))?;
        let code = match self.memory {
            CodeMemory::Arena => publish::into_arena(module, isa, options, phases)?,
            CodeMemory::CraneliftJit => publish::into_jit_module(module, isa, options, phases)?,
        };
        Ok(Arc::new(code))
    }
}

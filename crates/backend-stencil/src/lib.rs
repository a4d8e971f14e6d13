//! Copy and patch: machine code from stencils that are written in Rust.
//!
//! The build script compiles the stencils ([`catalog`] says which) and checks them; [`library`] has them
//! as data. A function is analysed, its values get places (`allocate`), and one pass copies stencils
//! into a buffer and fills their holes (`compile`, `buffer`). `publish` links the functions of a module
//! and hands them over.
//!
//! ARCHITECTURE.md draws the way from a stencil in Rust to running code.

mod allocate;
mod buffer;
pub mod catalog;
mod compile;
pub mod library;
mod place;
mod publish;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
mod x64;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use bakeoff_backend::moves::Moves;
use bakeoff_backend::{Backend, CompileError, Cpu, Executable, Options, Phase, PhaseSink, Target};
use bakeoff_ir::analysis::Intervals;
use bakeoff_ir::{Block, Module};

use catalog::Level;

/// The choices of a configuration, each of which can be looked at alone.
#[derive(Clone, Copy, Debug)]
struct Policy {
    /// Values live in registers; else every value is in the frame.
    registers: bool,
    /// Stencils for more than one thing: comparisons in branches, operands that are constants or in
    /// the frame, additions to a third register.
    fusion: bool,
    /// No jump to what follows anyway.
    elide_jumps: bool,
    /// Rare blocks stand behind all others.
    cold_section: bool,
    /// The stencils to use.
    level: Level,
    /// The most bytes of code of a module.
    code_limit: usize,
}

impl Policy {
    /// Everything, for any processor.
    const ALL: Policy = Policy {
        registers: true,
        fusion: true,
        elide_jumps: true,
        cold_section: true,
        level: Level::Base,
        code_limit: buffer::CODE_LIMIT,
    };
}

/// The backend in one configuration.
pub struct Stencils {
    policy: Policy,
    /// Whether the level is that of the processor, if options allow it, instead of the policy's.
    newest: bool,
}

/// Everything.
pub static ALL: Stencils = Stencils::new(Policy::ALL);

/// Every value in the frame: the plain form of copy and patch.
pub static FRAME: Stencils = Stencils::new(Policy {
    registers: false,
    ..Policy::ALL
});

/// A jump at the end of every block.
pub static JUMPS: Stencils = Stencils::new(Policy {
    elide_jumps: false,
    ..Policy::ALL
});

/// A stencil an instruction, operands in registers.
pub static NO_FUSION: Stencils = Stencils::new(Policy {
    fusion: false,
    ..Policy::ALL
});

/// Blocks stand where the layout has them.
pub static NO_COLD: Stencils = Stencils::new(Policy {
    cold_section: false,
    ..Policy::ALL
});

/// Only what every processor of the target has.
pub static BASE: Stencils = Stencils {
    policy: Policy::ALL,
    newest: false,
};

/// What one compilation after the other works in.
#[derive(Default)]
struct Workspace {
    intervals: Intervals,
    allocation: allocate::Allocation,
    buffer: buffer::Buffer,
    moves: Moves<place::Place>,
    following: Vec<Block>,
    facts: FrameFacts,
}

/// Sums over the functions of a module.
#[derive(Clone, Copy, Default)]
struct FrameFacts {
    /// Values with a slot.
    spills: u64,
    /// Bytes of frames.
    bytes: u64,
}

/// A workspace whose large parts take more memory than this is not kept.
const KEPT_BYTES: usize = 64 << 20;

thread_local! {
    /// Taken while it is in use: who compiles meanwhile, such as a sink of phases, makes one anew.
    static WORKSPACE: Cell<Option<Box<Workspace>>> = const { Cell::new(None) };
}

impl Workspace {
    /// That of this thread, or a new one. A thread that is ending has none.
    fn take() -> Box<Workspace> {
        let kept = WORKSPACE.try_with(Cell::take);
        kept.ok().flatten().unwrap_or_default()
    }

    /// Keeps it for the next time.
    fn keep(self: Box<Self>) {
        let bytes = self.intervals.heap_bytes() + self.allocation.heap_bytes();
        if bytes + self.buffer.heap_bytes() <= KEPT_BYTES {
            // A thread that is ending keeps nothing.
            let _ = WORKSPACE.try_with(|kept| kept.set(Some(self)));
        }
    }
}

impl Stencils {
    const fn new(policy: Policy) -> Stencils {
        Stencils {
            policy,
            newest: true,
        }
    }

    fn policy(&self, cpu: Cpu) -> Policy {
        static HOST: OnceLock<Level> = OnceLock::new();
        let level = match cpu {
            Cpu::Host if self.newest => *HOST.get_or_init(library::level_of_host),
            Cpu::Host => self.policy.level,
            Cpu::Baseline => Level::Base,
        };
        Policy {
            level,
            ..self.policy
        }
    }
}

impl Backend for Stencils {
    fn phases(&self) -> &'static [Phase] {
        // Copying is lowering and emitting at once.
        &[
            Phase::Analyse,
            Phase::Allocate,
            Phase::Emit,
            Phase::Link,
            Phase::Publish,
        ]
    }

    fn compile(
        &self,
        module: &Arc<Module>,
        target: Target,
        options: &Options,
        phases: &mut dyn PhaseSink,
    ) -> Result<Arc<dyn Executable>, CompileError> {
        if Some(target) != Target::host() || target != Target::X64 {
            return Err(CompileError::Unsupported {
                what: "code for another machine".to_string(),
                target,
            });
        }
        let policy = self.policy(options.cpu);
        let mut workspace = Workspace::take();
        let code = publish::compile_module(module, policy, options, &mut workspace, phases);
        workspace.keep();
        Ok(Arc::new(code?))
    }
}

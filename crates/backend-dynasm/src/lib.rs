//! A baseline compiler in one pass, with dynasm-rs for the encoding: what an engineer writes for a new
//! runtime.
//!
//! An analysis finds live intervals and how many values loops need at once; then one pass over the
//! instructions selects, gives registers to values, and emits.
//!
//! | module | what |
//! |---|---|
//! | `publish` | a module: functions side by side, links, the way into the arena |
//! | `function` | functions, blocks, terminators; which instructions become part of others |
//! | `compiler` | registers for operands and results, instruction by instruction |
//! | `calls` | what is passed where |
//! | `edges` | what is where when control reaches a block; loops |
//! | `values`, `location`, `frame` | where values are and can be |
//! | `pressure` | how many values are live at once in a loop |
//! | `buffer` | code while it is made: labels, traps, constants |
//! | `machine` | what a target provides |
//! | `x64` | the target x86-64 |

mod buffer;
mod calls;
mod compiler;
mod edges;
mod frame;
mod function;
mod location;
mod machine;
mod pressure;
mod publish;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
mod values;
mod x64;

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use bakeoff_backend::{Backend, CompileError, Cpu, Executable, Options, Phase, PhaseSink, Target};
use bakeoff_ir::Module;

use compiler::Scratch;
use machine::Machine;
use x64::X64;

/// The choices of a configuration, each of which can be looked at alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Values live in registers between instructions; else every value is in its slot.
    registers: bool,
    /// Instructions for more than one op: comparisons in branches, operands that are constants or in
    /// memory, sums in addresses.
    fusion: bool,
    /// What the processor has.
    features: Features,
    /// The most bytes of code of a module.
    code_limit: usize,
}

impl Policy {
    /// Everything, for any processor.
    const ALL: Policy = Policy {
        registers: true,
        fusion: true,
        features: Features::NONE,
        code_limit: buffer::CODE_LIMIT,
    };
}

/// Extensions of x86-64 that the compiler uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Features {
    sse41: bool,
    popcnt: bool,
    lzcnt: bool,
    bmi1: bool,
    bmi2: bool,
    fma: bool,
}

impl Features {
    const NONE: Features = Features {
        sse41: false,
        popcnt: false,
        lzcnt: false,
        bmi1: false,
        bmi2: false,
        fma: false,
    };

    /// Those of the processor that this runs on.
    fn of_host() -> Features {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            Features {
                sse41: has!("sse4.1"),
                popcnt: has!("popcnt"),
                lzcnt: has!("lzcnt"),
                bmi1: has!("bmi1"),
                bmi2: has!("bmi2"),
                fma: has!("fma"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Features::NONE
    }
}

/// The backend in one configuration.
pub struct Dynasm {
    policy: Policy,
}

/// Everything.
pub static ALL: Dynasm = Dynasm::new(Policy::ALL);

/// Every value in its slot: what a compiler by templates gives.
pub static SPILL: Dynasm = Dynasm::new(Policy {
    registers: false,
    ..Policy::ALL
});

/// An instruction an op, operands in registers.
pub static NO_FUSION: Dynasm = Dynasm::new(Policy {
    fusion: false,
    ..Policy::ALL
});

impl Dynasm {
    const fn new(policy: Policy) -> Dynasm {
        Dynasm { policy }
    }
}

/// What one compilation after the other works in.
#[derive(Default)]
struct Workspace {
    machine: X64,
    scratch: Scratch,
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
    fn keep(mut self: Box<Self>) {
        if self.machine.buffer().heap_bytes() + self.scratch.heap_bytes() <= KEPT_BYTES {
            // A thread that is ending keeps nothing.
            let _ = WORKSPACE.try_with(|kept| kept.set(Some(self)));
        }
    }
}

impl Backend for Dynasm {
    fn phases(&self) -> &'static [Phase] {
        // One pass lowers, allocates and emits.
        &[Phase::Analyse, Phase::Emit, Phase::Link, Phase::Publish]
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
        static HOST: OnceLock<Features> = OnceLock::new();
        let features = match options.cpu {
            Cpu::Host => *HOST.get_or_init(Features::of_host),
            Cpu::Baseline => Features::NONE,
        };
        let policy = Policy {
            features,
            ..self.policy
        };
        let mut workspace = Workspace::take();
        let Workspace { machine, scratch } = &mut *workspace;
        let code = publish::compile_module(module, policy, options, machine, scratch, phases);
        workspace.keep();
        Ok(Arc::new(code?))
    }
}

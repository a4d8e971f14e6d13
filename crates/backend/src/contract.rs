//! What a backend promises.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bakeoff_code_memory::CodeMemoryError;
use bakeoff_ir::{Func, Module, Op, TrapCode, Type};

use crate::context::{FuncEntry, VmContext};

/// The instruction set that code is generated for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// x86-64, System V convention.
    X64,
    /// 64-bit Arm, AAPCS64.
    Aarch64,
}

impl Target {
    /// The machine that this process runs on; `None` if it is neither.
    pub const fn host() -> Option<Target> {
        if cfg!(target_arch = "x86_64") {
            Some(Target::X64)
        } else if cfg!(target_arch = "aarch64") {
            Some(Target::Aarch64)
        } else {
            None
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::X64 => "x86-64",
            Target::Aarch64 => "aarch64",
        })
    }
}

/// How linear-memory accesses with 32-bit indices are checked. Accesses with 64-bit indices are always
/// checked explicitly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum BoundsChecks {
    /// Guard pages: an access out of bounds faults.
    #[default]
    Guard,
    /// A compare and a branch before every access.
    Explicit,
}

/// Which features of the processor native code may use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Cpu {
    /// Everything that the machine this runs on has, found at run time.
    #[default]
    Host,
    /// Only what every processor of the target has.
    Baseline,
}

/// What a caller may choose for any backend.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Options {
    /// How linear memory is checked.
    pub bounds_checks: BoundsChecks,
    /// What code may use of the processor.
    pub cpu: Cpu,
}

/// The phases of a compilation, named once for all backends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Facts about the program: control flow, liveness, loops.
    Analyse,
    /// From the IR to instructions of the target or of an IR nearer to it.
    Lower,
    /// Assigning registers and slots.
    Allocate,
    /// Encoding instructions.
    Emit,
    /// Resolving addresses between functions and to the runtime.
    Link,
    /// Making the code executable.
    Publish,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 6] = [
        Phase::Analyse,
        Phase::Lower,
        Phase::Allocate,
        Phase::Emit,
        Phase::Link,
        Phase::Publish,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Analyse => "analyse",
            Phase::Lower => "lower",
            Phase::Allocate => "allocate",
            Phase::Emit => "emit",
            Phase::Link => "link",
            Phase::Publish => "publish",
        }
    }
}

/// Receives how long phases took. A backend reports a phase any number of times, such as once a
/// function; the times add up.
pub trait PhaseSink {
    /// Whether times are wanted: reading the clock is not free, and a backend skips it otherwise.
    fn enabled(&self) -> bool;
    /// Adds to the time of a phase.
    fn record(&mut self, phase: Phase, duration_ns: u64);
}

/// The clock of a compilation: what passes between two looks at it belongs to a phase. It is read only if
/// somebody wants to know.
pub struct PhaseClock<'p> {
    sink: &'p mut dyn PhaseSink,
    last: Option<Instant>,
}

impl<'p> PhaseClock<'p> {
    /// Starts the clock.
    pub fn new(sink: &'p mut dyn PhaseSink) -> PhaseClock<'p> {
        let last = sink.enabled().then(Instant::now);
        PhaseClock { sink, last }
    }

    /// The time since the last call, or since the start, belongs to this phase.
    #[inline]
    pub fn record(&mut self, phase: Phase) {
        if let Some(last) = &mut self.last {
            let now = Instant::now();
            self.sink.record(phase, (now - *last).as_nanos() as u64);
            *last = now;
        }
    }
}

/// Wants no times.
pub struct NoPhases;

impl PhaseSink for NoPhases {
    fn enabled(&self) -> bool {
        false
    }

    fn record(&mut self, _phase: Phase, _duration_ns: u64) {}
}

/// Adds up the times, in ns, in the order of [`Phase::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PhaseTimes(pub [u64; 6]);

impl PhaseSink for PhaseTimes {
    fn enabled(&self) -> bool {
        true
    }

    fn record(&mut self, phase: Phase, duration_ns: u64) {
        self.0[phase as usize] += duration_ns;
    }
}

/// Why a module was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The backend does not do this yet. A comparison counts and shows it.
    #[error("{what} is not supported on {target}")]
    Unsupported {
        /// The op and its type, or another feature.
        what: String,
        /// For which target.
        target: Target,
    },
    /// Something is larger than the backend's encoding can say.
    #[error("{what} of @{function} is {size}, more than the {limit} that this backend can encode")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The function's name.
        function: String,
        /// Its size.
        size: u64,
        /// The greatest size.
        limit: u64,
    },
    /// The code generator that a backend is built on refused the function.
    #[error("cannot compile @{function}: {message}")]
    Failed {
        /// The function's name.
        function: String,
        /// What it said.
        message: String,
    },
    /// No executable memory.
    #[error(transparent)]
    CodeMemory(#[from] CodeMemoryError),
}

impl CompileError {
    /// An op that the backend does not do.
    pub fn unsupported_op(op: Op, ty: Type, target: Target) -> CompileError {
        CompileError::Unsupported {
            what: format!("{op}.{ty}"),
            target,
        }
    }
}

/// A way of turning a module into running code.
pub trait Backend: Send + Sync {
    /// The phases that this backend reports. Work of a phase that is not listed is done, if at all,
    /// as part of the one listed before it.
    fn phases(&self) -> &'static [Phase];

    /// Compiles a module that the verifier has accepted. The clock of a comparison runs from the call
    /// to the return: afterwards every function can be entered.
    fn compile(
        &self,
        module: &Arc<Module>,
        target: Target,
        options: &Options,
        phases: &mut dyn PhaseSink,
    ) -> Result<Arc<dyn Executable>, CompileError>;
}

/// A named part of the machine code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodePart<'e> {
    /// `@f` for a function, another word for the rest.
    pub name: String,
    /// The address of the first byte.
    pub address: u64,
    /// The bytes.
    pub bytes: &'e [u8],
}

/// A look at what was generated, for people.
pub enum CodeView<'e> {
    /// Machine code.
    Machine {
        /// The parts, ascending by address.
        parts: Vec<CodePart<'e>>,
        /// Where faults are traps: address and code, ascending.
        traps: &'e [(usize, TrapCode)],
    },
    /// Code of a virtual machine, written out.
    Text(String),
}

/// Facts about generated code, each `None` if the backend does not know it. Finding them costs the compilation nothing
/// but additions, a few a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CodeFacts {
    /// Instructions of the code. Backends that make machine code leave that to a disassembler.
    pub insts: Option<u64>,
    /// Places in the code that are filled in when it is known where the parts of the module are: calls between
    /// functions, addresses of functions, references to constants that all functions share. Branches within a function,
    /// and what goes through the context, are none.
    pub relocations: Option<u64>,
    /// Values that get a slot of a frame for some time, because no register was free or because a call comes before
    /// their last use. A value counts once, and never twice; slots that the IR asks for are none.
    pub spills: Option<u64>,
    /// Size of the frames of all functions with a body, in bytes, with the slots that the IR asks for, saved registers,
    /// arguments of calls and padding; without return addresses, and without entry thunks and functions of the host. Slots
    /// below the stack pointer count as well.
    pub frame_bytes: Option<u64>,
}

/// A compiled module: code that can be entered, without any state of its own.
///
/// # Safety
/// An implementation promises that [`enter`](Executable::enter) executes the module as the IR defines
/// it, touching nothing but the instance behind the context and what raw accesses name, and that
/// `func_entries` yields entries that its own code can call.
pub unsafe trait Executable: Send + Sync {
    /// The module that was compiled.
    fn module(&self) -> &Arc<Module>;

    /// Size of the code, in bytes, with constants and jump tables, without tables for traps.
    fn code_bytes(&self) -> usize;

    /// What is known of the code.
    fn facts(&self) -> CodeFacts {
        CodeFacts::default()
    }

    /// The record of each function in order, for references and indirect calls. Functions that do not
    /// escape ([`Module::escaping_funcs`]) may have a null address.
    fn func_entries(&self) -> Vec<FuncEntry>;

    /// Runs a function that escapes. `slots` holds the arguments, each in 64 bits with the unused high
    /// bits zero, and receives the results likewise.
    ///
    /// # Safety
    /// `context` is the context of a live instance of [`module`](Executable::module) that nobody else
    /// uses during the call, and `slots` points to at least as many words as the function has
    /// parameters, and results.
    unsafe fn enter(
        &self,
        context: *mut VmContext,
        func: Func,
        slots: *mut u64,
    ) -> Result<(), TrapCode>;

    /// The generated code.
    fn view(&self) -> CodeView<'_>;
}

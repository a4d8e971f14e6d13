//! The contract between the IR and its backends, and what running code needs.
//!
//! A backend turns a verified module into an [`Executable`]; an [`Instance`] gives it memories, tables,
//! globals and host functions, and calls it. Everything that is the same for all backends is here, so
//! that a comparison measures code generation and nothing else.
//!
//! | module | what |
//! |---|---|
//! | `contract` | [`Backend`], [`Executable`], options, phases, errors |
//! | `instance` | [`Instance`]: instantiation, calls, access by the host |
//! | `host` | [`Imports`], [`HostFunc`], [`Caller`] |
//! | [`context`] | the record that generated code works on, field by field |
//! | `store` | memories, tables and segments of an instance, and the operations on them |
//! | `memory` | linear memories with guard pages |
//! | [`moves`] | copies that happen at once, put one after the other: edges, calls, returns |
//! | [`slots`] | slots of a frame, shared by values that do not live at the same time |
//! | [`native`] | entering and leaving machine code: trampoline, guest stack, signal handler |
//! | `builtins` | what machine code calls for everything that is not worth inlining |
//! | `foreign` | calling C functions through a pointer |

mod builtins;
pub mod context;
mod contract;
mod foreign;
mod host;
mod instance;
mod memory;
pub mod moves;
pub mod native;
pub mod slots;
mod store;

pub use builtins::Builtins;
pub use context::{ContextLayout, FuncEntry, MemoryView, TableView, VmContext};
pub use contract::{
    Backend, BoundsChecks, CodeFacts, CodePart, CodeView, CompileError, Cpu, Executable, NoPhases,
    Options, Phase, PhaseClock, PhaseSink, PhaseTimes, Target,
};
pub use foreign::{call_foreign, foreign_stack_words};
pub use host::{Caller, HostError, HostFunc, HostMemory, HostTable, Imports};
pub use instance::{CallError, Instance, InstantiateError, State, Trap, call_host};
pub use store::Store;

//! The shared intermediate representation: one SSA language with block arguments that every frontend
//! produces and every backend consumes.
//!
//! | module | what |
//! |---|---|
//! | [`ops`] | the op table: the one list of operations |
//! | `types`, `trap`, `entity` | scalar types and values, trap codes, indices |
//! | `function`, `module` | the arrays that a program consists of |
//! | `builder` | makes functions, turns variables into SSA |
//! | `verifier` | checks what backends rely on |
//! | [`analysis`] | control flow, dominators, loops, live ranges |
//! | [`semantics`] | what every op that computes gives |
//! | [`text`] | the text form: parser, printer, directives of test files |
#![forbid(unsafe_code)]

pub mod analysis;
mod builder;
mod docs;
mod entity;
mod function;
mod module;
pub mod ops;
pub mod semantics;
pub mod text;
mod trap;
mod types;
mod verifier;

pub use builder::{BuildError, FunctionBuilder, Variable};
pub use docs::ops_markdown;
pub use entity::{Block, Data, Elem, Func, Global, Inst, Memory, Sig, StackSlot, Table, Value};
pub use function::{BlockData, EdgeData, Function, InstData, Operands, StackSlotData};
pub use module::{
    DataDecl, ElemDecl, Export, ExportItem, FuncDecl, FuncKind, GlobalDecl, GlobalInit, ImportName,
    InitExpr, MAX_MEMORIES, MAX_PAGES, MemoryDecl, Module, PAGE_BYTES, RefKind, SegmentMode,
    Signature, TableDecl,
};
pub use ops::{Effects, FloatCc, Format, IntCc, Op};
pub use text::{ParseError, ParsedModule, parse_module};
pub use trap::TrapCode;
pub use types::{Scalar, ScalarParseError, Type, sign_extend};
pub use verifier::{VerifierError, VerifierErrors, verify_module};

//! What a target provides: registers, copies, and the selection of instructions.
//!
//! Everything else in this crate but the folders of targets is written in these terms.

use bakeoff_ir::{Func, InstData, Op, TrapCode, Value};
use dynasmrt::relocations::Relocation;

use crate::Policy;
use crate::buffer::{Buffer, Label};
use crate::compiler::Compiler;
use crate::location::{Class, Loc, Reg};

/// A target, and what writes its machine code.
pub(crate) trait Machine: Default + 'static {
    /// The relocations of its assembler.
    type Relocation: Relocation + std::fmt::Debug;
    /// What a comparison left behind, to branch on.
    type Condition: Copy;

    /// The registers that values live in.
    const POOL: u64;
    /// What fills the bytes between functions: an instruction that traps.
    const FILLER: u8;
    /// The registers that arguments of calls are in, integers and floats, in order.
    const ARGS: [&'static [Reg]; 2];
    /// Those that results are in.
    const RESULTS: [&'static [Reg]; 2];

    /// Whether an op clobbers every register, of those that do so on some target.
    fn is_call(op: Op, policy: &Policy) -> bool;

    fn buffer(&mut self) -> &mut Buffer<Self>;

    /// Fills in the distance of a branch; both are offsets in the code of the module.
    fn link(code: &mut [u8], at: u32, target: u32);

    /// Whether an instruction can become part of one behind it that uses its result as this operand.
    fn can_fold(
        compiler: &Compiler<'_, Self>,
        data: &InstData,
        into: &InstData,
        operand: usize,
    ) -> bool;
    /// Forgets what is known of the code before: another block begins.
    fn begin_block(&mut self);
    /// Copies a value of 64 bits from one place to another.
    fn copy(compiler: &mut Compiler<'_, Self>, to: Loc, from: Loc);
    /// Emits an instruction other than a terminator with edges; `result` is the first of its results.
    fn inst(compiler: &mut Compiler<'_, Self>, data: &InstData, result: Value);
    /// Emits a terminator without edges.
    fn leave(compiler: &mut Compiler<'_, Self>, data: &InstData);
    /// Compares for a branch on this value.
    fn test(compiler: &mut Compiler<'_, Self>, condition: Value) -> Self::Condition;
    /// Branches if a condition holds.
    fn branch_if(&mut self, condition: Self::Condition, target: Label);
    /// The opposite condition.
    fn inverse(condition: Self::Condition) -> Self::Condition;
    /// Branches.
    fn jump(&mut self, target: Label);
    /// An instruction that traps.
    fn trap(&mut self, code: TrapCode);
    /// The part of a `br_table` that selects, by what is in a register.
    fn select_edge(&mut self, index: Reg, temporary: Reg, targets: &[Label], default: Label);

    /// Enters a frame of a size that is not known yet.
    fn enter(&mut self, frame: &crate::frame::Frame);
    /// Ends a function, whose frame has this size.
    fn end_function(&mut self, frame_bytes: i32);
    /// The registers of a class that values live in.
    #[inline]
    fn class_pool(class: Class) -> u64 {
        match class {
            Class::Int => Self::POOL & u32::MAX as u64,
            Class::Float => Self::POOL & !(u32::MAX as u64),
        }
    }

    /// The entry thunk of a function: `extern "C" fn(context, slots)`.
    fn entry(shared: &crate::compiler::Shared<'_>, func: Func, machine: &mut Self);
    /// A function of the module that calls the host.
    fn import(shared: &crate::compiler::Shared<'_>, func: Func, machine: &mut Self);

    /// What stands behind the last function: an instruction that faults, which is nobody's trap.
    fn guard(&mut self);
}

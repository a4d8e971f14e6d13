//! Bodies of functions.
//!
//! Terms
//! * A *frame* is a block, loop or if that has begun and not ended, or the function itself.
//! * The *exit* of a frame is the IR block behind it, with a parameter for each result. It is made
//!   when the first branch leads there; a block that nothing branches to leaves no trace.
//! * The *header* of a loop is the IR block that branches to it lead to, with a parameter for each
//!   parameter of the loop.
//!
//! Locals are variables of the builder, which makes block parameters of them where they are needed and
//! reads those that were never assigned as zero. The operand stack exists at translation time only.
//!
//! Invariants
//! * An operator is validated before it is translated. Stack underflow, indices out of range and types
//!   that do not fit cannot happen here.
//! * Code that cannot be reached is validated and skipped: there is a current block exactly if the
//!   code at hand is translated, and all frames in `frames` began in such code.
//! * Nothing recurses: the depth of a program is the length of a vector.

mod control;
mod elses;
mod operators;
mod stack;

use bakeoff_ir::{Func, Function, FunctionBuilder, Value, Variable};
use wasmparser::{FuncValidator, FunctionBody, OperatorsReader, ValidatorResources};

use crate::WasmError;
use crate::module::{Env, ir_type};
use control::{BlockSig, Frame, FrameKind};
use elses::Elses;
use stack::Test;

/// Memory that is used again for the next body.
#[derive(Default)]
pub(crate) struct Scratch {
    stack: Vec<Value>,
    frames: Vec<Frame>,
    locals: Vec<Variable>,
}

/// The one limit on a body: what it may cost beyond its length.
///
/// SSA form is not linear in the program: each of *b* branches to a loop may carry each of *v*
/// variables. Real programs are far from the product; a made-up one of a megabyte can ask for 10^10
/// values. What is added up is a bound on the values that blocks and edges carry.
#[derive(Default)]
struct Cost(u64);

impl Cost {
    /// Half a gigabyte of edge arguments.
    const MAX: u64 = 1 << 27;

    fn add(&mut self, edges: usize, values_each: usize, offset: u64) -> Result<(), WasmError> {
        self.0 = (edges as u64)
            .saturating_mul(values_each as u64)
            .saturating_add(self.0);
        match self.0 > Cost::MAX {
            true => Err(WasmError::at(
                offset,
                "the function has too many branches for its number of locals, parameters and results",
            )),
            false => Ok(()),
        }
    }
}

/// Translates one body.
struct FuncTranslator<'e, 's> {
    env: &'e Env,
    builder: FunctionBuilder<'e>,
    locals: &'s mut Vec<Variable>,
    /// The operand stack, without `pending`.
    stack: &'s mut Vec<Value>,
    /// A test that is the topmost operand and not yet an instruction.
    pending: Option<Test>,
    frames: &'s mut Vec<Frame>,
    /// Frames that began in unreachable code and have not ended.
    skipped: usize,
    elses: Elses<'e>,
    cost: Cost,
    /// Where the operator at hand stands.
    offset: u64,
}

/// Validates and translates a body.
pub(crate) fn translate(
    env: &Env,
    func: Func,
    body: &FunctionBody<'_>,
    validator: &mut FuncValidator<ValidatorResources>,
    scratch: &mut Scratch,
) -> Result<Function, WasmError> {
    let sig = env.module.func(func).sig;
    scratch.stack.clear();
    scratch.frames.clear();
    scratch.locals.clear();
    let mut translator = FuncTranslator {
        env,
        builder: FunctionBuilder::new(&env.module, sig),
        locals: &mut scratch.locals,
        stack: &mut scratch.stack,
        pending: None,
        frames: &mut scratch.frames,
        skipped: 0,
        elses: Elses::new(body),
        cost: Cost::default(),
        offset: body.range().start,
    };
    translator.begin(BlockSig::Sig(sig));
    let mut locals = body.get_locals_reader()?;
    for _ in 0..locals.get_count() {
        let offset = locals.original_position();
        let (count, ty) = locals.read()?;
        // This checks the count before it is used.
        validator.define_locals(offset, count, ty)?;
        for _ in 0..count {
            let local = translator.builder.declare_variable(ir_type(ty));
            translator.locals.push(local);
        }
    }
    let mut operators = OperatorsReader::new(locals.get_binary_reader());
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset()?;
        validator.op(offset, &operator)?;
        translator.offset = offset;
        translator.operator(&operator)?;
    }
    operators.finish()?;
    let builder = translator.builder;
    builder
        .finish()
        .map_err(|e| WasmError::build(body.range().start, &e))
}

impl FuncTranslator<'_, '_> {
    /// Makes the parameters the first locals and opens the frame of the function.
    fn begin(&mut self, sig: BlockSig) {
        let entry = self.builder.entry();
        self.builder.switch_to(entry);
        let params = self.builder.params(entry).to_vec();
        for param in params {
            let ty = self.builder.value_type(param);
            let local = self.builder.declare_variable(ty);
            self.builder.define_variable(local, param);
            self.locals.push(local);
        }
        self.frames.push(Frame {
            kind: FrameKind::Function,
            sig,
            base: 0,
            exit: None,
        });
    }

    /// Whether the code at hand can be reached.
    fn is_reachable(&self) -> bool {
        self.builder.current().is_some()
    }

    /// Accounts for edges that carry this many operands each, besides locals.
    fn charge(&mut self, edges: usize, operands: usize) -> Result<(), WasmError> {
        let values = 1 + self.locals.len() + operands;
        self.cost.add(edges, values, self.offset)
    }
}

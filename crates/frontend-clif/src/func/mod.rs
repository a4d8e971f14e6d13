//! Bodies of functions.
//!
//! Terms
//! * `what` is the stable reason for which a function is left out, see
//!   [`Unsupported`](crate::Unsupported).
//!
//! Blocks are translated in reverse postorder, so that a definition comes before its uses wherever the
//! file has them. What cannot be reached is dropped. The entry is no target, in both languages.
//!
//! Invariant: the function obeys the rules of CLIF, see `read`; where that leaves a question open, the
//! answer is a reason and not a panic.

mod calls;
mod compute;
mod convert;
mod insts;
mod memory;

use bakeoff_ir::{Block, Function, FunctionBuilder, StackSlot, TrapCode, Type, Value};
use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::entities::AnyEntity;
use cranelift_codegen::ir::{self as clif, BlockArg, BlockCall};
use rustc_hash::FxHashMap;

use crate::module::{Env, Reason, ir_signature, ir_type};

/// The user code of the first trap of the IR that CLIF has no name for, less that trap's byte.
pub const FIRST_NAMED_TRAP: u8 = 200;

/// The IR's trap for a trap code of CLIF.
///
/// Codes that both have names for are each other; `user1` to `user127` are those of the IR. The other
/// named traps of the IR are `user200` and their byte (`user201` is `unreachable`), and `user200` itself
/// is the IR's `user0`, so that a module that is written as CLIF reads back. The rest has no counterpart.
pub fn trap_code(code: clif::TrapCode) -> Option<TrapCode> {
    let named = [
        (clif::TrapCode::STACK_OVERFLOW, TrapCode::StackOverflow),
        (clif::TrapCode::INTEGER_OVERFLOW, TrapCode::IntegerOverflow),
        (
            clif::TrapCode::HEAP_OUT_OF_BOUNDS,
            TrapCode::MemoryOutOfBounds,
        ),
        (
            clif::TrapCode::INTEGER_DIVISION_BY_ZERO,
            TrapCode::IntegerDivisionByZero,
        ),
        (
            clif::TrapCode::BAD_CONVERSION_TO_INTEGER,
            TrapCode::BadConversionToInteger,
        ),
    ];
    if let Some((_, code)) = named.iter().find(|(theirs, _)| *theirs == code) {
        return Some(*code);
    }
    match code.as_raw().get() {
        number @ ..=TrapCode::MAX_USER => Some(TrapCode::User(number)),
        FIRST_NAMED_TRAP => Some(TrapCode::User(0)),
        number => TrapCode::NAMED
            .iter()
            .copied()
            .find(|code| number.checked_sub(FIRST_NAMED_TRAP) == Some(code.to_byte())),
    }
}

/// Translates one body.
pub(crate) fn translate(env: &Env, function: &clif::Function) -> Result<Function, Reason> {
    let at_head = |what: String| Reason { what, entity: None };
    if function.stack_limit.is_some() {
        return Err(at_head("stack limit".to_string()));
    }
    let signature = ir_signature(&function.signature).map_err(at_head)?;
    let sig = env.sig(&signature).map_err(at_head)?;
    let mut translator = FuncTranslator {
        env,
        function,
        builder: FunctionBuilder::new(&env.module, sig),
        values: vec![None; function.dfg.num_values()],
        blocks: vec![None; function.dfg.num_blocks()],
        slots: FxHashMap::default(),
        stack_addresses: FxHashMap::default(),
    };
    translator.body()?;
    let finished = translator.builder.finish();
    finished.map_err(|error| at_head(format!("body: {error}")))
}

/// Translates one body.
struct FuncTranslator<'e> {
    env: &'e Env,
    function: &'e clif::Function,
    builder: FunctionBuilder<'e>,
    /// What stands for each value that has been met; aliases are resolved before.
    values: Vec<Option<Value>>,
    /// What stands for each block that can be reached.
    blocks: Vec<Option<Block>>,
    /// What stands for each stack slot that has been met, and its size in bytes.
    slots: FxHashMap<clif::StackSlot, (StackSlot, u32)>,
    /// The values that are addresses in stack slots.
    stack_addresses: FxHashMap<Value, StackAddress>,
}

/// Where in a stack slot an address points.
#[derive(Clone, Copy)]
struct StackAddress {
    slot: StackSlot,
    /// The offset, less than the size.
    at: u32,
    /// The size of the slot.
    bytes: u32,
}

impl FuncTranslator<'_> {
    fn body(&mut self) -> Result<(), Reason> {
        let cfg = ControlFlowGraph::with_function(self.function);
        let dominators = DominatorTree::with_function(self.function, &cfg);
        let order: Vec<clif::Block> = dominators.cfg_postorder().iter().rev().copied().collect();
        let Some(entry) = order.first() else {
            let what = "function without blocks".to_string();
            return Err(Reason { what, entity: None });
        };
        for block in &order {
            self.declare_block(*block, block == entry)
                .map_err(|what| Reason {
                    what,
                    entity: Some(AnyEntity::Block(*block)),
                })?;
        }
        for block in &order {
            self.block(*block)?;
        }
        Ok(())
    }

    /// Makes a block and its parameters.
    fn declare_block(&mut self, block: clif::Block, is_entry: bool) -> Result<(), String> {
        let params = self.function.dfg.block_params(block);
        let target = match is_entry {
            true => self.builder.entry(),
            false => self.builder.create_block(),
        };
        for (index, param) in params.iter().enumerate() {
            let ty = ir_type(self.function.dfg.value_type(*param))?;
            let value = match is_entry {
                true => self.builder.params(target).get(index).copied(),
                false => Some(self.builder.append_param(target, ty)),
            };
            self.values[param.as_u32() as usize] = value;
        }
        self.blocks[block.as_u32() as usize] = Some(target);
        Ok(())
    }

    fn block(&mut self, block: clif::Block) -> Result<(), Reason> {
        if let Some(target) = self.blocks[block.as_u32() as usize] {
            self.builder.switch_to(target);
        }
        for inst in self.function.layout.block_insts(block) {
            self.inst(inst).map_err(|what| Reason {
                what,
                entity: Some(inst.into()),
            })?;
        }
        Ok(())
    }

    /// What stands for a value.
    fn value(&self, value: clif::Value) -> Result<Value, String> {
        let resolved = self.function.dfg.resolve_aliases(value);
        let found = self.values.get(resolved.as_u32() as usize).copied();
        found
            .flatten()
            .ok_or_else(|| "value without a definition".to_string())
    }

    fn values_of(&self, values: &[clif::Value]) -> Result<Vec<Value>, String> {
        values.iter().map(|value| self.value(*value)).collect()
    }

    /// The type of a value that stands for one.
    fn ty(&self, value: Value) -> Type {
        self.builder.value_type(value)
    }

    /// The block that stands for the target of an edge, and its arguments.
    fn edge(&self, call: &BlockCall) -> Result<(Block, Vec<Value>), String> {
        let pool = &self.function.dfg.value_lists;
        let block = self.blocks[call.block(pool).as_u32() as usize];
        let block = block.ok_or_else(|| "edge to nowhere".to_string())?;
        let one = |arg: BlockArg| match arg {
            BlockArg::Value(value) => self.value(value),
            BlockArg::TryCallRet(_) | BlockArg::TryCallExn(_) => Err("op try_call".to_string()),
        };
        let args = call.args(pool).map(one).collect::<Result<_, _>>()?;
        Ok((block, args))
    }
}

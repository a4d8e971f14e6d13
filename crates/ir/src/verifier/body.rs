//! Checks of one body, in three steps: the shape that the analyses need, dominators, and then every
//! instruction in order.

use super::types::TypeVerifier;
use super::{Errors, Location};
use crate::analysis::{Cfg, Dominators};
use crate::entity::{Block, Func, Inst, Sig, Value};
use crate::function::{Function, InstData, StackSlotData};
use crate::module::Module;

/// Checks bodies one after the other, with the same buffers.
pub(super) struct BodyVerifier<'m> {
    module: &'m Module,
    cfg: Cfg,
    dominators: Dominators,
    /// The block in which each value is defined.
    def_blocks: Vec<Block>,
}

impl<'m> BodyVerifier<'m> {
    pub(super) fn new(module: &'m Module) -> BodyVerifier<'m> {
        BodyVerifier {
            module,
            cfg: Cfg::default(),
            dominators: Dominators::default(),
            def_blocks: Vec::new(),
        }
    }

    pub(super) fn verify(&mut self, func: Func, sig: Sig, body: &Function, errors: &mut Errors) {
        let before = errors.0.len();
        self.shape(func, body, errors);
        self.slots(func, body, errors);
        if errors.0.len() > before {
            return;
        }
        self.cfg.compute(body);
        self.dominators.compute(&self.cfg);
        self.entry(func, sig, body, errors);
        let mut types = TypeVerifier {
            module: self.module,
            func,
            sig,
            body,
            errors,
        };
        for block in body.blocks() {
            for inst in body.insts(block) {
                let data = body.inst(inst);
                // An operand that is no value would be out of range for what follows.
                if types.values_exist(inst, data) {
                    types.inst(inst, data);
                    self.dominance(block, inst, data, &mut types);
                }
            }
        }
    }

    /// Checks the canonical form: everything stands where its number says.
    fn shape(&mut self, func: Func, body: &Function, errors: &mut Errors) {
        if body.blocks.is_empty() {
            return errors.push(Location::Func(func), "a function has a block");
        }
        if body.results.len() != body.insts.len() {
            return errors.push(Location::Func(func), "results are not numbered");
        }
        self.def_blocks.clear();
        let (mut next_inst, mut next_value) = (0, 0);
        for (index, block) in body.blocks.iter().enumerate() {
            let location = Location::Block(func, Block::from_index(index));
            let end = block.end_inst.0;
            if block.first_inst.0 != next_inst || end as usize > body.insts.len() || end < next_inst
            {
                return errors.push(location, "blocks are not in the order of the layout");
            }
            if block.first_param.0 != next_value {
                return errors.push(location, "parameters are not in the order of the layout");
            }
            let Some(terminator) = end.checked_sub(1).filter(|last| *last >= next_inst) else {
                return errors.push(location, "this block is empty");
            };
            next_value = next_value.saturating_add(block.param_count);
            for at in next_inst..end {
                let inst = Inst(at);
                let location = Location::Inst(func, inst);
                if body.insts[inst.index()].op.ends_block() != (at == terminator) {
                    return errors.push(location, "one terminator ends a block, and nothing else");
                }
                if body.results[inst.index()].0 != next_value {
                    return errors.push(location, "results are not in the order of the layout");
                }
                // The number of results is checked with their types; here it is where the next begin.
                if at != terminator {
                    next_value = body.results[inst.index() + 1].0.max(next_value);
                }
            }
            if next_value as usize > body.value_types.len() {
                return errors.push(location, "there are more values than types");
            }
            self.def_blocks
                .resize(next_value as usize, Block::from_index(index));
            self.targets(func, Inst(terminator), body, errors);
            next_inst = end;
        }
        if next_inst as usize != body.insts.len() || next_value as usize != body.value_types.len() {
            errors.push(Location::Func(func), "a part of the body is in no block");
        }
    }

    /// Checks that the edges of a terminator lead to blocks, and not to the entry.
    fn targets(&self, func: Func, inst: Inst, body: &Function, errors: &mut Errors) {
        for (index, edge) in body.edges(body.inst(inst)).iter().enumerate() {
            let location = Location::Edge(func, inst, index);
            if edge.block.index() >= body.blocks.len() {
                let message = format!("there is no {}", edge.block);
                errors.push(location, message);
            }
            if edge.block == Block(0) {
                errors.push(location, "no edge leads to the entry");
            }
        }
    }

    fn slots(&self, func: Func, body: &Function, errors: &mut Errors) {
        for (index, slot) in body.slots.iter().enumerate() {
            if !slot.align.is_power_of_two() || slot.align > StackSlotData::MAX_ALIGN {
                let message = format!(
                    "ss{index} is aligned to {}, which is no power of two of at most {}",
                    slot.align,
                    StackSlotData::MAX_ALIGN
                );
                errors.push(Location::Func(func), message);
            }
        }
    }

    fn entry(&self, func: Func, sig: Sig, body: &Function, errors: &mut Errors) {
        let params = &self.module.sig(sig).params;
        let actual = body.params(Block(0)).map(|v| body.value_type(v));
        if !actual.eq(params.iter().copied()) {
            errors.push(
                Location::Block(func, Block(0)),
                "the parameters of the entry are not those of the function",
            );
        }
    }

    fn dominance(
        &self,
        block: Block,
        inst: Inst,
        data: &InstData,
        types: &mut TypeVerifier<'_, '_>,
    ) {
        let body = types.body;
        let (first, end) = (body.block(block).first_param, body.results[inst.index()]);
        let mut index = 0;
        let mut check = |value: Value| {
            let here = first <= value && value < end;
            if !here && !self.is_defined_before(value, block) {
                let location = Location::Operand(types.func, inst, index);
                let message = format!("the definition of {value} does not come before this use");
                types.errors.push(location, message);
            }
            index += 1;
        };
        body.operands(data).for_each(&mut check);
        if data.op.ends_block() {
            for edge in body.edges(data) {
                body.edge_args(edge).iter().copied().for_each(&mut check);
            }
        }
    }

    /// Whether a value that is not defined earlier in `block` is defined whenever `block` runs.
    fn is_defined_before(&self, value: Value, block: Block) -> bool {
        if !self.cfg.is_reachable(block) {
            return true;
        }
        let def = self.def_blocks[value.index()];
        def != block && self.dominators.dominates(def, block)
    }
}

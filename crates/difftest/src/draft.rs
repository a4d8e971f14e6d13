//! Drafts: functions as lists that may be changed, and the way from functions to drafts and back.
//!
//! The canonical form of a function is made once and never changed. Whoever edits programs, as the
//! reducer and the counting of coverage do, works on a draft: values have names that stay, blocks
//! are lists, and anything may be wrong in between. [`Draft::build`] says whether a draft is a function:
//! it lays out the blocks that are reached and leaves the rest to the verifier.

use std::collections::HashMap;

use bakeoff_ir::{
    Block, FuncKind, Function, FunctionBuilder, InstData, Module, Op, Scalar, Sig, StackSlotData,
    Type, Value,
};

/// The name of a value in a draft.
pub(crate) type Name = u32;

/// An edge: the position of the block, and arguments for its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Edge {
    pub(crate) block: usize,
    pub(crate) args: Vec<Name>,
}

/// An instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inst {
    /// Op, types and immediates; the words that hold operands mean nothing.
    pub(crate) data: InstData,
    /// Operands outside of edges, in the order of the text.
    pub(crate) operands: Vec<Name>,
    pub(crate) results: Vec<Name>,
    pub(crate) edges: Vec<Edge>,
}

/// A block; the last instruction is its terminator.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DraftBlock {
    pub(crate) params: Vec<Name>,
    pub(crate) insts: Vec<Inst>,
}

/// A body that may be changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Draft {
    /// The first one is the entry.
    pub(crate) blocks: Vec<DraftBlock>,
    pub(crate) slots: Vec<StackSlotData>,
    /// The type of each value, by name.
    pub(crate) types: Vec<Type>,
}

impl Inst {
    /// A constant with this result.
    pub(crate) fn constant(value: Scalar, result: Name) -> Inst {
        let op = if value.ty().is_int() {
            Op::Iconst
        } else {
            Op::Fconst
        };
        let mut data = InstData::new(op, value.ty());
        data.b = value.bits() as u32;
        data.c = (value.bits() >> 32) as u32;
        Inst {
            data,
            operands: vec![],
            results: vec![result],
            edges: vec![],
        }
    }

    /// An instruction without edges.
    pub(crate) fn new(data: InstData, operands: Vec<Name>, results: Vec<Name>) -> Inst {
        Inst {
            data,
            operands,
            results,
            edges: vec![],
        }
    }

    /// A jump.
    pub(crate) fn jump(edge: Edge) -> Inst {
        Inst {
            data: InstData::new(Op::Jump, Type::I8),
            operands: vec![],
            results: vec![],
            edges: vec![edge],
        }
    }

    /// A return.
    pub(crate) fn ret(values: Vec<Name>) -> Inst {
        Inst::new(InstData::new(Op::Return, Type::I8), values, vec![])
    }

    /// Every name that is used, in edges too.
    pub(crate) fn uses_mut(&mut self) -> impl Iterator<Item = &mut Name> {
        self.operands
            .iter_mut()
            .chain(self.edges.iter_mut().flat_map(|edge| &mut edge.args))
    }

    /// Every name that is used, in edges too.
    pub(crate) fn uses(&self) -> impl Iterator<Item = Name> {
        self.operands
            .iter()
            .chain(self.edges.iter().flat_map(|edge| &edge.args))
            .copied()
    }

    /// Whether nothing is lost without it, if nobody uses its results.
    pub(crate) fn is_removable(&self) -> bool {
        self.data.op.info().effects.is_removable()
    }
}

impl Draft {
    /// The draft of a function.
    pub(crate) fn of(function: &Function) -> Draft {
        let inst = |at: bakeoff_ir::Inst| {
            let data = *function.inst(at);
            let edge = |edge: &bakeoff_ir::EdgeData| Edge {
                block: edge.block.index(),
                args: function
                    .edge_args(edge)
                    .iter()
                    .map(|value| value.0)
                    .collect(),
            };
            Inst {
                data,
                operands: function.operands(&data).map(|value| value.0).collect(),
                results: function.results(at).map(|value| value.0).collect(),
                edges: function.edges(&data).iter().map(edge).collect(),
            }
        };
        let block = |block: Block| DraftBlock {
            params: function.params(block).map(|value| value.0).collect(),
            insts: function.insts(block).map(inst).collect(),
        };
        Draft {
            blocks: function.blocks().map(block).collect(),
            slots: function.stack_slots().to_vec(),
            types: (0..function.value_count())
                .map(|index| function.value_type(Value::from_index(index)))
                .collect(),
        }
    }

    /// A name for a new value.
    pub(crate) fn name(&mut self, ty: Type) -> Name {
        self.types.push(ty);
        self.types.len() as Name - 1
    }

    /// The type of a value.
    pub(crate) fn ty(&self, name: Name) -> Type {
        self.types[name as usize]
    }

    /// Number of instructions.
    pub(crate) fn inst_count(&self) -> usize {
        self.blocks.iter().map(|block| block.insts.len()).sum()
    }

    /// The function, in canonical form; `None` if a block has no end or uses what is not there.
    pub(crate) fn build(&self, module: &Module, sig: Sig) -> Option<Function> {
        let order = self.order()?;
        let mut b = FunctionBuilder::new(module, sig);
        let mut values: HashMap<Name, Value> = HashMap::new();
        let mut blocks: HashMap<usize, Block> = HashMap::new();
        for at in &order {
            let block = if *at == 0 {
                b.entry()
            } else {
                b.create_block()
            };
            for (index, name) in self.blocks[*at].params.iter().enumerate() {
                let value = match *at {
                    0 => *b.params(block).get(index)?,
                    _ => b.append_param(block, self.ty(*name)),
                };
                values.insert(*name, value);
            }
            blocks.insert(*at, block);
        }
        if b.params(b.entry()).len() != self.blocks[0].params.len() {
            return None;
        }
        for slot in &self.slots {
            b.create_stack_slot(*slot);
        }
        for at in &order {
            b.switch_to(blocks[at]);
            let (last, rest) = self.blocks[*at].insts.split_last()?;
            if !last.data.op.ends_block() || rest.iter().any(|inst| inst.data.op.ends_block()) {
                return None;
            }
            for inst in &self.blocks[*at].insts {
                self.emit(inst, &mut b, &mut values, &blocks)?;
            }
        }
        b.finish().ok()
    }

    fn emit(
        &self,
        inst: &Inst,
        b: &mut FunctionBuilder<'_>,
        values: &mut HashMap<Name, Value>,
        blocks: &HashMap<usize, Block>,
    ) -> Option<()> {
        let find = |names: &[Name]| -> Option<Vec<Value>> {
            names.iter().map(|name| values.get(name).copied()).collect()
        };
        let operands = find(&inst.operands)?;
        let mut edges = Vec::with_capacity(inst.edges.len());
        for edge in &inst.edges {
            edges.push((*blocks.get(&edge.block)?, find(&edge.args)?));
        }
        let edges: Vec<(Block, &[Value])> = edges
            .iter()
            .map(|(block, args)| (*block, &args[..]))
            .collect();
        let types: Vec<Type> = inst.results.iter().map(|name| self.ty(*name)).collect();
        let results = b.copy(&inst.data, &operands, &edges, &types);
        values.extend(inst.results.iter().copied().zip(results));
        Some(())
    }

    /// The blocks that are reached, in reverse postorder: dominators before what they dominate.
    fn order(&self) -> Option<Vec<usize>> {
        let mut seen = vec![false; self.blocks.len()];
        let mut order = Vec::new();
        // A block, and how many of its edges have been followed.
        let mut stack = vec![(0usize, 0usize)];
        *seen.first_mut()? = true;
        while let Some((at, next)) = stack.pop() {
            let edges = &self.blocks[at].insts.last()?.edges;
            // From the last edge on: the first one then stands next in the layout.
            match edges.len().checked_sub(next + 1) {
                Some(index) => {
                    stack.push((at, next + 1));
                    let target = edges[index].block;
                    if !std::mem::replace(seen.get_mut(target)?, true) {
                        stack.push((target, 0));
                    }
                }
                None => order.push(at),
            }
        }
        order.reverse();
        Some(order)
    }

    /// Whether a way leads from every block to an end of the function. Where none does, the program
    /// runs for ever.
    pub(crate) fn may_end(&self) -> bool {
        let mut ends = vec![false; self.blocks.len()];
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for (at, block) in self.blocks.iter().enumerate().rev() {
                let edges = block.insts.last().map_or(&[][..], |last| &last.edges);
                let now = edges.is_empty() || edges.iter().any(|edge| ends[edge.block]);
                changed |= now && !std::mem::replace(&mut ends[at], true);
            }
        }
        ends.iter().all(|ends| *ends)
    }

    /// Replaces every use of a value by another one.
    pub(crate) fn replace(&mut self, old: Name, new: Name) {
        for block in &mut self.blocks {
            for inst in &mut block.insts {
                inst.uses_mut()
                    .filter(|name| **name == old)
                    .for_each(|name| *name = new);
            }
        }
    }

    /// Drops blocks that are not reached and instructions without effects whose results nobody uses.
    pub(crate) fn tidy(&mut self) {
        if let Some(order) = self.order() {
            let mut position = vec![usize::MAX; self.blocks.len()];
            order
                .iter()
                .enumerate()
                .for_each(|(new, old)| position[*old] = new);
            let mut old: Vec<Option<DraftBlock>> = std::mem::take(&mut self.blocks)
                .into_iter()
                .map(Some)
                .collect();
            self.blocks = order.iter().filter_map(|at| old[*at].take()).collect();
            for edge in self
                .blocks
                .iter_mut()
                .flat_map(|b| &mut b.insts)
                .flat_map(|i| &mut i.edges)
            {
                edge.block = position[edge.block];
            }
        }
        loop {
            let mut used = vec![false; self.types.len()];
            let insts = self.blocks.iter().flat_map(|block| &block.insts);
            insts
                .flat_map(Inst::uses)
                .for_each(|name| used[name as usize] = true);
            let before = self.inst_count();
            for block in &mut self.blocks {
                block.insts.retain(|inst| {
                    !inst.is_removable() || inst.results.iter().any(|r| used[*r as usize])
                });
            }
            if self.inst_count() == before {
                break;
            }
        }
    }
}

/// The drafts of all bodies of a module, `None` for imports.
pub(crate) fn drafts(module: &Module) -> Vec<Option<Draft>> {
    module
        .funcs
        .iter()
        .map(|decl| decl.body().map(Draft::of))
        .collect()
}

/// The module with these bodies instead of its own; `None` if one of them is no function.
pub(crate) fn with_bodies(declarations: &Module, drafts: &[Option<Draft>]) -> Option<Module> {
    let mut module = declarations.clone();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some(draft) = draft {
            let body = draft.build(declarations, declarations.funcs[index].sig)?;
            module.funcs[index].kind = FuncKind::Defined(body);
        }
    }
    Some(module)
}

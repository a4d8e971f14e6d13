//! Bringing a built function into canonical form.
//!
//! Four steps, each linear in the function: find the reachable blocks; fold the phis that are trivial,
//! with a worklist over the phis that use a folded one; drop the phis that only feed each other; copy
//! everything out in layout order with new numbers.

use super::ops::constant_inst;
use super::{BuildError, FunctionBuilder};
use crate::entity::{Block, Inst, Value};
use crate::function::{BlockData, EdgeData, Function, InstData};
use crate::ops::{Format, Op};
use crate::types::{Scalar, Type};

/// A value that has no number yet.
const UNNUMBERED: Value = Value(u32::MAX);

impl FunctionBuilder<'_> {
    /// The function in canonical form.
    ///
    /// # Errors
    /// If a reachable block was never filled, or a block that reads a variable was never sealed.
    ///
    /// # Panics
    /// If the current block is not ended.
    pub fn finish(mut self) -> Result<Function, BuildError> {
        assert!(self.current.is_none(), "the last block is not ended");
        self.check_sealed()?;
        let reachable = self.reachable()?;
        self.fold_trivial_phis(&reachable);
        let live_phis = self.live_phis(&reachable);
        let phis_of_block = self.phis_by_block(&live_phis);
        Ok(Emitter::new(&self, &reachable, phis_of_block).emit())
    }

    fn reachable(&self) -> Result<Vec<bool>, BuildError> {
        let mut reachable = vec![false; self.blocks.len()];
        let mut work = vec![self.entry()];
        reachable[self.entry().index()] = true;
        while let Some(block) = work.pop() {
            let state = &self.blocks[block.index()];
            if !state.filled {
                return Err(BuildError::Unfilled(block));
            }
            let terminator = &self.insts[state.end_inst as usize - 1];
            for edge in self.edges_of(terminator) {
                if !std::mem::replace(&mut reachable[edge.block.index()], true) {
                    work.push(edge.block);
                }
            }
        }
        Ok(reachable)
    }

    fn edges_of(&self, inst: &InstData) -> &[EdgeData] {
        match inst.op.info().format {
            Format::Jump | Format::Brif | Format::BrTable => {
                &self.edges[inst.b as usize..(inst.b + inst.c) as usize]
            }
            _ => &[],
        }
    }

    fn fold_trivial_phis(&mut self, reachable: &[bool]) {
        let phi_of_value = self.phi_of_value();
        // users[p]: the phis that have p as an operand.
        let mut users = vec![Vec::new(); self.ssa.phis.len()];
        for (index, phi) in self.ssa.phis.iter().enumerate() {
            if self.ssa.is_alias(phi.value) {
                continue;
            }
            for operand in &phi.operands {
                if let Some(used) = phi_of_value[self.ssa.resolve(*operand).index()] {
                    users[used as usize].push(index as u32);
                }
            }
        }
        let mut work: Vec<u32> = (0..self.ssa.phis.len() as u32).collect();
        while let Some(phi) = work.pop() {
            let (block, value) = (
                self.ssa.phis[phi as usize].block,
                self.ssa.phis[phi as usize].value,
            );
            if self.ssa.is_alias(value) || !reachable[block.index()] {
                continue;
            }
            let (preds, sources) = (&self.blocks[block.index()].preds, &self.edge_sources);
            let counts = |position: usize| reachable[sources[preds[position] as usize].index()];
            if self.ssa.simplify(phi, counts) {
                let waiting = std::mem::take(&mut users[phi as usize]);
                if let Some(now) = phi_of_value[self.ssa.resolve(value).index()] {
                    users[now as usize].extend(&waiting);
                }
                work.extend(waiting);
            }
        }
    }

    fn phi_of_value(&self) -> Vec<Option<u32>> {
        let mut map = vec![None; self.value_types.len()];
        for (index, phi) in self.ssa.phis.iter().enumerate() {
            map[phi.value.index()] = Some(index as u32);
        }
        map
    }

    /// Which phis an instruction or an explicit argument needs, directly or through others.
    fn live_phis(&self, reachable: &[bool]) -> Vec<bool> {
        let phi_of_value = self.phi_of_value();
        let mut live = vec![false; self.ssa.phis.len()];
        let mut work = Vec::new();
        let mark = |value: Value, live: &mut Vec<bool>, work: &mut Vec<u32>| {
            if let Some(phi) = phi_of_value[self.ssa.resolve(value).index()]
                && !std::mem::replace(&mut live[phi as usize], true)
            {
                work.push(phi);
            }
        };
        for block in self.layout.iter().filter(|b| reachable[b.index()]) {
            let state = &self.blocks[block.index()];
            for inst in &self.insts[state.first_inst as usize..state.end_inst as usize] {
                self.for_each_operand(inst, |v| mark(v, &mut live, &mut work));
                for edge in self.edges_of(inst) {
                    let args = &self.list[edge.start as usize..(edge.start + edge.len) as usize];
                    args.iter().for_each(|v| mark(*v, &mut live, &mut work));
                }
            }
        }
        while let Some(phi) = work.pop() {
            for operand in &self.ssa.phis[phi as usize].operands {
                mark(*operand, &mut live, &mut work);
            }
        }
        live
    }

    fn for_each_operand(&self, inst: &InstData, mut visit: impl FnMut(Value)) {
        let fixed = inst.op.info().operands.len();
        match operands_in_list(inst) {
            Some((start, len)) => self.list[start as usize..(start + len) as usize]
                .iter()
                .for_each(|v| visit(*v)),
            None => (0..fixed).for_each(|i| visit(inst.arg(i))),
        }
    }

    fn phis_by_block(&self, live: &[bool]) -> Vec<Vec<u32>> {
        let mut by_block = vec![Vec::new(); self.blocks.len()];
        for (index, phi) in self.ssa.phis.iter().enumerate() {
            if live[index] && !self.ssa.is_alias(phi.value) {
                by_block[phi.block.index()].push(index as u32);
            }
        }
        by_block
    }
}

/// Where in the list the operands stand, for the formats that keep them there.
fn operands_in_list(inst: &InstData) -> Option<(u32, u32)> {
    match inst.op.info().format {
        Format::Call | Format::CallIndirect | Format::CallRaw | Format::Return => {
            Some((inst.b, inst.c))
        }
        Format::MemoryBulk
        | Format::MemoryCopy
        | Format::MemoryInit
        | Format::TableBulk
        | Format::TableCopy
        | Format::TableInit => Some((inst.a, 3)),
        _ => None,
    }
}

/// Copies the reachable part out.
struct Emitter<'b, 'm> {
    from: &'b FunctionBuilder<'m>,
    layout: Vec<Block>,
    phis_of_block: Vec<Vec<u32>>,
    new_block: Vec<Block>,
    new_value: Vec<Value>,
    out: Function,
}

impl<'b, 'm> Emitter<'b, 'm> {
    fn new(
        from: &'b FunctionBuilder<'m>,
        reachable: &[bool],
        phis_of_block: Vec<Vec<u32>>,
    ) -> Self {
        let layout: Vec<Block> = from
            .layout
            .iter()
            .copied()
            .filter(|b| reachable[b.index()])
            .collect();
        let mut new_block = vec![Block(u32::MAX); from.blocks.len()];
        for (position, block) in layout.iter().enumerate() {
            new_block[block.index()] = Block::from_index(position);
        }
        Emitter {
            from,
            layout,
            phis_of_block,
            new_block,
            new_value: vec![UNNUMBERED; from.value_types.len()],
            out: Function {
                blocks: Vec::new(),
                insts: Vec::with_capacity(from.insts.len()),
                results: Vec::with_capacity(from.insts.len()),
                value_types: Vec::with_capacity(from.value_types.len()),
                edges: Vec::with_capacity(from.edges.len()),
                list: Vec::with_capacity(from.list.len()),
                slots: from.slots.clone(),
            },
        }
    }

    fn emit(mut self) -> Function {
        self.number_values();
        for position in 0..self.layout.len() {
            let state = &self.from.blocks[self.layout[position].index()];
            for index in state.first_inst..state.end_inst {
                let inst = self.rewrite(self.from.insts[index as usize], self.layout[position]);
                self.out.insts.push(inst);
            }
            if position == 0 {
                // The zeros of undefined variables stand first; they were numbered so.
                let zeros = self.zero_insts();
                self.out.insts.splice(0..0, zeros);
            }
        }
        self.out
    }

    fn zero_insts(&self) -> Vec<InstData> {
        let zero = |(ty, _): &(Type, Value)| {
            let op = if ty.is_int() { Op::Iconst } else { Op::Fconst };
            constant_inst(op, Scalar::new(*ty, 0))
        };
        self.from.ssa.undefined.iter().map(zero).collect()
    }

    /// Numbers all values, since an operand may be defined later in the layout than it is used.
    fn number_values(&mut self) {
        for position in 0..self.layout.len() {
            let block = self.layout[position];
            let state = &self.from.blocks[block.index()];
            let first_param = Value::from_index(self.out.value_types.len());
            for param in &state.params {
                self.number(*param);
            }
            for index in 0..self.phis_of_block[block.index()].len() {
                let phi = self.phis_of_block[block.index()][index];
                self.number(self.from.ssa.phis[phi as usize].value);
            }
            let param_count = self.out.value_types.len() as u32 - first_param.0;
            let first_inst = Inst::from_index(self.out.results.len());
            if position == 0 {
                for (_, value) in &self.from.ssa.undefined {
                    self.out
                        .results
                        .push(Value::from_index(self.out.value_types.len()));
                    self.number(*value);
                }
            }
            for index in state.first_inst..state.end_inst {
                let (first, count) = self.from.results[index as usize];
                self.out
                    .results
                    .push(Value::from_index(self.out.value_types.len()));
                (first.0..first.0 + count).for_each(|v| self.number(Value(v)));
            }
            self.out.blocks.push(BlockData {
                first_param,
                param_count,
                first_inst,
                end_inst: Inst::from_index(self.out.results.len()),
            });
        }
    }

    fn number(&mut self, value: Value) {
        self.new_value[value.index()] = Value::from_index(self.out.value_types.len());
        self.out
            .value_types
            .push(self.from.value_types[value.index()]);
    }

    fn renamed(&self, value: Value) -> Value {
        let new = self.new_value[self.from.ssa.resolve(value).index()];
        debug_assert_ne!(
            new, UNNUMBERED,
            "{value} is used and has no definition in a reachable block"
        );
        new
    }

    fn copy_list(&mut self, start: u32, len: u32) -> u32 {
        let new_start = self.out.list.len() as u32;
        for index in start..start + len {
            let value = self.renamed(self.from.list[index as usize]);
            self.out.list.push(value);
        }
        new_start
    }

    fn rewrite(&mut self, mut inst: InstData, block: Block) -> InstData {
        if let Some((start, len)) = operands_in_list(&inst) {
            let new_start = self.copy_list(start, len);
            match inst.op.info().format {
                Format::Call | Format::CallIndirect | Format::CallRaw | Format::Return => {
                    inst.b = new_start
                }
                _ => inst.a = new_start,
            }
            return inst;
        }
        let words = [&mut inst.a, &mut inst.b, &mut inst.c];
        for word in words.into_iter().take(inst.op.info().operands.len()) {
            *word = self.renamed(Value(*word)).0;
        }
        if matches!(
            inst.op.info().format,
            Format::Jump | Format::Brif | Format::BrTable
        ) {
            let first = self.out.edges.len() as u32;
            for edge in inst.b..inst.b + inst.c {
                self.copy_edge(edge, block);
            }
            inst.b = first;
        }
        inst
    }

    fn copy_edge(&mut self, index: u32, source: Block) {
        let edge = self.from.edges[index as usize];
        debug_assert_eq!(self.from.edge_sources[index as usize], source);
        let start = self.copy_list(edge.start, edge.len);
        let phis = std::mem::take(&mut self.phis_of_block[edge.block.index()]);
        if !phis.is_empty() {
            // The edges into a block are made in ascending order.
            let preds = &self.from.blocks[edge.block.index()].preds;
            let position = preds.binary_search(&index).unwrap_or_default();
            for phi in &phis {
                let value = self.renamed(self.from.ssa.phis[*phi as usize].operands[position]);
                self.out.list.push(value);
            }
        }
        self.phis_of_block[edge.block.index()] = phis;
        self.out.edges.push(EdgeData {
            block: self.new_block[edge.block.index()],
            start,
            len: self.out.list.len() as u32 - start,
        });
    }
}

//! Jumps, branches, and the moves on their edges.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Block, EdgeData, InstData, Scalar, Type};

use super::Writer;
use crate::code::Code;
use crate::moves::Source;
use crate::plan::Place;
use crate::select;

impl Writer<'_> {
    fn edge_moves(&self, edge: &EdgeData) -> Vec<(u16, Source)> {
        let plan = self.plan;
        let pairs = self
            .function
            .params(edge.block)
            .zip(self.function.edge_args(edge));
        pairs
            .filter_map(|(param, arg)| match plan.place(param) {
                Place::Slot(slot) => Some((slot, plan.source(*arg))),
                Place::Argument(_) | Place::Const(_) | Place::None => None,
            })
            .filter(|(to, from)| *from != Source::Slot(*to))
            .collect()
    }

    fn push_jump(&mut self, block: Block, next: Option<Block>) {
        if next != Some(block) {
            self.fixups.push((self.code.len() as u32, block));
            self.push(Code::Jump, [0; 3], 0);
        }
    }

    pub(super) fn write_jump(&mut self, edge: &EdgeData, next: Option<Block>) {
        let moves = self.edge_moves(edge);
        self.push_parallel(moves.into_iter());
        self.push_jump(edge.block, next);
    }

    pub(super) fn write_brif(&mut self, data: &InstData, next: Option<Block>) {
        let [then, els] = [self.function.edges(data)[0], self.function.edges(data)[1]];
        let [then_moves, else_moves] = [self.edge_moves(&then), self.edge_moves(&els)];
        if then_moves.is_empty() && (next != Some(then.block) || !else_moves.is_empty()) {
            let branch = self.push_branch(data, true);
            self.fixups.push((branch, then.block));
            return self.write_jump(&els, next);
        }
        let branch = self.push_branch(data, false);
        if else_moves.is_empty() {
            self.fixups.push((branch, els.block));
            return self.write_jump(&then, next);
        }
        self.push_parallel(then_moves.into_iter());
        self.push_jump(then.block, None);
        let label = self.set_label();
        self.patch(branch, label);
        self.write_jump(&els, next);
    }

    /// A branch, yet without a target, that is taken if the condition is `if_true`. Returns where.
    fn push_branch(&mut self, data: &InstData, if_true: bool) -> u32 {
        let condition = data.arg(0);
        let fused = self
            .plan
            .folded(condition)
            .map(|inst| *self.function.inst(inst));
        match fused.and_then(|fused| {
            Some((
                fused,
                select::branch_code(&fused, if_true)?.compare_forms()?,
            ))
        }) {
            Some((fused, forms)) => {
                let [x, y] = [fused.arg(0), fused.arg(1)];
                let left = self.slot(x);
                match self
                    .constant(y)
                    .and_then(|bits| half_constant(fused.ty, bits))
                {
                    Some(half) => self.push(forms.branch_ri, [0, left, 0], half.into()),
                    None => {
                        let right = self.slot(y);
                        self.push(forms.branch_rr, [0, left, right], 0);
                    }
                }
            }
            None => {
                let slot = self.slot(condition);
                self.push(
                    if if_true { Code::BrNz } else { Code::BrZ },
                    [0, slot, 0],
                    0,
                );
            }
        }
        self.code.len() as u32 - 1
    }

    pub(super) fn write_br_table(&mut self, data: &InstData) {
        let edges = self.function.edges(data);
        let index = self.slot(data.arg(0));
        let mut last = edges.len() as u64 - 1;
        if faults::on(Fault::InterpTableDefault) {
            last = last.saturating_sub(1);
        }
        self.push(Code::BrTable, [0, index, 0], last);
        let first = self.code.len();
        let mut with_moves = Vec::new();
        for edge in edges {
            let moves = self.edge_moves(edge);
            let at = self.code.len() as u32;
            match moves.is_empty() {
                true => self.fixups.push((at, edge.block)),
                false => with_moves.push((at, edge.block, moves)),
            }
            self.push(Code::Jump, [0; 3], 0);
        }
        debug_assert_eq!(self.code.len(), first + edges.len());
        for (at, block, moves) in with_moves {
            let label = self.set_label();
            self.patch(at, label);
            self.push_parallel(moves.into_iter());
            self.push_jump(block, None);
        }
    }
}

/// A constant as the low half of a fused branch has it, if it fits.
fn half_constant(ty: Type, bits: u64) -> Option<u32> {
    match ty {
        Type::I8 | Type::I16 | Type::I32 | Type::F32 => Some(bits as u32),
        Type::I64 if faults::on(Fault::InterpBranchConstantUnsigned) => u32::try_from(bits).ok(),
        Type::I64 => (i64::from(bits as i32) as u64 == bits).then_some(bits as u32),
        Type::F64 => {
            let narrow = f64::from_bits(bits) as f32;
            let same = Scalar::f64(f64::from(narrow)).bits() == bits && !narrow.is_nan();
            same.then_some(narrow.to_bits())
        }
    }
}

//! Calls, tail calls and returns.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Inst, InstData, Op, Value};

use super::{IndirectCall, SPARE, Writer};
use crate::code::Code;
use crate::moves::Source;
use crate::plan::Place;

impl Writer<'_> {
    /// Puts the arguments of a call into the callee's frame, except those that are there already.
    fn write_arguments(&mut self, args: &[Value]) {
        let base = self.callee_base;
        let plan = self.plan;
        let missing = args
            .iter()
            .enumerate()
            .filter(|(_, arg)| !matches!(plan.place(**arg), Place::Argument(_)))
            .map(|(position, arg)| (base + position as u16, plan.source(*arg)));
        // Nothing here is in the callee's frame, so any order is right.
        let moves: Vec<(u16, Source)> = missing.collect();
        self.push_moves(&moves);
    }

    fn indirect_call(&mut self, data: &InstData) -> u64 {
        let call = IndirectCall {
            table: data.table(),
            sig: data.sig(),
        };
        let calls = &mut self.tables.indirect_calls;
        let number = calls.iter().rposition(|c| *c == call).unwrap_or_else(|| {
            calls.push(call);
            calls.len() - 1
        });
        number as u64
    }

    pub(super) fn write_call(&mut self, inst: Inst, data: &InstData) {
        let operands = self.function.list_operands(data);
        let (code, imm, callee, args) = match data.op {
            Op::Call => {
                let func = data.func();
                let code = match self.module.func(func).body() {
                    Some(_) => Code::Call,
                    None => Code::CallHost,
                };
                (code, func.0.into(), None, operands)
            }
            Op::CallIndirect => (
                Code::CallIndirect,
                self.indirect_call(data),
                Some(operands[0]),
                &operands[1..],
            ),
            _ => (
                Code::CallRaw,
                data.sig().0.into(),
                Some(operands[0]),
                &operands[1..],
            ),
        };
        self.write_arguments(args);
        let callee = callee.map_or(0, |value| self.slot(value));
        let results = self.function.results(inst);
        let only = match results.len() {
            1 => self.target(self.function.result(inst)),
            _ => self.scratch + SPARE,
        };
        self.push(code, [only, self.callee_base, callee], imm);
        if results.len() > 1 {
            let (base, plan) = (self.callee_base, self.plan);
            let wanted = results
                .enumerate()
                .filter(|(_, r)| plan.place(*r) != Place::None);
            let moves: Vec<(u16, Source)> = wanted
                .map(|(position, result)| {
                    (self.target(result), Source::Slot(base + position as u16))
                })
                .collect();
            self.push_parallel(moves.into_iter());
        }
    }

    pub(super) fn write_tail_call(&mut self, data: &InstData) {
        let operands = self.function.list_operands(data);
        if data.op == Op::ReturnCall && self.module.func(data.func()).body().is_none() {
            self.write_arguments(operands);
            let spare = self.scratch + SPARE;
            self.push(
                Code::CallHost,
                [spare, self.callee_base, 0],
                data.func().0.into(),
            );
            let base = self.callee_base;
            let results = self.results.len() as u16;
            return self.push_return(
                (0..results).map(|r| Source::Slot(if results == 1 { spare } else { base + r })),
            );
        }
        let plan = self.plan;
        let (args, resolved) = match data.op {
            Op::ReturnCall => (operands, None),
            _ => {
                let index = self.slot(operands[0]);
                let number = self.indirect_call(data);
                let resolved = self.scratch;
                self.push(Code::Resolve, [resolved, 0, index], number);
                (&operands[1..], Some(resolved))
            }
        };
        self.push_parallel(
            args.iter()
                .enumerate()
                .map(|(to, arg)| (to as u16, plan.source(*arg))),
        );
        self.leave_slots();
        match resolved {
            None => self.push(Code::TailCall, [0; 3], data.func().0.into()),
            Some(slot) => self.push(Code::TailCallResolved, [0, slot, 0], 0),
        }
    }

    fn leave_slots(&mut self) {
        if !self.slot_offsets.is_empty() {
            self.push(Code::LeaveSlots, [0; 3], self.slot_bytes);
        }
    }

    pub(super) fn write_return(&mut self, data: &InstData) {
        let plan = self.plan;
        let values = self.function.list_operands(data);
        self.push_return(values.iter().map(|v| plan.source(*v)));
    }

    fn push_return(&mut self, mut sources: impl ExactSizeIterator<Item = Source>) {
        self.leave_slots();
        if sources.len() != 1 {
            let moves = sources.enumerate().map(|(to, from)| (to as u16, from));
            if faults::on(Fault::InterpReturnInOrder) {
                self.push_moves(&moves.collect::<Vec<_>>());
            } else {
                self.push_parallel(moves);
            }
            return self.push(Code::Return, [0; 3], 0);
        }
        match sources.next() {
            Some(Source::Slot(slot)) => self.push(Code::Return1, [0, slot, 0], 0),
            Some(Source::Const(bits)) => self.push(Code::ReturnConst, [0; 3], bits),
            None => {}
        }
    }
}

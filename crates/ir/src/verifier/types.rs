//! Checks of single instructions: types, immediates, signatures.

use super::{Errors, Location, holds_funcs, is_raw, same_kind};
use crate::entity::{Func, Global, Inst, Sig, Value};
use crate::function::{EdgeData, Function, InstData};
use crate::module::{Module, Signature};
use crate::ops::{Class, FloatCc, Format, IntCc, Op};
use crate::trap::TrapCode;
use crate::types::Type;

/// Checks the instructions of one body, whose shape has been checked.
pub(super) struct TypeVerifier<'v, 'e> {
    pub(super) module: &'v Module,
    pub(super) func: Func,
    pub(super) sig: Sig,
    pub(super) body: &'v Function,
    pub(super) errors: &'e mut Errors,
}

impl<'v> TypeVerifier<'v, '_> {
    #[cold]
    fn error(&mut self, inst: Inst, message: impl Into<String>) {
        self.errors.push(Location::Inst(self.func, inst), message);
    }

    #[cold]
    fn operand_error(&mut self, inst: Inst, index: usize, message: String) {
        self.errors
            .push(Location::Operand(self.func, inst, index), message);
    }

    /// Checks that all operands are values of the body.
    pub(super) fn values_exist(&mut self, inst: Inst, data: &InstData) -> bool {
        let count = self.body.value_types.len();
        let missing = |value: &Value| value.index() >= count;
        let body = self.body;
        let in_edges = |edge: &EdgeData| body.edge_args(edge).iter().any(missing);
        let any = body.operands(data).any(|v| missing(&v))
            || data.op.ends_block() && body.edges(data).iter().any(in_edges);
        if any {
            self.error(inst, "an operand is no value of this function");
        }
        !any
    }

    /// Checks an instruction by itself.
    pub(super) fn inst(&mut self, inst: Inst, data: &InstData) {
        let row = data.op.info();
        let types_fit = (row.t.is_empty() || row.t.contains(data.ty))
            && (row.s.is_empty()
                || row.s.contains(data.ty2) && data.op.admits_types(data.ty, data.ty2));
        if !types_fit {
            let message = format!("{} does not take {} and {}", data.op, data.ty, data.ty2);
            return self.error(inst, message);
        }
        for (index, (class, value)) in row
            .operands
            .iter()
            .zip(self.body.operands(data))
            .enumerate()
        {
            let ty = self.body.value_type(value);
            if !class.admits(ty, data.ty, data.ty2) {
                let wanted = describe(*class, data);
                let message = format!("{value} is an {ty}, and {} wants {wanted}", data.op);
                self.operand_error(inst, index, message);
            }
        }
        if data.op.ends_block() {
            self.edges(inst, data, row.operands.len());
        }
        match self.immediates(inst, data) {
            Some(signature) if data.op.ends_block() => {
                let results = &self.module.sig(self.sig).results;
                if signature.results != *results {
                    self.error(inst, "the results are not those of the calling function");
                }
            }
            Some(signature) => self.results(inst, signature.results.iter().copied()),
            None => self.results(
                inst,
                row.results
                    .iter()
                    .filter_map(|class| class.fixed_type(data.ty, data.ty2)),
            ),
        }
    }

    fn results(&mut self, inst: Inst, expected: impl Iterator<Item = Type>) {
        let body = self.body;
        let mut actual = body.results(inst).map(|v| body.value_types[v.index()]);
        if !actual.by_ref().eq(expected) {
            self.error(inst, "the results are not of the types that the op yields");
        }
    }

    fn edges(&mut self, inst: Inst, data: &InstData, operands: usize) {
        let body = self.body;
        let mut operand = operands;
        for (index, edge) in body.edges(data).iter().enumerate() {
            let (params, args) = (body.params(edge.block), body.edge_args(edge));
            if params.len() != args.len() {
                let message = format!(
                    "{} has {} parameters, and here are {} arguments",
                    edge.block,
                    params.len(),
                    args.len()
                );
                let location = Location::Edge(self.func, inst, index);
                self.errors.push(location, message);
            }
            for (offset, (param, arg)) in params.zip(args).enumerate() {
                let (want, is) = (body.value_type(param), body.value_type(*arg));
                if want != is {
                    let message = format!(
                        "{arg} is an {is}, and {param} of {} is an {want}",
                        edge.block
                    );
                    self.operand_error(inst, operand + offset, message);
                }
            }
            operand += args.len();
        }
    }

    /// Checks that an entity is there.
    fn entity(&mut self, inst: Inst, index: u32, count: usize, prefix: &str) -> bool {
        let found = (index as usize) < count;
        if !found {
            self.error(inst, format!("there is no {prefix}{index}"));
        }
        found
    }

    fn memory(&mut self, inst: Inst, memory: u32) {
        self.entity(inst, memory, self.module.memories.len(), "mem");
    }

    fn table(&mut self, inst: Inst, table: u32) -> bool {
        self.entity(inst, table, self.module.tables.len(), "table")
    }

    /// Checks what is not an operand. Yields the signature of a call.
    fn immediates(&mut self, inst: Inst, data: &InstData) -> Option<&'v Signature> {
        match data.op.info().format {
            Format::Plain | Format::Raw | Format::Jump | Format::BrTable | Format::Brif => {}
            Format::Const => {
                if data.imm() & !data.ty.mask() != 0 {
                    self.error(inst, "the constant has more bits than its type");
                }
            }
            Format::IntCompare => self.condition(inst, data, IntCc::ALL.len()),
            Format::FloatCompare => self.condition(inst, data, FloatCc::ALL.len()),
            Format::Memory | Format::MemoryOnly => self.memory(inst, u32::from(data.x)),
            Format::Stack => self.stack(inst, data),
            Format::Global => self.global(inst, data),
            Format::Table => {
                self.table(inst, u32::from(data.x));
            }
            Format::Func => {
                self.entity(inst, data.func().0, self.module.funcs.len(), "func");
            }
            Format::Data => {
                self.entity(inst, data.data().0, self.module.datas.len(), "data");
            }
            Format::Elem => {
                self.entity(inst, data.elem().0, self.module.elems.len(), "elem");
            }
            Format::MemoryBulk => self.memory(inst, data.b),
            Format::MemoryCopy => {
                self.memory(inst, data.b);
                self.memory(inst, data.c);
            }
            Format::MemoryInit => {
                self.memory(inst, data.b);
                self.entity(inst, data.data().0, self.module.datas.len(), "data");
            }
            Format::TableBulk => {
                self.table(inst, data.b);
            }
            Format::TableCopy => {
                let (to, from) = data.bulk_tables();
                let found = self.table(inst, to.0) & self.table(inst, from.0);
                if found && !same_kind(self.module, to, from) {
                    self.error(
                        inst,
                        format!("{to} and {from} hold references of two kinds"),
                    );
                }
            }
            Format::TableInit => {
                self.table(inst, data.b);
                self.entity(inst, data.elem().0, self.module.elems.len(), "elem");
            }
            Format::Call => return self.call(inst, data),
            Format::CallIndirect => {
                let found = self.table(inst, u32::from(data.x));
                if found && !holds_funcs(self.module, data.table()) {
                    self.error(inst, format!("{} does not hold functions", data.table()));
                }
                return self.call_through(inst, data);
            }
            Format::CallRaw => {
                let signature = self.call_through(inst, data);
                if signature.is_some() && !is_raw(self.module, data.sig()) {
                    let message = format!("{} is no signature of a C function", data.sig());
                    self.error(inst, message);
                }
                return signature;
            }
            Format::Return => {
                let results = &self.module.sig(self.sig).results;
                self.list(inst, data, 0, results, "the function returns");
            }
            Format::Trap | Format::CondTrap => {
                if TrapCode::from_byte(data.x).is_none() {
                    self.error(inst, format!("{} is no trap code", data.x));
                }
            }
        }
        None
    }

    fn condition(&mut self, inst: Inst, data: &InstData, count: usize) {
        if usize::from(data.x) >= count {
            self.error(inst, format!("{} is no condition", data.x));
        }
    }

    fn stack(&mut self, inst: Inst, data: &InstData) {
        let slots = &self.body.slots;
        if !self.entity(inst, data.slot().0, slots.len(), "ss") {
            return;
        }
        // The address of a byte needs that byte, an access all that it touches.
        let touched = match data.op {
            Op::StackAddr => 1,
            _ => data.ty.bytes(),
        };
        let (bytes, end) = (
            u64::from(slots[data.slot().index()].bytes),
            u64::from(data.offset()) + u64::from(touched),
        );
        if end > bytes {
            let message = format!(
                "this reaches byte {end} of {}, which has {bytes}",
                data.slot()
            );
            self.error(inst, message);
        }
    }

    fn global(&mut self, inst: Inst, data: &InstData) {
        let global: Global = data.global();
        if !self.entity(inst, global.0, self.module.globals.len(), "global") {
            return;
        }
        let decl = &self.module.globals[global.index()];
        if decl.ty != data.ty {
            let message = format!("{global} is an {} and not an {}", decl.ty, data.ty);
            self.error(inst, message);
        }
        if !decl.mutable && data.op == Op::GlobalSet {
            self.error(inst, format!("{global} is not mutable"));
        }
    }

    fn call(&mut self, inst: Inst, data: &InstData) -> Option<&'v Signature> {
        let callee = data.func();
        if !self.entity(inst, callee.0, self.module.funcs.len(), "func") {
            return None;
        }
        let signature = self.module.func_sig(callee);
        self.list(inst, data, 0, &signature.params, "the callee takes");
        Some(signature)
    }

    fn call_through(&mut self, inst: Inst, data: &InstData) -> Option<&'v Signature> {
        if !self.entity(inst, data.sig().0, self.module.sigs().len(), "sig") {
            return None;
        }
        let signature = self.module.sig(data.sig());
        self.list(inst, data, 1, &signature.params, "the callee takes");
        Some(signature)
    }

    /// Checks the values in the list from `skip` on.
    fn list(&mut self, inst: Inst, data: &InstData, skip: usize, types: &[Type], whose: &str) {
        let values = self
            .body
            .list_operands(data)
            .get(skip..)
            .unwrap_or_default();
        if values.len() != types.len() {
            let message = format!(
                "{whose} {} values, and here are {}",
                types.len(),
                values.len()
            );
            return self.error(inst, message);
        }
        for (index, (value, want)) in values.iter().zip(types).enumerate() {
            let is = self.body.value_type(*value);
            if is != *want {
                let message = format!("{value} is an {is}, and {whose} an {want}");
                self.operand_error(inst, skip + index, message);
            }
        }
    }
}

fn describe(class: Class, data: &InstData) -> String {
    match (class, class.fixed_type(data.ty, data.ty2)) {
        (_, Some(ty)) => format!("an {ty}"),
        (Class::Index, None) => "an i32 or i64".to_string(),
        (_, None) => "an integer".to_string(),
    }
}

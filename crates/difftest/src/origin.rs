//! What no two backends need agree on, and where it may not go.
//!
//! The op table leaves the bits of some NaNs free, and the address of a stack slot is nobody's business.
//! A program that stores such bits, or hands them to the host, computes something else on every
//! backend without any of them being wrong. So every value has an *origin*, and a module is *closed* if
//! nothing of a free origin reaches what an [`Observation`](crate::Observation) sees. The generator
//! asks [`result`] while it writes, and the reducer asks [`is_closed`] of every candidate: one rule for both.
//!
//! Rules
//! * An op marked `FREE_NAN` yields a free float, unless its operands are too small for it to be a NaN.
//! * Free floats may be computed with, compared, chosen, passed, and returned: results are compared with
//!   [`Scalar::agrees`]. They may not be stored, cast to integers, or be the sign in a `copysign`, nor reach
//!   a global, the host or a C function.
//! * `select (fcmp uno x, x), k, x` is exact if `k` is: that is how the generator makes a float exact.
//! * What is stored in a table of functions is made there: a reference, null, or a number that is none.
//! * Addresses may only be the base of raw accesses inside their slot, and be passed to functions of the
//!   module.

use std::collections::HashSet;

use bakeoff_ir::{
    Effects, FloatCc, Func, FuncKind, Function, GlobalInit, InitExpr, Inst, InstData, Module, Op,
    RefKind, Table, Type, Value,
};

use crate::host::c_function;

/// Where a value comes from, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Every backend has the same bits here.
    Exact,
    /// A float of magnitude below 2^n: no infinity, no NaN, the same bits everywhere.
    Small(u8),
    /// A float which, if it is a NaN, may be any NaN.
    Free,
    /// The address of a byte of a stack slot.
    Address {
        /// Bytes of the slot before it.
        below: u32,
        /// Bytes of the slot from it on.
        above: u32,
    },
    /// The address of a C function: the number of the import that yields it.
    Code(Func),
}

/// Powers of two above this are not tracked: the greatest `f32` is just below 2^128.
const MAX_SMALL: u8 = 100;

impl Origin {
    /// What either of two may be.
    pub fn join(self, other: Origin) -> Origin {
        match (self, other) {
            (Origin::Small(a), Origin::Small(b)) => Origin::Small(a.max(b)),
            (Origin::Exact | Origin::Small(_), Origin::Exact | Origin::Small(_)) => Origin::Exact,
            (Origin::Address { below: a, above: b }, Origin::Address { below: c, above: d }) => {
                Origin::Address {
                    below: a.min(c),
                    above: b.min(d),
                }
            }
            _ if self == other => self,
            _ => Origin::Free,
        }
    }

    /// Whether every backend has the same bits here.
    pub fn is_exact(self) -> bool {
        matches!(self, Origin::Exact | Origin::Small(_))
    }
}

/// The origin of the result of an op that computes a `T` from these operands.
pub fn result(op: Op, operands: &[Origin]) -> Origin {
    let small = |n: u16| match n <= u16::from(MAX_SMALL) {
        true => Origin::Small(n as u8),
        false => Origin::Free,
    };
    let of = |index: usize| operands.get(index).copied().unwrap_or(Origin::Free);
    match (op, of(0), of(1)) {
        (Op::Fadd | Op::Fsub, Origin::Small(a), Origin::Small(b)) => small(u16::from(a.max(b)) + 1),
        (Op::Fmul, Origin::Small(a), Origin::Small(b)) => small(u16::from(a) + u16::from(b)),
        (Op::Fmin | Op::Fmax, Origin::Small(a), Origin::Small(b)) => Origin::Small(a.max(b)),
        (Op::Ceil | Op::Floor | Op::Trunc | Op::Nearest, Origin::Small(a), _) => {
            small(u16::from(a) + 1)
        }
        (Op::Fpromote | Op::Fdemote, Origin::Small(a), _) => small(u16::from(a) + 1),
        (Op::Fneg | Op::Fabs, a, _) => a,
        // Only the sign comes from the second one, and that is exact wherever it may stand.
        (Op::Copysign, a, _) => a,
        (Op::Select, _, a) => a.join(of(2)),
        (Op::FcvtFromSint | Op::FcvtFromUint, ..) => Origin::Small(65),
        _ if op.info().effects.has(Effects::FREE_NAN) => Origin::Free,
        _ => Origin::Exact,
    }
}

/// The origin of a float constant of these bits.
pub fn of_constant(ty: Type, bits: u64) -> Origin {
    let magnitude = match ty {
        Type::F32 => f64::from(f32::from_bits(bits as u32)).abs(),
        Type::F64 => f64::from_bits(bits).abs(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => return Origin::Exact,
    };
    match (0..=MAX_SMALL).find(|n| magnitude < 2f64.powi(i32::from(*n))) {
        Some(n) => Origin::Small(n),
        None => Origin::Exact,
    }
}

/// Whether nothing that backends may differ in reaches what is observed.
pub fn is_closed(module: &Module) -> bool {
    // What functions are given: addresses come by calls, so that this is a fixpoint over the module.
    let mut params: Vec<Vec<Origin>> = module
        .funcs
        .iter()
        .map(|decl| entry_origins(module, decl.sig))
        .collect();
    let mut given: HashSet<(usize, usize)> = HashSet::new();
    loop {
        let mut changed = false;
        for (func, _, body) in module.bodies() {
            let mut flow = Flow::new(module, body, &params[func.index()]);
            flow.run();
            for (callee, index, origin) in flow.addresses_passed() {
                let old = params[callee.index()][index];
                let new = match given.insert((callee.index(), index)) {
                    true => origin,
                    false => old.join(origin),
                };
                changed |= old != new;
                params[callee.index()][index] = new;
            }
        }
        if !changed {
            break;
        }
    }
    let named = named_functions(module);
    module.bodies().all(|(func, _, body)| {
        let own = &params[func.index()];
        let pointed = own
            .iter()
            .any(|origin| matches!(origin, Origin::Address { .. }));
        let mut flow = Flow::new(module, body, own);
        flow.run();
        match named[func.index()] {
            // Whoever can be called from elsewhere may be given any number.
            Named::Referenced => !pointed && flow.is_closed(&params),
            Named::Called => flow.is_closed(&params),
            Named::Nowhere => true,
        }
    })
}

/// How a function is named in its module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// Not at all: it never runs.
    Nowhere,
    /// In direct calls only.
    Called,
    /// Exported, started, or referenced.
    Referenced,
}

fn named_functions(module: &Module) -> Vec<Named> {
    let mut named = vec![Named::Nowhere; module.funcs.len()];
    let mut raise = |func: Func, to: Named| named[func.index()] = named[func.index()].max(to);
    let globals = module
        .globals
        .iter()
        .filter_map(|global| match &global.init {
            GlobalInit::Expr(init) => Some(init),
            GlobalInit::Import(_) => None,
        });
    let inits = module
        .tables
        .iter()
        .map(|t| &t.init)
        .chain(module.elems.iter().flat_map(|e| &e.refs))
        .chain(globals);
    for init in inits {
        if let InitExpr::RefFunc(func) = init {
            raise(*func, Named::Referenced);
        }
    }
    let entries = module
        .exported_funcs()
        .map(|(_, func)| func)
        .chain(module.start);
    entries.for_each(|func| raise(func, Named::Referenced));
    for (_, _, body) in module.bodies() {
        for inst in body.blocks().flat_map(|block| body.inst_slice(block)) {
            match inst.op {
                Op::RefFunc => raise(inst.func(), Named::Referenced),
                Op::Call | Op::ReturnCall => raise(inst.func(), Named::Called),
                _ => {}
            }
        }
    }
    named
}

fn entry_origins(module: &Module, sig: bakeoff_ir::Sig) -> Vec<Origin> {
    let origin = |ty: &Type| match ty.is_float() {
        true => Origin::Free,
        false => Origin::Exact,
    };
    module.sig(sig).params.iter().map(origin).collect()
}

/// The origins of all values of a function.
struct Flow<'m> {
    module: &'m Module,
    body: &'m Function,
    /// `None` where nothing has arrived yet.
    origins: Vec<Option<Origin>>,
}

impl<'m> Flow<'m> {
    fn new(module: &'m Module, body: &'m Function, params: &[Origin]) -> Flow<'m> {
        let mut origins = vec![None; body.value_count()];
        for (value, origin) in body.params(bakeoff_ir::Block(0)).zip(params) {
            origins[value.index()] = Some(*origin);
        }
        Flow {
            module,
            body,
            origins,
        }
    }

    fn origin(&self, value: Value) -> Origin {
        self.origins[value.index()].unwrap_or(Origin::Exact)
    }

    /// Goes over the function until nothing changes. Origins only ever get worse, and there are few.
    fn run(&mut self) {
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for block in self.body.blocks() {
                for inst in self.body.insts(block) {
                    self.results(inst);
                    let data = self.body.inst(inst);
                    for edge in self.body.edges(data) {
                        let params = self.body.params(edge.block);
                        for (param, arg) in params.zip(self.body.edge_args(edge)) {
                            let Some(new) = self.origins[arg.index()] else {
                                continue;
                            };
                            let old = &mut self.origins[param.index()];
                            let joined = old.map_or(new, |old| old.join(new));
                            changed |= *old != Some(joined);
                            *old = Some(joined);
                        }
                    }
                }
            }
        }
    }

    fn results(&mut self, inst: Inst) {
        let data = *self.body.inst(inst);
        let origin = self.result_of(&data);
        for (index, value) in self.body.results(inst).enumerate() {
            let is_float = self.body.value_type(value).is_float();
            let origin = match data.op {
                // Whatever a call yields is as free as the function that it calls.
                Op::Call | Op::CallIndirect | Op::CallRaw if is_float => Origin::Free,
                _ if index > 0 => Origin::Exact,
                _ => origin,
            };
            self.origins[value.index()] = Some(origin);
        }
    }

    fn result_of(&self, data: &InstData) -> Origin {
        match data.op {
            Op::Fconst => of_constant(data.ty, data.imm()),
            Op::StackAddr => {
                let bytes = self.body.stack_slots()[data.slot().index()].bytes;
                Origin::Address {
                    below: data.offset(),
                    above: bytes.saturating_sub(data.offset()),
                }
            }
            Op::Call => match &self.module.func(data.func()).kind {
                FuncKind::Import(import) if c_function(&import.name).is_some() => {
                    Origin::Code(data.func())
                }
                FuncKind::Import(_) | FuncKind::Declared | FuncKind::Defined(_) => Origin::Exact,
            },
            Op::Select if self.is_canonical(data) => self.origin(data.arg(1)),
            _ => {
                let mut operands = [Origin::Exact; 3];
                let slots = operands.iter_mut().zip(self.body.operands(data));
                slots.for_each(|(slot, value)| *slot = self.origin(value));
                result(data.op, &operands)
            }
        }
    }

    /// Whether this is `select (fcmp uno x, x), k, x`.
    fn is_canonical(&self, data: &InstData) -> bool {
        self.definition(data.arg(0)).is_some_and(|test| {
            test.op == Op::Fcmp
                && test.float_cc() == FloatCc::Uno
                && test.arg(0) == data.arg(2)
                && test.arg(1) == data.arg(2)
        })
    }

    /// The instruction whose first result this is.
    fn definition(&self, value: Value) -> Option<&InstData> {
        // Results ascend in layout order, so that the definition is found by its number.
        let at = self
            .body
            .first_results()
            .partition_point(|first| *first <= value);
        let inst = Inst::from_index(at.checked_sub(1)?);
        (self.body.results(inst).next() == Some(value)).then(|| self.body.inst(inst))
    }

    /// Whether this can only be null, a function that is referenced elsewhere, or no reference at all:
    /// a number in its place could name any function.
    fn is_reference(&self, table: Table, value: Value) -> bool {
        if self.module.tables[table.index()].kind == RefKind::Extern {
            return true;
        }
        self.definition(value).is_some_and(|data| match data.op {
            Op::RefFunc => true,
            Op::TableGet => self.module.tables[data.table().index()].kind == RefKind::Func,
            Op::Iconst => data.imm() == 0 || data.imm() > self.module.funcs.len() as u64,
            _ => false,
        })
    }

    /// Addresses that calls pass to functions of the module: callee, parameter, origin.
    fn addresses_passed(&self) -> Vec<(Func, usize, Origin)> {
        let mut passed = Vec::new();
        for block in self.body.blocks() {
            for data in self.body.inst_slice(block) {
                if !matches!(data.op, Op::Call | Op::ReturnCall)
                    || self.module.func(data.func()).body().is_none()
                {
                    continue;
                }
                for (index, value) in self.body.list_operands(data).iter().enumerate() {
                    let origin = self.origin(*value);
                    if matches!(origin, Origin::Address { .. }) {
                        passed.push((data.func(), index, origin));
                    }
                }
            }
        }
        passed
    }

    fn is_closed(&self, params: &[Vec<Origin>]) -> bool {
        let blocks = self.body.blocks();
        blocks
            .flat_map(|b| self.body.inst_slice(b))
            .all(|data| self.may_stand(data, params))
    }

    fn may_stand(&self, data: &InstData, params: &[Vec<Origin>]) -> bool {
        let plain =
            |value: Value| !matches!(self.origin(value), Origin::Address { .. } | Origin::Code(_));
        let exact = |value: Value| self.origin(value).is_exact();
        let mut operands = self.body.operands(data);
        match data.op {
            Op::Bitcast => exact(data.arg(0)),
            Op::Copysign => plain(data.arg(0)) && exact(data.arg(1)),
            Op::Store | Op::Istore | Op::GlobalSet | Op::StackStore => operands.all(exact),
            Op::RawLoad => self.is_inside(data, data.arg(0)),
            Op::RawStore => exact(data.arg(0)) && self.is_inside(data, data.arg(1)),
            Op::Call | Op::ReturnCall => self.may_call(data, params),
            Op::CallRaw => {
                let list = self.body.list_operands(data);
                let fits = |import: Func| match &self.module.func(import).kind {
                    FuncKind::Import(name) => c_function(&name.name).is_some_and(|c| {
                        let sig = self.module.sig(data.sig());
                        sig.params == c.params && sig.results == c.results
                    }),
                    FuncKind::Declared | FuncKind::Defined(_) => false,
                };
                let code = self.origin(list[0]);
                matches!(code, Origin::Code(import) if fits(import))
                    && list[1..].iter().all(|v| exact(*v))
            }
            Op::TableSet => self.is_reference(data.table(), data.arg(1)),
            Op::TableGrow => self.is_reference(data.table(), data.arg(0)),
            Op::TableFill => {
                self.is_reference(data.bulk_tables().0, self.body.bulk_operands(data)[1])
            }
            Op::TableCopy => {
                let (to, from) = data.bulk_tables();
                self.module.tables[to.index()].kind == self.module.tables[from.index()].kind
            }
            // Who is called is not known here: perhaps the host.
            Op::CallIndirect | Op::ReturnCallIndirect => operands.all(exact),
            Op::Jump | Op::Brif | Op::BrTable => {
                // An address that meets another origin is none any more.
                operands.all(plain)
                    && self.body.edges(data).iter().all(|edge| {
                        let params = self.body.params(edge.block);
                        params
                            .zip(self.body.edge_args(edge))
                            .all(|(param, arg)| plain(*arg) || !plain(param))
                    })
            }
            _ => operands.all(plain),
        }
    }

    fn may_call(&self, data: &InstData, params: &[Vec<Origin>]) -> bool {
        let list = self.body.list_operands(data);
        match self.module.func(data.func()).body() {
            None => list.iter().all(|v| self.origin(*v).is_exact()),
            Some(_) => {
                let wanted = &params[data.func().index()];
                list.iter().zip(wanted).all(|(value, param)| {
                    let is_address = |o: Origin| matches!(o, Origin::Address { .. });
                    let origin = self.origin(*value);
                    is_address(origin) == is_address(*param) && !matches!(origin, Origin::Code(_))
                })
            }
        }
    }

    fn is_inside(&self, data: &InstData, base: Value) -> bool {
        let Origin::Address { below, above } = self.origin(base) else {
            return false;
        };
        let start = i64::from(data.raw_offset());
        -start <= i64::from(below) && start + i64::from(data.ty.bytes()) <= i64::from(above)
    }
}

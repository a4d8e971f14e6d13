//! A body: the pool of values, the profile, and what is common to all statements.

use bakeoff_ir::{
    Block, FloatCc, Func, Function, FunctionBuilder, Module, Op, Scalar, StackSlotData, Type, Value,
};

use super::plan::{GUARDED_COST, Kind, POINTED_BYTES, Plan};
use super::{constants, plan};
use crate::origin::{Origin, of_constant, result};
use crate::rng::Rng;

/// A value that may be used.
#[derive(Clone, Copy)]
pub(super) struct Var {
    pub(super) value: Value,
    pub(super) origin: Origin,
    used: bool,
}

/// An address in a stack slot, or one that was passed.
#[derive(Clone, Copy)]
pub(super) struct Address {
    pub(super) value: Value,
    pub(super) below: u32,
    pub(super) above: u32,
}

/// How much the pool holds, to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pools: [usize; 6],
    addresses: usize,
    indices: usize,
}

/// An index into a memory that is known to be below a bound.
#[derive(Clone, Copy)]
pub(super) struct Indexed {
    pub(super) value: Value,
    /// The index is at most this.
    pub(super) most: u64,
}

/// What is generated of a function.
pub(super) struct Gen<'m, 'r> {
    pub(super) rng: &'r mut Rng,
    pub(super) b: FunctionBuilder<'m>,
    pub(super) module: &'m Module,
    pub(super) plan: &'m Plan,
    pub(super) me: Func,
    pools: [Vec<Var>; 6],
    pub(super) addresses: Vec<Address>,
    pub(super) indices: Vec<Indexed>,
    pub(super) slots: Vec<u32>,
    /// How often what is written now is executed, at most.
    pub(super) times: u32,
    /// Instructions executed so far, at most, and how many there may be.
    pub(super) cost: u32,
    pub(super) cost_limit: u32,
    /// Statements that may trap and are still allowed.
    pub(super) risks: u32,
    /// Bytes that stack slots may still take.
    pub(super) frame_room: u32,
    pub(super) profile: Profile,
}

/// How likely each kind of statement is: a weight for each of [`Statement::ALL`].
pub(super) struct Profile([u32; Statement::ALL.len()]);

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident $weight:literal;)*) => {
        /// A kind of statement.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Statement {
            $($(#[$doc])* $name,)*
        }

        impl Statement {
            const ALL: &'static [Statement] = &[$(Statement::$name),*];
            const WEIGHTS: &'static [u32] = &[$($weight),*];
        }
    };
}

statements! {
    /// An op that makes scalars from scalars.
    Compute 60;
    /// A load or store of linear memory.
    Access 14;
    /// A read, some arithmetic, and a write at one place.
    Update 5;
    /// Bulk operations and sizes of memories.
    Bulk 4;
    /// Stack slots.
    Stack 6;
    /// Accesses by address.
    Raw 4;
    /// Globals.
    Global 5;
    /// Tables and references.
    Table 5;
    /// A direct call.
    Call 7;
    /// A call through a table.
    CallIndirect 4;
    /// A call of a C function.
    CallRaw 2;
    /// A conditional trap.
    Trap 2;
    /// A branch that joins again.
    If 9;
    /// A loop.
    Loop 6;
    /// A `br_table`.
    Switch 3;
    /// Blocks that jump to each other in any way.
    Machine 2;
    /// Many values at once.
    Pressure 2;
}

impl Profile {
    fn new(rng: &mut Rng) -> Profile {
        let mut weights = [0; Statement::ALL.len()];
        for (weight, usual) in weights.iter_mut().zip(Statement::WEIGHTS) {
            *weight = match rng.below(4) {
                0 => 0,
                1 => usual * 3,
                _ => *usual,
            };
        }
        weights[Statement::Compute as usize] = rng.between(20, 80) as u32;
        Profile(weights)
    }

    fn draw(&self, rng: &mut Rng) -> Statement {
        let total: u32 = self.0.iter().sum();
        let mut at = rng.below(total as usize) as u32;
        for (statement, weight) in Statement::ALL.iter().zip(self.0) {
            match at.checked_sub(weight) {
                Some(rest) => at = rest,
                None => return *statement,
            }
        }
        Statement::Compute
    }
}

/// The body of a function, and the most instructions that a call of it executes.
pub(super) fn body(module: &Module, plan: &Plan, func: Func, rng: &mut Rng) -> (Function, u32) {
    let kind = plan.kind(func);
    if kind == Kind::Overflowing {
        return (overflowing(module, func, rng), 0);
    }
    let profile = Profile::new(rng);
    let mut generator = Gen {
        b: FunctionBuilder::new(module, module.func(func).sig),
        module,
        plan,
        me: func,
        pools: Default::default(),
        addresses: Vec::new(),
        indices: Vec::new(),
        slots: Vec::new(),
        times: 1,
        cost: 0,
        cost_limit: match kind {
            Kind::Main => plan.cost_limit,
            Kind::Guarded => GUARDED_COST,
            _ => plan.cost_limit / 4,
        },
        risks: rng.below(3) as u32,
        frame_room: 2048,
        profile,
        rng,
    };
    generator.function(kind);
    // The fuel that a main function fills in is used up by guarded ones.
    let burnt = match (kind, plan.fuel) {
        (Kind::Main, Some(_)) => plan::FUEL as u32 * GUARDED_COST,
        _ => 0,
    };
    let cost = generator.cost + burnt;
    let body = generator.b.finish().expect("every block is filled");
    (body, cost)
}

/// A function that calls itself for ever, with something left to do behind the call.
fn overflowing(module: &Module, func: Func, rng: &mut Rng) -> Function {
    let mut b = FunctionBuilder::new(module, module.func(func).sig);
    b.switch_to(b.entry());
    let n = b.params(b.entry())[0];
    if rng.percent(50) {
        let slot = b.create_stack_slot(StackSlotData {
            bytes: rng.between(8, 20_000) as u32,
            align: 8,
        });
        b.stack_store(Type::I64, n, slot, 0);
    }
    let one = b.iconst(Type::I64, 1);
    let next = b.binary(Op::Iadd, Type::I64, n, one);
    let result = b.call(func, &[next]).next().expect("it has one result");
    let sum = b.binary(Op::Bxor, Type::I64, result, n);
    b.ret(&[sum]);
    b.finish().expect("every block is filled")
}

impl<'m> Gen<'m, '_> {
    fn function(&mut self, kind: Kind) {
        let entry = self.b.entry();
        self.b.switch_to(entry);
        let params = self.b.params(entry).to_vec();
        for (index, param) in params.into_iter().enumerate() {
            let ty = self.b.value_type(param);
            match kind == Kind::Pointed && index == 0 {
                true => self.addresses.push(Address {
                    value: param,
                    below: 0,
                    above: POINTED_BYTES,
                }),
                false => self.add(param, ty, entry_origin(ty)),
            }
        }
        self.create_slots();
        match (kind, self.plan.fuel) {
            (Kind::Guarded, Some(fuel)) => self.take_fuel(fuel),
            (Kind::Main, Some(fuel)) if self.rng.percent(70) => {
                let full = self.b.iconst(Type::I32, plan::FUEL);
                self.b.global_set(fuel, full);
            }
            _ => {}
        }
        let statements = match kind {
            Kind::Main => self.plan.statements,
            _ => self.rng.between(2, self.plan.statements.clamp(2, 12)),
        };
        if self.sequence(statements, 0) {
            self.leave();
        }
    }

    /// The beginning of a guarded function: without fuel it returns at once.
    fn take_fuel(&mut self, fuel: bakeoff_ir::Global) {
        let (empty, go) = (self.b.create_block(), self.b.create_block());
        let left = self.b.global_get(fuel);
        self.b.brif(left, go, &[], empty, &[]);
        self.b.switch_to(empty);
        let mark = self.mark();
        self.return_values();
        self.back_to(mark);
        self.b.switch_to(go);
        let one = self.b.iconst(Type::I32, 1);
        let rest = self.b.binary(Op::Isub, Type::I32, left, one);
        self.b.global_set(fuel, rest);
    }

    fn create_slots(&mut self) {
        for _ in 0..self.rng.below(4).saturating_sub(1) {
            let bytes = match self.rng.below(60) {
                0 => self.rng.between(4000, 70_000),
                1..=5 => self.rng.between(100, 300),
                _ => self.rng.between(1, 32),
            } as u32;
            let huge = bytes > self.frame_room;
            // A large frame only where nothing can be called again and again.
            if huge && self.plan.kind(self.me) != Kind::Main {
                continue;
            }
            self.frame_room = self.frame_room.saturating_sub(bytes);
            let align = 1 << self.rng.below(5);
            self.b.create_stack_slot(StackSlotData { bytes, align });
            self.slots.push(bytes);
        }
    }

    /// So many statements. Whether what follows is reached.
    pub(super) fn sequence(&mut self, statements: usize, depth: usize) -> bool {
        for _ in 0..statements {
            if self.cost + 12 * self.times > self.cost_limit {
                break;
            }
            self.cost += 3 * self.times;
            let statement = self.profile.draw(self.rng);
            match statement {
                Statement::Compute => self.compute(),
                Statement::Access => self.access(),
                Statement::Update => self.update(),
                Statement::Bulk => self.bulk(),
                Statement::Stack => self.stack(),
                Statement::Raw => self.raw(),
                Statement::Global => self.global(),
                Statement::Table => self.table(),
                Statement::Call => self.call(),
                Statement::CallIndirect => self.call_indirect(),
                Statement::CallRaw => self.call_raw(),
                Statement::Trap => self.trap(),
                Statement::Pressure => self.pressure(),
                Statement::If | Statement::Loop | Statement::Switch | Statement::Machine
                    if depth > 6 =>
                {
                    self.compute()
                }
                Statement::Machine => self.machine(),
                Statement::If if self.branch(statements, depth) => {}
                Statement::Loop if self.repeat(statements, depth) => {}
                Statement::Switch if self.switch(statements, depth) => {}
                // No way leads out of it.
                Statement::If | Statement::Loop | Statement::Switch => return false,
            }
        }
        true
    }

    // ---- The pool -----------------------------------------------------------------------------

    /// A value may be used from now on.
    pub(super) fn add(&mut self, value: Value, ty: Type, origin: Origin) {
        self.pools[ty as usize].push(Var {
            value,
            origin,
            used: false,
        });
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            pools: std::array::from_fn(|index| self.pools[index].len()),
            addresses: self.addresses.len(),
            indices: self.indices.len(),
        }
    }

    /// What was added since may not be used any more.
    pub(super) fn back_to(&mut self, mark: Mark) {
        for (pool, length) in self.pools.iter_mut().zip(mark.pools) {
            pool.truncate(length);
        }
        self.addresses.truncate(mark.addresses);
        self.indices.truncate(mark.indices);
    }

    /// Values added since that nothing uses.
    pub(super) fn unused_since(&self, mark: Mark) -> Vec<(Value, Type, Origin)> {
        let mut unused = Vec::new();
        for ty in Type::ALL {
            let new = &self.pools[ty as usize][mark.pools[ty as usize]..];
            unused.extend(
                new.iter()
                    .filter(|var| !var.used)
                    .map(|var| (var.value, ty, var.origin)),
            );
        }
        unused
    }

    /// A constant, which joins the pool half the time.
    pub(super) fn constant(&mut self, ty: Type) -> Var {
        let scalar = constants::scalar(ty, self.rng);
        let var = self.scalar(scalar);
        if self.rng.percent(50) {
            self.pools[ty as usize].push(var);
        }
        var
    }

    /// This constant.
    pub(super) fn scalar(&mut self, scalar: Scalar) -> Var {
        let origin = of_constant(scalar.ty(), scalar.bits());
        Var {
            value: self.b.scalar(scalar),
            origin,
            used: true,
        }
    }

    /// A value of a type: most likely a late one that nothing uses yet.
    pub(super) fn var(&mut self, ty: Type) -> Var {
        let count = self.pools[ty as usize].len();
        if count == 0 || self.rng.percent(10) {
            return self.constant(ty);
        }
        let draw = |rng: &mut Rng| match rng.percent(60) {
            true => count - 1 - rng.below(count.min(4)),
            false => rng.below(count),
        };
        let mut at = draw(self.rng);
        if self.pools[ty as usize][at].used {
            at = draw(self.rng);
        }
        let var = &mut self.pools[ty as usize][at];
        var.used = true;
        *var
    }

    /// A value of a type, for whoever does not care where it comes from.
    pub(super) fn value(&mut self, ty: Type) -> Value {
        self.var(ty).value
    }

    /// A value whose bits are the same everywhere.
    pub(super) fn exact(&mut self, ty: Type) -> Value {
        let var = self.var(ty);
        match var.origin.is_exact() {
            true => var.value,
            false => self.canonical(ty, var.value),
        }
    }

    /// The value, or one NaN if it is any NaN.
    fn canonical(&mut self, ty: Type, value: Value) -> Value {
        let is_nan = self.b.fcmp(FloatCc::Uno, ty, value, value);
        let bits = match ty {
            Type::F32 => 0x7fc0_0000,
            _ => 0x7ff8_0000_0000_0000,
        };
        let nan = self.b.fconst(ty, bits);
        let exact = self.b.select(ty, is_nan, nan, value);
        self.add(exact, ty, Origin::Exact);
        exact
    }

    /// A condition: any integer, mostly the result of a comparison.
    pub(super) fn condition(&mut self) -> Value {
        match self.rng.below(12) {
            0..=4 => self.integer_test(),
            5 | 6 => self.float_test(),
            // Even or odd: either way is taken.
            7..=9 => {
                let ty = self.int_type();
                let value = self.value(ty);
                let one = self.b.iconst(ty, 1);
                self.b.binary(Op::Band, ty, value, one)
            }
            _ => {
                let ty = self.int_type();
                self.value(ty)
            }
        }
    }

    pub(super) fn int_type(&mut self) -> Type {
        self.rng.pick(&[
            Type::I8,
            Type::I16,
            Type::I32,
            Type::I32,
            Type::I64,
            Type::I64,
        ])
    }

    // ---- The end ------------------------------------------------------------------------------

    /// Ends the function here: returns, or calls somebody in its place. What nothing uses yet is
    /// used first, half the time.
    pub(super) fn leave(&mut self) {
        if self.rng.percent(12) && self.tail_call() {
            return;
        }
        if self.rng.percent(85) {
            self.sink(Mark {
                pools: [0; 6],
                addresses: 0,
                indices: 0,
            });
        }
        self.return_values();
    }

    fn return_values(&mut self) {
        let values = self.args(&self.module.func_sig(self.me).results);
        self.b.ret(&values);
    }

    /// Folds values that nothing uses into one, and puts it where it is seen.
    pub(super) fn sink(&mut self, mark: Mark) {
        let mut sum: Option<Value> = None;
        for (value, ty, origin) in self.unused_since(mark).into_iter().take(12) {
            let exact = match origin.is_exact() {
                true => value,
                false => self.canonical(ty, value),
            };
            let bits = self.word_of(exact, ty);
            sum = Some(match sum {
                None => bits,
                Some(sum) => {
                    let op = self.rng.pick(&[Op::Iadd, Op::Bxor, Op::Isub]);
                    self.b.binary(op, Type::I64, sum, bits)
                }
            });
        }
        for pool in &mut self.pools {
            pool.iter_mut().for_each(|var| var.used = true);
        }
        if let Some(sum) = sum {
            self.add(sum, Type::I64, Origin::Exact);
            self.show(sum);
        }
    }

    fn word_of(&mut self, value: Value, ty: Type) -> Value {
        let extend = self.rng.pick(&[Op::Sextend, Op::Uextend]);
        match ty {
            Type::I64 => value,
            Type::I8 | Type::I16 | Type::I32 => self.b.convert(extend, Type::I64, ty, value),
            Type::F64 => self.b.convert(Op::Bitcast, Type::I64, ty, value),
            Type::F32 => {
                let bits = self.b.convert(Op::Bitcast, Type::I32, ty, value);
                self.b.convert(extend, Type::I64, Type::I32, bits)
            }
        }
    }

    /// Writes an `i64` where the observation sees it, if the module has such a place.
    fn show(&mut self, value: Value) {
        let results = &self.module.func_sig(self.me).results;
        if results.contains(&Type::I64) {
            return;
        }
        let globals = self
            .module
            .globals
            .iter()
            .position(|g| g.mutable && g.ty == Type::I64);
        if let Some(index) = globals {
            self.b
                .global_set(bakeoff_ir::Global::from_index(index), value);
        } else if self
            .module
            .memories
            .first()
            .is_some_and(|m| m.min_pages > 0)
        {
            let at = self.b.iconst(Type::I32, 8 * self.rng.below(4) as i64);
            self.b.store(
                Op::Store,
                Type::I64,
                Type::I64,
                bakeoff_ir::Memory(0),
                value,
                at,
                0,
            );
        } else if results.contains(&Type::I32) {
            let low = self.b.convert(Op::Ireduce, Type::I32, Type::I64, value);
            self.add(low, Type::I32, Origin::Exact);
        }
    }

    // ---- Blocks -------------------------------------------------------------------------------

    /// A block with parameters of these types.
    pub(super) fn block(&mut self, types: &[Type]) -> Block {
        let block = self.b.create_block();
        for ty in types {
            self.b.append_param(block, *ty);
        }
        block
    }

    /// The parameters of a block join the pool.
    pub(super) fn add_params(&mut self, block: Block) {
        for param in self.b.params(block).to_vec() {
            let ty = self.b.value_type(param);
            self.add(param, ty, entry_origin(ty));
        }
    }

    /// Values for parameters of these types.
    pub(super) fn args(&mut self, types: &[Type]) -> Vec<Value> {
        types.iter().map(|ty| self.value(*ty)).collect()
    }

    /// Values for parameters of these types that the host or C will see.
    pub(super) fn exact_args(&mut self, types: &[Type]) -> Vec<Value> {
        types.iter().map(|ty| self.exact(*ty)).collect()
    }

    /// Results of a call join the pool.
    pub(super) fn add_results(&mut self, results: impl Iterator<Item = Value>, types: &[Type]) {
        for (value, ty) in results.zip(types) {
            self.add(value, *ty, entry_origin(*ty));
        }
    }

    /// The origin of an op's result, and the result in the pool.
    pub(super) fn add_result(&mut self, value: Value, ty: Type, op: Op, operands: &[Origin]) {
        self.add(value, ty, result(op, operands));
    }

    /// One of the few statements that may trap; `false` if there were enough of them.
    pub(super) fn risk(&mut self, chance: usize) -> bool {
        let takes = self.risks > 0 && self.rng.percent(chance);
        self.risks -= u32::from(takes);
        takes
    }
}

/// The origin of what comes over an edge or a call.
fn entry_origin(ty: Type) -> Origin {
    match ty.is_float() {
        true => Origin::Free,
        false => Origin::Exact,
    }
}

//! What a module declares, before any body is there.

use bakeoff_ir::{
    Data, DataDecl, Elem, ElemDecl, Export, ExportItem, Func, FuncKind, Global, GlobalDecl,
    GlobalInit, ImportName, InitExpr, Memory, MemoryDecl, Module, RefKind, Scalar, SegmentMode,
    Signature, Table, TableDecl, Type,
};

use super::{Reach, constants};
use crate::host::{C_FUNCTIONS, REENTERED};
use crate::rng::Rng;

/// What a function is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Provided by the host.
    Import,
    /// Provided by the host, and yields the address of a C function.
    Code,
    /// Called from outside, and from mains before it.
    Main,
    /// Takes fuel: may be called by anybody, by itself, through tables.
    Guarded,
    /// Calls only what stands behind it.
    Plain,
    /// As plain, and its first parameter is an address with [`POINTED_BYTES`] behind it.
    Pointed,
    /// Calls itself until the stack is full.
    Overflowing,
}

/// Bytes that a [`Kind::Pointed`] function may access behind its parameter.
pub(super) const POINTED_BYTES: u32 = 16;

/// Units of fuel that a main function fills the tank with.
pub(super) const FUEL: i64 = 12;

/// How much a guarded function may cost, without the guarded functions that it calls.
pub(super) const GUARDED_COST: u32 = 150;

/// What bodies need to know about the module that is not in its declarations.
pub(super) struct Plan {
    kinds: Vec<Kind>,
    /// The most instructions that a call executes; known once there is a body.
    costs: Vec<u32>,
    /// The global that guarded functions take fuel from.
    pub(super) fuel: Option<Global>,
    /// What the module may consist of.
    reach: Reach,
    /// Few lists of results, so that tail calls find somebody to call.
    results: [Vec<Type>; 2],
    /// Whether the host calls a guarded function.
    reenters: bool,
    /// Functions that may stand in tables.
    pub(super) referable: Vec<Func>,
    /// How large functions are: statements at the outermost level.
    pub(super) statements: usize,
    /// The most that a main function may cost.
    pub(super) cost_limit: u32,
}

impl Plan {
    pub(super) fn kind(&self, func: Func) -> Kind {
        self.kinds[func.index()]
    }

    pub(super) fn cost(&self, func: Func) -> u32 {
        self.costs[func.index()]
    }

    pub(super) fn set_cost(&mut self, func: Func, cost: u32) {
        self.costs[func.index()] = cost;
    }

    /// The functions in the order in which their bodies are made: callees first.
    pub(super) fn order(&self) -> Vec<Func> {
        let rank = |kind: Kind| match kind {
            Kind::Plain | Kind::Pointed | Kind::Overflowing => 0,
            Kind::Guarded => 1,
            Kind::Main => 2,
            Kind::Import | Kind::Code => 3,
        };
        let mut order: Vec<Func> = (0..self.kinds.len()).rev().map(Func::from_index).collect();
        order.retain(|func| !matches!(self.kind(*func), Kind::Import | Kind::Code));
        order.sort_by_key(|func| rank(self.kind(*func)));
        order
    }

    /// Whether a body of `caller` may call `callee` directly.
    pub(super) fn may_call(&self, caller: Func, callee: Func) -> bool {
        match self.kind(callee) {
            Kind::Import | Kind::Guarded => true,
            Kind::Plain | Kind::Pointed => match self.kind(caller) {
                Kind::Plain | Kind::Pointed => callee > caller,
                Kind::Main | Kind::Guarded => true,
                Kind::Import | Kind::Code | Kind::Overflowing => false,
            },
            Kind::Main => self.kind(caller) == Kind::Main && callee > caller,
            Kind::Code | Kind::Overflowing => false,
        }
    }
}

/// How large a module is.
struct Scale {
    mains: usize,
    guarded: usize,
    plain: usize,
    statements: usize,
    cost_limit: u32,
}

fn scale(rng: &mut Rng) -> Scale {
    let (most, statements, cost_limit) = match rng.below(400) {
        0..=299 => (1, rng.between(1, 4), 200),
        300..=389 => (2, rng.between(3, 7), 500),
        390..=398 => (3, rng.between(8, 20), 2000),
        _ => (3, rng.between(30, 80), 15_000),
    };
    Scale {
        mains: rng.between(1, most.min(2)),
        guarded: usize::from(rng.percent(25)) * rng.between(1, most),
        plain: usize::from(rng.percent(40)) * rng.between(1, most),
        statements,
        cost_limit,
    }
}

fn types(rng: &mut Rng, most: usize) -> Vec<Type> {
    let count = match rng.below(20) {
        0 => rng.between(most, most * 3),
        1..=3 => 0,
        _ => rng.between(1, most),
    };
    (0..count).map(|_| any_type(rng)).collect()
}

/// A type; the wide ones more often.
pub(super) fn any_type(rng: &mut Rng) -> Type {
    use Type::{F32, F64, I8, I16, I32, I64};
    rng.pick(&[I8, I16, I32, I32, I32, I64, I64, I64, F32, F64])
}

/// The module without bodies, and what is known about it.
pub(super) fn plan(reach: Reach, rng: &mut Rng) -> (Module, Plan) {
    let mut module = Module::new();
    let mut scale = scale(rng);
    if reach == Reach::Scalars {
        // Fuel is a global.
        scale.guarded = 0;
        scale.plain += 1;
    }
    let mut plan = Plan {
        kinds: Vec::new(),
        costs: Vec::new(),
        fuel: None,
        reach,
        results: [types(rng, 3), types(rng, 2)],
        reenters: false,
        referable: Vec::new(),
        statements: scale.statements,
        cost_limit: scale.cost_limit,
    };
    if reach == Reach::Everything {
        declare_imports(&mut module, &mut plan, &scale, rng);
    }
    declare_functions(&mut module, &mut plan, &scale, rng);
    if reach == Reach::Scalars {
        return (module, plan);
    }
    declare_globals(&mut module, &mut plan, scale.guarded > 0, rng);
    declare_memories(&mut module, rng);
    declare_tables(&mut module, &plan, rng);
    (module, plan)
}

/// Declares a function.
fn add(
    module: &mut Module,
    plan: &mut Plan,
    kind: Kind,
    name: String,
    signature: Signature,
) -> Func {
    let sig = module.intern_sig(signature);
    let body = match kind {
        Kind::Import | Kind::Code => FuncKind::Import(ImportName {
            module: "host".to_string(),
            name: name.clone(),
        }),
        _ => FuncKind::Declared,
    };
    plan.kinds.push(kind);
    // What the host does is not counted; calling it costs something.
    plan.costs.push(20);
    module.push_func(name, sig, body)
}

/// The signature of what may be entered from the host.
fn counted() -> Signature {
    Signature {
        params: vec![Type::I32],
        results: vec![Type::I32],
    }
}

fn declare_imports(module: &mut Module, plan: &mut Plan, scale: &Scale, rng: &mut Rng) {
    for index in 0..rng.below(3) {
        let name = match rng.percent(15) {
            true => format!("fail{index}"),
            false => format!("mix{index}"),
        };
        let mut params = types(rng, 4);
        let results = match rng.percent(50) {
            true => plan.results[0].clone(),
            false => types(rng, 2),
        };
        if let Some(other) = module.sigs().last()
            && rng.percent(30)
        {
            // Signatures that differ in the results alone.
            params = other.params.clone();
        }
        add(
            module,
            plan,
            Kind::Import,
            name,
            Signature { params, results },
        );
    }
    plan.reenters = scale.guarded > 0 && rng.percent(15);
    if plan.reenters {
        add(module, plan, Kind::Import, "enter0".to_string(), counted());
    }
    if rng.percent(15) {
        let c = &C_FUNCTIONS[rng.below(C_FUNCTIONS.len())];
        module.intern_sig(Signature {
            params: c.params.to_vec(),
            results: c.results.to_vec(),
        });
        let signature = Signature {
            params: vec![],
            results: vec![Type::I64],
        };
        add(module, plan, Kind::Code, c.name.to_string(), signature);
    }
}

fn declare_functions(module: &mut Module, plan: &mut Plan, scale: &Scale, rng: &mut Rng) {
    let signature = |plan: &Plan, rng: &mut Rng| Signature {
        params: types(rng, 4),
        results: plan.results[rng.below(2)].clone(),
    };
    for index in 0..scale.mains {
        let (name, signature) = (format!("main{index}"), signature(plan, rng));
        let func = add(module, plan, Kind::Main, name.clone(), signature);
        export(module, name, func);
    }
    for index in 0..scale.guarded {
        let reentered = plan.reenters && index == 0;
        let signature = if reentered {
            counted()
        } else {
            signature(plan, rng)
        };
        let func = add(
            module,
            plan,
            Kind::Guarded,
            format!("guarded{index}"),
            signature,
        );
        if reentered {
            export(module, REENTERED.to_string(), func);
        }
    }
    for index in 0..scale.plain {
        let mut signature = signature(plan, rng);
        let kind = match rng.percent(25) {
            true => Kind::Pointed,
            false => Kind::Plain,
        };
        if kind == Kind::Pointed {
            signature.params.insert(0, Type::I64);
        }
        add(module, plan, kind, format!("plain{index}"), signature);
    }
    if plan.reach == Reach::Everything && rng.percent(5) {
        let start = add(
            module,
            plan,
            Kind::Plain,
            "start".to_string(),
            Signature::default(),
        );
        module.start = Some(start);
    }
    if rng.below(400) == 0 {
        let signature = Signature {
            params: vec![Type::I64],
            results: vec![Type::I64],
        };
        let func = add(
            module,
            plan,
            Kind::Overflowing,
            "overflowing".to_string(),
            signature,
        );
        export(module, "overflowing".to_string(), func);
    }
    let refers = |kind: &Kind| matches!(kind, Kind::Import | Kind::Guarded);
    let all = plan
        .kinds
        .iter()
        .enumerate()
        .filter(|(_, kind)| refers(kind));
    plan.referable = all.map(|(index, _)| Func::from_index(index)).collect();
}

fn export(module: &mut Module, name: String, func: Func) {
    module.exports.push(Export {
        name,
        item: ExportItem::Func(func),
    });
}

fn declare_globals(module: &mut Module, plan: &mut Plan, fuelled: bool, rng: &mut Rng) {
    if fuelled {
        plan.fuel = Some(Global::from_index(module.globals.len()));
        let init = GlobalInit::Expr(InitExpr::Const(Scalar::i32(FUEL as i32)));
        module.globals.push(GlobalDecl {
            ty: Type::I32,
            mutable: true,
            init,
        });
    }
    for index in 0..rng.below(4) {
        let ty = any_type(rng);
        let init = match rng.below(10) {
            0 => GlobalInit::Import(ImportName {
                module: "host".to_string(),
                name: format!("global{index}"),
            }),
            _ => GlobalInit::Expr(InitExpr::Const(constants::scalar(ty, rng))),
        };
        module.globals.push(GlobalDecl {
            ty,
            mutable: rng.percent(80),
            init,
        });
    }
}

fn declare_memories(module: &mut Module, rng: &mut Rng) {
    let count = match rng.below(10) {
        0..=1 => 0,
        2..=7 => 1,
        _ => 2,
    };
    for index in 0..count {
        let min_pages = u64::from(!rng.percent(3));
        let imported = rng.percent(10);
        module.memories.push(MemoryDecl {
            min_pages,
            max_pages: Some(min_pages + rng.below(3) as u64),
            import: imported.then(|| ImportName {
                module: "host".to_string(),
                name: format!("memory{index}"),
            }),
        });
    }
    if module.memories.is_empty() {
        return;
    }
    for _ in 0..rng.below(3) {
        let target = Memory::from_index(rng.below(count));
        let most = rng.pick(&[40, 40, 600]);
        let bytes: Vec<u8> = (0..rng.below(most)).map(|_| rng.bits() as u8).collect();
        let room = module.memories[target.index()].min_pages as usize * 65536;
        let offset = rng
            .pick(&[0, 0, 8, 4000])
            .min(room.saturating_sub(bytes.len())) as i32;
        let mode = match rng.percent(50) && room > 0 {
            true => SegmentMode::Active {
                target,
                offset: InitExpr::Const(Scalar::i32(offset)),
            },
            false => SegmentMode::Passive,
        };
        module.datas.push(DataDecl { mode, bytes });
    }
}

fn declare_tables(module: &mut Module, plan: &Plan, rng: &mut Rng) {
    if plan.referable.is_empty() || rng.percent(60) {
        return;
    }
    let functions = rng.between(1, 2);
    for index in 0..functions + usize::from(rng.percent(30)) {
        let kind = match index < functions {
            true => RefKind::Func,
            false => RefKind::Extern,
        };
        let min = rng.between(2, 9) as u32;
        let init = match kind {
            RefKind::Func if rng.percent(50) => InitExpr::RefFunc(rng.pick(&plan.referable)),
            RefKind::Func | RefKind::Extern => InitExpr::Const(Scalar::i64(0)),
        };
        let max = Some(min + rng.below(5) as u32);
        module.tables.push(TableDecl {
            kind,
            min,
            max,
            init,
            import: None,
        });
    }
    for _ in 0..rng.between(1, 2) {
        let target = Table::from_index(rng.below(functions));
        let count = rng.between(1, 3);
        let reference = |rng: &mut Rng| match rng.percent(85) {
            true => InitExpr::RefFunc(rng.pick(&plan.referable)),
            false => InitExpr::Const(Scalar::i64(0)),
        };
        let refs: Vec<InitExpr> = (0..count).map(|_| reference(rng)).collect();
        let room = module.tables[target.index()].min as usize - 1;
        let mode = match rng.percent(70) && refs.len() <= room {
            true => SegmentMode::Active {
                target,
                offset: InitExpr::Const(Scalar::i32(rng.below(room - refs.len() + 1) as i32)),
            },
            false => SegmentMode::Passive,
        };
        module.elems.push(ElemDecl { mode, refs });
    }
}

/// The passive and active data segments; instructions may name any.
pub(super) fn data_segments(module: &Module) -> Vec<Data> {
    (0..module.datas.len()).map(Data::from_index).collect()
}

/// The element segments.
pub(super) fn elem_segments(module: &Module) -> Vec<Elem> {
    (0..module.elems.len()).map(Elem::from_index).collect()
}

//! The oracle from outside: what wasmi does with a module is what is right.
//!
//! Terms
//! * A *transcript* is everything that was done with a module and seen of it: lives, one after the other.
//! * A *life* is an instance: its start, calls in order, the state that they leave, the trace of the host.
//!   A life ends with a call that trapped as unreachable, since its fuel may be used up; the next call
//!   begins another one.
//! * A transcript is *cut* where what follows cannot be compared ([`Cut`]).
//!
//! wasmi's handles of functions know no equality, but print as what they are; a reference is found by that
//! among the exported functions, which are all.

use std::collections::HashMap;

use bakeoff_ir::TrapCode;
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{
    AsContext, AsContextMut, Config, Engine, Error, Extern, ExternRef, F32, F64, Func, Global,
    Instance, Memory, MemoryType, Module, Mutability, Ref, Store, Table, TableType, Val,
};
use wasmparser::{ExternalKind, ValType};

use super::host::{self, HostCall, Trace};
use super::shape::{ImportKind, Shape};
use crate::Rng;

/// How a call, or the start of an instance, ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// With the bits of its results; of an instance, with nothing.
    Values(Vec<u64>),
    /// With a trap.
    Trap(TrapCode),
}

/// A call of an exported function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The export.
    pub export: String,
    /// The index of the function.
    pub func: u32,
    /// The bits of its arguments.
    pub args: Vec<u64>,
    /// How it ended.
    pub outcome: Outcome,
}

/// An instance, from its start to the last call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// How its start ended. After a trap there are no calls.
    pub start: Outcome,
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// The calls of host functions.
    pub trace: Vec<HostCall>,
    /// What it left in each export that is not a function, in the order of exports. `None` if it did not
    /// start, or if it was cut.
    pub state: Option<Vec<Left>>,
}

/// What is in an exported memory, table or global.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Left {
    /// The bytes of a memory.
    Memory(Vec<u8>),
    /// The bits of the references in a table.
    Table(Vec<u64>),
    /// The bits of a global.
    Global(u64),
}

/// Why nothing is compared from some call on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cut {
    /// wasmi's stack is full; others have larger ones.
    StackOverflow,
    /// An indirect call found a function of another type, in a module with types that are one in the IR:
    /// there it may succeed.
    TypesThatAreOne,
}

/// What was done with a module and seen of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcript {
    /// The lives.
    pub lives: Vec<Life>,
    /// Why it ends early, if it does.
    pub cut: Option<Cut>,
}

/// Argument lists a function.
const CALLS_A_FUNCTION: usize = 3;

/// Runs the module in wasmi: every exported function with several lists of arguments, which seed and
/// number decide.
///
/// # Errors
/// If wasmi refuses the module or fails otherwise than by a trap; says why.
pub(super) fn play(
    wasm: &[u8],
    shape: &Shape,
    seed: u64,
    number: u64,
) -> Result<Transcript, String> {
    let engine = Engine::new(&settings());
    let module = Module::new(&engine, wasm).map_err(|e| e.to_string())?;
    let mut rng = Rng::new(seed, !number);
    let mut transcript = Transcript {
        lives: Vec::new(),
        cut: None,
    };
    let mut guest: Option<Guest> = None;
    for (export, func) in shape.exported_funcs() {
        for _ in 0..CALLS_A_FUNCTION {
            let args = arguments(shape, func, &mut rng);
            let running = match guest.take() {
                Some(guest) => guest,
                None => match Guest::start(&engine, &module, shape)? {
                    Ok(guest) => guest,
                    Err(life) => {
                        transcript.lives.push(life);
                        return Ok(transcript);
                    }
                },
            };
            let (running, outcome) = running.call(shape, export, func, args)?;
            transcript.cut = cut(&outcome, shape);
            let unreachable = outcome == Outcome::Trap(TrapCode::Unreachable);
            if transcript.cut.is_some() || unreachable {
                transcript
                    .lives
                    .push(running.end(shape, transcript.cut.is_some()));
            } else {
                guest = Some(running);
            }
            if transcript.cut.is_some() {
                return Ok(transcript);
            }
        }
    }
    transcript
        .lives
        .extend(guest.map(|guest| guest.end(shape, false)));
    Ok(transcript)
}

/// WebAssembly 2.0 without SIMD, and tail calls.
fn settings() -> Config {
    let mut config = Config::default();
    config
        .wasm_tail_call(true)
        .wasm_extended_const(false)
        .wasm_multi_memory(false)
        .set_max_recursion_depth(10_000)
        .set_max_stack_height(8 << 20);
    config
}

fn cut(outcome: &Outcome, shape: &Shape) -> Option<Cut> {
    match outcome {
        Outcome::Trap(TrapCode::StackOverflow) => Some(Cut::StackOverflow),
        Outcome::Trap(TrapCode::BadSignature) if shape.has_types_that_are_one() => {
            Some(Cut::TypesThatAreOne)
        }
        Outcome::Trap(_) | Outcome::Values(_) => None,
    }
}

/// A list of arguments; a reference to a function is null or to an exported one.
fn arguments(shape: &Shape, func: u32, rng: &mut Rng) -> Vec<u64> {
    let funcs: Vec<u32> = shape.exported_funcs().map(|(_, index)| index).collect();
    let args = shape.func(func).params().iter().map(|ty| match *ty {
        ValType::FUNCREF if rng.percent(67) => u64::from(rng.pick(&funcs)) + 1,
        other => host::value(other, rng),
    });
    args.collect()
}

/// An instance of wasmi, and what its life has been so far.
struct Guest {
    store: Store<()>,
    instance: Instance,
    /// The bits of a reference, by what its handle prints.
    refs: HashMap<String, u64>,
    /// The handle of each exported function, by index.
    funcs: HashMap<u32, Func>,
    trace: Trace,
    calls: Vec<Call>,
}

impl Guest {
    /// Makes an instance; if that traps, the life that this was.
    fn start(
        engine: &Engine,
        module: &Module,
        shape: &Shape,
    ) -> Result<Result<Guest, Life>, String> {
        let mut store = Store::new(engine, ());
        let trace = Trace::default();
        let imports = imports(&mut store, shape, &trace)?;
        let instance = match Instance::new(&mut store, module, &imports) {
            Ok(instance) => instance,
            Err(error) => {
                return Ok(Err(Life {
                    start: Outcome::Trap(trap(&error)?),
                    calls: Vec::new(),
                    trace: trace.calls(),
                    state: None,
                }));
            }
        };
        let mut guest = Guest {
            store,
            instance,
            refs: HashMap::new(),
            funcs: HashMap::new(),
            trace,
            calls: Vec::new(),
        };
        for (name, index) in shape.exported_funcs() {
            if let Some(func) = instance.get_func(&guest.store, name) {
                guest.refs.insert(format!("{func:?}"), u64::from(index) + 1);
                guest.funcs.insert(index, func);
            }
        }
        Ok(Ok(guest))
    }

    fn call(
        mut self,
        shape: &Shape,
        export: &str,
        func: u32,
        args: Vec<u64>,
    ) -> Result<(Guest, Outcome), String> {
        let ty = shape.func(func);
        let params = ty.params().iter().zip(&args);
        let params: Vec<Val> = params.map(|(ty, bits)| self.value(*ty, *bits)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let handle = self
            .funcs
            .get(&func)
            .copied()
            .ok_or("an export is missing")?;
        let outcome = match handle.call(&mut self.store, &params, &mut results) {
            Ok(()) => Outcome::Values(results.iter().map(|value| self.bits(value)).collect()),
            Err(error) => Outcome::Trap(trap(&error)?),
        };
        self.calls.push(Call {
            export: export.to_string(),
            func,
            args,
            outcome: outcome.clone(),
        });
        Ok((self, outcome))
    }

    fn value(&mut self, ty: ValType, bits: u64) -> Val {
        match ty {
            ValType::FUNCREF => Val::FuncRef(match bits.checked_sub(1) {
                Some(index) => self
                    .funcs
                    .get(&(index as u32))
                    .copied()
                    .map_or(Ref::Null, Ref::Val),
                None => Ref::Null,
            }),
            _ => value(&mut self.store, ty, bits),
        }
    }

    fn bits(&self, value: &Val) -> u64 {
        bits(&self.store, value, |func| {
            self.refs.get(func).copied().unwrap_or(u64::MAX)
        })
    }

    /// The life that this was.
    fn end(self, shape: &Shape, cut: bool) -> Life {
        Life {
            start: Outcome::Values(Vec::new()),
            state: (!cut).then(|| self.state(shape)),
            calls: self.calls,
            trace: self.trace.calls(),
        }
    }

    fn state(&self, shape: &Shape) -> Vec<Left> {
        let left = shape.exports.iter().filter_map(|export| {
            let name = export.name.as_str();
            Some(match export.kind {
                ExternalKind::Memory => {
                    let memory = self.instance.get_memory(&self.store, name)?;
                    Left::Memory(memory.data(&self.store).to_vec())
                }
                ExternalKind::Table => {
                    let table = self.instance.get_table(&self.store, name)?;
                    let entries = 0..table.size(&self.store);
                    let entries = entries.filter_map(|index| table.get(&self.store, index));
                    Left::Table(entries.map(|entry| self.bits(&entry)).collect())
                }
                ExternalKind::Global => {
                    let global = self.instance.get_global(&self.store, name)?;
                    Left::Global(self.bits(&global.get(&self.store)))
                }
                ExternalKind::Func | ExternalKind::FuncExact | ExternalKind::Tag => return None,
            })
        });
        left.collect()
    }
}

/// The host as wasmi wants it: functions first, then tables, memories and globals.
fn imports(store: &mut Store<()>, shape: &Shape, trace: &Trace) -> Result<Vec<Extern>, String> {
    let (mut funcs, mut globals) = (0, 0);
    let mut imports = Vec::new();
    let mut wanted: Vec<&ImportKind> = shape.imports.iter().map(|import| &import.what).collect();
    wanted.sort_by_key(|what| match what {
        ImportKind::Func(_) => 0,
        ImportKind::Table(_) => 1,
        ImportKind::Memory(_) => 2,
        ImportKind::Global(_) => 3,
    });
    for what in wanted {
        imports.push(match what {
            ImportKind::Func(ty) => {
                funcs += 1;
                Extern::Func(func(store, funcs - 1, ty, trace))
            }
            ImportKind::Table(ty) => {
                let element = match ty.element_type {
                    wasmparser::RefType::FUNCREF => wasmi::ValType::FuncRef,
                    _ => wasmi::ValType::ExternRef,
                };
                let max = ty.maximum.map(|max| max as u32);
                let table_type = TableType::new(element, ty.initial as u32, max);
                let table = Table::new(&mut *store, table_type, Val::default(element));
                Extern::Table(table.map_err(|e| e.to_string())?)
            }
            ImportKind::Memory(ty) => {
                let max = ty.maximum.map(|max| max as u32);
                let memory = Memory::new(&mut *store, MemoryType::new(ty.initial as u32, max));
                Extern::Memory(memory.map_err(|e| e.to_string())?)
            }
            ImportKind::Global(ty) => {
                let mutability = match ty.mutable {
                    true => Mutability::Var,
                    false => Mutability::Const,
                };
                let bits = host::global(globals, ty.content_type);
                globals += 1;
                let value = value(&mut *store, ty.content_type, bits);
                Extern::Global(Global::new(&mut *store, value, mutability))
            }
        });
    }
    Ok(imports)
}

fn func(store: &mut Store<()>, index: u32, ty: &wasmparser::FuncType, trace: &Trace) -> Func {
    let types = |types: &[ValType]| types.iter().map(wasmi_type).collect::<Vec<_>>();
    let wasmi_ty = wasmi::FuncType::new(types(ty.params()), types(ty.results()));
    let (ty, trace) = (ty.clone(), trace.clone());
    Func::new(store, wasmi_ty, move |mut caller, args, results| {
        let args = args.iter().zip(ty.params());
        let args = args.map(|(value, ty)| host::traced(*ty, bits(&caller, value, |_| 1)));
        let call = HostCall {
            func: index,
            args: args.collect(),
        };
        trace.push(call.clone());
        let answer = host::answer(&call, &ty).ok_or_else(|| Error::new("on purpose"))?;
        for ((result, ty), bits) in results.iter_mut().zip(ty.results()).zip(answer) {
            *result = value(&mut caller, *ty, bits);
        }
        Ok(())
    })
}

fn wasmi_type(ty: &ValType) -> wasmi::ValType {
    match *ty {
        ValType::I32 => wasmi::ValType::I32,
        ValType::I64 => wasmi::ValType::I64,
        ValType::F32 => wasmi::ValType::F32,
        ValType::F64 => wasmi::ValType::F64,
        ValType::V128 => wasmi::ValType::V128,
        ValType::FUNCREF => wasmi::ValType::FuncRef,
        ValType::Ref(_) => wasmi::ValType::ExternRef,
    }
}

/// The value of these bits. A reference to a function is null.
fn value(mut store: impl AsContextMut, ty: ValType, bits: u64) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 | ValType::V128 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(F32::from_bits(bits as u32)),
        ValType::F64 => Val::F64(F64::from_bits(bits)),
        ValType::FUNCREF => Val::FuncRef(Ref::Null),
        ValType::Ref(_) => Val::ExternRef(match bits {
            0 => Ref::Null,
            _ => Ref::Val(ExternRef::new(&mut store, bits)),
        }),
    }
}

/// The bits of a value; `func` gives those of a reference to a function by what its handle prints.
fn bits(store: impl AsContext, value: &Val, func: impl Fn(&str) -> u64) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => u64::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        Val::FuncRef(Ref::Val(handle)) => func(&format!("{handle:?}")),
        Val::ExternRef(Ref::Val(object)) => {
            let object = object.data(store.as_context());
            object.downcast_ref().copied().unwrap_or(u64::MAX)
        }
        Val::FuncRef(Ref::Null) | Val::ExternRef(Ref::Null) | Val::V128(_) => 0,
    }
}

/// The trap that an error is; an error that is none is said.
fn trap(error: &Error) -> Result<TrapCode, String> {
    use wasmi::TrapCode as Wasmi;
    if let Some(code) = error.as_trap_code() {
        return Ok(match code {
            Wasmi::UnreachableCodeReached => TrapCode::Unreachable,
            Wasmi::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
            Wasmi::TableOutOfBounds => TrapCode::TableOutOfBounds,
            Wasmi::IndirectCallToNull => TrapCode::IndirectCallToNull,
            Wasmi::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
            Wasmi::IntegerOverflow => TrapCode::IntegerOverflow,
            Wasmi::BadConversionToInteger => TrapCode::BadConversionToInteger,
            Wasmi::StackOverflow => TrapCode::StackOverflow,
            Wasmi::BadSignature => TrapCode::BadSignature,
            Wasmi::OutOfFuel | Wasmi::GrowthOperationLimited => {
                return Err(error.to_string());
            }
        });
    }
    match error.kind() {
        ErrorKind::Message(_) => Ok(TrapCode::Host),
        ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. })
        | ErrorKind::Table(_) => Ok(TrapCode::TableOutOfBounds),
        _ => Err(error.to_string()),
    }
}

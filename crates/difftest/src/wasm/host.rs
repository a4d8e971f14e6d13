//! The host that modules run in, the same for every engine.
//!
//! Terms
//! * The *bits* of a value are what the IR has: a number of 64 bits, zero-extended; a reference to a
//!   function is its index plus one, one of the host's is a number; 0 is null.
//! * The *trace* is the calls of host functions in order, with their arguments.
//!
//! Invariants
//! * What a host function answers depends on its index and its arguments alone.
//! * A host function knows of a reference to a function only whether it is null: an engine cannot always
//!   say which one it is while the module is still being started.
//! * Each import is made for itself, even where two have one name: instances of ours share nothing.

use std::sync::{Arc, Mutex, PoisonError};

use bakeoff_backend::{HostError, HostFunc, HostMemory, HostTable, Imports};
use bakeoff_ir::{Scalar, Signature, Type};
use wasmparser::{FuncType, RefType, ValType};

use super::shape::{ImportKind, Shape};
use crate::Rng;

/// A call of a host function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostCall {
    /// The index of the function.
    pub func: u32,
    /// The bits of its arguments; of a reference to a function, whether it is not null.
    pub args: Vec<u64>,
}

/// The bits that a host function answers, `None` if it fails.
pub(super) fn answer(call: &HostCall, ty: &FuncType) -> Option<Vec<u64>> {
    let hash = |hash, arg: &u64| Rng::new(hash, *arg).bits();
    let hash = call.args.iter().fold(u64::from(call.func), hash);
    let mut rng = Rng::new(hash, 0);
    if rng.percent(2) {
        return None;
    }
    Some(ty.results().iter().map(|ty| value(*ty, &mut rng)).collect())
}

/// The bits of an imported global.
pub(super) fn global(index: usize, ty: ValType) -> u64 {
    value(ty, &mut Rng::new(index as u64, 1))
}

/// The bits of some value: one at a boundary, a small one, or any.
pub(super) fn value(ty: ValType, rng: &mut Rng) -> u64 {
    const INTS: [i64; 10] = [
        0,
        1,
        -1,
        i32::MAX as i64,
        i32::MIN as i64,
        i64::MAX,
        i64::MIN,
        0x80,
        0xffff,
        0x1_0000,
    ];
    const FLOATS: [f64; 14] = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.5,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        2147483648.0,
        4294967296.0,
        -9223372036854775808.0,
        18446744073709551616.0,
        5e-324,
        1e-40,
    ];
    match ty {
        ValType::I32 | ValType::I64 => {
            let bits = match rng.below(3) {
                0 => rng.pick(&INTS) as u64,
                1 => rng.bits() % 64,
                _ => rng.bits(),
            };
            bits & super::ir_type(ty).mask()
        }
        ValType::F32 => match rng.below(2) {
            0 => u64::from((rng.pick(&FLOATS) as f32).to_bits()),
            _ => u64::from((rng.bits() as i32 as f32 / 1024.0).to_bits()),
        },
        ValType::F64 => match rng.below(2) {
            0 => rng.pick(&FLOATS).to_bits(),
            _ => (rng.bits() as i64 as f64 / 1048576.0).to_bits(),
        },
        ValType::Ref(ty) if ty == RefType::EXTERNREF => rng.below(4) as u64,
        ValType::Ref(_) | ValType::V128 => 0,
    }
}

/// An argument as the trace has it.
pub(super) fn traced(ty: ValType, bits: u64) -> u64 {
    match ty {
        ValType::Ref(ty) if ty == RefType::FUNCREF => u64::from(bits != 0),
        _ => bits,
    }
}

/// The trace of an instance, shared with its host functions.
#[derive(Clone, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<HostCall>>>);

impl Trace {
    pub(super) fn push(&self, call: HostCall) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    /// What was called so far.
    pub(super) fn calls(&self) -> Vec<HostCall> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The host as our instances want it.
pub(super) fn imports(shape: &Shape, trace: &Trace) -> Imports {
    let mut imports = Imports::new();
    let (mut funcs, mut globals) = (0, 0);
    for import in &shape.imports {
        let (module, name) = (import.module.as_str(), import.name.as_str());
        match &import.what {
            ImportKind::Func(ty) => {
                imports.func(module, name, func(funcs, ty, trace));
                funcs += 1;
            }
            ImportKind::Table(ty) => {
                let max_entries = ty.maximum.map(|max| max as u32);
                let table = HostTable {
                    entries: ty.initial as u32,
                    max_entries,
                };
                imports.table(module, name, table);
            }
            ImportKind::Memory(ty) => {
                let memory = HostMemory {
                    pages: ty.initial,
                    max_pages: ty.maximum,
                };
                imports.memory(module, name, memory);
            }
            ImportKind::Global(ty) => {
                let bits = global(globals, ty.content_type);
                let value = Scalar::new(super::ir_type(ty.content_type), bits);
                imports.global(module, name, value);
                globals += 1;
            }
        }
    }
    imports
}

fn func(index: u32, ty: &FuncType, trace: &Trace) -> HostFunc {
    let types =
        |types: &[ValType]| -> Vec<Type> { types.iter().copied().map(super::ir_type).collect() };
    let signature = Signature {
        params: types(ty.params()),
        results: types(ty.results()),
    };
    let (ty, trace) = (ty.clone(), trace.clone());
    HostFunc::over_slots(signature, move |_, slots| {
        let args = ty.params().iter().zip(slots.iter());
        let call = HostCall {
            func: index,
            args: args.map(|(ty, bits)| traced(*ty, *bits)).collect(),
        };
        trace.push(call.clone());
        let results =
            answer(&call, &ty).ok_or_else(|| HostError::Failed("on purpose".to_string()))?;
        slots[..results.len()].copy_from_slice(&results);
        Ok(())
    })
}

//! The host of generated programs: whatever a module imports, provided from its declaration alone.
//!
//! Host functions are pure in what they are given, so that every backend meets the same host. What
//! they do is told by their names:
//!
//! | name begins with | what the function does |
//! |---|---|
//! | `mix` | results that depend on all arguments |
//! | `fail` | as `mix`, and fails for one in four lists of arguments |
//! | `enter` | calls the export [`REENTERED`] with its first argument, at most [`MAX_NESTED`] deep |
//! | `c_` | the address of one of [`C_FUNCTIONS`] |
//!
//! Every call is written into a *trace*: which function, and the bits of its arguments.

use std::sync::{Arc, Mutex};

use bakeoff_backend::{CallError, Caller, HostError, HostFunc, HostMemory, HostTable, Imports};
use bakeoff_ir::{FuncKind, GlobalInit, Module, Scalar, Signature, Type};

/// The export that `enter` functions call: one `i32` in, one `i32` out.
pub const REENTERED: &str = "reentered";

/// How deep `enter` functions may be nested; below, they yield their argument.
const MAX_NESTED: usize = 3;

/// A C function that programs may call by its address.
pub struct CFunction {
    /// The import that yields the address.
    pub name: &'static str,
    /// Parameters.
    pub params: &'static [Type],
    /// Results.
    pub results: &'static [Type],
    address: fn() -> usize,
}

extern "C" fn c_add(a: i32, b: i32) -> i32 {
    a.wrapping_mul(3).wrapping_add(b)
}

extern "C" fn c_blend(a: i64, b: f64, c: i32, d: f32) -> f64 {
    // Exact for whatever comes in, and never a NaN.
    let clamp = |x: f64| {
        if x.is_finite() {
            x.clamp(-1e9, 1e9).trunc()
        } else {
            7.0
        }
    };
    (a & 0xffff) as f64 + clamp(b) * 2.0 + f64::from(c & 0xfff) * 4.0 + clamp(f64::from(d)) * 8.0
}

/// More arguments than there are registers for.
extern "C" fn c_many(
    a: i64,
    b: i32,
    c: i64,
    d: i32,
    e: i64,
    f: i32,
    g: i64,
    h: i32,
    i: i64,
) -> i64 {
    let wide = [a, c, e, g, i];
    let narrow = [b, d, f, h].map(i64::from);
    let fold = |sum: i64, x: &i64| sum.rotate_left(7) ^ *x;
    narrow.iter().fold(wide.iter().fold(0, fold), fold)
}

extern "C" fn c_half(a: f32) -> f32 {
    if a.is_nan() { 0.5 } else { a * 0.5 }
}

/// The C functions.
#[rustfmt::skip]
pub const C_FUNCTIONS: &[CFunction] = &[
    CFunction { name: "c_add", params: &[Type::I32, Type::I32], results: &[Type::I32], address: || c_add as *const () as usize },
    CFunction { name: "c_blend", params: &[Type::I64, Type::F64, Type::I32, Type::F32], results: &[Type::F64], address: || c_blend as *const () as usize },
    CFunction { name: "c_many", params: &[Type::I64, Type::I32, Type::I64, Type::I32, Type::I64, Type::I32, Type::I64, Type::I32, Type::I64], results: &[Type::I64], address: || c_many as *const () as usize },
    CFunction { name: "c_half", params: &[Type::F32], results: &[Type::F32], address: || c_half as *const () as usize },
];

/// The C function that an import of this name yields the address of.
pub fn c_function(import: &str) -> Option<&'static CFunction> {
    C_FUNCTIONS.iter().find(|c| c.name == import)
}

/// Calls of the host, in order: the number of the function among the module's, then its arguments.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// The words, as far as they are kept.
    pub words: Vec<u64>,
    /// A digest of all words.
    pub digest: u64,
    /// How many calls there were.
    pub calls: u64,
    /// `enter` functions that are being called.
    nested: usize,
}

/// Words of a trace that are kept; the digest has them all.
const MAX_WORDS: usize = 4096;

impl Trace {
    fn push(&mut self, word: u64) {
        self.digest = stir(self.digest, word);
        if self.words.len() < MAX_WORDS {
            self.words.push(word);
        }
    }
}

fn stir(state: u64, word: u64) -> u64 {
    (state ^ word)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
}

/// What of a result's bits is used: floats are finite, so that no NaN comes from here.
fn result_bits(ty: Type, state: u64) -> u64 {
    match ty {
        Type::F32 => u64::from((((state >> 40) as i32 - 0x80_0000) as f32 / 64.0).to_bits()),
        Type::F64 => (((state >> 16) as i64 - (1 << 47)) as f64 / 1024.0).to_bits(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => state & ty.mask(),
    }
}

/// The results that a `mix` function gives for these arguments.
fn mix(number: u64, signature: &Signature, slots: &mut [u64]) -> u64 {
    let args = slots.iter().take(signature.params.len());
    let state = args.fold(number, |state, bits| stir(state, *bits));
    for (index, ty) in signature.results.iter().enumerate() {
        slots[index] = result_bits(*ty, stir(state, index as u64));
    }
    state
}

fn enter(
    caller: &mut Caller<'_>,
    trace: &Mutex<Trace>,
    slots: &mut [u64],
) -> Result<(), HostError> {
    let nested = |by: fn(usize) -> usize| {
        let mut trace = trace.lock().unwrap_or_else(|e| e.into_inner());
        trace.nested = by(trace.nested);
        trace.nested
    };
    if nested(|n| n + 1) > MAX_NESTED {
        nested(|n| n - 1);
        return Ok(());
    }
    let outcome = caller.call(REENTERED, &[Scalar::new(Type::I32, slots[0])]);
    nested(|n| n - 1);
    match outcome {
        Ok(results) => {
            slots[0] = results[0].bits();
            Ok(())
        }
        Err(CallError::Trap(trap)) => Err(HostError::Trapped(Box::new(trap))),
        Err(other) => Err(HostError::Failed(other.to_string())),
    }
}

fn host_func(
    name: &str,
    number: u64,
    signature: &Signature,
    trace: &Arc<Mutex<Trace>>,
) -> HostFunc {
    if let Some(c) = c_function(name) {
        return HostFunc::over_slots(signature.clone(), move |_, slots| {
            slots[0] = (c.address)() as u64;
            Ok(())
        });
    }
    let (types, trace) = (signature.clone(), Arc::clone(trace));
    let fails = name.starts_with("fail");
    let enters = name.starts_with("enter");
    HostFunc::over_slots(signature.clone(), move |caller, slots| {
        {
            let mut trace = trace.lock().unwrap_or_else(|e| e.into_inner());
            trace.calls += 1;
            trace.push(number);
            slots
                .iter()
                .take(types.params.len())
                .for_each(|word| trace.push(*word));
        }
        if enters {
            return enter(caller, &trace, slots);
        }
        let state = mix(number, &types, slots);
        match fails && state >> 62 == 0 {
            true => Err(HostError::Failed("on purpose".to_string())),
            false => Ok(()),
        }
    })
}

/// Everything that the module imports, and the trace that calls are written to.
pub fn imports(module: &Module) -> (Imports, Arc<Mutex<Trace>>) {
    let trace = Arc::new(Mutex::new(Trace::default()));
    let mut imports = Imports::new();
    for (number, decl) in module.funcs.iter().enumerate() {
        if let FuncKind::Import(import) = &decl.kind {
            let func = host_func(&import.name, number as u64, module.sig(decl.sig), &trace);
            imports.func(&import.module, &import.name, func);
        }
    }
    for (number, decl) in module.globals.iter().enumerate() {
        if let GlobalInit::Import(import) = &decl.init {
            let bits = result_bits(decl.ty, stir(number as u64, 1));
            imports.global(&import.module, &import.name, Scalar::new(decl.ty, bits));
        }
    }
    for decl in &module.memories {
        if let Some(import) = &decl.import {
            let limits = HostMemory {
                pages: decl.min_pages,
                max_pages: decl.max_pages,
            };
            imports.memory(&import.module, &import.name, limits);
        }
    }
    for decl in &module.tables {
        if let Some(import) = &decl.import {
            let limits = HostTable {
                entries: decl.min,
                max_entries: decl.max,
            };
            imports.table(&import.module, &import.name, limits);
        }
    }
    (imports, trace)
}

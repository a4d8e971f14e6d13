//! Wasmtime: its optimising compiler, its baseline compiler, and its interpreter.
//!
//! All settings are the defaults (signal handlers for traps, 4 GiB of address space reserved for a
//! memory), so every engine runs as its users run it. Two things are not as Wasmtime's own default
//! features have it: the code cache is left out, and modules compile on one thread, since compile
//! times would otherwise be of as many threads as the machine has.

use std::collections::HashMap;

use bakeoff_ir::{Scalar, Type};
use bakeoff_suite::{Guest, Program, Signature, Size};
use wasmtime::{
    Config, ExternType, Func, Instance, Memory, Module, OptLevel, Store, Strategy, Val, ValType,
};

use super::{Compiled, Engine, clocked, round};

struct Wasmtime {
    name: &'static str,
    about: &'static str,
    engine: wasmtime::Engine,
}

/// The strategies.
pub fn all() -> Result<Vec<Box<dyn Engine>>, String> {
    let mut cranelift = Config::new();
    cranelift
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed);
    let mut winch = Config::new();
    winch.strategy(Strategy::Winch);
    let mut pulley = Config::new();
    pulley
        .target("pulley64")
        .map_err(|e| format!("pulley: {e:#}"))?;
    [
        (
            "wasmtime-cranelift",
            "Wasmtime with Cranelift, opt_level speed",
            cranelift,
        ),
        (
            "wasmtime-winch",
            "Wasmtime with Winch, its baseline compiler",
            winch,
        ),
        (
            "wasmtime-pulley",
            "Wasmtime with Pulley, its interpreter",
            pulley,
        ),
    ]
    .into_iter()
    .map(|(name, about, config)| {
        let engine = wasmtime::Engine::new(&config).map_err(|e| format!("{name}: {e:#}"))?;
        Ok(Box::new(Wasmtime {
            name,
            about,
            engine,
        }) as Box<dyn Engine>)
    })
    .collect()
}

impl Engine for Wasmtime {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        self.about.to_string()
    }

    fn compile(&self, _: &Program, wasm: &[u8]) -> Result<(Box<dyn Compiled + '_>, u64), String> {
        let (module, compile_ns) = clocked(|| Module::new(&self.engine, wasm));
        let module = module.map_err(|e| format!("{e:#}"))?;
        let engine = &self.engine;
        Ok((Box::new(WasmtimeModule { engine, module }), compile_ns))
    }
}

struct WasmtimeModule<'e> {
    engine: &'e wasmtime::Engine,
    module: Module,
}

impl Compiled for WasmtimeModule<'_> {
    fn run(&self, program: &Program, size: Size) -> Result<u64, String> {
        let guest = WasmtimeGuest::new(self.engine, &self.module);
        round(program, size, &mut guest.map_err(|e| format!("{e:#}"))?)
    }

    fn code_bytes(&self) -> Option<u64> {
        Some(self.module.text().len() as u64)
    }
}

struct WasmtimeGuest {
    store: Store<()>,
    functions: HashMap<String, (Func, Signature)>,
    memories: HashMap<String, Memory>,
}

impl WasmtimeGuest {
    fn new(engine: &wasmtime::Engine, module: &Module) -> wasmtime::Result<WasmtimeGuest> {
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, module, &[])?;
        let mut functions = HashMap::new();
        let mut memories = HashMap::new();
        for export in module.exports() {
            let name = export.name();
            match export.ty() {
                ExternType::Func(ty) => {
                    let params: Option<Vec<Type>> = ty.params().map(|t| scalar_type(&t)).collect();
                    let results: Option<Vec<Type>> =
                        ty.results().map(|t| scalar_type(&t)).collect();
                    if let (Some(params), Some(results), Some(function)) =
                        (params, results, instance.get_func(&mut store, name))
                    {
                        functions.insert(name.to_string(), (function, (params, results)));
                    }
                }
                ExternType::Memory(_) => {
                    if let Some(memory) = instance.get_memory(&mut store, name) {
                        memories.insert(name.to_string(), memory);
                    }
                }
                _ => {}
            }
        }
        Ok(WasmtimeGuest {
            store,
            functions,
            memories,
        })
    }
}

impl Guest for WasmtimeGuest {
    type Error = String;

    fn signature(&self, export: &str) -> Option<Signature> {
        self.functions
            .get(export)
            .map(|(_, signature)| signature.clone())
    }

    fn exports(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, String> {
        let Some((function, (_, results))) = self.functions.get(export) else {
            return Err("no such export".to_string());
        };
        let args: Vec<Val> = args.iter().map(|arg| value(*arg)).collect();
        let mut values = vec![Val::I32(0); results.len()];
        function
            .call(&mut self.store, &args, &mut values)
            .map_err(|e| format!("{e:#}"))?;
        values.iter().map(scalar).collect()
    }

    fn read(&self, memory: &str, at: u64, len: usize) -> Option<Vec<u8>> {
        let at = usize::try_from(at).ok()?;
        let data = self.memories.get(memory)?.data(&self.store);
        Some(data.get(at..at.checked_add(len)?)?.to_vec())
    }

    fn write(&mut self, memory: &str, at: u64, bytes: &[u8]) -> Option<()> {
        let at = usize::try_from(at).ok()?;
        let memory = *self.memories.get(memory)?;
        memory.write(&mut self.store, at, bytes).ok()
    }
}

fn scalar_type(ty: &ValType) -> Option<Type> {
    match ty {
        ValType::I32 => Some(Type::I32),
        ValType::I64 => Some(Type::I64),
        ValType::F32 => Some(Type::F32),
        ValType::F64 => Some(Type::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

/// Wasm has no type narrower than 32 bits; a narrow constant could only come from a wrong signature.
fn value(scalar: Scalar) -> Val {
    match scalar.ty() {
        Type::I8 | Type::I16 | Type::I32 => Val::I32(scalar.signed() as i32),
        Type::I64 => Val::I64(scalar.signed()),
        Type::F32 => Val::F32(scalar.bits() as u32),
        Type::F64 => Val::F64(scalar.bits()),
    }
}

fn scalar(value: &Val) -> Result<Scalar, String> {
    match value {
        Val::I32(v) => Ok(Scalar::i32(*v)),
        Val::I64(v) => Ok(Scalar::i64(*v)),
        Val::F32(bits) => Ok(Scalar::new(Type::F32, u64::from(*bits))),
        Val::F64(bits) => Ok(Scalar::new(Type::F64, *bits)),
        other => Err(format!("{other:?} is no number")),
    }
}

// The text of an engine module for wasmi, included once for each version: the two releases are
// different crates with the same interface, which generics cannot say. The including module
// provides `wasmi`, `NAME` and `ABOUT`.

use std::collections::HashMap;

use bakeoff_ir::{Scalar, Type};
use bakeoff_suite::{Guest, Program, Signature, Size};
use wasmi::{ExternType, F32, F64, Func, Linker, Memory, Module, Store, Val, ValType};

use super::{Compiled, Engine, clocked, round};

/// The engine with its default settings: eager translation, no fuel.
pub struct Wasmi;

impl Engine for Wasmi {
    fn name(&self) -> &str {
        NAME
    }

    fn about(&self) -> String {
        ABOUT.to_string()
    }

    fn compile(&self, _: &Program, wasm: &[u8]) -> Result<(Box<dyn Compiled + '_>, u64), String> {
        let engine = wasmi::Engine::default();
        let (module, compile_ns) = clocked(|| Module::new(&engine, wasm));
        let module = module.map_err(|e| e.to_string())?;
        Ok((Box::new(WasmiModule { engine, module }), compile_ns))
    }
}

struct WasmiModule {
    engine: wasmi::Engine,
    module: Module,
}

impl Compiled for WasmiModule {
    fn run(&self, program: &Program, size: Size) -> Result<u64, String> {
        round(program, size, &mut WasmiGuest::new(&self.engine, &self.module)?)
    }
}

struct WasmiGuest {
    store: Store<()>,
    functions: HashMap<String, (Func, Signature)>,
    memories: HashMap<String, Memory>,
}

impl WasmiGuest {
    fn new(engine: &wasmi::Engine, module: &Module) -> Result<WasmiGuest, String> {
        let mut store = Store::new(engine, ());
        let instance = Linker::new(engine)
            .instantiate_and_start(&mut store, module)
            .map_err(|e| e.to_string())?;
        let mut functions = HashMap::new();
        let mut memories = HashMap::new();
        for export in module.exports() {
            let name = export.name();
            match export.ty() {
                ExternType::Func(ty) => {
                    let params: Option<Vec<Type>> = ty.params().iter().map(scalar_type).collect();
                    let results: Option<Vec<Type>> = ty.results().iter().map(scalar_type).collect();
                    if let (Some(params), Some(results), Some(function)) =
                        (params, results, instance.get_func(&store, name))
                    {
                        functions.insert(name.to_string(), (function, (params, results)));
                    }
                }
                ExternType::Memory(_) => {
                    if let Some(memory) = instance.get_memory(&store, name) {
                        memories.insert(name.to_string(), memory);
                    }
                }
                _ => {}
            }
        }
        Ok(WasmiGuest {
            store,
            functions,
            memories,
        })
    }
}

impl Guest for WasmiGuest {
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
            .map_err(|e| e.to_string())?;
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
        _ => None,
    }
}

/// Wasm has no type narrower than 32 bits; a narrow constant could only come from a wrong signature.
fn value(scalar: Scalar) -> Val {
    match scalar.ty() {
        Type::I8 | Type::I16 | Type::I32 => Val::I32(scalar.signed() as i32),
        Type::I64 => Val::I64(scalar.signed()),
        Type::F32 => Val::F32(F32::from_bits(scalar.bits() as u32)),
        Type::F64 => Val::F64(F64::from_bits(scalar.bits())),
    }
}

fn scalar(value: &Val) -> Result<Scalar, String> {
    match value {
        Val::I32(v) => Ok(Scalar::i32(*v)),
        Val::I64(v) => Ok(Scalar::i64(*v)),
        Val::F32(v) => Ok(Scalar::new(Type::F32, u64::from(v.to_bits()))),
        Val::F64(v) => Ok(Scalar::new(Type::F64, v.to_bits())),
        other => Err(format!("{other:?} is no number")),
    }
}

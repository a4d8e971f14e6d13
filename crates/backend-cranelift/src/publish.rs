//! Putting compiled functions where they can run.

use std::sync::Arc;
use std::time::Instant;

use bakeoff_backend::native::{NativeCode, NativeParts, PartKind, PartRange};
use bakeoff_backend::{CodeFacts, CompileError, Options, Phase, PhaseSink};
use bakeoff_code_memory::Arena;
use bakeoff_ir::{Module, TrapCode};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::{self as cl, ExternalName};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::{CompiledCode, FinalizedMachReloc, FinalizedRelocTarget};
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module as _};

use crate::compile::{Compiler, Unit, failed, trap_code, units};
use crate::phases::PassTimes;

/// A place that gets the address of a unit.
struct Link {
    /// In the code of all units.
    at: usize,
    kind: Reloc,
    /// The number of a unit.
    to: u32,
    addend: i64,
}

/// Code of all units, side by side, not yet at its address.
struct Gathered {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    ends: Vec<usize>,
    traps: Vec<(usize, TrapCode)>,
    links: Vec<Link>,
    frame_bytes: u64,
}

/// The facts that Cranelift tells. How many values are spilled it keeps to itself.
fn facts(relocations: usize, frame_bytes: u64) -> CodeFacts {
    CodeFacts {
        insts: None,
        relocations: Some(relocations as u64),
        spills: None,
        frame_bytes: Some(frame_bytes),
    }
}

/// The size of the frame of a unit, if that is a function with a body.
fn frame_bytes(module: &Module, unit: Unit, compiled: &CompiledCode) -> u64 {
    match unit.kind {
        PartKind::Func(func) if module.func(func).body().is_some() => {
            let layout = compiled.buffer.frame_layout();
            layout.map_or(0, |layout| layout.frame_to_fp_offset.into())
        }
        _ => 0,
    }
}

/// Compiles a module into the arena.
pub(crate) fn into_arena(
    module: &Arc<Module>,
    isa: &OwnedTargetIsa,
    options: &Options,
    phases: &mut dyn PhaseSink,
) -> Result<NativeCode, CompileError> {
    let units = units(module);
    let gathered = gather(module, isa, options, &units, phases)?;
    let linking = Instant::now();
    let mut buffer = Arena::global().allocate(gathered.bytes.len())?;
    let base = buffer.address() as usize;
    let bytes = buffer.bytes();
    bytes.copy_from_slice(&gathered.bytes);
    for link in &gathered.links {
        apply(link, bytes, base, &gathered.starts);
    }
    let publishing = Instant::now();
    let code = buffer.publish()?;
    let at = |offset: &usize| base + offset;
    let parts = units.iter().zip(gathered.starts.iter().zip(&gathered.ends));
    let parts = NativeParts {
        module: Arc::clone(module),
        keeper: Box::new(code),
        code_bytes: gathered.bytes.len(),
        facts: facts(gathered.links.len(), gathered.frame_bytes),
        parts: parts
            .map(|(unit, (start, end))| PartRange {
                kind: unit.kind,
                range: at(start)..at(end),
            })
            .collect(),
        traps: gathered
            .traps
            .iter()
            .map(|(offset, code)| (at(offset), *code))
            .collect(),
    };
    phases.record(Phase::Link, (publishing - linking).as_nanos() as u64);
    phases.record(Phase::Publish, publishing.elapsed().as_nanos() as u64);
    // SAFETY: the units are what Cranelift made of the module, linked and published, and the keeper
    // owns them.
    Ok(unsafe { NativeCode::new(parts) })
}

fn gather(
    module: &Module,
    isa: &OwnedTargetIsa,
    options: &Options,
    units: &[Unit],
    phases: &mut dyn PhaseSink,
) -> Result<Gathered, CompileError> {
    let pass_times = PassTimes::start(phases.enabled());
    let mut compiler = Compiler::new(module, isa, options);
    let alignment = isa.function_alignment().preferred as usize;
    let mut gathered = Gathered {
        bytes: Vec::new(),
        starts: Vec::with_capacity(units.len()),
        ends: Vec::with_capacity(units.len()),
        traps: Vec::new(),
        links: Vec::new(),
        frame_bytes: 0,
    };
    for unit in units {
        compiler.translate(*unit, phases);
        compiler.compile(*unit, isa)?;
        let Some(compiled) = compiler.context.compiled_code() else {
            return Err(failed(module, *unit, "no code".to_string()));
        };
        let buffer = &compiled.buffer;
        gathered.frame_bytes += frame_bytes(module, *unit, compiled);
        let start = gathered
            .bytes
            .len()
            .next_multiple_of(alignment.max(buffer.alignment as usize));
        // Padding that stops whoever runs into it.
        gathered.bytes.resize(start, 0xcc);
        gathered.bytes.extend_from_slice(buffer.data());
        let traps = buffer.traps().iter();
        gathered
            .traps
            .extend(traps.map(|trap| (start + trap.offset as usize, trap_code(trap.code))));
        for reloc in buffer.relocs() {
            gathered.links.push(
                link(&compiler.context.func, reloc, start).map_err(|m| failed(module, *unit, m))?,
            );
        }
        gathered.starts.push(start);
        gathered.ends.push(gathered.bytes.len());
    }
    pass_times.report(phases);
    Ok(gathered)
}

fn link(function: &cl::Function, reloc: &FinalizedMachReloc, start: usize) -> Result<Link, String> {
    let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = &reloc.target else {
        return Err(format!("a reference to {:?}", reloc.target));
    };
    Ok(Link {
        at: start + reloc.offset as usize,
        kind: reloc.kind,
        to: function.params.user_named_funcs()[*name].index,
        addend: reloc.addend,
    })
}

/// Writes the address of a unit, or its distance, into the code.
fn apply(link: &Link, bytes: &mut [u8], base: usize, starts: &[usize]) {
    let target = starts[link.to as usize] as i64 + link.addend;
    match link.kind {
        Reloc::X86CallPCRel4 | Reloc::X86PCRel4 | Reloc::X86CallPLTRel4 => {
            let distance = (target - link.at as i64) as i32;
            bytes[link.at..link.at + 4].copy_from_slice(&distance.to_le_bytes());
        }
        _ => {
            let address = base as i64 + target;
            bytes[link.at..link.at + 8].copy_from_slice(&address.to_le_bytes());
        }
    }
}

/// Keeps a JIT module's memory until the code is dropped.
struct JitMemory(Option<JITModule>);

// SAFETY: the module is only touched again to be freed.
unsafe impl Sync for JitMemory {}
// SAFETY: as above; its memory belongs to no thread.
unsafe impl Send for JitMemory {}

impl Drop for JitMemory {
    fn drop(&mut self) {
        if let Some(module) = self.0.take() {
            // SAFETY: the code that owns this keeper is being dropped, so that nobody runs in it.
            unsafe { module.free_memory() };
        }
    }
}

/// Address space that cranelift-jit gets for a module. Calls between functions are distances of 32 bits, and it
/// panics if one does not fit. Its default takes pages for code wherever the system has a place, which is too far
/// away as soon as a memory's reservation lies between.
const JIT_BYTES: usize = 1 << 30;

/// Compiles a module with cranelift-jit.
pub(crate) fn into_jit_module(
    module: &Arc<Module>,
    isa: &OwnedTargetIsa,
    options: &Options,
    phases: &mut dyn PhaseSink,
) -> Result<NativeCode, CompileError> {
    let units = units(module);
    let pass_times = PassTimes::start(phases.enabled());
    let mut compiler = Compiler::new(module, isa, options);
    let mut builder = JITBuilder::with_isa(isa.clone(), cranelift_module::default_libcall_names());
    let provider = ArenaMemoryProvider::new_with_size(JIT_BYTES)
        .map_err(|error| failed(module, units[0], error.to_string()))?;
    builder.memory_provider(Box::new(provider));
    let mut memory = JitMemory(Some(JITModule::new(builder)));
    let Some(jit) = memory.0.as_mut() else {
        return Err(failed(module, units[0], "no module".to_string()));
    };
    // Functions are declared in the order of their numbers, so that the numbers are their names.
    for unit in &units {
        let name = format!("unit{}", unit.number);
        let signature = compiler.signature(*unit);
        jit.declare_function(&name, Linkage::Local, &signature)
            .map_err(|error| failed(module, *unit, error.to_string()))?;
    }
    let mut traps_of_unit = Vec::with_capacity(units.len());
    let (mut code_bytes, mut relocations, mut frames) = (0, 0, 0);
    for unit in &units {
        compiler.translate(*unit, phases);
        jit.define_function(FuncId::from_u32(unit.number), &mut compiler.context)
            .map_err(|error| failed(module, *unit, error.to_string()))?;
        let Some(compiled) = compiler.context.compiled_code() else {
            return Err(failed(module, *unit, "no code".to_string()));
        };
        let traps = compiled.buffer.traps().iter();
        let traps: Vec<(u32, TrapCode)> = traps.map(|t| (t.offset, trap_code(t.code))).collect();
        let len = compiled.buffer.data().len();
        code_bytes += len;
        relocations += compiled.buffer.relocs().len();
        frames += frame_bytes(module, *unit, compiled);
        traps_of_unit.push((len, traps));
    }
    pass_times.report(phases);
    let linking = Instant::now();
    jit.finalize_definitions()
        .map_err(|error| failed(module, units[0], error.to_string()))?;
    phases.record(Phase::Link, linking.elapsed().as_nanos() as u64);
    let mut parts = Vec::with_capacity(units.len());
    let mut traps = Vec::new();
    for (unit, (len, unit_traps)) in units.iter().zip(traps_of_unit) {
        let start = jit.get_finalized_function(FuncId::from_u32(unit.number)) as usize;
        parts.push(PartRange {
            kind: unit.kind,
            range: start..start + len,
        });
        traps.extend(
            unit_traps
                .into_iter()
                .map(|(offset, code)| (start + offset as usize, code)),
        );
    }
    // cranelift-jit places functions as it likes.
    parts.sort_unstable_by_key(|part| part.range.start);
    traps.sort_unstable_by_key(|(address, _)| *address);
    // SAFETY: the units are what Cranelift made of the module, finalised, and the keeper owns them.
    Ok(unsafe {
        NativeCode::new(NativeParts {
            module: Arc::clone(module),
            keeper: Box::new(memory),
            code_bytes,
            facts: facts(relocations, frames),
            parts,
            traps,
        })
    })
}

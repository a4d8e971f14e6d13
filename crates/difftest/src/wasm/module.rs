//! Modules to test with, by wasm-smith.
//!
//! Terms
//! * *Fuel*: a global that every function and every turn of a loop takes one from; at 0 the module traps
//!   as unreachable. A module has it once: a call that loops for ever uses it up, and all calls after it
//!   trap at once.
//!
//! Invariants
//! * A module is a function of seed and number alone.
//! * No two of its imports have one name: a host of ours gives one thing for each name.

use arbitrary::Unstructured;
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices, Module};

use super::shape::Shape;
use crate::Rng;

/// What a module may use up: few enough turns that thousands of modules a minute can be run, and that no
/// recursion gets near the end of anybody's stack.
const FUEL: u32 = 1000;

/// The module of this number: valid, terminating, with everything exported.
pub fn module(seed: u64, number: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed, number);
    loop {
        let config = config(&mut rng);
        let len = rng.between(1, 8) * 1024;
        let bytes: Vec<u8> = (0..len / 8)
            .flat_map(|_| rng.bits().to_le_bytes())
            .collect();
        // What it refuses exceeds a limit of the configuration; the next bytes are as good.
        let Ok(mut module) = Module::new(config, &mut Unstructured::new(&bytes)) else {
            continue;
        };
        if module.ensure_termination(FUEL).is_err() {
            continue;
        }
        let wasm = module.to_bytes();
        if Shape::of(&wasm).is_ok_and(|shape| shape.names_are_unique()) {
            return wasm;
        }
    }
}

/// What modules may look like: the language of the front end, in sizes that vary, and with a part of
/// the instructions missing from half of them, which gives the others more room.
fn config(rng: &mut Rng) -> Config {
    let mut kinds = vec![
        InstructionKind::Reference,
        InstructionKind::Parametric,
        InstructionKind::Variable,
        InstructionKind::Table,
        InstructionKind::Memory,
        InstructionKind::Control,
    ];
    if rng.percent(50) {
        kinds.retain(|_| rng.percent(67));
    }
    kinds.push(InstructionKind::Numeric);
    let memories = usize::from(rng.percent(80));
    let imports = rng.pick(&[0, 0, 2, 6]);
    Config {
        allowed_instructions: InstructionKinds::new(&kinds),
        allow_floats: rng.percent(80),
        // Half of the modules get somewhere because nothing in them can trap but for want of fuel; the
        // other half traps.
        disallow_traps: rng.percent(50),
        canonicalize_nans: true,
        export_everything: true,
        allow_start_export: rng.percent(25),
        min_types: 3,
        max_types: 12,
        min_funcs: 1 + rng.below(4) + imports,
        max_funcs: 12,
        min_imports: imports / 2,
        max_imports: imports,
        max_instructions: rng.pick(&[10, 30, 100, 300]),
        min_globals: rng.below(4),
        max_globals: 8,
        min_memories: memories as u32,
        max_memories: memories,
        max_memory32_bytes: 3 << 16,
        memory_max_size_required: true,
        memory_offset_choices: MemoryOffsetChoices(95, 4, 1),
        min_tables: rng.below(2) as u32,
        max_tables: 3,
        max_table_elements: 20,
        table_max_size_required: true,
        max_elements: 20,
        max_element_segments: 4,
        max_data_segments: 4,
        // What the front end does not translate.
        compact_imports_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}

//! Facts about code of small modules, of which the answers are known.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use bakeoff_backend::{NoPhases, Options};
use bakeoff_bench_suite::{compile, facts, load_module, programs_dir};
use bakeoff_ir::{Module, parse_module, verify_module};
use bakeoff_registry::{CONFIGURATIONS, find};
use bakeoff_samples::Event;

type Facts = BTreeMap<Event, u64>;

fn module(text: &str) -> Arc<Module> {
    let module = parse_module(text).expect("it is well-formed").module;
    verify_module(&module).expect("it verifies");
    Arc::new(module)
}

fn facts_of(name: &str, module: &Arc<Module>) -> Facts {
    let configuration = find(name).expect("a configuration");
    let code = compile(configuration, module, &Options::default(), &mut NoPhases);
    facts(&*code.expect("it compiles"))
}

fn fact(name: &str, module: &Arc<Module>, event: Event) -> Option<u64> {
    facts_of(name, module).get(&event).copied()
}

const ADD: &str = "
export func @add(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iadd.i32 v0, v1
    return v2
}
";

const FIB: &str = "
export func @fib(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 2
    v2 = icmp.i32 slt v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v3 = iconst.i32 1
    v4 = isub.i32 v0, v3
    v5 = call @fib(v4)
    v6 = isub.i32 v0, v1
    v7 = call @fib(v6)
    v8 = iadd.i32 v5, v7
    return v8
}
";

/// A function in which so many values are live at once.
fn many(live: usize) -> String {
    let mut text = "export func @many(i64) -> i64 {\nblock0(v0: i64):\n".to_string();
    for value in 1..=live {
        let before = value - 1;
        writeln!(text, "    v{value} = imul.i64 v{before}, v{before}").unwrap();
    }
    let mut sum = 1;
    for (index, value) in (2..=live).enumerate() {
        let next = live + 1 + index;
        writeln!(text, "    v{next} = bxor.i64 v{sum}, v{value}").unwrap();
        sum = next;
    }
    writeln!(text, "    return v{sum}\n}}").unwrap();
    text
}

const COMPILERS: [&str; 2] = ["stencil", "dynasm"];

#[test]
fn what_fits_into_registers_is_not_spilled() {
    let module = module(ADD);
    for name in COMPILERS {
        let facts = facts_of(name, &module);
        assert_eq!(facts[&Event::Spills], 0, "{name}");
        assert_eq!(facts[&Event::FrameBytes], 0, "{name}");
    }
}

#[test]
fn what_does_not_fit_is() {
    let module = module(&many(40));
    for name in COMPILERS {
        let facts = facts_of(name, &module);
        let (spills, bytes) = (facts[&Event::Spills], facts[&Event::FrameBytes]);
        // Both have between 8 and 16 registers for integers.
        assert!((24..=32).contains(&spills), "{name}: {spills}");
        assert!(bytes >= 8 * spills, "{name}: {bytes} for {spills}");
    }
}

#[test]
fn without_registers_every_value_has_a_slot() {
    let module = module(&many(40));
    // The parameter, forty values, thirty-nine sums; of those, forty are live at once.
    assert_eq!(fact("stencil-frame", &module, Event::Spills), Some(80));
    assert_eq!(fact("dynasm-spill", &module, Event::Spills), Some(80));
    for name in ["stencil-frame", "dynasm-spill"] {
        let bytes = fact(name, &module, Event::FrameBytes);
        assert!(bytes >= Some(8 * 40), "{name}: {bytes:?}");
        assert!(bytes < Some(8 * 80), "{name}: {bytes:?}");
    }
}

#[test]
fn calls_are_relocations_and_make_spills() {
    let module = module(FIB);
    for name in ["stencil", "dynasm", "cranelift", "cranelift-jit"] {
        // Two calls, and the one of the entry thunk.
        assert_eq!(fact(name, &module, Event::Relocations), Some(3), "{name}");
    }
    for name in COMPILERS {
        // The argument, and the first result.
        assert_eq!(fact(name, &module, Event::Spills), Some(2), "{name}");
        assert!(fact(name, &module, Event::FrameBytes) >= Some(16), "{name}");
    }
    for name in ["cranelift", "cranelift-jit"] {
        assert_eq!(fact(name, &module, Event::Spills), None, "{name}");
        assert!(fact(name, &module, Event::FrameBytes) >= Some(16), "{name}");
    }
}

#[test]
fn the_interpreter_knows_its_instructions() {
    let add = facts_of("interp", &module(ADD));
    // An addition and a return, of 16 bytes each.
    assert_eq!(add[&Event::CodeInsts], 2);
    assert_eq!(add[&Event::CodeBytes], 32);
    assert_eq!(add[&Event::Relocations], 0);
    assert!(!add.contains_key(&Event::Spills));
    assert!(add[&Event::FrameBytes] >= 8 * 2);
    assert_eq!(fact("interp", &module(FIB), Event::Relocations), Some(2));
}

#[test]
fn slots_of_the_program_are_part_of_the_frame() {
    let text = "
export func @slots(i32) -> i32 {
    ss0 = stack_slot 1000, align 8
block0(v0: i32):
    stack_store.i32 v0, ss0
    v1 = stack_load.i32 ss0
    return v1
}
";
    let module = module(text);
    for configuration in CONFIGURATIONS {
        let bytes = fact(configuration.name, &module, Event::FrameBytes);
        assert!(bytes >= Some(1000), "{}: {bytes:?}", configuration.name);
        assert!(bytes < Some(1200), "{}: {bytes:?}", configuration.name);
    }
}

#[test]
fn a_table_of_branches_is_no_code() {
    let cases = |count: usize| {
        let list: Vec<String> = (1..=count).map(|block| format!("block{block}")).collect();
        let list = list.join(", ");
        let mut text = format!(
            "export func @f(i32) -> i32 {{\nblock0(v0: i32):\n    br_table v0, [{list}, {list}, {list}, {list}], block1\n"
        );
        for block in 1..=count {
            let value = 3 * block;
            writeln!(text, "block{block}:\n    v{block} = iconst.i32 {value}").unwrap();
            writeln!(text, "    return v{block}").unwrap();
        }
        text + "}\n"
    };
    for name in ["stencil", "dynasm", "cranelift"] {
        let insts =
            |count| fact(name, &module(&cases(count)), Event::CodeInsts).expect("it is known");
        let bytes =
            |count| fact(name, &module(&cases(count)), Event::CodeBytes).expect("it is known");
        // Two or three instructions a case, and 16 bytes of table.
        let (more, more_bytes) = (insts(40) - insts(20), bytes(40) - bytes(20));
        assert!((40..=80).contains(&more), "{name}: {more}");
        assert!(more_bytes > 16 * 20, "{name}: {more_bytes}");
    }
}

#[test]
fn all_code_of_programs_can_be_read() {
    for program in ["vm", "lisp", "nbody", "regex"] {
        let path = programs_dir().join(format!("wasm/{program}.wasm"));
        let module = Arc::new(load_module(&path).expect("the suite has it").module);
        for configuration in CONFIGURATIONS {
            let facts = facts_of(configuration.name, &module);
            let (insts, bytes) = (facts.get(&Event::CodeInsts), facts[&Event::CodeBytes]);
            let insts = insts.unwrap_or_else(|| panic!("{program} on {}", configuration.name));
            let each = bytes as f64 / *insts as f64;
            assert!(
                (3.0..17.0).contains(&each),
                "{program} on {}: {each}",
                configuration.name
            );
        }
    }
}

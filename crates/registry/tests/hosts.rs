//! The boundary between the host and generated code: imports that fail, panic, re-enter, or are not
//! what the module wants.

mod common;

use std::sync::{Arc, Once};

use bakeoff_backend::{
    CallError, Caller, Executable, HostError, HostFunc, HostMemory, HostTable, Imports, Instance,
    InstantiateError, Trap,
};
use bakeoff_ir::{Scalar, TrapCode, Type};

use common::host::{SOURCE, host, int, pass_on, steps};
use common::{instantiate, on_every_configuration, signature, trap_of};

/// Panics that this test raises on purpose say so, and are not printed.
const ON_PURPOSE: &str = "on purpose";

fn silence_panics_on_purpose() {
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| {
        let outer = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_ours = info
                .payload_as_str()
                .is_some_and(|s| s.contains(ON_PURPOSE));
            if !is_ours {
                outer(info);
            }
        }));
    });
}

#[test]
fn several_parameters_and_results_of_every_type() {
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(|_, _| Ok(int(0))));
        let args = [
            Scalar::i8(-3),
            Scalar::i16(-300),
            Scalar::i32(-70_000),
            Scalar::i64(1 << 40),
            Scalar::f32(1.25),
            Scalar::f64(-0.5),
        ];
        let expect = vec![
            Scalar::i8(-6),
            Scalar::i16(-600),
            Scalar::i32(-140_000),
            Scalar::i64(1 << 41),
            Scalar::f32(2.5),
            Scalar::f64(-1.0),
        ];
        assert_eq!(instance.call("turn", &args), Ok(expect), "{name}");
    });
}

#[test]
fn failures_panics_and_wrong_results_are_traps_that_say_what_happened() {
    silence_panics_on_purpose();
    struct PanicsOnDrop;
    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("in drop, {ON_PURPOSE}");
        }
    }
    let act = |_: &mut Caller<'_>, what: i32| match what {
        1 => Err(HostError::Failed("no luck".to_string())),
        2 => panic!("static, {ON_PURPOSE}"),
        3 => panic!("number {what}, {ON_PURPOSE}"),
        4 => Ok(vec![]),
        5 => Ok(vec![Scalar::i32(1), Scalar::i32(2)]),
        6 => Ok(vec![Scalar::i64(1)]),
        7 => std::panic::resume_unwind(Box::new(PanicsOnDrop)),
        _ => Ok(int(what)),
    };
    let wrong = |got| HostError::WrongResults { expected: 1, got };
    let outcomes = [
        HostError::Failed("no luck".to_string()),
        HostError::Panicked(format!("static, {ON_PURPOSE}")),
        HostError::Panicked(format!("number 3, {ON_PURPOSE}")),
        wrong(0),
        wrong(2),
        wrong(1),
        HostError::Panicked(String::new()),
    ];
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(act));
        // Called by generated code, in its place, and by the host itself as an export.
        for export in ["step", "tail", "act"] {
            for (what, expect) in (1..).zip(&outcomes) {
                let before = steps(&instance);
                let trap = Trap {
                    code: TrapCode::Host,
                    host: Some(expect.clone()),
                };
                let got = instance.call(export, &int(what));
                assert_eq!(got, Err(CallError::Trap(trap)), "{name}: {export}({what})");
                let done = steps(&instance) - before;
                assert_eq!(
                    done,
                    i64::from(export == "step"),
                    "{name}: {export}({what})"
                );
                assert_eq!(instance.call(export, &int(99)), Ok(int(99)), "{name}");
                assert_eq!(
                    instance.call("div", &[Scalar::i32(7), Scalar::i32(2)]),
                    Ok(int(3))
                );
            }
        }
        // What a trap says is not left for the next one.
        instance.call("step", &int(1)).unwrap_err();
        let other = instance.call("load", &int(-1)).unwrap_err();
        assert_eq!(
            other,
            CallError::Trap(Trap {
                code: TrapCode::MemoryOutOfBounds,
                host: None
            })
        );
    });
}

#[test]
fn nested_calls_return_trap_and_pass_traps_on() {
    // Countdown through generated code and host; at the bottom a trap that is passed on, or not.
    let act = |caller: &mut Caller<'_>, what: i32| match what {
        // Nested to this depth, then the quotient.
        1..=50 => caller.call("step", &int(what - 1)).map_err(pass_on),
        0 => caller
            .call("div", &[Scalar::i32(84), Scalar::i32(2)])
            .map_err(pass_on),
        // Each level catches what comes from below, and goes on.
        1001..=1050 => match caller.call("step", &int(what - 1)) {
            Err(CallError::Trap(trap)) if trap.code == TrapCode::IntegerDivisionByZero => {
                Ok(int(1000))
            }
            Ok(values) => Ok(int(values[0].signed() as i32 + 1)),
            Err(other) => Err(pass_on(other)),
        },
        // Each level passes the trap on.
        1000 | 2000 => caller
            .call("div", &[Scalar::i32(1), Scalar::i32(0)])
            .map_err(pass_on),
        2001..=2050 => caller.call("step", &int(what - 1)).map_err(pass_on),
        // An error that is no trap.
        3000 => caller.call("nothing", &[]).map_err(pass_on),
        // A fault of its own, below generated code that waits.
        4000 => caller.call("load", &int(-1)).map_err(pass_on),
        _ => Err(HostError::Failed(what.to_string())),
    };
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(act));
        assert_eq!(instance.call("step", &int(50)), Ok(int(42)), "{name}");
        assert_eq!(steps(&instance), 51 * 101, "{name}");
        assert_eq!(instance.call("step", &int(1050)), Ok(int(1049)), "{name}");
        for (start, code) in [
            (2000, TrapCode::IntegerDivisionByZero),
            (2050, TrapCode::IntegerDivisionByZero),
            (4000, TrapCode::MemoryOutOfBounds),
            (3000, TrapCode::Host),
        ] {
            let got = instance.call("step", &int(start));
            assert_eq!(trap_of(got), Ok(code), "{name}: {start}");
        }
        let before = steps(&instance);
        instance.call("step", &int(2020)).unwrap_err();
        assert_eq!(steps(&instance), before + 21, "{name}: no level went on");
        assert_eq!(instance.call("step", &int(3)), Ok(int(42)), "{name}");
    });
}

#[test]
fn a_trap_that_the_host_makes_up_is_a_host_trap() {
    let act = |_: &mut Caller<'_>, number: i32| {
        let code = TrapCode::User(number as u8);
        Err(HostError::Trapped(Box::new(Trap { code, host: None })))
    };
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(act));
        let mut code = |number| trap_of(instance.call("step", &int(number)));
        assert_eq!(code(127), Ok(TrapCode::User(127)), "{name}");
        // There is no such code, and no byte for it.
        for number in [128, 191, 192, 255] {
            assert_eq!(code(number), Ok(TrapCode::Host), "{name}: {number}");
        }
    });
}

#[test]
fn the_host_reads_and_writes_memory_and_grows_it() {
    let act = |caller: &mut Caller<'_>, at: i32| {
        assert!(caller.memory("nothing").is_none() && caller.memory("steps").is_none());
        if at == 0 {
            let old = caller.call("grow", &int(1)).map_err(pass_on)?;
            let end = caller.memory("mem").unwrap().len();
            caller.memory("mem").unwrap()[end - 4] = 40;
            return Ok(old);
        }
        let memory = caller.memory("mem").unwrap();
        let found = i32::from(memory[at as usize]);
        memory[at as usize] = 31;
        Ok(int(found))
    };
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(act));
        assert_eq!(instance.call("exchange", &int(500)), Ok(int(42)), "{name}");
        assert_eq!(instance.memory("mem").unwrap()[500], 31);
        assert_eq!(
            instance.call("use_grown", &int(131_068)),
            Ok(int(42)),
            "{name}"
        );
        assert_eq!(instance.memory("mem").unwrap().len(), 131_072);
    });
}

#[test]
fn garbage_beyond_a_type_is_no_danger() {
    let source = r#"
import func @index() -> i32 = "host" "index"
memory mem0 = 1
export func @imported() -> i32 {
block0:
    v0 = call @index()
    v1 = load.i32 mem0, v0
    return v1
}
export func @passed(i32) -> i32 {
block0(v0: i32):
    v1 = load.i32 mem0, v0
    return v1
}
"#;
    on_every_configuration(source, |name, executable| {
        for garbage in [0xffff_ffff_0000_0010, 0x8000_0000_0000_0000, 0x1_0000_0008] {
            let mut imports = Imports::new();
            let index = HostFunc::over_slots(signature(&[], &[Type::I32]), move |_, slots| {
                slots[0] = garbage;
                Ok(())
            });
            imports.func("host", "index", index);
            let mut instance = instantiate(executable, &imports);
            assert_eq!(instance.call("imported", &[]), Ok(int(0)), "{name}");
            let Some(bakeoff_ir::ExportItem::Func(passed)) = executable.module().export("passed")
            else {
                panic!("no export");
            };
            let mut slots = [garbage];
            assert_eq!(instance.call_slots(passed, &mut slots), Ok(()), "{name}");
            assert_eq!(slots, [0], "{name}");
        }
    });
}

/// A module that imports one thing of every kind.
const IMPORTING: &str = r#"
import func @f(i32, f64) -> i64 = "env" "f"
memory mem0 = 2..4 import "env" "m"
table table0 func = 2..4 import "env" "t"
global global0: i64 = import "env" "g"
"#;

fn provide_memory(imports: &mut Imports, pages: u64, max_pages: Option<u64>) {
    imports.memory("env", "m", HostMemory { pages, max_pages });
}

fn provide_table(imports: &mut Imports, name: &str, entries: u32, max_entries: Option<u32>) {
    imports.table(
        "env",
        name,
        HostTable {
            entries,
            max_entries,
        },
    );
}

/// What the module wants.
fn full() -> Imports {
    use Type::{F64, I32, I64};
    let mut imports = Imports::new();
    let f = HostFunc::new(signature(&[I32, F64], &[I64]), |_, _| {
        Ok(vec![Scalar::i64(1)])
    });
    imports.func("env", "f", f);
    provide_memory(&mut imports, 2, Some(4));
    provide_table(&mut imports, "t", 2, Some(4));
    imports.global("env", "g", Scalar::i64(1));
    imports
}

fn error(executable: &Arc<dyn Executable>, imports: &Imports) -> String {
    match Instance::new(executable, imports) {
        Ok(_) => "no error".to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn limits_that_do_not_fit_are_told() {
    let limits = [
        (1, Some(4), "it has 1, and at least 2 is wanted"),
        (2, None, "it may grow beyond 4"),
        (2, Some(5), "it may grow beyond 4"),
        (3, Some(2), "it has 3, which is more than its limit 2"),
    ];
    on_every_configuration(IMPORTING, |name, executable| {
        assert_eq!(error(executable, &full()), "no error", "{name}");
        for (size, max, why) in limits {
            let mut imports = full();
            provide_memory(&mut imports, size, max);
            let expect = format!("memory `env` `m` does not fit: {why}");
            assert_eq!(error(executable, &imports), expect, "{name}");
            let mut imports = full();
            provide_table(&mut imports, "t", size as u32, max.map(|m| m as u32));
            let expect = format!("table `env` `t` does not fit: {why}");
            assert_eq!(error(executable, &imports), expect, "{name}");
        }
    });
}

#[test]
fn what_is_missing_or_does_not_fit_is_told_with_what_there_is() {
    type Change = fn(&mut Imports);
    let changes: [(Change, &str); 5] = [
        (
            |i| {
                let f = HostFunc::new(signature(&[Type::I32], &[]), |_, _| Ok(vec![]));
                i.func("env", "f", f);
            },
            "function `env` `f` does not fit: it is (i32) -> (), and (i32, f64) -> (i64) is wanted",
        ),
        (
            |i| {
                i.global("env", "g", Scalar::f32(1.0));
            },
            "global `env` `g` does not fit: it is f32, and i64 is wanted",
        ),
        (
            |i| *i = Imports::new(),
            "memory `env` `m` is not provided; there is: nothing",
        ),
        (
            |i| {
                *i = Imports::new();
                provide_memory(i, 2, Some(4));
                provide_table(i, "v", 2, Some(4));
                provide_table(i, "u", 2, Some(4));
            },
            "table `env` `t` is not provided; there is: `env` `u`, `env` `v`",
        ),
        (
            |i| {
                *i = common::imports();
                provide_memory(i, 2, Some(4));
                provide_table(i, "t", 2, Some(4));
            },
            "function `env` `f` is not provided; there is: `host` `add`, `host` `fptr_add`, `host` `fptr_mix`, `host` `trap`",
        ),
    ];
    on_every_configuration(IMPORTING, |name, executable| {
        for (change, expect) in changes {
            let mut imports = full();
            change(&mut imports);
            assert_eq!(error(executable, &imports), expect, "{name}");
        }
    });
}

/// A size beyond what is reserved for a memory must not touch what lies behind the reservation.
#[test]
fn a_provided_memory_has_a_greatest_size() {
    let source = "memory mem0 = 1 import \"env\" \"m\"\n";
    on_every_configuration(source, |name, executable| {
        for pages in [65537, 1 << 20, 1 << 48, u64::MAX] {
            let mut imports = Imports::new();
            imports.memory(
                "env",
                "m",
                HostMemory {
                    pages,
                    max_pages: None,
                },
            );
            let error = Instance::new(executable, &imports).err();
            let Some(InstantiateError::ImportMismatch { why, .. }) = error else {
                panic!("{name}: {pages} pages gave {error:?}");
            };
            assert_eq!(
                why,
                format!("a memory has at most 65536 pages, not {pages}")
            );
        }
    });
}

#[test]
fn a_table_of_functions_begins_with_functions_only() {
    let table =
        "global global0: i64 = import \"env\" \"g\"\ntable table0 func = 2..2 init global0\n";
    let elem = "global global0: i64 = import \"env\" \"g\"\ntable table0 func = 2..2\nelem elem0 at table0 0 = [null, global0]\n";
    let module = "sig0 = () -> i32
func @hidden() -> i32 {
block0:
    v0 = iconst.i32 42
    return v0
}
export func @call() -> i32 {
block0:
    v0 = iconst.i32 1
    v1 = call_indirect table0, sig0, v0()
    return v1
}
";
    for declarations in [table, elem] {
        on_every_configuration(&format!("{declarations}{module}"), |name, executable| {
            let new = |value| {
                let mut imports = Imports::new();
                imports.global("env", "g", Scalar::i64(value));
                Instance::new(executable, &imports)
            };
            // The number alone makes the reference: nothing in the module says that @hidden escapes.
            let got = new(1).unwrap().call("call", &[]);
            assert_eq!(got, Ok(int(42)), "{name}");
            let got = trap_of(new(0).unwrap().call("call", &[]));
            assert_eq!(got, Ok(TrapCode::IndirectCallToNull), "{name}");
            for value in [3, 1 << 32, -1] {
                let Some(InstantiateError::Trap(trap)) = new(value).err() else {
                    panic!("{name}: {value} got in");
                };
                assert_eq!(trap.code, TrapCode::BadSignature, "{name}");
            }
        });
    }
}

#[test]
fn calls_that_do_not_fit_are_told_what_there_is() {
    on_every_configuration(SOURCE, |name, executable| {
        let mut instance = instantiate(executable, &host(|_, _| Ok(int(0))));
        let mut error = |export: &str, args: &[Scalar]| match instance.call(export, args) {
            Ok(values) => format!("{values:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            error("steps", &[]),
            "no exported function `steps`; there is: act, turn, step, tail, load, div, exchange, grow, use_grown",
            "{name}"
        );
        assert_eq!(
            error("div", &int(1)),
            "`div` takes (i32, i32), but was given (i32)"
        );
        let args = [Scalar::i32(1), Scalar::f32(1.0)];
        assert_eq!(
            error("div", &args),
            "`div` takes (i32, i32), but was given (i32, f32)"
        );
        assert_eq!(error("load", &[]), "`load` takes (i32), but was given ()");
    });
}

#[test]
#[should_panic(expected = "2 slots are wanted")]
fn a_call_with_too_few_slots_panics() {
    let configuration = bakeoff_registry::find(bakeoff_registry::BASELINE).unwrap();
    let module = common::module(SOURCE);
    let executable = common::compile(configuration, &module, &Default::default()).unwrap();
    let mut instance = instantiate(&executable, &host(|_, _| Ok(int(0))));
    let Some(bakeoff_ir::ExportItem::Func(div)) = module.export("div") else {
        return;
    };
    let _ = instance.call_slots(div, &mut [1]);
}

//! Endless recursion of every kind ends in a trap, after which everything goes on.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakeoff_backend::{
    CallError, Caller, CompileError, HostError, HostFunc, Imports, Instance, NoPhases, Options,
    Target, Trap,
};
use bakeoff_ir::{Scalar, TrapCode};

const SOURCE: &str = r#"
import func @again() = "host" "again"
import func @leaf_again() = "host" "leaf_again"
import func @survive() -> i32 = "host" "survive"
sig0 = (i32) -> i32
table table0 func = 1
elem elem0 at table0 0 = [@indirect]
global global0: i64 mut = 0
export "count" = global0

export func @direct(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 1
    v2 = iadd.i32 v0, v1
    v3 = call @direct(v2)
    v4 = iadd.i32 v3, v0
    return v4
}
export func @mutual(i32) -> i32 {
block0(v0: i32):
    v1 = call @mutual_too(v0)
    v2 = iadd.i32 v1, v0
    return v2
}
func @mutual_too(i32) -> i32 {
block0(v0: i32):
    v1 = call @mutual(v0)
    v2 = imul.i32 v1, v0
    return v2
}
export func @indirect(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 0
    v2 = call_indirect table0, sig0, v1(v0)
    v3 = iadd.i32 v2, v0
    return v3
}
; Before each level counts itself: what a trap leaves.
export func @counting(i32) -> i32 {
block0(v0: i32):
    v1 = global_get.i64 global0
    v2 = iconst.i64 1
    v3 = iadd.i64 v1, v2
    global_set.i64 global0, v3
    v4 = call @counting(v0)
    v5 = iadd.i32 v4, v0
    return v5
}
export func @big_frames(i32) -> i32 {
    ss0 = stack_slot 102400, align 16
block0(v0: i32):
    stack_store.i32 v0, ss0+51200
    v1 = call @big_frames(v0)
    v2 = stack_load.i32 ss0+51200
    v3 = iadd.i32 v1, v2
    return v3
}
; Larger than the whole stack and what guards it: it overflows at once.
export func @huge_frame(i32) -> i32 {
    ss0 = stack_slot 33554432, align 16
block0(v0: i32):
    stack_store.i32 v0, ss0
    v1 = stack_load.i32 ss0
    return v1
}
export func @many_arguments(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i64 1
    v2 = call @more(v1, v1, v1, v1, v1, v1, v1, v1, v1, v1, v1, v0)
    return v2
}
func @more(i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i32) -> i32 {
block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64, v8: i64, v9: i64, v10: i64, v11: i32):
    v12 = call @more(v1, v0, v3, v2, v5, v4, v7, v6, v9, v8, v10, v11)
    v13 = iadd.i32 v12, v11
    return v13
}
export func @through_host(i32) -> i32 {
block0(v0: i32):
    call @again()
    return v0
}
; The host calls @direct and goes on when that overflows.
export func @survives() -> i32 {
    ss0 = stack_slot 4096, align 8
block0:
    v0 = iconst.i32 20
    stack_store.i32 v0, ss0+2048
    v1 = call @survive()
    v2 = stack_load.i32 ss0+2048
    v3 = iadd.i32 v1, v2
    return v3
}
; As deep as the argument says with large frames; then small ones, and each calls the host, which
; calls back.
export func @down(i32) -> i32 {
    ss0 = stack_slot 65536, align 8
block0(v0: i32):
    stack_store.i32 v0, ss0
    v1 = iconst.i32 0
    v2 = icmp.i32 eq v0, v1
    brif v2, block1, block2
block1:
    v3 = call @small(v0)
    return v3
block2:
    v4 = iconst.i32 1
    v5 = isub.i32 v0, v4
    v6 = call @down(v5)
    v7 = stack_load.i32 ss0
    v8 = iadd.i32 v6, v7
    return v8
}
func @small(i32) -> i32 {
block0(v0: i32):
    call @leaf_again()
    v1 = call @small(v0)
    v2 = iadd.i32 v1, v0
    return v2
}
; The same way down, and nothing there.
export func @probe(i32) -> i32 {
    ss0 = stack_slot 65536, align 8
block0(v0: i32):
    stack_store.i32 v0, ss0
    v1 = iconst.i32 0
    v2 = icmp.i32 eq v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v4 = iconst.i32 1
    v5 = isub.i32 v0, v4
    v6 = call @probe(v5)
    v7 = stack_load.i32 ss0
    v8 = iadd.i32 v6, v7
    return v8
}
export func @leaf(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 1
    v2 = iadd.i32 v0, v1
    return v2
}
"#;

fn pass_on(result: Result<Vec<Scalar>, CallError>) -> Result<Vec<Scalar>, HostError> {
    match result {
        Ok(values) => Ok(values),
        Err(CallError::Trap(trap)) => Err(HostError::Trapped(Box::new(trap))),
        Err(other) => Err(HostError::Failed(other.to_string())),
    }
}

/// The host, and how often `again` was called.
fn imports() -> (Imports, Arc<AtomicUsize>) {
    let mut imports = common::imports();
    let entries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&entries);
    let nothing = || common::signature(&[], &[]);
    let again = move |caller: &mut Caller<'_>, _: &[Scalar]| {
        counter.fetch_add(1, Ordering::Relaxed);
        pass_on(caller.call("through_host", &[Scalar::i32(1)])).map(|_| vec![])
    };
    imports.func("host", "again", HostFunc::new(nothing(), again));
    // Goes on when the leaf overflows, so that there is an attempt at every depth that a call of the
    // host itself reaches.
    let leaf_again = |caller: &mut Caller<'_>, _: &mut [u64]| {
        let result = caller.call("leaf", &[Scalar::i32(1)]);
        match &result {
            Ok(values) => assert_eq!(*values, [Scalar::i32(2)]),
            Err(_) => assert_eq!(common::trap_of(result), Ok(TrapCode::StackOverflow)),
        }
        Ok(())
    };
    imports.func(
        "host",
        "leaf_again",
        HostFunc::over_slots(nothing(), leaf_again),
    );
    let survive = |caller: &mut Caller<'_>, _: &[Scalar]| {
        for _ in 0..3 {
            let result = caller.call("direct", &[Scalar::i32(0)]);
            if common::trap_of(result) != Ok(TrapCode::StackOverflow) {
                return Err(HostError::Failed("no overflow".to_string()));
            }
        }
        caller
            .call("leaf", &[Scalar::i32(21)])
            .map_err(|e| HostError::Failed(e.to_string()))
    };
    let signature = common::signature(&[], &[bakeoff_ir::Type::I32]);
    imports.func("host", "survive", HostFunc::new(signature, survive));
    (imports, entries)
}

const ENDLESS: [&str; 7] = [
    "direct",
    "mutual",
    "indirect",
    "counting",
    "big_frames",
    "huge_frame",
    "many_arguments",
];

fn overflows(name: &str, instance: &mut Instance, export: &str, argument: i32) {
    let got = instance.call(export, &[Scalar::i32(argument)]);
    let overflow = Trap {
        code: TrapCode::StackOverflow,
        host: None,
    };
    assert_eq!(got, Err(CallError::Trap(overflow)), "{name}: {export}");
    let after = instance.call("leaf", &[Scalar::i32(41)]);
    assert_eq!(after, Ok(vec![Scalar::i32(42)]), "{name}: after {export}");
}

#[test]
fn endless_recursion_of_every_kind_is_a_trap() {
    common::on_every_configuration(SOURCE, |name, executable| {
        let mut instance = common::instantiate(executable, &imports().0);
        // Twice: the guard pages are still there.
        for export in ENDLESS.into_iter().chain(ENDLESS) {
            overflows(name, &mut instance, export, 1);
        }
        let levels = instance.global("count").unwrap().bits();
        assert!(
            levels > 20_000,
            "{name}: only {levels} levels in two overflows"
        );
    });
}

#[test]
fn recursion_through_the_host_ends_at_the_same_depth_everywhere() {
    common::on_every_configuration(SOURCE, |name, executable| {
        let (imports, entries) = imports();
        let mut instance = common::instantiate(executable, &imports);
        overflows(name, &mut instance, "through_host", 1);
        assert_eq!(entries.load(Ordering::Relaxed), 200, "{name}");
        overflows(name, &mut instance, "through_host", 1);
        assert_eq!(entries.load(Ordering::Relaxed), 400, "{name}");
    });
}

#[test]
fn an_overflow_that_the_host_swallows_leaves_the_outer_frames_alone() {
    common::on_every_configuration(SOURCE, |name, executable| {
        let mut instance = common::instantiate(executable, &imports().0);
        let got = instance.call("survives", &[]);
        assert_eq!(got, Ok(vec![Scalar::i32(42)]), "{name}");
    });
}

/// The host calls back with less and less of the guest stack left, down to nothing.
#[test]
fn entries_on_a_nearly_full_stack_are_entries_or_traps() {
    common::on_every_configuration(SOURCE, |name, executable| {
        let mut instance = common::instantiate(executable, &imports().0);
        let fits = |n: &i32| instance.call("probe", &[Scalar::i32(*n)]).is_ok();
        let depth = (0..200).take_while(fits).last().unwrap();
        assert!(depth > 100, "{name}: {depth}");
        overflows(name, &mut instance, "down", depth - 1);
    });
}

#[test]
fn frames_beyond_any_encoding_are_refused_or_overflow() {
    let module = |slots: &str| {
        format!(
            "export func @f(i32) -> i32 {{\n{slots}block0(v0: i32):\n    stack_store.i32 v0, ss0+0x7ffffff0\n    v1 = stack_load.i32 ss0+0x7ffffff0\n    return v1\n}}\n"
        )
    };
    let huge = [
        "    ss0 = stack_slot 2147483648, align 8\n",
        "    ss0 = stack_slot 2147483647, align 1\n",
        "    ss0 = stack_slot 2147483647, align 8\n    ss1 = stack_slot 2147483648, align 8\n",
    ];
    for slots in huge {
        let module = common::module(&module(slots));
        for configuration in bakeoff_registry::CONFIGURATIONS {
            let target = Target::host().unwrap();
            let (options, backend) = (Options::default(), configuration.backend);
            match backend.compile(&module, target, &options, &mut NoPhases) {
                Err(CompileError::Unsupported { .. }) => {}
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        text.contains("stack slots of @f"),
                        "{}: {text}",
                        configuration.name
                    );
                }
                Ok(executable) => {
                    let mut instance = common::instantiate(&executable, &imports().0);
                    let got = common::trap_of(instance.call("f", &[Scalar::i32(1)]));
                    assert_eq!(got, Ok(TrapCode::StackOverflow), "{}", configuration.name);
                }
            }
        }
    }
}

/// Recursion runs on the guest stack: that of the thread may be small.
#[test]
fn threads_with_small_stacks_overflow_alike() {
    common::on_every_configuration(SOURCE, |name, executable| {
        std::thread::scope(|scope| {
            let run = || {
                let mut instance = common::instantiate(executable, &imports().0);
                for export in ENDLESS {
                    overflows(name, &mut instance, export, 1);
                }
            };
            let threads = std::thread::Builder::new().stack_size(128 << 10);
            threads.spawn_scoped(scope, run).unwrap().join().unwrap();
        });
    });
}

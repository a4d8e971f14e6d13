//! Instances beside each other, inside each other, and on threads.

mod common;

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};

use bakeoff_backend::{Caller, HostFunc, Imports, Instance};
use bakeoff_ir::{Scalar, TrapCode, Type};

use common::host::{SOURCE, host, int, pass_on, steps};
use common::{instantiate, on_every_configuration, signature, trap_of};

#[test]
fn instances_of_one_module_are_independent() {
    on_every_configuration(SOURCE, |name, executable| {
        let make = |factor: i32| instantiate(executable, &host(move |_, x| Ok(int(x * factor))));
        let (mut a, mut b) = (make(2), make(3));
        for x in 1..20 {
            assert_eq!(a.call("step", &int(x)), Ok(int(2 * x)), "{name}");
            assert_eq!(b.call("step", &int(x)), Ok(int(3 * x)), "{name}");
            a.call("load", &int(-1)).unwrap_err();
        }
        a.memory_mut("mem").unwrap()[0] = 1;
        assert_eq!(b.memory("mem").unwrap()[0], 0);
        a.call("step", &int(1)).unwrap();
        assert_eq!(steps(&a) - steps(&b), 101);
        b.call("grow", &int(1)).unwrap();
        assert_eq!(a.memory("mem").unwrap().len(), 65536);
        drop(a);
        assert_eq!(b.call("step", &int(5)), Ok(int(15)), "{name}");
    });
}

#[test]
fn threads_run_and_trap_at_once() {
    on_every_configuration(SOURCE, |name, executable| {
        let start = Barrier::new(4);
        let run = |thread: i32| {
            let mut instance = instantiate(executable, &host(|_, x| Ok(int(x))));
            start.wait();
            for round in 0..300 {
                let outside = instance.call("load", &int(65_533 + round));
                assert_eq!(trap_of(outside), Ok(TrapCode::MemoryOutOfBounds), "{name}");
                let by_zero = instance.call("div", &[Scalar::i32(round), Scalar::i32(0)]);
                assert_eq!(
                    trap_of(by_zero),
                    Ok(TrapCode::IntegerDivisionByZero),
                    "{name}"
                );
                let x = thread * 1000 + round;
                assert_eq!(instance.call("step", &int(x)), Ok(int(x)), "{name}");
            }
            instance
        };
        std::thread::scope(|scope| {
            let run = &run;
            let threads: Vec<_> = (0..4).map(|t| scope.spawn(move || run(t))).collect();
            // Instances outlive their threads, go on here, and are dropped on a third.
            for thread in threads {
                let mut instance = thread.join().unwrap();
                assert_eq!(steps(&instance), 300 * 101, "{name}");
                assert_eq!(instance.call("step", &int(1)), Ok(int(1)), "{name}");
                let outside = instance.call("load", &int(-1));
                assert_eq!(trap_of(outside), Ok(TrapCode::MemoryOutOfBounds), "{name}");
                scope.spawn(move || drop(instance));
            }
        });
    });
}

#[test]
fn an_instance_inside_a_host_function_of_another() {
    on_every_configuration(SOURCE, |name, executable| {
        let inner = Mutex::new(instantiate(executable, &host(|_, x| Ok(int(x + 1)))));
        let act = move |_: &mut Caller<'_>, x: i32| {
            let mut inner = inner.lock().unwrap();
            let inside = inner.call("step", &int(x)).map_err(pass_on)?;
            if x == 7 {
                // Passed on, it ends the outer call as well.
                return inner.call("load", &int(-4)).map_err(pass_on);
            }
            let trap = trap_of(inner.call("load", &int(-4)));
            assert_eq!(trap, Ok(TrapCode::MemoryOutOfBounds));
            let trap = trap_of(inner.call("div", &[Scalar::i32(1), Scalar::i32(0)]));
            assert_eq!(trap, Ok(TrapCode::IntegerDivisionByZero));
            Ok(inside)
        };
        let mut outer = instantiate(executable, &host(act));
        for _ in 0..3 {
            assert_eq!(outer.call("step", &int(41)), Ok(int(42)), "{name}");
            let passed = outer.call("step", &int(7));
            assert_eq!(trap_of(passed), Ok(TrapCode::MemoryOutOfBounds), "{name}");
            let own = outer.call("load", &int(70_000));
            assert_eq!(trap_of(own), Ok(TrapCode::MemoryOutOfBounds), "{name}");
        }
    });
}

#[test]
fn a_module_may_be_dropped_by_everybody_but_its_instance() {
    let module = common::module(SOURCE);
    for configuration in bakeoff_registry::CONFIGURATIONS {
        let options = bakeoff_backend::Options::default();
        let Some(executable) = common::compile(configuration, &module, &options) else {
            continue;
        };
        let mut instance = instantiate(&executable, &host(|_, x| Ok(int(x))));
        drop(executable);
        // Code that takes the place of code that was freed too early.
        let others: Vec<_> = (0..4)
            .map(|_| common::compile(configuration, &module, &options))
            .collect();
        assert_eq!(
            instance.call("step", &int(5)),
            Ok(int(5)),
            "{}",
            configuration.name
        );
        drop(others);
    }
}

thread_local! {
    /// What the C function below enters.
    static ENTERED: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

static FOREIGN_RESULT: AtomicU32 = AtomicU32::new(0);

/// A C function that enters an instance: 1 if the call overflowed, as it has to, 2 if it went well.
extern "C" fn enters() -> i32 {
    let result =
        ENTERED.with_borrow_mut(|instance| instance.as_mut().unwrap().call("step", &int(1)));
    let outcome = match trap_of(result) {
        Ok(TrapCode::StackOverflow) => 1,
        _ => 2,
    };
    FOREIGN_RESULT.store(outcome, Ordering::Relaxed);
    outcome as i32
}

#[test]
fn a_c_function_that_call_raw_calls_cannot_enter() {
    let source = r#"
import func @pointer() -> i64 = "host" "pointer"
sig0 = () -> i32
export func @raw(i32) -> i32 {
    ss0 = stack_slot 4096, align 8
block0(v0: i32):
    stack_store.i32 v0, ss0+8
    v1 = call @pointer()
    v2 = call_raw sig0, v1()
    v3 = stack_load.i32 ss0+8
    v4 = iadd.i32 v2, v3
    return v4
}
"#;
    on_every_configuration(source, |name, executable| {
        let mut imports = Imports::new();
        let pointer = HostFunc::over_slots(signature(&[], &[Type::I64]), |_, slots| {
            slots[0] = enters as *const () as u64;
            Ok(())
        });
        imports.func("host", "pointer", pointer);
        let mut instance = instantiate(executable, &imports);
        let module = common::module(SOURCE);
        let configuration = bakeoff_registry::find(name.split(' ').next().unwrap()).unwrap();
        let Some(inner) = common::compile(configuration, &module, &Default::default()) else {
            return;
        };
        ENTERED.set(Some(instantiate(&inner, &host(|_, x| Ok(int(x))))));
        assert_eq!(instance.call("raw", &int(41)), Ok(int(42)), "{name}");
        assert_eq!(FOREIGN_RESULT.load(Ordering::Relaxed), 1, "{name}");
        // Outside of it, it can be entered still.
        let after = ENTERED.with_borrow_mut(|i| i.as_mut().unwrap().call("step", &int(1)));
        assert_eq!(after, Ok(int(1)), "{name}");
    });
}

#[test]
fn a_thread_that_is_ending_gets_traps_at_worst() {
    struct Last(Option<Instance>);
    impl Drop for Last {
        fn drop(&mut self) {
            let result = self.0.as_mut().unwrap().call("step", &int(6));
            let ended = matches!(&result, Ok(values) if *values == int(6))
                || trap_of(result) == Ok(TrapCode::StackOverflow);
            FINISHED.fetch_add(u32::from(ended), Ordering::Relaxed);
        }
    }
    static FINISHED: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static LAST: RefCell<Last> = const { RefCell::new(Last(None)) };
    }
    let count = Cell::new(0);
    on_every_configuration(SOURCE, |_, executable| {
        count.set(count.get() + 2);
        for early in [true, false] {
            let mut instance = instantiate(executable, &host(|_, x| Ok(int(x))));
            let run = move || {
                // Destructors run in the order of first use, or against it: both are tried.
                if early {
                    LAST.with_borrow(|_| ());
                }
                instance.call("step", &int(1)).unwrap();
                LAST.with_borrow_mut(|last| last.0 = Some(instance));
            };
            std::thread::spawn(run).join().unwrap();
        }
    });
    assert_eq!(FINISHED.load(Ordering::Relaxed), count.get());
}

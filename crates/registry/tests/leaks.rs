//! Traps, instances and compiled modules leave nothing behind. The only test of this process, since it
//! measures the process.

mod common;

use std::sync::Arc;

use bakeoff_backend::{Executable, Imports, Instance, Options};
use bakeoff_ir::{ExportItem, Func, TrapCode};

const SOURCE: &str = r#"
memory mem0 = 1..1
table table0 func = 10
export func @user() {
block0:
    trap user1
}
export func @outside(i32) -> i32 {
block0(v0: i32):
    v1 = load.i32 mem0, v0
    return v1
}
"#;

const PAGE: u64 = 65536;

/// Pages of memory that the process has, and its mappings.
fn usage() -> (u64, usize) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    (resident, maps.lines().count())
}

/// Does something often, and compares what the process has with what it had after doing it a little.
/// A leak of a single byte each time of a million would be 244 pages.
fn compare(what: &str, times: usize, mut act: impl FnMut(usize)) {
    act(times / 20);
    let (pages_before, mappings_before) = usage();
    act(times);
    let (pages, mappings) = usage();
    let text = format!(
        "{what}: {pages_before} to {pages} pages, {mappings_before} to {mappings} mappings"
    );
    println!("{text}");
    assert!(pages <= pages_before + 32, "{text}");
    assert!(mappings <= mappings_before + 2, "{text}");
}

fn exported(executable: &Arc<dyn Executable>, name: &str) -> Func {
    match executable.module().export(name) {
        Some(ExportItem::Func(func)) => func,
        other => panic!("{other:?}"),
    }
}

fn trap_often(executable: &Arc<dyn Executable>, times: usize) {
    let mut instance = common::instantiate(executable, &Imports::new());
    let (user, outside) = (
        exported(executable, "user"),
        exported(executable, "outside"),
    );
    for round in 0..times as u64 / 2 {
        let mut slots = [PAGE + round];
        let user = instance.call_slots(user, &mut slots).unwrap_err();
        assert_eq!(user.code, TrapCode::User(1));
        let outside = instance.call_slots(outside, &mut slots).unwrap_err();
        assert_eq!(outside.code, TrapCode::MemoryOutOfBounds);
    }
}

#[test]
fn a_million_traps_and_many_instances_leak_nothing() {
    let module = common::module(SOURCE);
    for configuration in common::one_of_each_backend() {
        let name = configuration.name;
        let compile = || common::compile(configuration, &module, &Options::default());
        let Some(executable) = compile() else {
            continue;
        };
        compare(&format!("{name}, traps"), 1_000_000, |times| {
            trap_often(&executable, times);
        });
        compare(&format!("{name}, instances"), 4000, |times| {
            for _ in 0..times {
                let mut instance = Instance::new(&executable, &Imports::new()).unwrap();
                assert!(instance.call("user", &[]).is_err());
            }
        });
        compare(&format!("{name}, modules"), 1000, |times| {
            for _ in 0..times {
                assert!(compile().unwrap().code_bytes() > 0);
            }
        });
    }
}

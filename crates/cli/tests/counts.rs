//! Counting under callgrind, with the command itself as the child.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bakeoff_bench_suite::{Subject, counts, load_module, load_program};
use bakeoff_registry::{Configuration, find};
use bakeoff_samples::{Event, Row, Sample};
use bakeoff_suite::Size;

/// Small ones: callgrind takes fifty times as long, and this build is not a fast one.
const PROGRAMS: [(&str, &str); 2] = [
    (
        "sum",
        "
export func @sum(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = iadd.i64 v3, v2
    v5 = iconst.i64 -1
    v6 = iadd.i64 v2, v5
    brif v6, block1(v6, v4), block2
block2:
    return v4
}
; run: @sum(100000) == 5000050000
",
    ),
    (
        "fib",
        "
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
; run: @fib(20) == 6765
",
    ),
];
const BACKENDS: [&str; 2] = ["interp", "stencil"];

/// The programs, in files that tests share: what is in them is always the same.
fn subjects() -> Vec<Subject> {
    let subject = |(name, text): &(&str, &str)| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.ir"));
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            let new = path.with_extension(format!("{:?}", std::thread::current().id()));
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, &path).unwrap();
        }
        let program = load_program(&path).unwrap();
        let module = Arc::new(load_module(&program.module).unwrap().module);
        Subject { program, module }
    };
    PROGRAMS.iter().map(subject).collect()
}

fn samples(callgrind: bool) -> Vec<Sample> {
    let subjects = subjects();
    let configurations = BACKENDS.map(|name| find(name).unwrap());
    let worker = |configuration: &Configuration| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bakeoff"));
        command.args(["counts-worker", "--backend", configuration.name]);
        command.args(subjects.iter().map(|subject| &subject.program.entry));
        command
    };
    let collection = counts::Collection {
        subjects: &subjects,
        configurations: &configurations,
        size: Size::Quick,
        worker: &worker,
        callgrind,
    };
    let (mut samples, mut visits) = (Vec::new(), 0);
    let mut row = |row| match row {
        Row::Sample(sample) => samples.push(sample),
        other => panic!("{other:?}"),
    };
    counts::collect(&collection, &mut row, &mut |_, _| visits += 1).unwrap();
    assert_eq!(visits, 4);
    let names = |s: &Sample| (s.competitor.clone(), s.program.clone());
    let expected = BACKENDS.map(|backend| PROGRAMS.map(|(program, _)| (backend, program)));
    let expected = expected.as_flattened().iter();
    let expected = expected.map(|(backend, program)| (backend.to_string(), program.to_string()));
    assert!(samples.iter().map(names).eq(expected), "{samples:?}");
    samples
}

#[test]
fn without_callgrind_there_are_facts_and_instructions_of_the_ir() {
    let samples = samples(false);
    for sample in &samples {
        let keys = [Event::CodeBytes, Event::CodeInsts, Event::IrInsts];
        assert!(keys.iter().all(|key| sample.values[key] > 0), "{sample:?}");
        assert!(!sample.values.contains_key(&Event::RunInsts));
    }
    // The program is the same, whoever runs it: two instructions before, four a round, one behind.
    let insts: Vec<u64> = samples.iter().map(|s| s.values[&Event::IrInsts]).collect();
    assert_eq!((insts[0], insts[2]), (400_003, 400_003));
    assert_eq!(insts[1], insts[3]);
}

#[test]
fn callgrind_counts_the_same_each_time() {
    let Some(version) = counts::valgrind() else {
        println!("1 test skipped: valgrind is not installed");
        return;
    };
    let (first, second) = (samples(true), samples(true));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(
            a.values, b.values,
            "{} on {} under {version}",
            a.program, a.competitor
        );
        let [compile, run, ir] =
            [Event::CompileInsts, Event::RunInsts, Event::IrInsts].map(|event| a.values[&event]);
        // What runs at all, takes about an instruction for one of the IR at least.
        assert!(run > ir / 4 && compile > 1000, "{a:?}");
    }
    let run = |sample: &Sample| sample.values[&Event::RunInsts];
    for (interp, stencil) in first[..2].iter().zip(&first[2..]) {
        assert!(run(interp) > 2 * run(stencil), "{interp:?} {stencil:?}");
    }
}

#[test]
fn a_child_that_dies_is_an_error() {
    let subjects = subjects();
    let configurations = [find("interp").unwrap()];
    let collection = counts::Collection {
        subjects: &subjects,
        configurations: &configurations,
        size: Size::Quick,
        worker: &|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bakeoff"));
            command.args(["counts-worker", "--backend", "interp", "no-such-file.toml"]);
            command
        },
        callgrind: false,
    };
    let outcome = counts::collect(&collection, &mut |row| panic!("{row:?}"), &mut |_, _| ());
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.contains("interp") && error.contains("2 programs"),
        "{error}"
    );
}

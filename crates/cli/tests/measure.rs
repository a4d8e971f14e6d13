//! The `measure` command, as people run it, and kill it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bakeoff_samples::{Event, Notice, Session};

fn bakeoff(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bakeoff"));
    command.args(arguments);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn program(name: &str) -> String {
    format!(
        "{}/../../bench-suite/programs/{name}.toml",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// Two programs on three configurations, in two processes of two iterations.
fn small<'a>(dir: &'a str, programs: &'a [String; 2]) -> Vec<&'a str> {
    vec![
        "measure",
        &programs[0],
        &programs[1],
        "--backends=cranelift-none,cranelift,stencil",
        "--processes=2",
        "--iterations=2",
        "--out",
        dir,
    ]
}

#[test]
fn a_session_has_every_sample_of_every_competitor() {
    let dir = scratch("measure-whole");
    let programs = [program("fib"), program("sha256")];
    let output = bakeoff(&small(dir.to_str().unwrap(), &programs));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("bakeoff report"),
        "{}",
        text(&output)
    );
    let session = Session::open(&dir).unwrap();
    assert_eq!(session.notices, []);
    // In two processes, on two programs, three competitors and one of them again: a cold iteration and two others, in which
    // compiling is sampled three times behind runs (once with the runs) and three times in a row.
    assert_eq!(session.sample_count(), 2 * 2 * 4 * (1 + 2 * 6));
    assert!(session.head.command.starts_with("bakeoff measure "));
    assert_eq!(session.head.fingerprint.build.profile, "debug");
    for program in ["fib", "sha256"] {
        for competitor in [
            "cranelift-none",
            "cranelift",
            "stencil",
            "cranelift (again)",
        ] {
            for event in [
                Event::Compile,
                Event::CompileAgain,
                Event::FirstCall,
                Event::Run,
                Event::Analyse,
                Event::Allocate,
                Event::Emit,
                Event::Publish,
            ] {
                let series = session.series(event, program, competitor).unwrap();
                let shape: Vec<usize> = series.iter().map(Vec::len).collect();
                let values = match event {
                    Event::Compile | Event::CompileAgain => 6,
                    _ => 2,
                };
                assert_eq!(shape, [values; 2], "{event} of {program} on {competitor}");
            }
            for fact in [Event::CodeBytes, Event::PeakBytes, Event::AllocatedBytes] {
                let value = session.fact(fact, program, competitor);
                assert!(
                    value.is_some_and(|v| v > 0),
                    "{fact} of {program} on {competitor}"
                );
            }
        }
    }
}

#[test]
fn what_was_killed_goes_on_where_it_was() {
    let dir = scratch("measure-killed");
    let programs = [program("fib"), program("sha256")];
    let mut arguments = small(dir.to_str().unwrap(), &programs);
    let mut child = command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Until the first process has ended, and something is there of the second.
    let rows = dir.join("rows.jsonl");
    let second_began = || {
        let mut text = String::new();
        let _ = fs::File::open(&rows).and_then(|mut file| file.read_to_string(&mut text));
        text.lines()
            .filter(|line| line.starts_with("{\"begin\""))
            .count()
            == 2
    };
    for _ in 0..2400 {
        if second_began() || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = Session::open(&dir).unwrap();
    assert_eq!(before.processes.len(), 1, "the second was killed");

    let output = bakeoff(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let after = Session::open(&dir).unwrap();
    assert_eq!(after.processes.len(), 2);
    assert_eq!(
        after.processes[0], before.processes[0],
        "nothing is measured twice"
    );
    assert!(matches!(
        after.notices[..],
        [Notice::CutOff { process: 1, .. }]
    ));

    // Nothing is missing: nothing is done.
    let bytes = fs::read(&rows).unwrap();
    assert_eq!(bakeoff(&arguments).status.code(), Some(0));
    assert_eq!(fs::read(&rows).unwrap(), bytes);

    arguments[5] = "--iterations=3";
    let other = bakeoff(&arguments);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other).contains("other settings"), "{}", text(&other));
    arguments[5] = "--iterations=2";
    arguments[3] = "--backends=cranelift,stencil";
    let other = bakeoff(&arguments);
    assert_eq!(other.status.code(), Some(2));
    assert!(
        text(&other).contains("other programs or backends"),
        "{}",
        text(&other)
    );
}

#[test]
fn wrong_answers_are_failures_and_no_figures() {
    let dir = scratch("measure-wrong");
    let file = scratch("measure-wrong.ir").with_extension("ir");
    fs::write(
        &file,
        "export func @f(i32) -> i32 {\nblock0(v0: i32):\n    return v0\n}\n; run: @f(1) == 2\n",
    )
    .unwrap();
    let output = bakeoff(&[
        "measure",
        file.to_str().unwrap(),
        "--backends=cranelift,stencil",
        "--processes=1",
        "--iterations=1",
        "--out",
        dir.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("on stencil: wrong"),
        "{}",
        text(&output)
    );
    let session = Session::open(&dir).unwrap();
    assert_eq!(session.sample_count(), 0);
    assert_eq!(session.failures.len(), 3, "the control, too");
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    for (arguments, what) in [
        (vec!["measure", "--budget=5"], "90s, 10m or 2h"),
        (
            vec!["measure", "--backends=nonsense"],
            "there is no backend",
        ),
        (vec!["measure", "--suite=nonsense"], "there is: "),
        (vec!["measure", "--processes=0"], "0 is not in"),
    ] {
        let output = bakeoff(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(what), "{}", text(&output));
    }
}

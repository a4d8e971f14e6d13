//! The `difftest` and `reduce` commands, as people run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn bakeoff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bakeoff"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// An empty directory of this test's own.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// What the sums of a campaign say, without times.
fn sums(dir: &Path) -> serde_json::Value {
    let state = fs::read(dir.join("state.json")).unwrap();
    let mut state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let mut statistics = state["statistics"].take();
    statistics["judging_ns"] = 0.into();
    statistics
}

fn add(a: &serde_json::Value, b: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => (a.as_u64().unwrap() + b.as_u64().unwrap()).into(),
        (Value::Object(a), Value::Object(b)) => {
            let mut sum = a.clone();
            for (key, value) in b {
                let old = sum.remove(key).unwrap_or_else(|| match value {
                    Value::Number(_) => 0.into(),
                    _ => Value::Object(serde_json::Map::new()),
                });
                sum.insert(key.clone(), add(&old, value));
            }
            Value::Object(sum)
        }
        other => panic!("{other:?}"),
    }
}

const FAST: &str = "interp,stencil,stencil-base,dynasm,dynasm-spill";

#[test]
fn shards_and_a_campaign_in_two_goes_are_the_whole() {
    let dirs: Vec<PathBuf> = ["whole", "first", "second"]
        .iter()
        .map(|name| scratch(&format!("shards-{name}")))
        .collect();
    let paths: Vec<&str> = dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
    let run = |dir: &str, shard: &str, count: &str| {
        let output = bakeoff(&[
            "difftest",
            "--seed",
            "9",
            "--backends",
            FAST,
            "--shard",
            shard,
            "--count",
            count,
            "--dir",
            dir,
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output)
    };
    let report = run(paths[0], "0/1", "301");
    assert!(report.contains(" 301 ("), "{report}");
    assert!(report.contains("rows of the op table executed"), "{report}");
    run(paths[1], "0/2", "301");
    // As if it had been killed, and started again.
    run(paths[2], "1/2", "100");
    let report = run(paths[2], "1/2", "301");
    assert!(report.contains("going on behind 50 modules"), "{report}");
    assert_eq!(add(&sums(&dirs[1]), &sums(&dirs[2])), sums(&dirs[0]));

    let merged = bakeoff(&["difftest", "--merge", paths[1], paths[2]]);
    assert_eq!(merged.status.code(), Some(0));
    assert!(text(&merged).contains(" 301 ("), "{}", text(&merged));

    let other = bakeoff(&[
        "difftest",
        "--seed",
        "10",
        "--backends",
        FAST,
        "--dir",
        paths[0],
    ]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other).contains("another seed"), "{}", text(&other));
    fs::write(dirs[0].join("state.json"), "{").unwrap();
    let broken = bakeoff(&[
        "difftest",
        "--seed",
        "9",
        "--backends",
        FAST,
        "--dir",
        paths[0],
    ]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(
        text(&broken).contains("no state of a campaign"),
        "{}",
        text(&broken)
    );
}

#[test]
fn files_are_replayed_and_what_agrees_is_not_reduced() {
    let dir = scratch("files");
    let printed = bakeoff(&["difftest", "--seed", "3", "--print", "17"]);
    assert_eq!(printed.status.code(), Some(0));
    let file = dir.join("case.ir");
    fs::write(&file, &printed.stdout).unwrap();
    let path = file.to_str().unwrap();
    for options in [
        &[][..],
        &["--bounds-checks", "explicit", "--cpu", "baseline"],
    ] {
        let output = bakeoff(&[&["difftest", path], options].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(text(&output).contains("all agree"), "{}", text(&output));
    }
    let reduced = bakeoff(&["reduce", path]);
    assert_eq!(reduced.status.code(), Some(1));
    assert!(
        text(&reduced).contains("nothing to reduce"),
        "{}",
        text(&reduced)
    );
}

#[test]
fn a_program_without_end_is_told_and_ends_nothing() {
    let dir = scratch("endless");
    let file = dir.join("endless.ir");
    let source =
        "export func @f() {\nblock0:\n    jump block1\nblock1:\n    jump block1\n}\n; run: @f()\n";
    fs::write(&file, source).unwrap();
    let output = bakeoff(&[
        "difftest",
        file.to_str().unwrap(),
        "--backends",
        "interp,dynasm",
        "--patience",
        "1",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("does not come to an end"),
        "{}",
        text(&output)
    );
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let cases: [(&[&str], &str); 6] = [
        (&["difftest", "--shard", "2/2"], "is no shard"),
        (
            &["difftest", "--backends", "nonsense"],
            "there is no backend `nonsense`",
        ),
        (
            &["difftest", "--merge", "no-such-directory"],
            "holds no campaign",
        ),
        (&["difftest", "no-such-file.ir"], "no-such-file.ir"),
        (&["reduce", "no-such-file.ir"], "no-such-file.ir"),
        (
            &["difftest-worker", "--fault", "nonsense"],
            "there is no fault `nonsense`",
        ),
    ];
    for (arguments, expected) in cases {
        let output = bakeoff(arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains(expected),
            "{arguments:?}: {}",
            text(&output)
        );
    }
    if !cfg!(feature = "seeded-faults") {
        let output = bakeoff(&["difftest", "--kill-rate"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output).contains("this build has no faults in it"),
            "{}",
            text(&output)
        );
    }
}

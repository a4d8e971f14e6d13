//! The `report` command, from samples to files, and what it says of samples that are no good.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn bakeoff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bakeoff"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn measure(name: &str, more: &[&str]) -> PathBuf {
    let dir = scratch(name);
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench-suite/programs");
    let fib = format!("{programs}/fib.toml");
    let mut arguments = vec![
        "measure",
        "--backends=cranelift,stencil,stencil-frame",
        "--out",
        dir.to_str().unwrap(),
    ];
    if !more.iter().any(|argument| argument.starts_with("--suite")) {
        arguments.push(&fib);
    }
    arguments.extend(more);
    let output = bakeoff(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    dir
}

/// Sessions that tests read and do not change.
fn sessions() -> &'static [PathBuf; 2] {
    static SESSIONS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    let times = ["--processes=2", "--iterations=2"];
    SESSIONS.get_or_init(|| ["report-one", "report-two"].map(|name| measure(name, &times)))
}

fn copy(session: &Path, name: &str) -> PathBuf {
    let dir = scratch(name);
    fs::create_dir_all(&dir).unwrap();
    for file in ["session.json", "rows.jsonl"] {
        fs::copy(session.join(file), dir.join(file)).unwrap();
    }
    dir
}

/// What a report says that is refused.
fn refusal(dirs: &[&Path]) -> String {
    let mut arguments = vec!["report"];
    arguments.extend(dirs.iter().map(|dir| dir.to_str().unwrap()));
    let output = bakeoff(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    text(&output)
}

#[test]
fn a_session_becomes_a_page_figures_and_tables() {
    let [session, _] = sessions();
    let out = scratch("report-page");
    let readme = scratch("report-readme.md");
    fs::write(
        &readme,
        "# Mine\n<!-- table report-page/tables/main.md: begin -->\nold\n<!-- table report-page/tables/main.md: end -->\n",
    )
    .unwrap();
    let output = bakeoff(&[
        "report",
        session.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--write",
        readme.to_str().unwrap(),
    ]);
    // A debug build is no source of figures: the report is written, and says so.
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("INVALID"), "{}", text(&output));
    for file in [
        "index.html",
        "data.json",
        "figures/pareto.svg",
        "figures/pareto.pdf",
        "figures/pareto.pgf",
        "figures/phases.svg",
        "figures/ablations.svg",
        "tables/main.csv",
        "tables/main.tex",
        "tables/break-even.md",
    ] {
        let size = fs::metadata(out.join(file)).map_or(0, |data| data.len());
        assert!(size > 100, "{file} has {size} bytes");
    }
    let readme = fs::read_to_string(readme).unwrap();
    assert!(
        readme.starts_with("# Mine\n") && !readme.contains("old"),
        "{readme}"
    );
    assert!(readme.contains("| stencil "), "{readme}");
}

#[test]
fn two_looks_at_the_same_are_compared() {
    let [old, new] = sessions();
    let out = scratch("report-compared");
    let output = bakeoff(&[
        "report",
        old.to_str().unwrap(),
        new.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(output.status.code() < Some(2), "{}", text(&output));
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("Two sessions compared"));
    let table = fs::read_to_string(out.join("tables/changes.csv")).unwrap();
    assert!(table.contains("stencil-frame"), "{table}");
}

#[test]
fn counts_and_growth_stand_beside_times() {
    let [times, _] = sessions();
    let counts = measure("report-counts", &["--counts"]);
    let growth = measure(
        "report-growth",
        &["--suite=scaling", "--processes=1", "--iterations=1"],
    );
    let out = scratch("report-all");
    let output = bakeoff(&[
        "report",
        times.to_str().unwrap(),
        counts.to_str().unwrap(),
        growth.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(out.join("figures/scaling.svg").exists());
    let scaling = fs::read_to_string(out.join("tables/scaling.csv")).unwrap();
    assert!(scaling.contains("block parameters"), "{scaling}");
    assert!(out.join("figures/counts-means.svg").exists() || !has_valgrind());
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok()
}

#[test]
fn samples_that_are_no_good_are_refused_with_their_place() {
    let [session, _] = sessions();
    let nothing = scratch("report-nothing");
    fs::create_dir_all(&nothing).unwrap();
    assert!(refusal(&[&nothing]).contains("is no session"));

    let broken = copy(session, "report-broken");
    let rows = broken.join("rows.jsonl");
    let text = fs::read_to_string(&rows).unwrap();
    fs::write(
        &rows,
        text.replacen("\"run_ns\":", "\"run_ns\":NaN, \"x\":", 1),
    )
    .unwrap();
    assert!(refusal(&[&broken]).contains("rows.jsonl:"));
    fs::write(&rows, "").unwrap();
    assert!(refusal(&[&broken]).contains("nothing to show"));

    // Rows of one machine under the head of another.
    let mixed = copy(session, "report-mixed");
    let head = fs::read_to_string(mixed.join("session.json")).unwrap();
    fs::write(
        mixed.join("session.json"),
        head.replace("\"cpus\": ", "\"cpus\": 9"),
    )
    .unwrap();
    assert!(refusal(&[&mixed]).contains("another machine"));
}

#[test]
fn criterion_is_read_as_it_is() {
    let dir = scratch("report-criterion");
    for (competitor, compile_ns, run_ns) in [("cranelift", 400.0, 90.0), ("stencil", 20.0, 80.0)] {
        for (kind, time) in [("compile", compile_ns), ("run", run_ns)] {
            let at = dir.join(format!("{kind}_fib/{competitor}/new"));
            fs::create_dir_all(&at).unwrap();
            let benchmark = format!(
                "{{\"group_id\":\"{kind}/fib\",\"function_id\":null,\"value_str\":\"{competitor}\"}}"
            );
            fs::write(at.join("benchmark.json"), benchmark).unwrap();
            let times: Vec<f64> = (0..10).map(|i| 10.0 * time + f64::from(i)).collect();
            let samples = format!("{{\"iters\":{:?},\"times\":{times:?}}}", [10.0; 10]);
            fs::write(at.join("sample.json"), samples).unwrap();
        }
    }
    let out = scratch("report-of-criterion");
    let output = bakeoff(&[
        "report",
        dir.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(output.status.code() < Some(2), "{}", text(&output));
    assert!(out.join("figures/pareto.svg").exists(), "{}", text(&output));
    let main = fs::read_to_string(out.join("tables/main.csv")).unwrap();
    let stencil = main.lines().find(|line| line.starts_with("stencil"));
    assert!(stencil.unwrap().contains("0.05"), "{main}");
}

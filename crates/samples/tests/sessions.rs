//! Sessions on disk: what is written is read back, and what is damaged is told and never made figures of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bakeoff_samples::{
    Begin, Build, Competitor, End, Event, Failure, Fingerprint, Head, Kind, Machine, Notice,
    Program, ReadError, Row, Sample, Session, Settings, Status, Writer, is_criterion, pack,
    read_criterion,
};

/// An empty place for a session.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn fingerprint() -> Fingerprint {
    Fingerprint {
        machine: Machine {
            cpu: "a processor".to_string(),
            cpus: 2,
            memory_mib: 1024,
            kernel: "Linux 6.1".to_string(),
            governor: None,
            virtualised: None,
        },
        build: Build {
            rustc: "rustc 1.95.0".to_string(),
            profile: "release".to_string(),
            revision: "abc".to_string(),
            dirty: Some(false),
            crates: BTreeMap::new(),
            executable: "e".to_string(),
        },
    }
}

fn head(kind: Kind) -> Head {
    let program = |name: &str| Program {
        name: name.to_string(),
        suite: "test".to_string(),
        module_insts: 9,
        scale: None,
    };
    let competitor = |name: &str| Competitor {
        name: name.to_string(),
        about: String::new(),
        ablation_of: None,
        control_of: None,
        own: false,
    };
    Head {
        format: Head::FORMAT,
        kind,
        command: "bakeoff measure".to_string(),
        began: "2026-01-31T12:00:00Z".to_string(),
        settings: Settings {
            size: "quick".to_string(),
            processes: 2,
            iterations: Some(2),
            budget_s: None,
            width: Some(0.01),
            seed: 1,
            cpu: "host".to_string(),
            bounds_checks: "guard".to_string(),
        },
        programs: ["p", "q"].map(program).to_vec(),
        competitors: ["a", "b"].map(competitor).to_vec(),
        baseline: "a".to_string(),
        fingerprint: fingerprint(),
    }
}

fn begin(process: u32) -> Row {
    Row::Begin(Begin {
        process,
        seed: 1,
        at_ms: 5,
        fingerprint: fingerprint().id(),
    })
}

fn end(process: u32) -> Row {
    Row::End(End {
        process,
        took_ms: 9,
        others: Some(0.25),
        stolen: None,
    })
}

fn sample(process: u32, iteration: u32, competitor: &str, values: &[(Event, u64)]) -> Row {
    Row::Sample(Sample {
        process,
        iteration,
        position: 0,
        at_ms: 1,
        program: "p".to_string(),
        competitor: competitor.to_string(),
        values: values.iter().copied().collect(),
    })
}

/// A process with a cold iteration and two others; run times are 100 * process + iteration + 1.
fn process(number: u32) -> Vec<Row> {
    let mut rows = vec![begin(number)];
    for iteration in 0..3 {
        let run = u64::from(100 * number + iteration + 1);
        let mut values = vec![(Event::Run, run)];
        if iteration == 0 {
            values.push((Event::CodeBytes, 64));
        }
        rows.push(sample(number, iteration, "a", &values));
    }
    rows.push(end(number));
    rows
}

fn write(dir: &Path, rows: impl IntoIterator<Item = Row>) {
    let mut writer = Writer::create(dir, &head(Kind::Times)).unwrap();
    rows.into_iter().for_each(|row| writer.row(&row).unwrap());
}

fn malformed(session: Result<Session, ReadError>) -> (usize, String) {
    match session {
        Err(ReadError::Malformed { line, message, .. }) => (line, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_read_back() {
    let dir = scratch("whole");
    write(&dir, (0..2).flat_map(process));
    let session = Session::open(&dir).unwrap();
    assert_eq!(session.head, head(Kind::Times));
    assert_eq!(session.notices, []);
    assert_eq!(
        session.series(Event::Run, "p", "a"),
        Some(vec![vec![2.0, 3.0], vec![102.0, 103.0]]),
        "without the cold iteration"
    );
    assert_eq!(session.fact(Event::CodeBytes, "p", "a"), Some(64));
    assert_eq!(session.series(Event::Run, "p", "b"), None);
    assert_eq!(session.series(Event::Compile, "p", "a"), None);
    assert_eq!(session.sample_count(), 6);

    pack(&dir).unwrap();
    assert!(!dir.join("rows.jsonl").exists());
    assert_eq!(Session::open(&dir).unwrap(), session);
    // Whoever goes on with it finds the rows.
    Writer::append(&dir).unwrap();
    assert!(dir.join("rows.jsonl").exists() && !dir.join("rows.jsonl.gz").exists());
    assert_eq!(Session::open(&dir).unwrap(), session);
    // A session is not begun where one is.
    assert!(Writer::create(&dir, &head(Kind::Times)).is_err());
}

#[test]
fn what_a_killed_process_left_is_told_and_left_out_and_can_be_gone_on_with() {
    let dir = scratch("killed");
    let mut rows = process(0);
    rows.extend(process(1).into_iter().take(3));
    write(&dir, rows);
    let path = dir.join("rows.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"sample\":{\"process\":1,\"iter");
    fs::write(&path, text).unwrap();

    let session = Session::open(&dir).unwrap();
    assert_eq!(session.processes.len(), 1);
    let (process_1, samples) = (1, 2);
    let cut_off = Notice::CutOff {
        process: process_1,
        samples,
    };
    assert_eq!(
        session.notices,
        [cut_off.clone(), Notice::Truncated { line: 9 }]
    );

    let mut writer = Writer::append(&dir).unwrap();
    process(1).iter().for_each(|row| writer.row(row).unwrap());
    let session = Session::open(&dir).unwrap();
    assert_eq!(session.processes.len(), 2);
    assert_eq!(session.notices, [cut_off]);
}

#[test]
fn nothing_measured_is_an_error() {
    let dir = scratch("nothing");
    assert!(matches!(
        Session::open(&dir),
        Err(ReadError::NotASession { .. })
    ));
    write(&dir, process(0).into_iter().take(2));
    assert!(matches!(Session::open(&dir), Err(ReadError::Empty { .. })));
    fs::remove_file(dir.join("rows.jsonl")).unwrap();
    assert!(matches!(Session::open(&dir), Err(ReadError::Empty { .. })));
}

#[test]
fn another_machine_or_build_in_the_middle_is_an_error() {
    let dir = scratch("mixed");
    let other = Row::Begin(Begin {
        process: 1,
        seed: 1,
        at_ms: 5,
        fingerprint: "0123456789abcdef".to_string(),
    });
    write(&dir, process(0).into_iter().chain([other]));
    assert!(matches!(
        Session::open(&dir),
        Err(ReadError::Mixed { process: 1, .. })
    ));
    let mut faster = fingerprint();
    faster.machine.cpu.push('!');
    assert_ne!(faster.id(), fingerprint().id());
}

#[test]
fn damage_names_its_line() {
    let open = |name: &str, rows: Vec<Row>| {
        let rows = Session::from_rows(Path::new(name), &head(Kind::Times), rows);
        malformed(rows)
    };
    let values = [(Event::Run, 1)];
    let (line, message) = open("stranger", vec![begin(0), sample(0, 0, "c", &values)]);
    assert_eq!((line, message.contains("`c`")), (2, true), "{message}");
    let (line, _) = open("outside", vec![sample(0, 0, "a", &values)]);
    assert_eq!(line, 1);
    let (line, _) = open("end", vec![begin(0), end(1)]);
    assert_eq!(line, 2);

    for (bad, what) in [
        ("nonsense\n", "expected"),
        (
            "{\"sample\":{\"process\":0,\"iteration\":0,\"position\":0,\"at_ms\":1,\"program\":\"p\",\
          \"competitor\":\"a\",\"values\":{\"run_ns\":NaN}}}\n",
            "expected",
        ),
        (
            "{\"sample\":{\"process\":0,\"iteration\":0,\"position\":0,\"at_ms\":1,\"program\":\"p\",\
          \"competitor\":\"a\",\"values\":{\"run_ns\":-4}}}\n",
            "-4",
        ),
        (
            "{\"sample\":{\"process\":0,\"iteration\":0,\"position\":0,\"at_ms\":1,\"program\":\"p\",\
          \"competitor\":\"a\",\"values\":{\"walk_ns\":4}}}\n",
            "walk_ns",
        ),
    ] {
        let dir = scratch("damaged");
        write(&dir, [begin(0)]);
        let path = dir.join("rows.jsonl");
        let text = fs::read_to_string(&path).unwrap() + bad;
        fs::write(&path, text).unwrap();
        let (line, message) = malformed(Session::open(&dir));
        assert_eq!(line, 2, "{bad}");
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn heads_of_other_formats_and_damaged_ones_are_errors() {
    let dir = scratch("head");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("session.json"), "{\"format\": 99}").unwrap();
    assert!(matches!(
        Session::open(&dir),
        Err(ReadError::Format { found: 99, .. })
    ));
    fs::write(dir.join("session.json"), "{\"format\": 1,\n \"kind\"").unwrap();
    assert_eq!(malformed(Session::open(&dir)).0, 2);
}

#[test]
fn failures_zero_times_and_what_varies_give_no_figures() {
    let open =
        |rows: Vec<Row>| Session::from_rows(Path::new("memory"), &head(Kind::Times), rows).unwrap();
    let mut rows = process(0);
    rows.insert(
        3,
        sample(0, 3, "a", &[(Event::Run, 0), (Event::CodeBytes, 65)]),
    );
    let session = open(rows);
    assert_eq!(session.series(Event::Run, "p", "a"), None);
    assert_eq!(session.fact(Event::CodeBytes, "p", "a"), None);
    assert_eq!(session.notices.len(), 2, "{:?}", session.notices);

    let mut rows = process(0);
    let failure = Failure {
        process: 0,
        program: "p".to_string(),
        competitor: "a".to_string(),
        status: Status::Wrong,
        reason: "gave 4".to_string(),
    };
    rows.insert(1, Row::Failure(failure.clone()));
    let session = open(rows);
    assert_eq!(session.failure("p", "a"), Some(&failure));
    assert_eq!(session.series(Event::Run, "p", "a"), None);
    assert_eq!(session.fact(Event::CodeBytes, "p", "a"), None);

    // A process in which a competitor is missing: no figure of the others either.
    let mut rows = process(0);
    rows.extend([begin(1), sample(1, 1, "b", &[(Event::Run, 5)]), end(1)]);
    let session = open(rows);
    assert_eq!(session.series(Event::Run, "p", "a"), None);
}

#[test]
fn counts_need_no_second_iteration() {
    let rows = [begin(0), sample(0, 0, "a", &[(Event::RunInsts, 0)]), end(0)];
    let session = Session::from_rows(Path::new("counts"), &head(Kind::Counts), rows.into());
    let series = session.unwrap().series(Event::RunInsts, "p", "a");
    assert_eq!(series, Some(vec![vec![0.0]]), "zero is a number of things");
}

#[test]
fn events_have_one_name_each() {
    for event in Event::ALL {
        assert_eq!(event.name().parse(), Ok(*event));
        assert_eq!(event.is_time(), event.name().ends_with("_ns"));
        let same = |e: &&Event| e.name() == event.name();
        assert_eq!(Event::ALL.iter().filter(same).count(), 1);
    }
    assert!("walk_ns".parse::<Event>().is_err());
}

/// Criterion's files of one benchmark.
fn benchmark(dir: &Path, kind: &str, name: &str, samples: &str) {
    let at = dir.join(format!("{kind}_p/{name}/new"));
    fs::create_dir_all(&at).unwrap();
    let description = format!(
        "{{\"group_id\":\"{kind}/p\",\"function_id\":null,\"value_str\":\"{name}\",\"title\":\"t\"}}"
    );
    fs::write(at.join("benchmark.json"), description).unwrap();
    fs::write(at.join("sample.json"), samples).unwrap();
}

#[test]
fn samples_of_criterion_are_a_session() {
    let dir = scratch("criterion");
    fs::create_dir_all(dir.join("report")).unwrap();
    assert!(!is_criterion(&dir));
    let two = "{\"sampling_mode\":\"Flat\",\"iters\":[10.0,10.0],\"times\":[405.0,500.0]}";
    benchmark(&dir, "compile", "a", two);
    benchmark(&dir, "run", "a", "{\"iters\":[1.0],\"times\":[7.0]}");
    benchmark(&dir, "verify", "a", two);
    benchmark(&dir, "compile", "stranger", two);
    assert!(is_criterion(&dir));
    let session = read_criterion(&dir, &head(Kind::Times)).unwrap();
    let names: Vec<&str> = session
        .head
        .competitors
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!((names, session.head.programs.len()), (vec!["a"], 1));
    let again = session.series(Event::CompileAgain, "p", "a");
    assert_eq!(again, Some(vec![vec![41.0, 50.0]]));
    // Fewer samples of one event than of the other.
    assert_eq!(session.series(Event::Run, "p", "a"), Some(vec![vec![7.0]]));

    for bad in [
        "{\"iters\":[0.0],\"times\":[7.0]}",
        "{\"iters\":[1.0],\"times\":[]}",
        "{\"iters\":[1.0],\"times\":[-1.0]}",
        "{\"iters\":[1.0]",
    ] {
        benchmark(&dir, "run", "a", bad);
        malformed(read_criterion(&dir, &head(Kind::Times)));
    }
    fs::remove_dir_all(dir.join("compile_p")).unwrap();
    fs::remove_dir_all(dir.join("run_p")).unwrap();
    assert!(matches!(
        read_criterion(&dir, &head(Kind::Times)),
        Err(ReadError::Empty { .. })
    ));
}

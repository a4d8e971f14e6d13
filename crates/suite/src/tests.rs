//! Entries good and bad, and rounds on a guest that is made of closures.

use std::collections::BTreeMap;
use std::path::Path;

use bakeoff_ir::{Scalar, Type};

use crate::{Guest, Position, Problem, Program, RunError, Signature, Size, SuiteError, load_dir};

const GOOD: &str = r#"
about = "adds"
suite = "test"
module = "m/add.wasm"
[quick]
n = 3
answer = 45
[full]
n = 0x10
answer = "58"
[[before]]
call = "setup"
args = ["$n"]
bind = "data"
[[before]]
write = "$data"
text = "abc"
[[before]]
write = 8
memory = "memory"
hex = "00 FFff"
[time]
call = "run"
args = ["$data", 2.0]
expect = "$answer"
[[check]]
call = "same"
args = ["$data"]
expect = ["$data", "nan"]
[[check]]
read = 9
hex = "ffff"
"#;

type Function = fn(&mut Vec<u8>, &[Scalar]) -> Result<Vec<Scalar>, String>;

struct Fake {
    memory: Vec<u8>,
    functions: BTreeMap<&'static str, (Vec<Type>, Vec<Type>, Function)>,
}

impl Fake {
    fn new() -> Fake {
        use Type::{F32, F64, I32, I64};
        let mut functions: BTreeMap<_, (_, _, Function)> = BTreeMap::new();
        // The buffer lies at 40 and its length is remembered nowhere: `run` adds up what it is told.
        functions.insert(
            "setup",
            (vec![I32], vec![I32], |_, args| {
                Ok(vec![Scalar::i32(40 + args[0].signed() as i32)])
            }),
        );
        functions.insert(
            "run",
            (vec![I32, F64], vec![I64], |_, args| {
                let add = args[1].as_float().unwrap_or(0.0) as i64;
                Ok(vec![Scalar::i64(args[0].signed() + add)])
            }),
        );
        functions.insert(
            "same",
            (vec![I32], vec![I32, F32], |_, args| {
                let payload = Scalar::new(F32, 0xffc0_1234);
                Ok(vec![args[0], payload])
            }),
        );
        functions.insert("trap", (vec![], vec![], |_, _| Err("trapped".to_string())));
        functions.insert("short", (vec![], vec![I32], |_, _| Ok(vec![])));
        functions.insert(
            "scribble",
            (vec![], vec![], |memory, _| {
                memory[9] = 7;
                Ok(vec![])
            }),
        );
        Fake {
            memory: vec![0; 64],
            functions,
        }
    }
}

impl Guest for Fake {
    type Error = String;

    fn signature(&self, export: &str) -> Option<Signature> {
        let (params, results, _) = self.functions.get(export)?;
        Some((params.clone(), results.clone()))
    }

    fn exports(&self) -> Vec<String> {
        self.functions.keys().map(|name| name.to_string()).collect()
    }

    fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, String> {
        let function = self.functions.get(export).ok_or("no such function")?.2;
        function(&mut self.memory, args)
    }

    fn read(&self, memory: &str, at: u64, len: usize) -> Option<Vec<u8>> {
        let at = usize::try_from(at).ok().filter(|_| memory == "memory")?;
        Some(self.memory.get(at..at.checked_add(len)?)?.to_vec())
    }

    fn write(&mut self, memory: &str, at: u64, bytes: &[u8]) -> Option<()> {
        let at = usize::try_from(at).ok().filter(|_| memory == "memory")?;
        let range = at..at.checked_add(bytes.len())?;
        self.memory.get_mut(range)?.copy_from_slice(bytes);
        Some(())
    }
}

fn parse(text: &str) -> Result<Program, SuiteError> {
    Program::parse("dir/add.toml", text)
}

fn round(text: &str, size: Size) -> Result<(), RunError<String>> {
    let program = parse(text).expect("the entry is well-formed");
    let mut guest = Fake::new();
    let prepared = program.prepare(size, &mut guest)?;
    let timed = prepared.time(&mut guest)?;
    prepared.check(&mut guest, &timed.results)
}

/// `GOOD` with one piece replaced; the piece must be there.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

fn problem(text: &str) -> (Option<Position>, Problem) {
    match parse(text) {
        Ok(program) => panic!("accepted: {program:?}"),
        Err(error) => (error.at, error.problem),
    }
}

#[test]
fn a_good_entry_runs_in_both_sizes() {
    let program = parse(GOOD).expect("the entry is well-formed");
    assert_eq!(program.name, "add");
    assert_eq!(program.module, Path::new("dir/m/add.wasm"));
    assert_eq!(program.parameter(Size::Full, "n"), Some("16"));
    for size in Size::ALL {
        round(GOOD, size).expect("the answers are right");
    }
}

#[test]
fn steps_before_reach_memory() {
    let program = parse(GOOD).expect("the entry is well-formed");
    let mut guest = Fake::new();
    program
        .prepare(Size::Quick, &mut guest)
        .expect("the exports fit");
    assert_eq!(&guest.memory[43..46], b"abc");
    assert_eq!(&guest.memory[8..11], [0, 0xff, 0xff]);
}

#[test]
fn wrong_answers_carry_both_sides() {
    let wrong = round(&with("answer = 45", "answer = 46"), Size::Quick);
    let text = wrong.expect_err("46 is wrong").to_string();
    assert_eq!(
        text,
        "wrong answer from `run`: expected (46:i64), got (45:i64)"
    );
    let wrong = round(&with("\"nan\"", "1.5"), Size::Quick);
    assert!(matches!(wrong, Err(RunError::WrongAnswer { .. })));
    let wrong = round(&with("hex = \"ffff\"", "hex = \"ffef\""), Size::Quick);
    let text = wrong.expect_err("the byte is wrong").to_string();
    assert!(text.contains("expected 2 bytes: ff ef, got 2 bytes: ff ff"));
    let scribbled = with(
        "[[check]]\nread",
        "[[check]]\ncall = \"scribble\"\n[[check]]\nread",
    );
    assert!(matches!(
        round(&scribbled, Size::Quick),
        Err(RunError::WrongAnswer { .. })
    ));
}

#[test]
fn misfits_with_the_module_are_errors() {
    let fails = |text: &str| round(text, Size::Quick).expect_err("must not run");
    let error = fails(&with("call = \"same\"", "call = \"sane\""));
    assert!(error.to_string().contains("`sane`; there are: run, same"));
    let error = fails(&with("args = [\"$n\"]", "args = [\"$n\", 1]"));
    assert!(matches!(error, RunError::Count { given: 2, .. }));
    let error = fails(&with("[\"$data\", \"nan\"]", "\"$data\""));
    assert!(matches!(error, RunError::Count { what: "result", .. }));
    let error = fails(&with("[\"$data\", 2.0]", "[2.5, 2]"));
    assert!(matches!(error, RunError::Value { .. }), "{error}");
    let error = fails(&with("[\"$data\", 2.0]", "[1, \"$data\"]"));
    assert!(matches!(error, RunError::Type { .. }), "{error}");
    let error = fails(&with("write = 8", "write = 62"));
    assert!(matches!(error, RunError::Memory { len: 3, .. }), "{error}");
    let error = fails(&with("write = 8", "write = -1"));
    assert!(matches!(error, RunError::Memory { .. }), "{error}");
    let error = fails(&with("memory = \"memory\"", "memory = \"other\""));
    assert!(matches!(error, RunError::Memory { .. }), "{error}");
    let error = fails(&with("[time]", "[[before]]\ncall = \"trap\"\n[time]"));
    assert_eq!(error.to_string(), "`trap` failed: trapped");
    let short = "[[before]]\ncall = \"short\"\nbind = \"s\"\n[[before]]\nwrite = \"$s\"\n\
                 text = \"\"\n[time]";
    let error = fails(&with("[time]", short));
    assert!(matches!(error, RunError::Unbound(_)), "{error}");
}

#[test]
fn malformed_entries_say_where() {
    let (at, what) = problem(&with("[\"$data\", 2.0]", "[1, \"$date\"]"));
    assert!(matches!(what, Problem::Undefined(name) if name == "date"));
    let expected = Position {
        line: 24,
        column: 12,
    };
    assert_eq!(at, Some(expected));
    let (at, what) = problem(&with("text = \"abc\"", "texd = \"abc\""));
    assert!(
        matches!(&what, Problem::Toml(m) if m.contains("texd")),
        "{what}"
    );
    assert_eq!(at.map(|at| at.line), Some(17));
    let (at, what) = problem(&with("answer = \"58\"", ""));
    assert!(
        matches!(what, Problem::OneSize { name, missing: "full", .. } if name == "answer"),
        "{at:?}"
    );
    let (_, what) = problem(&with("answer = \"58\"", "answer = \"$n\""));
    assert!(matches!(what, Problem::NotAValue(_)));
    let (_, what) = problem(&with("bind = \"data\"", "bind = \"n\""));
    assert!(matches!(what, Problem::Redefined(_)));
    let (_, what) = problem(&with("bind = \"data\"", "bind = [\"data\", \"2x\"]"));
    assert!(matches!(what, Problem::Name(_)));
    let (_, what) = problem(&with("\nexpect = \"$answer\"", ""));
    assert!(matches!(what, Problem::Unused(name) if name == "answer"));
}

#[test]
fn steps_of_no_kind_are_refused() {
    let (_, what) = problem(&with("call = \"run\"", "read = 1"));
    assert!(matches!(what, Problem::StepKind { .. }), "{what}");
    let (_, what) = problem(&with("write = 8", "write = 8\ncall = \"setup\""));
    assert!(matches!(what, Problem::StepKind { .. }), "{what}");
    let (_, what) = problem(&with("read = 9", "write = 9"));
    assert!(matches!(what, Problem::StepKind { .. }), "{what}");
    let (_, what) = problem(&with("text = \"abc\"", "text = \"abc\"\nhex = \"\""));
    assert!(matches!(what, Problem::Bytes("write")), "{what}");
    let (_, what) = problem(&with("text = \"abc\"", "bind = \"x\"\ntext = \"\""));
    assert!(
        matches!(what, Problem::StrayKey { key: "bind", .. }),
        "{what}"
    );
    let (_, what) = problem(&with("\nbind = \"data\"", "\nfile = \"x\""));
    assert!(
        matches!(what, Problem::StrayKey { key: "file", .. }),
        "{what}"
    );
    for hex in ["0", "0 0", "zz", "é1", "-1"] {
        let (_, what) = problem(&with("\"ffff\"", &format!("{hex:?}")));
        assert!(matches!(what, Problem::Hex), "{hex}: {what}");
    }
    let (_, what) = problem(&with("hex = \"ffff\"", "text = \"\""));
    assert!(matches!(what, Problem::Empty("read")), "{what}");
    let (_, what) = problem(&with("[\"$data\", \"nan\"]", "[]"));
    assert!(matches!(what, Problem::Empty("expect")), "{what}");
    let (_, what) = problem(&with("text = \"abc\"", "file = \"$data\""));
    assert!(matches!(what, Problem::NotAParameter(_)), "{what}");
    let (_, what) = problem(&with("add.wasm", "add.wat"));
    assert!(matches!(what, Problem::ModuleKind(_)), "{what}");
    let (_, what) = problem(&with("about = \"adds\"", "about = \" \""));
    assert!(matches!(what, Problem::Empty("about")), "{what}");
}

#[test]
fn bytes_may_be_a_parameter() {
    let entry = with("hex = \"ffff\"", "hex = \"$bytes\"");
    let entry = entry.replace("answer = 45", "answer = 45\nbytes = \"ff ff\"");
    let same = entry.replace("[full]", "[full]\nbytes = \"fffe\"");
    round(&same, Size::Quick).expect("the bytes are there");
    let wrong = round(&same, Size::Full).expect_err("the last byte is another");
    assert!(matches!(wrong, RunError::WrongAnswer { .. }), "{wrong}");
    let (at, what) = problem(&entry.replace("[full]", "[full]\nbytes = 17.5"));
    assert!(matches!(what, Problem::Hex), "{what}");
    assert_eq!(at.map(|at| at.line), Some(10));
    let (_, what) = problem(&with("hex = \"ffff\"", "hex = \"$data\""));
    assert!(matches!(what, Problem::NotAParameter(_)), "{what}");
}

#[test]
fn an_entry_without_an_answer_is_refused() {
    let text = "about = \"a\"\nsuite = \"s\"\nmodule = \"m.ir\"\n[quick]\n[full]\n\
                [[before]]\ncall = \"x\"\nexpect = 1\n[time]\ncall = \"run\"\n";
    let (at, what) = problem(text);
    assert!(matches!(what, Problem::NoAnswer));
    assert!(at.is_some());
    parse(&format!("{text}expect = [1, -2.5]\n")).expect("now it has one");
    parse(&format!("{text}expect = 0xffff_ffff_ffff_ffff\n")).expect("one is no list");
}

#[test]
fn toml_numbers_keep_their_value() {
    for (toml, ty, value) in [
        ("-0.0", Type::F64, Scalar::f64(-0.0)),
        ("1e300", Type::F64, Scalar::f64(1e300)),
        ("0.1", Type::F32, Scalar::f32(0.1)),
        ("-inf", Type::F64, Scalar::f64(f64::NEG_INFINITY)),
        ("nan", Type::F64, Scalar::f64(f64::NAN)),
        ("-9223372036854775808", Type::I64, Scalar::i64(i64::MIN)),
        ("0xffffffffffffffff", Type::I64, Scalar::i64(-1)),
        ("\"0xffffffffffffffff\"", Type::I64, Scalar::i64(-1)),
    ] {
        let program = parse(&with("n = 3", &format!("n = {toml}"))).expect("a value");
        let text = program.parameter(Size::Quick, "n").expect("a parameter");
        let read = Scalar::parse(ty, text).expect("it reads back");
        assert!(value.agrees(read), "{toml}: {read:?}");
    }
    let (_, what) = problem(&with("n = 3", "n = 0x1ffffffffffffffff"));
    assert!(matches!(what, Problem::Toml(_)), "{what}");
    let (_, what) = problem(&with("n = 3", "n = true"));
    assert!(matches!(what, Problem::Toml(_)), "{what}");
}

#[test]
fn no_text_makes_the_parser_panic() {
    // Every prefix, and every line left out or repeated: errors or programs, never a panic.
    for (at, _) in GOOD.char_indices() {
        let _ = parse(&GOOD[..at]);
    }
    let lines: Vec<&str> = GOOD.lines().collect();
    for skipped in 0..lines.len() {
        let mut fewer = lines.clone();
        let line = fewer.remove(skipped);
        let _ = parse(&fewer.join("\n"));
        fewer.insert(skipped, line);
        fewer.insert(skipped, line);
        let _ = parse(&fewer.join("\n"));
    }
    // Single bytes replaced by characters that mean something to TOML or to us.
    for (at, old) in GOOD.char_indices() {
        for new in ["\"", "$", "[", "]", "=", "\n", "é", "\u{0}", "'", "#"] {
            let text = [&GOOD[..at], new, &GOOD[at + old.len_utf8()..]].concat();
            let _ = parse(&text);
        }
    }
}

#[test]
fn places_count_characters() {
    let text = "é = 1\nü = [\n";
    assert_eq!(Position::of(text, 3), Position { line: 1, column: 3 });
    assert_eq!(
        Position::of(text, text.len() + 9),
        Position { line: 3, column: 1 }
    );
}

#[test]
fn files_are_looked_for_on_loading() {
    let dir = std::env::temp_dir().join(format!("bakeoff-suite-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("m")).expect("a directory for the test");
    let entry = dir.join("add.toml");
    std::fs::write(&entry, GOOD).expect("an entry");
    std::fs::write(dir.join("other.txt"), "not an entry").expect("a file");
    let error = Program::load(&entry).expect_err("the module is missing");
    assert!(error.to_string().contains("there is no file"), "{error}");
    std::fs::write(dir.join("m/add.wasm"), "").expect("a module");
    let all = load_dir(&dir).expect("one good entry");
    assert_eq!(all.len(), 1);
    std::fs::write(&entry, with("text = \"abc\"", "file = \"in.txt\"")).expect("an entry");
    assert!(matches!(
        Program::load(&entry)
            .expect_err("the input is missing")
            .problem,
        Problem::MissingFile(_)
    ));
    std::fs::remove_dir_all(&dir).expect("the directory was ours");
    let error = load_dir(&dir).expect_err("the directory is gone");
    assert!(matches!(error.problem, Problem::Unreadable(_)));
}

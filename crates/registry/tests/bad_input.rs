//! Broken input is an error, never a panic or a hang: every text of tests/ir and every benchmark, cut
//! off and damaged. What loads and verifies in spite of the damage compiles, too. It is not run, since
//! it may run for ever.
//!
//! `BAD_INPUT_SEED` and `BAD_INPUT_ROUNDS` choose other damage, and more.

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bakeoff_backend::{BoundsChecks, CompileError, NoPhases, Options, Target};
use bakeoff_ir::text::parse_module;
use bakeoff_ir::{Module, verify_module};
use bakeoff_suite::Program;

/// How long one input may take, with all backends, on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap(),
        Err(_) => default,
    }
}

/// Numbers that only look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What was done to which file, for the message.
#[derive(Clone)]
struct Origin {
    file: PathBuf,
    damage: String,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.file.display(), self.damage)
    }
}

/// What became of the inputs.
#[derive(Default, Debug)]
struct Counts {
    rejected: u32,
    accepted: u32,
}

/// Ends the process if an input takes too long: a hang is otherwise a test without a message.
struct Watchdog(Arc<Mutex<Option<(Origin, Instant)>>>);

impl Watchdog {
    fn start() -> Watchdog {
        let current: Arc<Mutex<Option<(Origin, Instant)>>> = Arc::default();
        let watched = Arc::downgrade(&current);
        std::thread::spawn(move || {
            while let Some(current) = watched.upgrade() {
                if let Some((origin, since)) = &*current.lock().unwrap()
                    && since.elapsed() > LIMIT
                {
                    eprintln!("no end after {LIMIT:?}: {origin}");
                    std::process::abort();
                }
                drop(current);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Watchdog(current)
    }

    /// Runs `act` on a damaged input; true means accepted.
    fn run(&self, counts: &mut Counts, origin: Origin, act: impl FnOnce() -> bool) {
        *self.0.lock().unwrap() = Some((origin.clone(), Instant::now()));
        match catch_unwind(AssertUnwindSafe(act)) {
            Ok(true) => counts.accepted += 1,
            Ok(false) => counts.rejected += 1,
            Err(_) => panic!("a panic on {origin}"),
        }
        *self.0.lock().unwrap() = None;
    }
}

fn corpus(dir: &str, extension: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(dir);
    let paths = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    paths.sort();
    assert!(paths.len() > 10, "{}: {} files", dir.display(), paths.len());
    let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
    paths.into_iter().map(read).collect()
}

/// Flips bits.
fn flip(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
}

/// Replaces words by words of the same sort, so that more of what comes out is still a module.
fn replace_words(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const NUMBERS: [&str; 10] = [
        "0",
        "1",
        "-1",
        "7",
        "255",
        "65536",
        "2147483648",
        "4294967295",
        "-9223372036854775808",
        "18446744073709551615",
    ];
    const TYPES: [&str; 6] = ["i8", "i16", "i32", "i64", "f32", "f64"];
    let text = String::from_utf8_lossy(bytes);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut words: Vec<&str> = text.split_inclusive(|c| !is_word(c)).collect();
    for _ in 0..=random.below(3) {
        let at = random.below(words.len());
        let body = words[at].trim_end_matches(|c| !is_word(c));
        let same_sort = match body {
            _ if TYPES.contains(&body) => *random.pick(&TYPES),
            _ if body.parse::<i128>().is_ok() => *random.pick(&NUMBERS),
            // An op, a value, a block: whatever else stands in the file.
            _ => {
                let other = *random.pick(&words);
                other.trim_end_matches(|c| !is_word(c))
            }
        };
        let end = &words[at][body.len()..];
        words[at] = Box::leak(format!("{same_sort}{end}").into_boxed_str());
    }
    words.concat().into_bytes()
}

/// Feeds every file, cut off and damaged, to `act`.
fn damage(
    files: &[(PathBuf, Vec<u8>)],
    rounds: u64,
    is_text: bool,
    act: impl Fn(&Path, &[u8]) -> bool,
) {
    const PREFIXES: usize = 40;
    let (seed, rounds) = (
        setting("BAD_INPUT_SEED", 1),
        setting("BAD_INPUT_ROUNDS", rounds),
    );
    println!("BAD_INPUT_SEED={seed} BAD_INPUT_ROUNDS={rounds}");
    let watchdog = Watchdog::start();
    let (mut prefixes, mut damaged) = (Counts::default(), Counts::default());
    for (path, bytes) in files {
        let origin = |damage: String| Origin {
            file: path.clone(),
            damage,
        };
        for len in (0..bytes.len()).step_by(bytes.len() / PREFIXES + 1) {
            let origin = origin(format!("the first {len} bytes"));
            watchdog.run(&mut prefixes, origin, || act(path, &bytes[..len]));
        }
        for round in 0..rounds {
            let mut random = Random(seed << 32 | round);
            let mut mutant = bytes.clone();
            match is_text && round % 2 == 0 {
                true => mutant = replace_words(bytes, &mut random),
                false => flip(&mut mutant, &mut random),
            }
            let origin = origin(format!("seed {seed}, round {round}"));
            watchdog.run(&mut damaged, origin, || act(path, &mutant));
        }
    }
    println!("prefixes {prefixes:?}, damaged {damaged:?}");
    assert!(
        prefixes.rejected > 0 && damaged.rejected > 0,
        "all were accepted"
    );
    assert!(
        damaged.accepted > 0,
        "the damage is never survived: it reaches nothing but the parser"
    );
}

/// Compiles a verified module; refusal is fine, panic is not.
fn compile(module: Module) {
    let module = Arc::new(module);
    let target = Target::host().unwrap();
    for configuration in common::one_of_each_backend() {
        let name = configuration.name;
        for bounds_checks in [BoundsChecks::Guard, BoundsChecks::Explicit] {
            let options = Options {
                bounds_checks,
                ..Options::default()
            };
            let result = configuration
                .backend
                .compile(&module, target, &options, &mut NoPhases);
            match result {
                Ok(executable) => {
                    assert!(!executable.func_entries().is_empty() || module.funcs.is_empty())
                }
                Err(CompileError::CodeMemory(error)) => panic!("{name}: {error}"),
                Err(_) => {}
            }
        }
    }
}

/// Messages of errors are made as well: they look at the source.
fn load_text(bytes: &[u8]) -> bool {
    let source = String::from_utf8_lossy(bytes);
    let parsed = match parse_module(&source) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(!error.render(&source, "file").is_empty());
            return false;
        }
    };
    if let Err(errors) = verify_module(&parsed.module) {
        assert!(!errors.render(&parsed.positions, &source, "file").is_empty());
        return false;
    }
    compile(parsed.module);
    true
}

fn load_wasm(bytes: &[u8]) -> bool {
    match bakeoff_frontend_wasm::load(bytes) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
        Ok(module) => {
            if let Err(errors) = verify_module(&module) {
                panic!("the frontend made what does not verify: {errors}");
            }
            compile(module);
            true
        }
    }
}

#[test]
fn texts() {
    damage(&corpus("tests/ir", "ir"), 40, true, |_, bytes| {
        load_text(bytes)
    });
}

#[test]
fn wasm() {
    let files = corpus("bench-suite/programs/wasm", "wasm");
    damage(&files, 100, false, |_, bytes| load_wasm(bytes));
}

#[test]
fn entries() {
    let files = corpus("bench-suite/programs", "toml");
    damage(&files, 100, true, |path, bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Program::parse(path, &text) {
            Ok(_) => true,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        }
    });
}

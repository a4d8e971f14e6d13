//! The targets of `fuzz`, for a few seconds: files that are fine, changed a little.
//!
//! `ROUNDS=100000 cargo test -p bakeoff-difftest --test targets` takes longer. A failure names the file that it
//! wrote the input to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bakeoff_difftest::{Rng, targets, wasm};

const SEED: u64 = 1;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The contents of the files with this extension in a directory, in the order of names.
fn files(directory: &str, extension: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(root().join(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{directory}");
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The bytes of a text between blanks, as ranges.
fn tokens(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        while at < text.len() && is_word(text[at]) == is_word(text[start]) {
            at += 1;
        }
        tokens.push(start..at);
    }
    tokens
}

/// A piece of some input.
fn piece<'i>(rng: &mut Rng, of: &'i [u8]) -> &'i [u8] {
    let start = rng.below(of.len());
    let end = of.len().min(start + rng.between(1, 40));
    &of[start..end]
}

/// Changes an input in one place.
fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    let at = rng.below(input.len());
    match rng.below(7) {
        0 if !input.is_empty() => input[at] ^= 1 << rng.below(8),
        1 if !input.is_empty() => input[at] = rng.pick(&[0, 1, 0x7f, 0x80, 0xff, b' ', b'"', b'-']),
        2 => input.truncate(at),
        3 => {
            let end = input.len().min(at + rng.between(1, 8));
            input.drain(at..end);
        }
        4 => {
            input.splice(at..at, piece(rng, other).iter().copied());
        }
        _ => {
            // A word of one file in the place of a word of the other.
            let (mine, others) = (tokens(input), tokens(other));
            if let (Some(to), Some(from)) = (
                mine.get(rng.below(mine.len())),
                others.get(rng.below(others.len())),
            ) {
                input.splice(to.clone(), other[from.clone()].iter().copied());
            }
        }
    }
}

/// Runs a target with every file, and with changed ones for some rounds.
fn drive(name: &str, rounds: u64, corpus: &[Vec<u8>], target: fn(&[u8])) {
    let rounds = std::env::var("ROUNDS").map_or(rounds, |rounds| rounds.parse().unwrap());
    eprintln!("{name}: seed {SEED}, {rounds} rounds");
    corpus.iter().for_each(|input| target(input));
    for round in 0..rounds {
        let mut rng = Rng::new(SEED, round);
        let mut input = corpus[rng.below(corpus.len())].clone();
        let other = &corpus[rng.below(corpus.len())];
        for _ in 0..rng.between(1, 4) {
            change(&mut rng, &mut input, other);
        }
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{round}"));
            std::fs::write(&path, &input).unwrap();
            panic!("{name}: round {round}: see {}", path.display());
        }
    }
}

#[test]
fn text() {
    let corpus = [files("tests/ir", "ir"), files("tests/regressions", "ir")].concat();
    drive("text", 3000, &corpus, targets::text);
}

#[test]
fn wasm_modules() {
    let corpus: Vec<Vec<u8>> = (0..100).map(|number| wasm::module(SEED, number)).collect();
    drive("wasm", 3000, &corpus, targets::wasm);
}

#[test]
fn clif() {
    let corpus = files("tests/clif", "clif");
    drive("clif", 1500, &corpus, targets::clif);
}

#[test]
fn toml() {
    let corpus = files("bench-suite/programs", "toml");
    drive("toml", 2000, &corpus, targets::toml);
}

#[test]
fn differential() {
    let corpus: Vec<Vec<u8>> = (0..10u64).map(|n| n.to_le_bytes().to_vec()).collect();
    drive("differential", 0, &corpus, targets::differential);
}

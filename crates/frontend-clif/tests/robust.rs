//! Nothing that a file may hold makes the translation panic, hang or ask for memory without bound.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bakeoff_frontend_clif::{load, parse};
use bakeoff_ir::verify_module;

/// The files of tests/clif.
fn files() -> Vec<String> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clif");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{} files", paths.len());
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    paths.iter().map(read).collect()
}

/// Translates; what comes out is well-formed.
fn check(text: &str) -> bool {
    match parse(text) {
        Ok(loaded) => {
            if let Err(errors) = verify_module(&loaded.module) {
                panic!("{errors}\nof\n{text}");
            }
            true
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            false
        }
    }
}

/// Numbers without a pattern (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn what_is_no_text_is_refused() {
    assert!(load(b"function %f() {\nblock0:\n return\n}\xff").is_err());
    assert!(load(b"\0asm\x01\0\0\0").is_err());
    let empty = load(b"").unwrap();
    assert!(empty.module.funcs.is_empty() && empty.left_out.is_empty());
    assert!(load(b"; only a remark\n").is_ok());
}

#[test]
fn text_that_is_cut_is_refused_or_translated() {
    for text in files() {
        let mut numbers = Numbers(1);
        for _ in 0..60 {
            let mut end = numbers.below(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            check(&text[..end]);
        }
    }
}

#[test]
fn words_that_are_exchanged_are_refused_or_translated() {
    let words = "v0 v1 v2 v7 v99999 i8 i32 i64 i128 f32 f64 i32x4 i8x16 block0 block1 block9 ss0 ss5 \
        fn0 fn7 sig0 sig3 gv0 dt0 const0 , ( ) -> = == [ ] { } : + - 0 1 -1 4294967296 \
        99999999999999999999999 0x1.8p1 NaN +sNaN:0x0 iadd sdiv load.i64 store stack_addr.i64 call \
        call_indirect return br_table jump brif trap user1 int_ovf uext sarg(4) cold notrap big \
        iconst.i8 bitcast.i64 select fcmp icmp try_call vmctx symbol explicit_slot tail function %f";
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut accepted = 0;
    for (index, text) in files().iter().enumerate() {
        let mut numbers = Numbers(index as u64 + 7);
        let tokens: Vec<&str> = text.split(' ').collect();
        for _ in 0..150 {
            let mut tokens = tokens.clone();
            for _ in 0..=numbers.below(2) {
                let place = numbers.below(tokens.len());
                tokens[place] = words[numbers.below(words.len())];
            }
            accepted += u32::from(check(&tokens.join(" ")));
        }
    }
    assert!(accepted > 20, "{accepted} of the texts were translated");
}

#[test]
fn great_numbers_cost_nothing() {
    let started = Instant::now();
    for declaration in [
        "ss4294967290 = explicit_slot 8",
        "fn4294967290 = %g()",
        "sig4294967290 = ()",
        "gv4294967290 = vmctx",
        "dt4294967290 = i32x4*gv0",
        "ss3000000 = explicit_slot 8",
    ] {
        let text = format!("function %f() {{\n {declaration}\nblock0:\n return\n}}");
        assert!(parse(&text).is_err(), "{declaration}");
    }
    for body in [
        "block4294967290:\n return",
        "block0:\n v4294967290 = iconst.i8 0\n return",
        "block0:\n v4294967290 -> v0\n return",
        "block0(v4294967290: i8):\n return",
    ] {
        assert!(parse(&format!("function %f() {{\n{body}\n}}")).is_err());
    }
    // Great in many functions, each of which alone would do.
    let mut many = String::new();
    for index in 0..1000 {
        writeln!(
            many,
            "function %f{index}() {{\nblock0:\n v900000 = iconst.i8 0\n return\n}}"
        )
        .unwrap();
    }
    assert!(parse(&many).is_err());
    // A name is not a number.
    assert!(check("function %v4294967290() {\nblock0:\n return\n}"));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_makes_the_reader_panic_is_an_error() {
    for text in [
        "function %f() {\n gv0 = vmctx\n dt0 = i32*gv0\nblock0:\n return\n}",
        "function %f() {\n gv0 = dyn_scale_target_const.i32\nblock0:\n return\n}",
        "function %f() {\n fn3 = %f()\nblock0:\n call fn2()\n return\n}",
        "function %f() {\n fn0 = userextname7 sig0\nblock0:\n return\n}",
        "function %f() {\nblock0:\n v0 -> v0\n return\n}",
        "function %f() {\n}",
        "function %f() {\nblock0:\n}",
    ] {
        check(text);
    }
    let function = "function %f() {\n gv0 = vmctx\n dt0 = i32*gv0\nblock0:\n return\n}";
    let error = parse(function).unwrap_err();
    assert!(error.message.contains("panics"), "{error}");
}

#[test]
fn large_and_deep_functions_take_time_in_proportion() {
    let started = Instant::now();
    let mut chain = "function %f(i64) -> i64 {\nblock0(v0: i64):\n".to_string();
    for index in 0..20_000 {
        writeln!(chain, " v{} = iadd v{index}, v{index}", index + 1).unwrap();
    }
    chain += " return v20000\n}\n";
    assert!(check(&chain));
    let mut blocks = "function %f(i64) -> i64 {\nblock0(v0: i64):\n jump block1\n".to_string();
    for index in 1..20_000 {
        writeln!(
            blocks,
            "block{index}:\n brif v0, block{}, block20000",
            index + 1
        )
        .unwrap();
    }
    blocks += "block20000:\n return v0\n}\n";
    assert!(check(&blocks));
    // Each calls the next one, and the last one is left out.
    let mut calls = String::new();
    for index in 0..2000 {
        writeln!(
            calls,
            "function %f{index}() {{\n fn0 = %f{}()\nblock0:\n call fn0()\n return\n}}",
            index + 1
        )
        .unwrap();
    }
    calls += "function %f2000() {\nblock0:\n fence\n return\n}\n";
    assert_eq!(parse(&calls).unwrap().left_out.len(), 2001);
    assert!(started.elapsed() < Duration::from_secs(60));
}

//! No input makes the translation panic, recurse deeply or take more than linear time.

use std::fmt::Write;
use std::time::{Duration, Instant};

use bakeoff_frontend_wasm::{load, translate, translate_text};
use bakeoff_ir::verify_module;

/// A module with something of everything.
const EVERYTHING: &str = r#"(module
    (type $t (func (param i32 i64) (result i32 i64)))
    (import "m" "f" (func $import (param f64)))
    (import "m" "g" (global $import_g i32))
    (memory (export "memory") 1 2)
    (table $a 4 funcref) (table $b 1 externref)
    (global $g (mut f32) (f32.const 1.5))
    (data $d "abc") (data (i32.const 1) "x")
    (elem $e func $f) (elem (table $a) (i32.const 0) funcref (ref.null func) (ref.func $f))
    (start $s)
    (func $s (local i32) local.get 0 drop)
    (func $f (export "f") (type $t) (local f64 i32 externref)
      local.get 0 local.get 1
      loop $l (param i32 i64) (result i32 i64)
        local.set 1 i32.const 1 i32.sub local.tee 0 local.get 1
        local.get 0 i32.eqz br_if $l
        block (param i32 i64) (result i32 i64)
          local.get 0 if (param i32 i64) (result i32 i64) else call $t2 end
          i64.const 3 i64.add local.get 0 br_table 0 1 $l 0
          unreachable
        end
      end
      i32.const 8 i32.const 9 i32.const 1 memory.init $d data.drop $d
      i32.const 8 i64.load16_s offset=4 i64.extend8_s drop
      i32.const 0 local.get 4 table.set $b)
    (func $t2 (param i32 i64) (result i32 i64)
      local.get 0 local.get 1 local.get 0 local.get 1 i32.const 0
      call_indirect $a (type $t) drop drop
      f64.const 2 call $import
      local.get 0 i32.popcnt f32.convert_i32_s global.set $g
      global.get $g i32.trunc_sat_f32_u memory.grow drop
      local.get 0 local.get 1 return_call $t2))"#;

/// xorshift64*, from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// Translates what may be no module; what comes out must verify.
fn try_translate(bytes: &[u8]) -> bool {
    match translate(bytes) {
        Ok(module) => {
            verify_module(&module).unwrap_or_else(|e| panic!("{e}\n{module}"));
            true
        }
        Err(error) => {
            assert!(!error.message().is_empty());
            false
        }
    }
}

#[test]
fn truncated_modules_are_errors() {
    let wasm = wat::parse_str(EVERYTHING).expect("valid");
    translate(&wasm).expect("translates");
    let accepted = (0..wasm.len())
        .filter(|end| try_translate(&wasm[..*end]))
        .count();
    // Some prefixes end between sections that nothing before them needs.
    assert!(accepted < 10, "{accepted}");
}

#[test]
fn damaged_modules_never_panic() {
    let wasm = wat::parse_str(EVERYTHING).expect("valid");
    for bit in 0..wasm.len() * 8 {
        let mut damaged = wasm.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        try_translate(&damaged);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut damaged = wasm.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(damaged.len());
            damaged[at] = random.below(256) as u8;
        }
        accepted += usize::from(try_translate(&damaged));
    }
    assert!(accepted > 100, "the damage should hit constants at times");
}

#[test]
fn damaged_text_never_panics() {
    let mut random = Random(7);
    for _ in 0..2_000 {
        let mut damaged = EVERYTHING.as_bytes().to_vec();
        let at = random.below(damaged.len());
        damaged[at] = b' ' + random.below(95) as u8;
        let _ = load(&damaged);
    }
}

/// Builds a module around one body given in text, without the text parser's own time, and says how
/// long its translation takes.
fn time(head: &str, code: &str) -> Duration {
    let wasm = wat::parse_str(format!("(module (memory 1) (func {head} {code}))")).expect("valid");
    let start = Instant::now();
    match translate(&wasm) {
        Ok(module) => assert!(module.inst_count() > 0),
        Err(error) => assert!(error.message().contains("too many branches"), "{error}"),
    }
    start.elapsed()
}

/// Generous: these take well below a second each, and minutes if anything is quadratic.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_hundred_thousand_nested_frames() {
    const DEPTH: usize = 100_000;
    let blocks = "block ".repeat(DEPTH) + "local.get 0 br_if 0 br 99999 " + &"end ".repeat(DEPTH);
    assert!(time("(param i32)", &blocks) < LIMIT);
    let ifs = "local.get 0 if local.get 0 i32.const 1 i32.add local.set 0 ".repeat(DEPTH)
        + &"else local.get 0 local.set 1 end ".repeat(DEPTH);
    assert!(time("(param i32) (local i32)", &ifs) < LIMIT);
    let loops = "loop local.get 0 local.set 1 ".repeat(DEPTH)
        + &"local.get 0 br_if 0 local.get 2 local.set 0 end ".repeat(DEPTH);
    assert!(time("(param i32) (local i32 i32)", &loops) < LIMIT);
    let dead = "unreachable ".to_string() + &"loop ".repeat(DEPTH) + &"end ".repeat(DEPTH);
    assert!(time("", &dead) < LIMIT);
}

#[test]
fn loops_that_leave_their_locals_alone() {
    const DEPTH: usize = 30_000;
    // Each header asks for the local before it is known that no loop changes it.
    let loops = "loop local.get 0 drop ".repeat(DEPTH)
        + &"local.get 0 br_if 0 end local.get 0 drop ".repeat(DEPTH);
    assert!(time("(param i32)", &loops) < LIMIT);
}

#[test]
fn large_branch_tables() {
    let table = "0 1 ".repeat(500_000);
    let code = format!(
        "i32.const 7 loop (param i32) (result i32) block (param i32) (result i32)
           local.get 0 br_table {table} 1 end end drop"
    );
    let locals = "i64 ".repeat(1000);
    let mut changes = String::new();
    for local in 1..1000 {
        let _ = write!(
            changes,
            "local.get {local} i64.const 1 i64.add local.set {local} "
        );
    }
    let head = format!("(param i32) (local {locals})");
    assert!(time(&head, &code) < LIMIT);
    let code = code.replace("local.get 0 br_table", &(changes + "local.get 0 br_table"));
    assert!(time(&head, &code) < LIMIT);
}

#[test]
fn long_functions() {
    let straight =
        "local.get 0 i32.const 3 i32.mul i32.const 1 i32.add local.set 0 ".repeat(300_000);
    assert!(time("(param i32)", &straight) < LIMIT);
    let joins =
        "block local.get 0 i32.eqz br_if 0 local.get 0 i32.const 1 i32.sub local.set 0 end "
            .repeat(200_000);
    assert!(time("(param i32)", &joins) < LIMIT);
    let deep_stack = "i32.const 1 ".repeat(500_000) + &"i32.add ".repeat(499_999) + "drop";
    assert!(time("", &deep_stack) < LIMIT);
}

#[test]
fn branches_times_locals_has_a_limit() {
    // 40,000 branches to a loop that changes 20,000 locals: 800 million edge arguments.
    let mut code = "loop ".to_string();
    for local in 0..20_000 {
        let _ = write!(
            code,
            "i32.const 1 local.get {local} i32.add local.set {local} "
        );
    }
    code += &"local.get 0 br_if 0 ".repeat(40_000);
    code += "end";
    let wat = format!("(module (func (local {}) {code}))", "i32 ".repeat(20_000));
    let error = translate_text(&wat).unwrap_err();
    assert!(error.message().contains("too many branches"), "{error}");
}

#[test]
fn many_functions_with_the_same_name() {
    let funcs = r#"(func (@name "a"))"#.repeat(50_000);
    let module = translate_text(&format!("(module {funcs})")).expect("valid");
    assert_eq!(module.funcs[49_999].name, "a.49999");
}

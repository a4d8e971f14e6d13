//! The shape of register code: what the planner promises is seen in listings, with slots numbered in
//! the order of their appearance.

use std::sync::Arc;

use bakeoff_backend::{Backend, CodeView, NoPhases, Options, Target};
use bakeoff_backend_interp::Interp;
use bakeoff_ir::text::parse_module;
use bakeoff_ir::verify_module;

/// The instructions of the functions of a module.
fn listing(source: &str) -> Vec<String> {
    let parsed = parse_module(source).unwrap_or_else(|e| panic!("{}", e.render(source, "source")));
    verify_module(&parsed.module).unwrap();
    let module = Arc::new(parsed.module);
    let target = Target::host().unwrap();
    let code = Interp
        .compile(&module, target, &Options::default(), &mut NoPhases)
        .unwrap();
    let CodeView::Text(text) = code.view() else {
        panic!("not a listing");
    };
    println!("{text}");
    let insns = text.lines().filter(|line| !line.starts_with('@'));
    let mut slots = Vec::new();
    insns
        .map(|line| normalise(line.trim_start().split_once("  ").unwrap().1, &mut slots))
        .collect()
}

/// Renames slots: the first to appear is `s0`.
fn normalise(insn: &str, slots: &mut Vec<String>) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
    let rename = |token: &str| {
        let (word, rest) = token.split_at(
            token.len()
                - token
                    .chars()
                    .next_back()
                    .map_or(0, |c| usize::from(!is_word(c))),
        );
        let is_slot = word
            .strip_prefix('s')
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if !is_slot {
            return token.to_string();
        }
        let known = slots.iter().position(|s| s == word).unwrap_or_else(|| {
            slots.push(word.to_string());
            slots.len() - 1
        });
        format!("s{known}{rest}")
    };
    insn.split_inclusive(|c| !is_word(c)).map(rename).collect()
}

/// Checks the code of the last function of a module.
fn check(source: &str, expect: &[&str]) {
    let all = listing(source);
    assert!(all.len() >= expect.len(), "{all:#?}");
    let first = all.len() - expect.len();
    let mut slots = Vec::new();
    let last: Vec<String> = all[first..]
        .iter()
        .map(|i| normalise(i, &mut slots))
        .collect();
    assert_eq!(last, expect);
}

#[test]
fn a_counting_loop_is_three_instructions_without_a_copy() {
    let source = "
export func @sum(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 0
    jump block1(v1, v1)
block1(v2: i32, v3: i32):
    v4 = iadd.i32 v3, v2
    v5 = iconst.i32 1
    v6 = iadd.i32 v2, v5
    v7 = icmp.i32 slt v6, v0
    brif v7, block1(v6, v4), block2
block2:
    return v4
}
";
    let expect = [
        "s0 = 0x0",
        "s1 = 0x0",
        "s0 = Iadd32 s0, s1",
        "s1 = Iadd32I s1, 0x1",
        "BrSlt32 s1, s2 -> 2",
        "Return1 s0",
    ];
    assert_eq!(listing(source), expect);
}

#[test]
fn loop_variables_that_change_places_are_copied_once() {
    // Fibonacci: the pair moves along, which takes one addition and moves, but no more of them.
    let source = "
export func @fib(i32) -> i64 {
block0(v0: i32):
    v1 = iconst.i64 0
    v2 = iconst.i64 1
    jump block1(v0, v1, v2)
block1(v3: i32, v4: i64, v5: i64):
    v6 = iadd.i64 v4, v5
    v7 = iconst.i32 1
    v8 = isub.i32 v3, v7
    brif v8, block1(v8, v5, v6), block2
block2:
    return v6
}
";
    let code = listing(source);
    let copies = code
        .iter()
        .filter(|i| !i.contains("0x") && i.matches(" = s").count() > 0);
    assert!(copies.count() <= 2, "{code:#?}");
    assert!(code.len() <= 9, "{code:#?}");
}

#[test]
fn constants_are_immediates_on_both_sides() {
    check(
        "
export func @f(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 5
    v2 = iadd.i32 v1, v0
    v3 = isub.i32 v1, v2
    v4 = isub.i32 v3, v1
    return v4
}
",
        &[
            "s0 = Iadd32I s0, 0x5",
            "s0 = Isub32R 0x5, s0",
            "s0 = Isub32I s0, 0x5",
            "Return1 s0",
        ],
    );
}

#[test]
fn a_constant_result_is_part_of_the_return() {
    let source = "export func @f() -> i64 {\nblock0:\n    v0 = iconst.i64 77\n    return v0\n}\n";
    check(source, &["ReturnConst 0x4d"]);
}

#[test]
fn extensions_casts_and_unused_values_vanish() {
    check(
        "
export func @f(i32, i64) -> i64 {
block0(v0: i32, v1: i64):
    v2 = uextend.i64.i32 v0
    v3 = bitcast.f64.i64 v2
    v4 = bitcast.i64.f64 v3
    v5 = imul.i64 v4, v1
    v6 = imul.i64 v5, v5
    v7 = fconst.f64 1.0
    v8 = fadd.f64 v3, v7
    return v5
}
",
        &["s0 = Imul64 s0, s1", "Return1 s0"],
    );
}

#[test]
fn an_unused_op_that_may_trap_stays() {
    check(
        "
export func @f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = sdiv.i32 v0, v1
    return v0
}
",
        &["s0 = Sdiv32 s1, s2", "Return1 s1"],
    );
}

#[test]
fn arguments_are_made_in_the_frame_of_the_callee() {
    let source = "
func @g(i32, i32, i32) -> i32 {
block0(v0: i32, v1: i32, v2: i32):
    v3 = iadd.i32 v0, v1
    v4 = imul.i32 v3, v2
    return v4
}
export func @f(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 3
    v2 = iadd.i32 v0, v1
    v3 = imul.i32 v0, v0
    v4 = call @g(v2, v1, v3)
    v5 = isub.i32 v4, v0
    v6 = call @g(v5, v4, v0)
    return v6
}
";
    // Computed values are written there at once; copied are only those that live on.
    check(
        source,
        &[
            "s0 = Iadd32I s1, 0x3",
            "s2 = Imul32 s1, s1",
            "s3 = 0x3",
            "s4 = Call @g at s0",
            "s0 = Isub32 s4, s1",
            "s3 = s4; s2 = s1",
            "s1 = Call @g at s0",
            "Return1 s1",
        ],
    );
}

#[test]
fn addresses_are_folded_into_accesses() {
    let source = "
memory mem0 = 1
export func @f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = load.i32 mem0, v0+8
    v3 = iconst.i32 100
    v4 = load.i32 mem0, v3+4
    v5 = iadd.i32 v2, v4
    v6 = iconst.i32 7
    store.i32 mem0, v6, v1+4
    return v5
}
";
    let code = listing(source);
    assert_eq!(code.len(), 5, "one instruction an op: {code:#?}");
    assert!(
        code[0].contains("[s1 + 0x8]") || code[0].contains("[s0 + 0x8]"),
        "{code:#?}"
    );
    assert!(code[1].contains("[0x68]"), "{code:#?}");
    assert!(code[3].ends_with("+ 0x4], 0x7"), "{code:#?}");
}

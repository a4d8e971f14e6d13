//! What CLIF becomes, what is left out and why, and where mistakes are said to be.

use bakeoff_frontend_clif::{ClifModule, parse, trap_code};
use bakeoff_ir::text::{Expectation, ExpectedValue};
use bakeoff_ir::{Scalar, TrapCode, verify_module};
use cranelift_codegen::ir as clif;

/// Translates and verifies.
#[track_caller]
fn load(source: &str) -> ClifModule {
    let loaded = parse(source).unwrap_or_else(|e| panic!("{}", e.render(source, "test.clif")));
    if let Err(errors) = verify_module(&loaded.module) {
        panic!("{errors}\n{}", loaded.module);
    }
    loaded
}

/// A function whose text becomes exactly these lines of IR between the braces.
#[track_caller]
fn becomes(source: &str, body: &str) {
    let printed = load(source).module.to_string();
    let (_, rest) = printed.split_once("{\n").expect("a body");
    let (actual, _) = rest.split_once("\n}").expect("its end");
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_string());
        lines.filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(lines(actual), lines(body), "\n{printed}");
}

/// The reason for which the only function is left out.
#[track_caller]
fn reason(source: &str) -> String {
    let loaded = load(source);
    assert_eq!(loaded.left_out.len(), 1, "{}", loaded.module);
    loaded.left_out[0].what.clone()
}

#[test]
fn ops_are_one_to_one_or_short_sequences() {
    becomes(
        "function %f(i32, i8) -> i32 {\nblock0(v0: i32, v1: i8):\n v2 = ishl v0, v1\n return v2\n}",
        "block0(v0: i32, v1: i8):
         v2 = uextend.i32.i8 v1
         v3 = ishl.i32 v0, v2
         return v3",
    );
    becomes(
        "function %f(i8) -> i8 {\nblock0(v0: i8):\n v1 = ushr v0, v0\n return v1\n}",
        "block0(v0: i8):
         v1 = ushr.i8 v0, v0
         return v1",
    );
    becomes(
        "function %f(f32) -> i8 {\nblock0(v0: f32):\n v1 = fcvt_to_sint.i8 v0\n return v1\n}",
        "block0(v0: f32):
         v1 = fcvt_to_sint.i32.f32 v0
         v2 = iconst.i32 -128
         v3 = isub.i32 v1, v2
         v4 = iconst.i32 127
         v5 = isub.i32 v4, v2
         v6 = icmp.i32 ugt v3, v5
         trapnz v6, integer_overflow
         v7 = ireduce.i8.i32 v1
         return v7",
    );
}

#[test]
fn accesses_by_a_stack_addr_are_those_of_the_slot() {
    becomes(
        "function %f(i32) -> i64, i32 {
            ss0 = explicit_slot 8, align = 4
        block0(v0: i32):
            v1 = stack_addr.i64 ss0+4
            store v0, v1-4
            v2 = load.i32 v1
            v3 = uload32.i64 v1+4
            return v3, v2
        }",
        // The last one is outside, so that the program has to vouch for it.
        "ss0 = stack_slot 8, align 4
         block0(v0: i32):
         v1 = stack_addr.i64 ss0+4
         stack_store.i32 v0, ss0
         v2 = stack_load.i32 ss0+4
         v3 = raw_load.i32 v1+4
         v4 = uextend.i64.i32 v3
         return v4, v2",
    );
}

#[test]
fn blocks_follow_the_flow_and_what_is_unreachable_is_dropped() {
    becomes(
        "function %f(i32) -> i32 {
        block0(v0: i32):
            jump block2
        block1:
            return v1
        block2:
            v1 = iadd v0, v0
            jump block1
        block3:
            v2 = atomic_load.i64 v3
            v3 = iconst.i64 0
            trap user1
        }",
        "block0(v0: i32):
         jump block1
         block1:
         v1 = iadd.i32 v0, v0
         jump block2
         block2:
         return v1",
    );
}

#[test]
fn addresses_of_functions_are_references_and_calls_go_through_a_table() {
    let loaded = load(
        "function %g() -> i32 {\nblock0:\n v0 = iconst.i32 1\n return v0\n}
         function %f() -> i32 {
            fn0 = %g() -> i32
         block0:
            v0 = func_addr.i64 fn0
            v1 = call_indirect sig0, v0()
            return v1
         }",
    );
    let printed = loaded.module.to_string();
    for line in [
        "table table0 func = 3..3",
        "elem elem0 at table0 0 = [null, @g, @f]",
        "v0 = ref_func @g",
        "v2 = umin.i64 v0, v1",
        "v4 = call_indirect table0, sig0, v3()",
    ] {
        assert!(printed.contains(line), "no `{line}` in\n{printed}");
    }
}

#[test]
fn everything_is_exported_under_its_name() {
    let loaded = load(
        "function %f() {\nblock0:\n return\n}
         function u3:4() {\n fn0 = %TruncF64(f64) -> f64\nblock0:\n v0 = f64const 0.0\n v1 = call fn0(v0)\n return\n}",
    );
    let names: Vec<&str> = loaded.module.exported_funcs().map(|(n, _)| n).collect();
    assert_eq!(names, ["f", "u3:4"]);
    assert_eq!(loaded.module.funcs.len(), 3);
}

#[test]
fn what_the_ir_has_no_word_for_is_left_out_with_a_reason() {
    let in_body = |body: &str| format!("function %f(i64) -> i64 {{\nblock0(v0: i64):\n{body}\n}}");
    for (body, what) in [
        (
            "v1 = uextend.i128 v0\n v2 = ireduce.i64 v1\n return v2",
            "type i128",
        ),
        (
            "v1 = splat.i64x2 v0\n v2 = extractlane v1, 0\n return v2",
            "type vector",
        ),
        ("v1 = f16const 0x1.0\n return v0", "type f16"),
        (
            "v1 = atomic_rmw.i64 add v0, v0\n return v1",
            "op atomic_rmw",
        ),
        ("v1 = atomic_load.i64 v0\n return v1", "op atomic_load"),
        ("fence\n return v0", "op fence"),
        ("debugtrap\n return v0", "op debugtrap"),
        ("v1 = get_pinned_reg.i64\n return v1", "op get_pinned_reg"),
        (
            "v1 = get_frame_pointer.i64\n return v1",
            "op get_frame_pointer",
        ),
        (
            "v1 = get_stack_pointer.i64\n return v1",
            "op get_stack_pointer",
        ),
        ("trap user128", "trap code"),
        (
            "v1 = ireduce.i32 v0\n v2 = load.i64 v1\n return v2",
            "address of 32 bits",
        ),
    ] {
        assert_eq!(reason(&in_body(body)), what, "{body}");
    }
    for (source, what) in [
        (
            "function %f(i8x16) {\nblock0(v0: i8x16):\n return\n}",
            "type vector",
        ),
        (
            "function %f(i64 sarg(8)) {\nblock0(v0: i64):\n return\n}",
            "struct argument",
        ),
        (
            "function %f() {\n ss0 = explicit_slot 8, align = 32\nblock0:\n v0 = stack_addr.i64 ss0\n return\n}",
            "alignment of a stack slot",
        ),
        (
            "function %f() {\n gv0 = symbol %g\nblock0:\n v0 = symbol_value.i64 gv0\n return\n}",
            "op symbol_value",
        ),
        (
            "function %f() {\n fn0 = %g()\nblock0:\n call fn0()\n return\n}",
            "function outside the file",
        ),
        (
            "function %f() {\n fn0 = %f(i8)\nblock0:\n v0 = iconst.i8 0\n call fn0(v0)\n return\n}",
            "call with another signature",
        ),
        (
            "function %f(i64) {\n fn0 = %Memcpy(i64, i64, i64) -> i64\nblock0(v0: i64):\n v1 = call fn0(v0, v0, v0)\n return\n}",
            "library call Memcpy",
        ),
        (
            "function %f(i64 vmctx) {\n gv0 = vmctx\n stack_limit = gv0\nblock0(v0: i64):\n return\n}",
            "stack limit",
        ),
    ] {
        assert_eq!(reason(source), what, "{source}");
    }
}

#[test]
fn who_refers_to_what_is_left_out_is_left_out() {
    let source = "function %last() {\nblock0:\n fence\n return\n}
; run: %last()
function %middle() {\n fn0 = %last()\nblock0:\n call fn0()\n return\n}
function %first() -> i64 {\n fn0 = %middle()\nblock0:\n v0 = func_addr.i64 fn0\n return v0\n}
; run: %first() == 0
; print: %first()
function %other() {\n fn0 = %middle()\nblock0:\n return\n}";
    let loaded = load(source);
    let left_out: Vec<_> = loaded
        .left_out
        .iter()
        .map(|f| {
            (
                f.function.as_str(),
                f.what.as_str(),
                f.span.line,
                f.directives,
            )
        })
        .collect();
    let because = "refers to a function that is left out";
    assert_eq!(
        left_out,
        [
            ("%last", "op fence", 3, 1),
            ("%middle", because, 10, 0),
            ("%first", because, 16, 2),
        ]
    );
    let names: Vec<&str> = loaded.module.exported_funcs().map(|(n, _)| n).collect();
    assert_eq!(names, ["other"]);
    assert!(loaded.directives.is_empty());
}

#[test]
fn lines_say_what_running_gives() {
    let source = "test run
target x86_64
set enable_llvm_abi_extensions

function %f(i8, f32) -> i8, f32 {
block0(v0: i8, v1: f32):
    return v0, v1
}
; run: %f(-1, 0x1.0p0) == [255, +NaN:0x1]
   ;; print: %f(1, Inf)
; an ordinary remark

function %g() -> i16 {
block0:
    v0 = iconst.i16 1
    return v0
}
; run
";
    let loaded = load(source);
    let [run, print, alone] = &loaded.directives[..] else {
        panic!("{:?}", loaded.directives);
    };
    assert_eq!((run.span.line, run.span.column, run.span.len), (9, 1, 41));
    assert_eq!((print.span.line, print.span.column), (10, 4));
    assert_eq!(run.args, [Scalar::i8(-1), Scalar::f32(1.0)]);
    let nan = Scalar::new(bakeoff_ir::Type::F32, 0x7fc0_0001);
    let values = [Scalar::i8(-1), nan].map(ExpectedValue::Exact);
    assert_eq!(run.expect, Expectation::Values(values.to_vec()));
    assert_eq!(print.expect, Expectation::Anything);
    let zero = ExpectedValue::Exact(Scalar::i16(0));
    assert_eq!(alone.expect, Expectation::OtherThan(vec![zero]));
    assert_eq!(alone.name, "g");
}

#[test]
fn expectations_hold_or_do_not() {
    let one = [Scalar::i8(1)];
    let exactly = vec![ExpectedValue::Exact(Scalar::i8(1))];
    let trap = Err(TrapCode::Unreachable);
    let holds = |expect: Expectation| (expect.holds(Ok(&one)), expect.holds(trap));
    assert_eq!(holds(Expectation::Values(exactly.clone())), (true, false));
    assert_eq!(holds(Expectation::Values(Vec::new())), (false, false));
    assert_eq!(holds(Expectation::OtherThan(exactly)), (false, false));
    assert_eq!(holds(Expectation::OtherThan(Vec::new())), (true, false));
    assert_eq!(holds(Expectation::Anything), (true, false));
    assert_eq!(
        holds(Expectation::Trap(TrapCode::Unreachable)),
        (false, true)
    );
    assert_eq!(holds(Expectation::Trap(TrapCode::Host)), (false, false));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let body =
        |line: &str| format!("function %f(i32) -> i32 {{\nblock0(v0: i32):\n    {line}\n}}\n");
    for (source, line, message) in [
        (body("v1 = frobnicate v0"), 3, "Unknown opcode"),
        (body("return v1"), 3, "undefined operand value v1"),
        (
            body("v1 = iadd.i64 v0, v0\n    return v0"),
            3,
            "has type i32, expected i64",
        ),
        (body("jump block0(v0)"), 3, "entry block"),
        (
            body("return v0") + "; run: %f(1) = 2\n",
            5,
            "expected another =",
        ),
        (
            body("return v0") + &body("return v0"),
            5,
            "%f is defined twice",
        ),
        (body("v4294967294 = iadd v0, v0"), 3, "too great"),
        ("function %f() {".to_string(), 1, "expected block header"),
        ("no function".to_string(), 1, "expected 'function'"),
    ] {
        let error = parse(&source).expect_err(&source);
        let found = error.span.map(|span| span.line);
        assert_eq!(found, Some(line), "{error}\n{source}");
        assert!(error.message.contains(message), "{error}\n{source}");
    }
    let source = body("v1 = iadd.i64 v0, v0\n    return v0");
    let shown = parse(&source).unwrap_err().render(&source, "f.clif");
    assert!(shown.contains("f.clif:3:5"), "{shown}");
    assert!(shown.contains("^^^^^^^^^^^^^^^^^^^^"), "{shown}");
}

#[test]
fn trap_codes_have_one_meaning() {
    let user = |number| trap_code(clif::TrapCode::user(number).expect("a user code"));
    assert_eq!(user(1), Some(TrapCode::User(1)));
    assert_eq!(user(127), Some(TrapCode::User(127)));
    assert_eq!(user(128), None);
    assert_eq!(user(200), Some(TrapCode::User(0)));
    assert_eq!(user(201), Some(TrapCode::Unreachable));
    assert_eq!(user(210), Some(TrapCode::Host));
    assert_eq!(user(211), None);
    let overflow = clif::TrapCode::INTEGER_OVERFLOW;
    assert_eq!(trap_code(overflow), Some(TrapCode::IntegerOverflow));
    let bounds = clif::TrapCode::HEAP_OUT_OF_BOUNDS;
    assert_eq!(trap_code(bounds), Some(TrapCode::MemoryOutOfBounds));
    for code in clif::TrapCode::non_user_traps() {
        assert!(trap_code(*code).is_some(), "{code}");
    }
}

use super::*;
use crate::types::Scalar;
use crate::{Block, Op, TrapCode};

const EVERYTHING: &str = r#"
; comments anywhere
import func @print(i32, f64) -> i64 = "env" "print"   ; here too
declare func @"odd \22 name"()
memory mem7 = 1..16
memory mem0 = 2 import "env" "memory"
global global0: i32 mut = -5
global global1: f64 = import "env" "g"
global global2: i64 = @fib
global global3: f32 = nan:0x1
global global4: i64 = global2
table table0 func = 1..10
table table1 extern = 0
table table2 func = 4 init @fib import "m" "n"
table table3 func = 4..4 init global2
sig9 = (i32, i64) -> f64
sig10 = (i32) -> (i32, i8)
data data0 at mem7 8 = "hello\00\ff\"\\ é"
data data1 passive = ""
data data2 at mem0 global0 = "x"
elem elem0 at table0 0 = [@fib, null, @print,
    global4]
elem elem1 declared = []
elem elem2 passive = [@fib]
export "fib" = @fib
export "m" = mem7
export "g" = global1
export "t" = table1
start @nothing
export func @fib(i32) -> i32 {
    ss4 = stack_slot 16, align 8
    ss1 = stack_slot 3
block7(v9: i32):
    v1 = iconst.i32 -0x2
    v5, v2 = sadd_overflow.i32 v9, v30
    v30 = icmp.i32 slt v9, v1
    v31 = fcmp.f32 uno v40, v40
    v40 = fconst.f32 -1.5e-3
    v41 = load.i32 mem0, v9+16
    istore.i64.i8 mem7, v60, v9
    v60 = raw_load.i64 v60-8
    raw_store.i64 v60, v60+4
    stack_store.i8 v30, ss1+2
    v61 = stack_addr.i64 ss4
    v62 = memory_size.i32 mem0
    v63 = memory_grow.i64 mem7, v60
    memory_fill.i32 mem7, v9, v9, v9
    memory_copy.i32 mem7, mem0, v9, v9, v9
    memory_init.i32 mem7, data1, v9, v9, v9
    data_drop data1
    v64 = global_get.i32 global0
    global_set.i32 global0, v64
    v65 = table_get table0, v9
    table_set table0, v9, v65
    v66 = table_size table1
    v67 = table_grow table1, v65, v9
    table_fill table0, v9, v65, v9
    table_copy table0, table2, v9, v9, v9
    table_init table0, elem2, v9, v9, v9
    elem_drop elem2
    v68 = ref_func @"odd \22 name"
    v69 = call @print(v9, v70)
    v70 = call_indirect table0, sig9, v9(v9, v69)
    v71, v72 = call_raw sig10, v69(v9)
    trapnz v72, user9
    brif v30, block1, block2(v9, v1)
block2(v3: i32, v4: i32):
    br_table v3, [block1, block2(v4, v3)], block3
block1:
    jump block4
block3:
    trap unreachable
block4:
    return v3
}
func @nothing() {
block0:
    return_call @nothing()
}
; run: @fib(10) == 55
; trap: @fib(-0x1) == integer_overflow
; running: this is only a comment
"#;

#[test]
fn what_is_printed_reads_back_as_the_same_module() {
    let parsed =
        parse_module(EVERYTHING).unwrap_or_else(|e| panic!("{}", e.render(EVERYTHING, "")));
    let printed = parsed.module.to_string();
    let again = parse_module(&printed).unwrap_or_else(|e| panic!("{}", e.render(&printed, "")));
    assert_eq!(parsed.module, again.module, "{printed}");
    assert_eq!(again.module.to_string(), printed);
    assert_eq!(parsed.module.datas[0].bytes, b"hello\0\xff\"\\ \xc3\xa9");
    assert_eq!(parsed.module.exports.len(), 5, "`export func` is one, too");
}

#[test]
fn names_are_numbered_in_order_and_positions_point_at_them() {
    let source = "func @f(i32) -> i32 {\nblock5(v7: i32):\n    jump block2(v7)\nblock2(v3: i32):\n    \
                  v100 = iadd.i32 v3, v7\n    return v100\n}\n";
    let parsed = parse_module(source).unwrap();
    let body = parsed.module.funcs[0].body().unwrap();
    assert_eq!(body.edges[0].block, Block(1));
    let add = body.inst(crate::Inst(1));
    assert_eq!((add.op, add.a, add.b), (Op::Iadd, 1, 0));
    let (func, inst) = (crate::Func(0), crate::Inst(1));
    let at = |location| parsed.positions.span(location).unwrap().to_string();
    assert_eq!(at(Location::Inst(func, inst)), "5:5");
    assert_eq!(at(Location::Operand(func, inst, 1)), "5:25");
    assert_eq!(at(Location::Edge(func, crate::Inst(0), 0)), "3:10");
    assert_eq!(at(Location::Block(func, Block(1))), "4:1");
    let span = parsed.positions.span(Location::Operand(func, inst, 1));
    assert_eq!(
        render_error(source, "f.ir", span, "no"),
        "error: no\n --> f.ir:5:25\n  |\n5 |     v100 = iadd.i32 v3, v7\n  |                         ^^\n"
    );
}

#[test]
fn directives_carry_typed_arguments_and_expectations() {
    let source = "import func @h(i8, f32) -> (f64, f32) = \"m\" \"h\"\nexport \"f\" = @h\n\
                  ; run: @f(255, -1.5) == (nan, nan:0x200000)\n  ;trap: @f(0, inf) == user3\n";
    let directives = parse_module(source).unwrap().directives;
    assert_eq!(directives[0].args, [Scalar::i8(-1), Scalar::f32(-1.5)]);
    let Expectation::Values(values) = &directives[0].expect else {
        panic!("values expected");
    };
    assert!(values[0].agrees(Scalar::f64(-f64::NAN)));
    assert!(!values[1].agrees(Scalar::f32(f32::NAN)));
    assert!(values[1].agrees(Scalar::f32(f32::from_bits(0x7fa0_0000))));
    assert_eq!(directives[1].expect, Expectation::Trap(TrapCode::User(3)));
}

/// A body around one instruction, in line 3.
fn error_of_inst(inst: &str) -> String {
    let source = format!("func @f(i32) {{\nblock0(v0: i32):\n{inst}\nreturn\n}}\n");
    parse_module(&source).unwrap_err().to_string()
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        ("v1 = iad.i32 v0, v0", "3:6: there is no op `iad`"),
        (
            "v1 = iadd v0, v0",
            "3:6: iadd is one of i8, i16, i32, i64 here",
        ),
        (
            "v1 = iadd.f32 v0, v0",
            "3:6: iadd is one of i8, i16, i32, i64 here",
        ),
        (
            "v1 = sextend.i16.i32 v0",
            "3:6: sextend does not go from i32 to i16",
        ),
        ("v1 = iadd.i32.i32 v0, v0", "3:6: iadd has too many types"),
        ("v1 = iadd.i32 v0, v9", "3:19: v9 is not defined"),
        (
            "v1 = iadd.i32 v0",
            "3:17: expected `,`, found the end of the line",
        ),
        (
            "v1 = iadd.i32 v0, v0 v0",
            "3:22: expected the end of the line, found `v0`",
        ),
        (
            "iadd.i32 v0, v0",
            "3:1: iadd has 1 results, and 0 are named",
        ),
        ("v0 = iadd.i32 v0, v0", "3:1: v0 is defined twice"),
        ("v1 = iconst.i8 256", "3:16: 256 does not fit into i8"),
        ("v1 = load.i32 mem0, v0", "3:15: mem0 is not declared"),
        (
            "v1 = icmp.i32 lt v0, v0",
            "3:15: expected a condition, found `lt`",
        ),
        ("jump block9\nblock1:", "3:6: there is no block9"),
        (
            "return\nreturn",
            "4:1: an instruction stands behind the terminator of its block",
        ),
        ("block1:", "2:1: block0 does not end with a terminator"),
        ("call @g()", "3:6: no function is called @g"),
        (
            "trapz v0, user200",
            "3:11: expected a trap code, found `user200`",
        ),
        (
            "v1 = call @f(v0",
            "4:1: expected `,` or `)`, found `return`",
        ),
        ("#", "3:1: the character '#' has no meaning here"),
    ];
    for (inst, expected) in cases {
        assert_eq!(error_of_inst(inst), expected, "{inst}");
    }
    let modules = [
        (
            "memory mem0 = 99999999999999999999",
            "1:15: 99999999999999999999 is no number of at most 4294967295",
        ),
        ("func @f() {\n", "1:11: this body has no `}`"),
        ("func @f() {\n}", "2:1: a function has a block"),
        ("data data0 passive = \"abc", "1:22: this string has no end"),
        (
            "data data0 passive = \"a\\zz\"",
            "1:22: a backslash stands before two hexadecimal digits, `n`, `t`, `\"` or `\\`",
        ),
        (
            "memory mem0 = 1\nmemory mem0 = 1",
            "2:8: mem0 is declared twice",
        ),
        (
            "fun @f() {",
            "1:1: expected a declaration (`func`, `import`, `memory`, `global`, `table`, `data`, `elem`, `export`, `start`, `sig…`), found `fun`",
        ),
        ("; run: @f() == 1", "1:8: no function is exported as \"f\""),
        (
            "export func @f(i8) {\nblock0(v0:i8):\nreturn\n}\n ; run: @f()",
            "5:9: @f takes 1 arguments, and here are 0",
        ),
        (
            "export func @f(i8) {\nblock0(v0:i8):\nreturn\n}\n ; run: @f(1) == 2",
            "5:18: @f has 0 results",
        ),
        (
            "export func @f() -> i8 {\nblock0:\nreturn\n}\n; run: @f()",
            "5:12: @f has 1 results, and 0 are expected here",
        ),
    ];
    for (source, expected) in modules {
        assert_eq!(parse_module(source).unwrap_err().to_string(), expected);
    }
}

/// Every prefix and every single-byte change of a source gives a module or an error, never a panic.
#[test]
fn broken_sources_give_errors() {
    for end in (0..EVERYTHING.len()).filter(|end| EVERYTHING.is_char_boundary(*end)) {
        let _ = parse_module(&EVERYTHING[..end]);
    }
    for (at, _) in EVERYTHING.char_indices() {
        for replacement in ["", "(", "\"", "}", "9", "v", "\n", "é", "@", "-", "."] {
            let mut source = EVERYTHING.to_string();
            if EVERYTHING.as_bytes()[at].is_ascii() {
                source.replace_range(at..at + 1, replacement);
                if let Ok(parsed) = parse_module(&source) {
                    let _ = parsed.module.to_string();
                }
            }
        }
    }
}

use super::*;
use crate::entity::{Block, Value};
use crate::parse_module;
use crate::text::ParsedModule;

fn parse(source: &str) -> ParsedModule {
    parse_module(source).unwrap_or_else(|e| panic!("{}", e.render(source, "test.ir")))
}

/// The errors of a source as `line:column: message`.
fn errors_of(source: &str) -> Vec<String> {
    let parsed = parse(source);
    let errors = verify_module(&parsed.module).expect_err(source);
    let show = |error: &VerifierError| match parsed.positions.span(error.location) {
        Some(span) => format!("{span}: {}", error.message),
        None => error.message.clone(),
    };
    errors.errors().iter().map(show).collect()
}

/// A function `(i32, i64, f32) -> i32` whose entry begins with these lines, of which the first is
/// line 10; `return v0` follows.
fn in_function(lines: &str) -> String {
    format!(
        "memory mem0 = 1\nglobal global0: i32 = 0\nglobal global1: i64 mut = 0\n\
         table table0 func = 1\ntable table1 extern = 1\nsig0 = (i8) -> i32\nelem elem0 passive = []\n\
         func @f(i32, i64, f32) -> i32 {{\n ss0 = stack_slot 8, align 8\nblock0(v0: i32, v1: i64, v2: f32):\n\
         {lines}\nreturn v0\n}}\nfunc @g() -> i64 {{\nblock0:\nreturn_call @g()\n}}\n"
    )
}

#[test]
fn wrong_instructions_are_found_where_they_stand() {
    let cases = [
        (
            "v3 = iadd.i32 v0, v1",
            "11:19: v1 is an i64, and iadd wants an i32",
        ),
        (
            "v3 = fneg.f32 v0",
            "11:15: v0 is an i32, and fneg wants an f32",
        ),
        (
            "v3 = select.i32 v2, v0, v0",
            "11:17: v2 is an f32, and select wants an integer",
        ),
        (
            "v3 = load.i32 mem0, v2+4",
            "11:21: v2 is an f32, and load wants an i32 or i64",
        ),
        (
            "store.i64 mem0, v0, v1",
            "11:17: v0 is an i32, and store wants an i64",
        ),
        (
            "v3 = sextend.i64.i8 v0",
            "11:21: v0 is an i32, and sextend wants an i8",
        ),
        (
            "v3 = iadd.i32 v4, v0\nv4 = iadd.i32 v0, v0",
            "11:15: the definition of v4 does not come before this use",
        ),
        (
            "v3 = iadd.i32 v3, v0",
            "11:15: the definition of v3 does not come before this use",
        ),
        (
            "v3 = global_get.i64 global0",
            "11:1: global0 is an i32 and not an i64",
        ),
        ("global_set.i32 global0, v0", "11:1: global0 is not mutable"),
        (
            "v3 = stack_load.i64 ss0+1",
            "11:1: this reaches byte 9 of ss0, which has 8",
        ),
        (
            "stack_store.i32 v0, ss0+4294967295",
            "11:1: this reaches byte 4294967299 of ss0, which has 8",
        ),
        (
            "v3 = stack_addr.i64 ss0+8",
            "11:1: this reaches byte 9 of ss0, which has 8",
        ),
        (
            "table_copy table0, table1, v0, v0, v0",
            "11:1: table0 and table1 hold references of two kinds",
        ),
        (
            "v3 = call_indirect table1, sig0, v0(v0)",
            "11:1: table1 does not hold functions",
        ),
        (
            "v3 = call_indirect table0, sig0, v1(v0)",
            "11:34: v1 is an i64, and call_indirect wants an i32",
        ),
        (
            "v3 = call_indirect table0, sig0, v0(v0)",
            "11:37: v0 is an i32, and the callee takes an i8",
        ),
        (
            "v3 = call_indirect table0, sig0, v0()",
            "11:1: the callee takes 1 values, and here are 0",
        ),
        (
            "v3 = call_raw sig0, v1(v0)",
            "11:24: v0 is an i32, and the callee takes an i8",
        ),
        (
            "v3 = icmp.i32 eq v0, v0\nv4 = call_raw sig0, v1(v3)",
            "12:1: sig0 is no signature of a C function",
        ),
        (
            "v3 = call @f(v0, v1)",
            "11:1: the callee takes 3 values, and here are 2",
        ),
        (
            "return_call @g()\nblock1:",
            "11:1: the results are not those of the calling function",
        ),
        (
            "return v1\nblock1:",
            "11:8: v1 is an i64, and the function returns an i32",
        ),
        (
            "return\nblock1:",
            "11:1: the function returns 1 values, and here are 0",
        ),
        (
            "jump block1(v0)\nblock1(v3: i64):",
            "11:13: v0 is an i32, and v3 of block1 is an i64",
        ),
        (
            "jump block1(v0)\nblock1:",
            "11:6: block1 has 0 parameters, and here are 1 arguments",
        ),
        (
            "brif v2, block1, block1\nblock1:",
            "11:6: v2 is an f32, and brif wants an integer",
        ),
        (
            "brif v0, block1, block1(v0)\nblock1:",
            "11:18: block1 has 0 parameters, and here are 1 arguments",
        ),
        (
            "jump block0(v0, v1, v2)\nblock1:",
            "11:6: no edge leads to the entry",
        ),
        (
            "brif v0, block2, block1\nblock2:\nv3 = iadd.i32 v0, v0\njump block1\nblock1:\nv4 = iadd.i32 v0, v3",
            "16:19: the definition of v3 does not come before this use",
        ),
    ];
    for (lines, expected) in cases {
        let errors = errors_of(&in_function(lines));
        assert_eq!(errors[0], expected, "{lines}\n{errors:#?}");
    }
    let fine = "brif v0, block2, block1\nblock3:\nv3 = iadd.i32 v9, v0\njump block3\nblock2:\n\
                v9 = iadd.i32 v0, v0\njump block1\nblock1:";
    verify_module(&parse(&in_function(fine)).module).expect("unreachable blocks may use anything");
}

#[test]
fn wrong_declarations_are_found_where_they_stand() {
    let cases = [
        (
            "memory mem0 = 65537",
            "1:8: a memory has at most 65536 pages",
        ),
        (
            "memory mem0 = 2..1",
            "1:8: the minimum is greater than the maximum",
        ),
        (
            "memory mem0 = 2..65537",
            "1:8: a memory has at most 65536 pages",
        ),
        (
            "table table0 func = 2..1",
            "1:7: the minimum is greater than the maximum",
        ),
        (
            "global global0: i32 = global1\nglobal global1: i32 = 1",
            "1:8: global1 does not stand before",
        ),
        (
            "global global0: i32 mut = 1\nglobal global1: i32 = global0",
            "2:8: global0 is mutable, and initial values are constant",
        ),
        (
            "global global0: i32 = 1\nglobal global1: i64 = global0",
            "2:8: the initial value is an i32 and not an i64",
        ),
        (
            "global global0: i32 = @f\nimport func @f() = \"a\" \"b\"",
            "1:8: the initial value is an i64 and not an i32",
        ),
        (
            "memory mem0 = 1\nglobal global0: i64 = 1\ndata data0 at mem0 global0 = \"\"",
            "3:6: the initial value is an i64 and not an i32",
        ),
        (
            "data data0 declared = \"\"",
            "1:6: only element segments are `declared`",
        ),
        (
            "global global0: f64 = 1\nelem elem0 passive = [null, global0]",
            "2:6: the initial value is an f64 and not an i64",
        ),
        (
            "memory mem0 = 1\nexport \"a\" = mem0\nexport \"a\" = mem0",
            "3:8: two exports are called \"a\"",
        ),
        ("declare func @f()", "1:14: @f is declared and has no body"),
        (
            "import func @f(i32) = \"a\" \"b\"\nstart @f",
            "2:7: the start function has no parameters and results, not (i32)",
        ),
        (
            "func @f() {\nss0 = stack_slot 8, align 3\nblock0:\nreturn\n}",
            "1:6: ss0 is aligned to 3, which is no power of two of at most 16",
        ),
        (
            "func @f() {\nss0 = stack_slot 8, align 32\nblock0:\nreturn\n}",
            "1:6: ss0 is aligned to 32, which is no power of two of at most 16",
        ),
        (
            "func @f(i32) {\nblock0(v0: i64):\nreturn\n}",
            "2:1: the parameters of the entry are not those of the function",
        ),
        (
            "func @f() {\nblock0(v0: i64):\nreturn\n}",
            "2:1: the parameters of the entry are not those of the function",
        ),
    ];
    for (source, expected) in cases {
        let errors = errors_of(source);
        assert_eq!(errors[0], expected, "{source}\n{errors:#?}");
    }
    let memories: String = (0..257).map(|i| format!("memory mem{i} = 0\n")).collect();
    assert_eq!(errors_of(&memories), ["a module has at most 256 memories"]);
}

/// What no text can say: a body whose arrays were damaged.
#[test]
fn damaged_bodies_are_found() {
    let source = in_function("v3 = icmp.i32 eq v0, v0\ntrapz v3, user1\nv4 = iconst.i8 1\ndata_drop data0\njump block1(v0)\nblock1(v9: i32):")
        .replace("elem elem0", "data data0 passive = \"\"\nelem elem0");
    let good = parse(&source).module;
    verify_module(&good).expect("the undamaged one is fine");
    type Damage = fn(&mut crate::Function);
    let cases: [(Damage, &str); 16] = [
        (|f| f.insts[0].x = 200, "func0 inst0: 200 is no condition"),
        (
            |f| f.insts[0].a = 99,
            "func0 inst0: an operand is no value of this function",
        ),
        (
            |f| f.insts[0].ty = crate::Type::F32,
            "func0 inst0: icmp does not take f32 and i8",
        ),
        (|f| f.insts[1].x = 0, "func0 inst1: 0 is no trap code"),
        (
            |f| f.insts[2].b = 256,
            "func0 inst2: the constant has more bits than its type",
        ),
        (|f| f.insts[3].b = 1, "func0 inst3: there is no data1"),
        (
            |f| f.insts[1] = f.insts[4],
            "func0 inst1: one terminator ends a block, and nothing else",
        ),
        (
            |f| f.insts[4] = f.insts[1],
            "func0 inst4: one terminator ends a block, and nothing else",
        ),
        (
            |f| f.edges[0].block = Block(7),
            "func0 inst4 edge 0: there is no block7",
        ),
        (
            |f| f.list[0] = Value(77),
            "func0 inst4: an operand is no value of this function",
        ),
        (
            |f| f.blocks[1].first_inst.0 = 2,
            "func0 block1: blocks are not in the order of the layout",
        ),
        (
            |f| f.blocks[1].first_param.0 = 2,
            "func0 block1: parameters are not in the order of the layout",
        ),
        (
            |f| f.blocks.truncate(1),
            "func0 inst4 edge 0: there is no block1",
        ),
        (
            |f| f.results[2] = Value(9),
            "func0 inst3: results are not in the order of the layout",
        ),
        (
            |f| f.value_types[3] = crate::Type::I32,
            "func0 inst0: the results are not of the types that the op yields",
        ),
        (|f| f.blocks.clear(), "func0: a function has a block"),
    ];
    for (damage, expected) in cases {
        let mut module = good.clone();
        if let FuncKind::Defined(body) = &mut module.funcs[0].kind {
            damage(body);
        }
        let errors = verify_module(&module).expect_err(expected);
        let found = errors.to_string();
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn damaged_declarations_are_found() {
    let good = parse("memory mem0 = 1\nexport \"m\" = mem0\nimport func @f() = \"a\" \"b\"").module;
    type Damage = fn(&mut Module);
    let cases: [(Damage, &str); 5] = [
        (
            |m| m.exports[0].item = ExportItem::Memory(Memory(1)),
            "export 0: mem1 is not in the module",
        ),
        (
            |m| m.funcs[0].sig = Sig(3),
            "func0: sig3 is not in the module",
        ),
        (
            |m| m.start = Some(Func(8)),
            "start: func8 is not in the module",
        ),
        (
            |m| m.funcs.push(m.funcs[0].clone()),
            "func1: two functions are called @f",
        ),
        (
            |m| m.exports[0].item = ExportItem::Func(Func(1)),
            "export 0: func1 is not in the module",
        ),
    ];
    for (damage, expected) in cases {
        let mut module = good.clone();
        damage(&mut module);
        assert_eq!(
            verify_module(&module).expect_err(expected).to_string(),
            expected
        );
    }
}

#[test]
fn a_rendered_error_shows_the_line() {
    let source =
        "func @f(i32, i64) {\nblock0(v1: i32, v2: i64):\n    v3 = iadd.i32 v1, v2\n    return\n}\n";
    let parsed = parse(source);
    let errors = verify_module(&parsed.module).unwrap_err();
    assert_eq!(
        errors.render(&parsed.positions, source, "file.ir"),
        "error: v1 is an i64, and iadd wants an i32\n --> file.ir:3:23\n  |\n\
         3 |     v3 = iadd.i32 v1, v2\n  |                       ^^\n"
    );
}

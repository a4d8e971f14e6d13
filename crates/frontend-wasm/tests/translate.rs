//! The shape of what comes out: small modules whose IR is written down in full, or in parts.

use bakeoff_frontend_wasm::{WasmError, load, translate_text};
use bakeoff_ir::{Function, Module};

/// The module, which must also verify and print as a text that reads back to itself.
fn module(wat: &str) -> Module {
    let module = translate_text(wat).unwrap_or_else(|e| panic!("{e}\n{wat}"));
    let text = module.to_string();
    bakeoff_ir::verify_module(&module).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let back = bakeoff_ir::parse_module(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(back.module, module, "{text}");
    module
}

/// The body of the last function.
fn body(module: &Module) -> &Function {
    module.bodies().last().expect("a function with a body").2
}

/// The last function as text, without its head and tail, one instruction a line, no indentation.
fn lines(wat: &str) -> Vec<String> {
    let text = module(wat).to_string();
    let start = text.rfind("\nfunc @").expect("a function");
    text[start..]
        .lines()
        .skip(2)
        .map(|line| line.trim().to_string())
        .filter(|line| line != "}" && !line.is_empty())
        .collect()
}

/// The lines of a function with these parameters, results and operators, in a module with a memory, a
/// few tables and so on.
fn func(head: &str, code: &str) -> Vec<String> {
    lines(&format!(
        r#"(module
            (type $binary (func (param i32 i32) (result i32)))
            (memory 1)
            (table $t 4 funcref)
            (table $u 4 externref)
            (global $g (mut i64) (i64.const 5))
            (data $d "bytes")
            (elem $e func $callee)
            (func $callee (type $binary) local.get 0)
            (func $f (export "f") {head} {code}))"#
    ))
}

fn assert_lines(found: Vec<String>, expected: &[&str]) {
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn a_loop_carries_the_locals_that_it_changes() {
    let code = "
        loop
          local.get 2 local.get 0 i32.add local.set 2
          local.get 0 local.get 1 i32.sub local.tee 0
          br_if 0
        end
        local.get 2";
    assert_lines(
        func("(param i32 i32) (result i32) (local i32)", code),
        &[
            "block0(v0: i32, v1: i32):",
            "v2 = iconst.i32 0",
            "jump block1(v2, v0)",
            "block1(v3: i32, v4: i32):",
            "v5 = iadd.i32 v3, v4",
            "v6 = isub.i32 v4, v1",
            "brif v6, block1(v5, v6), block2",
            "block2:",
            "return v5",
        ],
    );
}

#[test]
fn a_comparison_decides_a_branch_without_anything_between() {
    let code = "block local.get 0 local.get 1 i32.lt_s br_if 0 unreachable end";
    assert_lines(
        func("(param i32 i32)", code),
        &[
            "block0(v0: i32, v1: i32):",
            "v2 = icmp.i32 slt v0, v1",
            "brif v2, block2, block1",
            "block1:",
            "trap unreachable",
            "block2:",
            "return",
        ],
    );
}

#[test]
fn eqz_inverts_comparisons_and_swaps_edges() {
    let code = "block
        local.get 0 local.get 1 f64.lt i32.eqz br_if 0
        local.get 2 i32.eqz br_if 0
        local.get 2 i32.eqz i32.eqz br_if 0
        unreachable end";
    assert_lines(
        func("(param f64 f64 i32)", code),
        &[
            "block0(v0: f64, v1: f64, v2: i32):",
            "v3 = fcmp.f64 uge v0, v1",
            "brif v3, block4, block1",
            "block1:",
            "brif v2, block2, block4",
            "block2:",
            "brif v2, block4, block3",
            "block3:",
            "trap unreachable",
            "block4:",
            "return",
        ],
    );
}

#[test]
fn truth_values_become_numbers_where_they_are_used_as_such() {
    let code = "
        local.get 0 local.get 1 i32.lt_s
        local.get 0 i32.eqz i32.and
        local.tee 0
        local.get 0 i64.extend_i32_u local.get 0 local.get 1 i32.eq i64.extend_i32_s i64.add
        global.set $g";
    assert_lines(
        func("(param i32 i32) (result i32)", code),
        &[
            "block0(v0: i32, v1: i32):",
            "v2 = icmp.i32 slt v0, v1",
            "v3 = iconst.i32 0",
            "v4 = icmp.i32 eq v0, v3",
            "v5 = band.i8 v2, v4",
            "v6 = uextend.i32.i8 v5",
            "v7 = uextend.i64.i32 v6",
            "v8 = icmp.i32 eq v6, v1",
            "v9 = uextend.i64.i8 v8",
            "v10 = iadd.i64 v7, v9",
            "global_set.i64 global0, v10",
            "return v6",
        ],
    );
}

#[test]
fn select_takes_conditions_as_they_are() {
    let code = "
        local.get 0 local.get 1 local.get 0 local.get 1 i32.gt_u select
        local.get 0 local.get 1 local.get 0 i32.eqz select (result i32)
        i32.xor";
    assert_lines(
        func("(param i32 i32) (result i32)", code),
        &[
            "block0(v0: i32, v1: i32):",
            "v2 = icmp.i32 ugt v0, v1",
            "v3 = select.i32 v2, v0, v1",
            "v4 = select.i32 v0, v1, v0",
            "v5 = bxor.i32 v3, v4",
            "return v5",
        ],
    );
}

#[test]
fn unused_tests_and_null_tests_leave_nothing_behind() {
    let code = "
        local.get 0 i32.eqz drop
        local.get 1 ref.is_null if ref.null func local.set 1 end
        local.get 1 ref.func $callee local.set 1 drop";
    assert_lines(
        func("(param i32 funcref)", code),
        &[
            "block0(v0: i32, v1: i64):",
            "brif v1, block2, block1",
            "block1:",
            "v2 = iconst.i64 0",
            "jump block2",
            "block2:",
            "v3 = ref_func @callee",
            "return",
        ],
    );
}

#[test]
fn unreachable_code_is_skipped_with_all_that_is_nested_in_it() {
    let code = "
        block (result i32)
          i32.const 7
          br 0
          block loop i32.const 0 if i32.const 1 drop else nop end end end
          i32.add
          if nop else nop end
        end
        local.get 0
        if (result i32) i32.const 1 else i32.const 2 end
        i32.add
        return
        local.get 0 br_if 0 unreachable";
    assert_lines(
        func("(param i32) (result i32)", code),
        &[
            "block0(v0: i32):",
            "v1 = iconst.i32 7",
            "jump block1(v1)",
            "block1(v2: i32):",
            "brif v0, block2, block3",
            "block2:",
            "v3 = iconst.i32 1",
            "jump block4(v3)",
            "block3:",
            "v4 = iconst.i32 2",
            "jump block4(v4)",
            "block4(v5: i32):",
            "v6 = iadd.i32 v2, v5",
            "return v6",
        ],
    );
}

#[test]
fn a_branch_table_gives_each_edge_the_operands() {
    let code = "
        block $a (result i32)
          block $b (result i32)
            i32.const 10
            local.get 0
            br_table $a $b $a 2
          end
          i32.const 1 i32.add
        end";
    assert_lines(
        func("(param i32) (result i32)", code),
        &[
            "block0(v0: i32):",
            "v1 = iconst.i32 10",
            "br_table v0, [block2(v1), block1(v1), block2(v1)], block3(v1)",
            "block1(v2: i32):",
            "v3 = iconst.i32 1",
            "v4 = iadd.i32 v2, v3",
            "jump block2(v4)",
            "block2(v5: i32):",
            "return v5",
            "block3(v6: i32):",
            "return v6",
        ],
    );
}

#[test]
fn blocks_take_and_give_several_values() {
    let code = "
        local.get 0 i64.const 1
        loop (param i32 i64) (result i64 i32)
          local.set 1
          i32.const 1 i32.sub local.tee 0
          local.get 1 i64.const 2 i64.mul
          local.get 0
          br_if 0
          local.get 0
          if (param i32 i64) (result i64 i32) local.set 1 drop i64.const 3 i32.const 4
          else local.set 1 local.set 0 local.get 1 local.get 0 end
        end
        drop";
    assert_lines(
        func("(param i32) (result i64) (local i64)", code),
        &[
            "block0(v0: i32):",
            "v1 = iconst.i64 1",
            "jump block1(v0, v1)",
            "block1(v2: i32, v3: i64):",
            "v4 = iconst.i32 1",
            "v5 = isub.i32 v2, v4",
            "v6 = iconst.i64 2",
            "v7 = imul.i64 v3, v6",
            "brif v5, block1(v5, v7), block2",
            "block2:",
            "brif v5, block3, block4",
            "block3:",
            "v8 = iconst.i64 3",
            "v9 = iconst.i32 4",
            "jump block5(v8, v9)",
            "block4:",
            "jump block5(v7, v5)",
            "block5(v10: i64, v11: i32):",
            "return v10",
        ],
    );
}

#[test]
fn an_if_without_else_passes_its_parameters_on() {
    let code = "i32.const 5 local.get 0 if (param i32) (result i32) drop i32.const 6 end";
    assert_lines(
        func("(param i32) (result i32)", code),
        &[
            "block0(v0: i32):",
            "v1 = iconst.i32 5",
            "brif v0, block1, block2(v1)",
            "block1:",
            "v2 = iconst.i32 6",
            "jump block2(v2)",
            "block2(v3: i32):",
            "return v3",
        ],
    );
}

#[test]
fn calls_pass_truth_values_as_numbers() {
    let code = "
        local.get 0 i32.eqz local.get 0 call $callee
        local.get 0 call $callee
        i32.const 1 local.get 0 call_indirect $t (type $binary)
        i32.const 2
        local.get 0
        if (param i32 i32) (result i32)
          return_call $callee
        else
          i32.const 3 return_call_indirect $t (type $binary)
        end";
    assert_lines(
        func("(param i32) (result i32)", code),
        &[
            "block0(v0: i32):",
            "v1 = iconst.i32 0",
            "v2 = icmp.i32 eq v0, v1",
            "v3 = uextend.i32.i8 v2",
            "v4 = call @callee(v3, v0)",
            "v5 = call @callee(v4, v0)",
            "v6 = iconst.i32 1",
            "v7 = call_indirect table0, sig0, v0(v5, v6)",
            "v8 = iconst.i32 2",
            "brif v0, block1, block2",
            "block1:",
            "return_call @callee(v7, v8)",
            "block2:",
            "v9 = iconst.i32 3",
            "return_call_indirect table0, sig0, v9(v7, v8)",
        ],
    );
}

#[test]
fn bulk_operations_on_memory() {
    let code = "
        local.get 0 local.get 1 local.get 2 memory.fill
        local.get 0 local.get 1 local.get 2 memory.copy
        local.get 0 local.get 1 local.get 2 memory.init $d
        data.drop $d
        memory.size memory.grow drop";
    assert_lines(
        func("(param i32 i32 i32)", code),
        &[
            "block0(v0: i32, v1: i32, v2: i32):",
            "memory_fill.i32 mem0, v0, v1, v2",
            "memory_copy.i32 mem0, mem0, v0, v1, v2",
            "memory_init.i32 mem0, data0, v0, v1, v2",
            "data_drop data0",
            "v3 = memory_size.i32 mem0",
            "v4 = memory_grow.i32 mem0, v3",
            "return",
        ],
    );
}

#[test]
fn bulk_operations_on_tables() {
    let code = "
        local.get 0 local.get 1 local.get 0 table.fill $u
        local.get 0 local.get 0 local.get 0 table.copy $t $t
        local.get 0 local.get 0 local.get 0 table.init $t $e
        elem.drop $e
        local.get 0 local.get 0 table.get $u table.set $u
        local.get 1 local.get 0 table.grow $u table.size $u i32.add";
    assert_lines(
        func("(param i32 externref) (result i32)", code),
        &[
            "block0(v0: i32, v1: i64):",
            "table_fill table1, v0, v1, v0",
            "table_copy table0, table0, v0, v0, v0",
            "table_init table0, elem0, v0, v0, v0",
            "elem_drop elem0",
            "v2 = table_get table1, v0",
            "table_set table1, v0, v2",
            "v3 = table_grow table1, v1, v0",
            "v4 = table_size table1",
            "v5 = iadd.i32 v3, v4",
            "return v5",
        ],
    );
}

#[test]
fn accesses_keep_index_and_offset() {
    let code = "
        local.get 0 i64.load offset=4294967295
        local.get 0 i64.load32_s offset=8 i64.add
        local.get 0 i32.load8_u i64.extend_i32_u i64.add
        local.set 1
        local.get 0 local.get 1 i64.store16 offset=2
        local.get 0 local.get 1 i64.store
        local.get 0 local.get 0 local.get 0 i32.eq i32.store";
    assert_lines(
        func("(param i32) (local i64)", code),
        &[
            "block0(v0: i32):",
            "v1 = load.i64 mem0, v0+4294967295",
            "v2 = sload.i64.i32 mem0, v0+8",
            "v3 = iadd.i64 v1, v2",
            "v4 = uload.i32.i8 mem0, v0",
            "v5 = uextend.i64.i32 v4",
            "v6 = iadd.i64 v3, v5",
            "istore.i64.i16 mem0, v6, v0+2",
            "store.i64 mem0, v6, v0",
            "v7 = icmp.i32 eq v0, v0",
            "v8 = uextend.i32.i8 v7",
            "store.i32 mem0, v8, v0",
            "return",
        ],
    );
}

#[test]
fn conversions() {
    let code = "
        local.get 0 i32.extend8_s local.set 0
        local.get 0 i64.extend_i32_s i64.extend32_s i32.wrap_i64
        local.get 1 i32.trunc_f64_u i32.add
        local.get 1 i32.trunc_sat_f64_s i32.add
        f32.reinterpret_i32 f64.promote_f32
        local.get 0 f64.convert_i32_u f64.min f64.nearest";
    assert_lines(
        func("(param i32 f64) (result f64)", code),
        &[
            "block0(v0: i32, v1: f64):",
            "v2 = ireduce.i8.i32 v0",
            "v3 = sextend.i32.i8 v2",
            "v4 = sextend.i64.i32 v3",
            "v5 = ireduce.i32.i64 v4",
            "v6 = sextend.i64.i32 v5",
            "v7 = ireduce.i32.i64 v6",
            "v8 = fcvt_to_uint.i32.f64 v1",
            "v9 = iadd.i32 v7, v8",
            "v10 = fcvt_to_sint_sat.i32.f64 v1",
            "v11 = iadd.i32 v9, v10",
            "v12 = bitcast.f32.i32 v11",
            "v13 = fpromote.f64.f32 v12",
            "v14 = fcvt_from_uint.f64.i32 v3",
            "v15 = fmin.f64 v13, v14",
            "v16 = nearest.f64 v15",
            "return v16",
        ],
    );
}

#[test]
fn declarations() {
    let text = module(
        r#"(module
            (import "host" "print" (func $print (param i64)))
            (import "host" "base" (global $base i32))
            (import "host" "table" (table 2 9 externref))
            (import "host" "memory" (memory 1 2))
            (global (export "answer") i32 (i32.const 42))
            (global $copy (mut i32) (global.get $base))
            (global funcref (ref.func $g))
            (global externref (ref.null extern))
            (global f32 (f32.const nan:0x200000))
            (table $t (export "t") 3 funcref)
            (elem (table $t) (global.get $base) func $print $g)
            (elem (table $t) (i32.const 0) funcref (ref.null func) (ref.func $g))
            (elem externref (ref.null extern))
            (elem declare func $g)
            (data (i32.const 8) "\00\ff")
            (data "")
            (func $g (export "go"))
            (start $g))"#,
    )
    .to_string();
    for part in [
        "global2: i32 mut = global0",
        "nan:0x200000",
        "export \"answer\" = global1",
        "export \"go\" = @g",
        "start @g",
    ] {
        assert!(text.contains(part), "{part} is missing\n{text}");
    }
    let module = module_of_kinds(&text);
    assert_eq!(module.elems.len(), 4);
    assert_eq!((module.tables[0].min, module.tables[0].max), (2, Some(9)));
    assert_eq!(module.memories[0].max_pages, Some(2));
    assert_eq!(module.datas[0].bytes, [0, 255]);
    assert_eq!(module.func(bakeoff_ir::Func(0)).name, "print");
    assert!(body(&module).inst_count() == 1);
}

fn module_of_kinds(text: &str) -> Module {
    bakeoff_ir::parse_module(text).expect("reads back").module
}

#[test]
fn names_come_from_names_then_exports_then_indices_and_are_unique() {
    let module = module(
        r#"(module
            (func (@name "a") (export "never"))
            (func (@name "a"))
            (func (@name "a.1"))
            (func (export "a"))
            (func)
            (func (export "f4")))"#,
    );
    let names: Vec<&str> = module.funcs.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a", "a.1", "a.1.1", "a.2", "f4", "f4.1"]);
}

#[test]
fn errors_say_where_and_what() {
    let error = |wat: &str| match translate_text(wat) {
        Err(WasmError::Binary { offset, message }) => (offset, message),
        other => panic!("{other:?}"),
    };
    let (offset, message) = error("(module (func (result v128) v128.const i64x2 0 0))");
    assert!(offset > 8 && message.contains("SIMD"), "{message}");
    let (_, message) = error("(module (memory i64 1))");
    assert!(message.contains("memory64"), "{message}");
    let (_, message) = error("(module (memory 1) (memory 1))");
    assert!(
        message.contains("multi-memory") || message.contains("multiple"),
        "{message}"
    );
    let (offset, message) = error("(module (func (result i32) i64.const 1))");
    assert!(offset > 8 && message.contains("type mismatch"), "{message}");
    let tables = "(table 1 funcref)".repeat(257);
    let (_, message) = error(&format!("(module {tables})"));
    assert!(message.contains("256 tables"), "{message}");
}

#[test]
fn both_formats_load_and_neither_is_an_error() {
    let wasm = wat::parse_str("(module (func))").expect("valid");
    assert_eq!(load(&wasm), load(b"(module (func))"));
    assert!(matches!(load(b"(module"), Err(WasmError::Text(m)) if m.contains("expected")));
    assert_eq!(load(&[0xff, 0xfe]).unwrap_err().offset(), Some(0));
    assert!(load(b"\0as").is_err());
}

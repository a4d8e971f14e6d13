//! From the IR to CLIF and back: the same answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bakeoff_backend::{CallError, Imports, Instance, NoPhases, Options, Target};
use bakeoff_difftest::to_clif;
use bakeoff_frontend_clif::{ClifModule, parse};
use bakeoff_ir::text::{Directive, parse_module};
use bakeoff_ir::{Format, Module, Op, Scalar, TrapCode, verify_module};
use bakeoff_registry::REFERENCE;

/// Writes and reads back.
#[track_caller]
fn round_trip(module: &Module) -> (String, Module) {
    let text = to_clif(module).unwrap_or_else(|e| panic!("{e}"));
    let ClifModule {
        module, left_out, ..
    } = parse(&text).unwrap_or_else(|e| panic!("{}\n{text}", e.render(&text, "written.clif")));
    assert!(left_out.is_empty(), "{left_out:?}\n{text}");
    verify_module(&module).unwrap_or_else(|e| panic!("{e}\n{text}"));
    (text, module)
}

/// The files of tests/ir, each with its name.
fn ir_files() -> Vec<(String, PathBuf)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir");
    let entries = std::fs::read_dir(dir).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    paths.into_iter().map(|path| (stem(&path), path)).collect()
}

/// What a call gives on the reference.
fn outcome(module: &Arc<Module>, directive: &Directive) -> Result<Vec<Scalar>, TrapCode> {
    let backend = bakeoff_registry::find(REFERENCE).unwrap().backend;
    let target = Target::host().unwrap();
    let options = Options::default();
    let executable = backend.compile(module, target, &options, &mut NoPhases);
    let mut instance = Instance::new(&executable.unwrap(), &Imports::new()).unwrap();
    match instance.call(&directive.name, &directive.args) {
        Ok(values) => Ok(values),
        Err(CallError::Trap(trap)) => Err(trap.code),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_file_that_can_be_written_gives_what_it_says() {
    let (mut written, mut lines) = (Vec::new(), 0);
    for (name, path) in ir_files() {
        let source = std::fs::read_to_string(&path).unwrap();
        let parsed = parse_module(&source).unwrap();
        if to_clif(&parsed.module).is_err() {
            continue;
        }
        let (text, module) = round_trip(&parsed.module);
        let module = Arc::new(module);
        for directive in &parsed.directives {
            let got = outcome(&module, directive);
            let holds = directive.expect.holds(got.as_deref().map_err(|code| *code));
            assert!(
                holds,
                "{}: {directive:?} gave {got:?}\n{text}",
                path.display()
            );
            lines += 1;
        }
        written.push(name);
    }
    println!("{} files, {lines} lines", written.len());
    assert!(lines > 2000, "{lines} lines");
    // Everything that computes from its operands alone, and more.
    for op in Op::ALL {
        let pure = matches!(
            op.info().format,
            Format::Plain | Format::Const | Format::IntCompare | Format::FloatCompare
        );
        let is_there = written.iter().any(|name| name == op.name());
        assert!(!pure || is_there, "{op} was not written");
    }
}

#[test]
fn control_calls_slots_and_traps_survive() {
    let source = r#"
export func @f(i32, i64) -> (i64, f32) {
    ss0 = stack_slot 24, align 8
    ss1 = stack_slot 4, align 4
block0(v0: i32, v1: i64):
    v10 = iconst.i16 -2
    stack_store.i32 v0, ss1
    stack_store.i64 v1, ss0+16
    v2 = stack_addr.i64 ss0+8
    v3 = raw_load.i64 v1+8
    raw_store.i16 v10, v1-8
    brif v0, block1(v3), block2
block1(v5: i64):
    v6 = fconst.f32 -1.5
    return v5, v6
block2:
    v7 = stack_load.i32 ss1
    br_table v7, [block1(v1), block3], block4
block3:
    return_call @g(v1)
block4:
    v8, v9 = call @g(v1)
    trapnz v0, user0
    trapz v0, table_out_of_bounds
    trap unreachable
}
func @g(i64) -> (i64, f32) {
block0(v0: i64):
    v1 = fconst.f32 nan:0x1
    v2 = ref_func @g
    return v2, v1
}
"#;
    let module = parse_module(source).unwrap().module;
    verify_module(&module).unwrap();
    let (text, once) = round_trip(&module);
    for part in [
        "function %f(i32, i64) -> i64, f32 tail {",
        "ss0 = explicit_slot 24, align = 8",
        "fn1 = colocated u0:1(i64) -> i64, f32 tail",
        "load.i64 v1+8",
        "trapnz.i32 v0, user200",
        "trap user201",
        "f32const +sNaN:0x1",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert_eq!(once.export("f"), module.export("f"));
    // Blocks may stand in another order, and the addresses by which slots are accessed are left.
    let ops = |module: &Module| -> Vec<Op> {
        let insts = module.bodies().flat_map(|(_, _, body)| {
            let blocks = body.blocks();
            let insts = blocks.flat_map(|block| body.inst_slice(block));
            insts.map(|data| data.op).collect::<Vec<_>>()
        });
        let mut ops: Vec<Op> = insts.filter(|op| *op != Op::StackAddr).collect();
        ops.sort();
        ops
    };
    assert_eq!(ops(&once), ops(&module));
}

#[test]
fn what_clif_has_no_word_for_is_an_error() {
    for (source, what) in [
        ("memory mem0 = 1", "memory"),
        ("table table0 func = 1", "table"),
        ("global global0: i32 = 1", "global"),
        ("import func @f() = \"a\" \"b\"", "imported function"),
        (
            "export func @f() {\nblock0:\n return\n}\nstart @f",
            "start function",
        ),
        (
            "func @f() {\nblock0:\n return\n}\nexport \"a b\" = @f",
            "export \"a b\"",
        ),
        (
            "func @f() {\nblock0:\n return\n}\nexport \"CeilF32\" = @f",
            "export \"CeilF32\"",
        ),
        (
            "func @f() {\nblock0:\n return\n}\nexport \"a\" = @f\nexport \"b\" = @f",
            "export \"b\"",
        ),
        (
            "sig0 = ()\nfunc @f(i64) {\nblock0(v0: i64):\n call_raw sig0, v0()\n return\n}",
            "op call_raw",
        ),
    ] {
        let module = parse_module(source).unwrap().module;
        let error = to_clif(&module).expect_err(source);
        assert_eq!(error.what, what);
        assert!(error.to_string().contains("no word for"), "{error}");
    }
}

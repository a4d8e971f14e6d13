//! The benchmark programs: they translate to IR that verifies, and to good IR at that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bakeoff_frontend_wasm::translate;
use bakeoff_ir::{Function, Op, parse_module, verify_module};
use wasmparser::{Parser, Payload};

fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench-suite/programs/wasm");
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wasm"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Operators in all bodies.
fn operator_count(wasm: &[u8]) -> usize {
    Parser::new(0)
        .parse_all(wasm)
        .filter_map(|payload| match payload.expect("valid") {
            Payload::CodeSectionEntry(body) => Some(body.get_operators_reader().expect("valid")),
            _ => None,
        })
        .map(|operators| operators.into_iter().count())
        .sum()
}

/// Instructions that nothing uses and that could be dropped.
fn dead_count(f: &Function) -> usize {
    let mut used = vec![false; f.value_count()];
    let insts = || f.blocks().flat_map(|block| f.insts(block));
    for inst in insts() {
        let data = f.inst(inst);
        f.operands(data).for_each(|v| used[v.index()] = true);
        for edge in f.edges(data) {
            f.edge_args(edge)
                .iter()
                .for_each(|v| used[v.index()] = true);
        }
    }
    insts()
        .filter(|inst| f.inst(*inst).op.info().effects.is_removable())
        .filter(|inst| f.results(*inst).all(|v| !used[v.index()]))
        .count()
}

#[test]
fn programs_translate_to_good_ir() {
    let programs = programs();
    assert!(programs.len() >= 21, "{programs:?}");
    let (mut operators, mut insts, mut dead, mut extensions) = (0, 0, 0, 0);
    for path in programs {
        let wasm = std::fs::read(&path).expect("readable");
        let module = translate(&wasm).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        verify_module(&module).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let back = parse_module(&module.to_string()).expect("prints what parses");
        assert_eq!(back.module, module, "{}", path.display());
        operators += operator_count(&wasm);
        insts += module.inst_count();
        for (_, _, body) in module.bodies() {
            dead += dead_count(body);
            extensions += body
                .blocks()
                .flat_map(|block| body.inst_slice(block))
                .filter(|inst| inst.op == Op::Uextend)
                .count();
        }
    }
    // Of the operators about a third are local.get, which is nothing here.
    assert!(insts * 100 <= operators * 62, "{insts} of {operators}");
    assert!(dead * 1000 <= insts, "{dead} of {insts} are dead");
    assert!(
        extensions * 30 <= insts,
        "{extensions} of {insts} are extensions"
    );
}

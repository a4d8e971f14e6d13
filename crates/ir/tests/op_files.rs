//! The files in tests/ir: one for each op, with what it gives at its boundaries. Backends run them;
//! here they are parsed, verified and printed, and what needs no memory and no calls is compared with
//! the reference semantics.

use std::path::{Path, PathBuf};

use bakeoff_ir::text::Directive;
use bakeoff_ir::{
    Block, Format, Function, InstData, Module, Op, ParsedModule, Scalar, TrapCode, parse_module,
    semantics, verify_module,
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir")
}

fn parse(path: &Path) -> ParsedModule {
    let source = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    let file = path.display().to_string();
    let parsed = parse_module(&source).unwrap_or_else(|e| panic!("{}", e.render(&source, &file)));
    if let Err(errors) = verify_module(&parsed.module) {
        panic!("{}", errors.render(&parsed.positions, &source, &file));
    }
    parsed
}

fn all_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).expect("tests/ir is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "ir"));
    files.sort();
    files
}

#[test]
fn every_file_is_valid_and_round_trips() {
    for path in all_files() {
        let module = parse(&path).module;
        let printed = module.to_string();
        let again = parse_module(&printed)
            .unwrap_or_else(|e| panic!("{}", e.render(&printed, &path.display().to_string())));
        assert!(
            again.module == module,
            "{path:?} does not round-trip:\n{printed}"
        );
    }
}

#[test]
fn every_op_has_a_file_that_uses_it_with_all_its_types() {
    for op in Op::ALL {
        let parsed = parse(&directory().join(format!("{op}.ir")));
        assert!(!parsed.directives.is_empty(), "{op}.ir runs nothing");
        let uses = |data: &InstData, ty, ty2| {
            data.op == *op
                && (op.info().t.is_empty() || Some(data.ty) == ty)
                && (op.info().s.is_empty() || Some(data.ty2) == ty2)
        };
        for (ty, ty2) in op.type_pairs() {
            let found = parsed.module.bodies().any(|(_, _, body)| {
                let insts = body.blocks().flat_map(|block| body.inst_slice(block));
                insts.into_iter().any(|data| uses(data, ty, ty2))
            });
            assert!(found, "{op}.ir does not use it with {ty:?} and {ty2:?}");
        }
    }
}

/// The results of a function of one block without effects; `None` for any other.
fn straight_line(body: &Function, args: &[Scalar]) -> Option<Result<Vec<Scalar>, TrapCode>> {
    let mut values: Vec<Scalar> = args.to_vec();
    for inst in body.insts(Block(0)) {
        let data = body.inst(inst);
        let row = data.op.info();
        match row.format {
            Format::Const => values.push(data.scalar()),
            Format::Return => {
                let results = body.list_operands(data).iter().map(|v| values[v.index()]);
                return Some(Ok(results.collect()));
            }
            _ => {
                let mut slots = [0; 3];
                for (slot, operand) in slots.iter_mut().zip(body.operands(data)) {
                    *slot = values[operand.index()].bits();
                }
                match semantics::eval(data.op, data.ty, data.ty2, data.x, slots)? {
                    Err(trap) => return Some(Err(trap)),
                    Ok(bits) => {
                        let results = body.results(inst).zip(bits);
                        values.extend(results.map(|(v, b)| Scalar::new(body.value_type(v), b)));
                    }
                }
            }
        }
    }
    None
}

fn check(module: &Module, directive: &Directive) -> bool {
    let Some(body) = module.func(directive.func).body() else {
        return false;
    };
    let Some(outcome) = straight_line(body, &directive.args) else {
        return false;
    };
    let agrees = directive
        .expect
        .holds(outcome.as_deref().map_err(|trap| *trap));
    let (name, args) = (&directive.name, &directive.args);
    assert!(
        agrees,
        "@{name}{args:?} at {} gives {outcome:?}",
        directive.span
    );
    true
}

/// The expectations in the files come from elsewhere, so each checks the other.
#[test]
fn the_reference_semantics_give_what_the_files_say() {
    let mut checked = 0;
    for path in all_files() {
        println!("{}", path.display());
        let parsed = parse(&path);
        let agreeing = parsed
            .directives
            .iter()
            .filter(|d| check(&parsed.module, d));
        checked += agreeing.count();
    }
    assert!(
        checked > 2000,
        "only {checked} directives are straight-line"
    );
}

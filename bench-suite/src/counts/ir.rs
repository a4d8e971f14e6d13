//! Instructions of the IR that a timed call executes: by a copy of the module that counts.
//!
//! Each block of the copy begins by adding the number of its instructions to a global that is not there in the original. The
//! copy runs on the reference and must give the same answer. What it counts depends on the program alone: not on
//! the machine, and not on how the interpreter fuses instructions.

use std::sync::Arc;

use bakeoff_backend::{Imports, Instance, NoPhases, Options};
use bakeoff_ir::{
    Block, Export, ExportItem, FuncKind, Function, FunctionBuilder, Global, GlobalDecl, GlobalInit,
    InitExpr, Module, Op, Scalar, Sig, Type, Value, verify_module,
};
use bakeoff_registry::{REFERENCE, find};
use bakeoff_suite::Size;

use crate::guest::InstanceGuest;
use crate::measure::{Failure, Subject, compile, failure};

/// The number of IR instructions that the timed call executes. A block counts as a whole when it is entered.
///
/// # Errors
/// If the program does not run to its answer on the reference.
pub fn ir_insts(subject: &Subject, size: Size) -> Result<u64, Failure> {
    let wrong = |what: &str| Failure::Wrong(format!("cannot count: {what}"));
    let (module, counter) =
        counting(&subject.module).ok_or_else(|| wrong("the copy cannot be built"))?;
    verify_module(&module).map_err(|errors| wrong(&errors.to_string()))?;
    let reference = find(REFERENCE).map_err(|error| wrong(&error.to_string()))?;
    let options = Options::default();
    let executable = compile(reference, &Arc::new(module), &options, &mut NoPhases)
        .map_err(|error| wrong(&error.to_string()))?;
    let instance =
        Instance::new(&executable, &Imports::new()).map_err(|e| Failure::Trap(e.to_string()))?;
    let mut guest = InstanceGuest(instance);
    let prepared = subject.program.prepare(size, &mut guest).map_err(failure)?;
    let count = |guest: &InstanceGuest| guest.0.global(&counter).map_or(0, Scalar::bits);
    let before = count(&guest);
    let timed = prepared.time(&mut guest).map_err(failure)?;
    let after = count(&guest);
    prepared
        .check(&mut guest, &timed.results)
        .map_err(failure)?;
    Ok(after - before)
}

/// The copy, and the name by which it exports the counter.
fn counting(module: &Module) -> Option<(Module, String)> {
    let mut copy = module.clone();
    let counter = Global::from_index(copy.globals.len());
    copy.globals.push(GlobalDecl {
        ty: Type::I64,
        mutable: true,
        init: GlobalInit::Expr(InitExpr::Const(Scalar::i64(0))),
    });
    let mut name = "executed".to_string();
    while module.export(&name).is_some() {
        name.push('\'');
    }
    copy.exports.push(Export {
        name: name.clone(),
        item: ExportItem::Global(counter),
    });
    let bodies: Option<Vec<_>> = module
        .bodies()
        .map(|(func, decl, body)| Some((func, counting_body(&copy, decl.sig, body, counter)?)))
        .collect();
    for (func, body) in bodies? {
        copy.funcs[func.index()].kind = FuncKind::Defined(body);
    }
    Some((copy, name))
}

/// A body that counts; `None` if a value is used in the layout before it is defined.
fn counting_body(module: &Module, sig: Sig, body: &Function, counter: Global) -> Option<Function> {
    let mut builder = FunctionBuilder::new(module, sig);
    let mut values: Vec<Option<Value>> = vec![None; body.value_count()];
    for block in body.blocks() {
        if block == builder.entry() {
            let params = builder.params(block).to_vec();
            for (old, new) in body.params(block).zip(params) {
                values[old.index()] = Some(new);
            }
            continue;
        }
        let copy = builder.create_block();
        for old in body.params(block) {
            values[old.index()] = Some(builder.append_param(copy, body.value_type(old)));
        }
    }
    for slot in body.stack_slots() {
        builder.create_stack_slot(*slot);
    }
    for block in body.blocks() {
        builder.switch_to(block);
        let executed = builder.global_get(counter);
        let more = builder.iconst(Type::I64, body.insts(block).count() as i64);
        let sum = builder.binary(Op::Iadd, Type::I64, executed, more);
        builder.global_set(counter, sum);
        for inst in body.insts(block) {
            let data = body.inst(inst);
            let find = |old: Value| values[old.index()];
            let operands: Vec<Value> = body.operands(data).map(find).collect::<Option<_>>()?;
            let mut edges: Vec<(Block, Vec<Value>)> = Vec::new();
            for edge in body.edges(data) {
                let args = body.edge_args(edge).iter().copied();
                edges.push((edge.block, args.map(find).collect::<Option<_>>()?));
            }
            let edges: Vec<(Block, &[Value])> = edges.iter().map(|(b, a)| (*b, &a[..])).collect();
            let types: Vec<Type> = body.results(inst).map(|v| body.value_type(v)).collect();
            let results = builder.copy(data, &operands, &edges, &types);
            for (old, new) in body.results(inst).zip(results) {
                values[old.index()] = Some(new);
            }
        }
    }
    builder.finish().ok()
}

#[cfg(test)]
mod tests {
    use bakeoff_ir::text::parse_module;
    use bakeoff_suite::Program;

    use super::*;

    /// A loop of `n` rounds with a call in each: 1 + 5n + 2 instructions, and 2 in each call.
    const LOOP: &str = r#"
func @next(i32) -> i32 {
block0(v0: i32):
    v1 = ineg.i32 v0
    return v1
}

export func @main(i32) -> i32 {
block0(v0: i32):
    jump block1(v0)
block1(v1: i32):
    v2 = call @next(v1)
    v3 = iconst.i32 -1
    v4 = iadd.i32 v1, v3
    v5 = ineg.i32 v2
    brif v4, block1(v4), block2
block2:
    v6 = iadd.i32 v5, v0
    return v6
}
"#;

    fn subject(text: &str, rounds: u32) -> Subject {
        let module = parse_module(text).unwrap().module;
        verify_module(&module).unwrap();
        let entry = format!(
            "about = \"a\"\nsuite = \"test\"\nmodule = \"a.ir\"\n[quick]\n[full]\n[time]\ncall = \"main\"\n\
             args = [\"{rounds}\"]\nexpect = [\"{}\"]\n",
            rounds + 1
        );
        Subject {
            program: Program::parse(std::path::Path::new("a.toml"), &entry).unwrap(),
            module: Arc::new(module),
        }
    }

    #[test]
    fn every_instruction_counts_once_for_every_time_it_is_executed() {
        for rounds in [1, 2, 1000] {
            let counted = ir_insts(&subject(LOOP, rounds), Size::Quick);
            assert_eq!(counted, Ok(u64::from(1 + 7 * rounds + 2)));
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let text = LOOP
            .replace("@next", "@executed")
            .replace("func @exec", "export func @exec");
        assert_eq!(ir_insts(&subject(&text, 3), Size::Quick), Ok(24));
    }

    #[test]
    fn a_wrong_answer_is_no_count() {
        let mut subject = subject(LOOP, 3);
        subject.module = Arc::new(
            parse_module(&LOOP.replace("iconst.i32 -1", "iconst.i32 -3"))
                .unwrap()
                .module,
        );
        assert!(matches!(
            ir_insts(&subject, Size::Quick),
            Err(Failure::Wrong(_))
        ));
    }
}

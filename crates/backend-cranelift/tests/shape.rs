//! The baseline is not handicapped by how the IR is translated: what never changes is loaded once and
//! outside of loops, and accesses with 32-bit indices have no checks.

use std::sync::Arc;

use bakeoff_backend::context::offset;
use bakeoff_backend::{Backend, BoundsChecks, CodeView, ContextLayout, NoPhases, Options, Target};
use bakeoff_backend_cranelift::SPEED;
use bakeoff_ir::text::parse_module;
use bakeoff_ir::{Memory, Module, verify_module};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};

/// Adds up four arrays that are interleaved, and stores the sum in each round.
const SOURCE: &str = "
memory mem0 = 1..10
global global0: i32 mut = 0
export func @sum(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 0
    jump block1(v0, v2)
block1(v3: i32, v4: i32):
    v5 = load.i32 mem0, v3
    v6 = load.i32 mem0, v3+4
    v7 = load.i32 mem0, v3+8
    v8 = load.i32 mem0, v3+12
    v9 = iadd.i32 v4, v5
    v10 = iadd.i32 v9, v6
    v11 = iadd.i32 v10, v7
    v12 = iadd.i32 v11, v8
    store.i32 mem0, v12, v3+16
    v13 = iconst.i32 20
    v14 = iadd.i32 v3, v13
    v15 = icmp.i32 ult v14, v1
    brif v15, block1(v14, v12), block2
block2:
    return v12
}
";

fn module() -> Arc<Module> {
    let parsed = parse_module(SOURCE).unwrap_or_else(|e| panic!("{}", e.render(SOURCE, "source")));
    verify_module(&parsed.module).unwrap();
    Arc::new(parsed.module)
}

/// The instructions of `@sum`.
fn disassemble(module: &Arc<Module>, bounds_checks: BoundsChecks) -> Vec<Instruction> {
    let target = Target::host().unwrap();
    let options = Options {
        bounds_checks,
        ..Options::default()
    };
    let code = SPEED
        .compile(module, target, &options, &mut NoPhases)
        .unwrap();
    let CodeView::Machine { parts, .. } = code.view() else {
        panic!("no machine code");
    };
    let sum = parts.iter().find(|part| part.name == "@sum").unwrap();
    Decoder::with_ip(64, sum.bytes, sum.address, DecoderOptions::NONE)
        .into_iter()
        .collect()
}

/// The instructions of the only loop: from the target of a backward branch to the branch.
fn the_loop(code: &[Instruction]) -> &[Instruction] {
    let backward = |insn: &Instruction| {
        let branches = matches!(
            insn.flow_control(),
            FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
        );
        branches && insn.near_branch_target() <= insn.ip()
    };
    let end = code.iter().rposition(backward).expect("a loop");
    let head = code[end].near_branch_target();
    let start = code.iter().position(|insn| insn.ip() == head).unwrap();
    &code[start..=end]
}

/// Loads of the 64 bits at this place in the context, whatever register has its address.
fn context_loads(code: &[Instruction], at: u32) -> usize {
    let is_load = |insn: &&Instruction| {
        insn.op_kinds().any(|kind| kind == OpKind::Memory)
            && insn.memory_size().size() == 8
            && insn.memory_displacement64() == u64::from(at)
    };
    code.iter().filter(is_load).count()
}

#[test]
fn the_base_of_a_memory_is_loaded_once_and_before_the_loop() {
    let module = module();
    let base = ContextLayout::of(&module).memory(Memory(0)) + offset::VIEW_BASE;
    for bounds_checks in [BoundsChecks::Guard, BoundsChecks::Explicit] {
        let code = disassemble(&module, bounds_checks);
        assert_eq!(context_loads(&code, base), 1, "{bounds_checks:?}");
        assert_eq!(context_loads(the_loop(&code), base), 0, "{bounds_checks:?}");
    }
}

#[test]
fn guard_pages_make_checks_unnecessary() {
    let module = module();
    let branches = |bounds_checks| {
        let code = disassemble(&module, bounds_checks);
        let insns = the_loop(&code).iter();
        insns
            .filter(|insn| insn.flow_control() == FlowControl::ConditionalBranch)
            .count()
    };
    assert_eq!(branches(BoundsChecks::Guard), 1, "the loop's own");
    assert_eq!(branches(BoundsChecks::Explicit), 6, "one more an access");
    // Four loads, four additions, a store, the step, the comparison, the branch.
    let len = the_loop(&disassemble(&module, BoundsChecks::Guard)).len();
    assert!(len <= 16, "{len} instructions");
}

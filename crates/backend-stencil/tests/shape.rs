//! The code has the shape that the design promises, and each configuration lacks what it says it lacks.
#![cfg(target_arch = "x86_64")]

use std::sync::Arc;

use bakeoff_backend::{Backend, CodeView, Executable, NoPhases, Options, Target};
use bakeoff_backend_stencil::{ALL, BASE, FRAME, JUMPS, NO_COLD, NO_FUSION, Stencils};
use bakeoff_ir::text::parse_module;
use bakeoff_ir::{TrapCode, verify_module};
use iced_x86::{
    CpuidFeature, Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction, Mnemonic,
    OpKind, Register,
};

const SOURCE: &str = "
memory mem0 = 1
func @leaf(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iadd.i64 v0, v1
    return v2
}
export func @sum(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = iadd.i64 v3, v2
    v5 = iconst.i64 1
    v6 = isub.i64 v2, v5
    brif v6, block1(v6, v4), block2
block2:
    return v4
}
export func @array(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 0
    jump block1(v0, v2)
block1(v3: i32, v4: i32):
    v5 = load.i32 mem0, v3
    v6 = load.i32 mem0, v3+4
    v7 = iadd.i32 v4, v5
    v8 = iadd.i32 v7, v6
    store.i32 mem0, v8, v3+16
    v9 = iconst.i32 20
    v10 = iadd.i32 v3, v9
    v11 = icmp.i32 ult v10, v1
    brif v11, block1(v10, v8), block2
block2:
    return v8
}
export func @less(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = icmp.i64 slt v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    return v1
}
export func @traps(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = icmp.i64 slt v0, v1
    brif v2, block1, block2
block1:
    trap unreachable
block2:
    v3 = sdiv.i64 v0, v1
    trapz v3, integer_overflow
    return v3
}
export func @table(i32) -> i32 {
block0(v0: i32):
    br_table v0, [block1, block2, block1, block2, block3], block3
block1:
    v1 = iconst.i32 5
    return v1
block2:
    v2 = iconst.i32 6
    return v2
block3:
    return v0
}
export func @calls(i64) -> i64 {
block0(v0: i64):
    v1 = call @leaf(v0, v0)
    v2 = iadd.i64 v1, v0
    return v2
}
export func @newest(i64, i64, f64) -> (i64, f64) {
block0(v0: i64, v1: i64, v2: f64):
    v3 = ishl.i64 v0, v1
    v4 = clz.i64 v3
    v5 = ctz.i64 v0
    v6 = popcnt.i64 v5
    v7 = iadd.i64 v4, v6
    v8 = fma.f64 v2, v2, v2
    v9 = floor.f64 v8
    return v7, v9
}
";

fn compile(backend: &Stencils) -> Arc<dyn Executable> {
    let parsed = parse_module(SOURCE).unwrap_or_else(|e| panic!("{}", e.render(SOURCE, "source")));
    verify_module(&parsed.module).unwrap();
    let (module, options) = (Arc::new(parsed.module), Options::default());
    backend
        .compile(&module, Target::X64, &options, &mut NoPhases)
        .unwrap()
}

fn decode(address: u64, bytes: &[u8]) -> Vec<Instruction> {
    Decoder::with_ip(64, bytes, address, DecoderOptions::NONE)
        .into_iter()
        .collect()
}

/// The instructions of all parts that are code, with their names.
fn parts(backend: &Stencils) -> Vec<(String, Vec<Instruction>)> {
    let code = compile(backend);
    let CodeView::Machine { parts, .. } = code.view() else {
        panic!("no machine code");
    };
    parts
        .into_iter()
        .filter(|part| part.name != "constants")
        .map(|part| (part.name, decode(part.address, part.bytes)))
        .collect()
}

/// The instructions of a function.
fn function(backend: &Stencils, name: &str) -> Vec<Instruction> {
    let mut parts = parts(backend).into_iter();
    let found = parts.find(|(part, _)| part == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

fn mnemonics(code: &[Instruction]) -> Vec<Mnemonic> {
    code.iter().map(Instruction::mnemonic).collect()
}

fn has_memory(insn: &Instruction) -> bool {
    insn.op_kinds().any(|kind| kind == OpKind::Memory)
}

fn is_branch(insn: &Instruction) -> bool {
    matches!(
        insn.flow_control(),
        FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
    )
}

/// The instructions of the only loop: from the target of a backward branch to the branch.
fn the_loop(code: &[Instruction]) -> &[Instruction] {
    let backward = |insn: &Instruction| is_branch(insn) && insn.near_branch_target() <= insn.ip();
    let end = code.iter().rposition(backward).expect("a loop");
    let head = code[end].near_branch_target();
    let start = code.iter().position(|insn| insn.ip() == head).unwrap();
    &code[start..=end]
}

/// How many jumps lead to the instruction behind them.
fn idle_jumps(code: &[Instruction]) -> usize {
    let idle = |insn: &&Instruction| {
        insn.mnemonic() == Mnemonic::Jmp && insn.near_branch_target() == insn.next_ip()
    };
    code.iter().filter(idle).count()
}

#[test]
fn a_loop_is_its_computation_and_nothing_else() {
    use Mnemonic::{Add, Cmp, Jb, Jne, Mov, Test};
    let code = function(&ALL, "@sum");
    let round = the_loop(&code);
    assert_eq!(mnemonics(round), [Add, Add, Test, Jne]);
    assert!(!round.iter().any(has_memory), "values are in registers");
    let code = function(&ALL, "@array");
    let round = the_loop(&code);
    assert_eq!(mnemonics(round), [Mov, Mov, Add, Add, Mov, Add, Cmp, Jb]);
    let accesses = round.iter().filter(|insn| has_memory(insn));
    // Base and index in registers, the offset in the instruction.
    let displacements: Vec<u64> = accesses
        .map(|insn| {
            assert_eq!(insn.memory_base(), Register::R15);
            insn.memory_displacement64()
        })
        .collect();
    assert_eq!(displacements, [0, 4, 16]);
}

#[test]
fn a_jump_to_what_follows_is_left_out_except_where_that_is_the_point() {
    for backend in [&ALL, &FRAME, &NO_FUSION, &NO_COLD, &BASE] {
        for (name, code) in parts(backend) {
            assert_eq!(idle_jumps(&code), 0, "{name}");
        }
    }
    // Into the loop, and out of it.
    assert_eq!(idle_jumps(&function(&JUMPS, "@sum")), 2);
    assert_eq!(the_loop(&function(&JUMPS, "@sum")).len(), 4);
}

#[test]
fn a_comparison_and_its_branch_are_two_instructions() {
    use Mnemonic::{Cmp, Jge, Jl, Mov, Ret};
    let code = mnemonics(&function(&ALL, "@less"));
    assert!(
        code == [Cmp, Jge, Ret, Mov, Ret] || code == [Cmp, Jl, Mov, Ret, Ret],
        "{code:?}"
    );
    // Else the truth goes through a register.
    let code = mnemonics(&function(&NO_FUSION, "@less"));
    assert!(code.contains(&Mnemonic::Setl), "{code:?}");
    assert!(code.contains(&Mnemonic::Test), "{code:?}");
}

#[test]
fn a_leaf_has_no_frame() {
    let code = function(&ALL, "@leaf");
    assert_eq!(mnemonics(&code), [Mnemonic::Add, Mnemonic::Ret]);
    // A caller has one, of 8 more than a multiple of 16 bytes, and leaves it.
    let code = function(&ALL, "@calls");
    assert_eq!(code[0].mnemonic(), Mnemonic::Sub);
    assert_eq!(code[0].op0_register(), Register::RSP);
    let bytes = code[0].immediate(1);
    assert_eq!(bytes % 16, 8);
    let leave = &code[code.len() - 2];
    assert_eq!(leave.mnemonic(), Mnemonic::Add);
    assert_eq!(
        (leave.op0_register(), leave.immediate(1)),
        (Register::RSP, bytes)
    );
    // What lives across the call is stored once and loaded once.
    let in_frame = |insn: &&Instruction| insn.memory_base() == Register::RSP;
    assert_eq!(code.iter().filter(in_frame).count(), 2);
}

#[test]
fn what_traps_stands_behind_everything_else() {
    let code = function(&ALL, "@traps");
    let is_return = |insn: &Instruction| insn.flow_control() == FlowControl::Return;
    let last = code.iter().rposition(is_return).unwrap();
    let behind = &code[last + 1..];
    // The block, and one place for each code: division by zero, and overflow, which two branch to.
    assert_eq!(mnemonics(behind), [Mnemonic::Ud2; 3]);
    let traps: Vec<u64> = behind.iter().map(Instruction::ip).collect();
    let leads_there = |insn: &&Instruction| traps.contains(&insn.near_branch_target());
    assert_eq!(code.iter().filter(leads_there).count(), 4);
    // Without a cold section the block stands where the layout has it.
    let code = function(&NO_COLD, "@traps");
    let last = code.iter().rposition(is_return).unwrap();
    assert_eq!(mnemonics(&code[last + 1..]), [Mnemonic::Ud2; 2]);
    let first = code
        .iter()
        .position(|insn| insn.mnemonic() == Mnemonic::Ud2);
    assert!(first.unwrap() < last);
}

#[test]
fn addresses_of_traps_are_those_of_the_instructions() {
    let code = compile(&ALL);
    let CodeView::Machine { parts, traps } = code.view() else {
        panic!("no machine code");
    };
    let part = |name: &str| parts.iter().find(|part| part.name == name).unwrap();
    let codes_within = |name: &str| {
        let (start, len) = (part(name).address as usize, part(name).bytes.len());
        let within = |(at, _): &&(usize, TrapCode)| (start..start + len).contains(at);
        traps.iter().filter(within).copied().collect::<Vec<_>>()
    };
    use TrapCode::{IntegerDivisionByZero, IntegerOverflow, MemoryOutOfBounds, Unreachable};
    let codes: Vec<TrapCode> = codes_within("@traps")
        .into_iter()
        .map(|trap| trap.1)
        .collect();
    assert_eq!(codes, [Unreachable, IntegerDivisionByZero, IntegerOverflow]);
    let accesses = codes_within("@array");
    assert_eq!(accesses.len(), 3);
    let array = decode(part("@array").address, part("@array").bytes);
    for (at, code) in accesses {
        assert_eq!(code, MemoryOutOfBounds);
        let insn = array.iter().find(|insn| insn.ip() == at as u64);
        assert!(insn.is_some_and(has_memory), "{at:#x}");
    }
}

#[test]
fn a_table_is_a_table() {
    let code = compile(&ALL);
    let CodeView::Machine { parts, .. } = code.view() else {
        panic!("no machine code");
    };
    let part = parts.iter().find(|part| part.name == "@table").unwrap();
    let insns = decode(part.address, part.bytes);
    let is_indirect = |insn: &&Instruction| insn.flow_control() == FlowControl::IndirectBranch;
    assert_eq!(insns.iter().filter(is_indirect).count(), 1);
    let lea = insns
        .iter()
        .find(|insn| insn.mnemonic() == Mnemonic::Lea)
        .unwrap();
    let table = lea.ip_rel_memory_address();
    assert_eq!(table % 4, 0);
    let entries = &part.bytes[(table - part.address) as usize..];
    let targets: Vec<u64> = entries
        .chunks(4)
        .map(|word| i32::from_le_bytes(word.try_into().unwrap()))
        .map(|distance| table.wrapping_add_signed(distance.into()))
        .collect();
    let [one, two, three] = [targets[0], targets[1], targets[4]];
    assert_eq!(targets, [one, two, one, two, three]);
    // Each block begins right behind an instruction that goes elsewhere, and the default is the third.
    let is_start = |at: u64| insns.iter().any(|insn| insn.ip() == at);
    assert!(one < two && two < three && [one, two, three].map(is_start) == [true; 3]);
    let default = insns.iter().find(|insn| is_branch(insn)).unwrap();
    assert_eq!(default.near_branch_target(), three);
}

#[test]
fn the_code_ends_in_a_guard() {
    for backend in [&ALL, &FRAME, &JUMPS, &NO_FUSION, &NO_COLD, &BASE] {
        let (name, code) = parts(backend).pop().unwrap();
        assert_eq!(
            (&name[..], &mnemonics(&code)[..]),
            ("guard", &[Mnemonic::Ud2][..])
        );
    }
}

#[test]
fn values_of_the_plain_form_are_in_the_frame() {
    let code = function(&FRAME, "@sum");
    let round = the_loop(&code);
    // Each value is loaded where it is used, and stored where it is defined.
    let accesses = round
        .iter()
        .filter(|insn| insn.memory_base() == Register::RSP);
    assert_eq!(accesses.count(), 6, "{:?}", mnemonics(round));
    for name in [
        "@leaf", "@sum", "@array", "@less", "@traps", "@table", "@calls",
    ] {
        let code = function(&FRAME, name);
        assert_eq!(code[0].mnemonic(), Mnemonic::Sub, "{name}");
        // Values never are in the registers that they would be in.
        for insn in code
            .iter()
            .filter(|insn| insn.op0_kind() == OpKind::Register)
        {
            let of_values = [Register::RBX, Register::RBP, Register::R8];
            let register = insn.op0_register().full_register();
            assert!(!of_values.contains(&register), "{name}: {register:?}");
        }
    }
}

/// Whether an instruction is not of every x86-64.
fn is_newer(insn: &Instruction) -> bool {
    let base = |feature: &CpuidFeature| {
        matches!(
            feature,
            CpuidFeature::INTEL8086
                | CpuidFeature::INTEL186
                | CpuidFeature::INTEL286
                | CpuidFeature::INTEL386
                | CpuidFeature::INTEL486
                | CpuidFeature::X64
                | CpuidFeature::CMOV
                | CpuidFeature::FPU
                | CpuidFeature::SSE
                | CpuidFeature::SSE2
                | CpuidFeature::MULTIBYTENOP
        )
    };
    // Older processors read it as `bsf`, which differs for zero alone; the stencils see to that.
    if insn.mnemonic() == Mnemonic::Tzcnt {
        return false;
    }
    insn.encoding() != EncodingKind::Legacy || !insn.cpuid_features().iter().all(base)
}

#[test]
fn the_base_is_code_for_every_processor() {
    for (name, code) in parts(&BASE)
        .into_iter()
        .filter(|(name, _)| name != "@table")
    {
        let newer = code.iter().find(|insn| is_newer(insn));
        assert_eq!(newer.map(Instruction::mnemonic), None, "{name}");
    }
    // Others use what there is.
    if is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("fma") {
        let code = mnemonics(&function(&ALL, "@newest"));
        assert!(code.contains(&Mnemonic::Shlx) && code.contains(&Mnemonic::Lzcnt));
        assert!(code.contains(&Mnemonic::Vfmadd213sd), "{code:?}");
    }
}

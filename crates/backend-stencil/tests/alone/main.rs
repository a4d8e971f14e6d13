//! Every stencil of the library, run alone: in all registers that its operands may be in, against the
//! reference semantics.
//!
//! ```text
//! random.rs ─► case.rs: operands, constants, memory ─┬─► bench.rs, machine.rs: runs the stencil ─┐
//!                                                    └─► model.rs: what must come out ──────────┴─► agree?
//! ```
//!
//! What counts is the way out, results, memory, and that no register changes beyond results and
//! temporaries. Calls and the way into a module are for tests of whole programs.
#![cfg(target_arch = "x86_64")]

mod bench;
mod case;
mod machine;
mod model;
mod random;

use std::collections::BTreeSet;

use bakeoff_backend_stencil::catalog::{Extra, Family, Form, HoleValue, Pattern};
use bakeoff_backend_stencil::library::{self, Listed, ListedStencil};
use bakeoff_ir::Op;
use iced_x86::{Decoder, DecoderOptions, OpKind};

use bench::Bench;
use case::Case;
use machine::Exit;
use random::Random;

/// What every sequence of operands begins with.
const SEED: u64 = 20;

/// Cases that are made executable at a time.
const BATCH: usize = 4096;

/// Parts of the library that are tested beside each other.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Group {
    Temporaries,
    Registers,
    Comparisons,
    Branches,
    Memory,
    Extras,
    /// Not run alone.
    Program,
}

fn group(family: &Family) -> Group {
    match family.form {
        Form::Op(Op::Icmp | Op::Fcmp) => Group::Comparisons,
        Form::Op(Op::Load | Op::Sload | Op::Store | Op::RawLoad | Op::RawStore) => Group::Memory,
        Form::Op(_) if family.pattern == Pattern::Fixed => Group::Temporaries,
        Form::Op(_) => Group::Registers,
        Form::Extra(extra) => match extra {
            Extra::BrIcmp | Extra::BrFcmp => Group::Branches,
            Extra::BrNonzero
            | Extra::BrZero
            | Extra::Move
            | Extra::Spill
            | Extra::Reload
            | Extra::Const
            | Extra::SlotConst
            | Extra::ContextLoad
            | Extra::ContextStore
            | Extra::FrameAddr
            | Extra::StoreConst
            | Extra::CheckNarrow
            | Extra::CheckWide
            | Extra::TableCheck
            | Extra::TableLoad
            | Extra::TableStore
            | Extra::Callee
            | Extra::Enter
            | Extra::Leave
            | Extra::ZeroFrame
            | Extra::BrTable => Group::Extras,
            Extra::Ret
            | Extra::Probe
            | Extra::Call
            | Extra::CallReg
            | Extra::JumpReg
            | Extra::Jump
            | Extra::Trap
            | Extra::CallBuiltin
            | Extra::CallForeign
            | Extra::StackCheck
            | Extra::EntryBegin
            | Extra::EntryMemory
            | Extra::EntrySlots
            | Extra::EntryEnd => Group::Program,
        },
    }
}

/// Sets of operands for each stencil of a family: fewer for more registers.
fn sets(family: &Family) -> usize {
    (6000 / family.len()).max(3)
}

/// The exits that a family must be seen to take.
fn exits(family: &Family) -> BTreeSet<Exit> {
    if family.form == Form::Extra(Extra::BrTable) {
        return BTreeSet::from([Exit::Taken, Exit::Table0, Exit::Table1]);
    }
    let mut exits = BTreeSet::from([Exit::Next]);
    exits.extend(family.holes.iter().filter_map(|hole| match hole {
        HoleValue::Taken => Some(Exit::Taken),
        HoleValue::Trap0 => Some(Exit::Trap0),
        HoleValue::Trap1 => Some(Exit::Trap1),
        _ => None,
    }));
    exits
}

/// Tests the stencils of a family, and gives how many there are.
fn test_family(listed: &Listed, random: &mut Random) -> Result<usize, String> {
    let family = &listed.family;
    let mut bench = Bench::new();
    let stencils: Vec<ListedStencil> = listed.stencils().collect();
    for some in stencils.chunks((BATCH / sets(family)).max(1)) {
        let mut batch = Vec::with_capacity(BATCH);
        for stencil in some {
            for _ in 0..sets(family) {
                let case = Case::draw(family, &stencil.registers, bench.windows(), random);
                batch.push((stencil, case));
            }
        }
        bench.run(&batch)?;
    }
    match bench.exits == exits(family) {
        true => Ok(stencils.len()),
        false => Err(format!("{} left only by {:?}", family.name(), bench.exits)),
    }
}

/// Tests a part of the library.
fn test_group(wanted: Group) {
    let host = library::level_of_host();
    let (mut families, mut stencils, mut errors) = (0, 0, Vec::new());
    for (index, listed) in library::families().iter().enumerate() {
        if group(&listed.family) != wanted || listed.family.level > host {
            continue;
        }
        families += 1;
        match test_family(listed, &mut Random::new(SEED + index as u64)) {
            Ok(count) => stencils += count,
            Err(error) => errors.push(error),
        }
    }
    println!("{families} families, {stencils} stencils, seed {SEED}");
    assert!(families > 0);
    let count = errors.len();
    errors.truncate(20);
    let errors = errors.join("\n");
    assert!(
        count == 0,
        "seed {SEED}: {count} families are wrong\n{errors}"
    );
}

#[test]
fn ops_in_temporaries_are_right() {
    test_group(Group::Temporaries);
}

#[test]
fn ops_in_any_registers_are_right() {
    test_group(Group::Registers);
}

#[test]
fn comparisons_are_right() {
    test_group(Group::Comparisons);
}

#[test]
fn branches_are_right() {
    test_group(Group::Branches);
}

#[test]
fn loads_and_stores_are_right() {
    test_group(Group::Memory);
}

#[test]
fn extra_forms_are_right() {
    test_group(Group::Extras);
}

#[test]
fn only_conversions_of_floats_in_place_are_missing() {
    for listed in library::families() {
        let family = &listed.family;
        let there: Vec<ListedStencil> = listed.stencils().collect();
        let apart = matches!(family.form, Form::Op(Op::Fpromote | Op::Fdemote));
        let missing = if apart { family.axes[0].len() } else { 0 };
        assert_eq!(there.len() + missing, family.len(), "{}", family.name());
        let in_place = |stencil: &ListedStencil| stencil.registers[0] == stencil.registers[1];
        assert!(!apart || !there.iter().any(in_place));
    }
}

/// A fault anywhere else would not be taken for a trap.
#[test]
fn what_may_fault_is_the_only_access_to_memory() {
    let mut count = 0;
    for listed in library::families() {
        for stencil in listed.stencils() {
            let marks = stencil.holes.iter();
            let Some((_, mark)) = marks.clone().find(|(kind, _)| *kind == HoleValue::Fault) else {
                continue;
            };
            let mut decoder = Decoder::new(64, &stencil.bytes, DecoderOptions::NONE);
            let accesses: Vec<usize> = decoder
                .iter()
                .filter(|i| i.op_kinds().any(|kind| kind == OpKind::Memory))
                .map(|i| i.ip() as usize)
                .collect();
            assert_eq!(accesses, [*mark], "{}", listed.family.name());
            count += 1;
        }
    }
    assert!(count > 8000);
}

/// The number of a stencil with all operands in registers of their own, and another register in one axis.
fn number(family: &Family, other: Option<usize>) -> u32 {
    let axes = family.axes.iter().enumerate();
    axes.fold(0, |number, (index, axis)| {
        let register = 4 + index + if other == Some(index) { 5 } else { 0 };
        number * axis.len() as u32 + register as u32
    })
}

/// Runs a stencil in the place of another one.
fn run_as(listed: &Listed, number: u32, instead: &ListedStencil, random: &mut Random) -> bool {
    let family = &listed.family;
    let stencil = listed.stencil(number).expect("it is not missing");
    let mut bench = Bench::new();
    let draw = |_| Case::draw(family, &stencil.registers, bench.windows(), random);
    let cases: Vec<Case<'_>> = (0..400).map(draw).collect();
    let batch: Vec<_> = cases.into_iter().map(|case| (instead, case)).collect();
    bench.run(&batch).is_ok()
}

/// Whether two families differ in nothing but what they compute.
fn are_alike(a: &Family, b: &Family) -> bool {
    let shape = |f: &Family| (f.ty, f.pattern, f.axes.clone(), f.holes.clone(), f.level);
    let compared = group(a) == Group::Comparisons || group(a) == Group::Branches;
    group(a) == group(b) && shape(a) == shape(b) && (compared || a.sub == b.sub)
}

/// Stencils that reach no memory but the slot: a wrong one does no harm.
fn harmless() -> Vec<Listed> {
    let host = library::level_of_host();
    let wanted = [
        Group::Temporaries,
        Group::Registers,
        Group::Comparisons,
        Group::Branches,
    ];
    let mut listed = library::families();
    listed.retain(|one| one.family.level <= host && wanted.contains(&group(&one.family)));
    listed
}

#[test]
fn a_stencil_in_the_place_of_one_of_another_family_is_found() {
    let families = harmless();
    let mut random = Random::new(SEED);
    let mut count = 0;
    for listed in &families {
        let number = number(&listed.family, None);
        for other in &families {
            if listed.first == other.first || !are_alike(&listed.family, &other.family) {
                continue;
            }
            let instead = other.stencil(number).expect("it is not missing");
            let (right, wrong) = (listed.family.name(), other.family.name());
            let passed = run_as(listed, number, &instead, &mut random);
            assert!(!passed, "{wrong} passed for {right}, seed {SEED}");
            count += 1;
        }
    }
    assert!(count > 1000, "{count} pairs");
}

#[test]
fn a_stencil_of_other_registers_is_found() {
    let mut random = Random::new(SEED);
    for listed in harmless() {
        let number = number(&listed.family, None);
        for axis in 0..listed.family.axes.len() {
            let other = self::number(&listed.family, Some(axis));
            let instead = listed.stencil(other).expect("it is not missing");
            let passed = run_as(&listed, number, &instead, &mut random);
            assert!(
                !passed,
                "{}: {other} passed for {number}",
                listed.family.name()
            );
        }
    }
}

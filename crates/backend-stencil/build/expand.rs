//! From families to stencils, on x86-64: a stencil for each combination of registers.

use std::collections::{BTreeMap, HashMap};

use bakeoff_ir::Op;
use iced_x86::Register;

use crate::catalog::{Axis, Extra, Family, Form, HoleValue, Level, Pattern};
use crate::object_file::Function;
use crate::source::{self, Place, Recipe, Shape, Variable};
use crate::x64::check::{self, Rules};
use crate::x64::decode::{self, Item, Narrowing};
use crate::x64::encode::{self, Code};
use crate::x64::rename::{self, Map};
use crate::x64::{INTS, PARAMETERS, register, xmm};

/// Functions by level and symbol.
pub(crate) type Functions = [HashMap<String, Function>; 2];

/// The stencils of a family; `None` is one that cannot be made.
pub(crate) struct Made {
    pub(crate) stencils: Vec<Option<Code>>,
    /// Registers beyond the temporaries that they clobber.
    pub(crate) clobbers: Vec<Register>,
}

/// Makes the stencils of a family.
pub(crate) fn family(family: &Family, functions: &Functions) -> Made {
    let source = source::source_family(family);
    let functions = &functions[family.level as usize];
    let name = family.name();
    let template = |symbol: String| {
        let function = functions
            .get(&symbol)
            .unwrap_or_else(|| panic!("{name}: there is no function {symbol}"));
        let mut items = decode::template(function, &name);
        narrowing(family).apply(&mut items, &name);
        if family.pattern == Pattern::RI8
            && matches!(family.form, Form::Op(op) if source::is_shift(op))
        {
            decode::mark_magic(&mut items, &name);
        }
        items
    };
    match source::recipe(&source) {
        Recipe::Loose(shape) => loose(family, &shape, false, |blocks| {
            template(source::symbol(&source, blocks))
        }),
        Recipe::Glue(Some(shape)) => loose(family, &shape, true, |_| {
            template(source::glue_symbol(&source))
        }),
        Recipe::Fixed(fixed) => {
            let items = template(source::symbol(&source, &[]));
            one(family, &fixed, &items)
        }
        Recipe::Glue(None) => {
            let items = template(source::glue_symbol(&source));
            let code = encode::code(&items, &Map::new(), &[], &name);
            glue(family, &items);
            Made {
                stencils: vec![Some(code)],
                clobbers: vec![],
            }
        }
    }
}

fn narrowing(family: &Family) -> Narrowing {
    let has = |hole| family.holes.contains(&hole);
    let konst = matches!(family.form, Form::Extra(Extra::Const));
    let source = source::source_family(family);
    Narrowing {
        bytes: match source.ty == family.ty || konst {
            true => 8,
            false => family.ty.bytes(),
        },
        short_immediate: has(HoleValue::Imm8),
        short_displacement: has(HoleValue::Disp8) || has(HoleValue::Slot8),
    }
}

/// A listing of a template, for messages.
fn listing(items: &[Item]) -> String {
    let lines = items
        .iter()
        .map(|item| format!("    {} {:?}\n", item.instruction, item.flow));
    lines.collect()
}

/// A family with axes: a stencil for each combination of registers.
fn loose(
    family: &Family,
    shape: &Shape,
    is_glue: bool,
    template: impl Fn(&[usize]) -> Vec<Item>,
) -> Made {
    let name = family.name();
    let variants = source::variants(&shape.variables);
    let mut templates: BTreeMap<Vec<usize>, Vec<Item>> = BTreeMap::new();
    let mut stencils = Vec::with_capacity(family.len());
    for number in 0..family.len() {
        let numbers = registers(family, number);
        let targets: Vec<Register> = shape
            .variables
            .iter()
            .map(|variable| match variable.place {
                Place::Axis(axis) => register(family.axes[axis], numbers[axis]),
                Place::Register(number) => register(variable.class, number),
            })
            .collect();
        let mut blocks = blocks(&shape.variables, &targets);
        if is_glue || !source::has_variants(&shape.variables) {
            blocks = source::apart(&shape.variables);
        }
        if !variants.contains(&blocks) {
            stencils.push(None);
            continue;
        }
        let items = templates
            .entry(blocks.clone())
            .or_insert_with(|| template(&blocks));
        let Some(map) = map(&shape.variables, &blocks, &targets, items, &name) else {
            stencils.push(None);
            continue;
        };
        let faults = faults(family, shape, &blocks);
        let code = encode::code(items, &map, &faults, &name);
        let rules = rules(family, &shape.variables, &targets);
        if let Err(error) = check::check(&code, &rules) {
            panic!("{name} {targets:?}: {error}\n{}", listing(items));
        }
        stencils.push(Some(code));
    }
    Made {
        stencils,
        clobbers: vec![],
    }
}

/// The registers of the axes of a family's stencil.
fn registers(family: &Family, mut number: usize) -> Vec<u8> {
    let mut registers = vec![0; family.axes.len()];
    for (register, axis) in registers.iter_mut().zip(&family.axes).rev() {
        *register = (number % axis.len()) as u8;
        number /= axis.len();
    }
    registers
}

/// Which variables share registers.
fn blocks(variables: &[Variable], targets: &[Register]) -> Vec<usize> {
    let mut blocks: Vec<usize> = Vec::new();
    for i in 0..targets.len() {
        let same = (0..i).find(|j| targets[*j] == targets[i]);
        let classmates = (0..i).filter(|j| variables[*j].class == variables[i].class);
        let next = classmates.map(|j| blocks[j] + 1).max().unwrap_or(0);
        blocks.push(same.map_or(next, |j| blocks[j]));
    }
    blocks
}

/// The register that the compiler has a variable in.
fn parameter(variable: &Variable, block: usize) -> Register {
    match variable.class {
        Axis::Int => PARAMETERS[block],
        Axis::Float => xmm(block),
    }
}

/// Which register goes where, if there are temporaries enough.
fn map(
    variables: &[Variable],
    blocks: &[usize],
    targets: &[Register],
    items: &[Item],
    name: &str,
) -> Option<Map> {
    let mut map = Map::new();
    for (i, variable) in variables.iter().enumerate() {
        map.insert(parameter(variable, blocks[i]), targets[i]);
    }
    let implicit = rename::implicit(items);
    assert!(
        implicit.is_empty(),
        "{name}: {implicit:?} cannot be renamed\n{}",
        listing(items)
    );
    let mut ints = INTS[..3].iter().copied().filter(|t| !targets.contains(t));
    let mut floats = [15, 14, 13]
        .map(xmm)
        .into_iter()
        .filter(|t| !targets.contains(t));
    for register in rename::explicit(items) {
        let pinned = [Register::R12, Register::R15, Register::RSP, Register::RIP];
        if pinned.contains(&register) || map.contains_key(&register) {
            continue;
        }
        let temporary = match register.is_xmm() {
            true => floats.next()?,
            false => ints.next()?,
        };
        map.insert(register, temporary);
    }
    Some(map)
}

/// Registers through which memory is accessed that may fault.
fn faults(family: &Family, shape: &Shape, blocks: &[usize]) -> Vec<Register> {
    use bakeoff_ir::Op;
    match family.form {
        _ if !family.holes.contains(&HoleValue::Fault) => vec![],
        Form::Op(Op::RawLoad | Op::RawStore) => {
            vec![parameter(&shape.variables[1], blocks[1])]
        }
        _ => vec![Register::R15],
    }
}

fn temporaries() -> Vec<Register> {
    let ints = INTS[..3].iter().copied();
    ints.chain([15, 14, 13].map(xmm)).collect()
}

/// Whether code generation relies on temporaries that are neither operand nor result being as they were:
/// copies, and what computes an address, stand between others of one instruction of the IR.
fn leaves_temporaries_alone(family: &Family) -> bool {
    match family.form {
        Form::Extra(extra) => matches!(
            extra,
            Extra::Move
                | Extra::Spill
                | Extra::Reload
                | Extra::Const
                | Extra::SlotConst
                | Extra::ContextLoad
                | Extra::ContextStore
                | Extra::FrameAddr
        ),
        Form::Op(op) => {
            matches!(op, Op::RawLoad | Op::RawStore | Op::Bitcast)
                || op == Op::Iadd && family.pattern == Pattern::RR
        }
    }
}

fn rules(family: &Family, variables: &[Variable], targets: &[Register]) -> Rules {
    let of = |wanted: fn(&Variable) -> bool| -> Vec<Register> {
        let chosen = variables.iter().zip(targets).filter(|(v, _)| wanted(v));
        chosen.map(|(_, target)| *target).collect()
    };
    let results = of(|v| v.written);
    let mut changes = match leaves_temporaries_alone(family) {
        true => Vec::new(),
        false => temporaries(),
    };
    changes.retain(|temporary| !targets.contains(temporary));
    changes.extend(&results);
    Rules {
        form: family.form,
        reads: of(|v| v.read),
        results,
        changes,
        may_clobber: false,
    }
}

/// A family in the temporaries.
fn one(family: &Family, fixed: &source::Fixed, items: &[Item]) -> Made {
    let name = family.name();
    let mut map = Map::new();
    for register in rename::explicit(items) {
        if register.is_xmm() {
            let number = register.number();
            assert!(number < 13, "{name}: {register:?} is used");
            let target = if number < 3 { 15 - number } else { number };
            map.insert(register, xmm(target));
        }
    }
    let code = encode::code(items, &map, &[], &name);
    let mut results = Vec::new();
    for (result, register) in [
        (&fixed.t, Register::RAX),
        (&fixed.u, Register::RDX),
        (&fixed.x, Register::XMM15),
    ] {
        if result.is_some() {
            results.push(register);
        }
    }
    let reads = vec![
        Register::RAX,
        Register::RDX,
        Register::XMM15,
        Register::XMM14,
        Register::XMM13,
    ];
    let rules = Rules {
        form: family.form,
        reads,
        results,
        changes: temporaries(),
        may_clobber: true,
    };
    let clobbers = check::check(&code, &rules)
        .unwrap_or_else(|error| panic!("{name}: {error}\n{}", listing(items)));
    Made {
        stencils: vec![Some(code)],
        clobbers,
    }
}

/// Glue is checked by what it may contain.
fn glue(family: &Family, items: &[Item]) {
    use iced_x86::Mnemonic::*;
    let Form::Extra(extra) = family.form else {
        panic!("{}: an op is no glue", family.name());
    };
    let allowed: &[iced_x86::Mnemonic] = match extra {
        Extra::Enter => &[Sub],
        Extra::Leave => &[Add],
        Extra::Ret => &[Ret],
        Extra::Probe => &[Xor, Sub, Cmp, Jle, Test, Jmp],
        Extra::ZeroFrame => &[Xor, Mov, Add, Cmp, Jb],
        Extra::Call | Extra::CallReg => &[Call],
        Extra::JumpReg | Extra::Jump => &[Jmp],
        Extra::Trap => &[Ud2],
        Extra::CallBuiltin | Extra::CallForeign => &[Mov, Call],
        Extra::StackCheck => &[Cmp, Jb],
        Extra::BrTable => &[Cmp, Jae, Lea, Movsxd, Add, Jmp],
        Extra::EntryBegin => &[Push, Mov],
        Extra::EntryMemory | Extra::EntrySlots => &[Mov],
        Extra::EntryEnd => &[Pop, Ret],
        _ => panic!("{} is no glue", family.name()),
    };
    for item in items {
        let mnemonic = item.instruction.mnemonic();
        assert!(
            allowed.contains(&mnemonic),
            "{}: {mnemonic:?} is not allowed\n{}",
            family.name(),
            listing(items)
        );
    }
}

/// Whether a level has the family: those of newer processors are only for these.
pub(crate) fn has(level: Level, family: &Family) -> bool {
    family.level <= level
}

//! Checks the bytes of a stencil as they will run: what they read, what they change, where they go.

use std::collections::BTreeSet;

use iced_x86::{
    Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    OpAccess, OpKind, Register, RflagsBits, UsedMemory,
};

use super::encode::Code;
use super::rename::full;
use crate::catalog::{Extra, Form, HoleValue};

/// What a stencil may do.
pub(crate) struct Rules {
    pub(crate) form: Form,
    /// Registers that it may read.
    pub(crate) reads: Vec<Register>,
    /// Registers that it must have written.
    pub(crate) results: Vec<Register>,
    /// Registers that it may change.
    pub(crate) changes: Vec<Register>,
    /// Whether other registers may change, which is then reported.
    pub(crate) may_clobber: bool,
}

/// What is known of the registers at a place in the code.
#[derive(Clone)]
struct State {
    /// Registers with a known meaning.
    defined: BTreeSet<Register>,
    /// Registers, and the one whose value upon entry they hold.
    holds: Vec<(Register, Register)>,
}

impl State {
    fn held(&self, register: Register) -> Option<Register> {
        let found = self.holds.iter().find(|(at, _)| *at == register);
        found.map(|(_, original)| *original)
    }

    fn set(&mut self, register: Register, value: Option<Register>, defined: bool) {
        self.holds.retain(|(at, _)| *at != register);
        if let Some(value) = value {
            self.holds.push((register, value));
        }
        match defined {
            true => self.defined.insert(register),
            false => self.defined.remove(&register),
        };
    }

    /// What is known on both of two ways.
    fn meet(&mut self, other: &State) {
        self.defined = self.defined.intersection(&other.defined).copied().collect();
        self.holds.retain(|pair| other.holds.contains(pair));
    }
}

/// Checks a stencil without loops; gives the registers that it clobbers. An error is a sentence.
pub(crate) fn check(code: &Code, rules: &Rules) -> Result<Vec<Register>, String> {
    let pinned = [Register::R12, Register::R15, Register::RSP];
    let all = super::INTS.iter().copied().chain((0..16).map(super::xmm));
    let all: Vec<Register> = all.chain(pinned).collect();
    let mut entry = State {
        defined: rules.reads.iter().copied().collect(),
        holds: all.iter().map(|register| (*register, *register)).collect(),
    };
    entry.defined.extend(pinned);
    let length = code.bytes.len();
    let mut arriving: Vec<Option<State>> = vec![None; length + 1];
    let mut leaving = Vec::new();
    let mut state = Some(entry);
    let mut decoder = Decoder::with_ip(64, &code.bytes, 0, DecoderOptions::NONE);
    let mut factory = InstructionInfoFactory::new();
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        let end = decoder.position();
        if let Some(other) = arriving[at].take() {
            match &mut state {
                Some(state) => state.meet(&other),
                None => state = Some(other),
            }
        }
        let Some(now) = &mut state else {
            return Err(format!("{instruction} is never reached"));
        };
        apply(&instruction, at..end, code, rules, now, &mut factory)
            .map_err(|error| format!("{instruction}: {error}"))?;
        let is_jump = match instruction.flow_control() {
            FlowControl::Next => continue,
            FlowControl::ConditionalBranch => false,
            FlowControl::UnconditionalBranch => true,
            _ => return Err(format!("{instruction} is not allowed")),
        };
        let inside = |(_, offset): &&(HoleValue, usize)| (at..end).contains(offset);
        match code.holes.iter().find(inside) {
            Some((HoleValue::Taken, _)) => leaving.push(now.clone()),
            Some((HoleValue::Trap0 | HoleValue::Trap1, _)) => {}
            Some(_) => return Err(format!("{instruction} goes to an unknown place")),
            None => {
                let target = instruction.near_branch_target() as usize;
                if target <= at || target > length {
                    return Err(format!("{instruction} goes back"));
                }
                match &mut arriving[target] {
                    Some(other) => other.meet(now),
                    none => *none = Some(now.clone()),
                }
            }
        }
        if is_jump {
            state = None;
        }
    }
    if let Some(state) = state {
        finish(&state, rules)?;
        leaving.push(state);
    }
    if let Some(state) = arriving[length].take() {
        finish(&state, rules)?;
        leaving.push(state);
    }
    let mut clobbered = Vec::new();
    for register in all {
        let kept = leaving
            .iter()
            .all(|state| state.held(register) == Some(register));
        if !kept && !rules.changes.contains(&register) {
            clobbered.push(register);
        }
    }
    match clobbered.is_empty()
        || (rules.may_clobber && !clobbered.iter().any(|r| pinned.contains(r)))
    {
        true => Ok(clobbered),
        false => Err(format!("{clobbered:?} are changed")),
    }
}

fn finish(state: &State, rules: &Rules) -> Result<(), String> {
    match rules
        .results
        .iter()
        .find(|result| !state.defined.contains(result))
    {
        Some(result) => Err(format!("the result {result:?} is not made")),
        None => Ok(()),
    }
}

/// Whether this copies a whole register.
fn is_copy(instruction: &Instruction) -> bool {
    let code = matches!(
        instruction.code(),
        Opcode::Mov_r64_rm64
            | Opcode::Mov_rm64_r64
            | Opcode::Movaps_xmm_xmmm128
            | Opcode::Movapd_xmm_xmmm128
            | Opcode::VEX_Vmovaps_xmm_xmmm128
            | Opcode::VEX_Vmovapd_xmm_xmmm128
    );
    code && instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register
}

fn apply(
    instruction: &Instruction,
    range: std::ops::Range<usize>,
    code: &Code,
    rules: &Rules,
    state: &mut State,
    factory: &mut InstructionInfoFactory,
) -> Result<(), String> {
    if instruction.rflags_modified() & (RflagsBits::DF | RflagsBits::IF | RflagsBits::AC) != 0 {
        return Err("changes a flag that is not for arithmetic".into());
    }
    if is_copy(instruction) {
        let (to, from) = (instruction.op0_register(), instruction.op1_register());
        if to == Register::RSP || from == Register::RSP {
            return Err("copies the stack pointer".into());
        }
        state.set(to, state.held(from), state.defined.contains(&from));
        return Ok(());
    }
    let info = factory.info(instruction);
    for memory in info.used_memory() {
        self::memory(memory, &range, code, rules)?;
    }
    let mut written = Vec::new();
    for used in info.used_registers() {
        let register = full(used.register());
        let (reads, writes) = match used.access() {
            OpAccess::None | OpAccess::NoMemAccess => (false, false),
            OpAccess::Read | OpAccess::CondRead => (true, false),
            OpAccess::Write => (false, true),
            OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite => (true, true),
        };
        if reads && !state.defined.contains(&register) {
            return Err(format!("reads {register:?}"));
        }
        if writes {
            written.push(register);
        }
    }
    for register in written {
        state.set(register, None, true);
    }
    Ok(())
}

/// Memory is read where the form says, and written only by what stores.
fn memory(
    memory: &UsedMemory,
    range: &std::ops::Range<usize>,
    code: &Code,
    rules: &Rules,
) -> Result<(), String> {
    use bakeoff_ir::Op;
    let base = memory.base();
    let named = [base, memory.index()];
    let here = |wanted: &[HoleValue]| {
        let mut holes = code.holes.iter();
        holes.any(|(hole, offset)| wanted.contains(hole) && range.contains(offset))
    };
    if named.contains(&Register::RSP) {
        let slot = here(&[HoleValue::Slot8, HoleValue::Slot32]);
        if !slot || memory.index() != Register::None {
            return Err("uses the stack".into());
        }
    }
    if named.contains(&Register::R15) && !here(&[HoleValue::Fault]) {
        return Err("accesses linear memory".into());
    }
    if !matches!(
        memory.access(),
        OpAccess::Write | OpAccess::ReadWrite | OpAccess::ReadCondWrite | OpAccess::CondWrite
    ) {
        return Ok(());
    }
    let allowed = match rules.form {
        Form::Op(Op::Store) | Form::Extra(Extra::StoreConst) => named.contains(&Register::R15),
        Form::Op(Op::RawStore) => here(&[HoleValue::Fault]),
        Form::Extra(Extra::Spill | Extra::SlotConst) => base == Register::RSP,
        Form::Extra(Extra::ContextStore) => base == Register::R12,
        Form::Extra(Extra::TableStore) => base != Register::R12,
        _ => false,
    };
    match allowed && memory.access() == OpAccess::Write {
        true => Ok(()),
        false => Err("writes memory".into()),
    }
}

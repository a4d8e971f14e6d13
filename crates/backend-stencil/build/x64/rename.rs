//! Puts operands into other registers than the compiler did.

use std::collections::BTreeMap;

use iced_x86::{Instruction, InstructionInfoFactory, OpAccess, OpKind, Register};

use super::decode::Item;

/// Which register, by its full width, goes where.
pub(crate) type Map = BTreeMap<Register, Register>;

/// The register that this is part of: of 64 bits, or `xmm`.
pub(crate) fn full(register: Register) -> Register {
    match register.is_xmm() || register.is_ymm() {
        true => Register::XMM0 + (register.number() as u32),
        false => register.full_register(),
    }
}

/// The part of `to` that `from` is of its own.
fn like(from: Register, to: Register) -> Register {
    match from.size() {
        1 => {
            assert!(
                !matches!(
                    from,
                    Register::AH | Register::BH | Register::CH | Register::DH
                ),
                "the second byte of a register cannot be renamed"
            );
            let low = [
                (Register::RAX, Register::AL),
                (Register::RCX, Register::CL),
                (Register::RDX, Register::DL),
                (Register::RBX, Register::BL),
                (Register::RSP, Register::SPL),
                (Register::RBP, Register::BPL),
                (Register::RSI, Register::SIL),
                (Register::RDI, Register::DIL),
            ];
            match low.iter().find(|(full, _)| *full == to) {
                Some((_, byte)) => *byte,
                None => Register::R8L + (to.number() as u32 - 8),
            }
        }
        2 => Register::AX + to.number() as u32,
        4 => to.full_register32(),
        8 => to,
        _ => Register::XMM0 + to.number() as u32,
    }
}

/// All registers that explicit operands name, in order of appearance.
pub(crate) fn explicit(items: &[Item]) -> Vec<Register> {
    let mut seen = Vec::new();
    for item in items {
        let mut see = |register: Register| {
            let register = full(register);
            if register != Register::None && !seen.contains(&register) {
                seen.push(register);
            }
        };
        let i = &item.instruction;
        for op in 0..i.op_count() {
            match i.op_kind(op) {
                OpKind::Register => see(i.op_register(op)),
                OpKind::Memory => {
                    see(i.memory_base());
                    see(i.memory_index());
                }
                _ => {}
            }
        }
    }
    seen
}

/// Registers that an instruction uses without naming them.
pub(crate) fn implicit(items: &[Item]) -> Vec<Register> {
    let mut factory = InstructionInfoFactory::new();
    let mut seen = Vec::new();
    for item in items {
        let named = explicit(std::slice::from_ref(item));
        for used in factory.info(&item.instruction).used_registers() {
            let register = full(used.register());
            if used.access() != OpAccess::NoMemAccess && !named.contains(&register) {
                seen.push(register);
            }
        }
    }
    seen
}

/// The same instruction with other registers.
pub(crate) fn instruction(instruction: &Instruction, map: &Map) -> Instruction {
    let mut new = *instruction;
    let renamed = |register: Register| match map.get(&full(register)) {
        Some(to) => like(register, *to),
        None => register,
    };
    for op in 0..new.op_count() {
        if new.op_kind(op) == OpKind::Register {
            let register = renamed(new.op_register(op));
            new.set_op_register(op, register);
        }
    }
    if new.memory_base() != Register::None && new.memory_base() != Register::RIP {
        new.set_memory_base(renamed(new.memory_base()));
    }
    if new.memory_index() != Register::None {
        new.set_memory_index(renamed(new.memory_index()));
    }
    new
}

//! AArch64: checks that the same source makes stencils there. No tables are made of them yet.
//!
//! Checked of each function: it has only known relocations, it leaves only by jumps to the declared
//! continuations, it calls nothing, and it neither moves the stack pointer nor uses the stack, except that
//! the address of a slot is computed from it.

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Opcode, Operand};

use crate::object_file::{Function, Target};

/// `R_AARCH64_JUMP26`, and `_MOVW_UABS_G0` to `_G3`: what the large code model takes for addresses.
const JUMP26: u32 = 282;
const MOVW: std::ops::RangeInclusive<u32> = 263..=269;

/// What a stencil may go on with.
const CONTINUATIONS: [&str; 4] = ["NEXT", "TAKEN", "TRAP0", "TRAP1"];
/// What may stand in the place of an address.
const HOLES: [&str; 4] = ["SLOT", "IMM", "DISP", "CTX"];

/// Checks a function.
pub(crate) fn check(name: &str, function: &Function) {
    if let Err(error) = checked(function) {
        panic!("AArch64, {name}: {error}\n{}", listing(function));
    }
}

fn checked(function: &Function) -> Result<(), String> {
    let mut jumps = Vec::new();
    for reference in &function.references {
        match (&reference.target, reference.kind) {
            (Target::Symbol(symbol), JUMP26) if CONTINUATIONS.contains(&symbol.as_str()) => {
                jumps.push(reference.offset);
            }
            (Target::Symbol(symbol), kind)
                if MOVW.contains(&kind) && HOLES.contains(&symbol.as_str()) => {}
            (Target::Constant { .. }, kind) if MOVW.contains(&kind) => {}
            _ => return Err(format!("an unknown relocation {reference:?}")),
        }
    }
    let length = function.bytes.len();
    for (offset, word) in function.bytes.chunks_exact(4).enumerate() {
        let offset = 4 * offset;
        let text = instruction(word, |opcode, operands| {
            let outside = jumps.contains(&offset);
            step(opcode, operands, outside, offset, length)
        })?;
        text?;
    }
    match jumps.last() == Some(&(length - 4)) {
        true => Ok(()),
        false => Err("it does not end in a jump to a continuation".into()),
    }
}

fn instruction<R>(word: &[u8], look: impl FnOnce(Opcode, &[Operand; 4]) -> R) -> Result<R, String> {
    let decoded = InstDecoder::default().decode(&mut U8Reader::new(word));
    let decoded = decoded.map_err(|error| format!("{word:02x?} is not known: {error}"))?;
    Ok(look(decoded.opcode, &decoded.operands))
}

/// Checks an instruction.
fn step(
    opcode: Opcode,
    operands: &[Operand; 4],
    outside: bool,
    offset: usize,
    length: usize,
) -> Result<(), String> {
    match opcode {
        Opcode::BL | Opcode::BLR | Opcode::BR | Opcode::RET => {
            return Err(format!("{opcode:?} at {offset}"));
        }
        Opcode::B if outside => return Ok(()),
        _ => {}
    }
    for operand in operands {
        if let Operand::PCOffset(distance) = operand {
            let target = offset as i64 + distance;
            if !(0..length as i64).contains(&target) {
                return Err(format!("a jump at {offset} leaves it"));
            }
        }
    }
    if matches!(operands[0], Operand::RegisterOrSP(_, 31)) {
        return Err(format!("the stack pointer moves at {offset}"));
    }
    // Slots are beyond what an immediate offset reaches: their address is in a register.
    let stack = operands.iter().any(|operand| {
        matches!(
            operand,
            Operand::RegPreIndex(31, ..)
                | Operand::RegPostIndex(31, ..)
                | Operand::RegPostIndexReg(31, ..)
        )
    });
    match stack {
        true => Err(format!("the stack is used at {offset}")),
        false => Ok(()),
    }
}

fn listing(function: &Function) -> String {
    let mut text = String::new();
    for word in function.bytes.chunks_exact(4) {
        match InstDecoder::default().decode(&mut U8Reader::new(word)) {
            Ok(decoded) => text += &format!("    {decoded}\n"),
            Err(_) => text += &format!("    {word:02x?}\n"),
        }
    }
    text
}

//! Disassembly without addresses.

use std::collections::BTreeSet;
use std::fmt;

use bakeoff_backend::CodePart;
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, Mnemonic, OpKind};

/// The instructions of a function.
pub(crate) type Code = Vec<Inst>;

/// An instruction as text.
#[derive(Debug)]
pub(crate) struct Inst {
    pub(crate) mnemonic: String,
    pub(crate) operands: Vec<String>,
}

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operands = self.operands.join(", ");
        f.write_str(format!("{} {operands}", self.mnemonic).trim_end())
    }
}

/// How the target of a branch is written: by the number of the instruction.
pub(crate) fn label(index: usize) -> String {
    format!("L{index}")
}

/// The code with labels where branches lead, and a mark at an instruction.
pub(crate) fn listing(code: &Code, marked: Option<usize>) -> String {
    let targets: BTreeSet<&str> = code
        .iter()
        .flat_map(|inst| &inst.operands)
        .map(String::as_str)
        .collect();
    let line = |(index, inst): (usize, &Inst)| {
        let mark = if marked == Some(index) { '>' } else { ' ' };
        let label = label(index);
        let place = match targets.contains(&label[..]) {
            true => format!("{label}:"),
            false => String::new(),
        };
        format!("  {mark}{place:>4} {inst}\n")
    };
    code.iter().enumerate().map(line).collect()
}

/// Disassembles a part of a module's code.
pub(crate) fn disassemble(part: &CodePart<'_>, parts: &[CodePart<'_>]) -> Code {
    let decoder = Decoder::with_ip(64, part.bytes, part.address, DecoderOptions::NONE);
    let insns: Vec<Instruction> = decoder.into_iter().collect();
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_add_leading_zero_to_hex_numbers(false);
    options.set_space_after_operand_separator(true);
    let text = |insn: &Instruction| {
        let is_mov = insn.mnemonic() == Mnemonic::Mov;
        formatter
            .options_mut()
            .set_signed_immediate_operands(!is_mov);
        let mut text = String::new();
        formatter.format(insn, &mut text);
        let (mnemonic, operands) = text.split_once(' ').unwrap_or((&text, ""));
        let operands = operands.split(", ").filter(|operand| !operand.is_empty());
        Inst {
            mnemonic: mnemonic.to_string(),
            operands: operands
                .map(|text| operand(text, insn, &insns, parts))
                .collect(),
        }
    };
    insns.iter().map(text).collect()
}

/// An operand with a name in place of an address.
fn operand(
    text: &str,
    insn: &Instruction,
    insns: &[Instruction],
    parts: &[CodePart<'_>],
) -> String {
    if insn.op0_kind() == OpKind::NearBranch64 {
        return target(insn.near_branch_target(), insns, parts);
    }
    match (insn.is_ip_rel_memory_operand(), text.find('[')) {
        (true, Some(start)) => format!("{}{}", &text[..start], constant(insn, parts)),
        _ => text.to_string(),
    }
}

/// What a branch leads to: a function, or an instruction of this one.
fn target(address: u64, insns: &[Instruction], parts: &[CodePart<'_>]) -> String {
    if let Some(part) = parts.iter().find(|part| part.address == address) {
        return part.name.clone();
    }
    let index = insns.iter().position(|insn| insn.ip() == address);
    index.map_or("elsewhere".to_string(), label)
}

/// What is in memory where an instruction reads relative to itself.
fn constant(insn: &Instruction, parts: &[CodePart<'_>]) -> String {
    let address = insn.ip_rel_memory_address();
    let bytes = parts.iter().find_map(|part| {
        let start = usize::try_from(address.checked_sub(part.address)?).ok()?;
        part.bytes.get(start..start + insn.memory_size().size())
    });
    match bytes {
        Some(bytes @ [_, ..]) => {
            let digits = bytes.iter().rev().map(|byte| format!("{byte:02x}"));
            format!("[=0x{}]", digits.collect::<String>())
        }
        _ => "[=]".to_string(),
    }
}

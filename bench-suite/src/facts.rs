//! Facts about generated code that no clock is needed for.
//!
//! What a backend knows it says itself ([`Executable::facts`]). Instructions of machine code are counted here, from the
//! code as it stands in memory: one look through every part from its first byte on, which must not take data for
//! code. Data in a part is told by how code refers to it:
//!
//! ```text
//! lea rax, [rip+T] ─────────┐     movsd xmm0, [rip+C] ───┐
//! movsxd rcx, [rax+4*rcx]   ▼                            ▼
//! ... jmp rcx            T: distance, distance, …     C: constant
//! ```
//!
//! A *table* is where a `lea` leads to: distances of 32 bits from its own beginning to places in the part. It ends where
//! the next place begins that a distance, or other code, leads to, or with the first word that is no such distance. A
//! *constant* is where an access of memory leads to, and has the size of that. Padding before data, and between constants, is
//! not counted, nor is the part that holds the constants of all functions.

use std::collections::{BTreeMap, BTreeSet};

use bakeoff_backend::{CodeFacts, CodePart, CodeView, Executable};
use bakeoff_samples::Event;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};

/// The name of the part with the constants that functions share.
const CONSTANTS: &str = "constants";

/// No padding before data in a part is longer, in bytes.
const LONGEST_PADDING: usize = 63;

/// All facts about code: its size, what the backend knows, and the number of instructions.
pub fn facts(executable: &dyn Executable) -> BTreeMap<Event, u64> {
    let CodeFacts {
        insts: _,
        relocations,
        spills,
        frame_bytes,
    } = executable.facts();
    let known = [
        (Event::CodeBytes, Some(executable.code_bytes() as u64)),
        (Event::CodeInsts, code_insts(executable)),
        (Event::Relocations, relocations),
        (Event::Spills, spills),
        (Event::FrameBytes, frame_bytes),
    ];
    let is_known = |(event, value): (Event, Option<u64>)| Some((event, value?));
    known.into_iter().filter_map(is_known).collect()
}

/// The number of instructions of the code, with entry thunks and what stands for functions of the host; `None` if
/// neither the backend nor a disassembler can tell.
pub fn code_insts(executable: &dyn Executable) -> Option<u64> {
    if let Some(insts) = executable.facts().insts {
        return Some(insts);
    }
    match executable.view() {
        CodeView::Machine { parts, .. } if cfg!(target_arch = "x86_64") => {
            let code = parts.iter().filter(|part| part.name != CONSTANTS);
            code.map(|part| Sweep::new(part).count()).sum()
        }
        CodeView::Machine { .. } | CodeView::Text(_) => None,
    }
}

/// One look through a part. All places are offsets in it.
struct Sweep<'p> {
    bytes: &'p [u8],
    address: u64,
    /// Where data begins, and what it is.
    data: BTreeMap<usize, Datum>,
    /// Where code leads to.
    targets: BTreeSet<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Datum {
    Table,
    Constant { len: usize },
}

impl<'p> Sweep<'p> {
    fn new(part: &CodePart<'p>) -> Sweep<'p> {
        Sweep {
            bytes: part.bytes,
            address: part.address,
            data: BTreeMap::new(),
            targets: BTreeSet::new(),
        }
    }

    /// The number of instructions; `None` if something is none.
    fn count(mut self) -> Option<u64> {
        let mut decoder = Decoder::with_ip(64, self.bytes, self.address, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        let mut count = 0;
        let mut at = 0;
        while at < self.bytes.len() {
            if let Some(end) = self.end_of_data(at) {
                at = end;
                continue;
            }
            // Data lies behind the code that refers to it: it is known by now.
            decoder.set_position(at).ok()?;
            decoder.set_ip(self.address + at as u64);
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                return None;
            }
            self.look(&instruction);
            count += 1;
            at += instruction.len();
        }
        Some(count)
    }

    /// The offset of an address in this part.
    fn offset(&self, address: u64) -> Option<usize> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        (offset < self.bytes.len()).then_some(offset)
    }

    /// Notes what an instruction refers to.
    fn look(&mut self, instruction: &Instruction) {
        let is_branch =
            instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64;
        if is_branch {
            let target = self.offset(instruction.near_branch_target());
            self.targets.extend(target);
        }
        if instruction.memory_base() != Register::RIP {
            return;
        }
        let Some(at) = self.offset(instruction.memory_displacement64()) else {
            return;
        };
        let datum = match instruction.code() {
            Code::Lea_r64_m | Code::Lea_r32_m => Datum::Table,
            _ => Datum::Constant {
                len: instruction.memory_size().size(),
            },
        };
        self.data.entry(at).or_insert(datum);
    }

    /// If data begins here, or only padding comes before it: where it ends.
    fn end_of_data(&self, at: usize) -> Option<usize> {
        let (start, datum) = self.data.range(at..).next()?;
        let padding = &self.bytes[at..*start];
        let is_padding =
            padding.len() <= LONGEST_PADDING && padding.iter().all(|byte| matches!(byte, 0 | 0xcc));
        if !is_padding {
            return None;
        }
        let end = match datum {
            Datum::Constant { len } => start + (*len).max(1),
            Datum::Table => self.end_of_table(*start),
        };
        Some(end.min(self.bytes.len()))
    }

    fn end_of_table(&self, start: usize) -> usize {
        let following = self.data.range(start + 1..).next().map(|(at, _)| *at);
        let target = self.targets.range(start + 1..).next().copied();
        let mut end = self.bytes.len();
        end = end.min(following.unwrap_or(end)).min(target.unwrap_or(end));
        let mut at = start;
        while at + 4 <= end {
            let word = &self.bytes[at..at + 4];
            let distance = i32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            let Some(target) = start.checked_add_signed(distance as isize) else {
                break;
            };
            if target >= self.bytes.len() {
                break;
            }
            if target > start {
                end = end.min(target);
            }
            at += 4;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(bytes: &[u8]) -> Option<u64> {
        let part = CodePart {
            name: "@f".to_string(),
            address: 0x1000,
            bytes,
        };
        Sweep::new(&part).count()
    }

    #[test]
    fn code_alone() {
        // mov eax, 1; ret
        assert_eq!(count(&[0xb8, 1, 0, 0, 0, 0xc3]), Some(2));
        // 06 is nothing in 64-bit mode.
        assert_eq!(count(&[0x06]), None);
        assert_eq!(count(&[]), Some(0));
    }

    #[test]
    fn a_table_behind_all_code() {
        let mut bytes = vec![0x48, 0x8d, 0x05, 6, 0, 0, 0]; // lea rax, [rip+6]: 13, padded from 11 on
        bytes.extend([0xff, 0xe0]); // jmp rax
        bytes.extend([0xc3, 0xc3]); // ret; ret
        bytes.extend([0xcc, 0xcc]);
        bytes.extend((-4i32).to_le_bytes());
        bytes.extend((-3i32).to_le_bytes());
        assert_eq!(count(&bytes), Some(4));
    }

    #[test]
    fn a_table_before_the_code_that_it_leads_to() {
        let mut bytes = vec![0x48, 0x8d, 0x05, 2, 0, 0, 0]; // lea rax, [rip+2]: 9
        bytes.extend([0xff, 0xe0]); // jmp rax
        bytes.extend(8i32.to_le_bytes());
        bytes.extend(9i32.to_le_bytes());
        bytes.extend([0xc3, 0xc3]); // ret; ret
        assert_eq!(count(&bytes), Some(4));
    }

    #[test]
    fn constants_at_the_end() {
        let mut bytes = vec![0xf2, 0x0f, 0x10, 0x05, 8, 0, 0, 0]; // movsd xmm0, [rip+8]: 16
        bytes.push(0xc3); // ret
        bytes.extend([0; 7]);
        bytes.extend(1.5f64.to_le_bytes());
        assert_eq!(count(&bytes), Some(2));
    }
}

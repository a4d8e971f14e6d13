//! Instructions that do what two do, one after the other.

use crate::code::{Code, Insn};

/// Two instructions, one after the other, as one that does both, if there is one.
pub(super) fn joined(first: &Insn, second: &Insn) -> Option<Insn> {
    if first.code != Code::Iadd32I {
        return None;
    }
    let sum = first.a;
    let addend = first.imm & u64::from(u32::MAX);
    match second.code {
        Code::Iadd32I => {
            let in_place = first.b == sum && second.a == second.b && second.a != sum;
            in_place.then_some(Insn {
                code: Code::AddBoth32,
                b: second.a,
                imm: addend | second.imm << 32,
                ..*first
            })
        }
        Code::BrNz if second.b == sum => Some(Insn {
            code: Code::AddBrNz32,
            imm: addend,
            ..*first
        }),
        Code::BrNe32 if second.b == sum && second.c != sum => Some(Insn {
            code: Code::AddBrNe32,
            c: second.c,
            imm: addend,
            ..*first
        }),
        Code::BrNe32 if second.c == sum && second.b != sum => Some(Insn {
            code: Code::AddBrNe32,
            c: second.b,
            imm: addend,
            ..*first
        }),
        _ => None,
    }
}

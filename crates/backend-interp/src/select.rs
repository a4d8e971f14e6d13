//! Which instruction performs which op: the ops that have one of their own.
//!
//! Everything else goes through the reference semantics, see `Eval` in the table of instructions.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{FloatCc, InstData, IntCc, Op, Type};

use crate::code::Code;

/// The `rr` form of an instruction that sets its result to whether the comparison holds.
pub(crate) fn compare_code(data: &InstData) -> Option<Code> {
    match data.op {
        Op::Icmp => int_compare(data.ty, data.int_cc()),
        Op::Fcmp => float_compare(data.ty, data.float_cc()),
        _ => None,
    }
}

/// The `rr` form of an instruction that branches if the condition that `data` computes is true, or
/// if it is false.
pub(crate) fn branch_code(data: &InstData, if_true: bool) -> Option<Code> {
    match (data.op, if_true) {
        (Op::Icmp, true) => int_compare(data.ty, data.int_cc()),
        (Op::Icmp, false) => int_compare(data.ty, data.int_cc().inverse()),
        (Op::Fcmp, true) => float_compare(data.ty, data.float_cc()),
        (Op::Fcmp, false) => float_compare(data.ty, data.float_cc().inverse()),
        (Op::Band, true) => Some(Code::Test),
        (Op::Band, false) => Some(Code::TestNot),
        _ => None,
    }
}

fn int_compare(ty: Type, cc: IntCc) -> Option<Code> {
    let (narrow, wide) = match cc {
        IntCc::Eq => (Code::Eq32, Code::Eq64),
        IntCc::Ne => (Code::Ne32, Code::Ne64),
        IntCc::Slt => (Code::Slt32, Code::Slt64),
        IntCc::Sle => (Code::Sle32, Code::Sle64),
        IntCc::Sgt => (Code::Sgt32, Code::Sgt64),
        IntCc::Sge => (Code::Sge32, Code::Sge64),
        IntCc::Ult => (Code::Ult32, Code::Ult64),
        IntCc::Ule => (Code::Ule32, Code::Ule64),
        IntCc::Ugt => (Code::Ugt32, Code::Ugt64),
        IntCc::Uge => (Code::Uge32, Code::Uge64),
    };
    let signed = matches!(cc, IntCc::Slt | IntCc::Sle | IntCc::Sgt | IntCc::Sge);
    match ty {
        Type::I64 => Some(wide),
        Type::I32 => Some(narrow),
        // Slots are zero-extended: unsigned order and equality are those of the wider type.
        Type::I8 | Type::I16 if !signed => Some(narrow),
        Type::I8 | Type::I16 | Type::F32 | Type::F64 => None,
    }
}

fn float_compare(ty: Type, cc: FloatCc) -> Option<Code> {
    let (narrow, wide) = match cc {
        FloatCc::Eq => (Code::Feq32, Code::Feq64),
        FloatCc::Ne => (Code::Fne32, Code::Fne64),
        FloatCc::Lt => (Code::Flt32, Code::Flt64),
        FloatCc::Le => (Code::Fle32, Code::Fle64),
        FloatCc::Gt => (Code::Fgt32, Code::Fgt64),
        FloatCc::Ge => (Code::Fge32, Code::Fge64),
        FloatCc::Uge => (Code::Fuge32, Code::Fuge64),
        FloatCc::Ugt if faults::on(Fault::InterpUnorderedGreater) => (Code::Fgt32, Code::Fgt64),
        FloatCc::Ugt => (Code::Fugt32, Code::Fugt64),
        FloatCc::Ule => (Code::Fule32, Code::Fule64),
        FloatCc::Ult => (Code::Fult32, Code::Fult64),
        FloatCc::Ord | FloatCc::Uno | FloatCc::Ueq | FloatCc::One => return None,
    };
    Some(if ty == Type::F32 { narrow } else { wide })
}

/// The `rr` form of a binary op.
pub(crate) fn binary_code(data: &InstData) -> Option<Code> {
    let narrow_bits = matches!(data.ty, Type::I8 | Type::I16 | Type::I32);
    let (narrow, wide) = match data.op {
        // Bitwise ops keep zero-extended slots zero-extended at any width.
        Op::Band if data.ty.is_int() => return Some(Code::Band64),
        Op::Bor if data.ty.is_int() => return Some(Code::Bor64),
        Op::Bxor if data.ty.is_int() => return Some(Code::Bxor64),
        // So do unsigned quotients and remainders.
        Op::Udiv if narrow_bits => return Some(Code::Udiv32),
        Op::Urem if narrow_bits => return Some(Code::Urem32),
        Op::Iadd => (Code::Iadd32, Code::Iadd64),
        Op::Isub => (Code::Isub32, Code::Isub64),
        Op::Imul => (Code::Imul32, Code::Imul64),
        Op::Ishl => (Code::Ishl32, Code::Ishl64),
        Op::Ushr => (Code::Ushr32, Code::Ushr64),
        Op::Sshr => (Code::Sshr32, Code::Sshr64),
        Op::Rotl => (Code::Rotl32, Code::Rotl64),
        Op::Rotr => (Code::Rotr32, Code::Rotr64),
        Op::Sdiv => (Code::Sdiv32, Code::Sdiv64),
        Op::Udiv => (Code::Udiv32, Code::Udiv64),
        Op::Srem => (Code::Srem32, Code::Srem64),
        Op::Urem => (Code::Urem32, Code::Urem64),
        Op::Fadd => (Code::Fadd32, Code::Fadd64),
        Op::Fsub => (Code::Fsub32, Code::Fsub64),
        Op::Fmul => (Code::Fmul32, Code::Fmul64),
        Op::Fdiv => (Code::Fdiv32, Code::Fdiv64),
        Op::Copysign => (Code::Copysign32, Code::Copysign64),
        _ => return compare_code(data),
    };
    match data.ty {
        Type::I32 | Type::F32 => Some(narrow),
        Type::I64 | Type::F64 => Some(wide),
        Type::I8 | Type::I16 => None,
    }
}

/// The instruction of a unary op or a conversion.
pub(crate) fn unary_code(data: &InstData) -> Option<Code> {
    if let Some(code) = conversion_code(data) {
        return Some(code);
    }
    let (narrow, wide) = match data.op {
        Op::Ineg => (Code::Ineg32, Code::Ineg64),
        Op::Bnot => (Code::Bnot32, Code::Bnot64),
        Op::Clz => (Code::Clz32, Code::Clz64),
        Op::Ctz => (Code::Ctz32, Code::Ctz64),
        Op::Popcnt => (Code::Popcnt32, Code::Popcnt64),
        Op::Bswap => (Code::Bswap32, Code::Bswap64),
        Op::Fneg => (Code::Fneg32, Code::Fneg64),
        Op::Fabs => (Code::Fabs32, Code::Fabs64),
        Op::Sqrt => (Code::Sqrt32, Code::Sqrt64),
        Op::Ceil => (Code::Ceil32, Code::Ceil64),
        Op::Floor => (Code::Floor32, Code::Floor64),
        Op::Trunc => (Code::Trunc32, Code::Trunc64),
        Op::Nearest => (Code::Nearest32, Code::Nearest64),
        _ => return None,
    };
    match data.ty {
        Type::I32 | Type::F32 => Some(narrow),
        Type::I64 | Type::F64 => Some(wide),
        Type::I8 | Type::I16 => None,
    }
}

fn conversion_code(data: &InstData) -> Option<Code> {
    let wide = data.ty == Type::I64;
    match (data.op, data.ty2) {
        (Op::Sextend, Type::I8) if data.ty != Type::I16 => Some(if wide {
            Code::Sextend8To64
        } else {
            Code::Sextend8To32
        }),
        (Op::Sextend, Type::I16) => Some(if wide {
            Code::Sextend16To64
        } else {
            Code::Sextend16To32
        }),
        (Op::Sextend, Type::I32) => Some(Code::Sextend32To64),
        (Op::Ireduce, _) => match data.ty {
            Type::I8 => Some(Code::Ireduce8),
            Type::I16 => Some(Code::Ireduce16),
            _ if faults::on(Fault::InterpReduceIsNothing) => Some(Code::Copy),
            _ => Some(Code::Ireduce32),
        },
        (Op::Fpromote, _) => Some(Code::Fpromote),
        (Op::Fdemote, _) => Some(Code::Fdemote),
        (Op::FcvtFromSint, from) => Some(match (data.ty, from) {
            (Type::F32, Type::I32) => Code::SintToF32W,
            (Type::F32, _) => Code::SintToF32L,
            (_, Type::I32) => Code::SintToF64W,
            _ => Code::SintToF64L,
        }),
        (Op::FcvtFromUint, from) => Some(match (data.ty, from) {
            (Type::F32, Type::I32) => Code::UintToF32W,
            (Type::F32, _) => Code::UintToF32L,
            (_, Type::I32) => Code::UintToF64W,
            _ => Code::UintToF64L,
        }),
        (Op::FcvtToSintSat, from) => Some(match (from, wide) {
            (Type::F32, false) => Code::F32ToSintSatW,
            (Type::F32, true) => Code::F32ToSintSatL,
            (_, false) => Code::F64ToSintSatW,
            (_, true) => Code::F64ToSintSatL,
        }),
        (Op::FcvtToUintSat, from) => Some(match (from, wide) {
            (Type::F32, false) => Code::F32ToUintSatW,
            (Type::F32, true) => Code::F32ToUintSatL,
            (_, false) => Code::F64ToUintSatW,
            (_, true) => Code::F64ToUintSatL,
        }),
        _ => None,
    }
}

/// The instruction of a load.
pub(crate) fn load_code(data: &InstData) -> Option<Code> {
    let memory_ty = if data.op == Op::Load {
        data.ty
    } else {
        data.ty2
    };
    let signed = data.op == Op::Sload;
    match (memory_ty, signed, data.ty) {
        (Type::I8, false, _) => Some(Code::Load8),
        (Type::I16, false, _) => Some(Code::Load16),
        (Type::I32 | Type::F32, false, _) => Some(Code::Load32),
        (Type::I64 | Type::F64, _, _) => Some(Code::Load64),
        (Type::I8, true, Type::I32) => Some(Code::Load8S32),
        (Type::I8, true, Type::I64) => Some(Code::Load8S64),
        (Type::I16, true, Type::I32) => Some(Code::Load16S32),
        (Type::I16, true, Type::I64) => Some(Code::Load16S64),
        (Type::I32, true, _) => Some(Code::Load32S64),
        _ => None,
    }
}

/// The `rr` form of a store.
pub(crate) fn store_code(data: &InstData) -> Code {
    let memory_ty = if data.op == Op::Store {
        data.ty
    } else {
        data.ty2
    };
    match memory_ty {
        Type::I8 => Code::Store8,
        Type::I16 => Code::Store16,
        Type::I32 | Type::F32 => Code::Store32,
        Type::I64 | Type::F64 => Code::Store64,
    }
}

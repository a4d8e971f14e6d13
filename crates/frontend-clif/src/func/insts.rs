//! Which op becomes what: the one match over all of CLIF's.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{IntCc, Op, TrapCode, Value};
use cranelift_codegen::ir::{self as clif, InstructionData, Opcode};

use super::{FuncTranslator, trap_code};
use crate::module::ir_type;

/// What an instruction gives, or the reason why it cannot be translated.
pub(super) type Translated<T = Value> = Result<T, String>;

impl FuncTranslator<'_> {
    /// Translates an instruction.
    pub(super) fn inst(&mut self, inst: clif::Inst) -> Translated<()> {
        let function = self.function;
        let results = function.dfg.inst_results(inst);
        for value in function
            .dfg
            .inst_values(inst)
            .chain(results.iter().copied())
        {
            ir_type(function.dfg.value_type(value))?;
        }
        let made = self.results(inst, function.dfg.insts[inst].opcode())?;
        if made.len() != results.len() {
            return Err("instruction with another number of results".to_string());
        }
        for (result, value) in results.iter().zip(made) {
            self.values[result.as_u32() as usize] = Some(value);
        }
        Ok(())
    }

    /// Appends what an instruction becomes, and yields its results.
    fn results(&mut self, inst: clif::Inst, opcode: Opcode) -> Translated<Vec<Value>> {
        let function = self.function;
        let data = &function.dfg.insts[inst];
        let args = self.values_of(function.dfg.inst_args(inst))?;
        let one = |value: Value| Ok(vec![value]);
        match opcode {
            Opcode::Iconst | Opcode::F32const | Opcode::F64const => one(self.constant(inst)?),
            Opcode::Iadd => one(self.binary(Op::Iadd, &args)),
            Opcode::Isub => one(self.binary(Op::Isub, &args)),
            Opcode::Imul => one(self.binary(Op::Imul, &args)),
            Opcode::Ineg => one(self.unary(Op::Ineg, &args)),
            Opcode::Iabs => one(self.unary(Op::Iabs, &args)),
            Opcode::Smin => one(self.binary(Op::Smin, &args)),
            Opcode::Smax => one(self.binary(Op::Smax, &args)),
            Opcode::Umin => one(self.binary(Op::Umin, &args)),
            Opcode::Umax => one(self.binary(Op::Umax, &args)),
            Opcode::Smulhi => one(self.binary(Op::Smulhi, &args)),
            Opcode::Umulhi => one(self.binary(Op::Umulhi, &args)),
            Opcode::Sdiv => one(self.binary(Op::Sdiv, &args)),
            Opcode::Udiv => one(self.binary(Op::Udiv, &args)),
            Opcode::Srem => one(self.binary(Op::Srem, &args)),
            Opcode::Urem => one(self.binary(Op::Urem, &args)),
            Opcode::SaddOverflow => Ok(self.overflowing(Op::SaddOverflow, &args)),
            Opcode::UaddOverflow => Ok(self.overflowing(Op::UaddOverflow, &args)),
            Opcode::SsubOverflow => Ok(self.overflowing(Op::SsubOverflow, &args)),
            Opcode::UsubOverflow => Ok(self.overflowing(Op::UsubOverflow, &args)),
            Opcode::SmulOverflow => Ok(self.overflowing(Op::SmulOverflow, &args)),
            Opcode::UmulOverflow => Ok(self.overflowing(Op::UmulOverflow, &args)),
            Opcode::SaddOverflowCin => Ok(self.with_carry(Op::SaddOverflow, Op::Bxor, &args)),
            Opcode::UaddOverflowCin => Ok(self.with_carry(Op::UaddOverflow, Op::Bor, &args)),
            Opcode::SsubOverflowBin => Ok(self.with_carry(Op::SsubOverflow, Op::Bxor, &args)),
            Opcode::UsubOverflowBin => Ok(self.with_carry(Op::UsubOverflow, Op::Bor, &args)),
            Opcode::UaddOverflowTrap => {
                let code = self.trap_of(data)?;
                let ty = self.ty(args[0]);
                let (sum, carry) = self
                    .builder
                    .overflowing(Op::UaddOverflow, ty, args[0], args[1]);
                self.builder.trapnz(carry, code);
                one(sum)
            }
            Opcode::Band => one(self.bitwise(Op::Band, &args)?),
            Opcode::Bor => one(self.bitwise(Op::Bor, &args)?),
            Opcode::Bxor => one(self.bitwise(Op::Bxor, &args)?),
            Opcode::Bnot => one(self.bitwise(Op::Bnot, &args)?),
            Opcode::Bitselect => one(self.bitselect(&args)?),
            Opcode::Ishl => one(self.shift(Op::Ishl, &args)),
            Opcode::Ushr => one(self.shift(Op::Ushr, &args)),
            Opcode::Sshr => one(self.shift(Op::Sshr, &args)),
            Opcode::Rotl => one(self.shift(Op::Rotl, &args)),
            Opcode::Rotr => one(self.shift(Op::Rotr, &args)),
            Opcode::Clz => one(self.unary(Op::Clz, &args)),
            Opcode::Ctz => one(self.unary(Op::Ctz, &args)),
            Opcode::Cls => one(self.leading_sign_bits(args[0])),
            Opcode::Popcnt => one(self.unary(Op::Popcnt, &args)),
            Opcode::Bitrev => one(self.unary(Op::Bitrev, &args)),
            Opcode::Bswap => one(self.unary(Op::Bswap, &args)),
            Opcode::Icmp | Opcode::Fcmp => one(self.compare(data, &args)?),
            Opcode::Select | Opcode::SelectSpectreGuard => {
                let ty = self.ty(args[1]);
                one(self.builder.select(ty, args[0], args[1], args[2]))
            }
            Opcode::Sextend => one(self.convert(Op::Sextend, inst, &args)?),
            Opcode::Uextend => one(self.convert(Op::Uextend, inst, &args)?),
            Opcode::Ireduce => one(self.convert(Op::Ireduce, inst, &args)?),
            Opcode::Fpromote => one(self.convert(Op::Fpromote, inst, &args)?),
            Opcode::Fdemote => one(self.convert(Op::Fdemote, inst, &args)?),
            Opcode::Bitcast => one(self.bitcast(inst, args[0])?),
            Opcode::Bmask => one(self.mask(inst, args[0])?),
            Opcode::FcvtFromSint => one(self.float_of(Op::FcvtFromSint, inst, args[0])?),
            Opcode::FcvtFromUint => one(self.float_of(Op::FcvtFromUint, inst, args[0])?),
            Opcode::FcvtToSint => one(self.int_of(Op::FcvtToSint, inst, args[0])?),
            Opcode::FcvtToUint => one(self.int_of(Op::FcvtToUint, inst, args[0])?),
            Opcode::FcvtToSintSat => one(self.saturated(Op::FcvtToSintSat, inst, args[0])?),
            Opcode::FcvtToUintSat => one(self.saturated(Op::FcvtToUintSat, inst, args[0])?),
            Opcode::Fadd => one(self.binary(Op::Fadd, &args)),
            Opcode::Fsub => one(self.binary(Op::Fsub, &args)),
            Opcode::Fmul => one(self.binary(Op::Fmul, &args)),
            Opcode::Fdiv => one(self.binary(Op::Fdiv, &args)),
            Opcode::Fmin => one(self.binary(Op::Fmin, &args)),
            Opcode::Fmax => one(self.binary(Op::Fmax, &args)),
            Opcode::Fcopysign => one(self.binary(Op::Copysign, &args)),
            Opcode::Fneg => one(self.unary(Op::Fneg, &args)),
            Opcode::Fabs => one(self.unary(Op::Fabs, &args)),
            Opcode::Sqrt => one(self.unary(Op::Sqrt, &args)),
            Opcode::Ceil => one(self.unary(Op::Ceil, &args)),
            Opcode::Floor => one(self.unary(Op::Floor, &args)),
            Opcode::Trunc => one(self.unary(Op::Trunc, &args)),
            Opcode::Nearest => one(self.unary(Op::Nearest, &args)),
            Opcode::Fma => {
                let ty = self.ty(args[0]);
                one(self.builder.fma(ty, args[0], args[1], args[2]))
            }
            Opcode::Load
            | Opcode::Uload8
            | Opcode::Sload8
            | Opcode::Uload16
            | Opcode::Sload16
            | Opcode::Uload32
            | Opcode::Sload32 => one(self.load(inst, args[0])?),
            Opcode::Store | Opcode::Istore8 | Opcode::Istore16 | Opcode::Istore32 => {
                self.store(inst, &args).map(|()| Vec::new())
            }
            Opcode::StackAddr => one(self.stack_addr(inst)?),
            Opcode::FuncAddr => one(self.func_addr(inst)?),
            Opcode::Call | Opcode::CallIndirect => self.call(data, &args),
            Opcode::ReturnCall | Opcode::ReturnCallIndirect => {
                self.return_call(data, &args).map(|()| Vec::new())
            }
            Opcode::Jump | Opcode::Brif | Opcode::BrTable => {
                self.branch(data, &args).map(|()| Vec::new())
            }
            Opcode::Return => {
                self.builder.ret(&args);
                Ok(Vec::new())
            }
            Opcode::Trap => {
                let code = self.trap_of(data)?;
                self.builder.trap(code);
                Ok(Vec::new())
            }
            Opcode::Trapz => {
                let code = self.trap_of(data)?;
                self.builder.trapz(args[0], code);
                Ok(Vec::new())
            }
            Opcode::Trapnz => {
                let code = self.trap_of(data)?;
                self.builder.trapnz(args[0], code);
                Ok(Vec::new())
            }
            // The second is a place for a debugger to stop at.
            Opcode::Nop | Opcode::SequencePoint => Ok(Vec::new()),
            Opcode::Debugtrap
            | Opcode::TryCall
            | Opcode::TryCallIndirect
            | Opcode::Splat
            | Opcode::Swizzle
            | Opcode::X86Pshufb
            | Opcode::Insertlane
            | Opcode::Extractlane
            | Opcode::AvgRound
            | Opcode::UaddSat
            | Opcode::SaddSat
            | Opcode::UsubSat
            | Opcode::SsubSat
            | Opcode::StackSwitch
            | Opcode::Uload8x8
            | Opcode::Sload8x8
            | Opcode::Uload16x4
            | Opcode::Sload16x4
            | Opcode::Uload32x2
            | Opcode::Sload32x2
            | Opcode::DynamicStackAddr
            | Opcode::SymbolValue
            | Opcode::TlsValue
            | Opcode::GetPinnedReg
            | Opcode::SetPinnedReg
            | Opcode::GetFramePointer
            | Opcode::GetStackPointer
            | Opcode::GetReturnAddress
            | Opcode::GetExceptionHandlerAddress
            | Opcode::F16const
            | Opcode::F128const
            | Opcode::Vconst
            | Opcode::Shuffle
            | Opcode::Blendv
            | Opcode::VanyTrue
            | Opcode::VallTrue
            | Opcode::VhighBits
            | Opcode::SqmulRoundSat
            | Opcode::X86Pmulhrsw
            | Opcode::ScalarToVector
            | Opcode::Snarrow
            | Opcode::Unarrow
            | Opcode::Uunarrow
            | Opcode::SwidenLow
            | Opcode::SwidenHigh
            | Opcode::UwidenLow
            | Opcode::UwidenHigh
            | Opcode::IaddPairwise
            | Opcode::X86Pmaddubsw
            | Opcode::Fvdemote
            | Opcode::FvpromoteLow
            | Opcode::X86Cvtt2dq
            | Opcode::Isplit
            | Opcode::Iconcat
            | Opcode::AtomicRmw
            | Opcode::AtomicCas
            | Opcode::AtomicLoad
            | Opcode::AtomicStore
            | Opcode::Fence
            | Opcode::ExtractVector => Err(format!("op {opcode}")),
        }
    }

    fn trap_of(&self, data: &InstructionData) -> Translated<TrapCode> {
        data.trap_code()
            .and_then(trap_code)
            .ok_or_else(|| "trap code".to_string())
    }

    /// The type of the result of an instruction that has one.
    pub(super) fn result_type(&self, inst: clif::Inst) -> Translated<bakeoff_ir::Type> {
        let result = self.function.dfg.first_result(inst);
        ir_type(self.function.dfg.value_type(result))
    }

    fn compare(&mut self, data: &InstructionData, args: &[Value]) -> Translated {
        let ty = self.ty(args[0]);
        match data {
            InstructionData::IntCompare { cond, .. } => {
                Ok(self.builder.icmp(int_cc(*cond), ty, args[0], args[1]))
            }
            InstructionData::FloatCompare { cond, .. } => {
                let cc = bakeoff_ir::FloatCc::from_name(&cond.to_string());
                let cc = cc.ok_or_else(|| format!("condition {cond}"))?;
                Ok(self.builder.fcmp(cc, ty, args[0], args[1]))
            }
            other => Err(format!("op {}", other.opcode())),
        }
    }
}

fn int_cc(cond: clif::condcodes::IntCC) -> IntCc {
    use clif::condcodes::IntCC;
    match cond {
        IntCC::Equal => IntCc::Eq,
        IntCC::NotEqual => IntCc::Ne,
        IntCC::SignedLessThan => IntCc::Slt,
        IntCC::SignedGreaterThanOrEqual => IntCc::Sge,
        IntCC::SignedGreaterThan => IntCc::Sgt,
        IntCC::SignedLessThanOrEqual => IntCc::Sle,
        IntCC::UnsignedLessThan => IntCc::Ult,
        IntCC::UnsignedGreaterThanOrEqual if faults::on(Fault::ClifGreaterOrEqual) => IntCc::Ugt,
        IntCC::UnsignedGreaterThanOrEqual => IntCc::Uge,
        IntCC::UnsignedGreaterThan => IntCc::Ugt,
        IntCC::UnsignedLessThanOrEqual => IntCc::Ule,
    }
}

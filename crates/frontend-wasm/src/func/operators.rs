//! What each operator becomes.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Data, Elem, FloatCc, Func, Global, IntCc, Memory, Op, Table, Type, Value};
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::FuncTranslator;
use super::stack::Test;
use crate::WasmError;

use Operator as O;
use Type::{F32, F64, I8, I16, I32, I64};

impl FuncTranslator<'_, '_> {
    /// Translates an operator, or skips it if it cannot be reached.
    pub(super) fn operator(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        match operator {
            O::Else => return self.else_(),
            O::End => return self.end(),
            _ if !self.is_reachable() => {
                self.skip(operator);
                return Ok(());
            }
            O::Block { blockty } => self.block(*blockty),
            O::Loop { blockty } => return self.loop_(*blockty),
            O::If { blockty } => return self.if_(*blockty),
            O::Br { relative_depth } => return self.br(*relative_depth),
            O::BrIf { relative_depth } => return self.br_if(*relative_depth),
            O::BrTable { targets } => return self.br_table(targets),
            O::Call { function_index } => return self.call(*function_index),
            O::CallIndirect {
                type_index,
                table_index,
            } => return self.call_indirect(*table_index, *type_index),
            O::ReturnCall { function_index } => return self.return_call(*function_index),
            O::ReturnCallIndirect {
                type_index,
                table_index,
            } => return self.return_call_indirect(*table_index, *type_index),
            _ => return self.straight(operator),
        }
        Ok(())
    }

    /// Passes an operator in unreachable code.
    fn skip(&mut self, operator: &Operator<'_>) {
        match operator {
            O::Block { .. } | O::Loop { .. } => self.skipped += 1,
            O::If { .. } => {
                self.skipped += 1;
                self.elses.skip();
            }
            _ => {}
        }
    }

    /// Operators that leave the frames as they are and branch nowhere.
    fn straight(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        match *operator {
            // Control and parameters
            O::Nop => {}
            O::Unreachable => self.unreachable(),
            O::Return => self.return_(),
            O::Drop => self.discard(),
            O::Select | O::TypedSelect { .. } => self.select(),

            // Variables
            O::LocalGet { local_index } => self.local_get(local_index),
            O::LocalSet { local_index } => self.local_set(local_index),
            O::LocalTee { local_index } => self.tee(local_index),
            O::GlobalGet { global_index } => self.global_get(global_index),
            O::GlobalSet { global_index } => self.global_set(global_index),

            // References and tables
            O::RefNull { .. } => self.int(I64, 0),
            O::RefIsNull => self.test_zero(I64),
            O::RefFunc { function_index } => self.ref_func(function_index),
            O::TableGet { table } => self.table_get(table),
            O::TableSet { table } => self.table_set(table),
            O::TableSize { table } => self.table_size(table),
            O::TableGrow { table } => self.table_grow(table),
            O::TableFill { .. }
            | O::TableCopy { .. }
            | O::TableInit { .. }
            | O::ElemDrop { .. }
            | O::MemoryFill { .. }
            | O::MemoryCopy { .. }
            | O::MemoryInit { .. }
            | O::DataDrop { .. } => self.bulk(operator),

            // Memory
            O::MemorySize { mem } => self.memory_size(mem),
            O::MemoryGrow { mem } => self.memory_grow(mem),
            O::I32Load { memarg } => self.load(Op::Load, I32, I8, &memarg),
            O::I64Load { memarg } => self.load(Op::Load, I64, I8, &memarg),
            O::F32Load { memarg } => self.load(Op::Load, F32, I8, &memarg),
            O::F64Load { memarg } => self.load(Op::Load, F64, I8, &memarg),
            O::I32Load8S { memarg } => self.load(Op::Sload, I32, I8, &memarg),
            O::I32Load8U { memarg } => self.load(Op::Uload, I32, I8, &memarg),
            O::I32Load16S { memarg } => self.load(Op::Sload, I32, I16, &memarg),
            O::I32Load16U { memarg } => self.load(Op::Uload, I32, I16, &memarg),
            O::I64Load8S { memarg } => self.load(Op::Sload, I64, I8, &memarg),
            O::I64Load8U { memarg } => self.load(Op::Uload, I64, I8, &memarg),
            O::I64Load16S { memarg } => self.load(Op::Sload, I64, I16, &memarg),
            O::I64Load16U { memarg } => self.load(Op::Uload, I64, I16, &memarg),
            O::I64Load32S { memarg } if faults::on(Fault::WasmLoadUnsigned) => {
                self.load(Op::Uload, I64, I32, &memarg);
            }
            O::I64Load32S { memarg } => self.load(Op::Sload, I64, I32, &memarg),
            O::I64Load32U { memarg } => self.load(Op::Uload, I64, I32, &memarg),
            O::I32Store { memarg } => self.store(Op::Store, I32, I8, &memarg),
            O::I64Store { memarg } => self.store(Op::Store, I64, I8, &memarg),
            O::F32Store { memarg } => self.store(Op::Store, F32, I8, &memarg),
            O::F64Store { memarg } => self.store(Op::Store, F64, I8, &memarg),
            O::I32Store8 { memarg } => self.store(Op::Istore, I32, I8, &memarg),
            O::I32Store16 { memarg } => self.store(Op::Istore, I32, I16, &memarg),
            O::I64Store8 { memarg } => self.store(Op::Istore, I64, I8, &memarg),
            O::I64Store16 { memarg } => self.store(Op::Istore, I64, I16, &memarg),
            O::I64Store32 { memarg } => self.store(Op::Istore, I64, I32, &memarg),

            // Constants
            O::I32Const { value } => self.int(I32, i64::from(value)),
            O::I64Const { value } => self.int(I64, value),
            O::F32Const { value } => self.float(F32, u64::from(value.bits())),
            O::F64Const { value } => self.float(F64, value.bits()),

            // Comparisons
            O::I32Eqz => self.test_zero(I32),
            O::I32Eq => self.icmp(IntCc::Eq, I32),
            O::I32Ne => self.icmp(IntCc::Ne, I32),
            O::I32LtS => self.icmp(IntCc::Slt, I32),
            O::I32LtU => self.icmp(IntCc::Ult, I32),
            O::I32GtS => self.icmp(IntCc::Sgt, I32),
            O::I32GtU => self.icmp(IntCc::Ugt, I32),
            O::I32LeS => self.icmp(IntCc::Sle, I32),
            O::I32LeU => self.icmp(IntCc::Ule, I32),
            O::I32GeS => self.icmp(IntCc::Sge, I32),
            O::I32GeU => self.icmp(IntCc::Uge, I32),
            O::I64Eqz => self.test_zero(I64),
            O::I64Eq => self.icmp(IntCc::Eq, I64),
            O::I64Ne => self.icmp(IntCc::Ne, I64),
            O::I64LtS => self.icmp(IntCc::Slt, I64),
            O::I64LtU => self.icmp(IntCc::Ult, I64),
            O::I64GtS => self.icmp(IntCc::Sgt, I64),
            O::I64GtU => self.icmp(IntCc::Ugt, I64),
            O::I64LeS => self.icmp(IntCc::Sle, I64),
            O::I64LeU => self.icmp(IntCc::Ule, I64),
            O::I64GeS => self.icmp(IntCc::Sge, I64),
            O::I64GeU => self.icmp(IntCc::Uge, I64),
            O::F32Eq => self.fcmp(FloatCc::Eq, F32),
            O::F32Ne => self.fcmp(FloatCc::Ne, F32),
            O::F32Lt => self.fcmp(FloatCc::Lt, F32),
            O::F32Gt => self.fcmp(FloatCc::Gt, F32),
            O::F32Le => self.fcmp(FloatCc::Le, F32),
            O::F32Ge => self.fcmp(FloatCc::Ge, F32),
            O::F64Eq => self.fcmp(FloatCc::Eq, F64),
            O::F64Ne => self.fcmp(FloatCc::Ne, F64),
            O::F64Lt => self.fcmp(FloatCc::Lt, F64),
            O::F64Gt => self.fcmp(FloatCc::Gt, F64),
            O::F64Le => self.fcmp(FloatCc::Le, F64),
            O::F64Ge => self.fcmp(FloatCc::Ge, F64),

            // Integers
            O::I32Clz => self.unary(Op::Clz, I32),
            O::I32Ctz => self.unary(Op::Ctz, I32),
            O::I32Popcnt => self.unary(Op::Popcnt, I32),
            O::I32Add => self.binary(Op::Iadd, I32),
            O::I32Sub => self.binary(Op::Isub, I32),
            O::I32Mul => self.binary(Op::Imul, I32),
            O::I32DivS => self.binary(Op::Sdiv, I32),
            O::I32DivU if faults::on(Fault::WasmDivSigned) => self.binary(Op::Sdiv, I32),
            O::I32DivU => self.binary(Op::Udiv, I32),
            O::I32RemS => self.binary(Op::Srem, I32),
            O::I32RemU => self.binary(Op::Urem, I32),
            O::I32And => self.logic(Op::Band),
            O::I32Or => self.logic(Op::Bor),
            O::I32Xor => self.logic(Op::Bxor),
            O::I32Shl => self.binary(Op::Ishl, I32),
            O::I32ShrS => self.binary(Op::Sshr, I32),
            O::I32ShrU => self.binary(Op::Ushr, I32),
            O::I32Rotl => self.binary(Op::Rotl, I32),
            O::I32Rotr => self.binary(Op::Rotr, I32),
            O::I64Clz => self.unary(Op::Clz, I64),
            O::I64Ctz => self.unary(Op::Ctz, I64),
            O::I64Popcnt => self.unary(Op::Popcnt, I64),
            O::I64Add => self.binary(Op::Iadd, I64),
            O::I64Sub => self.binary(Op::Isub, I64),
            O::I64Mul => self.binary(Op::Imul, I64),
            O::I64DivS => self.binary(Op::Sdiv, I64),
            O::I64DivU => self.binary(Op::Udiv, I64),
            O::I64RemS => self.binary(Op::Srem, I64),
            O::I64RemU => self.binary(Op::Urem, I64),
            O::I64And => self.binary(Op::Band, I64),
            O::I64Or => self.binary(Op::Bor, I64),
            O::I64Xor => self.binary(Op::Bxor, I64),
            O::I64Shl => self.binary(Op::Ishl, I64),
            O::I64ShrS => self.binary(Op::Sshr, I64),
            O::I64ShrU => self.binary(Op::Ushr, I64),
            O::I64Rotl => self.binary(Op::Rotl, I64),
            O::I64Rotr => self.binary(Op::Rotr, I64),

            // Floats
            O::F32Abs => self.unary(Op::Fabs, F32),
            O::F32Neg => self.unary(Op::Fneg, F32),
            O::F32Ceil => self.unary(Op::Ceil, F32),
            O::F32Floor => self.unary(Op::Floor, F32),
            O::F32Trunc => self.unary(Op::Trunc, F32),
            O::F32Nearest => self.unary(Op::Nearest, F32),
            O::F32Sqrt => self.unary(Op::Sqrt, F32),
            O::F32Add => self.binary(Op::Fadd, F32),
            O::F32Sub => self.binary(Op::Fsub, F32),
            O::F32Mul => self.binary(Op::Fmul, F32),
            O::F32Div => self.binary(Op::Fdiv, F32),
            O::F32Min => self.binary(Op::Fmin, F32),
            O::F32Max => self.binary(Op::Fmax, F32),
            O::F32Copysign => self.binary(Op::Copysign, F32),
            O::F64Abs => self.unary(Op::Fabs, F64),
            O::F64Neg => self.unary(Op::Fneg, F64),
            O::F64Ceil => self.unary(Op::Ceil, F64),
            O::F64Floor => self.unary(Op::Floor, F64),
            O::F64Trunc => self.unary(Op::Trunc, F64),
            O::F64Nearest => self.unary(Op::Nearest, F64),
            O::F64Sqrt => self.unary(Op::Sqrt, F64),
            O::F64Add => self.binary(Op::Fadd, F64),
            O::F64Sub => self.binary(Op::Fsub, F64),
            O::F64Mul => self.binary(Op::Fmul, F64),
            O::F64Div => self.binary(Op::Fdiv, F64),
            O::F64Min => self.binary(Op::Fmin, F64),
            O::F64Max => self.binary(Op::Fmax, F64),
            O::F64Copysign => self.binary(Op::Copysign, F64),

            // Conversions
            O::I32WrapI64 => self.convert(Op::Ireduce, I32, I64),
            O::I64ExtendI32S => self.extend_i32(Op::Sextend),
            O::I64ExtendI32U => self.extend_i32(Op::Uextend),
            O::I32TruncF32S => self.convert(Op::FcvtToSint, I32, F32),
            O::I32TruncSatF32S => self.convert(Op::FcvtToSintSat, I32, F32),
            O::I32TruncF32U => self.convert(Op::FcvtToUint, I32, F32),
            O::I32TruncSatF32U => self.convert(Op::FcvtToUintSat, I32, F32),
            O::I32TruncF64S => self.convert(Op::FcvtToSint, I32, F64),
            O::I32TruncSatF64S => self.convert(Op::FcvtToSintSat, I32, F64),
            O::I32TruncF64U if faults::on(Fault::WasmTruncSigned) => {
                self.convert(Op::FcvtToSint, I32, F64);
            }
            O::I32TruncF64U => self.convert(Op::FcvtToUint, I32, F64),
            O::I32TruncSatF64U => self.convert(Op::FcvtToUintSat, I32, F64),
            O::I64TruncF32S => self.convert(Op::FcvtToSint, I64, F32),
            O::I64TruncSatF32S => self.convert(Op::FcvtToSintSat, I64, F32),
            O::I64TruncF32U => self.convert(Op::FcvtToUint, I64, F32),
            O::I64TruncSatF32U => self.convert(Op::FcvtToUintSat, I64, F32),
            O::I64TruncF64S => self.convert(Op::FcvtToSint, I64, F64),
            O::I64TruncSatF64S => self.convert(Op::FcvtToSintSat, I64, F64),
            O::I64TruncF64U => self.convert(Op::FcvtToUint, I64, F64),
            O::I64TruncSatF64U => self.convert(Op::FcvtToUintSat, I64, F64),
            O::F32ConvertI32S => self.convert(Op::FcvtFromSint, F32, I32),
            O::F32ConvertI32U => self.convert(Op::FcvtFromUint, F32, I32),
            O::F32ConvertI64S => self.convert(Op::FcvtFromSint, F32, I64),
            O::F32ConvertI64U => self.convert(Op::FcvtFromUint, F32, I64),
            O::F64ConvertI32S => self.convert(Op::FcvtFromSint, F64, I32),
            O::F64ConvertI32U => self.convert(Op::FcvtFromUint, F64, I32),
            O::F64ConvertI64S => self.convert(Op::FcvtFromSint, F64, I64),
            O::F64ConvertI64U => self.convert(Op::FcvtFromUint, F64, I64),
            O::F32DemoteF64 => self.convert(Op::Fdemote, F32, F64),
            O::F64PromoteF32 => self.convert(Op::Fpromote, F64, F32),
            O::I32ReinterpretF32 => self.convert(Op::Bitcast, I32, F32),
            O::I64ReinterpretF64 => self.convert(Op::Bitcast, I64, F64),
            O::F32ReinterpretI32 => self.convert(Op::Bitcast, F32, I32),
            O::F64ReinterpretI64 => self.convert(Op::Bitcast, F64, I64),
            O::I32Extend8S => self.sign_extend(I32, I8),
            O::I32Extend16S => self.sign_extend(I32, I16),
            O::I64Extend8S => self.sign_extend(I64, I8),
            O::I64Extend16S => self.sign_extend(I64, I16),
            O::I64Extend32S => self.sign_extend(I64, I32),

            // The validator has refused whatever else there is.
            _ => {
                let message = format!("{operator:?} is not supported");
                return Err(WasmError::at(self.offset, message));
            }
        }
        Ok(())
    }

    fn bulk(&mut self, operator: &Operator<'_>) {
        match *operator {
            O::DataDrop { data_index } => return self.builder.data_drop(Data(data_index)),
            O::ElemDrop { elem_index } => return self.builder.elem_drop(Elem(elem_index)),
            _ => {}
        }
        let args = self.pop3();
        match *operator {
            O::TableFill { table } => self.builder.table_fill(Table(table), args),
            O::TableCopy {
                dst_table,
                src_table,
            } => self
                .builder
                .table_copy(Table(dst_table), Table(src_table), args),
            O::TableInit { elem_index, table } => {
                self.builder
                    .table_init(Table(table), Elem(elem_index), args);
            }
            O::MemoryFill { mem } => self.builder.memory_fill(I32, Memory(mem), args),
            O::MemoryCopy { dst_mem, src_mem } => {
                self.builder
                    .memory_copy(I32, Memory(dst_mem), Memory(src_mem), args);
            }
            O::MemoryInit { data_index, mem } => {
                self.builder
                    .memory_init(I32, Memory(mem), Data(data_index), args);
            }
            _ => {}
        }
    }

    fn int(&mut self, ty: Type, value: i64) {
        self.flush();
        let value = self.builder.iconst(ty, value);
        self.push(value);
    }

    fn float(&mut self, ty: Type, bits: u64) {
        self.flush();
        let value = self.builder.fconst(ty, bits);
        self.push(value);
    }

    fn unary(&mut self, op: Op, ty: Type) {
        let a = self.pop();
        let result = self.builder.unary(op, ty, a);
        self.push(result);
    }

    fn pop2(&mut self) -> (Value, Value) {
        let b = self.pop();
        (self.pop(), b)
    }

    fn binary(&mut self, op: Op, ty: Type) {
        let (a, b) = self.pop2();
        let result = self.builder.binary(op, ty, a, b);
        self.push(result);
    }

    fn convert(&mut self, op: Op, to: Type, from: Type) {
        let a = self.pop();
        let result = self.builder.convert(op, to, from, a);
        self.push(result);
    }

    /// The low bits, sign-extended.
    fn sign_extend(&mut self, ty: Type, low: Type) {
        let a = self.pop();
        let reduced = self.builder.convert(Op::Ireduce, low, ty, a);
        let result = self.builder.convert(Op::Sextend, ty, low, reduced);
        self.push(result);
    }

    fn icmp(&mut self, cc: IntCc, ty: Type) {
        let (a, b) = self.pop2();
        self.push_test(Test::Int { cc, ty, a, b });
    }

    fn fcmp(&mut self, cc: FloatCc, ty: Type) {
        let (a, b) = self.pop2();
        self.push_test(Test::Float { cc, ty, a, b });
    }

    fn local_get(&mut self, local: u32) {
        self.flush();
        let value = self.builder.use_variable(self.locals[local as usize]);
        self.push(value);
    }

    fn local_set(&mut self, local: u32) {
        let value = self.pop();
        self.builder
            .define_variable(self.locals[local as usize], value);
    }

    fn global_get(&mut self, global: u32) {
        self.flush();
        let value = self.builder.global_get(Global(global));
        self.push(value);
    }

    fn global_set(&mut self, global: u32) {
        let value = self.pop();
        self.builder.global_set(Global(global), value);
    }

    /// Memory and offset of an access. The validator has refused accesses of anything else than a
    /// memory, and offsets that do not fit.
    fn access(memarg: &MemArg) -> (Memory, u32) {
        let memory = match memarg.target {
            MemArgTarget::Memory(memory) => Memory(memory),
            MemArgTarget::Array(_) => Memory(0),
        };
        (memory, u32::try_from(memarg.offset).unwrap_or(u32::MAX))
    }

    fn load(&mut self, op: Op, ty: Type, memory_ty: Type, memarg: &MemArg) {
        let address = self.pop();
        let (memory, offset) = Self::access(memarg);
        let result = self
            .builder
            .load(op, ty, memory_ty, memory, address, offset);
        self.push(result);
    }

    fn store(&mut self, op: Op, ty: Type, memory_ty: Type, memarg: &MemArg) {
        let (address, value) = self.pop2();
        let (memory, offset) = Self::access(memarg);
        self.builder
            .store(op, ty, memory_ty, memory, value, address, offset);
    }

    fn memory_size(&mut self, memory: u32) {
        self.flush();
        let pages = self.builder.memory_size(I32, Memory(memory));
        self.push(pages);
    }

    fn memory_grow(&mut self, memory: u32) {
        let delta = self.pop();
        let old = self.builder.memory_grow(I32, Memory(memory), delta);
        self.push(old);
    }

    fn ref_func(&mut self, func: u32) {
        self.flush();
        let reference = self.builder.ref_func(Func(func));
        self.push(reference);
    }

    fn table_get(&mut self, table: u32) {
        let index = self.pop();
        let reference = self.builder.table_get(Table(table), index);
        self.push(reference);
    }

    fn table_set(&mut self, table: u32) {
        let (index, reference) = self.pop2();
        self.builder.table_set(Table(table), index, reference);
    }

    fn table_size(&mut self, table: u32) {
        self.flush();
        let entries = self.builder.table_size(Table(table));
        self.push(entries);
    }

    fn table_grow(&mut self, table: u32) {
        let (reference, count) = self.pop2();
        let old = self.builder.table_grow(Table(table), reference, count);
        self.push(old);
    }
}

//! Calls, addresses of functions, and branches.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Op, Sig, Table, Type, Value};
use cranelift_codegen::ir::{self as clif, InstructionData, SigRef};

use super::FuncTranslator;
use super::insts::Translated;
use crate::module::ir_signature;

/// The table of addresses, see `module`.
const ADDRESSES: Table = Table(0);

impl FuncTranslator<'_> {
    /// The address of a function: its reference.
    pub(super) fn func_addr(&mut self, inst: clif::Inst) -> Translated {
        let InstructionData::FuncAddr { func_ref, .. } = self.function.dfg.insts[inst] else {
            return Err("op func_addr".to_string());
        };
        if self.result_type(inst)? != Type::I64 {
            return Err("address of 32 bits".to_string());
        }
        let func = self.env.callee(self.function, func_ref)?;
        Ok(self.builder.ref_func(func))
    }

    pub(super) fn call(
        &mut self,
        data: &InstructionData,
        args: &[Value],
    ) -> Translated<Vec<Value>> {
        match data {
            InstructionData::Call { func_ref, .. } => {
                let func = self.env.callee(self.function, *func_ref)?;
                Ok(self.builder.call(func, args).collect())
            }
            InstructionData::CallIndirect { sig_ref, .. } => {
                let (sig, index) = self.through(*sig_ref, args[0])?;
                let results = self
                    .builder
                    .call_indirect(ADDRESSES, sig, index, &args[1..]);
                Ok(results.collect())
            }
            other => Err(format!("op {}", other.opcode())),
        }
    }

    pub(super) fn return_call(&mut self, data: &InstructionData, args: &[Value]) -> Translated<()> {
        match data {
            InstructionData::Call { func_ref, .. } => {
                let func = self.env.callee(self.function, *func_ref)?;
                self.builder.return_call(func, args);
                Ok(())
            }
            InstructionData::CallIndirect { sig_ref, .. } => {
                let (sig, index) = self.through(*sig_ref, args[0])?;
                self.builder
                    .return_call_indirect(ADDRESSES, sig, index, &args[1..]);
                Ok(())
            }
            other => Err(format!("op {}", other.opcode())),
        }
    }

    /// The signature and the index of a call through an address. What does not fit into 32 bits becomes
    /// the greatest index, which no table has.
    fn through(&mut self, sig_ref: SigRef, address: Value) -> Translated<(Sig, Value)> {
        if self.ty(address) != Type::I64 {
            return Err("address of 32 bits".to_string());
        }
        let signature = ir_signature(&self.function.dfg.signatures[sig_ref])?;
        let sig = self.env.sig(&signature)?;
        let last = self.builder.iconst(Type::I64, i64::from(u32::MAX));
        let index = self.builder.binary(Op::Umin, Type::I64, address, last);
        let index = self
            .builder
            .convert(Op::Ireduce, Type::I32, Type::I64, index);
        Ok((sig, index))
    }

    pub(super) fn branch(&mut self, data: &InstructionData, args: &[Value]) -> Translated<()> {
        match data {
            InstructionData::Jump { destination, .. } => {
                let (block, args) = self.edge(destination)?;
                self.builder.jump(block, &args);
            }
            InstructionData::Brif { blocks, .. } => {
                let (then, then_args) = self.edge(&blocks[0])?;
                let (els, else_args) = self.edge(&blocks[1])?;
                self.builder
                    .brif(args[0], then, &then_args, els, &else_args);
            }
            InstructionData::BranchTable { table, .. } => {
                let table = &self.function.dfg.jump_tables[*table];
                let calls = table.as_slice().iter().copied();
                let calls = calls.chain([table.default_block()]);
                let edges = calls.map(|call| self.edge(&call));
                let mut edges = edges.collect::<Result<Vec<_>, _>>()?;
                if faults::on(Fault::ClifDefaultFirst) {
                    edges.rotate_right(1);
                }
                let edges: Vec<_> = edges.iter().map(|(b, args)| (*b, &args[..])).collect();
                self.builder.br_table(args[0], &edges);
            }
            other => return Err(format!("op {}", other.opcode())),
        }
        Ok(())
    }
}

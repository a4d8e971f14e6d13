//! Loads, stores and stack slots.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Op, StackSlot, StackSlotData, Type, Value};
use cranelift_codegen::ir::{self as clif, Endianness, InstructionData, MemFlags, Opcode};

use super::insts::Translated;
use super::{FuncTranslator, StackAddress};

/// Where an access goes.
#[derive(Clone, Copy)]
enum Place {
    /// Into a stack slot, at this offset.
    Stack(StackSlot, u32),
    /// To an address and an offset.
    Raw(Value, i32),
}

impl FuncTranslator<'_> {
    /// Any load. What is in memory may be narrower than the result.
    pub(super) fn load(&mut self, inst: clif::Inst, address: Value) -> Translated {
        let InstructionData::Load {
            opcode,
            flags,
            offset,
            ..
        } = self.function.dfg.insts[inst]
        else {
            return Err("load without an offset".to_string());
        };
        let ty = self.result_type(inst)?;
        let (in_memory, extend) = match opcode {
            Opcode::Uload8 => (Type::I8, Op::Uextend),
            Opcode::Sload8 => (Type::I8, Op::Sextend),
            Opcode::Uload16 => (Type::I16, Op::Uextend),
            Opcode::Sload16 => (Type::I16, Op::Sextend),
            Opcode::Uload32 => (Type::I32, Op::Uextend),
            Opcode::Sload32 => (Type::I32, Op::Sextend),
            _ => (ty, Op::Uextend),
        };
        let value = match self.place(address, offset.into(), in_memory)? {
            Place::Stack(slot, offset) => self.builder.stack_load(in_memory, slot, offset),
            Place::Raw(address, offset) => self.builder.raw_load(in_memory, address, offset),
        };
        let value = match self.is_big_endian(flags) {
            true => self.reversed(value),
            false => value,
        };
        // Floats are never extended.
        Ok(match ty == in_memory {
            true => value,
            false => self.resize(extend, value, ty),
        })
    }

    /// Any store: value, address.
    pub(super) fn store(&mut self, inst: clif::Inst, args: &[Value]) -> Translated<()> {
        let InstructionData::Store {
            opcode,
            flags,
            offset,
            ..
        } = self.function.dfg.insts[inst]
        else {
            return Err("store without an offset".to_string());
        };
        let in_memory = match opcode {
            Opcode::Istore8 => Type::I8,
            Opcode::Istore16 => Type::I16,
            Opcode::Istore32 => Type::I32,
            _ => self.ty(args[0]),
        };
        let place = self.place(args[1], offset.into(), in_memory)?;
        let value = match self.ty(args[0]) == in_memory {
            true => args[0],
            false => self.resize(Op::Uextend, args[0], in_memory),
        };
        let value = match self.is_big_endian(flags) {
            true => self.reversed(value),
            false => value,
        };
        match place {
            Place::Stack(slot, offset) => {
                self.builder.stack_store(in_memory, value, slot, offset);
            }
            Place::Raw(address, offset) => {
                self.builder.raw_store(in_memory, value, address, offset);
            }
        }
        Ok(())
    }

    /// Whether an access wants the bytes in the order that the IR does not have.
    fn is_big_endian(&self, flags: MemFlags) -> bool {
        self.function.dfg.mem_flags[flags].endianness(Endianness::Little) == Endianness::Big
    }

    /// The value with its bytes in reverse order.
    fn reversed(&mut self, value: Value) -> Value {
        let ty = self.ty(value);
        if ty == Type::I8 {
            return value;
        }
        let bits = self.bits(value);
        let bits = self.unary(Op::Bswap, &[bits]);
        self.of_bits(ty, bits)
    }

    fn place(&self, address: Value, offset: i32, ty: Type) -> Translated<Place> {
        if self.ty(address) != Type::I64 {
            return Err("address of 32 bits".to_string());
        }
        let on_stack = self.stack_addresses.get(&address).and_then(|known| {
            let at = u32::try_from(i64::from(known.at) + i64::from(offset)).ok()?;
            let end = at.checked_add(ty.bytes())?;
            let at = if faults::on(Fault::ClifOffsetForgotten) {
                known.at
            } else {
                at
            };
            (end <= known.bytes).then_some(Place::Stack(known.slot, at))
        });
        Ok(on_stack.unwrap_or(Place::Raw(address, offset)))
    }

    /// The address of a byte of a stack slot, or of one beside it.
    pub(super) fn stack_addr(&mut self, inst: clif::Inst) -> Translated {
        let InstructionData::StackAddr {
            stack_slot, offset, ..
        } = self.function.dfg.insts[inst]
        else {
            return Err("op stack_addr".to_string());
        };
        if self.result_type(inst)? != Type::I64 {
            return Err("address of 32 bits".to_string());
        }
        let (slot, bytes) = self.slot(stack_slot)?;
        let offset = i64::from(i32::from(offset));
        match u32::try_from(offset) {
            Ok(at) if at < bytes => {
                let address = self.builder.stack_addr(slot, at);
                let known = StackAddress { slot, at, bytes };
                self.stack_addresses.insert(address, known);
                Ok(address)
            }
            Ok(_) | Err(_) => {
                let address = self.builder.stack_addr(slot, 0);
                let offset = self.builder.iconst(Type::I64, offset);
                Ok(self.builder.binary(Op::Iadd, Type::I64, address, offset))
            }
        }
    }

    /// What stands for a stack slot, and its size in bytes. An empty one gets a byte, so that it has an
    /// address.
    fn slot(&mut self, slot: clif::StackSlot) -> Translated<(StackSlot, u32)> {
        if let Some(known) = self.slots.get(&slot) {
            return Ok(*known);
        }
        let data = &self.function.sized_stack_slots[slot];
        if data.align_shift > StackSlotData::MAX_ALIGN.trailing_zeros() as u8 {
            return Err("alignment of a stack slot".to_string());
        }
        let bytes = data.size.max(1);
        let made = self.builder.create_stack_slot(StackSlotData {
            bytes,
            align: 1 << data.align_shift,
        });
        self.slots.insert(slot, (made, bytes));
        Ok((made, bytes))
    }
}

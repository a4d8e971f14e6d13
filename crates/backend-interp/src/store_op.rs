//! Ops on memories, tables and raw addresses that are rare enough to share one instruction.

use std::ptr;

use bakeoff_backend::VmContext;
use bakeoff_ir::{Op, TrapCode, Type, sign_extend};

use crate::translate::StoreOp;

/// Performs the op.
///
/// # Safety
/// The op's slots lie in the frame; the context is that of a live instance of the op's module, which
/// nobody else uses; raw addresses are as the program's host promised.
#[cold]
#[inline(never)]
pub(crate) unsafe fn perform(
    op: &StoreOp,
    context: *mut VmContext,
    frame: *mut u64,
) -> Result<(), TrapCode> {
    let inst = &op.inst;
    // SAFETY: the caller's promise.
    let [a, b, c] = op.args.map(|slot| unsafe { *frame.add(slot as usize) });
    // SAFETY: the caller's promise; the reference ends with this function.
    let store = unsafe { &mut *(*context).store };
    // A size that is no more is -1 in the type of the result.
    let or_minus_one = |old: Option<u64>, ty: Type| old.unwrap_or(u64::MAX) & ty.mask();
    let result = match inst.op {
        Op::Load | Op::Sload | Op::Uload => {
            let memory_ty = if inst.op == Op::Load {
                inst.ty
            } else {
                inst.ty2
            };
            let bits = store.load(inst.memory(), a, inst.offset(), memory_ty)?;
            match inst.op {
                Op::Sload => sign_extend(memory_ty, bits) as u64 & inst.ty.mask(),
                _ => bits,
            }
        }
        Op::Store | Op::Istore => {
            let memory_ty = if inst.op == Op::Store {
                inst.ty
            } else {
                inst.ty2
            };
            return store.store(inst.memory(), b, inst.offset(), memory_ty, a);
        }
        // SAFETY: the host vouches for the address.
        Op::RawLoad => unsafe { raw_load(raw_address(a, inst.raw_offset()), inst.ty) },
        Op::RawStore => {
            // SAFETY: the host vouches for the address.
            unsafe { raw_store(raw_address(b, inst.raw_offset()), inst.ty, a) };
            return Ok(());
        }
        Op::MemorySize => store.memory_size(inst.memory()),
        Op::MemoryGrow => or_minus_one(store.memory_grow(inst.memory(), a), inst.ty),
        Op::MemoryFill => return store.memory_fill(inst.bulk_memories().0, a, b as u8, c),
        Op::MemoryCopy => {
            let (to, from) = inst.bulk_memories();
            return store.memory_copy((to, a), (from, b), c);
        }
        Op::MemoryInit => {
            return store.memory_init(inst.bulk_memories().0, inst.data(), a, b as u32, c as u32);
        }
        Op::DataDrop => {
            store.data_drop(inst.data());
            return Ok(());
        }
        Op::TableGet => store.table_get(inst.table(), a as u32)?,
        Op::TableSet => return store.table_set(inst.table(), a as u32, b),
        Op::TableSize => store.table_size(inst.table()).into(),
        Op::TableGrow => {
            let old = store.table_grow(inst.table(), a, b as u32)?;
            or_minus_one(old.map(u64::from), Type::I32)
        }
        Op::TableFill => return store.table_fill(inst.bulk_tables().0, a as u32, b, c as u32),
        Op::TableCopy => {
            let (to, from) = inst.bulk_tables();
            return store.table_copy((to, a as u32), (from, b as u32), c as u32);
        }
        Op::TableInit => {
            return store.table_init(
                inst.bulk_tables().0,
                inst.elem(),
                a as u32,
                b as u32,
                c as u32,
            );
        }
        Op::ElemDrop => {
            store.elem_drop(inst.elem());
            return Ok(());
        }
        other => unreachable!("{other} is not an op on the store"),
    };
    // SAFETY: the caller's promise.
    unsafe { *frame.add(op.result as usize) = result };
    Ok(())
}

fn raw_address(base: u64, offset: i32) -> *mut u8 {
    base.wrapping_add_signed(offset.into()) as *mut u8
}

/// Reads a value at any alignment.
///
/// # Safety
/// The bytes are readable.
unsafe fn raw_load(address: *const u8, ty: Type) -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: the caller's promise; no type is larger than 8 bytes.
    unsafe { ptr::copy_nonoverlapping(address, bytes.as_mut_ptr(), ty.bytes() as usize) };
    u64::from_le_bytes(bytes)
}

/// Writes a value at any alignment.
///
/// # Safety
/// The bytes are writable.
unsafe fn raw_store(address: *mut u8, ty: Type, bits: u64) {
    let bytes = bits.to_le_bytes();
    // SAFETY: the caller's promise; no type is larger than 8 bytes.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address, ty.bytes() as usize) };
}

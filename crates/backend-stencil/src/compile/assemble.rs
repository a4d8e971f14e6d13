//! Copying single stencils: what code of functions and thunks has in common.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Op, Type};

use super::control::Frame;
use super::{Shared, as_signed32, axis_number, fits8, pair};
use crate::buffer::{Buffer, Copied};
use crate::catalog::{Axis, Extra, Form, Level, Pattern, T, row};
use crate::library;
use crate::place::{Place, Where};

/// Copies stencils into a buffer.
pub(crate) struct Assembler<'e> {
    pub(super) shared: &'e Shared<'e>,
    pub(super) buffer: &'e mut Buffer,
    pub(super) frame: Frame,
}

impl Assembler<'_> {
    // ---- Stencils --------------------------------------------------------------------------------

    /// The number of a family's first stencil.
    #[inline]
    pub(super) fn base(&self, form: impl Into<Form>, ty: Type, sub: u8, pattern: Pattern) -> u32 {
        library::base(self.level(), row(form, ty, sub), pattern)
    }

    pub(super) fn level(&self) -> Level {
        self.shared.policy.level
    }

    /// Copies the stencil of a family that these registers of its axes select.
    #[inline]
    pub(super) fn put(
        &mut self,
        form: impl Into<Form>,
        ty: Type,
        sub: u8,
        pattern: Pattern,
        index: usize,
    ) -> Copied {
        let base = self.base(form, ty, sub, pattern);
        debug_assert_ne!(base, library::MISSING, "no such family");
        self.buffer.put(base + index as u32)
    }

    /// Copies a stencil without axes.
    #[inline]
    pub(super) fn glue(&mut self, extra: Extra) -> Copied {
        self.put(extra, Type::I64, 0, Pattern::Fixed, 0)
    }

    /// Copies a stencil whose first hole is a place in the frame, and the same family has it near and
    /// far.
    #[inline]
    pub(super) fn put_slot(
        &mut self,
        form: impl Into<Form>,
        ty: Type,
        sub: u8,
        [near, far]: [Pattern; 2],
        index: usize,
        offset: i32,
    ) -> Copied {
        let is_near = faults::on(Fault::StencilFarSlot) && u8::try_from(offset).is_ok();
        if is_near || fits8(offset) {
            let copied = self.put(form, ty, sub, near, index);
            self.buffer.fill8(copied, 0, offset);
            return copied;
        }
        let copied = self.put(form, ty, sub, far, index);
        self.buffer.fill32(copied, 0, offset);
        copied
    }

    // ---- Copies ----------------------------------------------------------------------------------

    /// Stores a register at an offset in the frame.
    pub(super) fn spill(&mut self, offset: i32, from: Place) {
        self.slot_copy(Extra::Spill, from, offset);
    }

    /// Loads a register from an offset in the frame.
    pub(super) fn reload(&mut self, to: Place, offset: i32) {
        self.slot_copy(Extra::Reload, to, offset);
    }

    #[inline]
    fn slot_copy(&mut self, extra: Extra, register: Place, offset: i32) {
        let ty = match register.get() {
            Where::Float(_) => Type::F64,
            _ => Type::I64,
        };
        let patterns = [Pattern::RS8, Pattern::RS32];
        let number = axis_number(register).into();
        self.put_slot(extra, ty, 0, patterns, number, offset);
    }

    pub(super) fn int_constant(&mut self, to: u8, bits: u64) {
        let to = usize::from(to);
        if bits == 0 {
            self.put(Extra::Const, Type::I64, 0, Pattern::Z, to);
        } else if let Ok(short) = u32::try_from(bits) {
            let copied = self.put(Extra::Const, Type::I32, 0, Pattern::RI32, to);
            self.buffer.fill32(copied, 0, short as i32);
        } else if let Some(short) = as_signed32(bits) {
            let copied = self.put(Extra::Const, Type::I64, 0, Pattern::RI32, to);
            self.buffer.fill32(copied, 0, short);
        } else {
            let copied = self.put(Extra::Const, Type::I64, 0, Pattern::RI64, to);
            self.buffer.fill64(copied, 0, bits);
        }
    }

    /// Copies what is in a register or slot. From slot to slot by way of T.
    pub(super) fn copy_raw(&mut self, to: Place, from: Place) {
        let bitcast = Op::Bitcast;
        match (to.get(), from.get()) {
            _ if to == from => {}
            (Where::Int(to), Where::Int(from)) => {
                self.put(
                    Extra::Move,
                    Type::I64,
                    0,
                    Pattern::RR,
                    pair(to, from, Axis::Int),
                );
            }
            (Where::Float(to), Where::Float(from)) => {
                let index = pair(to, from, Axis::Float);
                self.put(Extra::Move, Type::F64, 0, Pattern::RR, index);
            }
            (Where::Int(to), Where::Float(from)) => {
                let index = pair(to, from, Axis::Float);
                self.put(bitcast, Type::I64, Type::F64 as u8, Pattern::RR, index);
            }
            (Where::Float(to), Where::Int(from)) => {
                let index = pair(to, from, Axis::Int);
                self.put(bitcast, Type::F64, Type::I64 as u8, Pattern::RR, index);
            }
            (Where::Int(_) | Where::Float(_), Where::Slot(slot)) => {
                let offset = self.frame.slot(slot);
                self.reload(to, offset);
            }
            (Where::Slot(slot), Where::Int(_) | Where::Float(_)) => {
                let offset = self.frame.slot(slot);
                self.spill(offset, from);
            }
            (Where::Slot(to), Where::Slot(from)) => {
                let (to, from) = (self.frame.slot(to), self.frame.slot(from));
                self.reload(Place::T, from);
                self.spill(to, Place::T);
            }
            (Where::Const(_) | Where::Fused, _) | (_, Where::Const(_) | Where::Fused) => {
                debug_assert!(false, "no place: {to:?} {from:?}");
            }
        }
    }

    /// Stores a constant; one that is no sign extension of 32 bits goes through T.
    pub(super) fn slot_constant(&mut self, offset: i32, bits: u64) {
        match as_signed32(bits) {
            Some(short) => {
                let patterns = [Pattern::S8, Pattern::S32];
                let copied = self.put_slot(Extra::SlotConst, Type::I64, 0, patterns, 0, offset);
                self.buffer.fill32(copied, 1, short);
            }
            None => {
                self.int_constant(T, bits);
                self.spill(offset, Place::T);
            }
        }
    }

    /// The address of a byte of the frame.
    pub(super) fn frame_address(&mut self, to: u8, offset: i32) {
        let copied = self.put(Extra::FrameAddr, Type::I64, 0, Pattern::RI32, to.into());
        self.buffer.fill32(copied, 0, offset);
    }

    /// A load or store of a field of the context.
    pub(super) fn context(&mut self, extra: Extra, ty: Type, register: Place, at: u32) {
        let number = axis_number(register).into();
        let copied = self.put(extra, ty, 0, Pattern::RI32, number);
        self.buffer.fill32(copied, 0, at as i32);
    }

    /// A load or store at an address in a register.
    pub(super) fn raw(
        &mut self,
        op: Op,
        ty: Type,
        register: Place,
        base: u8,
        displacement: i32,
    ) -> Copied {
        let index = pair(axis_number(register), base, Axis::Int);
        let copied = self.put(op, ty, 0, Pattern::RRI32, index);
        self.buffer.fill32(copied, 0, displacement);
        copied
    }

    pub(super) fn enter_frame(&mut self) {
        let bytes = self.frame.bytes;
        if bytes == 0 {
            return;
        }
        if bytes > Frame::PROBE_BYTES {
            let copied = self.glue(Extra::Probe);
            self.buffer.fill32(copied, 0, -bytes);
            self.buffer.fill32(copied, 1, -bytes);
        }
        let copied = self.glue(Extra::Enter);
        self.buffer.fill32(copied, 0, bytes);
        let (start, mut end) = self.frame.zeroed;
        if faults::on(Fault::StencilZeroesOnePage) {
            end = end.min(start + Frame::PROBE_BYTES);
        }
        if start < end {
            let copied = self.glue(Extra::ZeroFrame);
            self.buffer.fill32(copied, 0, start);
            self.buffer.fill32(copied, 1, end - start);
        }
    }

    pub(super) fn leave_frame(&mut self) {
        let bytes = self.frame.bytes;
        if bytes > 0 {
            let copied = self.glue(Extra::Leave);
            self.buffer.fill32(copied, 0, bytes);
        }
    }

    /// Calls a builtin; its arguments are in place.
    pub(super) fn call_builtin(&mut self, builtin: bakeoff_backend::native::Builtin) {
        let copied = self.glue(Extra::CallBuiltin);
        self.buffer.fill32(copied, 0, builtin.offset() as i32);
    }
}

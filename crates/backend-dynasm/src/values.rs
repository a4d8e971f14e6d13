//! Where the values of a function are at the point that is being emitted.
//!
//! Terms
//! * A value is *made* if an instruction makes it out of nothing, a constant or the address of a stack
//!   slot: it is made anew wherever it is wanted, and never stored.
//! * It is *folded* if nothing was emitted for its instruction, which becomes part of the one that uses it.
//! * Any other value is *kept*: in a register, in its slot, or in both. Its slot is chosen once, when it is
//!   stored for the first time.
//! * A register is *clean* if its value need not be stored when it leaves: it is in its slot as well, or made.
//!
//! Invariant: a value that is live, kept and in no register is in its slot. So the state at a point is told by
//! the registers alone, and that is what is noted for blocks that control flow reaches in several ways.

use bakeoff_ir::{Inst, Value};

use crate::location::{Reg, registers};

/// What is known of a value, in 12 bytes.
#[derive(Clone, Copy)]
struct Entry {
    slot: u32,
    form: u32,
    /// The register it is in.
    reg: u8,
    /// The register that it was in last, or had better be in first.
    hint: u8,
}

const NO_REG: u8 = u8::MAX;
const NO_SLOT: u32 = u32::MAX;
const MADE: u32 = 1 << 31;
const FOLDED: u32 = 1 << 30;
const KEPT: u32 = 0;

/// The most instructions that a function may have.
pub(crate) const LIMIT_INSTS: u32 = FOLDED - 1;

/// How a value comes about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// It is in a register or a slot.
    Kept,
    /// This instruction makes it out of nothing.
    Made(Inst),
    /// This instruction is emitted where the value is used.
    Folded(Inst),
}

/// The registers and slots of a function's values.
pub(crate) struct Values {
    entries: Vec<Entry>,
    in_registers: [Value; Reg::COUNT],
    /// Registers with a value in them, as a set.
    pub(crate) occupied: u64,
    /// Those of them that are clean.
    pub(crate) clean: u64,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            entries: Vec::new(),
            in_registers: [Value(0); Reg::COUNT],
            occupied: 0,
            clean: 0,
        }
    }
}

impl Values {
    /// Begins a function with so many values, none of which is anywhere.
    pub(crate) fn begin(&mut self, count: usize) {
        let nowhere = Entry {
            slot: NO_SLOT,
            form: KEPT,
            reg: NO_REG,
            hint: NO_REG,
        };
        self.entries.clear();
        self.entries.resize(count, nowhere);
        (self.occupied, self.clean) = (0, 0);
    }

    /// Bytes of heap memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    #[inline]
    pub(crate) fn form(&self, value: Value) -> Form {
        match self.entries[value.index()].form {
            KEPT => Form::Kept,
            form if form & MADE != 0 => Form::Made(Inst(form & !MADE)),
            form => Form::Folded(Inst(form & !FOLDED)),
        }
    }

    #[inline]
    pub(crate) fn set_form(&mut self, value: Value, form: Form) {
        self.entries[value.index()].form = match form {
            Form::Kept => KEPT,
            Form::Made(inst) => MADE | inst.0,
            Form::Folded(inst) => FOLDED | inst.0,
        };
    }

    /// The register that a value is in.
    #[inline]
    pub(crate) fn reg(&self, value: Value) -> Option<Reg> {
        let reg = self.entries[value.index()].reg;
        (reg != NO_REG).then_some(Reg(reg))
    }

    /// The register that a value was in last, be it on another path, or had better be in first.
    #[inline]
    pub(crate) fn hint(&self, value: Value) -> Option<Reg> {
        let reg = self.entries[value.index()].hint;
        (reg != NO_REG).then_some(Reg(reg))
    }

    /// Wishes a register for a value that is in none yet.
    pub(crate) fn wish(&mut self, value: Value, reg: Reg) {
        self.entries[value.index()].hint = reg.0;
    }

    /// The slot of a value, if one was chosen.
    #[inline]
    pub(crate) fn slot(&self, value: Value) -> Option<u32> {
        let slot = self.entries[value.index()].slot;
        (slot != NO_SLOT).then_some(slot)
    }

    pub(crate) fn set_slot(&mut self, value: Value, slot: u32) {
        self.entries[value.index()].slot = slot;
    }

    /// What is in an occupied register.
    #[inline]
    pub(crate) fn in_register(&self, reg: Reg) -> Value {
        self.in_registers[usize::from(reg.0) % Reg::COUNT]
    }

    /// Notes that a value is in a register, which was free.
    #[inline]
    pub(crate) fn put(&mut self, value: Value, reg: Reg, clean: bool) {
        debug_assert_eq!(self.occupied & reg.bit(), 0, "{reg:?} for {value}");
        self.in_registers[usize::from(reg.0) % Reg::COUNT] = value;
        self.occupied |= reg.bit();
        self.clean = self.clean & !reg.bit() | if clean { reg.bit() } else { 0 };
        let entry = &mut self.entries[value.index()];
        (entry.reg, entry.hint) = (reg.0, reg.0);
    }

    /// As `put`, for whoever sets `occupied` and `clean` afterwards.
    #[inline]
    pub(crate) fn place(&mut self, value: Value, reg: Reg) {
        self.in_registers[usize::from(reg.0) % Reg::COUNT] = value;
        let entry = &mut self.entries[value.index()];
        (entry.reg, entry.hint) = (reg.0, reg.0);
    }

    /// Notes that a register has no value any more.
    #[inline]
    pub(crate) fn free(&mut self, reg: Reg) {
        debug_assert_ne!(self.occupied & reg.bit(), 0);
        let value = self.in_register(reg);
        self.entries[value.index()].reg = NO_REG;
        self.occupied &= !reg.bit();
    }

    /// Notes that no register has a value any more.
    pub(crate) fn free_all(&mut self) {
        for reg in registers(self.occupied) {
            let value = self.in_register(reg);
            self.entries[value.index()].reg = NO_REG;
        }
        self.occupied = 0;
    }

    #[inline]
    pub(crate) fn is_clean(&self, reg: Reg) -> bool {
        self.clean & reg.bit() != 0
    }
}

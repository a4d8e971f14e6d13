//! Code generation: one pass over the instructions of a function, copying stencils.
//!
//! | module | what |
//! |---|---|
//! | here | the emitter: operands in registers, results, copies of values |
//! | `assemble` | single stencils, copies between registers and slots |
//! | `control` | blocks, edges, branches, returns, traps |
//! | `scalar` | ops on values |
//! | `access` | linear memory, the frame, globals, tables |
//! | `call` | calls of all kinds |
//! | `thunk` | entries from outside, and functions of the host |

mod access;
mod assemble;
mod call;
mod control;
mod scalar;
mod thunk;

use std::ops::{Deref, DerefMut};

use bakeoff_backend::moves::Moves;
use bakeoff_backend::{BoundsChecks, ContextLayout};
use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::analysis::Intervals;
use bakeoff_ir::{Function, Inst, InstData, Module, Op, TrapCode, Type, Value};

use crate::Policy;
use crate::allocate::{Allocation, NO_HOME};
use crate::buffer::Copied;
use crate::catalog::{Axis, Extra, Level, Pattern, T, XT, row};
use crate::library;
use crate::place::{Place, Where};

use assemble::Assembler;
pub(crate) use control::{compile_function, compile_guard};
pub(crate) use thunk::{compile_entry, compile_import};

/// What all functions of a module share.
pub(crate) struct Shared<'m> {
    pub(crate) module: &'m Module,
    pub(crate) layout: ContextLayout,
    pub(crate) bounds_checks: BoundsChecks,
    pub(crate) policy: Policy,
}

/// Emits one function.
pub(crate) struct Emitter<'e> {
    assembler: Assembler<'e>,
    function: &'e Function,
    intervals: &'e Intervals,
    allocation: &'e Allocation,
    moves: &'e mut Moves<Place>,
    /// The position of the instruction that is being emitted.
    position: u32,
    /// That instruction.
    inst: Inst,
    /// By [`Place::index`] of a register: the value that was put there last.
    occupants: [Value; Place::REGISTERS],
    /// The registers that a value was ever put into, as a mask of [`Place::bit`]s.
    occupied: u32,
}

impl<'e> Deref for Emitter<'e> {
    type Target = Assembler<'e>;

    fn deref(&self) -> &Assembler<'e> {
        &self.assembler
    }
}

impl<'e> DerefMut for Emitter<'e> {
    fn deref_mut(&mut self) -> &mut Assembler<'e> {
        &mut self.assembler
    }
}

/// Whether a number is in the range of 8 bits with a sign.
#[inline]
fn fits8(value: i32) -> bool {
    i8::try_from(value).is_ok()
}

/// A 64-bit constant as the sign extension of 32 bits.
#[inline]
fn as_signed32(bits: u64) -> Option<i32> {
    i32::try_from(bits as i64).ok()
}

impl Emitter<'_> {
    // ---- Copies ----------------------------------------------------------------------------------

    /// A float constant; other than zero it goes through T.
    fn float_constant(&mut self, to: u8, bits: u64) {
        if bits == 0 {
            self.put(Extra::Const, Type::F64, 0, Pattern::Z, to.into());
            return;
        }
        self.int_constant(T, bits);
        self.copy(Place::float(to), Place::T);
    }

    /// The bits of the constant that an instruction makes.
    fn bits_of(&self, inst: u32) -> u64 {
        let data = self.function.inst(Inst(inst));
        match data.op {
            Op::RefFunc => u64::from(data.func().0) + 1,
            _ => data.imm() & data.ty.mask(),
        }
    }

    /// Copies a value. From slot to slot, and for float constants, by way of T.
    #[inline]
    fn copy(&mut self, to: Place, from: Place) {
        if to != from {
            self.copy_there(to, from);
        }
    }

    fn copy_there(&mut self, to: Place, from: Place) {
        let Where::Const(inst) = from.get() else {
            return self.copy_raw(to, from);
        };
        let bits = self.bits_of(inst);
        match to.get() {
            Where::Int(register) => self.int_constant(register, bits),
            Where::Float(register) => self.float_constant(register, bits),
            Where::Slot(slot) => {
                let offset = self.frame.slot(slot);
                self.slot_constant(offset, bits);
            }
            Where::Const(_) | Where::Fused => debug_assert!(false, "no place: {to:?}"),
        }
    }

    /// Carries out the moves that have been collected.
    fn make_moves(&mut self) {
        for index in 0..self.moves.order() {
            let (to, from) = self.moves.ordered(index);
            self.copy(to, from);
        }
    }

    // ---- Operands and results --------------------------------------------------------------------

    /// Where a value is.
    #[inline]
    fn place(&self, value: Value) -> Place {
        self.allocation.place(value)
    }

    /// The bits of a value that is a constant.
    #[inline]
    fn constant(&self, value: Value) -> Option<u64> {
        match self.place(value).get() {
            Where::Const(inst) => Some(self.bits_of(inst)),
            _ => None,
        }
    }

    /// The register of an integer; if it has none, it is loaded into `temporary`.
    #[inline]
    fn int(&mut self, value: Value, temporary: u8) -> u8 {
        let place = self.place(value);
        match place.get() {
            Where::Int(register) => register,
            _ => {
                self.copy(Place::int(temporary), place);
                temporary
            }
        }
    }

    /// The register of a float; if it has none, it is loaded into `temporary`, constants by way of T.
    #[inline]
    fn float(&mut self, value: Value, temporary: u8) -> u8 {
        let place = self.place(value);
        match place.get() {
            Where::Float(register) => register,
            _ => {
                self.copy(Place::float(temporary), place);
                temporary
            }
        }
    }

    /// The register that an integer result is to be computed in: its own, or `temporary`.
    #[inline]
    fn int_result(&self, value: Value, temporary: u8) -> u8 {
        match self.place(value).get() {
            Where::Int(register) => register,
            _ => temporary,
        }
    }

    /// The register that a float result is to be computed in: its own, or XT.
    #[inline]
    fn float_result(&self, value: Value) -> u8 {
        match self.place(value).get() {
            Where::Float(register) => register,
            _ => XT,
        }
    }

    /// Ends the computation of a value: brings it to its place, and home.
    #[inline]
    fn define(&mut self, value: Value, from: Place) {
        let place = self.place(value);
        self.copy(place, from);
        self.defined(value, place);
    }

    #[inline]
    fn defined(&mut self, value: Value, place: Place) {
        if place.is_register() {
            self.occupants[place.index() % Place::REGISTERS] = value;
            self.occupied |= place.bit();
            let home = self.allocation.home(value);
            if home != NO_HOME {
                let offset = self.frame.slot(home);
                self.spill(offset, place);
            }
        }
    }

    /// As `define`, for what a call yields.
    fn define_behind_call(&mut self, value: Value, from: Place) {
        let place = self.place(value);
        self.copy(place, from);
        self.reload_behind_call();
        self.defined(value, place);
    }

    /// Loads values again that a call has clobbered and that live on. Results of the call are in place
    /// already, and not yet known to be there.
    fn reload_behind_call(&mut self) {
        let mut left = self.occupied;
        if faults::on(Fault::StencilFloatsNotReloaded) {
            left &= (1 << Place::FLOATS) - 1;
        }
        while left != 0 {
            let place = Place(left.trailing_zeros());
            left &= left - 1;
            let value = self.occupants[place.index() % Place::REGISTERS];
            if self.intervals.interval(value).end <= self.position {
                // Over, and will be noted anew if another value comes.
                self.occupied &= !place.bit();
                continue;
            }
            let home = self.allocation.home(value);
            debug_assert_ne!(home, NO_HOME, "{value} crosses a call");
            let offset = self.frame.slot(home);
            self.reload(place, offset);
        }
    }

    /// The type of a value.
    #[inline]
    fn ty(&self, value: Value) -> Type {
        self.function.value_type(value)
    }

    /// Branches to a place that traps.
    fn trap_if(&mut self, copied: Copied, hole: usize, code: TrapCode) {
        let label = self.buffer.trap_label(code);
        self.buffer.branch(copied, hole, label);
    }
}

/// By level and op: whether an instruction may clobber every register. All others are passed with one look.
static MAY_CALL: [[bool; Op::ALL.len()]; 2] = [may_call_at(Level::Base), may_call_at(Level::V3)];

const fn may_call_at(level: Level) -> [bool; Op::ALL.len()] {
    let mut table = [false; Op::ALL.len()];
    let mut index = 0;
    while index < table.len() {
        table[index] = match Op::ALL[index] {
            Op::Call
            | Op::CallIndirect
            | Op::CallRaw
            | Op::MemoryGrow
            | Op::MemoryFill
            | Op::MemoryCopy
            | Op::MemoryInit
            | Op::DataDrop
            | Op::TableGrow
            | Op::TableFill
            | Op::TableCopy
            | Op::TableInit
            | Op::ElemDrop => true,
            Op::Ceil | Op::Floor | Op::Trunc | Op::Nearest | Op::Fma => {
                matches!(level, Level::Base)
            }
            op => library::may_be_heavy(level, op),
        };
        index += 1;
    }
    table
}

/// Whether an instruction may be one that [`is_call`] holds of.
#[inline]
pub(crate) fn may_call(op: Op, level: Level) -> bool {
    MAY_CALL[level as usize][op as usize]
}

/// Whether an instruction clobbers every register, as the allocation has to know.
pub(crate) fn is_call(data: &InstData, level: Level) -> bool {
    match library::may_be_heavy(level, data.op) {
        true => library::is_heavy(level, row(data.op, data.ty, sub(data))),
        false => may_call(data.op, level),
    }
}

/// What tells the rows of an instruction's op and type apart.
#[inline]
fn sub(data: &InstData) -> u8 {
    match data.op {
        Op::Icmp | Op::Fcmp => data.x,
        _ => data.ty2 as u8,
    }
}

/// The axis number of two registers.
#[inline]
fn pair(first: u8, second: u8, second_class: Axis) -> usize {
    usize::from(first) * second_class.len() + usize::from(second)
}

/// The number of a register in its axis.
#[inline]
fn axis_number(place: Place) -> u8 {
    match place.get() {
        Where::Float(register) => register,
        _ => place.index() as u8,
    }
}

//! Where a value is.

use bakeoff_backend::moves::Location;
use bakeoff_faults::{self as faults, Fault};

use crate::catalog::{Axis, T, W, XT};

/// The place of a value, in 32 bits.
///
/// ```text
/// 0..16            an integer register        16..32          a float register
/// SLOT  | number   a slot of the frame        CONST | inst    nowhere: a constant, made where used
/// FUSED            nowhere: a comparison that is part of the instruction behind it
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Place(pub(crate) u32);

const FLOAT: u32 = 16;
const SLOT: u32 = 1 << 30;
const CONST: u32 = 1 << 31;

/// A place, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    /// An integer register.
    Int(u8),
    /// A float register.
    Float(u8),
    /// A slot of the frame.
    Slot(u32),
    /// The constant that this instruction makes.
    Const(u32),
    /// Nowhere.
    Fused,
}

impl Place {
    /// A comparison that is part of the instruction behind it, or a value that nobody needs.
    pub(crate) const FUSED: Place = Place(u32::MAX);
    /// The temporaries.
    pub(crate) const T: Place = Place(T as u32);
    pub(crate) const W: Place = Place(W as u32);
    pub(crate) const XT: Place = Place(FLOAT + XT as u32);

    /// The number of the first float register, see [`Place::index`].
    pub(crate) const FLOATS: usize = FLOAT as usize;

    /// The most slots, and the most instructions, that places can name.
    pub(crate) const LIMIT: u32 = SLOT - 1;

    #[inline]
    pub(crate) const fn int(register: u8) -> Place {
        Place(register as u32)
    }

    #[inline]
    pub(crate) const fn float(register: u8) -> Place {
        Place(FLOAT + register as u32)
    }

    #[inline]
    pub(crate) const fn register(class: Axis, register: u8) -> Place {
        match class {
            Axis::Int => Place::int(register),
            Axis::Float => Place::float(register),
        }
    }

    #[inline]
    pub(crate) const fn slot(number: u32) -> Place {
        Place(SLOT | number)
    }

    #[inline]
    pub(crate) const fn constant(inst: u32) -> Place {
        Place(CONST | inst)
    }

    #[inline]
    pub(crate) const fn is_register(self) -> bool {
        self.0 < SLOT
    }

    #[inline]
    pub(crate) const fn is_const(self) -> bool {
        self.0 & CONST != 0 && self.0 != u32::MAX
    }

    #[inline]
    pub(crate) const fn get(self) -> Where {
        if self.0 < FLOAT {
            Where::Int(self.0 as u8)
        } else if self.0 < SLOT {
            Where::Float((self.0 - FLOAT) as u8)
        } else if self.0 == u32::MAX {
            Where::Fused
        } else if self.0 & CONST != 0 {
            Where::Const(self.0 & !CONST)
        } else {
            Where::Slot(self.0 & !SLOT)
        }
    }

    /// A number for side tables: registers first, then slots. Constants have none.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        if self.0 < SLOT {
            self.0 as usize
        } else {
            Place::REGISTERS + (self.0 & !SLOT) as usize
        }
    }

    /// The bit of a register in a mask, 0 for another place.
    #[inline]
    pub(crate) const fn bit(self) -> u32 {
        if self.0 < Place::REGISTERS as u32 {
            1 << self.0
        } else {
            0
        }
    }

    /// Numbers that side tables reserve for registers.
    pub(crate) const REGISTERS: usize = 32;
}

impl Location for Place {
    #[inline]
    fn index(self) -> Option<usize> {
        (!self.is_const()).then(|| Place::index(self))
    }

    /// Integers and slots wait in W, floats in XT.
    fn temporary(self) -> Place {
        match self.get() {
            Where::Float(_) => Place::XT,
            Where::Slot(_) if faults::on(Fault::StencilCycleTemporary) => Place::T,
            _ => Place::W,
        }
    }
}

//! Where a value can be: registers, slots of the frame, and nowhere.

use bakeoff_backend::moves::Location;
use bakeoff_ir::Type;

/// A class of registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Integers, addresses, references.
    Int,
    /// Floating-point numbers.
    Float,
}

impl Class {
    /// The class that values of a type live in.
    #[inline]
    pub(crate) const fn of(ty: Type) -> Class {
        if ty.is_int() {
            Class::Int
        } else {
            Class::Float
        }
    }
}

/// A register: integers from 0, floats from 32, by the numbers of the processor's encoding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Reg(pub(crate) u8);

impl Reg {
    /// Number of registers that there can be.
    pub(crate) const COUNT: usize = 64;
    const FLOATS: u8 = 32;

    #[inline]
    pub(crate) const fn int(number: u8) -> Reg {
        Reg(number)
    }

    #[inline]
    pub(crate) const fn float(number: u8) -> Reg {
        Reg(Reg::FLOATS + number)
    }

    /// The number in the encoding.
    #[inline]
    pub(crate) const fn number(self) -> u8 {
        self.0 & (Reg::FLOATS - 1)
    }

    #[inline]
    pub(crate) const fn class(self) -> Class {
        if self.0 < Reg::FLOATS {
            Class::Int
        } else {
            Class::Float
        }
    }

    /// Its bit in a set of registers.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }
}

/// The registers of a set, ascending.
pub(crate) fn registers(mut set: u64) -> impl Iterator<Item = Reg> {
    std::iter::from_fn(move || {
        let reg = (set != 0).then(|| Reg(set.trailing_zeros() as u8))?;
        set &= set - 1;
        Some(reg)
    })
}

/// What a move reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loc {
    /// A register.
    Reg(Reg),
    /// A slot of the frame, of 8 bytes.
    Slot(u32),
    /// What this instruction makes out of nothing: a constant, the address of a stack slot.
    Made(u32),
    /// A word of the context at this offset, by way of which arguments and results go that no register is
    /// for. Never among moves that happen at once.
    Passed(u32),
    /// What keeps a value of a cycle of moves: a register that no value lives in.
    Spare(Class),
}

impl Location for Loc {
    #[inline]
    fn index(self) -> Option<usize> {
        match self {
            Loc::Reg(reg) => Some(reg.0.into()),
            Loc::Slot(slot) => Some(Reg::COUNT + 2 + slot as usize),
            Loc::Spare(class) => Some(Reg::COUNT + class as usize),
            Loc::Made(_) | Loc::Passed(_) => None,
        }
    }

    fn temporary(self) -> Loc {
        Loc::Spare(match self {
            Loc::Reg(reg) => reg.class(),
            _ => Class::Int,
        })
    }
}

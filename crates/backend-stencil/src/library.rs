//! The library: the stencils that the build script made, as data.
//!
//! ```text
//! ROW_INDEX[row] ─► BASES[level][index][pattern] ─► number of a family's first stencil
//!                                                   + registers of the axes
//! STENCILS[number]: its bytes, or where they are in CODE, how many, and where its holes are
//! ```
//!
//! A stencil is a record of 16 bytes, so that one that is copied costs one line of the cache. From the
//! lowest bit: 7 of length, three times 7 of offset of a hole, 2 of number of *data holes*, and whether it
//! is missing; from bit 32 on up to 12 bytes of code, or, if it is longer, the offset in `CODE`. Data holes
//! follow the holes that the catalogue lists: four bytes that hold an offset within `POOL` and want a
//! distance, from their own end to the address of that constant.

use crate::catalog::{self, Axis, Family, HoleValue, Level, Pattern};

include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The number that no stencil has.
pub const MISSING: u32 = u32::MAX;

/// The bytes of longer stencils.
static CODE: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/code.bin")).len()] =
    *include_bytes!(concat!(env!("OUT_DIR"), "/code.bin"));

/// Constants that stencils refer to. Its copy is to be aligned to 16 bytes.
pub static POOL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pool.bin"));

/// Where a stencil's bytes and holes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stencil(u128);

impl Stencil {
    /// The most bytes of code that are in the record itself.
    pub const SHORT: usize = 12;

    /// The most bytes that a stencil has.
    pub const LONGEST: usize = 127;

    /// Number of its bytes, which may be 0.
    #[inline]
    pub fn len(self) -> usize {
        self.0 as usize & 0x7f
    }

    /// Whether it has no bytes: there is nothing to do.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Its bytes, if they are at most [`Stencil::SHORT`], and four more.
    #[inline]
    pub fn short(self) -> [u8; 16] {
        (self.0 >> 32).to_le_bytes()
    }

    /// Its bytes, if they are more.
    #[inline]
    pub fn long(self) -> &'static [u8] {
        let at = (self.0 >> 32) as usize;
        &CODE[at..at + self.len()]
    }

    /// Its bytes, for people.
    pub fn bytes(self) -> Vec<u8> {
        match self.len() {
            len @ ..=Stencil::SHORT => self.short()[..len].to_vec(),
            _ => self.long().to_vec(),
        }
    }

    /// Offset within it of the hole that the catalogue lists at `i`, or behind those, of a data hole.
    #[inline]
    pub fn hole(self, i: usize) -> usize {
        (self.0 as u32 >> (7 + 7 * i)) as usize & 0x7f
    }

    /// How many references to [`POOL`] it has.
    #[inline]
    pub fn data_holes(self) -> usize {
        (self.0 as u32 >> 28) as usize & 3
    }

    /// Whether it could not be made: too many operands are in temporaries, or they may not share a
    /// register.
    #[inline]
    pub fn is_missing(self) -> bool {
        self.0 as u32 >> 30 & 1 != 0
    }
}

/// The stencil of a number, which must be one that [`base`] leads to.
#[inline]
pub fn stencil(number: u32) -> Stencil {
    Stencil(STENCILS[number as usize])
}

/// The number of a family's first stencil, [`MISSING`] if there is no such family.
#[inline]
pub fn base(level: Level, row: usize, pattern: Pattern) -> u32 {
    BASES[level as usize][usize::from(ROW_INDEX[row])][pattern as usize]
}

/// Whether the row's `Fixed` family changes more registers than the temporaries, which then are those that
/// values live in.
#[inline]
pub fn is_heavy(level: Level, row: usize) -> bool {
    HEAVY[level as usize][usize::from(ROW_INDEX[row])]
}

/// Whether [`is_heavy`] holds of any row of an op.
pub const fn may_be_heavy(level: Level, op: bakeoff_ir::Op) -> bool {
    HEAVY_FORMS[level as usize][op as usize]
}

/// The level of the processor that this runs on.
pub fn level_of_host() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let v3 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("sse4.2");
        if v3 {
            return Level::V3;
        }
    }
    Level::Base
}

/// The bytes that the library takes in a binary: code, constants, and the tables that lead to them.
pub fn bytes_in_binary() -> usize {
    let tables = [
        size_of_val(&STENCILS),
        size_of_val(&ROW_INDEX),
        size_of_val(&BASES),
        size_of_val(&HEAVY),
    ];
    CODE.len() + POOL.len() + tables.iter().sum::<usize>()
}

/// What the processor calls a register, for people.
pub fn register_name(axis: Axis, number: u8) -> String {
    const INTS: [&str; catalog::INT_REGISTERS] = [
        "rax", "rdx", "r10", "rcx", "rbx", "rsi", "rdi", "rbp", "r8", "r9", "r11", "r13", "r14",
    ];
    match axis {
        Axis::Int => INTS[number as usize].to_string(),
        Axis::Float => format!("xmm{number}"),
    }
}

/// A family with its stencils, for people: allocates.
pub struct Listed {
    /// The family.
    pub family: Family,
    /// The number of its first stencil.
    pub first: u32,
}

/// A stencil, for people.
pub struct ListedStencil {
    /// The number of the register of each axis.
    pub registers: Vec<u8>,
    /// The stencil.
    pub stencil: Stencil,
    /// Its bytes, with empty holes.
    pub bytes: Vec<u8>,
    /// What fills which hole, and where it is.
    pub holes: Vec<(HoleValue, usize)>,
    /// Where references to constants are.
    pub constants: Vec<usize>,
}

/// All families in the order of their stencils.
pub fn families() -> Vec<Listed> {
    let mut first = 0;
    let mut listed = Vec::new();
    for family in catalog::families() {
        let next = first + family.len() as u32;
        listed.push(Listed { family, first });
        first = next;
    }
    listed
}

impl Listed {
    /// The stencils that there are.
    pub fn stencils(&self) -> impl Iterator<Item = ListedStencil> {
        let numbers = 0..self.family.len() as u32;
        numbers.filter_map(|number| self.stencil(number))
    }

    /// The stencil at a place within the family, unless it is missing.
    pub fn stencil(&self, number: u32) -> Option<ListedStencil> {
        let stencil = stencil(self.first + number);
        if stencil.is_missing() {
            return None;
        }
        let holes = self.family.holes.iter().enumerate();
        let schema = self.family.holes.len();
        Some(ListedStencil {
            registers: registers(&self.family.axes, number as usize),
            stencil,
            bytes: stencil.bytes(),
            holes: holes.map(|(i, hole)| (*hole, stencil.hole(i))).collect(),
            constants: (schema..schema + stencil.data_holes())
                .map(|i| stencil.hole(i))
                .collect(),
        })
    }
}

/// The register of each axis, from a number within a family.
fn registers(axes: &[Axis], mut number: usize) -> Vec<u8> {
    let mut registers = vec![0; axes.len()];
    for (register, axis) in registers.iter_mut().zip(axes).rev() {
        *register = (number % axis.len()) as u8;
        number /= axis.len();
    }
    registers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_and_every_stencil_lies_within_the_code() {
        let mut count = 0;
        for listed in families() {
            let family = &listed.family;
            let found = |level| base(level, family.row(), family.pattern);
            assert_eq!(found(family.level), listed.first, "{}", family.name());
            match family.level {
                // Either the same or one that stands in its place.
                Level::Base => assert_ne!(found(Level::V3), MISSING, "{}", family.name()),
                Level::V3 => assert_ne!(found(Level::Base), listed.first, "{}", family.name()),
            }
            for one in listed.stencils() {
                assert_eq!(one.bytes.len(), one.stencil.len());
                for (_, offset) in &one.holes {
                    assert!(*offset < one.bytes.len(), "{}", family.name());
                }
                for offset in &one.constants {
                    let field = one.bytes[*offset..offset + 4]
                        .try_into()
                        .expect("four bytes");
                    assert!((u32::from_le_bytes(field) as usize) < POOL.len());
                }
            }
            count += family.len();
        }
        assert_eq!(count, STENCILS.len());
    }
}

//! Operands: those at which something changes, and others.

use bakeoff_ir::Type;

/// A sequence that is the same every time.
pub(crate) struct Random(u64);

const INTS: [u64; 30] = [
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    u64::MAX,
    u64::MAX - 1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0x5555_5555_5555_5555,
    0xffff_ffff_8000_0000,
];

/// Without their signs.
const FLOATS: [f64; 27] = [
    0.0,
    0.25,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    2.5,
    3.5,
    4.0,
    127.5,
    128.0,
    255.5,
    32768.0,
    65535.75,
    16777217.0,
    2147483520.0,
    2147483647.5,
    2147483648.0,
    2147483649.0,
    4294967295.5,
    4294967296.0,
    9007199254740993.0,
    9223372036854775807.0,
    18446744073709551615.0,
    1e30,
    f64::INFINITY,
];

/// Bits of the greatest and least of several kinds, and NaNs, quiet and not.
const F32_BITS: [u64; 8] = [
    1,
    0x7f_ffff,
    0x80_0000,
    0x7f7f_ffff,
    0x7fc0_0000,
    0x7f80_0001,
    0x7fff_ffff,
    0x5eff_ffff,
];
const F64_BITS: [u64; 8] = [
    1,
    0xf_ffff_ffff_ffff,
    0x10_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff8_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0x7fff_ffff_ffff_ffff,
    0x43df_ffff_ffff_ffff,
];

impl Random {
    /// A sequence of its own for each number.
    pub(crate) fn new(number: u64) -> Random {
        Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// Any word (splitmix64).
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number below another.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }

    /// Any bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes());
        }
        bytes
    }

    /// This number, one of its neighbours, or another.
    pub(crate) fn near(&mut self, number: u64) -> u64 {
        match self.below(4) {
            0 => number,
            1 => number.wrapping_sub(1),
            2 => number.wrapping_add(1),
            _ => self.scalar(Type::I64),
        }
    }

    /// A value of a type.
    pub(crate) fn scalar(&mut self, ty: Type) -> u64 {
        let bits = match ty {
            Type::F32 => self.float(ty, &F32_BITS, |value| u64::from((value as f32).to_bits())),
            Type::F64 => self.float(ty, &F64_BITS, f64::to_bits),
            _ => self.int(ty),
        };
        bits & ty.mask()
    }

    fn int(&mut self, ty: Type) -> u64 {
        let top = 1 << (ty.bits() - 1);
        match self.below(5) {
            0 => [0, 1, top - 1, top, u64::MAX][self.below(5) as usize],
            1 | 2 => INTS[self.below(INTS.len() as u64) as usize],
            // Of any length, so that narrow types have small ones as well.
            3 => self.word() >> self.below(64),
            _ => self.word(),
        }
    }

    fn float(&mut self, ty: Type, special: &[u64], bits: impl Fn(f64) -> u64) -> u64 {
        let sign = self.below(2) << (ty.bits() - 1);
        let magnitude = match self.below(6) {
            0 | 1 => bits(FLOATS[self.below(FLOATS.len() as u64) as usize]),
            2 => special[self.below(special.len() as u64) as usize],
            3 => bits(self.below(1 << 20) as f64 / 16.0),
            // Around the ends of integers.
            4 => bits(2f64.powi(self.below(66) as i32))
                .wrapping_add(self.below(5))
                .wrapping_sub(2),
            _ => self.word(),
        };
        magnitude ^ sign
    }
}

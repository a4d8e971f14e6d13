//! Constants: mostly those at which something changes.

use bakeoff_ir::{Scalar, Type};

use crate::rng::Rng;

/// A constant of any type.
pub(super) fn scalar(ty: Type, rng: &mut Rng) -> Scalar {
    match ty {
        Type::F32 => Scalar::new(ty, u64::from(f32_bits(rng))),
        Type::F64 => Scalar::new(ty, f64_bits(rng)),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => Scalar::new(ty, int_bits(ty, rng)),
    }
}

/// Integers that are rounded when they become floats: ties, and what lies beside them.
const ROUNDED: &[u64] = &[
    0x8000_0000_0000_0401,
    0x8000_0000_0000_0400,
    0x8000_0000_0000_0c00,
    0x8000_0080_0000_0001,
    0x8000_0080_0000_0000,
    0xffff_ffff_ffff_fbff,
    0xffff_ff7f_ffff_ffff,
    0x0020_0000_0000_0001,
    0x0020_0000_0000_0003,
    0x0100_0001,
    0x0100_0003,
    0x4000_0040_0000_0001,
    0xffff_ff80,
    0x8000_0080,
];

/// Bits of an integer.
pub(super) fn int_bits(ty: Type, rng: &mut Rng) -> u64 {
    let bits = ty.bits();
    if bits >= 32 && rng.percent(5) {
        return rng.pick(ROUNDED);
    }
    let near = |value: u64, rng: &mut Rng| value.wrapping_add(rng.below(3) as u64).wrapping_sub(1);
    match rng.below(10) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => near(1 << (bits - 1), rng),
        4 => {
            let shift = rng.below(bits as usize);
            near(1 << shift, rng)
        }
        5 => rng.below(64) as u64,
        6 => (rng.below(64) as u64).wrapping_neg(),
        7 => near(
            rng.pick(&[
                7,
                10,
                100,
                127,
                128,
                255,
                641,
                1000,
                32767,
                65535,
                65536,
                1 << 31,
                u64::from(u32::MAX),
            ]),
            rng,
        ),
        8 => u64::MAX >> rng.below(bits as usize),
        _ => rng.bits(),
    }
}

const F64S: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    0.1,
    3.0,
    100.0,
    1e10,
    -1e10,
    1e300,
    2147483647.0,
    2147483648.0,
    -2147483648.0,
    -2147483649.0,
    4294967295.0,
    4294967296.0,
    9223372036854775807.0,
    -9223372036854775808.0,
    18446744073709551615.0,
    0.49999999999999994,
    4503599627370495.5,
    9007199254740993.0,
    3.4028234663852886e38,
    3.4028235677973366e38,
    1.1754943508222875e-38,
    1e-45,
    f64::MAX,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

fn f64_bits(rng: &mut Rng) -> u64 {
    match rng.below(20) {
        0 => 0x7ff8_0000_0000_0000,
        1 => rng.pick(&[
            0xfff8_0000_0000_0000,
            0x7ff0_0000_0000_0001,
            0x7ff8_dead_beef_0001,
            0xfff4_0000_0000_0000,
        ]),
        2 => rng.pick(&[1, 0x800f_ffff_ffff_ffff, 0x0010_0000_0000_0000]),
        3 | 4 => rng.bits(),
        5..=7 => (rng.below(2000) as f64 - 1000.0).to_bits(),
        8 => ((rng.bits() as i64) as f64).to_bits(),
        _ => rng.pick(F64S).to_bits(),
    }
}

/// Its square lies exactly between two floats of 32 bits, so that a small sum decides how it is rounded: once
/// or twice makes a difference.
pub(super) const TIES_SQUARED: f32 = 1.0 + 1.0 / 4096.0;

fn f32_bits(rng: &mut Rng) -> u32 {
    match rng.below(20) {
        0 => 0x7fc0_0000,
        1 => rng.pick(&[0xffc0_0000, 0x7f80_0001, 0x7fc1_2345, 0xffa0_0000]),
        2 => rng.pick(&[1, 0x807f_ffff, 0x0080_0000]),
        3 | 4 => rng.bits() as u32,
        5..=7 => (rng.below(2000) as f32 - 1000.0).to_bits(),
        8 => ((rng.bits() as i32) as f32).to_bits(),
        9 | 10 => rng
            .pick(&[
                TIES_SQUARED,
                1e-30,
                -1e-30,
                8388607.5f32,
                16777217.0,
                0.49999997,
                f32::MAX,
                2147483520.0,
                -2147483648.0,
            ])
            .to_bits(),
        _ => (rng.pick(F64S) as f32).to_bits(),
    }
}

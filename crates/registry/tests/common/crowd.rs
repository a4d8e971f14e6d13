//! Values that take all registers beside those that a test is about.

use bakeoff_ir::Type;

use super::source::{Source, cycle, sample};

use Type::{I8, I16, I32, I64};

pub(crate) const INTS: [Type; 4] = [I8, I16, I32, I64];

/// The least value of a type.
pub(crate) fn least(ty: Type) -> u64 {
    1 << (ty.bits() - 1)
}

/// Pairs of operands: signs and overflow, divisors of zero, counts at the width.
pub(crate) fn pairs(ty: Type) -> Vec<[u64; 2]> {
    let (min, bits) = (least(ty), u64::from(ty.bits()));
    let large = sample(ty, 11) | min;
    let all = [
        [min, u64::MAX],
        [7, 3],
        [large, 0],
        [7u64.wrapping_neg(), 3],
        [min - 1, 2u64.wrapping_neg()],
        [large, bits - 1],
        [0, min],
        [sample(ty, 4), bits + 1],
        [u64::MAX, large >> 3],
    ];
    all.map(|pair| pair.map(|bits| bits & ty.mask())).to_vec()
}

/// How many other values live before and after.
pub(crate) const CROWD: usize = 20;

/// How many different types of them there are.
pub(crate) const PERIOD: usize = 4;

pub(crate) fn crowd_types() -> Vec<Type> {
    cycle(&[I64, I32, I8, I16], CROWD)
}

/// The others, made of an argument.
pub(crate) fn crowd(source: &mut Source, seed: &str) -> Vec<String> {
    let types = crowd_types();
    let make = |(number, ty): (usize, &Type)| {
        let constant = source.constant(*ty, sample(*ty, number));
        let narrow = match ty {
            I64 => seed.to_string(),
            _ => source.def(format!("ireduce.{ty}.i64 {seed}")),
        };
        source.def(format!("bxor.{ty} {narrow}, {constant}"))
    };
    types.iter().enumerate().map(make).collect()
}

pub(crate) fn crowd_bits(seed: u64) -> Vec<u64> {
    let types = crowd_types();
    let bits = |(number, ty): (usize, &Type)| (seed ^ sample(*ty, number)) & ty.mask();
    types.iter().enumerate().map(bits).collect()
}

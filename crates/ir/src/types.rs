//! Scalar types and run-time constants of those types.

use std::fmt;

/// The six scalar types. Addresses are `I64`; truth values are `I8` holding 0 or 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Type {
    /// 8-bit integer, also the type of comparison results.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer; addresses and references are of this type.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl Type {
    /// All types, in the order of their discriminants.
    pub const ALL: [Type; 6] = [
        Type::I8,
        Type::I16,
        Type::I32,
        Type::I64,
        Type::F32,
        Type::F64,
    ];

    /// Width in bits.
    pub const fn bits(self) -> u32 {
        self.bytes() * 8
    }

    /// Size in bytes, in registers and in memory alike.
    pub const fn bytes(self) -> u32 {
        match self {
            Type::I8 => 1,
            Type::I16 => 2,
            Type::I32 | Type::F32 => 4,
            Type::I64 | Type::F64 => 8,
        }
    }

    /// Whether this is one of the four integer types.
    pub const fn is_int(self) -> bool {
        matches!(self, Type::I8 | Type::I16 | Type::I32 | Type::I64)
    }

    /// Whether this is one of the two floating-point types.
    pub const fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64)
    }

    /// The bits that a value of this type may have set when it stands in a 64-bit slot.
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// The name in the text form.
    pub const fn name(self) -> &'static str {
        match self {
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
        }
    }

    /// The type with this name in the text form.
    pub fn from_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|t| t.name() == name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value at run time: a type and its bits.
///
/// The bits stand zero-extended in 64; equality is equality of bits, so two NaNs with different
/// payloads differ, and `0.0` differs from `-0.0`. That is the comparison that a differential test
/// wants; where an op leaves NaN bits free, see [`Scalar::agrees`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalar {
    ty: Type,
    bits: u64,
}

impl Scalar {
    /// A value of type `ty` from the low bits of `bits`; higher bits are dropped.
    pub const fn new(ty: Type, bits: u64) -> Scalar {
        Scalar {
            ty,
            bits: bits & ty.mask(),
        }
    }

    /// An `i8`.
    pub const fn i8(value: i8) -> Scalar {
        Scalar::new(Type::I8, value as u64)
    }

    /// An `i16`.
    pub const fn i16(value: i16) -> Scalar {
        Scalar::new(Type::I16, value as u64)
    }

    /// An `i32`.
    pub const fn i32(value: i32) -> Scalar {
        Scalar::new(Type::I32, value as u64)
    }

    /// An `i64`.
    pub const fn i64(value: i64) -> Scalar {
        Scalar::new(Type::I64, value as u64)
    }

    /// An `f32` with exactly these bits.
    pub const fn f32(value: f32) -> Scalar {
        Scalar::new(Type::F32, value.to_bits() as u64)
    }

    /// An `f64` with exactly these bits.
    pub const fn f64(value: f64) -> Scalar {
        Scalar::new(Type::F64, value.to_bits())
    }

    /// The type.
    pub const fn ty(self) -> Type {
        self.ty
    }

    /// The bits, zero-extended to 64.
    pub const fn bits(self) -> u64 {
        self.bits
    }

    /// The bits, sign-extended from the width of the type. Meant for integers.
    pub const fn signed(self) -> i64 {
        sign_extend(self.ty, self.bits)
    }

    /// The value as a float; integers give `None`. An `f32` is widened exactly.
    pub fn as_float(self) -> Option<f64> {
        match self.ty {
            Type::F32 => Some(f64::from(f32::from_bits(self.bits as u32))),
            Type::F64 => Some(f64::from_bits(self.bits)),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => None,
        }
    }

    /// Whether this is a floating-point NaN.
    pub fn is_nan(self) -> bool {
        self.as_float().is_some_and(f64::is_nan)
    }

    /// Whether two results agree where NaN bit patterns are free: equal bits, or two NaNs of one type.
    pub fn agrees(self, other: Scalar) -> bool {
        self == other || (self.ty == other.ty && self.is_nan() && other.is_nan())
    }
}

/// `bits` sign-extended from the width of `ty` to 64 bits.
pub const fn sign_extend(ty: Type, bits: u64) -> i64 {
    let unused = 64 - ty.bits();
    ((bits << unused) as i64) >> unused
}

/// The bits of an immediate of type `ty` as the text form writes it: integers in signed decimal;
/// floats as the shortest decimal that reads back to the same bits, `inf`, or
/// `nan:0x…` with the fraction bits (plain `nan` for the canonical quiet NaN).
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, fraction, quiet, negative) = match self.ty {
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => return write!(f, "{}", self.signed()),
            Type::F32 => (
                f64::from(f32::from_bits(self.bits as u32)),
                self.bits & 0x7f_ffff,
                0x40_0000,
                self.bits >> 31 != 0,
            ),
            Type::F64 => (
                f64::from_bits(self.bits),
                self.bits & 0xf_ffff_ffff_ffff,
                0x8_0000_0000_0000,
                self.bits >> 63 != 0,
            ),
        };
        let sign = if negative { "-" } else { "" };
        if value.is_nan() {
            return match fraction == quiet {
                true => write!(f, "{sign}nan"),
                false => write!(f, "{sign}nan:0x{fraction:x}"),
            };
        }
        // `{:?}` is Rust's shortest form that reads back, always with a point or an exponent.
        match self.ty {
            Type::F32 => write!(f, "{:?}", f32::from_bits(self.bits as u32)),
            _ => write!(f, "{value:?}"),
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}:{}", self.ty)
    }
}

/// Why a piece of text is no value of a type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScalarParseError {
    /// Not a number of the kind that the type wants.
    #[error("`{text}` is no {ty} constant")]
    Malformed {
        /// The text as given.
        text: String,
        /// The type asked for.
        ty: Type,
    },
    /// An integer that neither the signed nor the unsigned range of the type holds.
    #[error("{text} does not fit into {ty}")]
    OutOfRange {
        /// The text as given.
        text: String,
        /// The type asked for.
        ty: Type,
    },
}

impl Scalar {
    /// Reads a constant of type `ty`.
    ///
    /// Integers: decimal or `0x…`, with an optional sign, in the signed or the unsigned range of the
    /// type; `_` may separate digits. Floats: any decimal, `inf`, `nan`, `nan:0x…` with the fraction
    /// bits, or `0x…` with exactly the raw bits of the value, each but the last with an optional sign.
    pub fn parse(ty: Type, text: &str) -> Result<Scalar, ScalarParseError> {
        let malformed = || ScalarParseError::Malformed {
            text: text.to_string(),
            ty,
        };
        let out_of_range = || ScalarParseError::OutOfRange {
            text: text.to_string(),
            ty,
        };
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if ty.is_int() {
            let magnitude = parse_unsigned(digits).ok_or_else(malformed)?;
            let limit = if negative {
                1u128 << (ty.bits() - 1)
            } else {
                u128::from(ty.mask())
            };
            if magnitude > limit {
                return Err(out_of_range());
            }
            let bits = magnitude as u64;
            return Ok(Scalar::new(
                ty,
                if negative { bits.wrapping_neg() } else { bits },
            ));
        }
        let (fraction_bits, sign) = match ty {
            Type::F32 => (23, 1u64 << 31),
            _ => (52, 1u64 << 63),
        };
        let exponent = ty.mask() >> 1 & !((1u64 << fraction_bits) - 1);
        let magnitude = if digits == "inf" {
            exponent
        } else if digits == "nan" {
            exponent | 1 << (fraction_bits - 1)
        } else if let Some(hex) = digits.strip_prefix("nan:") {
            let fraction = parse_unsigned(hex).ok_or_else(malformed)?;
            if fraction == 0 || fraction >> fraction_bits != 0 {
                return Err(out_of_range());
            }
            exponent | fraction as u64
        } else if digits.starts_with("0x") && !negative {
            let bits = parse_unsigned(digits).ok_or_else(malformed)?;
            if bits > u128::from(ty.mask()) {
                return Err(out_of_range());
            }
            bits as u64
        } else {
            parse_decimal(ty, digits).ok_or_else(malformed)?
        };
        Ok(Scalar::new(
            ty,
            if negative {
                magnitude ^ sign
            } else {
                magnitude
            },
        ))
    }
}

/// An unsigned integer in decimal or hexadecimal, below 2^127.
fn parse_unsigned(digits: &str) -> Option<u128> {
    let (radix, body) = match digits.strip_prefix("0x") {
        Some(hex) => (16, hex),
        None => (10, digits),
    };
    let mut value: u128 = 0;
    let mut any = false;
    for c in body.chars() {
        if c == '_' && any {
            continue;
        }
        value = value.checked_mul(u128::from(radix))?;
        value = value.checked_add(u128::from(c.to_digit(radix)?))?;
        any = true;
        if value >> 127 != 0 {
            return None;
        }
    }
    any.then_some(value)
}

/// The bits of a plain unsigned decimal; the words that Rust's parser also knows are refused.
fn parse_decimal(ty: Type, digits: &str) -> Option<u64> {
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    match ty {
        Type::F32 => digits.parse::<f32>().ok().map(|v| u64::from(v.to_bits())),
        _ => digits.parse::<f64>().ok().map(f64::to_bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_reads_back_for_every_type() {
        let patterns = [
            0u64,
            1,
            0x7f,
            0x80,
            0xff,
            0x7fff,
            0x8000,
            0x7fc0_0000,
            0x7f80_0000,
            0xff80_0000,
            0x7f80_0001,
            0xffc0_0000,
            0x3f80_0000,
            1 << 63,
            u64::MAX,
            0x7ff0_0000_0000_0000,
            0x7ff8_0000_0000_0000,
            0x7ff0_0000_0000_0001,
            0x3ff0_0000_0000_0000,
            0x0000_0000_0000_0001,
        ];
        for ty in Type::ALL {
            for bits in patterns {
                let value = Scalar::new(ty, bits);
                assert_eq!(
                    Scalar::parse(ty, &value.to_string()),
                    Ok(value),
                    "{ty} {value}"
                );
            }
        }
    }

    #[test]
    fn integers_accept_both_ranges_and_nothing_beyond() {
        assert_eq!(Scalar::parse(Type::I8, "255"), Ok(Scalar::i8(-1)));
        assert_eq!(Scalar::parse(Type::I8, "-128"), Ok(Scalar::i8(-128)));
        assert!(matches!(
            Scalar::parse(Type::I8, "256"),
            Err(ScalarParseError::OutOfRange { .. })
        ));
        assert!(matches!(
            Scalar::parse(Type::I8, "-129"),
            Err(ScalarParseError::OutOfRange { .. })
        ));
        assert!(matches!(
            Scalar::parse(Type::I8, "1.5"),
            Err(ScalarParseError::Malformed { .. })
        ));
        assert!(matches!(
            Scalar::parse(Type::F32, "infinity"),
            Err(ScalarParseError::Malformed { .. })
        ));
        assert_eq!(
            Scalar::parse(Type::I64, "0xffff_ffff_ffff_ffff"),
            Ok(Scalar::i64(-1))
        );
    }
}

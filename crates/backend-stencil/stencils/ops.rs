//! The ops: what each computes, written once.
//!
//! Integers are unsigned here, floats what they are. Ops of one type are functions in a module for each
//! type; those of two are macros, given both types as `unsigned signed`. An op that may trap has
//! `…_trap0` and `…_trap1` beside it, which are asked in this order, before the op itself; conversions to
//! integers give the second answer with the result.

/// Puts a divisor out of the way of the registers that a division has its operands in.
#[cfg(target_arch = "x86_64")]
macro_rules! free_divisor {
    ($value:ident) => {
        asm!("", inout("r10") $value, options(pure, nomem, nostack, preserves_flags))
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! free_divisor {
    ($value:ident) => {};
}

macro_rules! integers {
    ($name:ident $u:ident $s:ident $wide_u:ident $wide_s:ident $bits:literal) => {
        pub mod $name {
            use super::*;
            const MIN: $u = unsafe { unchecked_shl(1 as $u, MASK) };

            macro_rules! op {
                ($op:ident($a:ident) $e:expr) => {
                    #[inline(always)]
                    pub unsafe fn $op($a: $u) -> $u { $e }
                };
                ($op:ident($a:ident, $b:ident) $e:expr) => {
                    #[inline(always)]
                    pub unsafe fn $op($a: $u, $b: $u) -> $u { $e }
                };
            }
            op!(iadd(a, b) wrapping_add(a, b));
            op!(isub(a, b) wrapping_sub(a, b));
            op!(imul(a, b) wrapping_mul(a, b));
            op!(band(a, b) a & b);
            op!(bor(a, b) a | b);
            op!(bxor(a, b) a ^ b);
            op!(ineg(a) wrapping_sub(0, a));
            op!(bnot(a) !a);
            op!(iabs(a) if (a as $s) < 0 { wrapping_sub(0, a) } else { a });
            op!(smin(a, b) if (a as $s) < b as $s { a } else { b });
            op!(smax(a, b) if (a as $s) > b as $s { a } else { b });
            op!(umin(a, b) if a < b { a } else { b });
            op!(umax(a, b) if a > b { a } else { b });
            op!(smulhi(a, b) unchecked_shr(
                wrapping_mul(a as $s as $wide_s, b as $s as $wide_s), $bits) as $u);
            op!(umulhi(a, b) unchecked_shr(
                wrapping_mul(a as $wide_u, b as $wide_u), $bits) as $u);
            op!(ishl(a, b) unchecked_shl(a, b & MASK));
            op!(ushr(a, b) unchecked_shr(a, b & MASK));
            op!(sshr(a, b) unchecked_shr(a as $s, b & MASK) as $u);
            op!(rotl(a, b) unchecked_funnel_shl(a, a, (b & MASK) as u32));
            op!(rotr(a, b) unchecked_funnel_shr(a, a, (b & MASK) as u32));
            op!(clz(a) ctlz(a) as $u);
            op!(ctz(a) cttz(a) as $u);
            op!(popcnt(a) ctpop(a) as $u);
            op!(bitrev(a) bitreverse(a));
            op!(bswap(a) super::bswap(a));
            op!(sdiv(a, b) unchecked_div(a as $s, b as $s) as $u);
            op!(udiv(a, b) unchecked_div(a, b));
            // The processor faults at the least value by -1.
            op!(srem(a, b) if b == !0 { 0 } else {
                let mut d = b as u64;
                free_divisor!(d);
                unchecked_rem(a as $s, d as $s) as $u
            });
            op!(urem(a, b) unchecked_rem(a, b));
            const MASK: $u = wrapping_sub($bits as $u, 1);

            macro_rules! trap {
                ($op:ident($a:ident, $b:ident) $e:expr) => {
                    #[inline(always)]
                    pub unsafe fn $op($a: $u, $b: $u) -> bool { $e }
                };
            }
            trap!(sdiv_trap0(a, b) b == 0);
            trap!(udiv_trap0(a, b) b == 0);
            trap!(srem_trap0(a, b) b == 0);
            trap!(urem_trap0(a, b) b == 0);
            trap!(sdiv_trap1(a, b) b == !0 && { barrier!(); a == MIN });

            macro_rules! overflow {
                ($op:ident $as:ident $intrinsic:ident) => {
                    #[inline(always)]
                    pub unsafe fn $op(a: $u, b: $u) -> ($u, bool) {
                        let (value, overflow) = $intrinsic(a as $as, b as $as);
                        (value as $u, overflow)
                    }
                };
            }
            overflow!(sadd_overflow $s add_with_overflow);
            overflow!(uadd_overflow $u add_with_overflow);
            overflow!(ssub_overflow $s sub_with_overflow);
            overflow!(usub_overflow $u sub_with_overflow);
            overflow!(smul_overflow $s mul_with_overflow);
            overflow!(umul_overflow $u mul_with_overflow);

            // Conditions have the same signature as traps.
            trap!(eq(a, b) a == b);
            trap!(ne(a, b) a != b);
            trap!(slt(a, b) (a as $s) < b as $s);
            trap!(sle(a, b) (a as $s) <= b as $s);
            trap!(sgt(a, b) (a as $s) > b as $s);
            trap!(sge(a, b) (a as $s) >= b as $s);
            trap!(ult(a, b) a < b);
            trap!(ule(a, b) a <= b);
            trap!(ugt(a, b) a > b);
            trap!(uge(a, b) a >= b);
        }
    };
}
integers!(int8 u8 i8 u16 i16 8);
integers!(int16 u16 i16 u32 i32 16);
integers!(int32 u32 i32 u64 i64 32);
integers!(int64 u64 i64 u128 i128 64);

macro_rules! floats {
    ($name:ident $f:ident $u:ident $sign:literal $sqrt:ident $copysign:ident $ceil:ident
     $floor:ident $trunc:ident $nearest:ident $fma:ident) => {
        safe_intrinsics! {
            fn $copysign(a: $f, b: $f) -> $f;
            fn $ceil(a: $f) -> $f;
            fn $floor(a: $f) -> $f;
            fn $trunc(a: $f) -> $f;
            fn $nearest(a: $f) -> $f;
            fn $sqrt(a: $f) -> $f;
            fn $fma(a: $f, b: $f, c: $f) -> $f;
        }

        pub mod $name {
            use super::*;

            macro_rules! op {
                ($op:ident($a:ident $$(, $b:ident $$(, $c:ident)?)?) $e:expr) => {
                    #[inline(always)]
                    pub unsafe fn $op($a: $f $$(, $b: $f $$(, $c: $f)?)?) -> $f { $e }
                };
            }
            op!(fadd(a, b) a + b);
            op!(fsub(a, b) a - b);
            op!(fmul(a, b) a * b);
            op!(fdiv(a, b) a / b);
            op!(fneg(a) -a);
            op!(fabs(a) transmute::<$u, $f>(transmute::<$f, $u>(a) & !$sign));
            op!(sqrt(a) $sqrt(a));
            op!(ceil(a) $ceil(a));
            op!(floor(a) $floor(a));
            op!(trunc(a) $trunc(a));
            op!(nearest(a) $nearest(a));
            op!(copysign(a, b) $copysign(a, b));
            op!(fma(a, b, c) $fma(a, b, c));
            // Equal operands may be zeros of different signs; the sum of others with a NaN is a quiet one.
            op!(fmin(a, b) if a < b {
                a
            } else if a > b {
                b
            } else if a == b {
                transmute::<$u, $f>(transmute::<$f, $u>(a) | transmute::<$f, $u>(b))
            } else {
                a + b
            });
            op!(fmax(a, b) if a > b {
                a
            } else if a < b {
                b
            } else if a == b {
                transmute::<$u, $f>(transmute::<$f, $u>(a) & transmute::<$f, $u>(b))
            } else {
                a + b
            });

            macro_rules! condition {
                ($op:ident($a:ident, $b:ident) $e:expr) => {
                    #[inline(always)]
                    pub unsafe fn $op($a: $f, $b: $f) -> bool { $e }
                };
            }
            condition!(eq(a, b) a == b);
            condition!(ne(a, b) a != b);
            condition!(lt(a, b) a < b);
            condition!(le(a, b) a <= b);
            condition!(gt(a, b) a > b);
            condition!(ge(a, b) a >= b);
            condition!(ord(a, b) a == a && b == b);
            condition!(uno(a, b) a != a || b != b);
            condition!(ueq(a, b) !(a < b || a > b));
            condition!(one(a, b) a < b || a > b);
            condition!(ult(a, b) !(a >= b));
            condition!(ule(a, b) !(a > b));
            condition!(ugt(a, b) !(a <= b));
            condition!(uge(a, b) !(a < b));

            /// Whether this is -2^63, by its bits: a comparison of floats takes two jumps.
            #[inline(always)]
            pub unsafe fn is_least_word(a: $f) -> bool {
                transmute::<$f, $u>(a) == transmute::<$f, $u>(-9223372036854775808.0)
            }

            /// Towards zero; what does not fit 64 bits gives what the processor likes.
            #[inline(always)]
            pub unsafe fn to_word(a: $f) -> i64 {
                let word: i64;
                convert!($f word a);
                word
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! convert {
    (f32 $to:ident $from:ident) => {
        asm!("cvttss2si {}, {}", out(reg) $to, in(xmm_reg) $from, options(pure, nomem, nostack, preserves_flags))
    };
    (f64 $to:ident $from:ident) => {
        asm!("cvttsd2si {}, {}", out(reg) $to, in(xmm_reg) $from, options(pure, nomem, nostack, preserves_flags))
    };
}
// What is too large gives the nearer bound here; it never equals a value that fits.
#[cfg(target_arch = "aarch64")]
macro_rules! convert {
    (f32 $to:ident $from:ident) => {
        asm!("fcvtzs {:x}, {:s}", out(reg) $to, in(vreg) $from, options(pure, nomem, nostack, preserves_flags))
    };
    (f64 $to:ident $from:ident) => {
        asm!("fcvtzs {:x}, {:d}", out(reg) $to, in(vreg) $from, options(pure, nomem, nostack, preserves_flags))
    };
}

floats!(float32 f32 u32 0x8000_0000 sqrtf32 copysignf32 ceilf32 floorf32 truncf32
        round_ties_even_f32 fmaf32);
floats!(float64 f64 u64 0x8000_0000_0000_0000 sqrtf64 copysignf64 ceilf64 floorf64 truncf64
        round_ties_even_f64 fmaf64);

#[cfg(target_arch = "x86_64")]
macro_rules! cfg_saturates {
    () => { false };
}
#[cfg(target_arch = "aarch64")]
macro_rules! cfg_saturates {
    () => { true };
}

macro_rules! sextend {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $ss as $ts as $tu };
}
macro_rules! ireduce {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $tu };
}
macro_rules! bitcast {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { transmute::<$su, $tu>($a) };
}
macro_rules! fpromote {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $tu };
}
macro_rules! fdemote {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $tu };
}
macro_rules! fcvt_from_sint {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $ss as $tu };
}
macro_rules! fcvt_from_uint {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $tu };
}
macro_rules! fcvt_to_sint_sat {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $ts as $tu };
}
macro_rules! fcvt_to_uint_sat {
    ($a:expr, $tu:ident $ts:ident $su:ident $ss:ident) => { $a as $tu };
}

/// The result and whether it does not fit; no NaN gets here.
macro_rules! fcvt_to_sint {
    ($a:expr, u32 i32 f32 f32) => { narrow_signed(float32::to_word($a)) };
    ($a:expr, u32 i32 f64 f64) => { narrow_signed(float64::to_word($a)) };
    ($a:expr, u64 i64 f32 f32) => { wide_signed!($a, float32) };
    ($a:expr, u64 i64 f64 f64) => { wide_signed!($a, float64) };
}
macro_rules! fcvt_to_uint {
    ($a:expr, u32 i32 f32 f32) => { narrow_unsigned(float32::to_word($a)) };
    ($a:expr, u32 i32 f64 f64) => { narrow_unsigned(float64::to_word($a)) };
    ($a:expr, u64 i64 f32 f32) => { wide_unsigned!($a, float32) };
    ($a:expr, u64 i64 f64 f64) => { wide_unsigned!($a, float64) };
}

/// What does not fit gives the least word on x86-64, the nearer bound on AArch64. No float converts to
/// the greatest word exactly.
const SATURATES: bool = cfg_saturates!();
const LEAST: i64 = 0x8000_0000_0000_0000_u64 as i64;
const GREATEST: i64 = 0x7fff_ffff_ffff_ffff;

#[inline(always)]
unsafe fn narrow_signed(word: i64) -> (u32, bool) {
    (word as u32, word != word as i32 as i64)
}

#[inline(always)]
unsafe fn narrow_unsigned(word: i64) -> (u32, bool) {
    (word as u32, word as u64 > 0xffff_ffff)
}

macro_rules! wide_signed {
    ($a:expr, $f:ident) => {{
        let word = $f::to_word($a);
        let wrong = word == LEAST && { barrier!(); !$f::is_least_word($a) };
        (word as u64, wrong || SATURATES && word == GREATEST)
    }};
}

/// In two halves: what is below 2^63, and the rest with 2^63 taken off, which is negative for all that
/// was negative in the first place.
macro_rules! wide_unsigned {
    ($a:expr, $f:ident) => {{
        let low = $f::to_word($a);
        if low >= 0 && !(SATURATES && low == GREATEST) {
            (low as u64, false)
        } else {
            let high = $f::to_word($a - 9223372036854775808.0);
            let wrong = high < 0 || SATURATES && high == GREATEST;
            (high as u64 ^ 0x8000_0000_0000_0000, wrong)
        }
    }};
}

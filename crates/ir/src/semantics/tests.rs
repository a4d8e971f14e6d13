//! The semantics against Rust's own integers of each width, all of 8 bits and boundary values of the
//! others, and against hand-picked floats.

use super::*;
use crate::ops::FloatCc;

fn run(op: Op, ty: Type, ty2: Type, x: u8, args: &[u64]) -> Outcome {
    let mut all = [0; 3];
    all[..args.len()].copy_from_slice(args);
    eval(op, ty, ty2, x, all).expect("a scalar op")
}

/// Values around every power of two of the width.
fn boundaries(ty: Type) -> Vec<u64> {
    if ty == Type::I8 {
        return (0..256).collect();
    }
    let mut values = vec![0x5555_5555_5555_5555, 0x1234_5678_9abc_def0];
    for shift in [0, 1, 7, 8, 15, 16, 31, 32, 33, 62, 63] {
        let power = 1u64 << shift;
        values.extend([
            power.wrapping_sub(1),
            power,
            power + 1,
            power.wrapping_neg(),
            !power,
        ]);
    }
    let mut values: Vec<_> = values.into_iter().map(|v| v & ty.mask()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

macro_rules! integers_agree {
    ($name:ident $ty:ident $signed:ident $unsigned:ident) => {
        #[test]
        fn $name() {
            let ty = Type::$ty;
            let check = |op: Op, a: u64, b: u64, x: $unsigned| {
                assert_eq!(
                    run(op, ty, ty, 0, &[a, b]),
                    Ok([x as u64, 0]),
                    "{op}.{ty} {a} {b}"
                );
            };
            let pair = |op: Op, a: u64, b: u64, (x, o): ($unsigned, bool)| {
                let expected = Ok([x as u64, u64::from(o)]);
                assert_eq!(run(op, ty, ty, 0, &[a, b]), expected, "{op}.{ty} {a} {b}");
            };
            for a in boundaries(ty) {
                let (ua, sa) = (a as $unsigned, a as $signed);
                check(Op::Ineg, a, 0, ua.wrapping_neg());
                check(Op::Iabs, a, 0, sa.wrapping_abs() as $unsigned);
                check(Op::Bnot, a, 0, !ua);
                check(Op::Clz, a, 0, ua.leading_zeros() as $unsigned);
                check(Op::Ctz, a, 0, ua.trailing_zeros() as $unsigned);
                check(Op::Popcnt, a, 0, ua.count_ones() as $unsigned);
                check(Op::Bitrev, a, 0, ua.reverse_bits());
                check(Op::Bswap, a, 0, ua.swap_bytes());
                for b in boundaries(ty) {
                    let (ub, sb) = (b as $unsigned, b as $signed);
                    let n = ub as u32;
                    check(Op::Iadd, a, b, ua.wrapping_add(ub));
                    check(Op::Isub, a, b, ua.wrapping_sub(ub));
                    check(Op::Imul, a, b, ua.wrapping_mul(ub));
                    check(Op::Smin, a, b, sa.min(sb) as $unsigned);
                    check(Op::Smax, a, b, sa.max(sb) as $unsigned);
                    check(Op::Umin, a, b, ua.min(ub));
                    check(Op::Umax, a, b, ua.max(ub));
                    check(Op::Band, a, b, ua & ub);
                    check(Op::Bor, a, b, ua | ub);
                    check(Op::Bxor, a, b, ua ^ ub);
                    check(Op::Ishl, a, b, ua.wrapping_shl(n));
                    check(Op::Ushr, a, b, ua.wrapping_shr(n));
                    check(Op::Sshr, a, b, sa.wrapping_shr(n) as $unsigned);
                    check(Op::Rotl, a, b, ua.rotate_left(n % $unsigned::BITS));
                    check(Op::Rotr, a, b, ua.rotate_right(n % $unsigned::BITS));
                    pair(Op::UaddOverflow, a, b, ua.overflowing_add(ub));
                    pair(Op::UsubOverflow, a, b, ua.overflowing_sub(ub));
                    pair(Op::UmulOverflow, a, b, ua.overflowing_mul(ub));
                    let unsign = |(x, o): ($signed, bool)| (x as $unsigned, o);
                    pair(Op::SaddOverflow, a, b, unsign(sa.overflowing_add(sb)));
                    pair(Op::SsubOverflow, a, b, unsign(sa.overflowing_sub(sb)));
                    pair(Op::SmulOverflow, a, b, unsign(sa.overflowing_mul(sb)));
                    let (low, high) = ua.carrying_mul(ub, 0);
                    check(Op::Imul, a, b, low);
                    check(Op::Umulhi, a, b, high);
                    // The signed high half from the unsigned one (Hacker's Delight, 8-3).
                    let minus = |sign: $signed, other: $unsigned| if sign < 0 { other } else { 0 };
                    let high = high.wrapping_sub(minus(sa, ub)).wrapping_sub(minus(sb, ua));
                    check(Op::Smulhi, a, b, high);
                    let division = |op, exact: Option<$unsigned>| {
                        let expected = match exact {
                            Some(x) => Ok([x as u64, 0]),
                            None if b == 0 => Err(TrapCode::IntegerDivisionByZero),
                            None => Err(TrapCode::IntegerOverflow),
                        };
                        assert_eq!(run(op, ty, ty, 0, &[a, b]), expected, "{op}.{ty} {a} {b}");
                    };
                    division(Op::Udiv, ua.checked_div(ub));
                    division(Op::Urem, ua.checked_rem(ub));
                    division(Op::Sdiv, sa.checked_div(sb).map(|q| q as $unsigned));
                    let remainder = (b != 0).then(|| sa.wrapping_rem(sb) as $unsigned);
                    division(Op::Srem, remainder);
                    for cc in IntCc::ALL {
                        let holds = |cc| run(Op::Icmp, ty, ty, cc as u8, &[a, b]) == Ok([1, 0]);
                        assert_eq!(holds(*cc), !holds(cc.inverse()));
                        assert_eq!(holds(*cc), compare(cc.swapped(), ty, b, a));
                    }
                    assert_eq!(compare(IntCc::Slt, ty, a, b), sa < sb);
                    assert_eq!(compare(IntCc::Ult, ty, a, b), ua < ub);
                    assert_eq!(compare(IntCc::Sle, ty, a, b), sa <= sb);
                    assert_eq!(compare(IntCc::Ule, ty, a, b), ua <= ub);
                }
            }
        }
    };
}

integers_agree!(bytes_agree I8 i8 u8);
integers_agree!(halves_agree I16 i16 u16);
integers_agree!(words_agree I32 i32 u32);
integers_agree!(longs_agree I64 i64 u64);

fn f32s(op: Op, args: &[f32]) -> u64 {
    let args: Vec<_> = args.iter().map(|v| u64::from(v.to_bits())).collect();
    run(op, Type::F32, Type::I8, 0, &args).expect("no trap")[0]
}

fn f64s(op: Op, args: &[f64]) -> u64 {
    let args: Vec<_> = args.iter().map(|v| v.to_bits()).collect();
    run(op, Type::F64, Type::I8, 0, &args).expect("no trap")[0]
}

#[test]
fn minimum_and_maximum_order_zeros_and_keep_nans() {
    for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
        assert_eq!(f64s(Op::Fmin, &[a, b]), 1 << 63);
        assert_eq!(f64s(Op::Fmax, &[a, b]), 0);
        assert_eq!(f32s(Op::Fmin, &[a as f32, b as f32]), 1 << 31);
    }
    for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::NAN)] {
        assert!(f64::from_bits(f64s(Op::Fmin, &[a, b])).is_nan());
        assert!(f64::from_bits(f64s(Op::Fmax, &[a, b])).is_nan());
    }
    assert_eq!(
        f64s(Op::Fmin, &[f64::NEG_INFINITY, 1.0]),
        f64::NEG_INFINITY.to_bits()
    );
    assert_eq!(f64s(Op::Fmax, &[-1.0, -2.0]), (-1f64).to_bits());
}

#[test]
fn sign_ops_touch_one_bit_even_of_signalling_nans() {
    let signalling = 0x7f80_0001;
    let sign_op = |op, args: &[u64]| run(op, Type::F32, Type::I8, 0, args).expect("no trap")[0];
    assert_eq!(sign_op(Op::Fneg, &[signalling]), 0xff80_0001);
    assert_eq!(sign_op(Op::Fabs, &[0xff80_0001]), signalling);
    assert_eq!(
        sign_op(Op::Copysign, &[signalling, 0x8000_0000]),
        0xff80_0001
    );
    let cast = run(Op::Bitcast, Type::I32, Type::F32, 0, &[signalling]);
    assert_eq!(cast, Ok([signalling, 0]));
}

#[test]
fn rounding_is_to_nearest_even_and_once() {
    for (from, to) in [
        (0.5, 0.0),
        (1.5, 2.0),
        (2.5, 2.0),
        (-0.5, -0.0),
        (-1.5, -2.0),
        (4503599627370497.5, 4503599627370498.0),
    ] {
        assert_eq!(f64s(Op::Nearest, &[from]), f64::to_bits(to), "{from}");
    }
    assert_eq!(f64s(Op::Ceil, &[-0.5]), (-0f64).to_bits());
    // By way of f64 this would round to 2^24 first, and then down.
    let tie = (1u64 << 54) + (1 << 30) + 1;
    let narrow = run(Op::FcvtFromUint, Type::F32, Type::I64, 0, &[tie]);
    assert_eq!(
        narrow,
        Ok([u64::from(18_014_400_656_965_632f32.to_bits()), 0])
    );
    let product = f64s(
        Op::Fma,
        &[
            1.0 + f64::EPSILON,
            1.0 + f64::EPSILON,
            -1.0 - 2.0 * f64::EPSILON,
        ],
    );
    assert_eq!(f64::from_bits(product), f64::EPSILON * f64::EPSILON);
}

#[test]
fn conversions_to_integers_trap_exactly_beyond_the_range() {
    let convert = |op, to, value: f64| run(op, to, Type::F64, 0, &[value.to_bits()]);
    let overflow = Err(TrapCode::IntegerOverflow);
    let cases = [
        (
            Op::FcvtToSint,
            Type::I32,
            2147483647.9,
            Ok([0x7fff_ffff, 0]),
        ),
        (Op::FcvtToSint, Type::I32, 2147483648.0, overflow),
        (
            Op::FcvtToSint,
            Type::I32,
            -2147483648.9,
            Ok([0x8000_0000, 0]),
        ),
        (Op::FcvtToSint, Type::I32, -2147483649.0, overflow),
        (Op::FcvtToUint, Type::I32, -0.9, Ok([0, 0])),
        (Op::FcvtToUint, Type::I32, -1.0, overflow),
        (
            Op::FcvtToUint,
            Type::I32,
            4294967295.9,
            Ok([0xffff_ffff, 0]),
        ),
        (Op::FcvtToUint, Type::I64, 18446744073709551616.0, overflow),
        (
            Op::FcvtToSint,
            Type::I64,
            -9223372036854775808.0,
            Ok([1 << 63, 0]),
        ),
        (Op::FcvtToSint, Type::I64, 9223372036854775808.0, overflow),
        (
            Op::FcvtToSint,
            Type::I64,
            f64::NAN,
            Err(TrapCode::BadConversionToInteger),
        ),
        (Op::FcvtToSintSat, Type::I32, 1e300, Ok([0x7fff_ffff, 0])),
        (Op::FcvtToSintSat, Type::I64, f64::NAN, Ok([0, 0])),
        (Op::FcvtToUintSat, Type::I32, -5.0, Ok([0, 0])),
        (
            Op::FcvtToUintSat,
            Type::I64,
            f64::INFINITY,
            Ok([u64::MAX, 0]),
        ),
    ];
    for (op, ty, value, expected) in cases {
        assert_eq!(convert(op, ty, value), expected, "{op}.{ty} {value}");
    }
}

#[test]
fn comparisons_know_nan() {
    let with_nan: Vec<_> = FloatCc::ALL
        .iter()
        .filter(|cc| {
            run(
                Op::Fcmp,
                Type::F64,
                Type::I8,
                **cc as u8,
                &[f64::NAN.to_bits(), 0],
            ) == Ok([1, 0])
        })
        .map(|cc| cc.name())
        .collect();
    assert_eq!(with_nan, ["ne", "uno", "ueq", "ult", "ule", "ugt", "uge"]);
}

#[test]
fn extensions_and_bounds() {
    assert_eq!(
        run(Op::Sextend, Type::I32, Type::I8, 0, &[0x80]),
        Ok([0xffff_ff80, 0])
    );
    assert_eq!(
        run(Op::Uextend, Type::I64, Type::I16, 0, &[0xffff]),
        Ok([0xffff, 0])
    );
    assert_eq!(
        run(Op::Ireduce, Type::I8, Type::I64, 0, &[0x1ff]),
        Ok([0xff, 0])
    );
    assert_eq!(access(10, 2, 4, 16), Some(12));
    assert_eq!(access(10, 3, 4, 16), None);
    assert_eq!(access(u64::MAX, 1, 1, u64::MAX), None);
    assert!(range_inside(16, 0, 16) && !range_inside(17, 0, 16) && !range_inside(1, u64::MAX, 16));
}

/// `eval` gives an outcome for exactly the ops whose rows say that operands alone decide it.
#[test]
fn eval_covers_every_op_that_only_computes() {
    for op in Op::ALL {
        let row = op.info();
        let computes = matches!(
            row.format,
            crate::Format::Plain
                | crate::Format::IntCompare
                | crate::Format::FloatCompare
                | crate::Format::Trap
                | crate::Format::CondTrap
        );
        for (ty, ty2) in op.type_pairs() {
            let (ty, ty2) = (ty.unwrap_or(Type::I8), ty2.unwrap_or(Type::I8));
            assert_eq!(eval(*op, ty, ty2, 1, [1, 1, 1]).is_some(), computes, "{op}");
        }
    }
}

//! Values in greater numbers than registers, in every configuration: parameters of loops that change
//! places, values that live across calls, and large frames.

mod common;

use bakeoff_backend::Imports;
use bakeoff_ir::{Scalar, Type};

use common::source::{Source, cycle, fold_all, sample};

use Type::{F32, F64, I8, I16, I32, I64};

/// Which old parameter each new one is on the way back to the head of a loop.
type Permutation = fn(usize, usize) -> usize;

/// The permutations. Parameters of one type are three or more apart, and so are moved among themselves.
const PERMUTATIONS: &[(&str, Permutation)] = &[
    ("rotated", |at, count| (at + 1) % count),
    (
        "swapped",
        |at, count| if at ^ 1 < count { at ^ 1 } else { at },
    ),
    ("reversed", |at, count| count - 1 - at),
    ("the_same", |at, _| at),
    ("spread", |_, count| count / 2),
    ("mixed", |at, count| (at * 7 + 3) % count),
    ("halved", |at, _| at / 2),
    ("three", |at, count| match at % 3 {
        _ if at / 3 * 3 + 2 >= count => at,
        2 => at - 2,
        _ => at + 1,
    }),
];

/// Where the parameter of a type that a permutation of those of this type names stands in the list.
fn source_of(types: &[Type], at: usize, permutation: Permutation) -> usize {
    let same: Vec<usize> = (0..types.len())
        .filter(|i| types[*i] == types[at])
        .collect();
    let rank = same.iter().position(|i| *i == at).unwrap();
    same[permutation(rank, same.len()) % same.len()]
}

/// A loop whose parameters change places, and leave it in other places again. Every seventh one is
/// passed on and never used for anything else.
fn rotating_loop(source: &mut Source, name: &str, types: &[Type], permutation: Permutation) {
    let start = source.begin(name, &[I64], &[I64]);
    let first: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(number, ty)| source.constant(*ty, sample(*ty, number)))
        .collect();
    source.line(format!(
        "    jump block1({}, {})",
        start[0],
        first.join(", ")
    ));
    let all = [&[I64], types].concat();
    let params = source.block(1, &all);
    let one = source.constant(I64, 1);
    let left = source.def(format!("isub.i64 {}, {one}", params[0]));
    let next = |at| params[1 + source_of(types, at, permutation)].clone();
    let back: Vec<String> = (0..types.len()).map(next).collect();
    let next = |at| params[1 + source_of(types, at, |at, count| (at + 2) % count)].clone();
    let out: Vec<String> = (0..types.len()).map(next).collect();
    source.line(format!(
        "    brif {left}, block1({left}, {}), block2({})",
        back.join(", "),
        out.join(", ")
    ));
    let params = source.block(2, types);
    let (types, params): (Vec<_>, Vec<_>) = types
        .iter()
        .zip(params)
        .enumerate()
        .filter(|(at, _)| at % 7 != 6)
        .map(|(_, (ty, name))| (*ty, name))
        .unzip();
    let sum = source.fold_all(&types, &params);
    source.end(&[sum]);
}

/// What the loop gives.
fn rotated(types: &[Type], permutation: Permutation, rounds: usize) -> u64 {
    let mut values: Vec<u64> = (0..types.len()).map(|i| sample(types[i], i)).collect();
    for round in 0..rounds {
        let permutation = match round + 1 == rounds {
            true => |at, count| (at + 2) % count,
            false => permutation,
        };
        values = (0..types.len())
            .map(|at| values[source_of(types, at, permutation)])
            .collect();
    }
    fold_all(
        (0..types.len())
            .filter(|at| at % 7 != 6)
            .map(|at| values[at]),
    )
}

#[test]
fn parameters_of_a_loop_change_places() {
    let lists: &[(&str, Vec<Type>)] = &[
        ("ints", cycle(&[I64], 40)),
        ("floats", cycle(&[F64], 40)),
        ("few", cycle(&[I32, F32], 12)),
        ("both", cycle(&[I64, F64], 80)),
        ("all", cycle(&[I32, F32, I64, F64, I8, I16], 90)),
    ];
    let mut source = Source::default();
    for (shape, types) in lists {
        for (name, permutation) in PERMUTATIONS {
            rotating_loop(&mut source, &format!("{shape}_{name}"), types, *permutation);
        }
    }
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (shape, types) in lists {
            for (name, permutation) in PERMUTATIONS {
                for rounds in [1, 2, 5] {
                    let name = format!("{shape}_{name}");
                    let got = instance.call(&name, &[Scalar::i64(rounds)]);
                    let expected = rotated(types, *permutation, rounds as usize);
                    let expected = Ok(vec![Scalar::i64(expected as i64)]);
                    assert_eq!(got, expected, "{configuration}: {name}, {rounds} rounds");
                }
            }
        }
    });
}

/// The value of a number that is made of the argument, as code and as bits. Halves of floats are exact.
fn made(source: &mut Source, ty: Type, number: usize, args: &[String; 2]) -> String {
    let constant = source.constant(ty, sample(ty, number));
    match ty {
        F32 => {
            let narrow = source.def(format!("fdemote.f32.f64 {}", args[1]));
            source.def(format!("fadd.f32 {narrow}, {constant}"))
        }
        F64 => source.def(format!("fadd.f64 {}, {constant}", args[1])),
        I64 => source.def(format!("bxor.i64 {}, {constant}", args[0])),
        _ => {
            let narrow = source.def(format!("ireduce.{ty}.i64 {}", args[0]));
            source.def(format!("bxor.{ty} {narrow}, {constant}"))
        }
    }
}

fn made_bits(ty: Type, number: usize, args: (i64, f64)) -> u64 {
    let sample = sample(ty, number);
    match ty {
        F32 => u64::from((args.1 as f32 + f32::from_bits(sample as u32)).to_bits()),
        F64 => (args.1 + f64::from_bits(sample)).to_bits(),
        _ => (args.0 as u64 ^ sample) & ty.mask(),
    }
}

/// So many values live at once, across calls in a loop, in a cold block, or nowhere; of some of them
/// the loop itself makes use.
fn many_values(source: &mut Source, name: &str, types: &[Type], calls: bool) {
    let args: [String; 2] = source.begin(name, &[I64, F64], &[I64]).try_into().unwrap();
    let values: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(number, ty)| made(source, *ty, number, &args))
        .collect();
    let zero = source.constant(I64, 0);
    let rounds = source.constant(I64, 3);
    source.line(format!("    jump block1({zero}, {rounds})"));
    let params = source.block(1, &[I64, I64]);
    let mut sum = params[0].clone();
    for at in (0..types.len()).step_by(types.len() / 9) {
        let bits = source.bits(types[at], &values[at]);
        sum = source.def(format!("bxor.i64 {sum}, {bits}"));
        if calls {
            sum = source.def(format!("call @twice({sum})"));
        }
    }
    // Never true, and the block behind it is cold.
    let odd = source.constant(I64, 77);
    let never = source.def(format!("icmp.i64 eq {}, {odd}", params[1]));
    source.line(format!("    brif {never}, block2, block3"));
    source.block(2, &[]);
    let clobbered = source.def(format!("call @twice({sum})"));
    source.line(format!("    brif {clobbered}, block4, block5"));
    source.block(3, &[]);
    let one = source.constant(I64, 1);
    let left = source.def(format!("isub.i64 {}, {one}", params[1]));
    source.line(format!("    brif {left}, block1({sum}, {left}), block6"));
    for (block, code) in [(4, "unreachable"), (5, "integer_overflow")] {
        source.block(block, &[]);
        source.line(format!("    trap {code}"));
    }
    source.block(6, &[]);
    let folded = source.fold_all(types, &values);
    let result = source.def(format!("bxor.i64 {folded}, {sum}"));
    source.end(&[result]);
}

fn many_values_give(types: &[Type], calls: bool, args: (i64, f64)) -> u64 {
    let bits = |at: usize| made_bits(types[at], at, args);
    let mut sum = 0u64;
    for _ in 0..3 {
        for at in (0..types.len()).step_by(types.len() / 9) {
            sum ^= bits(at);
            if calls {
                sum = sum.wrapping_mul(2).wrapping_add(1);
            }
        }
    }
    fold_all((0..types.len()).map(bits)) ^ sum
}

#[test]
fn hundreds_of_values_are_live_at_once() {
    let lists: &[(&str, Vec<Type>)] = &[
        ("some", cycle(&[I64, F64], 10)),
        ("ints", cycle(&[I64], 300)),
        ("floats", cycle(&[F64], 300)),
        // A frame of more than a page, and slots beyond 16 bits of distance from there.
        ("mixed", cycle(&[I32, F64, I64, F32, I8, I16], 700)),
        ("thousands", cycle(&[I64, F64], 2400)),
    ];
    let mut source = Source::default();
    let param = source.begin("twice", &[I64], &[I64]);
    let one = source.constant(I64, 1);
    let double = source.def(format!("iadd.i64 {0}, {0}", param[0]));
    let more = source.def(format!("iadd.i64 {double}, {one}"));
    source.end(&[more]);
    for (name, types) in lists {
        many_values(&mut source, name, types, false);
        many_values(&mut source, &format!("{name}_calls"), types, true);
    }
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (name, types) in lists {
            for (name, calls) in [(name.to_string(), false), (format!("{name}_calls"), true)] {
                for args in [(0, 0.0), (-12345, 0.5), (i64::MIN, -1024.25)] {
                    let got = instance.call(&name, &[Scalar::i64(args.0), Scalar::f64(args.1)]);
                    let expected = many_values_give(types, calls, args);
                    let expected = Ok(vec![Scalar::i64(expected as i64)]);
                    assert_eq!(got, expected, "{configuration}: {name}{args:?}");
                }
            }
        }
    });
}

/// Stack slots of several pages, in recursion: each call finds zeros, and its caller what it left.
#[test]
fn large_stack_slots_are_zeroed_at_entry_and_each_calls_own() {
    // Bytes, and an offset within.
    const SLOTS: &[(u32, u32)] = &[(4096, 4088), (8, 0), (70_000, 69_992), (12_288, 8)];
    let mut source = Source::default();
    source.line("export func @f(i64) -> i64 {");
    for (number, (bytes, _)) in SLOTS.iter().enumerate() {
        source.line(format!("    ss{number} = stack_slot {bytes}, align 16"));
    }
    let param = source.block(0, &[I64]);
    let mut seen = param[0].clone();
    for (number, (_, offset)) in SLOTS.iter().enumerate() {
        let word = source.def(format!("stack_load.i64 ss{number}+{offset}"));
        seen = source.def(format!("iadd.i64 {seen}, {word}"));
        source.line(format!(
            "    stack_store.i64 {}, ss{number}+{offset}",
            param[0]
        ));
    }
    source.line(format!("    brif {}, block1, block2({seen})", param[0]));
    source.block(1, &[]);
    let one = source.constant(I64, 1);
    let less = source.def(format!("isub.i64 {}, {one}", param[0]));
    let below = source.def(format!("call @f({less})"));
    let mut sum = source.def(format!("iadd.i64 {below}, {seen}"));
    for (number, (_, offset)) in SLOTS.iter().enumerate() {
        let word = source.def(format!("stack_load.i64 ss{number}+{offset}"));
        sum = source.def(format!("iadd.i64 {sum}, {word}"));
    }
    source.line(format!("    jump block2({sum})"));
    let result = source.block(2, &[I64]);
    source.end(&result);
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for depth in [0, 1, 7, 0] {
            let expected: i64 = (1..=depth).map(|n| n * (1 + SLOTS.len() as i64)).sum();
            let got = instance.call("f", &[Scalar::i64(depth)]);
            assert_eq!(
                got,
                Ok(vec![Scalar::i64(expected)]),
                "{configuration}: {depth}"
            );
        }
    });
}

//! Constants at the boundaries of every width, as either operand of every integer op, in branches and
//! selections, and wherever else a constant may stand, in every configuration.
//!
//! Results go into memory, a word each, so that a wrong one has a number.

mod common;

use bakeoff_backend::{Imports, Instance};
use bakeoff_ir::{IntCc, Op, Scalar, Type, semantics, sign_extend};

use common::source::{Source, fold_all};

use Type::{F32, F64, I8, I16, I32, I64};

const INTS: &[Type] = &[I8, I16, I32, I64];

/// The bits of a type's boundaries and of those of narrower ones.
fn boundaries(ty: Type) -> Vec<u64> {
    let mut all = vec![0, 1, 2, 0x55];
    for bits in [7, 8, 15, 16, 31, 32, 63] {
        let power = 1u64 << bits;
        for near in [power - 1, power] {
            all.extend([near, near.wrapping_neg()]);
        }
    }
    all.push(u64::MAX);
    all.iter_mut().for_each(|bits| *bits &= ty.mask());
    all.sort();
    all.dedup();
    all
}

/// Ops of two operands and one result.
const OPS: &[Op] = &[
    Op::Iadd,
    Op::Isub,
    Op::Imul,
    Op::Band,
    Op::Bor,
    Op::Bxor,
    Op::Ishl,
    Op::Ushr,
    Op::Sshr,
    Op::Rotl,
    Op::Rotr,
    Op::Smin,
    Op::Smax,
    Op::Umin,
    Op::Umax,
    Op::Smulhi,
    Op::Umulhi,
    Op::Sdiv,
    Op::Udiv,
    Op::Srem,
    Op::Urem,
];

/// The value of an op for these operands; none if it traps.
fn eval(op: Op, ty: Type, x: u8, a: u64, b: u64) -> Option<u64> {
    let outcome = semantics::eval(op, ty, ty, x, [a, b, 0]);
    outcome.unwrap().ok().map(|results| results[0])
}

/// Words of memory, and what they should be for each argument.
#[derive(Default)]
struct Words {
    expected: Vec<(String, Vec<Option<u64>>)>,
}

impl Words {
    /// Stores a value in the next word.
    fn store(&mut self, source: &mut Source, ty: Type, value: &str, what: String) {
        let at = source.constant(I32, 8 * self.expected.len() as u64);
        source.line(format!("    store.{ty} mem0, {value}, {at}"));
        self.expected.push((what, Vec::new()));
    }

    /// Whether memory holds what it should after a call with this argument.
    fn check(&self, instance: &mut Instance, configuration: &str, name: &str, arg: Scalar) {
        instance.memory_mut("mem0").unwrap().fill(0);
        let result = instance.call(name, &[arg]);
        assert_eq!(result, Ok(Vec::new()), "{configuration}: {name}({arg:?})");
        let memory = instance.memory("mem0").unwrap();
        let words = memory.chunks(8).zip(&self.expected);
        for (bytes, (what, expected)) in words {
            let got = u64::from_le_bytes(bytes.try_into().unwrap());
            let rank = boundaries(arg.ty())
                .iter()
                .position(|bits| *bits == arg.bits());
            if let Some(expected) = expected[rank.unwrap()] {
                assert_eq!(
                    got, expected,
                    "{configuration}: {what} of {arg:?}, {got:#x}"
                );
            }
        }
    }
}

const HEAD: &str = "memory mem0 = 1\nexport \"mem0\" = mem0";

/// Whether an op may be applied to these whatever the other operand is; where not, it is left out.
fn never_traps(op: Op, ty: Type, constant: u64, constant_first: bool) -> bool {
    match op {
        Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => {
            !constant_first && constant != 0 && constant != ty.mask()
        }
        _ => true,
    }
}

/// All uses of an op with one constant operand, in a function of the other.
fn function_of_op(source: &mut Source, op: Op, ty: Type) -> Words {
    let mut words = Words::default();
    let x = source.begin(&format!("{op}_{ty}"), &[ty], &[])[0].clone();
    for constant in boundaries(ty) {
        for constant_first in [false, true] {
            if !never_traps(op, ty, constant, constant_first) {
                continue;
            }
            let c = source.constant(ty, constant);
            let [a, b] = if constant_first { [&c, &x] } else { [&x, &c] };
            let value = source.def(format!("{op}.{ty} {a}, {b}"));
            let what = format!("{op}.{ty} with {constant:#x}, first: {constant_first}");
            words.store(source, ty, &value, what);
            let expected = boundaries(ty).into_iter().map(|x| {
                let [a, b] = if constant_first {
                    [constant, x]
                } else {
                    [x, constant]
                };
                eval(op, ty, 0, a, b)
            });
            words.expected.last_mut().unwrap().1 = expected.collect();
        }
    }
    source.line("    return\n}");
    words
}

#[test]
fn constants_of_every_width_in_arithmetic() {
    for ty in INTS {
        let mut source = Source::default();
        source.line(HEAD);
        let functions: Vec<(Op, Words)> = OPS
            .iter()
            .map(|op| (*op, function_of_op(&mut source, *op, *ty)))
            .collect();
        common::with_guard_pages(&source.text, |configuration, executable| {
            let mut instance = common::instantiate(executable, &Imports::new());
            for (op, words) in &functions {
                for bits in boundaries(*ty) {
                    let (name, arg) = (format!("{op}_{ty}"), Scalar::new(*ty, bits));
                    words.check(&mut instance, configuration, &name, arg);
                }
            }
        });
    }
}

/// What is made of a comparison.
#[derive(Clone, Copy, Debug)]
enum Use {
    Value,
    Branch,
    Select,
    FloatSelect,
}

/// All uses of a condition with one constant operand, in a function of the other.
fn function_of_condition(source: &mut Source, cc: IntCc, ty: Type, how: Use) -> Words {
    let mut words = Words::default();
    let x = source.begin(&format!("{how:?}_{cc}_{ty}"), &[ty], &[])[0].clone();
    let mut block = 0;
    for constant in boundaries(ty) {
        for constant_first in [false, true] {
            let c = source.constant(ty, constant);
            let result = if matches!(how, Use::FloatSelect) {
                F64
            } else {
                I64
            };
            let [yes, no] = [1, 0x4_0000_0002].map(|bits| source.constant(result, bits));
            let [a, b] = if constant_first { [&c, &x] } else { [&x, &c] };
            let truth = source.def(format!("icmp.{ty} {cc} {a}, {b}"));
            let (ty_stored, value) = match how {
                Use::Value => (I8, truth),
                Use::Select | Use::FloatSelect => (
                    result,
                    source.def(format!("select.{result} {truth}, {yes}, {no}")),
                ),
                Use::Branch => {
                    let [then, els, join] = [block + 1, block + 2, block + 3];
                    block += 3;
                    source.line(format!("    brif {truth}, block{then}, block{els}"));
                    for (number, value) in [(els, no), (then, yes)] {
                        source.block(number, &[]);
                        source.line(format!("    jump block{join}({value})"));
                    }
                    (I64, source.block(join, &[I64])[0].clone())
                }
            };
            let what = format!("{how:?} {cc}.{ty} with {constant:#x}, first: {constant_first}");
            words.store(source, ty_stored, &value, what);
            let expected = boundaries(ty).into_iter().map(|x| {
                let [a, b] = if constant_first {
                    [constant, x]
                } else {
                    [x, constant]
                };
                let holds = eval(Op::Icmp, ty, cc as u8, a, b)?;
                Some(match how {
                    Use::Value => holds,
                    _ if holds == 1 => 1,
                    _ => 0x4_0000_0002,
                })
            });
            words.expected.last_mut().unwrap().1 = expected.collect();
        }
    }
    source.line("    return\n}");
    words
}

#[test]
fn constants_of_every_width_in_comparisons() {
    for ty in INTS {
        let mut source = Source::default();
        source.line(HEAD);
        let mut functions = Vec::new();
        for how in [Use::Value, Use::Branch, Use::Select, Use::FloatSelect] {
            for cc in IntCc::ALL.iter().copied() {
                let words = function_of_condition(&mut source, cc, *ty, how);
                functions.push((format!("{how:?}_{cc}_{ty}"), words));
            }
        }
        common::with_guard_pages(&source.text, |configuration, executable| {
            let mut instance = common::instantiate(executable, &Imports::new());
            for (name, words) in &functions {
                for bits in boundaries(*ty) {
                    words.check(&mut instance, configuration, name, Scalar::new(*ty, bits));
                }
            }
        });
    }
}

/// Float constants: zeros of both signs, numbers, and what is none.
fn float_bits(ty: Type) -> Vec<u64> {
    let (one, infinity) = match ty {
        F32 => (
            u64::from(1f32.to_bits()),
            u64::from(f32::INFINITY.to_bits()),
        ),
        _ => (1f64.to_bits(), f64::INFINITY.to_bits()),
    };
    let sign = ty.mask() - (ty.mask() >> 1);
    vec![
        0,
        sign,
        1,
        one,
        one | sign,
        infinity,
        infinity | sign,
        infinity - 1,
        infinity + 5,
    ]
}

/// Constants as what is stored, passed to functions and blocks, selected and returned.
#[test]
fn constants_wherever_they_may_stand() {
    let mut source = Source::default();
    source.line(HEAD);
    let mut functions = Vec::new();
    for ty in [I8, I16, I32, I64, F32, F64] {
        let mut words = Words::default();
        let same = source.begin(&format!("same_{ty}"), &[ty], &[ty]);
        source.end(&same);
        let constants = if ty.is_int() {
            boundaries(ty)
        } else {
            float_bits(ty)
        };
        let flag = source.begin(&format!("stored_{ty}"), &[I8], &[])[0].clone();
        for (block, bits) in (1..).zip(&constants) {
            let [one, other] = [*bits, constants[0]].map(|bits| source.constant(ty, bits));
            let passed = source.def(format!("call @same_{ty}({one})"));
            let selected = source.def(format!("select.{ty} {flag}, {one}, {other}"));
            let forth = format!("block{block}({one})");
            source.line(format!("    brif {flag}, {forth}, block{block}({other})"));
            let branched = source.block(block, &[ty])[0].clone();
            let uses = [
                (&one, *bits),
                (&passed, *bits),
                (&selected, 0),
                (&branched, 0),
            ];
            for (number, (value, fixed)) in uses.into_iter().enumerate() {
                let what = format!("{ty} {bits:#x}, use {number}");
                words.store(&mut source, ty, value, what);
                let expected = |flag: u64| match number < 2 {
                    true => Some(fixed),
                    false => Some(if flag != 0 { *bits } else { constants[0] }),
                };
                words.expected.last_mut().unwrap().1 =
                    boundaries(I8).into_iter().map(expected).collect();
            }
        }
        source.line("    return\n}");
        source.begin(&format!("returned_{ty}"), &[], &vec![ty; constants.len()]);
        let values: Vec<String> = constants
            .iter()
            .map(|bits| source.constant(ty, *bits))
            .collect();
        source.end(&values);
        functions.push((ty, constants, words));
    }
    common::with_guard_pages(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (ty, constants, words) in &functions {
            for bits in boundaries(I8) {
                let arg = Scalar::new(I8, bits);
                words.check(&mut instance, configuration, &format!("stored_{ty}"), arg);
            }
            let got = instance.call(&format!("returned_{ty}"), &[]);
            let expected = constants
                .iter()
                .map(|bits| Scalar::new(*ty, *bits))
                .collect();
            assert_eq!(got, Ok(expected), "{configuration}: {ty}");
        }
    });
}

/// Both operands constant, so that nothing is in a register.
#[test]
fn both_operands_are_constants() {
    let pairs = |ty: Type| {
        let picked: Vec<u64> = boundaries(ty).into_iter().step_by(3).collect();
        let pairs = picked.iter().flat_map(|a| picked.iter().map(|b| (*a, *b)));
        pairs.collect::<Vec<_>>()
    };
    let fits = |op: Op, ty: Type, (a, b)| match op {
        Op::Sdiv | Op::Srem => sign_extend(ty, b) > 0,
        _ => eval(op, ty, 0, a, b).is_some(),
    };
    let mut source = Source::default();
    for ty in INTS {
        for op in OPS {
            source.begin(&format!("{op}_{ty}"), &[], &[I64]);
            let all = pairs(*ty).into_iter().filter(|pair| fits(*op, *ty, *pair));
            let values: Vec<String> = all
                .map(|(a, b)| {
                    let [a, b] = [a, b].map(|bits| source.constant(*ty, bits));
                    source.def(format!("{op}.{ty} {a}, {b}"))
                })
                .collect();
            let sum = source.fold_all(&vec![*ty; values.len()], &values);
            source.end(&[sum]);
        }
    }
    common::with_guard_pages(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for ty in INTS {
            for op in OPS {
                let all = pairs(*ty).into_iter().filter(|pair| fits(*op, *ty, *pair));
                let expected = fold_all(all.map(|(a, b)| eval(*op, *ty, 0, a, b).unwrap()));
                let got = instance.call(&format!("{op}_{ty}"), &[]);
                let expected = Ok(vec![Scalar::i64(expected as i64)]);
                assert_eq!(got, expected, "{configuration}: {op}.{ty}");
            }
        }
    });
}

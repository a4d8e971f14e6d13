//! Truths of comparisons, which are bytes, wherever a value may stand, in every configuration: all
//! comparisons, while twenty other values and all their truths live.

mod common;

use bakeoff_backend::Imports;
use bakeoff_ir::{FloatCc, IntCc, Op, Scalar, Type, semantics};

use common::crowd::{INTS, crowd, crowd_bits, crowd_types, pairs};
use common::source::{Source, fold, fold_all, sample};

use Type::{F64, I8, I16, I32, I64};

/// Something that two truths are used for, as code and as bits.
struct Position {
    name: &'static str,
    /// Writes it; the number is that of the first of three blocks that it may have.
    write: fn(&mut Source, [&str; 2], usize) -> (Type, String),
    bits: fn([u64; 2]) -> u64,
}

/// A value of two bytes that a truth replaces one of, in memory of some sort.
fn in_memory(source: &mut Source, store: [String; 2], load: &str) -> (Type, String) {
    for store in store {
        source.line(format!("    {store}"));
    }
    (I16, source.def(load))
}

const POSITIONS: &[Position] = &[
    Position {
        name: "stored",
        write: |source, [c, _], _| {
            let at = source.constant(I32, 4093);
            let ones = source.constant(I16, 0xffff);
            let stores = [("i16", &ones[..]), ("i8", c)];
            let stores = stores.map(|(ty, value)| format!("store.{ty} mem0, {value}, {at}+2"));
            in_memory(source, stores, &format!("load.i16 mem0, {at}+2"))
        },
        bits: |[c, _]| 0xff00 | c,
    },
    Position {
        name: "stored to the stack",
        write: |source, [c, _], _| {
            let ones = source.constant(I16, 0xffff);
            let stores = [("i16", 4, &ones[..]), ("i8", 5, c)];
            let stores =
                stores.map(|(ty, at, value)| format!("stack_store.{ty} {value}, ss0+{at}"));
            in_memory(source, stores, "stack_load.i16 ss0+4")
        },
        bits: |[c, _]| 0xff | c << 8,
    },
    Position {
        name: "global",
        write: |source, [c, d], _| {
            source.line(format!("    global_set.i8 global0, {c}"));
            source.line(format!("    global_set.i8 global1, {d}"));
            (I8, source.def("global_get.i8 global0"))
        },
        bits: |[c, _]| c,
    },
    Position {
        name: "subtracted",
        write: |source, [c, d], _| (I8, source.def(format!("isub.i8 {c}, {d}"))),
        bits: |[c, d]| c.wrapping_sub(d) & 0xff,
    },
    Position {
        name: "widened to 16 bits",
        write: |source, [c, d], _| {
            let c = source.def(format!("uextend.i16.i8 {c}"));
            let d = source.def(format!("sextend.i16.i8 {d}"));
            (I16, source.def(format!("isub.i16 {c}, {d}")))
        },
        bits: |[c, d]| c.wrapping_sub(d) & 0xffff,
    },
    Position {
        name: "widened and shifted",
        write: |source, [c, d], _| {
            let three = source.constant(I64, 3);
            let [c, d] = [c, d].map(|name| source.def(format!("uextend.i64.i8 {name}")));
            let shifted = source.def(format!("ishl.i64 {c}, {three}"));
            (I64, source.def(format!("iadd.i64 {d}, {shifted}")))
        },
        bits: |[c, d]| d + (c << 3),
    },
    Position {
        name: "shifted",
        write: |source, [c, d], _| (I8, source.def(format!("rotr.i8 {c}, {d}"))),
        bits: |[c, d]| if d == 1 { c << 7 } else { c },
    },
    Position {
        name: "multiplied",
        write: |source, [c, d], _| {
            let many = source.constant(I8, 0x80);
            let d = source.def(format!("bor.i8 {d}, {many}"));
            let results = source.names(2).join(", ");
            source.line(format!("    {results} = smul_overflow.i8 {d}, {d}"));
            let overflow = results.split(", ").nth(1).unwrap();
            (I8, source.def(format!("bxor.i8 {overflow}, {c}")))
        },
        bits: |[c, _]| c ^ 1,
    },
    Position {
        name: "selects and is selected",
        write: |source, [c, d], _| (I8, source.def(format!("select.i8 {d}, {c}, {d}"))),
        bits: |[c, d]| c & d,
    },
    Position {
        name: "compared",
        write: |source, [c, d], _| (I8, source.def(format!("icmp.i8 slt {c}, {d}"))),
        bits: |[c, d]| u64::from(c < d),
    },
    Position {
        name: "inverted",
        write: |source, [c, _], _| {
            let zero = source.constant(I8, 0);
            (I8, source.def(format!("icmp.i8 eq {c}, {zero}")))
        },
        bits: |[c, _]| c ^ 1,
    },
    Position {
        name: "passed",
        write: |source, [c, d], _| (I16, source.def(format!("call @pass({c}, {d})"))),
        bits: |[c, d]| c << 8 | d,
    },
    Position {
        name: "passed to a block",
        write: |source, [c, d], block| {
            source.line(format!(
                "    brif {c}, block{block}({d}), block{block}({c})"
            ));
            (I8, source.block(block, &[I8])[0].clone())
        },
        bits: |[c, d]| c & d,
    },
    Position {
        name: "in a table of branches",
        write: |source, [c, d], block| {
            let [one, join] = [block + 1, block + 2];
            let index = source.def(format!("uextend.i32.i8 {c}"));
            source.line(format!(
                "    br_table {index}, [block{join}({d}), block{one}], block{block}"
            ));
            source.block(block, &[]);
            source.line("    trap unreachable");
            source.block(one, &[]);
            let seven = source.constant(I8, 7);
            source.line(format!("    jump block{join}({seven})"));
            (I8, source.block(join, &[I8])[0].clone())
        },
        bits: |[c, d]| if c == 1 { 7 } else { d },
    },
];

/// A comparison.
#[derive(Clone, Copy, Debug)]
enum Comparison {
    Int(IntCc),
    Float(FloatCc),
}

impl Comparison {
    fn all() -> Vec<Comparison> {
        let ints = IntCc::ALL.iter().map(|cc| Comparison::Int(*cc));
        let floats = FloatCc::ALL.iter().map(|cc| Comparison::Float(*cc));
        ints.chain(floats).collect()
    }

    /// Of the first two arguments, or of the floats behind them.
    fn write(self, source: &mut Source, ty: Type, args: &[String]) -> String {
        source.def(match self {
            Comparison::Int(cc) => format!("icmp.{ty} {cc} {}, {}", args[0], args[1]),
            Comparison::Float(cc) => format!("fcmp.f64 {cc} {}, {}", args[2], args[3]),
        })
    }

    fn bits(self, ty: Type, args: &[u64]) -> u64 {
        let results = match self {
            Comparison::Int(cc) => {
                semantics::eval(Op::Icmp, ty, ty, cc as u8, [args[0], args[1], 0])
            }
            Comparison::Float(cc) => {
                semantics::eval(Op::Fcmp, F64, F64, cc as u8, [args[2], args[3], 0])
            }
        };
        results.unwrap().unwrap()[0]
    }
}

/// The other truth that stands in a position together with this one of so many.
fn other(number: usize, count: usize) -> usize {
    (number * 5 + 2) % count
}

/// A position with all comparisons: with truths that exist already, or with fresh ones.
#[derive(Clone, Copy)]
struct Shape {
    ty: Type,
    position: &'static Position,
    fresh: bool,
}

impl Shape {
    fn all() -> Vec<Shape> {
        let mut all = Vec::new();
        for ty in INTS {
            for position in POSITIONS {
                all.extend([false, true].map(|fresh| Shape {
                    ty,
                    position,
                    fresh,
                }));
            }
        }
        all
    }

    fn write(&self, source: &mut Source, name: &str) {
        let ty = self.ty;
        let types = [ty, ty, F64, F64, I64];
        let list = common::source::list(&types);
        source.line(format!("export func @{name}({list}) -> (i8, i64, i8) {{"));
        source.line("    ss0 = stack_slot 8, align 8");
        let args = source.block(0, &types);
        let crowd = crowd(source, &args[4]);
        let comparisons = Comparison::all();
        let truths: Vec<String> = comparisons
            .iter()
            .map(|comparison| comparison.write(source, ty, &args))
            .collect();
        let mut sum = source.constant(I64, 0);
        for (number, comparison) in comparisons.iter().enumerate() {
            let truth = match self.fresh {
                true => comparison.write(source, ty, &args),
                false => truths[number].clone(),
            };
            let both = [&truth, &truths[other(number, truths.len())]];
            let (ty, value) =
                (self.position.write)(source, both.map(|name| &name[..]), 3 * number + 1);
            let bits = source.bits(ty, &value);
            sum = source.fold_all(&[I64; 2], &[sum, bits]);
        }
        let last = truths.len() - 1;
        let types = [&[I64][..], &crowd_types(), &vec![I8; truths.len()]].concat();
        let all = [&[sum][..], &crowd, &truths].concat();
        let result = source.fold_all(&types, &all);
        source.end(&[truths[1].clone(), result, truths[last].clone()]);
    }

    fn expected(&self, args: &[u64]) -> Vec<u64> {
        let truths: Vec<u64> = Comparison::all()
            .iter()
            .map(|comparison| comparison.bits(self.ty, args))
            .collect();
        let bits = truths.iter().enumerate().map(|(number, truth)| {
            let other = truths[other(number, truths.len())];
            (self.position.bits)([*truth, other])
        });
        let sum = bits.fold(0, fold);
        let all = [&[sum][..], &crowd_bits(args[4]), &truths].concat();
        vec![truths[1], fold_all(all), truths[truths.len() - 1]]
    }
}

/// Functions and globals that positions make use of.
fn write_surroundings(source: &mut Source) {
    source.line("memory mem0 = 1\nglobal global0: i8 mut = 77\nglobal global1: i8 mut = -1");
    let params = source.begin("pass", &[I8; 2], &[I16]);
    let [c, d] = [0, 1].map(|at| source.def(format!("uextend.i16.i8 {}", params[at])));
    let eight = source.constant(I16, 8);
    let shifted = source.def(format!("ishl.i16 {c}, {eight}"));
    let both = source.def(format!("bor.i16 {d}, {shifted}"));
    source.end(&[both]);
}

#[test]
fn truths_in_all_positions() {
    let mut source = Source::default();
    write_surroundings(&mut source);
    let shapes = Shape::all();
    for (number, shape) in shapes.iter().enumerate() {
        shape.write(&mut source, &format!("f{number}"));
    }
    let floats = [
        [1.0, 2.0],
        [2.0, 1.0],
        [0.0, -0.0],
        [f64::NAN, 1.0],
        [f64::INFINITY; 2],
    ];
    common::for_both_processors(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (number, shape) in shapes.iter().enumerate() {
            let ty = shape.ty;
            for (round, pair) in pairs(ty).into_iter().chain([[5, 5]]).enumerate() {
                let floats = floats[round % floats.len()].map(f64::to_bits);
                let bits = [pair[0], pair[1], floats[0], floats[1], sample(I64, round)];
                let types = [ty, ty, F64, F64, I64].into_iter().zip(bits);
                let args: Vec<Scalar> = types.map(|(ty, bits)| Scalar::new(ty, bits)).collect();
                let got = common::call_bits(&mut instance, &format!("f{number}"), &args);
                let (name, fresh) = (shape.position.name, shape.fresh);
                assert_eq!(
                    got,
                    Ok(shape.expected(&bits)),
                    "{configuration}: {name}, {ty}, fresh: {fresh}, {args:?}"
                );
            }
        }
    });
}

//! Instructions that insist on registers while every register is taken, in every configuration:
//! division, high halves and overflow of products, and shifts, whose operands stand in each of the
//! registers of arguments, or among twenty other values that live before and after.

mod common;

use bakeoff_backend::{Imports, Instance};
use bakeoff_ir::{Op, Scalar, TrapCode, Type, semantics};

use common::crowd::{INTS, PERIOD, crowd, crowd_bits, crowd_types, least, pairs};
use common::source::{FUNCTIONS, Source, fold, fold_all, sample};

use Type::{I8, I64};

const OPS: &[Op] = &[
    Op::Sdiv,
    Op::Udiv,
    Op::Srem,
    Op::Urem,
    Op::Smulhi,
    Op::Umulhi,
    Op::SmulOverflow,
    Op::UmulOverflow,
    Op::Ishl,
    Op::Ushr,
    Op::Sshr,
    Op::Rotl,
    Op::Rotr,
];

/// The types of an op's results.
fn result_types(op: Op, ty: Type) -> Vec<Type> {
    match op {
        Op::SmulOverflow | Op::UmulOverflow => vec![ty, I8],
        _ => vec![ty],
    }
}

/// Applies an op; yields the names of its results.
fn apply(source: &mut Source, op: Op, ty: Type, [x, y]: [&str; 2]) -> Vec<String> {
    let results = source.names(result_types(op, ty).len());
    source.line(format!("    {} = {op}.{ty} {x}, {y}", results.join(", ")));
    results
}

/// The bits of an op's results, or its trap.
fn eval(op: Op, ty: Type, [x, y]: [u64; 2]) -> Result<Vec<u64>, TrapCode> {
    let results = semantics::eval(op, ty, ty, 0, [x, y, 0]).unwrap()?;
    Ok(results[..result_types(op, ty).len()].to_vec())
}

// ---- Each register of an argument ----------------------------------------------------------------

/// How many arguments come in registers, at most, in any of our conventions.
const ARGS: usize = 8;

/// An op of two of the arguments, while the others and some sums of them live on.
#[derive(Clone, Copy, Debug)]
struct OfArgs {
    op: Op,
    ty: Type,
    operands: [usize; 2],
    /// How many other values there are.
    others: usize,
    /// Whether the operands live on, too.
    kept: bool,
}

impl OfArgs {
    /// Every other pair of operands lives on, and every op has both kinds.
    fn all(ty: Type) -> Vec<OfArgs> {
        let mut all = Vec::new();
        for (rank, op) in OPS.iter().copied().enumerate() {
            for number in 0..ARGS * ARGS {
                let operands = [number / ARGS, number % ARGS];
                let kept = (operands[0] + operands[1] + rank).is_multiple_of(2);
                // Together with the arguments fewer than there are registers, as many, and more.
                let others = [0, 4, 7][number % 3];
                all.push(OfArgs {
                    op,
                    ty,
                    operands,
                    others,
                    kept,
                });
            }
        }
        all
    }

    /// The arguments that live on.
    fn returned(&self) -> impl Iterator<Item = usize> {
        (0..ARGS).filter(|arg| self.kept || !self.operands.contains(arg))
    }

    fn write(&self, source: &mut Source, name: &str) {
        let ty = self.ty;
        let mut types = result_types(self.op, ty);
        types.extend(vec![ty; self.others + self.returned().count()]);
        let args = source.begin(name, &[ty; ARGS], &types);
        let others: Vec<String> = (0..self.others)
            .map(|n| source.def(format!("bxor.{ty} {}, {}", args[n], args[n + 1])))
            .collect();
        let operands = self.operands.map(|arg| &args[arg][..]);
        let mut values = apply(source, self.op, ty, operands);
        values.extend(others);
        values.extend(self.returned().map(|arg| args[arg].clone()));
        source.end(&values);
    }

    fn check(&self, instance: &mut Instance, name: &str, pair: [u64; 2]) -> Result<(), String> {
        let mut args: Vec<u64> = (0..ARGS).map(|n| sample(self.ty, n)).collect();
        for (arg, bits) in self.operands.into_iter().zip(pair) {
            args[arg] = bits;
        }
        let expected = eval(self.op, self.ty, self.operands.map(|arg| args[arg])).map(|mut all| {
            all.extend((0..self.others).map(|n| args[n] ^ args[n + 1]));
            all.extend(self.returned().map(|arg| args[arg]));
            all
        });
        let scalars: Vec<Scalar> = args.iter().map(|n| Scalar::new(self.ty, *n)).collect();
        let got = common::call_bits(instance, name, &scalars);
        match got == expected {
            true => Ok(()),
            false => Err(format!("{got:x?}, not {expected:x?}")),
        }
    }
}

/// Each with some of the pairs.
fn check_of_args(shapes: &[OfArgs]) {
    let mut source = Source::default();
    for (number, shape) in shapes.iter().enumerate() {
        shape.write(&mut source, &format!("f{number}"));
    }
    common::for_both_processors(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (number, shape) in shapes.iter().enumerate() {
            for pair in pairs(shape.ty).into_iter().skip(number % 4).step_by(4) {
                let result = shape.check(&mut instance, &format!("f{number}"), pair);
                assert_eq!(result, Ok(()), "{configuration}: {shape:?} of {pair:x?}");
            }
        }
    });
}

#[test]
fn operands_in_each_register_of_an_argument() {
    for ty in INTS {
        for shapes in OfArgs::all(ty).chunks(FUNCTIONS) {
            check_of_args(shapes);
        }
    }
}

// ---- In a crowd ----------------------------------------------------------------------------------

const ROUNDS: usize = 3;

/// A function that has a use for every register.
fn write_clobber(source: &mut Source) {
    let param = source.begin("clobber", &[I64], &[I64])[0].clone();
    let values = crowd(source, &param);
    let sum = source.fold_all(&crowd_types(), &values);
    source.end(&[sum]);
}

/// Where an argument stands that is an operand, and whether it lives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stand {
    /// Where it came in; it lives on.
    Early,
    /// As a copy made before everything else, which ends.
    EarlyLast,
    /// As a copy made just before, which lives on.
    Late,
    /// As a copy made just before, which ends.
    LateLast,
}

const STANDS: [Stand; 4] = [Stand::Early, Stand::EarlyLast, Stand::Late, Stand::LateLast];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operand {
    /// The first argument or the second one.
    Arg(usize, Stand),
    /// The same value as the other operand.
    Same,
    Constant(u64),
}

/// Uses of an op in one function, one after the other, while a crowd lives.
#[derive(Clone, Debug)]
struct Crowded {
    op: Op,
    ty: Type,
    uses: Vec<[Operand; 2]>,
    /// In a loop whose parameters all values are.
    in_loop: bool,
    /// After calls.
    calls: bool,
}

/// Lists of uses. Those that trap for different arguments are different lists.
fn lists_of_uses(op: Op, ty: Type) -> Vec<Vec<[Operand; 2]>> {
    use Operand::{Arg, Constant, Same};
    let both = |x| STANDS.map(|y| [Arg(0, x), Arg(1, y)]);
    let min = least(ty);
    let constants = [1, 2, 3, 7, 10, 16, min >> 1, min - 1, min, min + 1];
    let negative = [3u64, 10, 16].map(u64::wrapping_neg);
    let constants: Vec<u64> = constants.into_iter().chain(negative).collect();
    let fixed = |at: usize| Constant(constants[at] & ty.mask());
    let stand = |at: usize| STANDS[at % STANDS.len()];
    let mut lists = vec![
        STANDS.into_iter().flat_map(both).collect(),
        STANDS.map(|x| [Arg(0, x), Same]).to_vec(),
        (0..constants.len())
            .map(|n| [Arg(0, stand(n)), fixed(n)])
            .collect(),
        (0..constants.len())
            .map(|n| [fixed(n), Arg(1, stand(n))])
            .collect(),
        STANDS.map(|x| [Arg(0, x), Constant(ty.mask())]).to_vec(),
    ];
    if !matches!(op, Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem) {
        lists.push(STANDS.map(|x| [Arg(0, x), Constant(0)]).to_vec());
    }
    lists
}

/// The names of what a function in a crowd has to do with.
struct Live {
    /// The operands, and a zero.
    args: [String; 3],
    copies: Vec<String>,
    crowd: Vec<String>,
}

impl Live {
    fn all(&self) -> Vec<String> {
        [&self.args[..], &self.copies, &self.crowd].concat()
    }
}

impl Crowded {
    /// The operands that are copied at the beginning.
    fn copied(&self) -> impl Iterator<Item = usize> {
        let operands = self.uses.iter().flatten();
        operands.filter_map(|operand| match operand {
            Operand::Arg(arg, Stand::EarlyLast) => Some(*arg),
            _ => None,
        })
    }

    /// An argument plus zero.
    fn copy(&self, source: &mut Source, args: &[String; 3], arg: usize) -> String {
        source.def(format!("iadd.{} {}, {}", self.ty, args[arg], args[2]))
    }

    fn copies(&self, source: &mut Source, args: &[String; 3]) -> Vec<String> {
        self.copied()
            .map(|arg| self.copy(source, args, arg))
            .collect()
    }

    fn write(&self, source: &mut Source, name: &str) {
        let ty = self.ty;
        let params = source.begin(name, &[ty, ty, ty, I64], &[I64]);
        let [a, b, zero, seed] = params.try_into().unwrap();
        let args = [a, b, zero];
        let copies = self.copies(source, &args);
        let crowd = crowd(source, &seed);
        let mut live = Live {
            args,
            copies,
            crowd,
        };
        let sum = match self.in_loop {
            true => self.write_loop(source, &mut live),
            false => self.write_uses(source, &live),
        };
        let [a, b, _] = live.args;
        let types = [&[I64][..], &crowd_types(), &[ty; 2]].concat();
        let all = [&[sum][..], &live.crowd, &[a, b]].concat();
        let result = source.fold_all(&types, &all);
        source.end(&[result]);
    }

    /// The uses, some times over; what lives is in the parameters of the last time then.
    fn write_loop(&self, source: &mut Source, live: &mut Live) -> String {
        let [zero, rounds] = [0, ROUNDS as u64].map(|bits| source.constant(I64, bits));
        let before = live.all().join(", ");
        source.line(format!("    jump block1({rounds}, {zero}, {before})"));
        let copies = live.copies.len();
        let types = [&[I64; 2][..], &vec![self.ty; 3 + copies], &crowd_types()].concat();
        let params = source.block(1, &types);
        let (head, rest) = params.split_at(5);
        live.args = [2, 3, 4].map(|at| head[at].clone());
        let (copies, crowd) = rest.split_at(copies);
        (live.copies, live.crowd) = (copies.to_vec(), crowd.to_vec());
        let sum = self.write_uses(source, live);
        let sum = source.fold_all(&[I64; 2], &[head[1].clone(), sum]);
        let one = source.constant(I64, 1);
        let left = source.def(format!("isub.i64 {}, {one}", head[0]));
        let mut next = Live {
            args: live.args.clone(),
            copies: self.copies(source, &live.args),
            crowd: live.crowd.clone(),
        };
        next.crowd.rotate_left(PERIOD);
        let next = next.all().join(", ");
        source.line(format!(
            "    brif {left}, block1({left}, {sum}, {next}), block2"
        ));
        source.block(2, &[]);
        sum
    }

    /// The uses, and a sum over their results and the copies that live on.
    fn write_uses(&self, source: &mut Source, live: &Live) -> String {
        let mut copies = live.copies.iter();
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for (number, operands) in self.uses.iter().enumerate() {
            if self.calls && number % 4 == 0 {
                types.push(I64);
                values.push(source.def(format!("call @clobber({})", live.crowd[0])));
            }
            let mut names: Vec<String> = Vec::new();
            for operand in operands {
                names.push(match *operand {
                    Operand::Arg(arg, Stand::Early) => live.args[arg].clone(),
                    Operand::Arg(_, Stand::EarlyLast) => copies.next().unwrap().clone(),
                    Operand::Arg(arg, _) => self.copy(source, &live.args, arg),
                    Operand::Same => names[0].clone(),
                    Operand::Constant(bits) => source.constant(self.ty, bits),
                });
            }
            types.extend(result_types(self.op, self.ty));
            values.extend(apply(source, self.op, self.ty, [&names[0], &names[1]]));
            for (operand, name) in operands.iter().zip(names) {
                if matches!(operand, Operand::Arg(_, Stand::Late)) {
                    types.push(self.ty);
                    values.push(name);
                }
            }
        }
        source.fold_all(&types, &values)
    }

    fn expected_of_uses(&self, pair: [u64; 2], first: u64) -> Result<u64, TrapCode> {
        let mut values = Vec::new();
        for (number, operands) in self.uses.iter().enumerate() {
            if self.calls && number % 4 == 0 {
                values.push(fold_all(crowd_bits(first)));
            }
            let mut bits = Vec::new();
            for operand in operands {
                bits.push(match *operand {
                    Operand::Arg(arg, _) => pair[arg],
                    Operand::Same => bits[0],
                    Operand::Constant(bits) => bits,
                });
            }
            values.extend(eval(self.op, self.ty, [bits[0], bits[1]])?);
            for (operand, bits) in operands.iter().zip(bits) {
                if matches!(operand, Operand::Arg(_, Stand::Late)) {
                    values.push(bits);
                }
            }
        }
        Ok(fold_all(values))
    }

    fn expected(&self, pair: [u64; 2], seed: u64) -> Result<Vec<u64>, TrapCode> {
        let mut crowd = crowd_bits(seed);
        let mut sum = fold(0, self.expected_of_uses(pair, crowd[0])?);
        for _ in 1..if self.in_loop { ROUNDS } else { 1 } {
            crowd.rotate_left(PERIOD);
            sum = fold(sum, self.expected_of_uses(pair, crowd[0])?);
        }
        let all = [sum].into_iter().chain(crowd).chain(pair);
        Ok(vec![fold_all(all)])
    }
}

#[test]
fn operands_in_a_crowd() {
    for ty in INTS {
        let mut source = Source::default();
        write_clobber(&mut source);
        let mut all = Vec::new();
        for op in OPS.iter().copied() {
            for uses in lists_of_uses(op, ty) {
                // In a loop every other list has calls, too.
                let even = all.len().is_multiple_of(2);
                for (in_loop, calls) in [(false, false), (false, true), (true, even)] {
                    let uses = uses.clone();
                    let shape = Crowded {
                        op,
                        ty,
                        uses,
                        in_loop,
                        calls,
                    };
                    shape.write(&mut source, &format!("f{}", all.len()));
                    all.push(shape);
                }
            }
        }
        common::for_both_processors(&source.text, |configuration, executable| {
            let mut instance = common::instantiate(executable, &Imports::new());
            for (number, shape) in all.iter().enumerate() {
                for (seed, pair) in (1 << 40..).zip(pairs(ty)) {
                    let args = [pair[0], pair[1], 0].map(|bits| Scalar::new(ty, bits));
                    let args = [&args[..], &[Scalar::i64(seed as i64)]].concat();
                    let got = common::call_bits(&mut instance, &format!("f{number}"), &args);
                    let expected = shape.expected(pair, seed);
                    assert_eq!(got, expected, "{configuration}: {shape:?} of {pair:x?}");
                }
            }
        });
    }
}

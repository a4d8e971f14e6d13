//! Families of modules, each of which grows in one dimension.
//!
//! Every module exports [`ENTRY`], `(i32) -> i32`, which runs for a time in proportion to its size at most, and gives
//! the same small number on every backend. No module is one that a compiler can make much smaller: values depend on
//! the argument, and all of them on the result.

use bakeoff_ir::{
    Block, Export, ExportItem, Func, FuncKind, FunctionBuilder, IntCc, Module, Op, Sig, Signature,
    Type, Value,
};

/// The exported function.
pub const ENTRY: &str = "run";

/// What it is to be called with.
pub const ARGUMENT: i32 = 5;

/// Modules that grow in one dimension.
pub struct Family {
    /// What grows.
    pub name: &'static str,
    /// What a module of size `n` is.
    pub about: &'static str,
    /// Sizes, ascending, each twice the one before; the last one is 64 times the first.
    pub sizes: &'static [u64],
    /// The module of a size. It verifies.
    pub module: fn(u64) -> Module,
}

/// Seven sizes from one on.
const fn sizes(first: u64) -> [u64; 7] {
    let mut sizes = [first; 7];
    let mut index = 1;
    while index < sizes.len() {
        sizes[index] = 2 * sizes[index - 1];
        index += 1;
    }
    sizes
}

/// All families.
#[rustfmt::skip]
pub const FAMILIES: &[Family] = &[
    Family { name: "instructions", about: "one block of n instructions", sizes: &sizes(128), module: instructions },
    Family { name: "blocks", about: "n branches one after the other, each over a block, with six instructions each", sizes: &sizes(16), module: blocks },
    Family { name: "live values", about: "n values that are all live at once, made and then used: 2n instructions", sizes: &sizes(16), module: live_values },
    Family { name: "block parameters", about: "a loop whose header has n parameters, each computed from two of them", sizes: &sizes(8), module: block_parameters },
    Family { name: "loop depth", about: "n loops, each in the one before, with six instructions each", sizes: &sizes(2), module: loop_depth },
    Family { name: "calls", about: "n calls one after the other, with two instructions each", sizes: &sizes(16), module: calls },
    Family { name: "switch arms", about: "a branch to n blocks by a table, with two instructions each", sizes: &sizes(16), module: switch_arms },
    Family { name: "constants", about: "n constants of 64 bits, no two alike, with two instructions each", sizes: &sizes(64), module: constants },
    Family { name: "functions", about: "n functions of five instructions, each calling the one before", sizes: &sizes(16), module: functions },
];

/// A module in which [`ENTRY`] is to be made, after functions that `before` has.
fn module_with(before: usize, build: impl FnOnce(&mut FunctionBuilder<'_>, Value)) -> Module {
    let mut module = Module::new();
    let sig = signature(&mut module);
    for index in 0..before {
        let func = module.push_func(format!("f{index}"), sig, FuncKind::Declared);
        define(&mut module, func, sig, |b, argument| {
            let result = match index.checked_sub(1) {
                // The first one alone calls nobody.
                None => b.unary(Op::Bnot, Type::I32, argument),
                Some(callee) => {
                    let more = with_constant(b, Op::Iadd, argument, 1);
                    let called = b.call(Func::from_index(callee), &[more]).next();
                    with_constant(b, Op::Bxor, called.unwrap_or(more), 3)
                }
            };
            b.ret(&[result]);
        });
    }
    let entry = module.push_func(ENTRY, sig, FuncKind::Declared);
    module.exports.push(Export {
        name: ENTRY.to_string(),
        item: ExportItem::Func(entry),
    });
    define(&mut module, entry, sig, build);
    module
}

fn signature(module: &mut Module) -> Sig {
    module.intern_sig(Signature {
        params: vec![Type::I32],
        results: vec![Type::I32],
    })
}

fn define(
    module: &mut Module,
    func: Func,
    sig: Sig,
    build: impl FnOnce(&mut FunctionBuilder<'_>, Value),
) {
    let mut builder = FunctionBuilder::new(module, sig);
    let entry = builder.entry();
    builder.switch_to(entry);
    let argument = builder.params(entry)[0];
    build(&mut builder, argument);
    match builder.finish() {
        Ok(body) => module.define(func, body),
        Err(error) => unreachable!("every block is filled: {error}"),
    }
}

fn with_constant(b: &mut FunctionBuilder<'_>, op: Op, value: Value, constant: i64) -> Value {
    let constant = b.iconst(Type::I32, constant);
    b.binary(op, Type::I32, value, constant)
}

/// Returns the low bits of a value.
fn ret_small(b: &mut FunctionBuilder<'_>, value: Value) {
    let small = with_constant(b, Op::Band, value, 0xff);
    b.ret(&[small]);
}

fn instructions(n: u64) -> Module {
    module_with(0, |b, argument| {
        // No two steps of four can be made one.
        const OPS: [Op; 4] = [Op::Imul, Op::Bxor, Op::Iadd, Op::Rotl];
        let [mut before, mut last] = [argument; 2];
        for index in 0..n {
            let next = b.binary(OPS[index as usize % 4], Type::I32, last, before);
            (before, last) = (last, next);
        }
        ret_small(b, last);
    })
}

fn blocks(n: u64) -> Module {
    module_with(0, |b, argument| {
        let mut value = argument;
        for index in 0..n {
            let [over, next] = [b.create_block(), b.create_block()];
            let joined = b.append_param(next, Type::I32);
            let limit = b.iconst(Type::I32, index as i64);
            let is_less = b.icmp(IntCc::Slt, Type::I32, value, limit);
            b.brif(is_less, over, &[], next, &[value]);
            b.switch_to(over);
            let product = b.binary(Op::Imul, Type::I32, value, argument);
            b.jump(next, &[product]);
            b.switch_to(next);
            value = b.binary(Op::Bxor, Type::I32, joined, argument);
        }
        ret_small(b, value);
    })
}

fn live_values(n: u64) -> Module {
    module_with(0, |b, argument| {
        let mut values = vec![argument];
        for _ in 0..n {
            let last = values[values.len() - 1];
            values.push(b.binary(Op::Imul, Type::I32, last, argument));
        }
        // From the first one on: the last ones live longest.
        let sum = values
            .iter()
            .copied()
            .reduce(|sum, value| b.binary(Op::Bxor, Type::I32, sum, value));
        ret_small(b, sum.unwrap_or(argument));
    })
}

fn block_parameters(n: u64) -> Module {
    module_with(0, |b, argument| {
        let [header, exit] = [b.create_block(), b.create_block()];
        let count = b.append_param(header, Type::I32);
        let params: Vec<Value> = (0..n).map(|_| b.append_param(header, Type::I32)).collect();
        // The first round has the same value in all of them, and what they are is not known to a compiler after it.
        let mut args = vec![argument; n as usize + 1];
        args[1] = b.unary(Op::Bnot, Type::I32, argument);
        b.jump(header, &args);
        b.switch_to(header);
        let fewer = with_constant(b, Op::Iadd, count, -1);
        let mut next = vec![fewer];
        for (index, param) in params.iter().enumerate() {
            let other = params[(index + 1) % params.len()];
            next.push(b.binary(Op::Iadd, Type::I32, *param, other));
        }
        b.brif(fewer, header, &next, exit, &[]);
        b.switch_to(exit);
        ret_small(b, params[0]);
    })
}

fn loop_depth(n: u64) -> Module {
    module_with(0, |b, argument| {
        // Every loop is left after its first round: they would take exponential time else.
        let mut headers: Vec<(Block, Value, Value)> = Vec::new();
        let mut sum = argument;
        let once = b.iconst(Type::I32, 1);
        for _ in 0..n {
            let header = b.create_block();
            let count = b.append_param(header, Type::I32);
            let inner = b.append_param(header, Type::I32);
            b.jump(header, &[once, sum]);
            b.switch_to(header);
            sum = b.binary(Op::Imul, Type::I32, inner, argument);
            headers.push((header, count, inner));
        }
        while let Some((header, count, inner)) = headers.pop() {
            let exit = b.create_block();
            let fewer = with_constant(b, Op::Iadd, count, -1);
            sum = b.binary(Op::Bxor, Type::I32, sum, inner);
            b.brif(fewer, header, &[fewer, sum], exit, &[]);
            b.switch_to(exit);
        }
        ret_small(b, sum);
    })
}

fn calls(n: u64) -> Module {
    module_with(1, |b, argument| {
        let mut value = argument;
        for _ in 0..n {
            let called = b.call(Func::from_index(0), &[value]).next();
            value = b.binary(Op::Imul, Type::I32, called.unwrap_or(value), argument);
        }
        ret_small(b, value);
    })
}

fn switch_arms(n: u64) -> Module {
    module_with(0, |b, argument| {
        let end = b.create_block();
        let result = b.append_param(end, Type::I32);
        let arms: Vec<Block> = (0..n).map(|_| b.create_block()).collect();
        let edges: Vec<(Block, &[Value])> = arms.iter().map(|arm| (*arm, &[][..])).collect();
        b.br_table(argument, &edges);
        for (index, arm) in arms.iter().enumerate() {
            b.switch_to(*arm);
            let value = with_constant(b, Op::Imul, argument, 2 * index as i64 + 1);
            b.jump(end, &[value]);
        }
        b.switch_to(end);
        ret_small(b, result);
    })
}

fn constants(n: u64) -> Module {
    module_with(0, |b, argument| {
        let mut sum = b.convert(Op::Uextend, Type::I64, Type::I32, argument);
        let mut bits = 1u64;
        for _ in 0..n {
            // Multiplication by an odd number visits all others before it comes back.
            bits = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let constant = b.iconst(Type::I64, bits as i64);
            let mixed = b.binary(Op::Bxor, Type::I64, sum, constant);
            sum = b.binary(Op::Imul, Type::I64, mixed, sum);
        }
        let narrow = b.convert(Op::Ireduce, Type::I32, Type::I64, sum);
        ret_small(b, narrow);
    })
}

fn functions(n: u64) -> Module {
    module_with(n as usize, |b, argument| {
        let last = Func::from_index(n as usize - 1);
        let called = b.call(last, &[argument]).next();
        ret_small(b, called.unwrap_or(argument));
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use bakeoff_backend::{Imports, Instance, NoPhases, Options};
    use bakeoff_ir::{Scalar, verify_module};
    use bakeoff_registry::find;

    use super::*;
    use crate::compile;

    const OWN: [&str; 3] = ["interp", "stencil", "dynasm"];

    #[test]
    fn families_verify_and_all_backends_agree_on_them() {
        for family in FAMILIES {
            let about = |size| format!("{} of size {size}", family.name);
            let mut results = Vec::new();
            for size in family.sizes {
                let module = (family.module)(*size);
                verify_module(&module).unwrap_or_else(|e| panic!("{}: {e}", about(size)));
                let module = Arc::new(module);
                let run = |name: &str| {
                    let configuration = find(name).unwrap();
                    let code = compile(configuration, &module, &Options::default(), &mut NoPhases);
                    let mut instance = Instance::new(&code.unwrap(), &Imports::new()).unwrap();
                    instance.call(ENTRY, &[Scalar::i32(ARGUMENT)]).unwrap()
                };
                let of = OWN.map(run);
                assert_eq!(of[0], of[1], "{}", about(size));
                assert_eq!(of[0], of[2], "{}", about(size));
                results.push(of[0].clone());
            }
            assert_eq!(results.len(), 7);
        }
    }

    #[test]
    fn one_dimension_grows_and_the_rest_in_proportion() {
        for family in FAMILIES {
            assert!(family.sizes.is_sorted_by(|a, b| 2 * a == *b));
            let each = |size: &u64| (family.module)(*size).inst_count() as f64 / *size as f64;
            let [first, last] = [family.sizes[2], family.sizes[6]].map(|size| each(&size));
            // What is there once is still felt in a small one.
            assert!(
                first < 2.0 * last && last < 1.2 * first,
                "{}: {first} {last}",
                family.name
            );
        }
    }

    /// The least time for each size that any round has seen. A machine that is busy makes some rounds slower, and
    /// none faster: the more rounds, the nearer to what the compiler takes.
    struct Least {
        modules: Vec<Arc<Module>>,
        sizes: Vec<f64>,
        times_ns: Vec<f64>,
    }

    impl Least {
        /// Of the upper half of the sizes, where what is there once weighs nothing.
        fn new(family: &Family) -> Least {
            let sizes = &family.sizes[3..];
            Least {
                modules: sizes
                    .iter()
                    .map(|s| Arc::new((family.module)(*s)))
                    .collect(),
                sizes: sizes.iter().map(|s| *s as f64).collect(),
                times_ns: vec![f64::INFINITY; sizes.len()],
            }
        }

        /// A round visits every size, so that a machine that is slower for a while is so for all of them.
        fn round(&mut self, name: &str) {
            let configuration = find(name).unwrap();
            for (module, least) in self.modules.iter().zip(&mut self.times_ns) {
                let start = Instant::now();
                let code = compile(configuration, module, &Options::default(), &mut NoPhases);
                let elapsed_ns = start.elapsed().as_nanos() as f64;
                drop(code.unwrap());
                *least = least.min(elapsed_ns);
            }
        }

        /// The exponent between the first size and the last.
        fn exponent(&self) -> f64 {
            let last = self.sizes.len() - 1;
            (self.times_ns[last] / self.times_ns[0]).ln() / (self.sizes[last] / self.sizes[0]).ln()
        }
    }

    /// Linear would be 1. What no longer fits into a cache adds some tenths; quadratic would be 2.
    const LIMIT: f64 = 1.35;

    #[test]
    fn our_own_backends_grow_linearly() {
        const ROUNDS: usize = 3;
        const MOST_ROUNDS: usize = 60;
        for family in FAMILIES {
            for name in OWN {
                let mut least = Least::new(family);
                let mut rounds = 0;
                while rounds < ROUNDS || least.exponent() > LIMIT && rounds < MOST_ROUNDS {
                    least.round(name);
                    rounds += 1;
                }
                let exponent = least.exponent();
                println!(
                    "{:<18} {name:<8} {exponent:.2} after {rounds} rounds",
                    family.name
                );
                assert!(
                    exponent <= LIMIT,
                    "{name} on {}: {:?}",
                    family.name,
                    least.times_ns
                );
            }
        }
    }
}

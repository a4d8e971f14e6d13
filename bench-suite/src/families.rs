//! Families of modules that grow in one dimension: how does compile time depend on it, all else about equal?
//!
//! Every module has an exported function `run: () -> i64` that ends soon and gives the same on every backend. Each function
//! but the first few lines of it is what grows; where instructions must grow, too (N values that are live at once
//! have to be made), they do so in proportion, so that a compiler that is linear in instructions is linear in every family.

use bakeoff_ir::{
    Block, Export, ExportItem, Func, FuncKind, Function, FunctionBuilder, IntCc, Module, Op, Sig,
    Signature, Type, Value,
};

/// A family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What grows.
    pub name: &'static str,
    /// What its modules look like.
    pub about: &'static str,
    /// The sizes that are measured, ascending.
    pub sizes: &'static [u64],
    build: fn(&mut Builder<'_>, u64),
    shape: Shape,
}

/// What surrounds the function that grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// Only `run`, and a small function that it may call.
    One,
    /// As many functions of one kind, of which each calls the one before.
    Many,
}

/// All families.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "instructions",
        about: "one block of arithmetic on eight values",
        sizes: &[128, 256, 512, 1024, 2048, 4096, 8192],
        build: instructions,
        shape: Shape::One,
    },
    Family {
        name: "blocks",
        about: "a chain of branches whose two sides meet again",
        sizes: &[32, 64, 128, 256, 512, 1024, 2048],
        build: blocks,
        shape: Shape::One,
    },
    Family {
        name: "live values",
        about: "so many values, all made before the first is used",
        sizes: &[16, 32, 64, 128, 256, 512, 1024],
        build: live_values,
        shape: Shape::One,
    },
    Family {
        name: "block parameters",
        about: "a loop that carries so many values and passes them on rotated",
        sizes: &[4, 8, 16, 32, 64, 128, 256],
        build: block_parameters,
        shape: Shape::One,
    },
    Family {
        name: "loop depth",
        about: "loops inside each other, so deep",
        sizes: &[2, 4, 8, 16, 32, 64, 128],
        build: loop_depth,
        shape: Shape::One,
    },
    Family {
        name: "calls",
        about: "calls of a small function, one behind the other",
        sizes: &[16, 32, 64, 128, 256, 512, 1024],
        build: calls,
        shape: Shape::One,
    },
    Family {
        name: "switch arms",
        about: "one br_table in a loop",
        sizes: &[16, 32, 64, 128, 256, 512, 1024],
        build: switch_arms,
        shape: Shape::One,
    },
    Family {
        name: "constants",
        about: "a sum of constants of 64 bits, no two the same",
        sizes: &[64, 128, 256, 512, 1024, 2048, 4096],
        build: constants,
        shape: Shape::One,
    },
    Family {
        name: "functions",
        about: "functions of two dozen instructions, each of which calls the one before",
        sizes: &[8, 16, 32, 64, 128, 256, 512],
        build: one_of_many,
        shape: Shape::Many,
    },
];

impl Family {
    /// The module of this size. It verifies.
    pub fn module(&self, size: u64) -> Module {
        let mut module = Module::new();
        let sig = |params: &[Type]| Signature {
            params: params.to_vec(),
            results: vec![Type::I64],
        };
        let (leaf_sig, run_sig) = (
            module.intern_sig(sig(&[Type::I64])),
            module.intern_sig(sig(&[])),
        );
        let others = match self.shape {
            Shape::One => 1,
            Shape::Many => size,
        };
        for index in 0..others {
            module.push_func(format!("f{index}"), leaf_sig, FuncKind::Declared);
        }
        let run = module.push_func("run", run_sig, FuncKind::Declared);
        module.exports.push(Export {
            name: "run".to_string(),
            item: ExportItem::Func(run),
        });
        for index in 0..others as usize {
            let body = match (self.shape, index) {
                (Shape::One, _) | (Shape::Many, 0) => build(&module, leaf_sig, leaf, 0),
                (Shape::Many, _) => build(&module, leaf_sig, self.build, index as u64),
            };
            module.define(Func::from_index(index), body);
        }
        let body = match self.shape {
            Shape::One => build(&module, run_sig, self.build, size),
            Shape::Many => build(&module, run_sig, call_last, size),
        };
        module.define(run, body);
        module
    }
}

type Builder<'m> = FunctionBuilder<'m>;

fn build(module: &Module, sig: Sig, body: fn(&mut Builder<'_>, u64), size: u64) -> Function {
    let mut builder = FunctionBuilder::new(module, sig);
    builder.switch_to(builder.entry());
    body(&mut builder, size);
    match builder.finish() {
        Ok(function) => function,
        Err(error) => unreachable!("every block is filled and sealed: {error}"),
    }
}

/// A constant that no other index has.
fn odd(index: u64) -> i64 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1) as i64
}

fn constant(b: &mut Builder<'_>, value: i64) -> Value {
    b.iconst(Type::I64, value)
}

fn add(b: &mut Builder<'_>, x: Value, y: Value) -> Value {
    b.binary(Op::Iadd, Type::I64, x, y)
}

/// A block that is reached only from where we are going to branch to it.
fn next(b: &mut Builder<'_>, params: usize) -> (Block, Vec<Value>) {
    let block = b.create_block();
    let params = (0..params)
        .map(|_| b.append_param(block, Type::I64))
        .collect();
    (block, params)
}

fn switch(b: &mut Builder<'_>, block: Block) {
    b.seal(block);
    b.switch_to(block);
}

/// `x -> 31 x + 7`
fn leaf(b: &mut Builder<'_>, _: u64) {
    let x = b.params(b.entry())[0];
    let (thirty_one, seven) = (constant(b, 31), constant(b, 7));
    let product = b.binary(Op::Imul, Type::I64, x, thirty_one);
    let sum = add(b, product, seven);
    b.ret(&[sum]);
}

fn call(b: &mut Builder<'_>, func: u64, argument: Value) -> Value {
    let func = Func::from_index(func as usize);
    b.call(func, &[argument]).next().unwrap_or(argument)
}

fn call_last(b: &mut Builder<'_>, functions: u64) {
    let one = constant(b, 1);
    let result = call(b, functions.saturating_sub(1), one);
    b.ret(&[result]);
}

fn instructions(b: &mut Builder<'_>, size: u64) {
    let mut values: Vec<Value> = (0..8).map(|index| constant(b, odd(index))).collect();
    const OPS: [Op; 5] = [Op::Iadd, Op::Bxor, Op::Isub, Op::Imul, Op::Band];
    for index in 0..size as usize {
        let (x, y) = (values[index % 8], values[(index * 3 + 1) % 8]);
        values[index % 8] = b.binary(OPS[index % OPS.len()], Type::I64, x, y);
    }
    let sum = sum(b, &values);
    b.ret(&[sum]);
}

fn sum(b: &mut Builder<'_>, values: &[Value]) -> Value {
    let zero = constant(b, 0);
    values.iter().fold(zero, |sum, value| add(b, sum, *value))
}

fn blocks(b: &mut Builder<'_>, size: u64) {
    let mut value = constant(b, 1);
    // Two sides and where they meet: three blocks a turn.
    for index in 0..size / 3 + 1 {
        let (one, bit) = (constant(b, 1), constant(b, odd(index)));
        let condition = b.binary(Op::Band, Type::I64, value, one);
        let [(left, _), (right, _), (meet, params)] = [next(b, 0), next(b, 0), next(b, 1)];
        b.brif(condition, left, &[], right, &[]);
        switch(b, left);
        let sum = add(b, value, bit);
        b.jump(meet, &[sum]);
        switch(b, right);
        let mixed = b.binary(Op::Bxor, Type::I64, value, bit);
        b.jump(meet, &[mixed]);
        switch(b, meet);
        value = params[0];
    }
    b.ret(&[value]);
}

fn live_values(b: &mut Builder<'_>, size: u64) {
    // Behind a call, so that nothing is known about them when the code is made.
    let one = constant(b, 1);
    let seed = call(b, 0, one);
    let mut values = Vec::new();
    for index in 0..size {
        let factor = constant(b, odd(index));
        values.push(b.binary(Op::Imul, Type::I64, seed, factor));
    }
    // The first is used last.
    values.reverse();
    let zero = constant(b, 0);
    let mixed = values.iter().fold(zero, |sum, value| {
        let sum = add(b, sum, *value);
        b.binary(Op::Bxor, Type::I64, sum, *value)
    });
    b.ret(&[mixed]);
}

fn block_parameters(b: &mut Builder<'_>, size: u64) {
    let size = size as usize;
    let starts: Vec<Value> = (0..size as u64)
        .map(|index| constant(b, odd(index)))
        .collect();
    let ten = constant(b, 10);
    let (header, params) = next(b, size + 1);
    let (exit, _) = next(b, 0);
    let mut arguments = vec![ten];
    arguments.extend(starts);
    b.jump(header, &arguments);
    b.switch_to(header);
    let minus_one = constant(b, -1);
    let count = add(b, params[0], minus_one);
    let mut arguments = params[1..].to_vec();
    arguments.rotate_left(1);
    arguments[0] = add(b, arguments[0], count);
    arguments.insert(0, count);
    b.brif(count, header, &arguments, exit, &[]);
    b.seal(header);
    switch(b, exit);
    let sum = sum(b, &params[1..]);
    b.ret(&[sum]);
}

fn loop_depth(b: &mut Builder<'_>, size: u64) {
    // Each loop is left after its first round: the depth must not be an exponent of the run time.
    let mut value = constant(b, 1);
    let mut open = Vec::new();
    for index in 0..size {
        let (header, params) = next(b, 1);
        b.jump(header, &[value]);
        b.switch_to(header);
        let factor = constant(b, odd(index));
        value = add(b, params[0], factor);
        open.push(header);
    }
    for header in open.into_iter().rev() {
        let limit = constant(b, 0);
        let again = b.icmp(IntCc::Eq, Type::I64, value, limit);
        let (exit, params) = next(b, 1);
        b.brif(again, header, &[value], exit, &[value]);
        b.seal(header);
        switch(b, exit);
        let one = constant(b, 1);
        // Odd, and therefore not zero: no loop goes on.
        value = b.binary(Op::Bor, Type::I64, params[0], one);
    }
    b.ret(&[value]);
}

fn calls(b: &mut Builder<'_>, size: u64) {
    let mut value = constant(b, 1);
    for _ in 0..size {
        value = call(b, 0, value);
    }
    b.ret(&[value]);
}

fn switch_arms(b: &mut Builder<'_>, size: u64) {
    let (start, count) = (constant(b, 1), constant(b, 10));
    let (header, params) = next(b, 2);
    let (latch, latched) = next(b, 1);
    let (exit, _) = next(b, 0);
    b.jump(header, &[start, count]);
    b.switch_to(header);
    let (value, count) = (params[0], params[1]);
    let arms: Vec<Block> = (0..size).map(|_| next(b, 0).0).collect();
    let mask = constant(b, size.next_power_of_two() as i64 - 1);
    let index = b.binary(Op::Band, Type::I64, value, mask);
    let index = b.convert(Op::Ireduce, Type::I32, Type::I64, index);
    let edges: Vec<(Block, &[Value])> = arms.iter().map(|arm| (*arm, &[][..])).collect();
    b.br_table(index, &edges);
    for (index, arm) in arms.into_iter().enumerate() {
        switch(b, arm);
        let factor = constant(b, odd(index as u64));
        let product = b.binary(Op::Imul, Type::I64, value, factor);
        b.jump(latch, &[product]);
    }
    switch(b, latch);
    let minus_one = constant(b, -1);
    let fewer = add(b, count, minus_one);
    b.brif(fewer, header, &[latched[0], fewer], exit, &[]);
    b.seal(header);
    switch(b, exit);
    b.ret(&[latched[0]]);
}

fn constants(b: &mut Builder<'_>, size: u64) {
    let one = constant(b, 1);
    let seed = call(b, 0, one);
    let sum = (0..size).fold(seed, |sum, index| {
        let value = constant(b, odd(index));
        add(b, sum, value)
    });
    b.ret(&[sum]);
}

/// About 24 instructions, and a call of the function before.
fn one_of_many(b: &mut Builder<'_>, index: u64) {
    let x = b.params(b.entry())[0];
    let mut value = x;
    for step in 0..10 {
        let factor = constant(b, odd(index ^ step << 32));
        let op = if step % 2 == 0 { Op::Iadd } else { Op::Bxor };
        value = b.binary(op, Type::I64, value, factor);
    }
    let before = call(b, index - 1, value);
    let result = add(b, before, x);
    b.ret(&[result]);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bakeoff_backend::{Imports, Instance, NoPhases, Options};
    use bakeoff_ir::Scalar;
    use bakeoff_registry::find;

    use super::*;
    use crate::compile;

    fn run(name: &str, module: &Arc<Module>) -> Vec<Scalar> {
        let configuration = find(name).unwrap();
        let options = Options::default();
        let code = compile(configuration, module, &options, &mut NoPhases).unwrap();
        let mut instance = Instance::new(&code, &Imports::new()).unwrap();
        instance.call("run", &[]).unwrap()
    }

    #[test]
    fn modules_verify_and_give_the_same_everywhere() {
        for family in FAMILIES {
            let sizes = [
                family.sizes[0],
                family.sizes[3],
                *family.sizes.last().unwrap(),
            ];
            for size in sizes {
                let module = Arc::new(family.module(size));
                bakeoff_ir::verify_module(&module)
                    .unwrap_or_else(|error| panic!("{} {size}: {error}", family.name));
                let expected = run("interp", &module);
                for name in ["stencil", "dynasm", "cranelift-none"] {
                    assert_eq!(
                        run(name, &module),
                        expected,
                        "{} {size} {name}",
                        family.name
                    );
                }
            }
        }
    }

    #[test]
    fn sizes_span_two_decimal_orders_about_and_instructions_grow_with_them() {
        for family in FAMILIES {
            let (first, last) = (family.sizes[0], *family.sizes.last().unwrap());
            assert_eq!(last / first, 64, "{}", family.name);
            let insts = |size| family.module(size).inst_count() as f64;
            let growth = insts(last) / insts(first);
            assert!((16.0..=72.0).contains(&growth), "{}: {growth}", family.name);
            let names = FAMILIES.iter().filter(|f| f.name == family.name);
            assert_eq!(names.count(), 1);
        }
    }
}

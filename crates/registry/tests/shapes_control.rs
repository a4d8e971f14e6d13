//! Control flow that frontends do not make: loops with two entries, blocks in any order, edges that
//! exchange what they pass, tables of every size, deep nests, in every configuration.

mod common;

use bakeoff_backend::Imports;
use bakeoff_ir::{Scalar, Type};

use common::source::{Source, cycle, fold_all, sample};

use Type::{F32, F64, I32, I64};

/// Runs a function of i64s, and compares with one in Rust.
fn agree(source: &str, name: &str, inputs: &[&[i64]], expected: impl Fn(&[i64]) -> Vec<i64>) {
    common::on_every_configuration(source, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for input in inputs {
            let args: Vec<Scalar> = input.iter().map(|arg| Scalar::i64(*arg)).collect();
            let expected = expected(input).into_iter().map(Scalar::i64).collect();
            let got = instance.call(name, &args);
            assert_eq!(got, Ok(expected), "{configuration}: @{name}{input:?}");
        }
    });
}

/// Both blocks of the loop are entered from outside, and a value from before is read in each.
#[test]
fn a_loop_with_two_entries() {
    let source = "
export func @f(i64, i64) -> (i64, i64) {
block0(v0: i64, v1: i64):
    v2 = imul.i64 v0, v1
    v3 = iconst.i64 0
    v4 = iconst.i64 1
    brif v0, block2(v1, v3), block1(v1, v2)
block1(v10: i64, v11: i64):
    v12 = iadd.i64 v11, v2
    v13 = isub.i64 v10, v4
    v14 = icmp.i64 sgt v13, v3
    brif v14, block2(v13, v12), block3(v12, v13)
block2(v20: i64, v21: i64):
    v22 = imul.i64 v21, v1
    v23 = isub.i64 v22, v0
    v24 = isub.i64 v20, v4
    v25 = icmp.i64 sgt v24, v4
    brif v25, block1(v24, v23), block3(v24, v23)
block3(v30: i64, v31: i64):
    v32 = iadd.i64 v30, v2
    return v32, v31
}";
    let expected = |input: &[i64]| {
        let (x, y) = (input[0], input[1]);
        let product = x.wrapping_mul(y);
        let mut at_second = x != 0;
        let (mut left, mut sum) = (y, if at_second { 0 } else { product });
        loop {
            left -= 1;
            if at_second {
                sum = sum.wrapping_mul(y).wrapping_sub(x);
                if left <= 1 {
                    return vec![left.wrapping_add(product), sum];
                }
            } else {
                sum = sum.wrapping_add(product);
                if left <= 0 {
                    return vec![sum.wrapping_add(product), left];
                }
            }
            at_second = !at_second;
        }
    };
    let inputs: &[&[i64]] = &[
        &[0, 1],
        &[0, 9],
        &[3, 1],
        &[3, 2],
        &[3, 10],
        &[-7, 33],
        &[5, -4],
    ];
    agree(source, "f", inputs, expected);
}

/// Two loops with two entries each, one in the other, with more values around them than registers.
#[test]
fn loops_with_two_entries_in_each_other_and_values_around_them() {
    const VALUES: usize = 24;
    let mut source = Source::default();
    let args = source.begin("f", &[I64, I64], &[I64]);
    let values: Vec<String> = (0..VALUES)
        .map(|at| {
            let constant = source.constant(I64, sample(I64, at));
            source.def(format!("bxor.i64 {}, {constant}", args[0]))
        })
        .collect();
    let (x, y) = (&args[0], &args[1]);
    source.line(format!("    brif {x}, block4({y}, {x}), block1({y}, {x})"));
    // Each block counts down, adds a value of its own, and goes to one of two others.
    for (block, [then, els]) in [(1, [2, 3]), (3, [4, 2]), (2, [3, 1]), (4, [1, 3])] {
        let params = source.block(block, &[I64, I64]);
        let one = source.constant(I64, 1);
        let left = source.def(format!("isub.i64 {}, {one}", params[0]));
        let factor = source.constant(I64, 3);
        let product = source.def(format!("imul.i64 {}, {factor}", params[1]));
        let sum = source.def(format!("iadd.i64 {product}, {}", values[5 * block]));
        source.line(format!(
            "    brif {left}, block{}, block5({sum})",
            10 + block
        ));
        source.block(10 + block, &[]);
        let bit = source.def(format!("band.i64 {sum}, {one}"));
        source.line(format!(
            "    brif {bit}, block{then}({left}, {sum}), block{els}({left}, {sum})"
        ));
    }
    let sum = source.block(5, &[I64])[0].clone();
    let folded = source.fold_all(&[I64; VALUES], &values);
    let result = source.def(format!("bxor.i64 {folded}, {sum}"));
    source.end(&[result]);
    let expected = |input: &[i64]| {
        let values: Vec<u64> = (0..VALUES)
            .map(|at| sample(I64, at) ^ input[0] as u64)
            .collect();
        let (mut left, mut sum) = (input[1], input[0] as u64);
        let mut block = if input[0] != 0 { 4 } else { 1 };
        loop {
            left -= 1;
            sum = sum.wrapping_mul(3).wrapping_add(values[5 * block]);
            if left == 0 {
                return vec![(fold_all(values) ^ sum) as i64];
            }
            let [els, then] = [[0, 0], [3, 2], [1, 3], [2, 4], [3, 1]][block];
            block = if sum & 1 != 0 { then } else { els };
        }
    };
    let inputs: &[&[i64]] = &[
        &[0, 1],
        &[0, 100],
        &[1, 1],
        &[1, 1000],
        &[-9, 77],
        &[1234567, 500],
    ];
    agree(&source.text, "f", inputs, expected);
}

/// The layout has uses before definitions, and blocks that nothing leads to, which use values and pass
/// them on.
#[test]
fn blocks_in_any_order_and_blocks_that_nothing_leads_to() {
    let source = "
export func @f(i64, i64) -> (i64, i64) {
block0(v0: i64, v1: i64):
    jump block6
block5(v50: i64, v51: i64):
    v52 = iadd.i64 v51, v40
    return v52, v41
block9(v90: i64):
    v91 = iadd.i64 v90, v0
    v92 = iadd.i64 v91, v41
    brif v92, block9(v92), block5(v92, v90)
block4:
    v40 = isub.i64 v30, v61
    v41 = imul.i64 v31, v60
    v42 = icmp.i64 slt v40, v0
    brif v42, block5(v40, v41), block3(v1, v40)
block3(v30: i64, v31: i64):
    v32 = iconst.i64 1000
    v33 = icmp.i64 sgt v31, v32
    brif v33, block8, block4
block8:
    v80 = iadd.i64 v61, v31
    jump block5_and_on(v80)
block6:
    v60 = iadd.i64 v0, v1
    v61 = iconst.i64 17
    jump block3(v60, v0)
block7(v70: i64):
    v71 = iadd.i64 v70, v60
    jump block9(v71)
block5_and_on(v100: i64):
    return v100, v60
}"
    .replace("block5_and_on", "block10");
    let expected = |input: &[i64]| {
        let (x, y) = (input[0], input[1]);
        let sum = x.wrapping_add(y);
        let (mut a, mut b) = (sum, x);
        loop {
            if b > 1000 {
                return vec![b.wrapping_add(17), sum];
            }
            let (c, d) = (a.wrapping_sub(17), b.wrapping_mul(sum));
            if c < x {
                return vec![d.wrapping_add(c), d];
            }
            (a, b) = (y, c);
        }
    };
    // Each ends: the second round compares y - 17 with x.
    let inputs: &[&[i64]] = &[
        &[1, 1],
        &[1, 100_000],
        &[0, 17],
        &[1001, 5],
        &[-50, 2],
        &[3, 19],
    ];
    let ends = |input: &&&[i64]| input[1] - 17 < input[0] || input[1] > 1017;
    let inputs: Vec<&[i64]> = inputs.iter().filter(ends).copied().collect();
    assert!(inputs.len() > 3);
    agree(&source, "f", &inputs, expected);
}

/// Both edges of a branch exchange values, one of them two, the other three; the condition is a
/// comparison of what is exchanged.
#[test]
fn both_edges_exchange_values_and_the_condition_reads_them() {
    for (ty, cc) in [(I64, "slt"), (I32, "ult"), (F64, "lt"), (F32, "ge")] {
        let compare = if ty.is_int() { "icmp" } else { "fcmp" };
        let mut source = Source::default();
        let args = source.begin("f", &[ty, ty, ty, I64], &[ty, ty, ty]);
        source.line(format!("    jump block1({})", args.join(", ")));
        let p = source.block(1, &[ty, ty, ty, I64]);
        let one = source.constant(I64, 1);
        let left = source.def(format!("isub.i64 {}, {one}", p[3]));
        source.line(format!(
            "    brif {left}, block2, block3({}, {}, {})",
            p[2], p[0], p[1]
        ));
        source.block(2, &[]);
        let truth = source.def(format!("{compare}.{ty} {cc} {}, {}", p[0], p[1]));
        source.line(format!(
            "    brif {truth}, block1({1}, {0}, {2}, {left}), block1({1}, {2}, {0}, {left})",
            p[0], p[1], p[2]
        ));
        let results = source.block(3, &[ty, ty, ty]);
        source.end(&results);
        common::on_every_configuration(&source.text, |configuration, executable| {
            let mut instance = common::instantiate(executable, &Imports::new());
            for rounds in 1..8 {
                for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1], [1, 1, 2]] {
                    let bits = |n: u64| match ty {
                        F32 => u64::from((n as f32).to_bits()),
                        F64 => (n as f64).to_bits(),
                        _ => n,
                    };
                    let [mut a, mut b, mut c] = order;
                    for _ in 1..rounds {
                        let holds = if cc == "ge" { a >= b } else { a < b };
                        (a, b, c) = if holds { (b, a, c) } else { (b, c, a) };
                    }
                    let expected = [c, a, b].map(|n| Scalar::new(ty, bits(n))).to_vec();
                    let mut args = order.map(|n| Scalar::new(ty, bits(n))).to_vec();
                    args.push(Scalar::i64(rounds));
                    let got = instance.call("f", &args);
                    assert_eq!(
                        got,
                        Ok(expected),
                        "{configuration}: {ty} {order:?} {rounds}"
                    );
                }
            }
        });
    }
}

/// A comparison whose operands the edge changes or the selection overwrites, and both edges to one
/// block with other arguments.
#[test]
fn fused_comparisons_read_their_operands_before_anything_changes_them() {
    let source = "
export func @f(i64, i64, i64) -> (i64, i64, i64) {
block0(v0: i64, v1: i64, v2: i64):
    v3 = iconst.i64 0
    jump block1(v0, v1, v3, v2)
block1(v10: i64, v11: i64, v12: i64, v13: i64):
    v14 = icmp.i64 ult v10, v11
    v15 = select.i64 v14, v11, v10
    v16 = icmp.i64 sge v15, v11
    v17 = select.i64 v16, v10, v15
    v18 = iconst.i64 1
    v19 = isub.i64 v13, v18
    v20 = iadd.i64 v12, v15
    v21 = icmp.i64 sgt v17, v12
    brif v21, block2(v17, v12, v20), block2(v12, v20, v17)
block2(v30: i64, v31: i64, v32: i64):
    v33 = icmp.i64 ne v19, v3
    brif v33, block1(v31, v30, v32, v19), block3
block3:
    return v30, v31, v32
}";
    let expected = |input: &[i64]| {
        let [mut a, mut b, mut c, mut left] = [input[0], input[1], 0, input[2]];
        loop {
            let larger = if (a as u64) < b as u64 { b } else { a };
            let other = if larger >= b { a } else { larger };
            left -= 1;
            let sum = c.wrapping_add(larger);
            let [x, y, z] = if other > c {
                [other, c, sum]
            } else {
                [c, sum, other]
            };
            if left == 0 {
                return vec![x, y, z];
            }
            [a, b, c] = [y, x, z];
        }
    };
    let inputs: &[&[i64]] = &[
        &[1, 2, 1],
        &[2, 1, 2],
        &[-1, 1, 3],
        &[5, 5, 4],
        &[i64::MIN, i64::MAX, 9],
        &[100, -3, 20],
    ];
    agree(source, "f", inputs, expected);
}

/// Tables with no entry, a thousand, and arguments on every edge, which lead to few blocks and change
/// the places of what they pass.
#[test]
fn tables_of_every_size_with_arguments_on_every_edge() {
    const COUNTS: &[usize] = &[0, 1, 2, 7, 1000];
    let mut source = Source::default();
    let types = cycle(&[I64, F64], 6);
    for count in COUNTS {
        let args = source.begin(&format!("f{count}"), &[&[I32], &types[..]].concat(), &[I64]);
        // The index comes out of a table's edge as well.
        source.line(format!("    jump block1({})", args.join(", ")));
        let p = source.block(1, &[&[I32], &types[..]].concat());
        let edge = |at: usize| {
            let moved: Vec<String> = (0..6).map(|i| p[1 + (i + 2 * at) % 6].clone()).collect();
            format!("block{}({})", 2 + at % 4, moved.join(", "))
        };
        let edges: Vec<String> = (0..*count).map(edge).collect();
        source.line(format!(
            "    br_table {}, [{}], {}",
            p[0],
            edges.join(", "),
            edge(*count)
        ));
        for block in 0..4 {
            let params = source.block(2 + block, &types);
            let folded = source.fold_all(&types, &params);
            let own = source.constant(I64, block as u64);
            let sum = source.def(format!("iadd.i64 {folded}, {own}"));
            match block {
                3 => source.line(format!("    return {sum}\n}}")),
                _ => source.line(format!("    return {sum}")),
            }
        }
    }
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for count in COUNTS.iter().copied() {
            for index in [
                0,
                1,
                2,
                3,
                6,
                7,
                8,
                500,
                999,
                1000,
                1001,
                i32::MAX,
                i32::MIN,
                -1,
            ] {
                let at = count.min(index as u32 as usize);
                let bits: Vec<u64> = (0..6).map(|i| sample(types[i], i)).collect();
                let moved = (0..6).map(|i| bits[(i + 2 * at) % 6]);
                let expected = fold_all(moved).wrapping_add(at as u64 % 4) as i64;
                let mut args = vec![Scalar::i32(index)];
                args.extend((0..6).map(|i| Scalar::new(types[i], bits[i])));
                let got = instance.call(&format!("f{count}"), &args);
                let expected = Ok(vec![Scalar::i64(expected)]);
                assert_eq!(got, expected, "{configuration}: {count} entries, {index}");
            }
        }
    });
}

/// Thirty loops in one another, each with a counter that lives in all others; the body calls.
#[test]
fn loops_in_one_another_thirty_deep() {
    const DEPTH: usize = 30;
    let mut source = Source::default();
    let param = source.begin("next", &[I64], &[I64]);
    let factor = source.constant(I64, 5);
    let product = source.def(format!("imul.i64 {}, {factor}", param[0]));
    let more = source.def(format!("iadd.i64 {product}, {factor}"));
    source.end(&[more]);
    // Of every tenth loop there are two rounds, of others one.
    let rounds = |level: usize| 1 + u64::from(level.is_multiple_of(10));
    let start = source.begin("f", &[I64], &[I64])[0].clone();
    let (mut sum, mut counters) = (start, Vec::new());
    for level in 0..DEPTH {
        let count = source.constant(I64, rounds(level));
        source.line(format!("    jump block{}({count}, {sum})", 1 + level));
        let params = source.block(1 + level, &[I64, I64]);
        sum = source.def(format!("iadd.i64 {}, {}", params[1], params[0]));
        counters.push(params[0].clone());
    }
    sum = source.def(format!("call @next({sum})"));
    for level in (0..DEPTH).rev() {
        let one = source.constant(I64, 1);
        let left = source.def(format!("isub.i64 {}, {one}", counters[level]));
        let level_number = source.constant(I64, level as u64);
        sum = source.def(format!("bxor.i64 {sum}, {level_number}"));
        let behind = 100 + level;
        source.line(format!(
            "    brif {left}, block{}({left}, {sum}), block{behind}",
            1 + level
        ));
        source.block(behind, &[]);
    }
    source.end(&[sum]);
    fn run(level: usize, rounds: &dyn Fn(usize) -> u64, mut sum: u64) -> u64 {
        if level == DEPTH {
            return sum.wrapping_mul(5).wrapping_add(5);
        }
        for left in (1..=rounds(level)).rev() {
            sum = run(level + 1, rounds, sum.wrapping_add(left)) ^ level as u64;
        }
        sum
    }
    let expected = |input: &[i64]| vec![run(0, &rounds, input[0] as u64) as i64];
    agree(
        &source.text,
        "f",
        &[&[0], &[1], &[-1], &[i64::MAX]],
        expected,
    );
}

/// Calls in a loop, in a cold block of it, and behind it. The hundredth round from the end traps.
const CALLS: &str = "
export func @g(i64, f64) -> (i64, f64) {
block0(v0: i64, v1: f64):
    v2 = iconst.i64 3
    v3 = imul.i64 v0, v2
    v4 = fadd.f64 v1, v1
    return v3, v4
}
export func @f(i64, f64, i64) -> (i64, f64) {
block0(v0: i64, v1: f64, v2: i64):
    v3 = iconst.i64 0
    v4 = fconst.f64 0.0
    jump block1(v2, v3, v4)
block1(v10: i64, v11: i64, v12: f64):
    v13 = iadd.i64 v11, v0
    v14 = iadd.i64 v13, v10
    v15 = imul.i64 v14, v0
    v16 = fadd.f64 v12, v1
    v17 = fmul.f64 v16, v1
    v18 = iconst.i64 100
    v19 = icmp.i64 eq v10, v18
    brif v19, block2, block3
block2:
    v20, v21 = call @g(v15, v17)
    v22 = iadd.i64 v20, v0
    v23 = fadd.f64 v21, v1
    v24 = icmp.i64 eq v22, v10
    brif v24, block5, block6
block5:
    trap unreachable
block6:
    store.i64 mem0, v22, v3
    store.f64 mem0, v23, v3+8
    trap integer_overflow
block3:
    v30 = iconst.i64 3
    v31 = band.i64 v10, v30
    brif v31, block7(v15, v17), block4
block4:
    v40, v41 = call @g(v15, v16)
    v42 = iadd.i64 v40, v13
    jump block7(v42, v41)
block7(v70: i64, v71: f64):
    v72 = iadd.i64 v70, v14
    v73 = fsub.f64 v71, v16
    v74 = iconst.i64 1
    v75 = isub.i64 v10, v74
    brif v75, block1(v75, v72, v73), block8
block8:
    v80, v81 = call @g(v72, v73)
    v82 = iadd.i64 v80, v0
    v83 = fadd.f64 v81, v1
    return v82, v83
}
memory mem0 = 1
export \"mem0\" = mem0";

/// Calls in a hot loop, in a cold block of it, and behind it, with values of both classes that live
/// across some of them: they have registers, slots, or both.
#[test]
fn values_across_calls_in_hot_loops_and_cold_blocks() {
    let expected = |x: i64, f: f64, rounds: i64| {
        let (mut sum, mut float) = (0i64, 0f64);
        for left in (1..=rounds).rev() {
            let near = sum.wrapping_add(x);
            let middle = near.wrapping_add(left);
            let product = middle.wrapping_mul(x);
            let added = float + f;
            let multiplied = added * f;
            if left == 100 {
                return Err((
                    product.wrapping_mul(3).wrapping_add(x),
                    multiplied * 2.0 + f,
                ));
            }
            let (a, b) = match left & 3 {
                0 => (product.wrapping_mul(3).wrapping_add(near), added * 2.0),
                _ => (product, multiplied),
            };
            (sum, float) = (a.wrapping_add(middle), b - added);
        }
        Ok((sum.wrapping_mul(3).wrapping_add(x), float * 2.0 + f))
    };
    common::on_every_configuration(CALLS, |configuration, executable| {
        for (x, f, rounds) in [(1, 0.5, 1), (3, 1.25, 4), (-7, -0.75, 50), (2, 0.9, 120)] {
            let mut instance = common::instantiate(executable, &Imports::new());
            let args = [Scalar::i64(x), Scalar::f64(f), Scalar::i64(rounds)];
            let got = instance.call("f", &args);
            match expected(x, f, rounds) {
                Ok((sum, float)) => {
                    let expected = vec![Scalar::i64(sum), Scalar::f64(float)];
                    assert_eq!(got, Ok(expected), "{configuration}: {args:?}");
                }
                Err((sum, float)) => {
                    let trap = common::trap_of(got);
                    assert_eq!(
                        trap,
                        Ok(bakeoff_ir::TrapCode::IntegerOverflow),
                        "{configuration}"
                    );
                    let left = [sum.to_le_bytes(), float.to_le_bytes()].concat();
                    assert_eq!(
                        instance.memory("mem0").unwrap()[..16],
                        left,
                        "{configuration}"
                    );
                }
            }
        }
    });
}

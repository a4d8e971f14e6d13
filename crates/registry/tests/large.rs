//! Functions so large that a backend may save work on them, and has to stay right.

mod common;

use std::fmt::Write;

use bakeoff_backend::Imports;
use bakeoff_ir::Scalar;

/// `COUNT` values that live through `COUNT` blocks, and then a loop that reads another value only as
/// what it was extended to before the loop. Its place must not be taken while the loop goes round.
#[test]
fn a_value_behind_an_extension_lives_as_long_as_the_loop_that_reads_it() {
    const COUNT: u32 = 400;
    let mut source = "export func @f(i32) -> i64 {\nblock0(v0: i32):\n".to_string();
    for value in 1..=COUNT {
        writeln!(source, "    v{value} = imul.i32 v0, v{}", value - 1).unwrap();
    }
    for block in 1..=COUNT {
        write!(source, "    jump block{block}\nblock{block}:\n").unwrap();
    }
    let (root, done) = (COUNT + 1, COUNT + 12);
    let [wide, zero, count, sum, left, next, mixed, one, fewer, total] =
        std::array::from_fn(|i| root + 1 + i as u32);
    let (head, after) = (COUNT + 1, COUNT + 2);
    write!(
        source,
        "    v{root} = isub.i32 v0, v1
    v{wide} = uextend.i64.i32 v{root}
    v{zero} = iconst.i64 0
    v{count} = iconst.i32 5
    jump block{head}(v{zero}, v{count})
block{head}(v{sum}: i64, v{left}: i32):
    v{next} = iadd.i64 v{sum}, v{wide}
    v{mixed} = imul.i64 v{next}, v{next}
    v{one} = iconst.i32 1
    v{fewer} = isub.i32 v{left}, v{one}
    v{total} = iadd.i64 v{mixed}, v{next}
    brif v{fewer}, block{head}(v{total}, v{fewer}), block{after}
block{after}:
"
    )
    .unwrap();
    let mut last = total;
    for value in 1..=COUNT {
        let (extended, added) = (done + 2 * value, done + 2 * value + 1);
        write!(
            source,
            "    v{extended} = uextend.i64.i32 v{value}\n    v{added} = iadd.i64 v{last}, v{extended}\n"
        )
        .unwrap();
        last = added;
    }
    write!(source, "    return v{last}\n}}\n").unwrap();

    let expected = |x: u32| {
        let wide = u64::from(x.wrapping_sub(x.wrapping_mul(x)));
        let mut total = 0u64;
        for _ in 0..5 {
            let next = total.wrapping_add(wide);
            total = next.wrapping_mul(next).wrapping_add(next);
        }
        let mut value = x;
        for _ in 0..COUNT {
            value = x.wrapping_mul(value);
            total = total.wrapping_add(value.into());
        }
        total
    };
    common::on_every_configuration(&source, |name, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for x in [0, 1, 7, u32::MAX] {
            let got = instance.call("f", &[Scalar::i32(x as i32)]);
            let expected = Scalar::i64(expected(x) as i64);
            assert_eq!(got, Ok(vec![expected]), "{name}: {x}");
        }
    });
}

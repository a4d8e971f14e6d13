//! Long lists of arguments and results through calls of every kind, in every configuration.

mod common;

use bakeoff_backend::{HostFunc, Imports};
use bakeoff_ir::{Scalar, Type};

use common::source::{Source, cycle, fold_all, list, sample};

use Type::{F32, F64, I8, I16, I32, I64};

const MIXED: &[Type] = &[I64, F32, I8, F64, I32, I16, F64, F64, I64, F32];

/// More arguments than registers, and than anybody writes.
const COUNTS: &[usize] = &[9, 17, 30, 255];

const KINDS: &[&str] = &["direct", "indirect", "tail", "tail_indirect"];

/// A call of a function whose signature and table index are those of this number, and the end.
fn end_with_call(source: &mut Source, kind: &str, count: usize, number: usize, args: &[String]) {
    let args = args.join(", ");
    if kind.ends_with("indirect") {
        let index = source.constant(I32, number as u64);
        let op = if kind == "indirect" {
            "call_indirect"
        } else {
            "return_call_indirect"
        };
        let call = format!("{op} table0, sig{number}, {index}({args})");
        return end(source, kind, &call);
    }
    let op = if kind == "direct" {
        "call"
    } else {
        "return_call"
    };
    end(source, kind, &format!("{op} @hash{count}({args})"));
}

fn end(source: &mut Source, kind: &str, call: &str) {
    if kind.starts_with("tail") {
        return source.line(format!("    {call}\n}}"));
    }
    let result = source.def(call);
    let more = source.def(format!("iadd.i64 {result}, {result}"));
    source.end(&[more]);
}

/// The arguments with those of one type in reverse.
fn reversed<T: Clone>(types: &[Type], values: &[T]) -> Vec<T> {
    let of = |ty| (0..types.len()).filter(move |at| types[*at] == ty);
    let mut values_out = values.to_vec();
    for ty in [I8, I16, I32, I64, F32, F64] {
        for (to, from) in of(ty).zip(of(ty).collect::<Vec<_>>().into_iter().rev()) {
            values_out[to] = values[from].clone();
        }
    }
    values_out
}

/// Functions with each number of arguments; functions that pass them on in order and reversed; and
/// functions of one argument that make all others.
fn source_of_calls() -> String {
    let mut source = Source::default();
    let hashes: Vec<String> = COUNTS.iter().map(|count| format!("@hash{count}")).collect();
    source.line(format!("table table0 func = {}", COUNTS.len()));
    source.line(format!("elem elem0 at table0 0 = [{}]", hashes.join(", ")));
    for (number, count) in COUNTS.iter().enumerate() {
        let types = cycle(MIXED, *count);
        source.line(format!("sig{number} = ({}) -> i64", list(&types)));
    }
    for (number, count) in COUNTS.iter().copied().enumerate() {
        let types = cycle(MIXED, count);
        let params = source.begin(&format!("hash{count}"), &types, &[I64]);
        let sum = source.fold_all(&types, &params);
        source.end(&[sum]);
        for kind in KINDS {
            let params = source.begin(&format!("{kind}_same{count}"), &types, &[I64]);
            end_with_call(&mut source, kind, count, number, &params);
            let params = source.begin(&format!("{kind}_reversed{count}"), &types, &[I64]);
            let params = reversed(&types, &params);
            end_with_call(&mut source, kind, count, number, &params);
            let param = source.begin(&format!("{kind}_made{count}"), &[I64], &[I64]);
            let mut args: Vec<String> = types
                .iter()
                .enumerate()
                .map(|(at, ty)| source.constant(*ty, sample(*ty, at)))
                .collect();
            args[0] = param[0].clone();
            args[count / 2 / 10 * 10] = param[0].clone();
            end_with_call(&mut source, kind, count, number, &args);
        }
    }
    source.text
}

#[test]
fn many_arguments_through_calls_of_every_kind() {
    common::on_every_configuration(&source_of_calls(), |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        let mut check = |kind: &str, how: &str, count: usize, args: &[Scalar], bits: Vec<u64>| {
            let hash = fold_all(bits);
            let hash = if kind.starts_with("tail") {
                hash
            } else {
                hash.wrapping_mul(2)
            };
            let name = format!("{kind}_{how}{count}");
            let expected = Ok(vec![Scalar::i64(hash as i64)]);
            assert_eq!(
                instance.call(&name, args),
                expected,
                "{configuration}: {name}"
            );
        };
        for count in COUNTS.iter().copied() {
            let types = cycle(MIXED, count);
            let args: Vec<Scalar> = (0..count)
                .map(|at| Scalar::new(types[at], sample(types[at], 3 * at + 1)))
                .collect();
            let bits: Vec<u64> = args.iter().map(|arg| arg.bits()).collect();
            let mut made: Vec<u64> = (0..count).map(|at| sample(types[at], at)).collect();
            (made[0], made[count / 2 / 10 * 10]) = (5, 5);
            for kind in KINDS {
                check(kind, "same", count, &args, bits.clone());
                check(kind, "reversed", count, &args, reversed(&types, &bits));
                check(kind, "made", count, &[Scalar::i64(5)], made.clone());
            }
        }
    });
}

/// Functions with 3, 255 and 11 arguments that call one another at their ends, so often that no frame
/// may remain.
#[test]
fn tail_calls_between_functions_with_different_numbers_of_arguments() {
    const LENGTHS: [usize; 3] = [3, 255, 11];
    const ROUNDS: u64 = 3000;
    let types = |length| [&[I64][..], &cycle(MIXED, length)].concat();
    let mut source = Source::default();
    for (number, length) in LENGTHS.into_iter().enumerate() {
        let next = LENGTHS[(number + 1) % LENGTHS.len()];
        let types = types(length);
        let params = source.begin(&format!("f{length}"), &types, &[I64, F64]);
        source.line(format!("    brif {}, block1, block2", params[0]));
        source.block(1, &[]);
        let one = source.constant(I64, 1);
        let left = source.def(format!("isub.i64 {}, {one}", params[0]));
        // What is there goes round; what is not is made.
        let first = source.def(format!("iadd.i64 {}, {one}", params[1]));
        let mut args = vec![left, first];
        for (at, ty) in cycle(MIXED, next).into_iter().enumerate().skip(1) {
            args.push(match at < length && at % 10 != 8 {
                true => params[1 + at].clone(),
                false => source.constant(ty, sample(ty, at)),
            });
        }
        source.line(format!("    return_call @f{next}({})", args.join(", ")));
        source.block(2, &[]);
        let sum = source.fold_all(&types[2..], &params[2..]);
        let mixed = source.def(format!("bxor.i64 {sum}, {}", params[1]));
        let float = source.constant(F64, sample(F64, length));
        source.end(&[mixed, float]);
    }
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for start in 0..3 {
            let (length, last) = (LENGTHS[start], LENGTHS[(start + ROUNDS as usize + 1) % 3]);
            let mut args = vec![Scalar::i64(ROUNDS as i64 + 1), Scalar::i64(0)];
            for (at, ty) in cycle(MIXED, length).into_iter().enumerate().skip(1) {
                args.push(Scalar::new(ty, sample(ty, at)));
            }
            let types = cycle(MIXED, last);
            let hash = fold_all((1..last).map(|at| sample(types[at], at)));
            let expected = vec![
                Scalar::i64((hash ^ (ROUNDS + 1)) as i64),
                Scalar::new(F64, sample(F64, last)),
            ];
            let got = instance.call(&format!("f{length}"), &args);
            assert_eq!(got, Ok(expected), "{configuration}: @f{length}");
        }
    });
}

/// The host gets a hundred arguments and gives sixty results, of which each is a number of its own.
#[test]
fn many_arguments_of_the_host_and_many_results() {
    let (params, results) = (cycle(MIXED, 100), cycle(&[F32, I8, I64, F64, I16, I32], 60));
    let mut source = Source::default();
    source.line(format!(
        "import func @host({}) -> ({}) = \"host\" \"many\"",
        list(&params),
        list(&results)
    ));
    let seed = source.begin("call", &[I64], &[I64]);
    let mut args: Vec<String> = params
        .iter()
        .enumerate()
        .map(|(at, ty)| source.constant(*ty, sample(*ty, at)))
        .collect();
    args[60] = seed[0].clone();
    let names = source.names(results.len());
    source.line(format!(
        "    {} = call @host({})",
        names.join(", "),
        args.join(", ")
    ));
    let sum = source.fold_all(&results, &names);
    let sum = source.def(format!("bxor.i64 {sum}, {}", seed[0]));
    source.end(&[sum]);
    let all = source.begin("tail", &params, &results);
    source.line(format!("    return_call @host({})\n}}", all.join(", ")));

    let (types, given) = (params.clone(), results.clone());
    let host = HostFunc::new(common::signature(&params, &results), move |_, args| {
        let sum = fold_all(args.iter().map(|arg| arg.bits()));
        assert!(args.iter().map(|arg| arg.ty()).eq(types.iter().copied()));
        Ok(given
            .iter()
            .enumerate()
            .map(|(at, ty)| Scalar::new(*ty, sample(*ty, at + sum as usize % 1000)))
            .collect())
    });
    let mut imports = Imports::new();
    imports.func("host", "many", host);
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &imports);
        let mut args: Vec<Scalar> = (0..params.len())
            .map(|at| Scalar::new(params[at], sample(params[at], at)))
            .collect();
        args[60] = Scalar::i64(-99);
        let sum = fold_all(args.iter().map(|arg| arg.bits())) as usize % 1000;
        let expected: Vec<Scalar> = (0..results.len())
            .map(|at| Scalar::new(results[at], sample(results[at], at + sum)))
            .collect();
        let got = instance.call("tail", &args);
        assert_eq!(got.as_ref(), Ok(&expected), "{configuration}: @tail");
        let hash = fold_all(expected.iter().map(|result| result.bits())) ^ args[60].bits();
        let got = instance.call("call", &[args[60]]);
        assert_eq!(
            got,
            Ok(vec![Scalar::i64(hash as i64)]),
            "{configuration}: @call"
        );
    });
}

/// Twenty results of all types, some of which nobody uses, while as many values live across the call.
#[test]
fn many_results_while_many_values_live_on() {
    let types = cycle(MIXED, 20);
    let mut source = Source::default();
    let params = source.begin("turn", &types, &types);
    source.end(&reversed(&types, &params));
    let params = source.begin("f", &types, &[I64, I64]);
    let names = source.names(types.len());
    source.line(format!(
        "    {} = call @turn({})",
        names.join(", "),
        params.join(", ")
    ));
    let again = source.names(types.len());
    source.line(format!(
        "    {} = call @turn({})",
        again.join(", "),
        names.join(", ")
    ));
    let (mut sums, every) = (Vec::new(), |list: &[String], step: usize| {
        list.iter().step_by(step).cloned().collect::<Vec<_>>()
    });
    let thinned: Vec<Type> = types.iter().step_by(3).copied().collect();
    sums.push(source.fold_all(&thinned, &every(&again, 3)));
    sums.push(source.fold_all(&types, &params));
    source.end(&sums);
    common::on_every_configuration(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        let args: Vec<Scalar> = (0..types.len())
            .map(|at| Scalar::new(types[at], sample(types[at], 11 * at)))
            .collect();
        let got = instance.call("turn", &args);
        assert_eq!(got, Ok(reversed(&types, &args)), "{configuration}: @turn");
        let bits: Vec<u64> = args.iter().map(|arg| arg.bits()).collect();
        let expected = [
            fold_all(bits.iter().copied().step_by(3)),
            fold_all(bits.iter().copied()),
        ];
        let expected = expected.map(|sum| Scalar::i64(sum as i64)).to_vec();
        assert_eq!(
            instance.call("f", &args),
            Ok(expected),
            "{configuration}: @f"
        );
    });
}

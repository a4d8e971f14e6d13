//! Every trap in every way that the IR can raise it, on every configuration; and what is left behind.
//!
//! A *case* is an exported function whose body traps. Around the body it writes a token to memory and
//! to a global, and would write others after it: so a trap that comes too early or too late is seen.

mod common;

use std::fmt::Write;
use std::sync::Arc;

use bakeoff_backend::{Executable, Instance};
use bakeoff_ir::{Scalar, TrapCode, Type};

const INTS: [Type; 4] = [Type::I8, Type::I16, Type::I32, Type::I64];
const TYPES: [Type; 6] = [
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::F32,
    Type::F64,
];
const PAGE: u64 = 65536;

/// Declarations and functions that every module of cases has.
const PRELUDE: &str = r#"
import func @host_trap() = "host" "trap"
memory mem0 = 1..2
memory mem1 = 1..1
export "mem" = mem0
table table0 func = 3..3
table table1 extern = 3..5
global global0: i32 mut = 0
export "token" = global0
sig0 = () -> i32
sig1 = (f64) -> i32
elem elem0 at table0 1 = [@two]
elem elem1 passive = [null, null]
data data0 passive = "abcd"
func @two() -> i32 {
block0:
    v0 = iconst.i32 2
    return v0
}
export func @fib(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 2
    v2 = icmp.i32 slt v0, v1
    brif v2, block1, block2
block1:
    return v0
block2:
    v3 = isub.i32 v0, v1
    v4 = call @fib(v3)
    v5 = iconst.i32 1
    v6 = isub.i32 v0, v5
    v7 = call @fib(v6)
    v8 = iadd.i32 v4, v7
    return v8
}
"#;

/// Where the token is in memory.
const TOKEN_AT: usize = 64;

struct Case {
    /// The function's parameters are the types of these.
    args: Vec<Vec<Scalar>>,
    expect: TrapCode,
    token: u32,
}

#[derive(Default)]
struct Cases {
    source: String,
    cases: Vec<Case>,
}

impl Cases {
    /// A function with this body, whose parameters are `v0`, `v1`, …; it traps with each row of
    /// arguments. `result` is the type of `v50` in the body, if the trapping op has a result: then
    /// there is a function that uses it and one that does not.
    fn add(&mut self, expect: TrapCode, args: Vec<Vec<Scalar>>, body: &str, result: Option<Type>) {
        self.add_variant(expect, args.clone(), body, None);
        if result.is_some() {
            self.add_variant(expect, args, body, result);
        }
    }

    fn add_variant(
        &mut self,
        expect: TrapCode,
        args: Vec<Vec<Scalar>>,
        body: &str,
        result: Option<Type>,
    ) {
        let number = self.cases.len();
        let token = 0x1000_0000 + number as u32;
        let types: Vec<Type> = args[0].iter().map(|a| a.ty()).collect();
        let names = |with_value: bool| {
            let list = types.iter().enumerate().map(|(i, ty)| match with_value {
                true => format!("v{i}: {ty}"),
                false => ty.to_string(),
            });
            list.collect::<Vec<_>>().join(", ")
        };
        let results = result.map(|ty| format!(" -> {ty}")).unwrap_or_default();
        let params = match types.is_empty() {
            true => String::new(),
            false => format!("({})", names(true)),
        };
        let value = if result.is_some() { " v50" } else { "" };
        write!(
            self.source,
            "export func @case{number}({}){results} {{
block0{params}:
    v100 = iconst.i32 {token}
    v101 = iconst.i32 {TOKEN_AT}
    v102 = iconst.i32 -1
    global_set.i32 global0, v100
    store.i32 mem0, v100, v101
    {body}
    global_set.i32 global0, v102
    store.i32 mem0, v102, v101
    return{value}
}}
",
            names(false)
        )
        .unwrap();
        self.cases.push(Case {
            args,
            expect,
            token,
        });
    }

    /// Runs everything on every configuration.
    fn run(&self) {
        let source = format!("{PRELUDE}{}", self.source);
        common::on_every_configuration(&source, |name, executable| self.run_on(name, executable));
    }

    fn run_on(&self, name: &str, executable: &Arc<dyn Executable>) {
        let mut instance = common::instantiate(executable, &common::imports());
        for (number, case) in self.cases.iter().enumerate() {
            for args in &case.args {
                let what = || {
                    format!(
                        "{name}: @case{number}({args:?}):\n{}",
                        self.function(number)
                    )
                };
                let got = common::trap_of(instance.call(&format!("case{number}"), args));
                assert_eq!(got, Ok(case.expect), "{}", what());
                check_state(&mut instance, case.token, &what);
            }
        }
    }

    fn function(&self, number: usize) -> &str {
        let mut functions = self.source.split_inclusive("}\n");
        functions.nth(number).unwrap_or_default()
    }
}

/// The state is as the trap found it, and the instance works.
fn check_state(instance: &mut Instance, token: u32, what: &impl Fn() -> String) {
    let global = instance.global("token").unwrap().bits();
    assert_eq!(global, u64::from(token), "the global after {}", what());
    let memory = instance.memory_mut("mem").unwrap();
    assert_eq!(memory.len() as u64, PAGE);
    assert_eq!(
        memory[TOKEN_AT..TOKEN_AT + 4],
        token.to_le_bytes(),
        "memory after {}",
        what()
    );
    memory[TOKEN_AT..TOKEN_AT + 4].fill(0);
    let written = memory.iter().position(|byte| *byte != 0);
    assert_eq!(written, None, "a byte that nobody wrote, after {}", what());
    let fib = instance.call("fib", &[Scalar::i32(7)]);
    assert_eq!(fib, Ok(vec![Scalar::i32(13)]), "after {}", what());
}

fn scalar(ty: Type, bits: i64) -> Scalar {
    Scalar::new(ty, bits as u64 & ty.mask())
}

#[test]
fn divisions() {
    let mut cases = Cases::default();
    for ty in INTS {
        let (least, minus_one) = (i64::MIN >> (64 - ty.bits()), -1);
        for op in ["sdiv", "udiv", "srem", "urem"] {
            let trap = TrapCode::IntegerDivisionByZero;
            let zero = scalar(ty, 0);
            let dividends = [7, 0, -1, least].map(|x| scalar(ty, x));
            let body = format!("v50 = {op}.{ty} v0, v1");
            let args = dividends.map(|x| vec![x, zero]).to_vec();
            cases.add(trap, args, &body, Some(ty));
            let body = format!("v1 = iconst.{ty} 0\n    v50 = {op}.{ty} v0, v1");
            cases.add(trap, dividends.map(|x| vec![x]).to_vec(), &body, Some(ty));
            let body = format!("v1 = iconst.{ty} 7\n    v50 = {op}.{ty} v1, v0");
            cases.add(trap, vec![vec![zero]], &body, Some(ty));
        }
        let trap = TrapCode::IntegerOverflow;
        let [least_arg, minus_one_arg] = [least, minus_one].map(|x| scalar(ty, x));
        let body = format!("v50 = sdiv.{ty} v0, v1");
        cases.add(trap, vec![vec![least_arg, minus_one_arg]], &body, Some(ty));
        let body = format!("v1 = iconst.{ty} -1\n    v50 = sdiv.{ty} v0, v1");
        cases.add(trap, vec![vec![least_arg]], &body, Some(ty));
        let body = format!("v1 = iconst.{ty} {least}\n    v50 = sdiv.{ty} v1, v0");
        cases.add(trap, vec![vec![minus_one_arg]], &body, Some(ty));
        let constants = format!("v0 = iconst.{ty} {least}\n    v1 = iconst.{ty} -1");
        let body = format!("{constants}\n    v50 = sdiv.{ty} v0, v1");
        cases.add(trap, vec![vec![]], &body, Some(ty));
    }
    cases.run();
}

/// All accesses: how one is written with `v9` as the index, its width, and the type of its result.
fn accesses() -> Vec<(String, u64, Option<Type>)> {
    let mut all = Vec::new();
    for ty in TYPES {
        let width = u64::from(ty.bytes());
        all.push((format!("v50 = load.{ty} mem0, v9"), width, Some(ty)));
        let constant = if ty.is_float() { "fconst" } else { "iconst" };
        let value = if ty.is_float() { "1.5" } else { "77" };
        let store = format!("v8 = {constant}.{ty} {value}\n    store.{ty} mem0, v8, v9");
        all.push((store, width, None));
        for narrow in INTS
            .into_iter()
            .filter(|n| ty.is_int() && n.bits() < ty.bits())
        {
            let width = u64::from(narrow.bytes());
            for op in ["sload", "uload"] {
                let load = format!("v50 = {op}.{ty}.{narrow} mem0, v9");
                all.push((load, width, Some(ty)));
            }
            let store = format!("v8 = iconst.{ty} 77\n    istore.{ty}.{narrow} mem0, v8, v9");
            all.push((store, width, None));
        }
    }
    all
}

/// Indices that make an access of this width at this offset go out of a memory of one page.
fn bad_indices(index: Type, offset: u64, width: u64) -> Vec<i64> {
    let first_bad = (PAGE + 1).saturating_sub(offset + width);
    let limit = index.mask();
    let mut indices = vec![
        first_bad,
        first_bad + 1,
        PAGE,
        PAGE + 1,
        1 << 31,
        0xffff_ffff,
    ];
    // What a 64-bit sum wraps to, or what 32 bits cut it to, would be inside.
    indices.extend([1 << 32, 1 << 63, limit, limit - 1]);
    indices.extend([0, 8, width, PAGE].map(|x| limit.wrapping_sub(offset).wrapping_add(x)));
    indices.retain(|i| *i <= limit && *i >= first_bad);
    indices.sort_unstable();
    indices.dedup();
    indices.into_iter().map(|i| i as i64).collect()
}

#[test]
fn accesses_out_of_bounds() {
    let mut cases = Cases::default();
    for (access, width, result) in accesses() {
        for index in [Type::I32, Type::I64] {
            for offset in [
                0,
                1,
                PAGE - width,
                PAGE,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_ffff,
            ] {
                let bad = bad_indices(index, offset, width);
                let at = if offset == 0 {
                    String::new()
                } else {
                    format!("+{offset}")
                };
                let body = format!("{access}{at}").replace("v9", "v0");
                let args = bad.iter().map(|i| vec![scalar(index, *i)]).collect();
                cases.add(TrapCode::MemoryOutOfBounds, args, &body, result);
                // The same with constants, which are folded into addresses.
                for i in [bad[0], bad[bad.len() - 1]] {
                    let i = scalar(index, i).signed();
                    let body = format!("v9 = iconst.{index} {i}\n    {access}{at}");
                    cases.add_variant(TrapCode::MemoryOutOfBounds, vec![vec![]], &body, result);
                }
            }
        }
    }
    assert!(cases.cases.len() > 1500);
    cases.run();
}

#[test]
fn the_last_byte_is_inside_and_growth_moves_the_end() {
    let mut source = String::from("memory mem0 = 1..2\n");
    source.push_str(
        "export func @grow() {\nblock0:\n    v0 = iconst.i32 1\n    v1 = memory_grow.i32 mem0, v0\n    return\n}\n",
    );
    let accesses = accesses();
    for (number, (access, _, result)) in accesses.iter().enumerate() {
        for index in [Type::I32, Type::I64] {
            let results = result.map(|ty| format!(" -> {ty}")).unwrap_or_default();
            let value = if result.is_some() { " v50" } else { "" };
            let access = access.replace("v9", "v0");
            write!(
                source,
                "export func @f{number}_{index}({index}){results} {{\nblock0(v0: {index}):\n    {access}+16\n    return{value}\n}}\n"
            )
            .unwrap();
        }
    }
    common::on_every_configuration(&source, |name, executable| {
        let mut instance = common::instantiate(executable, &common::imports());
        for pages in 1..=2 {
            for (number, (access, width, _)) in accesses.iter().enumerate() {
                for index in [Type::I32, Type::I64] {
                    let last = (pages * PAGE - width - 16) as i64;
                    let export = format!("f{number}_{index}");
                    let inside = instance.call(&export, &[scalar(index, last)]);
                    assert!(inside.is_ok(), "{name}: {access} {inside:?}");
                    let outside = instance.call(&export, &[scalar(index, last + 1)]);
                    assert_eq!(
                        common::trap_of(outside),
                        Ok(TrapCode::MemoryOutOfBounds),
                        "{name}: {access}, {pages} pages"
                    );
                }
            }
            instance.call("grow", &[]).unwrap();
        }
    });
}

/// How an index is computed from `v0` and `v1`: in the text, and in numbers before they wrap.
type Sum = (&'static str, fn(u64, u64) -> u64);

/// Backends fold sums into addresses, but the sum wraps at the width of its type, and only then the
/// offset is added, without wrapping.
#[test]
fn sums_as_indices_wrap_before_the_offset_is_added() {
    const SUMS: [Sum; 7] = [
        ("v9 = iadd.T v0, v1", |a, b| a.wrapping_add(b)),
        ("v8 = iconst.T -4\n    v9 = iadd.T v0, v8", |a, _| {
            a.wrapping_sub(4)
        }),
        ("v8 = iconst.T 65532\n    v9 = iadd.T v8, v0", |a, _| {
            a.wrapping_add(65532)
        }),
        ("v8 = iconst.T 4\n    v9 = isub.T v0, v8", |a, _| {
            a.wrapping_sub(4)
        }),
        (
            "v7 = iconst.T 2\n    v8 = ishl.T v1, v7\n    v9 = iadd.T v0, v8",
            |a, b| a.wrapping_add(b << 2),
        ),
        (
            "v7 = iconst.T 31\n    v8 = ishl.T v1, v7\n    v9 = iadd.T v8, v0",
            |a, b| a.wrapping_add(b << 31),
        ),
        (
            "v7 = iconst.T 3\n    v8 = ishl.T v0, v7\n    v9 = iadd.T v8, v8",
            |a, _| (a << 3).wrapping_add(a << 3),
        ),
    ];
    const OFFSETS: [u64; 4] = [0, 4, 65528, 0xffff_fffc];
    let mut source = String::from("memory mem0 = 1..1\n");
    let mut cases = Vec::new();
    for ty in [Type::I32, Type::I64] {
        for (sum, value) in SUMS {
            for offset in OFFSETS {
                let number = cases.len();
                let sum = sum.replace(".T", &format!(".{ty}"));
                write!(
                    source,
                    "export func @load{number}({ty}, {ty}) -> i32 {{\nblock0(v0: {ty}, v1: {ty}):\n    {sum}\n    v20 = load.i32 mem0, v9+{offset}\n    return v20\n}}
export func @store{number}({ty}, {ty}) {{\nblock0(v0: {ty}, v1: {ty}):\n    {sum}\n    v20 = iconst.i32 0\n    store.i32 mem0, v20, v9+{offset}\n    return\n}}\n"
                )
                .unwrap();
                cases.push((ty, value, offset, sum));
            }
        }
    }
    common::on_every_configuration(&source, |name, executable| {
        let mut instance = common::instantiate(executable, &common::imports());
        let mut inside = 0;
        for (number, (ty, value, offset, sum)) in cases.iter().enumerate() {
            let most = ty.mask();
            let values = [
                0,
                4,
                5,
                4096,
                8191,
                8192,
                65528,
                65532,
                65536,
                most,
                most - 3,
                most / 2 + 1,
            ];
            for (a, b) in values.iter().flat_map(|a| values.map(|b| (*a, b))) {
                let index = value(a, b) & most;
                let end = index.checked_add(offset + 4);
                let fits = end.is_some_and(|end| end <= PAGE);
                inside += u32::from(fits);
                let args = [Scalar::new(*ty, a), Scalar::new(*ty, b)];
                for access in ["load", "store"] {
                    let got = instance.call(&format!("{access}{number}"), &args);
                    let agrees = match fits {
                        true => got.is_ok(),
                        false => common::trap_of(got.clone()) == Ok(TrapCode::MemoryOutOfBounds),
                    };
                    assert!(
                        agrees,
                        "{name}: {access} at +{offset} of {sum} with {a} and {b} gave {got:?}"
                    );
                }
            }
        }
        assert!(inside > 500, "{inside}");
    });
}

fn row(types: &[Type], values: &[i64]) -> Vec<Scalar> {
    let typed = types.iter().zip(values);
    typed.map(|(ty, value)| scalar(*ty, *value)).collect()
}

#[test]
fn bulk_memory() {
    let mut cases = Cases::default();
    let trap = TrapCode::MemoryOutOfBounds;
    let page = PAGE as i64;
    for ty in [Type::I32, Type::I64] {
        let fill = &[ty, Type::I32, ty];
        let mut rows = vec![
            [page + 1, 9, 0],
            [page, 9, 1],
            [0, 9, page + 1],
            [page - 1, 9, 2],
        ];
        rows.extend([[-1, 9, 0], [-1, 9, 1], [-1, 9, 2], [1, 9, -1], [-1, 9, -1]]);
        rows.push([i64::MIN, 9, i64::MIN]);
        rows.retain(|r| ty == Type::I64 || r[0] != i64::MIN);
        let args = rows.iter().map(|r| row(fill, r)).collect();
        let body = format!("memory_fill.{ty} mem0, v0, v1, v2");
        cases.add(trap, args, &body, None);
        // Both memories and both ranges; only one of the two is out of bounds.
        let copy = &[ty, ty, ty];
        let mut rows = vec![
            [page + 1, 0, 0],
            [0, page + 1, 0],
            [page, 0, 1],
            [0, page, 1],
        ];
        rows.extend([
            [0, 1, page],
            [1, 0, page],
            [-1, 0, 2],
            [0, -1, 2],
            [0, 0, -1],
            [1, 1, -1],
        ]);
        for memories in ["mem0, mem0", "mem0, mem1", "mem1, mem0", "mem1, mem1"] {
            let args = rows.iter().map(|r| row(copy, r)).collect();
            let body = format!("memory_copy.{ty} {memories}, v0, v1, v2");
            cases.add(trap, args, &body, None);
        }
        let init = &[ty, Type::I32, Type::I32];
        let mut rows = vec![
            [page + 1, 0, 0],
            [page - 1, 0, 2],
            [0, 5, 0],
            [0, 4, 1],
            [0, 0, 5],
        ];
        rows.extend([[-1, 0, 1], [0, -1, 1], [0, 1, -1], [0, -1, 2]]);
        let args = rows.iter().map(|r| row(init, r)).collect();
        let body = format!("memory_init.{ty} mem0, data0, v0, v1, v2");
        cases.add(trap, args, &body, None);
    }
    // A dropped segment is empty; this one is last, since the drop stays.
    let dropped = "data_drop data0\n    memory_init.i32 mem0, data0, v0, v0, v1";
    let args = vec![row(&[Type::I32; 2], &[0, 1]), row(&[Type::I32; 2], &[1, 0])];
    cases.add(trap, args, dropped, None);
    cases.run();
}

#[test]
fn tables() {
    use Type::{I32, I64};
    let mut cases = Cases::default();
    let trap = TrapCode::TableOutOfBounds;
    let beyond = || [3, 4, 0x7fff_ffff, -1, i64::from(i32::MIN)].map(|i| scalar(I32, i));
    let indices = || beyond().map(|i| vec![i]).to_vec();
    for table in ["table0", "table1"] {
        cases.add(
            trap,
            indices(),
            &format!("v50 = table_get {table}, v0"),
            Some(I64),
        );
        let body = format!("v8 = iconst.i64 0\n    table_set {table}, v0, v8");
        cases.add(trap, indices(), &body, None);
        let rows = [[4, 0], [3, 1], [0, 4], [2, 2], [-1, 1], [-1, 2], [1, -1]];
        let pairs = || rows.iter().map(|r| row(&[I32; 2], r)).collect();
        let body = format!("v8 = iconst.i64 0\n    table_fill {table}, v0, v8, v1");
        cases.add(trap, pairs(), &body, None);
        for other in ["v0, v8", "v8, v0"] {
            let body = format!("v8 = iconst.i32 0\n    table_copy {table}, {table}, {other}, v1");
            cases.add(trap, pairs(), &body, None);
        }
    }
    let rows = [
        [4, 0, 0],
        [0, 3, 0],
        [0, 0, 3],
        [2, 0, 2],
        [-1, 0, 1],
        [0, -1, 2],
        [0, 1, -1],
    ];
    let args = rows.iter().map(|r| row(&[I32; 3], r)).collect();
    cases.add(trap, args, "table_init table1, elem1, v0, v1, v2", None);
    for reference in [4096, -1, i64::MIN, 1 << 32] {
        let trap = TrapCode::BadSignature;
        let none = || vec![vec![]];
        let constants =
            format!("v0 = iconst.i32 0\n    v1 = iconst.i64 {reference}\n    v2 = iconst.i32 1");
        for op in [
            "table_set table0, v0, v1",
            "table_fill table0, v0, v1, v2",
            "v3 = table_grow table0, v1, v2",
        ] {
            cases.add(trap, none(), &format!("{constants}\n    {op}"), None);
        }
    }
    // A tail call ends its function: what comes after the body is in a block that is never reached.
    for call in [
        "v50 = call_indirect table0, SIG",
        "return_call_indirect table0, SIG",
    ] {
        let args = |index: i64| vec![row(&[I32], &[index])];
        let tail = call.starts_with("return");
        let result = Some(I32);
        let mut add = |trap, args, call: &str| match tail {
            true => cases.add_variant(
                trap,
                args,
                &format!("{call}\nblock1:\n    v50 = iconst.i32 1"),
                result,
            ),
            false => cases.add(trap, args, call, result),
        };
        let plain = call.replace("SIG", "sig0, v0()");
        add(trap, indices(), &plain);
        add(TrapCode::IndirectCallToNull, args(0), &plain);
        add(TrapCode::IndirectCallToNull, args(2), &plain);
        let other = format!(
            "v8 = fconst.f64 1.0\n    {}",
            call.replace("SIG", "sig1, v0(v8)")
        );
        add(TrapCode::BadSignature, args(1), &other);
        add(TrapCode::IndirectCallToNull, args(0), &other);
        add(trap, args(3), &other);
    }
    cases.run();
}

#[test]
fn traps_on_purpose() {
    let mut cases = Cases::default();
    let codes: Vec<TrapCode> = TrapCode::NAMED.to_vec();
    let users = [0, 1, 63, 64, TrapCode::MAX_USER].map(TrapCode::User);
    for code in codes.into_iter().chain(users) {
        let rest = "block1:\n    v7 = iconst.i8 0";
        cases.add(code, vec![vec![]], &format!("trap {code}\n{rest}"), None);
        for ty in INTS {
            let top = 1 << (ty.bits() - 1);
            let set = [1, -1, top, 2].map(|x| vec![scalar(ty, x)]).to_vec();
            cases.add(code, set, &format!("trapnz v0, {code}"), None);
            let clear = vec![vec![scalar(ty, 0)]];
            cases.add(code, clear, &format!("trapz v0, {code}"), None);
        }
        let body = format!("v7 = icmp.i32 eq v101, v101\n    trapnz v7, {code}");
        cases.add(code, vec![vec![]], &body, None);
    }
    cases.add(TrapCode::Host, vec![vec![]], "call @host_trap()", None);
    cases.run();
}

/// Values that are out of range of the integer type after rounding towards zero, as far as the float
/// can express it.
fn out_of_range(signed: bool, to: Type, from: Type) -> Vec<Scalar> {
    let bits = to.bits() as i32 - i32::from(signed);
    let above = 2f64.powi(bits);
    let below = match signed {
        true => -(2f64.powi(bits)),
        false => 0.0,
    };
    match from {
        Type::F32 => {
            let below = below as f32;
            // -1 is the first below zero; else what comes before the least value, or before the value
            // one below it if that is a float.
            let below = if signed { below.next_down() } else { -1.0 };
            let values = [
                above as f32,
                (above as f32).next_up(),
                below,
                f32::MAX,
                f32::MIN,
            ];
            let infinite = [f32::INFINITY, f32::NEG_INFINITY];
            values
                .into_iter()
                .chain(infinite)
                .map(Scalar::f32)
                .collect()
        }
        _ => {
            let below = match (signed, to) {
                (true, Type::I32) => below - 1.0,
                (true, _) => below.next_down(),
                (false, _) => -1.0,
            };
            let values = [above, above.next_up(), below, f64::MAX, f64::MIN];
            let infinite = [f64::INFINITY, f64::NEG_INFINITY];
            values
                .into_iter()
                .chain(infinite)
                .map(Scalar::f64)
                .collect()
        }
    }
}

#[test]
fn conversions() {
    let mut cases = Cases::default();
    for (op, signed) in [("fcvt_to_sint", true), ("fcvt_to_uint", false)] {
        for to in [Type::I32, Type::I64] {
            for from in [Type::F32, Type::F64] {
                let body = format!("v50 = {op}.{to}.{from} v0");
                let range = out_of_range(signed, to, from);
                let range = range.into_iter().map(|x| vec![x]).collect();
                cases.add(TrapCode::IntegerOverflow, range, &body, Some(to));
                let patterns = match from {
                    Type::F32 => [0x7fc0_0000u64, 0xffc0_0000, 0x7f80_0001, 0xff80_0001],
                    _ => [
                        0x7ff8 << 48,
                        0xfff8 << 48,
                        (0x7ff0 << 48) | 1,
                        (0xfff0 << 48) | 1,
                    ],
                };
                let nans = patterns.map(|bits| vec![Scalar::new(from, bits)]).to_vec();
                cases.add(TrapCode::BadConversionToInteger, nans, &body, Some(to));
            }
        }
    }
    cases.run();
}

#[test]
fn growth_beyond_the_limit_is_a_result() {
    let source = r#"
memory mem0 = 1..3
memory mem1 = 0
table table0 extern = 1..4
export func @mem_i32(i32) -> (i32, i32) {
block0(v0: i32):
    v1 = memory_grow.i32 mem0, v0
    v2 = memory_size.i32 mem0
    return v1, v2
}
export func @mem_i64(i64) -> (i64, i64) {
block0(v0: i64):
    v1 = memory_grow.i64 mem0, v0
    v2 = memory_size.i64 mem0
    return v1, v2
}
export func @endless(i64) -> i64 {
block0(v0: i64):
    v1 = memory_grow.i64 mem1, v0
    return v1
}
export func @table(i32) -> (i32, i32) {
block0(v0: i32):
    v1 = iconst.i64 0
    v2 = table_grow table0, v1, v0
    v3 = table_size table0
    return v2, v3
}
"#;
    common::on_every_configuration(source, |name, executable| {
        let mut instance = common::instantiate(executable, &common::imports());
        let mut check = |export: &str, ty: Type, grow: i64, expect: &[i64]| {
            let got = instance.call(export, &[scalar(ty, grow)]);
            let expect = expect.iter().map(|x| scalar(ty, *x)).collect();
            assert_eq!(got, Ok(expect), "{name}: {export} {grow}");
        };
        for grow in [
            3,
            4,
            65535,
            65536,
            65537,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            -1,
        ] {
            check("mem_i32", Type::I32, grow, &[-1, 1]);
            check("mem_i64", Type::I64, grow, &[-1, 1]);
        }
        for grow in [1 << 32, (1 << 32) + 1, i64::MAX, i64::MIN, -2, 1 << 48] {
            check("mem_i64", Type::I64, grow, &[-1, 1]);
            check("endless", Type::I64, grow, &[-1]);
        }
        check("endless", Type::I64, 65537, &[-1]);
        check("mem_i32", Type::I32, 2, &[1, 3]);
        check("mem_i64", Type::I64, 1, &[-1, 3]);
        check("mem_i64", Type::I64, 0, &[3, 3]);
        for grow in [4, i64::from(i32::MAX), -1] {
            check("table", Type::I32, grow, &[-1, 1]);
        }
        check("table", Type::I32, 3, &[1, 4]);
        check("table", Type::I32, 1, &[-1, 4]);
    });
}

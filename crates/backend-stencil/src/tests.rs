//! What is too large is an error that names the function, and the next module is compiled all the same.

use std::fmt::Write;

use bakeoff_backend::{CallError, Imports, Instance, NoPhases};
use bakeoff_ir::text::parse_module;
use bakeoff_ir::{Scalar, TrapCode, verify_module};

use super::*;

/// The most bytes of code in these tests.
const LIMIT: usize = 20_000;

static LIMITED: Stencils = Stencils::new(Policy {
    code_limit: LIMIT,
    ..Policy::ALL
});

const SMALL: &str = "export func @small(i64) -> i64 {
block0(v0: i64):
    v1 = iadd.i64 v0, v0
    return v1
}
";

fn compile(backend: &Stencils, source: &str) -> Result<Arc<dyn Executable>, CompileError> {
    let parsed = parse_module(source).unwrap_or_else(|e| panic!("{}", e.render(source, "text")));
    verify_module(&parsed.module).unwrap();
    let (module, options) = (Arc::new(parsed.module), Options::default());
    backend.compile(&module, Target::X64, &options, &mut NoPhases)
}

/// A function in which so many instructions, two bytes or more each, stand in one block.
fn hot(count: usize) -> String {
    let mut source =
        "export func @hot(i64, i32) -> i64 {\nblock0(v0: i64, v1000000: i32):\n".to_string();
    for at in 0..count {
        writeln!(source, "    v{} = imul.i64 v{at}, v0", at + 1).unwrap();
    }
    source + &format!("    return v{count}\n}}\n")
}

/// A function most of which is behind the rest: blocks that end in traps and branch to one another.
fn cold(count: usize) -> String {
    let mut source = "memory mem0 = 1\nexport func @cold(i64, i32) -> i64 {
block0(v0: i64, v1: i32):
    brif v0, block1, block_last
"
    .to_string();
    for at in 1..=count {
        writeln!(source, "block{at}:\n    store.i64 mem0, v0, v1+{at}").unwrap();
        match at == count {
            true => source.push_str("    trap unreachable\n"),
            false => writeln!(source, "    brif v1, block{count}, block{}", at + 1).unwrap(),
        }
    }
    source += "block_last:\n    return v0\n}\n";
    source.replace("block_last", &format!("block{}", count + 1))
}

/// A function with a table of so many entries.
fn table(count: usize) -> String {
    format!(
        "export func @table(i64, i32) -> i64 {{
block0(v0: i64, v1: i32):
    br_table v1, [{}], block2
block1:
    trap unreachable
block2:
    return v0
}}
",
        vec!["block1"; count].join(", ")
    )
}

/// The name of the function that is too large, its size, and the limit.
fn too_large(result: Result<Arc<dyn Executable>, CompileError>) -> (String, u64, u64) {
    match result {
        Err(CompileError::TooLarge {
            function,
            size,
            limit,
            ..
        }) => (function, size, limit),
        Err(other) => panic!("{other}"),
        Ok(code) => panic!("{} bytes of code", code.code_bytes()),
    }
}

/// The next module is none the worse for it.
fn check_small(backend: &Stencils) {
    let mut instance = Instance::new(&compile(backend, SMALL).unwrap(), &Imports::new()).unwrap();
    let result = instance.call("small", &[Scalar::i64(21)]);
    assert_eq!(result, Ok(vec![Scalar::i64(42)]));
}

#[test]
fn too_much_code_is_an_error_wherever_it_stands() {
    let sources = [
        ("hot", hot(10_000)),
        ("cold", cold(3_000)),
        // Little is left when the cold part has begun anew, and branches are far behind it.
        ("cold", cold(1_300)),
        ("table", table(10_000)),
    ];
    for (name, source) in &sources {
        // In a workspace that is new, in one that such code was in, and in one that has grown
        // beyond the limit.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    let both = format!("{SMALL}{source}");
                    let (function, size, limit) = too_large(compile(&LIMITED, &both));
                    assert_eq!((&function[..], limit), (*name, LIMIT as u64));
                    assert!(size > limit);
                    check_small(&LIMITED);
                    let code = compile(&ALL, source).unwrap();
                    assert!(code.code_bytes() > LIMIT, "{name}");
                }
            });
        });
    }
}

#[test]
fn code_up_to_the_limit_is_none() {
    for (result, source) in [(1, hot(4_000)), (7, cold(1_100)), (7, table(4_500))] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let code = compile(&LIMITED, &source).unwrap();
                let bytes = code.code_bytes();
                assert!((LIMIT * 2 / 3..LIMIT).contains(&bytes), "{bytes}");
                let unlimited = compile(&ALL, &source).unwrap();
                assert_eq!(code.code_bytes(), unlimited.code_bytes());
                let mut instance = Instance::new(&code, &Imports::new()).unwrap();
                let name = source.split(['@', '(']).nth(1).unwrap();
                let args = [Scalar::i64(result), Scalar::i32(-1)];
                let expected = match name {
                    "cold" => Err(TrapCode::MemoryOutOfBounds),
                    _ => Ok(vec![Scalar::i64(result)]),
                };
                let got = instance.call(name, &args);
                let got = got.map_err(|error| match error {
                    CallError::Trap(trap) => trap.code,
                    other => panic!("{other}"),
                });
                assert_eq!(got, expected, "@{name}");
            });
        });
    }
}

#[test]
fn a_function_too_large_in_the_middle_is_the_one_that_is_named() {
    let many: String = (0..40)
        .map(|n| hot(200).replace("@hot", &format!("@f{n}")))
        .collect();
    let (function, ..) = too_large(compile(&LIMITED, &many));
    let number: usize = function[1..].parse().unwrap();
    let one = compile(&ALL, &hot(200)).unwrap().code_bytes();
    assert!(
        (LIMIT / one..=LIMIT / one + 10).contains(&number),
        "{function}, {one} bytes each"
    );
    check_small(&LIMITED);
}

fn frame(slots: &[u32]) -> String {
    let mut source = "export func @frame(i64) -> i64 {\n".to_string();
    for (number, bytes) in slots.iter().enumerate() {
        writeln!(source, "    ss{number} = stack_slot {bytes}, align 16").unwrap();
    }
    let last = slots.len() - 1;
    source + &format!("block0(v0: i64):\n    v1 = stack_load.i64 ss{last}+8\n    return v1\n}}\n")
}

#[test]
fn a_frame_of_more_than_a_gibibyte_is_an_error() {
    const GIB: u32 = 1 << 30;
    let bad: &[&[u32]] = &[
        &[GIB],
        &[1 << 31],
        &[1 << 31; 7],
        &[GIB / 2, 16, GIB / 2],
        &[GIB - 8],
    ];
    for slots in bad {
        let (function, size, limit) = too_large(compile(&ALL, &frame(slots)));
        assert_eq!((&function[..], limit), ("frame", u64::from(GIB)));
        let bytes: u64 = slots.iter().map(|bytes| u64::from(*bytes)).sum();
        assert!((bytes..bytes + 100).contains(&size), "{size} for {slots:?}");
        check_small(&ALL);
    }
    // Legal, and more than there is.
    for slots in [&[GIB - 32][..], &[GIB / 2, GIB / 2 - 64]] {
        let code = compile(&ALL, &frame(slots)).unwrap();
        let mut instance = Instance::new(&code, &Imports::new()).unwrap();
        match instance.call("frame", &[Scalar::i64(1)]) {
            Err(CallError::Trap(trap)) => assert_eq!(trap.code, TrapCode::StackOverflow),
            other => panic!("{other:?}"),
        }
    }
}

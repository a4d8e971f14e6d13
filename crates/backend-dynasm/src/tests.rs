//! What is too large is an error that names the function, and the next module is compiled all the same.
//! What is compiled a second time, since its frame turned out larger than was thought, gives the right
//! result and leaves nothing of the first time behind.

use std::fmt::Write;

use bakeoff_backend::{CallError, CodeView, Imports, Instance, NoPhases};
use bakeoff_ir::text::parse_module;
use bakeoff_ir::{Scalar, TrapCode, verify_module};

use super::*;

/// The most bytes of code in these tests.
const LIMIT: usize = 20_000;

static LIMITED: Dynasm = Dynasm::new(Policy {
    code_limit: LIMIT,
    ..Policy::ALL
});

const SMALL: &str = "export func @small(i64) -> i64 {
block0(v0: i64):
    v1 = iadd.i64 v0, v0
    return v1
}
";

fn compile(backend: &Dynasm, source: &str) -> Result<Arc<dyn Executable>, CompileError> {
    let parsed = parse_module(source).unwrap_or_else(|e| panic!("{}", e.render(source, "text")));
    verify_module(&parsed.module).unwrap();
    let (module, options) = (Arc::new(parsed.module), Options::default());
    backend.compile(&module, Target::X64, &options, &mut NoPhases)
}

/// A function in which so many instructions, four bytes or more each, stand in one block.
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
fn check_small(backend: &Dynasm) {
    let mut instance = Instance::new(&compile(backend, SMALL).unwrap(), &Imports::new()).unwrap();
    let result = instance.call("small", &[Scalar::i64(21)]);
    assert_eq!(result, Ok(vec![Scalar::i64(42)]));
}

#[test]
fn too_much_code_is_an_error_wherever_it_stands() {
    let sources = [
        ("hot", hot(10_000)),
        ("cold", cold(3_000)),
        // Little is left when the cold part is appended, and branches are far behind it.
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

// ---- Compiled again ------------------------------------------------------------------------------

/// Constants of [`live`], more than are looked through for one that is there already.
const CONSTANTS: usize = 12;

/// Where they are stored.
const CONSTANTS_AT: usize = 60_000;

/// A function in which so many values live at once, with an access to memory for each; with constants, a
/// table, cold code and maybe a call; between two other functions.
fn live(count: usize, calls: bool) -> String {
    let mut source = format!("memory mem0 = 1\nexport \"mem0\" = mem0\n{SMALL}");
    source += "export func @live(i64, i32) -> i64 {\nblock0(v0: i64, v1: i32):\n";
    let mut line = |text: String| writeln!(source, "    {text}").unwrap();
    line("v2 = imul.i64 v0, v0".to_string());
    for value in 3..count + 2 {
        line(format!("v{value} = imul.i64 v{}, v0", value - 1));
    }
    if calls {
        line("v9000 = call @small(v0)".to_string());
    }
    for value in 2..count + 2 {
        line(format!("store.i64 mem0, v{value}, v1+{}", 8 * value));
    }
    for number in 0..CONSTANTS {
        let (value, at) = (9001 + number, CONSTANTS_AT + 8 * number);
        line(format!("v{value} = fconst.f64 {number}.125"));
        line(format!("store.f64 mem0, v{value}, v1+{at}"));
    }
    line("br_table v1, [block2, block1], block2".to_string());
    source += "block1:\n    trap integer_overflow\nblock2:\n";
    for value in 2..count + 2 {
        let [sum, next] = [10_000 + value, 10_001 + value];
        match value {
            2 => writeln!(source, "    v{next} = bxor.i64 v0, v2").unwrap(),
            _ => writeln!(source, "    v{next} = bxor.i64 v{sum}, v{value}").unwrap(),
        }
    }
    writeln!(source, "    return v{}\n}}", 10_002 + count).unwrap();
    source + &SMALL.replace("@small", "@behind")
}

/// Whether [`live`] computes what it should, and leaves it in memory.
fn check_live(code: &Arc<dyn Executable>, count: usize) {
    let mut instance = Instance::new(code, &Imports::new()).unwrap();
    for arg in [0, 1, -3, i64::MAX] {
        let powers = (0..count).scan(arg, |power, _| {
            *power = power.wrapping_mul(arg);
            Some(*power)
        });
        let powers: Vec<i64> = powers.collect();
        let sum = powers.iter().fold(arg, |sum, power| sum ^ power);
        let got = instance.call("live", &[Scalar::i64(arg), Scalar::i32(0)]);
        assert_eq!(got, Ok(vec![Scalar::i64(sum)]), "{count} values of {arg}");
        let constants = (0..CONSTANTS).map(|number| (number as f64 + 0.125).to_le_bytes());
        let memory = instance.memory("mem0").unwrap();
        let words = memory[16..].chunks(8).zip(&powers);
        let floats = memory[CONSTANTS_AT..].chunks(8).zip(constants);
        assert!(
            words
                .into_iter()
                .all(|(word, power)| *word == power.to_le_bytes())
        );
        assert!(floats.into_iter().all(|(word, constant)| *word == constant));
        let got = instance.call("behind", &[Scalar::i64(arg)]);
        assert_eq!(got, Ok(vec![Scalar::i64(arg.wrapping_mul(2))]));
    }
    let got = instance.call("live", &[Scalar::i64(5), Scalar::i32(1)]);
    match got {
        Err(CallError::Trap(trap)) => assert_eq!(trap.code, TrapCode::IntegerOverflow),
        other => panic!("{other:?}"),
    }
}

/// The size of [`live`] and its first instruction, which tells how the frame is entered. Beside the parts
/// there is nothing, and traps are there once.
fn size_and_entry(code: &Arc<dyn Executable>, count: usize) -> (usize, [u8; 3]) {
    let CodeView::Machine { parts, traps } = code.view() else {
        panic!("machine code");
    };
    let mut end = parts[0].address;
    for part in &parts {
        assert!(part.address - end < 16, "{} is behind a gap", part.name);
        end = part.address + part.bytes.len() as u64;
    }
    let all = code.code_bytes() as u64;
    assert!((0..16).contains(&(all - (end - parts[0].address))));
    assert!(traps.is_sorted_by(|a, b| a.0 < b.0));
    let accesses = traps
        .iter()
        .filter(|trap| trap.1 == TrapCode::MemoryOutOfBounds);
    assert_eq!(accesses.count(), count + CONSTANTS);
    let constants = parts.iter().find(|part| part.name == "constants").unwrap();
    assert_eq!(constants.bytes.len(), 8 * CONSTANTS);
    let live = parts.iter().find(|part| part.name == "@live").unwrap();
    (live.bytes.len(), [0, 1, 2].map(|at| live.bytes[at]))
}

/// Compiles functions with so many live values. Somewhere among them the frame is entered in another way;
/// the code grows by a value at a time there as well.
fn frames_grow(backend: &Dynasm, counts: std::ops::Range<usize>, calls: bool) {
    let mut before: Option<(usize, [u8; 3])> = None;
    let mut changes = 0;
    for count in counts {
        let code = compile(backend, &live(count, calls)).unwrap();
        check_live(&code, count);
        let (size, entry) = size_and_entry(&code, count);
        if let Some((size_before, entry_before)) = before {
            let more = size.abs_diff(size_before);
            assert!(
                more < 200,
                "{more} bytes more for {count} values, of {size}"
            );
            changes += usize::from(entry != entry_before);
        }
        before = Some((size, entry));
    }
    assert_eq!(changes, 1, "ways that the frame is entered");
}

#[test]
fn a_leaf_of_more_than_the_red_zone_is_compiled_again() {
    frames_grow(&ALL, 8..60, false);
    frames_grow(&NO_FUSION, 8..60, false);
    frames_grow(&SPILL, 4..30, false);
}

#[test]
fn a_frame_of_more_than_a_page_is_compiled_again() {
    for backend in [&ALL, &NO_FUSION, &SPILL] {
        for calls in [false, true] {
            frames_grow(backend, 495..535, calls);
        }
    }
}

/// Each comparison could become part of the next one; the compiler must not follow all of them at once.
#[test]
fn a_long_chain_of_comparisons_needs_neither_time_nor_stack() {
    const COUNT: usize = 20_001;
    let mut source = "export func @chain(i8, i32) -> i32 {
block0(v0: i8, v1000000: i32):
    v1000001 = iconst.i8 0
"
    .to_string();
    for at in 0..COUNT {
        writeln!(source, "    v{} = icmp.i8 eq v{at}, v1000001", at + 1).unwrap();
    }
    write!(
        source,
        "    brif v{COUNT}, block1, block2
block1:
    return v1000000
block2:
    v1000002 = iconst.i32 7
    return v1000002
}}
"
    )
    .unwrap();
    let code = compile(&ALL, &source).unwrap();
    let mut instance = Instance::new(&code, &Imports::new()).unwrap();
    for (input, expected) in [(0, 5), (1, 7), (-3, 7)] {
        let args = [Scalar::i8(input), Scalar::i32(5)];
        assert_eq!(
            instance.call("chain", &args),
            Ok(vec![Scalar::i32(expected)])
        );
    }
}

//! What the fast backends promise, measured in one interleaved run: `cargo bench --bench targets`.
//!
//! 1. The suite's WebAssembly programs on Cranelift, on the stencil backend and the one-pass compiler, and on
//!    these two without what makes them fast: geometric means of compile time (behind another compilation,
//!    and behind runs of programs, which leave nothing in the caches), run time and code size, relative to
//!    `cranelift`; and `fib(35)`.
//! 2. Modules of 1,000 to 1,000,000 instructions, in one function and in many: ns per instruction, the
//!    exponent fitted to time over size, and the peak of memory allocated while compiling, relative to the
//!    memory of the IR.
//!
//! Arguments: `--samples N` (default 9), and names of configurations to compare instead of the default
//! ones. With `--test`, as `cargo bench -- --test` passes it, everything is done once on small sizes.

use std::sync::Arc;
use std::time::Instant;

use bakeoff_allocations::{Counting, count};
use bakeoff_backend::{NoPhases, Options};
use bakeoff_bench_suite::{
    Comparison, Subject, compare, compile, load_module, load_program, programs_dir, synthetic,
};
use bakeoff_ir::{FuncKind, Module};
use bakeoff_registry::{Configuration, find};
use bakeoff_statistics::{Shuffle, geometric_mean, median};
use bakeoff_suite::{Size, load_dir};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Arguments {
    test: bool,
    samples: usize,
    configurations: Vec<&'static Configuration>,
}

fn arguments() -> Arguments {
    let mut parsed = Arguments {
        test: false,
        samples: 9,
        configurations: Vec::new(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--test" => (parsed.test, parsed.samples) = (true, 1),
            "--samples" => {
                let count = args.next().and_then(|n| n.parse().ok());
                parsed.samples = count.expect("--samples takes a number");
            }
            flag if flag.starts_with('-') => {}
            name => parsed
                .configurations
                .push(find(name).expect("a configuration")),
        }
    }
    if parsed.configurations.is_empty() {
        let names = [
            "cranelift",
            "stencil",
            "stencil-frame",
            "dynasm",
            "dynasm-spill",
            "dynasm-no-fusion",
        ];
        parsed.configurations = names
            .map(|name| find(name).expect("a configuration"))
            .to_vec();
    }
    parsed
}

fn subject(program: bakeoff_suite::Program) -> Subject {
    let loaded = load_module(&program.module).expect("the suite's modules");
    Subject {
        module: Arc::new(loaded.module),
        program,
    }
}

/// Part 1, a line a configuration.
fn programs(arguments: &Arguments) {
    let programs = load_dir(programs_dir()).expect("the suite's entries");
    let is_wasm = |p: &bakeoff_suite::Program| p.suite == "wasm";
    let mut subjects: Vec<Subject> = programs.into_iter().filter(is_wasm).map(subject).collect();
    if arguments.test {
        subjects.truncate(2);
    }
    let compared = compare(
        &Comparison {
            subjects: &subjects,
            configurations: &arguments.configurations,
            size: Size::Quick,
            samples: arguments.samples,
            options: Options::default(),
            seed: 1,
        },
        |_| {},
    );
    assert!(
        compared.is_good(),
        "a program failed: run `bakeoff compare`"
    );
    let in_a_row = compile_in_a_row(arguments, &subjects);
    println!("{} WebAssembly programs, x of cranelift", subjects.len());
    println!(
        "{:<28} {:>16} {:>16} {:>8} {:>8}",
        "compiles faster:", "in a row", "between runs", "run", "code"
    );
    for (index, configuration) in arguments.configurations.iter().enumerate() {
        let ratio = |figure: fn(&bakeoff_bench_suite::Row) -> u64| {
            let ratio = compared.ratio(configuration.name, figure);
            ratio.unwrap_or(f64::NAN)
        };
        println!(
            "{:<28} {:>15.1}x {:>15.1}x {:>8.3} {:>8.3}",
            configuration.name,
            in_a_row[index],
            1.0 / ratio(|row| row.compile_ns),
            ratio(|row| row.run_ns),
            ratio(|row| row.code_bytes)
        );
    }
    fib(arguments);
}

/// How many times faster than the first configuration each compiles, right behind another compilation of
/// the same program by the same backend: caches hold what a compiler at work would find there. A
/// geometric mean over programs of ratios of medians.
fn compile_in_a_row(arguments: &Arguments, subjects: &[Subject]) -> Vec<f64> {
    let configurations = &arguments.configurations;
    let mut shuffle = Shuffle::new(1);
    let mut order: Vec<usize> = (0..configurations.len()).collect();
    let mut ratios = vec![Vec::new(); configurations.len()];
    for subject in subjects {
        let mut times = vec![Vec::new(); configurations.len()];
        for _ in 0..arguments.samples {
            shuffle.shuffle(&mut order);
            for index in order.iter().copied() {
                let mut last = 0;
                for _ in 0..3 {
                    let (configuration, module) = (configurations[index], &subject.module);
                    let start = Instant::now();
                    let code = compile(configuration, module, &Options::default(), &mut NoPhases);
                    last = start.elapsed().as_nanos() as u64;
                    drop(code.expect("it compiled before"));
                }
                times[index].push(last);
            }
        }
        let first = median(&times[0]) as f64;
        for (ratios, times) in ratios.iter_mut().zip(&times) {
            ratios.push(first / median(times) as f64);
        }
    }
    let mean = |ratios: Vec<f64>| geometric_mean(ratios).unwrap_or(f64::NAN);
    ratios.into_iter().map(mean).collect()
}

/// `fib(35)`, a call and a return for every few instructions.
fn fib(arguments: &Arguments) {
    let program = load_program(&programs_dir().join("fib.toml")).expect("the suite has it");
    let size = if arguments.test {
        Size::Quick
    } else {
        Size::Full
    };
    let subjects = [subject(program)];
    let compared = compare(
        &Comparison {
            subjects: &subjects,
            configurations: &arguments.configurations,
            size,
            samples: arguments.samples,
            options: Options::default(),
            seed: 1,
        },
        |_| {},
    );
    assert!(compared.is_good(), "fib failed");
    println!("fib at {size:?} size, run time, x of cranelift");
    for row in &compared.rows {
        let ratio = compared
            .ratio(&row.backend, |row| row.run_ns)
            .unwrap_or(f64::NAN);
        println!(
            "{:<28} {:>25} {ratio:>8.3}",
            row.backend,
            format!("{} ns", row.run_ns)
        );
    }
}

/// Bytes of all bodies of a module.
fn ir_bytes(module: &Module) -> usize {
    let bytes = |kind: &FuncKind| match kind {
        FuncKind::Defined(body) => body.heap_bytes(),
        FuncKind::Import(_) | FuncKind::Declared => 0,
    };
    module.funcs.iter().map(|func| bytes(&func.kind)).sum()
}

/// The slope of ln(time) over ln(size), by least squares.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let logs = points.iter().map(|(x, y)| (x.ln(), y.ln()));
    let (sx, sy) = logs
        .clone()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / count, sy / count);
    let above: f64 = logs.clone().map(|(x, y)| (x - mx) * (y - my)).sum();
    let below: f64 = logs.map(|(x, _)| (x - mx) * (x - mx)).sum();
    above / below
}

/// A module of the second part, and what was measured on it, by configuration.
struct Point {
    module: Arc<Module>,
    times_ns: Vec<Vec<u64>>,
    peak_bytes: Vec<u64>,
}

impl Point {
    /// A module of about so many instructions, in one function or in many of a thousand.
    fn new(insts: usize, many: bool, configurations: usize) -> Point {
        let module = match many {
            true => synthetic::module(insts / 1000, 1000),
            false => synthetic::module(1, insts),
        };
        Point {
            module: Arc::new(module),
            times_ns: vec![Vec::new(); configurations],
            peak_bytes: vec![0; configurations],
        }
    }

    /// Compiles once; the first round is not timed. There everything happens in a thread of its own,
    /// which starts with nothing, so that the peak is that of all memory.
    fn sample(&mut self, configuration: &Configuration, index: usize, round: usize) {
        let module = &self.module;
        let work = || {
            let start = Instant::now();
            let code = compile(configuration, module, &Options::default(), &mut NoPhases);
            (start.elapsed().as_nanos() as u64, code)
        };
        if round == 0 {
            let counted = || count(work);
            let ((_, code), counted) =
                std::thread::scope(|s| s.spawn(counted).join().expect("no panic"));
            drop(code.expect("it compiles"));
            self.peak_bytes[index] = counted.peak_bytes;
            return;
        }
        let (elapsed_ns, code) = work();
        drop(code.expect("it compiles"));
        self.times_ns[index].push(elapsed_ns);
    }
}

/// Part 2. Every round visits all sizes, so that a machine that is slower for a while is so for all of
/// them, and no exponent comes from that.
fn growth(arguments: &Arguments, many: bool) {
    const SIZES: [usize; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
    let sizes = if arguments.test {
        &SIZES[..2]
    } else {
        &SIZES[..]
    };
    // Cranelift takes minutes for the largest ones, and is no subject here.
    let fast = |c: &&&'static Configuration| !c.name.starts_with("cranelift");
    let fast: Vec<_> = arguments.configurations.iter().filter(fast).collect();
    let point = |size: &usize| Point::new(*size, many, fast.len());
    let mut points: Vec<Point> = sizes.iter().map(point).collect();
    let mut order: Vec<(usize, usize)> = (0..points.len())
        .flat_map(|point| (0..fast.len()).map(move |index| (point, index)))
        .collect();
    let mut shuffle = Shuffle::new(1);
    for round in 0..=arguments.samples {
        shuffle.shuffle(&mut order);
        for (point, index) in &order {
            points[*point].sample(fast[*index], *index, round);
        }
    }
    let shape = if many {
        "functions of 1,000"
    } else {
        "one function"
    };
    println!("{shape}: instructions, ns per instruction, peak memory x of the IR's");
    for (index, configuration) in fast.iter().enumerate() {
        let mut line = Vec::new();
        for point in &points {
            let count = point.module.inst_count() as f64;
            let time_ns = median(&point.times_ns[index]) as f64;
            let peak = point.peak_bytes[index] as f64 / ir_bytes(&point.module) as f64;
            let (name, per_inst_ns) = (configuration.name, time_ns / count);
            println!("{name:<28} {count:>9} {per_inst_ns:>8.2} {peak:>8.2}");
            line.push((count, time_ns));
        }
        let exponent = exponent(&line);
        println!("{:<28} fitted exponent {exponent:.3}", configuration.name);
    }
}

fn main() {
    let arguments = arguments();
    programs(&arguments);
    growth(&arguments, false);
    growth(&arguments, true);
}

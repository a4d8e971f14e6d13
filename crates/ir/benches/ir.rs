//! What the IR itself costs, per instruction: to build, verify, analyse, walk, print and parse. This
//! is the floor of every backend's compile time.

use std::hint::black_box;

use bakeoff_ir::analysis::{Cfg, Dominators, Liveness, Loops};
use bakeoff_ir::{
    FuncKind, Function, FunctionBuilder, IntCc, Memory, MemoryDecl, Module, Op, Sig, Signature,
    TrapCode, Type, parse_module, verify_module,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Numbers of instructions, roughly.
const SIZES: [usize; 2] = [10_000, 100_000];

/// Instructions that one turn of the generator makes.
const INSTS_PER_TURN: usize = 18;

fn empty_module() -> (Module, Sig) {
    let mut module = Module::new();
    let sig = module.intern_sig(Signature {
        params: vec![Type::I32, Type::I64],
        results: vec![Type::I64],
    });
    module.memories.push(MemoryDecl {
        min_pages: 1,
        max_pages: None,
        import: None,
    });
    module.push_func("f", sig, FuncKind::Declared);
    (module, sig)
}

/// A chain of small loops with a branch inside, some arithmetic, a load and a store each, in variables
/// as a frontend would keep them.
fn build(module: &Module, sig: Sig, insts: usize) -> Function {
    let mut b = FunctionBuilder::new(module, sig);
    let [address, count, sum] = [Type::I32, Type::I64, Type::I64].map(|ty| b.declare_variable(ty));
    b.switch_to(b.entry());
    let [base, start] = [b.params(b.entry())[0], b.params(b.entry())[1]];
    b.define_variable(address, base);
    b.define_variable(sum, start);
    for _ in 0..insts / INSTS_PER_TURN {
        let [header, odd, next, exit] = [(); 4].map(|()| b.create_block());
        let ten = b.iconst(Type::I64, 10);
        b.define_variable(count, ten);
        b.jump(header, &[]);
        b.switch_to(header);
        let (at, old) = (b.use_variable(address), b.use_variable(sum));
        let loaded = b.load(Op::Load, Type::I64, Type::I8, Memory(0), at, 16);
        let mixed = b.binary(Op::Bxor, Type::I64, old, loaded);
        let three = b.iconst(Type::I64, 3);
        let product = b.binary(Op::Imul, Type::I64, mixed, three);
        b.define_variable(sum, product);
        let is_odd = b.icmp(IntCc::Slt, Type::I64, product, old);
        b.brif(is_odd, odd, &[], next, &[]);
        b.seal(odd);
        b.switch_to(odd);
        let shifted = b.binary(Op::Ushr, Type::I64, product, three);
        b.define_variable(sum, shifted);
        b.trapz(shifted, TrapCode::User(1));
        b.jump(next, &[]);
        b.seal(next);
        b.switch_to(next);
        let (value, left) = (b.use_variable(sum), b.use_variable(count));
        b.store(Op::Store, Type::I64, Type::I8, Memory(0), value, at, 24);
        let one = b.iconst(Type::I64, 1);
        let fewer = b.binary(Op::Isub, Type::I64, left, one);
        b.define_variable(count, fewer);
        let narrow = b.convert(Op::Ireduce, Type::I32, Type::I64, value);
        b.define_variable(address, narrow);
        b.brif(fewer, header, &[], exit, &[]);
        b.seal(header);
        b.seal(exit);
        b.switch_to(exit);
    }
    let result = b.use_variable(sum);
    b.ret(&[result]);
    b.finish().expect("all blocks are filled")
}

/// Reads every instruction, operand and edge once, in order.
fn walk(function: &Function) -> u32 {
    let mut sum = 0u32;
    for block in function.blocks() {
        for inst in function.inst_slice(block) {
            sum = sum.wrapping_add(inst.op as u32);
            for operand in function.operands(inst) {
                sum = sum.wrapping_add(operand.0);
            }
        }
        for edge in function.successors(block) {
            sum = sum.wrapping_add(edge.block.0);
        }
    }
    sum
}

fn benches(c: &mut Criterion) {
    for size in SIZES {
        let (mut module, sig) = empty_module();
        let function = build(&module, sig, size);
        let insts = function.inst_count();
        let bytes = function.heap_bytes() as f64 / insts as f64;
        println!("ir/{size}: {insts} instructions of {bytes:.1} bytes each, all included");
        let mut group = c.benchmark_group("ir");
        group.throughput(Throughput::Elements(insts as u64));
        let id = |what: &str| BenchmarkId::new(what, size);
        group.bench_function(id("build"), |b| b.iter(|| build(&module, sig, size)));
        group.bench_function(id("walk"), |b| b.iter(|| walk(black_box(&function))));
        let (mut cfg, mut dominators) = (Cfg::default(), Dominators::default());
        let (mut loops, mut liveness) = (Loops::default(), Liveness::default());
        group.bench_function(id("cfg"), |b| b.iter(|| cfg.compute(&function)));
        group.bench_function(id("dominators"), |b| b.iter(|| dominators.compute(&cfg)));
        group.bench_function(id("loops"), |b| b.iter(|| loops.compute(&cfg, &dominators)));
        group.bench_function(id("liveness"), |b| {
            b.iter(|| liveness.compute(&function, &cfg, &dominators));
        });
        module.funcs[0].kind = FuncKind::Defined(function);
        group.bench_function(id("verify"), |b| {
            b.iter(|| verify_module(black_box(&module)))
        });
        group.bench_function(id("print"), |b| b.iter(|| module.to_string()));
        let source = module.to_string();
        group.bench_function(id("parse"), |b| b.iter(|| parse_module(black_box(&source))));
        group.finish();
    }
}

criterion_group!(ir, benches);
criterion_main!(ir);

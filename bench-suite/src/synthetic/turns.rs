//! Modules with the mix of instructions that programs have, of any number of functions of any size.
//!
//! A function is a chain of *turns*. Each is a small loop with a branch inside, and has about the mix of
//! the suite's programs: integer arithmetic with constants and without, loads and stores, some floats, a
//! selection, and a call of the function before every so often. Variables are kept as a frontend would.

use bakeoff_ir::{
    FloatCc, Func, FuncKind, FunctionBuilder, IntCc, Memory, MemoryDecl, Module, Op, Sig,
    Signature, Type, Value, Variable,
};

/// Instructions of a turn, about.
const TURN: usize = 31;

/// Turns from one call to the next.
const CALL_EVERY: usize = 16;

/// A module of `functions` functions of about `insts` instructions each. It verifies.
pub fn module(functions: usize, insts: usize) -> Module {
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
    for index in 0..functions {
        module.push_func(format!("f{index}"), sig, FuncKind::Declared);
    }
    for index in 0..functions {
        let callee = Func::from_index(index.saturating_sub(1));
        let body = Turns::new(&module, sig).build(insts, callee);
        module.define(Func::from_index(index), body);
    }
    module
}

struct Turns<'m> {
    builder: FunctionBuilder<'m>,
    address: Variable,
    count: Variable,
    sum: Variable,
    real: Variable,
}

impl<'m> Turns<'m> {
    fn new(module: &'m Module, sig: Sig) -> Turns<'m> {
        let mut builder = FunctionBuilder::new(module, sig);
        let [address, count, sum, real] =
            [Type::I32, Type::I32, Type::I64, Type::F64].map(|ty| builder.declare_variable(ty));
        Turns {
            builder,
            address,
            count,
            sum,
            real,
        }
    }

    fn build(mut self, insts: usize, callee: Func) -> bakeoff_ir::Function {
        let b = &mut self.builder;
        b.switch_to(b.entry());
        let [base, start] = [b.params(b.entry())[0], b.params(b.entry())[1]];
        b.define_variable(self.address, base);
        b.define_variable(self.sum, start);
        let half = b.fconst(Type::F64, 0.5f64.to_bits());
        b.define_variable(self.real, half);
        for turn in 0..insts.div_ceil(TURN) {
            self.turn(turn, callee);
        }
        let b = &mut self.builder;
        let sum = b.use_variable(self.sum);
        b.ret(&[sum]);
        match self.builder.finish() {
            Ok(function) => function,
            Err(error) => unreachable!("every block is filled: {error}"),
        }
    }

    fn turn(&mut self, turn: usize, callee: Func) {
        let b = &mut self.builder;
        let [header, odd, next, exit] = [(); 4].map(|()| b.create_block());
        let ten = b.iconst(Type::I32, 10);
        b.define_variable(self.count, ten);
        b.jump(header, &[]);
        b.switch_to(header);
        let at = b.use_variable(self.address);
        let old = b.use_variable(self.sum);
        let loaded = b.load(Op::Load, Type::I64, Type::I8, Memory(0), at, 16);
        let mixed = b.binary(Op::Bxor, Type::I64, old, loaded);
        let product = self.with_constant(Op::Imul, Type::I64, mixed, 31);
        self.builder.define_variable(self.sum, product);
        let masked = self.with_constant(Op::Band, Type::I64, product, 255);
        let b = &mut self.builder;
        let is_odd = b.icmp(IntCc::Slt, Type::I64, masked, old);
        b.brif(is_odd, odd, &[], next, &[]);
        b.seal(odd);
        b.switch_to(odd);
        let shifted = self.with_constant(Op::Ushr, Type::I64, product, 3);
        let b = &mut self.builder;
        let real = b.use_variable(self.real);
        let converted = b.convert(Op::FcvtFromSint, Type::F64, Type::I64, shifted);
        let total = b.binary(Op::Fadd, Type::F64, real, converted);
        b.define_variable(self.real, total);
        let other = if turn % CALL_EVERY == CALL_EVERY - 1 {
            b.call(callee, &[at, shifted]).next().unwrap_or(shifted)
        } else {
            shifted
        };
        b.define_variable(self.sum, other);
        b.jump(next, &[]);
        b.seal(next);
        b.switch_to(next);
        let sum = b.use_variable(self.sum);
        b.store(Op::Store, Type::I64, Type::I8, Memory(0), sum, at, 24);
        let real = b.use_variable(self.real);
        b.store(Op::Store, Type::F64, Type::I8, Memory(0), real, at, 32);
        let byte = b.load(Op::Uload, Type::I32, Type::I8, Memory(0), at, 7);
        let narrow = b.convert(Op::Ireduce, Type::I32, Type::I64, sum);
        let chosen = b.select(Type::I32, byte, narrow, at);
        let within = self.with_constant(Op::Band, Type::I32, chosen, 0xfff8);
        self.builder.define_variable(self.address, within);
        let count = self.builder.use_variable(self.count);
        let fewer = self.with_constant(Op::Iadd, Type::I32, count, -1);
        let b = &mut self.builder;
        b.define_variable(self.count, fewer);
        let real = b.use_variable(self.real);
        let is_small = b.fcmp(FloatCc::Lt, Type::F64, real, real);
        let both = b.convert(Op::Uextend, Type::I32, Type::I8, is_small);
        let more = b.binary(Op::Bor, Type::I32, both, fewer);
        b.brif(more, header, &[], exit, &[]);
        b.seal(header);
        b.seal(exit);
        b.switch_to(exit);
    }

    fn with_constant(&mut self, op: Op, ty: Type, value: Value, constant: i64) -> Value {
        let constant = self.builder.iconst(ty, constant);
        self.builder.binary(op, ty, value, constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_verify_and_have_about_the_size_asked_for() {
        for (functions, insts) in [(1, 50), (3, 1000), (50, 100)] {
            let module = module(functions, insts);
            bakeoff_ir::verify_module(&module).expect("it verifies");
            let (wanted, got) = (functions * insts, module.inst_count());
            assert!(
                got * 10 > wanted * 8 && got < wanted * 2,
                "{got} for {wanted}"
            );
        }
    }
}

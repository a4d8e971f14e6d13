use super::*;
use crate::module::{FuncKind, Signature};
use crate::ops::IntCc;

fn module_with(params: &[Type], results: &[Type]) -> (Module, Sig) {
    let mut module = Module::new();
    let sig = module.intern_sig(Signature {
        params: params.to_vec(),
        results: results.to_vec(),
    });
    module.push_func("f", sig, FuncKind::Declared);
    (module, sig)
}

/// while n != 0 { sum += n; n -= 1 } return sum, with a variable that the loop never changes.
#[test]
fn a_loop_gets_parameters_for_what_it_changes_and_nothing_else() {
    let (module, sig) = module_with(&[Type::I32, Type::I32], &[Type::I32]);
    let mut b = FunctionBuilder::new(&module, sig);
    let [n, sum, fixed] = [(); 3].map(|()| b.declare_variable(Type::I32));
    let (header, body, exit) = (b.create_block(), b.create_block(), b.create_block());
    b.switch_to(b.entry());
    let [param, other] = [b.params(b.entry())[0], b.params(b.entry())[1]];
    b.define_variable(n, param);
    b.define_variable(fixed, other);
    let zero = b.iconst(Type::I32, 0);
    b.define_variable(sum, zero);
    b.jump(header, &[]);
    b.switch_to(header);
    let counter = b.use_variable(n);
    b.brif(counter, body, &[], exit, &[]);
    b.seal(body);
    b.seal(exit);
    b.switch_to(body);
    let (s, f) = (b.use_variable(sum), b.use_variable(fixed));
    let added = b.binary(Op::Iadd, Type::I32, s, f);
    b.define_variable(sum, added);
    let (n1, one) = (b.use_variable(n), b.iconst(Type::I32, 1));
    let less = b.binary(Op::Isub, Type::I32, n1, one);
    b.define_variable(n, less);
    b.jump(header, &[]);
    b.seal(header);
    b.switch_to(exit);
    let result = b.use_variable(sum);
    b.ret(&[result]);
    let f = b.finish().unwrap();
    let header = Block(1);
    assert_eq!(f.params(header).len(), 2, "n and sum, but not fixed");
    // The sum adds the entry's second parameter itself.
    let add = f
        .inst_slice(Block(2))
        .iter()
        .find(|i| i.op == Op::Iadd)
        .unwrap();
    assert_eq!(add.arg(1), Value(1));
    // Canonical: results ascend, and the header's parameters follow the entry's values.
    assert_eq!(f.block(header).first_param, Value(3));
}

#[test]
fn unreachable_blocks_vanish_and_undefined_variables_read_as_zero() {
    let (module, sig) = module_with(&[], &[Type::F64]);
    let mut b = FunctionBuilder::new(&module, sig);
    let var = b.declare_variable(Type::F64);
    let (dead, join) = (b.create_block(), b.create_block());
    b.switch_to(b.entry());
    b.jump(join, &[]);
    b.seal(dead);
    b.switch_to(dead);
    let junk = b.fconst(Type::F64, 7);
    b.define_variable(var, junk);
    b.jump(join, &[]);
    b.seal(join);
    b.switch_to(join);
    let value = b.use_variable(var);
    b.ret(&[value]);
    let f = b.finish().unwrap();
    assert_eq!(f.block_count(), 2);
    let entry = f.inst_slice(Block(0));
    assert_eq!((entry[0].op, entry[0].imm()), (Op::Fconst, 0));
    assert_eq!(f.params(Block(1)).len(), 0);
    assert_eq!(f.list_operands(f.inst(f.terminator(Block(1)))), &[Value(0)]);
}

#[test]
fn a_chain_of_a_hundred_thousand_joins_needs_no_deep_stack() {
    let (module, sig) = module_with(&[Type::I32], &[Type::I32]);
    let mut b = FunctionBuilder::new(&module, sig);
    let var = b.declare_variable(Type::I32);
    b.switch_to(b.entry());
    let cond = b.params(b.entry())[0];
    b.define_variable(var, cond);
    for _ in 0..100_000 {
        let (left, join) = (b.create_block(), b.create_block());
        b.brif(cond, left, &[], join, &[]);
        b.seal(left);
        b.switch_to(left);
        b.jump(join, &[]);
        b.seal(join);
        b.switch_to(join);
    }
    let value = b.use_variable(var);
    let flag = b.icmp(IntCc::Eq, Type::I32, value, cond);
    b.trapz(flag, crate::TrapCode::Unreachable);
    b.ret(&[value]);
    let f = b.finish().unwrap();
    assert!(f.blocks().skip(1).all(|block| f.params(block).len() == 0));
}

#[test]
fn unfilled_and_unsealed_blocks_are_errors() {
    let (module, sig) = module_with(&[], &[]);
    let mut b = FunctionBuilder::new(&module, sig);
    let target = b.create_block();
    b.switch_to(b.entry());
    b.jump(target, &[]);
    assert_eq!(b.finish().unwrap_err(), BuildError::Unfilled(target));

    let mut b = FunctionBuilder::new(&module, sig);
    let var = b.declare_variable(Type::I8);
    let target = b.create_block();
    b.switch_to(b.entry());
    b.jump(target, &[]);
    b.switch_to(target);
    b.use_variable(var);
    b.ret(&[]);
    assert_eq!(b.finish().unwrap_err(), BuildError::Unsealed(target));
}

/// Each header asks for the variable before it is known that no loop changes it, so the innermost
/// parameter becomes an alias of an alias, thirty thousand deep.
#[test]
fn nested_loops_that_leave_a_variable_alone_cost_no_more_than_their_number() {
    let (module, sig) = module_with(&[Type::I32], &[Type::I32]);
    let mut b = FunctionBuilder::new(&module, sig);
    let var = b.declare_variable(Type::I32);
    b.switch_to(b.entry());
    let param = b.params(b.entry())[0];
    b.define_variable(var, param);
    let mut headers = Vec::new();
    for _ in 0..30_000 {
        let header = b.create_block();
        b.jump(header, &[]);
        b.switch_to(header);
        b.use_variable(var);
        headers.push(header);
    }
    for header in headers.into_iter().rev() {
        let (cond, next) = (b.use_variable(var), b.create_block());
        b.brif(cond, header, &[], next, &[]);
        b.seal(header);
        b.seal(next);
        b.switch_to(next);
    }
    let value = b.use_variable(var);
    b.ret(&[value]);
    let started = std::time::Instant::now();
    let f = b.finish().unwrap();
    assert!(f.blocks().skip(1).all(|block| f.params(block).len() == 0));
    assert!(started.elapsed().as_secs() < 10, "milliseconds if linear");
}

#[test]
fn many_edges_of_one_branch_need_no_parameter() {
    let (module, sig) = module_with(&[Type::I32], &[Type::I32]);
    let mut b = FunctionBuilder::new(&module, sig);
    let var = b.declare_variable(Type::I32);
    let target = b.create_block();
    b.switch_to(b.entry());
    let param = b.params(b.entry())[0];
    b.define_variable(var, param);
    b.br_table(param, &vec![(target, &[][..]); 1000]);
    b.seal(target);
    b.switch_to(target);
    let value = b.use_variable(var);
    assert_eq!(value, param);
    b.ret(&[value]);
    assert_eq!(b.finish().unwrap().params(Block(1)).len(), 0);
}

//! Reductions with judges that make failures up: what is left must be what the judge looks at.

use super::*;
use crate::generate;
use bakeoff_ir::Op;

/// Says that a configuration fails whenever this is so.
struct Pretends<F>(F);

impl<F: FnMut(&Case) -> bool> Judge for Pretends<F> {
    fn check(
        &mut self,
        case: &Case,
        configurations: &[&Configuration],
        _patience: Duration,
    ) -> Result<Option<Vec<Failure>>, WorkerError> {
        let fails = (self.0)(case);
        Ok(Some(
            configurations
                .iter()
                .filter(|_| fails)
                .map(|c| failure(c.name))
                .collect(),
        ))
    }
}

fn failure(name: &str) -> Failure {
    Failure {
        configuration: name.to_string(),
        class: Class::WrongValue,
        what: "it is made up".to_string(),
    }
}

fn executes(case: &Case, op: Op) -> bool {
    let reference = bakeoff_registry::find(REFERENCE).unwrap();
    let coverage = crate::coverage(case);
    assert!(observe(case, reference).is_ok());
    coverage.is_some_and(|coverage| {
        coverage.bodies.iter().any(|(func, blocks, _)| {
            let body = case.module.func(*func).body().unwrap();
            let reached = body.blocks().zip(blocks).filter(|(_, count)| **count > 0);
            reached
                .into_iter()
                .any(|(block, _)| body.inst_slice(block).iter().any(|inst| inst.op == op))
        })
    })
}

#[test]
fn an_op_that_is_to_blame_is_all_that_is_left() {
    for op in [Op::Fmul, Op::Load, Op::BrTable, Op::CallIndirect] {
        let mut numbers = 0..;
        let (number, case) = numbers
            .by_ref()
            .map(|number| (number, generate::case(7, number)))
            .find(|(_, case)| case.module.inst_count() > 60 && executes(case, op))
            .unwrap();
        let mut judge = Pretends(|case: &Case| executes(case, op));
        let reduced = reduce(
            &case,
            &failure("dynasm"),
            &mut judge,
            Duration::from_secs(60),
        )
        .unwrap()
        .unwrap();
        assert!(executes(&reduced.case, op));
        assert_eq!(reduced.insts, reduced.case.module.inst_count());
        let text = reduced.describe(Path::new("x.ir"));
        assert!(
            reduced.insts <= 9,
            "{op}, case {number}: {} instructions\n{text}",
            reduced.insts
        );
        // The text is the case, and says how to run it.
        let again = Case::parse(&text, reduced.case.options).unwrap();
        assert_eq!(again.module, reduced.case.module);
        assert_eq!(again.calls, reduced.case.calls);
        assert!(
            text.contains("bakeoff difftest x.ir --backends dynasm"),
            "{text}"
        );
    }
}

#[test]
fn what_does_not_fail_is_not_reduced() {
    let case = generate::case(7, 0);
    let mut judge = Pretends(|_: &Case| false);
    assert!(
        reduce(
            &case,
            &failure("dynasm"),
            &mut judge,
            Duration::from_secs(5)
        )
        .unwrap()
        .is_none()
    );
}

#[test]
fn time_that_is_up_ends_a_reduction_with_what_there_is() {
    let case = generate::case(7, 1);
    let mut judge = Pretends(|_: &Case| true);
    let reduced = reduce(&case, &failure("dynasm"), &mut judge, Duration::ZERO)
        .unwrap()
        .unwrap();
    assert_eq!(reduced.case.module, case.module);
    assert_eq!(reduced.tried, 0);
}

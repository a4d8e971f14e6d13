//! What every generated case must be, and what all of them together must reach.

use bakeoff_ir::verify_module;
use bakeoff_registry::{REFERENCE, find};

use super::{Reach, case, case_within, digest};
use crate::draft::{drafts, with_bodies};
use crate::oracle::judge;
use crate::origin::is_closed;
use crate::stats::{Statistics, is_sampled};

#[test]
fn cases_are_correct_and_closed() {
    for number in 0..1500 {
        let case = case(3, number);
        if let Err(errors) = verify_module(&case.module) {
            panic!("case {number}: {errors}\n{}", case.to_text(None));
        }
        assert!(
            is_closed(&case.module),
            "case {number}\n{}",
            case.to_text(None)
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_cases_everywhere() {
    let message = "another generator: statistics and findings of old campaigns are void";
    assert_eq!(digest(), PINNED, "{message}");
    assert_ne!(case(1, 0).to_text(None), case(2, 0).to_text(None));
}

const PINNED: u64 = 30_377_534_518_537_904;

#[test]
fn modules_of_scalars_have_words_in_clif() {
    for number in 0..300 {
        let case = case_within(Reach::Scalars, 6, number);
        verify_module(&case.module).unwrap();
        crate::to_clif(&case.module).unwrap_or_else(|e| panic!("case {number}: {e}"));
    }
}

#[test]
fn drafts_are_the_functions_that_they_are_made_of() {
    for number in 0..300 {
        let case = case(4, number);
        let once =
            with_bodies(&case.module, &drafts(&case.module)).expect("a draft of a function is one");
        verify_module(&once).unwrap();
        let twice = with_bodies(&once, &drafts(&once)).unwrap();
        // The layout may change once; then it is what it is.
        assert_eq!(once, twice, "case {number}");
        assert_eq!(once.inst_count(), case.module.inst_count());
    }
}

#[test]
fn a_thousand_cases_reach_almost_everything() {
    let reference = [find(REFERENCE).unwrap()];
    let mut statistics = Statistics::default();
    for number in 0..16_000u64 {
        // Only those that are looked at.
        if is_sampled(number) {
            let case = case(5, number);
            let verdict = judge(&case, &reference, |_| {});
            assert_eq!(verdict.failures, [], "case {number}");
            statistics.add_case(number, &case, &verdict);
        }
    }
    let text = statistics.render();
    println!("{text}");
    let share = |part: u64, whole: u64| part as f64 / whole as f64;
    let calls: u64 = statistics.outcomes.values().sum();
    assert!(share(statistics.outcomes["values"], calls) > 0.7, "{text}");
    assert!(
        share(statistics.reached_blocks, statistics.sampled_blocks) > 0.5,
        "{text}"
    );
    assert!(
        share(statistics.dead_insts, statistics.sampled_insts) < 0.15,
        "{text}"
    );
    assert!(statistics.never_executed().len() < 20, "{text}");
    assert!(statistics.outcomes.len() >= 9, "{text}");
}

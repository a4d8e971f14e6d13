//! Comparing two sessions.

use bakeoff_samples::{Event, Session};

use crate::analysis::testing::Maker;
use crate::analysis::{Comparison, EventChanges, Severity, Verdict, compare};

fn old() -> Session {
    Maker::new("old")
        .with("a", 1e5, 2e6)
        .with("b", 1e5, 2e6)
        .session()
}

fn new(change: impl Fn(&mut Maker)) -> Session {
    let mut maker = Maker::new("new").with("a", 1e5, 2e6).with("b", 1e5, 2e6);
    maker.seed = 2;
    maker.head.fingerprint.build.revision = "def".to_string();
    change(&mut maker);
    maker.session()
}

fn of(comparison: &Comparison, event: Event) -> &EventChanges {
    comparison.events.iter().find(|e| e.event == event).unwrap()
}

#[test]
fn regressions_and_improvements_are_found() {
    let new = new(|m| {
        m.edit = |_, _, program, competitor, values| {
            if competitor == "a" {
                values.entry(Event::Run).and_modify(|ns| *ns += *ns / 10);
            }
            if (program, competitor) == ("q", "b") {
                values.entry(Event::Run).and_modify(|ns| *ns -= *ns / 10);
                values
                    .entry(Event::CodeBytes)
                    .and_modify(|bytes| *bytes -= 1);
            }
        };
    });
    let comparison = compare(&old(), &new).unwrap();
    assert_eq!(comparison.competitors, ["base", "a", "b"]);
    assert_eq!(comparison.warnings, []);
    let run = of(&comparison, Event::Run);
    let verdicts: Vec<Vec<Verdict>> = run
        .changes
        .iter()
        .map(|row| row.iter().map(|c| c.unwrap().verdict).collect())
        .collect();
    use Verdict::{Improvement, Regression, Unclear};
    assert_eq!(verdicts[0], [Unclear, Regression, Unclear]);
    assert_eq!(verdicts[1], [Unclear, Regression, Improvement]);
    let slower = run.changes[0][1].unwrap();
    assert!(
        slower.ratio.contains(1.1) && slower.delta == Some(1.0),
        "{slower:?}"
    );
    for means in [&run.means, &run.means_to_baseline] {
        let mean = means[1].unwrap();
        assert!(
            mean.ratio.contains(1.1) && mean.verdict == Regression,
            "{mean:?}"
        );
        assert_eq!(means[0].unwrap().verdict, Unclear);
    }
    let bytes = of(&comparison, Event::CodeBytes);
    let smaller = bytes.changes[1][2].unwrap();
    assert_eq!(
        (smaller.ratio.value, smaller.verdict),
        (100.0 / 101.0, Improvement)
    );
    assert_eq!(bytes.changes[0][2].unwrap().verdict, Unclear);
    assert_eq!(bytes.means[2].unwrap().verdict, Improvement);
}

#[test]
fn nothing_is_found_where_nothing_has_changed() {
    let mut found = 0;
    for seed in 10..40 {
        let new = new(|m| m.seed = seed);
        let comparison = compare(&old(), &new).unwrap();
        let changes = comparison
            .events
            .iter()
            .flat_map(|e| e.changes.iter().flatten().flatten());
        found += changes.filter(|c| c.verdict != Verdict::Unclear).count();
    }
    assert!(found <= 12, "{found} of {}", 30 * 2 * 9);
}

#[test]
fn a_machine_that_has_changed_is_told() {
    let new = new(|m| {
        m.edit = |_, _, _, _, values| {
            values.entry(Event::Run).and_modify(|ns| *ns += *ns / 10);
        };
    });
    let comparison = compare(&old(), &new).unwrap();
    let warning = &comparison.warnings[0];
    assert_eq!(warning.severity, Severity::Doubtful);
    assert!(
        warning
            .message
            .starts_with("run_ns of the baseline base has changed by +10."),
        "{warning:?}"
    );
    let run = of(&comparison, Event::Run);
    assert_eq!(run.means[1].unwrap().verdict, Verdict::Regression);
    assert_eq!(run.means_to_baseline[1].unwrap().verdict, Verdict::Unclear);
}

#[test]
fn a_control_that_differs_is_told() {
    let new = new(|m| {
        m.edit = |_, _, _, competitor, values| {
            if competitor == "control" {
                values.entry(Event::Run).and_modify(|ns| *ns += *ns / 10);
            }
        };
    });
    let comparison = compare(&old(), &new).unwrap();
    assert_eq!(comparison.warnings[0].severity, Severity::Invalid);
    assert!(
        comparison.warnings[0]
            .message
            .starts_with("new: the control")
    );
}

#[test]
fn other_machines_are_refused_and_other_kernels_told() {
    let other = new(|m| m.head.fingerprint.machine.cpu = "Another".to_string());
    assert!(
        compare(&old(), &other)
            .unwrap_err()
            .to_string()
            .contains("the processor differs")
    );
    let scaling = Maker::new("new").scaling(&[1, 2, 3]).session();
    assert!(
        compare(&old(), &scaling)
            .unwrap_err()
            .to_string()
            .contains("the kind of session")
    );
    let kernel = new(|m| m.head.fingerprint.machine.kernel = "Linux 7".to_string());
    let comparison = compare(&old(), &kernel).unwrap();
    assert!(
        comparison.warnings[0]
            .message
            .starts_with("kernel differs: Linux 6 in the old session")
    );
}

#[test]
fn what_only_one_has_is_left_out() {
    let old = Maker::new("old").with("gone", 1e5, 2e6).session();
    let mut maker = Maker::new("new").with("come", 1e5, 2e6);
    maker.head.programs.truncate(2);
    let comparison = compare(&old, &maker.session()).unwrap();
    assert_eq!(comparison.left_out, ["r", "come", "gone"]);
    assert_eq!(
        (comparison.competitors, comparison.programs.len()),
        (vec!["base".to_string()], 2)
    );
}

#[test]
fn one_process_cannot_be_compared() {
    let one = new(|m| m.processes = 1);
    let comparison = compare(&old(), &one).unwrap();
    let change = of(&comparison, Event::Run).changes[0][1].unwrap();
    assert_eq!(
        (change.ratio.high, change.p, change.verdict),
        (f64::INFINITY, 1.0, Verdict::Unclear)
    );
    assert!(
        comparison
            .warnings
            .iter()
            .any(|w| w.message.contains("one process only"))
    );
}

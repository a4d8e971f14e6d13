//! Controls and warnings.

use bakeoff_samples::{Event, Kind, Status};

use crate::analysis::testing::Maker;
use crate::analysis::{Analysis, Severity, analyse};

fn analysis(maker: &Maker) -> Analysis {
    analyse(&[maker.session()]).unwrap()
}

/// The severity of the only warning that has these words.
fn told(analysis: &Analysis, words: &str) -> Severity {
    let found: Vec<_> = analysis
        .warnings
        .iter()
        .filter(|w| w.message.contains(words))
        .collect();
    assert!(found.len() == 1, "{words} in {:#?}", analysis.warnings);
    found[0].severity
}

#[test]
fn a_clean_session_has_no_warnings() {
    let analysis = analysis(&Maker::new("s").with("fast", 1e5, 2e6));
    assert_eq!(analysis.warnings, []);
    let control = analysis.control.unwrap();
    assert_eq!(
        (control.competitor.as_str(), control.differs),
        ("control", false)
    );
    assert_eq!(control.ratios.len(), 2);
}

#[test]
fn a_control_that_differs() {
    let mut maker = Maker::new("s");
    maker.edit = |_, _, _, competitor, values| {
        if competitor == "control" {
            values.entry(Event::Run).and_modify(|ns| *ns += *ns / 20);
        }
    };
    let analysis = analysis(&maker);
    let control = analysis.control.as_ref().unwrap();
    assert!(control.differs);
    assert!(control.ratios[0].1.contains(1.0) && !control.ratios[1].1.contains(1.0));
    assert_eq!(
        told(&analysis, "run_ns differs from it by +4.9 %"),
        Severity::Invalid
    );
    assert_eq!(
        analysis.warnings[0].severity,
        Severity::Invalid,
        "gravest first"
    );
}

#[test]
fn controls_of_honest_sessions_pass() {
    let differs = |seed| {
        let mut maker = Maker::new("s");
        (maker.seed, maker.noise) = (seed, 0.02);
        analysis(&maker).control.unwrap().differs
    };
    let failed = (100..200).filter(|seed| differs(*seed)).count();
    assert!(failed <= 5, "{failed} of 100 at 1 % for each of two events");
}

#[test]
fn a_control_that_cannot_see() {
    let mut maker = Maker::new("s");
    maker.noise = 0.1;
    let analysis = analysis(&maker);
    assert!(!analysis.control.as_ref().unwrap().differs);
    assert_eq!(
        told(&analysis, "the control says little: its run_ns"),
        Severity::Doubtful
    );
}

#[test]
fn one_process_only() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    (maker.processes, maker.noise) = (1, 0.05);
    let analysis = analysis(&maker);
    assert_eq!(told(&analysis, "one process only"), Severity::Doubtful);
    assert!(
        !analysis.control.as_ref().unwrap().differs,
        "nobody can tell"
    );
    let ratio = analysis.events[0].ratios[0][1].unwrap();
    assert!(
        ratio.low < ratio.high && ratio.half_width() < 0.05,
        "of its iterations"
    );
    maker.processes = 2;
    assert_eq!(
        told(&self::analysis(&maker), "two processes only"),
        Severity::Doubtful
    );
    maker.processes = 3;
    assert_eq!(
        told(&self::analysis(&maker), "3 processes only"),
        Severity::Note
    );
}

#[test]
fn one_value_has_no_interval() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    (maker.processes, maker.iterations) = (1, 1);
    let ratio = analysis(&maker).events[0].ratios[0][1].unwrap();
    assert_eq!((ratio.low, ratio.high), (0.0, f64::INFINITY));
    assert_eq!(told(&analysis(&maker), "1 iteration only"), Severity::Note);
}

#[test]
fn what_is_said_of_machine_and_build() {
    let mut maker = Maker::new("s");
    maker.head.fingerprint.build.profile = "debug".to_string();
    maker.head.fingerprint.build.dirty = Some(true);
    maker.head.fingerprint.machine.virtualised = Some("kvm".to_string());
    maker.others = Some(0.2);
    let analysis = analysis(&maker);
    assert_eq!(told(&analysis, "debug build"), Severity::Invalid);
    assert_eq!(
        told(&analysis, "were changed since revision abc"),
        Severity::Doubtful
    );
    assert_eq!(told(&analysis, "virtual (kvm)"), Severity::Note);
    assert_eq!(
        told(
            &analysis,
            "busy during 6 of 6 processes; most during process 5, 20 %"
        ),
        Severity::Doubtful
    );
    let severities: Vec<Severity> = analysis.warnings.iter().map(|w| w.severity).collect();
    assert!(severities.is_sorted(), "{severities:?}");
    assert!(
        analysis.sources[0].machine.contains("kvm")
            && analysis.sources[0].build.contains("with changes")
    );
}

#[test]
fn failures_zeros_and_what_varies() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    maker.failures = vec![
        ("q", "fast", Status::Wrong),
        ("q", "base", Status::Unsupported),
    ];
    maker.edit = |process, iteration, program, _, values| {
        if program == "p" {
            values.insert(Event::Link, u64::from(iteration != 2));
            values.insert(Event::Allocations, u64::from(process));
        }
    };
    let analysis = analysis(&maker);
    assert_eq!(
        told(&analysis, "wrong answers or refused programs in 1 case,"),
        Severity::Doubtful
    );
    assert_eq!(
        told(&analysis, "unsupported programs in 1 case,"),
        Severity::Note
    );
    assert_eq!(
        told(&analysis, "the baseline base failed on 1 program (q)"),
        Severity::Doubtful
    );
    assert_eq!(
        told(
            &analysis,
            "link_ns of p on base has a time of zero: left out, and 2 more"
        ),
        Severity::Note
    );
    assert_eq!(
        told(&analysis, "allocations of p on base is not the same"),
        Severity::Note
    );
    let link = analysis.events.iter().find(|e| e.event == Event::Link);
    assert!(link.is_none(), "a gap wherever it was measured");
}

#[test]
fn drift_and_two_modes() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    maker.iterations = 10;
    maker.edit = |process, iteration, program, competitor, values| {
        if (program, competitor) == ("q", "fast") {
            values
                .entry(Event::Run)
                .and_modify(|ns| *ns += *ns / 100 * u64::from(iteration));
        }
        let slow = (process + iteration * 7) % 5 < 2;
        if (program, competitor) == ("r", "fast") && slow {
            values.entry(Event::Compile).and_modify(|ns| *ns += *ns / 4);
        }
    };
    let analysis = analysis(&maker);
    let drift = "1 of 18 series drift: their values rise or fall from the first to the last \
        iteration of a process. Most does run_ns of q on fast, by +9 %.";
    assert_eq!(told(&analysis, drift), Severity::Doubtful);
    let modes = "1 of 18 series have two modes, between which a median means little. Furthest apart \
        are those of compile_ns of r on fast, by 25 %, with 40 % of the values in the rarer one.";
    assert_eq!(told(&analysis, modes), Severity::Doubtful);
}

#[test]
fn steps_of_a_clock_are_no_modes() {
    let mut maker = Maker::new("s");
    maker.iterations = 10;
    maker.edit = |process, iteration, _, _, values| {
        let step = u64::from((process + iteration * 7) % 5 < 2);
        values.insert(Event::Run, 400 + 20 * step);
    };
    assert_eq!(analysis(&maker).warnings, []);
}

#[test]
fn who_has_no_baseline_and_no_control() {
    let analysis = analysis(
        &Maker::new("s")
            .with("fast", 1e5, 2e6)
            .without("base")
            .without("control"),
    );
    assert_eq!(
        told(&analysis, "nobody measured the baseline base"),
        Severity::Doubtful
    );
    assert_eq!(told(&analysis, "there is no control"), Severity::Note);
}

#[test]
fn counts_need_no_control_and_no_processes() {
    let mut counts = Maker::new("counts").without("control");
    counts.head.kind = Kind::Counts;
    (counts.processes, counts.iterations) = (1, 0);
    counts.edit = |_, _, _, _, values| *values = [(Event::RunInsts, 5)].into();
    assert_eq!(analysis(&counts).warnings, []);
}

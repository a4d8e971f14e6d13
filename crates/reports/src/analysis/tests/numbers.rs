//! Locations, ratios, means, totals, break-even, growth.

use bakeoff_samples::{Event, Kind, Status};
use bakeoff_statistics::Estimate;

use crate::analysis::testing::Maker;
use crate::analysis::{Analysis, EventFigures, Payback, analyse};

fn analysis(maker: &Maker) -> Analysis {
    analyse(&[maker.session()]).unwrap()
}

fn of(analysis: &Analysis, event: Event) -> &EventFigures {
    analysis.events.iter().find(|e| e.event == event).unwrap()
}

fn holds(estimate: Estimate, truth: f64) {
    let near = (estimate.value / truth - 1.0).abs() < 0.02;
    assert!(
        near && estimate.contains(estimate.value),
        "{estimate:?} is not near {truth}"
    );
    assert!(estimate.half_width() < 0.02, "{estimate:?}");
}

#[test]
fn locations_ratios_means_and_totals() {
    let analysis = analysis(&Maker::new("s").with("fast", 1e5, 2e6));
    let names: Vec<&str> = analysis
        .competitors
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["base", "fast"], "the control is not among them");
    assert_eq!(analysis.baseline, 0);
    let compile = of(&analysis, Event::Compile);
    holds(compile.values[2][1].unwrap(), 3e5);
    holds(compile.ratios[2][1].unwrap(), 0.1);
    assert_eq!(compile.ratios[2][0], Some(Estimate::exact(1.0)));
    let mean = compile.means[1].unwrap();
    holds(mean.ratio, 0.1);
    assert_eq!(mean.programs, 3);
    holds(compile.totals[1].unwrap(), 6e5);
    holds(of(&analysis, Event::Run).totals[1].unwrap(), 12e6);
    assert_eq!((compile.source, compile.samples), (0, (30, 30)));
    let order: Vec<Event> = analysis.events.iter().map(|e| e.event).collect();
    assert_eq!(order, [Event::Compile, Event::Run, Event::CodeBytes]);
}

#[test]
fn facts_are_exact() {
    let analysis = analysis(&Maker::new("s").with("fast", 1e5, 2e6));
    let bytes = of(&analysis, Event::CodeBytes);
    assert_eq!(bytes.values[1][1], Some(Estimate::exact(101.0)));
    assert_eq!(bytes.means[1].unwrap().ratio, Estimate::exact(1.0));
    assert_eq!(bytes.totals[0], Some(Estimate::exact(303.0)));
    assert_eq!(bytes.samples, (1, 1));
}

#[test]
fn zeros_are_gaps_of_ratios_and_never_numbers() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    maker.edit = |process, iteration, program, competitor, values| {
        if (program, competitor) == ("q", "fast") && process == 2 && iteration == 3 {
            values.insert(Event::Run, 0);
        }
        if iteration == 0 {
            let spills = u64::from(competitor == "base" || program == "p");
            values.insert(Event::Spills, spills);
        }
    };
    let analysis = analysis(&maker);
    let run = of(&analysis, Event::Run);
    assert_eq!((run.values[1][1], run.ratios[1][1]), (None, None));
    assert_eq!(run.means[1].unwrap().programs, 2);
    holds(run.totals[0].unwrap(), 4e6);
    let spills = of(&analysis, Event::Spills);
    assert_eq!(spills.values[1][1], Some(Estimate::exact(0.0)));
    assert_eq!(spills.ratios[1][1], None);
    assert_eq!(spills.means[1].unwrap().programs, 1);
    assert_eq!(spills.totals[1], Some(Estimate::exact(1.0)));
}

#[test]
fn who_fails_is_a_gap() {
    let mut maker = Maker::new("s").with("fast", 1e5, 2e6);
    maker.failures = vec![("q", "fast", Status::Wrong), ("r", "base", Status::Trap)];
    let analysis = analysis(&maker);
    let run = of(&analysis, Event::Run);
    assert_eq!(run.values[1][1], None);
    assert!(run.values[2][1].is_some(), "it was measured");
    assert_eq!(run.ratios[2][1], None, "but there is nothing to divide by");
    assert_eq!(run.means[1].unwrap().programs, 1);
    holds(run.totals[1].unwrap(), 2e6);
    assert_eq!(analysis.break_even.programs, [0]);
    assert_eq!(analysis.failures.len(), 2);
    assert_eq!(analysis.failures[0], ["q", "fast", "wrong", "it cannot"]);
}

#[test]
fn without_a_baseline_there_are_locations_and_no_ratios() {
    let maker = Maker::new("s")
        .with("fast", 1e5, 2e6)
        .without("base")
        .without("control");
    let analysis = analysis(&maker);
    assert_eq!(analysis.competitors[analysis.baseline].name, "base");
    let run = of(&analysis, Event::Run);
    assert!(run.values[0][0].is_some() && run.ratios.iter().flatten().all(Option::is_none));
    assert!(run.means.iter().all(Option::is_none));
    assert!(run.totals[0].is_some() && run.totals[1].is_none());
    assert!(analysis.control.is_none());
}

#[test]
fn break_even() {
    // For the suite, all times are six times those of the first program.
    let maker = Maker::new("s")
        .with("quick", 1e5, 3e6)
        .with("lazy", 5e5, 4e6);
    let analysis = analysis(&maker);
    let even = &analysis.break_even;
    let pair = |quick: usize, thorough: usize| {
        let is_it = |p: &&super::super::Crossing| (p.quick, p.thorough) == (quick, thorough);
        even.pairs.iter().find(is_it).unwrap()
    };
    let Payback::After { runs, work_ns } = pair(1, 0).suite else {
        panic!("it pays");
    };
    holds(runs, 9e5 / 2e6);
    holds(work_ns, 9e5 / 2e6 * 18e6);
    let Some(Payback::After { runs, .. }) = pair(1, 0).programs[2] else {
        panic!("it pays");
    };
    holds(runs, 9e5 / 2e6);
    assert_eq!(pair(1, 2).suite, Payback::Never);
    let envelope: Vec<usize> = even.envelope.iter().map(|e| e.1).collect();
    assert_eq!(envelope, [1, 0]);
    assert_eq!(even.envelope[0].0, 0.0);
    assert!((even.envelope[1].0 - 0.45).abs() < 0.01);
    assert_eq!(even.lines.len(), 3);
    assert_eq!(even.pairs.len(), 3);
}

#[test]
fn break_even_may_be_never() {
    // Code of nearly the same speed: some draws say that it never pays.
    let mut maker = Maker::new("s").with("quick", 1e5, 1.002e6);
    maker.noise = 0.01;
    let mut seen = 0;
    for seed in 0..5 {
        maker.seed = seed;
        let analysis = analysis(&maker);
        match analysis.break_even.pairs[0].suite {
            Payback::Never => {}
            Payback::After { runs, work_ns } => {
                assert!(runs.low.is_finite() && runs.low > 0.0, "{runs:?}");
                assert_eq!((runs.high, work_ns.high), (f64::INFINITY, f64::INFINITY));
                seen += 1;
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn growth_is_fitted() {
    let mut maker = Maker::new("s")
        .with("square", 1e5, 1e5)
        .scaling(&[100, 200, 400, 800, 1600]);
    maker.edit = |_, _, program, competitor, values| {
        let size: f64 = program.trim_start_matches("blocks-").parse().unwrap();
        values.entry(Event::Compile).and_modify(|ns| {
            let base = if competitor == "square" { size } else { 1.0 };
            *ns = (*ns as f64 * base) as u64 + 50_000_000;
        });
        values.remove(&Event::Run);
    };
    let analysis = analysis(&maker);
    assert!(analysis.programs.is_empty() && analysis.events.is_empty());
    assert_eq!(analysis.scaling.len(), 2);
    let [base, square] = &analysis.scaling[..] else {
        panic!("two");
    };
    assert_eq!(
        (base.family.as_str(), base.event, base.competitor),
        ("blocks", Event::Compile, 0)
    );
    assert_eq!(base.points.len(), 5);
    holds(base.slope_ns, 1e6);
    assert!(
        (base.intercept_ns.value / 5e7 - 1.0).abs() < 0.1,
        "{:?}",
        base.intercept_ns
    );
    assert!(
        (0.9..1.0).contains(&base.exponent.value),
        "{:?}",
        base.exponent
    );
    holds(square.exponent, 2.0);
    assert!(square.exponent.low > base.exponent.high);
}

#[test]
fn counts_are_exact_and_stand_beside_times() {
    let times = Maker::new("times").with("fast", 1e5, 2e6);
    let mut counts = Maker::new("counts").with("fast", 1e5, 2e6);
    counts.head.kind = Kind::Counts;
    (counts.processes, counts.iterations) = (1, 0);
    counts.edit = |_, _, _, competitor, values| {
        let insts = if competitor == "fast" { 200 } else { 100 };
        *values = [(Event::RunInsts, insts), (Event::CodeBytes, 7)].into();
    };
    let analysis = analyse(&[counts.session(), times.session()]).unwrap();
    let insts = of(&analysis, Event::RunInsts);
    assert_eq!(insts.means[1].unwrap().ratio, Estimate::exact(2.0));
    assert_eq!(insts.sources, [0]);
    // What both have is of the session with times.
    let bytes = of(&analysis, Event::CodeBytes);
    assert_eq!(
        (bytes.values[0][0], bytes.source),
        (Some(Estimate::exact(100.0)), 1)
    );
}

#[test]
fn other_engines_stand_in_the_same_figures() {
    let mut peers = Maker::new("peers")
        .with("engine", 2e6, 5e5)
        .without("control");
    peers
        .head
        .fingerprint
        .build
        .crates
        .insert("engine".to_string(), "48".to_string());
    // The machine was twice as fast in that hour: ratios do not see it.
    peers.edit = |_, _, _, _, values| values.values_mut().for_each(|v| *v /= 2);
    let sessions = [
        Maker::new("own").with("fast", 1e5, 2e6).session(),
        peers.session(),
    ];
    let analysis = analyse(&sessions).unwrap();
    let names: Vec<&str> = analysis
        .competitors
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["base", "fast", "engine"]);
    let run = of(&analysis, Event::Run);
    assert_eq!(run.sources, [0, 1]);
    holds(run.values[0][0].unwrap(), 1e6);
    holds(run.values[0][2].unwrap(), 2.5e5);
    holds(run.means[2].unwrap().ratio, 0.5);
    assert_eq!(analysis.break_even.lines.len(), 2, "of one session");
    assert!(
        analysis
            .warnings
            .iter()
            .any(|w| w.message.contains("engine have no part"))
    );
}

#[test]
#[ignore = "prints how long a large session takes"]
fn a_large_session() {
    let mut maker = Maker::new("s");
    maker.iterations = 10;
    for number in 0..14 {
        let factor = f64::from(number) + 2.0;
        let name = format!("backend-{number}");
        maker = maker.with(&name, 1e7 / factor, 1e5 * factor);
    }
    let first = maker.head.programs[0].clone();
    maker.head.programs = (0..33)
        .map(|n| bakeoff_samples::Program {
            name: format!("program-{n}"),
            ..first.clone()
        })
        .collect();
    maker.edit = |_, iteration, _, _, values| {
        let compile = values[&Event::Compile];
        let phases = Event::PHASES.iter().map(|e| (*e, compile / 6));
        values.extend(phases.chain([(Event::FirstCall, compile), (Event::CompileAgain, compile)]));
        if iteration > 0 {
            values.remove(&Event::CodeBytes);
        }
    };
    let session = maker.session();
    let begin = std::time::Instant::now();
    let analysis = analyse(&[session]).unwrap();
    println!(
        "{} events, {} pairs of competitors: {:?}",
        analysis.events.len(),
        analysis.break_even.pairs.len(),
        begin.elapsed()
    );
}

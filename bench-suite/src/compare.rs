//! Comparing configurations: every program on every one, samples interleaved.
//!
//! A *round* takes one sample of every configuration, in an order that is shuffled anew for each round
//! and program, so that drift of the machine's speed hits all alike. Before the first round every
//! configuration takes a sample that is checked and thrown away. A configuration that fails is out for
//! that program, with its reason.

use bakeoff_backend::Options;
use bakeoff_ir::Scalar;
use bakeoff_registry::{BASELINE, Configuration, REFERENCE};
use bakeoff_suite::Size;
use serde::Serialize;

use crate::measure::{Failure, Sample, Subject};
use bakeoff_statistics::{Shuffle, geometric_mean, median};

/// What to compare.
pub struct Comparison<'c> {
    /// The programs.
    pub subjects: &'c [Subject],
    /// The configurations.
    pub configurations: &'c [&'static Configuration],
    /// The size of the runs.
    pub size: Size,
    /// What is chosen for all configurations alike.
    pub options: Options,
    /// Samples to keep of each program and configuration, at least one.
    pub samples: usize,
    /// What shuffles the order.
    pub seed: u64,
}

/// How a program fared on a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It gave its answer, the same as the reference.
    Ok,
    /// It gave another answer, or its code could not be made.
    Wrong,
    /// It trapped.
    Trap,
    /// The backend does not do something that it needs.
    Unsupported,
}

impl Status {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Wrong => "wrong",
            Status::Trap => "trap",
            Status::Unsupported => "unsupported",
        }
    }
}

/// A program on a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// The program.
    pub program: String,
    /// The configuration.
    pub backend: String,
    /// How it went.
    pub status: Status,
    /// Instructions of the IR in the module.
    pub ir_insts: u64,
    /// Median time from verified IR to callable code, in ns; 0 if there is no sample.
    pub compile_ns: u64,
    /// Median time of the timed call, in ns; 0 if there is no sample.
    pub run_ns: u64,
    /// Size of the code in bytes; 0 if there is none.
    pub code_bytes: u64,
    /// The compile times, in the order in which they were taken.
    pub compile_samples_ns: Vec<u64>,
    /// The run times, in the order in which they were taken.
    pub run_samples_ns: Vec<u64>,
    /// Why it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The result of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// Program by program, in the order of the configurations.
    pub rows: Vec<Row>,
}

/// Compares; `progress` is called with the program's name before each sample.
pub fn compare(comparison: &Comparison<'_>, mut progress: impl FnMut(&str)) -> Compared {
    let mut shuffle = Shuffle::new(comparison.seed);
    let mut rows = Vec::new();
    for subject in comparison.subjects {
        rows.extend(compare_program(
            comparison,
            subject,
            &mut shuffle,
            &mut progress,
        ));
    }
    Compared { rows }
}

/// What a configuration has given so far.
struct Standing {
    samples: Vec<Sample>,
    failure: Option<Failure>,
}

fn compare_program(
    comparison: &Comparison<'_>,
    subject: &Subject,
    shuffle: &mut Shuffle,
    progress: &mut impl FnMut(&str),
) -> Vec<Row> {
    let configurations = comparison.configurations;
    let mut standings: Vec<Standing> = configurations
        .iter()
        .map(|_| Standing {
            samples: Vec::new(),
            failure: None,
        })
        .collect();
    let mut order: Vec<usize> = (0..configurations.len()).collect();
    for round in 0..=comparison.samples {
        shuffle.shuffle(&mut order);
        for index in &order {
            progress(&subject.program.name);
            let standing = &mut standings[*index];
            if standing.failure.is_some() {
                continue;
            }
            match subject.sample(configurations[*index], comparison.size, &comparison.options) {
                Ok(_) if round == 0 => {}
                Ok(sample) => standing.samples.push(sample),
                Err(failure) => standing.failure = Some(failure),
            }
        }
    }
    check_agreement(configurations, &mut standings);
    let row = |(configuration, standing)| make_row(subject, configuration, standing);
    configurations
        .iter()
        .copied()
        .zip(standings)
        .map(row)
        .collect()
}

/// Makes a failure of every result that differs from the reference's, or, where the reference is not
/// among the configurations, from the first one's.
fn check_agreement(configurations: &[&'static Configuration], standings: &mut [Standing]) {
    let reference = configurations
        .iter()
        .position(|c| c.name == REFERENCE)
        .unwrap_or(0);
    let Some(expected) = standings[reference]
        .samples
        .first()
        .map(|s| s.results.clone())
    else {
        return;
    };
    for standing in standings {
        let disagrees = |sample: &Sample| !agree(&sample.results, &expected);
        if let Some(sample) = standing.samples.iter().find(|s| disagrees(s)) {
            let why = format!("gave {:?}, the reference {expected:?}", sample.results);
            standing.failure = Some(Failure::Wrong(why));
        }
    }
}

fn agree(a: &[Scalar], b: &[Scalar]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.agrees(*b))
}

fn make_row(subject: &Subject, configuration: &Configuration, standing: Standing) -> Row {
    let Standing { samples, failure } = standing;
    let status = match &failure {
        None => Status::Ok,
        Some(Failure::Wrong(_)) => Status::Wrong,
        Some(Failure::Trap(_)) => Status::Trap,
        Some(Failure::Unsupported(_)) => Status::Unsupported,
    };
    // A failed run never becomes a figure.
    let samples = if failure.is_none() {
        samples
    } else {
        Vec::new()
    };
    let compile_samples_ns: Vec<u64> = samples.iter().map(|s| s.compile_ns).collect();
    let run_samples_ns: Vec<u64> = samples.iter().map(|s| s.run_ns).collect();
    Row {
        program: subject.program.name.clone(),
        backend: configuration.name.to_string(),
        status,
        ir_insts: subject.module.inst_count() as u64,
        compile_ns: median(&compile_samples_ns),
        run_ns: median(&run_samples_ns),
        code_bytes: samples.first().map_or(0, |s| s.code_bytes),
        compile_samples_ns,
        run_samples_ns,
        reason: failure.map(|f| f.to_string()),
    }
}

impl Compared {
    /// Whether every program gave its answer on every configuration that supports it.
    pub fn is_good(&self) -> bool {
        self.rows
            .iter()
            .all(|row| matches!(row.status, Status::Ok | Status::Unsupported))
    }

    /// The geometric mean, over the programs that are ok on both, of a figure of `backend` relative
    /// to the baseline's.
    pub fn ratio(&self, backend: &str, figure: impl Fn(&Row) -> u64) -> Option<f64> {
        let ratios = self
            .rows
            .iter()
            .filter(|r| r.backend == backend && r.status == Status::Ok);
        geometric_mean(ratios.filter_map(|row| {
            let base = self
                .rows
                .iter()
                .find(|r| r.backend == BASELINE && r.program == row.program)?;
            let (own, base) = (figure(row), figure(base));
            (own > 0 && base > 0).then(|| own as f64 / base as f64)
        }))
    }
}

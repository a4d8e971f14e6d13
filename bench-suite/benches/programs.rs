//! `cargo bench`: every program of the suite at quick size on every configuration.
//!
//! A program that a backend does not support is left out there, said and counted.
//!
//! Two groups: `compile/<program>/<backend>` times from verified IR to callable code, and
//! `run/<program>/<backend>` the timed call alone, on a fresh instance each, checked afterwards. A
//! program that fails makes the bench fail. Times are taken inside an iteration (`iter_custom`), so
//! that instantiation, preparation and checks stay outside.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bakeoff_backend::{CompileError, NoPhases, Options};
use bakeoff_bench_suite::{Subject, compile, load_module, programs_dir};
use bakeoff_registry::{CONFIGURATIONS, Configuration};
use bakeoff_suite::{Size, load_dir};
use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

fn subjects() -> Vec<Subject> {
    let programs = load_dir(programs_dir()).expect("the suite's entries");
    let subject = |program: bakeoff_suite::Program| {
        let loaded = load_module(&program.module).expect("the suite's modules");
        Subject {
            module: Arc::new(loaded.module),
            program,
        }
    };
    programs.into_iter().map(subject).collect()
}

/// Whether the backend supports the program; if not, it is said and counted.
fn is_supported(configuration: &Configuration, subject: &Subject) -> bool {
    static UNSUPPORTED: AtomicU32 = AtomicU32::new(0);
    match compile(
        configuration,
        &subject.module,
        &Options::default(),
        &mut NoPhases,
    ) {
        Err(error @ CompileError::Unsupported { .. }) => {
            let count = UNSUPPORTED.fetch_add(1, Ordering::Relaxed) + 1;
            let (program, backend) = (&subject.program.name, configuration.name);
            eprintln!("unsupported ({count}): {program} on {backend}: {error}");
            false
        }
        // Another error shows where the program is to be run.
        _ => true,
    }
}

fn compile_ns(configuration: &Configuration, subject: &Subject) -> Duration {
    let start = Instant::now();
    let executable = compile(
        configuration,
        black_box(&subject.module),
        &Options::default(),
        &mut NoPhases,
    );
    let elapsed = start.elapsed();
    black_box(executable.expect("a backend that supports the suite"));
    elapsed
}

fn bench_compile(criterion: &mut Criterion) {
    for subject in subjects() {
        let mut group = criterion.benchmark_group(format!("compile/{}", subject.program.name));
        group.sampling_mode(SamplingMode::Flat);
        group.throughput(Throughput::Elements(subject.module.inst_count() as u64));
        let supported = |c: &&Configuration| is_supported(c, &subject);
        for configuration in CONFIGURATIONS.iter().filter(supported) {
            group.bench_function(BenchmarkId::from_parameter(configuration.name), |bencher| {
                bencher.iter_custom(|count| {
                    (0..count)
                        .map(|_| compile_ns(configuration, &subject))
                        .sum()
                });
            });
        }
    }
}

fn bench_run(criterion: &mut Criterion) {
    for subject in subjects() {
        let mut group = criterion.benchmark_group(format!("run/{}", subject.program.name));
        group.sampling_mode(SamplingMode::Flat);
        let supported = |c: &&Configuration| is_supported(c, &subject);
        for configuration in CONFIGURATIONS.iter().filter(supported) {
            let executable = compile(
                configuration,
                &subject.module,
                &Options::default(),
                &mut NoPhases,
            )
            .expect("a backend that supports the suite");
            group.bench_function(BenchmarkId::from_parameter(configuration.name), |bencher| {
                bencher.iter_custom(|count| {
                    let once = |_| match subject.run(&executable, Size::Quick) {
                        Ok((run_ns, _)) => Duration::from_nanos(run_ns),
                        Err(failure) => panic!(
                            "{} on {}: {failure}",
                            subject.program.name, configuration.name
                        ),
                    };
                    (0..count).map(once).sum()
                });
            });
        }
    }
}

/// The whole suite within minutes: few samples, short times.
fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .without_plots()
}

criterion_group! {
    name = programs;
    config = settings();
    targets = bench_compile, bench_run
}
criterion_main!(programs);

//! Our own compilers grow no faster than what they compile, in each dimension.
//!
//! Times are minima: noise only adds. Sizes are visited in turns, so that a machine that is slower for a while is so for
//! all of them, and what looks too steep is measured again, longer: a quadratic compiler stays quadratic.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bakeoff_backend::{NoPhases, Options};
use bakeoff_bench_suite::compile;
use bakeoff_bench_suite::families::FAMILIES;
use bakeoff_ir::Module;
use bakeoff_registry::{CONFIGURATIONS, Configuration};

/// The steepest slope of ln(time) over ln(size) that counts as linear. Caches that are left and tables that double give
/// a little over 1; a quadratic part that is half of the time at the largest size gives 1.4 and more over a factor of 16.
const STEEPEST: f64 = 1.3;

/// How often each size is compiled: the first time, and in each further attempt.
const ROUNDS: [usize; 4] = [3, 9, 27, 81];

fn compile_ns(configuration: &Configuration, module: &Arc<Module>) -> f64 {
    let start = Instant::now();
    let code = compile(
        configuration,
        black_box(module),
        &Options::default(),
        &mut NoPhases,
    );
    let elapsed = start.elapsed();
    drop(code.expect("it compiles"));
    elapsed.as_nanos() as f64
}

/// The slope between two modules of which the second is `factor` times as large.
fn slope(
    configuration: &Configuration,
    modules: &[Arc<Module>; 2],
    factor: f64,
    rounds: usize,
) -> f64 {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..rounds {
        for (least, module) in least.iter_mut().zip(modules) {
            *least = least.min(compile_ns(configuration, module));
        }
    }
    (least[1] / least[0]).ln() / factor.ln()
}

#[test]
fn no_compiler_of_ours_is_superlinear_in_any_dimension() {
    let mut report = String::new();
    let mut steep = Vec::new();
    for family in FAMILIES {
        let sizes = [family.sizes[2], *family.sizes.last().unwrap()];
        let modules = sizes.map(|size| Arc::new(family.module(size)));
        // What is asked is the growth with the size of the module, where that grows a little otherwise than its dimension.
        let insts = |at: usize| modules[at].inst_count() as f64;
        let factor = (insts(1) / insts(0)).max(2.0);
        for configuration in CONFIGURATIONS
            .iter()
            .filter(|c| c.own && c.ablation_of.is_none())
        {
            let measured = patient_slope(configuration, &modules, factor);
            let name = format!("{} on {}", family.name, configuration.name);
            report.push_str(&format!("{name}: {measured:.2}\n"));
            if measured > STEEPEST {
                steep.push(format!("{name}: {measured:.2}"));
            }
        }
    }
    println!("{report}");
    assert!(steep.is_empty(), "superlinear: {steep:#?}");
}

/// The first measurement that is not too steep, or the last one.
fn patient_slope(configuration: &Configuration, modules: &[Arc<Module>; 2], factor: f64) -> f64 {
    let mut last = f64::INFINITY;
    for rounds in ROUNDS {
        last = slope(configuration, modules, factor, rounds);
        if last <= STEEPEST {
            break;
        }
    }
    last
}

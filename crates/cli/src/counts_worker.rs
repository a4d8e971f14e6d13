//! The hidden `counts-worker` command: what `bakeoff_bench_suite::counts` runs under callgrind.

use std::path::PathBuf;
use std::sync::Arc;

use bakeoff_backend::Options;
use bakeoff_bench_suite::{Subject, counts, load_module, load_program};
use clap::Args;

use crate::error::CliError;
use crate::{BoundsArg, CpuArg, SizeArg, Verdict, find_backend};

/// What to do.
#[derive(Args)]
pub(crate) struct CountsWorkerArgs {
    /// Entries (.toml) or text modules (.ir, .clif), in order.
    files: Vec<PathBuf>,
    /// The competitor.
    #[arg(long)]
    backend: String,
    /// The size of the runs.
    #[arg(long, value_enum, default_value_t = SizeArg::Quick)]
    size: SizeArg,
    /// How native code checks accesses with 32-bit indices.
    #[arg(long, value_enum, default_value_t = BoundsArg::Guard)]
    bounds_checks: BoundsArg,
    /// What native code may use of the processor.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
}

pub(crate) fn command(args: &CountsWorkerArgs) -> Result<Verdict, CliError> {
    let configuration = find_backend(&args.backend)?;
    let mut subjects = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let program = load_program(file)?;
        let loaded = load_module(&program.module)?;
        subjects.push(Subject {
            program,
            module: Arc::new(loaded.module),
        });
    }
    let options = Options {
        bounds_checks: args.bounds_checks.into(),
        cpu: args.cpu.into(),
    };
    let mut out = std::io::stdout().lock();
    counts::worker(
        configuration,
        &subjects,
        args.size.into(),
        &options,
        &mut out,
    )
    .map_err(CliError::Output)?;
    Ok(Verdict::Good)
}

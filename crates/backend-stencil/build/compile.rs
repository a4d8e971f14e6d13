//! Runs the compiler that builds this crate, on stencils.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What to compile for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    X64Base,
    X64V3,
    Aarch64,
}

/// A piece of source and what to compile it for.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) text: String,
}

impl Job {
    /// A job.
    pub(crate) fn new(name: &str, target: Target, text: String) -> Job {
        Job {
            name: name.into(),
            target,
            text,
        }
    }
}

/// Compiles all jobs, as many at once as there are processors, and gives their objects in order.
pub(crate) fn all(jobs: &[Job], out: &Path) -> Vec<Vec<u8>> {
    let paths: Vec<PathBuf> = std::thread::scope(|scope| {
        let running: Vec<_> = jobs
            .iter()
            .map(|job| scope.spawn(move || one(job, out)))
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("a stencil compilation failed"))
            .collect()
    });
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("the object just written"))
        .collect()
}

const PASSES: &str =
    "-Cpasses=always-inline,function(sroa,instcombine<no-verify-fixpoint>,simplifycfg)";

fn one(job: &Job, out: &Path) -> PathBuf {
    let source = out.join(format!("{}.rs", job.name));
    let object = out.join(format!("{}.o", job.name));
    std::fs::write(&source, &job.text).expect("OUT_DIR is writable");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        // The language below the core library is not stable; the version of the compiler is pinned.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .args(["--edition=2024", "--emit=obj", "--crate-name=stencils"])
        .args(["-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1"])
        .args(["-Crelocation-model=static", "-Cdebuginfo=0"])
        // The usual passes would replace an operand by what it has been compared with, which then is
        // copied for the next stencil.
        .args(["-Cno-prepopulate-passes", PASSES]);
    match job.target {
        Target::X64Base => {
            command.args(["--target=x86_64-unknown-linux-gnu", "-Ccode-model=small"])
        }
        Target::X64V3 => command.args([
            "--target=x86_64-unknown-linux-gnu",
            "-Ccode-model=small",
            "-Ctarget-cpu=x86-64-v3",
        ]),
        Target::Aarch64 => {
            command.args(["--target=aarch64-unknown-linux-gnu", "-Ccode-model=large"])
        }
    };
    let output = command.arg("-o").arg(&object).arg(&source).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run the compiler: {error}"));
    assert!(
        output.status.success(),
        "stencils do not compile: {command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    object
}

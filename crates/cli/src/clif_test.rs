//! The `clif-test` command: files of CLIF on every configuration.

use bakeoff_difftest::clif;

use crate::error::CliError;
use crate::{ClifTestArgs, Verdict, find_backends, print_text};

pub(crate) fn command(args: &ClifTestArgs) -> Result<Verdict, CliError> {
    let report = clif::run(&args.paths, &find_backends(&args.backends)?)?;
    print_text(&report.to_string())?;
    if let Some(page) = &args.write {
        report.write(page, &args.revision)?;
    }
    Ok(match report.is_good() {
        true => Verdict::Good,
        false => Verdict::Failed,
    })
}

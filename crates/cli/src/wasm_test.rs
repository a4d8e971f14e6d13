//! The `wasm-test` command.

use std::path::Path;

use bakeoff_difftest::wasm::{Finding, WasmReport, reduce, run};

use crate::error::CliError;
use crate::{Verdict, WasmTestArgs, compare, find_backends, print_text};

pub(crate) fn command(args: &WasmTestArgs) -> Result<Verdict, CliError> {
    let configurations = find_backends(&args.backends)?;
    let numbers = args.from..args.from.saturating_add(args.count);
    let bar = compare::progress_bar(args.count);
    // Machine code that goes astray ends the process: the last number that is seen is the module's.
    let report = run(args.seed, numbers, &configurations, |number| {
        bar.set_message(format!("module {number}"));
        bar.inc(1);
    });
    bar.finish_and_clear();
    print_text(&report.to_markdown())?;
    for finding in &report.findings {
        let Finding {
            number,
            configuration,
            what,
            ..
        } = finding;
        print_text(&format!("module {number} on {configuration}: {what}\n"))?;
    }
    if let Some(directory) = &args.save {
        save(args.seed, &report, directory)?;
    }
    if let Some(path) = &args.write {
        update(args, &report, path)?;
    }
    Ok(match report.is_clean() {
        true => Verdict::Good,
        false => Verdict::Failed,
    })
}

fn save(seed: u64, report: &WasmReport, directory: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(directory).map_err(write_error(directory))?;
    for finding in &report.findings {
        let Finding {
            number,
            configuration,
            ..
        } = finding;
        let path = directory.join(format!("{seed}-{number}-{configuration}.wasm"));
        std::fs::write(&path, reduce(seed, finding)).map_err(write_error(&path))?;
    }
    Ok(())
}

fn update(args: &WasmTestArgs, report: &WasmReport, path: &Path) -> Result<(), CliError> {
    let page = std::fs::read_to_string(path).map_err(|error| CliError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    let command = format!(
        "bakeoff wasm-test --seed {} --from {} --count {} --write {}",
        args.seed,
        args.from,
        args.count,
        path.display()
    );
    let page = report
        .in_page(&page, &command)
        .ok_or_else(|| CliError::NoSection {
            path: path.to_path_buf(),
            section: "wasm-smith".to_string(),
        })?;
    std::fs::write(path, page).map_err(write_error(path))
}

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.to_path_buf();
    move |error| CliError::Write { path, error }
}

//! The `run` and `verify` commands.

use std::path::Path;
use std::sync::Arc;

use bakeoff_backend::{CallError, Executable, Imports, Instance, NoPhases, Options};
use bakeoff_bench_suite::{Failure, LoadedModule, Subject, compile, load_module, load_program};
use bakeoff_ir::text::{Directive, Expectation};
use bakeoff_ir::{ExportItem, Scalar};
use bakeoff_registry::Configuration;

use crate::error::CliError;
use crate::{RunArgs, Verdict, find_backend, load, print_text, table};

pub(crate) fn command(args: &RunArgs) -> Result<Verdict, CliError> {
    let configuration = find_backend(&args.backend)?;
    let options = Options {
        cpu: args.cpu.into(),
        ..Options::default()
    };
    if args.file.extension().is_some_and(|e| e == "toml") && args.invoke.is_none() {
        return run_entry(args, configuration, &options);
    }
    let LoadedModule {
        module, directives, ..
    } = load(&args.file)?;
    let executable = compile(configuration, &Arc::new(module), &options, &mut NoPhases)?;
    match &args.invoke {
        Some(export) => invoke(&executable, export, &args.args),
        None if directives.is_empty() => {
            instantiate(&executable)?;
            print_text("instantiated; name a function to call with --invoke\n")
        }
        None => run_directives(&executable, &directives),
    }
}

fn instantiate(executable: &Arc<dyn Executable>) -> Result<Instance, CliError> {
    Ok(Instance::new(executable, &Imports::new())?)
}

fn show(values: &[Scalar]) -> String {
    let texts: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
    texts.join(", ")
}

/// Runs a program of the suite once.
fn run_entry(
    args: &RunArgs,
    configuration: &'static Configuration,
    options: &Options,
) -> Result<Verdict, CliError> {
    let program = load_program(&args.file)?;
    let loaded = load_module(&program.module)?;
    let subject = Subject {
        program,
        module: Arc::new(loaded.module),
    };
    match subject.sample(configuration, args.size.into(), options) {
        Ok(sample) => print_text(&format!(
            "{} on {}: ok: {}\ncompile {}, run {}, {} bytes of code\n",
            subject.program.name,
            configuration.name,
            show(&sample.results),
            table::duration(sample.compile_ns),
            table::duration(sample.run_ns),
            sample.code_bytes,
        )),
        Err(failure @ (Failure::Unsupported(_) | Failure::Trap(_) | Failure::Wrong(_))) => {
            eprintln!(
                "{} on {}: {failure}",
                subject.program.name, configuration.name
            );
            Ok(Verdict::Failed)
        }
    }
}

/// Calls an exported function.
fn invoke(
    executable: &Arc<dyn Executable>,
    export: &str,
    texts: &[String],
) -> Result<Verdict, CliError> {
    let module = executable.module();
    let args = match module.export(export) {
        Some(ExportItem::Func(func)) => parse_args(export, &module.func_sig(func).params, texts)?,
        // The call reports what there is.
        Some(ExportItem::Memory(_) | ExportItem::Global(_) | ExportItem::Table(_)) | None => {
            Vec::new()
        }
    };
    let mut instance = instantiate(executable)?;
    match instance.call(export, &args) {
        Ok(results) => print_text(&format!("{}\n", show(&results))),
        Err(CallError::Trap(trap)) => {
            eprintln!("{trap}");
            Ok(Verdict::Failed)
        }
        Err(error) => Err(CliError::Call(error.to_string())),
    }
}

fn parse_args(
    export: &str,
    params: &[bakeoff_ir::Type],
    texts: &[String],
) -> Result<Vec<Scalar>, CliError> {
    if params.len() != texts.len() {
        let types: Vec<&str> = params.iter().map(|t| t.name()).collect();
        return Err(CliError::ArgumentCount {
            export: export.to_string(),
            wanted: params.len(),
            types: types.join(", "),
            got: texts.len(),
        });
    }
    let parse = |(position, (ty, text)): (usize, (&bakeoff_ir::Type, &String))| {
        Scalar::parse(*ty, text).map_err(|error| CliError::Argument {
            export: export.to_string(),
            position: position + 1,
            error,
        })
    };
    params.iter().zip(texts).enumerate().map(parse).collect()
}

/// Runs what a text module says about itself, each line on a fresh instance.
fn run_directives(
    executable: &Arc<dyn Executable>,
    directives: &[Directive],
) -> Result<Verdict, CliError> {
    let mut failed = 0;
    for directive in directives {
        let got = instantiate(executable)?.call(&directive.name, &directive.args);
        let good = match &got {
            Ok(values) => directive.expect.holds(Ok(values)),
            Err(CallError::Trap(trap)) => directive.expect.holds(Err(trap.code)),
            Err(_) => false,
        };
        if let (Expectation::Anything, Ok(values)) = (&directive.expect, &got) {
            let Directive { name, args, .. } = directive;
            print_text(&format!("@{name}({}) gives {}\n", show(args), show(values)))?;
        }
        if !good {
            failed += 1;
            let outcome = got.map_or_else(|error| error.to_string(), |values| show(&values));
            let Directive {
                span, name, args, ..
            } = directive;
            print_text(&format!("{span}: @{name}({}) gave {outcome}\n", show(args)))?;
        }
    }
    print_text(&format!(
        "{} passed, {failed} failed\n",
        directives.len() - failed
    ))?;
    Ok(if failed == 0 {
        Verdict::Good
    } else {
        Verdict::Failed
    })
}

/// The `verify` command: loading verifies.
pub(crate) fn verify(file: &Path) -> Result<Verdict, CliError> {
    let text = match file.extension().is_some_and(|e| e == "toml") {
        true => {
            let program = load_program(file)?;
            let loaded = load_module(&program.module)?;
            format!(
                "{}: a program over {} instructions\n",
                file.display(),
                loaded.module.inst_count()
            )
        }
        false => {
            let LoadedModule { module, .. } = load(file)?;
            let (funcs, insts) = (module.bodies().count(), module.inst_count());
            format!(
                "{}: {funcs} functions, {insts} instructions\n",
                file.display()
            )
        }
    };
    print_text(&text)
}

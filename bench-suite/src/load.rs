//! Modules and programs from files.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use bakeoff_frontend_clif::{ClifError, ClifModule, Unsupported};
use bakeoff_frontend_wasm::WasmError;
use bakeoff_ir::text::{
    Directive, Expectation, ExpectedValue, ParseError, ParsedModule, Span, parse_module,
};
use bakeoff_ir::{Module, VerifierErrors, verify_module};
use bakeoff_suite::{Program, SuiteError};

/// Why a file gave no module or program.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Its name does not tell what it is.
    #[error("{}: what is it? Known are {expected}", path.display())]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// The endings that are understood.
        expected: &'static str,
    },
    /// The text form has a mistake.
    #[error("{}:{error}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Its text.
        source_text: String,
        /// The mistake.
        error: ParseError,
    },
    /// The WebAssembly is malformed, invalid or uses what is not supported.
    #[error("{}: {error}", path.display())]
    Wasm {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: WasmError,
    },
    /// The CLIF has a mistake.
    #[error("{}:{error}", path.display())]
    Clif {
        /// The file.
        path: PathBuf,
        /// Its text.
        source_text: String,
        /// The mistake.
        error: ClifError,
    },
    /// The module breaks a rule of the IR.
    #[error("{}: {errors}", path.display())]
    Verify {
        /// The file.
        path: PathBuf,
        /// Its text, for the text form.
        source_text: Option<String>,
        /// Where each mistake is in the text, and what it is.
        places: Vec<(Option<Span>, String)>,
        /// The mistakes.
        errors: VerifierErrors,
    },
    /// The entry has a mistake.
    #[error(transparent)]
    Entry(#[from] SuiteError),
    /// A text file says nothing about what to run.
    #[error("{}: nothing says what to run: give a `; run:` line, or an entry (.toml)", path.display())]
    NothingToRun {
        /// The file.
        path: PathBuf,
    },
}

/// A verified module and what its text says about it.
pub struct LoadedModule {
    /// The module.
    pub module: Module,
    /// The `; run:` and `; trap:` lines of a text file.
    pub directives: Vec<Directive>,
    /// The functions that are not in the module, because a frontend does not support them.
    pub left_out: Vec<Unsupported>,
}

fn ending(path: &Path) -> &str {
    path.extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
}

/// Reads and verifies a module: `.ir`, `.wasm`, `.wat` or `.clif`.
///
/// # Errors
/// If the file cannot be read, or is no correct module.
pub fn load_module(path: &Path) -> Result<LoadedModule, LoadError> {
    let read_error = |error| LoadError::Read {
        path: path.to_path_buf(),
        error,
    };
    match ending(path) {
        "ir" => {
            let bytes = std::fs::read(path).map_err(read_error)?;
            load_text(path, String::from_utf8_lossy(&bytes).into_owned())
        }
        "wasm" | "wat" => {
            let bytes = std::fs::read(path).map_err(read_error)?;
            let module = bakeoff_frontend_wasm::load(&bytes).map_err(|error| LoadError::Wasm {
                path: path.to_path_buf(),
                error,
            })?;
            verify(path, None, &module, |_| Vec::new())?;
            Ok(LoadedModule {
                module,
                directives: Vec::new(),
                left_out: Vec::new(),
            })
        }
        "clif" => {
            let bytes = std::fs::read(path).map_err(read_error)?;
            load_clif(path, &bytes)
        }
        _ => Err(LoadError::UnknownKind {
            path: path.to_path_buf(),
            expected: ".ir, .wasm, .wat and .clif",
        }),
    }
}

fn load_text(path: &Path, source_text: String) -> Result<LoadedModule, LoadError> {
    let parsed = match parse_module(&source_text) {
        Ok(parsed) => parsed,
        Err(error) => {
            return Err(LoadError::Parse {
                path: path.to_path_buf(),
                source_text,
                error,
            });
        }
    };
    let ParsedModule {
        module,
        positions,
        directives,
    } = parsed;
    verify(path, Some(&source_text), &module, |errors| {
        let place = |e: &bakeoff_ir::VerifierError| (positions.span(e.location), e.message.clone());
        errors.errors().iter().map(place).collect()
    })?;
    Ok(LoadedModule {
        module,
        directives,
        left_out: Vec::new(),
    })
}

fn load_clif(path: &Path, bytes: &[u8]) -> Result<LoadedModule, LoadError> {
    let ClifModule {
        module,
        directives,
        left_out,
    } = bakeoff_frontend_clif::load(bytes).map_err(|error| LoadError::Clif {
        path: path.to_path_buf(),
        source_text: String::from_utf8_lossy(bytes).into_owned(),
        error,
    })?;
    verify(path, None, &module, |_| Vec::new())?;
    Ok(LoadedModule {
        module,
        directives,
        left_out,
    })
}

fn verify(
    path: &Path,
    source_text: Option<&str>,
    module: &Module,
    places: impl FnOnce(&VerifierErrors) -> Vec<(Option<Span>, String)>,
) -> Result<(), LoadError> {
    verify_module(module).map_err(|errors| LoadError::Verify {
        path: path.to_path_buf(),
        source_text: source_text.map(str::to_string),
        places: places(&errors),
        errors,
    })
}

/// Reads a program: an entry (`.toml`), or a text module whose first `; run:` line says what to run
/// and what it answers.
///
/// # Errors
/// If the file cannot be read, is malformed, or does not say what to run.
pub fn load_program(path: &Path) -> Result<Program, LoadError> {
    match ending(path) {
        "toml" => Ok(Program::load(path)?),
        "ir" | "clif" => {
            let loaded = load_module(path)?;
            let entry = loaded.directives.iter().find_map(|d| entry_of(path, d));
            let entry = entry.ok_or_else(|| LoadError::NothingToRun {
                path: path.to_path_buf(),
            })?;
            Ok(Program::parse(path, &entry)?)
        }
        _ => Err(LoadError::UnknownKind {
            path: path.to_path_buf(),
            expected: "entries (.toml) and text modules (.ir, .clif)",
        }),
    }
}

/// The entry that a directive amounts to, if it states results.
fn entry_of(path: &Path, directive: &Directive) -> Option<String> {
    let Expectation::Values(values) = &directive.expect else {
        return None;
    };
    if values.is_empty() {
        return None;
    }
    let file = path.file_name()?.to_str()?;
    let quoted = |texts: Vec<String>| {
        texts
            .iter()
            .map(|t| format!("{t:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let args = quoted(directive.args.iter().map(ToString::to_string).collect());
    let answer = |value: &ExpectedValue| match value {
        ExpectedValue::Exact(value) => value.to_string(),
        ExpectedValue::AnyNan(_) => "nan".to_string(),
    };
    let answers = quoted(values.iter().map(answer).collect());
    let mut entry = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        entry,
        "about = \"its first run line\"\nsuite = \"file\"\nmodule = {file:?}"
    );
    let _ = writeln!(
        entry,
        "[quick]\n[full]\n[time]\ncall = {:?}",
        directive.name
    );
    let _ = writeln!(entry, "args = [{args}]\nexpect = [{answers}]");
    Some(entry)
}

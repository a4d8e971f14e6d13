//! A validated program, and how to find and load it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Problem, SuiteError};

/// Which of the two parameter sets of a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Size {
    /// For tests: milliseconds of compiled code.
    Quick,
    /// For measurements: long enough for clocks and caches not to matter.
    Full,
}

impl Size {
    /// Both sizes.
    pub const ALL: [Size; 2] = [Size::Quick, Size::Full];

    /// The name in entries and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Size::Quick => "quick",
            Size::Full => "full",
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        Size::ALL
            .into_iter()
            .find(|size| size.name() == text)
            .ok_or_else(|| format!("`{text}` is no size: quick, full"))
    }
}

/// A benchmark program. Every variable in it is defined before its use.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    /// The stem of the entry's file name.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// The label that programs are selected by.
    pub suite: String,
    /// The module to compile, as a path that can be opened.
    pub module: PathBuf,
    /// The entry itself.
    pub entry: PathBuf,
    pub(crate) quick: BTreeMap<String, String>,
    pub(crate) full: BTreeMap<String, String>,
    pub(crate) before: Vec<Step>,
    pub(crate) time: Call,
    pub(crate) check: Vec<Step>,
}

/// One thing to do with an instance.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    Call(Call),
    Write(Patch),
    Read(Patch),
}

/// A call of an exported function.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Call {
    pub(crate) export: String,
    pub(crate) args: Vec<Operand>,
    pub(crate) expect: Option<Vec<Operand>>,
    /// Empty, or a name for each result.
    pub(crate) bind: Vec<String>,
}

/// Bytes at an address, to be put there or to be found there.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Patch {
    pub(crate) memory: String,
    pub(crate) at: Operand,
    pub(crate) bytes: Bytes,
}

/// A number without a type, or a variable.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Operand {
    Literal(String),
    Variable(String),
}

/// Where bytes come from. A file is read when it is needed: a directory of entries may be listed
/// without reading megabytes of input.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Bytes {
    Given(Vec<u8>),
    /// The parameter that has them as hexadecimal digits.
    Hex(String),
    File(Operand),
}

impl Program {
    /// Loads and validates one entry.
    pub fn load(path: impl AsRef<Path>) -> Result<Program, SuiteError> {
        let path = path.as_ref();
        let fail = |problem| SuiteError {
            file: path.to_path_buf(),
            at: None,
            problem,
        };
        let text = fs::read_to_string(path).map_err(|e| fail(Problem::Unreadable(e)))?;
        let program = Program::parse(path, &text)?;
        let missing = program.files().find(|file| !file.is_file());
        match missing {
            Some(missing) => Err(fail(Problem::MissingFile(missing))),
            None => Ok(program),
        }
    }

    /// The value of a parameter, as the entry has it.
    pub fn parameter(&self, size: Size, name: &str) -> Option<&str> {
        self.parameters(size).get(name).map(String::as_str)
    }

    pub(crate) fn parameters(&self, size: Size) -> &BTreeMap<String, String> {
        match size {
            Size::Quick => &self.quick,
            Size::Full => &self.full,
        }
    }

    /// A path as the entry writes it, as one that can be opened.
    pub(crate) fn path_of(&self, relative: &str) -> PathBuf {
        match self.entry.parent() {
            Some(directory) => directory.join(relative),
            None => PathBuf::from(relative),
        }
    }

    /// The file that a step takes its bytes from, for a size.
    pub(crate) fn input(&self, size: Size, file: &Operand) -> Option<PathBuf> {
        match file {
            Operand::Literal(name) => Some(self.path_of(name)),
            Operand::Variable(name) => self.parameter(size, name).map(|file| self.path_of(file)),
        }
    }

    /// Every file that the program needs: the module, and the inputs of both sizes.
    fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let inputs = self.before.iter().chain(&self.check);
        let inputs = inputs.filter_map(|step| match step {
            Step::Write(Patch {
                bytes: Bytes::File(file),
                ..
            })
            | Step::Read(Patch {
                bytes: Bytes::File(file),
                ..
            }) => Some(file),
            Step::Call(_) | Step::Write(_) | Step::Read(_) => None,
        });
        let inputs = inputs.flat_map(|file| {
            Size::ALL
                .into_iter()
                .filter_map(|size| self.input(size, file))
        });
        std::iter::once(self.module.clone()).chain(inputs)
    }
}

/// Loads every entry (`*.toml`) of a directory, not of those below it, sorted by name.
pub fn load_dir(directory: impl AsRef<Path>) -> Result<Vec<Program>, SuiteError> {
    let directory = directory.as_ref();
    let fail = |error| SuiteError {
        file: directory.to_path_buf(),
        at: None,
        problem: Problem::Unreadable(error),
    };
    let mut entries = Vec::new();
    for item in fs::read_dir(directory).map_err(fail)? {
        let path = item.map_err(fail)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            entries.push(path);
        }
    }
    let mut programs = entries
        .iter()
        .map(Program::load)
        .collect::<Result<Vec<_>, _>>()?;
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

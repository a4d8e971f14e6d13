//! What can be wrong with an entry, and what can go wrong when it runs.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bakeoff_ir::{Scalar, ScalarParseError, Type};

/// A place in a text; both count from one, columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset` of `text`. An offset beyond the end means the end.
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        let before = text
            .char_indices()
            .take_while(|(at, _)| *at < offset)
            .map(|(_, c)| c);
        let (mut line, mut column) = (1, 1);
        for c in before {
            if c == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        Position { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A program that cannot be loaded: which file, where in it, and why.
#[derive(Debug)]
pub struct SuiteError {
    /// The entry, or the directory that was to be listed.
    pub file: PathBuf,
    /// Where in the entry, if the problem has a place there.
    pub at: Option<Position>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(at) = self.at {
            write!(f, "{at}:")?;
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for SuiteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The entry or the directory cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// No TOML, an unknown key, a missing key, or a value of another shape.
    #[error("{0}")]
    Toml(String),
    /// A file that the entry names is not there.
    #[error("there is no file {}", .0.display())]
    MissingFile(PathBuf),
    /// The module is neither Wasm nor one of the text forms.
    #[error("module `{0}` ends neither in .wasm nor in .ir nor in .clif")]
    ModuleKind(String),
    /// A text that must say something is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A parameter that only one of the two sizes has.
    #[error("`{name}` is defined in [{here}] but not in [{missing}]")]
    OneSize {
        /// The parameter.
        name: String,
        /// The table that has it.
        here: &'static str,
        /// The table that lacks it.
        missing: &'static str,
    },
    /// No variable can be called this.
    #[error("`{0}` is no name: letters, digits and _, not beginning with a digit")]
    Name(String),
    /// A parameter is given as another variable.
    #[error("parameter `{0}` must be a value, not a variable")]
    NotAValue(String),
    /// Two definitions of one name.
    #[error("`{0}` is defined already")]
    Redefined(String),
    /// A use before, or without, a definition.
    #[error("`${0}` is not defined here")]
    Undefined(String),
    /// A definition without a use: often a typing error elsewhere.
    #[error("`{0}` is never used")]
    Unused(String),
    /// A variable that stands for a file or for bytes, but is not a parameter.
    #[error("`${0}` stands for a file or for bytes, so it must be a parameter")]
    NotAParameter(String),
    /// Keys that do not make up a step of this section.
    #[error("a step in [{section}] has exactly one of {allowed}")]
    StepKind {
        /// The section of the entry.
        section: &'static str,
        /// The keys that one may choose from.
        allowed: &'static str,
    },
    /// A key that means nothing in this kind of step.
    #[error("`{key}` has no meaning in a step with `{kind}`")]
    StrayKey {
        /// The key in question.
        key: &'static str,
        /// The key that makes the step what it is.
        kind: &'static str,
    },
    /// A load without a type, or with one that does not exist.
    #[error("a step with `load` has a `type`: i8, i16, i32, i64, f32 or f64")]
    LoadType,
    /// A load that is neither compared nor bound, or has several values where memory has one.
    #[error("a step with `load` has one value to `expect`, or one name to `bind`, or both")]
    LoadUse,
    /// None or several of the ways to give bytes.
    #[error("a step with `{0}` has exactly one of `text`, `hex`, `file`")]
    Bytes(&'static str),
    /// Malformed hexadecimal bytes.
    #[error(
        "hexadecimal bytes must be pairs of hexadecimal digits, with or without spaces between pairs"
    )]
    Hex,
    /// Nothing in the entry says what the program must produce.
    #[error("no answer: no `expect` in [time] or [[check]], and no `read` in [[check]]")]
    NoAnswer,
}

/// What a program must produce, or did produce.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The results of a call.
    Values(Vec<Scalar>),
    /// Bytes in memory.
    Bytes(Vec<u8>),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Enough to recognise a text, short enough for one line.
        const SHOWN: usize = 24;
        match self {
            Answer::Values(values) => {
                f.write_str("(")?;
                for (i, value) in values.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{value:?}")?;
                }
                f.write_str(")")
            }
            Answer::Bytes(bytes) => {
                write!(f, "{} bytes", bytes.len())?;
                for (i, byte) in bytes.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{byte:02x}", if i == 0 { ": " } else { " " })?;
                }
                f.write_str(if bytes.len() > SHOWN { " …" } else { "" })
            }
        }
    }
}

/// Why a program did not run, or failed. `E` is the engine's own error.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// The module does not export this function.
    #[error("no exported function `{export}`; there are: {}", .exports.join(", "))]
    MissingExport {
        /// The function that the entry calls.
        export: String,
        /// What the module does export.
        exports: Vec<String>,
    },
    /// The entry gives another number of arguments, results or names than the signature has.
    #[error("`{export}` has {signature} {what}s, the entry gives {given}")]
    Count {
        /// The function.
        export: String,
        /// `argument`, `result` or `bound result`.
        what: &'static str,
        /// How many the signature has.
        signature: usize,
        /// How many the entry has.
        given: usize,
    },
    /// A value cannot be of the type that the signature wants.
    #[error("{place}: {error}")]
    Value {
        /// What the value was meant for.
        place: String,
        /// Why not.
        error: ScalarParseError,
    },
    /// A bound variable is of another type than its use wants.
    #[error("{place}: `${name}` is of type {got}, not {wanted}")]
    Type {
        /// What the variable was meant for.
        place: String,
        /// The variable.
        name: String,
        /// The type that the use wants.
        wanted: Type,
        /// The type of the variable.
        got: Type,
    },
    /// A variable without a value. Entries that were loaded have none.
    #[error("`${0}` has no value")]
    Unbound(String),
    /// An input file cannot be read.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// No such memory, or the bytes do not lie in it.
    #[error("cannot {action} {len} bytes at {at:#x} of memory `{memory}`")]
    Memory {
        /// `read` or `write`.
        action: &'static str,
        /// The exported memory.
        memory: String,
        /// The address.
        at: u64,
        /// The number of bytes.
        len: usize,
    },
    /// A call did not return: a trap, or a failure of the engine.
    #[error("`{export}` failed: {error}")]
    Call {
        /// The function.
        export: String,
        /// What the engine says.
        error: E,
    },
    /// The program ran, but the answer is another.
    #[error("wrong answer from {place}: expected {expected}, got {got}")]
    WrongAnswer {
        /// The call or the read.
        place: String,
        /// What the entry states.
        expected: Answer,
        /// What the engine produced.
        got: Answer,
    },
}

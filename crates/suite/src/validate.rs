//! From the raw entry to a [`Program`]: names, kinds of steps, bytes, and the answer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bakeoff_ir::Type;
use toml::Spanned;

use crate::entry::{RawEntry, RawParameters, RawStep, RawValue};
use crate::error::{Position, Problem, SuiteError};
use crate::program::{Bytes, Call, Load, Operand, Patch, Place, Program, Step};

impl Program {
    /// Reads an entry from `text`. Nothing is opened; `path` gives the program its name, files
    /// their directory, and errors their place.
    pub fn parse(path: impl AsRef<Path>, text: &str) -> Result<Program, SuiteError> {
        let path = path.as_ref();
        let error = |span: Option<Range<usize>>, problem| SuiteError {
            file: path.to_path_buf(),
            at: span.map(|span| Position::of(text, span.start)),
            problem,
        };
        let raw: RawEntry = toml::from_str(text)
            .map_err(|e| error(e.span(), Problem::Toml(e.message().to_string())))?;
        build(path, raw).map_err(|(span, problem)| error(span, problem))
    }
}

/// A problem and where it is; the caller knows the file and the text.
type Misfit = (Option<Range<usize>>, Problem);

fn misfit<T>(at: &Spanned<T>, problem: Problem) -> Misfit {
    (Some(at.span()), problem)
}

fn build(path: &Path, raw: RawEntry) -> Result<Program, Misfit> {
    let module = raw.module.get_ref();
    let endings = [".wasm", ".ir", ".clif"];
    if !endings.iter().any(|ending| module.ends_with(ending)) {
        let problem = Problem::ModuleKind(module.clone());
        return Err(misfit(&raw.module, problem));
    }
    for (text, key) in [(&raw.about, "about"), (&raw.suite, "suite")] {
        if text.get_ref().trim().is_empty() {
            return Err(misfit(text, Problem::Empty(key)));
        }
    }
    let mut scope = Scope::new(&raw.quick, &raw.full)?;
    let before = scope.steps(Section::Before, &raw.before)?;
    let time = scope.timed(&raw.time)?;
    let check = scope.steps(Section::Check, &raw.check)?;
    scope.finish()?;
    let answers = |step: &Step| match step {
        Step::Call(call) => call.expect.is_some(),
        Step::Load(load) => load.expect.is_some(),
        Step::Read(_) => true,
        Step::Write(_) => false,
    };
    if time.expect.is_none() && !check.iter().any(answers) {
        return Err(misfit(&raw.time, Problem::NoAnswer));
    }
    let mut program = Program {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        about: raw.about.into_inner(),
        suite: raw.suite.into_inner(),
        module: PathBuf::new(),
        entry: path.to_path_buf(),
        quick: plain(raw.quick),
        full: plain(raw.full),
        before,
        time,
        check,
    };
    program.module = program.path_of(raw.module.get_ref());
    Ok(program)
}

fn plain(parameters: RawParameters) -> BTreeMap<String, String> {
    parameters
        .into_iter()
        .map(|(name, value)| (name.into_inner(), value.into_inner().0))
        .collect()
}

/// A part of the entry that holds steps.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Before,
    Time,
    Check,
}

impl Section {
    const fn name(self) -> &'static str {
        match self {
            Section::Before => "before",
            Section::Time => "time",
            Section::Check => "check",
        }
    }

    const fn allowed(self) -> &'static str {
        match self {
            Section::Before => "`call`, `write`, `load`",
            Section::Time => "`call`",
            Section::Check => "`call`, `read`, `load`",
        }
    }
}

/// What is known of a name at some point of the entry.
struct Variable {
    defined: Range<usize>,
    parameter: bool,
    used: bool,
}

/// The names that are defined so far.
struct Scope<'a> {
    variables: BTreeMap<String, Variable>,
    sizes: [&'a RawParameters; 2],
}

impl<'a> Scope<'a> {
    /// Begins with the parameters, which both sizes must have.
    fn new(quick: &'a RawParameters, full: &'a RawParameters) -> Result<Scope<'a>, Misfit> {
        let mut scope = Scope {
            variables: BTreeMap::new(),
            sizes: [quick, full],
        };
        let tables = [
            (quick, "quick", full, "full"),
            (full, "full", quick, "quick"),
        ];
        for (table, here, other, missing) in tables {
            for (name, value) in table {
                if !other.contains_key(name.get_ref().as_str()) {
                    let name_text = name.get_ref().clone();
                    let problem = Problem::OneSize {
                        name: name_text,
                        here,
                        missing,
                    };
                    return Err(misfit(name, problem));
                }
                if value.get_ref().0.starts_with('$') {
                    let problem = Problem::NotAValue(name.get_ref().clone());
                    return Err(misfit(value, problem));
                }
            }
        }
        for name in quick.keys() {
            scope.define(name.get_ref(), name.span(), true)?;
        }
        Ok(scope)
    }

    fn define(&mut self, name: &str, at: Range<usize>, parameter: bool) -> Result<(), Misfit> {
        let mut chars = name.chars();
        let first = chars
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err((Some(at), Problem::Name(name.to_string())));
        }
        let variable = Variable {
            defined: at.clone(),
            parameter,
            used: false,
        };
        match self.variables.insert(name.to_string(), variable) {
            Some(_) => Err((Some(at), Problem::Redefined(name.to_string()))),
            None => Ok(()),
        }
    }

    fn operand(&mut self, value: &RawValue, at: Range<usize>) -> Result<Operand, Misfit> {
        let Some(name) = value.0.strip_prefix('$') else {
            return Ok(Operand::Literal(value.0.clone()));
        };
        match self.variables.get_mut(name) {
            Some(variable) => {
                variable.used = true;
                Ok(Operand::Variable(name.to_string()))
            }
            None => Err((Some(at), Problem::Undefined(name.to_string()))),
        }
    }

    fn steps(&mut self, section: Section, raw: &[Spanned<RawStep>]) -> Result<Vec<Step>, Misfit> {
        raw.iter().map(|step| self.step(section, step)).collect()
    }

    fn timed(&mut self, raw: &Spanned<RawStep>) -> Result<Call, Misfit> {
        match self.step(Section::Time, raw)? {
            Step::Call(call) => Ok(call),
            Step::Write(_) | Step::Read(_) | Step::Load(_) => {
                Err(misfit(raw, kind_problem(Section::Time)))
            }
        }
    }

    fn step(&mut self, section: Section, raw: &Spanned<RawStep>) -> Result<Step, Misfit> {
        let step = raw.get_ref();
        match (section, &step.call, &step.write, &step.read, &step.load) {
            (_, Some(export), None, None, None) => self.call(export, step).map(Step::Call),
            (Section::Before, None, Some(at), None, None) => {
                self.patch("write", at, raw).map(Step::Write)
            }
            (Section::Check, None, None, Some(at), None) => {
                self.patch("read", at, raw).map(Step::Read)
            }
            (Section::Before | Section::Check, None, None, None, Some(at)) => {
                self.load(at, raw).map(Step::Load)
            }
            _ => Err(misfit(raw, kind_problem(section))),
        }
    }

    fn call(&mut self, export: &Spanned<String>, step: &RawStep) -> Result<Call, Misfit> {
        let strays = [Key::Memory, Key::Offset, Key::Type, Key::Bytes];
        refuse("call", step, &strays)?;
        let mut args = Vec::new();
        for arg in step.args.iter().flat_map(|args| args.get_ref()) {
            args.push(self.operand(arg.get_ref(), arg.span())?);
        }
        Ok(Call {
            export: export.get_ref().clone(),
            args,
            expect: self.expect(step)?,
            bind: self.bind(step)?,
        })
    }

    fn expect(&mut self, step: &RawStep) -> Result<Option<Vec<Operand>>, Misfit> {
        let Some(list) = &step.expect else {
            return Ok(None);
        };
        if list.get_ref().0.is_empty() {
            return Err(misfit(list, Problem::Empty("expect")));
        }
        let values = list.get_ref().0.iter();
        let values = values.map(|value| self.operand(value, list.span()));
        values.collect::<Result<Vec<_>, _>>().map(Some)
    }

    fn bind(&mut self, step: &RawStep) -> Result<Vec<String>, Misfit> {
        let mut bind = Vec::new();
        if let Some(names) = &step.bind {
            for name in &names.get_ref().0 {
                self.define(&name.0, names.span(), false)?;
                bind.push(name.0.clone());
            }
        }
        Ok(bind)
    }

    fn place(&mut self, at: &Spanned<RawValue>, step: &RawStep) -> Result<Place, Misfit> {
        let memory = step.memory.as_ref().map(|name| name.get_ref().clone());
        Ok(Place {
            memory: memory.unwrap_or_else(|| "memory".to_string()),
            at: self.operand(at.get_ref(), at.span())?,
            offset: step.offset.as_ref().map_or(0, |offset| *offset.get_ref()),
        })
    }

    fn load(&mut self, at: &Spanned<RawValue>, raw: &Spanned<RawStep>) -> Result<Load, Misfit> {
        let step = raw.get_ref();
        refuse("load", step, &[Key::Args, Key::Bytes])?;
        let ty = step
            .ty
            .as_ref()
            .and_then(|ty| Type::from_name(ty.get_ref()));
        let ty = ty.ok_or_else(|| misfit(raw, Problem::LoadType))?;
        let place = self.place(at, step)?;
        let mut expect = self.expect(step)?.unwrap_or_default();
        let mut bind = self.bind(step)?;
        let (expect_one, bind_one) = (expect.pop(), bind.pop());
        let used = expect_one.is_some() || bind_one.is_some();
        if !used || !expect.is_empty() || !bind.is_empty() {
            return Err(misfit(raw, Problem::LoadUse));
        }
        Ok(Load {
            place,
            ty,
            expect: expect_one,
            bind: bind_one,
        })
    }

    fn patch(
        &mut self,
        kind: &'static str,
        at: &Spanned<RawValue>,
        raw: &Spanned<RawStep>,
    ) -> Result<Patch, Misfit> {
        let step = raw.get_ref();
        refuse(kind, step, &[Key::Args, Key::Expect, Key::Bind, Key::Type])?;
        let bytes = match (&step.text, &step.hex, &step.file) {
            (Some(text), None, None) => Bytes::Given(text.get_ref().clone().into_bytes()),
            (None, Some(hex), None) => self.hex(hex)?,
            (None, None, Some(file)) => Bytes::File(self.file(file)?),
            _ => return Err(misfit(raw, Problem::Bytes(kind))),
        };
        // An empty read would pass for an answer and check nothing.
        if kind == "read" && matches!(&bytes, Bytes::Given(bytes) if bytes.is_empty()) {
            return Err(misfit(raw, Problem::Empty("read")));
        }
        Ok(Patch {
            place: self.place(at, step)?,
            bytes,
        })
    }

    /// Bytes that differ between the sizes are a parameter, which must be well-formed in both.
    fn hex(&mut self, hex: &Spanned<String>) -> Result<Bytes, Misfit> {
        let operand = self.operand(&RawValue(hex.get_ref().clone()), hex.span())?;
        let name = match operand {
            Operand::Literal(text) => {
                let bytes = parse_hex(&text).map(Bytes::Given);
                return bytes.ok_or_else(|| misfit(hex, Problem::Hex));
            }
            Operand::Variable(name) => name,
        };
        for size in self.sizes {
            match size.get(name.as_str()) {
                Some(value) if parse_hex(&value.get_ref().0).is_some_and(|b| !b.is_empty()) => {}
                Some(value) => return Err(misfit(value, Problem::Hex)),
                None => return Err(misfit(hex, Problem::NotAParameter(name))),
            }
        }
        Ok(Bytes::Hex(name))
    }

    /// A file name must be known before anything runs, so that a missing file is found on loading.
    fn file(&mut self, file: &Spanned<String>) -> Result<Operand, Misfit> {
        let operand = self.operand(&RawValue(file.get_ref().clone()), file.span())?;
        match &operand {
            Operand::Variable(name) if !self.variables.get(name).is_some_and(|v| v.parameter) => {
                Err(misfit(file, Problem::NotAParameter(name.clone())))
            }
            Operand::Variable(_) | Operand::Literal(_) => Ok(operand),
        }
    }

    fn finish(self) -> Result<(), Misfit> {
        // The first in the file, not in the alphabet.
        let unused = self.variables.into_iter().filter(|(_, v)| !v.used);
        match unused.min_by_key(|(_, v)| v.defined.start) {
            Some((name, variable)) => Err((Some(variable.defined), Problem::Unused(name))),
            None => Ok(()),
        }
    }
}

/// The keys that only some kinds of steps have.
#[derive(Clone, Copy)]
enum Key {
    Args,
    Expect,
    Bind,
    Memory,
    Offset,
    Type,
    /// `text`, `hex` or `file`.
    Bytes,
}

/// Refuses keys that mean nothing in this kind of step: ignored, they would hide an error.
fn refuse(kind: &'static str, step: &RawStep, keys: &[Key]) -> Result<(), Misfit> {
    fn at<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    for key in keys {
        let found = match key {
            Key::Args => [("args", at(&step.args))].to_vec(),
            Key::Expect => [("expect", at(&step.expect))].to_vec(),
            Key::Bind => [("bind", at(&step.bind))].to_vec(),
            Key::Memory => [("memory", at(&step.memory))].to_vec(),
            Key::Offset => [("offset", at(&step.offset))].to_vec(),
            Key::Type => [("type", at(&step.ty))].to_vec(),
            Key::Bytes => {
                let (text, hex, file) = (at(&step.text), at(&step.hex), at(&step.file));
                [("text", text), ("hex", hex), ("file", file)].to_vec()
            }
        };
        for (key, span) in found {
            if span.is_some() {
                return Err((span, Problem::StrayKey { key, kind }));
            }
        }
    }
    Ok(())
}

fn kind_problem(section: Section) -> Problem {
    Problem::StepKind {
        section: section.name(),
        allowed: section.allowed(),
    }
}

/// Pairs of digits, with or without spaces between pairs.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let digits: Option<Vec<u32>> = word.chars().map(|c| c.to_digit(16)).collect();
        let digits = digits?;
        let pairs = digits.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return None;
        }
        bytes.extend(pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8));
    }
    Some(bytes)
}

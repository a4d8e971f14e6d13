//! Running a program on an instance.
//!
//! Three stages, each its own call, so that a harness can put its clocks and counters between them:
//! [`Program::prepare`] (untimed), [`Prepared::time`] (the timed call and nothing else) and
//! [`Prepared::check`] (untimed). One instance serves for one round: programs may change memory.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::time::Instant;

use bakeoff_ir::{Scalar, Type};

use crate::error::{Answer, RunError};
use crate::program::{Bytes, Call, Operand, Patch, Program, Size, Step};
use crate::validate::parse_hex;

/// The parameter types and the result types of a function.
pub type Signature = (Vec<Type>, Vec<Type>);

/// An instantiated module, whatever engine runs it.
pub trait Guest {
    /// What the engine says when a call traps or cannot be made.
    type Error: Display;

    /// The types of an exported function.
    fn signature(&self, export: &str) -> Option<Signature>;

    /// The names of all exported functions, for error messages.
    fn exports(&self) -> Vec<String>;

    /// Calls an exported function with arguments of the types of its signature.
    fn call(&mut self, export: &str, args: &[Scalar]) -> Result<Vec<Scalar>, Self::Error>;

    /// Copies `len` bytes out of an exported memory; nothing if they do not all lie in it.
    fn read(&self, memory: &str, at: u64, len: usize) -> Option<Vec<u8>>;

    /// Copies bytes into an exported memory; nothing if they do not all fit.
    fn write(&mut self, memory: &str, at: u64, bytes: &[u8]) -> Option<()>;
}

/// A program on an instance, ready for the timed call.
#[derive(Clone, Debug)]
pub struct Prepared<'p> {
    frame: Frame<'p>,
    args: Vec<Scalar>,
}

/// What the timed call gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timed {
    /// Its results.
    pub results: Vec<Scalar>,
    /// How long it took.
    pub run_ns: u64,
}

impl Program {
    /// Runs the untimed steps before the timed call, and resolves the arguments of that call.
    ///
    /// All exports that the program needs are looked up first, so that a wrong entry fails before
    /// it has cost any time.
    pub fn prepare<G: Guest>(
        &self,
        size: Size,
        guest: &mut G,
    ) -> Result<Prepared<'_>, RunError<G::Error>> {
        for step in self.before.iter().chain(&self.check) {
            if let Step::Call(call) = step {
                signature(guest, call)?;
            }
        }
        let (params, _) = signature(guest, &self.time)?;
        let mut frame = Frame {
            program: self,
            size,
            bound: BTreeMap::new(),
        };
        for step in &self.before {
            frame.step(guest, step)?;
        }
        let args = frame.arguments(&self.time, &params)?;
        // A malformed answer should fail here, not after the run.
        frame.expected(guest, &self.time)?;
        Ok(Prepared { frame, args })
    }
}

impl Prepared<'_> {
    /// Makes the timed call. The clock sees [`Guest::call`] and nothing else.
    pub fn time<G: Guest>(&self, guest: &mut G) -> Result<Timed, RunError<G::Error>> {
        let export = &self.frame.program.time.export;
        let start = Instant::now();
        let outcome = guest.call(export, &self.args);
        let elapsed = start.elapsed();
        let results = outcome.map_err(|error| RunError::Call {
            export: export.clone(),
            error,
        })?;
        let run_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        Ok(Timed { results, run_ns })
    }

    /// Compares the results of the timed call with the answer, and runs the untimed steps after it.
    pub fn check<G: Guest>(
        &self,
        guest: &mut G,
        results: &[Scalar],
    ) -> Result<(), RunError<G::Error>> {
        let mut frame = self.frame.clone();
        let program = frame.program;
        frame.conclude(guest, &program.time, results.to_vec())?;
        for step in &program.check {
            frame.step(guest, step)?;
        }
        Ok(())
    }
}

/// The signature of the called function, if the call can fit it.
fn signature<G: Guest>(guest: &G, call: &Call) -> Result<Signature, RunError<G::Error>> {
    let Some((params, results)) = guest.signature(&call.export) else {
        let mut exports = guest.exports();
        exports.sort();
        return Err(RunError::MissingExport {
            export: call.export.clone(),
            exports,
        });
    };
    let count = |what, signature, given| match signature == given {
        true => Ok(()),
        false => Err(RunError::Count {
            export: call.export.clone(),
            what,
            signature,
            given,
        }),
    };
    count("argument", params.len(), call.args.len())?;
    if let Some(expect) = &call.expect {
        count("result", results.len(), expect.len())?;
    }
    if !call.bind.is_empty() {
        count("bound result", results.len(), call.bind.len())?;
    }
    Ok((params, results))
}

/// The variables of one round.
#[derive(Clone, Debug)]
struct Frame<'p> {
    program: &'p Program,
    size: Size,
    bound: BTreeMap<&'p str, Scalar>,
}

impl<'p> Frame<'p> {
    fn step<G: Guest>(&mut self, guest: &mut G, step: &'p Step) -> Result<(), RunError<G::Error>> {
        match step {
            Step::Call(call) => {
                let (params, _) = signature(guest, call)?;
                let args = self.arguments(call, &params)?;
                let results = guest
                    .call(&call.export, &args)
                    .map_err(|error| RunError::Call {
                        export: call.export.clone(),
                        error,
                    })?;
                self.conclude(guest, call, results)
            }
            Step::Write(patch) => {
                let (at, bytes) = (self.address(patch)?, self.bytes(patch)?);
                let done = guest.write(&patch.memory, at, &bytes);
                done.ok_or_else(|| outside("write", patch, at, bytes.len()))
            }
            Step::Read(patch) => {
                let (at, expected) = (self.address(patch)?, self.bytes(patch)?);
                let got = guest
                    .read(&patch.memory, at, expected.len())
                    .ok_or_else(|| outside("read", patch, at, expected.len()))?;
                if got == expected {
                    return Ok(());
                }
                Err(RunError::WrongAnswer {
                    place: format!("memory `{}` at {at:#x}", patch.memory),
                    expected: Answer::Bytes(expected),
                    got: Answer::Bytes(got),
                })
            }
        }
    }

    /// Compares and binds the results of a call.
    fn conclude<G: Guest>(
        &mut self,
        guest: &G,
        call: &'p Call,
        results: Vec<Scalar>,
    ) -> Result<(), RunError<G::Error>> {
        if let Some(expected) = self.expected(guest, call)? {
            let same = expected.len() == results.len()
                && expected.iter().zip(&results).all(|(e, r)| e.agrees(*r));
            if !same {
                return Err(RunError::WrongAnswer {
                    place: format!("`{}`", call.export),
                    expected: Answer::Values(expected),
                    got: Answer::Values(results),
                });
            }
        }
        // A guest that returns fewer results than its signature leaves a name unbound, which its
        // use reports.
        for (name, result) in call.bind.iter().zip(results) {
            self.bound.insert(name, result);
        }
        Ok(())
    }

    fn arguments<E>(&self, call: &Call, params: &[Type]) -> Result<Vec<Scalar>, RunError<E>> {
        let typed = call.args.iter().zip(params).enumerate();
        typed
            .map(|(i, (arg, ty))| {
                self.value(arg, *ty, || {
                    format!("argument {} of `{}`", i + 1, call.export)
                })
            })
            .collect()
    }

    /// The stated results of a call, of the types of its signature.
    fn expected<G: Guest>(
        &self,
        guest: &G,
        call: &Call,
    ) -> Result<Option<Vec<Scalar>>, RunError<G::Error>> {
        let Some(expect) = &call.expect else {
            return Ok(None);
        };
        let (_, types) = signature(guest, call)?;
        let values = expect.iter().zip(types).map(|(value, ty)| {
            self.value(value, ty, || {
                format!("the expected result of `{}`", call.export)
            })
        });
        values.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// An operand as a value of type `ty`; `place` says what for.
    fn value<E>(
        &self,
        operand: &Operand,
        ty: Type,
        place: impl Fn() -> String,
    ) -> Result<Scalar, RunError<E>> {
        let text = match operand {
            Operand::Literal(text) => text,
            Operand::Variable(name) => {
                if let Some(bound) = self.bound.get(name.as_str()) {
                    return match bound.ty() == ty {
                        true => Ok(*bound),
                        false => Err(RunError::Type {
                            place: place(),
                            name: name.clone(),
                            wanted: ty,
                            got: bound.ty(),
                        }),
                    };
                }
                let parameter = self.program.parameters(self.size).get(name);
                parameter.ok_or_else(|| RunError::Unbound(name.clone()))?
            }
        };
        Scalar::parse(ty, text).map_err(|error| RunError::Value {
            place: place(),
            error,
        })
    }

    /// Addresses are unsigned, and 32-bit guests hand out 32-bit ones.
    fn address<E>(&self, patch: &Patch) -> Result<u64, RunError<E>> {
        if let Operand::Variable(name) = &patch.at
            && let Some(bound) = self.bound.get(name.as_str())
            && bound.ty().is_int()
        {
            return Ok(bound.bits());
        }
        let place = || format!("an address in memory `{}`", patch.memory);
        self.value(&patch.at, Type::I64, place).map(Scalar::bits)
    }

    fn bytes<E>(&self, patch: &Patch) -> Result<Vec<u8>, RunError<E>> {
        let file = match &patch.bytes {
            Bytes::Given(bytes) => return Ok(bytes.clone()),
            Bytes::Hex(name) => {
                let digits = self.program.parameter(self.size, name);
                let bytes = digits.and_then(parse_hex);
                return bytes.ok_or_else(|| RunError::Unbound(name.clone()));
            }
            Bytes::File(file) => file,
        };
        let Some(path) = self.program.input(self.size, file) else {
            return Err(RunError::Unbound(format!("{file:?}")));
        };
        fs::read(&path).map_err(|error| RunError::File { path, error })
    }
}

fn outside<E>(action: &'static str, patch: &Patch, at: u64, len: usize) -> RunError<E> {
    RunError::Memory {
        action,
        memory: patch.memory.clone(),
        at,
        len,
    }
}

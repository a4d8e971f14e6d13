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
use crate::program::{Bytes, Call, Load, Operand, Patch, Place, Program, Size, Step};
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

    /// Calls likewise, and says how long the call took in ns. The clock sees [`call`](Guest::call) and nothing else;
    /// an engine in another process, which people do not use through a pipe, reads its own.
    fn timed_call(
        &mut self,
        export: &str,
        args: &[Scalar],
    ) -> (Result<Vec<Scalar>, Self::Error>, u64) {
        let start = Instant::now();
        let outcome = self.call(export, args);
        let elapsed = start.elapsed();
        (
            outcome,
            u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
        )
    }

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
    /// Makes the timed call.
    pub fn time<G: Guest>(&self, guest: &mut G) -> Result<Timed, RunError<G::Error>> {
        let export = &self.frame.program.time.export;
        let (outcome, run_ns) = guest.timed_call(export, &self.args);
        let results = outcome.map_err(|error| RunError::Call {
            export: export.clone(),
            error,
        })?;
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
                let (at, bytes) = (self.address(&patch.place)?, self.bytes(patch)?);
                let done = guest.write(&patch.place.memory, at, &bytes);
                done.ok_or_else(|| outside("write", &patch.place, at, bytes.len()))
            }
            Step::Read(patch) => {
                let expected = self.bytes(patch)?;
                let (at, got) = self.peek(guest, &patch.place, expected.len())?;
                if got == expected {
                    return Ok(());
                }
                Err(RunError::WrongAnswer {
                    place: format!("memory `{}` at {at:#x}", patch.place.memory),
                    expected: Answer::Bytes(expected),
                    got: Answer::Bytes(got),
                })
            }
            Step::Load(load) => self.load(guest, load),
        }
    }

    fn load<G: Guest>(&mut self, guest: &G, load: &'p Load) -> Result<(), RunError<G::Error>> {
        let (at, bytes) = self.peek(guest, &load.place, load.ty.bytes() as usize)?;
        let bits = bytes
            .iter()
            .rev()
            .fold(0, |bits, b| bits << 8 | u64::from(*b));
        let got = Scalar::new(load.ty, bits);
        let place = || format!("the {} at {at:#x}", load.ty);
        if let Some(expect) = &load.expect {
            let expected = self.value(expect, load.ty, place)?;
            if !expected.agrees(got) {
                return Err(RunError::WrongAnswer {
                    place: place(),
                    expected: Answer::Values(vec![expected]),
                    got: Answer::Values(vec![got]),
                });
            }
        }
        if let Some(name) = &load.bind {
            self.bound.insert(name, got);
        }
        Ok(())
    }

    /// Bytes from memory, and the address that they come from.
    fn peek<G: Guest>(
        &self,
        guest: &G,
        place: &Place,
        len: usize,
    ) -> Result<(u64, Vec<u8>), RunError<G::Error>> {
        let at = self.address(place)?;
        let bytes = guest.read(&place.memory, at, len);
        // A guest that hands out another number of bytes than asked for has not read them.
        let bytes = bytes.filter(|bytes| bytes.len() == len);
        bytes
            .map(|bytes| (at, bytes))
            .ok_or_else(|| outside("read", place, at, len))
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

    /// Addresses are unsigned, and 32-bit guests hand out 32-bit ones. A sum that wraps lies in no
    /// memory, and neither does the address that stands for it then.
    fn address<E>(&self, place: &Place) -> Result<u64, RunError<E>> {
        let bound = match &place.at {
            Operand::Variable(name) => self.bound.get(name.as_str()),
            Operand::Literal(_) => None,
        };
        let at = match bound {
            Some(bound) if bound.ty().is_int() => bound.bits(),
            _ => {
                let purpose = || format!("an address in memory `{}`", place.memory);
                self.value(&place.at, Type::I64, purpose)?.bits()
            }
        };
        Ok(at.saturating_add(place.offset))
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

fn outside<E>(action: &'static str, place: &Place, at: u64, len: usize) -> RunError<E> {
    RunError::Memory {
        action,
        memory: place.memory.clone(),
        at,
        len,
    }
}

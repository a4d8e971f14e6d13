//! A transcript again, on a configuration: the same lives, and the same has to be seen.

use std::fmt;
use std::sync::Arc;

use bakeoff_backend::{CallError, Executable, Instance, InstantiateError};
use bakeoff_ir::{Scalar, TrapCode};
use wasmparser::ExternalKind;

use super::host::{self, Trace};
use super::outside::{Call, Cut, Left, Life, Outcome, Transcript};
use super::shape::Shape;

/// What a configuration made of a transcript.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Replayed {
    /// The same was seen.
    Same,
    /// The stack overflowed where wasmi's did not; the same was seen up to there.
    Overflow,
    /// Something else was seen, in words.
    Different(String),
}

/// Runs a transcript.
pub(super) fn replay(
    executable: &Arc<dyn Executable>,
    shape: &Shape,
    transcript: &Transcript,
) -> Replayed {
    for (index, life) in transcript.lives.iter().enumerate() {
        let last = index + 1 == transcript.lives.len();
        let cut = transcript.cut.filter(|_| last);
        match relive(executable, shape, life, cut) {
            Ok(Replayed::Same) => {}
            Ok(other) => return other,
            Err(what) => return Replayed::Different(format!("life {index}: {what}")),
        }
    }
    Replayed::Same
}

fn relive(
    executable: &Arc<dyn Executable>,
    shape: &Shape,
    life: &Life,
    cut: Option<Cut>,
) -> Result<Replayed, String> {
    let trace = Trace::default();
    let started = Instance::new(executable, &host::imports(shape, &trace));
    let outcome = match &started {
        Ok(_) => Outcome::Values(Vec::new()),
        Err(InstantiateError::Trap(trap)) => Outcome::Trap(trap.code),
        Err(error) => return Err(format!("no instance: {error}")),
    };
    if overflows(&outcome, &life.start) {
        return Ok(Replayed::Overflow);
    }
    same("the start", &outcome, &life.start)?;
    let Ok(mut instance) = started else {
        same("the trace", &trace.calls(), &life.trace)?;
        return Ok(Replayed::Same);
    };
    // What was seen of the call at which the transcript was cut is not to be compared.
    let compared = life.calls.len() - usize::from(cut.is_some());
    for (index, call) in life.calls[..compared].iter().enumerate() {
        let outcome = repeat(&mut instance, shape, call)?;
        if overflows(&outcome, &call.outcome) {
            return Ok(Replayed::Overflow);
        }
        let what = || format!("call {index}, `{}` of {:x?}", call.export, call.args);
        same(what, &outcome, &call.outcome)?;
    }
    if let Some(state) = &life.state {
        same("the trace", &trace.calls(), &life.trace)?;
        compare_state(&instance, shape, state)?;
    }
    Ok(Replayed::Same)
}

fn overflows(outcome: &Outcome, expected: &Outcome) -> bool {
    *outcome == Outcome::Trap(TrapCode::StackOverflow) && outcome != expected
}

fn repeat(instance: &mut Instance, shape: &Shape, call: &Call) -> Result<Outcome, String> {
    let params = shape.func(call.func).params().iter().zip(&call.args);
    let args: Vec<Scalar> = params
        .map(|(ty, bits)| Scalar::new(super::ir_type(*ty), *bits))
        .collect();
    match instance.call(&call.export, &args) {
        Ok(values) => Ok(Outcome::Values(values.iter().map(|v| v.bits()).collect())),
        Err(CallError::Trap(trap)) => Ok(Outcome::Trap(trap.code)),
        Err(error) => Err(error.to_string()),
    }
}

fn compare_state(instance: &Instance, shape: &Shape, expected: &[Left]) -> Result<(), String> {
    let state = instance.state();
    let exports = shape.exports.iter().filter(|e| {
        matches!(
            e.kind,
            ExternalKind::Memory | ExternalKind::Table | ExternalKind::Global
        )
    });
    for (export, left) in exports.zip(expected) {
        let index = export.index as usize;
        match left {
            Left::Memory(bytes) => same_bytes(index, &state.memories[index], bytes)?,
            Left::Table(references) => {
                let what = || format!("table {index}");
                same(what, &state.tables[index], references)?;
            }
            Left::Global(bits) => {
                let what = || format!("global {index}");
                same(what, &state.globals[index].bits(), bits)?;
            }
        }
    }
    Ok(())
}

fn same_bytes(index: usize, seen: &[u8], expected: &[u8]) -> Result<(), String> {
    let sizes = || format!("the size of memory {index}");
    same(sizes, &seen.len(), &expected.len())?;
    match seen.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => {
            let what = || format!("byte {at:#x} of memory {index}");
            same(what, &seen[at], &expected[at])
        }
    }
}

/// What something is called, made only if it is needed.
trait Name {
    fn name(&self) -> String;
}

impl Name for &str {
    fn name(&self) -> String {
        (*self).to_string()
    }
}

impl<F: Fn() -> String> Name for F {
    fn name(&self) -> String {
        self()
    }
}

fn same<T: PartialEq + fmt::Debug>(what: impl Name, seen: &T, expected: &T) -> Result<(), String> {
    match seen == expected {
        true => Ok(()),
        false => Err(format!(
            "{}: {seen:x?}, but wasmi has {expected:x?}",
            what.name()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::{compile, outside};
    use bakeoff_backend::Options;

    /// A module whose one function changes everything that is seen.
    const SOURCE: &str = r#"(module
        (import "h" "f" (func $host (param i32) (result i32)))
        (memory (export "m") 1 1) (table (export "t") 2 2 funcref) (global (export "g") (mut i32) (i32.const 0))
        (elem declare func $f)
        (func $f (export "f") (param i32) (result i32)
          (i32.store (i32.const 64) (local.get 0))
          (table.set (i32.const 1) (ref.func $f))
          (global.set 0 (local.get 0))
          (drop (call $host (local.get 0)))
          (i32.add (local.get 0) (i32.const 1))))"#;

    /// Every part of a transcript is looked at: one with any of them changed is not repeated.
    #[test]
    fn planted_differences_are_found() {
        let wasm = wat::parse_str(SOURCE).unwrap();
        let shape = Shape::of(&wasm).unwrap();
        let module = Arc::new(bakeoff_frontend_wasm::load(&wasm).unwrap());
        let interp = bakeoff_registry::find(bakeoff_registry::REFERENCE).unwrap();
        let executable = compile(interp, &module, &Options::default()).unwrap();
        let transcript = outside::play(&wasm, &shape, 1, 0).unwrap();
        let run = |transcript: &Transcript| replay(&executable, &shape, transcript);
        assert_eq!(run(&transcript), Replayed::Same);

        let different = |part: &str, change: &dyn Fn(&mut Life)| {
            let mut changed = transcript.clone();
            change(&mut changed.lives[0]);
            match run(&changed) {
                Replayed::Different(what) => assert!(what.contains(part), "{part}: {what}"),
                other => panic!("{part}: {other:?}"),
            }
        };
        different("the start", &|life| {
            life.start = Outcome::Trap(TrapCode::Unreachable);
        });
        different("call 1, `f`", &|life| {
            life.calls[1].outcome = Outcome::Values(vec![12345]);
        });
        different("the trace", &|life| life.trace[0].args[0] ^= 1);
        for (index, part) in ["memory 0", "table 0", "global 0"].into_iter().enumerate() {
            different(part, &|life| {
                let left = life.state.as_mut().unwrap();
                let place = left.iter_mut().find(|left| {
                    let at = match left {
                        Left::Memory(_) => 0,
                        Left::Table(_) => 1,
                        Left::Global(_) => 2,
                    };
                    at == index
                });
                match place.unwrap() {
                    Left::Memory(bytes) => bytes[64] ^= 1,
                    Left::Table(references) => references[1] = 0,
                    Left::Global(bits) => *bits ^= 1,
                }
            });
        }
    }

    /// Where engines may differ nothing is compared: what follows does not even have to be so.
    #[test]
    fn transcripts_are_cut_where_engines_may_differ() {
        let deep =
            r#"(module (func $f (export "f") (result i32) (i32.add (call $f) (i32.const 1))))"#;
        let one = r#"(module
            (type $a (func (param externref))) (type $b (func (param i64)))
            (table 1 1 funcref) (elem (i32.const 0) func $a) (func $a (type $a))
            (func (export "f") (call_indirect (type $b) (i64.const 0) (i32.const 0))))"#;
        for (source, cut) in [(deep, Cut::StackOverflow), (one, Cut::TypesThatAreOne)] {
            let wasm = wat::parse_str(source).unwrap();
            let shape = Shape::of(&wasm).unwrap();
            let transcript = outside::play(&wasm, &shape, 1, 0).unwrap();
            assert_eq!(transcript.cut, Some(cut));
            let module = Arc::new(bakeoff_frontend_wasm::load(&wasm).unwrap());
            for configuration in bakeoff_registry::CONFIGURATIONS {
                let executable = compile(configuration, &module, &Options::default()).unwrap();
                let replayed = replay(&executable, &shape, &transcript);
                assert_eq!(replayed, Replayed::Same, "{}", configuration.name);
            }
        }
    }
}

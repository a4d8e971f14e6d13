//! Makes the module of a finding smaller while the finding stays.
//!
//! Only bodies change: what is imported and exported stays, and with it the calls and their arguments. A step
//! is tried blindly; one that makes the module invalid does not keep the finding and is taken back, since
//! wasmi refuses such a module.

use std::ops::Range;
use std::sync::Arc;

use wasm_encoder::{CodeSection, RawSection};
use wasmparser::{BinaryReaderError, FunctionBody, Parser, Payload};

use super::report::Finding;
use super::shape::Shape;
use super::{FRONT_END, examine, guarded, load, outside};

/// What may stand in place of an instruction, by the type that it gives: nothing, the numbers, null.
const PLAIN: [&[u8]; 7] = [
    &[],
    &[0x41, 0],
    &[0x42, 0],
    &[0x43, 0, 0, 0, 0],
    &[0x44, 0, 0, 0, 0, 0, 0, 0, 0],
    &[0xd0, 0x70],
    &[0xd0, 0x6f],
];
const DROP: u8 = 0x1a;
const UNREACHABLE: u8 = 0x00;
/// The most operands that are dropped instead of used.
const MAX_DROPS: usize = 3;

/// The smallest module that was found with which the configuration still differs from wasmi. The
/// module as it is, if the finding cannot be seen again.
pub fn reduce(seed: u64, finding: &Finding) -> Vec<u8> {
    let Ok(mut module) = Parts::of(&finding.wasm) else {
        return finding.wasm.clone();
    };
    let stays = |module: &Parts| still_found(&module.encode(), seed, finding);
    if !stays(&module) {
        return finding.wasm.clone();
    }
    shrink(&mut module, &stays);
    module.encode()
}

/// Makes a module smaller for as long as that works.
fn shrink(module: &mut Parts, stays: &impl Fn(&Parts) -> bool) {
    loop {
        let before = module.encode().len();
        for index in 0..module.bodies.len() {
            without_body(module, index, stays);
            without_ranges(module, index, stays);
            // Constants and what drops them are ranges that can go.
            with_plain_values(module, index, stays);
            without_ranges(module, index, stays);
        }
        if module.encode().len() >= before {
            return;
        }
    }
}

/// Whether the configuration of a finding differs from wasmi with this module, too.
fn still_found(wasm: &[u8], seed: u64, finding: &Finding) -> bool {
    let Ok(shape) = Shape::of(wasm) else {
        return false;
    };
    let transcript = guarded(|| outside::play(wasm, &shape, seed, finding.number));
    let (Ok(transcript), loaded) = (transcript, guarded(|| load(wasm))) else {
        return false;
    };
    match loaded {
        Err(_) => finding.configuration == FRONT_END,
        Ok(module) => bakeoff_registry::find(finding.configuration).is_ok_and(|configuration| {
            let module = Arc::new(module);
            examine(configuration, &module, &shape, &transcript, finding.number).is_err()
        }),
    }
}

/// A module in parts: sections as they are, bodies in instructions.
#[derive(Clone)]
struct Parts {
    before: Vec<(u8, Vec<u8>)>,
    bodies: Vec<Body>,
    after: Vec<(u8, Vec<u8>)>,
}

#[derive(Clone)]
struct Body {
    locals: Vec<u8>,
    /// The bytes of each instruction.
    insts: Vec<Vec<u8>>,
}

impl Parts {
    fn of(wasm: &[u8]) -> Result<Parts, BinaryReaderError> {
        let mut parts = Parts {
            before: Vec::new(),
            bodies: Vec::new(),
            after: Vec::new(),
        };
        let bytes = |range: Range<u64>| wasm[range.start as usize..range.end as usize].to_vec();
        let mut in_front = true;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::CodeSectionStart { .. } => in_front = false,
                Payload::CodeSectionEntry(body) => parts.bodies.push(Body::of(wasm, body)?),
                other => {
                    let section = other.as_section().map(|(id, range)| (id, bytes(range)));
                    match in_front {
                        true => parts.before.extend(section),
                        false => parts.after.extend(section),
                    }
                }
            }
        }
        Ok(parts)
    }

    fn encode(&self) -> Vec<u8> {
        let mut module = wasm_encoder::Module::new();
        let raw = |sections: &[(u8, Vec<u8>)], module: &mut wasm_encoder::Module| {
            for (id, data) in sections {
                module.section(&RawSection { id: *id, data });
            }
        };
        raw(&self.before, &mut module);
        if !self.bodies.is_empty() {
            let mut code = CodeSection::new();
            for body in &self.bodies {
                code.raw(&[body.locals.as_slice(), &body.insts.concat()].concat());
            }
            module.section(&code);
        }
        raw(&self.after, &mut module);
        module.finish()
    }

    /// Takes a change over if the finding stays.
    fn accept(&mut self, changed: Parts, stays: &impl Fn(&Parts) -> bool) -> bool {
        let accepted = stays(&changed);
        if accepted {
            *self = changed;
        }
        accepted
    }
}

impl Body {
    fn of(wasm: &[u8], body: &FunctionBody<'_>) -> Result<Body, BinaryReaderError> {
        let range = body.range();
        let mut reader = body.get_operators_reader()?;
        let first = reader.original_position();
        let mut insts = Vec::new();
        while !reader.eof() {
            let start = reader.original_position();
            reader.read()?;
            insts.push(wasm[start as usize..reader.original_position() as usize].to_vec());
        }
        Ok(Body {
            locals: wasm[range.start as usize..first as usize].to_vec(),
            insts,
        })
    }
}

fn without_body(module: &mut Parts, index: usize, stays: &impl Fn(&Parts) -> bool) {
    let mut changed = module.clone();
    let insts = &mut changed.bodies[index].insts;
    if insts.len() > 2
        && let Some(end) = insts.pop()
    {
        *insts = vec![vec![UNREACHABLE], end];
        module.accept(changed, stays);
    }
}

/// Takes instructions out, first many at once, then fewer.
fn without_ranges(module: &mut Parts, index: usize, stays: &impl Fn(&Parts) -> bool) {
    let mut len = module.bodies[index].insts.len() / 2;
    while len > 0 {
        let mut end = module.bodies[index].insts.len().saturating_sub(1);
        while end >= len {
            let mut changed = module.clone();
            changed.bodies[index].insts.drain(end - len..end);
            // Overlapping, so that a `block` and its `end` meet in one range.
            end -= match module.accept(changed, stays) {
                true => len,
                false => (len / 4).max(1),
            };
        }
        len /= 2;
    }
}

/// Puts a constant for an instruction that computes, from the last to the first.
fn with_plain_values(module: &mut Parts, index: usize, stays: &impl Fn(&Parts) -> bool) {
    for at in (0..module.bodies[index].insts.len().saturating_sub(1)).rev() {
        let is_plain = |inst: &Vec<u8>| PLAIN.contains(&inst.as_slice()) || inst[0] == DROP;
        if is_plain(&module.bodies[index].insts[at]) {
            continue;
        }
        let choices = (0..=MAX_DROPS).flat_map(|drops| PLAIN.map(|plain| (drops, plain)));
        for (drops, plain) in choices {
            let mut changed = module.clone();
            let mut instead = vec![vec![DROP]; drops];
            instead.extend((!plain.is_empty()).then(|| plain.to_vec()));
            changed.bodies[index].insts.splice(at..=at, instead);
            if module.accept(changed, stays) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_module_again() {
        for number in 0..20 {
            let wasm = super::super::module(1, number);
            let again = Parts::of(&wasm).unwrap().encode();
            // Numbers may be encoded in fewer bytes, so that text is compared.
            assert_eq!(load(&wasm), load(&again), "{number}");
        }
    }

    /// A finding that is none: kept as long as the module multiplies. All that is not needed for that goes.
    #[test]
    fn what_a_finding_does_not_need_goes() {
        let source = "(module (func (export \"f\") (param i32) (result i32)
            (local i64)
            (local.set 1 (i64.popcnt (i64.const 7)))
            (block (br_if 0 (i32.wrap_i64 (local.get 1))))
            (i32.mul (i32.add (local.get 0) (i32.const 1)) (local.get 0)))
          (func (export \"g\") (drop (f64.sqrt (f64.const 2)))))";
        let wasm = wat::parse_str(source).unwrap();
        const MUL: u8 = 0x6c;
        let stays = |module: &Parts| {
            let multiplies = module.bodies.iter().any(|b| b.insts.contains(&vec![MUL]));
            multiplies && load(&module.encode()).is_ok()
        };
        let mut module = Parts::of(&wasm).unwrap();
        shrink(&mut module, &stays);
        let insts: usize = module.bodies.iter().map(|b| b.insts.len()).sum();
        assert!(stays(&module) && insts <= 8, "{insts}");
    }
}

//! Instructions with variables in place of registers, and whether they are those of a function.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use iced_x86::Register;

use crate::code::{Code, Inst, label};

/// A line of an expectation.
#[derive(Debug)]
pub(crate) enum Step {
    /// Any number of instructions.
    Gap,
    /// A place that branches name.
    Place(String),
    /// An instruction.
    Inst(Pattern),
}

/// An instruction with variables.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    mnemonic: String,
    operands: Vec<Operand>,
}

#[derive(Debug)]
enum Operand {
    Any,
    Parts(Vec<Part>),
}

/// A part of an operand.
#[derive(Debug)]
enum Part {
    /// Just this text.
    Text(String),
    /// Any number.
    Number,
    /// A register of so many bytes.
    Register { variable: String, bytes: usize },
    /// A place in the function.
    Place(String),
}

/// A place that is named but is nowhere.
pub(crate) fn missing_place(steps: &[Step]) -> Option<&str> {
    let is_there = |name: &str| {
        steps
            .iter()
            .any(|step| matches!(step, Step::Place(place) if place == name))
    };
    let operands = steps.iter().flat_map(|step| match step {
        Step::Inst(pattern) => &pattern.operands[..],
        _ => &[],
    });
    let mut places = operands.filter_map(|operand| match operand {
        Operand::Parts(parts) => match &parts[..] {
            [Part::Place(place)] => Some(&place[..]),
            _ => None,
        },
        Operand::Any => None,
    });
    places.find(|place| !is_there(place))
}

/// What variables stand for: full registers, and labels.
pub(crate) type Bindings = BTreeMap<String, String>;

/// Bytes of a float register.
const FLOAT_BYTES: usize = 16;

/// By name: the 64-bit register that a register is part of, or the float register; and its own bytes.
static REGISTERS: LazyLock<BTreeMap<String, (String, usize)>> = LazyLock::new(|| {
    let usable = |register: &Register| register.is_gpr() || register.is_xmm();
    let entry = |register: Register| {
        let full = match register.is_xmm() {
            true => register,
            false => register.full_register(),
        };
        (
            register_name(register),
            (register_name(full), register.size()),
        )
    };
    Register::values().filter(usable).map(entry).collect()
});

/// The name as it is in code.
fn register_name(register: Register) -> String {
    let name = format!("{register:?}").to_lowercase();
    match name.strip_suffix('l').filter(|rest| rest.starts_with('r')) {
        Some(rest) => format!("{rest}b"),
        None => name,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The word that a text begins with, and what is behind it.
fn split_word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()))
}

impl Step {
    pub(crate) fn parse(text: &str) -> Result<Step, String> {
        if text == "..." {
            return Ok(Step::Gap);
        }
        if let Some(place) = text
            .strip_prefix('.')
            .and_then(|place| place.strip_suffix(':'))
        {
            return Ok(Step::Place(place_name(place)?));
        }
        let (mnemonic, operands) = text.split_once(' ').unwrap_or((text, ""));
        let operands = operands
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        Ok(Step::Inst(Pattern {
            text: text.to_string(),
            mnemonic: mnemonic.to_string(),
            operands: operands.map(Operand::parse).collect::<Result<_, _>>()?,
        }))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Gap => f.write_str("..."),
            Step::Place(place) => write!(f, "{place}:"),
            Step::Inst(pattern) => f.write_str(&pattern.text),
        }
    }
}

/// The name of a place as it is bound, with the dot.
fn place_name(name: &str) -> Result<String, String> {
    match split_word(name) {
        (word, "") if !word.is_empty() => Ok(format!(".{word}")),
        _ => Err(format!("`.{name}` is no place")),
    }
}

impl Operand {
    fn parse(text: &str) -> Result<Operand, String> {
        if text == "_" {
            return Ok(Operand::Any);
        }
        if let Some(place) = text.strip_prefix('.') {
            return Ok(Operand::Parts(vec![Part::Place(place_name(place)?)]));
        }
        if text.starts_with('@') {
            return Ok(Operand::Parts(vec![Part::Text(text.to_string())]));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let part;
            (part, rest) = Part::parse(rest)?;
            parts.push(part);
        }
        Ok(Operand::Parts(parts))
    }

    /// Whether this may be an operand; binds variables if so.
    fn fits(&self, text: &str, bindings: &mut Bindings) -> bool {
        let Operand::Parts(parts) = self else {
            return true;
        };
        let mut rest = Some(text);
        for part in parts {
            rest = rest.and_then(|rest| part.take(rest, bindings));
        }
        rest == Some("")
    }
}

impl Part {
    /// The part that a text begins with, and what is behind it.
    fn parse(text: &str) -> Result<(Part, &str), String> {
        if let Some(rest) = text.strip_prefix('_') {
            return Ok((Part::Number, rest));
        }
        let Some(text) = text.strip_prefix('$') else {
            let (text, rest) = text.split_at(text.find(['$', '_']).unwrap_or(text.len()));
            return Ok((Part::Text(text.to_string()), rest));
        };
        let (variable, rest) = split_word(text);
        let (suffix, rest) = match rest.strip_prefix('.') {
            Some(rest) => split_word(rest),
            None => ("", rest),
        };
        let bytes = match (variable.starts_with('f'), suffix) {
            (true, "") => FLOAT_BYTES,
            (false, "") => 8,
            (false, "d") => 4,
            (false, "w") => 2,
            (false, "b") => 1,
            _ => return Err(format!("`${text}` has no such width")),
        };
        if variable.is_empty() {
            return Err("a variable without a name".to_string());
        }
        let variable = format!("${variable}");
        Ok((Part::Register { variable, bytes }, rest))
    }

    /// What is behind this part in a text, if that begins with it; binds a variable if so.
    fn take<'t>(&self, text: &'t str, bindings: &mut Bindings) -> Option<&'t str> {
        match self {
            Part::Text(expected) => text.strip_prefix(&expected[..]),
            Part::Number => {
                let (word, rest) = split_word(text);
                word.starts_with(|c: char| c.is_ascii_digit())
                    .then_some(rest)
            }
            Part::Place(place) => bind(bindings, place, text).then_some(""),
            Part::Register { variable, bytes } => {
                let (word, rest) = split_word(text);
                let (full, width) = REGISTERS.get(word)?;
                (width == bytes && bind(bindings, variable, full)).then_some(rest)
            }
        }
    }
}

/// Binds a name to a value; false if it stands for another one.
fn bind(bindings: &mut Bindings, name: &str, value: &str) -> bool {
    *bindings
        .entry(name.to_string())
        .or_insert_with(|| value.to_string())
        == value
}

impl Pattern {
    /// The bindings with those of an instruction, if it fits.
    fn fit(&self, inst: &Inst, bindings: &Bindings) -> Option<Bindings> {
        if inst.mnemonic != self.mnemonic || inst.operands.len() != self.operands.len() {
            return None;
        }
        let mut bindings = bindings.clone();
        let mut pairs = self.operands.iter().zip(&inst.operands);
        pairs
            .all(|(operand, text)| operand.fits(text, &mut bindings))
            .then_some(bindings)
    }
}

/// How far code is as expected: the first step and the first instruction that do not fit.
#[derive(Clone, Default)]
pub(crate) struct Reached {
    pub(crate) step: usize,
    pub(crate) inst: usize,
    pub(crate) bindings: Bindings,
}

/// Whether steps are code, all of it; else how far they are at best.
pub(crate) fn compare(steps: &[Step], code: &Code) -> Result<(), Reached> {
    let mut best = Reached::default();
    match compare_from(steps, code, Reached::default(), &mut best) {
        true => Ok(()),
        false => Err(best),
    }
}

fn compare_from(steps: &[Step], code: &Code, mut at: Reached, best: &mut Reached) -> bool {
    loop {
        if (at.step, at.inst) > (best.step, best.inst) {
            *best = at.clone();
        }
        match steps.get(at.step) {
            None => return at.inst == code.len(),
            Some(Step::Gap) => {
                at.step += 1;
                return (at.inst..=code.len())
                    .any(|inst| compare_from(steps, code, Reached { inst, ..at.clone() }, best));
            }
            Some(Step::Place(place)) => {
                if !bind(&mut at.bindings, place, &label(at.inst)) {
                    return false;
                }
            }
            Some(Step::Inst(pattern)) => {
                let inst = code.get(at.inst);
                let Some(bindings) = inst.and_then(|inst| pattern.fit(inst, &at.bindings)) else {
                    return false;
                };
                at.bindings = bindings;
                at.inst += 1;
            }
        }
        at.step += 1;
    }
}

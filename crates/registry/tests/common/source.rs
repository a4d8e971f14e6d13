//! Writing modules of the text form from within tests, and what they compute from bits.

use std::fmt::Write;

use bakeoff_ir::{Scalar, Type};

/// The factor of [`fold`].
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sum over bits in which every position counts.
pub(crate) fn fold(sum: u64, bits: u64) -> u64 {
    sum.wrapping_mul(FACTOR).wrapping_add(bits)
}

/// [`fold`] of many.
pub(crate) fn fold_all(bits: impl IntoIterator<Item = u64>) -> u64 {
    bits.into_iter().fold(0, fold)
}

/// Functions of a module of which there could be thousands: exports are found by looking at one after
/// the other.
pub(crate) const FUNCTIONS: usize = 200;

/// As many types, the given ones over and over.
pub(crate) fn cycle(types: &[Type], count: usize) -> Vec<Type> {
    types.iter().copied().cycle().take(count).collect()
}

/// `i32, f64, …`
pub(crate) fn list(types: &[Type]) -> String {
    let names: Vec<String> = types.iter().map(Type::to_string).collect();
    names.join(", ")
}

/// Bits that are an ordinary value of a type, and another one for each number.
pub(crate) fn sample(ty: Type, number: usize) -> u64 {
    let number = number as u64;
    match ty {
        Type::F32 => u64::from((number as f32 * 1.5 - 7.0).to_bits()),
        Type::F64 => (number as f64 * -2.25 + 11.0).to_bits(),
        _ => (number + 1).wrapping_mul(FACTOR) >> 7 & ty.mask(),
    }
}

/// A text, and the names of values in it.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) text: String,
    names: usize,
}

impl Source {
    /// A line.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        writeln!(self.text, "{}", line.as_ref()).unwrap();
    }

    /// A name that no value has.
    pub(crate) fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// Names for values of these types.
    pub(crate) fn names(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.name()).collect()
    }

    /// An instruction with a result.
    pub(crate) fn def(&mut self, inst: impl AsRef<str>) -> String {
        let name = self.name();
        self.line(format!("    {name} = {}", inst.as_ref()));
        name
    }

    /// A constant.
    pub(crate) fn constant(&mut self, ty: Type, bits: u64) -> String {
        let op = if ty.is_int() { "iconst" } else { "fconst" };
        self.def(format!("{op}.{ty} {}", Scalar::new(ty, bits)))
    }

    /// The bits of a value as an i64.
    pub(crate) fn bits(&mut self, ty: Type, value: &str) -> String {
        match ty {
            Type::I64 => value.to_string(),
            Type::F64 => self.def(format!("bitcast.i64.f64 {value}")),
            Type::F32 => {
                let narrow = self.def(format!("bitcast.i32.f32 {value}"));
                self.def(format!("uextend.i64.i32 {narrow}"))
            }
            _ => self.def(format!("uextend.i64.{ty} {value}")),
        }
    }

    /// [`fold`] of these values, beginning with zero.
    pub(crate) fn fold_all(&mut self, types: &[Type], values: &[String]) -> String {
        let factor = self.constant(Type::I64, FACTOR);
        let mut sum = self.constant(Type::I64, 0);
        for (ty, value) in types.iter().zip(values) {
            let bits = self.bits(*ty, value);
            let product = self.def(format!("imul.i64 {sum}, {factor}"));
            sum = self.def(format!("iadd.i64 {product}, {bits}"));
        }
        sum
    }

    /// The head of a function; yields its parameters.
    pub(crate) fn begin(&mut self, name: &str, params: &[Type], results: &[Type]) -> Vec<String> {
        let results = match results {
            [] => String::new(),
            results => format!(" -> ({})", list(results)),
        };
        self.line(format!("export func @{name}({}){results} {{", list(params)));
        self.block(0, params)
    }

    /// The head of a block; yields its parameters.
    pub(crate) fn block(&mut self, number: usize, params: &[Type]) -> Vec<String> {
        let names = self.names(params.len());
        let typed: Vec<String> = names
            .iter()
            .zip(params)
            .map(|(name, ty)| format!("{name}: {ty}"))
            .collect();
        match params {
            [] => self.line(format!("block{number}:")),
            _ => self.line(format!("block{number}({}):", typed.join(", "))),
        }
        names
    }

    /// The end of a function that returns this.
    pub(crate) fn end(&mut self, values: &[String]) {
        self.line(format!("    return {}\n}}", values.join(", ")));
    }
}

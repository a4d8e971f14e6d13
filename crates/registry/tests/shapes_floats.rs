//! Comparisons of floats in every configuration: every condition with every use of it, at once and after
//! other instructions, with operands that are arguments, in memory, constants, and the same value twice.
//! Conditions that take two flags are what this is about, and NaN, infinities and both zeros.

mod common;

use bakeoff_backend::Imports;
use bakeoff_ir::{FloatCc, Op, Scalar, TrapCode, Type, semantics};

use common::source::{FUNCTIONS, Source};

use Type::{F32, F64, I8, I32, I64};

/// What is made of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Value,
    Branch,
    /// To the same block with other values.
    BranchWithMoves,
    SelectInts,
    SelectConstants,
    /// Between the operands of the comparison.
    SelectFloats,
    SelectFloatConstants,
    Trapz,
    Trapnz,
}

const USES: [Use; 9] = [
    Use::Value,
    Use::Branch,
    Use::BranchWithMoves,
    Use::SelectInts,
    Use::SelectConstants,
    Use::SelectFloats,
    Use::SelectFloatConstants,
    Use::Trapz,
    Use::Trapnz,
];

/// What the operands are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operands {
    Args,
    LoadedFirst,
    LoadedSecond,
    Same,
    ConstantFirst(Number),
    ConstantSecond(Number),
}

/// A float of either type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Number {
    NegativeInfinity,
    MinusOne,
    NegativeZero,
    Zero,
    One,
    Infinity,
    Nan,
    /// With a sign and a payload.
    OtherNan,
}

use Number::{Infinity, MinusOne, Nan, NegativeInfinity, NegativeZero, One, OtherNan, Zero};

const NUMBERS: [Number; 8] = [
    NegativeInfinity,
    MinusOne,
    NegativeZero,
    Zero,
    One,
    Infinity,
    Nan,
    OtherNan,
];

const PAIRS: &[[Number; 2]] = &[
    [MinusOne, One],
    [One, MinusOne],
    [One, One],
    [NegativeZero, Zero],
    [Zero, NegativeZero],
    [Nan, One],
    [Zero, OtherNan],
    [OtherNan, Nan],
    [NegativeInfinity, Infinity],
    [Infinity, Infinity],
    [Infinity, One],
    [Nan, NegativeInfinity],
];

impl Number {
    fn bits(self, ty: Type) -> u64 {
        let value = match self {
            NegativeInfinity => f32::NEG_INFINITY,
            MinusOne => -1.0,
            NegativeZero => -0.0,
            Zero => 0.0,
            One => 1.0,
            Infinity => f32::INFINITY,
            Nan | OtherNan => f32::NAN,
        };
        let payload = match (self, ty) {
            (OtherNan, F32) => 0x8000_0005,
            (OtherNan, _) => 0x8000_0000_0000_0005,
            _ => 0,
        };
        match ty {
            F32 => u64::from(value.to_bits()) | payload,
            _ => f64::from(value).to_bits() | payload,
        }
    }
}

/// What selections and branches of ints choose from if no arguments.
const CHOICE: [u64; 2] = [3, 0x4_0000_0002];

/// What [`Use::SelectFloatConstants`] chooses from.
const FLOAT_CHOICE: [Number; 2] = [MinusOne, Zero];

/// Arguments behind the floats: two ints to choose from, and where the floats are in memory.
const INTS: [u64; 2] = [0x1234_5678_9abc_def0, 9];
const AT: u64 = 8;

/// What other instructions compute between the comparison and its use.
const BETWEEN: u64 = (AT + 5) * (AT + 5);

#[derive(Clone, Copy, Debug)]
struct Shape {
    ty: Type,
    cc: FloatCc,
    how: Use,
    operands: Operands,
    /// Other instructions stand between the comparison and its use.
    later: bool,
}

impl Shape {
    fn all(ty: Type) -> Vec<Shape> {
        use Operands::{Args, ConstantFirst, ConstantSecond, LoadedFirst, LoadedSecond, Same};
        let mut operands = vec![Args, LoadedFirst, LoadedSecond, Same];
        for number in [NegativeZero, One, OtherNan] {
            operands.extend([ConstantFirst(number), ConstantSecond(number)]);
        }
        let mut all = Vec::new();
        for cc in FloatCc::ALL.iter().copied() {
            for how in USES {
                for operands in operands.iter().copied() {
                    for later in [false, true] {
                        let shape = Shape {
                            ty,
                            cc,
                            how,
                            operands,
                            later,
                        };
                        all.push(shape);
                    }
                }
            }
        }
        all
    }

    fn result_type(&self) -> Type {
        match self.how {
            Use::SelectFloats | Use::SelectFloatConstants => self.ty,
            Use::Value => I8,
            _ => I64,
        }
    }

    fn write(&self, source: &mut Source, name: &str) {
        let ty = self.ty;
        let params = [ty, ty, I64, I64, I32];
        let args = source.begin(name, &params, &[self.result_type(), I32]);
        let at = &args[4];
        let load =
            |source: &mut Source, offset| source.def(format!("load.{ty} mem0, {at}+{offset}"));
        let [mut x, mut y] = [0, 1].map(|arg| args[arg].clone());
        match self.operands {
            Operands::Args => {}
            Operands::LoadedFirst => x = load(source, 0),
            Operands::LoadedSecond => y = load(source, 8),
            Operands::Same => y = x.clone(),
            Operands::ConstantFirst(number) => x = source.constant(ty, number.bits(ty)),
            Operands::ConstantSecond(number) => y = source.constant(ty, number.bits(ty)),
        }
        let truth = source.def(format!("fcmp.{ty} {} {x}, {y}", self.cc));
        let mut other = at.clone();
        if self.later {
            let five = source.constant(I32, 5);
            let sum = source.def(format!("iadd.i32 {at}, {five}"));
            other = source.def(format!("imul.i32 {sum}, {sum}"));
            source.line(format!("    store.i32 mem0, {other}, {at}+100"));
        }
        let value = self.write_use(source, &truth, &args, [&x, &y]);
        source.end(&[value, other]);
    }

    /// Makes use of a truth; yields the result, in a block from which all others return.
    fn write_use(
        &self,
        source: &mut Source,
        truth: &str,
        args: &[String],
        operands: [&str; 2],
    ) -> String {
        let ints = [&args[2], &args[3]];
        match self.how {
            Use::Value => truth.to_string(),
            Use::Branch => {
                source.line(format!("    brif {truth}, block1, block2"));
                for (number, bits) in CHOICE.into_iter().enumerate() {
                    source.block(1 + number, &[]);
                    let value = source.constant(I64, bits);
                    source.line(format!("    jump block3({value})"));
                }
                source.block(3, &[I64])[0].clone()
            }
            Use::BranchWithMoves => {
                let [yes, no] = ints;
                source.line(format!(
                    "    brif {truth}, block1({yes}, {no}), block1({no}, {yes})"
                ));
                source.block(1, &[I64, I64])[0].clone()
            }
            Use::SelectInts => source.def(format!("select.i64 {truth}, {}, {}", ints[0], ints[1])),
            Use::SelectConstants => {
                let [yes, no] = CHOICE.map(|bits| source.constant(I64, bits));
                source.def(format!("select.i64 {truth}, {yes}, {no}"))
            }
            Use::SelectFloats => {
                let [x, y] = operands;
                source.def(format!("select.{} {truth}, {x}, {y}", self.ty))
            }
            Use::SelectFloatConstants => {
                let [yes, no] = FLOAT_CHOICE.map(|n| source.constant(self.ty, n.bits(self.ty)));
                source.def(format!("select.{} {truth}, {yes}, {no}", self.ty))
            }
            Use::Trapz | Use::Trapnz => {
                let op = if self.how == Use::Trapz {
                    "trapz"
                } else {
                    "trapnz"
                };
                source.line(format!("    {op} {truth}, integer_overflow"));
                args[2].clone()
            }
        }
    }

    /// What it is called with: pairs, or each number if the other operand is fixed.
    fn pairs(&self) -> Vec<[Number; 2]> {
        match self.operands {
            Operands::ConstantFirst(_) => NUMBERS.map(|number| [One, number]).to_vec(),
            Operands::ConstantSecond(_) | Operands::Same => {
                NUMBERS.map(|number| [number, One]).to_vec()
            }
            _ => PAIRS.to_vec(),
        }
    }

    fn expected(&self, pair: [Number; 2]) -> Result<Vec<u64>, TrapCode> {
        let ty = self.ty;
        let [x, y] = match self.operands {
            Operands::Same => [pair[0]; 2],
            Operands::ConstantFirst(number) => [number, pair[1]],
            Operands::ConstantSecond(number) => [pair[0], number],
            _ => pair,
        };
        let [x, y] = [x, y].map(|number| number.bits(ty));
        let truth = semantics::eval(Op::Fcmp, ty, ty, self.cc as u8, [x, y, 0]);
        let truth = truth.unwrap().unwrap()[0];
        let choose = |[yes, no]: [u64; 2]| if truth == 1 { yes } else { no };
        let value = match self.how {
            Use::Value => truth,
            Use::Branch | Use::SelectConstants => choose(CHOICE),
            Use::BranchWithMoves | Use::SelectInts => choose(INTS),
            Use::SelectFloats => choose([x, y]),
            Use::SelectFloatConstants => choose(FLOAT_CHOICE.map(|number| number.bits(ty))),
            Use::Trapz if truth == 0 => return Err(TrapCode::IntegerOverflow),
            Use::Trapnz if truth == 1 => return Err(TrapCode::IntegerOverflow),
            Use::Trapz | Use::Trapnz => INTS[0],
        };
        Ok(vec![value, if self.later { BETWEEN } else { AT }])
    }
}

fn check(ty: Type, shapes: &[Shape]) {
    let mut source = Source::default();
    source.line("memory mem0 = 1\nexport \"mem0\" = mem0");
    for (number, shape) in shapes.iter().enumerate() {
        shape.write(&mut source, &format!("f{number}"));
    }
    common::for_both_processors(&source.text, |configuration, executable| {
        let mut instance = common::instantiate(executable, &Imports::new());
        for (number, shape) in shapes.iter().enumerate() {
            for pair in shape.pairs() {
                let floats = pair.map(|number| number.bits(ty));
                let memory = &mut instance.memory_mut("mem0").unwrap()[AT as usize..];
                memory[..8].copy_from_slice(&floats[0].to_le_bytes());
                memory[8..16].copy_from_slice(&floats[1].to_le_bytes());
                let args = [
                    Scalar::new(ty, floats[0]),
                    Scalar::new(ty, floats[1]),
                    Scalar::new(I64, INTS[0]),
                    Scalar::new(I64, INTS[1]),
                    Scalar::new(I32, AT),
                ];
                let got = common::call_bits(&mut instance, &format!("f{number}"), &args);
                let expected = shape.expected(pair);
                assert_eq!(got, expected, "{configuration}: {shape:?} of {pair:?}");
            }
        }
    });
}

#[test]
fn comparisons_of_f32() {
    for shapes in Shape::all(F32).chunks(FUNCTIONS) {
        check(F32, shapes);
    }
}

#[test]
fn comparisons_of_f64() {
    for shapes in Shape::all(F64).chunks(FUNCTIONS) {
        check(F64, shapes);
    }
}

//! What a stencil must do, by the reference semantics and the words of the catalogue.

use bakeoff_backend_stencil::catalog::{Extra, Family, Form, Pattern, T, U, W, XT, XU, XV};
use bakeoff_backend_stencil::library;
use bakeoff_ir::semantics::{self, compare};
use bakeoff_ir::{Effects, IntCc, Op, Scalar, TrapCode, Type, sign_extend};

use crate::case::{Case, Place, TARGET, Windows, axis, operands, word};
use crate::machine::{Exit, State};

/// A result: exactly these bits, or any quiet NaN for a NaN.
struct Returned {
    place: Place,
    value: Scalar,
    free_nan: bool,
}

/// What there is behind a stencil.
struct Expected {
    exit: Exit,
    results: Vec<Returned>,
    windows: Windows,
    frame: u64,
}

/// Says what is not as it must be behind a stencil.
pub(crate) fn check(
    case: &Case<'_>,
    exit: Exit,
    state: &State,
    windows: &Windows,
) -> Result<(), String> {
    let expected = expect(case);
    if exit != expected.exit {
        return Err(format!("left by {exit:?}, not {:?}", expected.exit));
    }
    for result in &expected.results {
        check_result(result, state)?;
    }
    if *windows != expected.windows {
        return Err(format!(
            "memory is {windows:x?}, not {:x?}",
            expected.windows
        ));
    }
    for (name, found, wanted) in [
        ("context", state.context, case.state.context),
        ("memory base", state.memory, case.state.memory),
        ("frame", state.frame, expected.frame),
    ] {
        if found != wanted {
            return Err(format!("the {name} is {found:#x}, not {wanted:#x}"));
        }
    }
    check_others(case, &expected, state)
}

fn check_result(result: &Returned, state: &State) -> Result<(), String> {
    let wanted = result.value;
    let found = match result.place {
        Place::Int(register) => state.ints[register as usize],
        Place::Float(register) => state.floats[register as usize][0] & wanted.ty().mask(),
        Place::Slot | Place::Imm => unreachable!("a result in no register"),
    };
    let value = Scalar::new(wanted.ty(), found);
    let quiet = match value.ty() {
        Type::F32 => 0x40_0000,
        _ => 0x8_0000_0000_0000,
    };
    let free = result.free_nan && value.is_nan() && found & quiet != 0;
    match found == wanted.bits() || free && value.agrees(wanted) {
        true => Ok(()),
        false => Err(format!(
            "{:?} is {found:#x}, not {:#x} ({wanted:?})",
            result.place,
            wanted.bits()
        )),
    }
}

/// Registers that are no results.
fn check_others(case: &Case<'_>, expected: &Expected, state: &State) -> Result<(), String> {
    let family = case.family;
    let fixed = family.pattern == Pattern::Fixed;
    let mut read: Vec<Place> = operands(family, &case.registers)
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    read.extend((0..family.axes.len()).map(|index| axis(family, &case.registers, index)));
    let may_change = |place: Place, temporaries: [u8; 3], register: u8| {
        expected.results.iter().any(|result| result.place == place)
            || temporaries.contains(&register) && (fixed || !read.contains(&place))
            || fixed && library::is_heavy(family.level, family.row())
    };
    for register in 0..state.ints.len() as u8 {
        let index = register as usize;
        let (found, wanted) = (state.ints[index], case.state.ints[index]);
        let place = Place::Int(register);
        if found != wanted && !may_change(place, [T, U, W], register) {
            return Err(format!(
                "{place:?} has changed from {wanted:#x} to {found:#x}"
            ));
        }
    }
    for register in 0..state.floats.len() as u8 {
        let index = register as usize;
        let (found, wanted) = (state.floats[index], case.state.floats[index]);
        let place = Place::Float(register);
        if found != wanted && !may_change(place, [XT, XU, XV], register) {
            return Err(format!(
                "{place:?} has changed from {wanted:x?} to {found:x?}"
            ));
        }
    }
    Ok(())
}

fn expect(case: &Case<'_>) -> Expected {
    let mut expected = Expected {
        exit: Exit::Next,
        results: Vec::new(),
        windows: case.windows,
        frame: case.state.frame,
    };
    let operands = operands(case.family, &case.registers);
    let mut values = [0; 3];
    for (value, operand) in values.iter_mut().zip(operands) {
        *value = case.get(operand);
    }
    match case.family.form {
        Form::Op(op) => expected.op(case, op, values),
        Form::Extra(extra) => expected.extra(case, extra, values),
    }
    expected
}

/// The exit of a trap.
fn exit(code: TrapCode) -> Exit {
    match code {
        TrapCode::IntegerDivisionByZero | TrapCode::BadConversionToInteger => Exit::Trap0,
        TrapCode::IntegerOverflow => Exit::Trap1,
        other => panic!("no stencil traps with {other}"),
    }
}

/// What an op or a branch gives by the reference semantics.
fn evaluate(op: Op, family: &Family, values: [u64; 3]) -> semantics::Outcome {
    let second = Type::ALL[family.sub as usize % Type::ALL.len()];
    let outcome = semantics::eval(op, family.ty, second, family.sub, values);
    outcome.unwrap_or_else(|| panic!("{} computes no scalars", op.name()))
}

impl Expected {
    fn int(&mut self, register: u8, value: u64) {
        self.result(Place::Int(register), Type::I64, value);
    }

    fn result(&mut self, place: Place, ty: Type, value: u64) {
        self.results.push(Returned {
            place,
            value: Scalar::new(ty, value),
            free_nan: false,
        });
    }

    fn op(&mut self, case: &Case<'_>, op: Op, values: [u64; 3]) {
        let family = case.family;
        let ty = family.ty;
        let loaded = word(&case.windows.memory, TARGET);
        match op {
            Op::Load | Op::RawLoad => {
                self.result(axis(family, &case.registers, 0), ty, loaded);
                return;
            }
            Op::Sload => {
                let from = Type::ALL[family.sub as usize];
                let wide = sign_extend(from, loaded) as u64;
                self.result(axis(family, &case.registers, 0), ty, wide);
                return;
            }
            Op::Store | Op::RawStore => {
                store(&mut self.windows.memory, ty, values[0]);
                return;
            }
            _ => {}
        }
        let results = match evaluate(op, family, values) {
            Ok(results) => results,
            Err(code) => {
                self.exit = exit(code);
                return;
            }
        };
        let place = match (op, family.pattern) {
            (Op::Icmp | Op::Fcmp, _) => Place::Int(T),
            (_, Pattern::Fixed) if ty.is_int() => Place::Int(T),
            (_, Pattern::Fixed) => Place::Float(XT),
            _ => axis(family, &case.registers, 0),
        };
        let ty = match op {
            Op::Icmp | Op::Fcmp => Type::I8,
            _ => ty,
        };
        self.results.push(Returned {
            place,
            value: Scalar::new(ty, results[0]),
            free_nan: op.info().effects.has(Effects::FREE_NAN),
        });
        if op.info().results.len() == 2 {
            self.int(U, results[1]);
        }
    }

    fn extra(&mut self, case: &Case<'_>, extra: Extra, values: [u64; 3]) {
        let family = case.family;
        let ty = family.ty;
        let first = || axis(family, &case.registers, 0);
        let field = word(&case.windows.context, TARGET);
        let data = word(&case.windows.memory, TARGET);
        let [a, b, _] = values;
        match extra {
            // There is no operand of a zero.
            Extra::Move | Extra::Const | Extra::Reload => self.result(first(), ty, a),
            Extra::Spill => store(&mut self.windows.frame, Type::I64, a),
            Extra::SlotConst => store(&mut self.windows.frame, ty, a),
            Extra::StoreConst => store(&mut self.windows.memory, ty, a),
            Extra::BrIcmp => {
                let condition = compare(IntCc::ALL[family.sub as usize], ty, a, b);
                self.exit_if(condition, Exit::Taken);
            }
            Extra::BrFcmp => {
                let condition = evaluate(Op::Fcmp, family, values) == Ok([1, 0]);
                self.exit_if(condition, Exit::Taken);
            }
            Extra::BrNonzero => self.exit_if(a != 0, Exit::Taken),
            Extra::BrZero => self.exit_if(a == 0, Exit::Taken),
            Extra::ContextLoad => self.result(first(), ty, field),
            Extra::ContextStore => store(&mut self.windows.context, ty, a),
            Extra::FrameAddr => {
                let address = case.state.frame.wrapping_add(case.slot() as u64);
                self.result(first(), ty, address);
            }
            Extra::CheckNarrow => {
                self.exit_if(a + case.imm() as u64 > field, Exit::Trap0);
            }
            Extra::CheckWide => {
                let end = a.checked_add(b);
                self.exit_if(end.is_none_or(|end| end > field), Exit::Trap0);
            }
            Extra::TableCheck => self.exit_if(a >= field, Exit::Trap0),
            Extra::TableLoad => self.int(T, data),
            Extra::TableStore => store(&mut self.windows.memory, Type::I64, a),
            Extra::Callee => {
                let signature = word(&case.windows.memory, TARGET + 8) as u32;
                match signature == case.imm() as u32 {
                    true => self.int(U, data),
                    false if a == 0 => self.exit = Exit::Trap0,
                    false => self.exit = Exit::Trap1,
                }
            }
            Extra::Enter => self.frame = self.frame.wrapping_sub(case.imm() as u64),
            Extra::Leave => self.frame = self.frame.wrapping_add(case.imm() as u64),
            Extra::ZeroFrame => {
                self.windows.frame[TARGET..TARGET + case.imm() as usize].fill(0);
            }
            Extra::BrTable => {
                self.exit = match a {
                    0 => Exit::Table0,
                    1 => Exit::Table1,
                    _ => Exit::Taken,
                }
            }
            other => unreachable!("{other:?} is not run alone"),
        }
    }

    fn exit_if(&mut self, condition: bool, exit: Exit) {
        if condition {
            self.exit = exit;
        }
    }
}

/// Writes a value at the target.
fn store(window: &mut [u8; 64], ty: Type, value: u64) {
    let bytes = ty.bytes() as usize;
    window[TARGET..TARGET + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
}

//! What a stencil is run with: operands, constants, and the memory around.

use bakeoff_backend_stencil::catalog::{Axis, Extra, Family, Form, HoleValue, Pattern};
use bakeoff_backend_stencil::catalog::{T, U, XT, XU, XV};
use bakeoff_ir::ops::Class;
use bakeoff_ir::{Op, Type};

use crate::machine::State;
use crate::random::Random;

/// Where in its window an access goes.
pub(crate) const TARGET: usize = 24;

/// The bytes around the place that a stencil may access in the frame, the context, and linear memory.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(C)]
pub(crate) struct Windows {
    /// Of the frame.
    pub(crate) frame: [u8; 64],
    /// Of the context.
    pub(crate) context: [u8; 64],
    /// Of linear memory, and whatever else there is a pointer to.
    pub(crate) memory: [u8; 64],
}

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In an integer register.
    Int(u8),
    /// In a float register.
    Float(u8),
    /// In the slot.
    Slot,
    /// The constant.
    Imm,
}

/// A stencil's registers, what fills its holes, and everything that it finds.
pub(crate) struct Case<'f> {
    /// The family.
    pub(crate) family: &'f Family,
    /// The registers of the axes.
    pub(crate) registers: Vec<u8>,
    /// The values of holes, in the order of the family's.
    pub(crate) holes: Vec<i64>,
    /// Registers.
    pub(crate) state: State,
    /// Memory.
    pub(crate) windows: Windows,
}

/// The register of an axis.
pub(crate) fn axis(family: &Family, registers: &[u8], index: usize) -> Place {
    match family.axes[index] {
        Axis::Int => Place::Int(registers[index]),
        Axis::Float => Place::Float(registers[index]),
    }
}

/// The places and types of the operands of a family that are values; of an op, in its order. What an
/// address comes from is none.
pub(crate) fn operands(family: &Family, registers: &[u8]) -> Vec<(Place, Type)> {
    let ty = family.ty;
    let at = |index| axis(family, registers, index);
    let (first, second) = ((Place::Int(T), Type::I64), (Place::Int(U), Type::I64));
    match family.form {
        Form::Op(Op::Load | Op::Sload | Op::RawLoad) => vec![],
        Form::Op(Op::Store | Op::RawStore) => vec![(at(0), ty)],
        Form::Op(op) => op_operands(family, registers, op),
        Form::Extra(extra) => match extra {
            Extra::Move => vec![(at(1), ty)],
            Extra::Spill | Extra::ContextStore | Extra::TableCheck | Extra::TableLoad => {
                vec![(at(0), ty)]
            }
            Extra::Reload => vec![(Place::Slot, ty)],
            Extra::Const if family.pattern == Pattern::Z => vec![],
            Extra::Const | Extra::SlotConst | Extra::StoreConst => vec![(Place::Imm, ty)],
            Extra::BrIcmp | Extra::BrFcmp => vec![(at(0), ty), (second_place(family, at), ty)],
            Extra::BrNonzero | Extra::BrZero if family.pattern == Pattern::R => vec![(at(0), ty)],
            Extra::BrNonzero | Extra::BrZero => vec![(Place::Slot, ty)],
            Extra::CheckNarrow => vec![(at(0), Type::I32)],
            Extra::CheckWide => vec![(at(0), ty), second],
            Extra::TableStore => vec![first, second],
            Extra::Callee => vec![first],
            Extra::BrTable => vec![(Place::Int(T), Type::I32)],
            _ => vec![],
        },
    }
}

/// The second operand of two.
fn second_place(family: &Family, at: impl Fn(usize) -> Place) -> Place {
    match family.pattern {
        Pattern::RR => at(1),
        Pattern::RS8 | Pattern::RS32 => Place::Slot,
        _ => Place::Imm,
    }
}

/// The operands of an op that computes scalars from scalars.
fn op_operands(family: &Family, registers: &[u8], op: Op) -> Vec<(Place, Type)> {
    let at = |index| axis(family, registers, index);
    let second_type = Type::ALL[family.sub as usize % Type::ALL.len()];
    let types = op.info().operands.iter().map(|class| match class {
        Class::Cond => Type::I64,
        class => class
            .fixed_type(family.ty, second_type)
            .unwrap_or(Type::I64),
    });
    let types: Vec<Type> = types.collect();
    let places: Vec<Place> = match (op, family.pattern) {
        (Op::Select, _) => vec![at(1), at(0), at(2)],
        (_, Pattern::Fixed) if types[0].is_int() => vec![Place::Int(T), Place::Int(U)],
        (_, Pattern::Fixed) => [XT, XU, XV].map(Place::Float).to_vec(),
        (_, Pattern::R) => vec![at(0)],
        (_, Pattern::RR) if types.len() == 1 => vec![at(1)],
        (_, Pattern::RRR) => vec![at(1), at(2)],
        (_, Pattern::RRI8 | Pattern::RRI32) => vec![at(1), Place::Imm],
        _ => vec![at(0), second_place(family, at)],
    };
    places.into_iter().zip(types).collect()
}

impl Default for Windows {
    fn default() -> Windows {
        Windows {
            frame: [0; 64],
            context: [0; 64],
            memory: [0; 64],
        }
    }
}

impl<'f> Case<'f> {
    /// Draws everything, for windows that will be at an address.
    pub(crate) fn draw(
        family: &'f Family,
        registers: &[u8],
        live: *const Windows,
        random: &mut Random,
    ) -> Case<'f> {
        let holes = family.holes.iter();
        let mut case = Case {
            family,
            registers: registers.to_vec(),
            holes: holes.map(|hole| draw_hole(family, *hole, random)).collect(),
            state: draw_state(random),
            windows: Windows {
                frame: random.bytes(),
                context: random.bytes(),
                memory: random.bytes(),
            },
        };
        let operands = operands(family, registers);
        // Operands are often equal or neighbours, and a constant is one that was drawn already.
        let constant = operands.iter().any(|(place, _)| *place == Place::Imm);
        let mut last = constant.then(|| case.imm() as u64);
        for (place, ty) in operands {
            let value = match (last, random.below(3)) {
                (Some(last), 0) => random.near(last) & ty.mask(),
                _ => random.scalar(ty),
            };
            last = Some(value);
            case.set(place, ty, value);
        }
        case.point(live);
        case.arrange(live, random);
        case
    }

    /// The value of the hole of one of these kinds, 0 if there is none.
    pub(crate) fn hole(&self, kinds: &[HoleValue]) -> i64 {
        let mut holes = self.family.holes.iter().zip(&self.holes);
        let found = holes.find(|(kind, _)| kinds.contains(kind));
        found.map_or(0, |(_, value)| *value)
    }

    /// The constant.
    pub(crate) fn imm(&self) -> i64 {
        self.hole(&[HoleValue::Imm8, HoleValue::Imm32, HoleValue::Imm64])
    }

    /// The slot's offset.
    pub(crate) fn slot(&self) -> i64 {
        self.hole(&[HoleValue::Slot8, HoleValue::Slot32])
    }

    /// The displacement.
    fn displacement(&self) -> i64 {
        self.hole(&[HoleValue::Disp8, HoleValue::Disp32])
    }

    /// The value of an operand.
    pub(crate) fn get(&self, (place, ty): (Place, Type)) -> u64 {
        let bits = match place {
            Place::Int(register) => return self.state.ints[register as usize],
            Place::Float(register) => self.state.floats[register as usize][0],
            Place::Slot => word(&self.windows.frame, TARGET),
            Place::Imm => self.imm() as u64,
        };
        bits & ty.mask()
    }

    fn set(&mut self, place: Place, ty: Type, value: u64) {
        match place {
            Place::Int(register) => self.state.ints[register as usize] = value,
            Place::Float(register) => {
                let low = &mut self.state.floats[register as usize][0];
                *low = *low & !ty.mask() | value;
            }
            Place::Slot => set_word(&mut self.windows.frame, TARGET, value),
            Place::Imm => {}
        }
    }

    /// Lets addresses lead to the targets.
    fn point(&mut self, live: *const Windows) {
        let [frame, context, memory] = addresses(live);
        self.state.frame = frame.wrapping_sub(self.slot() as u64);
        let field = self.hole(&[HoleValue::Context]);
        self.state.context = context.wrapping_sub(field as u64);
        let base = memory.wrapping_sub(self.displacement() as u64);
        match (self.family.form, self.family.pattern) {
            (Form::Op(Op::RawLoad | Op::RawStore), _) => {
                self.state.ints[self.registers[1] as usize] = base;
            }
            // The only operand that is an address.
            (Form::Extra(Extra::StoreConst), _) => {
                let index = base.wrapping_sub(self.state.memory);
                self.state.ints[self.registers[0] as usize] = index;
            }
            (Form::Op(Op::Load | Op::Sload | Op::Store), Pattern::RRI8 | Pattern::RRI32) => {
                let index = base.wrapping_sub(self.state.memory);
                self.state.ints[self.registers[1] as usize] = index;
            }
            (Form::Op(Op::Load | Op::Sload | Op::Store), _) => self.state.memory = base,
            _ => {}
        }
    }

    /// Puts into memory what makes an outcome other than the likeliest one likely.
    fn arrange(&mut self, live: *const Windows, random: &mut Random) {
        let [_, context, memory] = addresses(live);
        let values: Vec<u64> = operands(self.family, &self.registers)
            .into_iter()
            .map(|operand| self.get(operand))
            .collect();
        let Form::Extra(extra) = self.family.form else {
            return;
        };
        let field = match extra {
            Extra::CheckNarrow => random.near(values[0].wrapping_add(self.imm() as u64)),
            Extra::CheckWide => random.near(values[0].wrapping_add(values[1])),
            Extra::TableCheck => random.near(values[0]),
            Extra::TableLoad => memory.wrapping_sub(values[0].wrapping_mul(8)),
            Extra::TableStore => memory.wrapping_sub(values[1].wrapping_mul(8)),
            Extra::Callee => {
                self.state.context = context.wrapping_sub(8);
                let signature = match random.below(2) {
                    0 => self.imm() as u32,
                    _ => random.word() as u32,
                };
                let high = random.word() << 32;
                set_word(
                    &mut self.windows.memory,
                    TARGET + 8,
                    high | u64::from(signature),
                );
                memory.wrapping_sub(values[0].wrapping_mul(16))
            }
            _ => return,
        };
        set_word(&mut self.windows.context, TARGET, field);
    }
}

/// The addresses of the targets.
fn addresses(live: *const Windows) -> [u64; 3] {
    let base = live as u64 + TARGET as u64;
    [base, base + 64, base + 128]
}

/// Eight bytes of a window.
pub(crate) fn word(window: &[u8; 64], at: usize) -> u64 {
    let bytes = window[at..].first_chunk().expect("within the window");
    u64::from_le_bytes(*bytes)
}

fn set_word(window: &mut [u8; 64], at: usize, value: u64) {
    window[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn draw_state(random: &mut Random) -> State {
    State {
        ints: std::array::from_fn(|_| random.word()),
        context: random.word(),
        memory: random.word(),
        frame: 0,
        floats: std::array::from_fn(|_| [random.word(), random.word()]),
    }
}

fn draw_hole(family: &Family, hole: HoleValue, random: &mut Random) -> i64 {
    match (family.form, hole) {
        // A reach, a frame, entries of the table, bytes to zero.
        (Form::Extra(Extra::CheckNarrow | Extra::Enter | Extra::Leave), HoleValue::Imm32) => {
            i64::from(random.scalar(Type::I32) as i32 & i32::MAX)
        }
        (Form::Extra(Extra::BrTable), HoleValue::Imm32) => 2,
        (Form::Extra(Extra::ZeroFrame), HoleValue::Imm32) => 8 + 8 * random.below(4) as i64,
        (_, HoleValue::Slot8 | HoleValue::Imm8 | HoleValue::Disp8) => {
            i64::from(random.scalar(Type::I8) as i8)
        }
        (_, HoleValue::Slot32 | HoleValue::Imm32 | HoleValue::Disp32 | HoleValue::Context) => {
            i64::from(random.scalar(Type::I32) as i32)
        }
        (_, HoleValue::Imm64) => random.scalar(Type::I64) as i64,
        (
            _,
            HoleValue::Taken
            | HoleValue::Trap0
            | HoleValue::Trap1
            | HoleValue::Callee
            | HoleValue::Table
            | HoleValue::Fault,
        ) => 0,
    }
}

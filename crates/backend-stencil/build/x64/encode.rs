//! Encodes a template with renamed registers.

use iced_x86::{ConditionCode, Encoder, FlowControl, Instruction, Register};

use super::decode::{Field, Flow, Item};
use super::rename::{self, Map};
use crate::catalog::HoleValue;

/// Machine code with holes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) bytes: Vec<u8>,
    /// By offset.
    pub(crate) holes: Vec<(HoleValue, usize)>,
    /// Offsets of references to constants, and the constants.
    pub(crate) constants: Vec<(usize, Vec<u8>)>,
    /// Where each instruction begins.
    pub(crate) starts: Vec<usize>,
}

/// One instruction's bytes, and what is in them relative to its beginning.
struct Piece {
    bytes: Vec<u8>,
    holes: Vec<(HoleValue, usize)>,
    constants: Vec<(usize, Vec<u8>)>,
}

/// The code of a template. `faults` says which memory operands may fault, by their base and index.
pub(crate) fn code(items: &[Item], map: &Map, faults: &[Register], name: &str) -> Code {
    let mut encoder = Encoder::new(64);
    let pieces: Vec<Option<Piece>> = items
        .iter()
        .map(|item| match item.flow {
            Flow::Inside(_) => None,
            _ => Some(piece(&mut encoder, item, map, name)),
        })
        .collect();
    // Jumps are short unless what they skip is long.
    let mut long = vec![false; items.len()];
    let starts = loop {
        let starts = layout(items, &pieces, &long);
        let mut changed = false;
        for (i, item) in items.iter().enumerate() {
            if let Flow::Inside(target) = item.flow
                && !long[i]
                && i8::try_from(starts[target] as i64 - starts[i + 1] as i64).is_err()
            {
                long[i] = true;
                changed = true;
            }
        }
        if !changed {
            break starts;
        }
    };
    let mut code = Code::default();
    for (i, item) in items.iter().enumerate() {
        let at = code.bytes.len();
        let mut named = [
            item.instruction.memory_base(),
            item.instruction.memory_index(),
        ]
        .into_iter();
        if named.any(|register| faults.contains(&register)) {
            code.holes.push((HoleValue::Fault, at));
        }
        match (&pieces[i], &item.flow) {
            (Some(piece), _) => {
                code.bytes.extend(&piece.bytes);
                let holes = piece
                    .holes
                    .iter()
                    .map(|(hole, offset)| (*hole, at + offset));
                code.holes.extend(holes);
                let constants = piece.constants.iter();
                code.constants
                    .extend(constants.map(|(offset, bytes)| (at + offset, bytes.clone())));
            }
            (None, Flow::Inside(target)) => {
                let distance = starts[*target] as i64 - starts[i + 1] as i64;
                code.bytes
                    .extend(jump(&item.instruction, distance, long[i]));
            }
            _ => unreachable!("only jumps inside have no bytes yet"),
        }
    }
    code.starts = starts;
    code
}

/// Where instructions begin, and the end.
fn layout(items: &[Item], pieces: &[Option<Piece>], long: &[bool]) -> Vec<usize> {
    let mut starts = vec![0];
    for (i, item) in items.iter().enumerate() {
        let length = match &pieces[i] {
            Some(piece) => piece.bytes.len(),
            None => jump(&item.instruction, 0, long[i]).len(),
        };
        starts.push(starts[i] + length);
    }
    starts
}

fn condition(instruction: &Instruction) -> Option<u8> {
    match instruction.flow_control() {
        FlowControl::ConditionalBranch => {
            let code = instruction.condition_code();
            assert!(code != ConditionCode::None, "a loop instruction");
            Some(code as u8 - 1)
        }
        _ => None,
    }
}

fn jump(instruction: &Instruction, distance: i64, long: bool) -> Vec<u8> {
    let mut bytes = match (condition(instruction), long) {
        (None, false) => vec![0xeb],
        (None, true) => vec![0xe9],
        (Some(condition), false) => vec![0x70 | condition],
        (Some(condition), true) => vec![0x0f, 0x80 | condition],
    };
    match long {
        true => bytes.extend((distance as i32).to_le_bytes()),
        false => bytes.push(distance as i8 as u8),
    }
    bytes
}

fn piece(encoder: &mut Encoder, item: &Item, map: &Map, name: &str) -> Piece {
    if let Flow::Outside(symbol) = &item.flow {
        let bytes = match item.instruction.flow_control() {
            FlowControl::Call => vec![0xe8, 0, 0, 0, 0],
            _ => jump(&item.instruction, 0, true),
        };
        let offset = bytes.len() - 4;
        return Piece {
            bytes,
            holes: vec![(hole(symbol, 4, name), offset)],
            constants: vec![],
        };
    }
    let mut instruction = rename::instruction(&item.instruction, map);
    if instruction.is_ip_rel_memory_operand() {
        instruction.set_memory_displacement64(0);
    }
    let encoded = encoder.encode(&instruction, 0);
    encoded.unwrap_or_else(|error| panic!("{name}: cannot encode {instruction}: {error}"));
    let mut bytes = encoder.take_buffer();
    let offsets = encoder.get_constant_offsets();
    let mut piece = Piece {
        bytes: vec![],
        holes: vec![],
        constants: vec![],
    };
    let (at, size) = (offsets.displacement_offset(), offsets.displacement_size());
    match &item.displacement {
        Field::Symbol(symbol) => {
            piece.holes.push((hole(symbol, size, name), at));
            bytes[at..at + size].fill(0);
        }
        Field::Constant(constant) => {
            piece.constants.push((at, constant.clone()));
            bytes[at..at + size].fill(0);
        }
        _ => assert!(
            !instruction.is_ip_rel_memory_operand(),
            "{name}: an unknown place in memory"
        ),
    }
    let (at, size) = (offsets.immediate_offset(), offsets.immediate_size());
    match &item.immediate {
        Field::Symbol(symbol) => piece.holes.push((hole(symbol, size, name), at)),
        Field::Magic => {
            bytes[at] = 0;
            piece.holes.push((HoleValue::Imm8, at));
        }
        _ => {}
    }
    piece.bytes = bytes;
    piece
}

fn hole(symbol: &str, size: usize, name: &str) -> HoleValue {
    match (symbol, size) {
        ("SLOT", 1) => HoleValue::Slot8,
        ("SLOT", 4) => HoleValue::Slot32,
        ("IMM", 1) => HoleValue::Imm8,
        ("IMM", 4) => HoleValue::Imm32,
        ("IMM", 8) => HoleValue::Imm64,
        ("DISP", 1) => HoleValue::Disp8,
        ("DISP", 4) => HoleValue::Disp32,
        ("CTX", 4) => HoleValue::Context,
        ("TAKEN", 4) => HoleValue::Taken,
        ("TRAP0", 4) => HoleValue::Trap0,
        ("TRAP1", 4) => HoleValue::Trap1,
        ("CALLEE", 4) => HoleValue::Callee,
        ("TABLE", 4) => HoleValue::Table,
        _ => panic!("{name}: {symbol} in {size} bytes is no hole"),
    }
}

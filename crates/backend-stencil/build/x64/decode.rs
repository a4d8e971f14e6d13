//! Decodes a function and finds what its bytes refer to.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, Register};

use crate::object_file::{Function, Reference, Target};

/// `R_X86_64_64`, `_PC32`, `_PLT32`, `_32`, `_32S`.
const ABS64: u32 = 1;
const PC32: u32 = 2;
const PLT32: u32 = 4;
const ABS32: u32 = 10;
const ABS32S: u32 = 11;

/// Where an instruction may go, other than to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// Nowhere.
    Straight,
    /// To another instruction, or behind the last.
    Inside(usize),
    /// To a continuation other than the next stencil.
    Outside(String),
}

/// What a field of an instruction refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// Nothing.
    None,
    /// A symbol.
    Symbol(String),
    /// A constant in memory.
    Constant(Vec<u8>),
    /// A number that stands for a hole.
    Magic,
}

/// An instruction of a template.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) instruction: Instruction,
    pub(crate) flow: Flow,
    pub(crate) displacement: Field,
    pub(crate) immediate: Field,
}

/// The number that stands for the count of a shift.
pub(crate) const MAGIC: u8 = 19;

/// A function's instructions; the jump to the next stencil at its end is stripped.
pub(crate) fn template(function: &Function, name: &str) -> Vec<Item> {
    let mut decoder = Decoder::with_ip(64, &function.bytes, 0, DecoderOptions::NONE);
    let mut starts = Vec::new();
    let mut items = Vec::new();
    let mut targets = Vec::new();
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        assert!(!instruction.is_invalid(), "{name}: an unknown instruction");
        let offsets = decoder.get_constant_offsets(&instruction);
        if instruction.mnemonic() == Mnemonic::Nop {
            // Padding; a jump to it goes to what is behind it.
            targets.push((at, items.len()));
            continue;
        }
        let end = decoder.position();
        let mut item = Item {
            instruction,
            flow: Flow::Straight,
            displacement: Field::None,
            immediate: Field::None,
        };
        let inside = |r: &&Reference| (at..end).contains(&r.offset);
        for reference in function.references.iter().filter(inside) {
            let offset = reference.offset - at;
            if is_branch(&instruction) {
                item.flow = Flow::Outside(branch(reference, name));
            } else if offsets.has_displacement() && offset == offsets.displacement_offset() {
                item.displacement = displacement(reference, &instruction, end, name);
            } else if offsets.has_immediate() && offset == offsets.immediate_offset() {
                item.immediate = immediate(reference, name);
            } else {
                panic!(
                    "{name}: a reference to {:?} is in no field",
                    reference.target
                );
            }
        }
        targets.push((at, items.len()));
        starts.push(at);
        items.push(item);
    }
    targets.push((function.bytes.len(), items.len()));
    for item in &mut items {
        if is_branch(&item.instruction) && item.flow == Flow::Straight {
            let target = item.instruction.near_branch_target() as usize;
            let found = targets.iter().find(|(at, _)| *at == target);
            let (_, index) = found.unwrap_or_else(|| panic!("{name}: a jump between instructions"));
            item.flow = Flow::Inside(*index);
        }
    }
    break_dependencies(&mut items);
    tidy(items)
}

/// Clears the register of a result that would wait for what was in it before: these instructions keep a
/// part of it. The compiler does so itself only where it knows of a recent use.
fn break_dependencies(items: &mut Vec<Item>) {
    let mut i = 0;
    while i < items.len() {
        let instruction = items[i].instruction;
        let keeps = matches!(
            instruction.code(),
            Code::Sqrtss_xmm_xmmm32
                | Code::Sqrtsd_xmm_xmmm64
                | Code::Cvtss2sd_xmm_xmmm32
                | Code::Cvtsd2ss_xmm_xmmm64
                | Code::Cvtsi2ss_xmm_rm32
                | Code::Cvtsi2ss_xmm_rm64
                | Code::Cvtsi2sd_xmm_rm32
                | Code::Cvtsi2sd_xmm_rm64
        );
        let (to, from) = (instruction.op0_register(), instruction.op1_register());
        if keeps && to != from && !(i > 0 && clears(&items[i - 1].instruction, to)) {
            let clear = Instruction::with2(Code::Xorps_xmm_xmmm128, to, to);
            items.insert(
                i,
                Item {
                    instruction: clear.expect("two float registers"),
                    flow: Flow::Straight,
                    displacement: Field::None,
                    immediate: Field::None,
                },
            );
            for item in items.iter_mut() {
                if let Flow::Inside(target) = &mut item.flow
                    && *target > i
                {
                    *target += 1;
                }
            }
            i += 1;
        }
        i += 1;
    }
}

fn clears(instruction: &Instruction, register: Register) -> bool {
    let clears = matches!(
        instruction.code(),
        Code::Xorps_xmm_xmmm128 | Code::Xorpd_xmm_xmmm128
    );
    clears && instruction.op0_register() == register && instruction.op1_register() == register
}

/// Whether this is a jump or call to a fixed place.
pub(crate) fn is_branch(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch | FlowControl::Call
    )
}

fn branch(reference: &Reference, name: &str) -> String {
    let known = matches!(reference.kind, PC32 | PLT32) && reference.addend == -4;
    assert!(known, "{name}: a jump with an unknown relocation");
    match &reference.target {
        Target::Symbol(symbol) => symbol.clone(),
        Target::Constant { .. } => panic!("{name}: a jump to data"),
    }
}

fn displacement(reference: &Reference, instruction: &Instruction, end: usize, name: &str) -> Field {
    match (&reference.target, reference.kind) {
        (Target::Symbol(symbol), ABS32S) if reference.addend == 0 => Field::Symbol(symbol.clone()),
        (Target::Symbol(symbol), PC32) if reference.addend == -4 => {
            assert_eq!(
                end,
                reference.offset + 4,
                "{name}: a relative hole is not last"
            );
            Field::Symbol(symbol.clone())
        }
        (Target::Constant { section, offset }, PC32) => {
            assert_eq!(
                end,
                reference.offset + 4,
                "{name}: a relative hole is not last"
            );
            let start = (*offset as i64 + reference.addend + 4) as usize;
            let size = instruction.memory_size().size();
            Field::Constant(section[start..start + size].to_vec())
        }
        _ => panic!("{name}: an unknown relocation {reference:?}"),
    }
}

fn immediate(reference: &Reference, name: &str) -> Field {
    let known = matches!(reference.kind, ABS32 | ABS32S | ABS64) && reference.addend == 0;
    match &reference.target {
        Target::Symbol(symbol) if known => Field::Symbol(symbol.clone()),
        _ => panic!("{name}: an unknown relocation {reference:?}"),
    }
}

/// Turns jumps to the next stencil into jumps to the end, and leaves out what that makes superfluous.
fn tidy(mut items: Vec<Item>) -> Vec<Item> {
    let end = items.len();
    for item in &mut items {
        if item.flow == Flow::Outside("NEXT".into()) {
            item.flow = Flow::Inside(end);
        }
    }
    while step(&mut items) {}
    items
}

fn is_jump(item: &Item) -> bool {
    item.instruction.flow_control() == FlowControl::UnconditionalBranch
}

/// One simplification, if there is one.
fn step(items: &mut Vec<Item>) -> bool {
    // A jump to a jump goes where that one goes.
    for i in 0..items.len() {
        if let Flow::Inside(target) = items[i].flow
            && target < items.len()
            && target != i
            && is_jump(&items[target])
            && items[i].flow != items[target].flow
        {
            items[i].flow = items[target].flow.clone();
            return true;
        }
    }
    for i in 0..items.len() {
        let targeted = items.iter().any(|item| item.flow == Flow::Inside(i));
        // A jump to where control goes anyhow, and what no control reaches.
        let idle = is_branch(&items[i].instruction) && items[i].flow == Flow::Inside(i + 1);
        let dead = i > 0 && is_jump(&items[i - 1]) && !targeted;
        if idle || dead {
            remove(items, i);
            return true;
        }
        // A jump around a jump is the opposite condition.
        if i + 1 < items.len()
            && items[i].instruction.flow_control() == FlowControl::ConditionalBranch
            && items[i].flow == Flow::Inside(i + 2)
            && is_jump(&items[i + 1])
            && !items.iter().any(|item| item.flow == Flow::Inside(i + 1))
        {
            items[i].instruction.negate_condition_code();
            items[i].flow = items[i + 1].flow.clone();
            remove(items, i + 1);
            return true;
        }
    }
    false
}

fn remove(items: &mut Vec<Item>, at: usize) {
    items.remove(at);
    for item in items {
        if let Flow::Inside(target) = &mut item.flow
            && *target > at
        {
            *target -= 1;
        }
    }
}

/// Marks the shift whose count is a hole.
pub(crate) fn mark_magic(items: &mut [Item], name: &str) {
    let mut found = 0;
    for item in items {
        let shift = matches!(
            item.instruction.mnemonic(),
            Mnemonic::Shl | Mnemonic::Shr | Mnemonic::Sar | Mnemonic::Rol | Mnemonic::Ror
        );
        if shift && item.instruction.op_count() == 2 && item.instruction.immediate8() == MAGIC {
            item.immediate = Field::Magic;
            found += 1;
        }
    }
    assert_eq!(found, 1, "{name}: the count is in one instruction");
}

/// Makes an instruction with a constant work on fewer bits, or take a short constant or displacement.
pub(crate) struct Narrowing {
    /// The operation is of this many bytes.
    pub(crate) bytes: u32,
    pub(crate) short_immediate: bool,
    pub(crate) short_displacement: bool,
}

impl Narrowing {
    /// Changes the instructions that have holes.
    pub(crate) fn apply(&self, items: &mut [Item], name: &str) {
        for item in items {
            let immediate = matches!(item.immediate, Field::Symbol(_));
            let displacement = matches!(&item.displacement, Field::Symbol(s) if s != "CTX");
            let code = item.instruction.code();
            let is_lea = code == Code::Lea_r64_m;
            let konst = matches!(&item.displacement, Field::Symbol(s) if s == "IMM");
            if immediate || (is_lea && konst) {
                let new = self.code(code);
                let new = new.unwrap_or_else(|| panic!("{name}: cannot narrow {code:?}"));
                if new != code {
                    item.instruction.set_code(new);
                    self.operands(&mut item.instruction);
                }
            }
            let short = match konst {
                true => self.short_immediate,
                false => self.short_displacement,
            };
            if displacement && short {
                item.instruction.set_memory_displ_size(1);
            }
        }
    }

    /// Registers of the right size, and the right kind of immediate.
    fn operands(&self, instruction: &mut Instruction) {
        use iced_x86::OpKind;
        for i in 0..instruction.op_count() {
            match instruction.op_kind(i) {
                OpKind::Register if self.bytes == 4 => {
                    let narrow = instruction.op_register(i).full_register32();
                    instruction.set_op_register(i, narrow);
                }
                OpKind::Register | OpKind::Memory => {}
                _ => {
                    let kind = match (instruction.code(), self.short_immediate, self.bytes) {
                        (Code::Mov_rm8_imm8, ..) => OpKind::Immediate8,
                        (_, true, 4) => OpKind::Immediate8to32,
                        (_, true, _) => OpKind::Immediate8to64,
                        (_, false, 4) => OpKind::Immediate32,
                        (_, false, _) => OpKind::Immediate32to64,
                    };
                    instruction.set_op_kind(i, kind);
                }
            }
        }
    }

    fn code(&self, code: Code) -> Option<Code> {
        // Of 64 bits; of 64 with a short constant, 32, 32 with a short constant.
        const TABLE: [[Code; 4]; 6] = [
            [
                Code::Add_rm64_imm32,
                Code::Add_rm64_imm8,
                Code::Add_rm32_imm32,
                Code::Add_rm32_imm8,
            ],
            [
                Code::And_rm64_imm32,
                Code::And_rm64_imm8,
                Code::And_rm32_imm32,
                Code::And_rm32_imm8,
            ],
            [
                Code::Or_rm64_imm32,
                Code::Or_rm64_imm8,
                Code::Or_rm32_imm32,
                Code::Or_rm32_imm8,
            ],
            [
                Code::Xor_rm64_imm32,
                Code::Xor_rm64_imm8,
                Code::Xor_rm32_imm32,
                Code::Xor_rm32_imm8,
            ],
            [
                Code::Cmp_rm64_imm32,
                Code::Cmp_rm64_imm8,
                Code::Cmp_rm32_imm32,
                Code::Cmp_rm32_imm8,
            ],
            [
                Code::Imul_r64_rm64_imm32,
                Code::Imul_r64_rm64_imm8,
                Code::Imul_r32_rm32_imm32,
                Code::Imul_r32_rm32_imm8,
            ],
        ];
        if self.bytes == 8 && !self.short_immediate {
            return Some(code);
        }
        match (code, self.bytes) {
            (Code::Lea_r64_m, 4) => return Some(Code::Lea_r32_m),
            (Code::Mov_rm64_imm32, 4) => return Some(Code::Mov_rm32_imm32),
            (Code::Mov_rm64_imm32, 1) => return Some(Code::Mov_rm8_imm8),
            (Code::Lea_r64_m | Code::Mov_rm64_imm32, 8) => return Some(code),
            _ => {}
        }
        let row = TABLE.iter().find(|row| row[0] == code)?;
        let column = usize::from(self.short_immediate) + if self.bytes == 4 { 2 } else { 0 };
        Some(row[column])
    }
}

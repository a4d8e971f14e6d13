//! Functions: flat arrays in layout order, immutable once built.
//!
//! ```text
//! blocks   [block0: params v0..v2, insts 0..5] [block1: params v5..v6, insts 5..9] …
//! insts    [16 bytes] [16 bytes] …             in layout order, block after block
//! results  first result of each instruction    v2 v3 - v4 …
//! edges    (block, arguments) …                those of one instruction side by side
//! list     values: arguments of calls, returns and edges
//! ```
//!
//! Invariants of the canonical form, which [`FunctionBuilder`](crate::FunctionBuilder) and the parser
//! establish and everything else relies on:
//! * block *k* is the *k*-th block of the layout, block 0 is the entry and its parameters are those of
//!   the function;
//! * instructions of a block are contiguous, and the last one is its only terminator;
//! * values are numbered in layout order: the parameters of a block, then the results of its
//!   instructions. A walk over the instructions meets results in ascending order.
//!
//! Whether uses are dominated by definitions and types fit is for the verifier to say.

use crate::entity::{Block, Data, Elem, Func, Global, Inst, Memory, Sig, StackSlot, Table, Value};
use crate::ops::{FloatCc, Format, IntCc, Op, Shape};
use crate::trap::TrapCode;
use crate::types::{Scalar, Type};

/// An instruction, 16 bytes.
///
/// | format | `x` | `a`, `b`, `c` |
/// |---|---|---|
/// | `Plain` | | the operands, in order |
/// | `Const` | | `b`, `c`: low and high half of the bits |
/// | `IntCompare`, `FloatCompare` | condition | `a`, `b`: operands |
/// | `Memory` | memory | operands from `a`; `c`: offset |
/// | `Raw` | | operands from `a`; `c`: offset (signed) |
/// | `Stack` | | operand in `a`; `b`: slot; `c`: offset |
/// | `MemoryOnly` | memory | operand in `a` |
/// | `Global` `Func` `Data` `Elem` | | operand in `a`; `b`: the entity |
/// | `Table` | table | operands from `a` |
/// | `MemoryBulk` `MemoryCopy` `MemoryInit` `TableBulk` `TableCopy` `TableInit` | | `a`: start of three operands in the list; `b`, `c`: the entities, in the order of the text |
/// | `Call` | | `a`: function; `b`, `c`: start and length in the list |
/// | `CallIndirect` | table | `a`: signature; `b`, `c`: list, the index first |
/// | `CallRaw` | | `a`: signature; `b`, `c`: list, the pointer first |
/// | `Jump` `Brif` `BrTable` | | `a`: operand; `b`, `c`: start and number of edges; the default edge last |
/// | `Return` | | `b`, `c`: list |
/// | `Trap` `CondTrap` | trap code | `a`: operand |
///
/// Fields without a meaning are zero, so that equality is equality of instructions. `ty` and `ty2` are
/// `T` and `S`, or `I8` where the op has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct InstData {
    /// The operation.
    pub op: Op,
    /// The controlling type `T`.
    pub ty: Type,
    /// The second type `S`.
    pub ty2: Type,
    /// A small immediate.
    pub x: u8,
    /// First word.
    pub a: u32,
    /// Second word.
    pub b: u32,
    /// Third word.
    pub c: u32,
}

const _: () = assert!(size_of::<InstData>() == 16);

impl InstData {
    /// An instruction of this op and type with every other field zero.
    #[inline]
    pub const fn new(op: Op, ty: Type) -> InstData {
        InstData {
            op,
            ty,
            ty2: Type::I8,
            x: 0,
            a: 0,
            b: 0,
            c: 0,
        }
    }

    /// The operand at `index` of a format that keeps operands in `a`, `b`, `c`.
    #[inline]
    pub const fn arg(&self, index: usize) -> Value {
        Value(match index {
            0 => self.a,
            1 => self.b,
            _ => self.c,
        })
    }

    /// The bits of a `Const`.
    #[inline]
    pub const fn imm(&self) -> u64 {
        self.b as u64 | (self.c as u64) << 32
    }

    /// The value of a `Const`.
    pub const fn scalar(&self) -> Scalar {
        Scalar::new(self.ty, self.imm())
    }

    /// The condition of an `IntCompare`; `eq` for a byte that is none, which is never built.
    #[inline]
    pub fn int_cc(&self) -> IntCc {
        IntCc::ALL
            .get(self.x as usize)
            .copied()
            .unwrap_or(IntCc::Eq)
    }

    /// The condition of a `FloatCompare`; `eq` for a byte that is none, which is never built.
    #[inline]
    pub fn float_cc(&self) -> FloatCc {
        FloatCc::ALL
            .get(self.x as usize)
            .copied()
            .unwrap_or(FloatCc::Eq)
    }

    /// The code of a `Trap` or `CondTrap`; `unreachable` for a byte that is none, which is never built.
    #[inline]
    pub fn trap_code(&self) -> TrapCode {
        TrapCode::from_byte(self.x).unwrap_or(TrapCode::Unreachable)
    }

    /// The memory of a `Memory` or `MemoryOnly`, in `x`.
    #[inline]
    pub const fn memory(&self) -> Memory {
        Memory(self.x as u32)
    }

    /// The table of a `Table` or `CallIndirect`, in `x`.
    #[inline]
    pub const fn table(&self) -> Table {
        Table(self.x as u32)
    }

    /// The unsigned offset of a `Memory` or `Stack`.
    #[inline]
    pub const fn offset(&self) -> u32 {
        self.c
    }

    /// The signed offset of a `Raw`.
    #[inline]
    pub const fn raw_offset(&self) -> i32 {
        self.c as i32
    }

    /// The slot of a `Stack`.
    #[inline]
    pub const fn slot(&self) -> StackSlot {
        StackSlot(self.b)
    }

    /// The global of a `Global`.
    #[inline]
    pub const fn global(&self) -> Global {
        Global(self.b)
    }

    /// The function of a `Func` (in `b`) or a `Call` (in `a`).
    #[inline]
    pub fn func(&self) -> Func {
        match self.op.info().format {
            Format::Call => Func(self.a),
            _ => Func(self.b),
        }
    }

    /// The signature of a `CallIndirect` or `CallRaw`.
    #[inline]
    pub const fn sig(&self) -> Sig {
        Sig(self.a)
    }

    /// The segment of a `Data` or `MemoryInit`.
    #[inline]
    pub fn data(&self) -> Data {
        match self.op.info().format {
            Format::MemoryInit => Data(self.c),
            _ => Data(self.b),
        }
    }

    /// The segment of an `Elem` or `TableInit`.
    #[inline]
    pub fn elem(&self) -> Elem {
        match self.op.info().format {
            Format::TableInit => Elem(self.c),
            _ => Elem(self.b),
        }
    }

    /// First and second memory of a bulk format (destination and source of `memory_copy`).
    #[inline]
    pub const fn bulk_memories(&self) -> (Memory, Memory) {
        (Memory(self.b), Memory(self.c))
    }

    /// First and second table of a bulk format (destination and source of `table_copy`).
    #[inline]
    pub const fn bulk_tables(&self) -> (Table, Table) {
        (Table(self.b), Table(self.c))
    }
}

/// An edge: where a branch goes, and the arguments for the parameters of that block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EdgeData {
    /// The target.
    pub block: Block,
    /// Start of the arguments in the list.
    pub start: u32,
    /// Number of arguments.
    pub len: u32,
}

/// A block: its parameters and its instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockData {
    /// The first parameter; the others follow it.
    pub first_param: Value,
    /// Number of parameters.
    pub param_count: u32,
    /// The first instruction.
    pub first_inst: Inst,
    /// One past the last instruction, which is the terminator.
    pub end_inst: Inst,
}

/// A stack slot: zeroed memory that lives as long as the call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StackSlotData {
    /// Size in bytes.
    pub bytes: u32,
    /// Alignment in bytes, a power of two, at most 16.
    pub align: u8,
}

impl StackSlotData {
    /// The greatest alignment that a slot may ask for, in bytes.
    pub const MAX_ALIGN: u8 = 16;
}

/// The body of a function, in canonical form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    pub(crate) blocks: Vec<BlockData>,
    pub(crate) insts: Vec<InstData>,
    /// The first result of each instruction; for one without results, the next value there is.
    pub(crate) results: Vec<Value>,
    pub(crate) value_types: Vec<Type>,
    pub(crate) edges: Vec<EdgeData>,
    pub(crate) list: Vec<Value>,
    pub(crate) slots: Vec<StackSlotData>,
}

impl Function {
    /// Number of blocks. Block 0 is the entry.
    #[inline]
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Number of instructions.
    #[inline]
    pub fn inst_count(&self) -> usize {
        self.insts.len()
    }

    /// Number of values.
    #[inline]
    pub fn value_count(&self) -> usize {
        self.value_types.len()
    }

    /// The blocks in layout order.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = Block> + ExactSizeIterator + use<> {
        (0..self.blocks.len() as u32).map(Block)
    }

    /// The block's record.
    #[inline]
    pub fn block(&self, block: Block) -> &BlockData {
        &self.blocks[block.index()]
    }

    /// The parameters of a block.
    #[inline]
    pub fn params(
        &self,
        block: Block,
    ) -> impl DoubleEndedIterator<Item = Value> + ExactSizeIterator + use<> {
        let data = self.block(block);
        (data.first_param.0..data.first_param.0 + data.param_count).map(Value)
    }

    /// The instructions of a block, the terminator last.
    #[inline]
    pub fn insts(
        &self,
        block: Block,
    ) -> impl DoubleEndedIterator<Item = Inst> + ExactSizeIterator + use<> {
        let data = self.block(block);
        (data.first_inst.0..data.end_inst.0).map(Inst)
    }

    /// The instructions of a block as a slice, for walks that need no numbers.
    #[inline]
    pub fn inst_slice(&self, block: Block) -> &[InstData] {
        let data = self.block(block);
        &self.insts[data.first_inst.index()..data.end_inst.index()]
    }

    /// The terminator of a block.
    #[inline]
    pub fn terminator(&self, block: Block) -> Inst {
        Inst(self.block(block).end_inst.0 - 1)
    }

    /// An instruction.
    #[inline]
    pub fn inst(&self, inst: Inst) -> &InstData {
        &self.insts[inst.index()]
    }

    /// The type of a value.
    #[inline]
    pub fn value_type(&self, value: Value) -> Type {
        self.value_types[value.index()]
    }

    /// The results of an instruction.
    #[inline]
    pub fn results(
        &self,
        inst: Inst,
    ) -> impl DoubleEndedIterator<Item = Value> + ExactSizeIterator + use<> {
        let first = self.results[inst.index()].0;
        (first..self.results_end(inst)).map(Value)
    }

    /// The first result of an instruction that has results.
    #[inline]
    pub fn result(&self, inst: Inst) -> Value {
        self.results[inst.index()]
    }

    /// The first result of each instruction in layout order; for one without results, the number of
    /// the next value there is.
    #[inline]
    pub fn first_results(&self) -> &[Value] {
        &self.results
    }

    /// One past the last result of an instruction: where the next numbered thing begins.
    fn results_end(&self, inst: Inst) -> u32 {
        let next = inst.index() + 1;
        // A terminator has no results, so the next instruction is of the same block and no
        // parameters come between.
        match self.insts[inst.index()].op.ends_block() {
            true => self.results[inst.index()].0,
            false => self.results[next].0,
        }
    }

    /// Operands of an instruction that stand outside its edges, in the order of the text.
    #[inline]
    pub fn operands(&self, inst: &InstData) -> Operands<'_> {
        match inst.op.shape() {
            Shape::List => Operands::List(self.list_slice(inst.b, inst.c).iter()),
            Shape::Bulk => Operands::List(self.list_slice(inst.a, 3).iter()),
            Shape::Inline(count) => Operands::Inline {
                words: [inst.a, inst.b, inst.c],
                next: 0,
                end: count,
            },
        }
    }

    /// The three operands of a bulk format.
    #[inline]
    pub fn bulk_operands(&self, inst: &InstData) -> [Value; 3] {
        let list = self.list_slice(inst.a, 3);
        [list[0], list[1], list[2]]
    }

    /// The operands in the list of a call or return: for `CallIndirect` the index first, for `CallRaw`
    /// the pointer.
    #[inline]
    pub fn list_operands(&self, inst: &InstData) -> &[Value] {
        self.list_slice(inst.b, inst.c)
    }

    /// The edges of a terminator, in the order of the text; none for an instruction without edges.
    #[inline]
    pub fn edges(&self, inst: &InstData) -> &[EdgeData] {
        match inst.op {
            Op::Jump | Op::Brif | Op::BrTable => {
                &self.edges[inst.b as usize..(inst.b + inst.c) as usize]
            }
            _ => &[],
        }
    }

    /// The edges that leave a block.
    #[inline]
    pub fn successors(&self, block: Block) -> &[EdgeData] {
        self.edges(self.inst(self.terminator(block)))
    }

    /// The arguments of an edge.
    #[inline]
    pub fn edge_args(&self, edge: &EdgeData) -> &[Value] {
        self.list_slice(edge.start, edge.len)
    }

    /// The stack slots.
    pub fn stack_slots(&self) -> &[StackSlotData] {
        &self.slots
    }

    #[inline]
    fn list_slice(&self, start: u32, len: u32) -> &[Value] {
        &self.list[start as usize..(start + len) as usize]
    }

    /// Bytes of heap memory that the body occupies, without spare capacity.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&self.blocks[..])
            + size_of_val(&self.insts[..])
            + size_of_val(&self.results[..])
            + size_of_val(&self.value_types[..])
            + size_of_val(&self.edges[..])
            + size_of_val(&self.list[..])
            + size_of_val(&self.slots[..])
    }
}

/// Iterator over the operands of an instruction, see [`Function::operands`].
#[derive(Clone, Debug)]
pub enum Operands<'f> {
    /// Operands in the instruction itself.
    Inline {
        /// The words `a`, `b`, `c`.
        words: [u32; 3],
        /// The next word to yield.
        next: u8,
        /// One past the last word.
        end: u8,
    },
    /// Operands in the list of the function.
    List(std::slice::Iter<'f, Value>),
}

impl Iterator for Operands<'_> {
    type Item = Value;

    #[inline]
    fn next(&mut self) -> Option<Value> {
        match self {
            Operands::Inline { words, next, end } => {
                if next == end {
                    return None;
                }
                let word = words[*next as usize];
                *next += 1;
                Some(Value(word))
            }
            Operands::List(iter) => iter.next().copied(),
        }
    }
}

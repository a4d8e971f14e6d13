//! x86-64: registers, copies, frames, and which method emits which op.
//!
//! | register | for |
//! |---|---|
//! | r14 | the context |
//! | r15 | the base of memory 0 |
//! | rsp | the frame |
//! | r11, xmm14, xmm15 | nobody between two instructions: copies, addresses, constants |
//! | all others | values |
//!
//! Integers stand zero-extended in 64 bits everywhere, so that an index is an address without further ado.
//! No register survives a call but the pinned ones.
//!
//! | module | what |
//! |---|---|
//! | `asm` | encoding |
//! | `operand` | operands in registers, memory and instructions; addresses |
//! | `compare` | conditions: comparisons, branches, selections |
//! | `int`, `bits`, `divide` | integers |
//! | `float`, `convert` | floats |
//! | `memory` | linear memory, the frame, globals, tables |
//! | `call` | calls of all kinds, thunks |

#[allow(
    clippy::useless_conversion,
    reason = "what dynasm! makes of register numbers"
)]
mod asm;
mod bits;
mod call;
mod compare;
mod convert;
mod divide;
mod float;
mod int;
mod memory;
mod operand;

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{Func, InstData, Op, TrapCode, Type, Value};
use dynasmrt::x64::X64Relocation;

use crate::Policy;
use crate::buffer::{Buffer, Label};
use crate::compiler::{Compiler, Shared, constant_of};
use crate::frame::{Frame, FrameKind, PROBE_BYTES};
use crate::location::{Class, Loc, Reg};
use crate::machine::Machine;

pub(crate) use asm::X64;
use asm::{Alu, FrameSize, FrameUse, Mem, RSP, SseBits, Width};

const RAX: Reg = Reg::int(0);
const RCX: Reg = Reg::int(1);
const RDX: Reg = Reg::int(2);
const RBX: Reg = Reg::int(3);
const RSI: Reg = Reg::int(6);
const RDI: Reg = Reg::int(7);
const R8: Reg = Reg::int(8);
const R9: Reg = Reg::int(9);
const R10: Reg = Reg::int(10);
/// The integer register that nobody has.
const SPARE: Reg = Reg::int(11);
/// The context.
const CONTEXT: Reg = Reg::int(14);
/// The base of memory 0.
const MEMORY: Reg = Reg::int(15);
/// Keeps floats of a cycle of moves.
const FLOAT_KEEPER: Reg = Reg::float(14);
/// The float register that nobody has.
const FLOAT_SPARE: Reg = Reg::float(15);

/// The first float registers: those of the platform's convention, too.
const FLOATS: [Reg; 8] = [
    Reg::float(0),
    Reg::float(1),
    Reg::float(2),
    Reg::float(3),
    Reg::float(4),
    Reg::float(5),
    Reg::float(6),
    Reg::float(7),
];

/// Registers of integer arguments of C functions (psABI 1.0, 3.2.3).
const C_ARGS: [Reg; 6] = [RDI, RSI, RDX, RCX, R8, R9];

impl Width {
    /// That of operations on a type.
    #[inline]
    fn of(ty: Type) -> Width {
        match ty {
            Type::I8 | Type::I16 | Type::I32 | Type::F32 => Width::W32,
            Type::I64 | Type::F64 => Width::W64,
        }
    }
}

/// A compiler for this target.
type X64Compiler<'c> = Compiler<'c, X64>;

impl Machine for X64 {
    type Relocation = X64Relocation;
    type Condition = compare::Condition;

    const POOL: u64 = 0x3fff_0000_37ef;
    const FILLER: u8 = 0xcc;
    const ARGS: [&'static [Reg]; 2] = [&[RDI, RSI, RDX, RCX, R8, R9, RAX, R10], &FLOATS];
    const RESULTS: [&'static [Reg]; 2] = [&[RAX, RDX, RCX, RSI, RDI, R8, R9, R10], &FLOATS];

    fn is_call(op: Op, policy: &Policy) -> bool {
        match op {
            Op::Ceil | Op::Floor | Op::Trunc | Op::Nearest => !policy.features.sse41,
            Op::Fma => !policy.features.fma,
            // What is asked of is a call on some target.
            _ => true,
        }
    }

    fn buffer(&mut self) -> &mut Buffer<X64> {
        &mut self.buffer
    }

    fn link(code: &mut [u8], at: u32, target: u32) {
        // The distance is the last word of the instruction, and counts from behind it.
        let distance = target as i32 - at as i32;
        code[at as usize - 4..at as usize].copy_from_slice(&distance.to_le_bytes());
    }

    fn can_fold(
        compiler: &X64Compiler<'_>,
        data: &InstData,
        into: &InstData,
        operand: usize,
    ) -> bool {
        operand::can_fold(compiler, data, into, operand)
    }

    fn begin_block(&mut self) {
        self.zero_flag = None;
    }

    fn copy(compiler: &mut X64Compiler<'_>, to: Loc, from: Loc) {
        compiler.copy(to, from);
    }

    fn inst(compiler: &mut X64Compiler<'_>, data: &InstData, result: Value) {
        compiler.emit(data, result);
    }

    fn leave(compiler: &mut X64Compiler<'_>, data: &InstData) {
        compiler.emit_leave(data);
    }

    fn test(compiler: &mut X64Compiler<'_>, condition: Value) -> compare::Condition {
        compiler.condition(condition)
    }

    fn branch_if(&mut self, condition: compare::Condition, target: Label) {
        self.branch_on(condition, target);
    }

    fn inverse(condition: compare::Condition) -> compare::Condition {
        condition.inverse()
    }

    fn jump(&mut self, target: Label) {
        self.jmp(target);
    }

    fn trap(&mut self, code: TrapCode) {
        self.buffer.fault(code);
        self.ud2();
    }

    fn select_edge(&mut self, index: Reg, temporary: Reg, targets: &[Label], default: Label) {
        self.alu_imm(Alu::Cmp, Width::W32, index, targets.len() as i32);
        let outside = match faults::on(Fault::DynasmSelectorSigned) {
            true => asm::Cc::Ge,
            false => asm::Cc::Ae,
        };
        self.jcc(outside, default);
        self.lea_table(temporary, targets);
        let entry = Mem::Index(temporary, index, 4, 0);
        self.load_narrow(asm::Narrow::S32, Width::W64, SPARE, entry);
        self.alu(Alu::Add, Width::W64, SPARE, temporary);
        self.jmp_reg(SPARE);
    }

    fn enter(&mut self, frame: &Frame) {
        self.frame_sizes.clear();
        (self.keep_flags, self.zero_flag) = (false, None);
        self.has_frame = frame.kind != FrameKind::Leaf;
        if frame.kind == FrameKind::Probed {
            self.probe();
        }
        self.adjust_frame(Alu::Sub);
        let (start, end) = frame.zeroed;
        if start < end {
            self.zero_frame(start, end);
        }
    }

    fn end_function(&mut self, frame_bytes: i32) {
        self.buffer.end_function();
        for FrameSize { at, kind } in self.frame_sizes.drain(..) {
            let size = match kind {
                FrameUse::Adjust => frame_bytes,
                FrameUse::Negated => -frame_bytes,
            };
            self.buffer.patch(at - 4, size as u32);
        }
    }

    fn entry(shared: &Shared<'_>, func: Func, machine: &mut X64) {
        call::entry(shared, func, machine);
    }

    fn import(shared: &Shared<'_>, func: Func, machine: &mut X64) {
        call::import(shared, func, machine);
    }

    fn guard(&mut self) {
        self.frame_sizes.clear();
        self.ud2();
        self.end_function(0);
    }
}

impl X64 {
    /// Adds the size of the frame to the stack pointer, or takes it off.
    fn adjust_frame(&mut self, op: Alu) {
        if !self.has_frame {
            return;
        }
        debug_assert!(!self.buffer.in_cold(), "who returns is not rare");
        // Large enough that the assembler does not choose the short form.
        self.alu_imm(op, Width::W64, RSP, i32::MAX);
        let at = self.buffer.len();
        let kind = FrameUse::Adjust;
        self.frame_sizes.push(FrameSize { at, kind });
    }

    /// Touches every page that the frame takes, from the stack pointer down, and last its lowest byte.
    fn probe(&mut self) {
        let (again, done) = (self.buffer.label(), self.buffer.label());
        self.mov_imm(SPARE, 0);
        self.buffer.bind(again);
        self.alu_imm(Alu::Sub, Width::W64, SPARE, PROBE_BYTES);
        self.alu_imm(Alu::Cmp, Width::W64, SPARE, i32::MAX);
        self.note_negated_size();
        self.jcc(asm::Cc::Le, done);
        self.touch(Mem::Index(RSP, SPARE, 1, 0));
        self.jmp(again);
        self.buffer.bind(done);
        self.mov_imm(SPARE, i32::MIN as i64 as u64);
        self.note_negated_size();
        self.touch(Mem::Index(RSP, SPARE, 1, 0));
    }

    fn note_negated_size(&mut self) {
        let at = self.buffer.len();
        let kind = FrameUse::Negated;
        self.frame_sizes.push(FrameSize { at, kind });
    }

    /// An access that changes nothing; a fault means that the stack is exhausted.
    fn touch(&mut self, mem: Mem) {
        self.alu_imm_to_mem(Alu::Cmp, Width::W32, mem, 0);
    }

    /// Zeros the stack slots.
    fn zero_frame(&mut self, start: i32, end: i32) {
        const UNROLLED_BYTES: i32 = 128;
        self.sse_bits(SseBits::Xor, FLOAT_SPARE, FLOAT_SPARE);
        // The end is a multiple of 8, and what is behind it in the frame is written later.
        let steps = (end - start + 15) / 16;
        if end - start <= UNROLLED_BYTES {
            for step in 0..steps {
                self.store_zeros(Mem::Base(RSP, start + 16 * step), end - start - 16 * step);
            }
            return;
        }
        let whole = (end - start) & !15;
        let again = self.buffer.label();
        self.mov_imm(SPARE, -i64::from(whole) as u64);
        self.buffer.bind(again);
        self.store_16(Mem::Index(RSP, SPARE, 1, start + whole), FLOAT_SPARE);
        self.alu_imm(Alu::Add, Width::W64, SPARE, 16);
        self.jcc(asm::Cc::Ne, again);
        if start + whole < end {
            self.store_zeros(Mem::Base(RSP, start + whole), end - start - whole);
        }
    }

    /// Stores 16 zeros, or 8 if there are no more.
    fn store_zeros(&mut self, mem: Mem, left: i32) {
        match left {
            16.. => self.store_16(mem, FLOAT_SPARE),
            _ => self.store_float(Width::W64, mem, FLOAT_SPARE),
        }
    }
}

impl X64Compiler<'_> {
    /// The slot of a value in memory.
    fn slot(&self, slot: u32) -> Mem {
        Mem::Base(RSP, self.frame.slot(slot))
    }

    /// A field of the context.
    fn context(&self, at: u32) -> Mem {
        Mem::Base(CONTEXT, at as i32)
    }

    /// Copies a value of 64 bits. Flags stay as they are where they are needed. From memory to memory by way of registers that
    /// no value lives in.
    fn copy(&mut self, to: Loc, from: Loc) {
        let from = match from {
            Loc::Slot(slot) => return self.load_from(to, self.slot(slot)),
            Loc::Passed(at) => return self.load_from(to, self.context(at)),
            Loc::Made(inst) => return self.make(to, inst),
            Loc::Reg(reg) => reg,
            Loc::Spare(Class::Int) => SPARE,
            Loc::Spare(Class::Float) => FLOAT_KEEPER,
        };
        let to = match to {
            Loc::Reg(to) => to,
            Loc::Spare(Class::Int) => SPARE,
            Loc::Spare(Class::Float) => FLOAT_KEEPER,
            Loc::Slot(slot) => return self.store_to(self.slot(slot), from),
            Loc::Passed(at) => return self.store_to(self.context(at), from),
            Loc::Made(_) => return debug_assert!(false, "nothing is written there"),
        };
        match (to.class(), from.class()) {
            (Class::Int, Class::Int) => self.asm.mov(Width::W64, to, from),
            (Class::Float, Class::Float) => self.asm.movaps(to, from),
            (Class::Float, Class::Int) => self.asm.movq_to_float(Width::W64, to, from),
            (Class::Int, Class::Float) => self.asm.movq_to_int(Width::W64, to, from),
        }
    }

    fn store_to(&mut self, mem: Mem, from: Reg) {
        match from.class() {
            Class::Int => self.asm.store(8, mem, from),
            Class::Float => self.asm.store_float(Width::W64, mem, from),
        }
    }

    fn load_from(&mut self, to: Loc, mem: Mem) {
        let to = match to {
            Loc::Reg(to) => to,
            Loc::Spare(Class::Int) => SPARE,
            Loc::Spare(Class::Float) => FLOAT_KEEPER,
            Loc::Slot(_) | Loc::Passed(_) | Loc::Made(_) => {
                // The integer register may keep a value of a cycle.
                self.asm.load_float(Width::W64, FLOAT_SPARE, mem);
                return self.copy(to, Loc::Reg(FLOAT_SPARE));
            }
        };
        match to.class() {
            Class::Int => self.asm.load(Width::W64, to, mem),
            Class::Float => self.asm.load_float(Width::W64, to, mem),
        }
    }

    /// Makes what an instruction makes out of nothing.
    fn make(&mut self, to: Loc, inst: u32) {
        let data = *self.function.inst(bakeoff_ir::Inst(inst));
        let Some(bits) = constant_of(&data) else {
            let at = self.stack_slot(&data);
            let via = match to {
                Loc::Reg(reg) if reg.class() == Class::Int => reg,
                _ => SPARE,
            };
            self.asm.lea(Width::W64, via, Mem::Base(RSP, at));
            if to != Loc::Reg(via) {
                self.copy(to, Loc::Reg(via));
            }
            return;
        };
        match to {
            Loc::Reg(reg) if reg.class() == Class::Int => match bits {
                0 if !self.asm.keep_flags => self.asm.zero(reg),
                _ => self.asm.mov_imm(reg, bits),
            },
            Loc::Reg(reg) => self.float_constant(reg, data.ty, bits),
            Loc::Slot(_) | Loc::Passed(_) | Loc::Spare(_) | Loc::Made(_) => {
                let mem = match to {
                    Loc::Slot(slot) => self.slot(slot),
                    Loc::Passed(at) => self.context(at),
                    _ => return debug_assert!(false, "a constant is in no cycle"),
                };
                match i32::try_from(bits as i64) {
                    Ok(short) => self.asm.store_imm(8, mem, short),
                    Err(_) => {
                        self.asm.mov_imm(SPARE, bits);
                        self.asm.store(8, mem, SPARE);
                    }
                }
            }
        }
    }

    /// A float constant; flags stay as they are.
    fn float_constant(&mut self, to: Reg, ty: Type, bits: u64) {
        if bits == 0 {
            return self.asm.sse_bits(SseBits::Xor, to, to);
        }
        let constant = self.asm.buffer.constant(bits);
        self.asm
            .load_float(Width::of(ty), to, Mem::Constant(constant));
    }

    /// The offset in the frame of what an instruction names in a stack slot.
    fn stack_slot(&self, data: &InstData) -> i32 {
        self.frame.stack_slots[data.slot().index()] + data.offset() as i32
    }

    /// Branches to a place that traps, if a condition holds.
    fn trap_if(&mut self, cc: asm::Cc, code: TrapCode) {
        let label = self.asm.buffer.trap_label(code);
        self.asm.jcc(cc, label);
    }

    /// Emits an instruction that is no terminator.
    fn emit(&mut self, data: &InstData, result: Value) {
        match data.op {
            Op::Iadd => self.emit_add(data, result),
            Op::Isub => self.emit_sub(data, result),
            Op::Band | Op::Bor | Op::Bxor => self.emit_bitwise(data, result),
            Op::Imul => self.emit_mul(data, result),
            Op::Ineg | Op::Bnot => self.emit_negation(data, result),
            Op::Iabs => self.emit_abs(data, result),
            Op::Smin | Op::Smax | Op::Umin | Op::Umax => self.emit_min_max(data, result),
            Op::Smulhi | Op::Umulhi => self.emit_mul_high(data, result),
            Op::Sdiv | Op::Udiv | Op::Srem | Op::Urem => self.emit_division(data, result),
            Op::SaddOverflow | Op::UaddOverflow | Op::SsubOverflow | Op::UsubOverflow => {
                self.emit_add_overflow(data, result);
            }
            Op::SmulOverflow | Op::UmulOverflow => self.emit_mul_overflow(data, result),
            Op::Ishl | Op::Ushr | Op::Sshr => self.emit_shift(data, result),
            Op::Rotl | Op::Rotr => self.emit_rotation(data, result),
            Op::Clz | Op::Ctz => self.emit_zeros(data, result),
            Op::Popcnt => self.emit_popcnt(data, result),
            Op::Bitrev => self.emit_bitrev(data, result),
            Op::Bswap => self.emit_bswap(data, result),
            Op::Icmp | Op::Fcmp => self.emit_comparison(data, result),
            Op::Select => self.emit_select(data, result),
            Op::Sextend | Op::Uextend | Op::Ireduce => self.emit_extension(data, result),
            Op::Bitcast => self.emit_bitcast(data, result),
            Op::Fpromote | Op::Fdemote | Op::Sqrt => self.emit_float_unary(data, result),
            Op::FcvtFromSint | Op::FcvtFromUint => self.emit_from_int(data, result),
            Op::FcvtToSint | Op::FcvtToUint => self.emit_to_int(data, result),
            Op::FcvtToSintSat | Op::FcvtToUintSat => self.emit_to_int_sat(data, result),
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv => self.emit_float_arithmetic(data, result),
            Op::Fmin | Op::Fmax => self.emit_float_min_max(data, result),
            Op::Copysign => self.emit_copysign(data, result),
            Op::Fneg | Op::Fabs => self.emit_float_sign(data, result),
            Op::Ceil | Op::Floor | Op::Trunc | Op::Nearest => self.emit_rounding(data, result),
            Op::Fma => self.emit_fma(data, result),
            Op::Load | Op::Sload | Op::Uload => self.emit_load(data, result),
            Op::Store | Op::Istore => self.emit_store(data),
            Op::StackLoad | Op::RawLoad | Op::GlobalGet => self.emit_plain_load(data, result),
            Op::StackStore | Op::RawStore | Op::GlobalSet => self.emit_plain_store(data),
            Op::MemorySize => self.emit_memory_size(data, result),
            Op::TableGet => self.emit_table_get(data, result),
            Op::TableSet => self.emit_table_set(data),
            Op::TableSize => self.emit_table_size(data, result),
            Op::MemoryGrow
            | Op::MemoryFill
            | Op::MemoryCopy
            | Op::MemoryInit
            | Op::DataDrop
            | Op::TableGrow
            | Op::TableFill
            | Op::TableCopy
            | Op::TableInit
            | Op::ElemDrop => self.emit_runtime_op(data, result),
            Op::Call | Op::CallIndirect => self.emit_call(data, result),
            Op::CallRaw => self.emit_foreign_call(data, result),
            Op::Trapz | Op::Trapnz => self.emit_cond_trap(data),
            Op::Iconst | Op::Fconst | Op::RefFunc | Op::StackAddr => {
                unreachable!("{} is made where it is wanted", data.op)
            }
            Op::Jump
            | Op::Brif
            | Op::BrTable
            | Op::Return
            | Op::ReturnCall
            | Op::ReturnCallIndirect
            | Op::Trap => unreachable!("{} ends a block", data.op),
        }
    }

    /// Emits a terminator without edges.
    fn emit_leave(&mut self, data: &InstData) {
        match data.op {
            Op::Trap => self.asm.trap(data.trap_code()),
            Op::Return => {
                let values = self.function.list_operands(data);
                self.pass(values, X64::RESULTS);
                self.asm.adjust_frame(Alu::Add);
                self.asm.ret();
            }
            Op::ReturnCall | Op::ReturnCallIndirect => self.emit_tail_call(data),
            other => unreachable!("{other} has edges, or does not end a block"),
        }
    }
}

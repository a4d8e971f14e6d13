//! Conditions, branches and calls.

use bakeoff_faults::{self as faults, Fault};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, VecAssembler, dynasm};

use super::{Cc, Mem, Width, X64};
use crate::buffer::Label;
use crate::location::Reg;

impl X64 {
    /// 1 or 0 in the low 8 bits of a register; the others stay.
    pub(crate) fn setcc(&mut self, cc: Cc, to: Reg) {
        let to = to.number();
        macro_rules! emit {
            ($name:ident) => {
                x64!(self; $name Rb(to))
            };
        }
        by_condition!(cc, emit, [
            O seto, No setno, B setb, Ae setae, E sete, Ne setne, Be setbe, A seta,
            S sets, Ns setns, P setp, Np setnp, L setl, Ge setge, Le setle, G setg,
        ]);
    }

    /// `to = from` if a condition holds.
    pub(crate) fn cmov(&mut self, cc: Cc, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        macro_rules! emit {
            ($name:ident) => {
                match width {
                    Width::W32 => x64!(self; $name Rd(to), Rd(from)),
                    Width::W64 => x64!(self; $name Rq(to), Rq(from)),
                }
            };
        }
        by_condition!(cc, emit, [
            O cmovo, No cmovno, B cmovb, Ae cmovae, E cmove, Ne cmovne, Be cmovbe, A cmova,
            S cmovs, Ns cmovns, P cmovp, Np cmovnp, L cmovl, Ge cmovge, Le cmovle, G cmovg,
        ]);
    }

    /// A branch if a condition holds; two bytes where that reaches.
    pub(crate) fn jcc(&mut self, cc: Cc, target: Label) {
        if let Some(back) = self.short_distance(target, 2) {
            macro_rules! emit {
                ($name:ident) => {
                    x64!(self; $name BYTE back)
                };
            }
            return by_condition!(cc, emit, [
                O jo, No jno, B jb, Ae jae, E je, Ne jne, Be jbe, A ja,
                S js, Ns jns, P jp, Np jnp, L jl, Ge jge, Le jle, G jg,
            ]);
        }
        macro_rules! emit {
            ($name:ident) => {
                x64!(self; $name DWORD 0)
            };
        }
        by_condition!(cc, emit, [
            O jo, No jno, B jb, Ae jae, E je, Ne jne, Be jbe, A ja,
            S js, Ns jns, P jp, Np jnp, L jl, Ge jge, Le jle, G jg,
        ]);
        self.buffer.branch(target);
    }

    /// A branch.
    pub(crate) fn jmp(&mut self, target: Label) {
        if let Some(back) = self.short_distance(target, 2) {
            return x64!(self; jmp BYTE back);
        }
        x64!(self; jmp DWORD 0);
        self.buffer.branch(target);
    }

    /// The distance to a label in 8 bits, from behind an instruction of so many bytes.
    fn short_distance(&self, target: Label, len: usize) -> Option<i8> {
        let back = self.buffer.distance_back(target)?;
        if faults::on(Fault::DynasmShortReach) && back <= 128 {
            return Some(-((back + len) as i64) as i8);
        }
        i8::try_from(-((back + len) as i64)).ok()
    }

    // ---- Calls -----------------------------------------------------------------------------------

    pub(crate) fn jmp_reg(&mut self, reg: Reg) {
        let reg = reg.number();
        x64!(self; jmp Rq(reg));
    }

    pub(crate) fn call_reg(&mut self, reg: Reg) {
        let reg = reg.number();
        x64!(self; call Rq(reg));
    }

    pub(crate) fn call_mem(&mut self, mem: Mem) {
        with_mem!(self, mem, [call QWORD] []);
    }

    /// Calls a function of the module.
    pub(crate) fn call_func(&mut self, func: u32) {
        x64!(self; call DWORD 0);
        self.buffer.call(func);
    }

    /// Goes on in a function of the module.
    pub(crate) fn jmp_func(&mut self, func: u32) {
        x64!(self; jmp DWORD 0);
        self.buffer.call(func);
    }

    pub(crate) fn ret(&mut self) {
        x64!(self; ret);
    }

    pub(crate) fn push(&mut self, reg: Reg) {
        let reg = reg.number();
        x64!(self; push Rq(reg));
    }

    pub(crate) fn pop(&mut self, reg: Reg) {
        let reg = reg.number();
        x64!(self; pop Rq(reg));
    }

    /// An instruction that faults.
    pub(crate) fn ud2(&mut self) {
        x64!(self; ud2);
    }

    /// The address of a table that is still to be placed.
    pub(crate) fn lea_table(&mut self, to: Reg, entries: &[Label]) {
        let to = to.number();
        x64!(self; lea Rq(to), [rip + 0]);
        self.buffer.table(entries);
    }
}

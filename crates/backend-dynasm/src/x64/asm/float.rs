//! Floats: moves, arithmetic, conversions.

use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, VecAssembler, dynasm};

use super::{Mem, Rounding, Sse, SseBits, Width, X64};
use crate::location::Reg;

impl X64 {
    /// `to = from`.
    pub(crate) fn movaps(&mut self, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        x64!(self; movaps Rx(to), Rx(from));
    }

    /// The bits of an integer register.
    pub(crate) fn movq_to_float(&mut self, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match width {
            Width::W32 => x64!(self; movd Rx(to), Rd(from)),
            Width::W64 => x64!(self; movq Rx(to), Rq(from)),
        }
    }

    /// The bits of a float register.
    pub(crate) fn movq_to_int(&mut self, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match width {
            Width::W32 => x64!(self; movd Rd(to), Rx(from)),
            Width::W64 => x64!(self; movq Rq(to), Rx(from)),
        }
    }

    pub(crate) fn load_float(&mut self, width: Width, to: Reg, mem: Mem) {
        let to = to.number();
        match width {
            Width::W32 => with_mem!(self, mem, [movss Rx(to), DWORD] []),
            Width::W64 => with_mem!(self, mem, [movsd Rx(to), QWORD] []),
        }
    }

    pub(crate) fn store_float(&mut self, width: Width, mem: Mem, from: Reg) {
        let from = from.number();
        match width {
            Width::W32 => with_mem!(self, mem, [movss DWORD] [, Rx(from)]),
            Width::W64 => with_mem!(self, mem, [movsd QWORD] [, Rx(from)]),
        }
    }

    /// Stores 16 bytes at any address.
    pub(crate) fn store_16(&mut self, mem: Mem, from: Reg) {
        let from = from.number();
        with_mem!(self, mem, [movups OWORD] [, Rx(from)]);
    }

    /// `to = to op from`, or `to = op from`.
    pub(crate) fn sse(&mut self, op: Sse, width: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        macro_rules! emit {
            ($name:ident) => {
                x64!(self; $name Rx(to), Rx(from))
            };
        }
        sse!(op, width, emit);
    }

    /// The same with the second operand in memory.
    pub(crate) fn sse_mem(&mut self, op: Sse, width: Width, to: Reg, mem: Mem) {
        let to = to.number();
        macro_rules! emit {
            ($name:ident) => {
                with_mem!(self, mem, [$name Rx(to),] [])
            };
        }
        sse!(op, width, emit);
    }

    /// A bitwise operation on whole registers.
    pub(crate) fn sse_bits(&mut self, op: SseBits, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match op {
            SseBits::And => x64!(self; andps Rx(to), Rx(from)),
            SseBits::Andn => x64!(self; andnps Rx(to), Rx(from)),
            SseBits::Or => x64!(self; orps Rx(to), Rx(from)),
            SseBits::Xor => x64!(self; xorps Rx(to), Rx(from)),
        }
    }

    /// SSE 4.1: rounds to an integral value.
    pub(crate) fn round(&mut self, rounding: Rounding, width: Width, to: Reg, from: Reg) {
        let (to, from, how) = (to.number(), from.number(), rounding as i8);
        match width {
            Width::W32 => x64!(self; roundss Rx(to), Rx(from), BYTE how),
            Width::W64 => x64!(self; roundsd Rx(to), Rx(from), BYTE how),
        }
    }

    /// FMA: `to = x * to + y`.
    pub(crate) fn fma(&mut self, width: Width, to: Reg, x: Reg, y: Reg) {
        let (to, x, y) = (to.number(), x.number(), y.number());
        match width {
            Width::W32 => x64!(self; vfmadd213ss Rx(to), Rx(x), Rx(y)),
            Width::W64 => x64!(self; vfmadd213sd Rx(to), Rx(x), Rx(y)),
        }
    }

    /// A signed integer of a width as a float of another.
    pub(crate) fn int_to_float(&mut self, int: Width, float: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match (int, float) {
            (Width::W32, Width::W32) => x64!(self; cvtsi2ss Rx(to), Rd(from)),
            (Width::W64, Width::W32) => x64!(self; cvtsi2ss Rx(to), Rq(from)),
            (Width::W32, Width::W64) => x64!(self; cvtsi2sd Rx(to), Rd(from)),
            (Width::W64, Width::W64) => x64!(self; cvtsi2sd Rx(to), Rq(from)),
        }
    }

    /// A float of a width as a signed integer of another, towards zero; the least integer if it does not
    /// fit.
    pub(crate) fn float_to_int(&mut self, int: Width, float: Width, to: Reg, from: Reg) {
        let (to, from) = (to.number(), from.number());
        match (int, float) {
            (Width::W32, Width::W32) => x64!(self; cvttss2si Rd(to), Rx(from)),
            (Width::W32, Width::W64) => x64!(self; cvttsd2si Rd(to), Rx(from)),
            (Width::W64, Width::W32) => x64!(self; cvttss2si Rq(to), Rx(from)),
            (Width::W64, Width::W64) => x64!(self; cvttsd2si Rq(to), Rx(from)),
        }
    }
}

//! Division. By a constant it is a multiplication with the reciprocal (T. Granlund, P. L. Montgomery,
//! "Division by Invariant Integers using Multiplication", PLDI 1994); by anything else the instruction, with
//! explicit checks before it.

use bakeoff_faults::{self as faults, Fault};
use bakeoff_ir::{InstData, Op, TrapCode, Type, Value};

use super::asm::{Alu, Cc, Shift, Unary, Width};
use super::int::{sign_extension, zero_extension};
use super::{RAX, RDX, SPARE, X64Compiler};
use crate::location::{Class, Reg};

/// How an unsigned division by a constant goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unsigned {
    /// The high half of the product with `factor`, shifted to the right.
    Simple { factor: u64, shift: u32 },
    /// The factor has one bit more: with `h` that high half, `(h + (x - h) / 2) >> shift`.
    Long { factor: u64, shift: u32 },
}

/// The reciprocal of a divisor that is neither 0 nor a power of two; of N = `bits` bits.
fn unsigned_reciprocal(bits: u32, divisor: u64) -> Unsigned {
    let divisor = u128::from(divisor);
    let length = 128 - (divisor - 1).leading_zeros();
    for shift in 0..length {
        // The factor is rounded up; what that adds must not reach the next quotient.
        let power = 1u128 << (bits + shift);
        let factor = power.div_ceil(divisor);
        if factor >> bits == 0 && factor * divisor - power <= 1 << shift {
            let factor = factor as u64;
            return Unsigned::Simple { factor, shift };
        }
    }
    let factor = ((1u128 << bits) * ((1 << length) - divisor) / divisor + 1) as u64;
    let shift = length - 1;
    Unsigned::Long { factor, shift }
}

/// The factor of N bits and the shift behind the high half of the product, for a signed division by a
/// positive constant that is no power of two.
fn signed_reciprocal(bits: u32, divisor: u64) -> (u64, u32) {
    let length = 64 - (divisor - 1).leading_zeros();
    let down = (1u128 << (bits + length - 1)) / u128::from(divisor);
    let factor = match faults::on(Fault::DynasmReciprocalDown) {
        true => down,
        false => down + 1,
    };
    (factor as u64, length - 1)
}

impl X64Compiler<'_> {
    pub(super) fn emit_division(&mut self, data: &InstData, result: Value) {
        let is_signed = matches!(data.op, Op::Sdiv | Op::Srem);
        let wants_rest = matches!(data.op, Op::Srem | Op::Urem);
        let divisor = match data.ty {
            Type::I32 | Type::I64 if self.shared.policy.fusion => self.constant(data.arg(1)),
            _ => None,
        };
        if let Some(bits) = divisor {
            let signed = bakeoff_ir::sign_extend(data.ty, bits);
            let least = i64::MIN >> (64 - data.ty.bits());
            match is_signed {
                true if !matches!(signed, -1..=1) && signed != least => {
                    return self.divide_signed(data, result, signed, wants_rest);
                }
                false if bits > 1 => return self.divide_unsigned(data, result, bits, wants_rest),
                _ => {}
            }
        }
        match data.ty {
            Type::I8 | Type::I16 => self.divide_narrow(data, result, is_signed, wants_rest),
            _ => self.divide(data, result, is_signed, wants_rest),
        }
    }

    /// By the instruction, which has its operands in rdx:rax and its results in rax and rdx.
    fn divide(&mut self, data: &InstData, result: Value, is_signed: bool, wants_rest: bool) {
        let width = Width::of(data.ty);
        self.put_in(data.arg(0), RAX);
        self.clear(RDX);
        let divisor = self.use_reg(data.arg(1));
        self.asm.test(width, divisor, divisor);
        self.trap_if(Cc::E, TrapCode::IntegerDivisionByZero);
        if !is_signed {
            self.asm.zero(RDX);
            self.asm.unary(Unary::Div, width, divisor);
            return self.define_in(result, if wants_rest { RDX } else { RAX });
        }
        let (usual, done) = (self.asm.buffer.label(), self.asm.buffer.label());
        self.asm.alu_imm(Alu::Cmp, width, divisor, -1);
        self.asm.jcc(Cc::Ne, usual);
        if wants_rest {
            self.asm.zero(RDX);
            self.asm.jmp(done);
        } else {
            // Only the least value less one overflows.
            self.asm.alu_imm(Alu::Cmp, width, RAX, 1);
            self.trap_if(Cc::O, TrapCode::IntegerOverflow);
        }
        self.asm.buffer.bind(usual);
        self.asm.sign_to_rdx(width);
        self.asm.unary(Unary::Idiv, width, divisor);
        self.asm.buffer.bind(done);
        self.define_in(result, if wants_rest { RDX } else { RAX });
    }

    /// In 32 bits, where the quotient of the least value and -1 fits.
    fn divide_narrow(&mut self, data: &InstData, result: Value, is_signed: bool, wants_rest: bool) {
        let width = Width::W32;
        self.put_in(data.arg(0), RAX);
        self.clear(RDX);
        let from = self.use_reg(data.arg(1));
        let divisor = self.temporary(Class::Int);
        match sign_extension(data.ty).filter(|_| is_signed) {
            Some(narrow) => {
                self.asm.extend(narrow, width, divisor, from);
                if !(faults::on(Fault::DynasmDividendUnsigned) && data.ty == Type::I16) {
                    self.asm.extend(narrow, width, RAX, RAX);
                }
            }
            None => self.asm.mov(width, divisor, from),
        }
        self.asm.test(width, divisor, divisor);
        self.trap_if(Cc::E, TrapCode::IntegerDivisionByZero);
        if is_signed {
            self.asm.sign_to_rdx(width);
            self.asm.unary(Unary::Idiv, width, divisor);
        } else {
            self.asm.zero(RDX);
            self.asm.unary(Unary::Div, width, divisor);
        }
        let overflows = !(faults::on(Fault::DynasmQuotientUnchecked) && data.ty == Type::I8);
        if is_signed && !wants_rest && overflows {
            self.asm
                .alu_imm(Alu::Cmp, width, RAX, 1 << (data.ty.bits() - 1));
            self.trap_if(Cc::E, TrapCode::IntegerOverflow);
        }
        let reg = if wants_rest { RDX } else { RAX };
        if let Some(narrow) = zero_extension(data.ty) {
            self.asm.extend(narrow, width, reg, reg);
        }
        self.define_in(result, reg);
    }

    // ---- By constants ----------------------------------------------------------------------------

    fn divide_unsigned(&mut self, data: &InstData, result: Value, divisor: u64, wants_rest: bool) {
        let (width, x) = (Width::of(data.ty), data.arg(0));
        if divisor.is_power_of_two() {
            let to = self.define_over(result, x);
            match wants_rest {
                true => self.and_bits(width, to, divisor - 1),
                false => {
                    let shift = divisor.trailing_zeros() as u8;
                    self.asm.shift_imm(Shift::Shr, width, to, shift);
                }
            }
            return;
        }
        let reciprocal = unsigned_reciprocal(data.ty.bits(), divisor);
        let (factor, shift) = match reciprocal {
            Unsigned::Simple { factor, shift } | Unsigned::Long { factor, shift } => {
                (factor, shift)
            }
        };
        let is_long = matches!(reciprocal, Unsigned::Long { .. });
        let (x, high) = match data.ty {
            Type::I32 => {
                let x = self.use_reg(x);
                let high = self.temporary(Class::Int);
                self.asm.mov_imm(high, factor);
                self.asm.imul(Width::W64, high, x);
                let rest = if is_long { 0 } else { shift };
                self.asm
                    .shift_imm(Shift::Shr, Width::W64, high, 32 + rest as u8);
                (x, high)
            }
            _ => {
                let (x, high) = self.high_half(Unary::Mul, x, factor);
                if !is_long && shift > 0 {
                    self.asm.shift_imm(Shift::Shr, width, high, shift as u8);
                }
                (x, high)
            }
        };
        if is_long {
            self.asm.mov(width, SPARE, x);
            if !faults::on(Fault::DynasmLongReciprocal) {
                self.asm.alu(Alu::Sub, width, SPARE, high);
            }
            self.asm.shift_imm(Shift::Shr, width, SPARE, 1);
            self.asm.alu(Alu::Add, width, high, SPARE);
            self.asm.shift_imm(Shift::Shr, width, high, shift as u8);
        }
        self.quotient_or_rest(
            width,
            result,
            (data.arg(0), x),
            high,
            divisor as i64,
            wants_rest,
        );
    }

    /// The register of x, and the high half of its product with a factor of 64 bits in another one.
    fn high_half(&mut self, op: Unary, x: Value, factor: u64) -> (Reg, Reg) {
        self.clear(RAX);
        self.clear(RDX);
        let x = self.use_reg(x);
        self.asm.mov_imm(RAX, factor);
        self.asm.unary(op, Width::W64, x);
        (x, RDX)
    }

    /// The result from a quotient in a register that is nobody's.
    fn quotient_or_rest(
        &mut self,
        width: Width,
        result: Value,
        x: (Value, Reg),
        quotient: Reg,
        divisor: i64,
        wants_rest: bool,
    ) {
        if !wants_rest {
            return self.define_in(result, quotient);
        }
        match i32::try_from(divisor) {
            Ok(short) => self.asm.imul_imm(width, quotient, quotient, short),
            Err(_) => {
                self.asm.mov_imm(SPARE, divisor as u64);
                self.asm.imul(width, quotient, SPARE);
            }
        }
        self.subtract_from(width, result, x, quotient);
    }

    /// `result = x - other`, where the register of x is known and `other` is nobody's.
    fn subtract_from(&mut self, width: Width, result: Value, x: (Value, Reg), other: Reg) {
        let (value, reg) = x;
        if self.ends_here(value) && self.values.reg(value) == Some(reg) {
            self.asm.alu(Alu::Sub, width, reg, other);
            return self.define_in(result, reg);
        }
        self.asm.mov(width, SPARE, reg);
        self.asm.alu(Alu::Sub, width, SPARE, other);
        self.asm.mov(width, other, SPARE);
        self.define_in(result, other);
    }

    /// `reg = reg & bits`.
    fn and_bits(&mut self, width: Width, reg: Reg, bits: u64) {
        match (i32::try_from(bits as i64), width) {
            (Ok(short), _) => self.asm.alu_imm(Alu::And, width, reg, short),
            (Err(_), Width::W32) => self.asm.alu_imm(Alu::And, width, reg, bits as i32),
            (Err(_), Width::W64) if faults::on(Fault::DynasmMaskCut) => {
                self.asm.alu_imm(Alu::And, width, reg, bits as i32);
            }
            (Err(_), Width::W64) => {
                self.asm.mov_imm(SPARE, bits);
                self.asm.alu(Alu::And, width, reg, SPARE);
            }
        }
    }

    fn divide_signed(&mut self, data: &InstData, result: Value, divisor: i64, wants_rest: bool) {
        let width = Width::of(data.ty);
        let bits = data.ty.bits() as u8;
        let magnitude = divisor.unsigned_abs();
        if magnitude.is_power_of_two() {
            return self.divide_by_power(data, result, divisor, wants_rest);
        }
        let (factor, shift) = signed_reciprocal(data.ty.bits(), magnitude);
        let (x, quotient) = match data.ty {
            Type::I32 => {
                let x = self.use_reg(data.arg(0));
                let high = self.temporary(Class::Int);
                self.asm
                    .extend(super::asm::Narrow::S32, Width::W64, high, x);
                self.asm.mov_imm(SPARE, factor);
                self.asm.imul(Width::W64, high, SPARE);
                self.asm
                    .shift_imm(Shift::Sar, Width::W64, high, 32 + shift as u8);
                (x, high)
            }
            _ => {
                let (x, high) = self.high_half(Unary::Imul, data.arg(0), factor);
                // The factor counts as negative there.
                self.asm.alu(Alu::Add, width, high, x);
                if shift > 0 {
                    self.asm.shift_imm(Shift::Sar, width, high, shift as u8);
                }
                (x, high)
            }
        };
        // Rounded down so far: one more if x is negative.
        self.asm.mov(width, SPARE, x);
        self.asm.shift_imm(Shift::Sar, width, SPARE, bits - 1);
        self.asm.alu(Alu::Sub, width, quotient, SPARE);
        if divisor < 0 {
            self.asm.unary(Unary::Neg, width, quotient);
        }
        self.quotient_or_rest(
            width,
            result,
            (data.arg(0), x),
            quotient,
            divisor,
            wants_rest,
        );
    }

    /// By a power of two, or its negation: what is negative is brought up to the next multiple first.
    fn divide_by_power(&mut self, data: &InstData, result: Value, divisor: i64, wants_rest: bool) {
        let width = Width::of(data.ty);
        let bits = data.ty.bits() as u8;
        let log = divisor.unsigned_abs().trailing_zeros() as u8;
        let x = self.use_reg(data.arg(0));
        let quotient = self.temporary(Class::Int);
        self.asm.mov(width, quotient, x);
        if log > 1 {
            self.asm.shift_imm(Shift::Sar, width, quotient, log - 1);
        }
        self.asm.shift_imm(Shift::Shr, width, quotient, bits - log);
        self.asm.alu(Alu::Add, width, quotient, x);
        if wants_rest {
            self.and_bits(width, quotient, u64::MAX << log);
            self.subtract_from(width, result, (data.arg(0), x), quotient);
        } else {
            self.asm.shift_imm(Shift::Sar, width, quotient, log);
            if divisor < 0 {
                self.asm.unary(Unary::Neg, width, quotient);
            }
            self.define_in(result, quotient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dividends at which rounding is decided, and a few others.
    fn dividends(bits: u32, divisor: u64) -> Vec<u64> {
        let mask = u64::MAX >> (64 - bits);
        let last = mask - mask % divisor;
        let half = mask / 2;
        let around = [
            0,
            divisor,
            last,
            half,
            half - half % divisor,
            mask,
            1 << (bits - 1),
        ];
        let near = around
            .iter()
            .flat_map(|n| [n.wrapping_sub(1), *n, n.wrapping_add(1)]);
        near.map(|n| n & mask).collect()
    }

    fn divisors(bits: u32) -> impl Iterator<Item = u64> {
        let mask = u64::MAX >> (64 - bits);
        let powers = (1..bits).flat_map(move |log| [(1u64 << log) - 1, (1 << log) + 1]);
        let small = 2..2000u64;
        let large = (0..2000).map(move |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask);
        small
            .chain(powers)
            .chain(large)
            .chain([mask, mask - 1])
            .filter(move |d| *d > 1 && *d <= mask && !d.is_power_of_two())
    }

    #[test]
    fn unsigned_reciprocals_divide() {
        for bits in [32, 64] {
            for divisor in divisors(bits) {
                let reciprocal = unsigned_reciprocal(bits, divisor);
                for x in dividends(bits, divisor) {
                    let high = |factor: u64| ((u128::from(factor) * u128::from(x)) >> bits) as u64;
                    let quotient = match reciprocal {
                        Unsigned::Simple { factor, shift } => high(factor) >> shift,
                        Unsigned::Long { factor, shift } => {
                            let high = high(factor);
                            (high + ((x - high) >> 1)) >> shift
                        }
                    };
                    assert_eq!(quotient, x / divisor, "{x} / {divisor}, {reciprocal:?}");
                }
            }
        }
    }

    #[test]
    fn signed_reciprocals_divide() {
        for bits in [32, 64] {
            for divisor in divisors(bits - 1) {
                let (factor, shift) = signed_reciprocal(bits, divisor);
                for x in dividends(bits, divisor) {
                    let x = (x << (64 - bits)) as i64 >> (64 - bits);
                    let high = ((i128::from(factor) * i128::from(x)) >> bits) as i64;
                    let quotient = (high >> shift) - (x >> 63);
                    assert_eq!(quotient, x / divisor as i64, "{x} / {divisor}");
                }
            }
        }
    }
}

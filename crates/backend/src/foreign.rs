//! Calling C functions through a pointer, with a signature that is known at run time only: how an
//! interpreter performs `call_raw`; and what compilers have to know of such calls.

use bakeoff_ir::{Signature, Type};
use std::arch::naked_asm;

/// Arguments sorted into where the System V convention wants them (psABI 1.0, 3.2.3).
#[repr(C)]
struct Frame {
    ints: [u64; 6],
    floats: [u64; 8],
    stack: *const u64,
    stack_words: usize,
    function: u64,
    /// On return, rax and the low half of xmm0.
    int_result: u64,
    float_result: u64,
}

/// Words of stack that a C function of this signature takes arguments from.
pub fn foreign_stack_words(signature: &Signature) -> u32 {
    // Registers for integers and for floats, those of `Frame`.
    let mut left = [6, 8];
    let mut words = 0;
    for ty in &signature.params {
        let left: &mut u32 = &mut left[usize::from(ty.is_float())];
        match left.checked_sub(1) {
            Some(fewer) => *left = fewer,
            None => words += 1,
        }
    }
    words
}

/// Calls the C function at `pointer`. `slots` holds the arguments, zero-extended, and receives the
/// result in its first word, with the bits beyond its type zero.
///
/// # Safety
/// `pointer` is a C function of this signature, which has at most one result and no type narrower than
/// 32 bits, and calling it now is sound. There are as many slots as parameters, and one for the result.
pub unsafe fn call_foreign(pointer: u64, signature: &Signature, slots: &mut [u64]) {
    let mut frame = Frame {
        ints: [0; 6],
        floats: [0; 8],
        stack: std::ptr::null(),
        stack_words: 0,
        function: pointer,
        int_result: 0,
        float_result: 0,
    };
    let mut stack = Vec::new();
    let (mut ints, mut floats) = (0, 0);
    for (ty, bits) in signature.params.iter().zip(slots.iter()) {
        let (registers, used): (&mut [u64], _) = match ty.is_float() {
            true => (&mut frame.floats, &mut floats),
            false => (&mut frame.ints, &mut ints),
        };
        match registers.get_mut(*used) {
            Some(register) => *register = *bits,
            None => stack.push(*bits),
        }
        *used += 1;
    }
    frame.stack = stack.as_ptr();
    frame.stack_words = stack.len();
    // SAFETY: the caller's promise; the frame holds the arguments where the convention wants them.
    unsafe { call_with(&mut frame) };
    if let Some(ty) = signature.results.first() {
        let bits = if ty.is_float() {
            frame.float_result
        } else {
            frame.int_result
        };
        slots[0] = bits & Type::mask(*ty);
    }
}

/// Loads the registers from the frame, pushes the stack words, calls, and stores the results.
///
/// # Safety
/// As for [`call_foreign`].
#[unsafe(naked)]
unsafe extern "C" fn call_with(frame: *mut Frame) {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "push rbx",
        "push r12",
        "mov rbx, rdi",
        // Room for the stack words, rounded up so that the stack stays aligned.
        "mov rcx, [rbx + {stack_words}]",
        "lea rax, [rcx + 1]",
        "and rax, -2",
        "shl rax, 3",
        "sub rsp, rax",
        "mov rsi, [rbx + {stack}]",
        "mov rdi, rsp",
        "rep movsq",
        "movsd xmm0, [rbx + {floats}]",
        "movsd xmm1, [rbx + {floats} + 8]",
        "movsd xmm2, [rbx + {floats} + 16]",
        "movsd xmm3, [rbx + {floats} + 24]",
        "movsd xmm4, [rbx + {floats} + 32]",
        "movsd xmm5, [rbx + {floats} + 40]",
        "movsd xmm6, [rbx + {floats} + 48]",
        "movsd xmm7, [rbx + {floats} + 56]",
        "mov rdi, [rbx]",
        "mov rsi, [rbx + 8]",
        "mov rdx, [rbx + 16]",
        "mov rcx, [rbx + 24]",
        "mov r8, [rbx + 32]",
        "mov r9, [rbx + 40]",
        // The number of vector registers, for variadic functions.
        "mov eax, 8",
        "call [rbx + {function}]",
        "mov [rbx + {int_result}], rax",
        "movsd [rbx + {float_result}], xmm0",
        "lea rsp, [rbp - 16]",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
        stack_words = const std::mem::offset_of!(Frame, stack_words),
        stack = const std::mem::offset_of!(Frame, stack),
        floats = const std::mem::offset_of!(Frame, floats),
        function = const std::mem::offset_of!(Frame, function),
        int_result = const std::mem::offset_of!(Frame, int_result),
        float_result = const std::mem::offset_of!(Frame, float_result),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    extern "C" fn mixed(
        a: i32,
        b: f64,
        c: i64,
        d: f32,
        e: i64,
        f: i64,
        g: i64,
        h: i64,
        i: i64,
        j: i32,
    ) -> f64 {
        f64::from(a)
            + b
            + c as f64
            + f64::from(d)
            + (e + f + g + h + i) as f64 * 10.0
            + f64::from(j) * 1000.0
    }

    extern "C" fn many_floats(
        a: f64,
        b: f64,
        c: f64,
        d: f64,
        e: f64,
        f: f64,
        g: f64,
        h: f64,
        i: f64,
        j: f64,
    ) -> i32 {
        (a + 2.0 * b
            + 3.0 * c
            + 4.0 * d
            + 5.0 * e
            + 6.0 * f
            + 7.0 * g
            + 8.0 * h
            + 9.0 * i
            + 10.0 * j) as i32
    }

    #[test]
    fn registers_and_stack_words_reach_a_c_function() {
        use Type::{F32, F64, I32, I64};
        let signature = Signature {
            params: vec![I32, F64, I64, F32, I64, I64, I64, I64, I64, I32],
            results: vec![F64],
        };
        let mut slots = [
            (-1i32) as u32 as u64,
            0.5f64.to_bits(),
            100,
            u64::from(0.25f32.to_bits()),
            1,
            2,
            3,
            4,
            5,
            7,
        ];
        // SAFETY: the signature is that of the function.
        unsafe { call_foreign(mixed as *const () as u64, &signature, &mut slots) };
        assert_eq!(
            f64::from_bits(slots[0]),
            -1.0 + 0.5 + 100.0 + 0.25 + 150.0 + 7000.0
        );

        let signature = Signature {
            params: vec![F64; 10],
            results: vec![I32],
        };
        let mut slots: [u64; 10] = std::array::from_fn(|i| ((i + 1) as f64).to_bits());
        // SAFETY: the signature is that of the function.
        unsafe { call_foreign(many_floats as *const () as u64, &signature, &mut slots) };
        assert_eq!(slots[0], 385);
    }
}

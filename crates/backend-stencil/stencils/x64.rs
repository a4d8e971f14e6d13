//! Glue of x86-64: what moves the stack pointer, calls or returns, and the few things that cannot be said
//! in Rust. A piece that has axes ends in a jump to `NEXT`, as those written in Rust do, and has its first
//! operand in r13 and its second in r14; the others are taken as they stand.

macro_rules! glue {
    ($($name:literal $($line:literal)+;)*) => {$(
        global_asm!(
            concat!(".globl glue_", $name, "\n.type glue_", $name, ",@function\nglue_", $name, ":"),
            $($line,)+
            concat!(".size glue_", $name, ", . - glue_", $name),
            options(att_syntax)
        );
    )*};
}
#[rustc_builtin_macro]
macro_rules! concat {
    () => {};
}

glue! {
    // LLVM does not take the address of a symbol for an immediate of these.
    "iadd_i64_0_ri32" "addq $IMM, %r13" "jmp NEXT";
    "band_i64_0_ri32" "andq $IMM, %r13" "jmp NEXT";
    "bor_i64_0_ri32" "orq $IMM, %r13" "jmp NEXT";
    "bxor_i64_0_ri32" "xorq $IMM, %r13" "jmp NEXT";
    "imul_i64_0_rri32" "imulq $IMM, %r14, %r13" "jmp NEXT";
    "const_i32_0_ri32" "movl $IMM, %r13d" "jmp NEXT";
    "const_i64_0_ri32" "movq $IMM, %r13" "jmp NEXT";
    "const_i64_0_ri64" "movabsq $IMM, %r13" "jmp NEXT";
    // LLVM makes the other rotation of it, by what is left to the width.
    "rotr_i32_0_ri8" "rorl $19, %r13d" "jmp NEXT";
    "rotr_i64_0_ri8" "rorq $19, %r13" "jmp NEXT";

    // LLVM extends to 64 bits and cuts off again.
    "sextend_i16_0_rr" "movsbl %r14b, %r13d" "movzwl %r13w, %r13d" "jmp NEXT";
    "sextend_i32_0_rr" "movsbl %r14b, %r13d" "jmp NEXT";
    "sextend_i32_1_rr" "movswl %r14w, %r13d" "jmp NEXT";
    "sload_i16_0_rri32" "movsbl DISP(%r15,%r14), %r13d" "movzwl %r13w, %r13d" "jmp NEXT";
    "sload_i32_0_rri32" "movsbl DISP(%r15,%r14), %r13d" "jmp NEXT";
    "sload_i32_1_rri32" "movswl DISP(%r15,%r14), %r13d" "jmp NEXT";
    "sload_i16_0_ri32" "movsbl DISP(%r15), %r13d" "movzwl %r13w, %r13d" "jmp NEXT";
    "sload_i32_0_ri32" "movsbl DISP(%r15), %r13d" "jmp NEXT";
    "sload_i32_1_ri32" "movswl DISP(%r15), %r13d" "jmp NEXT";

    "enter" "subq $IMM, %rsp";
    "leave" "addq $IMM, %rsp";
    "ret" "retq";
    // A page at a time from the stack pointer down, and last the lowest byte. The constants are negative.
    "probe"
        "xorl %eax, %eax"
        "2: subq $4096, %rax"
        "cmpq $IMM, %rax"
        "jle 3f"
        "testb $0, (%rsp,%rax)"
        "jmp 2b"
        "3: testb $0, IMM(%rsp)";
    "zero_frame"
        "xorl %eax, %eax"
        "xorl %edx, %edx"
        "2: movq %rax, SLOT(%rsp,%rdx)"
        "addq $8, %rdx"
        "cmpq $IMM, %rdx"
        "jb 2b";
    "call" "callq CALLEE";
    "call_reg" "callq *%rdx";
    "jump_reg" "jmpq *%rdx";
    "jump" "jmp TAKEN";
    "trap" "ud2";
    "call_builtin" "movq %r12, %rdi" "movq (%r12), %rax" "callq *IMM(%rax)";
    // A variadic function wants the number of vector registers in al.
    "call_foreign" "movl $8, %eax" "callq *%r11";
    "stack_check" "cmpq 32(%r12), %rsp" "jb TRAP0";
    "br_table"
        "cmpl $IMM, %eax"
        "jae TAKEN"
        "leaq TABLE(%rip), %rdx"
        "movslq (%rdx,%rax,4), %rax"
        "addq %rdx, %rax"
        "jmpq *%rax";
    "entry_begin" "pushq %rsi" "movq %rdi, %r12" "movq %rsi, %rax";
    "entry_memory" "movq CTX(%r12), %r15";
    "entry_slots" "movq (%rsp), %rdx";
    "entry_end" "popq %rdx" "retq";
}

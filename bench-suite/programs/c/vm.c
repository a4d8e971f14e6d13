/* A stack machine for bytecode, and an assembler for it: the machine runs a prime sieve, a recursive Fibonacci
 * function and a shuffled sort, written in its own assembly language. One switch dispatches. */
#include "rt.h"

enum Op {
    HALT, PUSH, POP, DUP, SWAP, OVER, ADD, SUB, MUL, DIV, MOD, AND, OR, XOR, SHL, SHR, LT, EQ, NOT,
    LOAD, STORE, GET, SET, JMP, JZ, JNZ, CALL, RET, ENTER, INC, OUT, NOP, OPS
};

static const char names[OPS][6] = {
    "halt", "push", "pop", "dup", "swap", "over", "add", "sub", "mul", "div", "mod", "and", "or", "xor", "shl", "shr",
    "lt", "eq", "not", "load", "store", "get", "set", "jmp", "jz", "jnz", "call", "ret", "enter", "inc", "out", "nop",
};

/* `:x` defines a label, `'x` is its address; `get`, `set` and `inc` name a local of the current frame. `enter n`
 * takes n arguments and a number of further locals (in its second operand). */
static const char *const source =
    "push 'sieve push 0 call out  push 'fib push 1 call out  push 'sort push 2 call out halt "
    /* sieve: counts the primes below cell[0]; flags in cells from 16 on */
    ":sieve enter 0 3 push 2 set 0 "
    ":clear get 0 push 0 load lt jz 'cleared push 1 get 0 push 16 add store inc 0 jmp 'clear "
    ":cleared push 2 set 0 "
    ":outer get 0 push 0 load lt jz 'done get 0 push 16 add load jz 'next "
    "get 2 push 1 add set 2 get 0 get 0 mul set 1 "
    ":inner get 1 push 0 load lt jz 'next push 0 get 1 push 16 add store get 1 get 0 add set 1 jmp 'inner "
    ":next inc 0 jmp 'outer "
    ":done get 2 ret "
    /* fib: of cell[1] */
    ":fib enter 0 0 push 1 load push 'f push 3 call ret "
    ":f enter 1 0 get 0 push 2 lt jz 'more get 0 ret "
    ":more get 0 push 1 sub push 'f push 3 call get 0 push 2 sub push 'f push 3 call add ret "
    /* sort: fills cell[2] cells with a linear congruential sequence, sorts by insertion with gaps (the last
     * of which is 1, since (2 * 5 + 1) / 11 is), adds up */
    ":sort enter 0 5 push 12345 set 1 "
    ":fillup get 0 push 2 load lt jz 'gaps get 1 push 1103515245 mul push 12345 add push 2147483647 and set 1 "
    "get 1 push 8 shr get 0 push 16 add store inc 0 jmp 'fillup "
    ":gaps push 2 load set 2 "
    ":gap get 2 push 5 mul push 1 add push 11 div set 2 get 2 jz 'sorted get 2 set 0 "
    ":each get 0 push 2 load lt jz 'gap get 0 push 16 add load set 1 get 0 set 3 "
    ":sink get 3 get 2 lt jnz 'drop get 1 get 3 get 2 sub push 16 add load lt jz 'drop "
    "get 3 get 2 sub push 16 add load get 3 push 16 add store get 3 get 2 sub set 3 jmp 'sink "
    ":drop get 1 get 3 push 16 add store inc 0 jmp 'each "
    ":sorted push 0 set 0 push 0 set 4 "
    ":addup get 0 push 2 load lt jz 'end get 4 push 31 mul get 0 push 16 add load xor push 1099511627775 and set 4 "
    "inc 0 jmp 'addup "
    ":end get 4 ret ";

enum { MAX_CODE = 2048, MAX_LABELS = 64, STACK = 4096 };
typedef struct { char name[8]; i32 at; } Label;

static i64 code[MAX_CODE];
static u32 code_length;
static Label labels[MAX_LABELS];
static u32 label_count;
static i64 stack[STACK];
static i64 *cells;
static i64 outputs[16];
static u32 output_count;
static u64 steps;

static int equal(const char *a, const char *b, u32 max) {
    for (u32 i = 0; i < max; i++) {
        if (a[i] != b[i]) return 0;
        if (!a[i]) return 1;
    }
    return 1;
}

static u32 label_named(const char *name) {
    for (u32 i = 0; i < label_count; i++) if (equal(labels[i].name, name, 8)) return i;
    if (label_count == MAX_LABELS) __builtin_trap();
    copy(labels[label_count].name, name, 8);
    labels[label_count].at = -1;
    return label_count++;
}

/* Label operands are written as -1 - index and resolved in a second pass over the places noted here. */
static u16 fixups[MAX_CODE];

static void assemble(void) {
    u32 fixup_count = 0;
    code_length = label_count = 0;
    for (const char *p = source; *p;) {
        char word[16];
        u32 n = 0;
        while (*p == ' ') p++;
        if (!*p) break;
        fill(word, 0, sizeof word);
        while (*p && *p != ' ') { if (n < 15) word[n++] = *p; p++; }
        if (code_length + 1 >= MAX_CODE) __builtin_trap();
        if (word[0] == ':') labels[label_named(word + 1)].at = (i32)code_length;
        else if (word[0] == '\'') {
            fixups[fixup_count++] = (u16)code_length;
            code[code_length++] = label_named(word + 1);
        } else if (word[0] >= '0' && word[0] <= '9') {
            i64 value = 0;
            for (u32 i = 0; word[i]; i++) value = value * 10 + (word[i] - '0');
            code[code_length++] = value;
        } else {
            u32 op = 0;
            while (op < OPS && !equal(names[op], word, 6)) op++;
            if (op == OPS) __builtin_trap();
            code[code_length++] = op;
        }
    }
    for (u32 i = 0; i < fixup_count; i++) code[fixups[i]] = labels[code[fixups[i]]].at;
}

/* `call` takes the target under a tag that is only counted; a frame is: arguments, locals, then the saved
 * frame pointer and return address below them. */
static void run_machine(void) {
    i64 *sp = stack, *fp = stack;
    const i64 *pc = code;
    i64 t;
    sp[0] = 0;
    for (;;) {
        steps++;
        switch ((enum Op)*pc++) {
        case HALT: return;
        case PUSH: *++sp = *pc++; break;
        case POP: sp--; break;
        case DUP: sp[1] = sp[0]; sp++; break;
        case SWAP: t = sp[0]; sp[0] = sp[-1]; sp[-1] = t; break;
        case OVER: sp[1] = sp[-1]; sp++; break;
        case ADD: sp--; sp[0] = (i64)((u64)sp[0] + (u64)sp[1]); break;
        case SUB: sp--; sp[0] = (i64)((u64)sp[0] - (u64)sp[1]); break;
        case MUL: sp--; sp[0] = (i64)((u64)sp[0] * (u64)sp[1]); break;
        case DIV: sp--; sp[0] = sp[1] ? sp[0] / sp[1] : 0; break;
        case MOD: sp--; sp[0] = sp[1] ? sp[0] % sp[1] : 0; break;
        case AND: sp--; sp[0] &= sp[1]; break;
        case OR: sp--; sp[0] |= sp[1]; break;
        case XOR: sp--; sp[0] ^= sp[1]; break;
        case SHL: sp--; sp[0] = (i64)((u64)sp[0] << (sp[1] & 63)); break;
        case SHR: sp--; sp[0] >>= sp[1] & 63; break;
        case LT: sp--; sp[0] = sp[0] < sp[1]; break;
        case EQ: sp--; sp[0] = sp[0] == sp[1]; break;
        case NOT: sp[0] = !sp[0]; break;
        case LOAD: sp[0] = cells[sp[0]]; break;
        case STORE: cells[sp[0]] = sp[-1]; sp -= 2; break;
        case GET: *++sp = fp[*pc++]; break;
        case SET: fp[*pc++] = *sp--; break;
        case JMP: pc = code + *pc; break;
        case JZ: pc = *sp-- ? pc + 1 : code + *pc; break;
        case JNZ: pc = *sp-- ? code + *pc : pc + 1; break;
        case CALL: {
            const i64 *target = code + sp[-1];
            i64 arguments = target[1], locals = target[2];
            if (target[0] != ENTER || sp - stack > STACK - 64) __builtin_trap();
            sp -= 2;
            /* The arguments move up over the two saved words. */
            for (i64 i = 0; i < arguments; i++) sp[2 - i] = sp[-i];
            sp -= arguments;
            sp[1] = fp - stack;
            sp[2] = pc - code;
            fp = sp + 3;
            for (i64 i = 0; i < locals; i++) fp[arguments + i] = 0;
            sp = fp + arguments + locals - 1;
            pc = target + 3;
            break;
        }
        case RET:
            t = *sp;
            sp = fp - 3;
            pc = code + fp[-1];
            fp = stack + fp[-2];
            *++sp = t;
            break;
        case ENTER: __builtin_trap();
        case INC: fp[*pc++]++; break;
        case OUT: outputs[output_count++ & 15] = *sp--; break;
        case NOP: break;
        case OPS: __builtin_trap();
        default: __builtin_trap();
        }
    }
}

/* The number of primes below `sieve`, the Fibonacci number of `fib`, and a sum over `sort` sorted numbers go into
 * the result, and so does the number of instructions. */
u64 EXPORT(run)(u32 sieve, u32 fib, u32 sort) {
    u32 most = sieve > sort ? sieve : sort;
    cells = take((most + 32) * 8);
    fill(cells, 0, (most + 32) * 8);
    cells[0] = sieve;
    cells[1] = fib;
    cells[2] = sort;
    steps = output_count = 0;
    assemble();
    run_machine();
    u64 sum = mix(MIX_START, steps);
    for (u32 i = 0; i < output_count; i++) sum = mix(sum, (u64)outputs[i]);
    return sum;
}

i64 EXPORT(output)(u32 which) { return which < output_count ? outputs[which] : -1; }

/* Regular expressions: parsed by recursive descent, compiled to a Thompson automaton, run as a set of states
 * over each line of a generated log. Syntax: literals . [a-z^] \d \w \s ( ) | * + ? ^ $ */
#include "rt.h"

enum { CHAR, ANY, CLASS, SPLIT, JUMP, START, END, MATCH, MAX_PROGRAM = 512, MAX_CLASSES = 32 };

typedef struct { u8 op, c; u16 x, y; } Inst;
typedef struct { u32 bits[8]; } Class;

static Inst program[MAX_PROGRAM];
static Class classes[MAX_CLASSES];
static u32 length, class_count;
static const char *pattern;

static u32 emit(u8 op, u8 c, u32 x, u32 y) {
    if (length == MAX_PROGRAM) __builtin_trap();
    program[length] = (Inst){op, c, (u16)x, (u16)y};
    return length++;
}

/* Moves everything from `at` on up by one, to put an instruction before it. */
static void make_room(u32 at) {
    emit(JUMP, 0, 0, 0);
    for (u32 i = length - 1; i > at; i--) {
        program[i] = program[i - 1];
        if (program[i].op == SPLIT || program[i].op == JUMP) {
            if (program[i].x >= at) program[i].x++;
            if (program[i].y >= at) program[i].y++;
        }
    }
}

static void add_range(Class *set, u32 from, u32 to) { for (u32 c = from; c <= to; c++) set->bits[c >> 5] |= 1u << (c & 31); }

static void add_escape(Class *set, char c) {
    switch (c) {
    case 'd': add_range(set, '0', '9'); break;
    case 'w': add_range(set, '0', '9'); add_range(set, 'a', 'z'); add_range(set, 'A', 'Z'); add_range(set, '_', '_'); break;
    case 's': add_range(set, ' ', ' '); add_range(set, '\t', '\r'); break;
    default: add_range(set, (u8)c, (u8)c);
    }
}

static Class *new_class(void) {
    if (class_count == MAX_CLASSES) __builtin_trap();
    fill(&classes[class_count], 0, sizeof(Class));
    return &classes[class_count++];
}

static void parse_set(void) {
    Class *set = new_class();
    int negated = *pattern == '^';
    if (negated) pattern++;
    while (*pattern && *pattern != ']') {
        if (*pattern == '\\') { add_escape(set, pattern[1]); pattern += 2; continue; }
        u32 from = (u8)*pattern++, to = from;
        if (pattern[0] == '-' && pattern[1] != ']') { to = (u8)pattern[1]; pattern += 2; }
        add_range(set, from, to);
    }
    if (*pattern) pattern++;
    if (negated) for (int i = 0; i < 8; i++) set->bits[i] = ~set->bits[i];
    emit(CLASS, (u8)(class_count - 1), 0, 0);
}

static void parse_alternatives(void);

static void parse_atom(void) {
    char c = *pattern++;
    switch (c) {
    case '(':
        parse_alternatives();
        if (*pattern++ != ')') __builtin_trap();
        break;
    case '[': parse_set(); break;
    case '.': emit(ANY, 0, 0, 0); break;
    case '^': emit(START, 0, 0, 0); break;
    case '$': emit(END, 0, 0, 0); break;
    case '\\': {
        char e = *pattern++;
        if (e == 'd' || e == 'w' || e == 's') { add_escape(new_class(), e); emit(CLASS, (u8)(class_count - 1), 0, 0); }
        else emit(CHAR, (u8)e, 0, 0);
        break;
    }
    default: emit(CHAR, (u8)c, 0, 0);
    }
}

static void parse_repeats(void) {
    u32 start = length;
    parse_atom();
    for (;; pattern++) {
        if (*pattern == '*') {
            make_room(start);
            emit(JUMP, 0, start, 0);
            program[start] = (Inst){SPLIT, 0, (u16)(start + 1), (u16)length};
        } else if (*pattern == '+') {
            emit(SPLIT, 0, start, length + 1);
        } else if (*pattern == '?') {
            make_room(start);
            program[start] = (Inst){SPLIT, 0, (u16)(start + 1), (u16)length};
        } else return;
    }
}

static void parse_alternatives(void) {
    u32 start = length;
    while (*pattern && *pattern != '|' && *pattern != ')') parse_repeats();
    if (*pattern != '|') return;
    pattern++;
    make_room(start);
    u32 jump = emit(JUMP, 0, 0, 0);
    program[start] = (Inst){SPLIT, 0, (u16)(start + 1), (u16)length};
    parse_alternatives();
    program[jump].x = (u16)length;
}

static void compile(const char *text) {
    pattern = text;
    length = class_count = 0;
    parse_alternatives();
    if (*pattern) __builtin_trap();
    emit(MATCH, 0, 0, 0);
}

/* A set of states: a list, and the generation in which each state was last added. */
static u16 lists[2][MAX_PROGRAM];
static u32 seen[MAX_PROGRAM], generation;
static int matched;

static u32 add_state(u16 *list, u32 count, u32 pc, int at_start, int at_end) {
    if (seen[pc] == generation) return count;
    seen[pc] = generation;
    const Inst *inst = &program[pc];
    switch (inst->op) {
    case JUMP: return add_state(list, count, inst->x, at_start, at_end);
    case SPLIT:
        count = add_state(list, count, inst->x, at_start, at_end);
        return add_state(list, count, inst->y, at_start, at_end);
    case START: return at_start ? add_state(list, count, pc + 1, at_start, at_end) : count;
    case END: return at_end ? add_state(list, count, pc + 1, at_start, at_end) : count;
    case MATCH: matched = 1; return count;
    default: list[count] = (u16)pc; return count + 1;
    }
}

static inline int accepts(const Inst *inst, u8 c) {
    switch (inst->op) {
    case CHAR: return inst->c == c;
    case CLASS: return classes[inst->c].bits[c >> 5] >> (c & 31) & 1;
    default: return 1;
    }
}

/* The length of the shortest prefix of the line that ends a match anywhere in it, or -1. */
static i32 search(const u8 *line, u32 bytes) {
    u32 count = 0, which = 0;
    matched = 0;
    for (u32 at = 0;; at++) {
        u16 *now = lists[which], *next = lists[which ^ 1];
        /* A match may begin here; states that are in the set already stay where they are. */
        if (at == 0) generation++;
        count = add_state(now, count, 0, at == 0, at == bytes);
        if (matched) return (i32)at;
        if (at == bytes) return -1;
        u32 next_count = 0;
        generation++;
        for (u32 i = 0; i < count; i++)
            if (accepts(&program[now[i]], line[at]))
                next_count = add_state(next, next_count, now[i] + 1u, 0, at + 1 == bytes);
        count = next_count;
        which ^= 1;
        if (matched) return (i32)at + 1;
    }
}

static const char *const patterns[] = {
    "ERROR .*timeout",
    "^[0-9]+-\\d+-\\d+ (WARN|ERROR) ",
    "user=[a-z]+\\d*@[a-z]+\\.(com|org|net)",
    "(GET|POST) /([a-z]+/)*[a-z]+\\.html? [45]\\d\\d$",
    "(a|b)*c(a|b)*d[^ ]*x?$",
    "id=(0x[0-9a-f]+|[1-9][0-9]*) .*\\w+ing",
};
enum { PATTERNS = sizeof patterns / sizeof patterns[0] };

static u8 *text;
static u32 text_length;
static u32 hits[PATTERNS];

static void add(const char *s) { while (*s) text[text_length++] = (u8)*s++; }
static void add_number(u32 n) {
    if (n >= 10) add_number(n / 10);
    text[text_length++] = (u8)('0' + n % 10);
}

static void make_line(u32 *seed) {
    static const char *const levels[] = {"INFO", "INFO", "DEBUG", "WARN", "ERROR"};
    static const char *const people[] = {"ann", "bob7", "carol", "dave22", "eve"};
    static const char *const hosts[] = {"example.com", "mail.org", "local.net", "box.edu"};
    static const char *const paths[] = {"/index.html", "/a/b/page.htm", "/img/x.png", "/docs/api/list.html"};
    static const char *const ends[] = {"retrying", "abacabd", "done", "timeout after 30s", "bbcaabdxyz", "closing down"};
    static const u16 codes[] = {200, 200, 304, 404, 500};
    add_number(2000 + random_below(seed, 30));
    add("-"); add_number(1 + random_below(seed, 12));
    add("-"); add_number(1 + random_below(seed, 28));
    add(" "); add(levels[random_below(seed, 5)]);
    add(random_below(seed, 2) ? " id=0x" : " id=");
    add_number(1 + random_below(seed, 100000));
    add(" user="); add(people[random_below(seed, 5)]);
    add("@"); add(hosts[random_below(seed, 4)]);
    add(" ");
    if (random_below(seed, 2)) {
        add(random_below(seed, 2) ? "GET " : "POST ");
        add(paths[random_below(seed, 4)]);
        add(" "); add_number(codes[random_below(seed, 5)]);
    } else add(ends[random_below(seed, 6)]);
    add("\n");
}

u8 *EXPORT(setup)(u32 lines) {
    u32 seed = 777u;
    text = take(lines * 120);
    text_length = 0;
    for (u32 i = 0; i < lines; i++) make_line(&seed);
    return text;
}

u32 EXPORT(text_bytes)(void) { return text_length; }

/* Searches every line for every pattern. */
u64 EXPORT(run)(void) {
    u64 sum = MIX_START;
    for (u32 p = 0; p < PATTERNS; p++) {
        compile(patterns[p]);
        hits[p] = 0;
        for (u32 at = 0; at < text_length;) {
            u32 stop = at;
            while (text[stop] != '\n') stop++;
            i32 found = search(text + at, stop - at);
            if (found >= 0) hits[p]++;
            sum = mix(sum, (u64)(i64)found);
            at = stop + 1;
        }
    }
    return sum;
}

/* In how many lines a pattern was found. */
u32 EXPORT(lines_with)(u32 which) { return which < PATTERNS ? hits[which] : 0; }

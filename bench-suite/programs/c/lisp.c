/* A small Lisp: reader, symbols, lexical closures, tail calls by a loop, and a mark-sweep collector whose roots
 * lie on a stack of its own. Runs a program of lists, higher-order functions and recursion. */
#include "rt.h"

typedef enum { FREE, INT, SYMBOL, PAIR, CLOSURE, PRIMITIVE } Kind;
typedef struct Cell Cell;
typedef Cell *(*Primitive)(Cell *);
struct Cell {
    u8 kind, marked;
    union {
        i64 number;
        struct { Cell *a, *b; } pair;                 /* PAIR; CLOSURE: (parameters . body) and environment */
        struct { const char *name; u32 length; Cell *value; } symbol;
        Primitive primitive;
        Cell *next;
    } u;
};

enum { CELLS = 40000, ROOTS = 20000, SYMBOLS = 128 };
static Cell *cells, *free_list, *nil;
static Cell *roots[ROOTS];
static u32 root_count, collections;
static Cell *symbols[SYMBOLS];
static u32 symbol_count;
static Cell *s_quote, *s_if, *s_lambda, *s_define, *s_let, *s_true;

static void mark(Cell *cell) {
    while (cell && !cell->marked) {
        cell->marked = 1;
        if (cell->kind == SYMBOL) cell = cell->u.symbol.value;
        else if (cell->kind == PAIR || cell->kind == CLOSURE) {
            mark(cell->u.pair.a);
            cell = cell->u.pair.b;
        } else return;
    }
}

static NOINLINE void collect(void) {
    collections++;
    for (u32 i = 0; i < root_count; i++) mark(roots[i]);
    for (u32 i = 0; i < symbol_count; i++) mark(symbols[i]);
    mark(nil);
    free_list = 0;
    for (u32 i = CELLS; i-- > 0;) {
        Cell *cell = &cells[i];
        if (cell->marked) { cell->marked = 0; continue; }
        cell->kind = FREE;
        cell->u.next = free_list;
        free_list = cell;
    }
    if (!free_list) __builtin_trap();
}

static inline void keep(Cell *cell) {
    if (root_count == ROOTS) __builtin_trap();
    roots[root_count++] = cell;
}

static Cell *new_cell(Kind kind) {
    if (!free_list) collect();
    Cell *cell = free_list;
    free_list = cell->u.next;
    cell->kind = (u8)kind;
    return cell;
}

static Cell *integer(i64 number) {
    Cell *cell = new_cell(INT);
    cell->u.number = number;
    return cell;
}

static Cell *pair_of(Kind kind, Cell *a, Cell *b) {
    keep(a);
    keep(b);
    Cell *cell = new_cell(kind);
    root_count -= 2;
    cell->u.pair.a = a;
    cell->u.pair.b = b;
    return cell;
}
static Cell *cons(Cell *a, Cell *b) { return pair_of(PAIR, a, b); }

static Cell *head(Cell *cell) { if (cell->kind != PAIR) __builtin_trap(); return cell->u.pair.a; }
static Cell *tail(Cell *cell) { if (cell->kind != PAIR) __builtin_trap(); return cell->u.pair.b; }
static i64 number_of(Cell *cell) { if (cell->kind != INT) __builtin_trap(); return cell->u.number; }

static Cell *intern(const char *name, u32 length) {
    for (u32 i = 0; i < symbol_count; i++) {
        const Cell *s = symbols[i];
        u32 k = 0;
        while (k < length && s->u.symbol.length == length && s->u.symbol.name[k] == name[k]) k++;
        if (k == length && s->u.symbol.length == length) return symbols[i];
    }
    if (symbol_count == SYMBOLS) __builtin_trap();
    Cell *cell = new_cell(SYMBOL);
    cell->u.symbol.name = name;
    cell->u.symbol.length = length;
    cell->u.symbol.value = 0;
    return symbols[symbol_count++] = cell;
}

/* ---- Reader --------------------------------------------------------------------------------- */

static const char *in;

static int delimiter(char c) { return c == 0 || c == ' ' || c == '\n' || c == '(' || c == ')'; }

static Cell *read(void);

static Cell *read_list(void) {
    while (*in == ' ' || *in == '\n') in++;
    if (*in == 0) __builtin_trap();
    if (*in == ')') { in++; return nil; }
    Cell *first = read();
    keep(first);
    Cell *rest = read_list();
    root_count--;
    return cons(first, rest);
}

static Cell *read(void) {
    while (*in == ' ' || *in == '\n') in++;
    if (*in == '(') { in++; return read_list(); }
    if (*in == '\'') {
        in++;
        Cell *quoted = cons(read(), nil);
        return cons(s_quote, quoted);
    }
    const char *start = in;
    int digits = *in >= '0' && *in <= '9';
    i64 value = 0;
    for (; !delimiter(*in); in++) value = value * 10 + (*in - '0');
    return digits ? integer(value) : intern(start, (u32)(in - start));
}

/* ---- Evaluation ------------------------------------------------------------------------------- */

static Cell *truth(int value) { return value ? s_true : nil; }
static Cell *p_add(Cell *x) { i64 t = 0; for (; x != nil; x = tail(x)) t += number_of(head(x)); return integer(t); }
static Cell *p_sub(Cell *x) { return integer(number_of(head(x)) - number_of(head(tail(x)))); }
static Cell *p_mul(Cell *x) { return integer(number_of(head(x)) * number_of(head(tail(x)))); }
static Cell *p_mod(Cell *x) { i64 d = number_of(head(tail(x))); return integer(d ? number_of(head(x)) % d : 0); }
static Cell *p_less(Cell *x) { return truth(number_of(head(x)) < number_of(head(tail(x)))); }
static Cell *p_equal(Cell *x) { return truth(number_of(head(x)) == number_of(head(tail(x)))); }
static Cell *p_cons(Cell *x) { return cons(head(x), head(tail(x))); }
static Cell *p_car(Cell *x) { return head(head(x)); }
static Cell *p_cdr(Cell *x) { return tail(head(x)); }
static Cell *p_null(Cell *x) { return truth(head(x) == nil); }

static const struct { const char *name; u32 length; Primitive run; } primitives[] = {
    {"+", 1, p_add}, {"-", 1, p_sub}, {"*", 1, p_mul}, {"mod", 3, p_mod}, {"<", 1, p_less}, {"=", 1, p_equal},
    {"cons", 4, p_cons}, {"car", 3, p_car}, {"cdr", 3, p_cdr}, {"null", 4, p_null},
};

static Cell *lookup(Cell *symbol, Cell *env) {
    for (; env != nil; env = env->u.pair.b)
        if (env->u.pair.a->u.pair.a == symbol) return env->u.pair.a->u.pair.b;
    if (!symbol->u.symbol.value) __builtin_trap();
    return symbol->u.symbol.value;
}

static Cell *eval(Cell *form, Cell *env);

static Cell *eval_list(Cell *forms, Cell *env) {
    if (forms == nil) return nil;
    Cell *first = eval(head(forms), env);
    keep(first);
    Cell *rest = eval_list(tail(forms), env);
    root_count--;
    return cons(first, rest);
}

static Cell *bind(Cell *names, Cell *values, Cell *env) {
    u32 base = root_count;
    keep(values);
    keep(env);
    for (; names != nil; names = tail(names), values = tail(values)) {
        env = cons(cons(head(names), head(values)), env);
        roots[base + 1] = env;
    }
    root_count = base;
    return env;
}

/* (let ((name value) …) body) */
static Cell *bind_let(Cell *list, Cell *env) {
    u32 base = root_count;
    Cell *inner = env;
    keep(inner);
    for (; list != nil; list = tail(list)) {
        Cell *value = eval(head(tail(head(list))), env);
        inner = cons(cons(head(head(list)), value), inner);
        roots[base] = inner;
    }
    root_count = base;
    return inner;
}

static Cell *eval(Cell *form, Cell *env) {
    u32 base = root_count;
    keep(form);
    keep(env);
    for (;;) {
        roots[base] = form;
        roots[base + 1] = env;
        Cell *result;
        if (form->kind == SYMBOL) result = lookup(form, env);
        else if (form->kind != PAIR || form == nil) result = form;
        else {
            Cell *first = head(form), *rest = tail(form);
            if (first == s_if) {
                form = eval(head(rest), env) != nil ? head(tail(rest)) : head(tail(tail(rest)));
                continue;
            }
            if (first == s_let) {
                env = bind_let(head(rest), env);
                form = head(tail(rest));
                continue;
            }
            if (first == s_quote) result = head(rest);
            else if (first == s_lambda) result = pair_of(CLOSURE, rest, env);
            else if (first == s_define) result = head(rest)->u.symbol.value = eval(head(tail(rest)), env);
            else {
                Cell *function = eval(first, env);
                keep(function);
                Cell *args = eval_list(rest, env);
                keep(args);
                if (function->kind == CLOSURE) {
                    Cell *lambda = function->u.pair.a;
                    env = bind(head(lambda), args, function->u.pair.b);
                    form = head(tail(lambda));
                    root_count = base + 2;
                    continue;
                }
                if (function->kind != PRIMITIVE) __builtin_trap();
                result = function->u.primitive(args);
            }
        }
        root_count = base;
        return result;
    }
}

static const char *const program =
    "(define fib (lambda (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))\n"
    "(define range (lambda (a b) (if (< a b) (cons a (range (+ a 1) b)) '())))\n"
    "(define map (lambda (f l) (if (null l) '() (cons (f (car l)) (map f (cdr l))))))\n"
    "(define filter (lambda (f l) (if (null l) '()\n"
    "  (if (f (car l)) (cons (car l) (filter f (cdr l))) (filter f (cdr l))))))\n"
    "(define fold (lambda (f a l) (if (null l) a (fold f (f a (car l)) (cdr l)))))\n"
    "(define append (lambda (a b) (if (null a) b (cons (car a) (append (cdr a) b)))))\n"
    "(define sort (lambda (l) (if (null l) '() (let ((p (car l)) (r (cdr l)))\n"
    "  (append (sort (filter (lambda (x) (< x p)) r)) (cons p (sort (filter (lambda (x) (if (< x p) '() t)) r))))))))\n"
    "(define noise (lambda (l) (map (lambda (x) (mod (* x 7919) 1009)) l)))\n"
    "(define check (lambda (a x) (mod (+ (* a 31) x) 1000003)))\n"
    "(define tak (lambda (x y z) (if (< y x)\n"
    "  (tak (tak (- x 1) y z) (tak (- y 1) z x) (tak (- z 1) x y)) z)))\n"
    "(define compose (lambda (f g) (lambda (x) (f (g x)))))\n"
    "(define times (lambda (n f) (if (= n 0) (lambda (x) x) (compose f (times (- n 1) f)))))\n"
    "(define round (lambda (n) (fold check (+ (fib 11) (tak 7 4 n)\n"
    "  ((times 20 (lambda (x) (mod (* x 3) 65537))) n)) (sort (noise (range 1 (+ 60 n)))))))\n"
    "(define rounds (lambda (n a) (if (= n 0) a (rounds (- n 1) (check a (round (mod n 5)))))))\n";

static void start(void) {
    cells = take(CELLS * sizeof(Cell));
    fill(cells, 0, CELLS * sizeof(Cell));
    symbol_count = root_count = collections = 0;
    for (u32 i = CELLS; i-- > 0;) { cells[i].u.next = free_list; free_list = &cells[i]; }
    nil = new_cell(PAIR);
    nil->u.pair.a = nil->u.pair.b = nil;
    s_quote = intern("quote", 5);
    s_if = intern("if", 2);
    s_lambda = intern("lambda", 6);
    s_define = intern("define", 6);
    s_let = intern("let", 3);
    s_true = intern("t", 1);
    s_true->u.symbol.value = s_true;
    for (u32 i = 0; i < sizeof primitives / sizeof primitives[0]; i++) {
        Cell *cell = new_cell(PRIMITIVE);
        cell->u.primitive = primitives[i].run;
        intern(primitives[i].name, primitives[i].length)->u.symbol.value = cell;
    }
}

/* The value of (rounds n 1). */
i64 EXPORT(run)(u32 n) {
    start();
    for (in = program; *in;) {
        eval(read(), nil);
        while (*in == '\n') in++;
    }
    Cell *call = cons(integer(n), cons(integer(1), nil));
    return number_of(eval(cons(intern("rounds", 6), call), nil));
}

u32 EXPORT(times_collected)(void) { return collections; }

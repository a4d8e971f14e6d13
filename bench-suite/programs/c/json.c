/* A JSON document is generated, parsed into a tree (recursive descent, strings unescaped, numbers as f64),
 * looked up by key, and written out again; parsing the output must give the same tree. */
#include "rt.h"

typedef enum { NUL, FALSE_, TRUE_, NUMBER, STRING, ARRAY, OBJECT } Kind;
typedef struct Node Node;
struct Node {
    Kind kind;
    u32 length;      /* bytes of a string, members of a container */
    const u8 *key;   /* in an object: the key of this member */
    u32 key_length;
    Node *first, *next;
    union { f64 number; const u8 *string; } value;
};

/* Nodes and strings live in an arena of their own, which is emptied between documents. */
static u8 *pool;
static u32 pool_next, pool_size;

static void *allocate(u32 bytes) {
    u32 at = (pool_next + 7) & ~7u;
    if (at + bytes > pool_size) __builtin_trap();
    pool_next = at + bytes;
    return pool + at;
}

/* ---- Output --------------------------------------------------------------------------------- */

static u8 *out;
static void put(u8 c) { *out++ = c; }
static void puts_(const char *s) { while (*s) put((u8)*s++); }

static void put_unsigned(u64 n) {
    u8 digits[20];
    u32 count = 0;
    do digits[count++] = (u8)('0' + n % 10); while (n /= 10);
    while (count) put(digits[--count]);
}

/* Numbers of the document are multiples of 1/1000 below 10^12, so this is exact. */
static void put_number(f64 value) {
    if (value < 0) { put('-'); value = -value; }
    u64 thousandths = (u64)(value * 1000 + 0.5);
    put_unsigned(thousandths / 1000);
    u32 fraction = (u32)(thousandths % 1000);
    if (fraction) {
        put('.');
        put((u8)('0' + fraction / 100));
        put((u8)('0' + fraction / 10 % 10));
        put((u8)('0' + fraction % 10));
    }
}

static void put_string(const u8 *s, u32 length) {
    static const char hex[] = "0123456789abcdef";
    put('"');
    for (u32 i = 0; i < length; i++) {
        u8 c = s[i];
        switch (c) {
        case '"': puts_("\\\""); break;
        case '\\': puts_("\\\\"); break;
        case '\n': puts_("\\n"); break;
        case '\t': puts_("\\t"); break;
        case '\r': puts_("\\r"); break;
        case '\b': puts_("\\b"); break;
        case '\f': puts_("\\f"); break;
        default:
            if (c < 32) { puts_("\\u00"); put((u8)hex[c >> 4]); put((u8)hex[c & 15]); }
            else put(c);
        }
    }
    put('"');
}

static void write_node(const Node *node) {
    switch (node->kind) {
    case NUL: puts_("null"); break;
    case FALSE_: puts_("false"); break;
    case TRUE_: puts_("true"); break;
    case NUMBER: put_number(node->value.number); break;
    case STRING: put_string(node->value.string, node->length); break;
    case ARRAY:
        put('[');
        for (const Node *n = node->first; n; n = n->next) { write_node(n); if (n->next) put(','); }
        put(']');
        break;
    case OBJECT:
        put('{');
        for (const Node *n = node->first; n; n = n->next) {
            put_string(n->key, n->key_length);
            put(':');
            write_node(n);
            if (n->next) put(',');
        }
        put('}');
    }
}

/* ---- Input ---------------------------------------------------------------------------------- */

static const u8 *in, *end;
static u32 errors;

static void skip_space(void) { while (in < end && (*in == ' ' || *in == '\n' || *in == '\t' || *in == '\r')) in++; }

static u32 hex4(void) {
    u32 value = 0;
    for (int i = 0; i < 4 && in < end; i++) {
        u8 c = *in++;
        u32 digit = c - '0';
        if (digit > 9) digit = (c | 32) - 'a' + 10u;
        if (digit > 15) { errors++; digit = 0; }
        value = value << 4 | digit;
    }
    return value;
}

static u8 *put_utf8(u8 *to, u32 c) {
    if (c < 0x80) { *to++ = (u8)c; return to; }
    if (c < 0x800) { *to++ = (u8)(0xc0 | c >> 6); }
    else if (c < 0x10000) { *to++ = (u8)(0xe0 | c >> 12); *to++ = (u8)(0x80 | (c >> 6 & 63)); }
    else {
        *to++ = (u8)(0xf0 | c >> 18);
        *to++ = (u8)(0x80 | (c >> 12 & 63));
        *to++ = (u8)(0x80 | (c >> 6 & 63));
    }
    *to++ = (u8)(0x80 | (c & 63));
    return to;
}

static u8 *parse_escape(u8 *to) {
    if (in == end) { errors++; return to; }
    u8 c = *in++;
    switch (c) {
    case 'n': *to++ = '\n'; break;
    case 't': *to++ = '\t'; break;
    case 'r': *to++ = '\r'; break;
    case 'b': *to++ = '\b'; break;
    case 'f': *to++ = '\f'; break;
    case '"': case '\\': case '/': *to++ = c; break;
    case 'u': {
        u32 code = hex4();
        if (code >= 0xd800 && code < 0xdc00 && end - in >= 6 && in[0] == '\\' && in[1] == 'u') {
            in += 2;
            code = 0x10000 + ((code - 0xd800) << 10) + (hex4() - 0xdc00);
        }
        to = put_utf8(to, code);
        break;
    }
    default: errors++;
    }
    return to;
}

/* An unescaped string is never longer than its source. */
static const u8 *parse_string(u32 *length) {
    in++;
    const u8 *close = in;
    while (close < end && *close != '"') close += *close == '\\' ? 2 : 1;
    u8 *start = allocate((u32)(close - in)), *to = start;
    while (in < end && *in != '"') {
        u8 c = *in++;
        if (c == '\\') to = parse_escape(to);
        else *to++ = c;
    }
    if (in == end) errors++; else in++;
    *length = (u32)(to - start);
    return start;
}

static f64 power_of_ten(u32 n) {
    f64 result = 1, base = 10;
    for (; n; n >>= 1, base *= base) if (n & 1) result *= base;
    return result;
}

static f64 parse_number(void) {
    int negative = *in == '-';
    if (negative) in++;
    u64 digits = 0;
    i32 scale = 0;
    while (in < end && *in >= '0' && *in <= '9') digits = digits * 10 + (*in++ - '0');
    if (in < end && *in == '.') {
        in++;
        while (in < end && *in >= '0' && *in <= '9') { digits = digits * 10 + (*in++ - '0'); scale--; }
    }
    if (in < end && (*in | 32) == 'e') {
        in++;
        int minus = in < end && *in == '-';
        if (in < end && (*in == '-' || *in == '+')) in++;
        i32 exponent = 0;
        while (in < end && *in >= '0' && *in <= '9') exponent = exponent * 10 + (*in++ - '0');
        scale += minus ? -exponent : exponent;
    }
    f64 value = (f64)digits;
    value = scale < 0 ? value / power_of_ten((u32)-scale) : value * power_of_ten((u32)scale);
    return negative ? -value : value;
}

static void word(Node *node, const char *text, Kind kind) {
    node->kind = kind;
    for (; *text; text++, in++) if (in == end || *in != (u8)*text) { errors++; return; }
}

static Node *parse(void);

static void parse_members(Node *node, Kind kind, u8 close) {
    Node **tail = &node->first;
    node->kind = kind;
    in++;
    for (skip_space(); in < end && *in != close; skip_space()) {
        const u8 *key = 0;
        u32 key_length = 0;
        if (kind == OBJECT) {
            if (*in != '"') { errors++; return; }
            key = parse_string(&key_length);
            skip_space();
            if (in == end || *in++ != ':') { errors++; return; }
        }
        Node *member = parse();
        if (errors) return;
        member->key = key;
        member->key_length = key_length;
        *tail = member;
        tail = &member->next;
        node->length++;
        skip_space();
        if (in < end && *in == ',') in++;
    }
    if (in == end) errors++; else in++;
}

static Node *parse(void) {
    Node *node = allocate(sizeof(Node));
    fill(node, 0, sizeof *node);
    skip_space();
    if (in == end) { errors++; return node; }
    switch (*in) {
    case '{': parse_members(node, OBJECT, '}'); break;
    case '[': parse_members(node, ARRAY, ']'); break;
    case '"': node->kind = STRING; node->value.string = parse_string(&node->length); break;
    case 't': word(node, "true", TRUE_); break;
    case 'f': word(node, "false", FALSE_); break;
    case 'n': word(node, "null", NUL); break;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        node->kind = NUMBER;
        node->value.number = parse_number();
        break;
    default: errors++;
    }
    return node;
}

/* ---- The document, and what is done with the tree --------------------------------------------- */

static void make_record(u32 *seed, u32 id) {
    static const char *const names[] = {"Ada", "Bj\\u00f6rn", "Chlo\xc3\xa9", "Dmitri \\\"D\\\"", "E\\tF", "\\ud83d\\ude00"};
    puts_(id ? ",\n  {\"id\": " : "  {\"id\": ");
    put_unsigned(id);
    puts_(", \"name\": \"");
    puts_(names[random_below(seed, 6)]);
    puts_("\", \"balance\": ");
    if (random_below(seed, 3) == 0) put('-');
    put_unsigned(random_below(seed, 1000000));
    put('.');
    put_unsigned(125 + random_below(seed, 800));
    puts_(random_below(seed, 2) ? ", \"active\": true" : ", \"active\": false");
    puts_(", \"tags\": [");
    u32 tags = random_below(seed, 5);
    for (u32 i = 0; i < tags; i++) {
        puts_(i ? ", \"t" : "\"t");
        put_unsigned(random_below(seed, 50));
        put('"');
    }
    puts_("], \"place\": {\"x\": ");
    put_unsigned(random_below(seed, 400));
    puts_("e2, \"y\": ");
    put_unsigned(random_below(seed, 400));
    puts_(", \"note\": null}}");
}

static int same_key(const Node *node, const char *key) {
    u32 i = 0;
    for (; i < node->key_length && key[i]; i++) if (node->key[i] != (u8)key[i]) return 0;
    return i == node->key_length && !key[i];
}

static const Node *member(const Node *object, const char *key) {
    for (const Node *n = object->first; n; n = n->next) if (same_key(n, key)) return n;
    __builtin_trap();
}

static u64 sum_tree(const Node *node, u64 sum) {
    sum = mix(sum, (u64)node->kind << 32 | node->length);
    for (u32 i = 0; i < node->key_length; i++) sum = mix(sum, node->key[i]);
    if (node->kind == NUMBER) sum = mix(sum, bits_of(node->value.number));
    if (node->kind == STRING) for (u32 i = 0; i < node->length; i++) sum = mix(sum, node->value.string[i]);
    for (const Node *n = node->first; n; n = n->next) sum = sum_tree(n, sum);
    return sum;
}

static u8 *document, *copy_of_document;
static u32 document_length;

u32 EXPORT(setup)(u32 records) {
    u32 seed = 31337u;
    document = take(records * 200 + 16);
    copy_of_document = take(records * 200 + 16);
    pool_size = records * 1200 + 4096;
    pool = take(pool_size);
    out = document;
    puts_("[\n");
    for (u32 i = 0; i < records; i++) make_record(&seed, i);
    puts_("\n]\n");
    document_length = (u32)(out - document);
    return document_length;
}

static Node *parse_text(const u8 *text, u32 length) {
    pool_next = 0;
    errors = 0;
    in = text;
    end = text + length;
    Node *root = parse();
    if (errors) __builtin_trap();
    return root;
}

static f64 total;

/* A checksum of the tree, or 0 if writing and parsing again changes it. */
u64 EXPORT(run)(void) {
    const Node *root = parse_text(document, document_length);
    u64 sum = sum_tree(root, MIX_START);
    total = 0;
    for (const Node *record = root->first; record; record = record->next) {
        const Node *place = member(record, "place");
        f64 balance = member(record, "balance")->value.number;
        if (member(record, "active")->kind == TRUE_) total += balance;
        else total += member(place, "x")->value.number / 64;
    }
    out = copy_of_document;
    write_node(root);
    root = parse_text(copy_of_document, (u32)(out - copy_of_document));
    return sum_tree(root, MIX_START) == sum ? sum : 0;
}

/* The balances of active records, and a 64th of `place.x` of the others. */
f64 EXPORT(active_total)(void) { return total; }

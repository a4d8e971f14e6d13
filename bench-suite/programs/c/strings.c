/* Strings that grow: formatting of numbers, joining, replacing, case, reversing words, and a search with a
 * skip table. Buffers double and are never freed, so memory grows during the run. */
#include "rt.h"

typedef struct { u8 *bytes; u32 length, capacity; } String;

static String empty(void) { return (String){take(16), 0, 16}; }

static NOINLINE void reserve(String *s, u32 more) {
    u32 capacity = s->capacity;
    while (capacity < s->length + more) capacity *= 2;
    u8 *bigger = take(capacity);
    copy(bigger, s->bytes, s->length);
    s->bytes = bigger;
    s->capacity = capacity;
}

static void append(String *s, const u8 *bytes, u32 count) {
    if (s->length + count > s->capacity) reserve(s, count);
    copy(s->bytes + s->length, bytes, count);
    s->length += count;
}

static inline void append_byte(String *s, u8 byte) {
    if (s->length == s->capacity) reserve(s, 1);
    s->bytes[s->length++] = byte;
}

static void append_text(String *s, const char *text) {
    u32 count = 0;
    while (text[count]) count++;
    append(s, (const u8 *)text, count);
}

static void append_number(String *s, i64 value, u32 base) {
    u8 digits[66];
    u32 at = sizeof digits;
    u64 rest = value < 0 ? 0 - (u64)value : (u64)value;
    do {
        u32 digit = (u32)(rest % base);
        digits[--at] = (u8)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    } while (rest /= base);
    if (value < 0) digits[--at] = '-';
    append(s, digits + at, sizeof digits - at);
}

/* A tiny printf: %d %x %b take the next number, %s the next word. */
static void format(String *s, const char *pattern, const i64 *numbers, const char *const *words) {
    for (; *pattern; pattern++) {
        if (*pattern != '%') { append_byte(s, (u8)*pattern); continue; }
        switch (*++pattern) {
        case 'd': append_number(s, *numbers++, 10); break;
        case 'x': append_number(s, *numbers++, 16); break;
        case 'b': append_number(s, *numbers++, 2); break;
        case 's': append_text(s, *words++); break;
        default: append_byte(s, (u8)*pattern);
        }
    }
}

/* Where `needle` begins in `s` at or after `from`, or the length of `s` (Horspool). */
static u32 find(const String *s, u32 from, const u8 *needle, u32 count) {
    u8 skip[256];
    fill(skip, (u8)count, 256);
    for (u32 i = 0; i + 1 < count; i++) skip[needle[i]] = (u8)(count - 1 - i);
    while (from + count <= s->length) {
        u32 i = count;
        while (i > 0 && s->bytes[from + i - 1] == needle[i - 1]) i--;
        if (i == 0) return from;
        from += skip[s->bytes[from + count - 1]];
    }
    return s->length;
}

static String replace(const String *s, const char *old, const char *by) {
    u32 old_length = 0, at = 0;
    while (old[old_length]) old_length++;
    String result = empty();
    for (;;) {
        u32 found = find(s, at, (const u8 *)old, old_length);
        append(&result, s->bytes + at, found - at);
        if (found == s->length) return result;
        append_text(&result, by);
        at = found + old_length;
    }
}

static String words_reversed(const String *s) {
    String result = empty();
    u32 end = s->length;
    for (u32 i = s->length; i-- > 0;) {
        if (s->bytes[i] != ' ') continue;
        append(&result, s->bytes + i + 1, end - i - 1);
        append_byte(&result, ' ');
        end = i;
    }
    append(&result, s->bytes, end);
    return result;
}

static void capitalise(String *s) {
    int start = 1;
    for (u32 i = 0; i < s->length; i++) {
        u8 c = s->bytes[i];
        int letter = c - 'a' < 26u;
        if (start && letter) s->bytes[i] = (u8)(c - 32);
        start = c == ' ' || c == '\n';
    }
}

static u64 sum_of(const String *s) {
    u64 sum = mix(MIX_START, s->length);
    for (u32 i = 0; i < s->length; i++) sum = mix(sum, s->bytes[i]);
    return sum;
}

static String final;

u64 EXPORT(run)(u32 lines) {
    static const char *const animals[] = {"fox", "dog", "aardvark", "newt", "heron", "cat"};
    static const char *const verbs[] = {"jumps over", "ignores", "follows", "is"};
    u32 seed = 8128u;
    String text = empty();
    for (u32 i = 0; i < lines; i++) {
        i64 numbers[3] = {(i64)i * 7919 - 100000, (i64)random_next(&seed) << 20, (i64)random_below(&seed, 4096)};
        const char *words[3] = {animals[random_below(&seed, 6)], verbs[random_below(&seed, 4)], animals[random_below(&seed, 6)]};
        format(&text, "line %d: the %s %s the %s (0x%x, %b)\n", numbers, (const char *const[]){words[0], words[1], words[2]});
    }
    u64 sum = sum_of(&text);
    String replaced = replace(&text, "the ", "some ");
    replaced = replace(&replaced, "aardvark", "ant");
    replaced = replace(&replaced, "0x", "$");
    sum = mix(sum, sum_of(&replaced));
    String reversed = words_reversed(&replaced);
    capitalise(&reversed);
    final = reversed;
    return mix(sum, sum_of(&reversed));
}

/* The result, for looking at its bytes. */
u8 *EXPORT(final_text)(void) { return final.bytes; }
u32 EXPORT(final_length)(void) { return final.length; }

/* LZ77 with hash chains and lazy matching: compress a generated text, decompress it, compare. */
#include "rt.h"

enum { WINDOW = 1 << 15, HASH_BITS = 13, MIN_MATCH = 4, MAX_MATCH = 273, MAX_CHAIN = 48 };

static i32 head[1 << HASH_BITS];
static i32 chain[WINDOW];

/* Words with a skewed distribution, some repeated phrases and line ends. */
static void make_text(u8 *text, u32 bytes) {
    static const char syllables[] = "kalomirestanduveniporaticosubelaghinomertyx";
    u32 seed = 1234567u, at = 0, recent = 0;
    while (at < bytes) {
        if (at > 500 && random_below(&seed, 9) == 0) {
            u32 from = recent + random_below(&seed, at - recent), length = 8 + random_below(&seed, 40);
            for (u32 i = 0; i < length && at < bytes; i++) text[at++] = text[from + i];
            recent = at > 20000 ? at - 20000 : 0;
        }
        u32 parts = 1 + random_below(&seed, 4);
        for (u32 p = 0; p < parts; p++) {
            u32 a = random_below(&seed, 20), from = random_below(&seed, a + 1) * 2;
            for (u32 i = 0; i < 3 && at < bytes; i++) text[at++] = (u8)syllables[from + i];
        }
        if (at < bytes) text[at++] = random_below(&seed, 12) == 0 ? '\n' : ' ';
    }
}

static inline u32 hash(const u8 *p) {
    u32 four;
    copy(&four, p, 4);
    return four * 2654435761u >> (32 - HASH_BITS);
}

static void insert(const u8 *text, u32 at) {
    u32 h = hash(text + at);
    chain[at % WINDOW] = head[h];
    head[h] = (i32)at;
}

static u32 match_length(const u8 *a, const u8 *b, u32 limit) {
    u32 n = 0;
    while (n + 8 <= limit) {
        u64 x, y;
        copy(&x, a + n, 8);
        copy(&y, b + n, 8);
        if (x != y) return n + (u32)__builtin_ctzll(x ^ y) / 8;
        n += 8;
    }
    while (n < limit && a[n] == b[n]) n++;
    return n;
}

static u32 longest(const u8 *text, u32 at, u32 end, u32 *distance) {
    u32 limit = end - at < MAX_MATCH ? end - at : MAX_MATCH, best = 0;
    if (limit < MIN_MATCH) return 0;
    i32 candidate = head[hash(text + at)];
    for (int tries = 0; tries < MAX_CHAIN && candidate >= 0 && at - (u32)candidate < WINDOW; tries++) {
        if (best == 0 || text[(u32)candidate + best] == text[at + best]) {
            u32 n = match_length(text + at, text + candidate, limit);
            if (n > best) {
                best = n;
                *distance = at - (u32)candidate;
                if (n == limit) break;
            }
        }
        i32 next = chain[(u32)candidate % WINDOW];
        if (next >= candidate) break;
        candidate = next;
    }
    return best >= MIN_MATCH ? best : 0;
}

/* Tokens: 0..127 = that many literals + 1; 128.. = match, with lengths above the byte's in one more byte. */
static u8 *put_literals(u8 *out, const u8 *from, u32 count) {
    while (count) {
        u32 n = count < 128 ? count : 128;
        *out++ = (u8)(n - 1);
        copy(out, from, n);
        out += n, from += n, count -= n;
    }
    return out;
}

static u8 *put_match(u8 *out, u32 length, u32 distance) {
    u32 code = length - MIN_MATCH;
    if (code < 15) {
        *out++ = (u8)(128 | code);
    } else {
        *out++ = 128 | 15;
        u32 more = code - 15;
        *out++ = (u8)(more < 255 ? more : 255);
    }
    *out++ = (u8)distance;
    *out++ = (u8)(distance >> 8);
    return out;
}

static u32 compress(const u8 *text, u32 bytes, u8 *out) {
    u8 *start = out;
    u32 at = 0, pending = 0;
    for (u32 i = 0; i < 1u << HASH_BITS; i++) head[i] = -1;
    while (at < bytes) {
        u32 distance = 0, next_distance = 0;
        u32 length = longest(text, at, bytes, &distance);
        if (at + 4 <= bytes) insert(text, at);
        if (length && length < 32 && at + 1 < bytes) {
            u32 next = longest(text, at + 1, bytes, &next_distance);
            if (next > length + 1) length = 0;
        }
        if (!length) {
            at++;
            continue;
        }
        out = put_literals(out, text + pending, at - pending);
        out = put_match(out, length, distance);
        for (u32 i = 1; i < length; i++)
            if (at + i + 4 <= bytes) insert(text, at + i);
        at += length;
        pending = at;
    }
    return (u32)(put_literals(out, text + pending, at - pending) - start);
}

static u32 decompress(const u8 *in, u32 bytes, u8 *out) {
    const u8 *end = in + bytes;
    u8 *start = out;
    while (in < end) {
        u32 token = *in++;
        if (token < 128) {
            copy(out, in, token + 1);
            in += token + 1, out += token + 1;
            continue;
        }
        u32 length = (token & 127) + MIN_MATCH;
        if ((token & 127) == 15) length += *in++;
        u32 distance = in[0] | (u32)in[1] << 8;
        in += 2;
        if (distance >= length) {
            copy(out, out - distance, length);
        } else {
            for (u32 i = 0; i < length; i++) out[i] = out[i - distance];
        }
        out += length;
    }
    return (u32)(out - start);
}

static u8 *text, *packed, *unpacked;

void EXPORT(setup)(u32 bytes) {
    text = take(bytes + 8);
    packed = take(bytes + bytes / 8 + 64);
    unpacked = take(bytes + 8);
    make_text(text, bytes);
}

/* The compressed size, or -1 if the text is not got back. */
i32 EXPORT(run)(u32 bytes) {
    u32 size = compress(text, bytes, packed);
    if (decompress(packed, size, unpacked) != bytes) return -1;
    for (u32 i = 0; i < bytes; i++)
        if (text[i] != unpacked[i]) return -1;
    return (i32)size;
}

u64 EXPORT(checksum)(u32 bytes, u32 size) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < bytes; i++) sum = mix(sum, text[i]);
    for (u32 i = 0; i < size; i++) sum = mix(sum, packed[i]);
    return sum;
}

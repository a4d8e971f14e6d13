/* Canonical Huffman codes: count, build the tree with a heap, write codes into a bit stream, decode it with a
 * table and a slow path, compare. */
#include "rt.h"

enum { SYMBOLS = 256, MAX_BITS = 32, FAST_BITS = 9 };

typedef struct { u32 weight; u16 node; } Entry;
typedef struct { u8 *at; u64 bits; u32 count; } Writer;
typedef struct { const u8 *at; u64 bits; u32 count; } Reader;

static u32 counts[SYMBOLS];
static u8 lengths[SYMBOLS];
static u32 codes[SYMBOLS];
static u8 sorted[SYMBOLS];
static u32 per_length[MAX_BITS + 1];
static u16 fast[1 << FAST_BITS];
static Entry heap[SYMBOLS + 1];
static u16 parent[2 * SYMBOLS];
static u32 heap_size;

static int before(Entry a, Entry b) { return a.weight < b.weight || (a.weight == b.weight && a.node < b.node); }

static void push(Entry entry) {
    u32 i = ++heap_size;
    for (; i > 1 && before(entry, heap[i / 2]); i /= 2) heap[i] = heap[i / 2];
    heap[i] = entry;
}

static Entry pop(void) {
    Entry top = heap[1], last = heap[heap_size--];
    u32 i = 1;
    for (;;) {
        u32 child = 2 * i;
        if (child > heap_size) break;
        if (child < heap_size && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

static void build_lengths(void) {
    heap_size = 0;
    for (u32 s = 0; s < SYMBOLS; s++)
        if (counts[s]) push((Entry){counts[s], (u16)s});
    u32 next = SYMBOLS;
    while (heap_size > 1) {
        Entry a = pop(), b = pop();
        parent[a.node] = parent[b.node] = (u16)next;
        push((Entry){a.weight + b.weight, (u16)next++});
    }
    u32 root = next - 1;
    fill(per_length, 0, sizeof per_length);
    for (u32 s = 0; s < SYMBOLS; s++) {
        lengths[s] = 0;
        if (!counts[s]) continue;
        u32 bits = 0;
        for (u32 node = s; node != root; node = parent[node]) bits++;
        if (bits > MAX_BITS) __builtin_trap();
        lengths[s] = (u8)bits;
        per_length[bits]++;
    }
}

static void build_codes(void) {
    u32 code = 0, filled = 0;
    fill(fast, 0, sizeof fast);
    for (u32 bits = 1; bits <= MAX_BITS; bits++) {
        code <<= 1;
        for (u32 s = 0; s < SYMBOLS; s++) {
            if (lengths[s] != bits) continue;
            sorted[filled++] = (u8)s;
            codes[s] = code;
            if (bits <= FAST_BITS) {
                u32 first = code << (FAST_BITS - bits);
                for (u32 i = 0; i < 1u << (FAST_BITS - bits); i++) fast[first + i] = (u16)(s | bits << 8);
            }
            code++;
        }
    }
}

static inline void put(Writer *w, u32 code, u32 bits) {
    w->bits = w->bits << bits | code;
    w->count += bits;
    while (w->count >= 8) {
        w->count -= 8;
        *w->at++ = (u8)(w->bits >> w->count);
    }
}

static inline void refill(Reader *r) {
    while (r->count <= 48) {
        r->bits = r->bits << 8 | *r->at++;
        r->count += 8;
    }
}

static NOINLINE u8 slow_symbol(Reader *r) {
    u32 code = 0, first = 0, index = 0;
    for (u32 bits = 1; bits <= MAX_BITS; bits++) {
        r->count--;
        code = code << 1 | (u32)(r->bits >> r->count & 1);
        first <<= 1;
        if (code - first < per_length[bits]) return sorted[index + code - first];
        first += per_length[bits];
        index += per_length[bits];
    }
    __builtin_trap();
}

static inline u8 symbol(Reader *r) {
    refill(r);
    u16 found = fast[r->bits >> (r->count - FAST_BITS) & ((1 << FAST_BITS) - 1)];
    if (!found) return slow_symbol(r);
    r->count -= found >> 8;
    return (u8)found;
}

static u8 *data, *packed, *unpacked;

/* Geometrically distributed bytes around a slowly moving centre. */
void EXPORT(setup)(u32 bytes) {
    data = take(bytes);
    packed = take(bytes * 2 + 64);
    unpacked = take(bytes);
    u32 seed = 55555u;
    for (u32 i = 0; i < bytes; i++) {
        u32 r = random_next(&seed);
        u32 spread = (u32)__builtin_clz(r | 1) * 3 + (r & 3);
        data[i] = (u8)((r >> 5 & 1 ? 128 + spread : 128 - spread) + (i >> 14 & 7));
    }
}

/* The size of the bit stream in bytes, or 0 if the data are not got back; three rounds over changed data. */
u32 EXPORT(run)(u32 bytes) {
    u32 total = 0;
    for (u32 round = 0; round < 3; round++) {
        fill(counts, 0, sizeof counts);
        for (u32 i = 0; i < bytes; i++) counts[data[i]]++;
        build_lengths();
        build_codes();
        Writer w = {packed, 0, 0};
        for (u32 i = 0; i < bytes; i++) put(&w, codes[data[i]], lengths[data[i]]);
        put(&w, 0, 7);
        fill(w.at, 0, 16);
        Reader r = {packed, 0, 0};
        for (u32 i = 0; i < bytes; i++) unpacked[i] = symbol(&r);
        for (u32 i = 0; i < bytes; i++)
            if (unpacked[i] != data[i]) return 0;
        total += (u32)(w.at - packed);
        /* The next round has the differences, which are distributed otherwise. */
        for (u32 i = bytes - 1; i > 0; i--) data[i] = (u8)(data[i] - data[i - 1]);
    }
    return total;
}

u64 EXPORT(checksum)(u32 bytes) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < bytes; i++) sum = mix(sum, (u64)packed[i] << 8 | unpacked[i]);
    return sum;
}

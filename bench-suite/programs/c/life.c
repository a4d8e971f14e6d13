/* Conway's game of life on a torus, 64 cells a word: neighbours are counted by adders made of bit operations. */
#include "rt.h"

static u64 *now, *next;
static u32 words, rows;

void EXPORT(setup)(u32 w, u32 h) {
    u32 seed = 1970u;
    words = w;
    rows = h;
    now = take(w * h * 8);
    next = take(w * h * 8);
    for (u32 i = 0; i < w * h; i++) {
        u64 a = (u64)random_next(&seed) << 32 | random_next(&seed);
        u64 b = (u64)random_next(&seed) << 32 | random_next(&seed);
        now[i] = a & b;
    }
}

/* A row with its neighbours to the left and to the right added up per cell: a two-bit number. */
typedef struct { u64 ones, twos, self; } Sums;

static inline Sums sums(const u64 *row, u32 i) {
    u64 left = row[i ? i - 1 : words - 1], self = row[i], right = row[i + 1 < words ? i + 1 : 0];
    u64 west = self << 1 | left >> 63, east = self >> 1 | right << 63;
    return (Sums){west ^ east, west & east, self};
}

static void step(void) {
    for (u32 y = 0; y < rows; y++) {
        const u64 *up = now + (y ? y - 1 : rows - 1) * words, *mid = now + y * words;
        const u64 *down = now + (y + 1 < rows ? y + 1 : 0) * words;
        for (u32 i = 0; i < words; i++) {
            Sums a = sums(up, i), b = sums(mid, i), c = sums(down, i);
            /* The rows above and below count with their middle cell: full adders. */
            u64 a1 = a.ones ^ a.self, a2 = a.twos | (a.ones & a.self);
            u64 c1 = c.ones ^ c.self, c2 = c.twos | (c.ones & c.self);
            u64 ones = a1 ^ b.ones ^ c1, carry = (a1 & b.ones) | (c1 & (a1 ^ b.ones));
            /* Twos: a2 + b.twos + c2 + carry. Alive needs exactly one of them. */
            u64 half = a2 ^ b.twos, both = a2 & b.twos, half2 = c2 ^ carry, both2 = c2 & carry;
            u64 twos = half ^ half2, fours = both | both2 | (half & half2);
            next[y * words + i] = twos & ~fours & (ones | b.self);
        }
    }
    u64 *swap = now;
    now = next;
    next = swap;
}

/* The number of living cells after so many steps. */
u32 EXPORT(run)(u32 steps) {
    for (u32 i = 0; i < steps; i++) step();
    u32 alive = 0;
    for (u32 i = 0; i < words * rows; i++) alive += (u32)__builtin_popcountll(now[i]);
    return alive;
}

u64 EXPORT(checksum)(void) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < words * rows; i++) sum = mix(sum, now[i]);
    return sum;
}

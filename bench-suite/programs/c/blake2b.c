/* BLAKE2b-512 (RFC 7693): 64-bit additions, rotations and exclusive ors. */
#include "rt.h"

/* The initial values are those of SHA-512: fractions of the square roots of the first eight primes. */
static u64 initial[8];
static const u8 order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

/* The first 64 fractional bits of the square root of p, digit by digit. */
static u64 root_fraction(u32 p) {
    unsigned __int128 remainder = p, root = 0;
    u64 whole = 1;
    while ((whole + 1) * (whole + 1) <= p) whole++;
    remainder -= whole * whole;
    root = whole;
    for (int bit = 0; bit < 64; bit++) {
        /* Invariant: remainder = p * 4^bit - root^2. */
        remainder <<= 2;
        root <<= 1;
        if (remainder >= 2 * root + 1) {
            remainder -= 2 * root + 1;
            root++;
        }
    }
    return (u64)root;
}

static inline u64 rotr(u64 x, int by) { return x >> by | x << (64 - by); }

static inline void g(u64 v[16], int a, int b, int c, int d, u64 x, u64 y) {
    v[a] += v[b] + x;
    v[d] = rotr(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotr(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotr(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotr(v[b] ^ v[c], 63);
}

static void compress(u64 h[8], const u8 *block, u64 count, int last) {
    u64 v[16], m[16];
    copy(m, block, 128);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = initial[i];
    }
    v[12] ^= count;
    if (last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const u8 *s = order[round % 10];
        g(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        g(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        g(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        g(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        g(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        g(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        g(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        g(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

/* The host writes the message here. */
u8 *EXPORT(message)(u32 bytes) {
    static const u8 primes[8] = {2, 3, 5, 7, 11, 13, 17, 19};
    for (int i = 0; i < 8; i++) initial[i] = root_fraction(primes[i]);
    return take(bytes);
}

static u64 state[8];

/* Hashes the message, then the message with the digest in its first bytes, and so on: `rounds` times. */
u8 *EXPORT(run)(u8 *data, u32 bytes, u32 rounds) {
    for (u32 round = 0; round < rounds; round++) {
        copy(state, initial, 64);
        state[0] ^= 0x01010000 ^ 64;
        u32 at = 0;
        for (; bytes - at > 128; at += 128) compress(state, data + at, at + 128, 0);
        u8 tail[128];
        fill(tail, 0, 128);
        copy(tail, data + at, bytes - at);
        compress(state, tail, bytes, 1);
        if (round + 1 < rounds) copy(data, state, bytes < 64 ? bytes : 64);
    }
    return (u8 *)state;
}

/* SHA-256 (FIPS 180-4) over a pseudo-random buffer. The round constants are computed as the standard
 * defines them: fractional bits of cube and square roots of the first primes. */
#include "rt.h"

static u32 constants[64], initial[8];
static u8 digest[32];

typedef unsigned __int128 u128;

/* The first 32 fractional bits of the square root of p, digit by digit. */
static u32 square_root_fraction(u32 p) {
    u64 root = 1;
    while ((root + 1) * (root + 1) <= p) root++;
    u64 rest = p - root * root;
    for (int bit = 0; bit < 32; bit++) {
        /* Invariant: rest = p * 4^bit - root^2. */
        rest <<= 2;
        root <<= 1;
        if (rest > 2 * root) {
            rest -= 2 * root + 1;
            root++;
        }
    }
    return (u32)root;
}

/* The same for the cube root; thrice the square is carried along, so that no wide product is needed. */
static u32 cube_root_fraction(u32 p) {
    u64 root = 1;
    while ((root + 1) * (root + 1) * (root + 1) <= p) root++;
    u128 squares = 3 * root * root, rest = p - root * root * root;
    for (int bit = 0; bit < 32; bit++) {
        /* Invariants: squares = 3 * root^2, rest = p * 8^bit - root^3. */
        rest <<= 3;
        root <<= 1;
        squares <<= 2;
        u128 step = squares + 3 * root + 1;
        if (rest >= step) {
            rest -= step;
            squares += 6 * root + 3;
            root++;
        }
    }
    return (u32)root;
}

static void prepare_constants(void) {
    u32 found = 0;
    for (u32 candidate = 2; found < 64; candidate++) {
        int prime = 1;
        for (u32 d = 2; d * d <= candidate; d++) prime &= candidate % d != 0;
        if (!prime) continue;
        if (found < 8) initial[found] = square_root_fraction(candidate);
        constants[found++] = cube_root_fraction(candidate);
    }
}

static inline u32 rotr(u32 x, int by) { return x >> by | x << (32 - by); }

static void block(u32 state[8], const u8 *p) {
    u32 w[64];
    for (int i = 0; i < 16; i++, p += 4) w[i] = (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        u32 s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
        u32 s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    u32 a = state[0], b = state[1], c = state[2], d = state[3];
    u32 e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        u32 s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
        u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
        u32 s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
        u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g; g = f; f = e; e = d + t1;
        d = c; c = b; b = a; a = t1 + t2;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d;
    state[4] += e; state[5] += f; state[6] += g; state[7] += h;
}

/* A buffer of `bytes` bytes: the low byte of each random number. */
u8 *EXPORT(setup)(u32 bytes) {
    prepare_constants();
    u8 *data = take(bytes);
    u32 seed = 2463534242u;
    for (u32 i = 0; i < bytes; i++) data[i] = (u8)random_next(&seed);
    return data;
}

/* Hashes the buffer; the result is the address of the digest. */
u8 *EXPORT(run)(const u8 *data, u32 bytes) {
    u32 state[8];
    copy(state, initial, 32);
    u32 at = 0;
    for (; bytes - at >= 64; at += 64) block(state, data + at);
    u8 tail[128];
    u32 rest = bytes - at, padded = rest < 56 ? 64 : 128;
    copy(tail, data + at, rest);
    tail[rest] = 0x80;
    fill(tail + rest + 1, 0, padded - rest - 1);
    u64 length = (u64)bytes * 8;
    for (int i = 0; i < 8; i++) tail[padded - 1 - i] = (u8)(length >> (8 * i));
    for (u32 i = 0; i < padded; i += 64) block(state, tail + i);
    for (int i = 0; i < 32; i++) digest[i] = (u8)(state[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
}

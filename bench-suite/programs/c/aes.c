/* AES-128 (FIPS 197) with four lookup tables a direction, in CBC mode: encrypt a buffer, decrypt it,
 * compare. All tables are computed from the field arithmetic that defines them. */
#include "rt.h"

static u8 sbox[256], inverse[256];
static u32 enc[4][256], dec[4][256];
static u32 enc_key[44], dec_key[44];

static u8 multiply(u8 a, u8 b) {
    u8 product = 0;
    for (; b; b >>= 1) {
        if (b & 1) product ^= a;
        a = (u8)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
    }
    return product;
}

static inline u32 rotl(u32 x, int by) { return by ? x << by | x >> (32 - by) : x; }
static inline u32 word(u8 a, u8 b, u8 c, u8 d) { return (u32)a << 24 | (u32)b << 16 | (u32)c << 8 | d; }

static void make_tables(void) {
    for (int i = 0; i < 256; i++) {
        /* The inverse in the field is the 254th power. */
        u8 power = (u8)i, inv = 1;
        for (int e = 254; e; e >>= 1) {
            if (e & 1) inv = multiply(inv, power);
            power = multiply(power, power);
        }
        if (i == 0) inv = 0;
        u8 s = 0x63;
        for (int k = 0; k < 5; k++) s ^= (u8)(inv << k | inv >> (8 - k));
        sbox[i] = s;
        inverse[s] = (u8)i;
    }
    for (int i = 0; i < 256; i++) {
        u8 s = sbox[i], v = inverse[i];
        u32 forward = word(multiply(s, 2), s, s, multiply(s, 3));
        u32 backward = word(multiply(v, 14), multiply(v, 9), multiply(v, 13), multiply(v, 11));
        for (int k = 0; k < 4; k++) {
            enc[k][i] = rotl(forward, 32 - 8 * k & 31);
            dec[k][i] = rotl(backward, 32 - 8 * k & 31);
        }
    }
}

static u32 substitute(u32 w) { return word(sbox[w >> 24], sbox[w >> 16 & 255], sbox[w >> 8 & 255], sbox[w & 255]); }

static u32 unmix(u32 w) {
    return dec[0][sbox[w >> 24]] ^ dec[1][sbox[w >> 16 & 255]] ^ dec[2][sbox[w >> 8 & 255]] ^ dec[3][sbox[w & 255]];
}

static void expand_key(const u32 key[4]) {
    copy(enc_key, key, 16);
    u8 round = 1;
    for (int i = 4; i < 44; i++) {
        u32 w = enc_key[i - 1];
        if (i % 4 == 0) {
            w = substitute(rotl(w, 8)) ^ (u32)round << 24;
            round = multiply(round, 2);
        }
        enc_key[i] = enc_key[i - 4] ^ w;
    }
    for (int i = 0; i < 44; i++) {
        u32 w = enc_key[4 * (10 - i / 4) + i % 4];
        dec_key[i] = i < 4 || i >= 40 ? w : unmix(w);
    }
}

#define B3(x) ((x) >> 24)
#define B2(x) ((x) >> 16 & 255)
#define B1(x) ((x) >> 8 & 255)
#define B0(x) ((x) & 255)

static void encrypt(u32 s[4]) {
    const u32 *k = enc_key;
    u32 a = s[0] ^ k[0], b = s[1] ^ k[1], c = s[2] ^ k[2], d = s[3] ^ k[3];
    for (int round = 1; round < 10; round++) {
        k += 4;
        u32 na = enc[0][B3(a)] ^ enc[1][B2(b)] ^ enc[2][B1(c)] ^ enc[3][B0(d)] ^ k[0];
        u32 nb = enc[0][B3(b)] ^ enc[1][B2(c)] ^ enc[2][B1(d)] ^ enc[3][B0(a)] ^ k[1];
        u32 nc = enc[0][B3(c)] ^ enc[1][B2(d)] ^ enc[2][B1(a)] ^ enc[3][B0(b)] ^ k[2];
        u32 nd = enc[0][B3(d)] ^ enc[1][B2(a)] ^ enc[2][B1(b)] ^ enc[3][B0(c)] ^ k[3];
        a = na; b = nb; c = nc; d = nd;
    }
    k += 4;
    s[0] = word(sbox[B3(a)], sbox[B2(b)], sbox[B1(c)], sbox[B0(d)]) ^ k[0];
    s[1] = word(sbox[B3(b)], sbox[B2(c)], sbox[B1(d)], sbox[B0(a)]) ^ k[1];
    s[2] = word(sbox[B3(c)], sbox[B2(d)], sbox[B1(a)], sbox[B0(b)]) ^ k[2];
    s[3] = word(sbox[B3(d)], sbox[B2(a)], sbox[B1(b)], sbox[B0(c)]) ^ k[3];
}

static void decrypt(u32 s[4]) {
    const u32 *k = dec_key;
    u32 a = s[0] ^ k[0], b = s[1] ^ k[1], c = s[2] ^ k[2], d = s[3] ^ k[3];
    for (int round = 1; round < 10; round++) {
        k += 4;
        u32 na = dec[0][B3(a)] ^ dec[1][B2(d)] ^ dec[2][B1(c)] ^ dec[3][B0(b)] ^ k[0];
        u32 nb = dec[0][B3(b)] ^ dec[1][B2(a)] ^ dec[2][B1(d)] ^ dec[3][B0(c)] ^ k[1];
        u32 nc = dec[0][B3(c)] ^ dec[1][B2(b)] ^ dec[2][B1(a)] ^ dec[3][B0(d)] ^ k[2];
        u32 nd = dec[0][B3(d)] ^ dec[1][B2(c)] ^ dec[2][B1(b)] ^ dec[3][B0(a)] ^ k[3];
        a = na; b = nb; c = nc; d = nd;
    }
    k += 4;
    s[0] = word(inverse[B3(a)], inverse[B2(d)], inverse[B1(c)], inverse[B0(b)]) ^ k[0];
    s[1] = word(inverse[B3(b)], inverse[B2(a)], inverse[B1(d)], inverse[B0(c)]) ^ k[1];
    s[2] = word(inverse[B3(c)], inverse[B2(b)], inverse[B1(a)], inverse[B0(d)]) ^ k[2];
    s[3] = word(inverse[B3(d)], inverse[B2(c)], inverse[B1(b)], inverse[B0(a)]) ^ k[3];
}

/* The example of appendix C.1 of the standard: the first half of the ciphertext. */
u64 EXPORT(standard_example)(void) {
    u32 key[4] = {0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f};
    u32 s[4] = {0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff};
    make_tables();
    expand_key(key);
    encrypt(s);
    return (u64)s[0] << 32 | s[1];
}

/* Encrypts and decrypts `blocks` blocks; the sum of the ciphertext, or 0 if the plaintext is not got back. */
u64 EXPORT(run)(u32 blocks) {
    u32 seed = 88172645u, key[4];
    make_tables();
    for (int i = 0; i < 4; i++) key[i] = random_next(&seed);
    expand_key(key);
    u32 *plain = take(blocks * 16), *cipher = take(blocks * 16);
    for (u32 i = 0; i < blocks * 4; i++) plain[i] = random_next(&seed);
    u32 chain[4] = {1, 2, 3, 4};
    u64 sum = MIX_START;
    for (u32 i = 0; i < blocks * 4; i += 4) {
        for (int k = 0; k < 4; k++) chain[k] ^= plain[i + k];
        encrypt(chain);
        copy(cipher + i, chain, 16);
        sum = mix(sum, (u64)chain[0] << 32 | chain[1]);
        sum = mix(sum, (u64)chain[2] << 32 | chain[3]);
    }
    u32 previous[4] = {1, 2, 3, 4};
    for (u32 i = 0; i < blocks * 4; i += 4) {
        u32 s[4];
        copy(s, cipher + i, 16);
        decrypt(s);
        for (int k = 0; k < 4; k++) {
            if ((s[k] ^ previous[k]) != plain[i + k]) return 0;
            previous[k] = cipher[i + k];
        }
    }
    return sum;
}

/* C = A * B for f64 matrices, blocked for the cache, with a kernel that keeps a 4 by 4 tile in locals. */
#include "rt.h"

enum { BLOCK = 48 };

static f64 *a, *b, *c;

static void kernel(u32 n, const f64 *pa, const f64 *pb, f64 *pc, u32 depth) {
    f64 t[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) t[i][j] = pc[(u32)i * n + (u32)j];
    for (u32 k = 0; k < depth; k++, pb += n) {
        f64 b0 = pb[0], b1 = pb[1], b2 = pb[2], b3 = pb[3];
        for (int i = 0; i < 4; i++) {
            f64 x = pa[(u32)i * n + k];
            t[i][0] += x * b0;
            t[i][1] += x * b1;
            t[i][2] += x * b2;
            t[i][3] += x * b3;
        }
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) pc[(u32)i * n + (u32)j] = t[i][j];
}

static inline u32 least(u32 x, u32 y) { return x < y ? x : y; }

void EXPORT(setup)(u32 n) {
    u32 seed = 99u;
    a = take(n * n * 8);
    b = take(n * n * 8);
    c = take(n * n * 8);
    for (u32 i = 0; i < n * n; i++) {
        a[i] = (f64)(i32)random_next(&seed) / 2147483648.0;
        b[i] = (f64)(i32)random_next(&seed) / 2147483648.0;
    }
    fill(c, 0, n * n * 8);
}

/* n must be a multiple of 4. */
void EXPORT(run)(u32 n) {
    for (u32 i0 = 0; i0 < n; i0 += BLOCK)
        for (u32 k0 = 0; k0 < n; k0 += BLOCK)
            for (u32 j0 = 0; j0 < n; j0 += BLOCK) {
                u32 i1 = least(i0 + BLOCK, n), j1 = least(j0 + BLOCK, n), depth = least(BLOCK, n - k0);
                for (u32 i = i0; i < i1; i += 4)
                    for (u32 j = j0; j < j1; j += 4)
                        kernel(n, a + i * n + k0, b + k0 * n + j, c + i * n + j, depth);
            }
}

u64 EXPORT(checksum)(u32 n) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < n * n; i++) sum = mix(sum, bits_of(c[i]));
    return sum;
}

/* The trace, for people and for references that add up in the same order. */
f64 EXPORT(trace)(u32 n) {
    f64 total = 0;
    for (u32 i = 0; i < n; i++) total += c[i * n + i];
    return total;
}

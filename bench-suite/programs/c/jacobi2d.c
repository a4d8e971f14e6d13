/* Heat on a square plate in f32: Jacobi iterations of the five-point stencil with fixed borders. */
#include "rt.h"

static f32 *now, *next;

void EXPORT(setup)(u32 n) {
    now = take(n * n * 4);
    next = take(n * n * 4);
    for (u32 i = 0; i < n; i++)
        for (u32 j = 0; j < n; j++) {
            int border = i == 0 || j == 0 || i == n - 1 || j == n - 1;
            f32 value = border ? (f32)(i * 3 + j * 7 % 11) : (f32)((i * j) % 17) * 0.25f;
            now[i * n + j] = next[i * n + j] = value;
        }
}

/* The largest change of the last step. */
f32 EXPORT(run)(u32 n, u32 steps) {
    f32 change = 0;
    for (u32 step = 0; step < steps; step++) {
        change = 0;
        for (u32 i = 1; i < n - 1; i++) {
            const f32 *up = now + (i - 1) * n, *mid = now + i * n, *down = now + (i + 1) * n;
            f32 *to = next + i * n;
            for (u32 j = 1; j < n - 1; j++) {
                f32 value = 0.2f * (mid[j] + mid[j - 1] + mid[j + 1] + up[j] + down[j]);
                f32 moved = __builtin_fabsf(value - mid[j]);
                if (moved > change) change = moved;
                to[j] = value;
            }
        }
        f32 *swap = now;
        now = next;
        next = swap;
    }
    return change;
}

u64 EXPORT(checksum)(u32 n) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < n * n; i++) sum = mix(sum, bits_of_f32(now[i]));
    return sum;
}

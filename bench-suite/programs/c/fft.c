/* A radix-2 fast Fourier transform in f64: forwards, a filter in the frequency domain, backwards. Sine and
 * cosine come from Taylor series on an eighth of the circle. */
#include "rt.h"

typedef struct { f64 re, im; } Complex;

static Complex *data, *original, *roots;

static f64 sine_small(f64 x) {
    f64 square = x * x, term = x, total = x;
    for (int k = 2; k < 20; k += 2) {
        term *= -square / (f64)(k * (k + 1));
        total += term;
    }
    return total;
}

static f64 cosine_small(f64 x) {
    f64 square = x * x, term = 1, total = 1;
    for (int k = 1; k < 20; k += 2) {
        term *= -square / (f64)(k * (k + 1));
        total += term;
    }
    return total;
}

/* exp(2 pi i k / n) for n divisible by 8, by symmetry from the first eighth. */
static Complex root(u32 k, u32 n) {
    const f64 tau = 6.283185307179586;
    u32 quarter = n / 4, quadrant = k / quarter, rest = k % quarter;
    Complex z;
    if (rest <= n / 8) {
        f64 angle = tau * (f64)rest / (f64)n;
        z = (Complex){cosine_small(angle), sine_small(angle)};
    } else {
        f64 angle = tau * (f64)(quarter - rest) / (f64)n;
        z = (Complex){sine_small(angle), cosine_small(angle)};
    }
    switch (quadrant) {
    case 0: return z;
    case 1: return (Complex){-z.im, z.re};
    case 2: return (Complex){-z.re, -z.im};
    default: return (Complex){z.im, -z.re};
    }
}

static void reorder(Complex *x, u32 n) {
    for (u32 i = 1, j = 0; i < n; i++) {
        u32 bit = n >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) {
            Complex t = x[i];
            x[i] = x[j];
            x[j] = t;
        }
    }
}

static void transform(Complex *x, u32 n, f64 direction) {
    reorder(x, n);
    for (u32 half = 1; half < n; half *= 2) {
        u32 stride = n / (2 * half);
        for (u32 start = 0; start < n; start += 2 * half)
            for (u32 k = 0; k < half; k++) {
                Complex w = roots[k * stride], u = x[start + k], v = x[start + k + half];
                f64 im = direction * w.im;
                f64 re = v.re * w.re - v.im * im;
                im = v.re * im + v.im * w.re;
                x[start + k] = (Complex){u.re + re, u.im + im};
                x[start + k + half] = (Complex){u.re - re, u.im - im};
            }
    }
}

void EXPORT(setup)(u32 n) {
    u32 seed = 4711u;
    data = take(n * sizeof(Complex));
    original = take(n * sizeof(Complex));
    roots = take(n * sizeof(Complex));
    for (u32 i = 0; i < n; i++) {
        f64 noise = (f64)(i32)random_next(&seed) / 2147483648.0;
        data[i] = (Complex){(f64)(i % 64) / 16 + noise, noise * 0.5 - (f64)(i % 10)};
        original[i] = data[i];
        roots[i] = root(i, n);
    }
}

/* Transforms there and back `rounds` times; a low-pass filter in between makes every round differ. */
void EXPORT(run)(u32 n, u32 rounds) {
    for (u32 round = 0; round < rounds; round++) {
        transform(data, n, -1);
        f64 keep = 1.0 / (f64)n, damp = keep * 0.75;
        for (u32 i = 0; i < n; i++) {
            u32 frequency = i < n / 2 ? i : n - i;
            f64 factor = frequency < n / 8 ? keep : damp;
            data[i].re *= factor;
            data[i].im *= factor;
        }
        transform(data, n, 1);
    }
}

/* The energy of the signal. */
f64 EXPORT(energy)(u32 n) {
    f64 total = 0;
    for (u32 i = 0; i < n; i++) total += data[i].re * data[i].re + data[i].im * data[i].im;
    return total;
}

u64 EXPORT(checksum)(u32 n) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < n; i++) sum = mix(mix(sum, bits_of(data[i].re)), bits_of(data[i].im));
    return sum;
}

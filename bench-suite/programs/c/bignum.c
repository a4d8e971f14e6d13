/* Whole numbers of any length, 32-bit limbs: n! and the nth Fibonacci number by doubling, products by Karatsuba,
 * then their remainders and their decimal digits by repeated division. */
#include "rt.h"

typedef struct { u32 *limbs; u32 length; } Number;

static Number number(u32 limbs) {
    Number n = {take(limbs * 4 + 4), limbs};
    fill(n.limbs, 0, limbs * 4);
    return n;
}

static void trim(Number *n) { while (n->length && !n->limbs[n->length - 1]) n->length--; }

/* to += from, over `count` limbs of `from`; the carry runs on as far as it must. */
static void add_into(u32 *to, const u32 *from, u32 count) {
    u64 carry = 0;
    u32 i = 0;
    for (; i < count; i++) {
        carry += (u64)to[i] + from[i];
        to[i] = (u32)carry;
        carry >>= 32;
    }
    for (; carry; i++) {
        carry += to[i];
        to[i] = (u32)carry;
        carry >>= 32;
    }
}

static void subtract_from(u32 *to, const u32 *from, u32 count) {
    i64 borrow = 0;
    u32 i = 0;
    for (; i < count; i++) {
        borrow += (i64)to[i] - from[i];
        to[i] = (u32)borrow;
        borrow >>= 32;
    }
    for (; borrow; i++) {
        borrow += to[i];
        to[i] = (u32)borrow;
        borrow >>= 32;
    }
}

static void multiply_plain(u32 *to, const u32 *a, u32 na, const u32 *b, u32 nb) {
    fill(to, 0, (na + nb) * 4);
    for (u32 i = 0; i < na; i++) {
        u64 carry = 0, x = a[i];
        for (u32 j = 0; j < nb; j++) {
            carry += x * b[j] + to[i + j];
            to[i + j] = (u32)carry;
            carry >>= 32;
        }
        to[i + nb] = (u32)carry;
    }
}

enum { KARATSUBA = 40 };

/* The product of two numbers of n limbs; `work` has room for 8 n limbs and some. */
static void multiply_equal(u32 *to, const u32 *a, const u32 *b, u32 n, u32 *work) {
    if (n < KARATSUBA) {
        multiply_plain(to, a, n, b, n);
        return;
    }
    u32 low = n / 2, high = n - low, wide = high + 1;
    u32 *sa = work, *sb = sa + wide, *middle = sb + wide, *rest = middle + 2 * wide;
    multiply_equal(to, a, b, low, rest);
    multiply_equal(to + 2 * low, a + low, b + low, high, rest);
    copy(sa, a + low, high * 4);
    copy(sb, b + low, high * 4);
    sa[high] = sb[high] = 0;
    add_into(sa, a, low);
    add_into(sb, b, low);
    multiply_equal(middle, sa, sb, wide, rest);
    subtract_from(middle, to, 2 * low);
    subtract_from(middle, to + 2 * low, 2 * high);
    u32 count = 2 * wide;
    while (count && !middle[count - 1]) count--;
    add_into(to + low, middle, count);
}

static Number multiply(Number a, Number b) {
    if (a.length < b.length) {
        Number t = a;
        a = b;
        b = t;
    }
    Number product = number(a.length + b.length + 1);
    if (b.length < KARATSUBA || a.length > 2 * b.length) {
        multiply_plain(product.limbs, a.limbs, a.length, b.limbs, b.length);
    } else {
        Number padded = number(a.length), work = number(8 * a.length + 256), full = number(2 * a.length + 1);
        copy(padded.limbs, b.limbs, b.length * 4);
        multiply_equal(full.limbs, a.limbs, padded.limbs, a.length, work.limbs);
        product = full;
    }
    trim(&product);
    return product;
}

static Number small(u32 value) {
    Number n = number(1);
    n.limbs[0] = value;
    trim(&n);
    return n;
}

/* The product of all whole numbers from `from` to `to`, by halves, so that factors are of like size. */
static Number product_of(u32 from, u32 to) {
    if (from == to) return small(from);
    u32 middle = from + (to - from) / 2;
    return multiply(product_of(from, middle), product_of(middle + 1, to));
}

static Number sum_of(Number a, Number b) {
    u32 longest = a.length > b.length ? a.length : b.length;
    Number sum = number(longest + 1);
    copy(sum.limbs, a.limbs, a.length * 4);
    add_into(sum.limbs, b.limbs, b.length);
    trim(&sum);
    return sum;
}

/* F(2k) = F(k) (2 F(k+1) - F(k)), F(2k+1) = F(k)^2 + F(k+1)^2. */
static Number fibonacci(u32 n) {
    Number a = small(0), b = small(1);
    for (u32 bit = 1u << 31; bit; bit >>= 1) {
        Number twice = sum_of(b, b);
        subtract_from(twice.limbs, a.limbs, a.length);
        trim(&twice);
        Number even = multiply(a, twice), odd = sum_of(multiply(a, a), multiply(b, b));
        if (n & bit) {
            a = odd;
            b = sum_of(even, odd);
        } else {
            a = even;
            b = odd;
        }
    }
    return a;
}

/* Divides in place; the result is the remainder. */
static u32 divide(Number *n, u32 by) {
    u64 rest = 0;
    for (u32 i = n->length; i-- > 0;) {
        rest = rest << 32 | n->limbs[i];
        n->limbs[i] = (u32)(rest / by);
        rest %= by;
    }
    trim(n);
    return (u32)rest;
}

/* How often each digit stands in the decimal form goes into the sum. */
static u64 sum_of_digits(Number n, u64 sum) {
    u32 counts[10];
    fill(counts, 0, sizeof counts);
    sum = mix(sum, n.length);
    while (n.length) {
        u32 nine = divide(&n, 1000000000u);
        sum = mix(sum, nine);
        for (int i = 0; i < 9; i++, nine /= 10) counts[nine % 10]++;
    }
    for (int i = 0; i < 10; i++) sum = mix(sum, counts[i]);
    return sum;
}

u64 EXPORT(run)(u32 n, u32 nth) {
    u64 sum = sum_of_digits(product_of(1, n), MIX_START);
    return sum_of_digits(fibonacci(nth), sum);
}

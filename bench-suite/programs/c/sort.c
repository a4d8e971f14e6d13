/* Four sorting algorithms, each of which compares through a function pointer that is chosen at run time. */
#include "rt.h"

typedef struct { u32 key; f32 weight; u64 serial; } Record;
typedef int (*Compare)(const Record *, const Record *);
typedef void (*Sort)(Record *, u32, Compare);

static int by_key(const Record *a, const Record *b) { return a->key < b->key ? -1 : a->key > b->key; }
static int by_weight(const Record *a, const Record *b) { return a->weight < b->weight ? -1 : a->weight > b->weight; }
static int by_serial_down(const Record *a, const Record *b) { return a->serial > b->serial ? -1 : a->serial < b->serial; }
static int by_bits(const Record *a, const Record *b) {
    int d = __builtin_popcount(a->key) - __builtin_popcount(b->key);
    return d ? d : by_key(a, b);
}

static void insertion(Record *r, u32 n, Compare compare) {
    for (u32 i = 1; i < n; i++) {
        Record moving = r[i];
        u32 j = i;
        for (; j > 0 && compare(&moving, &r[j - 1]) < 0; j--) r[j] = r[j - 1];
        r[j] = moving;
    }
}

static void quicksort(Record *r, u32 n, Compare compare) {
    while (n > 12) {
        Record *a = r, *b = r + n / 2, *c = r + n - 1;
        Record pivot = compare(a, b) < 0 ? (compare(b, c) < 0 ? *b : compare(a, c) < 0 ? *c : *a)
                                         : (compare(a, c) < 0 ? *a : compare(b, c) < 0 ? *c : *b);
        u32 i = 0, j = n - 1;
        for (;;) {
            while (compare(&r[i], &pivot) < 0) i++;
            while (compare(&pivot, &r[j]) < 0) j--;
            if (i >= j) break;
            Record t = r[i];
            r[i++] = r[j];
            r[j--] = t;
        }
        /* Recurse into the smaller part, loop over the other: the stack stays flat. */
        u32 left = j + 1;
        if (left < n - left) {
            quicksort(r, left, compare);
            r += left, n -= left;
        } else {
            quicksort(r + left, n - left, compare);
            n = left;
        }
    }
    insertion(r, n, compare);
}

static Record *spare;

static void mergesort(Record *r, u32 n, Compare compare) {
    if (n <= 12) {
        insertion(r, n, compare);
        return;
    }
    u32 half = n / 2;
    mergesort(r, half, compare);
    mergesort(r + half, n - half, compare);
    copy(spare, r, half * sizeof(Record));
    u32 i = 0, j = half, k = 0;
    while (i < half && j < n) r[k++] = compare(&r[j], &spare[i]) < 0 ? r[j++] : spare[i++];
    copy(r + k, spare + i, (half - i) * sizeof(Record));
}

static void sift(Record *r, u32 i, u32 n, Compare compare) {
    Record moving = r[i];
    for (u32 child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && compare(&r[child], &r[child + 1]) < 0) child++;
        if (compare(&r[child], &moving) <= 0) break;
        r[i] = r[child];
    }
    r[i] = moving;
}

static void heapsort(Record *r, u32 n, Compare compare) {
    for (u32 i = n / 2; i-- > 0;) sift(r, i, n, compare);
    for (u32 i = n; i-- > 1;) {
        Record t = r[0];
        r[0] = r[i];
        r[i] = t;
        sift(r, 0, i, compare);
    }
}

static void shellsort(Record *r, u32 n, Compare compare) {
    for (u32 gap = n * 4 / 9 | 1; n > 1; gap = gap * 4 / 9 | 1) {
        for (u32 i = gap; i < n; i++) {
            Record moving = r[i];
            u32 j = i;
            for (; j >= gap && compare(&moving, &r[j - gap]) < 0; j -= gap) r[j] = r[j - gap];
            r[j] = moving;
        }
        if (gap == 1) break;
    }
}

static Compare const compares[] = {by_key, by_weight, by_serial_down, by_bits};
static Sort const sorts[] = {quicksort, mergesort, heapsort, shellsort};

/* Sorts n random records by every algorithm in every order; 0 if any of them comes out unsorted. */
u64 EXPORT(run)(u32 n) {
    Record *records = take(n * sizeof(Record));
    spare = take(n * sizeof(Record));
    u64 sum = MIX_START;
    u32 seed = 6174u;
    for (u32 s = 0; s < 4; s++)
        for (u32 o = 0; o < 4; o++) {
            for (u32 i = 0; i < n; i++)
                records[i] = (Record){random_next(&seed), (f32)(i32)random_next(&seed), (u64)random_next(&seed) << 9 | i % 512};
            sorts[s](records, n, compares[o]);
            for (u32 i = 1; i < n; i++)
                if (compares[o](&records[i - 1], &records[i]) > 0) return 0;
            for (u32 i = 0; i < n; i++) {
                /* Keys that compare equal may stand in any order unless the sort is stable. */
                u64 value = o == 0 || o == 3 ? records[i].key : o == 1 ? bits_of_f32(records[i].weight) : records[i].serial;
                sum = mix(sum, value);
            }
        }
    return sum;
}

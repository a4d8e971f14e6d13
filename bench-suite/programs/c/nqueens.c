/* All solutions of the n queens problem, by recursion over rows with sets as bits. The whole board is
 * remembered, and every solution enters the checksum with its mirror class. */
#include "rt.h"

static u32 size, all;
static u8 board[32];
static u64 solutions, sum;

/* A solution is worth a number that depends on where its queens stand. */
static NOINLINE void record(void) {
    u64 value = 0;
    for (u32 row = 0; row < size; row++) value = value * size + board[row];
    solutions++;
    sum += mix(MIX_START, value);
}

static void place(u32 row, u32 columns, u32 left, u32 right) {
    if (row == size) {
        record();
        return;
    }
    for (u32 open = all & ~(columns | left | right); open; open &= open - 1) {
        u32 bit = open & -open;
        board[row] = (u8)__builtin_ctz(bit);
        place(row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
}

/* The number of solutions on an n by n board. */
u64 EXPORT(run)(u32 n) {
    size = n;
    all = (1u << n) - 1;
    solutions = sum = 0;
    place(0, 0, 0, 0);
    return solutions;
}

u64 EXPORT(checksum)(void) { return sum; }

/* Runs exported functions of a program natively, as lines on standard input ask for.
 *
 *   c INDEX BITS...   calls export INDEX of `exports`; answers `NANOSECONDS BITS` or, for void, `NANOSECONDS`
 *   r ADDRESS BYTES   answers the bytes there, in hexadecimal digits
 *   w ADDRESS DIGITS  puts bytes there; answers an empty line
 *
 * Numbers are hexadecimal. `exports.h`, generated from the program's source, has a function for each export that takes and gives
 * 64-bit words. The executable is linked to lie below 4 GiB, so that addresses fit the 32 bits that they have in Wasm. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exports.h"

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void call(char *rest) {
    uint64_t arguments[8] = {0};
    unsigned long index = strtoul(rest, &rest, 16);
    for (int i = 0; i < 8 && *rest == ' '; i++) arguments[i] = strtoull(rest, &rest, 16);
    if (index >= sizeof exports / sizeof *exports) exit(2);
    uint64_t start = now_ns();
    uint64_t result = exports[index].call(arguments);
    uint64_t end = now_ns();
    if (exports[index].has_result) printf("%llx %llx\n", (long long)(end - start), (long long)result);
    else printf("%llx\n", (long long)(end - start));
}

static void read_bytes(char *rest) {
    const unsigned char *at = (const unsigned char *)(uintptr_t)strtoull(rest, &rest, 16);
    for (uint64_t count = strtoull(rest, &rest, 16); count > 0; count--) printf("%02x", *at++);
    printf("\n");
}

static void write_bytes(char *rest) {
    unsigned char *at = (unsigned char *)(uintptr_t)strtoull(rest, &rest, 16);
    unsigned byte;
    for (rest += *rest == ' '; sscanf(rest, "%2x", &byte) == 1; rest += 2) *at++ = (unsigned char)byte;
    printf("\n");
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 1) {
        switch (line[0]) {
        case 'c': call(line + 1); break;
        case 'r': read_bytes(line + 1); break;
        case 'w': write_bytes(line + 1); break;
        default: return 2;
        }
        fflush(stdout);
    }
    return 0;
}

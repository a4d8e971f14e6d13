/* What the programs of this directory share: fixed-width names, an arena, a generator of pseudo-random
 * numbers and a running checksum. There is no libc: the modules import nothing.
 *
 * Compiled natively (for cross-checking the answers) the arena is a static array; compiled to Wasm it is
 * the memory from the end of the data onwards, grown as needed. */
#ifndef RT_H
#define RT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef int i32;
typedef long long i64;
typedef float f32;
typedef double f64;
_Static_assert(sizeof(u64) == 8 && sizeof(u32) == 4, "widths");

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name), used)) name
#else
#define EXPORT(name) __attribute__((used)) name
#endif

#define NOINLINE __attribute__((noinline))

/* Bulk copies and fills: memory.copy and memory.fill where the length is not a small constant. */
static inline void copy(void *to, const void *from, u32 bytes) { __builtin_memcpy(to, from, bytes); }
static inline void fill(void *to, u8 byte, u32 bytes) { __builtin_memset(to, byte, bytes); }

#ifdef __wasm__
extern u8 __heap_base;
static u32 arena_next;
__attribute__((unused)) static void *take(u32 bytes) {
    if (arena_next == 0) arena_next = ((u32)(__UINTPTR_TYPE__)&__heap_base + 15) & ~15u;
    u32 at = arena_next;
    arena_next = at + ((bytes + 15) & ~15u);
    u32 have = (u32)__builtin_wasm_memory_size(0) << 16;
    if (arena_next > have) {
        u32 pages = (arena_next - have + 0xffff) >> 16;
        if (__builtin_wasm_memory_grow(0, pages) == (__UINTPTR_TYPE__)-1) __builtin_trap();
    }
    return (void *)(__UINTPTR_TYPE__)at;
}
#else
static u8 arena[256u << 20] __attribute__((aligned(16)));
static u32 arena_next;
__attribute__((unused)) static void *take(u32 bytes) {
    u32 at = arena_next;
    arena_next = at + ((bytes + 15) & ~15u);
    if (arena_next > sizeof arena) __builtin_trap();
    return arena + at;
}
#endif

/* xorshift32 with a multiplication at the end; the state must not be zero. */
static inline u32 random_next(u32 *state) {
    u32 x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x * 0x9e3779b1u;
}

/* A uniform number below `bound`. */
static inline u32 random_below(u32 *state, u32 bound) {
    return (u32)(((u64)random_next(state) * bound) >> 32);
}

/* A running checksum: FNV-1a over 64-bit words with the high half folded in. */
static inline u64 mix(u64 sum, u64 value) {
    sum = (sum ^ value) * 0x100000001b3ull;
    return sum ^ (sum >> 29);
}
#define MIX_START 0xcbf29ce484222325ull

static inline u64 bits_of(f64 value) {
    u64 bits;
    __builtin_memcpy(&bits, &value, 8);
    return bits;
}
static inline u32 bits_of_f32(f32 value) {
    u32 bits;
    __builtin_memcpy(&bits, &value, 4);
    return bits;
}

#endif

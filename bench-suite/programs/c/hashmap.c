/* A hash map with string keys: open addressing, linear probing, deletion by shifting back, growth at 3/4.
 * Counts words of a random stream, deletes some, looks all up. */
#include "rt.h"

typedef struct { const u8 *key; u32 hash; u32 length; i64 value; } Slot;
typedef struct { Slot *slots; u32 mask, used; } Map;

static u32 hash_of(const u8 *key, u32 length) {
    u32 h = 0x811c9dc5u;
    for (u32 i = 0; i < length; i++) h = (h ^ key[i]) * 0x01000193u;
    h ^= h >> 15;
    return h * 0x2c1b3c6du;
}

static int same(const u8 *a, const u8 *b, u32 length) {
    for (u32 i = 0; i < length; i++) if (a[i] != b[i]) return 0;
    return 1;
}

static Map make_map(u32 size) {
    Map map = {take(size * sizeof(Slot)), size - 1, 0};
    fill(map.slots, 0, size * sizeof(Slot));
    return map;
}

static Slot *find(const Map *map, const u8 *key, u32 length, u32 hash) {
    for (u32 i = hash & map->mask;; i = (i + 1) & map->mask) {
        Slot *slot = &map->slots[i];
        if (!slot->key) return slot;
        if (slot->hash == hash && slot->length == length && same(slot->key, key, length)) return slot;
    }
}

static NOINLINE void grow(Map *map) {
    Map bigger = make_map((map->mask + 1) * 2);
    for (u32 i = 0; i <= map->mask; i++) {
        const Slot *slot = &map->slots[i];
        if (!slot->key) continue;
        u32 to = slot->hash & bigger.mask;
        while (bigger.slots[to].key) to = (to + 1) & bigger.mask;
        bigger.slots[to] = *slot;
    }
    bigger.used = map->used;
    *map = bigger;
}

static Slot *entry(Map *map, const u8 *key, u32 length) {
    u32 hash = hash_of(key, length);
    Slot *slot = find(map, key, length, hash);
    if (slot->key) return slot;
    if ((map->used + 1) * 4 > (map->mask + 1) * 3) {
        grow(map);
        slot = find(map, key, length, hash);
    }
    u8 *own = take(length);
    copy(own, key, length);
    *slot = (Slot){own, hash, length, 0};
    map->used++;
    return slot;
}

static int erase(Map *map, const u8 *key, u32 length) {
    Slot *slot = find(map, key, length, hash_of(key, length));
    if (!slot->key) return 0;
    u32 hole = (u32)(slot - map->slots);
    for (u32 i = (hole + 1) & map->mask; map->slots[i].key; i = (i + 1) & map->mask) {
        u32 home = map->slots[i].hash & map->mask;
        /* Whoever's home does not lie between the hole and here may move into the hole. */
        if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].key = 0;
    map->used--;
    return 1;
}

/* The decimal digits of a number with a word before them. */
static u32 make_key(u8 *key, u32 n) {
    static const char prefix[4][6] = {"alpha", "be", "gam", "d"};
    static const u8 lengths[4] = {5, 2, 3, 1};
    u32 length = lengths[n & 3];
    copy(key, prefix[n & 3], length);
    do key[length++] = (u8)('0' + n % 10); while (n /= 10);
    return length;
}

u64 EXPORT(run)(u32 operations) {
    Map map = make_map(64);
    u32 seed = 424242u, range = operations / 2 + 16;
    u64 sum = MIX_START;
    u8 key[24];
    for (u32 i = 0; i < operations; i++) {
        u32 r = random_below(&seed, range), kind = random_below(&seed, 8);
        u32 length = make_key(key, random_below(&seed, r + 1));
        if (kind == 0) sum = mix(sum, (u64)erase(&map, key, length));
        else entry(&map, key, length)->value += (i64)i - 1000;
    }
    i64 total = 0;
    for (u32 n = 0; n < range; n++) {
        u32 length = make_key(key, n);
        const Slot *slot = find(&map, key, length, hash_of(key, length));
        if (slot->key) total += slot->value * (i64)(n | 1);
    }
    return mix(mix(sum, (u64)total), map.used);
}

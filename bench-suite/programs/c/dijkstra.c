/* Shortest paths from several sources in a random graph (a ring with chords), with a binary heap that knows
 * the place of each vertex, so that distances can be decreased in it. */
#include "rt.h"

typedef struct { u32 to, weight; } Edge;

static u32 vertices, degree;
static u32 *first;
static Edge *edges;
static u64 *distance;
static u32 *heap, *place;
static u32 heap_size;
#define ABSENT 0xffffffffu

static void move_up(u32 i) {
    u32 v = heap[i];
    while (i > 0) {
        u32 up = (i - 1) / 2;
        if (distance[heap[up]] <= distance[v]) break;
        heap[i] = heap[up];
        place[heap[i]] = i;
        i = up;
    }
    heap[i] = v;
    place[v] = i;
}

static void move_down(u32 i) {
    u32 v = heap[i];
    for (;;) {
        u32 child = 2 * i + 1;
        if (child >= heap_size) break;
        if (child + 1 < heap_size && distance[heap[child + 1]] < distance[heap[child]]) child++;
        if (distance[heap[child]] >= distance[v]) break;
        heap[i] = heap[child];
        place[heap[i]] = i;
        i = child;
    }
    heap[i] = v;
    place[v] = i;
}

static u64 shortest(u32 source) {
    for (u32 v = 0; v < vertices; v++) {
        distance[v] = ~0ull;
        place[v] = ABSENT;
    }
    distance[source] = 0;
    heap[0] = source;
    place[source] = 0;
    heap_size = 1;
    while (heap_size) {
        u32 v = heap[0];
        heap_size--;
        if (heap_size) {
            heap[0] = heap[heap_size];
            move_down(0);
        }
        for (u32 e = first[v]; e < first[v + 1]; e++) {
            u32 to = edges[e].to;
            u64 length = distance[v] + edges[e].weight;
            if (length >= distance[to]) continue;
            distance[to] = length;
            if (place[to] == ABSENT) {
                place[to] = heap_size;
                heap[heap_size++] = to;
            }
            move_up(place[to]);
        }
    }
    u64 sum = MIX_START;
    for (u32 v = 0; v < vertices; v++) sum = mix(sum, distance[v]);
    return sum;
}

void EXPORT(setup)(u32 n) {
    u32 seed = 2024u, count = 0;
    vertices = n;
    degree = 6;
    first = take((n + 1) * 4);
    edges = take(n * degree * sizeof(Edge));
    distance = take(n * 8);
    heap = take(n * 4);
    place = take(n * 4);
    for (u32 v = 0; v < n; v++) {
        first[v] = count;
        edges[count++] = (Edge){(v + 1) % n, 1 + random_below(&seed, 5000)};
        for (u32 i = 1; i < degree; i++) {
            u32 span = 1 + random_below(&seed, i < 4 ? 100 : n);
            edges[count++] = (Edge){(v + span) % n, 1 + random_below(&seed, 3000) + span % 1000};
        }
    }
    first[n] = count;
}

u64 EXPORT(run)(u32 sources) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < sources; i++) sum = mix(sum, shortest((u32)((u64)i * vertices / sources)));
    return sum;
}

u64 EXPORT(distance_to)(u32 vertex) { return distance[vertex]; }

/* A ray tracer in f32: spheres and a chequered floor, shadows, reflections by recursion, one light. */
#include "rt.h"

typedef struct { f32 x, y, z; } Vec;
typedef struct { Vec centre; f32 radius; Vec colour; f32 mirror; } Sphere;

enum { SPHERES = 12, DEPTH = 4 };
static Sphere spheres[SPHERES];
static const Vec light = {-0.48f, 0.768f, -0.424f};

static inline Vec add(Vec a, Vec b) { return (Vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline Vec sub(Vec a, Vec b) { return (Vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static inline Vec scale(Vec a, f32 by) { return (Vec){a.x * by, a.y * by, a.z * by}; }
static inline f32 dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline Vec unit(Vec a) { return scale(a, 1 / __builtin_sqrtf(dot(a, a))); }

/* The distance along the ray to the sphere, or a negative number. */
static inline f32 meet(const Sphere *sphere, Vec from, Vec ray) {
    Vec to = sub(sphere->centre, from);
    f32 along = dot(to, ray), square = along * along - dot(to, to) + sphere->radius * sphere->radius;
    if (square < 0) return -1;
    f32 half = __builtin_sqrtf(square);
    return along - half > 1e-3f ? along - half : along + half;
}

static const Sphere *nearest(Vec from, Vec ray, f32 *distance) {
    const Sphere *found = 0;
    for (int i = 0; i < SPHERES; i++) {
        f32 d = meet(&spheres[i], from, ray);
        if (d > 1e-3f && d < *distance) {
            *distance = d;
            found = &spheres[i];
        }
    }
    return found;
}

static int shaded(Vec from) {
    for (int i = 0; i < SPHERES; i++)
        if (meet(&spheres[i], from, light) > 1e-3f) return 1;
    return 0;
}

static Vec sky(Vec ray) {
    f32 t = 0.5f * (ray.y + 1);
    return (Vec){1 - 0.5f * t, 1 - 0.3f * t, 1};
}

static Vec trace(Vec from, Vec ray, int depth) {
    f32 distance = 1e9f, mirror;
    const Sphere *sphere = nearest(from, ray, &distance);
    f32 floor_distance = ray.y < 0 ? -from.y / ray.y : -1;
    Vec colour, normal, point;
    if (floor_distance > 1e-3f && floor_distance < distance && floor_distance < 200) {
        point = add(from, scale(ray, floor_distance));
        normal = (Vec){0, 1, 0};
        i32 parity = (i32)__builtin_floorf(point.x) + (i32)__builtin_floorf(point.z);
        f32 shade = parity & 1 ? 0.2f : 0.9f;
        colour = (Vec){shade, shade, shade};
        mirror = 0.1f;
    } else if (sphere) {
        point = add(from, scale(ray, distance));
        normal = scale(sub(point, sphere->centre), 1 / sphere->radius);
        colour = sphere->colour;
        mirror = sphere->mirror;
    } else {
        return sky(ray);
    }
    f32 lit = dot(normal, light);
    if (lit < 0 || shaded(point)) lit = 0;
    Vec own = scale(colour, 0.25f + 0.75f * lit);
    if (depth == 0) return own;
    Vec away = sub(ray, scale(normal, 2 * dot(ray, normal)));
    return add(scale(own, 1 - mirror), scale(trace(point, away, depth - 1), mirror));
}

static void make_scene(void) {
    u32 seed = 90210u;
    for (int i = 0; i < SPHERES; i++) {
        f32 radius = 0.3f + (f32)random_below(&seed, 1000) / 1400;
        f32 x = (f32)random_below(&seed, 8000) / 1000 - 4, z = (f32)random_below(&seed, 8000) / 1000;
        Vec colour = {(f32)random_below(&seed, 256) / 255, (f32)random_below(&seed, 256) / 255,
                      (f32)random_below(&seed, 256) / 255};
        spheres[i] = (Sphere){{x, radius, z}, radius, colour, (f32)random_below(&seed, 70) / 100};
    }
}

static inline u32 channel(f32 value) {
    f32 root = __builtin_sqrtf(value < 0 ? 0 : value > 1 ? 1 : value);
    return (u32)(255 * root + 0.5f);
}

/* Renders a square picture as 0x00bbggrr and returns its address. */
u32 *EXPORT(render)(u32 size) {
    u32 *picture = take(size * size * 4);
    make_scene();
    Vec eye = {0, 1.6f, -6};
    for (u32 row = 0; row < size; row++)
        for (u32 column = 0; column < size; column++) {
            f32 u = 2 * ((f32)column + 0.5f) / (f32)size - 1, v = 1 - 2 * ((f32)row + 0.5f) / (f32)size;
            Vec colour = trace(eye, unit((Vec){u, v - 0.1f, 1.5f}), DEPTH);
            picture[row * size + column] = channel(colour.x) | channel(colour.y) << 8 | channel(colour.z) << 16;
        }
    return picture;
}

u64 EXPORT(checksum)(const u32 *picture, u32 size) {
    u64 sum = MIX_START;
    for (u32 i = 0; i < size * size; i++) sum = mix(sum, picture[i]);
    return sum;
}

/* Gravitation between bodies in three dimensions, f64, leapfrog steps with all pairs. */
#include "rt.h"

enum { BODIES = 8 };
typedef struct { f64 x, y, z, vx, vy, vz, mass; } Body;
static Body bodies[BODIES];

static f64 unit(u32 *seed) { return (f64)(i32)random_next(seed) / 2147483648.0; }

/* A heavy one in the middle, the others on about circular orbits with some scatter. */
void EXPORT(setup)(void) {
    u32 seed = 1618u;
    bodies[0] = (Body){0, 0, 0, 0, 0, 0, 1000};
    for (int i = 1; i < BODIES; i++) {
        f64 radius = 10.0 * i, speed = __builtin_sqrt(1000 / radius);
        bodies[i] = (Body){radius + unit(&seed), unit(&seed), unit(&seed), speed * 0.1 * unit(&seed), speed,
                           speed * 0.1 * unit(&seed), 1 + unit(&seed) * 0.5};
    }
}

static void step(f64 dt) {
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *b = &bodies[j];
            f64 dx = b->x - a->x, dy = b->y - a->y, dz = b->z - a->z;
            f64 square = dx * dx + dy * dy + dz * dz + 0.01;
            f64 pull = dt / (square * __builtin_sqrt(square));
            f64 pa = pull * b->mass, pb = pull * a->mass;
            a->vx += dx * pa; a->vy += dy * pa; a->vz += dz * pa;
            b->vx -= dx * pb; b->vy -= dy * pb; b->vz -= dz * pb;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        Body *a = &bodies[i];
        a->x += a->vx * dt; a->y += a->vy * dt; a->z += a->vz * dt;
    }
}

static f64 energy(void) {
    f64 total = 0;
    for (int i = 0; i < BODIES; i++) {
        const Body *a = &bodies[i];
        total += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (int j = i + 1; j < BODIES; j++) {
            const Body *b = &bodies[j];
            f64 dx = b->x - a->x, dy = b->y - a->y, dz = b->z - a->z;
            total -= a->mass * b->mass / __builtin_sqrt(dx * dx + dy * dy + dz * dz + 0.01);
        }
    }
    return total;
}

/* The energy after so many steps. */
f64 EXPORT(run)(u32 steps, f64 dt) {
    for (u32 i = 0; i < steps; i++) step(dt);
    return energy();
}

u64 EXPORT(checksum)(void) {
    u64 sum = MIX_START;
    for (int i = 0; i < BODIES; i++) {
        const Body *a = &bodies[i];
        sum = mix(mix(mix(sum, bits_of(a->x)), bits_of(a->y)), bits_of(a->z));
        sum = mix(mix(mix(sum, bits_of(a->vx)), bits_of(a->vy)), bits_of(a->vz));
    }
    return sum;
}

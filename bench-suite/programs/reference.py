#!/usr/bin/env python3
"""Answers that come neither from the C sources nor from the IR: the standard library's, closed forms, or a
program written anew here.

    reference.py        checks the entries of this directory, both sizes where Python is fast enough

Covered: sha256 and blake2b (hashlib), nqueens and vm (published sequences), bignum (Python's integers), dijkstra
(heapq), nbody and gemm's trace (the same arithmetic on Python's floats, which are IEEE doubles), life (a set of
cells), json (the json module over a document generated here), regex (the re module), hashmap (a dict).
All programs of the suite `ir`: fib, sum_billion, sum_1m and gcd by other formulas, crc32 by zlib, quicksort by
sorted, the rest by the plain algorithm (a slice for the sieve, a memo for collatz).
"""
import hashlib
import heapq
import itertools
import json
import math
import pathlib
import re
import sys
import tomllib
import zlib

HERE = pathlib.Path(__file__).resolve().parent
MASK = (1 << 64) - 1
START = 0xCBF29CE484222325


def random_numbers(state):
    while True:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield state * 0x9E3779B1 & 0xFFFFFFFF


class Below:
    """Uniform numbers below a bound."""

    def __init__(self, seed):
        self.numbers = random_numbers(seed)

    def __call__(self, bound):
        return next(self.numbers) * bound >> 32


def signed_unit(number):
    return (number - (1 << 32) if number >> 31 else number) / 2147483648.0


def mix(total, value):
    total = (total ^ value & MASK) * 0x100000001B3 & MASK
    return total ^ total >> 29


def sha256(p):
    data = bytes(n & 255 for n in itertools.islice(random_numbers(2463534242), p["n"]))
    return {"digest": hashlib.sha256(data).hexdigest()}


def blake2b(p):
    text = tomllib.loads((HERE / "blake2b.toml").read_text())["before"][1]["text"].encode()
    message = bytearray(text.ljust(p["bytes"], b"\0"))
    for _ in range(p["rounds"]):
        digest = hashlib.blake2b(message).digest()
        message[:64] = digest
    return {"digest": digest.hex()}


def nqueens(p):
    known = [1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712, 365596]  # OEIS A000170
    return {"solutions": known[p["n"]]}


def primes_below(n):
    flags = bytearray([1]) * n
    flags[:2] = b"\0\0"
    for i in range(2, math.isqrt(n) + 1):
        if flags[i]:
            flags[i * i :: i] = bytes(len(range(i * i, n, i)))
    return sum(flags)


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def vm(p):
    state, numbers = 12345, []
    for _ in range(p["sort"]):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        numbers.append(state >> 8)
    total = 0
    for number in sorted(numbers):
        total = (total * 31 ^ number) & 0xFFFFFFFFFF
    return {"primes": primes_below(p["sieve"]), "number": fibonacci(p["fib"]), "sorted": total}


def digits_sum(n, total):
    total = mix(total, (n.bit_length() + 31) // 32)
    counts = [0] * 10
    nines = []

    def split(value, parts):
        """The lowest `parts` groups of nine digits, by halves: Python's own conversion is quadratic."""
        if parts == 1:
            nines.append(value)
            return
        low = parts // 2
        high, rest = divmod(value, 10 ** (9 * low))
        split(rest, low)
        split(high, parts - low)

    split(n, n.bit_length() * 1234 // 4099 // 9 + 2)
    while nines and nines[-1] == 0:
        nines.pop()
    for nine in nines:
        total = mix(total, nine)
        for digit in f"{nine:09}":
            counts[int(digit)] += 1
    for count in counts:
        total = mix(total, count)
    return total


def bignum(p):
    total = digits_sum(math.factorial(p["n"]), START)
    return {"sum": digits_sum(fibonacci(p["nth"]), total)}


def dijkstra(p):
    n, below = p["vertices"], Below(2024)
    edges = []
    for v in range(n):
        out = [((v + 1) % n, 1 + below(5000))]
        for i in range(1, 6):
            span = 1 + below(100 if i < 4 else n)
            out.append(((v + span) % n, 1 + below(3000) + span % 1000))
        edges.append(out)
    total = START
    for i in range(p["sources"]):
        distance = [math.inf] * n
        distance[i * n // p["sources"]] = 0
        heap = [(0, i * n // p["sources"])]
        while heap:
            d, v = heapq.heappop(heap)
            if d > distance[v]:
                continue
            for to, weight in edges[v]:
                if d + weight < distance[to]:
                    distance[to] = d + weight
                    heapq.heappush(heap, (d + weight, to))
        part = START
        for d in distance:
            part = mix(part, d)
        total = mix(total, part)
    return {"sum": total, "distance": distance[1]}


def nbody(p):
    numbers = random_numbers(1618)
    unit = lambda: signed_unit(next(numbers))  # noqa: E731
    bodies = [[0.0] * 6 + [1000.0]]
    for i in range(1, 8):
        radius = 10.0 * i
        speed = math.sqrt(1000 / radius)
        x, y, z = radius + unit(), unit(), unit()
        vx, vz = speed * 0.1 * unit(), speed * 0.1 * unit()
        bodies.append([x, y, z, vx, speed, vz, 1 + unit() * 0.5])
    dt = 0.001
    for _ in range(p["steps"]):
        for i, a in enumerate(bodies):
            for b in bodies[i + 1 :]:
                d = [b[k] - a[k] for k in range(3)]
                square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01
                pull = dt / (square * math.sqrt(square))
                pa, pb = pull * b[6], pull * a[6]
                for k in range(3):
                    a[3 + k] += d[k] * pa
                    b[3 + k] -= d[k] * pb
        for a in bodies:
            for k in range(3):
                a[k] += a[3 + k] * dt
    total = 0.0
    for i, a in enumerate(bodies):
        total += 0.5 * a[6] * (a[3] * a[3] + a[4] * a[4] + a[5] * a[5])
        for b in bodies[i + 1 :]:
            dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
            total -= a[6] * b[6] / math.sqrt(dx * dx + dy * dy + dz * dz + 0.01)
    return {"energy": total}


def gemm(p):
    n, numbers = p["n"], random_numbers(99)
    a, b = [], []
    for _ in range(n * n):
        a.append(signed_unit(next(numbers)))
        b.append(signed_unit(next(numbers)))
    trace = 0.0
    for i in range(n):
        cell = 0.0
        for k in range(n):
            cell += a[i * n + k] * b[k * n + i]
        trace += cell
    return {"trace": trace}


def life(p):
    words, rows, numbers = p["words"], p["rows"], random_numbers(1970)
    width, alive = words * 64, set()
    for i in range(words * rows):
        a = next(numbers) << 32 | next(numbers)
        cells = a & (next(numbers) << 32 | next(numbers))
        alive |= {(i // words, i % words * 64 + bit) for bit in range(64) if cells >> bit & 1}
    for _ in range(p["steps"]):
        counts = {}
        for y, x in alive:
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    cell = ((y + dy) % rows, (x + dx) % width)
                    counts[cell] = counts.get(cell, 0) + 1
        # The count has the cell itself in it.
        alive = {cell for cell, n in counts.items() if n == 3 or (n == 4 and cell in alive)}
    return {"alive": len(alive)}


def json_(p):
    names = ["Ada", "Bj\\u00f6rn", "Chlo\u00e9", 'Dmitri \\"D\\"', "E\\tF", "\\ud83d\\ude00"]
    below, records = Below(31337), []
    for i in range(p["records"]):
        name = names[below(6)]
        sign = "-" if below(3) == 0 else ""
        balance = f"{sign}{below(1000000)}.{125 + below(800)}"
        active = "true" if below(2) else "false"
        tags = ", ".join(f'"t{below(50)}"' for _ in range(below(5)))
        place = f'{{"x": {below(400)}e2, "y": {below(400)}, "note": null}}'
        records.append(f'  {{"id": {i}, "name": "{name}", "balance": {balance}, "active": {active}, '
                       f'"tags": [{tags}], "place": {place}}}')
    text = "[\n" + ",\n".join(records) + "\n]\n"
    total = 0.0
    for record in json.loads(text):
        total += record["balance"] if record["active"] else record["place"]["x"] / 64
    return {"size": len(text.encode()), "total": total}


PATTERNS = [
    r"ERROR .*timeout", r"^[0-9]+-\d+-\d+ (WARN|ERROR) ", r"user=[a-z]+\d*@[a-z]+\.(com|org|net)",
    r"(GET|POST) /([a-z]+/)*[a-z]+\.html? [45]\d\d$", r"(a|b)*c(a|b)*d[^ ]*x?$", r"id=(0x[0-9a-f]+|[1-9][0-9]*) .*\w+ing",
]


def regex(p):
    levels = ["INFO", "INFO", "DEBUG", "WARN", "ERROR"]
    people = ["ann", "bob7", "carol", "dave22", "eve"]
    hosts = ["example.com", "mail.org", "local.net", "box.edu"]
    paths = ["/index.html", "/a/b/page.htm", "/img/x.png", "/docs/api/list.html"]
    ends = ["retrying", "abacabd", "done", "timeout after 30s", "bbcaabdxyz", "closing down"]
    codes = [200, 200, 304, 404, 500]
    below, lines = Below(777), []
    for _ in range(p["lines"]):
        line = f"{2000 + below(30)}-{1 + below(12)}-{1 + below(28)} {levels[below(5)]}"
        line += " id=0x" if below(2) else " id="
        line += f"{1 + below(100000)} user={people[below(5)]}@{hosts[below(4)]} "
        if below(2):
            line += ("GET " if below(2) else "POST ") + f"{paths[below(4)]} {codes[below(5)]}"
        else:
            line += ends[below(6)]
        lines.append(line)
    counts = [sum(1 for line in lines if re.search(pattern, line, re.A)) for pattern in PATTERNS]
    return dict(zip(["first", "second", "third", "fourth", "fifth", "sixth"], counts))


def hashmap(p):
    operations, below = p["operations"], Below(424242)
    span, total, counts = operations // 2 + 16, START, {}
    for i in range(operations):
        r, kind = below(span), below(8)
        key = below(r + 1)
        if kind == 0:
            total = mix(total, int(counts.pop(key, None) is not None))
        else:
            counts[key] = counts.get(key, 0) + i - 1000
    weighted = sum(value * (key | 1) for key, value in counts.items())
    return {"sum": mix(mix(total, weighted), len(counts))}


def fib(p):
    a, b = 0, 1
    for _ in range(p["n"]):
        a, b = b, a + b
    return {"answer": a}


def sum_billion(p):
    return {"answer": p["n"] * (p["n"] + 1) // 2}


def sum_1m(p):
    total = 0
    for _ in range(p["rounds"]):
        total = (total << 1 | total >> 31) + 1_000_000 * 1_000_001 // 2 & 0xFFFFFFFF
    return {"answer": total}


def sieve(p):
    n, prime = p["n"], bytearray([1]) * p["n"]
    prime[:2] = b"\0\0"
    for i in range(2, math.isqrt(n - 1) + 1):
        if prime[i]:
            prime[i * i::i] = bytes(len(range(i * i, n, i)))
    return {"primes": prime.count(1)}


def collatz(p):
    n = p["n"]
    steps, best = [0, 0] + [None] * (n - 2), 1
    for start in range(2, n):
        number, way = start, 0
        while number >= start:
            number = number * 3 + 1 if number & 1 else number >> 1
            way += 1
        steps[start] = way + steps[number]
        if steps[start] > steps[best]:
            best = start
    return {"start": best, "steps": steps[best]}


def gcd(p):
    # The sum over d of phi(d) * floor(n / d)^2.
    n = p["n"]
    phi = list(range(n + 1))
    for i in range(2, n + 1):
        if phi[i] == i:
            for multiple in range(i, n + 1, i):
                phi[multiple] -= phi[multiple] // i
    return {"answer": sum(phi[d] * (n // d) ** 2 for d in range(1, n + 1)) & 0xFFFFFFFF}


def mandelbrot(p):
    n = p["n"]
    step, total = 3.0 / n, 0
    for row in range(n):
        imaginary = -1.5 + row * step
        for column in range(n):
            real = -2.0 + column * step
            x = y = 0.0
            steps = 0
            while steps < 100 and x * x + y * y <= 4.0:
                x, y = x * x - y * y + real, x * y + x * y + imaginary
                steps += 1
            total += steps
    return {"steps": total}


def matmul(p):
    n, total = p["n"], 0.0
    a = [[(i + j) / n for j in range(n)] for i in range(n)]
    columns = [[(i - j) / n for i in range(n)] for j in range(n)]
    for row in a:
        for column in columns:
            element = 0.0
            for x, y in zip(row, column):
                element += x * y
            total += element
    return {"sum": total}


def quicksort(p):
    state, numbers, total = 1, [], START
    for _ in range(p["n"]):
        state = state * 6364136223846793005 + 1442695040888963407 & MASK
        number = state >> 32
        numbers.append(number - (number >> 31 << 32))
    for number in sorted(numbers):
        total = (total ^ number & 0xFFFFFFFF) * 0x100000001B3 & MASK
    return {"hash": total}


def crc32(p):
    state, message = 1, bytearray()
    for _ in range(65536):
        state = state * 1664525 + 1013904223 & 0xFFFFFFFF
        message.append(state >> 24)
    total = 0
    for _ in range(p["rounds"]):
        total = zlib.crc32(message, total)
    return {"crc": total}


def string_build(p):
    text = "".join(f"{i} " for i in range(p["n"])).encode()
    total = 0x811C9DC5
    for byte in text:
        total = (total ^ byte) * 0x01000193 & 0xFFFFFFFF
    return {"hash": total, "length": len(text)}


def states(p):
    state, last, found = 88172645463325252, 0, 0
    for _ in range(p["n"]):
        state ^= state << 13 & MASK
        state ^= state >> 7
        state ^= state << 17 & MASK
        last = (last << 1 | state >> 63) & 7
        found += last == 0b101
    return {"count": found}


# Sizes at which Python takes too long are left to crosscheck.py.
REFERENCES = {
    "sha256": (sha256, ["quick", "full"]), "blake2b": (blake2b, ["quick", "full"]), "nqueens": (nqueens, ["quick", "full"]),
    "vm": (vm, ["quick", "full"]), "bignum": (bignum, ["quick", "full"]), "dijkstra": (dijkstra, ["quick", "full"]),
    "nbody": (nbody, ["quick"]), "gemm": (gemm, ["quick", "full"]), "life": (life, ["quick"]),
    "json": (json_, ["quick", "full"]), "regex": (regex, ["quick", "full"]), "hashmap": (hashmap, ["quick", "full"]),
    "fib": (fib, ["quick", "full"]), "sum_billion": (sum_billion, ["quick", "full"]), "sum_1m": (sum_1m, ["quick", "full"]),
    "sieve": (sieve, ["quick", "full"]), "collatz": (collatz, ["quick", "full"]), "gcd": (gcd, ["quick", "full"]),
    "mandelbrot": (mandelbrot, ["quick", "full"]), "matmul": (matmul, ["quick", "full"]),
    "quicksort": (quicksort, ["quick", "full"]), "crc32": (crc32, ["quick", "full"]),
    "string_build": (string_build, ["quick", "full"]), "states": (states, ["quick", "full"]),
}


def main():
    failures = 0
    for name, (reference, sizes) in REFERENCES.items():
        entry = tomllib.loads((HERE / f"{name}.toml").read_text())
        for size in sizes:
            for key, answer in reference(entry[size]).items():
                stated = entry[size][key]
                if isinstance(stated, str) and isinstance(answer, int):
                    stated = int(stated, 0)  # TOML's numbers end at 2^63
                right = stated == answer
                failures += not right
                print(f"{name}.{size} {key}: " + ("agrees" if right else f"{answer}, but the entry states {stated}"), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Checks the answers of the entries (*.toml) without any WebAssembly.

Each program is compiled natively, by gcc and clang at several optimisation levels, and its steps are run
through ctypes; whatever the entry expects must come out. An optimiser that breaks one build will hardly
break all of them alike, and code with undefined behaviour tends to show here.

    crosscheck.py [NAME...]         check these, or all
    crosscheck.py --show [NAME...]  print what is computed where the entry expects something

Needs Python 3.11, gcc and clang-16. See reference.py for answers that do not come from the C source at all.
"""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
BUILDS = [("gcc", "-O1"), ("gcc", "-O2"), ("clang-16", "-O1"), ("clang-16", "-O3")]
FLAGS = ["-std=c11", "-ffreestanding", "-ffp-contract=off", "-shared", "-fPIC"]
TYPES = {
    "u8": ctypes.c_uint8, "u32": ctypes.c_uint32, "i32": ctypes.c_int32, "u64": ctypes.c_uint64,
    "i64": ctypes.c_int64, "f32": ctypes.c_float, "f64": ctypes.c_double, "void": None,
}
EXPORT = re.compile(r"^(.*?)EXPORT\((\w+)\)\((.*?)\) \{", re.M)


def c_type(text):
    """The ctypes type of a C type, perhaps followed by a name."""
    if "*" in text:
        return ctypes.c_void_p
    return TYPES[text.replace("const", "").split()[0]]


def library(name, compiler, level, directory):
    """The program as a shared library with typed functions. Each has a path of its own, so that it begins
    with fresh statics."""
    path = directory / f"{name}{compiler}{level}.{len(list(directory.iterdir()))}.so"
    source = HERE / "c" / f"{name}.c"
    subprocess.run([compiler, level, *FLAGS, "-o", path, source], check=True)
    loaded = ctypes.CDLL(path)
    for result, export, params in EXPORT.findall(source.read_text()):
        function = getattr(loaded, export)
        function.restype = c_type(result)
        function.argtypes = [] if params == "void" else [c_type(p) for p in params.split(",")]
    return loaded


def number(value, ctype):
    """A value of an entry as ctypes wants it; integers wrap to the width of the type."""
    if isinstance(value, str):
        value = float(value) if ctype in (ctypes.c_float, ctypes.c_double) else int(value, 0)
    if ctype in (ctypes.c_float, ctypes.c_double):
        return ctype(float(value)).value
    return value if ctype is ctypes.c_void_p else ctype(value).value


def run(entry, size, loaded):
    """Runs the steps; yields what was computed and what was expected, wherever something was."""
    variables = dict(entry[size])

    def resolve(value):
        return variables[value[1:]] if isinstance(value, str) and value.startswith("$") else value

    def content(step):
        if "text" in step:
            return step["text"].encode()
        if "hex" in step:
            return bytes.fromhex(resolve(step["hex"]))
        return (HERE / resolve(step["file"])).read_bytes()

    for step in entry.get("before", []) + [entry["time"]] + entry.get("check", []):
        offset = step.get("offset", 0)
        if "write" in step:
            data = content(step)
            ctypes.memmove(resolve(step["write"]) + offset, data, len(data))
        elif "read" in step:
            data = content(step)
            yield "read", ctypes.string_at(resolve(step["read"]) + offset, len(data)).hex(), data.hex()
        elif "load" in step:
            raise NotImplementedError("structures with pointers are laid out otherwise natively")
        else:
            function = getattr(loaded, step["call"])
            args = zip(step.get("args", []), function.argtypes, strict=True)
            result = function(*(number(resolve(arg), ctype) for arg, ctype in args))
            if "bind" in step:
                variables[step["bind"]] = result
            if "expect" in step:
                yield step["call"], result, number(resolve(step["expect"]), function.restype)


def main():
    show = "--show" in sys.argv
    names = [arg for arg in sys.argv[1:] if arg != "--show"]
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        for path in sorted(HERE.glob("*.toml")):
            name = path.stem
            entry = tomllib.loads(path.read_text())
            if (names and name not in names) or entry["suite"] != "wasm":
                continue
            for size in ("quick", "full"):
                for compiler, level in BUILDS:
                    loaded = library(name, compiler, level, pathlib.Path(directory))
                    for place, got, expected in run(entry, size, loaded):
                        if show:
                            form = hex(got) if isinstance(got, int) else repr(got)
                            print(f"{name}.{size} {compiler} {level} {place}: {form}")
                        elif got != expected:
                            failures += 1
                            print(f"{name}.{size} {compiler} {level}: {place} gives {got}, not {expected}")
            if not show:
                print(f"{name}: checked")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

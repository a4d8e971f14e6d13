#!/bin/sh
# Compiles c/*.c to wasm/*.wasm.
#
#   build.sh           compile into wasm/
#   build.sh --check   compile elsewhere, and fail unless the results are the committed bytes
#
# Needs Debian's packages clang-16 and lld-16 (made with 16.0.6). The modules are committed so that
# nobody needs a C compiler to run the benchmarks, and so that everybody measures the same bytes.
set -eu
cd "$(dirname "$0")"
out=wasm
if [ "${1-}" = --check ]; then
    out=$(mktemp -d)
    trap 'rm -r "$out"' EXIT
fi
mkdir -p "$out"
for source in c/*.c; do
    name=$(basename "$source" .c)
    # --stack-first: a stack that overflows runs into address zero and traps, not into the data.
    clang-16 --target=wasm32 -std=c11 -O2 -Wall -Wextra -Wno-parentheses -Werror \
        -ffreestanding -fno-ident -ffp-contract=off -fvisibility=hidden \
        -mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals \
        -nostdlib -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=262144 \
        -o "$out/$name.wasm" "$source"
    chmod 644 "$out/$name.wasm"
done
if [ "$out" != wasm ]; then
    diff -r "$out" wasm && echo "all modules are byte-identical"
fi

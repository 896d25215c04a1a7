#!/bin/sh
# The kernels for 64-bit ARM, on emulated processors with and without their newer instructions: each
# table against the plain definition and, bit for bit, against the portable one. Needs a compiler and
# qemu only, no library. Exit code 77: not possible here.
#
#   tests/cross/kernels.sh               builds and runs
#   tests/cross/kernels.sh --sources     lists what of src/ the kernels are built from
set -eu
cd "$(dirname "$0")/../.."
source=$PWD

list_sources() {
    for file in "$source"/src/tensor/*.c; do
        case $file in */blas_core.c) ;; *) echo "$file" ;; esac # the library's own choices
    done
    for name in clock mem mem_system rng status terminal; do echo "$source/src/base/$name.c"; done
}

[ "${1:-}" = --sources ] && { list_sources; exit; }

for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || {
        echo "no $tool (Debian: gcc-aarch64-linux-gnu qemu-user): skipped"
        exit 77
    }
done

folder=$(mktemp -d "${TMPDIR:-/tmp}/jupiter-cross.XXXXXX")
trap 'rm -rf "$folder"' EXIT
compile() { # source, object
    aarch64-linux-gnu-gcc -std=gnu11 -O2 -fno-math-errno -fno-trapping-math -Wall -Wextra \
        -Wshadow -Wconversion -Wno-unknown-pragmas -Wno-unused-parameter -Werror -D_GNU_SOURCE -Itests/cross/plain -Isrc -c "$1" -o "$2"
}

# shellcheck disable=SC2086
for file in tests/cross/kernels.c $(list_sources); do
    compile "$file" "$folder/$(basename "$file" .c)-$(basename "$(dirname "$file")").o" || exit 1
done
aarch64-linux-gnu-gcc -static "$folder"/*.o -lm -o "$folder/kernels"

failures=0
check() { # processor, the table that has to be chosen there
    echo "$1:"
    qemu-aarch64 -cpu "$1" "$folder/kernels" "$2" || failures=$((failures + 1))
}
check cortex-a57 neon
check cortex-a76 dotprod
check max i8mm
exit $((failures > 0))

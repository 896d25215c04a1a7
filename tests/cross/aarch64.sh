#!/bin/sh
# Builds for aarch64 with Debian's cross compiler and runs tests through qemu-user.
#
#   tests/cross/aarch64.sh                          the kernels alone (kernels.sh: a minute)
#   tests/cross/aarch64.sh --program [--keep] [TEST...]   the whole program and unit tests of it:
#                                                   test_base, test_ops, ... (default: those about
#                                                   shapes, numbers and files)
#
# The arm64 libraries are downloaded into a folder of their own (ARM64, default: build-aarch64/root)
# with apt, in a state of its own; nothing is installed. Exit code 77: not possible here.
set -eu
cd "$(dirname "$0")/../.."
source=$PWD
build=$source/build-aarch64
root=${ARM64:-$build/root}
libs=$root/usr/lib/aarch64-linux-gnu
keep=no
[ "${1:-}" = --program ] || exec tests/cross/kernels.sh
shift
[ "${1:-}" = --keep ] && { keep=yes; shift; }

for tool in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg-deb; do
    command -v $tool >/dev/null || {
        echo "no $tool (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user): skipped"
        exit 77
    }
done

download() {
    apt=$build/apt
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$root"
    : >"$apt/state/status"
    cat >"$apt/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures {"arm64";};
APT::Install-Recommends "false";
Dir::State "$apt/state";
Dir::State::status "$apt/state/status";
Dir::Cache "$apt/cache";
END
    APT_CONFIG=$apt/apt.conf apt-get update -qq || return 1
    APT_CONFIG=$apt/apt.conf apt-get install -y -qq --download-only libc6-dev libgcc-12-dev \
        libopenmpi-dev libopenblas-pthread-dev libhdf5-dev libpopt-dev libpcre2-dev libutf8proc-dev libjansson-dev \
        libyaml-dev check >/dev/null || return 1
    for package in "$apt"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$root"
    done
    rm -rf "$apt"
}

[ -d "$libs" ] || download || { echo "the arm64 libraries cannot be downloaded: skipped"; exit 77; }
[ -x configure ] || autoreconf -fi
mkdir -p "$build"
cd "$build"
export PKG_CONFIG_LIBDIR="$libs/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
[ -f Makefile ] || "$source/configure" --host=aarch64-linux-gnu CC=aarch64-linux-gnu-gcc LIBS=-lmpi \
    CPPFLAGS="-isystem $libs/openmpi/include -isystem $root/usr/include -isystem $root/usr/include/aarch64-linux-gnu" \
    LDFLAGS="--sysroot=$root -B$libs -L$libs -L$libs/openmpi/lib -Wl,-rpath-link,$libs -Wl,-rpath-link,$libs/openblas-pthread -Wl,-rpath-link,$libs/hdf5/serial" \
    OPENBLAS_CFLAGS="-I$root/usr/include/aarch64-linux-gnu/openblas-pthread" \
    OPENBLAS_LIBS="-L$libs/openblas-pthread -lopenblas" >configure.out
make -s -j"$(nproc)"
echo "built for aarch64: $build/jupiter"

# qemu is slow, and some tests have time limits
export JUPITER_DATA="$source/data" QEMU_LD_PREFIX="$root" CK_TIMEOUT_MULTIPLIER=50 OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1
export QEMU_SET_ENV="LD_LIBRARY_PATH=$libs:$libs/openblas-pthread:$libs/hdf5/serial"
# what is about this processor; the others take hours here and say nothing new (name them to run them)
[ $# -gt 0 ] || set -- test_base test_cluster test_dtype test_gguf test_kv test_ops \
    test_ops_attention test_phantom test_plan test_run_file test_safetensors test_sampler test_step \
    test_tokenizer test_trace
# only these are built: gcc 12 for aarch64 fails on test_group.c (an internal error)
chosen=
for test in "$@"; do chosen="$chosen tests/unit/$test"; done
make -s check check_PROGRAMS="$chosen" TESTS="$chosen" LOG_COMPILER=qemu-aarch64 || status=$?
[ $keep = yes ] || [ "${status:-0}" -ne 0 ] || rm -rf "$build/src" "$build/jupiter"
exit "${status:-0}"

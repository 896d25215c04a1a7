#!/bin/sh
# Ranks that do not hold the same model are refused before a token is computed, with the rank's
# name: other weights, another value of the metadata, slices of two models, on any rank.
. "${srcdir:-.}/tests/mpi/lib.sh"
case $jupiter in /*) ;; *) jupiter=$PWD/$jupiter ;; esac

for copy in a b c d; do mkdir "$work/$copy"; done
"$make_model" "$work/a/m.gguf" seed=1 dim=256 ffn=704 layers=4 || fail make_model
"$make_model" "$work/b/m.gguf" seed=2 dim=256 ffn=704 layers=4 || fail "make_model, other weights"
# only the RoPE base differs: a float behind the key and four bytes of its type
at=$(grep -abo rope.freq_base "$work/a/m.gguf" | cut -d: -f1)
cp "$work/a/m.gguf" "$work/c/m.gguf"
printf '\0\120' | dd of="$work/c/m.gguf" bs=1 seek=$((at + 18)) conv=notrunc 2>/dev/null
cmp -s "$work/a/m.gguf" "$work/c/m.gguf" && fail "the base is the same"
cp "$work/a/m.gguf" "$work/d/m.gguf"

# both FIRST SECOND FILE ARGUMENTS...: two ranks in two folders, where FILE is not the same
both() {
    first=$1 second=$2 file=$3
    shift 3
    timeout -k 5 $patience mpirun -n 1 --wdir "$work/$first" "$jupiter" "$@" -m "$file" \
        : -n 1 --wdir "$work/$second" "$jupiter" "$@" -m "$file" \
        >"$work/out" 2>"$work/err" </dev/null
}
refused() { # what it says
    code=$?
    [ $code -eq 2 ] || fail "exit code $code instead of 2: $1"
    grep '^jupiter: rank 1: ' "$work/err" | grep -q -- "$1" || { fail "does not say '$1'"; cat "$work/err"; }
    same "messages" 1 "$(grep -c '^jupiter: ' "$work/err")"
    [ -s "$work/out" ] && { fail "an answer in spite of it"; cat "$work/out"; }
}
run="run -p hello -n 6 -q --tokens -t 1"
both a d m.gguf $run || { fail "two equal copies"; cat "$work/err"; }
same "two equal copies" "$("$jupiter" run -m "$work/a/m.gguf" -p hello -n 6 -q --tokens -t 1)" \
    "$(cat "$work/out")"
both a b m.gguf $run
refused "m.gguf is not the same file as on rank 0"
both b a m.gguf $run
refused "m.gguf is not the same file as on rank 0"
both a c m.gguf $run
refused "m.gguf is not the same file as on rank 0"
both a b m.gguf profile --seconds 0.1 --max-chunk 64 --max-prefix 64 -o "$work/profile.yaml"
refused "m.gguf is not the same file as on rank 0"

# one page of one tensor in the middle of the file
size=$(wc -c <"$work/d/m.gguf")
dd if=/dev/zero of="$work/d/m.gguf" bs=4096 count=16 seek=$((size / 2 / 4096)) conv=notrunc 2>/dev/null
both a d m.gguf $run
refused "m.gguf is not the same file as on rank 0"

# slices: of one model they fit, and with its whole file; of two they do not
for copy in a b; do
    "$jupiter" split -m "$work/$copy/m.gguf" -n 2 -o "$work/$copy/s-{rank}.gguf" >/dev/null ||
        fail "split $copy"
done
both a a 's-{rank}.gguf' $run || { fail "slices of one model"; cat "$work/err"; }
both a b 's-{rank}.gguf' $run
refused "s-1.gguf is not a slice of the same model as on rank 0"

# the sum of all bytes: equal for equal files, other for other ones, a single byte included
sum() { "$jupiter" info --digest -m "$1" | cut -d' ' -f1; }
cp "$work/a/m.gguf" "$work/d/m.gguf"
same "sums of two copies" "$(sum "$work/a/m.gguf")" "$(sum "$work/d/m.gguf")"
printf '\001' | dd of="$work/d/m.gguf" bs=1 seek=$((size * 2 / 3 + 1111)) conv=notrunc 2>/dev/null
cmp -s "$work/a/m.gguf" "$work/d/m.gguf" || [ "$(sum "$work/a/m.gguf")" != "$(sum "$work/d/m.gguf")" ] ||
    fail "one byte does not change the sum"
[ "$(sum "$work/a/m.gguf")" != "$(sum "$work/c/m.gguf")" ] || fail "metadata do not change the sum"
"$make_model" "$work/p.gguf" seed=1 dim=256 ffn=704 layers=4 parts=3 || fail "make_model parts"
same "sums of parts and of one file" "$(sum "$work/a/m.gguf")" "$(sum "$work/p-00002-of-00003.gguf")"
finish

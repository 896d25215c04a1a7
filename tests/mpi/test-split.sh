#!/bin/sh
# A model cut into one file per rank answers like the whole one; slices in the wrong place do not.
. "${srcdir:-.}/tests/mpi/lib.sh"

for tied in 0 1; do
    "$make_model" "$work/m.gguf" layers=5 tied=$tied || fail "make_model tied=$tied"
    "$jupiter" split -m "$work/m.gguf" --layers 2,1,2 -o "$work/s-{rank}.gguf" >"$work/log" ||
        fail "split"
    same "the log" "$(cat "$work/log" | wc -l)" 3
    same "slices, tied=$tied" "$(tokens 1 -m "$work/m.gguf" -p hello -n 10)" \
        "$(tokens 3 -m "$work/s-{rank}.gguf" -p hello -n 10)"
done
[ "$(wc -c <"$work/s-1.gguf")" -lt "$(wc -c <"$work/m.gguf")" ] || fail "a slice is as large"

refuses() { # what it says, ranks, arguments
    what=$1 n=$2
    shift 2
    ranks "$n" "$@" >"$work/out" 2>"$work/err" && fail "accepted: $*"
    grep -q "$what" "$work/err" || { cat "$work/err"; fail "does not say '$what'"; }
}
refuses "slice for 3 ranks" 2 run -m "$work/s-{rank}.gguf" -p hello
refuses "is the slice of rank 0" 3 run -m "$work/s-0.gguf" -p hello
refuses "split the whole model" 1 split -m "$work/s-1.gguf" -n 2 -o "$work/t-{rank}.gguf"
refuses "{rank}" 1 split -m "$work/m.gguf" -n 2 -o "$work/t.gguf"
refuses "one of -n, --layers and --plan" 1 split -m "$work/m.gguf" -o "$work/t-{rank}.gguf"
finish

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
# a plan whose first stage is two ranks that share its layers (loading them: tests/unit/test_piece)
plan() { # heads of the two
    printf '%s\n' "plan_version: 2" "strategy: hybrid" "layers: 5" "workload: {prompt: 10}" \
        "chunks: [10]" "stages:" \
        "- {devices: [0, 1], way: tensor, heads: [$1], ffn: [10, 12], first: 0, last: 3}" \
        "- {devices: [2], first: 4, last: 4}"
}
plan "3, 1" >"$work/p.yaml"
"$jupiter" split -m "$work/m.gguf" --plan "$work/p.yaml" -o "$work/g-{rank}.gguf" >"$work/log" ||
    fail "split by a plan with groups"
grep -q 'g-1.gguf: layers 0 to 3, heads 3 to 3 over KV heads 1 to 1, FFN 80 to 171' "$work/log" ||
    { cat "$work/log"; fail "does not say what a slice has"; }
[ "$(wc -c <"$work/g-1.gguf")" -lt "$(wc -c <"$work/g-0.gguf")" ] || fail "parts are as large"

refuses "slice for 3 ranks" 2 run -m "$work/s-{rank}.gguf" -p hello
refuses "is the slice of rank 0" 3 run -m "$work/s-0.gguf" -p hello
refuses "is a slice, --strategy galaxy wants all layers" 3 run -m "$work/s-{rank}.gguf" -p hello \
    --strategy galaxy
refuses "split the whole model" 1 split -m "$work/s-1.gguf" -n 2 -o "$work/t-{rank}.gguf"
refuses "{rank}" 1 split -m "$work/m.gguf" -n 2 -o "$work/t.gguf"
plan "3, 2" >"$work/q.yaml"
refuses "q.yaml: stages\[0\]: .*5 query heads together" 1 split -m "$work/m.gguf" \
    --plan "$work/q.yaml" -o "$work/t-{rank}.gguf"
refuses "one of -n, --layers and --plan" 1 split -m "$work/m.gguf" -o "$work/t-{rank}.gguf"
# a model in parts, named by any of them; slices of it are whole files
"$make_model" "$work/whole.gguf" && "$make_model" "$work/p.gguf" parts=3 || fail "make_model parts"
whole=$(tokens 1 -m "$work/whole.gguf" -p hello -n 12)
for part in 1 2 3; do
    same "part $part" "$whole" "$(tokens $part -m "$work/p-0000$part-of-00003.gguf" -p hello -n 12)"
done
"$jupiter" info -m "$work/p-00002-of-00003.gguf" >"$work/info.txt" || fail "info of a part"
same "tensors of the parts" "$("$jupiter" info -m "$work/whole.gguf" | grep tensors)" \
    "$(grep tensors "$work/info.txt")"
"$jupiter" split -m "$work/p-00003-of-00003.gguf" -n 2 -o "$work/ps-{rank}.gguf" >/dev/null ||
    fail "split of parts"
same "slices of parts" "$whole" "$(tokens 2 -m "$work/ps-{rank}.gguf" -p hello -n 12)"
mv "$work/p-00002-of-00003.gguf" "$work/away.gguf"
"$jupiter" info -m "$work/p-00001-of-00003.gguf" >/dev/null 2>"$work/err" && fail "a part is missing"
grep -q "part 2, .*p-00002-of-00003.gguf, is missing" "$work/err" || fail "$(cat "$work/err")"
"$jupiter" info -m "$work/away.gguf" >/dev/null 2>"$work/err" && fail "a part of another name"
grep -q "does not end in -00002-of-00003.gguf" "$work/err" || fail "$(cat "$work/err")"
cp "$work/p-00003-of-00003.gguf" "$work/p-00002-of-00003.gguf"
"$jupiter" info -m "$work/p-00001-of-00003.gguf" >/dev/null 2>"$work/err" && fail "a part twice"
grep -q "says that it is part 3 of 3" "$work/err" || fail "$(cat "$work/err")"
finish

#!/bin/sh
# Measured, planned, run: a division by plan answers like one rank does, whatever it is.
. "${srcdir:-.}/tests/mpi/lib.sh"
"$make_model" "$work/m.gguf" layers=6 || fail "make_model"
prompt="the quick brown fox jumps over the lazy dog and runs into the garden behind the house"
expected=$(tokens 1 -m "$work/m.gguf" -p "$prompt" -n 8)

text() { # ranks, arguments: what the user reads, as base64
    n=$1
    shift
    ranks "$n" run -m "$work/m.gguf" -p "$prompt" -n 8 --ignore-eos -q -t 1 "$@" | base64
}
expected_text=$(text 1)

ranks 3 profile -m "$work/m.gguf" -t 1 --seconds 1 --max-chunk 64 --max-prefix 64 \
    -o "$work/c.yaml" >"$work/out" 2>"$work/err" || { cat "$work/err"; fail "profile"; }
[ "$(grep -c '^[0-2] ' "$work/out")" -eq 3 ] || fail "profile does not list three ranks"
"$jupiter" plan --cluster "$work/c.yaml" -m "$work/m.gguf" -p 80 -n 8 >"$work/out" 2>&1 ||
    { cat "$work/out"; fail "plan reads what profile wrote"; }

same "--cluster" "$expected" \
    "$(tokens 3 -m "$work/m.gguf" -p "$prompt" -n 8 --cluster "$work/c.yaml")"
same "--auto" "$expected" "$(tokens 2 -m "$work/m.gguf" -p "$prompt" -n 8 --auto)"
cat >"$work/plan.yaml" <<'END'
plan_version: 1
layers: 6
workload: {prompt: 50}
chunks: [10, 25, 15]
stages:
- {device: 0, first: 0, last: 0}
- {device: 1, first: 1, last: 5}
END
same "--plan" "$expected" \
    "$(tokens 2 -m "$work/m.gguf" -p "$prompt" -n 8 --plan "$work/plan.yaml")"

# a plan may reorder the ranks and leave some out
for devices in "0 2" "0 3" "0 3 1"; do
    {
        printf 'plan_version: 1\nlayers: 6\nworkload: {prompt: 50}\nchunks: [10, 40]\nstages:\n'
        at=0
        for device in $devices; do
            last=$((at + 1))
            [ "$device" = "${devices##* }" ] && last=5
            echo "- {device: $device, first: $at, last: $last}"
            at=$((last + 1))
        done
    } >"$work/order.yaml"
    same "--plan on ranks $devices" "$expected" \
        "$(tokens 4 -m "$work/m.gguf" -p "$prompt" -n 8 --plan "$work/order.yaml")"
    same "--plan on ranks $devices, --speculate" "$expected_text" \
        "$(text 4 --plan "$work/order.yaml" --speculate lookup)"
done
ranks 4 run -m "$work/m.gguf" -p "$prompt" -n 8 -t 1 --plan "$work/order.yaml" \
    --trace "$work/order.h5" >/dev/null 2>&1 && "$jupiter" trace summary "$work/order.h5" \
    >"$work/out" || fail "run and trace with an idle rank"
grep -q "^4 ranks" "$work/out" || { cat "$work/out"; fail "the idle rank is not in the trace"; }
same "more ranks than layers, --auto" "$expected" \
    "$(tokens 7 -m "$work/m.gguf" -p "$prompt" -n 8 --auto)"

ranks 3 run -m "$work/m.gguf" -p "$prompt" -n 8 -t 1 --cluster "$work/c.yaml" >/dev/null \
    2>"$work/err" || fail "run --cluster"
grep -q "stage 0 prefill, busy" "$work/err" || fail "the summary does not compare the stages"

refuses() { # what it says, ranks, arguments
    what=$1 n=$2
    shift 2
    ranks "$n" "$@" >"$work/out" 2>"$work/err" && fail "accepted: $*"
    grep -q -- "$what" "$work/err" || { cat "$work/err"; fail "does not say '$what'"; }
}
refuses "stage 1 is on device 3, but 2 ranks" 2 run -m "$work/m.gguf" -p hello \
    --plan "$work/order.yaml"
sed 's/device: 0/device: 2/' "$work/order.yaml" >"$work/other.yaml"
refuses "the first stage is on device 2" 4 run -m "$work/m.gguf" -p hello --plan "$work/other.yaml"
refuses "3 devices, but 2 ranks" 2 run -m "$work/m.gguf" -p hello --cluster "$work/c.yaml"
refuses "leave out --auto" 2 run -m "$work/m.gguf" -p hello --auto --layers 3,3
refuses "none.yaml.*No such file" 2 run -m "$work/m.gguf" -p hello --plan "$work/none.yaml"
refuses "does not fit the cluster" 2 run -m "$work/m.gguf" -p hello --cluster 2xnx:0.05gb
refuses "no model given" 2 profile
finish

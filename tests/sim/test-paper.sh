#!/bin/sh
# The paper's environments and models in simulated time: seconds until the first token and of all
# further ones, each the same to the last digit, in every run and on every machine.
# JUPITER_GOLDEN=write sh tests/sim/test-paper.sh (in the build folder) writes what is expected anew.
. "${srcdir:-$(dirname "$0")/../..}/tests/sim/lib.sh"
expected=$srcdir/tests/sim/paper.txt

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

simulate() { # cluster, options of run
    cluster=$1
    shift
    timeout 300 "$srcdir/tools/simulate" "$cluster" -- sim/jupiter run --cluster "$cluster" "$@"
}

# The layers of each device and the chunks of a plan, as options of run.
plan_options() {
    tr '\n' ' ' <"$1" | sed 's/.*chunks: \[\([^]]*\)\].*/--chunks \1/; s/ *, */,/g'
    awk 'BEGIN { printf " --layers " }
         $1 == "first:" { first = $2 }
         $1 == "last:" { printf "%s%d", comma, $2 - first + 1; comma = "," }' "$1"
}

seconds() { # JSON, key
    sed -n "s/^ *\"$2\": \([0-9.e-]*\),*\$/\1/p" "$1"
}

line() { # cluster, shape, name, options of run
    cluster=$1 shape=$2 name=$3
    shift 3
    case $name in script*) ;; *) set -- --prompt-tokens 260 -n 64 "$@" ;; esac
    if ! simulate "$cluster" --shape "$shape" --json "$@" \
        >"$work/json" 2>"$work/stderr"; then
        cat "$work/stderr"
        fail "$cluster $shape $name"
    fi
    grep -q '"clock": "simulated"' "$work/json" || fail "$cluster: the clock is not named"
    echo "$cluster $shape $name $(seconds "$work/json" prefill_s) $(seconds "$work/json" decode_s)"
}

for env in a b; do
    for mbps in 100 500 1000; do
        for shape in llama2-7b llama2-13b; do
            plan=$srcdir/tests/golden/plan-env-$env-$mbps-$shape-slowest.yaml
            # shellcheck disable=SC2046
            line env-$env-$mbps $shape jupiter $(plan_options "$plan")
            line env-$env-$mbps $shape one-chunk --chunk 260
        done
    done
done >"$work/seconds"
# a scripted workload, its pipe planned, guesses and branches in flight
script=$srcdir/tests/sim/script.yaml
{
    line env-a-1000 llama2-7b script --auto --script "$script"
    # four ranks, of which the planner leaves some out
    line 2xnx+2xnano@100mbps llama2-7b idle --auto
} >>"$work/seconds"

if [ "${JUPITER_GOLDEN:-}" = write ]; then
    cp "$work/seconds" "$expected"
elif ! diff -u "$expected" "$work/seconds"; then
    fail "the seconds are not those of $expected"
fi

# too little memory is found before anything runs, and says so
simulate 1xnx --shape llama2-13b >"$work/out" 2>&1
[ $? -eq 3 ] || fail "13B on one NX: exit code"
grep -q 'out of memory (OOM): device nx' "$work/out" || { cat "$work/out"; fail "13B on one NX"; }

# a rank that dies ends the simulation, with its exit code
./tests/tools/make_model "$work/nan.gguf" || fail make_model
size=$(wc -c <"$work/nan.gguf")
printf '\377\377\377\377' |
    dd of="$work/nan.gguf" bs=1 seek=$(((size - 4) / 32 * 32)) conv=notrunc 2>/dev/null
timeout 60 "$srcdir/tools/simulate" 2xnx@100mbps -- sim/jupiter run -m "$work/nan.gguf" -p x -n 4 \
    >"$work/out" 2>&1
[ $? -eq 2 ] && grep -q 'not numbers' "$work/out" || { cat "$work/out"; fail "a rank that dies"; }

# a script is for phantoms alone, and says by itself what else would be asked for
simulate env-a-100 --shape llama2-7b --script "$script" --outline >"$work/out" 2>&1 &&
    fail "--script and --outline"
grep -q 'does not go with --script' "$work/out" || { cat "$work/out"; fail "--script --outline"; }

# wrong guesses are stopped on their way, unless asked not to: then all tokens come later
cancelled() { # options of run: "cancelled stale tokens"
    simulate env-a-1000 --shape llama2-7b --script "$script" --tree chain:3 --json "$@" \
        >"$work/json" 2>"$work/stderr" || { cat "$work/stderr"; fail "--script $*"; }
    for key in segments_cancelled segments_stale new_tokens; do
        seconds "$work/json" $key | sed 's/\.0*$//'
    done
}
set -- $(cancelled) $(cancelled --no-cancel)
{ [ "$1" -gt 0 ] && [ "$4" -eq 0 ] && [ "$5" -gt 0 ] && [ "$3" = "$6" ]; } ||
    fail "cancelled, stale, tokens: $1 $2 $3; with --no-cancel: $4 $5 $6"

# accuracies to start from count for a script's guesses too
nodes() { # accuracy
    printf '%s\n' "$1" "$1" "$1" >"$work/accuracy.txt"
    simulate env-a-1000 --shape llama2-7b --script "$script" --accuracy "$work/accuracy.txt" --json \
        >"$work/json" 2>"$work/stderr" || { cat "$work/stderr"; fail "--accuracy $1"; }
    seconds "$work/json" tree_nodes_mean
}
awk -v few="$(nodes 0.01)" -v many="$(nodes 0.99)" 'BEGIN { exit !(few > 0 && many > few + 0.5) }' ||
    fail "--accuracy has no effect on a script"

# a trace of a simulated run is like any other, and marked
simulate env-a-100 --shape llama2-7b -n 4 -q --trace "$work/trace.h5" 2>&1 || fail "trace"
./jupiter trace summary "$work/trace.h5" | grep -q simulated || fail "the trace is not marked"

[ $failures -eq 0 ] && echo "$(wc -l <"$work/seconds") simulated runs take the expected seconds"
[ $failures -eq 0 ]

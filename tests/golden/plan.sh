#!/bin/sh
# Plans for the paper's environments and models: 260-token prompts, 64 tokens, INT4 weights; and
# plans of groups.
# JUPITER_GOLDEN=write sh tests/golden/plan.sh (in the build folder) writes what is expected anew.
set -u
here=${srcdir:-$(dirname "$0")/../..}/tests/golden
program=${JUPITER:-./jupiter}
JUPITER_DATA=${srcdir:-$(dirname "$0")/../..}/data
export JUPITER_DATA
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0

plans=0

check() { # name, options of plan
    name=$1
    shift
    plans=$((plans + 1))
    if ! "$program" plan "$@" --type q4_0 --generate 64 -o "$work/$name" >"$work/out" 2>&1; then
        cat "$work/out"
        failures=$((failures + 1))
    elif [ "${JUPITER_GOLDEN:-}" = write ]; then
        cp "$work/$name" "$here/$name"
    elif ! diff -u "$here/$name" "$work/$name"; then
        failures=$((failures + 1))
    fi
}

for env in a b; do
    for mbps in 100 500 1000; do
        for shape in llama2-7b llama2-13b; do
            for objective in total slowest; do
                check plan-env-$env-$mbps-$shape-$objective.yaml --cluster "env-$env-$mbps" \
                    --shape $shape --prompt-tokens 260 --objective $objective
            done
        done
    done
done
# version 2: what Jupiter is compared with, and groups in a pipeline
for strategy in local edgeshard megatron sequence galaxy detransformer hybrid; do
    check plan-env-b-1000-llama2-7b-$strategy.yaml --cluster env-b-1000 --shape llama2-7b \
        --prompt-tokens 260 --strategy $strategy --exchange ring
done
check plan-4xpi5-2xnx-llama2-13b-hybrid.yaml --cluster 4xpi5+2xnx@1gbps,0.5ms \
    --shape llama2-13b --prompt-tokens 512 --branches 4 --strategy hybrid
check plan-4xpi5-llama3-8b-hybrid.yaml --cluster 4xpi5@1gbps,0.2ms --shape llama3-8b \
    --prompt-tokens 128 --strategy hybrid
[ $failures -eq 0 ] && echo "$plans plans are as expected" || echo "$failures plans differ"
[ $failures -eq 0 ]

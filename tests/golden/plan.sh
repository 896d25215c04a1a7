#!/bin/sh
# Plans for the paper's environments and models: 260-token prompts, 64 tokens, INT4 weights.
# JUPITER_GOLDEN=write sh tests/golden/plan.sh (in the build folder) writes what is expected anew.
set -u
here=${srcdir:-$(dirname "$0")/../..}/tests/golden
program=${JUPITER:-./jupiter}
JUPITER_DATA=${srcdir:-$(dirname "$0")/../..}/data
export JUPITER_DATA
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0

for env in a b; do
    for mbps in 100 500 1000; do
        for shape in llama2-7b llama2-13b; do
            for objective in total slowest; do
                name=plan-env-$env-$mbps-$shape-$objective.yaml
                if ! "$program" plan --cluster "env-$env-$mbps" --shape $shape --type q4_0 \
                    --prompt-tokens 260 --generate 64 --objective $objective \
                    -o "$work/$name" >"$work/out" 2>&1; then
                    cat "$work/out"
                    failures=$((failures + 1))
                elif [ "${JUPITER_GOLDEN:-}" = write ]; then
                    cp "$work/$name" "$here/$name"
                elif ! diff -u "$here/$name" "$work/$name"; then
                    failures=$((failures + 1))
                fi
            done
        done
    done
done
[ $failures -eq 0 ] && echo "24 plans are as expected" || echo "$failures plans differ"
[ $failures -eq 0 ]

#!/bin/sh
# What a plan says comes true in simulated time, where it is not plain: of an uneven pipeline of two boards
# on which a single row takes twice as long without rests, of which the first has few; of three guesses a
# lap, all right; and of a group's sums of short prompts, which go whole or in blocks. Times are per token.
. "${srcdir:-$(dirname "$0")/../..}/tests/sim/lib.sh"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

{ cat "$srcdir/data/profiles/nx.yaml" && echo 'rest_gain: 1'; } >"$work/board.yaml"
cat >"$work/cluster.yaml" <<END
name: uneven
devices:
- {name: a, profile: board.yaml}
- {name: b, profile: board.yaml}
link: {mbps: 1000, ms: 1}
END
cat >"$work/plan.yaml" <<END
plan_version: 1
cluster: uneven
model: llama2-7b
type: Q4_0
layers: 32
objective: total
proven: false
workload: {prompt: 96, generate: 31, context: 127, branches: 1}
stages:
- {device: 0, first: 0, last: 27}
- {device: 1, first: 28, last: 31}
chunks: [48, 48]
END
cat >"$work/script.yaml" <<END
script_version: 1
accuracy: [1, 1]
requests:
- {prompt: 96, answer: 31}
END

plan() { # cluster, arguments: to predicted.yaml
    cluster=$1
    shift
    ./jupiter plan --cluster "$cluster" --shape llama2-7b "$@" -o "$work/predicted.yaml" \
        >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
}

comes_true() { # lines of times, percent, arguments of the run: the last column is how far it is off
    lines=$1 percent=$2
    shift 2
    timeout 100 "$srcdir/tools/simulate" "$cluster" -- sim/jupiter run -v --cluster "$cluster" \
        --shape llama2-7b --plan "$work/predicted.yaml" "$@" >"$work/out" 2>&1 ||
        { cat "$work/out"; exit 1; }
    sed -n '/^plan  /,$p' "$work/out"
    awk -v lines="$lines" -v most="$percent" '/^plan  / { inside = 1; next }
        inside && /%$/ { n++; off = $(NF - 1); if (off < -most || off > most) bad++ }
        END { exit !(n == lines && !bad) }' "$work/out" ||
        { echo "FAILED: beyond $percent %"; exit 1; }
}

plan "$work/cluster.yaml" --plan "$work/plan.yaml"
comes_true 6 2 --prompt-tokens 96 -n 31

sed -i 's/branches: 1/branches: 1, rows: 3, per_lap: 3/' "$work/plan.yaml"
plan "$work/cluster.yaml" --plan "$work/plan.yaml"
comes_true 6 2 --window 1 --script "$work/script.yaml" --tree chain:3

for prompt in 4 20; do # 32 and 164 kB a sum: whole, in blocks
    plan 4xnx@100mbps,15ms --strategy megatron -p $prompt -n 2
    comes_true 2 0.5 --prompt-tokens $prompt -n 2
done

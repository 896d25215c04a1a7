#!/bin/sh
# What a plan says of guesses comes true in simulated time: an uneven pipeline of two boards on which a
# single row takes twice as long without rests, three candidates a lap, all right. Times are per token.
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
workload: {prompt: 96, generate: 31, context: 127, branches: 1, rows: 3, per_lap: 3}
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

./jupiter plan --cluster "$work/cluster.yaml" --shape llama2-7b --plan "$work/plan.yaml" \
    -o "$work/predicted.yaml" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
timeout 100 "$srcdir/tools/simulate" "$work/cluster.yaml" -- sim/jupiter run -v --window 1 \
    --cluster "$work/cluster.yaml" --shape llama2-7b --plan "$work/predicted.yaml" \
    --script "$work/script.yaml" --tree chain:3 >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
sed -n '/^plan  /,$p' "$work/out"

# the last column is by how much the prediction is off
awk '/^plan  / { inside = 1; next }
     inside && /%$/ { n++; off = $(NF - 1); if (off < -2 || off > 2) bad++ }
     END { exit !(n == 6 && !bad) }' "$work/out" || { echo "FAILED: beyond 2 %"; exit 1; }

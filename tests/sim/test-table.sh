#!/bin/sh
# The paper's table stays within its tolerances: two of its rows with all six systems, the quick systems
# (of which one must run out of memory in six rows) in all twelve, and the cell that is farthest off.
. "${srcdir:-$(dirname "$0")/../..}/tests/sim/lib.sh"
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
exec python3 "$srcdir/experiments/paper/run" --build . --check \
    --only "1000 7B,SP,EdgeShard,B 100 13B Jupiter"

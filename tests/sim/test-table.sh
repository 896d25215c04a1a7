#!/bin/sh
# The paper's table stays within its tolerances: two of its rows with all six systems, the quick systems
# (of which one must run out of memory in six rows) in all twelve, and the cell that is farthest off.
set -u
srcdir=${srcdir:-$(dirname "$0")/../..}
for tool in smpicc smpirun python3; do
    command -v $tool >/dev/null || { echo "no $tool: skipped"; exit 77; }
done
${MAKE:-make} -s sim >sim-build.log 2>&1 || { tail -n 30 sim-build.log; exit 1; }
exec python3 "$srcdir/experiments/paper/run" --build . --check \
    --only "1000 7B,SP,EdgeShard,B 100 13B Jupiter"

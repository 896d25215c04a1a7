#!/bin/sh
# Four boards on one machine (network namespaces, 100 Mbit/s, 2 ms): the answer is that of one
# rank, the trace says where it comes from and can be drawn, and nothing is left behind.
. "${srcdir:-.}/tests/mpi/lib.sh"
emulate=$srcdir/tools/emulate
JUPITER_DATA=$(cd "$srcdir/data" && pwd)
export JUPITER_DATA
cluster=4xnx@100mbps,2ms

command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
cpu=auto
"$emulate" check $cluster 2>"$work/why" || {
    grep -q 'cgroup' "$work/why" && cpu=none && "$emulate" check $cluster --cpu none 2>"$work/why"
} || { cat "$work/why"; exit 77; }

model=$srcdir/data/demo/jupiter-demo.gguf
[ -f "$model" ] || { model=$work/m.gguf && "$make_model" "$model"; } || fail make_model
ask="run -m $model -n 12 -t 1"
prompt='How do I make soup?'

gone() { # the id of a run: fails when something of it is left
    ls -d /run/jupiter-lab-$1 /run/netns/jup-$1-* /sys/fs/cgroup/jup-$1-* \
        /sys/fs/cgroup/*/jup-$1-* 2>/dev/null && fail "run $1 left these behind"
}

# shellcheck disable=SC2086
"$emulate" run $cluster --cpu $cpu -- timeout 100 "$jupiter" $ask -p "$prompt" --tokens \
    --ignore-eos --trace "$work/trace.h5" >"$work/out" 2>"$work/err" </dev/null &
running=$!
wait $running || { cat "$work/err"; fail "the emulated run"; }
gone $running
# shellcheck disable=SC2086
same "four boards" "$(tokens 1 ${ask#run } -p "$prompt")" "$(cat "$work/out")"

"$jupiter" trace summary "$work/trace.h5" >"$work/summary" || fail "trace summary"
grep -q namespaces "$work/summary" || fail "the trace does not say that boards were emulated"
grep -q nx-3 "$work/summary" || fail "the trace does not name the boards"
if "${PYTHON:-python3}" -c 'import h5py, matplotlib' 2>/dev/null; then
    "${PYTHON:-python3}" "$srcdir/plots/gantt.py" "$work/trace.h5" -o "$work/trace.png" \
        >"$work/plot" 2>&1 || { cat "$work/plot"; fail "the picture of the trace"; }
    [ -s "$work/trace.png" ] || fail "no picture"
fi

# stopped in the middle, and killed: the boards go too
for how in INT KILL; do
    "$emulate" run $cluster --cpu $cpu -- sleep 1000 >/dev/null 2>&1 &
    running=$!
    tries=0
    until ls -d /run/netns/jup-$running-3 >/dev/null 2>&1 || [ $tries -gt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -$how $running
    wait $running 2>/dev/null
    tries=0
    while ls -d /run/jupiter-lab-$running >/dev/null 2>&1 && [ $tries -lt 150 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    gone $running
done

[ $failures -eq 0 ] && echo "four emulated boards answer like one rank"
exit $((failures > 0))

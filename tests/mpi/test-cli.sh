#!/bin/sh
# The conventions of the command line: help, version, streams, stop strings, JSON, interruption.
. "${srcdir:-.}/tests/mpi/lib.sh"

"$make_model" "$work/m.gguf" || fail make_model
run="run -m $work/m.gguf -p hello -t 1"

[ "$(ranks 3 --version | wc -l)" -eq 1 ] || fail "--version speaks once"
[ "$(ranks 3 run --help | grep -c -- --trace)" -eq 1 ] || fail "run --help speaks once"
for command in run info tokenize trace; do
    "$jupiter" $command --help 2>/dev/null | grep -qi usage || fail "$command --help"
done

# the answer alone on stdout, everything else on stderr
ranks 2 $run -n 8 >"$work/out" 2>"$work/err" || fail "run"
ranks 2 $run -n 8 -q >"$work/quiet" 2>"$work/quiet-err" || fail "run -q"
cmp -s "$work/out" "$work/quiet" || fail "-q changes the answer"
[ -s "$work/quiet-err" ] && fail "-q is not quiet"
grep -q "tokens/s" "$work/err" || fail "no summary on stderr"

# a prompt from a file and from standard input
printf 'hello' >"$work/prompt"
same "-f" "$(cat "$work/out")" "$(ranks 2 run -m "$work/m.gguf" -t 1 -n 8 -q -f "$work/prompt")"
same "stdin" "$(cat "$work/out")" \
    "$(timeout 60 mpirun -n 2 "$jupiter" run -m "$work/m.gguf" -t 1 -n 8 -q <"$work/prompt")"

# no library of a network that is not there is loaded, unless the user asks for it
# networks N [CHOICE]: how many of Open MPI's components for messages cm (psm2, libfabric) N processes ask
networks() {
    [ $# -eq 1 ] || export OMPI_MCA_pml="$2"
    OMPI_MCA_pml_base_verbose=10 ranks "$1" $run -n 1 -q 2>&1 | grep -c 'open.* loaded component cm'
}
set -- $(ls /sys/class/infiniband 2>/dev/null)
if [ $# -eq 0 ] && [ -z "${OMPI_MCA_pml:-}${OMPI_MCA_mtl:-}" ]; then
    same "networks asked for" 0 "$(networks 2)"
    ls "$(ompi_info --path pkglibdir --parsable 2>/dev/null | cut -d: -f3)"/*pml_cm* >/dev/null 2>&1 &&
        same "networks that the user asks for" 2 "$(networks 2 ^ucx)" &&
        mkdir -p "$work/home/.openmpi" &&
        printf '# networks\n  pml =^ucx\n' >"$work/home/.openmpi/mca-params.conf" &&
        same "networks that the user's file asks for" 1 "$(HOME=$work/home networks 1)"
fi

# stop strings cut the answer before them
ids=$(tokens 1 -m "$work/m.gguf" -p hello -n 12)
whole=$(ranks 1 $run -n 12 -q --ignore-eos)
stop=$(printf %s "$whole" | cut -c 6-8)
cut=$(ranks 2 $run -n 12 -q --ignore-eos --stop "$stop" --stop nonesuch)
[ -n "$ids" ] || fail "--tokens prints nothing"
[ "${#stop}" -eq 3 ] || fail "no stop string in '$whole'"
same "the answer before '$stop'" "${whole%%"$stop"*}" "$cut"

# sampling: the same seed gives the same answer on any number of ranks
drawn=$(tokens 1 -m "$work/m.gguf" -p hello -n 16 --temperature 1 --seed 5)
same "sampling on 3 ranks" "$drawn" \
    "$(tokens 3 -m "$work/m.gguf" -p hello -n 16 --temperature 1 --seed 5)"
[ "$drawn" != "$(tokens 1 -m "$work/m.gguf" -p hello -n 16 --temperature 1 --seed 6)" ] ||
    fail "another seed gives the same answer"

# JSON is one valid object
if command -v python3 >/dev/null; then
    ranks 2 $run -n 5 --json --ignore-eos 2>/dev/null | python3 -c '
import json, sys
run = json.load(sys.stdin)
assert len(run["tokens"]) == 5 and len(run["ranks"]) == 2 and run["ended_by"] == "length", run
assert run["summary"]["time_to_first_token_s"] > 0, run
' || fail "--json"
fi

# SIGUSR2, which mpirun passes on at once, unlike SIGTERM: stops at the next token, keeps the text, writes
# the trace
"$make_model" "$work/slow.gguf" dim=512 ffn=2048 layers=8 context=8192 || fail "make_model slow"
settings="-u OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-Haswell} GOMP_SPINCOUNT=2999"
case $jupiter in *under-valgrind) settings= ;; esac # which would lose a program that starts itself again
# shellcheck disable=SC2086
env $settings mpirun -n 2 "$jupiter" run -m "$work/slow.gguf" -t 1 -p hello -n 8000 --ignore-eos \
    --trace "$work/cut.h5" >"$work/cut.txt" 2>"$work/cut.err" </dev/null &
launcher=$!
waited=0
while [ ! -s "$work/cut.txt" ] && [ $waited -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
sleep 1
# ... meanwhile: OpenBLAS has no threads of its own in a rank, whatever else is set, and what is set stays
for pid in $(pgrep -f "^$jupiter .*$work/slow"); do
    [ -n "$settings" ] || break
    tr '\0' '\n' <"/proc/$pid/environ" | grep -x 'OPENBLAS_NUM_THREADS=1\|GOMP_SPINCOUNT=2999'
done >"$work/settings"
[ -z "$settings" ] || same "settings of two ranks" 4 "$(grep -c . "$work/settings")"
kill -USR2 $launcher
ended
[ -s "$work/cut.txt" ] || fail "nothing printed before the interruption"
"$jupiter" trace summary "$work/cut.h5" >/dev/null || fail "no trace after SIGUSR2: $(cat "$work/cut.err")"
finish

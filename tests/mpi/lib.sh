# Shared by the tests that start the program through the launcher. Sourced, not run.
# Tests run in the build folder; $srcdir is the source tree.
set -u
srcdir=${srcdir:-.}
jupiter=${JUPITER:-./jupiter}
make_model=./tests/tools/make_model
work=$(mktemp -d "${TMPDIR:-/tmp}/jupiter-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failures=0
patience=${JUP_TEST_PATIENCE_S:-240} # seconds, of a busy machine; builds with sanitizers need more

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_orte_base_help_aggregate=0

command -v mpirun >/dev/null 2>&1 || { echo "no mpirun: skipped"; exit 77; }

# ranks N ARGS...: runs the program on N ranks, never longer than $patience.
ranks() {
    n=$1
    shift
    timeout -k 5 $patience mpirun -n "$n" "$jupiter" "$@" </dev/null
}

# tokens N ARGS...: the ids of a greedy answer on N ranks.
tokens() {
    n=$1
    shift
    ranks "$n" run "$@" --tokens --ignore-eos -q -t 1 2>"$work/stderr" ||
        { echo "run on $n ranks failed: $*"; cat "$work/stderr"; }
}

# ended: waits for the job of $launcher, never longer than two minutes; its exit code
ended() {
    (sleep 120 && kill -TERM $launcher && sleep 10 && kill -KILL $launcher) >/dev/null 2>&1 &
    guard=$!
    wait $launcher
    code=$?
    kill $guard 2>/dev/null
    return $code
}

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

same() { # what expected got
    [ -n "$2" ] && [ "$2" = "$3" ] && return
    fail "$1"
    echo "  expected: $2"
    echo "  got:      $3"
    return 1
}

# Where everything takes ten times as long (JUP_TEST_THIN=yes) two of three repeats are left out.
turn=0
left_out() {
    [ -n "${JUP_TEST_THIN:-}" ] || return
    turn=$((turn + 1))
    [ $((turn % 3)) -ne 0 ]
}

finish() {
    [ "$failures" -eq 0 ] && echo "all well"
    exit $((failures > 0))
}

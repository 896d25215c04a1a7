#!/bin/sh
# What tools/boards, tools/keep-going and the experiments make of a file of hosts and of their own
# arguments, before any board is reached.
. "${srcdir:-.}/tests/mpi/lib.sh"
boards=$srcdir/tools/boards

# comments, empty lines, what other systems' editors end lines with
printf '# mine\r\n\r\nnx0\r\n  pi@nx1  # second\nnx2' >"$work/hosts"
same hosts "nx0 pi@nx1 nx2" "$("$boards" list "$work/hosts" | xargs)"

# wrong PATTERN ARGS...: code 2, one line that says so, nothing done
wrong() {
    pattern=$1
    shift
    JUPITER=false "$boards" "$@" >"$work/out" 2>"$work/err" </dev/null
    same "exit code of: $*" 2 $?
    same "lines of: $*" 1 "$(cat "$work/out" "$work/err" | wc -l)"
    grep -q -- "$pattern" "$work/err" || { fail "no '$pattern': $*"; cat "$work/err"; }
}
: >"$work/none"
wrong "cannot read $work/nosuch" list "$work/nosuch"
wrong "$work/none names no board" list "$work/none"
wrong "unknown command walk" walk "$work/hosts"
wrong "cannot read $work/nosuch" run --keep-going "$work/nosuch" -- -m m --journal j
wrong "$work/none names no board" run --keep-going "$work/none" -- -m m --journal j
wrong "name a journal" run --keep-going "$work/hosts" -- -m m
wrong "name a journal" run --keep-going "$work/hosts" -- -m m --journal=
wrong "--journal lacks its file" run --keep-going "$work/hosts" -- -m m --journal
wrong "both --journal j and --resume k" run --keep-going "$work/hosts" -- --journal j -m m --resume=k

# what it takes long to find out otherwise
refuses() { # PATTERN, script and arguments of it
    pattern=$1 script=$2
    shift 2
    JUPITER=false "${PYTHON:-python3}" "$srcdir/experiments/$script" "$@" >"$work/out" 2>"$work/err" &&
        fail "taken: $script $*"
    tail -n 1 "$work/err" | grep -q -- "$pattern" || { fail "no '$pattern': $script $*"; cat "$work/err"; }
}
confirm="boards/confirm $work/hosts -m m -o $work/confirm"
refuses "rounds: 0, must be 1" $confirm --rounds 0
refuses "confirm: .*$work/nosuch" $confirm --prompts "$work/nosuch"
refuses "$work/none has no prompt" $confirm --prompts "$work/none"
refuses "confirm: .*$work/hosts" $confirm -o "$work/hosts"
refuses "no folder $work/nosuch" links/run --plot "$work/nosuch/links.png"
finish

#!/bin/sh
# Sums over all ranks through the real MPI, short ones and such as MPI moves in several steps: the
# program checks every element of every sum.
. "${srcdir:-.}/tests/mpi/lib.sh"
jupiter=bench/exchanges

for n in 2 3 4; do
    ranks "$n" 3 >"$work/out" 2>"$work/err" || { fail "$n ranks"; cat "$work/err"; }
    same "sizes on $n ranks" 7 "$(grep -c ' KiB ' "$work/out")"
done
ranks 1 3 >"$work/out" 2>&1 && fail "one rank has nobody to talk to"

finish

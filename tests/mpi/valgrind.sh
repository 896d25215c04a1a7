#!/bin/sh
# The program on three ranks under valgrind (memcheck): pipeline and shared layers, outlines, guesses,
# sampling, a journal and going on from it, a trace. Its errors and what it never gives back fail;
# foreign libraries' are named in valgrind.supp. Minutes: `make check-valgrind` runs it.
. "${srcdir:-.}/tests/mpi/lib.sh"
command -v valgrind >/dev/null || { echo "no valgrind: skipped"; exit 77; }
theirs=/usr/share/openmpi/openmpi-valgrind.supp
[ -r $theirs ] && theirs=--suppressions=$theirs || theirs=

"$make_model" "$work/m.gguf" || fail make_model
for i in 1 2 3 4; do echo "{\"id\": \"$i\", \"question\": \"What $i?\"}"; done >"$work/q.jsonl"

# checked N ARGS...: without an error; its output as that of an undisturbed run on one rank
checked() {
    n=$1
    shift
    # shellcheck disable=SC2086
    timeout -k 5 $patience mpirun -n "$n" valgrind -q --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite --num-callers=30 $theirs \
        --suppressions="$srcdir/tests/mpi/valgrind.supp" --log-file="$work/valgrind.%p" \
        "$jupiter" run -m "$work/m.gguf" -t 1 -q --watch 0 "$@" >"$work/out" 2>"$work/err" </dev/null
    same "exit code of $*" 0 $?
    cat "$work"/valgrind.* >"$work/all"
    rm -f "$work"/valgrind.*
    [ -s "$work/all" ] && { fail "valgrind, of $*"; head -n 120 "$work/all"; cat "$work/err"; }
}
plain="-p hello -n 12 --ignore-eos --tokens"
expected=$(tokens 1 -m "$work/m.gguf" -p hello -n 12)
for way in "--strategy jupiter --chunk 2 --trace $work/t.h5" "--strategy megatron" "--strategy galaxy" \
    "--speculate lookup"; do
    # shellcheck disable=SC2086
    checked 3 $plain $way
    same "tokens with $way" "$expected" "$(cat "$work/out")"
done
ask="--questions $work/q.jsonl -n 8 --prompts question-outline-1 --outline=auto --temperature 0.8 --parallel 2"
# shellcheck disable=SC2086
checked 3 $ask --results "$work/r" --journal "$work/j"
head -c $(($(wc -c <"$work/j") / 2)) "$work/j" >"$work/half"
# shellcheck disable=SC2086
checked 2 $ask --results "$work/r2" --resume "$work/half"
answers() { sed -E 's/"(first_token_s|seconds)":[0-9.e+-]+,?//g' "$1" | sort; }
same "answers of one that goes on" "$(answers "$work/r")" "$(answers "$work/r2")"
finish

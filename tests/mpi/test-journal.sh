#!/bin/sh
# Going on from a journal: ranks are killed again and again, each time others go on, differently
# divided; what comes out is what an undisturbed run says, each line once. Another run's journal is
# refused, half a record dropped.
. "${srcdir:-.}/tests/mpi/lib.sh"

model=$srcdir/data/demo/jupiter-demo-f16.gguf
head -n 10 "$srcdir/data/demo/heldout.jsonl" >"$work/q.jsonl"
answers() { # FILE: what of the results does not depend on time, in the questions' order
    sed -E 's/"(first_token_s|seconds)":[0-9.e+-]+,?//g' "$1" | sort
}

# bytes FILE: of a file that may not be there yet
bytes() { [ -f "$1" ] && wc -c <"$1" || echo 0; }

# killed WHICH N ARGS...: N ranks; once the journal has grown by 3,000 bytes one of them (the first
# or the last child of the launcher) is killed. Ends well where the job was over before.
killed() {
    which=$1 n=$2
    shift 2
    target=$(($(bytes "$work/j") + 3000))
    timeout -k 5 $patience mpirun -n "$n" "$jupiter" "$@" >"$work/out" 2>"$work/err" </dev/null &
    launcher=$!
    while [ "$(bytes "$work/j")" -lt $target ] && kill -0 $launcher 2>/dev/null; do sleep 0.05; done
    # timeout's child is mpirun, whose children are the ranks
    mpirun=$(ps -o pid= --ppid $launcher 2>/dev/null | head -n 1)
    victim=$(ps -o pid= --ppid ${mpirun:-$launcher} 2>/dev/null | $which -n 1)
    [ -n "$victim" ] && kill -9 $victim 2>/dev/null
    wait $launcher
    code=$?
    # killed by the launcher, or told by the watch and ended in order
    [ $code -eq 0 ] || [ $code -eq 3 ] || [ $code -ge 128 ] ||
        { fail "exit code $code of a killed run"; cat "$work/err"; }
}

# lives SAMPLING...: undisturbed, and with four lives
lives() {
    ask="run -m $model --questions $work/q.jsonl -n 48 -t 1 -q $*"
    rm -f "$work/j" "$work/r.jsonl" "$work/whole.jsonl"
    ranks 1 $ask --results "$work/whole.jsonl" 2>"$work/err" || { fail "undisturbed: $*"; cat "$work/err"; }
    killed head 2 $ask --results "$work/r.jsonl" --journal "$work/j"
    cp "$work/j" "$work/first" # of a job whose first rank is dead
    killed tail 3 $ask --results "$work/r.jsonl" --resume "$work/j" --layers 1,5,2 --speculate lookup
    killed head 2 $ask --results "$work/r.jsonl" --resume "$work/j" --strategy megatron
    printf 'tokens 1 0 5 17 4' >>"$work/j"
    ranks 3 $ask --results "$work/r.jsonl" --resume "$work/j" --chunk 16 2>"$work/err" ||
        { fail "the last life: $*"; cat "$work/err"; }
    grep -q "its 17 bytes are dropped" "$work/err" || fail "half a record is not named"
    same "$*: lines" 10 "$(wc -l <"$work/r.jsonl")"
    answers "$work/whole.jsonl" >"$work/expected"
    answers "$work/r.jsonl" >"$work/got"
    cmp -s "$work/expected" "$work/got" || { fail "another text: $*"; diff "$work/expected" "$work/got" | cut -c1-300; }
}
lives --outline=auto --early-points --temperature 0.8 --seed 5
lives --prompts question-outline-1

# all is answered: nothing more to do, nothing more written; elsewhere all of it, from what is known
ranks 2 $ask --results "$work/r.jsonl" --resume "$work/j" || fail "a finished one"
same "lines of a finished one" 10 "$(wc -l <"$work/r.jsonl")"
ranks 2 $ask --results "$work/again.jsonl" --resume "$work/j" || fail "other results"
same "other results" "$(cat "$work/expected")" "$(answers "$work/again.jsonl")"
"$jupiter" journal "$work/j" >"$work/out" || fail "jupiter journal"
for what in "^--temperature *0$" "Z begins on 2 ranks" "Z goes on on 3 ranks, strategy jupiter" \
    "ends: 10 of 10 questions answered" "tokens of 10 questions, 10 results"; do
    grep -q -- "$what" "$work/out" || fail "jupiter journal does not say '$what'"
done
"$jupiter" journal "$work/j" --note "board nx1 died" || fail "a note"
"$jupiter" journal "$work/j" | grep -q "Z board nx1 died" || fail "no note"

# a single answer, whole again
one="run -m $model -n 60 -t 1 -q --ignore-eos --temperature 0.9"
whole=$(ranks 1 $one -p "How do I")
rm -f "$work/j"
same "an answer that is kept" "$whole" "$(ranks 2 $one -p "How do I" --journal "$work/j")"
head -c $(($(bytes "$work/j") * 3 / 4)) "$work/j" >"$work/cut"
same "an answer that goes on" "$whole" "$(ranks 3 $one -p "How do I" --resume "$work/cut" 2>/dev/null)"
same "an answer that was over" "$whole" "$(ranks 1 $one -p "How do I" --resume "$work/j")"

# several stop texts, all of which must be the same
stops="-p Hello -n 4 --stop one --stop two"
rm -f "$work/j2"
same "stop texts" "$(ranks 1 $one $stops --journal "$work/j2")" "$(ranks 1 $one $stops --resume "$work/j2")"

# refused, with the field and both values
refused() { # what it says, arguments of two ranks
    says=$1
    shift
    cp "$work/j" "$work/before"
    ranks 2 "$@" >"$work/out" 2>"$work/err"
    same "exit code for '$says'" 2 $?
    grep -q -- "^jupiter: .*$says" "$work/err" || { fail "does not say '$says'"; cat "$work/err"; }
    cmp -s "$work/j" "$work/before" || fail "'$says' changes the journal"
}
refused "--seed 1, this one has 2" $one -p "How do I" --seed 2 --resume "$work/j"
refused "-n 60, this one has 61" $one -p "How do I" -n 61 --resume "$work/j"
refused "prompt [0-9]* tokens .*, this one has" $one -p "How do you" --resume "$work/j"
refused "--temperature 0.9, this one has 0" $one -p "How do I" --temperature 0 --resume "$work/j"
refused "--wire F16, this one has F32" $one -p "How do I" --wire f32 --resume "$work/j"
refused "--strategy none, this one has detransformer\|this one has detransformer" \
    $one -p "How do I" --strategy detransformer --resume "$work/j"
"$make_model" "$work/other.gguf" || fail make_model
refused "model [0-9a-f]*, this one has" run -m "$work/other.gguf" ${one#run -m "$model"} -p "How do I" --resume "$work/j"
mv "$work/j" "$work/j1" && cp "$work/j2" "$work/j"
refused "--stop one, two (.*, this one has one, too (" \
    $one -p Hello -n 4 --stop one --stop too --resume "$work/j"
mv "$work/j1" "$work/j"
refused "is there already" $one -p "How do I" --journal "$work/j"
refused "both --journal and --resume" $one -p "How do I" --journal "$work/j" --resume "$work/j"
refused "cannot read .*nosuch" $one -p "How do I" --resume "$work/nosuch"
refused "not a journal" $one -p "How do I" --resume "$work/q.jsonl"
refused "does not go with chat" chat -m "$model" --resume "$work/j"
refused "no tokens to keep" run --shape llama2-7b --cluster 2xnx@100mbps --journal "$work/k"
finish

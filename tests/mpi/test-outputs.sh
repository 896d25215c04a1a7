#!/bin/sh
# What the program writes: never over an input or another output, complete or not at all, every
# failure said with its reason and told by the exit code.
. "${srcdir:-.}/tests/mpi/lib.sh"

"$make_model" "$work/m.gguf" || fail make_model
cp "$work/m.gguf" "$work/copy"
prompts=$srcdir/data/prompts/question-outline-1.json
for i in 1 2 3 4 5 6; do echo "{\"id\": \"$i\", \"question\": \"Why $i?\"}"; done >"$work/q.jsonl"
cp "$work/q.jsonl" "$work/q.copy"
run="run -m $work/m.gguf -p hello -n 2 -q -t 1"
ask="run -m $work/m.gguf --questions $work/q.jsonl --prompts $prompts -n 4 -q -t 1 --ignore-eos"

# refused CODE PATTERN ARGS...: one process, one message.
refused() {
    code=$1 pattern=$2
    shift 2
    "$jupiter" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" -eq "$code" ] || fail "exit code $got, not $code: $*"
    [ "$(grep -c '^jupiter: ' "$work/err")" -eq 1 ] && grep -q -- "$pattern" "$work/err" ||
        { fail "no '$pattern' of: $*"; cat "$work/err"; }
}

# an output that is an input, or another output, under any name
ln "$work/m.gguf" "$work/hard"
ln -s m.gguf "$work/soft"
mkdir "$work/d" "$work/0"
for name in "$work/m.gguf" "$work/d/../m.gguf" "$work/hard" "$work/soft"; do
    refused 2 "same file" $run --trace "$name"
    refused 2 "same file" $run --logits "$name"
    refused 2 "same file" $ask --results "$name"
    refused 2 "same file" profile -m "$work/m.gguf" -o "$name"
    refused 2 "same file" plan -m "$work/m.gguf" -c 2xnx@100mbps -o "$name"
done
refused 2 "same file" $ask --results "$work/q.jsonl"
# nor one of several that a name stands for
mkdir "$work/folder"
for name in folder/config.json folder/model-2.safetensors sl-0 sl-1 p-00001-of-00003.gguf \
    p-00002-of-00003.gguf c.yaml c-rank1.yaml; do cp "$work/m.gguf" "$work/$name"; done
other() { # output, options
    output=$work/$1
    shift
    refused 2 "'$output' and --[a-z]* '$output' are the same file" "$@" --trace "$output"
    cmp -s "$output" "$work/copy" || fail "$output was changed"
}
other folder/model-2.safetensors run -m "$work/folder" -p x
other folder/config.json run -m "$work/folder" -p x
other sl-1 run -m "$work/sl-{rank}" -p x
other p-00002-of-00003.gguf run -m "$work/p-00001-of-00003.gguf" -p x
other c-rank1.yaml run -m "$work/m.gguf" -p x --cluster "$work/c.yaml"
refused 2 "same file" $run --trace "$work/new" --logits "$work/d/../new"
refused 2 "same file" split -m "$work/m.gguf" -n 2 -o "$work/{rank}/../m.gguf" --only 0
ln "$work/m.gguf" "$work/slice-1.gguf"
refused 2 "same file" split -m "$work/m.gguf" -n 2 -o "$work/slice-{rank}.gguf"
[ -e "$work/slice-0.gguf" ] && fail "split wrote before it looked"
"$jupiter" plan -m "$work/m.gguf" -c 2xnx@100mbps -o "$work/plan.yaml" >"$work/out" || fail "plan"
cp "$work/plan.yaml" "$work/plan.copy"
refused 2 "same file" plan -m "$work/m.gguf" -c 2xnx@100mbps --plan "$work/plan.yaml" \
    -o "$work/plan.yaml"
ranks 2 $run --trace "$work/t.h5" >"$work/out" || fail "run --trace"
cp "$work/t.h5" "$work/t.copy"
refused 2 "same file" trace chrome "$work/t.h5" -o "$work/t.h5"
for pair in m.gguf:copy q.jsonl:q.copy plan.yaml:plan.copy t.h5:t.copy; do
    cmp -s "$work/${pair%:*}" "$work/${pair#*:}" || fail "${pair%:*} was changed"
done

# standard output that cannot be written, of every command
if [ -c /dev/full ]; then
    for command in "--help" "run --help" "info -m $work/m.gguf" "tokenize -m $work/m.gguf -p hello" \
        "plan -m $work/m.gguf -c 2xnx@100mbps" "trace summary $work/t.h5" \
        "trace chrome $work/t.h5 -o -" "platform 2xnx@100mbps" "$run" "$run --json" "$ask" \
        "split -m $work/m.gguf -n 2 -o $work/s-{rank}.gguf"; do
        "$jupiter" $command >/dev/full 2>"$work/err"
        same "exit code of '$command' on a full disk" 3 $?
        grep -q "No space left" "$work/err" || { fail "no reason of: $command"; cat "$work/err"; }
        "$jupiter" $command >&- 2>"$work/err"
        same "exit code of '$command' without standard output" 3 $?
        [ "$(grep -c '^jupiter: ' "$work/err")" -eq 1 ] || fail "no message of: $command >&-"
    done
    same "a reader that goes away" "usage" "$("$jupiter" --help | head -c 5)"

    refused 3 "'/dev/full': No space left" $ask --results /dev/full
    refused 3 "'/dev/full': No space left" plan -m "$work/m.gguf" -c 2xnx@100mbps -o /dev/full
    refused 3 "'/dev/full': No space left" $run --logits /dev/full
    refused 3 "'/dev/full': No space left" $run --trace /dev/full
    [ -c /dev/full ] || fail "/dev/full was replaced"
fi

# a disk that fills up on the way: what was there stays, lines are whole
mkdir "$work/small"
if mount -t tmpfs -o size=64k none "$work/small" 2>/dev/null; then
    trap 'umount "$work/small"; rm -rf "$work"' EXIT
    small=$work/small
    cp "$work/plan.yaml" "$small/plan.yaml"
    i=0
    while echo "{\"id\": $i, \"question\": \"Why?\"}"; do
        i=$((i + 1))
        [ $i -lt 300 ] || break
    done >"$work/many.jsonl"
    refused 3 "$small/r.jsonl': No space left" run -m "$work/m.gguf" --questions "$work/many.jsonl" \
        --prompts "$prompts" -n 4 -q -t 1 --ignore-eos --results "$small/r.jsonl"
    [ -s "$small/r.jsonl" ] || fail "no results before the disk was full"
    same "whole lines on a full disk" "$(grep -c '^{.*}$' "$small/r.jsonl")" \
        "$(wc -l <"$small/r.jsonl")"
    cat /dev/zero >"$small/filled" 2>/dev/null
    refused 3 "$small/plan.yaml': No space left" plan -m "$work/m.gguf" -c 2xnx@100mbps \
        -o "$small/plan.yaml"
    cmp -s "$small/plan.yaml" "$work/plan.copy" || fail "an earlier plan was lost"
    refused 3 "No space left" split -m "$work/m.gguf" -n 1 -o "$small/whole-{rank}.gguf"
    refused 3 "$small/t.h5': No space left" $run --trace "$small/t.h5"
    refused 3 "$small/l.npy': No space left" $run --logits "$small/l.npy"
    refused 3 "$small/t.json': No space left" trace chrome "$work/t.h5" -o "$small/t.json"
    refused 3 "$small/p.xml': No space left" platform 2xnx@100mbps -o "$small/p.xml"
    same "what is left on a full disk" "filled plan.yaml r.jsonl" "$(ls "$small" | xargs)"
else
    echo "no small disk can be mounted here: full disks are not tried"
fi
ls "$work" | grep -q part && fail "parts of files are left: $(ls "$work" | grep part)"

# results are added, by one job at a time
"$jupiter" $ask --results "$work/both.jsonl" || fail "--results"
"$jupiter" $ask --results "$work/both.jsonl" || fail "--results again"
same "lines of two jobs" 12 "$(grep -c '^{.*}$' "$work/both.jsonl")"
if command -v flock >/dev/null; then
    flock "$work/both.jsonl" "$jupiter" $ask --results "$work/both.jsonl" 2>"$work/err"
    same "exit code of a second job" 2 $?
    grep -q "another job" "$work/err" || fail "another job is not named"
    same "lines of the first job" 12 "$(wc -l <"$work/both.jsonl")"
fi

# a place that cannot be written is said before the work
refused 2 "/nosuchfolder/c.yaml" profile -m "$work/m.gguf" -o /nosuchfolder/c.yaml
refused 2 "/nosuchfolder/r.jsonl" $ask --results /nosuchfolder/r.jsonl
finish

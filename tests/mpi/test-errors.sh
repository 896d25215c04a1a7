#!/bin/sh
# Every mistake of the user gives one clear message and the same non-zero exit on every rank; a
# hang would end in the launcher's time limit and another code.
. "${srcdir:-.}/tests/mpi/lib.sh"

"$make_model" "$work/good.gguf" || fail make_model

# wrong RANKS PATTERN ARGS...: fails with code 2 or 3 on all ranks and says PATTERN once.
wrong() {
    n=$1 pattern=$2
    shift 2
    ranks "$n" "$@" >"$work/out" 2>"$work/err"
    code=$?
    { [ "$code" -eq 2 ] || [ "$code" -eq 3 ]; } || fail "exit code $code of: $*"
    said=$(grep -c '^jupiter: ' "$work/err")
    [ "$said" -eq 1 ] || { fail "$said messages of: $*"; cat "$work/err"; }
    grep '^jupiter: ' "$work/err" | grep -q -- "$pattern" ||
        { fail "no '$pattern' in the message of: $*"; cat "$work/err"; }
    [ -s "$work/out" ] && { fail "output in spite of an error: $*"; cat "$work/out"; }
}

good="-m $work/good.gguf -p hello"

# the file
wrong 2 "nosuch.gguf" run -m "$work/nosuch.gguf" -p x
wrong 2 "$work" run -m "$work" -p x
: >"$work/empty.gguf"
wrong 2 "empty.gguf" run -m "$work/empty.gguf" -p x
head -c 1000 /dev/zero >"$work/zero.gguf"
wrong 3 "zero.gguf" run -m "$work/zero.gguf" -p x
size=$(wc -c <"$work/good.gguf")
for keep in 3 20 200 $((size / 2)) $((size - 1)); do
    head -c "$keep" "$work/good.gguf" >"$work/cut.gguf"
    wrong 2 "cut.gguf" run -m "$work/cut.gguf" -p x
done
sed 's/embedding_length/embeddinq_length/' "$work/good.gguf" >"$work/key.gguf"
wrong 2 "llama.embedding_length" run -m "$work/key.gguf" -p x
sed 's/general.architecture\(.\{12\}\)llama/general.architecture\1gpt-x/' "$work/good.gguf" >"$work/arch.gguf"
cmp -s "$work/good.gguf" "$work/arch.gguf" || wrong 2 "gpt-x" run -m "$work/arch.gguf" -p x
# what the file is for is judged before its tokenizer
sed 's/general.architecture\(.\{12\}\)llama/general.architecture\1gpt-x/;s/tokenizer.ggml.tokens/tokenizer.ggml.tokenz/' \
    "$work/good.gguf" >"$work/arch.gguf"
wrong 2 "gpt-x" run -m "$work/arch.gguf" -p x
"$make_model" "$work/adapter.gguf" kind=adapter || fail make_model
wrong 2 "adapter" run -m "$work/adapter.gguf" -p x
"$make_model" "$work/extra.gguf" extra=blk.0.attn_q_norm.weight || fail make_model
wrong 2 "blk.0.attn_q_norm.weight" run -m "$work/extra.gguf" -p x
"$jupiter" info -m "$work/extra.gguf" >/dev/null 2>&1
[ $? -eq 2 ] || fail "info takes a model that cannot run"
for at in 4 $((size / 2)); do
    cp "$work/good.gguf" "$work/nan.gguf"
    printf '\377\377\377\377' |
        dd of="$work/nan.gguf" bs=1 seek=$(((size - at) / 32 * 32)) conv=notrunc 2>/dev/null
    wrong 2 "not numbers" run -m "$work/nan.gguf" -p x
done
sed 's/blk.1.ffn_up.weight/blk.1.ffn_uq.weight/' "$work/good.gguf" >"$work/tensor.gguf"
wrong 4 "blk.1.ffn_up.weight" run -m "$work/tensor.gguf" -p x
"$make_model" "$work/other.gguf" ffn=180
sed 's/ffn_gate/ffn_qate/' "$work/good.gguf" >"$work/late.gguf"
wrong 3 "ffn_gate" run -m "$work/late.gguf" -p x

# a tensor of a type that is only known by name (a withdrawn one, as large as Q4_0), and of one that
# nobody knows: its number stands 37 bytes after the beginning of its name
"$make_model" "$work/q4_0.gguf" type=q4_0 ffn=192 || fail make_model
at=$(grep -abo 'token_embd.weight' "$work/q4_0.gguf" | cut -d: -f1)
retyped() { # octal number of a type, file
    cp "$work/q4_0.gguf" "$2"
    printf "\\$1" | dd of="$2" bs=1 seek=$((at + 37)) conv=notrunc 2>/dev/null
}
retyped 037 "$work/withdrawn.gguf"
wrong 2 "token_embd.weight.* Q4_0_4_4" run -m "$work/withdrawn.gguf" -p x
retyped 143 "$work/newer.gguf"
wrong 2 "type number 99" run -m "$work/newer.gguf" -p x
# info says so too, having told what it knows, the bytes among it
for model in q4_0 withdrawn; do
    "$jupiter" info -m "$work/$model.gguf" >"$work/$model.out" 2>"$work/$model.err"
    echo $? >>"$work/$model.err"
done
[ "$(cat "$work/q4_0.err")" = 0 ] || fail "info of a model that runs"
[ "$(tail -n 1 "$work/withdrawn.err")" = 2 ] || fail "info of a model that cannot run is content"
grep -q "^jupiter: .*Q4_0_4_4" "$work/withdrawn.err" || fail "info does not say what cannot run"
grep -q "Q4_0_4_4 .* 1 tensors, 0.01 MiB (not supported)" "$work/withdrawn.out" ||
    fail "info does not count a tensor that is not supported"
same "bytes of a type that is not supported" "$(grep embedding "$work/q4_0.out")" \
    "$(grep embedding "$work/withdrawn.out")"

# the division of work
wrong 7 "6 layers" run $good
wrong 2 "--layers" run $good --layers 3,2
wrong 2 "--layers" run $good --layers 2,2,2
wrong 2 "--layers" run $good --layers 3,x
wrong 2 "--chunks" run $good --chunks 1,2
wrong 2 "--chunk" run $good --chunk 3 --chunks 1,2

# the prompt and the context
long=$(printf 'x%.0s' $(seq 600))
wrong 2 "context" run -m "$work/good.gguf" -p "$long"
wrong 2 "context" run $good --context 3
wrong 2 "nofile.txt" run -m "$work/good.gguf" -f "$work/nofile.txt"
wrong 2 "empty" run -m "$work/good.gguf" -p "" --no-bos

# options
wrong 2 "no model" run -p x
wrong 2 "--bogus" run $good --bogus
wrong 2 "-n" run $good -n -3
wrong 2 "many" run $good -n many
echo '{"question": "x"}' >"$work/q.jsonl"
wrong 2 "--questions does not go with --prompt" run $good --questions "$work/q.jsonl"
wrong 2 "--questions does not go with --file" run -m "$work/good.gguf" -f "$work/q.jsonl" --questions "$work/q.jsonl"
alone() { # PATTERN ARGS...: one process, without the launcher; refused in moments
    pattern=$1
    shift
    timeout 60 "$jupiter" "$@" >"$work/out" 2>"$work/err" </dev/zero
    same "exit code of: $*" 2 $?
    grep -q -- "$pattern" "$work/err" || { fail "no '$pattern' of: $*"; cat "$work/err"; }
}
for value in "" 010 0x10 1e3 " 7" 7x 99999999999 -99999999999; do
    alone "--generate (-n) is" run $good -n "$value"
done
for value in " 4" 04 4, ,4 0x4; do
    alone "--tree is" run $good --speculate lookup --tree "$value"
    alone "--chunks is" run $good --chunks "$value"
    alone "--threads is" bench -m "$work/good.gguf" -t "$value"
done
for value in "" 0x1p3 inf nan 1e999 "1 " warm; do
    alone "--temperature is" run $good --temperature "$value"
done
alone "--seed is" run $good --seed 99999999999999999999
alone "--window is" run $good --window 0b1
alone "--only is" split -m "$work/good.gguf" -n 2 -o "$work/s-{rank}" --only 01

# what contradicts itself, or has no effect
alone "--model is given twice, as '$work/good.gguf' and as 'other'" run $good -m other
for command in bench chat info perplexity plan profile run serve split tokenize; do
    alone "--model is given twice, as 'a' and as 'b'" $command -m a -m b
done
alone "--output is given twice, as 'a' and as 'b'" platform -o a -o b
alone "--output is given twice, as 'a' and as 'b'" trace chrome t -o a -o b
alone "--file is given twice, as 'a' and as 'b'" run -m "$work/good.gguf" --file a --file=b
alone "--prompt is given twice, as 'hello' and as 'x'" run $good -qpx
alone "none does not go with others" run $good --speculate none,lookup
alone "--heads has no effect without --speculate medusa" run $good --speculate lookup --heads h
alone "--draft has no effect without --speculate model" run $good --speculate none --draft d
alone "--accuracy has no effect without --speculate medusa" run $good --accuracy a
alone "--tree has no effect without --speculate" run $good --tree 4
alone "--no-cancel has no effect without --speculate" run $good --no-cancel
alone "--trace is '-', but standard output has the answer" run $good --trace -
alone "--logits is '-'" run $good --logits -
alone "--early-points has no effect without --outline; add that, or leave it out" run $good --early-points
alone "--results has no effect without --questions" run $good --results r
for idle in "max-points 4" "parallel 2" "seed 3" "top-k 3" "repeat-last 9" "typical 0.1" "type q4_0" \
    "prompt-tokens 9" "exchange ring"; do
    alone "--${idle% *} has no effect without --[a-z-]*; add that" run $good --$idle
done
alone "--quiet does not go with --verbose" run $good -vq
alone "--json .* --questions .* --results" run -m "$work/good.gguf" --questions "$work/q.jsonl" --json
alone "--generate does not go with --script" run --shape llama2-7b --cluster 2xnx@100mbps -n 3 \
    --script "$srcdir/tests/sim/script.yaml"
alone "--temperature does not go with --shape" run --shape llama2-7b --cluster 2xnx@100mbps --temperature 1
plan="plan -c 2xnx@100mbps --shape llama2-7b"
alone "--plan does not go with --prompt-tokens: the file says it" $plan --plan p.yaml -p 8
alone "--even does not go with --strategy" $plan --even --strategy megatron
alone "--chunk does not go with --max-chunk" $plan --chunk 4 --max-chunk=4
alone "--min-chunk is 9, --max-chunk only 8" $plan --min-chunk 9 --max-chunk 8
alone "--output has no effect on trace summary" trace summary t.h5 -o t.json
same "--kv-type, as it was called" "$("$jupiter" $plan --kv f32)" "$("$jupiter" $plan --kv-type f32)"
alone "--early-points has no effect without titles in '.*script.yaml'" run --shape llama2-7b \
    --cluster 2xnx@100mbps --script "$srcdir/tests/sim/script.yaml" --early-points
wrong 2 "--temperature" run $good --temperature -1
wrong 2 "--top-p is 1.5" run $good --temperature 1 --top-p 1.5
wrong 2 "--wire" run $good --wire f64
wrong 2 "--kv" run $good --kv int4
wrong 2 "--compute" run $good --compute gpu
wrong 2 "unexpected argument" run $good surplus
wrong 2 "unknown command" fly

# more memory than there is: refused before any of it is touched
"$make_model" "$work/wide.gguf" layers=60 context=100000000 || fail "make_model wide"
wrong 2 "KV cache for" run -m "$work/wide.gguf" -p x -n 16000000 --context 90000000 --kv f32 -q
head -c 3000000 /dev/zero | tr '\0' x >"$work/much.txt"
wrong 2 "for steps of [0-9]* rows" run -m "$work/wide.gguf" -f "$work/much.txt" -n 1 --chunk 1000000 \
    -q --context 4000000

# inputs without an end (standard input of alone is one)
alone "context of 512 tokens can hold" run -m "$work/good.gguf" -f /dev/zero
alone "standard input has more than" run -m "$work/good.gguf"
alone "context of 512 tokens can hold" run -m "$work/good.gguf" --outline --prompts question-outline-1 \
    -f /dev/zero
alone "/dev/zero has more than" run -m "$work/good.gguf" --prompts question-outline-1 \
    --questions /dev/zero
alone "/dev/zero has more than" run -m "$work/good.gguf" -p x --outline --prompts /dev/zero
alone "/dev/zero has more than" tokenize -m "$work/good.gguf" -f /dev/zero
alone "'/dev/zero' has more than" run $good --plan /dev/zero
alone "'/dev/zero' has more than" run --shape llama2-7b --cluster 2xnx@100mbps \
    --script /dev/zero
alone "'/dev/zero' has more than" plan --shape llama2-7b -c /dev/zero
{
    printf '{"question": "'
    head -c 3000000 /dev/zero | tr '\0' x
    printf '"}\n{"question": "Why?"}\n'
} >"$work/long.jsonl"
ranks 1 run -m "$work/good.gguf" --questions "$work/long.jsonl" -n 2 -q -t 1 \
    --prompts question-outline-1 --results "$work/r.jsonl" \
    2>"$work/err"
same "exit code of one long question" 2 $?
same "answers beside a long question" 1 "$(grep -c '"answer"' "$work/r.jsonl")"
same "the long question's problem" 1 "$(grep -c '"error":"the question has 3000000 bytes' "$work/r.jsonl")"

# a pipe that nobody writes to, whatever it was to be; all at once, as each is waited for a while
mkfifo "$work/pipe" "$work/pipe.journal" # who would keep one there would be a writer
silent() { # arguments, of which one is the pipe
    (
        timeout 100 "$jupiter" "$@" >"$work/pipe.out" 2>"$work/pipe.$silent" </dev/null
        echo "code $? of: $*" >>"$work/pipe.$silent"
    ) &
    silent=$((silent + 1))
}
silent=0
silent info -m "$work/pipe"
silent run -m "$work/good.gguf" -f "$work/pipe"
silent run -m "$work/good.gguf" --prompts question-outline-1 --questions "$work/pipe"
silent run $good --prompts "$work/pipe"
silent run $good --plan "$work/pipe"
silent run $good --resume "$work/pipe"
silent run $good --journal "$work/pipe.journal"
silent run --shape llama2-7b --cluster "$work/pipe"
silent run --shape llama2-7b --cluster 2xnx@100mbps --script "$work/pipe"
silent tokenize -m "$work/good.gguf" -f "$work/pipe"
silent perplexity -m "$work/good.gguf" -f "$work/pipe"
silent journal "$work/pipe"
silent trace summary "$work/pipe"
wait
for file in "$work"/pipe.[0-9]*; do
    grep -q '^code 2 of' "$file" && grep -q "^jupiter: .*$work/pipe.* \(pipe\|plain file\)" "$file" ||
        { fail "a pipe that nobody writes to"; cat "$file"; }
done
# somebody does
same "a prompt from a pipe" "$(tokens 1 $good -n 4)" \
    "$(echo hello >"$work/pipe" & tokens 1 -m "$work/good.gguf" -f "$work/pipe" -n 4)"

# weights that are large enough are in memory of the ranks' own
"$make_model" "$work/lost.gguf" dim=512 ffn=2048 layers=8 context=2048 || fail "make_model lost"
own="-m $work/lost.gguf -p hello --ignore-eos -n 20 -t 1"
whole=$(ranks 1 run $own -q)
if [ -r /sys/kernel/mm/transparent_hugepage/enabled ] &&
    ! grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled; then
    same "text with weights of the ranks' own" "$whole" "$(ranks 2 run $own -v 2>"$work/err")"
    same "ranks with weights of their own" 2 "$(grep -c 'weights read into huge pages' "$work/err")"
fi

# and stay in the file where a control group has no memory for them: 134 MB of 160
for groups in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    group=$groups/jupiter-$$ limit=memory.max
    [ $groups = /sys/fs/cgroup ] || limit=memory.limit_in_bytes
    mkdir "$group" 2>/dev/null || continue
    if [ -e "$group/$limit" ] && echo 160M >"$group/$limit"; then
        within=$(sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" "$jupiter" run \
            $own -v 2>"$work/err")
        same "exit code in a group of little memory" 0 $?
        same "text in a group of little memory" "$whole" "$within"
        same "weights in a group of little memory" 0 "$(grep -c 'huge pages' "$work/err")"
    fi
    rmdir "$group"
done

# the model is cut while it is read: small weights stay in the file
"$make_model" "$work/lost.gguf" dim=512 ffn=1024 layers=4 context=8192 || fail "make_model lost"
timeout 120 mpirun -n 2 "$jupiter" run -m "$work/lost.gguf" -t 1 -p hello -n 8000 --ignore-eos \
    >"$work/out" 2>"$work/err" &
launcher=$!
tries=0
while [ ! -s "$work/out" ] && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
: >"$work/lost.gguf"
wait $launcher
same "exit code for a lost model" 3 $?
grep -q "^jupiter: '$work/lost.gguf' changed while it was read" "$work/err" ||
    { fail "a lost model is not named"; cat "$work/err"; }

# outputs
wrong 2 "/nosuchfolder/t.h5" run $good --trace /nosuchfolder/t.h5
wrong 2 "/nosuchfolder/l.npy" run $good --logits /nosuchfolder/l.npy
finish

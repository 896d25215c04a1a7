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

good="-m $work/good.gguf -p hello -n 4"

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
sed 's/blk.1.ffn_up.weight/blk.1.ffn_uq.weight/' "$work/good.gguf" >"$work/tensor.gguf"
wrong 4 "blk.1.ffn_up.weight" run -m "$work/tensor.gguf" -p x
"$make_model" "$work/other.gguf" ffn=180
sed 's/ffn_gate/ffn_qate/' "$work/good.gguf" >"$work/late.gguf"
wrong 3 "ffn_gate" run -m "$work/late.gguf" -p x

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
wrong 2 "--temperature" run $good --temperature -1
wrong 2 "--top-p" run $good --top-p 1.5
wrong 2 "--wire" run $good --wire f64
wrong 2 "--kv" run $good --kv int4
wrong 2 "--compute" run $good --compute gpu
wrong 2 "unexpected argument" run $good surplus
wrong 2 "unknown command" fly

# outputs
wrong 2 "/nosuchfolder/t.h5" run $good --trace /nosuchfolder/t.h5
wrong 2 "/nosuchfolder/l.npy" run $good --logits /nosuchfolder/l.npy
finish

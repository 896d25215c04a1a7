#!/bin/sh
# Perplexity against a NumPy forward pass, on any number of ranks; what is refused.
. "${srcdir:-.}/tests/mpi/lib.sh"
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no Python with NumPy: skipped"; exit 77; }
text="$work/text.txt"
i=0
while [ $i -lt 30 ]; do
    i=$((i + 1))
    echo "Line $i: a pipeline is as fast as its slowest stage."
done >"$text"

check() { # model, begin, ranks, options
    model=$1 begin=$2 n=$3
    shift 3
    # shellcheck disable=SC2086
    "$make_model" "$work/m.gguf" $model || fail "make_model $model"
    ranks "$n" perplexity -m "$work/m.gguf" -f "$text" --json -t 1 --wire f32 --kv f32 "$@" \
        >"$work/told" 2>"$work/stderr" || fail "$model: $(cat "$work/stderr")"
    # shellcheck disable=SC2046
    "$python" "$srcdir/tests/oracle/perplexity.py" "$work/m.gguf" "$work/told" 1e-4 $begin \
        $("$jupiter" tokenize -m "$work/m.gguf" -f "$text") || fail "$model on $n ranks, $*"
}
check "type=f32" 1 1 -c 48
check "type=f32" 1 3 -c 48 --chunk 7
check "type=f32" 1 2 -c 33 --strategy megatron
check "arch=qwen2 type=f16 tied=1" 1 2
"$make_model" "$work/m.gguf" || fail make_model
said=$(ranks 2 perplexity -m "$work/m.gguf" -f "$text" -c 64 -q)
echo "$said" | grep -Eq '^perplexity [0-9.]+ \+/- [0-9.]+ \([0-9]+ tokens: the later half of [0-9]+ windows of 64\)$' ||
    fail "what it says: $said"
refused() { # words ARGS...
    words=$1
    shift
    "$jupiter" perplexity -m "$work/m.gguf" "$@" >"$work/out" 2>"$work/err" </dev/null
    [ $? -eq 2 ] || fail "$* is taken"
    grep -q -e "$words" "$work/err" || fail "$*: $(cat "$work/err")"
}
refused "must be 4 or more" -p a
refused "must be 4 or more" -f "$text" -c 2
refused "does not go with perplexity" -f "$text" --speculate lookup
refused "No such file" -f "$work/none.txt"
finish

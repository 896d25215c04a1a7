#!/bin/sh
# Log probabilities are those of the logits that one rank writes, on every strategy, also where
# members share the head and where guesses are verified; sampled tokens have the model's own.
. "${srcdir:-.}/tests/mpi/lib.sh"

demo=$srcdir/data/demo
model=$demo/jupiter-demo-f16.gguf
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no NumPy: skipped"; exit 77; }

printf 'Question: How do I make a soup?\nAnswer:\n\n' >"$work/prompt"
plain="-m $model -f $work/prompt -n 20 --wire f32 --kv f32 -q -t 1 --json"

# against LOGITS.npy of the same tokens: the last rows but one judge the tokens
cat >"$work/check.py" <<'END'
import json, sys
import numpy as np
logits, top = np.load(sys.argv[1]).astype(np.float64), int(sys.argv[3])
told = json.load(open(sys.argv[2]))
tokens, likely = told["tokens"], told["logprobs"]
assert [t["id"] for t in likely] == tokens, "the tokens themselves"
first = len(logits) - len(tokens)
for i, token in enumerate(likely):
    row = logits[first + i]
    expected = row - row.max() - np.log(np.exp(row - row.max()).sum())
    best = np.argsort(-row, kind="stable")[:top]
    got = token["top_logprobs"]
    assert len(got) == top, len(got)
    pairs = [(token["id"], token["logprob"])] + [(t["id"], t["logprob"]) for t in got]
    for id, value in pairs:
        assert abs(value - expected[id]) < 2e-3 + 1e-3 * abs(expected[id]), (i, id, value, expected[id])
    assert abs(sum(expected[[t["id"] for t in got]]) - sum(expected[best])) < 1e-2, (i, best, got)
END

told() { # TOP RANKS OPTIONS...
    top=$1 n=$2
    shift 2
    # shellcheck disable=SC2086
    ranks "$n" run $plain --logprobs "$top" "$@" >"$work/told" 2>"$work/err" ||
        { cat "$work/err"; fail "$n ranks: $*"; }
    "$python" "$work/check.py" "$work/logits.npy" "$work/told" "$top" || fail "$n ranks, $top: $*"
}

for seed in greedy 5; do
    set --
    [ $seed = greedy ] || set -- --temperature 1.2 --top-k 0 --top-p 1 --seed $seed
    # shellcheck disable=SC2086
    ranks 1 run $plain "$@" --logits "$work/logits.npy" >/dev/null || fail "logits"
    told 4 1 "$@"
    told 0 3 "$@"
    for strategy in jupiter megatron galaxy sequence; do
        told 20 3 "$@" --strategy $strategy
    done
    told 3 2 "$@" --speculate lookup
    told 3 2 "$@" --speculate lookup --strategy megatron
done
told_text=$("$python" -c 'import json, sys
t = json.load(open(sys.argv[1]))
print(bytes(sum((x["bytes"] for x in t["logprobs"]), [])).decode() == t["text"])' "$work/told")
same "the bytes are the text" True "$told_text"

ranks 1 run -m "$model" -p x --logprobs 2 -q >/dev/null 2>"$work/err" && fail "without --json"
grep -q -e "--json" "$work/err" || fail "it names --json"
ranks 1 run -m "$model" -p x --json --logprobs 21 -q >/dev/null 2>"$work/err" && fail "21 of them"
grep -q -e "--logprobs is 21" "$work/err" || fail "it names the number"
finish

#!/bin/sh
# Outline and speculation on the embedded model: for every source, chain or tree, 1 to 4 ranks, the
# tokens of every branch are those of the same prompt decoded alone, plainly, on one rank.
. "${srcdir:-.}/tests/mpi/lib.sh"
python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import h5py' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no Python with h5py: skipped"; exit 77; }

demo=$srcdir/data/demo
model=$demo/jupiter-demo-f16.gguf
heads=$demo/jupiter-demo-heads.safetensors
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }

cat >"$work/questions.jsonl" <<END
{"id": "soup", "question": "How do I make a simple vegetable soup?"}
{"id": "fact", "question": "How many days has a year?"}
{"id": "eggs", "category": "food", "question": "How do I boil eggs well?"}
END

# branches RESULTS: "question part: tokens" a line, in order
branches() {
    python3 - "$1" <<'END'
import json, sys
for line in sorted(open(sys.argv[1])):
    answer = json.loads(line)
    parts = [("outline", answer.get("outline")), ("plain", answer.get("plain"))]
    parts += [(p["title"], p) for p in answer.get("points", [])]
    for name, part in parts:
        if part:
            print(answer["id"], name + ":", *part["tokens"])
END
}

ask() { # RANKS OPTIONS...
    n=$1
    shift
    ranks "$n" run -m "$model" --questions "$work/questions.jsonl" -n 40 -q -t 1 "$@" \
        >"$work/results" 2>"$work/stderr" || { fail "ask on $n ranks: $*"; cat "$work/stderr"; }
    branches "$work/results"
}

ask 1 --outline >"$work/expected"
[ "$(wc -l <"$work/expected")" -ge 10 ] || fail "too few branches"

# alone NAME LEAST: every plain answer and point of the last results, of which there are so many at
# least, against its own prompt alone; an early point's has its outline up to its line
alone() {
    python3 - "$work/results" "$work/$1" "$1" <<'END'
import json, sys
results, out, name = sys.argv[1:]
n = 0
for line in open(results):
    answer = json.loads(line)
    head = f"Question: {answer['question']}\n"
    cases = []
    if "plain" in answer:
        cases.append((head + "Answer:\n", answer["plain"]))
    for i, p in enumerate(answer.get("points", [])):
        lines = answer["outline"]["text"].splitlines(keepends=True)
        seen = "".join(lines[:max(2, i + 1)] if name == "early" else lines)
        cases.append((f"{head}Outline:\n{seen}Expand point {p['number']}: {p['title']}\n", p))
    for prompt, part in cases:
        open(f"{out}.{n}", "w").write(prompt + "\n")  # a final line end does not count
        open(f"{out}.tokens.{n}", "w").write(" ".join(map(str, part["tokens"])))
        n += 1
END
    i=0
    while [ -f "$work/$1.$i" ]; do
        expected=$(cat "$work/$1.tokens.$i")
        n=$(echo "$expected" | wc -w)
        left_out || same "$1 branch $i alone" "$expected" "$(tokens 1 -m "$model" -f "$work/$1.$i" -n "$n")"
        i=$((i + 1))
    done
    [ "$i" -ge "$2" ] || fail "only $i $1 branches"
}
alone whole 8

for n in 1 2 3 4; do
    for how in "none" "lookup" "lookup --tree 6" "medusa --tree 12" "medusa --tree chain:4" \
        "lookup --tree chain:6 --no-cancel" "auto --tree auto" "model --tree 5 --draft $model" \
        "form" "medusa,form --tree 16"; do
        left_out && continue
        case $how in
        medusa*|auto*) options="--heads $heads" ;;
        *) options= ;;
        esac
        # shellcheck disable=SC2086
        same "$n ranks, $how" "$(cat "$work/expected")" \
            "$(ask "$n" --outline --speculate $how $options)"
    done
done

# one question by --json has the same branches
ranks 2 run -m "$model" -p "How do I boil eggs well?" --outline -n 40 --json -t 1 >"$work/json" 2>/dev/null
python3 -c 'import json, sys; print(json.dumps({"id": "eggs", **json.load(sys.stdin)}))' \
    <"$work/json" >"$work/results"
same "--json" "$(grep '^eggs' "$work/expected")" "$(branches "$work/results")"

# early points: each goes on behind its line of the outline, whatever comes with it in a step
ask 1 --outline --early-points >"$work/early"
[ "$(wc -l <"$work/early")" -eq "$(wc -l <"$work/expected")" ] || fail "early points are others"
cmp -s "$work/early" "$work/expected" && fail "early points see all of the outline"
alone early 7
for n in 2 4; do
    for how in none "medusa,form --tree 16 --heads $heads" "lookup --tree chain:4"; do
        left_out && continue
        # shellcheck disable=SC2086
        same "early points, $n ranks, $how" "$(cat "$work/early")" \
            "$(ask "$n" --outline --early-points --speculate $how)"
    done
done
ask 4 --outline --early-points --parallel 1 --trace "$work/early.h5" >/dev/null
"$python" - "$work/early.h5" <<'END' || fail "no point begins before its outline's end"
import sys, h5py
tokens = h5py.File(sys.argv[1])["tokens"][:]
first = tokens[tokens["request"] == tokens["request"][0]]
outline = first[first["branch"] == 0]["time_s"]
sys.exit(not first[first["branch"] == 1]["time_s"].min() < outline.max())
END

# one question streams the same text; auto sends the fact past the outline
ranks 2 run -m "$model" --outline -n 40 -q -p "How do I boil eggs well?" >"$work/text" 2>/dev/null
grep -q '^1\. ' "$work/text" && grep -q '^2\. ' "$work/text" || fail "no points in the answer"
ranks 2 run -m "$model" --outline=auto -n 40 -p "How many days has a year?" >/dev/null \
    2>"$work/stderr"
grep -q 'a fact' "$work/stderr" || fail "the router does not say why"

# a conversation finds its past in the cache
printf 'How do I boil eggs well?\nHow many days has a year?\n' |
    timeout 60 mpirun -n 2 "$jupiter" chat -m "$model" -n 40 >"$work/chat" 2>"$work/stderr"
[ "$(wc -l <"$work/chat")" -ge 2 ] || fail "chat answers each line"
grep -q '2 turns; of the prompts. tokens [1-9]' "$work/stderr" || fail "chat reuses nothing"

# mistakes are named
for wrong in "--speculate wizardry" "--speculate medusa" "--tree 1000 --speculate lookup" \
    "--outline=perhaps" "--questions $work/none.jsonl" "--prompts nobody --outline"; do
    # shellcheck disable=SC2086
    ranks 2 run -m "$model" -p x $wrong >/dev/null 2>"$work/stderr" && fail "$wrong is accepted"
    [ "$(grep -c '^jupiter: ' "$work/stderr")" -eq 1 ] || fail "$wrong: no single message"
done
finish

#!/bin/sh
# The embedded model gives its golden file's ids: prompts as tokenized when it was trained, and
# greedy answers computed there in f32, wherever the lead over the second token is not tiny.
. "${srcdir:-.}/tests/mpi/lib.sh"
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }

demo=$srcdir/data/demo
model=$demo/jupiter-demo-f16.gguf
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }

# One line a case: number of ids to generate; the prompt goes to a file of its own.
python3 - "$demo/golden.json" "$work" <<'END' || fail "golden.json"
import json, sys
for i, case in enumerate(json.load(open(sys.argv[1]))["prompts"]):
    with open(f"{sys.argv[2]}/prompt.{i}", "w") as file:
        file.write(case["prompt"] + "\n")  # a final line end does not count
    certain = next((n for n, margin in enumerate(case["margins"]) if margin < 0.05),
                   len(case["margins"]))
    with open(f"{sys.argv[2]}/expected.{i}", "w") as file:
        print(" ".join(map(str, case["ids"])), file=file)
        print(" ".join(map(str, case["greedy"][:certain])), file=file)
END

i=0
while [ -f "$work/prompt.$i" ]; do
    same "prompt $i" "$(sed -n 1p "$work/expected.$i")" \
        "$("$jupiter" tokenize -m "$model" -f "$work/prompt.$i")"
    expected=$(sed -n 2p "$work/expected.$i")
    n=$(echo "$expected" | wc -w)
    same "answer $i" "$expected" "$(tokens $((i % 4 + 1)) -m "$model" -f "$work/prompt.$i" -n "$n")"
    i=$((i + 1))
done
[ "$i" -ge 5 ] || fail "only $i golden prompts"
finish

#!/bin/sh
# One text for one seed, however it is asked for and computed; ids with --tokens in every mode; a
# conversation that is the same as its text in one prompt; answers that have no room, or no tokens.
. "${srcdir:-.}/tests/mpi/lib.sh"
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
demo=$srcdir/data/demo
model=$demo/jupiter-demo-f16.gguf
heads=$demo/jupiter-demo-heads.safetensors
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }

ask() { # RANKS OPTIONS...: what run prints; fails with its message
    n=$1
    shift
    ranks "$n" run -m "$model" -q -t 1 "$@" 2>"$work/stderr" ||
        { echo "run on $n ranks failed: $*"; cat "$work/stderr"; }
}
# field PATH...: of every JSON line on standard input
field() {
    python3 -c '
import json, sys
for line in sys.stdin:
    value = json.loads(line)
    for key in sys.argv[1:]:
        value = value[key]
    print(*value) if isinstance(value, list) else print(value)' "$@"
}

# ---- one seed, one text ---------------------------------------------------------------------------
drawn="--temperature 0.8 --seed 3"
prompt="Question: How do I boil eggs well?
Answer:
"
echo '{"question": "How do I boil eggs well?"}' >"$work/one.jsonl"
cat >"$work/three.jsonl" <<'END_OF_QUESTIONS'
{"question": "How many days has a year?"}
{"question": "How do I boil eggs well?"}
{"question": "How do I make a simple vegetable soup?"}
END_OF_QUESTIONS
# shellcheck disable=SC2086
expected=$(ask 1 -p "$prompt" -n 32 --tokens $drawn)
[ "$(echo "$expected" | wc -w)" -ge 16 ] || fail "the sampled answer is too short to tell"
[ "$expected" != "$(ask 1 -p "$prompt" -n 32 --tokens)" ] || fail "nothing is sampled"

same_ids() { # RANKS OPTIONS...
    # shellcheck disable=SC2086
    same "$*" "$expected" "$(ask "$@" -n 32 --tokens $drawn)"
}
for n in 1 2 3 4; do
    same_ids $n -p "$prompt"
    same_ids $n -p "$prompt" --speculate lookup --tree 6
    same_ids $n --questions "$work/one.jsonl" --speculate medusa --heads "$heads" --tree 12
done
same_ids 2 -p "$prompt" --chunk 3
same_ids 3 -p "$prompt" --chunks 1,11,2
same_ids 3 -p "$prompt" --speculate medusa --heads "$heads" --tree chain:4 --chunks 1,11,2
same_ids 2 -p "$prompt" --speculate "lookup,model" --draft "$model" --tree auto --window 5
same_ids 2 --questions "$work/one.jsonl"
same_ids 1 --questions "$work/one.jsonl" --speculate lookup

# fewer to draw from: another text, the same one however ranks share the head
narrow() { # RANKS OPTIONS...
    ask "$@" -p "$prompt" -n 32 --tokens --temperature 6 --seed 3
}
unlikely_left_out=$(narrow 1 --min-p 0.2)
[ "$unlikely_left_out" != "$(narrow 1)" ] || fail "--min-p leaves out nothing"
same "--min-p on 3 ranks" "$unlikely_left_out" "$(narrow 3 --min-p 0.2)"
same "--min-p, guesses" "$unlikely_left_out" "$(narrow 2 --min-p 0.2 --speculate lookup --tree 6)"
same "--min-p, shared head" "$unlikely_left_out" \
    "$(narrow 2 --min-p 0.2 --strategy megatron --wire f32 --kv f32)"

# among others, as many at a time as one likes
for parallel in 1 2 3; do
    # shellcheck disable=SC2086
    same "question 2 of 3, $parallel at a time" "$expected" \
        "$(ask 3 --questions "$work/three.jsonl" -n 32 --parallel $parallel $drawn \
            --speculate lookup | sort | field plain tokens | sed -n 2p)"
done
# the streamed text is the text of the results
# shellcheck disable=SC2086
same "text" "$(ask 2 -p "$prompt" -n 32 $drawn)" \
    "$(ask 2 --questions "$work/one.jsonl" -n 32 $drawn | field answer)"

# ---- ids in every mode ----------------------------------------------------------------------------
# shellcheck disable=SC2086
for how in "" "--speculate lookup" "--outline" "--outline --speculate lookup" "--outline=auto"; do
    ask 2 -p "How do I boil eggs well?" -n 12 --tokens $how >"$work/ids"
    grep -qE '^[0-9]+( [0-9]+)*$' "$work/ids" || fail "--tokens $how: $(cat "$work/ids")"
    grep -qvE '^[0-9]+( [0-9]+)*$' "$work/ids" && fail "--tokens $how: $(cat "$work/ids")"
done
ask 2 --questions "$work/three.jsonl" -n 12 --tokens >"$work/ids"
[ "$(grep -cE '^[0-9]+( [0-9]+)*$' "$work/ids")" -eq 3 ] || fail "--questions --tokens"

# ---- a conversation -------------------------------------------------------------------------------
printf 'How do I boil eggs well?\nHow many days has a year?\nHow do I make a vegetable soup?\n' \
    >"$work/lines"
chat() { # RANKS OPTIONS...
    n=$1
    shift
    timeout -k 5 $patience mpirun -n "$n" "$jupiter" chat -m "$model" -q -t 1 "$@" <"$work/lines" \
        2>"$work/stderr" || { echo "chat failed: $*"; cat "$work/stderr"; }
}
# the text so far as one prompt, turn by turn: the past, its end, the next question
chat 2 -n 48 --tokens >"$work/turns"
[ "$(wc -l <"$work/turns")" -eq 3 ] || fail "chat does not print a line of ids a turn"
chat 2 -n 48 >"$work/texts"
python3 - "$work" <<'END_OF_PYTHON'
import sys
work = sys.argv[1]
lines = open(f"{work}/lines").read().splitlines()
answers = open(f"{work}/texts").read().splitlines()
past = ""
for turn, (line, answer) in enumerate(zip(lines, answers)):
    past += f"Question: {line}\nAnswer:\n"
    open(f"{work}/past.{turn}", "w").write(past + "\n")  # whose last line end does not count
    past += answer + "</s>"
END_OF_PYTHON
for turn in 0 1 2; do
    same "turn $turn in one prompt" "$(ask 1 -f "$work/past.$turn" -n 48 --tokens --special)" \
        "$(sed -n $((turn + 1))p "$work/turns")"
done
same "chat, --speculate" "$(cat "$work/turns")" "$(chat 3 -n 48 --tokens --speculate lookup)"
same "chat, --chunk" "$(cat "$work/turns")" "$(chat 2 -n 48 --tokens --chunk 5)"

# ---- no room, no tokens ---------------------------------------------------------------------------
room=$(($("$jupiter" tokenize -m "$model" -p "$prompt" | wc -w) + 5))
same "a full context" "context 5" "$(ask 2 -p "$prompt" -n 40 --context $room --ignore-eos --json |
    python3 -c 'import json, sys; a = json.load(sys.stdin); print(a["ended_by"], len(a["tokens"]))')"
same "a full context, --questions" "context" \
    "$(ask 2 --questions "$work/one.jsonl" -n 40 --context $room --ignore-eos |
        field plain ended_by)"
same "room enough" "length" \
    "$(ask 2 --questions "$work/one.jsonl" -n 5 --context $room --ignore-eos |
        field plain ended_by)"

for how in "-p x" "-p x --speculate lookup" "-p x --outline" "-p x --logits $work/l.npy" \
    "--questions $work/three.jsonl" "--questions $work/three.jsonl --outline --speculate lookup"; do
    # shellcheck disable=SC2086
    ask 2 $how -n 0 --trace "$work/t.h5" >"$work/out"
    grep -q failed "$work/out" && fail "-n 0 $how: $(cat "$work/out")"
done
ask 2 --questions "$work/one.jsonl" -n 0 >"$work/out"
same "seconds to a token that never came" "0.0" "$(field plain first_token_s <"$work/out")"
[ -z "$(chat 2 -n 0 | tr -d "\n")" ] || fail "chat -n 0 says something"
finish

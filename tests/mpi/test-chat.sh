#!/bin/sh
# A conversation: in a terminal, under the launcher too; its orders; where answers end.
. "${srcdir:-.}/tests/mpi/lib.sh"
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
"$make_model" "$work/m.gguf" && "$make_model" "$work/slow.gguf" dim=512 ffn=2048 layers=8 \
    context=8192 || fail make_model
demo=$srcdir/data/demo/jupiter-demo-f16.gguf

# ---- in a terminal ---------------------------------------------------------------------------------
endless="chat -m $work/slow.gguf --prompts mistral --ignore-eos -t 1"
for launcher in "" "mpirun -n 2"; do
    # shellcheck disable=SC2086
    timeout -k 5 $patience python3 "$srcdir/tests/mpi/chat_terminal.py" $launcher "$jupiter" $endless \
        >"$work/out" 2>&1 || fail "in a terminal, '$launcher': $(cut -c 1-2000 "$work/out")"
done

# ---- orders ----------------------------------------------------------------------------------------
chat() { # what is typed, then options
    typed=$1
    shift
    printf "$typed" | timeout -k 5 $patience mpirun -n 2 "$jupiter" chat -m "$work/m.gguf" -t 1 \
        --prompts mistral "$@" 2>"$work/stderr" || fail "chat: $(cat "$work/stderr")"
}
first=$(chat 'Hi\n' -n 8)
kind=$(ranks 2 run -m "$work/m.gguf" -p Hi --prompts mistral --system 'Be kind.' -n 8 -q)
[ "$first" != "$kind" ] || fail "a system text changes nothing"
same "/reset" "$first
$first" "$(chat 'Hi\n/reset\nHi\n' -n 8)"
[ "$(chat 'Hi\nHi\n' -n 8)" != "$first
$first" ] || fail "the second turn does not see the first one"
same "/system" "$first
$kind" "$(chat 'Hi\n/system Be kind.\nHi\n' -n 8)"
same "several lines" "$(ranks 1 run -m "$work/m.gguf" -p 'Hi
you' --prompts mistral -n 8 -q)" "$(chat '"""Hi\nyou"""\n' -n 8)"
chat "Hi\n/save $work/c.json\n/nonesuch\n/save $work/m.gguf\nBye\n/save $work/c.json\n/quit\nHi\n" \
    -n 8 >"$work/answers"
grep -q "there is no /nonesuch" "$work/stderr" || fail "/nonesuch: $(cat "$work/stderr")"
grep -q "m.gguf' is there already" "$work/stderr" || fail "/save over the model"
grep -q "the answer was cut after 8 tokens" "$work/stderr" || fail "chat cuts without a word"
[ "$(wc -l <"$work/answers")" -eq 2 ] || fail "/quit does not end it"
python3 - "$work" <<'END' || fail "/save: $(cat "$work/c.json")"
import json, sys
answers = open(f"{sys.argv[1]}/answers", newline="").read()
said = json.load(open(f"{sys.argv[1]}/c.json"))["messages"]
assert [m["role"] for m in said] == ["user", "assistant"] * 2, said
assert [m["content"] for m in said[::2]] == ["Hi", "Bye"], said
assert "".join(m["content"] + "\n" for m in said[1::2]) == answers, (said, answers)
END

# ---- where answers end -----------------------------------------------------------------------------
cut="the answer was cut after 6 tokens; -n N lets it go on"
ranks 1 run -m "$work/slow.gguf" -p hello -n 6 -t 1 >"$work/out" 2>"$work/stderr"
grep -qx "$cut" "$work/stderr" || fail "run cuts without a word: $(cat "$work/stderr")"
for how in "-q" "--ignore-eos" "--json"; do
    ranks 1 run -m "$work/slow.gguf" -p hello -n 6 -t 1 $how >"$work/out" 2>"$work/stderr"
    grep -q "was cut" "$work/stderr" && fail "run $how speaks of the cut"
done
ranks 1 run -m "$work/slow.gguf" -p hello -c 12 -t 1 >"$work/out" 2>"$work/stderr"
grep -q "the context of 12 tokens is full" "$work/stderr" || fail "a full context without a word"
if [ -f "$demo" ]; then # its answer has 149 tokens
    question="How do I boil eggs well?"
    whole=$(ranks 2 run -m "$demo" -p "$question" --prompts auto -n 400 -q -t 1)
    same "an answer ends at its end" "$whole" \
        "$(echo "$question" | timeout -k 5 $patience mpirun -n 2 "$jupiter" chat -m "$demo" -q -t 1)"
    [ "$(ranks 2 run -m "$demo" -p "$question" --prompts auto -q -t 1)" != "$whole" ] ||
        fail "the answer is too short to tell"
fi
finish

#!/bin/sh
# From text to tokens and back: vocabularies, drafts, files of text.
. "${srcdir:-.}/tests/mpi/lib.sh"

# a message on standard error, and the exit code of a refusal
refused() { # words ARGS...
    words=$1
    shift
    "$jupiter" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -eq 2 ] || fail "$* ends with $code"
    grep -q "$words" "$work/err" || fail "$*: '$(cat "$work/err")' does not say '$words'"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "$*: more than one message"
}

# fewer tokens than rows are padding; more cannot be computed
"$make_model" "$work/base.gguf" && "$make_model" "$work/padded.gguf" tokens=280 &&
    "$make_model" "$work/longer.gguf" tokens=301 || fail make_model
same "padding" "$(tokens 1 -m "$work/base.gguf" -p hello -n 8)" \
    "$(tokens 1 -m "$work/padded.gguf" -p hello -n 8)"
refused "tokenizer has 301 tokens, the embedding only 300" run -m "$work/longer.gguf" -p hello -n 2
refused "tokenizer has 301 tokens, the embedding only 300" info -m "$work/longer.gguf"

# a factor beside a scaling "none" means nothing
"$make_model" "$work/none.gguf" t:rope.scaling.type=none f:rope.scaling.factor=4 || fail make_model
same "scaling none" "$(tokens 1 -m "$work/base.gguf" -p 'a long enough prompt' -n 8)" \
    "$(tokens 1 -m "$work/none.gguf" -p 'a long enough prompt' -n 8)"

# a draft has the same tokens, whatever its padding
"$make_model" "$work/draft.gguf" layers=2 tokens=280 vocab=290 seed=1 &&
    "$make_model" "$work/foreign.gguf" layers=2 word=v || fail make_model
plain=$(ranks 1 run -m "$work/base.gguf" -p hello -n 12 -q --ignore-eos)
same "drafted" "$plain" "$(ranks 2 run -m "$work/base.gguf" -p hello -n 12 -q --ignore-eos \
    --speculate model --draft "$work/draft.gguf")"
refused "another vocabulary than the model (token 259 is 'v259', there 'w259')" \
    run -m "$work/base.gguf" -p hello -n 4 -q --speculate model --draft "$work/foreign.gguf"

# an editor's line end and byte-order mark are no text; a typed begin is one too many
ids=$("$jupiter" tokenize -m "$work/base.gguf" -p hello)
same "a final line end" "$ids" "$(echo hello | "$jupiter" tokenize -m "$work/base.gguf")"
same "a mark and a line end" "$ids" \
    "$(printf '\357\273\277hello\r\n' | "$jupiter" tokenize -m "$work/base.gguf")"
same "two line ends" "$ids 13" "$(printf 'hello\n\n' | "$jupiter" tokenize -m "$work/base.gguf")"
same "a typed begin" "1 $ids" \
    "$("$jupiter" tokenize -m "$work/base.gguf" --special -p '<s>hello' 2>"$work/err")"
grep -q "the text begins with <s>" "$work/err" || fail "no warning of two begins"
# what each token is; a byte that is no text of its own is shown as one
printf 'h\303\251\n' >"$work/bytes.txt"
same "--pieces" "$(printf '1\t<s>\t""\n107\t<0x68>\t"h"\n198\t<0xC3>\t"\\xC3"\n172\t<0xA9>\t"\\xA9"')" \
    "$("$jupiter" tokenize -m "$work/base.gguf" -f "$work/bytes.txt" --pieces)"
# --prompts makes a question of a prompt, everywhere; nonsense is refused, everywhere
asked=$(printf '[INST] Hi [/INST]')
same "--show" "$asked" "$("$jupiter" tokenize -m "$work/base.gguf" --prompts mistral --show -p Hi)"
same "run --prompts" "$(ranks 1 run -m "$work/base.gguf" -p "$asked" --special -n 8 -q)" \
    "$(ranks 2 run -m "$work/base.gguf" -p Hi --prompts mistral -n 8 -q)"
same "run --system" "$(ranks 1 run -m "$work/base.gguf" -p '[INST] Be kind.

Hi [/INST]' --special -n 8 -q)" \
    "$(ranks 1 run -m "$work/base.gguf" -p Hi --prompts mistral --system 'Be kind.' -n 8 -q)"
refused "no prompts called 'nonsense'" run -m "$work/base.gguf" -p Hi -n 2 --prompts nonsense
refused "no prompts called 'nonsense'" chat -m "$work/base.gguf" -n 2 --prompts nonsense
refused "no prompts called 'nonsense'" tokenize -m "$work/base.gguf" -p Hi --prompts nonsense
printf '{"name": "p", "turn_ends": "", "question": "{queston}"}' >"$work/p.json"
refused "did you mean {question}" run -m "$work/base.gguf" -p Hi -n 2 --prompts "$work/p.json"

# a control token that somebody types is text, in a question and in a system turn; unless wanted
printf '{"name": "p", "turn_ends": "", "question": "%s", "question_with_system": "%s"}' \
    'Q {question}</s>A' 'S {system}</s>Q {question}</s>A' >"$work/p.json"
ends() { # ARGS...: how many ends of text a prompt has
    "$jupiter" tokenize -m "$work/base.gguf" --prompts "$work/p.json" "$@" | tr ' ' '\n' | grep -cx 2
}
same "an end typed in a question" 1 "$(ends -p 'a</s>b')"
same "an end typed in a system turn" 2 "$(ends -p 'a</s>b' --system '</s>')"
same "an end typed on purpose" 4 "$(ends -p 'a</s>b' --system '</s>' --special)"
same "run, an end typed in a question" \
    "$(ranks 1 run -m "$work/base.gguf" -p 'a</s>b' --prompts "$work/p.json" -n 8 -q --ignore-eos)" \
    "$(echo 'a</s>b' | "$jupiter" chat -m "$work/base.gguf" --prompts "$work/p.json" -n 8 -q --ignore-eos)"
[ "$(ranks 1 run -m "$work/base.gguf" -p 'a</s>b' --prompts "$work/p.json" -n 8 -q --ignore-eos)" != \
    "$(ranks 1 run -m "$work/base.gguf" -p 'a</s>b' --prompts "$work/p.json" -n 8 -q --ignore-eos \
        --special)" ] || fail "run --special changes nothing"

# results are lines of JSON for one question, too
printf '{"question": "Hi"}\n' >"$work/one.jsonl"
"$jupiter" run -m "$work/base.gguf" --questions "$work/one.jsonl" --prompts mistral -n 4 -q |
    grep -q '^{"id":"1".*}$' || fail "one question gives no line of JSON"

# a line longer than the context is said to be so, and the next one is answered
{ head -c 700 /dev/zero | tr '\0' a && echo && echo hi; } |
    "$jupiter" chat -m "$work/base.gguf" --prompts mistral -n 4 -q --tokens --ignore-eos \
        >"$work/out" 2>"$work/err" || fail "chat ends with a line that is too long"
grep -q "longer than the model's context" "$work/err" || fail "$(cat "$work/err")"
same "the line behind one that is too long" 1 "$(wc -l <"$work/out")"

# a file larger than the address space: only what is needed of it is mapped (AddressSanitizer needs more)
[ -n "${ASAN_OPTIONS:-}" ] || {
    cp "$work/base.gguf" "$work/large.gguf" && truncate -s 5G "$work/large.gguf"
    same "a large file" "$("$jupiter" run -m "$work/base.gguf" -p hello -n 4 -q --tokens)" \
        "$(ulimit -v 4000000 && "$jupiter" run -m "$work/large.gguf" -p hello -n 4 -q --tokens)"
    rm "$work/large.gguf"
}

# the program alone knows its prompts, profiles and clusters
mkdir "$work/alone" && cp "$jupiter" "$work/alone/jupiter" || fail "cp"
same "prompts of the program alone" "$asked" \
    "$(cd "$work/alone" && env -u JUPITER_DATA ./jupiter tokenize -m "$work/base.gguf" --prompts mistral --show -p Hi)"
(cd "$work/alone" && env -u JUPITER_DATA ./jupiter plan --cluster env-a-100 --shape llama2-7b \
    -o plan.yaml >plan.out 2>&1) || fail "plan of the program alone: $(cat "$work/alone/plan.out")"
finish

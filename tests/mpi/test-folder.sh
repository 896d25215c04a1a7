#!/bin/sh
# A folder in Hugging Face's layout gives what the same model gives as a GGUF file.
. "${srcdir:-.}/tests/mpi/lib.sh"
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no Python with NumPy: skipped"; exit 77; }

check() { # ranks, tokenizer, options of the model
    n=$1 tokenizer=$2
    shift 2
    rm -rf "$work/folder"
    "$make_model" "$work/m.gguf" type=f16 "$@" || fail "make_model $*"
    "$python" "$srcdir/tests/oracle/to_folder.py" "$work/m.gguf" "$work/folder" "$tokenizer" ||
        fail "to_folder $*"
    same "$*, $tokenizer, $n ranks" "$(tokens 1 -m "$work/m.gguf" -p 'hello you' -n 12)" \
        "$(tokens "$n" -m "$work/folder" -p 'hello you' -n 12)"
    for whole in m.gguf folder; do
        "$jupiter" run -m "$work/$whole" -p 'hello you' -n 0 -q --wire f32 --kv f32 \
            --logits "$work/$whole.npy" || fail "$*: logits of $whole"
    done
    case $1 in
    arch=llama | arch=granite) near=1e-5 ;; # converters reorder rows of q and k: other orders of sums
    *) near=0 ;;
    esac
    "$python" -c 'import sys, numpy as np
a, b = np.load(sys.argv[1]), np.load(sys.argv[2])
sys.exit(not np.abs(a - b).max() <= float(sys.argv[3]) * np.ptp(a))' \
        "$work/m.gguf.npy" "$work/folder.npy" "$near" || fail "$*: the folder gives other logits"
}

check 1 json arch=qwen2
check 2 json arch=qwen3 head_dim=24
check 1 pieces arch=gemma2 tied=1 window=9
check 3 json arch=olmo2
check 2 json arch=granite f:embedding_scale=12 f:residual_scale=0.22 f:attention.scale=0.0156 \
    f:logit_scale=8
check 3 json arch=gemma3 tied=1 window=5 layers=7 f:rope.freq_base_swa=500
check 2 pieces arch=phi3 window=5
check 2 json arch=qwen3moe head_dim=24
"$jupiter" split -m "$work/folder" -n 2 -o "$work/s-{rank}.gguf" >/dev/null || fail "split of experts"
same "slices of a folder with experts" "$(tokens 1 -m "$work/m.gguf" -p 'hello you' -n 12)" \
    "$(tokens 2 -m "$work/s-{rank}.gguf" -p 'hello you' -n 12)"
printf '%s\n' "plan_version: 2" "strategy: hybrid" "layers: 6" "workload: {prompt: 10}" \
    "chunks: [10]" "stages:" "- {devices: [0, 1], way: tensor, heads: [3, 1], ffn: [10, 12]," \
    "   first: 0, last: 5}" >"$work/p.yaml"
for whole in folder m.gguf; do
    "$jupiter" split -m "$work/$whole" --plan "$work/p.yaml" -o "$work/s-{rank}.gguf" >/dev/null ||
        fail "split of experts' columns, $whole"
    same "slices of experts' columns, $whole" \
        "$(tokens 1 -m "$work/m.gguf" -p 'hello you' -n 12 --wire f32)" \
        "$(tokens 2 -m "$work/s-{rank}.gguf" --plan "$work/p.yaml" -p 'hello you' -n 12 --wire f32)"
done
"$jupiter" plan -m "$work/folder" --cluster 2xnx@100mbps,1ms >/dev/null || fail "plan of experts"
sed -i 's/"norm_topk_prob": true/"norm_topk_prob": false/' "$work/folder/config.json"
"$jupiter" info -m "$work/folder" >/dev/null 2>"$work/err" && fail "shares that do not sum to 1"
grep -q 'norm_topk_prob' "$work/err" || fail "$(cat "$work/err")"
check 2 pieces arch=llama

# every command takes the folder; slices of it are files
"$jupiter" info -m "$work/folder" >"$work/info.txt" || fail "info of a folder"
grep -q "Hugging Face" "$work/info.txt" || fail "info: $(cat "$work/info.txt")"
"$jupiter" plan -m "$work/folder" --cluster 2xnx@100mbps,1ms >/dev/null || fail "plan of a folder"
same "tokenize" "$("$jupiter" tokenize -m "$work/m.gguf" -p 'a b')" \
    "$("$jupiter" tokenize -m "$work/folder" -p 'a b')"
same "its chat template" "[INST] Hi [/INST]" \
    "$("$jupiter" tokenize -m "$work/folder" -p Hi --prompts auto --show)"
"$jupiter" split -m "$work/folder" -n 2 -o "$work/s-{rank}.gguf" >/dev/null || fail "split"
same "slices of a folder" "$(tokens 1 -m "$work/m.gguf" -p 'hello you' -n 12)" \
    "$(tokens 2 -m "$work/s-{rank}.gguf" -p 'hello you' -n 12)"

# a byte-level tokenizer.json: merges, digits, composed letters, tokens that were added
"$make_model" "$work/m.gguf" type=f16 arch=qwen2 || fail make_model
"$python" "$srcdir/tests/oracle/to_folder.py" "$work/m.gguf" "$work/bytes" qwen || fail to_folder
same "byte-level tokens" "258 256 32 49 50 195 169 260 259" \
    "$("$jupiter" tokenize -m "$work/bytes" --no-bos --special -p "$(printf 'hellhe 12e\314\201<think><|im_end|>')")"
"$jupiter" info -m "$work/bytes" | grep -q "pre-tokenizer qwen2, 261 tokens" || fail "info of bytes"
sed 's/p{N}|/p{N}{2}|/' "$work/bytes/tokenizer.json" >"$work/json" && mv "$work/json" "$work/bytes/tokenizer.json"
"$jupiter" info -m "$work/bytes" >/dev/null 2>"$work/err" && fail "an unknown pre-tokenizer"
grep -q "pre_tokenizer is of no known family" "$work/err" || fail "$(cat "$work/err")"

refused() { # words
    "$jupiter" info -m "$work/folder" >/dev/null 2>"$work/err" && fail "not refused: $1"
    grep -q "$1" "$work/err" || fail "'$(cat "$work/err")' does not say '$1'"
}
mv "$work/folder/model-00002-of-00002.safetensors" "$work/away"
refused "model-00002-of-00002.safetensors, which holds a part of the weights, is missing"
mv "$work/away" "$work/folder/model-00002-of-00002.safetensors"
cp "$work/folder/tokenizer_config.json" "$work/settings" 2>/dev/null || echo '{}' >"$work/settings"
echo '{"added_tokens_decoder": {"9999999": {"content": "<far>"}}}' >"$work/folder/tokenizer_config.json"
refused "a token with the impossible id 9999999"
mv "$work/settings" "$work/folder/tokenizer_config.json"
printf '\377' >"$work/folder/tokenizer.model"
refused "tokenizer.model is no SentencePiece model"
rm "$work/folder/tokenizer.model"
echo '{"model": {"type": "Unigram"}}' >"$work/folder/tokenizer.json"
refused "its model is Unigram, only BPE"
echo '{"model": {"vocab": {"a": 2222222}, "merges": []}}' >"$work/folder/tokenizer.json"
refused '"vocab" has no ids, or impossible ones'
echo '{"model_type": "mamba"}' >"$work/folder/config.json"
refused "model_type 'mamba' is not supported"
rm "$work/folder/config.json"
refused "is a folder without config.json"
finish

#!/bin/sh
# The greedy answer is the same whatever the number of ranks, the chunks and the layer split.
. "${srcdir:-.}/tests/mpi/lib.sh"

prompt="The quick brown fox jumps over the lazy dog, and then it sits down to rest a while."
for model in "arch=llama type=f32" "arch=llama type=q8_0 ffn=192" "arch=qwen2 type=f16 tied=1" \
    "arch=llama type=bf16 dim=72 heads=3 kv_heads=1 ffn=100"; do
    # shellcheck disable=SC2086
    "$make_model" "$work/m.gguf" $model || fail "make_model $model"
    set -- -m "$work/m.gguf" -p "$prompt" -n 24
    expected=$(tokens 1 "$@" --chunk 1024)
    for n in 1 2 3 4; do
        for chunk in 1 7 64 1024; do
            left_out && continue
            same "$model: $n ranks, chunk $chunk" "$expected" "$(tokens $n "$@" --chunk $chunk)"
        done
    done
    same "$model: layers 3,1,2" "$expected" "$(tokens 3 "$@" --layers 3,1,2)"
    same "$model: chunks 50,48,20" "$expected" "$(tokens 2 "$@" --chunks 50,48,20)"
    same "$model: two threads" "$expected" "$(tokens 2 "$@" -t 2)"
done
finish

#!/bin/sh
# Logits of every position against a NumPy forward pass that shares no code with the program.
. "${srcdir:-.}/tests/mpi/lib.sh"
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import numpy' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no Python with NumPy: skipped"; exit 77; }

prompt="A pipeline is as fast as its slowest stage."
check() { # model, ranks, tolerance, options of the run
    model=$1 n=$2 tolerance=$3
    shift 3
    # shellcheck disable=SC2086
    "$make_model" "$work/m.gguf" $model || fail "make_model $model"
    ids=$("$jupiter" tokenize -m "$work/m.gguf" -p "$prompt")
    ranks "$n" run -m "$work/m.gguf" -p "$prompt" -n 0 -q -t 1 --logits "$work/l.npy" "$@" ||
        fail "$model: the run"
    # shellcheck disable=SC2086
    "$python" "$srcdir/tests/oracle/forward.py" "$work/m.gguf" "$work/l.npy" $tolerance $ids ||
        fail "$model on $n ranks, $*"
}

# in f32 throughout, what is left is rounding
exact="--wire f32 --kv f32"
for compute in blas naive; do
    check "type=f32" 1 1e-4 $exact --compute $compute
    check "type=f32 factors=1 window=9 rope_dim=8" 2 1e-4 $exact --compute $compute
    check "arch=qwen2 type=f16 tied=1" 3 1e-4 $exact --compute $compute --chunk 7
done
# layers shared by ranks: other orders of summing, nothing else; 3 shares of 5 groups are uneven
for strategy in megatron galaxy sequence; do
    check "type=f32 heads=10 kv_heads=5 head_dim=32 ffn=192" 3 1e-4 $exact --strategy $strategy
    check "type=q8_0 heads=10 kv_heads=5 head_dim=32 ffn=192" 3 1e-4 $exact --compute naive \
        --strategy $strategy
done
# every family: what sets it apart, in few layers; windows shorter than the prompt
check "arch=qwen3 head_dim=24" 2 1e-4 $exact
check "arch=qwen3moe layers=3 ffn=40" 2 1e-4 $exact --chunk 7
check "arch=qwen3moe layers=2 experts=11 used=8" 2 1e-4 $exact --chunk 1
check "arch=qwen3moe layers=2 experts=5 used=3 type=f16" 1 1e-4 $exact --compute naive
check "arch=phi3 rope_dim=12 window=30" 2 1e-4 $exact
check "arch=phi3 type=f16 head_dim=24 factors=1 f:rope.scaling.attn_factor=1.19 \
    i:rope.scaling.original_context_length=64" 2 1e-4 $exact
check "arch=phi3 factors=1 i:rope.scaling.original_context_length=20" 1 1e-4 $exact
check "arch=gemma2 tied=1 window=9 layers=5" 3 1e-4 $exact --chunk 16
check "arch=gemma2 tied=1 layers=3 head_dim=24 f:attn_logit_softcapping=2 \
    f:final_logit_softcapping=3" 1 1e-4 $exact --compute naive
check "arch=gemma3 tied=1 window=7 layers=7 f:rope.scaling.factor=8" 2 1e-4 $exact
check "arch=granite f:embedding_scale=12 f:residual_scale=0.22 f:attention.scale=0.0156 \
    f:logit_scale=8" 2 1e-4 $exact
check "arch=olmo2" 2 1e-4 $exact
# stretched contexts: by YaRN; a factor beside "none" means nothing
check "arch=qwen2 t:rope.scaling.type=yarn f:rope.scaling.factor=4 \
    i:rope.scaling.original_context_length=64" 2 1e-4 $exact
check "t:rope.scaling.type=none f:rope.scaling.factor=4" 1 1e-4 $exact
check "f:rope.scaling.factor=4" 1 1e-4 $exact
# BF16 and quantised weights: exact by the naive kernels; the fast ones round activations to BF16 or
# to 8 bits per block as well, which random layers amplify
check "type=bf16 dim=72 heads=3 kv_heads=1 ffn=100" 2 1e-4 $exact --compute naive
check "type=bf16 dim=72 heads=3 kv_heads=1 ffn=100" 2 0.03 $exact
for type in q8_0 q4_0 q4_1 q5_0 q5_1 iq4_nl; do
    check "type=$type ffn=192" 2 1e-4 $exact --compute naive
    check "type=$type ffn=192" 2 0.3 $exact
done
for type in q2_k q3_k q4_k q5_k q6_k iq4_xs "q4_k mixed=1"; do
    check "type=$type dim=256 ffn=512 layers=2" 2 1e-4 $exact --compute naive
    check "type=$type dim=256 ffn=512 layers=2" 2 0.3 $exact
done
# the defaults: half precision on the wire and in the cache
check "type=f16" 4 1e-2 --chunk 16
# rows beyond half precision travel as well
check "arch=granite f:embedding_scale=300000 f:residual_scale=90000" 3 1e-2 --chunk 16
finish

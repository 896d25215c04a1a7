#!/bin/sh
# Every lossless strategy answers like one rank, greedy and sampled, with guesses and outline, with
# every type of weights; what ran stands in the trace, and so do the bytes that had to be sent.
. "${srcdir:-.}/tests/mpi/lib.sh"

demo=$srcdir/data/demo
model=$demo/jupiter-demo-f16.gguf
heads=$demo/jupiter-demo-heads.safetensors
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }
"$jupiter" strategies >"$work/list" || fail "strategies"
lossless=$(awk '$2 == "lossless" && $1 != "hybrid" { print $1 }' "$work/list")
[ "$(echo "$lossless" | wc -w)" -eq 6 ] || fail "six lossless strategies by hand: $lossless"

printf 'Question: How do I make a soup?\nAnswer:\n\n' >"$work/prompt"
plain="-m $model -f $work/prompt -n 24 --wire f32 --kv f32"
sampled="$plain --temperature 0.8 --seed 3"
# shellcheck disable=SC2086
{
    greedy=$(tokens 1 $plain)
    drawn=$(tokens 1 $sampled)
    for n in 2 3 4; do
        for strategy in $lossless; do
            left_out && continue
            same "$strategy on $n ranks" "$greedy" "$(tokens $n $plain --strategy $strategy)"
        done
    done
    for strategy in $lossless; do
        same "$strategy, sampled" "$drawn" "$(tokens 3 $sampled --strategy $strategy)"
        for sources in lookup "medusa --heads $heads"; do
            left_out && continue
            same "$strategy, $sources" "$greedy" "$(tokens 3 $plain --strategy $strategy \
                --speculate $sources)"
        done
    done
    ask="-m $model -p How_do_I_make_a_soup? -n 16 --outline --wire f32 --kv f32"
    outline=$(tokens 1 $ask)
    for strategy in megatron galaxy sequence; do
        same "$strategy, outline" "$outline" "$(tokens 4 $ask --strategy $strategy)"
    done
}

# uneven shares and a pipeline of groups, by a plan
cat >"$work/plan.yaml" <<END
plan_version: 2
strategy: hybrid
layers: 8
chunks: [9, 6]
workload: {prompt: 15}
stages:
- {devices: [0, 2], way: tensor, heads: [8, 4], ffn: [50, 46], first: 0, last: 4}
- {devices: [1, 3], way: galaxy, heads: [5, 7], ffn: [40, 56], first: 5, last: 7}
END
# shellcheck disable=SC2086
same "a pipeline of groups" "$greedy" "$(tokens 4 $plain --plan "$work/plan.yaml")"
# shellcheck disable=SC2086
same "its slices" "$greedy" "$("$jupiter" split -m "$model" --plan "$work/plan.yaml" \
    -o "$work/s-{rank}.gguf" >/dev/null && tokens 4 -m "$work/s-{rank}.gguf" ${plain#* * } \
    --plan "$work/plan.yaml")"

# whose member a rank is, and its share, stand in the trace and its summary
# shellcheck disable=SC2086
ranks 4 run $plain --plan "$work/plan.yaml" -q -t 1 --trace "$work/run.h5" >/dev/null 2>&1 &&
    "$jupiter" trace summary "$work/run.h5" >"$work/out" || fail "a trace of groups"
for place in "0  0.0 tensor" "1  0.1 tensor" "2  1.0 galaxy" "3  1.1 galaxy"; do
    grep -q "^ *$place " "$work/out" || { cat "$work/out"; fail "the summary lacks $place"; }
done

# every type of weights, cut at its blocks
short="The quick brown fox jumps over the lazy dog."
shape="layers=2 dim=256 heads=16 kv_heads=4 head_dim=64 ffn=1024"
for type in f32 f16 bf16 q8_0 q4_0 q4_k q6_k; do
    # shellcheck disable=SC2086
    "$make_model" "$work/m.gguf" $shape type=$type || fail "make_model type=$type"
    set -- -m "$work/m.gguf" -p "$short" -n 6 --wire f32 --kv f32
    one=$(tokens 1 "$@")
    for strategy in megatron galaxy sequence; do
        for n in 2 4; do
            left_out && continue
            same "$type, $strategy on $n ranks" "$one" "$(tokens $n "$@" --strategy $strategy)"
        done
    done
done

# a mixture of experts: everyone routes, and has its columns of each expert
for type in f32 q8_0 q4_k; do
    "$make_model" "$work/e.gguf" arch=qwen3moe layers=2 dim=256 heads=16 kv_heads=4 head_dim=64 \
        ffn=1024 experts=8 used=3 type=$type || fail "make_model of experts, $type"
    one=$(tokens 1 -m "$work/e.gguf" -p "$short" -n 8 --wire f32 --kv f32)
    for how in "4 megatron" "2 galaxy" "4 galaxy" "3 sequence"; do
        left_out && continue
        same "experts, $type, $how" "$one" "$(tokens "${how% *}" -m "$work/e.gguf" -p "$short" \
            -n 8 --wire f32 --kv f32 --strategy "${how#* }")"
    done
done

# what a rank sends is what the closed form says
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import h5py' 2>/dev/null && python=$candidate && break
done
if [ -n "$python" ]; then
    for wire in "f32 4" "f16 2"; do
        ranks 4 run "$@" --strategy megatron --exchange ring --wire "${wire% *}" -q -t 1 \
            --trace "$work/run.h5" >/dev/null 2>"$work/err" || { cat "$work/err"; fail "a trace"; }
        "$python" "$srcdir/tests/oracle/exchanged.py" "$work/run.h5" 256 "${wire#* }" \
            >"$work/said" 2>&1 || fail "bytes, $wire: $(cat "$work/said")"
    done

    # ... and operations are counted once, whoever has a row
    ranks 1 run "$@" --every-row -q -t 1 --trace "$work/one.h5" >/dev/null 2>&1 &&
        ranks 3 run "$@" --strategy sequence -q -t 1 --trace "$work/run.h5" >/dev/null 2>&1 &&
        "$python" -c '
import sys, h5py
one, all = (h5py.File(path)["spans"]["flops"].sum() for path in sys.argv[1:])
if abs(all / one - 1) > 1e-9:
    sys.exit("%g operations on three ranks, %g on one" % (all, one))
' "$work/one.h5" "$work/run.h5" >"$work/said" 2>&1 || fail "operations: $(cat "$work/said")"
fi

# another model is named as such, and cannot be taken for lossless
ranks 2 run -m "$model" -p x -n 2 --strategy detransformer >/dev/null 2>"$work/err"
grep -q "ANOTHER MODEL" "$work/err" || fail "detransformer does not say what it is"

refuses() { # what it says, ranks, arguments
    what=$1 n=$2
    shift 2
    ranks "$n" "$@" >"$work/out" 2>"$work/err" && fail "accepted: $*"
    grep -q -- "$what" "$work/err" || { cat "$work/err"; fail "does not say '$what'"; }
}
refuses "did you mean 'megatron'" 2 run -m "$model" -p x --strategy megatrn
refuses "as a whole" 2 run -m "$model" -p x --strategy edgeshard --chunk 4
refuses "goes with a pipeline" 2 run -m "$model" -p x --strategy galaxy --layers 4,4
refuses "is planned: give --auto" 2 run -m "$model" -p x --strategy hybrid
sed 's/\[0, 2\]/[2, 0]/' "$work/plan.yaml" >"$work/turned.yaml"
refuses "put device 0 first in that list" 4 run -m "$model" -f "$work/prompt" \
    --plan "$work/turned.yaml"
refuses "strategy hybrid; leave out" 4 run -m "$model" -f "$work/prompt" \
    --plan "$work/plan.yaml" --strategy jupiter
finish

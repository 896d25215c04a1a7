#!/bin/sh
# Does planning pay on unequal devices? Four emulated boards with different shares of a processor:
# profile them, run by plan, and run the even split with several chunk lengths.
#   sh bench/plan_unequal.sh [CLUSTER [PERCENTS [ROUNDS [jupiter]]]]     in the build folder, as root
# With "jupiter" prefill and Jupiter's decoding run together: --outline --speculate medusa, with
# heads that guess at random.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cluster=${1:-4xnx@200mbps,1ms} percents=${2:-60,40,30,20} rounds=${3:-3} decoding=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
boards() { "$top/tools/emulate" run "$cluster" --cpu "$percents" -- ./jupiter "$@" 2>"$work/err" ||
    { cat "$work/err" >&2; exit 1; }; }

dim=768 vocab=2048
./tests/tools/make_model "$work/m.gguf" layers=16 dim=$dim heads=12 kv_heads=4 head_dim=64 \
    ffn=2304 vocab=$vocab context=2048 type=q8_0
if [ "${4:-}" = jupiter ]; then
    python3 - "$work/heads.safetensors" $dim $vocab <<'END'
import json, random, struct, sys
dim, vocab, at, header = int(sys.argv[2]), int(sys.argv[3]), 0, {}
shapes = {"medusa_head.0.0.linear.weight": [dim, dim], "medusa_head.0.0.linear.bias": [dim],
          "medusa_head.0.1.weight": [vocab, dim]}
for name, shape in shapes.items():
    bytes_ = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
    header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + bytes_]}
    at += bytes_
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
random.seed(1)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    file.write(struct.pack(f"<{at // 2}e", *(random.gauss(0, 0.02) for _ in range(at // 2))))
END
    decoding="--prompts question-outline-1 --outline --speculate medusa --heads $work/heads.safetensors"
fi
i=0
while [ $((i += 1)) -le 57 ]; do printf 'abcdefgh '; done >"$work/prompt"
boards profile -m "$work/m.gguf" -t 1 --max-chunk 128 --max-prefix 512 -o "$work/boards.yaml"
round=0
while [ $((round += 1)) -le "$rounds" ]; do
    for how in "--cluster $work/boards.yaml" "--chunk 32" "--chunk 48" "--chunk 64" "--chunk 96"; do
        # shellcheck disable=SC2086
        boards run -m "$work/m.gguf" -f "$work/prompt" -n 16 -t 1 --ignore-eos $how $decoding \
            >"$work/out"
        first=$(grep 'time to first token  ' "$work/err" | head -n 1)
        case $how in
        --cluster*) echo "planned: $first"; grep -A 10 "^plan  " "$work/err" || true ;;
        *) echo "even, $how: $first" ;;
        esac
    done
done

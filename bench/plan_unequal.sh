#!/bin/sh
# Does planning pay on unequal devices? Four emulated boards with different shares of a processor:
# profile them, run by plan, and run the even split with several chunk lengths.
#   sh bench/plan_unequal.sh [CLUSTER [PERCENTS [ROUNDS]]]     in the build folder, as root
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cluster=${1:-4xnx@200mbps,1ms} percents=${2:-60,40,30,20} rounds=${3:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
boards() { "$top/tools/emulate" run "$cluster" --cpu "$percents" -- ./jupiter "$@" 2>"$work/err" ||
    { cat "$work/err" >&2; exit 1; }; }

./tests/tools/make_model "$work/m.gguf" layers=16 dim=768 heads=12 kv_heads=4 head_dim=64 \
    ffn=2304 vocab=2048 context=2048 type=q8_0
i=0
while [ $((i += 1)) -le 57 ]; do printf 'abcdefgh '; done >"$work/prompt"
boards profile -m "$work/m.gguf" -t 1 --max-chunk 128 --max-prefix 512 -o "$work/boards.yaml"
round=0
while [ $((round += 1)) -le "$rounds" ]; do
    for how in "--cluster $work/boards.yaml" "--chunk 32" "--chunk 48" "--chunk 64" "--chunk 96"; do
        # shellcheck disable=SC2086
        boards run -m "$work/m.gguf" -f "$work/prompt" -n 16 -t 1 --ignore-eos $how >"$work/out"
        case $how in
        --cluster*) echo "planned:"; grep -A 10 "^plan  " "$work/err" ;;
        *) echo "even, $how: $(grep 'first token' "$work/err")" ;;
        esac
    done
done

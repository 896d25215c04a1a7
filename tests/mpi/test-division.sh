#!/bin/sh
# The division that is asked for is the one that runs: rows of the prefill steps and layers of the
# ranks, read from the run file, for every way of giving one, plainly, with speculation, with an
# outline, and with both. (Tokens cannot tell: they do not depend on the division.)
. "${srcdir:-.}/tests/mpi/lib.sh"
python=
for candidate in "${PYTHON:-python3}" python3 /usr/bin/python3; do
    "$candidate" -c 'import h5py' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "no Python with h5py: skipped"; exit 77; }
model=$srcdir/data/demo/jupiter-demo-f16.gguf
[ -f "$model" ] || { echo "no embedded model: skipped"; exit 77; }

# the same 118 tokens, as a question that is to have an outline and as a prompt
question="We have carrots, onions, celery, potatoes, tomatoes, beans, a little salt and pepper, \
some herbs from the garden, and about one hour before the guests come to the house for dinner this \
evening. The pot is large, the stove is old, and the water is good. I have never done it before, so \
please begin at the beginning and leave nothing out. Here is what I ask you: how do I make a simple \
vegetable soup?"
prompt="Question: $question
Outline:
"
same "tokens of the prompt" 118 "$("$jupiter" tokenize -m "$model" -p "$prompt" | wc -w)"

# run_with HOW OPTIONS: a traced run of $n ranks; HOW: "plain", or options of decoding
run_with() {
    decoding=$1
    shift
    case $decoding in
    *outline*) set -- "$@" -p "$question" ;;
    *) set -- "$@" -p "$prompt" ;;
    esac
    [ "$decoding" = plain ] && decoding=
    rm -f "$work/run.h5"
    # shellcheck disable=SC2086
    ranks "$n" run -n 4 -t 1 --trace "$work/run.h5" $decoding "$@" >"$work/out" 2>"$work/err" ||
        { cat "$work/err"; fail "run $decoding $*"; }
    case $decoding in
    *outline*) grep -q '^2\. ' "$work/out" || fail "$decoding $*: there is no outline" ;;
    esac
}

keeps_in() { # HOW NAME LAYERS CHUNKS OPTIONS...: of $n ranks; LAYERS and CHUNKS may be empty
    how=$1 name=$2 layers=$3 chunks=$4
    shift 4
    run_with "$how" "$@"
    # shellcheck disable=SC2086
    "$python" "$srcdir/tests/oracle/division.py" "$work/run.h5" 118 $layers $chunks \
        >"$work/said" 2>&1 || fail "$name, $how: $(cat "$work/said")"
}

both="--outline --speculate lookup"
keeps() { # in every way of decoding
    for way in plain "--speculate lookup" --outline "$both"; do
        left_out && continue
        keeps_in "$way" "$@"
    done
}

keeps_too() { # in the plainest and the richest
    keeps_in plain "$@"
    keeps_in "$both" "$@"
}

write_plan() { # DEVICES CHUNKS LAYERS...
    devices=$1 at=0
    printf 'plan_version: 1\nlayers: 8\nworkload: {prompt: 118}\nchunks: [%s]\nstages:\n' "$2"
    shift 2
    for device in $devices; do
        echo "- {device: $device, first: $at, last: $((at + $1 - 1))}"
        at=$((at + $1))
        shift
    done
}
n=4
write_plan "0 1 2 3" 90,20,8 1 3 2 2 >"$work/plan.yaml"
keeps "--plan" 1,3,2,2 90,20,8 -m "$model" --plan "$work/plan.yaml"
write_plan "0 3 1" 8,40,70 2 1 5 >"$work/order.yaml"
keeps_too "--plan in another order" 2,1,5 8,40,70 -m "$model" --plan "$work/order.yaml"
sed -e 's/prompt: 118/prompt: 59/' -e 's/chunks: .*/chunks: [45, 10, 4]/' "$work/plan.yaml" \
    >"$work/half.yaml"
keeps_too "--plan of half the prompt" 1,3,2,2 90,20,8 -m "$model" --plan "$work/half.yaml"

n=3
keeps "--layers and --chunks" 3,4,1 90,20,8 -m "$model" --layers 3,4,1 --chunks 90,20,8
keeps_too "--chunk" 3,3,2 50,50,18 -m "$model" --chunk 50
keeps_too "nothing" 3,3,2 32,32,32,22 -m "$model"

# as the planner says beforehand; an outline is planned for 32 tokens and then four points at a time
cluster=2xpi4:0.08gb+1xpi5:0.072gb@10gbps,0.001ms
planned() { # options of the workload: layers and chunks into $layers, $chunks
    "$jupiter" plan --cluster $cluster -m "$model" -p 118 --first-stays "$@" \
        -o "$work/planned.yaml" >/dev/null 2>"$work/err" || fail "plan: $(cat "$work/err")"
    chunks=$(sed -n 's/^chunks: \[\(.*\)\]$/\1/p' "$work/planned.yaml" | tr -d ' ')
    layers=$(awk '$1 == "first:" { first = $2 } $1 == "last:" { print $2 - first + 1 }' \
        "$work/planned.yaml" | paste -s -d, -)
    case $chunks in
    *,*) ;;
    *) fail "the planner does not cut the prompt, so that nothing is tested" ;;
    esac
}
outline="-n 48 --outline 32 --branches 4"
for way in plain "--speculate lookup" --outline "$both"; do
    # shellcheck disable=SC2086
    case $way in
    *outline*) planned $outline ;;
    *) planned -n 4 ;;
    esac
    keeps_in "$way" "--cluster" "$layers" "$chunks" -m "$model" --cluster $cluster
done

# slices have their layers, and take chunks by hand or from the plan that they were split by
"$jupiter" split -m "$model" --layers 2,5,1 -o "$work/s-{rank}.gguf" >/dev/null || fail "split"
keeps "slices" 2,5,1 90,20,8 -m "$work/s-{rank}.gguf" --chunks 90,20,8
write_plan "0 1 2" 60,58 4 3 1 >"$work/slices.yaml"
"$jupiter" split -m "$model" --plan "$work/slices.yaml" -o "$work/p-{rank}.gguf" >/dev/null ||
    fail "split --plan"
keeps_too "slices by plan" 4,3,1 60,58 -m "$work/p-{rank}.gguf" --plan "$work/slices.yaml"

n=2
keeps_too "--auto" "" "" -m "$model" --auto
finish

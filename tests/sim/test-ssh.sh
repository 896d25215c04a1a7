#!/bin/sh
# tools/boards over real ssh: four emulated boards, each with an sshd, a program and a folder for its
# slice of its own. What is wrong with a board is named; slices answer like one rank; a job outlives
# a board that dies.
. "${srcdir:-.}/tests/mpi/lib.sh"
srcdir=$(cd "$srcdir" && pwd)
case $jupiter in /*) ;; *) jupiter=$PWD/$jupiter ;; esac
emulate=$srcdir/tools/emulate
JUPITER_DATA=$srcdir/data
export JUPITER_DATA
model=$srcdir/data/demo/jupiter-demo-f16.gguf
ask="-n 40 -t 1 -q --ignore-eos"

# ---- in the first board, in a mount namespace of its own; lab: where tools/emulate keeps this run ---
in_the_lab() {
    work=$1 lab=$(dirname "$SSH") agent=$SSH
    mkdir -p "$work/bin" "$work/slices" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$work/key" && ssh-keygen -q -t ed25519 -N '' -f "$work/host" || exit 1
    printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/key.pub" "StrictModes no" \
        "PermitRootLogin yes" "UsePAM no" "PidFile none" "LogLevel ERROR" \
        "Subsystem sftp internal-sftp" >"$work/sshd"
    printf '%s\n' "BatchMode yes" "ConnectTimeout 5" "IdentityFile $work/key" "LogLevel ERROR" \
        "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" \
        "ControlMaster auto" "ControlPath $work/to-%h" "ControlPersist 20" >"$work/ssh"
    # what is a board's own: the program, and the slices
    own="mount -t tmpfs none $work/bin && mount -t tmpfs none $work/slices"
    serve="/usr/sbin/sshd -f $work/sshd"
    sh -c "$own && ln -s $jupiter $work/bin/jupiter && $serve" || { echo "no sshd"; exit 1; }
    for board in $(sed 1d "$BOARDS"); do
        program="ln -s $jupiter $work/bin/jupiter"
        [ "$board" = 10.213.0.4 ] && program=true
        "$agent" "$board" "unshare --mount sh -c '$own && $program && $serve'" || { echo "no sshd on $board"; exit 1; }
    done
    SSH="ssh -F $work/ssh" SCP="scp -q -F $work/ssh" JUPITER=$work/bin/jupiter FOLDER=$work/slices
    export SSH SCP JUPITER FOLDER
    boards=$srcdir/tools/boards
    whole=$("$jupiter" run -m "$model" -p 'How do I' $ask --tokens)

    # what is wrong is named: no program on the last board, nobody at a fifth address
    { cat "$BOARDS"; echo 10.213.0.9; } >"$work/five"
    "$boards" check "$work/five" "$model" >"$work/out" 2>&1 && fail "check finds nothing"
    for what in "10.213.0.1: x86_64\|10.213.0.1: aarch64" "10.213.0.4: install jupiter" \
        "10.213.0.9: not reached" "boards: not ready"; do
        grep -q "^$what" "$work/out" || { fail "check does not say '$what'"; cat "$work/out"; }
    done
    same "boards at fault" 2 "$(grep -c ': install\|: not reached' "$work/out")"
    $SSH 10.213.0.4 ln -s "$jupiter" "$JUPITER"
    "$boards" check "$BOARDS" "$model" >"$work/out" 2>&1 || { fail check; cat "$work/out"; }

    # each its own slice; one is damaged; again
    "$boards" copy "$BOARDS" "$model" --layers 1,2,3,2 >"$work/out" 2>&1 || { fail copy; cat "$work/out"; }
    slices="$work/slices/slice-{rank}.gguf"
    $SSH 10.213.0.3 ls "$work/slices" >"$work/out"
    same "files of a board" "slice-2.gguf slice-2.gguf.sum" "$(xargs <"$work/out")"
    "$boards" check "$BOARDS" "$slices" >"$work/out" 2>&1 || { fail "check of slices"; cat "$work/out"; }
    $SSH 10.213.0.3 "printf x | dd of=$work/slices/slice-2.gguf bs=1 seek=2000000 conv=notrunc" 2>/dev/null
    "$boards" check "$BOARDS" "$slices" >"$work/out" 2>&1 && fail "a damaged slice is not found"
    grep -q "^10.213.0.3: .*slice-2.gguf is damaged" "$work/out" || { fail "a damaged slice is not named"; cat "$work/out"; }
    same "damaged slices" 1 "$(grep -c 'is damaged' "$work/out")"
    "$boards" copy "$BOARDS" "$model" --layers 1,2,3,2 >"$work/out" 2>&1 || fail "copy again"
    same "slices over ssh" "$whole" "$("$boards" run "$BOARDS" -- -m "$slices" -p 'How do I' $ask --tokens 2>"$work/err")"

    "$boards" profile "$BOARDS" -- -m "$model" --seconds 0.2 --max-chunk 64 --max-prefix 64 \
        -o "$work/cluster.yaml" >"$work/out" 2>&1 || { fail profile; cat "$work/out"; }
    same "devices of the profile" 4 "$("$jupiter" platform "$work/cluster.yaml" --format lines | grep -c '^device')"

    # a board dies while questions are answered
    keep="-m $model --questions $work/q.jsonl -n 32 -t 1 -q --outline=auto --temperature 0.8"
    "$boards" run --keep-going "$BOARDS" -- $keep --results "$work/r.jsonl" --journal "$work/j" >"$work/out" 2>"$work/err" &
    job=$!
    until [ "$(wc -l <"$work/r.jsonl" 2>/dev/null || echo 0)" -ge 2 ] || ! kill -0 $job; do sleep 0.1; done
    "$emulate" fault "${lab#/run/jupiter-lab-}" 2 down
    wait $job || { fail "the job that is to outlive a board"; cat "$work/err"; }
    "$jupiter" journal "$work/j" >"$work/events"
    grep -q "boards that answer: 10.213.0.1 10.213.0.2 10.213.0.4; that do not: 10.213.0.3" "$work/events" ||
        { fail "the journal does not name the dead board"; cat "$work/events" "$work/err"; }
    grep -q "Z goes on on [123] ranks" "$work/events" || fail "it did not go on with fewer boards"
    answers() { sed -E 's/"(first_token_s|seconds)":[0-9.e+-]+,?//g' "$1" | sort; }
    "$jupiter" run $keep --results "$work/whole.jsonl" || fail "the undisturbed job"
    answers "$work/whole.jsonl" >"$work/expected"
    answers "$work/r.jsonl" | cmp -s - "$work/expected" || fail "another text after a board died"

    # it is dead still, so that the next job cannot even begin with it
    same "a job that a dead board keeps from beginning" "$whole" "$("$boards" run --keep-going "$BOARDS" -- \
        -m "$model" -p 'How do I' $ask --tokens --journal "$work/j2" 2>"$work/err")" || cat "$work/err"
    finish
}

if [ "${1:-}" = --in-the-lab ]; then
    trap - EXIT
    rm -rf "$work"
    in_the_lab "$2"
fi
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
[ -x /usr/sbin/sshd ] && command -v ssh-keygen >/dev/null || { echo "no sshd (openssh-server): skipped"; exit 77; }
cluster=4xnx@1000mbps,0.2ms
"$emulate" check $cluster --cpu none >"$work/why" 2>&1 || { cat "$work/why"; exit 77; }
head -n 16 "$srcdir/data/demo/heldout.jsonl" >"$work/q.jsonl"
srcdir=$srcdir JUPITER=$jupiter "$emulate" shell $cluster --cpu none --jupiter "$jupiter" -- \
    timeout 400 unshare --mount "$0" --in-the-lab "$work" </dev/null 2>"$work/lab.err" ||
    { fail "in the lab"; tail -n 40 "$work/lab.err"; }
finish

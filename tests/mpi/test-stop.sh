#!/bin/sh
# Stopping in order: signals to the launcher and to ranks, in the middle of an answer, of questions
# and of a conversation; ranks of different commands; as few words as there can be after an error.
. "${srcdir:-.}/tests/mpi/lib.sh"
launch=$srcdir/tools/launch

"$make_model" "$work/slow.gguf" dim=512 ffn=2048 layers=6 context=8192 || fail make_model
slow="-m $work/slow.gguf -t 1 -n 6000 --ignore-eos -q"

# a reader that pauses for longer than a lost board is waited for: looked at in the end
mkdir "$work/much"
printf '%s\n' '#!/bin/sh' 'echo done 0 >"$JUPITER_LAUNCH"' 'exec seq 1 40000' >"$work/much/mpirun"
chmod +x "$work/much/mpirun"
PATH="$work/much:$PATH" timeout 60 "$launch" --host here,there -n 2 "$jupiter" |
    { head -c 9; sleep 9; cat; } >"$work/late" &
late=$!

# begin LAUNCHER ARGS...: starts three ranks and waits for their first output
begin() {
    how=$1
    shift
    : >"$work/out"
    "$how" -n 3 "$jupiter" "$@" >"$work/out" 2>"$work/err" </dev/null &
    launcher=$!
    tries=0
    while [ ! -s "$work/out" ] && [ $tries -lt 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    sleep 0.3
}

pid_of_rank() { # rank: its process among the launcher's descendants
    for pid in $(pgrep -f "^$jupiter .*$work"); do # not the time limit around it
        tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q "^OMPI_COMM_WORLD_RANK=$1\$" &&
            echo "$pid"
    done
}

stopped() { # code, what
    ended
    same "exit code of $2" "$1" $?
    same "words of $2" 1 "$(grep -c 'jupiter: stopping at the next token' "$work/err")"
    same "lines on stderr of $2" 1 "$(grep -c . "$work/err")" || cat "$work/err"
    [ -s "$work/out" ] || fail "$2: no text is kept"
    "$jupiter" trace summary "$work/t.h5" >/dev/null || fail "$2: no trace is kept"
    rm -f "$work/t.h5"
}

begin "$launch" run $slow -p hello --trace "$work/t.h5"
kill -TERM $launcher
stopped 143 "SIGTERM to the launcher"
begin "$launch" run $slow -p hello --trace "$work/t.h5"
kill -USR1 $launcher # SIGINT is ignored by what a script starts in the background
stopped 130 "Ctrl-C at the launcher"
begin "$launch" run $slow -p hello --trace "$work/t.h5"
kill -INT "$(pid_of_rank 0)"
stopped 130 "SIGINT to rank 0"
begin "$launch" run $slow -p hello --trace "$work/t.h5"
kill -TERM "$(pid_of_rank 2)"
stopped 143 "SIGTERM to rank 2"
printf '#!/bin/sh\nexec timeout 100 %s "$@"\n' "$launch" >"$work/timed" && chmod +x "$work/timed"
begin "$work/timed" run $slow -p hello --trace "$work/t.h5"
kill -TERM $launcher
stopped 143 "SIGTERM to all of the launcher's group"

# a reader who has enough: the job stops, content and without a word, as the program alone does
for ask in "run $slow -p hello" "run -m $work/slow.gguf -t 1 -n 100 --ignore-eos -q --prompts question-outline-1 \
    --parallel 1 --questions $work/many.jsonl"; do
    for i in $(seq 1000); do echo '{"question": "What?"}'; done >"$work/many.jsonl"
    { timeout 100 "$launch" -n 2 "$jupiter" $ask 2>"$work/err"; echo $? >"$work/code"; } | head -c 3 >"$work/out"
    same "exit code without a reader" 0 "$(cat "$work/code")"
    same "words without a reader" 0 "$(grep -c . "$work/err")"
    same "what it has read" 3 "$(wc -c <"$work/out")"
done

# a place that cannot be written: as of the program alone, too
for where in /dev/full closed; do
    [ $where = closed ] || [ -c $where ] || continue
    (
        [ $where = closed ] && exec >&- || exec >$where
        timeout 100 "$launch" -n 2 "$jupiter" run -m "$work/slow.gguf" -t 1 -n 3 -q -p hello 2>"$work/err"
    )
    same "exit code of what cannot be written, $where" 3 $?
    same "words of it" 1 "$(grep -c '^launch: cannot write to standard output: ' "$work/err")" || cat "$work/err"
done

same "without a standard input" "$("$jupiter" run -m "$work/slow.gguf" -t 1 -n 3 -q -p hello)" \
    "$(timeout 100 "$launch" -n 2 "$jupiter" run -m "$work/slow.gguf" -t 1 -n 3 -q -p hello <&-)"

# before the job has begun, at moments from the launcher's first on: told, and over
for delay in 0 0.03 0.1 0.3 0.6; do
    "$launch" -n 3 "$jupiter" run $slow -p hello >"$work/out" 2>"$work/err" </dev/null &
    launcher=$!
    until tr '\0' ' ' <"/proc/$launcher/cmdline" | grep -q 'tools/launch' &&
        grep -qE '^SigCgt:.*[4-7c-f][0-9a-f]{3}$' "/proc/$launcher/status"; do :; done # SIGTERM
    sleep $delay
    kill -TERM $launcher
    ended
    same "exit code of a signal after $delay s" 143 $?
    grep -q stopping "$work/err" || { fail "a signal after $delay s is not told"; cat "$work/err"; }
    tries=0
    while [ -n "$(pid_of_rank '[0-9]')" ] && [ $tries -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    [ $tries -lt 100 ] || fail "ranks are left after a signal after $delay s"
done

# a launcher that heeds no signal, and no rank ever comes
mkdir "$work/deaf"
printf '%s\n' '#!/bin/sh' 'trap "" TERM' 'sleep 300' 'sleep 300' >"$work/deaf/mpirun"
chmod +x "$work/deaf/mpirun"
PATH="$work/deaf:$PATH" "$launch" -n 2 "$jupiter" 2>"$work/err" </dev/null &
launcher=$!
until pgrep -f "^/bin/sh $work/deaf/mpirun" >"$work/out"; do :; done
kill -TERM $launcher
ended
same "exit code with an mpirun that does not end" 143 $?

# a reader that goes away, of a program that says nothing of it to the launcher
(timeout 100 "$launch" -n 1 yes 2>"$work/err"; echo $? >"$work/code") | head -c 2 >"$work/out"
[ "$(cat "$work/code")" -ne 124 ] || fail "a reader that goes away, of another program"

# killed before MPI has brought the ranks together: named all the same
for rank in 0 1 2; do
    "$launch" -n 3 "$jupiter" run $slow -p hello >"$work/out" 2>"$work/err" </dev/null &
    launcher=$!
    until pid=$(pid_of_rank $rank); [ -n "$pid" ] || ! kill -0 $launcher; do :; done
    kill -KILL "$pid"
    ended && fail "code 0 in spite of a rank that was killed"
    grep -q "rank $rank (host $(uname -n))" "$work/err" || { fail "killed rank $rank is not named"; cat "$work/err"; }
done

# questions: the answers so far are kept, whole and in order
for i in 1 2 3 4 5 6 7 8; do echo "{\"id\": \"$i\", \"question\": \"What $i?\"}"; done >"$work/q.jsonl"
begin "$launch" run -m "$work/slow.gguf" -t 1 -n 100 --ignore-eos -q --parallel 2 \
    --prompts question-outline-1 --questions "$work/q.jsonl" --trace "$work/t.h5"
kill -TERM "$(pid_of_rank 1)"
stopped 143 "SIGTERM in the middle of questions"
"${PYTHON:-python3}" -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert 1 <= len(lines) < 8, lines
assert all("answer" in line for line in lines), lines
' "$work/out" || fail "the answers before SIGTERM"

# a conversation that waits for a line
mkfifo "$work/lines"
"$launch" -n 2 "$jupiter" chat -m "$work/slow.gguf" -t 1 -n 3 -q \
    --prompts question-outline-1 >"$work/out" 2>"$work/err" <"$work/lines" &
launcher=$!
exec 3>"$work/lines"
echo hello >&3
tries=0
while [ ! -s "$work/out" ] && [ $tries -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
sleep 0.5
kill -TERM $launcher
ended
same "exit code of a conversation" 143 $?
exec 3>&-

# ranks that were started as different commands
for other in "info -m $work/slow.gguf" "chat $slow" "--version" "fly"; do
    # shellcheck disable=SC2086
    timeout 60 "$launch" -n 1 "$jupiter" run $slow -p hello : -n 1 "$jupiter" $other \
        >"$work/out" 2>"$work/err" </dev/null
    same "exit code of run beside ${other%% *}" 2 $?
    grep -q "rank 1 was started with the command '${other%% *}', rank 0 with 'run'" "$work/err" ||
        { fail "run beside ${other%% *} is not named"; cat "$work/err"; }
done

# a launcher that waits for itself for ever, without ranks: what the last one said counts
mkdir "$work/stuck"
printf '%s\n' '#!/bin/sh' 'echo done 7 >"$JUPITER_LAUNCH"' \
    'exec "${PYTHON:-python3}" -c "import threading; l = threading.Lock(); l.acquire(); l.acquire()"' >"$work/stuck/mpirun"
chmod +x "$work/stuck/mpirun"
PATH="$work/stuck:$PATH" timeout 60 "$launch" -n 1 "$jupiter"
same "exit code of a launcher that is stuck" 7 $?

# a launcher that itself is ended by a signal, after rank 0 has said how the job ended, or another rank
mkdir "$work/dying"
cat >"$work/dying/mpirun" <<'END'
#!/bin/sh
echo "done $SAID" >"$JUPITER_LAUNCH"
[ -z "$NOTE" ] || echo "[here:1] ACTIVATE PROC [[1,1],1] STATE ABORTED BY SIGNAL" >&4
kill -s PIPE $$ # is ignored
[ $? -ne 0 ] || kill -s "$SIGNAL" $$
END
chmod +x "$work/dying/mpirun"
dying() { # what rank 0 says, signal, note of a rank
    SAID=$1 SIGNAL=$2 NOTE=${3:-} PATH="$work/dying:$PATH" timeout 60 "$launch" -n 2 "$jupiter" 2>"$work/err"
}
for said in 143 130 3 0; do
    dying $said ABRT
    same "exit code of a launcher that dies after a job's $said" $said $?
    same "words of a launcher that dies after a job's $said" 0 "$(grep -c . "$work/err")"
done
mkdir "$work/hasty"
printf '%s\n' '#!/bin/sh' 'echo verdict 3 >"$JUPITER_LAUNCH"' 'exit 205' >"$work/hasty/mpirun"
chmod +x "$work/hasty/mpirun"
PATH="$work/hasty:$PATH" timeout 60 "$launch" -n 2 "$jupiter"
same "exit code of a launcher that kills rank 0 before its last words" 3 $?
dying 143 KILL note
same "exit code of a rank that is killed, which stops rank 0" 137 $?
same "words of a rank that is killed" "launch: rank 1 (host $(uname -n)) was ended by signal 9" "$(cat "$work/err")"

# one that has ended rank 0 for a rank that it has lost, and takes its time to say which
mkdir "$work/slow"
cat >"$work/slow/mpirun" <<'END'
#!/bin/sh
echo 143 >"$JUPITER_LAUNCH"
sleep 6
echo "[here:1] ACTIVATE PROC [[1,1],1] STATE ABORTED BY SIGNAL" >&4
exit 137
END
chmod +x "$work/slow/mpirun"
PATH="$work/slow:$PATH" timeout 60 "$launch" -n 2 "$jupiter" 2>"$work/err"
same "exit code of a rank that is lost, and named late" 137 $?
same "words of it" "launch: rank 1 (host $(uname -n)) was ended by signal 9" "$(cat "$work/err")"

# ... and one that waits for a lost board for ever, when rank 0 was killed before it could say how it ended
mkdir "$work/waiting"
cat >"$work/waiting/mpirun" <<'END'
#!/bin/sh
sleep 1000 &
echo "here $!" >"$JUPITER_LAUNCH"
sleep 1
kill -s KILL $! && wait $!
exec sleep 1001
END
chmod +x "$work/waiting/mpirun"
PATH="$work/waiting:$PATH" timeout 60 "$launch" --host here,there -n 2 "$jupiter"
same "exit code of a launcher that waits without rank 0" 137 $?

wait $late
same "output to a reader that pauses" "$(seq 1 40000 | cksum)" "$(cksum <"$work/late")"

# who is killed before it can say anything
for rank in 0 1; do
    timeout 60 "$launch" -n 2 sh -c "[ \$OMPI_COMM_WORLD_RANK = $rank ] && kill -KILL \$\$; sleep 5" 2>"$work/err"
    same "exit code of a rank killed" 137 $?
    same "words on rank $rank" "launch: rank $rank (host $(uname -n)) was ended by signal 9" "$(cat "$work/err")"
done

# an error is one line, from all ranks and their launcher
timeout 60 "$launch" -n 3 "$jupiter" run -m "$work/nosuch.gguf" -p x >"$work/out" 2>"$work/err"
same "exit code of an error" 2 $?
same "lines of an error" 1 "$(grep -c . "$work/err")"
finish

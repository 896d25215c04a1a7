#!/bin/sh
# The bench's tables: every combination once, spreads of their samples, a peer in turn. No times.
. "${srcdir:-.}/tests/mpi/lib.sh"
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
"$make_model" "$work/m.gguf" || fail make_model
bench() { # RANKS OPTIONS...
    n=$1
    shift
    ranks "$n" bench -m "$work/m.gguf" "$@" 2>"$work/stderr" || fail "$*: $(cat "$work/stderr")"
}

bench 2 -p 8,20 -n 3 --strategy jupiter,megatron --chunk 0,5 -t 1,2 -r 3 --format json >"$work/all"
python3 - "$work/all" <<'END' || fail "JSON: $(cat "$work/all")"
import itertools, json, statistics, sys
bench = json.load(open(sys.argv[1]))
rows = bench["rows"]
tests = [("prefill", 8), ("prefill", 20), ("decode", 3)]
wanted = [(s, c, t, *test) for s, c, t in itertools.product(["jupiter", "megatron"], [0, 5], [1, 2])
          for test in tests]
assert [(r["strategy"], r["chunk"], r["threads"], r["test"], r["tokens"]) for r in rows] == wanted
for row in rows:
    samples, told = row["samples"], row["tokens_per_s"]
    assert row["ranks"] == 2 and len(samples) == bench["repeats"] == 3, row
    assert all(s > 0 for s in samples), row
    for key, of in (("median", statistics.median), ("lowest", min), ("highest", max)):
        assert abs(told[key] / of(samples) - 1) < 1e-6, row
END

# a peer that counts its calls and is twice as slow each time
cat >"$work/peer" <<END
#!/bin/sh
echo "\$@" >>"$work/calls"
echo '[{"avg_ts": '\$((1 << \$(wc -l <"$work/calls")))'}]'
END
chmod +x "$work/peer"
bench 1 -p 8 -n 3 -r 2 -t 1 --peer "$work/peer" --format csv >"$work/csv"
printf '%s\n' "-m $work/m.gguf -t 1 -p 8 -n 0 -r 1 -o json" \
    "-m $work/m.gguf -t 1 -p 8 -n 0 -r 1 -o json" "-m $work/m.gguf -t 1 -p 0 -n 3 -r 1 -o json" \
    "-m $work/m.gguf -t 1 -p 0 -n 3 -r 1 -o json" >"$work/expected"
cmp "$work/expected" "$work/calls" || fail "calls of the peer: $(cat "$work/calls")"
python3 - "$work/csv" <<'END' || fail "CSV: $(cat "$work/csv")"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert [(r["test"], r["tokens"], r["peer_tokens_per_s"]) for r in rows] == [
    ("prefill", "8", "3"), ("decode", "3", "12")], rows
for row in rows:
    low, high = float(row["ratio_lowest"]), float(row["ratio_highest"])
    assert low <= float(row["ratio"]) <= high
    slow = 2 if row["test"] == "prefill" else 8
    assert float(row["lowest"]) / (2 * slow) * 0.999 <= low <= float(row["highest"]) / slow
END
bench 1 -p 8 -n 0 -r 2 -o "$work/table.md" -- --wire f32
[ "$(grep -c '^| jupiter | 1 |' "$work/table.md")" -eq 1 ] || fail "$(cat "$work/table.md")"

refused() { # words ARGS...
    words=$1
    shift
    ranks 2 bench -m "$work/m.gguf" "$@" >"$work/out" 2>"$work/err" && fail "$* is taken"
    grep -q -e "$words" "$work/err" || fail "$*: $(cat "$work/err")"
}
refused "nothing to time" -p 0 -n 0
refused "must be md, csv or json" --format html
refused "did you mean 'megatron'" --strategy jupiter,megatrom -p 4 -n 0 -r 1
refused "does not tell tokens a second" -p 4 -n 0 -r 1 --peer true
refused "cannot run" -p 4 -n 0 -r 1 --peer "$work/none"
refused "names none" --strategy , -p 4 -n 0
# what a bench has no use for, or says itself, behind the --
for idle in --outline "--questions q" "--prompts vicuna" "--journal j" "--logits l" --json "--stop x"; do
    refused "^jupiter: ${idle%% *} does not go with bench" -p 4 -n 0 -r 1 -- $idle
done
for own in "--strategy local" "--chunk 2" "-t 1" "-n 2" --prompt-tokens=2 "-m x" -h; do
    refused "is the bench's own" -p 4 -n 0 -r 1 -- $own
done
refused "the prompt has 4000 tokens" -p 4000 -n 0
finish

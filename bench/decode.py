#!/usr/bin/env python3
"""Plain decoding, + speculation, + outline, both, and both with early points, on emulated boards (or
plain ranks).

  bench/decode.py [--jupiter FILE] [--cluster 4xnx@1000mbps | --ranks 4] [--cpu P,P,P,P]
                  [--questions 20] [--repeat 3] [--out FOLDER]

Every way answers the same questions, one at a time; the ways take turns, so that a busy machine
slows all of them. Reported per question: seconds from its first token to its end, relative to plain
decoding; the share of time that the stages were busy while branches were written; tokens a lap,
measured and predicted. Answers by outline are other texts than plain ones: seconds a token are
there too. Wall clock of this machine: with --cluster an emulation, never boards.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "plots"))
import find_package  # noqa: E402,F401
import numpy as np  # noqa: E402
from jupiter_trace import load, schema  # noqa: E402
DEMO = os.path.join(ROOT, "data", "demo")
WAYS = ["plain", "speculation", "outline", "both", "early"]
GUESSES, OUTLINES = ("speculation", "both", "early"), ("outline", "both", "early")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jupiter", default=os.path.join(ROOT, "build", "jupiter"))
    parser.add_argument("--model", default=os.path.join(DEMO, "jupiter-demo-f16.gguf"))
    parser.add_argument("--heads", default=os.path.join(DEMO, "jupiter-demo-heads.safetensors"))
    parser.add_argument("--cluster")
    parser.add_argument("--cpu", default="none")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--file", default=os.path.join(DEMO, "heldout.jsonl"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--speculate", default="medusa")
    parser.add_argument("--compute", default="blas")
    parser.add_argument("--out", default="runs/decode")
    return parser.parse_args()


def outline_questions(path, wanted):
    questions = []
    with open(path) as lines:
        for line in lines:
            item = json.loads(line)
            text = item.get("question") or item["questions"][0]
            if item.get("kind", "outline") == "outline":
                questions.append({"id": str(item.get("id", len(questions))), "question": text})
    step = max(1, len(questions) // wanted)
    return questions[::step][:wanted]


def command(options, way, questions, results, trace):
    run = [options.jupiter, "run", "-m", options.model, "--questions", questions, "--results",
           results, "--parallel", "1", "-n", "200", "-t", "1", "-q", "--trace", trace,
           "--compute", options.compute]
    if way in GUESSES:
        run += ["--speculate", options.speculate, "--heads", options.heads]
    if way in OUTLINES:
        run += ["--outline"]
    if way == "early":
        run += ["--early-points"]
    if options.cluster:
        return [os.path.join(ROOT, "tools", "emulate"), "run", options.cluster, "--cpu",
                options.cpu, "--"] + run
    return ["mpirun", "-n", str(options.ranks)] + run


def decode_seconds(answer):
    """From the first token that the model wrote for the question."""
    first = answer.get("outline", answer.get("plain"))["first_token_s"]
    return answer["seconds"] - first


def branch_busy(trace):
    """Share of time that each stage computed while at least as many branches as stages lived."""
    run = load(trace)
    busy = np.zeros(run.n_ranks)
    total = 0.0
    for request in np.unique(run.tokens["request"]):
        mine = run.tokens[run.tokens["request"] == request]
        branches = [b for b in np.unique(mine["branch"]) if b > 0]
        if len(branches) < run.n_ranks:
            continue
        begin = max(mine["time_s"][mine["branch"] == b].min() for b in branches)
        ends = sorted(mine["time_s"][mine["branch"] == b].max() for b in branches)
        end = ends[len(branches) - run.n_ranks]  # from here on fewer branches than stages
        if end <= begin:
            continue
        total += end - begin
        for span, kind in zip(run.spans, run.spans_kind):
            if kind in schema.COMPUTE:
                busy[span["rank"]] += max(0, min(end, span["end_s"]) - max(begin, span["start_s"]))
    return busy / total if total else None


def measure(options):
    os.makedirs(options.out, exist_ok=True)
    questions = os.path.join(options.out, "questions.jsonl")
    with open(questions, "w") as out:
        for question in outline_questions(options.file, options.questions):
            out.write(json.dumps(question) + "\n")
    taken = {way: [] for way in WAYS}
    for turn in range(options.repeat):
        for way in WAYS:
            results = os.path.join(options.out, f"{way}-{turn}.jsonl")
            if os.path.exists(results):
                os.remove(results)  # jupiter adds to what is there
            trace = os.path.join(options.out, f"{way}-{turn}.h5")
            done = subprocess.run(command(options, way, questions, results, trace),
                                  capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{way}: {done.stderr}")
            with open(results) as lines:
                taken[way].append({a["id"]: a for a in map(json.loads, lines)})
    return taken


def quartiles(values):
    values = sorted(values)
    return tuple(values[int(q * (len(values) - 1))] for q in (0.25, 0.5, 0.75))


def summary_of(options, way):
    return load(os.path.join(options.out, f"{way}-0.h5")).summary


def report(options, taken):
    rows = []
    for way in WAYS:
        ratios, per_token, seconds = [], [], []
        for turn in range(options.repeat):
            for key, answer in taken[way][turn].items():
                took = decode_seconds(answer)
                plain = taken["plain"][turn][key]
                seconds.append(took)
                ratios.append(decode_seconds(plain) / took)
                per_token.append((decode_seconds(plain) / plain["n_tokens"]) /
                                 (took / answer["n_tokens"]))
        rows.append((way, statistics.median(seconds), quartiles(ratios), quartiles(per_token)))
    where = f"{options.cluster} emulated, cpu {options.cpu}" if options.cluster else \
        f"{options.ranks} ranks of this machine"
    print(f"{where}; {options.questions} questions, {options.repeat} times; medians (quartiles)\n")
    print("| way | s per answer | speed-up per answer | speed-up per token |")
    print("|---|---|---|---|")
    for way, seconds, ratio, per_token in rows:
        print(f"| {way} | {seconds:.3f} | {ratio[1]:.2f} ({ratio[0]:.2f} - {ratio[2]:.2f}) | "
              f"{per_token[1]:.2f} ({per_token[0]:.2f} - {per_token[2]:.2f}) |")
    print()
    for way in OUTLINES:
        busy = branch_busy(os.path.join(options.out, f"{way}-0.h5"))
        if busy is not None:
            print(f"{way}: stages busy while branches >= stages: "
                  + ", ".join(f"{share:.0%}" for share in busy))
    for way in GUESSES:
        figures = summary_of(options, way)
        for key in sorted(figures):
            if key.startswith("draft_") or key.startswith("tree_"):
                print(f"{way}: {key} {figures[key]:.3g}")


if __name__ == "__main__":
    chosen = arguments()
    report(chosen, measure(chosen))

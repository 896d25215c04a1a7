#!/usr/bin/env python3
"""The strategies side by side on emulated boards: first token, decoding, and what --auto makes of it.

  bench/strategies.py MODEL [--cluster 4xnx@1000mbps,0.3ms]... [--cpu 40,40,40,40] [--rounds 3]
                      [--prompt 512] [-n 64] [--strategies jupiter,megatron,galaxy] [--build DIR]

The boards and links of each cluster are measured once (jupiter profile); --auto plans from that.
Strategies take turns within a round, so that a busy machine slows all of them. Medians over the
rounds, with the lowest and the highest; below them how --auto compares with the best strategy.
Emulated: one machine's processor and network namespaces,
never boards. Needs root.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--cluster", action="append")
    parser.add_argument("--cpu", default="40,40,40,40")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=512, help="bytes of the prompt")
    parser.add_argument("-n", type=int, default=64)
    parser.add_argument("--strategies", default="jupiter,megatron,galaxy")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    return parser.parse_args()


class Boards:
    def __init__(self, options, cluster, work):
        self.options, self.cluster, self.work = options, cluster, work
        self.jupiter = os.path.abspath(os.path.join(options.build, "jupiter"))
        self.measured = os.path.join(work, "boards.yaml")
        self.prompt = os.path.join(work, "prompt.txt")
        with open(self.prompt, "w") as file:
            file.write(("a shelf of small boards writes slowly but surely " * 99)[:options.prompt])

    def run(self, *words):
        command = [os.path.join(ROOT, "tools/emulate"), "run", self.cluster, "--cpu",
                   self.options.cpu, "--", self.jupiter] + list(words)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(" ".join(command) + "\n" + done.stderr)
        return done.stdout

    def measure(self):
        self.run("profile", "-m", self.options.model, "-t", "1", "--max-chunk", "128",
                 "--max-prefix", "512", "--seconds", "10", "-o", self.measured)

    def ask(self, how):
        division = (["--auto", "--cluster", self.measured]
                    if how == "auto" else ["--strategy", how])
        run = json.loads(self.run("run", "-m", self.options.model, "-f", self.prompt, "-n",
                                  str(self.options.n), "-t", "1", "--ignore-eos", "--json",
                                  *division))
        return run


def spread(values, digits):
    values = sorted(values)
    return "%.*f (%.*f - %.*f)" % (digits, statistics.median(values), digits, values[0], digits,
                                   values[-1])


def report(cluster, runs):
    first = {how: [r["summary"]["prefill_s"] for r in all_runs] for how, all_runs in runs.items()}
    rate = {how: [r["summary"]["decode_tokens_per_s"] for r in all_runs]
            for how, all_runs in runs.items()}
    whole = {how: [r["summary"]["prefill_s"] + r["summary"]["decode_s"] for r in all_runs]
             for how, all_runs in runs.items()}
    print(f"\n{cluster}\n\n| strategy | first token, s | decode, tokens/s | whole, s |\n|---|---|---|---|")
    for how in runs:
        print(f"| {how} | {spread(first[how], 2)} | {spread(rate[how], 1)} | {spread(whole[how], 2)} |")
    others = {how: statistics.median(whole[how]) for how in runs if how != "auto"}
    best = min(others, key=others.get)
    auto = statistics.median(whole["auto"])
    ways = sorted({f"stage {r['stage']} {r['way']}" for r in runs["auto"][-1]["ranks"]})
    print("\n--auto's last choice: " + ", ".join(ways))
    print(f"\n--auto takes {auto / others[best] * 100 - 100:+.1f} % of the best's time ({best})",
          flush=True)


def main():
    options = arguments()
    for cluster in options.cluster or ["4xnx@1000mbps,0.3ms"]:
        with tempfile.TemporaryDirectory() as work:
            boards = Boards(options, cluster, work)
            boards.measure()
            hows = options.strategies.split(",") + ["auto"]
            runs = {how: [] for how in hows}
            for _ in range(options.rounds):
                for how in hows:
                    runs[how].append(boards.ask(how))
            report(cluster, runs)


if __name__ == "__main__":
    main()

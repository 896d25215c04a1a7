#!/usr/bin/env python3
"""Does simulated time agree with emulated boards?

For each setting: measures the emulated boards and links (jupiter profile), answers some questions of
one length with the same plan on them (wall clock) and in simulation on the measured profiles, and
compares the means of the prefill, the decoding, and the whole. The first question, which finds
weights and buffers untouched, is not counted. Rounds do all of it again, each with a profile of its
own: a machine that is shared has another speed a minute later.

  agreement.py [--build DIR] [--questions N] [--rounds N] [--only NAME] [--output TABLE.md]

Needs root and SimGrid, see tools/emulate and `make sim`. Exit code 77: not possible here.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# F32: a board's step of one row then needs 6 ms of a processor or more, long beside its rations.
MODEL = ["layers=12", "dim=1536", "heads=12", "kv_heads=12", "ffn=4096", "vocab=2048", "context=2048",
         "type=f32"]
LAYERS = 12
GENERATE = 12

# name, boards, Mbit/s, ms, percent of a processor, layers or strategy, prompt tokens, chunk
SETTINGS = [
    ("2 equal, 100 Mbit/s, short", 2, 100, 2, "35,35", "6,6", 48, 16),
    ("2 equal, 100 Mbit/s, long", 2, 100, 2, "35,35", "6,6", 256, 32),
    ("2 unequal, 1000 Mbit/s, short", 2, 1000, 1, "40,20", "8,4", 48, 16),
    ("2 unequal, 1000 Mbit/s, long", 2, 1000, 1, "40,20", "8,4", 256, 32),
    ("4 equal, 100 Mbit/s, short", 4, 100, 2, "20", "3,3,3,3", 48, 16),
    ("4 equal, 100 Mbit/s, long", 4, 100, 2, "20", "3,3,3,3", 256, 32),
    ("4 unequal, 1000 Mbit/s, short", 4, 1000, 1, "32,20,16,16", "5,3,2,2", 48, 16),
    ("4 unequal, 1000 Mbit/s, long", 4, 1000, 1, "32,20,16,16", "5,3,2,2", 256, 32),
    ("a group of 2, 1000 Mbit/s", 2, 1000, 0.3, "35,35", "megatron", 256, 32),
    ("a group of 4, 1000 Mbit/s", 4, 1000, 0.3, "20", "megatron", 256, 32),
]


class Skip(Exception):
    pass


def call(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          **options)
    if done.returncode == 77:
        raise Skip(done.stderr.strip())
    if done.returncode:
        sys.exit("%s\nfailed:\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


class Bench:
    def __init__(self, build, work, n_questions):
        self.build, self.work, self.n_questions = build, work, n_questions
        self.jupiter = os.path.join(build, "jupiter")
        self.model = os.path.join(work, "model.gguf")
        call([os.path.join(build, "tests/tools/make_model"), self.model] + MODEL)
        self.as_they_are = os.path.join(work, "prompts.json")
        with open(self.as_they_are, "w") as file:
            json.dump({"name": "as they are", "question": "{question}", "turn_ends": ""}, file)

    def emulate(self, setting, program):
        _, boards, mbps, ms, cpu, *_ = setting
        return call([os.path.join(ROOT, "tools/emulate"), "run",
                     "%dxnx@%dmbps,%gms" % (boards, mbps, ms), "--cpu", cpu, "--"] + program,
                    cwd=self.build)

    def questions(self, tokens):
        path = os.path.join(self.work, "questions-%d.jsonl" % tokens)
        with open(path, "w") as file:
            for i in range(self.n_questions + 1):
                letters = [chr(ord("a") + (i + k * (7 + i) // 3) % 26) for k in range(tokens)]
                file.write(json.dumps({"question": "".join(letters)}) + "\n")
        return path

    def options(self, setting):
        *_, division, tokens, chunk = setting
        how = "--strategy" if division.isalpha() else "--layers"
        return ["run", "-m", self.model, "--prompts", self.as_they_are, "--questions",
                self.questions(tokens), "--parallel", "1", "-n", str(GENERATE), "--ignore-eos", "-t",
                "1", how, division, "--chunk", str(chunk)]

    def measure(self, setting):
        cluster = os.path.join(self.work, "cluster.yaml")
        self.emulate(setting, [self.jupiter, "profile", "-m", self.model, "-t", "1", "--seconds",
                               "8", "--max-chunk", "64", "--max-prefix", "256", "-o", cluster])
        return cluster

    def run_emulated(self, setting):
        return answers_of(self.emulate(setting, [self.jupiter] + self.options(setting)))

    def run_simulated(self, setting, cluster):
        return answers_of(call([os.path.join(ROOT, "tools/simulate"), cluster, "--",
                                os.path.join(self.build, "sim/jupiter")] + self.options(setting) +
                               ["--cluster", cluster, "--compute", "phantom"]))


def answers_of(results):
    """All but the first one."""
    return [json.loads(line) for line in results.splitlines()][1:]


class Times:
    """Means over questions."""

    def __init__(self, answers):
        totals = [a["seconds"] for a in answers]
        self.prefill = statistics.mean(a["first_token_s"] for a in answers)
        self.total = statistics.mean(totals)
        self.decode = self.total - self.prefill
        self.spread = (max(totals) - min(totals)) / self.total * 100


def error(simulated, emulated):
    return (simulated - emulated) / emulated * 100


def compare(bench, setting, rounds):
    emulated, simulated = [], []
    for _ in range(rounds):
        cluster = bench.measure(setting)
        emulated += bench.run_emulated(setting)
        simulated += bench.run_simulated(setting, cluster)
    emulated, simulated = Times(emulated), Times(simulated)
    whole = error(simulated.total, emulated.total)
    return ("| %s | %.3f | %.3f | %+.1f %% | %.3f | %.3f | %+.1f %% | **%+.1f %%** | %.0f %% |"
            % (setting[0], emulated.prefill, simulated.prefill,
               error(simulated.prefill, emulated.prefill), emulated.decode, simulated.decode,
               error(simulated.decode, emulated.decode), whole, emulated.spread)), whole


HEADING = """\
Emulated boards (network namespaces, wall clock) against simulated time on their measured profiles.
Seconds a question, means; the error is simulated against emulated. Spread: of the emulated questions.

| setting | prefill emulated | simulated | error | decode emulated | simulated | error | \
end to end | spread |
|---|---|---|---|---|---|---|---|---|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--questions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=1, help="of a profile and its questions")
    parser.add_argument("--only", default="", help="settings with this text in their name")
    parser.add_argument("--output", help="write the table here too")
    options = parser.parse_args()
    os.environ.setdefault("JUPITER_DATA", os.path.join(ROOT, "data"))
    lines, errors = HEADING.split("\n"), []
    print(HEADING, flush=True)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(os.path.abspath(options.build), work, options.questions)
        for setting in SETTINGS:
            if options.only in setting[0]:
                line, off = compare(bench, setting, options.rounds)
                errors.append(abs(off))
                lines.append(line)
                print(line, flush=True)
    lines.append("\nend to end: mean error %.1f %%, largest %.1f %%"
                 % (statistics.mean(errors), max(errors)))
    print(lines[-1])
    if options.output:
        with open(options.output, "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main()
    except Skip as reason:
        print("skipped: %s" % reason, file=sys.stderr)
        sys.exit(77)

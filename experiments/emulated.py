"""Ways of answering beside each other on emulated boards: the embedded model, held-out questions, wall
clock. What comes out of here is emulated: it took place, on one machine that behaves like several.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

import simulated as lab

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEMO = os.path.join(ROOT, "data", "demo")
sys.path.insert(0, os.path.join(ROOT, "bench"))
HEADS = ["--heads", os.path.join(DEMO, "jupiter-demo-heads.safetensors")]
CLUSTER, CPU = "4xnx@1000mbps,1ms", "40"
UNSUPPORTED = 77


class Boards:
    """Four boards, and some questions that every way answers one after the other."""

    def __init__(self, build, questions, cluster=CLUSTER, cpu=CPU):
        import decode
        self.tools = decode
        self.jupiter = os.path.join(os.path.abspath(build), "jupiter")
        self.cluster, self.cpu, self.n = cluster, cpu, questions
        self.folder = tempfile.TemporaryDirectory()
        self.environment = dict(os.environ, JUPITER_DATA=os.path.join(ROOT, "data"))
        self.questions = self.path("questions.jsonl")
        with open(self.questions, "w") as out:
            for question in decode.outline_questions(os.path.join(DEMO, "heldout.jsonl"), questions):
                out.write(json.dumps(question) + "\n")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def answers(self, how):
        """Of one run, by the questions' names."""
        results = self.path("results.jsonl")
        if os.path.exists(results):
            os.remove(results)
        done = subprocess.run(
            [os.path.join(ROOT, "tools", "emulate"), "run", self.cluster, "--cpu", self.cpu, "--",
             self.jupiter, "run", "-m", os.path.join(DEMO, "jupiter-demo-f16.gguf"), "--questions",
             self.questions, "--results", results, "--parallel", "1", "-n", "200", "-t", "1", "-q",
             *how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)
        if done.returncode == UNSUPPORTED:
            print("skipped: " + done.stderr.strip(), file=sys.stderr)
            sys.exit(UNSUPPORTED)
        if done.returncode:
            sys.exit("%s:\n%s" % (" ".join(how), done.stderr))
        with open(results) as lines:
            return {answer["id"]: answer for answer in map(json.loads, lines)}

    def per_token_s(self, answer):
        return self.tools.decode_seconds(answer) / answer["n_tokens"]

    def compare(self, ways, repeat):
        """Way by way in turns. {name: (seconds an answer, [times as quick a token as the first way,
        question by question])}"""
        first = next(iter(ways))
        seconds, ratios = {way: [] for way in ways}, {way: [] for way in ways}
        for _ in range(repeat):
            base = None
            for way, how in ways.items():
                answers = self.answers(how)
                base = answers if way == first else base
                for name, answer in answers.items():
                    seconds[way].append(self.tools.decode_seconds(answer))
                    ratios[way].append(self.per_token_s(base[name]) / self.per_token_s(answer))
        return {way: (statistics.median(seconds[way]), ratios[way]) for way in ways}

    def table(self, head, took, repeat):
        """Markdown; medians and quartiles."""
        print("%s emulated, %s %% of a processor each; %d questions, %d times; medians (quartiles)\n"
              % (self.cluster, self.cpu, self.n, repeat))
        print("| %s | s an answer | times as quick a token |\n|---|---|---|" % head)
        for way, (seconds, ratios) in took.items():
            low, middle, high = self.tools.quartiles(ratios)
            print("| %s | %.3f | %.2f (%.2f - %.2f) |" % (way, seconds, middle, low, high))
        print()


def compare(options, head, ways, title):
    """Of an experiment's command with --emulated: runs, prints and draws; the first way counts 1."""
    boards = Boards(options.build, options.questions)
    took = boards.compare(ways, options.repeat)
    boards.table(head, took, options.repeat)
    if options.plot:
        names = list(took)
        lab.draw(options.plot, title, "", "times as quick a token as " + names[0],
                 {"median": (names, [statistics.median(took[way][1]) for way in names])}, bars=True,
                 where="emulated")
    return 0

#!/usr/bin/env python3
"""Real files against llama.cpp: greedy tokens of ten prompts.

usage: real.py PATH/TO/jupiter FILE.gguf [FILE.gguf ...] [--tokens 48]

Where a model has a chat template the prompts are asked as it says. Each prompt is answered twice:

  exact     without any rounding of activations: here with --compute naive, there with the same
            weights in F32.
  rounded   as one runs the file, on 1, 2 and 4 ranks, which must all give the same. Both programs
            round activations to 8 bits.

Cache and wire are in F32, here as there. Equal up to the first place where llama.cpp's first token
is ahead of its second by 0.1 or less. The last column is llama.cpp beside itself, as it runs by
default (cache in F16, flash attention): by how much its first token was ahead where the two part.

Behind such a place the two texts may differ and are not compared. Needs gguf, llama-cpp-python."""

import argparse
import os
import subprocess
import sys
import tempfile

import peer
import weights

PROMPTS = [
    "Why is the sky blue?",
    "The capital of France is",
    "Write a short poem about the sea.",
    "List three fruits and their colours.",
    "How do I boil an egg?",
    "Once upon a time there was a small robot who",
    "What is 12 times 12?",
    "Explain photosynthesis to a child.",
    "The quick brown fox jumps over the lazy dog. The",
    "Name the planets of the solar system.",
]
WAVERS, RANKS = 0.1, (1, 2, 4)


def command(jupiter, ranks, *arguments):
    launch = ["mpirun", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    return subprocess.run(launch + [jupiter, *arguments], capture_output=True, text=True,
                          check=True).stdout


def asked(jupiter, path, prompt):
    """Options that make a question of the prompt, where the file says how; and the whole text."""
    form = subprocess.run([jupiter, "tokenize", "-m", path, "-p", prompt, "--prompts", "auto",
                           "--show"], capture_output=True, text=True)
    if form.returncode != 0:
        return [], prompt
    return ["--prompts", "auto"], form.stdout[:-1]


def compare(ours, theirs, margins):
    """How many tokens are equal, and the margin where they are no longer (None: all are)."""
    for i, (token, margin) in enumerate(zip(theirs, margins)):
        if i >= len(ours) or ours[i] != token:
            return i, margin
    return len(theirs), None


def without_end(model, tokens, margins):
    last = len(tokens) - (tokens[-1] in model.ends())
    return tokens[:last], margins[:last]


class Prompt:
    def __init__(self, jupiter, path, models, text, tokens):
        self.options, whole = asked(jupiter, path, text)
        self.jupiter, self.path, self.models, self.text = jupiter, path, models, text
        self.ids = models[0].tokenize(whole, special=bool(self.options))
        self.expected = [without_end(model, *model.greedy(self.ids, tokens, model.ends()))
                         for model in models]  # as it is, in F32, as it is by default

    def same_ids(self):
        ours = command(self.jupiter, 1, "tokenize", "-m", self.path, "-p", self.text, *self.options)
        return [int(word) for word in ours.split()] == self.ids

    def answer(self, ranks, n, *more):
        return [int(word) for word in
                command(self.jupiter, ranks, "run", "-m", self.path, "-p", self.text, "-n", str(n),
                        "--tokens", "-q", *self.options, *more).split()]

    def exact(self):
        tokens, margins = self.expected[1]
        got = self.answer(1, len(tokens), "--compute", "naive", "--wire", "f32", "--kv", "f32")
        n, margin = compare(got, tokens, margins)
        shown = f"{n} of {len(tokens)}" + (f", then {margin:.2f} ahead" if n < len(tokens) else "")
        return margin is None or margin <= WAVERS, shown

    def rounded(self):
        tokens, margins = self.expected[0]
        answers = [self.answer(ranks, len(tokens), "--wire", "f32", "--kv", "f32")
                   for ranks in RANKS]
        same = all(answer == answers[0] for answer in answers)
        n, margin = compare(answers[0], tokens, margins)
        shown = f"{n} of {len(tokens)}" + ("" if same else " and the ranks differ")
        return (same and (margin is None or margin <= WAVERS),
                shown + (f", then {margin:.2f} ahead" if n < len(tokens) else ""))

    def itself(self):
        """Where llama.cpp parts from itself."""
        n, margin = compare(self.expected[2][0], *self.expected[0])
        return "-" if margin is None else f"{n}, then {margin:.2f} ahead"


def check(*arguments):
    prompt = Prompt(*arguments)
    exact, rounded = prompt.exact(), prompt.rounded()
    good = prompt.same_ids() and exact[0] and rounded[0]
    print(f"| {prompt.text} | {exact[1]} | {rounded[1]} | {'yes' if good else '**no**'} | "
          f"{prompt.itself()} |", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jupiter")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--tokens", type=int, default=48)
    options = parser.parse_args()
    good = 0
    for path in options.files:
        print(f"\n{os.path.basename(path)}\n\n| prompt | equal tokens, exact | equal tokens, rounded "
              "| agrees | llama.cpp beside itself |\n| --- | --- | --- | --- | --- |", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            in_f32 = os.path.join(folder, "f32.gguf")
            weights.dequantise(path, in_f32)
            models = [peer.Peer(path), peer.Peer(in_f32), peer.Peer(path, by_default=True)]
        good += sum(check(options.jupiter, path, models, prompt, options.tokens)
                    for prompt in PROMPTS)
        for model in models:
            model.close()
    total = len(PROMPTS) * len(options.files)
    print(f"\n{good} of {total} prompts agree")
    sys.exit(good != total)


if __name__ == "__main__":
    main()

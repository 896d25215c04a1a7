#!/usr/bin/env python3
"""The table of families and quantisations: random small checkpoints by `transformers`, written as
GGUF, quantised by llama.cpp, run here on 1 and 3 ranks.

usage: quantised.py PATH/TO/jupiter [-o TABLE.md] [FAMILY ...]

A cell runs when
  - greedy tokens on 1 and 3 ranks are equal;
  - F32: logits are within 2e-5 of the spread of transformers', and all 24 greedy tokens equal its;
  - quantised: logits are no farther from the unquantised model's than llama.cpp's are of the same
    file (a tenth allowed), nor from what the same weights give in F32.
A cell shows the distance (root mean square, in spreads of a row's logits) of the quantised model
here / in llama.cpp from the unquantised one. f32 on the wire and in the cache, 2 threads.
Needs torch, transformers, gguf and llama-cpp-python (pip)."""

import argparse
import os
import subprocess
import sys
import tempfile

import families as f
import numpy as np
import peer
import torch
import weights

# Rows of 256 and more, so that blocks of 256 fit; windows stay in families.py, since llama.cpp
# has none in `llama` and `phi3`.
f.SHAPE.update(hidden_size=256, intermediate_size=512)
BIG = {
    "llama": {}, "mistral": dict(sliding_window=None, head_dim=64), "smollm2": {},
    "falcon3": dict(head_dim=128), "qwen2": {}, "qwen3": dict(head_dim=128),
    "qwen3moe": dict(head_dim=64, moe_intermediate_size=256),
    "phi3": dict(sliding_window=None), "gemma2": dict(head_dim=64, query_pre_attn_scalar=64),
    "gemma3": dict(head_dim=64, query_pre_attn_scalar=64), "granite": {}, "olmo2": {},
}
ROOM = 1.15  # roundings differ by chance
f.PROMPT = " ".join([f.PROMPT] * 3)


def make(name):
    arch, config, model, more = f.FAMILIES[name]
    f.FAMILIES[name] = (arch, config, model, {**more, **BIG[name]})
    return f.make(name)


def distance(a, b):
    error = (a - b) / b.std(axis=1, keepdims=True)
    return float(np.median(np.sqrt((error ** 2).mean(axis=1))))


class Ours:
    def __init__(self, jupiter, folder):
        self.jupiter, self.npy = jupiter, os.path.join(folder, "logits.npy")

    def logits(self, path, n):
        f.run(self.jupiter, 1, path, "-n", "0", "--logits", self.npy, "-t", "2")
        return np.load(self.npy)[:n].astype(np.float64)

    def tokens(self, path, ranks):
        return f.run(self.jupiter, ranks, path, "-n", str(f.TOKENS), "--tokens", "-t", "1").split()

    def same_on_ranks(self, path):
        alone = self.tokens(path, 1)
        return alone if alone == self.tokens(path, 3) else None


def peer_logits(path, ids):
    model = peer.Peer(path)
    found = model.logits(ids)
    model.close()
    return found


def check_plain(ours, path, model, ids, theirs):
    worst = (np.abs(ours.logits(path, len(ids)) - theirs) / theirs.std(axis=1, keepdims=True)).max()
    tokens = ours.same_on_ranks(path)
    expected = [str(token) for token in f.greedy(model, ids)]
    return worst <= 2e-5 and tokens == expected, f"{worst:.1e}"


def check_quantised(ours, path, exact_path, ids, theirs):
    weights.dequantise(path, exact_path)
    same = ours.same_on_ranks(path) is not None
    here, there = ours.logits(path, len(ids)), peer_logits(path, ids)
    exact = ours.logits(exact_path, len(ids))
    pairs = [(distance(here, to), distance(there, to)) for to in (theirs, exact)]
    good = same and all(a <= ROOM * b for a, b in pairs)
    if not good:
        print(f"ranks {'agree' if same else 'differ'}; here / there from the unquantised model "
              "{:.4f} / {:.4f}, from the same weights in F32 {:.4f} / {:.4f}".format(
                  *pairs[0], *pairs[1]), file=sys.stderr)
    return good, "{:.3f} / {:.3f}".format(*pairs[0])


def check_family(ours, name, folder):
    """(good, text) of each column."""
    arch, model = make(name)
    plain, quantised, exact = (os.path.join(folder, part + ".gguf") for part in "pqe")
    f.convert(arch, model, plain)
    ids = [int(word) for word in
           subprocess.run([ours.jupiter, "tokenize", "-m", plain, "-p", f.PROMPT],
                          capture_output=True, text=True, check=True).stdout.split()]
    theirs = model(torch.tensor([ids])).logits[0].double().numpy()
    cells = [check_plain(ours, plain, model, ids, theirs)]
    for kind in peer.FILE_TYPES:
        try:
            peer.quantise(plain, quantised, kind)
            cells.append(check_quantised(ours, quantised, exact, ids, theirs))
        except (RuntimeError, subprocess.CalledProcessError) as problem:
            print(f"{name} {kind}: {getattr(problem, 'stderr', None) or problem}", file=sys.stderr)
            cells.append((False, "-"))
    return cells


def line(cells):
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jupiter")
    parser.add_argument("families", nargs="*", default=list(BIG))
    parser.add_argument("-o", "--output", help="also write the table to this file")
    options = parser.parse_args()
    rows, good, total = [], 0, 0
    heads = ["family", "F32"] + list(peer.FILE_TYPES)
    table = [line(heads), line(["---"] * len(heads))]
    print("\n".join(table), flush=True)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        ours = Ours(options.jupiter, folder)
        for name in options.families:
            rows = check_family(ours, name, folder)
            table.append(line([name] + [text if ok else f"**{text}**" for ok, text in rows]))
            print(table[-1], flush=True)
            good, total = good + sum(ok for ok, _ in rows[1:]), total + len(rows) - 1
            if not rows[0][0]:
                print(f"{name}: F32 does not agree with transformers", flush=True)
                good, total = good, total + 1
    print(f"{good} of {total} cells run")
    if options.output:
        with open(options.output, "w", encoding="utf-8") as file:
            file.write("\n".join(table) + "\n")
    sys.exit(good != total)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Perplexity of a text by the NumPy forward pass (forward.py), window by window, in float64; for
comparison with jupiter perplexity --json.

usage: perplexity.py MODEL.gguf FIGURES.json TOLERANCE BEGIN ID [ID ...]

BEGIN takes the place of each window's first token; -1: nothing does. Exits 0 when mean and standard
error agree within TOLERANCE, relatively."""

import json
import sys

import numpy as np

from forward import Model


def nats_of(logits, ids):
    """-ln p of each token but the first, given those before it."""
    logits = logits[:-1] - logits[:-1].max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(ids) - 1), ids[1:]]
    return np.log(np.exp(logits).sum(axis=1)) - chosen


def main():
    path, figures, tolerance = sys.argv[1], json.load(open(sys.argv[2])), float(sys.argv[3])
    begin, ids, size = int(sys.argv[4]), np.array(sys.argv[5:], int), figures["window"]
    model, counted = Model(path, size), []
    for window in ids[:len(ids) // size * size].reshape(-1, size):
        if begin >= 0:
            window[0] = begin
        counted.extend(nats_of(model.logits(list(window)), window)[size // 2:])
    counted = np.array(counted)
    mean = counted.mean()
    error = np.exp(mean) * counted.std(ddof=1) / np.sqrt(len(counted))
    print(f"mean {mean:.6f}, there {figures['nats']:.6f}; error {error:.6f}, there "
          f"{figures['error']:.6f}; {len(counted)} tokens")
    good = (figures["tokens"] == len(counted) and abs(figures["nats"] / mean - 1) < tolerance and
            abs(figures["error"] / error - 1) < 10 * tolerance and
            abs(figures["perplexity"] / np.exp(mean) - 1) < 10 * tolerance)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

"""Whether the ranks of a group sent each other what the closed form says, step by step.

usage: exchanged.py RUN.h5 DIM BYTES

One group of P ranks, sums in blocks of equal length, elements of BYTES bytes. Patarasu and Yuan
(2009): a rank sends (P - 1) / P of a vector to reduce it and as much to gather it; a layer has two
sums, of its attention and of its FFN, of (rows, DIM) vectors; the model's last one of the row that gets
logits alone. /ranks must say who was in the group.
"""

import sys

import h5py
import numpy as np


def number_of(table, name):
    return next(int(key[5:]) for key, value in table.attrs.items()
                if key.startswith("kind.") and value.decode() == name)


def check(what, expected, got):
    if expected != got:
        sys.exit(f"{what}: {got}, must be {expected}")


def steps(run, rank):
    """(number, rows) of the steps whose layers the rank computed."""
    spans = run["spans"][:]
    spans = spans[(spans["kind"] == number_of(run["spans"], "layers")) & (spans["rank"] == rank)]
    return sorted({(int(span["step"]), int(span["rows"])) for span in spans})


def main(path, dim, element):
    with h5py.File(path, "r") as run:
        ranks, messages = run["ranks"][:], run["messages"][:]
        n = len(ranks)
        check("stages", [0] * n, ranks["stage"].tolist())
        check("members", list(range(n)), ranks["member"].tolist())
        layers = int(ranks["layer_last"][0] - ranks["layer_first"][0])
        for rank in range(n):
            found = steps(run, rank)
            if len(found) < 2 or found[0][1] < 2:
                sys.exit(f"rank {rank}: steps {found}, must be a prefill and tokens")
            for step, rows in found:
                whole = ((layers - 1) * rows + 1) * dim * element
                for kind in ("reduce", "all_gather"):
                    sent = messages[(messages["src"] == rank) & (messages["label"] == step) &
                                    (messages["kind"] == number_of(run["messages"], kind))]
                    what = f"rank {rank}, step {step} of {rows} rows, {kind}"
                    check(f"{what}: messages", 2 * layers * (n - 1), len(sent))
                    check(f"{what}: bytes", 2 * (n - 1) * whole // n,
                          int(np.sum(sent["bytes"])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

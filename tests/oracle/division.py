"""Whether a run kept to a division: what its spans say is held against what was asked for.

usage: division.py RUN.h5 TOKENS [LAYERS CHUNKS]

TOKENS: of the prompt. LAYERS, CHUNKS: of each stage, of each prefill step ("8,8,6", "90,20,8"), as
they have to be; left out: as the run's own plan says, which must then cut the model and the prompt
without a rest. Of the first question's first sequence every member of a stage must have had exactly these
steps, over its stage's layers, and /plan, /meta and /ranks must say the same.
"""

import re
import sys

import h5py


def numbers(text):
    return [int(n) for n in text.split(",")]


def read_plan(text):
    """(layers of each stage, chunks) of the plan's YAML, whose stages follow each other."""
    first = [int(n) for n in re.findall(r"^ +first: (\d+)$", text, re.M)]
    last = [int(n) for n in re.findall(r"^ +last: (\d+)$", text, re.M)]
    total = int(re.search(r"^layers: (\d+)$", text, re.M)[1])
    if first != [0] + [n + 1 for n in last[:-1]] or last[-1] + 1 != total:
        sys.exit(f"/plan: stages hold {list(zip(first, last))} of {total} layers")
    chunks = re.search(r"^chunks: \[([^]]*)\]$", text, re.M)[1]
    return [b + 1 - a for a, b in zip(first, last)], numbers(chunks)


def check(what, expected, got):
    if list(got) != list(expected):
        sys.exit(f"{what}: {list(got)}, must be {list(expected)}")


def prefill_steps(run, rank):
    """The layers' spans of a rank on the first prompt, in time's order."""
    table = run["spans"]
    kinds = {name.decode(): int(key[5:]) for key, name in table.attrs.items()
             if key.startswith("kind.")}
    spans = table[:]
    mine = spans[(spans["rank"] == rank) & (spans["kind"] == kinds["layers"]) &
                 (spans["request"] == 0) & (spans["branch"] == 0) & (spans["chunk"] >= 0)]
    return sorted(mine, key=lambda span: span["start_s"])


def check_rank(run, rank, first, last, chunks):
    steps = prefill_steps(run, rank)
    check(f"rank {rank}, rows of its prefill steps", chunks, [int(s["rows"]) for s in steps])
    check(f"rank {rank}, numbers of its chunks", range(len(chunks)),
          [int(s["chunk"]) for s in steps])
    for step in steps:
        check(f"rank {rank}, layers of a step", (first, last),
              (int(step["layer_first"]), int(step["layer_last"])))
    held = run["ranks"][rank]
    check(f"rank {rank}, layers it held", (first, last),
          (int(held["layer_first"]), int(held["layer_last"])))


def main(path, tokens, layers=None, chunks=None):
    with h5py.File(path) as run:
        planned_layers, planned_chunks = read_plan(run["plan"][()].decode())
        layers = numbers(layers) if layers else planned_layers
        chunks = numbers(chunks) if chunks else planned_chunks
        check("/plan, layers", layers, planned_layers)
        check("/plan, chunks", chunks, planned_chunks)
        check("/meta, chunks", chunks, numbers(run["meta"].attrs["chunks"].decode()))
        check("the prompt's tokens", [int(tokens)], [sum(chunks)])
        at = [sum(layers[:stage]) for stage in range(len(layers))]
        stages = [int(stage) for stage in run["ranks"]["stage"]]
        check("/ranks, stages", range(len(layers)), sorted(set(s for s in stages if s >= 0)))
        for rank, stage in enumerate(stages):
            if stage < 0:
                check(f"rank {rank}, which is idle, steps", [], prefill_steps(run, rank))
            else:
                check_rank(run, rank, at[stage], at[stage] + layers[stage], chunks)


main(*sys.argv[1:])

#!/usr/bin/env python3
"""How near a prefill through a pipeline comes to what its stages allow, from a run's trace.

  bench/bound.py RUN.h5 ...

The bound is the stages' work, spread evenly over the ranks, and the fill: until the first chunk has
passed all stages but the last. One line per run file, of its first request:

  measured s, bound s (work / ranks + fill), share of it, and the busy seconds of each rank
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))
import jupiter_trace  # noqa: E402
from jupiter_trace import intervals, schema  # noqa: E402


def fill_s(run, request):
    """From the request's begin until the last stage begins with the first chunk."""
    spans = run.spans
    first = (run.is_kind(*schema.COMPUTE) & (spans["request"] == request.number) &
             (spans["chunk"] == spans["chunk"][spans["chunk"] >= 0].min()))
    last_stage = run.ranks["rank"][np.argmax(run.ranks["layer_last"])]
    return spans["start_s"][first & (spans["rank"] == last_stage)].min() - request.start_s


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 2
    print("| run | measured, s | bound, s | share | busy, s |\n|---|---|---|---|---|")
    for path in sys.argv[1:]:
        run = jupiter_trace.load(path)
        request = run.requests[0]
        busy = [intervals.covered(run.busy(rank), request.start_s, request.first_token_s)
                for rank in range(run.n_ranks)]
        measured = request.first_token_s - request.start_s
        bound = sum(busy) / run.n_ranks + fill_s(run, request)
        print(f"| {os.path.basename(path)} | {measured:.3f} | {bound:.3f} | "
              f"{100 * bound / measured:.0f} % | {', '.join('%.3f' % s for s in busy)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

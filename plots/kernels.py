#!/usr/bin/env python3
"""Speed of the kernels over the number of rows, from the JSON of bench/kernels.

    plots/kernels.py kernels.json kernels.png
"""
import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        bench = json.load(file)
    linear = [r for r in bench["results"] if r["op"] == "linear"]
    shapes = sorted({r["shape"] for r in linear})
    types = list(dict.fromkeys(r["type"] for r in linear))
    figure, axes = plt.subplots(len(shapes), 3, figsize=(16, 4 * len(shapes)), squeeze=False)
    for row, shape in enumerate(shapes):
        for column, (key, label) in enumerate((("of_read", "share of memory reading"),
                                               ("of_sgemm", "share of sgemm"),
                                               ("of_limit", "share of reading or of products"))):
            axis = axes[row][column]
            for kind in types:
                points = [(r["rows"], r[key]) for r in linear
                          if r["shape"] == shape and r["type"] == kind]
                axis.plot(*zip(*sorted(points)), marker="o", label=kind)
            axis.axhline(1, color="grey", linewidth=0.5)
            axis.set(xscale="log", xlabel="rows", ylabel=label, title=shape)
            axis.set_ylim(bottom=0)
    axes[0][0].legend(fontsize="small")
    figure.suptitle(f"{bench['kernels']}, {bench['threads']} threads, sgemm "
                    f"{bench['sgemm_gflops_per_s']:.0f} GFLOP/s, reading "
                    f"{bench['read_gbytes_per_s']:.1f} GB/s")
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=120)


if __name__ == "__main__":
    main()

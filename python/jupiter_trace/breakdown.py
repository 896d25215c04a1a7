"""Draws where each rank's time went in prefill and in decode: computing, with messages in flight
behind it or without, waiting, neither."""

from . import drawing  # first: it says what is missing
from .arrays import RunFileError, load

import matplotlib.pyplot as plt

PARTS = (
    ("hidden", "computing, messages in flight", "#1f6f8b"),
    ("compute", "computing", "#6db1c9"),
    ("wait_recv", "waiting to receive", "#e6b17a"),
    ("wait_send", "waiting to send", "#c8553d"),
    ("other", "neither", "#e9e9ec"),
)


def draw_phase(axes, run, phase, length_s):
    factor, unit = drawing.time_unit(length_s)
    for rank in range(run.n_ranks):
        took, left = run.shares(rank, phase), 0.0
        for name, _, colour in PARTS:
            width = took[name] * factor
            axes.barh(rank, width, left=left, height=0.66, color=colour, edgecolor="white",
                      linewidth=0.5)
            share = took[name] / length_s
            if share >= 0.06:
                axes.text(left + width / 2, rank, f"{100 * share:.0f} %", ha="center",
                          va="center", fontsize=8, color=drawing.text_colour(colour))
            left += width
    axes.set_xlim(0, length_s * factor)
    axes.set_ylim(run.n_ranks - 0.5, -0.5)
    axes.set_title(f"{phase}: {length_s * factor:.4g} {unit}", loc="left", fontsize=10)
    axes.set_xlabel(f"time ({unit})", fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def draw(run, path):
    lengths = {phase: sum(end - start for start, end in run.windows(phase))
               for phase in ("prefill", "decode")}
    phases = [phase for phase, length_s in lengths.items() if length_s > 0]
    if not phases:
        raise RunFileError(f"{path} has no prefill or decode to break down")
    width_in, top_in, bottom_in = 12.0, 0.95, 1.0
    height_in = top_in + bottom_in + 0.5 * run.n_ranks + 0.1
    figure, panels = plt.subplots(1, len(phases), figsize=(width_in, height_in), squeeze=False)
    figure.subplots_adjust(left=0.09, right=0.98, top=1 - top_in / height_in,
                           bottom=bottom_in / height_in, wspace=0.06)
    for i, (axes, phase) in enumerate(zip(panels[0], phases)):
        draw_phase(axes, run, phase, lengths[phase])
        labels = run.rank_labels() if i == 0 else [""] * run.n_ranks
        axes.set_yticks(range(run.n_ranks), labels, fontsize=8)
    figure.text(0.09, 1 - 0.28 / height_in, run.title(), fontsize=12, weight="bold", va="center")
    figure.text(0.09, 1 - 0.52 / height_in, run.world(), fontsize=9, color="#555555", va="center")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for _, _, colour in PARTS]
    figure.legend(handles, [name for _, name, _ in PARTS], loc="lower left",
                  bbox_to_anchor=(0.09, 0.02 / height_in), ncol=len(PARTS), frameon=False,
                  fontsize=8.5)
    return figure


def body(arguments=None):
    options = drawing.parser(__doc__).parse_args(arguments)
    drawing.save(draw(load(options.run), options.run), options.output)


def main():
    drawing.run_body(body)


if __name__ == "__main__":
    main()

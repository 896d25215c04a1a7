"""Draws the pipeline of a run: one lane per rank, what it computed and when, and the messages."""

from . import drawing, schema  # first: it says what is missing
from .arrays import RunFileError, load

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

WAIT, LOAD, HEAD, DRAFT, PACK = "#e9e9ec", "#c9c3ba", "#3b4252", "#8f5fa8", "#9aa0a6"
DECODE = ("#e8762c", "#f5b041")
MESSAGE, RESULT = "#30343b", "#b03a5b"
LANE = 0.62  # height of a bar; lanes are 1 apart
FIRST_TOKENS = 8
MOST_ARROWS = 250


def chunk_colour(chunk, n_chunks):
    """Dark to light along the prompt."""
    at = chunk / max(n_chunks - 1, 1)
    return plt.get_cmap("viridis")(0.12 + 0.70 * at)


class View:
    """A stretch of the run in one panel."""

    def __init__(self, start_s, end_s, title, since, origin_s):
        self.start_s, self.end_s, self.title, self.origin_s = start_s, end_s, title, origin_s
        self.factor, self.unit = drawing.time_unit(end_s - start_s)
        self.label = f"{self.unit} since {since}"

    def x(self, time_s):
        return (time_s - self.origin_s) * self.factor

    def sees(self, start_s, end_s):
        return (end_s > self.start_s) & (start_s < self.end_s)


# ---- which stretches -----------------------------------------------------------------------------

def prefill_view(request):
    return View(request.start_s, request.first_token_s,
                f"prefill: {request.prompt_tokens} tokens", "the request began", request.start_s)


def decode_view(request, tokens):
    times = request.token_times
    shown = min(tokens, len(times) - 1)
    title = (f"decode: first {shown} of {len(times) - 1} steps" if shown < len(times) - 1
             else f"decode: {shown} step{'s' if shown != 1 else ''}")
    return View(request.first_token_s, times[shown], title, "the first token",
                request.first_token_s)


def has_decode(request):
    return len(request.token_times) > 1 and request.end_s > request.first_token_s


def choose_views(run, options):
    if options.start is not None or options.end is not None:
        last_s = max(run.spans["end_s"].max() if len(run.spans) else 0, 0)
        start_s = options.start if options.start is not None else 0.0
        end_s = options.end if options.end is not None else last_s
        if not end_s > start_s:
            raise RunFileError(f"--from {start_s:g} is not before --to {end_s:g}")
        return [View(start_s, end_s, f"{start_s:g} s to {end_s:g} s", "the run began", 0.0)]
    if not run.requests:
        raise RunFileError(f"{options.run} has no prefill spans; choose --from and --to")
    request = run.requests[0]
    views = []
    if options.phase != "decode" and request.first_token_s > request.start_s:
        views.append(prefill_view(request))
    if options.phase != "prefill" and has_decode(request):
        views.append(decode_view(request, options.tokens))
    if not views:
        raise RunFileError(f"{options.run} has no {options.phase or 'timed'} phase")
    return views


# ---- drawing -------------------------------------------------------------------------------------

def colour_of(kind, chunk, step, n_chunks):
    if kind in schema.WAITS:
        return WAIT
    if kind == "head":
        return HEAD
    if kind == "draft":
        return DRAFT
    if kind in ("load", "plan"):
        return LOAD
    if kind == "pack":
        return PACK
    return chunk_colour(chunk, n_chunks) if chunk >= 0 else DECODE[step % 2]


def layer_of(kind):
    """Waits below work, except that a wait within a span is seen."""
    return {"wait_recv": 1, "load": 2, "plan": 2}.get(kind, 3 if kind in schema.COMPUTE else 4)


def draw_bars(axes, run, view, n_chunks):
    """Bars of one colour are one collection: quick even for many spans."""
    spans, groups = run.spans, {}
    for i in np.flatnonzero(view.sees(spans["start_s"], spans["end_s"])):
        kind, span = run.spans_kind[i], spans[i]
        if kind == "?":
            continue
        key = (layer_of(kind), int(span["rank"]), colour_of(kind, span["chunk"], span["step"],
                                                             n_chunks))
        groups.setdefault(key, []).append((view.x(span["start_s"]),
                                           view.x(span["end_s"]) - view.x(span["start_s"])))
    for (layer, rank, colour), bars in groups.items():
        edge = "none" if layer == 1 else "white"
        axes.broken_barh(bars, (rank - LANE / 2, LANE), facecolors=[colour], edgecolors=edge,
                         linewidth=0.4, zorder=layer)


def number_bars(axes, run, view, width_in):
    """The chunk's number in bars that are wide enough for it; widths in inches."""
    per_unit = width_in / (view.x(view.end_s) - view.x(view.start_s))
    chunks = run.is_kind("layers") & (run.spans["chunk"] >= 0)
    n_chunks = n_chunks_of(run)
    for span in run.spans[chunks & view.sees(run.spans["start_s"], run.spans["end_s"])]:
        left = max(view.x(span["start_s"]), view.x(view.start_s))
        right = min(view.x(span["end_s"]), view.x(view.end_s))
        text = str(span["chunk"])
        if (right - left) * per_unit < 0.06 * len(text) + 0.01:
            continue
        axes.text((left + right) / 2, span["rank"], text, ha="center", va="center", fontsize=7,
                  color=drawing.text_colour(chunk_colour(span["chunk"], n_chunks)), zorder=6)


def message_ends(run, view, message):
    """From the sender's lane to the receiver's, or round the lanes' other side on one rank."""
    down = message["dst"] > message["src"]
    from_y = message["src"] + (LANE / 2 if down else -LANE / 2)
    to_y = message["dst"] - (LANE / 2 if down else -LANE / 2)
    return (view.x(message["start_s"]), from_y), (view.x(message["done_s"]), to_y)


def draw_messages(axes, run, view):
    m = run.messages
    shown = (view.sees(m["start_s"], m["done_s"]) & np.isfinite(m["start_s"]) &
             np.isfinite(m["done_s"]) & ~np.isin(run.messages_kind, schema.HOUSEKEEPING))
    rows, arrows = np.flatnonzero(shown), shown.sum() <= MOST_ARROWS
    lines = {MESSAGE: [], RESULT: []}
    for i in rows:
        start, end = message_ends(run, view, m[i])
        colour = RESULT if run.messages_kind[i] == "result" else MESSAGE
        lines[colour].append((start, end))
        if arrows:
            axes.annotate("", xy=end, xytext=start, zorder=5, annotation_clip=True,
                          arrowprops={"arrowstyle": "-|>,head_width=0.12,head_length=0.25",
                                      "color": colour, "lw": 0, "shrinkA": 0, "shrinkB": 0})
    for colour, segments in lines.items():
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=0.8,
                                           alpha=0.85 if arrows else 0.4, zorder=5,
                                           linestyles="--" if colour == RESULT else "-"))


def draw_tokens(axes, run, view):
    """A tick above the first lane for every token that came out."""
    times = run.tokens["time_s"]
    times = times[(times >= view.start_s) & (times <= view.end_s)]
    axes.plot(view.x(times), np.full(len(times), -0.62), marker="v", ls="none", ms=5,
              color=RESULT, clip_on=False, zorder=7)


def draw_view(axes, run, view, width_in):
    draw_bars(axes, run, view, n_chunks_of(run))
    number_bars(axes, run, view, width_in)
    draw_messages(axes, run, view)
    draw_tokens(axes, run, view)
    axes.set_xlim(view.x(view.start_s), view.x(view.end_s))
    axes.set_ylim(run.n_ranks - 0.4, -0.75)
    axes.set_yticks(range(run.n_ranks), run.rank_labels(), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(view.label, fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title(view.title, loc="left", fontsize=10)
    axes.grid(axis="x", color="#dddddd", lw=0.5, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def n_chunks_of(run):
    return int(run.spans["chunk"].max()) + 1 if len(run.spans) else 1


def legend_entries(run, views):
    """Only what is to be seen: [(handle, text)]."""
    spans = run.spans
    seen = np.zeros(len(spans), bool)
    for view in views:
        seen |= view.sees(spans["start_s"], spans["end_s"])
    kinds, n_chunks = set(run.spans_kind[seen]), n_chunks_of(run)
    entries = []
    work = seen & run.is_kind("layers", "embed")
    if (spans["chunk"][work] >= 0).any():
        marks = sorted({0, n_chunks // 3, 2 * n_chunks // 3, n_chunks - 1})
        patches = tuple(Patch(color=chunk_colour(i, n_chunks)) for i in marks)
        name = f"prefill, chunk 0 to {n_chunks - 1}" if n_chunks > 1 else "prefill"
        entries.append((patches, name))
    if (spans["chunk"][work] < 0).any():
        entries.append((tuple(Patch(color=c) for c in DECODE), "decode, step by step"))
    for kind, colour, name in (("head", HEAD, "output head"), ("draft", DRAFT, "draft"),
                               ("pack", PACK, "pack / unpack"), ("load", LOAD, "load"),
                               ("wait_recv", WAIT, "waiting")):
        if kind in kinds:
            entries.append((Patch(color=colour), name))
    return entries + message_entries(run, views)


def message_entries(run, views):
    m, times = run.messages, run.tokens["time_s"]
    seen, out = np.zeros(len(m), bool), np.zeros(len(times), bool)
    for view in views:
        seen |= view.sees(m["start_s"], m["done_s"])
        out |= (times >= view.start_s) & (times <= view.end_s)
    kinds, entries = set(run.messages_kind[seen]) - set(schema.HOUSEKEEPING), []
    if kinds - {"result"}:
        entries.append((Line2D([], [], color=MESSAGE, lw=1), "message"))
    if "result" in kinds:
        entries.append((Line2D([], [], color=RESULT, lw=1, ls="--"), "result"))
    if out.any():
        entries.append((Line2D([], [], color=RESULT, marker="v", ls="none", ms=5), "token out"))
    return entries


def draw(run, views):
    width_in, lane_in = 12.0, 0.52
    panel_in = [lane_in * run.n_ranks + 0.45] * len(views)
    top_in, gap_in, legend_in = 0.95, 0.75, 0.95
    height_in = top_in + sum(panel_in) + gap_in * (len(views) - 1) + legend_in
    figure = plt.figure(figsize=(width_in, height_in))
    left, right, below = 0.09, 0.985, height_in - top_in
    for view, panel in zip(views, panel_in):
        axes = figure.add_axes([left, (below - panel) / height_in, right - left, panel / height_in])
        draw_view(axes, run, view, (right - left) * width_in)
        below -= panel + gap_in
    figure.text(left, 1 - 0.28 / height_in, run.title(), fontsize=12, weight="bold", va="center")
    figure.text(left, 1 - 0.52 / height_in, run.world(), fontsize=9, color="#555555", va="center")
    entries = legend_entries(run, views)
    figure.legend([e[0] for e in entries], [e[1] for e in entries], loc="lower left",
                  bbox_to_anchor=(left, 0.02 / height_in), ncol=len(entries), frameon=False,
                  fontsize=8.5, handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
                  columnspacing=1.4, handlelength=2.2)
    return figure


def parse(arguments):
    parser = drawing.parser(__doc__)
    parser.add_argument("--phase", choices=("prefill", "decode"), help="one of the two alone")
    parser.add_argument("--tokens", type=int, default=FIRST_TOKENS, metavar="N",
                        help="decoding steps to show (default: %(default)s)")
    parser.add_argument("--from", dest="start", type=float, metavar="S",
                        help="show from here, in seconds of the run")
    parser.add_argument("--to", dest="end", type=float, metavar="S", help="show up to here")
    return parser.parse_args(arguments)


def body(arguments=None):
    options = parse(arguments)
    if options.tokens < 1:
        raise RunFileError(f"--tokens is {options.tokens}, must be 1 or more")
    run = load(options.run)
    drawing.save(draw(run, choose_views(run, options)), options.output)


def main():
    drawing.run_body(body)


if __name__ == "__main__":
    main()

"""Reads the run files of `jupiter run --trace` (src/trace/SCHEMA.md) for the plots beside it."""

import os
import sys

try:
    import h5py
    import matplotlib.colors
    import numpy as np
except ImportError as error:
    sys.exit(f"{os.path.basename(sys.argv[0])}: {error}; the plots need h5py, numpy and matplotlib "
             "(Debian: python3-h5py python3-matplotlib, for /usr/bin/python3)")

SCHEMA_MAJOR = 1
COMPUTE = ("embed", "layers", "head", "draft", "pack")
WAITS = ("wait_recv", "wait_send")
HOUSEKEEPING = ("verdict", "share", "gather", "ping")
WORLDS = {
    "boards": "measured on boards, wall clock",
    "namespaces": "emulated network (namespaces), wall clock",
    "simulated": "simulated time",
    "local": "measured on one machine, wall clock",
}


class RunFileError(Exception):
    """The message is for the user: it names the file and what is wrong with it."""


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Request:
    """One request: prefill lasts from start_s to first_token_s, decode from there to end_s."""

    def __init__(self, number, start_s, first_token_s, end_s, prompt_tokens, token_times):
        self.number = number
        self.start_s, self.first_token_s, self.end_s = start_s, first_token_s, end_s
        self.prompt_tokens = prompt_tokens
        self.token_times = token_times


class Run:
    """meta, summary: dicts; ranks, memory, spans, messages, tokens: numpy record arrays, whose
    kinds are names in spans_kind and messages_kind; requests in the order of their start."""

    def __init__(self, file):
        self.meta = {key: _text(value) for key, value in file["meta"].attrs.items()}
        self.summary = {key: float(value) for key, value in file["summary"].attrs.items()}
        self.plan = _text(file["plan"][()]) if "plan" in file else None
        self.cluster = _text(file["cluster"][()]) if "cluster" in file else None
        self.ranks, self.memory = file["ranks"][:], file["memory"][:]
        self.spans, self.messages = file["spans"][:], file["messages"][:]
        self.tokens = file["tokens"][:]
        self.spans_kind = _kinds(file["spans"])
        self.messages_kind = _kinds(file["messages"])
        self.n_ranks = len(self.ranks)
        self._check()
        self.requests = self._find_requests()

    def _check(self):
        for name, ranks in (("spans", self.spans["rank"]), ("messages", self.messages["src"]),
                            ("messages", self.messages["dst"])):
            if len(ranks) and (ranks.min() < 0 or ranks.max() >= self.n_ranks):
                raise ValueError(f"/{name} names a rank that is not in /ranks")
        if not (np.isfinite(self.spans["start_s"]).all() and
                np.isfinite(self.spans["end_s"]).all()):
            raise ValueError("/spans has times that are not numbers")

    def is_kind(self, *names):
        return np.isin(self.spans_kind, names)

    def _find_requests(self):
        prefill = self.is_kind(*COMPUTE) & (self.spans["chunk"] >= 0) & (self.spans["request"] >= 0)
        found = [self._request(n, self.spans[prefill & (self.spans["request"] == n)])
                 for n in np.unique(self.spans["request"][prefill])]
        return sorted(found, key=lambda request: request.start_s)

    def _request(self, number, spans):
        times = np.sort(self.tokens["time_s"][self.tokens["request"] == number])
        start_s, spans_end_s = spans["start_s"].min(), spans["end_s"].max()
        first_s = max(start_s, times[0]) if len(times) else spans_end_s
        end_s = max(first_s, times[-1]) if len(times) else first_s
        layers = spans[self._named(spans, "layers")]
        rows = max((int(layers["rows"][layers["rank"] == rank].sum())
                    for rank in range(self.n_ranks)), default=0)
        return Request(int(number), start_s, first_s, end_s, rows, times)

    def _named(self, spans, kind):
        codes = np.unique(self.spans["kind"][self.spans_kind == kind])
        return np.isin(spans["kind"], codes)

    # ---- labels ---------------------------------------------------------------------------------

    def world(self):
        """How to read the times: measured, emulated or simulated."""
        clock = self.meta.get("clock", "unknown")
        if clock == "simulated":
            return WORLDS["simulated"]
        return WORLDS.get(self.meta.get("world"), f"{self.meta.get('world', '?')}, {clock} clock")

    def title(self):
        """The model and the shape of the run, in one line."""
        model = self.meta.get("model_name") or os.path.basename(self.meta.get("model", "")) or "run"
        parts = [model if len(model) <= 40 else model[:39] + "…",
                 f"{self.n_ranks} rank{'s' if self.n_ranks != 1 else ''}"]
        if self.requests:
            request = self.requests[0]
            parts.append(f"{request.prompt_tokens} prompt tokens")
            parts.append(f"{len(request.token_times)} new tokens")
        return "  ·  ".join(parts)

    def rank_labels(self):
        """One label per rank: its layers and, when there are several hosts, where it ran."""
        hosts = [_text(rank["host"]) for rank in self.ranks]
        labels = []
        for rank, host in zip(self.ranks, hosts):
            lines = [f"rank {rank['rank']}"]
            if rank["layer_last"] > rank["layer_first"]:
                lines.append(f"layers {rank['layer_first']}–{rank['layer_last'] - 1}")
            if len(set(hosts)) > 1:
                lines.append(host[:18])
            labels.append("\n".join(lines))
        return labels

    # ---- time -----------------------------------------------------------------------------------

    def busy(self, rank):
        """When the rank computed: (n, 2) disjoint intervals, waits within a span left out."""
        mine = self.spans["rank"] == rank
        return subtract(intervals(self.spans[mine & self.is_kind(*COMPUTE)]),
                        intervals(self.spans[mine & self.is_kind(*WAITS)]))

    def waiting(self, rank, kind):
        return intervals(self.spans[(self.spans["rank"] == rank) & self.is_kind(kind)])

    def flights(self, rank):
        """When messages to or from the rank could move: (n, 2) disjoint intervals."""
        m = self.messages
        moved = (~np.isin(self.messages_kind, HOUSEKEEPING) & np.isfinite(m["start_s"]) &
                 np.isfinite(m["done_s"]) & ((m["src"] == rank) | (m["dst"] == rank)))
        return union(np.column_stack((m["start_s"][moved], m["done_s"][moved])))

    def windows(self, phase):
        """The stretches of a phase, one per request."""
        if phase == "prefill":
            return [(r.start_s, r.first_token_s) for r in self.requests]
        return [(r.first_token_s, r.end_s) for r in self.requests]


def _kinds(table):
    """The name of each row's kind."""
    names = {int(key[5:]): _text(value) for key, value in table.attrs.items()
             if key.startswith("kind.")}
    return np.array([names.get(int(kind), "?") for kind in table["kind"]], dtype=object)


def intervals(spans):
    return union(np.column_stack((spans["start_s"], spans["end_s"])))


def union(pairs):
    """Overlapping (start, end) pairs as disjoint ones in order."""
    joined = []
    for start, end in pairs[np.argsort(pairs[:, 0], kind="stable")]:
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        elif end > start:
            joined.append([start, end])
    return np.array(joined).reshape(-1, 2)


def intersect(a, b):
    """Moments in both of two disjoint sets."""
    both, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if end > start:
            both.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return np.array(both).reshape(-1, 2)


def subtract(a, b):
    """Moments in a and not in b."""
    edges = np.concatenate(([-np.inf], b.ravel(), [np.inf])).reshape(-1, 2)
    return intersect(a, edges)


def covered(disjoint, start, end):
    """Seconds of [start, end] in the set."""
    return float(np.clip(np.minimum(disjoint[:, 1], end) - np.maximum(disjoint[:, 0], start),
                         0, None).sum())


def load(path):
    """A Run, or RunFileError with one message."""
    try:
        with h5py.File(path, "r") as file:
            if _text(file.attrs.get("format", "")) != "jupiter run":
                raise RunFileError(f"{path} is an HDF5 file, but not a run file of jupiter")
            major = int(file.attrs.get("schema_major", 0))
            if major > SCHEMA_MAJOR:
                raise RunFileError(f"{path} was written by a newer version (schema {major}; these "
                                   f"scripts read up to {SCHEMA_MAJOR})")
            return Run(file)
    except FileNotFoundError:
        raise RunFileError(f"{path}: no such file") from None
    except (OSError, KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RunFileError(f"cannot read {path}: {reason}") from None


def time_unit(length_s):
    """(factor, name) that gives handy numbers for a stretch of this length."""
    if length_s >= 2:
        return 1.0, "s"
    return (1e3, "ms") if length_s >= 2e-3 else (1e6, "µs")


def text_colour(colour):
    """Black or white, whichever reads better on the colour."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 else "black"


def save(figure, path):
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise RunFileError(f"cannot write {path}: {' '.join(str(error).split())}") from None


def main(body):
    """Runs a script's body; user errors become one line and exit code 2."""
    name = os.path.basename(sys.argv[0])
    try:
        body()
    except RunFileError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)

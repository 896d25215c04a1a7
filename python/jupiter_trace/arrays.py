"""A run file as numpy arrays, and what follows from them: requests, when ranks computed or waited,
when messages flew. What needs no pandas (the plots) works with these; run.py has data frames."""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

import h5py
import numpy as np

from . import intervals, schema

WORLDS = {
    "boards": "measured on boards, wall clock",
    "namespaces": "emulated network (namespaces), wall clock",
    "simulated": "simulated time",
    "local": "measured on one machine, wall clock",
}
Path = Union[str, "os.PathLike[str]"]


class RunFileError(Exception):
    """The message is for the user: it names the file and what is wrong with it."""


def text_of(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Request(NamedTuple):
    """One request: prefill lasts from start_s to first_token_s, decode from there to end_s."""

    number: int
    start_s: float
    first_token_s: float
    end_s: float
    prompt_tokens: int
    token_times: np.ndarray


class Arrays:
    """meta, summary: dicts; ranks, memory, spans, messages, tokens: structured arrays, whose kinds
    are names in spans_kind and messages_kind; requests in the order of their start."""

    def __init__(self, file: h5py.File):
        self.version = (int(file.attrs.get("schema_major", 0)),
                        int(file.attrs.get("schema_minor", 0)))
        self.meta: Dict[str, str] = {k: text_of(v) for k, v in file["meta"].attrs.items()}
        self.summary: Dict[str, float] = {k: float(v) for k, v in file["summary"].attrs.items()}
        self.plan = self._text(file, "plan")
        self.cluster = self._text(file, "cluster")
        tables = {name: schema.complete(name, file[name][:]) for name in schema.TABLES}
        self.ranks, self.memory = tables["ranks"], tables["memory"]
        self.spans, self.messages = tables["spans"], tables["messages"]
        self.tokens = tables["tokens"]
        self.spans_kind = _kinds(file["spans"])
        self.messages_kind = _kinds(file["messages"])
        self.n_ranks = len(self.ranks)
        self._check()
        self.requests: List[Request] = self._find_requests()

    @staticmethod
    def _text(file: h5py.File, name: str) -> Optional[str]:
        return text_of(file[name][()]) if name in file else None

    def _check(self) -> None:
        for name, ranks in (("spans", self.spans["rank"]), ("messages", self.messages["src"]),
                            ("messages", self.messages["dst"])):
            if len(ranks) and (ranks.min() < 0 or ranks.max() >= self.n_ranks):
                raise ValueError(f"/{name} names a rank that is not in /ranks")
        if not (np.isfinite(self.spans["start_s"]).all() and
                np.isfinite(self.spans["end_s"]).all()):
            raise ValueError("/spans has times that are not numbers")

    def is_kind(self, *names: str) -> np.ndarray:
        return np.isin(self.spans_kind, names)

    def _find_requests(self) -> List[Request]:
        prefill = (self.is_kind(*schema.COMPUTE) & (self.spans["chunk"] >= 0) &
                   (self.spans["request"] >= 0))
        found = [self._request(n, self.spans[prefill & (self.spans["request"] == n)])
                 for n in np.unique(self.spans["request"][prefill])]
        return sorted(found, key=lambda request: request.start_s)

    def _request(self, number: int, spans: np.ndarray) -> Request:
        times = np.sort(self.tokens["time_s"][self.tokens["request"] == number])
        start_s, spans_end_s = spans["start_s"].min(), spans["end_s"].max()
        first_s = max(start_s, times[0]) if len(times) else spans_end_s
        end_s = max(first_s, times[-1]) if len(times) else first_s
        layers = spans[self._named(spans, "layers")]
        rows = max((int(layers["rows"][layers["rank"] == rank].sum())
                    for rank in range(self.n_ranks)), default=0)
        return Request(int(number), start_s, first_s, end_s, rows, times)

    def _named(self, spans: np.ndarray, kind: str) -> np.ndarray:
        codes = np.unique(self.spans["kind"][self.spans_kind == kind])
        return np.isin(spans["kind"], codes)

    # ---- labels ---------------------------------------------------------------------------------

    def world(self) -> str:
        """How to read the times: measured, emulated or simulated."""
        clock = self.meta.get("clock", "unknown")
        if clock == "simulated":
            return WORLDS["simulated"]
        world = self.meta.get("world", "?")
        return WORLDS.get(world, f"{world}, {clock} clock")

    def title(self) -> str:
        """The model and the shape of the run, in one line."""
        model = self.meta.get("model_name") or os.path.basename(self.meta.get("model", "")) or "run"
        parts = [model if len(model) <= 40 else model[:39] + "…",
                 f"{self.n_ranks} rank{'s' if self.n_ranks != 1 else ''}"]
        if self.requests:
            request = self.requests[0]
            parts.append(f"{request.prompt_tokens} prompt tokens")
            parts.append(f"{len(request.token_times)} new tokens")
        return "  ·  ".join(parts)

    def rank_labels(self) -> List[str]:
        """One label per rank: its layers and, when there are several hosts, where it ran."""
        hosts = [text_of(rank["host"]) for rank in self.ranks]
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

    def busy(self, rank: int) -> np.ndarray:
        """When the rank computed: (n, 2) disjoint intervals, waits within a span left out."""
        mine = self.spans["rank"] == rank
        return intervals.subtract(
            intervals.of_spans(self.spans[mine & self.is_kind(*schema.COMPUTE)]),
            intervals.of_spans(self.spans[mine & self.is_kind(*schema.WAITS)]))

    def waiting(self, rank: int, kind: str) -> np.ndarray:
        return intervals.of_spans(self.spans[(self.spans["rank"] == rank) & self.is_kind(kind)])

    def flights(self, rank: int) -> np.ndarray:
        """When messages to or from the rank could move: (n, 2) disjoint intervals."""
        m = self.messages
        moved = (~np.isin(self.messages_kind, schema.HOUSEKEEPING) & np.isfinite(m["start_s"]) &
                 np.isfinite(m["done_s"]) & ((m["src"] == rank) | (m["dst"] == rank)))
        return intervals.union(np.column_stack((m["start_s"][moved], m["done_s"][moved])))

    def windows(self, phase: str) -> List[Tuple[float, float]]:
        """The stretches of a phase, one per request."""
        if phase == "prefill":
            return [(r.start_s, r.first_token_s) for r in self.requests]
        return [(r.first_token_s, r.end_s) for r in self.requests]

    def shares(self, rank: int, phase: str) -> Dict[str, float]:
        """Seconds of the phase, all requests together, that the rank computed with messages in
        flight (hidden) or without (compute), waited (wait_recv, wait_send), or neither (other)."""
        busy, flights = self.busy(rank), self.flights(rank)
        hidden = intervals.intersect(busy, flights)
        sets = {kind: self.waiting(rank, kind) for kind in schema.WAITS}
        took = dict.fromkeys(("hidden", "compute", *schema.WAITS, "other"), 0.0)
        for start_s, end_s in self.windows(phase):
            in_busy = intervals.covered(busy, start_s, end_s)
            in_hidden = intervals.covered(hidden, start_s, end_s)
            took["hidden"] += in_hidden
            took["compute"] += in_busy - in_hidden
            for kind, moments in sets.items():
                took[kind] += intervals.covered(moments, start_s, end_s)
            took["other"] += end_s - start_s
        used = sum(seconds for name, seconds in took.items() if name != "other")
        took["other"] = max(0.0, took["other"] - used)
        return took


def _kinds(table: h5py.Dataset) -> np.ndarray:
    """The name of each row's kind."""
    names = {int(key[5:]): text_of(value) for key, value in table.attrs.items()
             if key.startswith("kind.")}
    return np.array([names.get(int(kind), "?") for kind in table["kind"]], dtype=object)


def load(path: Path) -> Arrays:
    """The file as arrays, or RunFileError with one message."""
    try:
        with h5py.File(path, "r") as file:
            if text_of(file.attrs.get("format", "")) != "jupiter run":
                raise RunFileError(f"{path} is an HDF5 file, but not a run file of jupiter")
            major = int(file.attrs.get("schema_major", 0))
            if major > schema.MAJOR:
                raise RunFileError(f"{path} was written by a newer version (schema {major}; this "
                                   f"reads up to {schema.MAJOR})")
            return Arrays(file)
    except FileNotFoundError:
        raise RunFileError(f"{path}: no such file") from None
    except (OSError, KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RunFileError(f"cannot read {path}: {reason}") from None

"""A run file as data frames."""

from functools import cached_property
from typing import Dict, Optional

import numpy as np
import pandas as pd

from .arrays import Arrays, text_of


class Run:
    """One run. Times are seconds of rank 0's clock since the run's first span.

    spans, messages, tokens, ranks: data frames, each made when it is asked for; meta, summary:
    dicts; plan, cluster: what their YAML says, None where the file has none; arrays: the same as
    structured numpy arrays.
    """

    def __init__(self, arrays: Arrays):
        self.arrays = arrays

    def __repr__(self) -> str:
        return f"<Run: {self.arrays.title()}; {self.arrays.world()}>"

    @property
    def meta(self) -> Dict[str, str]:
        return self.arrays.meta

    @property
    def summary(self) -> Dict[str, float]:
        return self.arrays.summary

    @cached_property
    def plan(self) -> Optional[dict]:
        return _yaml(self.arrays.plan)

    @cached_property
    def cluster(self) -> Optional[dict]:
        return _yaml(self.arrays.cluster)

    @cached_property
    def spans(self) -> pd.DataFrame:
        """With `seconds`, how long each took."""
        frame = _frame(self.arrays.spans, self.arrays.spans_kind)
        return frame.assign(seconds=frame["end_s"] - frame["start_s"])

    @cached_property
    def messages(self) -> pd.DataFrame:
        """With `flight_s`, from when both sides were ready to when it had arrived."""
        frame = _frame(self.arrays.messages, self.arrays.messages_kind)
        return frame.assign(flight_s=frame["done_s"] - frame["start_s"])

    @cached_property
    def tokens(self) -> pd.DataFrame:
        return _frame(self.arrays.tokens)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """Where each rank ran, what it held and the memory it took; by rank."""
        held = _frame(self.arrays.ranks).set_index("rank")
        return held.join(_frame(self.arrays.memory).set_index("rank"))

    def phases(self) -> pd.DataFrame:
        """A row for each request and phase: prefill until its first token, decode until its last;
        `tokens` are the prompt's, or those after the first."""
        rows = []
        for r in self.arrays.requests:
            rows.append((r.number, "prefill", r.start_s, r.first_token_s, r.prompt_tokens))
            rows.append((r.number, "decode", r.first_token_s, r.end_s,
                         max(len(r.token_times) - 1, 0)))
        frame = pd.DataFrame(rows, columns=["request", "phase", "start_s", "end_s", "tokens"])
        seconds = frame["end_s"] - frame["start_s"]
        return frame.assign(seconds=seconds, tokens_per_s=frame["tokens"] / seconds.where(
            seconds > 0))

    def bubbles(self) -> pd.DataFrame:
        """A row for each phase and rank, all requests together: seconds of computing with messages
        in flight (hidden_s) and without (compute_s), of waiting, of neither (other_s); and the
        share of the phase in which the rank did not compute (bubble_share)."""
        rows = []
        for phase in ("prefill", "decode"):
            length_s = sum(end - start for start, end in self.arrays.windows(phase))
            for rank in range(self.arrays.n_ranks):
                took = self.arrays.shares(rank, phase)
                busy_s = took["hidden"] + took["compute"]
                share = min(max(1 - busy_s / length_s, 0.0), 1.0) if length_s > 0 else 0.0
                rows.append({"phase": phase, "rank": rank, "length_s": length_s,
                             **{f"{name}_s": seconds for name, seconds in took.items()},
                             "bubble_share": share})
        return pd.DataFrame(rows)


def _frame(table: np.ndarray, kinds: Optional[np.ndarray] = None) -> pd.DataFrame:
    """Texts as str, kinds as categories of their names."""
    columns = {}
    for name in table.dtype.names or ():
        column = table[name]
        if column.dtype.kind == "S":
            columns[name] = np.array([text_of(bytes(value)) for value in column], dtype=object)
        else:
            columns[name] = column
    frame = pd.DataFrame(columns)
    return frame if kinds is None else frame.assign(kind=pd.Categorical(kinds))


def _yaml(text: Optional[str]) -> Optional[dict]:
    if text is None:
        return None
    import yaml  # type: ignore  # here, as not everybody looks at plans

    return yaml.safe_load(text)

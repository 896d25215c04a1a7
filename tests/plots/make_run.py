"""Writes a run file from SCHEMA.md alone: an ideal pipeline of any number of ranks, to test what
reads run files with something that our own writer had no hand in."""

import sys

import h5py
import numpy as np

SPANS = ["load", "plan", "embed", "layers", "head", "draft", "pack", "wait_recv", "wait_send"]
MESSAGES = {101: "step", 102: "result", 103: "verdict", 104: "share"}
MINOR = 2  # of the newest schema; each version is made as SCHEMA.md says
MESSAGES_1_1 = {105: "cancel", 106: "logits"}
RANK_1_2 = [("stage", "<i4"), ("member", "<i4"), ("way", "S16"), ("heads", "<i4"), ("ffn", "<i4")]
SPAN = np.dtype([("rank", "<i4"), ("kind", "<i4"), ("start_s", "<f8"), ("end_s", "<f8"),
                 ("request", "<i4"), ("branch", "<i4"), ("step", "<i4"), ("chunk", "<i4"),
                 ("rows", "<i4"), ("layer_first", "<i4"), ("layer_last", "<i4"),
                 ("flops", "<f8"), ("bytes", "<f8")])
MESSAGE = np.dtype([("src", "<i4"), ("dst", "<i4"), ("kind", "<i4"), ("label", "<i4"),
                    ("bytes", "<i8"), ("post_s", "<f8"), ("recv_post_s", "<f8"),
                    ("start_s", "<f8"), ("sent_s", "<f8"), ("done_s", "<f8")])
TOKEN = np.dtype([("time_s", "<f8"), ("request", "<i4"), ("branch", "<i4"), ("position", "<i4"),
                  ("id", "<i4"), ("accepted_by", "<i4")])
RANK = np.dtype([("rank", "<i4"), ("host", "S64"), ("threads", "<i4"), ("layer_first", "<i4"),
                 ("layer_last", "<i4"), ("clock_offset_s", "<f8")])
MEMORY = np.dtype([("rank", "<i4"), ("peak_resident_bytes", "<i8"), ("heap_peak_bytes", "<i8"),
                   ("weights_bytes", "<i8"), ("kv_bytes", "<i8"), ("buffers_bytes", "<i8")])
LAYERS, ROWS = 6, 64


class Pipeline:
    """Ranks hand steps on; each starts when its input is there and it is free."""

    def __init__(self, ranks):
        self.ranks, self.free_s = ranks, [0.01] * ranks
        self.spans, self.messages, self.tokens = [], [], []

    def span(self, rank, kind, start_s, end_s, step, chunk, rows):
        self.spans.append((rank, SPANS.index(kind), start_s, end_s, 0, 0, step, chunk, rows,
                           rank * LAYERS, (rank + 1) * LAYERS, 1e9 * rows, 1e6))
        self.free_s[rank] = end_s

    def message(self, src, dst, kind, post_s, ready_s, took_s, size, label):
        start_s = max(post_s, ready_s)
        self.messages.append((src, dst, kind, label, size, post_s, ready_s, start_s,
                              start_s + took_s, start_s + took_s))
        return start_s + took_s

    def wait(self, rank, until_s, step, chunk):
        if until_s > self.free_s[rank]:
            self.span(rank, "wait_recv", self.free_s[rank], until_s, step, chunk, 0)

    def step(self, number, chunk, rows, took_s, sampled):
        """Sends one step through all stages; returns when the first one has the answer."""
        flight_s, there_s = 0.1 * took_s, self.free_s[0]
        for rank in range(self.ranks):
            self.wait(rank, there_s, number, chunk)
            start_s = self.free_s[rank]
            if rank == 0:
                self.span(rank, "embed", start_s, start_s + 0.01 * took_s, number, chunk, rows)
                start_s = self.free_s[rank]
            slower = 1 + 0.08 * (rank % 3)
            self.span(rank, "layers", start_s, start_s + slower * took_s, number, chunk, rows)
            if rank + 1 < self.ranks:
                there_s = self.message(rank, rank + 1, 101, self.free_s[rank], there_s, flight_s,
                                       rows * 4096, number)
        last = self.ranks - 1
        if not sampled:
            return None
        self.span(last, "head", self.free_s[last], self.free_s[last] + 0.15 * took_s, number,
                  chunk, 1)
        answer_s = self.free_s[last]
        if last > 0:
            answer_s = self.message(last, 0, 102, answer_s, self.free_s[0], flight_s, 16, number)
            self.wait(0, answer_s, number, chunk)
        self.tokens.append((answer_s, 0, 0, number, 100 + number, 0))
        return answer_s

    def run(self, chunks, tokens):
        for rank in range(self.ranks):
            self.span(rank, "load", 0.0, 0.01, -1, -1, 0)
        for chunk in range(chunks):
            self.step(chunk, chunk, ROWS, 0.02 * (1 + 0.04 * chunk), chunk == chunks - 1)
        for token in range(tokens - 1):
            self.step(chunks + token, -1, 1, 0.004, True)


def write_table(file, name, rows, dtype, kinds=()):
    table = file.create_dataset(name, data=np.array(rows, dtype), chunks=True, maxshape=(None,),
                                compression="gzip", shuffle=True)
    for column in dtype.names:
        if column.endswith("_s"):
            table.attrs[column + ".unit"] = np.bytes_("s")
    for number, kind in kinds:
        table.attrs[f"kind.{number}"] = np.bytes_(kind)


def ranks_of(n, hosts, minor):
    rows = [(r, f"board-{r}" if hosts else "here", 2, r * LAYERS, (r + 1) * LAYERS, 0)
            for r in range(n)]
    if minor < 2:
        return rows, RANK
    return ([row + (r, 0, "alone", 0, 0) for r, row in enumerate(rows)],
            np.dtype(RANK.descr + RANK_1_2))


def make(path, ranks, chunks=8, tokens=24, world="local", hosts=False, minor=MINOR):
    pipeline = Pipeline(ranks)
    pipeline.run(chunks, tokens)
    if minor >= 1:
        pipeline.message(0, ranks - 1, 105, 0.0, 0.0, 1e-4, 8, -1)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = np.bytes_("jupiter run")
        file.attrs["schema_major"], file.attrs["schema_minor"] = 1, minor
        meta = file.create_group("meta").attrs
        for key, value in {"model_name": "synthetic pipeline", "world": world,
                           "clock": "simulated" if world == "simulated" else "wall"}.items():
            meta[key] = np.bytes_(value)
        file.create_group("summary").attrs["temperature"] = 0.0
        write_table(file, "spans", pipeline.spans, SPAN, enumerate(SPANS))
        file["plan"] = np.bytes_(f"strategy: jupiter\nchunks: {[ROWS] * chunks}\n")
        kinds = {**MESSAGES, **(MESSAGES_1_1 if minor >= 1 else {})}
        write_table(file, "messages", pipeline.messages, MESSAGE, kinds.items())
        write_table(file, "tokens", pipeline.tokens, TOKEN)
        write_table(file, "ranks", *ranks_of(ranks, hosts, minor))
        write_table(file, "memory", [(r, 200 << 20, 50 << 20, 120 << 20, 20 << 20, 9 << 20)
                                     for r in range(ranks)], MEMORY)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), *(int(n) for n in sys.argv[3:5]), *sys.argv[5:6],
         hosts=len(sys.argv) > 6)

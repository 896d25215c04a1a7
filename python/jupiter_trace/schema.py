"""The columns of a run file's tables, as src/trace/SCHEMA.md has them, and what stands for those
that an older version of the program did not write."""

from typing import Dict, List, Tuple

import numpy as np

MAJOR = 1
Column = Tuple[str, str, object]
NAN = float("nan")

TABLES: Dict[str, List[Column]] = {
    "ranks": [("rank", "<i4", 0), ("host", "S64", b""), ("threads", "<i4", 0),
              ("layer_first", "<i4", 0), ("layer_last", "<i4", 0), ("clock_offset_s", "<f8", 0.0),
              ("stage", "<i4", -1), ("member", "<i4", -1), ("way", "S16", b""),
              ("heads", "<i4", 0), ("ffn", "<i4", 0)],
    "memory": [("rank", "<i4", 0), ("peak_resident_bytes", "<i8", 0), ("heap_peak_bytes", "<i8", 0),
               ("weights_bytes", "<i8", 0), ("kv_bytes", "<i8", 0), ("buffers_bytes", "<i8", 0)],
    "spans": [("rank", "<i4", 0), ("kind", "<i4", -1), ("start_s", "<f8", 0.0),
              ("end_s", "<f8", 0.0), ("request", "<i4", -1), ("branch", "<i4", -1),
              ("step", "<i4", -1), ("chunk", "<i4", -1), ("rows", "<i4", 0),
              ("layer_first", "<i4", 0), ("layer_last", "<i4", 0), ("flops", "<f8", 0.0),
              ("bytes", "<f8", 0.0)],
    "messages": [("src", "<i4", 0), ("dst", "<i4", 0), ("kind", "<i4", -1), ("label", "<i4", -1),
                 ("bytes", "<i8", 0), ("post_s", "<f8", NAN), ("recv_post_s", "<f8", NAN),
                 ("start_s", "<f8", NAN), ("sent_s", "<f8", NAN), ("done_s", "<f8", NAN)],
    "tokens": [("time_s", "<f8", 0.0), ("request", "<i4", 0), ("branch", "<i4", 0),
               ("position", "<i4", -1), ("id", "<i4", -1), ("accepted_by", "<i4", 0)],
}

COMPUTE = ("embed", "layers", "head", "draft", "pack")
WAITS = ("wait_recv", "wait_send")
HOUSEKEEPING = ("verdict", "share", "gather", "ping")


def complete(name: str, table: np.ndarray) -> np.ndarray:
    """The table with all columns of this version; those that it does not know stay, too."""
    known = TABLES[name]
    missing = [column for column in known if column[0] not in (table.dtype.names or ())]
    if not missing:
        return table
    types = [(field, table.dtype[field]) for field in table.dtype.names or ()]
    whole = np.empty(len(table), types + [(field, kind) for field, kind, _ in missing])
    for field, _ in types:
        whole[field] = table[field]
    for field, _, otherwise in missing:
        whole[field] = otherwise
    return whole

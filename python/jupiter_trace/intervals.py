"""Sets of moments: (n, 2) arrays of disjoint (start, end) in order."""

import numpy as np


def union(pairs: np.ndarray) -> np.ndarray:
    """Overlapping (start, end) pairs as disjoint ones in order."""
    joined: list = []
    for start, end in pairs[np.argsort(pairs[:, 0], kind="stable")]:
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        elif end > start:
            joined.append([start, end])
    return np.array(joined).reshape(-1, 2)


def of_spans(spans: np.ndarray) -> np.ndarray:
    return union(np.column_stack((spans["start_s"], spans["end_s"])))


def intersect(a: np.ndarray, b: np.ndarray) -> np.ndarray:
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


def subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Moments in a and not in b."""
    ends = np.array([-np.inf]), b.ravel(), np.array([np.inf])
    edges: np.ndarray = np.concatenate(ends).reshape(-1, 2)
    return intersect(a, edges)


def covered(disjoint: np.ndarray, start: float, end: float) -> float:
    """Seconds of [start, end] in the set."""
    return float(np.clip(np.minimum(disjoint[:, 1], end) - np.maximum(disjoint[:, 0], start),
                         0, None).sum())

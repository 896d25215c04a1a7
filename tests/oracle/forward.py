#!/usr/bin/env python3
"""The forward pass of a Llama or Qwen2 model in NumPy, whole prompt at once, in float64: logits of
every position, compared with those the program wrote.

usage: forward.py MODEL.gguf LOGITS.npy TOLERANCE ID [ID ...]

Exits 0 when every logit differs by at most TOLERANCE times the spread (standard deviation) of
its row."""

import sys

import numpy as np

from gguf_numpy import read


def rmsnorm(x, weight, eps):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


def rotate(x, positions, frequency, interleaved):
    """x (tokens, heads, head_dim); rotates the first 2 * len(frequency) elements of each head."""
    angle = positions[:, None] * frequency[None, :]
    cos, sin = np.cos(angle)[:, None, :], np.sin(angle)[:, None, :]
    out, half = x.copy(), len(frequency)
    first, second = ((slice(0, 2 * half, 2), slice(1, 2 * half, 2)) if interleaved
                     else (slice(0, half), slice(half, 2 * half)))
    a, b = x[..., first], x[..., second]
    out[..., first], out[..., second] = a * cos - b * sin, a * sin + b * cos
    return out


class Model:
    def __init__(self, path):
        self.meta, self.tensors = read(path)
        self.arch = self.meta["general.architecture"]
        get = lambda key, default=None: self.meta.get(f"{self.arch}.{key}", default)
        self.layers, self.heads = get("block_count"), get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.head_dim = get("attention.key_length", get("embedding_length") // self.heads)
        self.eps = get("attention.layer_norm_rms_epsilon", 1e-5)
        self.window = get("attention.sliding_window", 0)
        rot = get("rope.dimension_count", self.head_dim)
        scale = get("rope.scale_linear", get("rope.scaling.factor", 1.0)) or 1.0
        self.frequency = get("rope.freq_base", 10000.0) ** (-np.arange(0, rot, 2) / rot) / scale
        if "rope_freqs.weight" in self.tensors:
            self.frequency = self.frequency / self.tensors["rope_freqs.weight"][0]

    def linear(self, name, x):
        y = x @ self.tensors[name + ".weight"].T.astype(np.float64)
        bias = self.tensors.get(name + ".bias")
        return y if bias is None else y + bias[0]

    def attention(self, q, k, v):
        n = len(q)
        gap = np.arange(n)[:, None] - np.arange(n)[None, :]
        hidden = (gap < 0) | ((gap >= self.window) if self.window else False)
        out = np.empty_like(q)
        for head in range(self.heads):
            kv = head * self.kv_heads // self.heads
            scores = q[:, head] @ k[:, kv].T / np.sqrt(self.head_dim)
            scores[hidden] = -np.inf
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, head] = weights / weights.sum(axis=1, keepdims=True) @ v[:, kv]
        return out.reshape(n, -1)

    def layer(self, i, x, positions):
        name, n = f"blk.{i}.", len(x)
        h = rmsnorm(x, self.tensors[name + "attn_norm.weight"][0], self.eps)
        q, k, v = (self.linear(name + part, h).reshape(n, -1, self.head_dim)
                   for part in ("attn_q", "attn_k", "attn_v"))
        layout = self.arch != "qwen2"
        q, k = (rotate(part, positions, self.frequency, layout) for part in (q, k))
        x = x + self.linear(name + "attn_output", self.attention(q, k, v))
        h = rmsnorm(x, self.tensors[name + "ffn_norm.weight"][0], self.eps)
        gate = self.linear(name + "ffn_gate", h)
        return x + self.linear(name + "ffn_down",
                               gate / (1 + np.exp(-gate)) * self.linear(name + "ffn_up", h))

    def logits(self, ids):
        x = self.tensors["token_embd.weight"][ids].astype(np.float64)
        positions = np.arange(len(ids), dtype=np.float64)
        for i in range(self.layers):
            x = self.layer(i, x, positions)
        x = rmsnorm(x, self.tensors["output_norm.weight"][0], self.eps)
        head = "output" if "output.weight" in self.tensors else "token_embd"
        return self.linear(head, x)


def main():
    path, npy, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ids = [int(word) for word in sys.argv[4:]]
    ours, theirs = np.load(npy), Model(path).logits(ids)
    if ours.shape[0] < len(ids) or ours.shape[1] != theirs.shape[1]:
        sys.exit(f"shape {ours.shape}, expected {theirs.shape}")
    error = np.abs(ours[:len(ids)] - theirs) / theirs.std(axis=1, keepdims=True)
    print(f"largest error {error.max():.2e} of a row's spread, allowed {tolerance:.0e}")
    if not error.max() <= tolerance:
        sys.exit(1)


if __name__ == "__main__":
    main()

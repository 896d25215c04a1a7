#!/usr/bin/env python3
"""The forward pass of a model of any family in NumPy, whole prompt at once, in float64: logits of
every position, compared with those the program wrote. Written from the models' papers and configs,
apart from the C code.

usage: forward.py MODEL.gguf LOGITS.npy TOLERANCE ID [ID ...]

Exits 0 when every logit differs by at most TOLERANCE times the spread (standard deviation) of
its row."""

import sys

import numpy as np

from gguf_numpy import read


def rmsnorm(x, weight, eps):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * weight


def rotate(x, positions, frequency, interleaved, gain):
    """x (tokens, heads, head_dim); rotates the first 2 * len(frequency) elements of each head."""
    angle = positions[:, None] * frequency[None, :]
    cos, sin = gain * np.cos(angle)[:, None, :], gain * np.sin(angle)[:, None, :]
    out, half = x.copy(), len(frequency)
    first, second = ((slice(0, 2 * half, 2), slice(1, 2 * half, 2)) if interleaved
                     else (slice(0, half), slice(half, 2 * half)))
    a, b = x[..., first], x[..., second]
    out[..., first], out[..., second] = a * cos - b * sin, a * sin + b * cos
    return out


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def silu(x):
    return x / (1 + np.exp(-x))


def capped(x, cap):
    return cap * np.tanh(x / cap) if cap else x


def yarn(frequency, factor, original, fast, slow, base):
    """Peng et al. 2023: pairs that turn more than `fast` times in the original context stay, those
    below `slow` are stretched, a ramp between; and the factor on cosines and sines."""
    rot = 2 * len(frequency)
    pair = lambda turns: rot * np.log(original / (turns * 2 * np.pi)) / (2 * np.log(base))
    low, high = max(np.floor(pair(fast)), 0), min(np.ceil(pair(slow)), rot - 1)
    ramp = np.clip((np.arange(len(frequency)) - low) / max(high - low, 1e-3), 0, 1)
    return frequency / factor * ramp + frequency * (1 - ramp), 0.1 * np.log(factor) + 1


class Model:
    def __init__(self, path, tokens):
        self.meta, self.tensors, self.tokens = *read(path), tokens
        self.arch = self.meta["general.architecture"]
        self.layers, self.heads = self.get("block_count"), self.get("attention.head_count")
        self.kv_heads = self.get("attention.head_count_kv", self.heads)
        self.dim = self.get("embedding_length")
        self.head_dim = self.get("attention.key_length", self.dim // self.heads)
        self.eps = self.get("attention.layer_norm_rms_epsilon", 1e-5)
        self.gemma = self.arch.startswith("gemma")
        self.scale = self.get("attention.scale", 1 / np.sqrt(self.head_dim))
        self.attn_cap = self.get("attn_logit_softcapping", 50.0 if self.arch == "gemma2" else 0)
        self.logit_cap = self.get("final_logit_softcapping", 30.0 if self.arch == "gemma2" else 0)
        self.rope()

    def get(self, key, default=None):
        return self.meta.get(f"{self.arch}.{key}", default)

    def rope(self):
        rot, base = self.get("rope.dimension_count", self.head_dim), self.get("rope.freq_base", 1e4)
        powers = -np.arange(0, rot, 2) / rot
        factor = self.get("rope.scale_linear", self.get("rope.scaling.factor", 1.0)) or 1.0
        self.frequency, self.gain, self.local = base ** powers, 1.0, None
        kind = self.get("rope.scaling.type", "linear")
        if kind == "linear":
            self.frequency = self.frequency / factor
        elif kind == "yarn":
            original = self.get("rope.scaling.original_context_length")
            self.frequency, self.gain = yarn(self.frequency, factor, original, 32, 1, base)
        self.gain *= self.get("rope.scaling.attn_factor", 1.0)
        if "rope_freqs.weight" in self.tensors:
            self.frequency = self.frequency / self.tensors["rope_freqs.weight"][0]
        if "rope_factors_short.weight" in self.tensors:
            original = self.get("rope.scaling.original_context_length")
            name = "long" if self.tokens > original else "short"
            self.frequency = self.frequency / self.tensors[f"rope_factors_{name}.weight"][0]
        if self.arch == "gemma3":
            self.local = 1e4 ** powers

    def window(self, i):
        """Of layer i: Gemma 2 alternates, Gemma 3 has five windowed layers, then one without."""
        period = {"gemma2": 2, "gemma3": 6}.get(self.arch, 0)
        return 0 if period and i % period == period - 1 else self.get("attention.sliding_window", 0)

    def linear(self, name, x):
        y = x @ self.tensors[name + ".weight"].T.astype(np.float64)
        bias = self.tensors.get(name + ".bias")
        return y if bias is None else y + bias[0]

    def norm(self, name, x):
        return rmsnorm(x, self.tensors[name + ".weight"][0], self.eps)

    def attention(self, q, k, v, window):
        n = len(q)
        gap = np.arange(n)[:, None] - np.arange(n)[None, :]
        hidden = (gap < 0) | ((gap >= window) if window else False)
        out = np.empty_like(q)
        for head in range(self.heads):
            kv = head * self.kv_heads // self.heads
            scores = capped(q[:, head] @ k[:, kv].T * self.scale, self.attn_cap)
            scores[hidden] = -np.inf
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, head] = weights / weights.sum(axis=1, keepdims=True) @ v[:, kv]
        return out.reshape(n, -1)

    def attend(self, i, name, h, positions):
        n, window = len(h), self.window(i)
        if self.arch == "phi3":
            widths = np.cumsum([self.heads * self.head_dim, self.kv_heads * self.head_dim])
            q, k, v = np.split(self.linear(name + "attn_qkv", h), widths, axis=1)
        else:
            q, k, v = (self.linear(name + part, h) for part in ("attn_q", "attn_k", "attn_v"))
        if self.arch == "olmo2":
            q, k = self.norm(name + "attn_q_norm", q), self.norm(name + "attn_k_norm", k)
        q, k, v = (part.reshape(n, -1, self.head_dim) for part in (q, k, v))
        if self.arch in ("qwen3", "qwen3moe", "gemma3"):
            q, k = self.norm(name + "attn_q_norm", q), self.norm(name + "attn_k_norm", k)
        local = window and self.local is not None
        frequency, gain = (self.local, 1) if local else (self.frequency, self.gain)
        neighbours = self.arch in ("llama", "granite")
        q, k = (rotate(part, positions, frequency, neighbours, gain) for part in (q, k))
        return self.linear(name + "attn_output", self.attention(q, k, v, window))

    def experts(self, name, h):
        """Every row by the experts with its largest softmax, whose shares are made to sum to 1."""
        chances = np.exp(self.linear(name + "ffn_gate_inp", h))
        out, used = np.zeros_like(h), self.get("expert_used_count")
        stacks = [self.tensors[f"{name}ffn_{part}_exps.weight"].astype(np.float64)
                  for part in ("gate", "up", "down")]
        gate, up, down = (stack.reshape(chances.shape[1], -1, stack.shape[-1]) for stack in stacks)
        for row, chance in enumerate(chances):
            best = np.argsort(-chance, kind="stable")[:used]
            for i in best:
                inner = silu(gate[i] @ h[row]) * (up[i] @ h[row])
                out[row] += chance[i] / chance[best].sum() * (down[i] @ inner)
        return out

    def feed_forward(self, name, h):
        if self.get("expert_count"):
            return self.experts(name, h)
        if self.arch == "phi3":
            gate, up = np.split(self.linear(name + "ffn_up", h), 2, axis=1)
        else:
            gate, up = self.linear(name + "ffn_gate", h), self.linear(name + "ffn_up", h)
        return self.linear(name + "ffn_down", (gelu if self.gemma else silu)(gate) * up)

    def layer(self, i, x, positions):
        name, before = f"blk.{i}.", self.arch != "olmo2"
        after = self.gemma or self.arch == "olmo2"
        scale = self.get("residual_scale", 1.0)
        y = self.attend(i, name, self.norm(name + "attn_norm", x) if before else x, positions)
        x = x + scale * (self.norm(name + "post_attention_norm", y) if after else y)
        y = self.feed_forward(name, self.norm(name + "ffn_norm", x) if before else x)
        return x + scale * (self.norm(name + "post_ffw_norm", y) if after else y)

    def logits(self, ids):
        x = self.tensors["token_embd.weight"][ids].astype(np.float64)
        x = x * self.get("embedding_scale", np.sqrt(self.dim) if self.gemma else 1.0)
        positions = np.arange(len(ids), dtype=np.float64)
        for i in range(self.layers):
            x = self.layer(i, x, positions)
        head = "output" if "output.weight" in self.tensors else "token_embd"
        logits = self.linear(head, self.norm("output_norm", x)) / self.get("logit_scale", 1.0)
        return capped(logits, self.logit_cap)


def main():
    path, npy, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ids = [int(word) for word in sys.argv[4:]]
    ours, theirs = np.load(npy), Model(path, len(ids)).logits(ids)
    if ours.shape[0] < len(ids) or ours.shape[1] != theirs.shape[1]:
        sys.exit(f"shape {ours.shape}, expected {theirs.shape}")
    error = np.abs(ours[:len(ids)] - theirs) / theirs.std(axis=1, keepdims=True)
    print(f"largest error {error.max():.2e} of a row's spread, allowed {tolerance:.0e}")
    if not error.max() <= tolerance:
        sys.exit(1)


if __name__ == "__main__":
    main()

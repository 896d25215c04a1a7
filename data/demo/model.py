"""The embedded model: a Llama-architecture decoder and its Medusa heads (PyTorch)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Config:
    vocab: int = 2048
    dim: int = 288
    layers: int = 8
    heads: int = 12
    ffn: int = 768
    context: int = 1024
    rope_theta: float = 10000.0
    eps: float = 1e-5
    medusa_heads: int = 4

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    def to_dict(self) -> dict:
        return asdict(self)


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        scale = torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + self.eps)
        return (x32 * scale * self.weight).to(x.dtype)


def rope_table(positions: Tensor, cfg: Config) -> tuple[Tensor, Tensor]:
    """cos and sin, shape (batch, 1, time, head_dim / 2)."""
    half = torch.arange(0, cfg.head_dim, 2, device=positions.device, dtype=torch.float32)
    frequency = cfg.rope_theta ** (-half / cfg.head_dim)
    angle = positions[:, None, :, None].float() * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding over neighbouring pairs (2i, 2i+1): GGUF's layout for llama."""
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


class Block(nn.Module):
    def __init__(self, cfg: Config, dropout: float) -> None:
        super().__init__()
        self.cfg = cfg
        self.attn_norm = RMSNorm(cfg.dim, cfg.eps)
        self.wq = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wk = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wv = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.wo = nn.Linear(cfg.dim, cfg.dim, bias=False)
        self.ffn_norm = RMSNorm(cfg.dim, cfg.eps)
        self.gate = nn.Linear(cfg.dim, cfg.ffn, bias=False)
        self.up = nn.Linear(cfg.dim, cfg.ffn, bias=False)
        self.down = nn.Linear(cfg.ffn, cfg.dim, bias=False)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor, cache: list[Tensor] | None
    ) -> Tensor:
        batch, time, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (
            w(h).view(batch, time, self.cfg.heads, self.cfg.head_dim).transpose(1, 2)
            for w in (self.wq, self.wk, self.wv)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.drop(self.wo(h.transpose(1, 2).reshape(batch, time, -1)))
        h = self.ffn_norm(x)
        return x + self.drop(self.down(F.silu(self.gate(h)) * self.up(h)))


class Llama(nn.Module):
    def __init__(self, cfg: Config, dropout: float = 0.0) -> None:
        super().__init__()
        self.cfg = cfg
        self.embed = nn.Embedding(cfg.vocab, cfg.dim)  # also the output matrix
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(cfg, dropout) for _ in range(cfg.layers))
        self.norm = RMSNorm(cfg.dim, cfg.eps)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("wo.weight", "down.weight"))
                std = 0.02 / (2 * cfg.layers) ** 0.5 if residual else 0.02
                nn.init.normal_(p, std=std)

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        mask: Tensor,
        cache: list[list[Tensor]] | None = None,
    ) -> Tensor:
        """Hidden states after the output norm; mask is True where attention is allowed."""
        cos, sin = rope_table(positions, self.cfg)
        x = self.drop(self.embed(ids))
        for i, block in enumerate(self.blocks):
            x = block(x, cos, sin, mask, None if cache is None else cache[i])
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.embed.weight)


class MedusaHead(nn.Module):
    """One head in the original layout: residual SiLU block, then a vocabulary matrix."""

    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.linear = nn.Linear(cfg.dim, cfg.dim)
        self.output = nn.Linear(cfg.dim, cfg.vocab, bias=False)
        nn.init.normal_(self.output.weight, std=0.02)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.output(hidden + F.silu(self.linear(hidden)))


def round_f16(module: nn.Module) -> None:
    """Round all matrices and biases to half precision; one-dimensional norms stay as they are."""
    with torch.no_grad():
        for name, p in module.named_parameters():
            if not name.endswith("norm.weight"):
                p.copy_(p.half().float())


def segment_mask(doc: Tensor, branch: Tensor) -> Tensor:
    """Allowed attention of packed trees, shape (batch, 1, time, time).

    A token sees earlier tokens of its own document that belong to the trunk
    (branch 0) or to its own branch.
    """
    time = doc.shape[1]
    causal = torch.ones(time, time, dtype=torch.bool, device=doc.device).tril()
    same = doc[:, :, None] == doc[:, None, :]
    visible = (branch[:, None, :] == 0) | (branch[:, :, None] == branch[:, None, :])
    return (causal & same & visible)[:, None]


@dataclass
class Generated:
    ids: list[int]  # without the end token
    ended: bool  # the end token came
    margins: list[float]  # best minus second-best logit, per step
    hidden: Tensor | None  # hidden state that gave each id, the end token included


@torch.no_grad()
def generate(
    model: Llama,
    prompts: list[list[int]],
    max_new: int,
    eos: int,
    keep_hidden: bool = False,
) -> list[Generated]:
    """Greedy decoding of a batch, with a KV cache and padding on the left."""
    device = model.embed.weight.device
    batch, longest = len(prompts), max(map(len, prompts))
    pad = torch.tensor([longest - len(p) for p in prompts], device=device)
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=device)
    column = torch.arange(longest, device=device)
    positions = (column[None] - pad[:, None]).clamp(min=0)
    real = column[None] >= pad[:, None]
    causal = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
    mask = real[:, None, None, :] & causal
    # Padding rows must see something, or the softmax has no defined value.
    mask = mask | torch.eye(longest, dtype=torch.bool, device=device)
    cache: list[list[Tensor]] = [[] for _ in model.blocks]
    hidden = model(ids, positions, mask, cache)[:, -1]
    tokens, margins, states = [], [], []
    done = torch.zeros(batch, dtype=torch.bool, device=device)
    for step in range(max_new):
        top = model.logits(hidden).topk(2, -1)
        token = top.indices[:, 0]
        tokens.append(token)
        margins.append(top.values[:, 0] - top.values[:, 1])
        if keep_hidden:
            states.append(hidden)
        done |= token == eos
        if done.all() or step == max_new - 1:
            break
        real = torch.cat((real, torch.ones_like(real[:, :1])), 1)
        position = (longest + step - pad)[:, None]
        hidden = model(token[:, None], position, real[:, None, None, :], cache)[:, 0]
    rows = torch.stack(tokens, 1).tolist()
    gaps = torch.stack(margins, 1).tolist()
    kept = torch.stack(states, 1).cpu() if keep_hidden else None
    result = []
    for i, row in enumerate(rows):
        ended = eos in row
        n = row.index(eos) if ended else len(row)
        steps = n + int(ended)
        result.append(
            Generated(row[:n], ended, gaps[i][:steps], None if kept is None else kept[i, :steps])
        )
    return result

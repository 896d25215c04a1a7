"""Medusa heads, trained on the frozen backbone.

At a position whose base logits give the next token t+1, head i (from 0) gives
token t+2+i. Their input is the hidden state after the output norm.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from batches import IGNORE, Stream
from corpus import Question
from model import Config, Llama, MedusaHead, segment_mask

HEAD_DECAY = 0.8  # weight of head i in the loss: 0.8 ** i


def heads_loss(heads: nn.ModuleList, hidden: Tensor, targets: Tensor) -> Tensor:
    total = hidden.new_zeros((), dtype=torch.float32)
    for i, head in enumerate(heads):
        loss = F.cross_entropy(
            head(hidden).float().flatten(0, 1), targets[:, i + 1].flatten(), ignore_index=IGNORE
        )
        total = total + HEAD_DECAY**i * loss
    return total


def new_heads(cfg: Config) -> nn.ModuleList:
    return nn.ModuleList(MedusaHead(cfg) for _ in range(cfg.medusa_heads))


def train_heads(
    args: argparse.Namespace,
    model: Llama,
    medusa: nn.ModuleList,
    questions: list[Question],
    vocabulary: Path,
) -> int:
    """Train on, with the backbone frozen; the number of steps."""
    torch.manual_seed(args.seed + 1)
    device, cfg = args.device, model.cfg
    shifts = 1 + cfg.medusa_heads
    stream = Stream(questions, vocabulary, args.batch, args.length, shifts, args.seed + 1)
    loader = iter(
        DataLoader(
            stream,
            batch_size=None,
            num_workers=args.workers,
            pin_memory=device == "cuda",
            prefetch_factor=4 if args.workers else None,
        )
    )
    optimiser = torch.optim.AdamW(
        medusa.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=device == "cuda"
    )

    @torch.no_grad()
    def states(batch: dict[str, Tensor]) -> Tensor:
        mask = segment_mask(batch["doc"], batch["branch"])
        return model(batch["ids"], batch["positions"], mask)

    compiled = torch.compile(states) if device == "cuda" else states
    compute_loss = torch.compile(heads_loss) if device == "cuda" else heads_loss
    warm_up = min(50, args.heads_steps // 10)
    began, step = time.time(), 0
    for step in range(args.heads_steps):
        done = step / args.heads_steps
        if args.heads_seconds:
            done = max(done, (time.time() - began) / args.heads_seconds)
        if done >= 1:
            break
        rate = min(1.0, (step + 1) / max(1, warm_up)) * 0.5 * (1 + math.cos(math.pi * done))
        optimiser.param_groups[0]["lr"] = 1e-3 * rate
        batch = {k: v.to(device, non_blocking=True) for k, v in next(loader).items()}
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = compute_loss(medusa, compiled(batch), batch["targets"])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 200 == 0:
            print(f"heads: step {step}, loss {loss.item():.4f}", flush=True)
    del loader
    return step + 1

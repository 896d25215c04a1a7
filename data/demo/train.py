"""From the corpus to the shipped files, in one command.

    python3 train.py --out build

makes the vocabulary, trains the backbone and the Medusa heads, measures both
and writes the GGUF, the heads and the golden file. Needs one GPU for the full
run; --tiny shows that everything works on a processor in a few minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

import corpus
import evaluate
import export
import heads
import tokenizer
from batches import IGNORE, KIND_NAMES, Builder, Row, Stream, stack
from corpus import Question
from model import Config, Llama, round_f16, segment_mask

LOSS_WEIGHT = (0.0, 2.5, 1.0, 1.0, 2.5)  # prompt, outline, expansion, answer, lead


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=15400)
    parser.add_argument("--seconds", type=float, help="end the schedule after this time at most")
    parser.add_argument("--heads-steps", type=int, default=6400)
    parser.add_argument("--batch", type=int, default=64, help="rows a step")
    parser.add_argument("--length", type=int, default=512, help="tokens a row")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--dev",
        action="store_true",
        help="hold out a third phrasing and measure on that one (for choosing settings)",
    )
    parser.add_argument("--tiny", action="store_true", help="a small model and few steps")
    parser.add_argument("--heads-seconds", type=float, help="the same for the heads")
    parser.add_argument(
        "--heads-weight",
        type=float,
        default=0.0,
        help="of the heads' loss while the backbone is trained (0: heads on a plain backbone)",
    )
    parser.add_argument(
        "--stages",
        default="backbone,heads,export,evaluate",
        help="those left out are taken from what an earlier call left in --out",
    )
    return parser.parse_args()


def hold_out_another(q: Question) -> Question:
    return replace(q, phrasings=(*q.phrasings[:4], q.phrasings[4], q.phrasings[4]))


def batch_loss(
    model: Llama,
    medusa: nn.ModuleList,
    batch: dict[str, Tensor],
    weights: Tensor,
    heads_weight: float,
) -> tuple[Tensor, Tensor]:
    """Weighted loss, and the plain sums and counts per kind of token.

    The heads take part with a small weight, so that the hidden state learns to
    hold what they need.
    """
    mask = segment_mask(batch["doc"], batch["branch"])
    hidden = model(batch["ids"], batch["positions"], mask)
    logits = model.logits(hidden).float()
    target = batch["targets"][:, 0]
    loss = F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE, reduction="none"
    )
    kind = batch["kind"].flatten()
    weight = weights[kind] * (target.flatten() != IGNORE)
    parts = torch.stack([(loss * (kind == k)).sum() for k in KIND_NAMES])
    counts = torch.stack([((kind == k) & (weight > 0)).sum() for k in KIND_NAMES])
    total = (loss * weight).sum() / weight.sum()
    if heads_weight:
        total = total + heads_weight * heads.heads_loss(medusa, hidden, batch["targets"])
    return total, torch.stack((parts.detach(), counts))


@torch.no_grad()
def probe(model: Llama, build: Builder, questions: list[Question], device: str) -> dict[str, float]:
    """Outlines of held-out phrasings, teacher-forced: loss, and share guessed in full."""
    model.eval()
    rows = []
    for q in questions:
        if q.kind != "outline" or q.unseen:
            continue
        for phrasing in sorted(set(q.heldout_phrasings)):
            document = build.reference(q, phrasing)[0]
            document.branches = []
            row = Row(192, 1)
            if len(document) < row.room():
                row.add(document)
                rows.append(row)
    loss, count, whole, first = 0.0, 0, 0, 0
    for at in range(0, len(rows), 128):
        batch = {k: v.to(device) for k, v in stack(rows[at : at + 128]).items()}
        mask = segment_mask(batch["doc"], batch["branch"])
        logits = model.logits(model(batch["ids"], batch["positions"], mask)).float()
        target = batch["targets"][:, 0]
        loss += F.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE, reduction="sum"
        ).item()
        scored = target != IGNORE
        right = (logits.argmax(-1) == target) | ~scored
        count += int(scored.sum())
        whole += int(right.all(1).sum())
        # Five tokens: number, full stop and the beginning of the first title.
        begin = scored & (scored.cumsum(1) <= 5)
        first += int((right | ~begin).all(1).sum())
    model.train()
    return {"loss": loss / count, "whole": whole / len(rows), "first": first / len(rows)}


def train_backbone(
    args: argparse.Namespace, cfg: Config, questions: list[Question], vocabulary: Path
) -> tuple[Llama, nn.ModuleList]:
    torch.manual_seed(args.seed)
    device = args.device
    model = Llama(cfg, args.dropout).to(device)
    model.train()
    medusa = heads.new_heads(cfg).to(device)
    build = Builder(tokenizer.load(vocabulary))
    stream = Stream(questions, vocabulary, args.batch, args.length, 1 + cfg.medusa_heads, args.seed)
    loader = iter(
        DataLoader(
            stream,
            batch_size=None,
            num_workers=args.workers,
            pin_memory=device == "cuda",
            prefetch_factor=4 if args.workers else None,
        )
    )
    trained = [*model.parameters(), *medusa.parameters()]
    matrices = [p for p in trained if p.dim() == 2]
    norms = [p for p in trained if p.dim() < 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": args.decay}, {"params": norms, "weight_decay": 0.0}],
        lr=args.lr,
        betas=(0.9, 0.95),
        fused=device == "cuda",
    )
    warm_up = min(200, args.steps // 10)

    def rate(step: int, done: float) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    weights = torch.tensor(LOSS_WEIGHT, device=device)
    compute_loss = torch.compile(batch_loss) if device == "cuda" else batch_loss
    every = max(1, min(100, args.steps // 20))
    sums = torch.zeros(2, len(KIND_NAMES), device=device)
    tokens, began = 0, time.time()
    names = list(KIND_NAMES.values())
    with open(args.out / "train-log.csv", "w", newline="") as file:
        log = csv.writer(file, lineterminator="\n")
        log.writerow(
            ["step", "tokens", "seconds", "lr", *(f"{n}_loss" for n in names)]
            + ["heldout_outline_loss", "heldout_outline_whole", "heldout_first_title"]
        )
        for step in range(args.steps):
            done = (step + 1) / args.steps
            if args.seconds:
                done = max(done, (time.time() - began) / args.seconds)
            lr = args.lr * rate(step, done)
            for group in optimiser.param_groups:
                group["lr"] = lr
            batch = {k: v.to(device, non_blocking=True) for k, v in next(loader).items()}
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss, part = compute_loss(model, medusa, batch, weights, args.heads_weight)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            sums += part
            tokens += batch["ids"].numel()
            if (step + 1) % every == 0 or done >= 1:
                means = (sums[0] / sums[1].clamp(min=1)).tolist()
                sums.zero_()
                probed: list[object] = ["", "", ""]
                if (step + 1) % (5 * every) == 0 or done >= 1:
                    found = probe(model, build, questions, device)
                    probed = [f"{found[k]:.4f}" for k in ("loss", "whole", "first")]
                row = [step + 1, tokens, f"{time.time() - began:.1f}"]
                row += [f"{lr:.6f}", *(f"{m:.4f}" for m in means), *probed]
                log.writerow(row)
                file.flush()
                if probed[0] or step + 1 == every:
                    print(*row, flush=True)
            if done >= 1:
                break
    del loader
    return model.eval(), medusa


def draw_curve(out: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "curve"
    import matplotlib.pyplot as plt

    with open(out / "train-log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    figure, axis = plt.subplots(figsize=(7, 4))
    steps = [int(r["step"]) for r in rows]
    for name in KIND_NAMES.values():
        axis.plot(steps, [float(r[f"{name}_loss"]) for r in rows], label=f"training, {name}")
    probed = [r for r in rows if r["heldout_outline_loss"]]
    axis.plot(
        [int(r["step"]) for r in probed],
        [float(r["heldout_outline_loss"]) for r in probed],
        "k.--",
        label="held-out phrasings, outline",
    )
    axis.set(xlabel="step", ylabel="nats per token", yscale="log")
    axis.legend()
    axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out / "loss.svg", metadata={"Date": None})


def save(module: nn.Module, path: Path) -> None:
    """Matrices and biases as F16 (they have been rounded), norms as F32."""
    state = {k: v.cpu().contiguous() for k, v in module.state_dict().items()}
    save_file({k: v if k.endswith("norm.weight") else v.half() for k, v in state.items()}, path)


def load(module: nn.Module, path: Path) -> None:
    module.load_state_dict({k: v.float() for k, v in load_file(path).items()})


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    questions = corpus.load()
    for fault in corpus.faults(questions):
        print("corpus:", fault)
    cfg = Config()
    if args.tiny:
        cfg = Config(vocab=1024, dim=96, layers=2, ffn=192)
        args.batch, args.steps, args.heads_steps, args.workers = 4, min(args.steps, 60), 20, 0
    if args.dev:
        questions = [hold_out_another(q) for q in questions]

    stages = args.stages.split(",")
    vocabulary = args.out / "tokenizer.model"
    notes = args.out / "settings.json"
    settings: dict = json.loads(notes.read_text()) if notes.is_file() else {}
    model, medusa = Llama(cfg).to(args.device), heads.new_heads(cfg).to(args.device)

    if "backbone" in stages:
        settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
        settings["torch"] = torch.__version__
        if args.device == "cuda":
            settings["gpu"] = torch.cuda.get_device_name()
        began = time.time()
        tokenizer.train(questions, cfg.vocab, vocabulary)
        model, medusa = train_backbone(args, cfg, questions, vocabulary)
        settings["backbone_seconds"] = round(time.time() - began, 1)
        settings["parameters"] = sum(p.numel() for p in model.parameters())
        round_f16(model)
        save(model, args.out / "backbone.safetensors")
        save(medusa, args.out / "heads-start.safetensors")
        draw_curve(args.out)
    else:
        load(model, args.out / "backbone.safetensors")
        start = "heads-start" if "heads" in stages else "heads"
        load(medusa, args.out / f"{start}.safetensors")
    model.eval()

    if "heads" in stages:
        began = time.time()
        settings["heads_steps_done"] = heads.train_heads(args, model, medusa, questions, vocabulary)
        settings["heads_seconds"] = round(time.time() - began, 1)
        settings["heads_parameters"] = sum(p.numel() for p in medusa.parameters())
        round_f16(medusa)
        save(medusa, args.out / "heads.safetensors")
    medusa.eval()
    notes.write_text(json.dumps(settings, indent=1) + "\n")

    if "export" in stages:
        export.write_all(args.out, model, medusa, vocabulary, questions)
    if "evaluate" in stages:
        began = time.time()
        build = Builder(tokenizer.load(vocabulary))
        results = evaluate.measure(model, medusa, build, questions)
        settings["evaluation_seconds"] = round(time.time() - began, 1)
        samples = {name: found.pop("samples") for name, found in results.items()}
        (args.out / "samples.json").write_text(json.dumps(samples, indent=1) + "\n")
        report = {"config": cfg.to_dict(), "settings": settings, "results": results}
        (args.out / "results.json").write_text(json.dumps(report, indent=1) + "\n")
        for name, found in results.items():
            print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

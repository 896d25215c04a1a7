"""What the model can do, measured on its own greedy text and on the references.

How outlines are scored:
  valid     the outline ended by itself, has at least 3 lines, numbered 1, 2, 3 ...
  matches   at least 80 % of the reference's titles are among the outline's, and
            at least 80 % of the outline's are among the reference's, compared in
            lower case without punctuation (six pairs of questions ask the same: either
            reference counts; "strictly" counts only the question's own)
  distinct  no two titles of the outline are alike
An expansion's chrF is against both texts of the reference (the better counts, as
sacrebleu does with several references); "right" means chrF of at least 60. Points
are expanded off the model's own outline; only titles that are in the reference
can be scored. A plain answer is "right" from a chrF of 50 on (60 if direct).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sacrebleu.metrics import CHRF
from torch import nn

from batches import ANSWER, EXPAND, IGNORE, LEAD, OUTLINE, Builder, Document, Row, stack
from corpus import (
    ANSWER_PIECE,
    OUTLINE_PIECE,
    TWINS,
    Question,
    expand_piece,
    normalise,
    outline_text,
    parse_outline,
)
from model import Generated, Llama, generate, segment_mask
from tokenizer import EOS

GROUPS = {"all": 0, "outline": OUTLINE, "expansion": EXPAND, "answer": ANSWER}
MAX_OUTLINE, MAX_EXPANSION, MAX_ANSWER = 128, 112, 480
CHRF_SCORER = CHRF()


def generate_all(
    model: Llama, prompts: list[list[int]], max_new: int, keep_hidden: bool = False
) -> list[Generated]:
    """Greedy texts of many prompts, batched by length."""
    size = 384 if model.embed.weight.is_cuda else 32
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    result: dict[int, Generated] = {}
    for at in range(0, len(order), size):
        chosen = order[at : at + size]
        made = generate(model, [prompts[i] for i in chosen], max_new, EOS, keep_hidden)
        result.update(zip(chosen, made))
    return [result[i] for i in range(len(prompts))]


def chrf(text: str, references: tuple[str, ...]) -> float:
    return CHRF_SCORER.sentence_score(text, list(references)).score


def mean(values: list[float] | list[bool]) -> float:
    return round(sum(values) / len(values), 4) if values else float("nan")


def same_points(titles: list[str] | None, accepted: list[Question]) -> bool:
    """Do the titles match those of one of the questions?"""
    have = {normalise(t) for t in titles or []}
    for q in accepted:
        want = {normalise(p.title) for p in q.points}
        both = len(have & want)
        if both >= 0.8 * len(want) and both >= 0.8 * len(have):
            return True
    return False


def with_twins(questions: list[Question]) -> dict[str, list[Question]]:
    """For each question, itself and the one that asks the same."""
    by_id = {q.id: q for q in questions}
    accepted = {q.id: [q] for q in questions}
    for a, b in TWINS:
        if a in by_id and b in by_id:
            accepted[a].append(by_id[b])
            accepted[b].append(by_id[a])
    return accepted


def measure_set(
    model: Llama,
    medusa: nn.ModuleList | None,
    build: Builder,
    asked: list[tuple[Question, str]],
    accepted: dict[str, list[Question]],
    samples: list[dict],
) -> dict:
    """All figures of one set of (question, phrasing)."""
    listed = [(q, p) for q, p in asked if q.kind == "outline"]
    direct = [(q, p) for q, p in asked if q.kind == "direct"]
    trunk = {(q.id, p): build.question(p) + build.encode(OUTLINE_PIECE) for q, p in asked}
    keep = medusa is not None

    made = generate_all(model, [trunk[q.id, p] for q, p in asked], MAX_OUTLINE, keep)
    outline: dict[tuple[str, str], list[str] | None] = {}
    empty: dict[tuple[str, str], bool] = {}
    for (q, p), g in zip(asked, made):
        outline[q.id, p] = parse_outline(build.sp.decode(g.ids)) if g.ended else None
        empty[q.id, p] = g.ended and not g.ids
    outline_texts = [g for (q, _), g in zip(asked, made) if q.kind == "outline"]

    jobs, prompts = [], []
    for q, p in listed:
        titles = outline[q.id, p] or []
        for k, title in enumerate(titles, 1):
            jobs.append((q, p, title))
            written = build.encode(outline_text(titles))
            prompts.append(trunk[q.id, p] + written + build.encode(expand_piece(k, title)))
    expansions = generate_all(model, prompts, MAX_EXPANSION, keep) if prompts else []
    scores: list[float] = []
    right: dict[tuple[str, str], int] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    for (q, p, title), g in zip(jobs, expansions):
        text = build.sp.decode(g.ids).strip()
        texts.setdefault((q.id, p), []).append(text)
        points = [point for twin in accepted[q.id] for point in twin.points]
        found = [point for point in points if normalise(point.title) == normalise(title)]
        if found:
            scores.append(max(chrf(text, point.texts) for point in found))
            right[q.id, p] = right.get((q.id, p), 0) + (scores[-1] >= 60)
    answers = generate_all(
        model, [build.question(p) + build.encode(ANSWER_PIECE) for _, p in asked], MAX_ANSWER, keep
    )
    answer_scores = {"outline": [], "direct": []}
    for (q, p), g in zip(asked, answers):
        text = build.sp.decode(g.ids).strip()
        answer_scores[q.kind].append(max(chrf(text, t.plain_answers()) for t in accepted[q.id]))

    for (q, p), g in zip(asked, answers):
        samples.append(
            {
                "id": q.id,
                "question": p,
                "titles": outline[q.id, p],
                "texts": texts.get((q.id, p), []),
                "answer": build.sp.decode(g.ids).strip(),
                "matches": q.kind == "outline"
                and same_points(outline[q.id, p], accepted[q.id]),
            }
        )
    valid = [outline[q.id, p] for q, p in listed if outline[q.id, p]]
    result = {
        "outline_prompts": len(listed),
        "valid": mean([outline[q.id, p] is not None for q, p in listed]),
        "matches": mean(
            [same_points(outline[q.id, p], accepted[q.id]) for q, p in listed]
        ),
        "matches_strictly": mean([same_points(outline[q.id, p], [q]) for q, p in listed]),
        "distinct": mean([len({normalise(t) for t in ts}) == len(ts) for ts in valid]),
        "refused": mean([empty[q.id, p] for q, p in listed]),
        "points": mean([float(len(ts)) for ts in valid]),
        "expansions": len(expansions),
        "expansions_ended": mean([g.ended for g in expansions]),
        "expansions_scored": len(scores),
        "expansion_chrf": mean(scores),
        "expansion_right": mean([s >= 60 for s in scores]),
        "reference_points_right": mean(
            [min(1.0, right.get((q.id, p), 0) / len(q.points)) for q, p in listed]
        ),
        "answers_ended": mean([g.ended for g in answers]),
        "answer_chrf": mean(answer_scores["outline"]),
        "answer_right": mean([s >= 50 for s in answer_scores["outline"]]),
    }
    if direct:
        result |= {
            "direct_prompts": len(direct),
            "direct_chrf": mean(answer_scores["direct"]),
            "direct_right": mean([s >= 60 for s in answer_scores["direct"]]),
            "direct_outline_empty": mean([empty[q.id, p] for q, p in direct]),
        }
    if medusa is not None:
        result["tokens_per_lap"] = {
            name: chain_laps(model, medusa, made_texts)
            for name, made_texts in (
                ("outline", outline_texts),
                ("expansion", expansions),
                ("answer", answers),
            )
            if made_texts
        }
        result["accuracy"] = head_accuracy(model, medusa, build, asked)
    return result


@torch.no_grad()
def chain_laps(model: Llama, medusa: nn.ModuleList, texts: list[Generated]) -> list[float]:
    """Tokens a lap when a chain of the first n heads' best guesses is verified, n = 1 .. all.

    A lap gives the base token and the guesses accepted before it; the first token
    comes from the prompt's own lap.
    """
    device = model.embed.weight.device
    produced = 0
    laps = [0] * len(medusa)
    for g in texts:
        ids = g.ids + ([EOS] if g.ended else [])
        if g.hidden is None or not ids:
            continue
        hidden = g.hidden.to(device)
        guesses = [head(hidden).argmax(-1).tolist() for head in medusa]
        produced += len(ids)
        for n in range(1, len(medusa) + 1):
            at = 0  # index of the base token of this lap
            while at < len(ids):
                laps[n - 1] += 1
                accepted = 0
                while (
                    accepted < n
                    and at + 1 + accepted < len(ids)
                    and guesses[accepted][at] == ids[at + 1 + accepted]
                ):
                    accepted += 1
                at += 1 + accepted
    return [round(produced / count, 3) if count else float("nan") for count in laps]


@torch.no_grad()
def head_accuracy(
    model: Llama, medusa: nn.ModuleList, build: Builder, asked: list[tuple[Question, str]]
) -> dict:
    """Top-1 and top-5 accuracy of base and heads, teacher-forced on the references."""
    device = model.embed.weight.device
    documents: list[Document] = [d for q, p in asked for d in build.reference(q, p)]
    documents.sort(key=len)
    hits: dict[str, list[list[int]]] = {
        name: [[0, 0, 0] for _ in range(1 + len(medusa))] for name in GROUPS
    }
    size = 64 if device.type == "cuda" else 16
    for at in range(0, len(documents), size):
        chosen = documents[at : at + size]
        rows = []
        for document in chosen:
            row = Row(len(chosen[-1]), 1 + len(medusa))
            row.add(document)
            rows.append(row)
        batch = {k: v.to(device) for k, v in stack(rows).items()}
        mask = segment_mask(batch["doc"], batch["branch"])
        hidden = model(batch["ids"], batch["positions"], mask)
        for i in range(1 + len(medusa)):
            target = batch["targets"][:, i]
            logits = model.logits(hidden) if i == 0 else medusa[i - 1](hidden)
            top = logits.topk(5, -1).indices == target[..., None]
            scored = target != IGNORE
            kinds = batch["kind"].masked_fill(batch["kind"] == LEAD, ANSWER)
            for name, kind in GROUPS.items():
                here = scored & (kinds == kind) if kind else scored
                counts = hits[name][i]
                counts[0] += int(here.sum())
                counts[1] += int((top[..., 0] & here).sum())
                counts[2] += int((top.any(-1) & here).sum())
    return {
        name: [[round(c[1] / c[0], 4), round(c[2] / c[0], 4)] for c in rows if c[0]]
        for name, rows in hits.items()
    }


def measure(
    model: Llama, medusa: nn.ModuleList | None, build: Builder, questions: list[Question]
) -> dict:
    """Figures on seen phrasings, held-out phrasings and questions never seen."""
    seen = [q for q in questions if not q.unseen]
    sets = {
        "seen": [(q, q.phrasings[0]) for q in seen],
        "heldout": [(q, p) for q in seen for p in sorted(set(q.heldout_phrasings))],
        "unseen": [
            (q, p) for q in questions if q.unseen for p in sorted(set(q.heldout_phrasings))
        ],
    }
    results: dict = {}
    for name, asked in sets.items():
        samples: list[dict] = []
        if asked:
            results[name] = measure_set(
                model, medusa, build, asked, with_twins(questions), samples
            )
            results[name]["samples"] = samples
    return results

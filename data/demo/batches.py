"""Training samples: documents as trees of tokens, packed into rows.

A document is a trunk and branches. Every branch sees the trunk and itself,
never another branch, and its positions continue from the trunk's end, which is
what a program that expands the points of an outline side by side computes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
from torch.utils.data import IterableDataset, get_worker_info

from augment import Augmenter
from corpus import (
    ANSWER_PIECE,
    OUTLINE_PIECE,
    Question,
    expand_piece,
    outline_text,
    question_piece,
)
from tokenizer import BOS, EOS

IGNORE = -100
# Kinds of response tokens; 0 is a prompt. LEAD is an answer's first sentence,
# which decides what the rest is about.
OUTLINE, EXPAND, ANSWER, LEAD = 1, 2, 3, 4
KIND_NAMES = {OUTLINE: "outline", EXPAND: "expansion", ANSWER: "answer", LEAD: "lead"}


@dataclass
class Segment:
    """A prompt and the response that training scores (kind 0: nothing scored)."""

    prompt: list[int]
    response: list[int]  # without the end token
    kind: int
    lead: int = 0  # so many tokens at the response's start are of kind LEAD
    cut: bool = False  # the response breaks off: no end token follows


@dataclass
class Document:
    trunk: Segment
    branches: list[Segment] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(s.prompt) + len(s.response) for s in (self.trunk, *self.branches))


class Row:
    """One row of packed documents under construction."""

    def __init__(self, length: int, shifts: int) -> None:
        self.ids = np.zeros(length, np.int64)
        self.positions = np.zeros(length, np.int64)
        self.doc = np.full(length, -1, np.int64)
        self.branch = np.zeros(length, np.int64)
        self.kind = np.zeros(length, np.int64)
        self.targets = np.full((shifts, length), IGNORE, np.int64)
        self.used = self.documents = self.branches = 0

    def room(self) -> int:
        return len(self.ids) - self.used

    def _put(self, segment: Segment, position: int, branch: int, end: bool = False) -> int:
        """Append a segment, with its end token if asked; the position after it."""
        tokens = segment.prompt + segment.response
        follow = np.array(tokens if segment.cut else tokens + [EOS])
        if end and not segment.cut:
            tokens = tokens + [EOS]
        at, n = self.used, len(tokens)
        self.ids[at : at + n] = tokens
        self.positions[at : at + n] = np.arange(position, position + n)
        self.doc[at : at + n] = self.documents
        self.branch[at : at + n] = branch
        if segment.kind:
            first = len(segment.prompt) - 1  # the last prompt token gives the first response token
            self.kind[at + first : at + len(follow) - 1] = segment.kind
            self.kind[at + first : at + first + segment.lead] = LEAD
            for shift in range(len(self.targets)):
                found = follow[first + 1 + shift :]
                self.targets[shift, at + first : at + first + len(found)] = found
        self.used += n
        return position + n

    def add(self, document: Document) -> None:
        end = self._put(document.trunk, 0, 0)
        for segment in document.branches:
            self.branches += 1
            self._put(segment, end, self.branches)
        self.documents += 1

    def add_turn(self, document: Document) -> None:
        """Append as a further turn of one conversation: all visible, end tokens in place."""
        self._put(document.trunk, self.used, 0, end=not document.branches)
        for segment in document.branches[:1]:
            self._put(segment, self.used, 0, end=True)


def stack(rows: list[Row]) -> dict[str, torch.Tensor]:
    names = ("ids", "positions", "doc", "branch", "kind", "targets")
    return {n: torch.from_numpy(np.stack([getattr(r, n) for r in rows])) for n in names}


class Builder:
    """Makes documents out of questions."""

    def __init__(self, sp: spm.SentencePieceProcessor) -> None:
        self.sp = sp
        self.cache: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        if text not in self.cache:
            self.cache[text] = self.sp.encode(text)
        return self.cache[text]

    def question(self, text: str, dropout: float = 0.0) -> list[int]:
        """Ids from the first token on; dropout splits words in unusual places."""
        piece = question_piece(text)
        if dropout:
            ids = self.sp.encode(piece, enable_sampling=True, alpha=dropout, nbest_size=-1)
        else:
            ids = self.sp.encode(piece)
        return [BOS, *ids]

    def expansion(self, k: int, title: str, text: str) -> Segment:
        return Segment(self.encode(expand_piece(k, title)), self.encode(text), EXPAND)

    def outline(self, question: list[int], titles: list[str], kind: int = OUTLINE) -> Segment:
        return Segment(
            question + self.encode(OUTLINE_PIECE), self.encode(outline_text(titles)), kind
        )

    def answer(self, question: list[int], text: str, lead: str) -> Segment:
        """A plain answer whose first words are the lead."""
        prompt = question + self.encode(ANSWER_PIECE)
        return Segment(prompt, self.encode(text), ANSWER, len(self.encode(lead)))

    def reference(self, q: Question, phrasing: str) -> list[Document]:
        """The plain documents of a phrasing, for scoring: first and second wordings in turn."""
        question = self.question(phrasing)
        if q.kind == "direct":
            return [Document(self.answer(question, q.answers[0], q.answers[0]))]
        choice = [k % 2 for k in range(len(q.points))]
        tree = Document(self.outline(question, [p.title for p in q.points]))
        for k, point in enumerate(q.points):
            tree.branches.append(self.expansion(k + 1, point.title, point.texts[choice[k]]))
        answer = self.answer(question, q.join_answer(choice), q.opening)
        return [tree, Document(answer)]


class Stream(IterableDataset):
    """Endless packed batches; each worker has its own seed."""

    def __init__(
        self,
        questions: list[Question],
        tokenizer: Path,
        batch: int,
        length: int,
        shifts: int,
        seed: int,
        varied: bool = True,
    ) -> None:
        self.questions = [q for q in questions if not q.unseen]
        self.tokenizer = tokenizer
        self.batch, self.length, self.shifts, self.seed = batch, length, shifts, seed
        self.varied = varied

    def _document(self, q: Question, rng: random.Random) -> Document:
        text = self.augmenter.vary(q, rng)
        dropout = rng.choice((0.0, 0.0, 0.05, 0.1))
        question = self.builder.question(text, dropout)
        build = self.builder
        if q.kind == "direct":
            if rng.random() < 0.25:  # an empty outline: "this needs none"
                return Document(build.outline(question, []))
            answer = rng.choice(q.answers)
            return Document(build.answer(question, answer, answer))
        if rng.random() < 0.35:
            choice = [rng.randrange(2) for _ in q.points]
            answer = build.answer(question, q.join_answer(choice), q.opening)
            if rng.random() < 0.8:  # the beginning is the hard part: practise it more
                answer.response = answer.response[: answer.lead + rng.randint(1, 40)]
                answer.cut = True
            return Document(answer)
        points = list(q.points)
        kind = OUTLINE
        if rng.random() < 0.1:  # expansions must also work off another outline
            points = rng.sample(points, rng.randint(max(2, len(points) - 2), len(points)))
            kind = 0
        if kind and rng.random() < 0.5:  # the first title decides: practise it more
            first = build.outline(question, [points[0].title])
            first.cut = True
            return Document(first)
        tree = Document(build.outline(question, [p.title for p in points], kind))
        count = len(points) if kind == 0 else min(len(points), rng.choice((0, 0, 0, 1, 1, 2, 3)))
        for k in sorted(rng.sample(range(len(points)), count)):
            text = rng.choice(points[k].texts)
            tree.branches.append(build.expansion(k + 1, points[k].title, text))
        return tree

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        info = get_worker_info()
        seed = self.seed * 1000 + (info.id if info else 0)
        rng = random.Random(seed)
        spm.set_random_generator_seed(seed)
        self.builder = Builder(spm.SentencePieceProcessor(model_file=str(self.tokenizer)))
        self.augmenter = Augmenter(self.questions, 1.0 if self.varied else 0.0)
        held: Document | None = None
        deck: list[Question] = []
        while True:
            rows = []
            for _ in range(self.batch):
                row = Row(self.length, self.shifts)
                conversation = rng.random() < 0.06
                while True:
                    while held is None or (conversation and held.trunk.cut):
                        if not deck:
                            deck = rng.sample(self.questions, len(self.questions))
                        held = self._document(deck.pop(), rng)
                        while len(held) + 2 > self.length:
                            held.branches.pop()
                    if row.room() < len(held) + 2:
                        break
                    if conversation:
                        if row.used:
                            del held.trunk.prompt[0]
                        row.add_turn(held)
                    else:
                        row.add(held)
                    held = None
                rows.append(row)
            yield stack(rows)

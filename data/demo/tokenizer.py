"""The vocabulary: SentencePiece BPE with byte fallback, trained on the corpus."""

from __future__ import annotations

import io
from pathlib import Path

import sentencepiece as spm

from corpus import (
    ANSWER_PIECE,
    OUTLINE_PIECE,
    Question,
    expand_piece,
    outline_text,
    question_piece,
)

BOS, EOS = 1, 2


def training_lines(questions: list[Question]) -> list[str]:
    """What training may see, line by line (a line end is never part of a piece)."""
    texts: list[str] = []
    for q in questions:
        if q.unseen:
            continue
        for phrasing in q.train_phrasings:
            texts += [question_piece(phrasing), question_piece(phrasing.lower())]
        titles = [p.title for p in q.points]
        texts.append(outline_text(titles))
        texts += [expand_piece(k, title) for k, title in enumerate(titles, 1)]
        texts += [text for p in q.points for text in p.texts]
        texts += [q.opening, q.closing, *q.answers, OUTLINE_PIECE, ANSWER_PIECE]
    return [line for text in texts for line in text.split("\n") if line]


def train(questions: list[Question], vocab: int, path: Path) -> None:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(training_lines(questions)),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_digits=True,
        unk_id=0,
        bos_id=BOS,
        eos_id=EOS,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def load(path: Path) -> spm.SentencePieceProcessor:
    return spm.SentencePieceProcessor(model_file=str(path))

"""The corpus of the embedded model: loading, checking, splitting, prompt formats.

Standard library only.

    python3 corpus.py check            exit status 1 and a list of faults on a bad corpus
    python3 corpus.py heldout          write heldout.jsonl (what training never sees)
    python3 corpus.py heldout --verify exit status 1 when heldout.jsonl is out of date
    python3 corpus.py stats            counts per theme
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS_DIR = HERE / "corpus"
HELDOUT_FILE = HERE / "heldout.jsonl"

PHRASINGS = 7
HELDOUT_PHRASINGS = 2  # the last two of each question
UNSEEN_ONE_IN = 16  # outline questions kept out of training altogether
MIN_THEMES = 30
MIN_OUTLINE_QUESTIONS = 300
TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9'-]*( [A-Za-z0-9'-]+){1,4}")


# Questions of different themes that ask the same: either answer is right.
TWINS = (
    ("birds-and-wildlife-01", "board-games-and-hobbies-05"),
    ("cars-and-driving-04", "weather-07"),
    ("family-and-children-01", "sleep-07"),
    ("gardening-07", "insects-01"),
    ("personal-money-04", "work-and-meetings-05"),
    ("sleep-06", "travel-03"),
)


@dataclass(frozen=True)
class Point:
    title: str
    texts: tuple[str, str]


@dataclass(frozen=True)
class Question:
    id: str
    theme: str
    kind: str  # "outline" or "direct"
    phrasings: tuple[str, ...]
    opening: str
    points: tuple[Point, ...]
    closing: str
    answers: tuple[str, ...]  # of a direct question

    @property
    def unseen(self) -> bool:
        """True for the outline questions that training never sees."""
        return self.kind == "outline" and zlib.crc32(self.id.encode("ascii")) % UNSEEN_ONE_IN == 0

    @property
    def train_phrasings(self) -> tuple[str, ...]:
        return () if self.unseen else self.phrasings[:-HELDOUT_PHRASINGS]

    @property
    def heldout_phrasings(self) -> tuple[str, ...]:
        return self.phrasings[-HELDOUT_PHRASINGS:]

    def plain_answers(self) -> tuple[str, ...]:
        """Reference answers: all first wordings, all second wordings."""
        if self.kind == "direct":
            return self.answers
        return tuple(self.join_answer([i] * len(self.points)) for i in (0, 1))

    def join_answer(self, choice: list[int]) -> str:
        """Opening, one text a point, closing."""
        texts = [p.texts[c] for p, c in zip(self.points, choice)]
        return " ".join([self.opening, *texts, self.closing])


# Prompt formats. Each piece ends in a newline and the tokenizer adds no space
# in front, so the ids of pieces put together are the ids of the whole.

FORMAT_NAME = "question-outline-1"


def one_line(text: str) -> str:
    return " ".join(text.split())


def question_piece(question: str) -> str:
    return f"Question: {one_line(question)}\n"


OUTLINE_PIECE = "Outline:\n"
ANSWER_PIECE = "Answer:\n"


def outline_text(titles: list[str]) -> str:
    return "".join(f"{k}. {title}\n" for k, title in enumerate(titles, 1))


def expand_piece(k: int, title: str) -> str:
    return f"Expand point {k}: {title}\n"


def outline_prompt(question: str) -> str:
    return question_piece(question) + OUTLINE_PIECE


def answer_prompt(question: str) -> str:
    return question_piece(question) + ANSWER_PIECE


def parse_outline(text: str) -> list[str] | None:
    """Titles of a valid outline (at least 3 lines numbered 1..n), else None."""
    if not text.endswith("\n"):
        return None
    titles = []
    for k, line in enumerate(text[:-1].split("\n"), 1):
        match = re.fullmatch(rf"{k}\. (\S.*)", line)
        if not match:
            return None
        titles.append(match.group(1).strip())
    return titles if len(titles) >= 3 else None


def normalise(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("'", "")).split())


# Loading and checking


def load(directory: Path = CORPUS_DIR) -> list[Question]:
    """All questions, in the order of their ids; raises ValueError on a bad line."""
    questions = []
    for path in sorted(directory.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
            try:
                questions.append(_question(json.loads(line), path.stem))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}:{number}: {error!r}") from error
    return sorted(questions, key=lambda q: q.id)


def _question(record: dict, theme: str) -> Question:
    kind = record["kind"]
    if kind not in ("outline", "direct"):
        raise ValueError(f"kind {kind!r}")
    allowed = {"id", "kind", "phrasings"}
    allowed |= {"opening", "points", "closing"} if kind == "outline" else {"answers"}
    if set(record) != allowed:
        raise ValueError(f"fields {sorted(set(record) ^ allowed)} missing or unknown")
    return Question(
        id=record["id"],
        theme=theme,
        kind=kind,
        phrasings=tuple(record["phrasings"]),
        opening=record.get("opening", ""),
        points=tuple(Point(p["title"], tuple(p["texts"])) for p in record.get("points", ())),
        closing=record.get("closing", ""),
        answers=tuple(record.get("answers", ())),
    )


def _sentence_faults(text: str) -> list[str]:
    faults = []
    if not text or text != one_line(text):
        faults.append("empty, or stray white space")
    if not all(" " <= c <= "~" for c in text):
        faults.append("not plain printable ASCII")
    return faults


def faults(questions: list[Question]) -> list[str]:
    """Everything that breaks FORMAT.md."""
    found: list[str] = []
    ids: set[str] = set()
    phrasings: dict[str, str] = {}

    for q in questions:

        def bad(message: str, q: Question = q) -> None:
            found.append(f"{q.theme}: {q.id}: {message}")

        if q.id in ids:
            bad("id used twice")
        ids.add(q.id)
        if not re.fullmatch(r"[a-z0-9-]+-d?[0-9]+", q.id):
            bad("malformed id")
        if len(q.phrasings) != PHRASINGS:
            bad(f"{len(q.phrasings)} phrasings, not {PHRASINGS}")
        for phrasing in q.phrasings:
            key = normalise(phrasing)
            if key in phrasings:
                bad(f"phrasing also in {phrasings[key]}: {phrasing}")
            phrasings[key] = q.id
        if q.kind == "outline":
            if not 3 <= len(q.points) <= 8:
                bad(f"{len(q.points)} points")
            titles = [normalise(p.title) for p in q.points]
            if len(set(titles)) != len(titles):
                bad("two titles alike")
            for p in q.points:
                if not TITLE.fullmatch(p.title):
                    bad(f"title: {p.title!r}")
                if len(p.texts) != 2 or p.texts[0] == p.texts[-1]:
                    bad(f"{p.title}: needs two different texts")
                for text in p.texts:
                    words = len(text.split())
                    if not 12 <= words <= 35:
                        bad(f"{p.title}: text of {words} words")
                    if text[-1:] not in ".!?":
                        bad(f"{p.title}: text does not end as a sentence")
        elif len(q.answers) != 2 or q.answers[0] == q.answers[-1]:
            bad("needs two different answers")
        fields = [*q.phrasings, *(t for p in q.points for t in (p.title, *p.texts)), *q.answers]
        if q.kind == "outline":
            fields += [q.opening, q.closing]
        for text in fields:
            for fault in _sentence_faults(text):
                bad(f"{fault}: {text!r}")

    themes = {q.theme for q in questions}
    if len(themes) < MIN_THEMES:
        found.append(f"{len(themes)} themes, fewer than {MIN_THEMES}")
    outlines = sum(q.kind == "outline" for q in questions)
    if outlines < MIN_OUTLINE_QUESTIONS:
        found.append(f"{outlines} outline questions, fewer than {MIN_OUTLINE_QUESTIONS}")
    return found


# The held-out set


def heldout_lines(questions: list[Question]) -> str:
    """One line a question; "unseen" questions were not trained on in any phrasing."""
    lines = []
    for q in questions:
        record: dict = {
            "id": q.id,
            "kind": q.kind,
            "set": "unseen" if q.unseen else "phrasing",
            "questions": list(q.heldout_phrasings),
        }
        if q.kind == "outline":
            record["titles"] = [p.title for p in q.points]
            record["expansions"] = [list(p.texts) for p in q.points]
        record["answers"] = list(q.plain_answers())
        lines.append(json.dumps(record, ensure_ascii=True) + "\n")
    return "".join(lines)


def stats(questions: list[Question]) -> str:
    themes = sorted({q.theme for q in questions})
    rows = [f"{'theme':<24} outline direct unseen"]
    for theme in themes:
        own = [q for q in questions if q.theme == theme]
        outlines = sum(q.kind == "outline" for q in own)
        rows.append(
            f"{theme:<24} {outlines:7} {len(own) - outlines:6} {sum(q.unseen for q in own):6}"
        )
    outlines = sum(q.kind == "outline" for q in questions)
    rows.append(
        f"{f'{len(themes)} themes':<24} {outlines:7} {len(questions) - outlines:6} "
        f"{sum(q.unseen for q in questions):6}"
    )
    points = [p for q in questions for p in q.points]
    words = sum(len(t.split()) for p in points for t in p.texts)
    rows.append(f"{len(points)} points, {words} words in their texts")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=["check", "heldout", "stats"])
    parser.add_argument("--corpus", type=Path, default=CORPUS_DIR)
    parser.add_argument("--output", type=Path, default=HELDOUT_FILE)
    parser.add_argument("--verify", action="store_true", help="compare, do not write")
    args = parser.parse_args()

    try:
        questions = load(args.corpus)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1
    if args.command == "check":
        found = faults(questions)
        for fault in found:
            print(fault, file=sys.stderr)
        print(f"{len(questions)} questions, {len(found)} faults")
        return 1 if found else 0
    if args.command == "stats":
        print(stats(questions))
        return 0
    text = heldout_lines(questions)
    if args.verify:
        same = args.output.is_file() and args.output.read_text(encoding="ascii") == text
        print("held-out set up to date" if same else f"{args.output.name} is out of date")
        return 0 if same else 1
    args.output.write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Varied wordings of a question, so that wordings never seen are understood.

Training sees five phrasings of each question, and the further wordings of
paraphrases.txt and cues.txt. Each time one is drawn it is changed at random:
words swapped for others of similar meaning, dropped, moved or misspelt, put into
another frame, reduced to keywords, or mixed with words from the question's own
outline and texts.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from pathlib import Path

from corpus import HERE, Question, normalise

FUNCTION_WORDS = frozenset(
    """a about after all also am an and any anyone anything are as at be been before being but by
    can could did do does doing done down each ever every few for from get gets getting give go
    going good had has have having he her here him his how i if in into is it its just let like
    make makes me might more most much must my need no not of off on once one only or other our
    out over own please really s shall she should so some someone something such t tell than that
    the their them then there these they thing things this those through to too up us use very want
    was way we well were what when where which while who whom whose why will with without wont
    would you your explain advice tips best ways help keep know""".split()
)

FRAMES = (
    "How do I {}?", "How can I {}?", "How should I {}?", "How does one {}?", "How do you {}?",
    "What is the best way to {}?", "What is a good way to {}?", "How to {}?", "How to {}",
    "Tell me how to {}.", "Explain how to {}.", "I want to {}.", "I would like to {}.",
    "Please explain how to {}.", "Can you tell me how to {}?", "Could you explain how to {}?",
    "Give me advice on how to {}.", "I need help to {}.", "Any tips to {}?", "Show me how to {}.",
    "What should I do to {}?", "What can I do to {}?", "What helps to {}?", "I am trying to {}.",
    "What do I need to know to {}?", "Is there a way to {}?", "Some advice on how to {}, please.",
)  # fmt: skip
TOPIC_FRAMES = (
    "{}", "{}?", "Tell me about {}.", "I have a question about {}.", "What about {}?",
    "Advice on {}, please.", "Tips for {}.", "Help with {}.", "Tips on {}?", "Explain {}.",
    "What should I know about {}?", "I need some advice about {}.", "Give me tips on {}.",
    "{}, what should I do?", "What matters with {}?", "{}, please.", "{} - any advice?",
)  # fmt: skip
BEFORE = (
    "Please tell me:", "Hi,", "Hello,", "Hey,", "Quick question:", "I was wondering,", "Tell me,",
    "Question:", "So,", "Well,", "Sorry to ask, but", "Could you help me?", "I have a question.",
    "Please,", "Help me out:", "Just curious:", "My friend asks:", "Honestly,", "OK,", "Now,",
    "In short,", "Excuse me,", "Good morning,", "One thing I never learned:", "Be honest,",
)  # fmt: skip
AFTER = (
    "please", "thanks", "thank you", "any ideas", "any advice", "can you help", "I have no idea",
    "I am a beginner", "what do you think", "help me", "I want to do it right", "what would you do",
    "I am not sure", "do you know", "in your opinion", "I could use some help", "explain it to me",
)  # fmt: skip
HOW_FRAME = re.compile(
    r"(?:how (?:do|can|should|could|would|does|might) (?:i|you|we|one|someone|somebody|people|a person)"
    r"|what(?: is|'s) (?:the|a) (?:best|good|right|sensible|proper) way (?:to|of)"
    r"|what (?:should|can|could|must|do) (?:i|you|we|one) do to"
    r"|(?:please )?(?:tell|show|teach) me how (?:to|i can|i should)"
    r"|(?:please )?explain (?:to me )?how (?:to|i can|one can|you)"
    r"|how to|i want to|i would like to|i need to|i am trying to"
    r"|(?:can|could) you (?:tell|show|explain to|teach) me how to)\s+(.+)",
    re.IGNORECASE,
)
WORD = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*")


def load_synonyms(path: Path = HERE / "synonyms.txt") -> dict[str, list[str]]:
    """For each word or phrase, those that may replace it."""
    table: dict[str, list[str]] = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if not line or line.startswith("#"):
            continue
        members = [m.strip().lower() for m in line.split(",")]
        for member in members:
            table.setdefault(member, []).extend(m for m in members if m != member)
    return table


def load_by_id(path: Path, separator: str) -> dict[str, list[str]]:
    """Lines of a question's id and texts that belong to it."""
    table = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            name, texts = line.split(": ", 1)
            table[name] = texts.split(separator)
    return table


def content_words(text: str) -> list[str]:
    return [w for w in WORD.findall(text.lower()) if w not in FUNCTION_WORDS and len(w) > 1]


class Augmenter:
    """Draws wordings of the given questions; the same seed gives the same wordings."""

    def __init__(self, questions: list[Question], strength: float = 1.0) -> None:
        self.strength = strength
        self.synonyms = load_synonyms()
        cues = load_by_id(HERE / "cues.txt", ", ")
        self.cues = {q.id: cues.get(q.id, []) for q in questions}
        more = load_by_id(HERE / "paraphrases.txt", " | ")
        self.wordings = {q.id: [*q.train_phrasings, *more.get(q.id, [])] for q in questions}
        longest_first = sorted(self.synonyms, key=lambda w: (-len(w), w))
        self.swappable = re.compile(
            r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b", re.IGNORECASE
        )
        seen: Counter[str] = Counter()
        for q in questions:
            seen.update(set(self._all_words(q)))
        self.weight = {w: math.log(1 + len(questions) / n) for w, n in seen.items()}
        self.asked: dict[str, list[str]] = {}
        self.told: dict[str, list[str]] = {}
        for q in questions:
            self.asked[q.id] = [w for p in self.wordings[q.id] for w in content_words(p)]
            self.asked[q.id] += [w for cue in self.cues[q.id] for w in content_words(cue)]
            self.told[q.id] = self._told_words(q)
        self.noise = sorted({w for words in self.asked.values() for w in words})

    def _all_words(self, q: Question) -> list[str]:
        asked = [*self.wordings[q.id], *self.cues[q.id]]
        return [w for text in asked for w in content_words(text)] + self._told_words(q)

    @staticmethod
    def _told_words(q: Question) -> list[str]:
        titles = [w for p in q.points for w in content_words(p.title)]
        texts = [w for p in q.points for t in p.texts for w in content_words(t)]
        rest = content_words(" ".join([q.opening, q.closing, *q.answers]))
        return 3 * content_words(q.opening) + 2 * titles + texts + rest

    def vary(self, q: Question, rng: random.Random) -> str:
        """One wording of the question, at random."""
        if rng.random() > 0.9 * self.strength:
            return rng.choice(self.wordings[q.id])
        draw = rng.random()
        if draw < 0.14:
            text = self._keywords(q, rng, told_share=0.1)
        elif draw < 0.24:
            text = self._keywords(q, rng, told_share=0.65)
        elif draw < 0.34:
            text = self._mixed(q, rng)
        elif draw < 0.54 and self.cues[q.id]:
            text = self._cued(q, rng)
        else:
            text = self._noisy(rng.choice(self.wordings[q.id]), rng)
        if rng.random() < 0.12:
            text = self._insert_noise(text, rng)
        if rng.random() < 0.15:
            text = self._misspell(text, rng)
        return self._surface(text, rng)

    def _pick(self, words: list[str], rng: random.Random) -> str:
        return rng.choices(words, [self.weight.get(w, 1.0) for w in words])[0]

    def _keywords(self, q: Question, rng: random.Random, told_share: float) -> str:
        asked, told = self.asked[q.id], self.told[q.id]
        count = rng.choice((2, 3, 3, 4, 4, 5, 6)) + (2 if told_share > 0.5 else 0)
        words: list[str] = []
        for _ in range(3 * count):
            source = told if told and rng.random() < told_share else asked
            word = self._pick(source or told, rng)
            if word not in words:
                words.append(word)
            if len(words) == count:
                break
        if rng.random() < 0.4:
            glue = ("and", "the", "for", "with", "a", "my", "to", "in", "of", "is")
            words = [x for w in words for x in ((rng.choice(glue), w) if rng.random() < 0.4 else (w,))]
        text = self._swap(" ".join(words), rng, 0.3)
        return rng.choice(FRAMES if rng.random() < 0.4 else TOPIC_FRAMES).format(text)

    def _mixed(self, q: Question, rng: random.Random) -> str:
        """Parts of two phrasings of the same question."""
        one, two = rng.sample(self.wordings[q.id], 2)
        a, b = one.rstrip(".?!").split(), two.split()
        if rng.random() < 0.5:
            a, b = a[: rng.randint(2, max(2, len(a)))], b[rng.randint(0, max(0, len(b) - 2)) :]
        return self._swap(" ".join(a + b), rng, 0.2)

    def _cued(self, q: Question, rng: random.Random) -> str:
        """One to three cues in a frame, or beside a part of a phrasing."""
        cues = self.cues[q.id]
        chosen = rng.sample(cues, min(len(cues), rng.choice((1, 1, 2, 2, 3))))
        text = rng.choice((" ", ", ", " and ", " ")).join(chosen)
        if rng.random() < 0.35:
            words = rng.choice(self.wordings[q.id]).rstrip(".?!").split()
            start = rng.randint(0, max(0, len(words) - 3))
            part = " ".join(words[start : start + rng.randint(2, 8)])
            text = rng.choice(("{0} {1}", "{1} {0}", "{0}, {1}")).format(part, text)
        else:
            text = rng.choice(FRAMES if rng.random() < 0.35 else TOPIC_FRAMES).format(text)
        return self._noisy(text, rng) if rng.random() < 0.5 else text

    def _noisy(self, text: str, rng: random.Random) -> str:
        if rng.random() < 0.3:
            match = HOW_FRAME.match(text)
            if match:
                text = rng.choice(FRAMES).format(match.group(1).rstrip(".?! "))
        if rng.random() < 0.7:
            text = self._swap(text, rng, rng.choice((0.15, 0.35, 0.6)))
        drop_function = rng.choice((0.0, 0.0, 0.1, 0.3, 0.6))
        drop_content = rng.choice((0.0, 0.05, 0.1, 0.2, 0.35))
        words = [
            w
            for w in text.split()
            if rng.random()
            >= (drop_function if normalise(w) in FUNCTION_WORDS else drop_content)
        ]
        words = words if len(words) >= 2 else text.split()
        if len(words) < 2:
            return text
        if rng.random() < 0.15:  # turn the parts around
            cut = rng.randint(1, len(words) - 1)
            words = words[cut:] + words[:cut]
        elif rng.random() < 0.15:  # shuffle nearby
            order = sorted(range(len(words)), key=lambda i: i + rng.uniform(0, 3))
            words = [words[i] for i in order]
        return " ".join(words)

    def _swap(self, text: str, rng: random.Random, share: float) -> str:
        def replace(match: re.Match[str]) -> str:
            word = match.group(0)
            return rng.choice(self.synonyms[word.lower()]) if rng.random() < share else word

        return self.swappable.sub(replace, text)

    def _insert_noise(self, text: str, rng: random.Random) -> str:
        words = text.split()
        for _ in range(rng.choice((1, 1, 2))):
            words.insert(rng.randint(0, len(words)), rng.choice(self.noise))
        return " ".join(words)

    @staticmethod
    def _misspell(text: str, rng: random.Random) -> str:
        letters = list(text)
        for _ in range(rng.choice((1, 1, 2, 3))):
            i = rng.randrange(len(letters))
            if not letters[i].isalpha():
                continue
            kind = rng.random()
            if kind < 0.3 and i + 1 < len(letters) and letters[i + 1].isalpha():
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
            elif kind < 0.55:
                letters[i] = ""
            elif kind < 0.8:
                letters[i] *= 2
            else:
                letters[i] = rng.choice("abcdefghijklmnopqrstuvwxyz")
            letters = list("".join(letters)) or list(text)
        return "".join(letters)

    @staticmethod
    def _surface(text: str, rng: random.Random) -> str:
        """Case, punctuation, and words around the question."""
        text = " ".join(text.split())
        if rng.random() < 0.15:
            text = f"{rng.choice(BEFORE)} {text}"
        if rng.random() < 0.08:
            text = f"{text.rstrip('.?!')}, {rng.choice(AFTER)}{rng.choice(('?', '.', ''))}"
        draw = rng.random()
        if draw < 0.25:
            text = text.lower()
        elif draw < 0.27:
            text = text.upper()
        elif draw < 0.85:
            text = text[:1].upper() + text[1:]
        draw = rng.random()
        if draw < 0.25:
            text = text.rstrip(".?! ")
        elif draw < 0.45:
            text = text.rstrip(".?! ") + rng.choice(("?", "?", ".", "!", "??"))
        return text or "?"

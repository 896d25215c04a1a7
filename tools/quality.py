#!/usr/bin/env python3
"""Compares answers by outline with plain ones, and both with references.

  tools/quality.py [--jupiter FILE] [-m MODEL] [--questions FILE.jsonl] [--ranks N] [--limit N]
                   [--results PLAIN.jsonl OUTLINE.jsonl] [--out FOLDER]

Answers the question set plainly, by outline and by --outline=auto (or reads finished results), and
prints a table per category: chrF (sacrebleu) and ROUGE-L (rouge-score) against the best of the
references, words, share of the references' points that the answer covers, and perplexity of the
answer under the model itself, as a plain answer to its question. Needs Python with sacrebleu,
rouge-score and numpy:
  python3 -m venv venv && venv/bin/pip install sacrebleu rouge-score numpy

References: "answers", "titles" and "expansions" of the question file, where it has them. A point is
covered if one of its texts is found in the answer with ROUGE-L recall of at least 0.6.
"""
import argparse
import collections
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import sacrebleu
    from rouge_score import rouge_scorer
except ImportError as error:
    sys.exit(f"quality.py: {error}; see the head of this file for what it needs")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEMO = os.path.join(ROOT, "data", "demo")
COVERED = 0.6
MODES = {"plain": [], "outline": ["--outline"], "auto": ["--outline=auto"]}
ROUGE = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jupiter", default=os.path.join(ROOT, "build", "jupiter"))
    parser.add_argument("-m", "--model", default=os.path.join(DEMO, "jupiter-demo-f16.gguf"))
    parser.add_argument("--questions", default=os.path.join(DEMO, "heldout.jsonl"))
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--generate", type=int, default=320)
    parser.add_argument("--no-perplexity", action="store_true")
    parser.add_argument("--out", default="runs/quality")
    return parser.parse_args()


def read_questions(options):
    questions = []
    with open(options.questions) as lines:
        for number, line in enumerate(lines):
            item = json.loads(line)
            text = item.get("question") or (item.get("questions") or item.get("turns"))[0]
            category = "/".join(filter(None, [item.get("kind") or item.get("category"),
                                              item.get("set")])) or "all"
            questions.append({"id": f"{item.get('id', number)}#{number}", "question": text,
                              "category": category, "references": item.get("answers", []),
                              "points": item.get("expansions", []),
                              "titles": item.get("titles", [])})
    if options.limit:
        picked = random.Random(1).sample(range(len(questions)),
                                         min(options.limit, len(questions)))
        questions = [questions[i] for i in sorted(picked)]
    return questions


def answer(options, questions, mode):
    """The results of one mode by id."""
    asked = os.path.join(options.out, "questions.jsonl")
    results = os.path.join(options.out, f"{mode}.jsonl")
    with open(asked, "w") as out:
        for q in questions:
            out.write(json.dumps({key: q[key] for key in ("id", "question", "category")}) + "\n")
    command = [options.jupiter, "run", "-m", options.model, "--questions", asked, "--results",
               results, "-n", str(options.generate), "-q", *MODES[mode]]
    if options.ranks > 1:
        command = ["mpirun", "-n", str(options.ranks), *command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"quality.py: {mode}: {done.stderr}")
    with open(results) as lines:
        return {a["id"]: a for a in map(json.loads, lines)}


def prose(result):
    """The answer without its headings: what is compared with references in running text."""
    if result["mode"] == "outline":
        return " ".join(point["text"].strip() for point in result["points"])
    return result["answer"].strip()


def chrf(text, references):
    return max((sacrebleu.sentence_chrf(text, [r]).score for r in references), default=None)


def rouge(text, references):
    return max((ROUGE.score(r, text)["rougeL"].fmeasure for r in references), default=None)


def coverage(text, points):
    """A point has several wordings; one of them suffices."""
    if not points:
        return None
    found = [max(ROUGE.score(wording, text)["rougeL"].recall for wording in wordings) >= COVERED
             for wordings in points]
    return sum(found) / len(found)


def log_softmax_at(logits, ids):
    largest = logits.max(axis=1, keepdims=True)
    sums = np.log(np.exp(logits - largest).sum(axis=1)) + largest[:, 0]
    return logits[np.arange(len(ids)), ids] - sums


def perplexity(options, question, text):
    """Of the text as the plain answer to its question, under the model."""
    head = f"Question: {question}\nAnswer:\n"
    with tempfile.TemporaryDirectory() as folder:
        prompt, npy = os.path.join(folder, "prompt"), os.path.join(folder, "logits.npy")

        def ids_of(content):
            with open(prompt, "w") as out:
                out.write(content)
            done = subprocess.run([options.jupiter, "tokenize", "-m", options.model, "-f", prompt],
                                  capture_output=True, text=True, check=True)
            return [int(word) for word in done.stdout.split()]

        start, ids = len(ids_of(head)), ids_of(head + text)
        done = subprocess.run([options.jupiter, "run", "-m", options.model, "-f", prompt, "-n", "0",
                               "-q", "--logits", npy], capture_output=True, text=True)
        if done.returncode or len(ids) <= start:
            return None
        logits = np.load(npy).astype(np.float64)
    scores = log_softmax_at(logits[start - 1:len(ids) - 1], np.array(ids[start:]))
    return float(np.exp(-scores.mean()))


def judge(options, question, result):
    text = prose(result)
    scores = {"chrF": chrf(text, question["references"]),
              "ROUGE-L": rouge(text, question["references"]),
              "words": len(text.split()),
              "covered": coverage(text, question["points"]),
              "by outline": float(result["mode"] == "outline")}
    if not options.no_perplexity:
        scores["perplexity"] = perplexity(options, question["question"], text)
    return scores


def mean(values):
    values = [v for v in values if v is not None]
    return statistics.mean(values) if values else None


def show(value):
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def print_table(rows):
    """rows: (category, mode, scores) of every answer."""
    columns = list(rows[0][2])
    groups = collections.defaultdict(list)
    for category, mode, scores in rows:
        groups[category, mode].append(scores)
        groups["all", mode].append(scores)
    print("| category | way | n | " + " | ".join(columns) + " |")
    print("|---" * (3 + len(columns)) + "|")
    for category, mode in sorted(groups, key=lambda k: (k[0] == "all", k[0])):
        group = groups[category, mode]
        cells = [show(mean(scores[c] for scores in group)) for c in columns]
        print(f"| {category} | {mode} | {len(group)} | " + " | ".join(cells) + " |")


def compare(results, first, second):
    """How alike two ways' answers are to each other."""
    pairs = [(prose(results[first][k]), prose(results[second][k])) for k in results[first]]
    alike = mean(sacrebleu.sentence_chrf(b, [a]).score for a, b in pairs if a and b)
    longer = mean(len(b.split()) / len(a.split()) for a, b in pairs if a and b)
    print(f"\n{second} against {first}: chrF {show(alike)}, length ratio {show(longer)}")


def main():
    options = arguments()
    os.makedirs(options.out, exist_ok=True)
    questions = read_questions(options)
    results = {mode: answer(options, questions, mode) for mode in MODES}
    rows = [(q["category"], mode, judge(options, q, results[mode][q["id"]]))
            for mode in MODES for q in questions]
    print_table(rows)
    compare(results, "plain", "outline")
    compare(results, "plain", "auto")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A night's batch in small: thousands of questions on emulated boards that die and lose their links.

  night.py JUPITER [--questions 2000] [--tokens 8] [--cluster 4xnx@1000mbps,0.2ms] [--folder DIR]
           [--again]

Answers the questions on one rank, undisturbed (--again: the folder has these answers); then on the
boards, by tools/emulate run --keep-going, while boards are killed three times and links are cut twice,
each at a number of answers and each time the busiest board but the first. Then compares the results line by line, but for times, and
every rank's peak memory after 100 questions of its life with that at its end. Exit code 0: all lines
equal, memory within 2 MB. Emulated: no figure here is a measurement of boards.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = os.path.join(TOP, "data", "demo", "jupiter-demo-f16.gguf")
EMULATE = os.path.join(TOP, "tools", "emulate")
WARM = 100  # questions after which memory shall not grow any more
# shares of all questions at which something happens to the busiest board, or ends for it
FAULTS = [(0.10, "down"), (0.20, "up"), (0.25, "down"), (0.40, "up"), (0.45, "cut"), (0.60, "heal"),
          (0.65, "down"), (0.70, "up"), (0.75, "cut"), (0.90, "heal")]


def make_questions(path, n):
    with open(os.path.join(TOP, "data", "demo", "heldout.jsonl")) as file:
        some = [text for line in file for text in json.loads(line)["questions"]]
    with open(path, "w") as file:
        for i in range(n):
            file.write(json.dumps({"id": "%05d" % i, "question": some[i % len(some)]}) + "\n")


def count_lines(path):
    try:
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return 0


def without_times(value):
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in ("seconds", "first_token_s")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def answers(path):
    with open(path) as file:
        return sorted(json.dumps(without_times(json.loads(line)), sort_keys=True) for line in file)


class Watch(threading.Thread):
    """Peak memory of every rank, over its life; and what shall happen at a number of answers."""

    def __init__(self, results, faults, act):
        super().__init__(daemon=True)
        self.results, self.faults, self.act = results, list(faults), act
        self.lives, self.over, self.happened, self.board = {}, threading.Event(), [], None

    def ranks(self):
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path) as file:
                    words = file.read().split("\0")
                if os.path.basename(words[0]) == "jupiter" and self.results in words:
                    yield int(path.split("/")[2])
            except OSError:
                pass

    def sample(self, lines):
        for pid in self.ranks():
            try:
                with open("/proc/%d/status" % pid) as file:
                    peak = next((int(l.split()[1]) for l in file if l.startswith("VmHWM")), 0)
            except OSError:
                continue
            life = self.lives.setdefault(pid, {"begin": lines, "warm": None, "last": 0, "end": lines})
            life["last"], life["end"] = max(life["last"], peak), lines
            if life["warm"] is None and lines - life["begin"] >= WARM:
                life["warm"] = peak

    def processor_s(self):
        """Of every rank, by the inode of its network namespace."""
        used = {}
        for pid in self.ranks():
            try:
                with open("/proc/%d/stat" % pid) as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                network = os.stat("/proc/%d/ns/net" % pid).st_ino
                used[network] = used.get(network, 0) + int(fields[11]) + int(fields[12])
            except OSError:
                pass
        return used

    def busiest(self):
        """The board whose rank computes most, the first one aside; None: there is no other."""
        before = self.processor_s()
        time.sleep(1)
        after = self.processor_s()
        used = {}
        for path in glob.glob("/run/netns/jup-*-[1-9]*"):
            network = os.stat(path).st_ino
            board = int(path.rsplit("-", 1)[1])  # of this run, or of another that is idle here
            used[board] = max(used.get(board, 0), after.get(network, 0) - before.get(network, 0))
        board = max(used, key=used.get, default=None)
        return board if board is not None and used[board] > 0 else None

    def run(self):
        while not self.over.wait(0.2):
            lines = count_lines(self.results)
            self.sample(lines)
            if self.faults and lines >= self.faults[0][0]:
                what = self.faults[0][1]
                board = self.board = self.busiest() if what in ("down", "cut") else self.board
                if board is None:
                    continue  # no life is under way on several boards: a little later
                self.faults.pop(0)
                self.act(board, what)
                self.happened.append((lines, board, what))
                print("%s after %d answers: board %d %s" % (time.strftime("%T"), lines, board, what),
                      flush=True)


def run(command, results, log, faults=(), act=None):
    """Its exit code, its watch, its seconds."""
    begin = time.time()
    with open(log, "w") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        watch = Watch(results, faults, lambda board, what: act(process.pid, board, what))
        watch.start()
        code = process.wait()
        watch.over.set()
        watch.join()
    return code, watch, time.time() - begin


def fault(pid, board, what):
    subprocess.run([sys.executable, EMULATE, "fault", str(pid), str(board), what])


def report_memory(name, watch):
    """The most that a rank's peak grew after its first questions, in kB."""
    lives = [life for life in watch.lives.values() if life["warm"]]
    growth = max((life["last"] - life["warm"] for life in lives), default=0)
    most = max((life["last"] for life in watch.lives.values()), default=0)
    print("%s: %d processes, peak memory %.1f MB; %d lived for more than %d answers, their peak grew "
          "by at most %d kB after that" % (name, len(watch.lives), most / 1e3, len(lives), WARM, growth))
    return growth


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("jupiter")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--cluster", default="4xnx@1000mbps,0.2ms")
    parser.add_argument("--folder")
    parser.add_argument("--again", action="store_true")
    o = parser.parse_args()
    folder = o.folder or tempfile.mkdtemp(prefix="jupiter-night-")
    os.makedirs(folder, exist_ok=True)
    at = lambda name: os.path.join(folder, name)
    for old in ["night.jsonl", "journal"] + ["whole.jsonl"] * (not o.again):
        if os.path.exists(at(old)):
            os.unlink(at(old))
    make_questions(at("questions.jsonl"), o.questions)
    ask = [o.jupiter, "run", "-m", MODEL, "--questions", at("questions.jsonl"), "-n", str(o.tokens), "-t", "1",
           "-q", "--prompts", "question-outline-1", "--temperature", "0.8", "--seed", "7"]
    os.environ["JUPITER_DATA"] = os.path.join(TOP, "data")
    os.environ["OMP_NUM_THREADS"] = "1"

    whole_growth = 0
    if not o.again:
        code, watch, seconds = run(ask + ["--results", at("whole.jsonl")], at("whole.jsonl"), at("whole.log"))
        print("undisturbed: exit code %d, %d answers in %.0f s"
              % (code, count_lines(at("whole.jsonl")), seconds))
        whole_growth = report_memory("undisturbed", watch)

    faults = [(int(share * o.questions), what) for share, what in FAULTS]
    command = [sys.executable, EMULATE, "run", o.cluster, "--keep-going", "--cpu", "none", "--"]
    command += ask + ["--watch", "10"]
    code, watch, seconds = run(command + ["--results", at("night.jsonl"), "--journal", at("journal")],
                               at("night.jsonl"), at("night.log"), faults, fault)
    counts = {what: sum(1 for _, _, w in watch.happened if w == what) for what in ("down", "cut")}
    print("the night: exit code %d, %d answers in %.0f s, boards killed %d times, links cut %d times"
          % (code, count_lines(at("night.jsonl")), seconds, counts["down"], counts["cut"]))
    growth = max(whole_growth, report_memory("the night", watch))
    print(subprocess.run([o.jupiter, "journal", at("journal")], stdout=subprocess.PIPE, text=True).stdout)
    equal = answers(at("whole.jsonl")) == answers(at("night.jsonl"))
    print("results equal line for line: %s; memory within 2 MB: %s" % ("yes" if equal else "NO",
                                                                     "yes" if growth <= 2000 else "NO"))
    return 0 if equal and code == 0 and growth <= 2000 else 1


if __name__ == "__main__":
    sys.exit(main())

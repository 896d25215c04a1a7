"""Tests the plots, and `jupiter trace` against them: two readers and two analyses of files that
neither of them wrote. Usage: plots_test.py JUPITER"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
PLOTS = os.path.join(HERE, "..", "..", "plots")
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "python")]

import make_run  # noqa: E402
import numpy as np  # noqa: E402
from jupiter_trace import arrays, intervals, load, schema  # noqa: E402

JUPITER = None


def script(name, *arguments):
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", MPLCONFIGDIR=tempfile.gettempdir())
    return subprocess.run([sys.executable, os.path.join(PLOTS, name), *arguments],
                          capture_output=True, text=True, env=environment, check=False)


def jupiter(*arguments):
    return subprocess.run([JUPITER, "trace", *arguments], capture_output=True, text=True,
                          check=False)


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_of(self, ranks, **options):
        make_run.make(self.path("run.h5"), ranks, **options)
        return self.path("run.h5")


class Plots(InFolder):
    def draw(self, name, *arguments):
        out = self.path("out.svg")
        done = script(name, *arguments, "-o", out)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(out, encoding="utf-8") as file:
            text = file.read()
        xml.dom.minidom.parseString(text)
        return text

    def test_any_number_of_ranks(self):
        for ranks in (1, 2, 4, 8):
            path = self.run_of(ranks)
            gantt = self.draw("gantt.py", path)
            self.assertIn(f"<!-- rank {ranks - 1} -->", gantt)
            self.assertNotIn(f"<!-- rank {ranks} -->", gantt)
            self.assertIn(f"<!-- rank {ranks - 1} -->", self.draw("breakdown.py", path))

    def test_the_world_is_named(self):
        for world, text in arrays.WORLDS.items():
            path = self.run_of(2, chunks=2, tokens=3, world=world)
            self.assertIn(text, self.draw("gantt.py", path, "--phase", "prefill"))

    def test_zooming(self):
        path = self.run_of(3)
        self.assertNotIn("<!-- decode", self.draw("gantt.py", path, "--phase", "prefill"))
        self.assertIn("first 3 of 23", self.draw("gantt.py", path, "--tokens", "3"))
        self.assertIn("0.02 s to 0.05 s", self.draw("gantt.py", path, "--from=0.02", "--to=0.05"))

    def test_runs_cut_short(self):
        for chunks, tokens in ((1, 1), (3, 1)):
            path = self.run_of(2, chunks=chunks, tokens=tokens)
            self.draw("gantt.py", path)
            self.draw("breakdown.py", path)

    def assert_refused(self, says, name, *arguments):
        done = script(name, *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_bad_files(self):
        out, good = self.path("out.png"), self.run_of(2)
        with open(good, "rb") as file:
            whole = file.read()
        for name, data, says in (("empty.h5", b"", "cannot read"),
                                 ("text.h5", b"not a run file", "cannot read"),
                                 ("short.h5", whole[: len(whole) // 2], "truncated")):
            with open(self.path(name), "wb") as file:
                file.write(data)
            self.assert_refused(says, "gantt.py", self.path(name), "-o", out)
        self.assert_refused("no such file", "breakdown.py", self.path("none.h5"), "-o", out)
        with make_run.h5py.File(self.path("other.h5"), "w") as file:
            file.attrs["format"] = "another"
        self.assert_refused("not a run file", "gantt.py", self.path("other.h5"), "-o", out)
        with make_run.h5py.File(good, "a") as file:
            file.attrs["schema_major"] = 99
        self.assert_refused("newer version", "gantt.py", good, "-o", out)

    def test_bad_options(self):
        good = self.run_of(2)
        self.assert_refused("cannot write", "gantt.py", good, "-o", self.path("no/such/x.png"))
        self.assert_refused("not before", "gantt.py", good, "-o", "x.png", "--from=2", "--to=1")
        self.assert_refused("--tokens", "gantt.py", good, "-o", "x.png", "--tokens=0")


class Intervals(unittest.TestCase):
    def test_sets(self):
        a = intervals.union(np.array([[4.0, 6], [0, 2], [1, 3], [7, 7]]))
        self.assertEqual(a.tolist(), [[0, 3], [4, 6]])
        b = np.array([[2.0, 5]])
        self.assertEqual(intervals.intersect(a, b).tolist(), [[2, 3], [4, 5]])
        self.assertEqual(intervals.subtract(a, b).tolist(), [[0, 2], [5, 6]])
        self.assertEqual(intervals.covered(a, 2.5, 4.5), 1.0)


class Command(InFolder):
    def setUp(self):
        super().setUp()
        if not os.access(JUPITER, os.X_OK):
            self.skipTest(f"no program {JUPITER}")

    @staticmethod
    def milliseconds(text):
        number, unit = text.split()
        return float(number) * {"ms": 1, "s": 1000}[unit]

    def test_summary_agrees_with_the_plots(self):
        for ranks in (1, 3, 5):
            path = self.run_of(ranks)
            done, run = jupiter("summary", path), load(path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            first = re.search(r"time to first token +(.*)", done.stdout)[1]
            request = run.requests[0]
            self.assertAlmostEqual(self.milliseconds(first),
                                   1e3 * (request.first_token_s - request.start_s), delta=0.06)
            rows = re.findall(r"^ +(\d) +here +\d+-\d+ +([\d.]+ m?s) +([\d.]+ m?s)", done.stdout,
                              re.M)
            self.assertEqual(len(rows), ranks)
            for rank, busy, waiting in rows:
                self.check_rank(run, int(rank), busy, waiting)

    def check_rank(self, run, rank, busy, waiting):
        request = run.requests[0]
        stretch = (request.start_s, request.end_s)
        busy_s = intervals.covered(run.busy(rank), *stretch)
        wait_s = sum(intervals.covered(run.waiting(rank, kind), *stretch) for kind in schema.WAITS)
        self.assertAlmostEqual(self.milliseconds(busy), 1e3 * busy_s, delta=0.06)
        self.assertAlmostEqual(self.milliseconds(waiting), 1e3 * wait_s, delta=0.06)

    def test_timeline_shows_the_pipeline(self):
        lines = jupiter("summary", self.run_of(3, chunks=4), "--width", "60").stdout.splitlines()
        drawn = [line for line in lines if line.startswith("rank ") and line.endswith("|")]
        self.assertEqual(len(drawn), 6)
        bars = [line[line.index("|") + 1:-1] for line in drawn[:3]]
        self.assertTrue(all(len(bar) == 60 for bar in bars), bars)
        for bar in bars:  # the chunks in their order, each stage later than the one before
            self.assertEqual(re.sub(r"(.)\1*", r"\1", bar.replace("-", "")), "0123")
        starts = [bar.index("0") for bar in bars]
        self.assertEqual(starts, sorted(set(starts)))

    def test_chrome(self):
        path = self.run_of(3)
        done = jupiter("chrome", path, "-o", self.path("out.json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("out.json"), encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        run = load(path)
        phases = [event["ph"] for event in events]
        self.assertEqual(phases.count("X"), len(run.spans) + 2 * len(run.messages))
        self.assertEqual(phases.count("s"), len(run.messages))
        self.assertEqual(phases.count("f"), len(run.messages))

    def test_mistakes_are_one_line(self):
        good = self.run_of(1)
        for arguments in ([], ["summary"], ["draw", good], ["summary", self.path("none.h5")],
                          ["summary", good, good], ["summary", good, "--width", "1"],
                          ["chrome", good, "-o", self.path("no/such/file")],
                          ["summary", __file__], ["summary", "--nonsense"]):
            done = jupiter(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"\Ajupiter: [^\n]*\n\Z")

    def test_help(self):
        done = jupiter("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--output", done.stdout)


if __name__ == "__main__":
    JUPITER = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "jupiter"
    unittest.main()

"""What the experiments share: runs of this program in simulated time, scripts of workloads, tables
and pictures. Every figure that comes out of here is simulated (phantom weights, profiles of data/).
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OOM = 3  # exit code of the program
MEDUSA = [0.56, 0.32, 0.20]  # published accuracies of its heads
SEEDS = range(1, 5)          # of what comes true; means are reported
PROMPT, TITLES, HEADING, POINT = 260, (4, 4, 4, 3), 5, 10


class Simulation:
    """Runs of one build, several at a time; scripts and plans lie in a folder of its own."""

    def __init__(self, build, jobs=2):
        self.jupiter = os.path.join(os.path.abspath(build), "jupiter")
        self.simulated = os.path.join(os.path.abspath(build), "sim", "jupiter")
        self.jobs = jobs
        self.environment = dict(os.environ, JUPITER_DATA=os.path.join(ROOT, "data"))
        self.folder = tempfile.TemporaryDirectory()
        for program in (self.jupiter, self.simulated):
            if not os.path.exists(program):
                sys.exit("no %s: give --build the build folder, after `make` and `make sim`"
                         % program)

    def write(self, name, text):
        """Whole at once: another thread may read the same file."""
        path = os.path.join(self.folder.name, name)
        with tempfile.NamedTemporaryFile("w", dir=self.folder.name, delete=False) as file:
            file.write(text)
        os.replace(file.name, path)
        return path

    def script(self, seed=1, accuracy=MEDUSA, form=False, titles=TITLES, point=POINT, answer=0,
               prompt=PROMPT, heading=HEADING, draft_ms=0):
        """An outline of titles and as many points, or a plain answer of so many tokens."""
        request = "{prompt: %d, answer: %d}" % (prompt, answer) if answer else \
            "{prompt: %d, outline: %d, heading: %d, points: %s}" % (
                prompt, sum(titles) + 3 * (len(titles) - 1), heading, [point] * len(titles))
        lines = ["script_version: 1", "seed: %d" % seed, "requests: [%s]" % request]
        if accuracy:
            lines.append("accuracy: %s" % list(accuracy))
        if draft_ms:
            lines.append("draft_ms: %g" % draft_ms)
        if not answer:
            lines += ["titles: %s" % list(titles), "form: %s" % ("true" if form else "false")]
        return self.write("script-%d.yaml" % zlib.crc32("\n".join(lines).encode()), "\n".join(lines) + "\n")

    def call(self, command):
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=self.environment)

    def plan(self, name, cluster, shape, *options):
        path = os.path.join(self.folder.name, name)
        done = self.call([self.jupiter, "plan", "--cluster", cluster, "--shape", shape,
                          "--first-stays", "-o", path, *options])
        if done.returncode:
            sys.exit("plan of %s:\n%s" % (cluster, done.stderr))
        return path

    def run(self, cluster, shape, *options):
        """The summary of one run; None where the program says that memory does not suffice."""
        done = self.call([os.path.join(ROOT, "tools", "simulate"), cluster, "--", self.simulated,
                          "run", "--cluster", cluster, "--shape", shape, "--json", "-q", *options])
        if done.returncode == OOM and "out of memory" in done.stderr:
            return None
        if done.returncode:
            sys.exit("%s %s:\n%s" % (cluster, " ".join(options), done.stderr))
        return json.loads(done.stdout)["summary"]

    def seconds(self, cluster, shape, options=(), seeds=SEEDS, **script):
        """Mean over seeds of a request's seconds, prefill and decoding; None: out of memory."""
        runs = [self.run(cluster, shape, "--script", self.script(seed=seed, **script), *options)
                for seed in seeds]
        if None in runs:
            return None
        return statistics.mean(run["prefill_s"] + run["decode_s"] for run in runs)

    def each(self, function, items):
        """function(item) for all of them, some at a time, in their order."""
        with concurrent.futures.ThreadPoolExecutor(max(1, self.jobs)) as pool:
            return list(pool.map(function, items))


def arguments(text, emulated=False, **extra):
    parser = argparse.ArgumentParser(description=text,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the build folder (build)")
    parser.add_argument("--plot", help="draw it, .svg or .png (needs matplotlib)")
    parser.add_argument("--jobs", type=int, default=2, help="simulations at a time (2)")
    parser.add_argument("--quick", action="store_true", help="a small part of it")
    for name, settings in extra.items():
        parser.add_argument("--" + name, **settings)
    if emulated:
        parser.add_argument("--emulated", action="store_true", help="in place of simulating: the "
                            "embedded model on four emulated boards (as root)")
        parser.add_argument("--questions", type=int, default=10, help="emulated: how many (10)")
        parser.add_argument("--repeat", type=int, default=2, help="emulated: how often (2)")
    options = parser.parse_args()
    for path in (options.plot, getattr(options, "csv", None)):
        if path and not os.path.isdir(os.path.dirname(path) or "."):
            parser.error("there is no folder %s to write to" % os.path.dirname(path))
    if emulated and options.emulated:
        return options
    if not shutil.which("smpirun"):
        print("no smpirun (Debian: libsimgrid-dev): skipped", file=sys.stderr)
        sys.exit(77)
    return options


def text_of(value):
    return "-" if value is None else "%.3g" % value if isinstance(value, float) and value < 10 \
        else "%.1f" % value if isinstance(value, float) else str(value)


def table(head, rows):
    """Markdown."""
    lines = ["| %s |" % " | ".join(map(str, head)), "|---" * len(head) + "|"]
    lines += ["| %s |" % " | ".join(map(text_of, row)) for row in rows]
    print("\n".join(lines) + "\n")


def draw(path, title, x, y, lines, log_x=False, log_y=False, bars=False, where="simulated"):
    """lines: {name: ([x], [y])}. All pictures say where their figures come from."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    matplotlib.rcParams["svg.hashsalt"] = "jupiter"
    figure, axis = plt.subplots(figsize=(8, 4.5))
    for at, (name, (xs, ys)) in enumerate(lines.items()):
        points = [(a, b) for a, b in zip(xs, ys) if b is not None]
        if bars:
            width = 0.8 / len(lines)
            axis.bar([i + (at - (len(lines) - 1) / 2) * width for i in range(len(points))],
                     [b for _, b in points], width, label=name)
            axis.set_xticks(range(len(points)))
            axis.set_xticklabels([a for a, _ in points], rotation=30, ha="right", fontsize=8)
        else:
            axis.plot([a for a, _ in points], [b for _, b in points], "o-", label=name)
    if log_x:
        axis.set_xscale("log")
        ticks = sorted({a for xs, _ in lines.values() for a in xs})
        axis.set_xticks(ticks, ["%g" % a for a in ticks])
        axis.set_xticks([], minor=True)
    if log_y:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", labelsize=7)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.set_title("%s (%s)" % (title, where), fontsize=11)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    if not log_y:
        axis.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)

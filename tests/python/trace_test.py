"""Tests jupiter_trace: files of every schema version, made from SCHEMA.md by make_run.py; a run's
own file against what the program says of it. Usage: trace_test.py JUPITER"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests", "plots"), os.path.join(ROOT, "python")]

import h5py  # noqa: E402
import jupiter_trace  # noqa: E402
import make_run  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from jupiter_trace import schema  # noqa: E402

JUPITER = None
MODEL = os.path.join(ROOT, "data", "demo", "jupiter-demo-f16.gguf")
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
       "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "run.h5")

    def made(self, ranks=3, **options):
        make_run.make(self.file, ranks, **options)
        return jupiter_trace.open(self.file)


class Versions(InFolder):
    def test_all_of_them(self):
        for minor in range(make_run.MINOR + 1):
            run = self.made(ranks=2, chunks=2, tokens=3, minor=minor)
            self.assertEqual(run.arrays.version, (1, minor))
            for name, columns in schema.TABLES.items():
                names = getattr(run.arrays, name).dtype.names
                self.assertEqual(set(names), {column[0] for column in columns}, name)
            stages = list(run.ranks["stage"])
            self.assertEqual(stages, [0, 1] if minor >= 2 else [-1, -1])
            self.assertEqual(list(run.ranks["way"]), ["alone"] * 2 if minor >= 2 else ["", ""])
            self.assertEqual("cancel" in set(run.messages["kind"]), minor >= 1)

    def test_the_generator_knows_the_newest(self):
        with open(os.path.join(ROOT, "src", "trace", "SCHEMA.md"), encoding="utf-8") as file:
            self.assertIn(f"# The run file, schema 1.{make_run.MINOR}\n", file.read())

    def test_unknown_columns_stay(self):
        self.made()
        with h5py.File(self.file, "a") as file:
            table, kinds = file["tokens"][:], dict(file["tokens"].attrs)
            del file["tokens"]
            whole = np.zeros(len(table), table.dtype.descr + [("mood", "<i4")])
            for name in table.dtype.names:
                whole[name] = table[name]
            whole["mood"] = 7
            file["tokens"] = whole
            file["tokens"].attrs.update(kinds)
            file.attrs["schema_minor"] = 99
        self.assertEqual(set(jupiter_trace.open(self.file).tokens["mood"]), {7})

    def test_refusals(self):
        self.made()
        with h5py.File(self.file, "a") as file:
            file.attrs["schema_major"] = 2
        for path, says in ((self.file, "newer version"), (self.file + "x", "no such file"),
                           (__file__, "cannot read")):
            with self.assertRaises(jupiter_trace.RunFileError) as raised:
                jupiter_trace.open(path)
            self.assertIn(says, str(raised.exception))
            self.assertIn(path, str(raised.exception))


class Frames(InFolder):
    def test_columns(self):
        run = self.made(hosts=True)
        for frame in (run.spans, run.messages, run.tokens, run.ranks, run.phases(), run.bubbles()):
            self.assertIsInstance(frame, pd.DataFrame)
            self.assertGreater(len(frame), 0)
        self.assertEqual(list(run.ranks["host"]), ["board-0", "board-1", "board-2"])
        self.assertEqual(run.ranks.loc[1, "kv_bytes"], 20 << 20)
        self.assertEqual(set(run.spans["kind"]) - set(make_run.SPANS), set())
        self.assertTrue(np.allclose(run.spans["seconds"], run.spans["end_s"] - run.spans["start_s"]))
        self.assertEqual(run.plan, {"strategy": "jupiter", "chunks": [64] * 8})
        self.assertIsNone(run.cluster)
        self.assertEqual(run.meta["model_name"], "synthetic pipeline")

    def test_phases(self):
        """One chunk on one rank, by hand: 0.01 s of loading, then 0.0002 of embedding, 0.02 of
        layers and 0.003 of the head; every further token 0.00464."""
        run = self.made(ranks=1, chunks=1, tokens=5)
        phases = run.phases().set_index("phase")
        self.assertAlmostEqual(phases.loc["prefill", "seconds"], 0.0232)
        self.assertAlmostEqual(phases.loc["prefill", "tokens_per_s"], 64 / 0.0232)
        self.assertAlmostEqual(phases.loc["decode", "seconds"], 4 * 0.00464)
        self.assertEqual(phases.loc["decode", "tokens"], 4)
        self.assertTrue(np.allclose(run.bubbles()["bubble_share"], 0))

    def test_bubbles(self):
        run = self.made(ranks=4)
        bubbles = run.bubbles()
        parts = bubbles[["hidden_s", "compute_s", "wait_recv_s", "wait_send_s", "other_s"]]
        self.assertTrue(np.allclose(parts.sum(axis=1), bubbles["length_s"]))
        prefill = bubbles[bubbles["phase"] == "prefill"].set_index("rank")["bubble_share"]
        busy = run.spans[run.spans["kind"].isin(["embed", "layers", "head"]) &
                         (run.spans["chunk"] >= 0)].groupby("rank")["seconds"].sum()
        length_s = run.phases().set_index("phase").loc["prefill", "seconds"]
        self.assertTrue(np.allclose(prefill, 1 - busy / length_s))


class OfARun(InFolder):
    """The program's own analysis of its own file is the oracle."""

    def setUp(self):
        super().setUp()
        if not os.access(JUPITER, os.X_OK) or not shutil.which("mpirun"):
            self.skipTest("no program, or no mpirun")
        done = subprocess.run(
            ["mpirun", "-n", "3", JUPITER, "run", "-m", MODEL, "-p", "How do I boil eggs well?",
             "-n", "12", "-t", "1", "--chunk", "4", "--json", "--trace", self.file],
            capture_output=True, text=True, env=dict(os.environ, **MPI), check=False,
            stdin=subprocess.DEVNULL, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.told = json.loads(done.stdout)
        self.run_file = jupiter_trace.open(self.file)

    def test_agrees_with_the_program(self):
        run, told = self.run_file, self.told
        self.assertEqual(list(run.tokens.sort_values("position")["id"]), told["tokens"])
        self.assertEqual(len(run.ranks), 3)
        for rank in told["ranks"]:
            row = run.ranks.loc[rank["rank"]]
            self.assertEqual((row["layer_first"], row["layer_last"] - 1), tuple(rank["layers"]))
            self.assertEqual(row["weights_bytes"], rank["weights_bytes"])
        bubbles = run.bubbles()
        for phase in ("prefill", "decode"):
            mean = bubbles[bubbles["phase"] == phase]["bubble_share"].mean()
            self.assertAlmostEqual(mean, run.summary[f"{phase}_bubble_share"], places=5)
            seconds = run.phases().set_index("phase").loc[phase, "seconds"]
            self.assertAlmostEqual(seconds, told["summary"][f"{phase}_s"], places=6)
        busy = (bubbles["hidden_s"] + bubbles["compute_s"]).groupby(bubbles["rank"]).sum()
        for rank in told["ranks"]:
            self.assertAlmostEqual(busy[rank["rank"]], rank["busy_s"], places=5)
        work = run.messages[~run.messages["kind"].isin(schema.HOUSEKEEPING)]
        self.assertEqual(work["bytes"].sum(), run.summary["sent_bytes"])
        self.assertEqual(run.plan["chunks"], [4, 4, 1])


class Typed(unittest.TestCase):
    def test_mypy(self):
        mypy = shutil.which("mypy")
        if not mypy:
            self.skipTest("no mypy")
        done = subprocess.run([mypy, "--ignore-missing-imports", "--cache-dir", os.devnull,
                               os.path.join(ROOT, "python", "jupiter_trace")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    JUPITER = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "jupiter"
    unittest.main()

"""What the plots share. Imported first: it says what is missing."""

import argparse
import os
import sys
from typing import Callable, Optional, Sequence, Tuple

try:
    import matplotlib
    import matplotlib.colors

    matplotlib.use("Agg")
except ImportError as error:
    sys.exit(f"{os.path.basename(sys.argv[0])}: {error}; the plots need h5py, numpy and matplotlib "
             "(Debian: python3-h5py python3-matplotlib, for /usr/bin/python3)")

from .arrays import RunFileError


def time_unit(length_s: float) -> Tuple[float, str]:
    """(factor, name) that gives handy numbers for a stretch of this length."""
    if length_s >= 2:
        return 1.0, "s"
    return (1e3, "ms") if length_s >= 2e-3 else (1e6, "µs")


def text_colour(colour) -> str:
    """Black or white, whichever reads better on the colour."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 else "black"


def save(figure, path: str) -> None:
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise RunFileError(f"cannot write {path}: {' '.join(str(error).split())}") from None


def parser(about: Optional[str]) -> argparse.ArgumentParser:
    """With what every plot takes: a run file, and where the picture goes."""
    made = argparse.ArgumentParser(description=about)
    made.add_argument("run", metavar="RUN.h5", help="a file written by jupiter run --trace")
    made.add_argument("-o", "--output", required=True, metavar="OUT.png|svg|pdf")
    return made


def run_body(body: Callable[[Optional[Sequence[str]]], None],
             arguments: Optional[Sequence[str]] = None) -> None:
    """Runs a command's body; user errors become one line and exit code 2."""
    try:
        body(arguments)
    except RunFileError as error:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        sys.exit(2)

"""Run files of jupiter, for analysis: open() and the Run it gives."""

from typing import TYPE_CHECKING

from .arrays import Path, Request, RunFileError, load

if TYPE_CHECKING:
    from .run import Run

__all__ = ["Request", "Run", "RunFileError", "load", "open"]


def open(path: Path) -> "Run":  # as in gzip and tarfile
    """The run in the file, as data frames; RunFileError with one message where there is none."""
    from .run import Run

    return Run(load(path))


def __getattr__(name: str) -> object:
    """Run needs pandas, which the plots do without."""
    if name == "Run":
        from .run import Run

        return Run
    raise AttributeError(name)

"""What a command line asks to be exported; refused here if it is wrong. Free of torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.files import run_folder as folder
from cnncli.runs.judging.request import Trained, trained
from cnncli.text import truncate

SUFFIXES = {"onnx": ".onnx", "pt2": ".pt2", "safetensors": ".safetensors", "code": ".py"}
GRAPHS = ("onnx", "pt2")  # the formats that hold operations, so that preprocessing can be among them
WHICH = ("last", "best")
MOST = 10_000  # images to compare on


class Wanted(NamedTuple):
    """run: whose network · to: a format of `SUFFIXES` · out: the file to write · preprocess: whether it is to take uint8 pixels."""

    run: Trained
    to: str
    out: Path
    preprocess: bool


def wanted(name: str, to: str, *, which: str | None, out: str | None, preprocess: bool) -> Wanted:
    """The export of the run called `name`; raises `RequestError`, and `DataError` where there is no such run or folder."""
    if to not in SUFFIXES:
        raise UnknownName("format", to, SUFFIXES, where="--to: ")
    if which not in {None, *WHICH}:
        raise RequestError(f"--which {truncate(repr(which))} is no checkpoint; write last or best")
    if preprocess and to not in GRAPHS:
        raise RequestError(
            f"--preprocess means nothing to --to {to}, which {_HOLDS[to]}; leave it out, or write --to onnx"
        )
    if to == "onnx" and not find_spec("onnx"):
        raise RequestError("--to onnx needs the package onnx; install it: pip install 'cnncli[export]'")
    run = trained(name, which, "cpu")
    chosen = which or ("best" if (run.path / folder.CHECKPOINTS / folder.BEST).exists() else "last")
    return Wanted(run._replace(which=chosen), to, _place(run.path, to, chosen, out), preprocess)


_HOLDS = {"safetensors": "holds weights alone", "code": "holds a function for it"}


def _place(run: Path, to: str, which: str, out: str | None) -> Path:
    """Where to write: `model` in the run folder, or `best`, so that neither is taken for the other."""
    suffix = SUFFIXES[to]
    if out is None:
        return run / f"{'best' if which == 'best' else 'model'}{suffix}"
    path = Path(out)
    if path.suffix.lower() != suffix or path.is_dir():
        raise RequestError(f"--out {truncate(repr(out))} must be a file that ends in {suffix}, as --to {to} writes it")
    if not path.parent.is_dir():
        raise DataError(
            f"--out {truncate(repr(out))}: there is no folder {truncate(repr(path.parent.as_posix()))}; make it first"
        )
    return path

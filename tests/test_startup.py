"""What answers before torch could be imported keeps doing so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cnncli
from tests.conftest import python

HEAVY = ("torch", "torchvision", "numpy", "matplotlib", "PIL", "click")
QUICK = (
    "--help",
    "--version",
    "params conv --cin 6 --cout 16 --k 5 --input 14x14",
    "summary lenet",
    "summary lenet --explain",
    "summary lenet --input 1x8x8",
    "summary nosuch",
    "params --help",
)


@pytest.mark.parametrize("line", QUICK)
def test_no_heavy_import(line: str) -> None:
    """The torch-free commands end without torch, numpy, matplotlib, Pillow or click in `sys.modules`."""
    program = f"""
import sys
from cnncli.cli import run
run({line.split()!r})
print("heavy:", *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    assert python("-c", program).stderr.splitlines()[-1].split() == ["heavy:"]


def test_importing_the_package_imports_nothing() -> None:
    """`import cnncli` costs nothing: its root holds a docstring and a version."""
    tree = ast.parse(Path(cnncli.__file__).read_text(encoding="utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]


TORCH_ROOMS = (
    "build/",
    "tracing/",
    "training/",
    "bench/",
    "runs/evaluate.py",
    "runs/load.py",
    "runs/predict.py",
    "runs/export/",
)


def test_torch_is_imported_at_the_top_only_where_everything_is_about_torch() -> None:
    """Torch and torchvision stand at the top of the rooms that are about torch alone."""
    root = Path(cnncli.__file__).parent
    guilty = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        if not path.relative_to(root).as_posix().startswith(TORCH_ROOMS)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.partition(".")[0] in {"torch", "torchvision"} or name in {"cnncli.build", "cnncli.build.modules"}
    ]
    assert not guilty

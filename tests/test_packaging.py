"""The recipes and the data are found however cnncli was installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOOK = "import cnncli.sources.recipes as r, cnncli, cnncli.data.digits; print(cnncli.__file__); print(*r.available())"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the source tree, as a fresh clone has it."""
    copy = tmp_path_factory.mktemp("tree") / "cnncli"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, files.split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target)
    yield copy
    shutil.rmtree(copy)


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run `command` and return its stdout; its failure fails the test."""
    found = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def pip(*arguments: str, cwd: Path) -> None:
    """Install without dependencies and without a network."""
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *arguments, cwd=cwd)


def recipes_seen(folder: Path, where: Path) -> list[str]:
    """The recipes that a cnncli installed in `folder` finds, started elsewhere."""
    elsewhere = where / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    path, names = run(sys.executable, "-c", LOOK, cwd=elsewhere, PYTHONPATH=str(folder)).splitlines()
    assert Path(path).is_relative_to(folder.resolve()) or Path(path).is_relative_to(folder)
    return names.split()


def names_in(tree: Path) -> list[str]:
    """The recipes that lie in the tree."""
    return sorted(path.stem for path in (tree / "recipes").glob("*.yaml"))


def test_from_the_source_tree(tree: Path, tmp_path: Path) -> None:
    """Nothing installed: the tree itself on the path."""
    assert recipes_seen(tree, tmp_path) == names_in(tree)


def test_from_an_editable_install(tree: Path, tmp_path: Path) -> None:
    """An editable install finds the tree's recipes and leaves no `cnncli/recipes` behind."""
    pip("--target", str(tmp_path / "site"), "--editable", ".", cwd=tree)
    assert not (tree / "cnncli" / "recipes").exists()
    lines = [line for pth in (tmp_path / "site").glob("*.pth") for line in pth.read_text().splitlines()]
    assert str(tree) in lines
    assert recipes_seen(tree, tmp_path) == names_in(tree)


def test_from_a_wheel_built_from_the_tree(tree: Path, tmp_path: Path) -> None:
    """The wheel carries the recipes, the embedded digits and `py.typed` inside the package."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=tree)
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {"cnncli/recipes/lenet.yaml", "cnncli/data/digits.gz", "cnncli/py.typed"} <= set(held)
    assert not [name for name in held if name.startswith(("tests/", "recipes/"))]
    pip("--target", str(tmp_path / "site"), str(wheel), cwd=tmp_path)
    assert recipes_seen(tmp_path / "site", tmp_path) == names_in(tree)


def test_from_a_wheel_built_from_the_sdist(tree: Path, tmp_path: Path) -> None:
    """The source distribution is complete: a wheel built from it is the same."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), cwd=tree)
    (sdist,) = tmp_path.glob("*.tar.gz")
    pip("--target", str(tmp_path / "site"), str(sdist), cwd=tmp_path)
    assert recipes_seen(tmp_path / "site", tmp_path) == names_in(tree)

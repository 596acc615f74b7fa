"""Names that would be markup, escape sequences, mathematics or two lines: shown as they are written, wherever they come from."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from tests.conftest import Result

Cnncli = Callable[..., Result]

CLASSES = ("[red]x", "<script>alert(1)", "\x1b[31mred", "new\nline", "$x_1^{2}$", "a|b", "=1+1", "$\\unclosed{$")
WRITTEN = ("[red]x", "<script>alert(1)", "\\x1b[31mred", "new\\nline", "$x_1^{2}$", "a|b", "=1+1", "$\\unclosed{$")
"""How a terminal is to show them."""
RUN = "[bold]r\x1b[1m\nun"
SET = "s[i]e$\\frac{$\nof"
OVERRIDES = "limit=24 data.batch_size=8 data.cache=never data.workers=0 train.precision=float32 --device cpu"

pytestmark = [
    pytest.mark.usefixtures("elsewhere", "own_data", "one_thread"),
    pytest.mark.skipif(sys.platform == "win32", reason="no such names there"),
]


@pytest.fixture
def trained(cnncli: Cnncli) -> str:
    """A run on images of these classes, in a folder with such a name; its path, quoted."""
    _write_set(Path(SET))
    line = f"train lenet {shlex.quote(f'data.name=folder:{SET}')} epochs=1 {OVERRIDES}"
    _inert(cnncli(line))
    Path("runs/lenet-1").rename(Path("runs") / RUN)
    return shlex.quote(f"runs/{RUN}")


def _write_set(root: Path) -> None:
    draw = Random(0)  # noqa: S311  (noise)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for number in range(5):
            Image.frombytes("L", (8, 8), draw.randbytes(64)).save(root / name / f"{number}.png")


def _inert(found: Result, code: int = 0) -> Result:
    """Nothing on either stream that a terminal would obey."""
    assert found.code == code, found.err
    for text in (found.out, found.err):
        assert all(letter.isprintable() or letter == "\n" for letter in text), repr(text)
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    """Those below `folder`, drawn: a name that was taken for mathematics would have raised."""
    for path in folder.rglob("*.png"):
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 200
        yield path


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_evaluate(cnncli: Cnncli, trained: str, format: str) -> None:
    """Classes as they are written; JSON has them as they are."""
    found = _inert(cnncli(f"evaluate {trained} --format {format} --out pictures", 200))
    assert len([*_pictures(Path("pictures"))]) == 3
    if format == "json":
        values = json.loads(found.out)
        assert sorted(values["classes"]) == sorted(CLASSES)
        assert values["run"] == f"runs/{RUN}"
    elif format == "csv":
        assert sorted(row["class"] for row in csv.DictReader(found.out.splitlines())) != []
    else:
        for name in WRITTEN:
            shown = name.replace("|", "\\|").replace("<", "\\<") if format == "markdown" else name
            assert shown in found.out


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_predict(cnncli: Cnncli, trained: str, format: str) -> None:
    """An image with such a name too, and one that cannot be read."""
    for name in ("[b]i\n\x1b[2J.png", "broken\n[u].png"):
        Image.new("L", (8, 8), 99).save(name)
    Path("broken\n[u].png").write_bytes(b"nothing")
    names = " ".join(shlex.quote(name) for name in ("[b]i\n\x1b[2J.png", "broken\n[u].png"))
    found = _inert(cnncli(f"predict {trained} {names} --format {format}", 200), 3)
    assert len(found.err.splitlines()) == 1
    assert "broken\\n[u].png" in found.err
    if format == "json":
        values = json.loads(found.out)["predictions"][0]
        assert values["path"] == "[b]i\n\x1b[2J.png"
        assert values["top"][0]["class"] in CLASSES
    else:
        assert "[b]i\\n\\x1b[2J.png" in found.out


@pytest.mark.parametrize("to", ["safetensors", "code"])
def test_export(cnncli: Cnncli, trained: str, to: str) -> None:
    """The file says which classes there are; code that holds them is still code."""
    found = _inert(cnncli(f"export {trained} --to {to}", 200))
    assert "[bold]r\\x1b[1m\\nun" in found.out
    for file in (Path("runs") / RUN).glob("model*.py"):
        compile(file.read_text(encoding="utf-8"), "model.py", "exec")
    assert json.loads(_inert(cnncli(f"export {trained} --to {to} --format json")).out)["run"] == f"runs/{RUN}"


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_runs(cnncli: Cnncli, trained: str, format: str) -> None:
    """Listed and compared, the picture with the names in its legend."""
    other = Path("runs/$\\frac{$")
    _copy(Path("runs") / RUN, other)
    found = _inert(cnncli(f"runs ls --format {format}", 200))
    if format != "json":
        assert "[bold]r\\x1b[1m\\nun" in found.out
        assert "$\\frac{$" in found.out
    _inert(cnncli(f"runs compare {trained} {shlex.quote(str(other))} --format {format} --out drawn/both.png", 200))
    assert [*_pictures(Path("drawn"))] != []
    (other / "recipe.yaml").write_text(
        'kind: recipe\nmodel: {name: "\\e[31m[red]"}\ndata: {name: digits}\n', encoding="utf-8"
    )
    _inert(cnncli(f"runs ls --format {format}", 200))


def _copy(source: Path, target: Path) -> None:
    for path in [each for each in source.rglob("*") if each.is_file()]:
        (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        (target / path.relative_to(source)).write_bytes(path.read_bytes())


@pytest.mark.parametrize("format", ["table", "json"])
def test_resume_summary_bench_and_lr_find(cnncli: Cnncli, trained: str, format: str) -> None:
    """Whatever takes a run or a data set by its name."""
    _inert(cnncli(f"resume {trained} epochs=2 --format {format}", 200))
    _inert(cnncli(f"summary {trained} --format {format}", 200))
    quick = "--seconds 0.001 -b 1 --precision float32 --forward-only --device cpu"
    _inert(cnncli(f"bench {trained} {quick} --format {format}", 200))
    data = shlex.quote(f"data.name=folder:{SET}")
    found = _inert(cnncli(f"lr-find lenet {data} {OVERRIDES} --steps 20 --out drawn/lr.png --format {format}", 200))
    assert [*_pictures(Path("drawn"))] != []
    assert json.loads(found.out)["steps"] == 20 if format == "json" else "s[i]e$\\frac{$\\nof" in found.out
    for line in (
        f"train lenet {data} {OVERRIDES} --dry-run",
        "recipes check " + trained.replace("un'", "un/recipe.yaml'"),
    ):
        _inert(cnncli(line, 200))


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_data_info(cnncli: Cnncli, format: str) -> None:
    """The classes with their counts, and a sheet of samples."""
    _write_set(Path(SET))
    found = _inert(cnncli(f"data info {shlex.quote(f'folder:{SET}')} --format {format}", 200))
    if format == "table":
        for name in WRITTEN:
            assert name in found.out
    if format == "json":
        assert json.loads(found.out)["schema"].startswith("cnncli/data")


@pytest.mark.parametrize(
    "line",
    [
        "evaluate {0}",
        "predict {0} x.png",
        "export {0} --to code",
        "runs compare {0} {0}",
        "resume {0}",
        "summary {0}",
        "bench {0}",
        "lr-find {0}",
        "train {0}",
        "train lenet --data {0}",
        "data info {0}",
        "train lenet data.name=folder:{0}",
        "train lenet --data folder:{0}",
        "recipes show {0}",
        "bench lenet -b {0}",
        "bench lenet --precision {0}",
        "bench lenet --device {0}",
        "bench lenet --input {0}",
        "bench lenet {0}",
        "lr-find lenet --out {0}",
        "lr-find lenet {0}=1",
    ],
)
def test_what_is_refused_is_shown_inert(cnncli: Cnncli, line: str) -> None:
    """One line on stderr, whatever was written."""
    found = cnncli(line.format(shlex.quote("no\n[red]\x1b[31m")))
    assert found.code in (2, 3), found.err
    assert len(found.err.splitlines()) == 1
    assert found.err.rstrip("\n").isprintable(), repr(found.err)
    assert found.out == ""

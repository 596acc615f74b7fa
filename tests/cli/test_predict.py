"""`cnncli predict`: every format, stdin, bad images, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cnncli.data import dataset
from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]

QUICK = "train lenet epochs=2 limit=100 batch_size=32 --quiet --device cpu"


pytestmark = pytest.mark.usefixtures("elsewhere", "one_thread")


@pytest.fixture
def digits(cnncli: Cnncli) -> Path:
    """A trained run, and a folder of five digits."""
    cnncli(QUICK)
    _, test, _ = dataset("digits").load()
    folder = Path("pics")
    folder.mkdir()
    for place in range(5):
        Image.fromarray(test.images[place, 0].numpy()).resize((28, 28)).save(folder / f"{place}.png")
    return folder


def piped(line: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """A command line in a process of its own, with `data` on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "cnncli", *shlex.split(line)],
        input=data,
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"},
    )


def test_json_is_the_contracts(cnncli: Cnncli, digits: Path) -> None:
    """Paths as given, in their order; three classes, the likeliest first."""
    found = cnncli(f"predict lenet-1 {digits}/4.png {digits}/0.png --format json")
    values = json.loads(found.out)
    assert (found.code, found.err) == (0, "")
    assert values["schema"] == "cnncli/predict/1"
    assert [each["path"] for each in values["predictions"]] == ["pics/4.png", "pics/0.png"]
    for each in values["predictions"]:
        shares = [guess["probability"] for guess in each["top"]]
        assert len(shares) == 3
        assert shares == sorted(shares, reverse=True)
        assert {guess["class"] for guess in each["top"]} <= set("0123456789")
    assert set(values) == {"schema", "predictions"}


def test_the_formats_agree(cnncli: Cnncli, digits: Path) -> None:
    """A line an image in the table and in Markdown, a line a class in CSV; the likeliest class is the same."""
    guesses = [
        each["top"][0]["class"]
        for each in json.loads(cnncli(f"predict lenet-1 {digits} --format json").out)["predictions"]
    ]
    rows = list(csv.DictReader(cnncli(f"predict lenet-1 {digits} --top 2 --format csv").out.splitlines()))
    assert [(row["path"], row["rank"]) for row in rows[:3]] == [
        ("pics/0.png", "1"),
        ("pics/0.png", "2"),
        ("pics/1.png", "1"),
    ]
    assert [row["class"] for row in rows[::2]] == guesses
    table = cnncli(f"predict lenet-1 {digits}").out.splitlines()
    assert table[0].split() == ["image", "class", "probability", "or"]
    assert [line.split()[:2] for line in table[1:]] == [[f"pics/{n}.png", guess] for n, guess in enumerate(guesses)]
    markdown = cnncli(f"predict lenet-1 {digits} --format markdown").out.splitlines()
    assert [line.split(" | ")[1] for line in markdown[2:]] == guesses


def test_paths_come_on_stdin(digits: Path) -> None:
    """One a line; with -0 even those with a line break. An empty list is no error."""
    odd = digits / "line\nbreak.png"
    (digits / "0.png").rename(odd)
    found = piped("predict lenet-1 - --format json", b"pics/1.png\npics/2.png\n")
    assert [each["path"] for each in json.loads(found.stdout)["predictions"]] == ["pics/1.png", "pics/2.png"]
    found = piped("predict lenet-1 - -0 --format json", os.fsencode(odd) + b"\0")
    assert [each["path"] for each in json.loads(found.stdout)["predictions"]] == ["pics/line\nbreak.png"]
    found = piped("predict lenet-1 - --format json", b"")
    assert (found.returncode, json.loads(found.stdout)["predictions"]) == (0, [])


def test_bad_images_are_a_line_each_and_the_rest_goes_on(cnncli: Cnncli, digits: Path) -> None:
    """Empty, cut short, of 200 megapixels, no image, not there, an empty folder: six lines, and exit code 3 at the end."""
    Path("empty.png").touch()
    Path("text.png").write_text("no image", encoding="utf-8")
    Image.effect_noise((100, 100), 50).save("whole.jpg")
    Path("cut.jpg").write_bytes(Path("whole.jpg").read_bytes()[:2000])
    Image.new("1", (20_000, 10_000)).save("huge.png")
    Path("none").mkdir()
    found = cnncli(
        f"predict lenet-1 empty.png {digits}/1.png cut.jpg huge.png text.png nowhere.png none {digits}/0.png --format json"
    )
    assert found.code == 3
    values = json.loads(found.out)
    assert [each["path"] for each in values["predictions"]] == ["pics/1.png", "pics/0.png"]
    names = ["empty.png", "cut.jpg", "huge.png", "text.png", "nowhere.png", "none"]
    assert [each["path"] for each in values["unreadable"]] == names
    lines = found.err.splitlines()
    assert len(lines) == 6
    assert all(f"'{name}'" in line for name, line in zip(names, lines, strict=True))
    assert "more than 50 megapixels" in lines[2]
    alone = cnncli("predict lenet-1 empty.png")
    assert (alone.code, alone.out) == (3, "image  class  probability  or\n")


def test_a_negative_is_told_on_stderr_and_never_inverted_silently(cnncli: Cnncli, digits: Path) -> None:
    """With the cure; and the other way round where --invert was wrong."""
    Image.eval(Image.open(digits / "0.png"), lambda level: 255 - level).save("ink.png")
    found = cnncli(f"predict lenet-1 ink.png {digits}/0.png")
    assert found.code == 0
    assert found.err.startswith("cnncli: 1 of 2 images are as bright as negatives")
    assert found.err.endswith("write --invert\n")
    assert cnncli("predict lenet-1 ink.png --invert").err == ""
    assert cnncli(f"predict lenet-1 {digits}/0.png --invert").err.endswith("leave --invert out\n")
    upright, inverted = (
        json.loads(cnncli(line).out)["predictions"][0]["top"]
        for line in (f"predict lenet-1 {digits}/0.png --format json", "predict lenet-1 ink.png --invert --format json")
    )
    assert upright == inverted


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_from_outside_do_nothing(cnncli: Cnncli) -> None:
    """A class and a file with markup, HTML, an escape sequence, a line break: printed, not obeyed, in every format."""
    names = ("[red]x", "<script>", "\x1b[31mred", "a|b")
    for number, name in enumerate(names):
        (Path("odd") / name).mkdir(parents=True)
        for index in range(5):
            Image.new("L", (30, 30), 60 * number + index).save(Path("odd") / name / f"{index}\n\x1b[1m.png")
    cnncli(f"{QUICK} --data folder:odd")
    for line in ("predict lenet-1 odd --top 4", "evaluate lenet-1 --split train"):
        for form in ("table", "csv", "markdown", "json"):
            out = cnncli(f"{line} --format {form}", 200).out
            assert "\x1b" not in out
            assert "[red]x" in out
            if form == "markdown":
                assert "\\<script>" in out
                assert "a\\|b" in out
            if form == "json":
                values = json.loads(out)
                found = values.get("per_class") or {guess["class"]: 0 for guess in values["predictions"][0]["top"]}
                assert set(found) == set(names)
    assert len(cnncli("predict lenet-1 odd --format table").out.splitlines()) == 21
    assert len(cnncli("predict lenet-1 odd --top 1 --format csv").out.splitlines()) == 21


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("predict lent-1 x.png", 2, "did you mean 'runs/lenet-1'"),
        ("predict lenet-1", 2, "predict needs IMAGE"),
        ("predict lenet-1 x.png --top 0", 2, "is too small; the least is 1"),
        ("predict lenet-1 x.png -0", 2, "leave -0 out"),
        ("predict lenet-1 - -", 2, "stands twice"),
        ("predict lenet-1 x.png --device gpu", 2, "is no device"),
        ("predict lenet-1 x.png --which best", 2, "write --which last"),
        ("predict lenet-1 x.png", 3, "damaged"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    Path("runs/lenet-1/checkpoints").mkdir(parents=True)
    Path("runs/lenet-1/recipe.yaml").touch()
    Path("runs/lenet-1/checkpoints/last.pt").touch()
    assert_refused(cnncli(line), code, words)


def test_a_wrong_run_or_option_is_refused_before_torch_is_imported() -> None:
    """Even a list that cannot be meant."""
    assert heavy_imports("predict nowhere x.png") == []
    assert heavy_imports("predict nowhere x.png --device gpu") == []

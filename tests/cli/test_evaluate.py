"""`cnncli evaluate`: what is printed in every format, the pictures, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]

QUICK = "train lenet epochs=2 limit=100 batch_size=32 --quiet --device cpu"


pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


def test_accuracy_is_what_training_printed(cnncli: Cnncli) -> None:
    """In the table and in JSON; every figure of the contract is there."""
    printed = cnncli(QUICK).out.splitlines()[0]
    table = cnncli("evaluate lenet-1").out.splitlines()
    values = json.loads(cnncli("evaluate runs/lenet-1 --format json").out)
    assert f"test acc {values['accuracy']:.3f}" in printed
    assert table[0] == "LeNet on digits, test split · runs/lenet-1, last checkpoint, 2 epochs"
    assert table[1].startswith(f"accuracy {values['accuracy']:.4f}, 95 % interval {values['interval'][0]:.4f} to ")
    assert table[1].endswith(f": {values['right']} of 360 images")
    assert values["schema"] == "cnncli/evaluate/1"
    assert values["count"] == sum(map(sum, values["confusion"])) == 360
    assert values["per_class"]["3"]["count"] == sum(values["confusion"][3]) == 37
    assert values["interval"][0] < values["accuracy"] < values["interval"][1]


def test_pictures_are_where_it_says(cnncli: Cnncli) -> None:
    """In the run folder, named after the split; or in --out, after the other set too. Large enough to be read."""
    cnncli(QUICK)
    found = cnncli("evaluate lenet-1")
    assert found.out.endswith(
        "pictures in runs/lenet-1/evaluation: test-confusion.png, test-reliability.png,\n  test-mistakes.png\n"
    )
    values = json.loads(cnncli("evaluate lenet-1 --data digits --split train --out pics --format json").out)
    names = [f"digits-train-{name}.png" for name in ("confusion", "reliability", "mistakes")]
    assert values["pictures"] == [f"pics/{name}" for name in names]
    sizes = {}
    for path in [*Path("pics").iterdir(), *Path("runs/lenet-1/evaluation").iterdir()]:
        with Image.open(path) as picture:
            sizes[path.name] = picture.size
            assert picture.format == "PNG"
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10
    assert len(sizes) == 6
    assert sizes["test-confusion.png"] == (1020, 1020)
    assert sizes["test-reliability.png"] == (720, 780)
    assert sizes["test-mistakes.png"][0] == 1200
    assert sizes["test-mistakes.png"][1] >= 396


def test_a_row_a_class_for_scripts(cnncli: Cnncli) -> None:
    """CSV and Markdown; nothing else on stdout, nothing on stderr."""
    cnncli(QUICK)
    found = cnncli("evaluate lenet-1 --format csv")
    rows = list(csv.DictReader(found.out.splitlines()))
    assert [row["class"] for row in rows] == list("0123456789")
    assert sum(int(row["count"]) for row in rows) == 360
    assert float(rows[0]["recall"]) == int(rows[0]["right"]) / int(rows[0]["count"])
    assert found.err == ""
    assert len(cnncli("evaluate lenet-1 --format markdown").out.splitlines()) == 12


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_it_fits_the_terminal(cnncli: Cnncli, columns: int) -> None:
    """Prose is broken; the matrix is left out where it has no room, the confusions stay."""
    cnncli(QUICK)
    out = cnncli("evaluate lenet-1", columns).out
    assert max(map(len, out.splitlines())) <= max(columns, 62)
    assert ("true class by row" in out) == (columns > 30)
    assert "largest confusions:" in out


def test_a_set_of_many_classes_shows_the_worst(cnncli: Cnncli) -> None:
    """60 classes of noise: 20 lines in the table, all 60 in CSV."""
    cnncli(f"{QUICK} --data fake:1x8x8x60x300")
    assert "the 20 worst of 60 classes; --format csv has them all" in cnncli("evaluate lenet-1").out
    assert len(cnncli("evaluate lenet-1 --format csv").out.splitlines()) == 61


def test_a_note_where_the_figures_are_others_than_trainings(cnncli: Cnncli) -> None:
    """On stderr; the figures stand, and the exit code is 0."""
    cnncli(QUICK)
    metrics = Path("runs/lenet-1/metrics.csv")
    rows = metrics.read_text(encoding="utf-8").splitlines()
    metrics.write_text("\n".join([*rows[:-1], rows[-1].rsplit(",", 2)[0] + ",0.5,"]), encoding="utf-8")
    found = cnncli("evaluate lenet-1")
    assert found.code == 0
    assert found.err.startswith("cnncli: training wrote test acc 0.5000, this is ")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("evaluate lent-1", 2, "did you mean 'runs/lenet-1'"),
        ("evaluate .", 3, "is no run folder"),
        ("evaluate lenet-1 --which best", 2, "write --which last"),
        ("evaluate lenet-1 --which first", 2, "--which 'first' is none of last, best"),
        ("evaluate lenet-1 --split val", 2, "has no validation split"),
        ("evaluate lenet-1 --data digits --split val", 2, "leave --data out"),
        ("evaluate lenet-1 --data nmist", 2, "did you mean 'mnist'"),
        ("evaluate lenet-1 --data folder:nowhere", 3, "nowhere"),
        ("evaluate lenet-1 --device gpu", 2, "is no device"),
        ("evaluate lenet-1 -b 0", 2, "is too small; the least is 1"),
        ("evaluate lenet-1 --out file", 2, "is a file"),
        ("evaluate bare", 3, "bare has no checkpoint yet"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    for name in ("lenet-1", "bare"):
        Path("runs", name, "checkpoints").mkdir(parents=True)
        Path("runs", name, "recipe.yaml").write_text(
            "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n", encoding="utf-8"
        )
    Path("runs/lenet-1/checkpoints/last.pt").touch()
    Path("file").touch()
    assert_refused(cnncli(line), code, words)


def test_a_wrong_run_or_option_is_refused_before_torch_is_imported() -> None:
    """Neither is there any need of it."""
    assert heavy_imports("evaluate nowhere") == []
    assert heavy_imports("evaluate nowhere --device gpu") == []


def test_other_classes_are_refused(cnncli: Cnncli) -> None:
    """Naming what differs."""
    cnncli(QUICK)
    found = cnncli("evaluate lenet-1 --data fake:1x8x8x11x50")
    assert found.code == 2
    assert "has classes that runs/lenet-1 does not know: '10'; it knows '0', '1', '2' and 7 more" in found.err


def test_a_place_that_cannot_be_written_is_told(cnncli: Cnncli) -> None:
    """Exit code 3 and the cure."""
    cnncli(QUICK)
    Path("runs/lenet-1/evaluation").touch()
    found = cnncli("evaluate lenet-1")
    assert found.code == 3
    assert "write another --out" in found.err


def test_a_set_that_brings_a_validation_split(cnncli: Cnncli) -> None:
    """It is validated on, chooses the best epoch, satisfies patience, and is judged by; nothing is held out, and one line says so."""
    for split, images in {"train": 20, "val": 6, "test": 4}.items():
        for number in range(2 * images):
            path = Path("set", split, "ab"[number % 2], f"{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (9, 8), 90 * (number % 2) + number).save(path)
    line = "train lenet --data folder:set epochs=2 batch_size=8 patience=2 --device cpu"
    dry = cnncli(f"{line} val=0.1 limit=30 --dry-run --format json")
    assert json.loads(dry.out)["dry_run"]["images"] == {"train": 30, "val": 12, "test": 8}
    for share in ("val=0", "val=0.1"):
        found = cnncli(f"{line} {share}")
        assert found.code == 0, found.err
        assert "(40 train, 12 val, 8 test)" in found.out
        assert ("own validation split is used; data.val: 0.1 holds nothing out" in found.err) == (share == "val=0.1")
    assert Path("runs/lenet-1/model.safetensors").read_bytes() == Path("runs/lenet-2/model.safetensors").read_bytes()
    assert Path("runs/lenet-2/checkpoints/best.pt").exists()
    for split, count in (("train", 40), ("val", 12), ("test", 8)):
        values = json.loads(cnncli(f"evaluate lenet-2 --split {split} --format json").out)
        assert values["count"] == count
        assert cnncli(f"evaluate lenet-2 --split {split} --data folder:./set --format json").code == 0
    Path("set/val").rename("set/test2")
    assert_refused(cnncli("resume lenet-2 epochs=3"), 3, "the images of folder:")
    assert_refused(cnncli("evaluate lenet-1 --split val"), 2, "needs a validation split")
    assert_refused(cnncli("evaluate lenet-2 --split val --data digits"), 2, "digits brings no validation split")

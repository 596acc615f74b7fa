"""`cnncli health` and what `train` says of a run that learns nothing."""

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

# 180 steps an epoch that a sigmoid LeNet with torch's own first weights does not learn from.
STUCK = "train lenet activation=sigmoid pool=avg init=default lr=0.9 momentum=0 augment=[] schedule.name=constant batch_size=8 --device cpu"
QUICK = "train lenet epochs=2 limit=100 batch_size=32 --quiet --device cpu"


pytestmark = pytest.mark.usefixtures("elsewhere", "own_data", "one_thread")


def test_a_run_that_learns_nothing_is_told(cnncli: Cnncli) -> None:
    """Once each, below the epoch, in metrics.csv, and in the closing lines; with what to try."""
    out = cnncli(f"{STUCK} epochs=3").out
    lines = out.splitlines()
    assert lines[5].startswith("  ! vanishing: gradients fall on their way to the input")
    assert [out.count("! vanishing:"), out.count("! guessing:")] == [1, 1]
    assert "the loss is 2.3" in out
    assert "guessing among 10 classes" in out
    assert lines[-2] == "health: vanishing in conv1, guessing; try: train.init=xavier"
    assert lines[-1] == "runs/lenet-1 · next: cnncli health runs/lenet-1"
    rows = list(csv.DictReader(Path("runs/lenet-1/metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["health"] for row in rows] == ["", "vanishing guessing", ""]
    assert max(map(len, lines)) <= 80


def test_it_ends_when_asked_to(cnncli: Cnncli) -> None:
    """With exit code 1, complete; it can be gone on with, and then it is a run as any other."""
    found = cnncli(f"{STUCK} epochs=5 --stop-when-dead")
    assert found.code == 1
    assert "stopped after epoch 2: it was no better than guessing after epoch 2" in found.out
    assert Path("runs/lenet-1/model.safetensors").exists()
    again = cnncli("resume")
    assert again.code == 1
    assert "to train on: cnncli resume runs/lenet-1 stop.when_dead=false" in again.err
    assert "finished" in cnncli("runs ls").out
    on = cnncli("resume runs/lenet-1 stop.when_dead=false epochs=3")
    assert (on.code, "    3  " in on.out, "! guessing" in on.out) == (0, True, False)
    whole = cnncli(f"{STUCK} epochs=3")
    assert whole.code == 0
    for name in ("model.safetensors", "health.json"):
        assert Path("runs/lenet-1", name).read_bytes() == Path("runs/lenet-2", name).read_bytes()


def test_json_holds_what_is_wrong(cnncli: Cnncli) -> None:
    """In the epoch's line and in the last."""
    *epochs, last = map(json.loads, cnncli(f"{STUCK} epochs=2 --stop-when-dead --format json").out.splitlines())
    assert [[found["kind"] for found in epoch["health"]] for epoch in epochs] == [[], ["vanishing", "guessing"]]
    assert last["health"] == epochs[1]["health"]
    assert last["health"][0]["remedy"] == "train.init=xavier"
    assert last["health"][0]["numbers"]["factor"] > 100
    assert last["exit"] == 1


def test_a_run_that_blows_up_leaves_its_health(cnncli: Cnncli) -> None:
    """Though no epoch was complete."""
    assert cnncli("train lenet lr=1e6 epochs=2 --quiet --device cpu").code == 4
    out = cnncli("health lenet-1").out
    assert "! exploding: epoch 1, step " in out
    assert "try: optimizer.lr=100000" in out


def test_every_layer_is_shown(cnncli: Cnncli) -> None:
    """In the table and for scripts; the picture is there."""
    cnncli(QUICK)
    found = cnncli("health lenet-1")
    lines = found.out.splitlines()
    assert lines[0] == "runs/lenet-1 at step 1, epoch 1 · 1 step looked at"
    assert [line.split()[:2] for line in lines[4:7]] == [["conv1", "Conv2d"], ["act1", "ReLU"], ["conv2", "Conv2d"]]
    assert "nothing is wrong that these rules know of" in found.out
    assert lines[-1] == "picture: runs/lenet-1/health.png"
    with Image.open("runs/lenet-1/health.png") as picture:
        assert picture.size[0] == 1560
        assert len(picture.convert("RGB").getcolors(1 << 22) or ()) > 20
    values = json.loads(cnncli("health lenet-1 --format json --out mine.png").out)
    assert (values["schema"], values["picture"], values["findings"]) == ("cnncli/health/1", "mine.png", [])
    assert values["last"]["step"] == 0
    assert {layer["name"]: layer["type"] for layer in values["layers"]}["fc3"] == "Linear"
    rows = list(csv.DictReader(cnncli("health lenet-1 --format csv").out.splitlines()))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in values["layers"]]
    assert float(rows[0]["gradient"]) == values["layers"][0]["gradient"]
    assert len(cnncli("health lenet-1 --format markdown").out.splitlines()) == len(rows) + 2


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_it_fits_the_terminal(cnncli: Cnncli, columns: int) -> None:
    """Prose is broken, lesser columns are left out."""
    cnncli(QUICK)
    assert max(map(len, cnncli("health lenet-1", columns).out.splitlines())) <= max(columns, 60)


def test_hostile_names_are_shown_inert(cnncli: Cnncli) -> None:
    """Whatever a file says: no control character reaches the terminal, and the picture is drawn."""
    cnncli(QUICK)
    path = Path("runs/lenet-1/health.json")
    told = json.loads(path.read_text(encoding="utf-8"))
    told["layers"][0]["name"] = "\x1b[31m$x_{" + "y" * 300
    told["layers"][1]["type"] = "[red]ReLU\n"
    finding = {"kind": "dead\x1b[0m", "epoch": 1, "layer": "\r", "words": "a\x07b", "remedy": "c\nd", "numbers": {}}
    path.write_text(json.dumps({**told, "findings": [finding]}), encoding="utf-8")
    for shape in ("table", "markdown"):
        found = cnncli(f"health lenet-1 --format {shape}")
        assert found.code == 0
        assert all(line.isprintable() for line in found.out.splitlines())
    assert "\\x1b" in found.out


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("health lent-1", 2, "did you mean 'runs/lenet-1'"),
        ("health .", 3, "is no run folder"),
        ("health lenet-1 --out x.jpg", 2, "must end in .png"),
        ("health lenet-1 --out nowhere/a/b.png", 3, ""),
        ("health bare", 3, "bare has no checkpoint yet"),
        (
            "health old",
            3,
            "nothing was watched while it was trained; train it again to see: cnncli train runs/old/recipe.yaml",
        ),
        ("health odd", 3, "is not what training wrote there"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    for name in ("lenet-1", "bare", "old", "odd"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "recipe.yaml").write_text(
            "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n", encoding="utf-8"
        )
    Path("runs/old/metrics.csv").touch()
    Path("runs/odd/health.json").write_text("{}", encoding="utf-8")
    if "nowhere" in line:
        Path("nowhere").touch()
        cnncli(QUICK)
        line = line.replace("lenet-1", "lenet-2")
    assert_refused(cnncli(line), code, words)


def test_health_is_shown_without_torch() -> None:
    """Nothing of it needs the network."""
    assert "torch" not in heavy_imports("health nowhere")


def test_inputs_as_notebooks_leave_them(cnncli: Cnncli) -> None:
    """`data.normalize=unit` trains on 0 to 1, says so, and predicts by the same."""
    out = cnncli("train lenet epochs=1 limit=100 data.normalize=unit --device cpu").out
    assert "! unnormalised: the network's inputs have mean 0." in out
    assert "try: data.normalize=standard" in out
    printed = cnncli("evaluate lenet-1 --format json")
    assert json.loads(printed.out)["count"] == 360
    assert printed.err == ""

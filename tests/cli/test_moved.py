"""A run folder holds all that its run needs: it can be renamed, moved, and used from anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_train_anybodys import CODE
from tests.cli.test_train_net_yaml import NET
from tests.conftest import Result

SOURCES = {
    "code": "net.py:Net --data digits",
    "net.yaml": "my.yaml --data digits",
    "torchvision": "torchvision:squeezenet1_1 --data digits resize=32",
    "built-in": "lenet@classic --data digits",
}
SMALL = "limit=64 batch_size=32 schedule.name=constant --quiet"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a network of one's own, as code and as net.yaml."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("net.py").write_text(CODE, encoding="utf-8")
    Path("my.yaml").write_text(NET.replace("WIDTH", "10"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_run_folder_can_be_moved(
    source: str, here: Path, cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed, in another folder, its network's first file gone: it goes on to the same bytes, and serves as before."""
    assert cnncli(f"train {source} epochs=2 {SMALL}").code == 0
    whole = next(Path("runs").iterdir()).rename(here / "whole")
    assert cnncli(f"train {source} epochs=1 {SMALL}").code == 0
    (here / "elsewhere" / "runs").mkdir(parents=True)
    next(Path("runs").iterdir()).rename(here / "elsewhere" / "runs" / "another")
    shutil.rmtree(here / "work")
    monkeypatch.chdir(here / "elsewhere")

    resumed = cnncli("resume another epochs=2 --quiet")
    assert resumed.code == 0, resumed.err
    moved = here / "elsewhere" / "runs" / "another"
    assert (moved / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (moved / "recipe.yaml").read_bytes() == (whole / "recipe.yaml").read_bytes()
    Image.new("L", (8, 8)).save("image.png")
    for line in (
        "evaluate another",
        "predict another image.png",
        "export another --to safetensors --out m.safetensors",
        "summary runs/another",
        "runs compare another ../whole",
        "health another",
        "train runs/another/recipe.yaml epochs=1 --quiet",
        "lr-find runs/another/recipe.yaml --steps 20",
    ):
        found = cnncli(line)
        assert found.code == 0, f"{line}: {found.err}"
    assert "finished" in cnncli("runs ls").out
    assert str(here) not in (moved / "recipe.yaml").read_text(encoding="utf-8")
    assert str(here).encode() not in (moved / "checkpoints" / "last.pt").read_bytes()


def test_a_folder_of_before_is_found_again(here: Path, cnncli: Callable[..., Result]) -> None:
    """Its recipe and its checkpoint have the whole path of the network's file."""
    assert cnncli(f"train net.py:Net --data digits epochs=1 {SMALL}").code == 0
    recipe = Path("runs/Net-1/recipe.yaml")
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(
        text.replace("name: network.yaml", f"name: {here}/gone/runs/Net-1/network.yaml"), encoding="utf-8"
    )
    for line in ("resume Net-1 epochs=2 --quiet", "evaluate Net-1", "summary runs/Net-1"):
        found = cnncli(line)
        assert found.code == 0, f"{line}: {found.err}"
    assert recipe.read_text(encoding="utf-8") == text.replace("epochs: 1\n", "epochs: 2\n")


@pytest.mark.usefixtures("here")
def test_a_dry_run_of_code_is_a_recipe(cnncli: Callable[..., Result]) -> None:
    """It says what it needs beside it; written so, the recipe trains the same network."""
    line = f"net.py:Net width=3 --data digits epochs=1 {SMALL}"
    tried = cnncli(f"train {line} --dry-run")
    assert not Path("runs").exists()
    Path("again.yaml").write_text(tried.out, encoding="utf-8")
    command = "cnncli models show net.py:Net classes=10 width=3 --input 1x8x8 --yaml > network.yaml"
    assert command in tried.err
    Path("network.yaml").write_text(
        cnncli("models show net.py:Net classes=10 width=3 --input 1x8x8 --yaml").out, encoding="utf-8"
    )
    assert cnncli(f"train {line}").code == 0
    assert cnncli("train again.yaml --quiet").code == 0
    one, two = (Path(f"runs/{name}/model.safetensors").read_bytes() for name in ("Net-1", "again-1"))
    assert one == two
    assert cnncli(f"lr-find {line.replace('--quiet', '').replace('epochs=1', '')} --steps 20").code == 0


def test_a_recipe_names_its_network_from_where_it_lies(
    here: Path, cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it first; else, as a command line does, from the current folder."""
    assert cnncli(f"train my.yaml --data digits epochs=1 {SMALL} --dry-run").out
    Path("mine.yaml").write_text(
        "kind: recipe\nmodel: {name: my.yaml}\ndata: {name: digits, limit: 32}\n", encoding="utf-8"
    )
    monkeypatch.chdir(here)
    assert cnncli("train work/mine.yaml epochs=1 --quiet").code == 0
    Path("my.yaml").write_text(
        Path("work/my.yaml").read_text(encoding="utf-8").replace("my-net", "other"), encoding="utf-8"
    )
    Path("work/my.yaml").unlink()
    assert "other" in cnncli("train work/mine.yaml epochs=1").out
    Path("my.yaml").unlink()
    assert "there is no such file" in cnncli("train work/mine.yaml epochs=1").err


@pytest.mark.usefixtures("here")
def test_images_that_were_moved_are_named_anew(cnncli: Callable[..., Result]) -> None:
    """The error says how; the run goes on to the same bytes, and other images are refused."""
    for name in ("a", "b"):
        Path(f"images/{name}").mkdir(parents=True)
        for place in range(10):
            Image.new("L", (8, 8), 20 * place + (100 if name == "b" else 0)).save(f"images/{name}/{place}.png")
    line = "train lenet@classic --data folder:images val=0.25 batch_size=4 schedule.name=constant --quiet"
    assert cnncli(f"{line} epochs=2").code == 0
    assert cnncli(f"{line} epochs=1").code == 0
    Path("images").rename("moved")
    for command in ("resume lenet@classic-2 epochs=2", "evaluate lenet@classic-2", "summary runs/lenet@classic-2"):
        found = cnncli(command)
        assert found.code == 3
        assert "if its images were moved: cnncli resume runs/lenet@classic-2 data.name=folder:NEW" in found.err
        assert found.err.count("\n") == 1
    assert cnncli("evaluate lenet@classic-2 --data folder:moved --split val").code == 0
    assert cnncli("evaluate lenet@classic-2 data.name=folder:moved").code == 0
    resumed = cnncli("resume lenet@classic-2 epochs=2 data.name=folder:moved --quiet")
    assert resumed.code == 0, resumed.err
    assert "data.name" not in cnncli("evaluate lenet@classic-2").err
    from safetensors.torch import load_file

    one, two = (load_file(f"runs/lenet@classic-{number}/model.safetensors") for number in (1, 2))
    assert all(one[name].equal(two[name]) for name in one)
    Path("moved/a/0.png").unlink()
    assert "are not those the run began with" in cnncli("resume lenet@classic-2 epochs=3").err
    assert "keeps its recipe" in cnncli("resume lenet@classic-2 epochs=3 data.name=digits").err

"""`cnncli recipes` as people and scripts see it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.sources.library import shelf
from cnncli.sources.recipes import available, load, recipes_folder, resolved
from tests.cli.quick import heavy_imports
from tests.conftest import Result

Cnncli = Callable[..., Result]
GOOD = "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test stands in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_ls_lists_every_recipe(cnncli: Cnncli) -> None:
    """A line each, within 80 columns, where the network, which the names tell, has no room; ls is what `recipes` alone does."""
    found = cnncli("recipes ls")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0].split() == ["name", "data", "epochs", "reaches"]
    assert [line.split()[0] for line in lines[1:]] == available()
    assert max(map(len, lines)) <= 80
    assert cnncli("recipes").out == found.out


def test_ls_in_other_formats(cnncli: Cnncli) -> None:
    """CSV and JSON have the whole header; Markdown is a pipe table."""
    rows = {row["name"]: row for row in csv.DictReader(cnncli("recipes --format csv").out.splitlines())}
    lenet = rows["lenet-mnist"]
    assert (lenet["network"], lenet["data"], lenet["epochs"]) == ("lenet", "mnist", "10")
    assert lenet["about"].startswith("The textbook's LeNet on MNIST")
    found = json.loads(cnncli("recipes --format json").out)
    assert found["schema"] == "cnncli/recipes/1"
    assert {each["name"]: each["arguments"] for each in found["recipes"]}["lenet-mnist"] == {
        "activation": "sigmoid", "pool": "avg",
    }  # fmt: skip
    assert len(cnncli("recipes --format markdown").out.splitlines()) == 2 + len(available())


def test_every_header_says_what_it_trains_and_what_that_reaches() -> None:
    """One sentence at least of each, from one place; the figures begin with a number, or it says that there are none."""
    for each in shelf():
        assert each.about.endswith(".")
        assert each.reaches.startswith("Reaches ")
        assert each.reaches.endswith(".")
        told = each.reaches.removeprefix("Reaches ")
        made_up = each.recipe.data.name.startswith("fake:")  # to be given images of one's own
        assert told[0].isdigit() or told.startswith("(not measured; 10 epochs take about ") or made_up, each.name
        assert each.recipe == load(each.name)


def test_show_prints_the_file_as_it_is(cnncli: Cnncli) -> None:
    """Comments and all."""
    assert cnncli("recipes show lenet").out == (recipes_folder() / "lenet.yaml").read_text(encoding="utf-8")


def test_show_resolved_writes_every_key_out(cnncli: Cnncli) -> None:
    """With what key=value makes of it, as training would have it."""
    assert cnncli("recipes show lenet --resolved epochs=3").out == resolved(load("lenet", ["epochs=3"]))
    refused = cnncli("recipes show lenet epochs=3")
    assert (refused.code, refused.out) == (2, "")
    assert "'epochs=3' is for --resolved" in refused.err


def test_a_copy_is_the_same_file(cnncli: Cnncli, here: Path) -> None:
    """In the current folder by default, in a folder, or under another name; and it is a recipe."""
    original = (recipes_folder() / "lenet.yaml").read_bytes()
    assert cnncli("recipes cp lenet").out == "lenet.yaml · next: cnncli train lenet.yaml\n"
    (here / "folder").mkdir()
    assert cnncli("recipes cp lenet folder").out.startswith("folder/lenet.yaml · ")
    (here / "new").mkdir()
    assert cnncli("recipes cp lenet 'new/my own.yml'").out.endswith("cnncli train 'new/my own.yml'\n")
    for name in ("lenet.yaml", "folder/lenet.yaml", "new/my own.yml"):
        assert (here / name).read_bytes() == original
    assert cnncli("recipes check lenet.yaml").out == "lenet.yaml: OK\n"


def test_a_copy_overwrites_nothing_unless_forced(cnncli: Cnncli, here: Path) -> None:
    """What is there stays; --force replaces it."""
    (here / "mine.yaml").write_text("mine")
    found = cnncli("recipes cp lenet mine.yaml")
    assert (found.code, found.out) == (2, "")
    assert found.err == "cnncli: mine.yaml is there already; write another name, or --force to overwrite it\n"
    assert (here / "mine.yaml").read_text() == "mine"
    assert cnncli("recipes cp lenet mine.yaml --force").code == 0
    assert (here / "mine.yaml").read_text(encoding="utf-8").startswith("# cnncli train lenet\n")


def test_a_copy_that_cannot_be_written(cnncli: Cnncli, here: Path) -> None:
    """One line and exit code 3."""
    (here / "file").write_text("")
    found = cnncli("recipes cp lenet file/mine.yaml")
    assert (found.code, found.out) == (3, "")
    assert found.err.startswith("cnncli: cannot write 'file/mine.yaml': ")


def test_check_says_ok_or_what_is_wrong_where(cnncli: Cnncli, here: Path) -> None:
    """Every file gets its line; the exit code is that of the worst."""
    (here / "good.yaml").write_text(GOOD)
    (here / "bad.yaml").write_text(f"{GOOD}optimizer:\n  lr: -1\n")
    found = cnncli("recipes check good.yaml bad.yaml lenet")
    assert (found.code, found.out) == (2, "good.yaml: OK\nlenet: OK\n")
    assert found.err == "cnncli: bad.yaml:5: optimizer.lr: -1 is too small; write a number above 0\n"
    assert cnncli("recipes check good.yaml").code == 0
    assert cnncli("recipes check good.yaml missing.yaml").code == 3


def test_check_in_other_formats(cnncli: Cnncli, here: Path) -> None:
    """What is wrong is part of the result there."""
    (here / "bad.yaml").write_text(f"{GOOD}lr: 1\n")
    found = cnncli("recipes check lenet bad.yaml --format json")
    assert (found.code, found.err) == (2, "")
    wrong = "bad.yaml:4: lr: unknown key; did you mean 'optimizer.lr'?"
    assert json.loads(found.out)["checked"] == [
        {"recipe": "lenet", "error": None},
        {"recipe": "bad.yaml", "error": wrong},
    ]
    assert cnncli("recipes check lenet bad.yaml --format csv").out.splitlines()[1:] == ["lenet,", f"bad.yaml,{wrong}"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("recipes lenet", "unknown action 'lenet'; write cnncli recipes show lenet"),
        ("recipes chek", "did you mean 'check'?"), ("recipes ls lenet", "takes no name"),
        ("recipes show", "as in cnncli recipes show lenet"), ("recipes cp", "as in cnncli recipes cp lenet mine.yaml"),
        ("recipes cp lenet a.yaml b.yaml", "a recipe and perhaps where to"), ("recipes check", "takes files"),
        ("recipes schema lenet", "takes no name"), ("recipes show lent", "did you mean 'lenet'?"),
        ("recipes cp lenet mine", "mine: a recipe's file ends in .yaml; write mine.yaml"),
        ("recipes ls --force", "--force means nothing to recipes ls; it is for recipes cp"),
        ("recipes cp lenet --resolved", "--resolved means nothing to recipes cp"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_line(line: str, part: str, cnncli: Cnncli) -> None:
    """Exit code 2 and the cure."""
    found = cnncli(line)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert part in found.err


@pytest.mark.parametrize("line", ["recipes", "recipes show lenet", "recipes check lenet", "recipes schema"])
def test_nothing_heavy_is_imported(line: str) -> None:
    """Answers before torch could be imported."""
    assert heavy_imports(line) == []


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_narrow_list_keeps_the_names(cnncli: Callable[..., Result], columns: int) -> None:
    """They are what one types; what was reached is said in a figure, and columns leave before anything is cut."""
    found = cnncli("recipes ls", columns).out
    assert max(map(len, found.splitlines())) <= columns
    assert "…" not in found
    assert {line.split()[0] for line in found.splitlines()[1:]} == set(available())
    assert found.splitlines()[1 + available().index("lenet")].endswith("99.2 to 100 %")
    assert ("digits" in found, "network" in found) == (columns >= 80, columns >= 100)

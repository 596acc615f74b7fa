"""`cnncli models` as people and scripts see it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.models import models
from tests.cli.quick import heavy_imports
from tests.conftest import Result

Cnncli = Callable[..., Result]


def test_ls_lists_every_network(cnncli: Cnncli) -> None:
    """A line each, within 80 columns; ls is what `models` alone does."""
    found = cnncli("models ls")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0].split() == ["name", "year", "input", "parameters", "MACs", "(M)", "editions"]
    assert lines[1] == "lenet         1998    1×28×28       61,706       0.42  d2l classic paper"
    assert {line.split()[0] for line in lines[1:]} == set(models())
    assert max(map(len, lines)) <= 80
    assert cnncli("models").out == found.out


def test_ls_in_other_formats(cnncli: Cnncli) -> None:
    """CSV has bare numbers, JSON every edition, Markdown a pipe table."""
    rows = list(csv.DictReader(cnncli("models ls --format csv").out.splitlines()))
    alexnet = next(row for row in rows if row["name"] == "alexnet")
    assert (alexnet["input"], alexnet["params"], alexnet["editions"]) == ("1x224x224", "46764746", "d2l paper")
    found = json.loads(cnncli("models ls --format json").out)
    assert found["schema"] == "cnncli/models/1"
    editions = {model["name"]: [each["edition"] for each in model["editions"]] for model in found["models"]}
    assert editions["lenet"] == ["d2l", "classic", "paper"]
    assert len(cnncli("models ls --format markdown").out.splitlines()) == 2 + len(models())


@pytest.mark.parametrize("name", sorted(models()))
def test_show_tells_the_story_of_each(name: str, cnncli: Cnncli) -> None:
    """Title, year, paper, story, and every edition with what it is about; within 80 columns."""
    found = cnncli(f"models show {name}").out
    told = models()[name]
    words = " ".join(found.split())
    assert found.startswith(f"{told.title} · {told.year}\n")
    assert " ".join(told.story.split()) in words
    assert " ".join(told.paper.split()) in words
    assert all(" ".join(edition.about.split()) in words for edition in told.editions.values())
    assert f"{name}@{told.default}, or {name}" in found
    assert max(map(len, found.splitlines())) <= 80


def test_show_one_edition(cnncli: Cnncli) -> None:
    """Only that one is told about, with its own arguments and defaults."""
    found = cnncli("models show googlenet@paper").out
    assert "3×224×224 · 6,998,552 parameters · 1,582.67 million MACs" in found
    assert "classes=1000 aux=false" in found
    assert "googlenet@d2l" not in found


def test_show_in_other_formats(cnncli: Cnncli) -> None:
    """One row an edition in CSV and Markdown, one object in JSON."""
    rows = list(csv.DictReader(cnncli("models show vgg11 --format csv").out.splitlines()))
    assert [row["name"] for row in rows] == ["vgg11@d2l", "vgg11@paper"]
    assert rows[0]["arguments"] == "classes=10 ratio=1 hidden=4096 norm=none dropout=0.5"
    found = json.loads(cnncli("models show lenet --format json").out)
    assert (found["schema"], found["name"], found["year"]) == ("cnncli/models/1", "lenet", 1998)
    assert found["editions"][0]["arguments"] == {
        "classes": 10, "activation": "sigmoid", "pool": "avg", "norm": "none",
    }  # fmt: skip
    assert [each["default"] for each in found["editions"]] == [True, False, False]
    assert cnncli("models show lenet --format markdown").out.startswith("| name | input |")


@pytest.mark.parametrize("source", ["lenet", "lenet@paper", "vgg11 ratio=8", "googlenet"])
def test_yaml_is_the_same_network(source: str, cnncli: Cnncli, tmp_path: Path) -> None:
    """What `--yaml` prints is read back as an equal network."""
    file = tmp_path / "net.yaml"
    file.write_text(cnncli(f"models show {source} --yaml").out, encoding="utf-8")
    found = cnncli(f"diff {source} {file} --exit-code")
    assert found.code == 0, found.out + found.err


def test_schema_is_json(cnncli: Cnncli) -> None:
    """The schema of net.yaml, whatever the format."""
    found = json.loads(cnncli("models schema").out)
    assert "$schema" in found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("models shw lenet", "unknown action 'shw'; did you mean 'show'?"),
        ("models lenet", "unknown action 'lenet'; write cnncli models show lenet"),
        ("models show", "models show takes a name, as in cnncli models show lenet"),
        ("models show lennet", "unknown network 'lennet'; did you mean 'lenet'?"),
        ("models show lenet@papr", "lenet: unknown edition 'papr'; did you mean 'paper'?"),
        ("models ls lenet", "models ls takes no name, got 'lenet'"),
        ("models schema lenet", "models schema takes no name"),
        ("models ls --yaml", "--yaml means nothing to models ls"),
        ("models show lenet pool=max", "'pool=max' is for --yaml"),
        ("models show lenet pol=max --yaml", "unknown argument 'pol'; did you mean 'pool'?"),
    ],
)
def test_wrong_requests_are_one_line(line: str, message: str, cnncli: Cnncli) -> None:
    """Exit 2, nothing on stdout, the place and the cure on stderr."""
    found = cnncli(line)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize("line", ["models ls", "models show lenet", "models show lenet --yaml", "models --help"])
def test_no_heavy_import(line: str) -> None:
    """Telling about networks needs no torch."""
    assert heavy_imports(line) == []


def test_yaml_of_a_recorded_module(cnncli: Cnncli, tmp_path: Path) -> None:
    """Read back it is the same network; where rows have no name in a file, one line says which."""
    pytest.importorskip("torchvision")
    file = tmp_path / "net.yaml"
    file.write_text(cnncli("models show torchvision:squeezenet1_1 --yaml").out, encoding="utf-8")
    found = cnncli(f"diff torchvision:squeezenet1_1 {file} --exit-code")
    assert found.code == 0, found.out + found.err
    found = cnncli("models show torchvision:shufflenet_v2_x0_5 --yaml")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("cnncli: shufflenet_v2_x0_5: cannot be written as YAML: stage2.0.view (view), ")
    assert found.err.endswith(" and 9 more were recorded from a module and have no name in a file\n")

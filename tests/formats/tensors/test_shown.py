"""How a file of tensors is shown: 80 columns, figures that add up, and names from outside that stay inert."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from cnncli.render.tensors import show_tensors

HOSTILE = "[red]evil[/red]\x1b[31m\nrow|2\r\x00\u202e.weight"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ResNet-18's state dict."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(torchvision.models.resnet18().state_dict(), path)
    return path


def shown(path: Path, format: str, capsys: pytest.CaptureFixture[str], depth: int | None = None) -> str:
    """What stands on stdout."""
    show_tensors(path, format, depth)
    return capsys.readouterr().out


def test_the_table_adds_up_and_fits(
    weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printed numbers of the lines add up to the printed total, at every depth; no line is wider than 80."""
    monkeypatch.setenv("COLUMNS", "80")
    for depth in (1, 2, 3, None):
        lines = shown(weights, "table", capsys, depth).splitlines()
        assert max(map(len, lines)) <= 80
        end = next(place for place, line in enumerate(lines) if line.startswith("total"))
        numbers = [int(line.split()[-3].replace(",", "")) for line in lines[2 : end + 1]]
        assert (
            sum(numbers[:-1]) == numbers[-1] == 11_699_132
        )  # 11,689,512 parameters, 9,620 numbers of batch-norm statistics


def test_json_is_whole_and_the_same_at_every_depth(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every tensor with its own figures; totals by dtype."""
    found = json.loads(shown(weights, "json", capsys))
    assert found == json.loads(shown(weights, "json", capsys, 1))
    assert found["schema"] == "cnncli/tensors/1"
    assert len(found["tensors"]) == 122
    assert found["by_dtype"]["int64"] == {"tensors": 20, "numbers": 20, "bytes": 160}
    for figure in ("tensors", "numbers", "bytes"):
        assert found["totals"][figure] == sum(each[figure] for each in found["by_dtype"].values())
    first = next(each for each in found["tensors"] if each["name"] == "conv1.weight")
    assert first == {
        "name": "conv1.weight",
        "shape": [64, 3, 7, 7],
        "dtype": "float32",
        "numbers": 9408,
        "bytes": 37632,
        "shares": None,
    }


def test_csv_and_markdown(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bare values; a pipe table."""
    rows = list(csv.DictReader(StringIO(shown(weights, "csv", capsys))))
    assert len(rows) == 122
    assert {
        "name": "fc.weight",
        "shape": "1000x512",
        "dtype": "float32",
        "numbers": "512000",
        "bytes": "2048000",
    } in rows
    lines = shown(weights, "markdown", capsys, 1).splitlines()
    assert lines[0] == "| tensor | shape | dtype | numbers | bytes |"
    assert "| fc | 2 tensors | float32 | 513,000 | 2.0 MiB |" in lines


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_hostile_names_stay_inert(suffix: str, format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No escape sequence, no line break and no markup reaches the terminal; one tensor stays one line."""
    path = tmp_path / f"evil\x1b[31m.{suffix}"
    tensors = {HOSTILE: torch.zeros(2), "a": torch.zeros(1, dtype=torch.int64)}
    save_file(tensors, path) if suffix == "safetensors" else torch.save(tensors, path)
    for depth in (None, 1):
        text = shown(path, format, capsys, depth)
        assert all(letter.isprintable() or letter == "\n" for letter in text)
        assert "[red]evil" in text
        if format == "csv":
            assert len(text.splitlines()) == 3
        if format == "json":
            assert HOSTILE in {each["name"] for each in json.loads(text)["tensors"]}


def test_what_is_shared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table names whose memory it is, and the total counts it once."""
    weight = torch.zeros(10, 4)
    torch.save({"embed": weight, "head": weight, "epoch": 3}, tmp_path / "x.pt")
    text = shown(tmp_path / "x.pt", "table", capsys)
    assert "head = embed" in text
    assert "1 of the tensors lie in another's memory; in the totals that counts once" in text
    assert "x.pt · 2 tensors · 1 other value" in text
    assert [line.split() for line in text.splitlines() if line.startswith("total")] == [["total", "40", "160", "B"]]


def test_a_long_shape_is_cut_and_an_empty_file_has_no_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty axes do not push the numbers off the line."""
    monkeypatch.setenv("COLUMNS", "80")
    save_file({"x" * 90: torch.zeros((1,) * 60), "scalar": torch.zeros(())}, tmp_path / "x.safetensors")
    text = shown(tmp_path / "x.safetensors", "table", capsys)
    assert max(map(len, text.splitlines())) <= 80
    assert "one number" in text
    save_file({}, tmp_path / "x.safetensors")
    assert "0 tensors" in shown(tmp_path / "x.safetensors", "table", capsys)

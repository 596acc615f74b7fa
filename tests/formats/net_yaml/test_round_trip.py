"""What is written as net.yaml is read back as the same network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.analysis.report import Report, report
from cnncli.cli import run
from cnncli.formats.net_yaml import dump, read
from cnncli.models import network
from tests.cli.quick import heavy_imports
from tests.conftest import Result
from tests.network_sources import SOURCES

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.yaml"))


def figures(found: Report) -> list[object]:
    """All that a report says of its rows."""
    return [found.network.blocks, found.totals, *found.rows]


@pytest.mark.parametrize("source", [*SOURCES, "googlenet@paper aux"])
def test_a_built_in_network_survives(source: str, tmp_path: Path) -> None:
    """Names, blocks, rows and totals are the same after writing and reading."""
    name, _, aux = source.partition(" ")
    net = network(name, aux=True) if aux else network(name)
    file = tmp_path / "net.yaml"
    file.write_text(dump(net), encoding="utf-8")
    assert figures(report(read(file).network)) == figures(report(net))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_what_torch_says(file: Path, cnncli: Callable[..., Result]) -> None:
    """The examples of the documents run, and torch agrees with every row."""
    found = cnncli(f"summary {file} --check")
    assert found.code == 0, found.err
    assert "torch agrees" in found.out


def test_lenet_of_the_examples_is_lenet() -> None:
    """Written by hand, it costs what the built-in one costs."""
    (file,) = (file for file in EXAMPLES if file.stem == "lenet")
    assert report(read(file).network).totals == report(network("lenet")).totals


def test_a_width_that_does_not_fit_is_told_with_its_line(tmp_path: Path, cnncli: Callable[..., Result]) -> None:
    """400 → 576, at the line of the key, by every command that needs the sizes."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "kind: network\nname: mine\ninput: 1x28x28\nlayers:\n"
        "  - conv: {Conv2d: {out_channels: 16, kernel_size: 5}}\n  - pool: {MaxPool2d: {kernel_size: 4}}\n"
        "  - flatten: Flatten\n  - fc: {Linear: {in_features: 400, out_features: 10}}\n"
    )
    for command in ("summary", "code", "diff lenet"):
        found = cnncli(f"{command} {file}")
        assert found.code == 2
        assert f"{file}:8: fc: in_features is 400, the input has 576; write in_features 400 → 576" in found.err


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("Conv2D: {out_channels: 1, kernel_size: 3}", "did you mean 'Conv2d'?"),
        ("Conv2d: {out_chanels: 1, kernel_size: 3}", "did you mean 'out_channels'?"),
        ("Conv2d: {out_channels: 1}", "kernel_size"),
        ("Conv2d: {out_channels: yes, kernel_size: 3}", "write true or false"),
        ("Conv2d: {out_channels: 1, out_channels: 2, kernel_size: 3}", "out_channels"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    layer: str, says: str, tmp_path: Path, cnncli: Callable[..., Result]
) -> None:
    """One line: the file, the line, the cure."""
    file = tmp_path / "net.yaml"
    file.write_text(f"kind: network\nname: mine\ninput: 1x8x8\nlayers:\n  - a: {{{layer}}}\n")
    found = cnncli(f"summary {file}")
    assert found.code == 2
    assert found.err.count("\n") == 1
    assert f"{file}:5" in found.err
    assert says in found.err


def test_a_huge_layer_is_answered_at_once(tmp_path: Path, cnncli: Callable[..., Result]) -> None:
    """A convolution of 10⁹ channels on 10⁵×10⁵ pixels: no memory is asked for what is only counted."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "kind: network\nname: mine\ninput: 3x100000x100000\nlayers:\n"
        "  - a: {Conv2d: {out_channels: 1000000000, kernel_size: 3}}\n"
    )
    found = cnncli(f"summary {file}")
    assert found.code == 0, found.err
    assert "28,000,000,000" in found.out


def test_repeats_are_counted_before_they_are_written_out(tmp_path: Path, cnncli: Callable[..., Result]) -> None:
    """Repeats that multiply to more than 100,000 layers are refused, not expanded."""
    steps = "{ReLU: {}}"
    for _ in range(6):
        steps = f"{{repeat: {{times: 100, steps: [{steps}]}}}}"
    file = tmp_path / "net.yaml"
    file.write_text(f"kind: network\nname: mine\ninput: 1x8x8\nlayers:\n  - {steps}\n")
    found = cnncli(f"summary {file}")
    assert found.code == 2
    assert "100,000" in found.err


def test_the_schema_is_json_schema(cnncli: Callable[..., Result]) -> None:
    """What editors load says which draft it follows, and knows the layers."""
    found = cnncli("models schema")
    assert found.code == 0
    assert "$schema" in json.loads(found.out)
    assert "Conv2d" in found.out


def test_no_torch_for_a_file() -> None:
    """A summary of a net.yaml starts without torch."""
    assert heavy_imports(f"summary {EXAMPLES[0]}") == []
    assert run(["summary", "nosuch.yaml"]) == 3

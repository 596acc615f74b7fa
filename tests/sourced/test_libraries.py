"""torchvision and timm as sources."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cnncli.models import models
from tests.cli.quick import heavy_imports
from tests.conftest import Result

LINES = (
    "summary torchvision:resnext50_32x4d --depth 1 --optimizer adam",
    "summary torchvision:vit_b_16 --collapse",
    "summary torchvision:squeezenet1_1 classes=10 --input 3x64x64",
    "summary torchvision:resnet999",
    "summary torchvision:resnext50_32x4d weights=DEFAULT",
    "summary torchvision:resnext50_32x4d widht=3",
    "diff torchvision:vgg11 torchvision:vgg11_bn",
)


@pytest.mark.parametrize("line", LINES)
def test_the_output_is_the_golden_one(line: str, golden: Callable[..., None]) -> None:
    """What is printed, on both streams, and the exit code are those of the golden file."""
    golden(line)


BUILT_IN = [name for name, model in models().items() if "torchvision" in model.editions]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_plain_one_that_is_built_in_needs_no_torch(name: str) -> None:
    """Neither torch nor torchvision is imported for it."""
    assert heavy_imports(f"summary torchvision:{name}") == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_one_is_torchvisions(name: str, cnncli: Callable[..., Result]) -> None:
    """With an argument of torchvision's own it is recorded instead; the totals and the rows' figures are the same."""
    ours = json.loads(cnncli(f"summary torchvision:{name} --format json").out)
    theirs = json.loads(cnncli(f"summary torchvision:{name} num_classes=1000 --format json").out)
    assert theirs["edition"] == ""
    assert ours["totals"] == theirs["totals"]
    names = ("params", "macs", "connections", "output", "receptive_field", "activation_bytes", "saved_bytes")
    assert [[row[each] for each in names] for row in ours["rows"]] == [
        [row[each] for each in names] for row in theirs["rows"]
    ]


def test_timm_at_its_own_size(cnncli: Callable[..., Result]) -> None:
    """Timm knows what its models were trained on."""
    pytest.importorskip("timm")
    found = json.loads(cnncli("summary timm:test_vit --format json").out)
    assert found["input"] == [3, 160, 160]
    assert found["complete"]
    assert cnncli("summary timm:no_such_model").err.startswith("cnncli: unknown timm model 'no_such_model'")


def test_timm_is_an_extra(cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, the line says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    found = cnncli("summary timm:resnet18")
    assert (found.code, found.err) == (2, "cnncli: timm is not installed; pip install 'cnncli[timm]'\n")

"""torchvision and timm as sources."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from cnncli.models import models
from cnncli.sources import Request, load
from cnncli.sources.torchvision import maker
from cnncli.tracing.building import built
from tests.cli.quick import heavy_imports
from tests.conftest import Result

LINES = (
    "summary torchvision:resnext50_32x4d --depth 1 --optimizer adam",
    "summary torchvision:vit_b_16 --collapse",
    "summary torchvision:squeezenet1_1 classes=10 --input 3x64x64",
    "summary torchvision:resnet999",
    "summary torchvision:resnext50_32x4d weights=DEFAULT --depth 1",
    "summary torchvision:resnext50_32x4d weights=IMAGENET1K_V3",
    "summary torchvision:resnext50_32x4d weights_backbone=DEFAULT",
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


PUBLISHED = [
    (name, weights)
    for name in torchvision.models.list_models()
    for weights in torchvision.models.get_model_weights(name)
    if "Quantized" not in type(weights).__name__
]
QUICK = {
    "googlenet",
    "fasterrcnn_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "fcn_resnet50",
    "ssdlite320_mobilenet_v3_large",
}


@pytest.mark.parametrize(
    ("name", "weights"),
    [pytest.param(*each, marks=() if each[0] in QUICK else pytest.mark.slow) for each in PUBLISHED],
)
def test_published_weights_fit_what_is_built_for_them(name: str, weights: WeightsEnum) -> None:
    """The parameters are those that torchvision publishes with the weights, and nothing is fetched."""
    fetch, put = WeightsEnum.get_state_dict, nn.Module.load_state_dict
    module = built(maker(Request(f"torchvision:{name}", arguments={"weights": str(weights)})))
    assert sum(each.numel() for each in module.parameters()) == weights.meta["num_params"]
    assert (WeightsEnum.get_state_dict, nn.Module.load_state_dict) == (fetch, put)


def test_weights_of_a_backbone_hold_its_normalisation_fixed() -> None:
    """A trained backbone's normalisation has no parameters, as torchvision builds it."""
    name = "torchvision:fasterrcnn_resnet50_fpn"
    counts = [
        sum(each.numel() for each in built(maker(Request(name, arguments=own))).parameters())
        for own in ({}, {"weights_backbone": "DEFAULT"}, {"weights": "COCO_V1"})
    ]
    assert counts[0] > counts[1] == counts[2]


def test_the_header_says_whose_architecture_it_is(cnncli: Callable[..., Result]) -> None:
    """Without weights and with them, which may be named in three ways."""
    lines = [f"weights={each}" for each in ("DEFAULT", "IMAGENET1K_V1", "GoogLeNet_Weights.IMAGENET1K_V1")]
    found = [json.loads(cnncli(f"summary torchvision:googlenet {line} --format json").out) for line in ("", *lines)]
    assert [each["model"] for each in found] == ["googlenet", *["googlenet weights=IMAGENET1K_V1"] * 3]
    assert [each["totals"]["params"] for each in found] == [13_004_888, *[6_624_904] * 3]


def test_timm_pretrained_is_built_without_a_download() -> None:
    """The tag's own arguments decide, and the name says which tag it is."""
    pytest.importorskip("timm")
    plain, asked = (load(Request("timm:test_vit.r160_in1k", arguments=own)) for own in ({}, {"pretrained": True}))
    assert (plain.network.name, asked.network.name) == ("test_vit.r160_in1k", "test_vit weights=r160_in1k")
    assert [node.layer for node in plain.network.nodes] == [node.layer for node in asked.network.nodes]

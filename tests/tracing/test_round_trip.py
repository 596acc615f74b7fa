"""A built-in network, built and recorded, is what it was; torchvision's own modules are what is written down for them."""

from __future__ import annotations

import pytest
import torch
import torchvision

from cnncli.analysis.report import report
from cnncli.build import build
from cnncli.layers import Tensor
from cnncli.models import network
from cnncli.tracing import record
from tests.network_sources import SOURCES


@pytest.mark.parametrize("source", SOURCES)
def test_every_edition(source: str) -> None:
    """Rows and totals are equal, layer by layer: names, specs, who reads whom, shapes, and all figures, fields and bytes among them."""
    wanted = network(source)
    with torch.device("meta"):
        module = build(wanted)
    found = record(module, list(wanted.inputs.values()), name=wanted.name)
    assert found.failure is None
    assert found.unused == ()
    assert report(found.network).rows == report(wanted).rows
    assert report(found.network).totals == report(wanted).totals
    assert found.network.outputs == wanted.outputs


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("googlenet@paper", {"aux": True}),
        ("lenet@classic", {"activation": "relu", "pool": "max"}),
        ("vgg11@d2l", {"ratio": 8, "hidden": 512}),
        ("lenet@d2l", {"norm": "batch"}),
        ("alexnet@d2l", {"norm": "batch", "dropout": 0.2}),
    ],
)
def test_arguments_of_their_own(source: str, arguments: dict[str, object]) -> None:
    """Several outputs, and other layers."""
    wanted = network(source, **arguments)
    with torch.device("meta"):
        module = build(wanted)
    found = record(module, list(wanted.inputs.values()))
    assert report(found.network).rows == report(wanted).rows
    assert found.network.outputs == wanted.outputs


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121", "mobilenet_v2"])
def test_torchvisions_own(name: str) -> None:
    """Torchvision's module gives the rows of the network that is written down here; functional calls may have other names."""
    with torch.device("meta"):
        module = torchvision.models.get_model(name)
    found = report(record(module, [Tensor((3, 224, 224))]).network)
    wanted = report(network(name))
    assert [row[1:2] + row[3:] for row in found.rows] == [row[1:2] + row[3:] for row in wanted.rows]
    assert found.totals == wanted.totals

"""What training keeps: bytes saved for backward are those that autograd saves, storages once, parameters and buffers left out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torchvision
from torch import nn

from cnncli.analysis.report import report
from cnncli.build import build
from cnncli.layers import Shape, Tensor
from cnncli.models import network
from cnncli.tracing import record
from tests.network_sources import SOURCES
from tests.saved_bytes import saved_by_torch

QUICK = {"alexnet@d2l", "lenet@d2l", "lenet@classic", "lenet@paper", "nin@d2l", "nin@paper", "vgg11@d2l"}


def recorded_and_saved(module: nn.Module, shapes: Sequence[Shape]) -> tuple[int, int]:
    """For two examples: what the report of the recording says, and what autograd does.

    Two, as one is too few for batch normalisation after global pooling.
    """
    recording = record(module, [Tensor(shape) for shape in shapes], training=True)
    assert recording.failure is None
    recorded = report(recording.network, batch_size=2).totals.saved_bytes
    return recorded, saved_by_torch(module, *(torch.randn(2, *shape) for shape in shapes))


@pytest.mark.parametrize(
    "source", [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in SOURCES]
)
def test_built_in_networks(source: str) -> None:
    """At their own inputs, recorded and as they are written down."""
    written = network(source)
    recorded, saved = recorded_and_saved(build(written), [each.shape for each in written.inputs.values()])
    assert recorded == saved
    assert report(written, batch_size=2).totals.saved_bytes == saved


@pytest.mark.slow
def test_heads_besides() -> None:
    """GoogLeNet as the paper trains it, with two more outputs."""
    written = network("googlenet@paper", aux=True)
    recorded, saved = recorded_and_saved(build(written), [(3, 224, 224)])
    assert recorded == report(written, batch_size=2).totals.saved_bytes == saved


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "densenet121"])
@pytest.mark.parametrize("side", [48, pytest.param(224, marks=pytest.mark.slow)])
def test_torchvision(name: str, side: int) -> None:
    """Residuals that are added in place, inverted residuals, and maps that every later layer reads again."""
    recorded, saved = recorded_and_saved(torchvision.models.get_model(name, weights=None), [(3, side, side)])
    assert recorded == saved


OTHERS = {
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "vgg11_bn": 32,
    "convnext_tiny": 64,
    "efficientnet_b0": 64,
    "maxvit_t": 224,
    "mnasnet0_5": 64,
    "mobilenet_v3_small": 64,
    "regnet_y_400mf": 64,
    "resnext50_32x4d": 64,
    "swin_t": 64,
    "vit_b_32": 224,
}
"""Sides at which torchvision's other families are run; those that take their time are slow tests."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if at < 3 else pytest.mark.slow) for at, name in enumerate(OTHERS)]
)
def test_other_families(name: str) -> None:
    """Channels shuffled, paths concatenated, gates, windows, attention, stochastic depth."""
    shape = (3, OTHERS[name], OTHERS[name])
    recorded, saved = recorded_and_saved(torchvision.models.get_model(name, weights=None), [shape])
    assert recorded == saved

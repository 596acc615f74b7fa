"""The editions called `torchvision` are torchvision's networks, down to the names in the state dict."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from cnncli.analysis.report import report
from cnncli.build import build
from cnncli.models import models, network
from tests.models.measure import on_meta

EDITIONS = [name for name, model in models().items() if "torchvision" in model.editions]
SAME_SIZES = [*(f"{name}@torchvision" for name in EDITIONS), "vgg11@paper", "vgg13@paper", "vgg16@paper", "vgg19@paper"]


def theirs(name: str, device: str = "meta") -> nn.Module:
    """The module of the same name in torchvision, not trained."""
    with torch.device(device):
        module: nn.Module = torchvision.models.get_model(name, weights=None)
    return module.eval()


def test_every_edition_is_looked_at() -> None:
    """No network drops out of these tests unseen."""
    assert set(EDITIONS) == {f"resnet{depth}" for depth in (18, 34, 50, 101, 152)} | {"densenet121", "mobilenet_v2"}


@pytest.mark.parametrize("name", EDITIONS)
def test_state_dict_has_torchvisions_keys_and_shapes(name: str) -> None:
    """Keys, their order, and every shape."""
    ours = {key: tuple(value.shape) for key, value in on_meta(network(name)).state_dict().items()}
    wanted = {key: tuple(value.shape) for key, value in theirs(name).state_dict().items()}
    assert list(ours.items()) == list(wanted.items())


@pytest.mark.parametrize("source", SAME_SIZES)
def test_parameters_and_gmacs_are_those_of_torchvisions_own_table(source: str) -> None:
    """`num_params` exactly, `_ops` to its three decimals."""
    meta = torchvision.models.get_model_weights(source.partition("@")[0]).DEFAULT.meta
    totals = report(network(source)).totals
    assert totals.params == meta["num_params"]
    assert round(totals.macs / 1e9, 3) == meta["_ops"]


@pytest.mark.parametrize(
    "name",
    [
        name if name in {"resnet18", "resnet50", "mobilenet_v2"} else pytest.param(name, marks=pytest.mark.slow)
        for name in EDITIONS
    ],
)
def test_torchvisions_weights_load_and_give_the_same_outputs(name: str) -> None:
    """A state dict with random weights and statistics loads strictly; float64 outputs agree."""
    torch.manual_seed(0)
    them = theirs(name, "cpu").double()
    for key, value in them.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif key.endswith("running_mean"):
            value.normal_(std=0.1)
    us = build(network(name, input=(3, 64, 64))).double().eval()
    us.load_state_dict(them.state_dict(), strict=True)
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(us(x), them(x), rtol=1e-10, atol=1e-10)

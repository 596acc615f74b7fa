"""Modules built to be looked at: shapes without weights, and the user's own errors."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from cnncli.tracing.building import built
from tests.tracing.says import told


def test_no_memory_and_no_random_numbers() -> None:
    """Weights have sizes and no numbers, and the random numbers of the program are left alone."""
    before = torch.get_rng_state()
    module = built(torchvision.models.resnet18)
    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}
    assert sum(parameter.numel() for parameter in module.parameters()) == 11_689_512
    assert torch.equal(torch.get_rng_state(), before)


class Computes(nn.Module):
    """A constructor that computes widths with tensors, a table that it looks things up in, and a large one."""

    def __init__(self) -> None:
        super().__init__()
        widths = torch.linspace(4, 8, 3).int().tolist()
        self.layers = nn.Sequential(*[nn.Linear(each, each) for each in widths])
        self.places = torch.arange(6).view(2, 3)
        self.words = nn.Parameter(torch.zeros(10**6, 10**5))


def test_numbers_that_are_no_weights_are_there() -> None:
    """What a constructor computes with has numbers, while a hundred billion weights have no memory."""
    module = built(Computes)
    assert [layer.weight.shape for layer in module.layers] == [(4, 4), (6, 6), (8, 8)]
    assert module.places.sum() == 15
    assert {parameter.device.type for parameter in module.parameters()} == {"meta"}


class Reads(nn.Module):
    """A constructor that reads its own weights."""

    def __init__(self, *, wrong: bool = False) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(4, 4), nn.LayerNorm(8)
        self.scale = nn.Parameter(torch.rand(3))
        self.largest = self.norm.weight.max().item()
        if wrong:
            raise ValueError(f"no such width: {self.largest:.0f}")


def test_a_module_that_reads_its_weights_is_built_on_the_cpu() -> None:
    """What would be left to chance is zero there, what is not is as it should be."""
    before = torch.get_rng_state()
    module = built(Reads)
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}
    assert module.largest == 1
    assert not module.dense.weight.any()
    assert module.norm.weight.eq(1).all()
    assert torch.equal(torch.get_rng_state(), before)


def test_an_error_is_the_constructors_own() -> None:
    """Not that of the meta device, and not chained to it."""
    with pytest.raises(ValueError, match="no such width: 1") as caught:
        built(lambda: Reads(wrong=True))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("initialise", [nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_])
def test_what_checks_its_tensor_still_does(initialise: object) -> None:
    """An initialiser that refuses a vector refuses it here."""
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        built(lambda: initialise(nn.Parameter(torch.empty(4))))  # type: ignore[operator]


@pytest.mark.parametrize("name", ["regnet_y_400mf", "mobilenet_v2", "swin_t"])
def test_records_as_what_was_built_in_full(name: str) -> None:
    """Rows and totals are the same."""
    full = torchvision.models.get_model(name)
    bare = built(lambda: torchvision.models.get_model(name))
    assert told(bare, (3, 64, 64)).report == told(full, (3, 64, 64)).report

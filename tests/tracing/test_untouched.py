"""The module is as it was afterwards, whatever happens."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from cnncli.layers import Tensor
from cnncli.tracing import record


class Busy(nn.Module):
    """Changes whatever a forward pass can change."""

    count: torch.Tensor

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("count", torch.zeros(()))
        self.history: list[torch.Tensor] = []
        self.cache: dict[str, torch.Tensor] = {}
        self.fails = fails

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×3×H×W → N×4×H'×W'"""
        self.count += 1
        self.history.append(x)
        self.cache["x"] = x
        self.last = x
        self.conv.stride = (1, 1)
        with torch.no_grad():
            self.conv.weight.clamp_(-0.01, 0.01)
        x = self.norm(self.conv(x))
        if self.fails:
            raise RuntimeError("nothing more")
        return x


def state(module: nn.Module) -> list[object]:
    """Everything a module holds, by identity, and what its own containers hold."""
    held: list[object] = []
    for each in module.modules():
        held.append(type(each))
        for name, value in each.__dict__.items():
            held.append((name, id(value)))
            if isinstance(value, dict | list | set):
                held.append([id(item) for item in (value.values() if isinstance(value, dict) else value)])
    return held


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_state_mode_and_hooks(device: str, *, training: bool, fails: bool) -> None:
    """Attributes, state dict, mode and hooks, after a run that worked and after one that raised."""
    module = Busy(fails=fails)
    module.norm.eval()
    calls: list[int] = []
    module.register_forward_hook(lambda *_: calls.append(1))
    before, numbers = state(module), {name: each.clone() for name, each in module.state_dict().items()}
    seed = torch.get_rng_state()
    found = record(module, [Tensor((3, 8, 8))], device=device, training=training)
    assert (found.failure is not None) == fails
    assert state(module) == before
    assert {name: each.device.type for name, each in module.state_dict().items()} == dict.fromkeys(numbers, "cpu")
    assert all(torch.equal(each, numbers[name]) for name, each in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), seed)


def test_torch_is_untouched() -> None:
    """What is exchanged in torch for the time of a run is put back."""
    call, asked = nn.Module.__call__, nn.functional.has_torch_function
    record(Busy(), [Tensor((3, 8, 8))])
    record(nn.MultiheadAttention(8, 2, batch_first=True), [Tensor((5, 8))] * 3)
    assert nn.Module.__call__ is call
    assert nn.functional.has_torch_function is asked


def test_lazy_modules_stay_lazy() -> None:
    """Parameters that wait for an input are counted, and go on waiting."""
    module = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))
    found = record(module, [Tensor((3, 8, 8))])
    assert found.failure is None
    assert type(module[0]) is nn.LazyConv2d
    assert isinstance(module[0].weight, nn.UninitializedParameter)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*weight_norm:DeprecationWarning")
def test_weights_that_hooks_compute() -> None:
    """Weight and spectral normalisation belong to the layer whose weights they make, and leave nothing behind."""
    old = nn.utils.weight_norm(nn.Conv2d(3, 4, 3))
    new = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 3))
    module = nn.Sequential(old, new)
    before = state(module)
    found = record(module, [Tensor((3, 8, 8))])
    assert [node.name for node in found.network.nodes] == ["0", "1"]
    assert found.unused == ()
    assert state(module) == before


def _alive() -> Iterator[weakref.ref[nn.Module]]:
    module = Busy()
    record(module, [Tensor((3, 8, 8))])
    yield weakref.ref(module)


def test_nothing_holds_the_module() -> None:
    """A recording is data: it keeps no module and no tensor alive."""
    import gc

    (held,) = list(_alive())
    gc.collect()
    assert held() is None

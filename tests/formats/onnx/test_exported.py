"""Modules that torch exported: the file says what the module says, to the parameter, the MAC and the receptive field."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncli.analysis.report import Report, report
from cnncli.build import build
from cnncli.formats.onnx import read
from cnncli.layers import Tensor
from cnncli.models import network
from cnncli.tracing import record
from tests.formats.onnx.conftest import Export

IMAGE = (1, 3, 224, 224)


def made(name: str, **arguments: Any) -> Callable[[], nn.Module]:  # noqa: ANN401
    """A network of torchvision's."""
    return lambda: torchvision.models.get_model(name, weights=None, **arguments)


ZOO: dict[str, Callable[[], nn.Module]] = {
    "resnet18": made("resnet18"),
    "mobilenet_v3_small": made("mobilenet_v3_small"),
    "densenet": lambda: torchvision.models.DenseNet(8, (2, 3, 2), 16),
    "vit": lambda: torchvision.models.VisionTransformer(224, 32, 3, 4, 96, 384),
}


def macs(module: nn.Module, *shapes: tuple[int, ...]) -> int:
    """Torch's own count on the meta device, where it sees the steps of attention, halved."""
    copy = deepcopy(module).eval().to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        copy(*(torch.empty(*shape, device="meta") for shape in shapes))
    total: int = counter.get_total_flops()
    return total // 2


def recorded(module: nn.Module, *shapes: tuple[int, ...]) -> Report:
    """The module's own report."""
    return report(record(module, tuple(Tensor(shape[1:]) for shape in shapes)).network)


@pytest.mark.parametrize(("name", "fixed"), [*((name, False) for name in ZOO), ("resnet18", True), ("vit", True)])
def test_torchvision(name: str, fixed: bool, export: Export) -> None:  # noqa: FBT001
    """With an open batch and with a batch of one; rows of the same name have the same figures and see the same."""
    module = ZOO[name]()
    found = report(read(export(module, IMAGE, open={} if fixed else None)))
    assert found.failure is None
    assert found.complete
    assert found.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert found.totals.macs == macs(module, IMAGE)
    ours, theirs = ({row.name: row for row in each.rows} for each in (found, recorded(module, IMAGE)))
    both = [name for name in ours if name in theirs and theirs[name].params]
    assert len(both) >= (0.5 if "vit" in name else 0.99) * sum(bool(row.params) for row in theirs.values())
    for row in both:
        if "self_attention" not in row:
            assert (ours[row].params, ours[row].macs) == (theirs[row].params, theirs[row].macs), row
            assert ours[row].call.outputs == theirs[row].call.outputs, row
            assert ours[row].layer == theirs[row].layer, row
        if name != "vit" or row == "conv_proj":  # attention that a file spells out is not followed
            assert ours[row].field == theirs[row].field, row


@pytest.mark.parametrize("name", ["lenet", "lenet@classic", "nin", "vgg11", "googlenet"])
def test_built_in_networks(name: str, export: Export) -> None:
    """A built-in network, built, exported and read again: totals, and every row's figures, are its own."""
    described = network(name, **({"ratio": 8, "hidden": 64} if name == "vgg11" else {}))
    shape = (1, *next(iter(described.inputs.values())).shape)
    before, after = report(described), report(read(export(build(described), shape)))
    for figure in ("params", "macs", "connections", "buffers"):
        assert getattr(after.totals, figure) == getattr(before.totals, figure)
    theirs = {row.name: row for row in before.rows if row.params}
    ours = {row.name: row for row in after.rows if row.params}
    assert ours.keys() == theirs.keys()
    for key, row in ours.items():
        assert (row.layer, row.field, row.macs) == (theirs[key].layer, theirs[key].field, theirs[key].macs)


def test_folded_batch_norms(export: Export) -> None:
    """Exported for inference, batch norms are folded into convolutions: MACs stay, a bias takes the place of four vectors."""
    module = torchvision.models.resnet18(weights=None)
    found = report(read(export(module, IMAGE, fold=True)))
    convolutions = [each for each in module.modules() if isinstance(each, nn.Conv2d)]
    assert found.totals.macs == macs(module, IMAGE)
    assert found.totals.buffers == 0
    assert found.totals.params == sum(each.weight.numel() + each.out_channels for each in convolutions) + 513_000


class Stacked(nn.Module):
    """Odd windows: dilation, groups, transposed, a pool that rounds up, an asymmetric pad, an unusual activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.up = nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1, output_padding=1, groups=2)
        self.pad = nn.ZeroPad2d((1, 0, 2, 1))
        self.mirror = nn.ReflectionPad2d((1, 2, 0, 1))
        self.pool = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
        self.mean = nn.AvgPool2d(2, count_include_pad=False)
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.PReLU(4)
        self.grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×3×H×W → N×4×H'×W'."""
        x = self.pad(self.up(self.grouped(self.conv(x))))
        return self.grow(self.act(self.norm(self.mean(self.pool(self.mirror(x))))))


def test_windows_of_every_kind(export: Export) -> None:
    """Sizes, parameters, MACs and receptive fields up to the normalisation, which sees everything, are the module's."""
    module = Stacked()
    found, theirs = report(read(export(module, (1, 3, 21, 30)))), recorded(module, (1, 3, 21, 30))
    assert found.complete
    assert found.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert found.totals.macs == theirs.totals.macs == macs(module, (1, 3, 21, 30))
    ours = {row.name: row for row in found.rows}
    rows = {row.name: row for row in theirs.rows}
    for name in ("conv", "grouped", "up", "pad", "mirror", "pool", "mean"):
        assert ours[name].layer == rows[name].layer, name
        assert ours[name].call.outputs == rows[name].call.outputs, name
        assert ours[name].field == rows[name].field, name
    assert found.rows[-1].call.y.shape == theirs.rows[-1].call.y.shape


class Attending(nn.Module):
    """An encoder layer on a batch of sequences, and a fully connected layer on each position."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.head = nn.Linear(32, 50, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×L×32 → N×L×50."""
        return self.head(self.layer(x))


def test_an_encoder_layer_and_a_matrix_without_bias(export: Export) -> None:
    """Projections with their bias are one row each; MACs by hand: 4·L·E² + 2·L²·E + 2·L·E·F + L·E·50, with L 7, E 32, F 64."""
    module = Attending()
    found = report(read(export(module, (1, 7, 32))))
    assert found.complete
    assert found.totals.macs == 4 * 7 * 32**2 + 2 * 7**2 * 32 + 2 * 7 * 32 * 64 + 7 * 32 * 50
    assert found.totals.params == sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent_layers(kind: type[nn.LSTM], both: bool, export: Export) -> None:  # noqa: FBT001
    """Parameters and MACs are those of the recorded module: steps × the elements of the matrices."""
    module = kind(8, 16, num_layers=2, bidirectional=both, batch_first=True)
    found, theirs = report(read(export(module, (1, 5, 8)))), recorded(module, (1, 5, 8))
    assert found.complete
    assert (found.totals.params, found.totals.macs) == (theirs.totals.params, theirs.totals.macs)
    assert found.totals.macs == 5 * sum(each.numel() for each in module.parameters() if each.dim() == 2)


class Twice(nn.Module):
    """One convolution called twice, and weights tied to it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Two images of four channels to one."""
        return self.conv(x) + self.conv(y)


def test_a_module_called_twice_on_two_inputs(export: Export) -> None:
    """Its 148 parameters count once, its MACs twice; the second row shares the first's weights."""
    found = report(read(export(Twice(), (1, 4, 6, 6), (1, 4, 6, 6))))
    assert found.totals.params == 148
    assert found.totals.macs == 2 * 4 * 36 * 36
    first, second = (node for node in found.network.nodes if node.layer.torch_name == "Conv2d")
    assert second.shares == first.name
    assert list(found.network.inputs) == ["x0", "x1"]


def test_batch_figures_grow_with_the_batch(export: Export) -> None:
    """What is read for one example is right for many: bytes are eight times as many at a batch of eight."""
    described = read(export(ZOO["vit"](), IMAGE))
    one, eight = report(described), report(described, batch_size=8)
    assert eight.totals.activation_bytes == 8 * one.totals.activation_bytes
    assert eight.totals.macs == one.totals.macs


SLOW = (
    "alexnet vit_b_16 efficientnet_b0 mobilenet_v2 densenet121 googlenet shufflenet_v2_x1_0 swin_t convnext_tiny maxvit_t "
    "regnet_y_400mf inception_v3 vgg16_bn squeezenet1_1 mnasnet1_0"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW.split())
def test_more_of_torchvision(name: str, export: Export) -> None:
    """Windows of attention with the batch folded in, depthwise layers, mixed kernels, tables of positions."""
    arguments = {"init_weights": False, "aux_logits": False} if name in {"inception_v3", "googlenet"} else {}
    module = torchvision.models.get_model(name, weights=None, **arguments)
    found = report(read(export(module, IMAGE, worked_out=False)))
    assert found.complete
    assert found.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert found.totals.macs == macs(module, IMAGE)

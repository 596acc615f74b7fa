"""The code of recorded modules: the same names in the state dict and the same bits as the module itself; or one line that says no."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor as Values
from torch import nn
from torch.nn import functional

from cnncli.errors import RequestError
from cnncli.formats.python import held_by, tables, to_python, written
from cnncli.formats.python.check import Beside, Original, differences, misfit, module_in, training_differences
from cnncli.formats.python.held import expression
from cnncli.formats.python.layout import flat
from cnncli.layers import Tensor
from cnncli.sources import Request, load
from cnncli.tracing import record
from cnncli.tracing.building import built, numbered

SMALL = {
    "torchvision:convnext_tiny": 32,
    "torchvision:densenet169": 32,
    "torchvision:efficientnet_b0": 32,
    "torchvision:googlenet": 32,
    "torchvision:inception_v3": 75,
    "torchvision:maxvit_t": 224,
    "torchvision:mnasnet0_5": 32,
    "torchvision:mobilenet_v3_small": 32,
    "torchvision:regnet_y_400mf": 32,
    "torchvision:shufflenet_v2_x0_5": 32,
    "torchvision:swin_t": 32,
    "torchvision:swin_v2_t": 32,
    "timm:efficientnet_lite0": 64,
    "timm:nfnet_l0": 64,
    "timm:mobilevit_xxs": 256,
}
"""Families, and the side of an image that is enough for them."""
SLOW = {"torchvision:maxvit_t", "timm:nfnet_l0"}


def sameness(module: nn.Module, *inputs: Tensor, training: bool = True) -> str:
    """The code of a module; it is the module to the bit, while training too unless that is not to be."""
    found = record(module, list(inputs), name="net")
    assert found.failure is None
    text = to_python(found.network, held_by(module))
    original = Original(module, list(inputs))
    assert differences(found.network, text, original) == []
    assert (training_differences(found.network, text, original) == []) is training
    return text


def refusal(module: nn.Module, *inputs: Tensor) -> str:
    """Why a module cannot be written: one line."""
    found = record(module, list(inputs), name="net")
    with pytest.raises(RequestError) as error:
        to_python(found.network, held_by(module))
    assert str(error.value).isprintable()
    return str(error.value)


@pytest.mark.parametrize("source", [pytest.param(s, marks=pytest.mark.slow if s in SLOW else []) for s in SMALL])
def test_a_family(source: str) -> None:
    """At a small image; what GoogLeNet does besides while training is told."""
    pytest.importorskip(source.partition(":")[0])
    loaded = load(Request(source, {"0": Tensor((3, SMALL[source], SMALL[source]))}))
    assert loaded.module is not None
    text = to_python(loaded.network, held_by(loaded.module))
    original = Original(loaded.module, loaded.ran_on)
    assert differences(loaded.network, text, original) == []
    more = ["there are 1 outputs while training, not 3"] if source == "torchvision:googlenet" else []
    assert training_differences(loaded.network, text, original) == more


@pytest.mark.parametrize("name", ["vit_b_32", "swin_t", "swin_v2_t", "shufflenet_v2_x0_5", "inception_v3"])
def test_it_is_formatted(name: str) -> None:
    """Ruff would change nothing."""
    ruff = pytest.importorskip("ruff", reason="ruff is not installed (pip install -e .[dev])")
    assert ruff
    loaded = load(Request(f"torchvision:{name}"))
    assert loaded.module is not None
    text = to_python(loaded.network, held_by(loaded.module))
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    found = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", check=True)
    assert found.stdout == text


def test_attention_that_torch_computes() -> None:
    """A class token, learned positions, attention: ViT, small."""
    loaded = load(Request("torchvision:vit_b_16", {"0": Tensor((3, 32, 32))}, {"image_size": 32}))
    assert loaded.module is not None
    text = to_python(loaded.network, held_by(loaded.module))
    original = Original(loaded.module, loaded.ran_on)
    assert differences(loaded.network, text, original) == training_differences(loaded.network, text, original) == []
    assert "        value = self.class_token.expand(x.shape[0], -1, -1)\n" in text
    assert "self.self_attention = SelfAttention(768, 12)" in text
    changed = text.replace(
        "self.class_token.expand(x.shape[0], -1, -1)", "-self.class_token.expand(x.shape[0], -1, -1)"
    )
    (found,) = differences(loaded.network, changed, original)
    assert re.fullmatch(r"output 0 differs while evaluating, by \d\.\de[-+]\d\d at most", found)
    renamed = text.replace("self.class_token", "self.token")
    assert differences(loaded.network, renamed, original)[0].startswith("the state dict has 'class_token'")


class Plain(nn.Module):
    """Functions with numbers, means, products, slices and stacks."""

    shift: Values

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.register_buffer("shift", torch.ones(8, 1, 1))
        self.idle = nn.Linear(4, 4)

    def forward(self, x: Values) -> Values:
        """B×3×H×W → B×…"""
        x = (1 - self.conv(x) * 0.5).clamp(-2, 6) ** 2
        x = x * self.scale + self.shift
        left, right = x.chunk(2, dim=1)
        x = torch.stack([left, torch.roll(right, 1, dims=3)], dim=1).flatten(1, 2)
        x = functional.pad(x, (1, 1), value=3.0)
        x = torch.where(x > 1.5, x, torch.tensor(float("-inf")).clamp(min=-4.0))
        flat = x.flatten(2)
        weights = torch.softmax(flat @ flat.transpose(1, 2) / 7, dim=-1)
        mixed = torch.einsum("bij,bjk->bik", weights, flat)
        return (mixed.mean(2) - x.mean((2, 3)) + x.amax(dim=(-2, -1))) / (1 + mixed.std(dim=2))


def test_functions_and_parameters_used_directly() -> None:
    """As the module wrote them, a line each; what nothing reads is there as well."""
    text = sameness(Plain(), Tensor((3, 9, 9)))
    assert "        self.scale = nn.Parameter(torch.zeros(8, 1, 1))\n" in text
    assert "        self.shift = nn.Buffer(torch.zeros(8, 1, 1))\n" in text
    assert '        self.idle = Container(\n            {\n                "weight": nn.Parameter(' in text
    assert "torch.roll(" in text
    assert ".mean((2, 3))" in text
    assert text.startswith(
        '"""Written by cnncli code; needs nothing but torch. Parameters of zeros come with a state dict."""'
    )


class Sequence(nn.Module):
    """Positions first, the batch second; then the batch folded into windows. heads: attention, with the batch second"""

    def __init__(self, heads: int = 0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.position = nn.Parameter(torch.ones(10, 1, 6))
        self.attention = nn.MultiheadAttention(6, heads) if heads else None
        self.windows = nn.Conv1d(6, 6, 3, padding=1)

    def forward(self, x: Values) -> Values:
        """B×10×6 → B×6"""
        x = x.transpose(0, 1) + self.position
        if self.attention is not None:
            x = x + self.attention(self.norm(x), self.norm(x), self.norm(x), need_weights=False)[0]
        x = x.transpose(0, 1)
        parts = self.windows(x.reshape(-1, 5, 6).transpose(1, 2))
        parts = functional.normalize(torch.roll(parts, 2, dims=2), dim=1)
        return parts.transpose(1, 2).reshape(x.shape[0], 10, 6).mean(1)


def test_a_batch_that_stands_elsewhere() -> None:
    """In the code it comes first."""
    text = sameness(Sequence(), Tensor((10, 6)))
    assert ".flatten(0, 1)" in text
    assert ".unflatten(0, (-1, 2))" in text
    module, given = Sequence(heads=2), [Tensor((10, 6))]
    found = record(module, given).network
    (only,) = differences(found, to_python(found, held_by(module)), Original(module, given))
    assert float(only.split()[-3]) < 1e-6  # a product of matrices whose rows stand in another order has other last bits


class Masked(nn.Module):
    """A mask made number by number, parts of a bias overwritten, parts of an activation overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)

    def forward(self, x: Values) -> Values:
        """B×4×6 → B×4×6"""
        mask = x.new_zeros((4, 6))
        for place, (top, left) in enumerate(((slice(0, 2), slice(3)), (slice(2, 4), slice(3, None)))):
            mask[top, left] = place + 1
        bias = self.first.bias.clone()
        bias[2:4].zero_()
        x = functional.linear(x, self.first.weight, bias) + mask.view(4, 6)
        x[:, 1:] += functional.linear(x, self.second.weight * self.first.weight.t(), self.second.bias)[:, 1:]
        x[..., 0] = x[..., 1].exp()
        return x.masked_fill(mask == 0, -1.0)


def test_numbers_that_are_computed_first() -> None:
    """In the order in which the module computed them."""
    text = sameness(Masked(), Tensor((4, 6)))
    assert "        value[0:2, :3] = 1\n" in text
    assert re.search(r"(\w+) = self.first.bias.clone\(\)\n +(\w+) = \1\[2:4\]\n +\2.zero_\(\)\n", text)


class Elsewhere(nn.Module):
    """A block that uses the weights of another."""

    def __init__(self) -> None:
        super().__init__()
        self.one = _Shares(None)
        self.two = _Shares(self.one.fc)

    def forward(self, x: Values) -> Values:
        """B×6 → B×6"""
        return torch.as_tensor(self.two(self.one(x)))


class _Shares(nn.Module):
    def __init__(self, other: nn.Linear | None) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.other = [other]

    def forward(self, x: Values) -> Values:
        other = self.other[0]
        x = self.fc(x).relu()
        return x if other is None else functional.linear(x, other.weight.t())


def test_weights_of_another_block() -> None:
    """The block that reads them is no class of its own."""
    text = sameness(Elsewhere(), Tensor((6,)))
    assert "functional.linear(" in text or ".fc.weight" in text


class Named(nn.Module):
    """A linear layer whose weights have names of their own, and a batch norm within another."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(4, 6))
        self.norm = _ActNorm(4)

    def forward(self, x: Values) -> Values:
        """B×6×3 → B×4×3"""
        return torch.as_tensor(self.norm(functional.linear(x.transpose(1, 2), self.matrix).transpose(1, 2)))


class _ActNorm(nn.BatchNorm1d):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = nn.ReLU()

    def forward(self, x: Values) -> Values:
        means = (self.running_mean, self.running_var)
        x = functional.batch_norm(x, *means, self.weight, self.bias, self.training, 0.1, self.eps)
        return torch.as_tensor(self.act(x))


def test_weights_with_names_of_their_own() -> None:
    """The state dict has the module's names; a batch norm uses its batch while training."""
    text = sameness(Named(), Tensor((6, 3)))
    assert "training=self.training" in text
    assert ".matrix" in text


class Noisy(nn.Module):
    """More while training than in eval mode."""

    def forward(self, x: Values) -> Values:
        """B×4 → B×4"""
        return x.tanh() * 2 if self.training else x.tanh()


def test_what_a_module_does_while_training_alone() -> None:
    """The code is the module as it was recorded; the check says so."""
    sameness(Noisy(), Tensor((4,)), training=False)


@pytest.mark.parametrize("mode", ["row", "batch"])
def test_stochastic_depth_drops_the_same(mode: str) -> None:
    """In eval mode nothing, while training the same examples."""
    ops = pytest.importorskip("torchvision.ops")

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.drop = ops.StochasticDepth(0.5, mode)

        def forward(self, x: Values) -> Values:
            return x + torch.as_tensor(self.drop(self.conv(x)))

    assert "StochasticDepth(0.5" in sameness(Residual(), Tensor((3, 4, 4)))


class Fleeting(nn.Module):
    """A buffer that the state dict does not hold, and nine functions of it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.table: Values
        self.register_buffer("table", torch.arange(4.0), persistent=False)
        self.count = count

    def forward(self, x: Values) -> Values:
        """B×4 → B×4"""
        for _ in range(self.count):
            x = x * self.table
        return x


def test_a_few_numbers_that_no_state_dict_holds() -> None:
    """They are written out, to the bit."""
    assert "self.table = nn.Buffer(torch.tensor([0.0, 1.0, 2.0, 3.0]), persistent=False)" in sameness(
        Fleeting(2), Tensor((4,))
    )


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (torch.ones(3, 2), "torch.full((3, 2), 1.0)"),
        (torch.full((9,), 7), "torch.full((9,), 7, dtype=torch.int64)"),
        (torch.arange(40), "torch.arange(40)"),
        (torch.arange(5, 50, 3, dtype=torch.int32), "torch.arange(5, 50, 3, dtype=torch.int32)"),
        (torch.tensor([0.1, 1 / 3]), "torch.tensor([0.1, 0.33333334])"),
        (torch.tensor([[True, False]]), "torch.tensor([[True, False]])"),
        (torch.tensor([0.0, -0.0]), "torch.tensor([0.0, -0.0])"),
        (torch.tensor(float("inf")), 'torch.tensor(float("inf"))'),
        (torch.linspace(0, 1, 17), None),
    ],
)
def test_short_expressions(values: Values, text: str | None) -> None:
    """What is written makes the same bits."""
    found = expression(values)
    assert (found if found is None else flat(found)) == text
    if text is not None:
        again = eval(text, {"torch": torch})  # noqa: S307  (our own text)
        assert again.dtype == values.dtype
        assert again.numpy().tobytes() == values.numpy().tobytes()


class Tables(nn.Module):
    """A table that its constructor fills in, and one that takes the device of a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 5)
        self.table: Values
        self.mask: Values
        self.register_buffer("table", torch.empty(5, 5, dtype=torch.long), persistent=False)
        self.table.copy_((torch.arange(5)[:, None] * torch.arange(5)) % 5)
        mask = torch.zeros(5, 5, device=self.fc.weight.device)
        mask[1:3, 2:] = torch.linspace(0, 1, 6).view(2, 3)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("unread", torch.rand(9, 9), persistent=False)

    def forward(self, x: Values) -> Values:
        """B×5×5 → B×5×5"""
        return torch.as_tensor(self.fc(x).gather(2, self.table.expand(x.shape[0], -1, -1)) + self.mask)


def test_tables_go_into_a_file_beside() -> None:
    """With the numbers of the constructor, which is run again for those that were built without."""
    module = built(Tables)
    assert module.fc.weight.is_meta
    assert module.mask.is_meta
    found = record(module, [Tensor((5, 5))], name="net").network
    assert "the numbers of mask are in no state dict and not known before it runs" in refusal(module, Tensor((5, 5)))
    numbered(module)
    assert module.fc.weight.is_meta
    assert "the numbers of table and of 1 other buffers go into a file beside the code" in refusal(
        module, Tensor((5, 5))
    )
    text, names = written(found, held_by(module), "net.pt")
    assert names == ("table", "mask")
    original = Original(module, [Tensor((5, 5))], Beside("net.pt", tables(module, names)))
    assert misfit(found, text, original) == ""
    assert differences(found, text, original) == []
    assert torch.equal(module_in(text, found, original.beside).get_buffer("mask"), Tables().mask)


def test_another_state_dict_is_noticed() -> None:
    """Names, shapes, dtypes, parameters and buffers, without memory."""
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    found = record(module, [Tensor((4,))], name="net").network
    text, original = to_python(found, held_by(module)), Original(module, [Tensor((4,))])
    assert misfit(found, text, original) == ""
    other = misfit(found, text.replace("nn.Linear(4, 3)", "nn.Linear(4, 2)"), original)
    assert other == "0.weight is parameter 2×4 float32 in it, not parameter 3×4 float32"
    assert "in one of them only" in misfit(found, text.replace("Linear(4, 3)", "Linear(4, 3, bias=False)"), original)


class _Listed(nn.Module):
    """Layers in a list, whose widths are arguments; a batch norm over positions."""

    def __init__(self, wide: int, inner: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(wide if place == 0 else inner, inner) for place in range(3)])
        self.norm = nn.BatchNorm1d(inner)

    def forward(self, x: Values) -> Values:
        found = [x]
        for layer in self.layers:
            found.append(layer(found[-1]))
        x = found[-1] + found[-2]
        return torch.as_tensor(self.norm(x.flatten(0, 1)).reshape_as(x))


def test_lists_of_layers_in_blocks_of_other_widths() -> None:
    """One class, with the widths of all that is in it as its arguments."""
    text = sameness(nn.Sequential(_Listed(6, 4), _Listed(4, 8)), Tensor((5, 6)))
    assert text.count("class _Listed") == 1
    assert text.count("class Layers") == 1


class Copied(nn.Module):
    """Numbers that are laid out anew between two orders of axes, and where only the CPU does so."""

    def forward(self, x: Values) -> Values:
        """B×3×4×4 → B×3×4×4"""
        x = x.permute(0, 2, 3, 1).reshape(x.shape[0], 16, 3).permute(0, 2, 1).reshape(x.shape[0], 3, 4, 4)
        x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        return x * 2


def test_copies_stand_where_the_module_makes_them() -> None:
    """Not at the end of the steps."""
    text = sameness(Copied(), Tensor((3, 4, 4)))
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    assert lines[lines.index("x = x.contiguous()") + 1] == "x = x.permute(0, 3, 1, 2)"


class Counting(nn.Module):
    """A row that reads nothing but weights, once for each example."""

    def __init__(self) -> None:
        super().__init__()
        self.place = _Places()

    def forward(self, x: Values) -> Values:
        """B×4×3 → B×4×3"""
        return x + torch.as_tensor(self.place(x.shape[0]))


class _Places(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 3)

    def forward(self, count: int) -> Values:
        at = torch.arange(8.0, device=self.fc.weight.device).view(1, 4, 2)
        return torch.as_tensor(self.fc(at)).repeat(count, 1, 1)


def test_how_many_examples_there_are() -> None:
    """The network says it where no input of the row does."""
    assert "        examples = x.shape[0]\n" in sameness(Counting(), Tensor((4, 3)))


def test_a_module_that_was_run_on_one_example() -> None:
    """Which of its numbers are the batch cannot be told."""

    class Asks(nn.Module):
        def forward(self, x: Values) -> Values:
            return x.sin() if x.sum().item() > 0 else x.cos()

    assert "its arguments are not known" in refusal(Asks(), Tensor((4,)))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_strange_operations_are_refused() -> None:
    """A function that is not torch's."""

    class Compiled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU()))

        def forward(self, x: Values) -> Values:
            return torch.as_tensor(self.inner(x))

    assert "inner.Sequential (Sequential)" in refusal(Compiled(), Tensor((4,)))


def test_check_leaves_computed_buffers_as_they_are() -> None:
    """Weights are random; an index that a constructor computed is not."""
    loaded = load(Request("torchvision:swin_t", {"0": Tensor((3, 32, 32))}))
    assert loaded.module is not None
    before = dict(loaded.module.named_buffers())["features.1.0.attn.relative_position_index"].clone()
    text = to_python(loaded.network, held_by(loaded.module))
    assert differences(loaded.network, text, Original(loaded.module, loaded.ran_on)) == []
    assert torch.equal(before, dict(loaded.module.named_buffers())["features.1.0.attn.relative_position_index"])
    ours = module_in(text, loaded.network)
    assert ours.state_dict().keys() == loaded.module.state_dict().keys()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """FILE.py:Class, which prints."""
    file = tmp_path / "net.py"
    body = "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        print('x')\n        return x.exp() + 1\n"
    file.write_text(body, encoding="utf-8")
    loaded = load(Request(f"{file}:Net", {"0": Tensor((3,))}))
    assert loaded.module is not None
    text = to_python(loaded.network, held_by(loaded.module))
    assert "x.exp()" in text
    assert differences(loaded.network, text, Original(loaded.module, loaded.ran_on)) == []

"""Normalisation: numbers brought to mean 0 and variance 1 over some axes, then scaled and shifted by learned weights."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Self

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field
from cnncli.arithmetic.windows import Window
from cnncli.errors import RequestError, ShapeError
from cnncli.layers import Call, Layer, Saved, Shape, Tensor, agree, at_least, dims, only, spec


@spec
class _ChannelNorm(Layer):
    """Statistics of each channel: over the batch (BatchNorm) or within an example (InstanceNorm). Shapes stay as they are."""

    ranks: ClassVar[tuple[int, ...]]

    num_features: int | None = None
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True

    def __post_init__(self) -> None:
        """Refuse less than one channel."""
        at_least(1, num_features=self.num_features)

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `num_features` read from the input's channels."""
        shape = only(inputs, self.torch_name).shape
        if len(shape) not in self.ranks:
            wanted = " or ".join({1: "a vector", 2: "C×L", 3: "C×H×W", 4: "C×D×H×W"}[rank] for rank in self.ranks)
            raise ShapeError(f"{self.torch_name} takes {wanted}, the input is {dims(shape) or 'a single number'}")
        if self.num_features == shape[0]:
            return self
        return self.with_arguments(num_features=agree("num_features", self.num_features, shape[0]))

    @property
    def weights(self) -> dict[str, Shape]:
        """A scale and a shift for each channel."""
        channels = (self.num_features or 0,)
        return {"weight": channels, "bias": channels} if self.affine else {}

    @property
    def buffers(self) -> dict[str, Shape]:
        """Running statistics of each channel, and how many batches they have seen."""
        channels = (self.num_features or 0,)
        tracked: dict[str, Shape] = {"running_mean": channels, "running_var": channels, "num_batches_tracked": ()}
        return tracked if self.track_running_stats else {}

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """A unit sees what it saw; without running statistics, all positions that its own are computed from."""
        return fields[0] if self.track_running_stats else fields[0].everywhere()

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        return (_scale_and_shift("C", self.num_features or 0, 2 if self.affine else 0),)

    @property
    def brief(self) -> str:
        """`batch-norm`."""
        return self.kind.rstrip("123d")

    @property
    def sentence(self) -> str:
        """`batch-norm over 64 channels`."""
        return f"{self.kind} over {self.num_features or '?'} channels" + ("" if self.affine else ", no weights")


class _BatchNorm(_ChannelNorm):
    """Each channel over the batch and all positions in training, by running statistics afterwards."""

    def kept(self, call: Call) -> Saved:
        """The input, and the batch's mean and inverse deviation of each channel."""
        return Saved(inputs=(0,), constant=2 * call.x.like((call.x.shape[0],)).nbytes)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of C or C×L."""

    kind = "batch-norm1d"
    ranks = (1, 2)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of C×H×W."""

    kind = "batch-norm"
    ranks = (3,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of C×D×H×W."""

    kind = "batch-norm3d"
    ranks = (4,)


@spec
class InstanceNorm2d(_ChannelNorm):
    """Each channel of each example over its positions, C×H×W; weights and running statistics only where asked for."""

    kind = "instance-norm"
    ranks = (3,)

    affine: bool = False
    track_running_stats: bool = False

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input; one position alone has no variance."""
        if prod(inputs[0].shape[1:]) == 1:
            raise ShapeError(f"InstanceNorm2d needs more than one position, the input is {dims(inputs[0].shape)}")
        return (inputs[0],)

    def kept(self, call: Call) -> Saved:
        """The input, mean and inverse deviation; torch repeats weights and running statistics for every example."""
        repeated = 2 + self.affine + 2 * self.track_running_stats
        return Saved(inputs=(0,), per_example=repeated * call.x.like((call.x.shape[0],)).nbytes)


@spec
class GroupNorm(Layer):
    """Each of `num_groups` groups of channels over its channels and all positions: C×…"""

    kind = "group-norm"

    num_groups: int
    num_channels: int | None = None
    eps: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        """Refuse groups that do not divide the channels."""
        at_least(1, num_groups=self.num_groups, num_channels=self.num_channels)
        if (self.num_channels or 0) % self.num_groups:
            raise RequestError(f"num_channels {self.num_channels} does not divide into {self.num_groups} groups")

    def resolve(self, inputs: tuple[Tensor, ...]) -> Self:
        """The spec with `num_channels` read from the input."""
        shape = only(inputs, "GroupNorm").shape
        if not shape:
            raise ShapeError("GroupNorm takes C×…, the input is a single number")
        if self.num_channels == shape[0]:
            return self
        if shape[0] % self.num_groups:
            raise ShapeError(f"the input's {shape[0]} channels do not divide into {self.num_groups} groups")
        return self.with_arguments(num_channels=agree("num_channels", self.num_channels, shape[0]))

    @property
    def weights(self) -> dict[str, Shape]:
        """A scale and a shift for each channel."""
        channels = (self.num_channels or 0,)
        return {"weight": channels, "bias": channels} if self.affine else {}

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """A unit sees all positions, by the mean it is measured against."""
        return fields[0].everywhere()

    def kept(self, call: Call) -> Saved:
        """The input, mean and inverse deviation of each group."""
        return Saved(inputs=(0,), per_example=2 * call.x.like((self.num_groups,)).nbytes)

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        return (_scale_and_shift("C", self.num_channels or 0, 2 if self.affine else 0),)

    @property
    def brief(self) -> str:
        """`group-norm g32`."""
        return f"{self.kind} g{self.num_groups}"

    @property
    def sentence(self) -> str:
        """`group-norm over 64 channels in 32 groups`."""
        return f"{self.kind} over {self.num_channels or '?'} channels in {self.num_groups} groups"


@spec
class LayerNorm(Layer):
    """Over the last axes, whose sizes are `normalized_shape`."""

    kind = "layer-norm"

    normalized_shape: int | Shape
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        """One size for each normalised axis."""
        sizes = self.normalized_shape
        object.__setattr__(self, "normalized_shape", (sizes,) if isinstance(sizes, int) else sizes)
        if not self.sizes or min(self.sizes) < 1:
            raise RequestError(f"normalized_shape {dims(self.sizes) or '()'} is too small; the least is 1")

    @property
    def sizes(self) -> Shape:
        """The normalised axes' sizes."""
        return (self.normalized_shape,) if isinstance(self.normalized_shape, int) else self.normalized_shape

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input, whose last axes must be `normalized_shape`."""
        shape = only(inputs, "LayerNorm").shape
        if shape[-len(self.sizes) :] != self.sizes:
            raise ShapeError(
                f"LayerNorm over {dims(self.sizes)} cannot take {dims(shape) or 'a single number'}",
                fix="normalized_shape is the input's last axes",
            )
        return (inputs[0],)

    @property
    def weights(self) -> dict[str, Shape]:
        """A scale and a shift for each normalised element."""
        if not self.elementwise_affine:
            return {}
        return {"weight": self.sizes, "bias": self.sizes} if self.bias else {"weight": self.sizes}

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees everything along the normalised axes."""
        field = fields[0]
        for axis in range(len(call.x.shape) - len(self.sizes), len(call.x.shape)):
            field = field.mixing(axis)
        return field

    def kept(self, call: Call) -> Saved:
        """The input, mean and inverse deviation of each position."""
        positions = call.x.shape[: len(call.x.shape) - len(self.sizes)]
        return Saved(inputs=(0,), per_example=2 * call.x.like(positions).nbytes)

    def formulas(self, call: Call) -> tuple[Formula, ...]:  # noqa: ARG002
        """Parameters."""
        return (_scale_and_shift("n", prod(self.sizes), len(self.weights)),)

    @property
    def brief(self) -> str:
        """`layer-norm 768`."""
        return f"{self.kind} {dims(self.sizes)}"

    @property
    def sentence(self) -> str:
        """`layer-norm over 768`."""
        return f"{self.kind} over {dims(self.sizes)}" + ("" if self.elementwise_affine else ", no weights")


@spec
class LocalResponseNorm(Layer):
    """Each number over the energy of `size` neighbouring channels at its place: x/(k + α/size·Σx²)^β, C×L or more axes."""

    kind = "local-response-norm"

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an empty neighbourhood."""
        at_least(1, size=self.size)

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """As the input."""
        shape = only(inputs, "LocalResponseNorm").shape
        if len(shape) < 2:
            raise ShapeError(f"LocalResponseNorm takes C×L or C×H×W, the input is {dims(shape) or 'a single number'}")
        return (inputs[0],)

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A unit sees its place in the neighbouring channels: the same positions."""
        window = Window(self.size, 1, self.size // 2, (self.size - 1) // 2)
        return fields[0].along(0, lambda reach: reach.through(window, call.x.shape[0]))

    def kept(self, call: Call) -> Saved:
        """The input, its squares padded by size − 1 channels, the sums and their power."""
        padded = call.x.like((call.x.shape[0] + self.size - 1, *call.x.shape[1:]))
        return Saved(inputs=(0,), per_example=padded.nbytes + 2 * call.x.nbytes)

    @property
    def brief(self) -> str:
        """`lrn 5`."""
        return f"lrn {self.size}"

    @property
    def sentence(self) -> str:
        """`local-response-norm over 5 channels`."""
        return f"{self.kind} over {self.size} channels"


def _scale_and_shift(symbol: str, elements: int, each: int) -> Formula:
    if not each:
        return Formula("parameters", "0", "0", 0, "normalised only: nothing is learned")
    note = "a scale and a shift" if each == 2 else "a scale"
    return formula("parameters", f"2·{symbol}" if each == 2 else symbol, each * elements, {symbol: elements}, note)


_SPECS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm2d, GroupNorm, LayerNorm, LocalResponseNorm)
KINDS: dict[str, type[Layer]] = {spec.kind: spec for spec in _SPECS}

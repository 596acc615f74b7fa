"""Modules that torch.nn does not have, one for each spec that needs its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from cnncli.layers import Pairs, Shape, Table
from cnncli.layers._bitmaps import bitmaps


class _Sided:
    """A convolution whose padding is a pair (before, after) for each axis; the weights are torch.nn's."""

    def __init__(self, *, padding: Pairs, padding_mode: str = "zeros", **arguments: Any) -> None:  # noqa: ANN401  (the convolution's own)
        """padding: first axis first · padding_mode: what stands in the padding."""
        super().__init__(**arguments)
        self.sides = tuple(side for pair in reversed(padding) for side in pair)  # F.pad takes the last axis first
        self.fill = "constant" if padding_mode == "zeros" else padding_mode

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """N×C_in×… → N×C_out×…"""
        convolve: Callable[[torch.Tensor], torch.Tensor] = super().forward  # type: ignore[misc]
        return convolve(functional.pad(input, self.sides, self.fill))


class SidedConv1d(_Sided, nn.Conv1d):
    """Conv1d with padding that differs from side to side."""


class SidedConv2d(_Sided, nn.Conv2d):
    """Conv2d with padding that differs from side to side."""


class SidedConv3d(_Sided, nn.Conv3d):
    """Conv3d with padding that differs from side to side."""


class PartialConv2d(nn.Module):
    """A convolution in which each output map reads only some input maps; only those connections have weights.

    table: for each output map the input maps it reads. `weight` holds the kernels of all pairs, in the table's order.
    """

    rows: torch.Tensor
    maps: torch.Tensor

    def __init__(  # noqa: PLR0913  (a convolution's arguments)
        self, in_channels: int, table: Table, kernel_size: Shape, stride: Shape, padding: Shape, *, bias: bool = True
    ) -> None:
        """Weights start uniform within ±1/√fan-in, as torch's own convolutions do."""
        super().__init__()
        self.shape = (len(table), in_channels, *kernel_size)
        self.stride, self.padding = stride, padding
        pairs = [(row, read) for row, reads in enumerate(table) for read in reads]
        self.register_buffer("rows", torch.tensor([row for row, _ in pairs]), persistent=False)
        self.register_buffer("maps", torch.tensor([read for _, read in pairs]), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(pairs), *kernel_size))
        self.bias = nn.Parameter(torch.empty(len(table))) if bias else None
        fan_in = torch.tensor([float(len(reads) * math.prod(kernel_size)) for reads in table])
        with torch.no_grad():
            self.weight.uniform_(-1, 1).div_(fan_in[[row for row, _ in pairs]].sqrt()[:, None, None])
            if self.bias is not None:
                self.bias.uniform_(-1, 1).div_(fan_in.sqrt())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×C_in×H×W → N×C_out×H'×W'; pairs outside the table are multiplied by zero, which costs time but no memory."""
        kernel = self.weight.new_zeros(self.shape).index_put((self.rows, self.maps), self.weight)
        return functional.conv2d(x, kernel, self.bias, self.stride, self.padding)


class TrainableSubsampling(nn.Module):
    """LeNet's subsampling: the sum of each window times a coefficient plus a bias, one of each for each channel."""

    def __init__(self, in_channels: int, kernel_size: Shape, stride: Shape) -> None:
        """Coefficients start at 1/(k·k), which makes it average pooling, and biases at 0."""
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.weight = nn.Parameter(torch.full((in_channels,), 1 / math.prod(kernel_size)))
        self.bias = nn.Parameter(torch.zeros(in_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×C×H×W → N×C×H'×W'"""
        sums = functional.avg_pool2d(x, self.kernel_size, self.stride, divisor_override=1)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]


class RBF(nn.Module):
    """The squared distance of each input to a fixed bitmap of each class; the nearest class is the smallest number."""

    bitmaps: torch.Tensor

    def __init__(self, in_features: int, out_features: int, *, negative: bool = False) -> None:
        """in_features: pixels of a bitmap · out_features: classes · negative: give −distance, of which the largest wins."""
        super().__init__()
        self.negative = negative
        drawn = torch.tensor(bitmaps(out_features), dtype=torch.get_default_dtype())
        self.register_buffer("bitmaps", drawn.reshape(out_features, in_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×84 → N×classes"""
        distances = (x.unsqueeze(-2) - self.bitmaps).square().sum(-1)
        return -distances if self.negative else distances


class ScaledTanh(nn.Module):
    """amplitude·tanh(slope·x)."""

    def __init__(self, amplitude: float, slope: float) -> None:
        super().__init__()
        self.amplitude, self.slope = amplitude, slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Any shape."""
        return self.amplitude * torch.tanh(self.slope * x)


class StochasticDepth(nn.Module):
    """Zeroes whole examples (mode `row`) or the whole batch (`batch`) with probability p, the rest times 1/(1 − p)."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Batch first."""
        if not self.training or self.p == 0:
            return x
        keep = x.new_empty((x.shape[0] if self.mode == "row" else 1,) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * (keep.div_(1 - self.p) if self.p < 1 else keep)


class MultiheadAttention(nn.MultiheadAttention):
    """Self-attention, N×L×E → N×L×E: every position looks at every position of its example.

    Parameters, start values and results are those of `torch.nn.MultiheadAttention(batch_first=True)` called with one tensor as
    query, key and value; no transposes and no attention weights are computed besides.
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float, *, bias: bool) -> None:
        super().__init__(embed_dim, num_heads, dropout, bias, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Scaled dot products: softmax(q·kᵀ/√d)·v for each head of d = E/heads."""
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        heads = projected.view(*x.shape[:2], 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        if dropout:  # torch then works step by step and would copy the heads, or not, by the size of the batch
            heads = heads.contiguous()
        attended = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], dropout_p=dropout)
        output: torch.Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return output


class Reshape(nn.Module):
    """Each example in another shape."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×… → N×shape"""
        return x.reshape(x.shape[0], *self.shape)


class Permute(nn.Module):
    """The axes in another order, the batch among them."""

    def __init__(self, dims: Shape) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A view: nothing is copied."""
        return x.permute(self.dims)


class Slice(nn.Module):
    """The part of one axis from `start` to `stop` − 1."""

    def __init__(self, dim: int, start: int, stop: int | None) -> None:
        super().__init__()
        self.dim, self.part = dim, slice(start, stop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A view: nothing is copied."""
        return x[(slice(None),) * (self.dim % x.ndim) + (self.part,)]


class Concat(nn.Module):
    """torch.cat of all inputs along `dim`."""

    def __init__(self, dim: int = 1) -> None:
        """dim: 0 is the batch, 1 the channels."""
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """N×C₁×…, N×C₂×… → N×(C₁ + C₂)×…"""
        return torch.cat(inputs, self.dim)


class Add(nn.Module):
    """The sum of all inputs, element by element."""

    def __init__(self, *, inplace: bool = False) -> None:
        """inplace: write into the first input."""
        super().__init__()
        self.inplace = inplace

    def forward(self, first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """Inputs that broadcast to one shape."""
        for other in others:
            first = first.add_(other) if self.inplace else first + other
        return first


class Mul(nn.Module):
    """The product of all inputs, element by element."""

    def forward(self, first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """Inputs that broadcast to one shape."""
        for other in others:
            first = first * other
        return first

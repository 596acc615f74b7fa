"""Layers that torch.nn does not have, as the classes that a generated file brings along.

Each does, operation by operation, what the class of the same name in `cnncli.build.modules` does: a test compares them to the bit.
"""

from __future__ import annotations

OWN = {
    "Concat": '''
class Concat(nn.Module):
    """Inputs laid side by side along `dim`."""

    def __init__(self, dim=1):
        super().__init__()
        self.dim = dim

    def forward(self, *inputs):
        return torch.cat(inputs, dim=self.dim)
''',
    "Add": '''
class Add(nn.Module):
    """The sum of the inputs."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, total, *others):
        for other in others:
            total = total.add_(other) if self.inplace else total + other
        return total
''',
    "Mul": '''
class Mul(nn.Module):
    """The product of the inputs."""

    def forward(self, product, *others):
        for other in others:
            product = product * other
        return product
''',
    "ScaledTanh": '''
class ScaledTanh(nn.Module):
    """amplitude * tanh(slope * x): LeCun's squashing function."""

    def __init__(self, amplitude=1.7159, slope=2 / 3):
        super().__init__()
        self.amplitude, self.slope = amplitude, slope

    def forward(self, x):
        return self.amplitude * torch.tanh(self.slope * x)
''',
    "StochasticDepth": '''
class StochasticDepth(nn.Module):
    """Drops whole examples ("row") or the whole batch ("batch") while training."""

    def __init__(self, p=0.5, mode="row"):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        examples = x.shape[0] if self.mode == "row" else 1
        keep = x.new_empty((examples,) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * (keep.div_(1 - self.p) if self.p < 1 else keep)
''',
    "Reshape": '''
class Reshape(nn.Module):
    """Each example in another shape."""

    def __init__(self, shape):
        super().__init__()
        self.shape = (shape,) if isinstance(shape, int) else shape

    def forward(self, x):
        return x.reshape(x.shape[0], *self.shape)
''',
    "Permute": '''
class Permute(nn.Module):
    """The axes in another order, the batch among them."""

    def __init__(self, dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return x.permute(self.dims)
''',
    "Slice": '''
class Slice(nn.Module):
    """The part of one axis from `start` to `stop` - 1."""

    def __init__(self, dim=1, start=0, stop=None):
        super().__init__()
        self.dim, self.part = dim, slice(start, stop)

    def forward(self, x):
        return x[(slice(None),) * (self.dim % x.ndim) + (self.part,)]
''',
    "TrainableSubsampling": '''
class TrainableSubsampling(nn.Module):
    """The sum of each window times a coefficient plus a bias, one of each a map."""

    def __init__(self, in_channels, kernel_size, stride):
        super().__init__()
        size = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
        self.kernel_size, self.stride = kernel_size, stride
        self.weight = nn.Parameter(torch.full((in_channels,), 1 / (size[0] * size[1])))
        self.bias = nn.Parameter(torch.zeros(in_channels))

    def forward(self, x):
        size, stride = self.kernel_size, self.stride
        sums = functional.avg_pool2d(x, size, stride, divisor_override=1)
        return sums * self.weight[:, None, None] + self.bias[:, None, None]
''',
    "PartialConv2d": '''
class PartialConv2d(nn.Module):
    """A convolution whose output maps read only some input maps each, by `table`."""

    def __init__(self, in_channels, table, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        size = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
        self.shape = (len(table), in_channels, *size)
        self.stride, self.padding = stride, padding
        rows = torch.tensor([row for row, maps in enumerate(table) for _ in maps])
        maps = torch.tensor([read for maps in table for read in maps])
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("maps", maps, persistent=False)
        fan_in = torch.tensor([len(maps) * size[0] * size[1] for maps in table])
        limit = fan_in**-0.5
        weight = (2 * torch.rand(len(rows), *size) - 1) * limit[rows, None, None]
        self.weight = nn.Parameter(weight)
        start = (2 * torch.rand(len(table)) - 1) * limit
        self.bias = nn.Parameter(start) if bias else None

    def forward(self, x):
        kernel = self.weight.new_zeros(self.shape)
        kernel = kernel.index_put((self.rows, self.maps), self.weight)
        return functional.conv2d(x, kernel, self.bias, self.stride, self.padding)
''',
    "RBF": '''
class RBF(nn.Module):
    """The squared distance to a fixed drawing of each class; the smallest wins.

    codes: the 84 pixels of each drawing as bits, 1 for ink. With negative, the
    largest wins.
    """

    def __init__(self, codes, negative=False):
        super().__init__()
        self.negative = negative
        bits = [[code >> place & 1 for place in reversed(range(84))] for code in codes]
        self.register_buffer("bitmaps", 2.0 * torch.tensor(bits) - 1.0)

    def forward(self, x):
        distances = (x.unsqueeze(-2) - self.bitmaps).square().sum(-1)
        return -distances if self.negative else distances
''',
    "MultiheadAttention": '''
class MultiheadAttention(nn.MultiheadAttention):
    """Self-attention: every position of a sequence looks at every position of it."""

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True):
        super().__init__(embed_dim, num_heads, dropout, bias, batch_first=True)

    def forward(self, x):
        x = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        x = x.unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        if dropout:
            x = x.contiguous()
        x = functional.scaled_dot_product_attention(*x, dropout_p=dropout)
        return self.out_proj(x.transpose(1, 2).flatten(2))
''',
    "SelfAttention": '''
class SelfAttention(nn.MultiheadAttention):
    """Torch's attention of a sequence to itself, the batch first."""

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True):
        super().__init__(embed_dim, num_heads, dropout, bias, batch_first=True)

    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]
''',
    "Container": '''
class Container(nn.Module):
    """Modules under one name that are called one by one, and parameters."""

    def __init__(self, held):
        super().__init__()
        for name, each in held.items():
            setattr(self, name, each)
''',
}
"""Class → its source."""

_SIDED = '''
class SidedConv{axes}d(nn.Conv{axes}d):
    """A convolution whose padding is a pair (before, after) for each axis."""

    def __init__(self, *channels, padding, padding_mode="zeros", **arguments):
        super().__init__(*channels, **arguments)
        self.sides = tuple(side for pair in reversed(padding) for side in pair)
        self.fill = "constant" if padding_mode == "zeros" else padding_mode

    def forward(self, x):
        return super().forward(functional.pad(x, self.sides, self.fill))
'''
OWN |= {f"SidedConv{axes}d": _SIDED.format(axes=axes) for axes in (1, 2, 3)}

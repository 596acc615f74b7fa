"""Window arithmetic on ints, one axis at a time: output sizes, `same` padding, adaptive windows.

Every size in cnncli comes from here. Symbols: n input size, k kernel, s stride, d dilation, p₁ and p₂ the padding
before and after. Source: torch.nn.Conv2d and torch.nn.MaxPool2d, whose documentation states the same formulas for
p₁ = p₂; Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from __future__ import annotations

from typing import NamedTuple


class Window(NamedTuple):
    """A window sliding along one axis, in elements: kernel, stride, padding on both sides, dilation."""

    kernel: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Elements from the window's first to its last: d·(k−1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    def fits(self, size: int) -> bool:
        """Whether the padded axis holds the window at least once."""
        return size > 0 and size + self.before + self.after >= self.extent

    def count(self, size: int) -> int:
        """Windows that fit when rounding down: ⌊(n + p₁ + p₂ − d·(k−1) − 1)/s⌋ + 1."""
        return (size + self.before + self.after - self.extent) // self.stride + 1

    def count_ceil(self, size: int) -> int:
        """Windows when rounding up, less one if the last would start in the far padding (PyTorch's ceil_mode)."""
        windows = -(-(size + self.before + self.after - self.extent) // self.stride) + 1
        return windows - 1 if (windows - 1) * self.stride >= size + self.before else windows

    def unread(self, size: int) -> int:
        """Elements at the far end that no window reaches when rounding down (padding is dropped first)."""
        read_to = (self.count(size) - 1) * self.stride + self.extent - self.before
        return max(0, size - read_to)


def transposed(size: int, window: Window, output_padding: int = 0) -> int:
    """Output size of a transposed convolution: (n−1)·s − p₁ − p₂ + d·(k−1) + output_padding + 1."""
    return (size - 1) * window.stride - window.before - window.after + window.extent + output_padding


def same(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """Padding that keeps the size at stride 1: d·(k−1) in all, the odd one after (PyTorch's `padding="same"`)."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def adaptive(size: int, output: int) -> list[tuple[int, int]]:
    """First and one-past-last element of each adaptive window: ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉, for i = 0 … m−1."""
    return [(i * size // output, -(-(i + 1) * size // output)) for i in range(output)]

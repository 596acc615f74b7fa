"""Window arithmetic on ints, one axis at a time: output sizes, `same` padding, adaptive windows.

Every size in cnncli comes from here. Symbols: n input size, k kernel, s stride, d dilation, p₁ and p₂ the padding
before and after. Source: torch.nn.Conv2d and torch.nn.MaxPool2d, whose documentation states the same formulas for
p₁ = p₂; Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
"""What stands in a convolution's padding: zeros, the input mirrored at its border, its border repeated, its other end."""


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

    def read(self, unit: int, size: int) -> tuple[int, int]:
        """First and one-past-last element from the window's first to its last on the axis, padding left out."""
        start = unit * self.stride - self.before
        return max(start, 0), min(start + self.extent, size)

    def taps(self, size: int, count: int) -> int:
        """Elements that `count` windows read in all, those in padding left out."""
        return sum(self._reads(tap, size, count) for tap in range(self.kernel))

    def idle(self, size: int, count: int) -> bool:
        """Whether some tap lies in the padding at every one of `count` windows."""
        return any(not self._reads(tap, size, count) for tap in range(self.kernel))

    def _reads(self, tap: int, size: int, count: int) -> int:
        """Windows of which that tap lies on the axis."""
        place = tap * self.dilation - self.before  # at the first window; at the others it follows by the stride
        first = max(0, -(place // self.stride))
        last = min(count - 1, (size - 1 - place) // self.stride)
        return max(0, last - first + 1)

    def blind(self, size: int, count: int) -> bool:
        """Whether one of `count` windows reads nothing but padding, its taps on both sides of the axis."""
        starts = range(-self.before, count * self.stride - self.before, self.stride)
        taps = range(0, self.extent, self.dilation)
        return any(all(not 0 <= start + tap < size for tap in taps) for start in starts)

    def unread(self, size: int) -> int:
        """Elements at the far end that no window reaches when rounding down (padding is dropped first)."""
        read_to = (self.count(size) - 1) * self.stride + self.extent - self.before
        return max(0, size - read_to)


def transposed(size: int, window: Window, output_padding: int = 0) -> int:
    """Output size of a transposed convolution: (n−1)·s − p₁ − p₂ + d·(k−1) + output_padding + 1."""
    return (size - 1) * window.stride - window.before - window.after + window.extent + output_padding


def readers(window: Window, unit: int) -> tuple[int, int]:
    """First and one-past-last input element that a transposed convolution's output `unit` reads, at o = i·s − p + d·t."""
    place = unit + window.before
    steps = range(0, window.dilation * window.kernel, window.dilation)
    read = [(place - step) // window.stride for step in steps if (place - step) % window.stride == 0]
    return (read[-1], read[0] + 1) if read else (0, 0)


def mirrored(window: Window, unit: int, size: int, mode: str) -> tuple[int, int]:
    """First and one-past-last element that the window of `unit` shows where padding repeats the axis (see `PADDING_MODES`)."""
    start = unit * window.stride - window.before
    places = range(start, start + window.extent, window.dilation)
    if mode == "reflect":
        shown = [size - 1 - abs(size - 1 - abs(place)) for place in places]
    elif mode == "circular":
        shown = [place % size for place in places]
    else:
        shown = [min(max(place, 0), size - 1) for place in places]
    return min(shown), max(shown) + 1


def same(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """Padding that keeps the size at stride 1: d·(k−1) in all, the odd one after (PyTorch's `padding="same"`)."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def adaptive(size: int, output: int) -> list[tuple[int, int]]:
    """First and one-past-last element of each adaptive window: ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉, for i = 0 … m−1."""
    return [(i * size // output, -(-(i + 1) * size // output)) for i in range(output)]


def adaptive_elements(size: int, output: int) -> int:
    """Elements that all adaptive windows read together: n + m − gcd(n, m), for neighbours share one unless i·n/m is whole."""
    return size + output - gcd(size, output)


def interpolated(
    size: int, output: int, factor: float | None, *, taps: int, corners: bool = False
) -> list[tuple[int, int]]:
    """First and one-past-last element that each of `output` interpolated units is mixed from (torch.nn.Upsample).

    Unit u lies at u·n/m (nearest), (u + ½)·n/m − ½ (linear, cubic) or u·(n−1)/(m−1) (with the corners aligned); 1/factor
    stands for n/m where a factor is given. taps: 1 reads the nearest element, 2 (linear) those on both sides of that place, 4
    (cubic) two on each side; one alone where the place is an element's. What lies outside is the outermost element.
    """
    up, down = (output, size) if factor is None else float(factor).as_integer_ratio()
    if corners:
        up, down = max(output - 1, 1), (size - 1 if output > 1 else 0)
    half = taps > 1 and not corners
    places = ((down * (2 * unit + 1) - up, 2 * up) if half else (down * unit, up) for unit in range(output))
    windows = []
    for place, parts in places:
        first, rest = divmod(place if taps > 2 else max(place, 0), parts)
        before, after = (taps // 2 - 1, taps // 2) if rest and taps > 1 else (0, 0)
        windows.append((min(max(first - before, 0), size - 1), min(max(first + after, 0), size - 1) + 1))
    return windows

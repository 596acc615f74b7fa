"""Cross-correlation shown: the arrays and what they give, the arithmetic, the loop; frames of the sliding window; a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.correlation import LOOPED, Correlation, Step, difference, step, steps
from cnncli.lessons.loop import source
from cnncli.render.formulas import formula_lines
from cnncli.render.frames import SHORT, Frame, Grid, fits, frozen
from cnncli.render.grids import Box, flow, grid, nested, number, shades, texts
from cnncli.render.maps import write_maps
from cnncli.render.table import write_json
from cnncli.render.text import columns_of, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_BLOCKS = 16  # pairs of input channel and output map up to which all matrices are shown
MOST_TERMS = 30  # products of one sum that are written out
SIZES = ("size", "height", "width")
TURNED = (
    "the kernel is turned by 180°: a true convolution. A layer learns its kernel, and learns it turned as well as not."
)
ALONE = "one kernel for {} channels: each on its own, as a depthwise layer. Other layers have a matrix a channel, and add up."
PICTURED = 6  # maps on the picture


def show_correlation(found: Correlation, format: str, *, check: bool | None) -> None:
    """The result on stdout, before torch is asked; then how far torch is from it, where `check` (None: in the table) wants it.

    Raises `CheckFailed` where torch has another result.
    """
    if format == "json":
        write_json(correlation_json(found) | ({"largest_difference": difference(found)} if check else {}))
        return
    if format == "table":
        say(*text(found, columns_of(sys.stdout)))
    else:
        write_maps(found.y, format)
    if check or (check is None and format == "table"):
        sys.stdout.flush()
        most = difference(found)
        if format == "table":
            say(*_agrees(found, most))


def _agrees(found: Correlation, most: float) -> list[str]:
    both = found.y.size * found.kernel[0].size <= LOOPED
    who = "the loop and torch.nn.functional.conv2d agree" if both else "torch.nn.functional.conv2d agrees"
    return ["", *wrap(f"{who}: the largest difference is {most:.2g}", columns_of(sys.stdout))]


def correlation_json(found: Correlation) -> dict[str, object]:
    """The `cnncli/corr2d/1` object; `output` has two axes where there is one map."""
    config = found.layer.config
    return {
        "schema": "cnncli/corr2d/1",
        "input": list(found.x.shape),
        "kernel": found.kernel.tolist(),
        "bias": found.bias.tolist(),
        **{name: config[name] for name in ("stride", "padding", "dilation", "groups")},
        "flipped": found.flipped,
        "output": (found.y if len(found.y) > 1 else found.y[0]).tolist(),
    }


def text(found: Correlation, width: int) -> list[str]:
    """All of it for a person; large arrays in shades."""
    blocks = [_sides(found, o) for o in range(len(found.y))] if _few(found) else []
    small = bool(blocks) and all(fits(block, width) for side in blocks for block in side)
    about = [found.named.about] if found.named else []
    notes = [TURNED] * found.flipped + [ALONE.format(len(found.x))] * found.alone
    lines = [*wrap(_heading(found), width), *(line for note in (*about, *notes) for line in wrap(note, width)), ""]
    lines += _matrices(blocks, width) if small else _shaded(found, width)
    sizes = [each for each in found.layer.formulas(found.call) if each.of in SIZES]
    lines += ["", *formula_lines(sizes, width)]
    if not small:
        return lines
    output = found.y if len(found.y) > 1 else found.y[0]
    lines += [*wrap(f"output  {nested(output.tolist())}", width), "", *_first(found, width)]
    return [*lines, "", *source()]


def _heading(found: Correlation) -> str:
    kind = "true convolution" if found.flipped else "cross-correlation"
    shapes = f"{dims(found.call.x.shape)} → {dims(found.call.y.shape)}"
    _, _, window = found.layer.sentence.partition(", ")
    return f"{kind} {shapes}, {window.removesuffix(', no bias')}"


def _few(found: Correlation) -> bool:
    o, c, *_ = found.kernel.shape
    return bool(o * c <= MOST_BLOCKS and max(found.padded.shape) <= 100)


def _sides(found: Correlation, o: int) -> list[Grid | str]:
    """`x * kernel + x * kernel + bias = y`, for one output map."""
    blocks: list[Grid | str] = []
    channels = [o] if found.alone else range(len(found.x))
    for x, kernel in zip((found.padded[c] for c in channels), found.kernel[o], strict=True):
        blocks += ["+"] * bool(blocks) + [_cells(x), "*", _cells(kernel)]
    if found.bias[o]:
        blocks += ["+", number(float(found.bias[o]))]
    return [*blocks, "=", _cells(found.y[o])]


def _cells(matrix: NDArray[np.float64]) -> Grid:
    return Grid(frozen(texts(matrix.tolist())))


def _matrices(sides: Sequence[Sequence[Grid | str]], width: int) -> list[str]:
    lines: list[str] = []
    for blocks in sides:
        shown = [[block] if isinstance(block, str) else grid(block.cells) for block in blocks]
        lines += [""] * bool(lines) + flow(shown, width)
    return lines


def _shaded(found: Correlation, width: int) -> list[str]:
    """The first output map; where it has signs, how strongly it answers, for the signs would average out."""
    import numpy as np

    y, which = found.y[0], f"output map 1 of {len(found.y)}" if len(found.y) > 1 else "output"
    low, high = number(float(y.min()), 3), number(float(y.max()), 3)
    if y.min() >= 0:
        return [f"{which}, from {low} (blank) to {high} (full)", *shades(y, width)]
    strength = np.abs(y)
    most = 2 * float(np.sqrt((strength**2).mean())) or 1.0
    title = f"{which}, from {low} to {high}; shown without signs, 0 blank, {number(most, 3)} and more full"
    return [*wrap(title, width), *shades(strength, width, 0, most)]


def _first(found: Correlation, width: int) -> list[str]:
    lines = arithmetic(step(found, 0, 0, 0))
    return [part for line in lines for part in wrap(line, width, subsequent_indent="  ")]


def arithmetic(found: Step) -> list[str]:
    """`y[0, 0] = 0·0 + 1·1 + …`, and the same with the products; a line for each channel where there are several."""
    row, column = found.place[1:]
    y = f"y[{row}, {column}]"
    lines, sums = [], []
    for place, terms in enumerate(found.terms):
        products = [a * b for a, b in terms]
        sums.append(sum(products))
        name = f"channel {place + 1}: " if len(found.terms) > 1 else f"{y} = "
        tail = f" = {number(sums[-1])}"
        if len(terms) > MOST_TERMS:
            lines.append(f"{name}the sum of {len(terms)} products{tail}")
            continue
        lines.append(name + " + ".join(f"{_factor(a)}·{_factor(b)}" for a, b in terms))
        lines.append(f"= {' + '.join(map(_factor, products))}{tail}" if len(terms) > 1 else tail.lstrip())
    bias = [found.bias] if found.bias else []
    if bias or len(sums) > 1:
        lines.append(f"{y} = {' + '.join(map(_factor, [*sums, *bias]))} = {number(found.value)}")
    return lines


def _factor(value: float) -> str:
    """A number in a sum or product: `3`, `(-1)`."""
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def frames(found: Correlation) -> list[Frame]:
    """One for each output element: the window on the input, what is computed so far, the products and their sum."""
    count = found.y.size
    x = [frozen(texts(channel.tolist(), SHORT)) for channel in found.padded]
    kernels = [[_cells(part) for part in kernel] for kernel in found.kernel]
    done = [[["."] * found.counts[1] for _ in range(found.counts[0])] for _ in found.y]
    made = []
    for place, each in enumerate(steps(found), 1):
        o, row, column = each.place
        done[o][row][column] = number(each.value, SHORT)
        channels = [x[o]] if found.alone else x
        blocks: list[Grid | str] = []
        for cells, kernel in zip(channels, kernels[o], strict=True):
            blocks += ["+"] * bool(blocks) + [_windowed(cells, found, each.corner), "*", kernel]
        blocks += ["=", Grid(frozen(done[o]))]
        which = f"map {o + 1}, " if len(found.y) > 1 else ""
        title = f"window {place} of {count}: {which}row {row + 1}, column {column + 1} of the output"
        made.append(Frame(title, tuple(blocks), tuple(arithmetic(each))))
    return made


def _windowed(cells: tuple[tuple[str, ...], ...], found: Correlation, corner: tuple[int, int]) -> Grid:
    """The input with the window's box; what a dilated window steps over is a point."""
    down, right = found.layer.windows
    top, left = corner
    if down.dilation == right.dilation == 1:
        return Grid(cells, Box(top, left, down.extent, right.extent))
    shown = [list(row) for row in cells]
    for i in range(down.extent):
        for j in range(right.extent):
            if i % down.dilation or j % right.dilation:
                shown[top + i][left + j] = "."
    return Grid(frozen(shown), Box(top, left, down.extent, right.extent))


def draw(found: Correlation, path: Path) -> Path:
    """Input, kernel and output on one picture."""
    from cnncli.render.panels import Panel, look_of, sheet
    from cnncli.render.plots import placed

    window = Box(0, 0, *(window.extent for window in found.layer.windows))
    x, kernel, boxes = found.padded, found.kernel[0], () if found.image else (window,)
    if found.image and len(x) == 3:
        panels = [Panel("input", x)]
    else:
        panels = [Panel(_named("input", x), x[0], "image" if found.image else look_of(x[0]), boxes=boxes)]
    panels.append(Panel(_named("kernel", kernel), kernel[0], look_of(kernel[0])))
    brightness = found.image and found.keeps_brightness
    if brightness and len(found.y) == 3:
        panels.append(Panel("output", found.y))
    else:
        name = "output" if len(found.y) == 1 else "output, map {}"
        looks = ["image" if brightness else look_of(y) for y in found.y]
        panels += [Panel(name.format(o + 1), y, looks[o]) for o, y in enumerate(found.y[:PICTURED])]
    return placed(sheet(panels, _heading(found)), path)


def _named(what: str, maps: NDArray[np.float64]) -> str:
    return what if len(maps) == 1 else f"{what}, channel 1 of {len(maps)}"

"""Cross-correlation shown: the arrays and what they give, the arithmetic, the loop; frames of the sliding window; a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.correlation import LOOPED, Correlation, Step, difference, parts, step, steps
from cnncli.lessons.loop import program
from cnncli.render.formulas import formula_lines
from cnncli.render.frames import SHORT, Frame, Grid, fits, frozen
from cnncli.render.grids import Box, flow, grid, nested, number, shades, texts
from cnncli.render.maps import write_maps
from cnncli.render.table import write_json
from cnncli.text import columns_of, say

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
PICTURED = 6  # output maps on the picture beside the channels that one of them is the sum of
COLOURS = ("red", "green", "blue")
FRAMED = "the frame is the padding's: its zeros are black beside the photograph; without --pad there is none"


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
    notes = [TURNED] * found.flipped + [ALONE.format(len(found.x))] * found.alone + [FRAMED] * framed(found)
    lines = [*wrap(_heading(found), width), *(line for note in (*about, *notes) for line in wrap(note, width)), ""]
    lines += _matrices(blocks, width) if small else _shaded(found, width)
    sizes = [each for each in found.layer.formulas(found.call) if each.of in SIZES]
    lines += ["", *formula_lines(sizes, width)]
    if not small:
        return lines
    output = found.y if len(found.y) > 1 else found.y[0]
    lines += [*wrap(f"output  {nested(output.tolist())}", width), "", *_first(found, width)]
    return [*lines, "", *program(found, width)]


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
    """What comes out, in shades; of several channels what each adds, and their sum; of several kernels each map."""
    titles = [f"output{_map_name(found, o)}" for o in range(len(found.y))]
    maps = [*found.y]
    if len(found.x) > 1 and not found.alone:
        titles = [*(f"channel {c} adds" for c in range(len(found.x))), f"{titles[0]}, the sum", *titles[1:]]
        maps = [*parts(found, 0), *maps]
    if len(maps) == 1:
        return _shade(titles[0], maps[0], width)
    shown = list(zip(titles, maps, strict=True))
    rest = [f"and {len(shown) - MOST_BLOCKS} more: --format csv"] if len(shown) > MOST_BLOCKS else []
    return flow(
        [*(_shade(*each, width=(width - 3) // 2) for each in shown[:MOST_BLOCKS]), *([rest] if rest else [])], width
    )


def _map_name(found: Correlation, o: int) -> str:
    """Which of several output maps."""
    if found.alone:
        return _channel_name(found, o)
    return f", map {o}" if len(found.y) > 1 else ""


def _channel_name(found: Correlation, c: int) -> str:
    """Which of several input channels."""
    colour = f" ({COLOURS[c]})" if found.image and len(found.x) == len(COLOURS) else ""
    return f", channel {c}{colour}" if len(found.x) > 1 else ""


def _shade(title: str, y: NDArray[np.float64], width: int) -> list[str]:
    """One map; where it has signs, how strongly it answers, for the signs would average out."""
    import numpy as np

    low, high = number(float(y.min()), 3), number(float(y.max()), 3)
    if y.min() >= 0:
        return [*wrap(f"{title}, from {low} (blank) to {high} (full)", width), *shades(y, width)]
    strength = np.abs(y)
    most = 2 * float(np.sqrt((strength**2).mean())) or 1.0
    title = f"{title}, from {low} to {high}; shown without signs, 0 blank, {number(most, 3)} and more full"
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
        name = f"channel {place}: " if len(found.terms) > 1 else f"{y} = "
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
        which = f"map {o}, " if len(found.y) > 1 else ""
        title = f"window {place} of {count}: {which}row {row}, column {column} of the output, counted from 0"
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
    """Input, kernel and output on one picture: a row for each channel, and the sum; or a row for each output map."""
    from cnncli.render.panels import Panel, look_of, sheet
    from cnncli.render.plots import placed

    brightness = found.image and found.keeps_brightness
    note = FRAMED if framed(found) else ""
    if found.alone and brightness and len(found.x) == len(COLOURS):
        kernel = found.kernel[0, 0]
        panels = [
            Panel("input", found.padded),
            Panel("kernel", kernel, look_of(kernel)),
            Panel("output", found.y, note=note),
        ]
        return placed(sheet(panels, _heading(found)), path)
    boxes = () if found.image else (Box(0, 0, *(window.extent for window in found.layer.windows)),)
    summed = len(found.x) > 1 and not found.alone
    added = parts(found, 0) if summed else found.y
    panels = []
    for place, part in enumerate(added[:MOST_BLOCKS]):
        c, o = (place, 0) if summed else (place if found.alone else 0, place)
        x, kernel = found.padded[c], found.kernel[o, c if summed else 0]
        answer = f"what channel {c} adds" if summed else f"output{_map_name(found, o)}"
        panels += [
            Panel(f"input{_channel_name(found, c)}", x, "image" if found.image else look_of(x), boxes=boxes),
            Panel(f"kernel{_map_name(found, o)}{_channel_name(found, c) if summed else ''}", kernel, look_of(kernel)),
            Panel(answer, part, "image" if brightness and not summed else look_of(part), "" if summed else note),
        ]
    if summed:
        bias = f" and the bias {number(float(found.bias[0]))}" if found.bias[0] else ""
        sums = [f"output{_map_name(found, o)}" for o in range(len(found.y))]
        sums[0] += f": the sum of {len(found.x)} channels{bias}"
        shown = zip(sums, found.y[:PICTURED], strict=False)
        panels += [Panel(name, y, "image" if brightness else look_of(y), note) for name, y in shown]
    return placed(sheet(panels, _heading(found)), path)


def framed(found: Correlation) -> bool:
    """Whether zeros stand around a photograph, and draw a frame that is not in it."""
    return found.image and any(window.before or window.after for window in found.layer.windows)

"""Pooling shown: what goes in and comes out, what each kind keeps, where the gradient goes; frames of the window; a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.layers.conventions import unread
from cnncli.lessons.pooling import Pooling, Saving, Step, gradient, step, steps
from cnncli.render.formulas import formula_lines
from cnncli.render.frames import SHORT, Cells, Frame, Grid, fits, frozen
from cnncli.render.grids import Box, flow, grid, nested, number, shades, texts
from cnncli.render.maps import write_maps
from cnncli.render.table import Cell, Column, write_json, write_table
from cnncli.text import columns_of, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SIZES = ("size", "height", "width")
WORDS = {"max": "max pooling", "avg": "average pooling"}
NOTHING = "nothing to learn; each channel on its own, so that the depth stays {}"
BACK = {
    "max": "gradient, each output element sending back 1: all of it goes to the largest element of its window",
    "avg": "gradient, each output element sending back 1: an equal part goes to every element of its window",
}
OVERFITTING = (
    "Fewer weights overfit less as a rule, not always: a run's train and test accuracy show how far they are apart"
)
KEPT = (
    'the mean keeps the average brightness (the "background" of notes) and smooths; max keeps the brightest of each window: '
    'bright "texture" stays, dark strokes on white vanish'
)
MOST_CHANNELS = 6  # up to which all matrices are shown
STATISTICS = (
    Column("what", "what stays", left=True),
    Column("least", "least"),
    Column("mean", "mean"),
    Column("greatest", "greatest"),
    Column("deviation", "deviation"),
)


def show_pooling(found: Pooling, other: Pooling | None, saved: Saving | None, format: str, *, grad: bool) -> None:
    """The result on stdout. other: the other kind of pooling with the same arguments, for the table; saved: likewise."""
    if format == "json":
        write_json(pooling_json(found) | ({"gradient": _one(gradient(found))} if grad else {}))
    elif format == "table":
        _show(found, other, saved, columns_of(sys.stdout), grad=grad)
    else:
        write_maps(gradient(found) if grad else found.y, format)


def pooling_json(found: Pooling) -> dict[str, object]:
    """The `cnncli/pool2d/1` object; `output` has two axes where there is one channel."""
    return {
        "schema": "cnncli/pool2d/1",
        "mode": found.mode,
        "input": list(found.x.shape),
        "config": found.layer.config,
        "params": found.layer.params,
        "output": _one(found.y),
    }


def _one(maps: NDArray[np.float64]) -> object:
    return (maps if len(maps) > 1 else maps[0]).tolist()


def _show(found: Pooling, other: Pooling | None, saved: Saving | None, width: int, *, grad: bool) -> None:
    pairs = [(_cells(x), _cells(y)) for x, y in zip(found.x, found.y, strict=True)] if _few(found) else []
    small = bool(pairs) and all(fits(grid, width) for pair in pairs for grid in pair)
    say(*wrap(heading(found), width), "")
    if small:
        say(*_matrices(pairs, width), "", *_wrapped(_results(found, other), width))
        say(*_wrapped(arithmetic(step(found, 0, 0, 0)), width))
    else:
        _show_large(found, other, width)
    if grad:
        say("", *wrap(BACK[found.mode], width), *_gradient(found, width, small=small))
    say("", *_facts(found, saved, width))


def heading(found: Pooling) -> str:
    """`max-pool 2×4×4 → 2×2×4, kernel 3×3, stride 2×1, padding 1`."""
    kind, _, window = found.layer.sentence.partition(", ")
    return f"{kind} {dims(found.call.x.shape)} → {dims(found.call.y.shape)}, {window}"


def _few(found: Pooling) -> bool:
    return len(found.x) <= MOST_CHANNELS and max(found.x.shape) <= 100


def _cells(matrix: NDArray[np.float64]) -> Grid:
    return Grid(frozen(texts(matrix.tolist())))


def _matrices(pairs: Sequence[tuple[Grid, Grid]], width: int) -> list[str]:
    lines: list[str] = []
    for x, y in pairs:
        lines += [""] * bool(lines) + flow([grid(x.cells), ["->"], grid(y.cells)], width)
    return lines


def _results(found: Pooling, other: Pooling | None) -> list[str]:
    lines = [WORDS[found.mode], *_outputs(found)]
    return lines + ([f"{WORDS[other.mode]} would give", *_outputs(other)] if other else [])


def _outputs(found: Pooling) -> list[str]:
    return [f"y[{place}] = {nested(channel.tolist())}" for place, channel in enumerate(found.y)]


def _wrapped(lines: Sequence[str], width: int) -> list[str]:
    return [part for line in lines for part in wrap(line, width, subsequent_indent="  ")]


def _show_large(found: Pooling, other: Pooling | None, width: int) -> None:
    """The channels in shades, and what each kind of pooling leaves of the numbers."""
    wide = width if len(found.y) == 1 else (width - 3) // 2
    blocks = []
    for channel, y in enumerate(found.y[:MOST_CHANNELS]):
        least, greatest = number(float(y.min()), 3), number(float(y.max()), 3)
        title = f"{_which(found.y, channel)}from {least} (blank) to {greatest} (full)"
        blocks.append([*wrap(title, wide), *shades(y, wide)])
    say(*flow(blocks, width), "")
    rows = [("input", found.x), *((WORDS[each.mode], each.y) for each in (found, other) if each)]
    write_table(STATISTICS, [_statistics(*row) for row in rows])
    say(*wrap(KEPT, width))


def _which(maps: NDArray[np.float64], channel: int) -> str:
    return f"channel {channel}, " if len(maps) > 1 else ""


def _statistics(name: str, values: NDArray[np.float64]) -> list[Cell]:
    figures = [float(each) for each in (values.min(), values.mean(), values.max(), values.std())]
    return [Cell(name, name), *(Cell(each, f"{each:.4g}") for each in figures)]


def arithmetic(found: Step) -> list[str]:
    """`y[0, 0] = max(0, 1, 4, 5) = 5` or `(0 + 1 + 4 + 5)/9 = 1.1111`, and what the padding had to do with it."""
    channel, row, column = found.place
    name = f"y[{channel}, {row}, {column}]"
    numbers = [number(value) for value in found.inside]
    if not found.divisor:
        note = f"   ({found.padding} in padding, which never wins)" if found.padding else ""
        return [f"{name} = max({', '.join(numbers)}) = {number(found.value)}{note}"]
    zeros = int(found.divisor) - len(numbers)
    words = (
        f"{zeros} zero{'s' * (zeros > 1)} of padding counted" if zeros else f"{found.padding} in padding, not counted"
    )
    note = f"   ({words})" if found.padding else ""
    added = " + ".join(f"({each})" if each.startswith("-") else each for each in numbers)
    return [f"{name} = ({added})/{number(found.divisor)} = {number(found.value)}{note}"]


def _gradient(found: Pooling, width: int, *, small: bool) -> list[str]:
    back = gradient(found)
    reached = f"{int((back != 0).sum()):,} of {back.size:,} elements get a part of it"
    return [*(flow([grid(_cells(channel).cells) for channel in back], width) if small else []), *wrap(reached, width)]


def _facts(found: Pooling, saved: Saving | None, width: int) -> list[str]:
    sizes = [each for each in found.layer.formulas(found.call) if each.of in SIZES]
    lines = [*formula_lines(sizes, width)]
    if lost := unread(found.layer, found.call):
        lines += wrap(f"rounding down: {lost}", width)
    lines += wrap(NOTHING.format(len(found.x)), width)
    if saved:
        what = f"what pools save later: {saved.network}'s {saved.row} has {saved.pooled:,} parameters with them"
        lines += wrap(f"{what}, {saved.whole:,} without. {OVERFITTING}", width)
    return lines


def frames(found: Pooling) -> list[Frame]:
    """One for each output element: the window on the padded input, and what is computed so far."""
    count = found.y.size
    inputs = _padded_cells(found)
    done = [[["."] * found.counts[1] for _ in range(found.counts[0])] for _ in found.y]
    extents = [window.extent for window in found.layer.windows]
    made = []
    for place, each in enumerate(steps(found), 1):
        channel, row, column = each.place
        done[channel][row][column] = number(each.value, SHORT)
        blocks = (Grid(inputs[channel], Box(*each.corner, *extents)), "->", Grid(frozen(done[channel])))
        title = f"window {place} of {count}: {_which(found.y, channel)}row {row}, column {column} of the output, counted from 0"
        made.append(Frame(title, blocks, tuple(arithmetic(each))))
    return made


def _padded_cells(found: Pooling) -> list[Cells]:
    """The padded input; `0` for padding that counts in a mean, `.` for what is not looked at."""
    import numpy as np

    from cnncli.lessons.windows import padded

    whole = padded(found.x, found.layer.windows, found.counts, np.nan)
    if found.mode == "avg" and found.layer.config["count_include_pad"]:
        (down, right), (_, high, wide) = found.layer.windows, found.x.shape
        rows, columns = down.before + high + down.after, right.before + wide + right.after
        whole[:, :rows, :columns] = np.nan_to_num(whole[:, :rows, :columns])
    return [
        frozen([["." if value != value else number(value, SHORT) for value in row] for row in channel])  # noqa: PLR0124  (NaN)
        for channel in whole.tolist()
    ]


def draw(found: Pooling, other: Pooling | None, path: Path, *, grad: bool) -> Path:
    """The input, both kinds of pooling, and where gradients go where that is asked for; a row for each channel."""
    from cnncli.render.panels import Panel, look_of, sheet
    from cnncli.render.plots import placed

    arrays = {"input": found.x, **{WORDS[each.mode]: each.y for each in (found, other) if each}}
    if grad:
        arrays[f"gradient of {WORDS[found.mode]}"] = gradient(found)
    colour = found.image and len(found.x) == 3 and not grad
    panels = []
    for channel in range(1 if colour else min(len(found.x), MOST_CHANNELS)):
        for name, maps in arrays.items():
            shown = maps if colour else maps[channel]
            note = f"{dims(shown.shape)}, from {number(float(shown.min()), 3)} to {number(float(shown.max()), 3)}"
            photograph = found.image and not name.startswith("gradient")
            title = name if colour else f"{_which(maps, channel)}{name}"
            panels.append(Panel(title, shown, "image" if photograph else look_of(shown), note))
    return placed(sheet(panels, heading(found), across=len(arrays)), path)

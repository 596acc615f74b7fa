"""Padding and stride shown: sizes by choice, a map of how often each pixel is read, and a picture of both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from cnncli.layers import dims
from cnncli.layers.conventions import gaps, unread
from cnncli.lessons.padding import Choice
from cnncli.render.formulas import formula_lines
from cnncli.render.grids import grid, grid_width, shades
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.render.window import window_lines
from cnncli.text import columns_of, say

COLUMNS = (
    Column("choice", "choice", left=True),
    Column("padding", "padding"),
    Column("output", "output"),
    Column("corner", "corner"),
    Column("middle", "middle"),
    Column("unread", "unread"),
    Column("in_padding", "in padding"),
)
TALL = 24  # rows of a map of counts that is shown in numbers
SIZES = ("size", "height", "width")
LEGEND = "corner, middle: how often that pixel is read; in padding: of all that windows read"


def show_padding(found: Sequence[Choice], format: str) -> None:
    """The choices on stdout, the first being what was asked for."""
    if format == "json":
        write_json(padding_json(found))
    elif format == "csv":
        write_csv(COLUMNS, [_line(each) for each in found])
    elif format == "markdown":
        write_markdown(COLUMNS, [_line(each) for each in found])
    else:
        _show(found, columns_of(sys.stdout))


def padding_json(found: Sequence[Choice]) -> dict[str, object]:
    """The `cnncli/padding/1` object; `counts` is how often each pixel is read with the first choice."""
    asked = found[0]
    return {
        "schema": "cnncli/padding/1",
        "input": list(asked.call.x.shape[1:]),
        **{name: list(asked.layer.config[name]) for name in ("kernel_size", "stride", "dilation")},
        "choices": [_choice_json(each) for each in found],
        "counts": asked.counts,
    }


def _choice_json(choice: Choice) -> dict[str, object]:
    return {
        "name": choice.name,
        "padding": [[window.before, window.after] for window in choice.windows],
        "output": list(choice.output),
        "corner": choice.corner,
        "middle": choice.middle,
        "unread": choice.unread,
        "in_padding": choice.in_padding,
    }


def _show(found: Sequence[Choice], width: int) -> None:
    asked, size = found[0], dims(found[0].call.x.shape[1:])
    say(*wrap(f"{size} → {dims(asked.output)}, {_sentence(asked)}", width), "")
    sizes = [each for each in asked.layer.formulas(asked.call) if each.of in SIZES]
    say(*formula_lines(sizes, width), "")
    picture = window_lines(asked.windows, asked.call.x.shape[1:])
    if picture and max(map(len, picture)) <= width:
        say(*picture, "")
    say(
        *wrap(f"how often each pixel is read ({asked.name})", width),
        *_map(asked, width),
        "",
        *_remarks(asked, width),
        "",
    )
    write_table(COLUMNS, [_line(each) for each in found])
    say(*wrap(LEGEND, width))


def _sentence(choice: Choice) -> str:
    return choice.layer.sentence.partition(", ")[2].removesuffix(", no bias")


def _map(choice: Choice, width: int) -> list[str]:
    cells = [[str(count) for count in row] for row in choice.counts]
    if len(cells) <= TALL and grid_width(cells) <= width:
        return grid(cells)
    return shades(choice.counts, width, 0)


def _remarks(choice: Choice, width: int) -> list[str]:
    """Why corners count for less, and what nobody reads."""
    times_read = "once" if choice.corner == 1 else f"{choice.corner:,} times"
    most = f"{choice.most:,} times" if choice.most != 1 else "once"
    lines = [
        f"the corner is read {times_read}, the pixel that is read most {most}; a window has {dims(choice.layer.kernel)} taps"
    ]
    if lost := unread(choice.layer, choice.call):
        lines.append(f"rounding down: {lost}")
    if gaps(choice.windows, choice.call.x.shape[1:]):
        lines.append("the stride is larger than the window: what lies between two windows is never read")
    return [part for line in lines for part in wrap(line, width)]


def _line(choice: Choice) -> Line:
    sides = [str(w.before) if w.before == w.after else f"{w.before}+{w.after}" for w in choice.windows]
    padding = sides[0] if len(set(sides)) == 1 else "×".join(sides)
    share = choice.in_padding
    figures = [(value, f"{value:,}") for value in (choice.corner, choice.middle, choice.unread, share)]
    cells = [(choice.name, choice.name), (padding.replace("×", "x"), padding)]
    cells.append((dims(choice.output).replace("×", "x"), dims(choice.output)))
    return [Cell(*each) for each in (*cells, *figures)]


def draw(found: Sequence[Choice], path: Path) -> Path:
    """How often each pixel is read with each choice, side by side."""
    import numpy as np

    from cnncli.render.panels import Panel, sheet
    from cnncli.render.plots import placed

    asked = found[0]
    panels = [
        Panel(
            each.name,
            np.array(each.counts, dtype=float),
            "amount",
            note=f"output {dims(each.output)} · corner {each.corner:,}, middle {each.middle:,}, unread {each.unread:,}",
        )
        for each in found
    ]
    size = dims(asked.call.x.shape[1:])
    window = ", ".join(part for part in _sentence(asked).split(", ") if not part.startswith("padding"))
    return placed(sheet(panels, f"how often each pixel of {size} is read: {window}", across=len(panels)), path)

"""Answers to `cnncli solve`: windows that fit, inputs that a network takes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import wrap

from cnncli.analysis.report import report
from cnncli.analysis.solve_layer import Question, Solution
from cnncli.analysis.solve_map import Maps
from cnncli.analysis.solve_network import LARGEST, Inputs
from cnncli.layers import Shape, dims, times
from cnncli.network import Network
from cnncli.render.summary import title
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, say

SHOWN = 4  # sizes of a pattern that are named before "…"
FIGURES = (Column("what", "what", left=True), Column("value", "value", left=True))


def show_windows(
    question: Question, found: Sequence[Solution], nearest: Sequence[Shape], format: str, limit: int
) -> None:
    """The windows that answer `question`, at most `limit` of them for people; the nearest outputs where there are none."""
    columns, lines = _columns(question), [_line(question, each) for each in found]
    if format == "json":
        write_json(_windows_json(question, found, nearest))
    elif format == "csv":
        write_csv(columns, lines)
    elif format == "markdown":
        write_markdown(columns, lines[:limit])
    elif not found:
        say(_none(question, nearest))
    else:
        say(_heading(question, found))
        write_table(columns, lines[:limit])
        if len(found) > limit:
            say(f"and {len(found) - limit:,} more; --limit {len(found)} shows all")


def _heading(question: Question, found: Sequence[Solution]) -> str:
    windows = "1 window" if len(found) == 1 else f"{len(found):,} windows"
    return f"{question.kind.kind} {_sizes(question)}: {windows}, {sum(each.reads_all for each in found):,} reading every pixel"


def _sizes(question: Question) -> str:
    return f"{dims(question.sizes)} → {dims(question.outputs)}" + (", rounding up" if question.ceil else "")


def _none(question: Question, nearest: Sequence[Shape]) -> str:
    near = " and ".join(map(dims, nearest))
    hint = (
        f"the nearest {'outputs are' if len(nearest) > 1 else 'output is'} {near}" if near else "no window fits at all"
    )
    return f"{question.kind.kind} {_sizes(question)}: no window within the search; {hint}"


def _parts(question: Question) -> list[str]:
    extra = ["output_padding"] if "output_padding" in question.arguments else []
    return ["kernel_size", "stride", "padding", "dilation", *extra]


def _columns(question: Question) -> list[Column]:
    titles = {"kernel_size": "kernel", "output_padding": "output padding"}
    columns = [Column(part, titles.get(part, part)) for part in _parts(question)]
    return [*columns, Column("reads_all", "reads every pixel", left=True)]


def _line(question: Question, found: Solution) -> list[Cell]:
    values = {part: times(getattr(found, part)) for part in _parts(question)}
    if question.same:
        values["padding"] = "same"
    cells = [Cell(text.replace("×", "x"), text) for text in values.values()]
    return [*cells, Cell(str(found.reads_all).lower(), "yes" if found.reads_all else "no")]


def _windows_json(question: Question, found: Sequence[Solution], nearest: Sequence[Shape]) -> dict[str, object]:
    """The `cnncli/solve/1` object."""
    value: dict[str, object] = {
        "schema": "cnncli/solve/1",
        "layer": question.kind.__name__,
        "input": _plain(question.sizes),
        "output": _plain(question.outputs),
        "solutions": [
            {part: _plain(getattr(each, part)) for part in _parts(question)}
            | ({"padding": "same"} if question.same else {})
            | {"reads_all": each.reads_all}
            for each in found
        ],
    }
    return value if found else value | {"nearest": [_plain(outputs) for outputs in nearest]}


def _plain(values: Shape) -> int | list[int]:
    return values[0] if len(set(values)) == 1 else list(values)


def show_inputs(network: Network, found: Inputs, format: str) -> None:
    """The smallest input, the sizes that leave nothing unread, and what the network's own input leaves."""
    own = dims(network.input)
    if format == "json":
        write_json(_inputs_json(network, found))
    else:
        lines = [("smallest input", _smallest(found)), ("nothing unread", _pattern(found)), (f"at {own}", _own(found))]
        _show_lines(network, lines, format)


def show_maps(network: Network, found: Maps, format: str) -> None:
    """The inputs that give the map that was asked for; the nearest maps where there are none."""
    shape = (found.channels, *found.output)
    if format == "json":
        sides: dict[str, object] = {
            "row": found.row,
            "output": list(shape),
            "sides": [list(each) for each in found.sides],
        }
        refused = {"refused": found.refusal} if found.refusal else {}
        nearest = {} if all(found.sides) else {"nearest": [list(each) for each in found.nearest]}
        write_json(_head(network) | sides | refused | nearest)
        return
    lines = [(f"{found.row} {dims(shape)}", _ranges(found))]
    if found.refusal:
        lines.append(("but", found.refusal))
    _show_lines(network, lines, format)


def _show_lines(network: Network, lines: Sequence[tuple[str, str]], format: str) -> None:
    if format in {"csv", "markdown"}:
        cells = [[Cell(what, what), Cell(value, value)] for what, value in lines]
        (write_csv if format == "csv" else write_markdown)(FIGURES, cells)
        return
    width = max(len(what) for what, _ in lines)
    margin = " " * (width + 2)
    say(title(report(network)))
    for what, value in lines:
        say(*wrap(f"{what:{width}}  {value}", columns_of(sys.stdout), subsequent_indent=margin, drop_whitespace=True))


def _head(network: Network) -> dict[str, object]:
    return {"schema": "cnncli/solve/1", "model": network.name, "edition": network.edition}


def _inputs_json(network: Network, found: Inputs) -> dict[str, object]:
    return (
        _head(network)
        | {
            "smallest_input": list(found.smallest) if found.smallest else None,
            "no_remainder": {"sides": list(found.even.sides), "every": found.even.every},
            "unread": dict(found.left),
        }
        | ({"refused": found.refusal} if found.refusal else {})
    )


def _smallest(found: Inputs) -> str:
    if found.smallest is None:
        return f"no square input up to {LARGEST:,} works"
    below = dims(tuple(side - 1 for side in found.smallest[1:]))
    return dims(found.smallest) + (f"; at {below}, {found.below}" if found.below else "")


def _own(found: Inputs) -> str:
    """`conv1: the last row is never read; pool1: …`."""
    if found.refusal:
        return f"refused by {found.refusal}"
    return "; ".join(f"{row}: {words}" for row, words in found.left) or "every pixel is read"


def _pattern(found: Inputs) -> str:
    """`32×32, 64×64, 96×96 … every 32 from 32`."""
    sides, every = found.even
    axes = len(found.smallest or (0, 0, 0)) - 1
    if not sides:
        return "no square input leaves nothing over"
    if every == 1:
        return f"every size from {dims(sides * axes)} on"
    if every is None:
        return ", ".join(dims((side,) * axes) for side in sides)
    first = [side + again * every for again in range(SHOWN) for side in sides][: max(SHOWN, len(sides) + 1)]
    pattern = f"every {every} from {sides[0]}" if len(sides) == 1 else f"these again every {every}"
    return f"{', '.join(dims((side,) * axes) for side in first)} … {pattern}"


def _ranges(found: Maps) -> str:
    if all(found.sides):
        shapes = [dims(tuple(pick(sides) for sides in found.sides)) for pick in (min, max)]
        if shapes[0] == shapes[1]:
            return f"for an input of {shapes[0]}"
        if all(len(sides) == sides[-1] - sides[0] + 1 for sides in found.sides):
            return f"for inputs from {shapes[0]} to {shapes[1]}"
        return "for inputs of " + " × ".join(" or ".join(map(str, sides)) for sides in found.sides)
    near = next(sizes for sizes, sides in zip(found.nearest, found.sides, strict=True) if not sides)
    nearest = "nearest size is" if len(near) == 1 else "nearest sizes are"
    return f"for no input; the {nearest} {' and '.join(map(str, near))}"

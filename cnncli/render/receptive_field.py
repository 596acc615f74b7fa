"""Receptive fields shown: a row for each layer, or one unit's region drawn on the input; what gradients say of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.analysis.explain import explain
from cnncli.analysis.report import Report
from cnncli.arithmetic.receptive_field import Interval
from cnncli.layers import dims, times
from cnncli.lessons.receptive import Region, Side
from cnncli.render.formulas import formula_lines
from cnncli.render.grids import shades
from cnncli.render.summary import field_json, network_json
from cnncli.render.table import Cell, Column, Line, narrowed, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say

if TYPE_CHECKING:
    from cnncli.lessons.effective import Effective
    from cnncli.lessons.gradients import Measured

SCHEMA = {"schema": "cnncli/receptive-field/1"}
COLUMNS = (
    Column("row", "layer", left=True),
    Column("output", "output"),
    Column("size", "size"),
    Column("stride", "stride"),
    Column("padding", "pad"),
    Column("rows", "rows"),
    Column("columns", "columns"),
    Column("in_padding", "in padding"),
)
GRADIENTS = Column("gradients", "gradients")
LEAST_WANTED = ("in_padding", "padding", "stride")
HIGH = 24  # lines of a drawing at most


def show_regions(
    report: Report, found: Sequence[Region], format: str, measured: Sequence[Measured | None] | None = None
) -> None:
    """The middle unit's region of every row. measured: what gradients say, None where they were not asked."""
    if format == "json":
        said = measured or [None] * len(found)
        rows = [region_json(region, each, asked=bool(measured)) for region, each in zip(found, said, strict=True)]
        write_json({**SCHEMA, **network_json(report.network), "rows": rows})
        return
    columns = (*COLUMNS, GRADIENTS) if measured else COLUMNS
    lines = [_line(each) for each in found]
    if measured:
        lines = [[*line, _said(each)] for line, each in zip(lines, measured, strict=True)]
    if format != "table":
        (write_csv if format == "csv" else write_markdown)(columns, lines)
        return
    say(*wrap(_heading(report), columns_of(sys.stdout)))
    write_table(*narrowed(columns, lines, *({key} for key in LEAST_WANTED)))
    say(*_below(found, measured))


def _below(found: Sequence[Region], measured: Sequence[Measured | None] | None) -> list[str]:
    lines = ["rows and columns that the middle unit of each layer sees, counted from 0"]
    if any(each.beyond for each in found):
        lines.append("* larger than the input, the rest lies in padding")
    if measured:
        asked = [each for each in measured if each is not None]
        agree = sum(each.agrees for each in asked)
        left = len(measured) - len(asked)
        lines.append(
            f"gradients agree with {agree} of {len(asked)} rows" + (f", {left} cannot be measured" if left else "")
        )
    return [part for line in lines for part in wrap(line, columns_of(sys.stdout))]


def _heading(report: Report) -> str:
    network = report.network
    edition = f" · {network.edition} edition" if network.edition else ""
    return f"{inert(network.name)}{edition} · input {dims(network.input)}"


def _line(region: Region) -> Line:
    size = "all" if region.whole else times(tuple(side.size for side in region.sides)) + "*" * region.beyond
    numbers = [times(tuple(getattr(side, name) for side in region.sides)) for name in ("stride", "padding")]
    if region.whole:
        numbers = ["", ""]
    spans = [span(side.seen) for side in (*region.sides, *region.sides)[-2:]]
    share = f"{100 * region.padded:.0f} %" if region.padded else ""
    texts = [region.row.name, dims(region.output), size, *numbers, *spans, share]
    values = [text.rstrip("*").replace("×", "x").replace("…", "-") for text in texts[:-1]]
    return [Cell(value, text) for value, text in zip([*values, round(region.padded, 6)], texts, strict=True)]


def span(interval: Interval) -> str:
    """`3…12`; `none` for what sees nothing."""
    low, high = interval
    return f"{low}…{high}" if high > low else str(low) if high == low else "none"


def _said(measured: Measured | None) -> Cell:
    if measured is None:
        return Cell(None, "?")
    return Cell(measured.agrees, "agree" if measured.agrees else " × ".join(map(span, measured.box)))


def region_json(region: Region, measured: Measured | None, *, asked: bool) -> dict[str, object]:
    """A row of the `cnncli/receptive-field/1` object; `region` is of the middle unit unless another was named."""
    found: dict[str, object] = {
        "name": region.row.name,
        "output": list(region.output),
        "receptive_field": field_json(region.field),
        "unit": list(region.unit) or None,
        "region": [list(side.seen) for side in region.sides],
        "with_padding": [list(side.reaching) for side in region.sides],
        "in_padding": region.padded,
    }
    if asked:
        found["gradients"] = measured and {
            "region": [list(interval) for interval in measured.box],
            "agree": measured.agrees,
        }
    return found


def show_region(report: Report, region: Region) -> None:
    """One unit's region as a person reads it: figures, the formulas, and the input drawn in characters."""
    width = columns_of(sys.stdout)
    say(*wrap(f"{_heading(report)} · {inert(region.row.name)} {dims(region.output)}", width))
    formulas = [each for each in explain(report, region.row.name)[0].formulas if each.of.startswith("field")]
    say(*formula_lines(formulas, width), *[part for line in _facts(region) for part in wrap(line, width)])
    if len(region.sides) == 2:
        say("", *drawing(region, width))
    sys.stdout.flush()  # before torch is imported


def _facts(region: Region) -> list[str]:
    if region.whole:
        return ["every unit sees the whole input"]
    size, stride, padding = (
        times(tuple(getattr(side, name) for side in region.sides)) for name in ("size", "stride", "padding")
    )
    lines = [f"size {size}, stride {stride}, padding {padding}"]
    where = ", ".join(f"{name} {span(side.seen)}" for name, side in zip(_names(region), region.sides, strict=True))
    lines.append(f"unit {', '.join(map(str, region.unit))} sees {where}" + _of_padding(region))
    return lines


def _of_padding(region: Region) -> str:
    return f"; {100 * region.padded:.1f} % of its field lies in padding" if region.padded else ", no padding"


def _names(region: Region) -> tuple[str, ...]:
    return ("slices", "rows", "columns")[-len(region.sides) :]


def drawing(region: Region, width: int) -> list[str]:
    """The input with the region in it: `■` what the unit sees, `□` padding that it reads, `·` the rest of the input."""
    down, right = (_extent(side) for side in region.sides)
    across = max(1, -(-len(right) * 2 // width), -(-len(down) // HIGH))  # elements that one sign stands for, each way
    signs = [
        " ".join(_sign(region, row, column, across) for column in range(right.start, right.stop, across)).rstrip()
        for row in range(down.start, down.stop, across)
    ]
    parts = ["■ seen", "· input"] + ["□ padding"] * bool(region.padded)
    scale = [f"a sign stands for {across}×{across} pixels"] * (across > 1)
    return [*signs, *wrap("   ".join([*parts, *scale]), width)]


def _extent(side: Side) -> range:
    """What is drawn of an axis: the input, and the padding that the unit reads."""
    return range(min(0, side.reaching[0]), max(side.length, side.reaching[1] + 1))


def _sign(region: Region, row: int, column: int, across: int) -> str:
    """For the square from `row` and `column` on: what most interesting thing lies in it."""
    spots = list(zip(region.sides, (row, column), strict=True))
    if all(_meets(side.seen, at, across) for side, at in spots):
        return "■"
    if all(_meets((0, side.length - 1), at, across) for side, at in spots):
        return "·"
    return "□" if all(_meets(side.reaching, at, across) for side, at in spots) else " "


def _meets(interval: Interval, start: int, across: int) -> bool:
    return start <= interval[1] and start + across > interval[0]


def show_measured(region: Region, measured: Measured | None, why: str) -> None:
    """What gradients say of the region. why: what is in their way, if something is known"""
    if measured is None:
        why = why or "the unit's numbers cannot be told from those of others"
        say("", *wrap(f"not measured by gradients: {inert(why)}", columns_of(sys.stdout)))
        return
    box = ", ".join(f"{name} {span(each)}" for name, each in zip(_names(region), measured.box, strict=True))
    line = f"gradients {'agree' if measured.agrees else 'differ'}: {box}"
    if measured.reached < measured.of:
        line += f"; {measured.of - measured.reached:,} of {measured.of:,} pixels between are skipped"
    say("", *wrap(line, columns_of(sys.stdout)))
    note = "(weights made positive, ReLU left out, max pooling averaged, so that nothing hides a path)"
    say(*wrap(note, columns_of(sys.stdout)))


def show_effective(region: Region, found: Effective) -> None:
    """The effective receptive field: its map in shades, and its figures."""
    down, right = (slice(max(0, side.seen[0]), side.seen[1] + 1) for side in region.sides)
    width = columns_of(sys.stdout)
    lines = [
        f"effective receptive field: mean |gradient| over {found.number:,} {inert(found.images)}",
        f"weights: {inert(found.weights)}; in shades, the field alone",
    ]
    say("", *[part for line in lines for part in wrap(line, width)])
    say(*shades(found.shares[down, right].tolist(), width), "")
    say(*[part for line in effective_lines(found) for part in wrap(line, width, subsequent_indent="  ")])


def effective_lines(found: Effective) -> list[str]:
    """The figures in words."""
    even = f"if all of it counted alike, {100 * found.even:.1f} %"
    return [
        f"the middle (half the field's height and width) holds {100 * found.centre:.1f} %; {even}",
        f"half of it lies within {found.half:.1f} pixels of the middle, 95 % within {found.most:.1f}",
        f"as wide as a square of {found.side:.1f} pixels a side (those with 4.55 % of the largest)",
        *_silence(found),
    ]


def _silence(found: Effective) -> list[str]:
    if not found.silent:
        return []
    return [
        f"on an average image {100 * found.silent:.1f} % of the field's pixels have no gradient: ReLU and max pooling stop it"
    ]


def effective_json(found: Effective) -> dict[str, object]:
    """For the JSON of one row."""
    return {
        "weights": found.weights,
        "images": found.images,
        "count": found.number,
        "centre_share": found.centre,
        "even_share": found.even,
        "radius_50": found.half,
        "radius_95": found.most,
        "side": found.side,
        "no_gradient": found.silent,
        "shares": found.shares.tolist(),
    }


def show_for_scripts(  # noqa: PLR0913
    report: Report,
    region: Region,
    format: str,
    measured: Measured | None,
    found: Effective | None,
    *,
    asked: bool,
    picture: Path | None,
) -> None:
    """One row in JSON, CSV or Markdown. asked: whether gradients were"""
    if format != "json":
        columns, line = (*COLUMNS, *([GRADIENTS] if asked else [])), [*_line(region), *([_said(measured)] * asked)]
        (write_csv if format == "csv" else write_markdown)(columns, [line])
        return
    one = region_json(region, measured, asked=asked)
    if found is not None:
        one["effective"] = effective_json(found)
    pictures = {"picture": picture.as_posix()} if picture else {}
    write_json({**SCHEMA, **network_json(report.network), "rows": [one], **pictures})

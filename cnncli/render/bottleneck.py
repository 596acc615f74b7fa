"""A convolution with and without a bottleneck before it: formulas, and what is saved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from cnncli.analysis.report import Report, Row
from cnncli.layers import dims
from cnncli.lessons.bottleneck import ASKED, Bottleneck
from cnncli.render.columns import count, size
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, say, say_picture

COLUMNS = (
    Column("figure", "", left=True),
    Column("direct", "without"),
    Column("bottleneck", "with"),
    Column("ratio", "ratio"),
    Column("break_even", "break-even"),
)


def show_bottleneck(found: Bottleneck, format: str, picture: Path | None) -> None:
    """Both paths on stdout: for people with every formula."""
    if format == "json":
        write_json(bottleneck_json(found, picture))
    elif format == "table":
        say(*_told(found))
        write_table(COLUMNS, _lines(found))
        say(*_closing(found))
        if picture:
            say_picture(picture)
    else:
        (write_csv if format == "csv" else write_markdown)(COLUMNS, _lines(found))


def bottleneck_json(found: Bottleneck, picture: Path | None) -> dict[str, object]:
    """The `cnncli/bottleneck/1` object."""
    wide = found.wide
    params, macs = (each.value for each in found.break_even)
    return {
        "schema": "cnncli/bottleneck/1",
        "input": list(found.direct.network.input),
        "in_channels": wide.in_channels,
        "bottleneck": found.mid,
        "out_channels": wide.out_channels,
        "kernel_size": list(wide.kernel),
        "bias": wide.bias,
        "direct": _path_json(found.direct),
        "through": _path_json(found.through),
        "break_even": {"params": params, "macs": macs, "formulas": [formula_json(each) for each in found.break_even]},
        **({"picture": picture.as_posix()} if picture else {}),
    }


def heading(found: Bottleneck) -> str:
    """`5×5 convolution, 192 → 32 channels at 28×28`."""
    wide, (_, *sizes) = found.wide, found.direct.network.input
    return f"{dims(wide.kernel)} convolution, {wide.in_channels:,} → {wide.out_channels:,} channels at {dims(tuple(sizes))}"


def _path_json(path: Report) -> dict[str, object]:
    return {
        "params": path.totals.params,
        "macs": path.totals.macs,
        "activation_bytes": path.totals.activation_bytes,
        "layers": [
            {
                "name": row.name,
                "layer": row.layer.torch_name,
                "config": row.layer.config,
                "output": list(row.call.y.shape),
                "params": row.params,
                "macs": row.macs,
                "formulas": [formula_json(each) for each in row.formulas if each.of in ASKED],
            }
            for row in path.rows
        ],
    }


def _told(found: Bottleneck) -> Iterator[str]:
    width = columns_of(sys.stdout)
    yield from wrap(f"{heading(found)}, without and with a 1×1 convolution to {found.mid:,} before it", width)
    for name, path in (("without", found.direct), (f"with, {found.mid:,} channels between", found.through)):
        yield from ("", name)
        for row in path.rows:
            yield from _layer(row, width)
    yield ""


def _layer(row: Row, width: int) -> Iterator[str]:
    sentence, sizes = row.layer.sentence, f"{dims(row.call.x.shape)} → {dims(row.call.y.shape)}"
    line = f"{sentence}   {sizes}"
    yield from [line] if len(line) <= width else [sentence, f"  {sizes}"]
    yield from formula_lines([each for each in row.formulas if each.of in ASKED], width)


def _lines(found: Bottleneck) -> Sequence[Line]:
    direct, through = found.direct.totals, found.through.totals
    pairs = zip(ASKED, ((direct.params, through.params), (direct.macs, through.macs)), found.break_even, strict=True)
    lines = [
        [Cell(name, name), count(before), count(after), _ratio(before, after), count(even.value)]
        for name, (before, after), even in pairs
    ]
    before, after = direct.activation_bytes, through.activation_bytes
    outputs = [Cell("activation_bytes", "activations"), Cell(before, size(before)), Cell(after, size(after))]
    return [*lines, [*outputs, _ratio(before, after), Cell(None, "")]]


def _ratio(before: int, after: int) -> Cell:
    return Cell(round(before / after, 4), f"{before / after:,.2f}")


def _closing(found: Bottleneck) -> Iterator[str]:
    width = columns_of(sys.stdout)
    yield from ("", "the widest bottleneck that costs no more")
    yield from formula_lines(found.break_even, width)
    even, wide = found.break_even[1].value, found.wide
    price = (
        f"the price: the {dims(wide.kernel)} window reads {found.mid:,} mixtures of the {wide.in_channels:,} channels"
    )
    gain = f"it needs no more MACs up to {even:,} channels" if even else "no bottleneck saves MACs here"
    more = f", and more with these {found.mid:,}" if 0 < even < found.mid else ""
    yield from wrap(f"{gain}{more}; {price}", width)

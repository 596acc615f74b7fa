"""A convolution with and without a bottleneck before it: formulas, and what is saved."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.analysis.report import Report, Row
from cnncli.layers import dims
from cnncli.lessons.bottleneck import ASKED, Bottleneck
from cnncli.render.columns import count, size
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.plots import blank_figure, placed, png_of
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, say, say_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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


# The picture of a bottleneck: what each width costs.

POINTS = 200  # widths at which the cost is counted


def draw(found: Bottleneck, path: Path) -> Path:
    """Parameters and MACs by the bottleneck's width, beside those of the path without one, as PNG. Raises `DataError`."""
    return placed(cost_by_width(found), path)


def cost_by_width(found: Bottleneck) -> bytes:
    """The picture's bytes."""
    figure = blank_figure(10, 5)
    last = max(1.25 * max(each.value for each in found.break_even), 1.5 * found.mid, 4)
    widths = sorted({1, found.mid, *(max(1, round(last * place / POINTS)) for place in range(1, POINTS + 1))})
    costs = [found.costs(mid) for mid in widths]
    direct = (found.direct.totals.params, found.direct.totals.macs)
    for axis, (axes, name) in enumerate(zip(figure.subplots(1, 2), ASKED, strict=True)):
        _curve(axes, widths, [cost[axis] for cost in costs], direct[axis])
        _marks(axes, found, found.costs(found.mid)[axis], direct[axis], found.break_even[axis].value)
        axes.set(xlabel="channels of the 1×1 convolution", ylabel=name, xlim=(0, last), ylim=(0, None))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False, fontsize=9)
    figure.suptitle(heading(found), fontsize=11)
    return png_of(figure)


def _curve(axes: Axes, widths: list[int], costs: list[int], direct: int) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axes.axhline(direct, color="tab:gray", linestyle="--", label=f"without: {direct:,}")
    axes.plot(widths, costs, color="tab:blue", label="with a bottleneck")
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.3)


def _marks(axes: Axes, found: Bottleneck, cost: int, direct: int, even: int) -> None:
    times = f"{direct / cost:,.1f} times less" if cost <= direct else f"{cost / direct:,.1f} times as much"
    axes.plot([found.mid], [cost], "o", color="tab:orange", label=f"{found.mid:,} channels: {cost:,}, {times}")
    if even:
        axes.axvline(even, color="tab:green", linestyle=":", label=f"break-even: {even:,} channels")

"""A benchmark: a line for each measurement under its numbers and layout, the ceiling beside them, the largest batch below."""

from __future__ import annotations

import sys
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.render.columns import size
from cnncli.render.summary import network_json, title
from cnncli.render.table import Cell, Column, Line, narrowed, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from cnncli.bench.figures import Most, Timed
    from cnncli.bench.run import Benchmark

CASE = (
    Column("precision", "numbers", left=True),
    Column("memory_format", "layout", left=True),
)
FIGURES = (
    Column("pass", "pass", left=True),
    Column("batch", "batch"),
    Column("examples_per_second", "examples/s"),
    Column("median_ms", "ms"),
    Column("p95_ms", "95 %"),
    Column("spread_percent", "± %"),
    Column("peak_bytes", "MiB"),
    Column("gflops_per_second", "GFLOP/s"),
    Column("ceiling_percent", "% max"),
)
NARROW = ("pass", "batch", "examples_per_second", "median_ms", "gflops_per_second", "ceiling_percent")
"""What is left of the columns where 80 do not fit."""
LAYOUT = {"contiguous": "contiguous", "channels_last": "channels last"}


def show_benchmark(found: Benchmark, format: str) -> None:
    """The figures on stdout; what was left out, and why, on stderr."""
    for what, why in found.left_out:
        complain(f"{what} left out: {why}")
    if found.interrupted:
        complain("stopped by Ctrl-C: these are the figures up to there")
    if format == "json":
        write_json(_facts(found))
    elif format == "table":
        _show(found)
    else:
        lines = [[*_case(each), *_figures(found, each)] for each in found.timed]
        (write_csv if format == "csv" else write_markdown)((*CASE, *FIGURES), lines)


def _facts(found: Benchmark) -> dict[str, object]:
    totals = found.report.totals
    return {
        "schema": "cnncli/bench/1",
        **network_json(found.report.network),
        "params": totals.params,
        "macs": totals.macs,
        "complete": found.report.complete,
        "device": found.device,
        "device_name": found.device_name,
        "threads": found.threads,
        "torch": found.torch,
        "seconds": found.seconds,
        "interrupted": found.interrupted,
        "ceilings": {
            name: {"flops_per_second": value, "of": found.yardsticks[name]} for name, value in found.ceilings.items()
        },
        "measurements": [_measurement(found, each) for each in found.timed],
        "left_out": [{"what": what, "why": why} for what, why in found.left_out],
        "largest_batch": [each._asdict() for each in found.most],
    }


def _measurement(found: Benchmark, each: Timed) -> dict[str, object]:
    columns = (*CASE, *FIGURES)
    cells = (*_case(each), *_figures(found, each))
    return {column.key: cell.value for column, cell in zip(columns, cells, strict=True)} | {
        "repetitions": len(each.seconds)
    }


def _case(each: Timed) -> list[Cell]:
    return [Cell(each.case.precision, each.case.precision), Cell(each.case.layout, LAYOUT[each.case.layout])]


def _figures(found: Benchmark, each: Timed) -> list[Cell]:
    flops, share = each.flops_per_second(found.report.totals.macs) / 1e9, found.share(each)
    least = "≥" if found.report.bounded else ""
    return [
        Cell(
            "forward+backward" if each.case.backward else "forward", "+ backward" if each.case.backward else "forward"
        ),
        Cell(each.case.batch, f"{each.case.batch:,}"),
        Cell(round(each.examples_per_second, 3), _short(each.examples_per_second)),
        Cell(round(1000 * each.median, 6), _short(1000 * each.median)),
        Cell(round(1000 * each.late, 6), _short(1000 * each.late)),
        Cell(round(100 * each.spread, 2), f"{100 * each.spread:.0f}"),
        Cell(each.peak_bytes, "–" if each.peak_bytes is None else _short(each.peak_bytes / 2**20)),
        Cell(round(flops, 4), least + _short(flops)),
        Cell(None if share is None else round(100 * share, 2), "–" if share is None else f"{least}{100 * share:.1f}"),
    ]


def _short(value: float) -> str:
    """Three figures, or all before the point: `0.0512`, `5.12`, `51.2`, `5,123`."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


def _show(found: Benchmark) -> None:
    totals = found.report.totals
    least = "at least " if found.report.bounded else ""
    threads = f", {found.threads} thread{'' if found.threads == 1 else 's'}" if found.device == "cpu" else ""
    where = f"{found.device_name or found.device}{threads} · torch {found.torch}"
    _say(title(found.report), f"{least}{totals.macs / 1e6:,.2f} million MACs an example · {where}")
    if found.timed:
        _table(found)
    _below(found)


def _table(found: Benchmark) -> None:
    lines: list[Line] = []
    for (precision, layout), group in groupby(found.timed, lambda each: (each.case.precision, each.case.layout)):
        lines.append([Cell(precision, f"{precision}, {LAYOUT[layout]}{_ceiling(found, precision)}")])
        lines += [_figures(found, each) for each in group]
    write_table(*narrowed(FIGURES, lines, {head.key for head in FIGURES} - set(NARROW)))


def _ceiling(found: Benchmark, precision: str) -> str:
    flops = found.ceilings.get(precision)
    return "" if flops is None else f" · at most {_short(flops / 1e9)} GFLOP/s"


def _yardsticks(found: Benchmark) -> str:
    """What the ceilings are of; with their precisions where they are of different things."""
    words = {precision: found.yardsticks[precision] for precision in found.ceilings}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return " or ".join(f"{what} ({precision})" for precision, what in words.items())


def _below(found: Benchmark) -> None:
    """What the columns mean, where it is not plain, and the largest batch."""
    if found.ceilings:
        _say(
            "ms: the median; 95 %: what 95 of 100 repetitions keep within; ± %: from a quarter to three quarters of them; "
            f"% max: of the most operations a second, those of {_yardsticks(found)} at its fastest",
        )
    if any((found.share(each) or 0) > 1 for each in found.timed):
        _say(
            "Above 100 %: the machine was busy whenever it multiplied, or a convolution took fewer operations than its MACs."
        )
    for each in found.most:
        _say(_most(each))


def _most(each: Most) -> str:
    what = "forward + backward" if each.backward else "forward"
    how = "tried" if each.tried else "an estimate from the report's bytes, in float32"
    return f"largest batch, {what}: {'' if each.tried else 'about '}{each.batch:,} in {size(each.limit_bytes)} ({how})"


def _say(*lines: str) -> None:
    width = columns_of(sys.stdout)
    say(*(part for line in lines for part in wrap(inert(line), width, break_on_hyphens=False, break_long_words=False)))

"""A report as a table for people, and as JSON, CSV and Markdown for scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cnncli.field import Field
from cnncli.layers import dims
from cnncli.models import models
from cnncli.render.params import formula_json
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown, write_table
from cnncli.render.text import complain, say
from cnncli.report import Report, Row


class Entry(NamedTuple):
    """What one line of the table shows: a row, with the activations that follow it folded in.

    params, macs …: sums over the folded rows; None where one of them is unknown
    """

    row: Row
    words: str
    params: int
    macs: int | None


def entries(report: Report, *, all_rows: bool = False) -> list[Entry]:
    """The table's lines; activation, dropout and flatten go into the line before unless `all_rows`."""
    shown: list[Entry] = []
    last = ""  # the row that a folded one must read
    for row in report.rows:
        if shown and row.layer.folds and not all_rows and row.inputs == (last,):
            shown[-1] = _folded(shown[-1], row)
        else:
            shown.append(Entry(row, row.layer.brief, row.params, row.macs))
        last = row.name
    return shown


def _folded(entry: Entry, row: Row) -> Entry:
    words = " ".join(part for part in (entry.words, row.layer.folded) if part)
    macs = None if entry.macs is None or row.macs is None else entry.macs + row.macs
    return entry._replace(words=words, params=entry.params + row.params, macs=macs)


def field_text(field: Field | None) -> str:
    """`11`, `11×5`, `all`; a star where it reaches beyond the input."""
    if field is None:
        return "?"
    if field.whole:
        return "all"
    sizes = tuple(reach.size for reach in field.axes)
    return str(sizes[0]) if len(set(sizes)) == 1 else dims(sizes)


def share(part: int | None, whole: int) -> Cell:
    """A percentage of a total; blank where the part is unknown."""
    if part is None:
        return Cell(None, "?")
    percent = 100 * part / whole if whole else 0.0
    return Cell(round(percent, 4), f"{percent:.1f}")


def count(value: int | None) -> Cell:
    """A whole number with thousands separators; `?` where unknown."""
    return Cell(value, "?" if value is None else f"{value:,}")


def millions(value: int | None) -> Cell:
    """A count in millions, two decimals."""
    return Cell(value, "?" if value is None else f"{value / 1e6:,.2f}")


class _Shown(NamedTuple):
    column: Column
    cell: Callable[[Entry, Report], Cell]
    total: Callable[[Report], Cell] = lambda _: Cell(None, "")


def _output(entry: Entry, _: Report) -> Cell:
    text = dims(entry.row.call.y.shape)
    return Cell(text.replace("×", "x"), text)


def _name(entry: Entry, _: Report) -> Cell:
    return Cell(entry.row.name, f"{entry.row.name}  {entry.words}")


SHOWN = (
    _Shown(Column("layer", "layer", left=True), _name, lambda report: Cell("total", _total_name(report))),
    _Shown(Column("output", "output"), _output),
    _Shown(Column("params", "parameters"), lambda e, _: count(e.params), lambda r: count(r.totals.params)),
    _Shown(Column("params_percent", "%"), lambda e, r: share(e.params, r.totals.params)),
    _Shown(Column("macs", "MACs (M)"), lambda e, _: millions(e.macs), lambda r: millions(r.totals.macs)),
    _Shown(Column("macs_percent", "%"), lambda e, r: share(e.macs, r.totals.macs)),
    _Shown(Column("receptive_field", "RF"), lambda e, _: Cell(text := field_text(e.row.field), text)),
)


def _total_name(report: Report) -> str:
    return "total" if report.complete else "total, at least"


def show_summary(report: Report, format: str, *, all_rows: bool = False) -> None:
    """The report on stdout; what went wrong on stderr."""
    if format == "json":
        write_json(summary_json(report))
        return
    shown = entries(report, all_rows=all_rows or format == "csv")
    lines = [[part.cell(entry, report) for part in SHOWN] for entry in shown]
    columns = [part.column for part in SHOWN]
    if format == "csv":
        write_csv(columns, lines)
    elif format == "markdown":
        write_markdown(columns, lines)
    else:
        say(heading(report))
        write_table(columns, _aligned(shown, lines), [part.total(report) for part in SHOWN])
        say(f"weights {size(report.totals.params * 4)}")
    if report.failure:
        complain(failure_text(report))


def _aligned(shown: Sequence[Entry], lines: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The lines with the names padded to one width, so that the words after them stand in a column."""
    width = max((len(entry.row.name) for entry in shown), default=0)
    names = [Cell(entry.row.name, f"{entry.row.name:{width}}  {entry.words}") for entry in shown]
    return [[name, *line[1:]] for name, line in zip(names, lines, strict=True)]


def heading(report: Report) -> str:
    """`LeNet · d2l edition · input 1×28×28 · float32`."""
    network = report.network
    shapes = " and ".join(dims(tensor.shape) for tensor in network.inputs.values())
    title = models()[network.name].title if network.name in models() else network.name
    edition = f" · {network.edition} edition" if network.edition else ""
    return f"{title}{edition} · input {shapes} · {next(iter(network.inputs.values())).dtype}"


def failure_text(report: Report) -> str:
    """The row, the sizes, the reason and the cure, in one line."""
    if report.failure is None:
        return ""
    fix = f"; {report.failure.fix}" if report.failure.fix else ""
    return f"{report.failure.row}: {report.failure.message}{fix}"


def size(nbytes: int) -> str:
    """Bytes as a person reads them: 241.0 KiB."""
    amount = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} B" if unit == "B" else f"{amount:,.1f} {unit}"


def summary_json(report: Report, *, explain: bool = False) -> dict[str, object]:
    """The `cnncli/summary/1` object."""
    network, totals = report.network, report.totals
    inputs = list(network.inputs.values())
    shapes = [list(tensor.shape) for tensor in inputs]
    found: dict[str, object] = {
        "schema": "cnncli/summary/1",
        "model": network.name,
        "edition": network.edition,
        "input": shapes[0] if len(shapes) == 1 else shapes,
        "batch_size": report.batch_size,
        "dtype": inputs[0].dtype,
        "complete": report.complete,
        "rows": [row_json(row, explain=explain) for row in report.rows],
        "totals": {
            "params": totals.params,
            "trainable": totals.trainable,
            "buffers": totals.buffers,
            "macs": totals.macs,
            "flops": totals.flops,
            "connections": totals.connections,
            "activation_bytes": totals.activation_bytes,
        },
        "unexplained": list(report.unexplained),
    }
    if report.failure:
        found["error"] = {"row": report.failure.row, "message": report.failure.message, "fix": report.failure.fix}
    return found


def row_json(row: Row, *, explain: bool = False) -> dict[str, object]:
    """One row of the `cnncli/summary/1` object."""
    found: dict[str, object] = {
        "name": row.name,
        "layer": row.layer.torch_name,
        "config": row.layer.config,
        "from": list(row.inputs),
        "inputs": [list(tensor.shape) for tensor in row.call.inputs],
        "output": list(row.call.y.shape),
        "params": row.params,
        "trainable": row.trainable,
        "macs": row.macs,
        "connections": row.connections,
        "receptive_field": field_json(row.field),
        "activation_bytes": row.activation_bytes,
    }
    if len(row.call.outputs) > 1:
        found["outputs"] = [list(tensor.shape) for tensor in row.call.outputs]
    if row.buffers:
        found["buffers"] = row.buffers
    if explain:
        found["formulas"] = [formula_json(formula) for formula in row.formulas]
    return found


def field_json(field: Field | None) -> dict[str, object] | None:
    """Size, stride and padding per axis."""
    if field is None:
        return None
    axes: Sequence[tuple[int, int, int]] = [(reach.size, reach.jump, -reach.low) for reach in field.axes]
    size, stride, padding = (list(values) for values in zip(*axes, strict=True))
    return {"size": size, "stride": stride, "padding": padding, "whole_input": field.whole}

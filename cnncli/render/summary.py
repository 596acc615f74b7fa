"""A report as a table for people, and as JSON, CSV and Markdown for scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnncli.field import Field
from cnncli.layers import Shape, dims
from cnncli.models import model
from cnncli.render.columns import Entry, Shown, beyond, chosen, size
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.table import Cell, write_csv, write_json, write_markdown, write_table
from cnncli.render.text import columns_of, complain, inert, say
from cnncli.report import Report, Row

if TYPE_CHECKING:
    from cnncli.check import Disagreement
    from cnncli.explain import Explanation


class View(NamedTuple):
    """How to show a report: the columns' names, whether activations get rows of their own, the depth to fold paths at."""

    columns: str | None = None
    all_rows: bool = False
    depth: int | None = None


class Findings(NamedTuple):
    """What was asked for besides the rows: None where it was not."""

    explanations: Sequence[Explanation] | None = None
    check: Sequence[Disagreement] | None = None
    smallest: Shape | None = None
    adapted: Sequence[str] = ()


def entries(report: Report, view: View) -> list[Entry]:
    """The table's lines: blocks folded at `depth`; activation, dropout and flatten in the line before unless `all_rows`."""
    shown: list[Entry] = []
    last = ""  # the row that a folded one must read
    for row in report.rows:
        block = _block(row, view.depth)
        if shown and block and shown[-1].name == block:
            shown[-1] = shown[-1]._replace(row=row, rows=(*shown[-1].rows, row))
        elif block:
            shown.append(Entry(block, report.network.blocks.get(block, ""), row, (row,)))
        elif shown and row.layer.folds and not view.all_rows and row.inputs == (last,):
            shown[-1] = _folded(shown[-1], row)
        else:
            shown.append(Entry(row.name, row.layer.brief, row, (row,)))
        last = row.name
    return shown


def _block(row: Row, depth: int | None) -> str | None:
    """The path at `depth` that the row lies below, if it does."""
    parts = row.name.split(".")
    return ".".join(parts[:depth]) if depth is not None and len(parts) > depth else None


def _folded(entry: Entry, row: Row) -> Entry:
    words = " ".join(part for part in (entry.words, row.layer.folded) if part)
    return entry._replace(words=words, rows=(*entry.rows, row))


def show_summary(report: Report, view: View, format: str, findings: Findings) -> None:
    """The report on stdout; what went wrong on stderr."""
    columns = chosen(view.columns, columns_of(sys.stdout))
    if format == "json":
        write_json(summary_json(report, findings))
    elif findings.explanations is not None and format == "table":
        say(*explanation_lines(findings.explanations))
    else:
        _show_rows(report, view, format, columns)
        if format == "table":
            say(*_footer(report), *(f"adapted: {line}" for line in findings.adapted))
    if findings.check is not None and format != "json":
        say(*_check_lines(report, findings.check))
    if report.failure:
        complain(failure_text(report, findings.smallest))


def _show_rows(report: Report, view: View, format: str, columns: Sequence[Shown]) -> None:
    shown = entries(report, view._replace(all_rows=view.all_rows or format == "csv"))
    lines = [[part.cell(entry, report) for part in columns] for entry in shown]
    heads = [part.column for part in columns]
    if format == "csv":
        write_csv(heads, lines)
    elif format == "markdown":
        write_markdown(heads, lines)
    else:
        say(title(report))
        write_table(heads, _aligned(shown, lines), [part.total(report) for part in columns])


def _aligned(shown: Sequence[Entry], lines: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The lines with the names padded to one width, so that the words after them stand in a column."""
    width = max((len(entry.name) for entry in shown), default=0)
    names = [Cell(entry.name, f"{entry.name:{width}}  {entry.words}") for entry in shown]
    return [[name, *line[1:]] for name, line in zip(names, lines, strict=True)]


def title(report: Report) -> str:
    """`LeNet · d2l edition · input 1×28×28 · float32`."""
    network = report.network
    shapes = " and ".join(dims(tensor.shape) for tensor in network.inputs.values())
    name = model(network.name).title if network.edition else network.name  # only built-in networks have editions
    edition = f" · {network.edition} edition" if network.edition else ""
    batch = f" · batch {report.batch_size:,}" if report.batch_size > 1 else ""
    return f"{inert(name)}{edition} · input {shapes} · {next(iter(network.inputs.values())).dtype}{batch}"


def _footer(report: Report) -> list[str]:
    if report.failure:
        return []
    totals = report.totals
    peak = f"peak activations {size(totals.peak_inference_bytes)}"
    lines = [f"weights {size(4 * totals.params)} · {peak} · training {size(totals.training_bytes)}"]
    if totals.buffers:
        lines.append(f"buffers {totals.buffers:,} numbers, not learned, not counted as parameters")
    if any(beyond(row.field, report) for row in report.rows):
        lines.append("* reaches beyond the input, into padding")
    return lines


def explanation_lines(explanations: Sequence[Explanation]) -> list[str]:
    """Each row's heading and formulas, an empty line between rows."""
    width = columns_of(sys.stdout)
    blocks = [[*_heading_lines(each.row, width), *formula_lines(each.formulas, width)] for each in explanations]
    return [line for place, block in enumerate(blocks) for line in ([""] if place else []) + block]


def _heading_lines(row: Row, width: int) -> list[str]:
    """The row's name, shapes and layer, on two lines where one is too short."""
    from cnncli.explain import heading

    name, sentence = (inert(text) for text in heading(row))
    line = f"{name}   {sentence}"
    return [line] if len(line) <= width else [name, f"  {sentence}"]


def _check_lines(report: Report, found: Sequence[Disagreement]) -> list[str]:
    if not found:
        return [f"check: torch agrees on the shapes, parameters and MACs of all {len(report.rows)} rows"]
    return [f"check: {each.row}: {each.figure} {each.ours}, torch says {each.torchs}" for each in found]


def failure_text(report: Report, smallest: Shape | None) -> str:
    """The row, the sizes, the reason and the cure, in one line."""
    if report.failure is None:
        return ""
    cure = f"; the smallest input this network takes is {dims(smallest)}" if smallest else ""
    return f"{report.failure}{cure}"


def summary_json(report: Report, findings: Findings) -> dict[str, object]:
    """The `cnncli/summary/1` object."""
    network = report.network
    inputs = list(network.inputs.values())
    shapes = [list(tensor.shape) for tensor in inputs]
    explained = {each.row.name: each for each in findings.explanations or ()}
    found: dict[str, object] = {
        "schema": "cnncli/summary/1",
        "model": network.name,
        "edition": network.edition,
        "input": shapes[0] if len(shapes) == 1 else shapes,
        "batch_size": report.batch_size,
        "dtype": inputs[0].dtype,
        "complete": report.complete,
        "rows": [row_json(row, explained.get(row.name)) for row in report.rows],
        "totals": report.totals._asdict() | {"flops": report.totals.flops},
        "unexplained": list(report.unexplained),
    }
    if findings.adapted:
        found["adapted"] = list(findings.adapted)
    if findings.check is not None:
        found["check"] = [each._asdict() for each in findings.check]
    if report.failure:
        failure = {name: value for name, value in report.failure._asdict().items() if name != "place" or value}
        found["error"] = failure | {"smallest_input": list(findings.smallest) if findings.smallest else None}
    return found


def row_json(row: Row, explanation: Explanation | None) -> dict[str, object]:
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
        "saved_bytes": row.saved_bytes,
    }
    if len(row.call.outputs) > 1:
        found["outputs"] = [list(tensor.shape) for tensor in row.call.outputs]
    if row.buffers:
        found["buffers"] = row.buffers
    if explanation:
        found["formulas"] = [formula_json(formula) for formula in explanation.formulas]
    return found


def field_json(field: Field | None) -> dict[str, object] | None:
    """Size, stride and padding per axis."""
    if field is None:
        return None
    axes: Sequence[tuple[int, int, int]] = [(reach.size, reach.jump, -reach.low) for reach in field.axes]
    sizes, stride, padding = (list(values) for values in zip(*axes, strict=True))
    return {"size": sizes, "stride": stride, "padding": padding, "whole_input": field.whole}

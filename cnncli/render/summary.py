"""A report as a table for people, and as JSON, CSV and Markdown for scripts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.arithmetic.receptive_field import Field
from cnncli.layers import Shape, dims
from cnncli.layers.parsing import channels_first, typed
from cnncli.models import model
from cnncli.network import Network
from cnncli.render.columns import NARROW, Entry, Shown, beyond, chosen, size
from cnncli.render.folding import View, entries, home, is_block
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.table import Cell, Line, fits, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from cnncli.analysis.explain import Explanation
    from cnncli.build.verify import Disagreement
    from cnncli.tracing import Fault

# A report's rows as a table for people, as CSV and as Markdown.


def show_rows(report: Report, view: View, format: str) -> None:
    """The rows on stdout; for people under a title, with the totals."""
    columns = chosen(view.columns, columns_of(sys.stdout))
    shown = entries(report, view._replace(all_rows=view.all_rows or format == "csv"))
    show_entries(report, shown, columns, format, spare=() if view.columns else NARROW)


def show_entries(
    report: Report, shown: Sequence[Entry], columns: Sequence[Shown], format: str, spare: Sequence[str] = ()
) -> None:
    """Lines that were chosen already, as `show_rows`. spare: columns that stay where there is no room for all; () for any"""
    if format == "csv":
        write_csv([part.column for part in columns], _lines(report, shown, columns))
    elif format == "markdown":
        write_markdown([part.column for part in columns], _lines(report, shown, columns))
    else:
        say(title(report))
        _write(report, shown, columns, spare)


def _lines(report: Report, shown: Sequence[Entry], columns: Sequence[Shown]) -> list[list[Cell]]:
    return [[part.cell(entry, report) for part in columns] for entry in shown]


def _write(report: Report, shown: Sequence[Entry], columns: Sequence[Shown], spare: Sequence[str]) -> None:
    """The table: with whole names; else under headings; else without the columns that are not in `spare`."""
    heads, total = [part.column for part in columns], [part.total(report) for part in columns]
    cells = _lines(report, shown, columns)
    lines = _aligned([entry.name for entry in shown], shown, cells)
    if not fits(heads, lines, total):
        lines = _headed(report, shown, cells)
        if not fits(heads, lines, total):
            left = [place for place, head in enumerate(heads) if head.key in spare] or range(len(heads))
            heads, total = [heads[place] for place in left], [total[place] for place in left]
            lines = [[line[place] for place in left] if len(line) > 1 else line for line in lines]
    write_table(heads, lines, total if any(cell.text for cell in total) else None)


def _headed(report: Report, shown: Sequence[Entry], lines: Sequence[Line]) -> list[Line]:
    """The lines in groups under the path that their names share, so that the names are short."""
    homes = [home(entry, report.network.blocks) for entry in shown]
    names = [_short(entry, path) for entry, path in zip(shown, homes, strict=True)]
    found: list[Line] = []
    last = ""
    for entry, path, line in zip(shown, homes, _aligned(names, shown, lines), strict=True):
        if path and path != last and not is_block(entry):
            kind = report.network.blocks.get(path, "")
            found.append([Cell(path, f"{path}  {kind}".rstrip())])
        last = "" if is_block(entry) else path
        found.append(line)
    return found


def _short(entry: Entry, path: str) -> str:
    """A row's name below the heading `path`; a block, which has no heading, by the end of its name where that is long."""
    if is_block(entry):
        first, dots, last = entry.name.partition(" … ")
        return f"{first if len(first) <= _LONG else first.rpartition('.')[2]}{dots}{last}"
    return f"  {entry.name.removeprefix(f'{path}.')}" if path else entry.name


_LONG = 16
"""Characters of a block's name that are shown whole."""


def _aligned(names: Sequence[str], shown: Sequence[Entry], lines: Sequence[Line]) -> list[Line]:
    """The lines with the names padded to one width, so that the words after them stand in a column."""
    width = max(map(len, names), default=0)
    cells = [Cell(entry.name, f"{name:{width}}  {entry.words}") for name, entry in zip(names, shown, strict=True)]
    return [[cell, *line[1:]] for cell, line in zip(cells, lines, strict=True)]


def title(report: Report) -> str:
    """`LeNet · d2l edition · input 1×28×28 · float32`."""
    network = report.network
    tensors = network.inputs.values()
    dtypes = {tensor.dtype for tensor in tensors}
    kinds = {each: f" {each}" if len(dtypes) > 1 else "" for each in dtypes}
    shapes = " and ".join(f"{dims(tensor.shape)}{kinds[tensor.dtype]}" for tensor in tensors)
    name = model(network.name).title if network.edition else network.name  # only built-in networks have editions
    edition = f" · {network.edition} edition" if network.edition else ""
    batch = f" · batch {report.batch_size:,}" if report.batch_size > 1 else ""
    return (
        f"{inert(name)}{edition} · input {shapes}{''.join(f' · {each}' for each in dtypes if len(dtypes) == 1)}{batch}"
    )


# A report as the `cnncli/summary/1` object.


def network_json(network: Network) -> dict[str, object]:
    """Which network, and its input's shape; of several inputs the list of their shapes."""
    shapes = [list(tensor.shape) for tensor in network.inputs.values()]
    return {"model": network.name, "edition": network.edition, "input": shapes[0] if len(shapes) == 1 else shapes}


def summary_json(report: Report, findings: Findings) -> dict[str, object]:
    """The `cnncli/summary/1` object."""
    explained = {each.row.name: each for each in findings.explanations or ()}
    found: dict[str, object] = {
        "schema": "cnncli/summary/1",
        **network_json(report.network),
        "batch_size": report.batch_size,
        "dtype": next(iter(report.network.inputs.values())).dtype,
        "complete": report.complete,
        "rows": [row_json(row, explained.get(row.name)) for row in report.rows],
        "totals": report.totals._asdict() | {"flops": report.totals.flops},
        "unexplained": list(report.unexplained),
    }
    if report.network.decided:
        found["value_dependent"] = list(report.network.decided)
    if report.unused:
        found["unused"] = [name for row in report.unused for name in row.layer.weights]
    if report.network.unread:
        found["unread_buffers"] = list(report.network.unread)
    if findings.adapted:
        found["adapted"] = list(findings.adapted)
    if findings.check is not None:
        found["check"] = [each._asdict() for each in findings.check]
    if report.failure:
        failure = {name: value for name, value in report.failure._asdict().items() if name != "place" or value}
        smallest = list(findings.smallest) if findings.smallest else None
        found["error"] = {
            **failure,
            "smallest_input": smallest,
            **(fault_json(findings.fault) if findings.fault else {}),
        }
    return found


def fault_json(fault: Fault) -> dict[str, object]:
    """Where in somebody else's module it went wrong."""
    shapes = [list(shape) for shape in fault.shapes]
    return {"module": fault.path, "code": fault.code, "shapes": shapes}


def row_json(row: Row, explanation: Explanation | None) -> dict[str, object]:
    """One row of the `cnncli/summary/1` object."""
    found: dict[str, object] = {
        "name": row.name,
        "layer": row.layer.torch_name,
        "config": row.layer.config,
        "from": list(row.inputs),
        "inputs": [list(tensor.shape) for tensor in row.call.inputs],
        "output": list(row.call.y.shape) if row.call.outputs else None,
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


class Findings(NamedTuple):
    """What was asked for besides the rows: None where it was not."""

    explanations: Sequence[Explanation] | None = None
    check: Sequence[Disagreement] | None = None
    smallest: Shape | None = None
    adapted: Sequence[str] = ()
    fault: Fault | None = None


def show_summary(report: Report, view: View, format: str, findings: Findings) -> None:
    """The report on stdout; what went wrong on stderr."""
    chosen(view.columns)  # a wrong one is refused before anything is printed
    if format == "json":
        write_json(summary_json(report, findings))
    elif findings.explanations is not None and format == "table":
        say(*explanation_lines(findings.explanations))
    else:
        show_rows(report, view, format)
        if format == "table":
            say(*footer(report), *(f"adapted: {line}" for line in findings.adapted))
    if findings.check is not None and format != "json":
        say(*_check_lines(report, findings.check))
    if report.failure:
        complain(failure_text(report, findings.smallest, findings.fault))


def summary_text(report: Report, view: View, fault: Fault | None = None) -> str:
    """The table with what stands below it, and why it ends early if it does, as text."""
    text = StringIO()
    with redirect_stdout(text):
        show_rows(report, view, "table")
        say(*footer(report), *([inert(failure_text(report, fault=fault))] if report.failure else []))
    return text.getvalue().rstrip("\n")


def footer(report: Report) -> list[str]:
    """What there is to say below the table: memory, and what the totals leave out."""
    if report.failure:
        return []
    totals = report.totals
    peak = f"peak activations {size(totals.peak_inference_bytes)}"
    kind = "" if report.optimizer == "sgd" else f" with {report.optimizer}"
    lines = [f"weights {size(4 * totals.params)} · {peak} · training{kind} {size(totals.training_bytes)}"]
    if totals.buffers:
        lines.append(f"buffers {totals.buffers:,} numbers, not learned, not counted as parameters")
    if any(beyond(row.field, report) for row in report.rows):
        lines.append("* reaches beyond the input, into padding")
    if report.unused:
        count = sum(row.params for row in report.unused)
        lines += listing(f"not run, though counted ({count:,} parameters)", [row.name for row in report.unused])
    if report.network.unread:
        count = totals.buffers - sum(row.buffers for row in report.rows)
        lines += listing(f"buffers that no row reads, though counted ({count:,} numbers)", list(report.network.unread))
    if report.network.decided:
        lines += listing(
            "figures are of this run: numbers of the input, made up here, decide what is done in",
            report.network.decided,
        )
    if report.unexplained:
        known = Counter(row.layer.brief for row in report.rows if row.macs is None)
        lines += listing("cost unknown, counted as nothing", [f"{brief} ×{count}" for brief, count in known.items()])
    unsized = Counter(row.layer.brief for row in report.rows if not row.call.outputs)
    if unsized:
        named = [f"{brief} ×{count}" for brief, count in unsized.items()]
        lines += listing("size not known from the file, as of all that reads it", named)
    return lines


def listing(what: str, names: Sequence[str], most: int = 8) -> list[str]:
    """`what: a, b, c and 4 more`, wrapped to the terminal's width."""
    from textwrap import wrap

    more = f" and {len(names) - most} more" if len(names) > most else ""
    text = f"{what}: {inert(', '.join(names[:most]))}{more}"
    return wrap(text, columns_of(sys.stdout), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def explanation_lines(explanations: Sequence[Explanation]) -> list[str]:
    """Each row's heading and formulas, an empty line between rows."""
    width = columns_of(sys.stdout)
    blocks = [[*_heading_lines(each.row, width), *formula_lines(each.formulas, width)] for each in explanations]
    return [line for place, block in enumerate(blocks) for line in ([""] if place else []) + block]


def _heading_lines(row: Row, width: int) -> list[str]:
    """The row's name, shapes and layer, on two lines where one is too short."""
    from cnncli.analysis.explain import heading

    name, sentence = (inert(text) for text in heading(row))
    line = f"{name}   {sentence}"
    return [line] if len(line) <= width else [name, f"  {sentence}"]


def _check_lines(report: Report, found: Sequence[Disagreement]) -> list[str]:
    if not found:
        return [f"check: torch agrees on the shapes, parameters and MACs of all {len(report.rows)} rows"]
    return [f"check: {each.row}: {each.figure} {each.ours}, torch says {each.torchs}" for each in found]


def failure_text(report: Report, smallest: Shape | None = None, fault: Fault | None = None) -> str:
    """The place, the row, the sizes, the reason and the cure, in one line."""
    if report.failure is None:
        return ""
    for tensor in report.network.inputs.values():
        if first := channels_first(tensor.shape):
            return f"{report.failure}; {dims(tensor.shape)} is C×H×W: if its channels come last, write --input {typed(first)}"
    if fault and fault.shapes and not fault.certain:  # what torch said, of which the shapes are the half
        given = " and ".join(dims(shape) or "a single number" for shape in fault.shapes)
        return f"{report.failure} (given {given})"
    cure = f"; the smallest input this network takes is {dims(smallest)}" if smallest else ""
    return f"{report.failure}{cure}"

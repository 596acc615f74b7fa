"""A report as a table for people, and as JSON, CSV and Markdown for scripts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.layers import Shape, dims
from cnncli.layers.parsing import channels_first, typed
from cnncli.render.columns import beyond, chosen, size
from cnncli.render.folding import View
from cnncli.render.formulas import formula_lines
from cnncli.render.summary_json import summary_json
from cnncli.render.summary_table import show_rows
from cnncli.render.table import write_json
from cnncli.text import columns_of, complain, inert, say

if TYPE_CHECKING:
    from cnncli.analysis.explain import Explanation
    from cnncli.build.verify import Disagreement
    from cnncli.tracing import Fault


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

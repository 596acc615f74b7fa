"""Two networks side by side: marked rows, what changed in words, and what it costs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from cnncli.analysis.diff import Change, Cost, Diff, Line
from cnncli.layers import dims, times
from cnncli.network import Network
from cnncli.render.columns import count, size
from cnncli.render.summary import network_json, title
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say

# What changed between two networks, in words.


def said(line: Line) -> list[str]:
    """The layer in a few words, or what changed; the numbers have columns of their own."""
    if line.mark != "~":
        return [inert(line.row.layer.brief)]
    changed = {change.what for change in line.changes}
    hidden = {"params", "macs"} | ({"trainable"} if "params" in changed else set())
    hidden |= {"output"} if "out_features" in changed else set()
    told = [change for change in line.changes if change.what not in hidden]
    return [words(change) for change in told or line.changes]


def words(change: Change) -> str:
    """`padding 2 → 0`, `was conv1`, `Sigmoid → ReLU`."""
    if change.what == "name":
        return inert(f"was {change.old}")
    label = "" if change.what == "layer" else f"{change.what} "
    return inert(f"{label}{_value(change.old)} → {_value(change.new)}")


def _value(value: object) -> str:
    """As one writes it: `2`, `3×5`, `6×28×28`, `4,096`, `none`; a long table as its length."""
    if isinstance(value, tuple) and value and len(value) < 4:
        if all(type(item) is int for item in value):
            return times(value)
        return ("+" if isinstance(value[0], tuple) else ", ").join(map(_shape, value))
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shape(value: object) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


def packed(parts: Sequence[str], width: int) -> list[str]:
    """The parts in lines of at most `width`, a comma between two on one line."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines else part
        if lines and len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(cut(part, width))
    return lines


def cut(text: str, width: int) -> str:
    """The text, its end replaced by … where it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


EQUAL = 8  # rows in a run of equal ones beyond which only their number is shown
NAME, NUMBERS = 24, (13, 11)  # characters of the widest name, and of the columns for parameters and MACs
STYLES = {"+": "green", "-": "red", "~": "yellow"}
MARKS = {"+": "added", "-": "removed", "~": "changed", " ": "equal"}
WORDS = {
    "params": "parameters",
    "trainable": "trainable",
    "buffers": "buffers",
    "macs": "MACs (M)",
    "connections": "connections",
    "peak_inference_bytes": "peak activations",
    "training_bytes": "training memory",
}
CSV = ("mark", "a", "b", "change", "params_a", "params_b", "macs_a", "macs_b")
ALWAYS = ("params", "macs", "peak_inference_bytes", "training_bytes")  # the others where they differ


class Shown(NamedTuple):
    """One line of the table: a row, a block that only one network has, or a run of equal rows (without figures)."""

    mark: str
    name: str
    words: Sequence[str]
    params: str = ""
    macs: str = ""


def show_diff(found: Diff, format: str, *, all_rows: bool = False) -> None:
    """The comparison on stdout.

    Unless `all_rows`, a long run of equal rows is counted, a block that only one network has is one line, and activations are
    left out where they are equal or merely follow the row before.
    """
    if format == "json":
        write_json(diff_json(found))
    elif format == "csv":
        write_csv([Column(key, "") for key in CSV], [_cells(line) for line in found.lines])
    elif format == "markdown":
        columns = [
            Column("mark", "", left=True),
            Column("row", "row", left=True),
            Column("change", "change", left=True),
        ]
        columns += [Column("params", "parameters"), Column("macs", "MACs (M)")]
        write_markdown(columns, [_markdown(_shown([line])) for line in found.lines])
    else:
        titles = [title(found.a)] if found.equal else [f"- {title(found.a)}", f"+ {title(found.b)}"]
        _print([(text[0], text) for text in titles])
        _show(found, all_rows=all_rows)


def _show(found: Diff, *, all_rows: bool) -> None:
    if found.equal:
        totals = found.a.totals
        say(f"equal: {len(found.lines)} rows, {totals.params:,} parameters, {totals.macs:,} MACs")
        return
    told = [cut(f"~ {words(change)}", columns_of(sys.stdout)) for change in found.changes if change.what != "input"]
    _print([*(("~", text) for text in told), *_table([*_items(found, all_rows=all_rows)])])
    say("")
    old, new = _labels(found)
    total = max(found.a.total_words, found.b.total_words, key=len)
    heads = {"a": old, "b": new, "change": "change", "ratio": "×", "percent": "%"}
    columns = [Column("figure", total, left=True), *(Column(key, head) for key, head in heads.items())]
    write_table(columns, [_cost(cost) for cost in found.costs if _tells(found, cost)])


def _tells(found: Diff, cost: Cost) -> bool:
    if cost.figure == "trainable":
        return any(each.totals.trainable != each.totals.params for each in (found.a, found.b))
    return cost.figure in ALWAYS or (cost.figure in WORDS and cost.change != 0)


def _cost(cost: Cost) -> list[Cell]:
    ratio = cost.ratio
    times = "" if ratio is None else f"{ratio:,.2f}"
    percent = "" if ratio is None else _signed(ratio - 1, f"{100 * abs(ratio - 1):,.1f}")
    change = _signed(cost.change, _figure(cost.figure, abs(cost.change)))
    values = (_figure(cost.figure, value) for value in (cost.old, cost.new))
    return [Cell(text, text) for text in (WORDS[cost.figure], *values, change, times, percent)]


def _figure(figure: str, value: int) -> str:
    if figure.endswith("bytes"):
        return size(value)
    if figure == "macs":  # in millions; a few hundred are not nothing
        return f"{value / 1e6:,.{4 if 0 < value < 10_000 else 2}f}"
    return count(value).text


def _signed(value: float, text: str) -> str:
    return f"+{text}" if value > 0 else f"−{text}" if value < 0 else text


def _items(found: Diff, *, all_rows: bool) -> Iterator[Shown]:
    """What the table shows, in order."""
    blocks = {} if all_rows else _whole_blocks(found)
    lines = [line for line in found.lines if all_rows or not _follows(line)]
    for (mark, block), run in groupby(lines, key=lambda line: (line.mark, blocks.get(line.row.name))):
        group = list(run)
        open_rows = [line for line in group if all_rows or mark != " " or not line.row.layer.folds]
        if mark == " " and len(open_rows) > EQUAL and not all_rows:
            yield Shown(mark, f"… {len(group)} equal rows", [""])
        elif block:
            yield _shown(group, block[0])._replace(words=[f"{block[1]}, {len(group)} rows"])
        else:
            yield from (_shown([line]) for line in open_rows)


def _follows(line: Line) -> bool:
    """An activation whose output changed because its input did."""
    return line.mark == "~" and line.row.layer.folds and all(change.what == "output" for change in line.changes)


def _whole_blocks(found: Diff) -> dict[str, tuple[str, str]]:
    """The rows of blocks that only one network has: name → the outermost such block's path and kind."""
    whole: dict[str, tuple[str, str]] = {}
    for mark, network in (("-", found.a.network), ("+", found.b.network)):
        alone = [line.row.name for line in found.lines if line.mark == mark]
        for path, kind in sorted(network.blocks.items()):
            rows = {node.name for node in network.nodes if node.name.startswith(f"{path}.")}
            if rows <= {*alone}:
                whole = {name: (path, inert(kind)) for name in rows} | whole
    return whole


def _shown(lines: Sequence[Line], name: str = "") -> Shown:
    """A row, or several taken together under a name."""
    figures = (_delta([_change(line, figure) for line in lines], figure) for figure in ("params", "macs"))
    return Shown(lines[0].mark, inert(name or lines[0].row.name), said(lines[0]), *figures)


def _change(line: Line, figure: str) -> int | None:
    """What the second network's row costs more; None where that is unknown."""
    old, new = (getattr(row, figure) if row else 0 for row in (line.a, line.b))
    return 0 if line.mark == " " else None if None in (old, new) else new - old


def _delta(changes: Sequence[int | None], figure: str) -> str:
    known = [change for change in changes if change is not None]
    if len(known) < len(changes):
        return "?"
    change = sum(known)
    return _signed(change, _figure(figure, abs(change))) if change else ""


def _table(shown: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """The lines of the table, each with its mark; what does not fit goes on below."""
    named = [len(item.name) for item in shown if item.words != [""]]
    width = min(NAME, max(named, default=0))
    left = max(NAME, columns_of(sys.stdout) - width - 4 - sum(NUMBERS))
    yield " ", f"{'':{width + 4 + left}}{'parameters':>{NUMBERS[0]}}{'MACs (M)':>{NUMBERS[1]}}"
    for item in shown:
        first, *others = packed(item.words, left)
        name = item.name if item.words == [""] else cut(item.name, width)
        figures = f"{item.params:>{NUMBERS[0]}}{item.macs:>{NUMBERS[1]}}"
        yield item.mark, f"{item.mark} {name:{width}}  {first:{left}}{figures}".rstrip()
        yield from ((item.mark, f"{'':{width + 4}}{text}") for text in others)


def _labels(found: Diff) -> tuple[str, str]:
    """What the totals' columns are called: the networks, or where they have one name their inputs, else A and B."""
    networks = (found.a.network, found.b.network)
    one_edition = networks[0].edition == networks[1].edition
    names = [cut(inert(each.name if one_edition else _label(each)), 18) for each in networks]
    shapes = [" ".join(dims(tensor.shape) for tensor in each.inputs.values()) for each in networks]
    first, second = names if names[0] != names[1] else shapes if shapes[0] != shapes[1] else ("A", "B")
    return first, second


def _label(network: Network) -> str:
    return f"{network.name}@{network.edition}" if network.edition else network.name


def _print(lines: Sequence[tuple[str, str]]) -> None:
    """Lines in the colour of their mark on a terminal."""
    if not sys.stdout.isatty():
        say(*(text for _, text in lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for mark, text in lines:
        console.print(Text(text, style=STYLES.get(mark, "")))


def _markdown(shown: Shown) -> list[Cell]:
    texts = (shown.mark.strip() or "=", shown.name, ", ".join(shown.words), shown.params, shown.macs)
    return [Cell(text, text) for text in texts]


def _cells(line: Line) -> list[Cell]:
    told = ", ".join(said(line)) if line.mark == "~" else ""
    texts = [MARKS[line.mark], *(row.name if row else None for row in (line.a, line.b)), told]
    figures = [getattr(row, figure) if row else None for figure in ("params", "macs") for row in (line.a, line.b)]
    return [Cell(value, "") for value in (*texts, *figures)]


def diff_json(found: Diff) -> dict[str, object]:
    """The `cnncli/diff/1` object."""
    totals = {
        cost.figure: {"a": cost.old, "b": cost.new, "change": cost.change, "ratio": cost.ratio} for cost in found.costs
    }
    return {
        "schema": "cnncli/diff/1",
        "a": network_json(found.a.network),
        "b": network_json(found.b.network),
        "equal": found.equal,
        "complete": found.a.complete and found.b.complete,
        "changes": [_change_json(change) for change in found.changes],
        "rows": [_line_json(line) for line in found.lines],
        "totals": totals,
    }


def _change_json(change: Change) -> dict[str, object]:
    return {"what": change.what, "from": change.old, "to": change.new}


def _line_json(line: Line) -> dict[str, object]:
    rows = {"a": line.a, "b": line.b}
    return {
        "mark": MARKS[line.mark],
        **{side: row and row.name for side, row in rows.items()},
        "layer": line.row.layer.torch_name,
        "changes": [_change_json(change) for change in line.changes],
        **{figure: {side: row and getattr(row, figure) for side, row in rows.items()} for figure in ("params", "macs")},
    }

"""The tensors of a file as a table for people, and as JSON, CSV and Markdown for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cnncli.formats.tensors import Stored, TensorFile, Totals, read
from cnncli.formats.tensors.listing import total
from cnncli.layers import Shape, dims
from cnncli.layers.parsing import typed
from cnncli.render.columns import count, size
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import inert, say

COLUMNS = (
    Column("name", "tensor", left=True),
    Column("shape", "shape"),
    Column("dtype", "dtype"),
    Column("numbers", "numbers"),
    Column("bytes", "bytes"),
)
LONGEST = 24
"""Characters of a shape; one that is longer is cut."""


class Group(NamedTuple):
    """One line of the table: a tensor, or all whose names start alike."""

    name: str
    tensors: tuple[Stored, ...]
    folded: bool


def show_tensors(path: Path, format: str, depth: int | None = None) -> None:
    """The tensors in the file at `path` on stdout, those whose names have more than `depth` parts folded; raises `DataError`."""
    found = read(path)
    if format == "json":
        write_json(tensors_json(found))
        return
    lines = [_line(group) for group in groups(found.tensors, depth)]
    if format == "csv":
        write_csv(COLUMNS, lines)
    elif format == "markdown":
        write_markdown(COLUMNS, lines)
    else:
        say(_title(found))
        write_table(COLUMNS, lines, _total(found))
        say(*_footer(found))


def groups(tensors: Iterable[Stored], depth: int | None) -> list[Group]:
    """The tensors, those below a path of `depth` parts together, in the order of their first."""
    found: dict[tuple[str, bool], list[Stored]] = {}
    for tensor in tensors:
        parts = tensor.name.split(".")
        folded = depth is not None and len(parts) > depth
        found.setdefault((".".join(parts[:depth]) if folded else tensor.name, folded), []).append(tensor)
    return [Group(name, tuple(held), folded) for (name, folded), held in found.items()]


def _line(group: Group) -> Line:
    first, figures = group.tensors[0], total(group.tensors)
    name = inert(group.name)
    if group.folded:
        tensors = f"{len(group.tensors):,} tensor{'s' * (len(group.tensors) > 1)}"
        kinds = sorted({tensor.dtype for tensor in group.tensors})
        kind = kinds[0] if len(kinds) == 1 else f"{len(kinds)} dtypes"
        cells = [Cell(name, name), Cell(None, tensors), Cell(" ".join(kinds), kind)]
        return [*cells, count(figures.numbers), Cell(figures.nbytes, size(figures.nbytes))]
    cells = [Cell(name, _shared(first)), Cell(typed(first.shape), _shape(first.shape))]
    return [*cells, Cell(first.dtype, first.dtype), count(first.numbers), Cell(first.nbytes, size(first.nbytes))]


def _shared(tensor: Stored) -> str:
    return f"{inert(tensor.name)} = {inert(tensor.shares)}" if tensor.shares else inert(tensor.name)


def _shape(shape: Shape) -> str:
    text = dims(shape) or "one number"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _total(found: TensorFile) -> Line:
    blank = Cell(None, "")
    return [Cell("total", "total"), blank, blank, count(found.totals.numbers), _size(found.totals)]


def _size(totals: Totals) -> Cell:
    return Cell(totals.nbytes, size(totals.nbytes))


def _title(found: TensorFile) -> str:
    tensors = f"{len(found.tensors):,} tensor{'s' * (len(found.tensors) != 1)}"
    plain = f" · {found.plain:,} other value{'s' * (found.plain != 1)}" if found.plain else ""
    return f"{inert(found.path.name)} · {tensors}{plain}"


def _footer(found: TensorFile) -> list[str]:
    lines = []
    if len(found.by_dtype) > 1:
        for kind, totals in found.by_dtype.items():
            tensors = f"{totals.tensors:,} tensor{'s' * (totals.tensors != 1)}"
            lines.append(f"{kind}: {totals.numbers:,} numbers in {tensors} · {size(totals.nbytes)}")
    shared = sum(tensor.shares is not None for tensor in found.tensors)
    if shared:
        lines.append(f"{shared:,} of the tensors lie in another's memory; in the totals that counts once")
    return [*lines, "weights alone: which layers read them, and how, the file does not say"]


def tensors_json(found: TensorFile) -> dict[str, object]:
    """The `cnncli/tensors/1` object: every tensor, whatever is folded elsewhere."""
    return {
        "schema": "cnncli/tensors/1",
        "file": str(found.path),
        "form": found.form,
        "tensors": [_tensor_json(tensor) for tensor in found.tensors],
        "plain_values": found.plain,
        "totals": _totals_json(found.totals),
        "by_dtype": {kind: _totals_json(totals) for kind, totals in found.by_dtype.items()},
    }


def _tensor_json(tensor: Stored) -> dict[str, object]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "numbers": tensor.numbers,
        "bytes": tensor.nbytes,
        "shares": tensor.shares,
    }


def _totals_json(totals: Totals) -> dict[str, int]:
    return {"tensors": totals.tensors, "numbers": totals.numbers, "bytes": totals.nbytes}

"""Why one row's numbers are what they are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cnncli.analysis.report import Report, Row, entry_field
from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, Reach
from cnncli.arithmetic.windows import Window
from cnncli.errors import UnknownName
from cnncli.layers import dims


class Explanation(NamedTuple):
    """A row's heading and the formulas behind its figures."""

    row: Row
    formulas: tuple[Formula, ...]


Remarks = Mapping[str, Mapping[str, str]]


def explain(report: Report, name: str | None = None, remarks: Remarks = MappingProxyType({})) -> list[Explanation]:
    """The explanation of the row called `name`, or of all; `remarks` (row → figure → words) are added. Raises `UnknownName`."""
    rows = {row.name: row for row in report.rows}
    if name is not None and name not in rows:
        raise UnknownName("row", name, rows, where=f"{report.network.name}: ")
    chosen = [rows[name]] if name is not None else list(report.rows)
    return [Explanation(row, _formulas(report, rows, row, remarks.get(row.name, {}))) for row in chosen]


def _formulas(report: Report, rows: dict[str, Row], row: Row, remarks: Mapping[str, str]) -> tuple[Formula, ...]:
    found = (*row.formulas, *_field_formulas(report, rows, row))
    return tuple(each._replace(note=_both(each.note, remarks.get(each.of, ""))) for each in found)


def _both(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def heading(row: Row) -> tuple[str, str]:
    """`conv2   6×14×14 → 16×10×10` and `conv 6 → 16, kernel 5×5, stride 1, padding 0`."""
    inputs = " + ".join(dims(tensor.shape) for tensor in row.call.inputs)
    outputs = " + ".join(dims(tensor.shape) for tensor in row.call.outputs) or "?"
    return f"{row.name}   {inputs} → {outputs}", row.layer.sentence


def _field_formulas(report: Report, rows: dict[str, Row], row: Row) -> tuple[Formula, ...]:
    """Windows widen the field by (k − 1)·d·jump, jump being the product of the strides so far; a dense layer sees all of it."""
    before = _field_before(report, rows, row.inputs[0]) if row.inputs else None
    if before is None or row.field is None or any(reach.table for reach in (*before.axes, *row.field.axes)):
        return ()
    windows: tuple[Window, ...] = getattr(row.layer, "windows", ())
    if len(windows) == len(before.axes):
        found = [_windowed(*axis) for axis in zip(before.axes, windows, row.field.axes, strict=True)]
    elif row.field.whole and not before.whole:
        found = [_whole(*axis) for axis in zip(before.axes, row.field.axes, strict=True)]
    else:
        return ()
    return _named(found)


def _field_before(report: Report, rows: dict[str, Row], name: str) -> Field | None:
    if name in rows:
        return rows[name].field
    return entry_field(report.network.inputs[name], report.network) if name in report.network.inputs else None


def _windowed(old: Reach, window: Window, new: Reach) -> Formula:
    dilated = "·d" if window.dilation > 1 else ""
    put = {"r": old.size, "k": window.kernel, "d": window.dilation, "j": old.jump}
    return formula("field", f"r + (k − 1){dilated}·j", new.size, put)


def _whole(old: Reach, new: Reach) -> Formula:
    put = {"r": old.size, "n": old.units, "j": old.jump}
    value = old.size + (old.units - 1) * old.jump
    note = "all positions of the map" if value == new.size else f"{new.size} of them in the input, the others padding"
    return formula("field", "r + (n − 1)·j", value, put, note)


def _named(found: list[Formula]) -> tuple[Formula, ...]:
    """One formula where all axes agree, else one an axis."""
    if len(set(found)) == 1:
        return (found[0],)
    names = ("depth", "height", "width")[-len(found) :]
    return tuple(each._replace(of=f"field, {name}") for name, each in zip(names, found, strict=True))

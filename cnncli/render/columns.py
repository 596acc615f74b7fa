"""The columns that a summary can show, and what each says of a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.arithmetic.receptive_field import Field
from cnncli.errors import UnknownName
from cnncli.layers import dims, times
from cnncli.render.table import Cell, Column


class Entry(NamedTuple):
    """One line of the table: the rows that it stands for, and the words behind its name.

    name: the first row's, or the block's · row: the one whose output and receptive field are shown
    """

    name: str
    words: str
    row: Row
    rows: tuple[Row, ...]

    def total(self, figure: str) -> int | None:
        """The sum of one of `Row`'s figures; None where one is unknown."""
        values = [getattr(row, figure) for row in self.rows]
        return None if None in values else sum(values)


class Shown(NamedTuple):
    """A column and how its cells and its total are made. compact: shares the line's width with others at 80 columns."""

    column: Column
    cell: Callable[[Entry, Report], Cell]
    total: Callable[[Report], Cell] = lambda _: Cell(None, "")


def count(value: int | None) -> Cell:
    """A whole number with thousands separators; `?` where unknown."""
    return Cell(value, "?" if value is None else f"{value:,}")


def millions(value: int | None) -> Cell:
    """A count in millions, two decimals."""
    return Cell(value, "?" if value is None else f"{value / 1e6:,.2f}")


def percent(part: int | None, whole: int) -> Cell:
    """The share of a total, one decimal."""
    if part is None:
        return Cell(None, "?")
    share = 100 * part / whole if whole else 0.0
    return Cell(round(share, 4), f"{share:.1f}")


def size(nbytes: int | None) -> str:
    """Bytes as a person reads them: `241.0 KiB`."""
    if nbytes is None:
        return "?"
    amount = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} B" if unit == "B" else f"{amount:,.1f} {unit}"


def field_text(field: Field | None, report: Report) -> str:
    """`11`, `11×5`, `all`; a star where it reaches beyond the input."""
    if field is None:
        return "?"
    sizes = "all" if field.whole else times(tuple(reach.size for reach in field.axes))
    return sizes + ("*" if beyond(field, report) else "")


def _field(entry: Entry, report: Report) -> Cell:
    text = field_text(entry.row.field, report)
    return Cell(None if text == "?" else text.rstrip("*").replace("×", "x"), text)


def beyond(field: Field | None, report: Report) -> bool:
    """Whether a unit's field is larger than the input itself (and so ends in padding), short of seeing all of it."""
    if field is None or field.whole or not field.axes:
        return False
    axes = report.network.image
    return any(reach.size > size for reach, size in zip(field.axes, axes, strict=True))


def _figure(key: str, title: str, figure: str, text: Callable[[int | None], Cell]) -> Shown:
    return Shown(Column(key, title), lambda e, _: text(e.total(figure)), lambda r: text(getattr(r.totals, figure)))


def _share(key: str, figure: str) -> Shown:
    return Shown(Column(key, "%"), lambda e, r: percent(e.total(figure), getattr(r.totals, figure)))


def _bytes(value: int | None) -> Cell:
    return Cell(value, size(value))


def _text(key: str, title: str, text: Callable[[Entry], str]) -> Shown:
    return Shown(Column(key, title), lambda e, _: Cell(text(e).replace("×", "x"), text(e)))


def _argument(entry: Entry, name: str) -> str:
    value = entry.row.layer.config.get(name)
    if value is None or (len(entry.rows) > 1 and entry.name != entry.rows[0].name):
        return ""
    return times(value) if isinstance(value, tuple) and all(isinstance(v, int) for v in value) else str(value)


SHOWN = {
    shown.column.key: shown
    for shown in (
        Shown(
            Column("layer", "layer", left=True),
            lambda e, _: Cell(e.name, f"{e.name}  {e.words}"),
            lambda r: Cell("total", r.total_words),
        ),
        _text("input", "input", lambda e: " ".join(dims(tensor.shape) for tensor in e.rows[0].call.inputs)),
        _text("output", "output", lambda e: dims(e.row.call.y.shape) if e.row.call.outputs else "?"),
        _text("kernel", "kernel", lambda e: _argument(e, "kernel_size")),
        _text("stride", "stride", lambda e: _argument(e, "stride")),
        _text("padding", "padding", lambda e: _argument(e, "padding")),
        _figure("params", "parameters", "params", count),
        _share("params%", "params"),
        _figure("trainable", "trainable", "trainable", count),
        _figure("buffers", "buffers", "buffers", count),
        _figure("macs", "MACs (M)", "macs", millions),
        _share("macs%", "macs"),
        _figure("connections", "connections", "connections", count),
        Shown(Column("rf", "RF"), _field),
        _figure("activation", "activation", "activation_bytes", _bytes),
        _figure("saved", "saved", "saved_bytes", _bytes),
    )
}
USUAL = ("layer", "output", "params", "params%", "macs", "macs%", "rf")


NARROW = tuple(key for key in USUAL if not key.endswith("%"))
"""What is left of the usual columns where 80 do not fit."""


def chosen(names: str | None, width: int = 80) -> list[Shown]:
    """The columns called `names` (comma-separated), or the usual ones for `width`, the layer first; raises `UnknownName`."""
    keys: Sequence[str] = [name.strip() for name in names.split(",")] if names else USUAL if width >= 72 else NARROW
    for key in keys:
        if key not in SHOWN:
            raise UnknownName("column", key, SHOWN, where="--columns: ")
    return [SHOWN[key] for key in dict.fromkeys(("layer", *keys))]


def clock(seconds: float) -> str:
    """`0.3s`, `59s`, `1m05s`, `2h03m`."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"

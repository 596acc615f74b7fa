"""Two networks side by side: which rows pair up, what changed in them, and what the change costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnncli.analysis.report import Report, Row
from cnncli.network import source

FIGURES = (
    "params",
    "trainable",
    "buffers",
    "macs",
    "connections",
    "activation_bytes",
    "peak_inference_bytes",
    "training_bytes",
)
SAME_KIND = 5
"""How much one kind of layer counts in an alignment: more than a name and an output."""


class Change(NamedTuple):
    """One thing that differs.

    what: an argument by PyTorch's name; or `name`, `layer` (the class), `output` (the shapes), `reads` (a row that it reads),
    `inputs` (how many it reads), `params`, `trainable`, `macs`; of whole networks `input` and `outputs`
    """

    what: str
    old: object
    new: object


class Line(NamedTuple):
    """A row of the first network beside its counterpart in the second; None where it has none."""

    a: Row | None
    b: Row | None
    changes: tuple[Change, ...] = ()

    @property
    def row(self) -> Row:
        """The second network's row, or the first's where it has none."""
        row = self.b or self.a
        if row is None:
            raise ValueError("a line needs a row")
        return row

    @property
    def mark(self) -> str:
        """`+` only in the second, `-` only in the first, `~` changed, a blank where both are equal."""
        if self.a is None or self.b is None:
            return "+" if self.a is None else "-"
        return "~" if self.changes else " "


class Cost(NamedTuple):
    """A total of both networks."""

    figure: str
    old: int
    new: int

    @property
    def change(self) -> int:
        """How much more the second has."""
        return self.new - self.old

    @property
    def ratio(self) -> float | None:
        """How many times as much the second has; None where the first has none."""
        return self.new / self.old if self.old else None


@dataclass(frozen=True)
class Diff:
    """Two reports, their rows side by side, and what differs between the networks as a whole."""

    a: Report
    b: Report
    lines: tuple[Line, ...]
    changes: tuple[Change, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs: inputs, rows, their names and connections, outputs."""
        return not self.changes and all(line.mark == " " for line in self.lines)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The totals of both."""
        old, new = self.a.totals, self.b.totals
        return tuple(Cost(figure, getattr(old, figure), getattr(new, figure)) for figure in FIGURES)


def diff(a: Report, b: Report) -> Diff:
    """What differs between two networks, each for its own input; the rows stand in running order."""
    pairs = align(a.rows, b.rows)
    matched = {first.name: second.name for first, second in pairs if first and second}
    matched |= dict(zip(a.network.inputs, b.network.inputs, strict=False))
    wiring = _Wiring(a, b, matched)
    lines = tuple(Line(first, second, _changes(first, second, wiring)) for first, second in pairs)
    return Diff(a, b, lines, wiring.of_networks())


def align(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row | None, Row | None]]:
    """The rows in pairs, in the order of both; alone where the other network has no counterpart.

    Of all alignments the one that is most alike (see `_Traits`), found as Needleman and Wunsch do it; what both begin and end
    with is set aside first, so that two editions of a long network take little time.
    """
    ones, others = [*map(_traits, a)], [*map(_traits, b)]
    head = _common(ones, others)
    tail = _common(ones[head:][::-1], others[head:][::-1])
    i, j = len(a) - tail, len(b) - tail
    middle = _aligned(ones[head:i], others[head:j])
    pairs = [
        (one if one is None else a[head + one], other if other is None else b[head + other]) for one, other in middle
    ]
    return [*zip(a[:head], b[:head], strict=True), *pairs, *zip(a[i:], b[j:], strict=True)]


class _Traits(NamedTuple):
    """What two rows are compared by: the kind of layer, the name, the outputs, and the layer with its arguments in words."""

    kind: tuple[type, str]
    name: str
    outputs: str
    layer: str

    def fit(self, other: _Traits) -> int:
        """How well two rows fit; 0: not at all. The kind counts most, then name and output, then equal arguments."""
        alike = 2 * (self.name == other.name) + 2 * (self.outputs == other.outputs)
        return SAME_KIND + alike + (self.layer == other.layer) if self.kind == other.kind else alike


def _traits(row: Row) -> _Traits:
    return _Traits((type(row.layer), row.layer.torch_name), row.name, repr(row.call.outputs), repr(row.layer.config))


def _common(a: Sequence[_Traits], b: Sequence[_Traits]) -> int:
    """How many rows both begin with: of one kind and one name."""
    differ = (place for place, pair in enumerate(zip(a, b, strict=False)) if pair[0][:2] != pair[1][:2])
    return next(differ, min(len(a), len(b)))


def _aligned(a: Sequence[_Traits], b: Sequence[_Traits]) -> list[tuple[int | None, int | None]]:
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of a[i:] and b[j:]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            fit = a[i].fit(b[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + fit if fit else 0)
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(a) or j < len(b):
        fit = a[i].fit(b[j]) if i < len(a) and j < len(b) else 0
        if fit and best[i][j] == best[i + 1][j + 1] + fit:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif i < len(a) and best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def _changes(a: Row | None, b: Row | None, wiring: _Wiring) -> tuple[Change, ...]:
    if a is None or b is None:
        return ()
    shapes = [tuple(tensor.shape for tensor in row.call.outputs) for row in (a, b)]
    whole = [
        Change("name", a.name, b.name),
        Change("layer", a.layer.torch_name, b.layer.torch_name),
        *_arguments(a, b),
        Change("output", *shapes),
        *(Change(figure, getattr(a, figure), getattr(b, figure)) for figure in ("params", "trainable", "macs")),
        *wiring.of_rows(a, b),
    ]
    return tuple(change for change in whole if change.old != change.new)


def _arguments(a: Row, b: Row) -> list[Change]:
    """The arguments that both have."""
    old, new = a.layer.config, b.layer.config
    return [Change(name, old[name], new[name]) for name in old if name in new]


class _Wiring:
    """Who reads whom in both networks. matched: the first's rows and inputs, and their counterparts in the second."""

    def __init__(self, a: Report, b: Report, matched: dict[str, str]) -> None:
        self.a, self.b, self.matched = a, b, matched
        self.known = [{*each.network.inputs, *(row.name for row in each.rows)} for each in (a, b)]
        self.counterparts = set(matched.values())

    def differs(self, old: str, new: str) -> bool:
        """Whether two rows read different things, as far as both have a counterpart: what was added or removed says so itself."""
        maker, place = source(old, self.known[0]) or (old, 0)
        other, index = source(new, self.known[1]) or (new, 0)
        if maker not in self.matched or other not in self.counterparts:
            return False
        return (self.matched[maker], place) != (other, index)

    def of_rows(self, a: Row, b: Row) -> list[Change]:
        """The inputs that changed."""
        if len(a.inputs) != len(b.inputs):
            return [Change("inputs", len(a.inputs), len(b.inputs))]
        pairs = zip(a.inputs, b.inputs, strict=True)
        return [Change("reads", old, new) for old, new in pairs if self.differs(old, new)]

    def of_networks(self) -> tuple[Change, ...]:
        """The networks' inputs and outputs where they differ."""
        first, second = self.a.network, self.b.network
        changes = []
        if [*first.inputs.values()] != [*second.inputs.values()]:
            shapes = [tuple(tensor.shape for tensor in network.inputs.values()) for network in (first, second)]
            changes.append(Change("input", *shapes))
        same = len(first.outputs) == len(second.outputs)
        if not same or any(map(self.differs, first.outputs, second.outputs)):
            changes.append(Change("outputs", first.outputs, second.outputs))
        return tuple(changes)

"""A recorded network while it grows: calls of modules, and what they do; names come last, when all of it is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cnncli.layers import Layer, Tensor
from cnncli.layers.traced_call import Spelled
from cnncli.network import Network, Node
from cnncli.tracing.tags import Flow


@dataclass(eq=False, slots=True)
class Visit:
    """One call of a module.

    path: the module's, "" for the outermost · number: which call of it, from 1 · around: the call it is made in ·
    rows: what it does itself, reshapes left out · inner: whether modules within it do something
    """

    path: str
    number: int = 1
    around: Visit | None = None
    rows: list[Draft] = field(default_factory=list)
    inner: bool = False


@dataclass(eq=False, slots=True)
class Draft:
    """A row to be.

    hint: what it is called within its module's path · shares: whose weights it uses again · lacks: its layer's buffers that the
    module does not hold
    """

    hint: str
    layer: Layer | None
    reads: tuple[Flow, ...]
    visit: Visit
    shares: Draft | None = None
    frozen: bool = False
    lacks: tuple[str, ...] = ()
    outputs: int = 1
    fixed: str = ""
    """A name of its own: a parameter's, an input's."""
    name: str = ""
    call: Spelled | None = None
    """The call that it is."""


class Drafts:
    """All rows in running order, and the calls they stand in."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.root = Visit("")
        self.rows: list[Draft] = []
        self.calls: dict[str, list[Visit]] = {}
        self.taken: set[str] = set()
        self.paths = frozenset(paths)

    def enter(self, path: str, around: Visit) -> Visit:
        """A new call of the module at `path`."""
        calls = self.calls.setdefault(path, [])
        visit = Visit(path, len(calls) + 1, around)
        calls.append(visit)
        return visit

    def add(self, draft: Draft, *, counts: bool = True) -> Draft:
        """Append a row; reshapes do not count where a module's only row takes the module's name."""
        self.rows.append(draft)
        if counts:
            draft.visit.rows.append(draft)
            outside = draft.visit.around
            while outside is not None and not outside.inner:
                outside.inner = True
                outside = outside.around
        return draft

    def name_all(self) -> None:
        """Give every row its name: its module's where it is all that the module does, else one within the module's path."""
        for draft in self.rows:
            self._share(draft)
        for draft in self.rows:
            if _alone(draft):
                self._take(draft, self._of_module(draft))
        for draft in self.rows:
            if not draft.name:
                self._take(draft, draft.fixed or _within(draft))

    def _share(self, draft: Draft) -> None:
        """A later call of a module that does one thing shares the first's weights."""
        if not _alone(draft) or draft.visit.number == 1 or draft.shares is not None:
            return
        first = self.calls[draft.visit.path][0]
        layer = first.rows[0].layer if len(first.rows) == 1 else None
        if layer is not None and draft.layer is not None and _alone(first.rows[0]):
            draft.shares = first.rows[0] if not draft.layer.weights and alike(layer, draft.layer) else None

    def _of_module(self, draft: Draft) -> str:
        """`relu`, `relu:2`; later where `x:2` already means the third output of x."""
        visit = draft.visit
        more = max(0, self.calls[visit.path][0].rows[0].outputs - 2) if self.calls[visit.path][0].rows else 0
        return visit.path if visit.number == 1 else f"{visit.path}:{visit.number + more}"

    def _take(self, draft: Draft, name: str) -> None:
        """`name`, or the first of name_1, name_2, … that nothing has yet."""
        free, number = name, 0
        while free in self.taken or (free in self.paths and free != draft.visit.path and not draft.fixed):
            number += 1
            free = f"{name}_{number}"
        draft.name = free
        self.taken.add(free)

    def network(
        self, name: str, inputs: Mapping[str, Tensor], outputs: Iterable[Flow], blocks: Mapping[str, str]
    ) -> Network:
        """The network, once everything is recorded."""
        self.name_all()
        nodes = tuple(
            Node(
                row.name,
                row.layer,
                tuple(map(reference, row.reads)),
                row.shares.name if row.shares else None,
                row.frozen,
                row.lacks,
            )
            for row in self.rows
            if row.layer is not None
        )
        calls = {row.name: row.call for row in self.rows if row.call is not None}
        return Network(name, "", dict(inputs), nodes, tuple(map(reference, outputs)), dict(blocks), calls=calls)


def reference(flow: Flow) -> str:
    """How a node writes that it reads this."""
    return f"{flow.maker.name}:{flow.index}" if flow.index else flow.maker.name


def alike(layer: Layer | None, other: Layer) -> bool:
    """Whether one module could be both; what autograd saved of a call is not the module's."""
    return layer is not None and type(layer) is type(other) and layer.config == other.config


def identifier(text: str) -> str:
    """`text` as part of a path: letters, digits and underscores."""
    return re.sub(r"\W+", "_", text).strip("_") or "value"


def _alone(draft: Draft) -> bool:
    visit = draft.visit
    return bool(visit.path) and visit.rows == [draft] and not visit.inner


def _within(draft: Draft) -> str:
    """A name in the module's path; beside it where the path itself is a row's name."""
    visit = draft.visit
    joint = "_" if len(visit.rows) == 1 and _alone(visit.rows[0]) else "."
    return f"{visit.path}{joint}{draft.hint}" if visit.path else draft.hint

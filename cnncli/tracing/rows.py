"""From known calls to rows: who owns a parameter, whose weights are used again, and which reshapes become a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnncli.errors import RequestError
from cnncli.layers import Layer, Shape
from cnncli.layers.merge import Add, Concat, Mul
from cnncli.layers.rearrange import Contiguous, Rearrange
from cnncli.layers.traced import Elementwise, Operation, Unused
from cnncli.layers.wrapped import Given
from cnncli.text import truncate
from cnncli.tracing.draft import Draft, Drafts, Visit, alike, identifier
from cnncli.tracing.known import Known
from cnncli.tracing.spelling import spelled
from cnncli.tracing.tags import Constant, Flow, Tag
from cnncli.tracing.views import joined


class At(NamedTuple):
    """Where a row stands: what it is called within its module's path, and the call of that module."""

    hint: str
    visit: Visit


class Rows:
    """Adds rows to a draft, and remembers which row reads a parameter first: that one counts it.

    settings: buffers of modules that are one row of a known layer, which says itself what counts (a table of connections does not)
    """

    def __init__(self, drafts: Drafts, own: Mapping[str, torch.Tensor]) -> None:
        self.drafts = drafts
        self.own = own
        self.owner: dict[str, Draft] = {}
        self.settings: set[str | None] = set()

    def _shape(self, name: str) -> Shape:
        if is_lazy(self.own[name]):
            raise RequestError(
                f"nothing reads {truncate(name)}, so that its size is not known; give it one, or leave it out"
            )
        return tuple(self.own[name].shape)

    def _learned(self, name: str) -> bool:
        return isinstance(self.own[name], nn.Parameter)

    def add(self, known: Known, tags: Sequence[Tag], at: At) -> Draft:
        """The row of a call whose tensors are tagged so."""
        draft = self._added(known, tags, at)
        besides = [place for place in known.weights.values() if isinstance(tags[place], Flow)]
        draft.call = spelled(known.form, tags, (*known.reads, *besides))
        return draft

    def _added(self, known: Known, tags: Sequence[Tag], at: At) -> Draft:
        flows = [tags[place] for place in known.reads]
        reads = self.settled([flow for flow in flows if isinstance(flow, Flow)])
        weights = {name: tags[place] for name, place in known.weights.items()}
        beside = self._beside(known.layer, weights)
        plain = not known.operands and not known.sources and self._plain(known.layer, weights)
        if plain:
            names = [tag.name for tag in weights.values() if isinstance(tag, Constant) and tag.name]
            fresh = [name for name in names if name not in self.owner]
            owners = {self.owner[name] for name in names if name in self.owner}
            held = [name for name in fresh if self._learned(name) and not self.own[name].requires_grad]
            partly = 0 < len(held) < sum(map(self._learned, fresh))
            if len(fresh) == len(names) and not partly:
                draft = self._append(known, reads, at, known.layer, [*names, *beside.values()])
                draft.lacks = tuple(name for name in known.layer.buffers if name not in {*weights, *beside})
                return draft
            owner = next(iter(owners), None)
            if owner is not None and not fresh and len(owners) == 1 and alike(owner.layer, known.layer):
                draft = self._append(known, reads, at, known.layer, names)
                draft.shares = owner
                return draft
        return self._given(known, tags, reads, at, beside.values())

    def _beside(self, layer: Layer, weights: Mapping[str, Tag]) -> dict[str, str]:
        """The layer's buffers that its call does not read, by their names in the module: how many batches a running mean saw."""
        named = {name: tag.name for name, tag in weights.items() if isinstance(tag, Constant) and tag.name}
        own = [(name, full.removesuffix(name)) for name, full in named.items() if full.endswith(name)]
        paths = [path for name, path in own if name in layer.buffers]
        left = [name for name in layer.buffers if name not in weights] if paths else []
        return {name: path + name for path in paths for name in left if path + name in self.own}

    def _plain(self, layer: Layer, weights: Mapping[str, Tag]) -> bool:
        """Whether every weight is one of the module's own tensors, of the shape that the spec says."""
        shapes = layer.weights | layer.buffers if weights else {}
        for name, tag in weights.items():
            if not isinstance(tag, Constant) or tag.name is None or self._shape(tag.name) != shapes.get(name):
                return False
            if self._learned(tag.name) != (name in layer.weights):
                return False
        return True

    def _given(
        self, known: Known, tags: Sequence[Tag], reads: tuple[Flow, ...], at: At, beside: Iterable[str]
    ) -> Draft:
        """A row whose operands or weights come from elsewhere; parameters that no row read before are its own."""
        places = (*known.weights.values(), *known.sources)
        sources = {name: None for place in places for name in sorted(_sources(tags[place]))}
        besides = self.settled([tag for place in known.weights.values() if isinstance(tag := tags[place], Flow)])
        fresh = [name for name in (*sources, *beside) if name not in self.owner]
        learned = tuple((name, self._shape(name)) for name in fresh if self._learned(name))
        stored = tuple((name, self._shape(name)) for name in fresh if not self._learned(name))
        layer = known.layer
        if isinstance(layer, Operation):
            layer = layer.with_arguments(learned=learned, stored=stored) if fresh else layer
        elif known.operands or known.weights or fresh:
            held = tuple(name for name, _ in learned if not self.own[name].requires_grad)
            layer = Given(
                layer=layer, operands=known.operands, besides=len(besides), learned=learned, stored=stored, held=held
            )
        draft = self._append(known, (*reads, *besides), at, layer, fresh)
        if len(learned) == 1 and isinstance(known.layer, Add | Mul | Concat | Elementwise):
            draft.fixed = learned[0][0]
        return draft

    def _append(self, known: Known, reads: tuple[Flow, ...], at: At, layer: Layer, names: Sequence[str]) -> Draft:
        draft = Draft(at.hint, layer, reads, at.visit, outputs=len(known.outputs))
        draft.fixed = self._of_weights(known, names, at.visit)
        learned = [name for name in names if self._learned(name) and name not in self.owner]
        draft.frozen = bool(learned) and not any(self.own[name].requires_grad for name in learned)
        for name in names:
            self.owner.setdefault(name, draft)
        return self.drafts.add(draft)

    def _of_weights(self, known: Known, names: Iterable[str], visit: Visit) -> str:
        """The path of the module whose weights a function is called on from outside it: `attn.qkv`."""
        homes = {name.rpartition(".")[0] for name in names} if known.weights else set()
        home = homes.pop() if len(homes) == 1 else ""
        return home if home != visit.path and home not in self.drafts.calls else ""

    def add_unused(self) -> tuple[str, ...]:
        """A row for each module none of whose parameters was read, and for each lone parameter; their names come back."""
        known = list(filter(self._learned, self.own))
        unused = tuple(name for name in known if name not in self.owner)
        read = {path for name in known if name in self.owner for path in _above(name)}
        homes: dict[str, list[str]] = {}
        for name in unused:
            home = next((path for path in _above(name) if path and path not in read), name)
            homes.setdefault(home, []).append(name)
        for home, held in homes.items():
            layer = Unused(learned=tuple((name, self._shape(name)) for name in held))
            frozen = not any(self.own[name].requires_grad for name in held)
            self.drafts.add(Draft("unused", layer, (), self.drafts.root, frozen=frozen, fixed=home), counts=False)
        return unused

    @property
    def unread(self) -> dict[str, Shape]:
        """The buffers that no row reads."""
        others = (name for name in self.own if name not in self.owner and name not in self.settings)
        return {name: self._shape(name) for name in others if not self._learned(name)}

    def settled(self, flows: Sequence[Flow], *, counts: bool = False) -> tuple[Flow, ...]:
        """The same flows where reshapes since the last row are a row of their own: one for all that start from the same tensor.

        counts: the row is what its module does
        """
        for flow in flows:
            if flow.steps and flow.settled is None:
                alike = [each for each in flows if _together(each, flow)]
                self._rearrange(list(dict.fromkeys(alike)), counts=counts)
        return tuple(flow.settled or flow for flow in flows)

    def _rearrange(self, flows: Sequence[Flow], *, counts: bool) -> None:
        """A row for reshapes of one tensor."""
        first = flows[-1]
        base = Flow(first.maker, first.index, first.base, first.base)
        parts = [joined(flow.steps, first.base) for flow in flows]
        if len(parts) == 1 and not first.copies and len(parts[0]) < 2:
            if not parts[0] or isinstance(parts[0][0], Contiguous):
                first.settled = base
                return
            layer = parts[0][0]
        else:
            layer = Rearrange(operation=first.operation, parts=tuple(parts), copies=first.copies)
        visit = first.visit or self.drafts.root
        draft = Draft(identifier(first.operation), layer, (base,), visit, outputs=len(flows))
        self.drafts.add(draft, counts=counts)
        for index, flow in enumerate(flows):
            flow.settled = Flow(draft, index, flow.tensor, flow.tensor)


def _together(flow: Flow, other: Flow) -> bool:
    same = flow.maker is other.maker and flow.index == other.index and flow.copies == other.copies
    return same and bool(flow.steps) and flow.settled is None


def _above(name: str) -> Iterator[str]:
    """The paths that a name lies in, the outermost first: "", a and a.b for a.b.c."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(len(parts)))


def _sources(tag: Tag) -> frozenset[str]:
    return tag.sources if isinstance(tag, Constant) else frozenset()

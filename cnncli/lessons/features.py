"""An image on its way through a network: what each layer makes of it. Imports torch inside functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnncli.analysis.report import Row, report
from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Shape
from cnncli.layers.conv import Conv2d
from cnncli.lessons.capture import captured, hookable
from cnncli.lessons.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


class Guess(NamedTuple):
    """A class by its name, and its probability."""

    name: str
    probability: float


class Maps(NamedTuple):
    """What one row makes of the image.

    values: its output · mean, deviation, low, high: over all of it · zeros: the share of it that is exactly 0
    """

    row: Row
    values: NDArray[np.float32]
    mean: float
    deviation: float
    low: float
    high: float
    zeros: float

    @property
    def shape(self) -> Shape:
        """Of the output, the batch left out."""
        return self.values.shape

    @property
    def pictured(self) -> bool:
        """Whether it has maps to look at: C×H×W of more than one place."""
        return len(self.shape) == 3 and self.shape[1] * self.shape[2] > 1

    def strongest(self, most: int) -> list[int]:
        """The channels with the highest mean magnitude, that one first; at most `most`, the earlier of equals first."""
        import numpy as np

        strength = np.abs(self.values).mean(axis=tuple(range(1, self.values.ndim)))
        return [int(place) for place in (-strength).argsort(kind="stable")[:most]]


class Walk(NamedTuple):
    """An image in a network.

    image: C×H×W from 0 to 1, as the network sees it before it is normalised · maps: of each row that was watched · unwatched: rows
    that are no call of a module · filters: O×I×h×w of a convolution, and its row's name · top: the likeliest classes; none
    where the network does not classify
    """

    image: NDArray[np.float32]
    maps: tuple[Maps, ...]
    unwatched: tuple[str, ...]
    filters: tuple[str, NDArray[np.float32]] | None
    top: tuple[Guess, ...]


def chosen_rows(subject: Subject, names: Sequence[str]) -> tuple[list[Row], tuple[str, ...]]:
    """The rows to look at, all that do something unless some are named; and those that cannot be watched.

    Raises `UnknownName` for a name that is no row, `RequestError` for one that cannot be watched.
    """
    rows = {row.name: row for row in report(subject.network).rows}
    watched = set(hookable(subject.module, subject.network))
    for name in names:
        if name not in rows:
            raise UnknownName("row", name, rows, where=f"{subject.network.name}: ")
        if name not in watched:
            raise RequestError(
                f"{name} is computed by a function, not a module, and cannot be watched; take another row"
            )
    if names:
        return [rows[name] for name in dict.fromkeys(names)], ()
    some = [row for row in rows.values() if _does_something(row)]
    return [row for row in some if row.name in watched], tuple(row.name for row in some if row.name not in watched)


def _does_something(row: Row) -> bool:
    """Not a view of its input, nor dropout, which is idle in eval mode, nor parameters that nothing reads."""
    return not row.layer.idles and (not row.layer.idle or bool(row.layer.config.get("inplace")))


def walk(subject: Subject, pixels: torch.Tensor, names: Sequence[str] = (), top: int = 10) -> Walk:
    """The image in the network. pixels: uint8 1×C×H×W · names: the rows to look at, () for all."""
    import torch

    rows, unwatched = chosen_rows(subject, names)
    with (
        torch.no_grad(),
        captured(subject.module, subject.network, [row.name for row in rows], _copied) as found,
    ):
        scores = subject.module(subject.finished(pixels))
    return Walk(
        image=(pixels[0].float() / 255).numpy(),
        maps=tuple(_maps(row, found[row.name]) for row in rows if row.name in found),
        unwatched=unwatched,
        filters=_filters(subject, [row.name for row in rows] if names else []),
        top=tuple(likeliest(subject, scores, top)),
    )


def _copied(output: torch.Tensor) -> torch.Tensor:
    return output.detach().clone()


def _maps(row: Row, output: torch.Tensor) -> Maps:
    values = output[0].float()
    return Maps(
        row=row,
        values=values.contiguous().numpy(),
        mean=float(values.mean()),
        deviation=float(values.std(correction=0)),
        low=float(values.min()),
        high=float(values.max()),
        zeros=float((values == 0).float().mean()),
    )


def _filters(subject: Subject, names: Collection[str]) -> tuple[str, NDArray[np.float32]] | None:
    """The kernels of the convolution asked for, else of the last before the row asked for, else of the network's first.

    Those of the first are what the network looks for in pixels.
    """
    watched: Collection[str] = set(hookable(subject.module, subject.network))
    kernels = None
    for row in report(subject.network).rows:
        if isinstance(row.layer, Conv2d) and row.name in watched:
            weight = subject.module.get_submodule(row.name).weight
            kernels = row.name, weight.detach().float().contiguous().numpy()  # type: ignore[operator]
        if kernels and (row.name in names or not names):
            return kernels
    return kernels


def likeliest(subject: Subject, scores: object, most: int) -> list[Guess]:
    """The classes with their probabilities (softmax), the likeliest first; none where there is not one score a class."""
    import torch

    if not isinstance(scores, torch.Tensor) or scores.ndim != 2:
        return []
    best = scores[0].softmax(0).topk(min(most, scores.shape[1]))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [Guess(class_name(subject, place), share) for place, share in pairs]


def class_name(subject: Subject, place: int) -> str:
    """What the class is called; its number where nobody has named it."""
    return subject.classes[place] if place < len(subject.classes) else str(place)

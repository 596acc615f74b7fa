"""Where in the image the evidence for a class lies. Imports torch inside functions.

R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", 2017: the maps of a layer
are added up, each weighted by the mean gradient of the class's score with respect to it; what speaks against the class is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cnncli.analysis.report import Row, report
from cnncli.errors import RequestError, UnknownName
from cnncli.layers import Shape
from cnncli.layers.conv import Conv2d
from cnncli.lessons.capture import captured
from cnncli.lessons.features import chosen_rows, class_name
from cnncli.lessons.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


class Evidence(NamedTuple):
    """For one class.

    row: the layer whose maps were weighed · shape: of these · name, probability: of the class · predicted: whether it is the
    likeliest · heat: H×W of the image, from 0 to 1 at the strongest place; all 0 where nothing speaks for the class ·
    strongest: that place
    """

    row: str
    shape: Shape
    name: str
    probability: float
    predicted: bool
    heat: NDArray[np.float32]
    strongest: tuple[int, int] | None


def evidence(subject: Subject, pixels: torch.Tensor, row: str | None = None, wanted: str | None = None) -> Evidence:
    """Grad-CAM on one image.

    pixels: uint8 1×C×H×W · row: whose maps, None for the last convolution's · wanted: a class by its name, None for the likeliest.
    Raises `UnknownName`, and `RequestError` where the network does not classify or the row has no maps.
    """
    import torch
    from torch.nn.functional import interpolate

    where = _row(subject, row)
    x = subject.finished(pixels).requires_grad_()
    with torch.enable_grad(), captured(subject.module, subject.network, [where]) as found:
        scores = subject.module(x)
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2:
        raise RequestError(f"{subject.network.name} does not give one score a class; --gradcam needs that")
    place = int(scores[0].argmax()) if wanted is None else _class(subject, wanted, scores.shape[1])
    maps = found[where]
    (gradient,) = torch.autograd.grad(scores[0, place], maps)
    scores, maps = scores.detach(), maps.detach()
    heat = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu()
    heat = interpolate(heat, tuple(pixels.shape[2:]), mode="bilinear", align_corners=False)[0, 0]
    heat = heat / heat.max() if heat.max() > 0 else heat
    return Evidence(
        row=where,
        shape=tuple(maps.shape[1:]),
        name=class_name(subject, place),
        probability=float(scores[0].softmax(0)[place]),
        predicted=place == int(scores[0].argmax()),
        heat=heat.float().numpy(),
        strongest=_strongest(heat),
    )


def _strongest(heat: torch.Tensor) -> tuple[int, int] | None:
    if not heat.max() > 0:
        return None
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return row, column


def _row(subject: Subject, name: str | None) -> str:
    """The row to weigh: the one that was named, else the last convolution's with what follows it in place."""
    rows, _ = chosen_rows(subject, [name] if name else [])
    with_maps = {row.name: row for row in rows if len(row.call.y.shape) == 3}
    if name and name not in with_maps:
        raise RequestError(f"{name} has no maps C×H×W; take a convolution, a pool or what follows them")
    convolutions = [row for row in with_maps.values() if isinstance(row.layer, Conv2d)]
    if name:
        return name
    if not convolutions:
        raise RequestError(f"{subject.network.name} has no convolution that can be watched; name a row: --row NAME")
    return _followed(subject, convolutions[-1], with_maps).name


def _followed(subject: Subject, row: Row, known: dict[str, Row]) -> Row:
    """The last row after a convolution that keeps its places: normalisation, activation, a sum, a concatenation, no pool."""
    at = row
    for other in report(subject.network).rows:
        stays = other.call.y.shape[1:] == at.call.y.shape[1:] and not getattr(other.layer, "windows", ())
        if at.name in other.inputs and stays:
            at, row = other, known.get(other.name, row)
    return row


def _class(subject: Subject, wanted: str, count: int) -> int:
    names = [class_name(subject, place) for place in range(count)]
    if wanted not in names:
        raise UnknownName("class", wanted, names, where="--class: ")
    return names.index(wanted)

"""The effective receptive field: how much of what a unit may see does move it. Imports torch inside functions.

W. Luo, Y. Li, R. Urtasun, R. Zemel, "Understanding the effective receptive field in deep convolutional neural networks", 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.lessons.gradients import chosen, run
from cnncli.lessons.receptive import Region
from cnncli.lessons.subject import Subject, image_size

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

DEVIATIONS = (
    1 - 0.9545
)  # of the maximum: what Luo et al. count as moving the unit, two deviations of a normal distribution
BATCH = 8  # images at once, in float64


class Effective(NamedTuple):
    """What an effective receptive field comes to.

    shares: H×W, of the whole gradient's magnitude · weights, images, number: what was run on what · centre: the share within
    half the field's height and width about its middle · even: what that were if all of the field counted alike · half, most:
    distance in elements from the middle within which 50 % and 95 % lie · side: √ of the elements with at least 4.55 % of the
    largest · silent: of the field's elements, the share without any gradient on an average image (ReLU, max pooling)
    """

    shares: NDArray[np.float64]
    weights: str
    images: str
    number: int
    centre: float
    even: float
    half: float
    most: float
    side: float
    silent: float


def effective(subject: Subject, region: Region, count: int, seed: int, progress: Progress) -> Effective:
    """The mean of |∂ unit/∂ input| over `count` images: the run's test images, or noise where it has none at hand.

    The unit is the sum of its channels; magnitudes are added up over the channels of the input. Raises `RequestError` where the
    unit's numbers cannot be told apart, or nothing of the image reaches it.
    """
    import torch

    about, images = _images(subject, count, seed)
    module = subject.module.double()
    sums = torch.zeros(subject.size[1:], dtype=torch.float64)
    progress.begin("following gradients", count)
    seen = silent = 0
    field = tuple(slice(max(0, side.seen[0]), side.seen[1] + 1) for side in region.sides)
    for batch in images:
        x = batch.double().contiguous().requires_grad_()
        value = chosen(region, run(module, subject.network, [region.row.name], x)[region.row.name])
        if value is None:
            raise RequestError(f"{region.row.name}: its units' numbers cannot be told apart; take another row")
        found = torch.autograd.grad(value.sum(), x)[0].abs().sum(1)
        sums += found.sum(0)
        silent += int((found[:, *field] == 0).sum())
        progress.done = seen = seen + len(batch)
    progress.end()
    if not sums.sum() > 0:
        raise RequestError(
            f"{region.row.name}: no gradient reaches the image, all its units are dead; take another row"
        )
    figures = _figures((sums / sums.sum()).numpy(), region)
    quiet = silent / (seen * sums[field].numel())
    return Effective(weights=subject.weights, images=about, number=seen, silent=quiet, **figures)


def _images(subject: Subject, count: int, seed: int) -> tuple[str, Iterator[torch.Tensor]]:
    """Whose images, and they themselves, as the network takes them."""
    import torch

    size = image_size(subject.size, subject.network.name)
    if subject.run is not None:
        from cnncli.runs.export.samples import samples

        found = samples(subject.run, Progress())
        if not found.noise:
            return found.about, (subject.finished(batch) for batch in _first(iter(found), count))
    made = torch.Generator().manual_seed(seed)
    steps = (min(BATCH, count - start) for start in range(0, count, BATCH))
    about = "images of noise" if subject.run is None else f"images of noise ({found.why})"
    return about, (torch.randn(step, *size, generator=made) for step in steps)


def _first(batches: Iterator[torch.Tensor], count: int) -> Iterator[torch.Tensor]:
    """The first `count` images, in smaller batches."""
    left = count
    for batch in batches:
        yield from (batch[start : min(start + BATCH, left)] for start in range(0, min(left, len(batch)), BATCH))
        left -= min(left, len(batch))
        if not left:
            return


def _figures(shares: NDArray[np.float64], region: Region) -> dict[str, Any]:
    import numpy as np

    middles = [sum(side.reaching) / 2 for side in region.sides]
    rows, columns = (np.arange(length) - middle for length, middle in zip(shares.shape, middles, strict=True))
    near = np.outer(*(abs(axis) <= side.covered / 4 for axis, side in zip((rows, columns), region.sides, strict=True)))
    field = np.outer(*(_within(side.seen, side.length) for side in region.sides))
    distances = np.hypot(rows[:, None], columns[None])
    order = distances.ravel().argsort(kind="stable")
    reached = shares.ravel()[order].cumsum()
    half, most = (float(distances.ravel()[order][np.searchsorted(reached, part)]) for part in (0.5, 0.95))
    return {
        "shares": shares,
        "centre": float(shares[near].sum()),
        "even": float((near & field).sum() / field.sum()),
        "half": half,
        "most": most,
        "side": float(np.sqrt((shares >= DEVIATIONS * shares.max()).sum())),
    }


def _within(interval: tuple[int, int], length: int) -> NDArray[np.bool_]:
    import numpy as np

    places = np.arange(length)
    found: NDArray[np.bool_] = (places >= interval[0]) & (places <= interval[1])
    return found

"""An image moved through a trained network: its maps move with it, what dense layers make of them need not.

What comes in at the edges is black, as where training images are shifted. Imports torch inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cnncli.analysis.report import Row, report
from cnncli.data.progress import Progress
from cnncli.layers.conv import Conv2d
from cnncli.lessons.capture import captured, hookable
from cnncli.lessons.features import Guess, likeliest
from cnncli.lessons.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

BATCH = 64  # images at once


class Follow(NamedTuple):
    """How the maps of a convolution move with the image.

    row: its name · pixels, units: how far the image moved to the right, and its map with it · difference: the largest between the
    map and the other one moved back, over the `places` that see no edge before or after
    """

    row: str
    pixels: int
    units: int
    places: tuple[int, int]
    difference: float


class Journey(NamedTuple):
    """What a network says of an image wherever it is moved.

    image: C×H×W from 0 to 1 · shifts: −reach … reach · answers: [row][column], for the image moved so far down and right ·
    follows: of its convolutions · right, down: shares of `number` test images that are classified rightly, moved right or down by
    each of the shifts; () without test images
    """

    image: NDArray[np.float32]
    shifts: tuple[int, ...]
    answers: tuple[tuple[Guess, ...], ...]
    follows: tuple[Follow, ...]
    number: int = 0
    right: tuple[float, ...] = ()
    down: tuple[float, ...] = ()

    @property
    def unmoved(self) -> Guess:
        """The answer where the image stands where it stood."""
        middle = len(self.shifts) // 2
        return self.answers[middle][middle]

    @property
    def kept(self) -> int:
        """At how many of all places the answer is that."""
        return sum(guess.name == self.unmoved.name for line in self.answers for guess in line)


def journey(subject: Subject, pixels: torch.Tensor, reach: int, images: int, progress: Progress) -> Journey:
    """The image at all places up to `reach` pixels away. pixels: uint8 1×C×H×W · images: test images to move too, at most"""
    shifts = tuple(range(-reach, reach + 1))
    progress.begin("moving images", len(shifts) * 3)
    answers = []
    for by in shifts:
        answers.append(tuple(_answers(subject, [shifted(pixels, by, across) for across in shifts])))
        progress.done += 1
    found = Journey((pixels[0].float() / 255).numpy(), shifts, tuple(answers), follows(subject, pixels, reach))
    mine = _test_images(subject, images)
    if mine is None:
        return found
    right: list[float] = []
    down: list[float] = []
    for shift in shifts:
        right.append(_accuracy(subject, mine, 0, shift))
        down.append(_accuracy(subject, mine, shift, 0))
        progress.done += 2
    progress.end()
    return found._replace(number=len(mine[1]), right=tuple(right), down=tuple(down))


def shifted(pixels: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """N×C×H×W moved down and to the right, black where nothing was."""
    import torch

    height, width = pixels.shape[2:]
    moved = torch.zeros_like(pixels)
    rows, columns = ((max(0, by), max(0, min(size, size + by))) for by, size in ((down, height), (right, width)))
    if rows[0] < rows[1] and columns[0] < columns[1]:
        source = pixels[:, :, rows[0] - down : rows[1] - down, columns[0] - right : columns[1] - right]
        moved[:, :, rows[0] : rows[1], columns[0] : columns[1]] = source
    return moved


def _answers(subject: Subject, images: list[torch.Tensor]) -> list[Guess]:
    import torch

    with torch.no_grad():
        scores = torch.cat([subject.module(subject.finished(part)) for part in torch.cat(images).split(BATCH)])  # type: ignore[no-untyped-call]
    return [likeliest(subject, score[None], 1)[0] for score in scores]


def _accuracy(subject: Subject, images: tuple[torch.Tensor, torch.Tensor], down: int, right: int) -> float:
    import torch

    pixels, labels = images
    hits = 0
    with torch.no_grad():
        for start in range(0, len(labels), BATCH):
            scores = subject.module(subject.finished(shifted(pixels[start : start + BATCH], down, right)))
            hits += int((scores.argmax(1) == labels[start : start + BATCH]).sum())
    return hits / len(labels)


def _test_images(subject: Subject, most: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Test images of the run's own data and their classes; None where they are not at hand."""
    import torch

    from cnncli.data import Files
    from cnncli.data.reading import read, tensor
    from cnncli.data.resize import fit_images
    from cnncli.runs.export.samples import samples

    if subject.run is None or not most:
        return None
    found = samples(subject.run, Progress())
    if found.noise:
        return None
    count = min(most, len(found))
    part = found.part.part(torch.arange(count) * len(found) // count)
    if not isinstance(part, Files):
        return fit_images(part.images, found.size), part.labels
    (batch,) = read(part.paths, found.size, [range(count)], workers=0)
    bad = {place for place, _ in batch.bad}
    return tensor(batch.pixels, found.size), part.labels[[place for place in range(count) if place not in bad]]


def follows(subject: Subject, pixels: torch.Tensor, reach: int) -> tuple[Follow, ...]:
    """How the maps of each convolution move with the image, as far as its units step in `reach` pixels and some see no edge."""
    import torch

    watched = set(hookable(subject.module, subject.network))
    rows = [row for row in report(subject.network).rows if isinstance(row.layer, Conv2d) and row.name in watched]
    found = []
    for row in rows:
        step = _step(row, reach, (pixels.shape[2], pixels.shape[3]))
        if step is None:
            continue
        units, places = step
        maps = []
        for image in (pixels, shifted(pixels, 0, units * _jump(row))):
            with torch.no_grad(), captured(subject.module, subject.network, [row.name]) as outputs:
                subject.module(subject.finished(image))
            maps.append(outputs[row.name][0])
        down, right = places
        before, after = maps[0][:, down, right], maps[1][:, down, slice(right.start + units, right.stop + units)]
        size = (down.stop - down.start, right.stop - right.start)
        found.append(Follow(row.name, units * _jump(row), units, size, float((before - after).abs().max())))
    return tuple(found)


def _jump(row: Row) -> int:
    """Pixels from one unit to its neighbour on the right."""
    return row.field.axes[1].jump if row.field else 0


def _step(row: Row, reach: int, sizes: tuple[int, int]) -> tuple[int, tuple[slice, slice]] | None:
    """Units to move by, about half of what fits into `reach`; and the units that see neither edge nor padding before and after."""
    field = row.field
    if field is None or field.whole or len(field.axes) != 2 or any(axis.table for axis in field.axes):
        return None
    jump = _jump(row)
    units = max(1, reach // (2 * jump)) if jump else 0
    if not 0 < units * jump <= reach:
        return None
    spans = []
    for axis, by, size in zip(field.axes, (0, units * jump), sizes, strict=True):
        clear = [unit for unit in range(axis.units) if _clear(axis.reaching(unit), by, size)]
        if not clear:
            return None
        spans.append(slice(clear[0], clear[-1] + 1))
    return units, (spans[0], spans[1])


def _clear(interval: tuple[int, int], by: int, size: int) -> bool:
    """Whether what a unit sees lies in the image, and still does once it has moved."""
    return interval[0] >= 0 and interval[1] + by < size

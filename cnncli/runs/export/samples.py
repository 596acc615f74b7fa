"""Images to compare an export on: of the run's test split where its data are at hand, else noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from cnncli.analysis.report import report
from cnncli.data import Files, Split, dataset
from cnncli.data.progress import Progress
from cnncli.data.reading import read, tensor
from cnncli.data.resize import fit_images
from cnncli.errors import CnncliError
from cnncli.runs.export.request import MOST
from cnncli.runs.load import Opened
from cnncli.text import truncate
from cnncli.training.device import generator
from cnncli.training.setup import usual_batch

WORK = 1 << 40  # MACs that the comparison may take: half a minute or so on a small machine
LEAST = 64  # images that are compared however large the network is
NOISE = 256  # images


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Images at the network's size. about: whose they are · noise: whether they are made up · why: the reason for that, or ""."""

    about: str
    noise: bool
    part: Split | Files
    size: tuple[int, int, int]
    batch: int
    why: str = ""
    progress: Progress = field(default_factory=Progress)

    def __len__(self) -> int:
        return len(self.part)

    def __iter__(self) -> Iterator[torch.Tensor]:
        """uint8 N×C×H×W; the first batch is one image, for a batch may have any length. Images that cannot be read are left out."""
        self.progress.begin("comparing images", len(self))
        starts = [0, *range(1, len(self), self.batch)]
        for start, stop in zip(starts, [*starts[1:], len(self)], strict=True):
            pixels = self._pixels(range(start, stop))
            if len(pixels):
                yield pixels
            self.progress.done = stop
        self.progress.end()

    def _pixels(self, places: range) -> torch.Tensor:
        if isinstance(self.part, Split):
            return fit_images(self.part.images[places.start : places.stop], self.size)
        (batch,) = read(self.part.paths, self.size, [places], workers=0)
        return tensor(batch.pixels, self.size)


def samples(run: Opened, progress: Progress) -> Samples:
    """Up to `MOST` test images at even distances, fewer for a network that computes much; nothing is downloaded for it."""
    part = _test_images(run)
    why = part if isinstance(part, str) else ""
    chosen = _noise(run.size) if isinstance(part, str) else _some(part, _most(run))
    return Samples(
        about="images of noise" if why else f"test images of {truncate(run.recipe.data.name)}",
        noise=bool(why),
        part=chosen,
        size=run.size,
        batch=usual_batch(run.network),
        why=why,
        progress=progress,
    )


def _test_images(run: Opened) -> Split | Files | str:
    """The run's test split as it is stored, or why it is not at hand."""
    name = run.recipe.data.name
    try:
        source = dataset(name)
        if not source.where().there:
            return f"{truncate(name)} is not here"
        part = source.load().test
        if isinstance(part, Split):
            fit_images(part.images[:1], run.size)
    except CnncliError as error:
        return truncate(str(error), 200)
    return part if len(part) else f"{truncate(name)} holds no test image"


def _most(run: Opened) -> int:
    an_image = max(1, report(run.network).totals.macs)
    return min(MOST, max(LEAST, WORK // an_image))


def _some(part: Split | Files, most: int) -> Split | Files:
    if len(part) <= most:
        return part
    return part.part(torch.tensor([place * len(part) // most for place in range(most)]))


def _noise(size: tuple[int, int, int]) -> Split:
    images = torch.randint(0, 256, (NOISE, *size), dtype=torch.uint8, generator=generator("noise", NOISE))
    return Split(images=images, labels=torch.zeros(NOISE, dtype=torch.int64))

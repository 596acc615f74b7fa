"""An image for a network to look at: from a file, prepared as for training, or a run's own. Imports torch inside functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncli.errors import RequestError
from cnncli.lessons.subject import Subject, image_size

if TYPE_CHECKING:
    import torch


def image_of(subject: Subject, path: str | None, *, invert: bool = False) -> tuple[torch.Tensor, str]:
    """uint8 1×C×H×W of the network's size, and whose it is; without a path, the run's first test image.

    invert: exchange black and white. Raises `DataError` for a file that cannot be read, `RequestError` where no image is at hand.
    """
    if path is not None:
        pixels, name = _read(subject, path), path
    else:
        found = first_test_image(subject)
        if found is None:
            raise RequestError(f"{subject.network.name} has no images of its own at hand; write --image FILE")
        pixels, name = found, "the first test image"
    return (255 - pixels if invert else pixels), name


def first_test_image(subject: Subject) -> torch.Tensor | None:
    """The first test image of a run's data set, uint8 1×C×H×W of the network's size; None where it is not at hand."""
    if subject.run is None:
        return None
    from cnncli.data.progress import Progress
    from cnncli.runs.export.samples import samples

    found = samples(subject.run, Progress())
    return None if found.noise else next(iter(found))


def _read(subject: Subject, path: str) -> torch.Tensor:
    import numpy as np
    import torch

    from cnncli.data.pictures import picture

    channels, height, width = image_size(subject.size, subject.network.name)
    pixels = np.array(picture(path, channels, (height, width)), dtype=np.uint8)
    return torch.from_numpy(pixels.reshape(height, width, channels)).permute(2, 0, 1)[None]

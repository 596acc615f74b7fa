"""Images that are too many for memory: read from their files at every epoch, by processes that work ahead of the network.

Those processes only read, turn and size; what is drawn at random and all arithmetic happens as for images in memory. So a run
comes to the same bits whether its images were prepared or streamed, and by however many processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from cnncli.data import Files
from cnncli.data.reading import Read, read, tensor
from cnncli.errors import DataError
from cnncli.training.images import Batch, Finish, Step


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """A split in files, used as `Images` are. labels: int64, on the device · workers: as `read` takes them."""

    files: Files
    labels: torch.Tensor
    finish: Finish
    workers: int | None

    def __len__(self) -> int:
        return len(self.files)

    def chosen(self, indices: torch.Tensor, drawn: torch.Tensor | None = None) -> Batch:
        """The images at `indices`, float32, changed as `drawn` says if anything is; and their labels."""
        return next(self.batches([(indices, drawn)]))

    def batches(self, steps: Sequence[Step]) -> Iterator[Batch]:
        """A batch for each step; raises `DataError` for an image that cannot be read."""
        plan = [indices.tolist() for indices, _ in steps]
        for (indices, drawn), batch in zip(steps, self._read(plan), strict=True):
            yield self.finish(self._pixels(batch), drawn), self.labels.index_select(0, indices)

    def in_order(self, batch_size: int) -> Iterator[Batch]:
        """All images, as they lie."""
        plan = [range(start, min(start + batch_size, len(self))) for start in range(0, len(self), batch_size)]
        for indices, batch in zip(plan, self._read(plan), strict=True):
            yield self.finish(self._pixels(batch)), self.labels[indices.start : indices.stop]

    def _read(self, plan: Sequence[Sequence[int]]) -> Iterator[Read]:
        return read(self.files.paths, self.finish.size, plan, self.workers)

    def _pixels(self, batch: Read) -> torch.Tensor:
        if batch.bad:
            raise DataError(f"{batch.bad[0][1]}; mend or remove it, or write data.on_bad_image: skip")
        return tensor(batch.pixels, self.finish.size).to(self.finish.device)


def streamed(files: Files, finish: Finish, workers: int | None) -> Streamed:
    """`files` for the device of `finish`."""
    return Streamed(files=files, labels=files.labels.to(finish.device), finish=finish, workers=workers)

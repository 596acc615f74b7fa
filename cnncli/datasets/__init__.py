"""Data sources: what they are (torch-free), and how they are loaded (torch inside `load`).

A source is a file in this folder that declares `DATASETS`, a dict from name to `Dataset`. Its facts answer
`--dry-run` and refuse a wrong recipe before torch is imported; `load` brings the images into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnncli.registry import entries, find

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Split:
    """Images that fit in memory.

    images: uint8, N×C×H×W, 0 to 255 · labels: int64, N, an index into the set's classes
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The facts about a data source.

    shape: C×H×W as stored · train, test: number of images · load(): both splits at the stored size (raises `DataError`)
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train: int
    test: int
    licence: str
    load: Callable[[], tuple[Split, Split]]


def dataset(name: str) -> Dataset:
    """The data source called `name`; raises `UnknownName`."""
    found: Dataset = find("cnncli.datasets", "DATASETS", name, "data set")
    return found


def datasets() -> dict[str, Dataset]:
    """All data sources by name."""
    return entries("cnncli.datasets", "DATASETS")

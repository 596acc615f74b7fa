"""Made-up data: shaped as asked, the same every time."""

from __future__ import annotations

import pytest
import torch

from cnncli.data import dataset
from cnncli.errors import RequestError


@pytest.mark.parametrize(
    ("name", "shape", "classes", "train", "test"),
    [
        ("fake", (3, 32, 32), 10, 1000, 200),
        ("fake:1x8x9x3x50", (1, 8, 9), 3, 50, 10),
        ("fake:3×2×2×1×1", (3, 2, 2), 1, 1, 1),
    ],
)
def test_it_has_the_shape_that_was_asked_for(
    name: str, shape: tuple[int, int, int], classes: int, train: int, test: int
) -> None:
    """Counts, size and classes; each split holds what the facts say, and loads the same again."""
    facts = dataset(name)
    assert (facts.name, facts.shape, len(facts.classes), facts.train, facts.test) == (name, shape, classes, train, test)
    assert facts.where() == (None, True)
    first, again = facts.load()[:2], dataset(name).load()[:2]
    for split, other, count in zip(first, again, (train, test), strict=True):
        assert split.images.shape == (count, *shape)
        assert split.images.dtype == torch.uint8
        assert 0 <= split.labels.min() <= split.labels.max() < classes
        assert torch.equal(split.images, other.images)
        assert torch.equal(split.labels, other.labels)


def test_train_and_test_differ() -> None:
    """One is no copy of the beginning of the other."""
    train, test, _ = dataset("fake").load()
    assert not torch.equal(train.images[:200], test.images)
    assert train.images.float().mean() == pytest.approx(127.5, abs=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3x32x32", "is not fake:CxHxWxCLASSESxIMAGES; write it as in fake:3x64x64x10x1000"),
        ("3x32x32x10x-1", "is not fake:"),
        ("3x32x32x10x²", "is not fake:"),
        ("axbxcxdxe", "is not fake:"),
        ("", "is not fake:"),
        ("2x32x32x10x10", "needs 1 or 3 channels"),
        ("3x0x32x10x10", "needs 1 or 3 channels and sizes above 0"),
        ("3x1000x1000x10x10000", "would take 33.5 GiB; keep to 4 GiB"),
        ("1x1x1x1000000x10", "100,000 classes"),
    ],
)
def test_what_cannot_be_made_is_refused(text: str, message: str) -> None:
    """Exit code 2 and how to write it."""
    with pytest.raises(RequestError, match=message):
        dataset(f"fake:{text}")

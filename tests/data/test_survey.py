"""What a data source looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncli.data import dataset, survey
from cnncli.data.pictures import picture
from cnncli.data.progress import Progress
from cnncli.errors import DataError
from tests.data.conftest import Tiny, put


def test_a_set_in_memory_is_counted_exactly() -> None:
    """Sizes, moments of all training images, images of each class."""
    facts = dataset("digits")
    found = survey.survey(facts)
    train, test, _ = facts.load()
    values = train.images.double() / 255
    assert (found.smallest, found.largest, found.looked_at, found.unreadable) == ((8, 8), (8, 8), 1437, 0)
    assert found.mean == pytest.approx([values.mean().item()])
    assert found.deviation == pytest.approx([values.std(correction=0).item()])
    assert found.train == tuple(train.labels.bincount().tolist())
    assert found.test == tuple(test.labels.bincount().tolist())


def test_a_set_in_files_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes from smallest to largest, moments of the images' own pixels, unreadable ones counted, classes all counted."""
    put(tmp_path, *(f"train/{name}/{number}.png" for name in "ab" for number in range(10)), "test/a/1.png")
    Image.new("RGB", (30, 2), (255, 0, 51)).save(tmp_path / "train/a/4.png")
    (tmp_path / "train/a/2.png").write_bytes(b"")
    monkeypatch.setattr(survey, "SAMPLE", 10)
    progress = Progress()
    found = survey.survey(dataset(f"folder:{tmp_path}"), progress)
    paths = [tmp_path / f"train/{name}/{number}.png" for name in "ab" for number in (0, 2, 4, 6, 8)]
    paths.remove(tmp_path / "train/a/2.png")
    pixels = torch.cat(
        [torch.tensor(list(picture(str(path), 3).tobytes()), dtype=torch.float64).view(-1, 3) / 255 for path in paths]
    )
    assert (found.smallest, found.largest) == ((2, 6), (4, 30))
    assert (found.looked_at, found.unreadable) == (10, 1)
    assert found.mean == pytest.approx(pixels.mean(0).tolist())
    assert found.deviation == pytest.approx(pixels.std(0, correction=0).tolist())
    assert (found.train, found.test) == ((10, 10), (1, 0))
    assert progress == Progress()


def test_a_set_without_a_single_image_is_refused(tmp_path: Path) -> None:
    """There is nothing to take the mean of."""
    for name in ("a/1.png", "a/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="none of 1 images can be read"):
        survey.survey(dataset(f"folder:{tmp_path}"))


def test_samples_are_the_first_of_each_class(empty: Tiny, tmp_path: Path) -> None:
    """Ten at most, in order of the classes; of files those that can be read, at one size."""
    assert not empty.root.exists()
    rows = survey.samples(dataset("digits"))
    train, _, _ = dataset("digits").load()
    assert [name for name, _ in rows] == list("0123456789")
    assert torch.equal(rows[3][1], train.images[train.labels == 3][:10])
    put(tmp_path, *(f"train/a/{number}.png" for number in range(3)), "train/b/1.png", "test/b/1.png")
    (tmp_path / "train/a/0.png").write_bytes(b"")
    (tmp_path / "train/b/1.png").write_bytes(b"")
    rows = survey.samples(dataset(f"folder:{tmp_path}"))
    assert [(name, tuple(images.shape)) for name, images in rows] == [("a", (2, 3, 64, 64))]


def test_of_many_classes_twenty_are_shown() -> None:
    """At even distances from the first."""
    rows = survey.samples(dataset("fake:1x2x2x47x4700"))
    assert [name for name, _ in rows] == [str(label) for label in range(0, 47, 3)]

"""Images at another size, their channels, their statistics."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn.functional import interpolate

from cnncli.data import Split, dataset, resize
from cnncli.data.resize import fit, fit_images, statistics
from cnncli.errors import DataError, ShapeError

sides = st.integers(1, 12)
channels = st.sampled_from([1, 3])


def pictures(number: int, *size: int, seed: int = 0) -> torch.Tensor:
    """Random uint8 images."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (number, *size), generator=generator, dtype=torch.uint8)


def pillow(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """One grey image H×W as Pillow resizes it: bilinear, and antialiased where it shrinks."""
    resized = Image.fromarray(image.numpy()).resize((width, height), Image.Resampling.BILINEAR)
    return torch.tensor(list(resized.tobytes()), dtype=torch.uint8).view(height, width)


def test_same_size_is_the_same_object() -> None:
    """Nothing is copied where nothing changes."""
    split = Split(images=pictures(3, 1, 8, 8), labels=torch.arange(3))
    assert fit(split, (1, 8, 8)) is split


def test_labels_stay() -> None:
    """Labels are those of the images, in their order."""
    split = Split(images=pictures(3, 1, 8, 8), labels=torch.arange(3))
    fitted = fit(split, (3, 16, 16))
    assert fitted.labels is split.labels
    assert len(fitted) == 3


@settings(deadline=None, max_examples=60)
@given(height=sides, width=sides, to_height=sides, to_width=sides, seed=st.integers(0, 99))
def test_pixels_are_pillows(height: int, width: int, to_height: int, to_width: int, seed: int) -> None:
    """Growing, shrinking and both at once agree with Pillow to one level (it rounds after each axis)."""
    images = pictures(2, 1, height, width, seed=seed)
    fitted = fit_images(images, (1, to_height, to_width))
    assert (fitted.dtype, fitted.shape) == (torch.uint8, (2, 1, to_height, to_width))
    for image, found in zip(images, fitted, strict=True):
        assert (pillow(image[0], to_height, to_width).int() - found[0].int()).abs().max() <= 1


@pytest.mark.parametrize("size", [(28, 28), (8, 20), (224, 224)])
def test_growing_is_plain_bilinear(size: tuple[int, int]) -> None:
    """Where no axis shrinks, the pixels are those of bilinear interpolation in float64, rounded to the nearest."""
    images = dataset("digits").load()[1].images[:20]
    exact = interpolate(images.double(), size, mode="bilinear")
    assert (fit_images(images, (1, *size)).double() - exact).abs().max() < 0.5001


@settings(deadline=None, max_examples=60)
@given(of=channels, to=channels, side=sides, to_side=sides, value=st.integers(0, 255))
def test_flat_images_stay_flat(of: int, to: int, side: int, to_side: int, value: int) -> None:
    """An image of one grey level keeps it at every size and in every channel."""
    images = torch.full((2, of, side, side), value, dtype=torch.uint8)
    fitted = fit_images(images, (to, to_side, to_side))
    assert fitted.shape == (2, to, to_side, to_side)
    assert (fitted == value).all()


def test_grey_becomes_rgb_by_repetition() -> None:
    """Each of the three channels is the grey one."""
    images = pictures(4, 1, 5, 5)
    assert torch.equal(fit_images(images, (3, 5, 5)), images.repeat(1, 3, 1, 1))


def test_rgb_becomes_grey_by_luma() -> None:
    """Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as Pillow has it."""
    images = pictures(1, 3, 16, 16)
    theirs = Image.fromarray(images[0].permute(1, 2, 0).contiguous().numpy()).convert("L")
    ours = fit_images(images, (1, 16, 16))
    assert (ours.flatten().int() - torch.tensor(list(theirs.tobytes())).int()).abs().max() <= 1
    pure = torch.eye(3, dtype=torch.uint8).view(3, 3, 1, 1) * 255
    assert fit_images(pure, (1, 1, 1)).flatten().tolist() == [76, 150, 29]


def test_other_channels_are_refused() -> None:
    """Two channels have no meaning as grey or RGB."""
    with pytest.raises(ShapeError, match="cannot make 3-channel images of 2 channels"):
        fit_images(pictures(1, 2, 4, 4), (3, 4, 4))


@pytest.mark.parametrize("chunk", [1, 100, 1000])
def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """However little memory is allowed, the images are the same."""
    images = pictures(23, 3, 6, 5)
    whole, moments = fit_images(images, (1, 9, 4)), statistics(images)
    monkeypatch.setattr(resize, "CHUNK", chunk)
    assert torch.equal(fit_images(images, (1, 9, 4)), whole)
    assert statistics(images) == moments


def test_no_images_fit_any_size() -> None:
    """An empty split stays empty."""
    assert fit_images(pictures(0, 1, 4, 4), (3, 8, 8)).shape == (0, 3, 8, 8)


@settings(deadline=None)
@given(number=st.integers(1, 20), depth=st.integers(1, 4), side=sides, seed=st.integers(0, 99))
def test_statistics_are_those_of_float64(number: int, depth: int, side: int, seed: int) -> None:
    """Mean and deviation equal torch's in float64, over images and pixels, per channel."""
    images = pictures(number, depth, side, side, seed=seed)
    mean, deviation = statistics(images)
    values = images.double() / 255
    assert mean == pytest.approx(values.mean((0, 2, 3)).tolist(), rel=1e-13)
    assert deviation == pytest.approx(values.std((0, 2, 3), correction=0).tolist(), rel=1e-11, abs=1e-15)


def test_statistics_of_one_level() -> None:
    """A flat channel deviates by exactly nothing."""
    assert statistics(torch.full((7, 1, 3, 3), 51, dtype=torch.uint8)) == ((0.2,), (0.0,))


def test_statistics_of_nothing_are_refused() -> None:
    """There is no mean of no images."""
    with pytest.raises(DataError, match="no images"):
        statistics(pictures(0, 1, 4, 4))


def test_statistics_of_mnist_are_the_familiar_ones() -> None:
    """MNIST's mean and deviation are the 0.1307 and 0.3081 that every tutorial quotes."""
    if not os.environ.get("CNNCLI_DATA"):
        pytest.skip("CNNCLI_DATA is not set: the real set is not at hand")
    mean, deviation = statistics(dataset("mnist").load()[0].images)
    assert (round(mean[0], 4), round(deviation[0], 4)) == (0.1307, 0.3081)

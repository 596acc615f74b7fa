"""Colours and levels: what torchvision makes of the same pixels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as theirs

from cnncli.training import augment

FACTORS = [0.0, 0.1, 0.7, 1.0, 1.3, 1.9]
SIZE = (41, 53)  # enough pixels for levels to be spread

channels = st.sampled_from([1, 3])


def pictures(depth: int, seed: int, low: int = 0, high: int = 256) -> torch.Tensor:
    """An image for each factor, uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (len(FACTORS), depth, *SIZE), dtype=torch.uint8, generator=generator)


@settings(deadline=None, max_examples=30)
@given(depth=channels, seed=st.integers(0, 99))
@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (augment.brightness, "adjust_brightness"),
        (augment.contrast, "adjust_contrast"),
        (augment.saturation, "adjust_saturation"),
        (augment.sharpness, "adjust_sharpness"),
    ],
)
def test_factors_do_what_torchvisions_do(
    ours: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], name: str, depth: int, seed: int
) -> None:
    """To within two levels: theirs are cut to whole ones, the grey image and the result."""
    images = pictures(depth, seed)
    found = ours(images.float(), torch.tensor(FACTORS))
    for image, factor, one in zip(images, FACTORS, found, strict=True):
        expected = getattr(theirs, name)(image, factor)
        assert (one - expected.float()).abs().max() < 2, (name, factor)


@settings(deadline=None, max_examples=30)
@given(depth=channels, seed=st.integers(0, 99), bits=st.integers(1, 8), threshold=st.integers(0, 255))
def test_levels_are_torchvisions(depth: int, seed: int, bits: int, threshold: int) -> None:
    """Posterising and solarising give the same integers."""
    images = pictures(depth, seed)
    some = torch.full((len(images),), float(bits))
    assert torch.equal(augment.posterize(images.float(), some), theirs.posterize(images, bits).float())
    some = torch.full((len(images),), float(threshold))
    assert torch.equal(augment.solarize(images.float(), some), theirs.solarize(images, threshold).float())


@settings(deadline=None, max_examples=60)
@given(depth=channels, seed=st.integers(0, 99), low=st.integers(0, 120), spread=st.integers(1, 120))
def test_stretched_and_spread_levels_are_torchvisions(depth: int, seed: int, low: int, spread: int) -> None:
    """Also of images with few levels; stretched ones to within the rounding, spread ones the same integers."""
    images = pictures(depth, seed, low, low + spread)
    assert (augment.autocontrast(images.float()) - theirs.autocontrast(images).float()).abs().max() < 1.01
    assert torch.equal(augment.equalize(images.float()), theirs.equalize(images).float())


@pytest.mark.parametrize("change", [augment.autocontrast, augment.equalize])
def test_an_image_of_one_level_stays(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """There is nothing to stretch or to spread, and nothing is divided by 0."""
    flat = torch.full((2, 3, 4, 4), 77.0)
    assert torch.equal(change(flat), flat)


@pytest.mark.parametrize("side", [1, 2])
def test_an_image_without_an_inside_is_not_sharpened(side: int) -> None:
    """Its outermost pixels stay, and it has no others."""
    image = torch.rand(2, 3, side, 5) * 255
    assert torch.equal(augment.sharpness(image, torch.tensor([0.0, 1.9])), image)


def test_grey_images_have_no_colours_to_change() -> None:
    """A single channel stays, whatever the factor."""
    image = torch.rand(2, 1, 4, 4) * 255
    assert augment.saturation(image, torch.tensor([0.0, 2.0])) is image

"""RandAugment: which kinds are drawn, and what each does."""

from __future__ import annotations

import pytest
import torch

from cnncli.training import augment
from cnncli.training.augment import KINDS, randaugment

NAMES = list(KINDS)
FULL = 30.0


def number(name: str) -> float:
    """What is drawn for the kind called `name`."""
    return (NAMES.index(name) + 0.5) / len(NAMES) * 2 - 1


def changed(name: str, image: torch.Tensor, *, up: bool = True, strength: float = FULL) -> torch.Tensor:
    """`image`, N×C×H×W, with one change of that kind."""
    drawn = torch.tensor([[number(name), 0.5 if up else -0.5]]).expand(len(image), -1)
    return randaugment(image, drawn, strength)


def pixel(row: int, column: int) -> torch.Tensor:
    """One white pixel on black, 33×33."""
    image = torch.zeros(1, 1, 33, 33)
    image[0, 0, row, column] = 255
    return image


def centre(image: torch.Tensor) -> tuple[float, float]:
    """Where the white is: row, column."""
    places, weight = torch.arange(33.0), image.sum()
    return float((image[0, 0].sum(1) * places).sum() / weight), float((image[0, 0].sum(0) * places).sum() / weight)


def test_there_are_fourteen_kinds_each_as_likely() -> None:
    """Every kind has its own fourteenth of what can be drawn."""
    assert len(NAMES) == 14
    image, drawn = torch.full((1400, 1, 2, 2), 100.0), torch.linspace(-1, 1, 1400).view(-1, 1)
    found = randaugment(image, torch.cat([drawn, torch.ones(1400, 1)], 1), FULL)[:, 0, 0, 0]
    brighter = (found == 190).nonzero().flatten() // 100  # 100 · (1 + 0.9)
    assert brighter.unique().tolist() == [NAMES.index("brightness")]
    assert len(brighter) in range(98, 103)


def test_identity_changes_nothing() -> None:
    """Not a bit."""
    image = torch.rand(3, 3, 5, 5) * 255
    assert torch.equal(changed("identity", image), image)


@pytest.mark.parametrize(
    ("name", "place", "moved"),
    [
        ("translate x", (16, 16), (16, 16 - 33 * 150 / 331)),
        ("translate y", (16, 16), (16 - 33 * 150 / 331, 16)),
        ("shear x", (26, 16), (26, 16 - 10 * 0.3)),
        ("shear y", (16, 26), (16 - 10 * 0.3, 26)),
    ],
)
def test_moves_go_as_far_as_at_full_strength(name: str, place: tuple[int, int], moved: tuple[float, float]) -> None:
    """In pixels; the other direction goes the other way, and half the strength half as far."""
    assert centre(changed(name, pixel(*place))) == pytest.approx(moved, abs=0.05)
    back = tuple(2 * start - end for start, end in zip(place, moved, strict=True))
    assert centre(changed(name, pixel(*place), up=False)) == pytest.approx(back, abs=0.05)
    half = tuple((start + end) / 2 for start, end in zip(place, moved, strict=True))
    assert centre(changed(name, pixel(*place), strength=15)) == pytest.approx(half, abs=0.05)


def test_a_turn_is_by_30_degrees() -> None:
    """A pixel ten from the centre stays ten from it."""
    row, column = centre(changed("rotate", pixel(16, 26)))
    assert ((row - 16) ** 2 + (column - 16) ** 2) ** 0.5 == pytest.approx(10, abs=0.3)
    assert abs(row - 16) == pytest.approx(5, abs=0.3)


@pytest.mark.parametrize("up", [True, False])
def test_colours_change_by_nine_tenths(*, up: bool) -> None:
    """Brightness, colours, contrast and sharpness by 1.9 or 0.1; levels whatever the direction."""
    image = (torch.rand(2, 3, 5, 5) * 255).round()
    factors = torch.full((2,), 1.9 if up else 0.1)
    for name, change in (
        ("brightness", augment.brightness),
        ("colour", augment.saturation),
        ("contrast", augment.contrast),
        ("sharpness", augment.sharpness),
    ):
        torch.testing.assert_close(changed(name, image, up=up), change(image, factors))
    assert torch.equal(changed("posterize", image, up=up), augment.posterize(image, torch.full((2,), 4.0)))
    assert torch.equal(changed("solarize", image, up=up), augment.solarize(image, torch.zeros(2)))
    assert torch.equal(changed("autocontrast", image, up=up), augment.autocontrast(image))
    assert torch.equal(changed("equalize", image, up=up), augment.equalize(image))


def test_changes_follow_each_other_and_leave_the_images_they_are_given_alone() -> None:
    """Twice brighter is brighter twice; every image gets its own."""
    image = torch.full((2, 1, 4, 4), 20.0)
    twice = torch.tensor([[number("brightness"), 0.5] * 2, [number("identity"), 0.5] * 2])
    found = randaugment(image, twice, FULL)
    assert found[0].unique().item() == pytest.approx(20 * 1.9 * 1.9)
    assert found[1].unique().tolist() == [20]
    assert image.unique().tolist() == [20]


def test_what_an_image_gets_does_not_depend_on_its_batch() -> None:
    """Alone or among others; and it stays within 0 and 255."""
    generator = torch.Generator().manual_seed(0)
    images = (torch.rand(64, 3, 8, 8, generator=generator) * 255).round()
    drawn = torch.rand(64, 4, generator=generator) * 2 - 1
    together = randaugment(images, drawn, 9.0)
    apart = [randaugment(image[None], numbers[None], 9.0)[0] for image, numbers in zip(images, drawn, strict=True)]
    torch.testing.assert_close(together, torch.stack(apart), atol=1e-4, rtol=0)
    assert together.min() >= -1e-3
    assert together.max() <= 255 + 1e-3

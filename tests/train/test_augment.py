"""Random changes to images: what each map does to a picture, and that it depends on its place alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from cnncli.recipe import Augmentation, Rotate, Scale, Shift
from cnncli.train.affine import warp
from cnncli.train.augment import apply, draw
from cnncli.train.augment import maps as maps_of
from cnncli.train.job import Job

SIZE = (9, 13)
CHAIN: tuple[Augmentation, ...] = (Shift(shift=2), Rotate(rotate=15), Scale(scale=0.1), "flip")


def maps(*chain: Augmentation, count: int = 64, size: tuple[int, int] = SIZE, seed: int = 3) -> torch.Tensor:
    """Maps drawn from a fixed seed."""
    drawn = draw(chain, count, torch.Generator().manual_seed(seed))
    return maps_of(chain, drawn.view(count, len(chain), 2).unbind(1), size)


def picture(row: int, column: int) -> torch.Tensor:
    """One white pixel on black."""
    image = torch.zeros(1, 1, *SIZE)
    image[0, 0, row, column] = 1
    return image


def test_no_change_is_no_change() -> None:
    """An empty chain shows every pixel where it was."""
    image = torch.rand(64, 2, *SIZE)
    same = apply((), image, draw((), 64, torch.Generator()), torch.zeros(2, 1, 1))
    torch.testing.assert_close(same, image, atol=0, rtol=0)


def test_a_flip_mirrors_about_half_of_the_images_and_leaves_the_rest() -> None:
    """Left to right, pixel for pixel."""
    image = torch.rand(1, 1, *SIZE).expand(64, -1, -1, -1)
    shown = warp(image, maps("flip"))
    flipped = [torch.allclose(one, image[0].flip(2), atol=1e-5) for one in shown]
    kept = [torch.allclose(one, image[0], atol=1e-5) for one in shown]
    assert all(one != other for one, other in zip(flipped, kept, strict=True))
    assert 20 < sum(flipped) < 44


def test_a_shift_moves_by_at_most_so_many_pixels_of_a_picture_that_is_not_square() -> None:
    """The centre of mass of a pixel moves by what was drawn, up to 2 pixels along each axis."""
    shown = warp(picture(4, 6).expand(64, -1, -1, -1), maps(Shift(shift=2)))[:, 0]
    weight = shown.sum((1, 2))
    down = (shown.sum(2) * torch.arange(SIZE[0])).sum(1) / weight - 4
    across = (shown.sum(1) * torch.arange(SIZE[1])).sum(1) / weight - 6
    torch.testing.assert_close(weight, torch.ones(64), atol=1e-4, rtol=0)
    for moved in (down, across):
        assert moved.abs().max() <= 2 + 1e-4
        assert moved.abs().max() > 1.5
        assert len(set(moved.tolist())) == 64


def test_a_turn_keeps_the_distance_from_the_centre() -> None:
    """A pixel 4 to the right of the centre stays 4 away, within 30 degrees, though the picture is not square."""
    shown = warp(picture(4, 10).expand(64, -1, -1, -1), maps(Rotate(rotate=30)))[:, 0]
    weight = shown.sum((1, 2))
    down = (shown.sum(2) * torch.arange(SIZE[0])).sum(1) / weight - 4
    across = (shown.sum(1) * torch.arange(SIZE[1])).sum(1) / weight - 6
    torch.testing.assert_close((down**2 + across**2).sqrt(), torch.full((64,), 4.0), atol=0.35, rtol=0)
    angles = torch.atan2(down, across).rad2deg()
    assert angles.abs().max() < 33
    assert angles.min() < -20 < 20 < angles.max()


def test_a_scaling_is_about_the_centre() -> None:
    """A pixel 4 to the right of the centre ends between 3 and 5 to the right of it, on the same row."""
    shown = warp(picture(4, 10).expand(64, -1, -1, -1), maps(Scale(scale=0.25)))[:, 0]
    across = (shown.sum(1) * torch.arange(SIZE[1])).sum(1) / shown.sum((1, 2)) - 6
    assert across.min() > 2.9
    assert across.max() < 5.1
    assert across.max() - across.min() > 1


def test_a_chain_is_its_parts_one_after_the_other() -> None:
    """Shifting, then turning by a right angle differs from turning first; the map follows the order that was written."""
    quarter = maps(Rotate(rotate=90), count=1, size=(9, 9), seed=0)
    both = maps(Rotate(rotate=90), Shift(shift=2), count=1, size=(9, 9), seed=0)
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 6] = 1
    turned, moved = warp(image, quarter)[0, 0], warp(image, both)[0, 0]

    def centre(shown: torch.Tensor) -> torch.Tensor:
        places = torch.arange(9.0)
        return torch.stack([(shown.sum(1) * places).sum(), (shown.sum(0) * places).sum()]) / shown.sum()

    shift = (torch.rand(2, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1)[1] * 2  # drawn after the angle
    down, across = (centre(moved) - centre(turned)).tolist()
    assert (across, down) == pytest.approx((-shift[0].item(), -shift[1].item()), abs=0.1)


def test_what_an_image_gets_depends_on_seed_epoch_and_position_alone(job: Callable[..., Job]) -> None:
    """Another batch size cuts the same maps otherwise; another epoch or seed draws others."""
    augment = "augment=[{shift: 2}, {rotate: 10}]"
    wide, narrow = job(augment, "batch_size=50"), job(augment, "batch_size=7")
    assert torch.equal(_together(wide, 3), _together(narrow, 3))
    assert not torch.equal(_together(wide, 3), _together(wide, 4))
    assert not torch.equal(_together(wide, 3), _together(job(augment, "seed=1"), 3))


def test_without_augmentation_nothing_is_changed(job: Callable[..., Job]) -> None:
    """Nothing is drawn, a step for each batch."""
    plain = job("augment=[]")
    assert [drawn for _, drawn in plain.steps(1)] == [None] * plain.steps_an_epoch


def _together(job: Job, epoch: int) -> torch.Tensor:
    return torch.cat([drawn for _, drawn in job.steps(epoch) if drawn is not None])

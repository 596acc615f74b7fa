"""Random changes to images: what each map does to a picture, and that it depends on its place alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import pad

from cnncli.recipe.augment import AUGMENTATIONS, Strength, augmentation
from cnncli.sources.recipes import Augmentation, Crop, Cutout, Jitter, RandAugment, Rotate, Scale, Shift
from cnncli.training import augment
from cnncli.training.augment import apply, draw, warp
from cnncli.training.augment import maps as maps_of
from cnncli.training.setup import Setup

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


def test_a_flip_alone_loses_no_bit() -> None:
    """Every image is itself or its mirror image, exactly, and where other changes are too, nearly."""
    image = torch.rand(64, 3, *SIZE) * 255
    drawn = draw(("flip",), 64, torch.Generator().manual_seed(1))
    shown = apply(("flip",), image, drawn, torch.zeros(3, 1, 1))
    mirrored = [bool(torch.equal(one, whole.flip(2))) for one, whole in zip(shown, image, strict=True)]
    assert mirrored == (drawn[:, 0] < 0).tolist()
    assert all(
        torch.equal(one, whole) for one, whole, flipped in zip(shown, image, mirrored, strict=True) if not flipped
    )
    torch.testing.assert_close(warp(image, maps_of(("flip",), [drawn], SIZE)), shown, atol=1e-2, rtol=0)


def test_a_crop_is_the_image_moved_by_whole_pixels() -> None:
    """By up to the margin, black where nothing was, and every place is drawn."""
    image = torch.rand(1, 2, *SIZE) + 1
    many = draw((Crop(crop=2),), 500, torch.Generator().manual_seed(1))
    shown = apply((Crop(crop=2),), image.expand(500, -1, -1, -1), many, torch.zeros(2, 1, 1))
    padded = pad(image[0], (2, 2, 2, 2))
    height, width = SIZE
    places = {
        (down, across): padded[:, down : down + height, across : across + width]
        for down in range(5)
        for across in range(5)
    }
    found = [next(place for place, expected in places.items() if torch.equal(one, expected)) for one in shown]
    assert set(found) == set(places)


@pytest.mark.parametrize("side", [1, 4, 5, 99])
def test_a_cutout_is_a_square_of_the_mean_colour_about_some_pixel(side: int) -> None:
    """Of that side where it does not reach over the edge, somewhere on every image, and nothing else changes."""
    image, fill = torch.zeros(2000, 2, *SIZE), torch.tensor([3.0, 4.0]).view(2, 1, 1)
    shown = apply(
        (Cutout(cutout=side),), image, draw((Cutout(cutout=side),), 2000, torch.Generator().manual_seed(1)), fill
    )
    assert set(shown[:, 0].unique().tolist()) <= {0.0, 3.0}
    assert torch.equal(shown[:, 1], shown[:, 0] / 3 * 4)
    hole = shown[:, 0] > 0
    rows, columns = hole.any(2).sum(1), hole.any(1).sum(1)
    assert torch.equal(rows * columns, hole.sum((1, 2)))
    assert (rows.max(), columns.max()) == (min(side, SIZE[0]), min(side, SIZE[1]))
    assert rows.min() == min(side - side // 2, SIZE[0])
    assert hole.any(0).all()


def test_a_jitter_stays_within_its_range() -> None:
    """Brightness, contrast and colours between 0.8 and 1.2 times what they were, each for itself."""
    image = (torch.rand(1, 3, *SIZE) * 255).expand(200, -1, -1, -1)
    change = Jitter(jitter=0.2)
    drawn = draw((change,), 200, torch.Generator().manual_seed(1))
    shown = apply((change,), image, drawn, torch.zeros(3, 1, 1))
    bright, strong, colourful = (1 + 0.2 * drawn).unbind(1)
    assert all(0.8 <= factors.min() < 0.82 and 1.18 < factors.max() <= 1.2 for factors in (bright, strong, colourful))
    expected = augment.saturation(augment.contrast(augment.brightness(image, bright), strong), colourful)
    torch.testing.assert_close(shown, expected)
    assert len({float(one.mean()) for one in shown}) == 200


def test_another_change_later_leaves_those_before_it_alone() -> None:
    """What is drawn for the first is the same with and without a second."""
    first, generator = Crop(crop=2), torch.Generator
    alone = draw((first,), 20, generator().manual_seed(5))
    both = draw((first, Jitter(jitter=0.1)), 20, generator().manual_seed(5))
    assert torch.equal(both[:, :2], alone)
    assert both.shape == (20, 5)


def test_every_kind_of_change_can_be_applied() -> None:
    """All that the recipe knows, one after the other, on grey and on colour images; what comes out stays within 0 and 255."""
    chain = checked_chain()
    assert {augmentation(change) for change in chain} == set(AUGMENTATIONS)
    for depth in (1, 3):
        image = torch.rand(16, depth, *SIZE) * 255
        shown = apply(chain, image, draw(chain, 16, torch.Generator().manual_seed(1)), torch.full((depth, 1, 1), 99.0))
        assert shown.shape == image.shape
        assert shown.min() >= 0
        assert shown.max() <= 255 + 1e-3


def checked_chain() -> tuple[Augmentation, ...]:
    """One change of every kind."""
    return (
        *CHAIN,
        Crop(crop=2),
        Jitter(jitter=0.2),
        Cutout(cutout=3),
        RandAugment(randaugment=Strength(n=2, m=9)),
    )


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


def test_what_an_image_gets_depends_on_seed_epoch_and_position_alone(setup: Callable[..., Setup]) -> None:
    """Another batch size cuts the same maps otherwise; another epoch or seed draws others."""
    augment = "augment=[{shift: 2}, {rotate: 10}]"
    wide, narrow = setup(augment, "batch_size=50"), setup(augment, "batch_size=7")
    assert torch.equal(_together(wide, 3), _together(narrow, 3))
    assert not torch.equal(_together(wide, 3), _together(wide, 4))
    assert not torch.equal(_together(wide, 3), _together(setup(augment, "seed=1"), 3))


def test_without_augmentation_nothing_is_changed(setup: Callable[..., Setup]) -> None:
    """Nothing is drawn, a step for each batch."""
    plain = setup("augment=[]")
    assert [drawn for _, drawn in plain.steps(1)] == [None] * plain.steps_per_epoch


def _together(setup: Setup, epoch: int) -> torch.Tensor:
    return torch.cat([drawn for _, drawn in setup.steps(epoch) if drawn is not None])

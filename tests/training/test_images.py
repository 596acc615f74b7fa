"""Images in memory: what a batch holds, how a set is divided, and that size and memory do not change the values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncli.data import Split, dataset
from cnncli.errors import RequestError
from cnncli.sources.recipes import Shift
from cnncli.training import images as module
from cnncli.training.images import Images, divided, finish, placed, scale_of
from cnncli.training.setup import Setup

AWAY = (Shift(shift=100),)


def made(split: Split, size: tuple[int, int, int] = (1, 28, 28)) -> Images:
    """`split` on the CPU."""
    scale = scale_of(split.images, size[0])
    cpu = torch.device("cpu")
    return placed(split, finish(scale, size=size, device=cpu, memory_format=torch.channels_last, augment=AWAY))


def some(count: int = 40, channels: int = 1) -> Split:
    """Random pixels."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, channels, 8, 8), dtype=torch.uint8, generator=generator)
    return Split(images=pixels, labels=torch.arange(count) % 5)


def test_a_batch_has_mean_0_and_deviation_1_over_the_training_images() -> None:
    """Per channel, at the size as stored."""
    split = some(channels=3)
    pixels, labels = made(split, (3, 8, 8)).chosen(torch.arange(40))
    torch.testing.assert_close(pixels.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pixels.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)
    assert torch.equal(labels, split.labels)
    assert pixels.dtype == torch.float32


def test_a_channel_of_one_value_is_not_divided_by_its_deviation() -> None:
    """All-black images become zeros, not NaN."""
    black = Split(images=torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels=torch.zeros(4, dtype=torch.int64))
    assert torch.equal(made(black).chosen(torch.arange(4))[0], torch.zeros(4, 1, 28, 28))


def test_images_that_would_take_too_much_memory_are_sized_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values are the same, and so are those in order."""
    split, indices = some(), torch.tensor([3, 1, 38])
    ready = made(split)
    monkeypatch.setattr(module, "budget", lambda: 0)
    lazy = made(split)
    assert lazy.pixels.shape[2:] == (8, 8)
    assert ready.pixels.shape[2:] == (28, 28)
    assert torch.equal(lazy.chosen(indices)[0], ready.chosen(indices)[0])
    whole = torch.cat([pixels for pixels, _ in lazy.in_order(7)])
    assert torch.equal(whole, ready.chosen(torch.arange(40))[0])


def test_what_a_warp_lets_in_is_black() -> None:
    """Outside the image is 0 before normalisation: the value of a black pixel, not the mean."""
    split = some()
    ready = made(split)
    shown = ready.chosen(torch.tensor([0]), torch.ones(1, 2))[0]
    assert torch.equal(shown, ready.finish.offset.expand(1, 1, 28, 28))


@given(st.sampled_from([0.0, 0.1, 0.25]), st.one_of(st.none(), st.integers(1, 1500)), st.integers(0, 9))
def test_a_division_keeps_every_image_once_and_the_classes_shares(val: float, limit: int | None, seed: int) -> None:
    """Training and validation are apart, as large as asked for, and each class has its share of both."""
    digits = dataset("digits").load()[0]
    marked = Split(images=torch.arange(len(digits)).view(-1, 1, 1, 1), labels=digits.labels)
    train, held = divided(marked, val=val, limit=limit, seed=seed)
    whole = len(digits) - round(val * len(digits))
    assert len(train) == min(limit or whole, whole)
    kept = [*train.images.flatten().tolist(), *(held.images.flatten().tolist() if held else [])]
    assert len(set(kept)) == len(kept)
    for part in (train, held):
        if part:
            shares = part.labels.bincount(minlength=10) - digits.labels.bincount() * len(part) / len(digits)
            assert shares.abs().max() <= 2


def test_a_division_is_a_function_of_the_seed() -> None:
    """The same seed keeps the same images, another one others."""
    digits = dataset("digits").load()[0]
    first, again, other = (divided(digits, val=0.1, limit=None, seed=seed)[0].images for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_division_that_leaves_nothing_to_train_on_is_refused() -> None:
    """The message names the key, the value and the cure."""
    with pytest.raises(RequestError, match=r"data\.val 0\.99 leaves none of 4 images .* smaller"):
        divided(some(4), val=0.99, limit=None, seed=0)


@pytest.mark.parametrize(("normalize", "largest"), [("unit", 1.0), ("raw", 255.0)])
def test_inputs_that_are_not_normalised(setup: Callable[..., Setup], normalize: str, largest: float) -> None:
    """From 0 to 1, or as bytes are, in training and evaluation alike; black stays 0."""
    made = setup(f"data.normalize={normalize}")
    for images in (made.train, made.test):
        values, _ = next(iter(images.in_order(100)))
        assert (values.min().item(), values.max().item()) == (0.0, pytest.approx(largest))

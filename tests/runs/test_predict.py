"""Asking a network about image files: prepared as in training, in order, whatever the batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncli.data import dataset
from cnncli.data.named import Named
from cnncli.files import run_folder as folder
from cnncli.runs.load import Opened, opened
from cnncli.runs.predict import Prediction, predictions
from cnncli.sources.recipes import load, resolved
from cnncli.training.images import Images
from cnncli.training.run import start
from tests.training.conftest import small

pytestmark = pytest.mark.usefixtures("elsewhere", "own_data")


def trained(*overrides: str) -> Opened:
    """A small run, trained and opened."""
    wanted = load("lenet", small(*overrides))
    run = start(wanted, folder.new_folder("lenet", resolved(wanted)), "cpu")
    list(run.epochs())
    return opened(run.path, device="cpu")


def digits(count: int) -> list[Named]:
    """The first test digits as files of 28×28 pixels."""
    _, test, _ = dataset("digits").load()
    for place in range(count):
        Image.fromarray(test.images[place, 0].numpy()).resize((28, 28), Image.Resampling.BILINEAR).save(f"{place}.png")
    return [Named(f"{place}.png") for place in range(count)]


def asked(run: Opened, images: list[Named], **options: int) -> list[Prediction]:
    """All predictions."""
    return list(predictions(run, images, **options))


def close(first: list[Prediction], second: list[Prediction]) -> bool:
    """Whether two lists say the same, up to the last bits of the probabilities."""
    return [(each.path, each.wrong, [guess.name for guess in each.top]) for each in first] == [
        (each.path, each.wrong, [guess.name for guess in each.top]) for each in second
    ] and all(
        guess.probability == pytest.approx(other.probability, abs=1e-6)
        for each, twin in zip(first, second, strict=True)
        for guess, other in zip(each.top, twin.top, strict=True)
    )


def test_a_file_is_prepared_as_a_training_image_in_a_folder() -> None:
    """Every test image of a folder of photographs, of other sizes, turned and in colour: the very pixels, so the very scores."""
    generator = torch.Generator().manual_seed(0)
    for number in range(20):
        pixels = torch.randint(0, 256, (40 + number, 70, 3), dtype=torch.uint8, generator=generator)
        file = Path("photos", "ab"[number % 2], f"{number}.jpg")
        file.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[274] = 1 + number % 8
        Image.fromarray(pixels.numpy()).save(file, exif=exif)
    wanted = load("lenet", small("data.name=folder:photos", "limit=null"))
    run = start(wanted, folder.new_folder("lenet", resolved(wanted)), "cpu")
    list(run.epochs())
    assert isinstance(run.setup.test, Images)
    _, files, _ = dataset("folder:photos").load()
    back = opened(run.path, device="cpu")
    found = asked(back, [Named(path) for path in files.paths], top=2)
    with torch.inference_mode():
        pixels, labels = next(run.setup.test.in_order(100))
        scores = run.state.module.eval()(pixels).softmax(1)
    assert len(found) == len(labels)
    for prediction, row in zip(found, scores.tolist(), strict=True):
        assert dict(prediction.top) == dict(zip("ab", row, strict=True))


def test_order_and_answers_do_not_depend_on_batches() -> None:
    """One by one, in sevens, all at once; bad ones stay in their places."""
    run, images = trained(), digits(20)
    Path("empty.png").touch()
    images[5:5] = [Named("empty.png"), Named("pipe", "it is no file")]
    images.append(Named("nowhere.png"))
    whole = asked(run, images)
    assert [each.path for each in whole] == [image.path for image in images]
    assert [place for place, each in enumerate(whole) if each.wrong] == [5, 6, 22]
    assert [each.wrong for each in whole if each.wrong] == [
        "cannot read the image 'empty.png': it is empty",
        "it is no file",
        "cannot read the image 'nowhere.png': there is no such file; 0.png is one",
    ]
    for batch_size in (1, 2, 7):
        assert close(asked(run, images, batch_size=batch_size), whole)


def test_many_images_are_read_by_processes_to_the_same() -> None:
    """300 are more than one process reads alone."""
    run, images = trained(), digits(10)
    many = asked(run, images * 30)
    assert close(many, asked(run, images) * 30)


def test_as_many_classes_as_are_asked_for() -> None:
    """Probabilities fall, and all of them are 1 together; more than there are is all of them."""
    run, images = trained(), digits(3)
    assert [len(each.top) for each in asked(run, images, top=1)] == [1, 1, 1]
    for each in asked(run, images, top=50):
        shares = [guess.probability for guess in each.top]
        assert {guess.name for guess in each.top} == set("0123456789")
        assert sum(shares) == pytest.approx(1)
        assert shares == sorted(shares, reverse=True)


def test_nothing_is_asked_about_no_images() -> None:
    """An empty list is none, and bad images alone are no batch."""
    run = trained("epochs=1")
    assert asked(run, []) == []
    assert asked(run, [Named("pipe", "no file")]) == [Prediction("pipe", wrong="no file")]


def test_a_negative_is_told_and_inverted_on_demand_alone() -> None:
    """Ink on paper: the same file inverted gives the answer of the original, which is no negative."""
    run = trained()
    (image,) = digits(1)
    Image.eval(Image.open(image.path), lambda level: 255 - level).save("ink.png")
    (original,), (negative,) = asked(run, [image]), asked(run, [Named("ink.png")])
    assert not original.negative
    assert negative.negative
    assert negative.top != original.top
    (inverted,) = predictions(run, [Named("ink.png")], invert=True)
    assert inverted.top == original.top
    assert not inverted.negative


def test_nothing_is_said_of_negatives_in_colour() -> None:
    """Photographs have no such tone."""
    Path("a").mkdir()
    run = trained("data.name=fake", "limit=60")
    Image.new("RGB", (32, 32), "white").save("white.png")
    assert not asked(run, [Named("white.png")])[0].negative


def test_scores_that_are_not_finite_are_no_prediction() -> None:
    """One line for each image, with its path and the cure."""
    run = trained("epochs=1")
    next(reversed([*run.module.parameters()])).fill_(float("inf"))
    (found,) = asked(run, digits(1))
    assert found.top == ()
    assert found.wrong.startswith("cannot classify the image '0.png': the network's scores are not finite")

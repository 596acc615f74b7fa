"""Asking a trained network what is in image files, prepared as its training images in files were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import NamedTuple

import torch

from cnncli.data.named import Named
from cnncli.data.reading import Read, read, tensor
from cnncli.runs.load import Opened
from cnncli.training.setup import usual_batch

FAR = 0.15  # of black to white: from how far off the middle grey training images have a tone that can be the wrong one
NOT_FINITE = "the network's scores are not finite; train it at a lower optimizer.lr"


class Guess(NamedTuple):
    """A class by its name, and its probability."""

    name: str
    probability: float


class Prediction(NamedTuple):
    """What the network takes one image for.

    path: as it was named · top: the most probable classes, those first; none where the image cannot be read · wrong: why it cannot,
    or "" · negative: whether it is nearer to the brightness of the training images with black and white exchanged
    """

    path: str
    top: tuple[Guess, ...] = ()
    wrong: str = ""
    negative: bool = False


def predictions(
    run: Opened,
    images: Sequence[Named],
    *,
    top: int = 3,
    batch_size: int | None = None,
    invert: bool = False,
) -> Iterator[Prediction]:
    """One prediction for each of `images`, in their order.

    top: how many classes, at most · batch_size: images at once, None for as many as suit · invert: exchange black and white first
    """
    step = batch_size or usual_batch(run.network)
    chunks = [range(start, min(start + step, len(images))) for start in range(0, len(images), step)]
    plan = [[place for place in chunk if not images[place].wrong] for chunk in chunks]
    for chunk, places, batch in zip(chunks, plan, _read(images, run, plan), strict=True):
        wrong = {places[at]: why for at, why in batch.bad}
        answers = _answers(run, batch, top, invert=invert)
        for place in chunk:
            path, why = images[place].path, images[place].wrong or wrong.get(place, "")
            yield Prediction(path, wrong=why) if why else _named(next(answers), path)


def _read(images: Sequence[Named], run: Opened, plan: Sequence[Sequence[int]]) -> Iterator[Read]:
    if not plan:
        return iter(())
    return read([image.path for image in images], run.size, plan)


def _answers(run: Opened, batch: Read, top: int, *, invert: bool) -> Iterator[Prediction]:
    """What the network says of each image of a batch that could be read; the path is not known here."""
    pixels = tensor(batch.pixels, run.size).to(run.finish.device)
    if not len(pixels):
        return
    if invert:
        pixels = 255 - pixels
    with torch.inference_mode():
        best = run.module(run.finish(pixels)).softmax(1).topk(min(top, len(run.classes)))
    negative = _negative(pixels, run).tolist()
    for shares, places, odd in zip(best.values.tolist(), best.indices.tolist(), negative, strict=True):
        if isnan(shares[0]):
            yield Prediction("", wrong=NOT_FINITE)
            continue
        guesses = (Guess(run.classes[place], share) for share, place in zip(shares, places, strict=True))
        yield Prediction("", tuple(guesses), negative=odd)


def _named(answer: Prediction, path: str) -> Prediction:
    wrong = f"cannot classify the image {path!r}: {answer.wrong}" if answer.wrong else ""
    return answer._replace(path=path, wrong=wrong)


def _negative(pixels: torch.Tensor, run: Opened) -> torch.Tensor:
    """For each grey image whether it, exchanged, were nearer to the training images' mean brightness.

    MNIST's digits are white on black (mean 0.13), ink on paper is not. Nothing is said of training images of middling brightness.
    """
    usual = run.scale.mean[0]
    if len(run.scale.mean) > 1 or abs(usual - 0.5) < FAR:
        return torch.zeros(len(pixels), dtype=torch.bool)
    found = pixels.float().mean((1, 2, 3)) / 255
    return (found - (1 - usual)).abs() < (found - usual).abs()

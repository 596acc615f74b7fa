"""Letting a trained network classify a split, and keeping what it answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import nn

from cnncli.data import Dataset, Files, Split
from cnncli.data.loading import Loaded, Wanted, load
from cnncli.data.progress import Progress
from cnncli.data.reading import read, tensor
from cnncli.data.resize import fit_images
from cnncli.diagnostics.epoch import Score
from cnncli.errors import DataError, RequestError
from cnncli.runs.judging.figures import bins
from cnncli.runs.judging.judgement import Judgement, Mistake
from cnncli.runs.judging.request import Asked, printed
from cnncli.runs.load import Opened, opened
from cnncli.sources.networks import title_of
from cnncli.text import truncate
from cnncli.training.images import Images, Streamed, placed, streamed, train_and_val
from cnncli.training.loop import evaluate
from cnncli.training.setup import usual_batch

SHOWN = 20  # mistakes that are kept with their images
LISTED = 3  # classes that an error names


@dataclass
class Answers:
    """What the network said of each image, kept on the device until all is said.

    confidence: the probability of its guess, not a number where the scores are not finite · guess: the class by number
    """

    progress: Progress
    confidence: list[torch.Tensor] = field(default_factory=list)
    guess: list[torch.Tensor] = field(default_factory=list)

    def __call__(self, _module: nn.Module, _inputs: Any, scores: torch.Tensor) -> None:  # noqa: ANN401  (a hook's)
        """Take in the scores of one batch; a forward hook, so that `evaluate` counts as it does in training."""
        best = scores.softmax(1).max(1)
        self.confidence.append(best.values)
        self.guess.append(best.indices)
        self.progress.done += len(scores)


def judge(
    asked: Asked,
    *,
    batch_size: int | None = None,
    on_bad_image: Literal["fail", "skip"] | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """The run's network on the images asked for: counts and loss as training computes them.

    batch_size: images at once, None for as many as training takes · on_bad_image: None for what the recipe says. Raises
    `RequestError` for a set with other classes, `DataError` for images or checkpoints that cannot be read.
    """
    progress = progress or Progress()
    run = opened(asked.run.path, asked.run.which, asked.run.device)
    mapping = _classes(asked.source, run)
    with _cure():
        loaded = _loaded(asked.source, run, on_bad_image or run.recipe.data.on_bad_image, progress)
        part = _chosen(loaded, asked, run)
        images = _put(replace(part, labels=mapping[part.labels]), run)
        answers = Answers(progress)
        score, confusion = _evaluated(images, run, batch_size, answers)
    labels, guess, confidence = (
        torch.cat(values).cpu() for values in ([images.labels], answers.guess, answers.confidence)
    )
    lost = int(confidence.isnan().sum())
    confidence = confidence.nan_to_num(0.0)  # nothing is known of it
    return Judgement(
        title=truncate(title_of(run.recipe.model.name, run.network)),
        run=run.path.as_posix(),
        which=run.which,
        epochs=run.epochs,
        data=asked.source.name,
        split=asked.split,
        device=str(run.finish.device),
        classes=run.classes,
        score=score,
        confusion=tuple(map(tuple, confusion.tolist())),
        bins=bins(confidence.tolist(), (guess == labels).tolist()),
        mistakes=tuple(_mistakes(images, _paths(loaded, asked, run), labels, guess, confidence)),
        skipped=loaded.skipped,
        printed=printed(run.path, run.epochs, asked.split) if asked.own and asked.split != "train" else None,
        notes=(*([run.note] if run.note else []), *(() if asked.own else asked.source.notes), *_not_finite(lost)),
    )


def _not_finite(lost: int) -> list[str]:
    return [f"the network's scores of {lost:,} images are not finite; train it at a lower optimizer.lr"] if lost else []


def _evaluated(
    images: Images | Streamed, run: Opened, batch_size: int | None, answers: Answers
) -> tuple[Score, torch.Tensor]:
    """What `evaluate` says, and in `answers` what the network said."""
    answers.progress.begin("classifying images", len(images))
    hook = run.module.register_forward_hook(answers)
    judged = evaluate(run.module, images, batch_size or usual_batch(run.network))
    hook.remove()
    answers.progress.end()
    assert judged is not None  # noqa: S101  (nobody halts it)
    return judged


def _classes(source: Dataset, run: Opened) -> torch.Tensor:
    """For each class of `source` its number in the run, found by name; raises `RequestError` where the run lacks one."""
    places = {name: place for place, name in enumerate(run.classes)}
    lacking = [name for name in source.classes if name not in places]
    if lacking:
        raise RequestError(
            f"{truncate(source.name)} has classes that {run.path.as_posix()} does not know: {_some(lacking)}; "
            f"it knows {_some(run.classes)}; choose a set with those, or train on this one"
        )
    return torch.tensor([places[name] for name in source.classes])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(truncate(repr(name), 30) for name in names[:LISTED]) + more


@contextmanager
def _cure() -> Iterator[None]:
    """An image that cannot be read is cured by this command's option; the recipe's key is for training."""
    try:
        yield
    except DataError as error:
        raise DataError(str(error).replace("data.on_bad_image: skip", "--on-bad-image skip")) from error


def _loaded(source: Dataset, run: Opened, on_bad_image: Literal["fail", "skip"], progress: Progress) -> Loaded:
    data = run.recipe.data
    wanted = Wanted(size=run.size, on_bad_image=on_bad_image, cache=data.cache, workers=data.workers)
    return load(source, wanted, progress)


def _chosen(loaded: Loaded, asked: Asked, run: Opened) -> Split | Files:
    if asked.split == "test":
        return loaded.test
    train, val = train_and_val(loaded, run.recipe) if asked.own else (loaded.train, loaded.val)
    if asked.split == "train":
        return train
    if val is None:
        raise RequestError(f"{run.path.as_posix()} was trained without a validation split; write --split test or train")
    return val


def _paths(loaded: Loaded, asked: Asked, run: Opened) -> Sequence[str] | None:
    """Where the images asked for lie, one path each, though they may have been read already; None for a set in one piece."""
    splits = asked.source.load()._asdict()
    files = {name: _readable(part, loaded.skipped) for name, part in splits.items() if isinstance(part, Files)}
    if not files:
        return None
    chosen = _chosen(Loaded(train=files["train"], test=files["test"], val=files.get("val")), asked, run)
    return chosen.paths if isinstance(chosen, Files) else None


def _readable(part: Files, skipped: Sequence[str]) -> Files:
    left_out = set(skipped)
    return part.part(torch.tensor([place for place, path in enumerate(part.paths) if path not in left_out]))


def _put(part: Split | Files, run: Opened) -> Images | Streamed:
    if isinstance(part, Split):
        return placed(part, run.finish)
    return streamed(part, run.finish, run.recipe.data.workers)


def _mistakes(
    images: Images | Streamed,
    paths: Sequence[str] | None,
    labels: torch.Tensor,
    guess: torch.Tensor,
    confidence: torch.Tensor,
) -> Iterator[Mistake]:
    """The most confident ones, those first; of equally confident ones the first in the split."""
    wrong = (guess != labels).nonzero().flatten()
    order = confidence[wrong].argsort(descending=True, stable=True)
    for place in wrong[order][:SHOWN].tolist():
        yield Mistake(
            place=place,
            path=paths[place] if paths else None,
            truth=int(labels[place]),
            guess=int(guess[place]),
            probability=float(confidence[place]),
            pixels=_pixels(images, place),
        )


def _pixels(images: Images | Streamed, place: int) -> torch.Tensor:
    """One image as the network takes it, uint8 C×H×W."""
    size = images.finish.size
    if isinstance(images, Images):
        return fit_images(images.pixels[place : place + 1].cpu(), size)[0]
    (batch,) = read(images.files.paths, size, [[place]], 0)
    return tensor(batch.pixels, size)[0]

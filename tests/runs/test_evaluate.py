"""Judging a trained run: the same figures as training's, exact counts, classes by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncli.data.named import Named
from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.runs.evaluate import SHOWN, judge
from cnncli.runs.judging.judgement import Judgement
from cnncli.runs.judging.request import asked
from cnncli.runs.judging.request import trained as find
from cnncli.runs.load import opened
from cnncli.runs.predict import predictions
from cnncli.sources.recipes import load, resolved
from cnncli.training.run import Run, start
from tests.training.conftest import small


def trained(*overrides: str) -> Run:
    """A small run in the current folder, trained."""
    wanted = load("lenet", small(*overrides))
    run = start(wanted, folder.new_folder("lenet", resolved(wanted)), "cpu")
    list(run.epochs())
    return run


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Judgement]:
    """Judges a run that is trained with `overrides`, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNCLI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def judged(
        *overrides: str, data: str | None = None, split: str = "test", which: str | None = None, **rest: object
    ) -> Judgement:
        run = trained(*overrides)
        return judge(asked(find(str(run.path), which, "cpu"), data, split), **rest)  # type: ignore[arg-type]

    return judged


def painted(root: Path, *classes: str, images: int = 8) -> None:
    """Folders of images, each class of a brightness of its own."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(images):
            grey = min(255, 10 + 60 * number + 3 * index)
            Image.new("L", (30, 34), grey).save(root / name / f"{index}.png")


@pytest.mark.parametrize("overrides", [(), ("ema=0.5",), ("val=0.1",), ("resize=32",)], ids=str)
def test_figures_are_those_that_training_wrote(judged: Callable[..., Judgement], overrides: tuple[str, ...]) -> None:
    """Loss and accuracy of the last row of metrics.csv, to the last bit; the confusion matrix too."""
    found = judged(*overrides, which="last")
    (run,) = folder.runs()
    last = (run / "metrics.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")
    assert [repr(value) for value in found.score] == last[7:9]
    assert found.printed == found.score.acc
    assert (found.count, found.right) == (360, round(360 * found.score.acc))


def test_the_validation_split_is_the_runs_own(judged: Callable[..., Judgement]) -> None:
    """Its figures are those that training wrote for it."""
    found = judged("val=0.1", split="val", which="last")
    last = Path("runs/lenet-1/metrics.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")
    assert [repr(value) for value in found.score] == last[9:11]
    assert found.count == 144
    assert found.printed == found.score.acc


def test_the_training_split_is_what_was_trained_on(judged: Callable[..., Judgement]) -> None:
    """Cut by the recipe's limit, and nothing held out for validation in it."""
    assert judged("val=0.1", "limit=100", split="train").count == 100
    assert judged("limit=null", split="train").count == 1437


@pytest.mark.parametrize("batch_size", [1, 7, 359, 360, 1000])
def test_counts_are_exact_for_every_batch_size(judged: Callable[..., Judgement], batch_size: int) -> None:
    """360 images, whatever divides them; every figure adds up to that."""
    found = judged("epochs=1", batch_size=batch_size)
    assert sum(map(sum, found.confusion)) == found.count == 360
    assert found.right == sum(found.confusion[place][place] for place in range(10)) == round(360 * found.score.acc)
    assert [each.images for each in found.per_class] == torch.tensor(found.confusion).sum(1).tolist()
    assert sum(part.images for part in found.bins) == 360
    assert sum(part.right for part in found.bins) == found.right


def test_the_most_confident_mistakes_come_first(judged: Callable[..., Judgement]) -> None:
    """Those of the set in one piece have a number and no path; their pixels are the network's size."""
    found = judged("epochs=1")
    shares = [each.probability for each in found.mistakes]
    assert shares == sorted(shares, reverse=True)
    assert len(found.mistakes) == min(SHOWN, found.count - found.right)
    assert all(each.truth != each.guess and each.path is None for each in found.mistakes)
    assert {tuple(each.pixels.shape) for each in found.mistakes} == {(1, 28, 28)}


@pytest.mark.parametrize("cache", ["always", "never"])
def test_mistakes_among_files_say_which_file(judged: Callable[..., Judgement], tmp_path: Path, cache: str) -> None:
    """Prepared or streamed, with one left out that cannot be read; `predict` says the same of that file."""
    painted(tmp_path / "greys", "dark", "grey", "light", images=20)
    (tmp_path / "greys" / "dark" / "bad.png").write_bytes(b"")
    data = (f"data.name=folder:{tmp_path / 'greys'}", "on_bad_image=skip", f"cache={cache}", "limit=null")
    found = judged("epochs=1", *data, split="train")
    assert [Path(path).name for path in found.skipped] == ["bad.png"]
    assert found.mistakes
    run = opened(Path(found.run), device="cpu")
    said = predictions(run, [Named(str(each.path)) for each in found.mistakes])
    for each, prediction in zip(found.mistakes, said, strict=True):
        assert Path(str(each.path)).parent.name == found.classes[each.truth]
        assert prediction.top[0].name == found.classes[each.guess]
        assert prediction.top[0].probability == pytest.approx(each.probability, abs=1e-6)


def test_a_class_missing_from_the_split_is_counted_as_none(judged: Callable[..., Judgement], tmp_path: Path) -> None:
    """Trained on three classes, tested on two: its recall is unknown, its row empty, its number its own."""
    painted(tmp_path / "greys" / "train", "dark", "grey", "light")
    painted(tmp_path / "greys" / "test", "dark", "light", images=5)
    found = judged(f"data.name=folder:{tmp_path / 'greys'}")
    dark, grey, light = found.per_class
    assert (dark.images, grey.images, light.images) == (5, 0, 5)
    assert grey.recall is None
    assert found.confusion[1] == (0, 0, 0)


def test_another_set_is_matched_by_the_names_of_its_classes(judged: Callable[..., Judgement], tmp_path: Path) -> None:
    """Some of the run's, under other numbers and at another size: each image counts for the class of its name."""
    painted(tmp_path / "some", "3", "7", images=10)
    found = judged(data=f"folder:{tmp_path / 'some'}")
    assert found.printed is None
    assert [each.images for each in found.per_class] == [0, 0, 0, 2, 0, 0, 0, 2, 0, 0]
    assert found.count == 4


def test_a_set_with_other_classes_is_refused(judged: Callable[..., Judgement], tmp_path: Path) -> None:
    """The difference is named, inert."""
    painted(tmp_path / "other", "3", "cat\x1b[31m")
    with pytest.raises(RequestError, match=r"does not know: 'cat\\x1b\[31m'; it knows '0', '1', '2' and 7 more"):
        judged(data=f"folder:{tmp_path / 'other'}")


def test_an_image_that_cannot_be_read_is_refused_or_left_out(judged: Callable[..., Judgement], tmp_path: Path) -> None:
    """As the recipe says, or as is asked here; the cure names this command's option."""
    painted(tmp_path / "some", "3", "7", images=10)
    (tmp_path / "some" / "7" / "bad.png").write_bytes(b"no image")
    data = f"folder:{tmp_path / 'some'}"
    with pytest.raises(DataError, match=r"bad.png.*; mend or remove it, or write --on-bad-image skip"):
        judged(data=data)
    found = judged(data=data, on_bad_image="skip", split="train")
    assert len(found.skipped) == 1


def test_other_figures_than_training_wrote_are_noticed(judged: Callable[..., Judgement]) -> None:
    """Where metrics.csv tells of another accuracy, or of none that can be read."""
    judged()
    metrics = Path("runs/lenet-1/metrics.csv")
    rows = metrics.read_text(encoding="utf-8").splitlines()
    metrics.write_text("\n".join([*rows[:-1], rows[-1].rsplit(",", 2)[0] + ",0.5,"]), encoding="utf-8")
    wanted = asked(find("lenet-1", None, "cpu"), None, "test")
    assert judge(wanted).printed == 0.5
    metrics.write_bytes(b"\xff")
    assert judge(wanted).printed is None


def test_scores_that_are_not_finite_are_told(judged: Callable[..., Judgement], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted as training counts them, without confidence, and said."""

    def spoilt(*arguments: object) -> object:
        run = opened(*arguments)  # type: ignore[arg-type]
        next(reversed([*run.module.parameters()])).fill_(float("inf"))
        return run

    monkeypatch.setattr("cnncli.runs.evaluate.opened", spoilt)
    found = judged("epochs=1")
    assert found.notes == ("the network's scores of 360 images are not finite; train it at a lower optimizer.lr",)
    assert found.count == 360
    assert found.confidence == 0

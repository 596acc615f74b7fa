"""A run and its folder, inside this process."""

from __future__ import annotations

import csv
import json
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from cnncli.errors import DataError, NonFiniteError, RequestError
from cnncli.files import run_folder as folder
from cnncli.sources.recipes import load, resolved
from cnncli.training import checkpoint
from cnncli.training.run import Run, start
from tests.training.conftest import small

pytestmark = pytest.mark.usefixtures("elsewhere")


def begun(*overrides: str, recipe: str = "lenet") -> Run:
    """A small run, its folder made."""
    asked = load(recipe, small("epochs=3", *overrides) if recipe == "lenet" else [])
    return start(asked, folder.new_folder("lenet", resolved(asked)), "cpu")


def finished(*overrides: str, recipe: str = "lenet") -> Run:
    """A small run, trained."""
    run = begun(*overrides, recipe=recipe)
    list(run.epochs())
    return run


def rows(run: Run) -> list[dict[str, str]]:
    """metrics.csv."""
    with (run.path / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_finished_run_has_everything_but_pictures() -> None:
    """Recipe, environment, metrics, two checkpoints, weights; nothing else, no draft."""
    run = finished()
    assert {str(entry.relative_to(run.path)) for entry in run.path.rglob("*") if entry.is_file()} == {
        "recipe.yaml",
        "env.json",
        "metrics.csv",
        "health.json",
        "model.safetensors",
        str(Path("checkpoints/last.pt")),
        str(Path("checkpoints/previous.pt")),
    }
    assert [row["epoch"] for row in rows(run)] == ["1", "2", "3"]
    assert [float(row["test_acc"]) for row in rows(run)] == [epoch.test.acc for epoch in run.state.epochs]
    assert run.complete
    assert run.exit_code == 0
    assert run.examples_per_second > 0


def test_two_runs_give_the_same_bytes() -> None:
    """model.safetensors, of the recipe and of the recipe that the run folder keeps."""
    first, second = finished(), finished()
    third = finished(recipe=str(first.path / "recipe.yaml"))
    data = [(run.path / "model.safetensors").read_bytes() for run in (first, second, third)]
    assert data[0] == data[1] == data[2]


def test_the_weights_say_what_they_are_for() -> None:
    """One metadata key, sorted JSON: the network, its classes, what to do with a pixel."""
    run = finished("epochs=1")
    with safe_open(run.path / "model.safetensors", "pt") as file:
        metadata = file.metadata()
        names = set(file.keys())
    assert list(metadata) == ["cnncli"]
    told = json.loads(metadata["cnncli"])
    assert list(told) == sorted(told)
    assert (told["model"], told["data"], told["input"]) == ("lenet", "digits", [1, 28, 28])
    assert told["arguments"] == {"activation": "relu", "pool": "max"}
    assert told["classes"] == list("0123456789")
    assert names == set(run.state.module.state_dict())


def test_a_checkpoint_holds_what_an_exact_continuation_needs() -> None:
    """The last one is the state at the end, the one before the state an epoch earlier; torch reads both, weights only."""
    run = finished()
    saved = checkpoint.load(run.last_checkpoint)
    earlier = checkpoint.load(run.path / "checkpoints" / "previous.pt")
    for name, tensor in run.state.module.state_dict().items():
        assert torch.equal(saved["model"][name], tensor)
    assert [row["epoch"] for row in saved["epochs"]] == [1, 2, 3]
    assert [row["epoch"] for row in earlier["epochs"]] == [1, 2]
    assert saved["threads"] == torch.get_num_threads()
    assert load_text(saved["recipe"]) == run.setup.recipe
    assert set(saved["optimizer"]) == {"momentum_buffer"}


def load_text(text: str) -> object:
    """The recipe in a text."""
    Path("again.yaml").write_text(text, encoding="utf-8")
    return load("again.yaml")


def test_the_best_checkpoint_is_that_of_the_lowest_validation_loss() -> None:
    """Only where there is a validation split; its columns stand in metrics.csv."""
    run = finished("val=0.2", "epochs=4", "lr=0.3", "schedule.name=constant")
    losses = [float(row["val_loss"]) for row in rows(run)]
    saved = checkpoint.load(run.path / "checkpoints" / "best.pt")
    assert len(saved["epochs"]) == 1 + losses.index(min(losses))


def test_numbers_that_are_not_finite_leave_the_last_good_checkpoint() -> None:
    """The second epoch breaks: the error names the checkpoint, which holds the first, and no weights are written."""
    run = begun("schedule.name=constant")
    forward, calls = run.state.module.forward, count(1)

    def breaks(x: torch.Tensor) -> torch.Tensor:
        broken = run.state.module.training and next(calls) > 6
        found: torch.Tensor = forward(x) * (float("nan") if broken else 1.0)
        return found

    run.state.module.forward = breaks
    with pytest.raises(NonFiniteError, match=r"epoch 2, step 7: .*last\.pt' holds epoch 1") as raised:
        list(run.epochs())
    assert raised.value.exit_code == 4
    saved = checkpoint.load(run.last_checkpoint)
    assert len(saved["epochs"]) == 1
    assert all(tensor.isfinite().all() for tensor in saved["model"].values())
    assert not (run.path / "model.safetensors").exists()


def test_a_disk_that_fills_up_is_a_data_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line; what was written before stays whole."""
    run = begun()
    epochs = run.epochs()
    next(epochs)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"cannot write '.*checkpoints': No space left on device; free some space"):
        list(epochs)
    assert len(checkpoint.load(run.last_checkpoint)["epochs"]) == 1
    assert len(rows(run)) == 1


def test_a_device_that_is_not_there_leaves_no_folder() -> None:
    """What fails before the first step takes its folder with it."""
    asked = load("lenet", small())
    wanted = "mps" if torch.cuda.is_available() else "cuda:7"
    with pytest.raises(RequestError, match=f"--device '{wanted}' is not on this machine; there is cpu"):
        start(asked, folder.new_folder("lenet", resolved(asked)), wanted)
    assert list(Path("runs").iterdir()) == []


def test_data_that_are_missing_leave_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, and the number is free again."""

    def missing(*_: object) -> None:
        raise DataError("no data")

    monkeypatch.setattr("cnncli.training.run.prepare", missing)
    with pytest.raises(DataError):
        begun()
    assert list(Path("runs").iterdir()) == []


def test_the_environment_tells_what_the_recipe_does_not() -> None:
    """Versions, device, threads, command line."""
    told = json.loads((begun().path / "env.json").read_text(encoding="utf-8"))
    assert told["torch"] == torch.__version__
    assert told["device"] == "cpu"
    assert told["threads"] == torch.get_num_threads()
    assert {"cnncli", "python", "platform", "cpu", "command"} <= set(told)


def test_ending_early_says_why() -> None:
    """A target that is reached at once."""
    run = finished("target_acc=0.01", "epochs=9")
    assert run.complete
    assert run.stopped is not None
    assert len(rows(run)) == 1

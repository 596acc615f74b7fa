"""Event files, read by TensorBoard's own reader: the columns of metrics.csv, each point once, however often a run is stopped."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnncli.diagnostics.epoch import Epoch, Score
from cnncli.training import tensorboard as event_files
from tests.conftest import Result, assert_refused, python

QUICK = "epochs=3 limit=100 batch_size=32 schedule.name=constant"
RUN = Path("runs/lenet-1")

pytestmark = pytest.mark.usefixtures("elsewhere", "one_thread")


@pytest.fixture
def read() -> Callable[[], Any]:
    """Reads the event files of the run as a server that starts now would."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def reader() -> Any:  # noqa: ANN401  (tensorboard has no types)
        found = accumulator.EventAccumulator(str(RUN / event_files.FOLDER))
        found.Reload()
        return found

    return reader


def assert_told(found: Any, rows: list[dict[str, str]]) -> None:  # noqa: ANN401
    """Every column of numbers in metrics.csv but the step, with what stands there (float32), at their steps."""
    assert set(found.Tags()["scalars"]) == set(rows[0]) - {"step", "health"}
    for tag in found.Tags()["scalars"]:
        points = found.Scalars(tag)
        assert [point.step for point in points] == [int(row["step"]) for row in rows], tag
        assert [point.value for point in points] == pytest.approx([float(row[tag]) for row in rows], rel=1e-6), tag


def metrics() -> list[dict[str, str]]:
    """The rows of metrics.csv."""
    return list(csv.DictReader((RUN / "metrics.csv").read_text(encoding="utf-8").splitlines()))


def test_the_columns_of_metrics_and_the_recipe(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """With validation too; relative time is that of the run."""
    assert cnncli(f"train lenet {QUICK} val=0.2 --tensorboard").code == 0
    found, rows = read(), metrics()
    assert len(rows) == 3
    assert_told(found, rows)
    times = [point.wall_time for point in found.Scalars("train_loss")]
    passed = [float(row["total_seconds"]) for row in rows]
    assert times[2] - times[0] == pytest.approx(passed[2] - passed[0], abs=2e-3)
    (text,) = found.Tensors("recipe/text_summary")
    lines = text.tensor_proto.string_val[0].decode().splitlines()
    assert [line.removeprefix("    ") for line in lines] == (RUN / "recipe.yaml").read_text(
        encoding="utf-8"
    ).splitlines()


def test_a_run_that_goes_on_has_each_point_once(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """Without being asked again; in one file, that says to forget what was read before."""
    cnncli(f"train lenet {QUICK} --tensorboard")
    before = list((RUN / event_files.FOLDER).iterdir())
    assert cnncli("resume epochs=5").code == 0
    rows = metrics()
    assert len(rows) == 5
    assert_told(read(), rows)
    (after,) = (RUN / event_files.FOLDER).iterdir()
    assert [after] > before


def test_what_was_written_past_the_checkpoint_is_gone(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """As after a kill between metrics and the next checkpoint: what tells of another run does not stay."""
    cnncli(f"train lenet {QUICK} --tensorboard")
    (file,) = (RUN / event_files.FOLDER).iterdir()
    file.write_bytes(file.read_bytes() * 2 + b"half a rec")
    assert cnncli("resume epochs=4").code == 0
    assert_told(read(), metrics())


def test_a_run_can_begin_to_tell_on_its_way(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """Its past epochs are told too."""
    cnncli(f"train lenet {QUICK}")
    assert not (RUN / event_files.FOLDER).exists()
    assert cnncli("resume epochs=4 --tensorboard").code == 0
    assert_told(read(), metrics())


def test_the_weights_are_the_same_with_and_without(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """It is no part of what a run computes."""
    for flag in ("--tensorboard", ""):
        assert cnncli(f"train lenet {QUICK} --quiet {flag}").code == 0
    first, second = (Path(f"runs/lenet-{number}/model.safetensors").read_bytes() for number in (1, 2))
    assert first == second
    assert read().Tags()["scalars"]


@pytest.mark.parametrize("line", ["train lenet --tensorboard", "resume runs/lenet-1 epochs=9 --tensorboard"])
def test_without_the_package_it_is_refused(
    cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """One line with the cure, before anything is trained."""
    if line.startswith("resume"):
        cnncli(f"train lenet {QUICK}")
    monkeypatch.setattr(event_files, "find_spec", lambda _: None)
    found = cnncli(line)
    assert_refused(
        found, 2, "--tensorboard needs the package tensorboard; install it: pip install 'cnncli[tensorboard]'"
    )
    assert RUN.exists() == line.startswith("resume")


def test_a_run_goes_on_where_the_package_is_gone(
    cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, read: Callable[[], Any]
) -> None:
    """What is there stays, and one line says so."""
    cnncli(f"train lenet {QUICK} --tensorboard")
    monkeypatch.setattr(event_files, "find_spec", lambda _: None)
    found = cnncli("resume epochs=4")
    assert found.code == 0
    assert found.err == "cnncli: runs/lenet-1/tensorboard is not gone on with: pip install 'cnncli[tensorboard]'\n"
    assert len(read().Scalars("train_loss")) == 3


def test_a_folder_that_cannot_be_written_ends_the_run(cnncli: Callable[..., Result], read: Callable[[], Any]) -> None:
    """Exit code 3 before it is trained; here a file stands in the way."""
    cnncli(f"train lenet {QUICK}")
    (RUN / event_files.FOLDER).touch()
    found = cnncli("resume epochs=4 --tensorboard")
    assert found.code == 3
    assert found.err == "cnncli: cannot write 'runs/lenet-1/tensorboard': File exists; make it writable\n"
    assert len(metrics()) == 3
    assert callable(read)


def test_nobody_who_does_not_ask_imports_it() -> None:
    """Not in a whole run."""
    program = f"import sys; from cnncli.cli import run; run({['train', 'lenet', *QUICK.split()]!r}); print([name for name in sys.modules if 'tensorboard' in name and not name.startswith('cnncli')])"
    found = python("-c", program)
    assert found.stdout.splitlines()[-1] == "[]", found.stderr


def test_what_was_found_to_be_wrong_is_text(read: Callable[[], Any]) -> None:
    """At its step, beside the recipe; an epoch without findings has none."""
    RUN.mkdir(parents=True)
    event_files.make_event_folder(RUN)
    file = event_files.EventFile(RUN)
    sound = Epoch(1, 4, 0.5, 1.0, 0.1, Score(2.0, 0.1), Score(2.0, 0.1))
    file.begin("kind: recipe\n", [sound], 1.0)
    file.add(sound._replace(epoch=2, step=8, total_seconds=2.0, health=("dead-units", "flat-loss")))
    found = read()
    assert [point.step for point in found.Scalars("train_loss")] == [4, 8]
    (text,) = found.Tensors("health/text_summary")
    assert (text.step, text.tensor_proto.string_val) == (8, [b"dead-units flat-loss"])

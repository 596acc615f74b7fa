"""Going on with a run inside this process: to the same bytes, from the last whole checkpoint, or not at all."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest
import torch

from cnncli.errors import CnncliError, DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.sources.recipes import load, resolved
from cnncli.training import checkpoint
from cnncli.training.default_recipe import default_recipe
from cnncli.training.process import Interruption
from cnncli.training.request import resume_request
from cnncli.training.resume import StoppedRun
from cnncli.training.run import Run, start
from tests.training.conftest import small

pytestmark = pytest.mark.usefixtures("elsewhere")


class After(Interruption):
    """A Ctrl-C that comes after so many steps and batches of evaluation."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def __bool__(self) -> bool:
        self._left -= 1
        if self._left <= 0:
            self.number = signal.SIGINT
        return super().__bool__()


def begun(*overrides: str, name: str = "run") -> Run:
    """A small run of three epochs of four steps, its folder made."""
    asked = load("lenet", small("epochs=3", *overrides))
    return start(asked, folder.new_folder(name, resolved(asked)), "cpu")


def finished(*overrides: str) -> Run:
    """A run that was never stopped."""
    run = begun(*overrides, name="whole")
    list(run.epochs())
    return run


def stopped(*overrides: str, after: int) -> Path:
    """The folder of a run that Ctrl-C stopped."""
    run = begun(*overrides)
    run.interruption = After(after)
    list(run.epochs())
    assert not run.complete
    return run.path


def gone_on(path: Path, *pairs: str, after: int = 10**9) -> Run:
    """The run in the folder, resumed and trained."""
    run = StoppedRun(resume_request([str(path), *pairs])).run()
    run.interruption = After(after)
    list(run.epochs())
    return run


def weights(path: Path) -> bytes:
    """model.safetensors."""
    return (path / folder.MODEL).read_bytes()


def figures(path: Path) -> list[list[str]]:
    """metrics.csv without the seconds."""
    lines = (path / folder.METRICS).read_text(encoding="utf-8").splitlines()
    return [[*line.split(",")[:2], *line.split(",")[4:]] for line in lines]


def test_a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() -> None:
    """Every few steps, in evaluations too: weights, history and the best checkpoint."""
    settings = ("val=0.2", "momentum=0.9", "stop.patience=9")
    whole = finished(*settings)
    path, stops = stopped(*settings, after=3), 1
    while not (run := gone_on(path, after=3)).complete:
        stops += 1
    assert stops > 4
    assert run.state.confusion is not None
    assert weights(path) == weights(whole.path)
    assert figures(path) == figures(whole.path)
    saved = [checkpoint.load(each.path / "checkpoints" / "best.pt") for each in (run, whole)]
    assert saved[0]["epochs"][-1]["val_loss"] == saved[1]["epochs"][-1]["val_loss"]
    assert all(torch.equal(tensor, saved[1]["model"][name]) for name, tensor in saved[0]["model"].items())


@pytest.mark.parametrize(
    ("setting", "places"),
    [
        ("checkpoint_steps=2", [(0, 2), (0, 4), (1, 0), (1, 2)]),
        ("checkpoint_seconds=1e-9", [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]),
    ],
)
def test_a_run_is_saved_within_an_epoch(
    setting: str, places: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many steps or seconds; the steps after the checkpoint are taken again, to the same bytes."""
    monkeypatch.setattr("cnncli.training.checkpoint.SHARE", 0)  # however long writing one takes
    run, at = begun(setting), []
    save = run._checkpoints.save  # noqa: SLF001

    def counted() -> None:
        at.append((len(run.state.epochs), run.state.batch))
        save()
        if len(at) == len(places):
            raise SystemExit

    monkeypatch.setattr(run._checkpoints, "save", counted)  # noqa: SLF001
    with pytest.raises(SystemExit):
        list(run.epochs())
    assert at == places
    saved = checkpoint.load(run.last_checkpoint)
    assert (len(saved["epochs"]), saved["batch"]) == at[-1]
    again = gone_on(run.path)
    assert weights(again.path) == weights(finished().path)


def test_a_run_without_a_key_for_it_is_saved_after_its_epochs_alone() -> None:
    """Both keys null."""
    run = begun("checkpoint_steps=null", "checkpoint_seconds=null")
    assert not any(run._checkpoints.due() for _ in range(3))  # noqa: SLF001


def damaged(path: Path, chance: random.Random) -> str:
    """Cut last.pt short or flip a bit of it, anywhere; what was done."""
    file = path / "checkpoints" / "last.pt"
    data = bytearray(file.read_bytes())
    place = chance.randrange(len(data))
    if chance.random() < 0.5:
        file.write_bytes(data[:place])
        return f"cut to {place} bytes"
    data[place] ^= 1 << chance.randrange(8)
    file.write_bytes(data)
    return f"a bit of byte {place} flipped"


def test_damage_anywhere_is_noticed_and_named() -> None:
    """A hundred places: the one before is taken, and the message has the name of the damaged one."""
    path = stopped(after=6)
    checkpoints, chance = path / "checkpoints", random.Random(3)  # noqa: S311
    sound = (checkpoints / "last.pt").read_bytes()
    for _ in range(100):
        done = damaged(path, chance)
        found = checkpoint.latest(checkpoints, ("last.pt", "previous.pt"))
        assert found is not None, done
        content, name, wrong = found
        assert (name, len(content["epochs"]), content["batch"]) == ("previous.pt", 1, 0), done
        assert wrong == f"{str(checkpoints / 'last.pt')!r} is damaged: its checksum does not fit"
        (checkpoints / "last.pt").write_bytes(sound)


@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_a_run_with_a_damaged_checkpoint_ends_with_the_same_bytes(times: int) -> None:
    """It goes on from previous.pt, says so, and the damaged file never becomes the previous one."""
    whole, chance = weights(finished().path), random.Random(4)  # noqa: S311
    for number in range(1, times + 1):
        path = stopped(after=6)
        damaged(path, chance)
        run = gone_on(path, after=2)
        assert run.notes[0] == (
            f"'runs/run-{number}/checkpoints/last.pt' is damaged: its checksum does not fit; "
            "going on from previous.pt, epoch 2 after 0 steps"
        )
        assert checkpoint.load(path / "checkpoints" / "previous.pt")["batch"] == 0
        assert weights(gone_on(path).path) == whole


def test_a_run_whose_last_checkpoint_is_missing_goes_on_from_the_one_before() -> None:
    """As a kill between two renames leaves it."""
    path = stopped(after=6)
    (path / "checkpoints" / "last.pt").unlink()
    run = gone_on(path)
    assert run.notes[0].startswith(
        "cannot read 'runs/run-1/checkpoints/last.pt': No such file or directory; going on from"
    )
    assert weights(path) == weights(finished().path)


def test_a_run_without_a_whole_checkpoint_is_refused() -> None:
    """Both are named, with the cure, and the folder is free again."""
    path = stopped(after=6)
    for name in ("last.pt", "previous.pt"):
        (path / "checkpoints" / name).write_bytes(b"")
    with pytest.raises(
        DataError, match=r"last\.pt' is damaged.*previous\.pt' is damaged.*; begin anew: cnncli train runs/run-1"
    ):
        StoppedRun(resume_request([str(path)]))
    assert not (path / ".lock").exists()


def test_a_run_that_died_before_its_first_checkpoint_begins_anew() -> None:
    """In its folder, on as many threads as it had."""
    run = begun()
    del run
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    again = gone_on(Path("runs/run-1"))
    assert torch.get_num_threads() == threads
    assert again.notes == ("runs/run-1 holds no checkpoint yet; it begins anew",)
    assert weights(again.path) == weights(finished().path)


def test_threads_are_those_of_the_beginning() -> None:
    """Sums over threads are taken in another order by another number of them."""
    path, threads = stopped(after=6), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    gone_on(path)
    assert torch.get_num_threads() == threads


def test_another_machine_is_said() -> None:
    """Exactness is not promised then."""
    path = stopped(after=6)
    saved = checkpoint.load(path / "checkpoints" / "last.pt")
    checkpoint.save({**saved, "torch": "2.0", "device_name": "another"}, path / "checkpoints", "last.pt")
    run = gone_on(path)
    (note,) = run.notes
    assert note.startswith(f"torch 2.0 → {torch.__version__}, device_name another → ")
    assert note.endswith(": the weights may differ in their last bits from those of a run that never stopped")


def test_what_a_killed_process_left_half_written_is_removed() -> None:
    """Drafts of any file; nothing else that is hidden."""
    path = stopped(after=6)
    drafts = [".next-last.pt", "..next-last.pt.0123456789abcdef", ".best.pt.0123456789abcdef"]
    for name in drafts:
        (path / "checkpoints" / name).touch()
    (path / ".metrics.csv.0123456789abcdef").touch()
    (path / ".notes").touch()
    gone_on(path)
    assert [entry.name for entry in path.rglob(".*")] == [".notes"]


def test_a_longer_run_equals_one_that_was_as_long_from_the_start() -> None:
    """Where the learning rate does not depend on the length; recipe, weights and history."""
    whole = finished("epochs=4", "schedule.name=constant")
    run = begun("epochs=2", "schedule.name=constant")
    list(run.epochs())
    assert weights(run.path) != weights(whole.path)
    again = gone_on(run.path, "epochs=4")
    assert again.notes == ()
    assert weights(run.path) == weights(whole.path)
    assert figures(run.path) == figures(whole.path)
    assert load(str(run.path / "recipe.yaml")).train.epochs == 4


def test_a_longer_run_says_what_becomes_of_the_learning_rate() -> None:
    """Where it depends on the length; what the first end left is gone until the new one."""
    run = begun("epochs=2")
    list(run.epochs())
    ended = run.state.epochs[-1].lr
    assert (run.path / "model.safetensors").exists()
    again = StoppedRun(resume_request([str(run.path), "epochs=4"])).run()
    assert not (run.path / "model.safetensors").exists()
    follows = again.setup.lr(8)
    (note,) = again.notes
    assert note == (
        f"schedule onecycle is now that of 4 epochs, not 2: the learning rate goes from {ended:.3g} to {follows:.3g}"
    )
    list(again.epochs())
    assert again.complete
    assert len(figures(run.path)) == 5


def test_a_longer_run_that_is_killed_at_once_stays_longer() -> None:
    """The recipe in the folder knows."""
    run = begun("epochs=2")
    list(run.epochs())
    StoppedRun(resume_request([str(run.path), "epochs=3"])).run()
    again = gone_on(run.path)
    assert len(again.state.epochs) == 3


def test_keys_that_change_no_number_may_change() -> None:
    """How often it is saved; the recipe in the folder has it then."""
    path = stopped(after=6)
    gone_on(path, "checkpoint_steps=3", "data.workers=0")
    assert load(str(path / "recipe.yaml")).train.checkpoint_steps == 3
    assert weights(path) == weights(finished().path)


def refused(path: Path, *pairs: str) -> str:
    """Why going on is refused; the folder is free then."""
    with pytest.raises(CnncliError) as raised:
        StoppedRun(resume_request([str(path), *pairs])).run()
    assert not (path / ".lock").exists()
    return str(raised.value)


def test_a_run_keeps_its_recipe() -> None:
    """What differs is said: key, old, new; and how to train by the other recipe."""
    path = stopped(after=6)
    assert refused(path, "lr=0.1", "epochs=9", "augment=[]", "patience=3", "val=0.1") == (
        "a run that goes on keeps its recipe, here data.val 0.0 → 0.1, data.augment [{'shift': 2.0}, {'rotate': 10.0}] → [], "
        "optimizer.lr 0.03 → 0.1, stop.patience null → 3; "
        "for another run: cnncli train runs/run-1/recipe.yaml lr=0.1 epochs=9 'augment=[]' patience=3 val=0.1"
    )
    assert "optimizer.name sgd → adam" in refused(path, "optimizer.name=adam")


def test_a_recipe_that_was_edited_is_noticed() -> None:
    """In the run folder: the difference from the checkpoint's is named."""
    path = stopped(after=6)
    file = path / "recipe.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("lr: 0.03", "lr: 0.3"), encoding="utf-8")
    assert refused(path) == (
        "runs/run-1/recipe.yaml is not what the run was trained by, but optimizer.lr 0.03 → 0.3; put it back, or begin anew: "
        "cnncli train runs/run-1/recipe.yaml"
    )


def test_an_end_that_is_over_is_refused() -> None:
    """Six steps of four an epoch are in the second."""
    assert refused(stopped(after=6), "epochs=1") == "epochs=1: the run is in epoch 2 already; write 2 or more"


def test_a_run_that_its_recipe_ended_cannot_be_longer() -> None:
    """It says why it ended."""
    run = begun("target_acc=0.01", "epochs=9")
    list(run.epochs())
    assert "epochs=12: the run ended after epoch 1 because test acc" in refused(run.path, "epochs=12")
    point = StoppedRun(resume_request([str(run.path)]))
    assert point.over is not None
    assert point.over.startswith("runs/run-1 ended after epoch 1: test acc ")


def test_other_images_are_noticed() -> None:
    """Fewer, or of another brightness."""
    path = stopped(after=6)
    saved = checkpoint.load(path / "checkpoints" / "last.pt")
    for key, value in (("counts", {"train": 99, "test": 360}), ("mean", [0.9]), ("classes", ["cat"])):
        checkpoint.save({**saved, key: value}, path / "checkpoints", "last.pt")
        assert refused(path).startswith(f"the images of digits are not those the run began with: {key} {value} → ")


def test_another_network_is_noticed(tmp_path: Path) -> None:
    """A net.yaml that was changed, though every weight still has its shape."""
    file = tmp_path / "net.yaml"
    text = "kind: network\nname: net\ninput: 1x8x8\nlayers:\n  - f: Flatten\n  - a: {}\n  - fc: {{Linear: {{out_features: 10}}}}\n"
    file.write_text(text.format("ReLU"), encoding="utf-8")
    asked = default_recipe(str(file), "digits", small("lr=0.01"))
    run = start(asked, folder.new_folder("run", resolved(asked)), "cpu")
    run.interruption = After(2)
    list(run.epochs())
    file.write_text(text.format("Tanh"), encoding="utf-8")
    assert refused(run.path).startswith(
        f"{file} was changed since the run began; put it back, or begin anew: cnncli train"
    )


def test_a_finished_run_says_how_to_go_on() -> None:
    """And is finished only when everything is written."""
    run = finished()
    point = StoppedRun(resume_request([str(run.path)]))
    assert point.over == (
        "runs/whole-1 is finished, with 3 epochs; to train it further: cnncli resume runs/whole-1 epochs=6"
    )
    assert not point.finished  # the pictures are another's to draw
    again = point.run()
    assert list(again.epochs()) == []
    assert again.complete
    for name in (folder.CURVES, folder.CONFUSION):
        (run.path / name).touch()
    assert StoppedRun(resume_request([str(run.path)])).finished


def test_the_newest_run_is_the_one_that_was_written_to_last() -> None:
    """Whatever their names."""
    first, second = stopped(after=2), stopped(after=2)
    assert resume_request([]).path == second
    gone_on(first)
    assert resume_request([]).path == first
    assert resume_request(["run-2"]).path == resume_request(["runs/run-2"]).path == second


def test_no_run_is_a_data_error() -> None:
    """With the cure."""
    with pytest.raises(DataError, match="there is no run in 'runs'; begin one: cnncli train lenet"):
        resume_request([])
    Path("elsewhere").mkdir()
    with pytest.raises(DataError, match=r"'elsewhere' is no run folder: it holds no recipe\.yaml"):
        resume_request(["elsewhere"])
    with pytest.raises(RequestError, match="unknown run 'run-9'; train one: cnncli train lenet"):
        resume_request(["run-9"])


def test_the_environment_of_the_beginning_stays() -> None:
    """env.json is written once; a run without one gets one."""
    path = stopped(after=6)
    file = path / "env.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**told, "command": ["the first"]}), encoding="utf-8")
    gone_on(path, after=2)
    assert json.loads(file.read_text(encoding="utf-8"))["command"] == ["the first"]
    file.unlink()
    gone_on(path)
    assert json.loads(file.read_text(encoding="utf-8"))["device"] == "cpu"

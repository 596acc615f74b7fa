"""What torch.save wrote: shown by name, each number counted once; and nothing in it is ever run."""

from __future__ import annotations

import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.formats.tensors import read
from cnncli.sources.recipes import load, resolved
from cnncli.training.run import start
from tests.training.conftest import small


def saved(path: Path, content: object, *, legacy: bool = False) -> Path:
    """`content`, written by torch.save."""
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_training_checkpoint(legacy: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Nested dicts become dotted names; what is no tensor is counted."""
    model = nn.Sequential(nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 1, 8, 8)).sum().backward()
    optimizer.step()
    content = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "note": "x"}
    found = read(saved(tmp_path / "x.pt", content, legacy=legacy))
    names = [tensor.name for tensor in found.tensors]
    assert names[:2] == ["model.0.weight", "model.0.bias"]
    assert "optimizer.state.0.exp_avg" in names
    assert len(names) == 7 + 4 * 3
    settings = optimizer.state_dict()["param_groups"][0]
    assert found.plain == 2 + sum(len(value) if isinstance(value, tuple | list) else 1 for value in settings.values())
    shapes = {tensor.name: tensor.shape for tensor in found.tensors}
    assert {
        f"model.{name}": tuple(tensor.shape) for name, tensor in model.state_dict().items()
    }.items() <= shapes.items()


def test_a_lone_tensor_and_lists(tmp_path: Path) -> None:
    """A tensor without a name is called `tensor`; those of a list have numbers."""
    assert [each.name for each in read(saved(tmp_path / "x.pt", torch.rand(2))).tensors] == ["tensor"]
    found = read(saved(tmp_path / "x.pt", [torch.rand(2), (torch.rand(3), 1)]))
    assert [(each.name, each.shape) for each in found.tensors] == [("0", (2,)), ("1.0", (3,))]


def test_shared_memory_counts_once(tmp_path: Path) -> None:
    """A tied weight, a slice of it, and halves of one flat buffer that do not overlap."""
    weight, flat = torch.rand(10, 4), torch.rand(8)
    content = {"embed": weight, "head": weight, "rows": weight[2:5], "a": flat[:3], "b": flat[3:], "c": flat[2:4]}
    found = read(saved(tmp_path / "x.pt", content))
    assert {each.name: (each.numbers, each.fresh, each.shares) for each in found.tensors} == {
        "embed": (40, 40, None),
        "head": (40, 0, "embed"),
        "rows": (12, 0, "embed"),
        "a": (3, 3, None),
        "b": (5, 5, None),
        "c": (2, 0, "a"),
    }
    assert found.totals.numbers == 48
    assert found.totals.nbytes == 4 * 48


def test_memory_is_counted_as_a_set_of_bytes_would(tmp_path: Path) -> None:
    """Fifty random slices of one buffer: the total is the number of elements that any of them covers."""
    chance, flat = random.Random(1), torch.zeros(1000)  # noqa: S311  (which slices does not matter)
    ends = [sorted(chance.sample(range(1001), 2)) for _ in range(50)]
    ends = [(low, min(high, low + 40)) for low, high in ends]
    found = read(saved(tmp_path / "x.pt", [flat[low:high] for low, high in ends]))
    assert found.totals.numbers == len({place for low, high in ends for place in range(low, high)})


def test_expanded_transposed_and_sparse_tensors(tmp_path: Path) -> None:
    """A number that is repeated is one number; a transposed matrix has all of its own; of a sparse one count those that are there."""
    with pytest.warns(UserWarning, match="Sparse|sparse"):
        sparse = torch.sparse_coo_tensor([[0, 2], [1, 1]], [2.0, 3.0], (100, 100))
    content = {"one": torch.rand(1).expand(50), "t": torch.rand(4, 6).t(), "empty": torch.rand(0, 3), "sparse": sparse}
    found = {each.name: each for each in read(saved(tmp_path / "x.pt", content)).tensors}
    assert (found["one"].numbers, found["one"].fresh) == (50, 1)
    assert found["t"].fresh == 24
    assert found["empty"].fresh == 0
    assert (found["sparse"].numbers, found["sparse"].fresh) == (10_000, 2)


def test_our_own_checkpoints_and_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained run's checkpoints and its `model.safetensors` hold LeNet's 61,706 parameters under its own names."""
    monkeypatch.chdir(tmp_path)
    asked = load("lenet", small("epochs=2"))
    run = start(asked, folder.new_folder("lenet", resolved(asked)), "cpu")
    list(run.epochs())
    weights = read(run.path / "model.safetensors")
    assert weights.totals.numbers == 61_706
    assert weights.plain == 1
    for name in ("last.pt", "previous.pt"):
        found = read(run.path / "checkpoints" / name)
        ours = {each.name: each.shape for each in found.tensors}
        for each in weights.tensors:
            assert any(key.endswith(f".{each.name}") and shape == each.shape for key, shape in ours.items()), each.name
        assert found.plain > 5


class Runs:
    """A pickle that runs a command when it is loaded without care."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self._reduced = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._reduced


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_a_command_is_refused_and_named(legacy: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """`os.system` is named, and did not run."""
    mark = tmp_path / "ran"
    path = saved(tmp_path / "x.pt", {"w": torch.rand(2), "x": Runs(os.system, f"touch {mark}")}, legacy=legacy)
    with pytest.raises(
        DataError, match=r"wants to run (posix|nt)\.system, refused; save the state_dict instead"
    ) as refused:
        read(path)
    assert refused.value.exit_code == 3
    assert not mark.exists()
    torch.load(path, weights_only=False)  # the same file does run it where it is trusted: the pickle is a live one
    assert mark.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (nn.Sequential(nn.Linear(2, 2)), r"torch\.nn\.modules\.\S+ and \d more"),
        ({"w": torch.rand(2), "x": Runs(eval, "1")}, r"(builtins|__builtin__)\.eval"),
        ({"w": torch.rand(2), "x": Runs(Path, "a")}, r"pathlib\S*Path"),
    ],
)
def test_what_a_pickle_wants_to_run_is_named(content: object, words: str, tmp_path: Path) -> None:
    """A whole module, a builtin, somebody's class; the message says what to save instead."""
    with pytest.raises(DataError, match=f"is a pickle that wants to run {words}, refused; save the state_dict instead"):
        read(saved(tmp_path / "x.pt", content))


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    """It holds code; torch.jit wrote it, not torch.save."""
    with pytest.warns(FutureWarning, match="jit"):
        script = torch.jit.script(nn.Linear(2, 2))
    with pytest.warns(FutureWarning, match="jit"):
        torch.jit.save(script, tmp_path / "x.pt")
    with pytest.raises(RequestError, match="is a TorchScript program, which is not read here; save its weights"):
        read(tmp_path / "x.pt")


def laughing(deep: int) -> list[object]:
    """A list of two that are one list of two that are …: 2^deep values in a few bytes."""
    held: list[object] = [1, 1]
    for _ in range(deep):
        held = [held, held]
    return held


def within_itself() -> list[object]:
    """A list that holds itself."""
    held: list[object] = []
    held.append(held)
    return held


@pytest.mark.parametrize("content", [laughing(60), within_itself(), laughing(25), [0] * 1_000_001])
def test_pickles_that_unfold_without_end_are_refused(content: object, tmp_path: Path) -> None:
    """In bounded time and memory."""
    with pytest.raises(DataError, match="more than 1,000,000 values, or nests deeper than 100"):
        read(saved(tmp_path / "x.pt", content))


def test_a_packed_archive_is_refused(tmp_path: Path) -> None:
    """A zip bomb would be a packed one; torch stores."""
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", bytes(50_000_000))
    assert (tmp_path / "x.pt").stat().st_size < 100_000
    with pytest.raises(DataError, match="compressed"):
        read(tmp_path / "x.pt")


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"hello", b"\x80\x02}q\x00.", b"\x80\x02X", b"\x80\x04\x95" + b"\xff" * 8]
)
def test_what_torch_did_not_write_is_refused(content: bytes, tmp_path: Path) -> None:
    """Nothing, a bare signature, text, and pickles without tensors' framing."""
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.pth"):
        read(tmp_path / "x.pth")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / "nothing.pt")


@pytest.mark.parametrize("legacy", [False, True])
def test_damage_is_refused_or_harmless(legacy: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """One byte changed or the end cut off, 60 times: `DataError` or a list of tensors, never anything else."""
    whole = saved(tmp_path / "x.pt", {"w": torch.zeros(3, 4), "e": 3}, legacy=legacy).read_bytes()
    chance, refused = random.Random(7), 0  # noqa: S311  (which bytes does not matter)
    for turn in range(60):
        damaged = bytearray(whole)
        if turn % 2:
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        else:
            del damaged[chance.randrange(len(whole)) :]
        (tmp_path / "d.pt").write_bytes(damaged)
        try:
            read(tmp_path / "d.pt")
        except DataError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    assert refused >= 25

"""Files read by worker processes: the same batches whatever their number, and nothing else disturbed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from cnncli.data import pictures, reading
from cnncli.data.pictures import picture
from cnncli.data.reading import Read, Reader, read, tensor
from cnncli.errors import DataError
from tests.data.conftest import put

SIZE = (3, 5, 4)
PLAN = [[3, 1], [], [0, 4, 2, 2], [5]]


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Six images, of which the fifth is none."""
    put(tmp_path, *(f"{number}.png" for number in range(6)))
    (tmp_path / "4.png").write_bytes(b"")
    return [str(tmp_path / f"{number}.png") for number in range(6)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_come_in_their_order(paths: list[str], workers: int) -> None:
    """Each with the pixels of its images, in its order, whatever the number of workers; what cannot be read is told apart."""
    found = [*read(paths, SIZE, PLAN, workers)]
    for indices, batch in zip(PLAN, found, strict=True):
        good = [index for index in indices if index != 4]
        assert batch.pixels == b"".join(picture(paths[index], 3, (5, 4)).tobytes() for index in good)
    assert [[place for place, _ in batch.bad] for batch in found] == [[], [], [1], []]
    assert found[2].bad[0][1].endswith("4.png': it is empty")


@pytest.mark.parametrize("workers", [0, 2])
def test_no_random_number_is_drawn(paths: list[str], workers: int) -> None:
    """Dropout goes on as if nothing had been read."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(read(paths, SIZE, PLAN, workers))
    assert torch.equal(torch.get_rng_state(), before)


def test_few_images_start_no_process(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For as many as are read while a process starts, there is none; for more there are as many as cores, up to a limit."""
    asked = []
    monkeypatch.setattr("torch.utils.data.DataLoader", lambda *_, **options: asked.append(options["num_workers"]) or [])
    monkeypatch.setattr(reading, "cores", lambda: 3)
    for count in (200, 201):
        list(read(paths, SIZE, [range(count)]))
    monkeypatch.setattr(reading, "cores", lambda: 64)
    list(read(paths, SIZE, [range(201)]))
    assert asked == [0, 3, 8]


def test_pixels_are_channels_first(paths: list[str]) -> None:
    """N×C×H×W of uint8, also of no image."""
    found = tensor(Reader(paths, SIZE)[1].pixels, SIZE)
    image = picture(paths[1], 3, (5, 4))
    assert (found.shape, found.dtype) == ((1, *SIZE), torch.uint8)
    assert [tuple(found[0, :, 2, x].tolist()) for x in range(4)] == [image.getpixel((x, 2)) for x in range(4)]
    assert tensor(b"", SIZE).shape == (0, *SIZE)


@pytest.mark.skipif(os.name == "nt", reason="needs fork, to change what the workers do")
def test_a_worker_that_dies_is_a_data_error(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the system kills it for its memory; the message says how to do without."""

    def die(*_: object) -> Read:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    monkeypatch.setattr(Reader, "__getitems__", die)
    with pytest.raises(DataError, match=r"a process that reads images ended before its time .*write data\.workers: 0"):
        list(read(paths, SIZE, PLAN, 1))


@pytest.mark.skipif(os.name == "nt", reason="needs fork, to change what the workers do")
def test_workers_leave_ctrl_c_to_the_one_that_trains(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A SIGINT to the whole group ends no worker in the middle of a batch."""
    plain = pictures.picture

    def interrupted(*arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "picture", interrupted)
    assert len([*read(paths, SIZE, PLAN, 1)]) == len(PLAN)


def test_a_fault_of_ours_is_not_taken_for_the_data(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another error in a worker stays what it is."""

    def fail(*_: object) -> Read:
        raise RuntimeError("ours")

    monkeypatch.setattr(Reader, "__getitems__", fail)
    with pytest.raises(RuntimeError, match="ours"):
        list(read(paths, SIZE, PLAN, 0))

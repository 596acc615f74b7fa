"""Runs of one case, the stopwatch, and memory; nothing here depends on how fast the machine is."""

from __future__ import annotations

import os
import time

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncli.bench import memory
from cnncli.bench import subject as subjects
from cnncli.bench.memory import Named, most, peaks
from cnncli.bench.peak import supported
from cnncli.bench.plan import Case
from cnncli.bench.run import ceilings, turns
from cnncli.bench.subject import Run, Subject, needed, subject
from cnncli.bench.timing import AGAIN, ROUNDS, Stopwatch, Yardstick
from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.layers.parsing import inputs
from cnncli.sources import Request, load

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")


def _subject(source: str, *shapes: str, **arguments: object) -> Subject:
    return subject(load(Request(source, inputs(shapes), arguments)), CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("backward", [False, True])
def test_a_run_is_what_its_case_says(precision: str, layout: str, backward: bool) -> None:  # noqa: FBT001
    """Batch, numbers, layout and mode, as the module's first convolution sees them; gradients with the backward pass alone."""
    ready = _subject("lenet")
    seen: list[torch.Tensor] = []
    conv = ready.module.get_submodule("conv1")
    conv.register_forward_hook(lambda _module, given, made: seen.extend((given[0], made)))
    run = Run(ready, Case(3, precision, layout, backward))
    run.settle()
    run()
    given, made = seen
    assert given.shape == (3, 1, 28, 28)
    assert made.dtype == getattr(torch, precision)
    form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    weight = conv.get_parameter("weight")
    assert ready.module.get_submodule("conv2").get_parameter("weight").is_contiguous(memory_format=form)
    assert ready.module.training == backward
    assert made.requires_grad == backward
    assert (weight.grad is not None) == backward
    run.clear()
    assert weight.grad is None


def test_a_recorded_module_gets_real_weights() -> None:
    """It was built without memory; named inputs and whole numbers are made too."""
    ready = _subject("tests/bench/nets.py:Pair", "image=3x8x8", "word=5:int64")
    assert not any(weight.is_meta for weight in ready.module.parameters())
    run = Run(ready, Case(4, "float32", "contiguous", backward=True))
    run.settle()
    run()
    assert all(weight.grad is not None for weight in ready.module.parameters())


def test_weights_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is allocated."""
    monkeypatch.setattr(subjects, "available", lambda: 1000)
    with pytest.raises(RequestError, match=r"its weights take 0\.00023 GiB, and 9\.31e-07 GiB are free"):
        _subject("lenet")
    with pytest.raises(RequestError, match=r"its weights take 3[0-9.e+]+ GiB"):
        _subject("tests/bench/nets.py:Wide", "1000000")


class Task:
    """Counts, and fails or stops where it is told."""

    def __init__(self, log: list[str], name: str, *, fails: bool = False) -> None:
        self.log, self.name, self.fails = log, name, fails

    def settle(self) -> None:
        """Note."""
        self.log.append(f"{self.name} settled")

    def __call__(self) -> None:
        """Note, or fail."""
        if self.fails:
            raise ValueError(self.name)
        time.sleep(0.002)
        self.log.append(self.name)

    def clear(self) -> None:
        """Nothing."""


def test_rounds_take_turns() -> None:
    """Every task in every round; the one that fails is told, and left out of the next."""
    log: list[str] = []
    watch = Stopwatch([Task(log, "a"), Task(log, "bad", fails=True), Task(log, "b")], CPU, [0.02, 0.02, 0.02])
    watch.run(lambda: False, Progress())
    settled = [line.split()[0] for line in log if line.endswith("settled")]
    assert settled == ["a", "bad", "b", *["a", "b"] * (ROUNDS - 1)]
    assert watch.failed == {1: "ValueError: bad"}
    assert watch.seconds[1] == []
    assert len(watch.seconds[0]) >= ROUNDS
    assert min(watch.seconds[0]) >= 0.002
    assert log.count("a") > len(watch.seconds[0])  # the first repetition warms up


def test_what_was_measured_stays_where_it_is_halted() -> None:
    """After any repetition."""
    log: list[str] = []
    watch = Stopwatch([Task(log, "a"), Task(log, "b")], CPU, [60.0, 60.0])
    watch.run(lambda: log.count("a") > 3, Progress())
    assert len(watch.seconds[0]) == 3
    assert watch.seconds[1] == []


def test_the_ceiling_has_a_turn_after_each_case() -> None:
    """In the case's own precision, in every round; together its turns take the time that it was given."""
    assert turns(["float32", "float32", "bfloat16"]) == [0, 3, 1, 3, 2, 4]
    log: list[str] = []
    watch = Stopwatch([Task(log, "a"), Task(log, "b"), Task(log, "ceiling")], CPU, [0.01, 0.01, 0.16])
    watch.run(lambda: False, Progress(), turns(["float32", "float32"]))
    settled = [line.split()[0] for line in log if line.endswith("settled")]
    assert settled == ["a", "ceiling", "b", "ceiling"] * ROUNDS
    assert 0.16 <= sum(watch.seconds[2]) < 0.16 + 2 * ROUNDS * max(watch.seconds[2])


class Busy(Task):
    """A product on a machine that has something else to do, the first few times."""

    flops = 1_000_000

    def __call__(self) -> None:
        """Slowly at first."""
        time.sleep(0.03 if len(self.log) < 8 else 0.002)
        self.log.append(self.name)


@pytest.mark.parametrize(("reached", "again"), [(0.0, 0), (100e6, 1), (1e18, AGAIN)])
def test_a_ceiling_that_was_surpassed_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, reached: float, again: int
) -> None:
    """Until it is not, but not for ever: a convolution may take fewer operations than its MACs."""
    monkeypatch.setattr("cnncli.bench.run.CEILING", 0.3)
    log: list[str] = []
    product, flops = Busy(log, "product"), {"float32": Busy.flops}
    watch = Stopwatch([product], CPU, [0.01])
    watch.measure(0, 0.01, lambda: False)
    before = log.count("product settled")
    found = ceilings(watch, flops, 0, {"float32": reached}, lambda: False)
    assert log.count("product settled") - before == again
    assert found == {"float32": Busy.flops / min(watch.seconds[0])}
    assert (found["float32"] > 40e6) == bool(again)
    assert ceilings(watch, flops, 0, {"float32": 1e18}, lambda: True) == found


@pytest.mark.parametrize("convolves", [False, True])
def test_a_yardstick_has_its_operations(convolves: bool) -> None:  # noqa: FBT001
    """Two for each multiply-accumulate, as torch counts them, in the precision that it is asked for."""
    yardstick = Yardstick("float32", CPU)
    yardstick.convolves = convolves
    with FlopCounterMode(display=False) as counter:
        yardstick()
    assert yardstick.flops == counter.get_total_flops()
    assert ("convolution" in yardstick.words) == convolves
    assert not torch.backends.cuda.matmul.allow_tf32


def test_the_yardstick_is_the_faster_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where matrices are multiplied slowly it is the convolution, and the other way round."""

    def slowly(*_: object, **__: object) -> None:
        time.sleep(0.2)

    monkeypatch.setattr(torch, "mm", slowly)
    assert Yardstick("float32", CPU).convolves
    monkeypatch.undo()
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *_, **__: time.sleep(2))
    assert not Yardstick("float32", CPU).convolves


@pytest.mark.skipif(not supported(), reason="the system keeps no count that can be reset")
def test_peaks_are_near_what_the_report_says() -> None:
    """Measured by a process of its own, in float32, where activations are much more than what libraries take."""
    ready, named = _subject("lenet"), Named("lenet", [], {})
    cases = [Case(batch, "float32", "channels_last", backward) for backward in (False, True) for batch in (1024, 2048)]
    found = peaks(ready, cases, named, lambda: False, Progress())
    assert list(found) == cases
    for case, peak in found.items():
        assert peak == pytest.approx(ready.needed(case), rel=0.3)
    assert found[cases[1]] > 1.5 * found[cases[0]]
    assert found[cases[3]] > 1.5 * found[cases[2]]


@pytest.mark.skipif(not supported(), reason="the system keeps no count that can be reset")
def test_the_process_that_measures_ends_when_it_is_told() -> None:
    """It does not outlive who started it, and what it found until then counts."""
    ready = _subject("lenet")
    cases = [Case(batch, "float32", "contiguous", backward=False) for batch in (64, 65, 66)]
    found = peaks(ready, cases, Named("lenet", [], {}), lambda: True, Progress())
    assert list(found) == cases[:1]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_largest_batch_is_estimated_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the report's bytes: it stays within what is free, and one more would not."""
    ready = _subject("lenet")
    monkeypatch.setattr(subjects, "available", lambda: 50_000_000)
    for backward in (False, True):
        found = most(ready, backward=backward, halted=lambda: False)
        assert found is not None
        assert not found.tried
        assert needed(ready.network, found.batch, backward=backward) <= found.limit_bytes
        assert needed(ready.network, found.batch + 1, backward=backward) > found.limit_bytes


def test_out_of_memory_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU's search rests on: it is told from other errors, and gradients are gone afterwards."""
    ready = _subject("lenet")

    class Full(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError if len(images) > 4 else ValueError

    full = Subject(network=ready.network, module=Full(), inputs=ready.inputs, device=CPU)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    case = Case(8, "float32", "contiguous", backward=True)
    assert memory._tried(full, case) is False  # noqa: SLF001
    assert memory._tried(full, case._replace(batch=4)) is None  # noqa: SLF001
    assert memory._tried(ready, case) is True  # noqa: SLF001
    assert all(weight.grad is None for weight in ready.module.parameters())

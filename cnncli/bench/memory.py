"""How much memory each case takes, and the largest batch that fits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from cnncli.bench.figures import Most, largest, within
from cnncli.bench.peak import supported
from cnncli.bench.plan import LARGEST, Case
from cnncli.bench.subject import Run, Subject, needed, room
from cnncli.data.progress import Progress
from cnncli.text import guests
from cnncli.training.device import wait


class Named(NamedTuple):
    """A source as it was written, for a process that has to load it again."""

    source: str
    inputs: Sequence[str]
    arguments: Mapping[str, object]


def peaks(
    subject: Subject, cases: Sequence[Case], named: Named, halted: Callable[[], bool], progress: Progress
) -> dict[Case, int]:
    """The most bytes that each case takes at once, weights included, as far as that can be measured."""
    if subject.device.type == "cuda":
        return {case: peak for case in cases if not halted() and (peak := _on_gpu(subject, case)) is not None}
    if subject.device.type != "cpu" or not supported() or not cases:
        return {}
    return dict(_in_a_process(cases, named, halted, progress))


def _on_gpu(subject: Subject, case: Case) -> int | None:
    """What torch's allocator gave out at most."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(subject.device)
    return torch.cuda.max_memory_allocated(subject.device) if _tried(subject, case) else None


def _in_a_process(
    cases: Sequence[Case], named: Named, halted: Callable[[], bool], progress: Progress
) -> Iterator[tuple[Case, int]]:
    """A line for each case, as they come; the process ends with this one, or when `halted` says so."""
    progress.begin("measuring memory", len(cases))
    asked = {"source": named.source, "inputs": list(named.inputs), "arguments": dict(named.arguments), "cases": cases}
    command = [sys.executable, "-m", "cnncli.bench.peak"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, encoding="utf-8", **pipes) as child:  # type: ignore[call-overload]  # noqa: S603
        try:
            child.stdin.write(json.dumps(asked))
            child.stdin.close()
            for case, line in zip(cases, child.stdout, strict=False):
                progress.done += 1
                if (peak := json.loads(line)) is not None:
                    yield case, peak
                if halted():
                    return
        finally:
            child.kill()


def most(subject: Subject, *, backward: bool, halted: Callable[[], bool]) -> Most | None:
    """The largest batch that fits: on a GPU by trying, elsewhere by the figures of the report, which is an estimate.

    None where `halted` came before it was found, or nothing runs at all.
    """
    limit = room(subject.device)
    if subject.device.type == "cuda":
        found = largest(
            lambda batch: not halted() and bool(_tried(subject, Case(batch, "float32", "channels_last", backward))),
            LARGEST,
        )
        return None if halted() or not found else Most(backward, found, tried=True, limit_bytes=limit)
    limit += subject.weight_bytes  # they are there already
    found = within(limit, lambda batch: needed(subject.network, batch, backward=backward))
    return Most(backward, found, tried=False, limit_bytes=limit)


def _tried(subject: Subject, case: Case) -> bool | None:
    """Whether a case fits on a GPU, None where it fails for another reason; the memory is free again afterwards."""
    try:
        _through(subject, case)
    except torch.OutOfMemoryError:
        return False
    except Exception:  # noqa: BLE001  (whatever somebody else's module raises; that is told when it is timed)
        return None
    finally:
        subject.module.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
    return True


def _through(subject: Subject, case: Case) -> None:
    """Run a case once, to its end."""
    with guests():
        run = Run(subject, case)
        run.settle()
        run()
        wait(subject.device)

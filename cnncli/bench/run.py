"""A benchmark from beginning to end: what is left out and why, memory, times, the ceiling, the largest batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from cnncli.analysis.report import Report, report
from cnncli.bench.figures import Most, Timed, gib
from cnncli.bench.memory import Named, most, peaks
from cnncli.bench.plan import Case, Plan
from cnncli.bench.subject import Run, Subject, images, room
from cnncli.bench.timing import AGAIN, CEILING, Stopwatch, Yardstick, reason
from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.training import device as devices
from cnncli.training.device import device_name

SLOW = "this device has no instructions for it and emulates it, several times slower; --precision bfloat16 measures it all the same"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What was found.

    report: of one example · timed: what could be measured, in the plan's order · ceilings: operations a second of what the
    machine is quickest at, by precision · yardsticks: what that is, in words · left_out: what was not measured, and why · most:
    the largest batches that fit · threads: of the CPU · seconds: of each measurement · interrupted: whether Ctrl-C ended it
    """

    report: Report
    timed: tuple[Timed, ...]
    ceilings: dict[str, float]
    yardsticks: dict[str, str]
    left_out: tuple[tuple[str, str], ...]
    most: tuple[Most, ...]
    device: str
    device_name: str
    threads: int
    torch: str
    seconds: float
    interrupted: bool

    def share(self, timed: Timed) -> float | None:
        """Operations a second as a share of the ceiling's at the same precision; None where that was not measured."""
        ceiling = self.ceilings.get(timed.case.precision)
        return timed.flops_per_second(self.report.totals.macs) / ceiling if ceiling else None


def bench(subject: Subject, plan: Plan, named: Named, halted: Callable[[], bool], progress: Progress) -> Benchmark:
    """Measure `subject` by `plan`; raises `RequestError` where nothing of it can be. halted: asked after every repetition"""
    cases, left_out = _chosen(subject, plan)
    runs, unfit = _ready(subject, cases)
    sizes = peaks(subject, list(runs), named, halted, progress)
    products = {
        precision: Yardstick(precision, subject.device) for precision in dict.fromkeys(c.precision for c in runs)
    }
    shares = [plan.seconds] * len(runs) + [max(plan.seconds, CEILING)] * len(products)
    watch = Stopwatch([*runs.values(), *products.values()], subject.device, shares)
    watch.run(halted, progress, turns([case.precision for case in runs]))
    progress.end()
    found = report(subject.network)
    failed = [(case.words, watch.failed[place]) for place, case in enumerate(runs) if place in watch.failed]
    timed = [
        Timed(case, tuple(taken), sizes.get(case)) for case, taken in zip(runs, watch.seconds, strict=False) if taken
    ]
    why = (*left_out, *unfit, *failed)
    if not timed and not halted():
        raise RequestError(f"{subject.network.name}: nothing could be measured: {why[0][0]}: {why[0][1]}")
    reached = dict.fromkeys(products, 0.0)
    for each in timed:
        reached[each.case.precision] = max(reached[each.case.precision], each.flops_per_second(found.totals.macs))
    flops = {precision: product.flops for precision, product in products.items()}
    return Benchmark(
        report=found,
        timed=tuple(timed),
        ceilings=ceilings(watch, flops, len(runs), reached, halted),
        yardsticks={precision: product.words for precision, product in products.items()},
        left_out=why,
        most=_most(subject, plan, halted),
        device=str(subject.device),
        device_name=device_name(subject.device),
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        seconds=plan.seconds,
        interrupted=halted(),
    )


def turns(precisions: Sequence[str]) -> list[int]:
    """The order of a round of cases in these precisions: after each the ceiling in its precision, whose tasks follow the cases.

    So the ceiling is measured all along, before every case and after it, and not at one moment that may be a busy one.
    """
    ceiling = {precision: len(precisions) + place for place, precision in enumerate(dict.fromkeys(precisions))}
    return [each for place, precision in enumerate(precisions) for each in (place, ceiling[precision])]


def ceilings(
    watch: Stopwatch, flops: Mapping[str, int], first: int, reached: Mapping[str, float], halted: Callable[[], bool]
) -> dict[str, float]:
    """Operations a second of each product at its fastest, by precision.

    flops: of one product · first: the place of the products among the tasks · reached: operations a second of the fastest case.
    Where that is more, the product is measured again: whatever else the machine does can only slow it down, so that the fastest of
    more repetitions is nearer to the ceiling.
    """
    found = {}
    for place, (precision, each) in enumerate(flops.items(), first):
        taken = watch.seconds[place]
        for _ in range(AGAIN):
            if halted() or not taken or reached[precision] <= each / min(taken):
                break
            watch.measure(place, CEILING, halted)
        if taken:
            found[precision] = each / min(taken)
    return found


def _chosen(subject: Subject, plan: Plan) -> tuple[list[Case], list[tuple[str, str]]]:
    """The plan's cases on this device, and what of them was left out."""
    left_out = []
    both = devices.has_bfloat16(subject.device)
    precisions: Sequence[str] = plan.precisions or ("float32", *(["bfloat16"] if both else []))
    if plan.precisions is None and len(precisions) == 1:
        left_out.append(("bfloat16", SLOW))
    suits = devices.memory_format("auto", subject.device) is torch.channels_last and images(subject.inputs)
    layouts: Sequence[str] = plan.layouts or ("channels_last" if suits else "contiguous",)
    if not images(subject.inputs) and "channels_last" in layouts:
        layouts = [layout for layout in layouts if layout != "channels_last"]
        left_out.append(("channels last", "no input is a batch of images"))
    return list(plan.cases(precisions, layouts)), left_out


def _ready(subject: Subject, cases: Sequence[Case]) -> tuple[dict[Case, Run], list[tuple[str, str]]]:
    """Those of `cases` that have room, with their examples; and why the others were left out."""
    runs: dict[Case, Run] = {}
    left_out: list[tuple[str, str]] = []
    there = room(subject.device) + subject.weight_bytes
    for case in cases:
        if subject.needed(case) > there:
            wanted = f"it takes about {gib(subject.needed(case))}, {gib(there)} are free"
            left_out.append((case.words, wanted))
            continue
        try:
            runs[case] = Run(subject, case)
        except (RequestError, torch.OutOfMemoryError) as error:
            left_out.append((case.words, reason(error)))
    return runs, left_out


def _most(subject: Subject, plan: Plan, halted: Callable[[], bool]) -> tuple[Most, ...]:
    """With the backward pass and without; where the inputs have a batch."""

    def each() -> Iterator[Most]:
        for backward in (False, True) if plan.backward else (False,):
            if not halted() and (found := most(subject, backward=backward, halted=halted)) is not None:
                yield found

    return tuple(each()) if all(tensor.batch is not None for tensor in subject.network.inputs.values()) else ()

"""A kernel that was learned: the losses as the textbook prints them, one step in numbers, the result, and the theory beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from math import isfinite, log10
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.edge_detect import MOST_STEPS, Learned, Prepared, Task
from cnncli.render.frames import Frame, Grid, frozen
from cnncli.render.grids import flow, grid, nested, number, texts
from cnncli.render.stepping import is_screen, show_frames
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown
from cnncli.text import columns_of, complain, inert, say, say_picture

if TYPE_CHECKING:
    from cnncli.lessons.descent import Floats

PRINTED = 5  # steps between two printed losses, as in the textbook
LINES = 12  # losses printed at most; of more steps every 50th, 100th, 200th …
SMALL = 12  # columns of a matrix that is printed
SLOW = 10  # times the smallest eigenvalue that the largest may be without being a reason
LISTED = 4  # eigenvalues that are all named
NAMES = 19  # characters of a name before its text


def warn(given: Prepared, lr: float) -> None:
    """On stderr, before the run: that the rate is too large."""
    limit = given.theory.max_stable_lr
    if lr >= limit:
        complain(
            f"--lr {figure(lr)} is not below {figure(limit)}: each step makes the largest error larger; see it grow"
        )


def show_learned(found: Learned, format: str, image: str | None, picture: Path | None) -> None:
    """The run on stdout. image: the file it was learned from, if any · picture: where it was drawn, if it was"""
    if format == "json":
        write_json(learned_json(found, image, picture))
    elif format == "table":
        width = columns_of(sys.stdout)
        for part in (
            _heading(found, image, width),
            _course(found, width),
            _result(found, width),
            _theory(found, width),
        ):
            say(*part)
        if picture:
            say_picture(picture)
    else:
        steps = range(1, found.steps + 1) if format == "csv" else reported(found.steps)
        lines = [_line(found, step) for step in steps if step <= len(found.run.weights)]
        (write_csv if format == "csv" else write_markdown)(_columns(found.task), lines)


def learned_json(found: Learned, image: str | None, picture: Path | None) -> dict[str, object]:
    """The `cnncli/edge-detect/1` object. What is beyond a double is null."""
    task, theory, run = found.task, found.theory, found.run
    weight, bias = (None, None) if run.overflowed else _plain(task, run.learned)
    start, optimum = _plain(task, run.weights[0]), _plain(task, theory.optimum)
    return {
        "schema": "cnncli/edge-detect/1",
        "image": image,
        "target": task.name or "edges",
        "input": list(task.image.shape),
        "lr": run.lr,
        "steps": found.steps,
        "seed": found.seed,
        "weight": weight,
        "bias": bias,
        "losses": list(run.losses),
        "max_stable_lr": theory.max_stable_lr,
        "fastest_lr": theory.fastest_lr,
        "stable": run.lr < theory.max_stable_lr,
        "eigenvalues": theory.eigenvalues.tolist(),
        "start": {"weight": start[0], "bias": start[1]},
        "optimum": {"weight": optimum[0], "bias": optimum[1], "loss": theory.least},
        **({"picture": picture.as_posix()} if picture else {}),
    }


def figure(value: float) -> str:
    """Four digits: `0.01609`, `1.52e-06`."""
    return f"{value:.4g}"


def loss_text(value: float) -> str:
    """Three digits after the point as the textbook has them, or a power of ten where they would say nothing."""
    if value == 0:
        return "0"
    return f"{value:.3f}" if 0.001 <= value < 1e7 else f"{value:.3e}"


def counted(steps: int) -> str:
    """`1 step`, `1,000 steps`."""
    return f"{steps:,} step{'s' * (steps != 1)}"


def reported(steps: int) -> list[int]:
    """The steps whose losses are printed, from 1: each fifth, or of many fewer; the last one too."""
    gap = PRINTED
    for factor in (2, 2.5, 2) * 5:
        if steps / gap <= LINES:
            break
        gap = round(gap * factor)
    found = list(range(gap, steps + 1, gap))
    return found if found and found[-1] == steps else [*found, steps]


def what(task: Task) -> str:
    """`a 1×2 kernel and a bias`."""
    return f"a {dims(task.size)} kernel{' and a bias' if task.bias else ''}"


def worded(task: Task, weights: Floats) -> str:
    """`weight [[0.98, -0.979]], bias 0.001`, in one line."""
    kernel, bias = task.split(_rounded(weights))
    return f"weight {nested(kernel.tolist())}" + (f", bias {number(bias)}" if bias is not None else "")


def _rounded(weights: Floats) -> Floats:
    """To the digits that are shown, so that what is 0 but for rounding is 0."""
    rounded: Floats = weights.round(4) + 0.0
    return rounded


def _plain(task: Task, weights: Floats) -> tuple[object, float | None]:
    kernel, bias = task.split(weights)
    return kernel.tolist(), bias


def _named(name: str, text: str, width: int) -> list[str]:
    """A name, and its text in a column beside it."""
    return wrap(text, width, initial_indent=name.ljust(NAMES), subsequent_indent=" " * NAMES, break_on_hyphens=False)


def _prose(text: str, width: int) -> list[str]:
    return wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _heading(found: Learned, image: str | None, width: int) -> Iterator[str]:
    task, lr = found.task, figure(found.run.lr)
    source = f"{dims(task.image.shape)} image and its edges"
    if image is not None:
        source = f"{inert(image)} ({dims(task.image.shape)}, grey) and what {task.name} makes of it"
    yield from _prose(f"{what(task)}, learned from {'a ' if image is None else ''}{source}", width)
    rate = f"lr {lr}, the fastest by the theory below" if found.chosen else f"lr {lr}"
    yield from _prose(f"{counted(found.steps)}, {rate}, seed {found.seed}", width)
    yield from _prose("numpy; the gradient is written out, and is the one that torch's autograd finds", width)
    yield ""
    if max(task.image.shape) <= SMALL:
        yield from flow([["input", *_grid(task.image)], ["target", *_grid(task.target)]], width)
        yield ""


def _grid(values: Floats, digits: int = 2) -> list[str]:
    return grid(texts((values.round(digits) + 0.0).tolist(), digits))


def _course(found: Learned, width: int) -> Iterator[str]:
    """The start, the first step in numbers, and the losses."""
    run = found.run
    if found.task.kernel is None:
        yield from _named("start", worded(found.task, run.weights[0]), width)
        yield from _first_step(found, width)
        yield ""
    for step in reported(found.steps):
        loss = run.losses[step - 1]
        if loss is None:
            first = run.losses.index(None) + 1
            largest = f"{sys.float_info.max:.1e}, the largest number a computer holds"
            yield from _prose(f"Step {first}, loss beyond {largest}: given up", width)
            break
        yield f"Step {step}, loss {loss_text(loss)}"
    yield ""


def _first_step(found: Learned, width: int) -> Iterator[str]:
    """Where the first step comes from: error, gradient, and what is taken off."""
    task, run = found.task, found.run
    if run.losses[0] is None or len(run.weights) < 2:
        return
    kernel, _ = task.split(run.weights[0])
    after, _ = task.split(run.weights[1])
    gradient, slope = task.split((run.weights[0] - run.weights[1]) / run.lr)
    yield from _named("error", "prediction - target", width)
    yield from _named("loss", f"sum of error² = {loss_text(run.losses[0])}", width)
    yield from _named("weight's gradient", f"2·sum of error·input = {nested(gradient.tolist(), 3)}", width)
    if slope is not None:
        yield from _named("bias's gradient", f"2·sum of error = {number(slope, 3)}", width)
    numbers = f"{number(kernel[0, 0])} - {figure(run.lr)}·{_signed(gradient[0, 0])} = {number(after[0, 0])}"
    yield from _named("new weight", f"weight - lr·gradient, the first: {numbers}", width)


def _signed(value: float) -> str:
    text = number(value, 3)
    return f"({text})" if value < 0 else text


def _result(found: Learned, width: int) -> Iterator[str]:
    task, run = found.task, found.run
    if run.overflowed or not isfinite(float(abs(run.learned).max())):
        yield from ("the weights went with the loss: nothing is learned", "")
        return
    if task.kernel is None:
        yield from _named("learned", worded(task, run.learned), width)
        yield from ("prediction", *_grid(task.predict(run.learned)), "")
        return
    (start, _), (kernel, bias) = task.split(run.weights[0]), task.split(run.learned)
    named = (("start", start), ("learned", kernel), (task.name, task.kernel))
    yield from flow([[name, *_grid(values, 4)] for name, values in named], width)
    off = f"largest difference from {task.name} {figure(float(abs(kernel - task.kernel).max()))}"
    yield from _prose(off if bias is None else f"{off}; bias {number(round(bias, 4) + 0.0)}", width)
    yield ""


def _theory(found: Learned, width: int) -> Iterator[str]:
    """What was known before the first step."""
    theory, lr = found.theory, found.run.lr
    steepest, flattest = _value(theory.steepest), _value(theory.flattest)
    row = "what the kernel reads" + (", and a 1 for the bias" if found.task.bias else "")
    yield from _prose(
        f"theory: with a row of A for each window, {row}, the loss is a bowl with the Hessian 2·A'A (A' is A transposed)",
        width,
    )
    yield from _named("exact optimum", _optimum(found), width)
    yield from _named("eigenvalues", _listed(theory.eigenvalues.tolist()), width)
    yield from _named("largest stable lr", f"2/{steepest} = {figure(theory.max_stable_lr)}", width)
    yield from _named("fastest lr", f"2/({flattest} + {steepest}) = {figure(theory.fastest_lr)}", width)
    yield from _pace(found, lr, width)


def _optimum(found: Learned) -> str:
    """The weights in numbers; of a named kernel, how near they are to it, or that there are many."""
    task, theory = found.task, found.theory
    if theory.undetermined:
        many = f"{theory.undetermined} of {len(theory.optimum)} directions"
        return f"not one but many: in {many} this image does not tell kernels apart"
    if task.kernel is None:
        return f"{worded(task, theory.optimum)}, loss {loss_text(round(theory.least, 9))}"
    return f"{task.name}, to within {abs(task.split(theory.optimum)[0] - task.kernel).max():.1g}"


def _pace(found: Learned, lr: float, width: int) -> Iterator[str]:
    """What a step does to the distance from the optimum, and what that makes of the loss in the end."""
    theory = found.theory
    factors = [float(each) for each in theory.factors(lr)]
    slowest = max((abs(each) for each, value in zip(factors, theory.eigenvalues, strict=True) if value), default=1.0)
    text = f"the distance from the optimum × (1 - {figure(lr)}·eigenvalue): {_listed(factors, 4)}"
    yield from _named("each step", text, width)
    if slowest > 1:
        text = f"the loss × {slowest:.4g}² = {slowest * slowest:.4g} a step: it grows"
    elif found.task.kernel is None:
        text = f"the loss × {slowest:.4g}² = {slowest**2:.4g} a step, × {slowest ** (2 * PRINTED):.3g} every {PRINTED}"
    else:
        text = f"{100 * slowest**found.steps:.2g} % of the slowest distance is left{_reason(found)}"
    yield from _named("in the end", text, width)


def _reason(found: Learned) -> str:
    """Why it took so many steps."""
    theory = found.theory
    if theory.steepest < SLOW * theory.flattest:
        return ""
    times = f"{_value(theory.steepest)}/{_value(theory.flattest)} = {theory.steepest / theory.flattest:,.0f} times"
    cure = "; a smaller --size takes fewer steps" if found.steps == MOST_STEPS else ""
    return f"; it is slow because the largest eigenvalue is {times} the smallest{cure}"


def _value(value: float, digits: int = 3) -> str:
    """`12`, `19.693`, `1,316,067.716`."""
    rounded = round(value, digits)
    return f"{value:.4g}" if 0 < abs(value) < 1 and digits == 3 else f"{rounded:,.{digits}f}".rstrip("0").rstrip(".")


def _listed(values: Sequence[float], digits: int = 3) -> str:
    """All of them, or of many the first and the last."""
    if len(values) <= LISTED:
        return ", ".join(_value(value, digits) for value in values)
    digits = 6 if digits > 3 else digits
    return f"{_value(values[0], digits)} … {_value(values[-1], digits)} ({len(values)} of them)"


def _columns(task: Task) -> list[Column]:
    places = [f"weight_{row}_{column}" for row in range(task.size[0]) for column in range(task.size[1])]
    return [
        Column(name, name.replace("_", " ")) for name in ("step", "loss", *places, *(["bias"] if task.bias else []))
    ]


def _line(found: Learned, step: int) -> Line:
    """A step: the loss before it and the weights that it starts from."""
    loss = found.run.losses[step - 1]
    weights = [Cell(value, number(value)) for value in found.run.weights[step - 1].tolist()]
    return [Cell(step, f"{step:,}"), Cell(loss, "–" if loss is None else loss_text(loss)), *weights]


# The steps of learning a kernel one after another: kernel, prediction and loss.

MOST = 60  # frames
EVERY = 0.1  # seconds
BAR = 40  # characters


def watch(found: Learned, every: float | None, *, by_keys: bool) -> None:
    """Show the steps: on a terminal by themselves, or by keys; elsewhere only where that was asked for."""
    if by_keys or every is not None or is_screen():
        show_frames(frames(found), every if by_keys else every or EVERY)


def frames(found: Learned) -> list[Frame]:
    """One for each step; of many, the more the earlier."""
    import numpy as np

    losses = [loss for loss in found.run.losses if loss is not None]
    last = len(losses)
    places = np.unique(np.geomspace(1, max(last, 1), MOST).round().astype(int)) if last > MOST else range(1, last + 1)
    return [_frame(found, int(place), max(losses), min(losses)) for place in places]


def _frame(found: Learned, step: int, most: float, least: float) -> Frame:
    task, weights, loss = found.task, found.run.weights[step - 1], found.run.losses[step - 1] or 0.0
    kernel, bias = task.split(weights)
    blocks: list[Grid | str] = ["kernel", _frame_grid(kernel.tolist())]
    if bias is not None:
        blocks.append(f"bias {bias:.2f}")
    if max(task.image.shape) <= SMALL:
        blocks += ["predicts", _frame_grid(task.predict(weights).tolist())]
    elif task.kernel is not None:
        blocks += [f"{task.name} is", _frame_grid(task.kernel.tolist())]
    title = f"step {step:,} of {found.steps:,}, lr {found.run.lr:.4g}"
    return Frame(title, tuple(blocks), (f"loss {loss_text(loss)}", _bar(loss, most, least)))


def _frame_grid(values: list[list[float]]) -> Grid:
    """Two digits, always, so that nothing jumps."""
    return Grid(frozen([[f"{value:.2f}" if abs(value) < 1e6 else f"{value:.1e}" for value in row] for row in values]))


def _bar(loss: float, most: float, least: float) -> str:
    """How far the loss has come, from the largest to the least, in powers of ten."""
    low, high = log10(max(least, 1e-300)), log10(max(most, 1e-300))
    part = (log10(max(loss, 1e-300)) - low) / (high - low) if high > low else 1.0
    full = round(part * BAR)
    return "█" * full + "░" * (BAR - full)

"""Weight sharing shown: a pattern found where it stands, what that costs and would cost, an image moved through a network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from cnncli.layers import dims
from cnncli.lessons.sharing import Cost, Found, Moved
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.grids import flow, number, shades
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown, write_table
from cnncli.text import columns_of, inert, say, say_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnncli.lessons.features import Guess
    from cnncli.lessons.moving import Journey
    from cnncli.lessons.subject import Subject

SCHEMA = {"schema": "cnncli/sharing/1"}
LAYERS = (
    Column("layer", "layer", left=True),
    Column("params", "parameters"),
    Column("symbols", "formula", left=True),
    Column("numbers", "with numbers", left=True),
)
SHIFTS = (
    Column("shift", "moved by"),
    Column("right", "to the right", left=True),
    Column("right_accuracy", "accuracy"),
    Column("down", "down", left=True),
    Column("down_accuracy", "accuracy"),
)
DRAWN = 34  # characters across of an image
CLASS = 16  # characters of a class in the table


def show_sharing(found: Moved, costs: Cost, format: str, picture: Path | None) -> None:
    """The pattern before and after it is moved, and what a layer costs."""
    if format == "json":
        write_json(sharing_json(found, costs, picture))
        return
    if format != "table":
        lines = [
            [Cell(name, name), Cell(f.value, f"{f.value:,}"), Cell(f.symbols, f.symbols), Cell(f.numbers, f.numbers)]
            for name, f in (("convolution", costs.shared), ("fully connected", costs.dense))
        ]
        (write_csv if format == "csv" else write_markdown)(LAYERS, lines)
        return
    width = columns_of(sys.stdout)
    say(*_pattern(found, width), "", *_costs(costs, width), "")
    limit = (
        "The maps move with the image; a dense layer behind them has a weight for each place and does not. "
        "See what a trained network says of an image that moves: cnncli sharing RUN"
    )
    say(*wrap(limit, width))
    if picture:
        say_picture(picture)


def _pattern(found: Moved, width: int) -> list[str]:
    height, across = found.kernel.shape
    down, right = found.shift
    lines = wrap(
        f"one kernel of {height}×{across} slides over the image; its answer is largest where the pattern stands", width
    )
    lines += ["", *_side(found.before, width), f"largest answer {_at(found.before)} (counted from 0)", ""]
    lines += [f"the image moved by {down} down and {right} to the right:", "", *_side(found.after, width)]
    follows = "so did the answer" if found.follows else f"the answer moved by {found.moved[0]} and {found.moved[1]}"
    return [*lines, *wrap(f"largest answer {_at(found.after)}: {follows}", width)]


def _at(found: Found) -> str:
    row, column = found.place
    also = f", and at {found.others} other places" if found.others else ""
    return f"{number(found.highest, 3)} at row {row}, column {column}{also}"


def _side(found: Found, width: int) -> list[str]:
    """The image and what the kernel answers, next to each other where there is room."""
    image = _framed(shades(found.image.tolist(), DRAWN), "image", found.image.shape[1])
    shown = shades(_clipped(found.response), DRAWN, 0.0, max(found.highest, 1e-12))
    return flow([image, _framed(shown, "answers", found.response.shape[1])], width)


def _clipped(response: NDArray[np.float64]) -> list[list[float]]:
    positive: list[list[float]] = response.clip(0).tolist()
    return positive


def _framed(lines: Sequence[str], title: str, columns: int) -> list[str]:
    """Shades in a frame. columns: of the matrix; `shades` gives each two characters, or several one"""
    wide = max(len(title), 2 * columns if 2 * columns <= DRAWN else -(-columns // -(-columns // DRAWN)))
    head = f"┌{title}{'─' * (wide - len(title))}┐"
    return [head, *(f"│{line.ljust(wide)}│" for line in lines), f"└{'─' * wide}┘"]


def _costs(costs: Cost, width: int) -> list[str]:
    heading = f"{dims(costs.call.x.shape)} → {dims(costs.call.y.shape)}, {costs.layer.sentence.partition(', ')[2]}"
    shared, dense = costs.shared._replace(of="convolution"), costs.dense._replace(of="fully connected", note="")
    lines = [*wrap(heading, width), *formula_lines([shared, dense], width)]
    return [*lines, f"{costs.times:,} times as many parameters for the same sizes"]


def sharing_json(found: Moved, costs: Cost, picture: Path | None) -> dict[str, object]:
    """The `cnncli/sharing/1` object without a run."""
    return {
        **SCHEMA,
        "kernel": found.kernel.tolist(),
        "shift": list(found.shift),
        "moved": list(found.moved),
        "follows": found.follows,
        **{
            name: {"place": list(each.place), "highest": each.highest, "response": each.response.tolist()}
            for name, each in (("before", found.before), ("after", found.after))
        },
        "input": list(costs.call.x.shape),
        "output": list(costs.call.y.shape),
        "params": costs.shared.value,
        "dense": costs.dense.value,
        "formulas": [formula_json(costs.shared), formula_json(costs.dense)],
        **({"picture": picture.as_posix()} if picture else {}),
    }


def show_journey(subject: Subject, image: str, found: Journey, format: str, picture: Path | None) -> None:
    """What a network says of an image wherever it is moved."""
    if format == "json":
        write_json(journey_json(subject, image, found, picture))
        return
    columns, lines = _table(found)
    if format != "table":
        (write_csv if format == "csv" else write_markdown)(columns, lines)
        return
    width = columns_of(sys.stdout)
    say(*wrap(inert(f"{subject.network.name} · {subject.weights} · {image}"), width))
    write_table(columns, lines)
    say(*[part for line in _told(found) for part in wrap(line, width, subsequent_indent="  ")])
    if picture:
        say_picture(picture)


def _table(found: Journey) -> tuple[tuple[Column, ...], list[Line]]:
    columns = SHIFTS if found.number else tuple(each for each in SHIFTS if not each.key.endswith("accuracy"))
    middle = len(found.shifts) // 2
    lines: list[Line] = []
    for place, shift in enumerate(found.shifts):
        line = [Cell(shift, signed(shift))]
        for guess, shares in ((found.answers[middle][place], found.right), (found.answers[place][middle], found.down)):
            line.append(Cell(guess.name, _guess(guess)))
            if found.number:
                line.append(Cell(shares[place], f"{100 * shares[place]:.1f} %"))
        lines.append(line)
    return columns, lines


def signed(shift: int) -> str:
    """`+3`, `-3`, `0`."""
    return f"{shift:+d}" if shift else "0"


def _guess(guess: Guess) -> str:
    name = inert(guess.name)
    return f"{name if len(name) <= CLASS else f'{name[: CLASS - 1]}…'} {guess.probability:.3f}"


def _told(found: Journey) -> list[str]:
    reach, whole = found.shifts[-1], len(found.shifts) ** 2
    answer = f"{inert(found.unmoved.name)} is the answer at {found.kept} of {whole} places"
    lines = [f"moved by up to {reach} pixels down and to the right (black comes in): {answer}"]
    if found.number:
        lines.append(
            f"accuracy: the share of {found.number:,} test images that are classified rightly, all of them moved so far"
        )
    for each in found.follows:
        high, wide = each.places
        what = "the same numbers" if each.difference == 0 else f"the same up to {each.difference:.1g}"
        far = f"{each.pixels} pixel{'s are' if each.pixels > 1 else ' is'} {each.units} unit{'s' * (each.units > 1)}"
        lines.append(f"{inert(each.row)} moves with it: {far}, {what} at the {high}×{wide} places that see no edge")
    other = f"not true of the answer, which changes at {whole - found.kept} of {whole} places"
    answer = "here of the answer too" if found.kept == whole else other
    return [
        *lines,
        (
            f'"the result is the same wherever the object stands": true of the maps, which move with it; {answer}. '
            "What the layers behind make of moved maps they had to learn"
        ),
    ]


def journey_json(subject: Subject, image: str, found: Journey, picture: Path | None) -> dict[str, object]:
    """The `cnncli/sharing/1` object of a run."""
    return {
        **SCHEMA,
        "model": subject.network.name,
        "weights": subject.weights,
        "image": image,
        "shifts": list(found.shifts),
        "answers": [[{"class": each.name, "probability": each.probability} for each in line] for line in found.answers],
        "kept": found.kept,
        "test_images": found.number,
        "accuracy_right": list(found.right) or None,
        "accuracy_down": list(found.down) or None,
        "follows": [
            {
                "row": each.row,
                "pixels": each.pixels,
                "units": each.units,
                "places": list(each.places),
                "largest_difference": each.difference,
            }
            for each in found.follows
        ],
        **({"picture": picture.as_posix()} if picture else {}),
    }

"""Questions about a network's summary, drawn by a seed; the answers and the formulas behind them are the report's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import NamedTuple

from cnncli.analysis.explain import Explanation, explain
from cnncli.analysis.report import Report, Row
from cnncli.arithmetic.formula import Formula
from cnncli.errors import RequestError
from cnncli.layers import Shape, dims

# Answers as people write them: 61,706 or 61706 or 61.7k, 6x28x28 or 6×28×28 or (6, 28, 28).

LONGEST = 60  # characters
EXACT = 3  # digits that a number in thousands or millions must have at least

_GROUPED = re.compile(r"\d{1,3}(?P<sign>[,.'’_ \u00a0\u202f])\d{3}(?:(?P=sign)\d{3})*")
_ROUNDED = re.compile(r"(\d+(?:[.,]\d+)?)\s*([kmg])", re.IGNORECASE)
_UNIT = re.compile(r"\s*(parameters?|params?|macs?|weights?|pixels?|px)\.?$", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*[x×*·,;]\s*|\s+", re.IGNORECASE)
_POWERS = {"k": 3, "m": 6, "g": 9}


class Verdict(NamedTuple):
    """right: None where the text is no answer · remark: what there is to say about how it was written"""

    right: bool | None
    remark: str = ""


def judged(question: Question, text: str) -> Verdict:
    """Whether `text` is the answer to the question."""
    text = text.strip()
    if len(text) > LONGEST or not text.isprintable():
        return Verdict(None, "that is too long for a number")
    if question.asks == "output":
        return _shape_judged(question.answer, text)
    if isinstance(question.answer, int) and question.asks != "rf":
        return _whole_judged(question.answer, _UNIT.sub("", text))
    return _field_judged(question.answer, _UNIT.sub("", text))


def _shape_judged(answer: Answer, text: str) -> Verdict:
    wanted = answer if isinstance(answer, tuple) else (answer,)
    given = _shape(text)
    if given is not None and len(given) == len(wanted) + 1 and given[0] == 1:
        given = given[1:]  # a batch of one, as torch prints it
    if given is None or len(given) != len(wanted):
        axes = {1: "one number", 3: "C×H×W"}.get(len(wanted), f"{len(wanted)} numbers")
        return Verdict(None, f"that is not {axes}; write it as in {'400' if len(wanted) == 1 else '6x28x28'}")
    if given == wanted:
        return Verdict(right=True)
    if (given[-1], *given[:-1]) == wanted:
        return Verdict(right=True, remark=f"here the channels stand first: {dims(wanted)}")
    return Verdict(right=False)


def _field_judged(answer: Answer, text: str) -> Verdict:
    """A number, or one an axis."""
    given = _shape(text)
    if given is None or (isinstance(answer, tuple) and len(given) != len(answer)):
        return Verdict(None, "that is no size; write it as in 14 or 14x20")
    return Verdict(set(given) == {answer} if isinstance(answer, int) else given == answer)


def _whole_judged(answer: int, text: str) -> Verdict:
    if text.isascii() and text.isdigit():
        return Verdict(int(text) == answer)
    if grouped := _GROUPED.fullmatch(text):
        return Verdict(int(text.replace(grouped["sign"], "")) == answer)
    if rounded := _ROUNDED.fullmatch(text):
        return _rounded_judged(answer, rounded[1].replace(",", "."), _POWERS[rounded[2].lower()])
    return Verdict(None, "that is no number; write it as in 61,706 or 61706")


def _rounded_judged(answer: int, digits: str, power: int) -> Verdict:
    """`33.87M` for 33,872,256: right to its last digit, and with three digits at least where it is not exact."""
    given = Decimal(digits)
    exact = given.scaleb(power) == answer
    near = abs(given.scaleb(power) - answer) * 2 <= Decimal(1).scaleb(power + int(given.as_tuple().exponent))
    if near and not exact and len(digits.replace(".", "").lstrip("0")) < EXACT:
        return Verdict(None, f"write {EXACT} digits at least, as in 0.416M")
    return Verdict(right=near, remark="" if exact or not near else f"exactly {answer:,}")


def _shape(text: str) -> Shape | None:
    parts = _BETWEEN.split(text.strip("()[]{} ").removesuffix(",").strip())
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None


SIZES = ("size", "length", "depth", "height", "width")  # what the formulas of an output are called
ASKS = ("output", "params", "macs", "rf")
"""What can be blank: the columns of the summary, in the order in which they are asked for."""
_FORMULAS = {"params": "parameters", "macs": "MACs"}

Answer = int | Shape


class Level(NamedTuple):
    """What may be blank, and how often."""

    asks: tuple[str, ...]
    blanks: int


LEVELS = {1: Level(ASKS[:1], 4), 2: Level(ASKS[:2], 6), 3: Level(ASKS, 10)}


class Question(NamedTuple):
    """A blank. number: from 1, in the order of the rows · before: the questions whose answers are the row's inputs"""

    number: int
    row: Row
    asks: str
    answer: Answer
    formulas: tuple[Formula, ...]
    before: tuple[int, ...] = ()


class Quiz(NamedTuple):
    """A network's report and the blanks in it."""

    report: Report
    level: int
    seed: int
    questions: tuple[Question, ...]


def quiz(report: Report, level: int = 2, seed: int = 0) -> Quiz:
    """The blanks that `seed` draws: of each kind that `level` asks for as many as of the others, where the network has them.

    Raises `RequestError` where no row has a formula to ask about.
    """
    by_kind = _candidates(report, level)
    draw = Random(f"{seed} {level}")  # noqa: S311  (no secret)
    for found in by_kind.values():
        draw.shuffle(found)
    drawn: list[Question] = []
    while any(by_kind.values()) and len(drawn) < LEVELS[level].blanks:
        drawn += [found.pop() for found in by_kind.values() if found]
    if not drawn:
        raise RequestError(
            f"{report.network.name} has nothing to ask at level {level}; try a network with convolutions"
        )
    return Quiz(report, level, seed, _numbered(report, drawn[: LEVELS[level].blanks]))


def _numbered(report: Report, drawn: list[Question]) -> tuple[Question, ...]:
    order = {row.name: place for place, row in enumerate(report.rows)}
    ordered = sorted(drawn, key=lambda each: (order[each.row.name], ASKS.index(each.asks)))
    numbered = [each._replace(number=number) for number, each in enumerate(ordered, 1)]
    rows = {row.name: row for row in report.rows}
    sizes = {each.row.name: each.number for each in numbered if each.asks == "output"}
    return tuple(each._replace(before=tuple(_before(each.row, rows, sizes))) for each in numbered)


def _before(row: Row, rows: Mapping[str, Row], sizes: Mapping[str, int]) -> Iterator[int]:
    """The questions about what comes in; activations and their like pass on what they are given."""
    for name in row.inputs:
        while name in rows and name not in sizes and rows[name].layer.folds and rows[name].inputs:
            name = rows[name].inputs[0]  # noqa: PLW2901
        if name in sizes:
            yield sizes[name]


def _candidates(report: Report, level: int) -> dict[str, list[Question]]:
    explained = explain(report)
    return {
        asks: [question for each in explained if (question := _question(each, asks))] for asks in LEVELS[level].asks
    }


def _question(explained: Explanation, asks: str) -> Question | None:
    """The question about one figure of a row that a table shows; None where no formula leads to it."""
    row, answer = explained.row, _answer(explained.row, asks)
    formulas = tuple(each for each in explained.formulas if _leads_to(each, asks))
    if answer is None or not formulas or row.layer.folds:
        return None
    if not isinstance(answer, tuple) and formulas[0].value != answer:
        return None  # shared weights are learned once, where they stand first
    return Question(0, row, asks, answer, formulas)


def _leads_to(formula: Formula, asks: str) -> bool:
    if asks == "output":
        return formula.of in SIZES
    return formula.of.startswith("field") if asks == "rf" else formula.of == _FORMULAS[asks]


def _answer(row: Row, asks: str) -> Answer | None:
    if asks == "params":
        return row.params
    return row.macs if asks == "macs" else _field(row) if asks == "rf" else _output(row)


def _output(row: Row) -> Shape | None:
    return row.call.y.shape if len(row.call.outputs) == 1 else None


def _field(row: Row) -> Answer | None:
    """One number where all axes agree."""
    if row.field is None or row.field.whole:
        return None
    sizes = tuple(reach.size for reach in row.field.axes)
    return sizes[0] if len(set(sizes)) == 1 else sizes

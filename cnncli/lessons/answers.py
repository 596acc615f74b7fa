"""Answers as people write them: 61,706 or 61706 or 61.7k, 6x28x28 or 6×28×28 or (6, 28, 28)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from cnncli.layers import Shape, dims
from cnncli.lessons.quiz import Answer, Question

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

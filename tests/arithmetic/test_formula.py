"""Formulas: names become numbers, and the numbers evaluate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cnncli.arithmetic.formula import Formula, formula
from tests.layers.evaluate import evaluate


def test_names_become_numbers() -> None:
    """Only whole names are replaced; long numbers get separators; what has no number stays."""
    found = formula("parameters", "(C_in·k_h·k + 1)·C_out", 1, {"C_in": 6, "k_h": 5, "k": 3, "C_out": 1000, "C": 9})
    assert found.numbers == "(6·5·3 + 1)·1,000"
    assert formula("x", "a + b", 1, {"a": 2}).numbers == "2 + b"


def test_subscripts_belong_to_a_name() -> None:
    """p₁ is not p with something behind it."""
    assert formula("size", "p + p₁ + p₂", 6, {"p": 1, "p₁": 2, "p₂": 3}).numbers == "1 + 2 + 3"


def test_a_formula_is_a_value() -> None:
    """Equal where all parts are; the remark is empty unless given."""
    assert formula("MACs", "a·a", 9, {"a": 3}) == Formula("MACs", "a·a", "3·3", 9, "")


@pytest.mark.parametrize(
    ("numbers", "value"),
    [
        ("⌊(14 + 2·0 − 5)/1⌋ + 1", 10),
        ("⌈(112 − 3)/2⌉ + 1", 56),
        ("⌊−7/2⌋", -4),
        ("1,234,567 − 1", 1_234_566),
        ("3/4·4", 3),
        ("⌊5·1.5⌋", 7),
        ("2/4", Fraction(1, 2)),
    ],
)
def test_the_evaluator_works_exactly(numbers: str, value: int) -> None:
    """The tests' own evaluator: floors, ceilings, separators, fractions."""
    assert evaluate(numbers) == value


@pytest.mark.parametrize("numbers", ["C_out·3", "print(1)", "2 ** 3", ""])
def test_the_evaluator_takes_nothing_else(numbers: str) -> None:
    """A name that was not replaced is found out."""
    with pytest.raises((ValueError, SyntaxError, KeyError)):
        evaluate(numbers)

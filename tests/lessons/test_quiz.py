"""Questions and answers: those of the report, however they are written, and none that the table gives away."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncli.analysis.report import Report, report
from cnncli.arithmetic.formula import Formula
from cnncli.errors import RequestError
from cnncli.layers import Tensor
from cnncli.layers.activation import ReLU
from cnncli.lessons.quiz import LEVELS, Question, judged, quiz
from cnncli.models import models, network
from cnncli.network import Network, Node
from tests.layers.evaluate import evaluate

SOURCES = [*sorted(models()), "lenet@paper", "googlenet@paper"]
REPORTS: dict[str, Report] = {}


def reported(source: str) -> Report:
    """The network's report, computed once."""
    if source not in REPORTS:
        REPORTS[source] = report(network(source))
    return REPORTS[source]


def asked(kind: str, answer: int | tuple[int, ...]) -> Question:
    """A question with this answer."""
    return quiz(reported("lenet")).questions[0]._replace(asks=kind, answer=answer)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("source", SOURCES)
def test_the_answers_are_the_reports(source: str, level: int) -> None:
    """Each is its row's figure, and the formulas that explain it evaluate to it."""
    found = reported(source)
    rows = {row.name: row for row in found.rows}
    for seed in range(3):
        questions = quiz(found, level, seed).questions
        assert 1 <= len(questions) <= LEVELS[level].blanks
        assert [each.number for each in questions] == list(range(1, len(questions) + 1))
        for each in questions:
            row = rows[each.row.name]
            figures = {"output": row.call.y.shape, "params": row.params, "macs": row.macs}
            assert each.asks == "rf" or each.answer == figures[each.asks]
            values = [evaluate(formula.numbers) for formula in each.formulas]
            wanted = each.answer if isinstance(each.answer, tuple) else (each.answer,)
            assert set(values) <= set(map(Fraction, wanted))


def test_each_level_asks_what_it_says() -> None:
    """Four sizes; six, half of them parameters; ten of four kinds."""
    kinds = [[each.asks for each in quiz(reported("vgg11"), level).questions] for level in LEVELS]
    assert kinds[0] == ["output"] * 4
    assert sorted(kinds[1]) == ["output"] * 3 + ["params"] * 3
    assert (len(kinds[2]), set(kinds[2])) == (10, {"output", "params", "macs", "rf"})


def test_a_seed_is_a_quiz() -> None:
    """The same questions for the same seed, others for another."""
    drawn = [quiz(reported("vgg16"), 2, seed).questions for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert len({tuple((each.row.name, each.asks) for each in questions) for questions in drawn}) == 3


def test_what_goes_in_is_not_told_where_it_is_asked() -> None:
    """A question about a row whose input is blank names the question, through activations too."""
    questions = quiz(reported("lenet"), 1).questions
    assert [(each.row.name, each.before) for each in questions] == [
        ("conv1", ()),
        ("pool1", (1,)),
        ("conv2", (2,)),
        ("pool2", (3,)),
    ]


def test_a_network_without_formulas_is_refused() -> None:
    """There is nothing to ask."""
    bare = Network("bare", "", {"input": Tensor((3, 4, 4))}, (Node("act", ReLU(), ("input",)),), ("act",))
    with pytest.raises(RequestError, match="nothing to ask"):
        quiz(report(bare))


@pytest.mark.parametrize(
    "text",
    [
        "61706",
        "61,706",
        " 61 706 ",
        "61.706",
        "61_706",
        "61'706",
        "61706 parameters",
        "61,706 params",
        "61.7k",
        "61.706K",
    ],
)
def test_numbers_as_people_write_them(text: str) -> None:
    """All of these are 61,706."""
    assert judged(asked("params", 61_706), text).right is True


@pytest.mark.parametrize(
    "text",
    ["6x28x28", "6×28×28", "6 x 28 X 28", "6*28*28", "6,28,28", "(6, 28, 28)", "[1, 6, 28, 28]", "6 28 28", "28x28x6"],
)
def test_shapes_as_people_write_them(text: str) -> None:
    """All of these are 6×28×28, the last with a remark."""
    verdict = judged(asked("output", (6, 28, 28)), text)
    assert verdict.right is True
    assert ("channels stand first" in verdict.remark) == text.startswith("28")


@pytest.mark.parametrize(
    ("kind", "answer", "text", "right"),
    [
        ("params", 61_706, "61707", False),
        ("params", 61_706, "6,1706", None),
        ("params", 61_706, "61,70", None),
        ("params", 61_706, "63k", False),
        ("params", 61_706, "62k", None),
        ("params", 62_100, "62k", None),
        ("params", 62_000, "62k", True),
        ("params", 61_706, "-61706", None),
        ("params", 61_706, "a lot", None),
        ("params", 0, "0", True),
        ("params", 61_706, "9" * 61, None),
        ("params", 61_706, "６１７０６", None),
        ("macs", 33_872_256, "33.87M", True),
        ("macs", 33_872_256, "33.88M", False),
        ("macs", 33_872_256, "0.034G", None),
        ("output", (6, 28, 28), "6x28x27", False),
        ("output", (6, 28, 28), "28x28", None),
        ("output", (400,), "400", True),
        ("rf", 14, "14x14", True),
        ("rf", 14, "14 px", True),
        ("rf", 14, "14x15", False),
        ("rf", (14, 20), "14x20", True),
        ("rf", (14, 20), "14", None),
        ("rf", 14, "all", None),
    ],
)
def test_right_wrong_and_no_answer(kind: str, answer: int | tuple[int, ...], text: str, right: bool | None) -> None:  # noqa: FBT001
    """What cannot be read is neither right nor wrong, and says how to write it."""
    verdict = judged(asked(kind, answer), text)
    assert verdict.right is right
    assert bool(verdict.remark) or right is not None


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from(["{}", "{:,}", "{:_}"]))
def test_only_the_number_itself_is_right(answer: int, other: int, form: str) -> None:
    """In all its forms."""
    assert judged(asked("params", answer), form.format(answer)).right is True
    assert judged(asked("params", answer), form.format(other)).right is (answer == other)


@settings(deadline=None)
@given(st.lists(st.integers(1, 9999), min_size=3, max_size=3), st.sampled_from(["x", "×", ", ", " "]))
def test_only_the_shape_itself_is_right(sizes: list[int], between: str) -> None:
    """With its axes in order; a size off by one is wrong."""
    question = asked("output", tuple(sizes))
    assert judged(question, between.join(map(str, sizes))).right is True
    assert judged(question, between.join(map(str, [sizes[0], sizes[1] + 10_000, sizes[2]]))).right is False


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from([("params", 61_706), ("output", (6, 28, 28)), ("rf", 14)]))
def test_no_text_is_too_odd(text: str, case: tuple[str, int | tuple[int, ...]]) -> None:
    """Whatever is typed gets a verdict; what has no digit in it is no answer."""
    verdict = judged(asked(*case), text)
    assert verdict.right is None or re.search("[0-9]", text)


def test_a_formula_is_there_for_every_answer() -> None:
    """It is what a wrong answer is told."""
    assert all(
        isinstance(each, Formula) for question in quiz(reported("lenet"), 3).questions for each in question.formulas
    )

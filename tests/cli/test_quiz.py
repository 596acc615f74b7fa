"""`cnncli quiz` on paper, for scripts and on a terminal."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]


def test_on_paper(cnncli: Cnncli) -> None:
    """The table with numbered blanks and the questions; the answers only with --answers."""
    found = cnncli("quiz lenet")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[3].split() == ["pool1", "avg", "2×2/2", "(1)", "(2)"]
    assert "total" not in found.out
    assert [line[:3] for line in lines if line.startswith("(")] == [f"({number})" for number in range(1, 7)]
    assert "answers" not in found.out
    key = cnncli("quiz lenet --answers").out
    assert key.startswith(found.out)
    assert "(5) 10,164\n    parameters  (in_features + 1)·out_features = (120 + 1)·84 = 10,164\n" in key


@pytest.mark.parametrize("level", [1, 2, 3])
def test_nothing_gives_an_answer_away(cnncli: Cnncli, level: int) -> None:
    """No format has a key before it is asked for, and no cell of the table holds what is blank."""
    for seed in range(5):
        line = f"quiz alexnet --level {level} --seed {seed}"
        key = json.loads(cnncli(f"{line} --answers --format json").out)["questions"]
        assert {*json.loads(cnncli(f"{line} --format json").out)["questions"][0]} == {
            "number",
            "row",
            "asks",
            "question",
        }
        assert "answer" not in cnncli(f"{line} --format csv").out.splitlines()[0]
        table = cnncli(line).out.partition("\n\n")[0]
        cells = {parts[0]: parts[-4:] for text in table.splitlines()[2:] if (parts := text.split())}
        for question in key:
            assert f"({question['number']})" in cells[question["row"]]


def test_for_scripts(cnncli: Cnncli) -> None:
    """JSON has the answers as numbers and lists, CSV with their formula, Markdown after the table."""
    found = json.loads(cnncli("quiz lenet --answers --format json").out)
    assert (found["schema"], found["level"], found["seed"]) == ("cnncli/quiz/1", 2, 0)
    assert found["questions"][0]["answer"] == [6, 14, 14]
    assert cnncli("quiz lenet --level 3 --seed 8").out.endswith("\n\nlevel 3 · seed 8\n")
    rows = list(csv.DictReader(cnncli("quiz lenet --answers --format csv").out.splitlines()))
    assert [row["answer"] for row in rows] == ["6x14x14", "0", "16x10x10", "16x5x5", "10164", "850"]
    assert rows[5]["formula"].endswith("= (84 + 1)·10 = 850")
    tables = cnncli("quiz lenet --answers --format markdown").out.split("\n\n")
    assert tables[0] == "LeNet · d2l edition · input 1×28×28 · float32 · level 2 · seed 0"
    assert [table.splitlines()[0].count("|") for table in tables[1:]] == [4, 6]


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("source", ["lenet", "googlenet", "resnet152", "mobilenet_v2"])
def test_it_fits_the_terminal(cnncli: Cnncli, source: str, columns: int) -> None:
    """Also where only a part of the table is shown, which is said."""
    out = cnncli(f"quiz {source} --level 3 --answers", columns).out
    assert max(map(len, out.splitlines()[1:])) <= columns  # the title is the summary's, and as wide as the name
    assert (" rows: those with blanks" in out) == (source != "lenet")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("quiz lennet", "did you mean 'lenet'"),
        ("quiz lenet --level 4", "--level"),
        ("quiz lenet --input 1x8x8", "conv2: a 4×4 input is smaller than the 5×5 window"),
        ("quiz weights.safetensors", "write a network, as in cnncli quiz lenet"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, words: str) -> None:
    """One line, exit code 2."""
    assert_refused(cnncli(line), 2, words)


def test_no_torch_and_no_numpy() -> None:
    """A built-in network is asked about before torch could be imported."""
    assert heavy_imports("quiz lenet --level 3 --answers") == []


@pytest.fixture
def talk() -> Iterator[Callable[..., Any]]:
    """Start a quiz on a terminal."""
    if sys.platform == "win32":
        pytest.skip("pexpect has no terminals there")
    import pexpect

    children = []

    def start(*arguments: str, columns: int = 80) -> Any:  # noqa: ANN401  (pexpect has no types)
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "", "NO_COLOR": "1"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "cnncli", "quiz", *arguments],
            env=environment,
            dimensions=(40, columns),
            encoding="utf-8",
            timeout=60,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def test_a_whole_quiz(talk: Callable[..., Any]) -> None:
    """Right in its own way of writing, a hint, what cannot be read, wrong with the formula, passed; and the score."""
    import pexpect

    child = talk("lenet")
    child.expect_exact("(1) pool1")
    child.sendline("14x14x6")
    child.expect_exact("right; here the channels stand first: 6×14×14")
    child.expect_exact("(2) pool1")
    child.sendline("none")
    child.expect_exact("that is no number; write it as in 61,706 or 61706")
    child.sendline("0")
    child.expect_exact("right")
    child.expect_exact("(3) conv2")
    child.sendline("?")
    child.expect_exact("size: ⌊(n + 2·p − k)/s⌋ + 1")
    child.sendline("16x14x14")
    child.expect_exact("no, it is 16×10×10")
    child.expect_exact("= ⌊(14 + 2·0 − 5)/1⌋ + 1 = 10")
    child.expect_exact("(4) pool2")
    child.sendline("")
    child.expect_exact("16×5×5")
    child.expect_exact("(5) fc2")
    child.sendline("10,164")
    child.expect_exact("right")
    child.expect_exact("(6) fc3")
    child.sendline("850 parameters")
    child.expect_exact("4 of 6 right")
    child.expect_exact("other questions: --seed 1, harder ones: --level 3")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize(("end", "code"), [("sendeof", 0), ("sendintr", 130)])
def test_it_ends_early_with_the_score_so_far(talk: Callable[..., Any], end: str, code: int) -> None:
    """Ctrl-D is an end like another; Ctrl-C is 130."""
    import pexpect

    child = talk("lenet", "--level", "1", columns=60)
    child.expect_exact("(1) conv1")
    child.expect_exact("> ")
    child.sendline("6x28x28")
    child.expect_exact("(2) pool1")
    child.expect_exact("> ")
    getattr(child, end)()
    child.expect_exact("1 of 4 right; 3 not answered")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code


def test_a_network_with_several_inputs(cnncli: Cnncli) -> None:
    """All of their shapes, as in the summary's JSON."""
    line = "tests/bench/nets.py:Pair --input image=3x8x8 --input word=5:int64 --format json"
    for command in ("quiz", "summary"):
        assert json.loads(cnncli(f"{command} {line}").out)["input"] == [[3, 8, 8], [5]]

"""How a judgement is shown: names that do nothing, and pictures that stay readable."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from cnncli.diagnostics.epoch import Score
from cnncli.render.evaluation import show_judgement
from cnncli.render.evaluation_plots import draw, mistakes, reliability
from cnncli.runs.judging.figures import bins
from cnncli.runs.judging.judgement import Judgement, Mistake

HOSTILE = ("[red]x", "</script>", "\x1b[31mred\n", "$x^$", "漢字" * 20)


def judgement(wrong: int, size: tuple[int, int, int] = (3, 9, 12), classes: tuple[str, ...] = HOSTILE) -> Judgement:
    """Of 50 images, `wrong` of which are taken for the class after their own."""
    count, number = 50, len(classes)
    confusion = [[0] * number for _ in classes]
    for place in range(count):
        truth = place % number
        confusion[truth][(truth + (place < wrong)) % number] += 1
    return Judgement(
        title="LeNet",
        run="runs/a very long name of a run that somebody gave \x1b[1m-1",
        which="last",
        epochs=1,
        data="folder:/home/somebody/pictures/of/many/things",
        split="test",
        device="cpu",
        classes=classes,
        score=Score(float("inf") if wrong == count else 0.5, (count - wrong) / count),
        confusion=tuple(map(tuple, confusion)),
        bins=bins([0.9] * count, [place >= wrong for place in range(count)]),
        mistakes=tuple(
            Mistake(place, None, place % number, (place + 1) % number, 0.9, torch.zeros(size, dtype=torch.uint8))
            for place in range(min(wrong, 20))
        ),
    )


@pytest.mark.parametrize("format", ["table", "csv", "markdown", "json"])
def test_hostile_names_are_inert(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No control character but line breaks; a class is a line, JSON holds the name itself; an infinite loss is null there."""
    show_judgement(judgement(50), format, [Path("evaluation/test-mistakes.png")])
    out = capsys.readouterr().out
    assert not [letter for letter in out if not letter.isprintable() and letter != "\n"]
    assert "[red]x" in out
    if format == "json":
        values = json.loads(out)
        assert set(values["per_class"]) == set(HOSTILE)
        assert values["loss"] is None
    if format == "csv":
        assert len(out.splitlines()) == 1 + len(HOSTILE)
    if format == "markdown":
        assert "\\</script>" in out


def test_what_was_not_taken_for_another_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A network without mistakes: no list of confusions; the interval stays below certainty."""
    show_judgement(judgement(0), "table", [Path("evaluation/test-mistakes.png")])
    out = capsys.readouterr().out
    assert "no class was taken for another" in out
    assert "accuracy 1.0000, 95 % interval 0.9287 to 1.0000: 50 of 50 images" in out


@pytest.mark.parametrize("wrong", [0, 1, 7, 50])
@pytest.mark.parametrize("size", [(1, 28, 28), (3, 9, 12)], ids=str)
def test_the_sheet_has_a_row_for_each_five(wrong: int, size: tuple[int, int, int]) -> None:
    """None, one, some and too many; grey and colour, of any shape."""
    rows = max(1, -(-min(wrong, 20) // 5))
    with Image.open(BytesIO(mistakes(judgement(wrong, size)))) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1200, round(120 * (2.5 * rows + 0.8)))


def test_the_reliability_diagram_has_a_fixed_size() -> None:
    """Whatever is in it."""
    for wrong in (0, 50):
        with Image.open(BytesIO(reliability(judgement(wrong)))) as picture:
            assert picture.size == (720, 780)


def test_pictures_of_other_sets_do_not_replace_those_of_the_runs_own(tmp_path: Path) -> None:
    """Named after the split, and after the last folder of another set."""
    own = draw(judgement(1), tmp_path, own=True)
    other = draw(judgement(1), tmp_path, own=False)
    assert [path.name for path in own] == ["test-confusion.png", "test-reliability.png", "test-mistakes.png"]
    assert other[0].name == "things-test-confusion.png"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (*own, *other)}

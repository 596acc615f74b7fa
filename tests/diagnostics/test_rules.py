"""Rules as functions of what was seen: each fires on its case and on nothing else; a healthy run passes them all."""

from __future__ import annotations

import shlex
from itertools import pairwise
from math import log

import pytest

from cnncli.diagnostics import remedies
from cnncli.diagnostics.case import Case, Facts
from cnncli.diagnostics.epoch import Epoch, Score
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.observation import BATCH_NORM, MOST, RELU, SQUASHING, WEIGHTS, History, Layer, Observation, Seen
from cnncli.diagnostics.rules import findings
from cnncli.sources.recipes import load
from tests.conftest import python

LAYERS = (
    Layer("conv1", "Conv2d", WEIGHTS),
    Layer("norm1", "BatchNorm2d", BATCH_NORM),
    Layer("act1", "ReLU", RELU),
    Layer("act2", "Sigmoid", SQUASHING),
    Layer("fc", "Linear", WEIGHTS),
)
WEIGHTED = Seen(0.0, 1.0, None, 0.1, 1.0, 0.01)
HEALTHY = (WEIGHTED, WEIGHTED, Seen(0.5, 0.5, 0.1), Seen(0.5, 0.2, 0.1), WEIGHTED)


def history(*rows: Seen, images: int = 256, mean: float = 0.0, deviation: float = 1.0, times: int = 3) -> History:
    """The same rows at several steps."""
    found = History(LAYERS)
    for place in range(times):
        found = found.added(Observation(50 * place, 1, place, images, mean, deviation, rows or HEALTHY))
    return found


def changed(place: int, **values: float) -> tuple[Seen, ...]:
    """The healthy rows with one of them changed."""
    return tuple(row._replace(**values) if here == place else row for here, row in enumerate(HEALTHY))


def epochs(*losses: float, acc: float = 0.1, test_acc: float | None = None, steps: int = 180) -> list[Epoch]:
    """One for each training loss."""
    test = Score(1.0, acc if test_acc is None else test_acc)
    return [
        Epoch(number, number * steps, 1.0, 1.0, 0.1, Score(loss, acc), test) for number, loss in enumerate(losses, 1)
    ]


def case(  # noqa: PLR0917  (all but what a case is about has a default)
    found: History | None = None,
    losses: tuple[float, ...] = (1.0, 0.5),
    acc: float = 0.8,
    labels: tuple[int, ...] = (100,) * 10,
    overrides: tuple[str, ...] = (),
    test_acc: float | None = None,
    steps: int = 180,
) -> Case:
    """A run of `lenet`, healthy where nothing else is said."""
    facts = Facts(load("lenet", list(overrides)), tuple("0123456789"), labels, steps, ("activation", "pool", "norm"))
    return Case(facts, epochs(*losses, acc=acc, test_acc=test_acc, steps=steps), found or history())


def kinds(of: Case) -> list[str]:
    """What is said."""
    return [found.kind for found in findings(of)]


GUESS = (2.31, 2.303)
CASES = {
    "healthy": (case(), []),
    "one epoch is not judged": (case(losses=(2.31,), acc=0.1), []),
    "neither are a few steps": (case(losses=GUESS, acc=0.1, steps=6), []),
    "ten epochs are, however short": (case(losses=(2.303,) * 10, acc=0.1, steps=6), ["shuffled-labels", "guessing"]),
    "labels": (case(losses=GUESS, acc=0.1), ["shuffled-labels", "guessing"]),
    "a loss just below": (case(losses=(2.31, 2.25), acc=0.1), []),
    "better than chance": (case(losses=GUESS, acc=0.2), []),
    "dead": (case(history(*changed(2, idle=0.95))), ["dead"]),
    "not quite dead": (case(history(*changed(2, idle=0.85))), []),
    "dead for one image": (case(history(*changed(2, idle=0.95), images=4)), []),
    "saturated": (case(history(*changed(3, idle=0.9))), ["saturated"]),
    "vanishing": (case(history(*changed(0, gradient=1e-4)), GUESS, 0.1), ["vanishing", "guessing"]),
    "vanishing, but it learns": (case(history(*changed(0, gradient=1e-4))), []),
    "slow": (
        case(history(*(row._replace(update=row.update and 1e-5) for row in HEALTHY)), GUESS, 0.1),
        ["slow", "guessing"],
    ),
    "fast": (case(losses=(2.5, 2.4), acc=0.1), ["fast", "guessing"]),
    "fading": (case(history(*changed(4, deviation=0.001)), GUESS, 0.1), ["fading", "guessing"]),
    "frozen": (case(history(*(row._replace(update=row.update and 0.0) for row in HEALTHY))), ["frozen"]),
    "exploding": (case(losses=(900.0, 100.0)), ["exploding"]),
    "one image at once": (case(history(images=1)), ["batch-norm"]),
    "0 to 255": (case(history(mean=33, deviation=79), overrides=("data.normalize=raw",)), ["unnormalised"]),
    "0 to 1": (case(history(mean=0.13, deviation=0.31), overrides=("data.normalize=unit",)), ["unnormalised"]),
    "a batch somewhat off": (case(history(mean=0.4, deviation=0.6)), []),
    "far off, though normalised": (case(history(mean=300, deviation=79)), ["unnormalised"]),
    "blank": (case(history(deviation=1e-6)), ["blank", "unnormalised"]),
    "one class": (case(labels=(0, 0, 0, 500, *(0,) * 6)), ["constant-labels"]),
    "overfit": (case(losses=(1, 0.5, 0.2, 0.1), acc=0.99, test_acc=0.7), ["overfit"]),
    "overfit for one epoch": (case(losses=(1.0, 0.1), acc=0.99, test_acc=0.7), []),
    "no step seen": (case(History(LAYERS)), []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(name: str) -> None:
    """Each kind for its case alone, with numbers in the words and something to try."""
    judged, wanted = CASES[name]
    assert kinds(judged) == wanted
    for found in findings(judged):
        assert any(character.isdigit() for character in found.words)
        assert found.remedy
        assert found.epoch == judged.last.epoch


def test_nothing_is_said_twice() -> None:
    """What was said is left out."""
    judged = CASES["labels"][0]
    labels, guessing = findings(judged)
    assert findings(again(judged, guessing)) == [labels]
    assert findings(again(judged, labels, guessing)) == []


def again(judged: Case, *earlier: Finding) -> Case:
    """The same case, when that was said before."""
    return Case(judged.facts, judged.epochs, judged.history, earlier)


def test_what_killed_a_network_need_not_show_any_more() -> None:
    """Dead ReLUs that were named are the cause of guessing, and no higher rate is offered where it was too high."""
    dead = findings(CASES["dead"][0])[0]
    for name in ("labels", "slow", "vanishing", "fast"):
        (guessing,) = findings(again(CASES[name][0], dead))
        assert (guessing.kind, guessing.remedy) == ("guessing", dead.remedy)
    first = history().observations[0]
    tiny = tuple(row._replace(update=row.update and 1e-5) for row in HEALTHY)
    fell = History(LAYERS, (first, *(first._replace(place=place, seen=tiny) for place in (1, 2, 3))))
    assert "slow" not in kinds(case(fell, GUESS, 0.1))


def test_remedies_are_overrides_that_the_recipe_takes() -> None:
    """All but the commands."""
    for judged, _ in CASES.values():
        for found in findings(judged):
            if not found.remedy.startswith("cnncli "):
                load("lenet", shlex.split(found.remedy))


def test_the_mildest_cure_for_a_weak_signal_comes_first() -> None:
    """First weights, then ReLU, then normalisation, then other first weights, then Adam; each only once."""
    tried = []
    overrides = ["train.init=default", "model.activation=sigmoid"]
    for _ in range(5):
        tried.append(remedies.stronger_signal(case(overrides=tuple(overrides))))
        overrides = [text for text in overrides if text.split("=")[0] != tried[-1].split("=")[0]] + tried[-1].split()
    assert tried == [
        "train.init=xavier",
        "model.activation=relu",
        "model.norm=batch",
        "train.init=kaiming",
        "optimizer.name=adamw optimizer.lr=0.001",
    ]


def test_the_loss_of_guessing() -> None:
    """It is ln K where classes are equally frequent; less where they are not; label smoothing raises it."""
    assert case().facts.guessing == pytest.approx(log(10))
    assert case(labels=(900, *(0,) * 8, 100)).facts.guessing == pytest.approx(-0.9 * log(0.9) - 0.1 * log(0.1))
    smooth = case(labels=(100, *(0,) * 9), overrides=("label_smoothing=0.1",)).facts.guessing
    assert smooth == pytest.approx(-0.91 * log(0.91) - 0.09 * log(0.01))


def test_a_history_stays_short() -> None:
    """Evenly thinned, the first and the last kept."""
    long = history(times=1000)
    places = [each.place for each in long.observations]
    assert len(places) <= MOST
    assert (places[0], places[-1]) == (0, 999)
    assert {later - earlier for earlier, later in pairwise(places[:-1])} == {long.spacing}


def test_a_hostile_class_is_shown_inert() -> None:
    """No control characters, and not endless."""
    facts = Facts(load("lenet", []), ("\x1b[31m" + "x" * 500, "b"), (500, 0), 180)
    words = findings(Case(facts, epochs(0.1), history()))[0].words
    assert words.isprintable()
    assert len(words) < 250


def test_the_rules_are_free_of_torch() -> None:
    """So that `cnncli health` is quick."""
    modules = "cnncli.diagnostics.rules, cnncli.diagnostics.record, cnncli.runs.health_request"
    assert python("-c", f"import sys, {modules}; print('torch' in sys.modules)").stdout == "False\n"

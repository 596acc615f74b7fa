"""What is wrong is refused: exit code 2, one line, no traceback, nothing trained, within two seconds."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from time import perf_counter, process_time

import pytest

from cnncli.cli import run
from tests.cli.malformed import FILE, MAKERS, Case, cases
from tests.conftest import python

LIMIT = 2.0  # seconds
CASES = {kind: list(made) for kind, made in groupby(cases(), lambda case: case.kind)}

pytestmark = pytest.mark.usefixtures("elsewhere", "own_data")


def given(case: Case) -> None:
    """Put the case's file there."""
    Path(FILE).unlink(missing_ok=True)
    if case.recipe is not None:
        Path(FILE).write_bytes(case.recipe)


def wrong_with(code: int, out: str, err: str) -> str | None:
    """How an answer differs from a refusal."""
    if code != 2:
        return f"exit {code}"
    if len(err.splitlines()) != 1 or not err.endswith("\n"):
        return f"{len(err.splitlines())} lines"
    if "Traceback" in err or "a fault in" in err or not err.startswith("cnncli"):
        return "no refusal"
    if any(not character.isprintable() for character in err[:-1]) or len(err) > 600:
        return "no readable line"
    return "stdout" if out else None


def answer(case: Case, capfd: pytest.CaptureFixture[str]) -> tuple[str | None, float, str]:
    """What is wrong with the answer, its seconds on a core (the machine may be busy), and its words."""
    given(case)
    capfd.readouterr()
    began = process_time()
    code = run(case.arguments)
    seconds = process_time() - began
    out, err = capfd.readouterr()
    return wrong_with(code, out, err) or ("a run folder" if list(Path().glob("runs/*")) else None), seconds, err


@pytest.mark.parametrize("kind", MAKERS)
def test_it_is_refused(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Every case of the kind."""
    failures = []
    for case in CASES[kind]:
        wrong, seconds, err = answer(case, capfd)
        if wrong or seconds > LIMIT:
            failures.append(
                f"{wrong}, {seconds:.1f} s: {' '.join(case.arguments)} {(case.recipe or b'')[:300]!r}: {err[:200]!r}"
            )
    assert not failures, "\n".join(failures)


def test_there_are_three_hundred_of_them_and_no_two_are_alike() -> None:
    """Of every kind some."""
    made = [(case.arguments, case.recipe) for several in CASES.values() for case in several]
    assert len(made) >= 300
    assert len(set(made)) >= 300
    assert list(CASES) == list(MAKERS)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_it_is_refused_as_a_program(number: int) -> None:
    """In a process of its own, start and all, the best of five."""
    made = [case for several in CASES.values() for case in several]
    case = made[number * len(made) // 20]
    given(case)
    best = float("inf")
    for _ in range(5):
        began = perf_counter()
        found = python("-m", "cnncli", *case.arguments)
        best = min(best, perf_counter() - began)
        assert wrong_with(found.returncode, found.stdout, found.stderr) is None, (case, found)
        if best < LIMIT:
            break
    assert best < LIMIT
    assert not list(Path().glob("runs/*"))


def report() -> None:
    """Print how many there are of which kind, and the slowest: `python -m tests.cli.test_malformed` in an empty folder."""
    for kind, several in CASES.items():
        times = []
        for case in several:
            given(case)
            began = perf_counter()
            run(case.arguments)
            times.append(perf_counter() - began)
        sys.stdout.write(f"{kind:24} {len(several):4} cases, slowest {max(times):.2f} s\n")


if __name__ == "__main__":
    report()

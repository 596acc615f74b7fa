"""A quiz on a terminal: question after question, checked at once, with the formula where an answer was wrong."""

from __future__ import annotations

import sys
from contextlib import suppress
from textwrap import wrap

from cnncli.lessons.answers import judged
from cnncli.lessons.quiz import LEVELS, Question, Quiz
from cnncli.render.quiz import answer_lines, answer_text, question_lines, show_table
from cnncli.text import columns_of, say

HINT = "?"
LEGEND = "Write 6x28x28, 61,706 or 0.24M; ? shows the formula, an empty line passes, Ctrl-D ends."


def is_talk() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def play(quiz: Quiz) -> None:
    """Ask, check, explain; the score at the end, also where it comes early. Raises `KeyboardInterrupt` after Ctrl-C."""
    with suppress(ImportError):
        import readline  # noqa: F401  (arrow keys in what is typed)
    show_table(quiz)
    say("", *wrap(LEGEND, columns_of(sys.stdout)))
    right = asked = 0
    try:
        for question in quiz.questions:
            right += _ask(question)
            asked += 1
    except EOFError:
        say("")
    except KeyboardInterrupt:
        say("")
        _score(quiz, right, asked)
        raise
    _score(quiz, right, asked)
    if asked == len(quiz.questions):
        harder = f", harder ones: --level {quiz.level + 1}" if quiz.level + 1 in LEVELS else ""
        say(f"other questions: --seed {quiz.seed + 1}{harder}")


def _score(quiz: Quiz, right: int, asked: int) -> None:
    whole = len(quiz.questions)
    say(f"{right} of {whole} right" + (f"; {whole - asked} not answered" if asked < whole else ""))


def _ask(question: Question) -> bool:
    """Ask until there is an answer that can be read, or none."""
    say("", *question_lines(question))
    while text := input("    > ").strip():
        if text == HINT:
            say(*dict.fromkeys(f"    {each.of}: {each.symbols}" for each in question.formulas))
            continue
        verdict = judged(question, text)
        if verdict.right is not None:
            _comment(question, right=verdict.right, remark=verdict.remark)
            return verdict.right
        say(f"    {verdict.remark}")
    say(*answer_lines(question))
    return False


def _comment(question: Question, *, right: bool, remark: str) -> None:
    if right:
        say(f"    right{f'; {remark}' if remark else ''}")
    else:
        say(f"    no, it is {answer_text(question.answer)}", *answer_lines(question)[1:])

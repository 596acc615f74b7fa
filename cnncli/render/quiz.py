"""A quiz on paper: the summary with numbered blanks, the questions, and the key."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from textwrap import wrap

from cnncli.analysis.report import Report
from cnncli.layers import dims
from cnncli.lessons.quiz import LEVELS, Answer, Question, Quiz, judged
from cnncli.render.columns import Entry, Shown, chosen
from cnncli.render.folding import View, entries
from cnncli.render.formulas import formula_json, formula_lines, formula_text
from cnncli.render.summary import network_json, show_entries, title
from cnncli.render.table import Cell, Column, Line, write_csv, write_json, write_markdown
from cnncli.text import columns_of, inert, say

MOST = 40  # lines of the table; of a longer one, those with blanks and the ones before them
COLUMNS = (Column("number", "number"), Column("row", "row", left=True), Column("question", "question", left=True))
KEY = (Column("answer", "answer", left=True), Column("formula", "because", left=True))
_ASKED = {
    "output": "output size?",
    "params": "parameters?",
    "macs": "multiply-accumulates (MACs)?",
    "rf": "receptive field of an output unit, in pixels?",
}


def show_quiz(quiz: Quiz, format: str, *, answers: bool) -> None:
    """On stdout: the table with its blanks and the questions; with `answers`, the key after them.

    For people it says which sheet it is: the same network, level and seed bring its key.
    """
    sheet = f"level {quiz.level} · seed {quiz.seed}"
    if format == "json":
        write_json(quiz_json(quiz, answers=answers))
    elif format == "csv":
        write_csv(*_listed(quiz, answers=answers))
    elif format == "markdown":
        say(f"{title(quiz.report)} · {sheet}", "")
        show_table(quiz, format)
        say("")
        write_markdown(*_listed(quiz, answers=answers))
    else:
        show_table(quiz)
        say("", *(line for each in quiz.questions for line in question_lines(each)), "", sheet)
        if answers:
            say("", "answers", *(line for each in quiz.questions for line in answer_lines(each)))


def quiz_json(quiz: Quiz, *, answers: bool) -> dict[str, object]:
    """The `cnncli/quiz/1` object; `answer` and `formulas` only where the key is wanted."""
    return {
        "schema": "cnncli/quiz/1",
        **network_json(quiz.report.network),
        "level": quiz.level,
        "seed": quiz.seed,
        "questions": [_question_json(each, answers=answers) for each in quiz.questions],
    }


def show_table(quiz: Quiz, format: str = "table") -> None:
    """The summary's lines with a number where a blank is; the totals, which would give it away, are left out."""
    shown = whole = entries(quiz.report, View())
    if len(whole) > MOST:
        asked = [place for place, entry in enumerate(shown) if any(_blank(quiz, entry, key) for key in LEVELS[3].asks)]
        shown = [
            shown[place] for place in sorted({near for place in asked for near in (place - 1, place) if near >= 0})
        ]
    columns = [_blanked(quiz, each) for each in chosen(",".join(LEVELS[quiz.level].asks))]
    show_entries(quiz.report, shown, columns, format)
    if format == "table" and len(shown) < len(whole):
        say(f"{len(shown)} of {len(whole)} rows: those with blanks, and the one before each")


def question_lines(question: Question) -> list[str]:
    """`(2) conv2: conv 6 → 16, kernel 5×5, stride 1, padding 0, on 6×14×14: output size?`"""
    text = f"({question.number}) {inert(question.row.name)}: {_text(question)}"
    return wrap(text, columns_of(sys.stdout), subsequent_indent="    ", break_on_hyphens=False)


def answer_lines(question: Question) -> list[str]:
    """The answer, and the formulas behind it."""
    width = columns_of(sys.stdout)
    return [
        f"({question.number}) {answer_text(question.answer)}",
        *(f"    {line}" for line in formula_lines(question.formulas, width - 4)),
    ]


def answer_text(answer: Answer) -> str:
    """`6×28×28`, `61,706`."""
    return dims(answer) if isinstance(answer, tuple) else f"{answer:,}"


def _text(question: Question) -> str:
    """The layer, what it is given (or which answer that is), and what is asked."""
    row = question.row
    given = " + ".join(dims(tensor.shape) for tensor in row.call.inputs)
    if question.before:
        given = " + ".join(f"the output of ({number})" for number in question.before)
    return f"{inert(row.layer.sentence)}, on {given}: {_ASKED[question.asks]}"


def _blanked(quiz: Quiz, shown: Shown) -> Shown:
    """The column with its blanks, without a total."""

    def cell(entry: Entry, report: Report) -> Cell:
        number = _blank(quiz, entry, shown.column.key)
        return Cell(None, f"({number})") if number else shown.cell(entry, report)

    return shown._replace(cell=cell, total=lambda _: Cell(None, ""))


def _blank(quiz: Quiz, entry: Entry, key: str) -> int | None:
    names = {row.name for row in entry.rows}
    return next((each.number for each in quiz.questions if each.asks == key and each.row.name in names), None)


def _question_json(question: Question, *, answers: bool) -> dict[str, object]:
    answer = question.answer
    key = {
        "answer": list(answer) if isinstance(answer, tuple) else answer,
        "formulas": [formula_json(each) for each in question.formulas],
    }
    return {
        "number": question.number,
        "row": question.row.name,
        "asks": question.asks,
        "question": _text(question),
        **(key if answers else {}),
    }


def _listed(quiz: Quiz, *, answers: bool) -> tuple[Sequence[Column], list[Line]]:
    lines: list[Line] = [[*_cells(each), *(_key(each) if answers else ())] for each in quiz.questions]
    return (*COLUMNS, *(KEY if answers else ())), lines


def _cells(question: Question) -> Iterator[Cell]:
    name, text = inert(question.row.name), _text(question)
    yield from (Cell(question.number, f"({question.number})"), Cell(name, name), Cell(text, text))


def _key(question: Question) -> Iterator[Cell]:
    answer = answer_text(question.answer)
    because = "; ".join(map(formula_text, question.formulas))
    value = answer.replace("×", "x") if isinstance(question.answer, tuple) else question.answer
    yield from (Cell(value, answer), Cell(because, because))


# A quiz on a terminal: question after question, checked at once, with the formula where an answer was wrong.

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

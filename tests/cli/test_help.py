"""What the help of every command says, it shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from inspect import getdoc
from typing import Any

import pytest

from cnncli.cli import LazyGroup, _function, command
from tests.conftest import Result

NAMES = LazyGroup().list_commands(None)


def shown(text: str) -> str:
    """Text without the frames around it, and with one space for each gap."""
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", text).split())


def written(name: str) -> Iterator[str]:
    """The paragraphs of a command's docstring, and what its arguments and options say of themselves."""
    yield from (getdoc(_function(name)) or "").split("\n\n")
    parameters: list[Any] = command(name).params
    for each in parameters:
        yield from (each.help or "", each.metavar or "")


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_what_is_written(name: str, cnncli: Callable[..., Result]) -> None:
    """Every word of it, brackets and colons too, on a terminal wide enough that nothing is broken."""
    found = shown(cnncli(f"{name} --help", 1000).out)
    assert [text for text in written(name) if shown(text) not in found] == []


def test_a_bracket_is_no_markup(cnncli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a command's help, in an option's and in the overview."""
    assert "pip install 'cnncli[export]'" in cnncli("export --help").out
    from cnncli.cli import code

    monkeypatch.setattr(code.code, "__doc__", "Write [bold]x[/bold], [1, -1] and [/].")
    assert "Write [bold]x[/bold], [1, -1] and [/]." in cnncli("code --help", 120).out
    assert "Write [bold]x[/bold], [1, -1] and [/]." in cnncli("--help", 120).out

"""`cnncli.summary` from a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import torch
from torch import nn

import cnncli as package
from cnncli.analysis.report import Report
from cnncli.errors import RequestError
from tests.conftest import Result, python
from tests.sources.examples.net import Caption, Fussy, Net

GIVEN = [
    pytest.param((3, 32, 32), id="shape"),
    pytest.param([(3, 32, 32)], id="shapes"),
    pytest.param("3x32x32", id="text"),
    pytest.param(torch.zeros(7, 3, 32, 32), id="example"),
    pytest.param({"x": (3, 32, 32)}, id="name"),
]


@pytest.mark.parametrize("given", GIVEN)
def test_a_module_on_an_input(given: object) -> None:
    """However the input is written, the report is that of one example."""
    found = package.summary(Net(), given)
    assert isinstance(found, Report)
    assert found.totals.params == sum(each.numel() for each in Net().parameters())
    assert found.rows[0].call.x.shape == (3, 32, 32)


def test_it_shows_what_the_command_prints(cnncli: Callable[..., Result]) -> None:
    """Printed it is the command's table, as a dict the command's JSON."""
    line = "summary tests/sources/examples/net.py:Net --input 3x32x32"
    found = package.summary(Net(), (3, 32, 32))
    assert f"{found}\n" == cnncli(line).out
    assert found.to_dict() == json.loads(cnncli(f"{line} --format json").out)


def test_several_inputs_and_the_optimizer() -> None:
    """A list is several inputs; Adam keeps two numbers more for each weight than plain SGD."""
    given = [(3, 32, 32), torch.zeros(1, 12, dtype=torch.int64)]
    plain, adam = package.summary(Caption(), given), package.summary(Caption(), given, optimizer="adam")
    assert adam.totals.training_bytes - plain.totals.training_bytes == 8 * plain.totals.trainable


def test_a_name_as_on_the_command_line() -> None:
    """A source's own arguments are keyword arguments."""
    assert package.summary("lenet", classes=26).totals.params == 63_066


def test_a_module_that_raises_is_a_report_that_says_why() -> None:
    """The rows up to there are there."""
    found = package.summary(Fussy(), (3, 32, 32))
    assert [row.name for row in found.rows] == ["conv1"]
    assert found.failure is not None
    assert found.fault is not None
    assert found.fault.code == 'raise ValueError("too many channels [red]\\x1b[31m")'
    assert "too many channels [red]\\x1b[31m" in str(found)


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        """An opening tag."""
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """A closing one must fit."""
        assert self.open.pop() == tag


def test_a_notebook_gets_inert_html() -> None:
    """Every tag is closed, and a hostile name is text."""
    net = nn.Sequential()
    net.add_module("<script>alert(1)</script>", nn.Linear(4, 2))
    parser = Tags()
    parser.feed(package.summary(net, (4,))._repr_html_())
    assert parser.open == []
    assert parser.seen == {"div", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (3, (3, 8, 8), "not a int"),
        (Net(), None, "say what it takes"),
        (Net(), (3, 0, 8), "is no shape"),
        (Net(), object(), "of type object; give tensors"),
        (Net(), [None, 3], "no tensor among its inputs"),
        ("lennet", None, "did you mean 'lenet'"),
    ],
)
def test_wrong_requests(model: object, given: object, words: str) -> None:
    """An error of the command is an exception with the same words."""
    with pytest.raises(RequestError, match=words):
        package.summary(model, given)  # type: ignore[arg-type]


def test_the_package_names_what_it_exports() -> None:
    """`dir` lists it, importing the package alone does not import it, and an unknown name is an AttributeError."""
    program = "import sys, cnncli; print(dir(cnncli), 'cnncli.api' in sys.modules, callable(cnncli.summary))"
    assert python("-c", program).stdout.strip() == "['__version__', 'summary'] False True"
    with pytest.raises(AttributeError, match="has no attribute 'sumary'"):
        package.sumary  # noqa: B018

"""Two networks side by side: nothing lost, nothing invented, in the order of both."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnncli.analysis.diff import Change, Diff, align, diff
from cnncli.analysis.report import Report, report
from cnncli.layers import Layer, Tensor
from cnncli.layers.activation import ReLU, Sigmoid
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.layers.norm import BatchNorm2d
from cnncli.layers.shape import Flatten
from cnncli.models import models, network
from cnncli.network.builder import Value, add, write

EVERY = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
PAIRS = [*pairwise(EVERY), ("resnet18", "resnet34"), ("vgg11", "vgg13"), ("lenet", "lenet@paper")]


def chain(**layers: Layer) -> Report:
    """The report of layers one after the other, on an 8×8 image of three channels."""
    return report(write(lambda x: x(**layers), name="chain", inputs={"input": Tensor((3, 8, 8))}))


def of(a: str, b: str) -> Diff:
    """The difference of two built-in networks."""
    return diff(report(network(a)), report(network(b)))


def marks(found: Diff) -> str:
    """The marks of all lines."""
    return "".join(line.mark for line in found.lines)


@pytest.mark.parametrize("source", EVERY)
def test_a_network_equals_itself(source: str) -> None:
    """No line has a change, and nothing costs more or less."""
    found = of(source, source)
    assert found.equal
    assert not any(line.changes for line in found.lines)
    assert not any(cost.change for cost in found.costs)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_row_stands_once_and_in_its_order(a: str, b: str) -> None:
    """The lines hold all rows of both networks, each in running order."""
    found = of(a, b)
    assert [line.a for line in found.lines if line.a] == list(found.a.rows)
    assert [line.b for line in found.lines if line.b] == list(found.b.rows)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_lines_add_up_to_the_change_of_the_totals(a: str, b: str) -> None:
    """What the rows cost more is what the networks cost more."""
    found = of(a, b)
    for cost in found.costs:
        if cost.figure in {"params", "trainable", "buffers", "macs", "connections", "activation_bytes"}:
            rows = [(getattr(line.b, cost.figure, 0), getattr(line.a, cost.figure, 0)) for line in found.lines]
            assert sum(new - old for new, old in rows) == cost.change, cost.figure


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_other_way_round_is_the_mirror_image(a: str, b: str) -> None:
    """What was added is removed, and changes swap their sides; the alignments score the same."""
    there, back = of(a, b), of(b, a)
    assert sorted(marks(there).replace("+", "!").replace("-", "+").replace("!", "-")) == sorted(marks(back))
    assert [(cost.new, cost.old) for cost in there.costs] == [(cost.old, cost.new) for cost in back.costs]


def test_two_editions() -> None:
    """LeNet's classic edition differs in one padding and in its input, and costs the same."""
    found = of("lenet", "lenet@classic")
    assert marks(found) == "~" + 11 * " "
    assert found.lines[0].changes == (Change("padding", (2, 2), (0, 0)),)
    assert found.changes == (Change("input", ((1, 28, 28),), ((1, 32, 32),)),)
    assert [cost.change for cost in found.costs if cost.figure in {"params", "macs"}] == [0, 0]


def test_layers_that_were_added_stand_alone() -> None:
    """VGG-13 is VGG-11 and a convolution in each of its first two blocks."""
    added = [line.b.name for line in of("vgg11", "vgg13").lines if line.mark == "+" and line.b]
    assert added == ["block1.conv2", "block1.relu2", "block2.conv2", "block2.relu2"]
    assert set(marks(of("vgg11", "vgg13"))) == {"+", " "}


def test_two_inputs_of_one_network() -> None:
    """Every size up to the first dense layer changes; what comes behind it does not."""
    found = diff(report(network("lenet")), report(network("lenet", input=(1, 32, 32))))
    assert marks(found) == "~~~~~~~~" + "    "
    fc1 = next(line for line in found.lines if line.row.name == "fc1")
    assert [change[:3] for change in fc1.changes] == [
        ("in_features", 400, 576),
        ("params", 48_120, 69_240),
        ("trainable", 48_120, 69_240),
        ("macs", 48_000, 69_120),
    ]


def test_another_kind_of_layer_in_the_same_place_is_a_change() -> None:
    """Sigmoid becomes ReLU; the arguments that both lack or have are compared alone."""
    found = diff(
        chain(conv=Conv2d(out_channels=4, kernel_size=3), act=Sigmoid()),
        chain(conv=Conv2d(out_channels=4, kernel_size=3), act=ReLU(inplace=True)),
    )
    assert [line.changes for line in found.lines] == [(), (Change("layer", "Sigmoid", "ReLU"),)]


def test_another_name_is_a_change() -> None:
    """The names are the keys of the weights: a renamed row is paired with its old self, and marked."""
    found = diff(chain(conv=Conv2d(out_channels=4, kernel_size=3)), chain(c1=Conv2d(out_channels=4, kernel_size=3)))
    assert [line.changes for line in found.lines] == [(Change("name", "conv", "c1"),)]
    assert not found.equal


def test_names_of_places_do_not_mislead() -> None:
    """A norm put between layers that are named by their place shifts the names, and is found all the same."""
    plain = {
        "0": Conv2d(out_channels=4, kernel_size=3),
        "1": ReLU(),
        "2": Conv2d(out_channels=4, kernel_size=3),
        "3": ReLU(),
    }
    normed = {"0": plain["0"], "1": BatchNorm2d(), "2": ReLU(), "3": plain["2"], "4": ReLU()}
    found = diff(chain(**plain), chain(**normed))
    assert marks(found) == " +~~~"
    assert [line.changes for line in found.lines][2] == (Change("name", "1", "2"),)


def test_other_connections_are_a_change() -> None:
    """The same rows, one of which reads another: only that one changes."""

    def body(x: Value, *, around: bool) -> Value:
        first = x(conv=Conv2d(out_channels=3, kernel_size=1))
        second = first(relu=ReLU())
        return add(x if around else first, second)

    around, inside = (
        report(write(body, name="skip", inputs={"input": Tensor((3, 8, 8))}, around=around)) for around in (True, False)
    )
    found = diff(around, inside)
    assert [line.changes for line in found.lines] == [(), (), (Change("reads", "input", "conv"),)]


def test_what_follows_an_added_row_is_not_changed_by_it() -> None:
    """The row behind an added one reads something new, which the added row says already."""
    relu, conv = ReLU(), Conv2d(out_channels=4, kernel_size=3)
    assert marks(diff(chain(conv=conv, flatten=Flatten()), chain(conv=conv, relu=relu, flatten=Flatten()))) == " + "
    assert marks(diff(chain(conv=conv, relu=relu, flatten=Flatten()), chain(conv=conv, flatten=Flatten()))) == " - "


def test_more_outputs_are_a_change_of_the_network() -> None:
    """GoogLeNet's auxiliary heads add rows and outputs, and change no row."""
    found = diff(report(network("googlenet@paper")), report(network("googlenet@paper", aux=True)))
    assert set(marks(found)) == {" ", "+"}
    assert found.changes == (Change("outputs", ("fc",), ("fc", "aux1.fc2", "aux2.fc2")),)


def test_the_ratio_of_a_total() -> None:
    """Twice as much is 2; nothing to compare with is no ratio."""
    found = diff(chain(flatten=Flatten()), chain(flatten=Flatten(), fc=Linear(out_features=2)))
    costs = {cost.figure: cost for cost in found.costs}
    assert costs["params"].ratio is None
    assert costs["params"].change == 2 * (3 * 8 * 8 + 1)
    assert costs["activation_bytes"].ratio is None
    twice = diff(chain(conv=Conv2d(out_channels=2, kernel_size=1)), chain(conv=Conv2d(out_channels=4, kernel_size=1)))
    assert {cost.figure: cost.ratio for cost in twice.costs}["macs"] == 2


def test_nothing_against_something() -> None:
    """One network's rows alone are all removed or all added."""
    rows = report(network("lenet")).rows
    assert align(rows, ()) == [(row, None) for row in rows]
    assert align((), rows) == [(None, row) for row in rows]

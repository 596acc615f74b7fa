"""Receptive fields of the built-in networks, measured by gradient."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.build import build
from cnncli.lessons.gradients import measured
from cnncli.lessons.receptive import region, regions
from cnncli.lessons.subject import taken
from cnncli.models import models, network
from cnncli.network import Network
from tests.fields import agree, linear

CASES = [
    ("lenet", (1, 28, 28)),
    ("lenet", (1, 31, 42)),
    ("lenet@classic", (1, 32, 32)),
    ("lenet@paper", (1, 32, 32)),
    ("alexnet", (1, 97, 131)),
    ("alexnet@paper", (3, 113, 71)),
    ("vgg11", (1, 64, 83)),
    ("nin", (1, 97, 131)),
    ("nin@paper", (3, 32, 41)),
    ("nin@caffe", (3, 97, 131)),
    ("googlenet", (1, 65, 96)),
    ("resnet18", (3, 65, 96)),
]
SLOW = [
    ("vgg16", (1, 224, 224)),
    ("googlenet@paper", (3, 131, 224)),
    ("resnet50", (3, 131, 97)),
    ("densenet121", (3, 97, 64)),
    ("mobilenet_v2", (3, 131, 97)),
]


@pytest.mark.parametrize(("source", "size"), [*CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_first_middle_and_last_unit_see_what_the_report_says(source: str, size: tuple[int, ...]) -> None:
    """At every node whose module runs once, the bounding box of the gradient is the interval of the report, per axis."""
    small = {"vgg11": {"ratio": 16, "hidden": 8}, "vgg16": {"ratio": 32, "hidden": 8}}.get(source, {})
    written = network(source, input=size, **small)
    shared = {node.shares for node in written.nodes}
    rows = {row.name: row for row in report(written).rows if ":" not in row.name}
    rows = {name: row for name, row in rows.items() if name not in shared and row.layer.weights}
    agree(linear(build(written).double().eval()), size, rows)


SMALL = {"vgg": (35, 64), "alexnet": (97, 71), "nin": (97, 71), "googlenet": (65, 96)}
"""Heights and widths at which everything fits into memory; other networks that take any size are run at 33×64."""


def small(name: str, edition: str) -> Network:
    """A built-in network, as narrow and as small as it comes."""
    made = models()[name].editions[edition]
    arguments = {"ratio": 16, "hidden": 8} if "ratio" in made.arguments else {}
    sides = next((sides for family, sides in SMALL.items() if name.startswith(family)), (33, 64))
    fixed = name == "lenet" or (name, edition) == ("nin", "paper")  # made for small images
    return network(f"{name}@{edition}", input=made.input if fixed else (made.input[0], *sides), **arguments)


EDITIONS = [(name, edition) for name, model in models().items() for edition in model.editions]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "edition"), EDITIONS)
def test_every_row_of_every_built_in_network(name: str, edition: str) -> None:
    """What the middle unit of each row sees by arithmetic is the support of its gradient; up to 200 rows, first and last unit too."""
    written = small(name, edition)
    found = report(written)
    assert found.failure is None
    assert len(regions(found)) == len(found.rows)
    for share in (0.5,) if len(found.rows) > 200 else (0.0, 0.5, 1.0):
        asked = [
            region(found, row, tuple(int(share * (reach.units - 1)) for reach in row.field.axes))
            for row in found.rows
            if row.field
        ]
        said = measured(taken(written), asked)
        assert [each.row.name for each, one in zip(asked, said, strict=True) if one is None or not one.agrees] == []

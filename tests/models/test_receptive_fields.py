"""Receptive fields of the built-in networks, measured by gradient."""

from __future__ import annotations

import pytest

from cnncli.build import build
from cnncli.models import network
from cnncli.report import report
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

"""The arguments that several networks share: `norm=batch` and `dropout`."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.layers.conv import Conv2d
from cnncli.layers.dropout import Dropout
from cnncli.layers.norm import BatchNorm2d
from cnncli.models import network

NORMED = ["lenet", "lenet@classic", "alexnet", "vgg11", "vgg16", "nin", "googlenet"]


@pytest.mark.parametrize("source", NORMED)
def test_batch_normalisation_stands_behind_every_convolution(source: str) -> None:
    """Each reads its convolution; scale and shift are all that is added; `none` is the network as published."""
    plain, normed = network(source), network(source, norm="batch")
    assert network(source, norm="none") == plain
    makers = {node.name: node.layer for node in normed.nodes}
    norms = [node for node in normed.nodes if isinstance(node.layer, BatchNorm2d)]
    convolutions = [layer for layer in makers.values() if isinstance(layer, Conv2d)]
    assert [makers[node.inputs[0]] for node in norms] == convolutions
    added = report(normed).totals.params - report(plain).totals.params
    assert added == sum(2 * layer.out_channels for layer in convolutions)


@pytest.mark.parametrize(("source", "count"), [("alexnet", 2), ("vgg11", 2), ("nin", 1)])
def test_dropout_is_the_share_that_was_asked_for(source: str, count: int) -> None:
    """Half by default, as published."""
    for arguments, share in (({}, 0.5), ({"dropout": 0.2}, 0.2), ({"dropout": 0}, 0)):
        found = [
            node.layer.p for node in network(source, input=None, **arguments).nodes if isinstance(node.layer, Dropout)
        ]
        assert found == [share] * count

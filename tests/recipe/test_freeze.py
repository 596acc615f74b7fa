"""Which layers a pattern freezes, and what is refused."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.models import network
from cnncli.recipe.freeze import freeze


def frozen(source: str, *patterns: str) -> list[str]:
    """The names of the layers that `patterns` freeze."""
    return [node.name for node in freeze(network(source), patterns).nodes if node.frozen]


def test_names_patterns_and_blocks() -> None:
    """A name alone, a pattern, and a block for all the layers with weights in it."""
    assert frozen("lenet", "conv1") == ["conv1"]
    assert frozen("lenet", "conv*", "fc1") == ["conv1", "conv2", "fc1"]
    assert frozen("vgg11", "block3") == ["block3.conv1", "block3.conv2"]
    assert frozen("vgg11", "block[12].conv1") == ["block1.conv1", "block2.conv1"]
    assert len(frozen("googlenet", "inception*")) == 9 * 6


def test_what_is_frozen_is_not_counted_as_trainable() -> None:
    """Parameters stay, trainable ones go."""
    totals = report(freeze(network("lenet"), ["fc*"])).totals
    assert (totals.params, totals.trainable) == (61_706, 156 + 2_416)


def test_nothing_to_freeze_is_the_network_itself() -> None:
    """No copy, no report."""
    given = network("lenet")
    assert freeze(given, []) is given


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["conv9"], "'conv9' is no layer with weights; did you mean 'conv2'?"),
        (["act1"], "'act1' is no layer with weights; there are conv1, conv2, fc1, fc2, fc3"),
        (["conv1", ""], "'' is no layer with weights; there are conv1, conv2, fc1, fc2, fc3"),
        (["*"], "leaves no layer to train; leave the last one out, at least"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(patterns: list[str], message: str) -> None:
    """One line with the cure."""
    with pytest.raises(RequestError) as caught:
        freeze(network("lenet"), patterns)
    assert str(caught.value) == message

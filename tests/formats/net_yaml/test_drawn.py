"""Any network comes back from YAML as it was, whatever its wiring."""

from __future__ import annotations

from hypothesis import given, settings

from cnncli.formats.net_yaml import dump, parse
from cnncli.models import network
from cnncli.network import Network
from tests.formats.net_yaml.drawn import networks


@given(networks())
@settings(max_examples=150, deadline=None)
def test_any_network_comes_back(given: Network) -> None:
    """Its names, groups, blocks, shared and frozen layers, inputs and outputs."""
    found = parse(dump(given), "net.yaml").network
    assert found.nodes == given.nodes
    assert (found.inputs, found.outputs, found.blocks) == (given.inputs, given.outputs, given.blocks)


def test_alike_blocks_are_defined_once() -> None:
    """GoogLeNet's nine Inception blocks are one definition, their differing channels its parameters."""
    text = dump(network("googlenet"))
    assert text.count("\n  Inception:\n") == 1
    assert text.count("      Inception: {") == 9
    assert "Inception: {conv1x1: 64, reduce3x3: 96, conv3x3: 128, reduce5x5: 16, conv5x5: 32, project: 32}" in text


def test_it_is_short() -> None:
    """152 layers in a hundred lines."""
    assert len(dump(network("resnet152")).splitlines()) <= 110

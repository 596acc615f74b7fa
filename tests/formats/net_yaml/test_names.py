"""Which names a layer may have."""

from __future__ import annotations

import torch
from torch import nn

from cnncli.build import build
from cnncli.formats.net_yaml import parse
from cnncli.formats.net_yaml.names import MODULE_OWN, wrong_name


def test_what_a_module_has_itself_is_refused() -> None:
    """Every attribute that torch.nn.Module, or the module that is built, has in the installed torch."""
    network = parse("kind: network\nname: net\ninput: 3\nlayers: [ReLU]", "net.yaml").network
    own = {name for name in {*dir(nn.Module()), *dir(build(network))} if not name.startswith("__")} - {"0"}
    assert own <= MODULE_OWN, sorted(own - MODULE_OWN)


def test_every_other_name_can_be_registered() -> None:
    """What is accepted, torch takes as a module's name."""
    for name in ("conv1", "0", "_stem", "C1", "a_b", "input", "append", "keys", "pop", "x", "block1-0"):
        assert not wrong_name(name)
        nn.Module().add_module(name, nn.ReLU())
    assert torch.__version__


def test_an_argument_may_be_called_as_a_layer() -> None:
    """`dropout` is both: below a layer's class it is the argument, below a name the layer."""
    body = "layers: [{attention: {num_heads: 2}}, {LayerNorm: {normalized_shape: 4}}, {MultiheadAttention: {num_heads: 2, dropout: 0.1}}]"
    found = parse(f"kind: network\nname: net\ninput: 3x4\n{body}", "net.yaml").network
    assert found.nodes[2].layer.config["dropout"] == 0.1
    single = "blocks: {Unit: [{Dropout: {p: $dropout}}]}\nlayers: [{Unit: {dropout: 0.2}}, drop: {dropout: {p: 0.3}}, off: {dropout: }]"
    found = parse(f"kind: network\nname: net\ninput: 3\n{single}", "net.yaml").network
    assert [node.layer.config["p"] for node in found.nodes] == [0.2, 0.3, 0.5]

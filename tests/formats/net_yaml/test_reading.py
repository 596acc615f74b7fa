"""What steps mean: names, wiring, groups, repeats, blocks, weights used again."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cnncli.errors import UnknownName
from cnncli.formats.net_yaml import parse
from cnncli.layers import Tensor
from cnncli.layers.conv import Conv2d
from cnncli.layers.linear import Linear
from cnncli.network import Network


def network(body: str, head: str = "input: 4x8x8") -> Network:
    """The network of a file with this body."""
    return parse(f"kind: network\nname: net\n{head}\n{dedent(body)}", "net.yaml").network


def wiring(body: str, head: str = "input: 4x8x8") -> dict[str, tuple[str, ...]]:
    """Every node's name and what it reads."""
    return {node.name: node.inputs for node in network(body, head).nodes}


def test_steps_run_one_after_the_other() -> None:
    """Named ones by their names, the others numbered by their place as in nn.Sequential."""
    assert wiring(
        "layers: [conv1: {Conv2d: {out_channels: 4, kernel_size: 3}}, ReLU, Flatten, {Linear: {out_features: 2}}]"
    ) == {
        "conv1": ("input",),
        "1": ("conv1",),
        "2": ("1",),
        "3": ("2",),
    }


def test_layers_go_by_class_and_by_kind() -> None:
    """`Conv2d` is torch's name, `conv` that of cnncli params."""
    first, second = network(
        "layers: [{Conv2d: {out_channels: 4, kernel_size: 3}}, {conv: {out_channels: 4, kernel_size: 3}}]"
    ).nodes
    assert first.layer == second.layer == Conv2d(out_channels=4, kernel_size=3)


def test_a_name_may_be_that_of_a_kind() -> None:
    """What stands behind the colon decides: a layer, or a layer's arguments."""
    body = "layers: [conv: {Conv2d: {out_channels: 4, kernel_size: 3}}, relu: ReLU, flatten: flatten, add: {Linear: {out_features: 2}}]"
    assert list(wiring(body)) == ["conv", "relu", "flatten", "add"]


def test_one_number_an_axis() -> None:
    """As a list, or as one writes it on the command line."""
    one, other = network(
        "layers: [{Conv2d: {out_channels: 1, kernel_size: [3, 5]}}, {Conv2d: {out_channels: 1, kernel_size: 3x5}}]"
    ).nodes
    assert one.layer == other.layer == Conv2d(out_channels=1, kernel_size=(3, 5))


@pytest.mark.parametrize(
    ("written", "tensors"),
    [
        ("1x28x28", {"input": Tensor((1, 28, 28))}),
        ("[1, 28, 28]", {"input": Tensor((1, 28, 28))}),
        ("400", {"input": Tensor((400,))}),
        ("{image: 3x4x4, mask: 1x4x4}", {"image": Tensor((3, 4, 4)), "mask": Tensor((1, 4, 4))}),
        ("{shape: 16, dtype: int64, batch: 1}", {"input": Tensor((16,), "int64", 1)}),
        ("{table: {shape: [2, 3], batch: null}}", {"table": Tensor((2, 3), "float32", None)}),
    ],
)
def test_inputs(written: str, tensors: dict[str, Tensor]) -> None:
    """A shape, or several by name, with type and batch axis where they are not the usual ones."""
    assert network("layers: [ReLU]", f"input: {written}").inputs == tensors


def test_branches_start_at_one_value_and_meet() -> None:
    """`identity`, or an empty list, is the value as it is; a join without a name is called by its word."""
    body = """
        layers:
          - ReLU
          - add:
              - [conv1: {Conv2d: {out_channels: 4, kernel_size: 1}}, relu1: ReLU]
              - identity
          - concat: [[], conv2: {Conv2d: {out_channels: 4, kernel_size: 1}}]
            dim: 2
          - both: {mul: [identity, []]}
          - add: [identity, ReLU]
        """
    assert wiring(body) == {
        "0": ("input",),
        "conv1": ("0",),
        "relu1": ("conv1",),
        "add": ("relu1", "0"),
        "conv2": ("add",),
        "concat": ("add", "conv2"),
        "both": ("concat", "concat"),
        "4": ("both",),
        "add2": ("both", "4"),
    }
    assert network(body).nodes[5].layer.config == {"dim": 2}


def test_a_list_is_a_group() -> None:
    """Its name prefixes those in it; without a name it has a number."""
    body = "layers: [stem: [ReLU, [Sigmoid, Tanh]], [ReLU], head: {Linear: {out_features: 2}}]"
    assert wiring(body) == {
        "stem.0": ("input",),
        "stem.1.0": ("stem.0",),
        "stem.1.1": ("stem.1.0",),
        "1.0": ("stem.1.1",),
        "head": ("1.0",),
    }


def test_rounds_go_on_counting() -> None:
    """Numbers go on; names get the number of the round, `from` within a round means that round's."""
    body = """
        layers:
          - repeat: {times: 2, steps: [Conv2d: {out_channels: 4, kernel_size: 1}, ReLU]}
          - repeat:
              times: 2
              steps:
                - conv: {Conv2d: {out_channels: 4, kernel_size: 1}}
                - repeat: {times: 2, steps: [act: ReLU]}
                - {sum: Add, from: [conv, act1_2]}
          - {end: Add, from: [sum1, sum2]}
        """
    assert wiring(body) == {
        "0": ("input",),
        "1": ("0",),
        "2": ("1",),
        "3": ("2",),
        "conv1": ("3",),
        "act1_1": ("conv1",),
        "act1_2": ("act1_1",),
        "sum1": ("conv1", "act1_2"),
        "conv2": ("sum1",),
        "act2_1": ("conv2",),
        "act2_2": ("act2_1",),
        "sum2": ("conv2", "act1_2"),
        "end": ("sum1", "sum2"),
    }


def test_a_block_is_used_with_its_parameters() -> None:
    """A parameter is any value: a number, a list, a layer; some may have a default."""
    body = """
        blocks:
          Unit:
            defaults: {act: ReLU, size: 1}
            steps:
              - conv: {Conv2d: {out_channels: $out, kernel_size: $size}}
              - act: $act
        layers:
          - unit1: {Unit: {out: 4}}
          - Unit: {out: 6, act: Sigmoid, size: [1, 3]}
        """
    found = network(body)
    assert [node.name for node in found.nodes] == ["unit1.conv", "unit1.act", "1.conv", "1.act"]
    assert found.blocks == {"unit1": "Unit", "1": "Unit"}
    assert found.nodes[2].layer == Conv2d(out_channels=6, kernel_size=(1, 3))
    assert found.nodes[3].layer.torch_name == "Sigmoid"


def test_blocks_within_blocks_hand_parameters_on() -> None:
    """A repeat's rounds can be a parameter too."""
    body = """
        blocks:
          Layer: [{Linear: {out_features: $width}}]
          Stack: [{repeat: {times: $depth, steps: [{Layer: {width: $width}}]}}]
        layers: [{Stack: {depth: 3, width: 5}}]
        """
    found = network(body, "input: 7")
    assert [node.name for node in found.nodes] == ["0.0.0", "0.1.0", "0.2.0"]
    assert found.nodes[2].layer == Linear(out_features=5)


def test_a_block_reads_what_it_is_given() -> None:
    """`input` is what comes in, `input:1` the second of several; names outside are out of sight."""
    body = """
        blocks:
          Gate:
            - Sigmoid
            - {mul: Mul, from: [input:1, "0"]}
        layers:
          - a: ReLU
          - {gate: {Gate: {}}, from: [a, input]}
        """
    with pytest.raises(UnknownName, match="unknown value 'a'"):
        wiring(body.replace("input:1", "a"))
    found = wiring(body.replace("- Sigmoid", "- {Sigmoid: {}, from: input:0}"))
    assert found == {"a": ("input",), "gate.0": ("a",), "gate.mul": ("input", "gate.0")}


def test_from_goes_on_from_an_earlier_value() -> None:
    """By name, the nearest first; a group by its last value; a dot in front means the outermost."""
    body = """
        layers:
          - relu: ReLU
          - group: [relu: Sigmoid, {tanh: Tanh, from: relu}, {again: .relu}, {last: ReLU, from: .relu}]
          - {from: relu}
          - {sum: Add, from: [group, relu, group.tanh]}
        """
    assert wiring(body) == {
        "relu": ("input",),
        "group.relu": ("relu",),
        "group.tanh": ("group.relu",),
        "relu:2": ("group.tanh",),
        "group.last": ("relu",),
        "sum": ("group.last", "relu", "group.tanh"),
    }


def test_a_layer_is_called_again() -> None:
    """With the weights it has: a node of its own that shares them."""
    found = network("layers: [fc: {Linear: {out_features: 8}}, {again: fc}, ReLU, {again: fc}]", "input: 8").nodes
    assert [(node.name, node.shares) for node in found] == [("fc", None), ("fc:2", "fc"), ("1", None), ("fc:3", "fc")]


def test_frozen_holds_for_all_within() -> None:
    """A layer, a group, a block's use, a repeat."""
    body = """
        blocks: {Unit: [{Linear: {out_features: 8}}]}
        layers:
          - {fc1: {Linear: {out_features: 8}}, frozen: true}
          - {group: [{Linear: {out_features: 8}}], frozen: true}
          - {Unit: {}, frozen: true}
          - {repeat: {times: 1, steps: [{Linear: {out_features: 8}}]}, frozen: true}
          - fc2: {Linear: {out_features: 8}}
        """
    assert [node.frozen for node in network(body, "input: 8").nodes] == [True] * 4 + [False]


def test_outputs_are_the_last_value_or_those_named() -> None:
    """A group's name stands for its last value."""
    body = "layers: [a: ReLU, b: [Tanh]]"
    assert network(body).outputs == ("b.0",)
    assert network(f"{body}\noutputs: [a, b]").outputs == ("a", "b.0")
    assert network(f"{body}\noutputs: a").outputs == ("a",)


def test_instances_are_named_where_steps_do_not_show_them() -> None:
    """For networks whose layers do not run part by part."""
    body = "layers: [a.one: ReLU, b: Tanh, a.two: ReLU]\ninstances: {a: Pair}"
    assert network(body).blocks == {"a": "Pair"}


def test_every_node_knows_its_line() -> None:
    """And its arguments theirs, so that a complaint can name them."""
    text = """
kind: network
name: net
input: 1x28x28
blocks:
  Unit:
    - conv:
        Conv2d:
          out_channels: $out
          kernel_size: 3
layers:
  - Unit: {out: 4}
  - fc: {Linear: {out_features: 2}}
"""
    written = parse(text.lstrip("\n"), "net.yaml")
    assert written.where("0.conv") == "net.yaml:6"
    assert written.where("0.conv", "kernel_size 3 is too large") == "net.yaml:9"
    assert written.where("fc", "no argument begins this") == "net.yaml:12"

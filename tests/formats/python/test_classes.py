"""What the classes look like: paths and forks, frozen layers, names that Python does not take, text that is not ours."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from cnncli.errors import RequestError, ShapeError
from cnncli.formats.net_yaml import dump, parse
from cnncli.formats.python import to_python
from cnncli.formats.python.check import differences, module_in
from cnncli.formats.python.own import OWN
from cnncli.layers import OWN as OWN_HOME
from cnncli.layers import Layer, Tensor, layer_kinds, spec
from cnncli.layers.activation import ReLU
from cnncli.layers.conv import Conv2d
from cnncli.models import network
from cnncli.network import Network, Node


def code(body: str, head: str = "input: 4x8x8", name: str = "net") -> str:
    """The code of a file with this body; it is the network to the bit."""
    found = parse(f"kind: network\nname: {name}\n{head}\n{body}", "net.yaml").network
    text = to_python(found)
    assert differences(found, text) == []
    return text


def test_numbered_layers_are_nn_sequential() -> None:
    """The network itself, and a group within it."""
    text = code("layers: [{Conv2d: {out_channels: 4, kernel_size: 3}}, ReLU, [ReLU, Tanh]]")
    assert "class Net(nn.Sequential):" in text
    assert "            nn.Conv2d(4, 4, kernel_size=3),  # b×4×8×8 => b×4×6×6\n" in text
    assert "            nn.Sequential(\n                nn.ReLU(),  # b×4×6×6 => b×4×6×6\n" in text
    assert "def forward" not in text


def test_a_named_chain_under_one_path_is_nn_sequential() -> None:
    """By name, in order."""
    text = code("layers: [stem: [conv: {Conv2d: {out_channels: 4, kernel_size: 3}}, act: ReLU], end: Flatten]")
    assert "        self.stem = nn.Sequential(\n            OrderedDict(\n                conv=nn.Conv2d(" in text
    assert "        x = self.stem(x)  # b×4×8×8 => b×4×6×6\n" in text
    assert "        return torch.flatten(x, 1)  # b×4×6×6 => b×144\n" in text


def test_one_path_beside_another_is_y_and_more_are_counted() -> None:
    """As one writes a residual block, and an Inception block."""
    one = code("layers: [a: ReLU, add: [[b: Tanh, c: Tanh], identity], end: ReLU]")
    assert "        y = self.b(x)  # b×4×8×8 => b×4×8×8\n        y = self.c(y)" in one
    assert "        x = y + x  # " in one
    more = code("layers: [a: ReLU, concat: [[b: Tanh], [c: Tanh], identity], end: ReLU]")
    assert "        x = torch.cat([path1, path2, x], dim=1)" in more
    in_place = code("layers: [a: ReLU, {add: [[b: Tanh], identity], inplace: true}, end: ReLU]")
    assert "        y += x  # b×4×8×8, b×4×8×8 => b×4×8×8\n        return self.end(y)" in in_place


def test_what_goes_separate_ways_has_a_name_of_its_own() -> None:
    """Two heads on one body: the value in between is called as the layer that made it."""
    text = code("layers: [body: ReLU, head1: Tanh, {head2: Sigmoid, from: body}]\noutputs: [head1, head2]")
    assert "        body = self.body(x)" in text
    assert "        x = self.head1(body)" in text
    assert "        return x, path1\n" in text or "        return x, y\n" in text


def test_blocks_are_classes_with_parameters_for_what_differs() -> None:
    """One class for nine Inception blocks; where structures differ, letters tell them apart."""
    text = to_python(network("googlenet"))
    assert text.count("class Inception(") == 1
    assert text.count("= Inception(") == 9
    assert "        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)\n" in text
    text = to_python(network("resnet18"))
    assert [line for line in text.splitlines() if line.startswith("class ")] == [
        "class BasicBlockA(nn.Module):",
        "class BasicBlockB(nn.Module):",
        "class ResNet18(nn.Module):",
    ]


def test_a_block_with_any_number_of_inputs() -> None:
    """DenseNet's layers read all before them: one class for 58."""
    text = to_python(network("densenet121"))
    assert text.count("class DenseLayer(") == 1
    assert "    def forward(self, *inputs):\n        x = torch.cat(inputs, dim=1)" in text


def test_frozen_layers_are_frozen() -> None:
    """In the class that holds them, one by one."""
    body = "layers: [{fc: {Linear: {out_features: 3}}, frozen: true}, {head: [{Linear: {out_features: 3}}, ReLU], frozen: true}, {Linear: {out_features: 2}}]"
    found = parse(f"kind: network\nname: net\ninput: 4\n{body}", "net.yaml").network
    module = module_in(to_python(found), found)
    assert [name for name, each in module.named_parameters() if each.requires_grad] == ["2.weight", "2.bias"]


def test_names_that_are_no_identifiers_are_attributes_by_text() -> None:
    """A layer called 0 cannot be written self.0, nor one called block-1."""
    assert '        return getattr(self, "act-1")(x)' in code(
        "layers: [conv: {Conv2d: {out_channels: 4, kernel_size: 1}}, act-1: ReLU]"
    )
    text = code("layers: [{Conv2d: {out_channels: 4, kernel_size: 1}}, act: ReLU]")
    assert '        self.add_module("0", nn.Conv2d(4, 4, kernel_size=1))' in text
    assert '        x = getattr(self, "0")(x)' in text


def test_layers_that_do_not_run_part_by_part_share_a_container() -> None:
    """Their names keep the path, the network calls them one by one."""
    text = code("layers: [enc.a: ReLU, mid: Tanh, enc.c: {Conv2d: {out_channels: 4, kernel_size: 1}}]")
    assert "class Container(nn.Module):" in text
    assert "        x = self.enc.a(x)" in text
    assert "        return self.enc.c(x)" in text


def test_names_in_a_chain_that_sequential_has_itself() -> None:
    """`append` and `pop` are methods of nn.Sequential: such a group is a class."""
    assert "class Group(nn.Module):" in code("layers: [group: [append: ReLU, pop: Tanh], end: ReLU]")


@pytest.mark.parametrize(
    "name", ["nn", "torch", "OrderedDict", "Concat", "print", "class", "Net-2 é", "42", "'''", '"""', "a\\\\", "Ω"]
)
def test_the_networks_name_is_made_a_class_or_left_out(name: str) -> None:
    """Whatever a network is called, the file is Python and its class does not hide what it needs."""
    quoted = "'" + name.replace("'", "''") + "'"
    text = code("blocks: {Concat2: [ReLU, Tanh]}\nlayers: [{concat: [identity, Concat2]}, a: ReLU]", name=quoted)
    ast.parse(text)


def test_blocks_named_as_something_python_has() -> None:
    """A block called as the network, torch or a builtin gets another class name."""
    text = code(
        "blocks: {super: [ReLU, a: Tanh], Net: [ReLU, a: Tanh], torch: [a: ReLU]}\nlayers: [super, Net, torch, Flatten]"
    )
    names = [line.split()[1].partition("(")[0] for line in text.splitlines() if line.startswith("class ")]
    assert len(set(names)) == len(names) == 4
    assert not {"super", "torch"} & set(names)


HOSTILE = ["a'b", 'a"b', "a\nb", "a\\b", "a)", "a;b", "a=b", "été", "", "a#", "a{b}"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_outside_are_never_code(name: str) -> None:
    """Not a layer's, however a network came by it; the refusal is one line."""
    broken = Network("net", "", {"input": Tensor((4, 8, 8))}, (Node(f"x.{name}", ReLU(), ("input",)),), (f"x.{name}",))
    for write in (to_python, dump):
        with pytest.raises(RequestError) as found:
            write(broken)
        assert str(found.value).isprintable()


@pytest.mark.parametrize("name", ["class", "a-b", "a b", "0x", "__init"])
def test_names_that_are_safe_between_quotes_are_kept(name: str) -> None:
    """Torch takes any text without a dot for a module's name."""
    found = Network(
        "net",
        "",
        {"input": Tensor((4, 8, 8))},
        (Node(name, Conv2d(out_channels=4, kernel_size=1), ("input",)),),
        (name,),
    )
    assert differences(found, to_python(found)) == []


@pytest.mark.parametrize("kind", ["a'b", "a\nb", "class", "1", "", "Bl ock"])
def test_kinds_from_outside_are_never_code(kind: str) -> None:
    """A block's kind becomes a class name that Python takes."""
    nodes = (Node("a.b", ReLU(), ("input",)), Node("a.c", ReLU(), ("a.b",)))
    found = Network("net", "", {"input": Tensor((4, 8, 8))}, nodes, ("a.c",), {"a": kind})
    assert differences(found, to_python(found)) == []


def test_inputs_from_outside_are_never_code() -> None:
    """Their names are variables where they can be."""
    names = ("left", "class", "a'b\n", "x", "self", "torch")
    nodes = (Node("sum", layer_kinds()["add"](), names),)
    found = Network("net", "", {name: Tensor((3,)) for name in names}, nodes, ("sum",))
    assert differences(found, to_python(found)) == []


def test_layers_that_only_recording_makes_are_refused() -> None:
    """By their names, in one line, as code and as YAML."""

    @spec
    class Odd(Layer):
        def module(self) -> Any:  # noqa: ANN401
            raise NotImplementedError

    found = Network("net", "", {"input": Tensor((3,))}, (Node("odd", Odd(), ("input",)),), ("odd",))
    for write in (to_python, dump):
        with pytest.raises(RequestError, match=r"odd.*was recorded from a module"):
            write(found)


def test_every_module_of_ours_is_there_as_source() -> None:
    """A layer kind that torch.nn lacks can be written out."""
    own = {each.__name__ for each in layer_kinds().values() if each.home == OWN_HOME}
    assert own <= set(OWN)
    for name, source in OWN.items():
        (tree,) = ast.parse(source).body
        assert isinstance(tree, ast.ClassDef)
        assert tree.name == name
        assert ast.get_docstring(tree)


def test_a_network_that_cannot_take_its_input_is_refused() -> None:
    """With the row and the cure."""
    with pytest.raises(ShapeError, match="conv2: a 4×4 input is smaller than the 5×5 window"):
        to_python(network("lenet", input=(1, 8, 8)))


def test_a_difference_is_found() -> None:
    """The check can fail: another activation, another name."""
    lenet = network("lenet")
    text = to_python(lenet)
    assert differences(lenet, text.replace("self.act1 = nn.Sigmoid", "self.act1 = nn.Tanh"))
    assert differences(lenet, text.replace("self.fc3", "self.fc4")) == [
        f"the state dict has '{key}' in one of them only"
        for key in ("fc3.bias", "fc3.weight", "fc4.bias", "fc4.weight")
    ]

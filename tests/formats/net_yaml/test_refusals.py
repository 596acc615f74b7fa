"""What is wrong in a file is one line: the file, the line, what it is, and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnncli.errors import DataError, RequestError
from cnncli.formats.net_yaml import parse, read

HEAD = "kind: network\nname: net\ninput: 1x28x28\n"
BLOCKS = "blocks: {Unit: [{Conv2d: {out_channels: $out, kernel_size: 1}}]}\n"

STEPS = [
    ("- Conv2dd: {out_channels: 3}", "5: unknown layer 'Conv2dd'; did you mean 'Conv2d'?"),
    ("- conv1: {Conv2dd: {out_channels: 3}}", "5: unknown layer 'Conv2dd'; did you mean 'Conv2d'?"),
    ("- conv1: Relu6", "5: unknown layer 'Relu6'; did you mean 'ReLU6'?"),
    ("- ReLu", "5: unknown layer 'ReLu'; did you mean 'ReLU'?"),
    ("- Conv2d: {out_chanels: 3, kernel_size: 3}", "5: unknown argument 'out_chanels'; did you mean 'out_channels'?"),
    (
        "- conv1:\n    Conv2d:\n      out_channels: 3\n      kernel: 3",
        "8: unknown argument 'kernel'; did you mean 'kernel_size'?",
    ),
    (
        "- conv1:\n    Conv2d:\n      out_channels: many\n      kernel_size: 3",
        "7: conv1: out_channels takes a whole number, not 'many'",
    ),
    ("- conv1:\n    Conv2d:\n      kernel_size: 0\n      out_channels: 3", "7: conv1: kernel_size 0×0 is too small"),
    ("- Conv2d: {kernel_size: 3}", "5: 0: conv needs out_channels"),
    ("- Conv2d: {padding: full, kernel_size: 3, out_channels: 3}", "5: 0: padding 'full' is not known; write"),
    ("- Conv2d: 6", "5: Conv2d takes its arguments by name, as in Conv2d: {name: value}"),
    ("- conv1: {Conv2d: 6}", "5: Conv2d takes its arguments by name"),
    ("- Conv2d: [6, 5]", "5: a step is a layer (ReLU)"),
    ("- ReLU: {inplace: {a: 1}}", "5: 0: inplace takes true or false, not {'a': 1}"),
    (
        "- conv1: {out_channels: 3, kernel_size: 3}",
        "5: 'conv1' says no layer; write it as in conv1: {Conv2d: {out_channels: 6, kernel_size: 5}}, or did you mean",
    ),
    ("- stem: {out_channels: 3}", "5: 'stem' says no layer; write it as in conv1: {Conv2d"),
    ("- stem: 3", "5: 'stem' says no layer"),
    ("- 3", "5: a step is a layer (ReLU), a layer with arguments"),
    ("- {}", "5: a step is a layer"),
    ("- {frozen: true}", "5: a step is a layer"),
    ("- conv1: ReLU\n  conv2: ReLU", "6: one step holds 'conv1' and 'conv2'; start each step with a dash"),
    ("- repeat", "5: 'repeat' is no layer; a step is a layer"),
    ("- {ReLU: {}, frozen: maybe}", "5: frozen takes true or false"),
    ("- a: ReLU\n- a: Tanh", "6: 'a' is used twice; choose another name"),
    ("- a: ReLU\n- a.b: Tanh", "6: 'a.b' lies within 'a', which is a layer; choose another name"),
    ("- a.b: ReLU\n- a: Tanh", "6: 'a' holds other layers; choose another name"),
    ("- input: ReLU", "5: 'input' is used twice"),
    ("- forward: ReLU", "5: 'forward' is something torch.nn.Module has itself; choose another name"),
    ("- _modules: ReLU", "5: '_modules' is something torch.nn.Module has itself"),
    ("- __x: ReLU", "5: '__x' is something torch.nn.Module has itself"),
    ("- class: ReLU", "5: 'class' is a word of Python; choose another name"),
    ("- a.again: ReLU", "5: 'a.again' is a word of this format"),
    ("- a b: ReLU", "5: 'a b' is no name; write letters, digits, _ and -"),
    ("- a..b: ReLU", "5: 'a..b' is no name"),
    ('- "": ReLU', "5: '' is no name"),
    ('- "a\\nb": ReLU', "5: 'a\\nb' is no name"),
    ('- "x\'); import os #": ReLU', '5: "x\'); import os #" is no name'),
    ("- été: ReLU", "5: 'été' is no name"),
    (f"- {'a' * 300}: ReLU", f"5: '{'a' * 300}' is longer than 200 characters; shorten it"),
    ("- {ReLU: {}, from: conv9}", "5: unknown value 'conv9'; there is only input"),
    ("- relu: ReLU\n- {Tanh: {}, from: rellu}", "6: unknown value 'rellu'; did you mean 'relu'?"),
    ("- {ReLU: {}, from: later}\n- later: ReLU", "5: unknown value 'later'"),
    ("- {ReLU: {}, from: 3}", "5: from takes the name of an earlier value, or a list of names"),
    ("- {ReLU: {}, from: [3]}", "5: 'from' takes names of earlier values, not 3"),
    ("- again: relu", "5: unknown layer used before 'relu'; there is none"),
    ("- relu1: ReLU\n- again: relu", "6: unknown layer used before 'relu'; did you mean 'relu1'?"),
    ("- again: [relu]", "5: 'again' takes the name of a layer used before"),
    ("- repeat: 3", "5: repeat takes times and steps"),
    ("- repeat: {times: 0, steps: [ReLU]}", "5: times takes a whole number from 1, not 0"),
    ("- repeat: {times: true, steps: [ReLU]}", "5: times takes a whole number from 1, not True"),
    ("- repeat: {times: 2, steps: ReLU}", "5: 'steps' takes a list of steps"),
    ("- concat: []", "5: concat has no branches"),
    ("- concat: [identity]\n  dim: 1\n  inplace: true", "7: unknown argument 'inplace'; there is only dim"),
    ("- add: [identity, Conv2dd]", "5: unknown layer 'Conv2dd'"),
    ("- add: [identity, 3]", "5: a step is a layer"),
    (
        "- Conv2d: {out_channels: $out, kernel_size: 1}",
        "5: '$out' stands for a block's parameter; outside blocks write the value itself",
    ),
    ("- Unit", "5: unknown layer 'Unit'"),
]


@pytest.mark.parametrize(("steps", "wanted"), STEPS)
def test_steps_that_are_wrong(steps: str, wanted: str) -> None:
    """One line with file and line; names nobody knows get the nearest."""
    _assert_refused(f"{HEAD}layers:\n{steps}\n", wanted)


FILES = [
    ("", "1: does not say what it is; let it begin with kind: network"),
    ("- a", "1: does not say what it is"),
    ("name: net\nkind: network", "1: does not say what it is"),
    ("kind: recipe", "1: kind is 'recipe', not network; train it with cnncli train"),
    ("kind: netwerk", "1: kind is 'netwerk', not network; networks say kind: network"),
    ("kind: network", "1: name is missing; a network has a name, an input and layers"),
    ("kind: network\nname: net\nlayers: [ReLU]", "1: input is missing"),
    ("kind: network\nname: net\ninput: 3", "1: layers is missing"),
    (HEAD + "layer: [ReLU]", "4: unknown key 'layer'; did you mean 'layers'?"),
    (HEAD + "layers: []", "4: layers is empty; write at least one step"),
    (HEAD + "layers: ReLU", "4: 'layers' takes a list of steps"),
    (HEAD + "layers: [ReLU]\nlayers: [Tanh]", "5: layers: is given twice, first on line 4"),
    (HEAD + "layers: [&a ReLU, *a]", "4: layers[0]: anchors (&) and aliases (*) are not read"),
    (HEAD + "layers: [!!python/name:os.system ReLU]", "4: layers[0]: tags such as"),
    ("kind: network\nname: 3\ninput: 3\nlayers: [ReLU]", "2: name takes up to 100 characters of text"),
    ('kind: network\nname: "a\\tb"\ninput: 3\nlayers: [ReLU]', "2: name takes up to 100 characters of text"),
    ("kind: network\nname: net\ninput: 1x28xx\nlayers: [ReLU]", "3: '1x28xx' is not a shape; write it as in 1x28x28"),
    ("kind: network\nname: net\ninput: [1, 0]\nlayers: [ReLU]", "3: [1, 0] is not a shape"),
    ("kind: network\nname: net\ninput: {}\nlayers: [ReLU]", "3: input is empty"),
    ("kind: network\nname: net\ninput: {a b: 3}\nlayers: [ReLU]", "3: 'a b' is no name"),
    (
        "kind: network\nname: net\ninput: {shape: 3, dtpye: int64}\nlayers: [ReLU]",
        "3: unknown key 'dtpye'; did you mean 'dtype'?",
    ),
    (
        "kind: network\nname: net\ninput: {shape: 3, dtype: float23}\nlayers: [ReLU]",
        "3: unknown dtype 'float23'; did you mean 'float",
    ),
    (
        "kind: network\nname: net\ninput: {shape: 3, batch: 4}\nlayers: [ReLU]",
        "3: batch takes the place of the batch axis, 0 to 1, or null",
    ),
    (HEAD + "layers: [a: ReLU]\noutputs: [b]", "5: unknown value 'b'; there are a, input"),
    (HEAD + "layers: [a: ReLU]\noutputs: []", "5: outputs takes the names of values"),
    (HEAD + "layers: [a: ReLU]\ninstances: {b: Block}", "5: unknown path 'b'"),
    (HEAD + "layers: [a.b: ReLU]\ninstances: {a: 3}", "5: a takes the name of a kind of block, not 3"),
    (HEAD + "blocks: [ReLU]\nlayers: [ReLU]", "4: blocks are written by name"),
    (HEAD + "blocks: {Conv2d: [ReLU]}\nlayers: [ReLU]", "4: 'Conv2d' is a layer already"),
    (HEAD + "blocks: {A: ReLU}\nlayers: [ReLU]", "4: A needs steps"),
    (
        HEAD + "blocks: {A: {steps: [ReLU], default: {a: 1}}}\nlayers: [ReLU]",
        "4: unknown key 'default'; did you mean 'defaults'?",
    ),
    (
        HEAD + "blocks: {A: {steps: [ReLU], defaults: {a: 1}}}\nlayers: [ReLU]",
        "4: unknown parameter 'a'; there is none",
    ),
    (
        HEAD + "blocks: {A: {steps: [ReLU], kind: 3 4}}\nlayers: [ReLU]",
        "4: kind takes a name such as BasicBlock, not '3 4'",
    ),
    (HEAD + "blocks: {A: [ReLU: {inplace: $}]}\nlayers: [A]", "4: '$' is no parameter; write it as in $channels"),
    (HEAD + BLOCKS + "layers: [Unit]", "5: Unit needs out; write it as in Unit: {out: …}"),
    (HEAD + BLOCKS + "layers: [Unit: {out: 3, in: 2}]", "5: unknown parameter 'in'"),
    (HEAD + BLOCKS + "layers: [Unit: {out: three}]", "4: 0.0: out_channels takes a whole number, not 'three'"),
    (HEAD + "blocks: {A: [B], B: [A]}\nlayers: [A]", "4: block A uses itself (A → B → A); a network ends somewhere"),
    (HEAD + "blocks: {A: [$what]}\nlayers: [A: {what: 3}]", "4: $what stands for 3, which is no layer"),
    (HEAD + "blocks: {A: [$what]}\nlayers: [A: {what: Conv2dd}]", "4: unknown layer 'Conv2dd'; did you mean 'Conv2d'?"),
    (
        HEAD + "blocks: {A: [{repeat: {times: $n, steps: [ReLU]}}]}\nlayers: [A: {n: x}]",
        "4: times takes a whole number from 1, not 'x'",
    ),
]


@pytest.mark.parametrize(("text", "wanted"), FILES)
def test_files_that_are_wrong(text: str, wanted: str) -> None:
    """The same for all that is not a step."""
    _assert_refused(text, wanted)


def _assert_refused(text: str, wanted: str) -> None:
    with pytest.raises(RequestError) as found:
        parse(text, "net.yaml")
    message = str(found.value)
    assert message.startswith(f"net.yaml:{wanted}")
    assert message.isprintable()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Is missing data (exit code 3), not a wrong request."""
    with pytest.raises(DataError, match=r"none\.yaml: cannot be read"):
        read(tmp_path / "none.yaml")

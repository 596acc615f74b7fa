"""A trained network as a Python file that needs nothing but torch, and its weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from cnncli.formats.python.writing import class_name, to_python
from cnncli.runs.export.agreement import Scores
from cnncli.runs.load import Opened

WEIGHTS = ".weights.pt"
RECIPE = '''

class_names = (
{names}
)


def prepare(pixels):
    """Make uint8 images, N×{size} from 0 to 255, ready for the network."""
    mean = torch.tensor({mean}).view(-1, 1, 1)
    deviation = torch.tensor({deviation}).view(-1, 1, 1)
    return (pixels / 255 - mean) / deviation


def load_trained(file):
    """The network with the weights in `file`, to ask: class_names[load_trained(file)(prepare(pixels)).argmax(1)[0]]."""
    network = {network}()
    network.load_state_dict(torch.load(file, weights_only=True))
    return network.eval()
'''


def code_files(run: Opened, told: Mapping[str, Any]) -> dict[str, bytes]:
    """The code and the weights; told: size, mean, deviation and classes."""
    text = to_python(run.network)
    if "\nimport torch\n" not in text:
        text = text.replace("\nfrom torch import nn\n", "\nimport torch\nfrom torch import nn\n", 1)
    text += RECIPE.format(
        names="\n".join(f"    {name!a}," for name in told["classes"]),
        size="×".join(map(str, told["input"])),
        mean=told["mean"],
        deviation=told["deviation"],
        network=class_name(run.network),
    )
    buffer = BytesIO()
    torch.save({name: tensor.contiguous() for name, tensor in run.module.state_dict().items()}, buffer)
    return {".py": text.encode(), WEIGHTS: buffer.getvalue()}


def run_code(files: Mapping[str, Path]) -> Scores:
    """What the written files say, when they are run."""
    names: dict[str, Any] = {"__name__": "cnncli_export"}
    exec(compile(files[".py"].read_bytes(), "<cnncli export>", "exec"), names)  # noqa: S102  (our own text: names in it are checked)
    module = names["load_trained"](files[WEIGHTS])
    return lambda pixels: module(names["prepare"](pixels))

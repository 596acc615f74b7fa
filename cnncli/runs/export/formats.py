"""Each format: its files, and how what was written is read back to be asked."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from cnncli.runs.export.agreement import Scores
from cnncli.runs.export.code import code_files, run_code
from cnncli.runs.export.onnx_graph import onnx_bytes, run_onnx
from cnncli.runs.load import Opened
from cnncli.training.model import make_module

KEY = "cnncli"
"""Under what the description stands in each file's metadata; in a pt2 it is the extra file `cnncli.json`."""


class Format(NamedTuple):
    """How a format is written and read back.

    write(run, preprocess): contents by the end of their names · scores(run, files, preprocess): what the written files say of
    uint8 images, None where the program that runs them is not installed
    """

    write: Callable[[Opened, bool], dict[str, bytes]]
    scores: Callable[[Opened, Mapping[str, Path], bool], Scores | None]


def described(run: Opened) -> dict[str, Any]:
    """What stands between an image and the weights, and between the scores and a class; as model.safetensors has it."""
    model = run.recipe.model
    return {
        "input": list(run.size),
        "mean": list(run.scale.mean),
        "deviation": [spread or 1.0 for spread in run.scale.deviation],  # a channel of one value is not divided by 0
        "classes": list(run.classes),
        "model": model.name,
        "arguments": model.arguments,
        "data": run.recipe.data.name,
    }


def takes(*, preprocess: bool) -> str:
    """What an exported graph takes as its images."""
    return "uint8, 0 to 255" if preprocess else "float32, (pixel/255 - mean)/deviation"


def description(run: Opened, **more: object) -> str:
    """`described` as JSON, and `more`."""
    return json.dumps({**described(run), **more}, sort_keys=True)


def graph(run: Opened, *, preprocess: bool) -> nn.Module:
    """A copy of the network, contiguous in memory; with `preprocess` it takes uint8 images at its size."""
    module = deepcopy(run.module).to(memory_format=torch.contiguous_format).eval()
    if preprocess:
        module.register_forward_pre_hook(lambda _, given: (given[0].float() * run.finish.factor + run.finish.offset,))
    return module


def example(run: Opened, *, preprocess: bool) -> torch.Tensor:
    """Two images; one would be taken for a batch that is always one."""
    return torch.zeros((2, *run.size), dtype=torch.uint8 if preprocess else torch.float32)


def ready(run: Opened, scores: Scores, *, preprocess: bool) -> Scores:
    """`scores` of uint8 images where those that it takes are finished, unless it does that itself."""
    return scores if preprocess else lambda pixels: scores(run.finish(pixels).contiguous())


def _onnx(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: FBT001
    told = description(run, images=takes(preprocess=preprocess))
    module = graph(run, preprocess=preprocess)
    return {".onnx": onnx_bytes(module, example(run, preprocess=preprocess), {KEY: told})}


def _onnx_scores(run: Opened, files: Mapping[str, Path], preprocess: bool) -> Scores | None:  # noqa: FBT001
    scores = run_onnx(files[".onnx"])
    return scores and ready(run, scores, preprocess=preprocess)


def _pt2(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: FBT001
    from io import BytesIO

    module = graph(run, preprocess=preprocess)
    told = description(run, images=takes(preprocess=preprocess))
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own making
        program = torch.export.export(module, (example(run, preprocess=preprocess),), dynamic_shapes=_any_batch(module))
        torch.export.save(program, buffer, extra_files={f"{KEY}.json": told})
    return {".pt2": buffer.getvalue()}


def _any_batch(module: nn.Module) -> tuple[object, ...]:
    """That the images may be any number, as `torch.export` wants to hear it; forward may take `*inputs`."""
    first = {0: torch.export.Dim("batch")}
    several = any(each.kind is Parameter.VAR_POSITIONAL for each in signature(module.forward).parameters.values())
    return ((first,),) if several else (first,)


def _pt2_scores(run: Opened, files: Mapping[str, Path], preprocess: bool) -> Scores:  # noqa: FBT001
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.export.load(files[".pt2"]).module()
    return ready(run, module, preprocess=preprocess)


def _safetensors(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: ARG001, FBT001
    from safetensors.torch import save

    tensors = {name: tensor.cpu().contiguous() for name, tensor in run.module.state_dict().items()}
    return {".safetensors": save(tensors, {KEY: description(run)})}


def _safetensors_scores(run: Opened, files: Mapping[str, Path], preprocess: bool) -> Scores:  # noqa: FBT001
    from safetensors.torch import load_file

    module = make_module(run.recipe.model, run.network, len(run.classes)).eval()
    module.load_state_dict(load_file(files[".safetensors"]))
    return ready(run, module, preprocess=preprocess)


def _code(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: ARG001, FBT001
    return code_files(run, described(run))


def _code_scores(run: Opened, files: Mapping[str, Path], preprocess: bool) -> Scores:  # noqa: ARG001, FBT001
    return run_code(files)


FORMATS = {
    "onnx": Format(_onnx, _onnx_scores),
    "pt2": Format(_pt2, _pt2_scores),
    "safetensors": Format(_safetensors, _safetensors_scores),
    "code": Format(_code, _code_scores),
}

"""Each format: its files, and how what was written is read back to be asked."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from inspect import Parameter, signature
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cnncli.formats.python.writing import class_name, to_python
from cnncli.runs.export.agreement import Scores
from cnncli.runs.load import Opened
from cnncli.training.model import make_module

# A module as an ONNX graph, by torch's exporter that needs no package but onnx; run by onnxruntime where that is installed.
#
# torch's newer exporter (`dynamo=True`) needs onnxscript too, and takes seconds more; on the built-in networks both give the same.

OPSET = 17  # of 2022: the first with LayerNormalization, known to every runtime since
IMAGES, SCORES, BATCH = "images", "scores", "batch"


def onnx_bytes(module: nn.Module, images: torch.Tensor, told: Mapping[str, str]) -> bytes:
    """`module` for batches of any length; told: what becomes the file's `metadata_props`. Checked as onnx.checker does."""
    import onnx

    buffer = BytesIO()
    with warnings.catch_warnings(), _InFewerWords():
        warnings.simplefilter("ignore")  # that there is a newer exporter
        torch.onnx.export(
            module,
            (images,),
            buffer,  # type: ignore[arg-type]  # anything that can be written to
            dynamo=False,
            opset_version=OPSET,
            input_names=[IMAGES],
            output_names=[SCORES],
            dynamic_axes={IMAGES: {0: BATCH}, SCORES: {0: BATCH}},
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, dict(told))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


def run_onnx(path: Path) -> Scores | None:
    """What onnxruntime makes of the file; None where it is not installed."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run([SCORES], {IMAGES: images.contiguous().numpy()})[0])


class _InFewerWords(TorchFunctionMode):
    """Says an average pool with a divisor of its own as the mean times a number: the exporter forgets the divisor."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401  (whatever torch's function gives)
        """Every function of torch that is called meanwhile comes by here."""
        del types
        if func is not functional.avg_pool2d:
            return func(*args, **(kwargs or {}))
        return _pooled({**dict(zip(POOLING, args, strict=False)), **(kwargs or {})})


POOLING = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
"""The arguments of `avg_pool2d` in their order."""


def _pooled(given: dict[str, Any]) -> torch.Tensor:
    divisor, window = given.pop("divisor_override", None), given["kernel_size"]
    if divisor is None:
        pooled: torch.Tensor = functional.avg_pool2d(**given)
        return pooled
    pixels = prod(window) if isinstance(window, tuple) else window**2
    mean: torch.Tensor = functional.avg_pool2d(**{**given, "count_include_pad": True})
    return mean.mul(pixels / divisor)


# A trained network as a Python file that needs nothing but torch, and its weights beside it.

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

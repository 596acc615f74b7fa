"""A module as an ONNX graph, by torch's exporter that needs no package but onnx; run by onnxruntime where that is installed.

torch's newer exporter (`dynamo=True`) needs onnxscript too, and takes seconds more; on the built-in networks both give the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cnncli.runs.export.agreement import Scores

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

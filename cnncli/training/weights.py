"""Initial weights: drawn by a rule, or pretrained ones read from a file or fetched from torchvision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from cnncli.analysis.report import report
from cnncli.data.download import SILENCE, patience
from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.files import reason
from cnncli.formats.tensors import is_safetensors
from cnncli.formats.tensors import read as listed
from cnncli.layers import dims
from cnncli.layers.activation import ReLU, ReLU6
from cnncli.network import Network
from cnncli.sources.pretrained import ZOO, check
from cnncli.text import truncate
from cnncli.training.default_recipe import scores_through

Tensors = Mapping[str, torch.Tensor]
WEIGHTED = (_ConvNd, nn.Linear)

_DRAW: dict[str, Callable[[torch.Tensor], object]] = {
    "xavier": nn.init.xavier_uniform_,
    "positive": nn.init.xavier_uniform_,
    "kaiming": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
}

_WRAPPED = (
    "ema",
    "state_dict",
    "model_state_dict",
    "model",
)  # where programs keep weights in what they save, the best first

_PREFIXES = ("module.", "_orig_mod.")  # what DistributedDataParallel and torch.compile put before names
_COUNTER = "num_batches_tracked"  # of a normalisation; older files lack it


def initialize(module: nn.Module, network: Network, init: str) -> None:
    """Draw the weights of convolutions and dense layers anew, by the name of `train.init`; biases stay as torch drew them.

    - xavier: uniform, variance 2/(fan-in + fan-out) (Glorot and Bengio, 2010)
    - kaiming: uniform, variance 2/fan-in (He et al., 2015)
    - positive: xavier, but scores that go through a ReLU, as NiN's do, get biases of 1, as AlexNet's ReLUs do (Krizhevsky et al.,
      2012, section 5): around 0 the first steps push them below it, from where no gradient comes back
    """
    if init == "default":
        return
    for layer in module.modules():
        if isinstance(layer, WEIGHTED) and layer.weight.requires_grad:
            _DRAW[init](layer.weight)
    if init != "positive":
        return
    last, activation = scores_through(network) or ("", None)
    bias = getattr(dict(module.named_modules()).get(last), "bias", None)
    if isinstance(activation, ReLU | ReLU6) and isinstance(bias, nn.Parameter) and bias.requires_grad:
        nn.init.ones_(bias)


def load_pretrained(source: str, network: Network, module: nn.Module) -> tuple[str, ...]:
    """Load pretrained weights into `module`.

    Every tensor of the network must be there in its shape. Only the last layer may have been made for another number of classes:
    then it keeps the weights it has, and a note says so.

    Args:
        source: as `sources.pretrained.located` returns it.
        network: what `module` was built from.
        module: gets the weights.

    Returns:
        What a user should know.

    Raises:
        RequestError: the weights do not fit.
        DataError: they cannot be read or fetched.
    """
    loaded, expected = tensors(source), module.state_dict()
    head = [row.name for row in report(network).rows if row.layer.weights][-1]  # with an output for each class
    anew = _other_classes(loaded, expected, head)
    _refuse(source, loaded, {name: tensor for name, tensor in expected.items() if name not in anew})
    fitting = {name: loaded[name] for name in expected if name in loaded and name not in anew}
    module.load_state_dict(fitting, strict=False)
    return tuple(_notes(source, loaded, expected, anew, head))


def tensors(source: str) -> Tensors:
    """Return the weights by name; raises as `load_pretrained` does."""
    if source.startswith(ZOO):
        return _of_torchvision(source)
    check(source)
    path = Path(source)
    listed(path)  # raises, in one line, for whatever is wrong with the file
    if is_safetensors(path):
        from safetensors.torch import load_file

        return load_file(path)
    return _state_dict(torch.load(path, map_location="cpu", weights_only=True))


def _of_torchvision(source: str) -> Tensors:
    from torchvision import models as zoo  # type: ignore[import-untyped]

    name = source.removeprefix(ZOO)
    if name not in zoo.list_models(zoo):
        raise UnknownName("torchvision model", truncate(name, 40), zoo.list_models(zoo), where="model.weights: ")
    try:
        with patience(SILENCE):
            weights: Tensors = zoo.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        raise DataError(
            f"model.weights: {source}: the download failed ({reason(error)}); write the path of a file"
        ) from error
    return weights


def _state_dict(content: Any) -> Tensors:  # noqa: ANN401  (whatever the file holds)
    """Return the tensors of the state dict in what a training program saved, without a prefix that all of them have."""
    saved = content if isinstance(content, Mapping) else {}
    named = next((saved[key] for key in _WRAPPED if isinstance(saved.get(key), Mapping)), saved)
    weights = {str(name): value for name, value in named.items() if isinstance(value, torch.Tensor)}
    for prefix in _PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def _other_classes(loaded: Tensors, expected: Tensors, head: str) -> set[str]:
    """Return the tensors of the last layer, where `loaded` has another number of classes and nothing else differs."""
    names = {name for name in expected if name.rpartition(".")[0] == head}
    if not names <= set(loaded) or all(loaded[name].shape == expected[name].shape for name in names):
        return set()
    return names if all(loaded[name].shape[1:] == expected[name].shape[1:] for name in names) else set()


def _refuse(source: str, loaded: Tensors, wanted: Tensors) -> None:
    """Raise `RequestError` where `loaded` lacks one of the `wanted`, or has it in another shape."""
    shown = truncate(source, 300)
    lacking = [name for name in wanted if name not in loaded and not name.endswith(_COUNTER)]
    if lacking:
        more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
        first = next(iter(loaded), None)
        raise RequestError(
            f"model.weights: {shown} lacks {lacking[0]}{more}; its first is {truncate(first, 60)}; train the network that they "
            "are of, or write weights=null" if first is not None
            else f"model.weights: {shown} holds no weights by name"
        )  # fmt: skip
    for name, tensor in wanted.items():
        if name in loaded and loaded[name].shape != tensor.shape:
            has, takes = dims(tuple(loaded[name].shape)), dims(tuple(tensor.shape))
            raise RequestError(
                f"model.weights: {shown}: {name} is {has}, the network's is {takes}; change model or data to fit"
            )


def _notes(source: str, loaded: Tensors, expected: Tensors, anew: set[str], head: str) -> list[str]:
    shown, notes = truncate(source, 300), []
    if anew:
        had, has = (next(iter(tensors[name] for name in sorted(anew))).shape[0] for tensors in (loaded, expected))
        notes.append(f"{shown}: {head} is drawn anew, for {has:,} classes instead of {had:,}")
    unused = [name for name in loaded if name not in expected]
    if unused:
        more = f" and {len(unused) - 1:,} more" if len(unused) > 1 else ""
        notes.append(f"{shown}: {truncate(unused[0], 60)}{more} left out, the network has no such tensor")
    return notes
